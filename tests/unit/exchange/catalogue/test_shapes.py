"""The shapes as they are asked, held against the shapes as published: one judge, the same results, node by node."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, MethodError
from concordat.exchange.catalogue.dcat import catalog_jsonld, catalog_turtle, catalog_xml
from concordat.exchange.catalogue.shacl import CHECKED, check_dcat
from exchange_catalogue_kit import MORE, OFFER, a_catalog, a_dataset

pytest.importorskip("pyshacl", reason="needs the extra [exchange]")

import rdflib

from concordat.exchange.catalogue import _quick, _shapes, shacl

HEAD = "".join(
    f"@prefix {name}: <{iri}> .\n" for name, iri in (*shacl.PREFIXES.items(), ("x", "urn:x:"), ("time", "urn:time:"))
)
# One seeded fault of each kind of constraint, and the neighbours that are none.
FAULTS = {
    "missing": "x:1 a dcat:Dataset ; dct:title 'Bees' .",
    "too many": "x:1 a dcat:Dataset ; dct:title 'Bees' ; dct:description 'd' ; dct:accessRights x:a, x:b . "
    "x:a a dct:RightsStatement . x:b a dct:RightsStatement .",
    "another class": "x:1 a dcat:Dataset ; dct:title 'B' ; dct:description 'd' ; dct:publisher x:p . x:p a dcat:Role .",
    "a subclass": "x:1 a dcat:Dataset ; dct:title 'B' ; dct:description 'd' ; dct:publisher x:p . "
    "x:p a x:Ministry ; foaf:name 'M' . x:Ministry rdfs:subClassOf x:Office . x:Office rdfs:subClassOf foaf:Agent .",
    "text for a node": "x:1 a dcat:Dataset ; dct:title 'B' ; dct:description 'd' ; dct:accessRights 'public' .",
    "a node for text": "x:1 a dcat:Dataset ; dct:title x:title ; dct:description [ a dcat:Role ] .",
    "another datatype": "x:1 a dcat:Dataset ; dct:title 'B' ; dct:description 'd' ; dcat:distribution x:2 . "
    "x:2 a dcat:Distribution ; dcat:accessURL x:u ; dcat:byteSize 'many' ; spdx:checksum x:c . "
    "x:c a spdx:Checksum ; spdx:checksumValue 'abc' ; spdx:algorithm x:sha . x:sha a spdx:ChecksumAlgorithm .",
    "an ill-written value": "x:2 a dcat:Distribution ; dcat:accessURL x:u ; "
    "dcat:byteSize '-4'^^xsd:nonNegativeInteger ; spdx:checksum x:c . "
    "x:c a spdx:Checksum ; spdx:checksumValue 'xyz'^^xsd:hexBinary .",
    "two classes at once": "x:1 a dcat:Dataset, dcat:DatasetSeries, dcat:Catalog, dcat:DataService .",
    "a node that is its own part": "x:1 a dcat:Catalog ; dcat:dataset x:1 ; dcat:catalog x:1 ; dct:publisher x:1 .",
    "everything is wrong": "x:1 a dcat:Dataset ; dct:title 1, x:a ; dcat:distribution 'd' ; dct:temporal x:t ; "
    "adms:identifier 5 ; dcat:contactPoint x:k . x:t a dct:PeriodOfTime ; dcat:startDate x:d, 'a', 'b' .",
}


def results(graph: Any, shapes: Any) -> list[tuple[str, ...]]:
    """Every result of pyshacl: focus, path, constraint and value, as often as SHACL says."""
    import pyshacl

    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes, inference="none", inplace=True)
    sh = rdflib.SH
    names = (sh.focusNode, sh.resultPath, sh.sourceConstraintComponent, sh.value, sh.resultSeverity)
    nodes = list(report.subjects(rdflib.RDF.type, sh.ValidationResult))
    return sorted(tuple(str(report.value(node, name)) for name in names) for node in nodes)


published = cache(_shapes.published)  # one copy, which pyshacl may add to


def same(data: bytes, form: str) -> list[tuple[str, ...]]:
    """The results, which both forms of the shapes give."""
    with shacl._quiet():
        graph = shacl._parsed(data, form, "test")
        before, asked = results(graph, published()), results(graph, _shapes.tested())
    assert asked == before
    return asked


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_each_kind_of_fault_is_found_as_the_published_shapes_find_it(name: str) -> None:
    found = same((HEAD + FAULTS[name]).encode(), "turtle")
    assert bool(found) == (name != "a subclass")


def test_every_kind_of_constraint_is_among_the_faults() -> None:
    kinds = {one[2].rpartition("#")[2] for text in FAULTS.values() for one in same((HEAD + text).encode(), "turtle")}
    assert kinds == {f"{name[0].upper()}{name[1:]}ConstraintComponent" for name in _shapes.CONSTRAINTS}


BREAKS = {
    "dct:title": "dct:subject", "dct:publisher": "dct:creator", "a dct:Standard": "a dcat:Role",
    "^^xsd:hexBinary": "", "dcat:accessURL": "dcat:downloadURL", "a dct:RightsStatement": "a dct:Standard",
    "^^xsd:nonNegativeInteger": "", "a foaf:Agent": "a dcat:Role",
}  # fmt: skip


@pytest.mark.parametrize("word", sorted(BREAKS))
def test_a_catalogue_of_ours_that_lacks_a_word_is_found_wanting_in_the_same_places(word: str) -> None:
    text = catalog_turtle(a_catalog(a_dataset())).decode()
    assert word in text
    assert same(text.replace(word, BREAKS[word]).encode(), "turtle")


def test_ours_conform_by_the_published_shapes_too() -> None:
    catalog = a_catalog(a_dataset(), a_dataset((OFFER + MORE).replace("ict-household-2025", "ict-household-2026")))
    for data, form in ((catalog_turtle(catalog), "turtle"), (catalog_jsonld(catalog), "json-ld"),
                       (catalog_xml(catalog), "xml")):  # fmt: skip
        assert same(data, form) == []


def test_the_published_examples_are_judged_alike(shared_data: Path) -> None:
    files = sorted((shared_data / "exchange" / "dcat-ap" / "examples").glob("*.ttl"))
    assert sum(bool(same(file.read_bytes(), "turtle")) for file in files) >= 8


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:closed true .", "has .*closed"),
        ("<urn:s> a sh:NodeShape ; sh:property <urn:p> . <urn:p> sh:path <urn:q> .", "no target class"),
        ("<urn:s> a sh:NodeShape ; sh:targetNode <urn:n> .", "has .*targetNode"),
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:nodeKind sh:IRI .", "has .*nodeKind"),
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:property [ sh:path <urn:q> ; sh:pattern 'x' ] .",
         "pattern"),
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:property [ sh:path <urn:q> ; sh:minCount 1, 2 ] .",
         "minCount"),
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:property [ sh:minCount 1 ] .", "no path"),
        ("<urn:s> a sh:NodeShape ; sh:targetClass <urn:c> ; sh:property [ sh:path [ sh:inversePath <urn:q> ] ] .",
         "path"),
        ("<urn:s> sh:targetClass <urn:c> ; sh:property [ sh:path <urn:q> ] .", "no shape that I know"),
    ],
    ids=["closed", "no-target", "node", "at-node", "pattern", "twice", "no-path", "inverse", "untyped"],
)  # fmt: skip
def test_shapes_of_another_kind_are_an_error_and_never_left_out(more: str, words: str) -> None:
    shapes = rdflib.Graph().parse(data=f"@prefix sh: <http://www.w3.org/ns/shacl#> .\n{more}", format="turtle")
    with pytest.raises(MethodError, match=words):
        _shapes.batched(shapes)


def test_two_values_of_a_constraint_for_one_path_stay_two_shapes() -> None:
    text = """@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix : <urn:x:> .
    :s a sh:NodeShape ; sh:targetClass :C ; sh:property :p, :q .
    :p sh:path :v ; sh:minCount 1 ; sh:class :A . :q sh:path :v ; sh:class :B ."""
    shapes = rdflib.Graph().parse(data=text, format="turtle")
    data = rdflib.Graph().parse(data="@prefix : <urn:x:> . :1 a :C ; :v :2 . :2 a :B . :3 a :C .", format="turtle")
    assert results(data, _shapes.batched(shapes)) == results(data, shapes)
    assert len(results(data, shapes)) == 2


# --- The quick reader -------------------------------------------------------------------------------------------------


def both(data: bytes, form: str) -> tuple[Any, Any]:
    """What rdflib reads, and what the quick reader does (with tags in the letter case of the latter)."""
    from rdflib.compare import to_isomorphic

    quick = rdflib.Graph(store=shacl._bounded_store("test"))
    with shacl._quiet():
        slow = shacl._parsed(data, form, "test")
        assert _quick.quick(data, form, quick)
        lower = rdflib.Graph()
        for subject, predicate, value in slow:
            tag = getattr(value, "language", None)
            lower.add((subject, predicate, rdflib.Literal(str(value), lang=tag.lower()) if tag else value))
        plain = rdflib.Graph()
        for triple in quick:
            plain.add(triple)
    return to_isomorphic(lower), to_isomorphic(plain)


@pytest.mark.parametrize("form", ["turtle", "json-ld", "xml"])
def test_the_quick_reader_reads_what_rdflib_reads(form: str) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    printers = {"turtle": catalog_turtle, "json-ld": catalog_jsonld, "xml": catalog_xml}
    slow, quick = both(printers[form](a_catalog(a_dataset())), form)
    assert slow == quick
    assert len(quick) > 100


def test_the_quick_reader_reads_the_published_examples_too(shared_data: Path) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    files = sorted((shared_data / "exchange" / "dcat-ap" / "examples").glob("*.ttl"))
    assert files
    for file in files:
        slow, quick = both(file.read_bytes(), "turtle")
        assert slow == quick, file.name


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_with_and_without_the_quick_reader_a_check_says_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    data = (HEAD + FAULTS[name]).encode()
    if not any(f"dcat:{kind} " in FAULTS[name] for kind in CHECKED):
        return
    said = check_dcat(data)
    monkeypatch.setattr(shacl, "quick", lambda *_: False)
    assert check_dcat(data) == said


D = "x:1 a dcat:Dataset ; dct:title 'B' ; dct:description 'd' ; "
# What pyoxigraph alone would read, or read otherwise; and what rdflib says of it.
OTHERWISE = {
    "a direction": (D + 'dct:title "a"@en--ltr .', "not turtle"),
    "a version": (D.join(('VERSION "1.2"\n', ".")), "not turtle"),
    "a version after a comment": (D.join(("version # which\n'1.2'\n", ".")), "not turtle"),
    "a version of old": (D.join(('@version "1.2" .\n', ".")), "not turtle"),
    "a triple as a term": (D + "x:p <<( x:a x:b x:c )>> .", "not turtle"),
    "2,000 blank nodes": (D + "x:p " + "[ x:p " * 2_000 + "1" + " ]" * 2_000 + " .", "nested too deep"),
    "2,000 lists": (D + "x:p " + "( " * 2_000 + "1" + " )" * 2_000 + " .", "nested too deep"),
}
# One value breaks two shapes (a class, a node); a second value two more, and the shape that takes at most one.
ALIKE = {
    "one text twice": ("dct:accessRights 'a', 'a'^^xsd:string .", 2),
    "one number thrice": ("dct:publisher 5, 05, +5 .", 2),
    "decimals": ("dct:publisher .5, 0.50, +0.5 .", 5),
    "numbers in quotes": ("dct:publisher '5'^^xsd:integer, '05'^^xsd:integer .", 5),
}


def checked(text: str, form: str = "") -> list[tuple[str, ...]] | str:
    """Every place that a check finds, or its error."""
    try:
        return [(v.focus, v.path, v.expected, v.value) for v in check_dcat((HEAD + text).encode(), form)]
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", sorted(OTHERWISE))
def test_what_rdflib_does_not_take_is_refused_with_the_quick_reader_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    text, words = OTHERWISE[name]
    said = checked(text)
    assert isinstance(said, str)
    assert words in said
    monkeypatch.setattr(shacl, "quick", lambda *_: False)
    assert checked(text) == said


@pytest.mark.parametrize("name", sorted(ALIKE))
def test_a_term_that_can_be_written_in_two_ways_counts_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    text, places = ALIKE[name]
    said = checked(D + text)
    monkeypatch.setattr(shacl, "quick", lambda *_: False)
    assert checked(D + text) == said
    assert len(said) == places, said


@pytest.mark.parametrize("more", ['rdf:version="1.2"', 'xmlns:its="http://www.w3.org/2005/11/its" its:dir="rtl"'])
def test_rdf_xml_of_the_next_edition_is_left_to_rdflib(more: str) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra [exchange]")
    words = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {}/>'
    assert _quick.quick(words.format("").encode(), "xml", rdflib.Graph())
    assert not _quick.quick(words.format(more).encode(), "xml", rdflib.Graph())


def test_depth_is_counted_along_blank_nodes() -> None:
    chain = [(str(n), str(n + 1)) for n in range(_quick.DEPTH_MAX + 1)]
    assert _quick.is_deep(chain)
    assert not _quick.is_deep(chain[1:])
    assert not _quick.is_deep([("a", "c"), ("b", "c"), ("a", "b")])


@pytest.mark.parametrize(
    "value",
    [
        [], "text", {"@context": "https://w3id.org/dspace/2025/1/context.jsonld"}, {"@context": [{"x": "urn:x:/"}]},
        {"@context": {"x": {"@id": "urn:x:/", "@type": "@id"}}}, {"@context": {"@vocab": "urn:x:/"}, "a": "b"},
        {"@context": {"x": "urn:x"}, "x:a": "b"}, {"title": "Bees"}, {"@id": "here"}, {"@type": ["Dataset"]},
        {"@context": {"x": "urn:x:/"}, "x:a": {"@list": ["b"]}}, {"@context": {"x": "urn:x:/"}, "x:a": 5},
        {"@context": {"x": "urn:x:/"}, "x:a": [["b"]]}, {"@reverse": {}}, {"@id": "urn:x", "@context": {"x": 5}},
        {"@context": {"x": "urn:x:/"}, "x:a": {"@context": {"x": "urn:y:/"}, "x:b": "c"}},
    ],
)  # fmt: skip
def test_other_json_ld_is_left_to_rdflib(value: object) -> None:
    assert not _quick.is_plain(value)
