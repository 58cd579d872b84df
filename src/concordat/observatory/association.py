"""How closely indicators go together: Pearson, Spearman and Kendall, pair by pair, and what is left given others.

Each pair uses the units that have both ("pairwise complete"). p values are two-sided against no association: Pearson
and Spearman by Student's t with n - 2 degrees of freedom; Kendall's tau-b by the exact distribution of discordant pairs
for up to 33 units without ties, else by the normal distribution with the variance corrected for ties (Kendall, *Rank
Correlation Methods*, 4th ed., 1970, chapters 3 to 5; Knuth, *The Art of Computer Programming* 3, section 5.1.1).
Partial correlation is that of two residuals after least squares on the others. Directions are the caller's: give
columns in which more is better.

    >>> x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0], [5.0, 5.0]])
    >>> found = correlations(x, "kendall")
    >>> round(float(found.r[0, 1]), 6), int(found.n[0, 1]), round(float(found.p[0, 1]), 6)
    (0.6, 5, 0.233333)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.linear import cross, solve_positive
from concordat.observatory.panel import Array, Ints

METHODS = ("pearson", "spearman", "kendall")
_EXACT_MAX = 33  # units up to which Kendall's p is counted out; scipy.stats has the same limit


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """`[k, k]`: coefficient, two-sided p and number of units; NaN where a column has no spread over the pair's units.

    p is NaN on the diagonal and for fewer than three units.
    """

    method: str
    r: Array
    p: Array
    n: Ints


def correlations(x: Array, method: str = "pearson") -> Correlations:
    """All pairs of the columns of `[unit, k]`."""
    assert method in METHODS, method
    assert x.ndim == 2, "a table of units by columns"
    seen = ~np.isnan(x)
    k = x.shape[1]
    r, p = np.full((k, k), np.nan), np.full((k, k), np.nan)
    n = np.array([[int((seen[:, i] & seen[:, j]).sum()) for j in range(k)] for i in range(k)], dtype=np.int64)
    n = n.reshape(k, k)
    for i in range(k):
        own = x[seen[:, i], i]
        r[i, i] = 1.0 if own.size > 1 and own.min() < own.max() else np.nan
        for j in range(i):
            both = seen[:, i] & seen[:, j]
            r[i, j], p[i, j] = _pair(x[both, i], x[both, j], method)
            r[j, i], p[j, i] = r[i, j], p[i, j]
    return Correlations(method, r, p, n)


def _pair(a: Array, b: Array, method: str) -> tuple[float, float]:
    if len(a) < 2 or a.min() == a.max() or b.min() == b.max():
        return math.nan, math.nan
    if method == "kendall":
        return _kendall(a, b)
    r = pearson(ranks(a), ranks(b)) if method == "spearman" else pearson(a, b)
    return r, t_probability(r, len(a) - 2)


def pearson(a: Array, b: Array) -> float:
    """`sum (a - mean)(b - mean) / sqrt(sum (a - mean)^2 sum (b - mean)^2)`."""
    p, q = _unit(a), _unit(b)
    size = math.sqrt(float((p * p).sum()) * float((q * q).sum()))
    return min(1.0, max(-1.0, float((p * q).sum()) / size)) if size > 0 else math.nan


def _unit(a: Array) -> Array:
    """Distances from the mean, the largest made 1, so that squares neither overflow nor vanish."""
    off = a - a.mean()
    largest = np.abs(off).max()
    return np.asarray(off / largest if largest > 0 else off)


def t_probability(r: float, df: int) -> float:
    """Two-sided p of a correlation: `t = r sqrt(df / (1 - r^2))`; NaN without a degree of freedom."""
    from scipy.special import stdtr  # type: ignore[import-untyped,unused-ignore]

    if df < 1 or math.isnan(r):
        return math.nan
    if abs(r) >= 1:
        return 0.0
    return 2 * float(stdtr(df, -abs(r) * math.sqrt(df / ((1 - r) * (1 + r)))))


def ranks(a: Array) -> Array:
    """1 = lowest; ties share the mean of their places."""
    _, place, count = np.unique(a, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place.reshape(-1)], dtype=np.float64)


# --- Kendall ---


def _kendall(a: Array, b: Array) -> tuple[float, float]:
    """tau-b = (concordant - discordant) / sqrt((pairs - tied in a)(pairs - tied in b)), and its p."""
    n = len(a)
    surplus, discordant = 0, 0
    for i in range(1, n):
        agreement = np.sign(a[i] - a[:i]) * np.sign(b[i] - b[:i])
        surplus += int(agreement.sum())
        discordant += int((agreement < 0).sum())
    t, u = _ties(a), _ties(b)
    pairs = n * (n - 1) // 2
    tied_a, tied_b = int((t * (t - 1)).sum()) // 2, int((u * (u - 1)).sum()) // 2
    tau = surplus / (math.sqrt(pairs - tied_a) * math.sqrt(pairs - tied_b))
    tau = min(1.0, max(-1.0, tau))
    if tied_a == 0 and tied_b == 0 and n <= _EXACT_MAX:
        return tau, _exact(n, min(discordant, pairs - discordant))
    v0 = n * (n - 1) * (2 * n + 5)
    ties = sum(int((c * (c - 1) * (2 * c + 5)).sum()) for c in (t, u))
    v1 = 4 * tied_a * tied_b / (2 * n * (n - 1))
    threes = [int((c * (c - 1) * (c - 2)).sum()) for c in (t, u)]
    v2 = threes[0] * threes[1] / (9 * n * (n - 1) * (n - 2)) if n > 2 else 0.0
    variance = (v0 - ties) / 18 + v1 + v2
    return tau, math.erfc(abs(surplus) / math.sqrt(2 * variance)) if n > 2 and variance > 0 else math.nan


def _ties(a: Array) -> Ints:
    """How many units share each value."""
    return np.asarray(np.unique(a, return_counts=True)[1], dtype=np.int64)


def _exact(n: int, fewest: int) -> float:
    """Probability that discordant pairs of n units in random order are as few as this, or as many on the other side."""
    ways = [1]  # how many orders of the first m units have 0, 1, 2, ... pairs out of order
    for m in range(2, n + 1):
        upto = [0]
        for w in ways:
            upto.append(upto[-1] + w)
        size = len(ways) + m - 1
        ways = [upto[min(d + 1, len(ways))] - upto[max(0, d - m + 1)] for d in range(size)]
    if 2 * fewest == n * (n - 1) // 2:
        return 1.0
    return min(1.0, 2 * sum(ways[: fewest + 1]) / math.factorial(n)) if n > 2 else math.nan


# --- Partial ---


@dataclass(frozen=True, slots=True)
class Partial:
    """Correlation of two columns with others held fixed, its two-sided p and the number of complete units."""

    r: float
    p: float
    n: int


def partial_correlation(a: Array, b: Array, given: Array) -> Partial:
    """Pearson's correlation of a and b after least squares of each on `given` `[unit, k]`; units that have all.

    Raises:
        MethodError: too few units, or `given` columns that repeat each other.
    """
    others = given.reshape(len(a), -1)
    both = ~(np.isnan(a) | np.isnan(b) | np.isnan(others).any(axis=1))
    n, k = int(both.sum()), others.shape[1]
    if n < k + 3:
        what = f"a partial correlation given {k} columns needs {k + 3} units that have all; there are {n}."
        raise MethodError(what, hint="Hold fewer columns fixed.", code="too_few")
    columns = np.column_stack([_unit(c) for c in others[both].T]) if k else np.zeros((n, 0))
    left = [_residual(_unit(v[both]), columns) for v in (a, b)]
    if min(float((e * e).sum()) for e in left) < 1e-20:
        return Partial(math.nan, math.nan, n)
    r = pearson(*left)
    return Partial(r, t_probability(r, n - 2 - k), n)


def _residual(y: Array, columns: Array) -> Array:
    if not columns.shape[1]:
        return y
    slopes = solve_positive(cross(columns), cross(columns, y[:, None])[:, 0], 1e-10)
    if np.isnan(slopes).any():
        raise MethodError("columns that are held fixed repeat each other.", hint="Leave one out.", code="collinear")
    return np.asarray(y - (columns * slopes).sum(axis=1))
