"""What the council has come to: named objects, what had no effect and why, and one hash of all that.

An object is a frozen dataclass with an id; a change puts another one in its place. The hash of the state is that of a
tree: objects by kind and id, the running hash of events without effect, the ids issued, the last batch. Only objects
that changed are hashed again, so that a batch costs what it changed. Every object names the batch that changed it last.

Time is ledger time: `advance` lets pass what an event finds passed (votes that closed, silences, deadlines), in the
order of the instants, before the event is looked at.
"""

from __future__ import annotations

import copy
import hashlib
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from fractions import Fraction
from typing import Any, TypeVar

from concordat import canonical
from concordat.errors import InputError, RuleError
from concordat.ledger.membership import Point
from concordat.settings import nearest

T = TypeVar("T", bound="Thing")
SUGGESTED_MAX = 1_000  # among more objects no near id is looked for, so that a wrong one costs little


@dataclass(frozen=True)
class Thing:
    """Any object of the state. `batch` is the last one that changed it, as (view, batch)."""

    id: str
    batch: tuple[int, int] = field(default=(0, 0), kw_only=True)


@dataclass(frozen=True)
class NoEffect:
    """An entry that changed nothing, and why: kept, never dropped."""

    entry: str
    author: str
    type: str
    reason: str


def value_of(thing: Any) -> Any:
    """Anything of the state as `canonical` writes it: dataclasses as objects, fractions as text."""
    if isinstance(thing, (str, int)) or thing is None:
        return thing
    if isinstance(thing, Fraction):
        return f"{thing.numerator}/{thing.denominator}"
    if hasattr(thing, "to_value"):
        return thing.to_value()
    if is_dataclass(thing) and not isinstance(thing, type):
        return {f.name: value_of(getattr(thing, f.name)) for f in fields(thing)}
    if isinstance(thing, dict):
        return {str(k): value_of(v) for k, v in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [value_of(v) for v in thing]
    if isinstance(thing, (set, frozenset)):
        return [value_of(v) for v in sorted(thing)]
    return thing


Passing = Callable[["Council", str, int], None]


class Council:
    """The state of one bloc's council.

    Args:
        bloc: its id. founders: the members under membership version 1. chair: who presides at first.
        merge_delay_s: how long an entry submitted in time may take to be taken up.

    Attributes:
        things: kind -> id -> object. no_effect: what changed nothing. at: the last batch folded. ledger_time: what had
            passed when the last event counted. events: how many were folded. fault: why the last
            entry without effect had none. opinions: consultation -> its votes, which are too many for an object.
    """

    def __init__(self, bloc: str, founders: tuple[str, ...], chair: str = "", merge_delay_s: int = 86_400) -> None:
        self.bloc = bloc
        self.founders = tuple(sorted(founders))
        self.merge_delay_s = merge_delay_s
        self.things: dict[str, dict[str, Any]] = {}
        self.no_effect: list[NoEffect] = []
        self.at = Point(0, 0)
        self.ledger_time = 0
        self.events = 0
        self.issued: dict[str, int] = {}
        self.passing: dict[str, Passing] = {}
        self.opinions: dict[str, Any] = {}
        self._first_chair = chair if chair in self.founders else self.founders[0]
        self._due: list[tuple[int, str, str]] = []
        self._none = hashlib.sha256(b"no effect").hexdigest()
        self._digests: dict[str, dict[str, str]] = {}
        self._dirty: dict[str, set[str]] = {}
        self._kinds: dict[str, str] = {}
        self.fault: Exception | None = None

    # --- Objects ------------------------------------------------------------------------------------------------------

    def put(self, kind: str, thing: T) -> T:
        """Put a new object in its place, marked with the present batch."""
        found = self.things.setdefault(kind, {})
        if found.get(thing.id) is thing:  # unchanged: a frozen state, or a trial, may hold the same one
            thing = copy.copy(thing)
        object.__setattr__(thing, "batch", (self.at.view, self.at.batch))  # nobody else has it yet
        found[thing.id] = thing
        self._dirty.setdefault(kind, set()).add(thing.id)
        return thing

    def all(self, kind: str) -> list[Any]:
        """The objects of a kind, in order of their ids."""
        found = self.things.get(kind, {})
        return [found[key] for key in sorted(found)]

    def find(self, kind: str, key: str) -> Any | None:
        """One object, or None."""
        return self.things.get(kind, {}).get(key)

    def get(self, kind: str, key: str) -> Any:
        """One object.

        Raises:
            InputError: none of that id; the nearest is suggested.
        """
        found = self.find(kind, key)
        if found is None:
            things = self.things.get(kind, {})
            close = nearest(key, things) if len(things) <= SUGGESTED_MAX else []
            hint = f'Did you mean "{close[0]}"?' if close else f"See: concordat council show {kind}"
            raise InputError(f'there is no {kind.replace("_", " ")} "{key[:64]}".', hint=hint, code="unknown_id")
        return found

    def issue(self, prefix: str, year: int) -> str:
        """The next id of a kind in a year: `v-2026-014`. Issued ids are never reused."""
        key = self.next_id(prefix, year)
        stem = f"{prefix}-{year}"
        self.issued[stem] = self.issued.get(stem, 0) + 1
        return key

    def next_id(self, prefix: str, year: int) -> str:
        """The id that will be issued next; nothing is issued yet."""
        stem = f"{prefix}-{year}"
        return f"{stem}-{self.issued.get(stem, 0) + 1:03}"

    # --- Time ---------------------------------------------------------------------------------------------------------

    def remind(self, moment: int, kind: str, key: str) -> None:
        """Look at an object again once ledger time is past a moment."""
        heapq.heappush(self._due, (moment, kind, key))

    def advance(self, ledger_time: int) -> None:
        """Let ledger time pass: what fell due is settled in the order of its instants."""
        self.ledger_time = max(self.ledger_time, ledger_time)
        while self._due and self._due[0][0] < self.ledger_time:
            moment, kind, key = heapq.heappop(self._due)
            try:
                self.passing[kind](self, key, moment)
            except Exception as error:  # as in `fold.take`: what can't be settled must not stop every member
                self.refuse(f"{kind} {key}", "", "passing", str(error))

    @property
    def next_due(self) -> int | None:
        """When the next thing falls due, in ledger time; None if nothing does."""
        return self._due[0][0] if self._due else None

    def refuse(self, entry: str, author: str, type: str, reason: str) -> None:  # noqa: A002
        """Keep an entry that changes nothing, with its reason."""
        self.no_effect.append(NoEffect(entry, author, type, reason))
        self._none = hashlib.sha256(f"{self._none} {entry}".encode()).hexdigest()  # words may differ between machines

    # --- Who ----------------------------------------------------------------------------------------------------------

    @property
    def chair(self) -> str:
        """The member that presides: the one appointed while its term runs, else the next active one of the rota."""
        found = self.find("chair", "chair")
        rota = (*self.founders[self.founders.index(self._first_chair) :], *self.founders, *self.members)
        if found is not None and (not found.until or self.ledger_time < found.until):
            rota = (found.member, *rota)
        active = set(self.members)
        return next((member for member in rota if member in active), self._first_chair)

    @property
    def members(self) -> tuple[str, ...]:
        """All members with a vote, in order: neither suspended nor gone."""
        return tuple(m.id for m in self.all("member") if m.status == "active")

    def require_chair(self, author: str, what: str) -> None:
        """Only the chair may do it.

        Raises:
            RuleError: somebody else tried.
        """
        if author != self.chair:
            raise RuleError(f"only the chair ({self.chair}) may {what}.", code="chair")

    def frozen(self) -> Council:
        """The state as it is now, which either may go on from without the other: nothing that can change is shared.

        Objects never change, so none is copied: it costs a pointer an object, whatever they hold.
        """
        same = Council.__new__(Council)
        same.__dict__.update(self.__dict__)
        same.things = {kind: dict(found) for kind, found in self.things.items()}
        same.no_effect, same.issued, same._due = list(self.no_effect), dict(self.issued), list(self._due)
        same._digests = {kind: dict(found) for kind, found in self._digests.items()}
        same._dirty = {kind: set(found) for kind, found in self._dirty.items()}
        same._kinds, same.passing = dict(self._kinds), dict(self.passing)
        same.opinions = {key: votes.copy() for key, votes in self.opinions.items()}
        return same

    # --- Hash ---------------------------------------------------------------------------------------------------------

    @property
    def state_hash(self) -> str:
        """Hexadecimal SHA-256 of the state: equal at every member that folded the same batches."""
        for kind, keys in self._dirty.items():
            digests = self._digests.setdefault(kind, {})
            for key in keys:
                digests[key] = canonical.digest(value_of(self.things[kind][key]))
            joined = hashlib.sha256()
            for key in sorted(digests):
                joined.update(f"{key} {digests[key]}\n".encode())
            self._kinds[kind] = joined.hexdigest()
        self._dirty.clear()
        return canonical.digest(
            {
                "at": [self.at.view, self.at.batch],
                "bloc": self.bloc,
                "issued": self.issued,
                "kinds": self._kinds,
                "ledger_time": self.ledger_time,
                "no_effect": self._none,
            }
        )

    def to_value(self) -> dict[str, Any]:
        """The whole state as plain data."""
        return {
            "at": {"batch": self.at.batch, "view": self.at.view},
            "bloc": self.bloc,
            "chair": self.chair,
            "ledger_time": self.ledger_time,
            "no_effect": value_of(self.no_effect),
            "state_hash": self.state_hash,
            "things": {kind: {t.id: value_of(t) for t in self.all(kind)} for kind in sorted(self.things)},
        }

    def texts(self) -> Iterator[tuple[str, str]]:
        """(kind, id) of everything there is."""
        for kind in sorted(self.things):
            for key in sorted(self.things[kind]):
                yield kind, key
