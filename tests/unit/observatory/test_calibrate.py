"""Goalposts and weights from published scores: found again in every transform, intervals that hold the truth, rows that
don't fit named, and what can't be answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory.calibrate import calibrate, calibrate_goalposts, calibrate_weights
from concordat.observatory.linear_program import snapped

NAN = math.nan
G: dict[str, Callable[[float], float]] = {
    "none": lambda v: v,
    "ln": math.log,
    "ln1p": math.log1p,
    "log10": math.log10,
}


def score(v: float, transform: str, direction: str, lo: float, hi: float, scale: float = 100.0) -> float:
    """The formula itself, one value at a time."""
    g = G[transform]
    share = (g(v) - g(lo)) / (g(hi) - g(lo)) if v > lo else 0.0
    share = min(1.0, max(0.0, share))
    return scale * (share if direction == "up" else 1 - share)


def values(lo: float, hi: float, n: int, seed: int) -> list[float]:
    """Some below lo and above hi, most between, spread over orders of magnitude where the range is."""
    rng = np.random.default_rng(seed)
    inside = lo + (hi - lo) * rng.uniform(0, 1, n) ** (3 if hi > 20 * lo else 1)
    return [round(float(v), 4) for v in (*inside, lo * 0.9, hi * 1.2)]


CASES = [
    ("none", 0.0, 100.0),
    ("none", 20.0, 85.0),
    ("none", 30.0, 1270.0),
    ("ln", 100.0, 75000.0),
    ("ln", 0.5, 20.0),
    ("log10", 0.1, 1000.0),
    ("ln1p", 0.0, 50.0),
    ("ln1p", 2.0, 400.0),
]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize(("transform", "lo", "hi"), CASES)
def test_known_goalposts_are_found_again(transform: str, lo: float, hi: float, direction: str) -> None:
    given = values(lo, hi, 40, seed=len(transform) + int(hi))
    scores = [round(score(v, transform, direction, lo, hi), 1) for v in given]
    found = calibrate_goalposts(given, scores, rounding=0.1)
    assert found.transform == ("ln" if transform == "log10" else transform)  # the two are the same scale
    assert found.direction == direction
    assert (found.lo, found.hi) == (pytest.approx(lo, abs=1e-12), pytest.approx(hi))
    assert found.lo_interval[0] <= lo <= found.lo_interval[1]
    assert found.hi_interval[0] <= hi <= found.hi_interval[1]
    assert found.truncated
    assert found.violations == ()
    twin = next(c for c in found.candidates if (c.transform, c.direction) == ("log10", direction))
    assert (twin.violations == 0) == (found.transform == "ln")


@pytest.mark.parametrize(("rounding", "scale"), [(1.0, 100.0), (0.001, 1.0), (0.01, 10.0), (1e-6, 100.0), (0.0, 7.0)])
def test_any_rounding_and_scale(rounding: float, scale: float) -> None:
    given = values(10.0, 90.0, 60, seed=3)
    exact = [score(v, "none", "up", 10.0, 90.0, scale) for v in given]
    scores = [round(s / rounding) * rounding for s in exact] if rounding else exact
    found = calibrate_goalposts(given, scores, rounding=rounding, scale=scale)
    assert (found.transform, found.violations) == ("none", ())
    slack = 1e-6 if rounding == 0 else 0.0  # the values are exact to 1e-16, the program to 1e-9 of the scale
    assert found.lo_interval[0] - slack <= 10 <= found.lo_interval[1] + slack
    assert found.hi_interval[0] - slack <= 90 <= found.hi_interval[1] + slack
    assert (found.lo, found.hi) == (pytest.approx(10, abs=1e-5), pytest.approx(90, abs=1e-5))


def test_every_pair_in_the_answer_gives_every_score() -> None:
    given = values(20.0, 85.0, 25, seed=5)
    scores = [round(score(v, "none", "up", 20.0, 85.0), 1) for v in given]
    found = calibrate_goalposts(given, scores, rounding=0.1)
    for v, s in zip(given, scores, strict=True):
        assert abs(score(v, "none", "up", found.lo, found.hi) - s) <= 0.05 + 1e-9
    # Outside its interval no lo does, whatever hi: the nearest candidates on a grid.
    outside = found.lo_interval[0] - 1e-4, found.lo_interval[1] + 1e-4
    for lo in outside:
        for hi in np.linspace(found.hi_interval[0] - 0.1, found.hi_interval[1] + 0.1, 400):
            assert max(abs(score(v, "none", "up", lo, hi) - s) for v, s in zip(given, scores, strict=True)) > 0.05


@pytest.mark.parametrize("transform", ["none", "ln"])
def test_wrong_rows_are_named_and_do_not_move_the_goalposts(transform: str) -> None:
    given = values(20.0, 8500.0, 30, seed=6)
    scores = [round(score(v, transform, "up", 20.0, 8500.0), 1) for v in given]
    names = [f"U{i}" for i in range(len(given))]
    scores[4] += 7.0
    scores[11] -= 3.0
    found = calibrate_goalposts(given, scores, rounding=0.1, names=names)
    assert found.transform == transform
    assert [(v.name, v.row) for v in found.violations] == [("U4", 5), ("U11", 12)]
    assert found.violations[0].by == pytest.approx(7.0, abs=0.06)
    assert found.violations[0].fitted == pytest.approx(scores[4] - 7, abs=0.06)
    assert (found.lo, found.hi) == (20.0, 8500.0)


def test_scores_outside_the_scale_mean_that_nothing_is_cut() -> None:
    given = [10.0, 20.0, 35.0, 60.0, 75.0, 77.6]
    scores = [round(100 * (v - 15) / 60, 1) for v in given]
    found = calibrate_goalposts(given, scores, rounding=0.1)
    assert not found.truncated
    assert (found.lo, found.hi, found.violations) == (15.0, 75.0, ())


def test_cut_scores_alone_bound_a_goalpost() -> None:
    """40 scores 0, so lo is at least 40 (less half a rounding)."""
    found = calibrate_goalposts([40.0, 60.0, 70.0], [0, 30.0, 50.0], rounding=10.0)
    lo, hi = found.lo_interval[0], found.hi_interval[1]
    assert lo == pytest.approx(40 - 0.05 * (hi - lo), rel=1e-5)  # 40 is at 5 points exactly
    wide = calibrate_goalposts([60.0, 70.0], [30.0, 50.0], rounding=10.0)
    assert wide.lo_interval[0] < found.lo_interval[0]


def test_zero_is_no_reason_against_a_logarithm_where_it_is_cut() -> None:
    given = [0.0, 150.0, 1000.0, 8000.0, 30000.0, 100.0]
    scores = [0.0, *(round(score(v, "ln", "up", 100, 75000), 1) for v in given[1:])]
    found = calibrate_goalposts(given, scores, rounding=0.1)
    assert (found.transform, found.lo, found.hi) == ("ln", 100.0, 75000.0)
    down = calibrate_goalposts(given, [100 - s for s in scores], rounding=0.1)
    assert (down.transform, down.direction, down.lo) == ("ln", "down", 100.0)


def test_a_logarithm_of_zero_inside_rules_it_out() -> None:
    found = calibrate_goalposts([0.0, 10.0, 20.0], [25.0, 50.0, 75.0], rounding=0.1)
    tried = {(c.transform, c.direction): c.violations for c in found.candidates}
    assert tried["ln", "up"] is None
    assert tried["ln1p", "up"] is not None
    assert len(found.candidates) == 8


def test_empty_cells_are_left_out_and_rows_keep_their_numbers() -> None:
    given = [NAN, 20.0, 30.0, 40.0, 50.0, 60.0]
    found = calibrate_goalposts(given, [1.0, 20.0, 30.0, 45.0, NAN, 60.0], rounding=0.1)
    assert found.n == 4
    assert [v.row for v in found.violations] == [4]


def test_the_answer_as_data_as_lines_and_in_an_index_file() -> None:
    given = values(100.0, 75000.0, 30, seed=9)
    scores = [round(score(v, "ln", "up", 100, 75000), 1) for v in given]
    scores[3] -= 9.0
    found = calibrate_goalposts(given, scores, rounding=0.1)
    data = found.as_data()
    assert data["status"] == "calibrated"
    assert data["file"] == {"direction": "up", "transform": "log", "goalposts": [100.0, 75000.0]}
    assert data["violations"][0]["row"] == 4
    lines = found.lines()
    assert lines[0].startswith("ln(value), more is better; lo 100, between 9")
    assert lines[1] == "31 of 32 rows explained."
    assert lines[2].startswith("  row 4: value ")
    assert lines[-1].endswith("{direction: up, transform: log, goalposts: [100.0, 75000.0]}")


def test_pairs_are_the_same_as_two_lists() -> None:
    given, scores = [12.0, 25.0, 40.0], [7.8, 22.2, 38.9]
    pairs = zip(given, scores, strict=True)
    assert calibrate(pairs, rounding=0.1) == calibrate_goalposts(given, scores, rounding=0.1)


# --- What can't be answered ---


def test_fewer_than_two_scores_inside() -> None:
    for scores in ([0.0, 100.0, 100.0], [0.0, 50.0, 50.0], []):
        with pytest.raises(MethodError, match="two different ones are needed") as caught:
            calibrate_goalposts([1.0, 2.0, 3.0][: len(scores)], scores, rounding=0.1)
        assert caught.value.code == "too_few"


def test_scores_that_follow_nothing() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(MethodError, match="no goalposts explain more than half"):
        calibrate_goalposts(rng.uniform(1, 9, 40), rng.uniform(1, 99, 40), rounding=0.1)


@pytest.mark.parametrize(
    ("given", "scores", "options"),
    [
        ([1.0, 2.0], [1.0], {}),
        ([1.0, 2.0], [1.0, 2.0], {"rounding": -1.0}),
        ([1.0, 2.0], [1.0, 2.0], {"rounding": 200.0}),
        ([1.0, 2.0], [1.0, 2.0], {"scale": 0.0}),
        ([1.0, math.inf], [1.0, 2.0], {}),
        ([1.0, 2.0], [1.0, 2.0], {"names": ["one"]}),
    ],
)
def test_input_that_is_wrong(given: list, scores: list, options: dict) -> None:
    with pytest.raises(InputError, match="calibrate"):
        calibrate_goalposts(given, scores, **{"rounding": 0.1, **options})


# --- Weights ---


def pillars(n: int, k: int, seed: int) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(5, 95, (n, k)), 1)


WEIGHTS = [
    ((0.25, 0.25, 0.2, 0.15, 0.15), 20),
    ((1 / 3, 1 / 3, 1 / 3), 3),
    ((0.4, 0.6), 5),
    ((2 / 9, 3 / 9, 4 / 9), 9),
    ((1.0, 0.0), 1),
]


@pytest.mark.parametrize(("weights", "denominator"), WEIGHTS)
def test_known_weights_are_found_again(weights: tuple[float, ...], denominator: int) -> None:
    p = pillars(60, len(weights), seed=denominator)
    index = np.round(p @ np.array(weights), 1)
    found = calibrate_weights(p, index, 0.1)
    assert found.mean == "arithmetic"
    assert found.weights == pytest.approx(weights)
    assert found.denominator == denominator
    assert all(a - 1e-9 <= w <= b + 1e-9 for w, (a, b) in zip(weights, found.intervals, strict=True))
    assert found.violations == ()


def test_a_geometric_index_is_told_from_an_arithmetic_one() -> None:
    p = pillars(50, 3, seed=4)
    index = np.round(np.exp(np.log(p) @ np.array([0.5, 0.3, 0.2])), 2)
    found = calibrate_weights(p, index, 0.01)
    assert (found.mean, found.denominator) == ("geometric", 10)
    assert found.weights == pytest.approx((0.5, 0.3, 0.2))
    assert dict(found.tried)["arithmetic"] > 10


def test_a_score_of_zero_has_no_geometric_mean() -> None:
    p = pillars(20, 2, seed=5)
    p[3, 0] = 0.0
    found = calibrate_weights(p, np.round(p.mean(axis=1), 1), 0.1)
    assert dict(found.tried) == {"arithmetic": 0, "geometric": None}


def test_a_wrong_row_of_the_index_is_named() -> None:
    p = pillars(40, 4, seed=6)
    index = np.round(p @ np.array([0.4, 0.3, 0.2, 0.1]), 1)
    index[7] += 5
    found = calibrate_weights(p, index, 0.1, names=[f"U{i}" for i in range(40)])
    assert [v.name for v in found.violations] == ["U7"]
    assert found.violations[0].by == pytest.approx(5, abs=0.06)
    assert found.weights == pytest.approx((0.4, 0.3, 0.2, 0.1))


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_wrong_rows_are_named_among_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wrong = sorted(rng.choice(120, 8, replace=False).tolist())
    by = rng.uniform(1, 9, 8) * rng.choice([-1, 1], 8)
    given = rng.uniform(5, 95, 120)
    scores = np.round(100 * (given - 5) / 90, 1)
    scores[wrong] = np.clip(scores[wrong] + by, 0.1, 99.9)
    found = calibrate_goalposts(given, scores, rounding=0.1)
    off = np.abs(scores - 100 * (given - 5) / 90) > 0.06
    assert sorted(v.row - 1 for v in found.violations) == np.flatnonzero(off).tolist()
    assert (found.lo, found.hi) == (5.0, 95.0)
    p = pillars(120, 4, seed)
    index = np.round(p @ np.array([0.4, 0.3, 0.2, 0.1]), 1)
    index[wrong] += by
    again = calibrate_weights(p, index, 0.1)
    assert sorted(v.row - 1 for v in again.violations) == wrong
    assert again.weights == pytest.approx((0.4, 0.3, 0.2, 0.1))


def test_rounded_pillars_need_their_own_allowance() -> None:
    exact = np.random.default_rng(7).uniform(5, 95, (60, 3))
    index = np.round(exact @ np.array([0.5, 0.3, 0.2]), 1)
    found = calibrate_weights(np.round(exact), index, 0.1, pillar_rounding=1.0)
    assert found.violations == ()
    assert all(a <= w <= b for w, (a, b) in zip((0.5, 0.3, 0.2), found.intervals, strict=True))


def test_few_rows_leave_wide_intervals() -> None:
    found = calibrate_weights([[10.0, 50.0, 90.0]], [50.0], 1.0)
    assert found.weights == pytest.approx((1 / 3,) * 3)
    assert found.intervals[1] == pytest.approx((0, 1), abs=1e-3)


def test_weights_that_cannot_be_found() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(MethodError, match="more than half of the rows"):
        calibrate_weights(rng.uniform(1, 9, (30, 2)), rng.uniform(1, 99, 30), 0.1)
    with pytest.raises(MethodError, match="no unit has all pillars"):
        calibrate_weights([[1.0, NAN]], [1.0], 0.1)
    for bad in (
        ([1.0, 2.0], [1.0], 0.1),
        ([[1.0, 2.0]], [1.0, 2.0], 0.1),
        ([[1.0]], [1.0], -0.1),
        ([[math.inf]], [1.0], 0.1),
    ):
        with pytest.raises(InputError):
            calibrate_weights(*bad)


# --- Fewest digits ---


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.48, 0.53, 0.5), (97.2, 103.9, 100), (74_980, 75_020, 75_000), (-3.0, 1.0, 0), (0.234, 0.236, 0.235),
        (-103.9, -97.2, -100), (5.447, 5.456, 5.45), (19.94, 20.06, 20), (1e-9, 1.2e-9, 1e-9), (84.9, 84.9, 84.9),
        (180.0, 220.0, 200), (1234.5678, 1234.5679, 1234.5678),
    ],
)  # fmt: skip
def test_snapped(low: float, high: float, expected: float) -> None:
    assert snapped(low, high)[0] == pytest.approx(expected, rel=1e-6)
