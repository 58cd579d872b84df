"""A user's own input-output table as CSV -> `IOTable`.

    # kind: io_table
    # year: 2018
    # unit: BRL million
    # digital: telecom, software
    domestic,farms,telecom,software,other,final
    farms,10,0,0,20,70
    telecom,1,5,4,20,30
    software,0,3,2,15,20
    other,20,12,9,150,309
    imports,9,8,5,45,
    value_added,60,32,20,250,
    output,100,60,40,500,

The first cell of the header says what the block holds: `domestic` (deliveries of home producers), or `total` (home and
imported ones together). Then come the industries; after them any of the columns `final` (or several, `final:exports`,
`final:households`), `output`, and for a total table `imports` and `exports` by product. Rows: the same industries in
the same order, then `value_added` (or several, `value_added:pay`), for a domestic table `imports` (imported inputs, by
the industry that uses them), and `output`. Output is taken from where it is given, or summed from what was sold; value
added from its rows, or from output less all inputs. What is given twice must agree within the tolerance, and so must
each output with the inputs and value added below it: without a row `imports`, home inputs are all there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.accounts.io_table import DOMESTIC, TOTAL, IOTable, build
from concordat.impact.accounts.user_files import UserFile, read_user_file, to_number
from concordat.impact.balance import TOLERANCE, refuse_unbalanced
from concordat.impact.trade_table import listed
from concordat.settings import unknown_key

Array = NDArray[np.float64]
KIND = "io_table"
COLUMNS = ("final", "output", "imports", "exports")
ROWS = ("value_added", "imports", "output")


def parse_io_csv(
    data: bytes, *, area: str, year: int | None = None, where: str = "table.csv", tolerance: float = TOLERANCE
) -> IOTable:
    """A table in this layout.

    Args:
        data: the file. area, year: whose and of when; both must be what the file says, if it says so.
        tolerance: by how much accounts of output may differ, as a share of all output.

    Raises:
        InputError: another layout, a cell that is no number, too little given. SourceError: it does not add up.
    """
    file = read_user_file(data, where=where, kind=KIND, keys=("digital",))
    holds = file.header[0] if file.header else ""
    if holds not in (DOMESTIC, TOTAL):
        what = f'the header begins with "{holds}".'
        hint = "Begin it with domestic or total, which says what the block holds."
        raise InputError(what, where=where, hint=hint, code="layout")
    names = _industries(file)
    n = len(names)
    columns, rows = _columns(file, n), _rows(file, n)
    z = np.array([_numbers(row, n, line, where) for line, row in file.rows[:n]])
    output = _output(file, z, columns, rows, names, tolerance)
    value_added, notes = _value_added(file, holds, z, rows, output, names, tolerance)
    digital = tuple(code.strip() for code in file.meta.get("digital", "").replace(";", ",").split(",") if code.strip())
    if absent := [code for code in digital if code not in names]:
        hint = f"Industries: {listed(names)}."
        raise InputError(f"# digital names {listed(absent)}, no industry.", where=where, hint=hint, code="codes")
    return build(
        file.area(area),
        names,
        z,
        value_added,
        output,
        year=file.year(year),
        imports=columns.get("imports"),
        exports=columns.get("exports"),
        notes=notes,
        unit=file.unit,
        flows=holds,
        digital=digital,
        source=file.source,
        sha256=(file.sha256,),
        tolerance=tolerance,
    )


def _industries(file: UserFile) -> tuple[str, ...]:
    """The columns up to the first one of another kind, which must be the first rows as well."""
    known = [n for n, name in enumerate(file.header) if n and name.partition(":")[0] in COLUMNS]
    names = file.header[1 : known[0] if known else len(file.header)]
    rows = tuple(row[0] for _, row in file.rows[: len(names)])
    if not names or rows != names:
        at = next((k for k, (a, b) in enumerate(zip(rows, names, strict=False)) if a != b), len(rows))
        said = f'row "{rows[at]}" stands where "{names[at]}" should' if at < len(rows) else "rows are missing"
        what = f"{said}: rows and columns must name the same industries in the same order."
        hint = f"Columns after the industries are {', '.join(COLUMNS)}."
        raise InputError(what, where=file.where, hint=hint, code="layout")
    return names


def _columns(file: UserFile, n: int) -> dict[str, Array]:
    """Sums of the further columns by kind, over the industries' rows."""
    found: dict[str, Array] = {}
    for k, name in enumerate(file.header[n + 1 :], start=n + 1):
        kind, colon, _ = name.partition(":")
        if kind not in COLUMNS or (colon and kind != "final"):
            raise unknown_key(name, COLUMNS, where=f"{file.where}, header")
        if kind in found and kind != "final":
            raise InputError(f'two columns "{name}".', where=file.where, hint="Remove one.", code="column")
        values = np.array([_cell(row, k, line, file.where) for line, row in file.rows[:n]])
        found[kind] = found.get(kind, np.zeros(n)) + values
        if name == "final:exports" and "exports" not in file.header:
            found["exports"] = values
    return found


def _rows(file: UserFile, n: int) -> dict[str, Array]:
    """Sums of the rows below the industries, by kind."""
    found: dict[str, Array] = {}
    for line, row in file.rows[n:]:
        kind, colon, _ = row[0].partition(":")
        if kind not in ROWS or (colon and kind != "value_added"):
            raise unknown_key(row[0], ROWS, where=f"{file.where}, line {line}")
        if kind in found and kind != "value_added":
            raise InputError(f'two rows "{kind}".', where=file.where, hint="Remove one.", code="duplicate")
        found[kind] = found.get(kind, np.zeros(n)) + _numbers(row, n, line, file.where)
    return found


def _cell(row: Sequence[str], k: int, line: int, where: str) -> float:
    return to_number(row[k] if k < len(row) else "", f"{where}, line {line}")


def _numbers(row: Sequence[str], n: int, line: int, where: str) -> Array:
    """The cells of a row under the industries; one that is not there is refused as an empty one is."""
    return np.array([_cell(row, k, line, where) for k in range(1, n + 1)])


def _output(
    file: UserFile, z: Array, columns: dict[str, Array], rows: dict[str, Array], names: Sequence[str], tolerance: float
) -> Array:
    """Output from the first account of it that is given, held against the others.

    In a total table what was sold comes from home and from abroad, so imports are taken off.
    """
    sold = z.sum(axis=1) + columns["final"] if "final" in columns else None
    if sold is not None and file.header[0] == TOTAL:
        sold = sold - columns["imports"] if "imports" in columns else None
    accounts = {"the column output": columns.get("output"), "the row output": rows.get("output"), "what was sold": sold}
    given = [(name, values) for name, values in accounts.items() if values is not None]
    if not given:
        hint = "Add a row or column output, or the final uses (and in a total table imports by product)."
        raise InputError("output can't be known.", where=file.where, hint=hint, code="output")
    name, output = given[0]
    for other, values in given[1:]:
        refuse_unbalanced(output, values, names, between=f"{name} and {other}", where=file.where, tolerance=tolerance)
    return output


def _value_added(
    file: UserFile,
    holds: str,
    z: Array,
    rows: dict[str, Array],
    output: Array,
    names: Sequence[str],
    tolerance: float,
) -> tuple[Array, tuple[str, ...]]:
    bought = z.sum(axis=0) + rows.get("imports", np.zeros(len(names)))
    complete = holds == TOTAL or "imports" in rows
    if holds == TOTAL and "imports" in rows:
        hint = "In a total table imports are in the block already; give them by product, as a column."
        raise InputError("a row imports in a total table.", where=file.where, hint=hint, code="layout")
    if "value_added" in rows:
        given = rows["value_added"]
        between = "output and inputs with value added" + ("" if complete else ", without a row imports,")
        refuse_unbalanced(output, bought + given, names, between=between, where=file.where, tolerance=tolerance)
        return given, ()
    if not complete:
        hint = "Add a row value_added, or a row imports (imported inputs), from which it follows."
        raise InputError("value added can't be known.", where=file.where, hint=hint, code="value_added")
    return output - bought, ("value added is output less all bought inputs",)
