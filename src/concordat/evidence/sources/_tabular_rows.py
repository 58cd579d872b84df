"""Rows of a user's table as observations: one pass, column by column in the end, every fault told with its place.

This is the checked fast path beside `Meta.row`: the same ids and hashes, made without a call for each row (the tests
hold both against each other), and every row's invariants are checked again when the vintage is written. Figures outside
their bounds and keys that stand twice are no faults here: they are stored, and `evidence.quality` sets them aside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from concordat.evidence.locators import cell_locator
from concordat.evidence.observation import NATURES, Observation, from_columns
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources._tabular_numbers import Bad, half_digit, scaled, value_text
from concordat.evidence.sources._tabular_read import Cell, Sheet, cell_text
from concordat.evidence.sources._tabular_values import SKIPPED
from concordat.evidence.sources._tabular_workbook import column_letters

if TYPE_CHECKING:
    from concordat.evidence.sources._tabular_model import Format

SEPARATOR = "\x1f"
PROGRESS_ROWS = 50_000
NOTE_MAX = 2_000
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row measures."""

    indicator_id: str
    unit: str
    multiply: float = 1.0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands in the rows of one table, and how each cell is read; made by `tabular` from a mapping.

    A place is the index of a column; 0 for what is the same in every row (an `Always`, which looks at no cell).
    """

    form: Format
    area: tuple[int, Mapping[Any, Any]]
    period: tuple[tuple[int, ...], Mapping[Any, Any]]
    entry: tuple[int, Mapping[Any, Any]]
    value: int
    precision: str | float
    parts: tuple[tuple[int, Mapping[Any, Any]], ...]
    lower: int | None
    upper: int | None
    coded: Mapping[str, tuple[int, Mapping[Any, Any]]]
    note: int | None
    number: Callable[[str], str | Bad]
    missing: Mapping[str, str]
    width: int
    keys: tuple[int, ...] = ()


@dataclass(slots=True)
class Read:
    """What came out of a table: the columns of its observations, the problems, and how many rows there were."""

    columns: dict[str, Sequence[Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    rows: int = 0


class BadCellError(Exception):
    """A row that can't be read, with the column at fault; never leaves this module."""

    def __init__(self, index: int | None, bad: Bad) -> None:
        super().__init__(bad.what)
        self.index = index
        self.bad = bad


def _bad(index: int | None, what: str, hint: str = "") -> BadCellError:
    return BadCellError(index, Bad(what, hint))


def read_rows(sheet: Sheet, plan: Plan, meta: Meta, progress: Progress | None = None) -> Read:
    """Every row of a table, read by its plan."""
    read = Read()
    kept: list[tuple[Any, ...]] = []
    tail = f"{SEPARATOR}{meta.source_id}{SEPARATOR}{meta.dataset_id}"
    place = _placer(sheet)
    last = plan.form.last_row
    make = _RowReader(plan, tail)
    fill = sheet.merged if plan.form.merged == "fill" else {}
    for number, cells in sheet.rows:
        if last is not None and number > last:
            break
        read.rows += 1
        if progress is not None and read.rows % PROGRESS_ROWS == 0:
            progress(read.rows)
        if fill:
            cells = [fill.get((number, i)) if c is None and i in plan.keys else c for i, c in enumerate(cells)]
        try:
            if len(cells) != plan.width:
                raise _bad(None, f"{len(cells)} cells; the header has {plan.width}.", "Look at the quotes.")
            row = make(cells, place(number, plan.value))
        except BadCellError as fault:
            text = f"{fault.bad.what} {fault.bad.hint}".strip()
            read.problems.append(Problem("row_unread", "error", place(number, fault.index), text))
            continue
        if row is None:
            read.left_out[make.skipped] += 1
            continue
        kept.append(row)
    columns = zip(*kept, strict=True) if kept else ((),) * len(_COLUMNS)
    read.columns = dict(zip(_COLUMNS, columns, strict=True))
    return read


def observations(read: Read, meta: Meta) -> list[Observation]:
    """The rows, each as `Meta.row` would make it."""
    count = len(read.columns["obs_id"])
    same: dict[str, Any] = {
        "unit_mult": 0, "decimals": None, "conf_status": "F", "source_id": meta.source_id,
        "dataset_id": meta.dataset_id, "series_key": "", "vintage_id": meta.vintage_id,
        "known_from": meta.known_from, "retrieved_at": meta.retrieved_at, "raw_sha256": meta.raw_sha256,
        "parser_version": meta.parser_version, "processing_level": "raw", "derived_from": (), "derived_by": "",
    }  # fmt: skip
    return from_columns({**read.columns, **{name: [value] * count for name, value in same.items()}})


_COLUMNS = (
    "obs_id", "indicator_id", "area", "area_type", "period_start", "period_end", "freq", "value", "lower", "upper",
    "censoring", "precision", "unit", "breakdown", "obs_status", "nature", "missing_reason", "note", "row_hash",
    "raw_locator",
)  # fmt: skip


class _RowReader:
    """One row's cells, and its place -> the columns of its observation; None for a row that is left out."""

    def __init__(self, plan: Plan, tail: str) -> None:
        self.plan = plan
        self.tail = tail
        self.skipped = ""
        self._breakdowns: dict[tuple[str, ...], str] = {}
        self._halves: dict[tuple[int, float], float] = {}
        self._simple = plan.form.decimal == "." and not plan.form.thousands and plan.precision == "unknown"
        self._extra = bool(plan.coded or plan.note is not None or plan.lower is not None or plan.upper is not None)

    def __call__(self, cells: Sequence[Any], locator: str) -> tuple[Any, ...] | None:
        plan = self.plan
        index, known = plan.entry
        entry = known[cells[index]]
        if type(entry) is not Entry:
            self._not_read(entry, index, cells)
            return None
        index, known = plan.area
        area = known[cells[index]]
        if type(area) is not tuple:
            self._not_read(area, index, cells)
            return None
        at, known = plan.period
        period = known[cells[at[0]]] if len(at) == 1 else known[cells[at[0]], cells[at[1]]]
        if type(period) is not tuple:
            raise BadCellError(at[0], period)
        area_id, area_type = area
        start, end, freq, days = period
        parts = entry.parts
        if plan.parts:
            parts += tuple(self._part(cells, index, known) for index, known in plan.parts)
        breakdown = self._breakdowns.get(parts)
        if breakdown is None:
            breakdown = self._breakdowns[parts] = self._breakdown(parts)
        cell = cells[plan.value]
        reason: str | None = None
        precision: float | None = None
        value: float | None
        if self._simple and type(cell) is str and entry.multiply == 1.0 and _PLAIN.fullmatch(cell):
            value = float(cell) or 0.0
            if value - value != 0:
                raise _bad(plan.value, f'"{cell[:40]}..." is too large for a number.')
        else:
            value, precision, reason = self._figure(cell, plan.value, entry)
        unit, status, nature, note = entry.unit, "A", "N", ""
        lower = upper = None
        censoring = "none"
        if self._extra:
            unit = self._coded("unit", cells, unit)
            status = self._coded("status", cells, status)
            nature = self._coded("nature", cells, nature)
            if nature not in NATURES:
                index = plan.coded["nature"][0]
                raise _bad(index, f'"{nature}" is not a nature.', f"Map it to one of {', '.join(NATURES)}.")
            note = cell_text(cells[plan.note])[:NOTE_MAX].strip() if plan.note is not None else ""
            lower, upper, censoring = self._bounds(cells, value, entry)
            reason = None if censoring != "none" else reason
        if reason is not None and status == "A":
            status = "O"
        what = f"{entry.indicator_id}{SEPARATOR}{area_id}{SEPARATOR}{days}{SEPARATOR}{breakdown}{SEPARATOR}{unit}"
        obs_id = sha256((what + self.tail).encode()).hexdigest()[:32]
        numbers = f"{value_text(value)}{SEPARATOR}{SEPARATOR}"
        if lower is not None or upper is not None:
            numbers = f"{value_text(value)}{SEPARATOR}{value_text(lower)}{SEPARATOR}{value_text(upper)}"
        said = f"{obs_id}{SEPARATOR}{numbers}{SEPARATOR}{censoring}{SEPARATOR}{status}{SEPARATOR}F"
        row_hash = sha256(said.encode()).hexdigest()[:32]
        return (
            obs_id, entry.indicator_id, area_id, area_type, start, end, freq, value, lower, upper, censoring,
            precision, unit, breakdown, status, nature, reason, note, row_hash,
            locator,
        )  # fmt: skip

    def _not_read(self, found: Any, index: int, cells: Sequence[Any]) -> None:
        if found is not SKIPPED:
            raise BadCellError(index, found)
        self.skipped = cell_text(cells[index]).strip()

    def _part(self, cells: Sequence[Any], index: int, known: Mapping[Any, Any]) -> str:
        found = known[cells[index]]
        if isinstance(found, Bad):
            raise BadCellError(index, found)
        return str(found)

    def _breakdown(self, parts: tuple[str, ...]) -> str:
        return ";".join(sorted(part for part in parts if part))

    def _coded(self, name: str, cells: Sequence[Any], default: str) -> str:
        if name not in self.plan.coded:
            return default
        index, known = self.plan.coded[name]
        found = known[cells[index]]
        if isinstance(found, Bad):
            raise BadCellError(index, found)
        return str(found)

    def _figure(self, cell: Cell, index: int, entry: Entry) -> tuple[float | None, float | None, str | None]:
        """Value, precision and the reason for being missing."""
        if isinstance(cell, date):
            raise _bad(index, f"the date {cell.isoformat()} stands where a number should.")
        plan = self.plan
        if isinstance(cell, float):
            plain = repr(cell)
            if cell - cell != 0:
                if plain in plan.missing:
                    return None, None, plan.missing[plain]
                raise _bad(index, f"{plain} is no number.", f'List "{plain}" under format.missing, if it is.')
        else:
            text = (cell or "").strip()
            if text in plan.missing:
                return None, None, plan.missing[text]
            if text.endswith("%"):
                if entry.unit != "percent" or entry.multiply != 1:
                    hint = "Only a value in percent, with multiply: 1, may carry the sign."
                    raise _bad(index, f'"{text}" has a percent sign.', hint)
                text = text[:-1].rstrip()
            found = plan.number(text)
            if isinstance(found, Bad):
                raise BadCellError(index, found)
            plain = found
        value = scaled(plain, entry.multiply)
        if isinstance(value, Bad):
            raise BadCellError(index, value)
        return value or 0.0, self._precision(cell, plain, entry), None

    def _precision(self, cell: Cell, plain: str, entry: Entry) -> float | None:
        wanted = self.plan.precision
        if isinstance(wanted, (int, float)):
            return float(wanted) * entry.multiply
        if wanted == "unknown" or not isinstance(cell, str):
            return None  # a workbook keeps the number, not how it was printed
        return half_digit(plain, entry.multiply)

    def _bounds(
        self, cells: Sequence[Any], value: float | None, entry: Entry
    ) -> tuple[float | None, float | None, str]:
        plan = self.plan
        ends: list[float | None] = []
        for index in (plan.lower, plan.upper):
            ends.append(None if index is None else self._figure(cells[index], index, entry)[0])
        lower, upper = ends
        low, high = (value if end is None else end for end in ends)
        middle = value if value is not None else low
        if low is not None and high is not None and middle is not None and not low <= middle <= high:
            raise _bad(plan.value, "lower, value and upper are not in this order.")
        if value is not None:
            return lower, upper, "none"
        if (lower is None) != (upper is None):
            raise _bad(plan.value, "one end of the interval and no value.", "Give both ends, or the value.")
        return lower, upper, "none" if lower is None else "interval"


def _placer(sheet: Sheet) -> Callable[[int, int | None], str]:
    """How locators name the cells of this table."""
    if sheet.sheet:
        return lambda number, index: cell_locator(sheet.sheet, column_letters(index or 0), number)
    names: dict[int | None, str] = {i: f", {_unique(sheet.header, i)}" for i in range(len(sheet.header))} | {None: ""}
    return lambda number, index: f"row {number}{names[index] if index in names else f', column {(index or 0) + 1}'}"


def _unique(header: Sequence[str], index: int) -> str:
    """The name by which a column is found again: its own if no other has it."""
    name = header[index]
    return name if name and header.count(name) == 1 else f"column {index + 1}"


def left_out(read: Read, what: str) -> Iterator[Problem]:
    """A line for each text whose rows the mapping leaves out."""
    for text, count in sorted(read.left_out.items()):
        rows = f"{count} row" + ("s" if count != 1 else "")
        yield Problem("left_out", "info", what, f'"{text}": {rows} left out, as the mapping says.')
