"""A small tree of resources, and its three spellings: JSON-LD, Turtle and RDF/XML.

One tree is printed three ways, so that the three say the same. The JSON-LD carries its own context of prefixes: a
reader needs no other document. Sources: JSON-LD 1.1, Turtle 1.1 and RDF 1.1 XML Syntax (W3C). Nothing is read here:
reading is `shacl`'s, with rdflib.

    >>> bees = Resource("urn:x:1", ("dcat:Dataset",), (("dct:title", Literal("Bees", "en")),))
    >>> print(turtle([bees]).splitlines()[-1])
    <urn:x:1> a dcat:Dataset ; dct:title "Bees"@en .
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from concordat.errors import InputError

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_TURTLE = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, with a language or a datatype (`xsd:date`)."""

    text: str
    language: str = ""
    datatype: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A node with its types and properties; without an id it is a blank node.

    Attributes:
        id: an IRI. types: as `dcat:Dataset`. properties: (predicate, value), in the order in which they are printed.
    """

    id: str
    types: tuple[str, ...] = ()
    properties: tuple[tuple[str, Literal | Resource], ...] = ()


def whole(name: str) -> str:
    """The IRI that a prefixed name stands for."""
    prefix, _, rest = name.partition(":")
    return PREFIXES[prefix] + rest


# --- JSON-LD ------------------------------------------------------------------------------------------------------


def jsonld(roots: Sequence[Resource]) -> bytes:
    """JSON-LD with a context of its own.

    Raises:
        InputError: an id that JSON-LD would take for a prefixed name.
    """
    graph = [_json_node(root) for root in roots]
    body = graph[0] if len(graph) == 1 else {"@graph": graph}
    value = {"@context": PREFIXES, **body}
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _json_node(node: Resource) -> dict[str, Any]:
    if node.id.partition(":")[0] in PREFIXES:
        what = f"the id {node.id[:80]} begins with a prefix of ours."
        raise InputError(what, where="catalogue", hint="Give it another id.", code="prefix")
    value: dict[str, Any] = {"@id": node.id} if node.id else {}
    if node.types:
        value["@type"] = list(node.types)
    many: dict[str, list[Any]] = {}
    for name, given in node.properties:
        many.setdefault(name, []).append(_json_literal(given) if isinstance(given, Literal) else _json_node(given))
    return value | {name: found[0] if len(found) == 1 else found for name, found in many.items()}


def _json_literal(literal: Literal) -> Any:
    if literal.language:
        return {"@language": literal.language, "@value": literal.text}
    if literal.datatype:
        return {"@type": literal.datatype, "@value": literal.text}
    return literal.text


# --- Turtle -------------------------------------------------------------------------------------------------------


def turtle(roots: Iterable[Resource]) -> str:
    """Turtle: one block a named node, blank nodes inside the one that has them."""
    lines = [f"@prefix {prefix}: <{iri}> ." for prefix, iri in PREFIXES.items()]
    for node in _named(roots):
        lines.append(f"<{node.id}> {_turtle_body(node)} .")
    return "\n".join(lines) + "\n"


def _named(roots: Iterable[Resource]) -> Iterator[Resource]:
    """Every node with an id that has something to say, the outer ones first, each statement once."""
    waiting, seen = deque(roots), set[Resource]()
    while waiting:
        node = waiting.popleft()
        if node.id and (node.types or node.properties):
            if node in seen:
                continue
            seen.add(node)
            yield node
        waiting.extend(value for _, value in node.properties if isinstance(value, Resource))


def _turtle_body(node: Resource) -> str:
    parts = [f"a {', '.join(node.types)}"] if node.types else []
    parts += [f"{name} {_turtle_value(value)}" for name, value in node.properties]
    return " ; ".join(parts)


def _turtle_value(value: Literal | Resource) -> str:
    if isinstance(value, Resource):
        return f"<{value.id}>" if value.id else f"[ {_turtle_body(value)} ]"
    text = "".join(_TURTLE.get(c) or (c if c >= " " and c != "\x7f" else f"\\u{ord(c):04X}") for c in value.text)
    if value.language and _LANGUAGE.fullmatch(value.language):
        return f'"{text}"@{value.language}'
    return f'"{text}"^^{value.datatype}' if value.datatype else f'"{text}"'


# --- RDF/XML ------------------------------------------------------------------------------------------------------


def rdf_xml(roots: Iterable[Resource]) -> bytes:
    """RDF/XML: one element a named node, blank nodes inside the one that has them.

    Raises:
        InputError: a text with a character that XML 1.0 can't hold.
    """
    head = " ".join(f'xmlns:{prefix}="{iri}"' for prefix, iri in PREFIXES.items())
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<rdf:RDF {head}>"]
    lines += [_xml_node(node, " ") for node in _named(roots)]
    return "\n".join([*lines, "</rdf:RDF>", ""]).encode()


def _xml_node(node: Resource, indent: str) -> str:
    about = f" rdf:about={quoteattr(node.id)}" if node.id else ""
    lines = [f"{indent}<rdf:Description{about}>"]
    lines += [f'{indent} <rdf:type rdf:resource="{whole(kind)}"/>' for kind in node.types]
    for name, value in node.properties:
        if isinstance(value, Literal):
            extra = f' xml:lang="{value.language}"' if value.language else ""
            extra = extra or (f' rdf:datatype="{whole(value.datatype)}"' if value.datatype else "")
            lines.append(f"{indent} <{name}{extra}>{_xml_text(value.text)}</{name}>")
        elif value.id:
            lines.append(f"{indent} <{name} rdf:resource={quoteattr(value.id)}/>")
        else:
            lines += [f"{indent} <{name}>", _xml_node(value, indent + "  "), f"{indent} </{name}>"]
    return "\n".join([*lines, f"{indent}</rdf:Description>"])


def _xml_text(text: str) -> str:
    odd = _NO_XML.search(text)
    if odd:
        what = f"U+{ord(odd.group()):04X} can't stand in XML."
        raise InputError(what, where=text[:40], hint="Remove it, or take JSON-LD or Turtle.", code="xml_character")
    return escape(text, {"\r": "&#13;"})
