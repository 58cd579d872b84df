"""What if: who wins or blocks together, what a change does to power, which votes would have to change.

- `minimal_winning`, `minimal_blocking`: coalitions from which nobody can be spared, smallest first, alphabetical
  within a size, up to 1,000, with given members if asked. A coalition blocks if all the others together lose.
- `blocks_with`: one member's minimal blocking coalitions, and with each other member the size of the smallest one.
- `change`: power before and after members join or leave, weights change, or a threshold moves (`with_threshold`).
- `votes_to_change`: of a vote that was held, the smallest sets of members whose change would turn the outcome.

Searches are bounded, and a list that the bound cut short says so (`complete`). Does not say who is likely to move.

    >>> from concordat.council.decide.rules import shipped
    >>> weights = {"quota": {"A": 4, "B": 3, "C": 2, "D": 1}}
    >>> minimal_winning(shipped("imf_70"), weights).coalitions
    (('A', 'B'), ('A', 'C', 'D'))
    >>> minimal_blocking(shipped("imf_70"), weights, including=("B",)).coalitions
    (('B', 'C'), ('B', 'D'))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from concordat.council.decide.coalitions import COALITIONS_MAX, Coalitions, dual, minimal, places
from concordat.council.decide.game import game_of
from concordat.council.decide.inputs import Groups, Weights
from concordat.council.decide.power import Number, Power, power
from concordat.council.decide.rules import Rule
from concordat.council.decide.tally import Result, tally
from concordat.council.decide.tree import Join, Leaf, Node
from concordat.errors import InputError
from concordat.settings import unknown_key

BALLOTS_MAX = 500_000  # so many ballots are counted again at most, in all tries


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
    return minimal(game, places(game, including), limit)


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
    game = dual(game_of(rule, weights, entitled=entitled, groups=groups))
    return minimal(game, places(game, including), limit)


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
    game = dual(game_of(rule, weights, entitled=entitled, groups=groups))
    (place,) = places(game, [member])
    found = minimal(game, (place,), limit)
    smallest: dict[str, int | None] = {}
    for other, name in enumerate(game.members):
        if other != place:
            first = next((c for c in found.coalitions if name in c), None)
            if first is None and not found.complete:
                first = next(iter(minimal(game, (place, other), 1).coalitions), None)
            smallest[name] = len(first) if first else None
    return Blocks(member, game.winning(1 << place), found, smallest)


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
    """What would turn an outcome: sets of members who change to `choice`, smallest first; none if no votes do it.

    Where the bounded search found none, there is one set from which nobody can be spared, perhaps not the smallest.
    """

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

    each = len(result.entitled) * max(
        1, len(result.verdicts) // 8
    )  # a tree of many conditions is judged anew each time
    if not turned(able):
        return VotesToChange(result.outcome, choice, (), True)
    found: list[tuple[str, ...]] = []
    tried = 0
    for size in range(1, len(able) + 1):
        for members in combinations(able, size):
            if any(set(smaller) <= set(members) for smaller in found):
                continue
            tried += 1
            if len(found) >= limit or tried * each > BALLOTS_MAX:
                some = found or [_spared(able, turned, result.rule, weights)]
                return VotesToChange(result.outcome, choice, tuple(some), False)
            if turned(members):
                found.append(members)
    return VotesToChange(result.outcome, choice, tuple(found), True)


def _spared(
    able: list[str], turned: Callable[[Collection[str]], bool], rule: Rule, weights: Weights
) -> tuple[str, ...]:
    """A set that turns the outcome and from which nobody can be spared; the lightest are left out first."""
    left = list(able)
    for member in sorted(able, key=lambda m: (sum(weights[table][m] for table in rule.weights), m)):
        without = [m for m in left if m != member]
        if turned(without):
            left = without
    return tuple(left)
