"""Seeds beside each other: each worker is a process with a bloc, a zygote and ports of its own.

`python -m simulation.live.beside MEMBERS EVERY_S JOBS JOB` reads a seed a line and prints what came of it, a JSON
object a line. A worker that ends before it has answered breaks its seed; the others go on.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from simulation.live.run import How, Told, bloc

TESTS = Path(__file__).parents[2]


def run_beside(seeds: Iterator[int], how: How, told: Told) -> None:
    """Seeds, as many at a time as there are jobs; `told` of each, one at a time."""
    lock, ending = threading.Lock(), threading.Event()
    workers = [_started(how, job) for job in range(how.jobs)]

    def feed(worker: subprocess.Popen[str]) -> None:
        answers = True
        while answers:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                return
            answer = _asked(worker, seed)
            answers = answer is not None  # a worker that ends closes its pipe first: its process may still be there
            with lock:
                if not ending.is_set():  # a seed that was broken off says nothing
                    told(answer or {"seed": seed, "broken": "its worker ended before it answered", "seconds": 0.0})

    threads = [threading.Thread(target=feed, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        ending.set()
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker, thread in zip(workers, threads, strict=True):
            worker.wait(60)
            thread.join(60)
            for pipe in (worker.stdin, worker.stdout):
                with suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]


def _started(how: How, job: int) -> subprocess.Popen[str]:
    words = [str(word) for word in (how.members, how.every_s, how.jobs, job)]
    command = [sys.executable, "-m", "simulation.live.beside", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS)


def _asked(worker: subprocess.Popen[str], seed: int) -> dict[str, Any] | None:
    """What a worker says came of a seed; None if it has ended."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(f"{seed}\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def main() -> int:
    """A worker: the seeds on standard input, until it ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it ends its nodes as well
    members, every_s, jobs, job = (int(word) for word in sys.argv[1:])
    try:
        with bloc(How(members, every_s, jobs=jobs, job=job)) as run:
            for line in sys.stdin:
                print(json.dumps(run(int(line))), flush=True)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    sys.exit(main())
