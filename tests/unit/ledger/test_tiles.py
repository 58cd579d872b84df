"""Tiles and bundles: the text's worked examples, every tile against the recursive tree, and names that are none."""

from __future__ import annotations

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger.merkle import inclusion_proof
from concordat.ledger.tiles import (
    MemoryTiles,
    Tile,
    TileHashes,
    pack_bundle,
    parse_tile_path,
    root_from_tiles,
    tile_path,
    tiles_of,
    unpack_bundle,
    width_at,
)
from ledger_kit import entries_of, mth

# Names and numbers that tlog-tiles prints.
PATHS = [
    ("tile/0/000", 0, 0, 256),
    ("tile/0/273.p/112", 0, 273, 112),
    ("tile/1/000", 1, 0, 256),
    ("tile/1/001.p/17", 1, 1, 17),
    ("tile/2/000.p/1", 2, 0, 1),
    ("tile/entries/x001/x234/067", "entries", 1234067, 256),
    ("tile/entries/000.p/255", "entries", 0, 255),
    ("tile/0/x001/000", 0, 1000, 256),
    ("tile/7/999", 7, 999, 256),
]


@pytest.mark.parametrize(("path", "level", "index", "width"), PATHS)
def test_paths_are_written_and_read(path: str, level: int | str, index: int, width: int) -> None:
    assert tile_path(level, index, width) == path  # type: ignore[arg-type]
    assert parse_tile_path(path) == (level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "/tile/0/000", "tile/0/000/",
        "tile/00/000", "tile/-1/000", "tile/8/000", "tile/64/000", "tile/x/000", "tile/0/x000", "tile/0/x000/000",
        "tile/0/001/002", "tile/0/x1/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/01",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/1 ", "tile/0/٠٠٠", "tile/0/000\n", "tile/entry/000",
        "tile/0/../000", "tile/0/000.p/1/000", "tile/0/" + "x999/" * 2000 + "999", "tile/0/" + "x001/" * 20 + "000",
    ],
)  # fmt: skip
def test_what_is_no_path_of_a_tile_is_refused(path: str) -> None:
    with pytest.raises(InputError):
        parse_tile_path(path)


def test_every_tile_of_a_log_of_2_63_entries_has_a_path() -> None:
    index = 2**63 // 256
    assert parse_tile_path(tile_path(0, index, 255)) == (0, index, 255)


def test_the_tiles_of_70000_entries() -> None:
    tiles = list(tiles_of(70_000))
    assert tiles == [
        *(Tile(0, n, 256) for n in range(273)), Tile(0, 273, 112), Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)
    ]  # fmt: skip


def test_256_entries_are_a_full_tile_and_one_of_width_1() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert list(tiles_of(1)) == [Tile(0, 0, 1)]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000, 2**24 + 2**16 + 2**8 + 1])
def test_the_width_of_the_last_tile_is_the_text_s_formula(size: int) -> None:
    for level in range(5):
        hashes, wanted = size // 256**level, size // 256**level % 256
        assert width_at(level, hashes // 256, size) == wanted
        assert width_at(level, hashes // 256 + 1, size) == 0
        if hashes >= 256:
            assert width_at(level, hashes // 256 - 1, size) == 256


@pytest.mark.parametrize(
    ("old", "new"), [(0, 300), (1, 300), (255, 256), (256, 257), (300, 300), (300, 70_000), (65_535, 65_536)]
)
def test_new_tiles_are_those_that_the_smaller_log_did_not_have(old: int, new: int) -> None:
    had, has = set(tiles_of(old)), set(tiles_of(new))
    assert set(tiles_of(new, old)) == {tile for tile in has if tile not in had}


ENTRIES = entries_of(600, "t")


def test_hashes_of_tiles_are_those_of_the_recursive_tree() -> None:
    reader = MemoryTiles(ENTRIES)
    for tile in tiles_of(len(ENTRIES)):
        data = reader.tile(tile.level, tile.index, tile.width)
        span = 256**tile.level
        first = tile.index * 256
        wanted = [mth(ENTRIES[span * i : span * (i + 1)]) for i in range(first, first + tile.width)]
        assert data == b"".join(wanted)
        if tile.width == 256:
            assert len(data) == 8192


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 600])
def test_a_root_from_tiles_is_that_of_the_recursive_tree(size: int) -> None:
    assert root_from_tiles(MemoryTiles(ENTRIES), size) == mth(ENTRIES[:size])


def test_a_tile_that_is_too_short_is_refused() -> None:
    class Short(MemoryTiles):
        def tile(self, level: int, index: int, width: int) -> bytes:
            return super().tile(level, index, width)[:-1]

    with pytest.raises(TrustError, match="too short"):
        root_from_tiles(Short(ENTRIES), 600)
    with pytest.raises(TrustError):
        TileHashes(MemoryTiles(ENTRIES), 3).at(0, 300)


def test_a_full_tile_serves_where_a_partial_one_is_asked_for() -> None:
    class Full(MemoryTiles):
        def tile(self, level: int, index: int, width: int) -> bytes:
            return super().tile(level, index, 256 if level == 0 else width)

    assert root_from_tiles(Full(ENTRIES), 300) == mth(ENTRIES[:300])


def test_tiles_are_asked_for_by_the_size_of_the_head() -> None:
    """No other tile and no other width than those that a log of that size has."""

    asked: set[Tile] = set()

    class Watched(MemoryTiles):
        def tile(self, level: int, index: int, width: int) -> bytes:
            asked.add(Tile(level, index, width))
            return super().tile(level, index, width)

    for size in (2, 255, 256, 257, 511, 600):
        asked.clear()
        hashes = TileHashes(Watched(ENTRIES), size)
        for index in range(size):
            inclusion_proof(index, size, hashes)
        assert asked
        assert asked <= set(tiles_of(size))


# --- Bundles --------------------------------------------------------------------------------------------------------


def test_the_bytes_of_a_bundle() -> None:
    entries = [b"abc", b"", b"x" * 65_535]
    data = b"\x00\x03abc\x00\x00\xff\xff" + b"x" * 65_535
    assert pack_bundle(entries) == data
    assert unpack_bundle(data) == unpack_bundle(data, 3) == entries
    assert unpack_bundle(data, 2) == entries[:2]
    assert unpack_bundle(b"") == []
    reader = MemoryTiles(ENTRIES)
    assert unpack_bundle(reader.bundle(2, 88)) == ENTRIES[512:]


def test_an_entry_of_65536_bytes_does_not_fit() -> None:
    with pytest.raises(InputError, match="65,536 bytes"):
        pack_bundle([b"x" * 65_536])


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01a\x00", b"\x00\x00" * 257])
def test_a_bundle_that_ends_inside_or_is_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        unpack_bundle(data)


def test_a_bundle_with_too_few_entries_is_refused() -> None:
    with pytest.raises(TrustError, match="1 entries instead of 2"):
        unpack_bundle(b"\x00\x01a", 2)
