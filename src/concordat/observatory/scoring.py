"""Scores of many runs at once, level by level up the tree.

Quasi-arithmetic means, `g^-1(sum w g(x) / sum w)` over the children that are there, are matrix products: arithmetic
g(x) = x, geometric ln x, harmonic 1/x, power x^p. A parent all of whose children are indicators is computed for each
state and all its runs in one product; a parent of parents has few children and is summed run by run. Every other
method, and every figure that a method can't take, goes through `stages.aggregate`, which names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import Children, aggregate, method_of
from concordat.observatory.tree import Tree

STATES_BY_PRODUCT = 256  # below it, one matrix product a state; above it, one sum over all runs
Function = Callable[[Array], Array]


def score_runs(
    states: Array,
    state: Ints,
    weights: Array,
    tree: Tree,
    options: o.Aggregate,
    units: Sequence[str],
    numbers: Ints | None = None,
) -> Array:
    """The index's scores `[run, unit]`.

    Args:
        states: normalised columns `[state, unit, indicator]`.
        state: of each run.
        weights: normalised within each parent `[run, node]`.
        numbers: what messages call each run.
    """
    values: dict[int, Array] = {}
    for node in tree.inner:
        children = tree.children(node)
        how = method_of(tree, node, options)
        w = weights[:, list(children)]
        if all(c < tree.n_indicators for c in children):
            values[node] = _from_states(
                states[:, :, list(children)], state, w, how, options, _names(tree, node, units), numbers
            )
        else:
            parts = [states[state][:, :, c] if c < tree.n_indicators else values[c] for c in children]
            stack = np.stack(parts, axis=-1)
            values[node] = _mean_of(stack, w, how, options, _names(tree, node, units), numbers)
    gone = _without_pillar(states, state, weights, tree) if np.isnan(states).any() and not options.compat else None
    return values[tree.root] if gone is None else np.where(gone, np.nan, values[tree.root])


def _without_pillar(states: Array, state: Ints, weights: Array, tree: Tree) -> Bools | None:
    """Which units of each run have a pillar without any figure `[run, unit]`; None where no state lacks one."""
    pillars = [c for c in tree.children(tree.root) if c >= tree.n_indicators]
    found: Bools | None = None
    for pillar in pillars:
        gone = np.isnan(states[:, :, list(tree.below(pillar))]).all(axis=-1)  # [state, unit]
        if gone.any():
            here = gone[state] & (weights[:, pillar] > 0)[:, None]
            found = here if found is None else found | here
    return found


def _names(tree: Tree, node: int, units: Sequence[str]) -> Children:
    return Children(tree.names[node], tuple(tree.names[c] for c in tree.children(node)), tuple(units))


def _from_states(
    columns: Array, state: Ints, w: Array, how: str, options: o.Aggregate, names: Children, numbers: Ints | None
) -> Array:
    """A parent of indicators: one product for each state and its runs."""
    kernel = _kernel(how, options, columns)
    used = np.unique(state)
    if kernel is None or len(used) > STATES_BY_PRODUCT:
        return _mean_of(columns[state], w, how, options, names, numbers)
    g, back = kernel
    found = np.empty((len(state), columns.shape[1]))
    order = np.argsort(state, kind="stable")
    ends = np.searchsorted(state[order], [*used, used[-1] + 1])
    for s, start, end in zip(used, ends[:-1], ends[1:], strict=True):
        rows = order[start:end]
        x = columns[s]
        there = np.isfinite(x)
        if there.all():
            found[rows] = w[rows] @ g(x).T
        else:
            found[rows] = _ratio(w[rows] @ _g(g, x, there).T, w[rows] @ there.T.astype(np.float64), there, options)
    return back(found)


def _g(g: Function, x: Array, there: Bools) -> Array:
    """g of the figures that are there, 0 for the others."""
    return np.where(there, g(np.where(there, x, 1.0)), 0.0)


def _ratio(total: Array, weight: Array, there: Bools, options: o.Aggregate) -> Array:
    """Weighted means where enough children are there and weigh something, else empty."""
    enough = there.sum(axis=-1) >= options.min_share * there.shape[-1] - 1e-9
    ok = enough & (weight > 0)
    return np.where(ok, total / np.where(ok, weight, 1.0), np.nan)


def _mean_of(stack: Array, w: Array, how: str, options: o.Aggregate, names: Children, numbers: Ints | None) -> Array:
    """A parent of any children `[run, unit, child]`, weights `[run, child]`."""
    kernel = _kernel(how, options, stack)
    if kernel is None:
        if numbers is not None:
            names = replace(names, slices=tuple(f"run {n + 1}" for n in numbers))
        return aggregate(stack, w, how, options, names)
    g, back = kernel
    there = np.isfinite(stack)
    if there.all():
        return back(np.einsum("ruc,rc->ru", g(stack), w))
    total = np.einsum("ruc,rc->ru", _g(g, stack, there), w)
    weight = np.einsum("ruc,rc->ru", there.astype(np.float64), w)
    return back(_ratio(total, weight, there, options))


def _kernel(how: str, options: o.Aggregate, x: Array) -> tuple[Function, Function] | None:
    """g and its inverse, or None where the method is another or a figure is not in g's domain."""
    if options.compat and how == "power":
        return None
    if how == "arithmetic" or (how == "power" and options.p == 1):
        return _same, _same
    if how not in ("geometric", "harmonic", "power") or bool((x <= 0).any()):
        return None
    if how == "geometric" or options.p == 0:
        return np.log, np.exp
    p = -1.0 if how == "harmonic" else options.p
    return (lambda v: np.asarray(v**p)), (lambda v: np.asarray(v ** (1.0 / p)))


def _same(x: Array) -> Array:
    return x
