"""The queue outlives the process; a job is done, or says why not; none brings the node down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, RuleError, StateError
from concordat.node.audit_log import AuditLog
from concordat.node.hashed_files import HashedFiles
from concordat.node.job_runner import JobRunner, _facts, working
from concordat.node.jobs import KEPT_MAX, QUEUE_MAX, STATES, Job, Jobs, Kind, move, words
from concordat.node.people_store import PeopleStore
from node_job_kinds import KINDS

TESTS = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PeopleStore]:
    found = PeopleStore(tmp_path / "people.db", create=True)
    yield found
    found.close()


@pytest.fixture
def clock_s() -> list[int]:
    return [1_000]


@pytest.fixture
def jobs(store: PeopleStore, tmp_path: Path, clock_s: list[int]) -> Jobs:
    return Jobs(store, KINDS, HashedFiles(tmp_path / "files"), lambda: clock_s[0])


@pytest.fixture
def runner(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRunner]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), *filter(None, sys.path)]))
    found = JobRunner(jobs, tmp_path / "room")
    yield found
    found.stop()


def ask(jobs: Jobs, kind: str = "write", **args: Any) -> Job:
    return jobs.ask(kind, args, asked_by="account-1", release="r1")


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread or process; give up after a minute."""
    for _ in range(3_000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to pass")


# --- The states, by themselves ----------------------------------------------------------------------------------------


def test_the_moves_are_those_of_the_specification() -> None:
    """queued -> running -> done | failed | cancelled | interrupted; one that waits can be cancelled."""
    found = set()
    for state, event in product(STATES, ("start", "finish", "fail", "cancel", "stop")):
        try:
            found.add((state, move(state, event)))
        except StateError:
            continue
    assert found == {
        ("queued", "running"), ("queued", "cancelled"), ("running", "done"), ("running", "failed"),
        ("running", "cancelled"), ("running", "interrupted"),
    }  # fmt: skip


def test_where_a_job_stands_in_words() -> None:
    job = Job("id", "write", {}, "", "running", 5, 8, "chart", 0, 100, 0, "", "", "")
    assert words(job, 105) == "chart 5 of 8, about 3 s left"
    assert words(replace(job, done=8), 105) == "chart 8 of 8"
    assert words(replace(job, done=0), 105) == "chart 0 of 8"
    assert words(replace(job, total=0, note=""), 105) == "begun"
    assert words(replace(job, state="queued"), 105) == "waiting; it is next"
    assert words(replace(job, state="queued"), 105, 3) == "waiting; 3 before it"
    assert words(replace(job, state="done", ended=112), 200) == "done in 12 s"
    assert words(replace(job, state="failed", error="no room."), 200) == "failed: no room."
    assert words(replace(job, state="cancelled"), 200) == "cancelled"
    assert "ask for it again" in words(replace(job, state="interrupted"), 200)
    assert words(replace(job, started=200), 105) == "chart 5 of 8"  # a clock that was set back


# --- Asking -----------------------------------------------------------------------------------------------------------


def test_the_same_asked_twice_is_one_job(jobs: Jobs) -> None:
    first = ask(jobs, bloc="BRICS", year=2026)
    assert ask(jobs, year=2026, bloc="BRICS").id == first.id
    assert ask(jobs, bloc="BRICS", year=2025).id != first.id
    assert jobs.ask("write", {"bloc": "BRICS", "year": 2026}, asked_by="other", release="r2").id != first.id
    assert jobs.ask("noisy", {"bloc": "BRICS", "year": 2026}, asked_by="other", release="r1").id != first.id
    assert first.args == {"bloc": "BRICS", "release": "r1", "year": 2026}
    assert (first.state, first.queued, first.asked_by) == ("queued", 1_000, "account-1")


def test_of_many_that_ask_at_once_one_makes_the_job(jobs: Jobs, tmp_path: Path) -> None:
    found: list[str] = []

    def one() -> None:
        own = PeopleStore(tmp_path / "people.db")
        found.append(ask(Jobs(own, KINDS, HashedFiles(tmp_path / "files"), lambda: 1), bloc="BRICS").id)
        own.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert jobs.counts()["queued"] == 1


def test_what_failed_or_was_interrupted_is_done_anew(jobs: Jobs) -> None:
    for end in (lambda i: jobs.fail(i, "no."), lambda i: jobs.cancel(i), lambda i: jobs.interrupt()):
        first = ask(jobs, n=1)
        jobs.take()
        end(first.id)
        again = ask(jobs, n=1)
        assert again.id != first.id
        jobs.cancel(again.id)


def test_a_job_whose_result_is_gone_is_done_anew(jobs: Jobs) -> None:
    first = ask(jobs, n=1)
    jobs.take()
    digest = jobs.files.put(b"result")
    assert jobs.finish(first.id, digest)
    assert ask(jobs, n=1).id == first.id
    jobs.files.remove([digest])
    assert ask(jobs, n=1).state == "queued"


def test_arguments_are_plain_and_small(jobs: Jobs) -> None:
    with pytest.raises(InputError, match='Did you mean "write"'):
        ask(jobs, "writ")
    for args, said in (({"x": 1.5}, "float"), ({"x": "a" * 20_000}, "over 16,000"), ({"release": "r2"}, "release")):
        with pytest.raises(InputError, match=said):
            jobs.ask("write", args, asked_by="a", release="r1")
    assert jobs.list() == []


def test_at_most_a_hundred_wait(jobs: Jobs) -> None:
    for n in range(QUEUE_MAX):
        ask(jobs, n=n)
    with pytest.raises(StateError, match="100 jobs are waiting") as caught:
        ask(jobs, n=QUEUE_MAX)
    assert caught.value.code == "busy"
    assert ask(jobs, n=5).state == "queued"  # one that waits already is no new one
    jobs.take()
    assert jobs.counts() == {**dict.fromkeys(STATES, 0), "queued": QUEUE_MAX - 1, "running": 1}
    ask(jobs, n=QUEUE_MAX)


def test_first_come_first_served_one_at_a_time(jobs: Jobs, clock_s: list[int]) -> None:
    clock_s[0] += 1
    first, second = ask(jobs, n=1), ask(jobs, n=2)
    assert (jobs.before(first), jobs.before(second)) == (0, 1)
    taken = jobs.take()
    assert taken is not None
    assert (taken.id, taken.state, taken.started) == (first.id, "running", 1_001)
    assert jobs.take() is None
    jobs.fail(first.id, "no.")
    assert [job.id for job in jobs.list()] == [second.id, first.id]
    assert [job.id for job in jobs.list("failed")] == [first.id]


def test_what_is_over_stays_over(jobs: Jobs) -> None:
    job = ask(jobs)
    jobs.take()
    jobs.progress(job.id, 9, 3, "n" * 1_000)
    held = jobs.get(job.id)
    assert (held.done, held.total, len(held.note)) == (3, 3, 200)
    jobs.cancel(job.id)
    jobs.progress(job.id, 1, 3, "late")
    assert not jobs.finish(job.id, "ab" * 32)
    assert not jobs.fail(job.id, "late")
    assert (jobs.get(job.id).state, jobs.get(job.id).result) == ("cancelled", "")
    with pytest.raises(RuleError, match="cancelled already"):
        jobs.cancel(job.id)
    with pytest.raises(InputError, match="no such job"):
        jobs.get("nowhere")


def test_jobs_stand_in_the_audit_without_their_arguments(jobs: Jobs, store: PeopleStore) -> None:
    job = ask(jobs, bloc="BRICS")
    (row,) = AuditLog(store).rows()
    assert (row.kind, row.account, row.facts) == ("job_started", "account-1", {"job": job.id, "job_kind": "write"})


def test_old_jobs_and_their_results_are_forgotten(jobs: Jobs, store: PeopleStore, clock_s: list[int]) -> None:
    old, shared = jobs.files.put(b"old"), jobs.files.put(b"shared")
    with store.commit():
        for n in range(KEPT_MAX + 2):
            result = {0: old, 1: shared, 2: shared}.get(n, "")
            values = (n + 1, f"{n:032x}", "write", "{}", f"{n}", "done", 0, 0, "", n, n, n, result, "", "a")
            store.run(f"INSERT INTO job VALUES ({', '.join('?' * 15)})", *values)
    ask(jobs)
    assert jobs.counts()["done"] == KEPT_MAX
    assert (jobs.files.has(old), jobs.files.has(shared)) == (False, True)


# --- Doing ------------------------------------------------------------------------------------------------------------


def test_a_result_is_a_file_under_its_hash(jobs: Jobs, runner: JobRunner) -> None:
    job = ask(jobs, bloc="BRICS")
    ended = runner.run_next()
    assert ended is not None
    assert (ended.id, ended.state, ended.error) == (job.id, "done", "")
    nice = min(os.nice(0) + 10, 19)
    assert jobs.files.get(ended.result).decode() == f"[('bloc', 'BRICS'), ('release', 'r1')] nice {nice}"
    assert runner.run_next() is None
    assert not list(runner.room.iterdir())


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("refuse", "study: not this year. Wait."),
        ("crash", "the program failed (ZeroDivisionError: by nothing)."),
        ("vanish", "its process ended without a word (killed, or out of memory)."),
        ("nothing", "it wrote no result."),
        ("absent", "the program failed (AttributeError: module 'node_job_kinds' has no attribute 'no_such_function')."),
        ("short", "stopped after 1 s, its limit."),
    ],
)
def test_a_job_that_fails_says_why(jobs: Jobs, runner: JobRunner, tmp_path: Path, kind: str, said: str) -> None:
    ask(jobs, kind, pid=str(tmp_path / "pid"))
    ended = runner.run_next()
    assert ended is not None
    assert (ended.state, ended.error, ended.result) == ("failed", said, "")
    if (tmp_path / "pid").exists():
        assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_result_that_is_a_link_is_not_taken(jobs: Jobs, runner: JobRunner, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    ask(jobs, "link", to=str(tmp_path / "secret"))
    ended = runner.run_next()
    assert ended is not None
    assert ended.state == "failed"
    assert "no plain file" in ended.error
    assert jobs.files.all() == []


def test_a_kind_that_this_program_does_not_know(jobs: Jobs, runner: JobRunner) -> None:
    job = ask(jobs)
    del jobs.kinds["write"]
    ended = runner.run_next()
    assert ended is not None
    assert (ended.id, ended.state, ended.error) == (job.id, "failed", 'this program does no "write".')


def test_a_job_that_says_too_much_is_heard_all_the_same(jobs: Jobs, runner: JobRunner) -> None:
    ask(jobs, "noisy")
    ended = runner.run_next()
    assert ended is not None
    assert (ended.state, len(ended.note)) == ("done", 200)


def test_what_a_process_says_is_not_trusted() -> None:
    for line in (b"", b"[]", b"nonsense", b'{"done": "x", "total": 1}', b'{"done": 1}', b'{"done": 1.5, "total": 2}'):
        assert _facts(line) == {}
    assert _facts(b'{"done": 1, "total": 2, "note": ["a"], "more": 1}') == {"done": 1, "total": 2, "note": "['a']"}
    assert _facts(b'{"ok": "yes"}') == {"ok": False}
    assert _facts(b'{"ok": true, "error": "no"}') == {"error": "no"}


def test_a_running_job_is_cancelled(jobs: Jobs, runner: JobRunner, tmp_path: Path) -> None:
    job = ask(jobs, "endless", pid=str(tmp_path / "pid"))
    ask(jobs, n=2)
    runner.start()
    until(lambda: jobs.get(job.id).note == "still at it")
    jobs.cancel(job.id)
    until(lambda: jobs.counts()["done"] == 1)  # the next one has its turn
    assert jobs.get(job.id).state == "cancelled"
    assert gone(int((tmp_path / "pid").read_text()))


def test_stopping_the_node_interrupts_what_runs_and_keeps_what_waits(
    jobs: Jobs, runner: JobRunner, tmp_path: Path
) -> None:
    job, waiting = ask(jobs, "endless", pid=str(tmp_path / "pid")), ask(jobs, n=2)
    runner.start()
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    runner.stop()
    assert gone(int((tmp_path / "pid").read_text()))
    assert (jobs.get(job.id).state, jobs.get(waiting.id).state) == ("interrupted", "queued")
    again = JobRunner(jobs, runner.room)
    again.start()
    again.kick()
    until(lambda: jobs.get(waiting.id).state == "done")
    again.stop()
    assert jobs.get(job.id).state == "interrupted"


def test_after_kill_9_the_job_is_interrupted_and_its_process_is_gone(
    jobs: Jobs, runner: JobRunner, tmp_path: Path
) -> None:
    """Both ends: the worker ends when its node is gone, and the next node tells what had been running."""
    job = ask(jobs, "endless", pid=str(tmp_path / "pid"))
    program = f"""
from pathlib import Path
from concordat.node.hashed_files import HashedFiles
from concordat.node.job_runner import JobRunner
from concordat.node.jobs import Jobs
from concordat.node.people_store import PeopleStore
from node_job_kinds import KINDS
place = Path({str(tmp_path)!r})
jobs = Jobs(PeopleStore(place / "people.db"), KINDS, HashedFiles(place / "files"), lambda: 1)
JobRunner(jobs, place / "room").run_next()
"""
    with subprocess.Popen([sys.executable, "-c", program]) as node:
        until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
        node.send_signal(signal.SIGKILL)
    until(lambda: gone(int((tmp_path / "pid").read_text())))
    assert jobs.get(job.id).state == "running"
    assert runner.recover() == 1
    assert jobs.get(job.id).state == "interrupted"
    assert not runner.room.exists()


def test_a_store_that_refuses_stops_the_job_and_not_the_node(
    jobs: Jobs, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    runner.log = said.append
    job = ask(jobs, n=1)

    def full(_: Path) -> str:
        raise StateError("not kept: No space left on device.", code="full")

    monkeypatch.setattr(jobs.files, "take", full)
    ended = runner.run_next()
    assert ended is not None
    assert (ended.id, ended.state, ended.error) == (job.id, "failed", "not kept: No space left on device.")
    assert said == [{"event": "job", "id": job.id, "error": "not kept: No space left on device."}]
    assert json.dumps(said)


def test_a_system_that_refuses_fails_the_job_and_not_all_later_ones(jobs: Jobs, runner: JobRunner) -> None:
    job = ask(jobs, n=1)
    runner.room.parent.mkdir(parents=True, exist_ok=True)
    runner.room.write_text("no folder can be made here")
    ended = runner.run_next()
    assert ended is not None
    assert (ended.id, ended.state, ended.error) == (job.id, "failed", "not done: Not a directory.")
    runner.room.unlink()
    ask(jobs, n=2)
    done = runner.run_next()
    assert done is not None
    assert done.state == "done"


def test_a_kind_has_ten_minutes_unless_it_says_otherwise() -> None:
    assert Kind("a", "b:c", "d").limit_s == 600


def test_a_node_does_its_jobs_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), *filter(None, sys.path)]))
    said: list[dict[str, Any]] = []
    with working(tmp_path, KINDS, lambda: 1_000, said.append) as runner:
        job = runner.jobs.ask("write", {"bloc": "BRICS"}, asked_by="x")
        runner.kick()
        until(lambda: runner.jobs.get(job.id).state == "done")
        result = runner.jobs.get(job.id).result
        endless = runner.jobs.ask("endless", {"pid": str(tmp_path / "pid")}, asked_by="x")
        runner.kick()
        until(lambda: runner.jobs.get(endless.id).state == "running")
    assert HashedFiles(tmp_path / "files").has(result)
    assert [facts["outcome"] for facts in said] == ["ok", "stop"]
    store = PeopleStore(tmp_path / "people.db")
    assert Jobs(store, KINDS, HashedFiles(tmp_path / "files"), lambda: 1).get(endless.id).state == "interrupted"
    store.close()
