"""What happens around every request, whatever answers it: the path prefix, the host's name, a number, a line of log.

An ASGI application around another. A node behind `https://example.br/concordat` sees addresses with and without the
prefix; links are made with it (`root_path`). A request for another host than that of `public_url` is answered with 421,
so that no page is ever made, or kept by anybody, under a name that isn't ours. The log line has time, level, event,
route, status, milliseconds and the request's number; of the address only the network (/24 or /48); no query, no header,
no body, no cookie.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from concordat import clock
from concordat.node.limits import cut_address

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Log = Callable[[str, str, Mapping[str, Any]], None]
_HEALTH = ("/health/live", "/health/ready")


class LogLines:
    """Events as JSON, one a line.

    Args:
        write: takes a line with its newline.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def __call__(self, level: str, event: str, facts: Mapping[str, Any]) -> None:
        line = {"time": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "level": level, "event": event, **facts}
        text = json.dumps(line, ensure_ascii=False, default=str)
        self._write("".join(c if c.isprintable() else "\ufffd" for c in text) + "\n")


class Edge:
    """The outermost application.

    Args:
        app: what answers. public_url: under which the node is known; empty: any host is taken. log: told each request.
        answered: told route, status, seconds and bytes of each, for the metrics. monotonic: seconds.
    """

    def __init__(
        self,
        app: App,
        public_url: str,
        log: Log,
        monotonic: Callable[[], float],
        answered: Callable[[str, int, float, int], None] = lambda *_: None,
    ) -> None:
        self._app, self._log, self._monotonic, self._answered = app, log, monotonic, answered
        parts = urlsplit(public_url)
        self._prefix = parts.path.rstrip("/")
        self._hosts = {parts.netloc.lower()} if parts.netloc else set()
        default = {"https": "443", "http": "80"}.get(parts.scheme, "")
        if parts.netloc and parts.port is None:
            self._hosts.add(f"{parts.netloc.lower()}:{default}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, seen = self._monotonic(), {"status": 500, "bytes": 0}
        scope["request_id"] = number = secrets.token_hex(8)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", number.encode())]
                if not any(name.lower() == b"date" for name, _ in headers):
                    headers.append((b"date", format_datetime(clock.now(), usegmt=True).encode()))
                message["headers"] = headers
            else:
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._inner(scope, receive, sending)
        finally:
            self._tell(scope, seen, self._monotonic() - started, number)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            scope["root_path"] = self._prefix
        if self._hosts and scope["path"].removeprefix(self._prefix) not in _HEALTH:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
            if host not in self._hosts:
                await _plain(send, 421, "this node has another name\n")
                return
        await self._app(scope, receive, send)

    def _tell(self, scope: Scope, seen: Mapping[str, int], seconds: float, number: str) -> None:
        route = route_of(scope)
        self._answered(route, seen["status"], seconds, seen["bytes"])
        client = scope.get("client")
        level = "error" if seen["status"] >= 500 and seen["status"] != 503 else "info"
        facts = {"route": route, "status": seen["status"], "ms": round(1000 * seconds, 1), "id": number}
        facts["from"] = cut_address(client[0]) if client else "unknown"
        self._log(level, "http", facts)


def route_of(scope: Scope) -> str:
    """The pattern of the route that answered, or `other`: never the address that was asked for."""
    route = scope.get("route")
    pattern = getattr(route, "path", None)
    if isinstance(pattern, str):
        return pattern
    name = getattr(scope.get("endpoint"), "__name__", None)
    return name if isinstance(name, str) else "other"


async def _plain(send: Send, status: int, words: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})
