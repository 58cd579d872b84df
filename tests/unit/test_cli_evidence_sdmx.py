"""`concordat evidence sdmx`: files by a person's own map; twice the same, another map, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main

CSV = """DATAFLOW,GEO,TIME_PERIOD,OBS_VALUE
A:X(1.0),BRA,2020,81.3
A:X(1.0),ZAF,2020,
A:X(1.0),WLD,2020,60
"""
MAP = """schema: concordat/sdmx@1
origin: {dataset_id: own, source_id: own, producer: Office, title: Demo, licence: CC-BY-4.0}
flows:
  - flow: X
    status: seen
    area: {dimension: GEO, scheme: iso3, groups: [WLD]}
    series: [{indicator: internet_users_pct, unit: percent}]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("x.csv")`: the command in a folder with CSV and MAP; exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text(CSV, encoding="utf-8")
    Path("map.yaml").write_text(MAP, encoding="utf-8")

    def command(*words: str, map_: str = "map.yaml") -> tuple[int, str, str]:
        code = main(["evidence", "sdmx", *words, "--map", map_, "--data-dir", str(tmp_path / "store")])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def test_it_says_what_was_stored_and_what_was_passed_over(run: Run) -> None:
    code, out, _ = run("x.csv")
    assert code == 0
    first, second, quarantined, third = out.splitlines()
    assert first == "1 figure, 1 missing of internet_users_pct; areas: 2; 2020 to 2020."
    assert second.startswith("Stored as own/2026-11-22-")
    assert quarantined == "Quarantined: 0."
    assert third == '  info: x.csv: row 4, OBS_VALUE: "WLD" is a group of countries; 1 row passed over'


def test_the_same_again_on_another_day_changes_nothing(run: Run) -> None:
    first = json.loads(run("x.csv", "--json")[1])
    with clock.fixed("2026-12-24"):
        second = json.loads(run("x.csv", "--json")[1])
    assert (first["new"], second["new"]) == (True, False)
    assert first["vintage"] == second["vintage"]


def test_another_map_is_another_reading(run: Run) -> None:
    first = json.loads(run("x.csv", "--json")[1])
    Path("map.yaml").write_text(MAP.replace("unit: percent", "unit: percent, multiply: 0.01"), encoding="utf-8")
    second = json.loads(run("x.csv", "--json")[1])
    assert second["new"]
    assert first["vintage"] != second["vintage"]


def test_several_files_are_one_vintage(run: Run) -> None:
    Path("y.csv").write_text(CSV.replace("2020", "2021"), encoding="utf-8")
    facts = json.loads(run("x.csv", "y.csv", "--json")[1])
    assert (facts["figures"], facts["missing"], facts["years"]) == (2, 2, [2020, 2021])


def test_one_bad_row_refuses_all_unless_it_may_be_skipped(run: Run) -> None:
    Path("x.csv").write_text(CSV + "A:X(1.0),IND,FY2020,1\n", encoding="utf-8")
    code, out, err = run("x.csv")
    assert (code, out) == (3, "")
    assert (
        'x.csv: row 5, OBS_VALUE: 1 rows can\'t be used; nothing was stored. The first: "FY2020" is no time period'
        in err
    )
    code, out, _ = run("x.csv", "--skip-bad")
    assert code == 0
    assert '  error: x.csv: row 5, OBS_VALUE: "FY2020" is no time period' in out


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("x.csv", "<html>", 3, "x.csv: not XML"),
        ("x.csv", "a,b\n1,2\n", 3, 'x.csv: not SDMX-CSV: it begins with "a,b"'),
        ("x.csv", CSV.replace("A:X", "A:Y"), 3, 'the rows are of the flow "A:Y(1.0)", which the map does not have'),
        ("map.yaml", MAP.replace("CC-BY-4.0", "CC-BY-4"), 2, "CC-BY-4"),
        ("map.yaml", MAP.replace("flows:", "flow:"), 2, 'map.yaml, line 3: "flow" is not a key I know here'),
        ("map.yaml", MAP.replace("title: Demo", "title: Demo, published: soon"), 2, 'published: "soon" is no day.'),
    ],
    ids=["page", "other table", "other flow", "licence", "key", "day"],
)
def test_what_is_wrong_is_said(run: Run, name: str, text: str, code: int, message: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    found, _, err = run("x.csv")
    assert found == code
    assert message in err


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    assert run("nothing.csv")[0] == 2
    assert run("x.csv", map_="nothing.yaml")[0] == 2


def test_figures_in_thousands_are_shown_in_their_unit_wherever_they_are_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, people = "DATAFLOW,GEO,TIME_PERIOD,OBS_VALUE,UNIT_MULT\n", MAP.replace("internet_users_pct", "population")
    people = people.replace("percent", "count")
    Path("x.csv").write_text(f"{header}A:X(1.0),BRA,2025,213000,3\n", encoding="utf-8")
    Path("map.yaml").write_text(people, encoding="utf-8")
    assert run("x.csv")[0] == 0
    Path("x.csv").write_text(f"{header}A:X(1.0),BRA,2025,199000000,0\n", encoding="utf-8")
    Path("map.yaml").write_text(people.replace("own", "other"), encoding="utf-8")
    assert run("x.csv")[0] == 0
    assert main(["evidence", "conflicts", "--countries", "BRA", "--data-dir", str(tmp_path / "store")]) == 0
    out = capsys.readouterr().out
    assert "213,000,000" in out
    assert "14,000,000" in out  # the gap
    assert not [line for line in out.splitlines() if " 213,000 " in line]


def test_rows_out_of_use_are_counted(run: Run) -> None:
    Path("x.csv").write_text(CSV.replace("BRA,2020,81.3", "BRA,2020,-81.3"), encoding="utf-8")
    code, out, _ = run("x.csv")
    assert code == 0
    assert "Quarantined: 1." in out.splitlines()
