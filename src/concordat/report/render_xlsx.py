"""The report's tables as a workbook for an analyst: one clean rectangle a sheet, a row for each row of the table.

First sheet: title, what the report was made from, its sentences, the list of tables with links, notes, absent parts.
Then a sheet for each table, `T1`, `T2`, ... Last sheet: the sources. On a table's sheet

    row 1     name and title of the table, and the way back to the first sheet
    row 2     column heads in words, with the unit
    row 3     column names: `row_id`, `row_title`, `row_kind` (where rows differ in kind), then for each column of the
              table `<column>`, `<column>:lower`, `:upper`, `:year`, `:rank:lower`, `:rank:upper`, `:marks`, `:source`,
              `:note`, as far as some row has something to put there
    row 4 on  the cells; nothing is merged, so the block from row 3 can be filtered, sorted, or read by a program

The name of a number is sheet, row id and column name: `T3:BRA:internet_users_pct` or `T3:BRA:internet_users_pct:year`,
and `concordat evidence trace` follows it. Numbers inside sentences have the ids of their records in the column beside.

Numbers are numeric cells with every digit of the double; their format shows the decimals that the page prints, and a
unit only where the column's head does not say it. A censored number ("less than 1") has an empty value, its bounds, and
the mark `censored`; the reason for a missing one stands under `:note`, so that a column of numbers holds only numbers.
Text is never a formula, whatever it begins with, also after somebody edits the cell; one too long for a cell (32,767
characters) is cut and ends in "…". The bytes depend on the report alone: the time in the file is the report's stamp.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from concordat.canonical import number_text
from concordat.errors import MethodError
from concordat.evidence.csv_text import FORMULA_STARTS
from concordat.figures.numbers import CURRENCIES, NBSP, WHOLE, decimals_of, pieces
from concordat.report.chapter import Cell, Cite, Code, Missing, Num, Report, Runs, Table
from concordat.report.messages import Messages
from concordat.report.outline import Entry, Outline, how_to_read, numbers_of, right_to_left

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

LAST_MAX = 20_000
_LAST: dict[int, tuple[Cell, dict[str, tuple[Num, float | int]]]] = {}
FIRST_ROW = 3  # counted from 0: the fourth row of a sheet
ROWS_MAX, COLUMNS_MAX, TEXT_MAX = 1_048_576, 16_384, 32_767  # of the format (ECMA-376)
NUMBERS = tuple(beside + end for beside in ("", ":year", ":rank") for end in ("", ":lower", ":upper"))
WORDS = (":marks", ":source", ":note")
HEADS = {
    ":lower": ("lower",), ":upper": ("upper",), ":year": ("year",), ":year:lower": ("year", "lower"),
    ":year:upper": ("year", "upper"), ":rank": ("rank",), ":rank:lower": ("rank_best",), ":rank:upper": ("rank_worst",),
    ":marks": ("marks",), ":source": ("source",), ":note": ("note",),
}  # fmt: skip
WIDTHS = {"": 16, ":lower": 12, ":upper": 12, ":year": 8, ":marks": 14, ":source": 15, ":note": 30}
PROSE_WIDTH, RANK_WIDTH, FIRST_WIDTHS = 48, 11, (22, 34, 11)
GROUND, SHADE, LINE, LINK = "#dfeaec", "#f1f5f6", "#9cc3cc", "#0b5667"


def render(report: Report, messages: Messages) -> bytes:
    """The workbook.

    Raises:
        MethodError: a table is larger than a sheet can be.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    stamp = datetime.fromisoformat(report.stamp.replace("Z", "+00:00")).replace(tzinfo=None)
    workbook.set_properties(
        {"title": report.title, "subject": report.subtitle, "created": stamp, "author": "Concordat"}
    )
    book = _Book(report, messages, workbook)
    book.front()
    for entry in book.outline.entries:
        book.table(entry)
    book.sources()
    workbook.close()
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Place:
    """A column of a sheet: which column of the table it belongs to, and what of its cells it holds."""

    column: int
    suffix: str
    numeric: bool = False


class _Book:
    """The sheets, written one after the other."""

    def __init__(self, report: Report, messages: Messages, workbook: Any) -> None:
        self.report = report
        self.messages = messages
        self.workbook = workbook
        self.outline = Outline(report)
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._sheet_class = _exact_worksheet()

    # --- The first and the last sheet -------------------------------------------------------------------------

    def front(self) -> None:
        """Title, summary, meta, the list of tables, notes, and what is not there."""
        sheet, plain = self._sheet(self._word("contents")), self.messages.plain
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 96)
        sheet.set_column(2, 2, 40)
        rows = _Rows(self, sheet)
        rows.text(self.report.title, size=16, bold=True)
        rows.text(self.report.subtitle)
        rows.heading("", "", self._word("record"))
        for label, value in self.report.meta:
            rows.runs(label, value)
        rows.heading(plain("page.summary"))
        for sentence in self.report.summary:
            rows.runs("", sentence)
        rows.heading(self._word("sheet"), self._word("title"), self._word("chapter"))
        for entry in self.outline.entries:
            rows.link(entry.name, entry.table.title, entry.chapter.title)
        noted = [(entry, note) for entry in self.outline.entries for note in entry.table.notes]
        if noted:
            rows.heading(self._word("table"), self._word("note"), self._word("record"))
        for entry, note in noted:
            rows.runs(entry.name, note)
        rows.heading(plain("page.how_to_read"))
        example = self.outline.entries[0].example if self.outline.entries else "ID"
        command = Code(f"concordat evidence trace {example}")
        rows.runs("", self.messages.text("page.xlsx.how", example=Code(example), command=command))
        for line in how_to_read(self.messages, self.outline)[:2]:
            rows.runs("", line)
        absent = [chapter for chapter in self.report.chapters if isinstance(chapter, Missing)]
        if absent:
            rows.heading(plain("page.absent"))
        for chapter in absent:
            text = plain("page.missing", reason=chapter.reason)
            load = plain("page.missing_load", load=chapter.what_to_load) if chapter.what_to_load else ""
            rows.runs(chapter.title, (f"{text} {load}".strip(),))

    def sources(self) -> None:
        """Number, dataset and citation of every source."""
        sheet = self._sheet(self._word("sources"))
        for column, (key, width) in enumerate((("number", 9), ("dataset", 22), ("citation", 110))):
            sheet.set_column(column, column, width)
            self.write_text(sheet, 0, column, self._word(key), bold=True, bg_color=GROUND)
        for row, source in enumerate(self.report.sources, 1):
            sheet.write_number(row, 0, row, self.format(num_format="0", valign="top"))
            self.write_text(sheet, row, 1, source.dataset_id, valign="top")
            self.write_text(sheet, row, 2, source.citation, text_wrap=True, valign="top")
        sheet.freeze_panes(1, 0)

    # --- A table ----------------------------------------------------------------------------------------------

    def table(self, entry: Entry) -> None:
        """One table as one rectangle."""
        table = entry.table
        places = list(_places(table))
        kinds = any(row.kind != "other" for row in table.rows)
        first = 3 if kinds else 2
        if len(table.rows) + FIRST_ROW > ROWS_MAX or first + len(places) > COLUMNS_MAX:
            hint = "Name fewer areas or indicators in the study."
            raise MethodError(f"{table.title} is larger than a sheet can be.", where=entry.name, hint=hint)
        sheet = self._sheet(entry.name)
        self._heads(sheet, entry, places, kinds)
        for index, row in enumerate(table.rows, FIRST_ROW):
            look = {"bg_color": SHADE, "bold": True} if row.kind in ("bloc", "world") else {}
            for column, text in enumerate((row.id, row.title, row.kind)[:first]):
                self.write_text(sheet, index, column, text, **look)
            for column, place in enumerate(places, first):
                self._write(sheet, index, column, place, table, row.cells[place.column], look)
        last_row, last_column = max(FIRST_ROW, FIRST_ROW + len(table.rows) - 1), first + len(places) - 1
        sheet.autofilter(FIRST_ROW - 1, 0, last_row, last_column)
        sheet.freeze_panes(FIRST_ROW, 2)

    def _heads(self, sheet: Worksheet, entry: Entry, places: Sequence[_Place], kinds: bool) -> None:
        table = entry.table
        target = f"internal:'{self._word('contents')}'!A1"
        sheet.write_url(0, 0, target, self.format(font_color=LINK, underline=1), self._word("contents"))
        self.write_text(sheet, 0, 1, f"{entry.name}: {table.title}", bold=True, font_size=13)
        firsts = [
            ("row_id", self._word("row_id")),
            ("row_title", table.row_title),
            ("row_kind", self._word("row_kind")),
        ]
        heads = firsts[: 3 if kinds else 2]
        for column, width in enumerate(FIRST_WIDTHS[: len(heads)]):
            sheet.set_column(column, column, width)
        for place in places:
            column_of = table.columns[place.column]
            sheet.set_column(len(heads), len(heads), _width(place, table))
            heads.append((f"{column_of.id}{place.suffix}", self._head(place, table)))
        starts = {
            i for i, (a, b) in enumerate(zip(places, [None, *places], strict=False)) if not b or a.column != b.column
        }
        for column, (name, words) in enumerate(heads):
            edge = {"left": 1, "left_color": LINE} if column - (3 if kinds else 2) in starts else {}
            self.write_text(sheet, 1, column, words, bold=True, text_wrap=True, valign="top", bg_color=GROUND, **edge)
            self.write_text(sheet, 2, column, name, font_size=9, bg_color=GROUND, bottom=1, **edge)
        sheet.set_row(1, 45)

    def _head(self, place: _Place, table: Table) -> str:
        """The column's title and unit, and what stands beside the number, in words."""
        column = table.columns[place.column]
        unit = self.messages.plain(f"page.unit.{column.unit}") if column.unit and place.suffix in NUMBERS[:3] else ""
        title = self.messages.listed((column.title, unit)) if unit else column.title
        return f"{title}: {self.messages.listed(map(self._word, HEADS[place.suffix]))}" if place.suffix else title

    def _write(
        self, sheet: Worksheet, row: int, column: int, place: _Place, table: Table, cell: Cell, look: dict[str, Any]
    ) -> None:
        found = _content(cell, place.suffix, numeric=place.numeric)
        if isinstance(found, tuple):
            num, value = found
            kind = number_format(num, table.columns[place.column].unit)
            sheet.write_number(row, column, value, self.format(num_format=kind, **look))
        elif found:
            face = {"font_name": "Courier New"} if cell.code and not place.suffix else {}
            self.write_text(sheet, row, column, found, **look, **face)
        elif look:
            sheet.write_blank(row, column, None, self.format(**look))

    # --- Shared -----------------------------------------------------------------------------------------------

    def _sheet(self, name: str) -> Worksheet:
        sheet = self.workbook.add_worksheet(name, self._sheet_class)
        if right_to_left(self.report.language):
            sheet.right_to_left()
        return sheet

    def _word(self, key: str) -> str:
        return self.messages.plain(f"page.xlsx.{key}")

    def format(self, **look: Any) -> Format:
        """A cell format; the same look is one format of the workbook."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format(look)
        return self._formats[key]

    def write_text(self, sheet: Worksheet, row: int, column: int, text: str, **look: Any) -> None:
        """Text as text: never a formula or a link, and marked so that it stays text when the cell is edited."""
        if text.startswith((*FORMULA_STARTS, "'")):
            look["quote_prefix"] = True
        if len(text.encode("utf-16-le")) // 2 > TEXT_MAX:
            text = text[: TEXT_MAX // 2] + "…"
        sheet.write_string(row, column, text, self.format(**look))


class _Rows:
    """The rows of the first sheet from top to bottom."""

    def __init__(self, book: _Book, sheet: Worksheet) -> None:
        self.book = book
        self.sheet = sheet
        self.row = 0

    def text(self, text: str, size: int = 11, bold: bool = False) -> None:
        self.book.write_text(self.sheet, self.row, 0, text, font_size=size, bold=bold)
        self.row += 1

    def heading(self, *words: str) -> None:
        self.row += 1
        for column in range(3):
            word = words[column] if column < len(words) else ""
            self.book.write_text(self.sheet, self.row, column, word, bold=True, bg_color=GROUND)
        self.row += 1

    def runs(self, label: str, runs: Runs) -> None:
        """A label, a sentence, and beside it the records of its numbers."""
        texts = (label, "".join(self._text(run) for run in runs), "; ".join(self._records(runs)))
        for column, text in enumerate(texts):
            if text:
                self.book.write_text(self.sheet, self.row, column, text, text_wrap=True, valign="top")
        self.row += 1

    def link(self, name: str, title: str, chapter: str) -> None:
        look = self.book.format(font_color=LINK, underline=1)
        self.sheet.write_url(self.row, 0, f"internal:'{name}'!A1", look, name)
        self.book.write_text(self.sheet, self.row, 1, title)
        self.book.write_text(self.sheet, self.row, 2, chapter)
        self.row += 1

    def _text(self, run: str | Num | Code | Cite) -> str:
        if isinstance(run, Num):
            words = [self.book.messages.plain(f"page.mark.{mark}") for mark in run.marks]
            return " ".join((self.book.messages.number(run), *(word for word in words if word)))
        if isinstance(run, Cite):
            return f"[{self.book.outline.source_number(run.dataset_id)}]"
        return run.text if isinstance(run, Code) else run

    def _records(self, runs: Runs) -> Iterator[str]:
        """`68.1% = 3fa9c2d1 value`."""
        for num in (run for run in runs if isinstance(run, Num)):
            for piece in pieces(num, self.book.report.language):
                if piece.part:
                    yield f"{piece.text} = {self.book.outline.short_id(num)} {piece.part}"


# --- What stands where --------------------------------------------------------------------------------------------


def _places(table: Table) -> Iterator[_Place]:
    """The columns of the sheet, without those in which no row has anything to say."""
    for index in range(len(table.columns)):
        cells, numeric = [row.cells[index] for row in table.rows], _is_numeric(table, index)
        found = [s for s in (*NUMBERS, *WORDS) if any(_content(c, s, numeric=numeric) for c in cells)]
        for suffix in found or [""]:
            yield _Place(index, suffix, numeric)


def _is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds a number anywhere; then its words stand under `:note`."""
    cells = (row.cells[column] for row in table.rows)
    return any(cell.main is not None or cell.year is not None or cell.rank is not None for cell in cells)


def _content(cell: Cell, suffix: str, *, numeric: bool) -> tuple[Num, float | int] | str:
    """What a cell has to put into the column of a suffix: a number, or words, or nothing."""
    if suffix == "" and not numeric:
        return cell.text
    if suffix == ":marks":
        return "; ".join(cell.main.marks) if cell.main is not None else ""
    if suffix == ":source":
        return cell.source
    if suffix == ":note":
        return cell.text if numeric else ""
    return _numbers(cell).get(suffix, "")


def _numbers(cell: Cell) -> dict[str, tuple[Num, float | int]]:
    """The numbers of a cell by suffix. A sheet asks for those of a cell once a column, so the last ones are kept."""
    known = _LAST.get(id(cell))
    if known is not None and known[0] is cell:
        return known[1]
    found: dict[str, tuple[Num, float | int]] = {}
    for suffix, num, _, value in numbers_of(cell):
        if num.value is not None or suffix.endswith((":lower", ":upper")):
            found.setdefault(suffix, (num, value))
    if len(_LAST) >= LAST_MAX:
        _LAST.clear()
    _LAST[id(cell)] = (cell, found)
    return found


def _width(place: _Place, table: Table) -> int:
    if place.suffix == "" and not _is_numeric(table, place.column):
        return PROSE_WIDTH
    return WIDTHS.get(place.suffix, RANK_WIDTH)


def number_format(num: Num, unit: str) -> str:
    """The format that shows a number and its ends with the decimals of the page.

    >>> number_format(Num(68.1345, unit="percent"), ""), number_format(Num(84, unit="percent"), "percent")
    ('#,##0.0"%"', '#,##0')

    Args:
        unit: what the column's head says; another unit is part of the format.
    """
    if num.unit in WHOLE:
        return "0"
    shown = (n for n in (num.value, num.lower, num.upper) if n is not None)
    decimals = max(decimals_of(n, num.unit) for n in shown) if num.decimals is None else num.decimals
    body = "#,##0" + ("." + "0" * decimals if decimals else "")
    if num.unit == unit:
        return body
    if num.unit in CURRENCIES:
        return f'"{CURRENCIES[num.unit]}"{body}'
    after = {"percent": "%", "share": "%", "kwh": f"{NBSP}kWh"}.get(num.unit, "")
    return f'{body}"{after}"' if after else body


def _exact_worksheet() -> type[Worksheet]:
    """A worksheet that writes every digit of a double; xlsxwriter's own stops at 16, at times another double."""
    from xlsxwriter.worksheet import Worksheet

    class ExactWorksheet(Worksheet):
        def _xml_number_element(self, number: float | int, attributes: Sequence[tuple[str, Any]] = ()) -> None:
            attributes_text = "".join(f' {name}="{value}"' for name, value in attributes)
            self.fh.write(f"<c{attributes_text}><v>{number_text(number)}</v></c>")

    return ExactWorksheet
