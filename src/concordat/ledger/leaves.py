"""Where are the leaves of a long log? The newest in memory, all before them in a store, read in lots when wanted.

A log of a hundred thousand entries is seventy megabytes of leaves, of which a node looks at the newest. `Leaves` stands
where a list of them would. What a store gives is compared, leaf by leaf, with the hashes of the tree that the log has
in memory (RFC 6962, H(0x00 || entry)): a leaf that was changed on the disk is never given to anybody. The newest 1,024
stay in memory (four tiles; ledger.md 10), and all that the store doesn't hold yet.

It reads through a `LeafStore`, which is the node's; without one it is a list in memory, as in tests and simulations.
One thread adds and settles; any thread may read meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, overload

from concordat.errors import TrustError
from concordat.ledger.merkle import MemoryHashes, leaf_hash

LOT = 256
LOTS_KEPT = 4
NEWEST = 1_024
MOST = 2 * NEWEST

Read = Callable[[int, int], list[bytes]]


class LeafStore(Protocol):
    """Whoever keeps the leaves of logs. Any thread may ask."""

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`, as they are stored."""
        ...


class Kept:
    """The leaves of one log in a store, each compared with the log's tree before anybody gets it.

    Args:
        store: where they are. origin: of the log. tree: has at least the hashes of the leaves that are asked for.
        spoilt: told, in words, of what is not as it was logged, on the thread of whoever asked.
    """

    __slots__ = ("_origin", "_spoilt", "_store", "_tree")

    def __init__(
        self, store: LeafStore, origin: str, tree: MemoryHashes, spoilt: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store, self._origin, self._tree, self._spoilt = store, origin, tree, spoilt

    def __call__(self, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`.

        Raises:
            TrustError: one is missing, or is not the one that the tree was made of. StateError: the store gives none.
        """
        try:
            return self._checked(start, stop)
        except TrustError as error:
            self._spoilt(str(error))
            raise

    def _checked(self, start: int, stop: int) -> list[bytes]:
        found = self._store.leaves(self._origin, start, stop)
        wanted = self._tree.leaves(start, stop)
        if len(found) != len(wanted):
            what = f"{len(found)} entries where {len(wanted)} should be."
            raise TrustError(what, where=f"{self._origin}, entry {start}", code="entry")
        for place, (leaf, hashed) in enumerate(zip(found, wanted, strict=True)):
            if leaf_hash(leaf) != hashed:
                raise not_logged(self._origin, start + place)
        return found


def not_logged(origin: str, index: int) -> TrustError:
    """What to say of an entry on the disk that is another than the one that was logged."""
    what, hint = "the entry is not the one that was logged.", "Run: concordat node verify"
    return TrustError(what, where=f"{origin}, entry {index}", hint=hint, code="entry")


class Leaves(Sequence[bytes]):
    """The leaves of one log, in order.

    Args:
        leaves: the first ones, in memory; the list is taken over.
    """

    __slots__ = ("_lots", "_parts")

    def __init__(self, leaves: list[bytes] | None = None) -> None:
        # How many lie in the store alone, those behind them, and how to read the store: one thing, so that a thread
        # that reads while another settles sees all of it as it was before, or as it is then.
        self._parts: tuple[int, list[bytes], Read | None] = (0, [] if leaves is None else leaves, None)
        self._lots: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        before, tail, _ = self._parts
        return before + len(tail)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Leaves: ...
    def __getitem__(self, at: int | slice) -> bytes | Leaves:
        before, tail, kept = self._parts
        size = before + len(tail)
        if isinstance(at, slice):
            start, stop, step = at.indices(size)
            assert step == 1
            return _between(before, tail, kept, start, max(start, stop))
        if not -size <= at < size:
            raise IndexError(at)
        index = at if at >= 0 else at + size
        return tail[index - before] if index >= before else self._read(index, before, kept)

    def __iter__(self) -> Iterator[bytes]:
        before, tail, kept = self._parts
        for start in range(0, before, LOT):
            assert kept is not None
            yield from kept(start, min(start + LOT, before))
        yield from tail

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Leaves | list | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def append(self, leaf: bytes) -> None:
        """Add one."""
        self._parts[1].append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many."""
        self._parts[1].extend(leaves)

    def truncate(self, size: int) -> None:
        """Forget the leaves from `size` on."""
        before, tail, kept = self._parts
        del tail[max(0, size - before) :]
        if size < before:
            self._parts, self._lots = (size, tail, kept), {}

    def copy(self) -> Leaves:
        """The same leaves for another thread: what is added here later does not show there."""
        return self[:]

    # --- A store ------------------------------------------------------------------------------------------------------

    def many(self, stored: int) -> bool:
        """Whether many of the first `stored` leaves are in memory."""
        return stored - self._parts[0] > MOST

    def settle(self, kept: Read, stored: int) -> None:
        """The first `stored` leaves can be read from a store from now on: of these only the newest stay in memory."""
        before, tail, _ = self._parts
        assert before <= stored <= before + len(tail)
        first = max(before, stored - NEWEST)
        self._parts = (first, tail[first - before :], kept)

    def begin(self, kept: Read, before: int, newest: list[bytes]) -> None:
        """Nothing is here yet: so many are in a store, and these come behind them."""
        assert not len(self)
        self._parts = (before, newest, kept)

    def _read(self, index: int, before: int, kept: Read | None) -> bytes:
        """One that lies in the store alone."""
        number, place = divmod(index, LOT)
        lot = self._lots.get(number, ())
        if place >= len(lot):
            assert kept is not None
            try:
                lot = kept(number * LOT, min((number + 1) * LOT, before))
            except TrustError:  # another one of the lot may be the one that was changed
                return kept(index, index + 1)[0]
            if len(self._lots) >= LOTS_KEPT:
                self._lots = {}
            self._lots[number] = lot
        return lot[place]


def _between(before: int, tail: list[bytes], kept: Read | None, start: int, stop: int) -> Leaves:
    """Some of the leaves, as they are now."""
    some = Leaves(tail[max(0, start - before) : max(0, stop - before)])
    if start < before:
        assert kept is not None
        read = kept if start == 0 else lambda low, high: kept(start + low, start + high)
        some._parts = (min(before, stop) - start, some._parts[1], read)
    return some
