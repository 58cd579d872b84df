"""What does a table of the user's own say? From the text of a CSV file to figures by name, unit and year.

A table is long (`unit,year,indicator,value` and, if known, `lower,upper`) or wide: a column `unit`, if it has several
years a column `year`, and a column an indicator. Only what is asked for is read: other columns and indicators may hold
anything. Empty cells are missing. Which figure enters an index, and whether it is possible, is for `bind` to say.

    >>> found = read_table("unit,year,name,users\\nBRA,2023,Brazil,81\\nBRA,2024,Brazil,84\\n", ["users"])
    >>> found.units, found.dated, {year: f.value for year, f in found.series["users", "BRA"].items()}
    (('BRA',), True, {2023: 81.0, 2024: 84.0})
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from concordat.errors import InputError
from concordat.settings import nearest

NO_YEAR = 0  # of every figure of a table without years
_UNIT = ("unit", "area", "iso3")  # what the first of these columns may be called
_MISSING = ("", "NA", "..", "nan", "NaN")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the ends of its interval: the value itself where none is known."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table, read.

    Attributes:
        series: (name, unit) -> year -> figure; of tables without years the year is `NO_YEAR`.
        units: all units of the table, sorted, also those without any figure.
        dated: whether its rows have years.
        with_ends: the names of which at least one row gives an interval.
    """

    series: Mapping[tuple[str, str], Mapping[int, Figure]]
    units: tuple[str, ...]
    dated: bool
    with_ends: frozenset[str]

    def years(self, names: Collection[str]) -> set[int]:
        """All years in which any of these names has a figure."""
        return {year for (name, _), found in self.series.items() if name in names for year in found}


def read_table(text: str, wanted: Collection[str], *, where: str = "data.csv") -> Table:
    """Read the wanted indicators of a table.

    Raises:
        InputError: one of them is not there or has no figure; a number, year or interval can't be; a cell stands twice.
    """
    rows = _rows(text, where)
    head = [name.strip() for name in rows[0]]
    unit_column = _check_head(head, wanted, where)
    long = {"indicator", "value"} <= set(head)
    lines = [(n, {k: v.strip() for k, v in zip(head, row, strict=False)}) for n, row in enumerate(rows[1:], 2)
             if any(cell.strip() for cell in row)]  # fmt: skip
    dated = any(row.get("year") for _, row in lines)
    series: dict[tuple[str, str], dict[int, Figure]] = {}
    units: set[str] = set()
    names: set[str] = set() if long else set(head) - {unit_column, "year"}
    with_ends: set[str] = set()
    for n, row in lines:
        place = f"{where}, line {n}"
        year = _year(row.get("year", ""), place) if dated else NO_YEAR
        unit = row.get(unit_column, "")
        if not unit:
            raise InputError("the row names no unit.", where=place, hint="Fill the column.", code="unit")
        units.add(unit)
        if long:
            names.add(row.get("indicator", ""))
        for name in [row.get("indicator", "")] if long else wanted:
            if name not in wanted:
                continue
            ends = [_number(row.get(end, "") if long else "", place, name) for end in ("lower", "upper")]
            figure = _figure(_number(row.get("value" if long else name, ""), place, name), ends, name, unit, place)
            if figure is None:
                continue
            found = series.setdefault((name, unit), {})
            if year in found:
                raise InputError(f"{name} of {unit} stands twice.", where=place, hint="Keep one.", code="duplicate")
            found[year] = figure
            if any(end is not None for end in ends):
                with_ends.add(name)
    _check_names(wanted, {name for name, _ in series}, names, where)
    return Table(series, tuple(sorted(units)), dated, frozenset(with_ends))


def _rows(text: str, where: str) -> list[list[str]]:
    """The cells of every row, none longer than the head."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        rows = list(reader)
    except csv.Error as error:
        hint = "Write one row a line, cells with commas between them."
        place = f"{where}, line {reader.line_num}"
        raise InputError(f"not CSV: {error}.", where=place, hint=hint, code="csv") from None
    if not rows or not any(rows):
        raise InputError("the table is empty.", where=where, hint="Begin with: unit,year,indicator,value", code="empty")
    for n, row in enumerate(rows[1:], 2):
        if len(row) > len(rows[0]):
            what = f"the row has {len(row)} cells, the head {len(rows[0])}."
            raise InputError(what, where=f"{where}, line {n}", hint="Put cells with commas in quotes.", code="cells")
    return rows


def _check_head(head: list[str], wanted: Collection[str], where: str) -> str:
    """The column of units; each column that is read stands once."""
    place = f"{where}, line 1"
    unit_column = next((n for n in _UNIT if n in head), None)
    if unit_column is None:
        hint = "Begin with: unit,year,indicator,value"
        raise InputError("the table has no column unit.", where=place, hint=hint, code="columns")
    for name in (unit_column, "year", "indicator", "value", "lower", "upper", *wanted):
        if head.count(name) > 1:
            raise InputError(f"a column stands twice: {name}.", where=place, hint="Name each once.", code="columns")
    return unit_column


def _check_names(wanted: Iterable[str], found: Collection[str], names: Collection[str], where: str) -> None:
    for needed in wanted:
        if needed not in found:
            close = nearest(needed, set(names) - {needed})
            hint = f'Did you mean "{close[0]}"?' if close else "Add it, or take it out of the tree."
            raise InputError(f'the table has no figures of "{needed}".', where=where, hint=hint, code="columns")


def _figure(value: float | None, ends: list[float | None], name: str, unit: str, place: str) -> Figure | None:
    """A value in its interval; one known only as an interval stands in the middle, as in a release."""
    low, high = ends
    what = ""
    if value is None:
        if low is None and high is None:
            return None
        if low is None or high is None:
            what = "the row has one end and no value."
        elif low > high:
            what = f"lower {low:g} is above upper {high:g}."
        else:
            return Figure((low + high) / 2, low, high)
    elif low is not None and low > value:
        what = f"lower {low:g} is above the value {value:g}."
    elif high is not None and high < value:
        what = f"upper {high:g} is below the value {value:g}."
    if what or value is None:
        hint = "Give lower and upper around the value, or leave them empty."
        raise InputError(f"{name} of {unit}: {what}", where=place, hint=hint, code="interval")
    return Figure(value, value if low is None else low, value if high is None else high)


def _year(text: str, place: str) -> int:
    if not text:
        hint = "Fill the column year in every row, or in none."
        raise InputError("the row has no year, and others have one.", where=place, hint=hint, code="year")
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 9999):
        raise InputError(f'"{text}" is not a year.', where=place, hint="Write it as 2025.", code="year")
    return int(text)


def _number(text: str, place: str, name: str) -> float | None:
    if text in _MISSING:
        return None
    try:
        value = math.nan if "_" in text else float(text)  # Python takes 1_000 for a number
    except ValueError:
        value = math.nan
    if math.isnan(value):
        hint = "Write numbers with a point, and leave missing ones empty."
        raise InputError(f'{name}: "{text}" is not a number.', where=place, hint=hint, code="number")
    if math.isinf(value):
        raise InputError(f"{name}: {text} is not finite.", where=place, hint="Leave it empty.", code="number")
    return value
