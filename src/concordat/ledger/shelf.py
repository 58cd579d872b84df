"""The members' logs as one member holds them: its own, and copies of all others, each checked when it comes in.

A copy grows only by entries that are its owner's, follow each other, and are signed by a key that the membership file
lists, under a head that the owner signed. What contradicts a head seen before is not taken; it makes a proof.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from concordat.errors import TrustError
from concordat.ledger import council_log
from concordat.ledger import leaves as in_store
from concordat.ledger.council_log import Tree
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.kept import KeptEntries
from concordat.ledger.leaves import Kept, LeafStore, not_logged
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import HASH, MemoryHashes, leaf_hash
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.noted import Lot, Noted
from concordat.ledger.places import Places

EARLIER_MAX = 8


@dataclass
class MemberLog:
    """One member's log.

    Attributes:
        head: the largest head seen that its owner signed, None for an empty log.
        submitted: (size, time, SHA-256) of the heads that a quorum of witnesses cosigned, by size.
        disowned: its owner signed a log that contradicts this one; it is not witnessed any more.
        aside: why the copy here is set aside, in words, where an entry of it was changed on the disk and all others are
            those of the signed head: it is read, and goes on, but nothing is signed that says it is whole.
    """

    origin: str
    owner: str
    entries: KeptEntries = field(default_factory=KeptEntries)
    tree: Tree = field(default_factory=Tree)
    head: Note | None = None
    submitted: list[tuple[int, int, str]] = field(default_factory=list)
    disowned: bool = False
    aside: str = ""
    _council: list[int] = field(default_factory=list)  # the indices of its entries of scope council,
    _looked: int = 0  # among the first so many entries
    _earlier: dict[int, int] = field(default_factory=dict)  # size -> how often an earlier time was taken

    @property
    def size(self) -> int:
        """How many entries it has."""
        return len(self.entries.leaves)  # asked very often

    def append(self, entry: Entry) -> None:
        """Add an entry that was checked."""
        self.entries.append(entry)
        self.tree.append(leaf_hash(entry.leaf))

    def restore(self, leaves: Iterable[bytes]) -> None:
        """Add entries from this node's own store, where only what `read` accepted gets; each is read when asked for."""
        fresh = list(leaves)
        self.entries.extend(fresh)
        self.tree.extend(map(leaf_hash, fresh))

    def begin(
        self, rows: Callable[[], Iterable[Lot]], store: LeafStore, spoilt: Callable[[str], None],
        noted: Noted | None = None,
    ) -> bool:  # fmt: skip
        """Take over the entries in a store: each is read once, and all but the newest stay there.

        The tree is made of the entries. Where one has another hash than was written beside it, and only the hash leads
        to the signed head, the tree is made of the hash: then whoever asks for that entry hears that it was changed.

        Args:
            rows: gives (hash that was written with it, leaf) of all, in order, in lots; asked again where what is noted
                is of other entries. store: where to read them again.
            spoilt: told, in words, of what is not as it was logged, now or whenever it is read.
            noted: what this node noted of the first lots, if it did; of these, tree and places are not made again.

        Returns:
            whether what is noted is of these entries.
        """
        newest = deque[bytes](maxlen=in_store.NEWEST)
        rest = iter(rows())
        held = noted is not None and self._holds(noted, rest, newest)
        if not held:
            newest.clear()
            noted, rest = None, iter(rows())
        if noted is not None:
            self.tree.begin(noted.levels)
        places, other = noted.places if noted is not None else Places(), list[tuple[int, bytes]]()
        first, fresh = self.tree.size, bytearray()
        for lot in rest:
            leaves, start = [leaf for _, leaf in lot], first + len(fresh) // HASH
            found = [leaf_hash(leaf) for leaf in leaves]
            other += [(at, lot[at - start][0]) for at, one in enumerate(found, start) if one != lot[at - start][0]]
            fresh += b"".join(found)
            newest += leaves
            places.extend(leaves)
        self.tree.load(bytes(fresh))
        size, before = self.tree.size, self.tree.size - len(newest)
        changed = self._begin_tree(other, spoilt) if other or not self._is_head(self.tree) else []
        for index in changed:
            places.forget(index)
            before = max(before, index + 1)  # it lies in the store alone, where it is compared
        tail = list(newest)[max(0, len(newest) - (size - before)) :]
        self.entries.begin(self._kept(store, spoilt), before, tail, places)
        return held

    @staticmethod
    def _holds(noted: Noted, rows: Iterator[Lot], newest: deque[bytes]) -> bool:
        """Whether the first lots of a log are those that were noted; the leaves go by `newest`."""
        for place in range(len(noted.lots)):
            lot = next(rows, ())
            if not noted.holds(place, lot):
                return False
            newest += [leaf for _, leaf in lot]
        return True

    @property
    def is_of_head(self) -> bool:
        """Whether the tree here is that of the signed head: then every entry can be told from one that was changed."""
        return self._is_head(self.tree)

    def _is_head(self, tree: Tree) -> bool:
        """Whether a tree is that of the signed head; nothing is known of one that is smaller."""
        head = Checkpoint.parse_text(self.head.text) if self.head is not None else None
        return head is None or head.size > tree.size or tree.root(head.size) == head.root

    def _begin_tree(self, other: Sequence[tuple[int, bytes]], spoilt: Callable[[str], None]) -> list[int]:
        """The tree of a log of which something was changed; the indices of the entries that are not those of the tree.

        What no head covers is held against the hashes that were written beside it.
        """
        signed = Checkpoint.parse_text(self.head.text).size if self.head is not None else 0
        hashes = self.tree.levels[0]
        for least in (signed, 0):
            better, changed = bytearray(hashes), [(index, noted) for index, noted in other if index >= least]
            for index, noted in changed:
                better[HASH * index : HASH * (index + 1)] = noted[:HASH].ljust(HASH, b"\0")
            tree = Tree()
            tree.load(bytes(better))
            if self._is_head(tree):
                self.tree.truncate(0)
                self.tree.load(bytes(better))
                spoilt(str(not_logged(self.origin, (changed or other)[0][0])))
                return [index for index, _ in changed]
        what, hint = "the entries are not those of the signed head.", "Run: concordat node verify"
        spoilt(str(TrustError(what, where=self.origin, hint=hint, code="head")))
        return []

    def settle(self, store: LeafStore, stored: int, spoilt: Callable[[str], None]) -> None:
        """The first `stored` entries are on the disk: all but the newest need not be in memory as well."""
        if self.entries.leaves.many(stored):
            self.entries.settle(self._kept(store, spoilt), stored)

    def _kept(self, store: LeafStore, spoilt: Callable[[str], None]) -> Kept:
        return Kept(store, self.origin, self.tree, spoilt)

    def truncate(self, size: int) -> None:
        """Forget the entries from `size` on."""
        self.entries.truncate(size)
        self._looked = min(self._looked, size)
        del self._council[bisect_left(self._council, size) :]
        self.tree.truncate(size)

    @property
    def council(self) -> list[int]:
        """The indices of its entries of scope council, in order."""
        if self._looked < self.size:
            self._council += self.entries.of_scope("council", self._looked)
            self._looked = self.size
        return self._council

    def first_difference(self, start: int, leaves: Sequence[bytes]) -> int | None:
        """The first index at which `leaves`, from index `start` on, are others than the entries here."""
        here = self.entries.leaves[start : start + len(leaves)]
        for held, leaf, index in zip(here, leaves, range(start, self.size), strict=False):
            if held != leaf:
                return index
        return None

    def follows(self, start: int, leaves: Sequence[bytes]) -> bool:
        """Whether `leaves` are entries held here, or go on where they end."""
        if start > self.size or self.first_difference(start, leaves) is not None:
            return False
        if start + len(leaves) <= self.size:
            return True
        last = self.entries[-1].id if self.entries else FIRST
        return council_log.parse_entry(leaves[self.size - start]).prev == last

    def council_between(self, start: int, end: int) -> list[int]:
        """The indices from `start` to below `end` of entries of scope council."""
        return self.council[bisect_left(self.council, start) : bisect_left(self.council, end)]

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
        """Remember a head that a quorum cosigned; whether it is news. Of one size the earlier time stands.

        An earlier time is taken a few times only: an author could show many.
        """
        place = bisect_left(self.submitted, (size, 0, ""))
        if place < len(self.submitted) and self.submitted[place][0] == size:
            if self.submitted[place][1] <= time or self._earlier.get(size, 0) >= EARLIER_MAX:
                return False
            self._earlier[size] = self._earlier.get(size, 0) + 1
            self.submitted[place] = (size, time, digest)
        else:
            self.submitted.insert(place, (size, time, digest))
        return True

    def proof_of(self, index: int) -> tuple[int, int, str] | None:
        """The smallest head with a quorum that covers an index."""
        place = bisect_right(self.submitted, index, key=lambda s: s[0])
        return self.submitted[place] if place < len(self.submitted) else None

    @property
    def submitted_size(self) -> int:
        """The size of the largest head with a quorum."""
        return self.submitted[-1][0] if self.submitted else 0


def not_of_head(origin: str, tree: MemoryHashes, head: Note | None, *, whole: bool = True) -> str:
    """Why the entries of a log are not those that its newest head covers, in words; empty if they are.

    A head is stored with its entries or after them: where it covers more than is here, some were lost.

    Args:
        whole: also compare the root, not only the size.
    """
    signed = Checkpoint.parse_text(head.text) if head is not None else None
    if signed is None or (signed.size <= tree.size and (not whole or tree.root(signed.size) == signed.root)):
        return ""
    what = "the entries are not those of the signed head."
    if signed.size > tree.size:
        what = f"the signed head is of {signed.size:,} entries; {tree.size:,} are here."
    return str(TrustError(what, where=origin, hint="Run: concordat node verify", code="head"))


class Shelf:
    """All member logs and all notes that one member holds (`council_log.MemberLogs`)."""

    def __init__(self, chain: MembershipChain) -> None:
        self.logs: dict[str, MemberLog] = {}
        self.notes: dict[str, str] = {}
        self.admit(chain)

    def admit(self, chain: MembershipChain) -> None:
        """Have a log for everyone who is or was a member."""
        for member in (m for version in chain.versions for m in version.members):
            self.logs.setdefault(member.origin, MemberLog(member.origin, member.id))

    @property
    def aside(self) -> list[str]:
        """Why logs are set aside, in words, by origin."""
        return [log.aside for _, log in sorted(self.logs.copy().items()) if log.aside]

    def size(self, origin: str) -> int:
        return self.logs[origin].size

    def entry(self, origin: str, index: int) -> Entry:
        return self.logs[origin].entries[index]

    def council_between(self, origin: str, start: int, end: int) -> list[int]:
        return self.logs[origin].council_between(start, end)

    def root(self, origin: str, size: int) -> bytes:
        return self.logs[origin].tree.root(size)

    def note(self, digest: str) -> str | None:
        return self.notes.get(digest)

    def keep(self, text: str) -> str:
        """Store a note; its SHA-256."""
        digest = sha256(text.encode()).hexdigest()
        self.notes[digest] = text
        return digest
