"""What kind of table a file holds, for a suggested mapping: encoding, delimiter, sheet, and where its header stands."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from concordat.errors import InputError
from concordat.evidence.locators import Reading
from concordat.evidence.sources import _tabular_read as tables
from concordat.evidence.sources import _tabular_workbook as workbooks
from concordat.evidence.sources._tabular_read import cell_text, plain_cell

LOOKED_AT = 2_000  # rows; enough to see what a column is
NUMBER = re.compile(r"-?[0-9][0-9., '\u00a0\u202f]*([eE][-+]?[0-9]+)?%?")
_DELIMITERS = (",", ";", "\t", "|")
Looked = tuple[Reading, list[str], list[list[str]], dict[str, str]]


def look_at(body: bytes, name: str) -> Looked:
    """How to read a file, its header, its first rows, and how sure each guess is.

    Raises:
        InputError: not a table that can be read.
    """
    kind = {".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}.get(Path(name).suffix.lower(), "csv")
    return {"csv": _look_csv, "xlsx": _look_xlsx, "parquet": _look_parquet}[kind](body, name)


def _look_csv(body: bytes, name: str) -> Looked:
    if not body:
        raise InputError("the file is empty.", where=name, hint="Export it again.", code="empty_file")
    encoding, how = _encoding(body)
    text = tables.decode(body, encoding, name)
    lines = text.splitlines(keepends=True)[: LOOKED_AT + 20]
    delimiter, rows, share = _delimiter("".join(lines))
    number, header = _header(rows)
    notes = {"encoding": how, "delimiter": f"{share:.0%} of the rows have {len(header)} cells with it"}
    notes["header_row"] = "the first row of this length without a number"
    reading = Reading("csv", encoding, delimiter, '"', number)
    return reading, header, [row for row in rows[number:] if any(row)], notes


def _encoding(body: bytes) -> tuple[str, str]:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "sure: it begins with the mark of UTF-16"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252", "unsure: it is not UTF-8; look whether accents are right"
    return "utf-8", "sure: every byte decodes"


def _delimiter(text: str) -> tuple[str, list[list[str]], float]:
    """The delimiter whose rows have most often one length, its rows, and how often."""
    best: tuple[float, int, str, list[list[str]]] = (-1.0, 0, ",", [])
    for sign in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=sign))[:LOOKED_AT]
        except csv.Error:
            continue
        lengths = Counter(len(row) for row in rows if row)
        length, count = lengths.most_common(1)[0] if lengths else (0, 0)
        share = count / max(sum(lengths.values()), 1) if length > 1 else 0.0
        if (share, length) > best[:2]:
            best = (share, length, sign, rows)
    share, _, sign, rows = best
    return sign, rows or [line.split(",") for line in text.splitlines()], share


def _header(rows: Sequence[Sequence[str]]) -> tuple[int, list[str]]:
    """The number of the header's row, and its names."""
    length = Counter(len(row) for row in rows if row).most_common(1)
    for number, row in enumerate(rows[:30], 1):
        filled = [cell for cell in row if cell.strip()]
        named = length and len(row) == length[0][0] and len(filled) >= max(2, len(row) / 2)
        if named and not any(NUMBER.fullmatch(cell.strip()) for cell in filled):
            return number, [cell.strip() for cell in row]
    return 0, [str(i) for i in range(1, (length[0][0] if length else 0) + 1)]


def _look_xlsx(body: bytes, name: str) -> Looked:
    names = workbooks.sheet_names(body, name)
    sheets = {n: workbooks.sheet_cells(body, n, name)[: LOOKED_AT + 20] for n in names}
    chosen = max(names, key=lambda n: sum(1 for row in sheets[n] for cell in row if cell != ""), default="")
    rows = [[cell_text(plain_cell(cell)) for cell in row] for row in sheets.get(chosen, [])]
    number, header = _header(rows)
    how = "sure: the only sheet" if len(names) == 1 else f"unsure: the fullest of {len(names)} sheets"
    notes = {"sheet": how, "header_row": "the first row of this length without a number"}
    return Reading("xlsx", header_row=number, sheet=chosen), header, [r for r in rows[number:] if any(r)], notes


def _look_parquet(body: bytes, name: str) -> Looked:
    source = tables.parquet_rows(body, name)
    header = [str(n) for n in next(source)]
    rows = [[cell_text(plain_cell(cell)) for cell in row] for row, _ in zip(source, range(LOOKED_AT), strict=False)]
    return Reading("parquet"), header, rows, {}
