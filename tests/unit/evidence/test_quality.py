"""Each quality rule once firing and once silent, and what quarantine does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from concordat.evidence.catalogue import Catalogue
from concordat.evidence.conflicts import IMPLIED_RATE
from concordat.evidence.observation import Observation
from concordat.evidence.quality import RULES, Finding, check_quality, quarantine
from concordat.evidence.sources._base import Problem

Observe = Callable[..., Observation]
# Specification of evidence, section 7; those that quarantine: sections 7 and 14.
RULES_OF_SPECIFICATION = (
    "stale dropped_old jump total_outside_parts zero_suspicious bounds year_inherited remark_contradicts_year "
    "denominator_conflict unit_unknown duplicate_key unverified_code"
)
QUARANTINING = {"zero_suspicious", "bounds", "duplicate_key"}
SPLIT = ("", "loc=rural", "loc=urban")


@pytest.fixture
def findings(catalogue: Catalogue) -> Callable[..., list[Finding]]:
    def find(*rows: Observation, rule: str = "", not_after: int = 2026, problems: Sequence[Problem] = ()) -> Any:
        found = check_quality(rows, catalogue, not_after=not_after, problems=problems)
        return [f for f in found if not rule or f.rule == rule]

    return find


Find = Callable[..., list[Finding]]


def test_the_rules_are_those_of_the_specification() -> None:
    assert " ".join(RULES) == RULES_OF_SPECIFICATION
    assert {rule.id for rule in RULES.values() if rule.quarantines} == QUARANTINING
    assert {rule.id for rule in RULES.values() if rule.severity == "error"} == QUARANTINING


# internet_users_pct: stale over 3 years, dropped over 10.
@pytest.mark.parametrize(
    ("year", "rules"),
    [
        (2026, []), (2023, []), (2022, ["stale"]), (2016, ["stale"]), (2015, ["dropped_old"]), (1990, ["dropped_old"]),
    ],
)  # fmt: skip
def test_a_figure_grows_stale_and_then_drops(observe: Observe, findings: Find, year: int, rules: list[str]) -> None:
    assert [f.rule for f in findings(observe(40.0, year=year))] == rules


def test_age_is_that_of_the_newest_figure_up_to_the_study_year(observe: Observe, findings: Find) -> None:
    rows = [observe(40.0, year=year) for year in (2010, 2024, 2028)]
    assert findings(*rows) == []  # that of 2024; 2028 is after the study's year
    assert [f.text for f in findings(rows[0], rows[2])] == [
        "internet_users_pct of BRA in 2010 is 16 years old; over 10 it is not used."
    ]


# internet_users_pct: more than 10 points in a year.
@pytest.mark.parametrize(
    ("before", "after", "fires"),
    [
        ((2022, 75.6), (2023, 90.6), True),  # China in the World Bank's series (specification, section 7)
        ((2022, 90.6), (2023, 75.6), True),
        ((2022, 70.0), (2023, 80.0), False),
        ((2022, 70.0), (2023, 80.01), True),
        ((2021, 70.0), (2023, 89.9), False),  # ten a year for two years
        ((2021, 70.0), (2023, 90.1), True),
    ],
)
def test_a_jump_is_a_change_per_year_beyond_the_limit(
    observe: Observe, findings: Find, before: tuple[int, float], after: tuple[int, float], fires: bool
) -> None:
    rows = [observe(value, "CHN", year) for year, value in (after, before)]
    found = findings(*rows, rule="jump")
    assert bool(found) is fires
    if fires:
        assert found[0].observations == (rows[1].obs_id, rows[0].obs_id)
        assert not found[0].quarantined
        assert f"{before[1]:g} in {before[0]}, {after[1]:g} in {after[0]}" in found[0].text


@pytest.mark.parametrize(
    "columns",
    [
        {"source": "cia_factbook"}, {"vintage_id": "other"}, {"breakdown": "sex=F"}, {"area": "IND"}, {"freq": "Q"},
        {"conf_status": "C"}, {"unit": "ratio"}, {"value": 101.0}, {"value": 9.06, "unit_mult": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_jump_is_seen_only_within_one_public_series(
    observe: Observe, findings: Find, columns: dict[str, Any]
) -> None:
    first = observe(85.0, "CHN", 2022)
    assert findings(first, observe(10.0, "CHN", 2023), rule="jump")
    assert not findings(first, observe(**{"value": 10.0, "area": "CHN", "year": 2023, **columns}), rule="jump")


@pytest.mark.parametrize(
    ("indicator", "values", "precision", "fires"),
    [
        # South Africa's electricity: 86.5 in all, 93.4 rural, 87.1 urban (specification, section 6).
        ("electricity_access_pct", (86.5, 93.4, 87.1), 0.05, True),
        ("electricity_access_pct", (90.0, 93.4, 87.1), 0.05, False),
        ("electricity_access_pct", (93.45, 93.4, 87.1), 0.05, False),
        ("electricity_access_pct", (93.6, 93.4, 87.1), 0.05, True),
        ("electricity_access_pct", (100.0, 100.0, 100.0), None, False),
    ],
)
def test_a_total_lies_between_its_parts(
    observe: Observe, findings: Find, indicator: str, values: tuple[float, ...], precision: float | None, fires: bool
) -> None:
    rows = [
        observe(value, "ZAF", indicator_id=indicator, breakdown=breakdown, precision=precision)
        for breakdown, value in zip(SPLIT, values, strict=True)
    ]
    assert bool(findings(*rows, rule="total_outside_parts")) is fires
    assert not findings(*rows[:2], rule="total_outside_parts")


@pytest.mark.parametrize(
    ("total", "women", "mult", "fires"),
    [(100.0, 51.0, 0, False), (101.0, 51.0, 0, False), (103.0, 51.0, 0, True), (0.1, 0.051, 3, False)],
)
def test_a_sum_is_the_sum_of_its_parts_within_their_roundings(
    observe: Observe, findings: Find, total: float, women: float, mult: int, fires: bool
) -> None:
    def row(value: float, breakdown: str, unit_mult: int) -> Observation:
        precision = 0.5 / 10**unit_mult
        columns = {"indicator_id": "population", "breakdown": breakdown, "unit_mult": unit_mult}
        return observe(value, precision=precision, **columns)

    rows = [row(total, "", mult), row(women, "sex=F", mult), row(49.0, "sex=M", 0)]
    found = findings(*rows, rule="total_outside_parts")
    assert bool(found) is fires
    assert all("its parts sum to 100" in f.text for f in found)


@pytest.mark.parametrize(
    ("indicator", "value", "fires"),
    [
        ("egovernment_index", 0.0, True),
        ("egovernment_index", -0.0, True),
        ("egovernment_index", 0.001, False),
        ("internet_users_pct", 0.0, False),
    ],
)
def test_a_zero_that_stands_for_missing_is_quarantined(
    observe: Observe, catalogue: Catalogue, findings: Find, indicator: str, value: float, fires: bool
) -> None:
    o = observe(value, "LBY", 2024, indicator_id=indicator)
    found = findings(o, rule="zero_suspicious")
    assert bool(found) is fires
    assert quarantine([o], catalogue) == ({(o.vintage_id, o.obs_id)} if fires else set())


def test_an_impossible_zero_says_so(observe: Observe, catalogue: Catalogue) -> None:
    strict = replace(catalogue.indicators["internet_users_pct"], check_zero="impossible")
    changed = Catalogue({strict.id: strict}, "")
    (found,) = check_quality([observe(0.0)], changed, not_after=2024)
    assert (found.rule, found.quarantined) == ("zero_suspicious", True)
    assert found.text == "internet_users_pct of BRA in 2024 is 0, which is impossible."


@pytest.mark.parametrize(
    ("columns", "fires"),
    [
        ({"value": 100.0}, False),
        ({"value": 0.0}, False),
        ({"value": 100.1}, True),
        ({"value": -0.1}, True),
        ({"value": 11.0, "unit_mult": 1}, True),
        ({"value": 9.0, "unit_mult": 1}, False),
        ({"lower": 101.0, "upper": 105.0, "censoring": "interval"}, True),
        ({"lower": 99.0, "upper": 105.0, "censoring": "interval"}, False),
        ({"value": 101.0, "unit": "ratio"}, False),
    ],
    ids=str,
)
def test_a_value_outside_the_catalogue_s_bounds_is_quarantined(
    observe: Observe, findings: Find, columns: dict[str, Any], fires: bool
) -> None:
    found = findings(observe(**{"value": None, **columns}), rule="bounds")
    assert [f.quarantined for f in found] == [True] * fires
    assert all(f.text.endswith("it can be 0 to 100.") for f in found)


def test_a_confidential_figure_is_in_no_text(observe: Observe, findings: Find) -> None:
    rows = [observe(value, year=year, conf_status="C") for year, value in ((2022, 37.25), (2023, 99.25), (2024, 123.5))]
    texts = " ".join(f.text for f in findings(*rows))
    assert "is confidential; it can be 0 to 100" in texts
    assert not any(number in texts for number in ("37.25", "99.25", "123.5"))


@pytest.mark.parametrize(
    ("columns", "fires"),
    [({}, True), ({"value": 41.0}, True), ({"vintage_id": "other"}, False), ({"year": 2023}, False)],
    ids=str,
)
def test_a_figure_that_stands_twice_in_one_vintage_is_quarantined_whole(
    observe: Observe, catalogue: Catalogue, findings: Find, columns: dict[str, Any], fires: bool
) -> None:
    rows = [observe(40.0), observe(**{"value": 40.0, **columns})]
    found = findings(*rows, rule="duplicate_key")
    assert len(found) == fires
    assert bool(quarantine(rows, catalogue)) is fires


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, None),
        ({"unit": "ratio"}, 'is in "ratio"; the catalogue says "percent"'),
        ({"indicator_id": "unheard_of"}, "the catalogue has no such indicator"),
    ],
)
def test_another_unit_than_the_catalogue_s_is_told(
    observe: Observe, findings: Find, columns: dict[str, Any], words: str | None
) -> None:
    found = findings(observe(40.0, **columns), rule="unit_unknown")
    assert (words is None) == (not found)
    assert words is None or words in found[0].text


@pytest.mark.parametrize(("code", "fires"), [*((c, False) for c in "ABDEFGHIJKLMNOPQSUVWX"), ("Z", True), ("a", True)])
def test_a_status_that_sdmx_does_not_list_is_flagged_and_left(
    observe: Observe, catalogue: Catalogue, findings: Find, code: str, fires: bool
) -> None:
    o = observe(40.0, obs_status=code)
    assert bool(findings(o, rule="unverified_code")) is fires
    assert not quarantine([o], catalogue)


def test_a_source_code_that_nobody_checked_is_told_once_for_a_source(
    observe: Observe, catalogue: Catalogue, findings: Find
) -> None:
    assert catalogue.indicators["population_growth_pct"].maps["worldbank_wdi"].status == "unverified"
    rows = [observe(1.0, area, indicator_id="population_growth_pct") for area in ("BRA", "IND", "ZAF")]
    assert len(findings(*rows, rule="unverified_code")) == 1
    assert not findings(observe(40.0), rule="unverified_code")


@pytest.mark.parametrize("rule", ["year_inherited", "remark_contradicts_year", "denominator_conflict"])
def test_what_only_the_parser_sees_becomes_a_finding(findings: Find, rule: str) -> None:
    problem = Problem(rule, "info", "africa/et.json#/x", "what was seen.", "internet_users_pct", "ETH")
    (found,) = findings(problems=[problem])
    assert (found.rule, found.where, found.text, found.area, found.quarantined) == (
        rule, "africa/et.json#/x", "what was seen.", "ETH", False,
    )  # fmt: skip
    assert findings(problems=[]) == []


def test_findings_come_in_the_order_of_the_rules_then_strangers(observe: Observe, findings: Find) -> None:
    strange = Problem("partner_unknown", "error", "x", "?")
    rows = [observe(140.0, "ZAF", 2026), observe(40.0, "BRA", 2020), observe(40.0, "BRA", 2010, breakdown="sex=F")]
    assert [f.rule for f in findings(*rows, problems=[strange])] == [
        "stale", "dropped_old", "bounds", "partner_unknown",
    ]  # fmt: skip
    assert findings(*rows) == findings(*reversed(rows))


def test_an_implied_rate_is_no_figure_of_a_publisher(observe: Observe, findings: Find) -> None:
    implied = {"derived_by": f"{IMPLIED_RATE}1", "breakdown": "derived=implied_rate"}
    assert findings(observe(40.0, year=1999, period_end=date(1999, 12, 31), **implied)) == []
