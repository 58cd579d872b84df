"""Instants as a calendar file that any calendar program reads (iCalendar, RFC 5545): one event each, in UTC.

Folding and escaping are those of `council.disputes.ics`, which writes the whole days of a case. The bytes depend on the
events and on `stamp` alone.

    >>> print(calendar_of("Duties", [Dated(0, "BRA: vote", "a")], 0).split("\\r\\n")[6])
    BEGIN:VEVENT
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from concordat.council.disputes.ics import escaped, folded


@dataclass(frozen=True, slots=True)
class Dated:
    """An event. at: seconds since 1970. key: stays the same while it is the same event."""

    at: int
    summary: str
    key: str


def calendar_of(name: str, events: Iterable[Dated], stamp: int) -> str:
    """The file.

    Args:
        name: the calendar's. stamp: as of when, in seconds since 1970.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Concordat//council duties 1//EN", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", f"X-WR-CALNAME:{escaped(name)}"]
    for event in events:
        uid = hashlib.sha256(event.key.encode()).hexdigest()[:24]
        lines += [
            "BEGIN:VEVENT", f"UID:{uid}@concordat", f"DTSTAMP:{_instant(stamp)}", f"DTSTART:{_instant(event.at)}",
            f"SUMMARY:{escaped(event.summary)}", "TRANSP:TRANSPARENT", "END:VEVENT",
        ]  # fmt: skip
    lines.append("END:VCALENDAR")
    return "".join(f"{piece}\r\n" for line in lines for piece in folded(line))


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
