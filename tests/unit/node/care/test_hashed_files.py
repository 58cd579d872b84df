"""Files under their hash: whole or not there, never through a link."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError, TrustError
from concordat.node.hashed_files import HashedFiles, write_new
from node_care_kit import Crash, failing


def test_a_file_is_kept_once_and_checked_when_read(tmp_path: Path) -> None:
    files = HashedFiles(tmp_path / "files")
    assert files.all() == []
    digest = files.put(b"a result")
    assert digest == sha256(b"a result").hexdigest()
    before = files.path(digest).stat().st_mtime_ns
    assert files.put(b"a result") == digest
    assert files.path(digest).stat().st_mtime_ns == before
    assert (files.get(digest), files.all(), files.has(digest)) == (b"a result", [(digest, 8)], True)
    files.path(digest).write_bytes(b"b result")
    with pytest.raises(TrustError, match="another hash than its name"):
        files.get(digest)
    assert files.remove([digest, "00" * 32]) == 1
    with pytest.raises(InputError, match="no such file"):
        files.get(digest)


def test_a_finished_file_is_taken(tmp_path: Path) -> None:
    files = HashedFiles(tmp_path / "files")
    (tmp_path / "result").write_bytes(b"x" * 3_000_000)
    digest = files.take(tmp_path / "result")
    assert digest == sha256(b"x" * 3_000_000).hexdigest()
    assert files.get(digest) == b"x" * 3_000_000
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("name", ["", "../x", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "/etc/passwd", "zz" * 32])
def test_only_a_hash_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a SHA-256"):
        HashedFiles(tmp_path).path(name)


def test_links_are_neither_read_nor_taken_nor_listed(tmp_path: Path) -> None:
    files = HashedFiles(tmp_path / "files")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    digest = sha256(b"secret").hexdigest()
    files.path(digest).parent.mkdir(parents=True)
    files.path(digest).symlink_to(secret)
    assert (files.all(), files.has(digest), files.remove([digest])) == ([], False, 0)
    with pytest.raises(InputError):
        files.get(digest)
    (tmp_path / "link").symlink_to(secret)
    with pytest.raises(InputError, match="no plain file"):
        files.take(tmp_path / "link")
    assert files.put(b"secret") == digest  # a plain file takes the link's place
    assert (secret.read_bytes(), files.path(digest).is_symlink()) == (b"secret", False)


def test_a_crash_or_a_full_disk_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_new(path, b"old")
    with failing(0, "crash") as count:
        write_new(path, b"old")
    for at in range(1, count() + 1):
        for how, error in (("crash", Crash), ("full", StateError)):
            with failing(at, how), suppress(error):
                write_new(path, b"new")
            assert path.read_bytes() in (b"old", b"new")
            write_new(path, b"old")
    left = HashedFiles(tmp_path)
    left.sweep()
    assert [p.name for p in path.parent.iterdir()] == ["file"]
