"""What state do all members come to: final entries replayed in the order that counts, hashed after each batch.

`fold` sees only entries under a final head, in council order. An entry whose key was not valid at the batch that took
it up is refused and named; one whose `refs` are not known yet is held back and taken as soon as they are, in the order
of the log. At most 1,000 entries of one author and 10,000 in all are held: one more is refused and named as well, so
nobody stops the others by naming what does not exist. A refused entry is known: what names it waits no longer. Entries
of other scopes carry no order of the council; rooms read them from the members' logs.

A handler is `handler(state, event) -> state`, registered for a type by the room that knows it; unknown types are kept
in the log, proved, and change nothing. State is any value that `canonical` can write; its hash is what members
compare. A state with a `state_hash` of its own is asked for that: a large one hashes only what changed.

    >>> def count(state, event):
    ...     return {"entries": state["entries"] + 1}
    >>> Fold({"Said": count}, {"entries": 0}).state_hash[:8]
    'a4bf3ed5'
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from concordat import canonical
from concordat.errors import TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain, Point

HELD_MAX = 10_000
HELD_MAX_EACH = 1_000  # of one author


@dataclass(frozen=True)
class Event:
    """An entry as the order of the council has it.

    Attributes:
        entry: what was said. point: the batch that took it up. submitted: its submission time, in seconds.
        ledger_time: that of the batch before it, in seconds: what had passed when it counted.
    """

    entry: Entry
    point: Point
    submitted: int
    ledger_time: int


Handler = Callable[[Any, Event], Any]


@dataclass
class Fold:
    """A replay that can go on.

    Attributes:
        handlers: by entry type. state: the value so far. refused: entries that did not count, and why.
        hashes: one state hash a batch. applied: ids in the order in which they counted.
    """

    handlers: Mapping[str, Handler]
    state: Any
    chain: MembershipChain | None = None
    refused: list[tuple[str, str]] = field(default_factory=list)
    hashes: list[tuple[Point, str]] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _held: dict[str, Event] = field(default_factory=dict)
    _missing: dict[str, int] = field(default_factory=dict)  # held entry -> how many of its refs are not known
    _waiting: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # ref -> (number, held entry)
    _ready: list[tuple[int, str]] = field(default_factory=list)  # a heap of held entries that miss nothing any more
    _by_author: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    @property
    def state_hash(self) -> str:
        """Hexadecimal SHA-256 of the canonical state, or what the state itself says."""
        own = getattr(self.state, "state_hash", None)
        return own if isinstance(own, str) else canonical.digest(self.state)

    @property
    def held(self) -> list[str]:
        """The ids that wait for what they depend on, in order."""
        return list(self._held)

    def batch(self, point: Point, events: Iterable[Event]) -> str:
        """Take the entries of one batch; the state hash behind it.

        Raises:
            Whatever a handler raises.
        """
        self.take(events)
        found = self.state_hash
        self.hashes.append((point, found))
        return found

    def take(self, events: Iterable[Event]) -> None:
        """Take entries without asking for the hash behind them.

        Raises:
            Whatever a handler raises.
        """
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        entry = event.entry
        if entry.id in self._known or entry.id in self._held:
            return
        missing = {ref for ref in entry.refs if ref not in self._known}
        reason = self._reason(event, waits=bool(missing))
        if reason:
            self._refuse(entry.id, reason)
        elif missing:
            self._hold(event, missing)
        else:
            self._apply(event)
        self._release()

    def _reason(self, event: Event, *, waits: bool) -> str:
        """Why an entry does not count; empty if it does, or may once it has waited."""
        if self.chain is not None:
            try:
                self.chain.check_taken_up(event.entry, event.point)
            except TrustError as error:
                return str(error)
        author = event.entry.author
        if waits and self._by_author[author] >= HELD_MAX_EACH:
            return f"{HELD_MAX_EACH:,} entries of {author} wait for what they name already."
        if waits and len(self._held) >= HELD_MAX:
            return f"{HELD_MAX:,} entries wait for what they name already."
        return ""

    def _refuse(self, entry_id: str, reason: str) -> None:
        self.refused.append((entry_id, reason))
        self._learn(entry_id)

    def _hold(self, event: Event, missing: set[str]) -> None:
        entry = event.entry
        self._number += 1
        self._held[entry.id] = event
        self._missing[entry.id] = len(missing)
        self._by_author[entry.author] += 1
        for ref in missing:
            self._waiting.setdefault(ref, []).append((self._number, entry.id))

    def _learn(self, entry_id: str) -> None:
        """An id is known from now on: what waited for nothing else is ready."""
        self._known.add(entry_id)
        for number, held_id in self._waiting.pop(entry_id, ()):
            self._missing[held_id] -= 1
            if not self._missing[held_id]:
                heapq.heappush(self._ready, (number, held_id))

    def _release(self) -> None:
        """Take every held entry whose refs are known now, first come first."""
        while self._ready:
            _, held_id = heapq.heappop(self._ready)
            event = self._held.pop(held_id)
            del self._missing[held_id]
            self._by_author[event.entry.author] -= 1
            self._apply(event)

    def _apply(self, event: Event) -> None:
        handler = self.handlers.get(event.entry.type)
        if handler is not None:
            self.state = handler(self.state, event)
        self.applied.append(event.entry.id)
        self._learn(event.entry.id)


def first_difference(mine: Sequence[tuple[Point, str]], theirs: Sequence[tuple[Point, str]]) -> Point | None:
    """The first batch behind which two members' states differ, found by halving; None if they agree so far.

    States that differ once differ from then on (the hash of each contains the one before through the state).
    """
    low, high = 0, min(len(mine), len(theirs))
    if mine[:high] == theirs[:high]:
        return None
    while low < high:
        middle = (low + high) // 2
        if mine[middle] == theirs[middle]:
            low = middle + 1
        else:
            high = middle
    return mine[low][0]


def require_equal(mine: Sequence[tuple[Point, str]], theirs: Sequence[tuple[Point, str]], who: str) -> None:
    """Two members come to the same state.

    Raises:
        TrustError: they don't: the first batch at which they differ.
    """
    point = first_difference(mine, theirs)
    if point is not None:
        what = f"the state here and at {who} differ from {point} on."
        raise TrustError(what, hint="One of the two programs is wrong: compare versions.", code="state")
