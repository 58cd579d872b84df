"""Offer files: read strictly, with the line; what they become, in the log and in a catalogue."""

from __future__ import annotations

import hashlib

import pytest

from concordat import canonical
from concordat.errors import InputError
from concordat.exchange.catalogue.model import check_profile, dataset_uuid
from concordat.exchange.catalogue.offer import Offer, document_bytes, label_of, offered_body, parse_document
from concordat.exchange.events import check_said
from exchange_catalogue_kit import MORE, OFFER, a_catalog, a_dataset, document


def test_the_offer_of_the_specification_becomes_a_good_entry_and_a_good_dataset() -> None:
    made = document()
    body = offered_body(made, "BRICS")
    check_said("DatasetOffered", body, "BRA")
    assert body["document"]["hash"] == hashlib.sha256(document_bytes(made)).hexdigest()
    assert body["files"] == [{"bytes": 48210, "format": "text/csv", "hash": "7c" * 32}]
    assert body["policy"] == canonical.digest(made["policy"])
    dataset = a_dataset()
    check_profile(a_catalog(dataset))
    assert dataset.id == body["uuid"] == dataset_uuid("BRICS", "BRA", "ict-household-2025")
    assert dataset.policies[0]["@id"].startswith("urn:uuid:")
    assert dataset.languages == ("en", "pt")


def test_a_policy_that_changes_gets_an_offer_of_another_name() -> None:
    names = {a_dataset(text).policies[0]["@id"] for text in (OFFER, OFFER.replace('count: "20"', 'count: "21"'), OFFER)}
    assert len(names) == 2
    assert a_dataset(version=2).policies[0]["@id"] not in names


def test_the_document_is_read_back_and_no_other_schema_is() -> None:
    made = document(OFFER + MORE)
    assert parse_document(document_bytes(made)) == made
    with pytest.raises(InputError, match="not a document of schema"):
        parse_document(canonical.dumps({**made, "schema": "concordat/offer@1"}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("access: restricted", "acces: restricted"), r'ict\.yaml, line 8: "acces".*Did you mean "access"'),
        (("permit: use", "permit: []"), r"line 10 \(policy\.permit\).*permits nothing"),
        (("purpose: [statistics, research]", "purpose: [gossip]"), r"line 11 \(policy\.when\.purpose\)"),
        (('count: "20"', "count: 20"), r"line 11 .*in quotes"),
        (("do: attribute", "do: atribute"), r'line 12 .*Did you mean "attribute"'),
        (("publisher: BRA", "publisher: Maria"), "publisher"),
        (("id: ict-household-2025", "id: ICT Households"), "id:"),
        (("files: [{path: ict_2025.csv,", "files: [{paths: ict_2025.csv,"), 'Did you mean "path"'),
        (("schema: concordat/offer@1", "schema: concordat/offer@2"), r"this must be concordat/offer@1"),
        (("negotiation: automatic", "negotiation: perhaps"), "negotiation"),
    ],
    ids=["key", "nothing", "value", "number", "duty", "person", "id", "nested", "schema", "negotiation"],
)
def test_bad_offers_are_refused_with_their_line(change: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Offer.load(OFFER.replace(*change), "ict.yaml")


@pytest.mark.parametrize(
    ("change", "label"),
    [("access: restricted", "AMBER"), ("access: public", "CLEAR"), ("access: restricted\ntlp: GREEN", "GREEN")],
    ids=["restricted", "public", "given"],
)
def test_label_of_a_dataset(change: str, label: str) -> None:
    assert label_of(document(OFFER.replace("access: restricted", change))) == label


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("access: restricted", "access: public\ntlp: GREEN"), r"line 9: public data are TLP:CLEAR"),
        (("member: [BRICS]", "member: [BRICS], tlp: GREEN"), r"TLP:AMBER, and its terms go to TLP:GREEN"),
        (("access: restricted", "access: restricted\ntlp: RED"), "tlp"),
    ],
    ids=["public", "terms", "red"],
)
def test_labels_that_contradict_access_or_terms_are_refused(change: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Offer.load(OFFER.replace(*change), "ict.yaml")
    Offer.load(OFFER.replace("member: [BRICS]", "member: [BRICS], tlp: AMBER"), "ict.yaml")


def test_two_files_of_one_name_are_refused() -> None:
    two = OFFER.replace("files: [{", "files: [{path: old/ict_2025.csv, format: text/csv, license: CC0-1.0}, {")
    with pytest.raises(InputError, match=r'two files are called "ict_2025\.csv"'):
        Offer.load(two)


@pytest.mark.parametrize("name", ["title", "description", "publisher", "access", "policies", "distributions"])
def test_the_profile_demands_what_is_mandatory(name: str) -> None:
    from dataclasses import replace

    empty = {"title": {}, "description": {}, "policies": (), "distributions": ()}.get(name, "")
    with pytest.raises(InputError, match=f"has no {name}"):
        check_profile(a_catalog(replace(a_dataset(), **{name: empty})))
