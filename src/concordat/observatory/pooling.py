"""How much of a score's doubt comes from what was filled in? Multiple imputation pooled by Rubin's rules.

The index is run once with each of m draws of the missing figures. With Q_d the score under draw d and U_d its variance
when the draw stays as it is:

    mean Q    within U = mean of U_d    between B = sum (Q_d - Q)^2 / (m - 1)    total T = U + (1 + 1/m) B

U_d is what everything else that the file varies makes of the score (stated errors of figures, weights, methods): the
variance over those runs of the uncertainty analysis that have draw d, or over all its runs where it does not vary the
draw. Without an analysis nothing else varies, so U is 0 and T is the imputation's own part alone. Degrees of freedom:
`(m - 1) (1 + U / ((1 + 1/m) B))^2`; infinite where the draws agree. Ranks are not pooled so: the runs of the analysis
hold all draws.

Draws are those of the analysis (same seed, same stream). Where a step `impute` with draws stands twice, the first one's
draws are pooled. Source: Rubin, *Multiple Imputation for Nonresponse in Surveys* (1987), section 3.1.

    >>> found = pool(np.array([[1.0], [3.0]]), np.array([[0.5], [0.5]]))
    >>> [float(v[0]) for v in (found.estimate, found.within, found.between, found.total)]
    [2.0, 0.5, 2.0, 3.5]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.batch import imputation_draws
from concordat.observatory.panel import Array
from concordat.observatory.run import aggregate_options, weights_of, weights_options
from concordat.observatory.spec import DATA_DRIVEN
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import aggregate_tree, as_rows
from concordat.observatory.stages.em import Pooled
from concordat.observatory.stages.em import rubin as pool

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult
    from concordat.observatory.uncertainty import UncertaintyResult

PARTS = ("estimate", "within", "between", "total", "df")


@dataclass(frozen=True, slots=True, eq=False)
class Imputation:
    """The scores of the last year, pooled over draws of what was missing.

    Attributes:
        draws: m. varied: the factors whose spread is within a draw; empty: nothing else varies.
        pooled: arrays `[unit]`, NaN for a unit without a score in some draw; None where `reason` says why.
    """

    units: tuple[str, ...]
    draws: int
    varied: tuple[str, ...]
    pooled: Pooled | None
    reason: str = ""

    def of(self, u: int) -> dict[str, float | None]:
        """Mean, variance within, between and in all, and degrees of freedom of one unit (None: without an end)."""
        names = ("mean", *PARTS[1:])
        if self.pooled is None:
            return dict.fromkeys(names)
        values = [float(getattr(self.pooled, part)[u]) for part in PARTS]
        return {name: v if np.isfinite(v) else None for name, v in zip(names, values, strict=True)}

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data; variances are in squared points of the score."""
        rows = [{"unit": unit, **self.of(u)} for u, unit in enumerate(self.units)]
        said = {"draws": self.draws, "varied_within": list(self.varied), "reason": self.reason or None}
        return said | {"units": [] if self.pooled is None else rows}

    def rows(self, order: list[int]) -> Iterator[tuple[str, ...]]:
        """Unit, mean and the three variances as text, of units that have them."""
        for u in order:
            found = self.of(u)
            if found["mean"] is not None:
                yield (self.units[u], f"{found['mean']:.4g}", *(f"{found[k] or 0.0:.4g}" for k in PARTS[1:4]))

    def words(self) -> str:
        """What the table is, in a sentence."""
        if self.pooled is None:
            return f"Multiple imputation, {self.draws} draws: not pooled: {self.reason}"
        what = f"within a draw vary {', '.join(self.varied)}" if self.varied else "nothing else varies within a draw"
        return f"Multiple imputation, {self.draws} draws: variance of the score by Rubin's rules; {what}."


def imputation(result: IndexResult, doubt: UncertaintyResult | None = None) -> Imputation | None:
    """Scores pooled over the draws of the file's imputation; None where the file has no draws, or no scores.

    Args:
        doubt: the uncertainty analysis of the same result, for what varies within a draw.
    """
    spec, units = result.spec, result.units
    numbers = [n for n, s in enumerate(spec.steps) if isinstance(s.options, o.Impute) and s.options.draws]
    if not numbers or aggregate_options(spec).default == "none":
        return None
    step = spec.steps[numbers[0]].options
    assert isinstance(step, o.Impute)
    m = step.draws
    if m < 2:
        return Imputation(units, m, (), None, "one draw has no variance between draws.")
    try:
        scores = scores_over_draws(result, numbers[0])
    except MethodError as error:
        return Imputation(units, m, (), None, str(error))
    within, varied = (np.zeros_like(scores), ()) if doubt is None else _within(doubt, numbers[0], m)
    blank = ~(np.isfinite(scores).all(axis=0) & np.isfinite(within).all(axis=0))
    found = pool(np.where(blank, 0.0, scores), np.where(blank, 0.0, within))
    arrays = (np.where(blank, np.nan, getattr(found, part)) for part in PARTS)
    return Imputation(units, m, varied, Pooled(*arrays))


def scores_over_draws(result: IndexResult, number: int) -> Array:
    """Scores `[draw, unit]` of the index as stated, each time with another draw of what step `number` fills in."""
    graph, spec = result.graph, result.spec
    seed = spec.uncertainty.seed if spec.uncertainty is not None else 0
    stack = graph.panel.values[None]
    for step, n in graph.steps:
        if n == number:
            assert isinstance(step.options, o.Impute)
            fills = imputation_draws(graph, stack[0], step.options, seed)
            stack = graph.still_screened(step.name, stack, np.where(np.isnan(stack), fills, stack))
        else:
            stack = graph.apply(step, stack, step.options).values
    columns, aggregation, units = stack[:, -1], aggregate_options(spec), graph.panel.units
    options, weights = weights_options(spec), result.weights
    if options.method in DATA_DRIVEN:
        weights = np.stack([weights_of(graph, options, one).weights for one in columns])
    rows = as_rows(stack, spec.tree, aggregation)[:, -1]
    who = units * (rows.shape[-2] // len(units))
    return np.asarray(aggregate_tree(rows, weights, spec.tree, aggregation, who)[:, -len(units) :, -1])


def _within(doubt: UncertaintyResult, number: int, m: int) -> tuple[Array, tuple[str, ...]]:
    """Variances `[draw, unit]` of scores over the runs of each draw, and the factors that vary in them."""
    assert doubt.result.spec.uncertainty is not None
    factors, design = doubt.result.spec.uncertainty.vary, doubt.design
    at = next((k for k, f in enumerate(factors) if f.kind == "draw" and f.step == number), None)
    others = tuple(f.path for k, f in enumerate(factors) if k != at)
    if not others:
        return np.zeros((m, len(doubt.units))), ()
    drawn = np.zeros(design.runs) if at is None else design.levels[:, at]
    found = [
        _variance(doubt.scores[rows], design.probability[rows], exact=doubt.exact)
        for d in range(1 if at is None else m)
        for rows in [(drawn == d) & (design.probability > 0)]
    ]
    return np.asarray(np.broadcast_to(np.stack(found), (m, len(doubt.units)))), others


def _variance(scores: Array, weights: Array, *, exact: bool) -> Array:
    """The variance of each unit's scores over runs, divisor n - 1 in a sample; NaN where fewer than two have one."""
    there = np.isfinite(scores)
    w = weights[:, None] * there
    total, n = w.sum(axis=0), there.sum(axis=0)
    some = n >= (1 if exact else 2)
    safe = np.where(some, total, 1.0)
    mean = (w * np.where(there, scores, 0.0)).sum(axis=0) / safe
    squares = (w * np.where(there, scores - mean, 0.0) ** 2).sum(axis=0) / safe
    factor = 1.0 if exact else n / np.maximum(n - 1, 1)
    return np.where(some, squares * factor, np.nan)
