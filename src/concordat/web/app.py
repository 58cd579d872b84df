"""The site as an ASGI application, for uvicorn or any other server: needs the extra `web`.

Pages are made in threads, so that a new one holds nobody up. No body of a request is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from concordat.web.respond import Answer, Site

_SENT = {
    b"accept-language": "accept-language",
    b"accept-encoding": "accept-encoding",
    b"if-none-match": "if-none-match",
}


def create_app(site: Site, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application.

    Args:
        site: the pages. routes: of the node, looked at first.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Mount
    except ImportError:
        from concordat.settings import need_extra

        raise need_extra("web", "serving pages") from None

    return Starlette(routes=[*routes, Mount("/", app=_Pages(site))])


class _Pages:
    """The pages as an ASGI application of their own."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        from anyio import to_thread

        assert scope["type"] == "http"
        raw = scope.get("raw_path") or scope["path"].encode("utf-8")
        path, query = raw.split(b"?")[0].decode("ascii", "replace"), scope["query_string"].decode("ascii", "replace")
        sent = {_SENT[k]: v.decode("latin-1") for k, v in scope["headers"] if k in _SENT}
        answer: Answer = await to_thread.run_sync(self._site.answer, scope["method"], path, query, sent)
        said = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": said})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
