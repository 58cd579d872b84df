"""The same answer for programs: the view as JSON, the main table as CSV.

JSON: `{"release", "state", "batch", "version", "generated_from", "licences", "data"}`; `data` is the page's view, field
by field. A number is an object with `value`, `lower`, `upper`, `unit`, `obs` (the id of its record), `part`, `marks`.

CSV: UTF-8 with a byte-order mark (spreadsheets need it), lines end in CR LF, one line a cell; numbers are unrounded
with a point; text that a spreadsheet could run begins with an apostrophe (`evidence.csv_text`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.canonical import dumps, number_text
from concordat.evidence.csv_text import guarded
from concordat.report.chapter import Cell, Num, Table
from concordat.web.site import Link, Said

if TYPE_CHECKING:
    from concordat.web.reader import Reader

BOM = "\ufeff"
COLUMNS = (
    "row_id", "row", "column_id", "column", "unit", "value", "lower", "upper", "year", "rank_best", "rank_worst",
    "marks", "text", "source", "obs", "part",
)  # fmt: skip


def as_json(view: object, reader: Reader, address: str, reads: tuple[str, ...] = ("evidence",)) -> bytes:
    """The view, with what it was made from: of the release and the record no more than the page reads."""
    of_evidence = "evidence" in reads
    licences = {d: c.licence for d, c in sorted(reader.citations().items())} if of_evidence else {}
    said = {
        "release": reader.snapshot.release if of_evidence else "",
        "state": reader.snapshot.state,
        "batch": reader.snapshot.batch,
        "version": reader.snapshot.version,
        "generated_from": address,
        "licences": licences,
        "data": data_of(view),
    }
    return dumps(said, floats=True) + b"\n"


def data_of(value: Any) -> Any:
    """A view, or a part of one, as plain data."""
    if isinstance(value, Num):
        return {
            "value": value.value,
            "lower": value.lower,
            "upper": value.upper,
            "unit": value.unit,
            "obs": value.id,
            "part": value.part,
            "marks": list(value.marks),
        }
    if isinstance(value, Link):
        return {"text": value.text, "page": value.page, "query": dict(value.query)}
    if isinstance(value, Said):
        return {"text": value.text, "language": value.language}
    if is_dataclass(value):
        return {f.name: data_of(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): data_of(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [data_of(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    assert value is None or isinstance(value, (str, int, float, bool)), type(value)
    return value


def as_csv(table: Table) -> bytes:
    """A table, one line a cell."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            unit = cell.main.unit if cell.main is not None and cell.main.unit else column.unit
            names = [row.id, row.title, column.id, column.title, unit]
            writer.writerow([*map(guarded, names), *_numbers(cell), *map(guarded, _said(cell))])
    return (BOM + buffer.getvalue()).encode("utf-8")


def _numbers(cell: Cell) -> list[str]:
    main, year, rank = cell.main or Num(None), cell.year or Num(None), cell.rank or Num(None)
    best, worst = (rank.value, rank.value) if rank.value is not None else (rank.lower, rank.upper)
    ends = main if main.lower is not None or cell.evidence is None else cell.evidence
    numbers = (main.value, ends.lower, ends.upper, year.value, best, worst)
    return ["" if number is None else number_text(number) for number in numbers]


def _said(cell: Cell) -> tuple[str, ...]:
    main = cell.main or Num(None, part="")
    return ";".join(main.marks), cell.text, cell.source, main.id, main.part
