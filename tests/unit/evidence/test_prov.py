"""`provenance.json`: every record comes back as it was, in the terms of W3C PROV-O, and a changed one is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Cell, Provenance, RawTexts, provenance, read_provenance
from concordat.evidence.provenance import Book, Derived, Record, recompute
from concordat.evidence.resolve import Chosen, enter
from concordat.evidence.store import Store, open_store

Observe = Callable[..., Observation]
BODY = b'{"a": "less than 1 (2023 est.)", "b": "78% (2023 est.)"}'
# W3C Recommendation PROV-O of 2013-04-30, sections 3.1 to 3.3.
PROV_O = {
    "Entity", "Collection", "hadMember", "wasDerivedFrom", "wasGeneratedBy", "hadPrimarySource", "wasQuotedFrom",
    "wasAttributedTo",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def rows(observe: Observe, store: Store) -> list[Observation]:
    """A plain figure, one with every column filled, one made from another row, and that other row."""
    raw = {"raw_sha256": store.raw.put(BODY), "source": "cia_factbook"}
    plain = observe(78.0, "CHN", 2023, **raw, raw_locator="x.json#/b", precision=0.5)
    full = observe(
        None, "PSE.gz", 2023, **raw, raw_locator="x.json#/a", lower=0.0, upper=1.0, censoring="below", area_type="part",
        freq="Q", unit_mult=3, decimals=1, breakdown="loc=rural;sex=F", obs_status="Ω", nature="CA",
        note='"quoted", \n and é', series_key="a/b~c", processing_level="minor",
        period_start=date(2023, 1, 1), period_end=date(2023, 3, 31),
    )  # fmt: skip
    behind = observe(1e300, "PSE.we", 2023, **raw, raw_locator="x.json#/b", unit="index_0_100")
    made = observe(
        -0.1, "PSE", 2023, raw_sha256="", raw_locator="", source="cia_factbook", unit="index_0_100",
        derived_from=(behind.obs_id,), derived_by="evidence.derive.combine@1",
    )  # fmt: skip
    return [plain, full, made, behind]


@pytest.fixture
def book(rows: list[Observation]) -> Book:
    book = Book()
    for o in rows[:3]:
        book.observe(o)
    parts = {"value": 2.0, "whole": 2, "huge": 1e21, "edge": float(2**53), "zero": -0.0, "a/b~c": [1.0, {"x": 3.0}]}
    fact = book.fact(
        "concordat/world/_data/blocs.yaml", "cd" * 32, "#/blocs/0", {**parts, "text": "金砖国家", "no": None}
    )
    plain = rows[0]
    figure = Chosen(
        plain, (), 78.0, 77.5, 78.5, 2023, 3, False, (), False, None, bounds=(0.0, 100.0), stale_after=3
    )  # fmt: skip
    enter(book, figure)
    book.derive("evidence.provenance.count@1", [fact], {"x": [0.5, 1.0, None, True], "é": "é"})
    return book


@pytest.fixture
def written(book: Book, store: Store, rows: list[Observation]) -> bytes:
    return provenance(book, cells={"T1:CHN": Cell(rows[0].obs_id, "value")}, store=store, observations=rows)


def by_id(records: list[Record]) -> dict[str, Record]:
    return {(r.obs_id if isinstance(r, Observation) else r.id): r for r in records}


def typed(record: Record) -> str:
    """A text in which 2 and 2.0 differ, as they do for a function."""
    said = [getattr(record, name, None) for name in ("parts", "parameters", "value", "lower", "upper", "precision")]
    return json.dumps(said, sort_keys=True)


def test_every_record_comes_back_as_it_was_with_those_it_is_made_from(
    written: bytes, book: Book, rows: list[Observation]
) -> None:
    said = read_provenance(written)
    wanted = by_id([*book, rows[3]])
    assert said.records == wanted
    assert {i: typed(r) for i, r in said.records.items()} == {i: typed(r) for i, r in wanted.items()}
    assert said.cells == {"T1:CHN": Cell(rows[0].obs_id, "value")}
    assert said.texts[rows[1].obs_id] == "less than 1 (2023 est.)"
    assert rows[2].obs_id not in said.texts


def test_what_was_read_can_be_computed_again(written: bytes) -> None:
    records = read_provenance(written).records
    derived = [r for r in records.values() if isinstance(r, Derived)]
    assert len(derived) == 2
    for record in derived:
        assert recompute(record, records.__getitem__) == record.parts


def test_the_same_book_gives_the_same_bytes(written: bytes, book: Book, store: Store, rows: list[Observation]) -> None:
    cells = {"T1:CHN": Cell(rows[0].obs_id, "value")}
    assert provenance(book, cells=cells, store=store, observations=rows[::-1]) == written
    again = json.dumps(json.loads(written), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert again.encode() + b"\n" == written


def test_an_empty_book_is_a_document_too(store: Store) -> None:
    assert read_provenance(provenance(Book(), cells={}, store=store)) == Provenance({}, {}, {}, {})


# --- The terms of PROV, by a small reader of the file's own @context --------------------------------------------------


def prov_triples(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(subject, PROV-O term, object) of all members of the collection."""
    context, found = document["@context"], set()
    for container in ("vintages", "records"):
        for subject, row in document[container].items():
            found.add((subject, "a", context[row["kind"]].removeprefix("prov:")))
            for key, value in row.items():
                term = context.get(key)
                if isinstance(term, dict) and term["@id"].startswith("prov:"):
                    values = value if isinstance(value, list) else [value]
                    found |= {(subject, term["@id"].removeprefix("prov:"), v) for v in values}
    return found


def test_the_file_speaks_prov_o(written: bytes, rows: list[Observation], book: Book) -> None:
    document = json.loads(written)
    context = document["@context"]
    assert context["prov"] == "http://www.w3.org/ns/prov#"
    texts = [t if isinstance(t, str) else (t or {}).get("@id", "") for t in context.values() if t != 1.1]
    assert {t.removeprefix("prov:") for t in texts if t.startswith("prov:")} == PROV_O
    triples = prov_triples(document)
    plain, _, made, behind = rows
    assert {
        (plain.obs_id, "a", "Entity"),
        (plain.obs_id, "hadPrimarySource", plain.raw_sha256),
        (made.obs_id, "wasDerivedFrom", behind.obs_id),
        (made.obs_id, "wasGeneratedBy", "evidence.derive.combine@1"),
    } <= triples
    for record in book:
        if isinstance(record, Derived):
            assert (record.id, "wasGeneratedBy", record.function) in triples
            assert {(record.id, "wasDerivedFrom", i) for i in record.inputs} <= triples
    (vintage,) = document["vintages"]
    assert (plain.obs_id, "wasQuotedFrom", vintage) in triples
    assert (vintage, "wasAttributedTo", "cia_factbook") in triples


# --- A changed file ---------------------------------------------------------------------------------------------------


def changed(document: dict[str, Any], path: list[str], value: Any) -> bytes:
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return json.dumps(document).encode()


SAID = {
    "indicator_id": "gini_index", "area": "IND", "period_start": "2023-01-02", "period_end": "2023-12-30",
    "breakdown": "sex=F", "unit": "ratio", "value": 78.5, "lower": 77.0, "upper": 79.0, "censoring": "below",
    "obs_status": "E", "conf_status": "C", "row_hash": "0" * 32,
}  # fmt: skip


@pytest.mark.parametrize("field", SAID)
def test_a_change_of_what_an_observation_says_is_found(written: bytes, rows: list[Observation], field: str) -> None:
    body = changed(json.loads(written), ["records", rows[0].obs_id, field], SAID[field])
    with pytest.raises(TrustError, match="a record is not what it was"):
        read_provenance(body)


@pytest.mark.parametrize("field", ["source_id", "dataset_id"])
def test_a_change_of_who_said_it_is_found(written: bytes, field: str) -> None:
    document = json.loads(written)
    (vintage,) = document["vintages"]
    with pytest.raises(TrustError, match="a record is not what it was"):
        read_provenance(changed(document, ["vintages", vintage, field], "another"))


def test_a_change_of_any_field_of_a_fact_or_derived_record_is_found(written: bytes, book: Book) -> None:
    def believe(body: bytes) -> None:
        records = read_provenance(body).records
        for record in records.values():
            if isinstance(record, Derived):
                recompute(record, records.__getitem__)

    believe(written)
    tried = 0
    for record_id, row in json.loads(written)["records"].items():
        if row["kind"] == "observation":
            continue
        for field, value in row.items():
            paths = [[field, key] for key in value] if isinstance(value, dict) else [[field]]
            for path in paths:
                tried += 1
                with pytest.raises(ConcordatError):
                    believe(changed(json.loads(written), ["records", record_id, *path], "another"))
    assert tried > 30


def test_a_changed_precision_is_found_when_the_choice_is_computed_again(
    written: bytes, rows: list[Observation]
) -> None:
    records = read_provenance(changed(json.loads(written), ["records", rows[0].obs_id, "precision"], 0.4)).records
    choice = next(r for r in records.values() if isinstance(r, Derived) and r.function == "evidence.resolve.chosen@1")
    with pytest.raises(TrustError, match=r"the record says"):
        recompute(choice, records.__getitem__)


def test_a_record_under_another_id_is_found(written: bytes) -> None:
    document = json.loads(written)
    for record_id, row in document["records"].items():
        moved = {**document, "records": {**document["records"], "0" * 32: row}}
        assert record_id != "0" * 32
        with pytest.raises(TrustError):
            read_provenance(json.dumps(moved).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"[]", b"null", b"{}", b'{"schema":"concordat/provenance@1"}', b"[" * 100_000,
        b'{"schema":"concordat/provenance@2"}', b'{"schema":"concordat/provenance@2","records":NaN}',
        b'{"schema":"concordat/provenance@2","vintages":{},"records":{"a":{"kind":"rumour"}},"cells":{},"release":{}}',
        b'{"schema":"concordat/provenance@2","vintages":{},"records":{"a":1},"cells":{},"release":{}}',
        b'{"schema":"concordat/provenance@2","vintages":{},"records":{},"cells":{"T1":{"id":"a"}},"release":{}}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)  # fmt: skip
def test_what_is_no_provenance_file_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_provenance(body, where="out/provenance.json")
    assert str(caught.value).startswith("out/provenance.json: ")
    assert caught.value.hint


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_a_row_that_nobody_has_stops_the_writing(book: Book, store: Store, rows: list[Observation]) -> None:
    with pytest.raises(TrustError, match=f"made from {rows[3].obs_id}, which is in no row"):
        provenance(book, cells={}, store=store, observations=rows[:3])


def test_a_body_that_is_missing_or_lacks_the_place_stops_the_writing(observe: Observe, store: Store) -> None:
    texts = RawTexts(store)
    assert texts.text_at(observe(1.0, raw_sha256="")) == ""
    with pytest.raises(TrustError):
        texts.text_at(observe(1.0, raw_sha256="00" * 32, raw_locator="x.json#/a"))
    with pytest.raises(TrustError, match="nothing stands at"):
        texts.text_at(observe(1.0, raw_sha256=store.raw.put(BODY), raw_locator="x.json#/c"))


@pytest.mark.parametrize(("part", "words"), [("gini", "a part 'gini' that the record hasn't"), ("", "a part ''")])
def test_a_cell_prints_a_part_that_exists(
    book: Book, store: Store, rows: list[Observation], part: str, words: str
) -> None:
    with pytest.raises(AssertionError, match=words):
        provenance(book, cells={"T1": Cell(rows[0].obs_id, part)}, store=store, observations=rows)
    with pytest.raises(AssertionError, match="not in the book"):
        provenance(book, cells={"T1": Cell("0" * 32, part)}, store=store, observations=rows)
