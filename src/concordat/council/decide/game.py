"""Which simple game is a decision rule: who wins together, when all are present and who is not for is against.

Every leaf then asks whether the sum of some weights over a coalition reaches a whole threshold, `s_d >= t`. So the rule
is a set of criteria (weights by member, thresholds) and a table of the levels reached: `wins[level_1, ..., level_k]`.
Weights are divided by what divides them all; criteria that are always or never met are gone. Abstention, proxies,
quorum and ties play no part (Felsenthal and Machover, *The Measurement of Voting Power*, 1998, chapter 2).

    >>> from concordat.council.decide.rules import shipped
    >>> game = game_of(shipped("imf_85"), {"quota": {"A": 50, "B": 30, "C": 20}}, entitled=("A", "B", "C"))
    >>> game.criteria[0].weights, game.criteria[0].thresholds, game.winning(0b111), game.winning(0b011)
    ((5, 3, 2), (9,), True, False)
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from concordat.council.decide.inputs import Groups, Weights, check_groups, check_weights, entitled_members
from concordat.council.decide.rules import Rule
from concordat.council.decide.tree import Against, Join, Leaf, NobodyObjects, Node
from concordat.errors import MethodError

CELLS_MAX = 1_000_000
SUM_MAX = 2**62
ENUMERATED_MAX = 20

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Criterion:
    """Weights by member (in the order of the game), and the sums at which something changes, ascending."""

    weights: tuple[int, ...]
    thresholds: tuple[int, ...]

    @property
    def total(self) -> int:
        """What all members weigh together."""
        return sum(self.weights)

    @property
    def counts_members(self) -> bool:
        """Whether it is the number of members."""
        return all(weight == 1 for weight in self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """A simple game.

    Attributes:
        members: sorted. criteria: at least one. wins: by the level reached in each criterion.
        monotone: whether `wins` grows with every level. Where it does not, coalitions that can't occur may be to blame.
    """

    members: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    wins: Bools
    monotone: bool

    def winning(self, mask: int) -> bool:
        """Whether a coalition wins; bit i is member i."""
        inside = [i for i in range(len(self.members)) if mask >> i & 1]
        levels = tuple(bisect_right(c.thresholds, sum(c.weights[i] for i in inside)) for c in self.criteria)
        return bool(self.wins[levels])

    def table(self) -> Bools:
        """Whether each of the 2^n coalitions wins; for small n."""
        assert len(self.members) <= ENUMERATED_MAX
        levels = [_levels(c, subset_sums(c.weights)) for c in self.criteria]
        found: Bools = self.wins[tuple(levels)]
        return found


def _levels(criterion: Criterion, sums: Ints) -> Ints:
    found: Ints = np.searchsorted(np.array(criterion.thresholds, dtype=np.int64), sums, side="right")
    return found


def subset_sums(weights: Collection[int]) -> Ints:
    """The weight of every subset, in the order of the bit masks."""
    sums = np.zeros(1, dtype=np.int64)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return sums


def game_of(
    rule: Rule, weights: Weights, *, entitled: Collection[str] | None = None, groups: Groups | None = None
) -> Game:
    """The game of a rule; without `entitled`, of all members in the tables of weights.

    Raises:
        InputError: a weight, table or group is missing. MethodError: an election; a rule that is always or never met;
            a rule under which one more yes can turn adopted into rejected; numbers too large.
    """
    if rule.tree is None:
        raise MethodError(f'"{rule.name}" elects; it has no coalitions.', code="election")
    named = entitled if entitled is not None else sorted({m for table in weights.values() for m in table})
    members = entitled_members(named)
    build = _Build(members, check_groups(rule, groups or {}, members), check_weights(rule, weights, members))
    tree = build.atoms(rule.tree)
    criteria = build.criteria()
    cells = math.prod(len(c.thresholds) + 1 for c in criteria.values())
    if cells > CELLS_MAX:
        raise MethodError(f"the rule has {cells:,} combinations of levels.", hint="Write it shorter.", code="too_large")
    shape = tuple(len(c.thresholds) + 1 for c in criteria.values())
    wins, _ = build.judge(tree, criteria, shape)
    wins = np.broadcast_to(wins, shape).copy()
    game = Game(members, tuple(criteria.values()), wins, _grows(wins))
    _check(rule, game)
    return game


def _grows(wins: Bools) -> bool:
    return all(not (np.diff(wins.astype(np.int8), axis=axis) < 0).any() for axis in range(wins.ndim))


def _check(rule: Rule, game: Game) -> None:
    n = len(game.members)
    if any(c.total >= SUM_MAX for c in game.criteria):
        raise MethodError("the weights add up to over 2^62.", hint="Divide them by a common number.", code="too_large")
    if not game.monotone and (n > ENUMERATED_MAX or not _monotone(game.table(), n)):
        what = f'under "{rule.name}" one more yes can turn adopted into rejected: power has no meaning there.'
        raise MethodError(what, hint="Power is defined for monotone rules.", code="not_monotone")
    if game.winning(0) or not game.winning((1 << n) - 1):
        always = "always" if game.winning(0) else "never"
        what = f'under "{rule.name}" a proposal is {always} adopted: nobody has power.'
        raise MethodError(what, hint="Check the thresholds.", code="no_power")


def _monotone(table: Bools, n: int) -> bool:
    for i in range(n):
        pairs = table.reshape(-1, 2, 1 << i)
        if (pairs[:, 0] & ~pairs[:, 1]).any():
            return False
    return True


# --- From the tree to criteria --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Atom:
    """`s >= threshold` of one vector of weights, or its opposite; `fixed` where it doesn't depend on the coalition."""

    weights: tuple[int, ...]
    threshold: int
    opposite: bool = False
    open: bool = False


class _Build:
    def __init__(
        self,
        members: tuple[str, ...],
        groups: Mapping[str, frozenset[str]],
        tables: Mapping[str, Mapping[str, int]],
    ) -> None:
        self.members, self.groups, self.tables = members, groups, tables
        self.seen: dict[tuple[int, ...], set[int]] = {}

    def vector(self, measure: str, of: str) -> tuple[int, ...]:
        """What each member adds to a measure in a base; all are present and vote."""
        base = self.groups.get(of)
        table = self.tables.get(measure)
        return tuple((table[m] if table else 1) if base is None or m in base else 0 for m in self.members)

    def atoms(self, node: Node) -> Any:
        """The tree with an atom for each leaf; joins as (join, parts)."""
        if isinstance(node, Join):
            return node, [self.atoms(part) for part in node.parts]
        return self.keep(self.atom(node))

    def atom(self, node: Node) -> _Atom:
        """A leaf as a question about a sum."""
        if isinstance(node, NobodyObjects):
            return _Atom(self.vector("members", "all"), len(self.members))
        if isinstance(node, Against):
            vector = self.vector("members", node.group)
            return _Atom(vector, sum(vector) - node.at_least + 1, opposite=True)
        assert isinstance(node, Leaf)
        vector = self.vector(node.measure, node.of)
        total = sum(vector)
        if not total:
            return _Atom(vector, 0, open=True)
        limit = node.threshold * total if node.share else node.threshold
        opposite = node.comparison in ("at_most", "less_than")
        # x > q and not (x <= q) ask for floor(q) + 1; x >= q and not (x < q) for the ceiling of q.
        least = math.floor(limit) + 1 if node.comparison in ("more_than", "at_most") else math.ceil(limit)
        if node.choice == "abstain":
            return _Atom(vector, 0, opposite=opposite == (least <= 0))
        if node.choice in ("no", "not_yes"):
            return _Atom(vector, total - least + 1, opposite=not opposite)
        return _Atom(vector, least, opposite=opposite)

    def keep(self, atom: _Atom) -> _Atom:
        """The atom with its weights divided by their common factor, its threshold noted if a coalition can cross it."""
        factor = math.gcd(*atom.weights)
        if atom.open or not factor:
            return atom
        small = _Atom(tuple(w // factor for w in atom.weights), -(-atom.threshold // factor), atom.opposite)
        if 0 < small.threshold <= sum(small.weights):
            self.seen.setdefault(small.weights, set()).add(small.threshold)
        return small

    def criteria(self) -> dict[tuple[int, ...], Criterion]:
        """Each criterion by its weights; one that nobody crosses where there is none."""
        seen = self.seen or {(1,) * len(self.members): set()}
        return {weights: Criterion(weights, tuple(sorted(seen[weights]))) for weights in sorted(seen, reverse=True)}

    def judge(
        self, tree: Any, criteria: Mapping[tuple[int, ...], Criterion], shape: tuple[int, ...]
    ) -> tuple[Bools, Bools]:
        """Where the tree is met, and where it is open, by level of each criterion."""
        if isinstance(tree, _Atom):
            if tree.open:
                return np.zeros((1,) * len(shape), dtype=bool), np.ones((1,) * len(shape), dtype=bool)
            met = self.met(tree, criteria, shape)
            return met ^ tree.opposite, np.zeros_like(met)
        join, parts = tree
        found = [self.judge(part, criteria, shape) for part in parts]
        true = sum((t.astype(np.int64) for t, _ in found), start=np.zeros((1,) * len(shape), dtype=np.int64))
        still = sum((o.astype(np.int64) for _, o in found), start=np.zeros((1,) * len(shape), dtype=np.int64))
        wanted = {"all_of": len(found), "any_of": 1, "none_of": 1, "at_least_of": join.n}[join.kind]
        met, possible = true >= wanted, true + still >= wanted
        return (~possible if join.kind == "none_of" else met), possible & ~met

    def met(self, atom: _Atom, criteria: Mapping[tuple[int, ...], Criterion], shape: tuple[int, ...]) -> Bools:
        """Where the sum reaches the threshold."""
        flat = [1] * len(shape)
        if atom.threshold <= 0 or atom.weights not in criteria or atom.threshold > sum(atom.weights):
            return np.full(flat, atom.threshold <= 0)
        axis = list(criteria).index(atom.weights)
        flat[axis] = shape[axis]
        level = criteria[atom.weights].thresholds.index(atom.threshold) + 1
        return (np.arange(shape[axis]) >= level).reshape(flat)
