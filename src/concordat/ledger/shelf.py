"""The members' logs as one member holds them: its own, and copies of all others, each checked when it comes in.

A copy grows only by entries that are its owner's, follow each other, and are signed by a key that the membership file
lists, under a head that the owner signed. What contradicts a head seen before is not taken; it makes a proof.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from concordat.errors import TrustError
from concordat.ledger import council_log
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.note import Checkpoint, Note


@dataclass
class MemberLog:
    """One member's log.

    Attributes:
        head: the largest head seen that its owner signed, None for an empty log.
        submitted: (size, time, SHA-256) of the heads that a quorum of witnesses cosigned, by size.
        disowned: its owner signed a log that contradicts this one; it is not witnessed any more.
    """

    origin: str
    owner: str
    entries: list[Entry] = field(default_factory=list)
    tree: MemoryHashes = field(default_factory=MemoryHashes)
    head: Note | None = None
    submitted: list[tuple[int, int, str]] = field(default_factory=list)
    disowned: bool = False

    @property
    def size(self) -> int:
        """How many entries it has."""
        return len(self.entries)

    def append(self, entry: Entry) -> None:
        """Add an entry that was checked."""
        self.entries.append(entry)
        self.tree.append(leaf_hash(entry.leaf))

    def checkpoint(self) -> Checkpoint:
        """The unsigned head."""
        return Checkpoint(self.origin, self.size, self.tree.root())

    def read(self, start: int, leaves: Sequence[bytes], chain: MembershipChain) -> list[Entry]:
        """The entries that `leaves`, from index `start` on, add to this log.

        Raises:
            InputError, TrustError: an entry that is not its owner's, doesn't follow, or is signed by no listed key.
        """
        new: list[Entry] = []
        prev = self.entries[-1].id if self.entries else FIRST
        for index in range(self.size, start + len(leaves)):
            entry = council_log.parse_entry(leaves[index - start])
            where = f"{self.origin}, entry {index}"
            if entry.author != self.owner or entry.scope == "order":
                what = f"an entry of {entry.author}, scope {entry.scope}, in the log of {self.owner}."
                raise TrustError(what, where=where, code="author")
            if entry.seq != index + 1 or entry.prev != prev:
                what = f"{entry.author} {entry.seq} names a predecessor that isn't here."
                raise TrustError(what, where=where, code="sequence")
            chain.verify_entry(entry)
            new.append(entry)
            prev = entry.id
        return new

    def submit(self, size: int, time: int, digest: str) -> bool:
        """Remember a head that a quorum cosigned; whether it is news. Of one size the earlier time stands."""
        known = next((s for s in self.submitted if s[0] == size), None)
        if known and known[1] <= time:
            return False
        if known:
            self.submitted.remove(known)
        self.submitted.insert(bisect_right(self.submitted, (size, time, digest)), (size, time, digest))
        return True

    def proof_of(self, index: int) -> tuple[int, int, str] | None:
        """The smallest head with a quorum that covers an index."""
        return next((s for s in self.submitted if s[0] > index), None)

    @property
    def submitted_size(self) -> int:
        """The size of the largest head with a quorum."""
        return self.submitted[-1][0] if self.submitted else 0


class Shelf:
    """All member logs and all notes that one member holds (`council_log.MemberLogs`)."""

    def __init__(self, chain: MembershipChain) -> None:
        self.logs: dict[str, MemberLog] = {}
        self.notes: dict[str, str] = {}
        self.admit(chain)

    def admit(self, chain: MembershipChain) -> None:
        """Have a log for every member of the newest version."""
        for member in chain.last.members:
            self.logs.setdefault(member.origin, MemberLog(member.origin, member.id))

    def size(self, origin: str) -> int:
        return self.logs[origin].size

    def entry(self, origin: str, index: int) -> Entry:
        return self.logs[origin].entries[index]

    def root(self, origin: str, size: int) -> bytes:
        return self.logs[origin].tree.root(size)

    def note(self, digest: str) -> str | None:
        return self.notes.get(digest)

    def keep(self, text: str) -> str:
        """Store a note; its SHA-256."""
        digest = sha256(text.encode()).hexdigest()
        self.notes[digest] = text
        return digest
