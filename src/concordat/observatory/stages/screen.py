"""Which units have enough figures to be ranked, and what does each column look like before it is used?

Per unit, over k indicators: share of data 1 - missing/k, share of nonzero values 1 - zeros/(k - missing). A unit stays
when the shares reach the thresholds that are set; lists of units to keep or drop win over both. A unit without any
data has no nonzero share (blank): it never reaches a threshold on it. Column statistics come with flags, for the audit.
Source: OECD/JRC Handbook (2008), step 3; COINr 1.1.14, `Screen` and `get_stats`. Screening removes no row: the caller
empties the cells of units that are not kept.

    >>> import numpy as np
    >>> frame = Frame(("BRA", "IND"), ("users", "lines"), np.array([1.0, 1.0]), (0, 0))
    >>> found = screen(np.array([[[50.0, 0.0], [np.nan, 4.0]]]), frame, Screen(min_share=0.6))
    >>> found.keep.tolist(), found.data_share.tolist(), found.nonzero_share.tolist()
    ([[True, False]], [[1.0, 0.5]], [[0.5, 1.0]])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools, Frame, Note, no_notes, slice_name
from concordat.observatory.stages.options import Screen
from concordat.observatory.stages.treat import kurtosis, skewness

STAGE = "screen"

# Flags of a column (specification, section 4): shares of all units below these.
AVAILABLE_MIN, NONZERO_MIN, UNIQUE_MIN = 0.65, 0.5, 0.5
SKEW_MAX, KURTOSIS_MAX = 2.0, 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """Who stays `[slice, unit]`, and the shares that say so; `nonzero_share` is NaN for a unit without data."""

    keep: Bools
    data_share: Array
    nonzero_share: Array
    notes: Callable[[], tuple[Note, ...]] = no_notes


@dataclass(frozen=True, slots=True)
class Statistic:
    """What one column looks like; shares are of all units, None stands where there is no such number.

    Attributes:
        n: values present.
        sd: with divisor n - 1. skew, kurtosis: G1 and G2, as `treat` judges them.
        flags: of `few_values`, `zeros`, `repeated`, `outliers`.
    """

    indicator: str
    n: int
    available: float
    nonzero: float
    unique: float
    minimum: float | None
    maximum: float | None
    mean: float | None
    sd: float | None
    skew: float | None
    kurtosis: float | None
    flags: tuple[str, ...]


def availability(x: Array) -> tuple[Array, Array]:
    """Share of data and share of nonzero values, each `[slice, unit]`, of `[slice, unit, indicator]`.

    The nonzero share of a unit without any data is NaN: there is nothing that it could be a share of.
    """
    k = x.shape[-1]
    observed = k - np.isnan(x).sum(axis=-1)
    nonzero = observed - (x == 0).sum(axis=-1)
    # One quotient of whole numbers, so that 7 of 10 is the 0.7 of the file; 1 - 3/10 is not.
    data = observed / max(k, 1)
    return data, np.where(observed > 0, nonzero / np.maximum(observed, 1), np.nan)


def screen(x: Array, frame: Frame, options: Screen) -> Screened:
    """Decide who stays, slice by slice.

    Raises:
        InputError: a unit to keep or drop that is not there, or that stands in both lists.
    """
    assert x.ndim == 3, f"a stack is [slice, unit, indicator], not {x.shape}"
    _check_lists(frame, options)
    data, nonzero = availability(x)
    keep = np.ones(data.shape, dtype=bool)
    if options.min_share is not None:
        keep &= data >= options.min_share
    if options.min_nonzero is not None:
        keep &= nonzero >= options.min_nonzero
    judged = keep.copy()
    for unit, name in enumerate(frame.units):
        if name in options.keep:
            keep[:, unit] = True
        elif name in options.drop:
            keep[:, unit] = False
    return Screened(keep, data, nonzero, lambda: _notes(x, frame, options, judged, data, nonzero))


def _check_lists(frame: Frame, options: Screen) -> None:
    for name in (*options.keep, *options.drop):
        if name not in frame.units:
            hint = f"Units: {', '.join(frame.units[:12])}."
            raise InputError(f'"{name}" is not a unit of this index.', where=f"step {STAGE}", hint=hint)
    if both := sorted(set(options.keep) & set(options.drop)):
        hint = "Take it out of one list."
        raise InputError(f"{both[0]} is to be kept and to be dropped.", where=f"step {STAGE}", hint=hint)


def _notes(x: Array, frame: Frame, options: Screen, judged: Bools, data: Array, nonzero: Array) -> tuple[Note, ...]:
    """Each unit that was dropped, or kept although it falls short."""
    notes = []
    for s in range(x.shape[0]):
        for u, name in enumerate(frame.units):
            forced = "kept" if name in options.keep else "dropped" if name in options.drop else ""
            if judged[s, u] and forced != "dropped":
                continue
            have = int(np.isfinite(x[s, u]).sum())
            text = f"{have} of {x.shape[-1]} indicators have a figure ({data[s, u]:.2f})"
            if options.min_nonzero is not None:
                text += ", none to be zero or not" if have == 0 else f", {nonzero[s, u]:.2f} of them not zero"
            text += {"kept": "; kept by the index file", "dropped": "; dropped by the index file"}.get(forced, "")
            code = "kept" if forced == "kept" else "screened"
            notes.append(Note(STAGE, code, unit=name, slice=slice_name(frame, s), text=text, warning=True))
    return tuple(notes)


def statistics(x: Array, frame: Frame) -> list[Statistic]:
    """Statistics and flags of each column of `[unit, indicator]`."""
    assert x.ndim == 2, f"one slice [unit, indicator], not {x.shape}"
    skews, kurtoses = skewness(x), kurtosis(x)
    return [_statistic(name, x[:, i], skews[i], kurtoses[i]) for i, name in enumerate(frame.indicators)]


def _statistic(name: str, column: Array, skew: float, kurt: float) -> Statistic:
    units = max(len(column), 1)
    values = np.sort(column[~np.isnan(column)])  # sums in sorted order: the order of units changes no bit
    n = len(values)
    available = n / units
    nonzero = int((values != 0).sum()) / units
    unique = len(np.unique(values)) / units
    marks = {
        "few_values": available < AVAILABLE_MIN,
        "zeros": nonzero < NONZERO_MIN,
        "repeated": unique < UNIQUE_MIN,
        "outliers": abs(skew) > SKEW_MAX and kurt > KURTOSIS_MAX,
    }
    return Statistic(
        indicator=name,
        n=n,
        available=available,
        nonzero=nonzero,
        unique=unique,
        minimum=float(values[0]) if n else None,
        maximum=float(values[-1]) if n else None,
        mean=float(values.mean()) if n else None,
        sd=float(values.std(ddof=1)) if n > 1 else None,
        skew=None if np.isnan(skew) else float(skew),
        kurtosis=None if np.isnan(kurt) else float(kurt),
        flags=tuple(flag for flag, raised in marks.items() if raised),
    )
