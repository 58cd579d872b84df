"""What an index came to: scores, ranks and contributions, and for every score the way back to its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from concordat.observatory.fingerprint import inputs_digest
from concordat.observatory.graph import Graph, Trail
from concordat.observatory.panel import Array, Bools, Note, Panel, Reason
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.spec import IndexSpec
from concordat.observatory.stages.aggregate import LOWER_IS_BETTER, aggregate_tree, as_rows, dashboard, method_of
from concordat.observatory.stages.contribution import remove_one, standing
from concordat.observatory.stages.frontier import Acceptability, smaa
from concordat.observatory.stages.options import Aggregate, Screen, Weights
from concordat.observatory.stages.weights import Detail, from_ballots

if TYPE_CHECKING:
    from concordat.observatory.pooling import Imputation

EMPTY = (Reason.MISSING, Reason.NOT_APPLICABLE, Reason.SCREENED, Reason.NO_DENOMINATOR, Reason.TOO_OLD)


@dataclass(frozen=True, eq=False)
class IndexResult:
    """An index, run once.

    Attributes:
        weights: normalised within each parent `[node]`.
        nodes: scores of all nodes `[time, unit, node]`, indicators normalised.
        ranks_by_year: 1 is best, ties the best of them, NaN where not ranked `[time, unit]`.
        contributions_by_year: of each indicator to the score `[time, unit, indicator]`; they add up to the score less
            the baseline (0 where every step is arithmetic, else the score of the units' mean).
        notes: what reading and every step have to say.
        weighting: what the method of weighting found out about each parent: consistency, variance explained, spread.
    """

    spec: IndexSpec
    panel: Panel
    graph: Graph = field(repr=False)
    trail: Trail = field(repr=False)
    weights: Array
    nodes: Array = field(repr=False)
    ranks_by_year: Array
    contributions_by_year: Array = field(repr=False)
    baseline_by_year: Array = field(repr=False)
    notes: tuple[Note, ...] = ()
    weighting: tuple[Detail, ...] = ()

    @cached_property
    def inputs_hash(self) -> str:
        """SHA-256 over the file, its ballots, whom it ranks and its figures (`fingerprint`)."""
        return inputs_digest(self.spec, self.panel)

    @cached_property
    def imputation(self) -> Imputation | None:
        """Scores pooled over the draws of multiple imputation; None where the file has none."""
        from concordat.observatory.pooling import imputation

        return imputation(self)

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in the order of all arrays."""
        return self.panel.units

    @property
    def scores(self) -> Array:
        """Scores of the last year `[unit]`."""
        return np.asarray(self.nodes[-1, :, self.spec.tree.root])

    @property
    def ranks(self) -> Array:
        """Ranks of the last year `[unit]`."""
        return np.asarray(self.ranks_by_year[-1])

    @property
    def contributions(self) -> Array:
        """Contributions of the indicators in the last year `[unit, indicator]`."""
        return np.asarray(self.contributions_by_year[-1])

    @property
    def baseline(self) -> Array:
        """What contributions are measured from in the last year `[unit]`."""
        return np.asarray(self.baseline_by_year[-1])

    @property
    def treated(self) -> Array:
        """The figures of the last year as they enter normalisation `[unit, indicator]`: filled in, treated."""
        steps = self.trail.steps
        last = steps.index("normalise") - 1 if "normalise" in steps else len(steps) - 1
        return np.asarray(self.trail.stacks[last][-1])

    @property
    def imputed(self) -> Bools:
        """Which figures of the last year were filled in `[unit, indicator]`."""
        return np.asarray(self.imputed_by_year[-1])

    @property
    def imputed_by_year(self) -> Bools:
        """Which figures were filled in `[time, unit, indicator]`."""
        if "impute" not in self.trail.steps:
            return np.zeros(self.panel.values.shape, dtype=bool)
        return np.isnan(self.graph.observed()) & np.isfinite(self.trail.after("impute"))

    @property
    def reasons(self) -> npt.NDArray[np.uint8]:
        """Why each figure of the last year is what it is after all steps, as `Reason` `[unit, indicator]`."""
        found: npt.NDArray[np.uint8] = self.panel.reasons[-1].copy()
        observed = np.isfinite(self.graph.observed()[-1])
        found[np.isfinite(self.panel.values[-1]) & ~observed] = Reason.NO_DENOMINATOR
        kept = np.ones(len(self.units), dtype=bool)
        for step, _ in self.graph.steps:
            if isinstance(step.options, Screen):
                kept &= self.graph.kept(step.options)[-1]
        found[self.imputed & kept[:, None]] = Reason.IMPUTED
        found[observed & ~kept[:, None]] = Reason.SCREENED
        return found

    @property
    def older(self) -> Bools:
        """Which figures of the last year are of an earlier one, as `take: latest` allows `[unit, indicator]`."""
        years = self.panel.source_years[-1]
        return np.asarray(np.isfinite(self.panel.values[-1]) & (years > 0) & (years < self.panel.years[-1]))

    @property
    def imputed_share(self) -> float:
        """Of the figures that ranked units enter with, the share that was filled in."""
        ranked = np.isfinite(self.scores)
        filled, used = self.imputed[ranked], np.isfinite(self.trail.stacks[-1][-1][ranked])
        return float((filled & used).sum() / used.sum()) if used.any() else 0.0

    def order(self) -> list[int]:
        """Units from the best rank to the worst; equal ranks by code, unranked ones last."""
        ranks = self.ranks
        return sorted(range(len(self.units)), key=lambda u: (np.isnan(ranks[u]), ranks[u], self.units[u]))

    def pillars(self) -> Array:
        """Scores of the index's children in the last year `[unit, child]`."""
        return np.asarray(self.nodes[-1][:, list(self.spec.tree.children(self.spec.tree.root))])

    def strengths(self, top: int = 5) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Each unit's best and worst indicators by rank; those at the common worst value are left out of both."""
        found = standing(self.trail.stacks[-1][-1], top)
        names = self.panel.indicators
        return {
            unit: tuple(tuple(names[i] for i in some[u]) for some in (found.strengths, found.weaknesses))  # type: ignore[misc]
            for u, unit in enumerate(self.units)
        }

    def without(self) -> dict[str, float | None]:
        """For each node the mean change of rank when its weight is set to 0."""
        step = self.spec.step("aggregate")
        if step is None:
            return {}
        assert isinstance(step.options, Aggregate)
        rows, who = self._rows(step.options)
        found = remove_one(rows, self.spec.tree, self.weights, step.options, who, len(self.units)).mean_change
        return {name: _number(found[n]) for n, name in enumerate(self.spec.tree.names[:-1])}

    def _rows(self, options: Aggregate) -> tuple[Array, tuple[str, ...]]:
        """The normalised rows that the last year is scored among, and whose they are."""
        rows = as_rows(self.trail.stacks[-1], self.spec.tree, options)[-1]
        return rows, self.units * (len(rows) // len(self.units))

    def ballots(self) -> list[dict[str, Any]]:
        """What ranking each ballot on weights implies: ballot, member, and each unit's rank."""
        step, weights = self.spec.step("weights"), self.spec.step("aggregate")
        if step is None or weights is None or not isinstance(step.options, Weights) or not step.options.ballots:
            return []
        assert isinstance(weights.options, Aggregate)
        tree, (columns, who) = self.spec.tree, self._rows(weights.options)
        cast = from_ballots(tree, step.options.ballots)
        assert cast.ballot_weights is not None
        rows: list[dict[str, Any]] = []
        for (ballot, member), w in zip(cast.ballots, cast.ballot_weights, strict=True):
            scores = aggregate_tree(columns, w, tree, weights.options, who)[-len(self.units) :, tree.root]
            less = method_of(tree, tree.root, weights.options) in LOWER_IS_BETTER
            ranks = rank_min(-scores if less else scores)
            rows.append(
                {"ballot": ballot, "member": member, "ranks": dict(zip(self.units, map(_number, ranks), strict=True))}
            )
        return rows

    def placed(self) -> Array:
        """Where each figure stands between the units' lowest (0) and highest (1) `[unit, indicator]`: a dashboard."""
        return dashboard(self.treated)

    def acceptability(self, draws: int = 10_000, seed: int = 0) -> Acceptability:
        """SMAA: how often each unit takes each place when all effective weights of the indicators are as likely.

        Scores are weighted means of the normalised indicators, with weights drawn from Dirichlet(1).
        """
        ranked = np.isfinite(self.scores)  # who is not ranked by the index is not ranked here
        columns = np.where(ranked[:, None], self.trail.stacks[-1][-1], np.nan)
        there = np.isfinite(columns)
        filled = np.where(there, columns, 0.0)

        def score(_: Array, w: Array) -> Array:
            weight = w @ there.T.astype(np.float64)
            return np.where(weight > 0, (w @ filled.T) / np.where(weight > 0, weight, 1.0), np.nan)

        rng = np.random.Generator(np.random.PCG64(seed))
        return smaa(columns, draws, rng, score)

    def provenance(self, unit: str, node: str) -> list[dict[str, Any]]:
        """The figures under a node of one unit in the last year: from observation to normalised score and weight.

        Each row: indicator, observation id, year, value, reason, treated, normalised, effective weight, contribution.
        """
        u, tree = self.units.index(unit), self.spec.tree
        effective = tree.effective(self.weights)
        rows: list[dict[str, Any]] = []
        reasons = self.reasons
        for i in tree.below(tree.names.index(node)):
            rows.append(
                {
                    "indicator": self.panel.indicators[i],
                    "observation": str(self.panel.ids[-1, u, i]),
                    "year": int(self.panel.source_years[-1, u, i]) or None,
                    "value": _number(self.panel.values[-1, u, i]),
                    "reason": _word(reasons[u, i]),
                    "treated": _number(self.treated[u, i]),
                    "normalised": _number(self.trail.stacks[-1][-1, u, i]),
                    "weight": float(effective[i]),
                    "contribution": _number(self.contributions[u, i]),
                }
            )
        return rows

    def as_data(self) -> dict[str, Any]:
        """Scores, ranks, pillars and contributions as plain data, best first; no year where the figures have none.

        Each unit has its empty cells with their reasons, and the years of its figures that are older than the index.
        """
        tree, names = self.spec.tree, self.spec.tree.names
        rows: list[Mapping[str, Any]] = []
        best = self.strengths()
        placed = self.placed() if self.spec.kind == "dashboard" else None
        reasons, older = self.reasons, self.older
        for u in self.order():
            rows.append(
                {
                    "unit": self.units[u],
                    "rank": None if np.isnan(self.ranks[u]) else int(self.ranks[u]),
                    "score": _number(self.scores[u]),
                    "nodes": {names[n]: _number(self.nodes[-1, u, n]) for n in tree.inner},
                    "contributions": {names[i]: _number(self.contributions[u, i]) for i in range(tree.n_indicators)},
                    "imputed": [names[i] for i in np.nonzero(reasons[u] == Reason.IMPUTED)[0]],
                    "empty": {names[i]: _word(reasons[u, i]) for i in np.nonzero(np.isin(reasons[u], EMPTY))[0]},
                    "older": {names[i]: int(self.panel.source_years[-1, u, i]) for i in np.nonzero(older[u])[0]},
                    "strengths": list(best[self.units[u]][0]),
                    "weaknesses": list(best[self.units[u]][1]),
                }
            )
            if placed is not None:
                rows[-1]["placed"] = {names[i]: _number(placed[u, i]) for i in range(tree.n_indicators)}  # type: ignore[index]
        pooled = self.imputation
        return ({} if pooled is None else {"imputation": pooled.as_data()}) | {
            "index": self.spec.id,
            "title": self.spec.title,
            "status": self.spec.status,
            "spec_sha256": self.spec.hash,
            "inputs_sha256": self.inputs_hash,
            "year": self.panel.years[-1] or None,
            "imputed_share": self.imputed_share,
            "weights": {names[n]: float(self.weights[n]) for n in range(len(names) - 1)},
            "weighting": [{"parent": d.parent, "method": d.method, **dict(d.numbers)} for d in self.weighting],
            "units": rows,
            "mean_rank_change_without": self.without(),
            "ballots": self.ballots(),
            "notes": [_note(n) for n in self.notes],
        }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _word(reason: int) -> str:
    return Reason(int(reason)).name.lower()


def _note(note: Note) -> dict[str, Any]:
    found = {k: getattr(note, k) for k in ("stage", "code", "indicator", "unit", "slice", "before", "after", "text")}
    return {k: v for k, v in found.items() if v not in ("", None)} | ({"warning": True} if note.warning else {})
