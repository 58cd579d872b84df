"""Work that takes longer than a page may: a queue in `people.db` that outlives the process, one job at a time.

    queued -> running -> done | failed | cancelled | interrupted          queued -> cancelled

A job is (kind, arguments); its kind stands in a closed table that `web` gives, its result is a file under its SHA-256.
Who asks for the same again, while it waits, runs or is done for the same release, gets the same job. What was running
when the process ended is `interrupted`, never taken for done; it is asked for again by a person. At most 100 wait.
`job_runner` does the work. Source: node-web.md 2.4. What is queued is not a ledger entry and promises nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from concordat import canonical
from concordat.errors import InputError, RuleError, StateError
from concordat.node.audit_log import AuditLog
from concordat.node.hashed_files import HashedFiles
from concordat.node.people_store import PeopleStore

QUEUE_MAX = 100
ARGS_MAX = 16_000
NOTE_MAX, ERROR_MAX = 200, 2_000
LIMIT_S = 600
KEPT_MAX = 1_000
STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
LIVE = ("queued", "running", "done")
_MOVES = {
    ("queued", "start"): "running",
    ("queued", "cancel"): "cancelled",
    ("running", "finish"): "done",
    ("running", "fail"): "failed",
    ("running", "cancel"): "cancelled",
    ("running", "stop"): "interrupted",
}
_COLUMNS = "id, kind, args, args_hash, state, done, total, note, queued, started, ended, result, error, asked_by"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work.

    Attributes:
        name: as in addresses and the table. call: `module:function` that does it; it takes the arguments, a
            `progress(done, total, note)` and the path of the file that it must write. words: what it does, for people.
        limit_s: after how many seconds it is stopped.
    """

    name: str
    call: str
    words: str
    limit_s: int = LIMIT_S


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table: times are seconds since 1970, 0 for none; `result` is a SHA-256 or empty."""

    id: str
    kind: str
    args: Mapping[str, Any]
    args_hash: str
    state: str
    done: int
    total: int
    note: str
    queued: int
    started: int
    ended: int
    result: str
    error: str
    asked_by: str


def move(state: str, event: str) -> str:
    """The state behind an event.

    Raises:
        StateError: the event can't happen there.
    """
    try:
        return _MOVES[state, event]
    except KeyError:
        raise StateError(f"a job that is {state} can't {event}.", where="job", code="job_state") from None


def words(job: Job, now: int, before: int = 0) -> str:
    """Where a job stands, for people: "chart 5 of 8, about 3 s left".

    Args:
        now: seconds since 1970. before: how many jobs come first, while it waits.
    """
    if job.state == "queued":
        return f"waiting; {before} before it" if before else "waiting; it is next"
    if job.state == "running":
        return _progress(job, now)
    seconds = max(job.ended - job.started, 0) if job.started else 0
    said = {
        "done": f"done in {seconds} s",
        "failed": f"failed: {job.error}",
        "cancelled": "cancelled",
        "interrupted": "interrupted when the node stopped; ask for it again",
    }
    return said[job.state]


def _progress(job: Job, now: int) -> str:
    if not job.total:
        return job.note or "begun"
    text = f"{job.note} {job.done} of {job.total}".strip()
    if not job.done:
        return text
    left = -(-max(now - job.started, 0) * (job.total - job.done) // job.done)
    return f"{text}, about {left} s left" if left else text


class Jobs:
    """The queue.

    Args:
        store: where it is kept. kinds: the closed table. files: where results are kept. now: seconds since 1970.
    """

    def __init__(
        self, store: PeopleStore, kinds: Mapping[str, Kind], files: HashedFiles, now: Callable[[], int]
    ) -> None:
        self._store, self.kinds, self.files, self.now = store, dict(kinds), files, now
        self._audit = AuditLog(store)

    # --- Asking -------------------------------------------------------------------------------------------------------

    def ask(self, kind: str, args: Mapping[str, Any], *, asked_by: str, release: str = "") -> Job:
        """Queue a job, or the one that does or did the same.

        Args:
            args: plain JSON without floats, none named `release`. asked_by: an account's id, or `node`. release: of
                the data it reads; the same arguments on another release are another job.

        Raises:
            InputError: an unknown kind, or arguments that are not plain JSON or over 16 kB. StateError: 100 wait.
        """
        if kind not in self.kinds:
            from concordat.settings import unknown_key

            raise unknown_key(kind, sorted(self.kinds), where="job kind")
        if "release" in args:
            raise InputError("the release is no argument of its own.", where="job", code="release")
        text = canonical.dumps({"args": dict(args), "kind": kind, "release": release})
        if len(text) > ARGS_MAX:
            raise InputError(f"over {ARGS_MAX:,} bytes of arguments.", where="job", code="too_large")
        digest, stored = sha256(text).hexdigest(), canonical.dumps({**args, "release": release}).decode()
        with self._store.commit():
            same = self._same(digest)
            if same is not None:
                return same
            if self.counts()["queued"] >= QUEUE_MAX:
                hint = "Try again in some minutes."
                raise StateError(f"{QUEUE_MAX} jobs are waiting.", where="jobs", hint=hint, code="busy")
            job_id, now = secrets.token_hex(16), self.now()
            last = self._store.one("SELECT max(n) FROM job")[0] or 0
            values = (last + 1, job_id, kind, stored, digest, "queued", 0, 0, "", now, 0, 0, "", "", asked_by)
            self._store.run(f"INSERT INTO job (n, {_COLUMNS}) VALUES ({', '.join('?' * len(values))})", *values)
            self._audit.append("job_started", asked_by, now, job=job_id, job_kind=kind)
            self._prune()
        return self.get(job_id)

    def _same(self, digest: str) -> Job | None:
        """The live job with these arguments; one whose result is gone is forgotten."""
        row = self._store.one(f"SELECT {_COLUMNS} FROM job WHERE args_hash = ? AND state IN (?, ?, ?)", digest, *LIVE)
        if not row:
            return None
        job = _job(row)
        if job.state == "done" and not self.files.has(job.result):
            self._store.run("DELETE FROM job WHERE id = ?", job.id)
            return None
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            InputError: there is none.
        """
        row = self._store.one(f"SELECT {_COLUMNS} FROM job WHERE id = ?", job_id)
        if not row:
            raise InputError("no such job.", where=job_id[:64], hint="See: concordat node jobs", code="no_job")
        return _job(row)

    def list(self, state: str = "", limit: int = 200) -> list[Job]:
        """The newest jobs, newest first; only those of one state if it is named."""
        where, values = ("WHERE state = ?", [state]) if state else ("", [])
        query = f"SELECT {_COLUMNS} FROM job {where} ORDER BY n DESC LIMIT ?"
        return [_job(row) for row in self._store.rows(query, *values, limit)]

    def before(self, job: Job) -> int:
        """How many jobs come before one that waits."""
        earlier = "state = 'queued' AND n < (SELECT n FROM job WHERE id = ?)"
        query = f"SELECT count(*) FROM job WHERE state = 'running' OR ({earlier})"
        return int(self._store.one(query, job.id)[0]) if job.state == "queued" else 0

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        found = dict(self._store.rows("SELECT state, count(*) FROM job GROUP BY state"))
        return {state: int(found.get(state, 0)) for state in STATES}

    def cancel(self, job_id: str) -> Job:
        """End a job that waits or runs; its process is stopped within a second.

        Raises:
            InputError: there is none. RuleError: it is over.
        """
        with self._store.commit():
            job = self.get(job_id)
            if (job.state, "cancel") not in _MOVES:
                raise RuleError(f"it is {job.state} already.", where=job_id, code="job_state")
            self._move(job, "cancel")
        return self.get(job_id)

    # --- Doing (job_runner) -------------------------------------------------------------------------------------------

    def take(self) -> Job | None:
        """Begin the job that waits longest; None if none does, or one runs."""
        with self._store.commit():
            if self.counts()["running"]:
                return None
            row = self._store.one(f"SELECT {_COLUMNS} FROM job WHERE state = 'queued' ORDER BY n LIMIT 1")
            if not row:
                return None
            job = _job(row)
            state = move(job.state, "start")
            self._store.run("UPDATE job SET state = ?, started = ? WHERE id = ?", state, self.now(), job.id)
        return self.get(job.id)

    def progress(self, job_id: str, done: int, total: int, note: str) -> None:
        """How far a running job is; one that is over stays as it is."""
        done, total = max(done, 0), max(total, 0)
        query = "UPDATE job SET done = ?, total = ?, note = ? WHERE id = ? AND state = 'running'"
        self._store.run(query, min(done, total), total, note[:NOTE_MAX], job_id)

    def finish(self, job_id: str, result: str) -> bool:
        """A job is done; False if it was cancelled meanwhile."""
        return self._end(job_id, "finish", result=result)

    def fail(self, job_id: str, error: str) -> bool:
        """A job failed, in words; False if it was cancelled meanwhile."""
        return self._end(job_id, "fail", error=error)

    def interrupt(self) -> int:
        """Whatever runs, or was running when a process ended, is interrupted; how many."""
        with self._store.commit():
            running = self.list("running")
            for job in running:
                self._move(job, "stop")
        return len(running)

    def _end(self, job_id: str, event: str, *, result: str = "", error: str = "") -> bool:
        with self._store.commit():
            job = self.get(job_id)
            if job.state != "running":
                return False
            self._move(job, event, result=result, error=error)
        return True

    def _move(self, job: Job, event: str, *, result: str = "", error: str = "") -> None:
        query = "UPDATE job SET state = ?, ended = ?, result = ?, error = ? WHERE id = ?"
        self._store.run(query, move(job.state, event), self.now(), result, error[:ERROR_MAX], job.id)

    def _prune(self) -> None:
        """Forget the oldest jobs that are over, beyond 1,000, and results that no job names."""
        over = "state NOT IN ('queued', 'running')"
        query = f"SELECT id, result FROM job WHERE {over} ORDER BY n DESC LIMIT 100 OFFSET ?"
        for job_id, result in self._store.rows(query, KEPT_MAX):
            self._store.run("DELETE FROM job WHERE id = ?", job_id)
            if result and not self._store.one("SELECT 1 FROM job WHERE result = ?", result):
                self.files.remove([result])


def _job(row: tuple[Any, ...]) -> Job:
    job_id, kind, args, *rest = row
    return Job(job_id, kind, canonical.loads(args), *rest)
