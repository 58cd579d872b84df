"""Is this node well? What it holds, how far all is final, who cosigned each head, and how it stands with its peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Cell, Code, Column, Note, Paragraph, Row, Table
from concordat.web.node_facts import minutes
from concordat.web.pages._council import linked, log_of, moment, without_record
from concordat.web.site import Laid, Link, Page, Query, Said, Section, line, once

if TYPE_CHECKING:
    from concordat.report.chapter import Block
    from concordat.report.council_section import Log as Rows
    from concordat.web.council_reader import Log, Waiting
    from concordat.web.languages import Words
    from concordat.web.node_facts import NodeFacts
    from concordat.web.reader import Reader


@dataclass(frozen=True, slots=True)
class View:
    """The record, and the node where one runs.

    Attributes:
        at: (view, batch). state: its hash. trust: the hash of membership version 1. now: ledger time. node: None where
            the pages are served without one.
    """

    loaded: bool
    bloc: str = ""
    at: tuple[int, int] = (0, 0)
    state: str = ""
    trust: str = ""
    membership: int = 0
    now: int = 0
    logs: tuple[Log, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    more: int = 0
    need: int = 0
    node: NodeFacts | None = None


def view(reader: Reader, _query: Query) -> View:
    """The answer."""
    held = reader.council
    if held is None:
        return View(False, node=reader.node)
    logs = tuple(held.logs[name] for name in sorted(held.logs))
    return View(
        True, held.bloc, held.at, held.state, held.trust, held.membership, held.now, logs, held.waiting, held.more,
        held.quorum, reader.node,
    )  # fmt: skip


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    if not view.loaded:
        return without_record(words.text("web.title_status_none"), words)
    log = log_of(reader, words.language)
    batch, number = str(view.at[1]), str(view.at[0])
    lead = words.text("web.status_lead", batch=batch, view=number, now=moment(log, view.now))
    if view.at == (0, 0):
        lead = words.text("web.nothing_final")
    node = view.node
    well = node is None or (node.recovery == "normal" and not node.failing and not node.alarms)
    logs = _logs(view, log, words)
    sections = [Section("node", tuple(_node(view, words))), Section("logs", (logs,))]
    if view.waiting:
        sections.append(Section("waiting", (_waiting(view, log, words),)))
    if node is not None and node.peers:
        sections.append(Section("peers", (_peers(node, log, words),)))
    about = (
        Paragraph(words.text("web.status_state", state=Code(view.state))),
        Paragraph(words.text("web.status_trust", trust=Code(view.trust), number=str(view.membership))),
    )
    sections.append(Section("hashes", about, words.plain("web.hashes")))
    title = words.text("web.title_status" if well else "web.title_status_ill")
    return Laid(title, tuple(sections), lead, main=logs)


def _node(view: View, words: Words) -> list[Block]:
    """What is wrong, and who this node is."""
    node = view.node
    if node is None:
        return [Note(words.text("web.no_node"))]
    found: list[Block] = [
        Note(
            line(
                Said(text, "en"),
            ),
            "warning",
        )
        for text in (*node.alarms, *node.failing)
    ]
    found.append(Paragraph(words.text("web.node_is", member=node.member, url=Code(node.url), version=node.version)))
    if node.drill_day:
        found.append(Paragraph(words.text("web.drill_day", day=node.drill_day)))
    return found


def _logs(view: View, log: Rows, words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("entries", "head", "cosigned", "missing"))
    known = sorted({n.owner for n in view.logs})
    rows = []
    for one in view.logs:
        missing = [m for m in known if m not in one.cosigned]
        enough = words.plain("web.of_needed", have=str(len(one.cosigned)), need=str(one.need))
        cells = (linked(Link(str(one.size), "log", {"name": one.name})), Cell(text=str(one.head)), Cell(text=enough),
                 Cell(text=log.names(missing) or words.plain("council.nothing")))  # fmt: skip
        rows.append(Row(one.name, one.name, cells))
    return Table("logs", words.plain("web.logs"), words.plain("web.log"), columns, tuple(rows))


def _waiting(view: View, log: Rows, words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("type", "by", "state"))
    rows = []
    for w in view.waiting[:60]:
        state = words.plain(f"web.stage.{w.stage}")
        if w.stage == "witnessing":
            state = words.plain("web.pending", have=str(w.have), need=str(w.need), names=log.names(w.missing))
        cells = (linked(Link(w.type, "entry", {"id": w.id})), Cell(text=log.name(w.author)), Cell(text=state))
        rows.append(Row(w.id[:12], w.id[:12], cells))
    title = words.plain("web.waiting", count=len(view.waiting) + view.more)
    return Table("waiting", title, words.plain("web.column.entry"), columns, tuple(rows))


def _peers(node: NodeFacts, log: Rows, words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("entries", "lag", "state", "contact"))
    rows = []
    for p in node.peers:
        since = minutes(p.contact_s)
        contact = words.plain("web.never") if since is None else words.plain("web.minutes_ago", minutes=str(since))
        state = f"{p.state}: {p.note}" if p.note else p.state
        cells = (
            Cell(text=str(p.log)),
            Cell(text=str(p.lag)),
            Cell(text=state, runs=line(Said(state, "en"))),
            Cell(text=contact),
        )
        rows.append(Row(p.member, log.name(p.member), cells, "member"))
    return Table("peers", words.plain("web.peers"), words.plain("council.member"), columns, tuple(rows))


PAGE = Page("status", "/status", "about", Query, view, layout, 15, once, ("waiting", "node"))
