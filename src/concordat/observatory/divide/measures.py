"""How far apart the members of a bloc are, and who is without: each measure with its interval, weighted and unweighted.

Notation (specification of the observatory, section 8): weights w, `p = w / sum w`, values x, `mu = sum p x`.

    gap   max - min                                 ratio  max / min
    sd    sqrt(sum p (x - mu)^2), population form   cv     sd / mu
    gini  sum p_i x_i (2 F_i - p_i - 1) / mu        gini_shortfall  the same of 100 - x
    people without      sum pop (1 - x / 100), for percentages of people only (never for figures that can pass 100)
    share of a member   pop_i (1 - x_i / 100) / people without

The weighted mean, the lowest and the highest with their areas, and whether a bloc is covered well enough to be shown,
come from `evidence.aggregate`, so they are the same numbers that the rest of a report prints.

Intervals: as everywhere in `evidence`, a value comes from the members' points, and stands empty when one of them has
none ("less than 1"); the ends come from the members' evidence intervals (rounding, censoring, conflicting sources). The
ends of mean, lowest, highest, gap, ratio, people and shares are exact. What is guaranteed for Gini, deviation and
variation stands in `_ranges`: a lower end that is exact, an upper end that is exact for up to 12 uncertain members and
never too low for more. So every set of figures inside the members' intervals has its measure inside the interval.

Source: Cowell, *Measuring Inequality* (3rd ed., 2011), chapter 2. Not here: standard errors (members are not a sample),
decomposition, change over time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.evidence.aggregate import Aggregate, Interval, Member, aggregate, gini, members_from_parts, ordered
from concordat.evidence.kernels import Array, Ordered
from concordat.evidence.provenance import Book, Derived, Parts, derivation
from concordat.evidence.resolve import Chosen, enter
from concordat.observatory.divide._ranges import deviation_range, gap_range, gini_range, ratio_range, variation_range

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.observation import Observation

WHOLE = 100.0
WEIGHTED = ("mean", "sd", "cv", "gini", "gini_shortfall")  # in the order in which they are printed
UNWEIGHTED = ("mean", "min", "max", "gap", "ratio", "sd", "cv", "gini", "gini_shortfall")
_NOISE = 1e-12  # of the largest figure: what doubles leave of a difference that is zero
_NONE = Interval(None, None, None)


def counts_people(indicator: Indicator) -> bool:
    """Whether "people without" has a meaning: a share of people, from 0 to 100, of which more is better."""
    return (
        is_share(indicator) and indicator.aggregate_weight == "population" and indicator.polarity == "higher_is_better"
    )


def is_share(indicator: Indicator) -> bool:
    """A percentage that can't leave 0 to 100, so that the shortfall 100 - x has a meaning."""
    return indicator.unit == "percent" and tuple(indicator.bounds) == (0, WHOLE)


# --- Measures of members' figures ---------------------------------------------------------------------------------


def spread(members: Sequence[Member], *, weighted: bool = False, share: bool = False) -> dict[str, Interval]:
    """Gap, ratio, standard deviation, variation and Gini of members' figures; of the shortfall too for a share.

    A measure that nothing defines (a ratio to zero) has neither value nor ends. Weights of zero count for nothing.

    Args:
        members: at least two.
        weighted: by the members' weights, else each counts once.
        share: figures are percentages from 0 to 100.
    """
    members = [m for m in members if not weighted or (m.weight or 0.0) > 0]
    assert len(members) > 1, "a divide needs two members"
    w = np.array([m.weight if weighted else 1.0 for m in members], dtype=np.float64)
    p = w / w.sum()
    low, high = (np.array([getattr(m, end) for m in members], dtype=np.float64) for end in ("lower", "upper"))
    points = [m.value for m in members if m.value is not None]
    x = np.array(points, dtype=np.float64) if len(points) == len(members) else None
    size, gap, ratio = float(np.abs([low, high]).max()), gap_range(low, high), ratio_range(low, high)
    found = {
        "gap": _whole(None if x is None else float(x.max() - x.min()), gap, size),
        "ratio": _whole(None if x is None or x.min() <= 0 else float(x.max() / x.min()), ratio),
        "sd": _whole(None if x is None else _deviation(ordered(x, w)), deviation_range(p, low, high), size),
        "cv": _whole(_over_mean(x, w, _variation), variation_range(p, low, high)),
        "gini": _whole(_over_mean(x, w, gini), gini_range(p, low, high)),
    }
    if share:
        short = None if x is None else WHOLE - x
        found["gini_shortfall"] = _whole(_over_mean(short, w, gini), gini_range(p, WHOLE - high, WHOLE - low))
    return found


def _deviation(o: Ordered) -> float:
    return math.sqrt(float((o.p * (o.y - o.mean) ** 2).sum()))


def _variation(o: Ordered) -> float:
    return _deviation(o) / o.mean


def _over_mean(x: Array | None, w: Array, measure: Any) -> float | None:
    """A measure relative to the mean, where there is one above zero."""
    o = None if x is None else ordered(x, w)
    return None if o is None or o.mean <= 0 else float(measure(o))


def _whole(value: float | None, ends: tuple[float, float | None] | None, size: float = 1.0) -> Interval:
    """A measure with its ends. The noise of doubles neither crosses value and ends nor stands for a zero."""
    if ends is None:
        return _NONE
    value, low, high = (n if n is None or abs(n) > _NOISE * max(1.0, size) else 0.0 for n in (value, *ends))
    if value is not None and low is not None:
        low, high = min(low, value), None if high is None else max(high, value)
    return Interval(value, low, high)


def people_without(
    members: Sequence[Member], missing: Mapping[str, float]
) -> tuple[Interval, dict[str, Interval], dict[str, Interval]]:
    """How many people are without; of them each member's people, and each member's share in percent.

    A member without a figure may have anything from none to all of its people without: it leaves the sum's value empty
    and widens its interval.

    Args:
        members: with figures in percent, weighted by population.
        missing: populations of the members without a figure, or with one too far in time from any population.
    """
    people = {m.area: _without(m) for m in members}
    everyone = {**people, **{area: Interval(None, 0.0, population) for area, population in missing.items()}}
    total = _sum(everyone.values())
    shares = {area: _share(area, everyone) for area in people}
    return total, people, shares


def _without(member: Member) -> Interval:
    people = member.weight or 0.0
    value = None if member.value is None else people * (1 - member.value / WHOLE)
    return Interval(value, people * (1 - member.upper / WHOLE), people * (1 - member.lower / WHOLE))


def _sum(intervals: Any) -> Interval:
    every: list[Interval] = list(intervals)
    points = [i.value for i in every if i.value is not None]
    value = math.fsum(points) if len(points) == len(every) else None
    return Interval(value, math.fsum(i.lower or 0.0 for i in every), math.fsum(i.upper or 0.0 for i in every))


def _share(area: str, everyone: Mapping[str, Interval]) -> Interval:
    """A member's share of a sum rises with its own part and falls with any other's, so its ends lie at corners."""
    own, rest = everyone[area], _sum(i for a, i in everyone.items() if a != area)
    value = None
    if own.value is not None and rest.value is not None and own.value + rest.value > 0:
        value = WHOLE * own.value / (own.value + rest.value)
    low, high = own.lower or 0.0, own.upper or 0.0
    if high <= 0:  # nobody without here; nobody at all, if the rest has none either
        return Interval(0.0, 0.0, 0.0) if (rest.upper or 0.0) > 0 else _NONE
    least = WHOLE * low / (low + (rest.upper or 0.0)) if low > 0 else 0.0
    return _whole(value, (least, WHOLE * high / (high + (rest.lower or 0.0))))


# --- The record in the report's book ------------------------------------------------------------------------------


@derivation("observatory.divide.measures.divide")
def divide(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All measures of one indicator over a bloc: see `derive_divide` for inputs and parts."""
    figures = inputs[: parameters["values"]]
    members, missing = members_from_parts(inputs, len(figures), weighted=True)
    areas, floor = parameters["areas"], parameters["min_share"]
    once = [Member(m.area, m.value, m.lower, m.upper, m.year) for m in members]
    rest = dict.fromkeys(set(areas) - {m.area for m in members}, 1.0)
    plain = aggregate(once, areas, weights_of_missing=rest, min_coverage=floor, min_share=floor)
    heavy = aggregate(
        members, areas, weights_of_missing=missing, min_coverage=parameters["min_coverage"], min_share=floor
    )
    weighable = [m for m in members if m.weighable and (m.weight or 0.0) > 0]
    unsure = [i["area"] for i in figures if i["value"] is None or i["imputed"] or "other_1" in i]
    parts: dict[str, Any] = {"value": None, "n": len(members), "n_total": len(areas), "unsure_areas": ",".join(unsure)}
    parts["coverage"] = heavy.coverage
    parts["reason"] = _reason(plain, members)
    parts["weighted_reason"] = _reason(heavy, weighable) if parameters["weights"] else "no_weights"
    if parts["reason"] is None:
        found = {"mean": plain.mean, "min": plain.minimum, "max": plain.maximum}
        parts |= _flat(found | spread(members, share=parameters["share"]))
    if parts["weighted_reason"] is None:
        found = {"mean": Interval(heavy.value, heavy.lower, heavy.upper)}
        found |= spread(weighable, weighted=True, share=parameters["share"])
        parts |= _flat({f"weighted_{name}": found[name] for name in WEIGHTED if name in found})
    return parts | _people_parts(members, missing, parameters, parts["weighted_reason"])


def _reason(found: Aggregate, members: Sequence[Member]) -> str | None:
    """Why measures aren't shown: too little covered, or fewer than two members to compare."""
    return found.reason if found.lower is None else "needs_two" if len(members) < 2 else None


def _people_parts(
    members: Sequence[Member], missing: Mapping[str, float], parameters: Mapping[str, Any], reason: str | None
) -> dict[str, Any]:
    if not parameters["people"]:
        return {"people_reason": "not_for_unit"}
    usable = [m for m in members if m.weighable]
    unknown = {**missing, **{m.area: m.weight for m in members if not m.weighable and m.weight is not None}}
    if reason is not None or len(usable) + len(unknown) < len(parameters["areas"]):
        return {"people_reason": reason or "no_weights"}
    total, people, shares = people_without(usable, unknown)
    found = {"people": total}
    found |= {f"people_{area}": interval for area, interval in people.items()}
    found |= {f"share_{area}": interval for area, interval in shares.items()}
    return {"people_reason": None} | _flat(found)


def _flat(found: Mapping[str, Interval]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name, i in found.items():
        parts |= {name: i.value, f"{name}_lower": i.lower, f"{name}_upper": i.upper}
        if i.areas:
            parts[f"{name}_areas"] = ",".join(i.areas)
    return parts


def derive_divide(
    book: Book,
    indicator: Indicator,
    chosen_by_area: Mapping[str, Chosen],
    weight_by_area: Mapping[str, Observation],
    areas: Sequence[str],
    min_coverage: float,
    min_share: float,
) -> Derived:
    """The divide of one indicator over a bloc, as a record whose inputs are the members' figures and weights.

    Args:
        chosen_by_area: figures of the indicator (without breakdown).
        weight_by_area: from `evidence.aggregate.pick_weights`; empty for an indicator without a weight.
        areas: the areas of the bloc.
        min_coverage, min_share: thresholds, as for a bloc's figure; unweighted measures need `min_share` of members.

    Returns:
        A record with parts `n`, `n_total`, `coverage`; `reason`, `weighted_reason` and `people_reason` (None,
        low_coverage, needs_two, no_weights, not_for_unit); `unsure_areas` (censored or in conflict); `min_areas` and
        `max_areas`; and each with `_lower` and `_upper`: the `UNWEIGHTED` measures, the `WEIGHTED` ones behind
        `weighted_`, `people`, and for each area `people_ARE` and `share_ARE`.
    """
    wanted = sorted(set(areas))
    present = [a for a in wanted if a in chosen_by_area and not chosen_by_area[a].missing]
    weights = [a for a in wanted if a in weight_by_area] if indicator.aggregate_weight else []
    ids = [enter(book, chosen_by_area[a]) for a in present]
    ids += [book.observe(weight_by_area[a]) for a in weights]
    parameters = {
        "areas": wanted,
        "min_coverage": min_coverage,
        "min_share": min_share,
        "people": counts_people(indicator),
        "share": is_share(indicator),
        "values": len(present),
        "weight": indicator.aggregate_weight,
        "weights": len(weights),
    }
    return book.derive("observatory.divide.measures.divide@1", ids, parameters)


# --- Inside members -----------------------------------------------------------------------------------------------


@derivation("observatory.divide.measures.group_gap")
def group_gap(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The figure of one group less that of another, in the same area; the ends are exact."""
    first, second = inputs
    value = None if first["value"] is None or second["value"] is None else first["value"] - second["value"]
    ends = (first["lower"] - second["upper"], first["upper"] - second["lower"])
    gap = _whole(value, ends, size=max(abs(first["upper"]), abs(second["upper"])))
    return {"value": gap.value, "lower": gap.lower, "upper": gap.upper}


def derive_group_gap(book: Book, first: Chosen, second: Chosen) -> Derived | None:
    """The gap between two groups of one area, urban less rural; None when one has no figure or the years differ."""
    if first.missing or second.missing or first.year != second.year:
        return None
    return book.derive("observatory.divide.measures.group_gap@1", [enter(book, first), enter(book, second)])
