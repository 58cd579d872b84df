"""Which columns are bent by outliers, and what becomes of them? Winsorising, then a transformation if that fails.

A column passes when |G1| < skew or G2 < kurtosis (strict), with the sample-adjusted skewness and excess kurtosis

    G1 = g sqrt(n(n-1))/(n-2), g = sqrt(n) S3/S2^1.5,    G2 = ((n+1)(r-3)+6)(n-1)/((n-2)(n-3)), r = n S4/S2^2.

While it does not pass and fewer than `winsorise_max` values are moved, all values equal to the maximum (G1 >= 0) or
minimum are set to the nearest value inside. If it still fails, the *original* column (the winsorised one with
`combine`) is transformed, and that result is kept even if it fails as well. Direction plays no part.
Source: OECD/JRC, *Your 10-Step Pocket Guide* (2020), step 5; Joanes & Gill, *The Statistician* 47 (1998) for G1 and G2;
conventions of COINr 1.1.14, `Treat`.

The specification leaves one case open: where the next step would make all values equal, winsorising stops before it
and the column counts as failing. Columns with fewer than three values, or all equal, are untreated and reported.

All slices go at once. Moments of all columns are taken together; only columns that fail are worked on: each is sorted
once, and winsorising is a walk of two bounds inwards along the sorted values.

    >>> import numpy as np
    >>> frame = Frame(tuple("ABCDEFGH"), ("users",), np.array([1.0]), (0,))
    >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 900.0]).reshape(1, 8, 1)
    >>> treat(x, frame, Treat()).values.ravel().tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._elementary import log, power
from concordat.observatory import compat
from concordat.observatory.panel import Array, Bools, Frame, Ints, Note, Staged, fault, slice_name
from concordat.observatory.stages.options import COINR, Treat

STAGE = "treat"
_CELLS = 1 << 16  # of a block whose moments are taken at once: it stays in the processor's cache
_TINY = 1e-250  # a sum of fourth powers below it may have lost some of them; the column is scaled and done again
_SHARE_OF_RANGE = 0.01  # the a of log_ct, as a share of the range


Refuse: TypeAlias = Callable[[int, str, str], MethodError]  # of a row, what is wrong and what to do about it


# --- Shape of a column ---


def skewness(x: Array) -> Array:
    """G1 of each column, over units (axis -2); NaN with fewer than three values or where all are equal."""
    return shape(x)[0]


def kurtosis(x: Array) -> Array:
    """G2 (excess) of each column, over units (axis -2); NaN with fewer than four values or where all are equal."""
    return shape(x)[1]


def shape(x: Array) -> tuple[Array, Array]:
    """G1 and G2 of each column, over units (axis -2)."""
    assert x.ndim >= 2, "columns need units: [..., unit, indicator]"
    where = (*x.shape[:-2], x.shape[-1])
    if x.size == 0:
        return np.full(where, np.nan), np.full(where, np.nan)
    stack = np.asarray(x, dtype=np.float64).reshape(-1, *x.shape[-2:])
    g1, g2 = np.empty((len(stack), x.shape[-1])), np.empty((len(stack), x.shape[-1]))
    step = max(1, _CELLS // max(x.shape[-2] * x.shape[-1], 1))
    for start in range(0, len(stack), step):
        g1[start : start + step], g2[start : start + step] = _shape_of(stack[start : start + step], axis=-2)
    return g1.reshape(where), g2.reshape(where)


def _shape_of(x: Array, axis: int) -> tuple[Array, Array]:
    missing = np.isnan(x)
    gaps = bool(missing.any())
    n = (x.shape[axis] - missing.sum(axis=axis)).astype(np.float64)
    # Columns that are too wide or too narrow for float64, or have no values, are found below and done with more care.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = (np.where(missing, 0.0, x) if gaps else x).sum(axis=axis) / n
        d = x - np.expand_dims(mean, axis)
        if gaps:
            d[missing] = 0.0
        s2, s3, s4 = _sums(d, axis)
        rounding = n * (mean * np.maximum(n, 100.0) * 1e-15) ** 2
        doubtful = ~(s4 < np.inf) | (s4 < _TINY) | (s2 <= rounding)
    g1, g2 = _from_sums(n, s2, s3, s4, ~doubtful)
    if doubtful.any():
        columns = np.moveaxis(x, axis, -1)[doubtful]
        g1[doubtful], g2[doubtful] = _shape_with_care(columns, n[doubtful])
    return g1, g2


def _sums(d: Array, axis: int) -> tuple[Array, Array, Array]:
    squares = d * d
    s2 = squares.sum(axis=axis)
    d *= squares
    s3 = d.sum(axis=axis)
    squares *= squares
    return s2, s3, squares.sum(axis=axis)


def _shape_with_care(columns: Array, n: Array) -> tuple[Array, Array]:
    """G1 and G2 along the last axis of columns that may be constant, or whose powers float64 would not hold."""
    low, high = np.fmin.reduce(columns, axis=-1), np.fmax.reduce(columns, axis=-1)
    varied = low < high
    largest = np.where(varied, np.maximum(np.abs(low), np.abs(high)), 1.0)
    exponent = -np.frexp(largest)[1][:, None]  # scaling by a power of two is exact
    scaled = np.ldexp(columns, exponent)
    z = scaled - np.ldexp(np.where(varied, low, 0.0)[:, None], exponent)
    z = z / np.where(varied, np.fmax.reduce(z, axis=-1), 1.0)[:, None]
    missing = np.isnan(z)
    mean = np.where(missing, 0.0, z).sum(axis=-1) / np.maximum(n, 1.0)
    d = np.where(missing, 0.0, z - mean[:, None])
    return _from_sums(n, *_sums(d, -1), varied)


def _from_sums(n: Array, s2: Array, s3: Array, s4: Array, usable: Bools) -> tuple[Array, Array]:
    three, four = usable & (n >= 3), usable & (n >= 4)
    m = np.where(three, n, 5.0)
    root = np.where(three, s2, 1.0)
    root = root * np.sqrt(root)
    g1 = np.sqrt(m) * np.where(three, s3, 0.0) / root * np.sqrt(m * (m - 1)) / (m - 2)
    m, v = np.where(four, n, 5.0), np.where(four, s2, 1.0)
    r = m * np.where(four, s4, 0.0) / (v * v)
    g2 = ((m + 1) * (r - 3) + 6) * (m - 1) / ((m - 2) * (m - 3))
    return np.where(three, g1, np.nan), np.where(four, g2, np.nan)


def passes(g1: Array, g2: Array, options: Treat) -> Bools:
    """|G1| < skew or G2 < kurtosis, both strict; G1 alone where there is no G2."""
    return np.asarray((np.abs(g1) < options.skew) | (g2 < options.kurtosis))


# --- The step ---


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """Columns that failed, as rows `[column, unit]`, and which slices and indicators they are.

    Attributes:
        pooled: a row holds the units of all slices, one slice after the other.
    """

    frame: Frame
    pooled: bool
    slices: Ints
    indicators: Ints
    before: Array
    after: Array
    transformed: Bools

    def slice_of(self, number: int) -> str:
        """What messages call a slice; "" where all are pooled."""
        return "" if self.pooled else slice_name(self.frame, number)

    def place(self, number: int, unit: int) -> tuple[str, str]:
        """Unit and slice of a cell."""
        if not self.pooled:
            return self.frame.units[unit], slice_name(self.frame, number)
        units = len(self.frame.units)
        return self.frame.units[unit % units], slice_name(self.frame, unit // units)


def treat(x: Array, frame: Frame, options: Treat) -> Staged:
    """Treat the columns of `[slice, unit, indicator]` that fail; slices alone, or pooled with `over: all_years`.

    Raises:
        MethodError: `log_gii` of a column whose maximum is not above 1, or a range that no number can hold.
    """
    assert x.ndim == 3, f"a stack is [slice, unit, indicator], not {x.shape}"
    assert x.shape[1:] == (len(frame.units), len(frame.indicators)), "the frame names other rows and columns"
    out = np.array(x, dtype=np.float64)
    if options.rule == "none" or x.size == 0:
        return Staged(out)
    pooled = options.over == "all_years"
    stack = out.reshape(1, -1, x.shape[2]) if pooled else out  # a view: what is written below stands in `out`
    g1, g2 = shape(stack)
    slices, indicators = np.nonzero(~passes(g1, g2, options) & ~np.isnan(g1))
    before = stack[slices, :, indicators]
    after, transformed = before, np.zeros(slices.size, dtype=bool)
    if slices.size:

        def refuse(row: int, what: str, hint: str) -> MethodError:
            number = None if pooled else int(slices[row])
            return fault(frame, STAGE, what, indicator=int(indicators[row]), slice_=number, hint=hint)

        after, transformed = _treat_columns(before, g1[slices, indicators], options, refuse)
        stack[slices, :, indicators] = after
    work = _Work(frame, pooled, slices, indicators, before, after, transformed)
    present = x.reshape(stack.shape)
    return Staged(out, lambda: _notes(present, options, g1, work))


def _treat_columns(before: Array, g1: Array, options: Treat, refuse: Refuse) -> tuple[Array, Bools]:
    """Treat failing columns `[column, unit]`; says which were transformed."""
    low, high, passed = _winsorise(before, g1, options)
    after = np.clip(before, low[:, None], high[:, None])
    transformed = ~passed if options.then != "none" else np.zeros_like(passed)
    if transformed.any():
        start = after if options.combine else before
        rows = np.flatnonzero(transformed)
        after[rows] = _transformed(start[rows], options, lambda row, what, hint: refuse(int(rows[row]), what, hint))
    return after, transformed


# --- Winsorising ---


def _winsorise(columns: Array, g1: Array, options: Treat) -> tuple[Array, Array, Bools]:
    """Walk the bounds of failing columns `[column, unit]` inwards until they pass or may go no further.

    Returns:
        The lowest and highest value of each column, to which others are moved, and whether it passes now.
    """
    ordered = np.sort(columns, axis=-1)  # missing values go last
    n = (~np.isnan(ordered)).sum(axis=-1)
    rows = np.arange(len(ordered))
    low, high = ordered[:, 0].copy(), ordered[rows, n - 1].copy()
    passed = np.zeros(len(ordered), dtype=bool)
    moved_low, moved_high = np.zeros_like(n), np.zeros_like(n)
    g1 = g1.copy()
    active = rows
    for _ in range(options.winsorise_max):  # each round moves one value more at least
        active = active[(moved_low + moved_high)[active] < options.winsorise_max]
        active = active[_step(ordered, n, g1, low, high, moved_low, moved_high, active)]
        if active.size == 0:
            break
        current = np.clip(ordered[active], low[active, None], high[active, None])
        g1[active], g2 = _shape_of(current, axis=-1)
        good = passes(g1[active], g2, options)
        passed[active] = good
        active = active[~good]
    return low, high, passed


def _step(
    ordered: Array, n: Ints, g1: Array, low: Array, high: Array, moved_low: Ints, moved_high: Ints, active: Ints
) -> Bools:
    """Move one bound of each active column; False where all its values would become equal, and nothing is moved."""
    done = np.zeros(active.size, dtype=bool)
    up = g1[active] >= 0
    tops = active[up]
    inside = (ordered[tops] < high[tops, None]).sum(axis=-1)
    bound = np.maximum(ordered[tops, inside - 1], low[tops])
    go = bound > low[tops]
    high[tops[go]], moved_high[tops[go]] = bound[go], (n[tops] - inside)[go]
    done[np.flatnonzero(up)[go]] = True
    ends = active[~up]
    outside = (ordered[ends] <= low[ends, None]).sum(axis=-1)
    bound = np.minimum(ordered[ends, np.minimum(outside, ordered.shape[1] - 1)], high[ends])
    go = bound < high[ends]
    low[ends[go]], moved_low[ends[go]] = bound[go], outside[go]
    done[np.flatnonzero(~up)[go]] = True
    return done


# --- Transformations ---


def _transformed(x: Array, options: Treat, refuse: Refuse) -> Array:
    """`options.then` of columns `[column, unit]`; `refuse(row, what, hint)` makes the error of a column."""
    low, high = np.fmin.reduce(x, axis=-1, keepdims=True), np.fmax.reduce(x, axis=-1, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):  # a result that is no number is refused below
        found = _formula(x, low, high, options, refuse)
    bad = ~np.isfinite(found) & ~np.isnan(x)
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        what = f"{options.then} of values from {low[row, 0]:g} to {high[row, 0]:g} is no number."
        raise refuse(row, what, "Use another transformation, or rescale the indicator.")
    return found


def _formula(x: Array, low: Array, high: Array, options: Treat, refuse: Refuse) -> Array:
    then, a = options.then, _SHARE_OF_RANGE * (high - low)
    if then == "log_ct":
        return log(x - low + a)
    if then == "log_ct_plus":
        up = (_shape_of(x, axis=-1)[0] > 0)[:, None]
        found = log(np.where(up, x - low + a, high + a - x))
        return np.where(up, found, -found)
    if then == "log_ct_orig":
        return log(x - low + 1)
    if then == "box_cox":
        exponent = options.box_cox_lambda
        if exponent == 0:
            return log(x - low + 1)
        return np.where(np.isnan(x), np.nan, (power(x - low + 1, exponent) - 1) / exponent)
    assert then == "log_gii", then
    if options.compat == COINR:
        return compat.log_gii(x)
    if (high <= 1).any():
        row = int(np.argmax(high[:, 0] <= 1))
        what = f"log_gii needs a maximum above 1; it is {high[row, 0]:g}."
        raise refuse(row, what, "Use then: log_ct, which takes any range.")
    return log((high - 1) * (x - low) / (high - low) + 1)


# --- What was done ---


def _notes(x: Array, options: Treat, g1: Array, work: _Work) -> tuple[Note, ...]:
    notes = _untreated(x, g1, work)
    if work.slices.size == 0:
        return tuple(notes)
    before, after = _shape_of(work.before, axis=-1), _shape_of(work.after, axis=-1)
    failing = ~passes(*after, options)
    for row in range(len(work.before)):
        old, new, number = work.before[row], work.after[row], int(work.slices[row])
        name, place = work.frame.indicators[work.indicators[row]], work.slice_of(number)
        cells = np.flatnonzero((old != new) & ~np.isnan(old))
        code = "transformed" if work.transformed[row] else "winsorised"
        text = options.then if work.transformed[row] else f"{cells.size} values winsorised"
        for measure, first, last in (("skewness", before[0], after[0]), ("kurtosis", before[1], after[1])):
            notes.append(Note(STAGE, measure, name, "", place, _or_none(first[row]), _or_none(last[row]), text))
        for cell in cells:
            unit, place_of_cell = work.place(number, int(cell))
            notes.append(Note(STAGE, code, name, unit, place_of_cell, float(old[cell]), float(new[cell]), text))
        if failing[row]:
            still = f"still fails after treatment ({text})"
            notes.append(Note(STAGE, "still_fails", name, slice=place, text=still, warning=True))
    return tuple(notes)


def _untreated(x: Array, g1: Array, work: _Work) -> list[Note]:
    """Columns that have no skewness: too few values, or all equal."""
    notes = []
    for s, i in np.argwhere(np.isnan(g1)):
        n = int((~np.isnan(x[s, :, i])).sum())
        code, text = ("constant", f"all {n} values are equal") if n >= 3 else ("too_few", f"{n} values, three needed")
        place = work.slice_of(int(s))
        name = work.frame.indicators[i]
        notes.append(Note(STAGE, code, name, slice=place, text=f"untreated: {text}", warning=True))
    return notes


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
