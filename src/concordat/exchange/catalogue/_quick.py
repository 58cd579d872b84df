"""The quick way from bytes to a graph that is tested, where the package `pyoxigraph` is installed.

rdflib reads some 20,000 triples a second, and 1,000 datasets are five times as many. For a check, which asks only
whether shapes hold, the bytes are read by pyoxigraph instead and its terms become rdflib's. It is strict, and is only
given what both read alike: Turtle, RDF/XML, and JSON-LD whose context is a list of prefixes (as ours). Whatever it
refuses is read again by rdflib, which has the last word and words the errors; so is what pyoxigraph takes and rdflib
does not, or not in the same way:

- RDF 1.2: a `VERSION`, the direction of a text, a triple as a term (RDF/XML: `rdf:version`, `its:`);
- blank nodes that hang on each other deeper than 64, which is less than rdflib's parser takes;
- whole and decimal numbers that rdflib writes otherwise: `05` and `+5` are `5` to it where they stand without quotes;
- XML literals, of which each writes a canonical form of its own.

Language tags come in lower case, which no shape looks at; that is why reading for import (`shacl.read_graph`) stays
with rdflib. The tests hold both readings against each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from concordat.errors import InputError

KEYWORDS = {"@id", "@type", "@value", "@language", "@graph"}
XSD = "http://www.w3.org/2001/XMLSchema#"
DEPTH_MAX = 64  # rdflib's parser takes some 5 frames of the interpreter's 1,000 for each level
# What stands in no file that both read alike. A text of the same letters is found too, and costs time only.
_OTHERWISE = {
    "turtle": re.compile(rb"""(?<![:#/\w-])version(?:\s|#[^\n\r]*[\n\r])*["']""", re.IGNORECASE),
    "xml": re.compile(rb""":version\s*=|2005/11/its|parseType\s*=\s*["']Literal"""),
}
_NUMBERS = {f"{XSD}integer": int, f"{XSD}decimal": Decimal}


def quick(data: bytes, form: str, graph: Any) -> bool:
    """Fill a graph of rdflib; whether that was possible. The graph is of no use if it was not.

    Raises:
        InputError: the graph's own store refused a triple (it has a bound).
    """
    try:
        import pyoxigraph as ox
        import rdflib
    except ImportError:
        return False
    if form in _OTHERWISE and _OTHERWISE[form].search(data):
        return False
    kinds = {"turtle": ox.RdfFormat.TURTLE, "xml": ox.RdfFormat.RDF_XML, "json-ld": ox.RdfFormat.JSON_LD}
    made: dict[Any, Any] = {}

    def term(given: Any) -> Any:
        known = made.get(given)
        if known is None:
            known = made[given] = _term(given, rdflib, ox)
        return known

    add, nested = graph.store.add, []
    try:
        for one in ox.parse(data, kinds[form], without_named_graphs=True, rename_blank_nodes=True):
            add((term(one.subject), term(one.predicate), term(one.object)), graph)
            if isinstance(one.object, ox.BlankNode) and isinstance(one.subject, ox.BlankNode):
                nested.append((one.subject.value, one.object.value))
    except InputError:
        raise
    except Exception:  # whatever it was, rdflib reads the bytes again and says what is wrong with them
        return False
    return not is_deep(nested)


def is_deep(nested: list[tuple[str, str]]) -> bool:
    """Whether nodes hang on each other deeper than the bound, or in a ring; (outer, inner) of each two.

    >>> is_deep([("a", "b"), ("b", "c")]), is_deep([("a", "b"), ("b", "a")])
    (False, True)
    """
    inner: dict[str, list[str]] = {}
    waits: dict[str, int] = {}
    for outer, node in nested:
        inner.setdefault(outer, []).append(node)
        waits[node] = waits.get(node, 0) + 1
    level = [node for node in inner if node not in waits]
    for _ in range(DEPTH_MAX):
        onward = []
        for node in (node for outer in level for node in inner.get(outer, ())):
            waits[node] -= 1
            if not waits[node]:
                del waits[node]
                onward.append(node)
        level = onward
    return bool(waits)


def _term(given: Any, rdflib: Any, ox: Any) -> Any:
    """The same term, as rdflib's.

    Raises:
        TypeError: a kind of term that rdflib doesn't have. ValueError, ArithmeticError: a number that it may write
            otherwise.
    """
    if isinstance(given, ox.NamedNode):
        return rdflib.URIRef(given.value)
    if isinstance(given, ox.BlankNode):
        return rdflib.BNode(given.value)
    if not isinstance(given, ox.Literal):
        raise TypeError(type(given).__name__)
    if given.direction is not None:
        raise TypeError("a text with a direction")
    if given.language:
        return rdflib.Literal(given.value, lang=given.language)
    kind = given.datatype.value
    if kind in _NUMBERS and str(_NUMBERS[kind](given.value)) != given.value:
        raise ValueError(given.value)
    return rdflib.Literal(given.value, datatype=None if kind == f"{XSD}string" else rdflib.URIRef(kind))


def is_plain(value: Any) -> bool:
    """Whether JSON-LD is of the plain kind that we write: one context of prefixes, whole ids, five keywords.

    >>> is_plain({"@context": {"dct": "http://purl.org/dc/terms/"}, "@id": "urn:x:1", "dct:title": "Bees"})
    True
    >>> is_plain({"@context": {"title": {"@id": "http://purl.org/dc/terms/title"}}, "title": "Bees"})
    False
    """
    if not isinstance(value, Mapping):
        return False
    context = value.get("@context", {})
    if not isinstance(context, Mapping) or not all(_is_prefix(name, iri) for name, iri in context.items()):
        return False
    return all(_is_plain_pair(key, one, context) for key, one in value.items() if key != "@context")


def _is_prefix(name: str, iri: Any) -> bool:
    return name.isalnum() and isinstance(iri, str) and ":" in iri and iri.endswith(("#", "/"))


def _is_plain_pair(key: str, value: Any, context: Mapping[str, Any]) -> bool:
    if key in ("@id", "@type"):
        return all(isinstance(one, str) and ":" in one for one in (value if isinstance(value, list) else [value]))
    if key.startswith("@"):
        return key in KEYWORDS and (key == "@graph" or isinstance(value, str)) and _is_plain_value(value, context)
    return key.partition(":")[0] in context and _is_plain_value(value, context)


def _is_plain_value(value: Any, context: Mapping[str, Any]) -> bool:
    if isinstance(value, list):
        return all(not isinstance(one, list) and _is_plain_value(one, context) for one in value)
    if isinstance(value, Mapping):
        return all(_is_plain_pair(key, one, context) for key, one in value.items())
    return isinstance(value, str)
