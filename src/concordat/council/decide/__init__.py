"""Decision rules: written as data, counted by everyone alike, with the power that each member has under them.

    rules     Rule, shipped, shipped_names     a rule from a file, and those that come with Concordat
    tally     tally -> Result                  is it adopted, with every step shown
    silence   start -> Silence -> state        has silence adopted it
    power     power -> Power                   Banzhaf, Shapley-Shubik, Coleman
    whatif    minimal_winning, minimal_blocking, blocks_with, change, votes_to_change, with_threshold
    schema    json_schema                      of a rule's file

The main path:

    rule = Rule.load(text)
    result = tally(rule, {"BRA": "yes", "IND": "no"}, {"BRA", "IND"}, {}, entitled=("BRA", "IND"))
    print(result.text)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.council.decide.power import Power, power
    from concordat.council.decide.rules import Rule, by_name, shipped, shipped_names
    from concordat.council.decide.schema import json_schema
    from concordat.council.decide.silence import Silence
    from concordat.council.decide.tally import Result, tally
    from concordat.council.decide.whatif import blocks_with, change, minimal_blocking, minimal_winning, votes_to_change

__all__ = [
    "Power",
    "Result",
    "Rule",
    "Silence",
    "blocks_with",
    "by_name",
    "change",
    "json_schema",
    "minimal_blocking",
    "minimal_winning",
    "power",
    "shipped",
    "shipped_names",
    "tally",
    "votes_to_change",
]

_HOMES = {
    "Power": "power",
    "Result": "tally",
    "Rule": "rules",
    "Silence": "silence",
    "blocks_with": "whatif",
    "by_name": "rules",
    "change": "whatif",
    "json_schema": "schema",
    "minimal_blocking": "whatif",
    "minimal_winning": "whatif",
    "power": "power",
    "shipped": "rules",
    "shipped_names": "rules",
    "tally": "tally",
    "votes_to_change": "whatif",
}


class _Room(ModuleType):
    """The package as a module in which `tally` and `power` are the functions, also once their modules are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:  # counting votes needs no NumPy: it is loaded with the part that does
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
