"""CycloneDX exports, judged by cyclonedx-python-lib: the published schema 1.6, and its own reading of the component."""

from __future__ import annotations

import json
from typing import Any

import pytest

from concordat.exchange.algorithms.export import to_cyclonedx
from concordat.exchange.algorithms.record import AlgorithmRecord

pytest.importorskip("cyclonedx", reason="needs the extra [oracles]")

WHOLE_UK: dict[str, Any] = {
    "name": "Sorter", "description": "Sorts letters", "website": "https://post.example/sorter",
    "contact_email": "algorithms@post.example", "organisation": "Post", "team": "Letters",
    "senior_responsible_owner": "Director of letters", "external_supplier": ["Acme", "Beta"],
    "external_supplier_identifier": ["123"], "external_supplier_role": ["builder"], "data_access_terms": "read only",
    "scope": "all letters", "benefit": "faster", "alternatives_considered": "by hand", "model_type": "decision tree",
    "frequency_usage": "daily", "phase": "live", "maintenance": "yearly", "system_architecture": "https://post.example/a",
    "process_integration": "a person checks", "provided_information": "the score", "human_decisions": "all refusals",
    "required_training": "two days", "appeals_and_review": "by letter", "source_data_name": ["addresses", "codes"],
    "source_data_description": ["of homes"], "source_data_url": ["https://post.example/d"],
    "data_collection": "by forms", "data_sharing_agreements": "none yet", "data_access_and_storage": "ten years",
    "impact_assessment_name": "DPIA", "impact_assessment_description": "of privacy",
    "impact_assessment_date": "2024-01", "impact_assessment_link": "https://post.example/dpia",
    "risk_name": "loss", "risk_description": "of letters", "risk_mitigation": "copies",
}  # fmt: skip
WHOLE_NL: dict[str, Any] = {
    "name": "Planner", "description_short": "Plans", "organization": "City", "category": ["Transport", "Roads"],
    "status": "In gebruik", "begin_date": "2024-03", "end_date": "2026-01", "contact_email": "a@city.example",
    "website": "https://city.example", "publication_category": "Overige", "url": "https://city.example/r",
    "goal": "fewer kilometres", "proportionality": "weighed", "human_intervention": "a person", "risks": "managed",
    "lawful_basis": "law", "lawful_basis_grouping": [{"title": "Law", "link": "https://law.example"}],
    "process_index_url": "https://city.example/p", "impacttoetsen_grouping": [{"title": "DPIA", "link": ""}],
    "impacttoetsen": "done", "source_data": "maps", "source_data_grouping": [{"title": "Map", "link": "https://m.example"}],
    "methods_and_models": "shortest path", "provider": "Acme", "publiccode": "https://git.example/planner.git",
    "lang": "NLD", "standard_version": "1.0", "source_id": "14", "tags": "roads", "lars": "014",
    "publication_dt": "2024-03-01",
}  # fmt: skip
METRICS = {
    "name.name": "M",
    "performance.metrics": [{"type": "accuracy", "value": "0.91"}],
    "conformity.certificate": "x",
}
PLAIN = {"name.name": "P", "performance.metrics": "0.9", "data.sources": ["maps", {"link": "https://m.example"}]}
RECORDS = {
    "nl": AlgorithmRecord.from_nl(WHOLE_NL, id="planner"),
    "uk": AlgorithmRecord.from_uk(WHOLE_UK, id="sorter"),
    "core": AlgorithmRecord("m", METRICS, version=3),
    "empty": AlgorithmRecord("empty", {}),
    "plain": AlgorithmRecord("p", PLAIN),
}


def test_the_examples_fill_both_lists() -> None:
    from concordat.exchange.algorithms.crosswalk import crosswalk

    assert set(WHOLE_NL) == set(crosswalk().fields("nl"))
    assert set(WHOLE_UK) == set(crosswalk().fields("uk"))


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_an_export_is_valid_against_the_schema(name: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(to_cyclonedx(RECORDS[name]))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_validator_refuses_what_is_wrong() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    wrong = to_cyclonedx(RECORDS["nl"])
    wrong["components"][0]["modelCard"]["modelParameters"]["datasets"][0]["kind"] = "x"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None


@pytest.mark.parametrize("name", ["nl", "uk"])
def test_another_reader_finds_the_same_component(name: str) -> None:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import ComponentType

    value = to_cyclonedx(RECORDS[name])
    for component in value["components"]:  # the library has no classes for model cards
        component.pop("modelCard", None)
    (found,) = Bom.from_json(value).components  # type: ignore[attr-defined]
    assert found.type is ComponentType.MACHINE_LEARNING_MODEL
    assert (found.name, found.version) == (RECORDS[name].name, "1")
    assert {p.name for p in found.properties} == {p["name"] for p in value["components"][0]["properties"]}
