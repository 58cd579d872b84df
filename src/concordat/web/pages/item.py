"""What does a proposal say, where is it on its way, who must do what by when, who stands apart?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.report.chapter import Cell, Code, Column, Paragraph, Row, Table
from concordat.web.address import MovedError
from concordat.web.pages._council import (
    clock,
    entry_link,
    instances_of,
    linked,
    log_of,
    moment,
    own,
    record,
    state,
    thing,
    trail,
)
from concordat.web.site import Door, Doors, Laid, Link, Page, Query, Said, Section, block, line

if TYPE_CHECKING:
    from concordat.council.due import Owed
    from concordat.report.chapter import Block
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

ID = "^[a-z0-9][a-z0-9._-]{0,63}$"


class ItemQuery(Query):
    """A proposal; the id of an amendment, a silence or an item of the agenda leads to its proposal."""

    id: str = Field(description="the id of a proposal: p-2026-001", pattern=ID)


@dataclass(frozen=True, slots=True)
class View:
    """A proposal at a final batch.

    Attributes:
        paragraphs: (id, words) in the first authentic language. hash: of the text. act: of the constitution's act that
            it would allow. amendments, votes, silences, apart: the objects of the record. duties: what it waits for.
    """

    id: str
    title: str
    kind: str
    author: str
    status: str
    rule: str
    tabled: int
    entry: str
    version: int
    hash: str
    certified: str
    authentic: tuple[str, ...]
    paragraphs: tuple[tuple[str, str], ...]
    amendments: tuple[dict[str, Any], ...]
    votes: tuple[dict[str, Any], ...]
    silences: tuple[dict[str, Any], ...]
    apart: tuple[dict[str, Any], ...]
    duties: tuple[Owed, ...]


def view(reader: Reader, query: ItemQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: nothing of that id. MovedError: it belongs to a proposal.
    """
    from concordat.council.due import due

    council = record(reader, query.id).council
    for kind, attribute in (("amendment", "proposal"), ("silence", "proposal"), ("item", "subject")):
        found = council.find(kind, query.id)
        if found is not None:
            subject = getattr(found, attribute)
            raise MovedError(f"/item/{subject}" if council.find("proposal", subject) else "/agenda")
    p = thing(reader, "proposal", query.id)
    about = {p.id, *(a.id for a in council.all("amendment") if a.proposal == p.id), *p.votes}
    silences = [s for s in council.all("silence") if s.proposal == p.id]
    about |= {s.id for s in silences} | {v.id for v in council.all("vote") if v.subject in about}
    votes = [v for v in council.all("vote") if v.id in about]
    return View(
        p.id, p.title, p.kind, p.author, p.status, p.rule, p.tabled, p.entry, len(p.versions), p.text.hash, p.certified,
        p.authentic, tuple((key, text) for key, text in p.text.texts[p.authentic[0]]),
        tuple(_amendment(a) for a in council.all("amendment") if a.proposal == p.id),
        tuple({"id": v.id, "about": v.subject, "status": v.status, "outcome": v.outcome, "closes": v.closes,
               "final_at": v.final_at} for v in votes),
        tuple({"id": s.id, "status": s.status, "deadline": s.deadline, "entry": s.entry} for s in silences),
        tuple({"id": s.id, "member": s.member, "kind": s.kind, "paragraphs": list(s.paragraphs), "reason": s.reason,
               "objections": [list(o) for o in s.objections], "entry": s.entry}
              for s in council.all("standing") if s.proposal == p.id),
        tuple(o for o in due(council, record(reader).now) if o.subject in about),
    )  # fmt: skip


def _amendment(a: Any) -> dict[str, Any]:
    change = a.change.model_dump()
    words = change.get("text") or {}
    text = next(iter(words.values()), "") if isinstance(words, dict) else str(words)
    return {"id": a.id, "author": a.author, "op": change["op"], "paragraph": change["paragraph"], "text": text,
            "reason": a.reason, "status": a.status, "entry": a.entry}  # fmt: skip


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log = log_of(reader, words.language)
    title = line(Said(view.title), ": ", state(words, view.status))
    text = _text(view, words)
    blocks: list[Block] = [_doors(view, words), text]
    lead = words.text("web.item_lead", name=log.name(view.author), day=moment(log, view.tabled), rule=view.rule)
    sections = [Section("text", tuple(blocks))]
    if view.duties:
        from concordat.web.pages.due import duty_table

        sections.append(Section("duties", (duty_table(view.duties, log, reader, words, "item-due"),)))
    tables = (_amendments(view, log, words), _votes(view, log, words), _apart(view, log, words))
    sections += [Section(t.id, (t,)) for t in tables if t.rows]
    said = line(words.plain("web.tabled_by_entry"), " ", entry_link(view.entry), ".")
    hashed = Paragraph(words.text("web.hash_of_text", hash=Code(view.hash)))
    sections.append(Section("record", (Paragraph(said), hashed)))
    heads = {v["id"]: Link(v["id"], "decision", {"id": v["id"]}) for v in view.votes}
    return Laid(
        title, tuple(sections), lead, main=text, links_rows=heads, trail=trail(words, ("frame.decide", "agenda"))
    )


def _doors(view: View, words: Words) -> Block:
    doors = []
    if view.status == "tabled":
        doors.append(Door(words.plain("web.door_amend"), f"/item/{view.id}/amend"))
    if any(v["status"] == "open" for v in view.votes):
        doors.append(Door(words.plain("web.door_vote"), f"/item/{view.id}/vote"))
    if view.status in ("adopted", "in_force"):
        doors += [Door(words.plain(f"web.door_{name}"), f"/item/{view.id}/{name}") for name in ("reserve", "opt-out")]
    return block(Doors(tuple(doors)))


def _text(view: View, words: Words) -> Table:
    columns = (Column("text", words.plain("web.column.text")),)
    rows = tuple(Row(key, key, (_said(text, view.authentic[0]),)) for key, text in view.paragraphs)
    title = words.plain("web.item_text", number=view.version, languages=", ".join(view.authentic))
    return Table("item-text", title, words.plain("web.column.paragraph"), columns, rows)


def _said(text: str, language: str) -> Cell:
    return Cell(
        text=text,
        runs=line(
            Said(text, language),
        ),
    )


def _amendments(view: View, log: Log, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("change", "by", "state", "entry"))
    rows = tuple(
        Row(a["id"], a["id"], (own(f"{a['op'].replace('_', ' ')} {a['paragraph']}: {a['text']}"),
            Cell(text=log.name(a["author"])), Cell(text=state(words, a["status"])), linked(entry_link(a["entry"]))))
        for a in view.amendments
    )  # fmt: skip
    return Table("amendments", words.plain("web.amendments"), words.plain("web.amendment"), columns, rows)


def _votes(view: View, log: Log, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("about", "state", "until"))
    rows = []
    for v in view.votes:
        outcome = state(words, v["outcome"]) if v["outcome"] else ""
        said = words.listed([s for s in (outcome, state(words, v["status"])) if s])
        end = v["closes"] if v["status"] == "open" else v["final_at"]
        rows.append((v["id"], v["about"], said, end))
    rows += [(s["id"], view.id, state(words, s["status"]), s["deadline"]) for s in view.silences]
    made = tuple(
        Row(key, key, (Cell(text=about if key.startswith("v-") else words.plain("web.silence_on", name=about)),
                       Cell(text=said), clock(log, end)))
        for key, about, said, end in rows
    )  # fmt: skip
    return Table("votes", words.plain("web.votes"), words.plain("web.vote"), columns, made)


def _apart(view: View, log: Log, words: Words) -> Table:
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("what", "reason", "entry"))
    rows = []
    for s in view.apart:
        if s["kind"] == "opt_out":
            said = words.plain("council.opt_out", name=log.name(s["member"]))
        else:
            paragraphs = words.listed(s["paragraphs"])
            said = words.plain("council.reservation", name=log.name(s["member"]), paragraphs=paragraphs)
        if s["objections"]:
            said = words.plain("council.objection", text=said, names=log.names([m for m, _ in s["objections"]]))
        rows.append(Row(s["id"], s["id"], (Cell(text=said), own(s["reason"]), linked(entry_link(s["entry"])))))
    return Table("apart", words.plain("web.apart"), words.plain("web.column.id"), columns, tuple(rows))


PAGE = Page(
    "item", "/item/{id}", "decide", ItemQuery, view, layout, 25, instances_of("proposal"), ("council", "waiting")
)
