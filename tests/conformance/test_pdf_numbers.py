"""The PDF prints what the page prints: every cell of every table on it, row by row, number by number.

That each number of the page is its record, and that the record's bytes say so, is shown by `test_traceability`; so each
number of the PDF's tables equals its record too. The PDF is read with the few lines of the renderers' own tests, which
know nothing of the program.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

READER = Path(__file__).parents[1] / "unit" / "report" / "conftest.py"
NUMBER = re.compile(r"\d[\d,.]*(?<=\d)(?:[KMBT](?![^\W\d_]))?%?")
REPORTS = {"BRICS": ("BRICS",), "one": ("--countries", "ETH"), "large": ("LDC",)}


@dataclass
class Row:
    title: str = ""
    id: str = ""
    cells: list[str] = field(default_factory=list)


@dataclass
class Table:
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


class Page(HTMLParser):
    """The page's tables: the ids of columns, and each row's title, id and cells as text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {}
        self.now = Table()
        self.where = ""
        self.code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "table":
            self.now = Table()
        elif tag == "h3" and re.fullmatch(r"T\d+", known.get("id") or ""):
            self.tables[str(known["id"])] = self.now
        elif tag == "th":
            self.where = known.get("scope") or ""
            if self.where == "row":
                self.now.rows.append(Row())
        elif tag == "td":
            self.where = "cell"
            self.now.rows[-1].cells.append("")
        if tag == "code":
            self.code = True
            if self.where == "col":
                self.now.columns.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self.code = False
        if tag in ("th", "td", "table"):
            self.where = ""

    def handle_data(self, data: str) -> None:
        if self.where == "col" and self.code:
            self.now.columns[-1] += data
        elif self.where == "row" and self.code:
            self.now.rows[-1].id += data
        elif self.where == "row":
            self.now.rows[-1].title += data
        elif self.where == "cell":
            self.now.rows[-1].cells[-1] += data


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00ad\u200b]+", "", text)


def without_end(text: str, count: int) -> str:
    """A text without its last characters, of which spaces don't count."""
    while count:
        count -= bool(squeezed(text[-1]))
        text = text[:-1]
    return text


@pytest.fixture(scope="module")
def text_of() -> Callable[[bytes], str]:
    spec = importlib.util.spec_from_file_location("pdf_reader", READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[bytes], str] = module._text_of
    return found


@dataclass
class Seen:
    """A row as the PDF prints it, in one part of its table: the ids of the part's columns, and what stands behind its
    own id up to the next row, or up to the end of the page or of the table.
    """

    table: str
    columns: tuple[str, ...]
    id: str
    runs: list[str] = field(default_factory=list)
    end: str = "table"

    def check(self, table: Table) -> None:
        """Compare it with the page's row."""
        place = [row.id for row in table.rows].index(self.id)
        cells = [table.rows[place].cells[table.columns.index(column)] for column in self.columns]
        wanted = [number for cell in cells for number in numbers(cell)]
        printed = "\n".join(self.runs)
        if self.end == "row":  # the name of the next row stands before its id
            title = squeezed(table.rows[place + 1].title)
            assert squeezed(printed).endswith(title), f"{printed!r} does not end with {title!r}"
            printed = without_end(printed, len(title))
        found = numbers(printed)
        if place == len(table.rows) - 1:  # what follows the table is not its last row's
            found = found[: len(wanted)]
        assert found == wanted, f"{self.table}, row {self.id}: the page says {wanted}, the PDF {found}"


def rows_of(runs: list[str], tables: dict[str, Table]) -> Iterator[Seen]:
    """Every row of every part of every table, in the PDF's order; heads are repeated on every page."""
    table = ""
    columns: list[str] = []
    now: Seen | None = None
    for number, run in enumerate(map(str.strip, runs)):
        label = re.fullmatch(r"Table (\d+)", run)
        foot = re.fullmatch(r"\d+ / \d+", run)
        known = tables.get(table, Table())
        is_row = run in {row.id for row in known.rows} and bool(columns)
        if now is not None and (label or foot or is_row):
            now.end = "row" if is_row else "page" if foot else "table"
            if foot:
                now.runs.pop()  # the report's title, at the foot of every page
            yield now
            now = None
        if label:
            table, columns = f"T{label[1]}", []
        elif foot:
            columns = []
        elif is_row:
            now = Seen(table, tuple(columns), run)
        elif now is not None:
            now.runs.append(runs[number])
        elif run in known.columns:
            columns.append(run)
    if now is not None:
        yield now


@pytest.mark.parametrize("words", REPORTS.values(), ids=REPORTS)
def test_each_cell_of_the_pdf_s_tables_prints_the_numbers_of_the_page(
    report: Callable[..., Path], text_of: Callable[[bytes], str], words: tuple[str, ...]
) -> None:
    folder = report(*words)
    page = Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    runs = text_of((folder / "report.pdf").read_bytes()).split("\n")
    assert len(page.tables) >= 5
    compared: dict[tuple[str, str, str], int] = {}
    for seen in rows_of(runs, page.tables):
        seen.check(page.tables[seen.table])
        for column in seen.columns:
            key = (seen.table, seen.id, column)
            compared[key] = compared.get(key, 0) + 1
    wanted = {
        (name, row.id, column): row.cells[place]
        for name, table in page.tables.items()
        for row in table.rows
        for place, column in enumerate(table.columns)
    }
    assert compared == dict.fromkeys(wanted, 1), "each cell of the page once"
    order = {key: place for place, key in enumerate(wanted)}
    rows = [order[key] for key in compared if key[2] == page.tables[key[0]].columns[0]]
    assert rows == sorted(rows), "in the page's order"
    assert sum(len(numbers(cell)) for cell in wanted.values()) > 300
