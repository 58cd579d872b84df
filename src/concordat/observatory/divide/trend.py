"""How fast one series grows: compound annual growth, and percent change per period.

    growth   (y_last / y_first)^(1 / (t_last - t_first)) - 1
    change   100 slope / (fitted value at the first time), ordinary least squares over all points

The first looks at the two ends alone, the second at every point. Two points: the change is `(last - first) / first`
over the span, in percent, which the line through both gives too. Equal ends (growth) or all values equal (change): 0.
Fewer than two points: blank. Blank too where the number it divides by is not above zero, as no percentage of it means
anything.

    >>> compound_growth([2010, 2012], [100.0, 121.0]).value
    0.0999999999999999
    >>> percent_change([2010, 2011, 2012], [100.0, 110.0, 120.0]).value
    10.0
    >>> percent_change([2010], [100.0])
    Trend(value=None, n=1, reason='too_few')
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from concordat.observatory.divide._series import read_one


@dataclass(frozen=True, slots=True)
class Trend:
    """A rate of growth; None where there is none, with the reason.

    Attributes:
        n: points it was made of.
        reason: too_few, or not_positive.
    """

    value: float | None
    n: int
    reason: str = ""


def compound_growth(years: Any, values: Any) -> Trend:
    """CAGR between the first and the last observed year, as a share (0.1 is 10 % a year)."""
    t, y = read_one(years, values)
    if t.size < 2:
        return Trend(None, t.size, "too_few")
    first, last = float(y[0]), float(y[-1])
    if first == last:
        return Trend(0.0, t.size)
    if first <= 0 or last < 0:
        return Trend(None, t.size, "not_positive")
    if last == 0:
        return Trend(-1.0, t.size)
    # Logarithms, as the ratio of a huge and a tiny value may overflow.
    return Trend(math.expm1((math.log(last) - math.log(first)) / float(t[-1] - t[0])), t.size)


def percent_change(years: Any, values: Any) -> Trend:
    """Percent change per unit of time, of the fitted line's first value."""
    t, y = read_one(years, values)
    if t.size < 2:
        return Trend(None, t.size, "too_few")
    if (y == y[0]).all():
        return Trend(0.0, t.size)
    if t.size == 2:
        slope, start = float((y[1] - y[0]) / (t[1] - t[0])), float(y[0])
    else:
        u = t - t.mean()
        slope = float((u * y).sum() / (u * u).sum())
        start = float(y.mean() + slope * u[0])
    if start <= 0:
        return Trend(None, t.size, "not_positive")
    return Trend(100 * slope / start, t.size)
