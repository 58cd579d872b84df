"""From a mapping and the header of a table to the plan of its rows: which column is what, and how each cell is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from concordat.errors import InputError
from concordat.evidence.sources import _tabular_values as values
from concordat.evidence.sources._tabular_model import EMPTY, ImportFile
from concordat.evidence.sources._tabular_numbers import Bad, number_reader
from concordat.evidence.sources._tabular_read import Sheet, cell_text
from concordat.evidence.sources._tabular_rows import SEPARATOR, Entry, Plan
from concordat.settings import nearest


def make_plan(mapping: ImportFile, map_name: str, sheet: Sheet, name: str) -> Plan:
    """Where everything stands in this table, and how each cell is read.

    Args:
        name: how messages call the table.

    Raises:
        InputError: a column that the mapping names is not there, or stands twice.
    """
    columns, form = mapping.columns, mapping.format
    reader = values.area_reader(columns.area, mapping.aliases, map_name)
    period = values.period_reader(columns.period)
    missing: dict[str, str] = dict.fromkeys(form.missing, "not_published")
    if isinstance(form.missing, dict):
        missing = {"" if text == EMPTY else text: reason for text, reason in form.missing.items()}
    find = _Finder(sheet.header, name, map_name)
    coded = {"unit": columns.unit, "status": columns.status, "nature": columns.nature}
    defaults = {"unit": "", "status": "A", "nature": "N"}
    at = [find(c) for c in (columns.period.column, columns.period.start, columns.period.end) if c is not None]
    area, entry = _place(find, columns.area, reader), _entries(mapping, map_name, find)
    parts = tuple(
        _place(find, split, values.part_reader(dimension, split.values))
        for dimension, split in columns.breakdown.items()
    )
    value = find(columns.value.column)
    days = _with_text(period)
    always = None if columns.period.always is None else days(str(columns.period.always))
    plan = Plan(
        form=form,
        area=area,
        period=(tuple(at) or (0,), values.Column(days) if always is None else values.Always(always)),
        entry=entry,
        value=value,
        precision=columns.value.precision,
        parts=parts,
        lower=find(columns.lower.column) if columns.lower else None,
        upper=find(columns.upper.column) if columns.upper else None,
        coded={
            key: _place(find, column, values.code_reader(column.values, key, defaults[key]))
            for key, column in coded.items()
            if column is not None
        },
        note=find(columns.note.column) if columns.note else None,
        number=number_reader(form),
        missing=missing,
        width=len(sheet.header) or find.needed,
        keys=tuple({area[0], entry[0], *at, *(index for index, _ in parts)} - {value}),
    )
    assert not isinstance(always, Bad), "checked when the mapping was read"
    return plan


def _place(find: _Finder, column: Any, read: Callable[[Any], Any]) -> tuple[int, Mapping[Any, Any]]:
    if column.column is None:
        return 0, values.Always(read(str(column.always)))
    return find(column.column), values.Column(read)


def _entries(mapping: ImportFile, map_name: str, find: _Finder) -> tuple[int, Mapping[Any, Any]]:
    """What each row measures."""
    if mapping.value_is is not None:
        said = mapping.value_is
        return 0, values.Always(Entry(said.indicator, said.unit, said.multiply))
    column = mapping.columns.indicator
    assert column is not None
    known = {}
    for code, measure in column.values.items():
        parts = tuple(f"{dimension}={part}" for dimension, part in measure.breakdown.items())
        known[code] = Entry(measure.indicator, measure.unit, measure.multiply, parts)

    def read(cell: Any) -> Any:
        text = cell_text(cell).strip()
        if text in known:
            return known[text]
        if column.others == "leave_out" and text:
            return values.SKIPPED
        hint = f"List it in {map_name} under columns.indicator.values, or set others: leave_out."
        return Bad(f'"{text}" is not among the indicators of the mapping.', hint)

    return find(column.column), values.Column(read)


class _Finder:
    """Where a column stands, by its name or its number."""

    def __init__(self, header: Sequence[str], name: str, map_name: str) -> None:
        self.header = header
        self.name = name
        self.map_name = map_name
        self.needed = 0

    def __call__(self, column: str | int) -> int:
        if isinstance(column, int):
            if self.header and column > len(self.header):
                what = f"there is no column {column}; the header has {len(self.header)}."
                raise InputError(what, where=self.name, hint=f"Correct it in {self.map_name}.", code="no_column")
            self.needed = max(self.needed, column)
            return column - 1
        count = self.header.count(column)
        if count == 1:
            return self.header.index(column)
        if count > 1:
            hint = f"Name it by its number in {self.map_name}, or rename one."
            what = f'the column "{column}" stands {count} times in the header.'
            raise InputError(what, where=self.name, hint=hint, code="no_column")
        close = nearest(column, [h for h in self.header if h])
        shown = ", ".join(h for h in self.header[:20] if h) or "none; give their numbers"
        hint = f'Did you mean "{close[0]}"?' if close else f"Columns here: {shown}."
        raise InputError(f'there is no column "{column}".', where=self.name, hint=hint, code="no_column")


def _with_text(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The period with both days as the text that an id is made of."""

    def period(cell: Any) -> Any:
        found = read(cell)
        if isinstance(found, Bad):
            return found
        start, end, freq = found
        return start, end, freq, f"{start.isoformat()}{SEPARATOR}{end.isoformat()}"

    return period
