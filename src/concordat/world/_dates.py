"""Days, and dates that are cut to a month or a year because no more is known.

A cut start counts from its first day; a cut end counts until its last day; a full end is the first day outside. (The
rule of the table of blocs; a day inside a cut month or year is marked "unsure" by `Membership.unsure_on`.)
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from concordat.errors import InputError

_CUT = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def as_day(on: date | str, *, where: str = "") -> date:
    """A day, from a `date` or from text like `2026-11-22`. Of a moment it is the day on its own clock.

    Raises:
        InputError: the text is not a whole day.
    """
    if isinstance(on, datetime):
        return on.date()
    if isinstance(on, date):
        return on
    if isinstance(on, str) and len(on) == 10 and _CUT.fullmatch(on):  # `fromisoformat` takes 2026-W30-1 as well
        try:
            return date.fromisoformat(on)
        except ValueError:
            pass
    raise InputError(f'"{on}" is not a day.', where=where, hint="Write it as 2026-11-22.", code="bad_date")


@lru_cache(maxsize=4096)
def span(text: str) -> tuple[date, date]:
    """First day, and first day after, of a date that may be cut: `2011`, `2011-04`, `2011-04-14`.

    >>> span("2011-12")
    (datetime.date(2011, 12, 1), datetime.date(2012, 1, 1))

    Raises:
        InputError: the text is not such a date.
    """
    match = _CUT.fullmatch(text)
    if match:
        year, month, day = (int(part) if part else None for part in match.groups())
        assert year is not None
        try:
            if month is None:
                return date(year, 1, 1), date(year + 1, 1, 1)
            if day is None:
                return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
            first = date(year, month, day)
            return first, first + timedelta(days=1)
        except (ValueError, OverflowError):
            pass
    raise InputError(f'"{text}" is not a date.', hint="Write 2011, 2011-04 or 2011-04-14.", code="bad_date")


def first_day(text: str | None) -> date | None:
    """The first day that a start date covers; None where no start is recorded."""
    return None if text is None else span(text)[0]


def end_day(text: str | None) -> date | None:
    """The first day outside an interval that ends on `text`: itself if full, the day after its last if cut."""
    if text is None:
        return None
    first, after = span(text)
    return first if len(text) == 10 else after
