"""The process of one job: lower priority, no terminal, gone when the node is gone.

    python -m concordat.node.job_worker          (started by `job_runner`, never by hand)

It reads one line of JSON from standard input (`call`, `args`, `out`), imports the function and runs it. What it has to
say goes to the first standard output as lines of JSON: `{"done", "total", "note"}`, then `{"ok": true}` or `{"error"}`.
What the job prints goes nowhere. When standard input closes, its node has died: the process ends at once.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from concordat.errors import ConcordatError

NICE = 10


def main() -> int:
    """Do the one job; 0 if it is done, 1 if it failed."""
    with os.fdopen(os.dup(1), "wb", buffering=0) as say:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        _lower()
        task = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_watch, name="node watch", daemon=True).start()
        return _run(task, say)


def _lower() -> None:
    """Let whoever serves pages go first, and leave no picture of memory behind."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits writes no such files


def _watch() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _run(task: dict[str, Any], say: BinaryIO) -> int:
    def tell(**facts: Any) -> None:
        say.write(json.dumps(facts).encode() + b"\n")

    def progress(done: int, total: int, note: str = "") -> None:
        tell(done=int(done), total=int(total), note=str(note)[:200])

    module, _, name = task["call"].partition(":")
    try:
        work = getattr(importlib.import_module(module), name)
        work(task["args"], progress, Path(task["out"]))
    except ConcordatError as error:
        tell(error=str(error))
        return 1
    except Exception as error:  # a fault of the program: told by its kind, and the node goes on
        tell(error=f"the program failed ({type(error).__name__}: {str(error)[:300]}).")
        return 1
    if not Path(task["out"]).is_file():
        tell(error="it wrote no result.")
        return 1
    tell(ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
