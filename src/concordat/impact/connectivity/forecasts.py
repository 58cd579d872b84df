"""Where will each country's share of people online stand in a given year, within which band?

The forecast is that of `pooled`: a hierarchical logit model, a Gompertz curve and the reference baseline, all with the
trend of many countries (specification, section 8). The band is that of `intervals`, from the method's own errors at
earlier origins, and is shown for a horizon only if such bands held 85 to 95 % of what came; otherwise the horizon says
"not calibrated". A country with fewer than five figures is marked: its trend and band are those of its peers. One with
no figure starts from the level of its peers, of its group or region; without such peers in the data it is refused.

A figure without a ceiling (`scale="log"`) is forecast only if the same method beat the last value at earlier origins;
otherwise it is refused, because exponential growth that has ended looks exactly like growth that has not.

What this does not do: see prices, policies, wars or pandemics coming. The past drift of one country alone is not used.

    >>> series = {f"A{i}": {y: 3.0 + i + 2.0 * (y - 2010) for y in range(2010, 2021)} for i in range(8)}
    >>> made = forecast(series, None, regions=None, to=2023)
    >>> made.of("A0").years, made.horizons[0].shown, made.horizons[0].reason
    ((2021, 2022, 2023), False, 'not calibrated: 0 figures could be judged, 100 are needed')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity.checks import (
    BAND_YEARS_OLD_MAX,
    Bands,
    HorizonCheck,
    check_horizon,
    refuse_if_worse,
)
from concordat.impact.connectivity.intervals import LEVEL
from concordat.impact.connectivity.pooled import STALE_YEARS, Peers, Pooled, fit_pooled, paths
from concordat.impact.connectivity.series import (
    CLIP,
    Floats,
    Groups,
    Panel,
    Scale,
    Series,
    from_scale,
    grouping,
    labels_at,
    make_panel,
    to_scale,
)
from concordat.impact.trade_table import listed
from concordat.settings import nearest

HORIZON_MAX = 20
FIGURES_MIN = 5  # specification, section 8


@dataclass(frozen=True, slots=True)
class AreaForecast:
    """One area's path.

    Attributes:
        group: the label it was pooled under, empty without one. figures: how many it has up to the origin.
        last_year, last_value: of its last figure; None without one.
        years, values: the path. lower, upper: the 90 % band, None where none is shown.
        marks: what a reader must know before using it.
    """

    area: str
    group: str
    figures: int
    last_year: int | None
    last_value: float | None
    years: tuple[int, ...]
    values: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Paths of areas with their bands, and what they rest on.

    Attributes:
        origin: the last year of the data that were used. level: of the bands.
        drift: the common yearly change on the scale; drift_areas: how many areas it is the median of.
        rate: the yearly share of a distance to peers that is made up. grouped_by: in words.
    """

    scale: Scale
    origin: int
    to: int
    level: float
    areas: tuple[AreaForecast, ...]
    horizons: tuple[HorizonCheck, ...]
    drift: float
    drift_areas: int
    rate: float
    grouped_by: str
    notes: tuple[str, ...]

    def of(self, area: str) -> AreaForecast:
        """The path of one area.

        Raises:
            InputError: it was not forecast.
        """
        for found in self.areas:
            if found.area == area:
                return found
        raise _unknown(area, [a.area for a in self.areas])

    def to_value(self) -> dict[str, Any]:
        """Plain values, as the program's JSON has them."""
        return asdict(self)


def forecast(
    series: Series,
    groups: Groups | Literal["world"] = "world",
    *,
    to: int,
    regions: Groups | Literal["world"] = "world",
    origin: int | None = None,
    scale: Scale = "percent",
    areas: Sequence[str] | None = None,
) -> Forecast:
    """Forecast yearly figures of areas, each with the trend of all.

    Args:
        series: area -> year -> figure; give every area there is, not only those asked for: the trend is theirs.
        groups: area -> income group; or a function of the origin that gives it (`income_quartiles`); "world" takes the
            World Bank's for ISO 3166-1 alpha-3 codes; None takes none.
        to: the last year wanted, at most twenty after the origin.
        regions: as `groups`, a second classification.
        origin: the last year to be read; by default the last of the table.
        areas: those to report; by default all of the table.

    Raises:
        InputError: an unknown area, a year out of reach, figures outside the scale.
        MethodError: too few areas with a history; an area without figures of its own and without peers that have any;
            a `log` figure whose past forecasts did worse than its last value.
    """
    wanted = tuple(dict.fromkeys(areas)) if areas is not None else tuple(sorted(series))
    used, beside, basis = grouping(groups, regions, sorted({*series, *wanted}))
    panel = make_panel({**{a: {} for a in wanted}, **series}, scale=scale)
    start_year = panel.last_year if origin is None else origin
    _check_years(start_year, to, panel)
    group = labels_at(used, start_year, panel.areas)
    region = labels_at(beside, start_year, panel.areas)
    labelled = {a for a, g, r in zip(panel.areas, group, region, strict=True) if g or r}
    for area in wanted:
        if area not in labelled and not series.get(area):
            raise _unknown(area, [a for a in series if series[a]])
    fitted = fit_pooled(panel, start_year, Peers(group, region))
    _refuse_without_peers(wanted, panel, fitted, group, region)
    bands = Bands(panel.until(start_year), used, beside, fitted, group, to, wanted)
    checks = tuple(check_horizon(bands, h) for h in range(1, to - start_year + 1))
    if scale == "log":
        refuse_if_worse(checks)
    central = paths(fitted, np.arange(1, to - start_year + 1, dtype=np.float64), scale)
    made = tuple(
        _area(panel.areas.index(area), panel, fitted, central, bands, checks, group[panel.areas.index(area)])
        for area in wanted
    )
    return Forecast(
        scale,
        start_year,
        to,
        LEVEL,
        made,
        checks,
        fitted.drift,
        fitted.drift_areas,
        fitted.rate,
        basis,
        _notes(checks, scale),
    )


def _check_years(origin: int, to: int, panel: Panel) -> None:
    if not panel.first_year < origin <= panel.last_year:
        what = f"the origin {origin} is not among the years {panel.first_year + 1} to {panel.last_year} of the table."
        raise InputError(what, hint="Choose a year that has data before it.", code="origin")
    if not origin < to <= origin + HORIZON_MAX:
        hint = f"Ask for a year from {origin + 1} to {origin + HORIZON_MAX}."
        raise InputError(
            f"{to} is not within {HORIZON_MAX} years after {origin}, the last year of the data.", hint=hint, code="to"
        )


def _refuse_without_peers(
    wanted: Sequence[str], panel: Panel, fitted: Pooled, group: Sequence[str], region: Sequence[str]
) -> None:
    """Refuse areas that have no figure and no peer with a fresh one: the level of everyone says nothing of them."""
    fresh = np.flatnonzero((fitted.last >= 0) & (fitted.origin - fitted.last <= STALE_YEARS)).tolist()
    groups, regions = {group[k] for k in fresh} - {""}, {region[k] for k in fresh} - {""}
    alone = []
    for area in wanted:
        k = panel.areas.index(area)
        if fitted.last[k] < 0 and group[k] not in groups and region[k] not in regions:
            alone.append(f"{area} (group {group[k] or 'unknown'}, region {region[k] or 'unknown'})")
    if alone:
        what = (
            f"no figures by {fitted.origin} of {listed(alone)}, and none of the last {STALE_YEARS} years of any other "
            "area of the same group or region."
        )
        hint = "Add figures of these areas or of their peers, or leave them out."
        raise MethodError(what, hint=hint, code="no_peers")


def _unknown(area: str, known: Sequence[str]) -> InputError:
    close = nearest(area, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(sorted(known)[:12])}."
    return InputError(f'there are no figures of "{area}", and no group to borrow from.', hint=hint, code="unknown_area")


def _notes(checks: Sequence[HorizonCheck], scale: Scale) -> tuple[str, ...]:
    notes = ["A forecast from past figures alone: no price, policy, war or pandemic is foreseen."]
    worse = [c.horizon for c in checks if c.error is not None and c.error_last is not None and c.error > c.error_last]
    if worse:
        which = ", ".join(str(h) for h in worse)
        notes.append(f"At earlier origins the last value did better so many years ahead: {which}.")
    if scale == "log":
        notes.append("Followed in logarithms, without a ceiling.")
    return tuple(notes)


# --- One area -----------------------------------------------------------------------------------------------------


def _area(
    row: int, panel: Panel, fitted: Pooled, central: Floats, bands: Bands, checks: Sequence[HorizonCheck], group: str
) -> AreaForecast:
    values = central[row]
    if not np.isfinite(values).all():
        raise MethodError(
            f"{panel.areas[row]} has no figure by {fitted.origin}, and its peers have none.", code="no_level"
        )
    width = np.array([bands.width(row, c.horizon) for c in checks])
    z = to_scale(values, panel.scale, panel.floor)
    low, high = from_scale(z - width, panel.scale), from_scale(z + width, panel.scale)
    if panel.scale == "percent":  # beyond the clip the scale can't tell 99.6 from 100
        low, high = np.where(low <= CLIP[0], 0.0, low), np.where(high >= CLIP[1], 100.0, high)
    seen = np.isfinite(panel.until(fitted.origin).values[row])
    last_year = int(fitted.last[row]) if seen.any() else None
    last_value = float(panel.year(last_year)[row]) if last_year is not None else None
    marks = _marks(int(seen.sum()), last_year, last_value, fitted.origin, group, panel.scale)
    lost = [c.horizon for c, w in zip(checks, width, strict=True) if c.shown and not np.isfinite(w)]
    if lost and (last_year is None or fitted.origin - last_year <= BAND_YEARS_OLD_MAX):
        marks.append(f"no band from {fitted.origin + lost[0]}: so far from its last figure none is calibrated")
    return AreaForecast(
        panel.areas[row],
        group,
        int(seen.sum()),
        last_year,
        last_value,
        tuple(fitted.origin + c.horizon for c in checks),
        tuple(float(v) for v in values),
        tuple(float(v) if np.isfinite(v) else None for v in low),
        tuple(float(v) if np.isfinite(v) else None for v in high),
        tuple(marks),
    )


def _marks(figures: int, last_year: int | None, last: float | None, origin: int, group: str, scale: Scale) -> list[str]:
    marks = []
    if last_year is None or last is None:
        marks.append("pooled: no figure of its own, starts from the level of its peers")
    elif figures < FIGURES_MIN:
        marks.append(f"pooled: fewer than {FIGURES_MIN} figures, its trend and band are those of its peers")
    if last_year is not None and last_year < origin:
        marks.append(f"last figure of {last_year}")
        if origin - last_year > BAND_YEARS_OLD_MAX:
            marks.append(f"no band: its last figure is over {BAND_YEARS_OLD_MAX} years old")
    if scale == "percent" and last is not None and not CLIP[0] <= last <= CLIP[1]:
        marks.append(
            f"{last:g} counts as {CLIP[0] if last < CLIP[0] else CLIP[1]:g}: nearer to the end the scale is silent"
        )
    if not group:
        marks.append("no income group: pooled with all")
    return marks
