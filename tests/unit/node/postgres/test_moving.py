"""Stores that go from files to PostgreSQL and back are the same to the row, and backups of one restore on the other."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, StateError, TrustError
from concordat.node import move_store
from concordat.node.audit_log import AuditLog
from concordat.node.backup import backup
from concordat.node.doctor import facts_of, findings
from concordat.node.drill import drill
from concordat.node.gauges import job_counts
from concordat.node.home import Node
from concordat.node.move_store import move, require_empty
from concordat.node.onlooker import Onlooker
from concordat.node.restore import restore
from concordat.node.stores import open_people
from concordat.node.whole_disk import verify_disk
from node_care_kit import NOW, copied, small_home


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("source"))


@pytest.fixture
def home(source: Path, tmp_path: Path) -> Path:
    return copied(source, tmp_path / "home")


@pytest.fixture
def address(postgres: Any, request: pytest.FixtureRequest) -> str:
    return str(postgres.address(f"move_{request.node.name[-40:]}"))


def entries_of(home: Path) -> int:
    """How many entries all its logs have."""
    with sqlite3.connect(home / "log.db") as db:
        return int(db.execute("SELECT count(*) FROM entry").fetchone()[0])


def dump(home: Path) -> list[str]:
    """Every row of both files, as SQLite itself writes it."""
    lines = []
    for name in ("log.db", "people.db"):
        with sqlite3.connect(home / name) as db:
            lines += sorted(line for line in db.iterdump() if line.startswith("INSERT"))
    return lines


def test_there_and_back_it_is_the_same(home: Path, address: str) -> None:
    before, count = dump(home), entries_of(home)
    there = move(home, "sqlite", "postgresql", address)
    assert there.entries == count > 0
    assert there.rows["audit"] == 1
    assert not (home / "log.db").exists()
    with pytest.raises(StateError, match="no node here"):
        Node(home)
    with Node(home, database=address) as node:
        verify_disk(node)
        node.write("Said", {"word": "four"}, "council")
    move(home, "postgresql", "sqlite", address)
    with pytest.raises(StateError, match="stores are in its folder"):
        Node(home, database=address)
    (home / "log.db").rename(home / "away.db")
    with pytest.raises(StateError, match=r"moved to home/log\.db"):
        Node(home, database=address)
    (home / "away.db").rename(home / "log.db")
    with Node(home) as node:
        verify_disk(node)
        assert [e.body.get("word") for e in node.replica.own.entries if e.type == "Said"][-1] == "four"
    changed = set(before) - set(dump(home))  # a log that grew has other tiles, another head, and other open notes
    assert {line.split('"')[1] for line in changed} <= {"head", "paper", "tile"}


def test_an_old_log_is_never_signed_on_by_mistake(home: Path, address: str) -> None:
    move(home, "sqlite", "postgresql", address)
    (home / "log.db.moved").rename(home / "log.db")
    with pytest.raises(StateError, match="stores are in its folder"):
        Node(home, database=address)


def test_a_move_that_was_interrupted_goes_on(home: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = entries_of(home)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(move_store, "_unmark", cut)
        with pytest.raises(KeyboardInterrupt):
            move(home, "sqlite", "postgresql", address)
    assert move(home, "sqlite", "postgresql", address).entries == count
    with monkeypatch.context() as patch:
        patch.setattr(move_store, "_mark", cut)
        with pytest.raises(KeyboardInterrupt):
            move(home, "postgresql", "sqlite", address)
    assert move(home, "postgresql", "sqlite", address).entries == count
    with Node(home) as node:
        verify_disk(node)


def test_what_is_not_the_same_is_not_switched(home: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = move_store._copy

    def losing(source: Any, target: Any) -> None:
        original(source, target)
        target.db.execute(f"DELETE FROM {'audit' if 'audit' in source.tables else 'paper'}")

    with monkeypatch.context() as patch:
        patch.setattr(move_store, "_copy", losing)
        with pytest.raises(TrustError, match="Nothing was switched"):
            move(home, "sqlite", "postgresql", address)
    assert (home / "log.db").exists()
    with pytest.raises(StateError, match="they are others"):
        move(home, "sqlite", "postgresql", address)


def test_what_move_store_refuses(home: Path, address: str) -> None:
    with pytest.raises(InputError, match="between sqlite and postgresql"):
        move(home, "sqlite", "sqlite", address)
    with pytest.raises(InputError, match="which database"):
        move(home, "sqlite", "postgresql", "")
    with Node(home), pytest.raises(StateError, match="uses this node"):
        move(home, "sqlite", "postgresql", address)


def test_a_backup_of_one_restores_on_the_other(home: Path, address: str, postgres: Any, tmp_path: Path) -> None:
    count = entries_of(home)
    move(home, "sqlite", "postgresql", address)
    made = backup(home, tmp_path / "b", now=NOW, program="1", database=address)
    assert set(made.manifest.files) >= {"log.db", "people.db"}
    assert made.manifest.entries == count
    done = drill(home, tmp_path / "b", now=NOW, database=address)
    assert (done.entries, done.behind) == (count, 0)
    found = restore(tmp_path / "b", tmp_path / "again", now=NOW)
    other = str(postgres.address("move_other"))
    require_empty(other)
    move(found.home, "sqlite", "postgresql", other)
    with Onlooker(found.home, other) as node:
        verify_disk(node)
    with pytest.raises(StateError, match="nothing there is overwritten"):
        require_empty(other)
    people = open_people(home, address)
    try:
        assert [row.kind for row in AuditLog(people).rows()] == ["login", "backup_made"]
    finally:
        people.close()


def test_doctor_names_the_database_and_who_writes(home: Path, address: str) -> None:
    move(home, "sqlite", "postgresql", address)
    said = {f.subject: f for f in findings(facts_of(home, now=NOW, database=address))}
    assert said["database"].grade == "good"
    assert "nobody writes there now" in said["database"].what
    with Node(home, database=address):
        said = {f.subject: f for f in findings(facts_of(home, now=NOW, database=address))}
    assert "concordat node writer, process" in said["database"].what
    assert job_counts(home, address) == {}
