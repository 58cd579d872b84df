"""All figures of a bloc's regime with intervals and coverage, from a `Regime`: section 9 of the specification.

Coverage is the share of the instruments in force between a pair (of a topic, by the catalogue's topics and those of
codings) whose text is coded; of a bloc, the share over all its pairs together. Of heterogeneity, which compares what
members owe to anyone, it is the share of the instruments in force for a member with any partner, and of a pair the
lower of the two. Below 0.6 a figure is None with its reason. Uncoded instruments never count as "no rule" in a figure
that is shown: they lower the coverage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.rulebook._regime_draws import (
    DRAWS,
    DrawnDepths,
    Sets,
    draw_depths,
    draw_distance,
    drawn_ordinals,
    interval,
    stream,
)
from concordat.rulebook._regime_read import UNKNOWN, YES, Regime
from concordat.rulebook.regime import (
    COVERAGE_MIN,
    NO_INSTRUMENT,
    NO_TEXT,
    Array,
    Convergence,
    Figure,
    Fragmentation,
    Levels,
    Links,
    convergence,
    deepest,
    depth_score,
    fragmentation,
    heterogeneities,
    links,
    pairs_of,
)

CASES = (YES, UNKNOWN)  # unknown participations as no, and as yes


@dataclass(frozen=True, slots=True)
class Scattered:
    """Fragmentation of a topic: the shares of pairs without a rule at depth 1 and 2, and connected components."""

    soft: Figure
    binding: Figure
    components_soft: int | None
    components_binding: int | None


@dataclass(frozen=True, slots=True)
class YearFigures:
    """One year: means over pairs (fragmentation: over topics, too), and instruments in force between a pair on average.

    The last one is the day asked for; the others are the 31st of December.
    """

    year: int
    depth: Figure
    fragmentation_soft: Figure
    fragmentation_binding: Figure
    binding_per_pair: float
    soft_per_pair: float
    pairs_with_binding: int


@dataclass(frozen=True, eq=False)
class Metrics:
    """The figures of a bloc.

    Attributes:
        depth: mean over pairs of D; depth_weighted: with w_i w_j, None where no weights were handed in.
        depth_by_topic, scattered: by topic. pair_depth: of pairs, in order.
        distance: mean H over pairs; graded: its graded twin (`regime_distance`).
        heterogeneity: H of all pairs `[member, member]`, NaN where not known.
    """

    depth: Figure
    depth_weighted: Figure | None
    depth_by_topic: Mapping[str, Figure]
    scattered: Mapping[str, Scattered]
    pair_depth: tuple[Figure, ...]
    links: Links
    distance: Figure
    graded: Figure
    heterogeneity: Array
    years: tuple[YearFigures, ...]
    convergence: Convergence


@dataclass(frozen=True, eq=False)
class _Day:
    """One day: sets of variants and counts of instruments of all pairs."""

    cases: Mapping[int, NDArray[np.bool_]]
    topic_count: Array
    topic_coded: Array
    count: Array
    coded: Array
    binding: Array

    def coverage(self) -> float | None:
        """Share of instruments in force between pairs that is coded, over all of them."""
        total = float(self.count.sum())
        return float(self.coded.sum()) / total if total else None


@dataclass(frozen=True, eq=False)
class _Known:
    """Of sets of instruments, with each coding as it stands: a_p, D_T, and the topics with a rule at depth 1 and 2."""

    level: Levels
    score: Array
    soft: NDArray[np.bool_]
    binding: NDArray[np.bool_]

    @classmethod
    def of(cls, regime: Regime, sets: Sets) -> _Known:
        level = deepest(regime.hardest, sets.sets)
        soft, binding = ((level >= depth).astype(float) @ regime.scales.members > 0 for depth in (1, 2))
        return cls(level, depth_score(level, regime.scales), soft, binding)

    def at(self, places: NDArray[np.intp]) -> _Known:
        """The same of rows that have these sets."""
        return _Known(self.level[places], self.score[places], self.soft[places], self.binding[places])


def metrics(
    regime: Regime,
    seed: int,
    *,
    draws: int = DRAWS,
    weights: Mapping[str, float] | None = None,
    membership: Mapping[int, frozenset[str]] | None = None,
) -> Metrics:
    """All figures.

    Args:
        seed: of the study. weights: of members (GDP, digital trade), for the mean weighted by w_i w_j.
        membership: who was a member each year, for convergence with changing membership.

    Raises:
        InputError: a member without a weight, or one that is not above 0.
    """
    days = [_day(regime, d) for d in range(len(regime.days))]
    w = None if weights is None else _pair_weights(regime, weights)
    tables = {f"{d}/{case}": day.cases[case] for d, day in enumerate(days) for case in CASES}
    sets = Sets.among(tables)
    drawn = drawn_ordinals(regime.rules, regime.hardest.shape, draws, stream(seed, "rulebook.codings"))
    last = len(days) - 1
    of = [f"{last}/{case}" for case in CASES]
    plain = draw_depths(drawn, sets, regime.scales, of)
    known = _Known.of(regime, sets)
    values = [known.at(sets.of[f"{d}/{YES}"]) for d in range(len(days))]
    pair_depth = _pair_depth(regime, days[last], values[last], sets, plain, of)
    h = np.stack([_heterogeneity(regime, d, graded=False, gated=True) for d in range(len(days))])
    scores = np.stack([_square(regime, v.score.mean(axis=1), day) for v, day in zip(values, days, strict=True)])
    present = None
    if membership is not None:
        present = np.array([[m in membership.get(y, ()) for m in regime.members] for y in regime.years], dtype=bool)
    weighted = None
    if w is not None:
        here = Sets.among({name: tables[name] for name in of})
        mean = draw_depths(drawn, here, regime.scales, (), w)
        value = float(np.average(values[last].score.mean(axis=1), weights=w))
        weighted = coverage_figure(value, [mean.depth[n].mean(axis=1) for n in of], days[last].coverage(), regime)
    return Metrics(
        depth=_mean_depth(regime, days[last], values[last], plain, of),
        depth_weighted=weighted,
        depth_by_topic=_topic_depths(regime, days[last], values[last], plain, of),
        scattered=_scattered(regime, days[last], values[last], plain, of),
        pair_depth=pair_depth,
        links=links(regime.members, pair_depth),
        distance=_distance(regime, drawn, graded=False),
        graded=_distance(regime, drawn, graded=True),
        heterogeneity=h[last],
        years=tuple(_year(regime, d, days[d], values[d], plain) for d in range(len(days))),
        convergence=convergence(regime.years, h, scores, present=present),
    )


def _day(regime: Regime, d: int) -> _Day:
    force = regime.forces.between(d)
    one, other = pairs_of(len(regime.members))
    here = np.maximum(force[:, one, other], force[:, other, one]).T == YES
    about = regime.topics.astype(np.float32)
    coded = here & regime.coded
    return _Day(
        cases={case: regime.pair_sets(force, case) for case in CASES},
        topic_count=here.astype(np.float32) @ about,
        topic_coded=coded.astype(np.float32) @ about,
        count=here.sum(axis=1).astype(float),
        coded=coded.sum(axis=1).astype(float),
        binding=(here & ~regime.soft).sum(axis=1).astype(float),
    )


def coverage_figure(value: float, cases: list[Array], coverage: float | None, regime: Regime) -> Figure:
    """A figure, or None with its reason."""
    if coverage is None:
        return Figure(None, reason=NO_INSTRUMENT)
    if not regime.coded.any():
        return Figure(None, coverage=coverage, reason=NO_TEXT)
    if coverage < COVERAGE_MIN:
        why = f"only {coverage:.0%} of the instruments in force are coded; {COVERAGE_MIN:.0%} are needed"
        return Figure(None, coverage=coverage, reason=why)
    low, high = interval(cases, value)
    return Figure(value, low, high, coverage)


def _pair_depth(
    regime: Regime, day: _Day, values: _Known, sets: Sets, drawn: DrawnDepths, of: list[str]
) -> tuple[Figure, ...]:
    depths = values.score.mean(axis=1)
    low = np.minimum(np.min([drawn.low[sets.of[n]] for n in of], axis=0), depths)
    high = np.maximum(np.max([drawn.high[sets.of[n]] for n in of], axis=0), depths)
    shares = np.where(day.count > 0, day.coded / np.maximum(day.count, 1.0), np.nan)
    found = []
    for value, share, least, most in zip(*(x.tolist() for x in (depths, shares, low, high)), strict=True):
        figure = coverage_figure(value, [], None if np.isnan(share) else share, regime)
        found.append(figure if figure.value is None else Figure(value, least, most, share))
    return tuple(found)


def _mean_depth(regime: Regime, day: _Day, values: _Known, drawn: DrawnDepths, of: list[str]) -> Figure:
    value = float(values.score.mean())
    return coverage_figure(value, [drawn.depth[n].mean(axis=1) for n in of], day.coverage(), regime)


def _topic_coverage(day: _Day, t: int) -> float | None:
    total = float(day.topic_count[:, t].sum())
    return float(day.topic_coded[:, t].sum()) / total if total else None


def _topic_depths(regime: Regime, day: _Day, values: _Known, drawn: DrawnDepths, of: list[str]) -> dict[str, Figure]:
    means = values.score.mean(axis=0)
    return {
        topic: coverage_figure(float(means[t]), [drawn.depth[n][:, t] for n in of], _topic_coverage(day, t), regime)
        for t, topic in enumerate(regime.scales.topics)
    }


def _square(regime: Regime, values: Array, day: _Day) -> Array:
    """Values of pairs as a symmetric table; NaN where too little is coded."""
    n = len(regime.members)
    one, other = pairs_of(n)
    enough = (day.count > 0) & (day.coded >= COVERAGE_MIN * day.count)
    found = np.full((n, n), np.nan)
    found[one, other] = found[other, one] = np.where(enough, values, np.nan)
    return found


def _topic_levels(regime: Regime, levels: Levels, t: int) -> Levels:
    """The hardest depth of a topic between members: 0, 1 soft, 2 binding (ordinals above 2 are binding, too)."""
    n = len(regime.members)
    one, other = pairs_of(n)
    found = np.zeros((n, n), dtype=np.int8)
    found[one, other] = found[other, one] = levels[:, regime.scales.topic == t].max(axis=1)
    return found


def _scattered(regime: Regime, day: _Day, values: _Known, drawn: DrawnDepths, of: list[str]) -> dict[str, Scattered]:
    found = {}
    for t, topic in enumerate(regime.scales.topics):
        made: Fragmentation = fragmentation(_topic_levels(regime, values.level, t))
        share = _topic_coverage(day, t)
        soft = coverage_figure(made.soft, [1.0 - drawn.soft[n][:, t] for n in of], share, regime)
        hard = coverage_figure(made.binding, [1.0 - drawn.binding[n][:, t] for n in of], share, regime)
        known = soft.value is not None
        parts = (made.components_soft, made.components_binding) if known else (None, None)
        found[topic] = Scattered(soft, hard, *parts)
    return found


def _heterogeneity(regime: Regime, d: int, *, graded: bool, gated: bool) -> Array:
    """H of all pairs on a day; with `gated`, NaN where less than 0.6 of what either owes is coded."""
    scales, told = regime.scales, regime.answered(d)[:, regime.scales.topic]
    profiles = np.where(told, deepest(regime.hardest, regime.held_sets(d)), np.nan)
    found = heterogeneities(profiles, scales.highest, scales.weights, graded=graded)
    if gated:
        share = np.nan_to_num(regime.profile_coverage(d), nan=0.0)
        found = np.where(np.minimum(share[:, None], share[None, :]) >= COVERAGE_MIN, found, np.nan)
    return found


def _distance(regime: Regime, drawn: Levels, *, graded: bool) -> Figure:
    """Mean H over pairs on the day asked for."""
    last = len(regime.days) - 1
    held = regime.forces.held[last] == YES
    total = float(held.sum())
    share = float((held & regime.coded[:, None]).sum()) / total if total else None
    table = _heterogeneity(regime, last, graded=graded, gated=False)
    values = table[pairs_of(len(table))]
    values = values[~np.isnan(values)]
    if not len(values) and regime.coded.any() and share is not None and share >= COVERAGE_MIN:
        return Figure(None, coverage=share, reason="no provision is answered for two members")
    if share is None or share < COVERAGE_MIN or not regime.coded.any():
        return coverage_figure(0.0, [], share, regime)  # None, with the reason
    told = regime.answered(last)[:, regime.scales.topic]
    cases = [draw_distance(drawn, regime.held_sets(last, case), told, regime.scales, graded=graded) for case in CASES]
    return coverage_figure(float(values.mean()), cases, share, regime)


def _year(regime: Regime, d: int, day: _Day, values: _Known, drawn: DrawnDepths) -> YearFigures:
    of = [f"{d}/{case}" for case in CASES]
    gaps = []
    for reached, shares in ((values.soft, drawn.soft), (values.binding, drawn.binding)):
        value = 1.0 - float(reached.mean())
        gaps.append(coverage_figure(value, [1.0 - shares[n].mean(axis=1) for n in of], day.coverage(), regime))
    return YearFigures(
        year=regime.years[d],
        depth=_mean_depth(regime, day, values, drawn, of),
        fragmentation_soft=gaps[0],
        fragmentation_binding=gaps[1],
        binding_per_pair=float(day.binding.mean()),
        soft_per_pair=float((day.count - day.binding).mean()),
        pairs_with_binding=int((day.binding > 0).sum()),
    )


def _pair_weights(regime: Regime, weights: Mapping[str, float]) -> Array:
    for member in regime.members:
        given = weights.get(member)
        if given is None or not np.isfinite(given) or given <= 0:
            hint = "Give each member a weight above 0 (GDP, digital trade), or none at all."
            raise InputError(f"{member} has no weight above 0.", where="weights", hint=hint, code="weights")
    return np.array([weights[a] * weights[b] for a, b in combinations(regime.members, 2)])
