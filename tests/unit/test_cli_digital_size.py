"""`concordat digital-size`: the whole ladder in every form, from files and without, and how it ends."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

Capture = pytest.CaptureFixture[str]
TABLE = """# kind: io_table
# area: BRA
# year: 2018
# unit: BRL million
# digital: b
domestic,a,b,final
a,10,20,70
b,30,10,60
value_added,60,70,
"""
SETS = """schema: concordat/digital-products@1
sets:
  - {id: only-a, title: the first, kind: industries, classification: own, codes: [a], source: ours, mark: own}
"""


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return str(path)


def _run(capsys: Capture, *words: str, code: int = 0) -> str:
    assert main(["digital-size", *words]) == code
    return capsys.readouterr().out


def _json(capsys: Capture, *words: str, code: int = 0) -> dict[str, Any]:
    found = json.loads(_run(capsys, *words, "--json", code=code))
    assert isinstance(found, dict)
    return found


def test_all_rungs_are_printed_for_a_country_without_any_figure(capsys: Capture) -> None:
    text = _run(capsys, "Brazil")
    assert text.startswith("The digital economy of Brazil (BRA): a ladder of definitions, not a number.\n")
    for rung in "abcde":
        assert f"\n{rung} not available: no published figure of BRA that this package knows" in text
        assert f"\n  {rung}  " in text
    assert "unverified: the list of services is unverified." in text


def test_published_answers_stand_side_by_side(capsys: Capture) -> None:
    text = _run(capsys, "CHN", "--year", "2018")
    for number in ("7.14", "17.16", "32.58", "34.8"):
        assert f"  {number}  GDP" in text
    assert "doi.org/10.13253/j.cnki.ddjjgl.2021.10.009" in text


def test_a_table_is_computed_from_and_named(capsys: Capture, table: str) -> None:
    text = _run(capsys, "BRA", "--table", table)
    assert "b     set own (b)" in text
    assert "61.2308  GDP" in text  # by hand: 79.6 of 130, see tests/unit/impact/accounts/test_linkages.py
    assert f"{table} (io_table) " in text


def test_json_holds_numbers_sources_and_status(capsys: Capture, table: str) -> None:
    found = _json(capsys, "BRA", "--table", table, "--year", "2018")
    rungs = found["ladders"][0]["rungs"]
    assert [(r["id"], r["status"]) for r in rungs[:2]] == [("a", "not available"), ("b", "computed")]
    figure = rungs[1]["figures"][0]
    assert figure["percent"] == 61.23076923
    assert figure["parts"]["backward"] == {"percent": 46.15384615, "amount": 60.0}
    assert figure["sha256"] == [found["files"][0]["sha256"]]


def test_csv_has_a_row_a_figure_a_term_and_an_empty_rung(capsys: Capture, table: str) -> None:
    rows = list(csv.DictReader(io.StringIO(_run(capsys, "BRA", "--table", table, "--csv"))))
    assert [(r["rung"], r["status"], r["part"]) for r in rows if r["rung"] in "ab"] == [
        ("a", "not available", ""),
        *(("b", "computed", p) for p in ("", "direct", "backward", "forward", "double_count", "extraction")),
    ]
    assert rows[0]["needs"].startswith("value added by ISIC class")


def test_a_folder_gets_all_three_forms(capsys: Capture, table: str, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "bra"
    assert _run(capsys, "BRA", "--table", table, "--out", str(folder)) == ""
    assert sorted(p.name for p in folder.iterdir()) == ["ladder.csv", "ladder.json", "ladder.txt"]
    printed = json.loads((folder / "ladder.json").read_text(encoding="utf-8"))
    assert printed == _json(capsys, "BRA", "--table", table)


def test_a_set_of_ones_own_and_a_shipped_one(capsys: Capture, table: str, tmp_path: Path) -> None:
    sets = tmp_path / "sets.yaml"
    sets.write_text(SETS, encoding="utf-8")
    assert "set only-a (a)" in _run(capsys, "BRA", "--table", table, "--digital-set", str(sets))
    assert main(["digital-size", "BRA", "--table", table, "--digital-set", "wiod-narrow"]) == 2
    assert "no industry c27" in capsys.readouterr().err


def test_a_bloc_is_one_ladder_a_member(capsys: Capture) -> None:
    ladders = _json(capsys, "IBSA", "--on", "2026-07-01")["ladders"]
    assert [x["area"] for x in ladders] == ["BRA", "IND", "ZAF"]
    assert {len(x["rungs"]) for x in ladders} == {5}
    assert _json(capsys, "WLD")["ladders"][0]["rungs"][0]["figures"][0]["percent_high"] == 15.5


def test_without_an_imports_matrix_everything_is_printed_and_the_end_is_that_of_the_error(
    capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "total.csv"
    lines = TABLE.replace("domestic,", "total,").replace("final\n", "final,imports,exports\n")
    for old, new in (("20,70", "20,75,5,5"), ("10,60", "10,60,0,0")):
        lines = lines.replace(old, new)
    path.write_text(lines, encoding="utf-8")
    assert main(["digital-size", "BRA", "--table", str(path)]) == 4
    seen = capsys.readouterr()
    assert "\nb not available: " in seen.out
    assert "BRA, rung b: " in seen.err
    assert "imports: proportional" in seen.err
    text = _run(capsys, "BRA", "--table", str(path), "--imports", "proportional")
    assert "set own (b), imports: proportional" in text


def test_a_member_that_a_world_table_lacks_does_not_end_a_bloc(capsys: Capture, tmp_path: Path) -> None:
    import numpy as np

    industries = np.array([f"c{n}" for n in range(1, 36)])
    z, f = np.ones((70, 70)), np.kron(np.eye(2), np.full((35, 1), 100.0))
    path = tmp_path / "world.npz"
    x = z.sum(1) + f.sum(1)
    np.savez(path, countries=np.array(["BRA", "IND"]), industries=industries, Z=z, F=f, x=x)
    words = ("--on", "2026-07-01", "--year", "2011", "--table", str(path))
    ladders = {x["area"]: x["rungs"][1] for x in _json(capsys, "IBSA", *words)["ladders"]}
    assert [len(ladders[c]["figures"]) for c in ("BRA", "IND", "ZAF")] == [3, 3, 0]
    assert "ZAF is not one of the 2 economies" in ladders["ZAF"]["reason"]
    assert main(["digital-size", "ZAF", *words[2:]]) == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("Atlantis",), 2, "Atlantis"),
        (("BRA", "--imports", "all"), 2, "The one rule is: proportional"),
        (("BRA", "--tolerance", "0"), 2, "--tolerance 0"),
        (("BRA", "--on", "2026-07-01"), 2, "--on needs a bloc"),
        (("BRA", "--table", "nowhere.csv"), 2, "can't be read"),
        (("BRA", "--digital-set", "us-cor"), 2, 'Did you mean "us-core"'),
        (("BRA", "--json", "--csv"), 2, "can't go together"),
    ],
)
def test_what_can_not_be_is_refused(capsys: Capture, words: tuple[str, ...], code: int, said: str) -> None:
    assert main(["digital-size", *words]) == code
    assert said in capsys.readouterr().err


def test_a_table_of_another_country_or_year_or_out_of_balance_is_refused(capsys: Capture, table: str) -> None:
    for words, code, said in (
        (("IND", "--table", table), 2, "it is of BRA, not of IND"),
        (("BRA", "--year", "2019", "--table", table), 2, "it is of 2018, and 2019 was asked for"),
        (("BRA", "--table", table, "--table", table), 2, "named twice"),
    ):
        assert main(["digital-size", *words]) == code
        assert said in capsys.readouterr().err
    off = Path(table)
    off.write_text(TABLE + "output,100,101,\n", encoding="utf-8")
    assert main(["digital-size", "BRA", "--table", table]) == 3
    assert "most in b" in capsys.readouterr().err
    assert main(["digital-size", "BRA", "--table", table, "--tolerance", "1"]) == 0
