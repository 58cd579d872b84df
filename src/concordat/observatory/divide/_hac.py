"""Errors of a trend line whose residuals remember: Newey-West with Bartlett weights, and Andrews' quadratic spectral.

Least squares of y on (1, x); the variance of its coefficients is `(X'X)^-1 S (X'X)^-1` with

    S = G_0 + sum_j k(j) (G_j + G_j'),    G_j = sum_t s_t s_(t-j)',    s_t = e_t (1, x_t)

Bartlett: k(j) = 1 - j / (L + 1), L = floor(4 (n / 100)^(2/9)) (Newey and West, Econometrica 55 (1987) 703-708; the lag
is that of their 1994 paper, as usual in software). Quadratic spectral: `k(z) = 25 / (12 pi^2 z^2) (sin(6 pi z / 5) /
(6 pi z / 5) - cos(6 pi z / 5))`, z = j / B, bandwidth `B = 1.3221 (a n)^(1/5)`, `a = 4 r^2 / (1 - r)^4` with r the
first autoregressive coefficient (with a constant) of the slope's scores (Andrews, Econometrica 59 (1991) 817-858), cut
at 0.97 as by Andrews and Monahan (1992). Both are multiplied by n / (n - 2); the test against R says so. Columns are
centred first, so that years as large as 2020 lose no digits.

    >>> import numpy as np
    >>> x = np.arange(6.0)
    >>> line = bartlett_line(x, 2 * x + np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1]))
    >>> round(line.slope, 4), line.bandwidth
    (1.9829, 2.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from concordat.evidence.kernels import Array

_RHO_MAX = 0.97
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted line and the error of its slope.

    Attributes:
        se: of the slope, heteroskedasticity and autocorrelation allowed for.
        t: slope over se; infinite where the points lie on the line.
        bandwidth: in observations.
        lower, upper: 95 % interval of the slope by Student's t with n - 2 degrees of freedom.
    """

    intercept: float
    slope: float
    se: float
    t: float
    n: int
    bandwidth: float
    lower: float
    upper: float


def bartlett_line(x: Array, y: Array) -> Line:
    """Newey-West."""
    lag = min(math.floor(4 * (x.size / 100) ** (2 / 9)), x.size - 1)
    weights = 1 - np.arange(1, lag + 1) / (lag + 1)
    return _line(x, y, weights, float(lag))


def spectral_line(x: Array, y: Array) -> Line:
    """Quadratic spectral, Andrews' bandwidth."""
    _, residual, _ = _fit(x, y)
    width = andrews_bandwidth(residual * x)
    return _line(x, y, quadratic_spectral(np.arange(1, x.size) / width) if width > 0 else np.zeros(0), width)


def andrews_bandwidth(score: Array) -> float:
    """The bandwidth for the quadratic spectral kernel from a first-order autoregression of the scores."""
    before, after = score[:-1], score[1:]
    a, b = before - before.mean(), after - after.mean()
    size = float((a * a).sum())
    if size <= 0:
        return 0.0
    r = max(-_RHO_MAX, min(_RHO_MAX, float((a * b).sum()) / size))
    return float(1.3221 * (4 * r * r / (1 - r) ** 4 * score.size) ** 0.2)


def quadratic_spectral(z: Array) -> Array:
    """The kernel at z > 0."""
    angle = 6 * math.pi * z / 5
    # Below this the two terms cancel to nothing in floating point: the series 1 - angle^2 / 10 is exact there.
    small = angle < 1e-3
    safe = np.where(small, 1.0, angle)
    return np.asarray(np.where(small, 1 - angle**2 / 10, 3 / safe**2 * (np.sin(safe) / safe - np.cos(safe))))


def _fit(x: Array, y: Array) -> tuple[Array, Array, float]:
    u = x - x.mean()
    slope = float((u * y).sum() / (u * u).sum())
    return u, y - y.mean() - slope * u, slope


def _line(x: Array, y: Array, weights: Array, bandwidth: float) -> Line:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    n = x.size
    u, residual, slope = _fit(x, y)
    s = residual * u  # centred columns are orthogonal, so the slope's variance needs its own scores only
    middle = float((s * s).sum())
    for j, weight in enumerate(weights, start=1):
        middle += 2 * float(weight) * float((s[j:] * s[:-j]).sum())
    se = math.sqrt(max(middle, 0.0) * n / (n - 2)) / float((u * u).sum())
    # A line through its points leaves only rounding: that is no evidence of an error, and t has no value.
    if float(np.abs(residual).max()) <= 1e-13 * max(1e-300, float(np.abs(y).max())):
        se = 0.0
    t = slope / se if se > 0 else math.copysign(math.inf, slope) if slope != 0 else 0.0
    half = float(stdtrit(n - 2, (1 + _LEVEL) / 2)) * se
    return Line(float(y.mean() - slope * x.mean()), slope, se, t, n, bandwidth, slope - half, slope + half)
