"""What moved between two releases: each member's figure then and now, joined by a line.

Two upright lines stand for the two releases; a member's dots stand at its figures on one common scale, with pale bars
for the intervals that rounding, censoring and conflicting sources leave. A line is strong where the two intervals lie
apart, so that the evidence says the figure moved, and dashed and grey where they overlap. A member with a figure on one
side alone has a dot and no line; one known only as an interval has its bar. Words beside the lines are moved apart as
little as it takes and tied to their dots. Each printed number carries the id of its record. The form is Tufte's
slopegraph (1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures.dots import round_ticks

WIDTH = 496
SIDE = 192  # names and numbers on each side
NUMBER = 74  # of it
TIE = 12  # from a dot to its number
GAP = 17
HEAD = 26
HEIGHT_MIN = 150


@dataclass(frozen=True, slots=True)
class End:
    """A member's figure at one release.

    Attributes:
        value: the number, or None when only an interval is known.
        lower, upper: the evidence interval.
        text: the number as printed (from `figures.numbers`).
        id, part: the record of the number, and which part of it is printed.
    """

    value: float | None
    lower: float
    upper: float
    text: str
    id: str = ""
    part: str = "value"

    @property
    def middle(self) -> float:
        """Where the words stand."""
        return self.value if self.value is not None else (self.lower + self.upper) / 2


@dataclass(frozen=True, slots=True)
class SlopeRow:
    """One member: its figure before and after; None where it had none."""

    label: str
    before: End | None
    after: End | None

    @property
    def apart(self) -> bool:
        """Whether the two intervals have no figure in common."""
        if self.before is None or self.after is None:
            return False
        return self.before.upper < self.after.lower or self.after.upper < self.before.lower


def slope_chart(
    rows: Sequence[SlopeRow], *, before: str, after: str, bounds: tuple[float, float] | None = None
) -> dict[str, Any]:
    """A slope chart as a Vega-Lite specification.

    Args:
        rows: members, in any order; at least one has a figure.
        before, after: what is written above the two lines.
        bounds: the scale; by default round numbers around all figures.
    """
    ends = [e for row in rows for e in (row.before, row.after) if e is not None]
    assert ends, "a slope chart needs a figure"
    low = min(min(e.lower, e.middle) for e in ends)
    high = max(max(e.upper, e.middle) for e in ends)
    ticks = round_ticks(*(bounds or (low, high if high > low else low + max(1.0, abs(low)))))
    sides = [sum(r.before is not None for r in rows), sum(r.after is not None for r in rows)]
    height = max(HEIGHT_MIN, round(1.3 * GAP * max(sides)))
    plot = WIDTH - 2 * SIDE

    def place(value: float) -> float:
        return round(height * (ticks[-1] - value) / (ticks[-1] - ticks[0]), 2)

    y = {"type": "quantitative", "scale": {"domain": [height, 0], "nice": False, "zero": False}, "axis": None}
    layers: list[dict[str, Any]] = [_uprights(plot, height, y), _heads(plot, before, after)]
    layers.append(_lines(rows, plot, y, place))
    for right in (False, True):
        layers += _side(rows, right, plot, height, y, place)
    return style.chart(
        {"layer": layers},
        width=plot,
        height=height,
        padding={"left": SIDE, "right": SIDE, "top": HEAD, "bottom": 12},
    )


def _uprights(plot: int, height: int, y: dict[str, Any]) -> dict[str, Any]:
    values = [{"x": x, "top": 0, "bottom": height} for x in (0, plot)]
    look = {"type": "rule", "color": style.LINE, "strokeWidth": 1.5, "aria": False}
    return {
        "data": {"values": values},
        "mark": look,
        "encoding": {"x": _x(plot), "y": {"field": "top", **y}, "y2": {"field": "bottom"}},
    }


def _x(plot: int, field: str = "x") -> dict[str, Any]:
    scale = {"domain": [0, plot], "nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": None}


def _heads(plot: int, before: str, after: str) -> dict[str, Any]:
    texts = [{"x": 0, "text": style.fit(before, SIDE + plot / 2)}, {"x": plot, "text": style.fit(after, SIDE)}]
    look = {"type": "text", "fontSize": style.SMALL, "fontWeight": 600, "color": style.SOFT, "baseline": "bottom"}
    return {
        "data": {"values": texts},
        "mark": {**look, "aria": False},
        "encoding": {"x": _x(plot), "y": {"value": -10}, "text": {"field": "text"}},
    }


def _lines(rows: Sequence[SlopeRow], plot: int, y: dict[str, Any], place: Any) -> dict[str, Any]:
    """A line for each member with a value on both sides; weak ones below strong ones."""
    values = [
        {"a": place(r.before.value), "b": place(r.after.value), "x": 0, "x2": plot, "apart": r.apart}
        for r in sorted(rows, key=lambda r: r.apart)
        if r.before is not None and r.after is not None and r.before.value is not None and r.after.value is not None
    ]

    def look(strong: Any, weak: Any) -> dict[str, Any]:
        return {"condition": {"test": "datum.apart", "value": strong}, "value": weak}

    return {
        "data": {"values": values},
        "mark": {"type": "rule", "aria": False},
        "encoding": {
            "x": _x(plot),
            "x2": {"field": "x2"},
            "y": {"field": "a", **y},
            "y2": {"field": "b"},
            "color": look(style.ACCENT, style.SOFT),
            "strokeWidth": look(2, 1),
            "strokeDash": look([1, 0], [3, 3]),
        },
    }


def _side(
    rows: Sequence[SlopeRow], right: bool, plot: int, height: int, y: dict[str, Any], place: Any
) -> list[dict[str, Any]]:
    """Bars, dots, ties, numbers and names of one release."""
    ends = [(r.label, e) for r in rows for e in ((r.after if right else r.before),) if e is not None]
    if not ends:
        return []
    words = layout.spread([place(e.middle) for _, e in ends], [GAP] * len(ends), -GAP / 2, height + GAP / 2)
    values = [
        {
            "label": style.fit(label, SIDE - NUMBER - 4),
            "text": e.text,
            "mark": style.mark(e.id, e.part),
            "y": place(e.middle),
            "words": round(at, 2),
            "low": place(e.lower),
            "high": place(e.upper),
            "dot": e.value is not None,
        }
        for (label, e), at in zip(ends, words, strict=True)
    ]
    data = {"data": {"values": values}}
    at = plot if right else 0
    out = 1 if right else -1
    align = "left" if right else "right"
    bar = {"type": "rule", "strokeWidth": 5, "color": style.BAND, "strokeCap": "round", "aria": False}
    tie = {"type": "rule", "strokeWidth": 0.8, "color": style.SOFT, "aria": False}
    dot = {"type": "point", "filled": True, "size": 46, "opacity": 1, "color": style.ACCENT}
    number = style.text_layer(
        "text", {"field": "words", **y}, x=at + out * (TIE + 4), align=align, description="mark", bold=True
    )
    name = style.text_layer("label", {"field": "words", **y}, x=at + out * NUMBER, align=align)
    return [
        {
            **data,
            "mark": bar,
            "encoding": {"x": {"value": at}, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            **data,
            "mark": tie,
            "encoding": {
                "x": {"value": at + out * 5},
                "x2": {"value": at + out * (TIE + 1)},
                "y": {"field": "y", **y},
                "y2": {"field": "words"},
            },
        },
        {
            **data,
            "transform": [{"filter": "datum.dot"}],
            "mark": dot,
            "encoding": {"x": {"value": at}, "y": {"field": "y", **y}, "description": {"field": "mark"}},
        },
        {**data, **number},
        {**data, **name},
    ]
