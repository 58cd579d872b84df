"""Measures of the divide in general: against sums over all pairs, other units, copies, other orders, small nudges."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.observatory.divide import (
    bootstrap_measures,
    concentration_indices,
    decompose,
    decompose_change,
    decompose_nested,
    group_measures,
    influence,
    measures,
)
from concordat.observatory.divide.table import NAMES

Rows = list[tuple[float, float, str]]
RATIOS = ("palma", "s80_s20", "p90_p10", "ratio")
LEVELS = ("mean", "gap")  # in the unit of the figures; all others do not know it

figure = st.one_of(st.integers(1, 100).map(float), st.floats(0.01, 100))
weight = st.one_of(st.just(1.0), st.floats(0.01, 1e6))
group = st.sampled_from("ABC")
rows = st.lists(st.tuples(figure, weight, group), min_size=4, max_size=25)


def columns(drawn: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, w, g = zip(*drawn, strict=True)
    return np.array(y), np.array(w), np.array(g)


def by_pairs(y: np.ndarray, w: np.ndarray) -> dict[str, float]:
    """The measures as sums over rows and pairs of rows, on plain lists."""
    p = [a / math.fsum(w) for a in w]
    mu = math.fsum(a * b for a, b in zip(p, y, strict=True))
    n = range(len(p))
    r = [v / mu for v in y]
    log_mean = math.fsum(a * math.log(b) for a, b in zip(p, r, strict=True))
    squares = math.fsum(p[i] * p[j] * (r[i] - r[j]) ** 2 for i in n for j in n) / 2
    return {
        "mean": mu,
        "gini": math.fsum(p[i] * p[j] * abs(y[i] - y[j]) for i in n for j in n) / (2 * mu),
        "theil_t": math.fsum(a * b * math.log(b) for a, b in zip(p, r, strict=True)),
        "theil_l": -log_mean,
        "ge2": squares / 2,
        "cv": math.sqrt(squares),
        "atkinson_05": 1 - math.fsum(a * math.sqrt(b) for a, b in zip(p, r, strict=True)) ** 2,
        "atkinson_1": 1 - math.exp(log_mean),
        "hoover": math.fsum(a * abs(b - 1) for a, b in zip(p, r, strict=True)) / 2,
    }


@settings(max_examples=120)
@given(rows)
def test_measures_are_the_sums_over_all_pairs(drawn: Rows) -> None:
    y, w, _ = columns(drawn)
    found = measures(y, w)
    for name, expected in by_pairs(y, w).items():
        assert found[name].value == pytest.approx(expected, rel=1e-10, abs=1e-10 if name != "cv" else 1e-7), name


@settings(max_examples=80)
@given(rows, st.sampled_from([0.001, 0.37, 5.0, 1e6]), st.integers(2, 3))
def test_neither_unit_nor_copies_change_inequality(drawn: Rows, scale: float, copies: int) -> None:
    y, w, _ = columns(drawn)
    plain = measures(y, w)
    other = measures(np.tile(y * scale, copies), np.tile(w / 7, copies))
    for name in NAMES:
        factor = scale if name in LEVELS else 1.0
        found, expected = other[name].value, plain[name].value
        assert (found is None) == (expected is None), name
        if found is not None and expected is not None:
            assert found == pytest.approx(expected * factor, rel=1e-9, abs=1e-9 * factor), name
    assert 0 <= (plain["gini"].value or 0) < 1
    assert all((plain[name].value or 0) >= -1e-12 for name in ("theil_t", "theil_l", "ge2", "hoover"))


@settings(max_examples=60)
@given(rows, st.integers(0, 24))
def test_a_row_twice_is_a_row_of_double_weight(drawn: Rows, which: int) -> None:
    y, w, _ = columns(drawn)
    i = which % y.size
    heavy = w.copy()
    heavy[i] *= 2
    once, twice = measures(y, heavy), measures(np.append(y, y[i]), np.append(w, w[i]))
    for name in NAMES:
        a, b = once[name].value, twice[name].value
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-9, abs=1e-9), name


@settings(max_examples=60)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(drawn: Rows, random: object) -> None:
    other = list(drawn)
    random.shuffle(other)  # type: ignore[attr-defined]
    (y, w, _), (v, u, _) = columns(drawn), columns(other)
    one, two = measures(y, w), measures(v, u)
    assert {n: m.value for n, m in one.items()} == {n: m.value for n, m in two.items()}


@settings(max_examples=80)
@given(st.lists(st.tuples(st.floats(0.01, 99.99), weight), min_size=3, max_size=20))
def test_the_divide_of_the_have_nots_is_that_of_the_haves_over_another_mean(drawn: list[tuple[float, float]]) -> None:
    y, w = (np.array(column) for column in zip(*drawn, strict=True))
    haves, have_nots = measures(y, w, bounds=(0, 100)), measures(100 - y, w, bounds=(0, 100))
    mean = haves["mean"].value or 0.0
    left, right = (haves["gini"].value or 0) * mean, (have_nots["gini"].value or 0) * (100 - mean)
    assert left == pytest.approx(right, abs=1e-9)
    assert haves["gini_shortfall"].value == pytest.approx(have_nots["gini"].value, rel=1e-8, abs=1e-12)
    assert haves["gini_shortfall"].se == pytest.approx(have_nots["gini"].se, rel=1e-6, abs=1e-9)
    assert haves["offline"].value == pytest.approx(1 - mean / 100, abs=1e-12)


@settings(max_examples=80)
@given(rows, st.sampled_from(["theil_t", "theil_l", "ge2", "gini", -1.0, 0.5, 3.0]))
def test_between_and_within_add_up(drawn: Rows, measure: str | float) -> None:
    y, w, g = columns(drawn)
    found = (
        decompose(y, w, groups=g, measure=measure)
        if isinstance(measure, str)
        else decompose(y, w, groups=g, measure="ge", a=measure)
    )
    total = found.total.value
    scale = max(1.0, abs(total or 0))
    assert (found.between.value or 0) + (found.within.value or 0) == pytest.approx(total, abs=1e-12 * scale)
    assert math.fsum(part.share for part in found.parts) == pytest.approx(1, abs=1e-12)
    assert math.fsum(part.share_total for part in found.parts) == pytest.approx(1, abs=1e-12)
    for part in found.parts:
        mine = g == part.group
        if measure == "gini" and part.inside is not None:
            assert part.inside == pytest.approx(by_pairs(y[mine], w[mine])["gini"], abs=1e-9)
        elif measure in ("theil_t", "theil_l", "ge2"):
            assert part.inside == pytest.approx(by_pairs(y[mine], w[mine])[str(measure)], abs=1e-9)


@settings(max_examples=60)
@given(rows, st.sampled_from(["theil_t", "theil_l", "ge2"]))
def test_nested_levels_telescope(drawn: Rows, measure: str) -> None:
    y, w, g = columns(drawn)
    finer = np.array([f"{i % 2}" for i in range(y.size)])
    found = decompose_nested(y, w, levels={"bloc": g, "country": finer}, measure=measure)
    assert math.fsum(value for _, value in found.levels) + found.within == pytest.approx(found.total, abs=1e-12)
    assert found.levels[0][1] == pytest.approx(decompose(y, w, groups=g, measure=measure).between.value, abs=1e-12)
    both = np.char.add(g, finer)
    assert found.within == pytest.approx(decompose(y, w, groups=both, measure=measure).within.value, abs=1e-12)


@settings(max_examples=60)
@given(rows, st.randoms(use_true_random=False), st.sampled_from(["theil_t", "theil_l", "ge2"]))
def test_causes_of_a_change_add_up(drawn: Rows, random: object, measure: str) -> None:
    y, w, g = columns(drawn)
    later = [(a * random.uniform(0.5, 2), b * random.uniform(0.5, 2)) for a, b in zip(y, w, strict=True)]  # type: ignore[attr-defined]
    v, u = (np.array(column) for column in zip(*later, strict=True))
    found = decompose_change((y, w, g), (v, u, g), measure=measure)
    assert found.before == pytest.approx(by_pairs(y, w)[measure], abs=1e-10)
    assert found.after == pytest.approx(by_pairs(v, u)[measure], abs=1e-10)
    assert found.sizes + found.means + found.within == pytest.approx(found.change, abs=1e-12)
    same = decompose_change((y, w, g), (y * 3, w * 5, g), measure=measure)
    assert (same.sizes, same.means, same.within) == pytest.approx((0, 0, 0), abs=1e-12)


# --- Influence functions against numerical derivatives ------------------------------------------------------------

SMOOTH = ("mean", "gini", "theil_t", "theil_l", "ge2", "cv", "atkinson_05", "atkinson_1", "hoover", "palma", "s80_s20")


def nudged(value: Callable[[np.ndarray], float], w: np.ndarray) -> np.ndarray:
    """What the measure moves by, for each row, when its share grows by a little and all others shrink alike."""
    p, step = w / w.sum(), 1e-6
    slopes = []
    for i in range(w.size):
        more, less = p * (1 - step), p * (1 + step)
        more[i] += step
        less[i] -= step
        slopes.append((value(more) - value(less)) / (2 * step))
    return np.array(slopes)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40).map(float), st.floats(0.5, 3)), min_size=8, max_size=16))
def test_influence_is_the_numerical_derivative(drawn: list[tuple[float, float]]) -> None:
    y, w = (np.array(column) for column in zip(*drawn, strict=True))
    w = w * np.linspace(1, 1.01, w.size)  # no cumulative share falls on a quantile, where there are two derivatives
    if np.count_nonzero(y) < 4:
        return
    found = measures(y, w, bounds=(0, 100))
    for name in (*SMOOTH, "gini_shortfall", "offline"):
        value = found[name].value
        if value is None or value == 0:
            continue
        z = influence(name, y, w, bounds=(0, 100))

        def again(p: np.ndarray, name: str = name) -> float:
            return float(measures(y, p, bounds=(0, 100), names=[name])[name].value or 0)

        expected = nudged(again, w)
        assert z == pytest.approx(expected, abs=1e-5 * max(1.0, float(np.abs(expected).max()))), name
        assert float((w / w.sum() * z).sum()) == pytest.approx(0, abs=1e-9 * max(1.0, float(np.abs(z).max())))


def error_by_hand(value: Callable[[np.ndarray], float], w: np.ndarray) -> float:
    """The standard error from numerical derivatives alone."""
    parts = w / w.sum() * nudged(value, w)
    return math.sqrt(w.size / (w.size - 1) * math.fsum(parts * parts))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 60), st.floats(0.5, 3), group, st.integers(0, 6)), min_size=9, max_size=14))
def test_errors_of_parts_gaps_and_concentration_are_those_of_numerical_derivatives(
    drawn: list[tuple[float, float, str, int]],
) -> None:
    y, w, g, rank = (np.array(column) for column in zip(*drawn, strict=True))
    g[:3] = ("A", "B", "C")
    for measure in ("theil_t", "theil_l", "ge2", "gini"):
        for part in ("between", "within"):
            found = getattr(decompose(y, w, groups=g, measure=measure), part)
            by_hand = error_by_hand(
                lambda p, m=measure, k=part: getattr(decompose(y, p, groups=g, measure=m), k).value, w
            )
            assert found.se == pytest.approx(by_hand, rel=1e-4, abs=1e-7), (measure, part)
    options = {"rank_by": rank, "bounds": (0, 100), "extended": (3.0, 1.5)}
    for name, found in concentration_indices(y, w, **options).items():
        by_hand = error_by_hand(lambda p, k=name: concentration_indices(y, p, **options)[k].value, w)
        assert found.se == pytest.approx(by_hand, rel=1e-4, abs=1e-7), name
    for name, found in group_measures(y, w, groups=g, compare=("A", "B"), bounds=(0, 100)).items():
        by_hand = error_by_hand(
            lambda p, k=name: group_measures(y, p, groups=g, compare=("A", "B"), bounds=(0, 100))[k].value, w
        )
        assert found.se == pytest.approx(by_hand, rel=1e-3, abs=1e-6), name


# --- Redrawing ----------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(0, 1000))
def test_each_redrawn_sample_is_the_measure_of_its_rows(drawn: Rows, seed: int) -> None:
    """The batch against `measures`, one sample at a time, of the rows that the seed draws."""
    y, w, _ = columns(drawn)
    found = bootstrap_measures(y, w, seed=seed, draws=5)
    order = np.lexsort((w, y))
    picks = np.random.Generator(np.random.PCG64(seed)).integers(0, y.size, size=(5, y.size))
    for k, pick in enumerate(picks):
        one = measures(y[order][pick], w[order][pick])
        for name, column in found.draws.items():
            expected = one[name].value
            if expected is None:
                assert math.isnan(column[k]), name
            elif name not in ("p90_p10", "palma", "s80_s20", "wolfson"):
                assert column[k] == pytest.approx(expected, rel=1e-8, abs=1e-6 if name == "cv" else 1e-9), name
            else:
                assert column[k] == pytest.approx(expected, rel=1e-6, abs=1e-9), name
