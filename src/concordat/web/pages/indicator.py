"""Who has how much, since when, and who says so? One indicator over the members of a bloc, and the bloc's figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from concordat.evidence.ranks import derive_ranks
from concordat.evidence.resolve import resolve
from concordat.figures import numbers
from concordat.figures.dots import DotRow, Rule, dot_plot
from concordat.report import cells
from concordat.report.cells import Counting
from concordat.report.chapter import Cell, Column, Figure, Note, Num, Paragraph, Row, Table
from concordat.web.pages._shared import BlocQuery, area_links, known_bloc, known_indicator
from concordat.web.site import Laid, Page, Section

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.provenance import Derived
    from concordat.report.chapter import Block, Runs
    from concordat.report.inputs import Inputs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

FIRST_YEAR = 1950


class IndicatorQuery(BlocQuery):
    """An indicator, the bloc, and up to which year figures are taken (0: the newest)."""

    id: str = Field(description="an indicator's id, such as internet_users_pct", pattern="^[a-z][a-z0-9_]*$")
    year: int = Field(0, ge=0, le=2200, description="the newest figure that is not after this year")


@dataclass(frozen=True, slots=True)
class Line:
    """A member: its figure with year, source and rank; `reason` where there is no figure."""

    area: str
    value: Num | None
    year: Num | None
    rank: Num | None
    source: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The indicator over the bloc.

    Attributes:
        weighted: the bloc's figure by the indicator's rule, unweighted: the mean of members, world: the world's; each
            None where it can't be shown. have: members with a figure.
    """

    indicator: str
    unit: str
    definition: str
    bloc: str
    year: int
    weighted: Num | None
    unweighted: Num | None
    world: Num | None
    have: Num
    members: Num
    lines: tuple[Line, ...]


def view(reader: Reader, query: IndicatorQuery) -> View:
    """The answer."""
    indicator, bloc = known_indicator(reader, query.id), known_bloc(reader, query.bloc)
    inputs, counting = _at(reader, bloc, query.year, "en")
    members = inputs.who.members
    record = counting.bloc(indicator, members)
    ranks = derive_ranks(inputs.book, indicator, counting.figures(indicator, members), members)
    return View(
        indicator.id,
        indicator.unit,
        indicator.definition,
        bloc,
        query.year,
        cells.bloc_cell(inputs, record, indicator.unit).main,
        cells.beside_cell(inputs, record, indicator.unit, "mean").main,
        cells.bloc_cell(inputs, counting.bloc(indicator, inputs.world), indicator.unit).main,
        Num(record.parts["have"], unit="count", id=record.id, part="have"),
        Num(record.parts["n_total"], unit="count", id=record.id, part="n_total"),
        tuple(_line(inputs, indicator, area, ranks) for area in inputs.who.all),
    )


def _at(reader: Reader, bloc: str, year: int, language: str) -> tuple[Inputs, Counting]:
    """The figures of a bloc as they stood up to a year; the newest where it is 0."""
    inputs, options = reader.inputs(bloc, language), reader.options(bloc)
    if year == 0 or year >= options.not_after:
        return inputs, reader.counting(bloc, language)
    if year < FIRST_YEAR:
        from concordat.web.address import NotFoundError

        raise NotFoundError(f"there are no figures up to {year}.", hint=f"Begin at {FIRST_YEAR}.", code="no_year")

    def choose() -> Counting:
        chosen = resolve(inputs.observations, inputs.catalogue, not_after=year, areas=inputs.who.members)
        then = replace(inputs, chosen=chosen)
        return Counting.of(then, options.min_coverage, options.min_members, year)

    counting = reader.once(("at", inputs.who.id, year, language), choose)
    return counting.inputs, counting


def _line(inputs: Inputs, indicator: Indicator, area: str, ranks: Derived | None) -> Line:
    cell = cells.member_cell(inputs, indicator.id, area, ranks)
    chosen = inputs.chosen.get((indicator.id, area, ""))
    reason = (chosen.reason if chosen else "none") or "" if cell.main is None else ""
    return Line(area, cell.main, cell.year, cell.rank, cell.source, reason)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks: range and bloc figure in a sentence, the picture, the table."""
    inputs, _ = _at(reader, view.bloc, view.year, words.language)
    indicator = inputs.catalogue.indicators[view.indicator]
    name = indicator.name(words.language)
    order = sorted(view.lines, key=lambda line: _place(indicator, line, inputs))
    figure = _figure(view, indicator, order, inputs)
    blocks: list[Block] = [Paragraph(words.text("web.definition", definition=view.definition))]
    if figure is None:
        blocks.append(Note(words.text("web.nothing_loaded", indicator=name)))
    else:
        blocks.append(figure)
    if inputs.who.large:
        blocks.append(Note(words.text("web.large_bloc")))
    links = area_links(reader, [line.area for line in view.lines], words.language)
    if view.bloc != reader.bloc:
        links = {a: replace(link, query={**link.query, "bloc": view.bloc}) for a, link in links.items()}
    cited = tuple(dict.fromkeys(line.source for line in order if line.source))
    return Laid(
        words.text("web.title_indicator", indicator=name, bloc=inputs.bloc_label),
        (Section("figure", tuple(blocks)),),
        _lead(view, inputs, words, order),
        main=_table(view, indicator, order, inputs, name),
        links_rows=links,
        sources=reader.sources(cited, view.bloc),
    )


def _lead(view: View, inputs: Inputs, words: Words, order: list[Line]) -> Runs:
    """From whom to whom it ranges, and the bloc's figure both ways."""
    with_value = [line for line in order if line.value is not None and line.value.value is not None]
    if not with_value:
        return words.text("web.no_figures", have=view.have, members=view.members)
    first, last = with_value[0], with_value[-1]
    assert first.value is not None
    assert last.value is not None
    said = words.text(
        "web.range",
        first=inputs.area_name(first.area),
        high=first.value,
        last=inputs.area_name(last.area),
        low=last.value,
    )
    if view.weighted is not None and view.unweighted is not None:
        both = words.text("web.both_means", bloc=inputs.bloc_label, weighted=view.weighted, unweighted=view.unweighted)
        said = words.sentences(said, both)
    return words.sentences(said, words.text("web.have", have=view.have, members=view.members))


def _place(indicator: Indicator, line: Line, inputs: Inputs) -> tuple[bool, float, tuple[str | bytes, str]]:
    """Best first, those without a figure last; like ones by name."""
    num = line.value
    if num is None:
        return True, 0.0, inputs.by_name(line.area)
    middle = num.value if num.value is not None else ((num.lower or 0) + (num.upper or 0)) / 2
    sign = 1 if indicator.polarity == "lower_is_better" else -1
    return False, sign * middle, inputs.by_name(line.area)


def _figure(view: View, indicator: Indicator, order: list[Line], inputs: Inputs) -> Figure | None:
    """Dots with their evidence intervals; none for a bloc too large for a page, or without figures."""
    words, language = inputs.words, inputs.study.language
    if inputs.who.large or not any(line.value is not None for line in order):
        return None
    rows = [_dot(line, inputs, indicator) for line in order]
    named = ((view.weighted, inputs.bloc_label), (view.world, words.plain("standing.world")))
    rules = [_rule(label, num, language) for num, label in named if num is not None and num.value is not None]
    name = indicator.name(language)
    bounds = (0, 100) if indicator.unit == "percent" else None
    spec = dot_plot(rows, unit=indicator.unit, rules=rules, language=language, bounds=bounds)
    alt = words.plain("web.alt_indicator", indicator=name, rows=len(rows))
    title = words.plain("standing.figure_dots", indicator=name)
    table = _table(view, indicator, order, inputs, name)
    return Figure(f"dots-{indicator.id}", title, spec, table, alt, words.text("standing.figure_dots_caption"))


def _rule(label: str, num: Num, language: str) -> Rule:
    """An average as a line; its interval stands in the table, for the picture has no room for it."""
    assert num.value is not None
    bare = Num(num.value, unit=num.unit, id=num.id)
    return Rule(
        label, num.value, numbers.in_sentence(numbers.format_num(bare, language, style="cell"), language), num.id
    )


def _dot(line: Line, inputs: Inputs, indicator: Indicator) -> DotRow:
    kind = "invited" if line.area in inputs.who.invited else "member"
    label, num = inputs.area_name(line.area), line.value
    chosen = inputs.chosen.get((indicator.id, line.area, ""))
    if num is None or chosen is None:
        return DotRow(label, None, None, None, _reason(inputs, line.reason), kind=kind)
    text = numbers.format_num(num, inputs.study.language, style="cell")
    part = "value" if num.value is not None else "upper"
    return DotRow(label, num.value, chosen.lower, chosen.upper, text, num.id, part, kind)


def _reason(inputs: Inputs, reason: str) -> str:
    return cells.reason_text(inputs, reason or None)


def _table(view: View, indicator: Indicator, order: list[Line], inputs: Inputs, name: str) -> Table:
    words = inputs.words
    columns = (Column(indicator.id, name, indicator.unit), Column("rank", words.plain("page.rank")))
    none = Cell(text=words.plain("standing.none"))
    unranked = Cell(text=words.plain("web.unranked"))
    rows = []
    for line in order:
        value = Cell(text=_reason(inputs, line.reason))
        if line.value is not None:
            value = Cell(main=line.value, year=line.year, source=line.source)
        kind: Literal["invited", "member"] = "invited" if line.area in inputs.who.invited else "member"
        rank = Cell(main=line.rank) if line.rank else unranked
        rows.append(Row(line.area, inputs.area_name(line.area), (value, rank), kind))
    for row_id, title, num in (
        (f"{view.bloc}.weighted", words.plain("web.weighted", bloc=inputs.bloc_label), view.weighted),
        (f"{view.bloc}.unweighted", words.plain("web.unweighted", bloc=inputs.bloc_label), view.unweighted),
    ):
        rows.append(Row(row_id, title, (Cell(main=num) if num else none, Cell()), "bloc"))
    world = Cell(main=view.world) if view.world else none
    rows.append(Row("WLD", words.plain("standing.world"), (world, Cell()), "world"))
    title = words.plain("standing.tiles_table", indicator=name)
    return Table(f"indicator-{indicator.id}", title, words.plain("standing.row_title"), columns, tuple(rows))


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every indicator of the report's topics that has a figure of a member."""
    inputs, counting = reader.inputs(), reader.counting()
    known = [i for topic in reader.options().topics for i in inputs.catalogue.by_topic(topic)]
    return tuple({"id": i.id} for i in known if counting.figures(i, inputs.who.all))


PAGE = Page("indicator", "/indicator/{id}", "know", IndicatorQuery, view, layout, 25, instances)
