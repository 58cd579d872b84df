"""How long is this log, who cosigned its head, and what stands in it? The newest first; of a council log, batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Code, Column, Paragraph, Row, Table
from concordat.web.address import NotFoundError
from concordat.web.pages._council import entry_link, linked, log_of, moment, record, trail
from concordat.web.site import Laid, Link, Page, Query, Section, line

if TYPE_CHECKING:
    from concordat.report.chapter import Runs
    from concordat.web.council_reader import CouncilSnapshot
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

PER_PAGE = 50


class LogQuery(Query):
    """A log, and from which entry on it is shown."""

    name: str = Field(description="BRA, or council-3", pattern=r"^[A-Z][A-Z0-9]{1,15}$|^council-[1-9][0-9]{0,8}$")
    before: int = Field(0, ge=0, le=2**53 - 1, description="show the entries before this number; 0: the newest")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, or a batch of a council log. number: from 1. stage: of the entry; empty for a batch."""

    number: int
    id: str
    type: str
    person: str
    stage: str
    entries: int


@dataclass(frozen=True, slots=True)
class View:
    """A log and some of its entries, the newest first. earlier: the number to ask for to see what stands before."""

    name: str
    origin: str
    owner: str
    size: int
    head: int
    root: str
    cosigned: tuple[str, ...]
    need: int
    now: int
    lines: tuple[Line, ...]
    earlier: int


def view(reader: Reader, query: LogQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such log here.
    """
    held = record(reader, query.name)
    log = held.logs.get(query.name)
    if log is None:
        why = "" if query.name.startswith("council-") or query.name in held.active else f": no member of {held.bloc}"
        hint = f"There are: {', '.join(sorted(held.logs)) or 'none yet'}."
        raise NotFoundError(f"there is no log {query.name} here{why}.", hint=hint, code="no_log")
    end = min(query.before - 1 if query.before else log.size, log.size)
    start = max(0, end - PER_PAGE)
    numbers = range(end, start, -1)
    lines = _batches(held, query.name, numbers) if query.name in held.batches else _entries(held, query.name, numbers)
    earlier = start + 1 if start else 0
    return View(
        log.name, log.origin, log.owner, log.size, log.head, log.root, log.cosigned, log.need, held.now, tuple(lines),
        earlier,
    )  # fmt: skip


def _entries(held: CouncilSnapshot, name: str, numbers: Iterable[int]) -> Iterable[Line]:
    waiting = {w.id: w.stage for w in held.waiting}
    for number in numbers:
        entry = held.entries[name][number - 1]
        yield Line(number, entry.id, entry.type, entry.person, held.stage_of(entry, waiting), 0)


def _batches(held: CouncilSnapshot, name: str, numbers: Iterable[int]) -> Iterable[Line]:
    for number in numbers:
        batch = held.batches[name][number - 1]
        kind = "ViewStarted" if batch is None else f"Batch {batch.number}"
        yield Line(number, "", kind, "", "", len(batch.refs) if batch else 0)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log = log_of(reader, words.language)
    table = _table(view, words)
    told = {
        "head": str(view.head),
        "have": str(len(view.cosigned)),
        "need": str(view.need),
        "name": log.name(view.owner),
    }
    lead: Runs = words.text("web.log_lead", **told)
    about = (
        Paragraph(words.text("web.log_origin", origin=Code(view.origin), root=Code(view.root))),
        Paragraph(words.text("web.log_cosigned", names=log.names(view.cosigned) or words.plain("council.nothing"))),
        Paragraph(words.text("web.log_asof", now=moment(log, view.now))),
    )
    blocks = [table]
    sections = [Section("entries", tuple(blocks)), Section("head", about, words.plain("web.head"))]
    if view.earlier:
        more = Link(words.plain("web.earlier"), "log", {"name": view.name, "before": str(view.earlier)})
        sections.insert(
            1,
            Section(
                "earlier",
                (
                    Paragraph(
                        line(
                            more,
                        )
                    ),
                ),
            ),
        )
    above = trail(words, ("frame.decide", "agenda"), ("web.status", "status"))
    title = words.text("web.title_log", name=view.name, size=str(view.size))
    return Laid(title, tuple(sections), lead, main=table, trail=above)


def _table(view: View, words: Words) -> Table:
    council = view.name.startswith("council-")
    names = ("type", "entries") if council else ("entry", "type", "key", "state")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    rows = []
    for one in view.lines:
        cells: tuple[Cell, ...]
        if council:
            cells = (Cell(text=one.type, code=True), Cell(text=str(one.entries)))
        else:
            stage = Cell(text=words.plain(f"web.stage.{one.stage}"))
            cells = (linked(entry_link(one.id)), Cell(text=one.type, code=True), Cell(text=one.person), stage)
        rows.append(Row(str(one.number), str(one.number), cells))
    return Table("log", words.plain("web.newest_first"), words.plain("web.column.number"), columns, tuple(rows))


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every log."""
    return tuple({"name": name} for name in sorted(reader.council.logs)) if reader.council else ()


PAGE = Page("log", "/log/{name}", "decide", LogQuery, view, layout, 15, instances, ("waiting",))
