"""Many runs of an index at once: from the levels of each factor to the scores of every unit in every run.

A run is a path through the stage graph. (1) At each step the distinct pairs of state and options are listed, and each
is computed once: five treatments by two normalisations are ten matrices, not a thousand. (2) Weights of all runs are
one matrix. (3) Quasi-arithmetic means (arithmetic, geometric, harmonic, power) of complete or incomplete columns are
matrix products `g(X) W`; whatever else goes level by level through `stages.aggregate`. (4) Runs go in blocks, so that
memory stays bounded.

Draws of imputation, data error, weights and ballots are *pre-drawn lists*: each is one discrete factor whose level is
the number of the draw, so that the sensitivity to "the data" as a whole is well defined and everything can be
enumerated. Imputation draws are made from the nominal figures. Factors are independent of each other: it is assumed,
and said on every output.

    evaluate = Batch(graph).scores          # levels [run, factor] -> scores [run, unit]
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.observatory.graph import Graph, distinct_rows, transformed
from concordat.observatory.panel import Array, Ints
from concordat.observatory.run import aggregate_options, tidy, weights_of, weights_options
from concordat.observatory.scoring import score_runs
from concordat.observatory.spec import Options, Step, Vary
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import as_rows

BLOCK_RUNS = 4096
CELLS_MAX = 60_000_000  # of pre-drawn figures: half a gigabyte


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of a named use: PCG64, seeded by SHA-256 of seed and name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that could not be computed, and why."""

    run: int
    message: str


class Batch:
    """An index with its factors, ready for any number of runs.

    Attributes:
        factors: as the file names them.
        failed: runs dropped so far (`on_error: drop`).
    """

    def __init__(self, graph: Graph, year: int = -1) -> None:
        """Draw what is pre-drawn.

        Args:
            graph: the index, bound to its figures.
            year: which year's scores are asked for, by its place in the panel.
        """
        spec = graph.spec
        assert spec.uncertainty is not None, "the file varies nothing"
        self.graph, self.year = graph, year
        self.uncertainty = spec.uncertainty
        self.factors: tuple[Vary, ...] = spec.uncertainty.vary
        self.failed: list[Failed] = []
        self.base = self._base()
        self.fills: dict[int, Array] = {}
        self._weights: dict[object, Array] = {}
        seed = self.uncertainty.seed
        self.shakes = {
            n: _shakes(graph, f, stream(seed, f.path)) for n, f in enumerate(self.factors) if f.kind == "noise"
        }

    def _base(self) -> Array:
        """The panel, or its draws of error, as `[draw, time, unit, indicator]`."""
        factor = next((f for f in self.factors if f.kind == "error"), None)
        if factor is None:
            return self.graph.panel.values[None]
        return error_draws(self.graph, factor.draws, stream(self.uncertainty.seed, factor.path))

    # --- Levels ---

    def scores(self, levels: Array, first: int = 0) -> Array:
        """Scores `[run, unit]` of runs given by their levels `[run, factor]`.

        Args:
            levels: numbers of levels, or values for continuous factors, in the order of `factors`.
            first: the number of the first run, for messages.

        Raises:
            MethodError: a run can't be computed; names run, stage, indicator, unit and cause.
        """
        levels = np.asarray(levels, dtype=np.float64)
        blocks = [
            self._block(levels[start : start + BLOCK_RUNS], first + start)
            for start in range(0, len(levels), BLOCK_RUNS)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.graph.panel.units)))

    def _block(self, levels: Array, first: int) -> Array:
        try:
            return self._run(levels, first)
        except MethodError as error:
            if self.uncertainty.on_error != "drop":
                raise
            if len(levels) == 1:
                self.failed.append(Failed(first, str(error)))
                return np.full((1, len(self.graph.panel.units)), np.nan)
        half = len(levels) // 2  # find the runs that fail by halving
        return np.concatenate([self._block(levels[:half], first), self._block(levels[half:], first + half)])

    def _run(self, levels: Array, first: int) -> Array:
        error = next((n for n, f in enumerate(self.factors) if f.kind == "error"), None)
        state = np.zeros(len(levels), dtype=np.int64) if error is None else levels[:, error].astype(np.int64)
        used, state = np.unique(state, return_inverse=True)
        stack = self.base[used]
        for step, number in self.graph.steps:
            stack, state = self._step(step, number, stack, state.reshape(-1), levels, first)
        weights = self._run_weights(levels, stack[:, self.year], state, first)
        return self._aggregate(levels, stack, state, weights, first)

    # --- Steps that change figures ---

    def _step(
        self, step: Step, number: int, stack: Array, state: Ints, levels: Array, first: int
    ) -> tuple[Array, Ints]:
        """All states through one step: every distinct pair of state and options once."""
        which, options = self._options(step, number, levels)
        draw = self._draw_of(number, levels)
        pairs, run_pair = distinct_rows(state, which, draw)
        pieces = np.empty((len(pairs), *stack.shape[1:]))
        labels = _labels(run_pair, len(pairs), first)
        for n, chosen in enumerate(options):
            rows = np.flatnonzero(pairs[:, 1] == n)
            if rows.size == 0:
                continue
            some = stack[pairs[rows, 0]]
            if number in self._draw_steps():
                fills = self._fills(number, chosen)
                drawn = np.where(np.isnan(some), fills[pairs[rows, 2]], some)
                pieces[rows] = self.graph.still_screened(step.name, some, drawn)
            else:
                pieces[rows] = self.graph.apply(step, some, chosen, [labels[r] for r in rows]).values
        return pieces, run_pair

    def _options(self, step: Step, number: int, levels: Array) -> tuple[Ints, list[Any]]:
        """For each run which options the step takes, and the distinct ones."""
        touching = [
            (n, f) for n, f in enumerate(self.factors) if f.step == number and f.kind in ("option", "continuous")
        ]
        if number < 0 or not touching:
            return np.zeros(len(levels), dtype=np.int64), [step.options]
        found, which = np.unique(levels[:, [n for n, _ in touching]], axis=0, return_inverse=True)
        options = []
        for row in found:
            chosen: Any = self.graph.spec.steps[number].options
            for (_, factor), level in zip(touching, row, strict=True):
                value = level if factor.kind == "continuous" else getattr(factor.levels[int(level)], factor.field)
                chosen = replace(chosen, **{factor.field: float(value) if factor.kind == "continuous" else value})
            options.append(transformed(self.graph.spec, chosen))
        return which.reshape(-1), options

    def _draw_steps(self) -> set[int]:
        return {f.step for f in self.factors if f.kind == "draw"}

    def _draw_of(self, number: int, levels: Array) -> Ints:
        for n, factor in enumerate(self.factors):
            if factor.kind == "draw" and factor.step == number and number >= 0:
                return levels[:, n].astype(np.int64)
        return np.zeros(len(levels), dtype=np.int64)

    def _fills(self, number: int, options: o.Impute) -> Array:
        """Pre-drawn figures `[draw, time, unit, indicator]` of multiple imputation, from the nominal figures."""
        if number not in self.fills:
            stack = self.graph.panel.values[None]
            for step, n in self.graph.steps:
                if n == number:
                    break
                stack = self.graph.apply(step, stack, step.options).values
            self.fills[number] = imputation_draws(self.graph, stack[0], options, self.uncertainty.seed)
        return self.fills[number]

    # --- Weights ---

    def _run_weights(self, levels: Array, stack: Array, state: Ints, first: int) -> Array:
        """Normalised weights of every run `[run, node]`."""
        tree = self.graph.tree
        number = next((n for n, s in enumerate(self.graph.spec.steps) if s.stage == "weights"), -1)
        step = Step("weights", "weights", weights_options(self.graph.spec))
        which, options = self._options(step, number, levels)
        driven = [_is_driven(chosen) for chosen in options]
        by_data = np.array(driven)[which]
        how, aggregations = self._aggregations(levels)
        keys, run_key = distinct_rows(which, np.where(by_data, state, -1), np.where(by_data, how, 0))
        rows = np.empty((len(keys), len(tree.names)))
        for k, (n, s, a) in enumerate(keys):
            try:
                rows[k] = self._weights_for(options[n], stack[s] if s >= 0 else None, aggregations[a])
            except MethodError as error:
                where = f"{error.where}, run {first + int(np.argmax(run_key == k)) + 1}".removeprefix(", ")
                raise MethodError(error.what, where=where, hint=error.hint, code=error.code) from None
        weights = rows[run_key]
        for n, factor in enumerate(self.factors):
            if factor.kind == "ballot":
                weights = self._ballots(options[0])[levels[:, n].astype(np.int64)]
        for n, shake in self.shakes.items():
            weights = tree.normalised(weights * shake[levels[:, n].astype(np.int64)])
        return weights

    def _weights_for(self, options: o.Weights, columns: Array | None, aggregation: o.Aggregate) -> Array:
        if columns is not None:
            return weights_of(self.graph, options, columns, aggregation).weights
        if options not in self._weights:
            self._weights[options] = weights_of(self.graph, options, None).weights
        return self._weights[options]

    def _ballots(self, options: o.Weights) -> Array:
        """The weights that each ballot alone gives `[ballot, node]`."""
        if "ballots" not in self._weights:
            alone = [replace(options, ballots=(ballot,)) for ballot in options.ballots]
            self._weights["ballots"] = np.stack([weights_of(self.graph, b, None).weights for b in alone])
        return self._weights["ballots"]

    # --- Scores ---

    def _aggregations(self, levels: Array) -> tuple[Ints, list[Any]]:
        """For each run which options of `aggregate` it takes, and the distinct ones."""
        spec = self.graph.spec
        number = next((n for n, s in enumerate(spec.steps) if s.stage == "aggregate"), -1)
        return self._options(Step("aggregate", "aggregate", aggregate_options(spec)), number, levels)

    def _aggregate(self, levels: Array, stack: Array, state: Ints, weights: Array, first: int) -> Array:
        which, options = self._aggregations(levels)
        tree, units = self.graph.tree, self.graph.panel.units
        scores = np.empty((len(levels), len(units)))
        for n, chosen in enumerate(options):
            rows = np.flatnonzero(which == n)
            if rows.size == 0:
                continue
            slices = as_rows(stack, tree, chosen)
            together = slices.shape[1] < stack.shape[1]  # all years are rows of one slice
            columns = slices[:, 0] if together else slices[:, self.year]
            who = units * (columns.shape[1] // len(units))
            found = score_runs(columns, state[rows], weights[rows], tree, chosen, who, first + rows)
            scores[rows] = found.reshape(len(rows), -1, len(units))[:, self.year if together else 0]
        return tidy(scores)


def _is_driven(options: o.Weights) -> bool:
    from concordat.observatory.spec import DATA_DRIVEN

    return options.method in DATA_DRIVEN


def _labels(run_pair: Ints, pairs: int, first: int) -> list[str]:
    """What messages call each pair: the first run that has it."""
    seen = np.full(pairs, -1, dtype=np.int64)
    seen[run_pair[::-1]] = np.arange(len(run_pair))[::-1]
    return [f"run {first + int(n) + 1}" for n in seen]


def _shakes(graph: Graph, factor: Vary, rng: np.random.Generator) -> Array:
    """`1 + u c` for every draw and node, 1 where the file leaves a level alone `[draw, node]`."""
    share, levels = factor.noise
    u = rng.uniform(-1.0, 1.0, (factor.draws, len(graph.tree.names)))
    touched = np.isin(np.array(graph.tree.levels), levels)
    return np.where(touched, 1.0 + share * u, 1.0)


def error_draws(graph: Graph, draws: int, rng: np.random.Generator) -> Array:
    """Figures with their stated errors `[draw, time, unit, indicator]`.

    sd and relative_sd are normal, evidence is uniform between the ends of the figure's interval. A draw that its unit
    makes impossible is cut to the bound that the file or the catalogue states, or to the figure itself where the file
    accepts one outside of it.

    Raises:
        InputError: more figures than memory should hold, or an indicator without any evidence interval.
    """
    panel, spec = graph.panel, graph.spec
    if draws * panel.values.size > CELLS_MAX:
        most = CELLS_MAX // max(panel.values.size, 1)
        what = f"data.error: {draws:,} draws of {panel.values.size:,} figures are more than memory should hold."
        place = spec.document.place("uncertainty", "vary", "data.error")
        raise InputError(what, where=place, hint=f"Give at most {most:,} draws.", code="too_large")
    drawn = np.broadcast_to(panel.values, (draws, *panel.values.shape)).copy()
    for i, indicator in enumerate(spec.indicators):
        if indicator.error is None:
            continue
        column = panel.values[:, :, i]
        if indicator.error.kind == "evidence":
            low, high = _intervals(graph, i)
            drawn[..., i] = low + (high - low) * rng.uniform(0.0, 1.0, (draws, *column.shape))
        else:
            spread = indicator.error.size * (np.abs(column) if indicator.error.kind == "relative_sd" else 1.0)
            drawn[..., i] = column + spread * rng.standard_normal((draws, *column.shape))
        if panel.bounds:
            floor, ceiling = panel.bounds[i]  # they widen to a figure outside of them, which the file has accepted
            drawn[..., i] = np.clip(drawn[..., i], np.fmin(floor, column), np.fmax(ceiling, column))
    return drawn


def _intervals(graph: Graph, i: int) -> tuple[Array, Array]:
    """The ends of the figures of an indicator; without any, each draw would say that nothing is uncertain."""
    panel, indicator = graph.panel, graph.spec.indicators[i].id
    known = panel.lower is not None and panel.upper is not None and np.isfinite(panel.lower[:, :, i]).any()
    if not known and np.isfinite(panel.values[:, :, i]).any():
        what = f"{indicator} has error: {{interval: evidence}}, and no figure of it comes with a lower and upper end."
        hint = (
            "Add columns lower and upper to a long table (unit,year,indicator,value,lower,upper), give error: {sd: ...}"
        )
        place = graph.spec.document.place("uncertainty", "vary", "data.error")
        raise InputError(what, where=place, hint=f"{hint}, or run with --no-uncertainty.", code="interval")
    if panel.lower is None or panel.upper is None:
        return panel.values[:, :, i], panel.values[:, :, i]
    return panel.lower[:, :, i], panel.upper[:, :, i]


def imputation_draws(graph: Graph, panel: Array, options: o.Impute, seed: int) -> Array:
    """Draws of multiple imputation `[draw, time, unit, indicator]`: each group of columns on its own, year by year.

    A draw that its unit makes impossible is cut to the bound, on the scale of the indicator's transform.
    """
    from concordat.observatory.stages.em import draws as em_draws

    made = np.broadcast_to(panel, (options.draws, *panel.shape)).copy()
    ends = _scaled_bounds(graph)
    frame = graph.frame
    pillars = sorted(set(frame.pillars)) if options.within == "pillar" else [None]
    for t in range(panel.shape[0]):
        for pillar in pillars:
            columns = list(range(panel.shape[2]) if pillar is None else frame.columns_of(pillar))
            block = panel[t][:, columns]
            if not np.isnan(block).any():
                continue
            rng = stream(seed, f"impute:{t}:{pillar}")
            names = [frame.indicators[c] for c in columns]
            where = f"step impute, draws for {graph.panel.years[t]}" if graph.panel.years[t] else "step impute, draws"
            filled = em_draws(block, options.draws, rng, ridge=options.ridge, names=names, where=where)
            low, high = (np.array([ends[c][k] for c in columns]) for k in (0, 1))
            made[:, t][:, :, columns] = np.where(np.isnan(block), np.clip(filled, low, high), block)
    return made


def _scaled_bounds(graph: Graph) -> list[tuple[float, float]]:
    """The bounds of each indicator on the scale of its transform; none for what is denominated."""
    from concordat.observatory.stages.transform import of_value

    found: list[tuple[float, float]] = []
    stages = [s.stage for s in graph.spec.steps]
    if "treat" in stages and "impute" in stages and stages.index("treat") < stages.index("impute"):
        return [(-np.inf, np.inf)] * len(graph.spec.indicators)  # treated columns have no bounds
    changed = {name for s in graph.spec.steps if isinstance(s.options, o.Denominate) for name, _, _ in s.options.by}
    for n, indicator in enumerate(graph.spec.indicators):
        ends = graph.panel.bounds[n] if graph.panel.bounds and indicator.id not in changed else (-np.inf, np.inf)
        scaled: list[float] = []
        for end, far in zip(ends, (-np.inf, np.inf), strict=True):
            try:
                scaled.append(of_value(end, indicator.transform) if np.isfinite(end) else far)
            except ConcordatError:  # a bound of 0 has no log, and none is needed there
                scaled.append(far)
        found.append((scaled[0], scaled[1]))
    return found


def evaluator(batch: Batch) -> Callable[[Array], Array]:
    """`levels -> scores`, as the sensitivity analysis wants it."""
    return lambda levels: batch.scores(levels)


def labels_of(factors: Sequence[Vary]) -> list[str]:
    """What outputs call the factors."""
    return [f.path for f in factors]


def options_of(step: Step) -> Options:
    """The nominal options of a step."""
    return step.options
