"""Which of the figures at hand is used for an indicator, an area and a breakdown, and how sure it is.

The rule (specification of evidence, section 7): drop quarantined and confidential rows and rows of another unit; take
the newest year that is not after the study's; within the year the first source of the indicator's `source_order`; ties
by the latest `known_from`. Nothing is averaged: runners-up are kept beside the chosen figure. Its *evidence interval*
is the hull of its rounding (or censor interval) and of every value that a conflicting source gives for the same
period. A figure older than the catalogue's `stale` age is marked; one older than `drop` counts as missing, with the
reason `stale`.

A censored figure ("less than 1") is placed by the rate implied by its total when that lies inside the censor interval;
it is then marked as imputed and keeps the interval. Otherwise it has no value, only the interval.

With `mode="common"` every indicator is read in one year for all: the newest in which at least 90 % of the areas asked
for have a figure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from concordat.evidence.conflicts import (
    Bounds,
    disagree,
    evidence_interval,
    is_implied_rate,
    latest_first,
    source_rank,
    unit_scale,
)
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Parts, derivation, parts_of
from concordat.evidence.quality import quarantine

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue, Indicator

PLACING_YEARS_MAX = 3  # an implied rate of another year places a censored figure no further away than this
Key: TypeAlias = tuple[str, str, str]  # indicator, area, breakdown
Rows: TypeAlias = dict[Key, list[Observation]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The figure used for one indicator, area and breakdown.

    Attributes:
        observation: the row it is; for a missing figure the newest row that says so.
        runners_up: all other usable rows, best first.
        value: None when censored and not placed, or missing.
        lower, upper: the evidence interval; None only when the figure is missing.
        year: the calendar year of the chosen row.
        age: the study's year minus `year`.
        stale: older than the catalogue's stale age.
        conflicts: rows of other sources for the same period that disagree.
        imputed: a censored figure placed by its implied rate (mark I).
        reason: why there is no value: `stale`, `censored`, `low_coverage`, or the row's own missing reason.
        implied: the implied rate that placed it.
        bounds, stale_after: of the catalogue, for the record in the report's book.
    """

    observation: Observation
    runners_up: tuple[Observation, ...]
    value: float | None
    lower: float | None
    upper: float | None
    year: int
    age: int
    stale: bool
    conflicts: tuple[Observation, ...]
    imputed: bool
    reason: str | None
    implied: Observation | None = None
    bounds: Bounds = (None, None)
    stale_after: int = 0

    @property
    def censored(self) -> bool:
        """Known only as an interval: "less than 1"."""
        return self.value is None and self.lower is not None

    @property
    def missing(self) -> bool:
        """No figure at all."""
        return self.lower is None


def resolve(
    observations: Iterable[Observation],
    catalogue: Catalogue,
    *,
    not_after: int,
    mode: Literal["latest", "common"] = "latest",
    areas: Sequence[str] = (),
    common_coverage: float = 0.90,
    quarantined: Collection[tuple[str, str]] | None = None,
) -> dict[Key, Chosen]:
    """The chosen figure for every indicator, area and breakdown of which anything is known, in sorted order.

    Args:
        observations: all rows of a release.
        not_after: the study's last year.
        mode: each area's newest figure, or one year for all.
        areas: for `common`: the areas that must have a figure in the common year.
        common_coverage: for `common`: the share of those areas that must.
        quarantined: (vintage id, observation id) of rows that may not be used; found by `quality` when not given.
    """
    rows = list(observations)
    refused = quarantine(rows, catalogue) if quarantined is None else quarantined
    figures, blanks, implied = _sort_out(rows, catalogue, refused, not_after)
    years = _common_years(figures, areas, common_coverage) if mode == "common" else None
    result: dict[Key, Chosen] = {}
    for key in sorted({*figures, *blanks}):
        indicator = catalogue.indicators[key[0]]
        candidates = list(figures.get(key, ()))
        if len(candidates) > 1:
            candidates.sort(key=lambda o: _preference(o, indicator))
        if years is not None:
            year = years.get((key[0], key[2]))
            others = [o for o in candidates if o.year != year]
            candidates = [o for o in candidates if o.year == year]
            if not candidates:
                newest = max([*others, *blanks.get(key, ())], key=_newest)
                result[key] = _missing(newest, others, indicator, not_after, "low_coverage")
                continue
        if candidates:
            result[key] = _choose(candidates, indicator, not_after, implied.get(key, ()))
        else:
            newest = max(blanks[key], key=_newest)
            result[key] = _missing(newest, (), indicator, not_after, newest.missing_reason)
    return result


def _sort_out(
    rows: Iterable[Observation], catalogue: Catalogue, refused: Collection[tuple[str, str]], not_after: int
) -> tuple[Rows, Rows, Rows]:
    """Usable figures, rows that say "missing", and implied rates, by key."""
    figures: Rows = defaultdict(list)
    blanks: Rows = defaultdict(list)
    implied: Rows = defaultdict(list)
    for o in rows:
        indicator = catalogue.indicators.get(o.indicator_id)
        if indicator is None or o.unit != indicator.unit or o.year > not_after:
            continue
        if o.conf_status != "F" and o.missing_reason is None:  # one without a number says only why there is none
            continue
        if refused and (o.vintage_id, o.obs_id) in refused:
            continue
        key = (o.indicator_id, o.area, o.breakdown)
        if is_implied_rate(o):
            implied[o.indicator_id, o.area, ""].append(o)  # its own breakdown only says how it was made
        else:
            (figures if o.value is not None or o.lower is not None else blanks)[key].append(o)
    return figures, blanks, implied


def _preference(o: Observation, indicator: Indicator) -> tuple[Any, ...]:
    """Sorts the best row first; the last entries only make the order total."""
    source = source_rank(o.source_id, indicator.source_order)
    known, not_annual, *rest = latest_first(o)
    return (-o.year, source, known, not_annual, -o.period_end.toordinal(), *rest)


def _newest(o: Observation) -> tuple[Any, ...]:
    return (o.year, o.known_from, o.vintage_id, o.obs_id, o.row_hash)


def _choose(
    candidates: list[Observation], indicator: Indicator, not_after: int, implied: Sequence[Observation]
) -> Chosen:
    best, *rest = candidates
    if not_after - best.year > indicator.age_drop:
        return _missing(best, rest, indicator, not_after, "stale")
    others: dict[str, Observation] = {}  # what each other source says last about the same period
    for o in rest:
        if o.source_id != best.source_id and o.key == best.key:
            others.setdefault(o.source_id, o)
    conflicts = tuple(o for o in others.values() if disagree(best, o, indicator.tolerance_abs))
    if best.value is not None and not conflicts:
        return _undisputed(best, rest, indicator, not_after)
    placing = _placing(best, implied)
    parameters = _parameters(best, conflicts, placing, indicator.bounds, not_after, indicator.age_stale)
    parts = chosen([parts_of(o) for o in _inputs(best, conflicts, placing)], parameters)
    return Chosen(
        observation=best,
        runners_up=tuple(rest),
        value=parts["value"],
        lower=parts["lower"],
        upper=parts["upper"],
        year=best.year,
        age=not_after - best.year,
        stale=parts["stale"],
        conflicts=conflicts,
        imputed=placing is not None,
        reason="censored" if parts["value"] is None else None,
        implied=placing,
        bounds=indicator.bounds,
        stale_after=indicator.age_stale,
    )


def _undisputed(o: Observation, rest: Iterable[Observation], indicator: Indicator, not_after: int) -> Chosen:
    """Most figures: a value that no other source disputes. As `chosen` has it, without the record around it."""
    scale, bounds = unit_scale(o), indicator.bounds
    said = {"value": o.value, "lower": o.lower, "upper": o.upper, "precision": o.precision}
    ends = evidence_interval(said, bounds, scale)
    assert o.value is not None
    assert ends is not None
    age, after = not_after - o.year, indicator.age_stale
    return Chosen(
        o, tuple(rest), o.value * scale, *ends, o.year, age, age > after, (), False, None, None, bounds, after
    )  # fmt: skip


def _missing(
    o: Observation, rest: Iterable[Observation], indicator: Indicator, not_after: int, reason: str | None
) -> Chosen:
    age = not_after - o.year
    return Chosen(
        o, tuple(rest), None, None, None, o.year, age, False, (), False, reason or "not_published", None,
        indicator.bounds, indicator.age_stale,
    )  # fmt: skip


def _placing(o: Observation, implied: Sequence[Observation]) -> Observation | None:
    """The implied rate that lies inside a censor interval; of several, the one nearest in time."""
    if o.value is not None or o.lower is None or o.upper is None:
        return None
    near = [i for i in implied if abs(i.year - o.year) <= PLACING_YEARS_MAX]
    inside = [i for i in near if i.value is not None and o.lower <= i.value <= o.upper]
    return min(inside, key=lambda i: (abs(i.year - o.year), -i.year, i.obs_id), default=None)


# --- One year for all -------------------------------------------------------------------------------------------------


def _common_years(figures: Rows, areas: Sequence[str], coverage: float) -> dict[tuple[str, str], int]:
    """Indicator and breakdown -> the newest year in which that share of the areas has a figure."""
    wanted = frozenset(areas)
    assert wanted, "mode common needs the areas that must have a figure"
    present: dict[tuple[str, str], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for (indicator_id, area, breakdown), rows in figures.items():
        if area in wanted:
            for o in rows:
                present[indicator_id, breakdown][o.year].add(area)
    needed = math.ceil(coverage * len(wanted) - 1e-9)
    result: dict[tuple[str, str], int] = {}
    for series, by_year in sorted(present.items()):
        enough = [year for year, who in by_year.items() if len(who) >= needed]
        if enough:
            result[series] = max(enough)
    return result


# --- Weights ------------------------------------------------------------------------------------------------------


def yearly_series(
    observations: Iterable[Observation], catalogue: Catalogue, indicator_ids: Collection[str], *, not_after: int
) -> dict[str, dict[str, dict[int, Observation]]]:
    """Indicator -> area -> year -> the chosen row of that year (totals with a value only), to read weights from."""
    rows = [o for o in observations if o.indicator_id in indicator_ids and not o.breakdown]
    figures, _, _ = _sort_out(rows, catalogue, quarantine(rows, catalogue), not_after)
    result: dict[str, dict[str, dict[int, Observation]]] = {i: {} for i in sorted(indicator_ids)}
    for (indicator_id, area, _), found in sorted(figures.items()):
        indicator = catalogue.indicators[indicator_id]
        by_year: dict[int, Observation] = {}
        for o in sorted(found, key=lambda o: _preference(o, indicator)):
            if o.value is not None:
                by_year.setdefault(o.year, o)
        result[indicator_id][area] = by_year
    return result


# --- The record in the report's book ------------------------------------------------------------------------------


def _inputs(best: Observation, conflicts: Sequence[Observation], implied: Observation | None) -> list[Observation]:
    return [best, *conflicts, *([implied] if implied else [])]


def _parameters(
    best: Observation,
    conflicts: Sequence[Observation],
    implied: Observation | None,
    bounds: Bounds,
    not_after: int,
    stale_after: int,
) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "bounds": list(bounds),
        "conflicts": len(conflicts),
        "imputed": implied is not None,
        "not_after": not_after,
        "stale_after": stale_after,
    }
    scales = [unit_scale(o) for o in _inputs(best, conflicts, implied)]
    return parameters | ({"scales": scales} if set(scales) != {1.0} else {})


@derivation("evidence.resolve.chosen")
def chosen(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The chosen figure with its evidence interval.

    Inputs: the chosen observation, then `conflicts` rows of other sources, then the implied rate if `imputed`. Parts:
    `value`, `lower`, `upper`, `year`, `area`, `age`, `stale`, `imputed`, `reason`, and `other_1`, `other_2`, ... the
    values (middles, where censored) of the conflicting sources.
    """
    first = inputs[0]
    count = parameters.get("conflicts", 0)
    scales = parameters.get("scales") or [1.0] * len(inputs)
    age = parameters["not_after"] - first["year"]
    head = {"year": first["year"], "area": first["area"], "age": age}
    if parameters.get("missing"):
        blank = {"value": None, "lower": None, "upper": None, "stale": False, "imputed": False}
        return blank | head | {"reason": parameters["missing"]}
    bounds = (parameters["bounds"][0], parameters["bounds"][1])
    ends = evidence_interval(first, bounds, scales[0])
    assert ends is not None, "a figure that is chosen has an interval"
    lower, upper = ends
    value = None if first["value"] is None else first["value"] * scales[0]
    if parameters["imputed"]:
        value = inputs[-1]["value"] * scales[-1]
    others: dict[str, Any] = {}
    for i in range(1, count + 1):
        low, high = _said(inputs[i], scales[i])
        lower, upper = min(lower, low), max(upper, high)
        others[f"other_{i}"] = low if low == high else (low + high) / 2
    parts = {"value": value, "lower": lower, "upper": upper, **head, "stale": age > parameters["stale_after"]}
    return parts | {"imputed": parameters["imputed"], "reason": "censored" if value is None else None} | others


def _said(parts: Parts, scale: float) -> tuple[float, float]:
    """What a conflicting source says: its value, or its censor interval."""
    if parts["value"] is not None:
        return parts["value"] * scale, parts["value"] * scale
    return parts["lower"] * scale, parts["upper"] * scale


def enter(book: Book, figure: Chosen) -> str:
    """Enter a chosen figure and the rows behind it into a report's book; returns the id of its record."""
    known = book.entered.get(id(figure))
    if known is not None:
        return known[1]
    best, not_after = figure.observation, figure.year + figure.age
    parameters = _parameters(best, figure.conflicts, figure.implied, figure.bounds, not_after, figure.stale_after)
    if figure.missing:
        parameters["missing"] = figure.reason
    ids = [book.observe(o) for o in _inputs(best, figure.conflicts, figure.implied)]
    record_id = book.derive("evidence.resolve.chosen@1", ids, parameters).id
    book.entered[id(figure)] = (figure, record_id)
    return record_id
