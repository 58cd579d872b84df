"""What a catalogue file may hold: the pydantic models of `concordat/indicators@1`, and the JSON Schema they write.

Loaded only when the catalogue is read. Unknown keys are errors; `settings.validate` turns each fault into a message
with its line. Rules that need all files at once (unique ids, known weights) are in `catalogue`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Topic = Literal[
    "connectivity", "affordability", "skills", "people", "energy", "economy", "inclusion", "digital_trade",
    "innovation", "government",
]  # fmt: skip
Unit = Literal[
    "percent", "per_100", "per_million", "count", "usd_current", "usd_2015", "intl_usd_2021", "kwh", "gigabytes",
    "index_0_100", "index_0_1", "years", "lcu_per_usd", "ratio",
]  # fmt: skip
Status = Literal["verified", "seen", "unverified"]
Breakdown = Literal["sex", "age", "loc", "income", "skill", "partner", "q"]
Language = Literal["en", "zh", "ru", "pt", "ar", "hi", "es", "fr", "id", "fa", "am"]

INDICATOR_ID = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
_BREAKDOWN_TEXT = re.compile(r"[a-z]+=[A-Za-z0-9]+(;[a-z]+=[A-Za-z0-9]+)*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Aggregate(_Strict):
    """How a bloc's figure is made from its members'."""

    rule: Literal["weighted_mean", "ratio_of_sums", "sum", "median", "none"]
    weight: str = ""
    numerator: str = ""
    denominator: str = ""
    per: float = 1.0

    @model_validator(mode="after")
    def _whole(self) -> Aggregate:
        if self.rule in ("weighted_mean", "ratio_of_sums") and not self.weight:
            raise ValueError(f"the rule {self.rule} needs a weight")
        if bool(self.numerator) != bool(self.denominator):
            raise ValueError("numerator and denominator come together")
        return self


class Tolerance(_Strict):
    """By how much two sources may differ beyond both their roundings before it counts as a conflict."""

    abs: Annotated[float, Field(ge=0)]


class Checks(_Strict):
    """Limits for the quality rules: a larger change in a year may be a break; what a zero means."""

    jump_per_year: Annotated[float, Field(gt=0)] | None = None
    zero: Literal["plausible", "suspicious", "impossible"] = "plausible"


class AgeYears(_Strict):
    """From which age a value is marked stale, and beyond which it counts as missing."""

    stale: Annotated[int, Field(ge=0)]
    drop: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _order(self) -> AgeYears:
        if self.drop < self.stale:
            raise ValueError("drop must not be below stale")
        return self


class FactbookPlace(_Strict):
    """Where the Factbook prints it: section, field, key; a last step ending in `*` also takes a year.

    `rounded_to`: figures are rounded to multiples of it although they are printed with all their digits.
    """

    path: list[str] | None = None
    breakdowns: dict[str, list[str]] = {}
    or_text: str | None = None
    rounded_to: Annotated[float, Field(gt=0)] | None = None
    status: Status

    @model_validator(mode="after")
    def _somewhere(self) -> FactbookPlace:
        for steps in filter(None, [self.path, *self.breakdowns.values()]):
            if not 2 <= len(steps) <= 3:
                raise ValueError("a path has a section, a field and at most one key")
        if self.path is None and not self.breakdowns:
            raise ValueError("needs a path")
        return self


class Coded(_Strict):
    """The code a source gives it, and the codes of its breakdowns."""

    code: str | None = None
    breakdowns: dict[str, str] = {}
    status: Status


class Series(_Strict):
    """A series of the UN's SDG database."""

    series: str
    status: Status


class Dataflow(_Strict):
    """A dataflow of an SDMX service."""

    dataflow: str
    status: Status


class Maps(_Strict):
    """How each source calls the indicator."""

    cia_factbook: FactbookPlace | None = None
    worldbank_wdi: Coded | None = None
    un_sdg: Series | None = None
    itu: Coded | None = None
    eurostat: Dataflow | None = None


class IndicatorModel(_Strict):
    """One indicator of the catalogue."""

    id: Annotated[str, Field(pattern=INDICATOR_ID)]
    names: dict[Language, Annotated[str, Field(min_length=1)]]
    names_status: Status = "unverified"
    definition: Annotated[str, Field(min_length=20)]
    topic: Topic
    unit: Unit
    bounds: tuple[float | None, float | None]
    polarity: Literal["higher_is_better", "lower_is_better", "neutral"]
    breakdowns: list[Breakdown] = []
    aggregate: Aggregate
    tolerance: Tolerance
    checks: Checks = Checks()
    age_years: AgeYears
    headline: bool = False
    custodian: str = ""
    source_order: list[str] = []
    maps: Maps
    commitments: list[Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]] = []
    retired: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    replaced_by: str | None = None

    @field_validator("names")
    @classmethod
    def _english(cls, names: dict[str, str]) -> dict[str, str]:
        if "en" not in names:
            raise ValueError("an English name is needed")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> IndicatorModel:
        low, high = self.bounds
        if low is not None and high is not None and low >= high:
            raise ValueError("the lower bound must be below the upper bound")
        for source in ("cia_factbook", "worldbank_wdi", "itu"):
            place = getattr(self.maps, source)
            for breakdown in place.breakdowns if place else ():
                self._check_breakdown(breakdown, source)
        if self.replaced_by and not self.retired:
            raise ValueError("replaced_by needs a retired date")
        return self

    def _check_breakdown(self, breakdown: str, source: str) -> None:
        if not _BREAKDOWN_TEXT.fullmatch(breakdown):
            raise ValueError(f'{source}: "{breakdown}" is not of the form sex=F')
        for part in breakdown.split(";"):
            if part.partition("=")[0] not in self.breakdowns:
                raise ValueError(f'{source}: "{breakdown}" is not among the breakdowns {self.breakdowns}')


class IndicatorFile(_Strict):
    """A file of the catalogue: one topic."""

    schema_: Annotated[Literal["concordat/indicators@1"], Field(alias="schema")]
    indicators: list[IndicatorModel]


def indicator_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a catalogue file, as kept in `_data/schema/indicators-1.json`."""
    schema = IndicatorFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/indicators@1", **schema}
