"""Which figures follow from others of one publisher: areas from their parts, rates from their totals.

**Combined areas.** Gaza Strip and West Bank are two entries of the Factbook and one area, PSE. Totals are summed, rates
are weighted by population; years may differ by one, else the area is missing with the reason
`parts_of_different_years`. Most fields of the two entries print one and the same figure for both together ("entry
includes West Bank and Gaza Strip"): that figure is the area's own and is taken once, not summed. Uninhabited parts have
no say.

**Implied rates.** 100 * total / population, with the population brought to the total's year by its growth rate:
`P(t) = P(T) * (1 + g)^(t - T)`. Publisher and Factbook use different populations, so it lies inside the printed rate's
rounding interval in fewer than half of the cases: it never replaces a printed rate. It is kept as a row of its own
(breakdown `derived=implied_rate`), marked I with the interval kept where it lies inside the censor or rounding
interval; outside it is told as a `denominator_conflict`. `evidence.resolve` uses it to place a censored rate, and for
nothing else.

**Figures per person** that the publisher does not print (electricity) are made in the same way from its total. There is
no printed figure that they could replace; they are marked E and name their inputs.

Method: specification of evidence, sections 3, 5 and 6.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.sources._base import Problem

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue, Indicator

COMBINE = "evidence.derive.combine@1"
IMPLIED_RATE = "evidence.derive.implied_rate@1"
PER_PERSON = "evidence.derive.per_person@1"
IMPLIED_BREAKDOWN = "derived=implied_rate"
YEARS_APART_MAX = 1

# A note by which an entry says that its figure is that of the whole area.
_COVERS_WHOLE = re.compile(r"\b(?:includes?|represents?|are for)\b[^;]*\b[A-Z]")

_Series = tuple[str, str, str]  # indicator, breakdown, unit
_Parts = Mapping[str, Sequence[Observation]]


def has_figure(o: Observation) -> bool:
    """Whether a row has a value or a censored interval."""
    return o.value is not None or o.lower is not None


# --- Areas combined from parts --------------------------------------------------------------------------------------


def combine_parts(rows: Iterable[Observation], catalogue: Catalogue) -> tuple[list[Observation], list[Problem]]:
    """One row for the whole area from the rows of its parts, for each figure that the parts give.

    Args:
        rows: those of area type `part` are combined (`PSE.gz` and `PSE.we` into `PSE`), others ignored.
        catalogue: says what is summed and what is averaged.
    """
    wholes: dict[str, list[Observation]] = defaultdict(list)
    for o in rows:
        if o.area_type == "part":
            wholes[o.area.partition(".")[0]].append(o)
    combined: list[Observation] = []
    problems: list[Problem] = []
    for whole in sorted(wholes):
        combiner = _Combiner(whole, wholes[whole], catalogue)
        for series in sorted(combiner.series):
            combiner.combine(series)
        combined += combiner.made
        problems += combiner.problems
    return combined, problems


class _Combiner:
    """Combines all series of one area."""

    def __init__(self, whole: str, rows: Sequence[Observation], catalogue: Catalogue) -> None:
        self.whole = whole
        self.catalogue = catalogue
        self.made: list[Observation] = []
        self.problems: list[Problem] = []
        empty = {o.area for o in rows if o.missing_reason == "uninhabited"}
        self.parts = sorted({o.area for o in rows} - empty) or sorted(empty)
        self.series: dict[_Series, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
        self.population: dict[str, Observation] = {}
        for o in sorted(rows, key=lambda o: (o.period_end, o.obs_id)):
            if o.area in self.parts:
                self.series[o.indicator_id, o.breakdown, o.unit][o.area].append(o)
                if o.indicator_id == "population" and not o.breakdown and o.value:
                    self.population[o.area] = o

    def combine(self, series: _Series) -> None:
        by_part = self.series[series]
        newest = max((rows[-1] for rows in by_part.values()), key=lambda o: (o.period_end, o.obs_id))
        figures = {part: [o for o in by_part[part] if has_figure(o)] for part in self.parts if part in by_part}
        if sorted(figures) != self.parts or not all(figures.values()):
            without = [part for part in self.parts if not figures.get(part)]
            reason = next((o.missing_reason for part in without for o in by_part.get(part, ())), None)
            text = f"no figure for {', '.join(without)}"
            self._missing(newest, list(newest_of(figures).values()), reason or "low_coverage", text)
            return
        for group in _same_periods(figures):
            self._one(group)
        if not self._any_common(figures):
            latest = newest_of(figures)
            years = sorted({o.year for o in latest.values()})
            if years[-1] - years[0] <= YEARS_APART_MAX:
                self._one(latest)
            else:
                text = f"its parts are of {' and '.join(map(str, years))}"
                self._missing(newest, list(latest.values()), "parts_of_different_years", text)

    @staticmethod
    def _any_common(figures: _Parts) -> bool:
        return next(iter(_same_periods(figures)), None) is not None

    def _one(self, group: Mapping[str, Observation]) -> None:
        """One row from one figure of each part."""
        rows = [group[part] for part in sorted(group)]
        indicator = self.catalogue.indicators[rows[0].indicator_id]
        if len({(o.value, o.lower, o.upper) for o in rows}) == 1:
            covers = all(_COVERS_WHOLE.search(o.note) for o in rows)
            if indicator.aggregate_rule == "sum" and not covers and len(rows) > 1:
                text = "its parts print the same total and do not say that it is of the whole; it is taken once."
                self._tell("parts_equal", "warning", rows[0], text)
            first = rows[0]
            how = {"raw_sha256": first.raw_sha256, "raw_locator": first.raw_locator, "note": first.note}
            numbers = {"value": first.value, "lower": first.lower, "upper": first.upper, "precision": first.precision}
            self._make(rows, rows, numbers | {"censoring": first.censoring, "decimals": first.decimals} | how)
        elif indicator.aggregate_rule == "sum":
            self._make(rows, rows, _weighted(rows, [1.0] * len(rows)))
        elif indicator.aggregate_rule in ("weighted_mean", "ratio_of_sums") and set(group) <= set(self.population):
            weights = [self.population[o.area] for o in rows]
            total = math.fsum(w.value or 0.0 for w in weights)
            self._make(rows, [*rows, *weights], _weighted(rows, [(w.value or 0.0) / total for w in weights]))
        else:
            text = f"figures of its parts can't be combined into one ({indicator.aggregate_rule})"
            self._missing(rows[-1], rows, "not_applicable", text)

    def _make(self, rows: Sequence[Observation], inputs: Sequence[Observation], columns: Mapping[str, Any]) -> None:
        newest = max(rows, key=lambda o: (o.period_end, o.obs_id))
        years = sorted({str(o.year) for o in rows})
        notes = [f"parts of {' and '.join(years)}"] if len(years) > 1 else []
        notes += [str(columns["note"])] if columns.get("note") else []
        status = newest.obs_status if newest.obs_status != "A" else max(o.obs_status for o in rows)
        columns = {**columns, "area": self.whole, "note": "; ".join(notes), "obs_status": status}
        self.made.append(derived(newest, inputs, COMBINE, **columns))

    def _missing(self, like: Observation, inputs: Sequence[Observation], reason: str, text: str) -> None:
        if "partner=" not in like.breakdown:
            self._tell("parts_not_combined", "info", like, f"{text}.")
        columns = {"area": self.whole, "missing_reason": reason, "obs_status": "M" if reason == "uninhabited" else "O"}
        self.made.append(derived(like, inputs or [like], COMBINE, **columns, note=text))

    def _tell(self, rule: str, severity: Any, like: Observation, text: str) -> None:
        self.problems.append(Problem(rule, severity, like.raw_locator, text, like.indicator_id, self.whole))


def newest_of(figures: _Parts) -> dict[str, Observation]:
    """Each part's newest row."""
    return {part: rows[-1] for part, rows in figures.items() if rows}


def _same_periods(figures: _Parts) -> Iterable[dict[str, Observation]]:
    """The rows of all parts for each period that all of them have."""
    by_period: dict[Any, dict[str, Observation]] = defaultdict(dict)
    for part, rows in figures.items():
        for o in rows:
            by_period[o.period_start, o.period_end][part] = o
    return [by_period[period] for period in sorted(by_period) if len(by_period[period]) == len(figures)]


def _weighted(rows: Sequence[Observation], weights: Sequence[float]) -> dict[str, Any]:
    """The weighted sum of figures, ends with ends where one is censored, and of their roundings."""

    def total(numbers: Iterable[float | None]) -> float:
        return math.fsum(w * (n or 0.0) for w, n in zip(weights, numbers, strict=True))

    precision = total(o.precision for o in rows) if all(o.precision is not None for o in rows) else None
    if all(o.value is not None for o in rows):
        return {"value": total(o.value for o in rows), "precision": precision}
    lower = total(o.value if o.value is not None else o.lower for o in rows)
    upper = total(o.value if o.value is not None else o.upper for o in rows)
    return {"lower": lower, "upper": upper, "censoring": "interval", "precision": precision}


def derived(like: Observation, inputs: Sequence[Observation], function: str, **columns: Any) -> Observation:
    """A derived row with the source, vintage and period of another, and the ids of its inputs.

    It has no bytes of its own: `raw_sha256` and `raw_locator` are empty, unless the figure itself stands there.
    """
    area = columns.get("area", like.area)
    kept = {
        "indicator_id": like.indicator_id,
        "area": area,
        "area_type": "country" if "." not in area and like.area_type == "part" else like.area_type,
        "period_start": like.period_start,
        "period_end": like.period_end,
        "freq": like.freq,
        "unit": like.unit,
        "breakdown": like.breakdown,
        "source_id": like.source_id,
        "dataset_id": like.dataset_id,
        "series_key": like.series_key,
        "vintage_id": like.vintage_id,
        "known_from": like.known_from,
        "retrieved_at": like.retrieved_at,
        "raw_sha256": "",
        "raw_locator": "",
        "parser_version": like.parser_version,
        "processing_level": "minor",
        "derived_from": tuple(dict.fromkeys(o.obs_id for o in inputs)),
        "derived_by": function,
    }
    return make_observation(**{**kept, **columns})


# --- Rates implied by totals ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImpliedRate:
    """The rate that a printed total gives, beside the printed rate.

    Attributes:
        value: 100 * total / population in the total's year.
        lower, upper: the printed rate's rounding or censor interval.
        rate, total, population, growth: the rows it was computed from.
    """

    value: float
    lower: float
    upper: float
    precision: float
    rate: Observation
    total: Observation
    population: Observation
    growth: Observation | None

    @property
    def inside(self) -> bool:
        """Whether it agrees with what was printed."""
        return self.lower <= self.value <= self.upper

    @property
    def censored(self) -> bool:
        """Whether only a limit was printed."""
        return self.rate.value is None


def compare_rates(rows: Iterable[Observation], catalogue: Catalogue) -> list[ImpliedRate]:
    """The implied rate of every printed rate per 100 whose total and population are printed, by indicator and area."""
    newest = _newest_totals(rows)
    found: list[ImpliedRate] = []
    for indicator in sorted(catalogue.indicators.values(), key=lambda i: i.id):
        if indicator.unit != "per_100" or indicator.aggregate_denominator != "population":
            continue
        for area in sorted(area for name, area in newest if name == indicator.id):
            made = _implied(indicator, newest, area)
            if made is not None:
                found.append(made)
    return found


def _newest_totals(rows: Iterable[Observation]) -> dict[tuple[str, str], Observation]:
    """The newest figure of each indicator and area, breakdowns left out."""
    newest: dict[tuple[str, str], Observation] = {}
    for o in rows:
        if not o.breakdown and has_figure(o):
            key = (o.indicator_id, o.area)
            if key not in newest or newest[key].period_end < o.period_end:
                newest[key] = o
    return newest


def _implied(indicator: Indicator, newest: Mapping[tuple[str, str], Observation], area: str) -> ImpliedRate | None:
    rate = newest[indicator.id, area]
    total = newest.get((indicator.aggregate_numerator, area))
    if total is None or total.value is None:
        return None
    counted = _people(newest, area, total.year)
    if counted is None:
        return None
    people, population, growth = counted
    value = indicator.aggregate_per * total.value / people
    if rate.value is not None:
        half = rate.precision or 0.0
        lower, upper = rate.value - half, rate.value + half
    else:
        lower, upper = rate.lower or 0.0, rate.upper or 0.0
    precision = indicator.aggregate_per * _rounding(total, *counted)
    return ImpliedRate(value, lower, upper, precision, rate, total, population, growth)


def _people(
    newest: Mapping[tuple[str, str], Observation], area: str, year: int
) -> tuple[float, Observation, Observation | None] | None:
    """The population brought to a year by its growth rate, and the rows it was made from; None without them."""
    population = newest.get(("population", area))
    growth = newest.get(("population_growth_pct", area))
    if population is None or not population.value:
        return None
    years = year - population.year
    if not years:
        return population.value, population, None
    if growth is None or growth.value is None or growth.value <= -100:
        return None
    grown = math.prod([1 + growth.value / 100] * abs(years))  # a power is rounded as the processor's library likes
    people = population.value * grown if years > 0 else population.value / grown
    return people, population, growth


def _rounding(total: Observation, people: float, population: Observation, growth: Observation | None) -> float:
    """How far `total / people` may be off: the roundings of the total, of the population and of its growth together.

    First order: |x| (d_total / total + d_population / population + years * d_growth / 100). That the two were counted
    by different offices is not in it.
    """
    assert total.value is not None
    assert population.value
    years = abs(total.year - population.year)
    relative = (population.precision or 0.0) / population.value
    relative += years * ((growth.precision or 0.0) if growth is not None else 0.0) / 100
    return ((total.precision or 0.0) + abs(total.value) * relative) / people


def implied_rates(rows: Iterable[Observation], catalogue: Catalogue) -> tuple[list[Observation], list[Problem]]:
    """Implied rates as derived rows, and a `denominator_conflict` for each that disagrees with what is printed.

    Parts of an area have none: their totals are mostly those of the whole area.
    """
    made: list[Observation] = []
    problems: list[Problem] = []
    for implied in compare_rates([o for o in rows if o.area_type != "part"], catalogue):
        made.append(_as_row(implied))
        if not implied.inside:
            rate = implied.rate
            printed = f"below {implied.upper:g}" if implied.censored else f"{rate.value:g}"
            text = f"the total of {implied.total.year} implies {implied.value:.4g}, printed is {printed} ({rate.year})."
            problems.append(
                Problem("denominator_conflict", "info", rate.raw_locator, text, rate.indicator_id, rate.area)
            )
    return made, problems


def _as_row(implied: ImpliedRate) -> Observation:
    rate, total = implied.rate, implied.total
    inputs = [o for o in (total, implied.population, implied.growth, rate) if o is not None]
    columns: dict[str, Any] = {"value": implied.value, "precision": implied.precision, "obs_status": "E"}
    where = "outside the printed rate's interval"
    if implied.inside:
        columns |= {"lower": implied.lower, "upper": implied.upper, "obs_status": "I"}
        columns["censoring"] = rate.censoring if implied.censored else "none"
        where = "inside the censor interval" if implied.censored else "inside the rounding interval"
    return derived(
        rate, inputs, IMPLIED_RATE, breakdown=IMPLIED_BREAKDOWN, period_start=total.period_start,
        period_end=total.period_end, freq=total.freq, note=f"100 * total / population, {where}", **columns,
    )  # fmt: skip


# --- Figures per person ---------------------------------------------------------------------------------------------


def per_person(rows: Iterable[Observation], catalogue: Catalogue) -> tuple[list[Observation], list[Problem]]:
    """`per * total / population` for each ratio of the catalogue that the rows' source has no place for.

    Parts of an area have none, as with implied rates.
    """
    newest = _newest_totals(o for o in rows if o.area_type != "part")
    made: list[Observation] = []
    for indicator in sorted(catalogue.indicators.values(), key=lambda i: i.id):
        if indicator.retired or indicator.aggregate_denominator != "population":
            continue
        for total in [o for (name, _), o in sorted(newest.items()) if name == indicator.aggregate_numerator]:
            counted = None if total.source_id in indicator.maps else _people(newest, total.area, total.year)
            if counted is not None and total.value is not None:
                people, population, growth = counted
                columns: dict[str, Any] = {
                    "indicator_id": indicator.id,
                    "unit": indicator.unit,
                    "value": indicator.aggregate_per * total.value / people,
                    "precision": indicator.aggregate_per * _rounding(total, *counted),
                    "series_key": "",
                    "obs_status": "E",
                    "note": f"{indicator.aggregate_numerator} / population of {total.year}",
                }
                inputs = [o for o in (total, population, growth) if o is not None]
                made.append(derived(total, inputs, PER_PERSON, **columns))
    return made, []
