"""Connectivity in a report's book: costs from figures of people and use, forecasts from series, each computed again.

Both records are made from figures of the release alone, so that `evidence trace` and `verify --report` run them again.
The published estimates that unit costs come from, and the classes of countries, are packaged tables of the version that
the report names. Numbers are rounded to nine significant digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concordat.evidence.provenance import Parts, derivation
from concordat.impact.results import rounded


@derivation("impact.record.cost")
def cost(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What it costs to bring members online, in three scopes (`connectivity.cost`).

    Inputs: for each of `areas` a figure of its population and one of its share online, in turn; then rows of the table
    of published estimates. Parameters: `areas`, `target`. Parts: `people_BRA`, and for each scope `coverage_BRA` with
    `coverage_BRA_lower` and `_upper`; without a code, of all together. US dollars and persons.
    """
    from concordat.impact.connectivity.cost import Place, connectivity_cost

    areas = parameters["areas"]
    pairs = zip(inputs[: 2 * len(areas) : 2], inputs[1 : 2 * len(areas) : 2], strict=True)
    places = [
        Place(area, _in_unit(people), _in_unit(online)) for area, (people, online) in zip(areas, pairs, strict=True)
    ]
    found = connectivity_cost(places, target_pct=parameters["target"])
    parts: dict[str, Any] = {"grade": found.grade, "target": parameters["target"]}
    whole = found.total or found.places[0]
    for place, end in (*((p, f"_{p.area}") for p in found.places), (whole, "")):
        parts[f"people{end}"] = place.people
        for scope in place.scopes:
            name = f"{scope.scope}{end}"
            parts |= {name: scope.central, f"{name}_lower": scope.low, f"{name}_upper": scope.high}
    return dict(rounded(parts))


@derivation("impact.record.forecast")
def forecast(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Where each member's figure is going, with the band that held at earlier origins (`connectivity.forecasts`).

    Inputs: observations of one indicator, of every area that has some. Parameters: `to`, `areas`, `scale`, `shown` (the
    years whose values are wanted). Parts: `at_BRA_2030` with `_lower` and `_upper` (None: not calibrated), `last_BRA`,
    `year_BRA`, `pooled_BRA` (fewer than five figures); `origin`; for each horizon `held_7`, `error_7`, `baseline_7`.
    """
    from concordat.impact.connectivity.forecasts import FIGURES_MIN
    from concordat.impact.connectivity.forecasts import forecast as compute

    series: dict[str, dict[int, float]] = {}
    for row in inputs:
        series.setdefault(str(row["area"]), {})[int(row["year"])] = _in_unit(row)
    found = compute(series, to=parameters["to"], scale=parameters["scale"], areas=parameters["areas"])
    parts: dict[str, Any] = {"origin": found.origin, "areas": len(series), "drift_areas": found.drift_areas}
    for area in found.areas:
        parts |= {f"last_{area.area}": area.last_value, f"year_{area.area}": area.last_year}
        parts[f"pooled_{area.area}"] = area.figures < FIGURES_MIN
        for year, value, low, high in zip(area.years, area.values, area.lower, area.upper, strict=True):
            name = f"at_{area.area}_{year}"
            parts |= {name: value, f"{name}_lower": low, f"{name}_upper": high}
    for check in found.horizons:
        held = None if check.coverage is None else 100 * check.coverage
        parts |= {f"held_{check.horizon}": held, f"shown_{check.horizon}": check.shown}
        parts |= {f"error_{check.horizon}": check.error, f"baseline_{check.horizon}": check.error_baseline}
    return dict(rounded(parts))


def _in_unit(parts: Parts) -> float:
    """A figure with its `unit_mult` worked in."""
    mult = parts.get("unit_mult", 0)
    return float(parts["value"] * 10.0**mult if mult else parts["value"])
