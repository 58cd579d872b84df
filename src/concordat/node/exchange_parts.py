"""What the exchange's engine is given: who this side is, what it offers, and the log that it speaks by. No I/O here.

Source: exchange.md 4.1, 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from concordat.exchange.dataspace.behaviours import Rule, Script
from concordat.exchange.dataspace.token import Keys


@dataclass(frozen=True, slots=True)
class File:
    """One file of an offered dataset: SHA-256, bytes, media type, and its name."""

    sha256: str
    bytes: int
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A dataset on offer.

    Attributes:
        uuid: `urn:uuid:...`. dataset: its id. version. offer: the ODRL offer with its `@id`. rule: how requests are
            answered. files. entry: the log entry that offered it. shown: the dataset in the protocol's catalogue.
        label: of TLP.
    """

    uuid: str
    dataset: str
    version: int
    offer: Mapping[str, Any]
    rule: Rule
    files: tuple[File, ...]
    entry: str
    shown: Mapping[str, Any]
    label: str = "AMBER"


class Offers(Protocol):
    """What this member offers."""

    def all(self) -> Sequence[Offered]:
        """The newest version of each dataset, by uuid; none of a dataset whose newest is withdrawn."""

    def get(self, uuid: str, version: int = 0) -> Offered | None:
        """A dataset by its uuid; 0: the newest version, unless that is withdrawn."""

    def refresh(self) -> None:
        """Look at what was offered and withdrawn since the last time; the two above tell what was found then."""


class Book(Protocol):
    """This member's log, and what others' entries prove."""

    def said(self, kind: str, body: Mapping[str, Any]) -> str:
        """Sign an entry once, however often it is asked for, durable when this returns; its envelope in base64."""

    def has(self, kind: str, agreement: str, digest: str) -> bool:
        """Whether this member has said that of an agreement of that hash."""

    def check(self, envelope: str, member: str, kind: str, body: Mapping[str, Any]) -> None:
        """An envelope is a member's entry of a kind, whose body says that in every field.

        Raises:
            InputError, TrustError: it isn't.
        """


@dataclass(frozen=True, slots=True)
class Side:
    """Who this side is, and whom it knows.

    Attributes:
        member: our id. bloc. base: our public address. places: each other member's base address. keys: as `token.Keys`.
        auth: whether callers show who they are; off for the conformance suite alone, on loopback.
        scripts: dataset or agreement -> `negotiation` or `transfer` -> script, for the conformance suite alone.
        title: of the catalogue. outside: those of `places` who are no members (partners), with the bloc that a token
            for them names. ends: of a partner the last instant at which it may be given anything.
    """

    member: str
    bloc: str
    base: str
    places: Mapping[str, str]
    keys: Keys
    auth: bool = True
    scripts: Mapping[str, Mapping[str, Script]] = field(default_factory=dict)
    title: str = ""
    outside: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, datetime] = field(default_factory=dict)


def pin_of(offered: Offered) -> dict[str, Any]:
    """What a negotiation keeps of what it was opened about: a later version is another offer."""
    return {
        "dataset_id": offered.dataset, "version": offered.version, "offered": offered.entry,
        "offer": str(offered.offer.get("@id", "")), "label": offered.label,
    }  # fmt: skip
