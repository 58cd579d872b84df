"""What a node remembers of its exchange: processes, messages seen and to be sent, agreements, duties, tokens, uses.

One SQLite file, `exchange.sqlite`, beside the log's. Each step is one transaction that is on the disk before its answer
leaves, so that a crash loses nothing that a peer was told; threads that wait for the disk at one time share its flush
(`shared_flush`), and whoever only reads waits for no writer. Tokens are kept as their SHA-256.
Harvest runs and records live in the same file under tables of their own (`harvest_store`).

What a state means is not known here (`exchange.dataspace`); neither is anything of the network (`exchange_routes`,
`dsp_client`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concordat.errors import StateError
from concordat.node.shared_flush import SharedFlush

FILE = "exchange.sqlite"

SCHEMA = 1
# Whoever makes the file says its version: harvests and incidents have tables in it as well.
META = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    f"INSERT OR IGNORE INTO meta VALUES ('schema', '{SCHEMA}')",
)
_TABLES = """
CREATE TABLE IF NOT EXISTS process (
  pid TEXT PRIMARY KEY, kind TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL, state TEXT NOT NULL,
  body TEXT NOT NULL, callback TEXT NOT NULL, facts TEXT NOT NULL, flag TEXT NOT NULL DEFAULT '',
  changed INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS process_state ON process (state, kind);
CREATE TABLE IF NOT EXISTS seen (
  peer TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, status INTEGER NOT NULL, answer BLOB NOT NULL,
  PRIMARY KEY (peer, path, digest)) STRICT;
CREATE TABLE IF NOT EXISTS outgoing (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pid TEXT NOT NULL UNIQUE, url TEXT NOT NULL, body BLOB NOT NULL,
  attempts INTEGER NOT NULL, next_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS agreement (
  id TEXT PRIMARY KEY, pid TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL, dataset TEXT NOT NULL,
  hash TEXT NOT NULL, text TEXT NOT NULL, final INTEGER NOT NULL DEFAULT 0, facts TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS duty (
  agreement TEXT NOT NULL, number INTEGER NOT NULL, action TEXT NOT NULL, due TEXT, words TEXT NOT NULL,
  done TEXT, PRIMARY KEY (agreement, number)) STRICT;
CREATE TABLE IF NOT EXISTS token (
  hash TEXT PRIMARY KEY, pid TEXT NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS used (
  member TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (member, jti)) STRICT;
CREATE INDEX IF NOT EXISTS used_until ON used (until);
CREATE TABLE IF NOT EXISTS served (
  agreement TEXT NOT NULL, pid TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY (pid, file)) STRICT;
CREATE INDEX IF NOT EXISTS served_agreement ON served (agreement);
"""


@dataclass(slots=True)
class Process:
    """One negotiation or transfer, as this side keeps it.

    Attributes:
        pid: our own name for it. kind: `negotiation` or `transfer`. role: ours. peer: the other member.
        state: where it stands. body: the machine's own record. callback: the base address of the other side's routes.
        facts: what this side needs beside it (dataset, rule, wishes, entries). flag: what a person must look at.
    """

    pid: str
    kind: str
    role: str
    peer: str
    state: str
    body: dict[str, Any]
    callback: str
    facts: dict[str, Any] = field(default_factory=dict)
    flag: str = ""
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message whose intention stands on the disk: it is sent, the same bytes each time, until it is answered."""

    id: int
    pid: str
    url: str
    body: bytes
    attempts: int
    next_at: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement with its text, as both sides keep it."""

    id: str
    pid: str
    role: str
    peer: str
    dataset: str
    hash: str
    text: dict[str, Any]
    final: bool
    facts: dict[str, Any]


class ExchangeStore:
    """The file.

    Args:
        path: of the file; made if it isn't there.

    Raises:
        StateError: it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock, self._reading = threading.RLock(), threading.Lock()
        self._depth, self._writer = 0, 0  # the thread whose transaction is open
        self._after: list[Callable[[], None]] = []
        self.hastened: Callable[[], None] = lambda: None  # told when a message that waited may go now
        self._looking = threading.local()  # of a thread in `look`: how many commits its reads have seen
        self.moved: Callable[[Process], None] = lambda _: None  # told of each process that was put, once it is durable
        self.posted: Callable[[Outgoing, str], None] = lambda *_: None  # told of each intention and its receiver, then
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            for statement in META:
                self._db.execute(statement)
            self._db.executescript(_TABLES)
            # What an earlier process left in the log, flushed or not, is in the main file before it is acted upon.
            (busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise StateError("another process reads it.", where=str(path), hint="Try again.", code="store")
            self._db.execute("PRAGMA synchronous = NORMAL")  # from here on `_shared` flushes
            self._eyes = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._eyes.execute("PRAGMA query_only = ON")
            self._eyes.execute("SELECT value FROM meta").fetchone()
            self._shared = SharedFlush(path)
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"can't be opened: {error}.", where=str(path), code="store") from None

    @property
    def fault(self) -> str:
        """Why nothing is written or told any more; empty while all is well."""
        return self._shared.fault

    def close(self) -> None:
        """Close the file."""
        with self._lock, self._reading:
            self._shared.close()
            self._eyes.close()
            self._db.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Everything inside is on the disk when the block ends, or nothing of it is; blocks may nest.

        Raises:
            StateError: the disk refuses, or another process holds the file.
        """
        with self._lock:
            if self._depth:
                yield
                return
            with self._transaction():
                yield
            after, self._after = self._after, []
        self._shared.settle(self._shared.stand())
        for work in after:
            work()

    @contextmanager
    def look(self) -> Iterator[None]:
        """Read several things and wait for the disk once: what was seen is on it when the block ends.

        What is done inside that a crash does not take back waits for `settle` first.

        Raises:
            StateError: the disk refuses.
        """
        if self._seen() is not None:
            yield
            return
        self._looking.seen = 0
        try:
            yield
            self.settle()
        finally:
            self._looking.seen = None

    def settle(self) -> None:
        """All that this thread has read is on the disk when this returns.

        Raises:
            StateError: the disk refuses.
        """
        seen = self._seen()
        if seen is not None:
            self._shared.settle(seen)

    def _seen(self) -> int | None:
        return getattr(self._looking, "seen", None)

    def then(self, work: Callable[[], None]) -> None:
        """Do something once the open transaction of this thread is on the disk, or at once if there is none.

        Whoever is told of a change must find it: others read what was committed, and wait for no open transaction.
        """
        if self._writer == threading.get_ident():
            self._after.append(work)
        else:
            work()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._depth, self._writer, self._after = 1, threading.get_ident(), []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._shared.committing():
                    self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StateError(f"not written: {error}.", where=str(self.path), code="store") from None
        finally:
            self._depth, self._writer = 0, 0

    def _all(self, query: str, *values: Any) -> list[Any]:
        if self._writer == threading.get_ident():  # in its own transaction a thread reads what it has written
            return self._db.execute(query, values).fetchall()
        with self._reading:
            found = self._eyes.execute(query, values).fetchall()
        stand = self._shared.stand()
        if self._seen() is None:
            self._shared.settle(stand)  # nothing is acted upon that a crash may take back
        else:
            self._looking.seen = stand
        return found

    # --- Processes ----------------------------------------------------------------------------------------------------

    def put(self, process: Process, now: int) -> None:
        """Keep a process as it now stands."""
        process.changed = now
        row = (
            process.pid, process.kind, process.role, process.peer, process.state, _text(process.body),
            process.callback, _text(process.facts), process.flag, now,
        )  # fmt: skip
        with self.commit():
            self._db.execute(f"INSERT OR REPLACE INTO process VALUES ({','.join('?' * len(row))})", row)
            self.then(lambda: self.moved(process))

    def process(self, pid: str) -> Process | None:
        """A process by our own name for it."""
        rows = self._all("SELECT * FROM process WHERE pid = ?", pid)
        return _process(rows[0]) if rows else None

    def transfer(self, pid: str) -> Process | None:
        """A process by our own name for it, if it is a transfer."""
        rows = self._all("SELECT * FROM process WHERE pid = ? AND kind = 'transfer'", pid)
        return _process(rows[0]) if rows else None

    def processes(self, kind: str = "", *, open_only: bool = False) -> list[Process]:
        """Every process of a kind, in the order of their names; `open_only` leaves out those that are over."""
        over = "('FINALIZED', 'COMPLETED', 'TERMINATED')"
        where = f"state NOT IN {over}" if open_only else "1"
        return [_process(r) for r in self._all(f"SELECT * FROM process WHERE {where} ORDER BY pid")
                if not kind or r[1] == kind]  # fmt: skip

    def by_peer_pid(self, kind: str, peer: str, key: str, pid: str) -> Process | None:
        """The process that a peer calls so: for a first message that comes again."""
        query = "SELECT * FROM process WHERE kind = ? AND peer = ? AND json_extract(body, ?) = ?"
        rows = self._all(query, kind, peer, f"$.{key}", pid)
        return _process(rows[0]) if rows else None

    # --- Messages -----------------------------------------------------------------------------------------------------

    def seen(self, peer: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        """The answer that these bytes got from us before."""
        query = "SELECT status, answer FROM seen WHERE peer = ? AND path = ? AND digest = ?"
        rows = self._all(query, peer, path, hashlib.sha256(body).hexdigest())
        return (int(rows[0][0]), bytes(rows[0][1])) if rows else None

    def remember(self, peer: str, path: str, body: bytes, status: int, answer: bytes) -> None:
        """Keep the answer to a message that changed a state."""
        row = (peer, path, hashlib.sha256(body).hexdigest(), status, answer)
        with self.commit():
            self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", row)

    def intend(self, pid: str, url: str, body: bytes, at: float) -> None:
        """A message that will be sent; a process has at most one."""
        with self.commit():
            values = (pid, url, body, 0, at)
            made = self._db.execute(
                "INSERT OR REPLACE INTO outgoing (pid, url, body, attempts, next_at) VALUES (?, ?, ?, ?, ?)", values
            )
            outgoing = Outgoing(made.lastrowid or 0, *values)
            peer = self._db.execute("SELECT peer FROM process WHERE pid = ?", (pid,)).fetchone()
            if peer is not None:
                self.then(lambda: self.posted(outgoing, peer[0]))

    def intended(self, pid: str) -> Outgoing | None:
        """The message of a process that waits for its answer."""
        rows = self._all("SELECT * FROM outgoing WHERE pid = ?", pid)
        return Outgoing(*rows[0]) if rows else None

    def due(self, now: float, most: int = 64) -> list[Outgoing]:
        """Messages to send now, the oldest first."""
        query = "SELECT * FROM outgoing WHERE next_at <= ? ORDER BY next_at, id LIMIT ?"
        return [Outgoing(*row) for row in self._all(query, now, most)]

    def next_due(self) -> float | None:
        """When the next message is due."""
        (at,) = self._all("SELECT min(next_at) FROM outgoing")[0]
        return None if at is None else float(at)

    def retry(self, outgoing: Outgoing, attempts: int, at: float) -> None:
        """The same bytes again, later."""
        with self.commit():
            self._db.execute("UPDATE outgoing SET attempts = ?, next_at = ? WHERE id = ?", (attempts, at, outgoing.id))

    def hasten(self, pid: str, at: float) -> None:
        """The message of a process that waits for its next attempt goes now: its receiver is there."""
        with self.commit():
            self._db.execute("UPDATE outgoing SET next_at = min(next_at, ?) WHERE pid = ?", (at, pid))
            self.then(self.hastened)

    def answered(self, outgoing: Outgoing) -> None:
        """A message needs no more sending."""
        with self.commit():
            self._db.execute("DELETE FROM outgoing WHERE id = ?", (outgoing.id,))

    # --- Agreements and duties ----------------------------------------------------------------------------------------

    def put_agreement(self, agreement: Agreement) -> None:
        """Keep an agreement."""
        row = (
            agreement.id, agreement.pid, agreement.role, agreement.peer, agreement.dataset, agreement.hash,
            _text(agreement.text), int(agreement.final), _text(agreement.facts),
        )  # fmt: skip
        with self.commit():
            self._db.execute("INSERT OR REPLACE INTO agreement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def agreement(self, identifier: str) -> Agreement | None:
        """An agreement by its id."""
        rows = self._all("SELECT * FROM agreement WHERE id = ?", identifier)
        return _agreement(rows[0]) if rows else None

    def agreements(self) -> list[Agreement]:
        """Every agreement, by id."""
        return [_agreement(row) for row in self._all("SELECT * FROM agreement ORDER BY id")]

    def open_duties(self, agreement: str, rows: list[tuple[int, str, str | None, str]]) -> None:
        """Follow the promises of a final agreement: number, action, day or None, words."""
        with self.commit():
            query = "INSERT OR IGNORE INTO duty (agreement, number, action, due, words) VALUES (?, ?, ?, ?, ?)"
            self._db.executemany(query, [(agreement, *row) for row in rows])

    def duties(self, agreement: str = "") -> list[tuple[str, int, str, str | None, str, str | None]]:
        """Promises: agreement, number, action, day, words, done on."""
        where = "WHERE agreement = ?" if agreement else "WHERE ? = ''"
        return self._all(f"SELECT * FROM duty {where} ORDER BY agreement, number", agreement)

    def duty_done(self, agreement: str, number: int, on: str) -> None:
        """A promise was kept on a day."""
        with self.commit():
            self._db.execute("UPDATE duty SET done = ? WHERE agreement = ? AND number = ?", (on, agreement, number))

    # --- Tokens of callers --------------------------------------------------------------------------------------------

    def use(self, member: str, jti: str, until: int, ended: int) -> None:
        """A caller's token was used; those that ended before an instant are forgotten."""
        with self.commit():
            self._db.execute("DELETE FROM used WHERE until < ?", (ended,))
            self._db.execute("INSERT OR IGNORE INTO used VALUES (?, ?, ?)", (member, jti, until))

    def used(self) -> list[tuple[str, str, int]]:
        """Callers' tokens that were used: member, id, end; the earliest end first."""
        return [(str(m), str(j), int(u)) for m, j, u in self._all("SELECT * FROM used ORDER BY until, member, jti")]

    # --- Tokens and uses ----------------------------------------------------------------------------------------------

    def put_token(self, token: str, pid: str, expires: int) -> None:
        """Remember a token by its SHA-256; a process has one at a time."""
        with self.commit():
            self._db.execute("DELETE FROM token WHERE pid = ?", (pid,))
            self._db.execute("INSERT INTO token VALUES (?, ?, ?)", (token_hash(token), pid, expires))

    def add_token(self, token: str, pid: str, expires: int) -> None:
        """Remember one more token of a process, beside the one that it has."""
        with self.commit():
            self._db.execute("INSERT INTO token VALUES (?, ?, ?)", (token_hash(token), pid, expires))

    def only_token(self, token: str, pid: str) -> None:
        """A process has this token, and no other any more."""
        with self.commit():
            self._db.execute("DELETE FROM token WHERE pid = ? AND hash <> ?", (pid, token_hash(token)))

    def forget_token(self, token: str) -> None:
        """A token opens nothing any more."""
        with self.commit():
            self._db.execute("DELETE FROM token WHERE hash = ?", (token_hash(token),))

    def end_token(self, pid: str) -> None:
        """A process needs its token no more."""
        with self.commit():
            self._db.execute("DELETE FROM token WHERE pid = ?", (pid,))

    def extend_token(self, pid: str, expires: int) -> None:
        """A process's token is good until another instant."""
        with self.commit():
            self._db.execute("UPDATE token SET expires = ? WHERE pid = ?", (expires, pid))

    def token_end(self, pid: str) -> int:
        """Until when a process's token is good; 0 if it has none."""
        return int(self._all("SELECT coalesce(max(expires), 0) FROM token WHERE pid = ?", pid)[0][0])

    def token_pid(self, token: str, now: int) -> str | None:
        """The process that a token opens now."""
        rows = self._all("SELECT pid FROM token WHERE hash = ? AND expires > ?", token_hash(token), now)
        return str(rows[0][0]) if rows else None

    def serve(self, agreement: str, pid: str, file: str, size: int, count: int) -> None:
        """So many bytes of a file left under a transfer; a negative number gives back what did not arrive."""
        query = """INSERT INTO served VALUES (?, ?, ?, ?, max(0, ?))
            ON CONFLICT (pid, file) DO UPDATE SET bytes = max(0, bytes + ?)"""
        with self.commit():
            self._db.execute(query, (agreement, pid, file, size, count, count))

    def left(self, pid: str, file: str) -> int:
        """Bytes of a file that left under one transfer."""
        rows = self._all("SELECT bytes FROM served WHERE pid = ? AND file = ?", pid, file)
        return int(rows[0][0]) if rows else 0

    def served(self, agreement: str) -> dict[str, tuple[int, int]]:
        """Bytes of each file that left under an agreement, over all its transfers, and the size of the file."""
        query = "SELECT file, sum(bytes), max(size) FROM served WHERE agreement = ? GROUP BY file"
        return {file: (int(sent), int(size)) for file, sent, size in self._all(query, agreement)}

    def uses(self, agreement: str) -> dict[tuple[str, str], int]:
        """Whole bodies that left, by transfer and file."""
        rows = self._all("SELECT pid, file, size, bytes FROM served WHERE agreement = ?", agreement)
        return {(pid, file): count // max(1, size) for pid, file, size, count in rows}


def token_hash(token: str) -> str:
    """SHA-256 of a token: all that is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), allow_nan=False, separators=(",", ":"), sort_keys=True)


def _process(row: Any) -> Process:
    pid, kind, role, peer, state, body, callback, facts, flag, changed = row
    return Process(pid, kind, role, peer, state, json.loads(body), callback, json.loads(facts), flag, changed)


def _agreement(row: Any) -> Agreement:
    identifier, pid, role, peer, dataset, digest, text, final, facts = row
    return Agreement(identifier, pid, role, peer, dataset, digest, json.loads(text), bool(final), json.loads(facts))
