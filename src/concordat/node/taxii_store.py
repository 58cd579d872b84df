"""Collections of incident objects in the node's `exchange.sqlite`: what TAXII requests read and write.

    store = TaxiiStore(home / "exchange.sqlite", now=microseconds)
    with store.change():
        store.add(collection, owner, recipients, new)

Rows are paged by key, never by offset, and the rows that a reader may not have cost it nothing: whether it may is
asked once of each kind of rows (label, sender, recipients), and only kinds that it may have are looked into, each by an
index in the order of addition. The label of a row stands beside it and is computed anew (`taxii_labels`), in the same
transaction, for every row that what was added or withdrawn can reach.

Times of addition of one request are drawn at random from a tenth of a second that no other request gets, so what is
hidden between two can't be counted. Withdrawn rows keep id, version and times; their bytes are overwritten
(`secure_delete`). WAL with `synchronous=FULL`: what was acknowledged is on the disk. Source: exchange.md, 8.2 and 8.3.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from concordat.errors import InputError, StateError
from concordat.exchange.incidents._taxii_model import Collection as Kept
from concordat.exchange.incidents._taxii_model import New, Row, nanoseconds, time_text
from concordat.exchange.incidents.tlp import FIXED, Shared, Tlp, marks_of, takes_from
from concordat.node.exchange_store import META
from concordat.node.shared_flush import require_whole
from concordat.node.taxii_labels import May, TaxiiLabels, named, parts

WAIT_S = 30.0  # for another process that holds the file
PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON")
NEVER = 2**62  # microseconds: later than any time of addition
WINDOW = 100_000  # microseconds: the tenth of a second from which times of addition are drawn
TABLES = (
    """CREATE TABLE IF NOT EXISTS taxii_collection (id TEXT PRIMARY KEY, root TEXT NOT NULL, title TEXT NOT NULL,
       topic TEXT NOT NULL, ceiling INTEGER NOT NULL, writers TEXT NOT NULL, subscribers TEXT NOT NULL,
       ahead INTEGER NOT NULL, UNIQUE (root, topic, ceiling))""",
    """CREATE TABLE IF NOT EXISTS taxii_object (collection TEXT NOT NULL, added INTEGER NOT NULL, id TEXT NOT NULL,
       type TEXT NOT NULL, version TEXT NOT NULL, version_ns INTEGER NOT NULL, own INTEGER NOT NULL,
       label INTEGER NOT NULL, owner TEXT NOT NULL, recipients TEXT NOT NULL, body BLOB, withdrawn INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS taxii_object_order ON taxii_object (collection, added)",
    "CREATE INDEX IF NOT EXISTS taxii_object_id ON taxii_object (id, collection)",
    "DROP INDEX IF EXISTS taxii_object_reader",  # of stores made before 0.1.0
    """CREATE INDEX IF NOT EXISTS taxii_object_kind
       ON taxii_object (collection, withdrawn, label, owner, recipients, added, type)""",
    """CREATE TABLE IF NOT EXISTS taxii_ref (target TEXT NOT NULL, collection TEXT NOT NULL, added INTEGER NOT NULL,
       marks INTEGER NOT NULL, PRIMARY KEY (target, collection, added, marks)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS taxii_ref_source ON taxii_ref (collection, added)",
    """CREATE TABLE IF NOT EXISTS taxii_status (root TEXT NOT NULL, number TEXT NOT NULL, owner TEXT NOT NULL,
       body BLOB NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (root, number))""",
    """CREATE TABLE IF NOT EXISTS taxii_account (name TEXT PRIMARY KEY, member TEXT NOT NULL, label TEXT NOT NULL,
       organisation TEXT NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL, made INTEGER NOT NULL,
       ended INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS taxii_pending (document TEXT PRIMARY KEY, collection TEXT NOT NULL,
       recipients TEXT NOT NULL, objects BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS taxii_fetched (member TEXT NOT NULL, collection TEXT NOT NULL, after TEXT NOT NULL,
       PRIMARY KEY (member, collection)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS taxii_unread (member TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
       added INTEGER NOT NULL, PRIMARY KEY (member, collection, id, added)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS taxii_used (member TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL,
       PRIMARY KEY (member, jti)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS taxii_used_until ON taxii_used (until)",
)
_FACTS = "added, id, version, version_ns, label, owner, recipients"
_LABELS = tuple(Tlp)  # by number; a thousand rows are read at once
Kind = tuple[Any, ...]  # collection, label, sender, recipients: as the columns hold them


class TaxiiStore:
    """The tables, opened.

    Args:
        path: the file, made if it is missing. now: microseconds since 1970. draw: so many different whole numbers
            below a bound, in any order.

    Raises:
        StateError: it can't be opened.
    """

    def __init__(
        self, path: Path, now: Callable[[], int], draw: Callable[[int, int], Iterable[int]] | None = None
    ) -> None:
        self._path, self._now = path, now
        self._draw = draw or (lambda count, bound: secrets.SystemRandom().sample(range(bound), count))
        self._lock = threading.RLock()
        self._changing: int | None = None
        self._idle: list[sqlite3.Connection] = []
        with self._guarded("can't be opened", OSError):
            if not path.exists():
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            if os.name == "posix" and path.stat().st_mode & 0o077:
                path.chmod(0o600)  # it may have been made with the tables of another part
        self._db = self._open(*META, *TABLES)
        self._labels = TaxiiLabels(self._db)

    def _open(self, *tables: str) -> sqlite3.Connection:
        with self._guarded("can't be opened"):
            db = sqlite3.connect(self._path, isolation_level=None, timeout=WAIT_S, check_same_thread=False)
            try:
                for statement in (*PRAGMAS, *tables):
                    db.execute(statement)
            except BaseException:
                db.close()
                raise
        return db

    @contextmanager
    def _guarded(self, what: str, *more: type[Exception]) -> Iterator[None]:
        """Faults of the file in our words.

        Raises:
            StateError: it is locked by another process, full, damaged or not to be had.
        """
        faults: tuple[type[Exception], ...] = (sqlite3.Error, *more)
        try:
            yield
        except faults as error:
            hint = "Is another process at it? Try again." if "locked" in str(error) else ""
            raise StateError(f"{what}: {error}.", where=str(self._path), hint=hint, code="store") from None

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows as of now."""
        with self._reading() as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One view for several statements: in a change that of its own connection, else that of whole changes alone.

        Readers share connections that nobody else has in hand: threads of a server come and go.
        """
        if self._changing == threading.get_ident():
            yield self._db
            return
        try:
            db = self._idle.pop()
        except IndexError:
            db = self._open()
        try:
            with self._guarded("can't be read"):
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    db.execute("ROLLBACK")  # nothing was changed
        finally:
            self._idle.append(db)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for db in (self._db, *self._idle):
                db.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of it, or nothing; the others wait.

        Raises:
            StateError: the disk refuses, or another process holds the file for longer than half a minute.
        """
        with self._lock, self._guarded("not written"):
            if self._changing is not None:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._changing = threading.get_ident()
            try:
                yield
                require_whole(self._path)  # of the one log that all who write this file share
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._changing = None

    # --- Collections --------------------------------------------------------------------------------------------------

    def collections(self, root: str = "") -> list[Kept]:
        """All collections, or those of a root, by topic and label."""
        where, values = ("WHERE root = ?", (root,)) if root else ("", ())
        columns = "id, root, title, topic, ceiling, writers, subscribers"
        sql = f"SELECT {columns} FROM taxii_collection {where} ORDER BY root, topic, ceiling"
        rows = self._rows(sql, values)
        return [
            Kept(i, r, title, topic, Tlp(ceiling), frozenset(json.loads(writers)), json.loads(subscribers))
            for i, r, title, topic, ceiling, writers, subscribers in rows
        ]

    def make_collection(self, root: str, topic: str, ceiling: Tlp, title: str, writers: Iterable[str]) -> Kept:
        """A collection of a topic and label: made, or that which is there with these writers added."""
        with self.change():
            known = next((c for c in self.collections(root) if (c.topic, c.ceiling) == (topic, ceiling)), None)
            if known is None:
                row = (str(uuid.uuid4()), root, title, topic, int(ceiling), _packed(writers), "{}", 0)
                self._db.execute("INSERT INTO taxii_collection VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            else:
                both = _packed({*known.writers, *writers})
                self._db.execute("UPDATE taxii_collection SET writers = ? WHERE id = ?", (both, known.id))
            return next(c for c in self.collections(root) if (c.topic, c.ceiling) == (topic, ceiling))

    def subscribe(self, collection: str, member: str, need: str) -> None:
        """Note a member's need; an empty one ends the subscription.

        Raises:
            InputError: no such collection.
        """
        with self.change():
            found = next((c for c in self.collections() if c.id == collection), None)
            if found is None:
                raise InputError("no such collection.", where=collection[:60], code="unknown_id")
            needs = {m: n for m, n in {**found.subscribers, member: need.strip()}.items() if n}
            text = json.dumps(needs, sort_keys=True, ensure_ascii=False)
            self._db.execute("UPDATE taxii_collection SET subscribers = ? WHERE id = ?", (text, collection))

    # --- Reading ------------------------------------------------------------------------------------------------------

    def page(
        self, collection: str, after: int, ids: Collection[str], types: Collection[str], most: int,
        may: Callable[[Shared], bool] | None = None,
    ) -> list[Row]:  # fmt: skip
        """Rows added later than `after`, with their bodies; of kinds that `may` allows, if it is given."""
        with self._reading() as db:
            if ids:
                times = _times_of_ids(db, collection, after, ids, types, may)
            else:
                times = [one for kind in _kinds(db, collection, may) for one in _times(db, kind, after, types, most)]
            found: list[Row] = []
            for part, marks in parts(sorted(times)[:most]):
                where = f"WHERE collection = ? AND added IN ({marks}) ORDER BY added"
                columns = f"{_FACTS}, body"
                found += [
                    _row(r) for r in db.execute(f"SELECT {columns} FROM taxii_object {where}", (collection, *part))
                ]
        return found

    def versions(self, collection: str, ids: Collection[str]) -> list[Row]:
        """All rows of some ids, without bodies."""
        with self._reading() as db:
            found: list[Row] = []
            for part, marks in parts(ids):
                # Named, since SQLite would rather walk the whole collection: it knows of no table how many rows it has.
                sql = f"""SELECT {_FACTS} FROM taxii_object INDEXED BY taxii_object_id
                          WHERE id IN ({marks}) AND collection = ? AND withdrawn = 0"""
                found += [_row((*row, b"")) for row in db.execute(sql, (*part, collection))]
        return sorted(found, key=lambda row: row.added)

    def facts(self, collection: str) -> list[Row]:
        """All rows of a collection, without bodies."""
        sql = f"SELECT {_FACTS} FROM taxii_object WHERE collection = ? AND withdrawn = 0 ORDER BY added"
        return [_row((*row, b"")) for row in self._rows(sql, (collection,))]

    def aside(self, collection: str) -> list[Row]:
        """The rows that were set aside, with their bodies."""
        where = "collection = ? AND withdrawn > 0 AND body IS NOT NULL"
        sql = f"SELECT {_FACTS}, body FROM taxii_object WHERE {where} ORDER BY added"
        return [_row(row) for row in self._rows(sql, (collection,))]

    def held_for(self, collection: str) -> list[Shared]:
        """Label, sender and recipients of what lies in a collection, each kind once."""
        with self._reading() as db:
            return [_shared(*kind[1:]) for kind in _kinds(db, collection, None)]

    def status(self, root: str, number: str, owner: str) -> bytes | None:
        """The status of a request, for who sent it."""
        sql = "SELECT body FROM taxii_status WHERE root = ? AND number = ? AND owner = ?"
        found = self._rows(sql, (root, number, owner))
        return bytes(found[0][0]) if found and owner else None

    # --- Writing ------------------------------------------------------------------------------------------------------

    def add(self, collection: str, owner: str, recipients: frozenset[str], new: Sequence[New]) -> list[Row]:
        """Store objects, grade them and all that refers to them; the rows, in the order given."""
        times, named_ = self._times(collection, len(new)), _packed(recipients)
        rows, refs = [], []
        for one, added in zip(new, times, strict=True):
            version, own = one.version or time_text(added), int(self._labels.own(one.stix, owner))
            body = json.dumps(one.stix, ensure_ascii=False, separators=(",", ":")).encode()
            kind = one.id.partition("--")[0]
            rows.append(
                (collection, added, one.id, kind, version, nanoseconds(version), own, own, owner, named_, body)
            )  # fmt: skip
            marks = (ref for ref in marks_of(one.stix)[0] if ref not in FIXED)  # those mean the same for ever
            both = {(ref, 0) for ref in takes_from(one.stix)} | {(ref, 1) for ref in marks}
            refs += [(target, collection, added, marked) for target, marked in sorted(both)]
        self._db.executemany("INSERT INTO taxii_object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", rows)
        self._db.executemany("INSERT INTO taxii_ref VALUES (?, ?, ?, ?)", refs)
        self._labels.grade({one.id for one in new})
        by_time = {row.added: row for row in self.versions(collection, {one.id for one in new})}
        return [by_time[added] for added in times]

    def _times(self, collection: str, count: int) -> list[int]:
        """Times of addition, ascending, that nothing else in the collection has or will have."""
        row = self._db.execute("SELECT ahead FROM taxii_collection WHERE id = ?", (collection,)).fetchone()
        if row is None:
            raise StateError("no such collection.", where=collection[:60], code="unknown_id")
        start, window = max(int(row[0]), self._now()), max(WINDOW, 4 * count)
        self._db.execute("UPDATE taxii_collection SET ahead = ? WHERE id = ?", (start + window, collection))
        return [start + step for step in sorted(self._draw(count, window))]

    def name_more(self, collection: str, added: int, recipients: frozenset[str]) -> None:
        """Put these recipients in the place of a row's own."""
        sql = "UPDATE taxii_object SET recipients = ? WHERE collection = ? AND added = ?"
        self._db.execute(sql, (_packed(recipients), collection, added))

    def drop(self, collection: str, added: Collection[int]) -> None:
        """Take rows out again that this change put in."""
        self._leave(collection, added, "DELETE FROM taxii_object WHERE collection = ? AND added = ?", ())

    def withdraw(self, collection: str, added: Collection[int], now: int) -> None:
        """Leave tombstones."""
        sql = "UPDATE taxii_object SET withdrawn = ?, body = NULL, recipients = '[]' WHERE collection = ? AND added = ?"
        self._leave(collection, added, sql, (now,))

    def set_aside(self, collection: str, added: Collection[int], now: int) -> None:
        """Take copies out of everybody's sight that their sender gives no more; their bytes stay."""
        sql = "UPDATE taxii_object SET withdrawn = ? WHERE collection = ? AND added = ?"
        self._leave(collection, added, sql, (now,))

    def end_aside(self, collection: str, ids: Collection[str]) -> None:
        """Forget what was set aside of ids and versions that are here again."""
        for part, marks in parts(set(ids)):
            sql = f"""DELETE FROM taxii_object AS a WHERE id IN ({marks}) AND collection = ? AND withdrawn > 0
                      AND body IS NOT NULL AND EXISTS (
                        SELECT 1 FROM taxii_object o WHERE o.id = a.id AND o.collection = a.collection
                        AND o.withdrawn = 0 AND (o.version = a.version OR o.body = a.body))"""
            self._db.execute(sql, (*part, collection))

    def _leave(self, collection: str, added: Collection[int], sql: str, head: tuple[int, ...]) -> None:
        ids = set()
        for one in sorted(added):
            row = self._db.execute(
                "SELECT id FROM taxii_object WHERE collection = ? AND added = ?", (collection, one)
            ).fetchone()
            ids.add(row[0])
            self._db.execute(sql, (*head, collection, one))
            self._db.execute("DELETE FROM taxii_ref WHERE collection = ? AND added = ?", (collection, one))
        self._labels.grade(ids)

    def seen_labels(self, collection: str, added: Iterable[int], may: May) -> list[Tlp]:
        """What rows would be labelled if only what `may` says of a collection and a kind of rows were there."""
        return self._labels.seen_labels(collection, added, may)

    def put_status(self, root: str, number: str, owner: str, body: bytes, now: int) -> None:
        """Keep what a request came to."""
        self._db.execute("INSERT INTO taxii_status VALUES (?, ?, ?, ?, ?)", (root, number, owner, body, now))

    # --- What waits for its entry -------------------------------------------------------------------------------------

    def put_pending(self, document: str, collection: str, recipients: frozenset[str], new: Sequence[New]) -> None:
        """Keep objects that nobody can read yet, under the hash of the document that their entry will name."""
        body = json.dumps([one.stix for one in new], ensure_ascii=False, separators=(",", ":")).encode()
        with self.change():
            row = (document, collection, _packed(recipients), body)
            self._db.execute("INSERT OR REPLACE INTO taxii_pending VALUES (?, ?, ?, ?)", row)

    def pending(self) -> list[tuple[str, str, frozenset[str], list[New]]]:
        """Document, collection, recipients and objects of what waits."""
        rows = self._rows("SELECT document, collection, recipients, objects FROM taxii_pending ORDER BY document")
        return [
            (document, collection, named(recipients), [New.of(stix) for stix in json.loads(body)])
            for document, collection, recipients, body in rows
        ]

    def end_pending(self, document: str) -> None:
        """It waits no more."""
        with self.change():
            self._db.execute("DELETE FROM taxii_pending WHERE document = ?", (document,))

    # --- What was fetched elsewhere -----------------------------------------------------------------------------------

    def fetched(self, member: str, collection: str) -> str:
        """Up to which time of addition a collection of another member's node was read; empty: not at all."""
        found = self._rows("SELECT after FROM taxii_fetched WHERE member = ? AND collection = ?", (member, collection))
        return str(found[0][0]) if found else ""

    def put_fetched(self, member: str, collection: str, after: str) -> None:
        """It was read up to there."""
        with self.change():
            self._db.execute("INSERT OR REPLACE INTO taxii_fetched VALUES (?, ?, ?)", (member, collection, after))

    def unread(self, member: str, collection: str) -> set[tuple[str, int]]:
        """Id and time of addition (nanoseconds) of what a collection of another member's node gave and is no STIX."""
        sql = "SELECT id, added FROM taxii_unread WHERE member = ? AND collection = ?"
        return {(str(name), int(added)) for name, added in self._rows(sql, (member, collection))}

    def put_unread(self, member: str, collection: str, rows: Iterable[tuple[str, int]]) -> None:
        """Such rows, in the place of those that were noted before."""
        with self.change():
            self._db.execute("DELETE FROM taxii_unread WHERE member = ? AND collection = ?", (member, collection))
            many = [(member, collection, *row) for row in sorted(rows)]
            self._db.executemany("INSERT INTO taxii_unread VALUES (?, ?, ?, ?)", many)

    # --- Tokens of members' nodes -------------------------------------------------------------------------------------

    def use(self, member: str, jti: str, until: int, ended: int) -> bool:
        """A token was used, and those that ended before an instant are forgotten; whether it was the first time."""
        with self.change():
            self._db.execute("DELETE FROM taxii_used WHERE until < ?", (ended,))
            row = (member, jti, until)
            return self._db.execute("INSERT OR IGNORE INTO taxii_used VALUES (?, ?, ?)", row).rowcount > 0

    def used(self) -> list[tuple[str, str, int]]:
        """Tokens that were used: member, id, end; the earliest end first."""
        return [
            tuple(row) for row in self._rows("SELECT member, jti, until FROM taxii_used ORDER BY until, member, jti")
        ]

    # --- Accounts -----------------------------------------------------------------------------------------------------

    def put_account(self, name: str, member: str, label: str, organisation: str, salt: bytes, hashed: bytes) -> None:
        """A password's hash for a member's label; an older one of that name ends."""
        row = (name, member, label, organisation, salt, hashed, self._now(), 0)
        with self.change():
            self._db.execute("INSERT OR REPLACE INTO taxii_account VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def end_account(self, name: str) -> bool:
        """End a password; whether there was one."""
        with self.change():
            sql = "UPDATE taxii_account SET ended = ? WHERE name = ? AND ended = 0"
            return self._db.execute(sql, (self._now(), name)).rowcount > 0

    def account(self, name: str) -> tuple[str, str, str, bytes, bytes] | None:
        """Member, label, organisation, salt and hash of a password that counts."""
        sql = "SELECT member, label, organisation, salt, hash FROM taxii_account WHERE name = ? AND ended = 0"
        found = self._rows(sql, (name,))
        return (*found[0][:3], bytes(found[0][3]), bytes(found[0][4])) if found else None

    def accounts(self) -> list[tuple[str, str, str, str, bool]]:
        """Name, member, label, organisation, and whether it counts."""
        sql = "SELECT name, member, label, organisation, ended FROM taxii_account ORDER BY name"
        return [(*row[:4], row[4] == 0) for row in self._rows(sql)]


def _packed(names: Iterable[str]) -> str:
    return json.dumps(sorted(names), ensure_ascii=False)


def _row(row: Sequence[Any]) -> Row:
    added, name, version, version_ns, label, owner, recipients, body = row
    return Row(added, name, version, version_ns, _LABELS[label], owner, named(recipients), body)


def _shared(label: int, owner: str, recipients: str) -> Shared:
    return Shared(_LABELS[label], owner, named(recipients))


# --- Kinds: rows of one collection, label, sender and list of recipients ----------------------------------------------


def _kinds(db: sqlite3.Connection, collection: str, may: Callable[[Shared], bool] | None) -> list[Kind]:
    """The kinds that a collection holds and `may` allows: one look at the index for each, however many rows it has."""
    sql = """SELECT label, owner, recipients FROM taxii_object INDEXED BY taxii_object_kind
             WHERE collection = ? AND withdrawn = 0 AND (label, owner, recipients, added) > (?, ?, ?, ?)
             ORDER BY label, owner, recipients, added LIMIT 1"""
    found: list[Kind] = []
    last: tuple[Any, ...] | None = (-1, "", "")
    while last is not None and (last := db.execute(sql, (collection, *last, NEVER)).fetchone()) is not None:
        if may is None or may(_shared(*last)):
            found.append((collection, *last))
    return found


def _times(db: sqlite3.Connection, kind: Kind, after: int, types: Collection[str], most: int) -> list[int]:
    """The first times of addition later than `after` of one kind."""
    only = f"AND type IN ({', '.join('?' * len(types))})" if types else ""
    sql = f"""SELECT added FROM taxii_object INDEXED BY taxii_object_kind
              WHERE collection = ? AND withdrawn = 0 AND label = ? AND owner = ? AND recipients = ? AND added > ? {only}
              ORDER BY added LIMIT ?"""
    return [added for (added,) in db.execute(sql, (*kind, after, *sorted(types), most))]


def _times_of_ids(
    db: sqlite3.Connection, collection: str, after: int, ids: Collection[str], types: Collection[str],
    may: Callable[[Shared], bool] | None,
) -> list[int]:  # fmt: skip
    """The times of addition later than `after` of some ids."""
    found: list[int] = []
    for part, marks in parts(ids):
        sql = f"""SELECT added, type, label, owner, recipients FROM taxii_object INDEXED BY taxii_object_id
                  WHERE id IN ({marks}) AND collection = ? AND added > ? AND withdrawn = 0"""
        for added, kind, *shared in db.execute(sql, (*part, collection, after)):
            if (not types or kind in types) and (may is None or may(_shared(*shared))):
                found.append(added)
    return found
