"""What time it is: the only module that asks.

Reports and stored records carry times as data; they come from here, once, at the edge, and are passed on as arguments.
`CONCORDAT_NOW` (`2026-11-22` or `2026-11-22T10:00:00Z`) pins the clock for a rebuild or a test; `fixed` does it in
code. A time without a zone is UTC. Replayed events use ledger time, never this module.
`CONCORDAT_CLOCK_OFFSET_S` sets the running clock forward or back by whole seconds, and counts only where
`CONCORDAT_TEST` is 1: several nodes on one machine then have clocks that differ.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta

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
        return _parse(text, "CONCORDAT_NOW")
    return datetime.now(UTC).replace(microsecond=0) + _offset()


def _offset() -> timedelta:
    """How far a test has set this clock forward or back; nothing outside a test."""
    text = os.environ.get("CONCORDAT_CLOCK_OFFSET_S", "")
    if not text or os.environ.get("CONCORDAT_TEST") != "1":
        return timedelta(0)
    try:
        return timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        hint = "Write whole seconds, as 300 or -300."
        raise InputError(
            f'"{text}" is no number of seconds.', where="CONCORDAT_CLOCK_OFFSET_S", hint=hint, code="bad_time"
        ) from None


def today() -> date:
    """The present day in UTC: the same for every member, whatever the time zone of the machine."""
    return now().date()


def machine_seconds() -> float:
    """Seconds since 1970 on the machine's own clock, never pinned: for waits between requests, never for a record."""
    return time.time()


@contextmanager
def fixed(moment: str | datetime) -> Iterator[datetime]:
    """Pin the clock inside a `with` block.

    >>> with fixed("2026-11-22"):
    ...     today().isoformat()
    '2026-11-22'
    """
    when = _parse(moment, "the pinned time") if isinstance(moment, str) else _to_utc(moment)
    token = _fixed.set(when)
    try:
        yield when
    finally:
        _fixed.reset(token)


def _to_utc(moment: datetime) -> datetime:
    """A time without a zone is UTC: the zone of the machine must not change a report."""
    when = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return when.replace(microsecond=0)


def _parse(text: str, where: str) -> datetime:
    try:
        return _to_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise InputError(
            f'"{text}" is not a date or a UTC time.',
            where=where,
            hint="Write 2026-11-22 or 2026-11-22T10:00:00Z.",
            code="bad_time",
        ) from None
