"""A table of SDMX as every form gives it: rows of cells by the id of their column, and the place of each value.

CSV, XML and JSON are three ways to write the same (SDMX 2.1 and 3.0, section 6 of the standard; SDMX-CSV 1.0 and 2.0).
The readers `sdmx_csv` and `sdmx_ml` make a `Table`; `_sdmx_rows` turns it into observations by a reviewed map. Here
stand what they share: the table, numbers as printed, and time periods.

    >>> [str(part) for part in period_of("2014-Q2")]
    ['2014-04-01', '2014-06-30', 'Q']
    >>> number_of("12,4", comma=True)
    Number(value=12.4, precision=0.05)
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from concordat.evidence.sources._base import Problem

Freq = Literal["A", "Q", "M", "U"]

TIME = "TIME_PERIOD"
VALUE = "OBS_VALUE"
# Columns of SDMX-CSV that are neither dimension nor attribute.
LEAD = (
    "DATAFLOW", "STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION", "SERIES_KEY", "OBS_KEY", "KEY", "LAST UPDATE",
)  # fmt: skip
# What stands for "no value": empty; NaN and #N/A of SDMX-CSV 2.0; the signs of Eurostat's and the IMF's own files.
NO_VALUE = ("", "NaN", "nan", "#N/A", ":", "..")


@dataclass(frozen=True, slots=True)
class Row:
    """One observation as written.

    Attributes:
        cells: column id -> code, what is said of the whole data set included; blank cells are left out.
        place: where its value stands, as a `raw_locator`.
        flow: the dataflow or structure that the row names: `ESTAT:NA_MAIN(1.6.0)`; empty where it names none.
        withdrawn: the publisher takes it back (ACTION D).
        texts: column id -> the cell with its label, where a label was cut off.
    """

    cells: Mapping[str, str]
    place: str
    flow: str = ""
    withdrawn: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, column: str) -> str:
        """The cell as written, with its label."""
        return self.texts.get(column) or self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Table:
    """What one body holds.

    Attributes:
        form: `SDMX-CSV 2.0`, `SDMX-ML 2.1 generic`, ...
        columns: all ids, in the order of the body.
        dimensions: the ids that are dimensions; empty where the form does not tell them from attributes.
        attributes: what is said of the whole data set.
        comma: numbers are written with a decimal comma.
    """

    form: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    dimensions: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    comma: bool = False
    problems: tuple[Problem, ...] = ()


# --- Numbers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A number and half a unit of its last printed digit."""

    value: float
    precision: float


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DIGITS_MAX = 400


def number_of(text: str, *, comma: bool = False) -> Number:
    """A number as printed; never with separators of thousands.

    Args:
        comma: the decimal sign may be a comma.

    Raises:
        ValueError: not a number, or too large for one.
    """
    plain = text.strip()
    if "," in plain:
        if not comma:
            raise ValueError(f'"{plain}" has a comma; I can\'t tell a decimal comma from thousands')
        plain = plain.replace(",", ".", 1)
    if len(plain) > _DIGITS_MAX or not _NUMBER.fullmatch(plain):
        raise ValueError(f'"{text[:40]}" is not a number')
    value = float(plain)
    if not math.isfinite(value):
        raise ValueError(f'"{plain[:40]}" is too large for a number')
    exponent = Decimal(plain).as_tuple().exponent
    assert isinstance(exponent, int)
    return Number(value, float(Decimal(5).scaleb(exponent - 1)))


# --- Time -----------------------------------------------------------------------------------------------------------

_YEAR = r"(?P<year>[0-9]{4})"
_FORMS = tuple(
    (re.compile(_YEAR + rest), kind)
    for rest, kind in (
        (r"(?:-?A1?)?", "A"),
        (r"-?[SHB](?P<n>[12])", "S"),
        (r"-?T(?P<n>[1-3])", "T"),
        (r"-?Q(?P<n>[1-4])", "Q"),
        (r"-?M(?P<n>0?[1-9]|1[0-2])", "M"),
        (r"-(?P<n>0[1-9]|1[0-2])", "M"),
        (r"-?W(?P<n>0?[1-9]|[1-4][0-9]|5[0-3])", "W"),
        (r"-?D(?P<n>[0-9]{3})", "D"),
    )
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_DURATION = re.compile(r"P(?=.)(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,3})W)?(?:([0-9]{1,5})D)?")
_MONTHS = {"A": 12, "S": 6, "T": 4, "Q": 3, "M": 1}


@lru_cache(maxsize=4_096)
def period_of(text: str) -> tuple[date, date, Freq]:
    """First day, last day and frequency of a TIME_PERIOD: years to days, ISO weeks, and ranges `start/end` or
    `start/duration` (SDMX 2.1, section 6, 4.2.2 on time formats).

    Raises:
        ValueError: no time period of SDMX.
    """
    plain = text.strip()
    if not plain.isascii():
        raise ValueError(f'"{plain}" is no time period')
    if "/" in plain:
        start, end = _range(*plain.split("/", 1))
    else:
        start, end = _simple(plain)
    return start, end, _freq(start, end)


def _simple(text: str) -> tuple[date, date]:
    for form, kind in _FORMS:
        if match := form.fullmatch(text):
            year, number = int(match["year"]), int(match.groupdict().get("n") or 1)
            return _span(year, number, kind, text)
    if _DAY.fullmatch(text):
        day = _date(text[:10])
        return day, day
    raise ValueError(f'"{text}" is no time period')


def _span(year: int, number: int, kind: str, text: str) -> tuple[date, date]:
    if year < 1:
        raise ValueError(f'"{text}" is no time period')
    if kind == "W":
        start = date.fromisocalendar(year, number, 1)
        return start, start + timedelta(days=6)
    if kind == "D":
        day = date(year, 1, 1) + timedelta(days=number - 1)
        if number < 1 or day.year != year:
            raise ValueError(f'"{text}" is no day of {year}')
        return day, day
    months = _MONTHS[kind]
    last = months * number
    return date(year, last - months + 1, 1), date(year, last, monthrange(year, last)[1])


def _range(start_text: str, end_text: str) -> tuple[date, date]:
    start = _simple(start_text)[0]
    if not (match := _DURATION.fullmatch(end_text)):
        return start, _simple(end_text)[1]
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    month = start.month - 1 + months + 12 * years
    year, month = start.year + month // 12, month % 12 + 1
    try:
        whole = date(year, month, min(start.day, monthrange(year, month)[1]))
        end = whole + timedelta(days=weeks * 7 + days - 1)
    except (ValueError, OverflowError):
        raise ValueError(f'"{start_text}/{end_text}" does not end in this calendar') from None
    return start, end


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no day') from None


def _freq(start: date, end: date) -> Freq:
    if end < start:
        raise ValueError("it ends before it starts")
    whole_months = start.day == 1 and end.day == monthrange(end.year, end.month)[1]
    months = (end.year - start.year) * 12 + end.month - start.month + 1 if whole_months else 0
    if months == 12 and start.month == 1:
        return "A"
    if months == 3 and start.month in (1, 4, 7, 10):
        return "Q"
    return "M" if months == 1 else "U"
