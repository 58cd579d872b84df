"""What do the exchange's entries come to: facts about named objects, the same in whatever order entries come in.

    exchange = fold([Logged(entry, submitted), ...])
    for key in exchange.keys("dataset"):
        exchange.newest("dataset", key)              # the newest version as it was offered
    exchange.state_hash                              # equal wherever the same entries were folded

A fact is one entry that counts, kept under the object that it speaks of: `dataset BRA/ict-household-2025`. Nothing is
overwritten: two entries that publish one version with different documents are both kept, and the version is marked as
a conflict. An entry that doesn't fit its schema, or that its author may not say, changes nothing and is kept with the
reason. Entries of another scope, and of types that other rooms know, are left alone.

Signatures and the keys' right to sign for `exchange` were checked when the entries came into the member logs
(`ledger.shelf`). Submission times (ledger.md 6.3) are kept beside the facts and are no part of the hash: members learn
of cosigned heads one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError
from concordat.exchange._body import Body
from concordat.exchange.events import KINDS, SCOPE, check_said
from concordat.ledger.entry import Entry
from concordat.settings import nearest

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry as a member log has it.

    Attributes:
        entry: what was said. submitted: its submission time in seconds since 1970; None while no quorum of witnesses
            has cosigned a head that covers it.
    """

    entry: Entry
    submitted: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """An entry that counts.

    Attributes:
        entry, author, seq: whose it is and where. type: of the entry. says: what it says of the object (`published`,
            `withdrawn`, `reviewed`, ...). thing, key: the object: `("BRA", "ict-household-2025")` of a `dataset`, the
            owner first. body: its model. submitted: as `Logged`.
    """

    entry: str
    author: str
    seq: int
    type: str
    says: str
    thing: str
    key: Key
    body: Any
    submitted: int | None

    @property
    def version(self) -> int:
        """The version that it speaks of; 0 where there are none."""
        return getattr(self.body, "version", None) or 0

    @property
    def document(self) -> str:
        """The hash of the document that it names; empty without one."""
        blob = getattr(self.body, "document", None)
        return blob.hash if blob is not None else ""


@dataclass(frozen=True, slots=True)
class NoEffect:
    """An entry that changed nothing, and why: kept, never dropped."""

    entry: str
    author: str
    type: str
    reason: str


@dataclass(frozen=True)
class Exchange:
    """The state: facts by kind of object and key, in an order that doesn't depend on when they came in.

    Attributes:
        facts: kind of object -> key -> its facts by version, author, place in the log. no_effect: what changed nothing.
    """

    facts: Mapping[str, Mapping[Key, tuple[Fact, ...]]] = field(default_factory=dict)
    no_effect: tuple[NoEffect, ...] = ()

    def keys(self, thing: str) -> list[Key]:
        """The keys of all objects of a kind, sorted."""
        return sorted(self.facts.get(thing, {}))

    def of(self, thing: str, key: Key, says: str = "") -> tuple[Fact, ...]:
        """The facts about an object, all or those that say one thing; empty if nothing was said of it."""
        found = self.facts.get(thing, {}).get(tuple(key), ())
        return tuple(f for f in found if f.says == says) if says else found

    def all(self, thing: str, says: str = "") -> Iterator[Fact]:
        """All facts about objects of a kind, by key."""
        for key in self.keys(thing):
            yield from self.of(thing, key, says)

    def newest(self, thing: str, key: Key) -> Fact:
        """The newest version of an object as it was published; of a conflict the one with the smallest entry id.

        Raises:
            InputError: nothing of that name was published; the nearest is suggested.
        """
        found = self.of(thing, key, "published")
        if not found:
            known = {"/".join(k) for k in self.keys(thing)}
            close = nearest("/".join(key), known)
            hint = f'Did you mean "{close[0]}"?' if close else f"{len(known)} are known."
            raise InputError(f'no {thing} "{"/".join(key)[:80]}" was published.', hint=hint, code="unknown_id")
        last = max(f.version for f in found)
        return min((f for f in found if f.version == last), key=lambda f: f.entry)

    def conflicts(self, thing: str) -> list[tuple[Key, int]]:
        """Key and version of what was published twice with different documents, sorted."""
        found: dict[tuple[Key, int], set[str]] = {}
        for fact in self.all(thing, "published"):
            found.setdefault((fact.key, fact.version), set()).add(fact.document)
        return sorted(place for place, documents in found.items() if len(documents) > 1)

    @cached_property
    def entries(self) -> int:
        """How many entries count."""
        return sum(len(facts) for kind in self.facts.values() for facts in kind.values())

    @cached_property
    def state_hash(self) -> str:
        """Hexadecimal SHA-256 of the state: the ids of the entries that count, by object, and of those that don't."""
        value = {
            "facts": {
                thing: [[list(key), [f.entry for f in facts]] for key, facts in sorted(kind.items())]
                for thing, kind in self.facts.items()
            },
            "no_effect": [n.entry for n in self.no_effect],
        }
        return canonical.digest(value)


def fold(logged: Iterable[Logged | Entry]) -> Exchange:
    """The state that entries come to; an entry that comes twice counts once."""
    facts: dict[str, dict[Key, dict[str, Fact]]] = {}
    refused: dict[str, NoEffect] = {}
    for item in logged:
        one = item if isinstance(item, Logged) else Logged(item)
        entry = one.entry
        if entry.scope != SCOPE or entry.type not in KINDS:
            continue
        try:
            body = check_said(entry.type, entry.body, entry.author)
        except ConcordatError as error:
            refused[entry.id] = NoEffect(entry.id, entry.author, entry.type, str(error))
            continue
        fact = _fact(one, body)
        place = facts.setdefault(fact.thing, {}).setdefault(fact.key, {})
        known = place.get(entry.id)
        if known is None or _earlier(fact.submitted, known.submitted):
            place[entry.id] = fact
    return Exchange(
        {
            thing: {key: tuple(sorted(found.values(), key=_place)) for key, found in sorted(kind.items())}
            for thing, kind in sorted(facts.items())
        },
        tuple(refused[entry] for entry in sorted(refused)),
    )


def _fact(one: Logged, body: Body) -> Fact:
    entry, kind = one.entry, KINDS[one.entry.type]
    owner = str(getattr(body, kind.owner)) if kind.owner else entry.author
    key = (owner, *(str(getattr(body, name)) for name in kind.key))
    return Fact(entry.id, entry.author, entry.seq, entry.type, kind.says, kind.thing, key, body, one.submitted)


def _earlier(new: int | None, known: int | None) -> bool:
    return new is not None and (known is None or new < known)


def _place(fact: Fact) -> tuple[int, str, int, str]:
    """Where a fact stands among those of its object: by version, author, place in the author's log."""
    return fact.version, fact.author, fact.seq, fact.entry
