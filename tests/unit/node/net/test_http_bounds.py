"""What one connection may take, over real sockets: number, headers, address line, and time (made short here)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

import uvicorn

from concordat.node import http_bounds
from live_nodes import free_socket

LARGE = 30_000_000  # bytes: more than the buffers of both ends take


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = bytes(LARGE) if scope["path"] == "/large" else str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(text)).encode())]}
    )
    await send({"type": "http.response.body", "body": text})


@contextlib.asynccontextmanager
async def _server(**changed: Any) -> AsyncIterator[int]:
    protocol = http_bounds.bounded()
    for name, value in changed.items():
        setattr(protocol, name, value)
    config = uvicorn.Config(
        _app, http=protocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    listener = free_socket()
    task = asyncio.ensure_future(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


async def _send(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts with a pause between them, until the other side has had enough; everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.ensure_future(reader.read())
    try:
        for part in parts:
            if reading.done():
                break
            writer.write(part)
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reading, 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _run(work: Callable[[int], Any], **changed: Any) -> Any:
    async def inner() -> Any:
        async with _server(**changed) as port:
            return await work(port)

    return asyncio.run(inner())


GET = b"GET /%s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n%s\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET % (b"a", b""), b"200"),
        (GET % (b"a" * 2_000, b""), b"200"),
        (GET % (b"a" * 2_100, b""), b"414"),
        (GET % (b"a", b"x-a: " + b"b" * 16_000 + b"\r\n"), b"200"),
        (GET % (b"a", b"x-a: " + b"b" * 17_000 + b"\r\n"), b"431"),
        (GET % (b"a", b"".join(b"x-%d: %s\r\n" % (i, b"b" * 100) for i in range(200))), b"431"),
        (b"GET /a HTTP/1.1\r\nhost: x\r\nx-a: " + b"b" * 40_000, b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
    ],
    ids=["plain", "long address", "too long", "large header", "too large", "too many", "endless header", "TLS"],
)
def test_headers_and_address_have_bounds(request_bytes: bytes, status: bytes) -> None:
    answer = _run(lambda port: _send(port, request_bytes))
    assert answer.split(b" ")[1] == status


def test_several_requests_of_one_connection_each_have_their_own_bounds() -> None:
    one = b"GET /a HTTP/1.1\r\nhost: x\r\nx-a: " + b"b" * 9_000 + b"\r\n\r\n"
    answer = _run(lambda port: _send(port, one, one, GET % (b"a", b""), pause=0.05))
    assert answer.count(b"HTTP/1.1 200 OK") == 3


def test_slow_headers_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_bounds, "HEADERS_S", 0.1)
    answer = _run(lambda port: _send(port, b"GET / HTTP/1.1\r\n", b"x-a: b\r\n"))  # and no more: it would be reset
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_may_be_slow_while_it_comes_and_not_if_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_bounds, "BODY_S", 0.15)
    monkeypatch.setattr(http_bounds, "LOOK_S", 0.03)
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5000\r\n\r\n"

    async def work(port: int) -> tuple[bytes, bytes]:
        slow = await _send(port, head, *[b"x" * 500] * 10, pause=0.05)
        return slow, await _send(port, head, b"x", pause=0.01)

    slow, stopped = _run(work)
    assert slow.endswith(b"5000"), "500 bytes each 50 ms are 10,000 a second"
    assert stopped.startswith(b"HTTP/1.1 408")


def test_a_body_may_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_bounds, "BODY_LONG_S", 0.2)
    monkeypatch.setattr(http_bounds, "LOOK_S", 0.03)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000\r\n\r\n"

    async def work(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(reader.readline())
        writer.write(head)
        for _ in range(80):
            if reading.done():
                break
            writer.write(b"x" * 600)
            await asyncio.sleep(0.02)
        answer = await reading
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return answer

    assert _run(work).startswith(b"HTTP/1.1 408"), "it came quickly enough, but for too long"


def test_connections_of_one_address_and_of_all_are_bounded() -> None:
    async def work(port: int) -> list[bytes]:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await asyncio.sleep(0.05)
        answers = [await _send(port, GET % (b"a", b""))]
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.sleep(0.05)
        answers.append(await _send(port, GET % (b"a", b"")))
        for _, writer in held[1:]:
            writer.close()
            await writer.wait_closed()
        return answers

    for bound in ({"of_one_address": 3}, {"connections_max": 3}):
        full, free = _run(work, **bound)
        assert full.startswith(b"HTTP/1.1 503")
        assert free.startswith(b"HTTP/1.1 200")


def test_who_does_not_read_its_answer_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_bounds, "ANSWER_S", 0.2)
    monkeypatch.setattr(http_bounds, "LOOK_S", 0.03)

    async def work(port: int) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
        writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b"HTTP/1.1 503"
        while answer.startswith(b"HTTP/1.1 503"):  # the only place is taken
            await asyncio.sleep(0.05)
            answer = await _send(port, GET % (b"a", b""))
        writer.transport.abort()
        return answer

    assert _run(work, connections_max=1).startswith(b"HTTP/1.1 200")


class _Looked:
    """A connection of which only the buffer is looked at: the bytes that still wait, every five seconds."""

    def __init__(self, waiting: list[int]) -> None:
        self.waiting, self.now, self.aborted = waiting, 0.0, 0.0
        self.loop = self.transport = self
        self._left = self._left_then = 0
        self._left_since = 0.0

    def time(self) -> float:
        return self.now

    def get_write_buffer_size(self) -> int:
        self.now += http_bounds.LOOK_S
        return self.waiting.pop(0)

    def abort(self) -> None:
        self.aborted = self.now

    def call_later(self, seconds: float, look: Callable[[], None]) -> None:  # noqa: ARG002
        assert seconds == http_bounds.LOOK_S

    def _look_at_answer(self) -> None:
        http_bounds.BoundedProtocol._look_at_answer(self)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waiting", "aborted"),
    [
        ([1_000_000] * 40, 65.0),  # first seen after 5 s
        ([1_000_000 - 2_499 * n for n in range(40)], 65.0),
        ([1_000_000 - 2_500 * n for n in range(40)], 0.0),
        ([*[900_000] * 11, *[860_000] * 11, *[800_000] * 11], 0.0),  # in steps, as the system's buffers empty
        ([0, 50, 0, 50] * 10, 0.0),
        ([70_000] * 10 + [90_000] + [60_000] * 12, 0.0),  # more was written: some had gone out
    ],
    ids=["nothing", "too slow", "500 B/s", "in steps", "requests", "a stream"],
)
def test_an_answer_goes_on_while_500_bytes_a_second_go_out(waiting: list[int], aborted: float) -> None:
    seen = _Looked(waiting)
    while seen.waiting and not seen.aborted:
        seen._look_at_answer()
    assert seen.aborted == aborted


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("192.0.2.0/24", "127.0.0.0/24")])
def test_a_proxy_of_ours_carries_many(proxies: tuple[str, ...]) -> None:
    async def work(port: int) -> bytes:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await asyncio.sleep(0.05)
        answer = await _send(port, GET % (b"a", b""))
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        return answer

    assert _run(work, of_one_address=2, trusted=proxies).startswith(b"HTTP/1.1 200")
    assert _run(work, of_one_address=2, trusted=("192.0.2.0/24",)).startswith(b"HTTP/1.1 503")
