"""Every cell of every table of the report as one long, tidy CSV: a line for each cell, for programs.

UTF-8 without a byte-order mark, lines end in CR LF, fields are quoted where they must be (RFC 4180). Numbers are the
shortest text of the double (`canonical.number_text`), never rounded and never grouped. A cell without a number has its
words in `text`; a censored one has `lower` and `upper` and no `value`. `cell` is the name that `concordat evidence
trace` takes, alone or with `:year` or `:rank` behind it; `record` and `part` say which part of which record `value` is.

A spreadsheet takes text that begins with `=`, `+`, `-` or `@` for a formula and may run it (OWASP, "CSV Injection").
Such text is written with an apostrophe before it, and so is text that begins with an apostrophe: whoever removes one
leading apostrophe has the text back. Columns of numbers are left alone: "-0.25" is a number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from concordat.canonical import number_text
from concordat.evidence.csv_text import guarded
from concordat.report.chapter import Cell, Num, Report
from concordat.report.outline import Entry, Outline

COLUMNS = (
    "table", "table_title", "chapter", "row_id", "row", "row_kind", "column_id", "column", "unit", "value", "lower",
    "upper", "year", "rank_best", "rank_worst", "marks", "text", "source", "record", "part", "rank_record", "cell",
)  # fmt: skip


def render(report: Report) -> bytes:
    """The file."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in Outline(report).entries:
        writer.writerows(_lines(entry))
    return buffer.getvalue().encode("utf-8")


def _lines(entry: Entry) -> Iterator[list[str]]:
    table = entry.table
    about = [entry.name, table.title, entry.chapter.id]
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            unit = cell.main.unit if cell.main is not None and cell.main.unit else column.unit
            words = [*about, row.id, row.title, row.kind, column.id, column.title, unit]
            name = f"{entry.name}:{row.id}:{column.id}"
            yield [*map(guarded, words), *_numbers(cell), *map(guarded, _said(cell)), guarded(name)]


def _numbers(cell: Cell) -> list[str]:
    main, year, rank = cell.main or Num(None), cell.year or Num(None), cell.rank or Num(None)
    best, worst = (rank.value, rank.value) if rank.value is not None else (rank.lower, rank.upper)
    ends = main if main.lower is not None or cell.evidence is None else cell.evidence
    numbers = (main.value, ends.lower, ends.upper, year.value, best, worst)
    return ["" if number is None else number_text(number) for number in numbers]


def _said(cell: Cell) -> tuple[str, ...]:
    main = cell.main or Num(None, part="")
    part = main.part if main.value is not None else ""
    return ";".join(main.marks), cell.text, cell.source, main.id, part, cell.rank.id if cell.rank else ""
