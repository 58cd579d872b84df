"""A record in the forms of others: CycloneDX 1.6, JSON-LD, and sheets to fill in that were not checked.

CycloneDX: one component of type `machine-learning-model` with a model card; what the model card has no place for stands
in properties named `concordat:<part>`. The serial number is UUIDv5 of the record's hash, and there is no timestamp, so
that the same record gives the same bytes. JSON-LD has its context inside: nothing is fetched to read it; terms of
Dublin Core where they say the same, ours (`urn:concordat:algorithm:1#`) elsewhere.

The sheets list what the EU AI Act, Annex VIII, or the filing in China asks for, with what the record has for it. Their
columns were written from memory: every row says `unverified`. They are no filing. Source: exchange.md, section 7.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

from concordat.exchange.algorithms.crosswalk import crosswalk
from concordat.exchange.algorithms.record import AlgorithmRecord, Value, as_text

VOCABULARY = "urn:concordat:algorithm:1#"
SHEETS = ("eu", "cn", "spdx")
DCT = {
    "name.name": "dct:title",
    "description.description": "dct:description",
    "operator.organisation": "dct:publisher",
    "public_page.url": "foaf:page",
    "local.id": "dct:identifier",
    "theme.categories": "dct:subject",
    "legal_basis.text": "dct:conformsTo",
}
# Parts that have a place of their own in the component; the others become properties.
PLACED = frozenset(
    {"name.name", "description.description", "provider.name", "public_page.url", "source_code.url",
     "operation.model_type", "operation.methods", "purpose.goal", "purpose.scope", "purpose.benefit",
     "proportionality.considerations",
     "proportionality.alternatives", "risks.management", "risks.name", "risks.description", "risks.mitigation",
     "data.text", "data.names", "data.descriptions", "data.sources", "performance.metrics",
     "impact_assessments.notes"}
)  # fmt: skip


# --- CycloneDX ------------------------------------------------------------------------------------------------------


def to_cyclonedx(record: AlgorithmRecord) -> dict[str, Any]:
    """The record as a bill of materials with one machine-learning model (CycloneDX 1.6)."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{VOCABULARY}{record.sha256}')}",
        "version": record.version,
        "components": [_component(record)],
    }


def _component(record: AlgorithmRecord) -> dict[str, Any]:
    values = record.values
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": record.id,
        "name": record.name,
        "version": str(record.version),
        "description": as_text(values.get("description.description", "")),
        "supplier": _organisation(values.get("provider.name", "")),
        "externalReferences": list(_links(record)),
        "modelCard": _model_card(record),
        "properties": list(_properties(record)),
    }
    return {key: value for key, value in found.items() if value}


def _organisation(value: Value) -> dict[str, Any]:
    name = as_text(value).strip()
    return {"name": name} if name else {}


def _links(record: AlgorithmRecord) -> Iterator[dict[str, str]]:
    for key, kind in (("source_code.url", "vcs"), ("public_page.url", "website")):
        url = as_text(record.values.get(key, "")).strip()
        if url:
            yield {"type": kind, "url": url}


def _model_card(record: AlgorithmRecord) -> dict[str, Any]:
    values = record.values
    texts = {key: as_text(value).strip() for key, value in values.items()}
    parameters: dict[str, Any] = {
        "task": "\n".join(texts[key] for key in ("purpose.goal", "purpose.scope") if texts.get(key)),
        "architectureFamily": texts.get("operation.model_type", ""),
        "modelArchitecture": texts.get("operation.methods", ""),
        "datasets": list(_datasets(record)),
    }
    considerations: dict[str, Any] = {
        "useCases": [texts[k] for k in ("purpose.goal", "purpose.scope", "purpose.benefit") if texts.get(k)],
        "performanceTradeoffs": [
            texts[k] for k in ("proportionality.considerations", "proportionality.alternatives") if texts.get(k)
        ],
        "technicalLimitations": [texts["risks.management"]] if texts.get("risks.management") else [],
        "ethicalConsiderations": _risk(texts),
        "fairnessAssessments": _assessments(texts),
    }
    metrics = [_metric(item) for item in _items(values.get("performance.metrics"))]
    card: dict[str, Any] = {
        "modelParameters": {key: value for key, value in parameters.items() if value},
        "quantitativeAnalysis": {"performanceMetrics": metrics} if metrics else {},
        "considerations": {key: value for key, value in considerations.items() if value},
    }
    return {key: value for key, value in card.items() if value}


def _risk(texts: dict[str, str]) -> list[dict[str, str]]:
    name = ": ".join(texts[key] for key in ("risks.name", "risks.description") if texts.get(key))
    mitigation = texts.get("risks.mitigation", "")
    if not name and not mitigation:
        return []
    strategy = {"mitigationStrategy": mitigation} if mitigation else {}
    return [{"name": name or "not named", **strategy}]


def _assessments(texts: dict[str, str]) -> list[dict[str, str]]:
    notes = texts.get("impact_assessments.notes", "")
    return [{"harms": notes}] if notes else []


def _items(value: Value | None) -> list[Any]:
    """The items of a value that is a list, or a text as its only one; empty texts are none."""
    return [item for item in ([value] if isinstance(value, str) else value or []) if item]


def _metric(item: Any) -> dict[str, str]:
    """A measure of performance: `type` and `value`, else title and link as they stand; a plain text is its value."""
    if not isinstance(item, dict):
        return {"value": str(item)}
    place = {"type": ("type", "title"), "value": ("value", "link"), "slice": ("slice",)}
    found, left = {}, dict(item)
    for name, keys in place.items():
        key = next((key for key in keys if left.get(key)), "")
        if key:
            found[name] = str(left.pop(key))
    rest = [f"{key}: {value}" for key, value in sorted(left.items()) if value]
    if rest:  # the schema has no place for more, and nothing is left out
        found["value"] = "; ".join([*([found["value"]] if "value" in found else []), *rest])
    return found


def _datasets(record: AlgorithmRecord) -> Iterator[dict[str, Any]]:
    """What the model was made with or reads, one by one: name, description and address by their places in the lists."""
    names, described = (_several(record.values.get(f"data.{key}")) for key in ("names", "descriptions"))
    for place in range(max(len(names), len(described))):
        one = {"name": _at(names, place), "description": _at(described, place)}
        yield {"type": "dataset", **{key: text for key, text in one.items() if text}}
    for item in _items(record.values.get("data.sources")):
        yield {"type": "dataset", **_source(item)}
    text = as_text(record.values.get("data.text", "")).strip()
    if text:
        yield {"type": "dataset", "description": text}


def _source(item: Any) -> dict[str, Any]:
    """A reference to data: its title and address; a plain text is its name."""
    if not isinstance(item, dict):
        return {"name": str(item)}
    known = {"name": item.get("title"), "contents": {"url": item["link"]} if item.get("link") else None}
    rest = [f"{key}: {value}" for key, value in sorted(item.items()) if key not in ("title", "link") and value]
    found = known | {"description": "; ".join(rest)}
    return {key: value for key, value in found.items() if value}


def _several(value: Value | None) -> list[str]:
    return [value] if isinstance(value, str) else [as_text([item]) for item in value or []]


def _at(items: list[str], place: int) -> str:
    return items[place] if place < len(items) else ""


def _properties(record: AlgorithmRecord) -> Iterator[dict[str, str]]:
    for part in crosswalk().parts:
        value = record.values.get(part.key)
        if value and part.key not in PLACED:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield {"name": f"concordat:{part.key}", "value": text}


# --- JSON-LD --------------------------------------------------------------------------------------------------------


def to_jsonld(record: AlgorithmRecord) -> dict[str, Any]:
    """The record as JSON-LD with its context inside."""
    keys = [part.key for part in crosswalk().parts if record.values.get(part.key)]
    context: dict[str, Any] = {
        "dct": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "algorithm": VOCABULARY,
        **({"@language": record.language} if record.language else {}),
        **{_term(key): DCT.get(key, f"algorithm:{_term(key)}") for key in keys},
        "title": "dct:title",
        "link": {"@id": "foaf:page", "@type": "@id"},
    }
    return {
        "@context": context,
        "@id": f"urn:concordat:algorithm:{record.id}:{record.version}",
        "@type": "algorithm:Algorithm",
        **{_term(key): record.values[key] for key in keys},
    }


def _term(key: str) -> str:
    """A part as a term: `provider.name` is `provider_name`."""
    return key.replace(".", "_")


# --- Sheets to fill in ----------------------------------------------------------------------------------------------


def sheet(record: AlgorithmRecord, standard: str) -> str:
    """A sheet of one of `SHEETS` as CSV: what it asks for, what the record has, and that this was not checked.

    Raises:
        InputError: not one of those.
    """
    found = crosswalk().standard(standard, SHEETS)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["standard", "asks_for", "concept", "status", "value", "parts"])
    for concept in crosswalk().concepts:
        if standard not in concept.elsewhere:
            continue
        filled = {part.key: as_text(record.values[part.key]) for part in concept.parts if record.values.get(part.key)}
        value = "\n".join(filled.values())
        row = [found.title, concept.elsewhere[standard], concept.id, found.status, value, " ".join(filled)]
        writer.writerow(row)
    return out.getvalue()
