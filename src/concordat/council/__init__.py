"""What was decided and promised: a bloc consults, votes, commits, reviews and settles on a record that no member owns.

There is no server state. Every final entry of the ledger is an event; `fold` replays them into the same state at every
member; what was decided carries the hash of exactly the entries it came from, and can be checked by whoever has the
files. The room is pure: no clock, no files, no network.

    council = fold(history, bloc="BRICS", founders=("BRA", "RUS"))          # the state, with its hash
    rule = Rule.load(text)                                                  # a rule of decision
    tally(rule, ballots, attendance, weights, entitled=members)             # a result, with every condition's verdict
    power(rule, weights)                                                    # who has how much power under it
    analyse(votes)                                                          # opinion groups, consensus, bridging
    Register.load_seed()                                                    # what the source documents ask for
    score(codes); evidence(target, series, at=2026)                         # how far promises are kept, in two ways
    deadlines(Case.file(Procedure.shipped("odr"), ...), now)                # a dispute's next duties
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.council.commit import Register, Target
    from concordat.council.consult import analyse
    from concordat.council.decide import Rule, power, tally
    from concordat.council.disputes import Case, Procedure, deadlines
    from concordat.council.due import due
    from concordat.council.fold import Replay, Step, fold, start
    from concordat.council.review import evidence, score
    from concordat.council.state import Council

__all__ = [
    "Case",
    "Council",
    "Procedure",
    "Register",
    "Replay",
    "Rule",
    "Step",
    "Target",
    "analyse",
    "deadlines",
    "due",
    "evidence",
    "fold",
    "power",
    "score",
    "start",
    "tally",
]

_HOMES = {
    **dict.fromkeys(("Register", "Target"), "commit"),
    "analyse": "consult",
    **dict.fromkeys(("Rule", "power", "tally"), "decide"),
    **dict.fromkeys(("Case", "Procedure", "deadlines"), "disputes"),
    "due": "due",
    **dict.fromkeys(("Replay", "Step", "fold", "start"), "fold"),
    **dict.fromkeys(("evidence", "score"), "review"),
    "Council": "state",
}


class _Room(ModuleType):
    """The package as a module in which `fold` and `due` are the functions, also once their modules are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
