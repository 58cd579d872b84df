"""Kinds of work for tests of the job queue: each runs in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from concordat.errors import RuleError
from concordat.node.jobs import Kind

Progress = Callable[[int, int, str], None]


def write(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """Says how far it is, prints, and writes its arguments and how it runs."""
    for done in range(1, 4):
        progress(done, 3, "chart")
    sys.stdout.write("this goes nowhere\n")
    os.write(1, b'{"error": "nor does this"}\n')
    out.write_text(f"{sorted(args.items())} nice {os.nice(0)}")


def refuse(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """An error of ours."""
    raise RuleError("not this year.", where="study", hint="Wait.")


def crash(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """A fault."""
    raise ZeroDivisionError("by nothing")


def vanish(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """As when memory runs out."""
    os.abort()


def nothing(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """No result."""


def link(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """A result that is somebody else's file."""
    out.symlink_to(args["to"])


def endless(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """Never ends; says its number in a file."""
    Path(args["pid"]).write_text(str(os.getpid()))
    while True:
        progress(1, 0, "still at it")
        time.sleep(0.05)


def noisy(args: Mapping[str, Any], progress: Progress, out: Path) -> None:
    """Says far more than anyone reads."""
    for done in range(5_000):
        progress(done, 5_000, "n" * 1_000)
    out.write_bytes(b"x")


_ALL = (write, refuse, crash, vanish, nothing, link, endless, noisy)
KINDS = {f.__name__: Kind(f.__name__, f"node_job_kinds:{f.__name__}", (f.__doc__ or "").strip(), 60) for f in _ALL}
KINDS["short"] = Kind("short", "node_job_kinds:endless", "is stopped", 1)
KINDS["absent"] = Kind("absent", "node_job_kinds:no_such_function", "is not there")
