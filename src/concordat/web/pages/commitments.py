"""What was promised, and is it kept? Counts by state, then the reviews, then every promise.

The reviews are the report's own chapter, scores and evidence side by side. `?member=` shows what one member was judged
on, `?topic=` what is about one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Column, Num, Row, Table
from concordat.web.pages import _chapter
from concordat.web.pages._council import linked, log_of, many, own, state, thing, trail
from concordat.web.pages._shared import BlocQuery
from concordat.web.site import Door, Doors, Laid, Link, Page, Section, block, once

if TYPE_CHECKING:
    from concordat.report.chapter import Runs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

STATES = ("registered", "specified", "active", "reviewed", "completed", "lapsed", "superseded")
ON_PAGE = 60


class CommitmentsQuery(BlocQuery):
    """All promises, or those of a topic, or those on which a member was judged."""

    member: str = Field("", pattern=r"^[A-Z][A-Z0-9]{1,15}$|^$", description="a member's id: BRA")
    topic: str = Field("", pattern=r"^[A-Za-z0-9_. -]{0,64}$", description="a topic, as the commitments name it")


@dataclass(frozen=True, slots=True)
class Promise:
    """One commitment, and where it stands."""

    id: str
    what: str
    topic: str
    document: str
    state: str


@dataclass(frozen=True, slots=True)
class View:
    """The chapter of the report, and every promise that was asked for. counts: by state, over all."""

    chapter: _chapter.View
    member: str
    topic: str
    promises: tuple[Promise, ...] = ()
    counts: tuple[tuple[str, Num], ...] = ()


def view(reader: Reader, query: CommitmentsQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such member in the record.
    """
    chapter = _chapter.view_of("commitments")(reader, query)
    if reader.council is None or reader.council.bloc != chapter.bloc:
        return View(chapter, query.member, query.topic)
    council = reader.council.council
    judged: set[str] | None = None
    if query.member:
        thing(reader, "member", query.member)
        cells = log_of(reader).rows("cell")
        judged = {row["commitment"] for row in cells if row["member"] == query.member}
    found = [
        Promise(p.id, p.what, p.topic, p.document, p.state)
        for p in council.all("commitment")
        if query.topic in ("", p.topic) and (judged is None or p.id in judged)
    ]
    there = {p.state for p in council.all("commitment")}
    counts = tuple((s, many(reader, "commitment", lambda row, s=s: row["state"] == s)) for s in STATES if s in there)
    return View(chapter, query.member, query.topic, tuple(found), counts)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    laid = _chapter.layout_of("commitments")(view.chapter, reader, words)
    if reader.council is None or reader.council.bloc != view.chapter.bloc:
        return laid
    lead: Runs = ()
    for name, num in view.counts:
        lead = (*lead, *((", ",) if lead else ()), state(words, name), " ", num)
    said = words.sentences((*words.text("web.promises"), " ", *lead, "."), *([laid.lead] if laid.lead else []))
    table = _table(view, words)
    door = block(Doors((Door(words.plain("web.door_commit"), "/commitment/new"),)))
    shown = replace(table, rows=table.rows[:ON_PAGE], notes=(words.text("web.whole_in_csv"),)) if len(
        table.rows) > ON_PAGE else table  # fmt: skip
    more = Section("promises", (door, shown))
    main = table if view.member or view.topic or laid.main is None else laid.main
    sections = (more, *laid.sections) if view.member or view.topic else (*laid.sections, more)
    return replace(laid, sections=sections, lead=said, main=main, trail=trail(words, ("frame.decide", "agenda")))


def _table(view: View, words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("what", "topic", "state"))
    rows = tuple(
        Row(p.id, p.id, (linked(Link(p.what, "commitment", {"id": p.id})), own(p.topic.replace("_", " ")),
            Cell(text=state(words, p.state))))
        for p in view.promises
    )  # fmt: skip
    return Table("promises", words.plain("web.every_promise"), words.plain("web.column.id"), columns, rows)


PAGE = Page(
    "commitments", "/commitments", "decide", CommitmentsQuery, view, layout, 30, once, ("evidence", "council")
)  # fmt: skip
