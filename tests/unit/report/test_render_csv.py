"""The long CSV, read back by the standard library and by DuckDB."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.errors import InputError
from concordat.evidence.csv_text import guarded
from concordat.report import render_csv
from concordat.report.chapter import Cell, Chapter, Column, Num, Report, Row, Table
from concordat.report.outline import Outline
from concordat.report.render_csv import COLUMNS


@pytest.fixture(scope="module")
def lines(report: Report) -> dict[str, dict[str, str]]:
    """The lines by the name of their cell."""
    found = list(csv.DictReader(io.StringIO(render_csv.render(report).decode(), newline="")))
    assert len({line["cell"] for line in found}) == len(found)
    return {line["cell"]: line for line in found}


def of_cell(report: Report, cell: Cell, title: str = "A") -> dict[str, str]:
    table = Table("t", title, "Row", (Column("x", title, "percent"),), (Row(title, title, (cell,)),))
    report = replace(report, chapters=(Chapter("c", title, (table,)),), lead_figure=None)
    return next(csv.DictReader(io.StringIO(render_csv.render(report).decode(), newline="")))


def test_every_cell_of_every_table_has_one_line(lines: dict[str, dict[str, str]], report: Report) -> None:
    wanted = [
        f"{e.name}:{row.id}:{column.id}"
        for e in Outline(report).entries
        for row in e.table.rows
        for column in e.table.columns
    ]
    assert list(lines) == wanted


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("T1:BRA:internet_users_pct", {"value": "84", "year": "2023", "unit": "percent", "source": "cia_factbook",
                                       "row": "Brasil · Brazil", "row_kind": "member", "part": "value"}),
        ("T1:ETH:fixed_broadband_per_100", {"value": "", "lower": "0", "upper": "1", "marks": "censored", "part": ""}),
        ("T2:ZAF:gini_index", {"value": "", "text": "not published by the source", "record": "", "part": ""}),
        ("T1:EGY:internet_users_pct", {"year": "2016", "marks": "stale"}),
        ("T4:gini_weighted:internet_users_pct", {"value": "0.10897", "lower": "0.105", "upper": "0.113"}),
        ("T4:gini_weighted:gini", {"text": "'=SUM(A1:A9)"}),
        ("T4:change:internet_users_pct", {"value": "-0.25", "unit": "points"}),
        ("T4:change:gini", {"text": "'-1+2"}),
        ("T4:without:internet_users_pct", {"value": "1232300000"}),
    ],
)  # fmt: skip
def test_a_line_says_all_that_its_cell_holds(
    lines: dict[str, dict[str, str]], cell: str, expected: dict[str, str]
) -> None:
    assert {name: lines[cell][name] for name in expected} == expected


def test_records_stand_whole(lines: dict[str, dict[str, str]], sample: ModuleType) -> None:
    line = lines["T1:BRA:internet_users_pct"]
    assert line["record"] == sample.record("BRA", "internet_users_pct")
    assert line["rank_record"] == sample.record("rank", "BRA", "internet_users_pct")
    assert int(line["rank_worst"]) - int(line["rank_best"]) == 1


def test_the_bytes_are_utf_8_without_a_mark_with_crlf_and_the_same_each_time(report: Report) -> None:
    data = render_csv.render(report)
    assert data == render_csv.render(report)
    assert data.startswith(",".join(COLUMNS).encode() + b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert "भारत India".encode() in data


def test_duckdb_reads_numbers_as_numbers(report: Report, tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "data.csv").write_bytes(render_csv.render(report))
    query = f"SELECT typeof(value), typeof(year), count(value) OVER () FROM read_csv('{tmp_path / 'data.csv'}') LIMIT 1"
    value, year, count = duckdb.sql(query).fetchall()[0]
    nums = [c.main for e in Outline(report).entries for r in e.table.rows for c in r.cells if c.main is not None]
    assert (value, year, count) == ("DOUBLE", "BIGINT", sum(n.value is not None for n in nums))


@given(text=st.text(alphabet=st.one_of(st.sampled_from("=+-@'\t\r\n\"," + "＝＋－＠"), st.characters(codec="utf-8"))))
def test_guarding_text_can_be_undone_and_leaves_no_formula(report: Report, text: str) -> None:
    found = of_cell(report, Cell(text=text), title=text)
    for name in ("text", "row", "row_id", "table_title", "column"):
        assert found[name].removeprefix("'") == (text if found[name].startswith("'") else found[name])
        assert found[name] in (text, f"'{text}")
        assert not found[name].startswith(tuple("=+-@\t\r\n＝＋－＠"))


@pytest.mark.parametrize("text", ["Brazil", "1.5", "", "a=b", "−1 (minus sign)", "٣"])
def test_harmless_text_is_left_as_it_is(text: str) -> None:
    assert guarded(text) == text


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_double_comes_back_as_itself(report: Report, number: float) -> None:
    found = of_cell(report, Cell(Num(number, number, number, "points", "a" * 32)))
    assert [float(found[name]) for name in ("value", "lower", "upper")] == [number] * 3


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_not_a_number_is_refused(report: Report, number: float) -> None:
    with pytest.raises(InputError, match="not a number"):
        of_cell(report, Cell(Num(number, id="a" * 32)))
