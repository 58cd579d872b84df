"""Which place does each unit take, and how sure is it? A bar from the 5 % to the 95 % rank, over plateaus.

Rows are sorted by median rank; rank 1, the best, is at the left. The pale bar spans the ranks that a unit takes in
nine of ten runs of the index, the dot is its rank in the index as stated, the upright tick its median rank. Units of a
plateau can't be told apart; plateaus are bands behind the rows with their letter at the edge, so that the plateau is
read before the place. The interval at the right is the one printed number of a row and carries its record.

It shows the assumptions that were varied, not every error (`observatory.ranks`). It does not compute anything: places
and plateaus come from there.

    >>> spec = rank_intervals([RankRow("India", 2, 2, 1, 3, "1–3", plateau="A")], units=3)
    >>> spec["height"]
    25
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style

NUMBERS = 62
LETTER = 22
STEPS = (1, 2, 5, 10, 20, 50, 100)
TICK_MIN = 18  # pixels between two ticks


@dataclass(frozen=True, slots=True)
class RankRow:
    """One unit.

    Attributes:
        label: its name.
        nominal: its rank in the index as stated, or None.
        median: its median rank, or None when it is never ranked.
        low, high: its 5 % and 95 % rank, or None.
        text: the interval as printed, or why there is none.
        plateau: its letter, empty for none.
        id, part: the record that `text` prints, and which part of it (an interval is named by its lower end).
    """

    label: str
    nominal: float | None
    median: float | None
    low: float | None
    high: float | None
    text: str
    plateau: str = ""
    id: str = ""
    part: str = "value"


@dataclass(frozen=True, slots=True)
class RankWords:
    """What the signs mean, in the language of the report."""

    bar: str
    dot: str
    tick: str
    plateau: str = ""


def rank_intervals(
    rows: Sequence[RankRow], *, units: int | None = None, words: RankWords | None = None
) -> dict[str, Any]:
    """Rank intervals as a Vega-Lite specification.

    Args:
        rows: in any order; ties of the median go by plateau, then as given.
        units: how many are ranked, the right end of the axis; by default the worst rank that a row has.
        words: the legend; none without.
    """
    rows = sorted(rows, key=_order)
    ranks = [r for row in rows for r in (row.nominal, row.median, row.low, row.high) if r is not None]
    last = max([1, *([units] if units else []), *(int(-(-r // 1)) for r in ranks)])
    column = layout.names([row.label for row in rows])
    lettered = any(row.plateau for row in rows)
    left = column.width + (LETTER if lettered else 0)
    numbers = max([NUMBERS, *(round(layout.room(row.text)) + 14 for row in rows if row.id)])
    plot = layout.WIDTH - left - numbers
    reasons = [() if _placed(row) else layout.wrapped(row.text, plot + numbers - 12, style.SMALL) for row in rows]
    tops = [0]
    for index, lines in enumerate(reasons):
        tops.append(tops[-1] + max(column.height(index), layout.LINE * len(lines) + 8))
    middles = [(a + b) / 2 for a, b in pairwise(tops)]
    domain = (0.5, last + 0.5)
    ticks = {float(t): str(t) for t in _ticks(last, plot)}
    layers = _plateaus(rows, tops, left=-left, right=plot + numbers, letter=-left + 4)
    layers += layout.grid(ticks, domain, tops[-1])
    layers += _signs(rows, middles, domain)
    layers.append(layout.name_layer(column, middles, left=-column.width, right=-8))
    layers += [_intervals(rows, middles, plot + numbers - 4)]
    layers += [layout.reason_layer(reasons, middles, left=8, right=plot + numbers - 4)]
    foot = 26
    if words is not None:
        found, deep = layout.legend(_keys(words), left=-left, top=tops[-1] + foot + 6)
        layers, foot = layers + found, foot + 6 + deep
    return layout.picture(layers, width=plot, height=tops[-1], left=left, top=6, bottom=foot)


def _placed(row: RankRow) -> bool:
    return row.median is not None or bool(row.id)


def _order(row: RankRow) -> tuple[bool, float, int, str]:
    """Never ranked units last; the letters after Z have two."""
    return (row.median is None, row.median or 0.0, len(row.plateau), row.plateau)


def _ticks(last: int, plot: float) -> list[int]:
    """1 and round ranks, as many as there is room for."""
    step = next((s for s in STEPS if plot / last * s >= TICK_MIN), STEPS[-1])
    return list(range(1, last + 1, step)) if step <= 2 else [1, *range(step, last + 1, step)]


def _plateaus(
    rows: Sequence[RankRow], tops: Sequence[float], *, left: float, right: float, letter: float
) -> list[layout.Layer]:
    """Every other plateau is tinted; the letter stands in the first row of its band."""
    bands: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    start, shade = 0, True
    for index in range(1, len(rows) + 1):
        if index < len(rows) and rows[index].plateau == rows[start].plateau:
            continue
        if rows[start].plateau:
            middle = (tops[start] + tops[start + 1]) / 2
            letters.append({"x": letter, "y": middle, "text": rows[start].plateau})
            if shade:
                bands.append({"x": left, "x2": right, "y": tops[start], "y2": tops[index], "fill": "#eef0f1"})
            shade = not shade
        start = index
    return [layout.boxes(bands), layout.texts(letters, bold=True, color=style.SOFT)]


def _signs(rows: Sequence[RankRow], middles: Sequence[float], domain: tuple[float, float]) -> list[layout.Layer]:
    """Bars, then ticks, then dots, so that none hides another."""
    bars, ticks, dots = [], [], []
    for row, y in zip(rows, middles, strict=True):
        at = {"unit": row.label, "y": y}
        if row.low is not None and row.high is not None:
            bars.append({**at, "low": row.low, "high": row.high, "y2": y})
        if row.median is not None:
            ticks.append({"unit": row.label, "median": row.median, "same": row.median, "y": y - 9, "y2": y + 9})
        if row.nominal is not None:
            dots.append({**at, "nominal": row.nominal})
    bar = layout.rules(bars, x=layout.on("low", domain), color=style.BAND, strokeWidth=8, strokeCap="round")
    bar["encoding"]["x2"] = {"field": "high"}
    tick = layout.rules(ticks, x=layout.on("median", domain), color=style.INK, strokeWidth=2)
    tick["encoding"]["x2"] = {"field": "same"}
    return [bar, tick, layout.dots(dots, x=layout.on("nominal", domain), size=70)]


def _intervals(rows: Sequence[RankRow], middles: Sequence[float], x: float) -> layout.Layer:
    values = [
        {"x": x, "y": y, "text": row.text, "mark": style.mark(row.id, row.part)}
        for row, y in zip(rows, middles, strict=True)
        if _placed(row)
    ]
    return layout.texts(values, align="right", bold=True)


def _keys(words: RankWords) -> list[layout.Key]:
    keys = [
        layout.Key(words.dot, "dot"),
        layout.Key(words.tick, "tick", style.INK),
        layout.Key(words.bar, "bar", style.BAND),
    ]
    return [*keys, layout.Key(words.plateau, "square", "#eef0f1")] if words.plateau else keys
