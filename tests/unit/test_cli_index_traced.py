"""What `concordat index` prints can be traced: hashes of the file and of all that went in, and every digit."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical
from concordat.cli import main

Run = Callable[..., str]
FILE = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: access
    indicators: [{id: users, direction: up, goalposts: [0, 90]}]
  - pillar: skills
    indicators: [{id: literacy, direction: up, goalposts: [0, 90]}]
steps:
  - normalise: {method: goalposts, truncate: false}
  - aggregate: {default: arithmetic}
uncertainty:
  vary:
    aggregate.default: [arithmetic, geometric]
"""
FIGURES = "unit,users,literacy\nBRA,84,95\nCHN,78,97\nETH,17,52\nIND,56,76\nZAF,76,88\n"
BALLOTS = "ballot,member,indicator,points\n1,BRA,access,3\n1,BRA,skills,1\n"
DEMO = ("demo.yaml", "--data", "figures.csv")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat index ...` in a folder with an index file and figures; it must succeed. What it printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "figures.csv").write_text(FIGURES, encoding="utf-8")

    def index(*arguments: str) -> str:
        assert main(["index", *arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return index


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def inputs(run: Run, *arguments: str) -> str:
    found: dict[str, Any] = json.loads(run("run", *arguments, "--no-uncertainty", "--json"))
    return str(found["inputs_sha256"])


# --- Rows ---------------------------------------------------------------------------------------------------------


def test_rows_of_a_run_hold_every_digit_and_where_they_come_from(run: Run) -> None:
    rows = table(run("run", *DEMO, "--csv"))
    facts = json.loads(run("run", *DEMO, "--json"))
    assert [float(r["score"]) for r in rows] == [u["score"] for u in facts["units"]]
    assert float(rows[0]["score"]) == pytest.approx((84 / 90 + 95 / 90) * 50, rel=1e-12)  # 99.4444..., not 99.4
    assert {(r["spec"], r["inputs"], r["release"]) for r in rows} == {
        (facts["spec_sha256"], facts["inputs_sha256"], "figures.csv")
    }
    assert (rows[0]["rank_low"], rows[0]["rank_high"], rows[0]["top_3"], rows[0]["dropped"]) == (
        "1.0",
        "1.0",
        "1.0",
        "0",
    )
    assert rows[0]["spec"][:8] in run("run", *DEMO)
    assert rows[0]["inputs"][:8] in run("run", *DEMO)


def test_rows_of_an_analysis_count_the_runs_that_were_dropped(run: Run) -> None:
    """A geometric mean takes no zero: with on_error: drop one of two runs is left."""
    Path("demo.yaml").write_text(FILE.replace("uncertainty:\n", "uncertainty:\n  on_error: drop\n"))
    Path("figures.csv").write_text(FIGURES.replace("ETH,17", "ETH,0"))
    rows = table(run("uncertainty", *DEMO, "--csv"))
    facts = json.loads(run("uncertainty", *DEMO, "--json"))
    assert {(r["runs"], r["dropped"], r["exact"], r["seed"]) for r in rows} == {("2", "1", "true", "0")}
    assert [r["unit"] for r in rows] == [u["unit"] for u in facts["units"]]
    assert [float(r["mean"]) for r in rows] == [u["mean"] for u in facts["units"]]
    assert [float(r["top_3"]) for r in rows] == [u["top"]["3"] for u in facts["units"]]
    assert {r["spec"] for r in rows} == {facts["spec_sha256"]}
    assert {r["inputs"] for r in rows} == {facts["inputs_sha256"]}


def test_rows_of_other_commands_too(run: Run) -> None:
    spec = json.loads(run("check", "demo.yaml", "--json"))["spec_sha256"]
    rows = table(run("provenance", "demo.yaml", "BRA", "--data", "figures.csv", "--csv"))
    assert [(r["unit"], r["spec"], float(r["normalised"])) for r in rows] == [
        ("BRA", spec, pytest.approx(84 / 0.9, rel=1e-14)), ("BRA", spec, pytest.approx(95 / 0.9, rel=1e-14)),
    ]  # fmt: skip
    Path("later.yaml").write_text(FILE.replace("default: arithmetic", "default: harmonic"))
    rows = table(run("compare", "later.yaml", "demo.yaml", "--data", "figures.csv", "--csv"))
    assert {r["earlier_spec"] for r in rows} == {spec}
    assert {r["spec"] for r in rows} == {json.loads(run("check", "later.yaml", "--json"))["spec_sha256"]}
    brazil = next(r for r in rows if r["unit"] == "BRA")
    assert float(brazil["after"]) == pytest.approx(100 * 2 * 84 * 95 / (84 + 95) / 90, rel=1e-12)
    board = FILE.partition("uncertainty")[0].replace("index: demo", "index: demo\nkind: dashboard")
    Path("board.yaml").write_text(board.replace("arithmetic", "none"))
    rows = table(run("run", "board.yaml", "--data", "figures.csv", "--csv"))
    assert float(rows[1]["users"]) == pytest.approx(100 * (78 - 17) / (84 - 17), rel=1e-14)
    assert all(len(r["spec"]) == len(r["inputs"]) == 64 for r in rows)


def test_a_unit_without_a_rank_is_blank_and_a_formula_stays_text(run: Run) -> None:
    figures = FIGURES.replace("ETH,17,52", "=1+1,,")
    Path("figures.csv").write_text(figures)
    rows = table(run("run", *DEMO, "--csv", "--no-uncertainty"))
    assert (rows[-1]["unit"], rows[-1]["rank"], rows[-1]["score"]) == ("'=1+1", "", "")


# --- Inputs -------------------------------------------------------------------------------------------------------


def test_the_inputs_hash_is_of_file_ballots_units_and_figures(run: Run) -> None:
    first = inputs(run, *DEMO)
    assert inputs(run, *DEMO) == first
    Path("figures.csv").write_text(FIGURES.replace("84", "84.0"))
    assert inputs(run, *DEMO) == first  # the same figures
    Path("figures.csv").write_text(FIGURES.replace("84", "84.0000001"))
    assert inputs(run, *DEMO) != first
    Path("figures.csv").write_text(FIGURES)
    voted = FILE.replace("  - aggregate", "  - weights: {method: ballots, file: votes.csv}\n  - aggregate")
    Path("voted.yaml").write_text(voted)
    Path("votes.csv").write_text(BALLOTS)
    asked = ("voted.yaml", "--data", "figures.csv")
    votes, spec = inputs(run, *asked), json.loads(run("check", "voted.yaml", "--json"))["spec_sha256"]
    Path("votes.csv").write_text(BALLOTS.replace("access,3", "access,2"))
    assert json.loads(run("check", "voted.yaml", "--json"))["spec_sha256"] == spec  # the file's own hash is of its name
    assert inputs(run, *asked) != votes


def test_other_units_on_the_command_line_have_another_inputs_hash(run: Run, evidence_dir: Path) -> None:
    place = ("--data-dir", str(evidence_dir), "--leave-out", "--on", "2026-11-22")
    bloc = [json.loads(run("run", "digital-readiness", "--bloc", b, *place, "--no-uncertainty", "--json"))
            for b in ("BRICS", "G20")]  # fmt: skip
    assert bloc[0]["spec_sha256"] == bloc[1]["spec_sha256"]
    assert bloc[0]["inputs_sha256"] != bloc[1]["inputs_sha256"]


def test_the_inputs_hash_is_that_of_its_definition() -> None:
    """By hand: the four parts, in canonical form."""
    from concordat.observatory import IndexSpec
    from concordat.observatory.bind import from_table
    from concordat.observatory.fingerprint import inputs_digest, panel_digest

    spec = IndexSpec.from_yaml(FILE)
    panel = from_table(spec, FIGURES, where="figures.csv")
    parts = {"spec": spec.hash, "ballots": None, "units": None, "panel": panel_digest(panel)}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    assert inputs_digest(spec, panel) == hashlib.sha256(text.encode()).hexdigest() == canonical.digest(parts)


def test_rows_of_multiple_imputation_hold_its_variances(run: Run) -> None:
    Path("demo.yaml").write_text(FILE.replace("steps:\n", "steps:\n  - impute: {method: em, within: all, draws: 5}\n"))
    more = "".join(f"X{i},{30 + 4 * i + i % 3},{40 + 4 * i - i % 4}\n" for i in range(8))
    Path("figures.csv").write_text(FIGURES.replace("IND,56,76", "IND,56,") + more)
    out = run("run", *DEMO)
    assert (
        "Multiple imputation, 5 draws: variance of the score by Rubin's rules; within a draw vary aggregate.default."
        in out
    )
    facts = json.loads(run("run", *DEMO, "--json"))
    india = next(u for u in facts["imputation"]["units"] if u["unit"] == "IND")
    assert india["total"] == pytest.approx(india["within"] + 1.2 * india["between"])
    assert india["between"] > 0
    row = next(r for r in table(run("run", *DEMO, "--csv")) if r["unit"] == "IND")
    assert [float(row[f"score_{k}"]) for k in ("within", "between", "total")] == [
        india[k] for k in ("within", "between", "total")
    ]
    assert json.loads(run("uncertainty", *DEMO, "--json"))["imputation"] == facts["imputation"]
