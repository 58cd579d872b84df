"""Reading SDMX-CSV: both headers, delimiters, labels, actions, repeated pages, refusals in the place of data."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import SourceError
from concordat.evidence.locators import Body
from concordat.evidence.sources.sdmx_csv import last_update, read_table

V1 = "DATAFLOW,FREQ,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS\nESTAT:X(1.0),A,EL,2020,7.5,A\nESTAT:X(1.0),A,UK,2020,8,\n"
V2 = "STRUCTURE,STRUCTURE_ID,ACTION,GEO,TIME_PERIOD,OBS_VALUE\ndataflow,ESTAT:X(1.0),I,EL,2020,7.5\n"
LABELS = (
    "STRUCTURE[|];STRUCTURE_ID;ACTION;SERIES_KEY;GEO: Pays;TIME_PERIOD: Temps;OBS_VALUE: Valeur;NOTE: Note;FREE\n"
    "dataflow;ESTAT:X(1.0): Données;I;EL;EL: Grèce;2020: 2020;7,5;b: Bris: oui;Source: OSE\n"
)
NAMES = (
    "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,ACTION,GEO,Country,TIME_PERIOD,Time period,OBS_VALUE,Observation value\n"
    "dataflow,OECD:DSD@DF(1.0),Demo,I,GRC,Greece,2020,,7.5,\n"
)
KEYS = "KEY,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS\nEXR.A,GR,2020,7.5,A\n"


@pytest.mark.parametrize(
    ("text", "form", "flow", "dimensions"),
    [
        (V1, "SDMX-CSV 1.0", "ESTAT:X(1.0)", ("FREQ", "GEO", "TIME_PERIOD")),
        (V2, "SDMX-CSV 2.0", "ESTAT:X(1.0)", ("GEO", "TIME_PERIOD")),
        (LABELS, "SDMX-CSV 2.0", "ESTAT:X(1.0): Données", ("GEO", "TIME_PERIOD")),
        (NAMES, "SDMX-CSV 2.0", "OECD:DSD@DF(1.0)", ("GEO", "TIME_PERIOD")),
        (KEYS, "CSV with keys", "", ("GEO", "TIME_PERIOD")),
    ],
    ids=["1.0", "2.0", "labels", "names", "keys"],
)
def test_each_header_is_read_without_a_structure(text: str, form: str, flow: str, dimensions: tuple[str, ...]) -> None:
    body = text.encode()
    table = read_table(body, "x.csv")
    row = table.rows[0]
    assert (table.form, row.flow, table.dimensions) == (form, flow, dimensions)
    assert row.cells["TIME_PERIOD"] == "2020"
    assert row.cells["GEO"] in ("EL", "GRC", "GR")
    assert Body(body, "x.csv").text_at(row.place) == row.cells["OBS_VALUE"]


def test_labels_are_cut_off_codes_and_kept_beside_them() -> None:
    row = read_table(LABELS.encode(), "x.csv").rows[0]
    assert (row.cells["GEO"], row.cells["NOTE"], row.text("NOTE")) == ("EL", "b", "b: Bris: oui")
    assert row.cells["FREE"] == "Source: OSE"  # its heading has no label, so the cell has none
    assert row.cells["OBS_VALUE"] == "7,5"
    assert row.cells["SERIES_KEY"] == "EL"


@pytest.mark.parametrize(("sign", "comma"), [(",", False), (";", True), ("\t", False)])
def test_what_stands_after_the_first_heading_separates_cells(sign: str, comma: bool) -> None:
    body = V1.replace(",", sign).encode()
    table = read_table(body, "x.csv")
    assert [row.cells["OBS_VALUE"] for row in table.rows] == ["7.5", "8"]
    assert table.comma is comma
    assert Body(body, "x.csv").text_at("row 3, OBS_VALUE") == "8"


def test_a_byte_order_mark_quotes_and_line_ends_in_cells_are_read() -> None:
    head = '\ufeff"DATAFLOW","GEO","TIME_PERIOD","OBS_VALUE","NOTE"\r\n'
    text = head + 'E:X(1.0),EL,2020,7.5,"two\nlines, and ""quotes"""\r\n'
    row = read_table(text.encode(), "x.csv").rows[0]
    assert row.cells["NOTE"] == 'two\nlines, and "quotes"'
    assert Body(text.encode(), "x.csv").text_at(row.place) == "7.5"


def test_rows_are_counted_with_the_blank_ones() -> None:
    body = V1.replace("ESTAT:X(1.0),A,UK", "\n\nESTAT:X(1.0),A,UK").encode()
    row = read_table(body, "x.csv").rows[1]
    assert row.place == "row 5, OBS_VALUE"
    assert Body(body, "x.csv").text_at(row.place) == "8"


def test_an_action_withdraws_and_an_unknown_one_is_told() -> None:
    table = read_table((V2 + "dataflow,X,D,UK,2020,\ndataflow,X,Z,UK,2020,1\n").encode(), "x.csv")
    assert [row.withdrawn for row in table.rows] == [False, True]
    assert [(p.rule, p.where) for p in table.problems] == [("action", "x.csv: row 4")]


def test_a_row_of_another_length_is_told_and_left_out() -> None:
    table = read_table((V1 + "ESTAT:X(1.0),A,FR\n").encode(), "x.csv")
    assert len(table.rows) == 2
    assert [(p.rule, p.severity, p.text) for p in table.problems] == [
        ("ragged", "error", "has 3 cells; the header has 6")
    ]


@pytest.mark.parametrize("with_header", [True, False])
def test_a_first_row_that_comes_again_ends_the_reading(with_header: bool) -> None:
    head, *rows = V1.splitlines(keepends=True)
    again = ([head] if with_header else []) + rows
    table = read_table("".join([head, *rows, *again * 3, "ESTAT:X(1.0),A,FR,2020,9,A\n"]).encode(), "x.csv")
    assert [row.cells["GEO"] for row in table.rows] == ["EL", "UK", "FR"]  # what is new is not lost
    assert [p.text for p in table.problems] == [
        f"the service repeats its first row; {3 * len(again)} rows that were there before were left out"
    ]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", "not_sdmx_csv", "not SDMX-CSV"),
        (b"NoRecordsFound", "not_sdmx_csv", 'begins with "NoRecordsFound"'),
        (b"country,year,value\nBRA,2020,1\n", "not_sdmx_csv", "not with DATAFLOW, STRUCTURE, KEY"),
        (b"DATAFLOW,GEO,TIME_PERIOD\nX,EL,2020\n", "not_sdmx_csv", "the header has no OBS_VALUE"),
        (b"DATAFLOW,GEO,GEO,OBS_VALUE\nX,EL,EL,1\n", "not_sdmx_csv", "the header names GEO twice"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "not_sdmx_csv", "it begins with '<!DOCTYPE html>"),
        (b'{"error":[{"status":413,"label":"EXTRACTION_TOO_BIG"}]}', "not_sdmx_csv", "EXTRACTION_TOO_BIG"),
        (b'{"warning":{"label":"ASYNCHRONOUS_RESPONSE"}}', "not_sdmx_csv", "ASYNCHRONOUS_RESPONSE"),
        (b"DATAFLOW,OBS_VALUE\nX,\xff\n", "not_utf8", "byte 21 is not UTF-8"),
        (b"STRUCTURE,STRUCTURE_NAME,ACTION,GEO,OBS_VALUE,X\n", "not_sdmx_csv", "a column of names without"),
        (b'DATAFLOW,OBS_VALUE\n"' + b"x" * 200_000, "not_sdmx_csv", "field larger"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_no_answer_is_a_typed_error(body: bytes, code: str, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_table(body, "x.csv")
    assert caught.value.code == code
    assert text in str(caught.value)
    assert caught.value.where.startswith("x.csv")


@pytest.mark.parametrize(
    ("root", "code", "text"),
    [
        ("<m:Error xmlns:m='m'><m:ErrorMessage code='100'><Text>No results</Text></m:ErrorMessage></m:Error>",
         "service_error", 'the service answers: "100 No results"'),
        ("<S><Footer><Message code='413'>file at URL: https://example.org/later</Message></Footer></S>",
         "refused", "fetch it later from https://example.org/later"),
        ("<S><Footer><Message code='150'><Text>Down</Text></Message></Footer></S>", "service_error", "150 Down"),
    ],
)  # fmt: skip
def test_an_error_in_xml_is_told_in_the_services_words(root: str, code: str, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_table(root.encode(), "x.csv")
    assert caught.value.code == code
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        (["11/04/24 23:00:00", "12/04/24 11:00:00"], date(2024, 4, 12)),
        (["2024-04-11"], None),
        ([], None),
    ],
)
def test_eurostats_last_update_is_the_day_of_publication(cells: list[str], day: date | None) -> None:
    text = "DATAFLOW,LAST UPDATE,GEO,OBS_VALUE\n" + "".join(f"X,{cell},EL,1\n" for cell in cells)
    assert last_update(text.encode()) == day


@pytest.mark.parametrize("body", [b"", b"\xff", V1.encode(), b'"' + b"x" * 200_000])
def test_an_answer_without_a_last_update_has_no_day(body: bytes) -> None:
    assert last_update(body) is None
