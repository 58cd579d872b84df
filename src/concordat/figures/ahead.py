"""How sure is it that one unit is ahead of another? A square of P(row ahead of column), in percent of the runs.

Units stand in rank order, the best first, so what is sure is dark above the diagonal and pale below it; a dark cell
below it contradicts the order. The five classes turn at 5, 30, 70 and 95 %: 95 % is where a unit opens a new plateau
(`observatory.ranks`). Colour only repeats what the text says. The diagonal is blank, as is a pair that no run ranks.

Up to 14 units have their names beside the rows and codes above the columns; up to 25 have codes on both sides. More
are read better from the table.

    >>> units = [AheadUnit("India", "IND"), AheadUnit("Brazil", "BRA")]
    >>> spec = ahead_matrix(units, [[None, AheadCell(90.0, "90")], [AheadCell(10.0, "10"), None]], low="no", high="yes")
    >>> [datum["text"] for datum in spec["layer"][1]["data"]["values"]]
    ['90', '10']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures._square import Square
from concordat.figures.numbers import number_text

BREAKS = (5.0, 30.0, 70.0, 95.0)


@dataclass(frozen=True, slots=True)
class AheadUnit:
    """One unit: its name, and the code that stands above its column."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class AheadCell:
    """P(row ahead of column).

    Attributes:
        percent: the probability in percent, 0 to 100.
        text: as printed, a percentage without its sign, rounded to a whole.
        id, part: the record that the text prints (in percent, too), and which part of it.
    """

    percent: float
    text: str
    id: str = ""
    part: str = "value"


def ahead_matrix(
    units: Sequence[AheadUnit],
    cells: Sequence[Sequence[AheadCell | None]],
    *,
    low: str,
    high: str,
    language: str = "en",
) -> dict[str, Any]:
    """The matrix as a Vega-Lite specification.

    Args:
        units: in rank order, at most 25.
        cells: a row for each unit, in the same order; what stands on the diagonal is not drawn.
        low, high: words at the two ends of the legend, such as "row surely behind" and "row surely ahead".
        language: of the numbers of the legend.
    """
    square = Square.of([unit.label for unit in units], [unit.code for unit in units])
    assert [len(row) for row in cells] == [len(units)] * len(units), "a cell for each pair"
    assert all(0 <= c.percent <= 100 for row in cells for c in row if c is not None), "a probability is 0 to 100 %"
    found, deep = _legend(low, high, language, left=-square.column.width, top=square.tops[-1] + 12)
    return square.picture(square.layers(_data(units, cells, square)) + found, deep)


def level_of(percent: float) -> int:
    """Which of the five classes, 0 to 4; a limit belongs to the class that is farther from half.

    >>> [level_of(p) for p in (0, 5, 5.1, 50, 70, 94.9, 95, 100)]
    [0, 0, 1, 2, 3, 3, 4, 4]
    """
    below = sum(percent > b for b in BREAKS[:2])
    return below + sum(percent >= b for b in BREAKS[2:])


def _data(
    units: Sequence[AheadUnit], cells: Sequence[Sequence[AheadCell | None]], square: Square
) -> list[layout.Datum]:
    data: list[layout.Datum] = []
    for i, row in enumerate(cells):
        for j, found in enumerate(row):
            if i == j or found is None:
                continue
            level = level_of(found.percent)
            data.append(
                {
                    "row": units[i].code,
                    "column": units[j].code,
                    "percent": found.percent,
                    **square.box(i, j),
                    "fill": style.CLASSES[level],
                    "ink": style.CLASS_TEXT[level],
                    "text": found.text,
                    "mark": style.mark(found.id, found.part),
                    "line": i,
                }
            )
    return data


def _legend(low: str, high: str, language: str, *, left: float, top: float) -> tuple[list[layout.Layer], int]:
    """The classes with their limits below, the words at their ends; a line for each where both don't fit beside."""
    square, height = 38, 14
    limits = [number_text(b, "percent", language, style="cell") for b in BREAKS]
    classes = square * len(style.CLASSES)
    beside = layout.room(low, style.SMALL) + layout.room(high, style.SMALL) + classes + 20 <= layout.WIDTH
    start = left + (layout.room(low, style.SMALL) + 10 if beside else 0)
    if not beside and layout.from_right([low]):  # the classes stand above their words
        start = left + layout.WIDTH - classes - 4
    words: list[layout.Datum] = []
    if beside:
        words = [
            {"x": left, "y": top + height / 2, "text": low},
            {"x": start + classes + 10, "y": top + height / 2, "text": high},
        ]
    squares = [
        {"x": start + square * i, "x2": start + square * (i + 1), "y": top, "y2": top + height, "fill": color}
        for i, color in enumerate(style.CLASSES)
    ]
    at = [{"x": start + square * (i + 1), "y": top + height + 5, "text": text} for i, text in enumerate(limits)]
    layers = [
        layout.boxes(squares, stroke=style.SOFT, strokeWidth=0.8),
        layout.texts(words, size=style.SMALL, color=style.SOFT),
        layout.texts(at, align="center", baseline="top", size=style.SMALL, color=style.SOFT),
    ]
    deep = height + 24
    if not beside:
        keys = [layout.Key(low, color=style.CLASSES[0]), layout.Key(high, color=style.CLASSES[-1])]
        found, more = layout.legend(keys, left=left, top=top + deep)
        layers, deep = layers + found, deep + more
    return layers, deep
