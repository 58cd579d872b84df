"""The catalogue of another member, asked of its own node: what this member may see, and where the asking stops."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue.dsp_catalog import dsp_catalog
from concordat.exchange.dataspace import messages
from concordat.node.exchange_look import look
from concordat.node.exchange_orders import ORDERS
from concordat.node.outbound import Reply
from exchange_catalogue_kit import a_catalog, a_dataset
from exchange_live import DATA, both, offered_homes

BRA = "https://bra.example"


def test_a_running_node_shows_what_it_offers(tmp_path: Path) -> None:
    async def main() -> dict[str, Any]:
        async with both(offered_homes(tmp_path)) as nodes:
            return await ORDERS["catalog"](nodes["ZAF"].exchange, {"member": "BRA"})

    found = asyncio.run(main())
    (row,) = found["datasets"]
    assert (row["id"], row["version"], row["files"], row["bytes"]) == ("ict", "1", 1, len(DATA))
    assert "members of BRICS" in row["terms"]


class Pages:
    """A member's node that gives pages, as told."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), [""][:0]

    async def send(self, _member: str, _method: str, url: str, _body: bytes) -> Reply:
        self.asked.append(url)
        return self.replies.pop(0)


def asking(client: Pages) -> Any:
    return SimpleNamespace(engine=SimpleNamespace(side=SimpleNamespace(places={"BRA": BRA})), client=client)


def page(link: str = "", status: int = 200) -> Reply:
    body = messages.encode(dsp_catalog(a_catalog(a_dataset())))
    return Reply(status, body, {"link": link} if link else {})


def test_pages_are_followed_on_the_members_own_host() -> None:
    client = Pages(page(f'<{BRA}/dsp/2025-1/catalog/request?page=2>; rel="next"'), page())
    found = asyncio.run(look(asking(client), {"member": "BRA"}))
    assert [len(found["datasets"]), len(found["messages"])] == [2, 2]
    assert client.asked[1].endswith("?page=2")


def test_a_dataset_that_is_none_is_named_and_takes_no_other_with_it() -> None:
    message = dsp_catalog(a_catalog(a_dataset()))
    (good,) = message["dataset"]
    bad = [{**good, "@id": "urn:uuid:b", "hasPolicy": []}, {**good, "@id": 5}, "text"]
    client = Pages(Reply(200, messages.encode({**message, "dataset": [bad[0], good, *bad[1:]]}), {}))
    found = asyncio.run(look(asking(client), {"member": "BRA"}))
    assert [row["uuid"] for row in found["datasets"]] == [good["@id"]]
    assert [one["@id"] for one in found["messages"][0]["dataset"]] == [good["@id"]]
    assert found["refused_count"] == 3
    assert [name for name, _ in found["refused"]] == ["urn:uuid:b", "?", "?"]
    assert "BRA, catalogue, dataset 1" in found["refused"][0][1]
    assert "the list is empty" in found["refused"][0][1]


@pytest.mark.parametrize(
    ("member", "replies", "error", "words"),
    [
        ("BRB", [], InputError, 'Did you mean "BRA"'),
        ("BRA", [page('<https://evil.example/x>; rel="next"')], SourceError, "its next page is elsewhere"),
        ("BRA", [page(f'<{BRA}.evil.example/x>; rel="next"')], SourceError, "its next page is elsewhere"),
        ("BRA", [Reply(401, b'{"reason": ["who are you?"]}')], SourceError, "BRA answers 401: who are you?"),
        ("BRA", [page(f'<{BRA}/x>; rel="next"')] * 100, SourceError, "over 100 pages"),
        ("BRA", [Reply(200, b'{"@type": "Dataset"}')], InputError, "here belongs a Catalog"),
    ],
    ids=["member", "elsewhere", "lookalike", "refused", "endless", "other"],
)
def test_the_asking_stops_with_words(member: str, replies: list[Reply], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("?", r"\?")):
        asyncio.run(look(asking(Pages(*replies)), {"member": member}))
