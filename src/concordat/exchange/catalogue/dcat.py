"""How a catalogue looks as DCAT-AP 3.0.1, in JSON-LD, Turtle or RDF/XML; and what a DCAT catalogue of others offers.

    catalog_jsonld(catalog), catalog_turtle(catalog), catalog_xml(catalog)
    parse_dcat(data, "turtle").datasets

The shapes of DCAT-AP test classes, so every node that we point at carries its type (`dct:RightsStatement`,
`dct:Standard`, `dct:LicenseDocument`, `dct:MediaTypeOrExtent`, `prov:Activity`, `spdx:ChecksumAlgorithm`). What is an
address is printed as one; what is only a word (`CC-BY-4.0`, `pt`) is a blank node of that class with a label, so that
reading gives the word back. Printing needs the standard library alone; reading needs the extra [exchange].

Source: DCAT-AP 3.0.1 (SEMIC, (c) European Union, CC BY 4.0), DCAT 3 (W3C, 2024). Not read: catalogue records, series,
contact points (persons' names and addresses are left where they are).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from concordat.errors import InputError
from concordat.exchange.catalogue import _rdf
from concordat.exchange.catalogue._rdf import Literal, Resource
from concordat.exchange.catalogue.model import (
    ACCESS_IRIS,
    ACCESS_RIGHTS,
    Catalog,
    Dataset,
    Distribution,
    Found,
    Service,
    is_iri,
)

MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
PROOF = "https://c2sp.org/tlog-proof"
MEMBER = "urn:concordat:member:"

_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_MEDIA = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")
_DATES = (
    (re.compile(r"[0-9]{4}"), "xsd:gYear"),
    (re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"), "xsd:gYearMonth"),
    (re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"), "xsd:date"),
    (
        re.compile(
            r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
            r"(\.[0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
        ),
        "xsd:dateTime",
    ),
)
ODRL_LINKS = ("constraint", "duty", "obligation", "permission", "prohibition", "and", "andSequence", "or", "xone")
ODRL_IRIS = ("action", "assignee", "assigner", "leftOperand", "operator", "profile", "target")
ODRL = _rdf.PREFIXES["odrl"]

Pairs = list[tuple[str, Literal | Resource]]


# --- Printing -----------------------------------------------------------------------------------------------------


def catalog_jsonld(catalog: Catalog) -> bytes:
    """The catalogue as JSON-LD."""
    return _rdf.jsonld([tree(catalog)])


def catalog_turtle(catalog: Catalog) -> bytes:
    """The catalogue as Turtle."""
    return _rdf.turtle([tree(catalog)]).encode()


def catalog_xml(catalog: Catalog) -> bytes:
    """The catalogue as RDF/XML.

    Raises:
        InputError: a text with a character that XML can't hold.
    """
    return _rdf.rdf_xml([tree(catalog)])


def tree(catalog: Catalog) -> Resource:
    """The catalogue as a tree of resources."""
    pairs = _texts("dct:title", catalog.title) + _texts("dct:description", catalog.description)
    pairs += [("dct:publisher", _agent(catalog.publisher))]
    pairs += _link("dct:license", catalog.license, "dct:LicenseDocument")
    pairs += _date("dct:issued", catalog.issued) + _date("dct:modified", catalog.modified)
    pairs += [("dcat:service", _service(service)) for service in catalog.services]
    pairs += [("dcat:dataset", _dataset(dataset)) for dataset in catalog.datasets]
    return Resource(catalog.id, ("dcat:Catalog",), tuple(pairs))


def _service(service: Service) -> Resource:
    pairs = _texts("dct:title", service.title) + _texts("dct:description", service.description)
    pairs += [("dcat:endpointURL", Resource(service.endpoint_url))]
    return Resource(service.id, ("dcat:DataService",), tuple(pairs))


def _dataset(dataset: Dataset) -> Resource:
    pairs = _texts("dct:title", dataset.title) + _texts("dct:description", dataset.description)
    if dataset.identifier:
        pairs.append(("dct:identifier", Literal(dataset.identifier)))
    if dataset.publisher:
        pairs.append(("dct:publisher", _agent(dataset.publisher)))
    pairs += _access(dataset.access)
    pairs += [("dcat:keyword", Literal(word, language)) for language, word in dataset.keywords]
    for theme in dataset.themes:
        pairs += _link("dcat:theme", theme, "skos:Concept", "skos:prefLabel", labelled=True)
    pairs += _license(dataset)
    pairs += _date("dct:issued", dataset.issued) + _date("dct:modified", dataset.modified)
    for language in dataset.languages:
        pairs += _link("dct:language", language, "dct:LinguisticSystem")
    pairs += _link("dct:accrualPeriodicity", dataset.frequency, "dct:Frequency")
    for place in dataset.spatial:
        pairs += _link("dct:spatial", place, "dct:Location")
    pairs += _period(dataset.temporal)
    for standard in dataset.conforms_to:
        pairs += _link("dct:conformsTo", standard, "dct:Standard")
    pairs += _link("dcat:landingPage", dataset.landing_page, "foaf:Document")
    if dataset.version:
        pairs.append(("dcat:version", Literal(dataset.version)))
    for activity in dataset.generated_by:
        pairs += _link("prov:wasGeneratedBy", activity, "prov:Activity")
    pairs += [("dcat:qualifiedRelation", _relation(*found)) for found in dataset.relations]
    pairs += [("odrl:hasPolicy", _policy(policy)) for policy in dataset.policies]
    pairs += [("dcat:distribution", _distribution(found)) for found in dataset.distributions]
    if dataset.proof:
        pairs.append(("dcat:distribution", _proof(dataset.proof)))
    return Resource(dataset.id, ("dcat:Dataset",), tuple(pairs))


def _distribution(found: Distribution) -> Resource:
    pairs = _texts("dct:title", found.title) + _texts("dct:description", found.description)
    pairs += _link("dcat:accessURL", found.access_url, "") + _link("dcat:downloadURL", found.download_url, "")
    if found.id and not _is_node(found.id):
        pairs.append(("dct:identifier", Literal(found.id)))
    pairs += _link("dct:format", found.format, "dct:MediaTypeOrExtent")
    if found.media_type:
        known = _MEDIA.fullmatch(found.media_type)
        pairs += _link("dcat:mediaType", (MEDIA_TYPES if known else "") + found.media_type, "dct:MediaType")
    pairs += _link("dct:license", found.license, "dct:LicenseDocument")
    if found.bytes is not None:
        pairs.append(("dcat:byteSize", Literal(str(found.bytes), datatype="xsd:nonNegativeInteger")))
    if found.sha256:
        pairs.append(("spdx:checksum", _checksum(found.sha256)))
    pairs += _date("dct:issued", found.issued) + _date("dct:modified", found.modified)
    if found.service:
        pairs.append(("dcat:accessService", Resource(found.service)))
    return Resource(found.id if _is_node(found.id) else "", ("dcat:Distribution",), tuple(pairs))


def _proof(address: str) -> Resource:
    pairs: Pairs = [("dct:title", Literal("Proof that this was offered", "en"))]
    pairs += _link("dcat:accessURL", address, "") + _link("dct:format", "tlog-proof", "dct:MediaTypeOrExtent")
    pairs += _link("dct:conformsTo", PROOF, "dct:Standard")
    return Resource("", ("dcat:Distribution",), tuple(pairs))


def _checksum(digest: str) -> Resource:
    algorithm = Resource(SHA256, ("spdx:ChecksumAlgorithm",))
    value = Literal(digest, datatype="xsd:hexBinary")
    return Resource("", ("spdx:Checksum",), (("spdx:algorithm", algorithm), ("spdx:checksumValue", value)))


def _agent(name: str) -> Resource:
    known = _MEMBER.fullmatch(name)
    return Resource(MEMBER + name if known else "", ("foaf:Agent",), (("foaf:name", Literal(name)),))


def _texts(name: str, texts: Mapping[str, str]) -> Pairs:
    return [(name, Literal(text, language)) for language, text in sorted(texts.items())]


def _link(name: str, value: str, kind: str, label: str = "rdfs:label", *, labelled: bool = False) -> Pairs:
    """A node of a class: an address as such, any other text as a blank node with a label."""
    if not value:
        return []
    types = (kind,) if kind else ()
    if _is_node(value):
        return [(name, Resource(value, types, ((label, Literal(value)),) if labelled else ()))]
    return [(name, Resource("", types, ((label, Literal(value)),)))]


def _license(dataset: Dataset) -> Pairs:
    pairs = _link("dct:license", dataset.license, "dct:LicenseDocument")
    if not (dataset.license_id and _is_node(dataset.license)):
        return pairs
    named = (("dct:identifier", Literal(dataset.license_id)),)
    return [("dct:license", Resource(dataset.license, ("dct:LicenseDocument",), named))]


def _is_node(value: str) -> bool:
    """Whether a text is printed as an address: `dct:title` is not, since JSON-LD takes it for a prefixed name."""
    return is_iri(value) and value.partition(":")[0] not in _rdf.PREFIXES


def _access(access: str) -> Pairs:
    iri = ACCESS_RIGHTS + ACCESS_IRIS[access] if access in ACCESS_IRIS else access
    return _link("dct:accessRights", iri, "dct:RightsStatement")


def date_type(text: str) -> str:
    """The datatype of a date as it is written; empty if it is none that XML Schema knows."""
    return next((kind for pattern, kind in _DATES if pattern.fullmatch(text)), "")


def _date(name: str, text: str) -> Pairs:
    return [(name, Literal(text, datatype=date_type(text)))] if text else []


def _period(temporal: tuple[str, str]) -> Pairs:
    pairs = _date("dcat:startDate", temporal[0]) + _date("dcat:endDate", temporal[1])
    return [("dct:temporal", Resource("", ("dct:PeriodOfTime",), tuple(pairs)))] if pairs else []


def _relation(address: str, role: str) -> Resource:
    pairs = _link("dct:relation", address, "")
    pairs += _link("dcat:hadRole", role or "related", "dcat:Role")
    return Resource("", ("dcat:Relationship",), tuple(pairs))


def _policy(policy: Mapping[str, Any]) -> Resource:
    """An ODRL policy as a node: a policy of the Dataspace Protocol in RDF.

    Raises:
        InputError: a key that ODRL's core doesn't have.
    """
    made = _odrl(policy)
    return Resource(made.id, ("odrl:Offer", "odrl:Policy"), made.properties)


def _odrl(rule: Mapping[str, Any]) -> Resource:
    pairs: Pairs = []
    for key, value in sorted(rule.items()):
        if key in ("@id", "@type"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if key in ODRL_LINKS and isinstance(one, Mapping):
                pairs.append((f"odrl:{key}", _odrl(one)))
            elif key in ODRL_IRIS and isinstance(one, str) and one:
                pairs.append((f"odrl:{key}", Resource(one if _is_node(one) else ODRL + one)))
            elif key == "rightOperand" and isinstance(one, str):
                pairs.append(("odrl:rightOperand", Literal(one)))
            else:
                what = f'"{key[:40]}" of a policy can\'t be printed as RDF.'
                raise InputError(what, where="policy", hint="Take the Dataspace Protocol's form.", code="policy")
    return Resource(str(rule.get("@id", "")), (), tuple(pairs))


# --- Reading ------------------------------------------------------------------------------------------------------


def parse_dcat(data: bytes, form: str = "", where: str = "catalogue") -> Found:
    """The datasets of a DCAT catalogue.

    Args:
        data: at most 20 MB and 200,000 triples. form: `json-ld`, `turtle` or `xml`; by default told by the bytes.

    Raises:
        InputError: not of that form, over a bound, a remote context, a DOCTYPE. MethodError: without the extra.
    """
    from concordat.exchange.catalogue._dcat_read import datasets_of
    from concordat.exchange.catalogue.shacl import read_graph

    return datasets_of(read_graph(data, form, where))
