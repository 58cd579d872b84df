"""The pages behind a server: the bytes of the site, callers who ask too much wait, a node's routes come first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from concordat.web.app import create_app
from concordat.web.most_asked import MostAsked
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
    assert answer.headers["content-type"].startswith("text/plain")
    for ending in ("json", "csv"):
        told = ask(app, "GET", f"/about.{ending}")
        assert (told.status_code, told.headers["content-type"]) == (429, "application/problem+json")
        assert told.headers["retry-after"] == "3"
        assert (told.json()["status"], told.json()["code"]) == (429, "limit")
        assert "content-security-policy" in told.headers


def test_the_routes_of_a_node_come_first(evidence_dir: Path) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def live(_: Any) -> PlainTextResponse:
        return PlainTextResponse("live\n")

    app = create_app(lambda: site_of(evidence_dir), [Route("/health/live", live)])
    assert ask(app, "GET", "/health/live").text == "live\n"
    assert ask(app, "GET", "/about").status_code == 200


class Moving:
    """A site whose record moves when told so; counts how often an answer is made."""

    def __init__(self, site: Any) -> None:
        self.site, self.at, self.made, self.asks = site, 0, 0, MostAsked()

    def still(self, mark: object) -> bool:
        return mark == self.at

    def answer(self, *asked: Any) -> Any:
        self.made += 1
        return replace(self.site.answer(*asked), mark=self.at)


def test_what_was_answered_before_is_given_again_until_something_moves(evidence_dir: Path) -> None:
    site = Moving(site_of(evidence_dir))
    app = create_app(lambda: site)
    asked = {"accept-encoding": "gzip", "accept-language": "pt"}
    first = ask(app, "GET", "/about", **asked)
    again = ask(app, "GET", "/about", **asked)
    assert (again.status_code, again.headers, again.content) == (200, first.headers, first.content)
    assert ask(app, "HEAD", "/about", **asked).content == b""
    known = ask(app, "GET", "/about", **asked, **{"if-none-match": first.headers["etag"]})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", first.headers["etag"])
    assert "content-length" not in known.headers
    assert site.made == 1
    other = ask(app, "GET", "/about", **{**asked, "accept-language": "en"})
    plain = ask(app, "GET", "/about", **{**asked, "accept-encoding": "identity"})
    assert other.text != first.text
    assert "content-encoding" not in plain.headers
    assert ask(app, "POST", "/about", **asked).status_code == 405
    assert site.made == 4
    site.at = 1
    assert ask(app, "GET", "/about", **asked).content == first.content
    assert site.made == 5
    listed = ask(app, "GET", "/about", **asked, **{"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert listed.status_code == 304


def test_many_addresses_push_the_oldest_answers_out(evidence_dir: Path) -> None:
    from concordat.web import app as module

    site = Moving(site_of(evidence_dir))
    app = create_app(lambda: site)
    for number in range(module.READY_KEPT + 1):
        assert ask(app, "GET", "/about", **{"accept-language": f"en, x-{number}"}).status_code == 200
    ask(app, "GET", "/about", **{"accept-language": f"en, x-{module.READY_KEPT}"})
    assert site.made == module.READY_KEPT + 1
    ask(app, "GET", "/about", **{"accept-language": "en, x-0"})
    assert site.made == module.READY_KEPT + 2


def test_an_address_with_a_line_end_is_answered_in_our_words(evidence_dir: Path) -> None:
    app = create_app(lambda: site_of(evidence_dir))
    answer = ask(app, "GET", "/instrument/a%0Ab.json")
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/problem+json"
