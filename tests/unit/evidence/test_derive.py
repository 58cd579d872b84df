"""Areas combined from their parts, and rates implied by totals: specification of evidence, sections 3 and 6.

Figures are invented and the expected ones worked out by hand, so that each rule shows in a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concordat.evidence.catalogue import Catalogue
from concordat.evidence.derive import (
    COMBINE,
    IMPLIED_BREAKDOWN,
    IMPLIED_RATE,
    PER_PERSON,
    combine_parts,
    compare_rates,
    implied_rates,
    per_person,
)
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Problem

GZ, WE = "PSE.gz", "PSE.we"
WHOLE = "note: entry includes the West Bank and the Gaza Strip"
Observe = Callable[..., Observation]
Combine = Callable[..., tuple[list[Observation], list[Problem]]]


@pytest.fixture
def part(observe: Observe) -> Observe:
    def make(indicator_id: str, area: str, value: float | None, year: int = 2024, **columns: Any) -> Observation:
        return observe(value, area, year, indicator_id=indicator_id, area_type="part", source="cia_factbook", **columns)

    return make


@pytest.fixture
def people(part: Observe) -> list[Observation]:
    """Two million in Gaza Strip, three in the West Bank."""
    return [part("population", GZ, 2e6, precision=0.5), part("population", WE, 3e6, precision=0.5)]


@pytest.fixture
def combine(catalogue: Catalogue) -> Combine:
    """What is combined of one indicator, and the problems."""

    def make(rows: list[Observation], indicator_id: str) -> Any:
        made, problems = combine_parts(rows, catalogue)
        return [o for o in made if o.indicator_id == indicator_id], problems

    return make


# --- Combined areas -------------------------------------------------------------------------------------------------


def test_totals_are_summed_with_their_roundings(people: list[Observation], combine: Combine) -> None:
    (whole,), problems = combine(people, "population")
    assert (whole.area, whole.area_type, whole.value, whole.precision) == ("PSE", "country", 5e6, 1.0)
    assert (whole.derived_by, whole.processing_level) == (COMBINE, "minor")
    assert whole.derived_from == tuple(o.obs_id for o in people)
    assert (whole.raw_sha256, whole.raw_locator, problems) == ("", "", [])


def test_rates_are_weighted_by_population(part: Observe, people: list[Observation], combine: Combine) -> None:
    rates = [part("internet_users_pct", GZ, 80, precision=0.5), part("internet_users_pct", WE, 90, precision=0.5)]
    (whole,), _ = combine(rates + people, "internet_users_pct")
    assert whole.value == pytest.approx((2 * 80 + 3 * 90) / 5)  # 86
    assert whole.precision == pytest.approx(0.5)
    assert whole.derived_from == tuple(o.obs_id for o in rates + people)


def test_a_censored_part_makes_the_whole_an_interval(
    part: Observe, people: list[Observation], combine: Combine
) -> None:
    limit = part("fixed_broadband_per_100", GZ, None, lower=0.0, upper=1.0, censoring="below")
    (whole,), _ = combine([limit, part("fixed_broadband_per_100", WE, 10), *people], "fixed_broadband_per_100")
    assert (whole.value, whole.censoring) == (None, "interval")
    assert (whole.lower, whole.upper) == (pytest.approx(6.0), pytest.approx(6.4))  # 3/5 * 10, + 2/5 * 1


@pytest.mark.parametrize(
    ("years", "value", "reason"),
    [
        ((2024, 2024), 30, None),
        ((2024, 2023), 30, None),
        ((2023, 2024), 30, None),
        ((2024, 2022), None, "parts_of_different_years"),
    ],
)
def test_years_may_differ_by_one(
    part: Observe, combine: Combine, years: tuple[int, int], value: float | None, reason: str | None
) -> None:
    rows = [part("mobile_subscriptions", GZ, 10, years[0]), part("mobile_subscriptions", WE, 20, years[1])]
    (whole,), problems = combine(rows, "mobile_subscriptions")
    assert (whole.value, whole.missing_reason, whole.year) == (value, reason, 2024)
    assert [p.rule for p in problems] == ([] if value else ["parts_not_combined"])
    if len(set(years)) > 1:
        assert "2023" in whole.note or "2022" in whole.note


def test_each_year_that_all_parts_have_is_combined_and_the_others_are_not(part: Observe, combine: Combine) -> None:
    years = {GZ: (2020, 2021, 2024), WE: (2020, 2021)}
    rows = [part("mobile_subscriptions", area, 10, year) for area, known in years.items() for year in known]
    rows = [part("mobile_subscriptions", o.area, o.value + (o.area == WE), o.year) for o in rows if o.value]
    assert [(o.year, o.value) for o in combine(rows, "mobile_subscriptions")[0]] == [(2020, 21), (2021, 21)]


def test_a_figure_printed_for_both_together_is_taken_once_and_keeps_its_place(part: Observe, combine: Combine) -> None:
    rows = [
        part("mobile_subscriptions", area, 4e6, note=WHOLE, precision=0.5, raw_locator=f"{area}#/x")
        for area in (GZ, WE)
    ]
    (whole,), problems = combine(rows, "mobile_subscriptions")
    assert (whole.value, whole.precision, whole.note) == (4e6, 0.5, WHOLE)
    assert (whole.raw_locator, whole.raw_sha256) == (f"{GZ}#/x", rows[0].raw_sha256)
    assert problems == []


def test_equal_totals_that_do_not_say_so_are_taken_once_and_told(part: Observe, combine: Combine) -> None:
    rows = [part("mobile_subscriptions", area, 4e6) for area in (GZ, WE)]
    (whole,), (problem,) = combine(rows, "mobile_subscriptions")
    assert whole.value == 4e6
    assert (problem.rule, problem.severity, problem.area) == ("parts_equal", "warning", "PSE")


def test_a_part_without_the_figure_leaves_the_whole_missing(
    part: Observe, people: list[Observation], combine: Combine
) -> None:
    only = part("internet_users_pct", WE, 90)
    (whole,), _ = combine([only, *people], "internet_users_pct")
    assert (whole.value, whole.missing_reason) == (None, "low_coverage")
    unpublished = part("internet_users_pct", GZ, None, missing_reason="not_published")
    (whole,), _ = combine([only, unpublished, *people], "internet_users_pct")
    assert (whole.value, whole.missing_reason) == (None, "not_published")


def test_what_has_no_rule_and_what_has_no_population_is_not_combined(part: Observe, combine: Combine) -> None:
    for indicator_id in ("gini_index", "internet_users_pct"):
        rows = [part(indicator_id, GZ, 30), part(indicator_id, WE, 40)]
        (whole,), (problem,) = combine(rows, indicator_id)
        assert (whole.missing_reason, problem.rule) == ("not_applicable", "parts_not_combined")


def test_uninhabited_parts_have_no_say(part: Observe, combine: Combine) -> None:
    empty = part("population", "SJM.jn", None, missing_reason="uninhabited", obs_status="M")
    settled = part("population", "SJM.sv", 2_500)
    assert [(o.area, o.value) for o in combine([empty, settled], "population")[0]] == [("SJM", 2_500)]
    (whole,), _ = combine([empty], "population")
    assert (whole.missing_reason, whole.obs_status) == ("uninhabited", "M")


def test_units_and_breakdowns_are_never_mixed(part: Observe, combine: Combine) -> None:
    rows = [
        part("gdp_ppp_intl_2021", GZ, 10, unit="intl_usd_2021"),
        part("gdp_ppp_intl_2021", WE, 20, unit="intl_usd_2015"),
        part("population", GZ, 1, breakdown="sex=F"),
        part("population", WE, 2, breakdown="sex=M"),
    ]
    made, _ = combine(rows, "gdp_ppp_intl_2021")
    assert {(o.unit, o.value) for o in made} == {("intl_usd_2021", None), ("intl_usd_2015", None)}
    assert {o.value for o in combine(rows, "population")[0]} == {None}


def test_countries_are_left_alone(observe: Observe, catalogue: Catalogue) -> None:
    assert combine_parts([observe(80, "BRA"), observe(90, "ZAF")], catalogue) == ([], [])
    assert combine_parts([], catalogue) == ([], [])


# --- Implied rates --------------------------------------------------------------------------------------------------


@pytest.fixture
def country(observe: Observe) -> Callable[..., list[Observation]]:
    """A country of a million people in 2025, growing by 25 % a year: 800,000 in 2024, 640,000 in 2023."""

    def make(rate: float | None, total: float, year: int = 2024, **columns: Any) -> list[Observation]:
        source = columns.setdefault("source", "cia_factbook")
        return [
            observe(rate, "ETH", year, indicator_id="fixed_broadband_per_100", precision=0.5, **columns),
            observe(total, "ETH", year, indicator_id="fixed_broadband_subscriptions", precision=500.0, source=source),
            observe(1e6, "ETH", 2025, indicator_id="population", source=source),
            observe(25.0, "ETH", 2025, indicator_id="population_growth_pct", source=source),
        ]

    return make


Country = Callable[..., list[Observation]]


@pytest.mark.parametrize(
    ("rate", "total", "year", "implied", "inside"),
    [
        (10, 80_000, 2024, 10.0, True),
        (10, 76_000, 2024, 9.5, True),  # on the edge of the rounding interval
        (10, 75_999, 2024, 9.499875, False),
        (10, 84_000, 2024, 10.5, True),
        (10, 84_001, 2024, 10.500125, False),
        (10, 64_000, 2023, 10.0, True),  # population brought back by two years of growth
        (10, 100_000, 2025, 10.0, True),
    ],
)
def test_a_rate_is_implied_by_its_total_over_the_population_of_that_year(
    country: Country, catalogue: Catalogue, rate: float, total: float, year: int, implied: float, inside: bool
) -> None:
    (found,) = compare_rates(country(rate, total, year), catalogue)
    assert found.value == pytest.approx(implied)
    assert (found.inside, found.censored) == (inside, False)


def test_inside_it_is_a_row_of_its_own_marked_imputed_with_the_interval_kept(
    country: Country, catalogue: Catalogue
) -> None:
    rows = country(10, 81_000)
    (made,), problems = implied_rates(rows, catalogue)
    assert (made.breakdown, made.obs_status, made.derived_by) == (IMPLIED_BREAKDOWN, "I", IMPLIED_RATE)
    assert (made.value, made.lower, made.upper) == (pytest.approx(10.125), 9.5, 10.5)
    assert made.precision == pytest.approx(100 * 500 / 800_000)
    assert set(made.derived_from) == {o.obs_id for o in rows}
    assert made.obs_id != rows[0].obs_id  # it never replaces the printed rate
    assert problems == []


def test_outside_it_is_only_told_as_a_denominator_conflict(country: Country, catalogue: Catalogue) -> None:
    (made,), (problem,) = implied_rates(country(10, 160_000), catalogue)
    assert (made.value, made.lower, made.obs_status) == (pytest.approx(20), None, "E")
    assert (problem.rule, problem.severity, problem.area) == ("denominator_conflict", "info", "ETH")
    assert problem.text == "the total of 2024 implies 20, printed is 10 (2024)."


@pytest.mark.parametrize(("total", "inside"), [(0, True), (7_200, True), (8_000, True), (8_001, False)])
def test_a_censored_rate_is_placed_only_inside_its_interval(
    country: Country, catalogue: Catalogue, total: float, inside: bool
) -> None:
    rows = country(None, total, lower=0.0, upper=1.0, censoring="below")
    (made,), problems = implied_rates(rows, catalogue)
    assert made.value == pytest.approx(total / 8_000)
    assert (made.obs_status, made.censoring) == (("I", "below") if inside else ("E", "none"))
    assert (made.lower, made.upper) == ((0, 1) if inside else (None, None))
    assert [p.text for p in problems] == ([] if inside else ["the total of 2024 implies 1, printed is below 1 (2024)."])


@pytest.mark.parametrize("missing", ["fixed_broadband_subscriptions", "population", "population_growth_pct"])
def test_without_total_population_or_growth_nothing_is_implied(
    country: Country, catalogue: Catalogue, missing: str
) -> None:
    rows = [o for o in country(10, 80_000) if o.indicator_id != missing]
    assert compare_rates(rows, catalogue) == []


def test_growth_is_not_needed_in_the_population_s_own_year(country: Country, catalogue: Catalogue) -> None:
    rows = [o for o in country(10, 100_000, 2025) if o.indicator_id != "population_growth_pct"]
    (found,) = compare_rates(rows, catalogue)
    assert (found.value, found.growth) == (10.0, None)


@pytest.mark.parametrize(("column", "value"), [("population", 0.0), ("population_growth_pct", -100.0)])
def test_nothing_is_divided_by_no_people(
    observe: Observe, country: Country, catalogue: Catalogue, column: str, value: float
) -> None:
    rows = [o for o in country(10, 80_000) if o.indicator_id != column]
    assert compare_rates([*rows, observe(value, "ETH", 2025, indicator_id=column)], catalogue) == []


def test_parts_imply_nothing_because_their_totals_are_of_the_whole(
    part: Observe, people: list[Observation], catalogue: Catalogue
) -> None:
    rows = [part("fixed_broadband_per_100", GZ, 8), part("fixed_broadband_subscriptions", GZ, 4e5), *people]
    assert implied_rates(rows, catalogue) == ([], [])


# --- Figures per person ---------------------------------------------------------------------------------------------


def electricity(observe: Observe, **columns: Any) -> list[Observation]:
    """Eight hundred million kWh in 2024; a million people in 2025, growing by 25 % a year."""
    return [
        observe(8e8, "ETH", 2024, indicator_id="electricity_consumption_kwh", precision=5e5, **columns),
        observe(1e6, "ETH", 2025, indicator_id="population", **columns),
        observe(25.0, "ETH", 2025, indicator_id="population_growth_pct", **columns),
    ]


def test_a_figure_per_person_is_made_from_its_total_where_the_source_prints_none(
    observe: Observe, catalogue: Catalogue
) -> None:
    rows = electricity(observe, source="cia_factbook")
    (made,), _ = per_person(rows, catalogue)
    assert (made.indicator_id, made.unit, made.year) == ("electricity_consumption_kwh_per_person", "kwh", 2024)
    assert (made.value, made.precision) == (pytest.approx(1000), pytest.approx(0.625))  # over 800,000 people
    assert (made.obs_status, made.derived_by, made.breakdown) == ("E", PER_PERSON, "")
    assert set(made.derived_from) == {o.obs_id for o in rows}


def test_no_figure_per_person_is_made_where_the_source_has_one_or_of_parts_or_without_population(
    observe: Observe, part: Observe, country: Country, catalogue: Catalogue
) -> None:
    assert per_person(electricity(observe, source="worldbank_wdi"), catalogue) == ([], [])
    assert per_person(electricity(observe, source="cia_factbook")[:1], catalogue) == ([], [])
    printed = [o for o in country(10, 80_000) if o.indicator_id != "fixed_broadband_per_100"]
    assert per_person(printed, catalogue) == ([], [])
    assert per_person([part("electricity_consumption_kwh", GZ, 5), part("population", GZ, 5)], catalogue) == ([], [])
