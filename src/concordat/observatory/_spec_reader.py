"""From a validated index file to an `IndexSpec`: what one part of the file says of another is checked here.

Names that do not exist, ids that stand twice, weights that can't be, steps in an impossible order, methods without what
they need: each is an `InputError` with its line, before anything runs. What is varied is read by `_spec_vary`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, MethodError
from concordat.observatory.spec import ORDER, Data, Error, IndexSpec, Indicator, Options, Step, Uncertainty, Units, Vary
from concordat.observatory.stages import options as o
from concordat.observatory.tree import Tree
from concordat.settings import Document, nearest

if TYPE_CHECKING:
    from concordat.observatory._spec_model import IndexFile, IndicatorKeys, PillarKeys, StepKeys


class Reader:
    """Turns a validated file into an `IndexSpec`, checking what one part says of another."""

    def __init__(self, document: Document, model: IndexFile, read: Callable[[str], str] | None) -> None:
        self.document, self.model, self.read = document, model, read
        self.children: dict[str, list[str]] = {model.index: []}
        self.weights: dict[str, float] = {}
        self.titles: dict[str, str] = {model.index: model.title}
        self.rationales: dict[str, str] = {}
        self.places: dict[str, tuple[str | int, ...]] = {model.index: ("index",)}
        self.leaves: list[IndicatorKeys] = []

    def spec(self) -> IndexSpec:
        m = self.model
        for i, pillar in enumerate(m.tree):
            self._pillar(pillar, m.index, ("tree", i))
        self._check_weights()
        tree = Tree.build(self.children, self.weights, m.index)
        order = {name: n for n, name in enumerate(tree.names)}
        indicators = tuple(self._indicator(k) for k in sorted(self.leaves, key=lambda k: order[k.id]))
        steps = self._steps(indicators, tree)
        vary = self._uncertainty(steps, indicators, tree)
        return IndexSpec(
            id=m.index,
            kind=m.kind,
            status=m.status,
            title=m.title,
            edition=str(m.edition),
            licence=m.licence,
            sources=tuple(m.sources),
            note=m.note,
            compat=m.compat,
            units=self._units(),
            data=self._data(),
            indicators=indicators,
            tree=tree,
            titles=self.titles,
            rationales=self.rationales,
            steps=steps,
            uncertainty=vary,
            validators=tuple(m.validators),
            content=self.document.value,
            document=self.document,
        )

    # --- The tree ---

    def _error(self, what: str, *path: str | int, hint: str = "", code: str = "invalid") -> InputError:
        return InputError(what, where=self.document.place(*path), hint=hint, code=code)

    def _claim(self, name: str, path: tuple[str | int, ...]) -> None:
        if name in self.places:
            first = self.document.place(*self.places[name])
            hint = f"It stands first in {first}. Every id may be used once."
            raise self._error(f'the id "{name}" stands twice in the tree.', *path, hint=hint, code="duplicate")
        self.places[name] = path

    def _pillar(self, pillar: PillarKeys, parent: str, path: tuple[str | int, ...]) -> None:
        self._claim(pillar.pillar, (*path, "pillar"))
        self.children[parent].append(pillar.pillar)
        self.children[pillar.pillar] = []
        self.weights[pillar.pillar] = pillar.weight
        self.titles[pillar.pillar], self.rationales[pillar.pillar] = pillar.title, pillar.rationale
        for i, indicator in enumerate(pillar.indicators):
            place = (*path, "indicators", i)
            self._claim(indicator.id, (*place, "id"))
            self.children[pillar.pillar].append(indicator.id)
            self.weights[indicator.id] = indicator.weight
            self.titles[indicator.id], self.rationales[indicator.id] = indicator.title, indicator.rationale
            self.leaves.append(indicator)
        for i, child in enumerate(pillar.pillars):
            self._pillar(child, pillar.pillar, (*path, "pillars", i))

    def _check_weights(self) -> None:
        for parent, children in self.children.items():
            given = [self.weights[c] for c in children]
            for child, weight in zip(children, given, strict=True):
                if weight < 0:
                    place = (*self.places[child][:-1], "weight")
                    raise self._error(f'the weight of "{child}" under "{parent}" is {weight:g}, below zero.', *place)
            if not any(given):
                hint = "Give at least one child a weight above zero."
                raise self._error(f'all weights under "{parent}" are zero.', *self.places[parent], hint=hint)

    def _indicator(self, k: IndicatorKeys) -> Indicator:
        place = self.places[k.id][:-1]
        if k.goalposts and not k.goalposts[0] < k.goalposts[1]:
            hint = "Write [lower, upper]; direction says which end is best."
            raise self._error(f"{k.id}: goalposts {k.goalposts} are not in order.", *place, "goalposts", hint=hint)
        if k.goalposts and k.transform in ("log", "log10") and k.goalposts[0] <= 0:
            hint = "Give a lower goalpost above zero, or transform: log1p."
            raise self._error(f"{k.id}: a goalpost of {k.goalposts[0]:g} has no log.", *place, "goalposts", hint=hint)
        points = [p[0] for p in k.points]
        if points != sorted(set(points)) or len(points) == 1:
            raise self._error(f"{k.id}: points need two or more ascending values.", *place, "points")
        categories = [c[0] for c in k.categories]
        if (twice := next((c for c in categories if categories.count(c) > 1), None)) is not None:
            what = f"{k.id}: the category {twice:g} stands twice."
            raise self._error(what, *place, "categories", hint="Keep one score for it.", code="duplicate")
        given = {"goalposts": k.goalposts or (), "target": () if k.target is None else (k.target,)}
        for key, values in (given | {"points": points, "categories": categories}).items():
            if (bad := _untransformed(values, k.transform)) is not None:
                what = f"{k.id}: a value of {bad:g} under {key} has no {k.transform}."
                raise self._error(what, *place, key, hint="Correct it, or take another transform.", code="domain")
        column = o.Column(
            method=k.method,
            goalposts=tuple(k.goalposts) if k.goalposts else None,  # type: ignore[arg-type]
            target=k.target,
            reference=k.reference,
            points=tuple((a, b) for a, b in k.points),
            categories=tuple((a, b) for a, b in k.categories),
            truncate=k.truncate,
        )
        return Indicator(
            id=k.id,
            title=k.title,
            direction=1 if k.direction == "up" else -1,
            weight=k.weight,
            transform=k.transform,
            column=column,
            error=_error_of(k),
            unit=k.unit,
            breakdown=k.breakdown,
            bounds=None if k.bounds is None else (k.bounds[0], k.bounds[1]),
            source=k.source,
            rationale=k.rationale,
        )

    # --- The steps ---

    def _steps(self, indicators: Sequence[Indicator], tree: Tree) -> tuple[Step, ...]:
        steps: list[Step] = []
        for i, keys in enumerate(self.model.steps):
            stage = keys.stages()[0]
            name = keys.name or stage
            if any(s.name == name for s in steps):
                hint = "Give the second one a name of its own: name: ..."
                raise self._error(f'the step "{name}" stands twice.', "steps", i, hint=hint, code="duplicate")
            step = Step(name, stage, self._options(stage, keys, i, indicators, tree))
            self._check_step(step, indicators, tree, "steps", i, stage)
            steps.append(step)
        self._check_order(steps)
        self._check_figures(steps, indicators)
        return tuple(steps)

    def _check_order(self, steps: Sequence[Step]) -> None:
        stages = [s.stage for s in steps]
        if self.model.kind == "index" and "aggregate" not in stages:
            hint = "Add: - aggregate: {default: arithmetic}, or say kind: dashboard."
            raise self._error("the steps hold no aggregate.", "steps", hint=hint, code="no_aggregate")
        if (
            "impute" in stages
            and "normalise" in stages
            and stages[::-1].index("impute") < stages[::-1].index("normalise")
        ):
            hint = "Move impute before normalise."
            raise self._error("figures are filled in after they were normalised.", "steps", hint=hint, code="order")
        for stage in ("weights", "aggregate"):
            if stages.count(stage) > 1:
                raise self._error(f"the steps hold {stage} twice.", "steps", hint="Keep one.", code="duplicate")
            if stage in stages and any(ORDER.index(s) < 5 for s in stages[stages.index(stage) :]):
                hint = f"Move {stage} behind the steps that change figures."
                raise self._error(f"a step that changes figures stands after {stage}.", "steps", hint=hint)
        groups = sorted({s.options.group for s in steps if isinstance(s.options, o.Impute) and s.options.group})
        if len(groups) > 1:
            what = f"two steps impute by different groups, {' and '.join(groups)}."
            raise self._error(what, "steps", hint="Use one kind of group.", code="groups")
        if {"weights", "aggregate"} <= set(stages) and stages.index("weights") > stages.index("aggregate"):
            raise self._error("weights stand after aggregate.", "steps", hint="Move weights before it.", code="order")

    @staticmethod
    def _scores(steps: Sequence[Step]) -> bool:
        """Whether the index gives a score: not so a dashboard."""
        made = [s.options for s in steps if isinstance(s.options, o.Aggregate)]
        return bool(made) and (made[-1].top or made[-1].default) != "none"

    def _check_figures(self, steps: Sequence[Step], indicators: Sequence[Indicator]) -> None:
        """Directions and transformations act where columns are put on one scale: without that step, nowhere."""
        if "normalise" in [s.stage for s in steps] or not self._scores(steps):
            return
        for k in indicators:
            place = self.places[k.id][:-1]
            if k.direction < 0:
                hint = "Add a step normalise, or turn the figures round in the table and write direction: up."
                raise self._error(f"{k.id}: direction down needs a step normalise.", *place, "direction", hint=hint)
            if k.transform != "none":
                hint = "Add a step normalise, or transform the figures in the table."
                raise self._error(f"{k.id}: a transform needs a step normalise.", *place, "transform", hint=hint)

    def _options(self, stage: str, keys: StepKeys, i: int, indicators: Sequence[Indicator], tree: Tree) -> Options:
        if stage == "denominate":
            given = keys.denominate or {}
            for name in given:
                self._known(name, [k.id for k in indicators], "indicator", "steps", i, stage, name)
            return o.Denominate(tuple((name, k.by, k.per) for name, k in given.items()))
        return self._from_model(stage, getattr(keys, stage).model_dump(), indicators, tree, ("steps", i, stage))

    def _from_model(
        self,
        stage: str,
        values: dict[str, Any],
        indicators: Sequence[Indicator],
        tree: Tree,
        path: tuple[str | int, ...],
    ) -> Options:
        """A step's options from its validated fields."""
        compat = self.model.compat
        if stage == "impute":
            return o.Impute(**values)
        if stage == "screen":
            return o.Screen(**{**values, "keep": tuple(values["keep"]), "drop": tuple(values["drop"])})
        if stage == "treat":
            return o.Treat(**values, compat=compat)
        if stage == "normalise":
            values["scaled_from"] = tuple(values["scaled_from"])
            return o.Normalise(**values, columns=tuple(k.column for k in indicators), compat=compat)
        if stage == "weights":
            return self._weights(values, tree, path)
        values["nodes"] = tuple(sorted(values["nodes"].items()))
        values["shares"] = tuple((n, s["at_least"], s["at_most"]) for n, s in sorted(values["shares"].items()))
        values["owa"] = (
            "" if values["owa"] == "weights" else values["owa"]
        )  # those given are what is meant without a word
        values["owa_weights"], values["top"] = tuple(values["owa_weights"]), values["top"] or ""
        return o.Aggregate(**values, compat=compat)

    def _weights(self, values: dict[str, Any], tree: Tree, path: tuple[str | int, ...]) -> o.Weights:
        file = values.pop("file")
        matrices: list[tuple[str, tuple[float, ...]]] = []
        for parent, rows in sorted(values["matrices"].items()):
            self._known(parent, [tree.names[n] for n in tree.inner], "parent", *path, "matrices", parent)
            size = len(tree.children(tree.names.index(parent)))
            if len(rows) != size or any(len(row) != size for row in rows):
                raise self._error(
                    f'the comparisons under "{parent}" must be {size} by {size}.', *path, "matrices", parent
                )
            matrices.append((parent, tuple(v for row in rows for v in row)))
        for node in values["target"]:
            self._known(node, tree.names[:-1], "node", *path, "target", node)
        values["matrices"], values["target"] = tuple(matrices), tuple(sorted(values["target"].items()))
        return o.Weights(**values, ballots=self._ballots(file, tree, path) if file else ())

    def _ballots(self, file: str, tree: Tree, path: tuple[str | int, ...]) -> Any:
        from concordat.observatory.stages.weights import parse_ballots

        if self.read is None:
            raise self._error(f"the ballots in {file} can't be read from here.", *path, "file", hint="Use the command.")
        ballots = parse_ballots(self.read(file), file)
        for ballot, _, points in ballots:
            for node, _ in points:
                if node not in tree.names[:-1]:
                    raise InputError(f'ballot {ballot} names "{node}", which is not in the tree.', where=file)
        return ballots

    def _known(self, name: str, known: Sequence[str], what: str, *path: str | int) -> None:
        if name not in known:
            close = nearest(name, known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
            raise self._error(f'"{name}" is not an {what} of this index.'.replace("an p", "a p").replace("an n", "a n"),
                              *path, hint=hint, code=f"unknown_{what}")  # fmt: skip

    def _check_step(self, step: Step, indicators: Sequence[Indicator], tree: Tree, *path: str | int) -> None:
        """What a step needs from the rest of the file."""
        if isinstance(step.options, o.Normalise):
            for k in indicators:
                self._check_column(k, step.options, path)
        if isinstance(step.options, o.Aggregate):
            for node, _ in step.options.nodes:
                self._known(node, [tree.names[n] for n in tree.inner], "parent", *path, "nodes", node)
            for node, low, high in step.options.shares:
                self._known(node, tree.names[:-1], "node", *path, "shares", node)
                if low > high:
                    raise self._error(f"{node}: at_least {low:g} is above at_most {high:g}.", *path, "shares", node)
            self._check_methods(step.options, tree, path)

    def _check_methods(self, options: o.Aggregate, tree: Tree, path: tuple[str | int, ...]) -> None:
        """What a method needs of the tree, and what can't stand beside it."""
        from concordat.observatory.stages.aggregate import GROUPED, OVER_YEARS, check_order_weights, method_of

        used = {node: method_of(tree, node, options) for node in tree.inner}
        for node, how in used.items():
            if how == "owa":
                size = len(tree.children(node))
                if said := check_order_weights(options, size):
                    raise self._error(f"{tree.names[node]}: {said[0]}", *path, hint=said[1], code="owa")
        over, alone = (sorted(set(used.values()) & some) for some in (OVER_YEARS, GROUPED - OVER_YEARS))
        d = self.model.data
        if over and alone and d.take == "panel" and ".." in str(d.years):
            what = f"{over[0]} is scored over all years together and {alone[0]} in each year: one index can't do both."
            raise self._error(what, *path, hint="Use one of them, or a single year.", code="methods")

    def _check_column(self, k: Indicator, options: o.Normalise, path: tuple[str | int, ...]) -> None:
        method = k.column.method or options.method
        needs = {"goalposts": "goalposts", "piecewise": "points", "categorical": "categories"}
        needs |= {"dist2targ": "target", "dist2ref": "reference"}
        if method in needs and not getattr(k.column, needs[method]) and getattr(k.column, needs[method]) != 0:
            hint = f"Add {needs[method]} to the indicator, or another method."
            raise self._error(f"{k.id}: method {method} needs {needs[method]}.", *path, hint=hint, code="needs")
        own = k.column.truncate if k.column.truncate is not None or k.column.method else options.truncate
        if method == "piecewise" and own is False:
            what = f"{k.id}: truncate: false goes with goalposts; beyond their ends piecewise scores are held."
            hint = "Give points further out, or leave truncate out."
            raise self._error(what, *path, hint=hint, code="truncate")

    # --- What is varied ---

    def _uncertainty(self, steps: tuple[Step, ...], indicators: Sequence[Indicator], tree: Tree) -> Uncertainty | None:
        from concordat.observatory._spec_vary import check_together, read_vary

        u = self.model.uncertainty
        if u is None:
            return None
        if not self._scores(steps):
            raise self._error(
                "a dashboard has no scores, so nothing can be varied.",
                "uncertainty",
                hint="Take uncertainty out.",
            )
        # By path, not as written: the file's hash does not see the order of keys, so nothing may depend on it.
        vary = tuple(read_vary(self, path, u.vary[path], steps, indicators, tree) for path in sorted(u.vary))
        check_together(self, vary, steps, indicators, tree)
        self._check_draws(vary, steps)
        return Uncertainty(u.runs, u.seed, vary, tuple(u.target), u.on_error, tuple(u.top))

    def _check_draws(self, vary: Sequence[Vary], steps: Sequence[Step]) -> None:
        """Draws of imputation are made once, from the nominal figures: what they rest on may not vary beside them."""
        for draw in (v for v in vary if v.kind == "draw"):
            for other in vary:
                if other is draw or other.kind not in ("option", "continuous"):
                    continue
                if other.step <= draw.step and steps[other.step].stage not in ("weights", "aggregate", "screen"):
                    what = f"{draw.path} can't be varied together with {other.path}, on which its draws rest."
                    hint = "Vary one of them, or compare two files."
                    raise self._error(what, "uncertainty", "vary", draw.path, hint=hint, code="draws")

    def _units(self) -> Units | None:
        u = self.model.units
        if u is None:
            return None
        invited = "invited" in u.with_
        if [g for g in u.compare_with if g != "WLD"] and not u.as_of:
            raise self._error("comparing with a bloc needs a day.", "units", hint="Add as_of: 2026-01-01.", code="date")
        return Units(u.bloc, u.as_of, tuple(u.countries), invited, tuple(u.compare_with))

    def _data(self) -> Data:
        d = self.model.data
        first, _, last = str(d.years).partition("..")
        begin, end = (int(first), int(last or first)) if first else (None, None)
        if begin is not None and end is not None and begin > end:
            raise self._error(f"years {d.years} run backwards.", "data", "years")
        if d.take == "panel" and begin is None:
            raise self._error("take: panel needs years.", "data", hint="Write years: 2010..2025.")
        return Data(d.release, begin, end, d.take, d.max_age, tuple(d.allow))


def _untransformed(values: Sequence[float], transform: str) -> float | None:
    """The first value that an indicator's transform does not have, or None."""
    from concordat.observatory.stages.transform import of_value

    for value in values:
        try:
            of_value(value, transform)
        except MethodError:
            return value
    return None


def _error_of(k: IndicatorKeys) -> Error | None:
    if k.error is None:
        return None
    if k.error.interval:
        return Error("evidence")
    return Error("sd", k.error.sd) if k.error.sd is not None else Error("relative_sd", k.error.relative_sd or 0.0)
