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

A flush that failed says nothing about what is on the disk, and a later one may say too much: nothing goes on after it
until the file is opened again. Source: SQLite, "Write-Ahead Logging" and "The WAL-mode file format"; node-web.md 2.2.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from concordat.errors import StateError
from concordat.node.hashed_files import sync_folder


class SharedFlush:
    """The flushes of one file's write-ahead log.

    Args:
        path: of the main file; its log stands beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._log = path, path.with_name(f"{path.name}-wal")
        self._committing, self._flushing = threading.Lock(), threading.Lock()
        self._written = self._flushed = 0
        self._handle: int | None = None
        self._fault = ""

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Around a commit: whoever sees what it wrote, finds it counted in `stand`."""
        self._require_whole()
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
                    self._require_whole()
                    covered = self.stand()
                    self._flush()
                    self._flushed = covered

    def _flush(self) -> None:
        try:
            if self._handle is None:
                self._handle = os.open(self._log, os.O_RDWR)
                sync_folder(self._path.parent)  # its entry is new
            os.fsync(self._handle)
        except OSError as error:
            self._fault = f"not flushed: {error.strerror or error}."
            raise self._broken() from None

    def _require_whole(self) -> None:
        if self._fault:
            raise self._broken()

    def _broken(self) -> StateError:
        hint = "Make room or mend the disk, then start the node again."
        return StateError(self._fault, where=str(self._path), hint=hint, code="store")

    def close(self) -> None:
        """Close the log; the file's own connections are closed by their owner."""
        with self._flushing:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None
