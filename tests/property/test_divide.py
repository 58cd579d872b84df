"""Measures of the divide against second methods: sums over all pairs, other units, other orders, points inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence.aggregate import Member
from concordat.evidence.kernels import gini, ordered
from concordat.observatory.divide import people_without, spread
from concordat.observatory.divide._ranges import CORNERS_FREE_MAX, deviation_range, gini_range, variation_range

TOLERANCE = 1e-9
MEASURES = ("gap", "ratio", "sd", "cv", "gini")

figure = st.one_of(st.integers(0, 100).map(float), st.floats(0.001, 100))
weight = st.one_of(st.just(1.0), st.floats(0.01, 1e9))
width = st.one_of(st.just(0.0), st.just(0.5), st.floats(0, 60, allow_subnormal=False).map(lambda v: round(v, 6)))
place = st.integers(0, 64).map(lambda n: n / 64)  # not so small that its square is no number any more


def member(area: int, x: float, below: float = 0.0, above: float = 0.0, weight: float = 1.0) -> Member:
    low, high = max(0.0, x - below), min(100.0, x + above)
    return Member(f"A{area:02}", x, low, high, 2024, weight, 2024)


def by_hand(x: Sequence[float], w: Sequence[float]) -> dict[str, float | None]:
    """The measures as sums over all pairs, on plain lists."""
    total = math.fsum(w)
    p = [each / total for each in w]
    mean = math.fsum(a * b for a, b in zip(p, x, strict=True))
    pairs = math.fsum(p[i] * p[j] * abs(x[i] - x[j]) for i in range(len(x)) for j in range(len(x)))
    squares = math.fsum(p[i] * p[j] * (x[i] - x[j]) ** 2 for i in range(len(x)) for j in range(len(x))) / 2
    return {
        "gap": max(x) - min(x),
        "ratio": max(x) / min(x) if min(x) > 0 else None,
        "sd": math.sqrt(squares),
        "cv": math.sqrt(squares) / mean if mean > 0 else None,
        "gini": pairs / (2 * mean) if mean > 0 else None,
    }


@settings(max_examples=150)
@given(st.lists(st.tuples(figure, weight), min_size=2, max_size=12))
def test_measures_equal_the_sums_over_all_pairs(rows: list[tuple[float, float]]) -> None:
    found = spread([member(i, x, weight=w) for i, (x, w) in enumerate(rows)], weighted=True)
    for name, expected in by_hand(*zip(*rows, strict=True)).items():
        assert found[name].value == (None if expected is None else pytest.approx(expected, rel=1e-7, abs=1e-6)), name


@settings(max_examples=100)
@given(st.lists(st.tuples(figure, width, width, weight), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_the_order_of_members_changes_nothing(rows: list[tuple[float, float, float, float]], random: object) -> None:
    members = [member(i, *row) for i, row in enumerate(rows)]
    shuffled = list(members)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = spread(members, weighted=True), spread(shuffled, weighted=True)
    for name in MEASURES:
        for end in ("value", "lower", "upper"):
            a, b = getattr(one[name], end), getattr(two[name], end)
            assert (a is None and b is None) or a == pytest.approx(b, rel=1e-9, abs=1e-9), (name, end)


@settings(max_examples=100)
@given(st.lists(st.tuples(figure, weight), min_size=2, max_size=9), st.sampled_from([1e-6, 0.25, 3.0, 1e9]))
def test_the_gini_does_not_know_the_unit(rows: list[tuple[float, float]], scale: float) -> None:
    x, w = (np.array(column) for column in zip(*rows, strict=True))
    if x.max() == 0:
        return
    assert gini(ordered(x * scale, w)) == pytest.approx(gini(ordered(x, w)), abs=1e-12)
    assert gini(ordered(x, w * scale)) == pytest.approx(gini(ordered(x, w)), abs=1e-12)
    assert gini(ordered(np.tile(x, 3), np.tile(w, 3))) == pytest.approx(gini(ordered(x, w)), abs=1e-12)


@settings(max_examples=120)
@given(
    st.lists(st.tuples(figure, width, width, weight, place), min_size=2, max_size=CORNERS_FREE_MAX + 8),
    st.booleans(),
)
def test_the_interval_holds_the_measure_of_every_point_inside(
    rows: list[tuple[float, float, float, float, float]], weighted: bool
) -> None:
    """With few uncertain members (all corners read) and with many (the bound)."""
    members = [member(i, *row[:4]) for i, row in enumerate(rows)]
    found = spread(members, weighted=weighted, share=True)
    weights = [row[3] if weighted else 1.0 for row in rows]
    corner = [m.upper if row[4] > 0.5 else m.lower for m, row in zip(members, rows, strict=True)]
    middle = [m.lower + row[4] * (m.upper - m.lower) for m, row in zip(members, rows, strict=True)]
    for point in (corner, middle, [m.lower for m in members], [m.upper for m in members]):
        inside = by_hand(point, weights)
        inside["gini_shortfall"] = by_hand([100 - x for x in point], weights)["gini"]
        for name, value in inside.items():
            low, high = found[name].lower, found[name].upper
            if value is None:
                continue
            assert low is not None, name
            assert low <= value + TOLERANCE * max(1, value), (name, point)
            assert high is None or value <= high + TOLERANCE * max(1, value), (name, point)
    for interval in found.values():
        if interval.value is not None and interval.lower is not None:
            assert interval.lower <= interval.value <= (math.inf if interval.upper is None else interval.upper)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(figure, width, width, weight), min_size=2, max_size=5))
def test_the_ends_are_reached(rows: list[tuple[float, float, float, float]]) -> None:
    """The upper end at a corner, the lower end at a point that a search over a grid does not get below by much."""
    members = [member(i, *row) for i, row in enumerate(rows)]
    low, high = (np.array([getattr(m, end) for m in members]) for end in ("lower", "upper"))
    w = np.array([row[3] for row in rows])
    p = w / w.sum()
    corners = [by_hand(c, w) for c in product(*zip(low, high, strict=True)) if sum(c) > 0]
    for name, ends in (("gini", gini_range(p, low, high)), ("cv", variation_range(p, low, high))):
        greatest = max((c[name] or 0.0 for c in corners), default=None)
        assert (ends is None) == (greatest is None)
        if ends is not None:
            assert ends[1] == pytest.approx(greatest, rel=1e-7, abs=1e-7)
            level = np.clip(np.linspace(low.min(), high.max(), 60)[:, None], low, high)
            grid = min((by_hand(x, w)[name] or 0.0 for x in level.tolist() if sum(x) > 0), default=math.inf)
            assert ends[0] <= grid + TOLERANCE
    every = [c["sd"] or 0.0 for c in (by_hand(c, w) for c in product(*zip(low, high, strict=True)))]
    assert deviation_range(p, low, high)[1] == pytest.approx(max(every), rel=1e-7, abs=1e-6)


@settings(max_examples=100)
@given(st.lists(st.tuples(figure, width, width, weight, place), min_size=1, max_size=8), st.lists(weight, max_size=2))
def test_people_without_add_up_and_shares_hold_every_point(
    rows: list[tuple[float, float, float, float, float]], populations: list[float]
) -> None:
    members = [member(i, *row[:4]) for i, row in enumerate(rows)]
    missing = {f"M{i}": w for i, w in enumerate(populations)}
    total, people, shares = people_without(members, missing)
    assert set(people) == set(shares) == {m.area for m in members}
    assert (total.value is None) == bool(missing)
    inside = [
        w * (1 - (m.lower + at * (m.upper - m.lower)) / 100) for m, (*_, w, at) in zip(members, rows, strict=True)
    ]
    whole = math.fsum(inside) + math.fsum(at * w for at, w in zip((0.3, 0.9), missing.values(), strict=False))
    slack = TOLERANCE * max(1.0, whole)
    assert total.lower is not None
    assert total.upper is not None
    assert total.lower - slack <= whole <= total.upper + slack
    if whole <= 1e-6:
        return
    for m, part in zip(members, inside, strict=True):
        share = shares[m.area]
        assert share.lower is not None
        assert share.upper is not None
        assert share.lower - 1e-6 <= 100 * part / whole <= share.upper + 1e-6
    if total.value:
        assert math.fsum(s.value or 0.0 for s in shares.values()) == pytest.approx(100)
