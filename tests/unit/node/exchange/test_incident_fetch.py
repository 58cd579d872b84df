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

from concordat.errors import ConcordatError, InputError, RuleError, SourceError
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.node import incident_fetch
from concordat.node.exchange_orders import ORDERS
from concordat.node.home import Node
from concordat.node.incident_fetch import fetch
from concordat.node.outbound import Reply
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
            desk = Desk(homes[0], frozenset({"BRA", "ZAF"}))
            desk.store.subscribe(amber.id, "ZAF", "protects the payment system")
            desk.share(red, BRA, {"ZAF:node"}, campaign(3, Tlp.RED))  # named later: its time of addition is the old one
            third = await ORDERS["incidents"](ask, wanted)
            one = f"brics/collections/{green.id}/objects/{name('campaign', 1)}/"
            assert desk.ask("DELETE", one, BRA, match_version="all").status == 200
            desk.store.close()
            fourth = await ORDERS["incidents"](ask, {**wanted, "taken_back": True})
            return [first, second, third, fourth, await ORDERS["incidents"](ask, {**wanted, "again": True})]

    first, second, third, fourth, fifth = asyncio.run(main())
    assert (first["objects"], first["refused"], second["objects"]) == (3, [], 0)
    held = [{one["id"] for one in json.loads(found["bundle"])["objects"]} for found in (first, third, fourth, fifth)]
    ids = {name("campaign", n) for n in (1, 2, 3, 4)}
    assert held == [{name("campaign", 1), name("campaign", 2)}, ids, ids, ids - {name("campaign", 1)}]
    assert (third["objects"], third["taken_back"]) == (2, [])
    assert (fourth["taken_back"], fourth["taken_back_count"]) == ([name("campaign", 1)], 1)
    assert fifth["taken_back"] == []  # it was said once
    desk = Desk(homes[1], frozenset({"BRA", "ZAF"}))
    rows = {row.id: row for row in desk.store.versions(first["kept_in"], ids)}
    assert {row.label for row in rows.values()} == {Tlp.AMBER, Tlp.RED}
    assert {row.owner for row in rows.values()} == {"BRA:node"}
    path = f"brics/collections/{first['kept_in']}/objects/"
    seen = json.loads(desk.ask("GET", path, Caller("ZAF", "cert")).body)["objects"]
    assert {one["id"] for one in seen} == {name("campaign", 4)}  # RED is for its one node, and one was taken back
    desk.store.close()


class Pages:
    """A member's node that answers as told; its manifest lists what it gives, if nothing else is said."""

    def __init__(self, *replies: Reply, manifest: Reply | None = None) -> None:
        self.replies, self.asked, self.manifest = list(replies), [""][:0], manifest
        self.given: list[Any] = []

    async def ask(self, _member: str, url: str, _accept: str) -> Reply:
        self.asked.append(url)
        if "/manifest/" in url:
            return self.manifest or listed(*self.given)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.status == 200 and url.count("/") > 6:
            self.given += json.loads(reply.body)["objects"]
        return reply


def listed(*objects: Any, added: str = "2026-05-04T09:30:00.000001Z", **more: Any) -> Reply:
    """A manifest of objects."""
    rows = [
        {"id": one["id"], "version": one.get("modified", added), "date_added": added}
        for one in objects if isinstance(one, dict)
    ]  # fmt: skip
    return Reply(200, json.dumps({"objects": rows, **more}).encode())


LISTED = Reply(200, json.dumps({"collections": [{"id": "c 1/../x", "can_read": True}, {"id": "c2"}]}).encode())


def page(*objects: Any, following: Any = "", last: str = "2026-05-04T09:30:00.000001Z", status: int = 200) -> Reply:
    value = {"objects": list(objects), "more": bool(following)} | ({"next": following} if following else {})
    return Reply(status, json.dumps(value).encode(), {"x-taxii-date-added-last": last})


def fetched(
    folder: Path, *replies: Reply, member: str = "BRA", manifest: Reply | None = None, **wanted: Any
) -> tuple[dict[str, Any], list[str]]:
    """A fetch from a member that answers so, and what it was asked."""
    home = folder / "home"
    if not home.exists():
        found(folder, ("ZAF", "BRA"))[0].rename(home)
    client = Pages(*replies, manifest=manifest)

    async def do(work: Any) -> Any:
        return work()

    with Node(home) as node:

        async def read(look: Any) -> Any:
            return look(node)

        service = SimpleNamespace(node=node, bloc="BRICS", chain=node.chain, read=read)
        side = SimpleNamespace(places={"BRA": PLACE, "EDC": PLACE}, member="ZAF", outside={"EDC": "OTHER"})
        exchange: Any = SimpleNamespace(
            service=service, engine=SimpleNamespace(side=side), client=client, do=do
        )  # fmt: skip
        return asyncio.run(fetch(exchange, {"member": member, **wanted})), client.asked


def test_incidents_of_a_partner_outside_the_bloc_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as refused:
        fetched(tmp_path, LISTED, member="EDC")
    assert refused.value.code == "not_a_member"


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


def test_what_is_given_again_is_read_again(tmp_path: Path) -> None:
    """Taken back, then given once more in the same version, behind the place that was reached."""
    address = {"type": "ipv4-addr", "spec_version": "2.1", "id": name("ipv4-addr", 1), "value": "203.0.113.7"}
    both_ = [campaign(1), address]
    said, _ = fetched(tmp_path, LISTED, page(*both_), whole=True)
    assert (said["objects"], said["taken_back"]) == (2, [])
    said, _ = fetched(tmp_path, LISTED, page(), manifest=listed(), whole=True)
    assert said["taken_back"] == sorted([campaign(1)["id"], address["id"]])
    assert json.loads(said["bundle"])["objects"] == []
    said, asked = fetched(tmp_path, LISTED, page(), page(*both_), manifest=listed(*both_), whole=True, taken_back=True)
    assert len(json.loads(said["bundle"])["objects"]) == 2  # once each: nothing is aside any more
    assert (said["objects"], said["taken_back"]) == (2, [])
    assert asked[-1].endswith("&match%5Bid%5D=" + "%2C".join(sorted(one["id"] for one in both_)))
    said, asked = fetched(tmp_path, LISTED, page(), manifest=listed(*both_))
    assert "match%5Bid%5D" not in asked[-1]


def test_what_was_not_listed_to_its_end_is_not_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_fetch, "MANIFESTS_MAX", 1)
    fetched(tmp_path, LISTED, page(campaign(1), campaign(2)))
    said, _ = fetched(tmp_path, LISTED, page(), manifest=listed(campaign(1), more=True, next="2"))
    assert (said["taken_back"], said["more"]) == ([], True)
    said, _ = fetched(tmp_path, LISTED, page(), manifest=listed(campaign(1)))
    assert said["taken_back"] == [campaign(2)["id"]]


@pytest.mark.parametrize(
    ("rows", "words"),
    [(5, "no manifest"), ([5], "no manifest"), ([{}] * 1_001, "no manifest"), ([{"id": 5}], "names no object"),
     ([{"id": "a", "version": "x", "date_added": "y"}], "not a timestamp")],
    ids=["number", "no-row", "many", "no-id", "time"],
)  # fmt: skip
def test_a_manifest_that_is_none_sets_nothing_aside(tmp_path: Path, rows: Any, words: str) -> None:
    fetched(tmp_path, LISTED, page(campaign(1)))
    with pytest.raises(InputError, match=words):
        fetched(tmp_path, LISTED, page(), manifest=Reply(200, json.dumps({"objects": rows}).encode()))
    with pytest.raises(SourceError, match="endless"):
        fetched(tmp_path, LISTED, page(), manifest=listed(more=True, next="2"))
    said, _ = fetched(tmp_path, LISTED, page(), manifest=listed(campaign(1)), whole=True)
    assert len(json.loads(said["bundle"])["objects"]) == 1


def test_what_is_no_stix_is_left_out_and_told(tmp_path: Path) -> None:
    said, _ = fetched(tmp_path, LISTED, page(campaign(1), {"type": "campaign", "id": "x"}, 5))
    assert (said["objects"], said["refused_count"]) == (1, 2)
    assert said["refused"][0][0] == "x"


def test_what_is_no_stix_is_asked_for_again_from_the_beginning_alone(tmp_path: Path) -> None:
    odd = {**campaign(2), "unknown": 1}
    given = listed(campaign(1), odd)
    said, _ = fetched(tmp_path, LISTED, page(campaign(1), odd), manifest=given)
    assert (said["objects"], [known for known, _ in said["refused"]]) == (1, [odd["id"]])
    said, asked = fetched(tmp_path, LISTED, page(), manifest=given)
    assert (said["refused"], [url for url in asked if odd["id"] in url]) == ([], [])
    newer = listed(campaign(1), odd, added="2026-05-04T09:29:00.000001Z")  # added anew: perhaps mended
    said, asked = fetched(tmp_path, LISTED, page(), page(odd), page(), manifest=newer)
    assert (said["refused_count"], len([url for url in asked if odd["id"] in url])) == (1, 1)
    said, _ = fetched(tmp_path, LISTED, page(campaign(1), odd), manifest=given, again=True)
    assert said["refused_count"] == 1


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
    said, asked = fetched(
        tmp_path, LISTED, page(campaign(2)), manifest=listed(campaign(1), campaign(2)), whole=True
    )  # fmt: skip
    assert "added_after=2026-05-04" in asked[1]
    assert len(json.loads(said["bundle"])["objects"]) == 2
