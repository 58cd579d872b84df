"""A move of ours that can't be made is tried again, whatever stopped it: no process is left that nobody looks at."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat.errors import StateError
from concordat.node import exchange_service
from concordat.node.exchange_get import get
from concordat.node.exchange_service import ExchangeService
from exchange_live import both, offered_homes

WANTED = {"dataset": "ict", "member": "BRA", "purpose": ["research"], "wait_s": 20}
LOCKED = StateError("not written: database is locked.", code="store")


@pytest.mark.parametrize("stop", [RuntimeError("a fault of the program"), LOCKED], ids=["fault", "disk"])
def test_what_was_stopped_once_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Exception) -> None:
    """Where the disk refuses the move, it refuses the note of it too."""
    monkeypatch.setattr(exchange_service, "WAIT_MAX_S", 0)  # seconds between two attempts
    stopped: list[str] = []

    async def main() -> dict[str, Any]:
        async with both(offered_homes(tmp_path)) as nodes:
            provider = nodes["BRA"].exchange
            plan, process = provider.mover.plan, provider.store.process

            def once(pid: str, now: datetime) -> bool:
                if pid in stopped or process(pid) is None:
                    return plan(pid, now)
                stopped.append(pid)
                if stop is LOCKED:
                    monkeypatch.setattr(provider.store, "process", refused)
                raise stop

            def refused(pid: str) -> None:
                monkeypatch.setattr(provider.store, "process", process)
                raise LOCKED

            monkeypatch.setattr(provider.mover, "plan", once)
            return await get(nodes["ZAF"].exchange, dict(WANTED))

    found = asyncio.run(main())
    assert len(found["files"]) == 1
    assert len(stopped) == 2, "the negotiation and the transfer were stopped once each"


@pytest.mark.parametrize("stop", [RuntimeError("a fault of the program"), LOCKED], ids=["fault", "disk"])
@pytest.mark.parametrize("first", [True, False], ids=["read", "asked"])
def test_an_unsure_end_is_asked_after_again(monkeypatch: pytest.MonkeyPatch, stop: Exception, first: bool) -> None:
    """Whatever stopped the question, before it left or behind its answer."""
    monkeypatch.setattr(exchange_service, "ASK_AGAIN_S", 0)
    told: list[tuple[str, Exception]] = []
    woken: deque[str] = deque()

    async def do(_: Any) -> Any:
        if first:
            raise stop
        return object()

    async def asked(_: Any) -> None:
        raise stop

    async def main() -> None:
        one: Any = SimpleNamespace(do=do, _told=asked, engine=SimpleNamespace(woken=woken))
        one._stopped = lambda pid, error: told.append((pid, error))
        await ExchangeService._ask(one, "p")
        while not woken:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert (list(woken), told) == (["p"], [("p", stop)])
