"""One measure of a sorted sample as it is handed out: value, error, interval, and what it rests on.

>>> from concordat.observatory.divide._sample import sample
>>> from concordat.observatory.divide._basis import basis
>>> s = sample([10.0, 20.0, 60.0], [2.0, 1.0, 1.0])
>>> m = measure_of("gini", s, basis(s))
>>> round(m.value, 12), m.n, m.reason
(0.4, 3, '')
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from concordat.errors import MethodError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._basis import Basis, Scored
from concordat.observatory.divide._sample import LEAST, Sample, kish_n
from concordat.observatory.divide._scores import MEASURES, NOUGHT_WHEN_EQUAL
from concordat.observatory.divide.inference import LEVEL, Spread, from_moments, interval, spread_of

BLOCK = 16_384  # rows that stay in the processor's cache while their scores are made
FEW = "fewer than 3 values: no error"


class Facts(NamedTuple):
    """What a measure rests on; see `Measure`."""

    n: int
    n_eff: float | None
    share_zero: float
    share_missing: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure with what it rests on.

    Attributes:
        value: None where there is none, for the `reason` given.
        se: standard error; None where there is none, for the `reason` given.
        lower, upper: the interval, as None as the error.
        n: rows with a value and a weight (above zero, where the measure is of those); None in a suppressed cell.
        n_eff: `(sum w)^2 / sum w^2` of them.
        share_zero: share of weight whose value is zero.
        share_missing: share of weight without a value.
        reason: why something is None; "" where nothing is.
    """

    name: str
    value: float | None
    se: float | None
    lower: float | None
    upper: float | None
    n: int | None
    n_eff: float | None
    share_zero: float | None
    share_missing: float | None
    reason: str = ""


def suppressed(name: str, min_cell: int) -> Measure:
    """What stands in a cell of too few rows: nothing, and why."""
    return Measure(name, None, None, None, None, None, None, None, None, f"fewer than {min_cell} rows")


def measure_of(
    name: str, s: Sample, b: Basis, level: float = LEVEL, spreads: dict[str, Spread] | None = None
) -> Measure:
    """One measure of a sorted sample, with its error and interval; `spreads` remembers errors that others share."""
    try:
        scored = MEASURES[name](b)
    except MethodError as error:
        return Measure(name, None, None, None, None, s.n, b.n_eff, b.o.share_zero, s.share_missing, str(error))
    if name in NOUGHT_WHEN_EQUAL and b.o.y[0] == b.o.y[-1]:
        scored = Scored(0.0, lambda c: 0 * c.r)  # not the noise that doubles leave of it
    return measure_from(name, s, b, scored, level, spreads)


def measure_from(
    name: str, s: Sample, b: Basis, scored: Scored, level: float = LEVEL, spreads: dict[str, Spread] | None = None
) -> Measure:
    """The same of a measure that has its value and influence function already."""
    n, n_eff = s.n, b.n_eff
    if scored.positive and b.pos is not b.o:
        n, n_eff = int(b.pos.y.size), kish_n(b.pos.p)
    reason = scored.reason or (FEW if n < LEAST else "")
    se = lower = upper = None
    if scored.score is not None and not reason:
        spread = _shared(name, s, b, scored, spreads if spreads is not None else {})
        se = spread.se
        lower, upper = interval(scored.value, spread, level=level, ratio=scored.ratio, low=scored.low, high=scored.high)
    return Measure(name, scored.value, se, lower, upper, n, n_eff, b.o.share_zero, s.share_missing, reason)


def _shared(name: str, s: Sample, b: Basis, scored: Scored, spreads: dict[str, Spread]) -> Spread:
    """The error, from that of the measure it is a function of where that is known already."""
    if scored.like is not None and scored.like[0] in spreads:
        other, factor = scored.like
        return replace(spreads[other], se=spreads[other].se * factor)
    spreads[name] = _spread(s, b, scored)
    return spreads[name]


def _spread(s: Sample, b: Basis, scored: Scored) -> Spread:
    """The error of one measure; in blocks, so that a million scores never stand in memory at once."""
    assert scored.score is not None
    columns, p = (b.positive, b.pos.p) if scored.positive else (b.whole, b.o.p)
    if s.design is not None:
        found = spread_of(parts_of(s, p * scored.score(columns), s.n - p.size), s.design)
        return replace(found, se=found.se * scored.scale)
    sums = []
    for i in range(0, p.size, BLOCK):
        block = slice(i, i + BLOCK)
        part = p[block] * scored.score(columns.part(block))
        square = part * part
        sums.append((square.sum(), (square * part).sum(), (square * square).sum()))
    s2, s3, s4 = (math.fsum(column) for column in zip(*sums, strict=True))
    found = from_moments(s2, s3, s4, p.size)
    return replace(found, se=found.se * scored.scale)


def estimated(
    name: str,
    value: float,
    parts: Array,
    s: Sample,
    first: int = 0,
    *,
    level: float = LEVEL,
    low: float = -math.inf,
    high: float = math.inf,
) -> Measure:
    """A measure of the sorted rows from `first` on, from its value and its parts p z."""
    n, n_eff = s.n - first, kish_n(s.o.p[first:])
    if n < LEAST:
        return Measure(name, value, None, None, None, n, n_eff, s.o.share_zero, s.share_missing, FEW)
    spread = spread_of(parts_of(s, parts, first), s.design)
    lower, upper = interval(value, spread, level=level, low=min(low, value), high=max(high, value))
    return Measure(name, value, spread.se, lower, upper, n, n_eff, s.o.share_zero, s.share_missing)


def parts_of(s: Sample, parts: Array, first: int) -> Array:
    """The parts p z, of the sorted rows from `first` on, as an error is made of them.

    In a sample with a design they stand where the rows were given, and rows that have no part in it are zero: they are
    outside the domain, but their units are in the design.
    """
    if s.design is None:
        return parts
    placed = np.zeros(s.given)
    placed[s.rows[first:]] = parts
    return placed
