"""DCAT-AP in three spellings that say the same, conform to the shapes, and read as what was printed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from concordat.errors import InputError
from concordat.exchange.catalogue._rdf import PREFIXES
from concordat.exchange.catalogue.dcat import (
    catalog_jsonld,
    catalog_turtle,
    catalog_xml,
    date_type,
    parse_dcat,
)
from concordat.exchange.catalogue.model import Catalog, Dataset
from concordat.exchange.dataspace.terms import same_terms
from exchange_catalogue_kit import DSP_SERVICE, a_catalog, a_dataset

PRINTERS = {"json-ld": catalog_jsonld, "turtle": catalog_turtle, "xml": catalog_xml}


def same(first: Dataset, second: Dataset) -> bool:
    """Two datasets say the same; rules of policies may stand in another order."""
    pairs = zip(first.policies, second.policies, strict=True)
    return replace(first, policies=()) == replace(second, policies=()) and all(same_terms(a, b) for a, b in pairs)


@pytest.mark.parametrize("form", sorted(PRINTERS))
def test_what_we_print_conforms_and_reads_the_same(form: str) -> None:
    pytest.importorskip("pyshacl", reason="needs the extra [exchange]")
    from concordat.exchange.catalogue.shacl import check_dcat, form_of

    dataset = a_dataset()
    data = PRINTERS[form](a_catalog(dataset))
    assert form_of(data) == form
    assert check_dcat(data) == []
    (again,) = parse_dcat(data).datasets
    assert same(again, dataset)


def test_every_node_that_we_point_at_carries_its_class() -> None:
    """The six without which the shapes complain (exchange.md 4.1), and the proof beside the data."""
    text = catalog_turtle(a_catalog(a_dataset())).decode()
    for kind in ("dct:RightsStatement", "dct:Standard", "dct:LicenseDocument", "dct:MediaTypeOrExtent",
                 "prov:Activity", "spdx:ChecksumAlgorithm"):  # fmt: skip
        assert f"a {kind}" in text
    assert "ab.tlog-proof>" in text
    assert '"48210"^^xsd:nonNegativeInteger' in text
    assert f"dcat:accessService <{DSP_SERVICE}>" in text


def test_the_jsonld_needs_no_other_document() -> None:
    value = json.loads(catalog_jsonld(a_catalog(a_dataset())))
    assert value["@context"] == PREFIXES


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2025", "xsd:gYear"), ("2025-02", "xsd:gYearMonth"), ("2025-02-03", "xsd:date"),
        ("2025-02-03T11:12:13.000001", "xsd:dateTime"), ("2025-02-03T11:12:13Z", "xsd:dateTime"),
        ("2025-13", ""), ("spring 2025", ""), ("2025-02-03T25:00:00", ""),
    ],
)  # fmt: skip
def test_dates_have_the_type_that_they_are_written_as(text: str, kind: str) -> None:
    assert date_type(text) == kind


@pytest.mark.parametrize("form", sorted(PRINTERS))
def test_texts_that_would_break_a_form_come_back_whole(form: str) -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    odd = "a \"b\" \\ <c> & ]]> 'd'\n\t{e} @en é 数据 \U0001f41d"
    dataset = replace(a_dataset(), title={"en": odd, "": odd}, publisher=odd, keywords=(("", odd), ("pt", odd)))
    (again,) = parse_dcat(PRINTERS[form](a_catalog(dataset))).datasets
    assert same(again, dataset)


def test_a_character_that_xml_cannot_hold_is_named() -> None:
    with pytest.raises(InputError, match=r"U\+0001 can't stand in XML"):
        catalog_xml(a_catalog(replace(a_dataset(), publisher="a\x01")))


def test_a_policy_beyond_odrl_is_refused_by_name() -> None:
    policy = {**a_dataset().policies[0], "concordat:extra": 1}
    with pytest.raises(InputError, match='"concordat:extra" of a policy'):
        catalog_turtle(a_catalog(replace(a_dataset(), policies=(policy,))))


def test_what_looks_like_a_prefixed_name_stays_a_word() -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    dataset = replace(a_dataset(), themes=("dct:0",), license="odrl:x")
    for printed in PRINTERS.values():
        (again,) = parse_dcat(printed(a_catalog(dataset))).datasets
        assert same(again, dataset)
    with pytest.raises(InputError, match="begins with a prefix of ours"):
        catalog_jsonld(a_catalog(replace(dataset, id="dct:1")))


def test_datasets_without_an_address_or_title_are_listed() -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    text = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
      <urn:x:1> a dcat:Dataset ; dct:title "Bees" . <urn:x:2> a dcat:Dataset . [] a dcat:Dataset ; dct:title "Rain" ."""
    found = parse_dcat(text.encode())
    assert [d.id for d in found.datasets] == ["urn:x:1"]
    assert [(f.key, f.named) for f in found.failed] == [("Rain", False), ("urn:x:2", True)]


def test_an_empty_catalogue_is_one() -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    empty = Catalog("https://x.example/c", {"en": "None"}, {"en": "Nothing yet."}, "BRA")
    assert parse_dcat(catalog_turtle(empty)).datasets == ()


def test_printing_needs_no_library_of_others() -> None:
    """Without the extra CSV, CKAN and our own JSON-LD still work."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('rdflib', 'pyshacl', 'jsonschema')));"
        "sys.path.insert(0, 'tests');"
        "from exchange_catalogue_kit import *;"
        "from concordat.exchange.catalogue import dcat, ckan, table;"
        "c = a_catalog(a_dataset());"
        "print(len(dcat.catalog_jsonld(c)), len(ckan.print_ckan(c.datasets)), len(table.print_csv(c.datasets)));"
        "from concordat.errors import MethodError\n"
        "try:\n    dcat.parse_dcat(b'{}')\nexcept MethodError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "needs the extra [exchange]" in done.stdout
