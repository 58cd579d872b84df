"""What happens around every request, whatever answers it: the path prefix, the host's name, a number, a line of log.

An ASGI application around another. A node behind `https://example.br/concordat` sees addresses with and without the
prefix; links are made with it (`root_path`). A request for another host than that of `public_url` is answered with 421,
so that no page is ever made, or kept by anybody, under a name that isn't ours. Whoever answered, the answer leaves with
all headers that a browser is to hear (`HEADERS`): what the answer says itself stands, what it left out is added here.
The log line has time, level, event, route, status, milliseconds and the request's number; of the address only the
network (/24 or /48); no query, no header, no body, no cookie. Of a fault its kind and place, never its words.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
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
# Section 6 of the specification: nothing is loaded, framed, guessed at or told to other sites. Pages loosen the policy
# for their own style and pictures (`web.headers`), public data for readers of other sites.
HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(
        f"{name}=()" for name in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
YEAR_S = 31_536_000


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
        self._said = {name.encode(): value.encode() for name, value in HEADERS.items()}
        if parts.scheme == "https":
            self._said[b"strict-transport-security"] = hsts(self._prefix).encode()
        self._hosts = {parts.netloc.lower()} if parts.netloc else set()
        default = {"https": ":443", "http": ":80"}.get(parts.scheme, ":")
        if parts.netloc and parts.port is None:
            self._hosts.add(f"{parts.netloc.lower()}{default}")
        elif parts.netloc.endswith(default):  # browsers leave it out, whatever the settings say
            self._hosts.add(parts.netloc.lower().removesuffix(default))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, seen = self._monotonic(), {"status": 500, "bytes": 0}
        scope["request_id"] = number = secrets.token_hex(8)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                message["headers"] = self._complete(message.get("headers", ()), number)
            else:
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._inner(scope, receive, sending)
        except Exception as error:
            self._log("error", "fault", {"what": place_of(error), "id": number})
            raise
        finally:
            self._tell(scope, seen, self._monotonic() - started, number)

    def _complete(self, given: Iterable[tuple[bytes, bytes]], number: str) -> list[tuple[bytes, bytes]]:
        """An answer's headers with those that it left out."""
        headers = [(name, value) for name, value in given if name.lower() != b"strict-transport-security"]
        there = {name.lower() for name, _ in headers}
        headers += [(name, value) for name, value in self._said.items() if name not in there]
        headers.append((b"x-request-id", number.encode()))
        if b"date" not in there:
            headers.append((b"date", format_datetime(clock.now(), usegmt=True).encode()))
        return headers

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


class Named:
    """An application that is no public one, for those alone who ask for it by number, as `localhost`, or by its name.

    A page elsewhere can let its own name point here for a moment (DNS rebinding); the browser then reads our answers as
    that page's. It can't choose a number for a name. Source: node-web.md 6; OWASP ASVS 5.0.0, V3 and V13.

    Args:
        app: what answers. name: the host of the setting.
    """

    def __init__(self, app: App, name: str) -> None:
        self._app, self._name = app, name.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not self._ours(hosts[0].lower()):
                await _plain(send, 421, "ask by number, as 127.0.0.1\n")
                return
        await self._app(scope, receive, send)

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in ("localhost", self._name):
                return True
            ip_address(name)
        except ValueError:
            return False
        return True


def hsts(prefix: str) -> str:
    """For how long browsers come by HTTPS alone (RFC 6797). Hosts below this one are ours too, unless others live
    beside the path prefix: then we speak for our own host only.

    >>> hsts(""), hsts("/concordat")
    ('max-age=31536000; includeSubDomains', 'max-age=31536000')
    """
    return f"max-age={YEAR_S}" if prefix else f"max-age={YEAR_S}; includeSubDomains"


def place_of(error: BaseException) -> str:
    """Kind of a fault and where in this program it happened; not its words, which may hold what somebody sent."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}"


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
