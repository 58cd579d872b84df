"""Publishers' bytes: kept whole under their hash, never changed, checked every time they are read."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from concordat.errors import ConcordatError, SourceError, StateError, TrustError
from concordat.evidence.store import Retrieval, Store, raw

# FIPS 180-2, appendix B.1, and the SHA-256 of no bytes.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _files(store: Store) -> list[str]:
    return sorted(p.name for p in store.raw.folder.rglob("*.gz"))


@pytest.mark.parametrize(("body", "sha256"), [(b"abc", ABC), (b"", NOTHING)])
def test_a_body_stands_under_its_own_hash_and_any_gunzip_reads_it(store: Store, body: bytes, sha256: str) -> None:
    assert store.raw.put(body) == sha256
    path = store.data_dir / "raw" / sha256[:2] / f"{sha256}.gz"
    assert gzip.decompress(path.read_bytes()) == body
    assert store.raw.get(sha256) == body


@pytest.mark.parametrize("count", [3, 20], ids=["few, flushed one by one", "many, flushed together"])
def test_many_bodies_are_kept_in_order_and_a_repeated_one_once(store: Store, count: int) -> None:
    bodies = [os.urandom(50) for _ in range(count)]
    hashes = store.raw.put_many([*bodies, bodies[0]])
    assert hashes == [hashlib.sha256(b).hexdigest() for b in [*bodies, bodies[0]]]
    assert len(_files(store)) == count
    assert [store.raw.get(h) for h in hashes] == [*bodies, bodies[0]]


def test_the_same_body_makes_the_same_file_in_every_store_and_is_never_rewritten(store: Store, tmp_path: Path) -> None:
    path = store.raw.path(store.raw.put(b"body" * 1000))
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns
    store.raw.put(b"body" * 1000)
    assert path.stat().st_mtime_ns == stamp
    with Store(tmp_path / "other") as other:
        assert other.raw.path(other.raw.put(b"body" * 1000)).read_bytes() == before


@pytest.mark.parametrize("size", [99, 100])
def test_the_largest_body_is_read_back(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(raw, "BODY_BYTES_MAX", 100)
    assert store.raw.get(store.raw.put(b"x" * size)) == b"x" * size


def test_a_body_too_large_to_be_read_back_is_not_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "BODY_BYTES_MAX", 100)
    with pytest.raises(SourceError, match="101 bytes"):
        store.raw.put_many([b"small", b"x" * 101])
    assert _files(store) == []


# --- What was changed is seen ---


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        _flipped,
        lambda data: data[:-9],
        lambda data: data[: len(data) // 2],
        lambda _: b"",
        lambda data: data + b"\0",
        lambda data: data + data,
        lambda _: gzip.compress(b"another body"),
        lambda _: b"<html>not found</html>",
    ],
    ids=["byte flipped", "trailer cut", "cut in half", "emptied", "longer", "twice", "another body", "not gzip"],
)
def test_a_changed_body_raises_with_its_path_and_the_hash_expected(store: Store, damage: object) -> None:
    sha256 = store.raw.put(bytes(range(256)) * 8)
    path = store.raw.path(sha256)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(TrustError) as caught:
        store.raw.get(sha256)
    text = str(caught.value)
    assert text.startswith(f"{path}: a kept body is not what it was: expected SHA-256 {sha256}, found ")
    assert caught.value.exit_code == 5


def test_another_body_is_named_by_the_hash_that_was_found(store: Store) -> None:
    sha256 = store.raw.put(b"another")
    store.raw.path(sha256).write_bytes(gzip.compress(b"abc"))
    with pytest.raises(TrustError, match=f"expected SHA-256 {sha256}, found {ABC}"):
        store.raw.get(sha256)


def test_a_missing_body_raises(store: Store) -> None:
    with pytest.raises(TrustError, match=f"expected SHA-256 {ABC}, found no file"):
        store.raw.get(ABC)


def test_a_bomb_is_not_unpacked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = store.raw.put(b"abc")
    store.raw.path(sha256).write_bytes(gzip.compress(b"\0" * 10_000))
    monkeypatch.setattr(raw, "BODY_BYTES_MAX", 100)
    with pytest.raises(TrustError, match="expected SHA-256"):
        store.raw.get(sha256)


# --- Interrupted ---


@pytest.mark.parametrize("count", [1, 20])
def test_a_full_disk_keeps_nothing_half(store: Store, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    real, written = Path.open, 0

    def fill(path: Path, *arguments: object, **named: object) -> object:
        nonlocal written
        written += path.suffix == ".gz"
        if written > count // 2 and path.suffix == ".gz":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    store.raw.put(b"kept before")
    bodies = [bytes([n]) * 9 for n in range(count)]
    monkeypatch.setattr(Path, "open", fill)
    with pytest.raises(StateError, match="no space is left on this disk"):
        store.raw.put_many(bodies)
    monkeypatch.undo()
    assert len(_files(store)) == 1
    assert list(store.lock.tmp.iterdir()) == []
    assert [store.raw.get(h) for h in store.raw.put_many(bodies)] == bodies


KILLED = """
import os, sys
from pathlib import Path
from concordat.evidence.store import open_store
Path.replace = lambda *_: os._exit(9)
open_store(Path(sys.argv[1])).raw.put(b"abc")
"""


def test_a_process_killed_before_the_rename_leaves_no_body_and_no_lock(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(store.data_dir)], timeout=30, check=False)
    assert done.returncode == 9
    assert _files(store) == []
    assert [p.name for p in store.lock.tmp.iterdir()] == [f"{ABC}.gz"]
    store.raw.put(b"next")
    assert list(store.lock.tmp.iterdir()) == []
    assert store.raw.get(store.raw.put(b"abc")) == b"abc"


# --- How it came ---


def _retrieval(**columns: object) -> Retrieval:
    defaults = {
        "sha256": ABC,
        "method": "GET",
        "url": "https://example.org/données",
        "retrieved_at": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=8))),
        "connector": "demo@1",
    }
    return Retrieval(**defaults | columns)  # type: ignore[arg-type]


def _lines(store: Store) -> list[str]:
    return (store.raw.folder / "retrievals.jsonl").read_text(encoding="utf-8").splitlines()


def test_retrievals_are_appended_in_utc_and_found_by_the_hash_of_the_body(store: Store) -> None:
    store.record_retrievals([_retrieval()])
    store.record_retrievals([_retrieval(retrieved_at=datetime(2026, 1, 1, 1, tzinfo=UTC), status=200)])
    first, second = (json.loads(line) for line in _lines(store))
    assert first["retrieved_at"] == "2026-01-01T19:00:00+00:00"
    assert first["url"] == "https://example.org/données"
    assert second["status"] == 200
    assert store.catalog.retrievals(ABC) == [second, first], "oldest first"


def test_the_same_retrieval_is_listed_once(store: Store) -> None:
    for _ in range(2):
        store.record_retrievals([_retrieval()])
    assert len(store.catalog.retrievals(ABC)) == 1


def test_a_line_cut_by_a_crash_is_closed_before_the_next(store: Store) -> None:
    store.record_retrievals([_retrieval()])
    path = store.raw.folder / "retrievals.jsonl"
    path.write_bytes(path.read_bytes() + b'{"sha256":"ab')
    store.record_retrievals([_retrieval(url="https://example.org/2")])
    lines = _lines(store)
    assert lines[1] == '{"sha256":"ab'
    assert json.loads(lines[2])["url"] == "https://example.org/2"


def test_a_full_disk_cuts_back_what_was_begun(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.record_retrievals([_retrieval()])
    before = _lines(store)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="no space is left"):
        store.record_retrievals([_retrieval(url="https://example.org/2")])
    assert _lines(store) == before


def test_half_a_surrogate_pair_is_refused_before_anything_is_written(store: Store) -> None:
    with pytest.raises(ConcordatError, match="surrogate"):
        store.record_retrievals([_retrieval(), _retrieval(url="https://example.org/\ud800")])
    assert not (store.raw.folder / "retrievals.jsonl").exists()


@pytest.mark.parametrize("text", ["e\u0301", "line\u2028separator\x85", 'quote " back\\slash\n'])
def test_text_is_kept_as_the_source_wrote_it(store: Store, text: str) -> None:
    store.record_retrievals([_retrieval(headers={"x": text})])
    assert [r["headers"] for r in store.catalog.retrievals(ABC)] == [{"x": text}]
    assert (store.raw.folder / "retrievals.jsonl").read_bytes().count(b"\n") == 1
