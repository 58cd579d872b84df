"""The Dataspace Protocol's Catalog and Dataset: valid by the published schemas, and read as what was printed."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from concordat.exchange.catalogue.dsp_catalog import CHECKSUM, dsp_catalog, dsp_dataset, parse_dsp_catalog
from concordat.exchange.catalogue.offer import HeldFile, Offer, dataset_of
from exchange_catalogue_kit import OFFER, a_catalog, a_dataset


def test_the_messages_are_valid_by_the_published_schemas() -> None:
    pytest.importorskip("jsonschema", reason="needs the extra [exchange]")
    from concordat.exchange.dataspace import schemas

    schemas.check(dsp_catalog(a_catalog(a_dataset())), "Catalog", sending=True)
    schemas.check(dsp_catalog(a_catalog()), "Catalog", sending=True)
    schemas.check(dsp_dataset(a_dataset()), "Dataset", sending=True)


def test_without_datasets_the_key_is_left_out() -> None:
    value = dsp_catalog(a_catalog())
    assert "dataset" not in value
    assert value["participantId"] == "BRA"
    assert "https://w3id.org/dspace/2025/1/context.jsonld" in value["@context"]


def test_each_dataset_has_an_offer_without_a_target_and_distributions() -> None:
    policy = {**a_dataset().policies[0], "target": "urn:uuid:x"}
    value = dsp_dataset(replace(a_dataset(), policies=(policy,)))
    assert [("@id" in p, p["@type"], "target" in p) for p in value["hasPolicy"]] == [(True, "Offer", False)]
    formats = {d["format"] for d in value["distribution"]}
    assert formats == {"Concordat-HTTP-PULL", "HttpData-PULL", "Concordat-HTTP-PUSH"}
    assert all(d["accessService"] for d in value["distribution"])


def test_what_was_printed_reads_the_same() -> None:
    two = OFFER.replace("files: [{", "files: [{path: b.csv, format: text/csv, license: CC0-1.0}, {")
    made = Offer.load(two).document([HeldFile(1, "0a" * 32), HeldFile(2, "0b" * 32)], 1)
    dataset = dataset_of(made, bloc="BRICS", base="https://node.example.br", service="urn:x", entry="ab" * 32)
    (again,) = parse_dsp_catalog(dsp_catalog(a_catalog(dataset))).datasets
    for name in ("id", "identifier", "title", "description", "publisher", "access", "version", "conforms_to", "proof",
                 "policies"):  # fmt: skip
        assert getattr(again, name) == getattr(dataset, name), name
    assert [(d.sha256, d.bytes, d.license) for d in again.distributions] == [
        ("0a" * 32, 1, "CC0-1.0"), ("0b" * 32, 2, "CC-BY-4.0"),
    ]  # fmt: skip


def test_what_others_leave_out_is_left_out() -> None:
    value = dsp_catalog(a_catalog(a_dataset()))
    bare = copy.deepcopy(value)
    for row in bare["dataset"]:
        for key in [k for k in row if k.startswith(("dct:", "dcat:", "urn:"))]:
            del row[key]
        row["distribution"] = [{"format": "HttpData-PULL", "accessService": "urn:x", CHECKSUM: "none"}]
    nested = {**bare, "dataset": [], "catalog": [{"dataset": bare["dataset"]}, {"dataset": [{"title": "no id"}]}]}
    found = parse_dsp_catalog(nested)
    assert [(d.title, d.distributions[0].sha256, d.distributions[0].bytes) for d in found.datasets] == [({}, "", None)]
    assert [f.named for f in found.failed] == [False]
