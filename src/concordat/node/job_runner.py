"""Who does the jobs of a node: one at a time, each in a process of its own at nice 10, with a limit of time.

A thread of the node takes the next job, starts `job_worker`, and writes down how far it is, some times a second. It
stops the process when the job is cancelled, takes too long, or the node stops; then the job is `interrupted`. What a
killed node left running is marked so when the next one starts. A job can't bring the node down: its memory, its crash
and its output are another process's.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concordat.errors import ConcordatError
from concordat.node.hashed_files import HashedFiles
from concordat.node.jobs import Job, Jobs, Kind
from concordat.node.stores import SQLITE, open_people

POLL_S = 0.2
IDLE_S = 1.0
STOP_S = 2.0
LINE_MAX = 4_000
FILES, ROOM = "files", "jobs"  # in the node's folder: results under their hashes, and where they grow before

Log = Callable[[dict[str, Any]], None]


@dataclass
class JobRunner:
    """Does jobs until it is stopped.

    Args:
        jobs: the queue. room: a folder for results that are being written. log: told what happened, as facts.
    """

    jobs: Jobs
    room: Path
    log: Log = field(default=lambda _: None)
    _stop: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Mark what another process left running, then begin.

        Raises:
            StateError: the store can't be written.
        """
        self.recover()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)
        self._thread.start()

    def recover(self) -> int:
        """Mark what ran when a process ended as interrupted, and clear its room; how many."""
        shutil.rmtree(self.room, ignore_errors=True)
        return self.jobs.interrupt()

    def kick(self) -> None:
        """There is a new job."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the running job as interrupted, and the thread. Jobs that wait go on waiting, for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def run_next(self) -> Job | None:
        """Do the next job to its end; the job as it is then, None if none waits."""
        job = self.jobs.take()
        if job is None:
            return None
        try:
            self._do(job)
        except (ConcordatError, OSError) as error:  # our own store or disk refuses, or the system starts no process
            said = str(error) if isinstance(error, ConcordatError) else f"not done: {error.strerror or error}."
            self.log({"event": "job", "id": job.id, "error": said})
            with suppress(ConcordatError):
                self.jobs.fail(job.id, said)
        return self.jobs.get(job.id)

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                done = self.run_next()
            except ConcordatError as error:
                self.log({"event": "jobs", "error": str(error)})
                done = None
            if done is None:
                self._wake.wait(IDLE_S)
                self._wake.clear()

    def _do(self, job: Job) -> None:
        place = self.room / job.id
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        out = place / "result"
        kind = self.jobs.kinds.get(job.kind)
        try:
            if kind is None:  # queued by a program that knew it
                self.jobs.fail(job.id, f'this program does no "{job.kind}".')
                return
            outcome = self._work(job, kind.call, out, kind.limit_s)
            if outcome == "stop":
                self.jobs.interrupt()
            elif outcome == "ok":
                self.jobs.finish(job.id, self.jobs.files.take(out))
            elif outcome != "cancelled":
                self.jobs.fail(job.id, outcome)
            self.log({"event": "job", "id": job.id, "kind": job.kind, "outcome": outcome})
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _work(self, job: Job, call: str, out: Path, limit_s: int) -> str:
        """Run the process; `ok`, `stop`, `cancelled`, or why it failed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "concordat.node.job_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the node's terminal is for the node
        )
        assert process.stdin is not None
        try:
            task = {"args": dict(job.args), "call": call, "out": str(out)}
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task).encode() + b"\n")
                process.stdin.flush()
            return self._follow(job, process, limit_s)
        finally:
            _end(process)

    def _follow(self, job: Job, process: subprocess.Popen[bytes], limit_s: int) -> str:
        deadline = time.monotonic() + limit_s
        told = 0.0
        last: dict[str, Any] = {}
        for facts in _lines(process):
            if "error" in facts:
                return str(facts["error"])
            if facts.get("ok"):
                return "ok"
            last = facts or last
            if last and time.monotonic() - told >= POLL_S:
                self.jobs.progress(job.id, last["done"], last["total"], last["note"])
                last, told = {}, time.monotonic()
            if self._stop.is_set():
                return "stop"
            if self.jobs.get(job.id).state != "running":
                return "cancelled"
            if time.monotonic() > deadline:
                return f"stopped after {limit_s} s, its limit."
        return "its process ended without a word (killed, or out of memory)."


@contextmanager
def working(
    home: Path, kinds: Mapping[str, Kind], now: Callable[[], int], log: Log, database: str = SQLITE
) -> Iterator[JobRunner]:  # fmt: skip
    """Do a node's jobs while the block runs; what runs at its end is interrupted.

    Args:
        home: the node's folder; its store of people is made if it is not there. kinds: the closed table. now:
            seconds since 1970. log: told what happened. database: where that store is, as in the settings.

    Raises:
        StateError: the store can't be opened or written.
    """
    store = open_people(home, database, create=True)
    try:
        runner = JobRunner(Jobs(store, kinds, HashedFiles(home / FILES), now), home / ROOM, log)
        runner.start()
        try:
            yield runner
        finally:
            runner.stop()
    finally:
        store.close()


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """What the process says; an empty dict when it has said nothing for a while."""
    assert process.stdout is not None
    descriptor, rest = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if not selector.select(POLL_S):
                yield {}
                continue
            data = os.read(descriptor, 65_536)
            if not data:
                return
            *whole, rest = (rest + data).split(b"\n")
            rest = rest[-LINE_MAX:]
            if not whole:
                yield {}  # whoever says a lot without an end of line is watched all the same
            for line in whole[-100:]:  # of many steps in one moment the newest count
                yield _facts(line)


def _facts(line: bytes) -> dict[str, Any]:
    """One line, as far as it is one of ours: what a job says is not trusted."""
    try:
        raw = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(raw, dict):
        return {}
    if "error" in raw or "ok" in raw:
        return {"error": str(raw["error"])} if "error" in raw else {"ok": raw["ok"] is True}
    if type(raw.get("done")) is not int or type(raw.get("total")) is not int:
        return {}
    return {"done": raw["done"], "total": raw["total"], "note": str(raw.get("note", ""))}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process with all that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, kind)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
