"""Datasets out of the nodes of an RDF graph: the way back from what `dcat` prints, and from what others print.

A dataset is any node of class `dcat:Dataset`. One without an id that lasts (a blank node) or without a title is listed
as failed, with the reason. Of classes such as `dct:LicenseDocument` the address is taken, or the label of a blank node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from concordat import canonical
from concordat.exchange.catalogue._rdf import Literal, whole
from concordat.exchange.catalogue.dcat import MEDIA_TYPES, MEMBER, ODRL, ODRL_IRIS, ODRL_LINKS, PROOF, SHA256
from concordat.exchange.catalogue.model import (
    ACCESS_IRIS,
    ACCESS_RIGHTS,
    Dataset,
    Distribution,
    Failure,
    Found,
    is_sha256,
)

_LABELS = tuple(whole(name) for name in ("skos:prefLabel", "rdfs:label", "dct:title", "foaf:name", "dct:identifier"))
_WORDS = {f"{ACCESS_RIGHTS}{name}": word for word, name in ACCESS_IRIS.items()}
POLICY_DEPTH_MAX = 16

Nodes = Mapping[str, Mapping[str, tuple["str | Literal", ...]]]


def datasets_of(nodes: Nodes) -> Found:
    """The datasets, in order of their ids."""
    reader = _Reader(nodes)
    found, failed = [], []
    for node in reader.of_type("dcat:Dataset"):
        title = reader.texts(node, "dct:title")
        if node.startswith("_:"):
            failed.append(
                Failure(next(iter(title.values()), "?")[:120], "the dataset has no address of its own.", False)
            )
        elif not title:
            failed.append(Failure(node, "the dataset has no title."))
        else:
            found.append(reader.dataset(node, title))
    return Found(tuple(found), tuple(sorted(failed, key=lambda f: (f.key, f.reason))))


class _Reader:
    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def of_type(self, kind: str) -> list[str]:
        iri, rdf_type = whole(kind), whole("rdf:type")
        return [node for node, found in self.nodes.items() if iri in found.get(rdf_type, ())]

    def values(self, node: str, name: str) -> tuple[str | Literal, ...]:
        return self.nodes.get(node, {}).get(whole(name), ())

    def children(self, node: str, name: str) -> list[str]:
        return [value for value in self.values(node, name) if isinstance(value, str)]

    def texts(self, node: str, name: str) -> dict[str, str]:
        """By language; of two texts in one language the first."""
        found: dict[str, str] = {}
        for value in self.values(node, name):
            if isinstance(value, Literal):
                found.setdefault(value.language, value.text)
        return found

    def label(self, value: str | Literal) -> str:
        """The address, the label of a blank node, or the text itself."""
        if isinstance(value, Literal):
            return value.text
        if not value.startswith("_:"):
            return value
        for name in _LABELS:
            for found in self.nodes.get(value, {}).get(name, ()):
                if isinstance(found, Literal):
                    return found.text
        return ""

    def many(self, node: str, name: str) -> tuple[str, ...]:
        return tuple(sorted({self.label(value) for value in self.values(node, name)} - {""}))

    def one(self, node: str, name: str) -> str:
        return next(iter(self.many(node, name)), "")

    # --- Classes ------------------------------------------------------------------------------------------------------

    def dataset(self, node: str, title: dict[str, str]) -> Dataset:
        access = self.one(node, "dct:accessRights")
        parts = sorted(self._distributions(node), key=lambda d: (d.id, d.access_url, sorted(d.title.items())))
        temporal = next((self._period(p) for p in self.children(node, "dct:temporal")), ("", ""))
        return Dataset(
            id=node, identifier=self.one(node, "dct:identifier"), title=title,
            description=self.texts(node, "dct:description"), publisher=self._agent(node),
            keywords=tuple(sorted({(v.language, v.text) for v in self.values(node, "dcat:keyword")
                                   if isinstance(v, Literal)})),
            themes=self.many(node, "dcat:theme"), license=self.one(node, "dct:license"),
            license_id=self._license_id(node), access=_WORDS.get(access, access), issued=self.one(node, "dct:issued"),
            modified=self.one(node, "dct:modified"), languages=self.many(node, "dct:language"),
            frequency=self.one(node, "dct:accrualPeriodicity"), spatial=self.many(node, "dct:spatial"),
            temporal=temporal, conforms_to=self.many(node, "dct:conformsTo"),
            landing_page=self.one(node, "dcat:landingPage"), version=self.one(node, "dcat:version"),
            generated_by=self.many(node, "prov:wasGeneratedBy"), relations=tuple(sorted(self._relations(node))),
            policies=tuple(self._policies(node)), distributions=tuple(parts), proof=self._proof(node),
        )  # fmt: skip

    def _agent(self, node: str) -> str:
        for agent in self.values(node, "dct:publisher"):
            if isinstance(agent, Literal):
                return agent.text
            name = next(iter(self.texts(agent, "foaf:name").values()), "")
            return name or self.label(agent).removeprefix(MEMBER)
        return ""

    def _license_id(self, node: str) -> str:
        named = [c for c in self.children(node, "dct:license") if not c.startswith("_:")]
        return self.one(named[0], "dct:identifier") if named else ""

    def _is_proof(self, node: str) -> bool:
        return PROOF in self.values(node, "dct:conformsTo")

    def _proof(self, node: str) -> str:
        proofs = [d for d in self.children(node, "dcat:distribution") if self._is_proof(d)]
        return self.one(proofs[0], "dcat:accessURL") if proofs else ""

    def _distributions(self, node: str) -> Iterator[Distribution]:
        for child in self.children(node, "dcat:distribution"):
            if self._is_proof(child):
                continue
            size = self.one(child, "dcat:byteSize")
            yield Distribution(
                access_url=self.one(child, "dcat:accessURL"), download_url=self.one(child, "dcat:downloadURL"),
                title=self.texts(child, "dct:title"), description=self.texts(child, "dct:description"),
                format=self.one(child, "dct:format"),
                media_type=self.one(child, "dcat:mediaType").removeprefix(MEDIA_TYPES),
                license=self.one(child, "dct:license"),
                bytes=int(size) if size.isdecimal() and len(size) < 16 else None,
                sha256=self._sha256(child), service=self.one(child, "dcat:accessService"),
                issued=self.one(child, "dct:issued"), modified=self.one(child, "dct:modified"),
                id=self.one(child, "dct:identifier") if child.startswith("_:") else child,
            )  # fmt: skip

    def _sha256(self, node: str) -> str:
        for checksum in self.children(node, "spdx:checksum"):
            value = self.one(checksum, "spdx:checksumValue").lower()
            if SHA256 in self.values(checksum, "spdx:algorithm") and is_sha256(value):
                return value
        return ""

    def _period(self, node: str) -> tuple[str, str]:
        return self.one(node, "dcat:startDate"), self.one(node, "dcat:endDate")

    def _relations(self, node: str) -> Iterator[tuple[str, str]]:
        for child in self.children(node, "dcat:qualifiedRelation"):
            role = self.one(child, "dcat:hadRole")
            yield self.one(child, "dct:relation"), "" if role == "related" else role

    def _policies(self, node: str) -> Iterator[dict[str, Any]]:
        for child in self.children(node, "odrl:hasPolicy"):
            rules = self._rule(child, 0)
            if rules:
                yield {"@type": "Offer", **({} if child.startswith("_:") else {"@id": child}), **rules}

    def _rule(self, node: str, depth: int) -> dict[str, Any]:
        if depth > POLICY_DEPTH_MAX:
            return {}
        rule: dict[str, Any] = {}
        for name in (*ODRL_LINKS, *ODRL_IRIS, "rightOperand"):
            values = self.values(node, f"odrl:{name}")
            if not values:
                continue
            if name in ODRL_LINKS:
                rules = [self._rule(v, depth + 1) for v in values if isinstance(v, str)]
                rule[name] = sorted(rules, key=canonical.dumps)  # RDF keeps no order
            elif name == "rightOperand":
                texts = sorted(self.label(value) for value in values)
                many = any(o in ("isAnyOf", "isNoneOf") for o in self._operators(node))
                rule[name] = texts if many else texts[0]
            else:
                rule[name] = self.label(values[0]).removeprefix(ODRL)
        return rule

    def _operators(self, node: str) -> list[str]:
        return [self.label(value).removeprefix(ODRL) for value in self.values(node, "odrl:operator")]
