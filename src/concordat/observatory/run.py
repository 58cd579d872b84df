"""Run an index once: scores, ranks, contributions, and what every step did.

    result = run(spec, panel)
    result.scores, result.ranks, result.contributions

Scores are rounded to thirteen significant digits of the largest before they are ranked, so that what a processor leaves
in the last bits can't break a tie.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.observatory.bind import bind
from concordat.observatory.graph import Graph
from concordat.observatory.panel import Array, Note, Panel
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.result import IndexResult
from concordat.observatory.spec import IndexSpec
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import LOWER_IS_BETTER, aggregate_tree, as_rows, method_of
from concordat.observatory.stages.contribution import contributions
from concordat.observatory.stages.weights import Weighted, told, weights_for

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation

DIGITS = 13
FROM_DATA = frozenset(
    ("minmax", "zscore", "rank", "borda", "prank", "dist2max", "dist2ref", "dist2targ", "fracmax", "robust")
)


def run(
    spec: IndexSpec,
    data: Panel | Iterable[Observation],
    catalogue: Catalogue | None = None,
    *,
    not_after: int | None = None,
) -> IndexResult:
    """The index of a panel, or of the observations of a release (then with the catalogue).

    Raises:
        InputError: the file and the figures do not fit.
        SourceError: a figure that its unit makes impossible.
        MethodError: a step can't be computed honestly; names step, indicator and unit.
    """
    if not isinstance(data, Panel):
        assert catalogue is not None, "observations need their catalogue"
        data = bind(spec, data, catalogue, not_after=not_after)
    graph = Graph(spec, data)
    trail = graph.walk()
    normalised = trail.stacks[-1]
    weighted = nominal_weights(graph, normalised)
    options = aggregate_options(spec)
    nodes = nodes_of(normalised, weighted.weights, spec, options, data.units)
    scores = nodes[:, :, spec.tree.root]
    parts, baseline = _contributions(graph, normalised, weighted.weights, options, scores)
    return IndexResult(
        spec=spec,
        panel=data,
        graph=graph,
        trail=trail,
        weights=weighted.weights,
        nodes=nodes,
        ranks_by_year=rank_min(oriented(scores, spec)),
        contributions_by_year=parts,
        baseline_by_year=baseline,
        weighting=weighted.details,
        notes=(
            *trail.notes,
            *weighted.notes,
            *told(weighted.details),
            *_moving_scale(spec, data),
            *_unranked(graph, normalised, scores),
        ),
    )


def aggregate_options(spec: IndexSpec) -> o.Aggregate:
    """The options of the step `aggregate`; a dashboard has none."""
    step = spec.step("aggregate")
    if step is None:
        return o.Aggregate(default="none")
    assert isinstance(step.options, o.Aggregate)
    return step.options


def weights_options(spec: IndexSpec) -> o.Weights:
    """The options of the step `weights`; as given where the file has no such step."""
    step = spec.step("weights")
    if step is None:
        return o.Weights()
    assert isinstance(step.options, o.Weights)
    return step.options


def nominal_weights(graph: Graph, normalised: Array) -> Weighted:
    """The weights of the nominal run; those that come from data are taken in the last year."""
    return weights_of(graph, weights_options(graph.spec), normalised[-1])


def weights_of(
    graph: Graph, options: o.Weights, scores: Array | None, aggregation: o.Aggregate | None = None
) -> Weighted:
    """Weights under some options, from the normalised columns `[unit, indicator]` where data drive them."""
    made = aggregation or aggregate_options(graph.spec)
    return weights_for(graph.tree, options, scores, graph.panel.units, made)


def nodes_of(normalised: Array, weights: Array, spec: IndexSpec, options: o.Aggregate, units: tuple[str, ...]) -> Array:
    """Scores of all nodes `[time, unit, node]` from the normalised columns `[time, unit, indicator]`."""
    rows = as_rows(normalised, spec.tree, options)
    nodes = aggregate_tree(rows, weights, spec.tree, options, units=units * (rows.shape[-2] // len(units)))
    return tidy(nodes.reshape(*normalised.shape[:-1], -1))


def oriented(scores: Array, spec: IndexSpec) -> Array:
    """Scores of which more is better: turned round where the index's method is a distance (wroclaw)."""
    less = method_of(spec.tree, spec.tree.root, aggregate_options(spec)) in LOWER_IS_BETTER
    return -scores if less else scores


def tidy(scores: Array) -> Array:
    """Scores rounded to thirteen significant digits of the largest: equal ones are equal on every processor."""
    finite = scores[np.isfinite(scores)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    if largest == 0.0:
        return scores
    factor = 10.0 ** (DIGITS - 1 - math.floor(math.log10(largest)))
    if not math.isfinite(factor):
        return scores
    return np.asarray(np.rint(scores * factor) / factor)


def _contributions(
    graph: Graph, normalised: Array, weights: Array, options: o.Aggregate, scores: Array
) -> tuple[Array, Array]:
    """Contributions `[time, unit, indicator]` and the baseline that they are measured from `[time, unit]`."""
    parts = np.full(normalised.shape, np.nan)
    baseline = np.full(scores.shape, np.nan)
    if options.default == "none":
        return parts, baseline
    rows, units = as_rows(normalised, graph.tree, options), graph.panel.units
    who = units * (rows.shape[-2] // len(units))
    found: list[Any] = [contributions(columns, graph.tree, weights, options, who) for columns in rows]
    parts[:] = np.stack([f.parts for f in found]).reshape(parts.shape)
    baseline[:] = np.stack([f.baseline for f in found]).reshape(baseline.shape)
    return parts, baseline


def _moving_scale(spec: IndexSpec, panel: Panel) -> list[Note]:
    """Warn where years are compared on a scale that the data themselves give: it moves when new data arrive."""
    step = spec.step("normalise")
    if step is None or len(panel.years) < 2 or not isinstance(step.options, o.Normalise):
        return []
    driven = [i.id for i in spec.indicators if (i.column.method or step.options.method) in FROM_DATA]
    if not driven or step.options.over in ("base_year", "given"):
        return []
    first, last = panel.years[0], panel.years[-1]
    text = (
        f"scores of {first} will change when data after {last} arrive: {', '.join(driven)} take their scale from data"
    )
    return [Note("normalise", "moving_scale", text=text, warning=True)]


def _unranked(graph: Graph, normalised: Array, scores: Array) -> list[Note]:
    """Units without a score, each with the reason."""
    notes: list[Note] = []
    observed, tree = graph.observed(), graph.tree
    pillars = [c for c in tree.children(tree.root) if c >= tree.n_indicators]
    for t, u in zip(*np.nonzero(np.isnan(scores)), strict=True):
        have = int(np.isfinite(observed[t, u]).sum())
        text = f"not ranked: {have} of {observed.shape[2]} indicators have a figure"
        there = np.isfinite(observed[t, u]) | np.isfinite(normalised[t, u])
        empty = [tree.names[p] for p in pillars if not there[list(tree.below(p))].any()]
        if have and empty:
            text += f", none of {' or '.join(empty)}"
        year = str(graph.panel.years[t] or "")
        notes.append(Note("aggregate", "unranked", unit=graph.panel.units[u], slice=year, text=text, warning=True))
    return notes
