"""Where a node keeps what it knows of people: one SQLite file, `people.db`, readable by its owner alone.

Accounts, links, sessions, guesses, acts, opinions and the audit chain stand here and nowhere else; keys, logs and
entries never do. The file is apart from the log, so that one can be erased, moved or given away without the other.
WAL with `synchronous=FULL`: a commit that returned is on the disk. Several processes may open it (the server and the
operator's commands): a transaction takes the write lock first, so what it read is still true when it writes.

The SQL is the common part of SQLite's and PostgreSQL's. Source: node-web.md 3.1 and 2.5.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from concordat.errors import StateError

SCHEMA = 1
TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE account (id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, member TEXT NOT NULL,
       roles TEXT NOT NULL, password_phc TEXT NOT NULL, totp_sealed BLOB, totp_step INTEGER NOT NULL,
       recovery TEXT NOT NULL, certificate TEXT NOT NULL, key_label TEXT NOT NULL, key_public BLOB, key_sealed BLOB,
       created INTEGER NOT NULL, locked_until INTEGER NOT NULL)""",
    """CREATE TABLE link (hash TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, made INTEGER NOT NULL,
       expires INTEGER NOT NULL, used INTEGER NOT NULL)""",
    """CREATE TABLE session (hash TEXT PRIMARY KEY, account TEXT NOT NULL, began INTEGER NOT NULL,
       seen INTEGER NOT NULL, ended INTEGER NOT NULL, how TEXT NOT NULL)""",
    """CREATE TABLE passkey (id TEXT PRIMARY KEY, account TEXT NOT NULL, public BLOB NOT NULL, count INTEGER NOT NULL,
       label TEXT NOT NULL, made INTEGER NOT NULL)""",
    "CREATE TABLE spent (hash TEXT PRIMARY KEY, expires INTEGER NOT NULL)",
    """CREATE TABLE guess (kind TEXT NOT NULL, key TEXT NOT NULL, times TEXT NOT NULL, level INTEGER NOT NULL,
       until INTEGER NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (kind, key))""",
    """CREATE TABLE act (act TEXT PRIMARY KEY, owner TEXT NOT NULL, type TEXT NOT NULL, scope TEXT NOT NULL,
       person TEXT NOT NULL, state TEXT NOT NULL, fields TEXT NOT NULL, version TEXT NOT NULL, problem TEXT NOT NULL,
       content TEXT NOT NULL, base INTEGER NOT NULL, payload BLOB, entry TEXT NOT NULL, idx INTEGER NOT NULL,
       recorded INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL)""",
    "CREATE INDEX act_owner ON act (owner, changed)",
    "CREATE INDEX act_entry ON act (entry)",
    """CREATE TABLE opinion (consultation TEXT NOT NULL, voter TEXT NOT NULL, statement INTEGER NOT NULL,
       choice TEXT NOT NULL, at INTEGER NOT NULL, batch TEXT NOT NULL,
       PRIMARY KEY (consultation, voter, statement))""",
    "CREATE INDEX opinion_waiting ON opinion (batch, consultation, at)",
    """CREATE TABLE opinion_batch (batch TEXT PRIMARY KEY, consultation TEXT NOT NULL, body TEXT NOT NULL,
       made INTEGER NOT NULL, entry TEXT NOT NULL)""",
    """CREATE TABLE audit (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL,
       facts TEXT NOT NULL, hash TEXT NOT NULL)""",
    "CREATE INDEX audit_account ON audit (account, n)",
    """CREATE TABLE job (n INTEGER NOT NULL UNIQUE, id TEXT PRIMARY KEY, kind TEXT NOT NULL, args TEXT NOT NULL,
       args_hash TEXT NOT NULL, state TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, note TEXT NOT
       NULL, queued INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, result TEXT NOT NULL,
       error TEXT NOT NULL, asked_by TEXT NOT NULL)""",
    "CREATE INDEX job_state ON job (state, n)",
    "CREATE UNIQUE INDEX job_same ON job (args_hash) WHERE state IN ('queued', 'running', 'done')",
)


class PeopleStore:
    """The file, opened.

    Args:
        path: the file. create: whether it may be made.

    Raises:
        StateError: missing, open to others, damaged, or written by a newer program.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path, self.where = path, str(path)
        self._alone = threading.RLock()
        self._lock = threading.RLock()
        self._deep = 0
        if not path.exists():
            if not create:
                hint = "Add the first account: concordat node account add LOGIN --name NAME --role ROLE"
                raise StateError("no accounts here yet.", where=str(path), hint=hint, code="no_people")
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its side files the same mode
        if path.stat().st_mode & 0o077:
            raise StateError("others can read this file.", where=str(path), hint=f"Close it: chmod 600 {path}")
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")  # an erased name or draft leaves no bytes in free pages
            self._prepare()
        except sqlite3.Error as error:
            raise StateError(f"can't be opened: {error}.", where=str(path), code="store") from None

    def _prepare(self) -> None:
        with self.commit():
            if self._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0] == 0:
                for statement in TABLES:
                    self._db.execute(statement)
                self._db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
        self._require_known(int(self.one("SELECT value FROM meta WHERE key = 'schema'")[0]))

    def _require_known(self, found: int) -> None:
        """The store is of the version that this program writes."""
        if found > SCHEMA:
            what = f"written by a newer program (version {found}; this one reads {SCHEMA}). Nothing was changed."
            raise StateError(what, where=self.where, hint="Install a newer Concordat.", code="newer")
        if found < SCHEMA:
            what = f"of an older program (version {found}; this one needs {SCHEMA})."
            raise StateError(what, where=self.where, hint="Run: concordat node upgrade DIR", code="older")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One transaction: all of it is on the disk when the block ends, or none. Blocks may stand in each other.

        Raises:
            StateError: the disk is full or failed, or another process holds the file for over ten seconds.
        """
        with self._lock:
            if self._deep:
                yield
                return
            self._deep = 1
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise StateError(f"not written: {error}.", where=str(self.path), code="store") from None
            except BaseException:
                self._undo()
                raise
            finally:
                self._deep = 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else sends an act while the block runs: it may take longer than a transaction, and hold up no other.

        One process has a SQLite file's acts to itself; in PostgreSQL the block is alone among all processes.
        """
        with self._alone:
            yield

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def run(self, statement: str, *values: Any) -> int:
        """Run a statement that changes rows; how many it changed."""
        with self.commit():
            return self._db.execute(statement, values).rowcount

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise StateError(f"can't be read: {error}.", where=str(self.path), code="store") from None

    def one(self, statement: str, *values: Any) -> tuple[Any, ...]:
        """The first row of a query; empty if there is none."""
        return (self.rows(statement, *values) or [()])[0]
