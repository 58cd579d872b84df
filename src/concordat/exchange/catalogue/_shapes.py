"""The shapes of DCAT-AP 3.0.1, as published and as they are tested.

The shapes ship as published (CC BY 4.0, (c) European Union): 33 node shapes, each with a target class and property
shapes of one constraint each. Two property shapes of `dcat:DataService` are named there and defined nowhere, and
pyshacl stops at them; `sh:property` objects without `sh:path` are dropped in memory.

pyshacl tests a property shape of a node shape once for every node, and makes its constraints anew each time. A
property shape may have targets of its own (SHACL, 2.1), and then all nodes are tested together. So `batched` gives each
property shape the target of its node shape, and joins those of one node shape and one path: the results that SHACL
defines (2.1.3, 4.7.2) stay the same, at a third of the time. The tests hold both forms against each other. A shapes
file with anything else in it is an error: nothing is left out in silence.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from concordat.errors import MethodError

FILE = Path(__file__).parents[1] / "_data" / "dcat-ap" / "dcat-ap-3.0.1-SHACL.ttl"
# Constraints that may stand together in one property shape, of which each holds at most one value.
CONSTRAINTS = ("class", "datatype", "maxCount", "minCount", "nodeKind")
SH = "http://www.w3.org/ns/shacl#"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
# Words for people, which test nothing.
WORDS = (f"{SH}name", f"{SH}description", "http://www.w3.org/2000/01/rdf-schema#seeAlso")


def published() -> Any:
    """The shapes as published, without the property shapes that are named and not defined; a new graph each time.

    pyshacl adds words of its own to a graph of shapes that it is given.
    """
    import rdflib

    shapes = rdflib.Graph()
    shapes.parse(data=FILE.read_bytes(), format="turtle")
    for node, _, found in list(shapes.triples((None, rdflib.SH.property, None))):
        if (found, rdflib.SH.path, None) not in shapes:
            shapes.remove((node, rdflib.SH.property, found))
    return shapes


@cache
def tested() -> Any:
    """The published shapes, batched."""
    return batched(published())


def batched(shapes: Any) -> Any:
    """The same shapes with the targets at the property shapes, one shape for each node shape and path.

    Raises:
        MethodError: the shapes hold something else than node shapes with a target class and the five constraints.
    """
    import rdflib

    made, sh, kind = rdflib.Graph(), rdflib.SH, rdflib.RDF.type
    known = set()
    for node in sorted(shapes.subjects(kind, sh.NodeShape)):
        known.add(node)
        properties = _node_shape(shapes, node, rdflib)
        for number, (path, pairs) in enumerate(_joined(shapes, properties, rdflib)):
            shape = rdflib.URIRef(f"{node}/{number}")
            made.add((shape, kind, sh.PropertyShape))
            made.add((shape, sh.path, path))
            for target in shapes.objects(node, sh.targetClass):
                made.add((shape, sh.targetClass, target))
            for constraint, value in pairs.items():
                made.add((shape, constraint, value))
        known.update(properties)
    for node in sorted(set(shapes.subjects()) - known, key=str):
        if any(str(p) != "http://www.w3.org/2000/01/rdf-schema#member" for p in shapes.predicates(node)):
            raise _unknown(node, "is no shape that I know how to test")
    return made


def _node_shape(shapes: Any, node: Any, rdflib: Any) -> list[Any]:
    """The property shapes of a node shape."""
    sh, properties = rdflib.SH, []
    for predicate, value in shapes.predicate_objects(node):
        if predicate == sh.property:
            properties.append(value)
        elif predicate == sh.closed and str(value) == "false":
            continue
        elif str(predicate) not in (RDF_TYPE, f"{SH}targetClass", *WORDS):
            raise _unknown(node, f"has {predicate}")
    if not list(shapes.objects(node, sh.targetClass)):
        raise _unknown(node, "has no target class")
    return sorted(properties)


def _joined(shapes: Any, properties: list[Any], rdflib: Any) -> list[tuple[Any, dict[Any, Any]]]:
    """(path, constraints): property shapes of one path together, unless two hold different values of a constraint."""
    found: list[tuple[Any, dict[Any, Any]]] = []
    for shape in properties:
        path, pairs = _property_shape(shapes, shape, rdflib)
        for other, joined in found:
            if other == path and all(joined.get(name, value) == value for name, value in pairs.items()):
                joined.update(pairs)
                break
        else:
            found.append((path, pairs))
    return found


def _property_shape(shapes: Any, shape: Any, rdflib: Any) -> tuple[Any, dict[Any, Any]]:
    path, pairs = None, {}
    allowed = {f"{SH}{name}" for name in CONSTRAINTS}
    for predicate, value in shapes.predicate_objects(shape):
        if predicate == rdflib.SH.path and type(value).__name__ == "URIRef" and path is None:
            path = value
        elif str(predicate) in allowed and predicate not in pairs:
            pairs[predicate] = value
        elif str(predicate) not in (RDF_TYPE, *WORDS):
            raise _unknown(shape, f"has {predicate} {value}")
    if path is None:
        raise _unknown(shape, "has no path")
    return path, pairs


def _unknown(shape: Any, what: str) -> MethodError:
    hint = "Take the shapes of DCAT-AP 3.0.1 as published."
    return MethodError(f"the shape {shape} {what}.", where=FILE.name, hint=hint, code="shapes")
