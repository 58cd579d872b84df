"""Where each member stands on one figure, and how sure we are: a dot with its evidence interval.

Rows are in the order given (sort them by value). A pale bar spans the interval that rounding, censoring and conflicting
sources leave; a censored value has no dot, only its bar. Vertical rules mark averages (the bloc, the world). Each
printed number carries the id of its record (see `figures.render`). Position on a common scale is what people read most
exactly (Cleveland and McGill 1984).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _style as style
from concordat.figures.numbers import number_text

WIDTH = 496
LABEL, LABEL_MAX = 166, 216  # names of members; long ones take room from the plot
NUMBERS = 76
ROW = 25
HEAD = 24
OUTLINE = {"stroke": style.ACCENT, "strokeWidth": 1.8}


@dataclass(frozen=True, slots=True)
class DotRow:
    """One member: its number, the interval it lies in, and what is printed beside.

    Attributes:
        label: the member's name.
        value: the number, or None when only the interval is known or nothing at all.
        lower, upper: the evidence interval, or None.
        text: the number as printed (from `figures.numbers`), or why there is none.
        id: the record of the number, empty where there is none.
        part: which part of the record `text` prints.
        kind: `member`, or `invited` (an open dot).
    """

    label: str
    value: float | None
    lower: float | None
    upper: float | None
    text: str
    id: str = ""
    part: str = "value"
    kind: str = "member"


@dataclass(frozen=True, slots=True)
class Rule:
    """A vertical line: an average of the bloc, or of the world."""

    label: str
    value: float
    text: str
    id: str
    part: str = "value"


def dot_plot(
    rows: Sequence[DotRow],
    *,
    unit: str,
    rules: Sequence[Rule] = (),
    language: str = "en",
    bounds: tuple[float, float] | None = None,
    stamp: str = "",
) -> dict[str, Any]:
    """An interval dot plot as a Vega-Lite specification.

    Args:
        rows: members from top to bottom.
        unit: unit of the axis.
        rules: at most two averages; the first is drawn strong.
        bounds: the axis; by default 0 (or less) to the next round number above the largest value.
        stamp: a word above the plot that says what to beware of in all of it.
    """
    assert len(rules) <= 2
    numbers = [n for r in rows for n in (r.value, r.lower, r.upper) if n is not None] + [r.value for r in rules]
    ticks = round_ticks(min([0.0, *numbers]), max([1e-9, *numbers])) if bounds is None else round_ticks(*bounds)
    domain = [ticks[0], ticks[-1]]
    label = min(LABEL_MAX, max(LABEL, *(math.ceil(style.width_of(row.label)) + 8 for row in rows), 0))
    plot = WIDTH - label - NUMBERS
    height = ROW * len(rows)
    data = [_datum(row, index, label) for index, row in enumerate(rows)]
    from_right = any(style.right_to_left(row.label) for row in rows)
    x = {"type": "quantitative", "scale": {"domain": domain, "nice": False, "zero": False}}
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [len(rows), 0], "nice": False}, "axis": None}
    tick_words = {str(style.plain(t)): number_text(t, unit, language, style="cell") for t in ticks}
    axis = {
        "values": ticks,
        "labelExpr": f"{style.expression(tick_words)}[datum.value]",
        "title": None,
        "grid": True,
        "gridColor": style.LINE,
        "ticks": False,
        "domain": False,
        "labelColor": style.SOFT,
        "labelFontSize": style.SMALL,
        "labelPadding": 6,
        "orient": "bottom",
        "labelOverlap": False,
        "labelFlush": False,
    }
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "isValid(datum.lower)"}],
            "mark": {"type": "rule", "strokeWidth": 5, "color": style.BAND, "strokeCap": "round", "aria": False},
            "encoding": {"x": {"field": "lower", **x, "axis": axis}, "x2": {"field": "upper"}, "y": y},
        },
        *_rules(rules, x, domain, height, label),
        {
            "transform": [{"filter": "isValid(datum.value)"}],
            "mark": {
                "type": "point",
                "filled": True,
                "size": 95,
                "opacity": 1,
                "stroke": style.ACCENT,
                "strokeWidth": 1.8,
            },
            "encoding": {
                "x": {"field": "value", **x, "axis": axis},
                "y": y,
                "fill": {
                    "condition": {"test": "datum.kind === 'invited'", "value": "#ffffff"},
                    "value": style.ACCENT,
                },
                "description": {"field": "mark"},
            },
        },
        style.text_layer("label", y, x=-8 if from_right else -label, align="right" if from_right else "left"),
        style.text_layer("text", y, x=plot + NUMBERS, align="right", description="mark", bold=True),
    ]
    if stamp:
        mark = {"type": "text", "text": stamp, "x": plot + NUMBERS, "y": -12, "align": "right", "fontSize": style.SMALL}
        layers.append({"data": {"values": [{}]}, "mark": {**mark, "color": style.WARM, "fontWeight": "bold"}})
    return style.chart(
        {"data": {"values": data}, "layer": layers},
        width=plot,
        height=height,
        padding={"left": label, "right": NUMBERS, "top": HEAD if rules or stamp else 8, "bottom": 24},
    )


def _datum(row: DotRow, index: int, label: int) -> dict[str, Any]:
    datum: dict[str, Any] = {
        "label": style.fit(row.label, label - 8),
        "text": row.text,
        "kind": row.kind,
        "y": index + 0.5,
    }
    if row.value is not None:
        datum["value"] = row.value
    if row.lower is not None and row.upper is not None:
        datum |= {"lower": row.lower, "upper": row.upper}
    datum["mark"] = style.mark(row.id, row.part)
    return datum


def _rules(
    rules: Sequence[Rule], x: dict[str, Any], domain: list[float], height: int, label: int
) -> list[dict[str, Any]]:
    """The averages: a line each; its words stand above it, on the side away from the other line."""
    plot = WIDTH - label - NUMBERS
    widest = max((rule.value for rule in rules), default=0.0)
    layers = []
    for index, rule in enumerate(rules):
        color, dash = (style.WARM, [1, 0]) if index == 0 else (style.SOFT, [3, 3])
        words = f"{rule.label} {rule.text}"
        place = plot * (rule.value - domain[0]) / (domain[1] - domain[0])
        need = max(7.8 * len(words), 1.1 * style.width_of(words, style.SMALL))
        rightwards = rule.value == widest if len(rules) > 1 else place < plot / 2
        if rightwards and place + need > plot + NUMBERS:
            rightwards, place = False, plot + NUMBERS
        elif not rightwards and place - need < -label:
            rightwards, place = True, -label
        data = {"data": {"values": [{"v": rule.value, "mark": style.mark(rule.id, rule.part)}]}}
        line = {"type": "rule", "color": color, "strokeWidth": 1.5, "strokeDash": dash, "aria": False}
        encoding = {"x": {"field": "v", **x}, "y": {"value": -14}, "y2": {"value": height}}
        layers.append({**data, "mark": line, "encoding": encoding})
        text = {"type": "text", "text": words, "align": "left" if rightwards else "right", "baseline": "bottom"}
        look = {"color": color, "fontSize": style.SMALL, "fontWeight": 600}
        at = {"x": {"value": round(place, 1) + (4 if rightwards else -4)}, "y": {"value": -3}}
        layers.append({**data, "mark": {**text, **look}, "encoding": {**at, "description": {"field": "mark"}}})
    return layers


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round positions from at or below `low` to at or above `high`, in steps of 1, 2 or 5 times a power of ten."""
    assert high > low
    raw = (high - low) / count
    power = math.floor(math.log10(raw))
    step = next(m * 10.0**power for m in (1, 2, 5, 10) if m * 10.0**power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
