"""What the bloc's figure is, how much of the bloc it covers, how sure it is, and whose figure moves it most.

Rules (specification of evidence, section 10), `v` values, `w` weights of the value's year or the nearest within five:

- weighted_mean: `A = sum(w v) / sum(w)`; without a weight the plain mean;
- ratio_of_sums: `per * sum(count) / sum(base)`, only where counts and bases come from one producer with matching years
  and that producer prints them for this purpose (not the Factbook, whose rates rest on another population); else the
  weighted mean of the rates, and the record says so;
- sum: only when every member is present; else no value but the partial sum;
- median: of the members, each counting once; none: no bloc figure.

Always beside it: unweighted mean, median, minimum and maximum with their areas, coverage (share of weight, members k of
n), the interval (lower ends with lower ends, upper with upper), bounds for missing members from the catalogue, and the
influence: the member whose leaving out, and the conflict whose other value, moves the figure most.

A value is shown when coverage is at least 0.90 and k/n at least 0.70 (a study may ask for more, or for less down to
0.50). A member that is only known as an interval leaves the bloc's point empty and its interval standing.

The weighted kernels (mean, quantile, Gini, GE, T, L, Atkinson) stand in `kernels` and are part of this module's names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from concordat.evidence._aggregate import (
    COVERAGE_MIN,
    SHARE_MIN,
    Aggregate,
    Interval,
    Member,
    Moved,
    aggregate,
    check_thresholds,
)
from concordat.evidence.conflicts import NO_BOUNDS
from concordat.evidence.kernels import (
    Ordered,
    atkinson,
    generalised_entropy,
    gini,
    ordered,
    quantile,
    theil_l,
    theil_t,
    weighted_mean,
    weighted_quantile,
)
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Derived, Parts, derivation
from concordat.evidence.resolve import Chosen, enter

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

__all__ = [
    "Aggregate",
    "Interval",
    "Member",
    "Moved",
    "Ordered",
    "aggregate",
    "atkinson",
    "check_thresholds",
    "derive_bloc",
    "derive_quantile",
    "derive_with_other",
    "generalised_entropy",
    "gini",
    "members_from_parts",
    "ordered",
    "pick_weights",
    "quantile",
    "theil_l",
    "theil_t",
    "weighted_mean",
    "weighted_quantile",
]

NO_RATIO_SOURCES = frozenset({"cia_factbook"})  # its totals and its rates rest on different populations


# --- Weights ------------------------------------------------------------------------------------------------------


def pick_weights(
    indicator: Indicator,
    chosen_by_area: Mapping[str, Chosen],
    series: Mapping[str, Mapping[str, Mapping[int, Observation]]],
    areas: Iterable[str],
    *,
    not_after: int,
) -> dict[str, Observation]:
    """Each area's weight: the row of the value's year, else of the nearest (the earlier of two as near).

    For an area without a figure the weight nearest to `not_after`. How far a weight may lie from its value is judged in
    `aggregate`. `series` comes from `resolve.yearly_series`. Empty for an indicator without a weight.
    """
    by_area = series.get(indicator.aggregate_weight, {})
    found: dict[str, Observation] = {}
    for area in sorted(set(areas)):
        years = by_area.get(area)
        if years:
            figure = chosen_by_area.get(area)
            wanted = not_after if figure is None or figure.missing else figure.year
            found[area] = years[min(years, key=lambda y: (abs(y - wanted), y))]
    return found


# --- The record in the report's book ------------------------------------------------------------------------------


def members_from_parts(inputs: Sequence[Parts], values: int, weighted: bool) -> tuple[list[Member], dict[str, float]]:
    """Members, and the weights of areas without a figure, from a record's inputs.

    Args:
        inputs: parts of `values` chosen figures, then parts of the weights' observations.
        values: how many of them are figures.
        weighted: whether weights are given; without, each member weighs one.
    """
    weights = {i["area"]: i for i in inputs[values:]}
    members: list[Member] = []
    for i in inputs[:values]:
        area = i["area"]
        weight = weights.pop(area, None)
        others = tuple(i[f"other_{k}"] for k in range(1, len(i) + 1) if f"other_{k}" in i)
        own: tuple[float | None, int | None] = (None, None) if weighted else (1.0, None)
        if weight is not None:
            own = (_in_unit(weight, "value"), weight["year"])
        member = Member(area, i["value"], i["lower"], i["upper"], i["year"], own[0], own[1], i["stale"], others)
        members.append(member)
    return members, {area: _in_unit(w, "value") for area, w in sorted(weights.items())}


def _in_unit(parts: Parts, name: str) -> float:
    """A number of an observation, its `unit_mult` worked in: weights in thousands and in units may stand together."""
    mult = parts.get("unit_mult", 0)
    return float(parts[name] * 10.0**mult if mult else parts[name])


@derivation("evidence.aggregate.bloc")
def bloc(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A bloc's figure: see `derive_bloc` for inputs and parts."""
    values = parameters["values"]
    weighted = parameters["weight"] != ""
    members, missing = members_from_parts(inputs[: values + parameters["weights"]], values, weighted)
    areas = parameters["areas"]
    if not weighted:
        missing = dict.fromkeys(set(areas) - {m.area for m in members}, 1.0)
    bounds = (parameters["bounds"][0], parameters["bounds"][1])
    thresholds = {"min_coverage": parameters["min_coverage"], "min_share": parameters["min_share"]}
    rule = "weighted_mean" if parameters["used"] == "ratio_of_sums" else parameters["used"]
    found = aggregate(members, areas, rule=rule, bounds=bounds, weights_of_missing=missing, **thresholds)
    if parameters["used"] == "ratio_of_sums":
        found = _ratio(found, inputs[values + parameters["weights"] :], parameters["per"])
    return _parts(found) | {"fallback": parameters["fallback"]}


def _ratio(found: Aggregate, inputs: Sequence[Parts], per: float) -> Aggregate:
    """The same with `per * sum(count) / sum(base)` in place of the weighted mean of the rates."""
    found = replace(found, rule="ratio_of_sums", influence=None, conflict=None, bounds=NO_BOUNDS)
    if found.lower is None:
        return found
    half = len(inputs) // 2
    counts, bases = inputs[:half], inputs[half:]

    def total(parts: Sequence[Parts], end: str) -> float:
        return math.fsum(p[end] for p in parts)

    value, base = per * total(counts, "value") / total(bases, "value"), total(bases, "value")
    moved: list[Moved] = []
    for i in range(half if half > 1 else 0):
        rest = [j for j in range(half) if j != i]
        then = per * total([counts[j] for j in rest], "value") / total([bases[j] for j in rest], "value")
        moved.append(Moved(counts[i]["area"], then, then - value))
    return replace(
        found,
        value=value,
        lower=per * total(counts, "lower") / base,
        upper=per * total(counts, "upper") / base,
        reason=None,
        influence=max(moved, key=lambda m: abs(m.shift), default=None),
    )


def _parts(a: Aggregate) -> dict[str, Any]:
    """A bloc's figure as flat, plain parts."""
    parts: dict[str, Any] = {
        "value": a.value,
        "lower": a.lower,
        "upper": a.upper,
        "rule": a.rule,
        "reason": a.reason,
        "n": a.n,
        "have": a.have,
        "n_total": a.n_total,
        "coverage": a.coverage,
        "coverage_pct": 100 * a.coverage,
        "partial": a.partial,
        "bound_lower": a.bounds[0],
        "bound_upper": a.bounds[1],
    }
    for name, years in (("year", a.years), ("weight_year", a.weight_years)):
        parts |= {f"{name}_min": years[0] if years else None, f"{name}_max": years[1] if years else None}
    for name, interval in (("mean", a.mean), ("median", a.median), ("minimum", a.minimum), ("maximum", a.maximum)):
        parts |= {name: interval.value, f"{name}_lower": interval.lower, f"{name}_upper": interval.upper}
        parts[f"{name}_areas"] = ",".join(interval.areas)
    for name, moved in (("influence", a.influence), ("conflict", a.conflict)):
        parts |= {f"{name}_area": moved.area if moved else "", f"{name}_value": moved.value if moved else None}
        parts[f"{name}_shift"] = moved.shift if moved else None
    lists = (("missing", a.missing), ("stale", a.stale), ("censored", a.censored), ("no_weight", a.no_weight))
    return parts | {f"{name}_areas": ",".join(areas) for name, areas in lists}


def derive_bloc(
    book: Book,
    indicator: Indicator,
    chosen_by_area: Mapping[str, Chosen],
    weight_by_area: Mapping[str, Observation],
    areas: Iterable[str],
    min_coverage: float = COVERAGE_MIN,
    min_share: float = SHARE_MIN,
    *,
    counts: Mapping[str, Chosen] | None = None,
    bases: Mapping[str, Chosen] | None = None,
) -> Derived:
    """A bloc's figure as a record whose inputs are the members' figures and weights.

    Args:
        chosen_by_area: figures of the indicator and breakdown wanted.
        weight_by_area: from `pick_weights`; empty for an indicator without a weight.
        areas: the areas of the bloc.
        counts, bases: numerator and denominator of a ratio of sums, by area; without them it falls back.

    Returns:
        A record with parts `value`, `lower`, `upper`, `rule` (used), `fallback` (why another rule than the catalogue's,
        or ""), `reason` ("", low_coverage, censored, not_applicable), `n`, `n_total`, `coverage`, `partial`,
        `bound_lower`, `bound_upper`, `year_min`, `year_max`, `weight_year_min`, `weight_year_max`; `mean`, `median`,
        `minimum`, `maximum` (unweighted), each with `_lower`, `_upper`, `_areas`; `influence_` and `conflict_` with
        `area`, `value`, `shift`; `missing_areas`, `stale_areas`, `censored_areas`, `no_weight_areas` (commas between).

    Raises:
        InputError: a threshold below 0.50.
    """
    check_thresholds(min_coverage, min_share)
    wanted = sorted(set(areas))
    present = [a for a in wanted if a in chosen_by_area and not chosen_by_area[a].missing]
    weighted = [a for a in wanted if a in weight_by_area] if indicator.aggregate_weight else []
    used, fallback = indicator.aggregate_rule, ""
    pairs: list[Chosen] = []
    if used == "ratio_of_sums":
        fallback = _why_no_ratio(present, chosen_by_area, counts or {}, bases or {})
        used = "weighted_mean" if fallback else used
        if not fallback:
            pairs = [side[a] for side in (counts or {}, bases or {}) for a in present]
    ids = [enter(book, chosen_by_area[a]) for a in present]
    ids += [book.observe(weight_by_area[a]) for a in weighted]
    ids += [enter(book, figure) for figure in pairs]
    parameters = {
        "areas": wanted,
        "bounds": list(indicator.bounds),
        "fallback": fallback,
        "min_coverage": min_coverage,
        "min_share": min_share,
        "per": indicator.aggregate_per,
        "rule": indicator.aggregate_rule,
        "used": used,
        "values": len(present),
        "weight": indicator.aggregate_weight,
        "weights": len(weighted),
    }
    return book.derive("evidence.aggregate.bloc@1", ids, parameters)


def _why_no_ratio(
    present: Sequence[str], rates: Mapping[str, Chosen], counts: Mapping[str, Chosen], bases: Mapping[str, Chosen]
) -> str:
    """Why a ratio of sums can't be made, or ""."""
    producers: set[str] = set()
    for area in present:
        count, base = counts.get(area), bases.get(area)
        if count is None or base is None or count.value is None or not base.value:
            return "no counts and bases for every member"
        producers |= {count.observation.source_id, base.observation.source_id}
        if not count.year == base.year == rates[area].year:
            return "counts and bases of different years"
    if producers & NO_RATIO_SOURCES:
        return "the source's rates rest on another population than the one it prints"
    return "" if len(producers) == 1 else "counts and bases of different producers"


@derivation("evidence.aggregate.with_other")
def with_other(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The bloc's figure with one member's figure taken from another source: the last input in the place of its own."""
    *inside, other = inputs
    own = next(i for i, parts in enumerate(inside) if parts["area"] == other["area"])
    value = None if other["value"] is None else _in_unit(other, "value")
    low, high = (_in_unit(other, "lower"), _in_unit(other, "upper")) if value is None else (value, value)
    inside[own] = {**inside[own], "value": value, "lower": low, "upper": high}
    found = bloc(inside, parameters)
    return {name: found[name] for name in ("value", "lower", "upper", "reason", "mean", "mean_lower", "mean_upper")}


def derive_with_other(book: Book, figure: Derived, other: Observation) -> Derived | None:
    """What a bloc's figure would be if a conflicting source were believed for one member.

    Parts `value`, `lower`, `upper`, `reason` and the unweighted `mean`. None when that member has no figure in the
    bloc's, or the bloc's is a ratio of sums (the other source's rate has no count of its own).
    """
    values = figure.parameters["values"]
    areas = [book[i].parts["area"] for i in figure.inputs[:values]]  # type: ignore[union-attr]
    if other.area not in areas or figure.parameters["used"] == "ratio_of_sums":
        return None
    ids = (*figure.inputs, book.observe(other))
    return book.derive("evidence.aggregate.with_other@1", ids, figure.parameters)


@derivation("evidence.aggregate.quantile")
def quantile_of_members(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A quantile of members' figures, each counting once: of the points, and of both ends of the intervals."""
    share = parameters["percent"] / 100
    points = [i["value"] for i in inputs]
    value = None if None in points else weighted_quantile(points, None, share)
    ends = {end: weighted_quantile([i[end] for i in inputs], None, share) for end in ("lower", "upper")}
    return {"value": value, **ends, "n": len(inputs)}


def derive_quantile(book: Book, chosen_by_area: Mapping[str, Chosen], percent: int) -> Derived:
    """The smallest figure that at least `percent` of the members do not exceed.

    Parts `value`, `lower`, `upper` and `n`; the value is empty where a member is known as an interval only.
    """
    ids = [enter(book, chosen_by_area[area]) for area in sorted(chosen_by_area)]
    return book.derive("evidence.aggregate.quantile@1", ids, {"percent": percent})
