"""Who has it: concentration of one thing along the ranking by another (Internet use by income).

With R the mid-rank by the ranking variable (half of the own tie, by weight; rows tied in it are averaged):

    concentration  C = 2 sum p (y - mu)(R - 0.5) / mu       in -1..1; above zero where the better placed have more
    extended       1 - v sum p y (1 - R)^(v-1) / mu         v = 2 is C; larger v look more at the worst placed
    Wagstaff       C mu (b - a) / ((b - mu)(mu - a))        for figures that can't leave a..b
    Erreygers      4 mu C / (b - a)                         the same, and has and has not mirror each other

Errors by influence functions: of C as of the Gini, `2 (r R + A) - (1 + C)(1 + r)` with `r = y / mu` and A the share of
the total that ranks above; of the others by the chain rule. Intervals as everywhere (`inference`).

Sources: Kakwani, Wagstaff and van Doorslaer, Journal of Econometrics 77 (1997), 87-103; Wagstaff, Health Economics 11
(2002), 923-929 (extended) and 14 (2005), 429-432 (bounded); Erreygers, Journal of Health Economics 28 (2009), 504-515.

    >>> found = concentration_indices([0.0, 50.0, 100.0], rank_by=[1.0, 2.0, 3.0], bounds=(0, 100))
    >>> round(found["concentration"].value, 12), round(found["erreygers"].value, 12)
    (0.444444444444, 0.888888888889)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence._elementary import power
from concordat.evidence.kernels import Array
from concordat.observatory.divide._estimate import FEW, Measure, parts_of
from concordat.observatory.divide._sample import LEAST, Bounds, Ints, Sample, kish_n, numbers, sample
from concordat.observatory.divide.inference import LEVEL, interval, spread_of


def concentration_indices(
    y: Any,
    weight: Any = None,
    *,
    rank_by: Any,
    bounds: tuple[float, float] | None = None,
    extended: Sequence[float] = (),
    strata: Any = None,
    psu: Any = None,
    level: float = LEVEL,
) -> dict[str, Measure]:
    """The concentration indices of y along `rank_by`: concentration, wagstaff, erreygers, `extended(v)`.

    Args:
        bounds: lowest and highest value y can have; without them there is no wagstaff and no erreygers.
        extended: parameters v above 1 of the extended index.

    Raises:
        InputError: as `measures`; a parameter of 1 or less.
    """
    limits = None if bounds is None else Bounds(*bounds)
    s = sample(y, weight, bounds=limits, strata=strata, psu=psu)
    return indices(s, numbers(rank_by, "rank_by", s.given), limits, level, extended)


def indices(
    s: Sample, ranks: Array, bounds: Bounds | None, level: float = LEVEL, extended: Sequence[float] = ()
) -> dict[str, Measure]:
    """The same of a sorted sample; `ranks` in the order the rows were given, NaN where missing."""
    if any(v <= 1 for v in extended):
        raise InputError("the parameter of an extended concentration index is above 1.", hint="2 is the plain index.")
    by = ranks[s.rows]
    if np.isinf(by).any():
        row = int(s.rows[np.flatnonzero(np.isinf(by))[0]])
        raise InputError("rank_by is infinite.", where=f"row {row + 1}", hint="Correct it, or leave it as NaN.")
    kept = np.flatnonzero(~np.isnan(by))
    names = ["concentration", *(("wagstaff", "erreygers") if bounds else ()), *(f"extended({v:g})" for v in extended)]
    missing = s.share_missing + (1 - s.share_missing) * float(1 - s.o.p[kept].sum()) if kept.size < s.n else None
    missing = s.share_missing if missing is None else missing
    if kept.size == 0:
        return {name: _none(name, s, missing, "no row has a rank") for name in names}
    y, w = s.o.y[kept], s.w[kept]
    p = w / w.sum()
    mu = float((p * y).sum())
    if mu <= 0:
        return {name: _none(name, s, missing, "the mean is not above zero") for name in names}
    rank, c, z = _plain(y / mu, p, by[kept])
    found: dict[str, tuple[float, Array]] = {"concentration": (c, z)}
    if bounds is not None:
        found |= _bounded(c, z, y, mu, bounds)
    for v in extended:
        found[f"extended({v:g})"] = _extended(y / mu, p, by[kept], rank, v)
    facts = (int(kept.size), kish_n(p), float(p[y == 0].sum()), missing)
    return {name: _measure(name, found.get(name), s, kept, p, facts, level) for name in names}


def _plain(r: Array, p: Array, by: Array) -> tuple[Array, float, Array]:
    """Mid-ranks, the concentration index, and its influence function."""
    rank, above = _ranks(p, by), _above(p * r, by)
    if (r == r[0]).all():
        return rank, 0.0, np.zeros_like(r)  # not the noise that doubles leave of it
    c = 2 * float((p * (r - 1) * (rank - 0.5)).sum())
    return rank, c, 2 * (r * rank + above) - (1 + c) * (1 + r)


def _bounded(c: float, z: Array, y: Array, mu: float, bounds: Bounds) -> dict[str, tuple[float, Array]]:
    """Wagstaff and Erreygers; Wagstaff has none where all stand at one end."""
    factors = bounded_factors(c, mu, bounds)
    return {name: (c * factor, factor * z + slope * (y / mu - 1)) for name, (factor, slope) in factors.items()}


def bounded_factors(c: float, mu: float, bounds: Bounds) -> dict[str, tuple[float, float]]:
    """Of each bounded index what C is multiplied by, and what a relative step of the mean adds to it at this C."""
    a, b = bounds
    found = {"erreygers": (4 * mu / (b - a), 4 * mu * c / (b - a))}
    if a < mu < b:
        by_mean = (b - a) * (mu * mu - a * b) / ((b - mu) * (mu - a)) ** 2  # slope of Wagstaff's factor
        found["wagstaff"] = (mu * (b - a) / ((b - mu) * (mu - a)), c * by_mean * mu)
    return found


def _extended(r: Array, p: Array, by: Array, rank: Array, v: float) -> tuple[float, Array]:
    """The extended index; a row that weighs more also moves the ranks of those above it (and half of its ties)."""
    held = r * power(1 - rank, v - 1)
    k = float((p * held).sum())
    q = p * r * power(1 - rank, v - 2)
    moved = (v - 1) * (_above(q, by) - float((q * rank).sum()))
    z = -v * (held - k - moved - k * (r - 1))
    return 1 - v * k, z


def _ties(by: Array) -> tuple[Ints, Ints, Ints]:
    """The order by rank, where each tie ends in it, and how many it has."""
    order = np.argsort(by, kind="stable")
    ends = np.append(np.flatnonzero(by[order][1:] != by[order][:-1]), by.size - 1)
    return order, ends, np.diff(ends, prepend=-1)


def _ranks(p: Array, by: Array) -> Array:
    """Mid-ranks by weight."""
    order, ends, size = _ties(by)
    upto = np.cumsum(p[order])[ends]
    upto[-1] = 1.0
    found = np.empty_like(p)
    found[order] = np.repeat((upto + np.concatenate([[0.0], upto[:-1]])) / 2, size)
    return found


def _above(amounts: Array, by: Array) -> Array:
    """What ranks above each row, with half of its own tie."""
    order, ends, size = _ties(by)
    upto = np.cumsum(amounts[order])[ends]
    found = np.empty_like(amounts)
    found[order] = np.repeat(upto[-1] - (upto + np.concatenate([[0.0], upto[:-1]])) / 2, size)
    return found


def _none(name: str, s: Sample, missing: float, reason: str) -> Measure:
    return Measure(name, None, None, None, None, s.n, kish_n(s.o.p), s.o.share_zero, missing, reason)


def _measure(
    name: str,
    found: tuple[float, Array] | None,
    s: Sample,
    kept: Ints,
    p: Array,
    facts: tuple[int, float, float, float],
    level: float,
) -> Measure:
    if found is None:
        return Measure(name, None, None, None, None, *facts, "the mean stands at an end of the bounds")
    value, z = found
    if facts[0] < LEAST:
        return Measure(name, value, None, None, None, *facts, FEW)
    parts = p * z
    if s.design is not None:
        placed = np.zeros(s.n)
        placed[kept] = parts
        parts = parts_of(s, placed, 0)
    spread = spread_of(parts, s.design)
    low = -math.inf if s.o.y[0] < 0 else 1 - float(name[9:-1]) if name.startswith("extended") else -1.0
    lower, upper = interval(value, spread, level=level, low=low, high=math.inf if s.o.y[0] < 0 else 1.0)
    return Measure(name, value, spread.se, lower, upper, *facts)
