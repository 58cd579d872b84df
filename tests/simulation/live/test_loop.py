"""Nothing in a node's event loop takes over 20 ms of the processor; 5,000 entries by a command (`loop_guard`)."""

from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from simulation.live.loop_guard import slow_each_time, watched


def test_the_watch_sees_what_keeps_the_loop_busy_and_not_what_waits() -> None:
    async def busy() -> None:
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass

    async def waits() -> None:
        time.sleep(0.03)

    async def work() -> None:
        await asyncio.gather(busy(), waits())

    with watched() as slow:
        asyncio.run(work())
    assert [name.rpartition(".")[2] for name in slow] == ["busy"]


def test_fetching_a_log_writing_and_syncing_leave_the_loop_free() -> None:
    assert slow_each_time(600) == {}
