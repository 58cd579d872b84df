"""The dates of a case as a calendar file that any calendar program reads (iCalendar, RFC 5545).

One event for the filing, one for each deadline that was met or missed, one for the running one, and a tentative one for
each that follows if nobody acts. A deadline that ends at 24:00 of a day is that whole day (a date without a zone, so no
program moves it); the instant stands in its description. Lines end in CRLF and are folded at 75 octets (section 3.1)
between characters; text is escaped (section 3.3.11). The bytes depend on the case and `created` alone.

    >>> from concordat.council.disputes.calendars import instant
    >>> from concordat.council.disputes.machine import Case
    >>> from concordat.council.disputes.procedure import Procedure
    >>> case = Case.file(Procedure.shipped("odr"), "d-1", "EGY", "IRN", instant("2026-03-02T08:00:00Z"))
    >>> print(*calendar_ics(case).split("\\r\\n")[8:12], sep="\\n")
    DTSTAMP:20260302T080000Z
    DTSTART;VALUE=DATE:20260302
    DTEND;VALUE=DATE:20260303
    SUMMARY:d-1: filed by EGY against IRN
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from concordat.council.disputes.calendars import checked_instant, text_of
from concordat.council.disputes.duties import ahead, kept
from concordat.council.disputes.machine import Case

LINE_OCTETS = 75
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def calendar_ics(case: Case, *, created: int | None = None) -> str:
    """The calendar file of a case.

    Args:
        case: the case.
        created: when the file was made, UTC seconds; ledger time where it is not given.
    """
    stamp = case.ledger_time if created is None else checked_instant(created, where=case.case_id)
    made = datetime.fromtimestamp(stamp, UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Concordat//council disputes 1//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(f'Dispute {case.case_id}')}",
    ]
    for number, (day, summary, description, status) in enumerate(_dates(case)):
        name = hashlib.sha256(f"{case.case_id}\n{number}\n{summary}".encode()).hexdigest()[:24]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{name}@concordat",
            f"DTSTAMP:{made}",
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(f'{case.case_id}: {summary}')}",
            f"DESCRIPTION:{_text(description)}",
            f"STATUS:{status}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _dates(case: Case) -> Iterator[tuple[date, str, str, str]]:
    filing, procedure = case.filing, case.procedure
    name = f"Procedure {procedure.name} version {procedure.version} ({procedure.hash[:8]})."
    zone = procedure.calendar.zone
    filed = f"{name} {procedure.note}"
    yield (
        case.state.visits[0].entered.day,
        f"filed by {filing.complainant} against {filing.respondent}",
        filed,
        "CONFIRMED",
    )
    for done in kept(case):
        title = procedure.by_name[done.stage].title
        came = "passed without it" if done.done is None else f"came {text_of(done.done)}"
        said = f"Ended {text_of(done.due.at)} ({zone}); {came}. {' '.join(done.due.notes)}".strip()
        yield done.due.day, f"{title}: {'missed' if done.late else 'done'}", said, "CONFIRMED"
    for step in ahead(case):
        mark = procedure.by_name[step.stage].mark
        said = f"Ends {text_of(step.end.at)} ({zone}). "
        said += f"When it passes: {step.then.replace('_', ' ')}. " if step.then else ""
        said += " ".join((*step.end.notes, *((f"{mark}: check the current text",) if mark else ())))
        summary = f"{step.title}: last day" if step.sure else f"{step.title}: last day, if nobody acts before"
        yield step.end.day, summary, said.strip(), "CONFIRMED" if step.sure else "TENTATIVE"


def _text(words: str) -> str:
    """TEXT of section 3.3.11: backslash, semicolon, comma and line break escaped; other controls left out."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    words = _CONTROL.sub("", words).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return words.replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, each but the first after a space; no character is cut."""
    piece, size = "", 0
    for character in line:
        octets = len(character.encode("utf-8"))
        if size + octets > LINE_OCTETS:
            yield piece
            piece, size = " ", 1
        piece += character
        size += octets
    yield piece
