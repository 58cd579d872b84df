"""Where do the receipts of an id stand? An index that costs a block next to nothing and answers in a few look-ups.

Receipts of the last blocks wait in memory; once there are `WAIT_MAX` of them, or `BLOCKS_MAX` blocks, they become one
sorted run of entries, 14 bytes each: the first 12 hexadecimal digits of the id (6 bytes), the height (5), the receipt's
index (3). A run lies in rows of 256 entries, keyed by its first entry, so that a look-up is one step down a B-tree for
each run. Sixteen runs of a level become one of the next, up to `RUN_MAX` entries (O'Neil et al., "The log-structured
merge-tree", 1996): ids are random, and single inserts would rewrite nearly the whole index in every block.

Entries only point; whoever reads compares the receipt itself. The index is derived: a start reads the blocks that no
run covers yet, and `audit` holds all of it against the log.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator, Sequence

from concordat.node.clearing.tables import Batch, Store, leaf_uetr, receipts_leaves

WIDTH, ROW, FAN, RUN_MAX = 14, 256, 16, 1 << 18
WAIT_MAX, BLOCKS_MAX = 4_096, 1_024
FEW = 64  # below this many, plain Python is faster than arrays
_UETR = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID = re.compile(rb'"uetr":"([0-9a-f]{8}-[0-9a-f]{4})-')


def entry(uetr: str, height: int, index: int) -> bytes:
    """One entry."""
    return bytes.fromhex(f"{uetr[:8]}{uetr[9:13]}{height:010x}{index:06x}")


def entries_of(leaves: Sequence[bytes], height: int) -> bytes:
    """The entries of a block's receipts, one behind the other, in their order."""
    found = _ID.findall(b"\n".join(leaves)) if len(leaves) >= FEW else ()
    if len(found) != len(leaves):  # few, or a receipt names other ids too
        return b"".join([entry(leaf_uetr(leaf), height, index) for index, leaf in enumerate(leaves)])
    import numpy as np

    rows = np.empty((len(found), WIDTH), np.uint8)
    rows[:, :6] = np.frombuffer(unhexlify(b"".join(found).replace(b"-", b"")), np.uint8).reshape(-1, 6)
    rows[:, 6:11] = np.frombuffer(height.to_bytes(5, "big"), np.uint8)
    rows[:, 11:] = np.arange(len(found), dtype=">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    return rows.tobytes()


def in_order(data: bytes) -> bytes:
    """Entries, sorted."""
    if len(data) < FEW * WIDTH:
        return b"".join(sorted(split(data)))
    import numpy as np

    rows = np.frombuffer(data, np.uint8).reshape(-1, WIDTH)
    first, rest = (np.ascontiguousarray(rows[:, part]).view(">u8").ravel() for part in (slice(0, 8), slice(6, 14)))
    return rows[np.lexsort((rest, first))].tobytes()


def split(data: bytes) -> list[bytes]:
    """Entries that lie one behind the other."""
    return [data[start : start + WIDTH] for start in range(0, len(data), WIDTH)]


class Places:
    """The index of one store; which runs there are, and what waits for the next one, is known in memory.

    Attributes:
        runs: number -> (level, entries). covered: the height up to which the runs went when it was opened.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = list(store.rows("run", "ORDER BY run"))
        self.runs: dict[int, tuple[int, int]] = {run: (level, count) for run, level, count, _ in rows}
        self._next = max(self.runs, default=-1) + 1
        self._waiting = bytearray()
        self._blocks = 0
        self.covered = covered = max((last for *_, last in rows), default=0)
        for height, text in store.rows("block", "WHERE height > ? ORDER BY height", (covered,), "height, receipts"):
            self._wait(receipts_leaves(text), height)

    def _wait(self, leaves: Sequence[bytes], height: int) -> None:
        self._waiting += entries_of(leaves, height)
        self._blocks += 1

    def take_up(self, leaves: Sequence[bytes], height: int, batch: Batch) -> None:
        """Add a block's receipts; a run that is due, and merges, go into the block's own transaction."""
        self._wait(leaves, height)
        if len(self._waiting) < WAIT_MAX * WIDTH and self._blocks < BLOCKS_MAX:
            return
        fresh, level = bytes(self._waiting), 0
        self._waiting, self._blocks = bytearray(), 0
        gone: list[int] = []
        while True:
            same = [run for run, (known, _) in self.runs.items() if known == level]
            size = len(fresh) // WIDTH + sum(self.runs[run][1] for run in same)
            if len(same) < FAN - 1 or size > RUN_MAX:
                break
            fresh = b"".join([fresh, *(self._entries(run) for run in same)])
            for run in same:
                del self.runs[run]
            gone.extend(same)
            level += 1
        fresh = in_order(fresh)
        batch.remove("place", *((run,) for run in gone))
        batch.remove("run", *((run,) for run in gone))
        batch.add("run", (self._next, level, len(fresh) // WIDTH, height))
        batch.add("place", *_rows(self._next, fresh))
        self.runs[self._next] = (level, len(fresh) // WIDTH)
        self._next += 1

    def _entries(self, run: int) -> bytes:
        pieces = self._store.rows("place", "WHERE run = ? ORDER BY first", (run,), "entries")
        return b"".join(bytes(data) for (data,) in pieces)

    def find(self, uetr: str) -> list[tuple[int, int]]:
        """(height, index) of all receipts that may be of an id, in order; none for what is no id."""
        if not _UETR.fullmatch(uetr):
            return []
        low = entry(uetr, 0, 0)
        high = low[:6] + b"\xff" * 8
        query = (
            "WHERE run = ? AND first <= ? AND first >= coalesce("
            "(SELECT first FROM place WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1), ?) ORDER BY first"
        )
        found = [one for one in split(bytes(self._waiting)) if low <= one <= high]
        for run in sorted(self.runs):
            for (data,) in self._store.rows("place", query, (run, high, run, low, low), "entries"):
                found.extend(one for one in split(bytes(data)) if low <= one <= high)
        return [(int.from_bytes(one[6:11], "big"), int.from_bytes(one[11:], "big")) for one in sorted(set(found))]


def _rows(run: int, entries: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    for start in range(0, len(entries), ROW * WIDTH):
        piece = entries[start : start + ROW * WIDTH]
        yield run, piece[:WIDTH], piece
