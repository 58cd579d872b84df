"""The file of an engine's ledger: a node's store, and what a ledger of many blocks asks of it beside.

A chain gathers a record and a signed header for every batch, so they are asked for one by one, never all at once.
"""

from __future__ import annotations

from concordat.node.store import Store


class EngineStore(Store):
    """As `node.store.Store`: one SQLite file, durable before anything is acknowledged."""

    def paper(self, kind: str, key: str) -> bytes | None:
        """One paper of a kind; None if it isn't here."""
        row = self._db.execute("SELECT bytes FROM paper WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return bytes(row[0]) if row else None

    def paper_keys(self, kind: str) -> list[str]:
        """The keys of all papers of a kind, in order."""
        return [row[0] for row in self._db.execute("SELECT key FROM paper WHERE kind = ? ORDER BY key", (kind,))]

    def without(self, kind: str, other: str, count: int) -> list[str]:
        """The first keys of a kind that the other kind doesn't have."""
        query = """SELECT key FROM paper AS a WHERE kind = ? AND NOT EXISTS
                   (SELECT 1 FROM paper AS b WHERE b.kind = ? AND b.key = a.key) ORDER BY key LIMIT ?"""
        return [row[0] for row in self._db.execute(query, (kind, other, count))]
