"""Which tiles and bundles of one log are needed, and are they the ones of its head: pure, for any source.

A log is missing some entries here. What is missing is fetched in bundles of 256; what is held already stands in for the
rest of the tree, so that the source can't choose it. Up to eight bundles are put together and their root compared with
the head's. A longer stretch is fetched by hash tiles first: the right edge gives the root, each full tile is the hash
that its parent holds, each bundle is the hash that the tile above it holds. Only what passed comes out, as messages for
the replica; nothing else touches the disk.

If what is held and what the head says don't fit together, the source either lies or shows another log of the same
owner: then everything is fetched from entry 0, and if that fits the head, the replica gets it and makes the proof.

Source: C2SP tlog-tiles (July 2026). Not here: signatures of heads and entries, which the replica checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from concordat.errors import TrustError
from concordat.ledger.council_log import read_head
from concordat.ledger.merkle import EMPTY_ROOT, Frontier, Hashes, complete_subtrees, leaf_hash, root_of
from concordat.ledger.messages import Entries
from concordat.ledger.tiles import BITS, HASH, LEVEL_MAX, WIDTH, Tile, TileHashes, tile_path, unpack_bundle, width_at

DIRECT_MAX = 8  # bundles whose root is compared without tiles
LEAVES_MAX = 256  # in one message


class OtherLogError(TrustError):
    """The files of a source are not those of its own head."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How much of a log is held: its size, and the tree up to the last whole bundle below it.

    Attributes:
        size, root: entries, and the root over them. edge: roots of the complete subtrees up to `aligned`.
    """

    size: int
    root: bytes
    edge: tuple[bytes, ...]

    @property
    def aligned(self) -> int:
        """The size down to a whole bundle."""
        return self.size - self.size % WIDTH

    @classmethod
    def of(cls, size: int, hashes: Hashes) -> Stand:
        """What a tree of that size holds."""
        aligned = size - size % WIDTH
        edge = tuple(hashes.at(level, i) for level, i in complete_subtrees(0, aligned))
        return cls(size, root_of(size, hashes), edge)

    def begins(self, leaves: Sequence[bytes]) -> bool:
        """Whether entries from `aligned` on begin with those that are held."""
        tree = Frontier(self.aligned, self.edge)
        for leaf in leaves[: self.size - self.aligned]:
            tree.append(leaf_hash(leaf))
        return tree.root() == self.root


NOTHING = Stand(0, EMPTY_ROOT, ())


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a log: a bundle of entries (level -1), or a tile."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Its path below the folder of the log."""
        return tile_path("entries" if self.level < 0 else self.level, self.index, self.width)


class LogFetch:
    """What is needed of one log.

    Args:
        note: the text of its head. stand: what is held. most: files that may be asked for.
        whole: fetch from entry 0, as what is held contradicts the head.
        where: the source, for messages.
    """

    def __init__(self, note: str, stand: Stand, most: int, *, whole: bool = False, where: str = "") -> None:
        self.note, self.head = note, read_head(note)[1]
        self.where, self._most = where, most
        self.whole = whole
        self.done = False
        self._held = stand
        self._begin(NOTHING if whole else stand)

    def _begin(self, stand: Stand) -> None:
        self._stand = stand
        self._bundles: dict[int, list[bytes]] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._trusted = False
        first, last = stand.aligned // WIDTH, (self.head.size - 1) // WIDTH
        self._wanted = list(range(first, last + 1))
        self._direct = len(self._wanted) <= min(DIRECT_MAX, self._most)
        self._next = first

    def ask(self) -> list[Piece]:
        """The next files, those that can be fetched at once."""
        if self.done:
            return []
        if self._direct:
            return [self._bundle(n) for n in self._wanted if n not in self._bundles]
        if not self._trusted:
            last = self._wanted[-1]
            tiles = [t for t in self._tile_list() if (t.level, t.index) not in self._tiles]
            pieces = [Piece(t.level, t.index, t.width) for t in tiles]
            return pieces + ([self._bundle(last)] if last not in self._bundles else [])
        return [self._bundle(n) for n in range(self._next, min(self._next + WIDTH // 32, self._wanted[-1]))]

    def _bundle(self, index: int) -> Piece:
        return Piece(-1, index, min(WIDTH, self.head.size - index * WIDTH))

    def _tile_list(self) -> Iterator[Tile]:
        """The tiles above the leaves: the right edge on each level, and what is new since the stand."""
        for level in range(1, LEVEL_MAX + 1):
            hashes = self.head.size >> BITS * level
            if not hashes:
                return
            first = (self._stand.aligned >> BITS * level) // WIDTH
            for index in range(first, (hashes + WIDTH - 1) // WIDTH):
                yield Tile(level, index, width_at(level, index, self.head.size))

    def give(self, piece: Piece, data: bytes) -> None:
        """A file has come.

        Raises:
            TrustError: its bytes are not of that form.
        """
        if piece.level >= 0:
            if len(data) != HASH * piece.width:
                what = f"{piece.path}: {len(data):,} bytes instead of {HASH * piece.width:,}."
                raise TrustError(what, where=self.where, code="tile")
            self._tiles[piece.level, piece.index] = data
            return
        try:
            self._bundles[piece.index] = unpack_bundle(data, piece.width)
        except TrustError as error:
            raise TrustError(f"{piece.path}: {error.what}", where=self.where, code="bundle") from None

    def ready(self) -> list[Entries]:
        """Entries that were verified against the head and not given out before, in order.

        Raises:
            OtherLogError: the files are not those of the head.
        """
        if self.done or (self.ask() and not self._trusted):
            return []
        if self._direct:
            return self._ready_direct()
        if not self._trusted:
            if not self._check_tiles():
                return []
            self._trusted = True
        return self._ready_bundles()

    def _ready_direct(self) -> list[Entries]:
        tree = Frontier(self._stand.aligned, self._stand.edge)
        for n in self._wanted:
            for leaf in self._bundles[n]:
                tree.append(leaf_hash(leaf))
        if tree.root() != self.head.root:
            one = f"{self._bundle(self._wanted[0]).path}: " if len(self._wanted) == 1 else ""
            self._again(f"{one}the entries are not those of its head.")
            return []
        if not self._stand.begins(self._bundles[self._wanted[0]]):
            if self._stand.aligned:
                self._again("its entries contradict what is held.")
                return []
            self.whole = True  # all of it is here
        self.done = True
        return self._entries(self._wanted)

    def _again(self, what: str) -> None:
        """What came doesn't fit what is held: from entry 0 once more, unless that was it."""
        if not self._stand.aligned:
            raise OtherLogError(what, where=self.where, code="root")
        self.whole = True
        self._begin(NOTHING)

    def _check_tiles(self) -> bool:
        hashes = TileHashes(_Read(self), self.head.size)
        edge = complete_subtrees(0, self._stand.aligned)
        if root_of(self.head.size, hashes) != self.head.root:
            self._again("the tiles are not those of its head.")
            return False
        for (level, index), data in sorted(self._tiles.items(), reverse=True):
            if len(data) == HASH * WIDTH and not self._under_parent(level, index, data):
                raise OtherLogError(
                    f"{tile_path(level, index)} is not the one its parent names.", where=self.where, code="tile"
                )
        held = [hashes.at(level, index) for level, index in edge if level >= BITS and self._has(level, index)]
        mine = [h for h, (level, index) in zip(self._stand.edge, edge, strict=True) if self._has(level, index)]
        if held != mine:
            self._again("the tiles contradict what is held.")
            return False
        return True

    def _has(self, level: int, index: int) -> bool:
        tile, height = divmod(level, BITS)
        return (tile, (index << height) >> BITS) in self._tiles

    def _under_parent(self, level: int, index: int, data: bytes) -> bool:
        parent = self._tiles.get((level + 1, index // WIDTH))
        if parent is None:
            return False
        place = index % WIDTH * HASH
        return _fold(data) == parent[place : place + HASH]

    def _ready_bundles(self) -> list[Entries]:
        first = self._wanted[0]
        if self._next == first in self._bundles and not self._stand.begins(self._bundles[first]):
            if self._stand.aligned:
                self._again("its entries contradict what is held.")
                return []
            self.whole = True
        come: list[int] = []
        while self._next < self._wanted[-1] and self._next in self._bundles:
            self._check_bundle(self._next)
            come.append(self._next)
            self._next += 1
        if self._next == self._wanted[-1]:
            if len(self._bundles[self._next]) == WIDTH:  # a partial one is part of the root itself
                self._check_bundle(self._next)
            come.append(self._next)
            self.done = True
        found = self._entries(come)
        for n in come:
            self._bundles[n] = [] if not self.done else self._bundles[n]
        return found

    def _check_bundle(self, n: int) -> None:
        """A full bundle is the one that the tile above it names."""
        tile, place = self._tiles[1, n // WIDTH], n % WIDTH * HASH
        if _fold(b"".join(leaf_hash(leaf) for leaf in self._bundles[n])) != tile[place : place + HASH]:
            what = f"{tile_path('entries', n)} is not the one its tile names."
            raise OtherLogError(what, where=self.where, code="bundle")

    def _entries(self, bundles: Sequence[int]) -> list[Entries]:
        skip = 0 if self.whole else self._held.size
        out = []
        for n in bundles:
            start = n * WIDTH
            low = max(0, skip - start)
            if low < len(self._bundles[n]):
                leaves = tuple(self._bundles[n][low:])
                out.append(Entries(self.head.origin, start + low, leaves, self.note))
        return out


class _Read:
    """The tiles that came, and the last bundle as the partial tile of level 0 (`ledger.tiles.TileReader`)."""

    def __init__(self, fetch: LogFetch) -> None:
        self._fetch = fetch

    def tile(self, level: int, index: int, width: int) -> bytes:
        if level == 0:
            data = b"".join(leaf_hash(leaf) for leaf in self._fetch._bundles.get(index, ()))
        else:
            data = self._fetch._tiles.get((level, index), b"")
        if len(data) < HASH * width:
            raise TrustError(f"{tile_path(level, index, width)} is missing.", where=self._fetch.where, code="tile")
        return data[: HASH * width]

    def bundle(self, index: int, width: int) -> bytes:
        raise NotImplementedError


def _fold(hashes: bytes) -> bytes:
    """The root over the 256 hashes of a full tile, or of a bundle's leaves."""
    tree = Frontier()
    for place in range(0, len(hashes), HASH):
        tree.append(hashes[place : place + HASH])
    return tree.root()
