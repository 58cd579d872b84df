"""How does a log of a hundred thousand entries fit into a small machine? As the bytes of its leaves, read on demand.

An entry that was read takes five times the memory of its bytes and a tenth of a millisecond. A node seldom looks at any
but the newest, so `KeptEntries` keeps the leaves and reads an entry when somebody wants it; the last few hundred that
were read stay. It stands where a list of entries would: a slice is such a sequence again, and reads nothing.

What is asked of every entry is answered without reading it: its id, scope, type and person (`places`). The answers take
the canonical form for granted, so they are given only of leaves that `Entry.parse` has accepted once: those of a
verified log, or of this node's own store.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import overload

from concordat.ledger.entry import Entry
from concordat.ledger.leaves import Leaves, Read
from concordat.ledger.places import ID, Places

READ_MAX = 512


class KeptEntries(Sequence[Entry]):
    """The entries of one log, in order.

    Args:
        leaves: accepted before; a list is taken over.
    """

    __slots__ = ("_places", "_read", "leaves")

    def __init__(self, leaves: Leaves | list[bytes] | None = None) -> None:
        self.leaves = leaves if isinstance(leaves, Leaves) else Leaves(leaves)
        self._read: dict[int, Entry] = {}
        self._places = Places()

    def __len__(self) -> int:
        return len(self.leaves)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> KeptEntries: ...
    def __getitem__(self, at: int | slice) -> Entry | KeptEntries:
        if isinstance(at, slice):
            some = KeptEntries(self.leaves[at])
            if at.indices(len(self.leaves))[0] == 0:
                some._places = self._places
            return some
        index = at if at >= 0 else at + len(self.leaves)
        found = self._read.get(index)
        if found is None:
            found = Entry.parse(self.leaves[index])
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
        self.extend((entry.leaf,))
        self._remember(len(self.leaves) - 1, entry)

    def add(self, leaf: bytes) -> None:
        """Add a leaf that was accepted before."""
        self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaves that were accepted before."""
        if len(self._places) > len(self.leaves):  # those of a log that went on differently
            self._places = self._places.first(len(self.leaves))
        if len(self._places) == len(self.leaves):
            self._places.extend(leaves)
        self.leaves.extend(leaves)

    def begin(self, read: Read, before: int, newest: list[bytes], places: Places) -> None:
        """Nothing is here yet: so many entries are in a store, these come behind them, and that is noted of all."""
        self.leaves.begin(read, before, newest)
        self._places = places

    def settle(self, read: Read, stored: int) -> None:
        """As `Leaves.settle`; of what leaves memory all is noted."""
        self._noted()
        self.leaves.settle(read, stored)

    def copy(self) -> KeptEntries:
        """The same entries for another thread: what is added here later does not show there."""
        return self[:]

    def truncate(self, size: int) -> None:
        """Forget the entries from `size` on."""
        self.leaves.truncate(size)
        self._places = self._places.first(size)
        self._read = {index: entry for index, entry in self._read.items() if index < size}

    def _remember(self, index: int, entry: Entry) -> None:
        if len(self._read) >= READ_MAX:
            self._read = {}
        self._read[index] = entry

    # --- Without reading ----------------------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        """The ids of all entries, in order."""
        ids = self._noted().ids(len(self.leaves))
        return [ids[at : at + ID].hex() for at in range(0, len(ids), ID)]

    def find(self, prefix: str) -> list[int]:
        """The indices of the entries whose id begins so (hexadecimal; small letters)."""
        if not prefix or len(prefix) > 2 * ID or not re.fullmatch(r"[0-9a-f]+", prefix):
            return []
        return self._noted().find(prefix, len(self.leaves))

    def named(self, prefix: str) -> list[str]:
        """The ids that begin so, in the order of their entries."""
        found, places = self.find(prefix), self._noted()
        return [places.id(index) for index in found]

    def of_person(self, label: str, most: int) -> list[Entry]:
        """The newest entries under a person's key label, newest first; these are read."""
        found: list[Entry] = []
        for index in self._noted().of_person(label, len(self.leaves)):
            if len(found) == most:
                break
            if self[index].person == label:
                found.append(self[index])
        return found

    def of_type(self, kind: str, start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a type."""
        return self._noted().of(start, len(self.leaves), kinds=(kind,))

    def of_scope(self, scope: str, start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a scope."""
        return self._noted().of(start, len(self.leaves), scope)

    def of_kinds(self, scope: str, kinds: Collection[str], start: int = 0) -> list[int]:
        """The indices from `start` on of the entries of a scope that are of one of many types."""
        return self._noted().of(start, len(self.leaves), scope, kinds) if kinds else []

    def places(self) -> Places:
        """What is noted of all these entries, and perhaps of more; not to be changed."""
        return self._noted()

    def _noted(self) -> Places:
        """What is noted of all these entries; a list that was taken over is looked through now."""
        if len(self._places) < len(self.leaves):
            self._places.catch_up(self.leaves)
        return self._places


def kept(entries: Iterable[Entry]) -> KeptEntries:
    """A sequence of entries that were read."""
    return KeptEntries([entry.leaf for entry in entries])
