"""What bodies of exchange entries are made of: ids, hashes, codes, days, instants and counts, and nothing else.

No field can hold the name, e-mail address or telephone number of a person: every text has a pattern without spaces and
without `@`, begins with a letter where it is an id, and is a closed list where it is a code. What is longer lies beside
the log as a document, and the body names its hash. Source: exchange.md, section 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from concordat.errors import InputError
from concordat.settings import nearest

COUNT_MAX = 2**53 - 1

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,127}$")]
MemberId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Uuid = Annotated[str, Field(pattern=r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
StixId = Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,40}--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


def _real(text: str) -> str:
    """A day or an instant that the calendar knows: 2026-02-30 has the form of one and is none."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not in the calendar") from None
    return text


Day = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"), AfterValidator(_real)]
Instant = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$"),
    AfterValidator(_real),
]
Version = Annotated[int, Field(ge=1, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Sector = Annotated[str, Field(pattern=r"^[0-9]{3}([0-9]{2})?$")]  # a DAC category or purpose code
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
Issn = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{3}[0-9X]$")]
Year = Annotated[int, Field(ge=1900, le=2229)]
MediaType = Annotated[
    str, Field(pattern=r"^(application|audio|font|image|model|text|video)/[a-z0-9][a-z0-9.+-]{0,99}$")
]
FintechArea = Literal["big_data_ai", "blockchain_currency", "crowd_p2p", "third_party_payment"]
Label = Literal["AMBER", "AMBER+STRICT", "CLEAR", "GREEN", "RED"]
Some = Annotated[list[MemberId], Field(max_length=64)]


class Body(BaseModel):
    """The body of one type of entry, or a part of one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Blob(Body):
    """Content beside the log, as `ledger.entry.blob_reference` names it: the hash is salted unless it is public."""

    hash: Hash
    media_type: MediaType
    salted: bool
    size: Count


B = TypeVar("B", bound=Body)


def read_body(model: type[B], raw: dict[str, Any], where: str) -> B:
    """A body, checked.

    Raises:
        InputError: the first thing that is wrong, with its path; an unknown key gets the nearest known one.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        path = "$.body" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        if first["type"] == "extra_forbidden":
            known = list(model.model_fields)
            close = nearest(str(first["loc"][-1]), known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known keys: {', '.join(known)}."
            what = f'"{str(first["loc"][-1])[:60]}" is not a key of {where}.'
            raise InputError(what, where=path, hint=hint, code="unknown_key") from None
        raise InputError(f"{first['msg'].removeprefix('Value error, ')}.", where=path, code="body") from None
