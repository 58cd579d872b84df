"""Row 10: CKAN, DCAT-AP and CSV give back every field that they share; row 18: one state, in whatever order."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.exchange.catalogue.ckan import DROPPED, parse_ckan, print_ckan
from concordat.exchange.catalogue.dcat import catalog_jsonld, catalog_turtle, catalog_xml, parse_dcat
from concordat.exchange.catalogue.harvest import Page, Record, Snapshot, harvest
from concordat.exchange.catalogue.model import Dataset, Distribution, of_value, to_value
from concordat.exchange.catalogue.table import parse_csv, print_csv
from exchange_any_order import check, entries
from exchange_catalogue_kit import a_catalog, ckan_answer

LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="\ufffe\uffff")
WORDS = st.text(LETTERS, min_size=1, max_size=20).map(str.strip).filter(bool)
MAYBE = st.just("") | WORDS
UUIDS = st.uuids(version=4).map(str)
ADDRESSES = st.sampled_from(
    ("https://data.example.br/a.csv", "https://data.example.br/dir with spaces/b.csv", "http://x.example/?q={1}",
     "ftp://x/y", "https://x.example/a/../b/./c", "https://x.example", "HTTP://X.example/%7Ea", "mailto:x", "dct:title")
)  # fmt: skip
DATES = st.sampled_from(("", "2024", "2024-05", "2024-05-06", "2024-05-06T07:08:09.123456", "spring"))
GROUPS = ("health", "energy", "bees")
EXTRAS = ("language", "frequency", "spatial", "temporal_start", "temporal_end", "conforms_to", "access_rights", "theme")
SHARED_BY_CSV = ("id", "publisher", "access", "issued", "modified", "spatial", "temporal", "frequency", "conforms_to",
                 "themes", "keywords", "title")  # fmt: skip


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    row = {
        "id": draw(UUIDS), "url": draw(ADDRESSES), "url_type": draw(st.sampled_from(("", "upload"))),
        "name": draw(MAYBE), "description": draw(MAYBE), "format": draw(st.sampled_from(("", "CSV", "text/csv"))),
        "mimetype": draw(st.sampled_from(("", "text/csv", "odd kind"))), "license": draw(st.just("") | WORDS),
        "size": draw(st.none() | st.integers(0, 10**12)), "hash": draw(st.sampled_from(("", "0a" * 32, "md5:1"))),
    }  # fmt: skip
    return {key: value for key, value in row.items() if value not in ("", None)}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": draw(UUIDS | WORDS), "title": draw(WORDS), "notes": draw(MAYBE), "url": draw(st.just("") | ADDRESSES),
        "organization": {"title": draw(WORDS)}, "version": draw(MAYBE),
        "tags": [{"name": word} for word in draw(st.lists(WORDS, max_size=3))],
        "groups": [{"name": name} for name in draw(st.lists(st.sampled_from(GROUPS), max_size=2))],
        "license_id": draw(MAYBE), "license_url": draw(st.sampled_from(("", "https://x.example/licence"))),
        "metadata_created": draw(DATES), "metadata_modified": draw(DATES),
        "resources": draw(st.lists(resources(), max_size=3, unique_by=lambda r: r["id"])),
        "maintainer_email": "maria@example.org",
    }  # fmt: skip
    if draw(st.booleans()):
        row["title_translated"] = {"en": draw(WORDS), "pt": draw(WORDS)}
    values = WORDS | st.lists(WORDS, min_size=1, max_size=3).map(lambda v: json.dumps(v, ensure_ascii=False))
    row["extras"] = [{"key": name, "value": draw(values)} for name in EXTRAS if draw(st.booleans())]
    return row


def ordered(dataset: Dataset, **changes: Any) -> Dataset:
    """The dataset with its distributions in one order: RDF keeps none."""
    parts = sorted(dataset.distributions, key=lambda d: (d.id, d.access_url, sorted(d.title.items())))
    return replace(dataset, distributions=tuple(parts), **changes)


def read(row: dict[str, Any]) -> Dataset:
    (dataset,) = parse_ckan(json.dumps(ckan_answer(row)).encode()).datasets
    return dataset


@settings(max_examples=60)
@given(records())
def test_what_ckan_says_is_printed_and_read_the_same(row: dict[str, Any]) -> None:
    dataset = read(row)
    assert parse_ckan(print_ckan([dataset])).datasets == (dataset,)
    assert not set(DROPPED) & set(dataset.source_record or {})
    assert of_value(json.loads(json.dumps(to_value(dataset)))) == dataset


@settings(max_examples=30)
@given(records(), st.sampled_from((catalog_jsonld, catalog_turtle, catalog_xml)))
def test_ckan_to_dcat_and_back_keeps_every_mapped_field(row: dict[str, Any], printed: Any) -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    dataset = read(row)
    found = parse_dcat(printed(a_catalog(dataset)))
    assert found.failed == ()
    (through,) = found.datasets
    assert ordered(through) == ordered(dataset)
    (back,) = parse_ckan(print_ckan([through])).datasets
    assert ordered(back) == ordered(dataset)


@settings(max_examples=60)
@given(records())
def test_ckan_to_csv_and_back_keeps_every_field_that_a_table_has(row: dict[str, Any]) -> None:
    dataset = read(row)
    (through,) = parse_csv(print_csv([dataset])).datasets
    (back,) = parse_ckan(print_ckan([through])).datasets
    for name in SHARED_BY_CSV:
        assert getattr(through, name) == getattr(dataset, name), name
        assert getattr(back, name) == getattr(dataset, name), name
    # A table has one language for title and description, and merges rows that say the same.
    assert set(through.description.values()) == set(dataset.description.values())
    assert {facts(d, dataset) for d in dataset.distributions} == {facts(d, through) for d in through.distributions}
    assert {facts(d, dataset) for d in dataset.distributions} == {facts(d, back) for d in back.distributions}


def facts(part: Distribution, whole: Dataset) -> tuple[Any, ...]:
    """What a row says of a distribution; its licence is that of the dataset where it has none."""
    title = part.title.get("") or next(iter(part.title.values()), "")
    licence = part.license or whole.license
    return title, part.access_url, part.format, licence, part.bytes, part.sha256


@settings(max_examples=60)
@given(st.lists(records(), max_size=4, unique_by=lambda r: r["id"]))
def test_tables_are_printed_and_read_the_same(rows: list[dict[str, Any]]) -> None:
    once = parse_csv(print_csv([read(row) for row in rows])).datasets
    assert parse_csv(print_csv(once)).datasets == once


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from("xyz")),
    st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from("xyz")),
    st.integers(1, 4),
)
def test_a_harvest_comes_to_what_the_source_holds(held: dict[str, str], there: dict[str, str], size: int) -> None:
    items = [Record(key, digest, Dataset(key, {"": key})) for key, digest in sorted(there.items())]
    cuts = [items[i : i + size] for i in range(0, len(items), size)] or [[]]
    pages = [Page(tuple(cut), (), str(n) if n < len(cuts) else "") for n, cut in enumerate(cuts, 1)]
    changes = harvest(Snapshot(held), pages, 0, accept_removals=True)
    after = {key: digest for key, digest in held.items() if key not in changes.removed}
    after |= {record.key: record.hash for record in (*changes.added, *changes.changed)}
    assert after == there
    assert not {r.key for r in changes.added} & set(held)
    assert all(held[r.key] != r.hash for r in changes.changed)


@pytest.mark.parametrize("seed", range(3))
def test_entries_come_to_one_state_in_any_order(seed: int) -> None:
    """Row 18; with 10^4 entries: python tests/exchange_any_order.py"""
    check(entries(300, seed), random.Random(seed).randint(0, 999), 3)
