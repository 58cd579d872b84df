"""The host of most members: one SQLite file, durable before anyone is told.

WAL with `synchronous=FULL`: a commit that returned has been flushed. One transaction a block, one `executemany` a
table. The file `<name>.writer` beside the database is locked by the one writer and says who that is; the lock goes
with the process. Readers (`open_store`, and any SQLite program) don't disturb it: they see the last whole block. While
one reads for long, the log grows, for what it looks at can't be moved into the file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify, verify_all
from concordat.errors import ConcordatError, StateError, TrustError
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.lock import lock_writer, own_name, sync_folder, unlock
from concordat.node.clearing.tables import TABLES, Batch, Table
from concordat.node.clearing.walcheck import lost_behind

CHECKPOINT_PAGES = 8_192
_KINDS = {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"}
_TYPES: dict[str, type] = {"int": int, "text": str, "bytes": bytes}
_VIEW = """CREATE VIEW receipt AS SELECT block.height AS height, json_each.key AS idx,
json_extract(json_each.value, '$.uetr') AS uetr, json_extract(json_each.value, '$.member') AS member,
json_extract(json_each.value, '$.kind') AS kind, json_extract(json_each.value, '$.code') AS code,
json_each.value AS receipt FROM block, json_each(block.receipts)"""
Connect = Callable[[str], Any]
_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "could not decode")


def connect(address: str) -> sqlite3.Connection:
    """The standard library's connection, in autocommit: transactions are begun and ended here."""
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=10, check_same_thread=False)


class SqliteHost(DurableHost):
    """A host on one SQLite file.

    Args:
        path: the file; made if it is not there and a scheme is given. scheme, verify_signatures, state_every: as in
            `DurableHost`. checkpoint_pages: pages in the log before they are moved into the file.

    Raises:
        StateError: not there, in use by another process (named), or of a newer program.
        TrustError: damaged, or what it holds does not give the roots in its headers.
    """

    def __init__(
        self,
        path: Path,
        scheme: Scheme | None = None,
        *,
        verify_signatures: Verify = verify_all,
        state_every: int = 1,
        checkpoint_pages: int = CHECKPOINT_PAGES,
    ) -> None:
        store = SqliteStore(path, create=scheme is not None, checkpoint_pages=checkpoint_pages)
        super().__init__(store, scheme, verify_signatures, state_every)


class SqliteStore:
    """The tables in a SQLite file.

    Args:
        path: the file. create: whether it may be made. writer: whether to write, as the only one.
        connecting: how a connection is opened, and failures what it raises; tests give one that loses power.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        writer: bool = True,
        checkpoint_pages: int = CHECKPOINT_PAGES,
        connecting: Connect = connect,
        failures: tuple[type[BaseException], ...] = (sqlite3.Error, UnicodeDecodeError),
    ) -> None:
        self.where = str(path)
        self.failures = failures
        self.failed = False
        self._checkpoint_pages, self._pages = checkpoint_pages, 0
        self._lock: int | None = None
        self._path, self._writes = own_name(path), writer
        if not self._path.exists() and not create:
            hint = "Found it with a scheme: concordat clearing init"
            raise StateError("there is no ledger here.", where=self.where, hint=hint, code="no_ledger")
        if writer:
            self._lock = lock_writer(self._path)
        try:
            self._db = connecting(self._path.as_uri() + ("" if writer else "?mode=ro"))
            if writer:
                # The first change of mode leaves a journal that is then deleted. Were that lost with the power, the
                # journal would be back and undo the whole file: EXTRA flushes the folder behind the deletion.
                self._db.execute("PRAGMA synchronous=EXTRA")
                self._check_own()
                self._check_mode(self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0])
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.execute("PRAGMA wal_autocheckpoint=0").fetchone()
                self._db.execute("PRAGMA cache_size=-65536")  # 64 MiB: a block is written to the log in one go
            self.tables()
        except self.failures as error:
            self.close()
            raise self.explain(error) from None
        except BaseException:
            self.close()
            raise
        self._put = {name: _put(table) for name, table in TABLES.items()}

    def _check_own(self) -> None:
        """Whether a ledger is here, or nothing yet: another program's database is left as it is."""
        there = self.tables()
        if there and not there & set(TABLES):
            what = f"this is the database of another program: it has the table {min(there)}."
            raise StateError(what, where=self.where, hint="Choose another file.", code="not_empty")

    def _check_mode(self, mode: str) -> None:
        if mode != "wal":
            what = f"SQLite can't keep a write-ahead log here (it stays in the mode {mode})."
            raise StateError(what, where=self.where, hint="Put the ledger on a local disk.", code="not_durable")

    def explain(self, error: BaseException) -> ConcordatError:
        """Damage is a matter of trust; all else (locked, full, no permission) of the machine."""
        text = str(error).rstrip(".")
        if isinstance(error, UnicodeDecodeError):  # SQLite quoted a name of the file in its own message
            text = "a name in it is no text"
        if text == "a name in it is no text" or any(word in text.lower() for word in _DAMAGE):
            hint = "Nothing was changed. Restore a copy."
            return TrustError(f"the file is damaged: {text}.", where=self.where, hint=hint, code="damaged")
        return StateError(f"the database failed: {text}.", where=self.where, code="store")

    def tables(self) -> set[str]:
        """The tables that are there."""
        return {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def create(self, batch: Batch) -> None:
        """Make the tables and put their first rows in."""
        with self._failing():
            self._db.execute("BEGIN IMMEDIATE")
            for table in TABLES.values():
                self._db.execute(_create(table))
            self._db.execute(_VIEW)
            self._run(batch)
        self.commit()
        sync_folder(self._path.parent)

    def write(self, batch: Batch) -> None:
        """One transaction."""
        self.begin(batch)
        self.commit()

    def begin(self, batch: Batch) -> None:
        """Begin a transaction and run its statements; that is work in memory, under the interpreter's lock."""
        with self._failing():
            self._db.execute("BEGIN IMMEDIATE")
            self._run(batch)
        self._pages += _pages(batch)

    def commit(self) -> None:
        """Write and flush the log, which lets other threads work; now and then move it into the file behind that."""
        with self._failing():
            self._db.execute("COMMIT")
        if self._pages >= self._checkpoint_pages:
            self._move_log()

    def settle(self) -> None:
        """Flush what a process may have written before it was killed: SQLite reads it like all else.

        The writer also moves the log into the file. Where an earlier flush failed, the system may hold as flushed what
        never reached the disk; written to another place it is flushed in earnest.

        Raises:
            StateError: the disk refuses. TrustError: SQLite left out a part of the log that had been flushed.
        """
        try:
            handle = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"the log can't be opened: {error.strerror}.", where=self.where, code="store") from None
        try:
            os.fsync(handle)
        except OSError as error:
            if self._writes or error.errno not in (errno.EROFS, errno.EINVAL):  # what can't be written is not at risk
                what = f"the log can't be flushed: {error.strerror}."
                raise StateError(what, where=self.where, code="store") from None
        finally:
            os.close(handle)
        if self._writes:
            self._check_log()
            self._move_log()

    def _check_log(self) -> None:
        log = Path(f"{self._path}-wal")
        broken = lost_behind(log)
        if broken is not None and broken == lost_behind(log):  # else a writer beside us was just writing it
            what = f"the log is damaged at frame {broken}, and later blocks stand behind it: they would be lost."
            hint = "Keep the file and its log as they are, and restore a copy."
            raise TrustError(what, where=self.where, hint=hint, code="damaged")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What fails is undone and not tried again: whoever called stops."""
        try:
            yield
        except BaseException:
            self.failed = True
            if self._db.in_transaction:
                with suppress(*self.failures):
                    self._db.execute("ROLLBACK")
            raise

    def _move_log(self) -> None:
        """Move the log into the file. A failure here stops the host too, though the block is safe in the log."""
        self._pages = 0
        with self._failing():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _run(self, batch: Batch) -> None:
        for name, keys in batch.drop.items():
            self._db.executemany(_drop(TABLES[name], len(keys[0])), keys)
        for name, rows in batch.put.items():
            self._db.executemany(self._put[name], rows)

    def rows(
        self, table: str, where: str = "", values: Sequence[Any] = (), columns: str = "*"
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a table. SQLite keeps any value in any column: one of another kind is damage.

        Raises:
            TrustError: a value is not of its column's kind; while the rows are read.
        """
        found = self._db.execute(f"SELECT {columns} FROM {table} {where}", tuple(values))
        return self._typed(found, table, columns)

    def _typed(self, rows: Any, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
        kinds = dict(TABLES[table].columns)
        names = list(kinds) if columns == "*" else columns.removeprefix("DISTINCT ").split(", ")
        wanted = tuple(_TYPES[kinds[name]] for name in names)
        for row in rows:
            if tuple(map(type, row)) != wanted:
                name = next(
                    name for name, value, kind in zip(names, row, wanted, strict=True) if type(value) is not kind
                )
                what = f"the file is damaged: a value of {table}.{name} is no {kinds[name]}."
                hint = "Nothing was changed. Restore a copy."
                raise TrustError(what, where=self.where, hint=hint, code="damaged")
            yield row

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:  # some failures have ended it already
                self._db.execute("ROLLBACK")

    def check(self) -> None:
        """SQLite's own check of every page, and whether it left out a part of the log.

        Raises:
            TrustError: it found damage.
        """
        self._check_log()
        try:
            (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        except self.failures as error:
            found = str(error)
        if found != "ok":
            hint = "Nothing was changed. Restore a copy."
            raise TrustError(f"the file is damaged: {found}.", where=self.where, hint=hint, code="damaged")

    def close(self, *, untouched: bool = False) -> None:
        """Close the file and let the next writer in.

        Closing moves the log into the file. After a failed write that must not be tried, and where something is wrong
        with the ledger it would change what has to be looked at: the connection is then left open and used no more.
        """
        if hasattr(self, "_db"):
            if (self.failed or untouched) and self._writes:
                _never_closed(self._db)
            else:
                self._db.close()
        if self._lock is not None:
            unlock(self._lock)
            self._lock = None


def _never_closed(connection: Any) -> None:
    """Hold a connection beyond the end of the interpreter, which would close it, and with it move the log."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _pages(batch: Batch) -> int:
    """About how many pages of the log a batch takes; over some blocks rather too many than too few."""
    body, receipts = batch.put["block"][0][5:7] if "block" in batch.put else ("", "")
    spread = sum(len(batch.put.get(name, ())) for name in ("account", "item"))  # anywhere in their trees
    rows = len(batch.put.get("place", ()))  # nearly a page each, and the tree above them
    return 2 * len(batch.put) + spread // 2 + rows + rows // 10 + (len(body) + len(receipts)) // 3_500


def _create(table: Table) -> str:
    columns = ", ".join(f"{name} {_KINDS[kind]} NOT NULL" for name, kind in table.columns)
    keys = ", ".join(table.names[: table.keys])
    # Rows that hold whole blocks lie better in a table by number than in the leaves of a key's tree.
    behind = "" if table.name in ("block", "base", "place") and table.keys == 1 else " WITHOUT ROWID"
    return f"CREATE TABLE {table.name} ({columns}, PRIMARY KEY ({keys})){behind}"


def _put(table: Table) -> str:
    # A block stands for ever: whoever comes with another one of its height is not the one writer.
    replace = "" if table.name == "block" else " OR REPLACE"
    return f"INSERT{replace} INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"


def _drop(table: Table, parts: int) -> str:
    return f"DELETE FROM {table.name} WHERE " + " AND ".join(f"{name} = ?" for name in table.names[:parts])
