"""What a node knows of people, in PostgreSQL: the tables and statements of `people_store`, for many processes at once.

A transaction takes an advisory lock first, as SQLite's takes the file's write lock: what it read is still true when it
writes, in whichever process. `alone` is a second such lock, held while an act is being sent. A lost connection is
opened again with the next statement: no lock of this store outlives a statement or a block, and what was open is told
as not written. Text in columns is compared by bytes (`COLLATE "C"`), as SQLite does.

Erased rows leave bytes in the server's files until it vacuums them. Source: node-web.md 3.1 and 2.5.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from concordat.errors import StateError
from concordat.node.people_store import SCHEMA, TABLES, PeopleStore
from concordat.node.postgres import Session, lock_key, words_of
from concordat.node.store_postgres import MOVED

T = TypeVar("T")
META = "people_meta"  # the log's store, in the same schema, has a table `meta` of its own
NAMES = tuple(re.findall(r"CREATE TABLE (\w+)", "\n".join(TABLES)))


@lru_cache(maxsize=512)
def translated(statement: str) -> str:
    """A statement of `people_store` as PostgreSQL takes it.

    >>> translated("CREATE TABLE meta (key TEXT PRIMARY KEY, n INTEGER NOT NULL, body BLOB)")
    'CREATE TABLE people_meta (key text COLLATE "C" PRIMARY KEY, n bigint NOT NULL, body bytea)'
    """
    text = re.sub(r"\bmeta\b", META, statement)
    if text.startswith("CREATE TABLE"):
        text = re.sub(r"\bTEXT\b", 'text COLLATE "C"', text)
        text = re.sub(r"\bINTEGER\b", "bigint", re.sub(r"\bBLOB\b", "bytea", text))
    return text


class PostgresPeople(PeopleStore):
    """The store in a schema of a PostgreSQL database.

    Args:
        address: `postgresql://...`. create: whether the tables may be made.

    Raises:
        StateError: no server or no tables there, or tables of another version.
    """

    def __init__(self, address: str, *, create: bool = False) -> None:
        self.path, self._address = Path("people.db"), address
        self._lock, self._deep = threading.RLock(), 0
        self._alone, self._alone_deep = threading.RLock(), 0
        self._guard: Session | None = None
        self._session = Session(address, "people")
        self.where, self._failures = self._session.where, self._session.failures
        self._key = lock_key(f"people {self._session.schema}")
        try:
            self._prepare_tables(create)
        except BaseException:
            self._session.close()
            raise

    def _prepare_tables(self, create: bool) -> None:
        with self.commit():
            if META not in self._session.tables():
                if not create:
                    hint = "Add the first account: concordat node account add LOGIN --name NAME --role ROLE"
                    raise StateError("no accounts here yet.", where=self.where, hint=hint, code="no_people")
                for statement in TABLES:
                    self._session.execute(translated(statement))
                self.run("INSERT INTO meta VALUES ('schema', ?)", str(SCHEMA))
        found = dict(self.rows("SELECT key, value FROM meta"))
        if MOVED in found and not create:
            what = f"these people were moved to {found[MOVED]}."
            raise StateError(what, where=self.where, hint="Set database to that.", code="moved")
        self._require_known(int(found.get("schema", 0)))

    def close(self) -> None:
        """End the sessions."""
        self._session.close()
        if self._guard is not None:
            self._guard.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """As `PeopleStore.commit`.

        Raises:
            StateError: the server refuses, or the connection was lost: nothing was written, or, where it was lost at
                the very end, the answer is not known and is looked up again.
        """
        with self._lock:
            if self._deep:
                yield
                return
            self._deep = 1
            try:
                self._open_again()
                self._session.execute("BEGIN")
                self._session.execute("SELECT pg_advisory_xact_lock(?)", (self._key,))
                yield
                self._session.execute("COMMIT")
            except self._failures as error:
                self._undo()
                raise StateError(f"not written: {words_of(error)}.", where=self.where, code="store") from None
            except BaseException:
                self._undo()
                raise
            finally:
                self._deep = 0

    def _undo(self) -> None:
        with suppress(*self._failures):
            if self._session.in_transaction:
                self._session.execute("ROLLBACK")

    def _open_again(self) -> None:
        """A lost connection is replaced; never inside a block, where it would split one."""
        if self._session.lost:
            self._session = Session(self._address, "people")

    def run(self, statement: str, *values: Any) -> int:
        """As `PeopleStore.run`."""
        with self.commit():
            return int(self._session.execute(translated(statement), values).rowcount)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """As `PeopleStore.rows`; a read that finds the connection lost is made once more on a new one."""
        with self._lock:
            try:
                return self._read(lambda: self._session.execute(translated(statement), values).fetchall())
            except self._failures as error:
                raise StateError(f"can't be read: {words_of(error)}.", where=self.where, code="store") from None

    def _read(self, read: Callable[[], T]) -> T:
        if self._deep:
            return read()
        self._open_again()
        try:
            return read()
        except self._failures:
            if not self._session.lost:
                raise
            self._open_again()
            return read()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """As `PeopleStore.alone`, among all processes: the lock belongs to a session of its own and goes with it.

        Raises:
            StateError: the database can't be reached.
        """
        with self._alone:
            if self._alone_deep == 0:
                self._take()
            self._alone_deep += 1
            try:
                yield
            finally:
                self._alone_deep -= 1
                if self._alone_deep == 0 and self._guard is not None:
                    with suppress(*self._failures):  # a session that was lost has no lock any more
                        self._guard.execute("SELECT pg_advisory_unlock_all()")

    def _take(self) -> None:
        try:
            if self._guard is None or self._guard.lost:
                self._guard = Session(self._address, "acts")
            self._guard.execute("SELECT pg_advisory_lock(?)", (lock_key(f"acts {self._session.schema}"),))
        except self._failures as error:
            raise StateError(f"not written: {words_of(error)}.", where=self.where, code="store") from None
