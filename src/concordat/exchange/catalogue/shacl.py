"""Does a catalogue conform to DCAT-AP 3.0.1, and what do RDF bytes of others say? The one module that uses rdflib.

    read_graph(data, "turtle")                       # nodes, their properties, as plain data
    check_dcat(data)                                 # every violation of the shapes, sorted

The judge is pyshacl with the shapes as published (`_shapes` says how they are asked). They test form, not whether the
data are good. Bytes are read by rdflib; for a check, by pyoxigraph where it is there and both read alike (`_quick`).

Nothing is ever loaded from the network: a JSON-LD context is inline or one of the shipped ones, any other id is an
error. Bytes are at most 20 MB, triples 200,000, JSON 32 levels deep; a DOCTYPE is refused. Literals stay as they are
written. Sources: SHACL (W3C, 2017), JSON-LD 1.1 section 3.1, exchange.md 4.1.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.parsers import expat

from concordat import canonical
from concordat.errors import InputError, MethodError
from concordat.exchange.catalogue import _shapes
from concordat.exchange.catalogue._quick import is_plain, quick
from concordat.exchange.catalogue._rdf import PREFIXES, Literal
from concordat.settings import need_extra

BYTES_MAX = 20_000_000
TRIPLES_MAX = 200_000
XML_DEPTH_MAX = 64
FORMS = {"json-ld": "json-ld", "turtle": "turtle", "xml": "xml"}
CONTEXTS = {
    "https://semiceu.github.io/DCAT-AP/releases/3.0.1/context/dcat-ap.jsonld": "dcat-ap/dcat-ap-3.0.1-context.jsonld",
    "https://w3id.org/dspace/2025/1/context.jsonld": "dsp/context/dspace.jsonld",
    "https://w3id.org/dspace/2025/1/odrl-profile.jsonld": "dsp/context/odrl.jsonld",
}
CHECKED = ("Catalog", "Dataset", "DataService", "Distribution")

_DATA = Path(__file__).parents[1] / "_data"
_LOCK = threading.RLock()

# A node of the graph by id (`_:b1` of a blank one) -> predicate -> values: text for a node, or a literal.
Nodes = Mapping[str, Mapping[str, tuple["str | Literal", ...]]]


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One place at which a catalogue doesn't conform.

    Attributes:
        focus: the node. path: the property, as `dct:accessRights`. expected: what the shape asks for. value: what is
            there; empty if nothing is. how: how to write it, in Turtle.
    """

    focus: str
    path: str
    expected: str
    value: str
    how: str

    def __str__(self) -> str:
        found = f", found {self.value}" if self.value else ""
        return f"{self.focus}: {self.path or 'the node'}: expected {self.expected}{found}. {self.how}"


# --- Reading ------------------------------------------------------------------------------------------------------


def read_graph(data: bytes, form: str = "", where: str = "catalogue") -> Nodes:
    """What RDF bytes say, as plain data.

    Args:
        form: `json-ld`, `turtle` or `xml`; by default told by the first bytes.

    Raises:
        InputError: not of that form, or over a bound of the module. MethodError: the extra is missing.
    """
    with _quiet():
        graph = _parsed(data, form, where)
    nodes: dict[str, dict[str, list[str | Literal]]] = {}
    for subject, predicate, value in graph:
        place = nodes.setdefault(_name(subject), {}).setdefault(str(predicate), [])
        place.append(_literal(value) if hasattr(value, "datatype") else _name(value))
    return {
        node: {name: tuple(sorted(values, key=_order)) for name, values in sorted(found.items())}
        for node, found in sorted(nodes.items())
    }


def _order(value: str | Literal) -> tuple[str, str, str]:
    return (value, "", "") if isinstance(value, str) else (value.text, value.language, value.datatype)


def _name(node: Any) -> str:
    return f"_:{node}" if type(node).__name__ == "BNode" else str(node)


def _literal(value: Any) -> Literal:
    return Literal(str(value), value.language or "", str(value.datatype or ""))


def form_of(data: bytes) -> str:
    """What the first bytes say: `json-ld`, `xml` or `turtle`.

    >>> form_of(b' {"@context": {}}'), form_of(b"<?xml version='1.0'?><a/>"), form_of(b"<urn:x> a <urn:y> .")
    ('json-ld', 'xml', 'turtle')
    """
    head = data[:4_000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] in (b"{", b"["):
        return "json-ld"
    return "xml" if head.startswith((b"<?xml", b"<rdf:RDF", b"<!")) else "turtle"


def _parsed(data: bytes, form: str, where: str, *, for_check: bool = False) -> Any:
    """The graph of rdflib, filled within the bounds; `for_check`: language tags may come in lower case."""
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, hint="Split the catalogue.", code="too_large")
    form = form or form_of(data)
    if form not in FORMS:
        raise InputError(f'"{form[:20]}" is not a form of RDF.', where=where, hint=f"One of {', '.join(FORMS)}.")
    rdflib, value = _rdflib(), None
    if form == "json-ld":
        value = _json(data, where)
    elif form == "xml":
        _check_xml(data, where)
    if for_check and (value is None or is_plain(value)):
        graph = rdflib.Graph(store=_bounded_store(where))
        if quick(data.removeprefix(b"\xef\xbb\xbf"), form, graph):
            return graph
    if value is not None:
        data = canonical.dumps(_inlined(value, where), floats=True)
    graph = rdflib.Graph(store=_bounded_store(where))
    try:
        graph.parse(data=data, format=form, publicID="urn:concordat:here:")
    except InputError:
        raise
    except RecursionError:
        raise InputError("nested too deep.", where=where, code="depth") from None
    except Exception as error:  # every parser of rdflib raises errors of its own
        words = " ".join(str(error).split())[:160]
        raise InputError(f"not {form}: {words or type(error).__name__}.", where=where, code="not_rdf") from None
    return graph


def _bounded_store(where: str) -> Any:
    """A store in memory that stops at the bound, before a machine is filled."""
    from concordat.exchange.catalogue._store import BoundedStore

    return BoundedStore(TRIPLES_MAX, where)


def _check_xml(data: bytes, where: str) -> None:
    """No document type, no deep nesting: found before a tree is built."""
    parser, depth = expat.ParserCreate(), 0

    def refuse(*_: Any) -> None:
        raise InputError("a DOCTYPE is refused.", where=where, hint="Remove it.", code="doctype")

    def start(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > XML_DEPTH_MAX:
            raise InputError(f"nested deeper than {XML_DEPTH_MAX} elements.", where=where, code="depth")

    def end(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"not XML: {error}.", where=where, code="not_rdf") from None


def _json(data: bytes, where: str) -> Any:
    """What JSON says, within the bounds of depth and numbers."""
    try:
        return canonical.loads(data.removeprefix(b"\xef\xbb\xbf"), floats=True)
    except InputError as error:
        error.where = f"{where}, {error.where}"
        raise


def _inlined(value: Any, where: str) -> Any:
    """JSON-LD with the shipped contexts put in; nothing is left that a reader would load."""
    if isinstance(value, list):
        return [_inlined(one, where) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _context(one, where) if key == "@context" else _inlined(one, where) for key, one in value.items()}


def _context(value: Any, where: str) -> Any:
    """A context, with ids of shipped ones replaced.

    Raises:
        InputError: any other id, or an import.
    """
    if isinstance(value, list):
        return [_context(one, where) for one in value]
    if isinstance(value, str):
        if value not in CONTEXTS:
            hint = f"Contexts are never loaded; write it inline, or use one of {', '.join(sorted(CONTEXTS))}."
            raise InputError(f'the context "{value[:120]}" is not one I know.', where=where, hint=hint, code="context")
        return _shipped_context(value)
    if isinstance(value, dict):
        if "@import" in value:
            raise InputError("a context that imports another.", where=where, hint="Write it inline.", code="context")
        return _inlined(value, where)
    return value


@cache
def _shipped_context(name: str) -> Any:
    path = _DATA / CONTEXTS[name]
    return _imported(canonical.loads(path.read_bytes(), floats=True)["@context"])


def _imported(value: Any) -> Any:
    """A shipped context with what it imports merged in (JSON-LD 1.1, 4.1.5.6): its own terms stand before those.

    Nothing is left for the library to fetch; an import that isn't shipped is a fault of the package.
    """
    if isinstance(value, list):
        return [_imported(one) for one in value]
    if not isinstance(value, dict):
        return value
    own = {key: _imported(one) for key, one in value.items() if key != "@import"}
    return {**_shipped_context(value["@import"]), **own} if "@import" in value else own


# --- The shapes ---------------------------------------------------------------------------------------------------


def check_dcat(data: bytes, form: str = "", where: str = "catalogue") -> list[Violation]:
    """Every violation of the DCAT-AP 3.0.1 shapes, sorted; empty if the catalogue conforms.

    Raises:
        InputError: as `read_graph`; or nothing in it that the shapes test. MethodError: the extra is missing.
    """
    with _quiet():
        graph = _parsed(data, form, where, for_check=True)
        rdflib = _rdflib()
        kinds = [rdflib.URIRef(PREFIXES["dcat"] + name) for name in CHECKED]
        if not any((None, rdflib.RDF.type, kind) in graph for kind in kinds):
            what = "there is no catalogue, dataset, service or distribution of DCAT in it."
            raise InputError(what, where=where, hint="Is it the right file?", code="nothing")
        try:
            import pyshacl
        except ImportError:
            raise need_extra("exchange", "Checking a catalogue against the shapes") from None
        _, report, _ = pyshacl.validate(graph, shacl_graph=_shapes.tested(), inference="none", inplace=True)
        return sorted(set(_violations(report, rdflib)))


def _violations(report: Any, rdflib: Any) -> Iterator[Violation]:
    sh, shapes = rdflib.SH, _shapes.tested()
    for result in report.subjects(rdflib.RDF.type, sh.ValidationResult):
        component = str(report.value(result, sh.sourceConstraintComponent)).rpartition("#")[2]
        shape = report.value(result, sh.sourceShape)
        path = short(str(report.value(result, sh.resultPath) or ""))
        value = report.value(result, sh.value)
        expected, how = _expected(component.removesuffix("ConstraintComponent"), shape, path, shapes, sh)
        focus = report.value(result, sh.focusNode)
        yield Violation(_shown(focus), path, expected, _shown(value) if value is not None else "", how)


def _shown(node: Any) -> str:
    return "a blank node" if type(node).__name__ == "BNode" else str(node)[:200]


def _expected(component: str, shape: Any, path: str, shapes: Any, sh: Any) -> tuple[str, str]:
    """What a shape asks for, and how to write it."""

    def of(name: str) -> str:
        return short(str(shapes.value(shape, getattr(sh, name)) or ""))

    match component:
        case "MinCount":
            return f"at least {of('minCount')}", f"Add {path}."
        case "MaxCount":
            return f"at most {of('maxCount')}", "Remove the others."
        case "Class":
            return f"a node of class {of('class')}", f"Write {path} [ a {of('class')} ]."
        case "NodeKind":
            kind = {"sh:BlankNodeOrIRI": "a node, not text", "sh:Literal": "text, not a node"}.get(of("nodeKind"), "")
            return kind or of("nodeKind"), "Write <address> or [ ... ]." if "not text" in kind else 'Write "text".'
        case "Datatype":
            return f"a value of type {of('datatype')}", f'Write {path} "..."^^{of("datatype")}.'
    return component, "See DCAT-AP 3.0.1."


def short(iri: str) -> str:
    """An IRI with a prefix where one is known.

    >>> short("http://purl.org/dc/terms/title")
    'dct:title'
    """
    for prefix, start in (*PREFIXES.items(), ("sh", "http://www.w3.org/ns/shacl#")):
        if iri.startswith(start):
            return f"{prefix}:{iri[len(start) :]}"
    return iri


# --- rdflib -------------------------------------------------------------------------------------------------------


def _rdflib() -> Any:
    """rdflib, imported when it is needed.

    Raises:
        MethodError: the extra is missing.
    """
    try:
        import rdflib
    except ImportError:
        raise _missing() from None
    return rdflib


def _missing() -> MethodError:
    return need_extra("exchange", "Reading RDF (Turtle, RDF/XML, JSON-LD)")


@contextmanager
def _quiet() -> Iterator[None]:
    """rdflib as we need it: literals stay as written (else the year 2025 becomes a day), and it prints nothing.

    Both are settings of the whole process, so that one thread at a time has them.
    """
    rdflib = _rdflib()
    log = logging.getLogger("rdflib")
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level, normalise = log.level, rdflib.NORMALIZE_LITERALS
        log.setLevel(logging.CRITICAL)
        rdflib.NORMALIZE_LITERALS = False
        try:
            yield
        finally:
            log.setLevel(level)
            rdflib.NORMALIZE_LITERALS = normalise
