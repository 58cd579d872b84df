"""An index that takes some of its parts from one edition and the others from another: the game behind `compare`.

Components, each present only where the two editions differ in it:

    units        who is ranked                          new data      cells that one edition has and the other hasn't,
    denominators what figures are divided by
    framework    tree and indicators (with weights,                   or that are of another year
                 where the nodes are not the same)      revised data  same cell, same year, other value
    indicators   direction, transform, goalposts ...    compat        whose literal defects are repeated
    weights      weights of the tree and their step     a step each   denominate, impute, screen, treat, normalise,
                                                                      aggregate: its options, or that it is there
    steps        all steps but weights as one, where they can't be told apart by kind: one stands twice, or has
                 another place than the usual one

A mixture is put together from the parts of two checked files and run like any other. With no component taken, and with
all of them, it must give the two editions' own scores; that is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from concordat.errors import ConcordatError, MethodError
from concordat.observatory.bind import group_kind, groups_of
from concordat.observatory.graph import Graph
from concordat.observatory.panel import Array, Bools, Ints, Panel
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.result import IndexResult
from concordat.observatory.run import aggregate_options, oriented, tidy, weights_of, weights_options
from concordat.observatory.spec import DATA_DRIVEN, ORDER, IndexSpec, Step
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import LOWER_IS_BETTER, aggregate_tree, as_rows, method_of
from concordat.observatory.tree import Tree

WORDS_ONLY = ("title", "rationale", "source", "error", "unit", "bounds")  # of the tree: nothing is computed from them
ROOT = "index"
_LAST = ("weights", "aggregate")
_AFTER = {stage: frozenset(ORDER[n + 1 :]) for n, stage in enumerate(ORDER)}
_AFTER["transform"] = _AFTER["denominate"]
Side: TypeAlias = tuple[Array, Any]  # figures and the years they are of, `[time, unit, indicator]`


class Mixture:
    """Two editions and what differs between them.

    Attributes:
        components: names, in a fixed order; bit i of a mask takes component i from the later edition.
        units: those in both; `entrants` and `leavers` are in one only.
        merged: which components could not be separated, as the reader is told.
    """

    def __init__(self, later: IndexResult, earlier: IndexResult) -> None:
        """Find what differs.

        Raises:
            MethodError: panels of several years that are not the same years.
        """
        self.sides = (earlier, later)
        self.specs = (earlier.spec, later.spec)
        self._check_scales()
        a, b = (r.panel for r in self.sides)
        if a.years != b.years and len(a.years) + len(b.years) > 2:
            hint = "Compare indices of one year each, or of the same years."
            raise MethodError("the two panels do not hold the same years.", where="compare", hint=hint, code="years")
        self.panels = (a, b)
        self.units = tuple(u for u in a.units if u in b.units)
        self.entrants = tuple(u for u in b.units if u not in a.units)
        self.leavers = tuple(u for u in a.units if u not in b.units)
        self.merged: list[str] = []
        self.components = tuple(self._components())
        self._specs: dict[frozenset[str], IndexSpec] = {}
        self._both: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[Side, Side, Ints]] = {}
        self._given: dict[tuple[Tree, o.Weights], Array] = {}
        self._trees: dict[tuple[int, tuple[float, ...]], Tree] = {}
        self._stacks: dict[frozenset[str], tuple[Graph, Array]] = {}
        self._ahead: dict[frozenset[str], Array] = {}
        self._partly: dict[tuple[int, frozenset[str]], Array] = {}
        self._groups: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        if self.units:
            self._check_ends()

    def _check_scales(self) -> None:
        """Refuse to subtract a distance from a score, or anything from a dashboard."""
        methods = [method_of(s.tree, s.tree.root, aggregate_options(s)) for s in self.specs]
        if "none" in methods:
            raise MethodError("a dashboard has no scores to compare.", where="compare", code="dashboard")
        if len({m in LOWER_IS_BETTER for m in methods}) > 1:
            what = "one edition's score is a distance, of which less is better; the other's is not."
            raise MethodError(what, where="compare", hint="Compare the ranks by hand.", code="distance")

    def _check_ends(self) -> None:
        """Nothing and everything taken from the later edition must be the two editions themselves."""
        for side, taken in zip(self.sides, (frozenset[str](), frozenset(self.components)), strict=True):
            rows = [side.units.index(u) for u in self.units]
            own = np.stack([side.scores[rows], side.ranks[rows]])
            if not np.allclose(self.value(taken), own, rtol=1e-9, atol=1e-9, equal_nan=True):
                what = f"the edition {side.spec.id} is not what its parts give, so its change can't be split."
                raise MethodError(what, where="compare", hint="Report this, with both files.", code="ends")

    # --- What differs ---

    def _components(self) -> Iterator[str]:
        a, b = (s.content for s in self.specs)
        if self.entrants or self.leavers:
            yield "units"
        structure = [_structure(s) for s in self.specs]
        weights = [(_weights(s), _step_options(s, "weights")) for s in self.specs]
        self.one_tree = structure[0] == structure[1]
        if not self.one_tree:
            yield "framework"
            if weights[0] != weights[1]:
                self.merged.append("framework and weights, since a weight needs its node")
        else:
            if _definitions(a, True) != _definitions(b, True):
                yield "indicators"
            if weights[0] != weights[1]:
                yield "weights"
        self._as_one = any(not _by_kind(s) for s in self.specs)
        if self._as_one and _listed(self.specs[0]) != _listed(self.specs[1]):
            yield "steps"
        for stage in () if self._as_one else ORDER:
            if stage != "weights" and _step_options(self.specs[0], stage) != _step_options(self.specs[1], stage):
                yield stage
        if a.get("compat", "") != b.get("compat", ""):
            yield "compat"
        if self._other_denominators():
            yield "denominators"
        revised, new = self._cells()
        if revised.any():
            yield "revised data"
        if new.any():
            yield "new data"

    def _other_denominators(self) -> bool:
        """Whether a common unit's denominator is another figure in the later edition."""
        a, b = self.panels
        rows = [[p.units.index(u) for u in self.units] for p in (a, b)]
        return any(
            not np.array_equal(a.denominators[d][:, rows[0]], b.denominators[d][:, rows[1]], equal_nan=True)
            for d in set(a.denominators) & set(b.denominators)
        )

    def _cells(self) -> tuple[Bools, Bools]:
        """Which cells of common units and indicators were revised, and which are new or gone."""
        (values_a, years_a), (values_b, years_b) = (self._common(p) for p in self.panels)
        there_a, there_b = np.isfinite(values_a), np.isfinite(values_b)
        same_year = there_a & there_b & (years_a == years_b)
        revised = same_year & (values_a != values_b)
        return revised, (there_a | there_b) & ~same_year

    def _common(self, panel: Panel) -> tuple[Array, Any]:
        names = [i for i in self.panels[0].indicators if i in self.panels[1].indicators]
        rows = [panel.units.index(u) for u in self.units]
        columns = [panel.indicators.index(i) for i in names]
        pick = np.ix_(range(len(panel.years)), rows, columns)
        return panel.values[pick], panel.source_years[pick]

    # --- A mixture ---

    def value(self, taken: frozenset[str]) -> Array:
        """Scores and ranks `[2, unit]` of the common units with these components taken from the later edition."""
        if taken in self._ahead:
            return self._ahead.pop(taken)
        pair = [taken] if "weights" not in self.components else [taken, taken ^ {"weights"}]
        try:
            found = self._scored(pair)
        except ConcordatError:  # the twin's fault is not this one's
            found = self._scored([taken])
        self._ahead |= dict(zip(pair[1:], found[1:], strict=False))
        return found[0]

    def _scored(self, taken: Sequence[frozenset[str]]) -> list[Array]:
        """Mixtures that have all but weights in common, in one pass through the tree."""
        graph, stack = self._stack(taken[0])
        specs = [self._spec(t) for t in taken]
        weights = np.stack([self._weights(s, graph, stack[-1]) for s in specs])
        options = aggregate_options(specs[0])
        columns = as_rows(stack, specs[0].tree, options)
        units = graph.panel.units
        who = units * (columns.shape[-2] // len(units))
        nodes = aggregate_tree(columns, weights[:, None], specs[0].tree, options, units=who)
        rows = [units.index(u) for u in self.units]
        found: list[Array] = []
        for spec, some in zip(specs, nodes, strict=True):
            scores = tidy(some.reshape(*stack.shape[:-1], -1))[-1, :, spec.tree.root]
            found.append(np.stack([scores[rows], rank_min(oriented(scores, spec))[rows]]))
        return found

    def _weights(self, spec: IndexSpec, graph: Graph, columns: Array) -> Array:
        """The weights of a mixture; those that no figures drive are the same for many."""
        options = weights_options(spec)
        if options.method in DATA_DRIVEN:
            return weights_of(Graph(spec, graph.panel), options, columns).weights
        key = (spec.tree, options)
        if key not in self._given:
            self._given[key] = weights_of(Graph(spec, graph.panel), options, None).weights
        return self._given[key]

    def _stack(self, taken: frozenset[str]) -> tuple[Graph, Array]:
        """The normalised columns; mixtures that differ only in weights or aggregation share them."""
        key = taken - {"weights", "aggregate"}
        if key not in self._stacks:
            spec = self._spec(taken)
            graph = Graph(spec, self._panel(taken, spec))
            self._stacks[key] = (graph, self._final(graph, key))
        return self._stacks[key]

    def _final(self, graph: Graph, key: frozenset[str]) -> Array:
        """The columns after all steps; mixtures that agree up to a step share what it leaves."""
        stack = graph.panel.values[None]
        for number, (step, _) in enumerate(graph.steps):
            place = (number, key - _AFTER[step.stage])
            if place not in self._partly:
                self._partly[place] = graph.apply(step, stack, step.options).values
            stack = self._partly[place]
        return np.asarray(stack[0])

    def _spec(self, taken: frozenset[str]) -> IndexSpec:
        """The mixed file, put together from the checked parts of both."""
        key = taken - {"revised data", "new data", "denominators"}
        if key not in self._specs:
            self._specs[key] = self._compose(taken)
        return self._specs[key]

    def _compose(self, taken: frozenset[str]) -> IndexSpec:
        def side(component: str) -> IndexSpec:
            return self.specs[component in taken]

        tree_of, weights_from = ("framework", "framework") if not self.one_tree else ("indicators", "weights")
        base = side(tree_of)
        weights = _weights(side(weights_from))
        given = tuple(weights.get(name, 1.0) for name in base.tree.names)
        tree = self._trees.setdefault((id(base), given), replace(base.tree, weights=given))
        compat = side("compat").compat
        units = self.panels["units" in taken].units
        found: list[Step] = []
        for stage in ORDER if not self._as_one else ("figures", "weights", "aggregate"):
            component = weights_from if stage == "weights" else "steps" if self._as_one else stage
            spec = side(component) if component in self.components else self.specs[1]
            some = [s for s in spec.steps if s.stage == stage or (stage == "figures" and s.stage not in _LAST)]
            fitted = (_fitting(s, base, spec.id, units, compat) for s in some)
            found += [s for s in fitted if s is not None]
        return replace(base, tree=tree, steps=tuple(found), compat=compat, uncertainty=None)

    def _panel(self, taken: frozenset[str], spec: IndexSpec) -> Panel:
        b = self.panels[1]
        units = self.panels["units" in taken].units
        indicators = tuple(i.id for i in spec.indicators)
        (va, ya), (vb, yb), one_sided = self._aligned(units, indicators)
        same = np.isfinite(va) & np.isfinite(vb) & (ya == yb)
        later = np.where(one_sided == 0, np.where(same, "revised data" in taken, "new data" in taken), one_sided == 2)
        values, years = np.where(later, vb, va), np.where(later, yb, ya)
        bottoms = {d: self._denominator(d, units, "denominators" in taken) for d in spec_denominators(spec)}
        return Panel(
            years=b.years,
            units=units,
            indicators=indicators,
            values=values,
            reasons=np.where(np.isfinite(values), 0, 1).astype(np.uint8),
            source_years=np.asarray(years, dtype=np.int16),
            ids=np.full(values.shape, "", dtype=object),
            denominators=bottoms,
            groups=self._groups_of(spec, units),
        )

    def _groups_of(self, spec: IndexSpec, units: tuple[str, ...]) -> tuple[str, ...]:
        """The groups that the mixture's own step `impute` asks for."""
        key = (group_kind(spec), units)
        if key not in self._groups:
            self._groups[key] = groups_of(spec, units)
        return self._groups[key]

    def _aligned(self, units: Sequence[str], indicators: Sequence[str]) -> tuple[Side, Side, Ints]:
        """Both panels on the same units and indicators; 1 or 2 where only the earlier or the later has the cell."""
        key = (tuple(units), tuple(indicators))
        if key not in self._both:
            sides: list[Side] = []
            known: list[Any] = []
            for panel in self.panels:
                rows = [panel.units.index(u) if u in panel.units else -1 for u in units]
                columns = [panel.indicators.index(i) if i in panel.indicators else -1 for i in indicators]
                there = np.outer(np.array(rows) >= 0, np.array(columns) >= 0)[None]
                pick = np.ix_(range(len(panel.years)), rows, columns)
                values = np.where(there, panel.values[pick], np.nan)
                sides.append((values, np.where(there, panel.source_years[pick], 0)))
                known.append(np.broadcast_to(there, values.shape))
            one_sided = np.where(known[0] & known[1], 0, np.where(known[1], 2, 1)).astype(np.int64)
            self._both[key] = (sides[0], sides[1], one_sided)
        return self._both[key]

    def _denominator(self, name: str, units: Sequence[str], later: bool) -> Array:
        order = (self.panels[1], self.panels[0]) if later else (self.panels[0], self.panels[1])
        found = np.full((len(self.panels[1].years), len(units)), np.nan)
        for x, unit in enumerate(units):
            for panel in order:
                if unit in panel.units and name in panel.denominators:
                    found[:, x] = panel.denominators[name][:, panel.units.index(unit)]
                    break
        return found


def spec_denominators(spec: IndexSpec) -> list[str]:
    """Ids of what the file divides by."""
    return [d for s in spec.steps if isinstance(s.options, o.Denominate) for _, d, _ in s.options.by]


# --- Reading the two files ----------------------------------------------------------------------------------------


def _structure(spec: IndexSpec) -> list[tuple[str, str]]:
    """Each node with its parent; the index's own id does not count."""
    names = [*spec.tree.names[:-1], ROOT]
    return sorted((n, names[p]) for n, p in zip(names, spec.tree.parents, strict=True) if p >= 0)


def _weights(spec: IndexSpec) -> dict[str, float]:
    normal = spec.tree.normalised()
    return {name: float(w) for name, w in zip(spec.tree.names[:-1], normal, strict=False)}


def _step_options(spec: IndexSpec, stage: str) -> list[Any]:
    """A stage's options without the columns, which belong to the indicators."""
    found: list[Any] = []
    for step in spec.steps:
        if step.stage == stage:
            options: Any = step.options
            if stage == "normalise":
                options = replace(options, columns=())
            if stage == "weights":
                options = replace(
                    options, matrices=tuple((ROOT if n == spec.id else n, m) for n, m in options.matrices)
                )
            if stage == "aggregate":
                nodes = tuple((ROOT if n == spec.id else n, m) for n, m in options.nodes)
                options = replace(options, nodes=nodes)
            found.append(options if not hasattr(options, "compat") else replace(options, compat=""))
    return found


def _by_kind(spec: IndexSpec) -> bool:
    """Whether each stage stands once, in the usual order: then steps can be exchanged one kind at a time."""
    stages = [s.stage for s in spec.steps]
    return stages == sorted(set(stages), key=ORDER.index)


def _listed(spec: IndexSpec) -> list[tuple[str, Any]]:
    """All steps but weights, in the file's order, with what they may be told."""
    stages = dict.fromkeys(s.stage for s in spec.steps if s.stage != "weights")
    options = {stage: iter(_step_options(spec, stage)) for stage in stages}
    return [(s.stage, next(options[s.stage])) for s in spec.steps if s.stage != "weights"]


def _definitions(content: Mapping[str, Any], weightless: bool) -> list[Any]:
    """The tree without what nothing is computed from."""
    leave = {*WORDS_ONLY, *(("weight",) if weightless else ())}

    def bare(node: Mapping[str, Any]) -> dict[str, Any]:
        kept = {k: v for k, v in node.items() if k not in leave}
        for key in ("indicators", "pillars"):
            if key in kept:
                kept[key] = sorted(
                    (bare(child) for child in kept[key]), key=lambda c: str(c.get("id", c.get("pillar")))
                )
        return kept

    return sorted((bare(p) for p in content["tree"]), key=lambda c: str(c["pillar"]))


def _fitting(step: Step, base: IndexSpec, root: str, units: Sequence[str], compat: str) -> Step | None:
    """A step without what it says of nodes and units that the mixture does not have; None when nothing is left.

    Args:
        base: the file whose tree the mixture has; its index takes the place of `root`, that of the step's own file.
    """
    options: Any = step.options
    names = set(base.tree.names)
    if isinstance(options, o.Denominate):
        kept = tuple(t for t in options.by if t[0] in names)
        return replace(step, options=o.Denominate(kept)) if kept else None
    if isinstance(options, o.Normalise):
        options = replace(options, columns=tuple(i.column for i in base.indicators))
    if isinstance(options, o.Aggregate):
        renamed = tuple((base.id if n == root else n, m) for n, m in options.nodes)
        shares = tuple(t for t in options.shares if t[0] in names)
        options = replace(options, nodes=tuple(t for t in renamed if t[0] in names), shares=shares)
    if isinstance(options, o.Weights):
        named = tuple((base.id if n == root else n, m) for n, m in options.matrices)
        options = replace(options, matrices=tuple(t for t in named if t[0] in names))
    if isinstance(options, o.Screen):
        keep, drop = (tuple(u for u in some if u in units) for some in (options.keep, options.drop))
        options = replace(options, keep=keep, drop=drop)
    if hasattr(options, "compat"):
        options = replace(options, compat=compat)
    return replace(step, options=options)
