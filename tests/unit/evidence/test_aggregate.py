"""A bloc's figure: rules, coverage, interval, bounds, influence; and the record that says how it was made.

Numbers are worked by hand: A holds 80 with weight 3, B holds 40 with weight 1, so the mean is (240 + 40) / 4 = 70.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.evidence.aggregate import (
    Aggregate,
    Member,
    Moved,
    aggregate,
    check_thresholds,
    derive_bloc,
    derive_quantile,
    derive_with_other,
    pick_weights,
)
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Derived
from concordat.evidence.resolve import Chosen, resolve, yearly_series

Observe = Callable[..., Observation]
Make = Callable[..., Member]


@pytest.fixture
def two(member: Make) -> list[Member]:
    return [member("A", 80.0, 78.0, 81.0, weight=3.0), member("B", 40.0, 39.0, 44.0, weight=1.0)]


def test_weighted_mean_with_all_that_stands_beside_it(two: list[Member]) -> None:
    a = aggregate(reversed(two), ["A", "B"], bounds=(0, 100))
    assert (a.value, a.lower, a.upper) == (70.0, (3 * 78 + 39) / 4, (3 * 81 + 44) / 4)
    assert (a.n, a.n_total, a.coverage, a.reason, a.rule) == (2, 2, 1.0, None, "weighted_mean")
    assert (a.mean.value, a.mean.lower, a.mean.upper) == (60.0, 58.5, 62.5)
    assert (a.median.value, a.minimum.value, a.maximum.value) == (60.0, 40.0, 80.0)
    assert (a.minimum.areas, a.maximum.areas) == (("B",), ("A",))
    assert a.influence == Moved("A", 40.0, -30.0)
    assert a.bounds == (a.lower, a.upper)
    assert a.years == (2024, 2024)


@pytest.mark.parametrize(
    ("rule", "value", "lower", "upper", "influence"),
    [
        ("weighted_mean", 70.0, 68.25, 71.75, Moved("A", 40.0, -30.0)),
        ("sum", 120.0, 117.0, 125.0, Moved("A", 40.0, -80.0)),
        ("median", 60.0, 58.5, 62.5, Moved("A", 40.0, -20.0)),
    ],
)
def test_each_rule(two: list[Member], rule: str, value: float, lower: float, upper: float, influence: Moved) -> None:
    a = aggregate(two, ["A", "B"], rule=rule)
    assert (a.value, a.lower, a.upper, a.influence) == (value, lower, upper, influence)


def test_none_has_no_figure_of_the_bloc_and_keeps_its_members(two: list[Member]) -> None:
    a = aggregate(two, ["A", "B"], rule="none")
    assert (a.value, a.lower, a.reason, a.median.value) == (None, None, "not_applicable", 60.0)


@pytest.mark.parametrize(
    ("weight_of_missing", "n_total", "shown"),
    [
        (0.44, 3, False),  # 4 of 4.44 is 0.9009 of the weight, but 2 of 3 members is 0.67
        (0.44, 2, True),
        (0.45, 2, False),  # 4 of 4.45 is 0.8989
        (4 / 9, 2, True),  # exactly 0.90
    ],
)
def test_a_value_is_shown_for_nine_tenths_of_the_weight_and_seven_tenths_of_the_members(
    member: Make, weight_of_missing: float, n_total: int, shown: bool
) -> None:
    areas = ["A", "B", "C"][:n_total] if n_total == 3 else [*"ABDEFGHIJ", "C"]
    others = [member(area, 50.0, weight=0.0) for area in areas if area not in "ABC"]
    members = [member("A", 80.0, weight=3.0), member("B", 40.0, weight=1.0), *others]
    a = aggregate(members, areas, weights_of_missing={"C": weight_of_missing})
    assert (a.value == 70.0) is shown
    assert (a.reason, a.missing) == (None if shown else "low_coverage", ("C",))
    assert a.coverage == pytest.approx(4 / (4 + weight_of_missing))


def test_bounds_for_missing_members_come_from_the_catalogue(two: list[Member]) -> None:
    a = aggregate(two, ["A", "B", "C"], bounds=(0, 100), weights_of_missing={"C": 4.0})
    assert (a.value, a.lower, a.upper, a.reason, a.coverage) == (None, None, None, "low_coverage", 0.5)
    assert a.bounds == (0.5 * 68.25, 0.5 * 71.75 + 0.5 * 100)
    assert aggregate(two, ["A", "B", "C"], bounds=(0, None), weights_of_missing={"C": 4.0}).bounds[1] is None


def test_a_shown_figure_has_bounds_too_while_anybody_is_missing(member: Make) -> None:
    a = aggregate(
        [member("A", 80.0, weight=24.0)], ["A", "B"], bounds=(0, 100), weights_of_missing={"B": 1.0}, min_share=0.5
    )
    assert (a.value, a.coverage) == (80.0, 0.96)
    assert a.bounds == pytest.approx((76.8, 80.8))


def test_a_sum_is_shown_only_with_every_member_and_else_in_part(two: list[Member]) -> None:
    a = aggregate(two, ["A", "B", "C"], rule="sum")
    assert (a.value, a.reason, a.partial, a.n, a.n_total) == (None, "low_coverage", 120.0, 2, 3)


@pytest.mark.parametrize("rule", ["weighted_mean", "sum", "median", "none"])
def test_an_empty_bloc_has_nothing_and_does_not_fail(rule: str) -> None:
    for areas in ([], ["A", "B"]):
        a = aggregate([], areas, rule=rule, bounds=(0, 100))
        assert (a.value, a.n, a.coverage, a.missing) == (None, 0, 0.0, tuple(areas))
        assert a.reason == ("not_applicable" if rule == "none" else "low_coverage")
        assert a.bounds == ((0, 100) if rule in ("weighted_mean", "median") else (None, None))


def test_a_bloc_of_one_has_its_figure_and_no_influence(member: Make) -> None:
    a = aggregate([member("A", 80.0, weight=3.0)], ["A"])
    assert (a.value, a.coverage, a.influence) == (80.0, 1.0, None)


def test_members_of_other_blocs_do_not_count(two: list[Member], member: Make) -> None:
    a = aggregate([*two, member("Z", 0.0, weight=99.0)], ["A", "B"], weights_of_missing={"Y": 99.0, "A": 99.0})
    assert (a.value, a.coverage, a.n) == (70.0, 1.0, 2)


def test_all_weights_zero_is_low_coverage_not_a_division(member: Make) -> None:
    a = aggregate([member("A", 80.0, weight=0.0)], ["A"])
    assert (a.value, a.reason, a.mean.value) == (None, "low_coverage", 80.0)


@pytest.mark.parametrize(("weight_year", "used"), [(2019, True), (2029, True), (2018, False), (2030, False)])
def test_a_weight_is_used_within_five_years_of_the_value(member: Make, weight_year: int, used: bool) -> None:
    rows = [member("A", 80.0, weight=9.0), member("B", 40.0, weight=1.0, weight_year=weight_year)]
    a = aggregate(rows, ["A", "B"], min_share=0.5)
    assert a.value == (76.0 if used else 80.0)
    assert a.no_weight == (() if used else ("B",))
    assert a.coverage == (1.0 if used else 0.9)


def test_a_member_without_any_weight_is_named_and_left_out(two: list[Member], member: Make) -> None:
    a = aggregate([*two, member("C", 10.0, weight=None)], ["A", "B", "C"], min_coverage=0.5, min_share=0.5)
    assert (a.value, a.no_weight, a.n, a.have) == (70.0, ("C",), 2, 3)
    assert a.minimum.areas == ("C",)


@pytest.mark.parametrize("known", [True, False])
def test_a_missing_member_of_unknown_weight_may_weigh_anything(member: Make, known: bool) -> None:
    nine = [member(name, 50.0, 49.5, 50.5, weight=1.0) for name in "ABCDEFGHI"]
    weights = {"J": 1.0} if known else {}
    a = aggregate(nine, list("ABCDEFGHIJ"), bounds=(0.0, 100.0), weights_of_missing=weights)
    assert a.coverage == pytest.approx(0.9)
    wanted = (0.9 * 49.5, 0.9 * 50.5 + 10.0) if known else (0.0, 100.0)
    assert a.bounds == pytest.approx(wanted)


def test_a_censored_member_leaves_an_interval_and_no_point(two: list[Member], member: Make) -> None:
    a = aggregate([*two, member("C", None, 0.0, 1.0, weight=4.0)], ["A", "B", "C"])
    assert (a.value, a.reason, a.influence) == (None, "censored", None)
    assert (a.lower, a.upper) == (273 / 8, (287 + 4) / 8)
    assert a.censored == ("C",)
    assert (a.minimum.value, a.minimum.lower, a.minimum.upper, a.minimum.areas) == (None, 0.0, 1.0, ("C",))


def test_where_censored_the_extremes_name_whoever_may_hold_them(member: Make) -> None:
    rows = [member("A", 0.5), member("B", None, 0.0, 1.0), member("C", 9.0)]
    a = aggregate(rows, ["A", "B", "C"])
    assert a.minimum.areas == ("A", "B")
    assert a.maximum.areas == ("C",)


def test_stale_members_count_and_are_named(member: Make) -> None:
    a = aggregate([member("A", 80.0, stale=True)], ["A"])
    assert (a.value, a.coverage, a.stale) == (80.0, 1.0, ("A",))


def test_the_conflict_that_moves_the_figure_most_is_named(member: Make) -> None:
    rows = [member("A", 80.0, weight=3.0, others=(84.0,)), member("B", 40.0, others=(50.0, 20.0))]
    assert aggregate(rows, ["A", "B"]).conflict == Moved("B", 65.0, -5.0)


@pytest.mark.parametrize("given", [0.49, 0.0, 1.01, -1.0, float("nan")])
def test_thresholds_that_would_show_a_minority_are_refused(given: float) -> None:
    with pytest.raises(InputError, match=r"Give a share from 0.50 to 1 \(default: 0.90 and 0.70\)"):
        check_thresholds(given, 0.7)
    with pytest.raises(InputError, match="min_members"):
        aggregate([], [], min_share=given)


def test_a_study_may_ask_for_less_down_to_a_half(two: list[Member]) -> None:
    a = aggregate(two, ["A", "B", "C"], weights_of_missing={"C": 4.0}, min_coverage=0.5, min_share=0.5)
    assert (a.value, a.reason) == (70.0, None)


# --- The record in the book -------------------------------------------------------------------------------------------


@pytest.fixture
def world(observe: Observe, catalogue: Catalogue) -> Callable[..., tuple[Any, ...]]:
    """Figures and weights for BRA (80, weight 3) and IND (40, weight 1), and whatever rows are added."""

    def make(*more: Observation, indicator_id: str = "internet_users_pct", **columns: Any) -> tuple[Any, ...]:
        rows = [observe(v, a, indicator_id=indicator_id, **columns) for a, v in (("BRA", 80.0), ("IND", 40.0))]
        rows += [observe(v, a, indicator_id="population", **columns) for a, v in (("BRA", 3.0), ("IND", 1.0))]
        rows += more
        chosen = resolve(rows, catalogue, not_after=2026)
        figures = {key[1]: c for key, c in chosen.items() if key[0] == indicator_id}
        series = yearly_series(rows, catalogue, ["population"], not_after=2026)
        indicator = catalogue.indicators[indicator_id]
        areas = sorted({o.area for o in rows})
        return indicator, figures, pick_weights(indicator, figures, series, areas, not_after=2026), areas, chosen

    return make


World = Callable[..., tuple[Any, ...]]


def test_the_record_holds_the_figure_and_its_inputs(world: World) -> None:
    indicator, figures, weights, areas, _ = world()
    book = Book()
    record = derive_bloc(book, indicator, figures, weights, areas)
    wanted = {
        "value": 70.0,
        "n": 2,
        "n_total": 2,
        "coverage": 1.0,
        "coverage_pct": 100.0,
        "fallback": "",
        "reason": None,
    }
    assert {name: record.parts[name] for name in wanted} == wanted
    assert (record.parts["influence_area"], record.parts["influence_shift"]) == ("BRA", -30.0)
    assert (record.parts["weight_year_min"], record.parts["weight_year_max"]) == (2024, 2024)
    assert derive_bloc(book, indicator, figures, weights, reversed(areas)) is record


def test_weights_in_thousands_and_in_units_stand_together(observe: Observe, world: World) -> None:
    brazil = observe(0.003, "BRA", indicator_id="population", unit_mult=3, source="member_official:br")
    indicator, figures, weights, areas, _ = world(brazil)
    assert weights["BRA"] == brazil
    assert derive_bloc(Book(), indicator, figures, weights, areas).parts["value"] == pytest.approx(70.0)


def test_a_weight_is_of_the_value_s_year_or_the_nearest_and_the_earlier_of_two(observe: Observe, world: World) -> None:
    def people(value: float, year: int) -> Observation:
        return observe(value, "ZAF", year, indicator_id="population")

    figure = observe(50.0, "ZAF", 2022)
    rows = [people(1.0, 2020), people(2.0, 2021), people(3.0, 2023)]
    assert world(figure, *rows)[2]["ZAF"].year == 2021
    assert world(figure, *rows, people(4.0, 2022))[2]["ZAF"].year == 2022
    assert world(*rows)[2]["ZAF"].year == 2023  # without a figure: nearest to the study's year


def test_a_conflict_is_followed_through_to_the_bloc(observe: Observe, world: World) -> None:
    other = observe(60.0, "IND", source="cia_factbook", precision=0.5)
    indicator, figures, weights, areas, _ = world(other)
    book = Book()
    record = derive_bloc(book, indicator, figures, weights, areas)
    assert (record.parts["conflict_area"], record.parts["conflict_value"], record.parts["conflict_shift"]) == (
        "IND", 75.0, 5.0,
    )  # fmt: skip
    then = derive_with_other(book, record, other)
    assert then is not None
    assert (then.parts["value"], then.parts["mean"]) == (75.0, 70.0)
    assert derive_with_other(book, record, observe(1.0, "CHN")) is None


def test_the_other_figure_is_taken_in_its_unit(observe: Observe, world: World) -> None:
    indicator, figures, weights, areas, _ = world()
    book = Book()
    record = derive_bloc(book, indicator, figures, weights, areas)
    then = derive_with_other(book, record, observe(6.0, "IND", source="itu", unit_mult=1))
    assert then is not None
    assert then.parts["value"] == 75.0


def per_100(observe: Observe, source: str, **changed: Any) -> list[Observation]:
    """Subscriptions of BRA and IND: 30 of 100 people, 20 of 400 people."""
    numbers = {"BRA": 30.0, "IND": 20.0} | changed
    people = {"BRA": 100.0, "IND": 400.0}
    rows = [observe(v, a, indicator_id="fixed_broadband_subscriptions", source=source) for a, v in numbers.items()]
    return rows + [observe(v, a, indicator_id="population", source=source) for a, v in people.items()]


def sides(chosen: dict[tuple[str, str, str], Chosen]) -> dict[str, dict[str, Chosen]]:
    names = {"counts": "fixed_broadband_subscriptions", "bases": "population"}
    return {side: {k[1]: c for k, c in chosen.items() if k[0] == name} for side, name in names.items()}


def test_a_ratio_of_sums_divides_sums_of_one_producer(observe: Observe, world: World) -> None:
    rows = per_100(observe, "itu")
    indicator, figures, weights, areas, chosen = world(*rows, indicator_id="fixed_broadband_per_100", source="itu2")
    book = Book()
    record = derive_bloc(book, indicator, figures, weights, areas, **sides(chosen))
    assert (record.parts["rule"], record.parts["fallback"]) == ("ratio_of_sums", "")
    assert record.parts["value"] == 100 * 50 / 500
    # Without BRA 20 of 400 is 5, a shift of -5; without IND 30 of 100 is 30, a shift of 20.
    assert (record.parts["influence_area"], record.parts["influence_shift"]) == ("IND", 20.0)
    assert derive_with_other(book, record, observe(50.0, "BRA", indicator_id=indicator.id)) is None


def test_a_ratio_of_sums_falls_back_to_the_mean_of_rates_and_says_why(
    observe: Observe, world: World, catalogue: Catalogue
) -> None:
    def fallback(*rows: Observation) -> Derived:
        indicator, figures, weights, areas, chosen = world(*rows, indicator_id="fixed_broadband_per_100", source="zz")
        return derive_bloc(Book(), indicator, figures, weights, areas, **sides(chosen))

    factbook = fallback(*per_100(observe, "cia_factbook"))
    assert factbook.parts["rule"] == "weighted_mean"
    assert "another population" in factbook.parts["fallback"]
    mixed = per_100(observe, "itu")[:1] + per_100(observe, "worldbank_wdi")[1:]
    assert fallback(*mixed).parts["fallback"] == "counts and bases of different producers"
    assert fallback().parts["fallback"] == "no counts and bases for every member"
    older = [observe(v, a, 2023, indicator_id="population", source="itu") for a, v in (("BRA", 100.0), ("IND", 400.0))]
    other_years = [o for o in per_100(observe, "itu") if o.indicator_id != "population"] + older
    of_2023 = {"indicator_id": "fixed_broadband_per_100", "source": "zz", "year": 2023}
    rates = [observe(v, a, **of_2023) for a, v in (("BRA", 80.0), ("IND", 40.0))]
    chosen = resolve([*rates, *other_years], catalogue, not_after=2026)
    figures = {key[1]: c for key, c in chosen.items() if key[0] == "fixed_broadband_per_100"}
    indicator = catalogue.indicators["fixed_broadband_per_100"]
    record = derive_bloc(Book(), indicator, figures, {o.area: o for o in older}, ["BRA", "IND"], **sides(chosen))
    assert record.parts["fallback"] == "counts and bases of different years"


def test_without_and_with_an_invited_area(observe: Observe, world: World) -> None:
    rows = [observe(100.0, "SAU"), observe(1.0, "SAU", indicator_id="population")]
    indicator, figures, weights, areas, _ = world(*rows)
    book = Book()
    assert derive_bloc(book, indicator, figures, weights, ["BRA", "IND"]).parts["value"] == 70.0
    assert derive_bloc(book, indicator, figures, weights, areas).parts["value"] == 76.0


def test_an_aggregate_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        Aggregate(None, None, None, "sum", 0, 0, 0.0, None).value = 1.0  # type: ignore[misc]


# --- Quantiles of members ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "value"), [(25, 20.0), (50, 40.0), (75, 60.0), (100, 80.0)])
def test_a_quantile_counts_each_member_once_and_its_ends_are_quantiles_of_the_ends(
    observe: Observe, catalogue: Catalogue, percent: int, value: float
) -> None:
    figures = {"BRA": 80.0, "IND": 20.0, "CHN": 60.0, "ZAF": 40.0}
    rows = [observe(v, area, precision=0.5) for area, v in figures.items()]
    chosen = {key[1]: c for key, c in resolve(rows, catalogue, not_after=2026).items()}
    record = derive_quantile(Book(), chosen, percent)
    assert record.function == "evidence.aggregate.quantile@1"
    assert dict(record.parts) == {"value": value, "lower": value - 0.5, "upper": value + 0.5, "n": 4}


def test_a_quantile_with_a_member_known_as_an_interval_has_ends_and_no_value(
    observe: Observe, catalogue: Catalogue
) -> None:
    rows = [observe(80.0, "BRA"), observe(None, "ERI", lower=0.0, upper=1.0, censoring="below")]
    chosen = {key[1]: c for key, c in resolve(rows, catalogue, not_after=2026).items()}
    parts = derive_quantile(Book(), chosen, 50).parts
    assert (parts["value"], parts["lower"], parts["upper"]) == (None, 0.0, 1.0)
