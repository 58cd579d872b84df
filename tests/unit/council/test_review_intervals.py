"""Intervals: what they must hold in simulation, by hand where it can be had, and what they say when there is none."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from concordat import canonical
from concordat.council.review import _resample
from concordat.council.review.evidence import Combined
from concordat.council.review.intervals import half_width_points, intervals, league
from concordat.council.review.scores import Code, Scores, score
from concordat.errors import InputError, MethodError

SOURCE = ("0" * 64,)
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def scores_of(table: dict[str, list[tuple[int, ...]]], issues: dict[str, str] | None = None) -> Scores:
    """Codes by member: of each commitment, what each coder says."""
    codes = [
        Code(f"c{n:03}", member, f"k{k}", value, sources=SOURCE)
        for member, rows in table.items()
        for n, given in enumerate(rows)
        for k, value in enumerate(given)
    ]
    return score(codes, issues=issues)


MIXED = [(1, 1), (1, 0), (0, 0), (-1, -1), (1, 1)] * 3


def test_the_same_seed_gives_the_same_intervals_and_order_does_not_matter() -> None:
    table = {"BRA": MIXED, "IND": [(1, 1)] * 15}
    one, two = intervals(scores_of(table), seed=3), intervals(scores_of(dict(reversed(table.items()))), seed=3)
    assert one == two
    other = intervals(scores_of(table), seed=4)
    assert other.members["BRA"].low != one.members["BRA"].low
    assert (one.draws, one.level, one.seed) == (2000, 0.9, 3)
    canonical.dumps(one.as_dict())


def test_an_interval_holds_its_value_and_stays_on_the_scale() -> None:
    for rows in ([(1, 1)] * 15, [(-1, -1)] * 15, [(0, 0)] * 4, [(1, 0)] * 6, [(1, -1)] * 5, MIXED):
        found = intervals(scores_of({"BRA": rows, "IND": MIXED[: len(rows)]}), seed=1)
        for one in (found.members["BRA"], found.bloc):
            assert one.value is not None
            assert one.low is not None
            assert one.high is not None
            assert -1 <= one.low <= one.value <= one.high <= 1
            assert one.high - one.low > 0.01  # never false certainty, also where all codes are alike


def test_fifteen_times_kept_is_not_certainty() -> None:
    """With Jeffreys' prior of 1/2 on -1, 0 and +1, the share of +1 is Beta(15.5, 1): its 5 % point is 0.824."""
    one = intervals(scores_of({"BRA": [(1, 1)] * 15}), seed=1).members["BRA"]
    assert one.high == 1
    assert one.low is not None
    lowest, highest = 2 * 0.824 - 1, 0.824  # were all else -1, were all else 0
    assert lowest - 0.02 < one.low < highest + 0.02


def test_a_smooth_mean_has_about_the_interval_of_student() -> None:
    """Forty members' means are nearly normal: t(14) 1.761 times the standard error."""
    rng = np.random.default_rng(5)
    table = {f"M{m:02}": [] for m in range(40)}  # type: dict[str, list[tuple[int, ...]]]
    for shared in rng.uniform(0.3, 0.9, 15):
        for rows in table.values():
            value = int(rng.random() < shared)
            rows.append((value, value))
    scores = scores_of(table)
    one = intervals(scores, seed=1).bloc
    means = np.array([float(m.value) for m in scores.commitments.values() if m.value is not None])
    half = 1.761 * means.std(ddof=1) / np.sqrt(15)
    assert one.low is not None
    assert one.high is not None
    assert (one.high - one.low) / 2 == pytest.approx(half, rel=0.12)
    assert (one.high + one.low) / 2 == pytest.approx(means.mean(), abs=half / 5)


def test_where_there_is_no_interval_the_reason_is_said() -> None:
    found = intervals(scores_of({"BRA": [(1, 1)]}), seed=1)
    assert str(found.members["BRA"]) == "100 % (one commitment: no interval)"
    assert found.members["BRA"].percent is None
    blank = intervals(score([], commitments=["c"], members=["BRA"]), seed=1)
    assert str(blank.members["BRA"]) == str(blank.bloc) == "no value"
    assert blank.gap.gap.reason == "no cell has both"
    assert not blank.gap.flagged


def test_issues_are_drawn_from_their_own_commitments() -> None:
    issues = {f"c{n:03}": "trade" if n < 14 else "health" for n in range(15)}
    found = intervals(scores_of({"BRA": MIXED}, issues), seed=1)
    assert (found.issues["trade"].n, found.issues["health"].n) == (14, 1)
    assert found.issues["health"].low is None


# --- The gap ---


def evidence_of(values: dict[str, list[Fraction | float | None]]) -> list[Combined]:
    size = max(map(len, values.values()))
    exact = {m: [None if v is None else Fraction(v) for v in row] for m, row in values.items()}
    return [Combined(f"c{n:03}", 2026, {m: row[n] for m, row in exact.items()}, ()) for n in range(size)]


def test_judgement_and_evidence_stand_side_by_side_over_paired_cells() -> None:
    scores = scores_of({"BRA": [(1, 1), (0, 0), (1, 0), (1, 1)], "IND": [(1, 1), (1, 1), (1, 1), (-1, -1)]})
    found = intervals(scores, evidence_of({"BRA": [0.5, 0.25, None, 0.0], "IND": [None] * 4}), seed=1)
    gap = found.gaps["BRA"]
    assert (gap.human, gap.evidence, gap.gap.value) == (Fraction(2, 3), Fraction(1, 4), Fraction(-5, 12))
    assert gap.pairs == 3
    assert found.gaps["IND"].pairs == 0
    assert found.gaps["IND"].gap.reason == "no cell has both"
    assert found.gap.gap.value == Fraction(-5, 12)
    assert found.members["BRA"] == intervals(scores, seed=1).members["BRA"]  # evidence never enters the scores


def test_a_gap_is_flagged_when_its_interval_leaves_zero() -> None:
    scores = scores_of({"BRA": MIXED})
    human = [float(c.value) for c in scores.cells.values() if c.value is not None]
    noise = np.random.default_rng(1).uniform(-0.2, 0.2, 15)
    no_gap = intervals(scores, evidence_of({"BRA": [h + n for h, n in zip(human, noise, strict=True)]}), seed=1)
    assert not no_gap.gaps["BRA"].flagged
    lower = [h - 0.6 + n for h, n in zip(human, noise, strict=True)]
    gap = intervals(scores, evidence_of({"BRA": lower}), seed=1).gaps["BRA"]
    assert gap.flagged
    assert gap.gap.high is not None
    assert gap.gap.high < 0
    two = intervals(scores, evidence_of({"BRA": lower[:2]}), seed=1).gaps["BRA"]
    assert not two.flagged  # two commitments prove nothing


def test_evidence_twice_is_refused_and_of_others_passed_over() -> None:
    scores = scores_of({"BRA": MIXED})
    parts = evidence_of({"BRA": [0.5]})
    with pytest.raises(InputError, match=r"evidence of c000 twice\. Several indicators"):
        intervals(scores, parts * 2, seed=1)
    other = [Combined("c999", 2026, {"BRA": Fraction(1)}, ())]
    assert intervals(scores, other, seed=1).gap.pairs == 0


@pytest.mark.parametrize("options", [{"draws": 99}, {"level": 0}, {"level": 1}, {"level": 1.5}])
def test_bad_arguments(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="draws at the level"):
        intervals(scores_of({"BRA": MIXED}), seed=1, **options)  # type: ignore[arg-type]


def test_too_many_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["concordat.council.review.intervals"], "DRAWN_MAX", 100)
    with pytest.raises(MethodError, match=r"15 cells can't be drawn 2,000 times"):
        intervals(scores_of({"BRA": MIXED}), seed=1)


# --- The league, and what the page says ---


def test_a_league_has_intervals_of_ranks_and_ties_share_the_best_place() -> None:
    table = {"AAA": [(1, 1)] * 20, "BBB": MIXED + MIXED[:5], "CCC": MIXED + MIXED[:5], "DDD": [(-1, -1)] * 20}
    places = league(scores_of(table), seed=1)
    assert [(p.member, p.rank) for p in places] == [("AAA", 1), ("BBB", 2), ("CCC", 2), ("DDD", 4)]
    assert [(p.low, p.high) for p in places] == [(1, 1), (2, 3), (2, 3), (4, 4)]
    assert league(score([], commitments=["c"], members=["BRA"]), seed=1) == ()


def test_fifteen_commitments_leave_eighteen_points_either_way() -> None:
    assert half_width_points(15, 0.7) == pytest.approx(17.7, abs=0.05)  # 50 * 1.96 * 0.7 / sqrt(15)


# --- Coverage: a short form of benchmarks/council_intervals.py ---


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location(
            "council_intervals_benchmark", BENCHMARKS / "council_intervals.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.mark.parametrize(
    ("commitments", "mix", "coders", "repeats"),
    [
        (15, "mixed", "2 coders, 10 % err", 100),
        (15, "nearly all kept", "3 coders, 20 % err", 100),
        (30, "mostly kept", "2 coders, 30 % err", 60),
    ],
)
def test_intervals_cover_the_truth(
    benchmark: ModuleType, commitments: int, mix: str, coders: str, repeats: int
) -> None:
    """With 300 to 500 intervals of members, a coverage of 90 % is seen within 4 points of it."""
    found = benchmark.cover(commitments, mix, coders, repeats)
    assert 85 <= found["member"] <= 95
    assert 83 <= found["gap of a member"] <= 96


def test_the_truth_of_the_simulation_is_the_long_run_of_it(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(2)
    for mix in benchmark.MIXES.values():
        latent = rng.choice([-1, 0, 1], size=200_000, p=mix)
        said = np.median(benchmark.coded(latent, 3, 0.2, rng), axis=-1)
        assert said.mean() == pytest.approx(benchmark.expected_cell(mix, 3, 0.2), abs=0.008)
        e = np.clip(0.8 * latent + 0.4 * rng.standard_normal(200_000), -1, 1)
        assert e.mean() == pytest.approx(benchmark.expected_evidence(mix, 0.4), abs=0.008)


def test_quantiles_of_a_symmetric_mean_are_not_moved() -> None:
    low, high = _resample._for_skewness(np.array([-2.0, -1.0, 1.0, 2.0]), (0.05, 0.95))
    assert (low, high) == pytest.approx((0.05, 0.95))
    left, right = _resample._for_skewness(np.array([-9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), (0.05, 0.95))
    assert left < 0.05
    assert right < 0.95  # a long tail on the left may be longer than was seen
