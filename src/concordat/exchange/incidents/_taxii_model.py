"""What a TAXII request, its answer, a collection and a stored object are, and what a store must do.

Times of addition are whole microseconds since 1970, strictly increasing in a collection; they are the sequence number
by which pages go on. A store draws those of one request at random from a tenth of a second: of numbers that ran on
one by one, a reader could tell how many objects between two were kept from it. Source: exchange.md, section 8.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from concordat.errors import InputError
from concordat.exchange.incidents.tlp import Caller, Policy, Shared, Tlp

MEDIA = "application/taxii+json;version=2.1"
STIX_MEDIA = "application/stix+json;version=2.1"
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. path: behind `/taxii2/`. base: the address of `/taxii2/` as the caller reached it. headers: by
    lower-case name. caller: as far as it was proved."""

    method: str
    path: str
    base: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    caller: Caller = field(default_factory=Caller)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection: of one bloc and topic, up to one label.

    Attributes:
        id: UUID. root: of its bloc. ceiling: the strictest label it takes. writers: members that may add.
        subscribers: members that get what is AMBER, each with its need in words.
    """

    id: str
    root: str
    title: str
    topic: str
    ceiling: Tlp
    writers: frozenset[str] = frozenset()
    subscribers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A stored object in one version.

    Attributes:
        added: microseconds since 1970. version: text as in the object. version_ns: the same as nanoseconds since 1970.
        label: with all it refers to. owner: who added it. body: its JSON; empty where only facts were asked for.
    """

    added: int
    id: str
    version: str
    version_ns: int
    label: Tlp
    owner: str
    recipients: frozenset[str]
    body: bytes = b""

    @property
    def shared(self) -> Shared:
        """As far as sending goes."""
        return Shared(self.label, self.owner, self.recipients)


@dataclass(frozen=True, slots=True)
class New:
    """An object to store: its id, version (empty: none of its own), and the object."""

    id: str
    version: str
    stix: Mapping[str, object]

    @classmethod
    def of(cls, stix: Mapping[str, object]) -> New:
        """A checked object, in the version that it says."""
        return cls(str(stix["id"]), str(stix.get("modified") or stix.get("created") or ""), stix)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the store stands. roots: id -> title. members: active ones of the bloc. now: microseconds since 1970."""

    roots: Mapping[str, str]
    members: frozenset[str]
    now: int
    title: str = "Incidents shared among members"

    def policy(self, collection: Collection) -> Policy:
        """Whom labels mean in a collection."""
        return Policy(self.members, collection.subscribers)


class Store(Protocol):
    """What keeps collections. Reads see whole changes only; `change` holds the others off."""

    def collections(self, root: str) -> Sequence[Collection]: ...

    def page(
        self, collection: str, after: int, ids: Sized[str], types: Sized[str], most: int,
        may: Callable[[Shared], bool] | None = None,
    ) -> Sequence[Row]:  # fmt: skip
        """Rows that were not withdrawn, added later than `after`, by time of addition; no ids or types: all.

        Args:
            may: leave out what it doesn't allow, before anything is counted; what is left out costs no time.
        """

    def versions(self, collection: str, ids: Sized[str]) -> Sequence[Row]:
        """All rows of some ids that were not withdrawn, without bodies, by time of addition."""

    def held_for(self, collection: str) -> Sequence[Shared]:
        """Label, sender and recipients of what lies in a collection and was not withdrawn, each kind once."""

    def change(self) -> AbstractContextManager[object]: ...

    def add(self, collection: str, owner: str, recipients: frozenset[str], new: Sequence[New]) -> Sequence[Row]:
        """Store objects and grade them anew, with all that refers to them; the rows, in the order given."""

    def seen_labels(self, collection: str, added: Sized[int], may: Callable[[str, Shared], bool]) -> Sequence[Tlp]:
        """What rows would be labelled if only what `may` says of a collection and what lies in it were there."""

    def name_more(self, collection: str, added: int, recipients: frozenset[str]) -> None:
        """Put these recipients in the place of a row's own."""

    def drop(self, collection: str, added: Sized[int]) -> None:
        """Take rows out again that this change put in."""

    def withdraw(self, collection: str, added: Sized[int], now: int) -> None:
        """Leave tombstones: bodies are erased, id, version and both times stay."""

    def put_status(self, root: str, number: str, owner: str, body: bytes, now: int) -> None: ...

    def status(self, root: str, number: str, owner: str) -> bytes | None: ...


def nanoseconds(text: str, where: str = "") -> int:
    """Nanoseconds since 1970 of a STIX timestamp.

    Raises:
        InputError: not a timestamp.
    """
    found = _TIME.fullmatch(text)
    try:
        whole = datetime.fromisoformat(found[1] + "+00:00") if found else None
    except ValueError:
        whole = None
    if found is None or whole is None:
        hint = "Write it as 2026-05-04T09:30:00.000Z."
        raise InputError(f'"{text[:40]}" is not a timestamp.', where=where, hint=hint, code="time")
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))


def time_text(added: int) -> str:
    """A time of addition as TAXII writes it.

    >>> time_text(1_777_887_000_000_001)
    '2026-05-04T09:30:00.000001Z'
    """
    seconds, rest = divmod(added, 10**6)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"
