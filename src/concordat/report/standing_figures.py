"""The pictures of the chapter on where members stand: dots with intervals, the heat table of ranks, the tile map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.evidence.ranks import rank_of
from concordat.figures import numbers
from concordat.figures.dots import DotRow, Rule, dot_plot
from concordat.figures.heat import HeatCell, heat_table_spec
from concordat.figures.tiles import Tile, tile_map
from concordat.report import cells
from concordat.report.cells import Counting
from concordat.report.chapter import Cell, Column, Figure, Num, Row, Table

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

LEAD = "internet_users_pct"
CLASSES = 5


def lead_of(shown: Sequence[Indicator]) -> Indicator | None:
    """The indicator of the pictures: internet use, else the first that has figures."""
    return next((i for i in shown if i.id == LEAD), shown[0] if shown else None)


def figures(counting: Counting, shown: Sequence[Indicator], ranks: Mapping[str, Derived | None]) -> Iterator[Figure]:
    """Dots first (it also leads the report), then the heat table, then the tiles."""
    lead = lead_of(shown)
    who = counting.inputs.who
    if lead is None or len(who.all) < 2:
        return
    if not who.large:
        yield _dots(counting, lead)
        ranked = [i for i in shown if ranks.get(i.id)]
        if len(ranked) > 1:
            yield _heat(counting, ranked, ranks)
    yield from tile_maps(counting, shown)


def tile_maps(counting: Counting, shown: Sequence[Indicator]) -> Iterator[Figure]:
    """The tile map of the lead indicator, where two areas have a figure."""
    lead, areas = lead_of(shown), counting.inputs.who.all
    if lead is not None and len(counting.figures(lead, areas)) > 1:
        yield _tiles(counting, lead)


def _table(counting: Counting, indicator: Indicator) -> Table:
    """The table that a picture of one indicator shows: that of its topic, or its own."""
    inputs = counting.inputs
    order = sorted(inputs.who.all, key=inputs.by_name)
    rows = tuple(Row(a, inputs.area_name(a), (cells.member_cell(inputs, indicator.id, a, None),)) for a in order)
    column = Column(indicator.id, indicator.name(inputs.study.language), indicator.unit)
    table_id = f"standing-{indicator.topic}"
    if inputs.who.large:
        table_id += "-members"
    title = inputs.words.plain("standing.tiles_table", indicator=column.title)
    return Table(table_id, title, inputs.words.plain("standing.row_title"), (column,), rows)


def _sorted_areas(counting: Counting, indicator: Indicator) -> list[str]:
    """Members from best to worst (or highest to lowest), those without a figure last."""
    found = counting.figures(indicator, counting.inputs.who.all)
    sign = 1 if indicator.polarity == "lower_is_better" else -1

    def place(area: str) -> tuple[bool, float, str]:
        chosen = found.get(area)
        if chosen is None:
            return (True, 0.0, area)
        middle = chosen.value if chosen.value is not None else ((chosen.lower or 0) + (chosen.upper or 0)) / 2
        return (False, sign * middle, area)

    return sorted(counting.inputs.who.all, key=place)


def _dots(counting: Counting, indicator: Indicator) -> Figure:
    inputs, who, words = counting.inputs, counting.inputs.who, counting.inputs.words
    language, name = inputs.study.language, indicator.name(inputs.study.language)
    rows: list[DotRow] = []
    for area in _sorted_areas(counting, indicator):
        chosen = inputs.chosen.get((indicator.id, area, ""))
        kind = "invited" if area in who.invited else "member"
        if chosen is None or chosen.missing:
            reason = cells.reason_text(inputs, chosen.reason if chosen else None)
            rows.append(DotRow(inputs.area_name(area), None, None, None, reason, kind=kind))
            continue
        num = cells.member_num(inputs, chosen)
        text = numbers.format_num(num, language, style="cell")
        value = None if num.value is None else chosen.value
        part = "value" if num.value is not None else "upper"
        rows.append(DotRow(inputs.area_name(area), value, chosen.lower, chosen.upper, text, num.id, part, kind))
    rules = [_rule(counting, indicator, who.members, inputs.bloc_label if who.id else words.plain("standing.these"))]
    if inputs.study.compare_with_world:
        rules.append(_rule(counting, indicator, inputs.world, words.plain("standing.world")))
    spec = dot_plot(
        rows,
        unit=indicator.unit,
        rules=[r for r in rules if r],
        language=language,
        bounds=(0, 100) if indicator.unit == "percent" else None,
    )
    record = counting.bloc(indicator, who.all)
    title = words.plain("standing.figure_dots", indicator=name)
    alt = words.plain("standing.figure_dots_alt", indicator=name, **_extremes(counting, indicator, record))
    return Figure("dots", title, spec, _table(counting, indicator), alt, words.text("standing.figure_dots_caption"))


def _rule(counting: Counting, indicator: Indicator, areas: Sequence[str], label: str) -> Rule | None:
    record = counting.bloc(indicator, areas)
    if record.parts["value"] is None:
        return None
    num, language = Num(record.parts["value"], unit=indicator.unit, id=record.id), counting.inputs.study.language
    text = numbers.in_sentence(numbers.format_num(num, language, style="cell"), language)
    return Rule(label, record.parts["value"], text, record.id)


def _extremes(counting: Counting, indicator: Indicator, record: Derived) -> dict[str, str]:
    """Words for an alternative text: who is highest and lowest, with which figure, and the mean."""
    inputs = counting.inputs
    found: dict[str, str] = {}
    for short, part in (("min", "minimum"), ("max", "maximum")):
        areas = [a for a in str(record.parts[f"{part}_areas"]).split(",") if a]
        found[f"{short}_name"] = cells.names_of(inputs, areas)
        num = cells.beside_num(record, indicator.unit, part)
        if num.value is not None:
            num = Num(num.value, unit=num.unit)
        found[short] = inputs.words.number(num)
    mean = counting.bloc(indicator, inputs.who.members).parts["value"]
    none = inputs.words.plain("standing.none")
    found["mean"] = none if mean is None else inputs.words.number(Num(mean, unit=indicator.unit))
    return found


def _heat(counting: Counting, ranked: Sequence[Indicator], ranks: Mapping[str, Derived | None]) -> Figure:
    inputs, words, language = counting.inputs, counting.inputs.words, counting.inputs.study.language
    order = sorted(inputs.who.members)
    marks = [_heat_cell(counting, indicator, ranks[indicator.id], area) for indicator in ranked for area in order]
    spec = heat_table_spec(marks, low=words.plain("standing.heat_low"), high=words.plain("standing.heat_high"))
    columns = tuple(Column(i.id, i.name(language), "rank") for i in ranked)
    rows = []
    for area in sorted(order, key=inputs.by_name):
        row = tuple(_rank_cell(counting, ranks[i.id], area) for i in ranked)
        rows.append(Row(area, inputs.area_name(area), row))
    title, row_title = words.plain("standing.heat_table"), words.plain("standing.row_title")
    table = Table("standing-ranks", title, row_title, columns, tuple(rows), on_page=False)
    best = {area: [(rank_of(ranks[i.id], area) or (0, 0))[0] for i in ranked] for area in order}
    first = min(order, key=lambda area: (-best[area].count(1), area))
    alt = words.plain("standing.figure_heat_alt", rows=len(order), columns=len(ranked), name=inputs.area_name(first))
    caption = words.text("standing.figure_heat_caption")
    return Figure("heat", words.plain("standing.figure_heat"), spec, table, alt, caption)


def _heat_cell(counting: Counting, indicator: Indicator, ranks: Derived | None, area: str) -> HeatCell:
    """A rank interval, shaded by its middle: of five classes the darkest holds the best fifth of places."""
    language = counting.inputs.study.language
    num = cells.rank_num(ranks, area)
    if ranks is None or num is None:
        return HeatCell(indicator.name(language), area, None, "·")
    middle = ((num.lower or 0) + (num.upper or 0)) / 2
    level = min(CLASSES - 1, int(CLASSES * (middle - 1) / (ranks.parts["n_total"] - 1)))
    part = numbers.end_part(area, "lower")
    text = numbers.format_num(num, language)
    return HeatCell(indicator.name(language), area, CLASSES - 1 - level, text, num.id, part)


def _rank_cell(counting: Counting, ranks: Derived | None, area: str) -> Cell:
    num = cells.rank_num(ranks, area)
    return Cell(text=counting.inputs.words.plain("standing.none")) if num is None else Cell(main=num)


def _tiles(counting: Counting, indicator: Indicator) -> Figure:
    from concordat.world import tiles

    inputs, words, language = counting.inputs, counting.inputs.words, counting.inputs.study.language
    found = counting.figures(indicator, inputs.who.all)
    name = indicator.name(language)
    breaks = _breaks(indicator, [c.upper or 0.0 for c in found.values()])
    drawn: list[Tile] = []
    for area in inputs.who.all:
        if area not in found:
            drawn.append(Tile(area, None, "·"))
            continue
        num = cells.member_num(inputs, found[area])
        middle = num.value if num.value is not None else num.upper
        level = sum((middle or 0) >= b for b in breaks)
        part = "value" if num.value is not None else "upper"
        text = numbers.format_num(num, language, style="bare")
        drawn.append(Tile(area, level, text, num.id, part))
    spec = tile_map(drawn, tiles(), words=_class_words(counting, indicator, breaks))
    title = words.plain("standing.figure_tiles", indicator=name)
    extremes = _extremes(counting, indicator, counting.bloc(indicator, inputs.who.all))
    extremes.pop("mean")
    alt = words.plain("standing.figure_tiles_alt", indicator=name, rows=len(inputs.who.all), **extremes)
    return Figure("tiles", title, spec, _table(counting, indicator), alt, words.text("standing.figure_tiles_caption"))


def _breaks(indicator: Indicator, tops: Sequence[float]) -> list[float]:
    """Four limits between five classes: fifths of 100 for percentages, else of the largest figure, rounded up."""
    top = 100.0
    if indicator.unit != "percent":
        largest = max([*tops, 1e-9])
        step = 10 ** (len(str(int(largest))) - 1)
        top = step * -(-largest // step)
    return [top * i / CLASSES for i in range(1, CLASSES)]


def _class_words(counting: Counting, indicator: Indicator, breaks: Sequence[float]) -> list[str]:
    language, words = counting.inputs.study.language, counting.inputs.words
    printed = [numbers.format_num(Num(b, unit=indicator.unit), language, style="cell") for b in breaks]
    texts = [numbers.in_sentence(text, language) for text in printed]
    middle = [words.plain("standing.class_between", low=a, high=b) for a, b in pairwise(texts)]
    return [
        words.plain("standing.class_under", high=texts[0]),
        *middle,
        words.plain("standing.class_over", low=texts[-1]),
    ]
