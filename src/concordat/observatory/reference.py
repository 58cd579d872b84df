"""Where a bloc stands among others: the scores of other groups under the same index file (its key `compare_with`).

A score can only be set beside another when both were made by the same scale. So a group is scored when nothing in the
file takes its parameters from the units that happen to be ranked: figures are not filled in from others, not treated,
and normalised by what the file gives (goalposts, points, categories). Otherwise the group is told to be not computed,
and why. Each country counts once; unranked ones are counted apart. `WLD` is every country with a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.errors import InputError
from concordat.observatory.bind import bind
from concordat.observatory.run import aggregate_options, run, weights_options
from concordat.observatory.spec import DATA_DRIVEN, PANEL_FILLS, IndexSpec, Units
from concordat.observatory.stages import options as o
from concordat.observatory.stages.aggregate import method_of

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation

WORLD = "WLD"
BY_ROW = frozenset(("arithmetic", "geometric", "harmonic", "power", "median", "owa", "mpi"))
GIVEN = frozenset(("goalposts", "piecewise", "categorical", "scaled"))


@dataclass(frozen=True, slots=True)
class GroupScores:
    """The scores of a group of countries.

    Attributes:
        group: a bloc's id, or WLD.
        n, unranked: countries with and without a score.
        mean, median, lowest, highest: of the scores, each country once; None where there is none.
        reason: why there is none.
    """

    group: str
    n: int = 0
    unranked: int = 0
    mean: float | None = None
    median: float | None = None
    lowest: float | None = None
    highest: float | None = None
    reason: str = ""

    def line(self) -> str:
        """The group in a sentence."""
        if self.reason:
            return f"{self.group}: not computed: {self.reason}"
        ends = f"from {self.lowest:.1f} to {self.highest:.1f}"
        apart = f" ({self.unranked} without enough figures)" if self.unranked else ""
        return f"{self.group}: mean {self.mean:.1f}, median {self.median:.1f}, {ends}; {self.n} countries{apart}."


def own_scale(spec: IndexSpec) -> str:
    """What in the file depends on who is ranked; "" where nothing does."""
    for step in spec.steps:
        options = step.options
        if isinstance(options, o.Impute) and options.method not in ("none", *PANEL_FILLS):
            return f"figures are filled in from the ranked units (impute: {options.method})."
        if isinstance(options, o.Treat) and options.rule != "none":
            return "outliers are judged among the ranked units (treat)."
        if isinstance(options, o.Normalise):
            for indicator in spec.indicators:
                method = indicator.column.method or options.method
                if method not in GIVEN:
                    return f"{indicator.id} is scaled by the ranked units (normalise: {method})."
    options_ = aggregate_options(spec)
    for node in spec.tree.inner:
        if (how := method_of(spec.tree, node, options_)) not in BY_ROW:
            return f"{spec.tree.names[node]} is judged among the ranked units (aggregate: {how})."
    if weights_options(spec).method in DATA_DRIVEN:
        return "weights come from the ranked units."
    return ""


def reference_scores(
    spec: IndexSpec, observations: Iterable[Observation], catalogue: Catalogue, *, not_after: int | None = None
) -> list[GroupScores]:
    """The groups that the file compares with, in its order.

    Raises:
        InputError: a group that is no bloc, or had no members on the day.
    """
    groups = spec.units.compare_with if spec.units is not None else ()
    rows = list(observations) if groups else []
    return [_group(spec, group, rows, catalogue, not_after) for group in groups]


def _group(
    spec: IndexSpec, group: str, rows: Sequence[Observation], catalogue: Catalogue, not_after: int | None
) -> GroupScores:
    areas = _areas(spec, group)
    reason = own_scale(spec)
    if reason:
        return GroupScores(group, reason=reason)
    steps = tuple(replace(s, options=_listed(s.options, areas)) for s in spec.steps)
    other = replace(spec, units=Units(countries=areas), uncertainty=None, steps=steps)
    try:
        panel = bind(other, rows, catalogue, units=areas, not_after=not_after)
    except InputError as error:
        if error.code != "common":
            raise
        return GroupScores(group, reason=error.what)
    scores = run(other, panel).scores
    known = np.sort(scores[np.isfinite(scores)])
    if known.size == 0:
        return GroupScores(group, 0, len(areas), reason="no country has enough figures.")
    return GroupScores(
        group,
        int(known.size),
        len(areas) - int(known.size),
        float(known.sum() / known.size),
        float(np.median(known)),
        float(known[0]),
        float(known[-1]),
    )


def _listed(options: Any, areas: Sequence[str]) -> Any:
    """The options of a step; lists of units without those that the group does not have."""
    if not isinstance(options, o.Screen):
        return options
    keep, drop = (tuple(u for u in some if u in areas) for some in (options.keep, options.drop))
    return replace(options, keep=keep, drop=drop)


def _areas(spec: IndexSpec, group: str) -> tuple[str, ...]:
    from concordat.world import bloc, countries, members, roles_on
    from concordat.world._dates import as_day

    if group == WORLD:
        return tuple(sorted(c.iso3 for c in countries()))
    assert spec.units is not None
    day = as_day(spec.units.as_of, where=spec.document.place("units", "as_of"))
    record = bloc(group)
    inside = {m.area for m in roles_on(record.id, day) if m.area_is_bloc}
    return tuple(sorted(set(members(record.id, day)) - inside))
