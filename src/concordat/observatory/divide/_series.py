"""Checked series: what every measure of change takes, as years and values of each area.

A *panel* of change is a mapping from an area to its years and values, `{"BRA": ([2000, 2001], [2.9, 4.5])}`, or what
`panel_series` makes of arrays `[time, unit]`. A value that is NaN or None is missing and left out; years are put in
order. Refused, with area and year: a year twice, an infinite value, lists of different lengths.

    >>> made = panel_series([2000, 2001], ["BRA", "IND"], [[2.9, 0.5], [4.5, float("nan")]])
    >>> [(area, s.years.tolist(), s.values.tolist()) for area, s in read_series(made).items()]
    [('BRA', [2000.0, 2001.0], [2.9, 4.5]), ('IND', [2000.0], [0.5])]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array

SeriesPanel: TypeAlias = Mapping[str, tuple[Sequence[float] | Array, Sequence[float | None] | Array]]


class Series(NamedTuple):
    """One area's observed years, ascending, and its values."""

    years: Array
    values: Array

    def at(self, year: float) -> float | None:
        """The value of a year; None where it is not observed."""
        place = int(np.searchsorted(self.years, year))
        return float(self.values[place]) if place < self.years.size and self.years[place] == year else None


def panel_series(years: Iterable[float], units: Sequence[str], values: Any) -> dict[str, tuple[Array, Array]]:
    """The panel of arrays `[time, unit]`; NaN where there is no value.

    Raises:
        InputError: the arrays don't fit together.
    """
    t, y = _floats(list(years), "the panel"), _floats(values, "the panel")
    if y.shape != (t.size, len(units)):
        raise InputError(f"values are {y.shape} for {t.size} years and {len(units)} units.", hint="Give [time, unit].")
    if len(set(units)) != len(units):
        raise InputError("a unit is named twice.", hint="Give one column for each unit.")
    return {unit: (t, y[:, i]) for i, unit in enumerate(units)}


def read_one(years: Any, values: Any, area: str = "the series") -> Series:
    """One checked series, without its missing values."""
    t, y = _floats(years, area), _floats(values, area)
    if t.ndim != 1 or t.shape != y.shape:
        raise InputError(f"{t.size} years and {y.size} values.", where=area, hint="Give one value for each year.")
    if not np.isfinite(t).all():
        raise InputError("a year is not a number.", where=area, hint="Leave the row out.")
    if np.isinf(y).any():
        year = t[np.isinf(y)][0]
        raise InputError("the value is infinite.", where=f"{area}, {year:g}", hint="Correct it, or leave it as NaN.")
    order = np.argsort(t, kind="stable")
    t, y = t[order], y[order]
    twice = np.flatnonzero(t[1:] == t[:-1])
    if twice.size:
        raise InputError("this year stands twice.", where=f"{area}, {t[twice[0]]:g}", hint="Keep one value for a year.")
    there = ~np.isnan(y)
    return Series(t[there], y[there])


def read_series(panel: SeriesPanel) -> dict[str, Series]:
    """All series of a panel, checked.

    Raises:
        InputError: see the module; also a panel without areas.
    """
    if not panel:
        raise InputError("the panel has no areas.", hint="Give area: (years, values).", code="empty")
    return {area: read_one(*panel[area], area=area) for area in panel}


def need_area(series: Mapping[str, Series], area: str, role: str) -> Series:
    """The series of a named area.

    Raises:
        InputError: it is not in the panel, or has no value.
    """
    if area not in series:
        near = difflib.get_close_matches(area, list(series), n=1)
        hint = f'Did you mean "{near[0]}"?' if near else "Add its series, or name another."
        raise InputError(f'the {role} "{area}" is not in the panel.', hint=hint, code="unknown_area")
    if series[area].years.size == 0:
        raise InputError(f'the {role} "{area}" has no value.', hint="Name another.", code="empty")
    return series[area]


def in_both(series: Mapping[str, Series], first: float, last: float) -> tuple[list[str], Array, Array]:
    """The areas observed in two years, sorted, and their values.

    Raises:
        InputError: the years are not in order.
    """
    if not first < last:
        raise InputError(f"the first year {first:g} is not before the last, {last:g}.", hint="Give an earlier one.")
    pairs = [(a, series[a].at(first), series[a].at(last)) for a in sorted(series)]
    found = [(a, u, v) for a, u, v in pairs if u is not None and v is not None]
    return [a for a, _, _ in found], np.array([u for _, u, _ in found]), np.array([v for _, _, v in found])


def balanced(series: Mapping[str, Series], first: float | None, last: float | None) -> tuple[list[str], Array, Array]:
    """The areas with a value in every year of a window: their names, the years, and values `[time, unit]`.

    The window's years are all that any area has between `first` and `last` (default: the panel's own ends).
    """
    everything = np.unique(np.concatenate([s.years for s in series.values()]))
    low = -np.inf if first is None else first
    high = np.inf if last is None else last
    years = everything[(everything >= low) & (everything <= high)]
    kept, columns = [], []
    for area in sorted(series):
        there = np.isin(series[area].years, years)
        if years.size and there.sum() == years.size:
            kept.append(area)
            columns.append(series[area].values[there])
    values = np.array(columns).T if columns else np.empty((years.size, 0))
    return kept, years, values


def scaled(values: Array, scale: str, bound: float, names: Sequence[str], when: str) -> Array:
    """Logarithms, or logits `ln(y / (bound - y))` of figures that end at a bound.

    Raises:
        InputError: a scale I don't know.
        MethodError: a value that has no logarithm or logit, with its area.
    """
    if scale not in ("log", "logit"):
        raise InputError(f'"{scale}" is not a scale.', hint='Use "log", or "logit" for percentages.', code="scale")
    bad = values <= 0 if scale == "log" else (values <= 0) | (values >= bound)
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        inside = "above zero" if scale == "log" else f"between 0 and {bound:g}"
        raise MethodError(
            f"the value {values[place]:g} has no {scale}: it must be {inside}.", where=f"{names[place]}, {when}",
            hint="Leave the area out, or choose other years.", code="scale",
        )  # fmt: skip
    return np.asarray(np.log(values) if scale == "log" else np.log(values / (bound - values)))


def _floats(values: Any, area: str) -> Array:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("something is not a number.", where=area, hint="Leave gaps as NaN.") from error
