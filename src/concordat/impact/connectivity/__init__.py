"""Connectivity: what it costs to connect those who are offline, how fast they come online, where a budget does most.

`connectivity_cost` gives three scopes together with published estimates beside; `forecast` gives paths with bands that
are shown only where bands of the same kind held before, and `backtest` shows how it did; `allocate` solves a reviewed
plan (`parse_plan`) as a linear program and says how stable the order of countries is. None of them identifies a cause.

    >>> from concordat.impact.connectivity import Place, connectivity_cost
    >>> cost = connectivity_cost([Place("EGY", 100e6, 80.0)])
    >>> [f"{s.scope} {s.low / 1e9:.0f}-{s.high / 1e9:.0f}" for s in cost.places[0].scopes]
    ['coverage 3-13', 'affordable 10-21', 'meaningful 11-22']
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "Allocation": "allocation",
    "Anchor": "anchors",
    "AreaForecast": "forecasts",
    "Backtest": "backtests",
    "ConnectivityCost": "cost",
    "Forecast": "forecasts",
    "Place": "cost",
    "Plan": "plan",
    "UnitCosts": "sizes",
    "allocate": "allocation",
    "backtest": "backtests",
    "connectivity_cost": "cost",
    "forecast": "forecasts",
    "income_quartiles": "series",
    "load_anchors": "anchors",
    "parse_plan": "plan",
    "unit_costs": "sizes",
}

__all__ = [
    "Allocation",
    "Anchor",
    "AreaForecast",
    "Backtest",
    "ConnectivityCost",
    "Forecast",
    "Place",
    "Plan",
    "UnitCosts",
    "allocate",
    "backtest",
    "connectivity_cost",
    "forecast",
    "income_quartiles",
    "load_anchors",
    "parse_plan",
    "unit_costs",
]


def __getattr__(name: str) -> Any:
    """Names are imported from their modules when they are asked for."""
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
