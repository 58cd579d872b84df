"""A backup is whole or not there, of one moment, and never older news than the backups before it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, StateError, TrustError
from concordat.node import backup as backup_module
from concordat.node.audit_log import AuditLog
from concordat.node.backup import backup, moment
from concordat.node.backup_folder import finished, held, newest
from concordat.node.hashed_files import HashedFiles
from concordat.node.home import Node
from concordat.node.manifest import Manifest, blob_path, check_files, read_manifest
from concordat.node.onlooker import Onlooker
from concordat.node.people_store import PeopleStore
from concordat.node.records import BackupMade, read_record
from concordat.node.settings_copy import settings_without_secrets
from node_care_kit import NOW, Crash, copied, failing, small_home, with_engine


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("source"))


@pytest.fixture
def home(source: Path, tmp_path: Path) -> Path:
    return copied(source, tmp_path / "home")


def make(home: Path, target: Path, **more: Any) -> Any:
    return backup(home, target, **{"now": NOW, "program": "1", **more})


def test_a_backup_names_everything_it_holds(home: Path, tmp_path: Path) -> None:
    made = make(home, tmp_path / "b")
    held = read_manifest(made.folder)
    assert held == made.manifest
    assert (held.bloc, held.member, held.made) == ("BRICS", "BRA", "2026-11-22T12:00:00Z")
    assert set(held.files) == {"identity.json", "log.db", "member.json", "people.db", "pinned.txt"}
    assert held.stores == {"log": 1, "people": 1}
    with Onlooker(home) as node:
        wanted = {origin: (node.store.size(origin), node.store.root(origin).hex()) for origin in node.store.origins()}
    assert held.heads == wanted
    assert sorted(held.blobs.values()) == [8, 14]
    check_files(made.folder, held, tmp_path / "b" / "blobs")
    assert (made.folder.stat().st_mode & 0o077, (made.folder / "people.db").stat().st_mode & 0o077) == (0, 0)


def test_an_engines_ledger_is_copied_at_the_same_moment(home: Path, tmp_path: Path) -> None:
    with_engine(home)
    made = make(home, tmp_path / "b")
    assert made.manifest.stores == {"engine": 1, "log": 1, "people": 1}
    assert "engine/ledger.db" in made.manifest.files
    check_files(made.folder, made.manifest, tmp_path / "b" / "blobs")
    assert ((made.folder / "engine").stat().st_mode & 0o077) == 0


def test_keys_are_left_out(home: Path, tmp_path: Path) -> None:
    seeds = [json.loads(path.read_bytes())["seeds"]["ed25519"] for path in sorted((home / "keys").glob("[lmnw]*.json"))]
    make(home, tmp_path / "b")
    written = b"".join(path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file())
    assert len(seeds) == 4
    assert not [seed for seed in seeds if seed.encode() in written]


def test_a_node_goes_on_while_it_is_copied(home: Path, tmp_path: Path) -> None:
    """The copy is of the moment at which it began; what is written meanwhile is not in it, and not lost."""
    with Node(home) as node:
        with moment([home / "log.db", home / "people.db"]) as (sources, _):
            node.write("Said", {"word": "meanwhile"}, "council")
            query = "SELECT count(*) FROM entry WHERE origin = ?"
            (seen,) = sources[0].execute(query, (node.replica.own.origin,)).fetchone()
        made = make(home, tmp_path / "b")
        assert (seen, made.manifest.heads[node.replica.own.origin][0], node.replica.own.size) == (3, 4, 4)


def test_log_and_people_are_of_one_moment(tmp_path: Path) -> None:
    """A writer changes the log first and people then: a copy never has people that are ahead of the log."""
    paths = [tmp_path / "log.db", tmp_path / "people.db"]
    for path in paths:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE n (value INTEGER)")
            db.execute("INSERT INTO n VALUES (0)")
        db.close()
    stop = threading.Event()

    def write() -> None:
        writers = [sqlite3.connect(path, isolation_level=None, timeout=10) for path in paths]
        number = 0
        while not stop.is_set():
            number += 1
            for db in writers:
                db.execute("UPDATE n SET value = ?", (number,))
        for db in writers:
            db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        pairs = []
        for _ in range(30):
            with moment(paths) as (sources, _):
                pairs.append([db.execute("SELECT value FROM n").fetchone()[0] for db in sources])
    finally:
        stop.set()
        writer.join()
    assert all(log - 1 <= people <= log for log, people in pairs), pairs
    assert len({log for log, _ in pairs}) > 1


def test_whoever_holds_a_store_for_long_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_module, "TRIES", 3)
    blocker = sqlite3.connect(home / "people.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(StateError, match="never at rest together"),
        moment([home / "log.db", home / "people.db"]),
    ):
        pass
    log = sqlite3.connect(home / "log.db", isolation_level=None, timeout=0)
    log.execute("BEGIN IMMEDIATE")  # and the log was given back
    log.close()
    blocker.close()


# --- Crash, full disk -------------------------------------------------------------------------------------------------


def calls_of(home: Path, target: Path) -> int:
    with failing(0, "crash") as count:
        make(home, target)
    return count()


def test_a_crash_at_every_write_leaves_the_backups_of_before(home: Path, tmp_path: Path) -> None:
    earlier = make(home, tmp_path / "first").folder
    shutil.copytree(tmp_path / "first", tmp_path / "count")
    total = calls_of(home, tmp_path / "count")
    assert total > 20, total
    for at in range(1, total + 1):
        target = tmp_path / f"b{at}"
        shutil.copytree(tmp_path / "first", target)
        with failing(at, "crash"), pytest.raises(Crash):
            make(home, target, now=NOW + timedelta(hours=1))
        whole = finished(target)
        assert earlier.name in [path.name for path, _ in whole], at
        for path, manifest in whole:
            check_files(path, manifest, target / "blobs")
        if at % 4 == 0 or at == total:  # whatever was left, the next one tidies up
            again = make(home, target, now=NOW + timedelta(hours=2))
            assert newest(target) == again.folder
            check_files(again.folder, again.manifest, target / "blobs")
            assert not [path for path in target.rglob("*") if path.suffix in (".part", ".new")], at
        shutil.rmtree(target)


def test_no_space_at_any_write_is_told_and_leaves_no_half(home: Path, tmp_path: Path) -> None:
    first = make(home, tmp_path / "first").folder
    shutil.copytree(tmp_path / "first", tmp_path / "count")
    HashedFiles(home / "files").put(b"a third result")
    said = []
    for at in range(1, calls_of(home, tmp_path / "count") + 1, 2):
        target = tmp_path / f"b{at}"
        shutil.copytree(tmp_path / "first", target)
        with failing(at, "full"), suppress_state(said):
            make(home, target, now=NOW + timedelta(hours=1))
        whole = finished(target)
        assert first.name in [path.name for path, _ in whole]
        for path, manifest in whole:
            check_files(path, manifest, target / "blobs")
        shutil.rmtree(target)
    assert len(said) > 10
    assert [words for words in said if "No space left" not in words] == []


@contextmanager
def suppress_state(said: list[str]) -> Iterator[None]:
    """A `StateError` is kept in words; nothing else is let through."""
    try:
        yield
    except StateError as error:
        said.append(str(error))


def test_a_full_disk_in_the_middle_of_a_store(home: Path, tmp_path: Path) -> None:
    """The limit on the size of a file, of the operating system itself, stops SQLite's own copy."""
    make(home, tmp_path / "b")
    program = f"""
import resource, sys
from pathlib import Path
from datetime import UTC, datetime
from concordat.errors import StateError
from concordat.node.backup import backup
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    backup(Path({str(home)!r}), Path({str(tmp_path / "b")!r}), now=datetime(2026, 11, 23, tzinfo=UTC), program="1")
except StateError as error:
    sys.exit(f"told: {{error}}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "told: " in done.stderr, done.stderr
    assert "the backup was not made" in done.stderr
    assert "earlier backups are as they were" in done.stderr
    ((path, manifest),) = finished(tmp_path / "b")
    check_files(path, manifest, tmp_path / "b" / "blobs")
    assert not list((tmp_path / "b").glob("*.part"))


def test_a_crash_in_the_middle_of_a_store(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: Any) -> None:  # type: ignore[override]
            def dies(*_: int) -> None:
                raise Crash

            super().backup(target, pages=3, progress=dies)

    def dying(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, factory=Dying)

    monkeypatch.setattr(backup_module, "reading", dying)
    with pytest.raises(Crash):
        make(home, tmp_path / "b")
    monkeypatch.undo()
    assert [path.suffix for path in (tmp_path / "b").iterdir() if path.is_dir()] == [".part"]
    with pytest.raises(InputError, match="no finished backup"):
        newest(tmp_path / "b")
    assert finished(tmp_path / "b") == []
    make(home, tmp_path / "b")
    assert len(finished(tmp_path / "b")) == 1


def test_too_little_room_is_told_before_anything_is_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 100))  # type: ignore[attr-defined]
    with pytest.raises(StateError, match="0 MB are free; this backup needs 8"):
        make(home, tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["lock"]


# --- Two at once, links, places ---------------------------------------------------------------------------------------


def test_a_second_backup_into_one_folder_waits_for_nobody(home: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with held(tmp_path / "b"), pytest.raises(StateError, match=rf"another process \(number {os.getpid()}\)"):
        make(home, tmp_path / "b")
    assert make(home, tmp_path / "b").folder.name == "BRA-20261122T120000Z"
    assert make(home, tmp_path / "b").folder.name == "BRA-20261122T120000Z-2"


@pytest.mark.parametrize("place", ["home", "home/backups", ""])
def test_a_backup_does_not_lie_in_the_node(home: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="one in the other"):
        make(home, tmp_path / place if place else home.parent)


def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of somebody else")
    target = tmp_path / "b"
    target.mkdir()
    (target / "lock").symlink_to(secret)
    with pytest.raises(StateError, match="the backup was not made"):
        make(home, target)
    assert secret.read_bytes() == b"of somebody else"
    (target / "lock").unlink()
    digest = "ab" * 32
    (home / "files" / "ab").mkdir(exist_ok=True)
    (home / "files" / "ab" / digest).symlink_to(secret)
    (home / "pinned.txt").rename(tmp_path / "pinned.txt")
    (home / "pinned.txt").symlink_to(tmp_path / "pinned.txt")
    with pytest.raises(ConcordatError):
        make(home, target)
    assert not list(target.glob("BRA*"))
    (home / "pinned.txt").unlink()
    (tmp_path / "pinned.txt").rename(home / "pinned.txt")
    made = make(home, target)
    assert digest not in made.manifest.blobs
    assert b"of somebody else" not in b"".join(p.read_bytes() for p in target.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("CAST(bytes || x'20' AS BLOB)", "the entry is not that of the tile"),
        ("'text'", "what should be bytes is something else"),
    ],
)
def test_what_is_not_under_its_heads_is_not_backed_up(home: Path, tmp_path: Path, change: str, said: str) -> None:
    with sqlite3.connect(home / "log.db") as db:
        db.execute(f"UPDATE entry SET bytes = {change} WHERE idx = 0")
    db.close()
    with pytest.raises(TrustError, match=said):
        make(home, tmp_path / "b")
    assert finished(tmp_path / "b") == []


# --- Blobs, keeping, records ------------------------------------------------------------------------------------------


def test_blobs_are_kept_once_and_go_with_the_last_backup_that_names_them(home: Path, tmp_path: Path) -> None:
    files, target = HashedFiles(home / "files"), tmp_path / "b"
    assert make(home, target).new_blobs == 2
    third = files.put(b"a third")
    assert make(home, target, now=NOW + timedelta(days=1)).new_blobs == 1
    files.remove([third])
    make(home, target, now=NOW + timedelta(days=2), keep=2)
    assert [m.made[:10] for _, m in finished(target)] == ["2026-11-23", "2026-11-24"]
    assert blob_path(target / "blobs", third).is_file()
    made = make(home, target, now=NOW + timedelta(days=3), keep=2)
    assert made.removed == ("BRA-20261123T120000Z",)
    assert not blob_path(target / "blobs", third).exists()
    for path, manifest in finished(target):
        check_files(path, manifest, target / "blobs")


def test_a_torn_blob_is_mended_by_the_next_backup(home: Path, tmp_path: Path) -> None:
    made = make(home, tmp_path / "b")
    digest = min(made.manifest.blobs)
    blob_path(tmp_path / "b" / "blobs", digest).write_bytes(b"x")
    assert make(home, tmp_path / "b", now=NOW + timedelta(days=1)).new_blobs == 1
    check_files(made.folder, made.manifest, tmp_path / "b" / "blobs")


def test_nothing_is_removed_while_a_manifest_can_not_be_read(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "b"
    first = make(home, target)
    (first.folder / "manifest.json").write_bytes(b"{}")
    second = make(home, target, now=NOW + timedelta(days=1), keep=1)
    assert second.removed == ()
    assert first.folder.is_dir()


def test_a_backup_is_remembered_and_stands_in_the_audit(home: Path, tmp_path: Path) -> None:
    made = make(home, tmp_path / "b")
    assert read_record(home, BackupMade) == BackupMade("2026-11-22T12:00:00Z", str(made.folder), made.manifest.entries)
    people = PeopleStore(home / "people.db")
    assert [row.kind for row in AuditLog(people).rows()] == ["login", "backup_made"]
    people.close()


@pytest.mark.parametrize(
    "text",
    [
        '[clearing]\ndatabase = "postgresql://db/x?sslmode=require&password=hunter2"\n',
        '[clearing]\nreplicas = ["postgresql://db/x", "postgresql://a:hunter2@db/x"]\n',
        '[[hosts]]\nname = "a"\ntoken = "hunter2"\n',
    ],
)
def test_a_secret_goes_along_in_no_form(text: str, tmp_path: Path) -> None:
    file = tmp_path / "concordat.toml"
    file.write_text(text)
    data = settings_without_secrets(file)
    assert b"hunter2" not in data
    assert b"was left out" in data


def test_settings_go_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "concordat.toml"
    file.write_text(
        'language = "pt"\n[node]\nlisten = "127.0.0.1:8080"\ndatabase = "postgresql://concordat:hunter2@db/x"\n'
        'proxy_password = "swordfish"\nworkers = 2\nlanguages = ["en", "pt"]\npeers_private = true\n'
        "[node.retention]\ndrafts_days = 30\n"
    )
    import tomllib

    data = settings_without_secrets(file).decode()
    assert "hunter2" not in data
    assert "swordfish" not in data
    assert "# database was left out" in data
    assert tomllib.loads(data) == {
        "language": "pt",
        "node": {
            "languages": ["en", "pt"],
            "listen": "127.0.0.1:8080",
            "peers_private": True,
            "retention": {"drafts_days": 30},
            "workers": 2,
        },
    }
    assert settings_without_secrets(tmp_path / "none.toml") == b""


# --- The manifest -----------------------------------------------------------------------------------------------------


def test_every_changed_byte_of_a_manifest_is_found(home: Path, tmp_path: Path) -> None:
    data = make(home, tmp_path / "b").manifest.to_bytes()
    assert Manifest.parse(data).to_bytes() == data
    for place in range(0, len(data), 7):
        torn = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ConcordatError):
            Manifest.parse(torn)
    for end in range(0, len(data), 97):
        with pytest.raises(TrustError):
            Manifest.parse(data[:end])


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/../b", ".hidden", "manifest.json", "a\\b", "a\nb"])
def test_a_manifest_names_no_file_outside(home: Path, tmp_path: Path, path: str) -> None:
    manifest = make(home, tmp_path / "b").manifest
    odd = Manifest(
        "BRICS", "BRA", manifest.made, "1", files={path: (1, "0" * 64)}, stores={}, heads={}, blobs={}, keys=False
    )
    with pytest.raises(TrustError, match="damaged"):
        Manifest.parse(odd.to_bytes())
