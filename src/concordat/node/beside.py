"""A store read beside its writer: by connections of their own, so that what is read is never a part of a commit.

`Beside` gives the leaves of logs over one connection that all threads share, for whoever keeps only the newest in
memory (`ledger.leaves`); `published.Tiles` adds what others may ask for, over one connection a thread.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from concordat.node.store import leaves_in, marked_in


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
            TrustError: what should be bytes is something else.
        """
        with self._alone:
            return leaves_in(self._db(), origin, start, stop)

    def marked(self, origin: str, start: int, stop: int, marks: Sequence[bytes]) -> list[int]:
        """The indices of the leaves that have one of three marks near their end."""
        with self._alone:
            return marked_in(self._db(), origin, start, stop, marks)

    def _db(self) -> Any:
        if not self._open:
            self._connect()
        return self._open[0]

    def _connect(self) -> Any:
        db = sqlite3.connect(self._address, uri=True, timeout=5, check_same_thread=False)
        with self._guard:
            self._open.append(db)
        return db

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            for db in self._open:
                db.close()
            self._open.clear()
