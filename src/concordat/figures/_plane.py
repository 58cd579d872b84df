"""Where do a year and a value stand? Pixels of a plot over years, its level lines and its axis of years.

Years stand at their true distance, a single one in the middle; higher is more.

    >>> plane = Plane(2013, 2023, 0.0, 50.0, plot=200, height=100)
    >>> plane.x(2018), plane.y(40.0)
    (100.0, 20.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from concordat.figures import _layout as layout
from concordat.figures import _style as style

YEAR = 36  # pixels that a year on the axis wants
EVERY = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Plane:
    """A plot: its first and last year, the ends of its scale, its pixels."""

    first: int
    last: int
    low: float
    high: float
    plot: float
    height: float

    def x(self, year: int) -> float:
        """From the left side."""
        if self.first == self.last:
            return self.plot / 2
        return round(self.plot * (year - self.first) / (self.last - self.first), 2)

    def y(self, value: float) -> float:
        """From the top; what lies outside of the scale stands at its end."""
        within = min(self.high, max(self.low, value))
        return round(self.height * (self.high - within) / (self.high - self.low), 2)

    def levels(self, ticks: Sequence[float], words: Sequence[str]) -> list[layout.Layer]:
        """Level lines with their words at the left."""
        at = [self.y(tick) for tick in ticks]
        texts = [{"x": -8, "y": y, "text": word} for y, word in zip(at, words, strict=True)]
        return [
            layout.rules([{"x": 0, "x2": self.plot, "y": y, "y2": y} for y in at], color=style.LINE),
            layout.texts(texts, align="right", size=style.SMALL, color=style.SOFT),
        ]

    def years(self) -> layout.Layer:
        """The years of the axis, counted back from the last, as many as there is room for."""
        step = self.plot / max(1, self.last - self.first)
        every = next(n for n in EVERY if n * step >= YEAR)
        values = [
            {"x": self.x(year), "y": self.height + 8, "text": str(year)}
            for year in range(self.last, self.first - 1, -every)
        ]
        return layout.texts(values, align="center", baseline="top", size=style.SMALL, color=style.SOFT)
