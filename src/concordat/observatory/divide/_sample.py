"""Checked and sorted: the rows behind every measure of a divide, ordered once and shared by all measures.

A value that is NaN is missing: it is counted (`share_missing`, a share of weight) and left out. Everything else that no
figure can be made of is refused with its row, counted from 1: a weight that is negative, infinite or NaN, an infinite
value, a group, stratum or unit without a name. Rows of weight zero count for nothing.

    >>> s = sample([30.0, 10.0, float("nan")], [1.0, 2.0, 1.0], least=2)
    >>> s.n, s.o.y.tolist(), s.rows.tolist(), s.share_missing
    (2, [10.0, 30.0], [1, 0], 0.25)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from concordat.errors import InputError
from concordat.evidence._survey_variance import Design, design
from concordat.evidence.kernels import Array, Ordered, from_sorted, sort_rows

Ints: TypeAlias = npt.NDArray[np.int64]
LEAST = 3  # a divide of fewer values has no error worth the name (specification, section 12)


class Bounds(NamedTuple):
    """The lowest and the highest value that a figure can have."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows with a value and a weight, ascending by value.

    Attributes:
        o: the values and their shares.
        w: their weights.
        rows: the place of each among the rows given.
        given: how many rows were given.
        share_missing: share of weight whose value is missing.
        share_missing_once: the same with each row that has a weight counted once.
        design: how the rows were drawn; None: each by itself.
    """

    o: Ordered
    w: Array
    rows: Ints
    given: int
    share_missing: float
    share_missing_once: float
    design: Design | None = None

    @property
    def n(self) -> int:
        """How many values there are."""
        return int(self.o.y.size)

    def unweighted(self) -> Sample:
        """The same values, each counted once: the order stays, as ties are equal whatever their order."""
        ones = np.ones_like(self.w)
        once = self.share_missing_once
        return Sample(from_sorted(self.o.y, ones), ones, self.rows, self.given, once, once, self.design)

    def subset(self, places: Ints, share_missing: float) -> Sample:
        """Some of the sorted rows: they stay sorted."""
        o = from_sorted(self.o.y[places], self.w[places])
        return Sample(o, self.w[places], self.rows[places], self.given, share_missing, share_missing, self.design)


def kish_n(p: Array) -> float:
    """How many equal weights would say as much: `(sum p)^2 / sum p^2`, of shares, whose squares don't overflow."""
    return float(p.sum()) ** 2 / float((p * p).sum())


def numbers(values: Any, what: str, size: int | None = None) -> Array:
    """A list of numbers as an array; masked entries and None become NaN.

    Raises:
        InputError: not numbers, not a list, or not as long as the values.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.where(np.ma.getmaskarray(values), np.nan, values.data)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} holds something that is not a number.", hint="Leave gaps as NaN.") from error
    if array.ndim != 1:
        raise InputError(f"{what} has {array.ndim} dimensions.", hint="Give one number for each row.")
    if size is not None and array.size != size:
        raise InputError(f"{what} has {array.size} entries for {size} values.", hint="Give one for each value.")
    return array


def weights(values: Any, size: int) -> Array:
    """Weights as an array, ones where none are given.

    Raises:
        InputError: a weight that is negative or no number (with its row), or weights that sum to zero.
    """
    if values is None:
        return np.ones(size)
    w = numbers(values, "weight", size)
    if size and not (w.min() >= 0 and w.max() < np.inf):  # a NaN makes both false
        bad = ~(np.isfinite(w) & (w >= 0))
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"the weight is {w[row]:g}.", where=f"row {row + 1}", hint="Weights are counts of people or money.",
            code="weight",
        )  # fmt: skip
    if size and not w.any():
        raise InputError("the weights sum to zero.", where=f"rows 1 to {size}", hint="Load them, or ask without them.")
    return w


def finite_or_missing(y: Array, bounds: Bounds | None) -> None:
    """Refuse values that are infinite or, of a bounded figure, outside its bounds.

    Raises:
        InputError: naming the row.
    """
    limits = bounds or Bounds(-np.finfo(np.float64).max, np.finfo(np.float64).max)
    assert limits.low < limits.high, bounds
    if y.size and y.min() >= limits.low and y.max() <= limits.high:
        return
    bad = np.isinf(y)
    if bounds is not None:
        bad |= (y < bounds.low) | (y > bounds.high)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        inside = "a finite number" if bounds is None else f"from {bounds.low:g} to {bounds.high:g}"
        raise InputError(f"the value {y[row]:g} is not {inside}.", where=f"row {row + 1}", hint="Correct it, or NaN.")


def labels(values: Any, what: str, size: int) -> tuple[list[Any], Ints]:
    """The distinct names in sorted order, and the number of each row's name.

    Raises:
        InputError: a name that is missing (with its row), or a list of another length.
    """
    array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    if array.ndim != 1 or array.size != size:
        raise InputError(f"{what} has {array.size} entries for {size} values.", hint="Give one for each value.")
    if array.dtype != object:
        names, codes = np.unique(array, return_inverse=True)
        if array.dtype.kind == "f" and np.isnan(names).any():
            raise _nameless(what, int(np.flatnonzero(np.isnan(array))[0]))
        if array.dtype.kind == "U" and names.size and names[0] == "":
            raise _nameless(what, int(np.flatnonzero(array == "")[0]))
        return names.tolist(), codes.astype(np.int64)
    found: dict[Any, int] = {}
    codes = np.fromiter((found.setdefault(name, len(found)) for name in array), dtype=np.int64, count=size)
    for name, code in found.items():
        if name is None or name == "" or name != name:
            raise _nameless(what, int(np.flatnonzero(codes == code)[0]))
    ordered_names = sorted(found, key=lambda name: (str(type(name)), name))
    place = np.empty(len(found), dtype=np.int64)
    for i, name in enumerate(ordered_names):
        place[found[name]] = i
    return ordered_names, place[codes] if size else codes


def _nameless(what: str, row: int) -> InputError:
    return InputError(f"{what} is missing.", where=f"row {row + 1}", hint="Name it, or leave the row out.")


def sample(
    y: Any,
    weight: Any = None,
    *,
    bounds: Bounds | None = None,
    strata: Sequence[Any] | None = None,
    psu: Sequence[Any] | None = None,
    least: int = LEAST,
) -> Sample:
    """Check and sort once.

    Raises:
        InputError: see the module; also fewer than `least` values.
    """
    values = numbers(y, "y")
    w = weights(weight, values.size)
    finite_or_missing(values, bounds)
    how = None
    if strata is not None or psu is not None:
        h = None if strata is None else np.asarray(labels(strata, "stratum", values.size)[1])
        c = None if psu is None else np.asarray(labels(psu, "psu", values.size)[1])
        how = design(values.size, strata=None if h is None else h.tolist(), units=None if c is None else c.tolist())
    whole = values.size > 0 and bool(w.min() > 0) and not np.isnan(values.min())
    rows = None if whole else np.flatnonzero(~np.isnan(values) & (w > 0))
    kept_y, kept_w = (values, w) if rows is None else (values[rows], w[rows])
    if kept_y.size < least:
        raise InputError(
            f"{kept_y.size} values with a weight are too few: a divide needs {least}.",
            where=f"rows 1 to {values.size}", hint="Join groups, or print the figures themselves.", code="too_few",
        )  # fmt: skip
    order, kept_y, kept_w = sort_rows(kept_y, kept_w)
    o = from_sorted(kept_y, kept_w)
    missing, once = _missing(values, w) if rows is not None else (0.0, 0.0)
    return Sample(o, kept_w, order if rows is None else rows[order], values.size, missing, once, how)


def _missing(values: Array, w: Array) -> tuple[float, float]:
    """The shares of weight and of rows with a weight that have no value."""
    gone = np.isnan(values)
    return float(w[gone].sum() / w.sum()), float((w[gone] > 0).sum() / (w > 0).sum())
