"""What does each member owe, and until when? Every open duty by its deadline, as of ledger time; also as a calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.council.due import Owed
from concordat.report.chapter import Cell, Column, Num, Paragraph, Row, Table
from concordat.web.pages._council import clock, duty, log_of, moment, named, record, trail, until, without_record
from concordat.web.site import FileForm, Laid, Link, Page, Query, Section, line, once

if TYPE_CHECKING:
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

SUBJECTS = (
    "vote", "silence", "consultation", "cycle", "recommendation", "dispute", "proposal",
)  # fmt: skip


class DueQuery(Query):
    """All members, or one."""

    member: str = Field("", pattern=r"^[A-Z][A-Z0-9]{1,15}$|^$", description="a member's id: BRA")


@dataclass(frozen=True, slots=True)
class View:
    """The open duties at the last final batch, the earliest first. now: ledger time. things: what they are about."""

    loaded: bool
    member: str
    now: int
    duties: tuple[Owed, ...] = ()
    things: Num | None = None


def view(reader: Reader, query: DueQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such member.
    """
    from concordat.council.due import due
    from concordat.web.pages._council import thing

    if reader.council is None:
        return View(False, query.member, 0)
    if query.member:
        thing(reader, "member", query.member)
    found = tuple(due(reader.council.council, reader.council.now, query.member))
    log = log_of(reader)
    subjects = {o.subject for o in found}
    facts = [fact for kind in SUBJECTS for fact in log.facts(kind, lambda row: row["id"] in subjects)]
    return View(True, query.member, reader.council.now, found, log.inputs.count(facts))


def duty_table(duties: Sequence[Owed], log: Log, reader: Reader, words: Words, name: str = "due") -> Table:
    """Duties as a table: who, what, about what, until when."""
    council = record(reader).council
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("duty", "about", "until"))
    rows = tuple(
        Row(f"{n}-{o.member}", log.name(o.member), (Cell(text=duty(words, o)), named(council, o.subject),
            _clock(o, log, reader, words)), "member")
        for n, o in enumerate(duties)
    )  # fmt: skip
    return Table(name, words.plain("web.duties"), words.plain("council.member"), columns, rows)


def _clock(owed: Owed, log: Log, reader: Reader, words: Words) -> Cell:
    late = owed.until and owed.until < record(reader).now
    return clock(log, owed.until, words.plain("web.overdue", until="{until}") if late else "{until}")


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    if not view.loaded:
        return without_record(words.text("web.title_due_none"), words)
    log = log_of(reader, words.language)
    assert view.things is not None
    title = words.text("web.title_due_of", name=log.name(view.member)) if view.member else words.text("web.title_due")
    lead = words.text("web.due_lead", count=view.things, now=moment(log, view.now))
    timed = [o for o in view.duties if o.until]
    if timed:
        first = words.text("web.due_first", name=log.name(timed[0].member), duty=duty(words, timed[0]),
                           until=until(log, timed[0].until))  # fmt: skip
        lead = words.sentences(lead, first)
    table = duty_table(view.duties, log, reader, words)
    query = {"member": view.member} if view.member else {}
    calendar = Paragraph(
        line(
            Link(words.plain("web.calendar_file"), "due", query, "ics"),
        )
    )
    blocks = (table, calendar) if view.duties else (calendar,)
    above = trail(words, ("frame.decide", "agenda"))
    return Laid(title, (Section("due", blocks),), lead, main=table if view.duties else None, trail=above)


def calendar(view: View, reader: Reader, _words: Words) -> bytes:
    """The duties with a deadline as iCalendar (RFC 5545): an event at the instant, in English."""
    from concordat.web.calendar import Dated, calendar_of

    record(reader)
    dated = [Dated(o.until, f"{o.member}: {o.what}, {o.subject}", f"{o.member} {o.what} {o.subject}")
             for o in view.duties if o.until]  # fmt: skip
    return calendar_of(f"Duties of {view.member or record(reader).bloc}", dated, view.now).encode("utf-8")


PAGE = Page(
    "due", "/due", "decide", DueQuery, view, layout, 12, once, ("council",),
    {"ics": FileForm("text/calendar; charset=utf-8", calendar, "{}.ics")},
)  # fmt: skip
