"""A service on this machine that answers as a test tells it to: with faults, without end, or well.

It listens on 127.0.0.1 alone, keeps what it was asked, and gives up on a slow client after some seconds.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What to answer: a body whole, or in chunks as they are made; `content-length` may be given and lie."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


Answering = Callable[[Asked], Reply]


class LocalService:
    """The running service: its address, and all that it was asked."""

    def __init__(self, answer: Answering) -> None:
        self.asked: list[Asked] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer, self.asked))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client may hang up
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(answer: Answering, asked: list[Asked]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            size = int(headers.get("content-length", 0))
            asked.append(Asked(self.command, parts.path, query, headers, self.rfile.read(size)))
            self._reply(answer(asked[-1]))

        do_POST = do_CONNECT = do_GET  # noqa: N815

        def _reply(self, reply: Reply) -> None:
            chunks = [reply.body] if isinstance(reply.body, bytes) else reply.body
            headers = {"content-type": reply.kind} if reply.kind else {}
            if isinstance(reply.body, bytes):
                headers["content-length"] = str(len(reply.body))
            self.send_response(reply.status)
            for name, value in (headers | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
