"""How does a log of a hundred thousand entries fit into a small machine? As the bytes of its leaves, read on demand.

An entry that was read takes five times the memory of its bytes and a tenth of a millisecond. A node seldom looks at any
but the newest, so `KeptEntries` keeps the leaves and reads an entry when somebody wants it; the last few hundred that
were read stay. It stands where a list of entries would: a slice is such a sequence again, and reads nothing.

Two questions are asked of every entry, and are answered without reading it: its id (the hash of the payload) and its
scope (`scope_of`). Both take the canonical form for granted, so they are asked only of leaves that `Entry.parse` has
accepted once: those of a verified log, or of this node's own store.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import overload

from concordat.ledger.entry import Entry
from concordat.ledger.leaves import LAST, Leaves, marks_of

READ_MAX = 512
_BEGIN = len(b'{"payload":"')
_ENDING = re.compile(rb'"scope":"([a-z0-9:-]+)","seq":[0-9]+,"ts":"[0-9TZ:-]{20}","type":"([A-Za-z]+)","v":1\}\Z')
ID = 32


class _Ids:
    """The ids of the first entries of a log, as far as anybody asked for them: one for the log and all its copies."""

    def __init__(self, known: bytes = b"") -> None:
        self._known, self._lock = known, threading.Lock()

    def of(self, leaves: Leaves) -> bytes:
        """The ids of all these entries, one behind the other."""
        with self._lock:
            if len(self._known) < ID * len(leaves):
                fresh = leaves[len(self._known) // ID :]
                self._known += b"".join(sha256(payload_of(leaf)).digest() for leaf in fresh)
            return self._known[: ID * len(leaves)]

    def first(self, size: int) -> _Ids:
        """Those of the first entries, for a log that goes on differently."""
        with self._lock:
            return _Ids(self._known[: ID * size])


class KeptEntries(Sequence[Entry]):
    """The entries of one log, in order.

    Args:
        leaves: accepted before; a list is taken over.
    """

    __slots__ = ("_ids", "_read", "leaves")

    def __init__(self, leaves: Leaves | list[bytes] | None = None) -> None:
        self.leaves = leaves if isinstance(leaves, Leaves) else Leaves(leaves)
        self._read: dict[int, Entry] = {}
        self._ids = _Ids()

    def __len__(self) -> int:
        return len(self.leaves)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> KeptEntries: ...
    def __getitem__(self, at: int | slice) -> Entry | KeptEntries:
        if isinstance(at, slice):
            return KeptEntries(self.leaves[at])
        index = at if at >= 0 else at + len(self.leaves)
        found = self._read.get(index)
        if found is None:
            found = Entry.parse(self.leaves[at])
            self._remember(index, found)
        return found

    def __iter__(self) -> Iterator[Entry]:
        for index, leaf in enumerate(self.leaves):
            yield self._read.get(index) or Entry.parse(leaf)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KeptEntries):
            return self.leaves == other.leaves
        return list(self) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def append(self, entry: Entry) -> None:
        """Add an entry that was checked."""
        self.leaves.append(entry.leaf)
        self._remember(len(self.leaves) - 1, entry)

    def add(self, leaf: bytes) -> None:
        """Add a leaf that was accepted before."""
        self.leaves.append(leaf)

    def copy(self) -> KeptEntries:
        """The same entries for another thread: what is added here later does not show there."""
        same = KeptEntries(self.leaves.copy())
        same._ids = self._ids
        return same

    def truncate(self, size: int) -> None:
        """Forget the entries from `size` on."""
        self.leaves.truncate(size)
        self._ids = self._ids.first(size)
        self._read = {index: entry for index, entry in self._read.items() if index < size}

    def _remember(self, index: int, entry: Entry) -> None:
        if len(self._read) >= READ_MAX:
            self._read = {}
        self._read[index] = entry

    # --- Without reading ----------------------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        """The ids of all entries, in order."""
        ids = self._known_ids()
        return [ids[at : at + ID].hex() for at in range(0, ID * len(self.leaves), ID)]

    def find(self, prefix: str) -> list[int]:
        """The indices of the entries whose id begins so (hexadecimal; small letters)."""
        if not prefix or len(prefix) > 2 * ID or not re.fullmatch(r"[0-9a-f]+", prefix):
            return []
        ids, wanted, found = self._known_ids(), bytes.fromhex(prefix[: len(prefix) // 2 * 2]), []
        at = ids.find(wanted)
        while at >= 0:
            if at % ID == 0 and ids[at : at + ID].hex().startswith(prefix):
                found.append(at // ID)
            at = ids.find(wanted, (at // ID + 1) * ID if at % ID == 0 else at + 1)
        return found

    def of_person(self, label: str, most: int) -> list[Entry]:
        """The newest entries under a person's key label, newest first."""
        mark = f'"person":"{label}","prev":"'.encode()
        found: list[Entry] = []
        for index in range(len(self.leaves) - 1, -1, -1):
            if len(found) == most:
                break
            if mark in payload_of(self.leaves[index]) and self[index].person == label:  # a body may hold the mark too
                found.append(self[index])
        return found

    def of_type(self, kind: str, start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a type."""
        tail = f'","type":"{kind}","v":1}}'.encode()
        found = self.leaves.marked(start, marks_of(tail))
        return [index for index, leaf in found if payload_of(leaf).endswith(tail)]

    def of_scope(self, scope: str, start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a scope."""
        found = self.leaves.marked(start, marks_of(f'"scope":"{scope}","seq":'.encode()))
        return [index for index, leaf in found if scope_of(leaf) == scope]

    def of_kinds(self, scope: str, kinds: Collection[str], start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a scope that are of one of many types."""
        wanted = {(scope, kind) for kind in kinds}
        return [index for index, leaf in enumerate(self.leaves[start:], start) if kind_of(leaf) in wanted]

    def _known_ids(self) -> bytes:
        return self._ids.of(self.leaves)


def kept(entries: Iterable[Entry]) -> KeptEntries:
    """A sequence of entries that were read."""
    return KeptEntries([entry.leaf for entry in entries])


def payload_of(leaf: bytes) -> bytes:
    """The payload in an envelope that was accepted before."""
    return base64.b64decode(leaf[_BEGIN : leaf.index(b'"', _BEGIN)])


def scope_of(leaf: bytes) -> str:
    """The scope of an entry, from the end of its payload.

    Raises:
        InputError: the leaf is no entry after all.
    """
    return kind_of(leaf)[0]


def kind_of(leaf: bytes) -> tuple[str, str]:
    """The scope and the type of an entry, from the end of its payload.

    Raises:
        InputError: the leaf is no entry after all.
    """
    end = leaf.find(b'"', _BEGIN)
    start = max(_BEGIN, end - LAST)
    start += (start - _BEGIN) % 4 and 4 - (start - _BEGIN) % 4
    try:
        tail = binascii.a2b_base64(leaf[start:end])
    except binascii.Error:
        tail = b""
    found = _ENDING.match(tail, max(0, tail.rfind(b'"scope":')))  # behind it stands nothing that anybody chooses
    if found:
        return found[1].decode(), found[2].decode()
    entry = Entry.parse(leaf)
    return entry.scope, entry.type
