"""How do many threads wait for the disk together? One flush of a write-ahead log for all commits that came before it.

    shared = SharedFlush(path)            # of an SQLite file in WAL mode, with `synchronous = NORMAL`
    with shared.committing():
        db.execute("COMMIT")              # written, not yet flushed
    shared.settle(shared.stand())         # flushed, by this thread or by another one meanwhile

With `synchronous = FULL` each commit flushes while it holds the file, and sixteen who answer sixteen peers wait in a
row. With NORMAL a commit only writes its frames; what a crash leaves behind the last whole one is dropped by SQLite
(salt and checksum of each frame), and it flushes by itself before frames go into the main file. So a commit is durable
once the log was flushed after it, whoever did that. What has been read counts the same: a message whose intention
another thread has just committed leaves only after its flush.

A flush that failed says nothing about what is on the disk, and a later one may say too much, as the system holds the
pages for written. So nothing goes on after it, whichever connection of this process asks (`require_whole`), until the
file is opened again; whoever opens it writes what the log holds into the main file first (`wal_checkpoint(TRUNCATE)`),
page by page anew. The transaction whose flush failed may then stand in the file: its caller was told of a fault, asks
again, and gets the answer that was kept. Source: SQLite, "Write-Ahead Logging" and "The WAL-mode file format";
node-web.md 2.2.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from concordat.errors import StateError
from concordat.node.hashed_files import sync_folder

# The bytes and the length, not when they were written: what SQLite itself does where the system has it.
_to_disk: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
_FAULTS: dict[Path, str] = {}  # main file -> why nothing may be written any more


def require_whole(path: Path) -> None:
    """Nothing goes on after a flush that failed.

    Raises:
        StateError: one did, of this file, in this process.
    """
    _require_whole(path.resolve())


def _require_whole(path: Path) -> None:
    fault = _FAULTS.get(path)
    if fault:
        hint = "Make room or mend the disk, then start the node again."
        raise StateError(fault, where=str(path), hint=hint, code="store")


class SharedFlush:
    """The flushes of one file's write-ahead log.

    Args:
        path: of the main file; its log stands beside it, and exists.

    Raises:
        OSError: the log can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # SQLite puts the log beside the file itself, not beside a link to it
        self._committing, self._flushing = threading.Lock(), threading.Lock()
        self._written, self._flushed = 1, 0  # what another process left unflushed counts as one commit
        _FAULTS.pop(self._path, None)
        self._handle = os.open(self._path.with_name(f"{self._path.name}-wal"), os.O_RDWR)
        with suppress(OSError):  # its entry is new; some file systems have no such flush
            sync_folder(self._path.parent)

    @property
    def fault(self) -> str:
        """Why nothing goes on; empty while all is well."""
        return _FAULTS.get(self._path, "")

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Around a commit: whoever sees what it wrote, finds it counted in `stand`."""
        _require_whole(self._path)
        with self._committing:
            yield
            self._written += 1

    def stand(self) -> int:
        """How many commits were written; asked after a read, it counts all that the read has seen."""
        with self._committing:
            return self._written

    def settle(self, stand: int) -> None:
        """Return once so many commits are on the disk.

        Raises:
            StateError: the disk refuses; nothing that was committed after the last flush may be told.
        """
        if self._flushed < stand:
            with self._flushing:
                if self._flushed < stand:
                    _require_whole(self._path)
                    covered = self.stand()
                    self._flush()
                    self._flushed = covered

    def _flush(self) -> None:
        try:
            _to_disk(self._handle)
        except OSError as error:
            _FAULTS[self._path] = f"not flushed: {error.strerror or error}."
            _require_whole(self._path)

    def close(self) -> None:
        """Close the log, before the connections: where an open file can't be removed, they couldn't."""
        with self._flushing:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
