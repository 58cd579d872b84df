"""The mean of one quantity given another, as a smooth curve: penalised cubic regression splines with GCV.

A natural cubic spline with the penalty `lambda * integral of f''^2`, on at most ten knots at quantiles of the different
x: a third of their number, at least four (Wood, *Generalized Additive Models*, 2nd ed., 2017, section 5.3.1; the basis
"cr" of R's mgcv). Lambda makes generalised cross-validation `n RSS / (n - trace A)^2` least, over a grid of logarithms
and then by golden section. Ties of x need no care; with fewer than four different x the curve is the group means.

scipy.interpolate.make_smoothing_spline has a knot at every x, refuses ties, and sums through BLAS; on few units GCV
then tends to follow single ones, which is why the basis here is smaller. Penalised splines for correlation ratios:
Becker et al., Ecological Indicators 80 (2017).

    >>> x = np.arange(20.0)
    >>> fit = smooth(x, 2 * x + 1)
    >>> fit.fitted[:3].round(9).tolist()
    [1.0, 3.0, 5.0]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from concordat.evidence._elementary import exp
from concordat.observatory.linear import cholesky, cross, eigen_symmetric, product, solve_positive
from concordat.observatory.panel import Array

KNOTS_MAX = 10
_LOG_LAMBDA = (-6.0, 34.0)  # in units of the largest penalty: from nearly free to nearly straight
_GRID, _SECTIONS = 81, 40
_GAP_MIN = 1e-9  # knots nearer than this share of the range are one


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """Fitted values in the order of x, effective degrees of freedom (trace A) and the penalty's weight."""

    fitted: Array
    df: float
    penalty: float


def smooth(x: Array, y: Array) -> Smooth:
    """Fit the curve; x and y finite, of the same length."""
    assert x.shape == y.shape, "one y for each x"
    distinct, place = np.unique(x, return_inverse=True)
    place = place.reshape(-1)
    if len(distinct) < 4:
        means = np.array([y[place == g].mean() for g in range(len(distinct))])
        return Smooth(means[place], float(len(distinct)), 0.0)
    centre, size = float(y.mean()), float(np.abs(y - y.mean()).max()) or 1.0
    y = (y - centre) / size
    places = (distinct - distinct[0]) / (distinct[-1] - distinct[0])
    knots = _quantiles(places, min(KNOTS_MAX, max(4, len(distinct) // 3)))
    basis, penalty = _natural(places[place], knots)
    rotated, weights = _diagonal(basis, penalty)
    coordinates = cross(rotated, y[:, None])[:, 0]
    outside = y - (rotated * coordinates).sum(axis=1)
    rest = float((outside * outside).sum())

    def gcv(log_lambda: float) -> float:
        shrink = _shrink(log_lambda, weights)
        rss = rest + float(((coordinates * (1 - shrink)) ** 2).sum())
        free = len(y) - float(shrink.sum())
        return len(y) * rss / free**2 if free > 1e-9 else np.inf

    best = _least(gcv)
    shrink = _shrink(best, weights)
    fitted = centre + size * (rotated * (coordinates * shrink)).sum(axis=1)
    return Smooth(fitted, float(shrink.sum()), float(exp(np.array(best))))


def _shrink(log_lambda: float, weights: Array) -> Array:
    return np.asarray(1 / (1 + exp(np.array(log_lambda)) * weights))


def _least(gcv: Callable[[float], float]) -> float:
    """The least of a function of log lambda: the best of a grid, then golden section around it."""
    grid = np.linspace(*_LOG_LAMBDA, _GRID)
    values = [gcv(float(g)) for g in grid]
    at = int(np.argmin(values))
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, _GRID - 1)])
    golden = (5**0.5 - 1) / 2
    for _ in range(_SECTIONS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if gcv(left) <= gcv(right):
            high = right
        else:
            low = left
    return (low + high) / 2


def _quantiles(distinct: Array, count: int) -> Array:
    """Knots at quantiles (type 7) of the different values, lowest and highest among them."""
    place = np.linspace(0, len(distinct) - 1, count)
    below = np.minimum(place.astype(np.int64), len(distinct) - 2)
    knots = distinct[below] + (distinct[below + 1] - distinct[below]) * (place - below)
    return np.asarray(knots[np.concatenate([[True], np.diff(knots) > _GAP_MIN])])


def _natural(x: Array, knots: Array) -> tuple[Array, Array]:
    """Basis `[n, k]` of the natural cubic spline by its values at the knots, and its roughness penalty `[k, k]`.

    With h the gaps, second derivatives at the inner knots are `B^-1 D` times the values, and the penalty `D'B^-1 D`
    (Wood 2017, table 5.1).
    """
    k, h = len(knots), np.diff(knots)
    if k < 3:
        return np.column_stack([1 - x, x]), np.zeros((2, 2))
    d, b = np.zeros((k - 2, k)), np.zeros((k - 2, k - 2))
    for i in range(k - 2):
        d[i, i : i + 3] = 1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]
        b[i, i] = (h[i] + h[i + 1]) / 3
        if i < k - 3:
            b[i, i + 1] = b[i + 1, i] = h[i + 1] / 6
    curvature = np.zeros((k, k))
    curvature[1:-1] = solve_positive(b, d)
    j = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, k - 2)
    left, right, gap = knots[j + 1] - x, x - knots[j], h[j]
    basis = np.zeros((len(x), k))
    rows = np.arange(len(x))
    basis[rows, j] = left / gap
    basis[rows, j + 1] += right / gap
    basis += ((left**3 / gap - gap * left) / 6)[:, None] * curvature[j]
    basis += ((right**3 / gap - gap * right) / 6)[:, None] * curvature[j + 1]
    return basis, product(d.T, curvature[1:-1])


def _diagonal(basis: Array, penalty: Array) -> tuple[Array, Array]:
    """An orthonormal basis `[n, k]` in which the penalty is diagonal (Demmler & Reinsch), and that diagonal."""
    size = cross(basis)
    # A knot between whose neighbours almost no unit lies would make the basis singular without this.
    factor, _ = cholesky(size + 1e-12 * float(np.diagonal(size).max()) * np.eye(len(size)), tolerance=0.0)
    inverse = _lower_inverse(factor)
    turned = product(product(inverse, penalty), inverse.T)
    weights, vectors = eigen_symmetric((turned + turned.T) / 2)
    scale = float(weights[0]) or 1.0
    # The two straight lines are free: what rounding leaves of their penalty is taken away.
    weights = np.where(weights > 1e-10 * scale, weights / scale, 0.0)
    return product(product(basis, inverse.T), vectors), weights


def _lower_inverse(factor: Array) -> Array:
    k = len(factor)
    inverse = np.zeros_like(factor)
    for j in range(k):
        inverse[j, j] = 1 / factor[j, j]
        for i in range(j + 1, k):
            inverse[i, j] = -(factor[i, j:i] * inverse[j:i, j]).sum() / factor[i, i]
    return inverse
