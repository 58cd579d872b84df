"""The measures of many weightings of one sorted list at once: a row for each weighting (each redrawn sample).

`W` are weights [sample, value] over ascending values. Two cumulative sums along the rows give ranks, Lorenz ordinates,
Gini and Hoover; one matrix product with powers and logarithms of the values gives mean, Theil, GE(2) and Atkinson. The
formulas are those of `_scores`; a measure that a sample does not allow is NaN.

    >>> y = np.array([1.0, 3.0])
    >>> batch(powers(y), np.array([[1.0, 1.0], [3.0, 1.0]]), ("mean", "gini"), None).tolist()
    [[2.0, 0.25], [1.5, 0.25]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from concordat.evidence._elementary import exp, log
from concordat.evidence.kernels import Array
from concordat.observatory.divide._sample import Bounds

_SLACK = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """Ascending values, over their own mean where that is above zero, and what power sums need of them."""

    unit: float
    r: Array
    table: Array


def powers(y: Array) -> Powers:
    """Columns 1, r, r^2, sqrt r, 1(r > 0), ln r, r ln r; the last four are of values above zero."""
    mean = float(y.mean())
    unit = mean if mean > 0 else 1.0
    r = y / unit
    there = r > 0
    safe = np.where(there, r, 1.0)
    ln = log(safe)
    columns = (np.ones_like(r), r, r * r, np.sqrt(safe) * there, there.astype(np.float64), ln, r * ln * there)
    return Powers(unit, r, np.column_stack(columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """One block of samples: weights, what they add up to, and what measures share, made when first asked for."""

    v: Powers
    w: Array
    sums: Array
    bounds: Bounds | None
    made: dict[str, Array] = field(default_factory=dict)

    def shared(self, name: str, make: Callable[[], Array]) -> Array:
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    @property
    def n(self) -> Array:
        return self.sums[:, 0]

    @property
    def mean(self) -> Array:
        return self.sums[:, 1] / self.sums[:, 0]

    @property
    def held(self) -> Array:
        return self.shared("held", lambda: self.w * self.v.r)

    @property
    def cum(self) -> Array:
        return self.shared("cum", lambda: np.cumsum(self.w, axis=1))

    @property
    def cum_held(self) -> Array:
        return self.shared("cum_held", lambda: np.cumsum(self.held, axis=1))

    def place(self, q: float) -> Array:
        """Of each sample, the first value whose cumulative share reaches q."""

        def make() -> Array:
            level = (q - _SLACK) * self.cum[:, -1]
            return np.asarray((self.cum < level[:, None]).sum(axis=1))

        return self.shared(f"place {q}", make)

    def quantile(self, q: float) -> Array:
        return np.asarray(self.v.r[self.place(q)])

    def lorenz(self, q: float) -> Array:
        rows, i = np.arange(self.w.shape[0]), self.place(q)
        over = self.cum[rows, i] - q * self.cum[:, -1]
        return np.asarray((self.cum_held[rows, i] - over * self.v.r[i]) / self.cum_held[:, -1])


def batch(v: Powers, w: Array, names: Sequence[str], bounds: Bounds | None) -> Array:
    """The measures [sample, measure] of each row of weights."""
    block = _Block(v, w, w @ v.table, bounds)
    # A sample can lack what a measure divides by; its cell is then NaN or infinite, and is made NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack([BATCHED[name](block) for name in names], axis=1)
        over_mean = np.array([name not in ("mean", "offline") for name in names])
        found[(block.mean <= 0)[:, None] & over_mean] = np.nan
    found[~np.isfinite(found)] = np.nan
    return found


def _gini(b: _Block) -> Array:
    """`2 sum w y C - sum w^2 y` over n and the total, less 1, where C is the cumulative weight."""

    def make() -> Array:
        crossed = 2 * np.einsum("bi,bi->b", b.held, b.cum) - np.einsum("bi,bi->b", b.held, b.w)
        return np.asarray(crossed / (b.n * b.sums[:, 1]) - 1)

    return b.shared("gini", make)


def _gini_shortfall(b: _Block) -> Array:
    assert b.bounds is not None
    mean = b.mean * b.v.unit
    return _gini(b) * mean / (b.bounds.high - mean)


def _mean_positive(b: _Block) -> Array:
    return np.asarray(b.sums[:, 1] / b.sums[:, 4])


def _theil_t(b: _Block) -> Array:
    return np.asarray(b.sums[:, 6] / b.sums[:, 1] - log(_mean_positive(b)))


def _theil_l(b: _Block) -> Array:
    return np.asarray(log(_mean_positive(b)) - b.sums[:, 5] / b.sums[:, 4])


def _ge2(b: _Block) -> Array:
    return np.asarray((b.sums[:, 2] * b.n / b.sums[:, 1] ** 2 - 1) / 2)


def _atkinson_half(b: _Block) -> Array:
    return np.asarray(1 - b.sums[:, 3] ** 2 / (b.n * b.sums[:, 1]))


def _hoover(b: _Block) -> Array:
    """`F(mu) - L(mu)`: the widest distance of the Lorenz curve from equality."""
    rows, i = np.arange(b.w.shape[0]), np.searchsorted(b.v.r, b.mean)
    before = np.maximum(i - 1, 0)
    below = np.where(i > 0, b.cum[rows, before] / b.n - b.cum_held[rows, before] / b.sums[:, 1], 0.0)
    return np.maximum(below, 0.0)


def _wolfson(b: _Block) -> Array:
    return np.asarray(2 * (1 - 2 * b.lorenz(0.5) - _gini(b)) * b.mean / b.quantile(0.5))


BATCHED: Mapping[str, Callable[[_Block], Array]] = {
    "mean": lambda b: b.mean * b.v.unit,
    "gini": _gini,
    "gini_shortfall": _gini_shortfall,
    "theil_t": _theil_t,
    "theil_l": _theil_l,
    "ge2": _ge2,
    "cv": lambda b: np.sqrt(2 * np.maximum(_ge2(b), 0.0)),
    "atkinson_05": _atkinson_half,
    "atkinson_1": lambda b: 1 - exp(-_theil_l(b)),
    "hoover": _hoover,
    "palma": lambda b: (1 - b.lorenz(0.9)) / b.lorenz(0.4),
    "s80_s20": lambda b: (1 - b.lorenz(0.8)) / b.lorenz(0.2),
    "p90_p10": lambda b: b.quantile(0.9) / b.quantile(0.1),
    "wolfson": _wolfson,
    "offline": lambda b: 1 - b.mean * b.v.unit / (b.bounds.high if b.bounds else 1.0),
}
