"""Tariffs beside an input-output table, which has none: `exporter,importer,sector,percent`, one row a rate.

Rates are in percent of the value net of tariff; a pair and sector without a row pays nothing, which is noted. Economies
and sectors are those after merging.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.trade_readers import opened
from concordat.settings import nearest

Array = NDArray[np.float64]
COLUMNS = ("exporter", "importer", "sector", "percent")


def parse_tariffs(data: bytes, economies: Sequence[str], sectors: Sequence[str], *, where: str) -> Array:
    """(J, N, N) tariffs as shares, sector by importer by exporter.

    Raises:
        InputError: a column that isn't there, an unknown name, a rate that is none, a row twice, a tariff at home.

    >>> rows = b"exporter,importer,sector,percent\\nBRA,ARG,c1,10\\n"
    >>> parse_tariffs(rows, ("ARG", "BRA"), ("c1",), where="tariffs.csv").tolist()
    [[[0.0, 0.1], [0.0, 0.0]]]
    """
    try:
        rows = list(csv.reader(io.StringIO(opened(data, where).decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"no CSV in UTF-8: {error}."
        raise InputError(what, where=where, hint="Save it as CSV, UTF-8, with commas.", code="csv") from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in COLUMNS if head.count(name) != 1]
    if missing:
        hint = f"Name the columns {', '.join(COLUMNS)}."
        raise InputError(f'no column "{missing[0]}", or two.', where=where, hint=hint, code="column")
    found = np.full((len(sectors), len(economies), len(economies)), np.nan)
    for line, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            _enter(found, dict(zip(head, row, strict=False)), economies, sectors, f"{where}, line {line}")
    return np.asarray(np.where(np.isnan(found), 0.0, found), dtype=float)


def _enter(found: Array, cells: dict[str, str], economies: Sequence[str], sectors: Sequence[str], where: str) -> None:
    said = [cells.get(name, "").strip() for name in COLUMNS]
    exporter, importer = (_place(name, economies, "economy", where) for name in said[:2])
    sector = _place(said[2], sectors, "sector", where)
    try:
        rate = float(said[3])
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate >= 0):
        what = f'"{said[3]}" is no tariff of zero or more percent.'
        raise InputError(what, where=where, hint="Write 10 for 10 %.", code="tariff")
    if exporter == importer and rate > 0:
        raise InputError("a tariff at home.", where=where, hint="Remove the row.", code="tariff")
    if not math.isnan(found[sector, importer, exporter]):
        raise InputError("this pair and sector again.", where=where, hint="Keep one rate.", code="duplicate")
    found[sector, importer, exporter] = rate / 100


def _place(name: str, known: Sequence[str], kind: str, where: str) -> int:
    if name in known:
        return list(known).index(name)
    close = nearest(name, known)
    hint = (
        f'Did you mean "{close[0]}"?'
        if close
        else f"Names are those of the table, after merging: {', '.join(known[:8])}."
    )
    raise InputError(f'"{name}" is no {kind} of the table.', where=where, hint=hint, code=kind)
