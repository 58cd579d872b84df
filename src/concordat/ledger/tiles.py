"""A log as static files: which tile holds which hashes, which bundle which entries (C2SP tlog-tiles, July 2026).

`tile/<L>/<N>[.p/<W>]` holds up to 256 hashes of 32 bytes: hash i of tile n on level l is
MTH(D[(256n + i) 256^l : (256n + i + 1) 256^l]). `tile/entries/<N>[.p/<W>]` holds the entries themselves, each behind
its length in two bytes, big-endian. `<N>` stands in zero-padded groups of three digits, all but the last with an `x`.
A tile that is not full has its width in its name and stays until the full one exists; empty tiles don't exist.

    >>> tile_path(0, 273, 112)
    'tile/0/273.p/112'
    >>> tile_path("entries", 1234067, 256)
    'tile/entries/x001/x234/067'
    >>> [(t.level, t.index, t.width) for t in tiles_of(70_000) if t.index in (0, 273)]
    [(0, 0, 256), (0, 273, 112), (1, 0, 256), (2, 0, 1)]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from concordat.errors import InputError, TrustError
from concordat.ledger.merkle import leaf_hash, node_hash, root_of

WIDTH, BITS, HASH = 256, 8, 32
ENTRY_BYTES_MAX = 65_535
LEVEL_MAX = 7  # 256^8 = 2^64 leaves
PATH_MAX = 64  # characters; an index below 2^64 has seven groups
Level = int | Literal["entries"]
_PATH = re.compile(r"tile/([0-7]|entries)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, order=True)
class Tile:
    """The place of one tile: level, index on that level, and how many hashes it holds (1 to 256)."""

    level: int
    index: int
    width: int


def tile_path(level: Level, index: int, width: int = WIDTH) -> str:
    """The path of a tile below the folder of its log."""
    assert 1 <= width <= WIDTH
    groups = [f"{index % 1000:03d}"]
    rest = index // 1000
    while rest:
        groups.append(f"x{rest % 1000:03d}")
        rest //= 1000
    suffix = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"


def parse_tile_path(path: str) -> tuple[Level, int, int]:
    """(level, index, width) of a path; the other way round.

    Raises:
        InputError: not a path that `tile_path` writes.
    """
    match = _PATH.fullmatch(path)
    if match and len(path) <= PATH_MAX:
        level: Level = "entries" if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("x", "").replace("/", ""))
        width = int(match[3] or WIDTH)
        if width <= WIDTH and tile_path(level, index, width) == path:
            return level, index, width
    raise InputError(f'"{path[:80]}" is not the path of a tile.', code="tile_path")


def tiles_of(size: int, old: int = 0) -> Iterator[Tile]:
    """The tiles of a log of `size` leaves that a log of `old` leaves did not have, level by level."""
    for level in range(LEVEL_MAX + 1):
        hashes, before = size >> BITS * level, old >> BITS * level
        if not hashes:
            return
        for index in range(before // WIDTH, (hashes + WIDTH - 1) // WIDTH):
            width = min(WIDTH, hashes - index * WIDTH)
            if index * WIDTH + width > before:
                yield Tile(level, index, width)


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes the tile holds in a log of that size; 0 if it doesn't exist."""
    return max(0, min(WIDTH, (size >> BITS * level) - index * WIDTH))


class TileReader(Protocol):
    """Whoever has the tiles of one log: a folder, a database, a peer."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """At least `width` hashes of a tile.

        Raises:
            TrustError: there is no such tile.
        """
        ...

    def bundle(self, index: int, width: int) -> bytes:
        """At least `width` entries of a bundle, as bytes.

        Raises:
            TrustError: there is no such bundle.
        """
        ...


class TileHashes:
    """The hashes of complete subtrees of a log of a known size, read from its tiles and kept by tile."""

    def __init__(self, reader: TileReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def at(self, level: int, index: int) -> bytes:
        """MTH(D[index 2^level : (index+1) 2^level]): the root over 2^(level mod 8) hashes of one tile."""
        tile_level, height = divmod(level, BITS)
        first = index << height
        tile = self._tile(tile_level, first >> BITS)
        start = first % WIDTH
        row = [tile[HASH * i : HASH * (i + 1)] for i in range(start, start + (1 << height))]
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    def _tile(self, level: int, index: int) -> bytes:
        key = (level, index)
        if key not in self._tiles:
            width = width_at(level, index, self._size)
            data = self._reader.tile(level, index, width)
            if width == 0 or len(data) < HASH * width:
                raise TrustError(f"{tile_path(level, index, max(width, 1))} is too short.", code="tile")
            self._tiles[key] = data
        return self._tiles[key]


def root_from_tiles(reader: TileReader, size: int) -> bytes:
    """The root of a log from its tiles: whoever uses a tile compares it with a signed head."""
    return root_of(size, TileHashes(reader, size))


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries behind their lengths.

    Raises:
        InputError: an entry over 65,535 bytes.
    """
    out = bytearray()
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise too_large(len(entry))
        out += len(entry).to_bytes(2, "big") + entry
    return bytes(out)


def too_large(size: int) -> InputError:
    """The error for an entry that no bundle can hold."""
    return InputError(
        f"{size:,} bytes; the limit is {ENTRY_BYTES_MAX:,}.",
        where="entry",
        hint="Put the content beside the log and attach it: --attach FILE.",
        code="entry_size",
    )


def unpack_bundle(data: bytes, count: int | None = None) -> list[bytes]:
    """The entries of a bundle, or its first `count`.

    Raises:
        TrustError: the bytes end inside an entry, hold over 256, or fewer than `count`.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data) and (count is None or len(entries) < count):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise TrustError(f"the bundle ends inside entry {len(entries)}, at byte {len(data)}.", code="bundle")
        if len(entries) == WIDTH:
            raise TrustError(f"the bundle holds over {WIDTH} entries.", code="bundle")
        entries.append(data[at + 2 : end])
        at = end
    if count is not None and len(entries) < count:
        raise TrustError(f"the bundle holds {len(entries)} entries instead of {count}.", code="bundle")
    return entries


class MemoryTiles:
    """The tiles of a list of entries, made when asked: for tests, exports and folders of one log."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries = entries
        self._leaves = [leaf_hash(entry) for entry in entries]

    def tile(self, level: int, index: int, width: int) -> bytes:
        row = self._leaves
        for _ in range(BITS * level):
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        return b"".join(row[index * WIDTH : index * WIDTH + width])

    def bundle(self, index: int, width: int) -> bytes:
        return pack_bundle(self._entries[index * WIDTH : index * WIDTH + width])
