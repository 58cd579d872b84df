"""The least of a linear cost under linear inequalities, and the number with the fewest digits in an interval.

Linear programs are solved by HiGHS through scipy.optimize.linprog (Huangfu & Hall, Math. Prog. Comp. 10, 2018). Its
tolerance is 1e-7 in each inequality, so the caller scales inequalities to where 1 is what matters.

    >>> least(np.array([1.0]), np.array([[-1.0]]), np.array([-2.0]), free=1).tolist()
    [2.0]
    >>> snapped(0.48, 0.53), snapped(97.2, 103.9), snapped(-0.1, 3.0), snapped(0.234, 0.236)
    ((0.5, 1), (100.0, 1), (0.0, 0), (0.235, 3))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from concordat.observatory.panel import Array

_DIGITS_MAX = 15


def least(
    cost: Array, matrix: Array, bound: Array, *, free: int, equal: Sequence[tuple[int, float]] = ()
) -> Array | None:
    """The x that makes `cost x` least with `matrix x <= bound`; None where there is none, or no end to it.

    Args:
        free: how many of the first unknowns may be negative; the others are at least 0.
        equal: (number, value) of unknowns that are held.
    """
    from scipy.optimize import linprog  # type: ignore[import-untyped,unused-ignore]

    limits: list[tuple[float | None, float | None]] = [(None, None)] * free + [(0.0, None)] * (len(cost) - free)
    for i, value in equal:
        limits[i] = (value, value)
    found = linprog(cost, A_ub=matrix, b_ub=bound, bounds=limits, method="highs")
    return np.asarray(found.x, dtype=np.float64) if found.status == 0 else None


def snapped(low: float, high: float) -> tuple[float, int]:
    """The number in `[low, high]` with the fewest digits (of several the nearest to the middle), and how many."""
    assert low <= high or math.isclose(low, high), (low, high)
    low, high = min(low, high), max(low, high)
    if low <= 0 <= high:
        return 0.0, 0
    middle = (low + high) / 2
    # The first place at which a multiple of a power of ten lies inside has the fewest digits.
    top = math.floor(math.log10(max(abs(low), abs(high)))) + 1
    for place in range(top, top - _DIGITS_MAX - 2, -1):
        below, above = math.ceil(_over(low, place)), math.floor(_over(high, place))
        if below <= above:
            inside = min(max(round(_over(middle, place)), below), above)
            return _multiple(inside, place), len(str(abs(inside)).rstrip("0")) or 1
    return middle, _DIGITS_MAX


def _over(x: float, place: int) -> float:
    return x / 10.0**place if place >= 0 else x * 10.0**-place


def _multiple(n: int, place: int) -> float:
    return float(n * 10**place) if place >= 0 else n / 10**-place
