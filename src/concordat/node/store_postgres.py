"""A node's logs in PostgreSQL: the tables and statements of `store`, one transaction a commit, one writer.

A commit that returned was flushed by the server (`synchronous_commit=on`). The writer's session holds the advisory lock
of the log's origin, so no other process writes, and a session that was lost can't commit any more. After a failure the
store refuses to write, as the SQLite one does: whether the last commit arrived is then for the database to say, and the
node reads it again when it starts. Source: node-web.md 2.5, ledger.md 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from concordat.errors import StateError
from concordat.node.postgres import Session, words_of
from concordat.node.published import Tiles
from concordat.node.store import SCHEMA, Store

T = TypeVar("T")
_TEXT = 'text COLLATE "C" NOT NULL'
TABLES = (
    f"CREATE TABLE meta (key {_TEXT} PRIMARY KEY, value {_TEXT})",
    f"""CREATE TABLE entry (origin {_TEXT}, idx bigint NOT NULL, leaf bytea NOT NULL, bytes bytea NOT NULL,
        PRIMARY KEY (origin, idx))""",
    f"""CREATE TABLE tile (origin {_TEXT}, level integer NOT NULL, n bigint NOT NULL, bytes bytea NOT NULL,
        PRIMARY KEY (origin, level, n))""",
    f"CREATE TABLE head (origin {_TEXT} PRIMARY KEY, size bigint NOT NULL, note {_TEXT})",
    f"CREATE TABLE note (digest {_TEXT} PRIMARY KEY, text {_TEXT})",
    f"CREATE TABLE paper (kind {_TEXT}, key {_TEXT}, bytes bytea NOT NULL, PRIMARY KEY (kind, key))",
    f"CREATE TABLE blob (hash {_TEXT} PRIMARY KEY, salt bytea, bytes bytea NOT NULL)",
    f"""CREATE TABLE outbox (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind {_TEXT}, body bytea NOT NULL,
        asker integer NOT NULL, state {_TEXT}, result bytea)""",
    f"CREATE TABLE pulse (key {_TEXT} PRIMARY KEY, at double precision NOT NULL, facts {_TEXT})",
    "ALTER TABLE tile ALTER COLUMN bytes SET STORAGE EXTERNAL",  # hashes don't compress
)
OWN = ("outbox", "pulse")  # tables of the running processes: nothing in them outlives a backup
MOVED = "moved"


class PostgresStore(Store):
    """The store in a schema of a PostgreSQL database.

    Args:
        address: `postgresql://...`. create: whether the tables may be made. readonly: takes no lock and writes nothing.
        origin: of the member's own log; who writes holds its lock. wait_s: how long to wait for that lock.

    Raises:
        MethodError: without the extra [postgres]. StateError: no server or no tables there, another writer (named), a
            server on which nothing is durable, tables of another version.
    """

    _begin = "BEGIN"
    _hint = "See that the server runs; the node goes on by itself once it answers."

    def __init__(
        self, address: str, *, create: bool = False, readonly: bool = False, origin: str = "", wait_s: float = 0.0
    ) -> None:
        assert readonly or origin, "who writes holds the lock of an origin"
        self.address, self.readonly, self.broken = address, readonly, ""
        self._edges = {}
        self._db = Session(address, "reader" if readonly else "writer")
        self.where, self.failures = self._db.where, self._db.failures
        self.path = Path("log.db")  # the name that a copy of it has in a backup
        try:
            if not readonly:
                self._db.lock(origin, wait_s)
            self._prepare(create, readonly)
        except self.failures as error:
            self.close()
            raise StateError(f"the database failed: {words_of(error)}.", where=self.where, code="store") from None
        except BaseException:
            self.close()
            raise

    @classmethod
    def over(cls, session: Session) -> PostgresStore:
        """A store to read from, over a session that is open already."""
        found = cls.__new__(cls)
        found.address, found.readonly, found.broken, found._edges = "", True, "", {}
        found._db, found.where, found.failures = session, session.where, session.failures
        found.path = Path("log.db")
        return found

    def _prepare(self, create: bool, readonly: bool) -> None:
        if "meta" not in self._db.tables():
            if not create:
                hint = "Make a node first: concordat node init; or bring one: concordat node move-store"
                raise StateError("there is no node here.", where=self.where, hint=hint, code="no_node")
            with self.commit():
                for statement in TABLES:
                    self._db.execute(statement)
                self._db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
        found = dict(self._db.execute("SELECT key, value FROM meta"))
        if MOVED in found and not create:
            what = f"this store was moved to {found[MOVED]}."
            hint = "Set database to that; or move it here again: concordat node move-store"
            raise StateError(what, where=self.where, hint=hint, code="moved")
        self._require_known(found.get("schema", "0"), readonly)

    def checkpoint(self) -> None:
        """Nothing to do: the server looks after its own log."""

    def freeze(self) -> None:
        """Everything read from here on is of one moment."""
        self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        self.freeze()
        try:
            yield
        finally:
            self._undo()

    def _undo(self) -> None:
        with suppress(*self.failures):  # on a lost connection the server has done it
            super()._undo()

    def append(self, origin: str, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """As `Store.append`."""
        assert not self.readonly
        return super().append(origin, entries)

    def entries(self, origin: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """As `Store.entries`, fetched in lots: a long log doesn't fit into one answer."""
        query = "SELECT bytes FROM entry WHERE origin = ? AND idx >= ? AND idx < ? ORDER BY idx"
        while stop is None or start < stop:
            rows = self._db.execute(query, (origin, start, min(start + _LOT, 2**62 if stop is None else stop)))
            found = [bytes(data) for (data,) in rows]
            yield from found
            if len(found) < _LOT:
                return
            start += _LOT

    def check(self) -> None:
        """PostgreSQL checks pages when it reads them, where the cluster has checksums; every row is read once.

        Raises:
            StateError: a page is damaged.
        """
        try:
            for table in ("entry", "tile", "head", "note", "paper", "blob"):
                self._db.execute(f"SELECT count(*) FROM {table} AS t WHERE t IS NOT NULL").fetchone()
        except self.failures as error:
            raise StateError(f"the store is damaged: {words_of(error)}.", where=self.where, code="damaged") from None


_LOT = 8_192


class PostgresTiles(Tiles):
    """The tiles of a store in PostgreSQL, read beside its writer by connections of their own.

    Args:
        address: of the store.
    """

    def __init__(self, address: str) -> None:
        super().__init__(Path("log.db"))
        self._address = address

    def _db(self) -> Any:
        db = getattr(self._local, "db", None)
        if db is not None and not db.lost:
            return db
        with self._guard:
            if db in self._open:
                self._open.remove(db)
        fresh = Session(self._address, "tiles")
        self._local.db = fresh
        with self._guard:
            self._open.append(fresh)
        return fresh

    def heads(self) -> dict[str, str]:
        """The heads that stand in the database.

        Raises:
            StateError: it can't be reached.
        """
        return self._safely(lambda: super(PostgresTiles, self).heads())

    def _tile(self, origin: str, level: int, index: int, width: int) -> bytes | None:
        return self._safely(lambda: super(PostgresTiles, self)._tile(origin, level, index, width))

    def _bundle(self, origin: str, index: int, width: int) -> bytes | None:
        return self._safely(lambda: super(PostgresTiles, self)._bundle(origin, index, width))

    def _safely(self, read: Callable[[], T]) -> T:
        import psycopg

        try:
            return read()
        except psycopg.Error as error:
            raise StateError(f"can't be read: {words_of(error)}.", where="postgresql", code="store") from None


class PostgresLeaves(PostgresTiles):
    """The leaves of a store in PostgreSQL over one session that all threads share: a server has few to give."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._local = SimpleNamespace()

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """As `Beside.leaves`.

        Raises:
            StateError: the database can't be reached.
        """
        return self._safely(lambda: super(PostgresLeaves, self).leaves(origin, start, stop))

    def close(self) -> None:
        """Close the session; a copy of a log that is still read opens another."""
        super().close()
        self._local = SimpleNamespace()
