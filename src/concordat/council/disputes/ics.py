"""The dates of a case as a calendar file that any calendar program reads (iCalendar, RFC 5545).

One event for the filing, one for each deadline that was met or missed, one for the running one, and a tentative one for
each that follows if nobody acts. A deadline that ends at 24:00 of a day is that whole day (a date without a zone, so no
program moves it); the instant stands in its description. Lines end in CRLF and are folded at 75 octets (section 3.1)
between characters; text is escaped (section 3.3.11). The bytes depend on the case and `created` alone.

    >>> from concordat.council.disputes.calendars import instant
    >>> from concordat.council.disputes.machine import Case
    >>> from concordat.council.disputes.procedure import Procedure
    >>> case = Case.file(Procedure.shipped("odr"), "d-1", "EGY", "IRN", instant("2026-03-02T08:00:00Z"))
    >>> print(*calendar_ics(case).split("\\r\\n")[8:13], sep="\\n")
    DTSTAMP:20260302T080000Z
    SEQUENCE:0
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
        f"X-WR-CALNAME:{escaped(f'Dispute {case.case_id}')}",
    ]
    times: dict[str, int] = {}
    for what, day, summary, description, status in _dates(case):
        # The same date keeps its name in a later file, so that a calendar program replaces it.
        times[what] = times.get(what, 0) + 1
        name = hashlib.sha256(f"{case.case_id}\n{what}\n{times[what]}".encode()).hexdigest()[:24]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{name}@concordat",
            f"DTSTAMP:{made}",
            f"SEQUENCE:{len(case.events)}",
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{escaped(f'{case.case_id}: {summary}')}",
            f"DESCRIPTION:{escaped(description)}",
            f"STATUS:{status}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{piece}\r\n" for line in lines for piece in folded(line))


def _dates(case: Case) -> Iterator[tuple[str, date, str, str, str]]:
    """What, the day, summary, description and status of each date."""
    filing, procedure = case.filing, case.procedure
    zone = procedure.calendar.zone
    said = f"Procedure {procedure.name} version {procedure.version} ({procedure.hash[:8]}). {procedure.note}"
    parties = f"filed by {filing.complainant} against {filing.respondent}"
    yield "filed", case.state.visits[0].entered.day, parties, said, "CONFIRMED"
    for done in kept(case):
        came = "passed without it" if done.done is None else f"came {text_of(done.done)}"
        said = f"Ended {text_of(done.due.at)} ({zone}); {came}. {' '.join(done.due.notes)}".strip()
        summary = f"{procedure.by_name[done.stage].title}: {'missed' if done.late else 'done'}"
        yield done.stage, done.due.day, summary, said, "CONFIRMED"
    for step in ahead(case):
        mark = procedure.by_name[step.stage].mark
        said = f"Ends {text_of(step.end.at)} ({zone}). "
        said += f"When it passes: {step.then.replace('_', ' ')}. " if step.then else ""
        said += " ".join((*step.end.notes, *((f"{mark}: check the current text",) if mark else ())))
        summary = f"{step.title}: last day" if step.sure else f"{step.title}: last day, if nobody acts before"
        # A duty beside the stage's own is another date than the stage's deadline.
        what = step.stage if step.then else f"{step.stage}: {step.title}"
        yield what, step.end.day, summary, said.strip(), "CONFIRMED" if step.sure else "TENTATIVE"


def escaped(words: str) -> str:
    """TEXT of section 3.3.11: backslash, semicolon, comma and line break escaped; other controls left out."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    words = _CONTROL.sub("", words).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return words.replace("\n", "\\n")


def folded(line: str) -> Iterator[str]:
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
