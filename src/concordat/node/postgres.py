"""A session with PostgreSQL as a node's stores use it: opened safely, named, with the statements of SQLite.

The stores speak the common part of both languages; `Session` turns `?` into `%s` and adds nothing. A server that runs
with `fsync` or `full_page_writes` off is refused, for what it acknowledges may be lost. Limits that a role or database
sets for others don't hold here, and a machine that has gone is noticed within five seconds (`tcp_keepalives_*`), so
that its locks go too. One writer holds `pg_advisory_lock(hash of origin)`: the lock belongs to the session, so who has
lost the one has lost the other. An address may hold a password; none is ever shown. Source: node-web.md 2.5.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from concordat.errors import InputError, StateError
from concordat.settings import need_extra

_MUST_BE_ON = ("fsync", "full_page_writes")
_NO_LIMITS = """SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout',
'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'lock_timeout')"""
_NOTICE_GONE = """SELECT set_config('tcp_keepalives_idle', '2', false),
set_config('tcp_keepalives_interval', '1', false), set_config('tcp_keepalives_count', '2', false)"""
_ALIVE: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2,
          "tcp_user_timeout": 4_000, "connect_timeout": 4}  # fmt: skip
_HOLDER = """SELECT activity.pid, activity.application_name,
coalesce(activity.client_hostname, host(activity.client_addr), 'this host')
FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1 AND granted
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
LOCK_EVERY_S = 0.2


def is_postgres(database: str) -> bool:
    """Whether the setting `database` is an address of PostgreSQL."""
    return database.startswith(("postgresql://", "postgres://"))


class Session:
    """One connection, in autocommit.

    Args:
        address: `postgresql://...`, as libpq reads it. role: what it does, for its name in `pg_stat_activity`.

    Raises:
        MethodError: without the extra [postgres]. InputError: not an address. StateError: no server, no schema, or a
            server on which nothing is durable.
    """

    def __init__(self, address: str, role: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise need_extra("postgres", "A node on PostgreSQL") from None
        self.failures: tuple[type[BaseException], ...] = (psycopg.Error,)
        name = f"concordat node {role}, process {os.getpid()} on {platform.node()}"
        try:
            self._db: Any = psycopg.connect(address, autocommit=True, application_name=name[:63], **_ALIVE)
        except psycopg.ProgrammingError:
            raise InputError("this is not an address of PostgreSQL.", where="database", code="address") from None
        except psycopg.Error as error:
            hint = "Is the server running, and does it let this node in?"
            raise StateError(
                f"no connection: {words_of(error)}.", where="postgresql", hint=hint, code="store"
            ) from None
        self.by_password = bool(self._db.pgconn.used_password)  # else by its socket (peer) or a certificate
        info = self._db.info
        self.where = f"postgresql, database {info.dbname} at {info.host or 'this host'}:{info.port}"
        from concordat.node.clearing.lock import keep_from_children

        keep_from_children(self._db.fileno())
        try:
            self._settle()
        except psycopg.Error as error:
            self.close()
            raise StateError(f"the database failed: {words_of(error)}.", where=self.where, code="store") from None
        except BaseException:
            self.close()
            raise

    def _settle(self) -> None:
        """Durable commits, no limits of others, and a schema to work in."""
        self.execute("SET synchronous_commit = on")
        self.execute(_NO_LIMITS)
        self.execute(_NOTICE_GONE)
        for setting in _MUST_BE_ON:
            if self.one(f"SHOW {setting}") != "on":
                what = f"the server runs with {setting} off: what it acknowledges may be lost."
                raise StateError(what, where=self.where, hint=f"Set {setting} = on and restart it.", code="not_durable")
        self.schema = self.one("SELECT current_schema()")
        if self.schema is None:
            hint = "Create it, or select another: ?options=-csearch_path%3DNAME"
            raise StateError("the schema of the address is not there.", where=self.where, hint=hint, code="no_schema")

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement written with `?`."""
        return self._db.execute(query.replace("?", "%s"), tuple(values)) if values else self._db.execute(query)

    def executemany(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row, sent together."""
        if rows:
            with self._db.cursor() as cursor:
                cursor.executemany(query.replace("?", "%s"), rows)

    def one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The first value of the first row, or None."""
        row = self.execute(query, values).fetchone()
        return row[0] if row else None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on a connection that still stands."""
        return not self._db.closed and self._db.info.transaction_status.name in ("INTRANS", "INERROR")

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return bool(self._db.closed or self._db.broken)

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        return int(self._db.info.backend_pid)

    def notes(self, timeout_s: float) -> list[str]:
        """What was notified to the channels this session listens on, within a time; empty if nothing."""
        return [note.payload for note in self._db.notifies(timeout=timeout_s, stop_after=1)]

    def tables(self) -> set[str]:
        """The tables in the schema of the address."""
        return {name for (name,) in self.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}

    def lock(self, origin: str, wait_s: float = 0.0) -> None:
        """Become the one writer of a log.

        Args:
            origin: of the member's own log. wait_s: how long to try, for a writer that has just died.

        Raises:
            StateError: another session is the writer; it is named.
        """
        key, until = lock_key(origin), time.monotonic() + wait_s
        while not self.one("SELECT pg_try_advisory_lock(?)", (key,)):
            if time.monotonic() >= until:
                what = f"{self.holder(origin) or 'another session'} writes here, and a log has one writer."
                raise StateError(what, where=self.where, hint="Stop it first, or ask it.", code="two_writers")
            time.sleep(LOCK_EVERY_S)

    def holder(self, origin: str) -> str:
        """Who is the writer of a log; empty if nobody is."""
        high, low = divmod(lock_key(origin) % 2**64, 2**32)
        row = self._db.execute(_HOLDER, (high, low)).fetchone()
        if row is None:
            return ""
        return f"{row[1] or 'a program without a name'} (server process {row[0]}, from {row[2]})"

    def close(self) -> None:
        """End the session, and with it let the next writer in."""
        from concordat.node.clearing.lock import let_go

        if not self._db.closed:
            let_go(self._db.fileno())
        self._db.close()


def lock_key(text: str) -> int:
    """The key of an advisory lock: the first eight bytes of SHA-256, as a signed number.

    >>> lock_key("node.example/BRICS/member")
    5213855948099416922
    """
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big", signed=True)


def words_of(error: BaseException) -> str:
    """What psycopg says, on one line and without a full stop; it never repeats a password."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
