"""How sure the shares are: every rule for every draw of the parameters, as bands.

A game made from a scenario rests on parameters that have a spread. For each draw all coalitions are solved anew
(`equilibria`), and each rule divides what all gain then. Rules that add and scale values (the Shapley values, division
by head, gains as they fall) are computed for all draws at once; the nucleolus and the most equal divisions, which are a
sequence of programmes each, for the first 200. Told are the quantiles of each member's share, the share of draws in
which the division is in the core (within 1e-9 of the largest value), and that in which a member gets more than its own
gain. What has no spread (the form of the model, the year of the base) is not in the bands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from concordat.impact.monte_carlo import Quantiles, quantiles
from concordat.impact.sharing._masks import normalised
from concordat.impact.sharing.core import TOLERANCE, excesses
from concordat.impact.sharing.facts import MemberFacts
from concordat.impact.sharing.game import Game
from concordat.impact.sharing.rules import Rule

if TYPE_CHECKING:
    from concordat.impact.sharing.equilibria import GameDraws
    from concordat.impact.sharing.menu import Menu

Array = NDArray[np.float64]
SEQUENCES_MAX = 200  # draws of a rule that is a sequence of programmes


@dataclass(frozen=True, slots=True)
class ShareBands:
    """The bands of one rule.

    Attributes:
        shares: of each player, in the game's unit. in_core: share of draws in the core. receives: of each player, the
            share of draws in which it gets more than its own gain. draws: how many.
    """

    rule: str
    shares: tuple[Quantiles, ...]
    in_core: float
    receives: tuple[float, ...]
    draws: int

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rule": self.rule,
            "shares": [q.to_value() for q in self.shares],
            "in_core": self.in_core,
            "receives": list(self.receives),
            "draws": self.draws,
        }


def share_bands(menu: Menu, drawn: GameDraws) -> tuple[ShareBands, ...]:
    """Bands of every rule of a menu that could be computed.

    Raises:
        MethodError: a draw whose nucleolus can't be proved.
    """
    return tuple(_bands(menu.game, s.rule, menu.facts, drawn) for s in menu.shares if s.value is not None)


def _bands(game: Game, rule: Rule, facts: MemberFacts, drawn: GameDraws) -> ShareBands:
    from concordat.impact.sharing.menu import divide

    count = len(drawn.values) if not rule.exact else min(len(drawn.values), SEQUENCES_MAX)
    shares, stable = np.empty((count, game.n)), np.empty(count, dtype=bool)
    for k in range(count):
        own = Game(game.players, drawn.values[k], game.unit, game.outside)
        shares[k] = divide(own, rule.id, replace(facts, own_gains=drawn.own_gains[k]), None)[0]
        slack = TOLERANCE * normalised(own.values)[2]
        stable[k] = float(excesses(own, shares[k])[1:-1].max(initial=0.0)) <= slack
    more = shares > drawn.own_gains[:count] + TOLERANCE * np.abs(drawn.values[:count, -1:])
    return ShareBands(
        rule.id,
        tuple(quantiles(shares[:, i]) for i in range(game.n)),
        float(stable.mean()),
        tuple(more.mean(axis=0).tolist()),
        count,
    )
