"""What a survey file may hold: the pydantic models of `concordat/survey@1`, and the JSON Schema they write.

The file says how to read a member's own microdata: the weight, the design, the domains, and which answers mean yes. It
holds no data. Unknown keys are errors; `settings.validate` turns each fault into a message with its line.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

EQUAL = "equal"  # in place of the weight's column: everyone had the same chance to be asked
MIN_CELL, MIN_CELL_LOWEST = 30, 10

Code = int | str
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DIMENSION = r"^[a-z]+$"
_VALUE = r"^[A-Za-z0-9]+$"
_SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Value = Annotated[str, Field(pattern=_VALUE)] | Annotated[int, Field(ge=0)]
_MARGIN = re.compile(r"[a-z]+(\*[a-z]+)*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Strict):
    """Who made the survey, and as what its figures are cited."""

    id: Annotated[str, Field(pattern=_SLUG)]
    title: Annotated[str, Field(min_length=1)]
    producer: Annotated[str, Field(min_length=1)]
    published: Annotated[str, Field(pattern=_DAY)] | None = None
    url: str = ""
    class_: Annotated[str, Field(pattern=_SLUG, alias="class")] = "member_official"


class Format(_Strict):
    """How the CSV file is written."""

    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."


class Interviews(_Strict):
    """First and last day, where the figures are not those of a calendar year."""

    start: Annotated[str, Field(pattern=_DAY)]
    end: Annotated[str, Field(pattern=_DAY)]

    @model_validator(mode="after")
    def _order(self) -> Interviews:
        if date.fromisoformat(self.end) < date.fromisoformat(self.start):
            raise ValueError("the end must not be before the start")
        return self


class Domain(_Strict):
    """A column that divides the people: its codes, each with the value it has in a breakdown (`1: F`)."""

    column: str
    values: Annotated[dict[str, Value], Field(min_length=1)]
    labels: dict[str, str] = {}

    @model_validator(mode="after")
    def _labels_of_values(self) -> Domain:
        unknown = sorted(set(self.labels) - {str(value) for value in self.values.values()})
        if unknown:
            raise ValueError(f'labels: "{unknown[0]}" is not among the values')
        return self


class Item(_Strict):
    """A question: which indicator it measures, and which answers count as yes, as no, and as none."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
    column: str = ""
    indicator_id: str
    breakdown: dict[Annotated[str, Field(pattern=_DIMENSION)], Value] = {}
    yes_codes: Annotated[list[Code], Field(min_length=1)]
    no_codes: Annotated[list[Code], Field(min_length=1)]
    missing_codes: list[Code] = []
    blank: Literal["not_asked", "counts_as_no", "missing"] = "not_asked"

    @model_validator(mode="after")
    def _each_code_once(self) -> Item:
        codes = [str(code) for code in (*self.yes_codes, *self.no_codes, *self.missing_codes)]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f'the code "{twice[0]}" stands twice')
        return self


class SurveyFile(_Strict):
    """A survey at a member's node."""

    schema_: Annotated[Literal["concordat/survey@1"], Field(alias="schema")]
    file: Annotated[str, Field(min_length=1)]
    dataset: Dataset
    area: str
    period: Annotated[int, Field(ge=1900, le=2200)] | None = None
    interviews: Interviews | None = None
    format: Format = Format()
    weight: str | None = None
    strata: str | None = None
    psu: str | None = None
    fpc: str | None = None
    domains: dict[Annotated[str, Field(pattern=_DIMENSION)], Domain] = {}
    margins: list[str] | None = None
    items: Annotated[list[Item], Field(min_length=1)]
    min_cell: Annotated[int, Field(ge=MIN_CELL_LOWEST)] = MIN_CELL
    licence: str
    conf_status: Literal["F", "N", "C"] = "F"

    @field_validator("margins")
    @classmethod
    def _margins_well_formed(cls, margins: list[str] | None) -> list[str] | None:
        for text in margins or ():
            if not _MARGIN.fullmatch(text):
                raise ValueError(f'"{text}" is not of the form sex or sex*loc')
        return margins

    @model_validator(mode="after")
    def _consistent(self) -> SurveyFile:
        ids = [item.id for item in self.items]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f'the item "{twice[0]}" stands twice')
        measured = [(i.indicator_id, tuple(sorted((k, str(v)) for k, v in i.breakdown.items()))) for i in self.items]
        for item, one in zip(self.items, measured, strict=True):
            if measured.count(one) > 1:
                raise ValueError(f'another item measures the same as "{item.id}"; give each a breakdown of its own')
            if set(item.breakdown) & set(self.domains):
                raise ValueError(f'the breakdown of "{item.id}" is also a domain')
        if (self.period is None) == (self.interviews is None):
            raise ValueError("give one of period (a year) and interviews (first and last day)")
        if self.fpc is not None and self.strata is None and self.psu is None:
            raise ValueError("fpc needs strata or psu")
        return self


def survey_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a survey file, as kept in `_data/schema/survey-1.json`."""
    schema = SurveyFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/survey@1", **schema}
