"""The tables of the store, and how an older store becomes one of today."""

from __future__ import annotations

import sqlite3
import time

VERSION = 2  # how many steps there are

COLUMNS = {
    "instrument": (
        "id", "name", "short_name", "type", "form", "adopted", "signed", "in_force", "ended", "status", "binding",
        "binding_note", "topics", "url", "parties_note", "complete", "evidence", "mark",
    ),
    "participation": (
        "instrument", "party", "role", "signed", "ratified", "in_force", "withdrawn", "provisional", "suspended",
        "in_force_towards", "directed_to", "reservations", "unknown", "source", "seen_on", "mark",
    ),
    "unit": (
        "id", "instrument", "kind", "number", "heading", "lang", "order", "parent", "sha256", "source_sha256",
        "source_start", "source_end", "alternative_id",
    ),
    "coding": (
        "id", "unit", "provision", "depth", "flags", "probability", "span_start", "span_end", "method", "model_version",
        "coder", "coded_on", "reason", "supersedes", "state", "licence",
    ),
}  # fmt: skip

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE instrument (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, short_name TEXT NOT NULL, type TEXT NOT NULL, form TEXT NOT NULL,
    adopted TEXT, signed TEXT, in_force TEXT, ended TEXT, status TEXT NOT NULL, binding TEXT NOT NULL,
    binding_note TEXT NOT NULL, topics TEXT NOT NULL, url TEXT NOT NULL, parties_note TEXT NOT NULL,
    complete INTEGER NOT NULL, evidence TEXT NOT NULL, mark TEXT NOT NULL);
CREATE TABLE participation (
    instrument TEXT NOT NULL REFERENCES instrument (id), party TEXT NOT NULL, role TEXT NOT NULL, signed TEXT,
    ratified TEXT, in_force TEXT, withdrawn TEXT, provisional TEXT, suspended TEXT, in_force_towards TEXT NOT NULL,
    directed_to TEXT NOT NULL, reservations TEXT NOT NULL, unknown TEXT NOT NULL, source TEXT NOT NULL,
    seen_on TEXT NOT NULL, mark TEXT NOT NULL);
CREATE INDEX participation_of ON participation (instrument, party);
CREATE INDEX participation_by ON participation (party, instrument);
CREATE TABLE relation (from_id TEXT NOT NULL, to_id TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL);
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE text (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE unit (
    id TEXT PRIMARY KEY, instrument TEXT NOT NULL REFERENCES instrument (id), kind TEXT NOT NULL, number TEXT NOT NULL,
    heading TEXT NOT NULL, lang TEXT NOT NULL, "order" INTEGER NOT NULL, parent TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES text (sha256), source_sha256 TEXT NOT NULL, source_start INTEGER NOT NULL,
    source_end INTEGER NOT NULL, alternative_id TEXT NOT NULL);
CREATE INDEX unit_of ON unit (instrument, "order");
CREATE INDEX unit_text ON unit (sha256);
CREATE TABLE coding (
    id TEXT PRIMARY KEY, unit TEXT NOT NULL REFERENCES unit (id), provision TEXT NOT NULL, depth INTEGER,
    flags TEXT NOT NULL, probability REAL, span_start INTEGER, span_end INTEGER, method TEXT NOT NULL,
    model_version TEXT NOT NULL, coder TEXT NOT NULL, coded_on TEXT NOT NULL, reason TEXT NOT NULL,
    supersedes TEXT NOT NULL, state TEXT NOT NULL, licence TEXT NOT NULL);
CREATE INDEX coding_of ON coding (unit, provision);
CREATE TABLE embedding (
    sha256 TEXT NOT NULL, weights TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (sha256, weights));
CREATE TABLE model (
    version TEXT PRIMARY KEY, mode TEXT NOT NULL, licence TEXT NOT NULL, made_on TEXT NOT NULL, about TEXT NOT NULL,
    data BLOB NOT NULL);
CREATE VIRTUAL TABLE fts_word USING fts5 (heading, text, chapter, tokenize = "unicode61 remove_diacritics 2");
CREATE VIRTUAL TABLE fts_tri USING fts5 (heading, text, tokenize = "trigram");
"""
_SECOND = """
CREATE TABLE past_coding (
    instrument TEXT NOT NULL, text_sha256 TEXT NOT NULL REFERENCES text (sha256), ended_by TEXT NOT NULL,
    id TEXT PRIMARY KEY, unit TEXT NOT NULL, provision TEXT NOT NULL, depth INTEGER,
    flags TEXT NOT NULL, probability REAL, span_start INTEGER, span_end INTEGER, method TEXT NOT NULL,
    model_version TEXT NOT NULL, coder TEXT NOT NULL, coded_on TEXT NOT NULL, reason TEXT NOT NULL,
    supersedes TEXT NOT NULL, state TEXT NOT NULL, licence TEXT NOT NULL);
CREATE INDEX past_coding_of ON past_coding (instrument, unit);
"""
_STEPS = (_FIRST, _SECOND)  # the first makes version 1 of nothing, each further one the next version


def insert(table: str, how: str = "") -> str:
    """The statement that adds a row to a table."""
    names = ", ".join(f'"{c}"' for c in COLUMNS[table])
    marks = ", ".join("?" * len(COLUMNS[table]))
    return f"INSERT {how} INTO {table} ({names}) VALUES ({marks})"


def wal(db: sqlite3.Connection, seconds: float) -> None:
    """Write ahead. SQLite itself does not wait when another process holds the file while the journal changes."""
    until = time.monotonic() + seconds
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(0.01)


def version(db: sqlite3.Connection) -> int:
    """The number of the store's tables; 0 where there are none."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> int:
    """Bring a store of an older version to today's, in one transaction; a newer one is left alone.

    The version is read again under the lock: of several processes that use a store for the first time, the first makes
    its tables and the others find them made.

    Returns:
        The version that the store has then.
    """
    if version(db) >= VERSION:
        return version(db)
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version(db)
        for step in _STEPS[found:]:
            for statement in step.split(";\n"):
                if statement.strip():
                    db.execute(statement)
        if found < VERSION:
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return max(found, VERSION)
