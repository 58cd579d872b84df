"""One contract for both stores of the log, SQLite and PostgreSQL: what is appended is what is read, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import StateError, TrustError
from concordat.ledger.merkle import MemoryHashes, inclusion_proof, leaf_hash, verify_inclusion
from concordat.ledger.tiles import MemoryTiles, TileHashes, tiles_of, unpack_bundle
from concordat.node.store import Store
from concordat.node.store_postgres import PostgresStore
from concordat.node.stores import leaves_of, open_log

ORIGIN = "node.example/BRICS/member"
Open = Callable[..., Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def store_at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """`store_at(create=True)`: one store, opened as often as asked; the last one is closed before the next opens."""
    database = "sqlite"
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres").address(f"log{abs(hash(request.node.name)) % 10**9}")
    opened: list[Store] = []

    def open_it(*, close: bool = True, **more: Any) -> Store:
        if close and opened:
            opened.pop().close()
        # The server ends the session that was closed a moment later, and its lock with it.
        opened.append(open_log(tmp_path, database, origin=ORIGIN, **{"wait_s": 10.0, **more}))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


def rows(start: int, stop: int) -> list[tuple[bytes, bytes]]:
    data = [b"entry %d" % i for i in range(start, stop)]
    return [(leaf_hash(d), d) for d in data]


def test_appends_in_lots_make_the_tiles_of_the_whole(store_at: Open) -> None:
    store = store_at(create=True)
    sizes = [0, 1, 2, 255, 256, 257, 600, 700, 9_000]
    for start, stop in pairwise(sizes):
        assert store.append(ORIGIN, rows(start, stop)) == stop
        if stop == 257:
            store = store_at()
    whole = MemoryTiles([d for _, d in rows(0, 9_000)])
    reader = store.reader(ORIGIN)
    for tile in tiles_of(9_000):
        assert reader.tile(tile.level, tile.index, tile.width) == whole.tile(tile.level, tile.index, tile.width)
    assert store.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in rows(0, 9_000)).root()
    proof = inclusion_proof(8_999, 9_000, TileHashes(reader, 9_000))
    verify_inclusion(rows(8_999, 9_000)[0][0], 8_999, 9_000, store.root(ORIGIN), proof)
    assert unpack_bundle(reader.bundle(35, 40), 40)[-1] == b"entry 8999"
    assert list(store.entries(ORIGIN)) == [d for _, d in rows(0, 9_000)]
    assert list(store.entries(ORIGIN, 8_190, 8_195)) == [d for _, d in rows(8_190, 8_195)]
    assert list(store.entries(ORIGIN, 9_000)) == []


def test_leaves_are_read_beside_the_writer(store_at: Open) -> None:
    store = store_at(create=True)
    told = [f"leaf {n}".encode() for n in range(2_100)]
    store.append(ORIGIN, [(leaf_hash(leaf), leaf) for leaf in told])
    assert [row for lot in store.rows(ORIGIN) for row in lot] == [(leaf_hash(leaf), leaf) for leaf in told]
    beside = leaves_of(store)
    for found in (store, beside) if not isinstance(store, PostgresStore) else (beside,):
        assert found.leaves(ORIGIN, 3, 9) == told[3:9]
        assert found.leaves(ORIGIN, len(told) - 1, len(told) + 9) == told[-1:]
    with store.commit():
        store.append(ORIGIN, rows(0, 2))
        assert beside.leaves(ORIGIN, 2_098, 3_000) == told[-2:], "what is not on the disk yet is not read beside"
    assert beside.leaves(ORIGIN, 2_098, 3_000) == [*told[-2:], *(leaf for _, leaf in rows(0, 2))]
    beside.close()
    assert beside.leaves(ORIGIN, 0, 1) == told[:1], "who still reads opens it again"
    beside.close()


def test_a_row_that_is_missing_is_named(store_at: Open) -> None:
    store = store_at(create=True)
    assert list(store.rows(ORIGIN)) == []
    store.append(ORIGIN, rows(0, 3))
    with store.commit():
        store._db.execute("DELETE FROM entry WHERE origin = ? AND idx = ?", (ORIGIN, 1))
    with pytest.raises(TrustError, match="2 entries where 3 should be"):
        list(store.rows(ORIGIN))


def test_the_logs_are_told_one_after_the_other(store_at: Open) -> None:
    store = store_at(create=True)
    assert store.origins() == []
    for origin in ("b.example/B/member", "B/council/2", "a.example/B/member"):
        store.append(origin, rows(0, 3))
    assert store.origins() == ["B/council/2", "a.example/B/member", "b.example/B/member"]


def test_another_log_under_an_origin_has_no_head_of_the_first(store_at: Open) -> None:
    store = store_at(create=True)
    store.append(ORIGIN, rows(0, 3))
    store.put_head(ORIGIN, 3, "head")
    store.put_head("other", 3, "other head")
    store.replace(ORIGIN, rows(3, 5))
    assert store.heads() == {"other": "other head"}


def test_a_missing_tile_is_named(store_at: Open) -> None:
    store = store_at(create=True)
    store.append(ORIGIN, rows(0, 3))
    with pytest.raises(TrustError, match="level 0, tile 5 is missing"):
        store.reader(ORIGIN).tile(0, 5, 1)


def test_a_failed_commit_leaves_nothing_and_stops_the_writing(store_at: Open) -> None:
    store = store_at(create=True)
    store.append(ORIGIN, rows(0, 3))
    with pytest.raises(StateError, match="signs nothing more"), store.commit():  # noqa: PT012
        store.append(ORIGIN, rows(3, 9))
        store._db.execute("INSERT INTO entry VALUES (?, 0, ?, ?)", (ORIGIN, b"\0", b"\0"))  # breaks the primary key
    assert store.size(ORIGIN) == 3
    with pytest.raises(StateError, match="nothing is written after"):
        store.append(ORIGIN, rows(3, 4))
    assert list(store.entries(ORIGIN)) == [b"entry 0", b"entry 1", b"entry 2"]
    again = store_at()
    assert again.append(ORIGIN, rows(3, 4)) == 4
    assert again.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in rows(0, 4)).root()


def test_a_block_that_raises_leaves_nothing_and_goes_on(store_at: Open) -> None:
    store = store_at(create=True)
    with pytest.raises(ZeroDivisionError), store.commit():  # noqa: PT012
        store.append(ORIGIN, rows(0, 300))
        raise ZeroDivisionError
    assert (store.size(ORIGIN), store.broken) == (0, "")
    assert store.append(ORIGIN, rows(0, 2)) == 2
    assert store.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in rows(0, 2)).root()


def test_another_log_replaces_the_one_held(store_at: Open) -> None:
    store = store_at(create=True)
    store.append(ORIGIN, rows(0, 300))
    store.replace(ORIGIN, rows(5, 20))
    assert store.size(ORIGIN) == 15
    assert store.root(ORIGIN) == MemoryHashes(leaf for leaf, _ in rows(5, 20)).root()


def test_heads_notes_papers_and_blobs(store_at: Open) -> None:
    store = store_at(create=True)
    for origin, size in (("b", 1), ("a", 2), ("É", 3), ("b", 4)):
        store.append(origin, rows(size, size + 1))
        store.put_head(origin, size, f"head {size}")
    store.put_notes(["one\n", "two\n", "one\n"])
    store.put_paper("vote", "2/BRA", b"\x00\xff")
    store.put_paper("vote", "10/BRA", b"first")
    store.put_paper("vote", "10/BRA", b"second")
    store.put_blob("ab" * 32, b"s" * 32, b"secret")
    store.put_blob("cd" * 32, None, b"")
    store = store_at()
    assert store.origins() == ["a", "b", "É"]  # by bytes, on both
    assert list(store.heads().items()) == [("a", "head 2"), ("b", "head 4"), ("É", "head 3")]
    assert sorted(store.notes().values()) == ["one\n", "two\n"]
    assert list(store.papers("vote").items()) == [("10/BRA", b"second"), ("2/BRA", b"\x00\xff")]
    assert store.blob("ab" * 32) == (b"s" * 32, b"secret")
    assert store.blob("cd" * 32) == (None, b"")
    store.erase_blob("ab" * 32)
    store.drop_papers("vote")
    store.check()
    store = store_at()
    assert store.blob("ab" * 32) is None
    assert store.papers("vote") == {}


def test_a_store_of_another_version_is_refused(store_at: Open) -> None:
    with pytest.raises(StateError, match="no node here"):
        store_at()
    store = store_at(create=True)
    store._db.execute("UPDATE meta SET value = '7' WHERE key = 'schema'")
    with pytest.raises(StateError, match=r"newer program \(store version 7; this one reads 1\)\. Nothing was changed"):
        store_at()


def test_who_looks_on_sees_one_moment(store_at: Open) -> None:
    store = store_at(create=True)
    store.append(ORIGIN, rows(0, 3))
    looking = store_at(close=False, readonly=True)
    looking.freeze()
    assert looking.size(ORIGIN) == 3
    store.append(ORIGIN, rows(3, 5))
    assert (looking.size(ORIGIN), store.size(ORIGIN)) == (3, 5)
    looking.close()
