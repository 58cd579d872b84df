"""The site as an ASGI application, for uvicorn or any other server: needs the extra `web`.

Pages are made in threads, so that a new one holds nobody up. The private pages (`desk`) are asked first; a body of a
request is read there alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from concordat.web.desk.app import Desk
    from concordat.web.respond import Answer, Site

_SENT = {
    b"accept-language": "accept-language",
    b"accept-encoding": "accept-encoding",
    b"if-none-match": "if-none-match",
}
TOO_MANY = "Too many requests; try again a little later."
READY_KEPT = 256  # answers that are given without a thread
Admit = Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class _Route:
    """What metrics and log lines call a request: never the address that was asked for."""

    path: str


ROUTE = _Route("pages")


def create_app(
    open_site: Callable[[], Site],
    routes: Sequence[BaseRoute] = (),
    admit: Admit | None = None,
    desk: Desk | None = None,
) -> Starlette:
    """The application.

    Args:
        open_site: makes the pages; called once, when the first one is asked for, so that a node is there at once.
        routes: of the node, looked at first.
        admit: given the ASGI scope, how many seconds this caller has to wait; 0 lets the request in.
        desk: the private pages, asked before the cached ones.

    Raises:
        MethodError: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Mount
    except ImportError:
        from concordat.settings import need_extra

        raise need_extra("web", "serving pages") from None

    pages = _Pages(open_site, admit)
    below = pages if desk is None else _Both(desk, pages)
    app = Starlette(routes=[*routes, Mount("/", app=below)])
    app.router.default = below  # an address with a line end in it fits no route of Starlette's
    return app


class _Both:
    """The private pages where the address is one of theirs, else the cached ones."""

    def __init__(self, desk: Desk, pages: _Pages) -> None:
        self._desk, self._pages = desk, pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw = (scope.get("raw_path") or scope["path"].encode("utf-8")).split(b"?")[0].decode("ascii", "replace")
        ours = self._desk.find(raw) is not None
        await (self._desk if ours else self._pages)(scope, receive, send)


class _Ready:
    """Answers that can be given again as they are, without a thread: by what was asked, each as long as what it was
    made from has not moved."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, ...], tuple[Answer, list[tuple[bytes, bytes]], bytes]] = OrderedDict()

    def find(self, site: Site, scope: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Status, headers and body of the answer to a request that was answered before."""
        key, known = _asked(scope)
        kept = self._kept.get(key)
        if kept is None:
            return None
        answer, said, tag = kept
        if not site.still(answer.mark):
            del self._kept[key]
            return None
        if known and known != tag:  # several tags, weak ones: the site reads them
            return None
        self._kept.move_to_end(key)
        assert answer.page is not None
        site.asks.count(answer.page)
        if known:
            return 304, [header for header in said if header[0] not in (b"content-encoding", b"content-length")], b""
        return 200, said, b"" if scope["method"] == "HEAD" else answer.body

    def keep(self, scope: Any, answer: Answer, said: list[tuple[bytes, bytes]]) -> None:
        """Keep an answer, with its headers as they are sent."""
        key, _ = _asked(scope)
        self._kept[key] = (answer, said, dict(said)[b"etag"])
        while len(self._kept) > READY_KEPT:
            self._kept.popitem(last=False)


def _asked(scope: Any) -> tuple[tuple[bytes, ...], bytes]:
    """What an answer depends on: address, language, whether gzip is taken; and the tag that the reader has."""
    language = encoding = known = b""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            language = value
        elif name == b"accept-encoding":
            encoding = value
        elif name == b"if-none-match":
            known = value
    raw = scope.get("raw_path") or scope["path"].encode("utf-8")
    read = b"" if scope["method"] in ("GET", "HEAD") else scope["method"].encode()
    return (raw, scope["query_string"], language, b"z" if b"gzip" in encoding else b"", read), known


class _Pages:
    """The pages as an ASGI application of their own."""

    def __init__(self, open_site: Callable[[], Site], admit: Admit | None) -> None:
        self._open, self._admit = open_site, admit
        self._site: Site | None = None
        self._lock = threading.Lock()
        self._ready = _Ready()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        from anyio import to_thread

        assert scope["type"] == "http"
        scope["route"] = ROUTE
        wait = self._admit(scope) if self._admit is not None else 0.0
        if wait:
            await _send(send, 429, *_too_many(scope["path"], wait))
            return
        ready = self._ready.find(self._site, scope) if self._site is not None else None
        if ready is not None:
            await _send(send, *ready)
            return
        raw = scope.get("raw_path") or scope["path"].encode("utf-8")
        path, query = raw.split(b"?")[0].decode("ascii", "replace"), scope["query_string"].decode("ascii", "replace")
        sent = {_SENT[k]: v.decode("latin-1") for k, v in scope["headers"] if k in _SENT}
        site, answer = await to_thread.run_sync(self._answer, scope["method"], path, query, sent)
        said = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        if answer.page is not None:
            site.asks.count(answer.page)
            if answer.status == 200:
                self._ready.keep(scope, answer, said)
        await _send(send, answer.status, said, b"" if scope["method"] == "HEAD" else answer.body)

    def _answer(self, method: str, path: str, query: str, sent: dict[str, str]) -> tuple[Site, Answer]:
        with self._lock:
            site = self._site = self._site or self._open()
        return site, site.answer(method, path, query, sent)


def _too_many(path: str, wait: float) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the answer to somebody who has to wait; as problem+json where a program asks."""
    from concordat.web import headers
    from concordat.web.respond import problem

    kind, body = "text/plain; charset=utf-8", (TOO_MANY + "\n").encode()
    if path.endswith((".json", ".csv")):
        kind, body = headers.PROBLEM, problem(429, TOO_MANY, code="limit")
    said = [*headers.headers_for(kind, "no-store"), ("retry-after", str(max(1, round(wait))))]
    return [(name.encode(), value.encode("latin-1")) for name, value in said], body


async def _send(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
