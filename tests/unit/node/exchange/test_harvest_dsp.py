"""A member's catalogue harvested: signed requests, pages on its own host, what it shows and no more."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

from concordat.errors import InputError, RuleError, SourceError
from concordat.exchange.catalogue.dsp_catalog import LABEL, dsp_catalog
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.token import Request, Seen, read_token
from concordat.node.harvest_dsp import MemberCatalogue, catalogue_of
from concordat.node.harvest_store import FILE, HarvestStore
from concordat.node.harvester import Harvester
from concordat.node.home import Node
from concordat.node.outbound import Outbound, Reply
from concordat.node.settings import NodeSettings
from exchange_catalogue_kit import OFFER, a_catalog, a_dataset
from exchange_pair import SECRETS
from unit_node import found

BRA = "https://bra.example"


def page(*datasets: Any, onward: str = "", status: int = 200) -> Reply:
    body = messages.encode(dsp_catalog(a_catalog(*datasets)))
    return Reply(status, body, {"link": f'<{onward}>; rel="next"'} if onward else {})


class Answers:
    """A way out that gives these replies, and keeps what was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), []  # type: ignore[var-annotated]

    async def request(self, method: str, url: str, **more: Any) -> Reply:
        self.asked.append((method, url, more["body"], more["headers"]["authorization"].removeprefix("Bearer ")))
        return self.replies.pop(0)

    def allow(self, url: str) -> None:
        assert url == BRA


def harvested(store: HarvestStore, out: Answers) -> Any:
    source = MemberCatalogue("BRA", BRA, lambda _url, _body: "token", out)  # type: ignore[arg-type]
    return asyncio.run(Harvester(store, lambda: 1_800_000_000, "me").run("dsp-bra", source))


def test_pages_are_read_and_what_is_hidden_later_is_removed(tmp_path: Path) -> None:
    first = a_dataset()
    second = a_dataset(OFFER.replace("id: ict-household-2025", "id: another"))
    with HarvestStore(tmp_path / FILE) as store:
        onward = f"{BRA}/dsp/2025-1/catalog/request?page=2"
        out = Answers(page(first, onward=onward), page(second))
        run = harvested(store, out)
        assert (run.state, run.added, run.kind) == ("complete", 2, "dsp")
        assert [url for _, url, _, _ in out.asked] == [onward.partition("?")[0], onward]
        assert json.loads(out.asked[0][2])["@type"] == "CatalogRequestMessage"
        run = harvested(store, Answers(page(second)))
        assert (run.state, run.added, run.changed, run.removed) == ("complete", 0, 0, 1)


def test_a_dataset_that_is_not_as_it_must_be_fails_alone(tmp_path: Path) -> None:
    """Spec 4.2: a record that fails, with its reason, never blocks the rest."""
    message = dsp_catalog(a_catalog(a_dataset()))
    (good,) = message["dataset"]
    bad = {"@id": "urn:uuid:bad", "@type": "Dataset", "distribution": good["distribution"]}
    deep: Any = "x"
    for _ in range(25):
        deep = [deep]
    message["dataset"] = [bad, good, "no object", {"title": "no id"}, {**good, "@id": "urn:uuid:deep", "x": deep}]
    inner = {
        "@id": "urn:x:inner",
        "@type": "Catalog",
        "dataset": [{**good, "@id": "urn:uuid:inner"}, {**bad, "@id": "y"}],
    }
    message["catalog"] = [inner]
    with HarvestStore(tmp_path / FILE) as store:
        run = harvested(store, Answers(Reply(200, json.dumps(message).encode(), {})))
        assert (run.state, run.added, run.failed) == ("partial", 2, 5)
        failed = {f.key: f for f in store.failures(run.id)}
        assert sorted(failed) == ["?", "urn:uuid:bad", "urn:uuid:deep", "y"]
        assert failed["urn:uuid:bad"].named
        assert "the key hasPolicy is missing" in failed["urn:uuid:bad"].reason
        assert not failed["?"].named
        assert sorted(d.id for d in store.datasets()) == sorted([good["@id"], "urn:uuid:inner"])


def test_another_label_is_a_change_and_is_kept(tmp_path: Path) -> None:
    message = dsp_catalog(a_catalog(a_dataset()))

    def labelled(label: str) -> Answers:
        message["dataset"][0][LABEL] = label
        return Answers(Reply(200, json.dumps(message).encode(), {}))

    with HarvestStore(tmp_path / FILE) as store:
        assert harvested(store, labelled("GREEN")).added == 1
        assert harvested(store, labelled("GREEN")).changed == 0
        assert harvested(store, labelled("AMBER+STRICT")).changed == 1
        assert [d.source_record for d in store.datasets()] == [{LABEL: "AMBER+STRICT"}]
        message["dataset"][0]["dcat:version"] = "9"
        assert harvested(store, labelled("AMBER+STRICT")).changed == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (page(a_dataset(), onward="https://evil.example/x"), "its next page is elsewhere"),
        (Reply(401, b'{"reason": ["who are you"]}', {}), "BRA answers 401: who are you"),
        (Reply(200, b"<html>", {}), "not JSON"),
        (Reply(200, b'{"@type": "Catalog", "@id": "x", "dataset": [{}]}', {}), "the key @context is missing"),
    ],
    ids=["elsewhere", "refused", "html", "envelope"],
)
def test_what_is_no_catalogue_ends_the_run_with_words(tmp_path: Path, reply: Reply, words: str) -> None:
    with HarvestStore(tmp_path / FILE) as store:
        run = harvested(store, Answers(reply))
        assert run.state == "failed"
        assert words in run.reason


def test_each_request_carries_a_token_of_its_own(tmp_path: Path) -> None:
    """It is read by the reader that the other node has: bound to address and body, and by this node's key."""
    (home, *_) = reversed(found(tmp_path, ("BRA", "ZAF")))
    given = NodeSettings.load({}, environment={}, file=tmp_path / "absent.toml")
    with Node(home) as node:
        out = Answers(page(a_dataset()), page(a_dataset()))
        source = catalogue_of(node, "BRA", given, out)  # type: ignore[arg-type]
        for _ in range(2):
            asyncio.run(source.page(""))
        seen, public = Seen(), node.signer.node.public
        for method, url, body, token in out.asked:
            request = Request(method, url, BRA, body)
            caller = read_token(token, request, lambda *_: public, seen, bloc=node.chain.last.bloc, now=node.now)
            assert (caller.member, caller.label) == ("ZAF", "node")
        with pytest.raises(InputError, match='Did you mean "BRA"'):
            catalogue_of(node, "BRB", given, out)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no other active member"):
            catalogue_of(node, "ZAF", given, SimpleNamespace())  # type: ignore[arg-type]


def test_error_of_the_source_is_one() -> None:
    source = MemberCatalogue("BRA", BRA, lambda _url, _body: "t", Answers(Reply(503, b"", {})))  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="BRA answers 503"):
        asyncio.run(source.page(""))


def test_a_partners_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    home, _ = found(tmp_path, ("BRA", "ZAF"))
    row = f'{{id: IND, key: "{SECRETS["IND"].public.hex()}", host: ind.example, until: "2999-12-31"}}'
    with Node(home) as node:
        with pytest.raises(InputError, match='"IND" is no other active member'):
            catalogue_of(node, "IND", NodeSettings(), Outbound(()))
        (home / "partners.yaml").write_text(f"schema: concordat/partners@1\npartners: [{row}]\n", encoding="utf-8")
        with pytest.raises(RuleError, match="IND is not a member: no membership here proves") as caught:
            catalogue_of(node, "IND", NodeSettings(), Outbound(()))
        assert caught.value.code == "not_a_member"
