"""A node that closes sends no more: what a step intends meanwhile goes after the next start."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat.node.exchange_store import FILE, ExchangeStore, Process
from exchange_live import both, offered_homes


def test_what_is_intended_while_it_closes_waits_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def main() -> None:
        async with both(offered_homes(tmp_path)) as nodes:
            one = nodes["ZAF"]
            exchange, gate, runs = one.exchange, threading.Event(), threading.Event()
            one.service.beside.remove(exchange)  # closed here

            async def exchanged(peer: str, *_: Any) -> tuple[None, bytes]:
                asked.append(peer)
                return None, b""

            def late() -> None:
                runs.set()
                gate.wait(20)
                exchange.store.put(Process("p", "negotiation", "consumer", "BRA", "", {}, "http://x"), 1)
                exchange.store.intend("p", "http://x/negotiations/request", b"{}", 0.0)

            monkeypatch.setattr(exchange, "_exchanged", exchanged)
            running = asyncio.ensure_future(exchange.do(late))
            await asyncio.to_thread(runs.wait, 20)
            closing = asyncio.ensure_future(exchange.close())
            while not exchange._threads._shutdown:
                await asyncio.sleep(0.01)
            gate.set()
            await closing
            await running
            for _ in range(20):
                await asyncio.sleep(0)
            assert (asked, exchange._tasks) == ([], set())
            store = ExchangeStore(one.home / FILE)
            assert [message.pid for message in store.due(1.0)] == ["p"]
            store.close()

    asyncio.run(main())
