"""What a case is made of: strict, frozen models of the keys of `schema: concordat/case@1`.

Every text is kept by language (`title: {en: "...", pt: "..."}`), decimals are text, money is whole minor units of a
currency. There is no key for a person's name, e-mail address or telephone number: owners and organisations are
organisations, and `scrub` takes contact details out of every text. A result has no key for its grade: grades are given
by reviewers of other members and stand in the log. Source: exchange.md, section 6.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from concordat.errors import InputError

SUMMARY_MAX = 1000  # characters; exchange.md, section 6
TEXT_MAX = 20_000
LIST_MAX = 300
LINE_MAX = 300

Kind = Literal[
    "practice", "regulatory", "research_output", "policy_note", "guidance", "social_innovation", "sandbox"
]  # fmt: skip
FintechArea = Literal["crowd_p2p", "third_party_payment", "blockchain_currency", "big_data_ai"]
OwnerType = Literal[
    "government", "international", "company", "civil_society", "academia", "other", "unknown"
]  # fmt: skip
KINDS: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]
AREAS: tuple[str, ...] = FintechArea.__args__  # type: ignore[attr-defined]

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,127}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
Line = Annotated[str, Field(min_length=1, max_length=LINE_MAX)]
Words = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Summary = Annotated[str, Field(min_length=1, max_length=SUMMARY_MAX)]
Decimal_ = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$")]
When = Annotated[str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")]
Year = Annotated[int, Field(ge=1900, le=2229)]
Iso3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Url = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
Urls = Annotated[list[Url], Field(max_length=LIST_MAX)]
Lines = Annotated[list[Line], Field(max_length=LIST_MAX)]
Countries = Annotated[list[Iso3], Field(max_length=LIST_MAX)]


class Part(BaseModel):
    """A part of a case file: unknown keys are refused, and it is never changed after it was read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Owner(Part):
    """The organisation that answers for the case."""

    name: Line
    type: OwnerType = "unknown"


class Competence(Part):
    """A skill that a course teaches: a code of a packaged framework (`exchange skills codes`), 1 to 8 how far."""

    framework: Literal["digcomp", "ict-cft", "sdg441"] = "digcomp"
    code: Line
    level: Annotated[int, Field(ge=1, le=8)] | None = None

    @model_validator(mode="after")
    def _in_its_framework(self) -> Competence:
        from concordat.exchange.inclusion.skills import frameworks

        if self.code not in frameworks()[self.framework].codes:
            raise ValueError(
                f"{self.code[:40]} is not a code of {self.framework}; concordat exchange skills codes lists them"
            )
        return self


class Facets(Part):
    """What the case is found by: labels of the Digital Public Goods registry, DAC sectors, goals, action lines.

    A case with `competences` is a course that teaches them, in the languages `taught_in`; its words may be in others.
    """

    dpg: Lines = []
    dac: Annotated[list[Annotated[str, Field(pattern=r"^[0-9]{3}([0-9]{2})?$")]], Field(max_length=50)] = []
    sdgs: Annotated[list[Annotated[int, Field(ge=1, le=17)]], Field(max_length=17)] = []
    wsis: Annotated[list[Annotated[str, Field(pattern=r"^C([1-9]|1[01])$")]], Field(max_length=11)] = []
    fintech_area: Annotated[list[FintechArea], Field(max_length=4)] = []
    competences: Annotated[list[Competence], Field(max_length=100)] = []
    taught_in: Annotated[list[Language], Field(max_length=32)] = []

    @model_validator(mode="after")
    def _taught_in_a_language(self) -> Facets:
        if bool(self.competences) != bool(self.taught_in):
            raise ValueError("a course says both: competences, and taught_in which languages")
        return self


class Period(Part):
    """From when to when; an open end is `null`."""

    start: When | None = None
    end: When | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.start and self.end and self.end[: len(self.start)] < self.start[: len(self.end)]:
            raise ValueError(f"the end {self.end} is before the start {self.start}")
        return self


class Reach(Part):
    """How many were reached, when, and how that was counted."""

    value: Decimal_
    unit: Line
    as_of: When
    method: Words


class Result(Part):
    """What changed: a figure before and after, with its source. Its grade comes from reviewers, never from here."""

    indicator: Line
    baseline: Decimal_ | None = None
    value: Decimal_
    years: Annotated[list[Year], Field(min_length=1, max_length=2)]
    source_url: Url | None = None

    @model_validator(mode="after")
    def _years_in_order(self) -> Result:
        if self.years != sorted(self.years):
            raise ValueError("years must be in order, the year of the baseline first")
        return self


class Cost(Part):
    """What it cost: whole minor units of a currency (ISO 4217), prices of a year, and what that covers."""

    amount_minor: Annotated[int, Field(ge=0, le=2**53 - 1)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    year: Year
    covers: Line

    @field_validator("currency")
    @classmethod
    def _known(cls, code: str) -> str:
        from concordat.world import currency

        try:
            currency(code)
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from None
        return code


class Reuse(Part):
    """What another member may take and where: an SPDX expression, a repository, documentation, other links."""

    licence: Annotated[str, Field(max_length=300)] = ""
    repository: Url | None = None
    documentation: Url | None = None
    links: Urls = []


class Organisation(Part):
    """An organisation that takes part, and as what."""

    name: Line
    role: Annotated[str, Field(max_length=60)] = ""
    website: Url | None = None


class Used(Part):
    """Where it was made, and where it is used (ISO 3166-1 alpha-3)."""

    made: Countries = []
    used: Countries = []


class Claim(Part):
    """What is said of a development goal: grade 0, a claim alone, or 1, with a source of the owner's."""

    sdg: Annotated[int, Field(ge=1, le=17)]
    text: Annotated[str, Field(max_length=TEXT_MAX)] = ""
    source_url: Annotated[str, Field(max_length=TEXT_MAX)] = ""

    @property
    def grade(self) -> int:
        """The grade that the import gives: 1 where a source is named, else 0."""
        return 1 if self.source_url else 0


class Origin(Part):
    """Where an imported case came from: the registry, its ids there, its stage, and addresses that tell it apart."""

    registry: Line
    ids: Annotated[list[Line], Field(min_length=1, max_length=LIST_MAX)]
    stage: Annotated[str, Field(max_length=60)] = ""
    types: Lines = []
    websites: Urls = []
    repositories: Urls = []


def check_country(code: str) -> str:
    """An ISO 3166-1 alpha-3 code that is known.

    Raises:
        ValueError: it is not; with suggestions.
    """
    from concordat.world import country

    try:
        return country(code, scheme="iso3").iso3
    except InputError as error:
        raise ValueError(str(error).rstrip(".")) from None
