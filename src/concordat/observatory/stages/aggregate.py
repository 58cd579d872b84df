"""How do the scores of children become the score of their parent?

Notation: x the children's scores, w their weights, which need not sum to 1. Only available children count and their
weights are renormalised; a unit with less than `min_share` of the children (counted, not weighted) is left blank, never
scored 0. All methods take stacks `[..., unit, child]` (the leading axes are runs or years) and weights `[child]` or
`[..., child]`. A child of weight 0 takes no part: it is ignored even by methods that use no weights.

    arithmetic  sum w x / sum w                   geometric  exp(sum w ln x / sum w), every x above 0
    harmonic    sum w / sum (w / x), x above 0    power      (sum w x^p / sum w)^(1/p); p = 0 is the geometric mean
    median      smallest x whose share of weight, with those below, reaches 1/2 (as `evidence.kernels`)
    owa         mean of the j best or j worst, or given weights of the ordered scores (best first)
    copeland    `stages.outrank`                  mpi, ampi, mean_min, wroclaw  `stages.penalties`
    bod, common_weights, order_m  `stages.frontier`                             none       blank: a dashboard

Source: OECD/JRC, *Handbook on Constructing Composite Indicators* (2008), step 6; OWA: Yager, IEEE Trans. SMC 18 (1988).
Order weights given for k children become, for a unit with fewer, those of the same quantifier (the piecewise linear
curve through their cumulative sums), so that "the worst alone" stays the worst alone. What isn't done here: turning
directions round (normalisation did) and ranking; a `wroclaw` score is a distance, where less is better.

    >>> import numpy as np
    >>> who = Children("index", ("access", "price"), ("BRA", "IND"))
    >>> x = np.array([[4.0, 9.0], [50.0, np.nan]])
    >>> aggregate(x, np.array([1.0, 1.0]), "geometric", Aggregate(), who).round(9).tolist()
    [6.0, 50.0]
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools
from concordat.observatory.stages import frontier, outrank, penalties
from concordat.observatory.stages._children import Children, first
from concordat.observatory.stages.options import COINR, Aggregate
from concordat.observatory.tree import Tree

__all__ = [
    "GROUPED",
    "LOWER_IS_BETTER",
    "METHODS",
    "OVER_YEARS",
    "WEIGHTLESS",
    "Children",
    "aggregate",
    "aggregate_tree",
    "as_rows",
    "blank_pillar",
    "check_order_weights",
    "dashboard",
    "method_of",
]

METHODS = (
    "arithmetic", "geometric", "harmonic", "power", "median", "copeland", "owa", "mpi", "ampi", "mean_min", "wroclaw",
    "bod", "common_weights", "order_m", "none",
)  # fmt: skip
WEIGHTLESS = frozenset({"owa", "mpi", "ampi", "mean_min", "wroclaw", "bod", "common_weights", "order_m"})
LOWER_IS_BETTER = frozenset({"wroclaw"})
OVER_YEARS = frozenset({"ampi"})  # whose scale is that of the whole panel
GROUPED = WEIGHTLESS - {"owa"} | {"copeland"}  # in which the score of a unit depends on the others
_SAFE = 600.0  # |ln| of a power that float64 holds with room for the sum: e^600 is about 1e260
_SLACK = 1e-9  # shares of children and of weight are compared with this slack, so that 2 of 3 reach 0.6666666667
_POSITIVE = "Lift scores with `floor` (step normalise), use the arithmetic mean, or transform the indicator with log1p."


def aggregate(x: Array, w: Array, how: str, options: Aggregate, names: Children) -> Array:
    """Scores of the parent, `[..., unit]`, from scores of its children `[..., unit, child]`.

    Args:
        x: NaN where there is none.
        w: `[child]`, or `[..., child]` with weights of each slice; they need not sum to 1.
        how: one of `METHODS`.
        options: `min_share`, and what single methods need.
        names: for messages.

    Raises:
        InputError: an unknown method; options that don't fit this parent; weights that are all 0 or missing.
        MethodError: a score for which the method has no value; names unit, indicator and what to do.
    """
    x, w = np.asarray(x, dtype=np.float64), np.asarray(w, dtype=np.float64)
    assert x.ndim >= 2, f"scores are [..., unit, child], not {x.shape}"
    assert x.shape[-1] == w.shape[-1] == len(names.children), "one weight and one name for each child"
    if how not in METHODS:
        near = difflib.get_close_matches(how, METHODS, 1)
        hint = f'Did you mean "{near[0]}"?' if near else f"I know {', '.join(METHODS)}."
        raise names.refuse(f'"{how}" is not a method of aggregation.', hint=hint, code="method")
    shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-1]), x.shape[-2])
    if how == "none" or 0 in shape:
        return np.full(shape, np.nan)
    total = w.sum(axis=-1)
    if not (total > 0).all():  # a NaN weight ends here too
        raise names.refuse("the weights of its children are all 0, missing, or below 0 together.", code="weights")
    if how in _MEANS:
        return _MEANS[how](x, w, options, names)
    return _SORTED[how](x, w, options, names) if how in _SORTED else _grouped(x, w, how, options, names)


def method_of(tree: Tree, node: int, options: Aggregate) -> str:
    """The method of a parent: its own, else the top's if it is the index, else the default."""
    own = dict(options.nodes).get(tree.names[node])
    if own is None:
        own = options.top if node == tree.root and options.top else options.default
    return own


def aggregate_tree(
    x: Array,
    weights: Array,
    tree: Tree,
    options: Aggregate,
    units: tuple[str, ...] = (),
    slices: tuple[str, ...] = (),
) -> Array:
    """Scores of all nodes, `[..., unit, node]`: indicators copied, each parent from its children, the index last.

    Args:
        x: `[..., unit, indicator]`.
        weights: `[node]` or `[..., node]`, normalised within each parent.
        units, slices: names for messages.
    """
    x, weights = np.asarray(x, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    assert x.shape[-1] == tree.n_indicators, "one column for each indicator"
    assert weights.shape[-1] == len(tree.names), "one weight for each node"
    check_methods(tree, options)
    lead = np.broadcast_shapes(x.shape[:-2], weights.shape[:-1])
    out = np.empty((*lead, x.shape[-2], len(tree.names)))
    out[..., : tree.n_indicators] = x
    for node in tree.inner:
        inside = tree.children(node)
        source = x if max(inside) < tree.n_indicators else out  # x may be one matrix for all runs
        names = Children(tree.names[node], tuple(tree.names[i] for i in inside), units, slices)
        picked = _picked(inside)
        how = method_of(tree, node, options)
        out[..., node] = aggregate(source[..., picked], weights[..., picked], how, options, names)
    if not options.compat:
        out[..., tree.root] = np.where(blank_pillar(x, weights, tree), np.nan, out[..., tree.root])
    return out


def blank_pillar(x: Array, weights: Array, tree: Tree) -> Bools:
    """Which units `[..., unit]` have no figure at all under a child of the index that has a weight: unranked."""
    there = ~np.isnan(x)
    found = np.zeros((*np.broadcast_shapes(x.shape[:-2], weights.shape[:-1]), x.shape[-2]), dtype=bool)
    for child in tree.children(tree.root):
        if child >= tree.n_indicators:
            gone = ~there[..., list(tree.below(child))].any(axis=-1)
            found |= gone & (weights[..., child, None] > 0)
    return found


def as_rows(columns: Array, tree: Tree, options: Aggregate) -> Array:
    """Columns `[..., time, unit, indicator]` as slices that are scored apart `[..., slice, row, indicator]`.

    A slice is a year; all years are one where a parent's method takes its scale from the whole panel (ampi).
    """
    *lead, times, units, width = columns.shape
    if times > 1 and any(method_of(tree, node, options) in OVER_YEARS for node in tree.inner):
        return columns.reshape(*lead, 1, times * units, width)
    return columns


def check_methods(tree: Tree, options: Aggregate) -> None:
    """Refuse methods of nodes that don't exist, and a distance (less is better) as the score of a child."""
    parents = tree.names[tree.n_indicators :]
    for name, _ in options.nodes:
        if name not in parents:
            near = difflib.get_close_matches(name, parents, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Parents are {', '.join(parents)}."
            raise InputError(f'"{name}" is not a parent of this tree.', where="step aggregate", hint=hint, code="node")
    for node in tree.inner:
        how = method_of(tree, node, options)
        if node != tree.root and how in LOWER_IS_BETTER:
            who = Children(tree.names[node], (), ())
            raise who.refuse(f"{how} is a distance, less is better; a parent can't take it up.", hint="Use it on top.")


def dashboard(x: Array) -> Array:
    """Where each value stands between the group's lowest (0) and highest (1), `[..., unit, child]`.

    Blank where all units have the same value: there is no place between equal ends.
    """
    x = np.asarray(x, dtype=np.float64)
    there = ~np.isnan(x)
    low = np.where(there, x, np.inf).min(axis=-2, keepdims=True, initial=np.inf)
    high = np.where(there, x, -np.inf).max(axis=-2, keepdims=True, initial=-np.inf)
    spread = np.where(high > low, high - low, np.nan)
    placed: Array = (x - np.where(high > low, low, np.nan)) / spread
    return placed


def _picked(inside: tuple[int, ...]) -> slice | list[int]:
    # A slice is a view: the children of most parents stand side by side, and are not copied.
    side_by_side = inside == tuple(range(inside[0], inside[0] + len(inside)))
    return slice(inside[0], inside[-1] + 1) if side_by_side else list(inside)


def enough(there: Bools, options: Aggregate) -> Bools:
    """Which units `[..., unit]` have the share of children that `min_share` asks, and one at least."""
    count = there.astype(np.float64) @ np.ones(there.shape[-1])  # far faster than a sum over a short axis
    return _share_holds(count, there.shape[-1], options)


def _share_holds(count: Array, children: int, options: Aggregate) -> Bools:
    found: Bools = (count > 0) & (count >= options.min_share * children - _SLACK)
    return found


# --- Means: a function of each score, a weighted sum, and its inverse -------------------------------------------


def _sum(x: Array, w: Array) -> Array:
    """sum_c w_c x_c for each unit; NaN where any child is missing, whatever its weight."""
    if w.ndim == 1:
        return np.asarray(x @ w)
    if x.ndim == 2:
        return np.asarray(np.matmul(w, x.T))
    return np.asarray(np.matmul(x, w[..., None])[..., 0])


def _mean(y: Array, w: Array, options: Aggregate) -> Array:
    """Weighted mean of transformed scores over available children."""
    total = w.sum(axis=-1)[..., None]
    mean: Array = _sum(y, w) / total
    if not np.isnan(mean).any():  # nothing missing: the whole answer
        return mean
    there = ~np.isnan(y)
    present = there.astype(np.float64)
    weight = _sum(present, w)
    known = _share_holds(present @ np.ones(y.shape[-1]), y.shape[-1], options) & (weight > 0)
    part = _sum(np.where(there, y, 0.0), w) / np.where(known, weight, 1.0)
    return np.asarray(np.where(known, part, np.nan))


def _arithmetic(x: Array, w: Array, options: Aggregate, _names: Children) -> Array:
    return _mean(x, w, options)


def _geometric(x: Array, w: Array, options: Aggregate, names: Children) -> Array:
    return np.asarray(np.exp(_mean(np.log(_positive(x, w, names, "geometric mean")), w, options)))


def _harmonic(x: Array, w: Array, options: Aggregate, names: Children) -> Array:
    return np.asarray(1.0 / _mean(1.0 / _positive(x, w, names, "harmonic mean"), w, options))


def _power(x: Array, w: Array, options: Aggregate, names: Children) -> Array:
    p = options.p
    if options.compat == COINR:
        from concordat.observatory.compat import power_blank

        return np.asarray(power_blank(_positive(x, w, names, f"power mean with p = {p:g}", zero=p > 0), w, p))
    if p == 1:
        return _mean(x, w, options)
    if p == 0:  # the limit of the power mean
        return _geometric(x, w, options, names)
    x = _positive(x, w, names, f"power mean with p = {p:g}", zero=p > 0)
    unit = _unit_of(x, p)
    return np.asarray(_mean((x / unit) ** p, w, options) ** (1 / p) * unit[..., 0])


def _unit_of(x: Array, p: float) -> Array:
    """What scores are divided by before they are raised to p: 1, or each row's largest where float64 would not hold."""
    inside = x if x.min() > 0 else x[x > 0]
    widest = float(np.abs(np.log([inside.min(), inside.max()])).max()) if inside.size else 0.0
    if abs(p) * widest < _SAFE:
        return np.ones((1, 1))
    blank = np.where(np.isnan(x) | (x <= 0), -np.inf if p > 0 else np.inf, x)
    unit = blank.max(axis=-1, keepdims=True) if p > 0 else blank.min(axis=-1, keepdims=True)
    return np.where(np.isfinite(unit), unit, 1.0)


def _positive(x: Array, w: Array, names: Children, mean: str, *, zero: bool = False) -> Array:
    """The scores, if each that has a weight is above 0 (or, with `zero`, not below)."""
    low = x.min()
    if low > 0 or (zero and low >= 0):
        return x
    outside = x < 0 if zero else x <= 0
    bad = outside & (w != 0)[..., None, :]
    if bad.any():
        slice_, unit, child = first(bad)
        value = np.broadcast_to(x, bad.shape)[bad].flat[0]
        what = f"the {mean} needs values {'of 0 or more' if zero else 'above 0'}; this one is {value:.6g}."
        raise names.fault(what, child=child, unit=unit, slice_=slice_, hint=_POSITIVE)
    return np.where(outside, 1.0, x)  # of weight 0: any value does


# --- Order statistics -------------------------------------------------------------------------------------------


def _median(x: Array, w: Array, options: Aggregate, _names: Children) -> Array:
    """The smallest score at which the share of weight reaches one half."""
    there = ~np.isnan(x)
    weight = np.where(there, w[..., None, :], 0.0)
    x = np.broadcast_to(x, weight.shape)
    order = np.argsort(x, axis=-1, kind="stable")
    upto = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
    total = upto[..., -1:]
    at = np.argmax(upto >= (0.5 - 1e-12) * total, axis=-1)[..., None]
    middle = np.take_along_axis(np.take_along_axis(x, order, axis=-1), at, axis=-1)[..., 0]
    return np.where(enough(there, options) & (total[..., 0] > 0), middle, np.nan)


def _owa(x: Array, w: Array, options: Aggregate, names: Children) -> Array:
    """Means of ordered scores; which child a score belongs to does not matter."""
    known = enough(~np.isnan(x), options)
    x = _without_weightless(x, w)
    there = ~np.isnan(x)
    count = there.sum(axis=-1, keepdims=True)
    best_first = np.where(there, x, -np.inf)
    best_first = -np.sort(-best_first, axis=-1)
    weights = _order_weights(count, x.shape[-1], options, names)
    score = (np.where(np.isfinite(best_first), best_first, 0.0) * weights).sum(axis=-1)
    return np.where(known & (count[..., 0] > 0), score, np.nan)


def _order_weights(count: Array, children: int, options: Aggregate, names: Children) -> Array:
    """Weights `[..., position]` of the ordered scores, for units that have `count` of them."""
    j, position = options.owa_j, np.arange(children)
    if said := check_order_weights(options, children):
        raise names.refuse(said[0], hint=said[1])
    if options.owa in ("at_least_j", "more_than_j"):
        taken = np.minimum(j, count)
        inside = position < taken if options.owa == "at_least_j" else (position >= count - taken) & (position < count)
        return np.asarray(inside / np.maximum(taken, 1))
    given = np.array(options.owa_weights, dtype=np.float64)
    curve = np.concatenate([[0.0], np.cumsum(given / given.sum())])
    edges = np.minimum(np.arange(children + 1) / np.maximum(count, 1), 1.0)
    return np.diff(np.interp(edges, np.arange(children + 1) / children, curve), axis=-1)


def check_order_weights(options: Aggregate, children: int) -> tuple[str, str] | None:
    """What is wrong with the order weights for a parent of so many children, and what to do; None when nothing is."""
    if options.owa in ("at_least_j", "more_than_j"):
        if not 1 <= options.owa_j <= children:
            return f"owa_j is {options.owa_j}, but there are {children} children.", "Give 1 to their number."
        return None
    if options.owa:
        return f'owa: "{options.owa}" is not known.', "Give at_least_j, more_than_j or owa_weights."
    given = np.array(options.owa_weights, dtype=np.float64)
    if given.shape != (children,) or not (np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
        what = f"owa_weights are {list(options.owa_weights)}; {children} are needed, none below 0, not all 0."
        return what, "Or give owa: at_least_j or more_than_j."
    return None


def _without_weightless(x: Array, w: Array) -> Array:
    """Scores with children of weight 0 blank, for methods that use no weights; leading axes of both."""
    if w.all() and w.ndim == 1:
        return x
    return np.where((w != 0)[..., None, :], x, np.nan)


# --- Methods in which the score of a unit depends on the others ------------------------------------------------


def _grouped(x: Array, w: Array, how: str, options: Aggregate, names: Children) -> Array:
    """Units with too little data neither get a score nor shape those of others."""
    known = enough(~np.isnan(x), options)
    if how == "copeland" and options.compat == COINR:
        return np.where(known, _copeland_literal(x, w), np.nan)
    x = np.where(known[..., None], _without_weightless(x, w), np.nan)
    if how == "copeland":
        return outrank.copeland(x, w)
    if how == "mpi":
        return penalties.mpi(x, options.sign, names)
    if how == "ampi":
        return penalties.ampi(x, options.sign, names, reference=options.reference)
    if how == "mean_min":
        return penalties.mean_min(x, options.alpha, options.beta, names)
    if how == "wroclaw":
        return penalties.wroclaw(x, names)
    if how == "bod":
        return frontier.bod(x, names, options.shares).scores
    if how == "common_weights":
        return frontier.common_weights(x, names, options.shares).scores
    return frontier.order_m(x, names, draws=options.draws, m=options.m, seed=options.seed, shares=options.shares)


def _copeland_literal(x: Array, w: Array) -> Array:
    """The peer's, in which a missing comparison is lost by the earlier row, whoever has too little data."""
    from concordat.observatory.compat import outrank_matrix

    lead = np.broadcast_shapes(x.shape[:-2], w.shape[:-1])
    flat = np.broadcast_to(x, (*lead, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    weights = np.broadcast_to(w, (*lead, w.shape[-1])).reshape(-1, w.shape[-1])
    scores = [outrank.net_wins(np.asarray(outrank_matrix(one, v))) for one, v in zip(flat, weights, strict=True)]
    return np.reshape(scores, (*lead, x.shape[-2]))


_Method = Callable[[Array, Array, Aggregate, Children], Array]
_MEANS: dict[str, _Method] = {
    "arithmetic": _arithmetic, "geometric": _geometric, "harmonic": _harmonic, "power": _power,
}  # fmt: skip
_SORTED: dict[str, _Method] = {"median": _median, "owa": _owa}
