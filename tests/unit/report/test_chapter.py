"""The blocks of a chapter: what can't be changed, which numbers they hold, how tables are counted."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest

from concordat.report import chapter
from concordat.report.chapter import Cell, Chapter, Code, Column, Figure, Num, Report, Row, Table, nums_in, tables_of

ID = "0" * 32
TABLE = Table("t", "T", "Row", (Column("x", "X"),), (Row("a", "A", (Cell(Num(1, id=ID)),)),))
FIGURE = Figure("f", "F", {}, TABLE, "words")


def test_every_block_is_frozen() -> None:
    classes = [c for c in vars(chapter).values() if isinstance(c, type) and is_dataclass(c)]
    assert len(classes) >= 14
    for one in classes:
        made = one.__new__(one)
        with pytest.raises(FrozenInstanceError):
            setattr(made, fields(one)[0].name, "other")


def test_a_cell_holds_its_number_year_and_rank() -> None:
    number, year, rank = Num(1, id="a"), Num(2020, id="b"), Num(None, 1, 2, id="c")
    assert list(Cell(number, year=year, rank=rank).nums()) == [number, year, rank]
    assert list(Cell(text="2020").nums()) == []


def test_numbers_are_found_among_words() -> None:
    one, two = Num(1, id="a"), Num(2, id="b")
    assert list(nums_in(("1 ", one, Code("2"), two))) == [one, two]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ((), []),
        ((TABLE,), ["t"]),
        ((FIGURE,), ["t"]),
        ((FIGURE, TABLE), ["t"]),
        ((TABLE, FIGURE), ["t"]),
        ((FIGURE, replace(FIGURE, id="g")), ["t"]),
        ((replace(FIGURE, table=replace(TABLE, id="u")), TABLE), ["u", "t"]),
    ],
)
def test_a_table_counts_once_in_a_chapter(
    report: Report, blocks: tuple[Table | Figure, ...], expected: list[str]
) -> None:
    found = tables_of(replace(report, chapters=(Chapter("c", "C", blocks),)))
    assert [table.id for _, _, table in found] == expected


def test_numbers_of_tables_run_through_the_report_and_pass_over_missing_chapters(report: Report) -> None:
    last = Chapter("last", "Last", (TABLE,))
    found = tables_of(replace(report, chapters=(*report.chapters, last)))
    assert [number for number, _, _ in found] == [1, 2, 3, 4, 5]
    assert found[-1] == (5, last, TABLE)
