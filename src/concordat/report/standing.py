"""Where the members stand: for each topic a table of newest figures, with bloc lines below, and three pictures.

Rows are members, columns indicators; a cell gives value, year and rank interval. Bloc lines are printed weighted and
unweighted, without and with invited countries, with the members and the weight that they cover; the world is counted by
the same rule. A bloc of over sixty members gets quantiles, extremes and groups on the page, and every member in XLSX
and CSV. An indicator without a loaded source is named, with the command that loads one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.evidence.ranks import derive_ranks
from concordat.figures.numbers import number_text
from concordat.report import cells, spread, standing_figures
from concordat.report.cells import Counting
from concordat.report.chapter import (
    Block,
    Brief,
    Cell,
    Chapter,
    Code,
    Column,
    Headline,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.report.chapters.evidence import Options

LEAD = "internet_users_pct"
COLUMNS_ON_PAGE = 8  # of a topic; headline indicators first, then those with a better and a worse end
PULL = "concordat evidence pull worldbank"


def write(inputs: Inputs, options: Options) -> Chapter:
    """The chapter."""
    words, who = inputs.words, inputs.who
    counting = Counting.of(inputs, options.min_coverage, options.min_members, options.not_after)
    ranks: dict[str, Derived | None] = {}
    blocks: list[Block] = list(_introduction(inputs, options))
    tables: list[Block] = []
    shown: list[Indicator] = []
    for topic in options.topics:
        indicators = _wanted(inputs, options, topic)
        with_figures = [i for i in indicators if counting.figures(i, who.all)]
        for indicator in with_figures:
            ranks[indicator.id] = _ranks(counting, indicator)
        if with_figures:
            tables += _topic_tables(counting, topic, with_figures, ranks)
        tables += _absent(inputs, topic, indicators, with_figures)
        shown += with_figures
    figures = standing_figures.figures(counting, shown, ranks)
    if shown:
        tables.append(_how_counted(inputs, options, shown))
    title = words.plain("standing.title_one" if len(who.all) == 1 else "standing.title")
    headlines = tuple(_headlines(counting, shown, ranks))
    return Chapter("standing", title, (*blocks, *figures, *tables), headlines, _sources(inputs))


def brief(inputs: Inputs, options: Options) -> Brief:
    """The chapter's headlines, its tile map and its sources, without the tables and the other pictures."""
    counting = Counting.of(inputs, options.min_coverage, options.min_members, options.not_after)
    wanted = [i for topic in options.topics for i in _wanted(inputs, options, topic)]
    shown = [i for i in wanted if counting.figures(i, inputs.who.all)]
    lead = standing_figures.lead_of(shown)
    ranks: dict[str, Derived | None] = {}
    if lead is not None:
        ranks[lead.id] = _ranks(counting, lead)
    picture = next(standing_figures.tile_maps(counting, shown), None)
    return Brief("standing", tuple(_headlines(counting, shown, ranks)), picture, _sources(inputs))


def _ranks(counting: Counting, indicator: Indicator) -> Derived | None:
    inputs, members = counting.inputs, counting.inputs.who.members
    return derive_ranks(inputs.book, indicator, counting.figures(indicator, members), members)


def _sources(inputs: Inputs) -> tuple[str, ...]:
    return tuple(sorted({c.observation.dataset_id for c in inputs.chosen.values() if not c.missing}))


def _wanted(inputs: Inputs, options: Options, topic: str) -> list[Indicator]:
    """The topic's indicators that have one figure per area (no breakdown-only ones), headline ones first."""
    found = [i for i in inputs.catalogue.by_topic(topic) if not options.only or i.id in options.only]
    return sorted(found, key=lambda i: not i.headline) if options.headline_first else found


def _introduction(inputs: Inputs, options: Options) -> Iterator[Block]:
    """How to read a cell, and what is particular about this bloc on this day."""
    words, who = inputs.words, inputs.who
    year = str(options.not_after)
    if len(who.all) == 1:
        yield Paragraph(words.text("standing.intro_one", year=year))
    else:
        count = inputs.count(who.facts[a] for a in who.members)
        yield Paragraph(words.text("standing.intro", year=year, count=count))
    if who.invited:
        key = "standing.invited" if len(who.invited) == 1 else "standing.invited_many"
        yield Note(words.text(key, names=cells.names_of(inputs, who.invited)))
    if who.inside:
        yield Note(words.text("standing.inside", names=cells.names_of(inputs, who.inside)))
    for key, areas in (
        ("suspended", who.suspended),
        ("unseen", who.unseen),
        ("undated", who.undated),
        ("unsure", who.unsure),
    ):
        if areas:
            kind = "info" if key == "suspended" else "warning"
            yield Note(words.text(f"standing.{key}", names=cells.names_of(inputs, areas)), kind)
    for area, remark in who.remarks:
        yield Note(words.text("standing.remark", name=inputs.area_name(area) if area else who.name, remark=remark))
    if who.partly:
        yield Note(words.text("standing.partly"), "warning")
    if who.id and who.on > who.as_of:
        yield Note(words.text("standing.later", as_of=long_date(inputs, who.as_of), on=long_date(inputs, who.on)))


def long_date(inputs: Inputs, day: object) -> str:
    """A day in the report's language: November 22, 2026."""
    from babel.dates import format_date

    language = inputs.study.language
    text = str(format_date(day, format="long", locale=language))
    return f"1er{text[1:]}" if language == "fr" and text.startswith("1 ") else text


# --- Tables -------------------------------------------------------------------------------------------------------


def _topic_tables(
    counting: Counting, topic: str, indicators: Sequence[Indicator], ranks: Mapping[str, Derived | None]
) -> Iterator[Block]:
    inputs = counting.inputs
    words, who, language = inputs.words, inputs.who, inputs.study.language
    name, row_title = words.plain(f"topic.{topic}"), words.plain("standing.row_title")
    if not who.large:
        order = sorted(indicators, key=lambda i: (not i.headline, ranks.get(i.id) is None))
        first = order[:COLUMNS_ON_PAGE]
        for key, part in (("table", first), ("table_more", order[COLUMNS_ON_PAGE:])):
            if part:
                columns = tuple(Column(i.id, i.name(language), i.unit) for i in part)
                rows = (*_member_rows(inputs, part, ranks), *_bloc_rows(counting, part))
                table_id = f"standing-{topic}" + ("" if part is first else "-more")
                title = words.plain(f"standing.{key}", topic=name)
                yield Table(table_id, title, row_title, columns, rows, on_page=part is first)
        return
    columns = tuple(Column(i.id, i.name(language), i.unit) for i in indicators)
    members = tuple(_member_rows(inputs, indicators, ranks))
    blocs = tuple(_bloc_rows(counting, indicators))
    title = words.plain("standing.table_large", topic=name, count=len(who.all))
    groups = tuple(spread.rows(counting, indicators))
    group_title = words.plain("standing.row_title_large")
    yield Table(f"standing-{topic}", title, group_title, columns, (*blocs, *groups))
    full = words.plain("standing.table_full", topic=name)
    yield Table(f"standing-{topic}-members", full, row_title, columns, members, on_page=False)


def _member_rows(inputs: Inputs, indicators: Sequence[Indicator], ranks: Mapping[str, Derived | None]) -> Iterator[Row]:
    who = inputs.who
    for area in sorted(who.all, key=inputs.by_name):
        row = tuple(cells.member_cell(inputs, i.id, area, ranks.get(i.id)) for i in indicators)
        title = inputs.area_name(area)
        if area in who.unseen:
            title = inputs.words.plain("standing.unseen_row", name=title)
        yield Row(area, title, row, "invited" if area in who.invited else "member")


def _bloc_rows(counting: Counting, indicators: Sequence[Indicator]) -> Iterator[Row]:
    """Weighted, unweighted and coverage lines of the bloc, the same with invited countries, and the world."""
    inputs, who = counting.inputs, counting.inputs.who
    if len(who.members) > 1:
        yield from _lines(counting, indicators, who.members, invited=False)
        if who.invited:
            yield from _lines(counting, indicators, who.all, invited=True)
    if inputs.study.compare_with_world:
        row = []
        for indicator in indicators:
            record = counting.bloc(indicator, inputs.world)
            row.append(cells.bloc_cell(inputs, record, indicator.unit))
        yield Row("WLD", inputs.words.plain("standing.row_world"), tuple(row), "world")


def _lines(
    counting: Counting, indicators: Sequence[Indicator], areas: Sequence[str], *, invited: bool
) -> Iterator[Row]:
    inputs, words = counting.inputs, counting.inputs.words
    records = [(i, counting.bloc(i, areas)) for i in indicators]
    name = cells.as_text(cells.bloc_name(inputs, invited=invited), inputs)
    row_id = (inputs.who.id or "GROUP") + ("+invited" if invited else "")

    def line(suffix: str, found: list[Cell]) -> Row:
        return Row(f"{row_id}.{suffix}", words.plain(f"standing.row_{suffix}", name=name), tuple(found), "bloc")

    yield line("weighted", [cells.bloc_cell(inputs, r, i.unit) for i, r in records])
    yield line("unweighted", [cells.beside_cell(inputs, r, i.unit, "mean") for i, r in records])
    if not invited:
        yield line("median", [cells.beside_cell(inputs, r, i.unit, "median") for i, r in records])
    if not invited:
        yield line("have", [Cell(main=Num(r.parts["have"], unit="count", id=r.id, part="have")) for _, r in records])
        yield line("covered", [Cell(main=coverage_num(r)) for _, r in records])
        bounds = [_bounds_cell(i, r) for i, r in records]
        if any(cell.main is not None for cell in bounds):
            yield line("bounds", bounds)


def _bounds_cell(indicator: Indicator, record: Derived) -> Cell:
    """What the weighted figure can be at least and at most, where some weight is not in it; else an empty cell."""
    low, high = record.parts["bound_lower"], record.parts["bound_upper"]
    if record.parts["coverage"] >= 1 or low is None or high is None:
        return Cell()
    return Cell(main=Num(None, low, high, indicator.unit, record.id, part="bound"))


def coverage_num(record: Derived) -> Num:
    """The share of the weight that the members with a figure hold, in percent."""
    return Num(record.parts["coverage_pct"], unit="share", id=record.id, part="coverage_pct")


def _absent(inputs: Inputs, topic: str, indicators: Sequence[Indicator], shown: Sequence[Indicator]) -> Iterator[Block]:
    """Which of the topic's indicators have no source loaded, or no figure of a member, and what to do."""
    words, language = inputs.words, inputs.study.language
    loaded = {o.indicator_id for o in inputs.observations if not o.breakdown}
    by_part = {o.indicator_id for o in inputs.observations} - loaded
    absent = [i for i in indicators if i not in shown]
    no_source = [i.name(language) for i in absent if i.id not in loaded | by_part]
    no_figure = [i.name(language) for i in absent if i.id in loaded]
    only_parts = [i.name(language) for i in absent if i.id in by_part]
    name = words.plain(f"topic.{topic}")
    if no_source and not shown:
        yield Note(words.text("standing.no_topic", topic=name, command=Code(PULL)))
    elif no_source:
        names = words.listed(no_source, "page.list_semicolon")
        yield Note(words.text("standing.no_source", names=names, command=Code(PULL)))
    if no_figure:
        yield Note(words.text("standing.no_figures", names=words.listed(no_figure, "page.list_semicolon")))
    if only_parts:
        yield Note(words.text("standing.only_parts", names=words.listed(only_parts, "page.list_semicolon")))


def _how_counted(inputs: Inputs, options: Options, shown: Sequence[Indicator]) -> Note:
    """Weights, thresholds and the rule for totals, in words."""
    words, language = inputs.words, inputs.study.language
    if len(inputs.who.members) < 2:
        return Note(words.text("standing.world_rule"))
    ids = sorted({i.aggregate_weight for i in shown if i.aggregate_weight})
    weights = cells.weights_of(inputs, ids)
    share, members = (
        number_text(round(100 * x, 2), "share", language) for x in (options.min_coverage, options.min_members)
    )
    sentences = [words.text("standing.weights", weights=weights, share=share, members=members)]
    if any(i.aggregate_rule == "sum" for i in shown):
        sentences.append(words.text("standing.weights_sum"))
    if any(i.aggregate_rule == "ratio_of_sums" for i in shown):
        sentences.append(words.text("standing.fallback"))
    return Note(words.sentences(*sentences))


# --- The first screen ---------------------------------------------------------------------------------------------


def _headlines(
    counting: Counting, shown: Sequence[Indicator], ranks: Mapping[str, Derived | None]
) -> Iterator[Headline]:
    """At most two: where the bloc stands on the lead indicator, and how firm the order is."""
    inputs, who, words = counting.inputs, counting.inputs.who, counting.inputs.words
    if not shown:
        yield Headline(100, words.text("standing.headline_nothing", bloc=cells.bloc_name(inputs)))
        return
    lead = next((i for i in shown if i.id == LEAD), shown[0])
    if len(who.all) == 1:
        yield Headline(100, _headline_of_one(counting, lead))
        return
    yield Headline(100, _headline_of_bloc(counting, lead))
    firm = spread.firmness(ranks.get(lead.id))
    if firm is not None:
        name = lead.name(inputs.study.language)
        yield Headline(60, words.text("standing.headline_firm", indicator=name, **firm))


def _headline_of_one(counting: Counting, lead: Indicator) -> Runs:
    """The one country's figure and year, against the world's."""
    inputs, words = counting.inputs, counting.inputs.words
    area = inputs.who.all[0]
    chosen = inputs.chosen[lead.id, area, ""]
    value = cells.member_num(inputs, chosen)
    told: dict[str, Num | str] = {"indicator": lead.name(inputs.study.language), "name": inputs.area_name(area)}
    told |= {"value": value, "year": Num(chosen.year, unit="year", id=value.id, part="year")}
    world = _world(counting, lead)
    if world is None:
        return words.text("standing.headline_one", **told)
    return words.text("standing.headline_one_world", world=world, **told)


def _headline_of_bloc(counting: Counting, lead: Indicator) -> Runs:
    """The bloc's figure by the indicator's rule, against the world's, beside the plain mean; or that it isn't shown."""
    inputs, who, words = counting.inputs, counting.inputs.who, counting.inputs.words
    record = counting.bloc(lead, who.members)
    told: dict[str, Num | Runs | str] = {"indicator": lead.name(inputs.study.language), "bloc": cells.bloc_name(inputs)}
    if record.parts["lower"] is None:
        if lead.aggregate_rule == "none" and cells.comparable(lead.unit) and record.parts["mean_lower"] is not None:
            return words.text("standing.headline_plain", mean=cells.beside_num(record, lead.unit, "mean"), **told)
        if lead.aggregate_rule == "none":
            return words.text("standing.headline_none", **told)
        have = Num(record.parts["have"], unit="count", id=record.id, part="have")
        return words.text("standing.headline_not_shown", have=have, **told)
    told |= {"mean": cells.bloc_num(record, lead.unit)}
    world = _world(counting, lead)
    if lead.aggregate_weight:
        weight = cells.weights_of(inputs, [lead.aggregate_weight])
        told |= {"weight": weight, "unweighted": cells.beside_num(record, lead.unit, "mean")}
    key = f"standing.headline_{'mean' if lead.aggregate_weight else lead.aggregate_rule}"
    runs = words.text(key, **told) if world is None else words.text(f"{key}_world", world=world, **told)
    with_them = counting.bloc(lead, who.all)
    if with_them.parts["have"] > record.parts["have"] and with_them.parts["lower"] is not None:
        names, mean = cells.names_of(inputs, who.invited), cells.bloc_num(with_them, lead.unit)
        runs = words.sentences(runs, words.text("standing.headline_invited", names=names, mean=mean))
    return runs


def _world(counting: Counting, lead: Indicator) -> Num | None:
    """The world's figure on the same rule, if the study compares with it and it can be shown."""
    if not counting.inputs.study.compare_with_world:
        return None
    record = counting.bloc(lead, counting.inputs.world)
    return None if record.parts["lower"] is None else cells.bloc_num(record, lead.unit)
