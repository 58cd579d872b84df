"""What is on the table, and who must do what by when? Open items first, each with its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat.report.chapter import Cell, Column, Num, Paragraph, Row, Table
from concordat.web.pages._council import (
    clock,
    link_to,
    linked,
    log_of,
    many,
    moment,
    named,
    own,
    state,
    without_record,
)
from concordat.web.site import Door, Doors, Laid, Link, Page, Query, Section, block, line, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from concordat.report.chapter import Block
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

ENDED = ("adopted", "in_force", "rejected", "withdrawn", "amended", "ended")
OVER = ("final", "adjourned", "withdrawn")
SILENT = ("running", "extended")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is open, or an item of the agenda.

    Attributes:
        kind: proposal, vote, silence, consultation, cycle, dispute or item. until: in seconds; 0 without a clock.
    """

    id: str
    kind: str
    title: str
    state: str
    until: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The table at the last final batch.

    Attributes:
        items: as the chair ordered them. open: what waits for somebody, the earliest clock first. closed: proposals
            that are decided, the newest first. now: ledger time.
    """

    loaded: bool
    chair: str
    now: int
    items: tuple[Item, ...] = ()
    open: tuple[Item, ...] = ()
    closed: tuple[Item, ...] = ()
    open_votes: Num | None = None
    open_proposals: Num | None = None


def view(reader: Reader, _query: Query) -> View:
    """The answer."""
    if reader.council is None:
        return View(False, "", 0)
    from concordat.council.agenda import agenda

    council = reader.council.council
    items = tuple(Item(i.subject or i.id, i.kind, i.title, "", 0) for i in agenda(council))
    proposals = council.all("proposal")
    waiting = sorted(_open(reader), key=lambda i: (i.until or 2**60, i.id))
    closed = [Item(p.id, "proposal", p.title, p.status, 0, p.author) for p in proposals if p.status in ENDED]
    return View(
        True, council.chair, reader.council.now, items, tuple(waiting), tuple(reversed(closed)),
        many(reader, "vote", lambda row: row["status"] not in OVER),
        many(reader, "proposal", lambda row: row["status"] not in ENDED),
    )  # fmt: skip


def _open(reader: Reader) -> Iterator[Item]:
    assert reader.council is not None
    council = reader.council.council
    titles = {p.id: p.title for p in council.all("proposal")}
    for p in council.all("proposal"):
        if p.status not in ENDED:
            yield Item(p.id, "proposal", p.title, p.status, 0, p.author)
    for v in council.all("vote"):
        if v.status not in OVER:
            closes = v.closes if v.status == "open" else v.final_at
            yield Item(v.id, "vote", v.title or titles.get(v.subject, v.subject), v.status, closes)
    for s in council.all("silence"):
        if s.status in SILENT:
            yield Item(s.id, "silence", titles.get(s.proposal, s.proposal), s.status, s.deadline)
    for c in council.all("consultation"):
        if c.status == "open":
            yield Item(c.id, "consultation", c.title, c.status, c.closes)
    for r in council.all("cycle"):
        if r.status != "adopted":
            yield Item(r.id, "cycle", r.title, r.status, r.comments_until if r.status == "comments" else 0)
    for d in council.all("dispute"):
        if not d.case.ended:
            yield Item(d.id, "dispute", d.subject, d.case.stage, d.case.due.at if d.case.due else 0)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    if not view.loaded:
        return without_record(words.text("web.title_agenda_none"), words)
    log = log_of(reader, words.language)
    assert view.open_votes is not None
    assert view.open_proposals is not None
    lead = words.text(
        "web.agenda_lead", proposals=view.open_proposals, votes=view.open_votes, chair=log.name(view.chair),
        now=moment(log, view.now),
    )  # fmt: skip
    waiting = _table("open", view.open, log, reader, words)
    nothing: Block = Paragraph(words.text("web.nothing_open"))
    sections = [Section("open", (waiting if view.open else nothing,))]
    if view.items:
        sections.append(Section("agenda", (_table("agenda", view.items, log, reader, words),)))
    if view.closed:
        sections.append(Section("closed", (_table("closed", view.closed, log, reader, words),)))
    sections.append(Section("do", (_doors(words), _elsewhere(words)), words.plain("web.go_on")))
    return Laid(words.text("web.title_agenda"), tuple(sections), lead, main=waiting if view.open else None)


def _table(name: str, items: tuple[Item, ...], log: Log, reader: Reader, words: Words) -> Table:
    assert reader.council is not None
    council = reader.council.council
    clocked = any(i.until for i in items)
    names = ("title", "state", "until") if clocked else ("title", "state")
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in names)
    rows = tuple(
        Row(i.id, words.plain(f"web.kind.{i.kind}"), (_title(i, council), Cell(text=state(words, i.state)),
            *((clock(log, i.until),) if clocked else ())))
        for i in items
    )  # fmt: skip
    return Table(name, words.plain(f"web.agenda_{name}"), words.plain("web.column.kind"), columns, rows)


def _title(item: Item, council: object) -> Cell:
    if item.kind == "cycle":
        return linked(Link(item.title, "commitments"))
    return named(council, item.id, item.title) if link_to(council, item.id) else own(item.title)


def _doors(words: Words) -> Block:
    doors = (("web.door_table", "/table"), ("web.door_commit", "/commitment/new"), ("web.door_dispute", "/dispute/new"))
    return block(Doors(tuple(Door(words.plain(key), path) for key, path in doors)))


def _elsewhere(words: Words) -> Paragraph:
    runs: list[Any] = []
    for key in ("due", "commitments", "disputes", "status", "check"):
        runs += [" · ", Link(words.plain(f"web.{key}"), key)] if runs else [Link(words.plain(f"web.{key}"), key)]
    return Paragraph(line(*runs))


PAGE = Page("agenda", "/agenda", "decide", Query, view, layout, 20, once, ("council", "waiting"))
