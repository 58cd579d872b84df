"""What is known of the players beside the game: their own gains, income, people, and what outsiders have of it.

A game says what coalitions are worth and nothing else. Who pays whom needs to know what each has when nobody pays;
weights and inequality need income and population; inequality within members needs the shares of the fifths of each
population. What is not known is None, and what rests on it is "not computed", with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.measures import Outsiders
from concordat.impact.sharing.game import Game

Array = NDArray[np.float64]

STAY_AT_BASELINE = "stay_at_baseline"
PARTITIONS: Mapping[str, str] = {
    STAY_AT_BASELINE: "members outside a coalition keep today's rule and form no group of their own",
}


@dataclass(frozen=True, slots=True, eq=False)
class MemberFacts:
    """What is known of the players beside the game, in its order; what is not known is None.

    Attributes:
        own_gains: (n,) what each gains when all act together and nobody pays anybody; adds up to `v(N)`.
        income: (n,) income before, in the game's unit. population: (n,) persons.
        quintiles: (n, 5) shares of income of the five fifths of each population, the poorest first.
        income_means: what the income is, in words (expenditure of the base table is not national income).

    Raises:
        InputError: another length, something that is no number, an income or population that is not positive, shares
            of fifths that are negative, fall, or don't add up to 1 within 0.005.
    """

    own_gains: Array | None = None
    income: Array | None = None
    population: Array | None = None
    quintiles: Array | None = None
    income_means: str = "income"

    def __post_init__(self) -> None:
        lengths = set()
        for name in ("own_gains", "income", "population", "quintiles"):
            given = getattr(self, name)
            if given is None:
                continue
            numbers = np.array(given, dtype=np.float64)
            lengths.add(len(numbers))
            if not np.isfinite(numbers).all() or (name in ("income", "population") and (numbers <= 0).any()):
                what = f"{name}: something is no number, or not above zero."
                raise InputError(what, hint="Leave the whole of it out if a member's is not known.", code="facts")
            numbers.setflags(write=False)
            object.__setattr__(self, name, numbers)
        if len(lengths) > 1:
            raise InputError("facts of different numbers of members.", hint="Give one a player.", code="facts")
        if self.quintiles is not None:
            _check_quintiles(self.quintiles)

    def checked(self, game: Game) -> MemberFacts:
        """The same, once it is seen to fit the game.

        Raises:
            InputError: another number of members, or own gains that don't add up to the worth of all (1e-6 of it).
        """
        given = [f for f in (self.own_gains, self.income, self.population, self.quintiles) if f is not None]
        if any(len(numbers) != game.n for numbers in given):
            raise InputError(f"facts of another number than {game.n} players.", hint="Give one a player.", code="facts")
        if self.own_gains is not None:
            off = float(self.own_gains.sum()) - game.total
            if abs(off) > 1e-6 * max(float(np.abs(game.values).max()), float(np.abs(self.own_gains).max())):
                what = f"own gains add up to {float(self.own_gains.sum()):g}, the worth of all is {game.total:g}."
                hint = "Own gains are what each has when all act together: they add up to it."
                raise InputError(what, hint=hint, code="own_gains")
        return self


def _check_quintiles(quintiles: Array) -> None:
    wrong = quintiles.ndim != 2 or quintiles.shape[1] != 5
    if wrong or (quintiles < 0).any() or (np.diff(quintiles, axis=1) < -1e-9).any():
        hint = "Give five shares a member, the poorest fifth first, as fractions of 1."
        raise InputError("quintiles: not five rising shares.", hint=hint, code="quintiles")
    if (np.abs(quintiles.sum(axis=1) - 1) > 0.005).any():  # published shares are rounded to a tenth of a percent
        raise InputError("quintiles: shares don't add up to 1.", hint="Give fractions of 1.", code="quintiles")


@dataclass(frozen=True, slots=True)
class Outside:
    """What is assumed of those outside a coalition, and what outsiders have when all players act together.

    Attributes:
        partition: the assumption, an id of `PARTITIONS` or words. outsiders: economies outside the game; None if not
            known. unit: of their net change.
    """

    partition: str
    outsiders: Outsiders | None = None
    unit: str = ""

    @property
    def assumed(self) -> str:
        """The assumption in words."""
        return PARTITIONS.get(self.partition, self.partition)

    def words(self) -> str:
        """One line for a reader."""
        assumed = f"Assumed: {self.assumed}." if self.partition else "What is assumed of those outside is not said."
        if self.outsiders is None:
            return f"{assumed} What outsiders have of it: not computed."
        o = self.outsiders
        worst = f", worst {o.worst} {o.worst_pct:.6f} %" if o.losing else ""
        return (
            f"{assumed} {o.losing} of {o.count} outsiders lose{worst}; together {o.net:+,.2f} {self.unit}".rstrip()
            + "."
        )

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        who = None if self.outsiders is None else self.outsiders.to_value()
        return {"partition": self.partition, "assumed": self.assumed, "outsiders": who, "unit": self.unit}
