"""How did up to four figures move over the years? A line each, with a pale band for its interval where it has one.

Years stand at their true distance. A line joins consecutive years only: a year without a value is a gap, and a value
between two gaps is a dot. Lines differ in dash as well as in colour; those that are `dashed` (a projection, a weaker
count) are mostly gaps, the others mostly ink. Each is named at its right end, after a piece of it and its last number;
where ends lie close, the words move apart and thin lines tie them to their ends. With `bounds`, what a band has outside
of them is cut off; values never are. Numbers of other years are left to the table.

    >>> points = [Point(2020, 1.0), Point(2021, 3.0, 2.0, 4.0), Point(2023, 4.0)]
    >>> spec = lines([Line("BRICS", points, "4")], unit="count")
    >>> spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    496
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures._plane import Plane
from concordat.figures.dots import round_ticks
from concordat.figures.numbers import WHOLE, number_text

HEIGHT = 220
COLORS = (style.ACCENT, style.WARM, "#5b8fd1", style.INK)
FIRM = ((1, 0), (14, 4), (12, 3, 2, 3), (6, 2))  # mostly ink
LOOSE = ((3, 3), (1, 3), (6, 6), (6, 4, 1, 4))
NAMES_MOST = 150
TIE = 14  # from the plot to the words
SAMPLE = 27  # of a line before its number: one round of the longest dash


@dataclass(frozen=True, slots=True)
class Point:
    """One year: its value, or None for a gap, and an interval where both of its ends are known."""

    year: int
    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        label: its name.
        points: in any order, each year once; at least one has a value.
        end_text: its last number as printed.
        id, part: the record of the last number, and which part of it.
        dashed: of a weaker kind.
    """

    label: str
    points: Sequence[Point]
    end_text: str
    id: str = ""
    part: str = "value"
    dashed: bool = False

    @property
    def last(self) -> Point:
        """The last year with a value."""
        return max((point for point in self.points if point.value is not None), key=lambda point: point.year)


def lines(
    series: Sequence[Line], *, unit: str, bounds: tuple[float, float] | None = None, language: str = "en"
) -> dict[str, Any]:
    """Lines over years as a Vega-Lite specification.

    Args:
        series: one to four.
        unit: of the axis.
        bounds: the scale, widened where a value lies outside; by default round numbers around values and intervals.
    """
    _check(series)
    ticks = _ticks(series, unit, bounds)
    words = [number_text(tick, unit, language, style="cell") for tick in ticks]
    left = math.ceil(max(layout.room(word, style.SMALL) for word in words)) + 10
    number = math.ceil(max(layout.room(line.end_text) for line in series)) + 8
    most = min(NAMES_MOST, math.ceil(max(layout.room(line.label) for line in series)) + 2)
    names = [layout.wrapped(line.label, most) for line in series]
    sizes = [layout.LINE * len(name) + 3 for name in names]
    height = max(HEIGHT, sum(sizes))
    right = TIE + SAMPLE + 6 + number + most
    plot = layout.WIDTH - left - right
    years = [point.year for line in series for point in line.points]
    plane = Plane(min(years), max(years), ticks[0], ticks[-1], plot, height)
    drawn = [*plane.levels(ticks, words), *layers(series, names, sizes, plane, number), plane.years()]
    return layout.picture(drawn, width=plot, height=height, left=left, top=12, bottom=26, right=right)


def layers(
    series: Sequence[Line], names: Sequence[Sequence[str]], sizes: Sequence[float], plane: Plane, number: float
) -> list[layout.Layer]:
    """Bands, lines, and at the right their last numbers and names, on a plot that is laid out."""
    found: list[layout.Layer] = []
    for line, color in zip(series, COLORS, strict=False):
        found += _band(line, plane, color)
    kinds = {False: iter(FIRM), True: iter(LOOSE)}
    looks = [
        {"color": color, "strokeWidth": 2.2, "strokeDash": list(next(kinds[line.dashed]))}
        for line, color in zip(series, COLORS, strict=False)
    ]
    for line, look in zip(series, looks, strict=True):
        found += _line(line, plane, look)
    return found + _ends(series, names, sizes, plane, number, looks)


def _check(series: Sequence[Line]) -> None:
    assert 1 <= len(series) <= len(COLORS), f"{len(series)} lines: one to {len(COLORS)} can be told apart"
    for line in series:
        years = [point.year for point in line.points]
        assert len(set(years)) == len(years), f"{line.label}: a year stands once"
        assert any(point.value is not None for point in line.points), f"{line.label}: a line needs a value"


def _ticks(series: Sequence[Line], unit: str, bounds: tuple[float, float] | None) -> list[float]:
    points = [point for line in series for point in line.points]
    found = [*(bounds or ()), *(point.value for point in points if point.value is not None)]
    if bounds is None:
        found += [end for point in points for end in (point.lower, point.upper) if end is not None]
    low, high = min(found), max(found)
    if high == low:
        high = low + max(1.0, abs(low))
    if unit != "count" and unit not in WHOLE:
        return round_ticks(low, high)
    low, high = math.floor(low), math.ceil(high)  # things are counted in whole steps
    return round_ticks(low, high, min(5, high - low))


def _runs(points: Iterable[Point]) -> list[list[Point]]:
    """Consecutive years."""
    runs: list[list[Point]] = []
    for point in sorted(points, key=lambda point: point.year):
        if not runs or runs[-1][-1].year + 1 < point.year:
            runs.append([])
        runs[-1].append(point)
    return runs


def _band(line: Line, plane: Plane, color: str) -> list[layout.Layer]:
    """Intervals of consecutive years as an area, of a year alone as a bar."""
    layers = []
    for run in _runs(point for point in line.points if None not in (point.lower, point.upper)):
        values = [{"x": plane.x(p.year), "y": plane.y(p.lower or 0.0), "y2": plane.y(p.upper or 0.0)} for p in run]
        look: layout.Datum = {"color": color, "opacity": 0.16, "aria": False}
        if len(run) == 1:
            layers.append(layout.rules([values[0] | {"x2": values[0]["x"]}], **look, strokeWidth=7))
            continue
        encoding = {"x": layout.px("x"), "y": layout.px("y"), "y2": {"field": "y2"}}
        layers.append({"data": {"values": values}, "mark": {"type": "area", **look}, "encoding": encoding})
    return layers


def _line(line: Line, plane: Plane, look: layout.Datum) -> list[layout.Layer]:
    """Lines over consecutive years; dots at the end and at values between gaps."""
    runs = _runs(point for point in line.points if point.value is not None)
    data = [
        {"x": plane.x(p.year), "y": plane.y(p.value or 0.0), "year": p.year, "run": i}
        for i, run in enumerate(runs)
        for p in run
    ]
    encoding = {"x": layout.px("x"), "y": layout.px("y"), "order": {"field": "year", "type": "quantitative"}}
    encoding["detail"] = {"field": "run", "type": "nominal"}
    alone = {run[0].year for run in runs if len(run) == 1} | {line.last.year}
    points = [{"x": d["x"], "y": d["y"]} for d in data if d["year"] in alone]
    drawn = {
        "data": {"values": data},
        "mark": {"type": "line", **look, "strokeJoin": "round", "aria": False},
        "encoding": encoding,
    }
    return [drawn, layout.dots(points, color=look["color"], size=34)]


def _ends(
    series: Sequence[Line],
    names: Sequence[Sequence[str]],
    sizes: Sequence[float],
    plane: Plane,
    number: float,
    looks: Sequence[layout.Datum],
) -> list[layout.Layer]:
    """At the right: a piece of each line, its last number, its name."""
    ends = [(plane.x(line.last.year), plane.y(line.last.value or 0.0)) for line in series]
    places = layout.spread([y for _, y in ends], sizes, 0.0, plane.height)
    start = plane.plot + TIE
    numbers, words, ties, samples = [], [], [], []
    for line, name, (x, y), at, look in zip(series, names, ends, places, looks, strict=True):
        first = round(at - layout.LINE * (len(name) - 1) / 2, 2)
        ties.append({"x": x + 5, "y": y, "x2": start - 3, "y2": first})
        samples.append(layout.rules([{"x": start, "x2": start + SAMPLE, "y": first, "y2": first}], **look))
        mark = style.mark(line.id, line.part)
        numbers.append({"x": start + SAMPLE + 6, "y": first, "text": line.end_text, "mark": mark})
        words += layout.stacked(name, start + SAMPLE + 6 + number, round(at, 2))
    bold = layout.texts([datum for datum in numbers if datum["text"]], bold=True)
    return [layout.rules(ties, color=style.SOFT, strokeWidth=0.8), *samples, bold, layout.texts(words)]
