"""A map on which every member has the same area: one square each, roughly where the country lies.

No borders are drawn, so none is claimed, and small island states are as visible as large ones. Members are shaded in
five classes and carry code and number; their neighbours stay pale for orientation. The picture is cut to where the
members are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _style as style

TILE = 36
LEGEND = 36
LETTER = 7.0
HOMELESS_IN_LINE = 10


@dataclass(frozen=True, slots=True)
class Tile:
    """One member.

    Attributes:
        area: ISO 3166-1 alpha-3 code, printed on the tile.
        level: class 0 (low) to 4 (high), or None where there is no number.
        text: the number as printed, short (five characters fit).
        id, part: the record that the text prints, and which part of it.
    """

    area: str
    level: int | None
    text: str
    id: str = ""
    part: str = "value"


def tile_map(tiles: Sequence[Tile], layout: Mapping[str, tuple[int, int]], *, words: Sequence[str]) -> dict[str, Any]:
    """The tile map as a Vega-Lite specification.

    Args:
        tiles: the members.
        layout: area -> (column, row); members without a place stand in lines below.
        words: what each of the five classes means, from low to high.
    """
    assert len(words) == len(style.CLASSES)
    places = {t.area: layout[t.area] for t in tiles if t.area in layout}
    columns = [c for c, _ in places.values()] or [0]
    rows = [r for _, r in places.values()] or [0]
    left, right, top, bottom = min(columns) - 1, max(columns) + 1, min(rows) - 1, max(rows) + 1
    homeless = [t.area for t in tiles if t.area not in layout]
    if homeless:
        right = max(right, left + min(len(homeless), HOMELESS_IN_LINE))
        for index, area in enumerate(homeless):
            line, column = divmod(index, right - left)
            places[area] = (left + 1 + column, bottom + 1 + line)
        bottom = max(row for _, row in places.values()) + 1
    pale = []
    for area, (column, row) in sorted(layout.items(), key=lambda place: (place[1][1], place[1][0])):
        if area not in places and left <= column <= right and top <= row <= bottom:
            pale.append({"x": column - left, "y": row - top})
    data = []
    for tile in tiles:
        column, row = places[tile.area]
        color = style.EMPTY if tile.level is None else style.CLASSES[tile.level]
        ink = style.INK if tile.level is None else style.CLASS_TEXT[tile.level]
        at = {"x": column - left, "y": row - top, "fill": color, "ink": ink}
        data.append({**at, "area": tile.area, "text": tile.text, "mark": style.mark(tile.id, tile.part)})
    width, height = TILE * (right - left + 1), TILE * (bottom - top + 1)
    x = {"type": "quantitative", "scale": {"domain": [0, right - left + 1], "nice": False}, "axis": None}
    y = {"type": "quantitative", "scale": {"domain": [bottom - top + 1, 0], "nice": False}, "axis": None}
    layers = [
        _squares(pale, x, y, {"value": "#f1f3f4"}, stroke="#ffffff"),
        _squares(data, x, y, {"field": "fill", "type": "nominal", "scale": None}, stroke=style.SOFT),
        _words(data, "area", x, y, 0.36, bold=True),
        _words(data, "text", x, y, 0.72, bold=False),
        *_legend(words, height + 10, width),
    ]
    lines = _legend_lines(words, width)
    padding = {"left": 2, "right": 2, "top": 2, "bottom": 14 + 20 * lines}
    return style.chart({"layer": layers}, width=width, height=height, padding=padding)


def _squares(
    data: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any], fill: dict[str, Any], stroke: str
) -> dict[str, Any]:
    return {
        "data": {"values": data},
        "transform": [
            {"calculate": "datum.x + 0.96", "as": "x2"},
            {"calculate": "datum.y + 0.96", "as": "y2"},
        ],
        "mark": {"type": "rect", "stroke": stroke, "strokeWidth": 0.8, "aria": False},
        "encoding": {
            "x": {"field": "x", **x},
            "x2": {"field": "x2"},
            "y": {"field": "y", **y},
            "y2": {"field": "y2"},
            "fill": fill,
        },
    }


def _words(
    data: list[dict[str, Any]], field: str, x: dict[str, Any], y: dict[str, Any], shift: float, *, bold: bool
) -> dict[str, Any]:
    mark: dict[str, Any] = {"type": "text", "baseline": "middle", "fontSize": 11, "aria": not bold}
    if bold:
        mark["fontWeight"] = 600
    encoding: dict[str, Any] = {
        "x": {"field": "cx", **x},
        "y": {"field": "cy", **y},
        "text": {"field": field},
        "fill": {"field": "ink", "type": "nominal", "scale": None},
    }
    if not bold:
        encoding["description"] = {"field": "mark"}
    return {
        "data": {"values": data},
        "transform": [
            {"calculate": "datum.x + 0.48", "as": "cx"},
            {"calculate": f"datum.y + {shift}", "as": "cy"},
        ],
        "mark": mark,
        "encoding": encoding,
    }


def _legend_places(words: Sequence[str], width: float) -> list[tuple[float, int]]:
    """Where each class of the legend stands: (x, line), wrapped to the width of the map."""
    places, x, line = [], 0.0, 0
    for word in words:
        need = 20 + max(LETTER * len(word), style.width_of(word, style.SMALL)) + 14
        if x and x + need > width:
            x, line = 0.0, line + 1
        places.append((x, line))
        x += need
    return places


def _legend_lines(words: Sequence[str], width: float) -> int:
    return _legend_places(words, width)[-1][1] + 1


def _legend(words: Sequence[str], top: float, width: float) -> list[dict[str, Any]]:
    scale = {"type": "quantitative", "scale": None, "axis": None}
    values = []
    for (x, line), word, color in zip(_legend_places(words, width), words, style.CLASSES, strict=True):
        y = top + 20 * line
        values.append(
            {"x": x, "x2": x + 14, "y": y, "y2": y + 14, "tx": x + 19, "ty": y + 7, "fill": color, "text": word}
        )
    return [
        {
            "data": {"values": values},
            "mark": {"type": "rect", "stroke": style.SOFT, "strokeWidth": 0.8, "aria": False},
            "encoding": {
                "x": {"field": "x", **scale},
                "x2": {"field": "x2"},
                "y": {"field": "y", **scale},
                "y2": {"field": "y2"},
                "fill": {"field": "fill", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"values": values},
            "mark": {
                "type": "text",
                "align": "left",
                "baseline": "middle",
                "fontSize": style.SMALL,
                "color": style.INK,
                "aria": False,
            },
            "encoding": {"x": {"field": "tx", **scale}, "y": {"field": "ty", **scale}, "text": {"field": "text"}},
        },
    ]
