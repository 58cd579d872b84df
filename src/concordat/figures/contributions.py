"""What is each unit's score made of? Stacked horizontal bars, a row a unit, a colour a pillar, the total at the end.

Parts are weight times score where the index is a weighted mean, else Shapley parts against a baseline
(`observatory.stages.contribution`). Against a baseline a part may be negative: it then lies left of the zero line,
and a dot marks the sum. A part prints its number where it is wide enough; where it is not, the bar itself carries the
record, and the table beside has the number. Rows are in the order given.

    >>> row = ContributionRow("India", (Part(30.0, "30"), Part(20.5, "20.5")), 50.5, "50.5")
    >>> spec = contribution_bars([row], pillars=["Access", "Skills"])
    >>> spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    496
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

NUMBERS = 58
BAR = 17


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a sum.

    Attributes:
        value: its size.
        text: as printed where there is room, short; empty to print nothing.
        id, part: the record of the number, and which part of it.
    """

    value: float
    text: str = ""
    id: str = ""
    part: str = "value"


@dataclass(frozen=True, slots=True)
class ContributionRow:
    """One unit.

    Attributes:
        label: its name.
        parts: one for each pillar, in their order; None for a pillar without a number.
        total: the sum as computed by the index, or None when there is none.
        text: the total as printed, or why there is none.
        id, part: the record of the total, and which part of it.
    """

    label: str
    parts: tuple[Part | None, ...]
    total: float | None
    text: str
    id: str = ""
    part: str = "value"


def contribution_bars(
    rows: Sequence[ContributionRow],
    *,
    pillars: Sequence[str],
    unit: str = "points",
    language: str = "en",
    bounds: tuple[float, float] | None = None,
    sum_word: str = "",
) -> dict[str, Any]:
    """Stacked bars as a Vega-Lite specification.

    Args:
        rows: units from top to bottom.
        pillars: at most seven names, the legend.
        unit: of the axis.
        bounds: the axis; by default round numbers around all stacks, with 0.
        sum_word: what the dot at the sum means, for the legend; only used where parts are negative.
    """
    assert 1 <= len(pillars) <= len(layout.COLORS), (
        f"{len(pillars)} pillars: a stack has 1 to {len(layout.COLORS)} parts"
    )
    assert all(len(row.parts) == len(pillars) for row in rows), "a part for each pillar"
    ends = [0.0, *(end for row in rows for end in _ends(row))]
    ticks = round_ticks(*(bounds or (min(ends), max(*ends, min(ends) + 1e-9))))
    domain = (ticks[0], ticks[-1])
    signed = min(ends) < 0
    column = layout.names([row.label for row in rows])
    numbers = max([NUMBERS, *(math.ceil(layout.room(row.text)) + 12 for row in rows if row.total is not None)])
    plot = layout.WIDTH - column.width - numbers
    reasons = [
        () if row.total is not None else layout.wrapped(row.text, plot + numbers - 12, style.SMALL) for row in rows
    ]
    tops = [0]
    for index, lines in enumerate(reasons):
        tops.append(tops[-1] + max(column.height(index), layout.LINE * len(lines) + 8))
    middles = [(a + b) / 2 for a, b in pairwise(tops)]
    keys = [layout.Key(name, color=color) for name, color in zip(pillars, layout.COLORS, strict=False)]
    if signed and sum_word:
        keys.append(layout.Key(sum_word, "dot", style.INK))
    _, head = layout.legend(keys, left=0, top=0)
    layers, _ = layout.legend(keys, left=-column.width, top=-head - 8)
    layers += layout.grid({t: number_text(t, unit, language, style="cell") for t in ticks}, domain, tops[-1])
    layers += _bars(rows, middles, domain, plot)
    if signed:
        layers.append(layout.rules(_zero(rows, tops, domain, plot), color=style.INK, strokeWidth=1.2))
        sums = [{"total": r.total, "y": y} for r, y in zip(rows, middles, strict=True) if r.total is not None]
        dot: dict[str, Any] = {"color": style.INK, "stroke": "#ffffff", "strokeWidth": 1.4, "size": 80}
        layers.append(layout.dots(sums, x=layout.on("total", domain), **dot))
    layers.append(layout.name_layer(column, middles, left=-column.width, right=-8))
    layers += [_totals(rows, middles, plot + numbers)]
    layers += [layout.reason_layer(reasons, middles, left=8, right=plot + numbers - 4)]
    return layout.picture(layers, width=plot, height=tops[-1], left=column.width, top=head + 10, bottom=26)


def _ends(row: ContributionRow) -> tuple[float, float]:
    """How far the stack goes to each side."""
    values = [part.value for part in row.parts if part is not None]
    return math.fsum(v for v in values if v < 0), math.fsum(v for v in values if v > 0)


def _zero(
    rows: Sequence[ContributionRow], tops: Sequence[float], domain: tuple[float, float], plot: float
) -> list[layout.Datum]:
    """The line at zero, but not through the words of a row without a total."""
    at = round(-domain[0] / (domain[1] - domain[0]) * plot, 2)
    return [{"x": at, "x2": at, "y": tops[i], "y2": tops[i + 1]} for i, row in enumerate(rows) if row.total is not None]


def _bars(
    rows: Sequence[ContributionRow], middles: Sequence[float], domain: tuple[float, float], plot: float
) -> list[layout.Layer]:
    """The parts of each row, to the left of zero where negative; numbers inside where they fit."""
    bars: list[layout.Datum] = []
    words: list[layout.Datum] = []
    scale = plot / (domain[1] - domain[0])
    for row, y in zip(rows, middles, strict=True):
        ends = {True: 0.0, False: 0.0}
        for place, part in enumerate(row.parts):
            if part is None or part.value == 0:
                continue
            start = ends[part.value > 0]
            ends[part.value > 0] = end = start + part.value
            fits = bool(part.text) and layout.room(part.text, style.SMALL) + 6 <= abs(part.value) * scale
            mark = style.mark(part.id, part.part)
            look = {"fill": layout.COLORS[place], "pillar": place, "unit": row.label}
            # A number that is printed carries its record itself; otherwise the bar does.
            bars.append(
                {**look, "a": start, "b": end, "y": y - BAR / 2, "y2": y + BAR / 2, "mark": "" if fits else mark}
            )
            if fits:
                ink = layout.COLOR_TEXT[place]
                words.append({"v": (start + end) / 2, "y": y + 0.5, "text": part.text, "ink": ink, "mark": mark})
    x = layout.on("a", domain)
    bar = layout.boxes(bars, x=x, stroke=style.SOFT, strokeWidth=0.6)
    bar["encoding"]["x2"] = {"field": "b"}
    return [bar, layout.texts(words, align="center", size=style.SMALL, x=layout.on("v", domain))]


def _totals(rows: Sequence[ContributionRow], middles: Sequence[float], x: float) -> layout.Layer:
    values = [
        {"x": x, "y": y, "text": row.text, "mark": style.mark(row.id, row.part)}
        for row, y in zip(rows, middles, strict=True)
        if row.total is not None
    ]
    return layout.texts(values, align="right", bold=True)
