"""Two camps or one middle: polarisation of a divide, which can rise while inequality falls.

    Wolfson              2 (2 (0.5 - L(0.5)) - G) mu / m, m the weighted median (one peer prints half of it)
    Esteban-Ray          K sum_ij p_i^(1+a) p_j |y_i - y_j|, over distinct values (or groups), a = 1.3, K = 1
    Duclos-Esteban-Ray   sum p f(y)^a (mu + y (2F - 1) - 2 sum_{y_j <= y} p_j y_j), f a Gaussian density

The last bracket is the mean distance of everybody from y. Its bandwidth, `h = 4.7 n^-0.5 sd a^0.1`, is from memory of
the paper (specification: unverified), so every result names it; give `bandwidth` to use another. Up to `EXACT_MAX`
distinct values the density is the sum over all pairs; beyond, over values binned linearly on `GRID` points (Silverman,
1982).

Neither Esteban-Ray index has an error here: identification depends on sizes to a power and on the bandwidth. Wolfson's
has (`table`), through the density at the median.

Sources: Wolfson, AER 84 (1994), 353-358; Esteban and Ray, Econometrica 62 (1994), 819-851; Duclos, Esteban and Ray,
Econometrica 72 (2004), 1737-1772.

    >>> esteban_ray([0.0, 10.0], a=1.0).value
    2.5
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence._elementary import exp, power
from concordat.evidence.kernels import Array
from concordat.observatory.divide._basis import basis
from concordat.observatory.divide._estimate import Measure, measure_of
from concordat.observatory.divide._sample import Sample, kish_n, sample
from concordat.observatory.divide.inference import LEVEL

EXACT_MAX = 4096
GRID = 4096
NO_ERROR = "no standard error is made for this measure"
UNVERIFIED = "bandwidth by h = 4.7 n^-0.5 sd a^0.1, which is unverified; no standard error is made"


def wolfson(y: Any, weight: Any = None, *, strata: Any = None, psu: Any = None, level: float = LEVEL) -> Measure:
    """Wolfson's index, as in the table of all measures."""
    s = sample(y, weight, strata=strata, psu=psu)
    return measure_of("wolfson", s, basis(s), level)


def esteban_ray(y: Any, weight: Any = None, *, a: float = 1.3, k: float = 1.0) -> Measure:
    """Esteban and Ray's index over distinct values: rows of one value are one group.

    Args:
        a: how much groups identify, above 0 and up to 1.6.
        k: the scale.

    Raises:
        InputError: a parameter outside its range.
    """
    if not 0 < a <= 1.6:
        raise InputError(f"a = {a:g} is outside 0..1.6.", hint="The index's axioms hold only there; 1.3 is usual.")
    s = sample(y, weight, least=1)
    y_of, p = _distinct(s)
    upto, held = np.cumsum(p), np.cumsum(p * y_of)
    distance = y_of * (2 * upto - 1) + held[-1] - 2 * held  # sum_j p_j |y_i - y_j|
    return _measure("esteban_ray", k * float((power(p, 1 + a) * distance).sum()), s, NO_ERROR)


def duclos_esteban_ray(y: Any, weight: Any = None, *, a: float = 0.5, bandwidth: float | None = None) -> Measure:
    """Duclos, Esteban and Ray's index.

    Args:
        a: 0.25 to 1.
        bandwidth: of the density, in the unit of y; None: the unverified rule of the module.

    Raises:
        InputError: a parameter outside its range.
        MethodError: all values are equal, so there is no density.
    """
    if not 0.25 <= a <= 1:
        raise InputError(f"a = {a:g} is outside 0.25..1.", hint="The index's axioms hold only there.")
    if bandwidth is not None and not (bandwidth > 0 and math.isfinite(bandwidth)):
        raise InputError(f"a bandwidth of {bandwidth:g} makes no density.", hint="Give one above zero.")
    s = sample(y, weight)
    y_of, p = _distinct(s)
    if y_of.size == 1:
        raise MethodError("all values are equal: they have no density.", hint="Print the mean.", code="equal")
    mean = float((p * y_of).sum())
    sd = math.sqrt(float((p * (y_of - mean) ** 2).sum()))
    h = 4.7 * s.n**-0.5 * sd * a**0.1 if bandwidth is None else bandwidth
    upto, held = np.cumsum(p), np.cumsum(p * y_of)
    distance = mean + y_of * (2 * upto - 1) - 2 * held
    value = float((p * power(_density(y_of, p, h), a) * distance).sum())
    return _measure("duclos_esteban_ray", value, s, UNVERIFIED if bandwidth is None else NO_ERROR)


def _distinct(s: Sample) -> tuple[Array, Array]:
    """The distinct values, ascending, and their shares."""
    starts = np.concatenate([[0], np.flatnonzero(s.o.y[1:] != s.o.y[:-1]) + 1])
    return s.o.y[starts], np.add.reduceat(s.o.p, starts)


def _density(y: Array, p: Array, h: float) -> Array:
    """The Gaussian density at each value."""
    if y.size <= EXACT_MAX:
        return np.array([float((p * exp(np.asarray(-0.5 * ((y - at) / h) ** 2))).sum()) for at in y]) / (
            h * math.sqrt(2 * math.pi)
        )
    points = np.linspace(y[0], y[-1], GRID)
    step = float(points[1] - points[0])
    if step > h / 2:
        raise MethodError(
            f"{y.size} distinct values with outliers are too spread for a bandwidth of {h:g}.",
            hint="Give a larger bandwidth, or take logarithms.", code="bandwidth",
        )  # fmt: skip
    place = (y - y[0]) / step
    left = np.minimum(place.astype(np.int64), GRID - 2)
    part = place - left
    mass = np.bincount(left, p * (1 - part), GRID) + np.bincount(left + 1, p * part, GRID)
    lags = np.arange(-GRID + 1, GRID, dtype=np.float64) * (step / h)
    kernel = exp(-0.5 * lags**2) / (h * math.sqrt(2 * math.pi))
    from scipy.signal import fftconvolve  # type: ignore[import-untyped,unused-ignore]

    found = np.maximum(fftconvolve(mass, kernel, mode="full")[GRID - 1 : 2 * GRID - 1], 0.0)
    return np.asarray(np.interp(y, points, found))


def _measure(name: str, value: float, s: Sample, reason: str) -> Measure:
    return Measure(name, value, None, None, None, s.n, kish_n(s.o.p), s.o.share_zero, s.share_missing, reason)
