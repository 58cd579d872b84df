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
NUMBER = re.compile(r"\d[\d,.]*(?<=\d)(?:[KMBT](?![a-z]))?%?")
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


def parts_of(runs: list[str], name: str, table: Table) -> Iterator[tuple[list[str], list[str]]]:
    """Each printed part of a table, on one page: the ids of its columns, and the runs of its body.

    A part begins with the table's label as a run of its own and ends where the page or the next table does.
    """
    label = f"Table {name.removeprefix('T')}"
    starts = [i for i, run in enumerate(runs) if run.strip() == label]
    for start in starts:
        rest = runs[start + 1 :]
        end = next((i for i, run in enumerate(rest) if re.fullmatch(r"Table \d+|\d+ / \d+", run.strip())), len(rest))
        body = rest[:end]
        row_ids = {row.id for row in table.rows}
        first = next((i for i, run in enumerate(body) if run.strip() in row_ids), None)
        if first is None:
            continue
        head = [run.strip() for run in body[:first]]
        yield [run for run in head if run in table.columns], body[first:]


def check_part(table: Table, columns: list[str], body: list[str], where: str) -> set[tuple[str, str]]:
    """Compare a part with the page's rows, in their order; returns the cells (row, column) that were compared."""
    places = [table.columns.index(column) for column in columns]
    order = {row.id: i for i, row in enumerate(table.rows)}
    marks = [(i, order[run.strip()]) for i, run in enumerate(body) if run.strip() in order]
    assert [row for _, row in marks] == list(range(marks[0][1], marks[0][1] + len(marks))), where
    compared: set[tuple[str, str]] = set()
    for k, (at, number) in enumerate(marks):
        row = table.rows[number]
        wanted = [n for place in places for n in numbers(row.cells[place])]
        printed = "\n".join(body[at + 1 : marks[k + 1][0] if k + 1 < len(marks) else len(body)])
        if k + 1 < len(marks):  # the name of the next row stands before its id
            title = squeezed(table.rows[number + 1].title)
            assert squeezed(printed).endswith(title), f"{where} {row.id}: {printed!r} does not end with {title!r}"
            printed = without_end(printed, len(title))
        found = numbers(printed)
        assert found[: len(wanted)] == wanted, f"{where}, row {row.id}: the page says {wanted}, the PDF {found}"
        if k + 1 < len(marks):
            assert len(found) == len(wanted), f"{where}, row {row.id}: more than the page says: {found[len(wanted) :]}"
        compared |= {(row.id, column) for column in columns}
    return compared


@pytest.mark.parametrize("words", REPORTS.values(), ids=REPORTS)
def test_each_cell_of_the_pdf_s_tables_prints_the_numbers_of_the_page(
    report: Callable[..., Path], text_of: Callable[[bytes], str], words: tuple[str, ...]
) -> None:
    folder = report(*words)
    page = Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    runs = text_of((folder / "report.pdf").read_bytes()).split("\n")
    assert len(page.tables) >= 5
    counted = 0
    for name, table in page.tables.items():
        compared: set[tuple[str, str]] = set()
        for columns, body in parts_of(runs, name, table):
            compared |= check_part(table, columns, body, name)
        assert compared == {(row.id, column) for row in table.rows for column in table.columns}, name
        counted += sum(len(numbers(cell)) for row in table.rows for cell in row.cells)
    assert counted > 300
