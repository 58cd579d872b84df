"""RDF of others: bounds, nothing from the network, and violations that say what to write."""

from __future__ import annotations

import json

import pytest

from concordat.errors import InputError
from concordat.exchange.catalogue import shacl
from concordat.exchange.catalogue.shacl import CONTEXTS, check_dcat, read_graph
from exchange_catalogue_kit import a_catalog, a_dataset

pytest.importorskip("pyshacl", reason="needs the extra [exchange]")

HEAD = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"


def test_violations_name_the_place_and_how_to_write_it() -> None:
    text = HEAD + '<urn:x:1> a dcat:Dataset ; dct:title <urn:x:t> ; dct:accessRights "public" .'
    found = {(v.path, v.expected): v for v in check_dcat(text.encode())}
    missing = found["dct:description", "at least 1"]
    assert (missing.focus, missing.how) == ("urn:x:1", "Add dct:description.")
    assert "Write dct:accessRights [ a dct:RightsStatement ]." in {v.how for v in found.values()}
    assert ("dct:title", "text, not a node") in found
    assert str(missing) == "urn:x:1: dct:description: expected at least 1. Add dct:description."


def test_without_the_types_of_what_we_point_at_there_are_violations() -> None:
    from concordat.exchange.catalogue.dcat import catalog_turtle

    text = catalog_turtle(a_catalog(a_dataset())).decode()
    kinds = ("dct:RightsStatement", "dct:Standard", "dct:LicenseDocument", "dct:MediaTypeOrExtent", "prov:Activity",
             "spdx:ChecksumAlgorithm")  # fmt: skip
    bare = text
    for kind in kinds:
        bare = bare.replace(f"a {kind} ;", "").replace(f" a {kind} .", " <urn:x:p> 1 .")
    assert {v.expected.removeprefix("a node of class ") for v in check_dcat(bare.encode())} == set(kinds)


def test_a_data_service_does_not_stop_the_check() -> None:
    """Two property shapes of `dcat:DataService` are named and defined nowhere."""
    text = HEAD + '<urn:x:1> a dcat:DataService ; dct:title "Maps" ; dcat:endpointURL <https://x.example/> .'
    assert check_dcat(text.encode()) == []


def test_a_file_without_anything_to_check_is_not_called_good() -> None:
    with pytest.raises(InputError, match="no catalogue, dataset"):
        check_dcat(b"<urn:x:1> <urn:x:2> 3 .")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"@context": "https://evil.example/context.jsonld"}, "is not one I know"),
        ({"@context": {"@import": "https://evil.example/c"}}, "imports another"),
        ({"@context": [{"dct": {"@id": "urn:x", "@context": "http://evil.example"}}]}, "is not one I know"),
        ({"@graph": [{"@id": "urn:x", "@context": "file:///etc/passwd"}]}, "is not one I know"),
        ({"@id": {"@id": {"@context": ["http://evil.example"]}}}, "is not one I know"),
    ],
    ids=["context", "import", "scoped", "inner", "list"],
)
def test_no_context_is_ever_loaded(value: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_graph(json.dumps(value).encode())


def test_a_context_that_imports_a_shipped_one_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol's own context imports its ODRL profile where a term is scoped."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr("socket.getaddrinfo", refused)
    monkeypatch.setattr("urllib.request.urlopen", refused)
    offer = {"@type": "Offer", "@id": "urn:x:offer", "permission": [{"action": "use"}]}
    dataset = {"@id": "urn:x:1", "@type": "Dataset", "hasPolicy": [offer]}
    value = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@id": "urn:x:0", "@type": "Catalog"}
    nodes = read_graph(json.dumps({**value, "dataset": [dataset]}).encode())
    assert "http://www.w3.org/ns/odrl/2/permission" in nodes["urn:x:offer"]


@pytest.mark.parametrize("name", sorted(CONTEXTS))
def test_shipped_contexts_are_known(name: str) -> None:
    value = {"@context": name, "@id": "urn:x:1", "http://purl.org/dc/terms/title": "Bees"}
    assert "urn:x:1" in read_graph(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE is refused"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "DOCTYPE|not"),
        (b"<?xml version='1.0'?>" + b"<a>" * 70 + b"</a>" * 70, "nested deeper than 64"),
        (b"<?xml version='1.0'?><a>", "not XML"),
        (("[" * 64 + "]" * 64).encode(), "nested deeper than 32"),
        (b'{"@id": "urn:x", "@id": "urn:y"}', "stands twice"),
        (b"<urn:x:1> <urn:x:2> ", "not turtle"),
        (b"<urn:x:1> <urn:x:2> " + b"[ <urn:x:3> " * 5_000, "nested too deep|not turtle"),
        (b"\xff\xfe\xfa", "not turtle"),
    ],
    ids=["entity", "utf16", "deep-xml", "cut-xml", "deep-json", "twice", "cut-turtle", "deep-turtle", "bytes"],
)
def test_hostile_bytes_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_graph(data)


def test_too_many_triples_and_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shacl, "TRIPLES_MAX", 100)
    many = "".join(f"<urn:x:{n}> <urn:x:p> {n} .\n" for n in range(101))
    with pytest.raises(InputError, match="over 100 triples"):
        read_graph(many.encode())
    monkeypatch.setattr(shacl, "BYTES_MAX", 1_000)
    with pytest.raises(InputError, match="over 1,000 bytes"):
        read_graph(many.encode())


def test_the_bounds_are_those_of_the_specification() -> None:
    assert (shacl.BYTES_MAX, shacl.TRIPLES_MAX) == (20_000_000, 200_000)


def test_literals_stay_as_they_are_written() -> None:
    text = "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
    text += '<urn:x:1> <urn:x:p> "2025"^^xsd:gYear, "01"^^xsd:integer .'
    values = read_graph(text.encode())["urn:x:1"]["urn:x:p"]
    assert sorted(v if isinstance(v, str) else v.text for v in values) == ["01", "2025"]
