"""What stands between each two members of a bloc? A square of pairs, the same on both sides of a blank diagonal.

A pair's cell is shaded in five classes and carries its text; colour only repeats what the text says. Up to 14 units
have their names beside the rows and codes above the columns; up to 25 have codes on both sides. More are read better
from the table.

    >>> units = [PairUnit("Brazil", "BRA"), PairUnit("China", "CHN")]
    >>> spec = pair_matrix(units, {("BRA", "CHN"): PairCell(2, "2")}, classes=("0", "1", "2", "3–4", "5+"), title="n")
    >>> [datum["text"] for datum in spec["layer"][1]["data"]["values"]]
    ['2', '2']
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style

UNITS_MAX = 25
NAMED_MAX = 14
CELL_MAX, CELL_MIN = 34, 25
CELL_SMALL = 20
SIZE_SMALL = 10
NAMES_MOST = 150


@dataclass(frozen=True, slots=True)
class PairUnit:
    """One unit: its name, and the code that stands above its column."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class PairCell:
    """One pair.

    Attributes:
        level: class 0 (low) to 4 (high), or None where there is nothing.
        text: what is printed, at most three characters.
        id, part: the record that the text prints, and which part of it.
        beside: a sign that stands behind the text and prints no record, such as "?".
    """

    level: int | None
    text: str
    id: str = ""
    part: str = "value"
    beside: str = ""


def pair_matrix(
    units: Sequence[PairUnit], cells: Mapping[tuple[str, str], PairCell], *, classes: Sequence[str], title: str
) -> dict[str, Any]:
    """The square as a Vega-Lite specification.

    Args:
        units: in the order of their rows, at most 25.
        cells: by the codes of a pair, in the order of the units; a pair that is not given stays blank.
        classes: words of the five classes, beside their colours in the legend. title: what they count.
    """
    count = len(units)
    assert 2 <= count <= UNITS_MAX, f"a matrix of {count} units can't be read"
    assert len(classes) == len(style.CLASSES), "words for each class"
    named = count <= NAMED_MAX
    widest = max(layout.room(unit.code, style.SMALL) for unit in units)
    labels = [unit.label if named else unit.code for unit in units]
    column = (
        layout.names(labels, most=NAMES_MOST)
        if named
        else layout.Names(tuple((x,) for x in labels), math.ceil(widest) + 12, False)
    )
    cell = min(CELL_MAX, max(CELL_MIN if named else CELL_SMALL, (layout.WIDTH - 4 - column.width) // count))
    tops = [0]
    for index in range(count):
        tops.append(tops[-1] + (column.height(index) if named else CELL_SMALL + 1))
    middles = [(a + b) / 2 for a, b in pairwise(tops)]
    data = _data(units, cells, cell, tops)
    shown = boxed = layout.boxes(data, stroke="#ffffff", strokeWidth=1.5)
    boxed["mark"]["aria"] = False  # the text of a cell carries the record
    boxed["encoding"].pop("description", None)
    size = style.SMALL if cell >= CELL_MIN else SIZE_SMALL
    turned = cell < widest + 1
    found, deep = _legend(classes, title, left=-column.width, top=tops[-1] + 12)
    layers = [
        shown,
        *_words(data, cell, middles, size),
        layout.name_layer(column, middles, left=-column.width, right=-8),
        _heads(units, cell, turned),
        *found,
    ]
    return layout.picture(
        layers,
        width=cell * count,
        height=tops[-1],
        left=column.width,
        top=math.ceil(0.87 * widest) + 16 if turned else 22,  # sin 60°
        bottom=12 + deep,
        right=math.ceil(widest / 2) + 8 if turned else 4,
    )


def _data(
    units: Sequence[PairUnit], cells: Mapping[tuple[str, str], PairCell], cell: float, tops: Sequence[float]
) -> list[layout.Datum]:
    data: list[layout.Datum] = []
    for i, row in enumerate(units):
        for j, other in enumerate(units):
            found = cells.get((row.code, other.code) if i < j else (other.code, row.code))
            if i == j or found is None:
                continue
            fill = style.EMPTY if found.level is None else style.CLASSES[found.level]
            ink = style.SOFT if found.level is None else style.CLASS_TEXT[found.level]
            place = {"x": cell * j, "x2": cell * (j + 1), "y": tops[i], "y2": tops[i + 1]}
            printed = {"fill": fill, "ink": ink, "text": found.text, "mark": style.mark(found.id, found.part)}
            printed["beside"] = found.beside
            data.append({"row": row.code, "column": other.code, **place, **printed, "line": i})
    return data


def _words(data: Sequence[layout.Datum], cell: float, middles: Sequence[float], size: int) -> list[layout.Layer]:
    """The texts, and behind them their signs: of both together the middle is that of the cell."""
    values, signs = [], []
    for d in data:
        own, sign = (0.56 * size * len(d[name]) for name in ("text", "beside"))
        left = d["x"] + cell / 2 - (own + sign) / 2
        place = {"y": middles[d["line"]], "ink": d["ink"]}
        if d["text"]:
            values.append({"x": round(left + own / 2, 2), **place, "text": d["text"], "mark": d["mark"]})
        if d["beside"]:
            signs.append({"x": round(left + own + sign / 2, 2), **place, "text": d["beside"]})
    return [layout.texts(some, align="center", size=size) for some in (values, signs) if some]


def _heads(units: Sequence[PairUnit], cell: float, turned: bool) -> layout.Layer:
    values = [{"x": cell * (i + 0.5), "y": -8, "text": unit.code} for i, unit in enumerate(units)]
    if not turned:
        return layout.texts(values, align="center", baseline="bottom", size=style.SMALL)
    layer = layout.texts(values, align="left", size=style.SMALL)
    layer["mark"]["angle"] = -60
    return layer


def _legend(classes: Sequence[str], title: str, *, left: float, top: float) -> tuple[list[layout.Layer], int]:
    """What is counted, and below it the classes."""
    lines = layout.wrapped(title, layout.WIDTH, style.SMALL)
    backwards = layout.from_right(lines)
    at = left + layout.WIDTH if backwards else left
    head = [{"x": at, "y": top + 8 + layout.LINE * i, "text": line} for i, line in enumerate(lines)]
    keys = [layout.Key(word, color=color) for word, color in zip(classes, style.CLASSES, strict=True)]
    below = layout.LINE * len(lines) + 4
    found, deep = layout.legend(keys, left=left, top=top + below)
    align: layout.Align = "right" if backwards else "left"
    return [layout.texts(head, align=align, size=style.SMALL, color=style.SOFT), *found], below + deep
