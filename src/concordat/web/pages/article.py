"""What does an article say, what was it coded as, how sure is that, and who said so?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Column, Paragraph, Row, Table
from concordat.settings import nearest
from concordat.web.address import NotFoundError
from concordat.web.pages import _rulebook as rules
from concordat.web.site import Laid, Link, Page, Query, Said, Section, line

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


class ArticleQuery(Query):
    """An article of an instrument, as its id has it (`4.3` of `depa/4.3`)."""

    id: str = Field(pattern=rules.ID, description="an instrument's id")
    article: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~+-]{0,63}$", description="an article: 4.3")


@dataclass(frozen=True, slots=True)
class Code:
    """A provision that the article was coded as; probability: None where a person judged."""

    provision: str
    name: str
    unit: str
    depth: int | None
    probability: float | None
    method: str
    coder: str
    coded_on: str
    state: str


@dataclass(frozen=True, slots=True)
class View:
    """The article. lines: its own words, a paragraph each. before, after: the articles beside it."""

    instrument: str
    name: str
    article: str
    number: str
    heading: str
    language: str
    lines: tuple[str, ...]
    sha256: str
    codes: tuple[Code, ...]
    before: str
    after: str


def view(reader: Reader, query: ArticleQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such instrument, no text of it, or no such article.
    """
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    with reader.rules() as store:
        found = rules.known_instrument(store, query.id)
        units = store.units(found.id, ("article", "annex"))
        known = [u.id.split("/", 1)[1] for u in units]
        if query.article not in known:
            close = nearest(query.article, known, 3)
            hint = f"Near it are: {', '.join(close)}." if close else ""
            if not known:
                hint = f"No text of it is loaded here: concordat rulebook load FILE --as {found.id}"
            raise NotFoundError(f"{found.id} has no article {query.article!r} here.", hint=hint, code="no_article")
        at = known.index(query.article)
        unit = units[at]
        codes = tuple(
            Code(
                c.provision, book[c.provision].name if c.provision in book.provisions else c.provision, c.unit, c.depth,
                c.probability, c.method, c.coder, c.coded_on, c.state,
            )
            for c in rules.open_codings(store.codings(found.id))
            if c.unit == unit.id or c.unit.startswith(f"{unit.id}/")
        )  # fmt: skip
    ordered = sorted(
        codes, key=lambda c: (-(c.depth or 0), -(1.0 if c.probability is None else c.probability), c.provision, c.unit)
    )
    lines = tuple(part.strip() for part in unit.text.split("\n") if part.strip())
    before, after = known[at - 1] if at else "", known[at + 1] if at + 1 < len(known) else ""
    return View(
        found.id, found.short_name, query.article, unit.number, unit.heading, unit.lang, lines, unit.sha256,
        tuple(ordered), before, after,
    )  # fmt: skip


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks: its words, then what they were coded as."""
    number = words.plain("web.article_number", number=view.number or view.article)
    title = (
        f"{view.name}, {number}" + (": " if view.heading else ""),
        *((line(Said(view.heading, view.language))) if view.heading else ()),
    )
    lead = words.text("web.article_lead" if view.codes else "web.article_not_coded", count=str(len(view.codes)))
    text = tuple(Paragraph(line(Said(one, view.language))) for one in view.lines)
    sections = [Section("text", text, words.plain("web.article_text"))]
    table = _table(view, words)
    if view.codes:
        sections.append(Section("codes", (table,)))
    beside: list[Link | str] = []
    for key, article in (("before", view.before), ("after", view.after)):
        if article:
            beside += [
                Link(
                    words.plain(f"web.article_{key}", number=article),
                    "article",
                    {"id": view.instrument, "article": article},
                ),
                " ",
            ]
    if beside:
        sections.append(Section("beside", (Paragraph(line(*beside[:-1])),)))
    return Laid(
        title,
        (*sections, rules.not_advice(words)),
        lead,
        main=table if view.codes else None,
        trail=(Link(words.plain("frame.rules"), "rules"), Link(view.name, "instrument", {"id": view.instrument})),
    )


def _table(view: View, words: Words) -> Table:
    names = ("depth", "sure", "where", "by", "on")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    rows = tuple(
        Row(
            f"{c.provision}-{n}",
            f"{c.name} ({c.provision})",
            (
                Cell(text=rules.depth(words, c.depth)),
                Cell(text=words.plain("web.by_person") if c.probability is None else f"P {c.probability:.2f}"),
                Cell(text=c.unit.split("/", 2)[2] if c.unit.count("/") > 1 else words.plain("web.whole_article")),
                Cell(text=_by(c, words)),
                Cell(text=c.coded_on[:10]),
            ),
        )
        for n, c in enumerate(view.codes)
    )  # fmt: skip
    return Table("codes", words.plain("web.article_codes"), words.plain("web.column.provision"), columns, rows)


def _by(code: Code, words: Words) -> str:
    said = f"{code.coder} ({code.method})"
    return said if code.state == "auto" else f"{said}; {words.plain(f'web.coding.{code.state}')}"


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every article of every loaded text."""
    with reader.rules() as store:
        units = [u.id.split("/", 1) for u in store.units("", ("article", "annex"))]
    return tuple({"id": instrument, "article": article} for instrument, article in units if "/" not in article)


PAGE = Page("article", "/instrument/{id}/{article}", "rules", ArticleQuery, view, layout, 30, instances)
