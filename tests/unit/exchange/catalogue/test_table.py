"""Tables of datasets: rows that join, rows that contradict each other, cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.exchange.catalogue.model import Dataset, Distribution
from concordat.exchange.catalogue.table import COLUMNS, parse_csv, print_csv

HEAD = "dataset_id,title,title_lang,publisher,license,url,format,bytes,sha256\n"
SPECIFIED = (  # exchange.md 4.1
    "dataset_id,title,title_lang,description,publisher,theme,keywords,license,access,issued,modified,spatial,"
    "temporal_from,temporal_to,frequency,conforms_to,file,url,format,bytes,sha256,offer"
)


def test_the_columns_are_those_of_the_specification() -> None:
    assert ",".join(COLUMNS) == SPECIFIED


def test_rows_of_one_dataset_join() -> None:
    text = HEAD + "d1,Bees,en,INPE,CC-BY-4.0,https://x.example/a.csv,text/csv,10,\n"
    text += "d2,Rain,en,INPE,CC0-1.0,https://x.example/r.csv,text/csv,,\n"
    text += "d1,Abelhas,pt,,CC-BY-4.0,https://x.example/b.csv,text/csv,20," + "0A" * 32 + "\n"
    first, second = parse_csv(text.encode()).datasets
    assert first.title == {"en": "Bees", "pt": "Abelhas"}
    assert (first.license, [d.license for d in first.distributions]) == ("CC-BY-4.0", ["", ""])
    assert [d.bytes for d in first.distributions] == [10, 20]
    assert first.distributions[1].sha256 == "0a" * 32
    assert (second.id, second.license) == ("urn:concordat:record:d2", "CC0-1.0")


def test_files_with_licences_of_their_own_keep_them() -> None:
    text = HEAD + "d1,Bees,en,,CC-BY-4.0,https://x.example/a.csv,,,\nd1,Bees,en,,CC0-1.0,https://x.example/b.csv,,,\n"
    (dataset,) = parse_csv(text.encode()).datasets
    assert (dataset.license, [d.license for d in dataset.distributions]) == ("", ["CC-BY-4.0", "CC0-1.0"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("d1,Bees,en,INPE,,,,,\nd2,Rain,en,,,,,,\nd1,,,IBGE,,,,,\n", "rows 2 and 4.*publisher"),
        ("d1,Bees,en,,,,,,\nd1,Wasps,en,,,,,,\n", "rows 2 and 3.*title"),
        ("d1,,en,INPE,,,,,\n", 'row 2: "d1" has no title'),
        (",Bees,en,INPE,,,,,\n", "row 2: dataset_id is empty"),
        ("d1,Bees,en,,,https://x.example,,ten,\n", '"ten" is not a number of bytes'),
        ("d1,Bees,en,,,https://x.example,,,abc\n", '"abc" is not a SHA-256'),
        ("d1,Bees,en,,,,,,,more\n", "10 cells under 9 columns"),
        ('d1,"Bees,en\n', "not CSV"),
    ],
    ids=["publisher", "title", "no-title", "no-id", "bytes", "sha256", "cells", "quote"],
)
def test_bad_rows_are_named(rows: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_csv((HEAD + rows).encode(), "datasets.csv")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"dataset_id,tite\n", 'Did you mean "title"'),
        (b"title\nBees\n", "dataset_id is missing"),
        (b"dataset_id,title,title\n", "stands twice"),
        ("dataset_id,title\nd1,São\n".encode("latin-1"), "not UTF-8"),
    ],
    ids=["unknown", "missing", "twice", "latin"],
)
def test_bad_tables_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_csv(data)


def test_cells_are_no_formulas_and_read_as_they_were() -> None:
    dataset = Dataset(
        id="urn:concordat:record:d1", identifier="d1", title={"": "=HYPERLINK(1)"}, publisher="'tis",
        keywords=(("", "a;b"), ("", "c")), distributions=(Distribution(access_url="https://x.example/a"),),
    )  # fmt: skip
    printed = print_csv([dataset])
    assert b",'=HYPERLINK(1)," in printed
    assert b",''tis," in printed
    (again,) = parse_csv(printed).datasets
    assert again == dataset
