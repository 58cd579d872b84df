"""Any graph over the words of DCAT-AP: the shapes as they are asked find what the published ones find.

Few examples in CI, since pyshacl takes a tenth of a second for each: `EXAMPLES` makes it longer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyshacl", reason="needs the extra [exchange]")

import pyshacl
import rdflib

from concordat.exchange.catalogue import _shapes

EXAMPLES = 15
SH, RDF = rdflib.SH, rdflib.RDF
published = cache(_shapes.published)
PATHS = sorted(set(published().objects(None, SH.path)))
CLASSES = sorted({*published().objects(None, SH.targetClass), *published().objects(None, SH["class"])})
NODES = [rdflib.URIRef(f"urn:x:{number}") for number in range(4)] + [rdflib.BNode("b")]
VALUES = [
    rdflib.Literal("text"),
    rdflib.Literal("texte", lang="fr"),
    rdflib.Literal("4", datatype=rdflib.XSD.nonNegativeInteger),
    rdflib.Literal("-4", datatype=rdflib.XSD.nonNegativeInteger),
    rdflib.Literal("2026-01-01", datatype=rdflib.XSD.date),
    rdflib.Literal("ab", datatype=rdflib.XSD.hexBinary),
]
TRIPLES = (
    st.tuples(st.sampled_from(NODES), st.just(RDF.type), st.sampled_from(CLASSES))
    | st.tuples(st.sampled_from(NODES), st.sampled_from(PATHS), st.sampled_from([*NODES, *VALUES]))
    | st.tuples(st.sampled_from(CLASSES), st.just(rdflib.RDFS.subClassOf), st.sampled_from(CLASSES))
)


def results(graph: Any, shapes: Any) -> list[tuple[str, ...]]:
    """Focus, path, constraint and value of every result."""
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes, inference="none", inplace=True)
    names = (SH.focusNode, SH.resultPath, SH.sourceConstraintComponent, SH.value)
    found = report.subjects(RDF.type, SH.ValidationResult)
    return sorted(tuple(str(report.value(one, name)) for name in names) for one in found)


@settings(max_examples=EXAMPLES)
@given(st.lists(TRIPLES, min_size=1, max_size=25))
def test_both_forms_of_the_shapes_give_the_same_results(triples: list[Any]) -> None:
    graph = rdflib.Graph()
    for triple in triples:
        graph.add(triple)
    # A blank node in a report has another name each time: a result tells focus and value by whether they are one.
    plain = [[part if part.startswith(("urn:", "http", "None")) else "_" for part in row] for row in
             results(graph, published())]  # fmt: skip
    asked = [[part if part.startswith(("urn:", "http", "None")) else "_" for part in row] for row in
             results(graph, _shapes.tested())]  # fmt: skip
    assert sorted(asked) == sorted(plain)
