"""An index that takes some of its parts from one edition and the others from another: the game behind `compare`.

Components, each present only where the two editions differ in it:

    units        who is ranked                          new data      cells that one edition has and the other hasn't,
    framework    tree and indicators (with weights,                   or that are of another year
                 where the nodes are not the same)      revised data  same cell, same year, other value
    indicators   direction, transform, goalposts ...    order         the order of the steps
    weights      weights of the tree and their step     a step each   denominate, impute, screen, treat, normalise,
                                                                      aggregate: its options, or that it is there

A mixture is built as an index file, checked like any other, and run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.graph import Graph
from concordat.observatory.panel import Array, Bools, Panel
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.result import IndexResult
from concordat.observatory.run import aggregate_options, oriented, tidy, weights_of, weights_options
from concordat.observatory.spec import ORDER, IndexSpec
from concordat.observatory.stages.aggregate import aggregate_tree

WORDS_ONLY = ("title", "rationale", "source", "error", "unit", "bounds")  # of the tree: nothing is computed from them
ROOT = "index"


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
        self._stacks: dict[frozenset[str], tuple[Graph, Array]] = {}

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
        for stage in ORDER:
            if stage != "weights" and _step_options(self.specs[0], stage) != _step_options(self.specs[1], stage):
                yield stage
        if _sequence(self.specs[0]) != _sequence(self.specs[1]):
            yield "order"
        if a.get("compat", "") != b.get("compat", ""):
            yield "compat"
        revised, new = self._cells()
        if revised.any():
            yield "revised data"
        if new.any():
            yield "new data"

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
        graph, stack = self._stack(taken)
        spec = self._spec(taken)
        weights = weights_of(Graph(spec, graph.panel), weights_options(spec), stack[-1]).weights
        options = aggregate_options(spec)
        nodes = tidy(aggregate_tree(stack[-1:], weights, spec.tree, options, units=graph.panel.units))
        scores = nodes[0, :, spec.tree.root]
        ranks = rank_min(oriented(scores, spec))
        rows = [graph.panel.units.index(u) for u in self.units]
        return np.stack([scores[rows], ranks[rows]])

    def _stack(self, taken: frozenset[str]) -> tuple[Graph, Array]:
        """The normalised columns; mixtures that differ only in weights or aggregation share them."""
        key = taken - {"weights", "aggregate"}
        if key not in self._stacks:
            spec = self._spec(taken)
            graph = Graph(spec, self._panel(taken, spec))
            self._stacks[key] = (graph, graph.walk().stacks[-1])
        return self._stacks[key]

    def _spec(self, taken: frozenset[str]) -> IndexSpec:
        key = taken - {"revised data", "new data"}
        if key not in self._specs:
            self._specs[key] = IndexSpec.from_data(self._content(taken), where="mixture of two editions")
        return self._specs[key]

    def _content(self, taken: frozenset[str]) -> dict[str, Any]:
        def side(component: str) -> IndexSpec:
            return self.specs[component in taken]

        tree_of, weights_of_ = ("framework", "framework") if not self.one_tree else ("indicators", "weights")
        weights = _weights(side(weights_of_))
        tree = [_with_weights(p, weights) for p in side(tree_of).content["tree"]]
        steps: dict[str, list[dict[str, Any]]] = {}
        for stage in ORDER:
            component = weights_of_ if stage == "weights" else stage
            spec = side(component) if component in self.components else self.specs[1]
            steps[stage] = [_renamed(s, spec.id) for s in spec.content["steps"] if stage in s]
        names = _names(tree)
        order = _sequence(side("order"))
        order += [s for s in ORDER if s not in order]
        units = self.panels["units" in taken].units
        listed = [_fitting(s, names, units) for stage in order for s in steps[stage]]
        compat = side("compat").content.get("compat", "")
        found = {"schema": "concordat/index@1", "index": ROOT, "title": "mixture", "tree": tree}
        return {**found, "compat": compat, "steps": [s for s in listed if s is not None]}

    def _panel(self, taken: frozenset[str], spec: IndexSpec) -> Panel:
        a, b = self.panels
        units = (b if "units" in taken else a).units
        indicators = tuple(i.id for i in spec.indicators)
        known = dict.fromkeys([*spec_denominators(spec)])
        shape = (len(b.years), len(units), len(indicators))
        values, years = np.full(shape, np.nan), np.zeros(shape, dtype=np.int16)
        for x, unit in enumerate(units):
            for y, indicator in enumerate(indicators):
                values[:, x, y], years[:, x, y] = self._cell(unit, indicator, taken)
        bottoms = {d: self._denominator(d, units, "revised data" in taken) for d in known}
        groups = {u: g for p in (a, b) for u, g in zip(p.units, p.groups, strict=False)}
        return Panel(
            years=b.years,
            units=units,
            indicators=indicators,
            values=values,
            reasons=np.where(np.isfinite(values), 0, 1).astype(np.uint8),
            source_years=years,
            ids=np.full(shape, "", dtype=object),
            denominators=bottoms,
            groups=tuple(groups.get(u, "") for u in units) if groups else (),
        )

    def _cell(self, unit: str, indicator: str, taken: frozenset[str]) -> tuple[Any, Any]:
        found: list[tuple[Any, Any] | None] = []
        for panel in self.panels:
            if unit in panel.units and indicator in panel.indicators:
                u, i = panel.units.index(unit), panel.indicators.index(indicator)
                found.append((panel.values[:, u, i], panel.source_years[:, u, i]))
            else:
                found.append(None)
        if found[0] is None or found[1] is None:
            only = found[0] or found[1]
            return only if only is not None else (np.nan, 0)
        (va, ya), (vb, yb) = found[0], found[1]
        same = np.isfinite(va) & np.isfinite(vb) & (ya == yb)
        later = np.where(same, "revised data" in taken, "new data" in taken)
        return np.where(later, vb, va), np.where(later, yb, ya)

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
    from concordat.observatory.stages.options import Denominate

    return [d for s in spec.steps if isinstance(s.options, Denominate) for _, d, _ in s.options.by]


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
    from dataclasses import replace

    found: list[Any] = []
    for step in spec.steps:
        if step.stage == stage:
            options: Any = step.options
            if stage == "normalise":
                options = replace(options, columns=())
            if stage == "aggregate":
                nodes = tuple((ROOT if n == spec.id else n, m) for n, m in options.nodes)
                options = replace(options, nodes=nodes)
            found.append(options if not hasattr(options, "compat") else replace(options, compat=""))
    return found


def _sequence(spec: IndexSpec) -> list[str]:
    return list(dict.fromkeys(s.stage for s in spec.steps))


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


def _with_weights(node: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    name = str(node.get("id", node.get("pillar")))
    found = {**node, "weight": weights[name]} if name in weights else dict(node)
    for key in ("indicators", "pillars"):
        if key in node:
            found[key] = [_with_weights(child, weights) for child in node[key]]
    return found


def _names(tree: Sequence[Mapping[str, Any]]) -> set[str]:
    found = {ROOT}
    for node in tree:
        found.add(str(node.get("id", node.get("pillar"))))
        for key in ("indicators", "pillars"):
            found |= _names(node.get(key, ()))
    return found


def _renamed(step: Mapping[str, Any], root: str) -> dict[str, Any]:
    """A step in which the index is called by the mixture's own id."""
    found = dict(step)
    options = found.get("aggregate")
    if isinstance(options, dict) and options.get("nodes"):
        found["aggregate"] = {**options, "nodes": {ROOT if n == root else n: m for n, m in options["nodes"].items()}}
    return found


def _fitting(step: Mapping[str, Any], names: set[str], units: Sequence[str]) -> dict[str, Any] | None:
    """A step without what it says of nodes and units that the mixture does not have; None when nothing is left."""
    found = dict(step)
    if "denominate" in found:
        found["denominate"] = {k: v for k, v in found["denominate"].items() if k in names}
        return found if found["denominate"] else None
    if "aggregate" in found:
        options = dict(found["aggregate"])
        for key in ("nodes", "shares"):
            if key in options:
                options[key] = {k: v for k, v in options[key].items() if k in names}
        found["aggregate"] = options
    if "screen" in found:
        options = dict(found["screen"])
        for key in ("keep", "drop"):
            if key in options:
                options[key] = [u for u in options[key] if u in units]
        found["screen"] = options
    return found
