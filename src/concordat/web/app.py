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
    """Answers that can be given again as they are, without a thread: by what was asked, as long as nothing has moved.

    Args:
        mark: what must not have moved.
    """

    def __init__(self, mark: Callable[[], object]) -> None:
        self.mark = mark
        self._at: object = None
        self._kept: OrderedDict[tuple[bytes, ...], tuple[list[tuple[bytes, bytes]], bytes, bytes]] = OrderedDict()

    def find(self, scope: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Status, headers and body of the answer to a request that was answered before."""
        key, known = _asked(scope)
        kept = self._kept.get(key)
        if kept is None or self.mark() != self._at:
            return None
        self._kept.move_to_end(key)
        said, tag, body = kept
        if known == tag:
            return 304, [header for header in said if header[0] not in (b"content-encoding", b"content-length")], b""
        if known:  # several tags, weak ones: the site reads them
            return None
        return 200, said, b"" if scope["method"] == "HEAD" else body

    def keep(self, scope: Any, mark: object, said: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Keep an answer; mark: as it was before the answer was made."""
        if mark != self._at:
            self._kept.clear()
            self._at = mark
        key, _ = _asked(scope)
        self._kept[key] = (said, dict(said)[b"etag"], body)
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
        self._ready = _Ready(lambda: None if self._site is None else self._site.mark())

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
        ready = self._ready.find(scope)
        if ready is not None:
            await _send(send, *ready)
            return
        raw = scope.get("raw_path") or scope["path"].encode("utf-8")
        path, query = raw.split(b"?")[0].decode("ascii", "replace"), scope["query_string"].decode("ascii", "replace")
        sent = {_SENT[k]: v.decode("latin-1") for k, v in scope["headers"] if k in _SENT}
        answer, mark = await to_thread.run_sync(self._answer, scope["method"], path, query, sent)
        said = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        if answer.same and answer.status == 200:
            self._ready.keep(scope, mark, said, answer.body)
        await _send(send, answer.status, said, b"" if scope["method"] == "HEAD" else answer.body)

    def _answer(self, method: str, path: str, query: str, sent: dict[str, str]) -> tuple[Answer, object]:
        """The answer, and the mark as it was before it was made."""
        with self._lock:
            site = self._site = self._site or self._open()
        mark = site.mark()
        return site.answer(method, path, query, sent), mark


async def _send(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
