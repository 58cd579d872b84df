"""Where is it regulated? Articles for a question in plain words, best first, twenty a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Column, Note, Paragraph, Row, Table
from concordat.web.pages import _rulebook as rules
from concordat.web.site import Choice, Choices, Laid, Link, Page, Query, Section, block, line, once

if TYPE_CHECKING:
    from concordat.report.chapter import Block
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

A_PAGE = 20
PAGES_MAX = 10


class SearchQuery(Query):
    """A question, and what is looked among."""

    q: str = Field(
        "", max_length=200, description="what you look for, in plain words", json_schema_extra={"words": True}
    )
    party: str = Field("", pattern=r"^[A-Z]{2,3}$|^$", description="only instruments that this country (or EU) joined")
    topic: str = Field("", pattern=r"^[A-Z]{2}$|^$", description="only this topic: DF")
    depth: int = Field(0, ge=0, le=2, description="at least this hard: 1 soft, 2 binding")
    page: int = Field(1, ge=1, le=PAGES_MAX, description="the first 20 hits, the next 20, ...")


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that answers."""

    instrument: str
    name: str
    article: str
    number: str
    heading: str
    quote: str
    language: str
    provisions: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class View:
    """The answer. about: the provisions that the question was taken to be about. texts: how many texts there are."""

    q: str
    page: int
    hits: tuple[Hit, ...]
    more: bool
    about: tuple[str, ...]
    how: str
    texts: int
    party: str
    topic: str
    depth: int


def view(reader: Reader, query: SearchQuery) -> View:
    """The answer.

    Raises:
        InputError: the question has no words, or there is no such topic. NotFoundError: no such party.
    """
    from concordat.rulebook.search import Filters, search
    from concordat.rulebook.taxonomy import load_taxonomy

    if query.party:
        rules.known_party(query.party)
    book = load_taxonomy()
    with reader.rules() as store:
        texts = len(store.with_text())
        if not query.q.strip():
            return View("", 1, (), False, (), "", texts, query.party, query.topic, query.depth)
        filters = Filters(party=query.party, topic=query.topic, depth=query.depth)
        first = (query.page - 1) * A_PAGE
        found = search(store, query.q, filters=filters, limit=first + A_PAGE + 1)
        hits = []
        for hit in found.hits[first : first + A_PAGE]:
            article = rules.to_article(store, hit.unit.id)
            held = sorted({c.provision for c in rules.open_codings(hit.codings) if c.depth})
            hits.append(
                Hit(
                    hit.unit.instrument, store[hit.unit.instrument].short_name, article.query["article"], article.text,
                    hit.unit.heading, hit.quote, hit.unit.lang, tuple(held), round(hit.score, 4),
                )
            )  # fmt: skip
    about = tuple(book[code].name for code, _ in found.provisions)
    more = len(found.hits) > first + A_PAGE and query.page < PAGES_MAX
    return View(
        found.query, query.page, tuple(hits), more, about, found.how, texts, query.party, query.topic, query.depth
    )


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks: the form, then the hits."""
    trail = (Link(words.plain("frame.rules"), "rules"),)
    form = Section("ask", _form(view, words))
    if not view.q:
        lead = words.text("web.search_lead" if view.texts else "web.search_nothing", count=str(view.texts))
        return Laid(words.text("web.title_search"), (form, rules.not_advice(words)), lead, trail=trail)
    title = words.text("web.title_search_for", q=view.q)
    if not view.hits:
        none = Section("hits", (Paragraph(words.text("web.search_none", count=str(view.texts))),))
        return Laid(title, (none, form, rules.not_advice(words)), trail=trail)
    table = _table(view, words)
    blocks: list[Block] = [table]
    beside: list[Link | str] = []
    if view.page > 1:
        beside += [_to(view, view.page - 1, words.plain("web.search_before")), " "]
    if view.more:
        beside += [_to(view, view.page + 1, words.plain("web.search_after"))]
    if beside:
        blocks.append(Paragraph(line(*beside)))
    about = words.text("web.search_about", about=", ".join(view.about))
    said = Section("how", (Note(words.text("web.search_how", how=view.how)),))
    return Laid(
        title, (Section("hits", tuple(blocks)), form, said, rules.not_advice(words)), about, main=table, trail=trail
    )


def _to(view: View, page: int, text: str) -> Link:
    asked = {"q": view.q, "party": view.party, "topic": view.topic, "depth": str(view.depth), "page": str(page)}
    return Link(text, "search", {key: value for key, value in asked.items() if value not in ("", "0")})


def _table(view: View, words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("instrument", "coded", "words"))
    rows = tuple(
        Row(
            f"{h.instrument}/{h.article}/{n}",
            words.plain("web.article_number", number=h.number) + (f": {h.heading}" if h.heading else ""),
            (
                rules.linked(Link(h.name, "instrument", {"id": h.instrument}), ", ", _article(h, words)),
                Cell(text=", ".join(h.provisions)),
                rules.quoted(h.quote, h.language),
            ),
        )
        for n, h in enumerate(view.hits)
    )  # fmt: skip
    return Table("hits", words.plain("web.search_hits"), words.plain("web.column.article"), columns, rows)


def _article(hit: Hit, words: Words) -> Link:
    number = words.plain("web.article_number", number=hit.number)
    return Link(number, "article", {"id": hit.instrument, "article": hit.article})


def _form(view: View, words: Words) -> tuple[Block, ...]:
    from concordat.rulebook.taxonomy import load_taxonomy

    any_ = ("", words.plain("web.search_any"))
    topics = (any_, *load_taxonomy().topics.items())
    depths = (any_, ("1", words.plain("web.depth.1")), ("2", words.plain("web.depth.2")))
    fields = (
        Choice("q", words.plain("web.search_question"), view.q, help=words.plain("web.search_help")),
        Choice("party", words.plain("web.search_party"), view.party, help=words.plain("web.search_party_help")),
        Choice("topic", words.plain("web.search_topic"), view.topic, topics),
        Choice("depth", words.plain("web.search_depth"), str(view.depth or ""), depths),
    )
    return (block(Choices("search", fields, words.plain("web.search_do"))),)


PAGE = Page("search", "/search", "rules", SearchQuery, view, layout, 20, once)
