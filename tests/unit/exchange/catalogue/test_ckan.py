"""CKAN both ways: every mapped field, no person's data, and words for what is no answer of CKAN."""

from __future__ import annotations

import json

import pytest

from concordat.errors import SourceError
from concordat.exchange.catalogue.ckan import THEMES, parse_ckan, print_ckan
from exchange_catalogue_kit import ckan_answer, ckan_record

SECRETS = ("bees@example.br", "Maria", "maria@example.br", "c0ffee", "x@example.br")


def _bytes(*rows: dict) -> bytes:
    return json.dumps(ckan_answer(*rows)).encode()


def test_every_field_is_mapped() -> None:
    (dataset,) = parse_ckan(_bytes(ckan_record())).datasets
    assert dataset.id == "urn:uuid:3dd1add8-4d2d-569e-d634-000000000001"
    assert dataset.identifier == "3dd1add8-4d2d-569e-d634-000000000001"
    assert (dataset.title, dataset.description) == ({"": "Bees 1"}, {"": "Hives by region."})
    assert dataset.publisher == "Ministry of Agriculture"
    assert dataset.keywords == (("", "beekeepers"), ("", "bees"), ("", "honey"))
    assert dataset.themes == (f"{THEMES}ENVI",)
    assert dataset.license == "https://creativecommons.org/licenses/by/4.0/"
    assert dataset.license_id == "cc-by"
    assert (dataset.issued, dataset.modified) == ("2024-01-01T10:00:00.123456", "2025-02-03T11:12:13.000001")
    assert dataset.languages == ("en", "pt")
    assert dataset.spatial == ('{"type": "Point", "coordinates": [-47.9, -15.8]}',)
    assert dataset.temporal == ("2020", "2024-12-31")
    assert (dataset.frequency, dataset.access, dataset.version) == ("annual", "public", "2")
    assert dataset.conforms_to == ("https://example.br/schema",)
    assert dataset.landing_page == "https://bees.example.br/"
    upload, api = dataset.distributions
    assert upload.access_url == upload.download_url == "https://bees.example.br/a%20file.csv"
    assert (upload.bytes, upload.sha256, upload.media_type) == (1234, "ab" * 32, "text/csv")
    assert (upload.title, upload.description) == ({"": "Hives"}, {"": "One row a hive"})
    assert (api.download_url, api.bytes, api.sha256) == ("", None, "")


def test_what_belongs_to_persons_is_dropped_and_what_is_unknown_is_kept() -> None:
    (dataset,) = parse_ckan(_bytes(ckan_record())).datasets
    kept = json.dumps(dataset.source_record)
    assert not [secret for secret in SECRETS if secret in kept]
    assert dataset.source_record is not None
    assert dataset.source_record["private"] is False
    assert {"key": "internal_code", "value": "B-12"} in dataset.source_record["extras"]
    printed = print_ckan([dataset]).decode()
    assert "B-12" in printed
    assert not [secret for secret in SECRETS if secret in printed]


def test_what_was_printed_reads_the_same() -> None:
    found = parse_ckan(_bytes(ckan_record(1), ckan_record(2, title_translated={"en": "Bees 2", "pt": "Abelhas"})))
    assert found.datasets[1].title == {"en": "Bees 2", "pt": "Abelhas"}
    assert parse_ckan(print_ckan(found.datasets)).datasets == found.datasets


def test_a_record_that_cannot_be_read_stops_no_other() -> None:
    rows = [ckan_record(1), {**ckan_record(2), "title": " "}, {"name": ""}, "text", ckan_record(3)]
    found = parse_ckan(json.dumps({"success": True, "result": {"count": 5, "results": rows}}).encode())
    assert len(found.datasets) == 2
    assert [(f.key, f.reason, f.named) for f in found.failed] == [
        ("urn:uuid:3dd1add8-4d2d-569e-d634-000000000002", "the record has no title.", True),
        ("record 3", "the record has no id.", False),
        ("record 4", "the record is not an object.", False),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html><head><title>Portal</title>", "not JSON.*It begins: <!DOCTYPE html><html>"),
        (b'{"success": false, "error": {"message": "Not found"}}', 'success is not true.*It begins: {"success": false'),
        (b'{"success": true, "result": {"count": 3}}', "holds no results"),
        (b"[]", "success is not true"),
        (b'{"success": true, "success": true}', "stands twice"),
        (("[" * 64 + "]" * 64).encode(), "nested deeper"),
        (b'{"a": "' + b"x" * 200 + b'"', "It begins: .{80} The address"),
    ],
    ids=["html", "false", "no-results", "list", "twice", "deep", "cut"],
)
def test_what_is_no_answer_of_ckan_is_told_with_its_beginning(data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        parse_ckan(data, "https://data.example.br/api")
    assert caught.value.where == "https://data.example.br/api"
    assert len(caught.value.what.partition("It begins: ")[2]) <= 80


def test_what_belongs_to_persons_is_dropped_however_deep_it_stands() -> None:
    deep = {
        "author": "Ana Silva", "contact_point": [{"name": "Ana Silva", "email": "ana@example.br"}],
        "publisher_info": {"unit": "Bees", "contact_email": "ana@example.br", "phone": "061 9123 45678"},
        "extras": [{"key": "creator_user_id", "value": "ana"}, {"key": "author", "value": "Ana Silva"}],
    }  # fmt: skip
    record = ckan_record(1, **deep)
    record["resources"][0]["maintainer_email"] = "ana@example.br"
    (dataset,) = parse_ckan(_bytes(record)).datasets
    kept = json.dumps(dataset.source_record)
    assert "Bees" in kept
    assert not any(word in kept for word in ("Ana", "ana@", '"ana"', "9123"))
