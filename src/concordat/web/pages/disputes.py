"""Where do the cases stand, whose move is it, till when?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Cell, Column, Num, Row, Table
from concordat.web.pages._council import log_of, named, own, part, record, trail, until, without_record
from concordat.web.site import Door, Doors, Laid, Page, Query, Section, block, once

if TYPE_CHECKING:
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

DISPUTES = "council.record.disputes@1"
NUMBERS = ("cases", "ended", "settled", "met", "missed")


@dataclass(frozen=True, slots=True)
class Line:
    """One case. next: (party, what, until) of the earliest duty. met, missed: deadlines."""

    id: str
    subject: str
    complainant: str
    respondent: str
    procedure: str
    stage: str
    ended: bool
    party: str
    what: str
    until: int
    met: Num
    missed: Num


@dataclass(frozen=True, slots=True)
class View:
    """All cases, the open ones first."""

    loaded: bool
    cases: tuple[Line, ...] = ()
    numbers: tuple[tuple[str, Num], ...] = ()


def view(reader: Reader, _query: Query) -> View:
    """The answer."""
    if reader.council is None:
        return View(False)
    council, log = reader.council.council, log_of(reader)
    if not council.all("dispute"):
        return View(True)
    found = log.inputs.book.derive(DISPUTES, log.facts("dispute"))
    lines = []
    for d in council.all("dispute"):
        from concordat.council.disputes.duties import deadlines

        case = d.case
        first = next(iter(deadlines(case, reader.council.now)), None)
        next_ = (first.party, first.what, first.at or 0) if first and not case.ended else ("", "", 0)
        told = (d.id, d.subject, case.filing.complainant, case.filing.respondent, case.procedure.name, case.stage)
        kept = (part(found, f"met_{d.id}"), part(found, f"missed_{d.id}"))
        lines.append(Line(*told, case.ended, *next_, *kept))
    lines.sort(key=lambda line: (line.ended, line.until or 2**60, line.id))
    return View(True, tuple(lines), tuple((n, part(found, n)) for n in NUMBERS))


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    if not view.loaded:
        return without_record(words.text("web.title_disputes"), words)
    log = log_of(reader, words.language)
    lead = words.text("council.disputes", **dict(view.numbers)) if view.cases else words.text("council.disputes_none")
    doors = block(Doors((Door(words.plain("web.door_dispute"), "/dispute/new"),)))
    table = _table(view, log, reader, words)
    blocks = (doors, table) if view.cases else (doors,)
    above = trail(words, ("frame.decide", "agenda"))
    return Laid(words.text("web.title_disputes"), (Section("cases", blocks),), lead,
                main=table if view.cases else None, trail=above)  # fmt: skip


def _table(view: View, log: Log, reader: Reader, words: Words) -> Table:
    from concordat.council.due import Owed
    from concordat.web.pages._council import duty

    council = record(reader).council
    names = ("subject", "parties", "stage", "next", "met", "missed")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    rows = []
    for c in view.cases:
        parties = words.plain("web.against", a=log.name(c.complainant), b=log.name(c.respondent))
        said = duty(words, Owed(c.party, c.what, c.id, c.until)) if c.party else ""
        next_ = (
            words.plain("web.next_move", name=log.name(c.party), duty=said, until=until(log, c.until)) if said else ""
        )
        stage = c.stage.replace("_", " ")
        cells = (named(council, c.id, c.subject), Cell(text=parties), own(stage), Cell(text=next_), Cell(main=c.met),
                 Cell(main=c.missed))  # fmt: skip
        rows.append(Row(c.id, c.id, cells))
    return Table("disputes", words.plain("council.disputes_table"), words.plain("web.column.id"), columns, tuple(rows))


PAGE = Page("disputes", "/disputes", "decide", Query, view, layout, 20, once, ("council",))
