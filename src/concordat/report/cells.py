"""Cells and lines that several chapters share: a member's figure, a bloc's figure, the words when there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from concordat.evidence.aggregate import derive_bloc, pick_weights
from concordat.evidence.provenance import Derived
from concordat.evidence.ranks import rank_of
from concordat.evidence.resolve import Chosen, enter, yearly_series
from concordat.report.chapter import Cell, Num, Runs
from concordat.report.inputs import Inputs, order_of
from concordat.report.messages import lowered

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.observation import Observation

# Reasons of `evidence` -> keys of the message catalogue below `standing.reason.`.
_BLOC_REASONS = {"low_coverage": "low_coverage", "censored": "censored_member", "not_applicable": "no_rule"}


@dataclass(frozen=True, slots=True)
class Counting:
    """How bloc figures are made in this report, with the weights read once."""

    inputs: Inputs
    min_coverage: float
    min_members: float
    not_after: int
    series: Mapping[str, Mapping[str, Mapping[int, Observation]]] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: Inputs, min_coverage: float, min_members: float, not_after: int) -> Counting:
        """The study's thresholds, and the yearly series of every weight that the catalogue names."""
        wanted = {i.aggregate_weight for i in inputs.catalogue.indicators.values() if i.aggregate_weight}
        series = yearly_series(inputs.observations, inputs.catalogue, wanted, not_after=not_after)
        return cls(inputs, min_coverage, min_members, not_after, series)

    def figures(self, indicator: Indicator, areas: Iterable[str], breakdown: str = "") -> dict[str, Chosen]:
        """The figures of an indicator that may be counted, by area."""
        chosen = self.inputs.chosen
        found = {a: chosen.get((indicator.id, a, breakdown)) for a in areas}
        return {area: c for area, c in found.items() if c is not None and not c.missing}

    def weights(
        self, indicator: Indicator, figures: Mapping[str, Chosen], areas: Iterable[str]
    ) -> dict[str, Observation]:
        """Each area's weight for this indicator."""
        return pick_weights(indicator, figures, self.series, areas, not_after=self.not_after)

    def bloc(self, indicator: Indicator, areas: Iterable[str], breakdown: str = "") -> Derived:
        """The figure of a set of areas, as a record of the book."""
        areas = sorted(set(areas))
        figures = self.figures(indicator, areas, breakdown)
        weights = self.weights(indicator, figures, areas)
        book, share = self.inputs.book, self.min_members
        counts = self._side(indicator.aggregate_numerator, indicator, areas, breakdown)
        bases = self._side(indicator.aggregate_denominator, indicator, areas, breakdown)
        return derive_bloc(
            book, indicator, figures, weights, areas, self.min_coverage, share, counts=counts, bases=bases
        )

    def _side(self, side: str, indicator: Indicator, areas: Iterable[str], breakdown: str) -> dict[str, Chosen] | None:
        """The counts, or the bases, that a ratio of sums is made of."""
        known = self.inputs.catalogue.indicators.get(side)
        if indicator.aggregate_rule != "ratio_of_sums" or known is None:
            return None
        return self.figures(known, areas, breakdown)


def member_num(inputs: Inputs, chosen: Chosen) -> Num:
    """A member's figure as it was published; a censored one as "less than 1", or where its total places it."""
    o = chosen.observation
    record_id = inputs.book.observe(o)
    said = {"stale": chosen.stale, "conflict": bool(chosen.conflicts), "unverified": _unverified_code(inputs, chosen)}
    marks = [mark for mark, holds in said.items() if holds]
    if chosen.imputed or (chosen.conflicts and chosen.value is not None):
        if chosen.imputed:
            marks.append("imputed")
        record_id = enter(inputs.book, chosen)
        return Num(chosen.value, chosen.lower, chosen.upper, o.unit, record_id, tuple(marks))
    scale = 10**o.unit_mult
    if o.value is None:
        lower = None if o.lower is None else o.lower * scale
        upper = None if o.upper is None else o.upper * scale
        return Num(None, lower, upper, o.unit, record_id, (*marks, "censored"))
    return Num(o.value * scale, unit=o.unit, id=record_id, marks=tuple(marks))


def _unverified_code(inputs: Inputs, chosen: Chosen) -> bool:
    """Whether the code under which the source gives this indicator has not been checked."""
    o = chosen.observation
    place = inputs.catalogue.indicators[o.indicator_id].maps.get(o.source_id)
    return place is not None and place.status == "unverified"


def member_cell(inputs: Inputs, indicator_id: str, area: str, ranks: Derived | None, breakdown: str = "") -> Cell:
    """The cell of one member: figure, year, source and rank interval, or the reason why there is none."""
    chosen = inputs.chosen.get((indicator_id, area, breakdown))
    if chosen is None:
        return Cell(text=inputs.words.plain("standing.none"))
    if chosen.missing:
        return Cell(text=reason_text(inputs, chosen.reason))
    main = member_num(inputs, chosen)
    year = Num(chosen.year, unit="year", id=main.id, part="year")
    evidence = None
    if main.value is not None and main.lower is None:
        evidence = Num(None, chosen.lower, chosen.upper, main.unit, enter(inputs.book, chosen))
    source = chosen.observation.dataset_id
    return Cell(main=main, year=year, rank=rank_num(ranks, area), source=source, evidence=evidence)


def rank_num(ranks: Derived | None, area: str) -> Num | None:
    """The interval of ranks of a member, or None where it has none."""
    found = rank_of(ranks, area)
    if ranks is None or found is None:
        return None
    return Num(None, *found, "rank", ranks.id, part=area)


def reason_text(inputs: Inputs, reason: str | None) -> str:
    """Why there is no figure, in words."""
    key = f"standing.reason.{reason}"
    return inputs.words.plain(key) if key in inputs.words else inputs.words.plain("standing.none")


def bloc_num(record: Derived, unit: str) -> Num:
    """A bloc's figure with its interval, where the interval is wider than the figure's own printing."""
    parts = record.parts
    return interval_num(parts["value"], parts["lower"], parts["upper"], unit, record.id)


def interval_num(
    value: float | None, lower: float | None, upper: float | None, unit: str, record_id: str, part: str = "value"
) -> Num:
    """A number with its interval; an interval of no width is left out."""
    if value is not None and lower == upper:
        lower = upper = None
    return Num(value, lower, upper, unit, record_id, part=part)


def bloc_cell(inputs: Inputs, record: Derived, unit: str) -> Cell:
    """The weighted figure (or the sum) of a bloc, or why it isn't shown."""
    if record.parameters["used"] == "median":
        return Cell(text=reason_text(inputs, "median_only"))
    reason = record.parts["reason"]
    if record.parts["lower"] is None and reason == "low_coverage":
        return _not_shown(inputs, record)
    if record.parts["lower"] is None:
        return Cell(text=reason_text(inputs, _BLOC_REASONS.get(reason, reason)))
    return Cell(main=bloc_num(record, unit))


def _not_shown(inputs: Inputs, record: Derived) -> Cell:
    """`not shown: 4 of 10 members, 21% of population`: how little of the bloc a figure would rest on."""
    words, parts = inputs.words, record.parts
    have = Num(parts["n"], unit="count", id=record.id, part="n")
    total = Num(parts["n_total"], unit="count", id=record.id, part="n_total")
    told: dict[str, Num | Runs | str] = {"have": have, "total": total}
    if record.parameters["used"] == "sum" or not record.parameters["weight"]:
        runs = words.text("standing.not_shown_members", **told)
    else:
        share = Num(parts["coverage_pct"], unit="share", id=record.id, part="coverage_pct")
        weight = weights_of(inputs, [record.parameters["weight"]])
        runs = words.text("standing.not_shown", share=share, weight=weight, **told)
    return Cell(text=as_text(runs, inputs), runs=runs)


def comparable(unit: str) -> bool:
    """Whether members' figures in a unit can be put together: each exchange rate is in a currency of its own."""
    return unit != "lcu_per_usd"


def beside_cell(inputs: Inputs, record: Derived, unit: str, name: str) -> Cell:
    """An unweighted statistic of the members that have a figure: `mean`, `median`, `minimum`, `maximum`."""
    if not comparable(unit):
        return Cell(text=reason_text(inputs, "no_rule"))
    if name in ("mean", "median") and record.parts["have"] < record.parameters["min_share"] * record.parts["n_total"]:
        return Cell(text=reason_text(inputs, "low_coverage"))
    if record.parts[f"{name}_lower"] is None:
        return Cell(text=inputs.words.plain("standing.none"))
    return Cell(main=beside_num(record, unit, name))


def beside_num(record: Derived, unit: str, name: str) -> Num:
    """The same, as a number: a part of the bloc's record."""
    parts = record.parts
    return interval_num(parts[name], parts[f"{name}_lower"], parts[f"{name}_upper"], unit, record.id, name)


def names_of(inputs: Inputs, areas: Iterable[str]) -> str:
    """Names of areas in a list, sorted by name."""
    language = inputs.study.language
    return inputs.words.listed(sorted(map(inputs.area_name, areas), key=lambda name: order_of(name, language)))


def weights_of(inputs: Inputs, weight_ids: Iterable[str]) -> str:
    """What figures are weighted by, inside a sentence: `population, labour force`."""
    indicators, language = inputs.catalogue.indicators, inputs.study.language
    return inputs.words.listed(lowered(indicators[w].name(language)) for w in weight_ids)


def with_breakdown(inputs: Inputs, name: str, breakdown: str) -> str:
    """The name of an indicator and of the part of the people that a figure is about: `Adult literacy (women)`."""
    words = inputs.words
    said: list[str] = []
    for part in filter(None, breakdown.split(";")):
        dimension, _, value = part.partition("=")
        key = f"breakdown.{dimension}_{value.lower()}"
        if key in words:
            said.append(words.plain(key))
        else:
            value = inputs.area_name(value) if dimension == "partner" else value
            key = f"breakdown.{dimension}"  # a member's survey may have parts of its own, such as loc=capital
            said.append(words.plain(key, value=value) if key in words else part)
    return words.plain("page.in_brackets", text=name, inside=words.listed(said)) if said else name


def bloc_name(inputs: Inputs, *, invited: bool = False) -> Runs:
    """`BRICS (10)`, `BRICS + invited (11)`, `These 3 countries`, or the country's name."""
    who, words = inputs.who, inputs.words
    areas = who.all if invited else who.members
    count = inputs.count(who.facts[a] for a in areas)
    if not who.id:
        if len(areas) == 1:
            return (inputs.area_name(areas[0]),)
        return words.text("standing.group_name", count=count)
    key = "standing.bloc_invited" if invited else "standing.bloc_name"
    return words.text(key, id=inputs.bloc_label, count=count)


def as_text(runs: Runs, inputs: Inputs) -> str:
    """Runs as plain text, for titles of rows and figures whose numbers stand in a table beside."""
    return "".join(
        run if isinstance(run, str) else inputs.words.number(run) for run in runs if isinstance(run, (str, Num))
    )
