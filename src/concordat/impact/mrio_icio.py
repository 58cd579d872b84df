"""Bytes of the OECD's inter-country input-output table (CSV) -> `MrioTable`.

The layout, as public readers of it describe it; **unverified**, as no real file was opened: the first cell of a row and
the head of a column are `COUNTRY_INDUSTRY` or `COUNTRY_FINALUSE` (`AUS_C26`, `AUS_HFCE`); below the industries stand
value added (`VA`, `VALU`), taxes (`TLS`, `..._TAXSUB`) and output (`OUT`, `OUTPUT`), which is a last column too. China
and Mexico are shown in parts (`CN1`, `MX1`, ...), by production for export or for the home market, which are summed
into the whole. Editions from 2018 on; that of 2016, with a discrepancy that belongs to no country, is refused, and so
is any row or column of another kind.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.balance import TOLERANCE, refuse_unbalanced
from concordat.impact.mrio_checks import UNIT, agreed_year, checked
from concordat.impact.mrio_table import MrioTable
from concordat.impact.trade_readers import FORMER_CODES, opened
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
# Parts that the OECD tables show apart, by production for export or for the home market: summed into the whole.
ICIO_PARTS = {**{f"CN{n}": "CHN" for n in range(1, 5)}, **{f"MX{n}": "MEX" for n in range(1, 4)}}
ICIO_OUTPUT = ("OUT", "OUTPUT", "TOTAL")
ICIO_VALUE_ADDED = ("VA", "VALU")
ICIO_TAXES = re.compile(r"TLS|TAXSUB|[A-Z][A-Z0-9]{2}_TAXSUB")
ICIO_LABEL = re.compile(r"([A-Z][A-Z0-9]{2})_(\w+)")


def parse_icio_csv(
    data: bytes,
    *,
    year: int | None = None,
    where: str = "icio.csv",
    unit: str = UNIT,
    source: str = "OECD ICIO",
    tolerance: float = TOLERANCE,
) -> MrioTable:
    """The OECD's inter-country table, editions 2018 and later (layout unverified: no real file was opened).

    An empty cell is 0, as the publisher leaves it out.

    Raises:
        InputError: a row or column of another kind, or a cell that is no number. SourceError: unbalanced.
    """
    head, labels, cells = _csv_rows(data, where)
    columns = set(head)
    sellers = [label for label in labels if label in columns and ICIO_LABEL.fullmatch(label)]
    regions, industries = _grid(sellers, where)
    if head[: len(sellers)] != sellers:
        hint = "Columns must begin with the industries, in the order of the rows."
        raise InputError("rows and columns name different industries.", where=where, hint=hint, code="layout")
    users, kinds, total = _final_columns(head[len(sellers) :], regions, where)
    by_label = {label: n for n, label in enumerate(labels)}
    width = len(sellers)
    z, f = cells[:width, :width], cells[:width, width : width + len(users) * len(kinds)]
    if labels[:width] != sellers:
        hint = "Industries come first, value added and output below."
        raise InputError("industries and totals are mixed.", where=where, hint=hint, code="layout")
    output = _icio_output(cells, by_label, width, total)
    _icio_columns(cells, by_label, labels[width:], z, output, sellers, where, tolerance)
    merged = _merge_parts(regions, len(industries), z, output, f, where)
    ours = [r for r in regions if r not in ICIO_PARTS]
    f_all = _spread(merged[2], ours, users, len(kinds))
    table = MrioTable(
        tuple(FORMER_CODES.get(c, c) for c in ours),
        tuple(industries),
        tuple(kinds),
        merged[0],
        f_all,
        merged[1],
        unit,
        agreed_year(year, None, where),
        hashlib.sha256(data).hexdigest(),
        source or where,
    )
    return checked(table, where, tolerance)


def _csv_rows(data: bytes, where: str) -> tuple[list[str], list[str], Array]:
    """Heads of the columns, labels of the rows, and the numbers; row by row, as the whole text takes a gigabyte."""
    try:
        text = opened(data, where).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="encoding") from None
    rows = csv.reader(io.StringIO(text))
    head = [cell.strip() for cell in next(rows, [""])][1:]
    labels: list[str] = []
    numbers: list[Array] = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(head) + 1:
            what = f"row {row[0]} has {len(row)} cells, and the header {len(head) + 1}."
            raise InputError(what, where=where, hint="Is the file cut off?", code="short")
        labels.append(row[0].strip())
        numbers.append(_cells(row[1:], labels[-1], head, where))
    if not labels:
        raise InputError("no rows.", where=where, hint="Is it the whole file?", code="empty")
    for kind, names in (("columns", head), ("rows", labels)):
        if len(set(names)) < len(names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            raise InputError(f"two {kind} {listed(twice)}.", where=where, hint="Each may stand once.", code="duplicate")
    return head, labels, np.stack(numbers)


def _grid(labels: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Countries and industries of labels that run country by country, the same industries in each."""
    pairs = [label.split("_", 1) for label in labels]
    countries = list(dict.fromkeys(c for c, _ in pairs))
    industries = list(dict.fromkeys(i for _, i in pairs))
    if not pairs or [[c, i] for c in countries for i in industries] != pairs:
        what = "the industries are not the same in every country, or not country by country."
        raise InputError(what, where=where, hint="Give the table as it was published.", code="layout")
    return countries, industries


def _final_columns(head: Sequence[str], regions: Sequence[str], where: str) -> tuple[list[str], list[str], int | None]:
    """Economies with final uses, the uses, and where the column of output stands (counted from the first of these)."""
    total = next((n for n, name in enumerate(head) if name in ICIO_OUTPUT), None)
    finals = [name for name in head if name not in ICIO_OUTPUT]
    unknown = [n for n in finals if n.split("_", 1)[0] not in regions or "_" not in n]
    if unknown:
        what = f"columns {listed(unknown)} are neither industries, nor final uses of a country, nor output."
        hint = "Editions from 2018 on are read; that of 2016 has a discrepancy that belongs to no country."
        raise InputError(what, where=where, hint=hint, code="layout")
    users, kinds = _grid(finals, where)
    return users, kinds, total


def _cells(row: Sequence[str], label: str, head: Sequence[str], where: str) -> Array:
    try:
        found = np.array([cell.strip() or "0" for cell in row], dtype=np.float64)
    except ValueError:
        found = np.array([np.nan])
    if not np.isfinite(found).all():
        bad = next(n for n, cell in enumerate(row) if not _is_number(cell.strip() or "0"))
        what = f'row {label}, column {head[bad]}: "{row[bad][:30]}" is no number.'
        raise InputError(what, where=where, hint="Correct it.", code="number")
    return found


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _icio_output(cells: Array, rows: Mapping[str, int], width: int, total: int | None) -> Array:
    """Printed output: the last column, else the last row, else the sum of what was sold."""
    if total is not None:
        return cells[:width, width + total]
    named = next((rows[name] for name in ICIO_OUTPUT if name in rows), None)
    return cells[:width].sum(axis=1) if named is None else cells[named, :width]


def _icio_columns(
    cells: Array, rows: Mapping[str, int], below: Sequence[str], z: Array, output: Array, names: Sequence[str],
    where: str, tolerance: float,
) -> None:  # fmt: skip
    """Refuses rows of an unknown kind, and columns that do not add up to output."""
    taxes = [name for name in below if ICIO_TAXES.fullmatch(name)]
    value = [name for name in below if name in ICIO_VALUE_ADDED]
    unknown = [n for n in below if n not in (*taxes, *value, *ICIO_OUTPUT)]
    if unknown:
        what = f"rows {listed(unknown)} are neither industries nor value added, taxes or output."
        raise InputError(what, where=where, hint="Give the table as it was published.", code="layout")
    if value:
        width = len(names)
        bought = z.sum(axis=0) + cells[[rows[n] for n in (*value, *taxes)], :width].sum(axis=0)
        refuse_unbalanced(
            output, bought, names, between="output and inputs with value added", where=where, tolerance=tolerance
        )


def _merge_parts(
    regions: Sequence[str], count: int, z: Array, output: Array, f: Array, where: str
) -> tuple[Array, Array, Array]:
    """z, output and f with the parts of China and Mexico summed into the whole."""
    n = len(regions)
    place = {r: k for k, r in enumerate(regions)}
    z4, x2, f2 = z.reshape(n, count, n, count).copy(), output.reshape(n, count).copy(), f.reshape(n, count, -1).copy()
    for part, whole in ICIO_PARTS.items():
        if part in place and whole not in place:
            hint = "Give the table as it was published."
            raise InputError(f"{part} is there without {whole}.", where=where, hint=hint, code="layout")
        if part in place:
            z4[place[whole]] += z4[place[part]]
            z4[:, :, place[whole]] += z4[:, :, place[part]]
            x2[place[whole]] += x2[place[part]]
            f2[place[whole]] += f2[place[part]]
    kept = [k for k, r in enumerate(regions) if r not in ICIO_PARTS]
    size = len(kept) * count
    return (
        np.ascontiguousarray(z4[kept][:, :, kept].reshape(size, size)),
        x2[kept].reshape(size),
        f2[kept].reshape(size, -1),
    )


def _spread(f: Array, regions: Sequence[str], users: Sequence[str], kinds: int) -> Array:
    """Final uses for every economy, zero for one without any (a part that was merged has none of its own)."""
    found = np.zeros((len(f), len(regions) * kinds))
    for k, user in enumerate(users):
        if user in regions:
            at = regions.index(user) * kinds
            found[:, at : at + kinds] = f[:, k * kinds : (k + 1) * kinds]
    return found
