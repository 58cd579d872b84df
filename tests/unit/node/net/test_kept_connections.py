"""Connections to a peer that are kept: taken again, given up, and never more than sixteen at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from concordat.node import kept_connections
from concordat.node.kept_connections import AT_ONCE
from concordat.node.outbound import Outbound

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """A server on loopback that keeps its connections, unless it is told to close them behind an answer."""

    def __init__(self) -> None:
        self.opened = self.running = self.most = 0
        self.closing, self.gate = False, asyncio.Event()
        self.gate.set()
        self.over: list[asyncio.StreamWriter] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.opened += 1
        self.over.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.running += 1
                self.most = max(self.most, self.running)
                await self.gate.wait()
                self.running -= 1
                writer.write(ANSWER)
                await writer.drain()
                if self.closing:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def served(work: Callable[[Server, Outbound, str], Awaitable[None]], names: list[str] | None = None) -> None:
    """Run some work against a server; `names`: the addresses that its name has, one after the other."""

    async def main() -> None:
        server = Server()
        listening = await asyncio.start_server(server.handle, "0.0.0.0" if names else "127.0.0.1", 0)
        base = f"http://peer.example:{listening.sockets[0].getsockname()[1]}"
        addresses = list(names or [])

        async def resolver(_: str, __: int) -> list[str]:
            return [addresses.pop(0) if addresses else "127.0.0.1"]

        out = Outbound([base], private=True, resolver=resolver)
        try:
            await work(server, out, base)
        finally:
            await out.close()
            for writer in server.over:
                writer.close()
            listening.close()
            await listening.wait_closed()

    asyncio.run(main())


def test_a_connection_is_taken_again() -> None:
    async def work(server: Server, out: Outbound, base: str) -> None:
        for _ in range(5):
            assert (await out.request("GET", f"{base}/x")).body == b"ok"
        assert server.opened == 1

    served(work)


def test_what_the_other_end_closed_is_not_taken_again() -> None:
    async def work(server: Server, out: Outbound, base: str) -> None:
        server.closing = True
        for count in range(1, 4):
            assert (await out.request("GET", f"{base}/x")).body == b"ok"
            assert server.opened == count
            await asyncio.sleep(0.05)  # its end arrives

    served(work)


def test_what_lay_idle_for_a_minute_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(kept_connections.time, "monotonic", lambda: now[0])

    async def work(server: Server, out: Outbound, base: str) -> None:
        for seconds, opened in ((0.0, 1), (59.0, 1), (61.0, 2)):
            now[0] += seconds
            await out.request("GET", f"{base}/x")
            assert server.opened == opened

    served(work)


def test_a_name_that_leads_elsewhere_gets_a_new_connection() -> None:
    async def work(server: Server, out: Outbound, base: str) -> None:
        for opened in (1, 1, 2, 2):
            await out.request("GET", f"{base}/x")
            assert server.opened == opened

    served(work, ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"])


def test_sixteen_at_once_and_the_next_waits() -> None:
    async def work(server: Server, out: Outbound, base: str) -> None:
        server.gate.clear()
        asking = [asyncio.ensure_future(out.request("GET", f"{base}/x")) for _ in range(AT_ONCE + 4)]
        while server.running < AT_ONCE:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert (server.opened, server.running) == (AT_ONCE, AT_ONCE)
        server.gate.set()
        replies: list[Any] = await asyncio.gather(*asking)
        assert [reply.body for reply in replies] == [b"ok"] * (AT_ONCE + 4)
        assert (server.opened, server.most) == (AT_ONCE, AT_ONCE)

    served(work)


def test_whoever_gives_up_leaves_its_place_and_its_connection() -> None:
    async def work(server: Server, out: Outbound, base: str) -> None:
        server.gate.clear()
        for _ in range(2 * AT_ONCE):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await out.request("GET", f"{base}/x")
        server.gate.set()
        assert (await out.request("GET", f"{base}/x")).body == b"ok"

    served(work)
