"""How much does each child count? Weights normalised to 1 within each parent, from wherever the file says.

    given, equal   as the tree says; 1 for each child
    pca, factor, optimise, entropy, critic
                   from the children's scores of each parent, lowest parents first (`stages._weights_data`); a parent's
                   own scores, which the next level needs, are made with the weights just found
    ahp            pairwise comparisons (`stages.ahp`); parents without a matrix keep their given weights
    ballots        points of members: shares within each parent, averaged over the ballots that say something about it;
                   a parent no ballot speaks of keeps its given weights

`noise` draws weights around these for an uncertainty analysis: w (1 + u c), u ~ U(-1, 1), then normalised again.
What a ballot's ranking would be is the caller's to work out; opening the ballot file too.

Source: OECD/JRC Handbook (2008), step 6; room's specification, section 4.

    >>> tree = Tree.build({"index": ["users", "lines"]}, {"users": 3.0, "lines": 1.0}, "index")
    >>> weights_for(tree, Weights()).weights.tolist()
    [0.75, 0.25, 1.0]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.observatory.panel import Array, Note
from concordat.observatory.stages import _weights_data as data
from concordat.observatory.stages._ballots import Ballots, parse_ballots, unknown
from concordat.observatory.stages.aggregate import Children, aggregate, method_of
from concordat.observatory.stages.ahp import RATIO_MAX, perron
from concordat.observatory.stages.options import Aggregate, Weights
from concordat.observatory.tree import Tree

__all__ = [
    "FROM_DATA", "METHODS", "Ballots", "Detail", "Weighted", "equal", "from_ballots", "given", "noise", "parse_ballots",
    "told", "weights_for",
]  # fmt: skip

METHODS = ("given", "equal", "pca", "factor", "optimise", "entropy", "critic", "ahp", "ballots")
FROM_DATA = frozenset({"pca", "factor", "optimise", "entropy", "critic"})
STAGE = "weights"


@dataclass(frozen=True, slots=True)
class Detail:
    """What a method found out about one parent: `lambda`, `ci`, `cr`; `explained`; `spread`, `r:child`."""

    parent: str
    method: str
    numbers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Weights of an index.

    Attributes:
        weights: `[node]`, normalised within each parent; the index has 1.
        notes: what the reader should know (an inconsistent matrix, an infeasible target, abstentions).
        details: one for each parent that a method looked at.
        ballots: (ballot, member) of each row of `ballot_weights`.
        ballot_weights: `[ballot, node]`, the weights each ballot alone implies; empty for other methods.
    """

    weights: Array
    notes: tuple[Note, ...] = ()
    details: tuple[Detail, ...] = ()
    ballots: tuple[tuple[str, str], ...] = ()
    ballot_weights: Array | None = None


def weights_for(
    tree: Tree,
    options: Weights,
    scores: Array | None = None,
    names: Sequence[str] = (),
    aggregation: Aggregate | None = None,
) -> Weighted:
    """Weights by the method the options name.

    Args:
        tree: its weights are checked whatever the method.
        scores: `[unit, indicator]` or `[unit, node]` (only indicators are read), for methods that use data.
        names: area codes of the units, for messages.
        aggregation: how children become parents; the default is the arithmetic mean.

    Raises:
        InputError: an unknown method; weights all 0, negative or missing; bad matrices, targets or ballots.
        MethodError: figures that give no weights; names the indicator.
    """
    if options.method not in METHODS:
        raise unknown(options.method, METHODS, "a method of weighting", f"step {STAGE}")
    base = given(tree)
    if options.method == "given":
        return Weighted(base)
    if options.method == "equal":
        return Weighted(equal(tree))
    if options.method == "ahp":
        return _ahp(tree, options, base)
    if options.method == "ballots":
        return from_ballots(tree, options.ballots)
    if scores is None:
        what = f"{options.method} takes weights from the figures, and there are none here."
        raise InputError(what, where=f"step {STAGE}", hint="Normalise before this step, or give weights.")
    return _from_data(tree, options, scores, tuple(names), aggregation or Aggregate())


def given(tree: Tree) -> Array:
    """The tree's own weights, normalised; refused when a parent's are all 0, or one is negative or missing."""
    w = np.array(tree.weights, dtype=np.float64)
    for node in tree.inner:
        inside = list(tree.children(node))
        where = f"step {STAGE}, {tree.names[node]}"
        for child in inside:
            if not np.isfinite(w[child]) or w[child] < 0:
                said = "missing" if np.isnan(w[child]) else f"{w[child]:g}"
                what = f"the weight of {tree.names[child]} is {said}."
                raise InputError(what, where=where, hint="Weights are 0 or more.", code="weights")
        if w[inside].sum() == 0:
            what = f"the weights of {', '.join(tree.names[i] for i in inside)} are all 0."
            raise InputError(what, where=where, hint="Give at least one child a weight above 0.", code="weights")
    return tree.normalised(w)


def equal(tree: Tree) -> Array:
    """The same weight for each child of a parent."""
    return tree.normalised(np.ones(len(tree.names)))


def noise(
    weights: Array, tree: Tree, plus_minus: float, levels: Collection[int], draws: int, rng: np.random.Generator
) -> Array:
    """Weights `[draw, node]` around `weights [node]`: w (1 + u c) on some levels of the tree, then normalised.

    Args:
        plus_minus: c, 0 to 1.
        levels: of the children whose weights are shaken; 1 is the indicators.
        rng: u ~ U(-1, 1), one for each draw and node of those levels.
    """
    highest = max(tree.levels)
    if not 0 <= plus_minus <= 1:
        what = f"plus_minus is {plus_minus:g}; weights must not turn negative."
        raise InputError(what, where=f"step {STAGE}, noise", hint="Give 0 to 1.")
    for level in sorted(levels):
        if not 1 <= level <= highest:
            raise InputError(
                f"the tree has no level {level}.", where=f"step {STAGE}, noise", hint=f"Give 1 to {highest}."
            )
    assert draws >= 1, draws
    chosen = np.flatnonzero(np.isin(np.array(tree.levels), sorted(levels)))
    drawn = np.tile(np.asarray(weights, dtype=np.float64), (draws, 1))
    drawn[:, chosen] *= 1 + plus_minus * rng.uniform(-1.0, 1.0, size=(draws, len(chosen)))
    return tree.normalised(drawn)


# --- Ballots ----------------------------------------------------------------------------------------------------


def from_ballots(tree: Tree, ballots: Ballots) -> Weighted:
    """The mean of the ballots' shares within each parent, and each ballot's own weights."""
    if not ballots:
        raise InputError("there are no ballots.", where=f"step {STAGE}", hint="Name their file under `ballots`.")
    own = np.full((len(ballots), len(tree.names)), np.nan)
    for row, (ballot, _, points) in enumerate(ballots):
        _shares(tree, ballot, dict(points), own[row])
    base, mean, notes = given(tree), given(tree), list[Note]()
    for node in tree.inner:
        inside = list(tree.children(node))
        spoke = ~np.isnan(own[:, inside[0]])
        if spoke.any():
            mean[inside] = own[spoke][:, inside].mean(axis=0)
        if not spoke.all():
            who = ", ".join(b[0] for b, said in zip(ballots, spoke, strict=True) if not said)
            text = f"no points for the children of {tree.names[node]} in {who}; their own weights are as given"
            notes.append(Note(STAGE, "abstained", indicator=tree.names[node], text=text, warning=bool(~spoke.any())))
    mean[tree.root] = base[tree.root] = 1.0
    alone = np.where(np.isnan(own), base, own)
    return Weighted(tree.normalised(mean), tuple(notes), (), tuple((b, m) for b, m, _ in ballots), alone)


def _shares(tree: Tree, ballot: str, points: dict[str, float], row: Array) -> None:
    """Write one ballot's shares into its row; NaN where it says nothing about a parent's children."""
    where = f"step {STAGE}, ballot {ballot}"
    for name, value in points.items():
        if name not in tree.names:
            raise unknown(name, tree.names, "in the tree of this index", where)
        if not math.isfinite(value) or value < 0:
            raise InputError(f"{value:g} points for {name}.", where=where, hint="Points are numbers, 0 or more.")
    for node in tree.inner:
        inside = list(tree.children(node))
        if not any(tree.names[i] in points for i in inside):
            continue
        got = np.array([points.get(tree.names[i], 0.0) for i in inside])
        if got.sum() == 0:
            what = f"no child of {tree.names[node]} has a point."
            raise InputError(what, where=where, hint="Give points, or leave its rows out to abstain.", code="weights")
        row[inside] = got / got.sum()


# --- Comparisons ------------------------------------------------------------------------------------------------


def _ahp(tree: Tree, options: Weights, base: Array) -> Weighted:
    w, notes, details = base.copy(), list[Note](), list[Detail]()
    parents = tree.names[tree.n_indicators :]
    if not options.matrices:
        raise InputError("there are no comparisons.", where=f"step {STAGE}", hint="Give a matrix for each parent.")
    for parent, entries in options.matrices:
        where = f"step {STAGE}, {parent}"
        if parent not in parents:
            raise unknown(parent, parents, "a parent of this tree", where)
        inside = list(tree.children(tree.names.index(parent)))
        labels = [tree.names[i] for i in inside]
        if len(entries) != len(inside) ** 2:
            what = f"{len(entries)} comparisons for {len(inside)} children."
            raise InputError(what, where=where, hint=f"Give {len(inside)} rows of {len(inside)} numbers.")
        made = perron(np.reshape(entries, (len(inside), len(inside))), where, labels)
        w[inside] = made.weights
        numbers = [("lambda", made.eigenvalue), ("ci", made.index)]
        if made.ratio is not None:
            numbers.append(("cr", made.ratio))
        else:
            text = f"{len(inside)} children: Saaty gives no random index above 10, so there is no consistency ratio"
            notes.append(Note(STAGE, "no_random_index", indicator=parent, text=text))
        details.append(Detail(parent, "ahp", tuple(numbers)))
        if made.ratio is not None and not made.consistent:
            text = f"comparisons contradict each other: CR {made.ratio:.3f} is above {RATIO_MAX:g}; ask again"
            notes.append(Note(STAGE, "inconsistent", indicator=parent, text=text, warning=True))
    return Weighted(tree.normalised(w), tuple(notes), tuple(details))


# --- Figures ----------------------------------------------------------------------------------------------------


def _from_data(tree: Tree, options: Weights, scores: Array, units: tuple[str, ...], aggregation: Aggregate) -> Weighted:
    values = np.full((scores.shape[0], len(tree.names)), np.nan)
    values[:, : tree.n_indicators] = scores[:, : tree.n_indicators]
    w = np.ones(len(tree.names))
    notes, details = list[Note](), list[Detail]()
    for name, importance in options.target:
        if name not in tree.names:
            raise unknown(name, tree.names, "in the tree of this index", f"step {STAGE}, target")
        if not math.isfinite(importance) or importance < 0:
            raise InputError(f"{name} has importance {importance:g}.", where=f"step {STAGE}, target", hint="0 or more.")
    for node in tree.inner:
        inside = list(tree.children(node))
        who = Children(tree.names[node], tuple(tree.names[i] for i in inside), units)
        how = method_of(tree, node, aggregation)
        if len(inside) > 1:
            try:
                w[inside], numbers = _one_parent(values[:, inside], options, how, aggregation, who)
            except data.NotDefinedError as fault:
                raise _no_weights(options.method, fault, who) from fault
            details.append(Detail(who.parent, options.method, numbers))
            notes.extend(_infeasible(numbers, who))
        if node != tree.root:
            values[:, node] = aggregate(values[:, inside], w[inside], how, aggregation, who)
    return Weighted(tree.normalised(w), tuple(notes), tuple(details))


def _one_parent(
    x: Array, options: Weights, how: str, aggregation: Aggregate, who: Children
) -> tuple[Array, tuple[tuple[str, float], ...]]:
    """Weights of one parent's children, and what else the method found."""
    if options.method == "pca":
        w, explained = data.principal(x, allow_negative=options.allow_negative)
        return w, (("explained", explained),)
    if options.method == "factor":
        made = data.factors(x)
        return made.weights, (("explained", made.explained), ("factors", float(made.loadings.shape[1])))
    if options.method == "entropy":
        return data.entropy(x), ()
    if options.method == "critic":
        return data.critic(x), ()
    if options.objective not in ("balance", "infomax"):
        raise unknown(options.objective, ("balance", "infomax"), "an objective", f"step {STAGE}, {who.parent}")
    wanted = dict(options.target)
    target = np.array([wanted.get(child, 1.0) for child in who.children])
    if target.sum() == 0:
        raise InputError("importances are all 0.", where=f"step {STAGE}, {who.parent}", hint="Give one above 0.")
    rows = data.complete(x)
    best = data.optimise(rows, _scorer(rows, how, aggregation, who), options.objective, target, options.seed)
    correlated = tuple((f"r:{c}", float(r)) for c, r in zip(who.children, best.correlations, strict=True))
    return best.weights, (("spread", best.spread), ("infeasible", float(best.infeasible)), *correlated)


def _scorer(rows: Array, how: str, aggregation: Aggregate, who: Children) -> Callable[[Array], Array]:
    if how == "arithmetic":
        return lambda w: np.asarray(rows @ w)
    nameless = Children(who.parent, who.children, ())  # rows are complete units: their numbers are not the panel's
    return lambda w: aggregate(rows, w, how, aggregation, nameless)


def _infeasible(numbers: tuple[tuple[str, float], ...], who: Children) -> list[Note]:
    found = dict(numbers)
    if not found.get("infeasible"):
        return []
    text = f"no weights reach the target: correlations with {who.parent} stay {found['spread']:.3f} apart"
    return [Note(STAGE, "infeasible", indicator=who.parent, text=text, warning=True)]


def told(details: Sequence[Detail]) -> tuple[Note, ...]:
    """What a method found out about each parent, as sentences: how consistent comparisons are, how far from a target.

    >>> told([Detail("index", "ahp", (("lambda", 3.04), ("ci", 0.02), ("cr", 0.0334)))])[0].text
    'AHP: consistency ratio 0.033 (limit 0.1), lambda 3.040'
    """
    return tuple(Note(STAGE, "found", indicator=d.parent, text=_sentence(d)) for d in details if d.numbers)


def _sentence(d: Detail) -> str:
    found = dict(d.numbers)
    if d.method == "ahp":
        ratio = (
            f"consistency ratio {found['cr']:.3f} (limit {RATIO_MAX:g})" if "cr" in found else "no consistency ratio"
        )
        return f"AHP: {ratio}, lambda {found['lambda']:.3f}"
    if d.method == "optimise":
        rest = ", ".join(f"{k.removeprefix('r:')} {v:.3f}" for k, v in found.items() if k.startswith("r:"))
        return f"optimise: correlations with the parent {found['spread']:.3f} apart: {rest}"
    factors = f" in {found['factors']:.0f} factors" if "factors" in found else " in the first component"
    return f"{d.method}: {100 * found['explained']:.1f} % of the variance{factors}"


def _no_weights(method: str, fault: data.NotDefinedError, who: Children) -> MethodError:
    where = f"step {STAGE}, {who.parent}"
    if fault.child is not None:
        where += f", indicator {who.children[fault.child]}"
    return MethodError(f"{method}: {fault.what}", where=where, hint=fault.hint, code="weights")
