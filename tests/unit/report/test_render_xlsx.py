"""The workbook, read back by a reader of another maker (calamine) and by its XML."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from concordat.errors import MethodError
from concordat.report import render_xlsx
from concordat.report.chapter import Cell, Chapter, Column, Num, Report, Row, Table
from concordat.report.messages import Messages
from concordat.report.outline import Outline, numbers_of
from concordat.report.render_xlsx import number_format

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Rows = list[list[Any]]


@pytest.fixture(scope="module")
def book(report: Report, messages: Messages) -> bytes:
    return render_xlsx.render(report, messages)


def sheets(data: bytes) -> dict[str, Rows]:
    """Every sheet with all its rows, from row 1 on."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {n: workbook.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in workbook.sheet_names}


def part(data: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(data)).read(name).decode()


def one_table(report: Report, *rows: Row, columns: tuple[Column, ...] = (Column("x", "X"),)) -> Report:
    """The report with nothing in it but one table."""
    table = Table("t", "T", "Row", columns, rows)
    return replace(report, chapters=(Chapter("c", "C", (table,)),), summary=(), meta=(), lead_figure=None)


# --- Shape --------------------------------------------------------------------------------------------------------


def test_sheets_are_the_contents_each_table_by_its_name_and_the_sources(book: bytes) -> None:
    assert list(sheets(book)) == ["Contents", "T1", "T2", "T3", "T4", "Sources"]


def test_a_sheet_is_one_rectangle_of_all_rows_below_unique_column_names(book: bytes, report: Report) -> None:
    found = sheets(book)
    for entry in Outline(report).entries:
        rows = found[entry.name]
        names = rows[2]
        assert len(set(names)) == len(names)
        assert all(names)
        assert [row[:2] for row in rows[3:]] == [[row.id, row.title] for row in entry.table.rows]
        assert {len(row) for row in rows} == {len(names)}
    assert "mergeCell" not in part(book, "xl/worksheets/sheet2.xml")


def test_the_long_table_that_no_page_prints_is_whole(book: bytes, sample: ModuleType) -> None:
    rows = sheets(book)["T3"]
    assert len(rows) == 3 + len(sample.MEMBERS) + 2
    assert set(sample.INDICATORS) <= set(rows[2])


def test_every_number_is_a_numeric_cell_under_its_trace_name_digit_by_digit(book: bytes, report: Report) -> None:
    found = sheets(book)
    for entry in Outline(report).entries:
        rows, wanted = found[entry.name], {}
        for row in entry.table.rows:
            for column, cell in zip(entry.table.columns, row.cells, strict=True):
                for suffix, num, _, value in numbers_of(cell):
                    if num.value is not None or suffix.endswith((":lower", ":upper")):
                        wanted[f"{entry.name}:{row.id}:{column.id}{suffix}"] = float(value)
        printed = {
            f"{entry.name}:{row[0]}:{name}": value
            for row in rows[3:]
            for name, value in zip(rows[2], row, strict=True)
            if isinstance(value, (int, float))
        }
        assert printed == wanted


def test_a_censored_number_has_bounds_and_no_value(book: bytes) -> None:
    rows = sheets(book)["T1"]
    ethiopia = dict(zip(rows[2], next(row for row in rows if row[0] == "ETH"), strict=True))
    name = "fixed_broadband_per_100"
    assert [ethiopia[name + s] for s in ("", ":lower", ":upper", ":marks")] == ["", 0, 1, "censored"]


def test_a_missing_number_leaves_its_column_numeric_and_says_why_beside(book: bytes) -> None:
    rows = sheets(book)["T2"]
    south_africa = dict(zip(rows[2], next(row for row in rows if row[0] == "ZAF"), strict=True))
    assert (south_africa["gini_index"], south_africa["gini_index:note"]) == ("", "not published by the source")


def test_numbers_in_sentences_have_their_records_beside(book: bytes, sample: ModuleType) -> None:
    rows = sheets(book)["Contents"]
    sentence = next(row for row in rows if str(row[1]).startswith("The distance between"))
    assert sentence[1] == "The distance between first and last member is 83 points."
    assert sentence[2] == f"83 = {sample.record('gap')[:8]} value"
    interval = next(row for row in rows if str(row[1]).startswith("Inequality"))[2]
    assert re.findall(r"(\S+) = [0-9a-f]{8} (\w+)", interval) == [
        ("0.109", "value"), ("0.105", "lower"), ("0.113", "upper"),
    ]  # fmt: skip


def test_contents_links_to_each_table_and_tells_what_is_absent(book: bytes) -> None:
    links = [link.get("location") for link in ElementTree.fromstring(part(book, "xl/worksheets/sheet1.xml")).iter(
        f"{MAIN}hyperlink")]  # fmt: skip
    assert links == [f"'T{n}'!A1" for n in range(1, 5)]
    rows = {row[0]: row[1] for row in sheets(book)["Contents"]}
    assert rows["Who gains and who pays"].startswith("Not in this report: no scenario in the study.")


# --- Formats ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num", "unit_of_head", "expected"),
    [
        (Num(84.0, unit="percent"), "percent", "#,##0"),
        (Num(68.1345, unit="percent"), "percent", "#,##0.0"),
        (Num(68.1345, unit="percent"), "", '#,##0.0"%"'),
        (Num(0.10897, unit="ratio"), "", "#,##0.000"),
        (Num(60.0, 59.5, 60.5, "percent"), "percent", "#,##0.0"),
        (Num(None, 0, 1, "percent"), "percent", "#,##0"),
        (Num(2.171e12, unit="usd_current"), "usd_current", "#,##0"),
        (Num(2.171e12, unit="usd_current"), "", '"US$"#,##0'),
        (Num(2016, unit="year"), "", "0"),
        (Num(1.5, unit="kwh"), "", '#,##0.0"\u00a0kWh"'),
        (Num(3.0, unit="percent", decimals=2), "percent", "#,##0.00"),
    ],
)
def test_a_format_shows_the_decimals_of_the_page(num: Num, unit_of_head: str, expected: str) -> None:
    assert number_format(num, unit_of_head) == expected


@settings(max_examples=60, deadline=None)
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_any_double_comes_back_as_itself(report: Report, messages: Messages, numbers: list[float]) -> None:
    rows = [Row(f"r{i}", "R", (Cell(Num(n, unit="points", id="a" * 32)),)) for i, n in enumerate(numbers)]
    back = sheets(render_xlsx.render(one_table(report, *rows), messages))["T1"]
    assert [row[2] for row in back[3:]] == numbers


def test_not_a_number_is_refused(report: Report, messages: Messages) -> None:
    with pytest.raises(AssertionError, match="nan can't be printed"):
        render_xlsx.render(one_table(report, Row("a", "A", (Cell(Num(float("nan"), id="a" * 32)),))), messages)


# --- Text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+2", "@SUM(A1)", "'quoted", "https://example.org", "007", "\t=1", "<b>&", "a\x01b", "_x0041_"],
)
def test_text_stays_text_whatever_it_looks_like(report: Report, messages: Messages, text: str) -> None:
    data = render_xlsx.render(one_table(report, Row(text, text, (Cell(text=text),))), messages)
    if text.isprintable() and "_x" not in text:  # calamine leaves the escapes of XML 1.0 as they are
        assert sheets(data)["T1"][3] == [text, text, text]
    sheet = ElementTree.fromstring(part(data, "xl/worksheets/sheet2.xml"))
    cells = [cell for row in sheet.iter(f"{MAIN}row") if row.get("r") == "4" for cell in row]
    assert [cell.get("t") for cell in cells] == ["s"] * 3
    assert not list(sheet.iter(f"{MAIN}f"))
    assert ('quotePrefix="1"' in part(data, "xl/styles.xml")) is (text[0] in "=+-@'\t")


def test_text_too_long_for_a_cell_is_cut_visibly(report: Report, messages: Messages) -> None:
    long = "𐍈" * 40_000  # two units of UTF-16 each
    found = sheets(render_xlsx.render(one_table(report, Row("a", "A", (Cell(text=long),))), messages))["T1"][3][2]
    assert found.endswith("𐍈…")
    assert len(found.encode("utf-16-le")) // 2 <= 32_767


def test_a_table_larger_than_a_sheet_is_refused_with_the_way_out(report: Report, messages: Messages) -> None:
    columns = tuple(Column(f"c{i}", "C") for i in range(16_383))
    row = Row("a", "A", tuple(Cell(text="x") for _ in columns))
    with pytest.raises(MethodError, match="larger than a sheet") as caught:
        render_xlsx.render(one_table(report, row, columns=columns), messages)
    assert "study" in caught.value.hint


def test_a_table_without_rows_or_columns_is_a_sheet_all_the_same(report: Report, messages: Messages) -> None:
    assert sheets(render_xlsx.render(one_table(report), messages))["T1"][2] == ["row_id", "row_title", "x"]
    empty = sheets(render_xlsx.render(one_table(report, Row("a", "A", ()), columns=()), messages))["T1"]
    assert empty[3] == ["a", "A"]


# --- The file -----------------------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_bytes_without_a_clock(book: bytes, report: Report, messages: Messages) -> None:
    assert render_xlsx.render(report, messages) == book
    members = zipfile.ZipFile(io.BytesIO(book)).infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    core = part(book, "docProps/core.xml")
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[^<]+", core)) == {report.stamp}


@pytest.mark.parametrize(("language", "expected"), [("en", False), ("ar", True), ("ar-EG", True), ("pt", False)])
def test_arabic_sheets_run_from_right_to_left(report: Report, language: str, expected: bool) -> None:
    data = render_xlsx.render(replace(report, language=language), Messages(language))
    found = ['rightToLeft="1"' in part(data, f"xl/worksheets/sheet{n}.xml") for n in range(1, 7)]
    assert found == [expected] * 6


def test_heads_stay_in_sight_and_rows_can_be_filtered(book: bytes, report: Report) -> None:
    for number, entry in enumerate(Outline(report).entries, 2):
        sheet = ElementTree.fromstring(part(book, f"xl/worksheets/sheet{number}.xml"))
        pane, filtered = next(sheet.iter(f"{MAIN}pane")), next(sheet.iter(f"{MAIN}autoFilter"))
        assert (pane.get("state"), pane.get("topLeftCell")) == ("frozen", "C4")
        assert re.fullmatch(rf"A3:[A-Z]+{3 + len(entry.table.rows)}", filtered.get("ref", ""))
