"""Workbooks: the cells of one sheet of an .xlsx file, from A1 on, without running anything that stands in it.

Read through calamine: values only, no formula or macro runs; a formula gives the value that was saved with it. A zip
can unpack to far more than it weighs, and one stray cell in the last column makes a sheet of seventeen billion: both
are looked for before a sheet is built, by what the zip says of itself and then by what really comes out of it. Cells
that hold an error are found on the way, because calamine gives them as empty, which would pass for missing.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from concordat.errors import InputError
from concordat.evidence.locators import Reading
from concordat.evidence.sources._tabular_read import (
    UNPACKED_MAX,
    NumberedRow,
    Sheet,
    cell_text,
    header_names,
    plain_cell,
    too_large,
)
from concordat.settings import nearest

MEMBERS_MAX = 10_000
CELLS_MAX = 12_000_000  # a dense sheet of this size takes about 400 MB
ERROR_CELL = "#ERROR"
_CHUNK = 2**20
_CELL_REF = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']([^<>]{0,120}?\st=["']e["'])?""")
_SHEET_FILE = re.compile(r"xl/worksheets/[^/]+\.xml")


def workbook_sheet(body: bytes, reading: Reading, name: str) -> Sheet:
    """The table of one sheet.

    Raises:
        InputError: not a workbook, too large, no such sheet, empty, or without a header.
    """
    sheet_name, cells, ranges = _open_sheet(body, reading.sheet, name)
    if not cells:
        raise InputError(f'the sheet "{sheet_name}" is empty.', where=name, code="empty_file")
    merged = {
        (row + 1, column): plain_cell(cells[top][left])
        for (top, left), (bottom, right) in ranges
        if bottom < len(cells) and right < len(cells[0])
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    }
    header: list[str] = []
    if reading.header_row:
        found = cells[reading.header_row - 1] if reading.header_row <= len(cells) else None
        header = header_names(None if found is None else [cell_text(plain_cell(c)) for c in found], reading, name)
    return Sheet(tuple(header), _sheet_rows(cells, reading.header_row), sheet_name, merged)


def _open_sheet(body: bytes, wanted: str, name: str) -> tuple[str, list[list[Any]], Sequence[Any]]:
    """The name of a sheet, all its cells from A1 on, and its merged ranges."""
    errors = check_workbook(body, name)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        sheet_name = pick_sheet(book.sheet_names, wanted, name)
        place = book.sheet_names.index(sheet_name)
        sheet = book.get_sheet_by_index(place)
        cells = sheet.to_python(skip_empty_area=False)
        ranges = sheet.merged_cell_ranges or ()
    except CalamineError as error:
        raise _not_xlsx(str(error), name) from None
    for row, column in errors.get(place, ()):
        if row <= len(cells) and column <= len(cells[row - 1]):
            cells[row - 1][column - 1] = ERROR_CELL  # calamine gives an empty cell, which would pass for missing
    return sheet_name, cells, ranges


def sheet_names(body: bytes, name: str) -> list[str]:
    """The names of a workbook's sheets."""
    check_workbook(body, name)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        return list(CalamineWorkbook.from_filelike(io.BytesIO(body)).sheet_names)
    except CalamineError as error:
        raise _not_xlsx(str(error), name) from None


def sheet_cells(body: bytes, sheet: str, name: str) -> list[list[Any]]:
    """All cells of a sheet, from A1 on."""
    return _open_sheet(body, sheet, name)[1]


def _sheet_rows(cells: list[list[Any]], above: int) -> Iterator[NumberedRow]:
    for number in range(above + 1, len(cells) + 1):
        row = [plain_cell(cell) for cell in cells[number - 1]]
        cells[number - 1] = []  # read once: a large sheet need not stand in memory twice
        if any(cell is not None for cell in row):
            yield number, row


def check_workbook(body: bytes, name: str) -> dict[int, list[tuple[int, int]]]:
    """Refuse what would not fit into memory, by what the zip says and then by what it holds.

    Returns:
        Place of a sheet in the workbook -> (row, column), from 1, of the cells that hold an error such as #N/A.

    Raises:
        InputError: not a workbook, over 200 MB unpacked, or a sheet whose corners lie too far apart.
    """
    errors: dict[str, list[tuple[int, int]]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX or sum(m.file_size for m in members) > UNPACKED_MAX:
                raise too_large(name)
            if "xl/workbook.xml" not in archive.namelist():
                raise _not_xlsx("no workbook inside", name)
            left = UNPACKED_MAX
            for member in members:
                found = errors.setdefault(member.filename, [])
                with archive.open(member) as stream:
                    left = _measure(stream, left, found if _SHEET_FILE.fullmatch(member.filename) else None, name)
            files = _sheet_files(archive) if any(errors.values()) else []
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise _not_xlsx(str(error) or type(error).__name__, name) from None
    return {place: errors.get(file, []) for place, file in enumerate(files)}


def _measure(stream: Any, left: int, errors: list[tuple[int, int]] | None, name: str) -> int:
    """Read one member to its end, for a sheet also where its cells lie; returns how many bytes may still come."""
    rows = columns = 0
    tail = b""
    while chunk := stream.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise too_large(name)
        if errors is None:
            continue
        text = tail + chunk
        end = len(text) if len(chunk) < _CHUNK else max(text.rfind(b"<"), 0)  # a tag cut in two comes again
        for match in _CELL_REF.finditer(text, 0, end):
            row, column = int(match[2]), column_number(match[1].decode())
            rows, columns = max(rows, row), max(columns, column)
            if match[3]:
                errors.append((row, column))
        if rows * columns > CELLS_MAX:
            what = f"a sheet of {rows:,} rows and {columns:,} columns."
            hint = "Delete the stray cells far from the table, or save the sheet as CSV."
            raise InputError(what, where=name, hint=hint, code="too_large")
        tail = text[end:][-_CHUNK:]
    return left


def _sheet_files(archive: zipfile.ZipFile) -> list[str]:
    """The file of each sheet, in the workbook's order (ECMA-376 part 1, sections 18.2.20 and 9.2)."""
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\s[^>]*>", relations):
        said = dict(re.findall(r"""(\w+)=["']([^"']*)["']""", tag))
        target = said.get("Target", "")
        targets[said.get("Id")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    ids = [re.search(r"""\w+:id=["']([^"']*)["']""", tag) for tag in re.findall(r"<(?:\w+:)?sheet\s[^>]*>", book)]
    return [targets.get(found[1], "") if found else "" for found in ids]


def pick_sheet(names: Sequence[str], wanted: str, file: str) -> str:
    """The sheet that the mapping names; the only one, where it names none.

    Raises:
        InputError: no such sheet, or several and none is named.
    """
    listed = ", ".join(f'"{n}"' for n in names[:10])
    if wanted:
        if wanted in names:
            return wanted
        close = nearest(wanted, names)
        hint = f'Did you mean "{close[0]}"?' if close else f"Sheets here: {listed}."
        raise InputError(f'there is no sheet "{wanted}".', where=file, hint=hint, code="no_sheet")
    if len(names) != 1:
        hint = f"Name one as format.sheet: {listed}."
        raise InputError(f"the workbook has {len(names)} sheets.", where=file, hint=hint, code="no_sheet")
    return names[0]


def _not_xlsx(why: str, name: str) -> InputError:
    hint = "Save it as Excel workbook (.xlsx), without a password."
    return InputError(f"not a workbook that I can read: {why}.", where=name, hint=hint, code="not_xlsx")


def column_letters(index: int) -> str:
    """The letters of a column by its place from 0.

    >>> column_letters(0), column_letters(25), column_letters(26), column_letters(16383)
    ('A', 'Z', 'AA', 'XFD')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The place of a column, from 1, by its letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
