"""The pages behind a server: the bytes of the site, callers who ask too much wait, a node's routes come first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from concordat.web.app import create_app
from web_kit import get, site_of

pytest.importorskip("starlette", reason="needs the extra [web]")


def ask(app: Any, method: str, address: str, **headers: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node.example") as client:
            return await client.request(method, address, headers=headers)

    return asyncio.run(one())


def test_a_page_over_a_server_has_the_bytes_of_the_site(evidence_dir: Path) -> None:
    site = site_of(evidence_dir)
    opened = []
    app = create_app(lambda: opened.append(1) or site)
    answer = ask(app, "GET", "/place/BRA?lang=pt", **{"accept-encoding": "identity"})
    assert answer.content == get(site, "/place/BRA?lang=pt").body
    assert answer.headers["etag"] == dict(get(site, "/place/BRA?lang=pt").headers)["etag"]
    assert (
        ask(
            app, "GET", "/place/BRA?lang=pt", **{"if-none-match": answer.headers["etag"], "accept-encoding": "x"}
        ).status_code
        == 304
    )
    head = ask(app, "HEAD", "/place/BRA", **{"accept-encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 10_000
    assert ask(app, "POST", "/place/BRA").status_code == 405
    assert opened == [1]


def test_whoever_asks_too_much_waits(evidence_dir: Path) -> None:
    app = create_app(lambda: site_of(evidence_dir), admit=lambda scope: 2.6)
    answer = ask(app, "GET", "/about")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"


def test_the_routes_of_a_node_come_first(evidence_dir: Path) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def live(_: Any) -> PlainTextResponse:
        return PlainTextResponse("live\n")

    app = create_app(lambda: site_of(evidence_dir), [Route("/health/live", live)])
    assert ask(app, "GET", "/health/live").text == "live\n"
    assert ask(app, "GET", "/about").status_code == 200
