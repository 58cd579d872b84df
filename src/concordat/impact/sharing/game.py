"""A game of coalitions: what each group of members would gain if only that group acted together.

Players are numbered in the order of `players`; a coalition is a bit mask, bit i for player i, so that player 0 alone
is 1 and all of three players are 7. `values` holds the worth of every coalition in the order of the masks, 2^n
numbers, the empty one worth 0. In the games of this room the worth is `v(S) = sum_{i in S} (W_i - 1) E_i`, the
members' gains of real income in money when only S applies the rule: see `equilibria`.

Such a game is a simplification of a partition-function game (Thrall and Lucas 1963): what S gains depends on what those
outside do. The assumption made is kept as `outside` and printed with every result, with what becomes of economies
outside the game altogether (`facts.Outside`). A table is refused above 20 players, since it doubles with each.

    >>> game = Game.of(("A", "B", "C"), {("A", "B"): 60, ("A", "C"): 40, ("A", "B", "C"): 100}, missing="zero")
    >>> game.worth("A", "B"), game.total, game.coalition(6)
    (60.0, 100.0, ('B', 'C'))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.sharing._masks import is_convex, mask_names

Array = NDArray[np.float64]
Missing = Literal["refuse", "zero", "sum_of_singles"]

TABLE_MAX = 20  # 1,048,576 coalitions, 8 MB
EXACT_MAX = 16  # core, nucleolus and all that rests on linear programmes: specification, section 6
SHOWN = 6  # coalitions that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """What every coalition is worth.

    Attributes:
        players: their names, in the order of the bits.
        values: (2^n,) worth by bit mask, the empty coalition 0.
        unit: of the worth ("USD million"). outside: what is assumed of those outside a coalition.

    Raises:
        InputError: no player, a name twice or empty, more than 20 players, the wrong number of values, a value that is
            no number, an empty coalition that is worth something.
    """

    players: tuple[str, ...]
    values: Array
    unit: str = ""
    outside: str = ""

    def __post_init__(self) -> None:
        n = len(self.players)
        check_players(self.players)
        values = np.array(self.values, dtype=np.float64)
        if values.shape != (1 << n,):
            what = f"{n} players have {1 << n} coalitions, but values are {'x'.join(map(str, values.shape))}."
            hint = "Give one value a bit mask, the empty coalition first."
            raise InputError(what, hint=hint, code="game_size")
        if not np.isfinite(values).all():
            wrong = [mask_names(int(m), self.players) or "nobody" for m in np.flatnonzero(~np.isfinite(values))[:SHOWN]]
            hint = "Every coalition needs a worth; 0 says that it gains nothing."
            raise InputError(f"no number for {'; '.join(wrong)}.", hint=hint, code="game_value")
        if values[0] != 0:
            raise InputError(f"nobody at all is worth {values[0]:g}.", hint="Give the empty coalition 0.", code="empty")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def of(
        cls,
        players: Sequence[str],
        worth: Mapping[tuple[str, ...], float],
        *,
        missing: Missing = "refuse",
        unit: str = "",
        outside: str = "",
    ) -> Game:
        """A game from a table of coalitions by name.

        Args:
            missing: what a coalition that isn't named is worth: `refuse` to guess, `zero`, or the `sum_of_singles` of
                its members (those not named being 0).

        Raises:
            InputError: an unknown player, a coalition twice, or one that is missing.
        """
        players = tuple(players)
        check_players(players)
        index = {name: i for i, name in enumerate(players)}
        given: dict[int, float] = {}
        for names, value in worth.items():
            mask = _mask(names, index)
            if mask in given:
                raise InputError(f"{'+'.join(names)} stands twice.", hint="Keep one value.", code="coalition_twice")
            given[mask] = float(value)
        lacking = [mask for mask in range(1, 1 << len(players)) if mask not in given]
        if lacking and missing == "refuse":
            shown = ", ".join(mask_names(m, players) for m in lacking[:SHOWN])
            more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
            hint = 'Give their worth, or say what it is with missing: "zero" or "sum_of_singles".'
            raise InputError(f"no worth for {shown}{more}.", hint=hint, code="coalition_missing")
        values = np.zeros(1 << len(players))
        singles = [given.get(1 << i, 0.0) if missing == "sum_of_singles" else 0.0 for i in range(len(players))]
        for mask in lacking:
            values[mask] = sum(single for i, single in enumerate(singles) if mask >> i & 1)
        for mask, value in given.items():
            values[mask] = value
        return cls(players, values, unit, outside)

    @property
    def n(self) -> int:
        """How many players."""
        return len(self.players)

    @property
    def total(self) -> float:
        """`v(N)`: what all together are worth."""
        return float(self.values[-1])

    @property
    def singles(self) -> Array:
        """(n,) what each is worth alone."""
        found: Array = self.values[1 << np.arange(self.n)]
        return found

    @property
    def convex(self) -> bool:
        """Whether each adds the more, the larger the group it joins; then the Shapley value is in the core."""
        return is_convex(self.values)

    def mask(self, names: Iterable[str]) -> int:
        """The bit mask of a coalition.

        Raises:
            InputError: somebody in it is no player, or named twice; the nearest name is suggested.
        """
        return _mask(tuple(names), {name: i for i, name in enumerate(self.players)})

    def coalition(self, mask: int) -> tuple[str, ...]:
        """The players of a bit mask."""
        return tuple(name for i, name in enumerate(self.players) if mask >> i & 1)

    def worth(self, *names: str) -> float:
        """What a coalition is worth, by name."""
        return float(self.values[self.mask(names)])

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON: each coalition by its players, smaller ones first."""
        order = sorted(range(1, 1 << self.n), key=lambda m: (int(m).bit_count(), m))
        return {
            "players": list(self.players),
            "unit": self.unit,
            "outside": self.outside,
            "values": {"+".join(self.coalition(m)): float(self.values[m]) for m in order},
        }


def check_players(players: Sequence[str]) -> None:
    """Refuse names that can't be players.

    Raises:
        InputError: none, a name twice or empty, more than 20.
    """
    if not players:
        raise InputError("a game without players.", hint="Name one at least.", code="no_players")
    if len(players) > TABLE_MAX:
        hint = "Use sampled_shapley, which asks for the worth of a sample of coalitions."
        what = f"{len(players)} players have {1 << len(players):,} coalitions, of at most {1 << TABLE_MAX:,}."
        raise InputError(what, hint=hint, code="game_size")
    twice = sorted({p for p in players if list(players).count(p) > 1})
    if twice or not all(players):
        what = f"{', '.join(twice)} twice among the players." if twice else "a player without a name."
        raise InputError(what, hint="Give each a name of its own.", code="player_names")


def _mask(names: Sequence[str], index: Mapping[str, int]) -> int:
    mask = 0
    for name in names:
        if name not in index:
            from concordat.settings import nearest

            close = nearest(name, index)
            hint = f'Did you mean "{close[0]}"?' if close else f"The players are {', '.join(index)}."
            raise InputError(f'"{name}" is no player.', hint=hint, code="player")
        if mask >> index[name] & 1:
            what = f"{name} stands twice in {'+'.join(names)}."
            raise InputError(what, hint="Name each player once.", code="player_twice")
        mask |= 1 << index[name]
    return mask
