"""Where are the leaves of a long log? The newest in memory, all before them in a store, read in lots when wanted.

A log of a hundred thousand entries is seventy megabytes of leaves, of which a node looks at the newest. `Leaves` stands
where a list of them would. What a store gives is compared, leaf by leaf, with the hashes of the tree that the log has
in memory (RFC 6962, H(0x00 || entry)): a leaf that was changed on the disk is never given to anybody. The newest 1,024
stay in memory (four tiles; ledger.md 10), and all that the store doesn't hold yet.

It reads through a `LeafStore`, which is the node's; without one it is a list in memory, as in tests and simulations.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, overload

from concordat.errors import TrustError
from concordat.ledger.merkle import MemoryHashes, leaf_hash

LOT = 256
LOTS_KEPT = 4
NEWEST = 1_024
MOST = 2 * NEWEST
BEHIND = 201  # characters of an envelope behind its payload: its type and one signature of Ed25519
LAST = 320  # of a payload's base64: what stands behind its refs takes under 240 bytes


class LeafStore(Protocol):
    """Whoever keeps the leaves of logs. Any thread may ask."""

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`, as they are stored."""
        ...

    def marked(self, origin: str, start: int, stop: int, marks: Sequence[bytes]) -> list[int]:
        """The indices, in order, of the leaves with one of some marks in the last `LAST` characters of their payload.

        A mark is a part of the payload's base64 (`marks_of`).
        """
        ...


class Kept:
    """The leaves of one log in a store, each compared with the log's tree before anybody gets it.

    Args:
        store: where they are. origin: of the log. tree: has at least the hashes of the leaves that are asked for.
    """

    __slots__ = ("_origin", "_store", "_tree")

    def __init__(self, store: LeafStore, origin: str, tree: MemoryHashes) -> None:
        self._store, self._origin, self._tree = store, origin, tree

    def __call__(self, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`.

        Raises:
            TrustError: one is missing, or is not the one that the tree was made of.
        """
        found = self._store.leaves(self._origin, start, stop)
        wanted = self._tree.leaves(start, stop)
        if len(found) != len(wanted):
            what = f"{len(found)} entries where {len(wanted)} should be."
            raise TrustError(what, where=f"{self._origin}, entry {start}", code="entry")
        for place, (leaf, hashed) in enumerate(zip(found, wanted, strict=True)):
            if leaf_hash(leaf) != hashed:
                where = f"{self._origin}, entry {start + place}"
                hint = "Run: concordat node verify"
                raise TrustError("the entry is not the one that was logged.", where=where, hint=hint, code="entry")
        return found

    def marked(self, start: int, stop: int, marks: Sequence[bytes]) -> list[int]:
        """As `LeafStore.marked`, of this log."""
        return self._store.marked(self._origin, start, stop, marks)


class Leaves(Sequence[bytes]):
    """The leaves of one log, in order.

    Args:
        leaves: the first ones, in memory; the list is taken over.
    """

    __slots__ = ("_before", "_kept", "_lots", "_tail")

    def __init__(self, leaves: list[bytes] | None = None) -> None:
        self._tail: list[bytes] = [] if leaves is None else leaves
        self._before = 0  # how many lie in the store alone
        self._kept: Callable[[int, int], list[bytes]] | None = None
        self._lots: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        return self._before + len(self._tail)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Leaves: ...
    def __getitem__(self, at: int | slice) -> bytes | Leaves:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            assert step == 1
            return self._between(start, max(start, stop))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        index = at if at >= 0 else at + len(self)
        return self._tail[index - self._before] if index >= self._before else self._read(index)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self._before, LOT):
            assert self._kept is not None
            yield from self._kept(start, min(start + LOT, self._before))
        yield from self._tail

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Leaves | list | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def append(self, leaf: bytes) -> None:
        """Add one."""
        self._tail.append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many."""
        self._tail.extend(leaves)

    def truncate(self, size: int) -> None:
        """Forget the leaves from `size` on."""
        del self._tail[max(0, size - self._before) :]
        if size < self._before:
            self._before = size
            self._lots = {}

    def copy(self) -> Leaves:
        """The same leaves for another thread: what is added here later does not show there."""
        return self._between(0, len(self))

    # --- A store ------------------------------------------------------------------------------------------------------

    def many(self, stored: int) -> bool:
        """Whether many of the first `stored` leaves are in memory."""
        return stored - self._before > MOST

    def settle(self, kept: Callable[[int, int], list[bytes]], stored: int) -> None:
        """The first `stored` leaves can be read from a store from now on: of these only the newest stay in memory."""
        assert self._before <= stored <= len(self)
        first = max(self._before, stored - NEWEST)
        del self._tail[: first - self._before]
        self._kept, self._before = kept, first

    def begin(self, kept: Callable[[int, int], list[bytes]], stored: int) -> None:
        """Nothing is here yet, and `stored` leaves are in a store: the newest are read now.

        Raises:
            TrustError: one of these is missing, or another.
        """
        assert not len(self)
        before = max(0, stored - NEWEST)
        self._tail = kept(before, stored)
        self._kept, self._before = kept, before

    def marked(self, start: int, marks: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """(index, leaf) from `start` on of the leaves whose payload ends with one of the marks, or nearly so."""
        if isinstance(self._kept, Kept) and start < self._before:
            for index in self._kept.marked(start, self._before, marks):
                yield index, self[index]
        elif start < self._before:
            yield from zip(range(start, self._before), self[start : self._before], strict=True)
        first = max(start, self._before)
        yield from enumerate(self._tail[first - self._before :], first)

    def _between(self, start: int, stop: int) -> Leaves:
        """Some of the leaves, as they are now."""
        before, kept = self._before, self._kept
        some = Leaves(self._tail[max(0, start - before) : max(0, stop - before)])
        if start < before:
            assert kept is not None
            some._before = min(before, stop) - start
            some._kept = kept if start == 0 else lambda low, high: kept(start + low, start + high)
        return some

    def _read(self, index: int) -> bytes:
        """One that lies in the store alone."""
        number, place = divmod(index, LOT)
        lot = self._lots.get(number, ())
        if place >= len(lot):
            assert self._kept is not None
            try:
                lot = self._kept(number * LOT, min((number + 1) * LOT, self._before))
            except TrustError:  # another one of the lot may be the one that was changed
                return self._kept(index, index + 1)[0]
            if len(self._lots) >= LOTS_KEPT:
                self._lots = {}
            self._lots[number] = lot
        return lot[place]


def marks_of(text: bytes) -> tuple[bytes, bytes, bytes]:
    """What a text inside a payload looks like in the payload's base64: it may begin at three places of a group.

    Without the characters at both ends that also depend on what stands beside it; so what has one of the marks may
    hold the text, and what has none doesn't.
    """
    marks = []
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + text)
        sure = (8 * (shift + len(text))) // 6  # characters that nothing behind the text changes
        marks.append(whole[(0, 2, 3)[shift] : sure])
    return marks[0], marks[1], marks[2]
