"""What a mapping file may hold: the pydantic models of `concordat/import@1`, and the JSON Schema they write.

A mapping says how one table of the user's own is read: where the area, the period and the figure stand, in which unit,
and who made it. Nothing is guessed: what the file leaves open is an error. Rules that need the catalogue, the table of
licences or the names of areas are in `tabular`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Column = Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=1)]
Dimension = Literal["sex", "age", "loc", "income", "skill", "partner", "q"]
MissingReason = Literal["not_published", "not_applicable", "withheld", "uninhabited"]
SCHEMES = ("iso2", "iso3", "m49", "gec", "name")
TOTAL = "total"
EMPTY = "empty"  # how a list of codes names the empty cell, because a key of YAML can't be empty
_DAY = r"^\d{4}-\d{2}-\d{2}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Strict):
    """Whose figures these are, as they are cited, and who may pass them on.

    `class` is the place in the catalogue's source orders (`member_official`, ...); `publisher` tells two publishers of
    one class apart, so that they can conflict; without it every dataset speaks for itself.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")]
    title: Annotated[str, Field(min_length=1)]
    producer: Annotated[str, Field(min_length=1)]
    published: Annotated[str, Field(pattern=_DAY)] | None = None
    licence: str
    class_: Annotated[str, Field(alias="class")]
    publisher: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] | None = None
    url: str = ""


class Format(_Strict):
    """How the bytes are read; the kind follows the file's ending where it isn't given."""

    kind: Literal["csv", "xlsx", "parquet"] | None = None
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    header_row: Annotated[int, Field(ge=0)] = 1
    last_row: Annotated[int, Field(ge=1)] | None = None
    sheet: str | None = None
    merged: Literal["refuse", "fill"] = "refuse"
    missing: list[str] | dict[str, MissingReason] = [""]

    @model_validator(mode="after")
    def _apart(self) -> Format:
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same sign")
        if self.delimiter in ("\r", "\n") or self.quote in ("\r", "\n") or self.delimiter == self.quote:
            raise ValueError("delimiter and quote must be two signs, and no line ends")
        if self.last_row is not None and self.last_row <= self.header_row:
            raise ValueError("last_row must come after header_row")
        return self


class _Somewhere(_Strict):
    """A column, or one value that holds for every row."""

    column: Column | None = None
    always: str | int | None = None

    @model_validator(mode="after")
    def _one(self) -> _Somewhere:
        if (self.column is None) == (self.always is None):
            raise ValueError("name either a column, or with always one value for every row")
        return self


class Area(_Somewhere):
    """Whom the figure is about. `skip` names the rows, such as sums of countries, that are left out."""

    scheme: Literal["iso2", "iso3", "m49", "gec", "name"] = "iso3"
    skip: list[str] = []


class Period(_Strict):
    """When: a column of years, quarters, months or dates; two columns of dates; or one value for every row."""

    column: Column | None = None
    always: str | int | None = None
    start: Column | None = None
    end: Column | None = None
    form: Literal["year", "quarter", "month", "date"] = "year"
    format: str | None = None
    freq: Literal["A", "Q", "M"] = "A"

    @model_validator(mode="after")
    def _one(self) -> Period:
        given = [self.column is not None, self.always is not None, self.start is not None and self.end is not None]
        if sum(given) != 1 or (self.start is None) != (self.end is None):
            raise ValueError("name a column, or start and end, or always")
        if self.format is not None and self.form != "date" and self.start is None:
            raise ValueError("format belongs to form: date, or to start and end")
        return self


class Value(_Strict):
    """The figure. `precision` is half a unit of its last digit: `printed` reads it off the text, a number fixes it."""

    column: Column
    precision: Literal["printed", "unknown"] | Annotated[float, Field(gt=0)] = "unknown"


class Bound(_Strict):
    """One end of an interval."""

    column: Column


class Coded(_Somewhere):
    """A column of codes, and what they mean here."""

    values: dict[str, str] = {}


class Split(_Somewhere):
    """One dimension of a breakdown; the word `total` stands for no breakdown."""

    values: dict[str, str] = {}


class Measure(_Strict):
    """What a code of an indicator column is in the catalogue."""

    indicator: str
    unit: str
    multiply: Annotated[float, Field(gt=0)] = 1.0
    breakdown: dict[Dimension, str] = {}


class IndicatorColumn(_Strict):
    """A column that says what each row measures. Codes that are not listed are refused, or left out and counted."""

    column: Column
    values: dict[str, Measure]
    others: Literal["refuse", "leave_out"] = "refuse"

    @field_validator("values")
    @classmethod
    def _some(cls, values: dict[str, Measure]) -> dict[str, Measure]:
        if not values:
            raise ValueError("list at least one code")
        return values


class Columns(_Strict):
    """Where everything stands."""

    area: Area
    period: Period
    value: Value
    indicator: IndicatorColumn | None = None
    breakdown: dict[Dimension, Split] = {}
    lower: Bound | None = None
    upper: Bound | None = None
    unit: Coded | None = None
    status: Coded | None = None
    nature: Coded | None = None
    note: Bound | None = None


class ValueIs(_Strict):
    """What every row measures, where no column says it."""

    indicator: str
    unit: str
    multiply: Annotated[float, Field(gt=0)] = 1.0


class ImportFile(_Strict):
    """A mapping file."""

    schema_: Annotated[Literal["concordat/import@1"], Field(alias="schema")]
    file: Annotated[str, Field(min_length=1)]
    dataset: Dataset
    format: Format = Format()
    columns: Columns
    value_is: ValueIs | None = None
    aliases: dict[str, str] = {}

    @model_validator(mode="after")
    def _what(self) -> ImportFile:
        if (self.value_is is None) == (self.columns.indicator is None):
            raise ValueError("say what is measured once: in value_is, or by columns.indicator")
        return self


def import_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a mapping file, as kept in `_data/schema/import-1.json`."""
    schema = ImportFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/import@1", **schema}
