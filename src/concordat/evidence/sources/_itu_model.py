"""Our table of the ITU DataHub's codes (`concordat/itu@1`): the number that its addresses want for each code.

The service has three spaces of numbers that look alike: `codeID` of its dictionary (11624 is i99H), the nodes of the
ICT Development Index (3 is i99H there), and its own numbers of countries and regions (244 is the United States). Only
the first is in this table.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.evidence._catalogue_model import INDICATOR_ID, Status
from concordat.settings import parse_yaml, validate

INDEX_NODES_MAX = 100  # the index has 14 nodes; the dictionary's numbers seen are above 200


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItuCode(_Strict):
    """One code: its number, and for a part the indicator and breakdown that it is (else the catalogue says)."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
    id: Annotated[int, Field(gt=INDEX_NODES_MAX)]
    indicator: Annotated[str, Field(pattern=INDICATOR_ID)] | None = None
    breakdown: Annotated[str, Field(pattern=r"^([a-z]+=[A-Za-z0-9]+(;|$))*$")] = ""
    status: Status


class ItuFile(_Strict):
    """The table."""

    schema_: Annotated[Literal["concordat/itu@1"], Field(alias="schema")]
    codes: list[ItuCode]


@cache
def itu_codes() -> tuple[ItuCode, ...]:
    """The packaged table."""
    body = files("concordat.evidence").joinpath("_data/itu.yaml").read_bytes()
    return tuple(validate(parse_yaml(body, where="itu.yaml", schema="itu@1"), ItuFile).codes)
