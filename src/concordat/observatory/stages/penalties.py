"""Means with a penalty for being uneven, and a distance from the ideal: MPI, AMPI, mean-min, Wroclaw.

M, S are mean and standard deviation of a unit's available scores; no weights are used (a child of weight 0 arrives
here as missing). `sign` is +1 for a positive phenomenon (the penalty is taken off), -1 for a negative one (added).

    mpi       M -/+ S^2/M, S with n-1, on scores standardised before (100 +/- 10 by the step normalise)
    ampi      each indicator first 70 + 60 (x - (ref - D)) / (2 D), D = (max - min)/2 over all rows;
              then M -/+ S^2/M, S with n. `ref` is the mean, or a reference unit's value (its first row that has one)
    mean_min  columns first standardised to 100 +/- 10 (n-1); M - a (sqrt((M - min)^2 + b^2) - b)
    wroclaw   distance to the column maxima / (mean + 2 sd of all distances): less is better; squared
              differences of missing columns are replaced by the mean of the unit's others

For `ampi` "all rows" are those of one slice: `aggregate.as_rows` gives a panel of years as one slice.

Sources: Mazziotta & Pareto, Social Indicators Research 127 (2016); Casadio Tarabusi & Guarini, SIR 112 (2013); Hellwig
(1968), the Wroclaw taxonomy. The peer that has these rounds AMPI to three decimals and standardises mean-min along
rows; we do neither.

    >>> import numpy as np
    >>> from concordat.observatory.stages._children import Children
    >>> who = Children("index", ("a", "b"), ("BRA", "IND"))
    >>> mpi(np.array([[90.0, 110.0], [100.0, 100.0]]), 1, who).tolist()
    [98.0, 100.0]
"""

from __future__ import annotations

import numpy as np

from concordat.observatory.panel import Array, Bools
from concordat.observatory.stages._children import Children, first


def mpi(x: Array, sign: int, names: Children) -> Array:
    """Mazziotta-Pareto index. A unit with one of several scores is blank: one value has no spread."""
    mean, spread, count = _moments(x, 1)
    return _penalised(np.where(count > 1, mean, np.nan) if x.shape[-1] > 1 else mean, spread, sign, names)


def ampi(x: Array, sign: int, names: Children, *, reference: str = "mean", directions: Array | None = None) -> Array:
    """Adjusted Mazziotta-Pareto index; `directions` of -1 turn columns that were not turned before."""
    down = np.zeros(x.shape[-1], dtype=bool) if directions is None else np.asarray(directions) < 0
    low, high = _range(x)
    half = (high - low) / 2
    _refuse_constant(x, half, names, "AMPI")
    ref = _reference(x, reference, names)
    score = np.where(down, (ref + half) - x, x - (ref - half))
    scaled = 70.0 + 60.0 * score / (2.0 * np.where(half > 0, half, 1.0))
    mean, spread, _ = _moments(scaled, 0)
    return _penalised(mean, spread, sign, names)


def mean_min(x: Array, alpha: float, beta: float, names: Children) -> Array:
    """Mean-min function: alpha 0 is the mean, alpha 1 and beta 0 the minimum."""
    if not (0 <= alpha <= 1 and beta >= 0):
        raise names.refuse(f"mean_min has alpha {alpha:g}, beta {beta:g}.", hint="0 <= alpha <= 1 and beta >= 0.")
    mean, sd, count = (moment[..., None, :] for moment in _moments(np.swapaxes(x, -1, -2), 1))
    _refuse_constant(x, np.where(count > 1, sd, 0.0), names, "mean-min")
    z = 100.0 + 10.0 * (x - mean) / np.where(sd > 0, sd, 1.0)
    level, _, _ = _moments(z, 1)
    there = ~np.isnan(z)
    lowest = np.where(there, z, np.inf).min(axis=-1)
    gap = level - np.where(there.any(axis=-1), lowest, np.nan)
    return np.asarray(level - alpha * (np.sqrt(gap**2 + beta**2) - beta))


def wroclaw(x: Array, names: Children) -> Array:
    """Wroclaw taxonomic index, a distance: less is better."""
    _, high = _range(x)
    there = ~np.isnan(x)
    count = there.sum(axis=-1)
    squares = np.where(there, x - high, 0.0) ** 2
    columns = there.any(axis=-2).sum(axis=-1)[..., None]  # a column nobody has is no part of the distance
    distance = np.sqrt(squares.sum(axis=-1) * columns / np.maximum(count, 1))
    distance = np.where(count > 0, distance, np.nan)
    mean, sd, _ = _moments(distance, 1)
    scale = (mean + 2 * sd)[..., None]
    if (scale == 0).any():
        hint = "Drop the method or the indicators in which nobody differs."
        raise names.fault("all units are at the ideal, so Wroclaw distances have no scale.", hint=hint)
    return np.asarray(distance / scale)


def _moments(x: Array, ddof: int) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and number of the available values along the last axis; sd 0 if it has too few."""
    there = ~np.isnan(x)
    count = there.sum(axis=-1)
    mean = np.where(there, x, 0.0).sum(axis=-1) / np.maximum(count, 1)
    squares = (np.where(there, x - mean[..., None], 0.0) ** 2).sum(axis=-1)
    sd = np.sqrt(squares / np.maximum(count - ddof, 1))
    return np.where(count > 0, mean, np.nan), sd, count


def _penalised(mean: Array, sd: Array, sign: int, names: Children) -> Array:
    if sign not in (1, -1):
        raise names.refuse(f"sign is {sign}.", hint="Give 1 for positive phenomena, -1 for negative ones.")
    if (mean <= 0).any():
        slice_, unit, _ = first((mean <= 0)[..., None])
        what = "the penalty S^2/M needs a mean above 0."
        hint = "Standardise to 100 +/- 10 (normalise: zscore with mean 100, sd 10)."
        raise names.fault(what, unit=unit, slice_=slice_, hint=hint)
    return np.asarray(mean - sign * sd**2 / mean)


def _range(x: Array) -> tuple[Array, Array]:
    """Lowest and highest of each column, kept as a row; NaN where nobody has it."""
    there = ~np.isnan(x)
    some: Bools = np.asarray(there.any(axis=-2, keepdims=True))
    low = np.where(there, x, np.inf).min(axis=-2, keepdims=True)
    high = np.where(there, x, -np.inf).max(axis=-2, keepdims=True)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def _refuse_constant(x: Array, spread: Array, names: Children, method: str) -> None:
    flat = (spread == 0) & (~np.isnan(x)).any(axis=-2, keepdims=True)
    if flat.any():
        slice_, _, child = first(flat)
        what = f"{method} divides by the spread, and all units have the same value."
        raise names.fault(what, child=child, slice_=slice_, hint="Drop the indicator, or use another method.")


def _reference(x: Array, reference: str, names: Children) -> Array:
    """The value of each column, kept as a row, that AMPI sets to 100."""
    if reference == "mean":
        mean, _, _ = _moments(np.swapaxes(x, -1, -2), 1)
        return mean[..., None, :]
    rows = [i for i, unit in enumerate(names.units) if unit == reference]
    if not rows:
        raise names.refuse(f'the reference "{reference}" is not among the units.', hint='Give a unit, or "mean".')
    own = x[..., rows, :]
    at = np.argmax(~np.isnan(own), axis=-2, keepdims=True)
    ref = np.take_along_axis(own, at, axis=-2)
    gone = np.isnan(ref) & (~np.isnan(x)).any(axis=-2, keepdims=True)
    if gone.any():
        slice_, _, child = first(gone)
        hint = 'Choose a unit that has all indicators, or "mean".'
        raise names.fault(f"{reference}, the reference, has no value.", child=child, slice_=slice_, hint=hint)
    return ref
