"""Where does the case stand, whose move is it, till when? The next duty of each party, the calendar, what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.report.chapter import Cell, Column, Note, Paragraph, Row, Table
from concordat.web.pages._council import entry_link, instances_of, linked, log_of, moment, own, record, thing, trail
from concordat.web.pages.due import duty_table
from concordat.web.pages.item import ID
from concordat.web.site import Door, Doors, FileForm, Laid, Link, Page, Query, Said, Section, block, line

if TYPE_CHECKING:
    from concordat.council.due import Owed
    from concordat.report.chapter import Block
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


class DisputeQuery(Query):
    """A dispute."""

    id: str = Field(description="the id of a dispute: d-2026-001", pattern=ID)


@dataclass(frozen=True, slots=True)
class View:
    """A case at a final batch.

    Attributes:
        duties: the next of each who has one. dates: (day, stage, what of it): entered, due, and due if nobody acts.
        acts: (type, by, when in seconds, entry), by submission time. idle: acts without effect, with the reason.
    """

    id: str
    subject: str
    complainant: str
    respondent: str
    procedure: str
    version: int
    note: str
    stage: str
    ended: bool
    suspended: bool
    duties: tuple[Owed, ...]
    dates: tuple[tuple[date, str, str], ...]
    acts: tuple[tuple[str, str, int, str], ...]
    idle: tuple[tuple[str, str, str], ...]


def view(reader: Reader, query: DisputeQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such dispute at this batch.
    """
    from concordat.council.disputes.duties import deadlines
    from concordat.council.due import Owed

    d = thing(reader, "dispute", query.id)
    case = d.case
    duties = [] if case.ended else deadlines(case, record(reader).now)
    taken = [t for t in (record(reader).taken(key) for key in d.entries) if t is not None]
    acts = sorted((t.submitted, t.entry.id, t.entry.type, t.entry.author) for t in taken)
    return View(
        d.id, d.subject, case.filing.complainant, case.filing.respondent, case.procedure.name, case.procedure.version,
        case.procedure.note, case.stage, case.ended, case.state.suspended is not None,
        tuple(Owed(o.party, o.what, d.id, o.at or 0) for o in duties), tuple(_dates(case)),
        tuple((kind, by, at, key) for at, key, kind, by in acts),
        tuple((e.type, e.by, reason) for e, reason in case.no_effect),
    )  # fmt: skip


def _dates(case: Any) -> list[tuple[date, str, str]]:
    from concordat.council.disputes.duties import ahead, kept

    title = {name: stage.title for name, stage in case.procedure.by_name.items()}
    found = [(v.entered.day, title.get(v.stage, v.stage), "entered") for v in case.state.visits]
    found += [(k.due.day, title.get(k.stage, k.stage), "missed" if k.late else "met") for k in kept(case)]
    found += [(a.end.day, a.title or title.get(a.stage, a.stage), "due" if a.sure else "due_if") for a in ahead(case)]
    return sorted(found, key=lambda row: (row[0], row[2] != "entered"))


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log = log_of(reader, words.language)
    title = line(
        Said(view.subject),
    )
    told = {"a": log.name(view.complainant), "b": log.name(view.respondent)}
    key = "web.dispute_ended" if view.ended else "web.dispute_lead"
    lead = words.text(key, stage=view.stage.replace("_", " "), procedure=f"{view.procedure} {view.version}", **told)
    blocks: list[Block] = []
    if not view.ended:
        door = Door(words.plain("web.door_respond"), f"/dispute/{view.id}/respond")
        blocks.append(block(Doors((door,))))
    if view.suspended:
        blocks.append(Note(words.text("web.suspended")))
    if view.duties:
        blocks.append(duty_table(view.duties, log, reader, words, "dispute-due"))
    dates, acts = _calendar(view, log, words), _acts(view, log, words)
    calendar = Paragraph(
        line(
            Link(words.plain("web.calendar_file"), "dispute", {"id": view.id}, "ics"),
        )
    )
    idle = [Note(line(f"{log.name(by)}, {kind}: ", Said(reason, "en"))) for kind, by, reason in view.idle]
    about = Paragraph(line(Said(view.note, "en"), " ", *words.text("web.not_advice")))
    sections = (
        Section("due", tuple(blocks)), Section("calendar", (dates, calendar)), Section("acts", (acts, *idle)),
        Section("about", (about,), words.plain("web.about_procedure", name=view.procedure)),
    )  # fmt: skip
    above = trail(words, ("frame.decide", "agenda"), ("web.disputes", "disputes"))
    return Laid(title, sections, lead, main=dates, trail=above)


def _calendar(view: View, log: Log, words: Words) -> Table:
    columns = (Column("what", words.plain("web.column.what")), Column("stage", words.plain("web.column.stage")))
    rows = tuple(
        Row(f"{n}-{day.isoformat()}", log.long(day), (Cell(text=words.plain(f"web.date.{what}")), own(stage)))
        for n, (day, stage, what) in enumerate(view.dates)
    )
    return Table("dates", words.plain("web.dates"), words.plain("web.column.day"), columns, rows)


def _acts(view: View, log: Log, words: Words) -> Table:
    columns = (Column("what", words.plain("web.column.what")), Column("entry", words.plain("web.column.entry")))
    rows = tuple(
        Row(f"{n}", f"{log.name(by)}, {moment(log, at)}", (Cell(text=kind, code=True), linked(entry_link(key))))
        for n, (kind, by, at, key) in enumerate(view.acts)
    )
    return Table("acts", words.plain("web.acts"), words.plain("web.column.by"), columns, rows)


def calendar(view: View, reader: Reader, _words: Words) -> bytes:
    """All dates of the case as iCalendar."""
    from concordat.council.disputes.ics import calendar_ics

    return calendar_ics(thing(reader, "dispute", view.id).case, created=record(reader).now).encode("utf-8")


PAGE = Page(
    "dispute", "/dispute/{id}", "decide", DisputeQuery, view, layout, 20, instances_of("dispute"),
    ("council", "waiting"),
    {"ics": FileForm("text/calendar; charset=utf-8", calendar, "{}.ics")},
)  # fmt: skip
