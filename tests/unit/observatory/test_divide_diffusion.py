"""Curves of adoption: derivatives, when no point is forecast, ceilings, filling gaps, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.observatory.divide import fill_curve, fit_diffusion
from concordat.observatory.divide._curves import CURVES, Clock

YEARS = np.arange(1995, 2016)


def logistic(years: Any, k: float, b: float, m: float) -> Any:
    return k / (1 + np.exp(-b * (np.asarray(years, dtype=float) - m)))


def noisy(years: Any, k: float, b: float, m: float, sd: float, seed: int = 3) -> Any:
    noise = np.random.Generator(np.random.PCG64(seed)).normal(0, sd, len(years))
    return np.maximum(0.0, logistic(years, k, b, m) + noise)


@pytest.mark.parametrize("name", sorted(CURVES))
@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.9])
def test_derivatives_are_those_of_the_curve(name: str, shift: float) -> None:
    curve, clock = CURVES[name], Clock(2005.0, 20.0, 1994.0)
    theta = {"bass": np.array([-2.0, 1.5]), "richards": np.array([1.8, 0.1, 0.4])}.get(name, np.array([1.8, 0.1]))
    theta = theta + shift
    slopes = curve.share(clock, YEARS.astype(float), theta)[1]
    for j in range(theta.size):
        step = np.zeros(theta.size)
        step[j] = 1e-6
        up, down = (curve.share(clock, YEARS.astype(float), theta + s)[0] for s in (step, -step))
        assert slopes[j] == pytest.approx((up - down) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("name", sorted(CURVES))
def test_shares_stay_between_nothing_and_all_however_far_the_parameters(name: str) -> None:
    curve, clock = CURVES[name], Clock(2005.0, 20.0, 1994.0)
    for size in (1.0, 30.0, 1e4):
        for sign in (-1, 1):
            share, slopes = curve.share(clock, YEARS.astype(float), np.full(curve.shapes, sign * size))
            assert ((share >= 0) & (share <= 1)).all()
            assert np.isfinite(slopes).all()


def test_named_parameters_are_those_of_the_printed_formulas() -> None:
    t = YEARS.astype(float)
    clock = Clock(2005.0, 20.0, 1994.0)
    theta = np.array([1.8, 0.1])
    n = CURVES["gompertz"].named(clock, theta)
    assert CURVES["gompertz"].share(clock, t, theta)[0] == pytest.approx(np.exp(-np.exp(-n["b"] * (t - n["m"]))))
    n = CURVES["bass"].named(clock, np.array([-2.0, 1.5]))
    grown, u = np.exp(-(n["p"] + n["q"]) * (t - n["origin"])), CURVES["bass"].share(clock, t, np.array([-2.0, 1.5]))[0]
    assert u == pytest.approx((1 - grown) / (1 + n["q"] / n["p"] * grown))
    theta = np.array([1.8, 0.1, -0.5])
    n = CURVES["richards"].named(clock, theta)
    plain = (1 + n["v"] * np.exp(-n["b"] * (t - n["m"]))) ** (-1 / n["v"])
    assert CURVES["richards"].share(clock, t, theta)[0] == pytest.approx(plain)


@pytest.mark.parametrize("name", sorted(CURVES))
def test_the_inflection_is_where_growth_is_fastest(name: str) -> None:
    curve, clock = CURVES[name], Clock(2005.0, 20.0, 1990.0)
    theta = {"bass": np.array([-1.0, 2.0]), "richards": np.array([1.8, 0.1, 0.4])}.get(name, np.array([1.8, 0.1]))
    fine = np.linspace(1991, 2030, 39001)
    growth = np.diff(curve.share(clock, fine, theta)[0])
    assert curve.inflection(clock, theta) == pytest.approx(fine[int(np.argmax(growth))], abs=2e-3)


@pytest.mark.parametrize(
    ("curve", "values", "reason"),
    [
        ("bass", 80 * (1 - np.exp(-0.2 * np.arange(1.0, 16.0))), "falling_from_the_start"),  # q = 0: no peak at all
        ("gompertz", 80 * np.exp(-np.exp(-0.3 * np.arange(3.0, 18.0))), "before_first_year"),  # its middle is 1997
        ("logistic", 80 / (1 + np.exp(-0.3 * (np.arange(15.0) - 20))), "no_inflection"),  # its middle is 2020
        ("logistic", [5.0, 18.0, 41.0, 62.0, 73.0], "too_few_points"),
        ("logistic", 80 / (1 + np.exp(-0.5 * (np.arange(15.0) - 7))), ""),
    ],
)
def test_the_fastest_year_is_one_that_was_observed_or_none_with_the_reason(
    curve: str, values: Any, reason: str
) -> None:
    fit = fit_diffusion(2000 + np.arange(len(values)), values, curve=curve)
    assert fit.inflection_reason == reason
    assert fit.inflection == (None if reason else pytest.approx(2007, abs=1e-4))


# --- What may be said -----------------------------------------------------------------------------------------------


def test_fewer_than_six_points_give_an_interval_and_no_point() -> None:
    fit = fit_diffusion([2000, 2003, 2006, 2009, 2012], [5.0, 18.0, 41.0, 62.0, 73.0])
    assert (fit.forecasts, fit.reason, fit.saturation.value) == (False, "too_few_points", None)
    (later,) = fit.predict([2020])
    assert later.value is None
    assert later.lower is not None
    assert all(c.aicc is None for c in fit.candidates if c.curve == "richards")


def test_no_inflection_in_sight_gives_an_interval_and_no_point() -> None:
    early = np.arange(1990, 2002)
    fit = fit_diffusion(early, noisy(early, 80, 0.4, 2006, 0.05), curve="logistic")
    assert (fit.forecasts, fit.reason) == (False, "no_inflection")
    inside, outside = fit.predict([2000, 2020])
    assert inside.value is not None
    assert (outside.value, outside.reason) == (None, "no_inflection")
    assert outside.lower is not None
    assert fit.years_to(60).value is None


def test_a_curve_that_has_hardly_begun_has_no_identified_ceiling() -> None:
    t = np.arange(1990, 2000)
    fit = fit_diffusion(t, np.exp(0.3 * (t - 1990)) * (1 + 0.02 * (-1.0) ** t), curve="logistic")
    assert not fit.identified
    assert fit.saturation.upper is None


def test_a_ceiling_holds_everything_below_it() -> None:
    t = np.arange(2000, 2012)
    y = noisy(t, 115, 0.5, 2006, 1.0)
    free = fit_diffusion(t, y, curve="logistic")
    assert free.parameters["K"] > 105
    fit = fit_diffusion(t, y, curve="logistic", ceiling=100)
    assert fit.parameters["K"] == 100
    assert (fit.saturation.upper, fit.saturation.reason) == (100, "held_by_ceiling")
    assert all(b.upper is not None and b.upper <= 100 for b in fit.predict([2015, 2040]))
    assert fit.squares > free.squares


def test_a_ceiling_above_the_best_one_changes_nothing_but_the_interval() -> None:
    t = np.arange(2000, 2020)
    y = noisy(t, 80, 0.5, 2008, 1.0)
    free, held = (fit_diffusion(t, y, curve="logistic", ceiling=c) for c in (None, 100))
    assert held.parameters == pytest.approx(free.parameters)
    assert held.saturation.lower == pytest.approx(free.saturation.lower, rel=1e-6)
    assert held.saturation.upper == pytest.approx(free.saturation.upper, rel=1e-6)


def test_years_to_a_level_and_the_value_in_a_year_are_one_profile() -> None:
    """The interval of the value in the year that ends the interval of the level ends at the level."""
    fit = fit_diffusion(YEARS, noisy(YEARS, 80, 0.4, 2006, 1.5), curve="logistic")
    reach = fit.years_to(70)
    assert reach.value is not None
    assert reach.lower is not None
    assert reach.upper is not None
    assert reach.lower < reach.value < reach.upper
    (early,), (late,) = fit.predict([reach.lower]), fit.predict([reach.upper])
    assert early.upper == pytest.approx(70, rel=1e-5)
    assert late.lower == pytest.approx(70, rel=1e-5)
    assert fit.fitted([reach.value])[0] == pytest.approx(70)


def test_a_level_above_the_ceiling_is_never_reached_but_may_be() -> None:
    fit = fit_diffusion(YEARS, noisy(YEARS, 80, 0.4, 2006, 1.5), curve="logistic")
    upper = fit.saturation.upper
    assert upper is not None
    perhaps, never = fit.years_to((fit.parameters["K"] + upper) / 2), fit.years_to(upper * 1.2)
    assert (perhaps.value, perhaps.reason, perhaps.upper) == (None, "never_reached", None)
    assert perhaps.lower is not None
    assert (never.value, never.lower, never.upper) == (None, None, None)


def test_a_level_passed_before_the_first_year_has_no_year() -> None:
    fit = fit_diffusion(YEARS, noisy(YEARS, 80, 0.4, 1997, 0.5), curve="logistic")
    found = fit.years_to(5)
    assert (found.value, found.lower, found.upper, found.reason) == (None, None, 1995.0, "before_first_year")


def test_the_interval_of_the_ceiling_is_where_the_least_squares_pass_the_threshold() -> None:
    """Second method: a grid over both shapes, K at the end of the interval."""
    t = np.arange(2000, 2014)
    y = noisy(t, 60, 0.5, 2006, 1.5)
    fit = fit_diffusion(t, y, curve="logistic")
    student = 2.200985160082949  # 0.975 of t with 11 degrees of freedom, from a table
    threshold = fit.squares * (1 + student**2 / 11)
    for end in (fit.saturation.lower, fit.saturation.upper):
        assert end is not None
        b, m = np.meshgrid(np.linspace(0.3, 0.8, 401), np.linspace(2004, 2008, 401))
        squares = ((y - end / (1 + np.exp(-b[..., None] * (t - m[..., None])))) ** 2).sum(axis=-1)
        assert squares.min() == pytest.approx(threshold, rel=2e-3)


def test_the_choice_is_by_aicc() -> None:
    y = noisy(YEARS, 80, 0.4, 2006, 1.0)
    fit = fit_diffusion(YEARS, y)
    assert {c.curve for c in fit.candidates} == set(CURVES)
    for c in fit.candidates:
        k = 5 if c.curve == "richards" else 4
        plain = 21 * math.log(c.squares / 21) + 2 * k + 2 * k * (k + 1) / (21 - k - 1)
        assert c.aicc == pytest.approx(plain)
    scores = [c.aicc for c in fit.candidates if c.aicc is not None]
    assert scores == sorted(scores)
    assert sum(c.weight for c in fit.candidates if c.weight is not None) == pytest.approx(1)


def test_the_same_seed_gives_the_same_fit_and_others_give_as_good_ones() -> None:
    y = noisy(YEARS, 80, 0.4, 2006, 1.0)
    first, again, other = (fit_diffusion(YEARS, y, seed=s) for s in (1, 1, 2))
    assert first.parameters == again.parameters
    assert other.squares == pytest.approx(first.squares, rel=1e-6)


# --- Filling gaps -----------------------------------------------------------------------------------------------------


def test_gaps_are_filled_and_observed_values_stay() -> None:
    y = noisy(YEARS, 80, 0.4, 2006, 1.0)
    holes = y.copy()
    holes[[0, 8, 20]] = np.nan
    filled = fill_curve(YEARS, holes)
    assert np.array_equal(filled[~np.isnan(holes)], y[~np.isnan(holes)])
    assert filled[[0, 8, 20]] == pytest.approx(logistic(YEARS[[0, 8, 20]], 80, 0.4, 2006), abs=3)


@pytest.mark.parametrize(
    "values",
    [
        [math.nan, 2.0, 4.0, 8.0, 16.0, 30.0],  # five observed
        [0.0, 0.0, 0.0, math.nan, 0.0, 0.0, 0.0],
        [-1.0, 0.0, 2.0, math.nan, 5.0, 8.0, 9.0],
        [math.nan] * 7,
    ],
)
def test_a_series_that_no_curve_may_fill_keeps_its_gaps(values: list[float]) -> None:
    found = fill_curve(range(2000, 2000 + len(values)), values)
    assert np.array_equal(found, values, equal_nan=True)


def test_what_lies_ahead_stays_empty_where_no_inflection_is_in_sight() -> None:
    t = np.arange(1990, 2003)
    y = noisy(t, 80, 0.4, 2006, 0.02)
    y[[5, 11, 12]] = np.nan
    filled = fill_curve(t, y)
    assert not np.isnan(filled[5])
    assert np.isnan(filled[11:]).all()


# --- Odd series and what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [5.0] * 10,
        [100.0] * 10,
        list(range(10)),
        [float(10 - i) for i in range(10)],
        [0.0] * 9 + [1.0],
        [0.0] * 5 + [50.0] * 5,
        [1e-9 * 2**i for i in range(10)],
        [1e9 * i for i in range(10)],
        [3.0, 80.0, 2.0, 75.0, 4.0, 60.0, 8.0, 90.0, 1.0, 50.0],
    ],
)
def test_odd_series_are_fitted_without_a_fault_and_intervals_hold_their_values(values: list[float]) -> None:
    fit = fit_diffusion(range(10), values)
    for found in (fit.saturation, *fit.predict([0, 5, 9, 15]), fit.years_to(max(values) / 2)):
        if found.value is not None:
            assert found.lower is None or found.lower <= found.value * (1 + 1e-9) + 1e-9
            assert found.upper is None or found.value <= found.upper * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: fit_diffusion([1, 2, 3], [1, 2, 3]), MethodError, "3 points are too few"),
        (lambda: fit_diffusion([1, 2, 3, 4], [1, 2, 3, 3], curve="richards"), MethodError, "needs 5"),
        (lambda: fit_diffusion(range(8), [0.0] * 8), MethodError, "begun"),
        (lambda: fit_diffusion(range(8), [-1.0, *range(7)]), MethodError, "below zero"),
        (lambda: fit_diffusion(range(8), range(8), curve="sigmoid"), InputError, "not a curve"),
        (lambda: fit_diffusion(range(8), range(8), ceiling=0), InputError, "ceiling"),
        (lambda: fit_diffusion(range(8), range(8), ceiling=math.nan), InputError, "ceiling"),
        (lambda: fit_diffusion(range(8), range(8), curve="bass", origin=3), InputError, "origin"),
        (lambda: fit_diffusion([1, 1, 2, 3, 4], range(5)), InputError, "stands twice"),
        (lambda: fit_diffusion(range(8), range(8)).predict([math.nan]), InputError, "not a number"),
        (lambda: fit_diffusion(range(8), range(8)).years_to(0), InputError, "level"),
    ],
)
def test_refused(call: Callable[[], Any], kind: type[ConcordatError], words: str) -> None:
    with pytest.raises(kind) as refusal:
        call()
    assert words in str(refusal.value)
