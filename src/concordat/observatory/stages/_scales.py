"""The formulas of `normalise`, each on a block of slices of the columns that share it; see there for what they are.

A method takes the values `[slice, unit, column]` and the *base* that gives its parameters: the same block, or one
slice that serves all. What can't be divided by is refused here, naming the column and slice, or blank in `compat`.

    >>> ranks(np.array([[[3.0], [1.0], [3.0], [np.nan]]]), "average").ravel().tolist()
    [2.5, 1.0, 2.5, nan]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._elementary import log
from concordat.observatory import compat
from concordat.observatory.panel import Array, Bools, Frame, fault
from concordat.observatory.stages.options import COINR, Column, Normalise

STAGE = "normalise"
VALUES_MIN = 3  # fewer say nothing about a range
_MAD_TO_SD = 1.4826  # of a normal distribution; the specification gives four decimals
_NO_RANGE = "Drop it or give goalposts."
_DOMAIN = "Use transform: log1p, drop `log`, or correct the value."


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Columns that share a method, and what it needs of each.

    Attributes:
        columns: their numbers in the frame. given: their options, goalposts and other numbers in ln where `log` is set.
        start, base: numbers of the first slice of the values and of what gives the parameters, for messages.
    """

    method: str
    columns: tuple[int, ...]
    given: tuple[Column, ...]
    frame: Frame
    options: Normalise
    start: int = 0
    base: int = 0

    @property
    def directions(self) -> Array:
        """+1 or -1 for each column of the part."""
        return np.asarray(self.frame.directions, dtype=np.float64)[list(self.columns)]

    @property
    def compat(self) -> bool:
        """Whether the peer's conventions are asked for."""
        return self.options.compat == COINR

    def ends(self) -> tuple[Array, Array]:
        """Worst and best goalpost of each column as y = d x sees them: (lo, hi), or (-hi, -lo) where less is better."""
        pairs = []
        for number, (column, d) in enumerate(zip(self.given, self.directions, strict=True)):
            if column.goalposts is None:
                raise self.fault(number, "it has no goalposts.", "Give goalposts, or take another method.")
            low, high = column.goalposts
            if low == high and self.compat:
                low = high = np.nan  # the peer leaves the column blank
            elif not 0 < high - low < np.inf:
                what = f"goalposts {low:g} and {high:g} leave no range."
                raise self.fault(number, what, "Give the lower one first; direction says which is best.")
            pairs.append((low, high) if d > 0 else (-high, -low))
        return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])

    def cut(self) -> Bools:
        """Which columns are cut to 0..1."""
        own = [c.truncate for c in self.given]
        return np.array([self.options.truncate if t is None else t for t in own], dtype=bool)

    def fault(
        self, number: int, what: str, hint: str, unit: int | None = None, slice_: int | None = None
    ) -> MethodError:
        """The error of one of the part's columns."""
        return fault(self.frame, STAGE, what, indicator=self.columns[number], unit=unit, slice_=slice_, hint=hint)

    def fault_of_base(self, bad: Bools, say: Callable[[int, int], tuple[str, str]]) -> MethodError:
        """The error of the first column of the base `[slice, 1, column]` that is marked; `say(slice, column)`."""
        s, _, number = (int(i) for i in np.argwhere(bad)[0])
        what, hint = say(s, number)
        return self.fault(number, what, hint, slice_=self.base + s)

    def logged(self, x: Array, first: int) -> Array:
        """The block with the columns in ln that ask for it; numbers its slices from `first` in messages."""
        marked = [n for n, column in enumerate(self.given) if column.log and self.method != "categorical"]
        if not marked:
            return x
        found = x.copy()
        for number in marked:
            values = x[:, :, number]
            if (bad := values <= 0).any():
                s, u = (int(i) for i in np.argwhere(bad)[0])
                what = f"the value {values[s, u]:g} has no log."
                raise self.fault(number, what, _DOMAIN, u, first + s)
            found[:, :, number] = log(values)
        return found


# --- What parameters come from ---


def _extent(part: Part, base: Array) -> tuple[Array, Array]:
    """Minimum and maximum of each column `[slice, 1, column]`, refused where there is no range (not in compat)."""
    low, high = np.fmin.reduce(base, axis=-2, keepdims=True), np.fmax.reduce(base, axis=-2, keepdims=True)
    if part.compat:
        return low, high
    n = _count(base)
    if (few := n < VALUES_MIN).any():

        def say_few(s: int, c: int) -> tuple[str, str]:
            what = f"{int(n[s, 0, c])} of {base.shape[1]} units have a value; {VALUES_MIN} are needed."
            return what, "Drop it, give goalposts, or pool the years (over: all_years)."

        raise part.fault_of_base(few, say_few)
    with np.errstate(over="ignore"):  # too wide a range is infinite, and refused
        span = high - low
    if (bad := ~((span > 0) & (span < np.inf))).any():

        def say(s: int, c: int) -> tuple[str, str]:
            if low[s, 0, c] == high[s, 0, c]:
                return f"all {int(n[s, 0, c])} units have {low[s, 0, c]:g}.", _NO_RANGE
            what = f"values from {low[s, 0, c]:g} to {high[s, 0, c]:g} are too far apart for a number."
            return what, "Rescale the indicator."

        raise part.fault_of_base(bad, say)
    return low, high


def _extent_of_y(part: Part, base: Array) -> tuple[Array, Array]:
    """Minimum and maximum of y = d x."""
    low, high = _extent(part, base)
    up = part.directions > 0
    return np.where(up, low, -high), np.where(up, high, -low)


def _count(base: Array) -> Array:
    """Values present in each column `[slice, 1, column]`."""
    return np.asarray(base.shape[1] - np.isnan(base).sum(axis=-2, keepdims=True), dtype=np.float64)


def _divisor(part: Part, span: Array, what: str, hint: str = _NO_RANGE) -> Array:
    """The span if it can be divided by; NaN for zero in compat."""
    if part.compat:
        return np.where(span == 0, np.nan, span)
    if (bad := ~(span > 0)).any():
        raise part.fault_of_base(np.broadcast_to(bad, span.shape), lambda *_: (what, hint))
    return span


def _unit_scale(part: Part, x: Array, base: Array) -> tuple[Array, Array]:
    """(y - min)/(max - min) of values and base: the same object if the base is the block itself."""
    low, high = _extent_of_y(part, base)
    span = _divisor(part, high - low, "no range.")
    y = x * part.directions
    y -= low
    y /= span
    return y, y if base is x else (base * part.directions - low) / span


# --- Methods ---


def _minmax(part: Part, x: Array, base: Array) -> Array:
    options = part.options
    if options.over == "given":
        worst, best = part.ends()
        y = x * part.directions
        y -= worst
        y /= best - worst
    else:
        y, _ = _unit_scale(part, x, base)
    y *= options.upper - options.lower
    y += options.lower
    return y


def _zscore(part: Part, x: Array, base: Array) -> Array:
    # Of values on 0..1, whose z-scores are the same: squares neither overflow nor vanish.
    y, y_base = _unit_scale(part, x, base)
    n = _count(y_base)
    there = y_base if not np.isnan(y_base).any() else np.where(np.isnan(y_base), 0.0, y_base)
    mean = there.sum(axis=-2, keepdims=True) / np.maximum(n, 1.0)
    d = y_base - mean
    d *= d
    squares = np.where(np.isnan(d), 0.0, d).sum(axis=-2, keepdims=True)
    sd: Array = np.sqrt(squares / np.maximum(n - 1.0, 1.0))
    y = np.asarray(y - mean)
    y /= _divisor(part, sd, "no standard deviation.")
    y *= part.options.sd
    y += part.options.mean
    return y


def ranks(y: Array, ties: str) -> Array:
    """Ranks `[slice, unit, column]` over units, 1 = lowest; `ties` share the lowest, highest or mean rank."""
    columns = np.ascontiguousarray(np.swapaxes(y, -1, -2))
    order = np.argsort(columns, axis=-1)  # missing values go last
    ordered = np.take_along_axis(columns, order, axis=-1)
    places = np.arange(1.0, columns.shape[-1] + 1.0)
    tied = ordered[..., 1:] == ordered[..., :-1]
    lowest = np.broadcast_to(places, columns.shape).copy()
    highest = lowest.copy()
    if tied.any():
        lowest[..., 1:][tied] = 0.0
        lowest = np.maximum.accumulate(lowest, axis=-1)
        highest[..., :-1][tied] = np.inf
        highest = np.minimum.accumulate(highest[..., ::-1], axis=-1)[..., ::-1]
    found = {"min": lowest, "max": highest}.get(ties)
    placed = np.empty(columns.shape)
    np.put_along_axis(placed, order, (lowest + highest) / 2 if found is None else found, axis=-1)
    placed[np.isnan(columns)] = np.nan
    return np.asarray(np.swapaxes(placed, -1, -2))


def _rank(part: Part, x: Array, base: Array) -> Array:
    _extent(part, base)
    found = ranks(x * part.directions, part.options.ties)
    if part.method == "rank":
        return found
    found = found - 1.0
    return found if part.method == "borda" else np.asarray(found / _one_less(x))


def _one_less(x: Array) -> Array:
    """n - 1 of each column; NaN where a lone value leaves nothing to divide by (only in compat)."""
    n = _count(x)
    return np.where(n > 1, n - 1.0, np.nan)


def _dist2max(part: Part, x: Array, base: Array) -> Array:
    low, high = _extent_of_y(part, base)
    return np.asarray(1.0 - (high - x * part.directions) / _divisor(part, high - low, "no range."))


def _dist2ref(part: Part, x: Array, base: Array) -> Array:
    y, y_base = x * part.directions, base * part.directions
    low, _ = _extent_of_y(part, base)
    reference = np.stack([_reference(part, number, y_base) for number in range(len(part.columns))], axis=-1)
    what, hint = "the reference unit has the worst value, so that nothing lies below it.", "Take another reference."
    found = 1.0 - (reference - y) / _divisor(part, reference - low, what, hint)
    return np.asarray(np.minimum(found, 1.0) if part.options.cap else found)


def _reference(part: Part, number: int, y_base: Array) -> Array:
    """The reference unit's value `[slice, 1]` of one column."""
    name, units = part.given[number].reference, part.frame.units
    if name is None:
        raise part.fault(number, "it has no reference unit.", "Give reference, or take another method.")
    if units.count(name) != 1:
        what = f'the reference "{name}" is not among the units.'
        if name in units:
            what = f'the reference "{name}" has one value a year, and years are pooled.'
        raise part.fault(number, what, "Take a unit of this index, and over: year or base_year.")
    unit = units.index(name)
    values = y_base[:, unit : unit + 1, number]
    if not part.compat and np.isnan(values).any():
        s = int(np.argmax(np.isnan(values[:, 0])))
        raise part.fault(number, "the reference unit has no value.", "Take another reference.", unit, part.base + s)
    return values


def _dist2targ(part: Part, x: Array, base: Array) -> Array:
    d = part.directions
    low, high = _extent(part, base)
    for number, column in enumerate(part.given):
        if column.target is None:
            raise part.fault(number, "it has no target.", "Give target, or take another method.")
    target = np.array([column.target for column in part.given], dtype=np.float64)
    start = np.where(d > 0, low, high)
    what, hint = "every unit has reached the target.", "Give a target beyond the worst value, or take goalposts."
    found = (x - start) * d / _divisor(part, (target - start) * d, what, hint)
    return np.asarray(np.minimum(found, 1.0) if part.options.cap else found)


def _goalposts(part: Part, x: Array) -> Array:
    worst, best = part.ends()
    y = x * part.directions
    y -= worst
    y /= best - worst
    cut = part.cut()
    if cut.all():
        np.clip(y, 0.0, 1.0, out=y)
    elif cut.any():
        y[:, :, cut] = np.clip(y[:, :, cut], 0.0, 1.0)
    y *= part.options.scale
    return y


def _scaled(part: Part, x: Array) -> Array:
    a, b = part.options.scaled_from
    low, high = np.full(len(part.columns), a, dtype=np.float64), np.full(len(part.columns), b, dtype=np.float64)
    own = [n for n, column in enumerate(part.given) if column.goalposts is not None]
    if own:
        some = Part(part.method, tuple(part.columns[n] for n in own), tuple(part.given[n] for n in own),
                    part.frame, part.options)  # fmt: skip
        low[own], high[own] = some.ends()
    if a == b and part.compat:
        low[low == high] = np.nan
    elif a == b and len(own) < len(part.columns):
        number = next(n for n in range(len(part.columns)) if n not in own)
        raise part.fault(number, f"scaled_from {a:g} to {b:g} leaves no range.", "Give two different numbers.")
    return np.asarray((x * part.directions - low) / (high - low) * part.options.scale)


def _fracmax(part: Part, x: Array, base: Array) -> Array:
    d = part.directions
    if part.compat:
        return compat.fracmax(x * d, base * d)
    if (d < 0).any():
        what = "a share of the largest value has no meaning where less is better."
        raise part.fault(int(np.argmax(d < 0)), what, "Use minmax.")
    _, high = _extent(part, base)
    return np.asarray(x / _divisor(part, high, "the largest value is not above zero.", "Use minmax."))


def _robust(part: Part, x: Array, base: Array) -> Array:
    y, y_base = x * part.directions, base * part.directions
    _extent(part, base)
    middle = _median(y_base)
    mad = _median(np.abs(y_base - middle))
    what, hint = "half of the units or more have one value: no median deviation.", "Use zscore or give goalposts."
    return np.asarray((y - middle) / (_MAD_TO_SD * _divisor(part, mad, what, hint)))


def _median(y: Array) -> Array:
    """The median of each column `[slice, 1, column]`; NaN where it is empty."""
    ordered = np.sort(y, axis=-2)  # missing values go last
    n = y.shape[-2] - np.isnan(y).sum(axis=-2, keepdims=True)
    lower = np.take_along_axis(ordered, np.maximum(n - 1, 0) // 2, axis=-2)
    upper = np.take_along_axis(ordered, np.minimum(n // 2, y.shape[-2] - 1), axis=-2)
    return np.asarray(0.5 * lower + 0.5 * upper)


def _piecewise(part: Part, x: Array) -> Array:
    found = np.empty(x.shape)
    for number, column in enumerate(part.given):
        values = [v for v, _ in column.points]
        if len(values) < 2 or any(not a < b for a, b in pairwise(values)):
            raise part.fault(number, "it needs two or more points, ascending in value.", "Correct points.")
        found[:, :, number] = np.interp(x[:, :, number], values, [score for _, score in column.points])
    return found


def _categorical(part: Part, x: Array) -> Array:
    found = np.full(x.shape, np.nan)
    for number, column in enumerate(part.given):
        known = np.isnan(x[:, :, number])
        for value, score in column.categories:
            here = x[:, :, number] == value
            found[:, :, number][here] = score
            known |= here
        if not known.all():
            s, u = (int(i) for i in np.argwhere(~known)[0])
            values = ", ".join(f"{v:g}" for v, _ in column.categories) or "none"
            what = f"the value {x[s, u, number]:g} is no category (there are: {values})."
            raise part.fault(number, what, "Add it to categories or correct it.", u, part.start + s)
    return found


FromData: TypeAlias = Callable[[Part, Array, Array], Array]
Given: TypeAlias = Callable[[Part, Array], Array]
FROM_DATA: dict[str, FromData] = {
    "minmax": _minmax, "zscore": _zscore, "rank": _rank, "borda": _rank, "prank": _rank, "dist2max": _dist2max,
    "dist2ref": _dist2ref, "dist2targ": _dist2targ, "fracmax": _fracmax, "robust": _robust,
}  # fmt: skip
GIVEN: dict[str, Given] = {
    "goalposts": _goalposts, "scaled": _scaled, "piecewise": _piecewise, "categorical": _categorical,
}  # fmt: skip


def scores(part: Part, x: Array, base: Array) -> Array:
    """The part's method on a block of its columns; `base` gives the parameters that come from data."""
    return FROM_DATA[part.method](part, x, base) if part.method in FROM_DATA else GIVEN[part.method](part, x)
