"""Fetching what another member shares: by TAXII from its running node, and where the reading stops."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")
pytest.importorskip("jsonschema", reason="the exchange's messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat.errors import ConcordatError, InputError, SourceError
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.node.exchange_orders import ORDERS
from concordat.node.home import Node
from concordat.node.incident_fetch import fetch
from concordat.node.outbound import Reply
from concordat.node.taxii_routes import open_taxii
from exchange_live import both
from taxii_kit import Desk, campaign, name
from unit_node import found

PLACE = "https://bra.example"
BRA, ZAF = Caller("BRA", "node"), Caller("ZAF", "node")


def test_a_running_node_gives_what_the_label_allows_and_the_place_is_kept(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "ZAF"))
    desk = Desk(homes[0], frozenset({"BRA", "ZAF"}))
    green, red = desk.collection(Tlp.GREEN, "g"), desk.collection(Tlp.RED, "r")
    amber = desk.collection(Tlp.AMBER, "a")
    desk.share(green, BRA, set(), campaign(1, Tlp.GREEN), campaign(1, Tlp.GREEN, version=2))
    desk.share(red, BRA, {"ZAF:node"}, campaign(2, Tlp.RED))
    desk.share(red, BRA, {"ZAF:ana"}, campaign(3, Tlp.RED))
    desk.share(amber, BRA, {"ZAF"}, campaign(4, Tlp.AMBER))  # ZAF has stated no need yet
    desk.store.close()

    async def main() -> list[dict[str, Any]]:
        async with both(homes, taxii=True) as nodes:
            ask, wanted = nodes["ZAF"].exchange, {"member": "BRA", "whole": True}
            first, second = await ORDERS["incidents"](ask, wanted), await ORDERS["incidents"](ask, wanted)
            store = open_taxii(homes[0])
            store.subscribe(amber.id, "ZAF", "protects the payment system")
            store.close()
            return [first, second, await ORDERS["incidents"](ask, {**wanted, "again": True})]

    first, second, third = asyncio.run(main())
    assert (first["objects"], first["refused"], second["objects"]) == (3, [], 0)
    assert {one["id"] for one in json.loads(first["bundle"])["objects"]} == {name("campaign", 1), name("campaign", 2)}
    ids = {one["id"] for one in json.loads(third["bundle"])["objects"]}
    assert ids == {name("campaign", n) for n in (1, 2, 4)}
    desk = Desk(homes[1], frozenset({"BRA", "ZAF"}))
    rows = {row.id: row for row in desk.store.versions(first["kept_in"], ids)}
    assert {row.label for row in rows.values()} == {Tlp.GREEN, Tlp.AMBER, Tlp.RED}
    assert {row.owner for row in rows.values()} == {"BRA:node"}
    path = f"brics/collections/{first['kept_in']}/objects/"
    seen = json.loads(desk.ask("GET", path, Caller("ZAF", "cert")).body)["objects"]
    assert {one["id"] for one in seen} == {name("campaign", 1), name("campaign", 4)}  # RED is for its one node
    desk.store.close()


class Pages:
    """A member's node that answers as told."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), [""][:0]

    async def ask(self, _member: str, url: str, _accept: str) -> Reply:
        self.asked.append(url)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


LISTED = Reply(200, json.dumps({"collections": [{"id": "c 1/../x", "can_read": True}, {"id": "c2"}]}).encode())


def page(*objects: Any, following: Any = "", last: str = "2026-05-04T09:30:00.000001Z", status: int = 200) -> Reply:
    value = {"objects": list(objects), "more": bool(following)} | ({"next": following} if following else {})
    return Reply(status, json.dumps(value).encode(), {"x-taxii-date-added-last": last})


def fetched(folder: Path, *replies: Reply, member: str = "BRA", **wanted: Any) -> tuple[dict[str, Any], list[str]]:
    """A fetch from a member that answers so, and what it was asked."""
    home = folder / "home"
    if not home.exists():
        found(folder, ("ZAF", "BRA"))[0].rename(home)
    client = Pages(*replies)

    async def do(work: Any) -> Any:
        return work()

    with Node(home) as node:

        async def read(look: Any) -> Any:
            return look(node)

        service = SimpleNamespace(node=node, bloc="BRICS", chain=node.chain, read=read)
        side = SimpleNamespace(places={"BRA": PLACE}, member="ZAF")
        exchange: Any = SimpleNamespace(
            service=service, engine=SimpleNamespace(side=side), client=client, do=do
        )  # fmt: skip
        return asyncio.run(fetch(exchange, {"member": member, **wanted})), client.asked


def test_pages_are_followed_from_addresses_of_our_own_making(tmp_path: Path) -> None:
    said, asked = fetched(tmp_path, LISTED, page(campaign(1), following="a&b=/c"), page(campaign(2)))
    assert said["objects"] == 2
    start = f"{PLACE}/taxii2/brics/collections/"
    assert asked[0] == start
    assert asked[1] == f"{start}c%201%2F..%2Fx/objects/?limit=500&match%5Bversion%5D=all"
    assert asked[2] == f"{asked[1]}&next=a%26b%3D%2Fc"
    _, asked = fetched(tmp_path, LISTED, page())
    assert asked[1].endswith("&added_after=2026-05-04T09%3A30%3A00.000001Z")
    _, asked = fetched(tmp_path, LISTED, page(), again=True)
    assert "added_after" not in asked[1]


def test_what_is_no_stix_is_left_out_and_told(tmp_path: Path) -> None:
    said, _ = fetched(tmp_path, LISTED, page(campaign(1), {"type": "campaign", "id": "x"}, 5))
    assert (said["objects"], said["refused_count"]) == (1, 2)
    assert said["refused"][0][0] == "x"


def test_an_incident_that_its_sender_did_not_log_is_said_to_be_so(tmp_path: Path) -> None:
    incident = {**campaign(9), "type": "incident", "id": name("incident", 9)}
    said, _ = fetched(tmp_path, LISTED, page(incident))
    assert said["incidents"] == [{"id": name("incident", 9), "label": "", "logged": ""}]


@pytest.mark.parametrize(
    ("replies", "error", "words"),
    [
        ([Reply(401, b'{"description": "who are you?"}')], SourceError, "BRA answers 401: who are you"),
        ([Reply(500, b"[" * 5_000)], SourceError, "BRA answers 500: no reason given"),
        ([Reply(200, b"[]")], InputError, "no TAXII answer"),
        ([Reply(200, b'{"collections": 5}')], InputError, "no list of at most 200"),
        ([Reply(200, json.dumps({"collections": [{}] * 201}).encode())], InputError, "no list of at most 200"),
        ([LISTED, page(*[campaign(1)] * 501)], InputError, "no page of at most 500"),
        ([LISTED, page(campaign(1), following=5)], InputError, "no page of at most 500"),
        ([LISTED, page(campaign(1), following="x" * 201)], InputError, "no page of at most 500"),
        ([LISTED, page(campaign(1), last="yesterday")], InputError, "yesterday"),
        ([LISTED, page(campaign(1), following="2")], SourceError, "endless paging"),
    ],
    ids=["refused", "deep", "other", "no-list", "many", "large", "next", "long-next", "date", "endless"],
)
def test_the_reading_stops_with_words(
    tmp_path: Path, replies: list[Reply], error: type[ConcordatError], words: str
) -> None:  # fmt: skip
    with pytest.raises(error, match=words):
        fetched(tmp_path, *replies)


def test_a_stranger_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no other active member"):
        fetched(tmp_path, LISTED, member="BRB")


def test_a_page_and_its_place_are_kept_together(tmp_path: Path) -> None:
    """The second page breaks: the first is kept, and the next fetch goes on behind it."""
    with pytest.raises(SourceError):
        fetched(tmp_path, LISTED, page(campaign(1), following="2"), Reply(503, b"{}"))
    said, asked = fetched(tmp_path, LISTED, page(campaign(2)), whole=True)
    assert "added_after=2026-05-04" in asked[1]
    assert len(json.loads(said["bundle"])["objects"]) == 2
