"""How tables, figures, sources and cells of the invented report are numbered and called."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from concordat.report.chapter import Cell, Chapter, Code, Column, Figure, Num, Report, Row, Table
from concordat.report.messages import Messages
from concordat.report.outline import (
    Outline,
    common_source,
    elsewhere,
    how_to_read,
    numbers_of,
    right_to_left,
    table_key,
)

ID = "ab" * 16


def table(*cells: Cell, id_: str = "t") -> Table:
    return Table(
        id_, "T", "Row", (Column("x", "X"),), tuple(Row(f"r{i}", "R", (cell,)) for i, cell in enumerate(cells))
    )


def test_tables_are_numbered_in_reading_order_each_once(report: Report) -> None:
    entries = Outline(report).entries
    assert [(e.name, e.chapter.id, e.table.id) for e in entries] == [
        ("T1", "standing", "connectivity"), ("T2", "standing", "economy"), ("T3", "standing", "all"),
        ("T4", "divide", "divide"),
    ]  # fmt: skip


def test_the_lead_figure_is_number_one_and_counted_once(report: Report) -> None:
    outline = Outline(report)
    assert [f.id for f in outline.figures()] == ["internet-dots", "tiles", "heat", "gap"]
    assert [outline.figure_number(f) for f in outline.figures()] == [1, 2, 3, 4]
    assert [f.id for f in outline.figures() if outline.is_lead(f)] == ["internet-dots"]
    assert not any(Outline(replace(report, lead_figure=None)).is_lead(f) for f in outline.figures())


def test_a_figure_owns_its_table_only_where_nobody_prints_it(report: Report) -> None:
    outline = Outline(report)
    owned = {b.id: outline.owns_table(e, b) for e in report.chapters if isinstance(e, Chapter) for b in e.blocks
             if isinstance(b, Figure)}  # fmt: skip
    assert owned == {"internet-dots": False, "tiles": False, "heat": False, "gap": True}


def test_of_two_figures_with_one_table_the_first_owns_it(report: Report) -> None:
    lead = report.lead_figure
    assert lead is not None
    first, second = (replace(lead, id=name, table=table(id_="own")) for name in ("one", "two"))
    chapter = Chapter("c", "C", (first, second))
    outline = Outline(replace(report, chapters=(chapter,), lead_figure=None))
    assert [outline.owns_table(chapter, f) for f in (first, second)] == [True, False]
    assert [e.name for e in outline.entries] == ["T1"]
    assert outline.entry_of(first) is outline.entry_of(second) is outline.entries[0]


def test_a_figure_finds_its_table_in_its_own_chapter_first(report: Report) -> None:
    lead = report.lead_figure
    assert lead is not None
    one, two = (replace(lead, id=name, table=table(id_="same")) for name in ("one", "two"))
    outline = Outline(
        replace(report, chapters=(Chapter("a", "A", (one,)), Chapter("b", "B", (two,))), lead_figure=None)
    )
    assert [outline.entry_of(f).name for f in (one, two)] == ["T1", "T2"]


def test_a_figure_whose_table_stands_nowhere_is_a_fault_of_the_program(report: Report) -> None:
    lead = report.lead_figure
    assert lead is not None
    with pytest.raises(AssertionError, match="stands in no chapter"):
        Outline(replace(report, chapters=())).entry_of(lead)


def test_sources_are_numbered_by_the_list_and_none_is_made_up(report: Report) -> None:
    outline = Outline(report)
    assert [outline.source_number(s.dataset_id) for s in report.sources] == [1, 2]
    with pytest.raises(AssertionError, match="nobody is cited"):
        outline.source_number("nobody")


def test_ids_are_as_short_as_the_report_says(report: Report) -> None:
    outline = Outline(replace(report, id_length=11))
    assert outline.short_id(Num(1, id=ID)) == "abababababa"
    with pytest.raises(AssertionError, match="without a record"):
        outline.short_id(Num(1))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((Cell(text="none"), Cell(Num(1, id=ID))), "T1:r1:x"),
        ((Cell(text="none"),), "T1:r0:x"),
        ((), "T1:row:x"),
    ],
)
def test_the_example_of_a_table_is_a_cell_with_a_number(report: Report, rows: tuple[Cell, ...], expected: str) -> None:
    outline = Outline(replace(report, chapters=(Chapter("c", "C", (table(*rows),)),), lead_figure=None))
    assert outline.entries[0].example == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell(text="none"), []),
        (Cell(Num(5, id=ID)), [("", "value", 5)]),
        (Cell(Num(5, id=ID, part="n")), [("", "n", 5)]),
        (Cell(Num(5, 4, 6, id=ID)), [("", "value", 5), (":lower", "lower", 4), (":upper", "upper", 6)]),
        (Cell(Num(5, 4, 6, id=ID, part="median")),
         [("", "median", 5), (":lower", "median_lower", 4), (":upper", "median_upper", 6)]),
        (Cell(Num(None, 0, 1, id=ID)), [("", "lower", 0), (":lower", "lower", 0), (":upper", "upper", 1)]),
        (Cell(Num(None, None, 1, id=ID)), [("", "upper", 1), (":upper", "upper", 1)]),
        (Cell(Num(None, 100, None, id=ID)), [("", "lower", 100), (":lower", "lower", 100)]),
        (
            Cell(Num(5, id=ID), year=Num(2016, unit="year", id=ID, part="year"), rank=Num(None, 3, 5, "rank", ID)),
            [("", "value", 5), (":year", "year", 2016), (":rank", "lower", 3), (":rank:lower", "lower", 3),
             (":rank:upper", "upper", 5)],
        ),
    ],
)  # fmt: skip
def test_every_number_of_a_cell_has_a_name(cell: Cell, expected: list[tuple[str, str, float]]) -> None:
    assert [(suffix, part, value) for suffix, _, part, value in numbers_of(cell)] == expected


@pytest.mark.parametrize(("sources", "expected"), [(("a", "a"), "a"), (("a", "b"), ""), ((), ""), (("a",), "a")])
def test_a_source_is_common_if_all_published_figures_have_it(sources: tuple[str, ...], expected: str) -> None:
    cells = [Cell(Num(1, id=ID), source=source) for source in sources]
    assert common_source(table(*cells, Cell(text="none"))) == expected


def test_the_key_of_a_table_names_its_source_only_if_it_has_one(
    report: Report, messages: Messages, sample: ModuleType
) -> None:
    several, single = sample.sample_report().chapters[0].blocks[4], table(Cell(Num(1, id=ID), source="itu"))
    chapters = (Chapter("c", "C", (several, single)),)
    first, second = Outline(replace(report, chapters=chapters, lead_figure=None)).entries
    assert "Source" not in "".join(run for run in table_key(messages, first) if isinstance(run, str))
    assert Code("T2:r0:x") in table_key(messages, second)
    assert "Source" in "".join(run for run in table_key(messages, second) if isinstance(run, str))


def test_a_long_table_says_where_it_is(report: Report, messages: Messages) -> None:
    words = elsewhere(messages, Outline(report).entries[2])
    assert [run.text for run in words if isinstance(run, Code)] == ["data.xlsx", "T3", "data.csv"]


def test_how_to_read_shows_a_command_that_can_be_run(report: Report, messages: Messages) -> None:
    codes = [run.text for line in how_to_read(messages, Outline(report)) for run in line if isinstance(run, Code)]
    assert codes == ["concordat evidence trace T1:ARE:internet_users_pct"]
    assert how_to_read(messages, Outline(replace(report, chapters=(), lead_figure=None)))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ar", True),
        ("ar-EG", True),
        ("ar_EG", True),
        ("fa", True),
        ("AR", True),
        ("en", False),
        ("arn", False),
        ("", False),
    ],
)
def test_direction_of_writing(language: str, expected: bool) -> None:
    assert right_to_left(language) is expected
