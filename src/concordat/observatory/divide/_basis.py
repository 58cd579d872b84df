"""What all measures of one sorted sample share: values over the mean, mid-ranks, the Lorenz curve, logarithms.

>>> from concordat.observatory.divide._sample import sample
>>> b = basis(sample([1.0, 2.0, 2.0, 5.0]))
>>> b.whole.r.tolist(), b.whole.f.tolist(), b.lorenz(0.5)
([0.4, 0.8, 0.8, 2.0], [0.125, 0.5, 0.5, 0.875], 0.30000000000000004)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from concordat.evidence._elementary import log
from concordat.evidence.kernels import Array, Ordered, Zeros
from concordat.observatory.divide._sample import Bounds, Sample, kish_n

_SLACK = 1e-12  # as in `evidence.kernels`: a share of one half is reached by ten tenths of a tenth


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What scores are made of, for each value: y / mu, mid-rank, share held above, ln(y / mu) (may be empty)."""

    r: Array
    f: Array
    above: Array
    ln: Array

    def part(self, s: slice) -> Columns:
        """Some of the rows."""
        return Columns(self.r[s], self.f[s], self.above[s], self.ln[s])


Score: TypeAlias = Callable[[Columns], Array]


@dataclass(frozen=True, slots=True)
class Scored:
    """A measure: its value, its influence function, and which values it is of.

    Attributes:
        score: in units of `scale`; None where there is no error, for the `reason` given.
        positive: of the values above zero only.
        ratio: of shares or quantiles: its interval is of the logarithm.
        like: a measure whose influence function is this one's but for a factor above zero: its name, and the factor.
        low, high: what its interval can't leave.
    """

    value: float
    score: Score | None = None
    scale: float = 1.0
    positive: bool = False
    ratio: bool = False
    like: tuple[str, float] | None = None
    low: float = 0.0
    high: float = math.inf
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A sorted sample with what several measures share.

    Attributes:
        o, whole: all values. pos, positive: those above zero (the same where all are).
        cum: cumulative shares of the total, for the Lorenz curve.
        unit: what values are divided by: the mean where it is above zero, else 1.
        zeros: whether Theil and Atkinson(1) leave zeros out, or take them to their limit.
        n_eff: Kish's effective number.
    """

    o: Ordered
    whole: Columns
    pos: Ordered
    positive: Columns
    cum: Array
    unit: float
    n_eff: float
    bounds: Bounds | None = None
    zeros: Zeros = "exclude"

    def lorenz(self, q: float) -> float:
        """The share of the total that the poorest share q holds, linear between the points."""
        i = int(np.searchsorted(self.o.upto, q - _SLACK))
        return float(self.cum[i] - (self.o.upto[i] - q) * self.whole.r[i])


def basis(s: Sample, bounds: Bounds | None = None, zeros: Zeros = "exclude") -> Basis:
    """Mid-ranks, Lorenz curve and logarithms of a sample."""
    o = s.o
    unit = o.mean if o.mean > 0 else 1.0  # measures over the mean refuse themselves where it is not above zero
    r = o.y / unit
    cum = np.cumsum(o.p * r)
    f, above = _middles(o, cum)
    first = int(np.searchsorted(o.y, 0.0, side="right"))
    pos = o if first == 0 else o.positive if o.y[-1] > 0 else o
    empty = np.empty(0)
    usable = pos.y.size > 0 and pos.y[0] > 0
    ln = log(pos.y / pos.mean) if usable else empty
    whole = Columns(r, f, above, ln if first == 0 else empty)
    positive = whole if first == 0 else Columns(pos.y / pos.mean if usable else empty, empty, empty, ln)
    return Basis(o, whole, pos, positive, cum, unit, kish_n(o.p), bounds, zeros)


def _middles(o: Ordered, cum: Array) -> tuple[Array, Array]:
    """Mid-ranks, and the shares of the total that rank above; half of the own tie counts."""
    new = o.y[1:] != o.y[:-1]
    if new.all():
        own = np.empty_like(cum)
        own[0], own[1:] = cum[0], cum[1:] - cum[:-1]
        return o.upto - o.p / 2, cum[-1] - cum + own / 2
    ends = np.append(np.flatnonzero(new), o.y.size - 1)
    size = np.diff(ends, prepend=-1)
    f_end, l_end = o.upto[ends], cum[ends]
    f = (f_end + np.concatenate([[0.0], f_end[:-1]])) / 2
    above = cum[-1] - (l_end + np.concatenate([[0.0], l_end[:-1]])) / 2
    return np.repeat(f, size), np.repeat(above, size)
