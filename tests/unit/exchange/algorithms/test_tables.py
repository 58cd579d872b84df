"""Registers as tables and JSON: read as they come, written back, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from concordat.errors import InputError, SourceError
from concordat.exchange.algorithms.crosswalk import crosswalk
from concordat.exchange.algorithms.export import SHEETS, sheet, to_cyclonedx, to_jsonld
from concordat.exchange.algorithms.record import AlgorithmRecord
from concordat.exchange.algorithms.tables import atrs_csv, nl_csv, nl_json, read_nl, read_uk

NL: dict[str, Any] = {
    "name": "Route planner", "description_short": 'Plans "routes";\nall of them', "organization": "City",
    "status": "In gebruik", "contact_email": "a@city.example", "publication_category": "Overige", "lang": "NLD",
    "source_data_grouping": [{"title": "Roads", "link": "https://d.example"}], "lars": "014", "category": ["A", "B"],
}  # fmt: skip
UK: dict[str, Any] = {
    "name": "Sorter", "external_supplier": ["Acme", "Beta"], "scope": "All letters,\nand parcels", "phase": "Live",
}  # fmt: skip


def test_dutch_tables_and_json_come_back_field_by_field() -> None:
    (record,) = read_nl(json.dumps(NL).encode())
    assert (record.id, record.to_nl()) == ("nl-014", NL)
    (again,) = read_nl(nl_csv([record]).encode())
    assert {name: value for name, value in again.to_nl().items() if value != ""} == NL
    assert read_nl(nl_json([record]).encode()) == [record]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_separators_are_told_apart_by_the_header(delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([["name", "goal", "own"], ["A, b; c", "G\th", "x"]])
    (record,) = read_nl(("\ufeff" + out.getvalue()).encode())
    assert record.to_nl() == {"name": "A, b; c", "goal": "G\th", "own": "x"}
    assert record.id == "nl-a-b-c"


def test_british_tables_long_and_wide() -> None:
    record = AlgorithmRecord.from_uk(UK, id="uk-sorter")
    (again,) = read_uk(atrs_csv([record]).encode())
    assert (again.id, again.to_uk()) == ("uk-sorter", UK)
    (wide,) = read_uk(b'name,external_supplier\nSorter,"[""Acme"", ""Beta""]"\n')
    assert wide.to_uk() == {"name": "Sorter", "external_supplier": ["Acme", "Beta"]}


def test_british_rows_stand_in_the_order_of_the_sections() -> None:
    rows = list(csv.DictReader(io.StringIO(atrs_csv([AlgorithmRecord.from_uk(UK, id="uk-sorter")]))))
    assert [(row["ref"], row["attribute"]) for row in rows] == [
        ("", "name"), ("1.4", "external_supplier"), ("1.4", "external_supplier"), ("2.1", "scope"), ("2.6", "phase"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"a,b\n1,2\n", SourceError, "no column is a field"), (b"", SourceError, "no column"),
        (b"[1]", SourceError, "not a list of objects"), (b"[{", SourceError, "not JSON"),
        (b"\xff", SourceError, "not UTF-8"), (b"name,goal\nx\n", SourceError, "not 2 cells"),
        (b'name,goal\n"x,y\n', SourceError, "not CSV"),
        (b"name\nA\nA\n", InputError, 'records 1 and 2 have the id "nl-a"'),
        (b"[" * 100_000, SourceError, "not JSON"),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_file_that_is_no_register(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_nl(data)


def test_a_british_attribute_that_stands_twice() -> None:
    with pytest.raises(InputError, match="scope stands twice"):
        read_uk(b"attribute,value\nscope,a\nscope,b\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"name": "n" * 101}, "101 characters, 100 at most"), ({"lang": " - "}, "lang is required"),
     ({"lang": "", "status": ""}, "1 more")],
)  # fmt: skip
def test_limits_are_errors_of_an_export(change: dict[str, str], words: str) -> None:
    record = AlgorithmRecord.from_nl({**NL, **change}, id="br-014")
    with pytest.raises(InputError, match=words) as caught:
        nl_csv([record])
    assert caught.value.where == "br-014"


# --- Other forms ------------------------------------------------------------------------------------------------------


def test_cyclonedx_says_the_same_each_time_and_loses_nothing() -> None:
    record = AlgorithmRecord.from_nl({**NL, "goal": "G", "methods_and_models": "M", "provider": "Acme"}, id="br-014")
    found = to_cyclonedx(record)
    assert found == to_cyclonedx(record)
    text = json.dumps(found)
    for value in ("Route planner", "Acme", "Roads", "a@city.example", "NLD", "014"):
        assert value in text
    component = found["components"][0]
    assert component["type"] == "machine-learning-model"
    assert component["modelCard"]["modelParameters"]["modelArchitecture"] == "M"


def test_data_stand_one_by_one_with_their_description() -> None:
    fields = {"name": "S", "source_data_name": ["A", "B"], "source_data_description": ["about A"]}
    card = to_cyclonedx(AlgorithmRecord.from_uk(fields, id="s"))["components"][0]["modelCard"]
    assert card["modelParameters"]["datasets"] == [
        {"type": "dataset", "name": "A", "description": "about A"}, {"type": "dataset", "name": "B"},
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["text", "list", "references"])
def test_cyclonedx_drops_no_part_whatever_its_form(form: str) -> None:
    """A form of our own may hold plain text where a register has references, and the other way round."""

    def value(n: int) -> Any:
        reference = {"title": f"word-{n}-", "link": f"https://x.example/{n}-", "note": f"note-{n}-"}
        return {"text": f"word-{n}-", "list": ["", f"word-{n}-"], "references": [reference]}[form]

    parts = [part.key for part in crosswalk().parts if part.key != "name.name"]
    values = {"name.name": "Sorter", **{key: value(number) for number, key in enumerate(parts)}}
    text = json.dumps(to_cyclonedx(AlgorithmRecord("sorter", values)))
    for number, key in enumerate(parts):
        words = [f"word-{number}-"]
        words += [f"https://x.example/{number}-", f"note-{number}-"] if form == "references" else []
        assert [word for word in words if word not in text] == [], key


def test_plain_text_is_the_value_of_a_metric_and_the_name_of_a_source_of_data() -> None:
    sources = ["maps", {"link": "https://m.example"}]
    values = {"name.name": "S", "performance.metrics": "0.91 of letters", "data.sources": sources}
    card = to_cyclonedx(AlgorithmRecord("s", values))["components"][0]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [{"value": "0.91 of letters"}]
    assert card["modelParameters"]["datasets"] == [
        {"type": "dataset", "name": "maps"}, {"type": "dataset", "contents": {"url": "https://m.example"}},
    ]  # fmt: skip


def test_jsonld_has_its_context_inside() -> None:
    found = to_jsonld(AlgorithmRecord.from_nl(NL, id="br-014"))
    assert isinstance(found["@context"], dict)
    terms = {key for key in found if not key.startswith("@")}
    assert terms <= set(found["@context"])
    assert found["name_name"] == "Route planner"
    assert found["@context"]["name_name"] == "dct:title"


@pytest.mark.parametrize("standard", SHEETS)
def test_every_row_of_a_sheet_is_marked_unverified(standard: str) -> None:
    rows = list(csv.DictReader(io.StringIO(sheet(AlgorithmRecord.from_nl(NL, id="br-014"), standard))))
    assert rows
    assert {row["status"] for row in rows} == {"unverified"}
    assert any(row["value"] for row in rows) or standard == "spdx"


def test_a_sheet_of_a_checked_standard_is_refused() -> None:
    with pytest.raises(InputError, match='"nl" is not a standard that can be used here'):
        sheet(AlgorithmRecord.from_nl(NL, id="br-014"), "nl")
