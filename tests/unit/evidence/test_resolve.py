"""Which figure is used: newest year, then the source believed first, then the one known latest; how sure it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from concordat.evidence.catalogue import Catalogue, load_catalogue
from concordat.evidence.conflicts import IMPLIED_RATE
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Derived
from concordat.evidence.resolve import Chosen, enter, resolve, yearly_series
from concordat.evidence.store import open_store

Observe = Callable[..., Observation]
KEY = ("internet_users_pct", "BRA", "")


@pytest.fixture
def choose(catalogue: Catalogue) -> Callable[..., Chosen]:
    """The figure chosen for Brazil; the same for every order of the rows."""

    def one(*rows: Observation, not_after: int = 2026, **options: Any) -> Chosen:
        found = [
            resolve(order, catalogue, not_after=not_after, **options)
            for order in itertools.permutations(rows, len(rows))
        ]
        assert all(f == found[0] for f in found)
        return found[0][KEY]

    return one


Choose = Callable[..., Chosen]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"year": 2024, "source": "cia_factbook"}, {"year": 2023, "source": "itu"}),
        ({"source": "itu"}, {"source": "worldbank_wdi"}),
        ({"source": "member_official:br"}, {"source": "itu"}),
        ({"source": "cia_factbook"}, {"source": "stranger"}),
        ({"known_from": date(2026, 5, 1), "vintage_id": "a"}, {"known_from": date(2026, 4, 1), "vintage_id": "b"}),
        ({"freq": "A", "dataset_id": "y"}, {"freq": "Q", "dataset_id": "x"}),
    ],
    ids=["newest year", "source order", "official first", "listed first", "known latest", "annual"],
)
def test_the_first_of_two_is_chosen_and_the_other_kept(
    observe: Observe, choose: Choose, first: dict[str, Any], second: dict[str, Any]
) -> None:
    one, two = observe(40.0, **first), observe(41.0, **second)
    found = choose(one, two)
    assert found.observation == one
    assert found.runners_up == (two,)
    assert found.value == 40.0  # and never 40.5


def test_an_older_year_of_a_better_source_is_no_conflict(observe: Observe, choose: Choose) -> None:
    found = choose(observe(70.0, year=2024, source="cia_factbook"), observe(50.0, year=2023, source="itu"))
    assert (found.value, found.conflicts, found.lower, found.upper) == (70.0, (), 70.0, 70.0)


@pytest.mark.parametrize(
    "columns",
    [
        {"conf_status": "C"}, {"conf_status": "N"}, {"unit": "ratio"}, {"year": 2027}, {"value": 140.0},
        {"derived_by": f"{IMPLIED_RATE}1"}, {"value": None, "missing_reason": "withheld"}, {"breakdown": "sex=F"},
    ],
    ids=str,
)  # fmt: skip
def test_rows_that_are_never_chosen(observe: Observe, choose: Choose, columns: dict[str, Any]) -> None:
    usable = observe(40.0, year=2020)
    found = choose(usable, observe(**{"value": 50.0, "year": 2026, "source": "itu", **columns}))
    assert (found.observation, found.runners_up, found.conflicts) == (usable, (), ())


def test_a_row_quarantined_by_the_caller_is_not_used(observe: Observe, choose: Choose) -> None:
    old, new = observe(40.0, year=2020), observe(50.0, year=2024)
    assert choose(old, new, quarantined={(new.vintage_id, new.obs_id)}).observation == old
    assert choose(old, new, quarantined=()).observation == new


# internet_users_pct: marked stale over 3 years, missing over 10.
@pytest.mark.parametrize(
    ("year", "stale", "missing"), [(2026, False, False), (2023, False, False), (2022, True, False), (2016, True, False)]
)
def test_an_old_figure_is_marked_and_used(
    observe: Observe, choose: Choose, year: int, stale: bool, missing: bool
) -> None:
    found = choose(observe(40.0, year=year))
    assert (found.age, found.stale, found.missing, found.value) == (2026 - year, stale, missing, 40.0)


def test_a_figure_past_the_limit_counts_as_missing_and_says_why(observe: Observe, choose: Choose) -> None:
    found = choose(observe(40.0, year=2015))
    assert (found.missing, found.value, found.lower, found.reason, found.age) == (True, None, None, "stale", 11)


def test_a_missing_row_gives_its_reason_and_a_figure_of_any_year_beats_it(observe: Observe, choose: Choose) -> None:
    withheld, older = observe(None, missing_reason="withheld"), observe(None, year=2020, missing_reason="not_published")
    assert choose(withheld, older).reason == "withheld"
    assert choose(withheld, observe(40.0, year=2020)).value == 40.0


def test_nothing_known_is_no_entry_at_all(catalogue: Catalogue) -> None:
    assert resolve([], catalogue, not_after=2026) == {}


def test_the_evidence_interval_is_the_hull_of_rounding_and_every_conflicting_value(
    observe: Observe, choose: Choose
) -> None:
    best = observe(78.0, source="itu", precision=0.5)
    near = observe(78.5, source="un_sdg")
    above, under = observe(90.6), observe(70.0, source="cia_factbook", precision=0.5)
    found = choose(best, near, above, under)
    assert found.conflicts == (above, under)
    assert (found.value, found.lower, found.upper) == (78.0, 70.0, 90.6)


def test_of_another_source_only_the_vintage_known_latest_can_conflict(observe: Observe, choose: Choose) -> None:
    best = observe(15.0, source="itu", precision=0.5)
    old = observe(58.0, vintage_id="2020-10", known_from=date(2020, 10, 1))
    new = observe(15.2, vintage_id="2026-03", known_from=date(2026, 3, 1))
    found = choose(best, old, new)
    assert (found.conflicts, found.upper) == ((), 15.5)
    assert found.runners_up == (new, old)


def test_rounding_does_not_leave_the_bounds(observe: Observe, choose: Choose) -> None:
    found = choose(observe(100.0, precision=0.5))
    assert (found.lower, found.value, found.upper) == (99.5, 100.0, 100.0)


def test_a_scaled_figure_is_chosen_in_its_unit(observe: Observe, catalogue: Catalogue) -> None:
    o = observe(1.4, indicator_id="population", unit_mult=9, precision=0.05)
    found = resolve([o], catalogue, not_after=2026)["population", "BRA", ""]
    assert (found.value, found.lower, found.upper) == pytest.approx((1.4e9, 1.35e9, 1.45e9))


def test_a_censored_figure_has_an_interval_and_no_value(below: Observe, choose: Choose) -> None:
    found = choose(below(1.0))
    assert (found.value, found.lower, found.upper, found.reason) == (None, 0.0, 1.0, "censored")
    assert found.censored
    assert not found.missing


@pytest.mark.parametrize(
    ("rate", "placed"), [(0.4, True), (0.0, True), (1.0, True), (1.1, False)], ids=["inside", "low", "high", "outside"]
)
def test_an_implied_rate_places_a_censored_figure_only_inside_its_interval(
    observe: Observe, below: Observe, choose: Choose, rate: float, placed: bool
) -> None:
    implied = observe(rate, derived_by=f"{IMPLIED_RATE}1", dataset_id="implied")
    found = choose(below(1.0), implied)
    assert (found.value, found.imputed) == ((rate, True) if placed else (None, False))
    assert (found.lower, found.upper) == (0.0, 1.0)


def test_of_several_implied_rates_the_nearest_in_time_places_it(
    observe: Observe, below: Observe, choose: Choose
) -> None:
    implied = [
        observe(rate, year=year, derived_by=f"{IMPLIED_RATE}1", dataset_id="implied")
        for year, rate in ((2019, 0.1), (2021, 0.2), (2025, 0.3))
    ]
    assert choose(below(1.0, year=2022), *implied).value == 0.2
    assert choose(below(1.0, year=2023), *implied).value == 0.3  # of two as near, the later


def test_an_implied_rate_never_replaces_a_printed_one(observe: Observe, choose: Choose) -> None:
    implied = observe(78.3, derived_by=f"{IMPLIED_RATE}1", dataset_id="implied")
    found = choose(observe(78.0, precision=0.5), implied)
    assert (found.value, found.imputed, found.runners_up) == (78.0, False, ())


def test_common_takes_the_newest_year_that_enough_areas_have(observe: Observe, catalogue: Catalogue) -> None:
    areas = [f"A{i:02}" for i in range(10)]
    rows = [observe(50.0, area, 2022) for area in areas]
    rows += [observe(60.0, area, 2023) for area in areas[:9]]
    rows += [observe(70.0, area, 2024) for area in areas[:8]]

    def chosen(**options: Any) -> dict[str, int | str | None]:
        found = resolve(rows, catalogue, not_after=2026, mode="common", areas=areas, **options)
        return {area: c.reason if c.missing else c.year for (_, area, _), c in found.items()}

    assert chosen() == dict.fromkeys(areas[:9], 2023) | {areas[9]: "low_coverage"}
    assert chosen(common_coverage=1.0) == dict.fromkeys(areas, 2022)
    assert chosen(common_coverage=0.5)[areas[0]] == 2024


def test_common_without_a_year_for_enough_areas_has_no_figure(observe: Observe, catalogue: Catalogue) -> None:
    rows = [observe(50.0, "BRA", 2022), observe(50.0, "IND", 2023)]
    found = resolve(rows, catalogue, not_after=2026, mode="common", areas=["BRA", "IND"])
    assert {c.reason for c in found.values()} == {"low_coverage"}


def test_yearly_series_holds_one_chosen_value_a_year(observe: Observe, catalogue: Catalogue) -> None:
    def people(value: float | None, year: int, **columns: Any) -> Observation:
        return observe(value, year=year, indicator_id="population", **columns)

    rows = [
        people(200.0, 2022), people(201.0, 2023), people(210.0, 2023, source="cia_factbook"),
        people(None, 2024, missing_reason="withheld"), people(99.0, 2023, breakdown="sex=F"),
        people(999.0, 2030), observe(50.0),
    ]  # fmt: skip
    found = yearly_series(rows, catalogue, ["population", "labour_force"], not_after=2026)
    assert {year: o.value for year, o in found["population"]["BRA"].items()} == {2022: 200.0, 2023: 201.0}
    assert found["labour_force"] == {}


# --- The record in the book -------------------------------------------------------------------------------------------


def test_the_record_says_what_was_chosen_and_from_what(observe: Observe, choose: Choose) -> None:
    best, other = observe(78.0, source="itu", precision=0.5), observe(90.6)
    book = Book()
    record = book[enter(book, choose(best, other))]
    assert isinstance(record, Derived)
    assert record.inputs == (best.obs_id, other.obs_id)
    assert record.parts == {
        "value": 78.0, "lower": 77.5, "upper": 90.6, "year": 2024, "area": "BRA", "age": 2, "stale": False,
        "imputed": False, "reason": None, "other_1": 90.6,
    }  # fmt: skip


def test_the_record_of_a_missing_figure_has_no_number(observe: Observe, choose: Choose) -> None:
    book = Book()
    record = book[enter(book, choose(observe(40.0, year=2015)))]
    assert isinstance(record, Derived)
    assert {name: record.parts[name] for name in ("value", "lower", "upper", "reason")} == {
        "value": None, "lower": None, "upper": None, "reason": "stale",
    }  # fmt: skip


def test_the_record_of_a_scaled_conflict_is_in_the_unit(observe: Observe, catalogue: Catalogue) -> None:
    rows = [
        observe(1.4, indicator_id="population", unit_mult=9, precision=0.05),
        observe(2e9, indicator_id="population", source="cia_factbook"),
    ]
    book = Book()
    record = book[enter(book, resolve(rows, catalogue, not_after=2026)["population", "BRA", ""])]
    assert isinstance(record, Derived)
    assert record.parts["other_1"] == 2e9
    assert (record.parts["lower"], record.parts["upper"]) == pytest.approx((1.35e9, 2e9))


def test_order_of_belief_is_the_catalogue_s_not_ours(observe: Observe, catalogue: Catalogue) -> None:
    changed = replace(catalogue.indicators["internet_users_pct"], source_order=("cia_factbook",))
    rows = [observe(70.0, source="cia_factbook"), observe(40.0, source="itu")]
    found = resolve(rows, Catalogue({changed.id: changed}, ""), not_after=2026)
    assert found[KEY].value == 70.0


def test_every_figure_of_the_factbook_is_what_its_record_says(evidence_dir: Path) -> None:
    """A figure that nobody disputes is chosen without its record: the record, made afterwards, has the same parts."""
    catalogue, book = load_catalogue(), Book()
    with open_store(evidence_dir) as store:
        rows = store.observations(store.vintages()[0], every_row=False)
    found = resolve(rows, catalogue, not_after=2026)
    assert len(found) > 10_000
    names = ("value", "lower", "upper", "year", "age", "stale", "imputed", "reason")
    for chosen in found.values():
        record = book[enter(book, chosen)]
        assert isinstance(record, Derived)
        assert tuple(record.parts[n] for n in names) == tuple(getattr(chosen, n) for n in names)
