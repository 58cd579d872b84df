"""How much do any two members of a bloc share? A square of units with a count, or a class of counts, for each pair.

The relation has no direction: each pair is given once, in the order of the units, and drawn on both sides of the blank
diagonal, so that a row tells all about its unit. Five shades, darker for more, repeat what the text says; a pair whose
class is not known is pale and its text says why ("?"). A pair that is not given stays blank. A cell has room for three
letters. Names and codes are placed as in `_square`: at most 25 units.

    >>> units = [PairUnit("India", "IND"), PairUnit("Brazil", "BRA")]
    >>> cells = {("IND", "BRA"): PairCell(2, "2")}
    >>> spec = pair_matrix(units, cells, classes=["0", "1", "2", "3-4", "5+"], title="Agreements in force:")
    >>> [datum["text"] for datum in spec["layer"][1]["data"]["values"]]
    ['2', '2']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures._square import Square
from concordat.figures.numbers import locale_of

TEXT_MAX = 3  # letters in the smallest cell


@dataclass(frozen=True, slots=True)
class PairUnit:
    """One unit: its name, and the code that stands above its column."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class PairCell:
    """What two units have with each other.

    Attributes:
        level: the class, from 0; None where it is not known.
        text: as printed, with its sign at most three letters: "3", "·", "?".
        id, part: the record that the text prints, and which part of it.
        beside: a sign behind the text that prints no record: "?".
    """

    level: int | None
    text: str
    id: str = ""
    part: str = "value"
    beside: str = ""


def pair_matrix(
    units: Sequence[PairUnit],
    cells: Mapping[tuple[str, str], PairCell],
    *,
    classes: Sequence[str],
    title: str,
    language: str = "en",
) -> dict[str, Any]:
    """The matrix as a Vega-Lite specification.

    Args:
        units: in the order of rows and columns, at most 25, each code once.
        cells: by the codes of two units, the one that comes first in the order first.
        classes: what the levels mean, from 0 up, at most five: "0", "1", "2", "3-4", "5+".
        title: stands before the classes and says what they count.
        language: where it runs from right to left, so does the legend.
    """
    codes = [unit.code for unit in units]
    square = Square.of([unit.label for unit in units], codes)
    _check(codes, cells, classes)
    data = [
        _datum(square, codes.index(one), codes.index(other), cell)
        for (a, b), cell in cells.items()
        for one, other in ((a, b), (b, a))
    ]
    data.sort(key=lambda datum: (datum["y"], datum["x"]))
    mirrored = layout.from_right([title]) or locale_of(language).text_direction == "rtl"
    found, deep = _legend(classes, title, mirrored, left=-square.column.width, top=square.tops[-1] + 12)
    return square.picture(square.layers(data) + found, deep)


def _check(codes: Sequence[str], cells: Mapping[tuple[str, str], PairCell], classes: Sequence[str]) -> None:
    assert len(set(codes)) == len(codes), "a unit stands once"
    assert 1 <= len(classes) <= len(style.CLASSES), f"{len(classes)} classes: one to {len(style.CLASSES)} can be seen"
    for (a, b), cell in cells.items():
        assert a in codes, f"{a} is no unit"
        assert b in codes, f"{b} is no unit"
        assert codes.index(a) < codes.index(b), f"{a}, {b}: a pair is given once, in the order of the units"
        assert cell.level is None or 0 <= cell.level < len(classes), f"{a}, {b}: there is no class {cell.level}"
        assert len(cell.text + cell.beside) <= TEXT_MAX, f"{a}, {b}: {cell.text + cell.beside!r} does not fit"


def _datum(square: Square, row: int, column: int, cell: PairCell) -> layout.Datum:
    known = cell.level is not None
    return {
        "row": square.codes[row],
        "column": square.codes[column],
        **square.box(row, column),
        "fill": style.CLASSES[cell.level] if known else style.EMPTY,
        "ink": style.CLASS_TEXT[cell.level] if known else style.SOFT,
        "text": cell.text,
        "beside": cell.beside,
        "mark": style.mark(cell.id, cell.part),
        "line": row,
    }


def _legend(
    classes: Sequence[str], title: str, mirrored: bool, *, left: float, top: float
) -> tuple[list[layout.Layer], int]:
    """The classes beside the title where both fit into one line, else below it."""
    keys = [layout.Key(words, color=color) for words, color in zip(classes, style.CLASSES, strict=False)]
    width = layout.WIDTH - 4
    own = layout.room(title, style.SMALL) + 12
    aside, deep = layout.legend(
        keys, left=left if mirrored else left + own, top=top, width=width - own, mirrored=mirrored
    )
    lines = [title]
    if deep > layout.LEGEND_LINE or own > width / 2:
        lines = list(layout.wrapped(title, width, style.SMALL))
        below = layout.LEGEND_LINE * len(lines)
        aside, deep = layout.legend(keys, left=left, top=top + below, width=width, mirrored=mirrored)
        deep += below
    start = left + width if mirrored else left
    words = [
        {"x": start, "y": top + layout.LEGEND_LINE * (i + 0.5), "text": line} for i, line in enumerate(lines) if line
    ]
    align: layout.Align = "right" if mirrored else "left"
    return [layout.texts(words, align=align, size=style.SMALL, color=style.SOFT), *aside], deep
