"""`concordat exchange case` and `exchange algorithm`: what they print, keep and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

Run = Callable[..., tuple[int, str, str]]
CASE = """schema: concordat/case@1
id: case-bra-0007
version: 1
kind: practice
title: {en: "Shared masts", pt: "Torres compartilhadas"}
summary: {en: "Operators share masts. Ask ana@example.br.", pt: "Torres divididas."}
preconditions: {en: "A rule."}
member: BRA
owner: {name: "Ministry of Communications", type: government}
facets: {dac: ["22040"], sdgs: [9]}
reach: {value: "412000", unit: persons, as_of: "2025-06", method: "billing records"}
results: [{indicator: internet_users_pct, baseline: "61.0", value: "74.2", years: [2021, 2024]}]
reuse: {licence: Apache-2.0, repository: "https://example.org/code"}
"""
ROWS = [
    {"slug": slug, "name": name, "description": text, "type": ["software"], "stage": "DPG",
     "website": "https://l.example", "license": [{"spdx": "MIT"}], "SDGs": [{"SDGNumber": 3}], "sectors": ["Big Data"],
     "screening": {"locations": {"deploymentCountries": ["Atlantis", "India"]}}}
    for slug, name, text in (
        ("ledger", "Ledger", "Vaccine records for nurses. Call +91 98765 43210."), ("led-ger", "LEDGER", "For wards."),
    )
]  # fmt: skip
NL = "name,organization,status,contact_email,lang,lars,goal\nPlanner,City,use,{},NLD,014,{}\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["exchange", *words])
        out = capsys.readouterr()
        assert "Traceback" not in out.err
        return code, out.out, out.err

    return call


def _file(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def _ok(run: Run, *words: str) -> str:
    code, out, err = run(*words)
    assert code == 0, err
    return out


def test_a_case_goes_in_is_found_and_shown(run: Run) -> None:
    out = _ok(run, "case", "add", _file("c.yaml", CASE))
    assert "1 contact detail removed (1 email; 1 record; summary.en)." in out
    found = json.loads(_ok(run, "case", "search", "masts", "--sdg", "9", "--country", "Brazil", "--json"))
    assert (found["total"], [h["id"] for h in found["hits"]]) == (1, ["case-bra-0007"])
    out = _ok(run, "case", "show", "case-bra-0007")
    assert "Operators share masts. Ask [contact removed]." in out
    assert "grade 0 (not reviewed)" in out
    assert "replicability: 50-100 of 100" in out
    shown = json.loads(_ok(run, "case", "show", "case-bra-0007", "--json"))
    assert (shown["replicability"]["low"], shown["replicability"]["high"]) == (50, 100)


def test_a_registry_comes_in_and_its_merge_is_undone(run: Run) -> None:
    file = _file("r.jsonl", "\n".join(json.dumps(row) for row in ROWS))
    out = _ok(run, "case", "import", "dpg", file)
    assert "2 cases of 2 rows: 2 new, 0 changed, 0 known already." in out
    assert "1 contact detail removed (1 telephone; 1 record; summary.en)." in out
    assert "Unknown country: Atlantis (dpg-led-ger, dpg-ledger)" in out
    assert "Sector label without a DAC code: Big Data" in out
    assert "One case: dpg-led-ger and dpg-ledger (name, website)" in out
    assert "1 case of 1." in _ok(run, "case", "search", "vaccine")
    _ok(run, "case", "split", "dpg-ledger", "dpg-led-ger")
    again = json.loads(_ok(run, "case", "import", "dpg", file, "--json"))
    assert (again["new"], again["groups"], len(again["related"])) == ([], [], 1)
    assert "Split by hand: dpg-led-ger, dpg-ledger" in _ok(run, "case", "duplicates")
    assert json.loads(_ok(run, "case", "duplicates", "--json"))["apart"] == [["dpg-led-ger", "dpg-ledger"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("case", "import", "dgp", "r.jsonl"), 2, 'Did you mean "dpg"'),
        (("case", "import", "dpg", "no.jsonl"), 2, "no such"),
        (("case", "import", "dpg", "bad.jsonl"), 3, "line 1"), (("case", "show", "x"), 2, "not a case of this library"),
        (("case", "split", "a", "b"), 2, "not a case"), (("case", "search", "x", "--kind", "practise"), 2, "practice"),
        (("algorithm", "import", "dutch", "r.csv"), 2, "Known: nl, uk, core"),
        (("algorithm", "import", "nl", "bad.jsonl"), 3, "no column"),
        (("algorithm", "show", "x"), 2, "not in this register"),
        (("algorithm", "export", "nl-cvs"), 2, 'Did you mean "nl-csv"'),
        (("algorithm", "export", "cyclonedx"), 2, "holds one record"), (("cases",), 2, 'Did you mean "case"'),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_refused_and_with_which_code(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    _file("bad.jsonl", "nonsense\n")
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    assert said in err


def test_a_damaged_library_is_an_error_of_the_store(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "data" / "exchange"
    place.mkdir(parents=True)
    (place / "cases.jsonl").write_text("nonsense\n")
    code, _, err = run("case", "search", "--data-dir", str(tmp_path / "data"))
    assert code == 7
    assert "line 1" in err


def test_a_register_comes_in_changes_and_goes_out(run: Run) -> None:
    out = _ok(run, "algorithm", "import", "nl", _file("r.csv", NL.format("jan.jansen@city.example", "Less")))
    assert "1 record: 1 new, 0 changed, 0 same." in out
    assert "looks like a person's mailbox" in out
    later = _file("s.csv", NL.format("a@city.example", "More"))
    assert "0 new, 1 changed" in _ok(run, "algorithm", "import", "nl", later)
    assert "nl-014 v2  Planner  6 of 27 concepts" in _ok(run, "algorithm", "list")
    assert "purpose.goal changed: [-Less-] {+More+}" in _ok(run, "algorithm", "diff", "nl-014")
    assert _ok(run, "algorithm", "diff", "nl-014", "--field", "purpose.goal").splitlines() == [
        "v1  purpose.goal: Less", "v2  purpose.goal: More",
    ]  # fmt: skip
    out = _ok(run, "algorithm", "show", "nl-014", "--completeness")
    assert "NL publication standard 1.0: 7 of 31 fields, 5 of 8 required" in out
    assert "required and not filled: description_short, publication_category, source_data_grouping" in out
    assert "No other record has a supplier like it." in _ok(run, "algorithm", "show", "nl-014", "--supplier")
    code, _, err = run("algorithm", "export", "nl-csv")
    assert code == 2
    assert "description_short is required" in err
    found = json.loads(_ok(run, "algorithm", "export", "cyclonedx", "nl-014"))
    assert found["specVersion"] == "1.6"
    code, out, err = run("algorithm", "export", "annex-viii", "nl-014")
    assert code == 0
    assert "unverified" in err
    assert {line.count("unverified") for line in out.splitlines()[1:]} == {1}
    _, out, err = run("algorithm", "export", "atrs", "--out", "a.csv")
    assert out == "1 record to a.csv: UK ATRS, 2022 pilot, as a table.\n"
    assert "nl-014: no field for purpose.goal" in err


def test_what_is_published_is_graded_and_reused_by_another_member_only(run: Run, tmp_path: Path) -> None:
    """A bloc of one: its own grade is refused by the rule; the document is kept, the entry names it."""
    _ok(run, "case", "add", _file("c.yaml", CASE))
    assert main(["node", "init", "--bloc", "B1", "--member", "BRA", "--host", "bra.example"]) == 0
    _ok(run, "algorithm", "import", "nl", _file("r.csv", NL.format("a@city.example", "Less")))
    said = json.loads(_ok(run, "case", "publish", "case-bra-0007", "--json").splitlines()[-1])
    assert (said["author"], said["version"]) == ("BRA", 1)
    _ok(run, "algorithm", "publish", "nl-014")
    code, _, err = run("case", "review", "BRA", "case-bra-0007", "--grade", "0=2")
    assert code == 6
    assert "another member" in err
    code, _, err = run("case", "reuse", "BRA", "case-bra-0007")
    assert code == 6
    code, _, err = run("case", "review", "BRA", "case-bra-0007", "--grade", "0=5")
    assert code == 2
    assert "is no grade" in err
    shown = json.loads(_ok(run, "case", "show", "case-bra-0007", "--log", "--json"))
    items: dict[str, Any] = {item["name"]: item["holds"] for item in shown["replicability"]["items"]}
    assert items["a result of grade 2 or more"] is None
