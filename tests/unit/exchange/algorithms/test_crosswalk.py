"""The crosswalk holds every field of both lists exactly once, and marks what was not checked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from concordat.errors import InputError
from concordat.exchange.algorithms.crosswalk import TYPES, crosswalk

IDS = (
    "name description operator provider contact public_page theme risk_class status dates purpose proportionality"
    " oversight appeal risks legal_basis impact_assessments data data_sharing operation performance frequency"
    " maintenance source_code conformity jurisdictions local"
)


def _rows(shared_data: Path, name: str) -> list[dict[str, str]]:
    with (shared_data / "exchange/algorithm-register" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_concepts_are_those_of_the_specification() -> None:
    assert " ".join(concept.id for concept in crosswalk().concepts) == IDS
    assert {part.type for part in crosswalk().parts} <= set(TYPES)
    keys = [part.key for part in crosswalk().parts]
    assert len(keys) == len(set(keys))


def test_each_dutch_field_stands_once_with_its_limit(shared_data: Path) -> None:
    rows = _rows(shared_data, "nl-publicatiestandaard-1.0-fields.csv")
    listed = [part.fields["nl"] for part in crosswalk().parts if "nl" in part.fields]
    wanted = {row["field"]: (row["required"] == "True", int(row["max_length"] or 0) or None) for row in rows}
    assert len(rows) == len(listed) == 31
    assert {field.name: (field.required, field.most) for field in listed} == wanted
    assert sum(field.required for field in listed) == 8


def test_each_british_attribute_stands_once_with_its_tier(shared_data: Path) -> None:
    rows = _rows(shared_data, "uk-atrs-2022-fields.csv")
    listed = [part.fields["uk"] for part in crosswalk().parts if "uk" in part.fields]
    wanted = {r["attribute"]: (r["multi_value"] == "True", int(r["tier"][-1]), r["ref"]) for r in rows}
    assert len(rows) == len(listed) == 37
    assert {field.name: (field.many, field.tier, field.ref) for field in listed} == wanted


def test_what_stands_elsewhere_is_as_the_reviewed_table_has_it(shared_data: Path) -> None:
    columns = {
        "eu": "eu_ai_act_annex_viii", "cn": "cn_algorithm_filing", "cyclonedx": "cyclonedx_1.6_ml_bom",
        "spdx": "spdx_3.0_ai",
    }  # fmt: skip
    rows = _rows(shared_data, "crosswalk.csv")
    for concept, row in zip(crosswalk().concepts, rows, strict=True):
        assert concept.elsewhere == {name: row[column] for name, column in columns.items() if row[column]}


def test_the_columns_from_memory_are_marked() -> None:
    statuses = {name: standard.status for name, standard in crosswalk().standards.items()}
    assert {name for name, status in statuses.items() if status == "unverified"} == {"eu", "cn", "spdx"}


def test_placed_by_the_specification() -> None:
    """The four fields that no concept named (exchange.md, section 7)."""
    walk = crosswalk()
    assert walk.part_of("nl", "url").key == "local.source_url"
    assert walk.part_of("nl", "process_index_url").key == "data_sharing.processing_register"
    assert walk.part_of("nl", "tags").key == "theme.tags"
    assert walk.part_of("nl", "publication_dt").key == "local.published_on"


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "provider"'):
        crosswalk().part_of("nl", "provdier")
    with pytest.raises(InputError, match=r'Did you mean "provider\.name"'):
        crosswalk().part("provider.nam")
    with pytest.raises(InputError, match='"eu" is not a standard that can be used here'):
        crosswalk().standard("eu", ("nl", "uk"))
