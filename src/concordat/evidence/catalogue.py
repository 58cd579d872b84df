"""What is measured: every indicator with its definition, unit, bounds, rules of aggregation, ages and source codes.

The catalogue is reviewed text, one YAML file a topic in `_data/indicators/`, checked against a JSON Schema. Ids are
never reused: a retired indicator stays and names its successor. Definitions are our own words; names in other
languages than English are ours too and marked `unverified`. A source's code carries a status: `verified` (seen in data
at hand), `seen` (in a recorded answer or a list of codes), `unverified`; the last shows wherever the code is printed.

    >>> load_catalogue().indicators["internet_users_pct"].unit
    'percent'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml, validate

if TYPE_CHECKING:
    from concordat.evidence._catalogue_model import IndicatorModel

TOPICS = (
    "connectivity", "affordability", "skills", "people", "energy", "economy", "inclusion", "digital_trade",
    "innovation", "government",
)  # fmt: skip
DEFAULT_ORDER = ("member_official", "<custodian>", "un_sdg", "worldbank_wdi", "cia_factbook")


@dataclass(frozen=True, slots=True)
class SourceMap:
    """How one source calls an indicator.

    Attributes:
        source: `cia_factbook`, `worldbank_wdi`, `un_sdg`, `itu`, `eurostat`.
        status: verified, seen or unverified.
        code: the source's code for the total; empty for the Factbook, or where only breakdowns have one.
        path: the Factbook's section, field and key; a last step ending in `*` also takes a year.
        breakdowns: `sex=F` -> code, or -> path for the Factbook.
        or_text: the Factbook's own text of the field is read when the key is missing and the text holds these words.
        rounded_to: what the Factbook's figures are rounded to, where they are printed with more digits than they have.
    """

    source: str
    status: str
    code: str = ""
    path: tuple[str, ...] = ()
    breakdowns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    or_text: str | None = None
    rounded_to: float | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing that is measured, the same for every source.

    Attributes:
        names: language -> name; `names_status` speaks of the languages other than English.
        bounds: what a value can't lie outside of; None where there is no limit.
        polarity: higher_is_better, lower_is_better, neutral.
        breakdowns: dimensions that are known (`sex`, `loc`).
        aggregate_rule: weighted_mean, ratio_of_sums, sum, median or none.
        aggregate_weight: the indicator whose value weighs members; for ratio_of_sums the weight of the fallback.
        aggregate_numerator, aggregate_denominator, aggregate_per: `per * sum(numerator) / sum(denominator)`.
        tolerance_abs: what two sources may differ beyond their roundings.
        check_jump: change in a year beyond which a break is suspected; None: not checked.
        check_zero: plausible, suspicious (quarantined) or impossible.
        age_stale, age_drop: years after which a value is marked, and counts as missing.
        source_order: who is believed first within a year.
        commitments: ids of commitments that refer to it.
    """

    id: str
    names: Mapping[str, str]
    names_status: str
    definition: str
    topic: str
    unit: str
    bounds: tuple[float | None, float | None]
    polarity: str
    breakdowns: tuple[str, ...]
    aggregate_rule: str
    aggregate_weight: str
    aggregate_numerator: str
    aggregate_denominator: str
    aggregate_per: float
    tolerance_abs: float
    check_jump: float | None
    check_zero: str
    age_stale: int
    age_drop: int
    headline: bool
    custodian: str
    source_order: tuple[str, ...]
    maps: Mapping[str, SourceMap]
    commitments: tuple[str, ...] = ()
    retired: str | None = None
    replaced_by: str | None = None

    def name(self, language: str = "en") -> str:
        """The name in a language, in English where there is none."""
        return self.names.get(language, self.names["en"])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All indicators by id, in the order of topics and files; `hash` is over the bytes of the files."""

    indicators: Mapping[str, Indicator]
    hash: str

    def by_topic(self, topic: str) -> list[Indicator]:
        """The indicators of one topic that are not retired, in the file's order."""
        return [i for i in self.indicators.values() if i.topic == topic and i.retired is None]

    def get(self, indicator_id: str, *, where: str = "") -> Indicator:
        """The indicator with this id.

        Raises:
            InputError: there is none; the message suggests the nearest.
        """
        found = self.indicators.get(indicator_id)
        if found is None:
            close = nearest(indicator_id, self.indicators)
            hint = f'Did you mean "{close[0]}"?' if close else "See the catalogue of indicators."
            what = f'"{indicator_id}" is not an indicator I know.'
            raise InputError(what, where=where, hint=hint, code="unknown_indicator")
        return found


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """The packaged catalogue, read and checked once."""
    folder = files("concordat.evidence") / "_data" / "indicators"
    return read_catalogue({f"{topic}.yaml": (folder / f"{topic}.yaml").read_bytes() for topic in TOPICS})


def read_catalogue(bodies: Mapping[str, bytes]) -> Catalogue:
    """A catalogue from the bytes of its files, by file name.

    Raises:
        InputError: a file breaks the schema, an id stands twice, or a weight, numerator or successor is unknown.
    """
    from concordat.evidence._catalogue_model import IndicatorFile

    indicators: dict[str, Indicator] = {}
    places: dict[str, str] = {}
    for name, body in bodies.items():
        document = parse_yaml(body, where=name, schema="indicators@1")
        for number, model in enumerate(validate(document, IndicatorFile).indicators):
            place = document.place("indicators", number, "id")
            if model.id in indicators:
                hint = f"It stands first in {places[model.id]}; ids are never reused."
                raise InputError(f'the id "{model.id}" stands twice.', where=place, hint=hint, code="duplicate_id")
            _check_topic(model, name, document, number)
            indicators[model.id], places[model.id] = _indicator(model), place
    _check_references(indicators, places)
    lines = (f"{name}\0{hashlib.sha256(body).hexdigest()}\n" for name, body in sorted(bodies.items()))
    return Catalogue(MappingProxyType(indicators), hashlib.sha256("".join(lines).encode()).hexdigest())


def _check_topic(model: IndicatorModel, name: str, document: Document, number: int) -> None:
    if name != f"{model.topic}.yaml":
        where = document.place("indicators", number, "topic")
        raise InputError(f"{model.id} is of topic {model.topic}.", where=where, hint=f"Move it to {model.topic}.yaml.")


def _check_references(indicators: Mapping[str, Indicator], places: Mapping[str, str]) -> None:
    for indicator in indicators.values():
        wanted = {
            "aggregate.weight": indicator.aggregate_weight,
            "aggregate.numerator": indicator.aggregate_numerator,
            "aggregate.denominator": indicator.aggregate_denominator,
            "replaced_by": indicator.replaced_by or "",
        }
        for key, other in wanted.items():
            if other and other not in indicators:
                close = nearest(other, indicators)
                hint = f'Did you mean "{close[0]}"?' if close else "Name an id of the catalogue."
                what = f'{key} of {indicator.id} names "{other}", which is no indicator.'
                raise InputError(what, where=places[indicator.id], hint=hint, code="unknown_indicator")


def _indicator(model: IndicatorModel) -> Indicator:
    return Indicator(
        id=model.id,
        names={str(language): name for language, name in model.names.items()},
        names_status=model.names_status,
        definition=model.definition,
        topic=model.topic,
        unit=model.unit,
        bounds=model.bounds,
        polarity=model.polarity,
        breakdowns=tuple(model.breakdowns),
        aggregate_rule=model.aggregate.rule,
        aggregate_weight=model.aggregate.weight,
        aggregate_numerator=model.aggregate.numerator,
        aggregate_denominator=model.aggregate.denominator,
        aggregate_per=model.aggregate.per,
        tolerance_abs=model.tolerance.abs,
        check_jump=model.checks.jump_per_year,
        check_zero=model.checks.zero,
        age_stale=model.age_years.stale,
        age_drop=model.age_years.drop,
        headline=model.headline,
        custodian=model.custodian,
        source_order=tuple(model.source_order) or _default_order(model.custodian),
        maps=dict(_source_maps(model)),
        commitments=tuple(model.commitments),
        retired=model.retired,
        replaced_by=model.replaced_by,
    )


def _default_order(custodian: str) -> tuple[str, ...]:
    order = [custodian if source == "<custodian>" else source for source in DEFAULT_ORDER]
    return tuple(dict.fromkeys(source for source in order if source))


def _source_maps(model: IndicatorModel) -> Iterable[tuple[str, SourceMap]]:
    maps = model.maps
    if maps.cia_factbook is not None:
        place = maps.cia_factbook
        by_path = {breakdown: tuple(path) for breakdown, path in place.breakdowns.items()}
        path = tuple(place.path or ())
        found = SourceMap(
            "cia_factbook",
            place.status,
            path=path,
            breakdowns=by_path,
            or_text=place.or_text,
            rounded_to=place.rounded_to,
        )
        yield "cia_factbook", found
    for source, coded in (("worldbank_wdi", maps.worldbank_wdi), ("itu", maps.itu)):
        if coded is not None:
            yield source, SourceMap(source, coded.status, code=coded.code or "", breakdowns=dict(coded.breakdowns))
    if maps.un_sdg is not None:
        yield "un_sdg", SourceMap("un_sdg", maps.un_sdg.status, code=maps.un_sdg.series)
    if maps.eurostat is not None:
        yield "eurostat", SourceMap("eurostat", maps.eurostat.status, code=maps.eurostat.dataflow)
