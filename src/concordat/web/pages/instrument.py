"""What is this instrument, who is in it since when, and what does its text hold?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Column, Paragraph, Row, Table
from concordat.web.pages import _rulebook as rules
from concordat.web.site import Laid, Link, Page, Section

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

ON_PAGE = 120  # parties or articles; a longer table is whole in the CSV and the JSON
DATES = ("adopted", "signed", "in_force", "ended")


class InstrumentQuery(rules.DayQuery):
    """An instrument, and the day of the status table."""

    id: str = Field(pattern=rules.ID, description="an instrument's id, such as depa")


@dataclass(frozen=True, slots=True)
class Party:
    """One party's row; answer: whether it is in force for it on the day (`yes`, `no`, `unknown`)."""

    party: str
    role: str
    signed: str
    ratified: str
    in_force: str
    answer: str
    withdrawn: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article, and the provisions that it is coded as with their depth."""

    article: str
    number: str
    heading: str
    provisions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class View:
    """The instrument. complete: whether absence from the list of parties means anything."""

    id: str
    name: str
    short_name: str
    type: str
    binding: str
    status: str
    dates: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    mark: str
    on: str
    parties: tuple[Party, ...]
    complete: bool
    parties_note: str
    articles: tuple[Article, ...]
    evidence: tuple[str, ...]


def view(reader: Reader, query: InstrumentQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such instrument.
    """
    from concordat.rulebook.status import status

    on = rules.day(reader, query)
    with reader.rules() as store:
        found = rules.known_instrument(store, query.id)
        parties = tuple(
            Party(r.party, r.role, r.signed, r.ratified, r.in_force, r.answer, r.withdrawn, r.mark, r.source)
            for r in status(store, found.id, on)
        )
        coded: dict[str, dict[str, int]] = {}
        for c in rules.open_codings(store.codings(found.id)):
            article = "/".join(c.unit.split("/")[:2])
            here = coded.setdefault(article, {})
            here[c.provision] = max(here.get(c.provision, 0), c.depth or 0)
        articles = tuple(
            Article(u.id.split("/")[1], u.number, u.heading, tuple(sorted(coded.get(u.id, {}).items())))
            for u in store.units(found.id, ("article", "annex"))
        )
    dates = tuple((d, day.text) for d in DATES if (day := getattr(found, d)) is not None)
    return View(
        found.id, found.name, found.short_name, found.type, found.binding, found.status, dates, found.topics,
        found.mark, on.isoformat(), parties, found.complete, found.parties_note, articles, found.evidence,
    )  # fmt: skip


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    inside = sum(p.answer == "yes" for p in view.parties)
    lead = words.text(
        "web.instrument_lead", count=str(inside), on=view.on, binding=words.plain(f"web.binding.{view.binding}")
    )
    facts = [words.plain(f"web.date.{name}", on=text) for name, text in view.dates]
    lines = [Paragraph((" ".join(facts),))] if facts else []
    lines += [Paragraph((f"{words.plain('web.column.topics')}: {', '.join(view.topics)}",))] if view.topics else []
    if not view.complete:
        lines.append(Paragraph(words.text("web.parties_incomplete")))
    parties = _parties(view, reader, words)
    sections = [Section("facts", tuple(lines)), Section("parties", (_cut(parties, words),))]
    links = {p.party: Link("", "place", {"area": p.party}) for p in view.parties if len(p.party) == 3}
    if view.articles:
        sections.append(Section("articles", (_cut(_articles(view, words), words),)))
        links |= {
            f"article-{a.article}": Link(_title(a, words), "article", {"id": view.id, "article": a.article})
            for a in view.articles
        }
    else:
        load = f"concordat rulebook load FILE --as {view.id}"
        sections.append(Section("articles", (Paragraph(words.text("web.no_text", load=load)),)))
    if view.evidence:
        sections.append(Section("evidence", tuple(Paragraph((e,)) for e in view.evidence), words.plain("web.evidence")))
    named = {row.id: row.title for row in parties.rows}
    return Laid(
        (view.name,),
        (*sections, rules.not_advice(words)),
        lead,
        main=parties,
        links_rows={key: Link(named.get(key, to.text), to.page, to.query) for key, to in links.items()},
        trail=(Link(words.plain("frame.rules"), "rules"),),
    )


def _parties(view: View, reader: Reader, words: Words) -> Table:
    names = ("role", "signed", "ratified", "in_force", "answer", "mark")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    rows = tuple(
        Row(
            p.party,
            rules.name_of(reader, p.party, words.language),
            (
                Cell(text=words.plain(f"web.role.{p.role}")),
                *(Cell(text=_date(t, words)) for t in (p.signed, p.ratified, p.in_force)),
                Cell(text=words.plain(f"web.answer.{p.answer}") + (f" ({p.withdrawn})" if p.withdrawn else "")),
                Cell(text=rules.mark(words, p.mark)),
            ),
        )
        for p in view.parties
    )  # fmt: skip
    title = words.plain("web.parties_on", on=view.on)
    return Table("parties", title, words.plain("web.column.party"), columns, rows)


def _date(text: str, words: Words) -> str:
    return words.plain("web.unknown") if text == "unknown" else text


def _articles(view: View, words: Words) -> Table:
    columns = (Column("coded", words.plain("web.column.coded")),)
    rows = tuple(Row(f"article-{a.article}", _title(a, words), (Cell(text=_coded(a, words)),)) for a in view.articles)
    return Table("articles", words.plain("web.articles"), words.plain("web.column.article"), columns, rows)


def _title(article: Article, words: Words) -> str:
    number = words.plain("web.article_number", number=article.number or article.article)
    return f"{number}: {article.heading}" if article.heading else number


def _coded(article: Article, words: Words) -> str:
    return "; ".join(f"{code} {rules.depth(words, level)}" for code, level in article.provisions)


def _cut(table: Table, words: Words) -> Table:
    if len(table.rows) <= ON_PAGE:
        return table
    shown = table.rows[:ON_PAGE]
    return Table(table.id, table.title, table.row_title, table.columns, shown, (words.text("web.whole_in_csv"),))


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every instrument that a member of the bloc has a part in."""
    members = set(reader.inputs().who.members)
    with reader.rules() as store:
        found = store.participations()
        return tuple({"id": i} for i in store.ids() if any(p.party in members for p in found.get(i, ())))


PAGE = Page("instrument", "/instrument/{id}", "rules", InstrumentQuery, view, layout, 30, instances)
