"""Where two sources say different things about the same: found, listed with both values, never averaged away.

A conflict is two figures for the same indicator, area, period, breakdown and unit from two sources that lie further
apart than both their roundings and the indicator's tolerance: `|a - b| > precision_a + precision_b + tolerance`. For a
censored figure ("less than 1") its interval takes the place of the value and its rounding; intervals conflict when
they are disjoint. (Specification of evidence, section 7.) A revision within one source is
no conflict.

What the bloc's figure would be with the other value is a derived number of its own, `derive_with_other`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Parts, parts_of

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue

Bounds = tuple[float | None, float | None]
NO_BOUNDS: Bounds = (None, None)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources on one figure.

    Attributes:
        first, second: the two figures; `first` is the one that the indicator's source order prefers.
        gap: how far apart they are (values, or the near ends where one is censored).
        limit: how far apart they could be without conflict.
    """

    indicator_id: str
    area: str
    breakdown: str
    year: int
    first: Observation
    second: Observation
    gap: float
    limit: float


def evidence_interval(parts: Parts, bounds: Bounds = NO_BOUNDS, scale: float = 1.0) -> tuple[float, float] | None:
    """The interval one figure stands for: value +- rounding, or the censor interval; None for a missing figure.

    Rounding does not leave the catalogue's bounds: a printed 100 % is 99.5 to 100. An interval that the publisher gives
    beside a value is taken in.

    Args:
        parts: `value`, `lower`, `upper`, `precision` of an observation.
        bounds: what the indicator can't lie outside of.
        scale: 10**unit_mult.
    """
    value, lower, upper = parts["value"], parts["lower"], parts["upper"]
    if value is None:
        return None if lower is None or upper is None else (lower * scale, upper * scale)
    half = parts["precision"] or 0.0
    low = (value - half if lower is None else min(lower, value - half)) * scale
    high = (value + half if upper is None else max(upper, value + half)) * scale
    floor, ceiling = bounds
    if floor is not None:
        low = min(max(low, floor), value * scale)
    if ceiling is not None:
        high = max(min(high, ceiling), value * scale)
    return low, high


def unit_scale(observation: Observation) -> float:
    """What a figure is multiplied by to be in its unit: 10**unit_mult, exactly 1 in most sources."""
    return 1.0 if observation.unit_mult == 0 else float(10**observation.unit_mult)


def distance(a: Observation, b: Observation, tolerance: float) -> tuple[float, float] | None:
    """(gap, limit) of two figures; None if one is missing. They conflict when the gap exceeds the limit."""
    one = evidence_interval(parts_of(a), scale=unit_scale(a))
    two = evidence_interval(parts_of(b), scale=unit_scale(b))
    if one is None or two is None:
        return None
    if a.value is not None and b.value is not None:
        gap = abs(a.value * unit_scale(a) - b.value * unit_scale(b))
        slack = (a.precision or 0.0) * unit_scale(a) + (b.precision or 0.0) * unit_scale(b)
        return gap, slack + tolerance
    return max(one[0] - two[1], two[0] - one[1], 0.0), 0.0


def disagree(a: Observation, b: Observation, tolerance: float) -> bool:
    """Whether two figures for the same thing conflict (floats on the limit itself do not)."""
    found = distance(a, b, tolerance)
    if found is None:
        return False
    gap, limit = found
    return gap > limit + 1e-9 * max(1.0, abs(gap), abs(limit))


def source_rank(source_id: str, order: Sequence[str]) -> tuple[int, str]:
    """The place of a source in an indicator's order; unlisted ones come last, by name.

    A source id may carry its publisher behind a dot (`member_official.za-statistics`; older stores have a colon); the
    class before it is what is listed.
    """
    name = source_id if source_id in order else source_id.replace(":", ".").partition(".")[0]
    return (order.index(name) if name in order else len(order), source_id)


def latest_first(o: Observation) -> tuple[Any, ...]:
    """Sorts what one source says about one figure: the row known latest first; the rest makes the order total."""
    return (-o.known_from.toordinal(), o.freq != "A", o.vintage_id, o.obs_id, o.row_hash)


def find_conflicts(
    observations: Iterable[Observation],
    catalogue: Catalogue,
    *,
    quarantined: Collection[tuple[str, str]] | None = None,
) -> list[Conflict]:
    """All conflicts among figures of different sources, sorted by indicator, area, breakdown, year.

    Quarantined and confidential rows, rows of other units than the catalogue's and derived rates take no part. Of
    several vintages or datasets of one source that speak of the same figure, the one known latest does.

    Args:
        quarantined: (vintage id, observation id) of rows that may not be used; found by `quality` when not given.
    """
    rows = list(observations)
    if quarantined is None:
        from concordat.evidence.quality import quarantine  # which itself needs this module

        quarantined = quarantine(rows, catalogue)
    latest: dict[tuple[object, ...], dict[str, Observation]] = defaultdict(dict)
    for o in rows:
        indicator = catalogue.indicators.get(o.indicator_id)
        if indicator is None or o.unit != indicator.unit or o.conf_status != "F" or is_implied_rate(o):
            continue
        if (o.value is None and o.lower is None) or (o.vintage_id, o.obs_id) in quarantined:
            continue
        group = latest[o.key]
        known = group.get(o.source_id)
        if known is None or latest_first(o) < latest_first(known):
            group[o.source_id] = o
    found: list[Conflict] = []
    for group in latest.values():
        if len(group) > 1:
            found += _conflicts_in(list(group.values()), catalogue)
    return sorted(found, key=_conflict_order)


def _conflicts_in(rows: list[Observation], catalogue: Catalogue) -> Iterable[Conflict]:
    indicator = catalogue.indicators[rows[0].indicator_id]
    rows.sort(key=lambda o: source_rank(o.source_id, indicator.source_order))
    for i, a in enumerate(rows):
        for b in rows[i + 1 :]:
            if disagree(a, b, indicator.tolerance_abs):
                gap, limit = distance(a, b, indicator.tolerance_abs) or (0.0, 0.0)
                yield Conflict(indicator.id, a.area, a.breakdown, a.year, a, b, gap, limit)


def _conflict_order(c: Conflict) -> tuple[str, str, str, int, str, str]:
    return (c.indicator_id, c.area, c.breakdown, c.year, c.first.obs_id, c.second.obs_id)


IMPLIED_RATE = "evidence.derive.implied_rate@"


def is_implied_rate(observation: Observation) -> bool:
    """Whether a row is a total divided by a population of another producer: it may place a censored rate, no more."""
    return observation.derived_by.startswith(IMPLIED_RATE)


def conflicts_by_indicator(conflicts: Iterable[Conflict]) -> Mapping[str, tuple[Conflict, ...]]:
    """The same conflicts, grouped."""
    groups: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in conflicts:
        groups[conflict.indicator_id].append(conflict)
    return {key: tuple(groups[key]) for key in sorted(groups)}


def as_data(conflict: Conflict) -> dict[str, Any]:
    """A conflict as plain JSON, for `--json`."""
    sides = [
        {"source": o.source_id, "obs_id": o.obs_id, "value": o.value, "lower": o.lower, "upper": o.upper}
        for o in (conflict.first, conflict.second)
    ]
    key = {"indicator": conflict.indicator_id, "area": conflict.area, "breakdown": conflict.breakdown}
    return {**key, "year": conflict.year, "gap": conflict.gap, "limit": conflict.limit, "sides": sides}
