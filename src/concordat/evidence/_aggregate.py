"""The arithmetic of a bloc's figure: rules, coverage, interval, bounds for missing members, influence.

Pure functions on `Member`; `evidence.aggregate` owns the public names, says which rule is which, and makes the records.
(Specification of evidence, section 10.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, TypeAlias

from concordat.errors import InputError
from concordat.evidence.conflicts import NO_BOUNDS, Bounds

WEIGHT_YEARS_MAX = 5  # a weight is read at most this many years from the value's year
COVERAGE_MIN, SHARE_MIN, THRESHOLD_FLOOR = 0.90, 0.70, 0.50
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Member:
    """One member's figure and weight.

    Attributes:
        value: None when only the interval is known.
        lower, upper: the evidence interval.
        weight: None when there is none at all.
        others: what conflicting sources say instead.
    """

    area: str
    value: float | None
    lower: float
    upper: float
    year: int
    weight: float | None = 1.0
    weight_year: int | None = None
    stale: bool = False
    others: tuple[float, ...] = ()

    @property
    def weighable(self) -> bool:
        """There is a weight, of a year near enough."""
        near = self.weight_year is None or abs(self.year - self.weight_year) <= WEIGHT_YEARS_MAX
        return self.weight is not None and near


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic: its point (None when a member is only known as an interval), its ends, the areas it belongs to."""

    value: float | None
    lower: float | None
    upper: float | None
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """What the figure would be with one thing changed: the area concerned, the figure then, the change."""

    area: str
    value: float
    shift: float


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A bloc's figure.

    Attributes:
        value, lower, upper: None, with a reason, when it is not shown; value alone is None when a member is censored.
        rule: the rule used (the fallback, where one was).
        n, n_total: members in the figure, members in all.
        have: members that have a figure, whether it could be weighed or not.
        coverage: share of the weight that the members in the figure hold. Where some member's weight is not known it
            is no more than their share of the members.
        partial: the sum of the members present, when a sum is not shown.
        bounds: what the figure can be at least and at most, whatever the missing members' figures are; where the
            weight of a missing one is not known, all that the indicator can be.
        mean, median, minimum, maximum: unweighted, of the members that have a figure.
        influence: the member whose leaving out moves the value most.
        conflict: the conflicting source's value that moves it most.
    """

    value: float | None
    lower: float | None
    upper: float | None
    rule: str
    n: int
    n_total: int
    coverage: float
    reason: str | None
    have: int = 0
    partial: float | None = None
    bounds: Bounds = NO_BOUNDS
    years: tuple[int, int] | None = None
    weight_years: tuple[int, int] | None = None
    mean: Interval = field(default_factory=lambda: Interval(None, None, None))
    median: Interval = field(default_factory=lambda: Interval(None, None, None))
    minimum: Interval = field(default_factory=lambda: Interval(None, None, None))
    maximum: Interval = field(default_factory=lambda: Interval(None, None, None))
    influence: Moved | None = None
    conflict: Moved | None = None
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    censored: tuple[str, ...] = ()
    no_weight: tuple[str, ...] = ()


Statistic: TypeAlias = Callable[[Sequence[float], Sequence[float]], float]


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)


_STATISTICS: dict[str, Statistic] = {
    "weighted_mean": _mean,
    "sum": lambda values, _: math.fsum(values),
    "median": lambda values, _: float(median(values)),
}


def check_thresholds(min_coverage: float, min_share: float, *, where: str = "") -> None:
    """Refuse thresholds that would show a figure for a minority.

    Raises:
        InputError: below 0.50 or above 1.
    """
    for name, given in (("min_coverage", min_coverage), ("min_members", min_share)):
        if not THRESHOLD_FLOOR <= given <= 1:
            hint = f"Give a share from {THRESHOLD_FLOOR:.2f} to 1 (default: {COVERAGE_MIN:.2f} and {SHARE_MIN:.2f})."
            raise InputError(f"{name} is {given:g}.", where=where, hint=hint, code="threshold")


def aggregate(
    members: Iterable[Member],
    areas: Sequence[str],
    *,
    rule: str = "weighted_mean",
    bounds: Bounds = NO_BOUNDS,
    weights_of_missing: Mapping[str, float] | None = None,
    min_coverage: float = COVERAGE_MIN,
    min_share: float = SHARE_MIN,
) -> Aggregate:
    """A bloc's figure from its members' figures.

    Args:
        members: those that have a figure.
        areas: all areas of the bloc.
        rule: weighted_mean, sum, median or none.
        bounds: what the indicator can't lie outside of.
        weights_of_missing: weights of areas without a figure; those not given hold no weight.
        min_coverage, min_share: thresholds for showing the value.

    Raises:
        InputError: a threshold below 0.50.
    """
    check_thresholds(min_coverage, min_share)
    wanted = set(areas)
    present = sorted((m for m in members if m.area in wanted), key=lambda m: m.area)
    used = present if rule != "weighted_mean" else [m for m in present if m.weighable]
    unweighable = [] if rule != "weighted_mean" else [m for m in present if not m.weighable]
    lacking = wanted - {m.area for m in present}
    absent = {a: w for a, w in (weights_of_missing or {}).items() if a in lacking}
    held = math.fsum(m.weight or 0.0 for m in used)
    total = math.fsum([held, *absent.values(), *(m.weight or 0.0 for m in unweighable)])
    coverage = held / total if total > 0 else 0.0
    n_total = len(wanted)
    known = {*absent, *(m.area for m in present if m.weight is not None)}
    weights_known = rule != "weighted_mean" or known >= wanted
    if not weights_known:
        coverage = min(coverage, len(used) / max(n_total, 1))
    blank = Aggregate(None, None, None, rule, len(used), n_total, coverage, None, len(present))
    result = replace(
        blank,
        years=(min(m.year for m in used), max(m.year for m in used)) if used else None,
        weight_years=_range(m.weight_year for m in used),
        missing=tuple(sorted(lacking)),
        stale=tuple(m.area for m in present if m.stale),
        censored=tuple(m.area for m in present if m.value is None),
        no_weight=tuple(m.area for m in unweighable),
        **_beside(present),
    )
    if rule == "none":
        return replace(result, reason="not_applicable")
    shown = coverage >= min_coverage - _ROUNDING and len(used) / max(n_total, 1) >= min_share - _ROUNDING
    if rule == "sum":
        shown = len(used) == n_total and n_total > 0
    return _valued(result, used, rule, bounds, shown, weights_known)


def _range(years: Iterable[int | None]) -> tuple[int, int] | None:
    known = [y for y in years if y is not None]
    return (min(known), max(known)) if known else None


def _valued(
    result: Aggregate, used: Sequence[Member], rule: str, bounds: Bounds, shown: bool, weights_known: bool
) -> Aggregate:
    """The figure itself, with its interval, bounds and influence."""
    statistic = _STATISTICS[rule]
    weights = [m.weight or 0.0 for m in used]
    if not used or (rule == "weighted_mean" and math.fsum(weights) <= 0):
        limits = bounds if rule != "sum" else NO_BOUNDS
        return replace(result, reason="low_coverage", bounds=limits)
    lower = statistic([m.lower for m in used], weights)
    upper = statistic([m.upper for m in used], weights)
    points = [m.value for m in used if m.value is not None]
    value = statistic(points, weights) if len(points) == len(used) else None
    if rule == "weighted_mean":
        result = replace(result, bounds=_bounds(lower, upper, result.coverage, bounds) if weights_known else bounds)
    if not shown:
        return replace(result, reason="low_coverage", partial=value if rule == "sum" else None)
    result = replace(result, value=value, lower=lower, upper=upper)
    if value is None:
        return replace(result, reason="censored")
    return replace(result, influence=_influence(used, statistic, value), conflict=_conflict(used, statistic, value))


def _bounds(lower: float, upper: float, c: float, bounds: Bounds) -> Bounds:
    """`c A_lo + (1-c) b_min .. c A_hi + (1-c) b_max`: the figure whatever the missing members' figures are."""
    floor, ceiling = bounds
    if c >= 1:
        return lower, upper
    low = None if floor is None else c * lower + (1 - c) * floor
    return low, (None if ceiling is None else c * upper + (1 - c) * ceiling)


def _beside(present: Sequence[Member]) -> dict[str, Any]:
    """Unweighted mean, median, minimum, maximum of all members that have a figure."""
    if not present:
        return {}
    lower, upper = [m.lower for m in present], [m.upper for m in present]
    points = [m.value for m in present if m.value is not None]
    whole = len(points) == len(present)
    found: dict[str, Any] = {}
    functions: tuple[tuple[str, Callable[[Sequence[float]], float]], ...] = (
        ("mean", lambda v: math.fsum(v) / len(v)),
        ("median", lambda v: float(median(v))),
        ("minimum", min),
        ("maximum", max),
    )
    for name, function in functions:
        value = function(points) if whole else None
        low, high = function(lower), function(upper)
        areas: tuple[str, ...] = ()
        if name == "minimum":  # where censored: whoever may be the lowest
            areas = tuple(m.area for m in present if (m.value == value if whole else m.lower <= high))
        if name == "maximum":
            areas = tuple(m.area for m in present if (m.value == value if whole else m.upper >= low))
        found[name] = Interval(value, low, high, areas)
    return found


def _influence(used: Sequence[Member], statistic: Statistic, value: float) -> Moved | None:
    moved: list[Moved] = []
    values, weights = [m.value or 0.0 for m in used], [m.weight or 0.0 for m in used]
    for i, left_out in enumerate(used):
        rest = weights[:i] + weights[i + 1 :]
        if any(rest):
            then = statistic(values[:i] + values[i + 1 :], rest)
            moved.append(Moved(left_out.area, then, then - value))
    return max(moved, key=lambda m: abs(m.shift), default=None)


def _conflict(used: Sequence[Member], statistic: Statistic, value: float) -> Moved | None:
    weights = [m.weight or 0.0 for m in used]
    moved: list[Moved] = []
    for i, m in enumerate(used):
        for other in m.others:
            then = statistic([other if j == i else n.value or 0.0 for j, n in enumerate(used)], weights)
            moved.append(Moved(m.area, then, then - value))
    return max(moved, key=lambda m: abs(m.shift), default=None)
