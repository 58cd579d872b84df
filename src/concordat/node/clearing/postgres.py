"""The host of a large member: the same tables in PostgreSQL, written by one session that holds an advisory lock.

A block is one transaction with `synchronous_commit=on`, sent in one go (pipeline): one `INSERT ... SELECT FROM
unnest` for each table. A server that runs with `fsync` or `full_page_writes` off is refused, for nothing on it would
be durable. The tables lie in the schema that the address selects (`?options=-csearch_path%3Dclearing`), `public`
otherwise.

The lock belongs to the session: if the connection is lost, so is the lock, and the host stops for good. A second writer
is told who holds it: the server's process and the name under which it came (`concordat clearing, process N on HOST`).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify, verify_all
from concordat.errors import ConcordatError, InputError, StateError, TrustError
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.lock import keep_from_children, let_go
from concordat.node.clearing.tables import TABLES, Batch, Table
from concordat.settings import need_extra

LOCK = 0x434C5247  # the first half of the advisory lock's key; the second is a hash of the schema's name
_KINDS = {"int": "bigint", "text": "text", "bytes": "bytea"}
_VIEW = """CREATE VIEW receipt AS SELECT block.height, one.place - 1 AS idx, one.value ->> 'uetr' AS uetr,
one.value ->> 'member' AS member, one.value ->> 'kind' AS kind, one.value ->> 'code' AS code, one.value AS receipt
FROM block, jsonb_array_elements(block.receipts::jsonb) WITH ORDINALITY AS one (value, place)"""
_HOLDER = """SELECT activity.pid, activity.application_name,
coalesce(activity.client_hostname, host(activity.client_addr), 'this host')
FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND classid = %s AND objid::bigint = %s AND granted
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_MUST_BE_ON = ("fsync", "full_page_writes")
# Limits that a role or database sets for others would stop the writer in a quiet night, or in a long start.
_NO_LIMITS = """SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout',
'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')"""
_ROWS_MAX, _LARGE_MAX = 20_000, 16  # rows in one statement, of tables whose rows may have 1 MiB


class PostgresHost(DurableHost):
    """A host in a PostgreSQL database.

    Args:
        address: `postgresql://...`, as libpq reads it. scheme, verify_signatures, state_every: as in `DurableHost`.

    Raises:
        MethodError: without the extra [postgres]. StateError: no server, another writer (named), a server on which
            nothing is durable, or tables of a newer program. TrustError: damaged.
    """

    def __init__(
        self,
        address: str,
        scheme: Scheme | None = None,
        *,
        verify_signatures: Verify = verify_all,
        state_every: int = 1,
    ) -> None:
        super().__init__(PostgresStore(address), scheme, verify_signatures, state_every)


class PostgresStore:
    """The tables in a PostgreSQL database.

    Args:
        address: `postgresql://...`. writer: whether to write, as the only one.
        on_step: called with a name before each step of a transaction and behind the last; tests cut there.
    """

    def __init__(self, address: str, *, writer: bool = True, on_step: Callable[[str], None] | None = None) -> None:
        try:
            import psycopg
        except ImportError:
            raise need_extra("postgres", "the PostgreSQL host") from None
        self.failures: tuple[type[BaseException], ...] = (psycopg.Error,)
        self._damage = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.UndefinedTable)
        self._on_step = on_step
        self._batch = Batch()
        name = f"concordat clearing, process {os.getpid()} on {platform.node()}"
        try:
            self._db: Any = psycopg.connect(address, autocommit=True, application_name=name[:63])
        except psycopg.ProgrammingError:
            raise InputError("this is not an address of PostgreSQL.", where="address", code="address") from None
        except psycopg.Error as error:
            hint = "Is the server running, and does it let you in?"
            what = f"no connection: {' '.join(str(error).split())}."
            raise StateError(what, where="postgresql", hint=hint, code="store") from None
        info = self._db.info
        self.where = f"postgresql, database {info.dbname} at {info.host or 'this host'}:{info.port}"
        keep_from_children(self._db.fileno())
        try:
            self._db.execute("SET synchronous_commit = on")
            self._db.execute(_NO_LIMITS)
            if writer:
                self._check_server()
                self._lock()
        except BaseException:
            self.close()
            raise

    def _check_server(self) -> None:
        for setting in _MUST_BE_ON:
            if self._one(f"SHOW {setting}") != "on":
                what = f"the server runs with {setting} off: what it acknowledges may be lost."
                raise StateError(what, where=self.where, hint=f"Set {setting} = on and restart it.", code="not_durable")

    def _lock(self) -> None:
        """Become the one writer.

        Raises:
            StateError: another session is; it is named.
        """
        schema = self._one("SELECT current_schema()")
        if schema is None:
            hint = "Create it, or select another: ?options=-csearch_path%3DNAME"
            raise StateError("the schema of the address is not there.", where=self.where, hint=hint, code="no_schema")
        part = self._one("SELECT hashtext(%s)", (schema,))
        if not self._one("SELECT pg_try_advisory_lock(%s, %s)", (LOCK, part)):
            row = self._db.execute(_HOLDER, (LOCK, part % 2**32)).fetchone()
            named = (
                f"{row[1] or 'a program without a name'} (server process {row[0]}, from {row[2]})"
                if row
                else "another session"
            )
            what = f"{named} writes here, and a ledger has one writer."
            raise StateError(what, where=self.where, hint="Stop it first, or ask it.", code="two_writers")

    def _one(self, query: str, values: Sequence[Any] = ()) -> Any:
        row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    def explain(self, error: BaseException) -> ConcordatError:
        """Damage is a matter of trust; all else (connection, rights, space) of the machine."""
        text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        if isinstance(error, self._damage):
            hint = "Nothing was changed. Restore a copy."
            return TrustError(f"the database is damaged: {text}.", where=self.where, hint=hint, code="damaged")
        return StateError(f"the database failed: {text}.", where=self.where, code="store")

    def tables(self) -> set[str]:
        """The tables that are there, in the schema of the address."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return {name for (name,) in self._db.execute(query)}

    def create(self, batch: Batch) -> None:
        """Make the tables and put their first rows in."""
        with self._db.transaction():
            for table in TABLES.values():
                self._db.execute(_create(table))
            for name, column in (("block", "body"), ("block", "receipts"), ("place", "entries"), ("base", "bytes")):
                self._db.execute(f'ALTER TABLE "{name}" ALTER COLUMN "{column}" SET STORAGE EXTERNAL')
            self._db.execute(_VIEW)
            self._run(batch)

    def write(self, batch: Batch) -> None:
        """One transaction."""
        self.begin(batch)
        self.commit()

    def begin(self, batch: Batch) -> None:
        """Keep the rows; all is sent by `commit`, for the server works in a process of its own."""
        self._batch = batch

    def commit(self) -> None:
        """Send the transaction and wait until the server has flushed it."""
        batch, self._batch = self._batch, Batch()
        self._step("begin")
        with self._db.transaction():
            if self._on_step is None:
                with self._db.pipeline():
                    self._run(batch)
            else:
                self._run(batch)
            self._step("commit")
        self._step("committed")

    def _step(self, name: str) -> None:
        if self._on_step is not None:
            self._on_step(name)

    def _run(self, batch: Batch) -> None:
        for name, keys in batch.drop.items():
            self._step(f"drop {name}")
            self._db.execute(_drop(TABLES[name], len(keys[0])), _columns(keys))
        for name, rows in batch.put.items():
            self._step(f"put {name}")
            if len(rows) == 1:
                self._db.execute(_put_one(TABLES[name]), rows[0])
                continue
            most = _LARGE_MAX if name == "base" else _ROWS_MAX  # a value may have 1 GB
            for first in range(0, len(rows), most):
                self._db.execute(_put(TABLES[name]), _columns(rows[first : first + most]))

    def rows(
        self, table: str, where: str = "", values: Sequence[Any] = (), columns: str = "*"
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a table."""
        query = f"SELECT {columns} FROM {table} {where}".replace("?", "%s")
        return iter(self._db.execute(query, tuple(values), binary=True))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            if not self._db.closed and not self._db.broken:
                self._db.execute("ROLLBACK")

    def check(self) -> None:
        """PostgreSQL checks its pages when it reads them, where the cluster was made with checksums; nothing to add."""

    def settle(self) -> None:
        """Nothing to do: the server shows a transaction to others only once its log is flushed."""

    def close(self, *, untouched: bool = False) -> None:  # noqa: ARG002 - as every store
        """Close the session, and with it let the next writer in; that changes nothing on the server."""
        if not self._db.closed:
            let_go(self._db.fileno())
        self._db.close()


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _create(table: Table) -> str:
    columns = ", ".join(f'"{name}" {_KINDS[kind]} NOT NULL' for name, kind in table.columns)
    collated = columns.replace(" text NOT NULL", ' text COLLATE "C" NOT NULL')
    keys = ", ".join(f'"{name}"' for name in table.names[: table.keys])
    return f'CREATE TABLE "{table.name}" ({collated}, PRIMARY KEY ({keys}))'


def _conflict(table: Table) -> str:
    if table.name == "block":  # a block stands for ever: whoever comes with another one is not the one writer
        return ""
    keys = ", ".join(f'"{name}"' for name in table.names[: table.keys])
    rest = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in table.names[table.keys :])
    return f"ON CONFLICT ({keys}) DO UPDATE SET {rest}"


def _put(table: Table) -> str:
    arrays = ", ".join(f"%s::{_KINDS[kind]}[]" for _, kind in table.columns)
    return f'INSERT INTO "{table.name}" SELECT * FROM unnest({arrays}) {_conflict(table)}'


def _put_one(table: Table) -> str:
    values = ", ".join(f"%s::{_KINDS[kind]}" for _, kind in table.columns)
    return f'INSERT INTO "{table.name}" VALUES ({values}) {_conflict(table)}'


def _drop(table: Table, parts: int) -> str:
    names = table.names[:parts]
    arrays = ", ".join(f"%s::{kind}[]" for kind in (_KINDS[kind] for _, kind in table.columns[:parts]))
    gone = ", ".join(f"k{place}" for place in range(parts))
    same = " AND ".join(f'"{table.name}"."{name}" = gone.k{place}' for place, name in enumerate(names))
    return f'DELETE FROM "{table.name}" USING unnest({arrays}) AS gone ({gone}) WHERE {same}'
