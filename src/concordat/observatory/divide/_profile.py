"""Least squares for a curve of adoption, and how far one of its numbers can move before the fit gets worse.

*Variable projection* (Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432): the ceiling K enters linearly, so for
given shapes it is `K = f'y / f'f`, and only the shapes are searched, by Levenberg-Marquardt with the exact derivative.

*Profile*: a curve that must pass through (s, c) has `K = c / f(s)`, so its shapes are again free, and the least sum of
squares under that condition is one more search of the same kind. With s infinite, c is the ceiling; with s a future
year, c is the value forecast; with c a level, s is the year that reaches it. All three intervals are therefore one
function: what keeps the sum of squares below `S_min (1 + t^2 / (n - p))`, t of Student's distribution with n - p
degrees of freedom (Bates and Watts, *Nonlinear Regression Analysis*, 1988, section 6.1; R's `confint` of `nls`).

    >>> years, clock = np.arange(6.0), Clock(2.5, 5.0, -1.0)
    >>> y = 80 / (1 + np.exp(-1.2 * (years - 2)))
    >>> found = least_squares(Data(CURVES["logistic"], clock, years, y, None), np.array([[1.5, 0.0]]))
    >>> round(found.ceiling, 6)
    80.0
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from concordat.evidence.kernels import Array
from concordat.observatory.divide._curves import CURVES, Clock, Curve

__all__ = ["CURVES", "Clock", "Data", "Fit", "constrained", "edge", "least_squares"]

_ROUGH, _FINE = 1e-9, 1e-14  # of the searches from all starts, and of those whose result is kept
_EVALUATIONS = 200
_STEEPEST = 1e100  # a ratio of two shares beyond it is as bad as can be, and its square is still finite
_PENALTY = 1e3  # how heavily a ceiling above the allowed one counts in a constrained search, in norms of the data


class Data(NamedTuple):
    """The curve and what it is fitted to; `ceiling` is the highest that K may be."""

    curve: Curve
    clock: Clock
    years: Array
    values: Array
    ceiling: float | None


class Fit(NamedTuple):
    """The best shapes, the ceiling, the sum of squares, and how many starts came as low (within 1 in 10,000)."""

    theta: Array
    ceiling: float
    squares: float
    agreed: int


def least_squares(data: Data, starts: Array) -> Fit:
    """The best fit from several starts; K at most `data.ceiling`."""
    found = [f for f in (_from(data, start, _ROUGH) for start in starts) if f.ceiling > 0]
    assert found, "values above zero give a ceiling above zero"
    best = min(found, key=lambda f: f.squares)
    # Twice: the damping of the first search may have stopped it early.
    for _ in range(2):
        best = min(best, _from(data, best.theta, _FINE), key=lambda f: f.squares)
    slack = best.squares * (1 + 1e-4) + 1e-12 * float((data.values**2).sum())
    return best._replace(agreed=sum(f.squares <= slack for f in found))


def constrained(data: Data, year: float, value: float, start: Array) -> tuple[float, Array]:
    """The least sum of squares of a curve through (year, value), and its shapes; year may be infinite."""
    if value <= 0 or (data.ceiling is not None and value > data.ceiling * (1 + 1e-12)):
        return math.inf, start
    theta = _search(lambda x: _through(data, year, value, x), start, 1e-9)
    n = data.years.size
    return float((_through(data, year, value, theta)[0][:n] ** 2).sum()), theta


def edge(
    squares: Callable[[float, Array], tuple[float, Array]], inside: float, theta: Array, step: float, limit: float,
    threshold: float,
) -> float | None:  # fmt: skip
    """Where `squares` first exceeds the threshold going from `inside` by growing steps; None: not before `limit`."""
    from scipy.optimize import brentq  # type: ignore[import-untyped,unused-ignore]

    here, shapes = inside, theta
    while True:
        there = here + step
        if (there - limit) * step > 0:
            there = limit
        value, new = squares(there, shapes)
        if value > threshold:
            break
        if there == limit:
            return None
        here, shapes, step = there, new, 1.6 * step

    def excess(x: float) -> float:
        found = squares(x, shapes)[0]
        return min(found, 1e6 * threshold) / threshold - 1

    if excess(here) >= 0:  # the start itself is on the edge, to rounding
        return here
    return float(brentq(excess, here, there, xtol=1e-9 * max(1.0, abs(here)), rtol=1e-9, maxiter=60))


def _from(data: Data, start: Array, tolerance: float) -> Fit:
    """The best fit from one start."""
    theta = _search(lambda x: _projected(data, x), start, tolerance)
    k, squares = _height(data, theta)
    if data.ceiling is not None and k > data.ceiling:
        k = data.ceiling
        theta = _search(lambda x: _held(data, x), theta, tolerance)
        squares = float((_held(data, theta)[0] ** 2).sum())
    return Fit(theta, k, squares, 0)


def _search(residual: Callable[[Array], tuple[Array, Array]], start: Array, tolerance: float) -> Array:
    """Levenberg-Marquardt (MINPACK) from one start."""
    from scipy.optimize import least_squares as search

    found = search(
        lambda x: residual(x)[0], start, jac=lambda x: residual(x)[1], method="lm", x_scale=1.0,
        xtol=tolerance, ftol=tolerance, gtol=tolerance, max_nfev=_EVALUATIONS,
    )  # fmt: skip
    return np.asarray(found.x)


def _height(data: Data, theta: Array) -> tuple[float, float]:
    share, _ = data.curve.share(data.clock, data.years, theta)
    size = float((share * share).sum())
    k = float((share * data.values).sum()) / size if size > 1e-280 else 0.0
    return k, float(((data.values - k * share) ** 2).sum())


def _projected(data: Data, theta: Array) -> tuple[Array, Array]:
    """Residuals with K solved for, and their exact derivative: `-(dK f + K df)`, `dK = (df'y - 2 K df'f) / f'f`."""
    share, slopes = data.curve.share(data.clock, data.years, theta)
    size = float((share * share).sum())
    if size <= 1e-280:  # the curve has not left the ground: nothing of the data is explained
        return data.values.copy(), np.zeros((data.years.size, theta.size))
    k = float((share * data.values).sum()) / size
    by_theta = [(float((d * data.values).sum()) - 2 * k * float((d * share).sum())) / size for d in slopes]
    jacobian = np.array([-(dk * share + k * d) for dk, d in zip(by_theta, slopes, strict=True)]).T
    return data.values - k * share, jacobian


def _held(data: Data, theta: Array) -> tuple[Array, Array]:
    """Residuals with K at its highest."""
    assert data.ceiling is not None
    share, slopes = data.curve.share(data.clock, data.years, theta)
    return data.values - data.ceiling * share, -data.ceiling * slopes.T


def _through(data: Data, year: float, value: float, theta: Array) -> tuple[Array, Array]:
    """Residuals of the curve through a point, with one more that forbids a ceiling above the highest allowed."""
    share, slopes = data.curve.share(data.clock, data.years, theta)
    if math.isinf(year):
        at, at_slopes = 1.0, np.zeros(theta.size)
    else:
        one, one_slopes = data.curve.share(data.clock, np.array([year]), theta)
        at, at_slopes = max(float(one[0]), 1e-290), one_slopes[:, 0]
    ratio = share / at
    steep = ratio > _STEEPEST
    ratio = np.where(steep, _STEEPEST, ratio)
    by_theta = np.where(steep, 0.0, slopes / at - ratio * (at_slopes / at)[:, None])
    residual, jacobian = data.values - value * ratio, -value * by_theta.T
    if data.ceiling is None:
        return residual, jacobian
    over = math.log(value / at / data.ceiling)
    weight = _PENALTY * math.sqrt(float((data.values**2).sum()))
    row = -weight * at_slopes / at if over > 0 else np.zeros(theta.size)
    return np.append(residual, weight * max(0.0, over)), np.vstack([jacobian, row])
