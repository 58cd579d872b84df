"""Counts of incidents: all of them for members, none that gives a small one away for the public."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from concordat.exchange.incidents.deadlines import IncidentRecord, StageSaid, Timeline
from concordat.exchange.incidents.statistics import HIDDEN, WITHHELD, quarter_of, statistics, suppressed

LINES = {"default": Timeline.default()}
AWARE = 1_777_887_000  # 2026-05-04T09:30:00Z
HOUR = 3600


def record(member: str, number: int, *stages: StageSaid, **more: Any) -> IncidentRecord:
    """An incident of a member."""
    facts = {"became_aware": AWARE, "shared": AWARE + HOUR, "sectors": ("22040",), "label": "AMBER", **more}
    return IncidentRecord(member, f"incident--{number}", stages=stages, entries=(f"{member}{number}",), **facts)


def test_members_see_every_cell() -> None:
    early = [StageSaid("early_warning", "e", AWARE + h * HOUR) for h in (2, 4, 30)]
    records = [
        record("BRA", 1, early[0]),
        record("BRA", 2, early[1]),
        record("ZAF", 3, early[2], sectors=("22040", "12220")),
    ]
    tables = {t.by: t for t in statistics(records, LINES, AWARE + 40 * HOUR, public=False)}
    cells = {by: {c.key: (c.shown, c.hours) for c in t.cells} for by, t in tables.items()}
    assert cells["member"] == {"BRA": ("2", None), "ZAF": ("1", None)}
    assert cells["quarter"] == {"2026-Q2": ("3", None)}
    assert cells["sector"] == {"22040": ("3", None), "12220": ("1", None)}
    assert tables["sector"].total is None
    assert cells["stage"]["early_warning: in time"] == ("2", 3.0)
    assert cells["stage"]["early_warning: late"] == ("1", 30.0)
    assert cells["stage"]["notification: open"] == ("3", None)
    assert tables["member"].entries == ("BRA1", "BRA2", "ZAF3")


def test_the_public_sees_no_small_count_nor_what_gives_it_away() -> None:
    records = [record("BRA", i) for i in range(9)] + [record("ZAF", 10)] + [record("IND", 20 + i) for i in range(5)]
    (members, *_) = statistics(records, LINES, AWARE + HOUR, public=True)
    assert {c.key: c.shown for c in members.cells} == {"BRA": "9", "IND": WITHHELD, "ZAF": HIDDEN}
    assert {c.key: c.count for c in members.cells} == {"BRA": 9, "IND": None, "ZAF": None}
    assert members.shown == "15"


def test_how_a_stage_stands_can_not_be_worked_out_from_the_number_of_incidents() -> None:
    """Of 9 incidents 7 came in time and 2 late: 9 - 7 would tell the rest. Of 4 two and two: each can be worked out."""
    hidden = {"early_warning: in time": (WITHHELD, None, None), "early_warning: late": (HIDDEN, None, None)}
    for in_time, late, early in ((7, 2, hidden), (2, 2, {})):
        came = [StageSaid("early_warning", "e", AWARE + hours * HOUR) for hours in [2] * in_time + [30] * late]
        records = [record("BRA", number, said) for number, said in enumerate(came)]
        table = statistics(records, LINES, AWARE + 40 * HOUR, public=True)[-1]
        shown = {cell.key: (cell.shown, cell.count, cell.hours) for cell in table.cells}
        both = (str(in_time + late), in_time + late, None)
        assert shown == {**early, "notification: open": both, "final_report: open": both}
        assert (table.withheld, table.total, table.shown, table.entries) == (not early, None, "", ())


def test_a_small_count_of_a_stage_takes_the_next_with_it() -> None:
    """3 in time, 1 late, 5 waived of 9: with 3 withheld, the late ones may be 1; with 5 shown, 4 is left for both."""
    said = [StageSaid("early_warning", "e", AWARE + h * HOUR) for h in (2, 2, 2, 30)]
    said += [StageSaid("early_warning", "e", AWARE, "by_authority")] * 5
    records = [record("BRA", number, one) for number, one in enumerate(said)]
    table = statistics(records, LINES, AWARE + 40 * HOUR, public=True)[-1]
    shown = {cell.key: cell.shown for cell in table.cells if cell.key.startswith("early_warning")}
    assert shown == {
        "early_warning: in time": WITHHELD, "early_warning: late": HIDDEN, "early_warning: waived": WITHHELD
    }  # fmt: skip
    assert all(cell.hours is None for cell in table.cells if cell.key in shown)


def test_the_public_gets_no_ids_of_entries() -> None:
    records = [record("BRA", number) for number in range(9)]
    assert {table.entries for table in statistics(records, LINES, AWARE, public=True)} == {()}
    assert all(len(table.entries) == 9 for table in statistics(records, LINES, AWARE, public=False))


def test_two_incidents_in_all_are_not_told_to_the_public() -> None:
    (members, *_) = statistics([record("BRA", 1), record("ZAF", 2)], LINES, AWARE, public=True)
    assert (members.cells, members.total, members.shown, members.withheld) == ((), None, HIDDEN, True)


@pytest.mark.parametrize("counts", list(itertools.product(range(1, 7), repeat=3)), ids=str)
def test_what_is_shown_leaves_two_values_for_each_hidden_cell(counts: tuple[int, ...]) -> None:
    """Every table of three cells from 1 to 6: all tables that a reader can't tell from it are counted out."""
    table = dict(zip("abc", counts, strict=True))
    hidden = suppressed(table)
    if hidden is None:
        return
    small = [k for k, words in hidden.items() if words == HIDDEN]
    assert sorted(small) == sorted(k for k, n in table.items() if n < 3)
    fits = [
        dict(zip("abc", other, strict=True))
        for other in itertools.product(range(1, sum(counts) + 1), repeat=3)
        if sum(other) == sum(counts)
        and all(
            (o < 3) if hidden.get(k) == HIDDEN else (o >= 3) if hidden.get(k) == WITHHELD else o == table[k]
            for k, o in zip("abc", other, strict=True)
        )
    ]
    for key in small:
        assert {fit[key] for fit in fits} == {1, 2}


def test_quarters_are_those_of_the_calendar() -> None:
    assert [quarter_of(AWARE), quarter_of(None)] == ["2026-Q2", "not yet witnessed"]
