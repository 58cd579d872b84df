"""The member's own log as acts see it: write, take what was signed elsewhere, find again, say how far an entry is.

`OwnLog` is what `acts`, `opinions` and the audit heads need; `NodeLog` gives it over an opened node, `WriterLog` over
a running one. An entry is written only with a key that the newest membership file lists for its label and scope: one
that the others must refuse would stand in the log for ever. How far an entry has come is asked of the replica alone:
*recorded* (in our log, perhaps witnessed), *taken up* (in a batch of the council's order), *final*, or *refused* (its
key was not valid at the batch).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from concordat import canonical
from concordat.council.events import load_all
from concordat.council.state import Council
from concordat.errors import RuleError, TrustError
from concordat.ledger.entry import FIRST, PAYLOAD_BYTES_MAX, Entry
from concordat.ledger.kept import KeptEntries
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.messages import Out
from concordat.ledger.note import Note
from concordat.ledger.policy import pending
from concordat.ledger.replica import Replica
from concordat.node.council import check
from concordat.node.home import Node
from concordat.node.person_keys import SigningKey, read_draft, require_certified
from concordat.node.writer import Writer

T = TypeVar("T")
CLOSING_S = 600  # before the end of a consultation, from when on opinions don't wait for others
STATES = ("recorded", "taken_up", "final", "refused")


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wants to say.

    Attributes:
        type, body: of the entry. scope: which ordered log takes it up. refs: ids it depends on.
    """

    type: str
    body: Mapping[str, Any]
    scope: str = "council"
    refs: tuple[str, ...] = ()

    def value(self, person: str) -> dict[str, Any]:
        """What makes two entries say the same by the same person."""
        refs = sorted(set(self.refs))
        return {"body": dict(self.body), "person": person, "refs": refs, "scope": self.scope, "type": self.type}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry in the own log: its id, the log's origin, its index."""

    entry: str
    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an entry has come.

    Attributes:
        state: `recorded`, `taken_up`, `final` or `refused`. view, batch: that took it up; 0 before that.
        words: for people, as "pending: 5 of 7; missing ARE, EGY".
    """

    state: str
    view: int
    batch: int
    words: str


@dataclass(frozen=True, slots=True)
class Writing:
    """The step that writes what somebody said: signed with a person's key, or without one by the node."""

    said: Said
    person: str
    key: SigningKey | None

    def __call__(self, node: Node) -> tuple[Recorded, Out]:
        """Run it."""
        said, key = self.said, self.key
        if key is not None:
            require_certified(node.chain.last, node.identity.member, self.person, key.public, said.scope)
        entry, out = node.write(
            said.type, said.body, said.scope, person=self.person, secret=cast(Ed25519Secret | None, key),
            refs=sorted(set(said.refs)),
        )  # fmt: skip
        return _recorded(node, entry), out


@dataclass(frozen=True, slots=True)
class Appending:
    """The step that takes an envelope that was signed elsewhere."""

    leaf: bytes

    def __call__(self, node: Node) -> tuple[Recorded, Out]:
        """Run it."""
        entry, out = node.append(self.leaf)
        return _recorded(node, entry), out


class OwnLog(Protocol):
    """A member's log, as far as its people's acts go. Every method may be called by any thread."""

    @property
    def size(self) -> int: ...
    def write(self, said: Said, person: str, key: SigningKey | None) -> Recorded: ...
    def payload(self, said: Said, person: str, now: int) -> bytes: ...
    def append(self, leaf: bytes) -> Recorded: ...
    def verify(self, entry: Entry) -> None: ...
    def since(self, index: int) -> Iterator[tuple[Recorded, Entry]]: ...
    def of_type(self, kind: str, index: int = 0) -> list[Entry]: ...
    def find(self, entry_id: str, index: int = -1) -> Recorded | None: ...
    def standing(self, index: int) -> Standing: ...
    def check(self, said: Said, person: str) -> None: ...
    def closing(self, now: int) -> tuple[str, ...]: ...


class _ReplicaLog(ABC):
    """A log read and written through its node; how one gets at the node is left open.

    Args:
        council: the council as it stands, for a dry run before anything is signed; without it none is made.
    """

    def __init__(self, council: Callable[[Node], Council] | None = None) -> None:
        self._council = council

    @abstractmethod
    def _look(self, look: Callable[[Node], T]) -> T:
        """Ask the node something that changes nothing."""

    @abstractmethod
    def _step(self, step: Callable[[Node], tuple[T, Out]]) -> T:
        """Let the node take a step; it is durable when this returns."""

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self._look(lambda node: len(_durable(node)))

    def write(self, said: Said, person: str, key: SigningKey | None) -> Recorded:
        """Sign and write; durable when this returns. Without a key the node signs.

        Raises:
            RuleError: the key is not certified for it, or the membership has expired. InputError: a body that can't be.
        """
        assert (key is None) == (person == "node")
        return self._step(Writing(said, person, key))

    def payload(self, said: Said, person: str, now: int) -> bytes:
        """The exact unsigned bytes of the next entry, to be signed elsewhere.

        Raises:
            InputError: a body that breaks the format. RuleError: it is too long.
        """
        data = self._look(lambda node: _payload(node, said, person, now))
        if len(data) > PAYLOAD_BYTES_MAX:
            what = f"{len(data):,} bytes; the limit of an entry is {PAYLOAD_BYTES_MAX:,}."
            raise RuleError(what, hint="Attach what is long.", code="entry_size")
        return read_draft(data).payload

    def append(self, leaf: bytes) -> Recorded:
        """Take an envelope that was signed elsewhere; durable when this returns.

        Raises:
            InputError, TrustError: it may not stand here next. RuleError: the membership has expired.
        """
        return self._step(Appending(leaf))

    def verify(self, entry: Entry) -> None:
        """The entry is signed by a key that the membership lists, still, for its label and scope.

        Raises:
            TrustError: another key, or a signature that fails. RuleError: a key that has ended.
        """

        def look(node: Node) -> None:
            key = node.chain.person(node.chain.verify_entry(entry))
            require_certified(node.chain.last, node.identity.member, entry.person, key.public, entry.scope)

        self._look(look)

    def since(self, index: int) -> Iterator[tuple[Recorded, Entry]]:
        """The entries from an index on, as they are now."""
        yield from self._look(lambda node: [(_recorded(node, entry), entry) for entry in _durable(node)[index:]])

    def of_type(self, kind: str, index: int = 0) -> list[Entry]:
        """The entries of a type from an index on; no other is read."""

        def look(node: Node) -> list[Entry]:
            entries = _durable(node)
            return [entries[place] for place in entries.of_type(kind, index)]

        return self._look(look)

    def find(self, entry_id: str, index: int = -1) -> Recorded | None:
        """An entry by its id; at once if its index is known, else the newest first."""

        def look(node: Node) -> Recorded | None:
            entries = _durable(node)
            if 0 <= index < len(entries) and entries[index].id == entry_id:
                return _recorded(node, entries[index])
            places = entries.find(entry_id) if len(entry_id) == len(FIRST) else []
            return _recorded(node, entries[places[-1]]) if places else None

        return self._look(look)

    def standing(self, index: int) -> Standing:
        """How far the entry at an index has come."""
        return self._look(lambda node: standing_of(node.replica, index))

    def check(self, said: Said, person: str) -> None:
        """A dry run: what it would come to if it were said now.

        Raises:
            InputError, RuleError: it can't be said so, or would have no effect.
        """
        council = self._council
        if council is None or said.scope != "council" or said.type not in load_all():
            return
        self._look(lambda node: check(council(node), node.identity.member, said.type, said.body, node.now, person))

    def closing(self, now: int) -> tuple[str, ...]:
        """The public consultations that close within ten minutes, or have closed and aren't told to be over yet."""
        council = self._council
        if council is None:
            return ()

        def look(node: Node) -> tuple[str, ...]:
            found = council(node).all("consultation")
            return tuple(
                c.id for c in found
                if c.status == "open" and c.public == "public" and now >= c.closes - CLOSING_S
            )  # fmt: skip

        return self._look(look)


class NodeLog(_ReplicaLog):
    """The log of an opened node that this thread, or whoever holds the lock, steps.

    Args:
        node: the node. council: see above. lock: held while the node steps; whoever else steps it holds the same.
    """

    def __init__(
        self, node: Node, council: Callable[[Node], Council] | None = None, lock: threading.RLock | None = None
    ) -> None:
        super().__init__(council)
        self._node, self._lock = node, lock or threading.RLock()

    def _look(self, look: Callable[[Node], T]) -> T:
        with self._lock:
            return look(self._node)

    def _step(self, step: Callable[[Node], tuple[T, Out]]) -> T:
        with self._lock:
            return step(self._node)[0]


class WriterLog(_ReplicaLog):
    """The log of a running node: every look and step is the writer thread's. Not to be called on that thread.

    Args:
        writer: of the service. council: see above, as `lambda _: service.states.council`.
    """

    def __init__(self, writer: Writer, council: Callable[[Node], Council] | None = None) -> None:
        super().__init__(council)
        self._writer = writer

    def _look(self, look: Callable[[Node], T]) -> T:
        return self._writer.read(look).result()

    def _step(self, step: Callable[[Node], tuple[T, Out]]) -> T:
        return self._writer.run(step, gather=True).result()


def _durable(node: Node) -> KeptEntries:
    """The entries that are on the disk: after a failed write, memory may hold one that is not."""
    own = node.replica.own
    return own.entries[: node.store.size(own.origin)] if node.store.broken else own.entries


def _recorded(node: Node, entry: Entry) -> Recorded:
    return Recorded(entry.id, node.replica.own.origin, entry.seq - 1)


def _payload(node: Node, said: Said, person: str, now: int) -> bytes:
    own, last = node.replica.own, node.chain.last
    return canonical.dumps(
        {
            "author": node.identity.member, "bloc": last.bloc, "body": dict(said.body), "membership": last.version,
            "person": person, "prev": own.entries[-1].id if own.size else FIRST, "refs": sorted(set(said.refs)),
            "scope": said.scope, "seq": own.size + 1,
            "ts": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "type": said.type, "v": 1,
        }
    )  # fmt: skip


def standing_of(replica: Replica, index: int) -> Standing:
    """How far the own entry at an index has come, as this replica knows it."""
    own = replica.own
    place = (replica.view, replica.councils[replica.view].size) if replica.view in replica.councils else replica.final()
    point = replica.taken_up_at(own.origin, index, place)
    if point is None:
        return Standing("recorded", 0, 0, _witnessed(replica, index))
    if replica.taken_up_at(own.origin, index, replica.final()) is None:
        words = f"taken up: council/{point.view} batch {point.batch}, not final yet"
        return Standing("taken_up", point.view, point.batch, words)
    try:
        if replica.chain.keys_change:
            replica.chain.check_taken_up(own.entries[index], point)
    except TrustError as error:
        return Standing("refused", point.view, point.batch, str(error))
    return Standing("final", point.view, point.batch, f"final: council/{point.view} batch {point.batch}")


def _witnessed(replica: Replica, index: int) -> str:
    version = replica.chain.last
    names = version.witness_names
    if len(names) == 1:
        return "one node: no witness"
    covering: Sequence[Note] = [note for size, note in sorted(replica.open.items()) if size > index]
    if replica.own.proof_of(index) is not None:
        return "witnessed by a quorum, not taken up yet"
    seen = {names[s.name] for note in covering for s in note.signatures if s.name in names}
    missing = [member for member in sorted(names.values()) if member not in seen]
    return pending(sorted(seen), version.quorum, missing)
