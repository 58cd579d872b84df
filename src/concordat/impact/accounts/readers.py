"""Bytes of supply-use tables in the style of the United States -> `SupplyUse`; and which of our layouts a file has.

Three CSV files (gzip is opened), each with codes in its first row and column. Rows and columns are found by their
codes, never by their place, as the files order final uses differently:

- make: industries by products; a last row and column of totals.
- use: products by industries, then final uses `F...` (of them `F040` exports and `F050` imports, negative); below, a
  row of totals, value added `V001` (pay), `V002` (taxes less subsidies), `V003` (surplus), and totals again.
- import: as use, the part that comes from abroad; may be left out, see `industry_table`.

Conventions (US summary tables, producer prices, before redefinitions): product output is the column sum of make,
industry output its row sum, value added V001 + V002 + V003 of the use table. An empty cell is 0, as the Bureau of
Economic Analysis leaves it out. Printed totals are not used, but a table that differs from its own totals, or whose
sides differ from each other, by more than the tolerance is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.accounts.supply_use import SupplyUse
from concordat.impact.balance import TOLERANCE, refuse_unbalanced
from concordat.impact.trade_readers import opened
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
VALUE_ADDED = ("V001", "V002", "V003")
EXPORTS, IMPORTS = "F040", "F050"
# Names that the Bureau gives to its totals, in words and in codes; they are recognised, never summed.
TOTALS = (
    "T001", "T004", "T005", "T006", "T007", "T008", "T013", "T016", "T017", "T018", "T019",
    "Total Intermediate", "Total Final Uses (GDP)", "Total Commodity Output", "Total Industry Output",
    "Total Value Added", "VABAS", "VAPRO",
)  # fmt: skip
INDUSTRY_TOTALS = ("Total Industry Output", "T008", "T017", "T018")
PRODUCT_TOTALS = ("Total Commodity Output", "T007")


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A CSV with codes on two sides."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Array
    where: str

    def block(self, rows: Sequence[str], columns: Sequence[str]) -> Array:
        """The cells of these codes, in this order."""
        for kind, wanted, held in (("row", rows, self.rows), ("column", columns, self.columns)):
            absent = [code for code in wanted if code not in held]
            if absent:
                hint = "The three files must be of one table; codes are compared letter by letter."
                raise InputError(f"no {kind} {listed(absent)}.", where=self.where, hint=hint, code="codes")
        at = {code: n for n, code in enumerate(self.rows)}, {code: n for n, code in enumerate(self.columns)}
        found: Array = self.cells[np.ix_([at[0][r] for r in rows], [at[1][c] for c in columns])]
        return found


def parse_supply_use(
    make: bytes,
    use: bytes,
    imported: bytes | None = None,
    *,
    year: int,
    area: str = "USA",
    where: Sequence[str] = ("make.csv", "use.csv", "import.csv"),
    unit: str = "USD million",
    source: str = "US Bureau of Economic Analysis, make, use and import tables",
    tolerance: float = TOLERANCE,
) -> SupplyUse:
    """Supply and use from the three files.

    Args:
        make, use, imported: their bytes. year, area, unit, source: what the files do not say.
        where: their names, for messages. tolerance: of imbalance, as a share of total output.

    Raises:
        InputError: no CSV, a cell that is no number, codes that differ. SourceError: it does not add up.
    """
    made, used = _matrix(make, where[0]), _matrix(use, where[1])
    industries = tuple(r for r in made.rows if r not in TOTALS)
    products = tuple(c for c in made.columns if c not in TOTALS)
    finals = tuple(c for c in used.columns if c not in industries and c not in TOTALS)
    odd = [c for c in finals if not c.startswith("F")]
    strange = [r for r in used.rows if r not in (*products, *VALUE_ADDED, *TOTALS)]
    if odd or strange:
        what = f"columns {listed(odd)}" if odd else f"rows {listed(strange)}"
        hint = "Columns are industries of the make table and final uses F..., rows its products and V001 to V003."
        raise InputError(f"{what} of an unknown kind.", where=used.where, hint=hint, code="codes")
    make_ = made.block(industries, products)
    tables = SupplyUse(
        area,
        industries,
        products,
        make_,
        used.block(products, industries),
        used.block(VALUE_ADDED, industries).sum(axis=0),
        year,
        _imported(imported, products, industries, where[2]),
        -used.block(products, [IMPORTS])[:, 0] if IMPORTS in finals else None,
        used.block(products, [EXPORTS])[:, 0] if EXPORTS in finals else None,
        unit,
        source,
        tuple(hashlib.sha256(data).hexdigest() for data in (make, use, imported) if data is not None),
    )
    _balance(tables, made, used, finals, tolerance)
    return tables


def _imported(data: bytes | None, products: Sequence[str], industries: Sequence[str], where: str) -> Array | None:
    return None if data is None else _matrix(data, where).block(products, industries)


def _balance(tables: SupplyUse, made: _Matrix, used: _Matrix, finals: Sequence[str], tolerance: float) -> None:
    """Holds make against use, industry by industry and product by product, and both against printed totals."""
    x, q = tables.industry_output, tables.product_output
    bought = tables.use.sum(axis=0) + tables.value_added
    sides: list[tuple[Array, Array, Sequence[str], str, str]] = [
        (x, bought, tables.industries, "industry output (make) and inputs with value added (use)", used.where)
    ]
    if finals:  # imports stand among them with a minus, so the sum is what is made at home
        sold = tables.use.sum(axis=1) + used.block(tables.products, finals).sum(axis=1)
        sides.append((q, sold, tables.products, "product output (make) and its uses less imports (use)", used.where))
    for total in INDUSTRY_TOTALS:
        if total in made.columns:
            printed = made.block(tables.industries, [total])[:, 0]
            sides.append((printed, x, tables.industries, f"printed {total} and the row sums", made.where))
    for total in PRODUCT_TOTALS:
        if total in made.rows:
            printed = made.block([total], tables.products)[0]
            sides.append((printed, q, tables.products, f"printed {total} and the column sums", made.where))
    for first, second, names, between, where in sides:
        refuse_unbalanced(first, second, names, between=between, where=where, tolerance=tolerance)


def _matrix(data: bytes, where: str) -> _Matrix:
    try:
        text = opened(data, where).decode("utf-8-sig")
        lines = [row for row in csv.reader(io.StringIO(text), strict=True) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="encoding") from None
    except csv.Error as error:
        raise InputError(f"no CSV: {error}.", where=where, hint="Save it as CSV with commas.", code="csv") from None
    if len(lines) < 2 or len(lines[0]) < 2:
        raise InputError("no rows of numbers.", where=where, hint="Is it the whole file?", code="empty")
    columns = tuple(_code(cell) for cell in lines[0][1:])
    rows = tuple(_code(row[0]) for row in lines[1:])
    for kind, names in (("column", columns), ("row", rows)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            what = f"two {kind}s {listed(twice)}."
            raise InputError(what, where=where, hint="Each code has one.", code="duplicate")
    cells = np.zeros((len(rows), len(columns)))
    for n, row in enumerate(lines[1:]):
        if len(row) != len(columns) + 1:
            what = f"row {rows[n]} has {len(row) - 1} numbers, and there are {len(columns)} columns."
            raise InputError(what, where=where, hint="Is the file cut off?", code="short")
        for k, cell in enumerate(row[1:]):
            cells[n, k] = _number(cell, rows[n], columns[k], where)
    return _Matrix(rows, columns, cells, where)


def _code(cell: str) -> str:
    """A code; those of the detailed tables (V00100, F04000) as in the summary (V001, F040)."""
    code = cell.strip()
    return code[:4] if re.fullmatch(r"[VF]0[0-9][0-9A-Z]00", code) else code


def _number(cell: str, row: str, column: str, where: str) -> float:
    try:
        value = float(cell.strip() or "0")
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or "_" in cell:
        what = f'row {row}, column {column}: "{cell.strip()[:30]}" is no number.'
        raise InputError(what, where=where, hint="Correct it.", code="number")
    return value


# --- Which file is which ----------------------------------------------------------------------------------------------

KIND_LINE = "# kind:"


def file_kind(data: bytes, where: str = "table") -> str:
    """What a file is: `make`, `use`, `import`, `npz`, `xlsx`, `icio`, or what its line `# kind: ...` says.

    Raises:
        InputError: none of these.
    """
    from concordat.impact.mrio_readers import mrio_kind

    kind = mrio_kind(data)
    if kind:
        return kind
    text = opened(data, where).decode("utf-8-sig", errors="replace")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if line.replace(" ", "").startswith(KIND_LINE.replace(" ", "")):
            return line.partition(":")[2].strip()
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error:  # binary, or broken
        lines = []
    head, *rest = lines or [[""]]
    first = {row[0] for row in rest}
    if "F040" in head or "F010" in head:
        return "use" if first.issuperset(VALUE_ADDED) else "import"
    if first.issuperset(VALUE_ADDED):
        return "use"
    if any(total in head for total in INDUSTRY_TOTALS) or any(total in first for total in PRODUCT_TOTALS):
        return "make"
    hint = "Known: make, use and import tables of US style, npz, ICIO, ADB, and files that begin with # kind: ..."
    raise InputError("no layout that I know.", where=where, hint=hint, code="layout")


def by_kind(files: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Kind -> name and bytes.

    Raises:
        InputError: two files of one kind, or one of an unknown kind.
    """
    found: dict[str, tuple[str, bytes]] = {}
    for name, data in files.items():
        kind = file_kind(data, name)
        if kind in found:
            what = f"is of the same kind ({kind}) as {found[kind][0]}."
            raise InputError(what, where=name, hint="Give one of each.", code="duplicate")
        found[kind] = (name, data)
    return found
