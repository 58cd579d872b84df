"""`concordat scenario estimate` and `formulas`: the table, the JSON, the folder, and what a mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from concordat.cli import main
from concordat.impact.estimation import FORMULAS, NOT_CORRECTED
from concordat.impact.parameter_file import parse_parameters

CODES = ("ARG", "BRA", "CHN", "IND", "ZAF")


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A panel of five economies and three years, in the folder where the command runs."""
    rng = np.random.Generator(np.random.PCG64(1))
    lines = ["exporter,importer,year,trade,rta"]
    for a, i in enumerate(CODES):
        for b, j in enumerate(CODES):
            for year in (1998, 2002, 2006):
                rta = int(i != j and a < 3 and b < 3 and year >= 2002 + 4 * ((a + b) % 2))
                none = {i, j} == {"IND", "ZAF"}
                lines.append(f"{i},{j},{year},{0 if none else rng.gamma(2.0) * (40 if i == j else 5):.3f},{rta}")
    (tmp_path / "panel.csv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "panel.csv"


def test_the_table_says_what_was_estimated_and_what_was_left_out(
    panel: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", "estimate", panel, "--formula", "rta_all_years"]) == 0
    said = capsys.readouterr().out
    assert "rta_all_years: Trade agreements, all years" in said
    assert "rows: 69; left out: 6 in a group without any trade (IND-ZAF, ZAF-IND)" in said
    assert "clustered by pair, both directions one (14 clusters)" in said
    assert "fixed effects converged: yes in " in said
    assert f"note: {NOT_CORRECTED}" in said
    assert "data: panel.csv, 5 economies, SHA-256 " in said


def test_programs_get_all_of_it(panel: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "estimate", panel, "--formula", "rta_all_years", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    (row,) = facts["coefficients"]
    assert row["coefficient"] == "rta"
    assert row["standard_error"] ** 2 == pytest.approx(facts["covariance"][0][0])
    assert row["lower_95"] < row["value"] < row["upper_95"]
    assert len(facts["dropped"]) == 6
    assert facts["dropped"][0]["line"] > 1
    assert main(["scenario", "estimate", panel, "--formula", "rta_all_years", "--csv", "--errors", "robust"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "coefficient,value,standard_error,lower_95,upper_95"
    assert float(line.split(",")[1]) == row["value"]
    assert float(line.split(",")[2]) != row["standard_error"]


def test_a_folder_has_records_that_a_scenario_reads(panel: str, tmp_path: Path) -> None:
    command = ["scenario", "estimate", panel, "--formula", "rta_all_years", "--years", "2006,1998", "--covers", "goods"]
    assert main([*command, "--out", "found"]) == 0
    names = sorted(p.name for p in (tmp_path / "found").iterdir())
    assert names == ["estimate.csv", "estimate.json", "estimate.txt", "parameters.yaml"]
    book = parse_parameters((tmp_path / "found" / "parameters.yaml").read_bytes())
    facts = json.loads((tmp_path / "found" / "estimate.json").read_text(encoding="utf-8"))
    assert book["rta_all_years_rta"].value == facts["coefficients"][0]["value"]
    assert book["rta_all_years_rta"].covers == ("goods",)
    assert facts["years"] == [1998, 2006]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "which formula? Add --formula border_cross_section, "),
        (["--formula", "rta_all_year"], 2, 'Did you mean "rta_all_years"?'),
        (["--formula", "rta_all_years", "--years", "06/98"], 2, '--years: "06/98" are no years.'),
        (["--formula", "rta_all_years", "--years", "1999"], 2, "no rows of 1999."),
        (["--formula", "rta_all_years", "--engine", "stata"], 2, '"stata" is none. Say own or pyfixest.'),
        (["--formula", "rta_all_years", "--errors", "year"], 2, '"year" is none. Say pair or robust.'),
        (["--formula", "international_gravity"], 2, 'no column "dist", which the formula needs.'),
        (["--formula", "rta_all_years", "--years", "1998"], 4, "rta does not vary once the fixed effects"),
    ],
)
def test_mistakes(panel: str, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "estimate", panel, *words]) == code
    assert said in capsys.readouterr().err


def test_formulas_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "formulas", "--json"]) == 0
    assert [f["id"] for f in json.loads(capsys.readouterr().out)["formulas"]] == list(FORMULAS)
    assert main(["scenario", "formulas"]) == 0
    assert "Yotov et al. 2016, chapter 1, application 1" in capsys.readouterr().out
