"""`concordat evidence survey` and `export`, and the report: a survey's way from the node to what may be published."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.embedded import ensure_embedded
from concordat.evidence.store import open_store

SPEC = """\
schema: concordat/survey@1
file: people.csv
dataset: {{id: br-ict-2025, title: Invented ICT survey, producer: An office, published: 2026-02-01}}
area: Brazil
period: 2025
weight: weight
domains:
  sex: {{column: sex, values: {{1: M, 2: F}}, labels: {{M: men, F: women}}}}
  loc: {{column: loc, values: {{u: urban, r: rural, x: remote}}}}
items:
  - {{id: online, indicator_id: internet_users_pct, yes_codes: [1], no_codes: [2], missing_codes: [9]}}
licence: {licence}
"""
RATE = "71.37"  # 708 of 992, which no other source prints


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with open_store(folder) as store:
        ensure_embedded(store, load_catalogue())
    return folder


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a survey: 992 answers, 8 without one; 12 people in remote places."""
    people = ["online,sex,loc,weight"]
    people += [f"{1 if i < 708 else 2},{1 + i % 2},{'u' if i % 3 else 'r'},1" for i in range(980)]
    people += ["2,1,x,1"] * 12 + ["9,2,u,1"] * 8
    (tmp_path / "people.csv").write_text("\n".join(people), encoding="utf-8")
    (tmp_path / "survey.yaml").write_text(SPEC.format(licence="ODbL-1.0"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the program; what it prints. The exit code must be `code`."""

    def concordat(*arguments: str, code: int = 0) -> str:
        assert main(list(arguments)) == code
        out, err = capsys.readouterr()
        return out if code == 0 else err

    return concordat


def test_the_screen_shows_rates_with_intervals_and_what_is_withheld(node: Path, run: Callable[..., str]) -> None:
    lines = run("evidence", "survey", "survey.yaml").splitlines()
    assert lines[0] == "Invented ICT survey: BRA 2025, 1,000 people in people.csv."
    assert lines[1].startswith("No design is stated: intervals rest on the weights alone (design effect")
    rows = {line.split("  ")[0]: line.split() for line in lines}
    assert rows["all"] == ["all", "992", "992", RATE, "68.48", "to", "74.10", "0.8", "%"]
    assert rows["loc=remote"] == ["loc=remote", "withheld:", "too", "few", "to", "show"]
    assert rows["loc=rural"] == ["loc=rural", "withheld:", "would", "give", "another", "away"]
    assert any(line.startswith("men less women") for line in lines)
    assert "2 of 6 cells are withheld: a cell shows at least 30 people." in lines


def test_json_holds_the_same_and_nothing_withheld(node: Path, run: Callable[..., str]) -> None:
    facts = json.loads(run("evidence", "survey", "survey.yaml", "--json", "--by", "loc"))
    assert facts["vintage"] is None
    assert facts["margins"] == ["loc"]
    rates = {rate["breakdown"]: rate for rate in facts["rates"]}
    assert rates[""]["value"] == pytest.approx(708 / 992)
    assert rates["loc=remote"]["value"] is None
    assert "12" not in {str(rate["n"]) for rate in facts["rates"]}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.yaml"], 2, "none.yaml: can't be read"),
        (["survey.yaml", "--by", "sexes"], 2, '"sexes" is not a domain of this survey. Did you mean "sex"?'),
        (["survey.yaml", "--by", "sex", "--store"], 2, "--by and --store can't go together. Write the margins into"),
        (["equal.yaml"], 4, '"weight" looks like the weight and is not used'),
    ],
)
def test_what_cant_be_done_is_said(
    node: Path, run: Callable[..., str], arguments: list[str], code: int, said: str
) -> None:
    people = (node / "people.csv").read_text(encoding="utf-8").replace(",1\n", ",2.5\n", 1)
    (node / "people.csv").write_text(people, encoding="utf-8")
    text = (node / "survey.yaml").read_text(encoding="utf-8").replace("weight: weight", "weight: equal")
    (node / "equal.yaml").write_text(text, encoding="utf-8")
    assert said in run("evidence", "survey", *arguments, code=code)


def test_from_the_node_to_the_report_and_out(node: Path, data_dir: Path, run: Callable[..., str]) -> None:
    """Stored, shown, traced; left out of a report and of a public export, and taken in when the terms are accepted."""
    store = ("--data-dir", str(data_dir))
    said = run("evidence", "survey", "survey.yaml", "--store", *store)
    assert "Stored as br-ict-2025/2026-02-01-" in said
    shown = run("evidence", "show", "internet_users_pct", "--countries", "BRA", "--json", *store)
    assert RATE in shown

    _strict_is_refused(run, store)
    _export_leaves(run, store, node / "public", [], rows=0)
    _export_leaves(run, store, node / "alike", ["--accept", "share-alike"], rows=4)
    _report_leaves(run, store, node / "report", accepted=False)
    _report_leaves(run, store, node / "accepted", accepted=True)


def _strict_is_refused(run: Callable[..., str], store: tuple[str, ...]) -> None:
    said = run("evidence", "export", "--public", "strict", "--strict", *store, code=6)
    assert "br-ict-2025 (6 rows: its licence asks for share-alike, which was not accepted; withheld by" in said
    assert not Path("strict").exists()


def _export_leaves(run: Callable[..., str], store: tuple[str, ...], out: Path, accept: list[str], rows: int) -> None:
    facts = json.loads(run("evidence", "export", "--public", str(out), "--bloc", "BRICS", "--json", *accept, *store))
    held = facts["pointers"]["br-ict-2025"]
    assert held == {"withheld": 2} | ({} if accept else {"share_alike": 4})
    with (out / "data.csv").open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["dataset_id"] == "br-ict-2025"]
    assert len(found) == rows
    assert (RATE in {row["value"] for row in found}) == bool(accept)


def _report_leaves(run: Callable[..., str], store: tuple[str, ...], out: Path, *, accepted: bool) -> None:
    study = "schema: concordat/study@1\ncountries: [BRA, IND]\ndate: 2026-11-22\n"
    Path("study.yaml").write_text(study + ("report: {accept: [share-alike]}\n" if accepted else ""), encoding="utf-8")
    run("assess", "--study", "study.yaml", "--out", str(out), "--quiet", *store)
    page = (out / "report.html").read_text(encoding="utf-8")
    for name in ("data.csv", "provenance.json"):
        assert (RATE in (out / name).read_text(encoding="utf-8")) == accepted, name
    assert ("may be passed on only under the same terms (ODbL 1.0)" in page) == accepted
    assert ("whatever holds them must be shared under the same terms (ODbL 1.0)" in page) != accepted
    if accepted:
        said = json.loads((out / "provenance.json").read_bytes())
        cell = next(c for c in said["cells"] if c.endswith(":BRA:internet_users_pct") and c.startswith("T2"))
        traced: Any = json.loads(run("evidence", "trace", cell, "--report", str(out), "--json", *store))
        steps = {step["what"]: step["found"] for step in traced["steps"]}
        assert steps["place"] == "survey item online of people.csv"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no folder is named. Write: concordat evidence export --public OUT."),
        (["--public", "."], "is there already and is not an export of ours"),
        (["--public", "out", "--accept", "odbl"], '--accept: "odbl" is no term of a licence that can be accepted'),
        (["--public", "out", "--bloc", "BRIC"], '"BRIC" is not a bloc I know. Did you mean "BRICS"?'),
    ],
)
def test_an_export_that_cant_be_made_says_why(
    node: Path, data_dir: Path, run: Callable[..., str], arguments: list[str], said: str
) -> None:
    assert said in run("evidence", "export", *arguments, "--data-dir", str(data_dir), code=2)
    assert not Path("out").exists()


def test_an_export_of_a_named_release(node: Path, data_dir: Path, run: Callable[..., str]) -> None:
    store = ("--data-dir", str(data_dir))
    assert "there is no release 2025-13" in run(
        "evidence", "export", "--public", "out", "--release", "2025-13", *store, code=7
    )
    run("evidence", "release", "2026-11", *store)
    lines = run("evidence", "export", "--public", "out", "--release", "2026-11", "--bloc", "BRICS", *store).splitlines()
    assert lines[0].startswith("Release 2026-11, BRICS on 2026-11-22: ")
    assert lines[-1] == "Wrote out/ (8 files). Read out/LICENCES.txt before you publish it."
