"""`concordat index`: each command once right and once wrong, its forms, its files, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from concordat.observatory.named import named_ids

Run = Callable[..., tuple[int, str, str]]
Facts = Callable[..., Any]
FILE = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: access
    indicators: [{id: users, direction: up, goalposts: [0, 100], bounds: [0, 100]}]
  - pillar: skills
    indicators: [{id: literacy, direction: up, goalposts: [0, 100]}]
steps:
  - normalise: {method: goalposts}
  - aggregate: {default: arithmetic}
uncertainty:
  vary:
    aggregate.default: [arithmetic, geometric]
"""
FIGURES = "unit,users,literacy\nBRA,84,95\nCHN,78,97\nETH,17,52\nIND,56,76\nZAF,76,88\n"
SCORES = {"BRA": 89.5, "CHN": 87.5, "ZAF": 82.0, "IND": 66.0, "ETH": 34.5}  # means of the two columns


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, evidence_dir: Path) -> Run:
    """Runs `concordat index ...` in a folder with an index file and figures; the store is the shared one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    (tmp_path / "demo.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "figures.csv").write_text(FIGURES, encoding="utf-8")

    def index(*arguments: str) -> tuple[int, str, str]:
        code = main(["index", *arguments])
        return code, *capsys.readouterr()

    return index


@pytest.fixture
def facts(run: Run) -> Facts:
    """The same with `--json`, read; it must succeed."""

    def read(*arguments: str) -> Any:
        code, out, _ = run(*arguments, "--json")
        assert code == 0
        return json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))

    return read


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


DEMO = ("demo.yaml", "--data", "figures.csv")


# --- Each command once --------------------------------------------------------------------------------------------


def test_list_has_every_named_index_with_its_status(run: Run, facts: Facts) -> None:
    found = facts("list")["indices"]
    assert [i["id"] for i in found] == list(named_ids())
    assert all(i["title"].endswith("-style") for i in found if i["status"] == "unverified")
    code, out, _ = run("list")
    assert (code, out.splitlines()[0].split()) == (0, ["id", "status", "kind", "edition", "title"])


def test_check_says_what_the_file_holds(run: Run, facts: Facts) -> None:
    found = facts("check", "demo.yaml")
    assert (found["index"], found["indicators"], found["steps"], found["factors"]) == (
        "demo", ["users", "literacy"], ["normalise", "aggregate"], ["aggregate.default"],
    )  # fmt: skip
    assert run("check", "demo.yaml")[1].splitlines()[-1] == "Nothing is wrong with the file."
    Path("other.yaml").write_text(FILE.replace("index: demo\n", "index: demo # a remark\n"))
    assert facts("check", "other.yaml")["spec_sha256"] == found["spec_sha256"]  # of what it says, not how


def test_schema_is_the_one_that_ships(run: Run) -> None:
    from importlib.resources import files

    code, out, _ = run("schema")
    shipped = (files("concordat.observatory") / "schema" / "index-1.json").read_text(encoding="utf-8")
    assert (code, json.loads(out)) == (0, json.loads(shipped))


def test_run_ranks_by_the_mean_of_two_columns(run: Run, facts: Facts) -> None:
    found = facts("run", *DEMO)
    code, out, _ = run("run", *DEMO, "--csv")
    rows = table(out)
    assert (code, [r["unit"] for r in rows]) == (0, list(SCORES))
    assert [float(r["score"]) for r in rows] == list(SCORES.values())
    assert found["release"] == "figures.csv"
    assert "uncertainty" in found
    assert "uncertainty" not in facts("run", *DEMO, "--no-uncertainty")
    assert "90% ranks" not in run("run", *DEMO, "--no-uncertainty")[1]


def test_run_takes_a_long_table_and_one_with_a_byte_order_mark(run: Run) -> None:
    rows = [line.split(",") for line in FIGURES.splitlines()[1:]]
    long = [
        f"{u},2024,{name},{v}" for u, *values in rows for name, v in zip(("users", "literacy"), values, strict=True)
    ]
    Path("long.csv").write_text("\n".join(["unit,year,indicator,value", *long]), encoding="utf-8-sig")
    code, out, _ = run("run", "demo.yaml", "--data", "long.csv", "--csv")
    assert code == 0
    assert {r["unit"]: float(r["score"]) for r in table(out)} == SCORES


def test_a_named_index_of_a_bloc_leaves_out_what_the_store_lacks(run: Run) -> None:
    code, out, err = run("run", "digital-readiness", "--bloc", "BRICS", "--on", "2026-11-22", "--leave-out", "--csv")
    assert code == 0
    assert err.startswith("concordat: left out, for want of figures: ")
    assert "mobile_basket_pct_gni" in err
    units = [r["unit"] for r in table(out)]
    assert sorted(units) == ["ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF"]
    scores = [float(r["score"]) for r in table(out)]
    assert scores == sorted(scores, reverse=True)


def test_uncertainty_of_two_means(run: Run, facts: Facts) -> None:
    """BRA and CHN are first and second by both means, so nothing is in doubt."""
    found = facts("uncertainty", *DEMO)
    assert found["exact"] is True
    assert found["runs"] == 2
    code, out, _ = run("uncertainty", *DEMO, "--out", "doubt.txt")
    assert (code, out) == (0, "")
    assert "BRA" in Path("doubt.txt").read_text(encoding="utf-8")


def test_acceptability_counts_the_weightings(facts: Facts) -> None:
    """BRA is first unless literacy weighs more than 6 of 8 parts: 6 w < 2 (1 - w) there, w below 1/4."""
    found = facts("acceptability", *DEMO, "--draws", "2000", "--seed", "1")
    places = found["acceptability"]
    assert places["ETH"] == [0, 0, 0, 0, 1]
    assert places["BRA"][0] == pytest.approx(0.75, abs=0.04)
    assert places["BRA"][0] + places["CHN"][0] == pytest.approx(1)
    assert facts("acceptability", *DEMO, "--draws", "2000", "--seed", "1") == found


def test_provenance_gives_what_a_score_is_made_of(run: Run, facts: Facts) -> None:
    rows = facts("provenance", "demo.yaml", "BRA", "--data", "figures.csv")["rows"]
    assert [(r["indicator"], r["value"], r["weight"], r["contribution"]) for r in rows] == [
        ("users", 84, 0.5, 42), ("literacy", 95, 0.5, 47.5),
    ]  # fmt: skip
    code, out, _ = run("provenance", "demo.yaml", "BRA", "--data", "figures.csv", "--node", "skills", "--csv")
    assert (code, [r["indicator"] for r in table(out)]) == (0, ["literacy"])


def test_a_table_without_years_is_told_without_a_year(run: Run, facts: Facts) -> None:
    Path("gap.csv").write_text(FIGURES + "XXX,,\n", encoding="utf-8")
    gap = ("demo.yaml", "--data", "gap.csv")
    for command in ("run", "uncertainty", "audit", "acceptability"):
        code, out, err = run(command, *gap)
        assert code == 0
        assert not re.search(r"\b(in|of|year|XXX)?,? 0(:|$)", out.splitlines()[0] + "\n" + err, re.M), out + err
    assert run("run", *gap)[1].splitlines()[0].endswith(")")  # and no year behind the file's name and hash
    assert "concordat: aggregate: XXX: not ranked" in run("run", *gap)[2]
    found = facts("run", *gap)
    assert found["year"] is None
    assert [n for n in found["notes"] if "slice" in n] == []
    assert {u["unit"]: u["empty"] for u in found["units"]}["XXX"] == {"users": "missing", "literacy": "missing"}
    assert facts("audit", *gap)["year"] is None
    rows = facts("provenance", "demo.yaml", "BRA", "--data", "gap.csv")["rows"]
    assert [(r["observation"], r["year"]) for r in rows] == [("BRA:users", None), ("BRA:literacy", None)]


def test_a_figure_older_than_the_index_shows_its_own_year(run: Run, facts: Facts) -> None:
    lines = [
        "unit,year,users,literacy",
        *(f"{u},2024,{a},{b}" for u, a, b in (r.split(",") for r in FIGURES.split()[1:])),
    ]
    Path("dated.csv").write_text("\n".join(lines).replace("IND,2024,56,76", "IND,2024,56,\nIND,2019,50,76"))
    found = facts("run", "demo.yaml", "--data", "dated.csv")
    assert found["year"] == 2024
    assert {u["unit"]: u["older"] for u in found["units"] if u["older"]} == {"IND": {"literacy": 2019}}
    code, out, _ = run("provenance", "demo.yaml", "IND", "--data", "dated.csv", "--csv")
    assert (code, [r["year"] for r in table(out)]) == (0, ["2024", "2019"])


def test_compare_adds_up_to_the_change(run: Run, facts: Facts) -> None:
    Path("later.yaml").write_text(FILE.replace("default: arithmetic", "default: harmonic"))
    Path("new.csv").write_text(FIGURES.replace("IND,56,76", "IND,60,80").replace("ZAF,76,88\n", "EGY,73,73\n"))
    found = facts("compare", "later.yaml", "demo.yaml", "--data", "new.csv", "--earlier-data", "figures.csv")
    rows = {r["unit"]: r for r in found["score"]}
    assert (found["entrants"], found["leavers"]) == (["EGY"], ["ZAF"])
    india = rows["IND"]
    assert india["after"] == pytest.approx(2 * 60 * 80 / 140)
    assert india["before"] == pytest.approx(66)
    causes = [v for k, v in india.items() if k not in ("unit", "before", "after", "total")]
    assert sum(causes) == pytest.approx(india["total"]) == pytest.approx(india["after"] - india["before"])
    code, out, _ = run("compare", "later.yaml", "demo.yaml", "--data", "figures.csv", "--ranks", "--csv")
    assert (code, {float(r["total"]) for r in table(out)}) == (0, {0.0})
    assert "do not differ in anything" in run("compare", "demo.yaml", "demo.yaml", "--data", "figures.csv")[1]


def test_audit_passes_warns_or_fails(run: Run, facts: Facts) -> None:
    found = facts("audit", *DEMO)
    assert found["release"] == "figures.csv"
    code, out, _ = run("audit", *DEMO)
    assert code == 0
    assert len(out.splitlines()) >= 10  # the ten steps of the handbook


def test_revisions_between_a_release_and_itself_move_nothing(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "store"))  # a release is made, so a store of its own
    assert main(["evidence", "release", "index-test", "--json"]) == 0
    capsys.readouterr()
    asked = ("revisions", "digital-readiness", "index-test", "index-test", "--bloc", "BRICS", "--leave-out")
    code, out, _ = run(*asked, "--json")
    found = json.loads(out)
    assert code == 0
    assert {i["changed"] + i["added"] + i["removed"] for i in found["indicators"].values()} == {0}
    assert found["indicators"]["internet_users_pct"]["common"] == 10
    said = run(*asked)[1]
    assert "No score moved." in said
    users = found["indicators"]["internet_users_pct"]
    assert (users["bias"]["n"], users["bias"]["p"], users["news"]["b"]) == (10, None, pytest.approx(1))
    line = next(line for line in said.splitlines() if line.endswith("there is no error to test with."))
    assert "All revisions are the same, so there is no spread to test against." in line


def test_revisions_are_tested_for_bias_and_news() -> None:
    """Thirty cells, later ones 1 + 0.9 of the earlier with a wave on top; two cells are too few, and it says so."""
    from concordat.cli._index_revisions import _facts, _tests
    from concordat.observatory.revision import compare_vintages

    before = {("BRA", 1990 + i): 3.0 * i for i in range(30)}
    after = {cell: 1 + 0.9 * v + (-1) ** cell[1] for cell, v in before.items()}
    few = compare_vintages(dict(list(before.items())[:2]), dict(list(after.items())[:2]))
    c = compare_vintages(before, after)
    said = _facts(c)
    off = [after[k] - before[k] for k in before]
    assert (said["bias"]["n"], said["bias"]["mean"]) == (30, pytest.approx(sum(off) / 30))
    assert said["news"]["b"] == pytest.approx(0.9, abs=0.01)
    assert json.loads(json.dumps(_facts(few)))["news"]["reason"] == "2 cells are too few for a regression."
    lines = list(_tests({"users": c, "lines": few}))
    shown = next(line for line in lines if line.startswith("users")).split()
    assert shown[1:6] == ["30", *(f"{v:.4g}" for v in (c.bias.mean, c.bias.se, c.bias.t, c.bias.p))]
    assert shown[6:] == [f"{v:.4g}" for v in (c.news.a, c.news.b, c.news.f, c.news.p)]
    assert next(line for line in lines if line.startswith("lines")).endswith(
        "2 cells are too few for a test. 2 cells are too few for a regression."
    )


def test_reproduce_names_what_differs(run: Run, facts: Facts) -> None:
    rows = [f"{line},{SCORES[line[:3]] + (1 if line.startswith('IND') else 0)}" for line in FIGURES.splitlines()[1:]]
    Path("published.csv").write_text("\n".join(["unit,users,literacy,score", *rows]))
    found = facts("reproduce", "demo.yaml", "published.csv", "--published", "score")
    assert (found["compared"], found["within"], found["max_difference"]) == (5, 4, pytest.approx(1))
    assert (
        "4 of 5 published scores reproduced"
        in run("reproduce", "demo.yaml", "published.csv", "--published", "score")[1]
    )
    loose = facts("reproduce", "demo.yaml", "published.csv", "--published", "score", "--tolerance", "1.01")
    assert loose["within"] == 5


def test_calibrate_finds_the_goalposts_that_made_the_scores(run: Run, facts: Facts) -> None:
    """Scores of goalposts 10 and 60, rounded to a tenth."""
    Path("pairs.csv").write_text("value,score\n" + "".join(f"{v},{2 * (v - 10):.1f}\n" for v in (12, 20, 31, 45, 58)))
    found = facts("calibrate", "pairs.csv")
    assert found["status"] == "calibrated"
    assert found["file"]["goalposts"] == [pytest.approx(10, abs=0.1), pytest.approx(60, abs=0.1)]
    assert found["violations"] == []
    assert "5 of 5 rows explained." in run("calibrate", "pairs.csv")[1]


# --- Forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [("run", *DEMO), ("uncertainty", *DEMO), ("audit", *DEMO), ("acceptability", *DEMO),
     ("provenance", "demo.yaml", "BRA", "--data", "figures.csv"),
     ("compare", "demo.yaml", "demo.yaml", "--data", "figures.csv")],
    ids=lambda a: a[0],
)  # fmt: skip
def test_out_holds_what_the_screen_would(arguments: tuple[str, ...], run: Run) -> None:
    for form in ((), ("--json",)):
        code, wanted, _ = run(*arguments, *form)
        again, out, err = run(*arguments, *form, "--out", "answer")
        assert (code, again, out) == (0, 0, "")
        assert err.endswith("Wrote answer.\n")
        assert Path("answer").read_text(encoding="utf-8") == wanted
    code, _, err = run(*arguments, "--out", "no/such/folder")
    assert (code, "no/such/folder: can't be written: No such file or directory." in err) == (2, True)


# --- What is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("check gone.yaml", 2, "gone.yaml: can't be read: No such file or directory."),
        ("check digital-redyness", 2, 'Did you mean "digital-readiness"?'),
        ("check wrong.yaml", 2, 'wrong.yaml, line 11: "agregate" is not a key I know here. Did you mean "aggregate"?'),
        ("check latin.yaml", 2, "latin.yaml: byte 0 is not UTF-8."),
        ("check .", 2, "can't be read: Is a directory."),
        ("run demo.yaml --data gone.csv", 2, "gone.csv: can't be read"),
        ("run demo.yaml --data latin.yaml", 2, "latin.yaml: byte 0 is not UTF-8."),
        ("run demo.yaml --data empty.csv", 2, "empty.csv: the table is empty."),
        (
            "run demo.yaml --data names.csv",
            2,
            'names.csv: the table has no figures of "literacy". Did you mean "litercy"?',
        ),
        ("run demo.yaml --data words.csv", 2, "words.csv, line 3"),
        ("run demo.yaml --data high.csv", 3, "184"),
        ("run geometric.yaml --data zero.csv", 4, "unit ETH"),
        ("run demo.yaml --data figures.csv --release 2026-06", 2, "--data and --release can't go together"),
        ("run demo.yaml --data figures.csv --json --csv", 2, "--json and --csv can't go together"),
        ("run demo.yaml", 2, "the file names no units."),
        ("run demo.yaml --on 2026-01-01", 2, "--on needs a bloc."),
        ("run demo.yaml --bloc BRIC", 2, 'Did you mean "BRICS"?'),
        ("run demo.yaml --bloc BRICS", 2, '"users" is not an indicator I know.'),
        ("run digital-readiness --bloc BRICS --release gone", 7, "gone"),
        ("uncertainty still.yaml --data figures.csv", 2, "still.yaml: the file varies nothing."),
        ("provenance demo.yaml BRO --data figures.csv", 2, '"BRO" is not a unit of this index. Did you mean "BRA"?'),
        ("provenance demo.yaml BRA --node skils --data figures.csv", 2, 'Did you mean "skills"?'),
        ("audit gone.yaml", 2, "gone.yaml: can't be read"),
        ("acceptability gone.yaml", 2, "gone.yaml: can't be read"),
        ("compare demo.yaml gone.yaml --data figures.csv", 2, "gone.yaml: can't be read"),
        ("revisions digital-readiness gone gone --bloc BRICS", 7, "gone"),
        ("reproduce demo.yaml figures.csv", 2, "published"),
        ("calibrate figures.csv", 2, "figures.csv: the table has no columns value and score."),
        ("calibrate pairs.csv", 2, 'pairs.csv, line 3: "high" is not a number.'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(arguments: str, code: int, said: str, run: Run) -> None:
    files = {
        "wrong.yaml": FILE.replace("- aggregate:", "- agregate:"),
        "still.yaml": FILE.partition("uncertainty:")[0],
        "geometric.yaml": FILE.partition("uncertainty:")[0].replace("arithmetic", "geometric"),
        "empty.csv": "",
        "names.csv": FIGURES.replace("literacy", "litercy"),
        "words.csv": FIGURES.replace("78", "many"),
        "high.csv": FIGURES.replace("84", "184"),
        "zero.csv": FIGURES.replace("17", "0"),
        "pairs.csv": "value,score\n1,2\n2,high\n",
    }
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    Path("latin.yaml").write_bytes(b"\xe9")
    ended, out, err = run(*arguments.split())
    assert said in err
    assert err.startswith("concordat: ")
    assert (ended, out if "--json" not in arguments else "") == (code, "")


def test_an_error_is_json_too_where_json_is_asked_for(run: Run) -> None:
    code, out, err = run("provenance", "demo.yaml", "BRO", "--data", "figures.csv", "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["code"], told["hint"]) == (2, 2, "unknown_unit", 'Did you mean "BRA"?')
    assert told["what"] in err
