"""How does one member stand? Its figures with year, source and rank among the members, beside the bloc's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.evidence.ranks import derive_ranks
from concordat.report import cells
from concordat.report.chapter import Cell, Column, Note, Num, Paragraph, Row, Table
from concordat.web.pages._shared import BlocQuery, indicator_links, known_area, known_bloc
from concordat.web.site import Laid, Page, Section

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.provenance import Derived
    from concordat.report.chapter import Block, Runs
    from concordat.report.inputs import Inputs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

LEAD = "internet_users_pct"


class PlaceQuery(BlocQuery):
    """A country, and the bloc among whose members it is ranked."""

    area: str = Field(description="ISO 3166-1 alpha-3 code", pattern="^[A-Z]{3}$")


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator of the country.

    Attributes:
        value: the newest figure; None where there is none, and `reason` says why (`stale`, `censored`, ...).
        rank: best and worst place among the members that have a figure; None without one, or for a country outside.
        bloc: the bloc's own figure by the indicator's rule; None where it can't be shown.
    """

    indicator: str
    topic: str
    value: Num | None
    year: Num | None
    rank: Num | None
    bloc: Num | None
    source: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The country among the members of a bloc."""

    area: str
    bloc: str
    member: bool
    figures: tuple[Figure, ...]


def view(reader: Reader, query: PlaceQuery) -> View:
    """The answer."""
    area, bloc = known_area(query.area), known_bloc(reader, query.bloc)
    inputs, options = reader.inputs(bloc), reader.options(bloc)
    found = [
        _figure(reader, inputs, indicator, area, bloc)
        for topic in options.topics
        for indicator in inputs.catalogue.by_topic(topic)
        if (indicator.id, area, "") in inputs.chosen
    ]
    return View(area, bloc, area in inputs.who.members, tuple(found))


def _figure(reader: Reader, inputs: Inputs, indicator: Indicator, area: str, bloc: str) -> Figure:
    ranks = ranks_of(reader, indicator, bloc) if area in inputs.who.members else None
    cell = cells.member_cell(inputs, indicator.id, area, ranks)
    record = reader.counting(bloc).bloc(indicator, inputs.who.members)
    shown = cells.bloc_cell(inputs, record, indicator.unit)
    reason = inputs.chosen[indicator.id, area, ""].reason if cell.main is None else None
    return Figure(indicator.id, indicator.topic, cell.main, cell.year, cell.rank, shown.main, cell.source, reason or "")


def ranks_of(reader: Reader, indicator: Indicator, bloc: str) -> Derived | None:
    """The ranks of a bloc's members on an indicator, made once."""
    inputs, counting = reader.inputs(bloc), reader.counting(bloc)
    members = inputs.who.members

    def make() -> Derived | None:
        return derive_ranks(inputs.book, indicator, counting.figures(indicator, members), members)

    return reader.once(("ranks", inputs.who.id, indicator.id), make)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks: the sentence on the lead indicator, then a table a topic."""
    inputs = reader.inputs(view.bloc, words.language)
    name = inputs.area_name(view.area)
    known, language = inputs.catalogue.indicators, words.language
    columns = (
        Column("value", words.plain("web.newest")),
        Column("rank", words.plain("web.rank_in", bloc=inputs.bloc_label)),
        Column("bloc", inputs.bloc_label),
    )
    tables: list[Table] = []
    for topic in dict.fromkeys(f.topic for f in view.figures):
        rows = tuple(
            Row(f.indicator, known[f.indicator].name(language), _cells(inputs, f))
            for f in view.figures
            if f.topic == topic
        )
        title = words.plain("web.place_table", topic=words.plain(f"topic.{topic}"))
        tables.append(Table(f"place-{topic}", title, words.plain("web.indicator"), columns, rows))
    blocks: list[Block] = [Paragraph(line) for line in _lines(view, inputs, words)]
    if not view.member:
        blocks.append(Note(words.text("web.not_member", name=name, bloc=inputs.bloc_label)))
    cited = tuple(sorted({f.source for f in view.figures if f.source}))
    return Laid(
        _title(view, inputs, words),
        (Section("lines", tuple(blocks)), *(Section(t.id, (t,)) for t in tables)),
        main=_all(tables, words.plain("web.place_all", name=name)),
        links_rows=indicator_links(reader, [f.indicator for f in view.figures], language, view.bloc),
        sources=reader.sources(cited, view.bloc),
    )


def _cells(inputs: Inputs, figure: Figure) -> tuple[Cell, ...]:
    none = value = Cell(text=inputs.words.plain("standing.none"))
    if figure.value is not None:
        value = Cell(main=figure.value, year=figure.year, source=figure.source)
    elif figure.reason:
        value = Cell(text=cells.reason_text(inputs, figure.reason))
    rank = Cell(main=figure.rank) if figure.rank else Cell(text=inputs.words.plain("web.unranked"))
    return value, rank, Cell(main=figure.bloc) if figure.bloc else none


def _all(tables: list[Table], title: str) -> Table | None:
    """All tables as one, for CSV."""
    if not tables:
        return None
    return Table("place", title, tables[0].row_title, tables[0].columns, tuple(r for t in tables for r in t.rows))


def _title(view: View, inputs: Inputs, words: Words) -> Runs:
    lead = next((f for f in view.figures if f.indicator == LEAD and f.value is not None), None)
    name = inputs.area_name(view.area)
    if lead is None or lead.value is None:
        return words.text("web.title_place_none", name=name)
    indicator = inputs.catalogue.indicators[LEAD].name(words.language)
    return words.text("web.title_place", name=name, indicator=indicator, value=lead.value)


def _lines(view: View, inputs: Inputs, words: Words) -> Iterable[Runs]:
    """Where it stands best and worst, by rank, and which figure lies furthest behind the bloc's."""
    ranked = [f for f in view.figures if f.rank is not None and f.rank.lower is not None]
    if len(ranked) < 2:
        return
    known, language = inputs.catalogue.indicators, words.language
    best = min(ranked, key=lambda f: (f.rank.lower, f.rank.upper, f.indicator))  # type: ignore[union-attr]
    worst = max(ranked, key=lambda f: (f.rank.upper, f.rank.lower, f.indicator))  # type: ignore[union-attr]
    for key, figure in (("best", best), ("worst", worst)):
        assert figure.rank is not None
        yield words.text(f"web.place_{key}", indicator=known[figure.indicator].name(language), rank=figure.rank)


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every member and invited country."""
    return tuple({"area": area} for area in reader.inputs().who.all)


PAGE = Page("place", "/place/{area}", "know", PlaceQuery, view, layout, 30, instances)
