"""What made this score? The part of each indicator, what would change without an element, and where a unit is strong.

Contributions. Where every parent is an arithmetic mean: effective weight * x, exactly, from a baseline of 0.
Otherwise the Shapley value against the bloc's mean: parent by parent, each child moves from the parent's baseline to
the unit's score in every order, and its part is the mean of the moves. Children who are parents pass their part down
in the proportions of their own children's parts, so parts of the indicators add to score less baseline score. Up to
12 children exactly, by all subsets; for more, 1000 seeded orders and their reverses, which add up just the same.

The baseline of an indicator is its mean over the units that have it; the unit's baseline score is the score with all
its available indicators there (missing ones stay missing, and have no part). In methods that look at the whole group
(copeland, mean_min, wroclaw, ...) the other units keep their scores while this one moves. A child that stands at its
baseline, though its own children do not, passes down at the rate of a small move.

Sources: Shapley (1953); Lundberg & Lee (2017) for passing multipliers down a composition.

    >>> import numpy as np
    >>> tree = Tree.build({"index": ["users", "lines"]}, {"users": 3.0, "lines": 1.0}, "index")
    >>> made = contributions(np.array([[80.0, 20.0], [40.0, 60.0]]), tree, tree.normalised(), Aggregate())
    >>> made.parts.tolist(), made.baseline.tolist(), made.kind
    ([[60.0, 5.0], [30.0, 15.0]], [0.0, 0.0], 'effective')
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.stages.aggregate import Children, aggregate, aggregate_tree, method_of
from concordat.observatory.stages.options import Aggregate
from concordat.observatory.tree import Tree

EXACT_MAX = 12  # children: 4096 subsets
ORDERS = 1000  # and as many reverses, beyond that
_BY_ROW = frozenset({"arithmetic", "geometric", "harmonic", "power", "median", "owa", "mpi"})
_CELLS = 1 << 21
_NEAR = 1e-9  # of the scores' size: a move too small to divide by
_STEP = 1e-4  # of the scores' size: the move made in its place


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Parts of the index's score.

    Attributes:
        parts: `[unit, indicator]`; blank where the indicator is missing, or the unit has no score. The others add to
            score less baseline.
        baseline: `[unit]`, what the parts are counted from.
        kind: effective (weight times score) or shapley (against the bloc's mean).
    """

    parts: Array
    baseline: Array
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Removed:
    """What happens without an element.

    Attributes:
        ranks: `[node, unit]`, ranks when the node's weight is 0; the last row is the index as it is.
        mean_change: `[node]`, mean |rank change| over units ranked both times; blank for the index itself and for a
            node without which there is no index.
    """

    ranks: Array
    mean_change: Array


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """For each unit the numbers of its best and worst indicators, best and worst first; their ranks among units."""

    strengths: tuple[tuple[int, ...], ...]
    weaknesses: tuple[tuple[int, ...], ...]
    ranks: Array


def contributions(
    x: Array, tree: Tree, weights: Array, options: Aggregate, units: tuple[str, ...] = ()
) -> Contributions:
    """Parts of each indicator in the index's score.

    Args:
        x: normalised scores `[unit, indicator]`.
        weights: `[node]`, normalised within each parent.
        units: for messages.

    Raises:
        MethodError: scores that a method can't take, as in `aggregate`.
    """
    scores = aggregate_tree(x, weights, tree, options, units)
    if all(method_of(tree, node, options) == "arithmetic" for node in tree.inner):
        parts = x * _passed_down(scores, weights, tree)
        return Contributions(parts, np.where(np.isnan(scores[:, -1]), np.nan, 0.0), "effective")
    return _shapley(x, scores, weights, tree, options, units)


def remove_one(
    x: Array, tree: Tree, weights: Array, options: Aggregate, units: tuple[str, ...] = (), last: int | None = None
) -> Removed:
    """Ranks with the weight of one node after another set to 0; a parent without weighted children goes with them.

    Args:
        last: how many of the rows are ranked, where rows of earlier years stand before them.
    """
    among = slice(0 if last is None else len(x) - last, None)
    rows = np.tile(np.asarray(weights, dtype=np.float64), (len(tree.names), 1))
    ends = np.zeros(len(tree.names), dtype=bool)
    for node in range(tree.root):
        gone = node
        while gone != tree.root and not _others_weigh(tree, rows[node], gone):
            gone = tree.parents[gone]
        ends[node] = gone == tree.root
        if not ends[node]:
            rows[node, gone] = 0.0
    ends[tree.root] = True
    ranks = rank_min(aggregate_tree(x, tree.normalised(rows), tree, options, units)[..., among, -1])
    ranks[ends] = np.nan
    ranks[tree.root] = rank_min(aggregate_tree(x, weights, tree, options, units)[..., among, -1])
    change = np.abs(ranks - ranks[tree.root])
    both = ~np.isnan(change)
    mean = np.where(both, change, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    return Removed(ranks, np.where(both.any(axis=1) & ~ends, mean, np.nan))


def standing(x: Array, top: int = 5) -> Standing:
    """Best and worst indicators of each unit by its rank in them, `x [unit, indicator]` higher is better.

    An indicator in which the unit has the worst value, together with others, is left out of both: where most have
    nothing, tied ranks say little about any of them.
    """
    ranks = np.ascontiguousarray(rank_min(np.ascontiguousarray(x.T)).T)
    there = ~np.isnan(x)
    lowest = np.where(there, x, np.inf).min(axis=0, initial=np.inf)
    worst = there & (x == lowest)
    left_out = worst & (worst.sum(axis=0) > 1)
    strengths, weaknesses = [], []
    for unit in range(len(x)):
        usable = np.flatnonzero(there[unit] & ~left_out[unit])
        order = usable[np.argsort(ranks[unit, usable], kind="stable")]
        behind = usable[np.argsort(-ranks[unit, usable], kind="stable")]
        strengths.append(tuple(int(i) for i in order[:top]))
        weaknesses.append(tuple(int(i) for i in behind[:top]))
    return Standing(tuple(strengths), tuple(weaknesses), ranks)


def _others_weigh(tree: Tree, weights: Array, node: int) -> bool:
    return any(weights[i] != 0 for i in tree.children(tree.parents[node]) if i != node)


def _passed_down(scores: Array, weights: Array, tree: Tree) -> Array:
    """Effective weight `[unit, indicator]` of each available indicator; blank ones, and units without a score, NaN."""
    share = np.zeros(scores.shape)
    share[:, tree.root] = np.where(np.isnan(scores[:, tree.root]), np.nan, 1.0)
    for node in reversed(tree.inner):
        inside = list(tree.children(node))
        there = ~np.isnan(scores[:, inside])
        w = np.where(there, weights[inside], 0.0)
        total = w.sum(axis=1, keepdims=True)
        own = share[:, node, None] * w / np.where(total > 0, total, 1.0)
        # Children of a parent that is blank, though the index is not, have no part.
        share[:, inside] = np.where(there, own, np.nan)
    return share[:, : tree.n_indicators]


# --- Shapley ----------------------------------------------------------------------------------------------------


def _shapley(
    x: Array, scores: Array, weights: Array, tree: Tree, options: Aggregate, units: tuple[str, ...]
) -> Contributions:
    """Multipliers of each child of each parent, then their product down the tree times the indicator's move."""
    base = np.full(scores.shape, np.nan)
    there = ~np.isnan(x)
    mean = np.where(there, x, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    base[:, : tree.n_indicators] = np.where(there, mean, np.nan)
    slope = np.full(scores.shape, np.nan)
    for node in tree.inner:
        inside = list(tree.children(node))
        who = Children(tree.names[node], tuple(tree.names[i] for i in inside), units)
        parent = _Parent(weights[inside], method_of(tree, node, options), options, who, scores[:, inside])
        leaf = np.array(inside) < tree.n_indicators
        slope[:, inside], base[:, node] = parent.slopes(base[:, inside], ~np.isnan(scores[:, node]), leaf)
    passed = np.full(scores.shape, np.nan)
    passed[:, tree.root] = 1.0
    for node in reversed(tree.inner):
        inside = list(tree.children(node))
        passed[:, inside] = passed[:, node, None] * slope[:, inside]
    n = tree.n_indicators
    return Contributions(passed[:, :n] * (x - base[:, :n]), base[:, tree.root], "shapley")


@dataclass(frozen=True, slots=True, eq=False)
class _Parent:
    """One parent: its children's weights and scores `[unit, child]`, and how they are put together."""

    w: Array
    how: str
    options: Aggregate
    who: Children
    x: Array

    def slopes(self, base: Array, known: Bools, leaf: Bools) -> tuple[Array, Array]:
        """Each child's part of the parent's move, over the child's own move; the parent's baseline `[unit]`."""
        slope, foot = np.full(self.x.shape, np.nan), np.full(len(self.x), np.nan)
        there = ~np.isnan(self.x)
        for pattern in np.unique(there[known], axis=0):
            units = np.flatnonzero(known & (there == pattern).all(axis=1))
            players = np.flatnonzero(pattern & (self.w != 0))
            start, end = base[units], self.x[units]
            part, foot[units] = self._parts(units, start, end, players)
            move = (end - start)[:, players]
            slope[np.ix_(units, np.flatnonzero(pattern))] = 0.0
            slope[np.ix_(units, players)] = np.where(move == 0, 0.0, part / np.where(move == 0, 1.0, move))
        if self.how != "copeland":  # which jumps: no small move stands for another
            self._mend(slope, base, leaf)
        return slope, foot

    def _mend(self, slope: Array, base: Array, leaf: Bools) -> None:
        """Give children that are parents, and hardly moved, the rate of a small move: 0/0 is none."""
        size = max(float(np.nanmax(np.abs(self.x), initial=0.0)), float(np.nanmax(np.abs(base), initial=0.0))) or 1.0
        small = (np.abs(self.x - base) <= _NEAR * size) & ~leaf & (self.w != 0) & ~np.isnan(slope)
        for unit, child in zip(*np.nonzero(small), strict=True):
            players = np.flatnonzero(~np.isnan(self.x[unit]) & (self.w != 0))
            start, end = base[[unit]], self.x[[unit]]
            step = _STEP * (abs(float(start[0, child])) or size)
            end[0, child] = start[0, child] + step
            part, _ = self._parts(np.array([unit]), start, end, players)
            slope[unit, child] = part[0, np.flatnonzero(players == child)[0]] / step

    def _parts(self, units: Ints, start: Array, end: Array, players: Ints) -> tuple[Array, Array]:
        """Shapley value of each player `[unit, player]`, and the score when all stand at the baseline `[unit]`."""
        k = len(players)
        if self.how == "arithmetic":
            weight = self.w[players] / self.w[players].sum()
            return weight * (end - start)[:, players], (weight * start[:, players]).sum(axis=1)
        if k > EXACT_MAX:
            return self._sampled(units, start, end, players)
        member = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1 == 1
        value = self._values(units, start, end, players, member)
        chance = np.array([1 / (k * math.comb(k - 1, s)) for s in range(k)])  # |S|! (k - |S| - 1)! / k!
        part = np.empty((len(units), k))
        for at in range(k):
            without = np.flatnonzero(~member[:, at])
            gain = value[:, without | (1 << at)] - value[:, without]
            part[:, at] = (chance[member[without].sum(axis=1)] * gain).sum(axis=1)
        return part, value[:, 0]

    def _sampled(self, units: Ints, start: Array, end: Array, players: Ints) -> tuple[Array, Array]:
        k = len(players)
        rng = np.random.Generator(np.random.PCG64(self.options.seed))
        forth = np.array([rng.permutation(k) for _ in range(ORDERS)])
        orders = np.concatenate([forth, forth[:, ::-1]])
        place = np.argsort(orders, axis=1)
        member = place[:, None, :] < np.arange(k + 1)[None, :, None]  # who has moved, before each step and at the end
        part, foot = np.zeros((len(units), k)), np.empty(len(units))
        for at in range(len(units)):
            one = slice(at, at + 1)
            value = self._values(units[one], start[one], end[one], players, member.reshape(-1, k)).reshape(-1, k + 1)
            np.add.at(part[at], orders, np.diff(value, axis=1))
            foot[at] = value[0, 0]
        return part / len(orders), foot

    def _values(self, units: Ints, start: Array, end: Array, players: Ints, member: Bools) -> Array:
        """Scores `[unit, set]` for each set of players at the end of their move, the others at the start."""
        made = np.empty((len(units), len(member)))
        plain = Children(self.who.parent, self.who.children, ())  # rows are no units of the panel
        for at, unit in enumerate(units):
            rows = np.tile(start[at], (len(member), 1))
            rows[:, players] = np.where(member, end[at, players], start[at, players])
            if self.how in _BY_ROW:
                made[at] = aggregate(rows, self.w, self.how, self.options, plain)
                continue
            step = max(1, _CELLS // max(self.x.size, 1))
            for first in range(0, len(rows), step):
                some = rows[first : first + step]
                group = np.tile(self.x, (len(some), 1, 1))
                group[:, unit] = some
                made[at, first : first + step] = aggregate(group, self.w, self.how, self.options, self.who)[:, unit]
        return made
