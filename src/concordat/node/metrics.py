"""What an operator watches, as OpenMetrics text for `ops_listen`: counts, sizes, times, and nothing about a person.

Every label comes from a closed list: routes and limits from their tables, peers and origins from the membership file,
states of jobs, names of keys, HTTP status codes. What is in no list is counted under `other`, so that no address,
account or query can become a label, and nobody outside can make their number grow. The text is made by
prometheus-client (extra `[web]`); one `Metrics` a process, with a registry of its own.

What is not known is not shown as 0: without any backup its age is `+Inf`, so that an alarm "older than a day" rings.
Source: node-web.md 2; the text format is OpenMetrics 1.0.
"""

from __future__ import annotations

import http
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from concordat.node.jobs import STATES
from concordat.settings import need_extra

OTHER = "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BYTES = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
KEYS = ("membership", "tls")
STATUSES = tuple(str(status.value) for status in http.HTTPStatus)


class Metrics:
    """The counters of one process.

    Args:
        routes: the patterns of all routes (`/place/{area}`). limits: the names of all limits.

    Raises:
        MethodError: prometheus-client is not installed.
    """

    def __init__(self, routes: Iterable[str] = (), limits: Iterable[str] = ()) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError:
            raise need_extra("web", "Metrics") from None
        self.registry = CollectorRegistry(auto_describe=False)
        self._known: dict[str, frozenset[str]] = {
            "route": frozenset(routes), "limit": frozenset(limits), "status": frozenset(STATUSES),
            "state": frozenset(STATES), "key": frozenset(KEYS), "peer": frozenset(), "origin": frozenset(),
        }  # fmt: skip

        def histogram(name: str, words: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Any:
            return Histogram(f"concordat_{name}", words, labels, registry=self.registry, buckets=buckets)

        def gauge(name: str, words: str, *labels: str) -> Any:
            return Gauge(f"concordat_{name}", words, labels, registry=self.registry)

        def counter(name: str, words: str, *labels: str) -> Any:
            return Counter(f"concordat_{name}", words, labels, registry=self.registry)

        self._http = histogram("http_seconds", "Time from request to answer.", ("route", "status"), SECONDS)
        self._bytes = histogram("page_bytes", "Bytes of an answer's body as sent.", ("route",), BYTES)
        self._commit = histogram("commit_seconds", "Time of one commit of the log.", (), SECONDS)
        self._log_size = gauge("log_size", "Entries of a log as it is held here.", "origin")
        self._final = gauge("final_batch", "The last final batch, counted over all views.")
        self._lag = gauge("peer_lag_entries", "Entries that a peer is known to have and this node has not.", "peer")
        self._backoff = gauge("peer_backoff_seconds", "Seconds until a peer is asked again.", "peer")
        self._jobs = gauge("jobs", "Jobs by state.", "state")
        self._backup = gauge("backup_age_seconds", "Age of the last backup; +Inf without one.")
        self._expiry = gauge("key_expiry_days", "Days until the membership file or the certificate ends.", "key")
        self._hits = counter("cache_hits", "Pages answered from the cache.")
        self._rejects = counter("rejects", "Requests refused by a limit.", "limit")
        self._backup.set(math.inf)

    # --- What happens -------------------------------------------------------------------------------------------------

    def answered(self, route: str, status: int, seconds: float, size: int) -> None:
        """A request was answered: seconds from its first byte, bytes of the body as sent."""
        label = self._label("route", route)
        self._http.labels(label, self._label("status", str(status))).observe(seconds)
        self._bytes.labels(label).observe(size)

    def committed(self, seconds: float) -> None:
        """The log made a commit."""
        self._commit.observe(seconds)

    def cache_hit(self) -> None:
        """A page came from the cache."""
        self._hits.inc()

    def rejected(self, limit: str) -> None:
        """A limit refused a request."""
        self._rejects.labels(self._label("limit", limit)).inc()

    # --- How things stand ---------------------------------------------------------------------------------------------

    def members(self, peers: Iterable[str], origins: Iterable[str]) -> None:
        """Whose logs there are, by the membership file; what left it is shown no more."""
        for name, gauges, fresh in (
            ("peer", (self._lag, self._backoff), frozenset(peers)),
            ("origin", (self._log_size,), frozenset(origins)),
        ):
            for gone in (self._known[name] - fresh) | {OTHER}:
                for gauge in gauges:
                    _forget(gauge, gone)
            self._known[name] = fresh

    def logs(self, sizes: Mapping[str, int], final_batch: int) -> None:
        """How many entries each log has, and the number of the last final batch."""
        for origin, size in sizes.items():
            self._log_size.labels(self._label("origin", origin)).set(size)
        self._final.set(final_batch)

    def peer(self, peer: str, lag_entries: int, backoff_s: float) -> None:
        """How far a peer is ahead, and how long it is left alone."""
        self._lag.labels(self._label("peer", peer)).set(lag_entries)
        self._backoff.labels(self._label("peer", peer)).set(backoff_s)

    def jobs(self, counts: Mapping[str, int]) -> None:
        """Jobs by state."""
        for state in STATES:
            self._jobs.labels(state).set(counts.get(state, 0))

    def backup(self, made: datetime | None, now: datetime) -> None:
        """When the last backup was made; None if there is none."""
        self._backup.set(math.inf if made is None else max((now - made).total_seconds(), 0))

    def expires(self, key: str, days: float) -> None:
        """Days until the membership file (`membership`) or the certificate (`tls`) ends; below 0 it has."""
        self._expiry.labels(self._label("key", key)).set(days)

    def text(self) -> tuple[bytes, str]:
        """All of it as OpenMetrics text, and its content type."""
        from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

        data: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return data, CONTENT_TYPE_LATEST

    def _label(self, name: str, value: str) -> str:
        return value if value in self._known[name] else OTHER


def _forget(gauge: Any, label: str) -> None:
    try:
        gauge.remove(label)
    except KeyError:
        return  # it was never shown
