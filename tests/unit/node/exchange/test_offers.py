"""What a node offers: files and documents kept before the entry, versions, withdrawal, the catalogue that it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.errors import InputError, RuleError, StateError
from concordat.exchange.catalogue.model import check_profile
from concordat.exchange.catalogue.offer import Offer
from concordat.node.exchange import catalog_of, document_of, exchange_of, files_of, offer, on_offer, say
from concordat.node.exchange_book import LogOffers
from concordat.node.home import Node
from exchange_catalogue_kit import OFFER
from unit_node import found

CSV = b"state,households\nSP,1\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    (home,) = found(tmp_path, ("BRA",))
    (tmp_path / "ict_2025.csv").write_bytes(CSV)
    with Node(home) as opened:
        yield opened


def test_an_offer_keeps_its_files_and_document_and_is_logged(node: Node, tmp_path: Path) -> None:
    made = offer(node, Offer.load(OFFER), tmp_path)
    digest = hashlib.sha256(CSV).hexdigest()
    assert (made.entry.scope, made.entry.type, made.bytes) == ("exchange", "DatasetOffered", len(CSV))
    assert files_of(node.home).get(digest) == CSV
    (fact,) = on_offer(exchange_of(node.replica), "BRA")
    assert (fact.entry, fact.version, fact.body.files[0].hash) == (made.entry.id, 1, digest)
    assert document_of(node, fact) == made.document
    catalog = check_profile(catalog_of(node, exchange_of(node.replica)))
    assert catalog.datasets[0].distributions[0].sha256 == digest
    assert made.entry.id in catalog.datasets[0].proof
    assert catalog.services[0].endpoint_url == "https://bra.example/dsp/2025-1"


def test_the_same_again_is_refused_and_a_change_is_the_next_version(node: Node, tmp_path: Path) -> None:
    offer(node, Offer.load(OFFER), tmp_path)
    with pytest.raises(RuleError, match="v1 says the same"):
        offer(node, Offer.load(OFFER), tmp_path)
    (tmp_path / "ict_2025.csv").write_bytes(CSV + b"RJ,2\n")
    again = offer(node, Offer.load(OFFER), tmp_path)
    assert again.entry.body["version"] == 2
    assert [f.version for f in on_offer(exchange_of(node.replica), "BRA")] == [2]


def test_what_was_withdrawn_is_gone_and_may_be_offered_again(node: Node, tmp_path: Path) -> None:
    offer(node, Offer.load(OFFER), tmp_path)
    say(node, "DatasetWithdrawn", {"dataset": "ict-household-2025", "version": 1, "reason": "error"})
    assert on_offer(exchange_of(node.replica), "BRA") == []
    assert offer(node, Offer.load(OFFER), tmp_path).entry.body["version"] == 2
    assert len(on_offer(exchange_of(node.replica), "BRA")) == 1


def test_strangers_see_what_is_public(node: Node, tmp_path: Path) -> None:
    offer(node, Offer.load(OFFER), tmp_path)
    state = exchange_of(node.replica)
    assert catalog_of(node, state, public=True).datasets == ()
    assert len(catalog_of(node, state, base="http://127.0.0.1:8000").datasets) == 1
    offer(node, Offer.load(OFFER.replace("access: restricted", "access: public")), tmp_path)
    assert len(catalog_of(node, exchange_of(node.replica), public=True).datasets) == 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("publisher: BRA", "publisher: ZAF"), RuleError, "this node is BRA's"),
        (("path: ict_2025.csv", "path: other.csv"), InputError, "no such file"),
        (("path: ict_2025.csv", "path: ../secret.csv"), InputError, "outside the offer's folder"),
        (("path: ict_2025.csv", "path: /etc/hostname"), InputError, "outside the offer's folder"),
        (("path: ict_2025.csv", "path: link.csv"), InputError, "outside the offer's folder"),
    ],
    ids=["publisher", "missing", "above", "absolute", "link"],
)
def test_bad_offers_write_nothing(
    node: Node, tmp_path: Path, change: tuple[str, str], error: type[Exception], words: str
) -> None:
    folder = tmp_path / "offer"
    folder.mkdir()
    (folder / "ict_2025.csv").write_bytes(CSV)
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(error, match=words):
        offer(node, Offer.load(OFFER.replace(*change)), folder)
    assert exchange_of(node.replica).entries == 0


def test_a_document_that_was_erased_is_missed_by_name(node: Node, tmp_path: Path) -> None:
    made = offer(node, Offer.load(OFFER), tmp_path)
    node.store.erase_blob(made.entry.body["document"]["hash"])
    with pytest.raises(StateError, match="the document of ict-household-2025 v1 is not here"):
        catalog_of(node, exchange_of(node.replica))


def test_what_a_member_may_not_say_is_not_written(node: Node) -> None:
    with pytest.raises(RuleError, match="another member says it"):
        say(node, "CaseReused", {"owner": "BRA", "case": "health", "since": "2026-01-01"})
    with pytest.raises(InputError, match="Field required"):
        say(node, "CaseReused", {"owner": "ZAF"})
    assert node.replica.own.size == 0


def test_withdrawn_newest_version_brings_no_older_one_back(node: Node, tmp_path: Path) -> None:
    """The running node's shelf and the catalogue follow one rule."""
    service: Any = SimpleNamespace(node=node, bloc="BRICS", public_url="https://bra.example")
    service.writer = SimpleNamespace(read=lambda look: SimpleNamespace(result=lambda: look(node)))
    shelf = LogOffers(service)

    def versions() -> list[int]:
        shelf.refresh()
        shown = [offered.version for offered in shelf.all()]
        assert shown == [fact.version for fact in on_offer(exchange_of(node.replica), "BRA")]
        return shown

    def withdraw(version: int) -> list[int]:
        say(node, "DatasetWithdrawn", {"dataset": "ict-household-2025", "version": version, "reason": "error"})
        return versions()

    offer(node, Offer.load(OFFER), tmp_path)
    assert versions() == [1]
    uuid = shelf.all()[0].uuid
    offer(node, Offer.load(OFFER.replace("access: restricted", "access: public")), tmp_path)
    assert (versions(), withdraw(1), withdraw(2)) == ([2], [2], [])
    assert shelf.get(uuid) is None
    assert shelf.get(uuid, 1) is not None  # agreements that stand go on
    offer(node, Offer.load(OFFER), tmp_path)
    assert versions() == [3]


def test_a_spoilt_document_takes_no_other_offer_with_it(node: Node, tmp_path: Path) -> None:
    offer(node, Offer.load(OFFER), tmp_path)
    offer(node, Offer.load(OFFER.replace("id: ict-household-2025", "id: other")), tmp_path)
    told: list[dict[str, Any]] = []
    service: Any = SimpleNamespace(node=node, bloc="BRICS", public_url="https://bra.example")
    service.writer = SimpleNamespace(read=lambda look: SimpleNamespace(result=lambda: look(node)))
    service.log = lambda level, event, facts: told.append(facts)
    shelf = LogOffers(service)
    first = next(entry for entry in node.replica.own.entries if entry.type == "DatasetOffered")
    real = shelf._take
    shelf._take = lambda entry, data: real(entry, b"{" if entry.id == first.id else data)  # type: ignore[method-assign]
    shelf.refresh()
    assert [offered.dataset for offered in shelf.all()] == ["other"]
    assert "ict-household-2025, version 1, is not offered" in told[0]["what"]
    shelf.refresh()
    assert len(told) == 1, "it is read once"
