"""Nodes of a bloc that run in one process on loopback, each behind a real socket: what live tests are made of."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from concordat.node.home import Node
from concordat.node.server import application
from concordat.node.service import Service
from concordat.node.settings import NodeSettings

QUICK_S = 1  # between rounds


def free_socket() -> socket.socket:
    """A listening socket on a free port of this machine."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as `node.listening` makes it
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


def resolver(names: Mapping[str, str]) -> Any:
    """A name service that knows these names alone."""

    async def resolve(host: str, port: int) -> list[str]:
        return [names[host]] if host in names else []

    return resolve


@dataclass
class Running:
    """One node that runs: its service and server."""

    service: Service
    server: uvicorn.Server
    task: asyncio.Task[None]
    port: int
    listener: socket.socket

    async def stop(self) -> None:
        """An orderly end."""
        self.server.should_exit = True
        await self.task
        await self.service.close()
        self.listener.close()

    async def kill(self) -> None:
        """As much of a sudden end as one process allows: nothing is said to anybody, nothing more is written."""
        self.server.force_exit = self.server.should_exit = True
        self.service.writer.broken = "killed"
        await self.stop()


@dataclass
class Bloc:
    """Homes of a bloc, and those nodes that run.

    Attributes:
        homes: folder of each member. urls: under which address the others know it. running: by member.
        names: what a member's name service says; without it the system is asked.
    """

    homes: Mapping[str, Path]
    urls: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, socket.socket] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    names: Callable[[str], Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        for member in self.homes:
            self.listeners[member] = free_socket()
            self.urls.setdefault(member, f"http://127.0.0.1:{self.port(member)}")

    def port(self, member: str) -> int:
        """The port on which a member's node listens."""
        found: int = self.listeners[member].getsockname()[1]
        return found

    def settings(self, member: str, peers: Mapping[str, str] | None = None, **more: Any) -> NodeSettings:
        """How a member's node runs; `peers` are the addresses under which it knows the others."""
        arguments: dict[str, Any] = {
            "listen": f"127.0.0.1:{self.port(member)}", "peers_private": True, "sync_every_s": QUICK_S,
            "disk_reserve_mb": 0, "commit_gather_ms": 5, "public_url": self.urls[member],
            "peers": dict(peers or {m: url for m, url in self.urls.items() if m != member}), **more,
        }  # fmt: skip
        return NodeSettings.load(arguments, environment={}, file=Path("absent.toml"))

    async def start(self, member: str, peers: Mapping[str, str] | None = None, **more: Any) -> Running:
        """Run a member's node."""
        listener = self.listeners[member].dup()
        draw = random.Random(member).random
        names = self.names(member) if self.names is not None else None
        options = {**self.options, **({"resolver": resolver(names)} if names is not None else {})}
        settings = self.settings(member, peers, **more)
        service = Service(Node(self.homes[member]), settings, draw=lambda: 0.5 + draw(), **options)
        config = uvicorn.Config(
            application(service),
            lifespan="off",
            log_level="error",
            access_log=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        task = asyncio.get_running_loop().create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.005)
            assert not task.done(), task.exception()
        await service.start()
        self.running[member] = Running(service, server, task, self.port(member), listener)
        return self.running[member]

    async def stop(self, member: str) -> None:
        """End a member's node in order."""
        await self.running.pop(member).stop()

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(one.stop() for one in self.running.values()))
        self.running.clear()
        for listener in self.listeners.values():
            listener.close()

    # --- Questions ----------------------------------------------------------------------------------------------------

    async def events(self, member: str) -> list[str]:
        """The ids of the final entries, in order, as a member has them."""
        return await self.running[member].service.read(lambda node: [e.id for _, _, e in node.replica.events()])

    async def until(self, what: Callable[[], Any], seconds: float = 20.0) -> None:
        """Wait until something holds; it is given up, with what was asked, after some time."""
        for _ in range(int(seconds / 0.05)):
            if await what():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    async def all_final(self, ids: set[str], seconds: float = 20.0, among: Sequence[str] = ()) -> None:
        """Wait until entries are final at every running node, or at those named."""

        async def done() -> bool:
            found = [await self.events(member) for member in among or self.running]
            return all(ids <= set(events) for events in found)

        await self.until(done, seconds)


@contextlib.asynccontextmanager
async def running(homes: Mapping[str, Path], **options: Any) -> AsyncIterator[Bloc]:
    """A bloc whose nodes all run, until the block ends."""
    bloc = Bloc(homes, options=options)
    try:
        for member in homes:
            await bloc.start(member)
        yield bloc
    finally:
        await bloc.close()
