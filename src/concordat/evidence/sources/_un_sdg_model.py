"""How the UN's SDG database writes what the catalogue knows (`concordat/un-sdg@1`): units, and codes of breakdowns.

Nothing of it was seen in an answer of the service: the codes are from memory and from a file of 2020 that others made
of it, so each carries its status.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.evidence._catalogue_model import Breakdown, Status
from concordat.settings import parse_yaml, validate


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SdgUnit(_Strict):
    """A unit of theirs, and the units of ours that it can be. A rate per 100 people of those people is a percentage."""

    code: str
    is_unit: list[str]
    status: Status


class SdgDimension(_Strict):
    """A dimension of theirs: the breakdown it is (none: it says nothing of the figure), and its codes.

    An empty value is the total. A code that is not listed is another figure than any of ours.
    """

    names: Annotated[list[str], Field(min_length=1)]
    breakdown: Breakdown | None = None
    values: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9]*$")]]
    status: Status


class SdgFile(_Strict):
    """The table."""

    schema_: Annotated[Literal["concordat/un-sdg@1"], Field(alias="schema")]
    units: list[SdgUnit]
    dimensions: list[SdgDimension]


@cache
def sdg_table() -> SdgFile:
    """The packaged table."""
    body = files("concordat.evidence").joinpath("_data/un_sdg.yaml").read_bytes()
    return validate(parse_yaml(body, where="un_sdg.yaml", schema="un-sdg@1"), SdgFile)
