"""What a process has freed goes back to the system, where the C library is glibc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from concordat.node import heap

PROGRAM = """
from pathlib import Path
from concordat.node.heap import few_heaps, give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

few_heaps()
held = [bytes(600) for _ in range(100_000)]
last = bytes(600)
full = resident()
del held
freed = resident()
give_back()
print(full - resident() > 40_000_000, freed >= full - 20_000_000)
"""


@pytest.mark.skipif(heap._glibc() is None or not Path("/proc/self/statm").exists(), reason="the C library is not glibc")
def test_what_was_freed_goes_back() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split()[0] == "True", done.stdout


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    heap.few_heaps()
    heap.give_back()
