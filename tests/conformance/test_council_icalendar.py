"""Calendar files of disputes, read by another program: the package icalendar (RFC 5545) finds the same dates."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from concordat.council.disputes import SHIPPED, Case, Procedure, ahead, calendar_ics
from concordat.council.disputes.calendars import instant

FILED = instant("2026-03-02T02:00:00Z")


@pytest.fixture(scope="module")
def icalendar() -> Any:
    """The peer."""
    return pytest.importorskip("icalendar", reason="needs the package icalendar (the extra [oracles])")


def _case(name: str, case_id: str = "d-2026-001") -> Case:
    procedure = Procedure.shipped(name)
    return Case.file(procedure, case_id, "EGY", "IRN", FILED, agreement="clause 9" if procedure.agreement else "")


@pytest.mark.parametrize("name", SHIPPED)
def test_another_reader_finds_the_same_dates(icalendar: Any, name: str) -> None:
    case = _case(name)
    read = icalendar.Calendar.from_ical(calendar_ics(case, created=FILED))
    events = list(read.walk("VEVENT"))
    days = [event.decoded("DTSTART") for event in events]
    assert days == [date(2026, 3, 2), *(a.end.day for a in ahead(case))]
    assert all(
        event.decoded("DTEND").toordinal() == day.toordinal() + 1 for event, day in zip(events, days, strict=True)
    )
    assert {event.decoded("DTSTAMP").isoformat() for event in events} == {"2026-03-02T02:00:00+00:00"}
    assert read.errors == []
    assert all(event.errors == [] for event in events)


@pytest.mark.parametrize("words", ["a;b,c\\d", "争端" * 40, "a\nb", "\\n", "é🙂" * 30, '"x": y; z'])
def test_another_reader_gets_back_the_words(icalendar: Any, words: str) -> None:
    read = icalendar.Calendar.from_ical(calendar_ics(_case("odr", f"d-{words}"), created=FILED))
    assert str(read.walk("VEVENT")[0]["SUMMARY"]) == f"d-{words}: filed by EGY against IRN"
