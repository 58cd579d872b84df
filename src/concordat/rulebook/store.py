"""The rulebook's store: one SQLite file with instruments, parties, units, codings and the search index.

The room's only input and output. Texts are content-addressed: the same text is one blob however many units have it.
Codings are append-only; the current one of a unit and provision is the last that nothing supersedes, a human's before
an import's before a model's; what a person rejected stays rejected; two people who disagree are both kept and the
coding is disputed (`_decisions`). The same inputs in the same order give the same rows: every read is ordered, and
dates come from `clock`.

    >>> from concordat.rulebook.catalogue import load_catalogue
    >>> with RuleStore.memory() as store:
    ...     store.put_catalogue(load_catalogue())
    ...     store["depa"].short_name
    'DEPA'

SQLite 3.34 or newer (FTS5 with trigrams); WAL; `user_version` numbers the schema. A store that is newer than this
program, locked or damaged is a `StateError` with its path.

One file because it is one class: the room's only input and output.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from concordat.errors import InputError, StateError
from concordat.rulebook import _fts, _past, _schema
from concordat.rulebook._decisions import current
from concordat.rulebook._rows import (
    coding_from,
    coding_row,
    instrument_from,
    instrument_row,
    participation_from,
    participation_row,
    unit_from,
    unit_row,
)
from concordat.rulebook.catalogue import Catalogue, unknown_instrument
from concordat.rulebook.model import (
    Coding,
    Instrument,
    ParsedInstrument,
    Participation,
    Relation,
    Source,
    TextChange,
    Unit,
)

BUSY_S = 5.0
CACHE_KIB = 65_536  # pages kept in memory: keys by hash fall all over their index


class RuleStore:
    """An open store: `with RuleStore.open(path) as store:`."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """Use `open` or `memory`."""
        self._db = connection
        self.path = path
        self._joined = self._failed = False

    @classmethod
    def open(cls, path: Path | str) -> RuleStore:
        """The store in a file, made if it is not there.

        Raises:
            StateError: it can't be opened, is locked, damaged, or newer than this program.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            _schema.wal(db, BUSY_S)
        except (OSError, sqlite3.Error) as error:
            raise _state(str(path), error) from None
        return cls._ready(db, str(path))

    @classmethod
    def memory(cls) -> RuleStore:
        """A store that is gone when it is closed."""
        return cls._ready(sqlite3.connect(":memory:", isolation_level=None), ":memory:")

    @classmethod
    def copy_of(cls, path: Path | str) -> RuleStore:
        """A copy in memory of the store in a file, for threads that read it one at a time; the file may be missing.

        Raises:
            StateError: it can't be read, is damaged, or newer than this program.
        """
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        path = Path(path)
        if path.is_file():
            try:
                source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
                try:
                    source.backup(copy)
                finally:
                    source.close()
            except sqlite3.Error as error:
                copy.close()
                raise _state(str(path), error) from None
        return cls._ready(copy, str(path))

    @classmethod
    def _ready(cls, db: sqlite3.Connection, path: str) -> RuleStore:
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            version = _schema.migrate(db)
            if version > _schema.VERSION:
                what = f"the store has version {version}; this program knows {_schema.VERSION}."
                raise StateError(what, where=path, hint="Install a newer concordat.", code="newer")
        except sqlite3.Error as error:
            db.close()
            raise _state(path, error) from None
        except StateError:
            db.close()
            raise
        return cls(db, path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> RuleStore:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; inside `together`, a part of its transaction."""
        if self._joined:
            self._failed = True  # until it is done
            try:
                yield self._db
            except sqlite3.Error as error:
                raise _state(self.path, error) from None
            self._failed = False
            return
        with self.together(), self._writing():
            yield self._db

    @contextmanager
    def together(self) -> Iterator[None]:
        """Many changes as one transaction: the search index is merged once, not after each text.

        What was put before an error elsewhere stays; an error while something is put takes all back.
        """
        assert not self._joined, "one `together` at a time"
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _state(self.path, error) from None
        self._joined, self._failed = True, False
        try:
            yield
        finally:
            self._joined = False
            try:
                if not self._failed:
                    self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise _state(self.path, error) from None
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _state(self.path, error) from None

    # --- Instruments and parties ---

    def put_catalogue(self, catalogue: Catalogue) -> None:
        """Instruments, parties and relations of a catalogue, in place of what the store had of these instruments."""
        with self._writing() as db:
            for instrument in catalogue.instruments.values():
                self._put_instrument(db, instrument)
                db.execute("DELETE FROM participation WHERE instrument = ?", (instrument.id,))
                rows = [participation_row(p) for p in catalogue.participations[instrument.id]]
                db.executemany(_schema.insert("participation"), rows)
                db.execute("DELETE FROM relation WHERE from_id = ?", (instrument.id,))
            made = [(r.from_id, r.to_id, r.kind, r.source) for r in catalogue.relations]
            db.executemany("INSERT INTO relation VALUES (?, ?, ?, ?)", made)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('catalogue', ?)", (catalogue.hash,))

    def put_instrument(self, instrument: Instrument, participations: Iterable[Participation] = ()) -> None:
        """One instrument of the user's own, with its parties."""
        with self._writing() as db:
            self._put_instrument(db, instrument)
            db.execute("DELETE FROM participation WHERE instrument = ?", (instrument.id,))
            db.executemany(_schema.insert("participation"), [participation_row(p) for p in participations])

    @staticmethod
    def _put_instrument(db: sqlite3.Connection, instrument: Instrument) -> None:
        sets = ", ".join(f"{c} = excluded.{c}" for c in _schema.COLUMNS["instrument"][1:])
        db.execute(f"{_schema.insert('instrument')} ON CONFLICT (id) DO UPDATE SET {sets}", instrument_row(instrument))

    def __getitem__(self, name: str) -> Instrument:
        """An instrument by its id.

        Raises:
            InputError: no such instrument; with the nearest id.
        """
        found = self._rows("SELECT * FROM instrument WHERE id = ?", (name,))
        if not found:
            raise unknown_instrument(name, self.ids())
        return instrument_from(found[0])

    def __contains__(self, name: str) -> bool:
        """Whether there is such an instrument."""
        return bool(self._rows("SELECT 1 FROM instrument WHERE id = ?", (name,)))

    def ids(self) -> tuple[str, ...]:
        """Ids of all instruments."""
        return tuple(r["id"] for r in self._rows("SELECT id FROM instrument ORDER BY id"))

    def instruments(self) -> dict[str, Instrument]:
        """All instruments by id."""
        return {r["id"]: instrument_from(r) for r in self._rows("SELECT * FROM instrument ORDER BY id")}

    def of(self, name: str) -> tuple[Participation, ...]:
        """Who takes part in an instrument, sorted by party and role.

        Raises:
            InputError: no such instrument.
        """
        if name not in self:
            raise unknown_instrument(name, self.ids())
        sql = "SELECT * FROM participation WHERE instrument = ? ORDER BY party, role, source"
        return tuple(participation_from(r) for r in self._rows(sql, (name,)))

    def rows_of(self, parties: Sequence[str]) -> dict[str, tuple[Participation, ...]]:
        """The rows of some parties, and all one-way acts, by instrument."""
        some = ", ".join("?" * len(parties))
        sql = f"""SELECT * FROM participation WHERE party IN ({some}) OR directed_to <> '[]'
                  ORDER BY instrument, party, role, source"""
        found: dict[str, list[Participation]] = {}
        for row in self._rows(sql, tuple(parties)):
            found.setdefault(row["instrument"], []).append(participation_from(row))
        return {name: tuple(rows) for name, rows in found.items()}

    def party_counts(self) -> dict[str, int]:
        """How many parties each instrument lists."""
        sql = "SELECT instrument, count(DISTINCT party) FROM participation GROUP BY instrument"
        return {row[0]: int(row[1]) for row in self._rows(sql)}

    def participations(self) -> dict[str, tuple[Participation, ...]]:
        """All participations by instrument."""
        found: dict[str, list[Participation]] = {name: [] for name in self.ids()}
        for row in self._rows("SELECT * FROM participation ORDER BY instrument, party, role, source"):
            found[row["instrument"]].append(participation_from(row))
        return {name: tuple(rows) for name, rows in found.items()}

    def relations(self) -> tuple[Relation, ...]:
        """What instruments do to each other."""
        rows = self._rows("SELECT * FROM relation ORDER BY from_id, to_id, kind")
        return tuple(Relation(r["from_id"], r["to_id"], r["kind"], r["source"]) for r in rows)

    # --- What is noted of the store itself ---

    def fact(self, key: str) -> str:
        """A note of the store; empty where there is none."""
        found = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else ""

    def put_fact(self, key: str, value: str) -> None:
        """Note something of the store."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- Texts ---

    def put_text(self, parsed: ParsedInstrument, raw: bytes, *, name: str = "") -> TextChange:
        """The units of a text, in place of those before. Codings of units that did not change are kept.

        What people decided on words that are gone or changed goes into the history.

        Args:
            parsed: what a reader made of `raw`; its instrument must be known.
            name: of the file, for provenance.

        Returns:
            What changed: nothing when the same bytes are loaded again.
        """
        import hashlib

        if parsed.id not in self:
            raise unknown_instrument(parsed.id, self.ids())
        digest = hashlib.sha256(raw).hexdigest()
        before = {u.id: u for u in self.units(parsed.id) if u.id != whole(parsed.id)}
        change = _past.difference(before, parsed.units)
        old = self.fact(f"text:{parsed.id}")
        if old == digest and before == {u.id: u for u in parsed.units}:
            return change
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO blob VALUES (?, ?, ?)", (digest, name, raw))
            lapsed = _past.retire(db, change, before, parsed.units, digest)
            kept = self._taken_away(db, parsed.id) if before else []
            texts = sorted({(u.sha256, u.text) for u in parsed.units})
            db.executemany("INSERT OR IGNORE INTO text VALUES (?, ?)", texts)
            db.executemany(_schema.insert("unit"), [unit_row(u) for u in parsed.units])
            db.executemany(_schema.insert("coding"), kept)
            self._index(db, parsed)
            self._put_blob_of(db, parsed.id, digest)
            revived = _past.revive(db, parsed.id)
        return replace(change, replaced=old not in ("", digest), lapsed=lapsed, revived=revived)

    @staticmethod
    def _taken_away(db: sqlite3.Connection, instrument: str) -> list[tuple[Any, ...]]:
        """Take a text out of all tables, and give the codings back that may stay.

        Each of these statements makes SQLite write the search index out, so a new text does without them.
        """
        own = "(SELECT rowid FROM unit WHERE instrument = ?)"
        db.execute(f"DELETE FROM fts_word WHERE rowid IN {own}", (instrument,))
        db.execute(f"DELETE FROM fts_tri WHERE rowid IN {own}", (instrument,))
        sql = "SELECT c.* FROM coding c JOIN unit u ON u.id = c.unit WHERE u.instrument = ? ORDER BY c.rowid"
        rows = [tuple(r) for r in db.execute(sql, (instrument,))]
        db.execute("DELETE FROM coding WHERE unit IN (SELECT id FROM unit WHERE instrument = ?)", (instrument,))
        db.execute("DELETE FROM unit WHERE instrument = ? AND id <> ?", (instrument, whole(instrument)))
        return rows

    @staticmethod
    def _put_blob_of(db: sqlite3.Connection, instrument: str, digest: str) -> None:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"text:{instrument}", digest))

    @staticmethod
    def _index(db: sqlite3.Connection, parsed: ParsedInstrument) -> None:
        """Articles (and paragraphs that stand alone) are searched; parts of an article are found through it."""
        chapters = {u.id: u.heading or u.number for u in parsed.units if u.kind in ("chapter", "annex")}
        place = dict(db.execute("SELECT id, rowid FROM unit WHERE instrument = ?", (parsed.id,)).fetchall())
        rows = [(place[u.id], u.heading, u.text, chapters.get(u.parent, "")) for u in parsed.units if searched(u)]
        db.executemany("INSERT INTO fts_word (rowid, heading, text, chapter) VALUES (?, ?, ?, ?)", rows)
        db.executemany("INSERT INTO fts_tri (rowid, heading, text) VALUES (?, ?, ?)", [row[:3] for row in rows])

    def put_whole(self, instrument: str) -> None:
        """A unit that stands for a whole instrument, for codings that name no article."""
        import hashlib

        _ = self[instrument]
        empty = hashlib.sha256(b"").hexdigest()
        name = whole(instrument)
        unit = Unit(name, instrument, "chapter", "", "The whole instrument", "", "en", -1, "", empty, Source(empty))
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO text VALUES (?, '')", (empty,))
            db.execute(_schema.insert("unit", "OR IGNORE"), unit_row(unit))

    def units(self, instrument: str = "", kinds: Sequence[str] = ()) -> tuple[Unit, ...]:
        """Units of an instrument (of all, if empty), in order; of some kinds only, if asked."""
        sql = "SELECT u.*, t.text AS text FROM unit u JOIN text t ON t.sha256 = u.sha256"
        wheres, values = [], []
        if instrument:
            wheres, values = ["u.instrument = ?"], [instrument]
        if kinds:
            wheres.append(f"u.kind IN ({', '.join('?' * len(kinds))})")
            values += list(kinds)
        tail = f" WHERE {' AND '.join(wheres)}" if wheres else ""
        return tuple(unit_from(r) for r in self._rows(f'{sql}{tail} ORDER BY u.instrument, u."order"', values))

    def units_of_codings(self, instrument: str) -> dict[str, Unit]:
        """The units of an instrument that are coded, and all that they are part of."""
        sql = """WITH RECURSIVE up (id) AS (
                     SELECT DISTINCT c.unit FROM coding c JOIN unit u ON u.id = c.unit WHERE u.instrument = ?
                     UNION SELECT u.parent FROM unit u JOIN up ON u.id = up.id WHERE u.parent <> '')
                 SELECT u.*, t.text AS text FROM up JOIN unit u ON u.id = up.id JOIN text t ON t.sha256 = u.sha256
                 ORDER BY u."order" """
        return {r["id"]: unit_from(r) for r in self._rows(sql, (instrument,))}

    def unit(self, name: str) -> Unit:
        """A unit by its id.

        Raises:
            InputError: no such unit.
        """
        sql = "SELECT u.*, t.text AS text FROM unit u JOIN text t ON t.sha256 = u.sha256 WHERE u.id = ?"
        found = self._rows(sql, (name,))
        if not found:
            raise InputError(
                f'"{name}" is not a unit I have.', hint="See: concordat rulebook show", code="unknown_unit"
            )
        return unit_from(found[0])

    def with_text(self) -> tuple[str, ...]:
        """Instruments whose text is loaded."""
        sql = 'SELECT DISTINCT instrument FROM unit WHERE "order" >= 0 ORDER BY instrument'
        return tuple(r[0] for r in self._rows(sql))

    def raw(self, instrument: str) -> bytes | None:
        """The bytes that an instrument's text was read from."""
        sql = "SELECT b.data FROM meta m JOIN blob b ON b.sha256 = m.value WHERE m.key = ?"
        found = self._rows(sql, (f"text:{instrument}",))
        return bytes(found[0][0]) if found else None

    # --- Codings ---

    def add_codings(self, codings: Iterable[Coding]) -> int:
        """Append codings; one whose id is there is left as it is. Returns how many were new."""
        with self._writing() as db:
            before = db.total_changes
            db.executemany(_schema.insert("coding", "OR IGNORE"), [coding_row(c) for c in codings])
            return db.total_changes - before

    def codings(self, instrument: str = "", *, unit: str = "", history: bool = False) -> tuple[Coding, ...]:
        """Codings, sorted by unit and provision: the current ones, or all ever made, in the order they were made.

        The history begins with what people decided on words that an earlier version of a text had (`past_codings`).
        """
        found = self.standing_codings(instrument, unit=unit)
        return (*self.past_codings(instrument, unit=unit), *found) if history else current(found)

    def standing_codings(self, instrument: str = "", *, unit: str = "") -> tuple[Coding, ...]:
        """Codings of the texts as they are now, superseded ones as well."""
        tail, values = _where((("u.instrument", instrument), ("c.unit", unit)))
        sql = f"""SELECT c.* FROM coding c JOIN unit u ON u.id = c.unit {tail}
                  ORDER BY u.instrument, u."order", c.provision, c.rowid"""
        return tuple(coding_from(r) for r in self._rows(sql, values))

    def past_codings(self, instrument: str = "", *, unit: str = "") -> tuple[Coding, ...]:
        """What people decided on words that are gone or changed, and what they decided on."""
        tail, values = _where((("instrument", instrument), ("unit", unit)))
        sql = f"SELECT * FROM past_coding {tail} ORDER BY instrument, unit, provision, rowid"
        return tuple(coding_from(r) for r in self._rows(sql, values))

    def replace_codings(self, instrument: str, methods: Sequence[str], codings: Iterable[Coding]) -> None:
        """What a model codes anew, in place of what models coded before: both or neither.

        What people coded can't be taken away, and what they decided on is kept with it.
        """
        assert not set(methods) & {"human", "import"}, "codings of people are kept"
        some = ", ".join("?" * len(methods))
        sql = f"""DELETE FROM coding WHERE method IN ({some}) AND unit IN (SELECT id FROM unit WHERE instrument = ?)
                  AND id NOT IN (SELECT supersedes FROM coding WHERE method = 'human')"""
        with self._writing() as db:
            db.execute(sql, (*methods, instrument))
            db.executemany(_schema.insert("coding", "OR IGNORE"), [coding_row(c) for c in codings])

    def drop_codings(self, instrument: str, methods: Sequence[str]) -> None:
        """Take away what a model coded."""
        self.replace_codings(instrument, methods, ())

    # --- Search, embeddings, models ---

    def match_words(
        self, query: str, limit: int, instruments: Collection[str] | None = None, units: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """Units by BM25: `(id, score)`, best first, larger is better; of some instruments, or some units, only."""
        return [(r[0], float(r[1])) for r in self._rows(*_fts.words(query, limit, instruments, units))]

    def match_part(
        self, part: str, limit: int, instruments: Collection[str] | None = None, units: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """Units that hold a run of characters, as `match_words`."""
        return [(r[0], float(r[1])) for r in self._rows(*_fts.part(part, limit, instruments, units))]

    def embeddings(self, texts: Iterable[str], weights: str) -> dict[str, bytes]:
        """Stored sentence vectors (float32 bytes) of texts by their SHA-256."""
        found: dict[str, bytes] = {}
        wanted = sorted(set(texts))
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            sql = f"SELECT sha256, vector FROM embedding WHERE weights = ? AND sha256 IN ({', '.join('?' * len(some))})"
            found |= {r[0]: bytes(r[1]) for r in self._rows(sql, (weights, *some))}
        return found

    def put_embeddings(self, vectors: Mapping[str, bytes], weights: str) -> None:
        """Keep sentence vectors for the next time."""
        with self._writing() as db:
            rows = [(sha, weights, v) for sha, v in sorted(vectors.items())]
            db.executemany("INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)", rows)

    def put_model(
        self, version: str, mode: str, licence: str, made_on: str, data: bytes, about: Mapping[str, Any]
    ) -> None:
        """Keep a fitted model."""
        with self._writing() as db:
            row = (version, mode, licence, made_on, json.dumps(about, sort_keys=True, ensure_ascii=False), data)
            db.execute("INSERT OR REPLACE INTO model VALUES (?, ?, ?, ?, ?, ?)", row)

    def model(self, mode: str) -> tuple[str, str, dict[str, Any], bytes] | None:
        """The last model of a mode: version, licence, what is told of it, its bytes."""
        sql = "SELECT * FROM model WHERE mode = ? ORDER BY made_on DESC, version LIMIT 1"
        found = self._rows(sql, (mode,))
        return None if not found else (found[0][0], found[0][2], json.loads(found[0][4]), bytes(found[0][5]))


def whole(instrument: str) -> str:
    """The id of the unit that stands for a whole instrument."""
    return f"{instrument}/whole"


def searched(unit: Unit) -> bool:
    """Whether a unit stands in the search index by itself."""
    return unit.kind in ("article", "annex") or (unit.kind == "paragraph" and not unit.parent)


def _where(wanted: Iterable[tuple[str, str]]) -> tuple[str, list[str]]:
    """The condition that columns have the values asked for; an empty value asks for nothing."""
    asked = [(column, value) for column, value in wanted if value]
    return "WHERE " * bool(asked) + " AND ".join(f"{c} = ?" for c, _ in asked), [v for _, v in asked]


def _state(path: str, error: Exception) -> StateError:
    text = str(error)
    if "locked" in text:
        return StateError("the store is in use by another process.", where=path, hint="Try again.", code="locked")
    if "full" in text:
        return StateError("no room left on the disk.", where=path, hint="Make room, and run again.", code="full")
    hint = "Move the file away and load again, if it is damaged."
    return StateError(f"the store can't be used: {text}.", where=path, hint=hint, code="store")
