"""What bodies of entries are made of: strict models, and the texts that ids, hashes, days and instants may be.

A body is checked as JSON is: unknown keys are refused, the text "no" is no boolean. Instants are written with their
zone (`2026-05-06T18:00+08:00`) and counted in whole seconds since 1970; days as `2026-05-06`. Schemas forbid names,
e-mail and telephone numbers of persons: a person is the label of a key (ledger, section 4).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from concordat.errors import InputError
from concordat.settings import nearest

TEXT_MAX = 40_000
TIME_MAX = 8_204_889_600  # 2230-01-01: beyond it no deadline is meant

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
MemberId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Instant = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$")
]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Words = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Decimal_ = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$")]


class Body(BaseModel):
    """The body of one type of entry."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


B = TypeVar("B", bound=Body)


def read_body(model: type[B], raw: dict[str, Any], where: str) -> B:
    """A body, checked.

    Raises:
        InputError: the first thing that is wrong, with its path; an unknown key gets the nearest known one.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = "$.body" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        if first["type"] == "extra_forbidden":
            known = list(model.model_fields)
            close = nearest(str(first["loc"][-1]), known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known keys: {', '.join(known)}."
            what = f'"{str(first["loc"][-1])[:60]}" is not a key of {where}.'
            raise InputError(what, where=path, hint=hint, code="unknown_key") from None
        raise InputError(f"{first['msg']}.", where=path, code="body") from None


def seconds(instant: str, where: str = "$.body") -> int:
    """An instant as whole seconds since 1970.

    Raises:
        InputError: no such instant.

    >>> seconds("2026-05-06T18:00+08:00")
    1778061600
    """
    try:
        found = int(datetime.fromisoformat(instant).timestamp())
        if not 0 <= found <= TIME_MAX:
            raise ValueError
        return found
    except (ValueError, OverflowError):
        raise InputError(
            f'"{instant[:40]}" is not an instant.', where=where, hint="As 2026-05-06T18:00+08:00"
        ) from None


def day_end(day: str, where: str = "$.body") -> int:
    """The end of a day (24:00 UTC), in seconds since 1970.

    Raises:
        InputError: no such day.
    """
    try:
        found = date.fromisoformat(day)
        if not 1970 <= found.year < 2230:
            raise ValueError
    except ValueError:
        raise InputError(f'"{day[:20]}" is not a day.', where=where, hint="As 2026-12-31") from None
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) + 86_400


def utc(moment: int) -> str:
    """Seconds as people read them: `2026-05-06 10:00 UTC`."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def utc_day(moment: int) -> str:
    """The day of an instant, in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def year_of(moment: int) -> int:
    """The year of an instant, in UTC: what issued ids carry."""
    return datetime.fromtimestamp(moment, UTC).year


_SLUG = re.compile(r"[^a-z0-9]+")


def plural(count: int, word: str, many: str = "") -> str:
    """`1 vote`, `2 votes`."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"
