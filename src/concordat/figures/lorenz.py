"""How unevenly is something spread over people? Lorenz curves: the share that the poorest q % of people have.

Up to three curves (three years, or weighted and unweighted) in one square, with the diagonal on which all have the
same. Curves differ in dash as well as in colour. Under the diagonal lies the curve, above it is room: there stand the
names, with the Gini index or whatever number goes with a curve. Lorenz (1905).

A curve of very many points is drawn by those at least half a pixel apart; at its corners it is exact.

    >>> curve = LorenzCurve("2023", (0, 50, 100), (0, 20, 100), "0.300")
    >>> spec = lorenz_curves([curve], x_title="% of people", y_title="% of users", diagonal="all alike")
    >>> spec["width"] == spec["height"]
    True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures.numbers import number_text

SIDE = 380
LEFT = 58
TICKS = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
LOOKS = ((style.ACCENT, 2.4), (style.WARM, 2.0), (style.INK, 1.6))
CURVES_MAX = len(LOOKS)
APART = 0.5 * 100 / SIDE  # half a pixel


@dataclass(frozen=True, slots=True)
class LorenzCurve:
    """One curve.

    Attributes:
        label: the year, or how it is weighted.
        people: cumulated shares of people in percent, rising from 0 to 100.
        having: cumulated shares of what they have, in percent, from 0 to 100.
        text: a number that goes with it (its Gini index) as printed, or empty.
        id, part: the record that the text prints, and which part of it.
    """

    label: str
    people: tuple[float, ...]
    having: tuple[float, ...]
    text: str = ""
    id: str = ""
    part: str = "value"


def lorenz_curves(
    curves: Sequence[LorenzCurve],
    *,
    x_title: str,
    y_title: str,
    diagonal: str,
    number_title: str = "",
    language: str = "en",
) -> dict[str, Any]:
    """Lorenz curves as a Vega-Lite specification.

    Args:
        curves: one to three.
        x_title, y_title: what the axes count, such as "% of people, poorest first" and "% of users".
        diagonal: what the diagonal means.
        number_title: what the numbers beside the names are, such as "Gini index".
    """
    assert 1 <= len(curves) <= CURVES_MAX, f"{len(curves)} curves: one to {CURVES_MAX} can be told apart"
    for curve in curves:
        _check(curve)
    domain = (0.0, 100.0)
    x, y = layout.on("people", domain), layout.on("having", (0.0, 100.0))
    words = {t: number_text(t, "percent", language, style="cell") for t in TICKS}
    layers = [*layout.grid(words, domain, SIDE), *_levels(words)]
    ends = [{"people": 0, "having": 0}, {"people": 100, "having": 100}]
    layers.append(_line(ends, x, y, style.SOFT, 1.2, layout.DASHES[0]))
    for curve, (color, strength), dash in zip(curves, LOOKS, layout.DASHES, strict=False):
        layers.append(_line(_thinned(curve), x, y, color, strength, dash))
    layers += _names(curves, diagonal, number_title)
    below = layout.wrapped(x_title, SIDE, style.SMALL)
    above = layout.wrapped(y_title, layout.WIDTH - 8, style.SMALL)
    backwards = layout.from_right([x_title])
    layers.append(_title(below, 0 if backwards else SIDE, SIDE + 35, "left" if backwards else "right"))
    layers.append(_title(above, -LEFT, -16 - layout.LINE * (len(above) - 1), "left"))
    top, bottom = 12 + layout.LINE * len(above), 32 + layout.LINE * len(below)
    return layout.picture(layers, width=SIDE, height=SIDE, left=LEFT, top=top, bottom=bottom)


def _check(curve: LorenzCurve) -> None:
    assert len(curve.people) == len(curve.having) >= 2, f"{curve.label}: a share for each point"
    assert curve.people[0] == curve.having[0] == 0, f"{curve.label}: a Lorenz curve begins at 0"
    assert abs(curve.people[-1] - 100) < 1e-6 > abs(curve.having[-1] - 100), f"{curve.label}: it ends at 100 %"
    assert all(a <= b for a, b in pairwise(curve.people)), f"{curve.label}: people are cumulated"


def _thinned(curve: LorenzCurve) -> list[layout.Datum]:
    """The points that can be seen apart, always with the ends."""
    points = list(zip(curve.people, curve.having, strict=True))
    kept = [points[0]]
    for point in points[1:-1]:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= APART:
            kept.append(point)
    return [{"people": p, "having": h} for p, h in (*kept, points[-1])]


def _line(
    points: Sequence[layout.Datum], x: layout.Datum, y: layout.Datum, color: str, width: float, dash: Sequence[int]
) -> layout.Layer:
    look = {"type": "line", "color": color, "strokeWidth": width, "strokeDash": list(dash), "aria": False}
    return {
        "data": {"values": list(points)},
        "mark": {**look, "strokeJoin": "round"},
        "encoding": {"x": x, "y": y, "order": {"field": "people", "type": "quantitative"}},
    }


def _levels(words: dict[float, str]) -> list[layout.Layer]:
    """Level lines with their words at the left."""
    at = {t: round(SIDE * (1 - t / 100), 2) for t in words}
    lines = [{"x": 0, "x2": SIDE, "y": y, "y2": y} for y in at.values()]
    texts = [{"x": -8, "y": at[t], "text": word} for t, word in words.items()]
    return [
        layout.rules(lines, color=style.LINE),
        layout.texts(texts, align="right", size=style.SMALL, color=style.SOFT),
    ]


def _title(lines: Sequence[str], x: float, y: float, align: layout.Align) -> layout.Layer:
    """Words of an axis, from their first line down."""
    values = [{"x": x, "y": y + layout.LINE * i, "text": line} for i, line in enumerate(lines)]
    return layout.texts(values, align=align, size=style.SMALL, color=style.SOFT)


def _names(curves: Sequence[LorenzCurve], diagonal: str, number_title: str) -> list[layout.Layer]:
    """In the corner above the diagonal: a sign, the number, the name; a line shorter the farther down."""
    rows = [(c.label, c.text, style.mark(c.id, c.part)) for c in curves]
    signs = [*LOOKS[: len(curves)], (style.SOFT, 1.2)]
    dashes = [*layout.DASHES[: len(curves)], layout.DASHES[0]]
    number = max([0.0, *(layout.room(text) + 10 for _, text, _ in rows if text)])
    layers: list[layout.Layer] = []
    printed: list[layout.Datum] = []
    words: list[layout.Datum] = []
    y = 16.0
    if number_title and number:
        words.append({"x": 44, "y": y, "text": number_title, "ink": style.SOFT})
        y += layout.LINE
    for (label, text, mark), (color, strength), dash in zip([*rows, (diagonal, "", "")], signs, dashes, strict=True):
        start = 44 + (number if label is not diagonal else 0)
        lines = layout.wrapped(label, SIDE - y - start - 14, style.SMALL)
        sign = [{"x": 10, "x2": 36, "y": y, "y2": y}]
        layers.append(layout.rules(sign, color=color, strokeWidth=strength, strokeDash=list(dash)))
        if text:
            printed.append({"x": 44, "y": y, "text": text, "mark": mark})
        words += [
            {"x": start, "y": y + layout.LINE * i, "text": line, "ink": style.INK} for i, line in enumerate(lines)
        ]
        y += layout.LINE * len(lines) + 3
    bold = layout.texts(printed, bold=True, size=style.SMALL)
    return [*layers, bold, layout.texts(words, size=style.SMALL)]
