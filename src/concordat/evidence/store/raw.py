"""The publishers' own bytes, kept for ever under their SHA-256, and the record of how each was retrieved.

`raw/ab/<sha256>.gz` holds a body; the hash is of the body, not of the gzip, whose header carries no time, so the same
body always makes the same file. `raw/retrievals.jsonl` says how it came: method, address without secrets, status, kept
headers, time, connector. Bodies are stored before they are parsed: a better parser is replayed on the kept bytes.
Reading checks the hash every time.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from concordat import canonical
from concordat.errors import SourceError, TrustError
from concordat.evidence.store import _files

# Level 1 stores the Factbook's 9.9 MB in 0.11 s as 3.2 MB; level 6 takes 0.22 s for 2.8 MB.
_LEVEL = 1
_GZIP = 31  # zlib's window bits for a gzip container; its header has time 0 and no name
BODY_BYTES_MAX = 256 * 2**20
_SYNC_ALL_FROM = 8  # one flush of the whole disk costs less than many of single files


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How one body came to us.

    Attributes:
        method: GET, POST, or PACKAGE for a file of an installed package, FILE for a file of the person.
        url: the address without secrets, or `package version: file`.
        last_updated: what the source says about its own age, in its own words.
    """

    sha256: str
    method: str
    url: str
    retrieved_at: datetime
    connector: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    last_updated: str = ""

    def as_dict(self) -> dict[str, object]:
        """As it stands in `retrievals.jsonl`."""
        return {
            "sha256": self.sha256,
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "headers": dict(self.headers),
            "retrieved_at": self.retrieved_at.astimezone(UTC).isoformat(),
            "connector": self.connector,
            "etag": self.etag,
            "last_updated": self.last_updated,
        }

    def line(self) -> bytes:
        """The line of `retrievals.jsonl`: canonical JSON, its text as the source wrote it."""
        return canonical.dumps(self.as_dict(), floats=True)


class RawStore:
    """The bodies of one data directory."""

    def __init__(self, data_dir: Path, lock: _files.WriterLock) -> None:
        self.folder = data_dir / "raw"
        self._lock = lock

    def path(self, sha256: str) -> Path:
        """Where the body with this hash stands."""
        assert len(sha256) == 64, sha256
        return self.folder / sha256[:2] / f"{sha256}.gz"

    def put(self, body: bytes) -> str:
        """Keep a body; returns its hash. Keeping it again changes nothing.

        Raises:
            SourceError: it is too large.
            StateError: disk full, no permission, another writer.
        """
        return self.put_many([body])[0]

    def put_many(self, bodies: Iterable[bytes]) -> list[str]:
        """Keep many bodies; returns their hashes in order. Either the disk has taken a body whole or it isn't there."""
        hashes: list[str] = []
        new: dict[str, bytes] = {}
        for body in bodies:
            if len(body) > BODY_BYTES_MAX:
                what = f"a body of {len(body):,} bytes; at most {BODY_BYTES_MAX:,} are kept and read back."
                raise SourceError(what, hint="Ask the source for less at a time.", code="too_large")
            sha256 = hashlib.sha256(body).hexdigest()
            hashes.append(sha256)
            if not self.path(sha256).exists():
                new[sha256] = body
        if new:
            with self._lock.held():
                self._write(new)
        return hashes

    def get(self, sha256: str) -> bytes:
        """The body with this hash, checked.

        Raises:
            TrustError: it is missing, or the bytes found have another hash.
        """
        path = self.path(sha256)
        try:
            packed = path.read_bytes()
        except FileNotFoundError:
            raise _wrong(path, sha256, "no file") from None
        except OSError as error:
            raise _files.disk_error(error, path) from None
        unpacker = zlib.decompressobj(_GZIP)
        try:
            body = unpacker.decompress(packed, BODY_BYTES_MAX + 1)
        except zlib.error as error:
            raise _wrong(path, sha256, f"bytes that are not gzip ({error})") from None
        if not unpacker.eof or unpacker.unused_data:
            raise _wrong(path, sha256, "a gzip file cut short or longer than its content")
        found = hashlib.sha256(body).hexdigest()
        if found != sha256:
            raise _wrong(path, sha256, found)
        return body

    def record(self, retrievals: Iterable[Retrieval]) -> None:
        """Append to `retrievals.jsonl` (one write; a line cut by a crash is closed first)."""
        lines = b"".join(r.line() + b"\n" for r in retrievals)
        path = self.folder / "retrievals.jsonl"
        with self._lock.held():
            _files.make_folder(self.folder)
            try:
                with path.open("ab+") as file:
                    size = file.seek(0, os.SEEK_END)
                    if size:
                        file.seek(size - 1)
                        lines = lines if file.read(1) == b"\n" else b"\n" + lines
                    try:
                        file.write(lines)
                        file.flush()
                        os.fsync(file.fileno())
                    except OSError:
                        os.ftruncate(file.fileno(), size)
                        raise
            except OSError as error:
                raise _files.disk_error(error, path) from None

    def _write(self, bodies: Mapping[str, bytes]) -> None:
        tmp = self._lock.tmp
        written: dict[str, Path] = {}
        try:
            for sha256, body in bodies.items():
                packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
                temporary = tmp / f"{sha256}.gz"
                written[sha256] = temporary
                data = packer.compress(body) + packer.flush()
                if len(bodies) < _SYNC_ALL_FROM or not hasattr(os, "sync"):
                    _files.write_bytes(temporary, data)
                else:
                    _write_unflushed(temporary, data)
            if len(bodies) >= _SYNC_ALL_FROM and hasattr(os, "sync"):
                os.sync()
            for sha256, temporary in written.items():
                path = self.path(sha256)
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(path)
        except OSError as error:
            raise _files.disk_error(error, self.folder) from None
        finally:
            for temporary in written.values():
                temporary.unlink(missing_ok=True)


def _write_unflushed(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _files.disk_error(error, path) from None


def _wrong(path: Path, expected: str, found: str) -> TrustError:
    return TrustError(
        f"a kept body is not what it was: expected SHA-256 {expected}, found {found}.",
        where=str(path),
        hint="Restore the file from a copy, or begin a new store: set CONCORDAT_DATA_DIR to an empty folder.",
        code="raw_body",
    )
