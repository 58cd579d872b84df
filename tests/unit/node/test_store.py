"""The store: what it returns is what was appended, also after it was opened again; and what it refuses."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from concordat.errors import StateError, TrustError
from concordat.ledger.merkle import MemoryHashes, inclusion_proof, leaf_hash, verify_inclusion
from concordat.ledger.tiles import MemoryTiles, TileHashes, tiles_of, unpack_bundle
from concordat.node.store import Store, leaves_in

ORIGIN = "node.example/BRICS/member"


def _rows(start: int, stop: int) -> list[tuple[bytes, bytes]]:
    data = [b"entry %d" % i for i in range(start, stop)]
    return [(leaf_hash(d), d) for d in data]


def test_appends_in_lots_make_the_tiles_of_the_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    sizes = [0, 1, 2, 255, 256, 257, 600, 700, 66_000]
    for start, stop in pairwise(sizes):
        assert store.append(ORIGIN, _rows(start, stop)) == stop
        if stop == 257:
            store.close()
            store = Store(tmp_path / "log.db")
    whole = MemoryTiles([d for _, d in _rows(0, 66_000)])
    reader = store.reader(ORIGIN)
    for tile in tiles_of(66_000):
        assert reader.tile(tile.level, tile.index, tile.width) == whole.tile(tile.level, tile.index, tile.width)
    assert store.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in _rows(0, 66_000)).root()
    proof = inclusion_proof(65_535, 66_000, TileHashes(reader, 66_000))
    verify_inclusion(_rows(65_535, 65_536)[0][0], 65_535, 66_000, store.root(ORIGIN), proof)
    assert unpack_bundle(reader.bundle(257, 256), 208)[-1] == b"entry 65999"


def test_a_missing_tile_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    store.append(ORIGIN, _rows(0, 3))
    with pytest.raises(TrustError, match="level 0, tile 5 is missing"):
        store.reader(ORIGIN).tile(0, 5, 1)


def test_a_failed_commit_leaves_nothing_and_stops_the_writing(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    store.append(ORIGIN, _rows(0, 3))
    with pytest.raises(StateError, match="signs nothing more"), store.commit():  # noqa: PT012
        store.append(ORIGIN, _rows(3, 9))
        store._db.execute("INSERT INTO entry VALUES (?, 0, x'00', x'00')", (ORIGIN,))  # breaks the primary key
    assert store.size(ORIGIN) == 3
    with pytest.raises(StateError, match="nothing is written after"):
        store.append(ORIGIN, _rows(3, 4))
    assert list(store.entries(ORIGIN)) == [b"entry 0", b"entry 1", b"entry 2"]
    store.close()
    again = Store(tmp_path / "log.db")
    assert again.append(ORIGIN, _rows(3, 4)) == 4
    assert again.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in _rows(0, 4)).root()


def test_a_full_disk_is_a_state_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(StateError, match="full"):
        store.append(ORIGIN, [(leaf_hash(b"x" * 60_000), b"x" * 60_000)] * 40)
    assert store.size(ORIGIN) == 0
    with pytest.raises(StateError, match=r"Free some space|nothing is written after"):
        store.put_head(ORIGIN, 1, "note")


def test_another_log_replaces_the_one_held(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    store.append(ORIGIN, _rows(0, 300))
    store.replace(ORIGIN, _rows(5, 20))
    assert store.size(ORIGIN) == 15
    assert store.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in _rows(5, 20)).root()


def test_what_it_refuses_to_open(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no node here"):
        Store(tmp_path / "absent.db")
    (tmp_path / "text.db").write_text("not a database at all, by its length and its bytes" * 50)
    with pytest.raises(StateError, match="can't be opened"):
        Store(tmp_path / "text.db")
    store = Store(tmp_path / "log.db", create=True)
    store._db.execute("UPDATE meta SET value = '7' WHERE key = 'schema'")
    store.close()
    with pytest.raises(StateError, match=r"newer program \(store version 7; this one reads 1\)\. Nothing was changed"):
        Store(tmp_path / "log.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(StateError, match="not a store"):
        Store(tmp_path / "other.db")


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    store.append(ORIGIN, _rows(0, 3000))
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    path = tmp_path / "log.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(bytes(data))
    with pytest.raises(StateError, match=r"damaged|can't be opened"):
        Store(path).check()


def test_blobs_are_erased_and_the_log_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "log.db", create=True)
    store.put_blob("ab" * 32, b"s" * 32, b"secret")
    assert store.blob("ab" * 32) == (b"s" * 32, b"secret")
    store.erase_blob("ab" * 32)
    assert store.blob("ab" * 32) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite3.OperationalError("database is locked"), StateError),
        (sqlite3.OperationalError("disk I/O error"), StateError),
        (sqlite3.DatabaseError("database disk image is malformed"), TrustError),
    ],
    ids=str,
)
def test_a_read_that_fails_is_no_failed_write(tmp_path: Path, error: sqlite3.Error, kind: type[Exception]) -> None:
    class Failing:
        def execute(self, *_: object) -> None:
            raise error

    store = Store(tmp_path / "log.db", create=True)
    with pytest.raises(kind, match=str(error)), store.commit():
        leaves_in(Failing(), "node.example/BRICS/member", 0, 4)
    assert store.broken == ""
    store.put_paper("state", "1", b"written all the same")
    store.close()
