"""Measures of the divide: by hand for few members, as intervals where one is only "less than", why there is none."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from concordat.evidence.aggregate import Interval, Member
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.provenance import Book, recompute
from concordat.observatory.divide import _ranges, counts_people, derive_group_gap, is_share, people_without, spread
from concordat.observatory.divide.measures import divide, group_gap


def member(area: str, value: float | None, lower: float, upper: float, weight: float = 1.0, year: int = 2024) -> Member:
    return Member(area, value, lower, upper, year, weight, year)


def exact(*values: float, weights: tuple[float, ...] = ()) -> list[Member]:
    w = weights or (1.0,) * len(values)
    return [member(f"A{i}", x, x, x, weight) for i, (x, weight) in enumerate(zip(values, w, strict=True))]


def only(**intervals: tuple[float, float]) -> list[Member]:
    """Members of which only an interval is known, or (of no width) a figure."""
    return [member(a, low if low == high else None, low, high) for a, (low, high) in intervals.items()]


# --- Measures of members' figures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "weighted", "expected"),
    [
        # mean 50, differences of 40 either way
        (exact(10, 90), False, {"gap": 80, "ratio": 9, "sd": 40, "cv": 0.8, "gini": 0.4, "gini_shortfall": 0.4}),
        # weights 3 and 1: mean 30, sd 80 sqrt(3/16), Gini 2 * 3/16 * 80 / 60; shortfalls 90 and 10, mean 70
        (exact(10, 90, weights=(3, 1)), True, {"sd": 80 * math.sqrt(3) / 4, "gini": 0.5, "gini_shortfall": 3 / 14}),
        (exact(10, 90, weights=(3, 1)), False, {"gini": 0.4, "sd": 40}),
        (exact(60, 60, 60), False, {"gap": 0, "ratio": 1, "sd": 0, "cv": 0, "gini": 0, "gini_shortfall": 0}),
        (exact(0, 50), False, {"gap": 50, "ratio": None, "sd": 25, "cv": 1, "gini": 0.5}),
        (exact(0, 0), False, {"gap": 0, "ratio": None, "sd": 0, "cv": None, "gini": None, "gini_shortfall": 0}),
        (exact(100, 100), False, {"gini": 0, "gini_shortfall": None}),
        (exact(10, 90, 55, weights=(3, 1, 0)), True, {"gap": 80, "gini": 0.5}),  # the third weighs nothing
    ],
)
def test_measures_by_hand(members: list[Member], weighted: bool, expected: dict[str, float | None]) -> None:
    found = spread(members, weighted=weighted, share=True)
    for name, value in expected.items():
        if value is None:
            assert found[name] == Interval(None, None, None), name
        else:
            for end in (found[name].value, found[name].lower, found[name].upper):
                assert end == pytest.approx(value, abs=1e-12), name


def test_equal_figures_have_no_divide_left_by_the_noise_of_doubles() -> None:
    found = spread(exact(*[0.1 + 0.2] * 7))
    assert (found["sd"].value, found["cv"].value, found["gini"].value) == (0.0, 0.0, 0.0)
    large = spread(exact(*[1e12 / 3] * 7))
    assert (large["sd"], large["gap"]) == (Interval(0.0, 0.0, 0.0), Interval(0.0, 0.0, 0.0))


def test_a_measure_needs_two_members() -> None:
    with pytest.raises(AssertionError, match="two members"):
        spread(exact(5))
    with pytest.raises(AssertionError, match="two members"):
        spread(exact(5, 6, weights=(1, 0)), weighted=True)


# --- Intervals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "lower", "upper"),
    [
        # B anywhere from 0 to 20 beside A at 10. Neither end gives the least divide: that is where B meets A.
        ("gini", 0.0, 0.5),
        ("cv", 0.0, 1.0),
        ("sd", 0.0, 5.0),
        ("gap", 0.0, 10.0),
        ("ratio", 1.0, None),  # nothing bounds it while B may be 0
    ],
)
def test_a_censored_member_makes_a_measure_an_interval(measure: str, lower: float, upper: float | None) -> None:
    found = spread(only(A=(10, 10), B=(0, 20)))[measure]
    assert found == Interval(None, pytest.approx(lower), None if upper is None else pytest.approx(upper))


@pytest.mark.parametrize(
    ("measure", "at"),
    [
        # 1 and 4 known, the third anywhere from 0 to 10. Least where the third is ...
        ("sd", 2.5),  # ... the mean of the others
        ("cv", 17 / 5),  # ... the sum of their squares over their sum
        ("gini", 4.0),  # ... where the order changes: (9 - 1)/(3 * 9) against 6/(3 * 6) at 1 and more at 0 and 10
    ],
)
def test_the_least_divide_lies_inside_the_interval(measure: str, at: float) -> None:
    found = spread(only(A=(1, 1), B=(4, 4), C=(0, 10)))[measure]
    there = spread(exact(1, 4, at))[measure].value
    assert there is not None
    assert found.lower == pytest.approx(there, abs=1e-12)
    assert all((spread(exact(1, 4, x))[measure].value or 0) >= there - 1e-12 for x in (0.01, 1, 2.4, 2.6, 3.3, 3.5, 10))


def test_several_intervals_are_taken_together_and_not_one_end_for_all() -> None:
    """All at their lower ends, or all at their upper, gives less than one low and one high."""
    found = spread(only(A=(10, 20), B=(10, 20)))
    assert (found["gini"].lower, found["gini"].upper) == (0.0, pytest.approx(10 / 60))
    assert (found["gap"].lower, found["gap"].upper) == (0.0, 10.0)
    assert (found["ratio"].lower, found["ratio"].upper) == (1.0, 2.0)


@pytest.mark.parametrize(("lower", "upper"), [((0, 30), (20, 50)), ((10, 10), (10, 10))])
def test_gap_and_ratio_never_pair_a_member_with_itself(lower: tuple[int, int], upper: tuple[int, int]) -> None:
    """The first member alone spans 20; the second is surely above or equal."""
    found = spread([member("A", None, lower[0], upper[0]), member("B", None, lower[1], upper[1])])
    assert (found["gap"].lower, found["gap"].upper) == (max(0, lower[1] - upper[0]), upper[1] - lower[0])


def test_values_below_zero_leave_the_ratio_out_and_keep_the_rest() -> None:
    found = spread([member("A", -2.0, -2.5, -1.5), member("B", 8.0, 7.5, 8.5)])
    assert found["ratio"] == Interval(None, None, None)
    assert found["gini"].value == pytest.approx(10 / 4 / 3)
    assert (found["gap"].lower, found["gap"].upper) == (9.0, 11.0)
    nothing = spread([member("A", -8.0, -8.5, -7.5), member("B", 8.0, 7.5, 8.5)])
    assert nothing["gini"] == nothing["cv"] == Interval(None, None, None)


def test_with_more_than_twelve_uncertain_members_the_upper_end_is_a_bound_and_stays_close() -> None:
    """Against every corner of the box, read here by a second method."""
    rng = np.random.default_rng(7)
    n = _ranges.CORNERS_FREE_MAX + 1
    corners = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    for concentration in (0.3, 50.0):
        p = rng.dirichlet(np.full(n, concentration)) + 1e-6
        p /= p.sum()
        x = np.round(rng.uniform(1, 99, n))
        low, high = x - 0.5, x + 0.5
        points = np.where(corners == 1, high, low)
        mean = points @ p
        difference = sum(p[i] * np.abs(points - points[:, [i]]) @ p for i in range(n))
        deviation = np.sqrt((points**2 @ p) - mean**2)
        true = {"gini": (difference / (2 * mean)).max(), "sd": deviation.max(), "cv": (deviation / mean).max()}
        gini, cv = _ranges.gini_range(p, low, high), _ranges.variation_range(p, low, high)
        found = {"gini": gini, "cv": cv, "sd": _ranges.deviation_range(p, low, high)}
        for name, ends in found.items():
            assert ends is not None
            assert true[name] - 1e-9 <= ends[1] <= true[name] + 0.002, name


@pytest.mark.parametrize(
    ("measure", "ends", "best", "other", "expected"),
    [
        # Everyone between the same two ends: with share P at the upper one the deviation is 100 sqrt(P (1 - P)), ...
        ("sd", (0, 100), 0.5, 0.3, 50.0),
        # ... between 10 and 90 (E x^2) / mu^2 is (100 + 8000 P) / (10 + 80 P)^2, greatest at P = 1/10, ...
        ("cv", (10, 90), 0.1, 0.06, 4 / 3),
        # ... and the Gini is 80 P (1 - P) / (10 + 80 P), greatest at P = 1/4.
        ("gini", (10, 90), 0.25, 0.2, 0.5),
    ],
)
def test_the_bound_is_not_too_low_where_one_member_alone_makes_the_greatest_divide(
    measure: str, ends: tuple[int, int], best: float, other: float, expected: float
) -> None:
    """The second member at its upper end, all others at their lower: no chain of members in order comes by there."""
    rest = 11
    p = np.array([other, best, *[(1 - best - other) / rest] * rest])
    low, high = np.full(p.size, float(ends[0])), np.full(p.size, float(ends[1]))
    ranges = {"sd": _ranges.deviation_range, "cv": _ranges.variation_range, "gini": _ranges.gini_range}
    found = ranges[measure](p, low, high)
    assert found == (pytest.approx(0.0, abs=1e-12), pytest.approx(expected, rel=5e-3))
    assert found is not None
    assert found[1] >= expected - 1e-12


def test_a_world_of_members_takes_no_corners() -> None:
    n = 250
    low, p = np.linspace(0, 99, n), np.full(n, 1 / n)
    ends = _ranges.gini_range(p, low, low + 1)
    assert ends is not None
    assert 0.32 < ends[0] < ends[1] < 0.35  # about a third, as for evenly spread figures from 0


# --- People without -----------------------------------------------------------------------------------------------


def test_people_without_and_their_shares() -> None:
    members = [member("A", 75.0, 74.0, 76.0, 400), member("B", 50.0, 50.0, 50.0, 100), member("C", 100, 100, 100, 9)]
    total, people, shares = people_without(members, {})
    assert total == Interval(150.0, 146.0, 154.0)
    assert people["A"] == Interval(100.0, pytest.approx(96), pytest.approx(104))
    assert shares["A"].value == pytest.approx(200 / 3)
    assert (shares["A"].lower, shares["A"].upper) == (pytest.approx(9600 / 146), pytest.approx(10400 / 154))
    assert (shares["B"].lower, shares["B"].upper) == (pytest.approx(5000 / 154), pytest.approx(5000 / 146))
    assert shares["C"] == Interval(0.0, 0.0, 0.0)


def test_a_member_without_a_figure_may_have_none_or_all_of_its_people_without() -> None:
    total, people, shares = people_without([member("A", 75.0, 75.0, 75.0, 400)], {"B": 300.0})
    assert total == Interval(None, 100.0, 400.0)
    assert (shares["A"].value, shares["A"].lower, shares["A"].upper) == (None, 25.0, 100.0)
    assert "B" not in people


def test_nobody_without_has_no_shares() -> None:
    total, _, shares = people_without([member("A", 100.0, 100, 100, 5), member("B", 100.0, 100, 100, 5)], {})
    assert (total.value, shares["A"]) == (0.0, Interval(None, None, None))


@pytest.mark.parametrize(
    ("indicator", "people", "share"),
    [
        ("internet_users_pct", True, True),
        ("electricity_access_pct", True, True),
        ("mobile_subscriptions_per_100", False, False),  # passes 100
        ("unemployment_pct", False, True),  # nobody is "without" unemployment
        ("education_expenditure_pct_gdp", False, True),  # a share of money
        ("gdp_growth_pct", False, False),
    ],
)
def test_which_figures_count_people(indicator: str, people: bool, share: bool) -> None:
    found = load_catalogue().indicators[indicator]
    assert (counts_people(found), is_share(found)) == (people, share)


# --- The record ---------------------------------------------------------------------------------------------------

DEFAULTS = {"min_coverage": 0.9, "min_share": 0.7, "people": True, "share": True, "weight": "population"}


def figure(area: str, value: float | None, lower: float, upper: float, **more: Any) -> dict[str, Any]:
    head = {"value": value, "lower": lower, "upper": upper, "year": 2024, "area": area, "stale": False}
    return {**head, "imputed": False, "reason": None, **more}


def weight(area: str, value: float, year: int = 2024) -> dict[str, Any]:
    return {"value": value, "lower": None, "upper": None, "year": year, "area": area, "unit_mult": 0}


def measured(figures: list[dict[str, Any]], weights: list[dict[str, Any]], areas: str, **more: Any) -> dict[str, Any]:
    parameters = {**DEFAULTS, "areas": areas.split(), "values": len(figures), "weights": len(weights), **more}
    return divide([*figures, *weights], parameters)


A, B = figure("A", 10.0, 9.5, 10.5), figure("B", 90.0, 89.5, 90.5)
W = [weight("A", 300.0), weight("B", 100.0)]


def test_the_record_holds_every_measure_with_both_ends() -> None:
    parts = measured([A, B], W, "A B")
    assert (parts["n"], parts["n_total"], parts["reason"], parts["weighted_reason"]) == (2, 2, None, None)
    assert (parts["mean"], parts["min"], parts["min_areas"], parts["max_areas"]) == (50.0, 10.0, "A", "B")
    assert (parts["weighted_mean"], parts["weighted_mean_lower"], parts["weighted_mean_upper"]) == (30.0, 29.5, 30.5)
    assert (parts["gini"], parts["weighted_gini"]) == (0.4, 0.5)
    assert (parts["people"], parts["people_A"], parts["share_B"]) == (280.0, 270.0, pytest.approx(1000 / 280))
    assert parts["unsure_areas"] == ""
    assert all(f"{name}_lower" in parts for name in ("gap", "ratio", "sd", "weighted_cv", "gini_shortfall", "share_A"))


@pytest.mark.parametrize(
    ("changed", "unsure"),
    [
        ({"value": None, "lower": 0.0, "upper": 1.0}, "A"),
        ({"value": 0.4, "lower": 0.0, "upper": 1.0, "imputed": True}, "A"),
        ({"other_1": 14.0, "upper": 14.0}, "A"),
        ({"stale": True}, ""),
    ],
)
def test_the_record_names_members_that_are_censored_or_in_conflict(changed: dict[str, Any], unsure: str) -> None:
    parts = measured([{**A, **changed}, B], W, "A B")
    assert parts["unsure_areas"] == unsure
    assert (parts["gini"] is None) == (changed.get("value", 10.0) is None)
    assert parts["gini_lower"] < parts["gini_upper"]


@pytest.mark.parametrize(
    ("figures", "weights", "areas", "more", "reasons"),
    [
        ([A, B], W, "A B", {}, (None, None, None)),
        ([A, B], W, "A B", {"people": False}, (None, None, "not_for_unit")),
        ([A, B], [], "A B", {"weight": ""}, (None, "no_weights", "no_weights")),
        ([A], W[:1], "A", {}, ("needs_two", "needs_two", "needs_two")),
        ([], [], "A B", {}, ("low_coverage", "no_weights", "no_weights")),
        ([A, B], [*W, weight("C", 9000.0)], "A B C", {}, ("low_coverage",) * 3),  # 2 of 3 members
        ([A, B], [weight("A", 300.0, 2010), W[1]], "A B", {}, (None, "low_coverage", "low_coverage")),
        # C holds 4 in 404 and has no figure: shown, with people from none to all of C
        ([A, B, figure("D", 50.0, 50.0, 50.0)], [*W, weight("C", 4.0), weight("D", 0.5)], "A B C D", {}, (None,) * 3),
        # ... and without a weight of C nobody knows how much of the whole the three are: 3 of 4 members, no more
        ([A, B, figure("D", 50.0, 50.0, 50.0)], [*W, weight("D", 0.5)], "A B C D", {}, (None, *("low_coverage",) * 2)),
    ],
)
def test_why_there_is_no_measure(
    figures: list[Any], weights: list[Any], areas: str, more: dict[str, Any], reasons: tuple[str | None, ...]
) -> None:
    parts = measured(figures, weights, areas, **more)
    assert (parts["reason"], parts["weighted_reason"], parts["people_reason"]) == reasons
    assert ("gini" in parts, "weighted_gini" in parts, "people" in parts) == tuple(r is None for r in reasons)


def test_a_figure_too_far_from_any_population_counts_as_unknown_people() -> None:
    old = figure("C", 50.0, 50.0, 50.0, year=2015)
    figures, weights = [A, B, old, figure("D", 100.0, 100.0, 100.0)], [*W, weight("C", 20.0), weight("D", 50.0)]
    parts = measured(figures, weights, "A B C D")
    assert (parts["people"], parts["people_lower"], parts["people_upper"]) == (None, 278.0, 302.0)
    assert parts["n"] == 4
    assert "people_C" not in parts


def test_the_record_is_made_again_from_its_inputs() -> None:
    book = Book()
    ids = [book.fact("demo.csv", "0" * 64, f"row {i}", parts) for i, parts in enumerate([A, B, *W])]
    parameters = {**DEFAULTS, "areas": ["A", "B"], "values": 2, "weights": 2}
    record = book.derive("observatory.divide.measures.divide@1", ids, parameters)
    assert recompute(record, book.__getitem__) == record.parts
    assert record.parts["gini"] == 0.4


# --- Inside members -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (figure("A", 94.0, 93.5, 94.5), figure("A", 43.0, 42.5, 43.5), (51.0, 50.0, 52.0)),
        (figure("A", 99.1, 99.05, 99.15), figure("A", 99.2, 99.15, 99.25), (-0.1, -0.2, 0.0)),  # not 1e-14
        (figure("A", None, 0.0, 1.0), figure("A", 43.0, 42.5, 43.5), (None, -43.5, -41.5)),
    ],
)
def test_a_gap_between_groups_holds_both_roundings(
    first: dict[str, Any], second: dict[str, Any], expected: tuple[float | None, float, float]
) -> None:
    parts = group_gap([first, second], {})
    assert (parts["value"], parts["lower"], parts["upper"]) == pytest.approx(expected, abs=1e-12)
    assert not 0 < abs(parts["upper"]) < 1e-9


@pytest.mark.parametrize(("missing", "years"), [(False, (2020, 2024)), (True, (2024, 2024))])
def test_groups_of_different_years_or_without_a_figure_have_no_gap(missing: bool, years: tuple[int, int]) -> None:
    first, second = SimpleNamespace(missing=False, year=years[0]), SimpleNamespace(missing=missing, year=years[1])
    book = Book()
    assert derive_group_gap(book, first, second) is None  # type: ignore[arg-type]
    assert not list(book)
