"""How many years is each unit behind the leader? A dot at the distance in time, and under each name what it measures.

The time distance of Sicherl (1973): how long ago the leader was where a unit is now. Rows are sorted by it, the
nearest first; a line leads from the leader (0, at the left) to the dot. Under a name stand its year and the level that
it had then. Units for which there is no distance (the leader never was at their level in the years known, or they are
ahead of it) follow with the reason. Years behind, levels and reasons come from `observatory`; nothing is computed.

    >>> row = TimeRow("Brazil", 11.438, "11.4", year="2024", level="84%")
    >>> spec = time_distance_dots([row, TimeRow("UAE", None, reason="above all levels of the leader")], leader="Korea")
    >>> spec["layer"][0]["data"]["values"][0]["v"]
    0.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures.dots import round_ticks
from concordat.figures.numbers import number_text

NUMBERS = 54
ROW = 40
HEAD = 24
DETAIL = 35  # from a year to its level


@dataclass(frozen=True, slots=True)
class TimeRow:
    """One unit.

    Attributes:
        label: its name.
        years: how many years it is behind; None for none.
        text: the years as printed.
        lower, upper: the interval of the years, or None.
        id, part: the record of the years, and which part of it is printed.
        year: the unit's own year, or empty.
        level: the unit's level in it as printed, or empty.
        level_id, level_part: the record of the level.
        reason: why there is no distance.
    """

    label: str
    years: float | None
    text: str = ""
    lower: float | None = None
    upper: float | None = None
    id: str = ""
    part: str = "value"
    year: str = ""
    level: str = ""
    level_id: str = ""
    level_part: str = "value"
    reason: str = ""


def time_distance_dots(
    rows: Sequence[TimeRow], *, leader: str, title: str = "", language: str = "en", top: float | None = None
) -> dict[str, Any]:
    """Time distances as a Vega-Lite specification.

    Args:
        rows: in any order.
        leader: its name, above the line at 0.
        title: what the axis counts, such as "years behind".
        top: the end of the axis; by default the next round number above the largest distance.
    """
    rows = sorted(rows, key=lambda row: (row.years is None, row.years or 0.0))
    known = [n for row in rows for n in (row.years, row.lower, row.upper) if n is not None]
    ticks = round_ticks(min([0.0, *known]), max([top or 0.0, 1.0, *known]))
    domain = (ticks[0], ticks[-1])
    column = layout.names([row.label for row in rows])
    plot = layout.WIDTH - column.width - NUMBERS
    reasons = [
        () if row.years is not None else layout.wrapped(row.reason, plot + NUMBERS - 12, style.SMALL) for row in rows
    ]
    tops = [0]
    for index, row in enumerate(rows):
        detail = ROW - layout.ROW if row.year or row.level else 0
        told = layout.LINE * len(reasons[index]) + 8
        tops.append(tops[-1] + max(column.height(index) + detail, told))
    middles = [(a + b) / 2 for a, b in pairwise(tops)]
    layers = layout.grid({t: number_text(t, "count", language, style="cell") for t in ticks}, domain, tops[-1])
    layers += _leader(leader, domain, plot, tops[-1], column.width)
    layers += _signs(rows, middles, domain)
    layers += _names(rows, column, middles)
    layers += [_years(rows, middles, plot + NUMBERS)]
    layers += [layout.reason_layer(reasons, middles, left=8, right=plot + NUMBERS - 4)]
    foot = 26
    if title:
        backwards = layout.from_right([title])
        align: layout.Align = "left" if backwards else "right"
        x = 0 if backwards else plot
        lines = layout.wrapped(title, plot + (NUMBERS if backwards else column.width), style.SMALL)
        at = [{"x": x, "y": tops[-1] + 33 + layout.LINE * i, "text": line} for i, line in enumerate(lines)]
        layers.append(layout.texts(at, align=align, size=style.SMALL, color=style.SOFT))
        foot += layout.LINE * len(lines) + 4
    return layout.picture(layers, width=plot, height=tops[-1], left=column.width, top=HEAD, bottom=foot)


def _leader(name: str, domain: tuple[float, float], plot: float, height: float, left: float) -> list[layout.Layer]:
    """The line at 0 and its name, on the side where there is room."""
    x = round(-domain[0] / (domain[1] - domain[0]) * plot, 2)
    rightwards = x + layout.room(name, style.SMALL) <= plot + NUMBERS or x + left < plot + NUMBERS - x
    look: dict[str, Any] = {"size": style.SMALL, "bold": True, "color": style.WARM}
    word = [{"x": x + (4 if rightwards else -4), "y": -10, "text": name}]
    line = [{"x": x, "x2": x, "y": -16, "y2": height}]
    align: layout.Align = "left" if rightwards else "right"
    return [
        layout.rules(line, color=style.WARM, strokeWidth=1.5),
        layout.texts(word, align=align, **look),
    ]


def _signs(rows: Sequence[TimeRow], middles: Sequence[float], domain: tuple[float, float]) -> list[layout.Layer]:
    """A thin line from the leader, the bar of the interval, the dot."""
    known = [(row, y) for row, y in zip(rows, middles, strict=True) if row.years is not None]
    ways = [{"unit": row.label, "from": 0, "years": row.years, "y": y, "y2": y} for row, y in known]
    bars = [
        {"lower": row.lower, "upper": row.upper, "y": y, "y2": y}
        for row, y in known
        if row.lower is not None and row.upper is not None
    ]
    points = [{"years": row.years, "y": y, "mark": style.mark(row.id, row.part)} for row, y in known]
    way = layout.rules(ways, x=layout.on("from", domain), color=style.SOFT, strokeWidth=1)
    way["encoding"]["x2"] = {"field": "years"}
    bar = layout.rules(bars, x=layout.on("lower", domain), color=style.BAND, strokeWidth=6, strokeCap="round")
    bar["encoding"]["x2"] = {"field": "upper"}
    return [way, bar, layout.dots(points, x=layout.on("years", domain))]


def _names(rows: Sequence[TimeRow], column: layout.Names, middles: Sequence[float]) -> list[layout.Layer]:
    """Each name, and below it its year and level."""
    sign = -1 if column.from_right else 1
    at = -8 if column.from_right else -column.width
    words: list[layout.Datum] = []
    years: list[layout.Datum] = []
    levels: list[layout.Datum] = []
    for row, lines, middle in zip(rows, column.lines, middles, strict=True):
        detail = bool(row.year or row.level)
        words += layout.stacked(lines, at, middle - (8 if detail else 0))
        below = middle + layout.LINE * len(lines) / 2
        if row.year:
            years.append({"x": at, "y": below, "text": row.year})
        if row.level:
            mark = style.mark(row.level_id, row.level_part)
            levels.append({"x": at + sign * (DETAIL if row.year else 0), "y": below, "text": row.level, "mark": mark})
    align: layout.Align = "right" if column.from_right else "left"
    small: dict[str, Any] = {"size": style.SMALL, "color": style.SOFT}
    return [
        layout.texts(words, align=align),
        layout.texts(years, align=align, **small),
        layout.texts(levels, align=align, **small),
    ]


def _years(rows: Sequence[TimeRow], middles: Sequence[float], x: float) -> layout.Layer:
    values = [
        {"x": x, "y": y, "text": row.text, "mark": style.mark(row.id, row.part)}
        for row, y in zip(rows, middles, strict=True)
        if row.years is not None
    ]
    return layout.texts(values, align="right", bold=True)
