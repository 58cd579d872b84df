"""What time it is: the only module that asks.

Reports and stored records carry times as data; they come from here, once, at the edge, and are passed on as arguments.
`CONCORDAT_NOW` (`2026-11-22` or `2026-11-22T10:00:00Z`) pins the clock for a rebuild or a test; `fixed` does it in code.
Replayed events use ledger time, never this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime

from concordat.errors import InputError

_fixed: ContextVar[datetime | None] = ContextVar("concordat_clock", default=None)


def now() -> datetime:
    """The present moment in UTC, to the second (or the pinned one).

    Raises:
        InputError: `CONCORDAT_NOW` is set and is not a date or a UTC time.
    """
    pinned = _fixed.get()
    if pinned is not None:
        return pinned
    text = os.environ.get("CONCORDAT_NOW", "")
    if text:
        return _parse(text)
    return datetime.now(UTC).replace(microsecond=0)


def today() -> date:
    """The present day in UTC: the same for every member, whatever the time zone of the machine."""
    return now().date()


@contextmanager
def fixed(moment: str | datetime) -> Iterator[datetime]:
    """Pin the clock inside a `with` block.

    >>> with fixed("2026-11-22"):
    ...     today().isoformat()
    '2026-11-22'
    """
    when = _parse(moment) if isinstance(moment, str) else moment.astimezone(UTC)
    token = _fixed.set(when)
    try:
        yield when
    finally:
        _fixed.reset(token)


def _parse(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InputError(
            f'"{text}" is not a date or a UTC time.',
            where="CONCORDAT_NOW",
            hint="Write 2026-11-22 or 2026-11-22T10:00:00Z.",
            code="bad_time",
        ) from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
