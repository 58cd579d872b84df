"""What counts as a revision, how large it is, and what was known on a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, recompute
from concordat.evidence.revisions import (
    as_of,
    compare,
    count_kinds,
    in_release,
    largest,
    latest,
    revisions,
    vintages_as_of,
)
from concordat.evidence.store import Release, ReleaseVintage, VintageMeta

Observe = Callable[..., Observation]
OLD, NEW = date(2020, 10, 1), date(2026, 3, 1)


def edition(observe: Observe, known_from: date, *rows: tuple[Any, ...], **columns: Any) -> list[Observation]:
    """Rows (value, area, year) of one vintage."""
    columns = {"vintage_id": f"v-{known_from}", "known_from": known_from} | columns
    return [observe(*row, **columns) for row in rows]


# --- Kinds and sizes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "kind", "size", "precisions"),
    [
        ({"value": 58.0}, {"value": 15.2}, "changed", -42.8, None),
        ({"value": 58.0, "precision": 0.5}, {"value": 60.0, "precision": 0.5}, "changed", 2.0, 2.0),
        ({"value": 58.0, "precision": 0.5}, {"value": 58.4, "precision": 0.05}, "changed", 0.4, 0.4 / 0.55),
        ({"value": 58.0, "precision": 0.0}, {"value": 60.0, "precision": 0.0}, "changed", 2.0, None),
        ({"value": 58.0}, {"value": 58.0, "obs_status": "P"}, "restatused", 0.0, None),
        ({"value": 58.0}, {"value": 58.0, "conf_status": "C"}, "restatused", 0.0, None),
        ({"value": 58.0}, {"missing_reason": "not_published"}, "withdrawn", None, None),
        ({"missing_reason": "not_published"}, {"value": 58.0}, "added", None, None),
        ({"lower": 0.0, "upper": 1.0, "censoring": "below"}, {"value": 0.4}, "changed", 0.0, None),
        ({"lower": 0.0, "upper": 1.0, "censoring": "below"}, {"value": 3.0}, "changed", 2.0, None),
        ({"value": 3.0}, {"lower": 0.0, "upper": 1.0, "censoring": "below"}, "changed", -2.0, None),
        ({"value": 3.0, "unit_mult": 3}, {"value": 3.0}, "changed", -2997.0, None),
        ({"value": 58.0}, {"value": 58.0, "lower": 57.0, "upper": 59.0}, "changed", 0.0, None),
    ],
)
def test_two_rows_of_a_figure_give_a_revision_of_this_kind_and_size(
    observe: Observe,
    before: dict[str, Any],
    after: dict[str, Any],
    kind: str,
    size: float | None,
    precisions: float | None,
) -> None:
    found = compare(observe(**before), observe(**after))
    assert found is not None
    assert found.kind == kind
    assert found.size == (None if size is None else pytest.approx(size))
    assert found.precisions == (None if precisions is None else pytest.approx(precisions))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"value": 58.0}, {"value": 58.0, "precision": 0.5, "note": "printed otherwise"}),
        ({"value": 0.0}, {"value": -0.0}),
        ({"value": 3.2, "unit_mult": 3}, {"value": 3200.0}),
        ({"missing_reason": "not_published"}, {"missing_reason": "withheld"}),
    ],
)
def test_the_same_thing_said_again_is_no_revision(
    observe: Observe, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert compare(observe(**before), observe(**after)) is None


def test_a_row_that_says_why_there_is_no_figure_adds_and_withdraws_nothing(observe: Observe) -> None:
    blank = observe(missing_reason="not_published")
    assert revisions([blank], []) == []
    assert revisions([], [blank]) == []


def test_revisions_are_listed_by_indicator_area_and_period_whatever_the_order_of_rows(observe: Observe) -> None:
    before = edition(observe, OLD, (58.0, "IRQ", 2015), (20.0, "BRA", 2015), (1.0, "IND", 2014))
    after = edition(observe, NEW, (70.0, "BRA", 2016), (15.2, "IRQ", 2015), (20.0, "BRA", 2015))
    found = revisions(before, after)
    assert [(r.row.area, r.row.year, r.kind) for r in found] == [
        ("BRA", 2016, "added"),
        ("IND", 2014, "withdrawn"),
        ("IRQ", 2015, "changed"),
    ]
    assert revisions(before[::-1], after[::-1]) == found
    assert count_kinds(found) == {"changed": 1, "added": 1, "withdrawn": 1, "restatused": 0}


def test_dollars_of_another_year_are_another_series_and_never_a_change(observe: Observe) -> None:
    old = observe(100.0, indicator_id="gdp_constant_2015_usd", unit="usd_2010")
    new = observe(120.0, indicator_id="gdp_constant_2015_usd", unit="usd_2015")
    assert sorted(r.kind for r in revisions([old], [new])) == ["added", "withdrawn"]


def test_a_figure_that_stands_twice_is_compared_in_the_same_way_whatever_the_order(observe: Observe) -> None:
    twice = edition(observe, OLD, (50.0, "BRA", 2015), (60.0, "BRA", 2015))
    after = edition(observe, NEW, (70.0, "BRA", 2015))
    assert len(revisions(twice, after)) == 1
    assert revisions(twice, after) == revisions(twice[::-1], after)


def test_confidential_values_stay_out_of_what_a_program_is_told(observe: Observe) -> None:
    (found,) = revisions([observe(51.25)], [observe(61.75, conf_status="C")])
    said = found.as_dict()
    assert said["confidential"]
    assert not any(number in json.dumps(said) for number in ("51.25", "61.75", "10.5"))
    assert said["kind"] == "changed"


def test_the_largest_changes_are_measured_by_the_largest_figure_of_their_indicator(observe: Observe) -> None:
    people: dict[str, Any] = {"indicator_id": "population"}
    before = [*edition(observe, OLD, (1.4e9, "CHN", 2015), (1e3, "TUV", 2015), **people)]
    before += edition(observe, OLD, (58.0, "IRQ", 2015), (0.01, "MMR", 2001))
    after = [*edition(observe, NEW, (1.3e9, "CHN", 2015), (1.1e3, "TUV", 2015), **people)]
    after += edition(observe, NEW, (15.2, "IRQ", 2015), (0.02, "MMR", 2001))
    assert [r.row.area for r in largest(revisions(before, after), 3)] == ["IRQ", "CHN", "MMR"]


# --- What was known when ------------------------------------------------------------------------------------------


def test_on_a_day_the_newest_vintage_known_by_then_speaks(observe: Observe) -> None:
    rows = edition(observe, NEW, (15.2, "IRQ", 2015)) + edition(observe, OLD, (58.0, "IRQ", 2015))
    assert [o.value for o in as_of(rows, date(2024, 6, 30))] == [58.0]
    assert [o.value for o in as_of(rows, NEW)] == [15.2]
    assert as_of(rows, date(2020, 9, 30)) == []
    assert [o.value for o in latest(rows)] == [15.2]


def test_a_figure_that_a_later_vintage_leaves_out_is_gone_from_then_on(observe: Observe) -> None:
    rows = edition(observe, OLD, (58.0, "IRQ", 2015), (20.0, "BRA", 2015)) + edition(observe, NEW, (15.2, "IRQ", 2015))
    assert {o.area for o in as_of(rows, date(2025, 1, 1))} == {"IRQ", "BRA"}
    assert {o.area for o in latest(rows)} == {"IRQ"}


def test_datasets_are_known_each_in_its_own_time(observe: Observe) -> None:
    rows = edition(observe, NEW, (15.2, "IRQ", 2015)) + edition(observe, OLD, (58.0, "IRQ", 2015), source="itu")
    assert sorted(o.source_id for o in latest(rows)) == ["itu", "worldbank_wdi"]


def test_of_two_vintages_of_one_day_the_one_retrieved_later_speaks(observe: Observe) -> None:
    first = observe(1.0, vintage_id="z", retrieved_at=datetime(2026, 3, 2, tzinfo=UTC))
    second = observe(2.0, vintage_id="a", retrieved_at=datetime(2026, 3, 3, tzinfo=UTC))
    assert latest([second, first]) == latest([first, second]) == [second]


def test_a_release_holds_the_rows_of_its_vintages_alone(observe: Observe) -> None:
    old, new = edition(observe, OLD, (58.0, "IRQ", 2015)), edition(observe, NEW, (15.2, "IRQ", 2015))
    named = ReleaseVintage("worldbank_wdi", old[0].vintage_id, "")
    release = Release(
        name="2024-11",
        made_at=datetime(2024, 11, 1, tzinfo=UTC),
        catalogue_hash="",
        blocs_hash="",
        vintages=(named,),
        hash="",
    )
    assert in_release([*new, *old], release) == old


def test_vintages_are_picked_by_the_same_rule_as_rows() -> None:
    def vintage(dataset: str, known_from: date, name: str) -> VintageMeta:
        stamp = datetime(2026, 3, 2, tzinfo=UTC)
        return VintageMeta(
            id=name, dataset_id=dataset, source_id="s", published=None, known_from=known_from, retrieved_at=stamp,
            parser_version="1", raw=(), origin={}, licence={},
        )  # fmt: skip

    all_of_them = [vintage("b", NEW, "2"), vintage("b", OLD, "1"), vintage("a", OLD, "3"), vintage("c", NEW, "4")]
    assert [v.id for v in vintages_as_of(all_of_them, date(2024, 1, 1))] == ["3", "1"]
    assert [v.id for v in vintages_as_of(all_of_them[::-1])] == ["3", "2", "4"]


# --- The record of a change -----------------------------------------------------------------------------------------


def test_a_change_is_the_later_less_the_earlier_with_the_widest_interval() -> None:
    book = Book()
    a = book.fact("t.csv", "0" * 64, "row 2", {"value": 68.1, "lower": 67.6, "upper": 68.6})
    b = book.fact("t.csv", "0" * 64, "row 3", {"value": 73.5, "lower": 73.4, "upper": 73.6})
    found = book.derive("evidence.revisions.change@1", [a, b])
    assert found.parts == {"value": pytest.approx(5.4), "lower": pytest.approx(4.8), "upper": pytest.approx(6.0)}
    assert recompute(found, book.__getitem__) == found.parts


def test_a_change_from_a_censored_figure_has_only_ends() -> None:
    book = Book()
    censored = book.fact("t.csv", "0" * 64, "row 2", {"value": None, "lower": 0.0, "upper": 1.0})
    value = book.fact("t.csv", "0" * 64, "row 3", {"value": 3.0, "lower": 2.5, "upper": 3.5})
    found = book.derive("evidence.revisions.change@1", [censored, value])
    assert found.parts == {"value": None, "lower": 1.5, "upper": 3.5}
    nothing = book.fact("t.csv", "0" * 64, "row 4", {"value": None, "lower": None, "upper": None})
    assert set(book.derive("evidence.revisions.change@1", [nothing, value]).parts.values()) == {None}
