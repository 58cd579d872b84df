"""The steps of an index as a graph: from the panel to normalised columns, each distinct way computed once.

A *state* is what the panel is after some steps under some options. Runs of an uncertainty analysis that agree on the
steps so far share a state: with five treatments and two normalisations there are ten states for any number of runs.
All states that take the same options go through a stage together, as slices of one stack.

The order is that of the file, with one step that it does not name: an indicator's `transform` (log, log1p, ...) is
taken right after the last denominating, so that filling in, treatment and normalisation all see one scale; its
goalposts, which the file gives in the indicator's own unit, are transformed alike. `screen` always judges the figures
that were observed, wherever it stands: filling in must not make a unit look complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools, Frame, Ints, Note, Panel, Staged
from concordat.observatory.spec import PANEL_FILLS, IndexSpec, Options, Step
from concordat.observatory.stages import options as o

CHANGES_FIGURES = ("denominate", "impute", "screen", "transform", "treat", "normalise")


@dataclass(frozen=True, slots=True)
class Transform:
    """The step that the file does not name: one transformation a column."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """What one run did: the stack after each step, and what the steps have to say."""

    steps: tuple[str, ...]
    stacks: tuple[Array, ...]
    notes: tuple[Note, ...]

    def after(self, stage: str) -> Array:
        """The stack after the last step of a stage, or after all steps where the index has none."""
        found = [s for name, s in zip(self.steps, self.stacks, strict=True) if name == stage]
        return found[-1] if found else self.stacks[-1]


class Graph:
    """An index file bound to its panel, ready to be run.

    Attributes:
        frame: of one slice; `steps` those that change figures, with the file's number of each (-1: transform).
        kept: for the nominal options, the units that `screen` keeps `[time, unit]`.
    """

    def __init__(self, spec: IndexSpec, panel: Panel) -> None:
        """Check that the panel and the file agree.

        Raises:
            InputError: fewer than three units, or a unit that `keep`, `drop` or a reference names is not ranked.
        """
        assert panel.indicators == tuple(i.id for i in spec.indicators), "the panel belongs to another file"
        self.spec, self.panel, self.tree = spec, panel, spec.tree
        directions = np.array([i.direction for i in spec.indicators], dtype=np.float64)
        self.frame = Frame(
            units=panel.units,
            indicators=panel.indicators,
            directions=directions,
            pillars=tuple(spec.tree.parents[: spec.tree.n_indicators]),
            slices=tuple(str(y) for y in panel.years) if len(panel.years) > 1 else (),
            groups=panel.groups,
        )
        self.steps = _with_transform(spec)
        self._turned = frozenset([s.name for s, _ in self.steps if s.stage == "normalise"][1:])
        self._denominated: Array | None = None
        self._keep, self._after_screen = _screened_before(self.steps)
        self._kept: dict[o.Screen, Bools] = {}
        self._check_units()

    def _check_units(self) -> None:
        for indicator in self.spec.indicators:
            reference = indicator.column.reference
            if reference is not None and reference not in self.panel.units:
                what = f'{indicator.id}: the reference "{reference}" is not a unit of this index.'
                known = ", ".join(self.panel.units[:12])
                place = self.spec.document.place("tree")
                raise InputError(what, where=place, hint=f"Units: {known}.", code="unknown_unit")
        varied = self.spec.uncertainty.vary if self.spec.uncertainty is not None else ()
        for number, step in enumerate(self.spec.steps):
            levels = [level for factor in varied if factor.step == number for level in factor.levels]
            for unit in (u for options in (step.options, *levels) for u in self._named(options)):
                if unit not in self.panel.units:
                    place = self.spec.document.place("steps", number, step.stage)
                    known = ", ".join(self.panel.units[:12])
                    what = f'"{unit}" is not a unit of this index.'
                    raise InputError(what, where=place, hint=f"Units: {known}.", code="unknown_unit")

    def _named(self, options: Options) -> tuple[str, ...]:
        """The units that a step names."""
        if isinstance(options, o.Screen):
            return (*options.keep, *options.drop)
        if isinstance(options, o.Aggregate) and options.reference != "mean":
            from concordat.observatory.stages.aggregate import method_of

            if any(method_of(self.tree, node, options) == "ampi" for node in self.tree.inner):
                return (options.reference,)
        return ()

    # --- One stage on many states ---

    def apply(self, step: Step, stack: Array, options: Options | Transform, labels: Sequence[str] = ()) -> Staged:
        """A step on a stack `[state, time, unit, indicator]`; notes are for a single state."""
        states, times, units, columns = stack.shape
        if step.name in self._turned:  # the first normalisation has turned directions round; the next must not
            turned = replace(self.frame, directions=np.ones_like(self.frame.directions))
        else:
            turned = self.frame
        if isinstance(options, o.Screen):
            keep = self.kept(options)
            chosen = options
            return Staged(np.where(keep[None, :, :, None], stack, np.nan), lambda: self._screen_notes(chosen))
        if isinstance(options, o.Impute) and step.name in self._after_screen:
            return self._impute_unscreened(stack, options, labels)
        if isinstance(options, o.Impute) and options.method in PANEL_FILLS:
            return self._fill_panel(stack, options)
        pooled = getattr(options, "over", "year") == "all_years" and times > 1
        if pooled:
            frame = replace(turned, units=turned.units * times, slices=tuple(labels))
            flat = stack.reshape(states, times * units, columns)
            options = replace(options, over="year")  # type: ignore[arg-type]
        elif isinstance(options, o.Normalise) and options.over == "base_year":
            return self._base_year(stack, options, turned)
        else:
            frame = replace(turned, slices=self._slices(labels, times))
            flat = stack.reshape(states * times, units, columns)
        staged = _call(step.stage, flat, frame, options, self._bottoms(states))
        return Staged(staged.values.reshape(stack.shape), staged.notes)

    def _slices(self, labels: Sequence[str], times: int) -> tuple[str, ...]:
        years = [str(y) for y in self.panel.years] if times > 1 else [""]
        if not labels:
            return tuple(years) if times > 1 else ()
        return tuple(", ".join(w for w in (label, year) if w) for label in labels for year in years)

    def _bottoms(self, states: int) -> dict[str, Array]:
        return {name: np.tile(v, (states, 1)) for name, v in self.panel.denominators.items()}

    def _base_year(self, stack: Array, options: o.Normalise, frame: Frame) -> Staged:
        """Normalise all years by the parameters of one: it is the slice that gives them."""
        if options.base_year not in self.panel.years:
            what = f"the base year {options.base_year} is not among the years of the panel."
            raise InputError(what, where=self.spec.document.where, hint=f"Years: {self.panel.years}.", code="base_year")
        number = self.panel.years.index(options.base_year)
        frame = replace(frame, slices=tuple(str(y) for y in self.panel.years))
        done = [_call("normalise", one, frame, replace(options, base_year=number), {}) for one in stack]
        return Staged(np.stack([d.values for d in done]), done[0].notes)

    def _fill_panel(self, stack: Array, options: o.Impute) -> Staged:
        from concordat.observatory.stages.panel_fill import fill_panel

        done = [fill_panel(one, self.panel.years, self.frame, options)[0] for one in stack]
        return Staged(np.stack([d.values for d in done]), done[0].notes)

    # --- Screening ---

    def _impute_unscreened(self, stack: Array, options: o.Impute, labels: Sequence[str]) -> Staged:
        """Fill in after a screen: who was screened stays empty, and no note says that it was filled."""
        made = self.apply(Step("", "impute", options), stack, options, labels)
        filled = self.still_screened("", stack, made.values)
        gone = {u for n, u in enumerate(self.panel.units) if np.isnan(filled[:, :, n]).all()}
        return Staged(filled, lambda: tuple(n for n in made.notes() if n.unit not in gone))

    def still_screened(self, name: str, before: Array, after: Array) -> Array:
        """What an imputation made of `[..., unit, indicator]`, without units that a screen before it had emptied.

        Args:
            name: of the step; "" where a screen is known to stand before it.
        """
        if name and name not in self._after_screen:
            return after
        named = np.isin(self.panel.units, self._keep)  # kept though empty: such a unit gets the mean, and a note
        gone = np.isnan(before).all(axis=-1) & ~named
        return np.where(gone[..., None], np.nan, after)

    def observed(self) -> Array:
        """The panel `[time, unit, indicator]` as observed, after denominating."""
        if self._denominated is None:
            stack = self.panel.values[None]
            for step, _ in self.steps:
                if step.stage == "denominate":
                    stack = self.apply(step, stack, step.options).values
            self._denominated = stack[0]
        return self._denominated

    def kept(self, options: o.Screen) -> Bools:
        """Which units have enough observed figures `[time, unit]`."""
        if options not in self._kept:
            from concordat.observatory.stages.screen import screen

            self._kept[options] = screen(self.observed(), self.frame, options).keep
        return self._kept[options]

    def _screen_notes(self, options: o.Screen) -> tuple[Note, ...]:
        from concordat.observatory.stages.screen import screen

        return screen(self.observed(), self.frame, options).notes()

    # --- One run ---

    def final(self) -> Array:
        """The normalised columns `[time, unit, indicator]` of one run, without a word of what was done."""
        stack = self.panel.values[None]
        for step, _ in self.steps:
            stack = self.apply(step, stack, step.options).values
        return np.asarray(stack[0])

    def walk(self, base: Array | None = None, options: Callable[[int, Step], Options] | None = None) -> Trail:
        """One run through all steps that change figures, with its notes.

        Args:
            base: figures in place of the panel's `[time, unit, indicator]`.
            options: other options for a step, by its number in the file.
        """
        stack = (self.panel.values if base is None else base)[None]
        names, stacks, notes = ["data"], [stack[0]], list(self.panel.notes)
        for step, number in self.steps:
            chosen = options(number, step) if options is not None and number >= 0 else step.options
            staged = self.apply(step, stack, chosen)
            stack = staged.values
            names.append(step.stage)
            stacks.append(stack[0])
            notes.extend(staged.notes())
        return Trail(tuple(names), tuple(stacks), tuple(notes))


def _call(stage: str, flat: Array, frame: Frame, options: Options | Transform, bottoms: dict[str, Array]) -> Staged:
    """The stage's own function, imported when it is needed."""
    if isinstance(options, o.Denominate):
        from concordat.observatory.stages.denominate import denominate

        return denominate(flat, frame, options, bottoms)
    if isinstance(options, o.Impute):
        from concordat.observatory.stages.impute import impute

        return impute(flat, frame, options)
    if isinstance(options, Transform):
        from concordat.observatory.stages.transform import transform

        return transform(flat, options.names, frame)
    if isinstance(options, o.Treat):
        from concordat.observatory.stages.treat import treat

        return treat(flat, frame, options)
    assert isinstance(options, o.Normalise), stage
    from concordat.observatory.stages.normalise import normalise

    return normalise(flat, frame, options)


def _screened_before(steps: Sequence[tuple[Step, int]]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The units that screens keep by name, and the imputations that stand after a screen."""
    keep: list[str] = []
    after: set[str] = set()
    screened = False
    for step, _ in steps:
        if isinstance(step.options, o.Screen):
            keep.extend(step.options.keep)
            screened = True
        elif screened and step.stage == "impute":
            after.add(step.name)
    return tuple(keep), frozenset(after)


def _with_transform(spec: IndexSpec) -> tuple[tuple[Step, int], ...]:
    """The steps that change figures, with the transformation where it belongs."""
    names = tuple(i.transform for i in spec.indicators)
    steps: list[tuple[Step, int]] = []
    placed = set(names) == {"none"}
    for number, step in enumerate(spec.steps):
        if step.stage not in CHANGES_FIGURES:
            continue
        later = any(s.stage == "denominate" for s in spec.steps[number:])
        if not placed and (not later or step.stage in ("treat", "normalise")):
            steps.append((Step("transform", "transform", Transform(names)), -1))  # type: ignore[arg-type]
            placed = True
        steps.append((Step(step.name, step.stage, transformed(spec, step.options)), number))
    return tuple(steps)


def transformed(spec: IndexSpec, options: Options) -> Options:
    """The options of `normalise` with every number that the file gives in the indicator's own unit transformed."""
    if not isinstance(options, o.Normalise) or not options.columns:
        return options
    from concordat.observatory.stages.transform import of_value

    columns: list[o.Column] = []
    for indicator, column in zip(spec.indicators, options.columns, strict=True):
        name = indicator.transform
        if name == "none":
            columns.append(column)
            continue
        ends = column.goalposts
        columns.append(
            replace(
                column,
                goalposts=None if ends is None else (of_value(ends[0], name), of_value(ends[1], name)),
                target=None if column.target is None else of_value(column.target, name),
                points=tuple((of_value(v, name), s) for v, s in column.points),
                categories=tuple((of_value(v, name), s) for v, s in column.categories),
            )
        )
    return replace(options, columns=tuple(columns))


def distinct_rows(*keys: Ints) -> tuple[Ints, Ints]:
    """The distinct combinations of integer keys, and for each run which one it has.

    Returns:
        `[combination, key]` and `[run]`.
    """
    table = np.stack(keys, axis=1)
    found, which = np.unique(table, axis=0, return_inverse=True)
    return found, which.reshape(-1)
