"""What the commands on the divide read from files: a CSV table with a line for every fault, a Parquet file where it is.

A CSV table has one line of names; blank lines are skipped. Empty, `NA` and `NaN` say that there is no figure. A Parquet
file (or a folder of them) is not read but opened: DuckDB computes on it, so that it may be larger than memory.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _index_input as shared
from concordat.errors import InputError
from concordat.settings import nearest

if TYPE_CHECKING:
    import duckdb

BLANK = frozenset(("", "na", "nan"))
UNIT = ("unit", "area", "iso3")
_ROW = re.compile(r"(?:.*, )?row (\d+)")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV table: columns of text by name, and the line of the file that each row stands in."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """A column.

        Raises:
            InputError: the table lacks it.
        """
        if name not in self.columns:
            close = nearest(name, self.columns)
            hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(list(self.columns)[:20])}."
            raise InputError(f'the table has no column "{name}".', where=str(self.path), hint=hint, code="columns")
        return self.columns[name]

    def first_of(self, names: Sequence[str]) -> str:
        """The first of some names that is a column."""
        return next((n for n in names if n in self.columns), names[0])

    def numbers(self, name: str, *, least: float = -math.inf, blank: bool = True) -> list[float]:
        """A column of figures, NaN where there is none.

        Raises:
            InputError: something that is no figure, with its line.
        """
        return [self._number(text, name, i, least, blank) for i, text in enumerate(self.column(name))]

    def names(self, name: str) -> list[str]:
        """A column of names.

        Raises:
            InputError: one is blank, with its line.
        """
        found = [text.strip() for text in self.column(name)]
        if "" in found:
            hint = "Name it, or leave the row out."
            raise InputError(f"{name} is blank.", where=self.place(found.index("")), hint=hint, code="blank")
        return found

    def place(self, row: int) -> str:
        """`file.csv, line 7`."""
        return f"{self.path}, line {self.lines[row]}"

    def _number(self, text: str, name: str, row: int, least: float, blank: bool) -> float:
        text = text.strip()
        if text.lower() in BLANK:
            if blank:
                return math.nan
            raise InputError(f"{name} is blank.", where=self.place(row), hint="Fill it, or leave the row out.")
        try:
            value = float(text)
        except ValueError:
            hint = "Write decimals with a point." if "," in text else "Leave gaps empty."
            raise InputError(
                f'{name}: "{text}" is not a number.', where=self.place(row), hint=hint, code="number"
            ) from None
        if not math.isfinite(value) or value < least:
            what = "is not finite" if not math.isfinite(value) else f"is below {least:g}"
            raise InputError(f"{name}: {text} {what}.", where=self.place(row), hint="Correct it.", code="number")
        return value


def read_table(path: Path) -> Table:
    """A CSV table.

    Raises:
        InputError: unreadable, not UTF-8, no names, a name twice, a row with more or fewer cells than names.
    """
    reader = csv.reader(io.StringIO(shared.read(path), newline=""))
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        head = [name.strip() for name in next(reader, [])]
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(head):
                what = f"{len(row)} cells, where the first line names {len(head)} columns."
                raise InputError(what, where=f"{path}, line {reader.line_num}", hint="Quote commas.", code="cells")
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(f"not CSV: {error}.", where=f"{path}, line {reader.line_num}", code="not_csv") from None
    twice = next((name for name in head if head.count(name) > 1), None)
    if twice is not None:
        raise InputError(f'the column "{twice}" stands twice.', where=f"{path}, line 1", code="columns")
    if not rows:
        hint = "Begin with a line of names, then a row a line."
        raise InputError("the table has no rows.", where=str(path), hint=hint, code="empty")
    return Table(path, {name: [row[i] for row in rows] for i, name in enumerate(head)}, lines)


def is_parquet(path: Path) -> bool:
    """Whether a file is to be opened by DuckDB: Parquet, or a folder of it.

    Raises:
        InputError: the name says another kind.
    """
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq") or path.is_dir():
        return True
    if suffix not in (".csv", ""):
        raise InputError("neither .csv nor .parquet.", where=str(path), hint="Save the table as CSV.", code="kind")
    return False


@contextmanager
def parquet(path: Path) -> Iterator[duckdb.DuckDBPyRelation]:
    """A Parquet file as a relation of DuckDB, which spills to a folder of its own when memory runs short.

    Raises:
        InputError: no such file, not Parquet, or a column that can't be read as what it is used for.
    """
    import tempfile

    import duckdb

    if not path.exists():
        raise InputError("can't be read: no such file.", where=str(path), hint="Check the path.", code="unreadable")
    with tempfile.TemporaryDirectory(prefix="concordat-") as folder:
        options: dict[str, Any] = {
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with duckdb.connect(":memory:", config=options) as engine:
            try:
                relation = engine.read_parquet(str(path / "*.parquet" if path.is_dir() else path))
            except duckdb.Error as error:
                what = f"not Parquet that I can read: {_first_line(error)}."
                raise InputError(what, where=str(path), hint="Write it again.", code="not_parquet") from None
            try:
                yield relation
            except duckdb.Error as error:
                what = f"can't be computed on: {_first_line(error)}."
                raise InputError(what, where=str(path), hint="Look at the columns you named.", code="parquet") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


@contextmanager
def located(path: Path, lines: Sequence[int] = ()) -> Iterator[None]:
    """Faults of "row 7" are told with the file, and with the line where it is known."""
    try:
        yield
    except InputError as error:
        found = _ROW.fullmatch(error.where)
        row = int(found[1]) - 1 if found else -1
        if 0 <= row < len(lines):
            error.where = f"{path}, line {lines[row]}"
        elif not error.where.startswith(str(path)):
            error.where = f"{path}, {error.where}" if error.where else str(path)
        raise


# --- Long tables --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """Years and values of each unit, and weights where the table has them (unit -> year -> weight)."""

    panel: dict[str, tuple[list[float], list[float]]]
    weights: dict[str, dict[int, float]]


def read_series(path: Path, indicator: str) -> Series:
    """A long table, `unit,year,value`, of one indicator.

    Raises:
        InputError: a column is missing, a number can't be read, a year stands twice, several indicators and none named.
    """
    table = read_table(path)
    units = table.names(table.first_of(UNIT))
    years, values = table.numbers("year", blank=False), table.numbers("value")
    weights = table.numbers("weight", least=0) if "weight" in table.columns else None
    kept = _rows_of(table, indicator)
    found = Series({}, {})
    seen: set[tuple[str, float]] = set()
    for i in kept:
        if years[i] != int(years[i]):
            raise InputError(f"{years[i]:g} is not a year.", where=table.place(i), hint="Write 2024.", code="year")
        if (units[i], years[i]) in seen:
            what = f"{units[i]}, {years[i]:g} stands twice."
            raise InputError(what, where=table.place(i), hint="Keep one value for a year.", code="duplicate")
        seen.add((units[i], years[i]))
        own = found.panel.setdefault(units[i], ([], []))
        own[0].append(years[i])
        own[1].append(values[i])
        if weights is not None and not math.isnan(weights[i]):
            found.weights.setdefault(units[i], {})[int(years[i])] = weights[i]
    return found


def _rows_of(table: Table, indicator: str) -> list[int]:
    """The rows of the indicator asked for, where the table has several."""
    if "indicator" not in table.columns:
        return list(range(len(table.lines)))
    names = table.names("indicator")
    known = sorted(set(names))
    if not indicator and len(known) > 1:
        hint = f"Name one: {', '.join(known[:8])}."
        raise InputError(f"the table has {len(known)} indicators.", where=str(table.path), hint=hint, code="indicator")
    if indicator and indicator not in known:
        close = nearest(indicator, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(known[:8])}."
        what = f'the table has no indicator "{indicator}".'
        raise InputError(what, where=str(table.path), hint=hint, code="unknown_indicator")
    return [i for i, name in enumerate(names) if not indicator or name == indicator]
