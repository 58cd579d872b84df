"""Scores as linear inequalities in two goalposts: what `calibrate` solves for one transform and direction.

The unknowns are Z and F, the transformed values at score 0 and at the full score; see `calibrate` for the inequalities.
They are counted as distances from a first guess, in units that make half of the rounding 1, since the tolerance of a
linear program is absolute. Where less is better F is below Z.

    >>> rows = Rows.of(np.array([20.0, 50.0, 80.0]), np.array([10.0, 50.0, 90.0]), 0.05, 100.0)
    >>> System.of(rows, rows.values, np.array([True] * 3), "up").intervals().round(3).tolist()
    [[12.453, 12.547], [87.453, 87.547]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.evidence._elementary import exp, log
from concordat.observatory.linear_program import least
from concordat.observatory.panel import Array, Bools

_LN10 = 2.302585092994046
_EXCESS = 1e-6  # in units of half the rounding: what a linear program may leave


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is known of each row.

    Attributes:
        half: half the rounding.
        low, high: the score is cut at 0, or at the scale.
        outside: the score is beyond either, so that no goalposts give it if scores are cut.
    """

    values: Array
    scores: Array
    half: float
    scale: float
    low: Bools
    high: Bools
    outside: Bools
    numbers: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, v: Array, s: Array, half: float, scale: float, *, cut: bool = True,
        numbers: tuple[int, ...] = (), names: tuple[str, ...] = (),
    ) -> Rows:  # fmt: skip
        """With `cut` scores at 0 and at the scale stand for all beyond; without, every score is as computed."""
        outside = ((s < -half) | (s > scale + half)) & cut
        low, high = (s <= 0) & cut & ~outside, (s >= scale) & cut & ~outside
        known = numbers or tuple(range(1, len(v) + 1))
        return cls(v, s, half, scale, low, high, outside, known, names or ("",) * len(v))

    @property
    def inside(self) -> Bools:
        return np.asarray(~(self.low | self.high | self.outside))

    def take(self, which: Bools) -> Rows:
        at = np.flatnonzero(which).tolist()
        numbers, names = tuple(self.numbers[i] for i in at), tuple(self.names[i] for i in at)
        arrays = (
            self.values[at],
            self.scores[at],
            self.half,
            self.scale,
            self.low[at],
            self.high[at],
            self.outside[at],
        )
        return Rows(*arrays, numbers, names)


def transformed(v: Array, transform: str) -> Array:
    """g(v); minus infinity where a logarithm has no value."""
    if transform == "none":
        return v
    shifted = v + 1 if transform == "ln1p" else v
    found = np.where(shifted > 0, log(np.where(shifted > 0, shifted, 1.0)), -np.inf)
    return found / _LN10 if transform == "log10" else found


def back(g: float, transform: str) -> float:
    if transform == "none":
        return g
    value = float(exp(np.array(g * _LN10 if transform == "log10" else g)))
    return value - 1 if transform == "ln1p" else value


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """`matrix @ (z, f) <= bound` with z, f the unknowns as distances from a line through two rows, so that half of the
    rounding is 1 in each inequality.
    """

    matrix: Array
    bound: Array
    owner: Array
    start: Array
    unit: float
    sign: float

    @classmethod
    def of(cls, rows: Rows, g: Array, finite: Bools, direction: str) -> System:
        number = np.cumsum(finite) - 1
        sign = 1.0 if direction == "up" else -1.0
        start = _line(rows, g, sign)
        unit = abs(start[1] - start[0]) * rows.half / rows.scale
        matrix, bound, owner = [], [], []
        for lower in (True, False):
            # Lower: the score's lower edge is not above the true score. A score cut at 0 has no lower edge.
            used = np.flatnonzero(finite & ~(rows.low if lower else rows.high))
            share = (rows.scores[used] + (-rows.half if lower else rows.half)) / rows.scale
            side = sign if lower else -sign
            matrix.append(side * np.column_stack([1 - share, share]))
            bound.append(side * (g[used] - start[0] - (start[1] - start[0]) * share) / unit)
            owner.append(number[used])
        matrix.append(sign * np.array([[1.0, -1.0]]))  # full above zero, or below
        bound.append(np.array([sign * (start[1] - start[0]) / unit * (1 - 1e-9)]))
        stacked = np.concatenate([*owner, np.array([-1])])
        return cls(np.vstack(matrix), np.concatenate(bound), stacked, start, unit, sign)

    def excess(self) -> Array:
        """By how much each row is violated, in halves of the rounding, when their sum is least."""
        n = int(self.owner.max()) + 1
        slack = np.zeros((len(self.owner), n))
        own = np.flatnonzero(self.owner >= 0)
        slack[own, self.owner[own]] = -1.0
        cost = np.concatenate([np.zeros(2), np.ones(n)])
        found = least(cost, np.hstack([self.matrix, slack]), self.bound, free=2)
        if found is None:
            return np.full(n, np.inf)
        left = np.maximum(found[2:], 0.0)
        return np.where(left > _EXCESS, left, 0.0)

    def possible(self) -> bool:
        """Whether any goalposts satisfy all rows."""
        return least(np.zeros(2), self.matrix, self.bound + _EXCESS, free=2) is not None

    def intervals(self, fixed: tuple[float | None, float | None] = (None, None)) -> Array | None:
        """Lowest and highest Z and F `[2, 2]`, one of them held where given; None where nothing is possible."""
        equal = [(i, (value - self.start[i]) / self.unit) for i, value in enumerate(fixed) if value is not None]
        ends = np.zeros((2, 2))
        for i in range(2):
            for side, sign in enumerate((1.0, -1.0)):
                cost = np.zeros(2)
                cost[i] = sign
                found = least(cost, self.matrix, self.bound + _EXCESS, free=2, equal=equal)
                if found is None:
                    return None
                ends[i, side] = self.start[i] + self.unit * found[i]
        return ends


def _line(rows: Rows, g: Array, sign: float) -> Array:
    """Z and F by the line through the middle of the lower and of the upper half of rows inside: a start, no more."""
    inside = np.flatnonzero(rows.inside)
    order = inside[np.argsort(rows.scores[inside], kind="stable")]
    low, high = order[: (len(order) + 1) // 2], order[len(order) // 2 :]
    s = [float(np.median(rows.scores[part])) for part in (low, high)]
    y = [float(np.median(g[part])) for part in (low, high)]
    slope = (y[1] - y[0]) / (s[1] - s[0]) if s[1] > s[0] else 0.0
    spread = float(g[inside].max() - g[inside].min())
    if sign * slope * rows.scale < 1e-3 * spread:
        slope = sign * spread / rows.scale  # the wrong direction, or too flat to start from
    zero = float(np.median(g[inside] - slope * rows.scores[inside]))
    return np.array([zero, zero + slope * rows.scale])
