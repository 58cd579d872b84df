"""What all charts share: one font, one palette, the frame of a specification, the mark that ties text to a record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FONT = "Noto Sans"
INK = "#1c2127"
SOFT = "#565f6a"
LINE = "#e3e7ea"
ACCENT = "#0b5667"
BAND = "#9cc3cc"
WARM = "#a3440f"
SIZE = 13
SMALL = 12
# Five classes from low to high, one hue, lightness falling, so that they are told apart without colour vision and in
# grey print; text on the two darkest is white. Contrast of text to ground is at least 4.5 in each (tests/unit/figures).
CLASSES = ("#eef4f5", "#c9dfe3", "#93bfc8", "#3f7f8e", "#0b4757")
CLASS_TEXT = (INK, INK, INK, "#ffffff", "#ffffff")
EMPTY = "#f4f4f2"


def mark(record_id: str, part: str = "value") -> str:
    """The description of a mark that `figures.render` turns into `data-obs` and `data-part`."""
    return f"obs:{record_id}:{part}" if record_id else ""


def plain(number: float) -> float | int:
    """A whole number without its ".0", as JavaScript writes it."""
    return int(number) if float(number).is_integer() else number


def expression(words: Mapping[str, str]) -> str:
    """A JavaScript object literal for a Vega expression."""
    return json.dumps(dict(words), ensure_ascii=True)


def fit(text: str, width: float, size: float = SIZE) -> str:
    """A text cut to a width in pixels, by estimate: without measuring."""
    import unicodedata

    used = 0.0
    for index, letter in enumerate(text):
        used += size * _ems(letter)
        if used > width:
            end = max(1, index - 1)
            while end > 1 and unicodedata.category(text[end]).startswith("M"):  # a letter goes with its marks
                end -= 1
            return text[:end].rstrip() + "…"
    return text


def width_of(text: str, size: float = SIZE) -> float:
    """The width of a text in pixels, by the same estimate."""
    return size * sum(map(_ems, text))


def _ems(letter: str) -> float:
    """Wide letters are one em, marks on letters and signs of direction nothing."""
    import unicodedata

    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56


def right_to_left(text: str) -> bool:
    """Whether a label begins in a script that runs from right to left."""
    import unicodedata

    return unicodedata.bidirectional(text[:1]) in ("R", "AL") if text else False


def text_layer(
    field: str, y: dict[str, Any], *, x: float, align: str, description: str = "", bold: bool = False
) -> dict[str, Any]:
    """A column of words at a fixed place beside the plot."""
    encoding: dict[str, Any] = {"x": {"value": x}, "y": y, "text": {"field": field}}
    if description:
        encoding["description"] = {"field": description}
    look = {"type": "text", "align": align, "baseline": "middle", "fontSize": SIZE, "color": INK}
    look["aria"] = bool(description)
    if bold:
        look["fontWeight"] = 600
    return {"mark": look, "encoding": encoding}


def chart(body: dict[str, Any], *, width: int, height: int, padding: dict[str, int]) -> dict[str, Any]:
    """The frame: fixed sizes (no measuring of text, so no dependence on fonts), our font, no background."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "padding": padding,
        "autosize": {"type": "none"},
        "background": None,
        "config": {"font": FONT, "view": {"stroke": None}, "axis": {"labelFont": FONT}, "text": {"font": FONT}},
        **body,
    }
