"""Runs of the harvester and the records that they brought, in the node's `exchange.sqlite`: never half of a page.

A page and the token behind it are one transaction, so that whoever is killed between two statements goes on at the page
that was not committed: no record is lost, none comes twice. A run that is found `running` and does not bear the start
token of this process belongs to one that is gone: it becomes `abandoned`.

A *pass* is one reading of a source from its beginning; runs that resume it share its number. Records remember the pass
that read them last: what a whole pass neither read nor failed to read is gone. A run's failures are those of its pass
until then: also of the runs that it went on from, and without those whose record was read on a later page. A *mark* is
what a source needs to give only what changed the next time; it is kept once a pass has left nothing open, and never
before: what failed, or waits, is read again. Source: exchange.md 4.2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import InputError, StateError
from concordat.exchange.catalogue.harvest import ENDS, Changes, Page, Snapshot, changes_hash
from concordat.exchange.catalogue.model import Dataset, Failure, of_value, to_value
from concordat.node import exchange_store
from concordat.node.shared_flush import require_whole

FILE = exchange_store.FILE
RUNNING = "running"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, address TEXT NOT NULL,
  owner TEXT NOT NULL, pass INTEGER NOT NULL, state TEXT NOT NULL, token TEXT NOT NULL, pages INTEGER NOT NULL,
  started INTEGER NOT NULL, finished INTEGER, reason TEXT NOT NULL, waiting INTEGER NOT NULL,
  entry TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS records (
  source TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL, pass INTEGER NOT NULL,
  run INTEGER NOT NULL, PRIMARY KEY (source, key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS run_changes (
  run INTEGER NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (run, key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS run_failures (
  run INTEGER NOT NULL, pass INTEGER NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL,
  named INTEGER NOT NULL, PRIMARY KEY (run, number)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS run_failures_key ON run_failures (pass, key)",
    # A failure (run, number) whose record was read well on a later page of the same pass, by the run `later`.
    """CREATE TABLE IF NOT EXISTS run_mended (
  run INTEGER NOT NULL, number INTEGER NOT NULL, later INTEGER NOT NULL,
  PRIMARY KEY (run, number)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS run_tokens (
  source TEXT NOT NULL, pass INTEGER NOT NULL, token TEXT NOT NULL,
  PRIMARY KEY (source, pass, token)) STRICT, WITHOUT ROWID""",
    # What a source said was deleted, in a pass that is not at its end.
    """CREATE TABLE IF NOT EXISTS run_gone (
  pass INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (pass, key)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS source_mark (
  source TEXT PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, mark TEXT NOT NULL) STRICT, WITHOUT ROWID""",
)
# The failures of a pass that stand when a run ends: a record that failed twice counts once, by its last reason.
_FAILED = """SELECT f.key, f.reason, f.named, max(f.run * 1000000000 + f.number) AS place FROM run_failures f
  LEFT JOIN run_mended m ON m.run = f.run AND m.number = f.number AND m.later <= ?
  WHERE f.pass = ? AND f.run BETWEEN f.pass AND ? AND m.run IS NULL
  GROUP BY CASE f.named WHEN 1 THEN 'key ' || f.key ELSE f.run || ' ' || f.number END"""
_RUN = """SELECT id, source, kind, address, owner, pass, state, token, pages, started, finished, reason, waiting, entry
  FROM runs"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the harvester.

    Attributes:
        id: its number. source: this member's name of it. kind, address: what is read, and where. owner: start token of
            the process. reading: number of the pass. state: `running` or an end. token: where the next page begins.
        pages: committed. started, finished: seconds since 1970. reason: why it ended so. waiting: removals that wait.
        entry: that logged it; empty until then. added, changed, removed: counts. failed: of the pass until then.
    """

    id: int
    source: str
    kind: str
    address: str
    owner: str
    reading: int
    state: str
    token: str
    pages: int
    started: int
    finished: int | None
    reason: str
    waiting: int
    entry: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    failed: int = 0

    @property
    def words(self) -> str:
        """`complete: 412 added, 9 changed, 0 removed, 3 failed`, and what waits or went wrong."""
        said = f"{self.state}: {self.added:,} added, {self.changed:,} changed, {self.removed:,} removed"
        said += f", {self.failed:,} failed"
        if self.waiting:
            said += f"; {self.waiting:,} are gone at the source and wait for --accept-removals"
        return f"{said}; {self.reason}" if self.reason else said


class HarvestStore:
    """The tables.

    Args:
        path: of the file; made if it isn't there. step: told before each statement, for tests that kill there.

    Raises:
        StateError: it can't be opened.
    """

    def __init__(self, path: Path, step: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._step = step
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            for table in (*exchange_store.META, *_TABLES):
                self._db.execute(table)
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"can't be opened: {error}.", where=str(path), code="store") from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> HarvestStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, query: str, *values: Any) -> sqlite3.Cursor:
        if self._step is not None:
            self._step(query.split(None, 1)[0])
        return self._db.execute(query, values)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """Everything inside is on the disk when the block ends, or nothing of it is.

        Raises:
            StateError: the disk refuses, or another process holds the file.
        """
        try:
            self._do("BEGIN IMMEDIATE")
            try:
                yield
                require_whole(self.path)  # of the one log that all who write this file share
                self._do("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StateError(f"not written: {error}.", where=str(self.path), code="store") from None

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def abandon(self, owner: str, now: int) -> int:
        """End every run that is `running` and is not this process's; how many there were."""
        with self._commit():
            query = """UPDATE runs SET state = 'abandoned', finished = ?, reason = 'its process was gone'
              WHERE state = 'running' AND owner <> ?"""
            return self._do(query, now, owner).rowcount

    def begin(self, source: str, kind: str, address: str, owner: str, now: int) -> Run:
        """A new run; it resumes the source's last pass if that stopped at a token.

        Raises:
            StateError: a run of this source is going on.
        """
        with self._commit():
            last = self._do(f"{_RUN} WHERE source = ? ORDER BY id DESC LIMIT 1", source).fetchone()
            before = self._of(last) if last else None
            if before is not None and before.state == RUNNING:
                raise StateError(f"run {before.id} of {source} is going on.", where=source, code="running")
            if before is not None and (before.kind, before.address) != (kind, address):
                self._do(
                    "DELETE FROM source_mark WHERE source = ?", source
                )  # what it removes comes back by a whole one
            resumes = before is not None and before.token and (before.kind, before.address) == (kind, address)
            query = """INSERT INTO runs (source, kind, address, owner, pass, state, token, pages, started, reason,
              waiting, entry) VALUES (?, ?, ?, ?, ?, 'running', ?, 0, ?, '', 0, '')"""
            reading = before.reading if resumes and before else 0
            token = before.token if resumes and before else ""
            number = int(self._do(query, source, kind, address, owner, reading, token, now).lastrowid or 0)
            if not reading:
                self._do("UPDATE runs SET pass = id WHERE id = ?", number)
        return self.run(number)

    def afresh(self, run: Run) -> Run:
        """The run begins a pass of its own: the source does not know the token any more."""
        with self._commit():
            self._do("UPDATE runs SET pass = id, token = '' WHERE id = ?", run.id)
        return self.run(run.id)

    def page(self, run: Run, page: Page, part: Changes) -> None:
        """Commit one page: its records, failures and counts together with the token behind it."""
        with self._commit():
            for what, records in (("added", part.added), ("changed", part.changed)):
                for record in records:
                    body = canonical.dumps(
                        {"dataset": to_value(record.dataset), "record": record.dataset.source_record}, floats=True
                    )
                    query = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)"
                    self._do(query, run.source, record.key, record.hash, body, run.reading, run.id)
                    self._do("INSERT INTO run_changes VALUES (?, ?, ?, ?)", run.id, record.key, what, record.hash)
            for record in page.records:
                query = "UPDATE records SET pass = ? WHERE source = ? AND key = ?"
                self._do(query, run.reading, run.source, record.key)
            self._mend(run, [*(record.key for record in page.records), *page.gone])
            self._gone(run, page)
            self._fail(run, page.failed)
            if page.token:
                self._do("INSERT INTO run_tokens VALUES (?, ?, ?)", run.source, run.reading, page.token)
            self._do("UPDATE runs SET token = ?, pages = pages + 1 WHERE id = ?", page.token, run.id)

    def _gone(self, run: Run, page: Page) -> None:
        """What a page says was deleted, and what is there again."""
        for key in page.gone:
            self._do("INSERT OR IGNORE INTO run_gone VALUES (?, ?)", run.reading, key)
        if self._do("SELECT 1 FROM run_gone WHERE pass = ? LIMIT 1", run.reading).fetchone() is not None:
            for record in page.records:
                self._do("DELETE FROM run_gone WHERE pass = ? AND key = ?", run.reading, record.key)

    def _mend(self, run: Run, read: Iterable[str]) -> None:
        """Failures of this pass whose records were read now stand no longer."""
        if self._do("SELECT 1 FROM run_failures WHERE pass = ? LIMIT 1", run.reading).fetchone() is None:
            return
        query = """INSERT OR IGNORE INTO run_mended
          SELECT run, number, ? FROM run_failures WHERE pass = ? AND key = ? AND named = 1"""
        for key in read:
            self._do(query, run.id, run.reading, key)

    def _fail(self, run: Run, failed: Iterable[Failure]) -> None:
        start = self._do("SELECT count(*) FROM run_failures WHERE run = ?", run.id).fetchone()[0]
        for number, failure in enumerate(failed, start + 1):
            row = (run.id, run.reading, number, failure.key, failure.reason, int(failure.named))
            self._do("INSERT INTO run_failures VALUES (?, ?, ?, ?, ?, ?)", *row)

    def end(
        self, run: Run, state: str, now: int, *, reason: str = "", token: str | None = None, end: Changes | None = None,
        mark: str = "",
    ) -> Run:  # fmt: skip
        """End a run; what a whole pass did not see is removed in the same transaction.

        Args:
            token: where the next run goes on; None leaves what the last page said. end: of `Walk.finish`.
            mark: of a pass that left nothing open: where a reading of changes alone may begin.
        """
        assert state in ENDS, state
        gone = end.removed if end else ()
        with self._commit():
            for key in gone:
                self._do("INSERT OR REPLACE INTO run_changes VALUES (?, ?, 'removed', '')", run.id, key)
                self._do("DELETE FROM records WHERE source = ? AND key = ?", run.source, key)
            query = (
                "UPDATE runs SET state = ?, finished = ?, reason = ?, waiting = ? WHERE id = ? AND state = 'running'"
            )
            self._do(query, state, now, reason, len(end.waiting) if end else 0, run.id)
            if token is not None:
                self._do("UPDATE runs SET token = ? WHERE id = ?", token, run.id)
            if end is not None:
                self._do("DELETE FROM run_gone WHERE pass = ?", run.reading)
            if mark:
                row = (run.source, run.kind, run.address, mark)
                self._do("INSERT OR REPLACE INTO source_mark VALUES (?, ?, ?, ?)", *row)
        return self.run(run.id)

    def logged(self, run: int, entry: str) -> None:
        """Remember the entry that logged a run."""
        with self._commit():
            self._do("UPDATE runs SET entry = ? WHERE id = ?", entry, run)

    # --- Reading ------------------------------------------------------------------------------------------------------

    def _of(self, row: Any) -> Run:
        counts = dict(self._do("SELECT what, count(*) FROM run_changes WHERE run = ? GROUP BY what", row[0]).fetchall())
        added, changed, removed = (counts.get(what, 0) for what in ("added", "changed", "removed"))
        run = Run(*row)
        failed = len(self._failed(run.id, run.reading))
        return replace(run, added=added, changed=changed, removed=removed, failed=failed)

    def _failed(self, run: int, reading: int) -> list[Any]:
        """(key, reason, named, place) of the failures that stand when a run ends, in order."""
        return self._do(f"{_FAILED} ORDER BY place", run, reading, run).fetchall()

    def run(self, number: int) -> Run:
        """One run.

        Raises:
            InputError: no such run.
        """
        row = self._do(f"{_RUN} WHERE id = ?", number).fetchone()
        if row is None:
            raise InputError(f"there is no run {number}.", hint="See: concordat exchange runs", code="unknown_id")
        return self._of(row)

    def runs(self, source: str = "", *, unlogged: bool = False) -> list[Run]:
        """All runs, or those of a source, in order; or those that ended and are in no entry yet."""
        query = f"{_RUN} WHERE (? = '' OR source = ?) ORDER BY id"
        found = [self._of(row) for row in self._do(query, source, source).fetchall()]
        return [run for run in found if run.state != RUNNING and not run.entry] if unlogged else found

    def snapshot(self, source: str) -> Snapshot:
        """What is held of a source."""
        query = "SELECT key, hash FROM records WHERE source = ? ORDER BY key"
        return Snapshot(dict(self._do(query, source).fetchall()))

    def mark(self, source: str, kind: str, address: str) -> str:
        """What the last pass that left nothing open said of where it began; empty without one, or of another place."""
        query = "SELECT mark FROM source_mark WHERE source = ? AND kind = ? AND address = ?"
        row = self._do(query, source, kind, address).fetchone()
        return str(row[0]) if row else ""

    def seen(self, run: Run) -> tuple[list[str], list[str], bool, list[str], list[str]]:
        """What the pass of a run has seen: keys, tokens, whether one had no id, keys that failed or are gone."""
        keys = self._do("SELECT key FROM records WHERE source = ? AND pass = ?", run.source, run.reading).fetchall()
        tokens = self._do(
            "SELECT token FROM run_tokens WHERE source = ? AND pass = ?", run.source, run.reading
        ).fetchall()
        failed = self._do("SELECT key, named FROM run_failures WHERE pass = ?", run.reading).fetchall()
        unnamed = any(not named for _, named in failed)
        gone = self._do("SELECT key FROM run_gone WHERE pass = ?", run.reading).fetchall()
        return [k for (k,) in keys], [t for (t,) in tokens], unnamed, [k for k, _ in failed], [k for (k,) in gone]

    def failures(self, run: int) -> list[Failure]:
        """The records that the pass of a run could not read until it ended, in order.

        Raises:
            InputError: no such run.
        """
        found = self._failed(run, self.run(run).reading)
        return [Failure(key, reason, bool(named)) for key, reason, named, _ in found]

    def failed_before(self, run: int) -> int:
        """How many of those failed in the runs that this one went on from."""
        return sum(place < run * 10**9 for *_, place in self._failed(run, self.run(run).reading))

    def changes(self, run: int) -> dict[str, list[tuple[str, str]]]:
        """What a run changed: `added`, `changed`, `removed` -> (key, hash), sorted."""
        found: dict[str, list[tuple[str, str]]] = {"added": [], "changed": [], "removed": []}
        query = "SELECT what, key, hash FROM run_changes WHERE run = ? ORDER BY key"
        for what, key, digest in self._do(query, run).fetchall():
            found[what].append((key, digest))
        return found

    def changes_hash(self, run: int) -> str:
        """SHA-256 of the canonical list of changes of a run."""
        found = self.changes(run)
        return changes_hash(found["added"], found["changed"], [key for key, _ in found["removed"]])

    def datasets(self, source: str = "") -> Iterator[Dataset]:
        """The datasets that are held, all or of one source, by source and key."""
        query = "SELECT body FROM records WHERE (? = '' OR source = ?) ORDER BY source, key"
        for (body,) in self._do(query, source, source):
            value = canonical.loads(bytes(body), floats=True)
            yield of_value(value["dataset"], value["record"])

    def brought(self, run: int) -> Iterator[dict[str, Any] | None]:
        """The records as the source gave them, of those that a run added or changed and no later one did."""
        for (body,) in self._do("SELECT body FROM records WHERE run = ? ORDER BY source, key", run):
            yield canonical.loads(bytes(body), floats=True)["record"]


def abandon_left(home: Path, now: int) -> int:
    """End the runs that a process which is gone left `running`; whoever holds the node's lock may say so.

    Returns:
        How many there were.
    """
    if not (home / FILE).is_file():
        return 0
    with HarvestStore(home / FILE) as store:
        return store.abandon("", now)
