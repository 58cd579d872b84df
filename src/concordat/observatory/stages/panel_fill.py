"""How empty years of a series are filled along time: the panel methods of the step `impute`.

    latest      the last observed value before, if it is at most `max_age` of the panel's own time points old
    constant    the last observed value before; before the first one, the first
    linear      on the straight line between the observed years on both sides; ends held flat; one point: constant
    log_linear  the same in logarithms: constant growth between observed years
    diffusion   on the S-curve that fits the series best (`divide.diffusion.fill_curve`), from six observed years on;
                after the last one only where growth has begun to slow down

Each unit and indicator is a series of its own. `latest` never looks ahead, so a published edition can be repeated; the
other methods do, and change when later data arrive. With the values come *source years*: the year of an observed cell
or of the observation that was carried to it, 0 where a cell is empty or computed from more than one observation.

Source: observatory specification, sections 4 and 8.

    >>> frame = Frame(("BRA",), ("users",), np.array([1.0]), (0,))
    >>> values = np.array([20.0, np.nan, 40.0, np.nan]).reshape(4, 1, 1)
    >>> staged, years = fill_panel(values, (2018, 2019, 2020, 2021), frame, Impute(method="linear"))
    >>> staged.values.ravel().tolist(), years.ravel().tolist()
    ([20.0, 30.0, 40.0, 40.0], [2018, 0, 2020, 2020])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from concordat.errors import MethodError
from concordat.evidence._elementary import exp, log
from concordat.observatory.panel import Array, Bools, Frame, Ints, Note, Staged, fault
from concordat.observatory.stages.options import Impute

STAGE = "impute"
METHODS = ("latest", "constant", "linear", "log_linear", "diffusion")
Years = npt.NDArray[np.int16]


def fill_panel(values: Array, years: Sequence[int], frame: Frame, options: Impute) -> tuple[Staged, Years]:
    """Fill `[time, unit, indicator]` along time; also the source year of each cell.

    Raises:
        MethodError: log_linear on a series with a value that is not positive; a curve that can't be fitted.
    """
    assert values.ndim == 3, "a panel of time, unit, indicator"
    assert options.method in METHODS, f"{options.method} fills inside a year: see impute"
    when = np.array(years, dtype=np.int64)
    assert len(when) == len(values), "one year for each time point"
    assert (np.diff(when) > 0).all(), "years ascend"
    seen = ~np.isnan(values)
    before, after = _before(seen), _after(seen)
    if options.method == "latest":
        source = before if options.max_age is None else np.where(_age(before) <= options.max_age, before, -1)
        filled = _carried(values, source)
    elif options.method == "constant":
        source = np.where(before >= 0, before, after)
        filled = _carried(values, source)
    elif options.method == "diffusion":
        source = np.where(seen, before, -1)
        filled = _on_curves(values, when, frame)
    else:
        source = np.where(before < 0, after, np.where(after < 0, before, np.where(seen, before, -1)))
        filled = _straight(values, when, before, after, frame, options.method == "log_linear")
    filled = np.where(seen, values, filled)
    assert np.array_equal(filled[seen], values[seen]), "observed values never change"
    source_years = np.where(source >= 0, when[source], 0).astype(np.int16)
    return Staged(
        filled, lambda: tuple(_notes(values, filled, before, source_years, years, frame, options))
    ), source_years


def _before(seen: Bools) -> Ints:
    """The time point of the last observation up to each; -1 where there is none."""
    point = np.arange(len(seen))[:, None, None]
    return np.maximum.accumulate(np.where(seen, point, -1), axis=0)


def _after(seen: Bools) -> Ints:
    """The time point of the first observation from each on; -1 where there is none."""
    end = len(seen)
    point = np.arange(end)[:, None, None]
    found = np.minimum.accumulate(np.where(seen, point, end)[::-1], axis=0)[::-1]
    return np.where(found == end, -1, found)


def _age(before: Ints) -> Ints:
    """How many of the panel's time points ago the last observation was."""
    return np.arange(len(before))[:, None, None] - before


def _carried(values: Array, source: Ints) -> Array:
    """The value at the source's time point; NaN where there is none."""
    return np.where(source >= 0, np.take_along_axis(values, np.maximum(source, 0), axis=0), np.nan)


def _straight(values: Array, when: Ints, before: Ints, after: Ints, frame: Frame, in_logs: bool) -> Array:
    """On the line between the observations on both sides, by years and not by time points; ends held flat."""
    if in_logs:
        _refuse_nonpositive(values, when, frame)
        known = ~np.isnan(values) & (values > 0)
        values = np.where(known, log(np.where(known, values, 1.0)), np.nan)
    low, high = np.where(before < 0, after, before), np.where(after < 0, before, after)
    left, right = _carried(values, low), _carried(values, high)
    gap = when[high] - when[low]
    share = np.where(gap > 0, (when[:, None, None] - when[low]) / np.where(gap > 0, gap, 1), 0.0)
    found = left + (right - left) * share
    if not in_logs:
        return found
    empty = np.isnan(found)
    return np.where(empty, np.nan, exp(np.where(empty, 0.0, found)))


def _refuse_nonpositive(values: Array, when: Ints, frame: Frame) -> None:
    """Logarithms need positive values in every series that has a gap to fill."""
    seen = ~np.isnan(values)
    bad = seen & (np.where(seen, values, 1.0) <= 0) & ~seen.all(axis=0)
    if bad.any():
        t, u, j = np.argwhere(bad)[0].tolist()
        what = f"the value of {when[t]} is {values[t, u, j]:g}, and a logarithm needs values above zero."
        raise fault(frame, STAGE, what, indicator=j, unit=u, hint="Use method: linear.", code="nonpositive")


def _on_curves(values: Array, when: Ints, frame: Frame) -> Array:
    """Gaps on the curve fitted to each series; a series that no curve may speak for stays as it is."""
    from concordat.observatory.divide.diffusion import fill_curve

    filled = values.copy()
    for u in range(values.shape[1]):
        for j in range(values.shape[2]):
            series = values[:, u, j]
            if np.isnan(series).any() and not np.isnan(series).all():
                try:
                    filled[:, u, j] = fill_curve(when.astype(np.float64), series)
                except MethodError as error:
                    hint = "Use method: linear."
                    raise fault(frame, STAGE, error.what, indicator=j, unit=u, hint=hint, code=error.code) from error
    return filled


def _notes(
    values: Array, filled: Array, before: Ints, source: Years, years: Sequence[int], frame: Frame, options: Impute
) -> Iterator[Note]:
    """Each cell that was filled, from which year, and why the others were not."""
    for t, u, j in np.argwhere(np.isnan(values)).tolist():
        where = (frame.indicators[j], frame.units[u], str(years[t] or ""))
        if not np.isnan(filled[t, u, j]):
            origin = f"value of {source[t, u, j]}" if source[t, u, j] else f"method {options.method}"
            yield Note(STAGE, "imputed", *where, after=float(filled[t, u, j]), text=origin)
        elif options.method == "latest" and before[t, u, j] >= 0:
            text = f"the last value is of {years[before[t, u, j]]}, older than max_age {options.max_age} allows."
            yield Note(STAGE, "too_old", *where, text=text, warning=True)
        elif options.method == "latest":
            yield Note(STAGE, "empty", *where, text="there is no earlier value.", warning=True)
        elif np.isnan(values[:, u, j]).all():
            yield Note(STAGE, "empty", *where, text="the series has no value.", warning=True)
        else:
            text = (
                "fewer than six years, or growth that does not slow down yet, say nothing here; the cell stays empty."
            )
            yield Note(STAGE, "too_few", *where, text=text, warning=True)
