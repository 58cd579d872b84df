"""The divide against the world and over the years, in a report's book: from figures to the parts that are printed.

Four pure functions, each made anew by `verify --report` from the parts of its inputs:

    split        Theil's T of many countries, between and within groups (`decompose`)
    lorenz       what the least connected 10, 20, 40 and 50 % hold, and the curve itself
    distance     years behind a leader, beside gap and ratio (`time`)
    convergence  spread by year and its trend; the rate at which members catch up (`convergence`)

Every measure is made twice: each country once, and (behind `weighted_`) by its people. A figure known only as an
interval stands in its middle. Countries are all there are, so the 95 % intervals of `split` are "as if drawn from a
wider population"; the ends of `lorenz` and `distance` are what the figures themselves leave open (rounding, censoring,
conflicting sources). What is printed is rounded to nine significant digits first, so that the last bits of a
processor's sums do not change a record.

Not here: intervals of T from rounding; inequality inside countries, whose people all count as alike.

    >>> rows = [{"area": a, "value": v, "year": 2023} for a, v in (("A", 10.0), ("B", 20.0), ("C", 60.0), ("D", 90.0))]
    >>> parameters = {"areas": ["A", "B", "C", "D"], "values": 4, "groups": {"bloc": [0, 0, 1, 1]}}
    >>> found = split(rows, parameters | {"min_coverage": 0.9, "min_share": 0.7})
    >>> round(found["total"], 4), round(found["bloc_share"], 2)
    (0.2688, 90.25)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._aggregate import WEIGHT_YEARS_MAX
from concordat.evidence.aggregate import Member
from concordat.evidence.kernels import Array
from concordat.evidence.provenance import Book, Derived, Parts, derivation
from concordat.evidence.resolve import Chosen, enter
from concordat.observatory.divide._basis import basis
from concordat.observatory.divide._between import between_scores, group_sums
from concordat.observatory.divide._estimate import Measure, estimated
from concordat.observatory.divide._hac import Line, bartlett_line
from concordat.observatory.divide._sample import LEAST, Sample, labels, sample
from concordat.observatory.divide._scores import generalised
from concordat.observatory.divide.convergence import Beta, Sigma, beta_convergence, sigma_convergence
from concordat.observatory.divide.decompose import decompose_sorted
from concordat.observatory.divide.time import TimeDistance, time_distance

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation

DIGITS = 9
WEIGHTINGS = ("", "weighted_")
HELD = (10, 20, 40, 50)  # percent of the people, the least connected
YEARS_APART, YEARS_MAX = 5, 6
WINDOW, WINDOW_SLACK = 10, 5  # years over which members are watched, give or take
WHOLE = 100.0
_STEPS = 20  # Newton steps on a convex function: five are enough for all digits


# --- Reading figures ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Countries in order, NaN where there is no figure that can be used."""

    y: Array
    weighted_y: Array
    w: Array
    low: Array
    high: Array
    figures: tuple[Parts, ...]


def _level(parts: Parts, end: str = "value") -> float:
    """A number of a figure; the middle of one known only as an interval."""
    scale = float(10.0 ** parts.get("unit_mult", 0))
    if end == "value" and parts["value"] is None:
        return (float(parts["lower"]) + float(parts["upper"])) / 2 * scale
    return float(parts[end]) * scale


def _read(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> _Rows:
    figures = {i["area"]: i for i in inputs[: parameters["values"]]}
    weights = {i["area"]: i for i in inputs[parameters["values"] :]}
    columns: tuple[list[float], ...] = ([], [], [], [], [])
    for area in parameters["areas"]:
        figure, weight = figures.get(area), weights.get(area)
        level = math.nan if figure is None else _level(figure)
        people = 0.0 if weight is None else _level(weight)
        usable = math.nan
        if figure is not None and weight is not None:
            member = Member(area, level, level, level, figure["year"], people, weight["year"])
            usable = level if member.weighable else usable
        given = figure is not None and figure.get("lower") is not None
        ends = [_level(figure, end) if given and figure is not None else level for end in ("lower", "upper")]
        for column, number in zip(columns, (level, usable, people, *ends), strict=True):
            column.append(number)
    y, heavy, w, low, high = (np.array(column) for column in columns)
    return _Rows(y, heavy, w, low, high, tuple(figures.values()))


def _counts(rows: _Rows, parameters: Mapping[str, Any]) -> dict[str, Any]:
    years = [i["year"] for i in rows.figures]
    found = {"value": None, "n": len(years), "n_total": len(parameters["areas"])}
    found["n_weighted"] = int((np.isfinite(rows.weighted_y) & (rows.w > 0)).sum())
    found["censored"] = sum(i["value"] is None for i in rows.figures)
    return found | {"year_min": min(years, default=None), "year_max": max(years, default=None)}


def _sampled(rows: _Rows, prefix: str, parameters: Mapping[str, Any]) -> tuple[Sample | None, str | None]:
    """The countries of one weighting, or why too little is known of them."""
    y, w = (rows.weighted_y, rows.w) if prefix else (rows.y, np.ones_like(rows.y))
    usable = np.isfinite(y) & (w > 0)
    if prefix and not usable.any():
        return None, "no_weights"
    if usable.sum() < LEAST:
        return None, "low_coverage"
    floor = parameters["min_coverage" if prefix else "min_share"]
    if w[usable].sum() < floor * w.sum():
        known = w[np.isfinite(rows.y)].sum() >= floor * w.sum()
        return None, "no_weights" if known else "low_coverage"
    return sample(y, w), None


# --- Between and within -------------------------------------------------------------------------------------------


@derivation("observatory.divide.records.split")
def split(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Theil's T between and within groups of countries: see `derive_split` for inputs and parts."""
    rows = _read(inputs, parameters)
    parts = _counts(rows, parameters)
    for prefix in WEIGHTINGS:
        s, reason = _sampled(rows, prefix, parameters)
        if s is not None and int((s.o.y > 0).sum()) < LEAST:
            s, reason = None, "undefined"
        parts[f"{prefix}reason"] = reason
        if s is None:
            continue
        parts[f"{prefix}share_zero"] = _tidy(WHOLE * s.o.share_zero)
        parts[f"{prefix}share_missing"] = _tidy(WHOLE * s.share_missing)
        for name, groups in parameters["groups"].items():
            parts |= _grouped(s, f"{prefix}", name, np.asarray(groups))
    return parts


def _grouped(s: Sample, prefix: str, name: str, groups: Any) -> dict[str, Any]:
    """The whole, and its parts by one grouping; only the whole where all countries fall into one group."""
    first = s.n - int((s.o.y > 0).sum())
    used = s.rows[first:]
    # Rows that T leaves out stand under any group that it uses: a group of theirs alone would be empty.
    groups = np.where(np.isin(np.arange(s.given), used), groups, groups[used[0]])
    names, codes = labels(groups, "group", s.given)
    whole = decompose_sorted(s, codes[s.rows], names, "theil_t")
    parts = _flat(f"{prefix}total", whole.total)
    parts[f"{prefix}{name}_reason"] = None if len(names) > 1 else "one_group"
    if len(names) < 2:
        return parts
    parts |= _flat(f"{prefix}{name}_between", whole.between) | _flat(f"{prefix}{name}_within", whole.within)
    if whole.share_between is None:
        return parts | {f"{prefix}{name}_reason": "undefined"}
    # The share B / T moves by (z_B - B / T z_T) / T.
    b = basis(s)
    score, o, c = generalised(b, 1.0).score, b.pos, codes[used]
    assert score is not None
    z = between_scores(o, c, group_sums(o, c, len(names), 1.0), 1.0) - whole.share_between * score(b.positive)
    assert whole.total.value
    scale = WHOLE / whole.total.value
    share = estimated("share", WHOLE * whole.share_between, o.p * z * scale, s, first, low=0.0, high=WHOLE)
    return parts | _flat(f"{prefix}{name}_share", share)


def derive_split(
    book: Book,
    figures: Mapping[str, Chosen | Observation],
    weights: Mapping[str, Observation],
    areas: Sequence[str],
    groups: Mapping[str, Mapping[str, str]],
    min_coverage: float,
    min_share: float,
) -> Derived:
    """The divide of many countries as a record whose inputs are their figures and weights.

    Args:
        figures: chosen figures, or the rows of one year; areas without one are missing.
        areas: all that count; groups: by grouping, the group of each.
        min_coverage: least share of people with a figure, weighted; min_share: of countries, unweighted.

    Returns:
        A record with `n`, `n_total`, `n_weighted`, `censored`, `year_min`, `year_max`; for each weighting `reason`,
        `share_zero` and `share_missing` (percent), `total`, and for each grouping `bloc_between`, `bloc_within`,
        `bloc_share` (percent) and `bloc_reason`; measures with `_lower` and `_upper`.
    """
    ids, parameters = _entered(book, figures, weights, areas, min_coverage, min_share)
    parameters["groups"] = {name: [found[a] for a in parameters["areas"]] for name, found in sorted(groups.items())}
    return book.derive("observatory.divide.records.split@1", ids, parameters)


def _entered(
    book: Book,
    figures: Mapping[str, Chosen | Observation],
    weights: Mapping[str, Observation],
    areas: Iterable[str],
    min_coverage: float,
    min_share: float,
) -> tuple[list[str], dict[str, Any]]:
    wanted = sorted(set(areas))
    present = [figures[a] for a in wanted if a in figures]
    ids = [enter(book, f) if isinstance(f, Chosen) else book.observe(f) for f in present]
    ids += [book.observe(weights[a]) for a in wanted if a in weights]
    thresholds = {"min_coverage": min_coverage, "min_share": min_share}
    return ids, {"areas": wanted, "values": len(present), **thresholds}


# --- Lorenz curve -------------------------------------------------------------------------------------------------


@derivation("observatory.divide.records.lorenz")
def lorenz(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the least connected hold: see `derive_lorenz` for inputs and parts."""
    rows = _read(inputs, parameters)
    parts = _counts(rows, parameters)
    for prefix in WEIGHTINGS:
        s, reason = _sampled(rows, prefix, parameters)
        if s is not None and s.o.mean <= 0:
            s, reason = None, "undefined"
        parts[f"{prefix}reason"] = reason
        if s is None:
            continue
        b = basis(s)
        low, high = rows.low[s.rows], rows.high[s.rows]
        for percent in HELD:
            q = percent / WHOLE
            found = (b.lorenz(q), *held_range(s.o.p, s.o.y, low, high, q))
            ends = (f"{prefix}held_{percent}{end}" for end in ("", "_lower", "_upper"))
            parts |= {name: _tidy(WHOLE * n) for name, n in zip(ends, found, strict=True)}
        parts[f"{prefix}people"] = [0.0, *(_tidy(WHOLE * f) for f in s.o.upto)]
        parts[f"{prefix}having"] = [0.0, *(_tidy(WHOLE * c) for c in b.cum[:-1]), WHOLE]
    return parts


def held_range(p: Array, y: Array, low: Array, high: Array, q: float) -> tuple[float, float]:
    """Between which ends L(q) lies while each figure moves between its own ends; y ascends.

    L(q) is the least of `sum a y / sum p y` over shares a of p that sum to q. Upper end: the a of y as it stands, and
    the worst figures for it. Lower end, by Dinkelbach's iteration: L is at least t where the least of
    `sum (a - t p) y` is not below zero, and a row costs least at `a = p` with y low or at `a = 0` with y high; what
    lies in between is taken linearly, so that the end is never too high. Both are outer ends.

    >>> p, y = np.array([0.5, 0.5]), np.array([20.0, 80.0])
    >>> held_range(p, y, y, y, 0.5), [round(e, 4) for e in held_range(p, y, y - 10, y + 10, 0.5)]
    ((0.2, 0.2), [0.1, 0.3])
    """
    a = np.clip(q - (np.cumsum(p) - p), 0.0, p)
    upper = lower = float((a * y).sum() / (p * y).sum())
    for _ in range(_STEPS):
        raised = np.where(a - upper * p > 0, high, low)
        total = float((p * raised).sum())
        if total <= 0:  # no figure raises it further, and all may be zero
            break
        upper = max(upper, float((a * raised).sum()) / total)
    for _ in range(_STEPS):
        cost = low * (1 - lower) + high * lower  # of a row that is held, over one that is not
        order = np.argsort(cost, kind="stable")
        taken = np.empty_like(p)
        taken[order] = np.clip(q - (np.cumsum(p[order]) - p[order]), 0.0, p[order])
        held = taken / p
        total = float((p * (held * low + (1 - held) * high)).sum())
        if total <= 0:
            break
        lower = min(lower, float((taken * low).sum()) / total)
    return lower, min(upper, q)


def derive_lorenz(
    book: Book,
    figures: Mapping[str, Chosen | Observation],
    weights: Mapping[str, Observation],
    areas: Sequence[str],
    min_coverage: float,
    min_share: float,
) -> Derived:
    """The Lorenz curve of some countries' figures as a record.

    Returns:
        A record with the counts and reasons of `derive_split`; for each weighting `held_10`, `held_20`, `held_40` and
        `held_50` (percent of all that is held, with `_lower` and `_upper`) and the curve, `people` and `having`, in
        percent.
    """
    ids, parameters = _entered(book, figures, weights, areas, min_coverage, min_share)
    return book.derive("observatory.divide.records.lorenz@1", ids, parameters)


# --- Years behind -------------------------------------------------------------------------------------------------


@derivation("observatory.divide.records.distance")
def distance(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Time distances to a leader: see `derive_distance` for inputs and parts."""
    leader, count = parameters["leader"], parameters["path"]
    path = ([i["year"] for i in inputs[:count]], [_level(i) for i in inputs[:count]])
    parts: dict[str, Any] = {"value": None, "year_min": path[0][0], "year_max": path[0][-1]}
    for figure in inputs[count:]:
        area = figure["area"]
        now = _behind(leader, path, area, figure, "value")
        ends = [_behind(leader, path, area, figure, end) for end in ("upper", "lower")]
        parts[f"reason_{area}"] = now.reason or None
        for name, ahead in (("value", ends), ("gap", ends), ("ratio", ends[::-1])):
            said = f"{'years' if name == 'value' else name}_{area}"
            value, low, high = (_tidy(getattr(d, name)) for d in (now, *ahead))
            if value is not None:
                low, high = (None if n is None else f(n, value) for n, f in ((low, min), (high, max)))
            parts |= {said: value, f"{said}_lower": low, f"{said}_upper": high}
    return parts


def _behind(leader: str, path: tuple[list[int], list[float]], area: str, figure: Parts, end: str) -> TimeDistance:
    """The distance of one end of a figure; the leader has no other path than its own."""
    own = path if area == leader else ([figure["year"]], [_level(figure, end)])
    return time_distance({leader: path, area: own}, leader=leader)[area]


def derive_distance(book: Book, path: Mapping[int, Observation], leader: str, figures: Mapping[str, Chosen]) -> Derived:
    """Years behind a leader as a record.

    Args:
        path: the leader's rows by year.
        figures: each member's chosen figure, none missing.

    Returns:
        A record with `year_min` and `year_max` of the leader's path, and for each area `years_BRA`, `gap_BRA`,
        `ratio_BRA` with `_lower` and `_upper`, and `reason_BRA`, why there are no years.
    """
    ids = [book.observe(path[year]) for year in sorted(path)]
    ids += [enter(book, figures[a]) for a in sorted(figures)]
    return book.derive("observatory.divide.records.distance@1", ids, {"leader": leader, "path": len(path)})


# --- Catching up --------------------------------------------------------------------------------------------------


@derivation("observatory.divide.records.convergence")
def convergence(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Spread by year, and the rate of catching up: see `derive_convergence` for inputs and parts."""
    years, areas = parameters["years"], parameters["areas"]
    levels = {(i["area"], i["year"]): _level(i) for i in inputs[: parameters["values"]]}
    weights = inputs[parameters["values"] :]
    people = {i["area"]: _level(i) for i in weights if abs(i["year"] - years[0]) <= WEIGHT_YEARS_MAX}
    panel = {a: (years, [levels[a, y] for y in years]) for a in areas}
    bounded = {a: found for a, found in panel.items() if max(found[1]) < WHOLE}
    first, last = years[0], years[-1]
    parts: dict[str, Any] = {"value": None, "n": len(areas), "logit_n": len(bounded), "first": first, "last": last}
    sigma = sigma_convergence(panel)
    parts |= _spreads("", sigma) | {f"cv_{y}": _tidy(v) for y, v in zip(years, sigma.cv, strict=True)}
    if sigma.trend is not None:
        parts |= _trend("cv_trend", bartlett_line(sigma.years, sigma.cv))
    parts |= _caught_up("", panel, first, last)
    weighted = people if set(people) == set(areas) else None
    parts["weighted_reason"] = None if weighted else "no_weights"
    if weighted:
        parts |= _caught_up("weighted_", panel, first, last, weight=weighted)
    parts["logit_reason"] = None if len(bounded) >= LEAST else "at_bound"
    if len(bounded) >= LEAST:
        parts |= _spreads("logit_", sigma_convergence(bounded, scale="logit"))
        parts |= _caught_up("logit_", bounded, first, last, scale="logit")
    return parts


def _spreads(prefix: str, sigma: Sigma) -> dict[str, Any]:
    parts = {f"{prefix}sd_{int(y)}": _tidy(v) for y, v in zip(sigma.years, sigma.sd, strict=True)}
    return parts if sigma.trend is None else parts | _trend(f"{prefix}trend", sigma.trend)


def _trend(name: str, line: Line) -> dict[str, Any]:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    half = float(stdtrit(line.n - 2, 0.975)) * line.se
    ends = {f"{name}_lower": _tidy(line.slope - half), f"{name}_upper": _tidy(line.slope + half)}
    return {name: _tidy(line.slope), **ends}


def _caught_up(prefix: str, panel: Mapping[str, Any], first: int, last: int, **how: Any) -> dict[str, Any]:
    """The rate in percent a year, and the half-life in years; ends that are None are open."""
    names = (f"{prefix}rate", f"{prefix}half_life")
    try:
        found = beta_convergence(panel, first, last, **how)
    except MethodError as error:
        return {**dict.fromkeys(names), f"{prefix}rate_reason": error.code}
    return _beta_parts(names, found) | {f"{prefix}rate_reason": found.reason or None}


def _beta_parts(names: tuple[str, str], found: Beta) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    spans = ((found.speed, found.speed_interval, WHOLE), (found.half_life, found.half_life_interval, 1.0))
    for name, (value, (low, high), scale) in zip(names, spans, strict=True):
        for end, number in (("", value), ("_lower", low), ("_upper", high)):
            parts[name + end] = None if number is None else _tidy(scale * number)
    return parts


def derive_convergence(
    book: Book,
    series: Mapping[str, Mapping[int, Observation]],
    years: Sequence[int],
    weights: Mapping[str, Observation],
) -> Derived:
    """How members' spread moved, as a record.

    Args:
        series: the rows of the members, each with every one of the years, all above zero.
        weights: each member's people; nothing is weighted where one has none near enough to the first year.

    Returns:
        A record with `n`, `logit_n`, `first`, `last`; `sd_2012` and `cv_2012` for each year, `trend` and `cv_trend` a
        year, `rate` (percent a year) and `half_life` (years), with ends; `weighted_rate`, `weighted_half_life`; and
        behind `logit_` all but cv for logits, over the members below 100.
    """
    areas = sorted(series)
    ids = [book.observe(series[a][y]) for a in areas for y in years]
    values = len(ids)
    ids += [book.observe(weights[a]) for a in areas if a in weights]
    parameters = {"areas": areas, "years": list(years), "values": values}
    return book.derive("observatory.divide.records.convergence@1", ids, parameters)


# --- Which years --------------------------------------------------------------------------------------------------


def covered_years(present: Mapping[int, Collection[str]], people: Mapping[str, float], share: float) -> list[int]:
    """The newest year in which areas with a share of all people have a figure, and earlier ones five years apart.

    >>> covered_years({2013: ["A"], 2018: ["A", "B"], 2023: ["B", "A"], 2024: ["B"]}, {"A": 6.0, "B": 4.0}, 0.9)
    [2018, 2023]
    """
    floor = share * math.fsum(people.values())
    enough = {y for y, areas in present.items() if math.fsum(people.get(a, 0.0) for a in areas) >= floor}
    if not enough:
        return []
    wanted = range(max(enough), max(enough) - YEARS_APART * YEARS_MAX, -YEARS_APART)
    return sorted(y for y in wanted if y in enough)


def window(series: Mapping[str, Collection[int]], share: float) -> tuple[list[str], list[int]] | None:
    """Members and years to watch them in: from the newest year in which a share of them have a figure back ten years.

    The first year is the one nearest to ten before it (the later of two as near) in which as many have one. Kept are
    the members with both, and the years in between in which all of these have a figure.

    Args:
        series: each member's years with a figure above zero.

    >>> window({"A": range(2010, 2023), "B": range(2011, 2024), "C": [2012, 2022]}, 0.9)
    (['A', 'B', 'C'], [2012, 2022])
    """
    count = {y: sum(y in years for years in series.values()) for y in {y for years in series.values() for y in years}}
    enough = [y for y, n in count.items() if n >= max(LEAST, share * len(series) - 1e-9)]
    last = max(enough, default=0)
    starts = [y for y in enough if abs(last - WINDOW - y) <= WINDOW_SLACK and y < last]
    if not starts:
        return None
    first = min(starts, key=lambda y: (abs(last - WINDOW - y), -y))
    kept = sorted(a for a, years in series.items() if first in years and last in years)
    if len(kept) < LEAST:
        return None
    return kept, [y for y in range(first, last + 1) if all(y in series[a] for a in kept)]


# --- Parts --------------------------------------------------------------------------------------------------------


def _flat(name: str, measure: Measure) -> dict[str, Any]:
    value, low, high = (_tidy(n) for n in (measure.value, measure.lower, measure.upper))
    return {name: value, f"{name}_lower": low, f"{name}_upper": high}


def _tidy(value: Any) -> float | None:
    """A number with nine significant digits, or None."""
    return None if value is None or math.isnan(value) else float(f"{float(value):.{DIGITS}g}")
