"""Days, and dates cut to a month or a year: which days they cover, and what is no date at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from concordat.errors import InputError
from concordat.world._dates import as_day, end_day, first_day, span


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2011", date(2011, 1, 1), date(2012, 1, 1)),
        ("2011-04", date(2011, 4, 1), date(2011, 5, 1)),
        ("2011-12", date(2011, 12, 1), date(2012, 1, 1)),
        ("2012-02", date(2012, 2, 1), date(2012, 3, 1)),
        ("2011-04-14", date(2011, 4, 14), date(2011, 4, 15)),
        ("2011-12-31", date(2011, 12, 31), date(2012, 1, 1)),
        ("2012-02-29", date(2012, 2, 29), date(2012, 3, 1)),
    ],
)
def test_a_cut_date_covers_its_whole_month_or_year(text: str, first: date, after: date) -> None:
    assert span(text) == (first, after)
    assert first_day(text) == first


@pytest.mark.parametrize(
    ("to", "first_outside"),
    [
        (None, None),
        ("2013", date(2014, 1, 1)),  # counts until the last day of 2013
        ("2013-12", date(2014, 1, 1)),
        ("2013-02", date(2013, 3, 1)),
        ("2013-07-01", date(2013, 7, 1)),  # a full end is itself outside
    ],
)
def test_a_cut_end_counts_until_its_last_day_and_a_full_one_is_outside(
    to: str | None, first_outside: date | None
) -> None:
    assert end_day(to) == first_outside


def test_a_start_that_is_not_recorded_has_no_first_day() -> None:
    assert first_day(None) is None


NO_DATES = [
    "", " ", "11", "201", "20111", "2011-4", "2011-13", "2011-00", "2011-02-29", "2011-04-31", "0000", "9999",
    "2011-04-14 ", " 2011", "2011-04-14T00:00", "20110414", "2011/04/14", "14.04.2011", "-2011", "2011-", "2011\n",
    "２０１１", "٢٠١١", "2011-W15-4", "2011-104", "null", "today",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError) as caught:
        span(text)
    assert str(caught.value) == f'"{text}" is not a date. Write 2011, 2011-04 or 2011-04-14.'


@pytest.mark.parametrize("text", [*NO_DATES, "2011", "2011-04", "2011-04-1x", "2026-W30-1", "２０２６-01-01"])
def test_a_day_must_be_whole(text: str) -> None:
    with pytest.raises(InputError) as caught:
        as_day(text, where="study.yaml, line 3")
    assert caught.value.code == "bad_date"
    assert str(caught.value) == f'study.yaml, line 3: "{text}" is not a day. Write it as 2026-11-22.'


@pytest.mark.parametrize("wrong", [None, 2011, 20110414, 3.5, b"2011-04-14", ["2011-04-14"]])
def test_a_day_is_a_date_or_text_and_nothing_else(wrong: object) -> None:
    with pytest.raises(InputError):
        as_day(wrong)  # type: ignore[arg-type]


def test_a_moment_is_the_day_on_its_own_clock_and_no_moment() -> None:
    """A `datetime` is a `date` to Python, but can't be compared with one."""
    late = datetime(2026, 6, 30, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
    for moment, day in ((datetime(2026, 7, 1, tzinfo=UTC), date(2026, 7, 1)), (late, date(2026, 6, 30))):
        found = as_day(moment)
        assert type(found) is date
        assert found == day
