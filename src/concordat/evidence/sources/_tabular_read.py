"""Tables out of bytes: the rows of a CSV file, of a sheet of a workbook, or of a Parquet file, each with its number.

Readers decide nothing about what a cell means. A cell is text as it stands in the file, a `float`, a `date`, or None
where the file has no value; numbers of rows are those a person sees (the first is row 1), and those that a locator
names. Workbooks are read by `_tabular_workbook`. What would exhaust the machine is refused before it is unpacked.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from concordat.canonical import number_text
from concordat.errors import InputError
from concordat.evidence.locators import Reading

Cell: TypeAlias = "str | float | date | None"
NumberedRow: TypeAlias = "tuple[int, Sequence[Any]]"

FILE_BYTES_MAX = 256 * 2**20
UNPACKED_MAX = 200_000_000
ROWS_MAX = 20_000_000
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
    if reading.kind == "xlsx":
        from concordat.evidence.sources._tabular_workbook import workbook_sheet

        return workbook_sheet(body, reading, name)
    return _csv(body, reading, name) if reading.kind == "csv" else _parquet(body, name)


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
        header = header_names(found, reading, name)
    return Sheet(tuple(header), ((number, row) for number, row in rows if row), "", {})


def header_names(found: Sequence[str] | None, reading: Reading, name: str) -> list[str]:
    """The names of the columns, trimmed.

    Raises:
        InputError: the row isn't there, or is blank.
    """
    if found is None or not any(cell.strip() for cell in found):
        what = f"row {reading.header_row} has no names of columns."
        raise InputError(what, where=name, hint="Set format.header_row in the mapping.", code="no_header")
    return [cell.strip() for cell in found]


# --- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(body: bytes, name: str) -> Sheet:
    rows = parquet_rows(body, name)
    header = next(rows)
    return Sheet(tuple(header), ((n, [plain_cell(c) for c in row]) for n, row in enumerate(rows, 1)), "", {})


def parquet_rows(body: bytes, name: str) -> Iterator[Sequence[Any]]:
    """The names of the columns, then each row, in the order of the file.

    Raises:
        InputError: not Parquet, or too large when unpacked.
    """
    import duckdb

    settings: dict[str, Any] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with tempfile.TemporaryDirectory(prefix="concordat-") as folder:
        path = Path(folder) / "table.parquet"
        path.write_bytes(body)
        try:
            with duckdb.connect(":memory:", config=settings) as engine:
                table = "'" + str(path).replace("'", "''") + "'"
                size = f"SELECT sum(total_uncompressed_size), max(row_group_num_rows) FROM parquet_metadata({table})"
                unpacked = (engine.execute(size).fetchone() or (0,))[0] or 0
                count = f"SELECT num_rows FROM parquet_file_metadata({table})"
                number = (engine.execute(count).fetchone() or (0,))[0] or 0
                if unpacked > UNPACKED_MAX or number > ROWS_MAX:
                    raise too_large(name)
                found = engine.execute(f"SELECT * FROM read_parquet({table})")
                yield [str(column[0]) for column in found.description or ()]
                while rows := found.fetchmany(_AT_ONCE):
                    yield from rows
        except duckdb.Error as error:
            what = f"not a Parquet file that I can read: {str(error).splitlines()[0]}"
            raise InputError(what, where=name, hint="Write it again.", code="not_parquet") from None


def too_large(name: str) -> InputError:
    """The error for a file that unpacks to more than fits."""
    what = f"over {UNPACKED_MAX // 1_000_000} MB when unpacked."
    return InputError(what, where=name, hint="Save the sheet as CSV, or split it.", code="too_large")


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
