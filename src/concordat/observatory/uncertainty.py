"""How sure is the ranking, and which assumption makes it so: every run, the distribution of ranks, shares of the doubt.

`uncertainty(result)` makes the runs that the index file asks for: all combinations of levels where they are at most
50,000 (then everything is exact), else a scrambled Sobol sample. From their scores come rank intervals, who is ahead
of whom, plateaus of units that can't be told apart, Sobol indices of each factor, and Shapley effects, which share out
all of the spread. Sources and formulas: `design`, `ranks`, `sensitivity`, `effects`.

Intervals show the assumptions that the file varies, not every error; factors are taken as independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from concordat.observatory.batch import Batch, Failed
from concordat.observatory.design import CLOSED_PARTS_MAX, Design, Factor, choose, parts_of, sobol
from concordat.observatory.effects import ShapleyEffects, effects_by_permutation, shapley_effects
from concordat.observatory.panel import Array
from concordat.observatory.pooling import Imputation, imputation
from concordat.observatory.ranks import RankTable, plateau_places, poor_data, rank_table
from concordat.observatory.result import IndexResult
from concordat.observatory.run import oriented
from concordat.observatory.sensitivity import Estimator, SobolIndices, first_and_total
from concordat.observatory.targets import target

INDEPENDENT = "Factors are taken as independent of each other; intervals show what was varied, not every error."
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, eq=False)
class UncertaintyResult:
    """What the runs say.

    Attributes:
        design: the runs; `exact` when all combinations were made.
        scores: `[run, unit]`; of runs dropped by `on_error: drop` NaN.
        table: distributions of ranks, P(ahead), plateaus.
        sobol: indices by target (rank, score, mean_abs_rank_change, top); of rank the last output is all ranks
            together; by the peer's estimator where the file asks for its ways (`compat`).
        shapley: effects by target: mean_abs_rank_change, and each unit's rank.
        failed: runs that were dropped.
    """

    result: IndexResult = field(repr=False)
    design: Design = field(repr=False)
    scores: Array = field(repr=False)
    table: RankTable = field(repr=False)
    sobol: dict[str, SobolIndices]
    shapley: dict[str, ShapleyEffects]
    failed: tuple[Failed, ...] = ()

    @cached_property
    def imputation(self) -> Imputation | None:
        """Scores pooled over the draws of multiple imputation, with what else is varied within each draw."""
        return imputation(self.result, self)

    @property
    def exact(self) -> bool:
        """Every combination was run, so nothing is estimated."""
        return self.design.kind == "enumerated"

    @property
    def runs(self) -> int:
        """How many runs were made."""
        return self.design.runs

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in the order of all arrays."""
        return self.result.units

    @property
    def top(self) -> tuple[int, ...]:
        """The places for which P(top k) is told."""
        return self.table.tops

    @property
    def rank_intervals(self) -> dict[str, tuple[int, int] | None]:
        """Each unit's 5 % and 95 % ranks; None where it is never ranked."""
        found: dict[str, tuple[int, int] | None] = {}
        for u, unit in enumerate(self.units):
            low, high = self.table.low[u], self.table.high[u]
            found[unit] = None if math.isnan(low) else (int(low), int(high))
        return found

    def ahead(self, first: str, second: str) -> float:
        """P(first ahead of second): the share of runs in which it scores higher, plus half of the ties."""
        return float(self.table.ahead[self.units.index(first), self.units.index(second)])

    @property
    def plateaus(self) -> list[list[str]]:
        """Units that can't be told apart, from the best group to the last."""
        groups: list[list[str]] = [[] for _ in range(int(self.table.plateau.max(initial=0)))]
        for u in self.order():
            if self.table.plateau[u]:
                groups[self.table.plateau[u] - 1].append(self.units[u])
        return groups

    def order(self) -> list[int]:
        """Units by median rank, then mean, never ranked ones last."""
        t = self.table
        return sorted(
            range(len(self.units)),
            key=lambda u: (math.isnan(t.median[u]), t.median[u], t.mean[u], self.units[u]),
        )

    def drivers(self) -> list[tuple[str, float]]:
        """Each assumption's share of the spread of the ranking, largest first; empty where nothing moves."""
        effects = self.shapley.get("mean_abs_rank_change")
        if effects is None or effects.reasons[0]:
            return []
        found = [(name, float(e)) for name, e in zip(effects.parts, effects.effects[:, 0], strict=True)]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    # --- For printing ---

    def interval_text(self, u: int) -> str:
        """`2-4`, or `1` where both ends are the same."""
        low, high = self.table.low[u], self.table.high[u]
        return "" if math.isnan(low) else f"{low:.0f}" if low == high else f"{low:.0f}-{high:.0f}"

    def top_text(self, u: int) -> str:
        """P(top k) of the first k."""
        value = self.table.top[0, u]
        return "" if math.isnan(value) else f"{value:.2f}"

    def plateau_of(self, u: int) -> str:
        """The letter of a unit's plateau."""
        return plateau_letter(int(self.table.plateau[u]))

    def summary(self) -> Iterator[str]:
        """A few sentences: how it was run, what drives the doubt, which places can't be told apart."""
        made = "all combinations, exact" if self.exact else "a scrambled Sobol sample"
        yield f"{self.runs:,} runs ({made}), seed {self.seed}."
        drivers = self.drivers()
        if drivers:
            yield f"What moves the ranking: {', '.join(f'{name} {share + 0.0:z.2f}' for name, share in drivers)}."
        elif "mean_abs_rank_change" in self.shapley:
            reason = self.shapley["mean_abs_rank_change"].reasons[0]
            same = "same in every run" in reason
            yield "No assumption that was varied moves the ranking." if same else f"What moves it is not told: {reason}"
        tied = [f"{a} to {b}" for a, b in plateau_places(self.table) if b > a]
        if tied:
            yield f"Places that cannot be told apart: {'; '.join(tied)}."
        poor = [self.units[u] for u in np.flatnonzero(self.poor_data())]
        if poor:
            ranks = ", ".join(f"{unit} {self.interval_text(self.units.index(unit))}" for unit in poor)
            yield f"More than a third of the figures are imputed: {ranks}."
        if self.failed:
            yield f"{len(self.failed)} runs failed and were dropped; the first: {self.failed[0].message}"
        for found in self.sobol.values():
            yield from (w for w in found.warnings if "no indices" not in w)
        yield INDEPENDENT

    @property
    def seed(self) -> int:
        """Where the draws start from."""
        assert self.result.spec.uncertainty is not None
        return self.result.spec.uncertainty.seed

    def poor_data(self) -> Any:
        """Units of which more than a third of the figures were imputed."""
        used = np.isfinite(self.result.trail.stacks[-1][-1]).sum(axis=1)
        filled = self.result.imputed.sum(axis=1)
        return poor_data(filled / np.maximum(used, 1))

    def lines(self) -> Iterator[str]:
        """The whole analysis as text."""
        t = self.table
        yield "unit  nominal  median  90% ranks  lowest-highest  plateau  P(top " + ", ".join(map(str, t.tops)) + ")"
        for u in self.order():
            if math.isnan(t.median[u]):
                yield f"{self.units[u]:<5} {'not ranked':>7}"
                continue
            tops = " ".join(f"{p:.2f}" for p in t.top[:, u])
            span = f"{t.lowest[u]:.0f}-{t.highest[u]:.0f}"
            nominal = "-" if math.isnan(t.nominal[u]) else f"{t.nominal[u]:.0f}"
            yield (
                f"{self.units[u]:<5} {nominal:>7}  {t.median[u]:>6.0f}  {self.interval_text(u):>9}  {span:>14}"
                f"  {self.plateau_of(u):>7}  {tops}"
            )
        yield ""
        yield from self._sensitivity_lines()
        yield ""
        yield from self.summary()

    def _sensitivity_lines(self) -> Iterator[str]:
        for name, found in self.sobol.items():
            column = len(found.outputs) - 1 if name == "rank" else 0
            if name == "score":
                continue
            if name == "top":
                yield from self._top_lines(found)
                continue
            what = "all ranks together" if name == "rank" else "mean change of rank"
            if found.reasons[column]:
                yield f"Sobol indices of {what}: none. {found.reasons[column]}"
                continue
            yield f"Sobol indices of {what}: first order, total."
            for p, part in enumerate(found.parts):
                yield f"  {part:<28} {found.first[p, column]:.3f}  {found.total[p, column]:.3f}"

    def _top_lines(self, found: SobolIndices) -> Iterator[str]:
        """Of each unit that is among the first k in some runs alone: what decides it, largest total first."""
        k, doubtful = self.top[0], [u for u in self.order() if 0 < self.table.top[0, u] < 1]
        if not doubtful:
            yield f"Sobol indices of P(top {k}): none. No unit is among the first {k} in some runs and not in others."
            return
        yield f"Sobol indices of P(top {k}), for units in doubt: P, then first order and total of each factor."
        for u in doubtful:
            if found.reasons[u]:
                yield f"  {self.units[u]:<5} {found.reasons[u]}"
                continue
            largest = sorted(range(len(found.parts)), key=lambda p: (-found.total[p, u], p))
            parts = [f"{found.parts[p]} {found.first[p, u]:.3f} {found.total[p, u]:.3f}" for p in largest]
            yield f"  {self.units[u]:<5} {self.table.top[0, u]:.2f}  {'; '.join(parts)}"

    def as_data(self) -> dict[str, Any]:
        """Everything as plain data."""
        t = self.table
        rows = [
            {
                "unit": self.units[u],
                "nominal": _number(t.nominal[u]),
                "mean": _number(t.mean[u]),
                "median": _number(t.median[u]),
                "low": _number(t.low[u]),
                "high": _number(t.high[u]),
                "lowest": _number(t.lowest[u]),
                "highest": _number(t.highest[u]),
                "top": {str(k): _number(t.top[n, u]) for n, k in enumerate(t.tops)},
                "plateau": self.plateau_of(u),
                "missing": float(t.missing[u]),
            }
            for u in self.order()
        ]
        pooled = self.imputation
        return ({} if pooled is None else {"imputation": pooled.as_data()}) | {
            "index": self.result.spec.id,
            "spec_sha256": self.result.spec.hash,
            "inputs_sha256": self.result.inputs_hash,
            "runs": self.runs,
            "exact": self.exact,
            "seed": self.seed,
            "factors": list(self.design.names),
            "units": rows,
            "plateaus": self.plateaus,
            "ahead": {a: {b: _number(self.ahead(a, b)) for b in self.units if b != a} for a in self.units},
            "sobol": {name: _indices(found) for name, found in self.sobol.items()},
            "shapley": {name: _effects(found) for name, found in self.shapley.items()},
            "poor_data": [self.units[u] for u in np.flatnonzero(self.poor_data())],
            "dropped": len(self.failed),
            "assumed": INDEPENDENT,
        }


def uncertainty(
    result: IndexResult, *, runs: int | None = None, year: int = -1, targets: Sequence[str] | None = None
) -> UncertaintyResult:
    """Question an index: all runs that its file asks for.

    Args:
        runs: the budget where not every combination is made; the file's by default.
        year: which year of the panel, by its place.
        targets: whose sensitivity is told, instead of what the file says; empty: none.

    Raises:
        InputError: a budget too small for a sample.
        MethodError: a run that can't be computed; names run, stage, indicator and unit.
    """
    spec = result.spec
    assert spec.uncertainty is not None, "the file varies nothing"
    batch = Batch(result.graph, year)
    factors = [factor_of(v) for v in batch.factors]
    budget = runs or spec.uncertainty.runs
    design = choose(factors, budget, spec.uncertainty.seed)
    scores = oriented(batch.scores(design.levels), spec)
    failed = tuple(batch.failed)  # of these runs: the designs of the sensitivity analysis drop others
    nominal = oriented(result.nodes[year, :, spec.tree.root], spec)
    table = rank_table(scores, nominal=nominal, probability=design.probability, tops=spec.uncertainty.top)
    sobol_: dict[str, SobolIndices] = {}
    shapley_: dict[str, ShapleyEffects] = {}
    wanted = spec.uncertainty.targets if targets is None else tuple(targets)
    if wanted:
        sobol_, shapley_ = _sensitivity(result, batch, design, scores, nominal, budget, wanted)
    return UncertaintyResult(result, design, scores, table, sobol_, shapley_, failed)


def factor_of(vary: Any) -> Factor:
    """A line of `vary` as a factor of the design."""
    if vary.uniform is not None:
        return Factor(vary.path, 0, uniform=vary.uniform, group=vary.group)
    return Factor(vary.path, vary.draws or len(vary.levels), vary.probabilities, group=vary.group)


def _sensitivity(
    result: IndexResult,
    batch: Batch,
    design: Design,
    scores: Array,
    nominal: Array,
    budget: int,
    wanted: Sequence[str],
) -> tuple[dict[str, SobolIndices], dict[str, ShapleyEffects]]:
    spec = result.spec
    assert spec.uncertainty is not None
    seed, units = spec.uncertainty.seed, result.units
    sobol_: dict[str, SobolIndices] = {}
    estimator: Estimator = "compat" if spec.compat else "jansen"
    for name in wanted:
        # P(top k) of each k that the file names, which is one output a unit and k; other targets know no k.
        places = spec.uncertainty.top if name == "top" else (0,)
        found = [target(name, scores, nominal, units, k) for k in places]
        y, names = np.concatenate([y for y, _ in found], axis=1), tuple(n for _, some in found for n in some)
        sobol_[name] = first_and_total(
            design, y, outputs=names, together=name == "rank", estimator=estimator, seed=seed
        )

    shared = [n for n in ("mean_abs_rank_change", "rank") if n in wanted]
    if not shared:
        return sobol_, {}

    def outputs(some: Array) -> tuple[Array, tuple[str, ...]]:
        found = [target(n, some, nominal, units) for n in shared]
        return np.concatenate([y for y, _ in found], axis=1), tuple(name for _, names in found for name in names)

    y, names = outputs(scores)
    if design.kind == "enumerated":
        effects = shapley_effects(design, y, outputs=names)
    elif len(parts_of(design.factors)) <= CLOSED_PARTS_MAX:
        closed = sobol(design.factors, budget, seed, closed=True)
        y = outputs(oriented(batch.scores(closed.levels), spec))[0]
        effects = shapley_effects(closed, y, outputs=names)
    else:

        def evaluate(levels: Array) -> Array:
            return outputs(oriented(batch.scores(levels), spec))[0]

        effects = effects_by_permutation(design.factors, evaluate, seed=seed, outputs=names)
    first = 1 if "mean_abs_rank_change" in shared else 0
    ends = {"mean_abs_rank_change": (0, 1), "rank": (first, None)}
    return sobol_, {name: _column(effects, *ends[name]) for name in shared}


def _column(effects: ShapleyEffects, first: int, last: int | None) -> ShapleyEffects:
    some = slice(first, last)
    return ShapleyEffects(
        effects.parts,
        effects.outputs[some],
        effects.effects[:, some],
        effects.se[:, some],
        effects.exact,
        effects.reasons[some],
        effects.runs,
    )


def plateau_letter(number: int) -> str:
    """A to Z, then AA, AB, ...; empty for 0."""
    text = ""
    while number > 0:
        number, rest = divmod(number - 1, len(LETTERS))
        text = LETTERS[rest] + text
    return text


def _indices(found: SobolIndices) -> dict[str, Any]:
    return {
        output: {"reason": found.reasons[k]}
        if found.reasons[k]
        else {
            part: {
                "first": float(found.first[p, k]),
                "total": float(found.total[p, k]),
                "first_interval": [float(v) for v in found.first_interval[:, p, k]],
                "total_interval": [float(v) for v in found.total_interval[:, p, k]],
            }
            for p, part in enumerate(found.parts)
        }
        for k, output in enumerate(found.outputs)
    }


def _effects(found: ShapleyEffects) -> dict[str, Any]:
    return {
        output: {"reason": found.reasons[k]}
        if found.reasons[k]
        else {
            part: {"effect": float(found.effects[p, k]), "se": float(found.se[p, k])}
            for p, part in enumerate(found.parts)
        }
        for k, output in enumerate(found.outputs)
    }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
