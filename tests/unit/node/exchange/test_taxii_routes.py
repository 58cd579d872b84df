"""TAXII over a node's socket: who calls, how much at once, members' tokens, hostile bodies."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")
pytest.importorskip("starlette", reason="needs the extra [web]")

from starlette.applications import Starlette

from concordat.errors import TrustError
from concordat.exchange.dataspace.token import Request as Bound
from concordat.exchange.dataspace.token import make_token
from concordat.exchange.incidents.taxii import MEDIA
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.node.callers import Callers
from concordat.node.home import Node
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.taxii_routes import make_account, member_tokens, open_taxii, taxii_routes
from concordat.node.taxii_tokens import KeptSeen
from taxii_kit import MEMBERS, campaign
from unit_node import found

URL = "https://bra.example"
TAXII = {"accept": MEDIA}


class Visited:
    """A node's TAXII routes, asked without a socket."""

    def __init__(self, homes: list[Path]) -> None:
        settings = NodeSettings.load(
            {"disk_reserve_mb": 0, "public_url": URL}, environment={}, file=Path("absent.toml")
        )
        self.homes, self.service = homes, Service(Node(homes[0]), settings)
        self.store = open_taxii(homes[0])
        self.collection = self.store.make_collection("brics", "indicators", Tlp.AMBER, "Indicators", ["BRA", "IND"])
        tokens = member_tokens(self.service, self.store)
        self.app = Starlette(routes=taxii_routes(self.service, Callers(), self.store, tokens))

    def ask(self, *requests: dict[str, Any]) -> list[httpx.Response]:
        """Answers to requests, in turn."""

        async def work() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app, client=("192.0.2.77", 5))
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                return [
                    await client.request(**{"method": "GET", "url": "/taxii2/", "headers": TAXII, **r})
                    for r in requests
                ]

        return asyncio.run(work())

    def close(self) -> None:
        """Stop."""
        self.store.close()
        self.service.node.close()


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of three members; nothing in them changes but the collections of the first."""
    return found(tmp_path_factory.mktemp("taxii"))


@pytest.fixture
def node(homes: list[Path]) -> Iterator[Visited]:
    made = Visited(homes)
    yield made
    made.close()


def bearer(node: Visited, home: Path, method: str, path: str, body: bytes = b"", **changed: Any) -> dict[str, str]:
    """Headers of a member's node for one request."""
    with Node(home) as other:
        member, chain = other.identity.member, other.chain
        bound = Bound(method, f"{URL}{path}", changed.get("audience", URL), changed.get("body", body))
        token = make_token(
            other.signer.node, bound, member=member, label="node", bloc="BRICS", membership=chain.last.version,
            now=int(other.now) + changed.get("later", 0), jti=secrets.token_bytes(16),
        )  # fmt: skip
    return {**TAXII, "content-type": MEDIA, "authorization": f"Bearer {token}"}


def test_a_members_node_says_who_it_is_by_a_token(node: Visited) -> None:
    path = f"/taxii2/brics/collections/{node.collection.id}/objects/"
    body = json.dumps({"objects": [campaign(1, Tlp.GREEN)]}).encode()
    sent = bearer(node, node.homes[1], "POST", path, body)
    (answer,) = node.ask({"method": "POST", "url": path, "headers": sent, "content": body})
    assert answer.status_code == 202
    assert answer.headers["content-type"] == MEDIA
    read = bearer(node, node.homes[2], "GET", path)
    (answer,) = node.ask({"url": path, "headers": read})
    assert answer.json()["objects"] == [campaign(1, Tlp.GREEN)]
    row = node.store.versions(node.collection.id, {campaign(1)["id"]})[0]
    assert row.owner == "IND:node"


@pytest.mark.parametrize("changed", [{"audience": "https://ind.example"}, {"body": b"x"}, {"later": -9_999}], ids=str)
def test_a_token_of_another_request_proves_nothing(node: Visited, changed: dict[str, Any]) -> None:
    path = "/taxii2/brics/"
    (answer,) = node.ask({"url": path, "headers": bearer(node, node.homes[1], "GET", path, **changed)})
    assert answer.status_code == 401


def test_a_token_is_good_once(node: Visited) -> None:
    path = "/taxii2/brics/?limit=5"
    sent = bearer(node, node.homes[1], "GET", path)
    first, again = node.ask({"url": path, "headers": sent}, {"url": path, "headers": sent})
    assert (first.status_code, again.status_code) == (200, 401)


def test_a_token_is_good_once_after_a_start_as_well(homes: list[Path]) -> None:
    path = "/taxii2/brics/?limit=6"
    before = Visited(homes)
    sent = bearer(before, homes[1], "GET", path)
    (first,) = before.ask({"url": path, "headers": sent})
    before.close()
    after = Visited(homes)
    again, new = after.ask(
        {"url": path, "headers": sent}, {"url": path, "headers": bearer(after, homes[1], "GET", path)}
    )
    after.close()
    assert (first.status_code, again.status_code, new.status_code) == (200, 401, 200)


def test_a_token_of_which_another_process_knows_is_used(tmp_path: Path) -> None:
    """Two processes with one folder: what one has accepted the other refuses."""
    store, other = open_taxii(tmp_path), open_taxii(tmp_path)
    one, two = KeptSeen(store), KeptSeen(other)
    one.once("IND", "a", 1_000, 700)
    with pytest.raises(TrustError, match="used before"):
        two.once("IND", "a", 1_000, 700)
    two.once("ZAF", "a", 1_000, 700)
    two.once("IND", "b", 2_000, 1_121)  # the others have ended, and the clocks' difference is over
    assert store.used() == [("IND", "b", 2_000)]
    store.close()
    other.close()


def test_guesses_are_slowed_down(node: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.service, "monotonic", lambda: 0.0)  # however long hashing takes
    password = make_account(node.store, "IND", "cert", "", MEMBERS)
    known = httpx.BasicAuth("IND/cert", password)._auth_header
    good = {"headers": {**TAXII, "authorization": known}}
    bad = {"headers": {**TAXII, "authorization": httpx.BasicAuth("IND/cert", "guess")._auth_header}}
    statuses = [answer.status_code for answer in node.ask(good, *[bad] * 24, good)]
    assert statuses[0] == 200
    assert statuses[1] == 401
    assert 429 in statuses[2:-1]
    assert statuses[-1] == 200  # who is known already isn't held up


def test_a_body_that_is_too_long_is_not_read_to_its_end(node: Visited) -> None:
    path = f"/taxii2/brics/collections/{node.collection.id}/objects/"
    (answer,) = node.ask({"method": "POST", "url": path, "content": b"x" * (8 * 2**20 + 1)})
    assert (answer.status_code, answer.json()["http_status"]) == (413, "413")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Digest x", "Bearer", "Bearer a.b.c", "x" * 9_000])
def test_a_header_that_proves_nothing_is_refused(node: Visited, header: str) -> None:
    (answer,) = node.ask({"headers": {**TAXII, "authorization": header}})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_links_are_those_of_the_address_that_was_asked(node: Visited) -> None:
    password = make_account(node.store, "IND", "cert", "", MEMBERS)
    known = {**TAXII, "authorization": httpx.BasicAuth("IND/cert", password)._auth_header}
    ours, other = node.ask({"headers": known}, {"headers": {**known, "host": "192.0.2.7:8080"}})
    assert ours.json()["api_roots"] == [f"{URL}/taxii2/brics/"]
    assert other.json()["api_roots"] == ["https://192.0.2.7:8080/taxii2/brics/"]
    assert ours.headers["cache-control"] == "no-store"


def test_a_label_has_the_organisation_of_its_account(node: Visited) -> None:
    make_account(node.store, "IND", "node", "cert-in", MEMBERS)
    tokens = member_tokens(node.service, node.store)
    from starlette.requests import Request

    path = "/taxii2/"
    token = bearer(node, node.homes[1], "GET", path)["authorization"].removeprefix("Bearer ")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [],
             "path_params": {"path": ""}, "server": ("x", 80), "scheme": "https"}  # fmt: skip
    assert tokens(token, Request(scope), b"") == Caller("IND", "node", "cert-in")


def test_a_password_of_a_member_that_left_counts_no_more(node: Visited) -> None:
    """An account of whom the bloc has not, as it stays behind when a member leaves."""
    password = make_account(node.store, "USA", "cert", "", frozenset({"USA"}))
    right = make_account(node.store, "BRA", "cert", "", MEMBERS)
    answers = node.ask(*({"auth": pair} for pair in (("USA/cert", password), ("BRA/cert", right))))
    assert [answer.status_code for answer in answers] == [401, 200]
