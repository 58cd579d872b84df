"""The witness and mirror of a running node: `ledger.witness` and `ledger.mirror` over its replica and its keys' memory.

A witness request needs no entries, only a proof that the new head continues the one it cosigned last; what it cosigned
last stands in the memory of the keys (`ledger.signer.Floor`), which the replica's own witnessing shares: the two can't
contradict each other. A mirror takes entries through the replica, so that nothing is mirrored here that the council's
rules refuse; it cosigns a council head only once the replica has.

Everything runs on the writer's thread, within one commit: a signature leaves after the memory of it is on the disk. Two
heads of one size become a proof of misconduct, as when they come any other way. Heads that a mirror has taken in and
not yet got the entries of are kept in memory; after a restart they are sent again, as the text foresees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from concordat.errors import ConcordatError, StateError, TrustError
from concordat.ledger.keys import VerifierKey
from concordat.ledger.messages import Entries, Out
from concordat.ledger.mirror import PENDING_MAX, Mirror
from concordat.ledger.misconduct import same_key_contradiction
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.replica import Replica
from concordat.ledger.witness import Answer, Equivocation, Record, Witness, say
from concordat.node.home import Node

NOTES_KEPT = 4_096


@dataclass
class Cosigner:
    """What is kept between requests.

    Attributes:
        notes: the newest head of each log that was cosigned over HTTP. pending: heads that a mirror took in, by origin.
    """

    notes: dict[str, str] = field(default_factory=dict)
    pending: dict[str, list[Record]] = field(default_factory=dict)

    def add_checkpoint(self, node: Node, body: bytes) -> tuple[Answer, Out]:
        """`POST /witness/add-checkpoint`."""
        records = _Witnessed(self, node)
        logs = _member_logs(node.replica)
        refused = self._refused(node)
        if refused is not None:
            return refused, []
        witness = _Forgetful(node.signer._keys["witness"], logs, records)
        return _answer(lambda: witness.handle(body, node.now)), node.replica._report(node.now)

    def add_pending(self, node: Node, body: bytes) -> tuple[Answer, Out]:
        """`POST /mirror/add-checkpoint`: a head that entries will come for; nothing is signed."""
        logs = {**_member_logs(node.replica), **_council_logs(node.replica)}
        taker = _Forgetful((), logs, _Pending(self, node))
        return _answer(lambda: taker.handle(body, node.now)), node.replica._report(node.now)

    def add_entries(self, node: Node, body: bytes, *, gzip: bool) -> tuple[Answer, Out]:
        """`POST /mirror/add-entries`."""
        refused = self._refused(node)
        if refused is not None:
            return refused, []
        records = _Mirrored(self, node)
        origins = [*_member_logs(node.replica), *_council_logs(node.replica)]
        mirror = Mirror(node.signer._keys["mirror"], origins, records)
        return _answer(lambda: mirror.handle(body, node.now, gzip=gzip)), records.out

    @staticmethod
    def _refused(node: Node) -> Answer | None:
        """The keys may not sign for now."""
        try:
            node.signer.require_free()
            replica = node.replica
            council = replica.councils.get(replica.view)
            if council is not None:
                replica._require_clock(council, council.size, node.now)
        except StateError as error:
            return say(503, error.what)
        return None


def _answer(handle: object) -> Answer:
    try:
        return handle()  # type: ignore[operator, no-any-return]
    except StateError as error:
        return say(503, error.what)


def _member_logs(replica: Replica) -> dict[str, tuple[VerifierKey, ...]]:
    """The logs of all members, without those whose owner has shown two, or whose copy here is set aside."""
    chain, logs = replica.chain, replica.shelf.logs
    whole = {origin: log.owner for origin, log in logs.items() if not (log.disowned or log.aside)}
    return {origin: chain.last_with(owner).member(owner).log for origin, owner in whole.items()}


def _council_logs(replica: Replica) -> dict[str, tuple[VerifierKey, ...]]:
    chain = replica.chain
    return {log.origin: chain.of_view(view).council_keys(view) for view, log in replica.councils.items()}


class _Forgetful(Witness):
    """A witness that may have lost the note behind the size it remembers: then a fork is found elsewhere."""

    def _keep_fork(self, checkpoint: Checkpoint, known: Record, note: Note, signed: Sequence[VerifierKey]) -> None:
        if known.note:
            super()._keep_fork(checkpoint, known, note, signed)


class _Witnessed:
    """The memory of the witness keys, as `ledger.witness.Records`."""

    def __init__(self, cosigner: Cosigner, node: Node) -> None:
        self._cosigner, self._node, self._signer = cosigner, node, node.signer

    def get(self, origin: str) -> Record | None:
        found = self._signer.floor.heads.get(("witness", origin))
        if found is None:
            return None
        size, root = found
        return Record(size, root, self._note(origin, size, root), self._signer.floor.times.get("witness", 0))

    def _note(self, origin: str, size: int, root: bytes) -> str:
        """The note that was cosigned, if it is still here."""
        text = Checkpoint(origin, size, root).text()
        log = self._node.replica.shelf.logs.get(origin)
        held = str(log.head) if log is not None and log.head is not None else ""
        return next((n for n in (self._cosigner.notes.get(origin, ""), held) if n.startswith(text)), "")

    def latest_time(self) -> int:
        return self._signer.floor.times.get("witness", 0)

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        if self.get(origin) != known or new.time < self.latest_time():
            return False
        root = known.root if known else b""  # the consistency proof from there was verified a moment ago
        head = Checkpoint(origin, new.size, new.root)
        self._signer._allow("witness", head, new.time, lambda size: root if known and size == known.size else b"")
        self._cosigner.notes[origin] = new.note
        while len(self._cosigner.notes) > NOTES_KEPT:
            del self._cosigner.notes[next(iter(self._cosigner.notes))]
        return True

    def keep(self, found: Equivocation) -> None:
        _accuse(self._node.replica, found)


def _accuse(replica: Replica, found: Equivocation) -> None:
    first, second = Note.parse(found.first), Note.parse(found.second)
    try:
        proof = same_key_contradiction(replica.chain, found.keys[0], first, second, None)
    except ConcordatError:
        return  # the key is in no version of the membership any more
    replica._found.append(proof)


class _Pending:
    """Heads that a mirror has taken in, as `ledger.witness.Records`."""

    def __init__(self, cosigner: Cosigner, node: Node) -> None:
        self._cosigner, self._node = cosigner, node

    def get(self, origin: str) -> Record | None:
        heads = self._cosigner.pending.get(origin)
        return heads[-1] if heads else None

    def latest_time(self) -> int:
        return max((heads[-1].time for heads in self._cosigner.pending.values() if heads), default=0)

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        if self.get(origin) != known or new.time < self.latest_time():
            return False
        heads = [head for head in self._cosigner.pending.get(origin, []) if head.size != new.size]
        self._cosigner.pending[origin] = [*heads, new][-PENDING_MAX:]
        return True

    def keep(self, found: Equivocation) -> None:
        _accuse(self._node.replica, found)


class _Mirrored(_Pending):
    """The replica's copies, as `ledger.mirror.MirrorRecords`.

    Attributes:
        out: what the replica says while it takes entries.
    """

    def __init__(self, cosigner: Cosigner, node: Node) -> None:
        super().__init__(cosigner, node)
        self._replica = node.replica
        self.out: Out = []
        self._head: Record | None = None

    def pending(self, origin: str, size: int) -> Record | None:
        heads = self._cosigner.pending.get(origin, [])
        self._head = next((head for head in heads if head.size == size), None)
        return self._head

    def held(self, origin: str) -> Record | None:
        found = self._node.signer.floor.heads.get(("mirror", origin))
        return Record(found[0], found[1], "", self.held_time()) if found else None

    def next_entry(self, origin: str) -> int:
        return self._replica._size(origin)

    def leaves(self, origin: str, start: int, end: int) -> Sequence[bytes]:
        log = self._replica.shelf.logs.get(origin)
        tree = log.tree if log else next(c for c in self._replica.councils.values() if c.origin == origin).tree
        return tree.leaves(start, end)

    def add(self, origin: str, start: int, entries: Sequence[bytes]) -> None:
        assert self._head is not None
        view = self._replica._view_of(origin)
        owner = self._replica.councils[view].chair if view else self._replica.shelf.logs[origin].owner
        before = len(self._replica.refusals)
        message = Entries(origin, start, tuple(entries), self._head.note)
        self.out += self._node.handle(owner, message)
        if self._replica._size(origin) < start + len(entries):
            refused = self._replica.refusals[before:]
            what = refused[-1].what if refused else "entries that they name are not here yet."
            raise TrustError(what, where=origin, code="refused")

    def commit(self, origin: str, head: Record) -> bool:
        replica, checkpoint = self._replica, Checkpoint(origin, head.size, head.root)
        if replica._view_of(origin):  # the replica has mirrored it by its own rules, or must not
            return self._node.signer.floor.heads.get(("mirror", origin)) == (head.size, head.root)
        held = self.held(origin)
        if held is not None and held.size > head.size:
            return False
        self._node.signer._allow("mirror", checkpoint, head.time, replica.shelf.logs[origin].tree.root)
        return True

    def held_time(self) -> int:
        return self._node.signer.floor.times.get("mirror", 0)
