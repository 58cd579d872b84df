"""What one connection may take: uvicorn's HTTP protocol with bounds on number, headers, address and time.

At most 512 connections, 32 of one address (a trusted proxy aside); an address line of 2 kB, headers of 16 kB in all;
headers complete within 10 seconds, a body within 30, or within 10 minutes while at least 500 bytes a second arrive.
Who goes beyond gets 431, 414, 408 or 503 in one line, and the connection is closed. Whoever doesn't take its answer, of
which at least 500 bytes a second must go out in each minute, is cut off: it would hold its place for ever. Numbers:
node-web.md 6; a minute, since half of one is too short where the system's own buffers empty slowly. The methods
that are overridden are uvicorn's own; its version is pinned, and a test drives each bound over a real socket.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from concordat.node.callers import Callers
from concordat.node.limits import CERTIFICATE, network_of

CONNECTIONS_MAX = 512
OF_ONE_ADDRESS = 32
HEADERS_MAX = 16_384  # bytes, names and values
URL_MAX = 2_048
HEADERS_S, BODY_S, BODY_LONG_S, ANSWER_S = 10.0, 30.0, 600.0, 60.0
BODY_RATE = 500  # bytes a second, of a body and of an answer
LOOK_S = 5.0
_WORDS = {
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `trusted` are the addresses and networks of proxies of ours, which carry many clients."""

    trusted: tuple[str, ...] = ()
    connections_max = CONNECTIONS_MAX
    of_one_address = OF_ONE_ADDRESS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._certificate = _certificate_of(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._head = self._body = self._pending = 0
        self._in_head, self._body_began = True, 0.0
        self._left = self._left_then = 0
        self._left_since = self.loop.time()
        self._answer_timer = self.loop.call_later(LOOK_S, self._look_at_answer)
        self._network = network_of(self.client[0]) if self.client else "unknown"
        same = sum(getattr(other, "_network", "") == self._network for other in self.connections)
        if len(self.connections) > self.connections_max or (same > self.of_one_address and not self._of_proxy()):
            self._refuse(503, "too many connections")
            return
        self._begin_head()

    def _of_proxy(self) -> bool:
        """Whether the other end is a proxy of ours; asked only of who has many connections."""
        return self.client is not None and Callers(self.trusted).trusts(self.client[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._answer_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            if self._timer is None:  # another request on a kept connection
                self._begin_head()
            self._pending += len(data)
        super().data_received(data)
        if self._in_head and self._pending > HEADERS_MAX + URL_MAX and not self.transport.is_closing():
            self._refuse(431, "headers of over 16 kB")  # no line of them has ended yet

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CERTIFICATE] = self._certificate  # type: ignore[typeddict-unknown-key]
        self._in_head, self._head, self._body = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_MAX:
            self._refuse(414, "an address of over 2 kB")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head += len(name) + len(value)
        if self._head > HEADERS_MAX:
            self._refuse(431, "headers of over 16 kB")

    def on_headers_complete(self) -> None:
        self._in_head, self._pending = False, 0
        self._stop_timer()
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        self._body_began = self.loop.time()
        self._timer = self.loop.call_later(LOOK_S, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_timer()
        self._in_head = True
        if not self.transport.is_closing():
            super().on_message_complete()

    # --- Time ---------------------------------------------------------------------------------------------------------

    def _begin_head(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEADERS_S, self._refuse, 408, "the headers took too long")

    def _look_at_body(self) -> None:
        """A body that comes slowly may go on only while it comes."""
        if self.cycle is not None and self.flow.read_paused:  # it waits for us
            self._body_began, self._body = self.loop.time(), 0
        passed = self.loop.time() - self._body_began
        if passed > BODY_LONG_S or (passed > BODY_S and self._body < BODY_RATE * passed):
            self._refuse(408, "the body took too long")
            return
        self._timer = self.loop.call_later(LOOK_S, self._look_at_body)

    def _look_at_answer(self) -> None:
        """Whoever doesn't read what it asked for gives its place back."""
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        if not left or left > self._left:  # all has gone out, or enough that more was written
            self._left_then, self._left_since = left, now
        elif now - self._left_since >= ANSWER_S:
            if self._left_then - left < BODY_RATE * ANSWER_S:
                self.transport.abort()
                return
            self._left_then, self._left_since = left, now
        self._left = left
        self._answer_timer = self.loop.call_later(LOOK_S, self._look_at_answer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, words: str) -> None:
        """One line, and the end of the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            text = f"{words}\n".encode()
            head = f"HTTP/1.1 {status} {_WORDS[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            head += f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + text)
        self.transport.close()


def _certificate_of(transport: asyncio.Transport) -> str:
    """SHA-256 of the certificate that the other end showed, which TLS has checked; empty without one."""
    tls = transport.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    return sha256(shown).hexdigest() if shown else ""


def bounded(trusted: Any = ()) -> type[BoundedProtocol]:
    """The protocol for a server; connections of these proxies are not counted by address."""
    return type("Bounded", (BoundedProtocol,), {"trusted": tuple(trusted)})
