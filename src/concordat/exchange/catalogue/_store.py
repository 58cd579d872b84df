"""The triples of one graph in memory, within a bound. Imported only where rdflib is installed.

rdflib's own stores keep three indexes and, for each triple, the graphs that it is in. For a graph that is filled once
and then asked for the objects of a subject or the subjects of an object, two indexes are enough, and half of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdflib import XSD, Literal
from rdflib.store import Store

from concordat.errors import InputError

Triple = tuple[Any, Any, Any]
XSD_STRING = XSD.string


class BoundedStore(Store):
    """Triples of one graph: added, counted and found, never removed."""

    # pyshacl takes only stores that could hold several graphs; it puts one in it.
    context_aware = graph_aware = True

    def __init__(self, triples_max: int, where: str) -> None:
        super().__init__()
        self._max, self._where, self._held = triples_max, where, 0
        self._objects: dict[Any, dict[Any, dict[Any, None]]] = {}
        self._subjects: dict[Any, dict[Any, list[Any]]] = {}

    def add(self, triple: Triple, context: Any, quoted: bool = False) -> None:  # noqa: ARG002 - rdflib's signature
        """Keep a triple, once; `"a"` and `"a"^^xsd:string` are one term (RDF 1.1, section 3.3), which rdflib parts.

        Raises:
            InputError: one more than the bound.
        """
        subject, predicate, value = triple
        if isinstance(value, Literal) and value.datatype == XSD_STRING:
            value = Literal(str(value))
        objects = self._objects.setdefault(subject, {}).setdefault(predicate, {})
        if value in objects:
            return
        if self._held >= self._max:
            raise InputError(f"over {self._max:,} triples.", where=self._where, hint="Split it.", code="too_large")
        self._held += 1
        objects[value] = None
        self._subjects.setdefault(predicate, {}).setdefault(value, []).append(subject)

    def remove(self, triple: Any, context: Any = None) -> None:
        """Refused: what was read is not changed."""
        raise NotImplementedError("triples are never removed")

    def __len__(self, context: Any = None) -> int:
        return self._held

    def triples(self, triple_pattern: Any, context: Any = None) -> Iterator[tuple[Triple, Iterator[Any]]]:  # noqa: ARG002
        """Every triple of a pattern, in which None stands for anything."""
        for triple in self._found(*triple_pattern):
            yield triple, iter(())

    def _found(self, subject: Any, predicate: Any, value: Any) -> Iterator[Triple]:
        if subject is None and predicate is not None:
            held = self._subjects.get(predicate, {})
            for one in held if value is None else (value,):
                for place in held.get(one, ()):
                    yield place, predicate, one
            return
        for place in self._objects if subject is None else (subject,):
            said = self._objects.get(place, {})
            for name in said if predicate is None else (predicate,):
                objects = said.get(name, {})
                for one in objects if value is None else (value,):
                    if one in objects:
                        yield place, name, one
