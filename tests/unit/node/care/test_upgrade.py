"""Stores of every released version come to this one; a step is done whole or not at all, and touches nothing signed."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import node_stores
from concordat.errors import ConcordatError, StateError, TrustError
from concordat.node import people_store, store_kinds
from concordat.node import upgrade as upgrade_module
from concordat.node.audit_log import AuditLog
from concordat.node.backup_folder import finished
from concordat.node.identity import locked
from concordat.node.onlooker import Onlooker
from concordat.node.people_store import PeopleStore
from concordat.node.restore import restore
from concordat.node.store import Store
from concordat.node.store_kinds import STORES
from concordat.node.upgrade import MIGRATIONS, steps_of, upgrade
from concordat.node.whole_disk import verify_disk
from node_care_kit import NOW, failing, with_exchange
from node_stores import home_of_version, versions


def run(home: Path, tmp_path: Path, **more: Any) -> Any:
    return upgrade(home, tmp_path / "b", now=NOW, program="1", **more)


def tables(path: Path) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(path)
    found = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    db.close()
    return found


def rows(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    found = list(db.iterdump())
    db.close()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_of_version(tmp_path, 1, 1)


# --- What was released ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORES, ids=lambda kind: kind.name)
def test_every_version_has_its_store_and_its_step(kind: store_kinds.StoreKind) -> None:
    assert versions(kind.name) == list(range(1, kind.version + 1))
    assert [step.version for step in steps_of(kind)] == list(range(2, kind.version + 1))


@pytest.mark.parametrize("log", versions("log"))
@pytest.mark.parametrize("people", versions("people"))
@pytest.mark.parametrize("engine", versions("engine"))
@pytest.mark.parametrize("exchange", versions("exchange"))
def test_stores_of_every_version_come_to_this_one(
    tmp_path: Path, log: int, people: int, engine: int, exchange: int
) -> None:
    """The tables that come out are those that this program makes: whoever changes a table makes a version."""
    home = home_of_version(tmp_path, log, people, engine, exchange)
    done = run(home, tmp_path)
    assert len(done.changed) == sum(kind.version for kind in STORES) - log - people - engine - exchange
    (tmp_path / "engine").mkdir()
    Store(tmp_path / "log.db", create=True).close()
    Store(tmp_path / "engine" / "ledger.db", create=True).close()
    PeopleStore(tmp_path / "people.db", create=True).close()
    with_exchange(tmp_path)
    for kind in STORES:
        assert tables(home / kind.file) == tables(tmp_path / kind.file), kind.name
    with Onlooker(home) as node:
        assert verify_disk(node) == ["BRA 3", "council/1 6"]
    store = PeopleStore(home / "people.db")
    AuditLog(store).verify()
    store.close()


# --- Steps made for the test ------------------------------------------------------------------------------------------

GOOD = '''
"""Adds a table of colours, and one colour."""
CHANGES = ("colour",)
def up(db):
    db.execute("CREATE TABLE colour (name TEXT PRIMARY KEY)")
    db.execute("INSERT INTO colour VALUES ('green')")
'''


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`steps(log="...", people="...")`: a program of the next version, with these steps to it."""
    root = tmp_path / "migrations"

    def make(**texts: str) -> Path:
        for name, text in texts.items():
            store, _, number = name.partition("_")
            (root / store).mkdir(parents=True, exist_ok=True)
            (root / store / f"{number or '002'}_test.py").write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        counts = {k.name: 1 + len(list((root / k.name).glob("*.py"))) for k in STORES}
        kinds = tuple(replace(k, version=counts[k.name]) for k in STORES)
        monkeypatch.setattr(store_kinds, "STORES", kinds)
        return root

    return make


def test_a_step_is_told_and_counted_and_backed_up_before(home: Path, tmp_path: Path, steps: Any) -> None:
    before = rows(home / "people.db")
    root = steps(people=GOOD)
    done = run(home, tmp_path, root=root)
    ((changed,), made) = (done.changed, done.backup)
    assert (changed.store, changed.step.version, changed.step.name) == ("people", 2, "test")
    assert changed.step.words == "Adds a table of colours, and one colour."
    assert changed.rows == (("colour", 0, 1),)
    assert made.manifest.stores == {"log": 1, "people": 1}
    again = run(home, tmp_path, root=root)
    assert (again.changed, again.backup) == ((), None)
    assert len(finished(tmp_path / "b")) == 1
    restored = restore(tmp_path / "b", tmp_path / "old", now=NOW).home
    assert rows(restored / "people.db") == before


BAD = {
    "it fails": ('db.execute("SELECT * FROM nowhere")', "the step failed: no such table: nowhere"),
    "it says nothing of rows": (
        "db.execute(\"INSERT INTO blob VALUES ('a', NULL, x'00')\")",
        "the rows of blob from 0",
    ),
    "it drops a table": ('db.execute("DROP TABLE blob")', "the rows of blob from 0"),
    "it writes an entry": ("db.execute(\"UPDATE entry SET leaf = x'00'\")", "not authorized"),
    "it forgets an entry": ('db.execute("DELETE FROM entry WHERE idx = 0")', "not authorized"),
    "it adds an entry": ("db.execute(\"INSERT INTO entry VALUES ('x', 1, x'00', x'00')\")", "not authorized"),
    "it writes a tile": ("db.execute(\"UPDATE tile SET bytes = x'00'\")", "not authorized"),
    "it writes a head": ('db.execute("UPDATE head SET size = 1")', "not authorized"),
    "it replaces a head": ("db.execute(\"INSERT OR REPLACE INTO head VALUES ('x', 1, 'y')\")", "not authorized"),
    "it writes a note": ("db.execute(\"UPDATE note SET text = ''\")", "not authorized"),
    "it writes a paper": ('db.execute("DELETE FROM paper")', "not authorized"),
    "it adds a column": ('db.execute("ALTER TABLE entry ADD COLUMN more TEXT")', "not authorized"),
    "it renames a column": ('db.execute("ALTER TABLE head RENAME COLUMN size TO n")', "not authorized"),
    "it renames a table": ('db.execute("ALTER TABLE tile RENAME TO tiles")', "not authorized"),
    "it drops the tiles": ('db.execute("DROP TABLE tile")', "not authorized"),
    "it leaves a trigger": (
        'db.execute("CREATE TRIGGER t AFTER INSERT ON head BEGIN DELETE FROM blob; END")',
        "not authorized",
    ),
    "it goes by a trigger": (
        """db.execute("CREATE TEMP TRIGGER t AFTER INSERT ON blob BEGIN DELETE FROM entry; END")
    db.execute("INSERT INTO blob VALUES ('a', NULL, x'00')")""",
        "not authorized",
    ),
    "it commits": ('db.execute("CREATE TABLE x (y)")\n    db.execute("COMMIT")', "not authorized"),
    "it commits by a script": ('db.execute("CREATE TABLE x (y)")\n    db.executescript("SELECT 1;")', ""),
    "it opens another file": ("db.execute(\"ATTACH 'other.db' AS other\")", "not authorized"),
    "it lifts the guard of the file": ('db.execute("PRAGMA writable_schema=ON")', "not authorized"),
    "it leaves a row without its master": (
        """db.execute("CREATE TABLE a (n INTEGER PRIMARY KEY)")
    db.execute("CREATE TABLE b (n INTEGER REFERENCES a (n))")
    db.execute("INSERT INTO b VALUES (7)")""",
        "a row names another that is not there",
    ),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_step_that_goes_wrong_changes_nothing(home: Path, tmp_path: Path, steps: Any, name: str) -> None:
    statement, said = BAD[name]
    changes = '("a", "b")' if "master" in name else "()"
    root = steps(log=f'"""Bad."""\nCHANGES = {changes}\ndef up(db):\n    {statement}\n')
    before, made = rows(home / "log.db"), tables(home / "log.db")
    with pytest.raises(ConcordatError, match=said or None) as caught:
        run(home, tmp_path, root=root)
    assert isinstance(caught.value, (StateError, TrustError))
    assert caught.value.where == "log 002_test"
    assert "as it was before the step. The backup: " in caught.value.hint
    assert (rows(home / "log.db"), tables(home / "log.db")) == (before, made)
    assert len(finished(tmp_path / "b")) == 1


def test_a_step_of_python_that_fails_is_undone_too(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people=GOOD + "    raise ZeroDivisionError\n")
    before = rows(home / "people.db")
    with pytest.raises(ZeroDivisionError):
        run(home, tmp_path, root=root)
    assert rows(home / "people.db") == before


def test_what_sqlite_did_not_refuse_is_found_by_the_hashes(
    home: Path, tmp_path: Path, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second guard, with the first one taken away."""
    monkeypatch.setattr(upgrade_module, "_WRITES", set())
    for text in ("UPDATE entry SET leaf = x'00' WHERE idx = 1", "UPDATE tile SET bytes = x'00'"):
        root = steps(log=f'"""Bad."""\nCHANGES = ()\ndef up(db):\n    db.execute("{text}")\n')
        before = rows(home / "log.db")
        with pytest.raises(TrustError, match="changed what is signed or hashed"):
            run(home, tmp_path, root=root)
        assert rows(home / "log.db") == before


def test_the_audit_chain_is_guarded_as_well(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people='"""Bad."""\nCHANGES = ("audit",)\ndef up(db):\n    db.execute("DELETE FROM audit")\n')
    with pytest.raises(StateError, match="not authorized"):
        run(home, tmp_path, root=root)


def test_steps_before_the_one_that_fails_stay(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people=GOOD, people_003='"""Bad."""\nCHANGES = ()\ndef up(db):\n    db.execute("SELECT x")\n')
    with pytest.raises(StateError, match="no such column"):
        run(home, tmp_path, root=root)
    db = sqlite3.connect(home / "people.db")
    assert db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("2",)
    db.close()
    steps(people_003='"""Good now."""\nCHANGES = ()\ndef up(db):\n    db.execute("CREATE INDEX c ON colour (name)")\n')
    assert [c.step.version for c in run(home, tmp_path, root=root).changed] == [3]


# --- Newer, older, running, no room -----------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["log", "people"])
def test_a_newer_store_is_refused_and_nothing_is_changed(home: Path, tmp_path: Path, steps: Any, store: str) -> None:
    """Also in the other store, which has a step to do."""
    root = steps(log=GOOD, people=GOOD)
    path = home / f"{store}.db"
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '9' WHERE key = 'schema'")
    db.close()
    before = [rows(path) for _, path in store_kinds.present(home)]
    with pytest.raises(StateError, match="store version 9; this one reads 2") as caught:
        run(home, tmp_path, root=root)
    assert (caught.value.where, caught.value.code) == (str(path), "newer")
    assert [rows(path) for _, path in store_kinds.present(home)] == before
    assert not (tmp_path / "b").exists()


def test_an_older_store_is_not_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.node import store as store_module

    monkeypatch.setattr(store_module, "SCHEMA", 2)
    monkeypatch.setattr(people_store, "SCHEMA", 2)
    for opened in (Store, PeopleStore):
        name = "log.db" if opened is Store else "people.db"
        with pytest.raises(StateError, match="concordat node upgrade") as caught:
            opened(home / name)
        assert caught.value.code == "older"
    Store(home / "log.db", readonly=True).close()  # to check it before and after its upgrade


def test_a_damaged_version_is_no_version(home: Path, tmp_path: Path) -> None:
    for statement in ("UPDATE meta SET value = 'x'", "DELETE FROM meta", "DROP TABLE meta"):
        with sqlite3.connect(home / "people.db") as db:
            db.execute(statement)
        db.close()
        with pytest.raises(TrustError, match="not a store of a node, or damaged"):
            run(home, tmp_path)


def test_a_running_node_is_not_upgraded(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people=GOOD)
    handle = locked(home)
    with pytest.raises(StateError, match=str(os.getpid())):
        run(home, tmp_path, root=root)
    os.close(handle)
    assert len(run(home, tmp_path, root=root).changed) == 1


def test_without_a_backup_no_step_is_done(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people=GOOD)
    before = rows(home / "people.db")
    (tmp_path / "b").write_bytes(b"a file")
    with pytest.raises(StateError, match="the backup was not made"):
        run(home, tmp_path, root=root)
    (tmp_path / "b").unlink()
    for at in (5, 10, 15):
        with failing(at, "full"), pytest.raises(StateError):
            run(home, tmp_path, root=root)
    assert rows(home / "people.db") == before


def test_a_process_killed_in_a_step_leaves_the_store_as_it_was(home: Path, tmp_path: Path, steps: Any) -> None:
    root = steps(people=GOOD + "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    before = rows(home / "people.db")
    program = f"""
from dataclasses import replace
from datetime import datetime, UTC
from pathlib import Path
from concordat.node import store_kinds
from concordat.node.upgrade import upgrade
log, people, *others = store_kinds.STORES
store_kinds.STORES = (log, replace(people, version=2), *others)
upgrade(Path({str(home)!r}), Path({str(tmp_path / "b")!r}), now=datetime(2026, 11, 22, tzinfo=UTC), program="1",
        root=Path({str(root)!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert rows(home / "people.db") == before
    (root / "people" / "002_test.py").write_text(GOOD.lstrip(), encoding="utf-8")
    assert len(run(home, tmp_path, root=root).changed) == 1


def test_steps_follow_each_other(steps: Any) -> None:
    root = steps(people=GOOD)
    kind = store_kinds.STORES[1]
    assert [step.version for step in steps_of(kind, root)] == [2]
    (root / "people" / "004_later.py").write_text(GOOD, encoding="utf-8")
    with pytest.raises(AssertionError, match="do not follow"):
        steps_of(kind, root)
    (root / "people" / "004_later.py").rename(root / "people" / "003_later.py")
    with pytest.raises(AssertionError, match="has no step of its own"):
        steps_of(kind, root)
    (root / "people" / "003_later.py").rename(root / "people" / "03-Later.py")
    with pytest.raises(AssertionError, match="NNN_name"):
        steps_of(kind, root)


def test_the_stores_of_this_version_are_kept(tmp_path: Path) -> None:
    assert node_stores.write_missing() == []
    assert {path.name for path in MIGRATIONS.iterdir() if path.is_dir() and path.name != "__pycache__"} == {
        kind.name for kind in STORES
    }
    assert re.fullmatch(r"[0-9a-f]{64}\n", (node_stores.STORES / "log-1-pinned.txt").read_text())
