"""Who gains, who pays, and what would make it fair: trade equilibria, sharing, the digital economy, connectivity.

    from concordat.impact import bloc_shock, parse_trade_csv, solve, verify
    table = parse_trade_csv(data, year=2006)                     # bytes in, hash kept
    shock = bloc_shock(table, ["BRA", "CHN"], 0.557)             # a flow effect in logs
    eq = solve(table, shock=shock, theta=4, closure="multiplicative")
    verify(eq.certificate, table, eq); eq.real_income_pct["BRA"]

Nothing is guessed here: a parameter without source, distribution and grade, an equilibrium that doesn't hold, a table
that can't be is refused by name. All are functions on arrays and plain values; files come as bytes. Names are taken
from their modules when they are first used, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.impact.accounts import IOTable, LadderRung, digital_ladder
    from concordat.impact.baseline import fitted
    from concordat.impact.batch import Batch, CoalitionShocks, solve_batch
    from concordat.impact.caliendo_parro import parse_caliendo_parro
    from concordat.impact.certificate import Certificate, verify
    from concordat.impact.closures import CLOSURES
    from concordat.impact.connectivity import allocate, backtest, connectivity_cost, forecast
    from concordat.impact.equilibrium import Equilibrium, bloc_shock, solve
    from concordat.impact.estimation import estimate
    from concordat.impact.mrio_readers import parse_mrio
    from concordat.impact.mrio_table import MrioTable
    from concordat.impact.parameters import Parameter
    from concordat.impact.provisions import provision_effects
    from concordat.impact.run import run
    from concordat.impact.scenario import Scenario, parse_scenario
    from concordat.impact.sectors import solve_sectors
    from concordat.impact.sectors_base import SectorModel
    from concordat.impact.sharing import Game, core, nucleolus, shapley, sharing_menu
    from concordat.impact.trade_readers import parse_trade_csv
    from concordat.impact.trade_table import TradeTable

__all__ = [
    "CLOSURES",
    "Batch",
    "Certificate",
    "CoalitionShocks",
    "Equilibrium",
    "Game",
    "IOTable",
    "LadderRung",
    "MrioTable",
    "Parameter",
    "Scenario",
    "SectorModel",
    "TradeTable",
    "allocate",
    "backtest",
    "bloc_shock",
    "connectivity_cost",
    "core",
    "digital_ladder",
    "estimate",
    "fitted",
    "forecast",
    "nucleolus",
    "parse_caliendo_parro",
    "parse_mrio",
    "parse_scenario",
    "parse_trade_csv",
    "provision_effects",
    "run",
    "shapley",
    "sharing_menu",
    "solve",
    "solve_batch",
    "solve_sectors",
    "verify",
]

_HOMES = {
    "Batch": "batch",
    "CLOSURES": "closures",
    "Certificate": "certificate",
    "CoalitionShocks": "batch",
    "Equilibrium": "equilibrium",
    "Game": "sharing",
    "IOTable": "accounts",
    "LadderRung": "accounts",
    "MrioTable": "mrio_table",
    "Parameter": "parameters",
    "Scenario": "scenario",
    "SectorModel": "sectors_base",
    "TradeTable": "trade_table",
    "allocate": "connectivity",
    "backtest": "connectivity",
    "bloc_shock": "equilibrium",
    "connectivity_cost": "connectivity",
    "core": "sharing",
    "digital_ladder": "accounts",
    "estimate": "estimation",
    "fitted": "baseline",
    "forecast": "connectivity",
    "nucleolus": "sharing",
    "parse_caliendo_parro": "caliendo_parro",
    "parse_mrio": "mrio_readers",
    "parse_scenario": "scenario",
    "parse_trade_csv": "trade_readers",
    "provision_effects": "provisions",
    "run": "run",
    "shapley": "sharing",
    "sharing_menu": "sharing",
    "solve": "equilibrium",
    "solve_batch": "batch",
    "solve_sectors": "sectors",
    "verify": "certificate",
}


class _Room(ModuleType):
    """The package as a module in which a name like `run` is the function, also once its module is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
