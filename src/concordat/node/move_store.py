"""How a node's stores are carried between SQLite files and PostgreSQL, row by row, and checked on both sides.

`move` copies log and people into a place that is empty, in one transaction; then every table is read on both sides and
must have the same rows (count and SHA-256 over all rows in the order of their keys), and the copied log must stand
under its signed heads. Only then the place that was left is marked as moved, so that it is never signed on again. A
move that was interrupted goes on where it stopped: a copy that is there and equal is taken as it is. `taken_out` writes
the same copy as files for a backup, of one moment, while the node runs. Source: node-web.md 2.5 and 2.3.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat.errors import InputError, StateError, TrustError
from concordat.node import people_store, store
from concordat.node.hashed_files import sync_folder
from concordat.node.identity import locked, read_identity
from concordat.node.onlooker import chain_of, check_heads
from concordat.node.people_store import PeopleStore
from concordat.node.postgres import Session, is_postgres, words_of
from concordat.node.store import Store
from concordat.node.store_kinds import StoreKind, present
from concordat.node.stores import SQLITE

LOT = 2_000
OUTGOING = "outgoing"  # in the node's folder: what a backup is made from
MOVED = "moved"
# The columns of each table in the order of its key first: rows are read, compared and written in that order.
LOG = {"meta": 1, "entry": 2, "tile": 3, "head": 1, "note": 1, "paper": 2, "blob": 1}
PEOPLE = {
    "meta": 1, "account": 1, "link": 1, "session": 1, "passkey": 1, "spent": 1, "guess": 2, "act": 1, "opinion": 3,
    "opinion_batch": 1, "audit": 1, "job": 1,
}  # fmt: skip
_BATCHED = {"entry", "tile", "paper", "blob"}


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did: where to, and how many rows of each table stand there now."""

    to: str
    rows: Mapping[str, int]
    entries: int


@dataclass(frozen=True, slots=True)
class _Side:
    """The tables of a store on one side."""

    db: Any
    tables: Mapping[str, int]
    meta: str = "meta"

    def name(self, table: str) -> str:
        return self.meta if table == "meta" else table

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """All rows in the order of the key; the mark of a move is none of them."""
        names = [column[0] for column in self.db.execute(f"SELECT * FROM {self.name(table)} LIMIT 0").description]
        keys = names[: self.tables[table]]
        order, marks = ", ".join(keys), ", ".join("?" * len(keys))
        after: tuple[Any, ...] = ()
        while True:
            where = f" WHERE ({order}) > ({marks})" if after else ""
            query = f"SELECT * FROM {self.name(table)}{where} ORDER BY {order} LIMIT {LOT}"
            found = self.db.execute(query, after).fetchall()
            for row in found:
                if table != "meta" or row[0] != MOVED:
                    yield tuple(_plain(value) for value in row)
            if len(found) < LOT:
                return
            after = tuple(found[-1][: len(keys)])

    def put(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        self.db.executemany(f"INSERT INTO {self.name(table)} VALUES ({marks})", rows)

    def digest(self, table: str) -> tuple[int, str]:
        """(rows, SHA-256 over them)."""
        count, digest = 0, sha256()
        for row in self.rows(table):
            count += 1
            digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return count, digest.hexdigest()


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, (memoryview, bytearray)) else value


def move(home: Path, origin: str, target: str, address: str) -> Moved:
    """Carry a node's stores over; the node is stopped meanwhile.

    Args:
        home: the node's folder. origin, target: `sqlite` and `postgresql`, or the other way round.
        address: of PostgreSQL.

    Raises:
        InputError: not such a pair. StateError: the node runs; nothing there to move; the target holds another node's
            stores, or newer ones. TrustError: what arrived is not what was sent; nothing was switched.
    """
    if {origin, target} != {SQLITE, "postgresql"}:
        hint = "Write: concordat node move-store sqlite postgresql, or the other way round."
        raise InputError("a move goes between sqlite and postgresql.", where="move-store", hint=hint, code="choice")
    if not is_postgres(address):
        hint = "Give --database postgresql://..., or set it in CONCORDAT_NODE_DATABASE."
        raise InputError("which database?", where="--database", hint=hint, code="database")
    identity = read_identity(home)
    lock = locked(home)
    try:
        session = Session(address, "move")
        try:
            session.lock(identity.name("log"))
            return _into_postgres(home, session) if target == "postgresql" else _into_files(home, session)
        except session.failures as error:
            raise StateError(f"the database failed: {words_of(error)}.", where=session.where, code="store") from None
        finally:
            session.close()
    finally:
        os.close(lock)


def _into_postgres(home: Path, session: Session) -> Moved:
    files = {kind.name: path for kind, path in present(home) if kind.name in ("log", "people")}
    with _from_files(files) as sources:
        there = _in_postgres(session)
        if there and not _same(sources, there):
            if not _was_left(session):
                what = "there are stores of a node already, and they are others."
                raise StateError(what, where=session.where, hint="Choose an empty schema.", code="not_empty")
            there = {}
        if not there:
            _fill_postgres(session, sources)
        rows = _require_same(sources, _in_postgres(session))
    _require_heads(home, session.where, session)
    _unmark(session)
    for path in files.values():
        path.rename(path.with_name(f"{path.name}.moved"))
        for beside in (f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(beside).unlink(missing_ok=True)
    sync_folder(home)
    return Moved(session.where, rows, rows["entry"])


def _into_files(home: Path, session: Session) -> Moved:
    left = [home / name for name in ("log.db", "people.db") if (home / name).exists()]
    fresh = home / "incoming"
    shutil.rmtree(fresh, ignore_errors=True)
    if not left:
        if not _in_postgres(session) or _was_left(session):
            hint = "See where the settings say that they are."
            raise StateError("no node's stores are there.", where=session.where, hint=hint, code="no_node")
        fresh.mkdir(mode=0o700)
        _write_files(session, fresh)
    place = fresh if not left else home
    files = {name: place / f"{name}.db" for name in ("log", "people") if (place / f"{name}.db").exists()}
    with _from_files(files) as copies:
        rows = _require_same(_in_postgres(session), copies)
    _require_files(home, files["log"])
    for path in [] if left else files.values():
        path.rename(home / path.name)
        sync_folder(home)
    shutil.rmtree(fresh, ignore_errors=True)
    _mark(session, f"{home.name}/log.db")
    for name in ("log.db", "people.db"):
        (home / f"{name}.moved").unlink(missing_ok=True)  # of an earlier move: older than what stands here now
    return Moved(str(home), rows, rows["entry"])


def require_empty(address: str) -> None:
    """There is room for a node's stores in PostgreSQL: none stand there but such as were moved away.

    Raises:
        StateError: there are some, or no connection.
    """
    session = Session(address, "look")
    try:
        if _in_postgres(session) and not _was_left(session):
            what = "there are stores of a node already, and nothing there is overwritten."
            hint = "Choose an empty schema, or drop this one if you mean it."
            raise StateError(what, where=session.where, hint=hint, code="not_empty")
    finally:
        session.close()


@contextmanager
def taken_out(home: Path, database: str) -> Iterator[list[tuple[StoreKind, Path]]]:
    """The stores of a node as files to be copied: its own, or, from PostgreSQL, copies of one moment.

    Raises:
        StateError: they can't be read, or the disk refuses.
    """
    if not is_postgres(database):
        yield present(home)
        return
    room = home / OUTGOING
    shutil.rmtree(room, ignore_errors=True)
    session = Session(database, "backup")
    try:
        room.mkdir(mode=0o700)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _write_files(session, room)
        session.execute("ROLLBACK")
        engine = [(kind, path) for kind, path in present(home, needed=False) if kind.name == "engine"]
        yield [*present(room), *engine]
    except session.failures as error:
        raise StateError(f"the database failed: {words_of(error)}.", where=session.where, code="store") from None
    finally:
        session.close()
        shutil.rmtree(room, ignore_errors=True)


# --- Copying ----------------------------------------------------------------------------------------------------------


@contextmanager
def _from_files(files: Mapping[str, Path]) -> Iterator[dict[str, _Side]]:
    """The stores in files, read only."""
    sides: dict[str, _Side] = {}
    opened = []
    try:
        for name, path in files.items():
            db = sqlite3.connect(path, isolation_level=None, timeout=10)
            opened.append(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            sides[name] = _Side(db, LOG if name == "log" else PEOPLE)
            _require_version(sides[name], str(path))
        yield sides
    finally:
        for db in opened:
            db.close()


def _in_postgres(session: Session) -> dict[str, _Side]:
    """The stores in PostgreSQL, as far as they are there."""
    from concordat.node.people_postgres import META

    tables, sides = session.tables(), {}
    if "meta" in tables:
        sides["log"] = _Side(session, LOG)
    if META in tables:
        sides["people"] = _Side(session, PEOPLE, META)
    for side in sides.values():
        _require_version(side, session.where)
    return sides


def _require_version(side: _Side, where: str) -> None:
    wanted = store.SCHEMA if side.tables is LOG else people_store.SCHEMA
    row = side.db.execute(f"SELECT value FROM {side.meta} WHERE key = 'schema'").fetchone()
    if row is None or int(row[0]) != wanted:
        what = f"a store of version {row[0] if row else 'unknown'}; this program moves version {wanted}."
        raise StateError(what, where=where, hint="Run: concordat node upgrade DIR, before it is moved.", code="older")


def _fill_postgres(session: Session, sources: Mapping[str, _Side]) -> None:
    """Make the tables and put every row in, in one transaction."""
    from concordat.node.people_postgres import META, NAMES, translated
    from concordat.node.store_postgres import TABLES

    session.execute("BEGIN")
    try:
        for name in ("outbox", "pulse", META, *LOG, *(name for name in NAMES if name != "meta")):
            session.execute(f"DROP TABLE IF EXISTS {name}")
        for statement in TABLES:
            session.execute(statement)
        if "people" in sources:
            for statement in people_store.TABLES:
                session.execute(translated(statement))
        metas = {"log": "meta", "people": META}
        for name, source in sources.items():
            _copy(source, _Side(session, source.tables, metas[name]))
        session.execute("COMMIT")
    except BaseException:
        if session.in_transaction:
            session.execute("ROLLBACK")
        raise


def _write_files(session: Session, folder: Path) -> None:
    """Both stores as SQLite files in a folder."""
    for name, source in _in_postgres(session).items():
        path = folder / f"{name}.db"
        if name == "log":
            Store(path, create=True).close()
            path.chmod(0o600)
        else:
            PeopleStore(path, create=True).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            try:
                db.execute("PRAGMA synchronous=FULL")
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM meta")
                _copy(source, _Side(db, source.tables))
                db.execute("COMMIT")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise StateError(f"not written: {error}.", where=str(path), code="not_written") from None


def _copy(source: _Side, target: _Side) -> None:
    for table in source.tables:
        lot: list[tuple[Any, ...]] = []
        most = LOT // 20 if table in _BATCHED else LOT
        for row in source.rows(table):
            lot.append(row)
            if len(lot) >= most:
                target.put(table, lot)
                lot = []
        if lot:
            target.put(table, lot)


# --- Checking ---------------------------------------------------------------------------------------------------------


def _same(one: Mapping[str, _Side], other: Mapping[str, _Side]) -> bool:
    return one.keys() == other.keys() and all(
        side.digest(table) == other[name].digest(table) for name, side in one.items() for table in side.tables
    )


def _require_same(source: Mapping[str, _Side], target: Mapping[str, _Side]) -> dict[str, int]:
    """Both sides have the same rows in each table; how many.

    Raises:
        TrustError: the first table that differs.
    """
    rows: dict[str, int] = {}
    for name, side in source.items():
        for table in side.tables:
            sent = side.digest(table)
            came = target[name].digest(table) if name in target else (0, "")
            if sent != came:
                what = (
                    f"{sent[0]:,} rows were sent and {came[0]:,} are there, or they are others. Nothing was switched."
                )
                raise TrustError(what, where=f"{name} {table}", hint="Try again; look at the disk.", code="counts")
            rows[f"{name}.meta" if table == "meta" else table] = sent[0]
    return rows


def _require_heads(home: Path, where: str, session: Session) -> None:
    """The log in PostgreSQL stands under its signed heads (the rows have been committed)."""
    from concordat.node.store_postgres import PostgresStore

    log = PostgresStore.over(session)
    try:
        check_heads(log, chain_of(home, log))
    except TrustError as error:
        error.where = f"{where}, {error.where}"
        raise


def _require_files(home: Path, path: Path) -> None:
    log = Store(path, readonly=True)
    try:
        check_heads(log, chain_of(home, log))
    finally:
        log.close()


def _was_left(session: Session) -> bool:
    return session.one("SELECT value FROM meta WHERE key = ?", (MOVED,)) is not None


def _unmark(session: Session) -> None:
    for side in _in_postgres(session).values():
        session.execute(f"DELETE FROM {side.meta} WHERE key = ?", (MOVED,))


def _mark(session: Session, where: str) -> None:
    for side in _in_postgres(session).values():
        session.execute(
            f"INSERT INTO {side.meta} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (MOVED, where),
        )
