"""The host of most members: one SQLite file, durable before anyone is told.

WAL with `synchronous=FULL`: a commit that returned has been flushed. One transaction a block, one `executemany` a
table. The file `<name>.writer` beside the database is locked by the one writer and says who that is; the lock goes
with the process. Readers (`open_store`, and any SQLite program) don't disturb it: they see the last whole block.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify, verify_all
from concordat.errors import ConcordatError, StateError, TrustError
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.tables import TABLES, Batch, Table

CHECKPOINT_PAGES = 8_192
_KINDS = {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"}
_VIEW = """CREATE VIEW receipt AS SELECT block.height AS height, json_each.key AS idx,
json_extract(json_each.value, '$.uetr') AS uetr, json_extract(json_each.value, '$.member') AS member,
json_extract(json_each.value, '$.kind') AS kind, json_extract(json_each.value, '$.code') AS code,
json_each.value AS receipt FROM block, json_each(block.receipts)"""
Connect = Callable[[str], Any]
_ABANDONED: list[Any] = []  # connections that failed: open, and used no more, until the process ends


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
        failures: tuple[type[BaseException], ...] = (sqlite3.Error,),
    ) -> None:
        self.where = str(path)
        self.failures = failures
        self.failed = False
        self._checkpoint_pages, self._pages = checkpoint_pages, 0
        self._lock: int | None = None
        if not path.exists() and not create:
            hint = "Found it with a scheme: concordat clearing init"
            raise StateError("there is no ledger here.", where=self.where, hint=hint, code="no_ledger")
        if writer:
            self._lock = lock_writer(path)
        try:
            self._db = connecting(path.absolute().as_uri() + ("" if writer else "?mode=ro"))
            if writer:
                # The first change of mode leaves a journal that is then deleted. Were that lost with the power, the
                # journal would be back and undo the whole file: EXTRA flushes the folder behind the deletion.
                self._db.execute("PRAGMA synchronous=EXTRA")
                self._db.execute("PRAGMA journal_mode=WAL").fetchone()
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

    def explain(self, error: BaseException) -> ConcordatError:
        """Damage is a matter of trust; all else (locked, full, no permission) of the machine."""
        text = str(error).rstrip(".")
        if any(word in text.lower() for word in ("malformed", "not a database", "no such table", "no such column")):
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
        sync_folder(Path(self.where).absolute().parent)

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
        """Rows of a table."""
        return iter(self._db.execute(f"SELECT {columns} FROM {table} {where}", tuple(values)))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def check(self) -> None:
        """SQLite's own check of every page.

        Raises:
            TrustError: it found damage.
        """
        try:
            (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        except self.failures as error:
            found = str(error)
        if found != "ok":
            hint = "Nothing was changed. Restore a copy."
            raise TrustError(f"the file is damaged: {found}.", where=self.where, hint=hint, code="damaged")

    def close(self) -> None:
        """Close the file and let the next writer in.

        Closing moves the log into the file. After a failed write that must not be tried: the files stay as they are.
        """
        if self.failed:
            _ABANDONED.append(self._db)
        elif hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sync_folder(folder: Path) -> None:
    """Make the name of a new file durable: SQLite does so for its logs, not for the database itself.

    Raises:
        StateError: the disk refuses.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        raise StateError(f"the folder can't be flushed: {error.strerror}.", where=str(folder), code="store") from None
    finally:
        os.close(handle)


def lock_writer(path: Path) -> int:
    """Become the one writer of a file.

    Raises:
        StateError: another process is; it is named with its host.
    """
    import fcntl

    beside = path.with_name(path.name + ".writer")
    try:
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"can't be opened: {error.strerror}.", where=str(beside), code="store") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        try:
            owner = json.loads(os.read(handle, 1_000))
            named = f"process {owner['pid']} on {owner['host']}"
        except (ValueError, KeyError, TypeError):
            named = "another process"
        os.close(handle)
        what = f"{named} writes here, and a ledger has one writer."
        raise StateError(what, where=str(path), hint="Stop it first, or ask it.", code="two_writers") from None
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps({"host": platform.node(), "pid": os.getpid()}).encode())
    return handle


def _pages(batch: Batch) -> int:
    """About how many pages of the log a batch takes: rather too many than too few."""
    body, receipts = batch.put["block"][0][5:7] if "block" in batch.put else ("", "")
    spread = sum(
        len(rows) for name, rows in batch.put.items() if name in ("account", "item")
    )  # anywhere in their trees
    return 2 * len(batch.put) + spread // 2 + (len(body) + len(receipts)) // 3_500


def _create(table: Table) -> str:
    columns = ", ".join(f"{name} {_KINDS[kind]} NOT NULL" for name, kind in table.columns)
    keys = ", ".join(table.names[: table.keys])
    # Rows that hold whole blocks lie better in a table by number than in the leaves of a key's tree.
    behind = "" if table.name in ("block", "base", "place") and table.keys == 1 else " WITHOUT ROWID"
    return f"CREATE TABLE {table.name} ({columns}, PRIMARY KEY ({keys})){behind}"


def _put(table: Table) -> str:
    return f"INSERT OR REPLACE INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"


def _drop(table: Table, parts: int) -> str:
    return f"DELETE FROM {table.name} WHERE " + " AND ".join(f"{name} = ?" for name in table.names[:parts])
