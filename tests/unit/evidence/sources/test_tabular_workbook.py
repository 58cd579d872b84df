"""Workbooks and Parquet files: what a cell is, which sheet, and what would exhaust the machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from concordat.errors import InputError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources import _tabular_workbook, tabular
from concordat.evidence.sources._base import Meta, Problem

HEAD = """\
schema: concordat/import@1
file: t.{kind}
dataset: {{id: t, title: T, producer: P, published: 2026-05-02, licence: CC-BY-4.0, class: member_official}}
"""
PLAIN = """\
columns: {area: {column: c}, period: {column: y}, value: {column: v}}
value_is: {indicator: internet_users_pct, unit: percent}
"""
HEADER = ("c", "y", "v")


def workbook(write: Callable[[Any, Any], None], *names: str) -> bytes:
    """A workbook with these sheets, the first of which is written by `write(book, sheet)`."""
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data)
    sheet = book.add_worksheet(names[0] if names else "Data")
    for name in names[1:]:
        book.add_worksheet(name)
    write(book, sheet)
    book.close()
    return data.getvalue()


def table(*rows: tuple[Any, ...]) -> bytes:
    def write(_book: Any, sheet: Any) -> None:
        for number, row in enumerate((HEADER, *rows)):
            sheet.write_row(number, 0, row)

    return workbook(write)


def parse(body: bytes, mapping: str = PLAIN, kind: str = "xlsx") -> tuple[list[Observation], list[Problem]]:
    text = HEAD.format(kind=kind) + mapping
    importer = tabular.read_mapping(text.encode(), load_catalogue(), where="map.yaml")
    when = datetime(2026, 5, 3, tzinfo=UTC)
    meta = Meta("member_official.t", "t", "v1", date(2026, 5, 2), when, "ab" * 32, f"t.{kind}", "1")
    found = list(importer.parse(body, meta))
    return [o for o in found if isinstance(o, Observation)], [p for p in found if isinstance(p, Problem)]


def test_cells_are_numbers_text_and_blank_and_each_is_found_again() -> None:
    body = table(("ZAF", 2023, 83.2), ("BRA", "2023", "84.5"), (None, None, None), ("CHN", 2023, None))
    rows, problems = parse(body)
    assert problems == []
    assert [(o.area, o.year, o.value, o.missing_reason) for o in rows] == [
        ("ZAF", 2023, 83.2, None),
        ("BRA", 2023, 84.5, None),
        ("CHN", 2023, None, "not_published"),
    ]
    assert [o.raw_locator for o in rows] == ["Data!C2", "Data!C3", "Data!C5"]
    assert [Body(body, "t.xlsx").text_at(o.raw_locator) for o in rows] == ["83.2", "84.5", ""]


def test_a_table_that_does_not_begin_in_the_first_cell_keeps_its_places() -> None:
    def write(_book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Ministry of Examples")
        sheet.write_row(3, 2, HEADER)
        sheet.write_row(4, 2, ("ZAF", 2023, 83.2))
        sheet.write(5, 2, "Source: own survey")

    body = workbook(write, "Table 1")
    rows, problems = parse(body, "format: {header_row: 4, last_row: 5}\n" + PLAIN)
    assert problems == []
    assert [o.raw_locator for o in rows] == ["'Table 1'!E5"]
    assert Body(body, "t.xlsx").text_at("'Table 1'!E5") == "83.2"


def test_a_date_of_a_workbook_is_a_date_and_no_year() -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write(1, 0, "ZAF")
        sheet.write_datetime(1, 1, datetime(2023, 5, 9), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write(1, 2, 83.2)

    body = workbook(write)
    _, (problem,) = parse(body)
    assert f"{problem.where}: {problem.text}" == (
        "Data!B2: 2023-05-09 is a date, not a year. Set period.form: date in the mapping."
    )
    (row,), _ = parse(body, PLAIN.replace("column: y", "column: y, form: date, freq: Q"))
    assert (row.period_start.isoformat(), row.freq) == ("2023-04-01", "Q")


def test_a_cell_shown_as_a_percentage_holds_a_fraction() -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ("ZAF", 2023))
        sheet.write_number(1, 2, 0.832, book.add_format({"num_format": "0.0%"}))

    (row,), _ = parse(workbook(write), PLAIN.replace("unit: percent", "unit: percent, multiply: 100"))
    assert row.value == 83.2


def test_a_cell_with_an_error_is_a_fault_and_never_missing() -> None:
    def write(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ("ZAF", 2023))
        sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")

    rows, (problem,) = parse(workbook(write))
    assert rows == []
    assert f"{problem.where}: {problem.text}" == (
        "Data!C2: the cell holds an error such as #N/A or #DIV/0!. Correct it in the workbook."
    )


def test_an_error_on_another_sheet_concerns_nobody() -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ("ZAF", 2023, 83.2))
        book.worksheets()[1].write_formula(1, 2, "=1/0", None, "#DIV/0!")

    rows, problems = parse(workbook(write, "Data", "Other"), "format: {sheet: Data}\n" + PLAIN)
    assert (len(rows), problems) == (1, [])


def merged() -> bytes:
    def write(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.merge_range(1, 0, 2, 0, "ZAF")
        sheet.write_row(1, 1, (2022, 80))
        sheet.write_row(2, 1, (2023, 83.2))

    return workbook(write)


def test_a_merged_cell_is_a_fault_unless_the_mapping_says_to_fill_it() -> None:
    _, (problem,) = parse(merged())
    assert f"{problem.where}: {problem.text}" == (
        "Data!A3: no country is named. A merged cell holds its value only once: see format.merged."
    )
    rows, problems = parse(merged(), "format: {merged: fill}\n" + PLAIN)
    assert problems == []
    assert [(o.area, o.year, o.value) for o in rows] == [("ZAF", 2022, 80.0), ("ZAF", 2023, 83.2)]


@pytest.mark.parametrize(
    ("names", "said", "message"),
    [
        (("Data", "Notes"), "", 't.xlsx: the workbook has 2 sheets. Name one as format.sheet: "Data", "Notes".'),
        (("Data", "Notes"), "sheet: Dat", 't.xlsx: there is no sheet "Dat". Did you mean "Data"?'),
        (("Data",), "sheet: Figures", 't.xlsx: there is no sheet "Figures". Sheets here: "Data".'),
        (("Data", "Notes"), "sheet: Notes", 't.xlsx: the sheet "Notes" is empty.'),
    ],
)
def test_the_sheet_is_named_or_the_only_one(names: tuple[str, ...], said: str, message: str) -> None:
    body = workbook(lambda _, sheet: sheet.write_row(0, 0, HEADER), *names)
    with pytest.raises(InputError) as error:
        parse(body, f"format: {{{said}}}\n" + PLAIN)
    assert str(error.value).rstrip() == message


@pytest.mark.parametrize("body", [b"PK\x03\x04nothing", b"c,y,v\n", b"\xd0\xcf\x11\xe0" + bytes(600)])
def test_bytes_that_are_no_workbook_are_refused(body: bytes) -> None:
    with pytest.raises(InputError, match=r"^t\.xlsx: not a workbook that I can read: .*Save it as Excel workbook"):
        parse(body)


def zipped(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_a_zip_that_unpacks_to_too_much_is_refused_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tabular_workbook, "UNPACKED_MAX", 1_000)
    body = zipped({"xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": bytes(1_001)})
    with pytest.raises(InputError, match=r"^t\.xlsx: over 200 MB when unpacked\."):
        parse(body)


def test_a_zip_that_lies_about_its_size_is_refused_by_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tabular_workbook, "UNPACKED_MAX", 1_000)
    with pytest.raises(InputError, match="over 200 MB"):
        _tabular_workbook._measure(io.BytesIO(bytes(1_001)), 1_000, None, "t.xlsx")
    body = zipped({"xl/workbook.xml": b"<x/>", "xl/a.xml": bytes(900)})
    directory = body.rindex(b"PK\x01\x02")
    lying = body[: directory + 24] + (5).to_bytes(4, "little") + body[directory + 28 :]
    with pytest.raises(InputError, match="not a workbook that I can read: Bad CRC-32"):
        parse(lying)


def test_a_stray_cell_in_the_last_corner_is_found_before_the_sheet_is_built() -> None:
    def write(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write(1_048_575, 16_383, "stray")

    with pytest.raises(InputError) as error:
        parse(workbook(write))
    assert str(error.value) == (
        "t.xlsx: a sheet of 1,048,576 rows and 16,384 columns. "
        "Delete the stray cells far from the table, or save the sheet as CSV."
    )


# --- Parquet ---


def parquet(folder: Path, select: str) -> bytes:
    import duckdb

    path = folder / "made.parquet"
    with duckdb.connect(":memory:") as engine:
        engine.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_parquet_values_are_read_by_type_and_found_again(tmp_path: Path) -> None:
    body = parquet(
        tmp_path,
        "SELECT * FROM (VALUES ('ZAF', 2023, 83.25::DECIMAL(6,2)), ('NAM', 2023, NULL)) AS t(c, y, v)",
    )
    rows, problems = parse(body, kind="parquet")
    assert problems == []
    assert [(o.area, o.value, o.missing_reason, o.raw_locator) for o in rows] == [
        ("ZAF", 83.25, None, "row 1, v"),
        ("NAM", None, "not_published", "row 2, v"),
    ]


@pytest.mark.parametrize(("number", "text"), [("'NaN'", "nan"), ("'Infinity'", "inf"), ("'-Infinity'", "-inf")])
def test_numbers_that_are_none_are_faults_unless_listed(tmp_path: Path, number: str, text: str) -> None:
    body = parquet(tmp_path, f"SELECT 'ZAF' AS c, 2023 AS y, {number}::DOUBLE AS v")
    _, (problem,) = parse(body, kind="parquet")
    assert problem.text == f'{text} is no number. List "{text}" under format.missing, if it is.'
    (row,), _ = parse(body, f'format: {{missing: ["{text}"]}}\n' + PLAIN, kind="parquet")
    assert row.missing_reason == "not_published"


def test_dates_and_times_of_parquet_are_periods(tmp_path: Path) -> None:
    body = parquet(tmp_path, "SELECT 'ZAF' AS c, TIMESTAMP '2023-05-09 00:00:00' AS y, 1 AS v")
    (row,), _ = parse(body, PLAIN.replace("column: y", "column: y, form: date, freq: M"), kind="parquet")
    assert row.period_start.isoformat() == "2023-05-01"


def test_bytes_that_are_no_parquet_are_refused() -> None:
    with pytest.raises(InputError, match=r"^t\.parquet: not a Parquet file that I can read: "):
        parse(b"PAR1 but not really PAR1", kind="parquet")
