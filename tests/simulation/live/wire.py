"""A bad line between two nodes: a TCP proxy on loopback with delay, a narrow rate, standstill, resets and cuts.

Bounded: at most 256 connections, 64 kB on the way in each direction, so that what is slow becomes slow for the sender
as on a real line. One `Line` is one direction of asking: from one member to another. Not a model of packet loss: TCP
hides loss, and what it can't hide is a stall or a reset, which are here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field

CONNECTIONS_MAX = 256
CHUNK = 16_384


@dataclass
class Weather:
    """How a line is.

    Attributes:
        delay_s: of each piece of 16 kB, each way. rate: bytes a second, 0 without bound. stalled: nothing moves.
        cut: nobody gets through, and what was open is reset. half_open: connections are taken, and nothing answers.
    """

    delay_s: float = 0.0
    rate: float = 0.0
    stalled: bool = False
    cut: bool = False
    half_open: bool = False


@dataclass
class Line:
    """A line that listens at one address and leads to another."""

    address: str
    port: int
    target: tuple[str, int]
    weather: Weather = field(default_factory=Weather)
    server: asyncio.Server | None = None
    moved: int = 0  # bytes
    _moving: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen."""
        self._moving.set()
        self.server = await asyncio.start_server(self._accept, self.address, self.port, limit=CHUNK)
        self.port = self.server.sockets[0].getsockname()[1]

    def set(self, weather: Weather) -> None:
        """Change how the line is, also for what is open."""
        self.weather = weather
        if weather.cut:
            self.reset()
        if weather.stalled:
            self._moving.clear()
        else:
            self._moving.set()

    def reset(self) -> None:
        """Break every open connection with a reset."""
        for writer in list(self._open):
            sock = writer.get_extra_info("socket")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            if len(self._open) <= CONNECTIONS_MAX and not self.weather.cut:
                await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):  # the line is broken, or the test is over
            pass
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.half_open:
            while self.weather.half_open and await reader.read(CHUNK):
                continue
            return
        there, back = await asyncio.open_connection(*self.target, limit=CHUNK)
        self._open.add(back)
        ways = [asyncio.ensure_future(self._pump(reader, back)), asyncio.ensure_future(self._pump(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(back)
            back.close()
            with contextlib.suppress(OSError):
                await back.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._moving.wait()
            weather = self.weather
            if weather.delay_s or weather.rate:
                await asyncio.sleep(weather.delay_s + (len(data) / weather.rate if weather.rate else 0.0))
            writer.write(data)
            await writer.drain()
            self.moved += len(data)

    async def close(self) -> None:
        """Stop listening, break what is open."""
        if self.server is not None:
            self.server.close()
        self._moving.set()
        self.weather = Weather(cut=True)
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Wires:
    """A line for each ordered pair of members: `b.test` leads member a to 127.<a>.<b>.1, and from there to b.

    All of 127.0.0.0/8 is this machine; so every node has one name and port for all, and each pair its own line.

    Args:
        ports: where each member's node listens on 127.0.0.1.
    """

    def __init__(self, ports: dict[str, int]) -> None:
        self.members = sorted(ports)
        self.ports = ports
        self.lines: dict[tuple[str, str], Line] = {}

    def address(self, sender: str, receiver: str) -> str:
        """Where the line of a pair listens."""
        return f"127.{self.members.index(sender) + 1}.{self.members.index(receiver) + 1}.1"

    def names(self, member: str) -> dict[str, str]:
        """What the name service of a member says."""
        return {f"{other.lower()}.test": self.address(member, other) for other in self.members if other != member}

    def url(self, member: str) -> str:
        """The address of a member, the same for all."""
        return f"http://{member.lower()}.test:{self.ports[member]}"

    async def start(self) -> None:
        """Open all lines."""
        for sender in self.members:
            for receiver in self.members:
                if sender != receiver:
                    port = self.ports[receiver]
                    line = Line(self.address(sender, receiver), port, ("127.0.0.1", port))
                    self.lines[sender, receiver] = line
                    await line.start()

    def pair(self, a: str, b: str, weather: Weather) -> None:
        """Change the lines between two members, both ways."""
        self.lines[a, b].set(weather)
        self.lines[b, a].set(weather)

    def split(self, one_side: set[str]) -> None:
        """Cut all lines between some members and the rest."""
        for (a, b), line in self.lines.items():
            if (a in one_side) != (b in one_side):
                line.set(Weather(cut=True))

    def heal(self) -> None:
        """All lines are good."""
        for line in self.lines.values():
            line.set(Weather())

    async def close(self) -> None:
        """Close all lines."""
        await asyncio.gather(*(line.close() for line in self.lines.values()))
