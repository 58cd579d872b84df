"""How did the parts of a total change over the years? One stack a year: inequality between and within groups, say.

Years stand at their true distance, so a year without a number is an empty place and no slope is drawn across it. Up
to 15 years are bars with gaps between them and print their parts inside; more years touch, and read as an area with
steps. Totals are printed above every stack where there is room, else above the first, the last, the highest and the
lowest. Parts that are not printed carry their records on the bar itself. The zero line is the foot: only parts of one
sign can be stacked into a total (T and L of the general entropy family have such parts, the Gini index does not).

    >>> years = [YearStack(y, (Part(0.02, "0.02"), Part(0.01, "0.01")), 0.03, "0.03") for y in (2013, 2023)]
    >>> spec = stacked_years(years, parts=["between", "within"])
    >>> spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    496
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures.contributions import Part
from concordat.figures.dots import round_ticks
from concordat.figures.numbers import number_text

HEIGHT = 220
BARS_MAX = 15  # more years touch
YEARS_MAX = 60
WIDE_MAX = 56  # a bar is no wider
RIGHT = 16  # the last total may stick out of its stack
YEAR = 36  # pixels that a year on the axis wants


@dataclass(frozen=True, slots=True)
class YearStack:
    """One year.

    Attributes:
        year: when.
        parts: one for each name, in their order from the foot up; None for a part without a number.
        total: what they add up to, or None.
        text: the total as printed.
        id, part: the record of the total, and which part of it.
    """

    year: int
    parts: tuple[Part | None, ...]
    total: float | None
    text: str = ""
    id: str = ""
    part: str = "value"


def stacked_years(
    years: Sequence[YearStack],
    *,
    parts: Sequence[str],
    unit: str = "ratio",
    language: str = "en",
    top: float | None = None,
) -> dict[str, Any]:
    """Stacks by year as a Vega-Lite specification.

    Args:
        years: in any order, each once.
        parts: their names, the legend; at most seven.
        unit: of the axis.
        top: the end of the axis; by default the next round number above the highest stack.
    """
    years = sorted(years, key=lambda found: found.year)
    _check(years, parts)
    first, last = years[0].year, years[-1].year
    heights = [math.fsum(p.value for p in stack.parts if p is not None) for stack in years]
    ticks = round_ticks(0.0, max(top or 0.0, *heights, 1e-9), 4)
    words = [number_text(t, unit, language, style="cell") for t in ticks]
    left = math.ceil(max(layout.room(word, style.SMALL) for word in words)) + 10
    plot = layout.WIDTH - left - RIGHT
    step = plot / (last - first + 1)
    dense = last - first + 1 > BARS_MAX
    bar = min(WIDE_MAX, step if dense else 0.72 * step)
    place = {stack.year: round((stack.year - first + 0.5) * step, 2) for stack in years}
    keys = [layout.Key(name, color=color) for name, color in zip(parts, layout.COLORS, strict=False)]
    _, head = layout.legend(keys, left=0, top=0)
    layers, _ = layout.legend(keys, left=-left, top=-head - 18)
    layers += _levels(ticks, words, plot)
    layers += _stacks(years, place, bar, ticks[-1], dense)
    layers.append(_totals(years, heights, place, step, ticks[-1]))
    layers.append(_years(first, last, step))
    return layout.picture(layers, width=plot, height=HEIGHT, left=left, top=head + 20, bottom=26, right=RIGHT)


def _check(years: Sequence[YearStack], parts: Sequence[str]) -> None:
    assert years, "a chart of years needs a year"
    assert 1 <= len(parts) <= len(layout.COLORS), f"{len(parts)} parts: a stack has 1 to {len(layout.COLORS)}"
    assert len({stack.year for stack in years}) == len(years), "a year stands once"
    assert years[-1].year - years[0].year < YEARS_MAX, f"more than {YEARS_MAX} years"
    for stack in years:
        assert len(stack.parts) == len(parts), f"{stack.year}: a part for each name"
        assert all(p is None or p.value >= 0 for p in stack.parts), f"{stack.year}: a negative part can't be stacked"


def _levels(ticks: Sequence[float], words: Sequence[str], plot: float) -> list[layout.Layer]:
    lines, texts = [], []
    for tick, word in zip(ticks, words, strict=True):
        y = round(HEIGHT * (1 - tick / ticks[-1]), 2)
        lines.append({"x": 0, "x2": plot, "y": y, "y2": y})
        texts.append({"x": -8, "y": y, "text": word})
    return [
        layout.rules(lines, color=style.LINE),
        layout.texts(texts, align="right", size=style.SMALL, color=style.SOFT),
    ]


def _stacks(
    years: Sequence[YearStack], place: dict[int, float], bar: float, top: float, dense: bool
) -> list[layout.Layer]:
    """The parts from the foot up; numbers inside where they fit both ways."""
    bars: list[layout.Datum] = []
    words: list[layout.Datum] = []
    for stack in years:
        foot = 0.0
        x = place[stack.year]
        for index, part in enumerate(stack.parts):
            if part is None or part.value == 0:
                continue
            end = foot + part.value
            high = part.value / top * HEIGHT
            fits = bool(part.text) and not dense and high >= 16 and layout.room(part.text, style.SMALL) + 4 <= bar
            mark = style.mark(part.id, part.part)
            bars.append(
                {
                    "year": stack.year,
                    "part": index,
                    "x": round(x - bar / 2, 2),
                    "x2": round(x + bar / 2, 2),
                    "a": foot,
                    "b": end,
                    "fill": layout.COLORS[index],
                    "mark": "" if fits else mark,
                }
            )
            if fits:
                at = {"x": x, "v": (foot + end) / 2, "ink": layout.COLOR_TEXT[index]}
                words.append({**at, "text": part.text, "mark": mark})
            foot = end
    # Stacks that touch have no outline: thirty of them would be a grid.
    outline: dict[str, Any] = {} if dense else {"stroke": style.SOFT, "strokeWidth": 0.6}
    layer = layout.boxes(bars, y=layout.on("a", (0.0, top)), **outline)
    layer["encoding"]["y2"] = {"field": "b"}
    return [layer, layout.texts(words, align="center", size=style.SMALL, y=layout.on("v", (0.0, top)))]


def _totals(
    years: Sequence[YearStack], heights: Sequence[float], place: dict[int, float], step: float, top: float
) -> layout.Layer:
    """Totals above the stacks: all where they fit beside each other, else the telling ones that keep apart."""
    shown = [i for i, stack in enumerate(years) if stack.total is not None and stack.text]
    need = max([0.0, *(layout.room(years[i].text, style.SMALL) + 4 for i in shown)])
    if need > step and shown:
        order = [shown[-1], shown[0], max(shown, key=heights.__getitem__), min(shown, key=heights.__getitem__)]
        kept: list[int] = []
        for i in order:
            if all(abs(place[years[i].year] - place[years[k].year]) >= need for k in kept):
                kept.append(i)
        shown = sorted(kept)
    values = []
    for i in shown:
        stack = years[i]
        y = round(HEIGHT * (1 - heights[i] / top) - 5, 2)
        mark = style.mark(stack.id, stack.part)
        values.append({"x": place[stack.year], "y": y, "text": stack.text, "mark": mark})
    return layout.texts(values, align="center", baseline="bottom", size=style.SMALL, bold=True)


def _years(first: int, last: int, step: float) -> layout.Layer:
    """The years of the axis, counted back from the last, as many as there is room for."""
    every = next(n for n in (1, 2, 5, 10, 20, 60) if n * step >= YEAR)
    values = [
        {"x": round((year - first + 0.5) * step, 2), "y": HEIGHT + 8, "text": str(year)}
        for year in range(last, first - 1, -every)
    ]
    return layout.texts(values, align="center", baseline="top", size=style.SMALL, color=style.SOFT)
