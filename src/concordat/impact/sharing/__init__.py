"""Fair sharing of gains: what every group could have alone, and the rules that divide what all have together.

    from concordat.impact.sharing import Game, sharing_menu
    game = Game.of(("A", "B", "C"), {("A", "B"): 60, ("A", "C"): 40, ("A", "B", "C"): 100}, missing="zero")
    menu = sharing_menu(game, rules=["shapley", "nucleolus"])      # all rules without `rules`
    menu.share("nucleolus").value, menu.share("shapley").excess.in_core
    menu.core.words(); menu.to_value()

`game` and `facts` hold what is known; `shapley`, `nucleolus`, `core` and `egalitarian` the solutions; `transfers` the
smallest payments that stabilise, `correction` their effect on prices; `rules` the promises each rule keeps; `menu` all
of it. `equilibria` makes the game of a scenario, `draws` bands of its shares, `game_file` reads one from a file. No
rule is the fair one.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.impact.sharing.core import Blocking, Core, Excess, core, excesses, largest_excess
    from concordat.impact.sharing.correction import Corrected, transfers_in_equilibrium
    from concordat.impact.sharing.draws import ShareBands, share_bands
    from concordat.impact.sharing.egalitarian import Egalitarian, egalitarian_core
    from concordat.impact.sharing.equilibria import GameDraws, ScenarioGame, game_of_equilibria, game_of_scenario
    from concordat.impact.sharing.facts import MemberFacts, Outside
    from concordat.impact.sharing.game import Game
    from concordat.impact.sharing.game_file import GameFile, parse_game, parse_members
    from concordat.impact.sharing.menu import Menu, Share, sharing_menu
    from concordat.impact.sharing.nucleolus import Nucleolus, nucleolus
    from concordat.impact.sharing.rules import PROMISES, RULES, Rule
    from concordat.impact.sharing.shapley import (
        SampledShapley,
        sampled_shapley,
        shapley,
        shapley_values,
        weighted_shapley,
    )
    from concordat.impact.sharing.transfers import Stabilising, stabilising_transfers

_HOMES = {
    "Blocking": "core",
    "Core": "core",
    "Corrected": "correction",
    "Egalitarian": "egalitarian",
    "Excess": "core",
    "Game": "game",
    "GameDraws": "equilibria",
    "GameFile": "game_file",
    "MemberFacts": "facts",
    "Menu": "menu",
    "Nucleolus": "nucleolus",
    "Outside": "facts",
    "PROMISES": "rules",
    "RULES": "rules",
    "Rule": "rules",
    "SampledShapley": "shapley",
    "ScenarioGame": "equilibria",
    "Share": "menu",
    "ShareBands": "draws",
    "Stabilising": "transfers",
    "core": "core",
    "egalitarian_core": "egalitarian",
    "excesses": "core",
    "game_of_equilibria": "equilibria",
    "game_of_scenario": "equilibria",
    "largest_excess": "core",
    "nucleolus": "nucleolus",
    "parse_game": "game_file",
    "parse_members": "game_file",
    "sampled_shapley": "shapley",
    "shapley": "shapley",
    "shapley_values": "shapley",
    "share_bands": "draws",
    "sharing_menu": "menu",
    "stabilising_transfers": "transfers",
    "transfers_in_equilibrium": "correction",
    "weighted_shapley": "shapley",
}

__all__ = [
    "PROMISES",
    "RULES",
    "Blocking",
    "Core",
    "Corrected",
    "Egalitarian",
    "Excess",
    "Game",
    "GameDraws",
    "GameFile",
    "MemberFacts",
    "Menu",
    "Nucleolus",
    "Outside",
    "Rule",
    "SampledShapley",
    "ScenarioGame",
    "Share",
    "ShareBands",
    "Stabilising",
    "core",
    "egalitarian_core",
    "excesses",
    "game_of_equilibria",
    "game_of_scenario",
    "largest_excess",
    "nucleolus",
    "parse_game",
    "parse_members",
    "sampled_shapley",
    "shapley",
    "shapley_values",
    "share_bands",
    "sharing_menu",
    "stabilising_transfers",
    "transfers_in_equilibrium",
    "weighted_shapley",
]


class _Room(ModuleType):
    """The package as a module in which a name like `core` is the function, also once its module is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
