"""Where a node keeps its logs: one SQLite file, durable before anything is signed, opened in a blink when large.

Tables: `entry` (origin, index, leaf hash, bytes), `tile` (origin, level, index, hashes: the newest tile of a level
grows in place), `head` (origin, size, note), `note` (SHA-256, text: cosigned heads that batches name), `paper` (kind,
key, bytes: certificates, votes, proofs of misconduct, membership versions), `blob` (hash, salt, bytes), `meta`. WAL
with `synchronous=FULL`: a commit that returned is on the disk. Keys are never in this file, so that a copy can't sign.
The statements are the common part of SQLite's and PostgreSQL's: `store_postgres` runs the same ones there.

After a full disk or a failed fsync the store refuses to write until it is opened again: what the disk holds is then
unknown (Rebello et al., "Can applications recover from fsync failures?", 2020). Reading goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from concordat.errors import StateError, TrustError
from concordat.ledger.merkle import EMPTY_ROOT, Frontier, complete_subtrees
from concordat.ledger.tiles import BITS, HASH, WIDTH, TileHashes, pack_bundle

T = TypeVar("T")
SCHEMA = 1
ROWS_AT_ONCE = 1_024
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (origin TEXT NOT NULL, idx INTEGER NOT NULL, leaf BLOB NOT NULL, bytes BLOB NOT NULL,
                    PRIMARY KEY (origin, idx)) WITHOUT ROWID;
CREATE TABLE tile (origin TEXT NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL,
                   PRIMARY KEY (origin, level, n)) WITHOUT ROWID;
CREATE TABLE head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note (digest TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE paper (kind TEXT NOT NULL, key TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE blob (hash TEXT PRIMARY KEY, salt BLOB, bytes BLOB NOT NULL) WITHOUT ROWID;
"""
_ORIGINS = """WITH RECURSIVE found (origin) AS (SELECT min(origin) FROM entry UNION ALL
SELECT (SELECT min(entry.origin) FROM entry WHERE entry.origin > found.origin) FROM found WHERE origin IS NOT NULL)
SELECT origin FROM found WHERE origin IS NOT NULL ORDER BY origin"""  # from one to the next: no entry is looked at
_PUT_TILE = """INSERT INTO tile VALUES (?, ?, ?, ?)
ON CONFLICT (origin, level, n) DO UPDATE SET bytes = excluded.bytes"""
_PUT_HEAD = """INSERT INTO head VALUES (?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note"""
_PUT_PAPER = "INSERT INTO paper VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET bytes = excluded.bytes"
_PUT_BLOB = """INSERT INTO blob VALUES (?, ?, ?)
ON CONFLICT (hash) DO UPDATE SET salt = excluded.salt, bytes = excluded.bytes"""


class Store:
    """One node's logs on disk.

    Attributes:
        where: what messages call it. broken: why nothing is written any more; empty while all is well.

    Args:
        path: the file; made if `create`. readonly: nothing can be written, not even a file beside it.

    Raises:
        StateError: missing, locked, damaged, or written by a newer program.
    """

    _begin = "BEGIN IMMEDIATE"
    _hint = "Free some space and start it again."

    def __init__(self, path: Path, *, create: bool = False, readonly: bool = False) -> None:
        self.path, self.where = path, str(path)
        self.failures: tuple[type[BaseException], ...] = (sqlite3.Error,)
        self.broken = ""
        if not create and not path.exists():
            hint = "Make a node first: concordat node init"
            raise StateError("there is no node here.", where=str(path), hint=hint, code="no_node")
        try:
            if readonly:
                address = f"{path.absolute().as_uri()}?mode=ro"
                self._db: Any = sqlite3.connect(address, uri=True, isolation_level=None, timeout=10)
            else:
                self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
            self._prepare(create, readonly)
        except sqlite3.Error as error:
            raise StateError(f"can't be opened: {error}.", where=str(path), code="store") from None
        self._edges: dict[str, Frontier] = {}

    def _prepare(self, create: bool, readonly: bool) -> None:
        known = self._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]
        if not known:
            if not create:
                raise StateError("not a store of a node.", where=str(self.path), code="store")
            self._db.executescript(f"BEGIN;{_TABLES}INSERT INTO meta VALUES ('schema', '{SCHEMA}');COMMIT;")
        (found,) = self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        self._require_known(found, readonly)

    def _require_known(self, found: str, readonly: bool) -> None:
        """The store is of a version that this program reads."""
        if int(found) > SCHEMA:
            raise StateError(
                f"written by a newer program (store version {found}; this one reads {SCHEMA}). Nothing was changed.",
                where=self.where,
                hint="Install a newer Concordat.",
                code="newer",
            )
        if int(found) < SCHEMA and not readonly:
            raise StateError(
                f"of an older program (store version {found}; this one needs {SCHEMA}).",
                where=self.where,
                hint="Run: concordat node upgrade DIR",
                code="older",
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file: what lies there then is whole by itself."""
        if not self.broken:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def freeze(self) -> None:
        """Everything read from here on is of one moment; nothing is written by this store any more."""
        self._db.execute("BEGIN")

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One transaction: all of it is on the disk when the block ends, or none.

        Raises:
            StateError: the disk is full or failed; nothing more is written until the store is opened again.
        """
        if self.broken:
            raise StateError(f"nothing is written after: {self.broken}", where=self.where, code="store_broken")
        if self._db.in_transaction:  # an outer block commits
            yield
            return
        try:
            self._db.execute(self._begin)
            yield
            self._db.execute("COMMIT")
        except self.failures as error:
            self._edges.clear()
            self.broken = " ".join(str(error).split()) or type(error).__name__
            self._undo()
            what = f"not written: {self.broken.rstrip('.')}. The node signs nothing more."
            raise StateError(what, where=self.where, hint=self._hint, code="store") from None
        except BaseException:
            self._edges.clear()
            self._undo()
            raise

    @property
    def committing(self) -> bool:
        """Whether a commit is under way: what it writes is not on the disk yet."""
        return bool(self._db.in_transaction)

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # --- Logs ---------------------------------------------------------------------------------------------------------

    def origins(self) -> list[str]:
        """Every log that has entries."""
        return [origin for (origin,) in self._db.execute(_ORIGINS)]

    def size(self, origin: str) -> int:
        """How many entries a log has."""
        row = self._db.execute("SELECT max(idx) FROM entry WHERE origin = ?", (origin,)).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def frontier(self, origin: str) -> Frontier:
        """The right edge of a log's tree, read from its tiles."""
        if origin not in self._edges:
            size = self.size(origin)
            hashes = TileHashes(self.reader(origin), size)
            self._edges[origin] = Frontier(size, [hashes.at(level, i) for level, i in complete_subtrees(0, size)])
        return self._edges[origin]

    def root(self, origin: str) -> bytes:
        """The root over all entries."""
        return self.frontier(origin).root() if self.size(origin) else EMPTY_ROOT

    def append(self, origin: str, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """Add (leaf hash, bytes) of entries with the tiles that they change; the new size.

        Raises:
            StateError: not written.
        """
        with self.commit():
            edge = self.frontier(origin)
            start = edge.size
            fresh: dict[int, list[tuple[int, bytes]]] = {}
            for leaf, _ in entries:
                for level, index, found in edge.append(leaf):
                    if level % BITS == 0:
                        fresh.setdefault(level // BITS, []).append((index, found))
            rows = [(origin, start + i, leaf, data) for i, (leaf, data) in enumerate(entries)]
            self._db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)
            for level, hashes in fresh.items():
                self._grow(origin, level, hashes)
        return edge.size

    def _grow(self, origin: str, level: int, hashes: list[tuple[int, bytes]]) -> None:
        """Add hashes to the newest tiles of a level."""
        tiles: dict[int, bytearray] = {}
        for index, found in hashes:
            n, place = divmod(index, WIDTH)
            if n not in tiles:
                tiles[n] = bytearray(self._tile(origin, level, n)[: HASH * place])
            tiles[n] += found
        rows = [(origin, level, n, bytes(data)) for n, data in tiles.items()]
        self._db.executemany(_PUT_TILE, rows)

    def _tile(self, origin: str, level: int, n: int) -> bytes:
        where = "WHERE origin = ? AND level = ? AND n = ?"
        row = self._db.execute(f"SELECT bytes FROM tile {where}", (origin, level, n)).fetchone()
        if row and not isinstance(row[0], bytes | bytearray | memoryview):
            raise TrustError(f"level {level}, tile {n} is no bytes.", where=origin, code="tile")
        return bytes(row[0]) if row else b""

    def replace(self, origin: str, entries: Sequence[tuple[bytes, bytes]]) -> None:
        """Hold another log under an origin, without a head: its owner showed two, and a quorum saw this one."""
        with self.commit():
            for table in ("entry", "tile", "head"):  # a head of the other log is none of this one
                self._db.execute(f"DELETE FROM {table} WHERE origin = ?", (origin,))
            self._edges.pop(origin, None)
            self.append(origin, entries)

    def entries(self, origin: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of entries, in order."""
        query = "SELECT bytes FROM entry WHERE origin = ? AND idx >= ? AND idx < ? ORDER BY idx"
        for (data,) in self._db.execute(query, (origin, start, 2**62 if stop is None else stop)):
            yield bytes(data)

    def rows(self, origin: str) -> Iterator[list[tuple[bytes, bytes]]]:
        """(leaf hash, bytes) of every entry of a log, in order, in lots.

        Raises:
            TrustError: an entry is missing, or is no bytes. StateError: the store can't be read.
        """
        query = "SELECT leaf, bytes FROM entry WHERE origin = ? AND idx >= ? AND idx < ? ORDER BY idx"
        start, size = 0, self._asked(lambda: self.size(origin))
        while start < size:
            stop = min(start + ROWS_AT_ONCE, size)
            found = self._asked(lambda: self._db.execute(query, (origin, start, stop)).fetchall())  # noqa: B023
            if len(found) != stop - start:
                what = f"{len(found)} entries where {stop - start} should be."
                raise TrustError(what, where=f"{origin}, entry {start}", code="entry")
            if set(map(type, chain.from_iterable(found))) != {bytes}:
                found = [
                    (bytes_of(leaf, origin, at), bytes_of(data, origin, at))
                    for at, (leaf, data) in enumerate(found, start)
                ]
            yield found
            start = stop

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except sqlite3.Error as error:
            raise unread(error, self.where) from None
        except self.failures as error:
            raise StateError(f"can't be read: {error}.", where=self.where, code="store") from None

    def leaves(self, origin: str, start: int, stop: int) -> list[bytes]:
        """As `ledger.leaves.LeafStore`, for who reads in the store's own transaction."""
        return leaves_in(self._db, origin, start, stop)

    def reader(self, origin: str) -> StoreTiles:
        """The tiles of a log."""
        return StoreTiles(self, origin)

    # --- Heads, notes, papers -----------------------------------------------------------------------------------------

    def put_head(self, origin: str, size: int, note: str) -> None:
        """Keep the newest head of a log."""
        with self.commit():
            self._db.execute(_PUT_HEAD, (origin, size, note))

    def heads(self) -> dict[str, str]:
        """The newest head of each log."""
        return dict(self._db.execute("SELECT origin, note FROM head ORDER BY origin"))

    def put_notes(self, texts: Iterable[str]) -> None:
        """Keep notes under their SHA-256."""
        rows = [(sha256(text.encode()).hexdigest(), text) for text in texts]
        with self.commit():
            self._db.executemany("INSERT INTO note VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def notes(self) -> dict[str, str]:
        """Every note by its SHA-256."""
        return dict(self._db.execute("SELECT digest, text FROM note ORDER BY digest"))

    def put_paper(self, kind: str, key: str, data: bytes) -> None:
        """Keep a paper: `certificate`, `vote`, `misconduct`, `membership`, `state`."""
        with self.commit():
            self._db.execute(_PUT_PAPER, (kind, key, data))

    def papers(self, kind: str) -> dict[str, bytes]:
        """Every paper of a kind by its key."""
        query = "SELECT key, bytes FROM paper WHERE kind = ? ORDER BY key"
        return {key: bytes(data) for key, data in self._db.execute(query, (kind,))}

    def drop_papers(self, kind: str) -> None:
        """Forget the papers of a kind."""
        with self.commit():
            self._db.execute("DELETE FROM paper WHERE kind = ?", (kind,))

    def put_blob(self, digest: str, salt: bytes | None, content: bytes) -> None:
        """Keep content that an entry names."""
        with self.commit():
            self._db.execute(_PUT_BLOB, (digest, salt, content))

    def blob(self, digest: str) -> tuple[bytes | None, bytes] | None:
        """(salt, content) of a blob; None if it isn't here, or was erased."""
        row = self._db.execute("SELECT salt, bytes FROM blob WHERE hash = ?", (digest,)).fetchone()
        return None if row is None else (None if row[0] is None else bytes(row[0]), bytes(row[1]))

    def erase_blob(self, digest: str) -> None:
        """Delete content and salt; every proof stays valid."""
        with self.commit():
            self._db.execute("DELETE FROM blob WHERE hash = ?", (digest,))

    def check(self) -> None:
        """SQLite's own check of the file.

        Raises:
            StateError: it is damaged.
        """
        try:
            (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            found = str(error)
        if found != "ok":
            raise StateError(f"the file is damaged: {found}.", where=str(self.path), code="damaged")


def leaves_in(db: Any, origin: str, start: int, stop: int) -> list[bytes]:
    """Leaves as they lie in a table `entry`.

    Raises:
        TrustError: what should be bytes is something else, or the file is damaged. StateError: it can't be read.
    """
    query = "SELECT bytes FROM entry WHERE origin = ? AND idx >= ? AND idx < ? ORDER BY idx"
    try:
        found = db.execute(query, (origin, start, stop)).fetchall()
    except sqlite3.Error as error:
        raise unread(error, f"{origin}, from entry {start}") from None
    return [bytes_of(data, origin, index) for index, (data,) in enumerate(found, start)]


def bytes_of(data: object, origin: str, index: int) -> bytes:
    """What a column of bytes holds.

    Raises:
        TrustError: something else.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    what, hint = "what should be bytes is something else.", "Run: concordat node verify"
    raise TrustError(what, where=f"{origin}, entry {index}", hint=hint, code="damaged")


def unread(error: sqlite3.Error, where: str) -> StateError | TrustError:
    """Why SQLite gives nothing: its file is damaged, or it can't be read now (a lock, the disk)."""
    if type(error) is sqlite3.DatabaseError:
        return TrustError(f"the file is damaged: {error}.", where=where, code="damaged")
    return StateError(f"can't be read: {error}.", where=where, hint="Try again in a moment.", code="store")


class StoreTiles:
    """The tiles of one log of a store (`ledger.tiles.TileReader`)."""

    def __init__(self, store: Store, origin: str) -> None:
        self._store, self._origin = store, origin

    def tile(self, level: int, index: int, width: int) -> bytes:
        data = self._store._tile(self._origin, level, index)
        if len(data) < HASH * width:
            raise TrustError(f"level {level}, tile {index} is missing.", where=self._origin, code="tile")
        return data[: HASH * width]

    def bundle(self, index: int, width: int) -> bytes:
        return pack_bundle(self._store.entries(self._origin, index * WIDTH, index * WIDTH + width))
