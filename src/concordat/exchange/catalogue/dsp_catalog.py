"""How a catalogue looks to another node: the `Catalog` and `Dataset` messages of the Dataspace Protocol, both ways.

    dsp_catalog(catalog)                             # the answer to POST /catalog/request
    dsp_dataset(dataset)                             # the answer to GET /catalog/datasets/{id}
    parse_dsp_catalog(value).datasets                # what another node answered

Each dataset has at least one offer and one distribution; an offer in a catalogue has no target; without datasets the
key `dataset` is left out (the schema asks for at least one). What people read (title, description, size, checksum) is
added with the prefixes of the protocol's own context. The entry that offered the dataset, and its proof, go along, so
that the other side can verify both; the label is kept with the record as it was sent. Source: Dataspace Protocol
2025-1, catalog protocol; exchange.md 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concordat.exchange.catalogue.model import (
    ACCESS_IRIS,
    ACCESS_RIGHTS,
    Catalog,
    Dataset,
    Distribution,
    Failure,
    Found,
    Service,
    Text,
    is_sha256,
)

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
FORMATS = ("Concordat-HTTP-PULL", "HttpData-PULL", "Concordat-HTTP-PUSH")
CHECKSUM = "http://spdx.org/rdf/terms#checksumValue"
PROOF = "urn:concordat:proof"
LABEL = "urn:concordat:tlp"


def dsp_catalog(catalog: Catalog) -> dict[str, Any]:
    """The `Catalog` message."""
    value: dict[str, Any] = {
        "@context": [CONTEXT], "@id": catalog.id, "@type": "Catalog", "participantId": catalog.participant,
        "dct:title": _texts(catalog.title), "dct:description": _texts(catalog.description),
        "dct:publisher": catalog.publisher,
    }  # fmt: skip
    if catalog.services:
        value["service"] = [_service(service) for service in catalog.services]
    if catalog.datasets:
        value["dataset"] = [_dataset(dataset) for dataset in catalog.datasets]
    return value


def dsp_dataset(dataset: Dataset) -> dict[str, Any]:
    """The `Dataset` message."""
    return {"@context": [CONTEXT], **_dataset(dataset)}


def _service(service: Service) -> dict[str, Any]:
    value = {"@id": service.id, "@type": "DataService", "endpointURL": service.endpoint_url}
    return value | ({"dct:title": _texts(service.title)} if service.title else {})


def _dataset(dataset: Dataset) -> dict[str, Any]:
    assert dataset.policies, dataset.id  # check_profile has seen to both
    assert dataset.distributions, dataset.id
    value: dict[str, Any] = {
        "@id": dataset.id, "@type": "Dataset", "dct:title": _texts(dataset.title),
        "dct:description": _texts(dataset.description), "dct:identifier": dataset.identifier,
        "dct:publisher": dataset.publisher, "dcat:version": dataset.version,
    }  # fmt: skip
    if dataset.access in ACCESS_IRIS:
        value["dct:accessRights"] = {"@id": ACCESS_RIGHTS + ACCESS_IRIS[dataset.access]}
    if dataset.conforms_to:
        value["dct:conformsTo"] = [{"@id": standard} for standard in dataset.conforms_to]
    if dataset.proof:
        value[PROOF] = {"@id": dataset.proof}
    value["hasPolicy"] = [{k: v for k, v in policy.items() if k != "target"} for policy in dataset.policies]
    value["distribution"] = [_part(part, name) for part in dataset.distributions for name in FORMATS]
    return value


def _part(part: Distribution, name: str) -> dict[str, Any]:
    """One way to get one file: the protocol's format names the way, the media type the file."""
    value: dict[str, Any] = {
        "@type": "Distribution", "accessService": part.service, "format": name, "dct:title": _texts(part.title),
        "dcat:mediaType": part.media_type or part.format, "dct:license": part.license,
    }  # fmt: skip
    if part.bytes is not None:
        value["dcat:byteSize"] = part.bytes
    if part.sha256:
        value[CHECKSUM] = part.sha256
    return value


def _texts(texts: Text) -> list[dict[str, str]]:
    return [{"@value": text, **({"@language": k} if k else {})} for k, text in sorted(texts.items())]


# --- Reading ------------------------------------------------------------------------------------------------------


def parse_dsp_catalog(value: Mapping[str, Any]) -> Found:
    """The datasets of a `Catalog` message whose schema was checked (`dataspace.schemas`), nested ones included."""
    found, failed = [], []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        waiting += [inner for inner in one.get("catalog") or [] if isinstance(inner, Mapping)]
        for row in one.get("dataset") or []:
            if isinstance(row, Mapping) and isinstance(row.get("@id"), str):
                found.append(_read(row))
            else:
                failed.append(Failure("?", "a dataset without an @id.", False))
    return Found(tuple(sorted(found, key=lambda d: d.id)), tuple(failed))


def _read(row: Mapping[str, Any]) -> Dataset:
    words = {f"{ACCESS_RIGHTS}{name}": word for word, name in ACCESS_IRIS.items()}
    access = _id(row.get("dct:accessRights"))
    parts: dict[tuple[str, str], Distribution] = {}
    for one in row.get("distribution") or []:
        if isinstance(one, Mapping):
            part = _read_part(one)
            parts.setdefault((part.sha256, "".join(part.title.values())), part)
    return Dataset(
        id=str(row["@id"]), identifier=_text(row.get("dct:identifier")), title=_read_texts(row.get("dct:title")),
        description=_read_texts(row.get("dct:description")), publisher=_text(row.get("dct:publisher")),
        access=words.get(access, access), version=_text(row.get("dcat:version")),
        conforms_to=tuple(sorted(filter(None, map(_id, _list(row.get("dct:conformsTo")))))),
        policies=tuple(p for p in row.get("hasPolicy") or [] if isinstance(p, Mapping)),
        distributions=tuple(parts.values()), proof=_id(row.get(PROOF)),
        source_record={LABEL: row[LABEL]} if LABEL in row else None,
    )  # fmt: skip


def _read_part(row: Mapping[str, Any]) -> Distribution:
    service = row.get("accessService")
    size, digest, media = row.get("dcat:byteSize"), _text(row.get(CHECKSUM)), _text(row.get("dcat:mediaType"))
    return Distribution(
        title=_read_texts(row.get("dct:title")), format=media or _text(row.get("format")), media_type=media,
        license=_text(row.get("dct:license")), service=_id(service) or _text(service),
        bytes=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        sha256=digest if is_sha256(digest) else "",
    )  # fmt: skip


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any) -> str:
    return _text(value.get("@id")) if isinstance(value, Mapping) else ""


def _read_texts(value: Any) -> Text:
    found: dict[str, str] = {}
    for one in _list(value):
        if isinstance(one, Mapping) and isinstance(one.get("@value"), str):
            found.setdefault(_text(one.get("@language")), one["@value"])
        elif isinstance(one, str):
            found.setdefault("", one)
    return found
