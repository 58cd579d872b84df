"""What a map of SDMX data may hold: the pydantic models of `concordat/sdmx@1`, and the JSON Schema they write.

A map says which rows of which dataflow are which indicator of ours, in which unit and breakdown. It is reviewed text:
nothing is guessed from a code's name. Ours are in `_data/sdmx/<agency>.yaml`; a person's own has the same form, and
also says who made the data (`origin`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concordat.evidence._catalogue_model import INDICATOR_ID, Breakdown, Status

Scheme = Literal["iso2", "iso3", "m49", "eurostat"]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_@$-]*$")]
Https = Annotated[str, Field(pattern=r"^https://[^\s?#]+[^/\s?#]$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Strict):
    """What the service is known to allow; null where nobody said."""

    requests_per_hour: Annotated[int, Field(gt=0)] | None = None
    cells_at_once: Annotated[int, Field(gt=0)] | None = None
    cells_at_all: Annotated[int, Field(gt=0)] | None = None


class Agency(_Strict):
    """A service, how it is asked, and what is odd about it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    name: str
    service: Https
    accept: str = "application/vnd.sdmx.data+csv;labels=id"
    also_accept: list[str] = []
    parameters: dict[str, str] = {}
    limits: Limits = Limits()
    quirks: list[Annotated[str, Field(min_length=10)]] = []
    status: Status


class Area(_Strict):
    """The dimension that holds the country, the scheme of its codes, and the codes known to be groups of countries."""

    dimension: Id = "REF_AREA"
    scheme: Scheme
    groups: list[str] = []


class Part(_Strict):
    """A dimension that is one of our breakdowns; an empty value is the total, a code not listed is passed over."""

    dimension: Id
    values: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9]*$")]]


class SeriesMap(_Strict):
    """The rows that are one indicator."""

    indicator: Annotated[str, Field(pattern=INDICATOR_ID)]
    unit: Annotated[str, Field(min_length=1)]
    where: dict[Id, str | list[str]] = {}
    breakdown: dict[Breakdown, Part] = {}
    multiply: float = 1.0

    @model_validator(mode="after")
    def _scale(self) -> SeriesMap:
        if not self.multiply:
            raise ValueError("multiply must not be 0")
        return self


class Flow(_Strict):
    """A dataflow: where it is, and what its columns are.

    `flow` is as in the address (`AGENCY,ID,VERSION` or `ID`). A body is taken for it when it names the same id.
    """

    flow: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.@$-]*(,[A-Za-z0-9_@$-]+(,[0-9.+*]*)?)?$")]
    also_named: list[str] = []
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+{}-]*$")] = ""
    status: Status
    area: Area
    time: Id = "TIME_PERIOD"
    value: Id = "OBS_VALUE"
    unit_mult: Id | None = "UNIT_MULT"
    free_dimensions: list[Id] = []
    series: Annotated[list[SeriesMap], Field(min_length=1)]

    @property
    def id(self) -> str:
        """The flow's own id, without agency and version."""
        parts = self.flow.split(",")
        return parts[1] if len(parts) > 1 else parts[0]

    @property
    def names(self) -> frozenset[str]:
        """Every id by which a body may name it, lower case: services do not keep capitals."""
        return frozenset(name.lower() for name in (self.id, *self.also_named))


class OriginBlock(_Strict):
    """Who made the data; only in a person's own map."""

    dataset_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    source_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    producer: str
    title: str
    published: str = ""
    url: str = ""
    licence: str


class SdmxFile(_Strict):
    """One agency's flows."""

    schema_: Annotated[Literal["concordat/sdmx@1"], Field(alias="schema")]
    agency: Agency | None = None
    origin: OriginBlock | None = None
    flows: list[Flow] = []

    @model_validator(mode="after")
    def _distinct(self) -> SdmxFile:
        seen: set[str] = set()
        for flow in self.flows:
            if twice := flow.names & seen:
                raise ValueError(f'the flow "{min(twice)}" stands twice')
            seen |= flow.names
        if self.agency is None and self.origin is None:
            raise ValueError("needs an agency, or an origin")
        return self


def sdmx_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a map, as kept in `_data/schema/sdmx-1.json`."""
    schema = SdmxFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/sdmx@1", **schema}
