"""Counting of time, against days found with a paper calendar and against published changes of clocks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from concordat.council._zones import zone
from concordat.council.disputes.calendars import (
    Calendar,
    Moment,
    Period,
    checked_instant,
    instant,
    text_of,
)
from concordat.errors import InputError

SHANGHAI = Calendar("Asia/Shanghai")


def _end(calendar: Calendar, start: str, period: str, **more: object) -> tuple[str, str]:
    due = calendar.deadline(calendar.moment(instant(start)), Period.parse(period), **more)  # type: ignore[arg-type]
    return due.day.isoformat(), text_of(due.at)


@pytest.mark.parametrize("text", ["", "14", "d", "14 d", "1.5d", "-1d", "14days", "14D", "14d ", "٣d", None, 14])
def test_what_is_not_a_period_is_refused(text: object) -> None:
    with pytest.raises(InputError, match="is not a period"):
        Period.parse(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0d", "3661d", "121mo", "2611wd", "8785h", "999999d"])
def test_a_period_of_nothing_or_of_ages_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="out of range"):
        Period.parse(text)


def test_a_period_reads_back() -> None:
    assert [str(Period.parse(t)) for t in ("14d", "10wd", "4mo", "48h")] == ["14d", "10wd", "4mo", "48h"]


@pytest.mark.parametrize(
    ("start", "period", "day"),
    [
        ("2026-01-31T12:00:00+08:00", "1mo", "2026-03-02"),  # 28 Feb 2026 is a Saturday; Monday is 2 Mar
        ("2028-01-31T12:00:00+08:00", "1mo", "2028-02-29"),  # a Tuesday
        ("2026-12-31T12:00:00+08:00", "2mo", "2027-03-01"),  # 28 Feb 2027 is a Sunday
        ("2026-03-15T12:00:00+08:00", "12mo", "2027-03-15"),  # a Monday
        ("2026-03-06T12:00:00+08:00", "1wd", "2026-03-09"),  # from Friday to Monday
        ("2026-03-02T12:00:00+08:00", "10wd", "2026-03-16"),  # two weeks, Monday to Monday
        ("2026-03-07T12:00:00+08:00", "1d", "2026-03-09"),  # Sunday the 8th, so Monday
        ("2026-03-02T15:59:59Z", "1d", "2026-03-03"),  # 23:59:59 on the 2nd in Shanghai
        ("2026-03-02T16:00:00Z", "1d", "2026-03-04"),  # 00:00 on the 3rd
    ],
)
def test_days_months_and_working_days(start: str, period: str, day: str) -> None:
    assert _end(SHANGHAI, start, period) == (day, f"{day}T16:00:00Z")


def test_hours_know_no_days_off() -> None:
    # Friday 18:00 to Sunday 18:00
    assert _end(SHANGHAI, "2026-03-06T18:00:00+08:00", "48h") == ("2026-03-08", "2026-03-08T10:00:00Z")


def test_days_off_inside_count_and_the_calendar_may_let_the_last_day_stand() -> None:
    calendar = Calendar("UTC", frozenset({date(2026, 3, 4), date(2026, 3, 9)}))
    assert _end(calendar, "2026-03-02T12:00:00Z", "3d") == ("2026-03-05", "2026-03-06T00:00:00Z")
    assert _end(calendar, "2026-03-02T12:00:00Z", "5d") == ("2026-03-10", "2026-03-11T00:00:00Z")
    stands = Calendar("UTC", calendar.holidays, roll=False)
    assert _end(stands, "2026-03-02T12:00:00Z", "5d") == ("2026-03-07", "2026-03-08T00:00:00Z")


def test_a_list_of_holidays_that_does_not_reach_the_year_is_said() -> None:
    calendar = Calendar("UTC", frozenset({date(2026, 10, 1)}))
    start = calendar.moment(instant("2026-12-20T12:00:00Z"))
    assert calendar.deadline(start, Period.parse("5d")).notes == ()  # Friday 25 December 2026
    assert calendar.deadline(start, Period.parse("15d")).notes == ("the calendar lists no holidays of 2027",)
    assert Calendar("UTC").deadline(start, Period.parse("15d")).notes == ()


def test_working_days_skip_holidays_and_count_working_weekends() -> None:
    # 2026-03-04 off; Saturday the 7th is worked: 3, 5, 6, 7, 9 March
    calendar = Calendar("UTC", frozenset({date(2026, 3, 4)}), working=frozenset({date(2026, 3, 7)}))
    assert _end(calendar, "2026-03-02T12:00:00Z", "5wd")[0] == "2026-03-09"
    assert _end(calendar, "2026-03-02T12:00:00Z", "5d")[0] == "2026-03-07"


def test_a_weekend_of_friday_and_saturday() -> None:
    calendar = Calendar("Asia/Tehran", weekend=("fri", "sat"))
    assert _end(calendar, "2026-03-02T12:00:00Z", "4d")[0] == "2026-03-08"  # Friday the 6th, so Sunday


# Clocks of past years, which no later edition of the zone data changes. Sao Paulo: 4 Nov 2018, 24:00 to 01:00; Havana:
# 3 Nov 2024, 01:00 back to 00:00; Cairo: 31 Oct 2025, 24:00 back to 23:00, so that 24:00 itself comes once.
@pytest.mark.parametrize(
    ("zone_name", "start", "end", "said"),
    [
        ("America/Sao_Paulo", "2018-11-02T12:00:00Z", "2018-11-04T03:00:00Z", "comes never"),
        ("America/Havana", "2024-11-01T16:00:00Z", "2024-11-03T05:00:00Z", "comes twice"),
        ("Africa/Cairo", "2025-10-29T12:00:00Z", "2025-10-30T22:00:00Z", ""),
    ],
)
def test_a_skipped_or_doubled_midnight_is_the_later_instant_and_is_said(
    zone_name: str, start: str, end: str, said: str
) -> None:
    calendar = Calendar(zone_name, roll=False)
    due = calendar.deadline(calendar.moment(instant(start)), Period.parse("1d"))
    assert text_of(due.at) == end
    assert (len(due.notes) == 1 and said in due.notes[0]) if said else due.notes == ()


def _stop(start: str, end: str) -> tuple[int, int]:
    return instant(start), instant(end)


def test_the_clock_stands_from_the_day_of_suspension_to_the_day_before_resumption() -> None:
    stop = _stop("2026-03-05T10:00:00+08:00", "2026-03-10T10:00:00+08:00")
    # 10 days from 2 Mar: 3, 4 counted, then 10 to 17 Mar; without the suspension the 12th
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "10d", stops=(stop,))[0] == "2026-03-17"
    # 5 working days: 3, 4, then 10, 11, 12
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "5wd", stops=(stop,))[0] == "2026-03-12"
    # a month: 2 Apr and five days more
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "1mo", stops=(stop,))[0] == "2026-04-07"
    # hours stand for exactly 5 days
    assert _end(SHANGHAI, "2026-03-04T12:00:00+08:00", "48h", stops=(stop,))[1] == "2026-03-11T04:00:00Z"


def test_a_suspension_of_a_few_hours_in_one_day_changes_no_day() -> None:
    stop = _stop("2026-03-05T10:00:00+08:00", "2026-03-05T18:00:00+08:00")
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "10d", stops=(stop,))[0] == "2026-03-12"


def test_a_suspension_on_the_days_off_behind_the_last_day_leaves_what_was_left() -> None:
    # 5 days from 2 Mar: Saturday the 7th, so Monday the 9th. Suspended from Sunday the 8th to Wednesday the 11th: two
    # days were left, so Wednesday and Thursday.
    stop = _stop("2026-03-08T10:00:00+08:00", "2026-03-11T10:00:00+08:00")
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "5d", stops=(stop,))[0] == "2026-03-12"


def test_an_extension_runs_from_the_day_on_which_the_period_really_ended() -> None:
    # 5 days from 2 Mar end on Monday the 9th; 5 more: Saturday the 14th, so Monday the 16th
    assert _end(SHANGHAI, "2026-03-02T12:00:00+08:00", "5d", extensions=[Period(5, "d")])[0] == "2026-03-16"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Asia/Shanghia", "Asia/Shanghai"),
        ("asia/shanghai", "Asia/Shanghai"),
        ("Shanghai", "Asia/Shanghai"),
        ("Europe/Moskow", "Europe/Moscow"),
        ("America/Sao Paulo", "America/Sao_Paulo"),
    ],
)
def test_an_unknown_zone_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f'not a time zone I know. Did you mean "{nearest}"'):
        Calendar(name)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "/etc/localtime", "Asia/../Asia/Shanghai", "tzdata.zi", "Asia"]
)
def test_a_path_is_no_zone(name: str) -> None:
    with pytest.raises(InputError, match="not a time zone"):
        zone(name)


ALL_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def days(first: date, count: int, step: int = 1) -> frozenset[date]:
    return frozenset(first + timedelta(days=step * n) for n in range(count))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"weekend": ALL_WEEK}, "no day of the week"),
        ({"weekend": ALL_WEEK, "roll": False}, "no day of the week"),
        ({"weekend": ALL_WEEK, "working": days(date(2026, 1, 5), 1_000, 7)}, "no day of the week"),
        ({"holidays": days(date(2026, 1, 5), 800)}, "no working day in the 800 days from 2026-01-05 on"),
        ({"holidays": days(date(2026, 1, 5), 61), "weekend": ()}, "no working day in the 61 days"),
        ({"holidays": days(date(2026, 1, 5), 20, 7), "weekend": ALL_WEEK[1:]}, "no working day in the 140 days"),
        ({"holidays": days(date(2026, 1, 5), 61)}, "no working day in the 63 days"),
        ({"holidays": days(date(1970, 1, 1), 2_001, 3)}, "2,001 days; at most 2,000"),
        ({"working": days(date(1970, 1, 1), 2_001, 3)}, "2,001 days; at most 2,000"),
        ({"holidays": {date(9999, 12, 31)}}, "9999-12-31 is out of range"),
        ({"working": {date(1, 1, 1)}}, "0001-01-01 is out of range"),
    ],
)
def test_a_calendar_without_a_working_day_soon_after_every_day_is_refused(more: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        Calendar("UTC", **more)


def test_the_longest_run_of_days_off_that_is_taken() -> None:
    calendar = Calendar("UTC", days(date(2026, 1, 5), 60), weekend=())
    assert calendar.rolled(date(2026, 1, 5)) == date(2026, 3, 6)  # 27 days of January, 28 of February, 5 of March
    worked = days(date(2026, 1, 5), 800) - {date(2026, 1, 5) + timedelta(days=60 * n) for n in range(14)}
    assert Calendar("UTC", worked, weekend=()).rolled(date(2026, 1, 6)) == date(2026, 3, 6)


@pytest.mark.parametrize("text", ["", "2026-05-06", "2026-05-06T18:00:00", "tomorrow", None, "1900-01-01T00:00:00Z"])
def test_an_instant_needs_its_offset(text: object) -> None:
    with pytest.raises(InputError, match="not an instant"):
        instant(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, 1.5, True, "0", None, 10**12, float("nan")])
def test_an_instant_is_whole_seconds(value: object) -> None:
    with pytest.raises(InputError, match="not an instant"):
        checked_instant(value)


def test_a_moment_is_stored_with_its_day() -> None:
    assert Moment(0, date(1970, 1, 1)).to_value() == [0, "1970-01-01"]
