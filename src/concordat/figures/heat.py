"""All members on all indicators at one look: a table whose cells are shaded in five classes and carry their text.

Colour only repeats what the text says. Up to 14 members stand as columns (codes above, indicators as rows);
more stand as rows. Over 60 members the report shows no heat table: quantiles, extremes and groups are read better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _style as style

MEMBERS_AS_COLUMNS = 14
LABEL = 336
CELL = 29
ROW = 25
LEGEND = 44


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell.

    Attributes:
        indicator: its name, the label of a line.
        member: its code, the label of the crossing line.
        level: class 0 (low) to 4 (high), or None where there is no number.
        text: what is printed in the cell, at most four characters (a rank, "·" for none).
        id, part: the record that the text prints, and which part of it.
    """

    indicator: str
    member: str
    level: int | None
    text: str
    id: str = ""
    part: str = "value"


def heat_table_spec(cells: Sequence[HeatCell], *, low: str, high: str, title: str = "") -> dict[str, Any]:
    """The heat table as a Vega-Lite specification; lines stand in the order in which the cells first name them.

    Args:
        cells: every pair of indicator and member at most once; a pair that is not given stays blank.
        low, high: words at the two ends of the legend.
        title: what the classes are, printed with the legend.
    """
    members = list(dict.fromkeys(c.member for c in cells))
    indicators = list(dict.fromkeys(c.indicator for c in cells))
    wide = len(members) > MEMBERS_AS_COLUMNS
    rows, columns = (members, indicators) if wide else (indicators, members)
    head = 150 if wide else 24
    label = 64 if wide else LABEL
    width, height = CELL * len(columns), ROW * len(rows)
    data = []
    for cell in cells:
        row, column = (cell.member, cell.indicator) if wide else (cell.indicator, cell.member)
        color = style.EMPTY if cell.level is None else style.CLASSES[cell.level]
        ink = style.SOFT if cell.level is None else style.CLASS_TEXT[cell.level]
        at = {"x": columns.index(column), "y": rows.index(row)}
        data.append({**at, "fill": color, "ink": ink, "text": cell.text, "mark": style.mark(cell.id, cell.part)})
    x = {"type": "quantitative", "scale": {"domain": [0, len(columns)], "nice": False}, "axis": None}
    y = {"type": "quantitative", "scale": {"domain": [len(rows), 0], "nice": False}, "axis": None}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": data},
            "transform": [
                {"calculate": "datum.x + 1", "as": "x2"},
                {"calculate": "datum.y + 1", "as": "y2"},
            ],
            "mark": {"type": "rect", "stroke": "#ffffff", "strokeWidth": 1.5, "aria": False},
            "encoding": {
                "x": {"field": "x", **x},
                "x2": {"field": "x2"},
                "y": {"field": "y", **y},
                "y2": {"field": "y2"},
                "fill": {"field": "fill", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"values": [datum for datum in data if datum["text"]]},
            "transform": [
                {"calculate": "datum.x + 0.5", "as": "cx"},
                {"calculate": "datum.y + 0.5", "as": "cy"},
            ],
            "mark": {"type": "text", "baseline": "middle", "fontSize": style.SMALL},
            "encoding": {
                "x": {"field": "cx", **x},
                "y": {"field": "cy", **y},
                "text": {"field": "text"},
                "fill": {"field": "ink", "type": "nominal", "scale": None},
                "description": {"field": "mark"},
            },
        },
        _labels(rows, x=-label, step=ROW, width=label - 8, vertical=True),
        _labels(columns, x=CELL / 2, step=CELL, width=130 if wide else 2 * CELL, vertical=False, turned=wide),
        *_legend(low, high, title, top=height + 14, left=-label),
    ]
    padding = {"left": label, "right": 62 if wide else 4, "top": head, "bottom": LEGEND}
    return style.chart({"layer": layers}, width=width, height=height, padding=padding)


def _labels(
    words: Sequence[str], *, x: float, step: float, width: float, vertical: bool, turned: bool = False
) -> dict[str, Any]:
    values: list[dict[str, Any]] = []
    for index, word in enumerate(words):
        place = {"x": x, "y": index * step + step / 2} if vertical else {"x": x + index * step, "y": -8}
        values.append({**place, "text": style.fit(word, width, style.SMALL)})
    align = "left" if vertical or turned else "center"
    if vertical and any(map(style.right_to_left, words)):
        align, values = "right", [{**value, "x": -8} for value in values]
    mark: dict[str, Any] = {"type": "text", "align": align, "fontSize": style.SMALL, "color": style.INK, "aria": False}
    mark["baseline"] = "middle" if vertical or turned else "bottom"
    if turned:
        mark["angle"] = -55
    at = {axis: {"field": axis, "type": "quantitative", "scale": None, "axis": None} for axis in ("x", "y")}
    return {"data": {"values": values}, "mark": mark, "encoding": {**at, "text": {"field": "text"}}}


def _wide(words: str) -> float:
    return max(7.0 * len(words), style.width_of(words, style.SMALL))


def _legend(low: str, high: str, title: str, *, top: float, left: float) -> list[dict[str, Any]]:
    scale = {"type": "quantitative", "scale": None, "axis": None}
    start = left + _wide(low) + 10
    squares = [{"x": start + 24 * i, "x2": start + 24 * i + 22, "fill": c} for i, c in enumerate(style.CLASSES)]
    words = [{"x": left, "text": low}, {"x": start + 24 * len(squares) + 6, "text": high}]
    if title:
        words.append({"x": start + 24 * len(squares) + 6 + _wide(high) + 16, "text": title})
    return [
        {
            "data": {"values": squares},
            "mark": {"type": "rect", "aria": False, "stroke": style.LINE, "strokeWidth": 1},
            "encoding": {
                "x": {"field": "x", **scale},
                "x2": {"field": "x2"},
                "y": {"value": top},
                "y2": {"value": top + 14},
                "fill": {"field": "fill", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"values": words},
            "mark": {
                "type": "text",
                "align": "left",
                "baseline": "middle",
                "fontSize": style.SMALL,
                "color": style.SOFT,
                "aria": False,
            },
            "encoding": {"x": {"field": "x", **scale}, "y": {"value": top + 7}, "text": {"field": "text"}},
        },
    ]
