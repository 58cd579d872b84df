"""The divide over time, where the release has several years: years behind a leader, T by year, and who catches up.

For the chapter's lead indicator. Years behind come from each member's chosen figure and the leader's own series; T
between the bloc and the rest of the world from the newest year that is known well enough and up to five earlier ones;
spread and rate of catching up from the members that have figures about ten years apart. What the release does not allow
is said in its place. The numbers are parts of `observatory.divide.records`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from concordat.evidence.aggregate import pick_weights
from concordat.evidence.provenance import Derived
from concordat.evidence.resolve import yearly_series
from concordat.figures import numbers
from concordat.figures.contributions import Part
from concordat.figures.stacked_areas import YearStack, stacked_years
from concordat.figures.time_distance import TimeRow, time_distance_dots
from concordat.observatory.divide.records import (
    covered_years,
    derive_convergence,
    derive_distance,
    derive_split,
    window,
)
from concordat.report.cells import Counting, interval_num, member_cell, reason_text, weights_of
from concordat.report.chapter import Block, Cell, Column, Figure, Note, Num, Row, Table
from concordat.report.divide_cells import Group
from concordat.report.divide_cells import reason_text as divide_reason
from concordat.report.divide_world import WEIGHTINGS, part_num, theil_num
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.observation import Observation

DRAWN_MAX = 20  # members in the picture of years behind
LEFT_MAX = 10  # members named that the table of convergence leaves out
MEMBERS_SHARE = 0.9  # of the members must have a figure in the first and the last year of the window

Series = Mapping[str, Mapping[int, "Observation"]]


def series_of(counting: Counting, lead: Indicator) -> Series:
    """Area -> year -> the chosen row of that year."""
    inputs = counting.inputs
    found = yearly_series(inputs.observations, inputs.catalogue, {lead.id}, not_after=counting.not_after)
    return found[lead.id]


def blocks(
    counting: Counting, lead: Indicator, groups: Sequence[Group], leader: str, series: Series
) -> Iterator[Block]:
    """Years behind the leader; T by year; convergence. Each, or a line that says what it needs."""
    yield from _distances(counting, lead, groups[-1], leader, series.get(leader, {}))
    if counting.inputs.study.compare_with_world:
        yield from _years(counting, lead, groups[-1], series)
    yield from _convergence(counting, lead, groups[0], series)


# --- Years behind -------------------------------------------------------------------------------------------------


def _distances(
    counting: Counting, lead: Indicator, group: Group, leader: str, path: Mapping[int, Observation]
) -> Iterator[Block]:
    inputs, words = counting.inputs, counting.inputs.words
    name = inputs.area_name(leader)
    if len(path) < 2:
        yield Note(words.text("divide.time_needs", leader=name))
        return
    figures = counting.figures(lead, group.areas)
    record = derive_distance(inputs.book, path, leader, figures)
    columns = (
        Column("level", words.plain("divide.time_level"), lead.unit),
        Column("gap", words.plain("divide.time_gap", leader=name), "points"),
        Column("ratio", words.plain("divide.time_ratio", leader=name), "ratio"),
        Column("years", words.plain("divide.time_years"), "years"),
    )
    order = sorted(figures, key=lambda a: (-(record.parts[f"years_{a}"] or 0.0), inputs.by_name(a)))
    order += sorted(set(group.areas) - set(figures), key=inputs.by_name)
    rows = tuple(_distance_row(inputs, lead, record, area) for area in order)
    told = {"indicator": lead.name(inputs.study.language), "leader": name}
    ends = {n: Num(record.parts[p], unit="year", id=record.id, part=p) for n, p in _ENDS.items()}
    notes = (words.text("divide.time_note", leader=name, **ends),)
    title, head = words.plain("divide.time_table", **told), words.plain("standing.row_title")
    table = Table("divide-time", title, head, columns, rows, notes, on_page=not inputs.who.large)
    yield from _distance_figure(inputs, lead, record, [a for a in order if a in figures and a != leader], leader, table)
    yield table


_ENDS = {"first": "year_min", "last": "year_max"}


def _distance_row(inputs: Inputs, lead: Indicator, record: Derived, area: str) -> Row:
    level = replace(member_cell(inputs, lead.id, area, None), rank=None)
    found = [level]
    for name, unit in (("gap", "points"), ("ratio", "ratio"), ("years", "years")):
        if f"years_{area}" not in record.parts:
            found.append(Cell(text=inputs.words.plain("standing.none")))
        elif record.parts[f"{name}_{area}"] is None:
            reason = record.parts[f"reason_{area}"] if name == "years" else "no_leader_year"
            found.append(Cell(text=divide_reason(inputs, reason)))
        else:
            found.append(Cell(main=_distance_num(record, f"{name}_{area}", unit)))
    return Row(area, inputs.area_name(area), tuple(found), "invited" if area in inputs.who.invited else "member")


def _distance_num(record: Derived, part: str, unit: str) -> Num:
    return part_num(record, part, unit, decimals=None if unit == "ratio" else 1)


def _distance_figure(
    inputs: Inputs, lead: Indicator, record: Derived, drawn: Sequence[str], leader: str, table: Table
) -> Iterator[Figure]:
    """A dot for each member, the farthest behind of very many; fewer than two have nothing to show."""
    words, language, name = inputs.words, inputs.study.language, inputs.area_name(leader)
    known = [a for a in drawn if record.parts[f"years_{a}"] is not None]
    if len(known) < 2:
        return
    some = len(drawn) > DRAWN_MAX
    if some:
        drawn = known = known[:DRAWN_MAX]
    rows = []
    for area in drawn:
        cell = member_cell(inputs, lead.id, area, None)
        assert cell.main is not None
        assert cell.year is not None
        level = cell.main if cell.main.value is None else replace(cell.main, lower=None, upper=None)
        row = TimeRow(
            inputs.area_name(area), None, year=numbers.format_num(cell.year, language),
            level=numbers.format_num(level, language, style="cell"), level_id=level.id,
            level_part=_printed_part(level),
        )  # fmt: skip
        part = f"years_{area}"
        value, low, high = (record.parts[part + end] for end in ("", "_lower", "_upper"))
        if value is None:
            rows.append(replace(row, reason=divide_reason(inputs, record.parts[f"reason_{area}"])))
        else:
            text = _years_text(inputs, record, area)
            low, high = (None, None) if low is None or high is None else (low, high)
            rows.append(replace(row, years=value, text=text, lower=low, upper=high, id=record.id, part=part))
    told = {"leader": name, "indicator": lead.name(language)}
    far, near = known[0], known[-1]
    ends = {"first": inputs.area_name(far), "last": inputs.area_name(near)}
    texts = {
        f"{n}_years": numbers.in_sentence(_years_text(inputs, record, a), language)
        for n, a in (("first", far), ("last", near))
    }
    spec = time_distance_dots(rows, leader=name, title=words.plain("divide.time_years"), language=language)
    caption = f"divide.time_{'farthest' if some else 'caption'}"
    title, said = words.plain("divide.time_figure", **told), words.text(caption, leader=name)
    yield Figure("years-behind", title, spec, table, words.plain("divide.time_alt", **told, **ends, **texts), said)


def _printed_part(num: Num) -> str:
    """Which part a number prints first."""
    if num.value is not None:
        return num.part
    return numbers.end_part(num.part, "upper" if num.lower in (None, 0) else "lower")


def _years_text(inputs: Inputs, record: Derived, area: str) -> str:
    bare = Num(record.parts[f"years_{area}"], unit="years", decimals=1)
    return numbers.format_num(bare, inputs.study.language, style="bare")


# --- T by year ----------------------------------------------------------------------------------------------------


def _years(counting: Counting, lead: Indicator, group: Group, series: Series) -> Iterator[Block]:
    inputs, words = counting.inputs, counting.inputs.words
    records = _by_year(counting, lead, group, series)
    if not records:
        yield Note(words.text("divide.years_needs"))
        return
    told = {"indicator": lead.name(inputs.study.language), "name": group.name}
    columns = []
    for prefix in WEIGHTINGS:
        by = words.plain("divide.by_people" if prefix else "divide.by_countries")
        columns.append(Column(f"total{prefix and '.weighted'}", words.plain("divide.years_total", by=by), "ratio"))
        columns.append(Column(f"share{prefix and '.weighted'}", words.plain("divide.years_share", by=by), "percent"))
    columns.append(Column("zero", words.plain("divide.years_zero"), "percent"))
    columns.append(Column("n", words.plain("divide.years_n"), "count"))
    rows = tuple(Row(str(y), str(y), tuple(_year_cells(inputs, r)), "world") for y, r in records.items())
    title, head = words.plain("divide.years_table", **told), words.plain("divide.years_row")
    table = Table("divide-years", title, head, tuple(columns), rows, (words.text("divide.years_note"),))
    yield from _years_figure(inputs, records, told, table)
    yield table


def _by_year(counting: Counting, lead: Indicator, group: Group, series: Series) -> dict[int, Derived]:
    """The record of each year that is known well enough, in order."""
    inputs, world = counting.inputs, counting.inputs.world
    people = pick_weights(lead, {}, counting.series, world, not_after=counting.not_after)
    present: dict[int, list[str]] = {}
    for area in world:
        for year in series.get(area, {}):
            present.setdefault(year, []).append(area)
    sizes = {a: (o.value or 0.0) * 10.0**o.unit_mult for a, o in people.items()}
    groups = {"bloc": {a: "bloc" if a in group.areas else "rest" for a in world}}
    records = {}
    for year in covered_years(present, sizes, counting.min_coverage):
        figures = {a: series[a][year] for a in present[year]}
        weights = pick_weights(lead, {}, counting.series, world, not_after=year)
        limits = (counting.min_coverage, counting.min_members)
        record = derive_split(inputs.book, figures, weights, world, groups, *limits)
        if record.parts["reason"] is None or record.parts["weighted_reason"] is None:
            records[year] = record
    return records


def _year_cells(inputs: Inputs, record: Derived) -> Iterator[Cell]:
    parts = record.parts
    for prefix in WEIGHTINGS:
        for name in ("total", "bloc_share"):
            reason = parts[f"{prefix}reason"] or (parts[f"{prefix}bloc_reason"] if name != "total" else None)
            text = divide_reason(inputs, reason) if reason else ""
            full = f"{prefix}{name}"
            num = None if reason else theil_num(record, full) if name == "total" else part_num(record, full, "percent")
            yield Cell(text=text) if num is None else Cell(main=num)
    prefix = "weighted_" if parts["weighted_reason"] is None else ""
    zero = f"{prefix}share_zero"
    yield Cell(main=Num(parts[zero], unit="percent", id=record.id, part=zero, decimals=1))
    yield Cell(main=Num(parts["n"], unit="count", id=record.id, part="n"))


def _years_figure(
    inputs: Inputs, records: Mapping[int, Derived], told: Mapping[str, str], table: Table
) -> Iterator[Figure]:
    """By people where all years have weights near enough, else by countries; of one kind throughout."""
    words, language = inputs.words, inputs.study.language
    weighted = all(r.parts["weighted_reason"] is None for r in records.values())
    prefix = "weighted_" if weighted else ""
    usable = {y: r for y, r in records.items() if r.parts[f"{prefix}reason"] is None}
    usable = {y: r for y, r in usable.items() if r.parts[f"{prefix}bloc_reason"] is None}
    if len(usable) < 2:
        return
    stacks = []
    for year, record in usable.items():
        parts = []
        for name in ("between", "within"):
            num = replace(part_num(record, f"{prefix}bloc_{name}", "ratio", decimals=3), lower=None, upper=None)
            parts.append(Part(num.value or 0.0, numbers.format_num(num, language), num.id, num.part))
        total = replace(part_num(record, f"{prefix}total", "ratio", decimals=3), lower=None, upper=None)
        text = numbers.format_num(total, language)
        stacks.append(YearStack(year, tuple(parts), float(total.value or 0.0), text, total.id, total.part))
    keys = [words.plain(f"divide.years_{kind}") for kind in ("between", "within")]
    spec = stacked_years(stacks, parts=keys, language=language)
    by = words.plain("divide.by_people" if weighted else "divide.by_countries")
    ends = {"first": str(stacks[0].year), "last": str(stacks[-1].year)}
    texts = {f"{n}_text": numbers.in_sentence(stacks[i].text, language) for n, i in (("first", 0), ("last", -1))}
    alt = words.plain("divide.years_alt", **told, **ends, **texts)
    title = words.plain("divide.years_figure", **told)
    yield Figure("divide-years", title, spec, table, alt, words.text("divide.years_caption", by=by))


# --- Catching up --------------------------------------------------------------------------------------------------


def _convergence(counting: Counting, lead: Indicator, group: Group, series: Series) -> Iterator[Block]:
    inputs, words = counting.inputs, counting.inputs.words
    positive = {a: {y: o for y, o in series.get(a, {}).items() if (o.value or 0.0) > 0} for a in group.areas}
    found = window(positive, MEMBERS_SHARE)
    if found is None:
        yield Note(words.text("divide.converge_needs"))
        return
    areas, years = found
    weights = pick_weights(lead, {}, counting.series, areas, not_after=years[0])
    record = derive_convergence(inputs.book, {a: positive[a] for a in areas}, years, weights)
    columns = (
        Column("log", words.plain("divide.converge_log")),
        Column("logit", words.plain("divide.converge_logit")),
        Column("cv", words.plain("divide.measure.cv")),
    )
    rows = [Row(str(y), words.plain("divide.converge_spread", year=str(y)), _spread(inputs, record, y)) for y in years]
    if "trend" in record.parts:
        trends = (_value(inputs, record, p, "ratio") for p in ("trend", "logit_trend", "cv_trend"))
        rows.append(Row("trend", words.plain("divide.converge_trend"), tuple(trends)))
    weight = weights_of(inputs, [lead.aggregate_weight])
    for name in ("rate", "half_life"):
        title = words.plain(f"divide.converge_{name}")
        cells = (_value(inputs, record, f"{p}{name}", _UNITS[name]) for p in ("", "logit_"))
        rows.append(Row(name, title, (*cells, Cell())))
        title = words.plain("divide.line_weighted", measure=title, weight=weight, name=group.name)
        heavy = _value(inputs, record, f"weighted_{name}", _UNITS[name])
        rows.append(Row(f"{name}.weighted", title, (heavy, Cell(), Cell())))
    counts = {
        n: Num(record.parts[p], unit="count", id=record.id, part=p) for n, p in (("n", "n"), ("below", "logit_n"))
    }
    left = sorted(set(group.areas) - set(areas), key=inputs.by_name)
    notes = [words.text("divide.converge_note", **counts)]
    if left:
        named = map(inputs.area_name, left)
        names = words.listed(named) if len(left) <= LEFT_MAX else words.plain("divide.several")
        notes.append(words.text("divide.converge_left", names=names))
    title = words.plain("divide.converge_table", indicator=lead.name(inputs.study.language), name=group.name)
    yield Table("divide-convergence", title, words.plain("divide.row_title"), columns, tuple(rows), tuple(notes))


_UNITS = {"rate": "percent", "half_life": "years"}


def _spread(inputs: Inputs, record: Derived, year: int) -> tuple[Cell, ...]:
    """Deviations have no interval: these members are all there are."""
    return tuple(_value(inputs, record, f"{p}_{year}", "ratio") for p in ("sd", "logit_sd", "cv"))


def _value(inputs: Inputs, record: Derived, part: str, unit: str) -> Cell:
    """A part as a cell; one without an upper end says so, one that is absent says why."""
    parts, words = record.parts, inputs.words
    prefix = next((p for p in ("weighted_", "logit_") if part.startswith(p)), "")
    if prefix and parts[f"{prefix}reason"]:
        return Cell(text=divide_reason(inputs, parts[f"{prefix}reason"]))
    if parts.get(part) is None:
        reason = parts.get(f"{prefix}rate_reason")
        return Cell(text=divide_reason(inputs, reason) if reason else reason_text(inputs, None))
    ends = (parts.get(f"{part}_lower"), parts.get(f"{part}_upper"))
    decimals = 3 if unit == "ratio" else 1
    if ends == (None, None) or None not in ends:
        return Cell(main=replace(interval_num(parts[part], *ends, unit, record.id, part), decimals=decimals))
    num = Num(parts[part], *ends, unit, record.id, part=part, decimals=decimals)
    return Cell(main=num, text=words.plain("divide.open_above" if ends[1] is None else "divide.open_below"))
