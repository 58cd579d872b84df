"""`catalog.sqlite`: transactions, migrations that go forward only, seals that notice any change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat.errors import StateError, TrustError
from concordat.evidence.sources._base import Problem
from concordat.evidence.store import Store, VintageMeta, catalog, open_store
from concordat.evidence.store.catalog import MIGRATIONS

MakeMeta = Callable[..., VintageMeta]
TABLES = {
    "needs", "sources", "licences", "datasets", "vintages", "problems", "quarantine", "retrievals",
    "indicators", "blocs", "releases", "release_vintages", "disputes", "buckets",
}  # fmt: skip


def _edit(path: Path, *statements: str) -> None:
    """As somebody with the file in his hands would: triggers don't stop him."""
    with sqlite3.connect(path) as db:
        for table in ("vintages", "problems", "quarantine", "releases", "release_vintages"):
            for verb in ("update", "delete"):
                db.execute(f"DROP TRIGGER IF EXISTS {table}_{verb}")
        for statement in statements:
            db.execute(statement)
    db.close()


# --- Schema ---


def test_a_new_catalogue_has_every_table_of_the_specification(store: Store) -> None:
    found = {row[0] for row in store.catalog.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert found == TABLES
    assert store.catalog.rows("PRAGMA journal_mode") == [("wal",)]
    assert store.catalog.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_store_of_a_newer_program_is_refused_with_the_version_needed(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    open_store(tmp_path).close()
    newer = len(MIGRATIONS) + 3
    _edit(path, "UPDATE needs SET version = '7.2.0'", f"PRAGMA user_version = {newer}")
    before = path.read_bytes()
    with pytest.raises(StateError) as caught:
        open_store(tmp_path)
    assert str(caught.value) == (
        f"{path}: this store has schema {newer}; this program knows schema {len(MIGRATIONS)}. "
        "Install concordat 7.2.0 or newer, or set CONCORDAT_DATA_DIR to another folder."
    )
    assert caught.value.exit_code == 7
    assert path.read_bytes() == before, "a newer store is not touched"


def test_an_older_store_is_brought_forward_and_keeps_its_rows(
    tmp_path: Path, meta: MakeMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path) as store:
        stored = store.write_vintage(meta(), [])
    monkeypatch.setattr(catalog, "MIGRATIONS", (*MIGRATIONS, ("9.0.0", ("CREATE TABLE more(x)",))))
    with open_store(tmp_path) as store:
        assert store.vintages() == [stored]
        assert store.catalog.rows("SELECT count(*) FROM more") == [(0,)]
        assert store.catalog.rows("SELECT version FROM needs") == [("9.0.0",)]
    monkeypatch.undo()
    with pytest.raises(StateError, match=r"Install concordat 9\.0\.0 or newer"):
        open_store(tmp_path)


def test_a_migration_that_fails_half_way_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(tmp_path).close()
    broken = (*MIGRATIONS, ("9.0.0", ("CREATE TABLE more(x)", "CREATE TABLE more(x)")))
    monkeypatch.setattr(catalog, "MIGRATIONS", broken)
    with pytest.raises(StateError, match="already exists"):
        open_store(tmp_path)
    monkeypatch.undo()
    with open_store(tmp_path) as store:
        assert store.catalog.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert store.catalog.rows("SELECT name FROM sqlite_master WHERE name = 'more'") == []


# --- Transactions ---


def test_a_change_is_made_whole_or_not_at_all(store: Store) -> None:
    def half() -> None:
        with store.catalog.transaction() as db:
            db.execute("INSERT INTO licences VALUES ('x', '{}')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert store.catalog.rows("SELECT * FROM licences") == []
    with store.catalog.transaction() as db:
        db.execute("INSERT INTO licences VALUES ('x', '{}')")
    assert store.catalog.rows("SELECT id FROM licences") == [("x",)]


@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("vintages", "licence"),
        ("problems", "text"),
        ("quarantine", "why"),
        ("releases", "hash"),
        ("release_vintages", "logical_hash"),
    ],
)
def test_what_was_stored_refuses_to_change(
    store: Store, meta: MakeMeta, table: str, column: str, statement: str
) -> None:
    stored = store.write_vintage(meta(), [], [Problem("r", "info", "", "")], [("ab", "bounds", "over 100")])
    store.make_release("r", [stored], "c" * 64, "b" * 64)
    with pytest.raises(StateError, match=f"{table} never change"), store.catalog.transaction() as db:
        db.execute(statement.format(table, column))


# --- Seals ---


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("known_from", "'2020-01-01'"),
        ("known_from", "'never'"),
        ("published", "NULL"),
        ("published", "'soon'"),
        ("retrieved_at", "'2020-01-01T00:00:00+00:00'"),
        ("licence", "replace(licence, 'CC-BY-4.0', 'CC0-1.0')"),
        ("licence", "'{'"),
        ("origin", "replace(origin, 'An office', 'Another')"),
        ("origin", "x'ff'"),
        ("raw", "'[]'"),
        ("raw", "''"),
        ("row_count", "5"),
        ("row_count", "'many'"),
        ("logical_hash", "'0000'"),
        ("file_sha256", "'0000'"),
        ("problems_hash", "'0000'"),
        ("quarantine_hash", "'0000'"),
        ("parser_version", "'2'"),
        ("source_id", "'other'"),
        ("seal", "'0000'"),
    ],
)
def test_a_change_of_what_is_said_about_a_vintage_raises(
    tmp_path: Path, meta: MakeMeta, column: str, value: str
) -> None:
    with open_store(tmp_path) as store:
        seal = store.write_vintage(meta(raw=("ab" * 32,)), []).seal()
    _edit(tmp_path / "catalog.sqlite", f"UPDATE vintages SET {column} = {value}")
    with open_store(tmp_path) as store, pytest.raises(TrustError) as caught:
        store.vintages()
    expected = "0000" if column == "seal" else seal
    assert f"what is said about demo/v1 is not what was stored: expected {expected}, found " in str(caught.value)
    assert caught.value.where == str(tmp_path / "catalog.sqlite")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM problems", "what the parser said about demo/v1"),
        ("DELETE FROM problems WHERE number = 1", "what the parser said about demo/v1"),
        ("UPDATE problems SET number = 9 - number", "what the parser said about demo/v1"),
        ("UPDATE problems SET severity = 'info'", "what the parser said about demo/v1"),
        ("UPDATE problems SET text = x'00'", "what the parser said about demo/v1"),
        (
            "INSERT INTO problems VALUES ('demo', 'v1', 2, 'r', 'info', '', '', '', '')",
            "what the parser said about demo/v1",
        ),
        ("DELETE FROM quarantine", "the list of rows kept aside of demo/v1"),
        ("UPDATE quarantine SET obs_id = 'cd'", "the list of rows kept aside of demo/v1"),
        ("INSERT INTO quarantine VALUES ('demo', 'v1', 'cd', 'r', 'w')", "the list of rows kept aside of demo/v1"),
    ],
)
def test_a_change_of_a_list_that_a_vintage_seals_raises_and_is_found(
    tmp_path: Path, meta: MakeMeta, statement: str, what: str
) -> None:
    problems = [Problem("r", "warning", "a.json#/x", "e\u0301"), Problem("r", "error", "a.json#/y", "no figure")]
    with open_store(tmp_path) as store:
        store.write_vintage(meta(), [], problems, [("ab", "bounds", "over 100")])
    _edit(tmp_path / "catalog.sqlite", statement)
    with open_store(tmp_path) as store:
        vintage = store.vintage("v1")
        read = store.problems if "parser" in what else store.quarantine
        with pytest.raises(TrustError, match=f"{what} is not what was stored: expected [0-9a-f]{{64}}, found"):
            read(vintage)
        (fault,) = store.verify().faults
        assert what in str(fault)


def test_a_vintage_comes_back_as_it_was_entered(store: Store, meta: MakeMeta) -> None:
    entered = meta(published=None, raw=("ab" * 32, "cd" * 32), origin={**meta().origin, "title": 'e\u0301 "x"\n'})
    stored = store.write_vintage(entered, [])
    found = store.catalog.vintage("demo", "v1")
    assert found == stored
    assert {name: getattr(found, name) for name in VintageMeta.__slots__} == {
        name: getattr(entered, name) for name in VintageMeta.__slots__
    }


def test_vintages_are_listed_by_dataset_then_day_then_id(store: Store, meta: MakeMeta) -> None:
    from datetime import date

    for dataset, vintage, day in (("b", "1", 1), ("a", "9", 2), ("a", "5", 3), ("a", "1", 3)):
        store.write_vintage(meta(dataset_id=dataset, id=vintage, known_from=date(2026, 1, day)), [])
    assert [v.ref for v in store.vintages()] == ["a/9", "a/1", "a/5", "b/1"]


# --- Errors of SQLite ---


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database " * 100)
    with pytest.raises(StateError, match="damaged") as caught:
        open_store(tmp_path)
    assert caught.value.where == str(tmp_path / "catalog.sqlite")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_FULL", "disk_full"),
        ("SQLITE_READONLY_DBMOVED", "no_permission"),
        ("SQLITE_CANTOPEN", "no_permission"),
        ("SQLITE_BUSY", "locked"),
        ("SQLITE_CORRUPT", "damaged"),
        ("SQLITE_NOTADB", "damaged"),
        ("SQLITE_IOERR", "sqlite"),
        ("", "sqlite"),
    ],
)
def test_what_sqlite_says_becomes_an_error_of_ours(store: Store, name: str, code: str) -> None:
    error = sqlite3.OperationalError("it says")
    error.sqlite_errorname = name  # type: ignore[misc]
    with pytest.raises(StateError) as caught, store.catalog.transaction():
        raise error
    assert caught.value.code == code
    assert caught.value.where == str(store.catalog.path)


def test_a_full_disk_leaves_the_catalogue_as_it_was(store: Store) -> None:
    pages = store.catalog.rows("PRAGMA page_count")[0][0]
    store.catalog.rows(f"PRAGMA max_page_count = {pages}")  # SQLite then acts as on a full disk

    def fill() -> None:
        with store.catalog.transaction() as db:
            db.execute("INSERT INTO licences VALUES ('small', '{}')")
            db.execute("INSERT INTO licences VALUES ('large', ?)", ("x" * 1_000_000,))

    with pytest.raises(StateError, match="no space is left on this disk"):
        fill()
    assert store.catalog.rows("SELECT * FROM licences") == []


def test_a_reader_and_a_writer_do_not_stop_each_other(store: Store, meta: MakeMeta) -> None:
    with open_store(store.data_dir) as reader:
        assert reader.vintages() == []
        stored = store.write_vintage(meta(), [])
        assert reader.vintages() == [stored]


def test_closing_folds_the_log_into_one_file(tmp_path: Path, meta: MakeMeta) -> None:
    with open_store(tmp_path) as store:
        store.write_vintage(meta(), [])
    assert [p.name for p in tmp_path.glob("catalog*")] == ["catalog.sqlite"]
