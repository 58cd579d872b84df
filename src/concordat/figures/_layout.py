"""What the charts of an index share: names that wrap instead of being cut, layers in pixels, legends, colours.

Names are as long as they are in the language of the report, so a name that does not fit breaks into lines and its row
grows. Each line is a text of its own: joined letters leave the picture whole when it goes into a PDF
(`report._svg_texts`), which a text of several lines would not. Widths are estimates, without measuring.

The colours of parts are told apart without red, green or blue cones too: any two are at least 20 apart in CIE L*a*b*
under each of the three dichromacies as simulated by Machado, Oliveira and Fernandes (2009), tested in
tests/unit/figures/test_layout.py. There are seven; nobody reads a stack of more.

    >>> wrapped("Papua New Guinea", 70)
    ('Papua', 'New', 'Guinea')
    >>> wrapped("Chad", 70)
    ('Chad',)
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from concordat.figures import _style as style
from concordat.figures.numbers import joins_right_to_left

WIDTH = 496
NAMES, NAMES_MAX = 118, 216
ROW = 25
LINE = 16  # from one line of a name to the next
COLORS = ("#0b5667", "#e2a13a", "#5b8fd1", "#f0d9a0", "#a3440f", "#b7c4cb", "#1c2127")
COLOR_TEXT = ("#ffffff", style.INK, style.INK, style.INK, "#ffffff", style.INK, "#ffffff")
DASHES = ([1, 0], [7, 3], [2, 3])
# Widths in ems of the letters of Noto Sans that are far from those of their kind (as drawn by a browser, rounded up).
_EMS = dict.fromkeys("'\u2019 !(),-.:;IJ[]`|fijl", 0.32) | dict.fromkeys('"/?\\rtr{}', 0.43)
_EMS |= dict.fromkeys("NOQHUGDwЖИЙНОФЫжыю", 0.77) | dict.fromkeys("%@MWmМмшщШЩЮ\u2014", 0.96)
_SPACE_FOR_BOLD = 1.05

Datum = dict[str, Any]
Layer = dict[str, Any]
RIGHT_TO_LEFT_MARK = "\u200f"
Align = Literal["left", "center", "right"]


# --- Words --------------------------------------------------------------------------------------------------------


def room(text: str, size: float = style.SIZE) -> float:
    """The pixels to keep free for a text."""
    return _SPACE_FOR_BOLD * size * sum(map(_ems, text))


def _ems(letter: str) -> float:
    if letter in _EMS:
        return _EMS[letter]
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.65 if letter.isupper() or letter >= "\u0900" else 0.5 if joins_right_to_left(letter) else 0.6


def from_right(texts: Iterable[str]) -> bool:
    """Whether words run from right to left, also where they begin with a number."""
    return any(map(joins_right_to_left, texts))


def _ordered(text: str) -> str:
    """A text for a picture, whose ground runs from left to right.

    Arabic that begins or ends with a number, a sign or a bracket is held together by right-to-left marks (U+200F;
    Unicode Standard Annex 9, rules N0 to N2).
    """
    if not joins_right_to_left(text):
        return text
    first, last = (joins_right_to_left(text[i]) for i in (0, -1))
    return f"{'' if first else RIGHT_TO_LEFT_MARK}{text}{'' if last else RIGHT_TO_LEFT_MARK}"


def wrapped(text: str, width: float, size: float = style.SIZE) -> tuple[str, ...]:
    """A text in lines that fit a width; nothing is left out.

    Lines end at spaces and after hyphens; a word wider than a line is broken, never between a letter and its marks.
    """
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if room((line + word).strip(), size) <= width:
            line += word
            continue
        if line.strip():
            lines.append(line.strip())
        line = word.lstrip()
        while room(line, size) > width:
            cut = _fitting(line, width, size)
            if cut >= len(line):
                break
            lines.append(line[:cut])
            line = line[cut:]
    return (*lines, line.strip()) if line.strip() or not lines else tuple(lines)


def _words(text: str) -> list[str]:
    """Pieces between which a line may end: at a plain space, after a hyphen, around a wide (East Asian) letter."""
    pieces: list[str] = []
    for letter in text:
        alone = style.width_of(letter, 1) >= 1 and not unicodedata.category(letter).startswith("P")
        if not pieces or alone or letter == " " or pieces[-1][-1] == "-":
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces


def widest_word(text: str, size: float = style.SIZE) -> float:
    """The pixels below which `wrapped` breaks a word.

    >>> wrapped("Papua New Guinea", widest_word("Papua New Guinea"))
    ('Papua', 'New', 'Guinea')
    """
    return max((room(piece.strip(), size) for piece in _words(text)), default=0.0)


def _fitting(word: str, width: float, size: float) -> int:
    """How many letters of a word go into a line, at least one with its marks."""
    end = len(word)
    while end > 1 and room(word[:end], size) > width:
        end -= 1
    while end < len(word) and unicodedata.category(word[end])[0] == "M":
        end += 1
    return end


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names beside a plot.

    Attributes:
        lines: each name in lines.
        width: the pixels it takes.
        from_right: the names stand against the plot, as names in Arabic do.
    """

    lines: tuple[tuple[str, ...], ...]
    width: int
    from_right: bool

    def height(self, index: int) -> int:
        """The height of a row, by the lines of its name."""
        return ROW + LINE * (len(self.lines[index]) - 1)


def names(labels: Sequence[str], *, most: int = NAMES_MAX, size: float = style.SIZE) -> Names:
    """As wide as the longest name needs, within limits; longer ones wrap."""
    width = min(most, max([NAMES, *(math.ceil(room(label, size)) + 10 for label in labels)]))
    lines = tuple(wrapped(label, width - 10, size) for label in labels)
    return Names(lines, width, from_right(labels))


def name_layer(column: Names, middles: Sequence[float], *, left: float, right: float) -> Layer:
    """The names, each around the middle of its row."""
    at = right if column.from_right else left
    values = []
    for lines, middle in zip(column.lines, middles, strict=True):
        values += stacked(lines, at, middle)
    return texts(values, align="right" if column.from_right else "left")


def reason_layer(reasons: Sequence[Sequence[str]], middles: Sequence[float], *, left: float, right: float) -> Layer:
    """Why a row has no number, in the place of its sign; no lines for rows that have one."""
    backwards = from_right(line for lines in reasons for line in lines)
    values: list[Datum] = []
    for lines, middle in zip(reasons, middles, strict=True):
        values += stacked(lines, right if backwards else left, middle)
    return texts(values, align="right" if backwards else "left", size=style.SMALL, color=style.SOFT)


def stacked(lines: Sequence[str], x: float, middle: float, step: float = LINE) -> list[Datum]:
    """Lines of one text around a middle."""
    top = middle - step * (len(lines) - 1) / 2
    return [{"x": x, "y": round(top + step * i, 2), "text": line} for i, line in enumerate(lines)]


def spread(places: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Middles of words of some heights that do not touch, in the same order, inside `low..high`.

    They are as near to the given places as can be (least squares under smallest distances: pool adjacent violators,
    Ayer et al. 1955). Where there is no room for all, they run over `high`.

    >>> spread([10.0, 10.0, 50.0], [10.0, 10.0, 20.0], 0.0, 100.0)
    [5.0, 15.0, 50.0]
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    if not order:
        return []
    offsets = [0.0]  # from the first middle to each, where all stand close
    for above, below in pairwise(order):
        offsets.append(offsets[-1] + (sizes[above] + sizes[below]) / 2)
    first, last = low + sizes[order[0]] / 2, high - sizes[order[-1]] / 2 - offsets[-1]
    blocks: list[tuple[float, int]] = []  # mean of the places less their offsets, and how many
    for i, offset in zip(order, offsets, strict=True):
        blocks.append((places[i] - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    flat = [mean for mean, count in blocks for _ in range(count)]
    found = [0.0] * len(places)
    for i, offset, mean in zip(order, offsets, flat, strict=True):
        found[i] = max(first, min(mean, max(first, last))) + offset
    return found


# --- Layers -------------------------------------------------------------------------------------------------------


def px(field: str) -> Datum:
    """A place in pixels."""
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def on(field: str, domain: Sequence[float]) -> Datum:
    """A place on the scale of the plot."""
    scale = {"domain": list(domain), "nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": None}


def texts(
    values: Sequence[Datum],
    *,
    align: Align = "left",
    baseline: str = "middle",
    size: int = style.SIZE,
    bold: bool = False,
    color: str = style.INK,
    x: Datum | None = None,
    y: Datum | None = None,
) -> Layer:
    """Words. A datum has `text`, a place, its `mark` where it prints a number of a record, `ink` as its own colour."""
    marked = any(datum.get("mark") for datum in values)
    look: Datum = {"type": "text", "align": align, "baseline": baseline, "fontSize": size, "color": color}
    look |= {"aria": marked, **({"fontWeight": 600} if bold else {})}
    encoding: Datum = {"x": x or px("x"), "y": y or px("y"), "text": {"field": "text"}}
    if marked:
        encoding["description"] = {"field": "mark"}
    if any("ink" in datum for datum in values):
        encoding["fill"] = {"field": "ink", "type": "nominal", "scale": None}
        del look["color"]
    ordered = [{**datum, "text": _ordered(datum["text"])} for datum in values]
    return {"data": {"values": ordered}, "mark": look, "encoding": encoding}


def boxes(values: Sequence[Datum], *, x: Datum | None = None, y: Datum | None = None, **look: Any) -> Layer:
    """Rectangles from `x` to `x2` and `y` to `y2` in their `fill`; with `mark` where one stands for a number."""
    marked = any(datum.get("mark") for datum in values)
    encoding: Datum = {
        "x": x or px("x"),
        "x2": {"field": "x2"},
        "y": y or px("y"),
        "y2": {"field": "y2"},
        "fill": {"field": "fill", "type": "nominal", "scale": None},
    }
    if marked:
        encoding["description"] = {"field": "mark"}
    return {"data": {"values": list(values)}, "mark": {"type": "rect", "aria": marked, **look}, "encoding": encoding}


def rules(values: Sequence[Datum], *, x: Datum | None = None, y: Datum | None = None, **look: Any) -> Layer:
    """Lines from `x`, `y` to `x2`, `y2`."""
    encoding: Datum = {"x": x or px("x"), "x2": {"field": "x2"}, "y": y or px("y"), "y2": {"field": "y2"}}
    return {"data": {"values": list(values)}, "mark": {"type": "rule", "aria": False, **look}, "encoding": encoding}


def dots(values: Sequence[Datum], *, x: Datum | None = None, y: Datum | None = None, **look: Any) -> Layer:
    """Points; with `mark` where one stands for a number."""
    marked = any(datum.get("mark") for datum in values)
    mark: Datum = {"type": "point", "filled": True, "opacity": 1, "size": 95, "color": style.ACCENT}
    encoding: Datum = {"x": x or px("x"), "y": y or px("y")}
    if marked:
        encoding["description"] = {"field": "mark"}
    return {"data": {"values": list(values)}, "mark": mark | {"aria": marked} | look, "encoding": encoding}


def grid(ticks: Mapping[float, str], domain: Sequence[float], height: float, *, top: float = 0) -> list[Layer]:
    """Upright lines at the ticks, and their words below. Ticks name the scale and print no record."""
    x = on("v", domain)
    lines = [{"v": v, "v2": v, "y": top, "y2": height} for v in ticks]
    words = [{"v": v, "y": height + 7, "text": word} for v, word in ticks.items() if word]
    upright = rules(lines, x=x, color=style.LINE)
    upright["encoding"]["x2"] = {"field": "v2"}
    return [upright, texts(words, align="center", baseline="top", size=style.SMALL, color=style.SOFT, x=x)]


# --- Legends ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: its sign and what it means."""

    text: str
    sign: Literal["square", "line", "widths", "bar", "dot", "tick"] = "square"
    color: str = style.ACCENT
    dash: tuple[int, ...] = (1, 0)


SIGN = 22  # from a sign to its words
LEGEND_LINE = 20


def legend(
    keys: Sequence[Key], *, left: float, top: float, width: float = WIDTH, mirrored: bool | None = None
) -> tuple[list[Layer], int]:
    """Keys side by side, wrapped to the width: layers and their height.

    They stand from right to left where their words run so, or where `mirrored` says it: "0", "1-2" has no direction.
    """
    mirrored = from_right(key.text for key in keys) if mirrored is None else mirrored
    places: list[tuple[float, float, Key, tuple[str, ...]]] = []
    x, y, deep = 0.0, 0.0, 0
    for key in keys:
        lines = wrapped(key.text, width - SIGN, style.SMALL)
        need = SIGN + max(room(line, style.SMALL) for line in lines) + 14
        if x and x + need - 14 > width:
            x, y, deep = 0.0, y + LEGEND_LINE * deep, 0
        places.append((x, y, key, lines))
        x, deep = x + need, max(deep, len(lines))
    layers: list[Layer] = []
    words: list[Datum] = []
    for x, y, key, lines in places:
        at = left + (width - x - 16 if mirrored else x)
        layers += _sign(key, at, top + y + LEGEND_LINE / 2)
        start = left + (width - x - SIGN if mirrored else x + SIGN)
        words += [
            {"x": round(start, 1), "y": top + y + LEGEND_LINE * (i + 0.5), "text": line} for i, line in enumerate(lines)
        ]
    layers.append(texts(words, align="right" if mirrored else "left", size=style.SMALL))
    return layers, round(y + LEGEND_LINE * deep)


def _sign(key: Key, x: float, y: float) -> list[Layer]:
    x = round(x, 1)
    if key.sign == "square":
        square = {"x": x, "x2": x + 14, "y": y - 7, "y2": y + 7, "fill": key.color}
        return [boxes([square], stroke=style.SOFT, strokeWidth=0.8)]
    if key.sign == "dot":
        return [dots([{"x": x + 8, "y": y}], color=key.color)]
    if key.sign == "tick":
        return [rules([{"x": x + 8, "x2": x + 8, "y": y - 8, "y2": y + 8}], color=key.color, strokeWidth=2)]
    if key.sign == "widths":
        strokes = [(y - 6, 1), (y - 1, 2.5), (y + 5.5, 5)]
        return [rules([{"x": x, "x2": x + 16, "y": v, "y2": v}], color=key.color, strokeWidth=w) for v, w in strokes]
    line = [{"x": x, "x2": x + 16, "y": y, "y2": y}]
    if key.sign == "bar":
        inner = [{"x": x + 3.5, "x2": x + 12.5, "y": y, "y2": y}]
        return [rules(inner, color=key.color, strokeWidth=7, strokeCap="round")]
    return [rules(line, color=key.color, strokeWidth=2.4, strokeDash=list(key.dash))]


# --- The picture --------------------------------------------------------------------------------------------------


def picture(
    layers: Sequence[Layer], *, width: float, height: float, left: int, top: int, bottom: int, right: int = 4
) -> Datum:
    """The frame, at least as wide as all others, so that letters have one size in a report."""
    right = max(right, WIDTH - left - math.ceil(width))
    padding = {"left": left, "right": right, "top": top, "bottom": bottom}
    kept = [layer for layer in layers if layer["data"]["values"]]
    return style.chart({"layer": kept}, width=math.ceil(width), height=math.ceil(height), padding=padding)
