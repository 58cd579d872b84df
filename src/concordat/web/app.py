"""The site as an ASGI application, for uvicorn or any other server: needs the extra `web`.

Pages are made in threads, so that a new one holds nobody up. The private pages (`desk`) are asked first; a body of a
request is read there alone.
"""

from __future__ import annotations

import threading
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
    return Starlette(routes=[*routes, Mount("/", app=pages if desk is None else _Both(desk, pages))])


class _Both:
    """The private pages where the address is one of theirs, else the cached ones."""

    def __init__(self, desk: Desk, pages: _Pages) -> None:
        self._desk, self._pages = desk, pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw = (scope.get("raw_path") or scope["path"].encode("utf-8")).split(b"?")[0].decode("ascii", "replace")
        ours = self._desk.find(raw) is not None
        await (self._desk if ours else self._pages)(scope, receive, send)


class _Pages:
    """The pages as an ASGI application of their own."""

    def __init__(self, open_site: Callable[[], Site], admit: Admit | None) -> None:
        self._open, self._admit = open_site, admit
        self._site: Site | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        from anyio import to_thread

        assert scope["type"] == "http"
        scope["route"] = ROUTE
        wait = self._admit(scope) if self._admit is not None else 0.0
        if wait:
            retry = str(max(1, round(wait))).encode()
            words = b"Too many requests; try again a little later.\n"
            await _send(send, 429, [(b"retry-after", retry), (b"content-type", b"text/plain; charset=utf-8")], words)
            return
        raw = scope.get("raw_path") or scope["path"].encode("utf-8")
        path, query = raw.split(b"?")[0].decode("ascii", "replace"), scope["query_string"].decode("ascii", "replace")
        sent = {_SENT[k]: v.decode("latin-1") for k, v in scope["headers"] if k in _SENT}
        answer = await to_thread.run_sync(self._answer, scope["method"], path, query, sent)
        said = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        await _send(send, answer.status, said, b"" if scope["method"] == "HEAD" else answer.body)

    def _answer(self, method: str, path: str, query: str, sent: dict[str, str]) -> Answer:
        with self._lock:
            site = self._site = self._site or self._open()
        return site.answer(method, path, query, sent)


async def _send(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
