"""What need not be worked out again of a long log at each start: its tree, and what is asked of all its entries.

Most of the time of a start goes into the hash tree and the places of entries, which come out the same as the last time.
`Noted` holds both for the first lots of a log, with one hash over the bytes of each lot. A start still reads every
entry: where the hash of a lot is the one noted and the hashes beside its entries are those of the tree, its entries are
the ones from which all this was made. Where one lot differs, nothing noted counts and the log is read as if there were
nothing. Whoever keeps it must know it again as its own (`node.noted`): what is in it is not checked otherwise.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from concordat.ledger.merkle import HASH, MemoryHashes
from concordat.ledger.places import Places

VERSION = 1  # raised whenever a tree or `Places` would come out otherwise

Lot = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Noted:
    """What is noted of the first lots of one log.

    Attributes:
        origin: of the log. lot: entries in each lot. lots: the hash of each. levels: of the tree over their entries.
        places: of their entries.
    """

    origin: str
    lot: int
    lots: tuple[bytes, ...]
    levels: tuple[bytes | memoryview, ...]
    places: Places

    @classmethod
    def of(cls, origin: str, lot: int, lots: Sequence[bytes], tree: MemoryHashes, places: Places) -> Noted:
        """What is noted of as many lots; the tree and the places are of at least their entries."""
        size = lot * len(lots)
        levels = [bytes(row[: HASH * (size >> level)]) for level, row in enumerate(list(tree.levels)) if size >> level]
        return cls(origin, lot, tuple(lots), tuple(levels), places.first(size))

    @property
    def size(self) -> int:
        """How many entries."""
        return self.lot * len(self.lots)

    def holds(self, place: int, lot: Lot) -> bool:
        """Whether a lot of (hash beside it, leaf) is the one that was noted at that place."""
        if len(lot) != self.lot:
            return False
        hashes, leaves = zip(*lot, strict=True)
        start = HASH * self.lot * place
        beside = self.levels[0][start : start + HASH * self.lot]
        each = set(map(len, hashes)) == {HASH}  # else a byte of one could stand at the end of the one before
        return each and b"".join(hashes) == beside and hash_of(leaves) == self.lots[place]

    def parts(self) -> list[bytes]:
        """As a file holds it, one behind the other."""
        said = {"lot": self.lot, "lots": len(self.lots), "order": sys.byteorder, "origin": self.origin, "v": VERSION}
        head = json.dumps(said, sort_keys=True).encode() + b"\n"
        return [head, *self.lots, *map(bytes, self.levels), *self.places.parts()]

    @classmethod
    def parse(cls, data: bytes, stop: int) -> Noted | None:
        """The other way round, of the bytes before `stop`, known to be this node's own; None if another release's."""
        end = data.index(b"\n")
        said, rest = json.loads(data[:end]), memoryview(data)[end + 1 : stop]
        if said["v"] != VERSION or said["order"] != sys.byteorder:
            return None
        lots, lot = said["lots"], said["lot"]
        at, hashes = HASH * lots, tuple(bytes(rest[HASH * n : HASH * (n + 1)]) for n in range(lots))
        levels, size = list[memoryview](), lots * lot
        while size:
            levels.append(rest[at : at + HASH * size])
            at, size = at + HASH * size, size >> 1
        return cls(said["origin"], lot, hashes, tuple(levels), Places.parse(rest[at:], lots * lot))


def hash_of(leaves: Sequence[bytes]) -> bytes:
    """SHA-256 of leaves: first of their lengths, so that none can begin elsewhere."""
    return sha256(struct.pack(f">{len(leaves)}I", *map(len, leaves)) + b"".join(leaves)).digest()
