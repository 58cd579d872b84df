"""A store read beside its writer: by connections of their own, so that what is read is never a part of a commit.

`Beside` gives the leaves of logs over one connection that all threads share, for whoever keeps only the newest in
memory (`ledger.leaves`); `published.Tiles` adds what others may ask for, over one connection a thread.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from concordat.node.store import leaves_in, unread

CLOSE_S = 5.0


class Damage:
    """What on the disk is not what was logged, and stops the signing, in words; empty while nothing is known of it."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        self.words = ""


class Beside:
    """Leaves of a store (`ledger.leaves.LeafStore`).

    Args:
        path: the store's file.
    """

    def __init__(self, path: Path) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=ro"
        self._open: list[Any] = []
        self._guard, self._alone = threading.Lock(), threading.Lock()

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`, as they are stored.

        Raises:
            TrustError: the file is damaged. StateError: it can't be read.
        """
        with self._alone:
            return leaves_in(self._db(), origin, start, stop)

    def _db(self) -> Any:
        if not self._open:
            self._connect()
        return self._open[0]

    def _connect(self) -> Any:
        try:
            db = sqlite3.connect(self._address, uri=True, timeout=5, check_same_thread=False)
        except sqlite3.Error as error:
            raise unread(error, self._address) from None
        with self._guard:
            self._open.append(db)
        return db

    def close(self) -> None:
        """Close all connections, once nobody reads by the shared one; who takes too long is not waited for."""
        waited = self._alone.acquire(timeout=CLOSE_S)
        try:
            with self._guard:
                for db in self._open:
                    db.close()
                self._open.clear()
        finally:
            if waited:
                self._alone.release()
