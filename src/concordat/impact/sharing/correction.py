"""What transfers achieve once prices have moved, and how they must be corrected: the classic transfer problem.

Who receives 100 may gain 103 or 96, since spending moves and prices with it (the secondary gain or burden). Wanted are
gains x. Try `t = x - g`, solve the equilibrium with these transfers, add what is missing, at most five rounds; a secant
update (Broyden 1965) learns how much of a payment arrives. Transfers always add up to nothing, and so the members'
sum can't be corrected: together they have more or less than without transfers, and that part of the gap stays. It is
printed with the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.sharing.core import centred, division
from concordat.impact.sharing.game import Game

Array = NDArray[np.float64]

ROUNDS = 5
CLOSE = 1e-9  # of the largest gain or transfer wanted


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Transfers corrected for what they do to prices.

    Attributes:
        transfers: (n,), adding up to nothing. achieved: (n,) gains with them. target: (n,) gains wanted.
        gap: (n,) target less achieved. shortfall: the sum of the gap, which no transfer between members can close.
        rounds: how many equilibria were solved. history: the largest gap apart from the shared shortfall, a round each.
        secondary: (n,) achieved less own gains less transfers: what the transfers did through prices.
    """

    players: tuple[str, ...]
    transfers: Array
    achieved: Array
    target: Array
    gap: Array
    shortfall: float
    rounds: int
    history: tuple[float, ...]
    secondary: Array
    converged: bool
    unit: str = ""

    def words(self) -> str:
        """One line for a reader."""
        own = float(np.abs(self.gap - self.shortfall / len(self.gap)).max())
        gap = float(np.abs(self.gap).max())
        said = f"{self.rounds} rounds; largest gap to what was wanted {gap:,.3g} {self.unit}".rstrip()
        word = "less" if self.shortfall > 0 else "more"
        together = f"members together have {abs(self.shortfall):,.3g} {word} than without transfers"
        return f"{said}: {together}, which no transfer between them can change; apart from that {own:.2g}."

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        arrays = ("transfers", "achieved", "target", "gap", "secondary")
        plain = ("shortfall", "rounds", "converged", "unit")
        found: dict[str, Any] = {name: getattr(self, name).tolist() for name in arrays}
        found |= {name: getattr(self, name) for name in plain}
        return found | {"players": list(self.players), "history": list(self.history)}


def transfers_in_equilibrium(
    game: Game,
    target: Sequence[float] | Array,
    own_gains: Sequence[float] | Array,
    resolve: Callable[[Array], Array],
    *,
    rounds: int = ROUNDS,
) -> Corrected:
    """Transfers that give each member the gains wanted, with what they do to prices.

    The first try is `target - own_gains`. Each round solves the equilibrium with the transfers of the round before and
    adds what is missing, less its mean; a secant update (Broyden 1965) learns how much of a payment arrives. The best
    round is kept, so that a correction that overshoots does no harm.

    Args:
        target: (n,) a division of `v(N)`. own_gains: (n,) gains without payments.
        resolve: takes (n,) transfers that add up to zero, in the game's unit, and returns (n,) gains of real income in
            money, against the base without the rule, transfers included.
        rounds: at most 5 unless asked otherwise.

    Raises:
        InputError: no round; a target or own gains that don't divide `v(N)`.
        MethodError: `resolve` returns something that is no number. What `resolve` raises goes through.
    """
    if rounds < 1:
        raise InputError(f"{rounds} rounds.", hint="Solve at least once.", code="rounds")
    wanted, own = division(game, target), division(game, own_gains)
    size = max(float(np.abs(wanted).max()), float(np.abs(wanted - own).max()), 1e-300)
    t = centred(wanted - own, 0.0)
    inverse = np.eye(game.n)
    history: list[float] = []
    best: tuple[float, Array, Array] | None = None
    last: tuple[Array, Array] | None = None
    for _ in range(rounds):
        achieved = np.asarray(resolve(t.copy()), dtype=np.float64)
        if achieved.shape != t.shape or not np.isfinite(achieved).all():
            raise MethodError("the equilibrium with transfers has no gains.", hint="Check resolve.", code="resolve")
        missing = centred(wanted - achieved, 0.0)
        history.append(float(np.abs(missing).max()))
        if best is None or history[-1] < best[0]:
            best = (history[-1], t, achieved)
        if history[-1] <= CLOSE * size:
            break
        if last is not None:
            inverse = _secant(inverse, t - last[0], last[1] - missing)
        last = (t, missing)
        t = centred(t + inverse @ missing, 0.0)
    assert best is not None, "at least one round"
    _, t, achieved = best
    gap = wanted - achieved
    return Corrected(
        game.players,
        t,
        achieved,
        wanted,
        gap,
        float(gap.sum()),
        len(history),
        tuple(history),
        achieved - own - t,
        best[0] <= CLOSE * size,
        game.unit,
    )


def _secant(inverse: Array, step: Array, effect: Array) -> Array:
    """Broyden's update of the inverse, so that it maps the effect just seen to the step that caused it."""
    along = inverse @ effect
    size = float(step @ along)
    if abs(size) < 1e-300:
        return inverse
    found: Array = inverse + np.outer(step - along, step @ inverse) / size
    return found
