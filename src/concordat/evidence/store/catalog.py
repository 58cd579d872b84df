"""`catalog.sqlite`: which vintages, licences, releases and retrievals this data directory holds.

Parquet files hold the rows; this holds everything about them. Standard library only, write-ahead log, each change one
transaction. Migrations are numbered and go forward only; a catalogue written by a newer program is refused by name.
Vintages and releases never change: triggers refuse it, and each carries a *seal* (SHA-256 of its canonical JSON) that
is checked on reading. A vintage's seal covers the hash of its Parquet file, and the hashes of what the parser had to
say and of the rows that are kept aside: those lists are checked when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import ConcordatError, StateError, TrustError
from concordat.evidence.store import _files

if TYPE_CHECKING:
    import sqlite3

    from concordat.evidence.store.raw import Retrieval

BUSY_S = 10.0
_VINTAGE_COLUMNS = (
    "dataset_id", "id", "source_id", "published", "known_from", "retrieved_at", "parser_version", "row_count",
    "logical_hash", "file_sha256", "problems_hash", "quarantine_hash", "raw", "origin", "licence",
)  # fmt: skip

# (version of concordat that reads it, statements). Only ever append.
MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "0.1.0",
        (
            "CREATE TABLE needs(version TEXT NOT NULL)",
            "CREATE TABLE sources(id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL)",
            "CREATE TABLE licences(id TEXT PRIMARY KEY, record TEXT NOT NULL)",
            """CREATE TABLE datasets(id TEXT PRIMARY KEY, source_id TEXT NOT NULL REFERENCES sources(id),
                title TEXT NOT NULL, licence_id TEXT NOT NULL REFERENCES licences(id))""",
            """CREATE TABLE vintages(dataset_id TEXT NOT NULL REFERENCES datasets(id), id TEXT NOT NULL,
                source_id TEXT NOT NULL, published TEXT, known_from TEXT NOT NULL,
                retrieved_at TEXT NOT NULL, parser_version TEXT NOT NULL,
                row_count INTEGER NOT NULL, logical_hash TEXT NOT NULL, file_sha256 TEXT NOT NULL,
                problems_hash TEXT NOT NULL, quarantine_hash TEXT NOT NULL, raw TEXT NOT NULL, origin TEXT NOT NULL,
                licence TEXT NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (dataset_id, id))""",
            """CREATE TABLE problems(dataset_id TEXT NOT NULL, vintage_id TEXT NOT NULL, number INTEGER NOT NULL,
                rule TEXT NOT NULL, severity TEXT NOT NULL, place TEXT NOT NULL, text TEXT NOT NULL,
                indicator_id TEXT NOT NULL, area TEXT NOT NULL, PRIMARY KEY (dataset_id, vintage_id, number))""",
            """CREATE TABLE quarantine(dataset_id TEXT NOT NULL, vintage_id TEXT NOT NULL, obs_id TEXT NOT NULL,
                rule TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (dataset_id, vintage_id, obs_id, rule))""",
            """CREATE TABLE retrievals(sha256 TEXT NOT NULL, retrieved_at TEXT NOT NULL, record TEXT NOT NULL,
                PRIMARY KEY (sha256, record))""",
            """CREATE TABLE indicators(catalogue_hash TEXT NOT NULL, id TEXT NOT NULL, unit TEXT NOT NULL,
                topic TEXT NOT NULL, PRIMARY KEY (catalogue_hash, id))""",
            "CREATE TABLE blocs(blocs_hash TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (blocs_hash, id))",
            """CREATE TABLE releases(name TEXT PRIMARY KEY, made_at TEXT NOT NULL, catalogue_hash TEXT NOT NULL,
                blocs_hash TEXT NOT NULL, hash TEXT NOT NULL)""",
            """CREATE TABLE release_vintages(release TEXT NOT NULL REFERENCES releases(name), dataset_id TEXT NOT NULL,
                vintage_id TEXT NOT NULL, logical_hash TEXT NOT NULL, PRIMARY KEY (release, dataset_id, vintage_id))""",
            "CREATE TABLE disputes(event_hash TEXT PRIMARY KEY, obs_id TEXT NOT NULL)",
            *(
                f"""CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, '{table} never change'); END"""
                for table in ("vintages", "problems", "quarantine", "releases", "release_vintages")
                for verb in ("UPDATE", "DELETE")
            ),
        ),
    ),
    ("0.1.0", ("CREATE TABLE buckets(host TEXT PRIMARY KEY, tokens REAL NOT NULL, at REAL NOT NULL)",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageMeta:
    """What is known about a vintage before its rows are stored.

    Attributes:
        id: unique within its dataset; a dataset has many vintages and they never change.
        published: the source's own date, if it gives one.
        known_from: the first day on which these figures could be known.
        raw: the hashes of the bodies it was parsed from.
        origin: producer, title, version and address, as `citation` prints them.
        licence: the licence's record as it stood when the vintage was stored.
    """

    id: str
    dataset_id: str
    source_id: str
    published: date | None
    known_from: date
    retrieved_at: datetime
    parser_version: str
    raw: tuple[str, ...]
    origin: Mapping[str, Any]
    licence: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vintage(VintageMeta):
    """A stored vintage.

    Attributes:
        file_sha256: the hash of its Parquet file, as it was written here.
        problems_hash, quarantine_hash: see `list_hash`.
    """

    row_count: int
    logical_hash: str
    file_sha256: str
    problems_hash: str
    quarantine_hash: str

    @property
    def ref(self) -> str:
        """Its name in this store: `cia_factbook/0.1.2-3fa1c09b-p1`."""
        return f"{self.dataset_id}/{self.id}"

    def seal(self) -> str:
        """SHA-256 of all that is said about the vintage."""
        return canonical.digest(_vintage_row(self), floats=True)


def list_hash(rows: Iterable[Sequence[str]]) -> str:
    """SHA-256 of a list of problems, or of rows kept aside, as canonical JSON.

    >>> list_hash([])[:8]
    '4f53cda1'
    """
    return canonical.digest([list(row) for row in rows], floats=True)


class Catalog:
    """The catalogue of one data directory. Opened at the first use; `close` it, or use the store's `with`."""

    def __init__(self, path: Path, lock: _files.WriterLock) -> None:
        self.path = path
        self._lock = lock
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file (SQLite then folds its write-ahead log into it)."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A change that is made whole or not at all.

        Raises:
            StateError: disk full, no permission, locked, newer than this program, or not a catalogue.
        """
        with self._explained():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a query finds."""
        with self._explained():
            return self._open().execute(query, values).fetchall()

    def vintage(self, dataset_id: str, vintage_id: str) -> Vintage | None:
        """One vintage, its seal checked; None when the store has no such vintage."""
        rows = self.rows("SELECT * FROM vintages WHERE dataset_id = ? AND id = ?", (dataset_id, vintage_id))
        return self._vintage(rows[0]) if rows else None

    def vintages(self) -> list[Vintage]:
        """All vintages by dataset, then the day from which they were known, then id."""
        return [self._vintage(r) for r in self.rows("SELECT * FROM vintages ORDER BY dataset_id, known_from, id")]

    def problems(self, vintage: Vintage) -> list[tuple[Any, ...]]:
        """What the parser had to say about a vintage, in its order, as it was stored.

        Raises:
            TrustError: the list was changed.
        """
        query = """SELECT rule, severity, place, text, indicator_id, area FROM problems
            WHERE dataset_id = ? AND vintage_id = ? ORDER BY number"""
        return self._listed(query, vintage, "what the parser said about", vintage.problems_hash)

    def quarantine(self, vintage: Vintage) -> list[tuple[Any, ...]]:
        """The rows of a vintage that are kept aside, (obs_id, rule, why), as they were stored.

        Raises:
            TrustError: the list was changed.
        """
        query = """SELECT obs_id, rule, why FROM quarantine WHERE dataset_id = ? AND vintage_id = ?
            ORDER BY obs_id, rule"""
        return self._listed(query, vintage, "the list of rows kept aside of", vintage.quarantine_hash)

    def _listed(self, query: str, vintage: Vintage, what: str, expected: str) -> list[tuple[Any, ...]]:
        rows = [tuple(row) for row in self.rows(query, (vintage.dataset_id, vintage.id))]
        try:
            found = list_hash(rows)
        except ConcordatError as error:  # a value of a kind that was never written
            found = error.what
        if found != expected:
            raise self._changed(f"{what} {vintage.ref}", expected, found)
        return rows

    def add_vintage(
        self, vintage: Vintage, problems: Iterable[Sequence[str]], quarantine: Iterable[Sequence[str]]
    ) -> None:
        """Enter a stored vintage with its source, licence and dataset."""
        row = _vintage_row(vintage)
        key = (vintage.dataset_id, vintage.id)
        origin, licence = vintage.origin, vintage.licence
        with self.transaction() as db:
            put = "INSERT OR REPLACE INTO"
            db.execute(f"{put} sources VALUES (?, ?, ?)", (vintage.source_id, origin["producer"], origin["url"]))
            db.execute(f"{put} licences VALUES (?, ?)", (licence["id"], row["licence"]))
            dataset = (vintage.dataset_id, vintage.source_id, origin["title"], licence["id"])
            db.execute(f"{put} datasets VALUES (?, ?, ?, ?)", dataset)
            marks = ", ".join("?" * (len(row) + 1))
            db.execute(f"INSERT INTO vintages VALUES ({marks})", (*row.values(), vintage.seal()))
            numbered = [(*key, number, *problem) for number, problem in enumerate(problems)]
            db.executemany("INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", numbered)
            aside = [(*key, *one) for one in quarantine]
            db.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)", aside)

    def add_retrievals(self, retrievals: Iterable[Retrieval]) -> None:
        """Index what `raw/retrievals.jsonl` says."""
        rows = [(r.sha256, r.retrieved_at.isoformat(), r.line().decode()) for r in retrievals]
        with self.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO retrievals VALUES (?, ?, ?)", rows)

    def retrievals(self, sha256: str) -> list[dict[str, Any]]:
        """How a body came to us, oldest first."""
        query = "SELECT record FROM retrievals WHERE sha256 = ? ORDER BY retrieved_at, record"
        return [json.loads(row[0]) for row in self.rows(query, (sha256,))]

    def describe(self, catalogue_hash: str, indicators: Iterable[tuple[str, str, str]]) -> None:
        """Keep what a catalogue's hash stands for: (id, unit, topic) of each indicator."""
        with self.transaction() as db:
            rows = [(catalogue_hash, *row) for row in indicators]
            db.executemany("INSERT OR IGNORE INTO indicators VALUES (?, ?, ?, ?)", rows)

    def describe_blocs(self, blocs_hash: str, bloc_ids: Iterable[str]) -> None:
        """Keep what the hash of a bloc table stands for."""
        with self.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO blocs VALUES (?, ?)", [(blocs_hash, i) for i in bloc_ids])

    def _vintage(self, row: Sequence[Any]) -> Vintage:
        """A stored row as a vintage; its seal is checked before anything in it is believed."""
        *said, seal = row
        try:
            found = canonical.digest(dict(zip(_VINTAGE_COLUMNS, said, strict=True)), floats=True)
        except ConcordatError as error:  # a value of a kind that was never written
            found = error.what
        if found != seal:
            raise self._changed(f"what is said about {row[0]}/{row[1]}", seal, found)
        dataset_id, vintage_id, source_id, published, known_from, retrieved_at, parser, *rest = said
        count, logical, file_sha256, problems, quarantine, raw, origin, licence = rest
        return Vintage(
            id=vintage_id,
            dataset_id=dataset_id,
            source_id=source_id,
            published=date.fromisoformat(published) if published else None,
            known_from=date.fromisoformat(known_from),
            retrieved_at=datetime.fromisoformat(retrieved_at),
            parser_version=parser,
            raw=tuple(json.loads(raw)),
            origin=json.loads(origin),
            licence=json.loads(licence),
            row_count=count,
            logical_hash=logical,
            file_sha256=file_sha256,
            problems_hash=problems,
            quarantine_hash=quarantine,
        )

    def _changed(self, what: str, expected: str, found: str) -> TrustError:
        return TrustError(
            f"{what} is not what was stored: expected {expected}, found {found}.",
            where=str(self.path),
            hint="Restore catalog.sqlite from a copy, or set CONCORDAT_DATA_DIR to an empty folder.",
            code="vintage",
        )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            import sqlite3

            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                if self._version(connection) < len(MIGRATIONS):
                    with self._lock.held():
                        self._migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        while (known := self._version(db)) < len(MIGRATIONS):
            needs, statements = MIGRATIONS[known]
            db.execute("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    db.execute(statement)
                db.execute("DELETE FROM needs")
                db.execute("INSERT INTO needs VALUES (?)", (needs,))
                db.execute(f"PRAGMA user_version = {known + 1}")
                db.execute("COMMIT")
            except BaseException:
                _roll_back(db)
                raise

    def _version(self, db: sqlite3.Connection) -> int:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            needs = db.execute("SELECT version FROM needs").fetchone()[0]
            raise StateError(
                f"this store has schema {version}; this program knows schema {len(MIGRATIONS)}.",
                where=str(self.path),
                hint=f"Install concordat {needs} or newer, or set CONCORDAT_DATA_DIR to another folder.",
                code="newer_schema",
            )
        return version

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _sqlite_error(error, self.path) from None


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:  # a full disk makes SQLite roll back by itself
        db.execute("ROLLBACK")


def _sqlite_error(error: sqlite3.DatabaseError, path: Path) -> StateError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return _files.disk_full(path)
    own_folder = "Make it writable, or set CONCORDAT_DATA_DIR to a folder of your own."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StateError(f"I may not write here ({error}).", where=str(path), hint=own_folder, code="no_permission")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        hint = "Wait for it and run the command again."
        return StateError("another process is writing to this store.", where=str(path), hint=hint, code="locked")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        hint = "Restore it from a copy, or set CONCORDAT_DATA_DIR to an empty folder."
        return StateError(f"damaged: {error}.", where=str(path), hint=hint, code="damaged")
    return StateError(f"SQLite says: {error}.", where=str(path), hint=own_folder, code="sqlite")


def _vintage_row(v: Vintage) -> dict[str, Any]:
    return {
        "dataset_id": v.dataset_id,
        "id": v.id,
        "source_id": v.source_id,
        "published": v.published.isoformat() if v.published else None,
        "known_from": v.known_from.isoformat(),
        "retrieved_at": v.retrieved_at.isoformat(),
        "parser_version": v.parser_version,
        "row_count": v.row_count,
        "logical_hash": v.logical_hash,
        "file_sha256": v.file_sha256,
        "problems_hash": v.problems_hash,
        "quarantine_hash": v.quarantine_hash,
        "raw": canonical.dumps(list(v.raw)).decode(),
        "origin": canonical.dumps(dict(v.origin), floats=True).decode(),
        "licence": canonical.dumps(dict(v.licence), floats=True).decode(),
    }
