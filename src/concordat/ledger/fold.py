"""What state do all members come to: final entries replayed in the order that counts, hashed after each batch.

`fold` sees only entries under a final head, in council order. An entry whose key was not valid at the batch that took
it up is refused and named; one whose `refs` are not known yet is held back (10,000 at most) and taken as soon as they
are, in the order of the log. Entries of other scopes carry no order of the council; rooms read them from the members'
logs.

A handler is `handler(state, event) -> state`, registered for a type by the room that knows it; unknown types are kept
in the log, proved, and change nothing. State is any value that `canonical` can write; its hash is what members
compare. A state with a `state_hash` of its own is asked for that: a large one hashes only what changed.

    >>> def count(state, event):
    ...     return {"entries": state["entries"] + 1}
    >>> Fold({"Said": count}, {"entries": 0}).state_hash[:8]
    'a4bf3ed5'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from concordat import canonical
from concordat.errors import StateError, TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain, Point

HELD_MAX = 10_000


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
            StateError: over 10,000 entries are held back. Whatever a handler raises.
        """
        for event in events:
            self._take(event)
        found = self.state_hash
        self.hashes.append((point, found))
        return found

    def _take(self, event: Event) -> None:
        entry = event.entry
        if entry.id in self._known or entry.id in self._held:
            return
        if self.chain is not None:
            try:
                self.chain.check_taken_up(entry, event.point)
            except TrustError as error:
                self.refused.append((entry.id, str(error)))
                self._known.add(entry.id)
                return
        if any(ref not in self._known for ref in entry.refs):
            if len(self._held) >= HELD_MAX:
                raise StateError(f"over {HELD_MAX:,} entries wait for what they name.", code="held")
            self._held[entry.id] = event
            return
        self._apply(event)
        self._release()

    def _release(self) -> None:
        """Take every held entry whose refs are known now, first come first."""
        moved = bool(self._held)
        while moved:
            moved = False
            for held_id, event in list(self._held.items()):
                if all(ref in self._known for ref in event.entry.refs):
                    del self._held[held_id]
                    self._apply(event)
                    moved = True
                    break

    def _apply(self, event: Event) -> None:
        handler = self.handlers.get(event.entry.type)
        if handler is not None:
            self.state = handler(self.state, event)
        self._known.add(event.entry.id)
        self.applied.append(event.entry.id)


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
