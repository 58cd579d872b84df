"""The public catalogue of a running node: public datasets alone, in three forms, with a tag; bounded as other pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

import httpx

from concordat.exchange.catalogue.offer import Offer
from concordat.node.callers import Callers, LimitError
from concordat.node.catalog_routes import FORMS, catalog_routes
from concordat.node.exchange import offer
from concordat.node.home import Node
from concordat.node.server import application
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from exchange_catalogue_kit import OFFER
from unit_node import found

PUBLIC = OFFER.replace("access: restricted", "access: public").replace("id: ict-household-2025", "id: open-ict")


class Full(Callers):
    """Callers that have asked too much."""

    def anybody(self, limit: str, address: str, now: float) -> None:  # noqa: ARG002 - the callers' own shape
        raise LimitError(limit, 7.0)


def asked(home: Path, *requests: tuple[str, dict[str, str]], full: bool = False) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        given = {"public_url": "http://bra.example", "disk_reserve_mb": 0}
        service = Service(Node(home), NodeSettings.load(given, environment={}, file=Path("absent.toml")))
        try:
            callers = Full(()) if full else Callers(())
            transport = httpx.ASGITransport(application(service, callers, catalog_routes(service, callers)))
            async with httpx.AsyncClient(transport=transport, base_url="http://bra.example") as client:
                return [await client.get(path, headers=headers) for path, headers in requests]
        finally:
            await service.close()

    return asyncio.run(ask())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (home,) = found(tmp_path, ("BRA",))
    (tmp_path / "ict_2025.csv").write_bytes(b"a\n1\n")
    with Node(home) as node:
        offer(node, Offer.load(OFFER), tmp_path)
        offer(node, Offer.load(PUBLIC), tmp_path)
    return home


def test_strangers_see_public_datasets_in_three_forms(home: Path) -> None:
    replies = asked(home, *((f"/catalog.{form}", {}) for form in sorted(FORMS)))
    for form, reply in zip(sorted(FORMS), replies, strict=True):
        assert (reply.status_code, reply.headers["content-type"]) == (200, FORMS[form])
        assert "BRA/open-ict" in reply.text
        assert "BRA/ict-household-2025" not in reply.text
    pytest.importorskip("pyshacl", reason="needs the extra [exchange]")
    from concordat.exchange.catalogue.shacl import check_dcat

    assert [check_dcat(reply.content) for reply in replies] == [[], [], []]


def test_who_has_it_already_gets_nothing_again(home: Path) -> None:
    tag = asked(home, ("/catalog.ttl", {}))[0].headers["etag"]
    (again,) = asked(home, ("/catalog.ttl", {"if-none-match": tag}))
    assert (again.status_code, again.content) == (304, b"")


def test_too_many_requests_are_refused(home: Path) -> None:
    (reply,) = asked(home, ("/catalog.ttl", {}), full=True)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")


def test_a_document_that_is_gone_is_an_error_by_name(home: Path) -> None:
    with Node(home) as node:
        for entry in node.replica.own.entries:
            node.store.erase_blob(entry.body["document"]["hash"])
    (reply,) = asked(home, ("/catalog.xml", {}))
    assert reply.status_code >= 500
    assert "is not here" in reply.text
