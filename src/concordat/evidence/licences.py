"""What may be done with a figure: the licences of the sources as flags, and the strictest of several.

A derived value takes the strictest flags of its inputs: it may be given away only if all of them may, and owes whatever
one of them demands. The table is `_data/licences.yaml`; ids are SPDX where SPDX has one. Flags of an id never change,
so a vintage stored under a licence is checked against the table whenever it is used. This is a table of rules for our
own exports, not legal advice; a licence whose text nobody here has read is `unverified`, and that is printed with it.

    >>> licence("CC-BY-4.0").redistribute, strictest(["CC-BY-4.0", "ODbL-1.0"]).share_alike
    (True, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from concordat.errors import InputError, TrustError
from concordat.settings import Document, nearest, parse_yaml

PERMITS = ("redistribute", "derive", "commercial", "public_api")
DEMANDS = ("share_alike", "attribution")
STATUSES = ("verified", "unverified", "own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What is allowed (`redistribute`, `derive`, `commercial`, `public_api`) and what is demanded."""

    redistribute: bool
    derive: bool
    commercial: bool
    public_api: bool
    share_alike: bool
    attribution: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence(Flags):
    """One row of the table. `name` is what a citation prints."""

    id: str
    name: str
    attribution_text: str
    url: str
    status: str

    def as_dict(self) -> dict[str, Any]:
        """The record that is stored with a vintage."""
        return asdict(self)


@cache
def licences() -> Mapping[str, Licence]:
    """All licences by id.

    Raises:
        InputError: the packaged table is not as it must be.
    """
    return read_licences(files("concordat.evidence").joinpath("_data/licences.yaml").read_bytes())


def read_licences(body: bytes, *, where: str = "licences.yaml") -> Mapping[str, Licence]:
    """A table of licences from the bytes of its file."""
    document = parse_yaml(body, where=where, schema="licences@1")
    rows = document.value.get("licences") or []
    found: dict[str, Licence] = {}
    for number, row in enumerate(rows):
        one = _licence(row, document, number)
        if one.id in found:
            place = document.place("licences", number)
            raise InputError(f'"{one.id}" stands twice.', where=place, hint="Remove one.", code="duplicate_key")
        found[one.id] = one
    return MappingProxyType(found)


def licence(licence_id: str, *, where: str = "") -> Licence:
    """One licence.

    Raises:
        InputError: the table has no such id.
    """
    found = licences().get(licence_id)
    if found is None:
        close = nearest(licence_id, licences())
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(licences())}."
        raise InputError(f'"{licence_id}" is not a licence I know.', where=where, hint=hint, code="unknown_licence")
    return found


def strictest(licence_ids: Iterable[str]) -> Flags:
    """The flags of a value derived from figures under these licences. Without any, nothing is allowed.

    Raises:
        InputError: the table has no such id.
    """
    rows = [licence(one) for one in sorted(set(licence_ids))]
    permits = {flag: bool(rows) and all(getattr(r, flag) for r in rows) for flag in PERMITS}
    demands = {flag: any(getattr(r, flag) for r in rows) for flag in DEMANDS}
    return Flags(**permits, **demands)


def require_same_licence(stored: Mapping[str, Any], *, where: str) -> None:
    """Check the licence that a vintage was stored under against the table.

    Raises:
        TrustError: a flag differs: the store or the table was changed.
    """
    known = licence(str(stored.get("id", "")), where=where)
    for flag in (*PERMITS, *DEMANDS):
        was, now = stored.get(flag), getattr(known, flag)
        if was is not now:
            raise TrustError(
                f"the licence {known.id} is not what it was: {flag} was {was} when the data were stored, now {now}.",
                where=where,
                hint="Flags never change under one id: restore licences.yaml, or store the data as a new vintage.",
                code="licence",
            )


def _licence(row: Any, document: Document, number: int) -> Licence:
    names = Licence.__dataclass_fields__
    place = document.place("licences", number)
    if not isinstance(row, dict) or set(row) != set(names):
        wrong = sorted(set(names) ^ set(row)) if isinstance(row, dict) else sorted(names)
        hint = "Each row has exactly: " + ", ".join(sorted(names)) + "."
        raise InputError(f"missing or unknown keys: {', '.join(wrong)}.", where=place, hint=hint, code="invalid")
    for name in names:
        wanted = bool if name in (*PERMITS, *DEMANDS) else str
        if not isinstance(row[name], wanted):
            place = document.place("licences", number, name)
            raise InputError(
                f"{name} must be {'true or false' if wanted is bool else 'text'}.", where=place, code="type"
            )
    if row["status"] not in STATUSES:
        place = document.place("licences", number, "status")
        raise InputError(f'status "{row["status"]}" is not one of {", ".join(STATUSES)}.', where=place, code="invalid")
    return Licence(**row)
