"""Tables out of bytes: the rows of a CSV file, of a sheet of a workbook, or of a Parquet file, each with its number.

Readers decide nothing about what a cell means. A cell is text as it stands in the file, a `float`, a `date`, or None
where the file has no value; numbers of rows are those a person sees (the first is row 1), and those that a locator
names. Workbooks are read through calamine: values only, no formula or macro runs. What would exhaust the machine is
refused before it is unpacked: a zip whose declared or real size is over 200 MB, a sheet whose far corner makes it huge.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from concordat.canonical import number_text
from concordat.errors import InputError
from concordat.evidence.locators import Reading
from concordat.settings import nearest

Cell: TypeAlias = "str | float | date | None"
NumberedRow: TypeAlias = "tuple[int, Sequence[Any]]"

FILE_BYTES_MAX = 256 * 2**20
UNPACKED_MAX = 200_000_000
MEMBERS_MAX = 10_000
CELLS_MAX = 12_000_000  # a dense sheet of this size takes about 400 MB
ROWS_MAX = 20_000_000
ERROR_CELL = "#ERROR"
_CHUNK = 2**20
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that is about to be read.

    Attributes:
        header: the names of the columns; empty where the table has none.
        rows: number and cells of each row below the header; rows without any cell are left out.
        sheet: the name of the sheet, for locators; empty for other files.
        merged: (row, column from 0) -> the cell from which a merged cell takes its value.
    """

    header: tuple[str, ...]
    rows: Iterator[NumberedRow]
    sheet: str
    merged: dict[tuple[int, int], Any]


def read_sheet(body: bytes, reading: Reading, name: str) -> Sheet:
    """The table in these bytes.

    Raises:
        InputError: not such a file, too large, or without a header; the message names the file.
    """
    if len(body) > FILE_BYTES_MAX:
        hint = "Split it into several files."
        raise InputError(f"over {FILE_BYTES_MAX:,} bytes.", where=name, hint=hint, code="too_large")
    if not body:
        raise InputError("the file is empty.", where=name, hint="Export it again.", code="empty_file")
    return {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}[reading.kind](body, reading, name)


# --- CSV ----------------------------------------------------------------------------------------------------------


def decode(body: bytes, encoding: str, name: str) -> str:
    """The text of a file; a byte-order mark of UTF-8 goes away.

    Raises:
        InputError: an unknown encoding, or bytes that are not in it.
    """
    try:
        return body.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        hint = "Use a name such as utf-8, windows-1252 or utf-16."
        raise InputError(f'"{encoding}" is not an encoding I know.', where=name, hint=hint, code="encoding") from None
    except UnicodeError as error:
        line = body.count(b"\n", 0, getattr(error, "start", 0)) + 1
        hint = "Set format.encoding in the mapping; --suggest names one that fits."
        what = f"the bytes are not {encoding} (about line {line})."
        raise InputError(what, where=name, hint=hint, code="encoding") from None


def csv_rows(text: str, reading: Reading, name: str) -> Iterator[list[str]]:
    """All rows of a CSV file, blank ones too.

    Raises:
        InputError: the quoting is broken.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=reading.delimiter, quotechar=reading.quote, strict=True
    )
    try:
        yield from reader
    except csv.Error as error:
        what = f"not CSV: {error}."
        hint = "Look at the quotes of this line; set format.quote if they are others."
        raise InputError(what, where=f"{name}, line {reader.line_num}", hint=hint, code="not_csv") from None


def _csv(body: bytes, reading: Reading, name: str) -> Sheet:
    rows = enumerate(csv_rows(decode(body, reading.encoding, name), reading, name), 1)
    header: list[str] = []
    if reading.header_row:
        found = next((row for number, row in rows if number == reading.header_row), None)
        header = _header(found, reading, name)
    return Sheet(tuple(header), ((number, row) for number, row in rows if row), "", {})


def _header(found: Sequence[str] | None, reading: Reading, name: str) -> list[str]:
    if found is None or not any(cell.strip() for cell in found):
        what = f"row {reading.header_row} has no names of columns."
        raise InputError(what, where=name, hint="Set format.header_row in the mapping.", code="no_header")
    return [cell.strip() for cell in found]


# --- Workbooks ----------------------------------------------------------------------------------------------------

_CELL_REF = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']([^<>]{0,120}?\st=["']e["'])?""")
_SHEET_FILE = re.compile(r"xl/worksheets/[^/]+\.xml")


def _xlsx(body: bytes, reading: Reading, name: str) -> Sheet:
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
        header = _header(None if found is None else [cell_text(plain_cell(c)) for c in found], reading, name)
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
                raise _too_large(name)
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
            raise _too_large(name)
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


def _too_large(name: str) -> InputError:
    what = f"over {UNPACKED_MAX // 1_000_000} MB when unpacked."
    return InputError(what, where=name, hint="Save the sheet as CSV, or split it.", code="too_large")


def _not_xlsx(why: str, name: str) -> InputError:
    hint = "Save it as Excel workbook (.xlsx), without a password."
    return InputError(f"not a workbook that I can read: {why}.", where=name, hint=hint, code="not_xlsx")


# --- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(body: bytes, reading: Reading, name: str) -> Sheet:
    rows = parquet_rows(body, name)
    header = next(rows)
    return Sheet(tuple(header), ((n, [plain_cell(c) for c in row]) for n, row in enumerate(rows, 1)), "", {})


def parquet_rows(body: bytes, name: str) -> Iterator[Sequence[Any]]:
    """The names of the columns, then each row, in the order of the file.

    Raises:
        InputError: not Parquet, or too large when unpacked.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="concordat-") as folder:
        path = Path(folder) / "table.parquet"
        path.write_bytes(body)
        settings = {"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
        try:
            with duckdb.connect(":memory:", config=settings) as engine:
                table = "'" + str(path).replace("'", "''") + "'"
                size = f"SELECT sum(total_uncompressed_size), max(row_group_num_rows) FROM parquet_metadata({table})"
                unpacked = (engine.execute(size).fetchone() or (0,))[0] or 0
                count = f"SELECT num_rows FROM parquet_file_metadata({table})"
                number = (engine.execute(count).fetchone() or (0,))[0] or 0
                if unpacked > UNPACKED_MAX or number > ROWS_MAX:
                    raise _too_large(name)
                found = engine.execute(f"SELECT * FROM read_parquet({table})")
                yield [str(column[0]) for column in found.description or ()]
                while rows := found.fetchmany(_AT_ONCE):
                    yield from rows
        except duckdb.Error as error:
            what = f"not a Parquet file that I can read: {str(error).splitlines()[0]}"
            raise InputError(what, where=name, hint="Write it again.", code="not_parquet") from None


# --- Cells --------------------------------------------------------------------------------------------------------


def plain_cell(value: Any) -> Cell:
    """A cell of a workbook or Parquet file as text, float, date or None; no two of them ever look the same."""
    if type(value) is str:
        return value or None
    if type(value) is float or value is None:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        whole = value.hour == value.minute == value.second == value.microsecond == 0
        return value.date() if whole else value.isoformat()
    if isinstance(value, date):
        return value
    try:
        return float(value)  # integers and decimals
    except (TypeError, ValueError, OverflowError):
        return str(value)


def cell_text(cell: Cell) -> str:
    """A cell as text: numbers in their shortest form, dates as 2026-05-02, nothing as an empty text."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    return number_text(cell) if cell - cell == 0 else str(cell)  # NaN and infinities have no shortest form


def readable(value: Any) -> str:
    """A cell of a workbook or Parquet file as a trace shows it."""
    return cell_text(plain_cell(value))


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
