"""Two sources on one figure: when they conflict, by how much, who takes part, who is named first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from concordat.evidence.catalogue import Catalogue
from concordat.evidence.conflicts import (
    IMPLIED_RATE,
    as_data,
    conflicts_by_indicator,
    disagree,
    evidence_interval,
    find_conflicts,
    source_rank,
)
from concordat.evidence.observation import Observation

Observe = Callable[..., Observation]


@pytest.mark.parametrize(
    ("a", "b", "conflict"),
    [
        # The Factbook's integer against a source without rounding: 0.5 + 0 + 0.1 = 0.6 (specification, section 7).
        ({"value": 78.0, "precision": 0.5}, {"value": 78.6}, False),
        ({"value": 78.0, "precision": 0.5}, {"value": 77.4}, False),
        ({"value": 78.0, "precision": 0.5}, {"value": 78.61}, True),
        ({"value": 78.0, "precision": 0.5}, {"value": 90.6}, True),
        ({"value": 40.3, "precision": 0.05}, {"value": 40.4, "precision": 0.05}, False),
        ({"value": 40.3, "precision": 0.05}, {"value": 40.55, "precision": 0.05}, True),
        ({"value": 0.0}, {"value": 0.1}, False),
        ({"value": 0.0}, {"value": 0.1001}, True),
        # "less than 1" is 0 to 1; intervals conflict when they are disjoint (specification, section 7).
        ({"lower": 0.0, "upper": 1.0}, {"value": 0.4}, False),
        ({"lower": 0.0, "upper": 1.0}, {"value": 1.0}, False),
        ({"lower": 0.0, "upper": 1.0}, {"value": 1.1}, True),
        ({"lower": 0.0, "upper": 1.0}, {"value": 1.2}, True),
        ({"lower": 0.0, "upper": 1.0}, {"value": 1.5, "precision": 0.5}, False),
        ({"lower": 0.0, "upper": 1.0}, {"lower": 0.0, "upper": 5.0}, False),
        ({"lower": 0.0, "upper": 1.0}, {"lower": 2.0, "upper": 5.0}, True),
        ({"value": 2.0, "unit_mult": 3}, {"value": 2000.0}, False),
        ({"value": 2.0, "unit_mult": 3}, {"value": 2.0}, True),
        ({"value": 2.0, "unit_mult": 1, "precision": 0.5}, {"value": 25.0}, False),
    ],
)
def test_figures_conflict_beyond_both_roundings_and_the_tolerance(
    observe: Observe, a: dict[str, Any], b: dict[str, Any], conflict: bool
) -> None:
    def row(said: dict[str, Any]) -> Observation:
        return observe(**{"value": None, "censoring": "none" if "value" in said else "interval", **said})

    assert disagree(row(a), row(b), 0.1) is conflict
    assert disagree(row(b), row(a), 0.1) is conflict


def test_a_missing_figure_conflicts_with_nothing(observe: Observe) -> None:
    assert not disagree(observe(None, missing_reason="withheld"), observe(50.0), 0.1)


@pytest.mark.parametrize(
    ("said", "bounds", "wanted"),
    [
        ((78.0, None, None, 0.5), (0, 100), (77.5, 78.5)),
        ((100.0, None, None, 0.5), (0, 100), (99.5, 100.0)),
        ((0.0, None, None, 0.5), (0, 100), (0.0, 0.5)),
        ((78.0, None, None, None), (0, 100), (78.0, 78.0)),
        ((78.0, 70.0, 79.0, 0.5), (0, 100), (70.0, 79.0)),
        ((78.0, 77.9, None, 0.5), (0, 100), (77.5, 78.5)),
        ((None, 0.0, 1.0, None), (0, 100), (0.0, 1.0)),
        ((104.0, None, None, 0.5), (0, 100), (103.5, 104.0)),
        ((-3.0, None, None, 0.5), (0, 100), (-3.0, -2.5)),  # an impossible value still lies in its interval
        ((-3.0, None, None, 0.5), (None, None), (-3.5, -2.5)),
        ((None, None, None, None), (0, 100), None),
    ],
)
def test_evidence_interval_is_rounding_within_bounds_or_the_censor_interval(
    said: tuple[float | None, ...], bounds: tuple[float | None, float | None], wanted: tuple[float, float] | None
) -> None:
    parts = dict(zip(("value", "lower", "upper", "precision"), said, strict=True))
    assert evidence_interval(parts, bounds) == wanted


def test_a_conflict_names_both_figures_the_gap_and_the_limit(observe: Observe, catalogue: Catalogue) -> None:
    factbook = observe(78.0, "CHN", 2023, source="cia_factbook", precision=0.5)
    wdi = observe(90.6, "CHN", 2023)
    (found,) = find_conflicts([factbook, wdi], catalogue)
    assert (found.first, found.second) == (wdi, factbook)  # the catalogue believes the World Bank before the Factbook
    assert (found.indicator_id, found.area, found.breakdown, found.year) == ("internet_users_pct", "CHN", "", 2023)
    assert found.gap == pytest.approx(12.6)
    assert found.limit == pytest.approx(0.6)
    assert json.loads(json.dumps(as_data(found)))["sides"][1]["value"] == 78.0


@pytest.mark.parametrize(
    "columns",
    [
        {"source": "worldbank_wdi"},
        {"year": 2022},
        {"area": "IND"},
        {"breakdown": "sex=F"},
        {"unit": "ratio"},
        {"conf_status": "C"},
        {"conf_status": "N"},
        {"derived_by": f"{IMPLIED_RATE}1"},
        {"value": None, "missing_reason": "withheld"},
        {"indicator_id": "unheard_of"},
        {"value": 101.0},  # out of bounds, so quarantined
        {"period_start": date(2023, 7, 1)},
    ],
    ids=lambda columns: " ".join(map(str, columns.values())),
)
def test_rows_that_take_no_part(observe: Observe, catalogue: Catalogue, columns: dict[str, Any]) -> None:
    wdi = observe(90.6, "CHN", 2023, vintage_id="later", known_from=date(2026, 4, 1))
    other = observe(**{"value": 78.0, "area": "CHN", "year": 2023, "source": "cia_factbook", **columns})
    assert find_conflicts([wdi, other], catalogue) == []


def test_a_figure_that_stands_twice_in_a_vintage_takes_no_part(observe: Observe, catalogue: Catalogue) -> None:
    twice = [observe(value, "CHN", 2023) for value in (78.0, 79.0)]
    factbook = observe(50.0, "CHN", 2023, source="cia_factbook")
    assert find_conflicts([*twice, factbook], catalogue) == []
    assert len(find_conflicts([twice[0], factbook], catalogue)) == 1


def test_of_two_vintages_of_a_source_the_one_known_latest_speaks(observe: Observe, catalogue: Catalogue) -> None:
    old = observe(58.0, "IRQ", 2015, vintage_id="2020-10", known_from=date(2020, 10, 1))
    new = observe(15.2, "IRQ", 2015, vintage_id="2026-03", known_from=date(2026, 3, 1))
    other = observe(15.0, "IRQ", 2015, source="cia_factbook", precision=0.5)
    for rows in ([old, new, other], [other, new, old]):
        assert find_conflicts(rows, catalogue) == []
    assert [c.first for c in find_conflicts([old, other], catalogue)] == [old]


def test_three_sources_give_up_to_three_pairs_in_the_order_of_belief(observe: Observe, catalogue: Catalogue) -> None:
    rows = [
        observe(70.0, source="cia_factbook"),
        observe(80.0, source="itu"),
        observe(90.0, source="member_official:br"),
        observe(80.0, source="worldbank_wdi"),
    ]
    pairs = [(c.first.source_id, c.second.source_id) for c in find_conflicts(rows, catalogue)]
    assert sorted(pairs) == [
        ("itu", "cia_factbook"),
        ("member_official:br", "cia_factbook"),
        ("member_official:br", "itu"),
        ("member_official:br", "worldbank_wdi"),
        ("worldbank_wdi", "cia_factbook"),
    ]


def test_conflicts_are_sorted_and_grouped_by_indicator(observe: Observe, catalogue: Catalogue) -> None:
    rows = [
        observe(value, area, indicator_id=indicator, source=source)
        for indicator in ("population_growth_pct", "internet_users_pct")
        for area in ("ZAF", "BRA")
        for source, value in (("worldbank_wdi", 1.0), ("cia_factbook", 9.0))
    ]
    grouped = conflicts_by_indicator(find_conflicts(rows, catalogue))
    assert [(i, [c.area for c in found]) for i, found in grouped.items()] == [
        ("internet_users_pct", ["BRA", "ZAF"]),
        ("population_growth_pct", ["BRA", "ZAF"]),
    ]


def test_no_rows_have_no_conflicts(catalogue: Catalogue) -> None:
    assert find_conflicts([], catalogue) == []


def test_sources_rank_by_the_list_and_strangers_come_last_by_name() -> None:
    order = ("member_official", "itu", "cia_factbook")
    sources = ["zeta", "cia_factbook", "itu", "alpha", "member_official:za", "member_official:br"]
    ranked = sorted(sources, key=lambda source: source_rank(source, order))
    assert ranked == ["member_official:br", "member_official:za", "itu", "cia_factbook", "alpha", "zeta"]
