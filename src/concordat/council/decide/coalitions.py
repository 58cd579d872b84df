"""Which coalitions win, with nobody to spare: a search, smallest first, that is bounded and says if it was cut.

Depth first over the members in alphabetical order, for one size after another; a branch ends where even the heaviest
members left would not reach a level that wins, or where what is chosen wins already. Blocking coalitions are the
winning ones of the dual game. `whatif` asks for them under a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from concordat.council.decide.game import Criterion, Game
from concordat.errors import InputError, MethodError
from concordat.settings import unknown_key

COALITIONS_MAX = 1000
STEPS_MAX = 300_000
MEMBERS_MAX = 250  # the search goes down one level a member


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Coalitions, smallest first. `complete`: there are no others."""

    coalitions: tuple[tuple[str, ...], ...]
    complete: bool


def places(game: Game, members: Iterable[str]) -> tuple[int, ...]:
    found = []
    for member in members:
        if member not in game.members:
            raise unknown_key(member, game.members, where="members with a vote")
        found.append(game.members.index(member))
    return tuple(sorted(set(found)))


def dual(game: Game) -> Game:
    """The game in which the blocking coalitions win: S blocks if the rest reaches a losing level.

    A level counts the thresholds that a sum reaches. The rest has `total - s`; it reaches t as long as s stays below
    total - t + 1. So thresholds are mirrored, levels run backwards, and win and lose change places.
    """
    mirrored = tuple(
        Criterion(c.weights, tuple(c.total - t + 1 for t in reversed(c.thresholds))) for c in game.criteria
    )
    wins = ~np.flip(game.wins)
    return replace(game, criteria=mirrored, wins=wins)


class _Search:
    """Depth first over members in alphabetical order, for one size after another."""

    def __init__(self, game: Game, including: tuple[int, ...]) -> None:
        self.game, self.including = game, including
        self.rest = [i for i in range(len(game.members)) if i not in including]
        self.steps = 0
        # For each criterion and place in `rest`: the largest weights from there on, summed up.
        self.best = [
            [_running(sorted((c.weights[i] for i in self.rest[at:]), reverse=True)) for at in range(len(self.rest) + 1)]
            for c in game.criteria
        ]
        self.limits = [np.array(c.thresholds, dtype=np.int64) for c in game.criteria]

    def wins(self, sums: tuple[int, ...]) -> bool:
        levels = tuple(sum(1 for t in c.thresholds if t <= s) for c, s in zip(self.game.criteria, sums, strict=True))
        return bool(self.game.wins[levels])

    def of_size(self, size: int) -> Iterator[tuple[int, ...]]:
        """Minimal winning coalitions with the members asked for and so many in all."""
        sums = tuple(sum(c.weights[i] for i in self.including) for c in self.game.criteria)
        yield from self._down(self.including, sums, 0, size - len(self.including))

    def _down(self, chosen: tuple[int, ...], sums: tuple[int, ...], at: int, left: int) -> Iterator[tuple[int, ...]]:
        self.steps += 1
        if self.steps > STEPS_MAX or left > len(self.rest) - at:
            return
        if left == 0:
            if self.wins(sums) and not any(self.wins(self._less(sums, i)) for i in chosen):
                yield tuple(sorted(chosen))
            return
        if self.game.monotone:
            if self.wins(sums):  # then whoever comes later can be spared
                return
            best = tuple(s + self.best[d][at][left] for d, s in enumerate(sums))
            if not self.wins(best):
                return
        for place in range(at, len(self.rest) - left + 1):
            i = self.rest[place]
            more = tuple(s + c.weights[i] for c, s in zip(self.game.criteria, sums, strict=True))
            yield from self._down((*chosen, i), more, place + 1, left - 1)

    def _less(self, sums: tuple[int, ...], member: int) -> tuple[int, ...]:
        return tuple(s - c.weights[member] for c, s in zip(self.game.criteria, sums, strict=True))


def _running(values: list[int]) -> list[int]:
    sums = [0]
    for value in values:
        sums.append(sums[-1] + value)
    return sums


def minimal(game: Game, including: tuple[int, ...], limit: int) -> Coalitions:
    if not 1 <= limit <= COALITIONS_MAX:
        hint = f"Ask for 1 to {COALITIONS_MAX:,}."
        raise InputError(f"{limit} coalitions can't be listed.", where="limit", hint=hint, code="limit")
    if len(game.members) > MEMBERS_MAX:
        what = f"{len(game.members)} members are too many to list coalitions; at most {MEMBERS_MAX}."
        raise MethodError(what, code="too_large")
    search = _Search(game, including)
    found: list[tuple[int, ...]] = []
    for size in range(max(1, len(including)), len(game.members) + 1):
        for coalition in search.of_size(size):
            if len(found) == limit:
                return _named(game, found, complete=False)
            found.append(coalition)
    return _named(game, found, complete=search.steps <= STEPS_MAX)


def _named(game: Game, found: list[tuple[int, ...]], *, complete: bool) -> Coalitions:
    names = [tuple(game.members[i] for i in coalition) for coalition in found]
    return Coalitions(tuple(sorted(names, key=lambda c: (len(c), c))), complete)
