"""What was promised here, and is it kept? The words, the target, how coders judged it, what members submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.errors import InputError
from concordat.report.chapter import Cell, Column, Num, Paragraph, Row, Table
from concordat.web.pages._council import (
    entry_link,
    instances_of,
    linked,
    log_of,
    named,
    own,
    record,
    state,
    thing,
    trail,
)
from concordat.web.pages.item import ID
from concordat.web.site import Door, Doors, Laid, Link, Page, Query, Said, Section, block, line

if TYPE_CHECKING:
    from concordat.report.chapter import Runs
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

CELL = "council.record.judged@1"


class CommitmentQuery(Query):
    """A commitment."""

    id: str = Field(description="the id of a commitment: t20-f4a", pattern=ID)


@dataclass(frozen=True, slots=True)
class Judged:
    """How the newest review judged a member: the median of the codes, and how many coders."""

    member: str
    median: Num | None
    coders: Num
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A commitment at a final batch.

    Attributes:
        measures: (source, code, what it tells, indicator). targets: (author, decision, indicator, year, text, entry).
        evidence: (member, text, entry). review: the newest review that coded it; judged: a line a member.
    """

    id: str
    what: str
    document: str
    kind: str
    topic: str
    who: str
    beneficiary: str
    anchor: str
    due: str
    state: str
    author: str
    entry: str
    superseded_by: str
    measures: tuple[tuple[str, str, str, str], ...]
    targets: tuple[tuple[str, str, str, int, str, str], ...]
    evidence: tuple[tuple[str, str, str], ...]
    review: str
    judged: tuple[Judged, ...]
    codes: Num | None


def view(reader: Reader, query: CommitmentQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such commitment at this batch.
    """
    p = thing(reader, "commitment", query.id)
    review, judged, codes = _judged(reader, p.id)
    return View(
        p.id, p.what, p.document, p.kind, p.topic, p.who, p.beneficiary, p.anchor, p.due, p.state, p.author, p.entry,
        p.superseded_by, tuple((m.source, m.code, m.tells, m.indicator) for m in p.measures),
        tuple((t.author, t.decision, *_aim(t.text), t.text, t.entry) for t in p.targets),
        tuple((e.member, e.text, e.entry) for e in p.evidence), review, judged, codes,
    )  # fmt: skip


def _aim(text: str) -> tuple[str, int]:
    """Indicator and year of a target."""
    from concordat.council.commit.targets import Target

    try:
        target = Target.load(text)
    except InputError:
        return "", 0
    return target.indicator, target.year


def _judged(reader: Reader, key: str) -> tuple[str, tuple[Judged, ...], Num | None]:
    """The cells of the newest review that coded a commitment."""
    log = log_of(reader)
    cells = [(n, row) for n, row in enumerate(log.rows("cell")) if row["commitment"] == key]
    if not cells:
        return "", (), None
    newest = max(row["cycle"] for _, row in cells)
    found = []
    for n, row in cells:
        if row["cycle"] == newest:
            made = log.inputs.book.derive(CELL, [log.fact("cell", n)])
            median = (
                None if made.parts["value"] is None else Num(made.parts["value"], unit="ratio", id=made.id, decimals=1)
            )
            coders = Num(made.parts["coders"], unit="count", id=made.id, part="coders")
            reasons = tuple(c["reason"] for c in row["codes"] if c["reason"])
            found.append(Judged(row["member"], median, coders, reasons))
    cycle = log.find("cycle", newest)
    title = str(cycle["title"]) if cycle else newest
    ids = [log.fact("cell", n) for n, row in cells if row["cycle"] == newest]
    return title, tuple(sorted(found, key=lambda j: j.member)), log.inputs.count(ids)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log, council = log_of(reader, words.language), record(reader).council
    title = line(Said(view.what, "en"), ": ", state(words, view.state))
    lead: Runs = words.text("web.commitment_lead", who=view.who, document=view.document)
    if view.judged and view.codes is not None:
        lead = words.sentences(lead, words.text("web.commitment_judged", review=view.review, cells=view.codes))
    door = block(Doors((Door(words.plain("web.door_evidence"), f"/commitment/{view.id}/evidence"),)))
    facts = _facts(view, log, council, words)
    judged = _judged_table(view, log, words)
    made: list[Table] = [t for t in (judged, _targets(view, log, council, words), _measures(view, words),
                                     _evidence(view, log, words)) if t.rows]  # fmt: skip
    more = Paragraph(
        line(
            Link(words.plain("web.all_commitments"), "commitments"),
        )
    )
    sections = [Section("facts", (door, facts)), *(Section(t.id, (t,)) for t in made), Section("more", (more,))]
    above = trail(words, ("frame.decide", "agenda"), ("web.commitments", "commitments"))
    return Laid(title, tuple(sections), lead, main=judged if judged.rows else facts, trail=above,
                links_rows=_members(reader, view))  # fmt: skip


def _members(reader: Reader, view: View) -> Mapping[str, Link]:
    known = set(reader.inputs().who.all)
    log = log_of(reader)
    return {j.member: Link(log.name(j.member), "place", {"area": j.member}) for j in view.judged if j.member in known}


def _facts(view: View, log: Log, council: Any, words: Words) -> Table:
    said: list[tuple[str, Cell]] = [
        ("who", own(view.who)),
        ("beneficiary", own(view.beneficiary)),
        ("topic", own(view.topic)),
    ]
    said += [("anchor", own(view.anchor)), ("due_words", own(view.due)), ("document", named(council, view.document))]
    if view.superseded_by:
        said.append(("superseded", named(council, view.superseded_by)))
    said.append(("registered", linked(entry_link(view.entry, log.name(view.author)))))
    rows = tuple(Row(k, words.plain(f"web.fact.{k}"), (c,)) for k, c in said if c.text)
    return Table(
        "facts",
        words.plain("web.facts"),
        words.plain("web.column.what"),
        (Column("said", words.plain("web.column.text")),),
        rows,
    )


def _judged_table(view: View, log: Log, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("median", "coders", "reason"))
    rows = []
    for j in view.judged:
        median = Cell(main=j.median) if j.median else Cell(text=words.plain("web.blank_code"))
        rows.append(
            Row(j.member, log.name(j.member), (median, Cell(main=j.coders), own("; ".join(j.reasons))), "member")
        )
    title = words.plain("web.judged_table", review=view.review)
    return Table("judged", title, words.plain("council.member"), columns, tuple(rows), (words.text("web.judged_note"),))


def _targets(view: View, log: Log, council: Any, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("indicator", "year", "adopted_by", "entry"))
    rows = []
    for n, (author, decision, indicator, year, _, entry) in enumerate(view.targets):
        adopted = named(council, decision) if decision else Cell(text=words.plain("web.proposed_only"))
        cells = (Cell(text=indicator, code=True), Cell(text=str(year or "")), adopted, linked(entry_link(entry)))
        rows.append(Row(str(n), log.name(author), cells))
    return Table("targets", words.plain("web.targets"), words.plain("web.column.by"), columns, tuple(rows))


def _measures(view: View, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("code", "tells", "indicator"))
    rows = tuple(
        Row(str(n), source, (Cell(text=code, code=True), own(tells), Cell(text=indicator, code=True)))
        for n, (source, code, tells, indicator) in enumerate(view.measures)
    )
    return Table("measures", words.plain("web.measures"), words.plain("web.column.source"), columns, rows)


def _evidence(view: View, log: Log, words: Words) -> Table:
    columns = (Column("text", words.plain("web.column.text")), Column("entry", words.plain("web.column.entry")))
    rows = tuple(Row(f"{n}", log.name(m), (own(t), linked(entry_link(e)))) for n, (m, t, e) in enumerate(view.evidence))
    return Table("evidence", words.plain("web.evidence_of_members"), words.plain("council.member"), columns, rows)


PAGE = Page(
    "commitment", "/commitment/{id}", "decide", CommitmentQuery, view, layout, 30, instances_of("commitment"),
    ("council", "evidence"),
)  # fmt: skip
