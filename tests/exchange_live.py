"""Two members' nodes with their exchange, in one process on loopback, each behind a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from concordat.exchange.catalogue.offer import Offer
from concordat.node.callers import Callers
from concordat.node.exchange import offer
from concordat.node.exchange_routes import exchange_ops_routes, exchange_routes
from concordat.node.exchange_service import ExchangeService
from concordat.node.home import Node
from concordat.node.server import application
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from live_nodes import free_socket
from unit_node import found

DATA = b"state,year,value\nSP,2025,71\nRJ,2025,74\n"
OFFER = """schema: concordat/offer@1
id: ict
title: {en: "Household ICT use"}
description: {en: "Weighted counts, no person records."}
publisher: BRA
files: [{path: ict.csv, format: text/csv, license: CC-BY-4.0}]
access: restricted
policy:
  permit: use
  when: {member: [BRICS], purpose: [statistics, research], count: "2"}
  must: [{do: attribute}]
  never: [{onward: public}]
negotiation: automatic
"""


@dataclass
class Running:
    """One node that runs."""

    service: Service
    exchange: ExchangeService
    server: uvicorn.Server
    task: asyncio.Task[None]
    listener: socket.socket
    home: Path
    app: Any

    async def stop(self) -> None:
        """An orderly end."""
        self.server.should_exit = True
        await self.task
        await self.service.close()
        self.listener.close()


def offered_homes(root: Path, text: str = OFFER) -> list[Path]:
    """Homes of BRA, which offers one dataset, and of ZAF."""
    homes = found(root, ("BRA", "ZAF"))
    (root / "ict.csv").write_bytes(DATA)
    with Node(homes[0]) as node:
        offer(node, Offer.load(text), root)
    return homes


@contextlib.asynccontextmanager
async def both(homes: list[Path], *, limits: bool = True, taxii: bool = False) -> AsyncIterator[dict[str, Running]]:
    """Both nodes, while the block runs; `taxii`: their collections as well."""
    listeners = [free_socket() for _ in homes]
    urls = {m: f"http://127.0.0.1:{s.getsockname()[1]}" for m, s in zip(("BRA", "ZAF"), listeners, strict=True)}
    running: dict[str, Running] = {}
    try:
        for member, home, listener in zip(urls, homes, listeners, strict=True):
            running[member] = await _started(member, home, listener, urls, limits=limits, taxii=taxii)
        yield running
    finally:
        for one in running.values():
            await one.stop()
        for listener in listeners:
            listener.close()


@contextlib.asynccontextmanager
async def alone(
    member: str, home: Path, listener: socket.socket, urls: dict[str, str], *, limits: bool = True, gather_ms: int = 5
) -> AsyncIterator[Running]:
    """One of them, while the block runs; the other runs elsewhere."""
    node = await _started(member, home, listener, urls, limits=limits, gather_ms=gather_ms)
    try:
        yield node
    finally:
        await node.stop()


async def _started(
    member: str, home: Path, listener: socket.socket, urls: dict[str, str], *, limits: bool, taxii: bool = False,
    gather_ms: int = 5,
) -> Running:  # fmt: skip
    settings = NodeSettings(
        public_url=urls[member], peers={m: url for m, url in urls.items() if m != member}, peers_private=True,
        disk_reserve_mb=0, sync_every_s=1, commit_gather_ms=gather_ms,
    )  # fmt: skip
    service = Service(Node(home), settings)
    service.listening = urls[member]
    exchange = ExchangeService(service)
    service.beside.append(exchange)
    callers = Callers()
    if not limits:
        callers.count = lambda *_, **__: None  # type: ignore[method-assign]
    more = []
    if taxii:
        from concordat.node.taxii_routes import mounted

        more = mounted(service, callers)
    app = application(service, callers, [*exchange_routes(exchange, callers), *exchange_ops_routes(exchange), *more])
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", access_log=False))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    await service.start()
    task = asyncio.get_running_loop().create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
        assert not task.done(), task.exception()
    return Running(service, exchange, server, task, listener, home, app)
