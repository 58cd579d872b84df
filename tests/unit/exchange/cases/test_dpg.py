"""The registry of Digital Public Goods comes in by whitelist; what can't is told by row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, SourceError
from concordat.exchange.cases.dpg import import_dpg
from concordat.exchange.cases.sectors import label_codes, labels_without_code
from concordat.exchange.inclusion.codelists import codes

ROW: dict[str, Any] = {
    "slug": "masts", "name": "Masts", "aliases": ["", "Mastery"], "description": "Shares masts among operators.",
    "type": ["software"], "stage": "DPG", "website": "https://masts.example/",
    "license": [{"spdx": "MIT", "licenseURL": "https://masts.example/l"}, {"spdx": "CC-BY-4.0", "licenseURL": ""}],
    "SDGs": [{"SDGNumber": 9, "evidenceText": "It connects.", "evidenceURL": "https://masts.example/9"},
             {"SDGNumber": 4, "evidenceText": "Schools as well."}],
    "sectors": ["Health", "Big Data"],
    "organizations": [{"name": "Masts Org", "org_type": "owner", "website": "", "contact_name": "Ana Boa",
                       "contact_email": "ana@masts.example"}],
    "repositories": [{"name": "main", "url": ""}, {"name": "core", "url": "https://git.example/masts.git"}],
    "screening": {"locations": {"developmentCountries": ["Brazil"],
                                "deploymentCountries": ["Palestine State", "Atlantis", ""]},
                  "documentation": {"documentationURL": ["mail ana@masts.example"]}},
}  # fmt: skip


def _lines(*rows: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_what_is_kept_of_a_row_and_what_is_not() -> None:
    (case,) = import_dpg(_lines(ROW)).cases
    assert case.id == "dpg-masts"
    assert case.aliases == ["Mastery"]
    assert case.reuse.licence == "MIT AND CC-BY-4.0"
    assert case.reuse.repository == "https://git.example/masts.git"
    assert (case.facets.dpg, case.facets.dac, case.facets.sdgs) == (["Health", "Big Data"], ["121"], [4, 9])
    assert (case.countries.made, case.countries.used) == (["BRA"], ["PSE"])
    assert [(claim.sdg, claim.grade) for claim in case.claims] == [(9, 1), (4, 0)]
    assert [o.model_dump() for o in case.organisations] == [{"name": "Masts Org", "role": "owner", "website": None}]
    assert "ana" not in case.text().casefold()


def test_unknown_countries_and_labels_without_a_code_are_listed() -> None:
    found = import_dpg(_lines(ROW))
    assert found.countries == {"Atlantis": ("dpg-masts",)}
    assert found.labels == {"Big Data": ("dpg-masts",)}


def test_contact_details_in_kept_texts_are_taken_out_and_counted() -> None:
    row = {**ROW, "description": "Ask ana@masts.example or +55 61 91234-5678."}
    found = import_dpg(_lines(row, {**ROW, "slug": "other"}))
    assert found.removed.counts == {
        ("dpg-masts: summary.en", "email"): 1, ("dpg-masts: summary.en", "telephone"): 1,
    }  # fmt: skip
    assert found.records_with_contacts == 1


def test_a_long_description_is_kept_whole_and_its_first_sentences_are_the_summary() -> None:
    text = "First sentence here. " * 60
    found = import_dpg(_lines({**ROW, "description": text.strip()}))
    (case,) = found.cases
    assert case.intervention["en"] == text.strip()
    assert case.summary["en"] == ("First sentence here. " * 47).strip()
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": ""}, "slug and name"),
        ({"name": None}, "slug and name"),
        ({"SDGs": [{"SDGNumber": 18}]}, "facets.sdgs.0"),
        ({"name": "n" * 301}, "title.en"),
    ],
)
def test_a_row_that_is_no_case_is_left_out_by_name(change: dict[str, Any], words: str) -> None:
    found = import_dpg(_lines(ROW, {**ROW, "slug": "bad", **change}))
    assert [case.id for case in found.cases] == ["dpg-masts"]
    assert [(left.row, words in left.reason) for left in found.left] == [(2, True)]


def test_a_slug_that_stands_twice_is_told() -> None:
    assert "stands twice" in import_dpg(_lines(ROW, ROW)).left[0].reason


def test_an_array_is_read_as_lines_are() -> None:
    rows = [ROW, {**ROW, "slug": "other"}]
    assert import_dpg(json.dumps(rows).encode()).cases == import_dpg(_lines(*rows)).cases


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no entry"), (b"\xff", "not UTF-8"), (_lines(ROW) + b'{"slug": "cut', "line 2"), (b"[1, 2", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=["empty", "bytes", "cut short", "cut array", "deep"],
)  # fmt: skip
def test_a_file_that_is_no_registry_ends_the_import(data: bytes, words: str) -> None:
    with pytest.raises((SourceError, InputError), match=words):
        import_dpg(data)


def test_every_label_of_the_registry_has_a_code_of_the_list_or_was_looked_at(shared_data: Path) -> None:
    schema = json.loads((shared_data / "exchange/cases/dpg-nominee-schema.json").read_text())
    labels = set(schema["properties"]["sectors"]["items"]["enum"])
    assert set(label_codes()) | labels_without_code() == labels
    assert not set(label_codes()) & labels_without_code()
    assert set(label_codes().values()) <= set(codes("Sector")) | set(codes("SectorCategory"))


def test_the_registry_comes_in_whole_without_contacts(shared_data: Path) -> None:
    """Row 12 of the acceptance table: 183 of 183 entries, no e-mail address, no unknown country."""
    import re

    data = (shared_data / "exchange/cases/dpg-registry.jsonl").read_bytes()
    found = import_dpg(data)
    slugs = [json.loads(line)["slug"] for line in data.decode().splitlines()]
    assert [case.id for case in found.cases] == sorted(f"dpg-{slug}" for slug in slugs)
    assert len(found.cases) == 183
    assert not found.left
    assert not found.countries
    text = "".join(case.text() for case in found.cases)
    assert not re.findall(r"[\w.+-]+@[\w-]+\.\w+", re.sub(r"https?://\S+", "", text))
    assert "contact_" not in text
