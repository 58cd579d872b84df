"""What if: who wins or blocks together, what a change does to power, which votes would have to change.

- `minimal_winning`, `minimal_blocking`: coalitions from which nobody can be spared, smallest first, alphabetical
  within a size, up to 1,000, with given members if asked. A coalition blocks if all the others together lose.
- `blocks_with`: one member's minimal blocking coalitions, and with each other member the size of the smallest one.
- `change`: power before and after members join or leave, weights change, or a threshold moves (`with_threshold`).
- `votes_to_change`: of a vote that was held, the smallest sets of members whose change would turn the outcome.

Coalitions are sought by depth first search, cut off where even the heaviest members left would not reach a level that
wins; bounded, and a list that the bound cut short says so (`complete`). Does not say who is likely to move.

    >>> from concordat.council.decide.rules import shipped
    >>> weights = {"quota": {"A": 4, "B": 3, "C": 2, "D": 1}}
    >>> minimal_winning(shipped("imf_70"), weights).coalitions
    (('A', 'B'), ('A', 'C', 'D'))
    >>> minimal_blocking(shipped("imf_70"), weights, including=("B",)).coalitions
    (('B', 'C'), ('B', 'D'))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from concordat.council.decide.game import Criterion, Game, game_of
from concordat.council.decide.power import Number, Power, power
from concordat.council.decide.rules import Rule
from concordat.council.decide.tally import Groups, Result, Weights, tally
from concordat.council.decide.tree import Join, Leaf, Node
from concordat.errors import InputError, MethodError
from concordat.settings import unknown_key

COALITIONS_MAX = 1000
STEPS_MAX = 300_000
MEMBERS_MAX = 250  # the search goes down one level a member
TALLIES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Coalitions, smallest first. `complete`: there are no others."""

    coalitions: tuple[tuple[str, ...], ...]
    complete: bool


def minimal_winning(
    rule: Rule,
    weights: Weights,
    *,
    entitled: Collection[str] | None = None,
    groups: Groups | None = None,
    including: Iterable[str] = (),
    limit: int = COALITIONS_MAX,
) -> Coalitions:
    """Coalitions that win, and lose without any one of their members.

    Raises:
        InputError: a weight, table, group or member is not there. MethodError: the rule is not a monotone game.
    """
    game = game_of(rule, weights, entitled=entitled, groups=groups)
    return _minimal(game, _places(game, including), limit)


def minimal_blocking(
    rule: Rule,
    weights: Weights,
    *,
    entitled: Collection[str] | None = None,
    groups: Groups | None = None,
    including: Iterable[str] = (),
    limit: int = COALITIONS_MAX,
) -> Coalitions:
    """Coalitions without which nothing is adopted, and that lose this without any one of their members.

    Raises:
        InputError: a weight, table, group or member is not there. MethodError: the rule is not a monotone game.
    """
    game = _dual(game_of(rule, weights, entitled=entitled, groups=groups))
    return _minimal(game, _places(game, including), limit)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How one member can block.

    Attributes:
        alone: it has a veto. coalitions: the minimal blocking ones with it. smallest_with: by other member, the size of
            the smallest minimal one with both; None where there is none, or the bounded search found none.
    """

    member: str
    alone: bool
    coalitions: Coalitions
    smallest_with: Mapping[str, int | None]


def blocks_with(
    rule: Rule,
    weights: Weights,
    member: str,
    *,
    entitled: Collection[str] | None = None,
    groups: Groups | None = None,
    limit: int = COALITIONS_MAX,
) -> Blocks:
    """With whom a member can block.

    Raises:
        InputError: a weight, table, group or the member is not there. MethodError: the rule is not a monotone game.
    """
    game = _dual(game_of(rule, weights, entitled=entitled, groups=groups))
    (place,) = _places(game, [member])
    found = _minimal(game, (place,), limit)
    smallest: dict[str, int | None] = {}
    for other, name in enumerate(game.members):
        if other != place:
            first = next((c for c in found.coalitions if name in c), None)
            if first is None and not found.complete:
                first = next(iter(_minimal(game, (place, other), 1).coalitions), None)
            smallest[name] = len(first) if first else None
    return Blocks(member, game.winning(1 << place), found, smallest)


# --- Searching ----------------------------------------------------------------------------------------------------


def _places(game: Game, members: Iterable[str]) -> tuple[int, ...]:
    found = []
    for member in members:
        if member not in game.members:
            raise unknown_key(member, game.members, where="members with a vote")
        found.append(game.members.index(member))
    return tuple(sorted(set(found)))


def _dual(game: Game) -> Game:
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


def _minimal(game: Game, including: tuple[int, ...], limit: int) -> Coalitions:
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


# --- Before and after -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Power before and after. `shapley`, `banzhaf_share`: by member, before and after; None who isn't there."""

    before: Power
    after: Power
    shapley: Mapping[str, tuple[Number | None, Number | None]]
    banzhaf_share: Mapping[str, tuple[Number | None, Number | None]]


def change(
    rule: Rule,
    weights: Weights,
    *,
    entitled: Collection[str] | None = None,
    groups: Groups | None = None,
    leave: Iterable[str] = (),
    join: Iterable[str] = (),
    new_weights: Weights | None = None,
    new_groups: Groups | None = None,
    new_rule: Rule | None = None,
) -> Change:
    """Power before and after a change of members, weights, groups or rule.

    Args:
        leave, join: members. new_weights: by table, the weights that change or are new. new_groups: groups that change.

    Raises:
        InputError: who leaves has no vote, who joins has one, or a weight is missing. MethodError: as `power`.
    """
    before = power(rule, weights, entitled=entitled, groups=groups)
    members = set(before.members)
    for member in leave:
        if member not in members:
            raise unknown_key(member, sorted(members), where="leave")
        members.remove(member)
    for member in join:
        if member in members:
            raise InputError(f"{member} has a vote already.", where="join", code="duplicate")
        members.add(member)
    moved: dict[str, Mapping[str, int]] = dict(weights)
    for table, rows in (new_weights or {}).items():
        moved[table] = {**moved.get(table, {}), **rows}
    after = power(new_rule or rule, moved, entitled=sorted(members), groups={**(groups or {}), **(new_groups or {})})
    names = sorted({*before.members, *after.members})
    return Change(
        before,
        after,
        {m: (before.shapley.get(m), after.shapley.get(m)) for m in names},
        {m: (before.banzhaf_share.get(m), after.banzhaf_share.get(m)) for m in names},
    )


def with_threshold(rule: Rule, path: str, threshold: Fraction | int | str) -> Rule:
    """The rule with another threshold in the leaf at a path, as `Verdict.path` names it.

    >>> from concordat.council.decide.rules import shipped
    >>> with_threshold(shipped("two_thirds"), "adopt", "3/4").tree.threshold
    Fraction(3, 4)

    Raises:
        InputError: no leaf stands there, or the threshold is out of its range.
    """
    value = rule.to_value()
    leaf: Any = value
    for step in path.split("."):
        try:
            leaf = leaf[int(step) if isinstance(leaf, list) else step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise InputError(f'nothing stands at "{path}".', where=f"rule {rule.name}", code="path") from None
    node = _node(rule.tree, leaf)
    if not isinstance(node, Leaf):
        hint = "Name a share or a count, such as adopt.any_of.0."
        raise InputError(f'"{path}" has no threshold.', where=f"rule {rule.name}", hint=hint, code="path")
    leaf[node.comparison] = str(threshold)
    return Rule.of(value, where=f"rule {rule.name}")


def _node(tree: Node | None, value: Any) -> Node | None:
    """The node that has this value."""
    if tree is None or (isinstance(value, dict) and tree.to_value() == value):
        return tree
    if isinstance(tree, Join):
        return next((found for part in tree.parts if (found := _node(part, value)) is not None), None)
    return None


# --- Votes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VotesToChange:
    """What would turn an outcome: sets of members who change to `choice`, smallest first; none if no votes do it."""

    outcome: str
    choice: str
    sets: tuple[tuple[str, ...], ...]
    complete: bool


def votes_to_change(
    result: Result,
    attendance: Collection[str] | Mapping[str, Collection[str]],
    weights: Weights,
    *,
    groups: Groups | None = None,
    limit: int = COALITIONS_MAX,
) -> VotesToChange:
    """The smallest sets of members whose other choice would turn the outcome of a vote.

    If it was adopted, members who said yes change to no; else members who did not (the absent too) change to yes.

    Raises:
        InputError: as `tally`.
    """
    adopted = result.outcome == "adopted"
    choice = "no" if adopted else "yes"
    able = [m for m in result.entitled if (result.ballots.get(m) == "yes") == adopted]
    formal = [m for m in result.objections if result.ballots.get(m) != "no"]

    def turned(changing: Collection[str]) -> bool:
        ballots: dict[str, str | Mapping[str, Any]] = {**result.ballots, **dict.fromkeys(changing, choice)}
        left = [m for m in formal if m not in changing]
        again = tally(
            result.rule,
            ballots,
            attendance,
            weights,
            entitled=result.entitled,
            groups=groups,
            chair=result.chair,
            chair_choice=result.chair_choice or None,
            objections=left,
        )
        return (again.outcome == "adopted") != adopted

    if not turned(able):
        return VotesToChange(result.outcome, choice, (), True)
    found: list[tuple[str, ...]] = []
    tried = 0
    for size in range(1, len(able) + 1):
        for members in combinations(able, size):
            if any(set(smaller) <= set(members) for smaller in found):
                continue
            tried += 1
            if len(found) >= limit or tried > TALLIES_MAX:
                return VotesToChange(result.outcome, choice, tuple(found), False)
            if turned(members):
                found.append(members)
    return VotesToChange(result.outcome, choice, tuple(found), True)
