"""What do people agree on? The statements that bridge first, with how sure that is; then all, with who said what.

The analysis is the report's (`council.record.consultation`): groups, stability, bridging, group-informed consensus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.errors import MethodError
from concordat.report.chapter import Cell, Column, Note, Num, Row, Table
from concordat.web.pages._council import link_to, log_of, moment, record, state, thing, trail
from concordat.web.pages.item import ID
from concordat.web.site import Door, Doors, Laid, Page, Query, Said, Section, block, line

if TYPE_CHECKING:
    from concordat.report.chapter import Block, Runs
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

CONSULTATION = "council.record.consultation@1"
NUMBERS = (
    ("agrees", "count"),
    ("disagrees", "count"),
    ("seen", "count"),
    ("majority", "percent"),
    ("consensus", "ratio"),
)
COUNTS: tuple[str, ...] = ("voters", "statements", "votes", "bridging")
DECIMALS = {"percent": 0, "ratio": 2}
STATEMENTS_MAX = 60  # on the page; all are in the CSV and the JSON


class ConsultQuery(Query):
    """A consultation."""

    id: str = Field(description="the id of a consultation: c-2026-001", pattern=ID)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement. moderated: 1 accepted, 0 open, -1 rejected. numbers: of the analysis; empty where it has none."""

    number: int
    text: str
    language: str
    author: str
    moderated: int
    reason: str
    bridges: bool
    numbers: Mapping[str, Num]


@dataclass(frozen=True, slots=True)
class View:
    """A consultation at a final batch, its statements with the most agreed on first. why: there is no analysis."""

    id: str
    title: str
    public: str
    proposal: str
    status: str
    opened: int
    closes: int
    entry: str
    numbers: Mapping[str, Num]
    groups: int
    searched: int
    statements: tuple[Statement, ...]
    why: str


def view(reader: Reader, query: ConsultQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such consultation at this batch.
    """
    c = thing(reader, "consultation", query.id)
    log, why, parts, found = log_of(reader), "", {}, ""
    try:
        said = {"resamples": log.options.resamples}
        derived = log.inputs.book.derive(CONSULTATION, [log.fact_of("consultation", c.id)], said)
        parts, found = dict(derived.parts), derived.id
    except MethodError as error:
        why = error.what
    statements = [_statement(s, parts, found) for s in c.statements]
    statements.sort(key=lambda s: (s.moderated < 0, -_consensus(s), s.number))
    numbers = {n: Num(parts[n], unit="count", id=found, part=n) for n in COUNTS if n in parts}
    if parts.get("stability") is not None:
        numbers["stability"] = Num(parts["stability"], unit="ratio", id=found, part="stability", decimals=2)
    return View(
        c.id, c.title, c.public, c.proposal, c.status, c.opened, c.closes, c.entry, numbers, parts.get("groups", 0),
        parts.get("searched", 0), tuple(statements), why,
    )  # fmt: skip


def _statement(s: Any, parts: Mapping[str, Any], record_id: str) -> Statement:
    numbers = {
        name: Num(parts[f"{name}_{s.number}"], unit=unit, id=record_id, part=f"{name}_{s.number}",
                  decimals=DECIMALS.get(unit))
        for name, unit in NUMBERS
        if parts.get(f"{name}_{s.number}") is not None
    }  # fmt: skip
    bridges = bool(parts.get(f"bridges_{s.number}"))
    return Statement(s.number, s.text, s.language, s.author, s.moderated, s.reason, bridges, numbers)


def _consensus(statement: Statement) -> float:
    found = statement.numbers.get("consensus")
    return float(found.value) if found is not None and found.value is not None else -1.0


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log, council = log_of(reader, words.language), record(reader).council
    title = line(Said(view.title), ": ", state(words, view.status))
    table = _table(view, log, words)
    blocks: list[Block] = []
    if view.status == "open":
        blocks.append(block(Doors((Door(words.plain("web.door_opine"), f"/consult/{view.id}/vote"),))))
    if view.why:
        blocks.append(Note(words.text("council.consultation_failed", title=view.title, reason=view.why)))
    else:
        blocks.append(Note(_sure(view, words), "warning" if not view.groups else "info"))
    blocks.append(table)
    key = "web.consult_open" if view.status == "open" else "web.consult_closed"
    lead = words.text(key, closes=moment(log, view.closes), kind=words.plain(f"web.public.{view.public}"))
    if "voters" in view.numbers:
        told = {name: view.numbers[name] for name in ("voters", "votes", "statements")}
        lead = words.sentences(words.text("council.bridging", count=view.numbers["bridging"]),
                               words.text("web.consult_numbers", **told), lead)  # fmt: skip
    on = link_to(council, view.proposal) if view.proposal else None
    above = (*trail(words, ("frame.decide", "agenda")), *([on] if on else []))
    return Laid(
        title, (Section("statements", tuple(blocks)),), lead, main=_table(view, log, words, whole=True), trail=above
    )


def _sure(view: View, words: Words) -> Runs:
    """How far the groups of opinion are to be trusted."""
    from concordat.council.consult.analysis import FEW_VOTERS

    said: list[Runs] = []
    voters, stability = view.numbers["voters"], view.numbers.get("stability")
    if (voters.value or 0) < FEW_VOTERS:
        said.append(words.text("council.unstable", voters=voters))
    if not view.searched or stability is None:
        said.append(words.text("council.groups_none"))
    elif not view.groups:
        said.append(words.text("council.groups_hidden", stability=stability))
    else:
        said.append(words.text("web.groups_drawn", groups=str(view.groups), stability=stability))
    return words.sentences(*said)


def _table(view: View, log: Log, words: Words, *, whole: bool = False) -> Table:
    columns = [Column("by", words.plain("web.column.by"))]
    columns += [Column(n, words.plain(f"council.column.{n}"), unit if unit == "percent" else "") for n, unit in NUMBERS]
    shown = view.statements if whole else view.statements[:STATEMENTS_MAX]
    rows = tuple(Row(str(s.number), _words(s, words), tuple(_line(s, log, words))) for s in shown)
    title = words.plain("web.statements")
    return Table("statements", title, words.plain("council.statement_title"), tuple(columns), rows,
                 (words.text("council.statements_note"),))  # fmt: skip


def _words(s: Statement, words: Words) -> str:
    """A statement with its number, and whether it bridges or was left out."""
    said = words.plain("council.statement", number=str(s.number), text=s.text)
    if s.bridges:
        return f"{said} – {words.plain('web.bridges')}"
    return f"{said} – {words.plain('web.rejected', reason=s.reason)}" if s.moderated < 0 else said


def _line(s: Statement, log: Log, words: Words) -> Iterable[Cell]:
    yield Cell(text=log.name(s.author))
    for name, _ in NUMBERS:
        yield Cell(main=s.numbers[name]) if name in s.numbers else Cell(text=words.plain("council.nothing"))


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every consultation."""
    return tuple({"id": c.id} for c in reader.council.council.all("consultation")) if reader.council else ()


PAGE = Page("consult", "/consult/{id}", "decide", ConsultQuery, view, layout, 25, instances, ("council", "waiting"))
