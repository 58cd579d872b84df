"""Multiple imputation pooled by Rubin's rules: against loops over the runs of an enumeration, and what can't be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from concordat.observatory import IndexSpec, run, uncertainty
from concordat.observatory.bind import from_table
from concordat.observatory.pooling import imputation
from concordat.observatory.result import IndexResult

FILE = """\
schema: concordat/index@1
index: gaps
title: With gaps
tree:
  - pillar: access
    indicators:
      - {id: a, direction: up, goalposts: [0, 100]}
      - {id: b, direction: up, goalposts: [0, 100]}
steps:
  - impute: {method: em, draws: 4}
  - normalise: {method: goalposts, floor: 1}
  - aggregate: {default: arithmetic}
"""
VARY = "uncertainty:\n  seed: 5\n  vary:\n    impute.draw: all\n    aggregate.default: [arithmetic, geometric]\n"
RNG = np.random.Generator(np.random.PCG64(2))
A = np.round(RNG.uniform(20, 80, 14), 1)
B = np.round(np.clip(A + RNG.normal(0, 12, 14), 5, 95), 1)
TABLE = "unit,a,b\n" + "".join(
    f"U{i:02d},{a},{'' if i in (3, 8, 9) else b}\n" for i, (a, b) in enumerate(zip(A, B, strict=True))
)


def of(text: str, table: str = TABLE) -> IndexResult:
    spec = IndexSpec.from_yaml(text)
    return run(spec, from_table(spec, table, where="t.csv"))


def test_variances_are_those_of_loops_over_all_runs() -> None:
    """Q_d is the score of the run with the file's own method and draw d, U_d the variance of its two methods."""
    result = of(FILE + VARY)
    doubt = uncertainty(result)
    assert (doubt.exact, doubt.runs) == (True, 8)
    found = doubt.imputation
    assert found is not None
    assert (found.draws, found.varied) == (4, ("aggregate.default",))
    columns = [doubt.design.names.index(name) for name in ("impute.draw", "aggregate.default")]
    levels = doubt.design.levels[:, columns].astype(int).tolist()
    runs = {tuple(level): scores for level, scores in zip(levels, doubt.scores, strict=True)}
    for u in range(14):
        q = [runs[d, 0][u] for d in range(4)]
        within = sum(((runs[d, 0][u] - runs[d, 1][u]) / 2) ** 2 for d in range(4)) / 4  # of two equal shares
        mean = sum(q) / 4
        between = sum((v - mean) ** 2 for v in q) / 3
        got = found.of(u)
        wanted = {"mean": mean, "within": within, "between": between, "total": within + 1.25 * between}
        assert {k: got[k] for k in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-18)
        assert (got["between"] > 1e-6) is (u in (3, 8, 9))  # goalposts are given: others do not move


def test_without_an_analysis_nothing_is_within() -> None:
    result = of(FILE)
    found = result.imputation
    assert found is not None
    assert found.varied == ()
    gap, whole = found.of(3), found.of(0)
    assert gap["within"] == 0
    assert gap["total"] == pytest.approx(1.25 * gap["between"])
    assert gap["df"] == pytest.approx(3)  # m - 1 when nothing is within
    assert (whole["between"], whole["df"]) == (0, None)
    assert result.as_data()["imputation"]["draws"] == 4


def test_an_analysis_of_a_sample_has_a_part_within_and_the_same_draws() -> None:
    vary = VARY.replace("aggregate.default: [arithmetic, geometric]", "normalise.floor: {uniform: [1, 40]}")
    text = (FILE + vary).replace("seed: 5", "seed: 5\n  runs: 1024")
    doubt = uncertainty(of(text))
    assert not doubt.exact
    found, alone = doubt.imputation, imputation(doubt.result)
    assert found is not None
    assert alone is not None
    assert found.pooled is not None
    assert alone.pooled is not None
    assert found.pooled.between == pytest.approx(alone.pooled.between)
    lowest = int(np.argmin(A + np.nan_to_num(B)))
    assert found.of(lowest)["within"] > 0  # the floor lifts what is lowest


def test_files_without_draws_or_scores_have_none_and_one_draw_says_why() -> None:
    assert of(FILE.replace(", draws: 4", "")).imputation is None
    board = FILE.replace("index: gaps", "index: gaps\nkind: dashboard").replace("arithmetic", "none")
    assert of(board).imputation is None
    one = of(FILE.replace("draws: 4", "draws: 1")).imputation
    assert one is not None
    assert one.words().endswith("not pooled: one draw has no variance between draws.")
    assert one.as_data()["units"] == []
    assert all(v is None for v in one.of(0).values())


@pytest.mark.parametrize("before", [True, False])
def test_a_unit_that_was_screened_is_not_filled_in_and_ranked(before: bool) -> None:
    """A screen may stand before the imputation: the unit that it empties must not come back with the mean."""
    at = "steps:\n" if before else "  - normalise"
    text = FILE.replace(
        at,
        "steps:\n  - screen: {min_share: 0.5, drop: [U03]}\n"
        if before
        else "  - screen: {min_share: 0.5, drop: [U03]}\n" + at,
    )
    result = of(text + VARY)
    doubt = uncertainty(result)
    assert math.isnan(result.scores[3])
    assert np.isnan(doubt.scores[:, 3]).all()
    assert ("impute" in {n.stage for n in result.notes if n.unit == "U03"}) is not before
    assert doubt.imputation is not None
    assert doubt.imputation.of(3)["total"] is None
    assert math.isfinite(doubt.imputation.of(8)["total"] or math.nan)


def test_a_unit_that_a_screen_keeps_by_name_though_empty_has_the_mean() -> None:
    table = TABLE.replace(f"U03,{A[3]},", "U03,,")
    kept = of(FILE.replace("steps:\n", "steps:\n  - screen: {keep: [U03]}\n"), table)
    assert math.isfinite(kept.scores[3])
    assert "uninformed" in {n.code for n in kept.notes if n.unit == "U03"}
    assert math.isnan(of(FILE.replace("steps:\n", "steps:\n  - screen: {}\n"), table).scores[3])
