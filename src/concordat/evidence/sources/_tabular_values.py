"""What the cells of a user's table mean: areas, periods, codes; each text is looked at once.

A column is a dictionary that fills itself: the first time a cell is seen it is read by the rules of the mapping, and
the result, or the fault, is kept. Most cells of a table repeat, so reading costs one look-up a cell.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.evidence.sources._tabular_model import EMPTY, TOTAL, Period
from concordat.evidence.sources._tabular_numbers import Bad
from concordat.evidence.sources._tabular_read import cell_text
from concordat.world import area_type, country, normalise
from concordat.world.names import plain_code

if TYPE_CHECKING:
    from concordat.evidence.sources._tabular_model import Area

PART_CODES: Mapping[str, tuple[str, ...]] = {
    "sex": ("F", "M"),
    "loc": ("rural", "urban"),
    "q": ("1", "2", "3", "4", "5"),
}
_PART = re.compile(r"[A-Za-z0-9]+")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Column(dict[Any, Any]):
    """Cell -> what it means, or a `Bad`; filled as cells come."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: Any) -> Any:
        found = self[cell] = self._read(cell)
        return found


class Always(dict[Any, Any]):
    """One meaning, whatever the cell."""

    def __init__(self, meaning: Any) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, _cell: Any) -> Any:
        return self._meaning


# --- Areas --------------------------------------------------------------------------------------------------------

SKIPPED = "skip"


def area_reader(area: Area, aliases: Mapping[str, str], map_name: str) -> Callable[[Any], Any]:
    """Cell -> (area id, area type), or `SKIPPED`, or a `Bad`."""
    known = {normalise(text): target for text, target in aliases.items()}
    skip = {normalise(text) for text in area.skip}

    def read(cell: Any) -> Any:
        text = cell_text(cell).strip()
        plain = normalise(text)
        if plain in skip and text:
            return SKIPPED
        if plain in known and text:
            return known[plain], area_type(known[plain])
        if not text:
            return Bad("no country is named.", "A merged cell holds its value only once: see format.merged.")
        if area.scheme == "iso3" and plain_code(text) in ("wld", "xkx"):
            return text.strip().upper(), area_type(text.strip().upper())
        try:
            return country(text, scheme=area.scheme).iso3, "country"
        except InputError:
            return Bad(f'"{text}" is not a country I know.', _advice(text, area.scheme, map_name))

    return read


def _advice(text: str, scheme: str, map_name: str) -> str:
    """What to do about an unknown country: the nearest ones, and where the alias goes."""
    add = f"Add an alias in {map_name} under aliases."
    try:
        found = country(text)
        if scheme == "name":
            return f'Did you mean "{found.iso3}" ({found.short_name})? {add}'
        return f"It would be {found.iso3} under another scheme than {scheme}. {add}"
    except InputError as error:
        said, _, _ = error.hint.partition("Add an alias")
        return f"{said}{add}"


# --- Periods ------------------------------------------------------------------------------------------------------

_YEAR = re.compile(r"[12][0-9]{3}")
_QUARTER = re.compile(r"([12][0-9]{3})-?\s?Q([1-4])")
_MONTH = re.compile(r"([12][0-9]{3})-?M?([01]?[0-9])")


def period_reader(period: Period) -> Callable[[Any], Any]:
    """Cell (or pair of cells) -> (first day, last day, frequency), or a `Bad`."""
    if period.start is not None:
        return lambda cells: _between(cells, period.format)
    if period.form == "date":
        return lambda cell: _around(_day(cell, period.format), period.freq)
    return {"year": _year, "quarter": _quarter, "month": _month}[period.form]


def span(year: int, freq: str, part: int = 1) -> tuple[date, date, str]:
    """The first and last day of a year, of its quarter or of its month."""
    if freq == "A":
        return date(year, 1, 1), date(year, 12, 31), "A"
    first, last = (3 * part - 2, 3 * part) if freq == "Q" else (part, part)
    return date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]), freq


def _year(cell: Any) -> Any:
    text = cell_text(cell).strip()
    if _YEAR.fullmatch(text):
        return span(int(text), "A")
    if isinstance(cell, date):
        return Bad(f"{text} is a date, not a year.", "Set period.form: date in the mapping.")
    return Bad(f'"{text}" is not a year.', "Write 2025; for quarters, months and dates set period.form.")


def _quarter(cell: Any) -> Any:
    match = _QUARTER.fullmatch(cell_text(cell).strip().upper())
    return (
        span(int(match[1]), "Q", int(match[2])) if match else Bad(f'"{cell_text(cell)}" is not a quarter.', "2025-Q1")
    )


def _month(cell: Any) -> Any:
    match = _MONTH.fullmatch(cell_text(cell).strip().upper())
    if match and 1 <= int(match[2]) <= 12:
        return span(int(match[1]), "M", int(match[2]))
    return Bad(f'"{cell_text(cell)}" is not a month.', "Write 2025-05.")


def _day(cell: Any, form: str | None) -> date | Bad:
    if isinstance(cell, date):
        return cell
    text = cell_text(cell).strip()
    try:
        if form is not None:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a day has no zone)
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    wanted = f"of the form {form}" if form else "such as 2026-05-02"
    return Bad(f'"{text}" is not a date {wanted}.', "Set period.format in the mapping, such as %d.%m.%Y.")


def _around(day: date | Bad, freq: str) -> Any:
    if isinstance(day, Bad):
        return day
    return span(day.year, freq, (day.month + 2) // 3 if freq == "Q" else day.month)


def _between(cells: tuple[Any, Any], form: str | None) -> Any:
    start, end = _day(cells[0], form), _day(cells[1], form)
    for found in (start, end):
        if isinstance(found, Bad):
            return found
    assert isinstance(start, date)
    assert isinstance(end, date)
    if start > end:
        return Bad(f"the period ends on {end.isoformat()}, before it starts on {start.isoformat()}.")
    for freq, part in (("A", 1), ("Q", (start.month + 2) // 3), ("M", start.month)):
        if span(start.year, freq, part)[:2] == (start, end):
            return start, end, freq
    return start, end, "U"


# --- Codes --------------------------------------------------------------------------------------------------------


def code_reader(values: Mapping[str, str], what: str, default: str = "") -> Callable[[Any], Any]:
    """Cell -> what the code stands for; without a list of values the text itself, `default` for an empty cell."""

    def read(cell: Any) -> Any:
        text = cell_text(cell).strip()
        if (text or EMPTY) in values:
            return values[text or EMPTY]
        if values and text:
            return Bad(f'"{text}" is not among the values of {what}.', f"List it in the mapping under {what}.values.")
        return text or default or Bad(f"{what} is empty.")

    return read


def part_reader(dimension: str, values: Mapping[str, str]) -> Callable[[Any], Any]:
    """Cell -> `sex=F`, an empty text for the total, or a `Bad`."""

    def read(cell: Any) -> Any:
        text = cell_text(cell).strip()
        code = values.get(text or EMPTY, "" if values else text)
        return part_of(dimension, code) if code else _no_part(dimension, text)

    return read


def part_of(dimension: str, code: str) -> str | Bad:
    """One part of a breakdown; an empty text for the total."""
    if code == TOTAL:
        return ""
    known = PART_CODES.get(dimension)
    if known and code not in known:
        hint = f"{dimension} is {', '.join(known)} or total; map it in the mapping under {dimension}.values."
        return Bad(f'"{code}" is not a code of {dimension}.', hint)
    return f"{dimension}={code}" if _PART.fullmatch(code) else _no_part(dimension, code)


def _no_part(dimension: str, text: str) -> Bad:
    hint = f"List it in the mapping under {dimension}.values, as a code of letters and digits or as total."
    return Bad(f'"{text}" is not among the values of {dimension}.', hint)
