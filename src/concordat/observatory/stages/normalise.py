"""How are columns of different units put on one scale? Fourteen ways, for all slices at once.

With d = +1 or -1 the direction, y = d x, and minimum, maximum, mean and sd (n - 1) over the units present:

    minmax     (y-min)/(max-min)(u-l)+l         dist2max   1-(max-y)/(max-min)
    zscore     (y-mean)/sd s+m                  dist2ref   1-(ref-y)/(ref-min), optional cap at 1
    rank       1 = lowest; ties min/max/average  dist2targ  (x-min)/(t-min), down (max-x)/(max-t), optional cap at 1
    borda      rank-1                           scaled     (y-a)/(b-a) f
    prank      (rank-1)/(n-1)                   fracmax    x/max, for direction up only
    goalposts  (x-lo)/(hi-lo), down (hi-x)/(hi-lo), cut to 0..1 unless `truncate: false`, times scale; `log`: on ln x
    robust     (y-median)/(1.4826 MAD)          piecewise, categorical  given (value, score) pairs, no direction

Parameters come from the slice itself, from all slices pooled, from one base slice, or are given; `floor` lifts low
scores last. NaN stays NaN. Sources: OECD/JRC Handbook (2008), step 5; COINr 1.1.14, `Normalise`, whose conventions
these are; with `compat` a column without a range comes out blank where there is an error otherwise.

What the specification leaves open is settled so: goalposts of a column serve as a and b of `scaled`, and as minimum
and maximum of `minmax` with `over: given`; piecewise scores are held flat beyond their ends; ranks over a base year
are refused, as a unit has no rank among units of another year; so is a target that every unit has passed.

    >>> import numpy as np
    >>> frame = Frame(("BRA", "IND", "RUS"), ("basket",), np.array([-1.0]), (0,))
    >>> x = np.array([[[1.0], [3.0], [2.0]]])
    >>> normalise(x, frame, Normalise()).values.ravel().tolist()
    [100.0, 0.0, 50.0]
    >>> normalise(x, frame, Normalise("goalposts", columns=(Column(goalposts=(0.0, 2.5)),))).values.ravel().tolist()
    [60.0, 0.0, 20.0]
    >>> normalise(np.full((1, 3, 1), 0.5), frame, Normalise())
    Traceback (most recent call last):
    ...
    concordat.errors.MethodError: step normalise, indicator basket: all 3 units have 0.5. Drop it or give goalposts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.panel import Array, Bools, Frame, Note, Staged, fault
from concordat.observatory.stages._scales import FROM_DATA, GIVEN, Part, scores
from concordat.observatory.stages.options import Column, Normalise
from concordat.observatory.stages.transform import of_value

STAGE = "normalise"
RANKED = frozenset({"rank", "borda", "prank"})
_CELLS = 1 << 16  # of a block that is normalised at once: it stays in the processor's cache


def normalise(x: Array, frame: Frame, options: Normalise) -> Staged:
    """Normalise the columns of `[slice, unit, indicator]`.

    Raises:
        MethodError: a column without a range, with fewer than three values where parameters come from data, with a
            value that has no logarithm or no category, or a method that lacks what it needs.
    """
    assert x.ndim == 3, f"a stack is [slice, unit, indicator], not {x.shape}"
    assert x.shape[1:] == (len(frame.units), len(frame.indicators)), "the frame names other rows and columns"
    x = np.asarray(x, dtype=np.float64)
    if x.size == 0:
        return Staged(x.copy())
    found = _scores(x, frame, options)
    if options.floor is not None:
        np.maximum(found, options.floor, out=found)
    return Staged(found, lambda: _notes(x, frame, options))


def _scores(x: Array, frame: Frame, options: Normalise) -> Array:
    """All columns on their scales, before the floor."""
    if options.over == "all_years" and len(x) > 1:
        pooled = replace(frame, units=frame.units * len(x), slices=())
        flat = x.reshape(1, -1, x.shape[2])
        return _scores(flat, pooled, replace(options, over="year")).reshape(x.shape)
    base_year = options.base_year if options.over == "base_year" else None
    assert (base_year is not None) == (options.over == "base_year"), "over: base_year needs the slice"
    out = np.empty(x.shape)
    for part in _parts(frame, options):
        columns = slice(None) if len(part.columns) == x.shape[2] else list(part.columns)
        base = None
        if base_year is not None:
            base = part.logged(x[base_year : base_year + 1][:, :, columns], base_year)
        step = max(1, _CELLS // max(x.shape[1] * len(part.columns), 1))
        for start in range(0, len(x), step):
            values = part.logged(x[start : start + step][:, :, columns], start)
            at = replace(part, start=start, base=start if base_year is None else base_year)
            out[start : start + step][:, :, columns] = scores(at, values, values if base is None else base)
    return out


# --- Who shares a method ---


def method_of(number: int, options: Normalise) -> str:
    """The method of a column: its own, or the step's."""
    own = options.columns[number].method if options.columns else None
    return own or options.method


def _parts(frame: Frame, options: Normalise) -> list[Part]:
    """The columns in groups of one method each, with what they need in order."""
    count = len(frame.indicators)
    assert len(options.columns) in (0, count), f"{len(options.columns)} columns have options, the frame has {count}"
    groups: dict[str, list[int]] = {}
    for number in range(count):
        method = method_of(number, options)
        _check_method(number, method, frame, options)
        groups.setdefault(method, []).append(number)
    given = options.columns or (Column(),) * count
    return [
        Part(method, tuple(numbers), tuple(_in_logs(n, given[n], frame) for n in numbers), frame, options)
        for method, numbers in groups.items()
    ]


def _check_method(number: int, method: str, frame: Frame, options: Normalise) -> None:
    """A method and the origin of its parameters must go together."""
    if method not in FROM_DATA and method not in GIVEN:
        hint = f"There are: {', '.join((*FROM_DATA, *GIVEN))}."
        raise fault(frame, STAGE, f'"{method}" is no way to normalise.', indicator=number, hint=hint)
    if options.over == "base_year" and method in RANKED:
        what = f"{method} over a base year: a unit has no rank among the units of another year."
        raise fault(frame, STAGE, what, indicator=number, hint="Use over: year or all_years.")
    if options.over == "given" and method in FROM_DATA and method != "minmax":
        what = f"{method} takes its parameters from data, and over: given rules that out."
        raise fault(frame, STAGE, what, indicator=number, hint="Use goalposts, or over: year, all_years or base_year.")


def _in_logs(number: int, column: Column, frame: Frame) -> Column:
    """A column with `log`: its goalposts, target and points in ln, as its values will be."""
    if not column.log:
        return column
    ends, target = column.goalposts, column.target
    try:
        return replace(
            column,
            goalposts=None if ends is None else (of_value(ends[0], "log"), of_value(ends[1], "log")),
            target=None if target is None else of_value(target, "log"),
            points=tuple((of_value(v, "log"), score) for v, score in column.points),
        )
    except MethodError as error:
        hint = "Give goalposts, target and points above zero, or leave `log` out."
        raise fault(frame, STAGE, error.what, indicator=number, hint=hint) from None


# --- What was cut and lifted ---


def truncated(x: Array, frame: Frame, options: Normalise) -> Bools:
    """Which values `[slice, unit, indicator]` lie outside of their goalposts or points and are held at the ends."""
    found = np.zeros(x.shape, dtype=bool)
    for part in _parts(frame, options):
        if part.method not in ("goalposts", "piecewise"):
            continue
        columns = list(part.columns)
        values = part.logged(x[:, :, columns], 0)
        if part.method == "goalposts":
            worst, best = part.ends()
            y = values * part.directions
            found[:, :, columns] = ((y < worst) | (y > best)) & part.cut()
        else:
            ends = np.array([(column.points[0][0], column.points[-1][0]) for column in part.given])
            found[:, :, columns] = (values < ends[:, 0]) | (values > ends[:, 1])
    return found


def _notes(x: Array, frame: Frame, options: Normalise) -> tuple[Note, ...]:
    """For each indicator, over all slices: how many values were cut at the ends, how many the floor lifted."""
    outside = truncated(x, frame, options)
    floor = options.floor
    lifted = np.zeros(x.shape, dtype=bool) if floor is None else _scores(x, frame, options) < floor
    notes = []
    for number, name in enumerate(frame.indicators):
        n = int((~np.isnan(x[:, :, number])).sum())
        if cut := int(outside[:, :, number].sum()):
            text = f"{cut} of {n} values ({100 * cut / n:.1f} %) lie outside of what was given and are held at the ends"
            notes.append(Note(STAGE, "truncated", name, text=text, warning=True))
        if raised := int(lifted[:, :, number].sum()):
            text = f"{raised} of {n} scores are lifted to the floor of {floor:g}"
            notes.append(Note(STAGE, "floor", name, text=text, warning=True))
    return tuple(notes)
