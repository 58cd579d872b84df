"""Where do the cells of units against units stand? The same units beside the rows and above the columns.

Up to 14 units have their names beside the rows and codes above the columns; up to 25 have codes on both sides. More
are read better from a table. Names wrap, and their row grows; codes that are wider than a column are turned.

    >>> square = Square.of(["India", "Brazil"], ["IND", "BRA"])
    >>> square.box(0, 1)["x"] == square.box(0, 0)["x2"]
    True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style

UNITS_MAX = 25
NAMED_MAX = 14
CELL_MAX, CELL_MIN = 34, 25
CELL_SMALL = 20  # with letters of SIZE_SMALL, three digits fit
SIZE_SMALL = 10
NAMES_MOST = 150


@dataclass(frozen=True, slots=True)
class Square:
    """The places of a square of units.

    Attributes:
        codes: above the columns.
        column: what stands beside the rows.
        cell: the width of a column.
        tops: where each row begins, and where the last one ends.
        widest: the pixels of the widest code.
    """

    codes: tuple[str, ...]
    column: layout.Names
    cell: float
    tops: tuple[float, ...]
    widest: float

    @classmethod
    def of(cls, labels: Sequence[str], codes: Sequence[str]) -> Square:
        """Rows and columns in the order given."""
        count = len(codes)
        assert 1 <= count <= UNITS_MAX, f"a matrix of {count} units can't be read"
        named = count <= NAMED_MAX
        widest = max(layout.room(code, style.SMALL) for code in codes)
        column = (
            layout.names(labels, most=NAMES_MOST)
            if named
            else layout.Names(tuple((code,) for code in codes), math.ceil(widest) + 12, False)
        )
        cell = min(CELL_MAX, max(CELL_MIN if named else CELL_SMALL, (layout.WIDTH - 4 - column.width) // count))
        tops = [0]
        for index in range(count):
            tops.append(tops[-1] + (column.height(index) if named else CELL_SMALL + 1))
        return cls(tuple(codes), column, cell, tuple(tops), widest)

    @property
    def turned(self) -> bool:
        """Whether the codes above are too wide to lie side by side."""
        return self.cell < self.widest + 1

    @property
    def middles(self) -> list[float]:
        """The middle of each row."""
        return [(a + b) / 2 for a, b in pairwise(self.tops)]

    def box(self, row: int, column: int) -> layout.Datum:
        """The place of a cell."""
        sides = {"x": self.cell * column, "x2": self.cell * (column + 1)}
        return sides | {"y": self.tops[row], "y2": self.tops[row + 1]}

    def layers(self, data: Sequence[layout.Datum]) -> list[layout.Layer]:
        """Cells, the words in them, names and codes. A datum has its box, `fill`, `ink`, `text`, `mark`, `line`.

        `beside` is a sign behind the text that prints no record; of both together the middle is that of the cell.
        """
        cells = layout.boxes(data, stroke="#ffffff", strokeWidth=1.5)
        cells["mark"]["aria"] = False  # the text of a cell carries the record
        cells["encoding"].pop("description", None)
        middles, kept = self.middles, ("text", "mark", "ink")
        size = style.SMALL if self.cell >= CELL_MIN else SIZE_SMALL
        words, signs = [], []
        for d in data:
            sign = d.get("beside", "")
            place = {"x": d["x"] + self.cell / 2, "y": middles[d["line"]]}
            words.append(place | {name: d[name] for name in kept})
            if sign:
                own, more = layout.room(d["text"], size), layout.room(sign, size)
                words[-1]["x"] = round(place["x"] - more / 2, 2)
                signs.append(place | {"x": round(place["x"] + own / 2, 2), "text": sign, "ink": d["ink"]})
        names = layout.name_layer(self.column, middles, left=-self.column.width, right=-8)
        texts = [layout.texts(some, align="center", size=size) for some in (words, signs)]
        return [cells, texts[0], names, self._heads(), *(texts[1:] if signs else ())]

    def _heads(self) -> layout.Layer:
        values = [{"x": self.cell * (i + 0.5), "y": -8, "text": code} for i, code in enumerate(self.codes)]
        if not self.turned:
            return layout.texts(values, align="center", baseline="bottom", size=style.SMALL)
        layer = layout.texts(values, align="left", size=style.SMALL)
        layer["mark"]["angle"] = -60
        return layer

    def picture(self, layers: Sequence[layout.Layer], below: int) -> dict[str, Any]:
        """The frame, with room for the codes above and for a legend of a height below."""
        return layout.picture(
            layers,
            width=self.cell * len(self.codes),
            height=self.tops[-1],
            left=self.column.width,
            top=math.ceil(0.87 * self.widest) + 16 if self.turned else 22,  # sin 60°
            bottom=12 + below,
            right=math.ceil(self.widest / 2) + 8 if self.turned else 4,
        )
