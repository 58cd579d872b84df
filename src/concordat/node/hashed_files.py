"""Files under their SHA-256: results of jobs and uploads, each written once, whole or not at all.

A folder of folders by the first two digits. Writing what is there already changes nothing; a file is durable before its
name appears, so that a crash leaves at most a `.new` file, which the next `sweep` removes.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from concordat.errors import InputError, StateError, TrustError

_HASH = re.compile(r"[0-9a-f]{64}")


class HashedFiles:
    """A folder of content-addressed files.

    Args:
        root: the folder; made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Where a file lies or would lie.

        Raises:
            InputError: not a SHA-256.
        """
        if not _HASH.fullmatch(digest):
            raise InputError(f'"{digest[:80]}" is not a SHA-256.', where="file", code="hash")
        return self.root / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Keep bytes; their SHA-256.

        Raises:
            StateError: the disk refuses.
        """
        digest = sha256(data).hexdigest()
        path = self.path(digest)
        if path.is_file() and not path.is_symlink() and path.stat().st_size == len(data):
            return digest
        write_new(path, data)
        return digest

    def copy(self, source: Path) -> tuple[int, str]:
        """Keep a copy of a file, read in pieces; its bytes and SHA-256, as they were read.

        Raises:
            StateError: the disk refuses. OSError: the source can't be read.
        """
        digest, size = sha256(), 0
        temporary = self.root / f"{secrets.token_hex(8)}.new"
        with source.open("rb") as given:
            try:
                self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
                with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                    while chunk := given.read(1 << 20):
                        digest.update(chunk)
                        size += len(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                target = self.path(digest.hexdigest())
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary.replace(target)
                sync_folder(target.parent)
            except OSError as error:
                what = f"not kept: {error.strerror or error}."
                raise StateError(what, where=str(source), hint="Free some space and try again.", code="full") from None
            finally:
                temporary.unlink(missing_ok=True)
        return size, digest.hexdigest()

    def take(self, source: Path) -> str:
        """Move a finished file here, durable under its SHA-256; the hash.

        Raises:
            StateError: the disk refuses. InputError: no plain file.
        """
        if source.is_symlink() or not source.is_file():
            raise InputError("no plain file.", where=str(source), code="no_file")
        digest = sha256()
        try:
            with source.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                os.fsync(file.fileno())
            target = self.path(digest.hexdigest())
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            source.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            raise StateError(f"not kept: {error.strerror or error}.", where=str(source), code="full") from None
        return digest.hexdigest()

    def get(self, digest: str) -> bytes:
        """The bytes of a file, checked.

        Raises:
            InputError: not here. TrustError: damaged.
        """
        path = self.path(digest)
        if path.is_symlink() or not path.is_file():
            raise InputError("no such file.", where=digest, code="no_file")
        data = path.read_bytes()
        if sha256(data).hexdigest() != digest:
            raise TrustError("the file has another hash than its name.", where=str(path), code="damaged")
        return data

    def has(self, digest: str) -> bool:
        """Whether a file is here."""
        path = self.path(digest)
        return path.is_file() and not path.is_symlink()

    def all(self) -> list[tuple[str, int]]:
        """(SHA-256, bytes) of every file, in order; what is no such file, and links, are left out."""
        if not self.root.is_dir():
            return []
        found = []
        for folder in sorted(self.root.iterdir()):
            if folder.is_symlink() or not folder.is_dir():
                continue
            for path in sorted(folder.iterdir()):
                if _HASH.fullmatch(path.name) and path.name[:2] == folder.name and not path.is_symlink():
                    found.append((path.name, path.stat().st_size))
        return found

    def remove(self, digests: Iterable[str]) -> int:
        """Delete files; how many were there."""
        gone = 0
        for digest in digests:
            if self.has(digest):
                self.path(digest).unlink()
                gone += 1
        return gone

    def sweep(self) -> None:
        """Remove what a crash left half written."""
        if self.root.is_dir():
            for path in (*self.root.glob("*.new"), *self.root.glob("*/*.new")):
                path.unlink(missing_ok=True)


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file that others may be writing too, whole or not at all, durable, and never through a link.

    Raises:
        StateError: the disk refuses.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        hint = "Free some space and try again."
        raise StateError(f"not written: {error.strerror or error}.", where=str(path), hint=hint, code="full") from None


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
