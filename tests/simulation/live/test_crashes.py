"""kill -9 at each step of a commit: what was acknowledged is there, nothing signed is contradicted, and it goes on.

Real processes, real sockets, a disk that is not asked to behave. Every step, before and after, at the first dozen of
its counts runs by `python -m simulation.live --crashes` (from `tests/`); here the second of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from simulation.live.crashes import full_disk, kill_at, second_process, stops_in_order
from simulation.live.zygote import STEPS, Zygote


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as found:
        yield found


@pytest.mark.parametrize(
    ("step", "when"), [*((step, "before") for step in STEPS), ("save_floor", "after"), ("commit", "after")]
)
def test_killed_at_a_step_of_a_commit(zygote: Zygote, tmp_path: Path, step: str, when: str) -> None:
    assert kill_at(zygote, tmp_path, step, when, 2) == "killed"


def test_a_full_disk_acknowledges_nothing_more_and_loses_nothing(zygote: Zygote, tmp_path: Path) -> None:
    assert full_disk(zygote, tmp_path) > 0


def test_sigterm_ends_in_order_and_the_file_is_whole_by_itself(zygote: Zygote, tmp_path: Path) -> None:
    assert stops_in_order(zygote, tmp_path) == ["log.db"]


def test_a_second_process_is_told_who_has_the_folder(zygote: Zygote, tmp_path: Path) -> None:
    number, words = second_process(zygote, tmp_path)
    assert f"another process (number {number}) uses this node, on " in words
