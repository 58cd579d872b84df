"""Whoever looks on sees one moment, needs no key, and changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from concordat import clock
from concordat.errors import TrustError
from concordat.ledger.note import Note, Signature
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker, chain_of, check_heads, state_hashes
from concordat.node.store import Store
from concordat.node.whole_disk import verify_disk
from node_care_kit import copied, small_home


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("source"))


@pytest.fixture
def home(source: Path, tmp_path: Path) -> Path:
    return copied(source, tmp_path / "home")


def test_it_sees_one_moment_of_a_running_node_and_needs_no_key(home: Path) -> None:
    with clock.fixed("2026-11-23"), Node(home) as node:
        kept = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
        shutil.rmtree(home / "keys")
        with Onlooker(home) as looking:
            before = state_hashes(looking)
            (home / "keys").mkdir()
            for name, data in kept.items():
                (home / "keys" / name).write_bytes(data)
            node.write("Said", {"word": "four"}, "council")
            node.tick()
            assert state_hashes(looking) == before
            assert verify_disk(looking) == ["BRA 3", "council/1 6"]
        with Onlooker(home) as looking:
            after = state_hashes(looking)
        assert after[: len(before)] == before
        assert len(after) > len(before)


def test_it_writes_nothing(home: Path) -> None:
    with sqlite3.connect(home / "log.db") as db:
        before = list(db.iterdump())
    db.close()
    with Onlooker(home) as looking:
        with pytest.raises(AssertionError):
            looking.tick()
        assert not (home / "last-backup.json").exists()
    with sqlite3.connect(home / "log.db") as db:
        assert list(db.iterdump()) == before
    db.close()


CHANGES = {
    "a tile": ("UPDATE tile SET bytes = CAST(zeroblob(length(bytes)) AS BLOB)", "the entry is not that of the tile"),
    "a missing tile": ("DELETE FROM tile", "tile 0 is missing"),
    "a short tile": ("UPDATE tile SET bytes = substr(bytes, 1, 32)", "is missing"),
    "a lost entry at the end": ("DELETE FROM entry WHERE idx = 2", "entries"),
    "a lost entry in the middle": ("DELETE FROM entry WHERE idx = 1", "entries where"),
    "another log's head": (
        "UPDATE head SET note = (SELECT note FROM head ORDER BY origin LIMIT 1)",
        "BRICS",
    ),
    "a log of nobody": (
        "INSERT INTO entry SELECT 'x.example/BRICS/member', idx, leaf, bytes FROM entry WHERE origin LIKE 'bra%'",
        "tile 0 is missing",
    ),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_is_not_under_a_signed_head_is_found(home: Path, name: str) -> None:
    statement, said = CHANGES[name]
    with sqlite3.connect(home / "log.db") as db:
        db.execute(statement)
    db.close()
    store = Store(home / "log.db", readonly=True)
    with pytest.raises(TrustError, match=said):
        check_heads(store, chain_of(home, store))
    store.close()


def test_a_head_under_another_key_is_found(home: Path) -> None:
    store = Store(home / "log.db")
    chain = chain_of(home, store)
    good = check_heads(store, chain)
    assert sorted(size for size, _ in good.values()) == [3, 6]
    for origin, text in store.heads().items():
        note = Note.parse(text)
        broken = tuple(Signature(s.name, s.keyid, s.blob[:-1] + bytes([s.blob[-1] ^ 1])) for s in note.signatures)
        store.put_head(origin, good[origin][0], str(Note(note.text, broken)))
        with pytest.raises(TrustError):
            check_heads(store, chain)
        store.put_head(origin, good[origin][0], text)
    check_heads(store, chain)
    store.close()
