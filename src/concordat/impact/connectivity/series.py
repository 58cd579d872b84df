"""Which yearly figures of which areas does a forecast start from, and on what scale are they followed?

A `Panel` is a table of areas and years with gaps. A percentage is followed on the logit scale between 0.5 and 99.5, as
the reference baseline of the specification does (section 8): nearer to the ends the logit says more about rounding than
about people. Anything else that can't be negative is followed in logarithms, without a ceiling; zeros there count as
a thousandth of the table's largest figure. A figure outside its scale is refused, never clipped into it.

Groups say whose level an area is held against: income groups, and regions beside them. Income groups of a later year
are hindsight in a back-test, so groups may be a function of the origin; `income_quartiles` makes one of GDP per head.

What this does not do: read files, choose between sources, or forecast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError

Scale = Literal["percent", "log"]
Floats = NDArray[np.float64]
Series = Mapping[str, Mapping[int, float]]
Labels = Mapping[str, str]
Groups = Labels | Callable[[int], Labels] | None

SCALES: tuple[Scale, ...] = ("percent", "log")
CLIP = (0.5, 99.5)  # specification, section 8: z = logit(clip(p, 0.5, 99.5) / 100)
ZERO_SHARE = 1e-3
YEARS = (1800, 2200)


@dataclass(frozen=True, slots=True)
class Panel:
    """Yearly figures of areas, with gaps.

    Attributes:
        areas: their codes, sorted. first_year: of the first column.
        values: (areas, years), NaN where nothing was observed.
        scale: `percent` or `log`. floor: what a figure counts as at least, in its own unit.
    """

    areas: tuple[str, ...]
    first_year: int
    values: Floats
    scale: Scale
    floor: float

    @property
    def last_year(self) -> int:
        """The year of the last column."""
        return self.first_year + int(self.values.shape[1]) - 1

    def until(self, year: int) -> Panel:
        """The same table as it stood at the end of a year: later columns are gone."""
        kept = self.values[:, : max(0, year - self.first_year + 1)]
        floor = self.floor
        if self.scale == "log" and np.isfinite(kept).any():  # the floor too is of its time
            floor = float(np.nanmax(kept)) * ZERO_SHARE or self.floor
        return Panel(self.areas, self.first_year, kept, self.scale, floor)

    def year(self, year: int) -> Floats:
        """One year's column, NaN where the table does not reach."""
        at = year - self.first_year
        inside = 0 <= at < self.values.shape[1]
        return self.values[:, at] if inside else np.full(len(self.areas), np.nan)

    def scaled(self) -> Floats:
        """The figures on the scale they are followed on."""
        return to_scale(self.values, self.scale, self.floor)


def to_scale(values: Floats, scale: Scale, floor: float) -> Floats:
    """Logit of a percentage, or logarithm of what has no ceiling."""
    if scale == "percent":
        p = np.clip(values, *CLIP) / 100.0
        return np.asarray(np.log(p / (1.0 - p)))
    return np.asarray(np.log(np.maximum(values, floor)))


def from_scale(z: Floats, scale: Scale) -> Floats:
    """Back from the scale: percent, or the figure's own unit."""
    return np.asarray(100.0 / (1.0 + np.exp(-z)) if scale == "percent" else np.exp(z))


def make_panel(series: Series, *, scale: Scale = "percent") -> Panel:
    """A table of the series given.

    Args:
        series: area -> year -> figure. Missing years are simply not there; an area may have none.
        scale: `percent` for shares of a whole between 0 and 100, `log` for other figures that can't be negative.

    Raises:
        InputError: no figures, a figure that is not finite or outside its scale, a year that is none.
        MethodError: a figure below zero on the `log` scale, which has no forecast here.

    Example:
        >>> make_panel({"BRA": {2020: 81.3, 2022: 80.5}}).values.tolist()
        [[81.3, nan, 80.5]]
    """
    if scale not in SCALES:
        raise InputError(f'"{scale}" is not a scale.', hint="Use percent or log.", code="scale")
    areas = tuple(sorted(series))
    years = sorted({year for area in areas for year in series[area]})
    if not years:
        raise InputError("there are no figures to forecast from.", hint="Load a source, or name a file.", code="empty")
    if not (YEARS[0] <= years[0] and years[-1] <= YEARS[1]):
        raise InputError(f"{years[0]} to {years[-1]} are not years.", code="year")
    values = np.full((len(areas), years[-1] - years[0] + 1), np.nan)
    for row, area in enumerate(areas):
        for year, value in series[area].items():
            _check(area, year, value, scale)
            values[row, year - years[0]] = value
    largest = float(np.nanmax(values))
    if scale == "percent" and largest <= 1.0:
        hint = "If they are fractions of one, multiply them by 100."
        raise InputError(f"no figure is above {largest:g}.", hint=hint, code="fractions")
    if scale == "log" and largest <= 0.0:
        raise MethodError("every figure is zero, which has no growth to forecast.", code="zeros")
    return Panel(areas, years[0], values, scale, largest * ZERO_SHARE if scale == "log" else CLIP[0])


def _check(area: str, year: int, value: float, scale: Scale) -> None:
    where = f"{area}, {year}"
    if not math.isfinite(value):
        raise InputError(f"{value} is not a figure.", where=where, hint="Leave out what is missing.", code="not_finite")
    if scale == "percent" and not 0.0 <= value <= 100.0:
        hint = "If it is no share of a whole (subscriptions per 100 people), forecast it with scale log."
        raise InputError(
            f"{value:g} is not a percentage between 0 and 100.", where=where, hint=hint, code="not_percent"
        )
    if scale == "log" and value < 0.0:
        hint = "A figure that can be negative has neither a logit nor a logarithm; it is not forecast here."
        raise MethodError(f"{value:g} is below zero.", where=where, hint=hint, code="negative")


# --- Groups -------------------------------------------------------------------------------------------------------


def labels_at(groups: Groups, origin: int, areas: Sequence[str]) -> tuple[str, ...]:
    """Each area's group as known at the origin; empty where it has none."""
    found = groups(origin) if callable(groups) else (groups or {})
    return tuple(found.get(area, "") for area in areas)


def income_quartiles(income: Series, count: int = 4) -> Callable[[int], Labels]:
    """Income groups without hindsight: equal parts by each area's newest GDP per head not later than the origin.

    Args:
        income: area -> year -> GDP per head, in one unit that compares over areas and years.
        count: how many groups.

    Returns:
        A function of the origin, to be given as `groups`. Areas without a figure by then have no group.

    Example:
        >>> of_2010 = income_quartiles({"A": {2010: 1.0}, "B": {2009: 9.0}, "C": {2011: 5.0}}, count=2)(2010)
        >>> dict(of_2010)
        {'A': 'income 1 of 2', 'B': 'income 2 of 2'}
    """

    def at(origin: int) -> Labels:
        known = {a: max(y for y in by if y <= origin) for a, by in income.items() if any(y <= origin for y in by)}
        values = {a: income[a][year] for a, year in known.items() if math.isfinite(income[a][year])}
        order = sorted(values, key=lambda a: (values[a], a))
        return {a: f"income {i * count // len(order) + 1} of {count}" for i, a in enumerate(order)}

    return at


WORLD = "world"
WORLD_BASIS = "World Bank income groups of fiscal year 2026 (hindsight in a back-test) and UN M49 sub-regions"


def grouping(
    groups: Groups | Literal["world"], regions: Groups | Literal["world"], areas: Sequence[str]
) -> tuple[Groups, Groups, str]:
    """The two classifications that are used, and in words what they are."""
    income, subregion = _world_groups(areas) if WORLD in (groups, regions) else ({}, {})
    used = income if groups == WORLD else groups
    beside = subregion if regions == WORLD else regions
    assert not isinstance(used, str)
    assert not isinstance(beside, str)
    if groups == WORLD and regions == WORLD:
        return used, beside, WORLD_BASIS if income or subregion else "none: the areas are no ISO 3166-1 codes"
    first = "none" if not used else "formed at each origin" if callable(used) else "as given"
    if groups == WORLD:
        first = "World Bank income groups of fiscal year 2026 (hindsight in a back-test)"
    second = "UN M49 sub-regions" if regions == WORLD else "as given" if beside else "none"
    return used, beside, f"groups: {first}; regions: {second}"


def _world_groups(areas: Sequence[str]) -> tuple[Labels, Labels]:
    """Income group and UN M49 sub-region of ISO 3166-1 alpha-3 codes; codes that are no country have neither."""
    from concordat.world import countries

    wanted = set(areas)
    known = [c for c in countries() if c.iso3 in wanted]
    income = {
        c.iso3: c.income_group for c in known if c.income_group in ("low", "lower-middle", "upper-middle", "high")
    }
    return income, {c.iso3: c.subregion for c in known if c.subregion}
