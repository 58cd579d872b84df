"""Bytes of an XLSX workbook -> `MrioTable`: the sheet that ADB's tables and WIOD 2013 share.

The layout, as three public readers describe it; **unverified**, as no real workbook was opened: a row of country codes
stands over a row of codes `c1`, `c2`, ... (industries) and `F1` to `F5` or `c37` and after (final uses); to the left of
the first `c1` stand, in the two last columns, the country and the code of each row; below the industries come rows
`r60` to `r69` (totals, taxes, margins, value added) that are not used here; the last column is total output. A cell
with nothing but blanks is 0. Found by these marks, not by fixed addresses; anything else is refused by name.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.balance import TOLERANCE
from concordat.impact.mrio_checks import UNIT, agreed_year, checked
from concordat.impact.mrio_table import MrioTable
from concordat.impact.trade_readers import FORMER_CODES
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
Grid = list[list[Any]]
INDUSTRY = re.compile(r"c[0-9]{1,2}")
TOP_ROWS = 20  # in which the header must begin


def parse_adb_xlsx(
    data: bytes,
    *,
    year: int | None = None,
    where: str = "mrio.xlsx",
    unit: str = UNIT,
    source: str = "",
    tolerance: float = TOLERANCE,
) -> MrioTable:
    """A multi-regional table from a workbook of ADB, or of WIOD 2013.

    Raises:
        InputError: no sheet has the layout, or it breaks off. SourceError: unbalanced.
    """
    name, grid, top, left = _find(data, where)
    said = re.search(r"(?:19|20)[0-9]{2}\s*$", name) or re.search(r"(?:19|20)[0-9]{2}\s*$", str(grid[0][0]))
    place = f"{where}, sheet {name}"
    first = grid[top + 1] if len(grid) > top + 1 else []
    end = max((n for n, cell in enumerate(first) if str(cell).strip()), default=left) + 1  # sheets end in empty columns
    heads = zip(grid[top - 1][left:end], grid[top][left:end], strict=True)
    pairs = [(str(c).strip(), str(k).strip()) for c, k in heads]
    countries, industries, kinds = _columns(pairs, place)
    rows, final = len(countries) * len(industries), len(countries) * len(kinds)
    wanted = pairs[:rows]
    found = [(str(r[left - 2]).strip(), str(r[left - 1]).strip()) for r in grid[top + 1 : top + 1 + rows]]
    if found != wanted:
        off = next((n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), len(found))
        what = f"row {top + 2 + off} is not {' '.join(wanted[off])}, which the columns have in its place."
        raise InputError(what, where=place, hint="Rows and columns must name the same industries.", code="layout")
    body = _numbers(grid, top + 1, rows, left, rows + final + 1, place)
    f = body[:, rows : rows + final]
    table = MrioTable(
        tuple(FORMER_CODES.get(c, c) for c in countries),
        industries,
        kinds,
        np.ascontiguousarray(body[:, :rows]),
        np.ascontiguousarray(f),
        np.ascontiguousarray(body[:, -1]),
        unit,
        agreed_year(year, int(said.group().strip()) if said else None, place),
        hashlib.sha256(data).hexdigest(),
        source or where,
    )
    return checked(table, place, tolerance)


def _find(data: bytes, where: str) -> tuple[str, Grid, int, int]:
    """The first sheet with the marks, and the row and column of its first `c1`, counted from 0."""
    names = []
    for name, grid in _sheets(data, where):
        names.append(name)
        for top, row in enumerate(grid[:TOP_ROWS]):
            left = next((n for n, cell in enumerate(row) if cell == "c1"), None)
            if left is not None and top >= 1 and left >= 2 and "c2" in row and not str(row[left - 1]).strip():
                return name, grid, top, left
    what = f"no sheet has codes c1, c2, ... under country codes within its first {TOP_ROWS} rows."
    hint = f"Sheets: {listed(names)}. Give the workbook as ADB or WIOD published it."
    raise InputError(what, where=where, hint=hint, code="layout")


def _sheets(data: bytes, where: str) -> Iterator[tuple[str, Grid]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            yield name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise InputError(f"no workbook: {error}.", where=where, hint="Get it again.", code="xlsx") from None


def _columns(pairs: Sequence[tuple[str, str]], where: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Countries, industries and final uses; after them exactly one column, total output, may stand."""
    first = pairs[0][0]
    industries = tuple(k for c, k in _until(pairs, 0, first) if INDUSTRY.fullmatch(k))
    countries = tuple(dict.fromkeys(c for c, k in pairs if k == industries[0]))
    rows = len(countries) * len(industries)
    kinds = tuple(k for c, k in _until(pairs, rows, first))
    blocks = [(c, k) for names in (industries, kinds) for c in countries for k in names]
    if not kinds:
        what = f"after {' '.join(pairs[rows - 1])} come no final uses of {first}."
        raise InputError(what, where=where, hint="They come country by country, as industries do.", code="layout")
    if list(pairs[: len(blocks)]) != blocks:
        at = next((n for n, (a, b) in enumerate(zip(pairs, blocks, strict=False)) if a != b), len(pairs) - 1)
        what = f"column {' '.join(pairs[at])} stands where {' '.join(blocks[at])} should."
        hint = "All countries need the same industries and final uses, in the same order."
        raise InputError(what, where=where, hint=hint, code="layout")
    rest = [f"{c} {k}".strip() or "(no name)" for c, k in pairs[len(blocks) :]]
    if len(rest) != 1:
        what = f"after the final uses stand {len(rest)} columns, and one is expected: {listed(rest) or 'none'}."
        raise InputError(what, where=where, hint="The last column is total output.", code="layout")
    return countries, industries, kinds


def _until(pairs: Sequence[tuple[str, str]], start: int, country: str) -> list[tuple[str, str]]:
    """The run of columns from `start` on that belong to a country."""
    found = []
    for pair in pairs[start:]:
        if pair[0] != country:
            break
        found.append(pair)
    return found


def _numbers(grid: Grid, top: int, rows: int, left: int, width: int, where: str) -> Array:
    found = np.zeros((rows, width))
    for n, row in enumerate(grid[top : top + rows]):
        for k, cell in enumerate(row[left : left + width]):
            if isinstance(cell, (int, float)) and not isinstance(cell, bool):
                found[n, k] = cell
            elif not isinstance(cell, str) or cell.strip():
                what = f'row {top + n + 1}, column {left + k + 1}: "{str(cell)[:30]}" is no number.'
                raise InputError(what, where=where, hint="Correct it.", code="number")
    return found
