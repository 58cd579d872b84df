"""A node comes back whole or not at all, from what was proved good, and signs nothing before the others were asked."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.node import sealed_keys, store_kinds
from concordat.node.audit_log import AuditLog
from concordat.node.backup import backup
from concordat.node.hashed_files import HashedFiles
from concordat.node.home import Node
from concordat.node.identity import locked
from concordat.node.manifest import Manifest, blob_path, read_manifest
from concordat.node.onlooker import Onlooker
from concordat.node.people_store import PeopleStore
from concordat.node.recovery_mark import Mark, put_mark, read_mark
from concordat.node.restore import restore
from concordat.node.sealed_keys import put_keys, read_keys, seal, unseal
from concordat.node.secret import token_hash
from concordat.node.sessions import Sessions
from concordat.node.whole_disk import verify_disk
from node_care_kit import NOW, Crash, copied, failing, small_home

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module", autouse=True)
def _cheap_scrypt() -> Any:
    patch = pytest.MonkeyPatch()
    patch.setattr(sealed_keys, "N", 2**10)
    patch.setattr(sealed_keys.seal, "__defaults__", (2**10,))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The node of one of three members."""
    return small_home(tmp_path_factory.mktemp("source"), ("BRA", "IND", "ZAF"))


@pytest.fixture(scope="module")
def stored(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of backups with one backup, keys in it."""
    target = tmp_path_factory.mktemp("backups") / "b"
    backup(source, target, now=NOW, program="1", keys_passphrase=PASSPHRASE, record=False)
    return target


@pytest.fixture
def backups(stored: Path, tmp_path: Path) -> Path:
    return copied(stored, tmp_path / "b")


def the_backup(backups: Path) -> Path:
    (folder,) = backups.glob("BRA*")
    return folder


def bring(backups: Path, home: Path, **more: Any) -> Any:
    return restore(backups, home, **{"now": NOW + timedelta(days=1), "keys_passphrase": PASSPHRASE, **more})


def test_everything_comes_back(source: Path, backups: Path, tmp_path: Path) -> None:
    found = bring(backups, tmp_path / "home")
    assert (found.keys, found.others, found.home) == (True, 2, tmp_path / "home")
    with Onlooker(source) as before, Onlooker(found.home) as after:
        assert verify_disk(after) == verify_disk(before)
        assert after.store.heads() == before.store.heads()
    for folder in ("keys", "roots"):
        for path in sorted((source / folder).iterdir()):
            again = found.home / folder / path.name
            assert (again.read_bytes(), again.stat().st_mode & 0o777) == (path.read_bytes(), 0o600)
    assert HashedFiles(found.home / "files").all() == HashedFiles(source / "files").all()
    people = PeopleStore(found.home / "people.db")
    assert AuditLog(people).verify().count == 1
    people.close()


def test_sessions_and_links_of_the_backup_open_nothing(source: Path, tmp_path: Path) -> None:
    now = int(NOW.timestamp())
    home, cookie, link = copied(source, tmp_path / "source"), "c" * 43, "l" * 22
    store = PeopleStore(home / "people.db")
    store.run("INSERT INTO session VALUES (?, 'a-1', ?, ?, 0, 'password')", token_hash(cookie), now, now)
    for name, used in ((link, 0), ("u" * 22, now - 9)):
        store.run("INSERT INTO link VALUES (?, 'a-1', 'welcome', ?, ?, ?)", token_hash(name), now, now + 172_800, used)
    assert Sessions(store).find(cookie, now + 60).account == "a-1"
    store.close()
    backup(home, tmp_path / "backups", now=NOW, program="1", record=False)
    after = PeopleStore(
        restore(tmp_path / "backups", tmp_path / "home", now=NOW + timedelta(seconds=60)).home / "people.db"
    )
    with pytest.raises(RuleError, match="not logged in"):
        Sessions(after).find(cookie, now + 60)
    assert Sessions(after).was(cookie) == "a-1"  # so that what was being written is kept as a draft
    rows = after.rows("SELECT hash, expires, used FROM link ORDER BY used")
    assert rows == [(token_hash(link), now + 60, 0), (token_hash("u" * 22), now + 172_800, now - 9)]
    after.close()


def test_it_reads_and_takes_and_signs_nothing_until_it_has_recovered(backups: Path, tmp_path: Path) -> None:
    home = bring(backups, tmp_path / "home").home
    mark = read_mark(home)
    assert mark is not None
    why = "restored from a backup of 2026-11-22T12:00:00Z, and the others were not asked yet."
    assert (mark.state, mark.why, mark.since) == ("recovering", why, "2026-11-23T12:00:00Z")
    assert len(mark.nonce) == 32, "the number of its question to the others"
    with clock.fixed("2026-11-24"), Node(home) as node:
        floor = (home / "keys" / "floor.json").read_bytes()
        heads = node.store.heads()
        with pytest.raises(StateError, match="is recovering and signs nothing") as caught:
            node.write("Said", {"word": "new"}, "council")
        assert "node sync --recover" in caught.value.hint
        assert node.tick() is not None
        assert node.replica.own.size == 3
        assert (node.store.heads(), (home / "keys" / "floor.json").read_bytes()) == (heads, floor)
        node.recovered()
        node.write("Said", {"word": "new"}, "council")
    assert read_mark(home) is None
    with clock.fixed("2026-11-24"), Node(home) as node:
        assert (node.mark, node.replica.own.size) == (None, 4)


def test_a_node_alone_has_nobody_to_ask(tmp_path: Path) -> None:
    home = small_home(tmp_path)
    backup(home, tmp_path / "b", now=NOW, program="1", record=False)
    found = restore(tmp_path / "b", tmp_path / "again", now=NOW)
    assert (found.others, found.keys, read_mark(found.home)) == (0, False, None)
    with pytest.raises(StateError, match="the key file is missing"):
        Node(found.home)


def test_a_mark_that_can_not_be_read_is_no_permission(backups: Path, tmp_path: Path) -> None:
    home = bring(backups, tmp_path / "home").home
    for text in (b"", b"{}", b"[]", b'{"state": "normal", "why": "", "since": ""}', b"\xff"):
        (home / "recovering.json").write_bytes(text)
        with pytest.raises(StateError, match="damaged"):
            Node(home)
    put_mark(home, Mark("suspicious", "others know more.", "2026-11-23T12:00:00Z"))
    with clock.fixed("2026-11-24"), Node(home) as node, pytest.raises(StateError, match="suspicious"):
        node.write("Said", {"word": "new"}, "council")


# --- Torn, changed, foreign -------------------------------------------------------------------------------------------


def torn_files(backups: Path) -> list[Path]:
    folder = the_backup(backups)
    manifest = read_manifest(folder)
    return [folder / path for path in sorted(manifest.files)] + [
        blob_path(backups / "blobs", digest) for digest in sorted(manifest.blobs)
    ]


@pytest.mark.parametrize("how", ["flipped", "cut", "gone", "link", "longer"])
def test_the_first_bad_file_is_named_and_nothing_is_left(backups: Path, tmp_path: Path, how: str) -> None:
    for path in torn_files(backups):
        data = path.read_bytes()
        if how == "flipped":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        elif how == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif how == "longer":
            path.write_bytes(data + b"\0")
        else:
            path.unlink()
            if how == "link":
                (tmp_path / "elsewhere").write_bytes(data)
                path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(TrustError) as caught:
            bring(backups, tmp_path / "home")
        assert caught.value.where == str(path)
        assert not (tmp_path / "home").exists()
        assert not (tmp_path / "home.restoring").exists()
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    bring(backups, tmp_path / "home")


def test_of_several_bad_files_the_first_by_name(backups: Path, tmp_path: Path) -> None:
    for path in torn_files(backups)[2:]:
        path.write_bytes(b"")
    with pytest.raises(TrustError) as caught:
        bring(backups, tmp_path / "home")
    assert caught.value.where == str(the_backup(backups) / "log.db")


def test_a_file_that_is_not_in_the_manifest(backups: Path, tmp_path: Path) -> None:
    (the_backup(backups) / "extra.json").write_bytes(b"{}")
    with pytest.raises(TrustError, match="does not name") as caught:
        bring(backups, tmp_path / "home")
    assert caught.value.where.endswith("extra.json")


def remade(backups: Path, **changes: Any) -> None:
    """The manifest says something else, and hashes to it."""
    from dataclasses import replace

    folder = the_backup(backups)
    (folder / "manifest.json").write_bytes(replace(read_manifest(folder), **changes).to_bytes())


def test_a_log_that_is_not_under_its_heads_although_every_hash_agrees(backups: Path, tmp_path: Path) -> None:
    """Someone who can write to the backup can write a manifest; the signatures in the log can't be written so."""
    import sqlite3

    from concordat.node.manifest import hash_of

    folder = the_backup(backups)
    with sqlite3.connect(folder / "log.db") as db:
        db.execute("DELETE FROM entry WHERE idx = 2")
        db.execute("DELETE FROM tile WHERE 0")
    db.close()
    files = {**read_manifest(folder).files}
    files["log.db"] = ((folder / "log.db").stat().st_size, hash_of(folder / "log.db"))
    remade(backups, files=files)
    with pytest.raises(TrustError) as caught:
        bring(backups, tmp_path / "home")
    assert caught.value.where.endswith("/BRICS/member")
    assert not (tmp_path / "home").exists()


def test_a_manifest_with_other_heads_or_versions(backups: Path, tmp_path: Path) -> None:
    held = read_manifest(the_backup(backups))
    remade(backups, heads={origin: (size + 1, root) for origin, (size, root) in held.heads.items()})
    with pytest.raises(TrustError, match="other heads"):
        bring(backups, tmp_path / "home")
    remade(backups, heads=held.heads, stores={"log": 0, "people": 1})
    with pytest.raises(TrustError, match="another version"):
        bring(backups, tmp_path / "home")
    remade(backups, stores={"log": 9, "people": 1})
    with pytest.raises(StateError, match="newer program"):
        bring(backups, tmp_path / "home")
    remade(backups, stores={"log": 1, "people": 1, "future": 1})
    with pytest.raises(StateError, match='a store "future" that this program does not know'):
        bring(backups, tmp_path / "home")
    assert not list(tmp_path.glob("home*"))


def test_a_store_of_a_newer_program_is_not_restored(
    backups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(store_kinds, "STORES", tuple(replace(k, version=0) for k in store_kinds.STORES))
    with pytest.raises(StateError, match="newer program") as caught:
        bring(backups, tmp_path / "home")
    assert caught.value.code == "newer"
    assert not list(tmp_path.glob("home*"))


# --- Where it goes ----------------------------------------------------------------------------------------------------


def test_a_folder_with_anything_in_it_is_refused(backups: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine.txt").write_text("mine")
    with pytest.raises(StateError, match="not empty"):
        bring(backups, home)
    assert [path.name for path in home.iterdir()] == ["mine.txt"]
    (home / "mine.txt").unlink()
    assert bring(backups, home).home == home
    with pytest.raises(StateError, match="not empty"):
        bring(backups, home)


def test_links_are_not_restored_into(backups: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match="no folder"):
        bring(backups, tmp_path / "home")
    (tmp_path / "home2.restoring").symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match="symbolic link"):
        bring(backups, tmp_path / "home2")
    assert list((tmp_path / "real").iterdir()) == []


def test_two_at_once(backups: Path, tmp_path: Path) -> None:
    (tmp_path / "home.restoring").mkdir()
    handle = locked(tmp_path / "home.restoring")
    with pytest.raises(StateError, match=str(os.getpid())):
        bring(backups, tmp_path / "home")
    os.close(handle)
    bring(backups, tmp_path / "home")


def test_which_backup(backups: Path, tmp_path: Path) -> None:
    first = the_backup(backups)
    later = copied(first, backups / "BRA-later")
    (later / "manifest.json").write_bytes(
        read_manifest(first).to_bytes().replace(b"2026-11-22T12", b"2026-11-22T13")
    )  # its own hash is not right any more
    with pytest.raises(TrustError, match="its own hash disagrees") as caught:
        bring(backups, tmp_path / "home")
    assert caught.value.where == str(later / "manifest.json")
    assert bring(first, tmp_path / "home").backup == first
    shutil.rmtree(later)
    other = copied(first, backups / "IND-1")
    raw = read_manifest(first)
    held = Manifest("BRICS", "IND", raw.made, "1", raw.files, raw.stores, raw.heads, raw.blobs, raw.keys)
    (other / "manifest.json").write_bytes(held.to_bytes())
    with pytest.raises(InputError, match="backups of BRICS/BRA, BRICS/IND"):
        bring(backups, tmp_path / "home2")
    with pytest.raises(InputError, match="no finished backup"):
        bring(tmp_path / "home", tmp_path / "home2")
    with pytest.raises(InputError, match="can't be read"):
        bring(tmp_path / "nowhere", tmp_path / "home2")


# --- Crash, full disk -------------------------------------------------------------------------------------------------


def test_a_crash_at_every_write_leaves_nothing_or_a_whole_node(backups: Path, tmp_path: Path) -> None:
    with failing(0, "crash") as count:
        bring(backups, tmp_path / "count")
    total = count()
    assert total > 30
    whole = 0
    for at in range(1, total + 1):
        home = tmp_path / f"h{at}"
        with failing(at, "crash"), pytest.raises(Crash):
            bring(backups, home)
        if home.exists():
            whole += 1
            assert read_mark(home) is not None
        elif at % 4 == 0 or at == total:
            bring(backups, home)
            assert not (tmp_path / f"h{at}.restoring").exists()
        if home.exists():
            with Onlooker(home) as node:
                assert node.replica.own.size == 3
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(tmp_path / f"h{at}.restoring", ignore_errors=True)
    assert whole == 1  # the flush of the folder around it comes last


def test_no_space_at_any_write_leaves_nothing(backups: Path, tmp_path: Path) -> None:
    with failing(0, "full") as count:
        bring(backups, tmp_path / "count")
    told = 0
    for at in range(1, count() + 1, 2):
        home = tmp_path / f"h{at}"
        with failing(at, "full"):
            try:
                bring(backups, home)
            except StateError as error:
                words = str(error)
                told += 1
            else:
                words = ""  # to make a folder that is there already needs no room
        assert not words or "No space left" in words, words
        assert home.exists() == (not words or "restored, but" in words), (at, words)
        assert not (tmp_path / f"h{at}.restoring").exists()
    assert told > count() // 4


# --- Keys -------------------------------------------------------------------------------------------------------------


def test_keys_open_with_their_passphrase_alone(source: Path, backups: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the passphrase is wrong"):
        bring(backups, tmp_path / "home", keys_passphrase="correct horse batterx")
    assert not list(tmp_path.glob("home*"))
    without = bring(backups, tmp_path / "home", keys_passphrase="")
    assert (without.keys, (tmp_path / "home" / "keys").exists()) == (False, False)
    data = seal(read_keys(source), PASSPHRASE, "BRICS/BRA 1")
    assert unseal(data, PASSPHRASE, "BRICS/BRA 1", "x") == read_keys(source)
    with pytest.raises(InputError, match="of another backup"):
        unseal(data, PASSPHRASE, "BRICS/BRA 2", "x")
    with pytest.raises(InputError, match="at least 12"):
        seal(read_keys(source), "short", "x")


def test_sealed_keys_are_read_with_care(source: Path, tmp_path: Path) -> None:
    import json

    data = seal({"keys/floor.json": b"{}"}, PASSPHRASE, "x")
    raw = json.loads(data)
    for key, value in (("n", 2**30), ("n", 3000), ("n", "x"), ("r", 16), ("v", 2), ("salt", "!"), ("sealed", 3)):
        with pytest.raises(TrustError, match="damaged"):
            unseal(json.dumps({**raw, key: value}).encode(), PASSPHRASE, "x", "keys.sealed")
    for text in (b"", b"[]", b"{}", data[:-20]):
        with pytest.raises(ConcordatError):
            unseal(text, PASSPHRASE, "x", "keys.sealed")
    for path in ("../floor.json", "keys/../../x", "etc/passwd", "keys/a/b", "keys/.x"):
        odd = seal({path: b"x"}, PASSPHRASE, "x")
        with pytest.raises(TrustError, match="a key file with the path"):
            unseal(odd, PASSPHRASE, "x", "keys.sealed")
    put_keys(tmp_path, {"keys/floor.json": b"{}"})
    assert (tmp_path / "keys" / "floor.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StateError, match="keys are not here"):
        read_keys(tmp_path / "nowhere")
