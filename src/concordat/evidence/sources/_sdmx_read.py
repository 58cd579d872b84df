"""Reading an SDMX-CSV body: its header, its rows, and what stands where data should.

Both field guides (SDMX-CSV 1.0 and 2.0, SDMX-TWG) put dimensions before the value and attributes behind it, so no DSD
is needed to tell them apart.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from concordat.errors import SourceError
from concordat.evidence.locators import csv_delimiter
from concordat.evidence.sources._base import Problem
from concordat.evidence.sources._sdmx import LEAD, VALUE, Row, Table

# --- Bodies ---------------------------------------------------------------------------------------------------------

_FIRST = ("DATAFLOW", "STRUCTURE", "KEY")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9_@$-]*)(?:\[(.)\])?(?::\s*(.*))?", re.DOTALL)
_LABELLED = re.compile(r"([^\s:]+(?::[^\s:]+)*): (.*)", re.DOTALL)
_ACTIONS = frozenset("IARMD")


@dataclass(frozen=True, slots=True)
class _Column:
    id: str
    header: str
    labelled: bool


def read_table(body: bytes, name: str) -> Table:
    """The rows of an SDMX-CSV body.

    Raises:
        SourceError: it is something else, or not UTF-8, or its header is not one of SDMX-CSV.
    """
    if error := refusal(body, name):
        raise error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SourceError(f"byte {fault.start} is not UTF-8.", where=name, code="not_utf8") from None
    delimiter = csv_delimiter(text)
    try:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return _table(records, delimiter, name)
    except csv.Error as fault:
        raise SourceError(f"not CSV: {fault}.", where=name, code="not_sdmx_csv") from None


def _table(records: Iterator[list[str]], delimiter: str, name: str) -> Table:
    header = next(records, [])
    columns = _columns(header, name)
    ids = tuple(c.id for c in columns if c.id)
    first = columns[0].id
    rows: list[Row] = []
    problems: list[Problem] = []
    pages = _Pages(header)
    for number, record in enumerate(records, start=2):
        if not any(record) or pages.repeats(record):
            continue
        if len(record) != len(columns):
            text = f"has {len(record)} cells; the header has {len(columns)}"
            problems.append(Problem("ragged", "error", f"{name}: row {number}", text))
            continue
        rows.append(_row(record, columns, number, first))
        action = rows[-1].cells.get("ACTION", "I")
        if action not in _ACTIONS:
            problems.append(Problem("action", "error", f"{name}: row {number}", f'the action "{action}" is unknown'))
            rows.pop()
    if pages.count:
        text = f"the service repeats its first row; {pages.count} rows that were there before were left out"
        problems.append(Problem("repeated_page", "warning", name, text))
    return Table(
        form={"DATAFLOW": "SDMX-CSV 1.0", "STRUCTURE": "SDMX-CSV 2.0", "KEY": "CSV with keys"}[first],
        columns=ids,
        rows=rows,
        dimensions=_dimensions(ids),
        comma=delimiter == ";",
        problems=tuple(problems),
    )


def _columns(header: list[str], name: str) -> list[_Column]:
    match = _HEADER.fullmatch(header[0].strip()) if header else None
    if match is None or match[1] not in _FIRST:
        shown = ",".join(header)[:80]
        raise _other(f'not SDMX-CSV: it begins with "{shown}", not with {", ".join(_FIRST)}.', name)
    columns = [_column(text.strip()) for text in header]
    if any(c.id == "STRUCTURE_NAME" for c in columns):
        columns = _without_names(columns, name)
    ids = [c.id for c in columns if c.id]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice or VALUE not in ids:
        what = f"the header names {', '.join(twice)} twice." if twice else f"the header has no {VALUE}."
        raise SourceError(what, where=f"{name}: row 1", code="not_sdmx_csv")
    return columns


def _column(text: str) -> _Column:
    match = _HEADER.fullmatch(text)
    if match is None:
        return _Column(text, text, False)
    return _Column(match[1], text, match[3] is not None)


def _without_names(columns: list[_Column], name: str) -> list[_Column]:
    """Columns of ids alone, where each is followed by one of names (`labels=name`): the names get no id."""
    lead = next((i for i, c in enumerate(columns) if c.id not in LEAD), len(columns))
    rest = columns[lead:]
    if len(rest) % 2:
        what = "the header has a column of names without its column of ids."
        raise SourceError(what, where=f"{name}: row 1", code="not_sdmx_csv")
    named = [_Column(c.id if i % 2 == 0 else "", c.header, c.labelled) for i, c in enumerate(rest)]
    return columns[:lead] + named


def _dimensions(ids: tuple[str, ...]) -> tuple[str, ...]:
    """What stands before the value is a dimension, what stands behind it an attribute (both field guides)."""
    return tuple(i for i in ids[: ids.index(VALUE)] if i not in LEAD)


def _row(record: list[str], columns: list[_Column], number: int, first: str) -> Row:
    cells: dict[str, str] = {}
    texts: dict[str, str] = {}
    value_header = VALUE
    for column, text in zip(columns, record, strict=True):
        if column.id == VALUE:
            value_header = column.header
        if not column.id or not text.strip():
            continue
        cells[column.id] = text.strip()
        if column.labelled and (match := _LABELLED.fullmatch(text.strip())):
            cells[column.id], texts[column.id] = match[1], text.strip()
    flow = cells.get("STRUCTURE_ID" if first == "STRUCTURE" else first, "") if first != "KEY" else ""
    return Row(cells, f"row {number}, {value_header}", flow, cells.get("ACTION") == "D", texts)


class _Pages:
    """Rows that come again after the first row, or the header, came again: pages of a service that ignores paging."""

    def __init__(self, header: list[str]) -> None:
        self.count = 0
        self._header = tuple(header)
        self._seen = {self._header}
        self._first: tuple[str, ...] | None = None
        self._again = False

    def repeats(self, record: list[str]) -> bool:
        row = tuple(record)
        if row == self._header or row == self._first:
            self._again = True
        self._first = self._first or row
        if self._again and row in self._seen:
            self.count += 1
            return True
        self._seen.add(row)
        return False


def last_update(body: bytes) -> date | None:
    """The newest day in Eurostat's column LAST UPDATE (`11/04/24 23:00:00`, day first)."""
    try:
        text = body.decode("utf-8-sig")
        records = csv.reader(io.StringIO(text, newline=""), delimiter=csv_delimiter(text))
        at = next(records, []).index("LAST UPDATE")
        days = {record[at] for record in records if len(record) > at}
        return max((datetime.strptime(d, "%d/%m/%y %H:%M:%S").date() for d in days), default=None)  # noqa: DTZ007
    except (ValueError, csv.Error):  # no such column, or another form: then the day of retrieval counts
        return None


# --- Refusals -------------------------------------------------------------------------------------------------------


def refusal(body: bytes, where: str) -> SourceError | None:
    """The error that a body is, if it stands where data should: a queue's note, a service's error, a page, a JSON."""
    head = body[:2_000].decode("utf-8-sig", errors="replace").lstrip()
    if head.startswith("<"):
        from concordat.evidence.sources._sdmx_xml import message_error

        return message_error(body, where) or _other(f"not CSV: it begins with {head[:80]!r}.", where)
    if head.startswith(("{", "[")):
        return _other(f'not CSV: the service says "{words_of(body)}".', where)
    return None


def _other(what: str, where: str) -> SourceError:
    return SourceError(what, where=where, hint="Ask for SDMX-CSV, or check the address.", code="not_sdmx_csv")


def words_of(body: bytes) -> str:
    """The first words of an error's body; of JSON its labels and messages."""
    text = body[:20_000].decode("utf-8-sig", errors="replace")
    try:
        found = _labels(json.loads(text), 0)
    except (ValueError, RecursionError):
        found = [text]
    return " ".join(" ".join(found).split())[:300]


def _labels(value: Any, depth: int) -> list[str]:
    if depth > 8:
        return []
    if isinstance(value, dict):
        own = [v for k in ("label", "message", "title", "detail", "text") if isinstance(v := value.get(k), str)]
        return own + [w for v in value.values() if isinstance(v, (dict, list)) for w in _labels(v, depth + 1)]
    return [w for v in value for w in _labels(v, depth + 1)] if isinstance(value, list) else []
