"""The divide between members: how far apart they are, who is without, and the gaps inside members.

A row per measure, a column per indicator of the study's key `divide`; each measure with every member counted once and
again by its weight, without invited countries and again with them. The measures are those of
`observatory.divide`, with the intervals it guarantees. The lead indicator stands against the world (`divide_world`)
and, where the release has several years, over time (`divide_time`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.observatory.divide import UNWEIGHTED, WEIGHTED, derive_divide, is_share
from concordat.report import cells, divide_people
from concordat.report.cells import Counting
from concordat.report.chapter import (
    Block,
    Brief,
    Cell,
    Chapter,
    Code,
    Column,
    Headline,
    Missing,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.divide_cells import Group, in_words, measure_num, names_or_several, reason_text, unit_of
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.report import divide_time
    from concordat.report.chapters.observatory import Options

PULL = "concordat evidence pull worldbank"


def write(inputs: Inputs, options: Options) -> Chapter | Missing:
    """The chapter; for fewer than two countries the line that says why there is none."""
    from concordat.report import divide_time, divide_within, divide_world  # of which the brief needs nothing
    from concordat.report.chapters.evidence import read

    words, who = inputs.words, inputs.who
    title = words.plain("divide.title")
    if len(who.all) < 2:
        return Missing("divide", title, words.plain("divide.needs_two"))
    limits = read(inputs.study)
    counting = Counting.of(inputs, limits.min_coverage, limits.min_members, limits.not_after)
    wanted = [inputs.catalogue.indicators[i] for i in options.indicators]
    shown = [i for i in wanted if len(counting.figures(i, who.all)) > 1]
    groups = [_group(counting, shown, invited) for invited in (False, True)]
    groups = [g for g in groups if len(g.areas) > 1 and (g.areas != who.members or g is groups[0])]
    blocks: list[Block] = [Paragraph(words.text("divide.intro")), *_absent(inputs, wanted, shown)]
    headlines: list[Headline] = []
    if shown:
        blocks.append(_measures(inputs, shown, groups))
        blocks += divide_people.blocks(counting, shown, groups)
        headlines += [*_headline(inputs, shown[0], groups[0]), *divide_people.headlines(inputs, shown, groups[0])]
    lead = divide_world.lead_of(wanted, shown)
    if lead is not None:
        blocks += divide_world.blocks(counting, lead, groups)
    blocks += divide_within.blocks(counting, limits, wanted)
    blocks.append(Note(words.text("divide.individual")))
    series: divide_time.Series = {}
    if shown and not _has_series(inputs, shown):
        blocks.append(Note(words.text("divide.time")))
    elif lead is not None:
        series = divide_time.series_of(counting, lead)
        blocks += divide_time.blocks(counting, lead, groups, options.leader, series)
    return Chapter("divide", title, tuple(blocks), tuple(headlines), _sources(inputs, shown, lead, series))


def brief(inputs: Inputs, options: Options) -> Brief:
    """The chapter's headlines, with the measures of no more indicators than they name."""
    from concordat.report.chapters.evidence import read

    who = inputs.who
    limits = read(inputs.study)
    counting = Counting.of(inputs, limits.min_coverage, limits.min_members, limits.not_after)
    wanted = [inputs.catalogue.indicators[i] for i in options.indicators]
    shown = [i for i in wanted if len(counting.figures(i, who.all)) > 1]
    if len(who.all) < 2 or not shown:
        return Brief("divide")
    named = [i for i in shown if i is shown[0] or i.id == divide_people.INTERNET]
    group = _group(counting, named, invited=len(who.members) < 2)
    return Brief("divide", (*_headline(inputs, shown[0], group), *divide_people.headlines(inputs, shown, group)))


def _sources(
    inputs: Inputs, shown: Sequence[Indicator], lead: Indicator | None, series: divide_time.Series
) -> tuple[str, ...]:
    """The data sets of the members' figures, of the world's by the lead indicator, and of its series."""
    keys = [(i.id, a, "") for i in shown for a in inputs.who.all]
    keys += [(lead.id, a, "") for a in inputs.world] if lead is not None else []
    used = [inputs.chosen[key] for key in keys if key in inputs.chosen]
    over_time = {o.dataset_id for years in series.values() for o in years.values()}
    return tuple(sorted({c.observation.dataset_id for c in used if not c.missing} | over_time))


def _group(counting: Counting, shown: Sequence[Indicator], invited: bool) -> Group:
    inputs = counting.inputs
    areas = inputs.who.all if invited else inputs.who.members
    name = cells.as_text(cells.bloc_name(inputs, invited=invited and bool(inputs.who.invited)), inputs)
    row_id = (inputs.who.id or "GROUP") + ("+invited" if invited else "")
    return Group(areas, name, row_id, {i.id: _record(counting, i, areas) for i in shown})


def _record(counting: Counting, indicator: Indicator, areas: Sequence[str]) -> Derived:
    figures = counting.figures(indicator, areas)
    weights = counting.weights(indicator, figures, areas)
    book = counting.inputs.book
    return derive_divide(book, indicator, figures, weights, areas, counting.min_coverage, counting.min_members)


def _absent(inputs: Inputs, wanted: Sequence[Indicator], shown: Sequence[Indicator]) -> Iterator[Block]:
    """Which of the indicators have no source loaded, or no two figures to compare."""
    loaded = {o.indicator_id for o in inputs.observations if not o.breakdown}
    absent = [i for i in wanted if i not in shown]
    no_source = [i.name(inputs.study.language) for i in absent if i.id not in loaded]
    too_few = [i.name(inputs.study.language) for i in absent if i.id in loaded]
    if no_source:
        names = inputs.words.listed(no_source, "page.list_semicolon")
        yield Note(inputs.words.text("standing.no_source", names=names, command=Code(PULL)))
    if too_few:
        yield Note(inputs.words.text("divide.too_few", names=inputs.words.listed(too_few, "page.list_semicolon")))


def _has_series(inputs: Inputs, shown: Sequence[Indicator]) -> bool:
    """Whether the release has several years of any member for any of the indicators."""
    ids, areas = {i.id for i in shown}, set(inputs.who.all)
    rows = [o for o in inputs.observations if o.indicator_id in ids and o.area in areas and not o.breakdown]
    years = {(o.indicator_id, o.area, o.year) for o in rows if o.value is not None and not o.derived_by}
    return len(years) > len({(i, a) for i, a, _ in years})


# --- The table of measures ----------------------------------------------------------------------------------------


def _measures(inputs: Inputs, shown: Sequence[Indicator], groups: Sequence[Group]) -> Table:
    words, language = inputs.words, inputs.study.language
    rows: list[Row] = []
    for group in groups:
        rows += _lines(inputs, shown, group, UNWEIGHTED, weighted=False)
        if any(i.aggregate_weight for i in shown):
            rows += _lines(inputs, shown, group, WEIGHTED, weighted=True)
    columns = tuple(Column(i.id, i.name(language)) for i in shown)
    title, head = words.plain("divide.table"), words.plain("divide.row_title")
    return Table("divide-measures", title, head, columns, tuple(rows), notes=(words.text("divide.intervals"),))


def _lines(
    inputs: Inputs, shown: Sequence[Indicator], group: Group, measures: Sequence[str], *, weighted: bool
) -> Iterator[Row]:
    words = inputs.words
    for measure in measures:
        if measure == "gini_shortfall" and not any(is_share(i) for i in shown):
            continue
        found = tuple(_cell(inputs, i, group.records[i.id], measure, weighted=weighted) for i in shown)
        name = {"measure": words.plain(f"divide.measure.{measure}"), "name": group.name}
        if weighted:
            title = words.plain("divide.line_weighted", weight=_weight_name(inputs, shown), **name)
        else:
            title = words.plain("divide.line_unweighted", **name)
        yield Row(f"{group.row_id}.{measure}{'.weighted' if weighted else ''}", title, found, "bloc")


def _weight_name(inputs: Inputs, shown: Sequence[Indicator]) -> str:
    """What the weighted lines weigh by: population, or whatever else the indicators call for."""
    ids = dict.fromkeys(i.aggregate_weight for i in shown if i.aggregate_weight)
    return cells.weights_of(inputs, ids)


def _cell(inputs: Inputs, indicator: Indicator, record: Derived, measure: str, *, weighted: bool) -> Cell:
    """A measure with its interval, and who is meant by lowest and highest; or why there is none."""
    words, parts = inputs.words, record.parts
    reason = parts["weighted_reason" if weighted else "reason"]
    if measure == "gini_shortfall" and not is_share(indicator):
        return Cell(text=words.plain("divide.not_for_unit"))
    if reason is not None:
        return Cell(text=reason_text(inputs, reason))
    name = f"weighted_{measure}" if weighted else measure
    if parts[f"{name}_lower"] is None:
        return Cell(text=words.plain("divide.undefined"))
    areas = str(parts.get(f"{name}_areas") or "").split(",")
    text = names_or_several(inputs, areas) if measure in ("min", "max") else ""
    return Cell(main=measure_num(record, name, unit_of(indicator, measure)), text=text)


# --- The first screen ---------------------------------------------------------------------------------------------


def _headline(inputs: Inputs, lead: Indicator, group: Group) -> Iterator[Headline]:
    """From the lowest member to the highest, and how unequal that makes the bloc."""
    record, words = group.records[lead.id], inputs.words
    if record.parts["reason"] is not None or record.parts["gini_lower"] is None:
        return

    def measured(name: str, measure: str) -> Runs:
        return in_words(inputs, measure_num(record, name, unit_of(lead, measure)))

    told = {"min": measured("min", "min"), "max": measured("max", "max"), "gini": measured("gini", "gini")}
    named = {f"{end}_name": _name_and_year(inputs, lead, record, end) for end in ("min", "max")}
    name = lead.name(inputs.study.language)
    if record.parts.get("weighted_gini_lower") is None:
        yield Headline(90, words.text("divide.headline_gap_plain", indicator=name, **told, **named))
        return
    gini, weight = measured("weighted_gini", "gini"), _weight_name(inputs, [lead])
    key = "divide.headline_gap" if lead.unit == "percent" else "divide.headline_gap_other"
    gap = measured("gap", "gap")
    runs = words.text(key, indicator=name, gap=gap, gini_weighted=gini, weight=weight, **told, **named)
    yield Headline(90, runs)


def _name_and_year(inputs: Inputs, lead: Indicator, record: Derived, end: str) -> Runs:
    """`Ethiopia (2021)`; without the year where several members share the place."""
    areas = str(record.parts[f"{end}_areas"]).split(",")
    if len(areas) != 1:
        return (names_or_several(inputs, areas),)
    chosen = inputs.chosen[lead.id, areas[0], ""]
    year = Num(chosen.year, unit="year", id=inputs.book.observe(chosen.observation), part="year")
    return inputs.words.text("page.in_brackets", text=inputs.area_name(areas[0]), inside=year)
