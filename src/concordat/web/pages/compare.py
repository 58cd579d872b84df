"""How do two agreements differ? The provisions on which they do first, then those that both hold alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.errors import InputError, MethodError
from concordat.report.chapter import Cell, Column, Note, Row, Table
from concordat.web.pages import _rulebook as rules
from concordat.web.site import Choice, Choices, Laid, Link, Page, Query, Section, block, once

if TYPE_CHECKING:
    from concordat.report.chapter import Block
    from concordat.rulebook.compare import Cell as Held
    from concordat.rulebook.store import RuleStore
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

NAME = r"^[a-z0-9][a-z0-9-]{0,63}$|^$"


class CompareQuery(Query):
    """Two instruments; without them the page offers those that can be compared."""

    a: str = Field("", pattern=NAME, description="an instrument's id")
    b: str = Field("", pattern=NAME, description="another")


@dataclass(frozen=True, slots=True)
class Side:
    """A provision in one of the two: where, how hard, how sure."""

    depth: int
    ordinal: int
    article: str
    number: str
    probability: float | None
    quote: str
    language: str


@dataclass(frozen=True, slots=True)
class Line:
    """A provision in both; change: the second's place on its scale less the first's."""

    provision: str
    name: str
    a: Side | None
    b: Side | None
    change: int


@dataclass(frozen=True, slots=True)
class View:
    """The two, side by side. coded: the instruments that can be compared here. alike: pairs of articles alike."""

    a: str
    b: str
    names: tuple[str, str]
    lines: tuple[Line, ...]
    uncoded: tuple[str, ...]
    stability: float | None
    coded: tuple[tuple[str, str], ...]


def view(reader: Reader, query: CompareQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such instrument. InputError: one of two is missing, or both are the same.
    """
    with reader.rules() as store:
        coded = tuple((i, store[i].short_name) for i in store.with_text() if rules.open_codings(store.codings(i)))
        if not query.a and not query.b:
            return View("", "", ("", ""), (), (), None, coded)
        if not query.a or not query.b or query.a == query.b:
            hint = "Write both: /compare?a=depa&b=cptpp"
            raise InputError("two different instruments are compared.", where="address", hint=hint, code="compare")
        first, second = (rules.known_instrument(store, name) for name in (query.a, query.b))
        names = (first.short_name, second.short_name)
        without = tuple(i.short_name for i in (first, second) if i.id not in dict(coded))
        if without:
            return View(first.id, second.id, names, (), without, None, coded)
        lines, stability = _lines(store, first.id, second.id)
        return View(first.id, second.id, names, lines, (), stability, coded)


def _lines(store: RuleStore, a: str, b: str) -> tuple[tuple[Line, ...], float | None]:
    from concordat.rulebook.compare import compare
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    try:
        found = compare(store, (a, b))
    except MethodError:
        return (), None
    change = found.differences()
    shown = {(c.unit, c.provision) for name in (a, b) for c in rules.open_codings(store.codings(name))}
    lines = []
    for code, (first, second) in ((c, row[:2]) for c, row in found.cells.items()):
        sides = [_side(store, x) if x is not None and (x.unit, code) in shown else None for x in (first, second)]
        if any(sides):
            lines.append(Line(code, book[code].name, sides[0], sides[1], change.get(code, 0)))
    return tuple(sorted(lines, key=lambda x: (-abs(x.change), x.provision))), found.stability


def _side(store: RuleStore, cell: Held) -> Side:
    article = rules.to_article(store, cell.unit)
    language = store.unit(cell.unit).lang
    return Side(
        cell.depth, cell.ordinal or 0, article.query["article"], article.text, cell.probability, cell.quote, language
    )


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    trail = (Link(words.plain("frame.rules"), "rules"),)
    form = _form(view, words)
    if not view.a:
        lead = words.text("web.compare_choose" if len(view.coded) > 1 else "web.compare_nothing")
        return Laid(
            words.text("web.title_compare_any"), (Section("choose", form), rules.not_advice(words)), lead, trail=trail
        )
    title = words.text("web.title_compare", a=view.names[0], b=view.names[1])
    if view.uncoded:
        said = tuple(Note(words.text("web.compare_uncoded", name=name)) for name in view.uncoded)
        return Laid(title, (Section("uncoded", said), Section("choose", form), rules.not_advice(words)), trail=trail)
    differing = sum(x.change != 0 for x in view.lines)
    lead = words.text("web.compare_lead", count=str(differing), all=str(len(view.lines)))
    table = _table(view, words)
    sections = [Section("provisions", (table,)), Section("choose", form, words.plain("web.compare_others"))]
    if view.stability is not None:
        share = f"{100 * view.stability:.0f} %"
        sections.insert(1, Section("stable", (Note(words.text("web.compare_stable", share=share)),)))
    return Laid(title, (*sections, rules.not_advice(words)), lead, main=table, trail=trail)


def _table(view: View, words: Words) -> Table:
    columns = (
        Column("change", words.plain("web.column.differs")), Column("a", view.names[0]), Column("b", view.names[1])
    )  # fmt: skip
    rows = tuple(
        Row(x.provision, f"{x.name} ({x.provision})", (
            Cell(text=_change(x, view.names, words)), _cell(view.a, x.a, words), _cell(view.b, x.b, words)))
        for x in view.lines
    )  # fmt: skip
    return Table("compare", words.plain("web.compare_table"), words.plain("web.column.provision"), columns, rows)


def _change(found: Line, names: tuple[str, str], words: Words) -> str:
    if not found.change:
        return words.plain("web.compare_alike")
    return words.plain("web.compare_harder", name=names[1] if found.change > 0 else names[0])


def _cell(instrument: str, side: Side | None, words: Words) -> Cell:
    if side is None:
        return Cell(text=words.plain("web.compare_absent"))
    sure = "" if side.probability is None else f" P {side.probability:.2f}"
    to = Link(
        words.plain("web.article_number", number=side.number), "article", {"id": instrument, "article": side.article}
    )
    return rules.linked(f"{rules.depth(words, side.depth)}{sure}, ", to)


def _form(view: View, words: Words) -> tuple[Block, ...]:
    if len(view.coded) < 2:
        return (Note(words.text("web.compare_load")),)
    choices = tuple(view.coded)
    return (
        block(
            Choices(
                "compare",
                (
                    Choice("a", words.plain("web.compare_first"), view.a, choices),
                    Choice("b", words.plain("web.compare_second"), view.b, choices),
                ),
                words.plain("web.compare_do"),
            )
        ),
    )


PAGE = Page("compare", "/compare", "rules", CompareQuery, view, layout, 40, once)
