"""Seeds beside each other: each is run once and told once, whatever becomes of a worker, and no two share a port."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from simulation.live import beside
from simulation.live.crashes import PORTS, free_ports
from simulation.live.run import JOBS_MAX, How, run_many

ECHO = """
import sys
for line in sys.stdin:
    if line == "4\\n":
        sys.exit(1)
    print('{"seed": %d, "broken": "", "seconds": 1.0}' % int(line), flush=True)
"""


def test_each_seed_is_told_once_and_a_worker_that_ends_breaks_its_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(how: How, job: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    monkeypatch.setattr(beside, "_started", started)
    told: list[dict[str, Any]] = []
    results = run_many(range(9), How(jobs=3), told.append)
    assert told == results
    assert sorted(r["seed"] for r in results) == list(range(9))
    assert [r["seed"] for r in results if r["broken"]] == [4]


def test_no_seed_begins_after_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(how: How, job: int) -> subprocess.Popen[str]:
        return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(beside, "_started", started)
    assert run_many(range(9), How(jobs=2, minutes=-1.0)) == []


def test_jobs_have_ports_of_their_own() -> None:
    parts = [How(jobs=JOBS_MAX, job=job).ports for job in range(JOBS_MAX)]
    assert len({port for part in parts for port in part}) == sum(len(part) for part in parts)
    assert all(part[0] in PORTS and part[-1] in PORTS for part in parts)
    found = free_ports(20, parts[3])
    assert len(set(found)) == 20
    assert set(found) <= set(parts[3])


def test_a_worker_is_told_how_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: asked.append(command))
    beside._started(How(members=4, every_s=3, jobs=2), 1)
    assert asked[0][-6:] == ["-m", "simulation.live.beside", "4", "3", "2", "1"]
