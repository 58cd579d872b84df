"""Bytes of a trade file -> `TradeTable`: one row a pair of economies and year, checked row by row.

    exporter,importer,year,trade
    ARG,ARG,2002,61288.6
    ARG,BRA,2002,4743.3

The file is CSV, UTF-8, with commas; a gzipped one is opened. Other columns may stand beside; `pair_columns` reads them
as matrices for fitted flows. Deliveries at home are rows with exporter = importer, or follow from gross output in a
second file (`economy,year,output`): output less exports. Economies are ISO 3166-1 alpha-3 codes, former codes of the
same country (ROM) are read as today's, and a rest of the world (ROW) may stand beside them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.trade_table import TradeTable, listed
from concordat.settings import nearest

Array = NDArray[np.float64]
Missing = Literal["refuse", "zero"]
BYTES_MAX = 1_000_000_000  # of a file once it is opened
FORMER_CODES = {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS"}  # ISO 3166-3: a new code for the same country
NOT_COUNTRIES = ("ROW",)


@dataclass(frozen=True, slots=True)
class _Cells:
    """What a file says of one year: numbers by pair, with the line that says so."""

    values: dict[tuple[str, str], float]
    lines: dict[tuple[str, str], int]
    renamed: frozenset[str]


def parse_trade_csv(
    data: bytes,
    *,
    where: str = "trade.csv",
    year: int | None = None,
    output: bytes | None = None,
    missing: Missing = "refuse",
    unit: str = "USD million",
    source: str = "",
    aliases: Mapping[str, str] | None = None,
) -> TradeTable:
    """The trade flows of one year.

    Args:
        data: the file. where: its name, for messages and, without `source`, for citing.
        year: which one; may be left out where the file holds only one.
        output: a second file, `economy,year,output` in the same unit, from which deliveries at home are taken.
        missing: what a pair without a row means. `zero` says how many were taken as zero in `notes`.
        aliases: the file's own codes -> ISO alpha-3, besides former codes.

    Raises:
        InputError: a column that isn't there, an unknown code, a pair twice, a flow that is negative or no number, a
            pair without a row, no deliveries at home; each with its lines.
    """
    rows, header = _rows(data, where, ("exporter", "importer", "trade"))
    chosen = _year(rows, header, year, where)
    cells = _cells(rows, header, "trade", chosen, where, {**FORMER_CODES, **(aliases or {})})
    economies = tuple(sorted({code for pair in cells.values for code in pair}))
    notes = [f"{old} read as {FORMER_CODES.get(old) or (aliases or {})[old]}" for old in sorted(cells.renamed)]
    if output is not None:
        notes.append(_fill_home(cells, economies, output, chosen, where))
    gaps = [(i, j) for i in economies for j in economies if (i, j) not in cells.values]
    if not any((e, e) in cells.values for e in economies):
        what = "no deliveries at home: no row has exporter = importer."
        hint = "Give them, or gross output (economy,year,output), from which they follow."
        raise InputError(what, where=where, hint=hint, code="domestic")
    if gaps and missing == "refuse":
        what = f"{len(gaps)} pairs have no row: {listed(f'{i} to {j}' for i, j in gaps)}."
        hint = "Add rows with 0, or say missing: zero if a pair without a row means no trade."
        raise InputError(what, where=where, hint=hint, code="missing")
    if gaps:
        notes.append(f"{len(gaps)} pairs without a row taken as zero")
    place = {code: n for n, code in enumerate(economies)}
    flows = np.zeros((len(economies), len(economies)))
    for (i, j), value in cells.values.items():
        flows[place[i], place[j]] = value
    digest = hashlib.sha256(data + (b"" if output is None else output)).hexdigest()
    return TradeTable(economies, flows, chosen, unit, digest, source or where, tuple(notes))


def pair_columns(
    data: bytes,
    table: TradeTable,
    names: Sequence[str],
    *,
    where: str = "trade.csv",
    aliases: Mapping[str, str] | None = None,
) -> dict[str, Array]:
    """Further columns of the same file as (N, N) matrices, exporter by importer, for the table's year.

    Raises:
        InputError: a column or pair that isn't there, or a cell that is no number.
    """
    rows, header = _rows(data, where, ("exporter", "importer", *names))
    found = {}
    for name in names:
        cells = _cells(rows, header, name, table.year, where, {**FORMER_CODES, **(aliases or {})}, negative=True)
        gaps = [f"{i} to {j}" for i in table.economies for j in table.economies if (i, j) not in cells.values]
        if gaps:
            hint = "Every pair of the trade table needs its row."
            raise InputError(f"{name} is missing for {listed(gaps)}.", where=where, hint=hint, code="missing")
        found[name] = np.array([[cells.values[i, j] for j in table.economies] for i in table.economies])
    return found


def opened(data: bytes, where: str) -> bytes:
    """The bytes of a file, unpacked if they are gzip; never more than `BYTES_MAX`.

    Raises:
        InputError: a broken archive, or one that grows beyond the limit.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    plain, left = [], data
    size = 0
    while left:  # an archive may have several members, one behind the other
        unpacker = zlib.decompressobj(wbits=31)
        try:
            plain.append(unpacker.decompress(left, BYTES_MAX - size))
        except zlib.error as error:
            what = f"the archive is broken: {error}."
            raise InputError(what, where=where, hint="Get it again.", code="gzip") from None
        size += len(plain[-1])
        if unpacker.unconsumed_tail or not unpacker.eof:
            what = f"the archive is cut off, or larger than {BYTES_MAX:,} bytes once opened."
            raise InputError(what, where=where, hint="Get it again, or give the part that is needed.", code="gzip")
        left = unpacker.unused_data.lstrip(b"\0")
    return b"".join(plain)


# --- Rows -------------------------------------------------------------------------------------------------------------


def _rows(data: bytes, where: str, needed: Sequence[str]) -> tuple[list[list[str]], dict[str, int]]:
    """All rows below the header, and the place of each column."""
    try:
        text = opened(data, where).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="encoding") from None
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise InputError(f"no CSV: {error}.", where=where, hint="Save it as CSV with commas.", code="csv") from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    for name in needed:
        if name not in head:
            close = nearest(name, head)
            hint = f'Is it "{close[0]}"? Rename it.' if close else f"It has {listed(head) or 'nothing'}."
            raise InputError(f'no column "{name}".', where=where, hint=hint, code="column")
        if head.count(name) > 1:
            raise InputError(f'two columns "{name}".', where=where, hint="Remove one.", code="column")
    return rows[1:], {name: n for n, name in enumerate(head)}


def _year(rows: Sequence[Sequence[str]], header: Mapping[str, int], year: int | None, where: str) -> int:
    if "year" not in header:
        if year is None:
            hint = "Say which year the flows are of."
            raise InputError("no column year, and no year was named.", where=where, hint=hint, code="year")
        return year
    column = header["year"]
    held = sorted({row[column].strip() for row in rows if len(row) > column and any(map(str.strip, row))})
    wanted = str(year) if year is not None else held[0] if len(held) == 1 else ""
    if wanted not in held:
        what = f"no rows of {year}." if year is not None else "several years, and none was named."
        raise InputError(what, where=where, hint=f"It has {listed(held) or 'no rows'}.", code="year")
    if not wanted.isdecimal():
        raise InputError(f'"{wanted}" is no year.', where=where, hint="Write it as 2006.", code="year")
    return int(wanted)


def _cells(
    rows: Sequence[Sequence[str]],
    header: Mapping[str, int],
    column: str,
    year: int,
    where: str,
    aliases: Mapping[str, str],
    *,
    negative: bool = False,
) -> _Cells:
    """One column of one year, by pair."""
    known = _known_codes()
    values: dict[tuple[str, str], float] = {}
    lines: dict[tuple[str, str], int] = {}
    renamed: set[str] = set()
    faults = _Faults(where)
    for line, row in _of_year(rows, header, year):
        if len(row) < len(header):
            faults.add("short", line, f"has {len(row)} cells of {len(header)}")
            continue
        said = [row[header[side]].strip() for side in ("exporter", "importer")]
        renamed.update(code for code in said if code in aliases)
        pair = tuple(aliases.get(code, code) for code in said)
        unknown = [code for code in pair if code not in known]
        value = _number(row[header[column]])
        if unknown:
            faults.add("code", line, f'"{unknown[0]}" is no economy I know', _hint_for(unknown[0], known))
        elif value is None or (value < 0 and not negative):
            faults.add("flow", line, f'{column} "{row[header[column]].strip()[:30]}" is no amount of zero or more')
        elif (pair[0], pair[1]) in values:
            faults.add("duplicate", line, f"{pair[0]} to {pair[1]} again (first in line {lines[pair[0], pair[1]]})")
        else:
            values[pair[0], pair[1]], lines[pair[0], pair[1]] = value, line
    faults.stop()
    if not values:
        raise InputError(f"no rows of {year}.", where=where, hint="Name a year that it holds.", code="year")
    return _Cells(values, lines, frozenset(renamed))


def _of_year(
    rows: Sequence[Sequence[str]], header: Mapping[str, int], year: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows of a year with their line numbers, blank ones left out."""
    column = header.get("year")
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if column is None or (len(row) > column and row[column].strip() == str(year)):
            yield line, row


def _fill_home(cells: _Cells, economies: Sequence[str], output: bytes, year: int, where: str) -> str:
    """Deliveries at home from gross output: `X_ii = Y_i - exports_i`. They go into `cells`."""
    place = f"output beside {where}"
    rows, header = _rows(output, place, ("economy", "output"))
    said: dict[str, float] = {}
    faults = _Faults(place)
    for line, row in _of_year(rows, header, year):
        code, value = row[header["economy"]].strip(), _number(row[header["output"]])
        if value is None or value < 0:
            faults.add("flow", line, "output is no amount of zero or more")
        elif code in said:
            faults.add("duplicate", line, f"{code} again")
        else:
            said[FORMER_CODES.get(code, code)] = value
    faults.stop()
    needed = [e for e in economies if (e, e) not in cells.values]
    absent = [e for e in needed if e not in said]
    if absent:
        hint = "Add them, or rows with exporter = importer."
        raise InputError(f"no output for {listed(absent)}.", where=place, hint=hint, code="domestic")
    exports = {e: math.fsum(v for (i, j), v in cells.values.items() if i == e and j != e) for e in needed}
    below = [f"{e} ({said[e] - exports[e]:g})" for e in needed if said[e] - exports[e] <= 0]
    if below:
        hint = "Exports can't exceed gross output: re-exports are in them, or the units differ."
        raise InputError(
            f"no deliveries at home are left for {listed(below)}.", where=place, hint=hint, code="domestic"
        )
    for e in needed:
        cells.values[e, e] = said[e] - exports[e]
    return f"deliveries at home of {len(needed)} economies are gross output less exports"


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _known_codes() -> Collection[str]:
    from concordat.world import countries

    return {*(c.iso3 for c in countries()), *NOT_COUNTRIES}


def _hint_for(code: str, known: Collection[str]) -> str:
    close = nearest(code, known)
    said = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{said}Economies are ISO alpha-3 codes, or ROW; give aliases for a file's own."


class _Faults:
    """Faulty rows, gathered so that one message names the lines of all that have the first kind of fault."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: dict[str, list[tuple[int, str, str]]] = {}

    def add(self, code: str, line: int, what: str, hint: str = "Correct these lines.") -> None:
        """Note one."""
        self.found.setdefault(code, []).append((line, what, hint))

    def stop(self) -> None:
        """Raise for the first kind that was found, if any was."""
        for code, rows in self.found.items():
            line, what, hint = rows[0]
            others = (
                f" So have {len(rows) - 1} others: lines {listed(str(r[0]) for r in rows[1:])}." if rows[1:] else ""
            )
            raise InputError(f"{what}.{others}", where=f"{self.where}, line {line}", hint=hint, code=code)
