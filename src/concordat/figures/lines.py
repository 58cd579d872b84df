"""How did a few figures go over the years? Up to four lines on one scale, each named at its end.

Lines differ by their dashes and by the words at their ends, not by colour alone. Years without a figure are gaps. An
interval, where there is one, is a pale band. The words at the ends are moved apart as little as it takes (`slope`).

    >>> spec = lines([Line("Pairs", [Point(2000, 1.0), Point(2001, 2.0)], "2.0")], unit="ratio")
    >>> [datum["text"] for datum in spec["layer"][-1]["data"]["values"]]
    ['Pairs', '2.0']
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures.dots import round_ticks
from concordat.figures.numbers import number_text
from concordat.figures.slope import spread

LINES_MAX = 4
HEIGHT = 190
RIGHT = 150  # names and numbers at the ends
YEARS_SHOWN = 7
DASHES = ([1, 0], [7, 3], [2, 3], [9, 3, 2, 3])
COLORS = (style.ACCENT, style.WARM, style.SOFT, style.INK)


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a year, and its interval where it has one."""

    year: int
    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One figure over the years.

    Attributes:
        points: in the order of years. end_text: the last number as printed.
        id, part: the record that the text prints, and which part of it.
    """

    label: str
    points: Sequence[Point]
    end_text: str
    id: str = ""
    part: str = "value"


def lines(
    series: Sequence[Line], *, unit: str, bounds: tuple[float, float] | None = None, language: str = "en"
) -> dict[str, Any]:
    """The lines as a Vega-Lite specification.

    Args:
        series: one to four, each with a point. unit: of the axis.
        bounds: the scale; by default round numbers from zero around all figures.
    """
    assert 1 <= len(series) <= LINES_MAX, f"{len(series)} lines: a chart has 1 to {LINES_MAX}"
    assert all(line.points for line in series), "a line has a point"
    every = [p for line in series for p in line.points]
    tops = [v for p in every for v in (p.value, p.lower, p.upper) if v is not None]
    low, high = bounds or (min(0.0, *tops), max(*tops, 1e-9))
    ticks = round_ticks(low, high, 4)
    first, last = min(p.year for p in every), max(p.year for p in every)
    words = [number_text(t, unit, language, style="cell") for t in ticks]
    left = math.ceil(max(layout.room(word, style.SMALL) for word in words)) + 10
    plot = layout.WIDTH - left - RIGHT

    def across(year: int) -> float:
        return round(plot * (year - first) / max(1, last - first), 2)

    def up(value: float) -> float:
        return round(HEIGHT * (ticks[-1] - value) / (ticks[-1] - ticks[0]), 2)

    layers = [_levels(ticks, up, plot), _words(ticks, words, up), _years(first, last, across)]
    for number, line in enumerate(series):
        layers += _line(line, number, across, up)
    layers += _ends(series, plot, up)
    return layout.picture(layers, width=plot, height=HEIGHT, left=left, top=14, bottom=26, right=RIGHT)


def _levels(ticks: Sequence[float], up: Any, plot: float) -> layout.Layer:
    return layout.rules([{"x": 0, "x2": plot, "y": up(t), "y2": up(t)} for t in ticks], color=style.LINE)


def _words(ticks: Sequence[float], words: Sequence[str], up: Any) -> layout.Layer:
    values = [{"x": -8, "y": up(t), "text": word} for t, word in zip(ticks, words, strict=True)]
    return layout.texts(values, align="right", size=style.SMALL, color=style.SOFT)


def _years(first: int, last: int, across: Any) -> layout.Layer:
    step = max(1, math.ceil((last - first) / YEARS_SHOWN / 5) * 5 if last - first > YEARS_SHOWN else 1)
    shown = [y for y in range(first, last + 1) if y % step == 0 and last - y >= step / 2 and y - first >= step / 2]
    values = [{"x": across(y), "y": HEIGHT + 7, "text": str(y)} for y in sorted({first, *shown, last})]
    return layout.texts(values, align="center", baseline="top", size=style.SMALL, color=style.SOFT)


def _line(line: Line, number: int, across: Any, up: Any) -> list[layout.Layer]:
    """A band, and a stroke from year to year; a year that stands alone is a dot."""
    color, dash = COLORS[number], DASHES[number]
    near = [(a, b) for a, b in pairwise(line.points) if b.year == a.year + 1]
    bands = []
    for p in line.points:
        if p.lower is not None and p.upper is not None:
            bands.append({"x": across(p.year), "x2": across(p.year), "y": up(p.lower), "y2": up(p.upper)})
    strokes = [{"x": across(a.year), "x2": across(b.year), "y": up(a.value), "y2": up(b.value)} for a, b in near]
    joined = {p.year for pair in near for p in pair}
    alone = [{"x": across(p.year), "y": up(p.value)} for p in line.points if p.year not in joined]
    layers = [layout.rules(bands, color=style.BAND, strokeWidth=4)] if bands else []
    if strokes:
        layers.append(layout.rules(strokes, color=color, strokeWidth=2.2, strokeDash=list(dash)))
    if alone:
        layers.append(layout.dots(alone, color=color, size=40))
    return layers


def _ends(series: Sequence[Line], plot: float, up: Any) -> list[layout.Layer]:
    """The name of each line and its last number, beside its end."""
    names = [layout.wrapped(line.label, RIGHT - 16, style.SMALL) for line in series]
    deep = max(len(lines) for lines in names) + 1
    gap = deep * 14 + 4
    middles = spread([up(line.points[-1].value) for line in series], gap, gap / 2 - 10, HEIGHT + 10 - gap / 2)
    values: list[layout.Datum] = []
    for number, (line, lines, middle) in enumerate(zip(series, names, middles, strict=True)):
        mark = style.mark(line.id, line.part)
        for found in layout.stacked((*lines, line.end_text), plot + 10, middle, 14):
            last = found["text"] == line.end_text
            values.append({**found, "ink": COLORS[number], **({"mark": mark} if last and mark else {})})
    return [layout.texts(values, size=style.SMALL)]
