"""How often a service may be asked, kept in the catalogue so that one run knows what the run before has asked.

A token bucket for each host: it holds at most `burst` tokens, gains `per_hour` of them an hour, and each request takes
one. A request that finds none reserves the next one and waits for it, so two processes queue up instead of both waking
at once. A clock that was set back gives no tokens and takes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concordat.evidence.store.catalog import Catalog


class Buckets:
    """The buckets of one data directory."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def take(self, host: str, *, burst: float, per_hour: float, now_s: float) -> float:
        """Take a token for a host; the seconds to wait before the request may be sent.

        Raises:
            StateError: the catalogue can't be written.
        """
        assert burst >= 1, burst
        assert per_hour > 0, per_hour
        with self._catalog.transaction() as db:
            row = db.execute("SELECT tokens, at FROM buckets WHERE host = ?", (host,)).fetchone()
            tokens, at = row if row else (burst, now_s)
            tokens = min(burst, tokens + max(0.0, now_s - at) * per_hour / 3600) - 1
            db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (host, tokens, now_s))
        return max(0.0, -tokens * 3600 / per_hour)
