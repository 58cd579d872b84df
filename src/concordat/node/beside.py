"""A store read beside its writer: by connections of their own, one for each thread that asks.

What is read here is committed, so it is never a part of a commit. `Beside` gives the leaves of logs, for whoever keeps
only the newest in memory (`ledger.leaves`); `published.Tiles` adds what others may ask for.
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
        self._local = threading.local()
        self._open: list[Any] = []
        self._guard = threading.Lock()

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` to below `stop`, as they are stored.

        Raises:
            TrustError: what should be bytes is something else.
        """
        return leaves_in(self._db(), origin, start, stop)

    def marked(self, origin: str, start: int, stop: int, marks: Sequence[bytes]) -> list[int]:
        """The indices of the leaves that have one of three marks near their end."""
        return marked_in(self._db(), origin, start, stop, marks)

    def _db(self) -> Any:
        db = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self._address, uri=True, timeout=5, check_same_thread=False)
            self._local.db = db
            with self._guard:
                self._open.append(db)
        return db

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            for db in self._open:
                db.close()
            self._open.clear()
