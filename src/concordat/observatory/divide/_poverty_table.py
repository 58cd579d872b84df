"""What a person's answers say about one deprivation: yes, no, or nothing.

Answers are compared as codes: 2, 2.0 and "2" are one code, and None, NaN and "" are a blank. An item shows a
deprivation for its deprived codes (or numbers below its threshold), its routing codes, and for skills "don't know";
other "don't know" and blanks that no routing explains say nothing. Of several items, `need` must show it: known as soon
as enough do, or as too few can.

    >>> codes([2, 2.0, "2", None, float("nan"), " 9 "])
    ['2', '2', '2', '', '', '9']
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._sample import weights

if TYPE_CHECKING:
    from concordat.observatory.divide.poverty import Deprivation, Question

_WHERE = "digital poverty"


def column(table: Mapping[str, Any], name: str) -> list[Any]:
    """A column of the table.

    Raises:
        InputError: it is not there.
    """
    if name not in table:
        near = difflib.get_close_matches(name, list(table), n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Columns: {', '.join(sorted(table))}."
        raise InputError(f'the table has no column "{name}".', where=_WHERE, hint=hint, code="unknown_column")
    found = table[name]
    return found.tolist() if isinstance(found, np.ndarray) else list(found)


def codes(values: list[Any]) -> list[str]:
    """Answers as codes."""
    return [_code(v) for v in values]


def names_of(table: Mapping[str, Any], name: str, size: int) -> list[str]:
    """A column of names: groups, strata, primary units.

    Raises:
        InputError: a name is missing, or the column has another length.
    """
    found = codes(_sized(table, name, size))
    if "" in found:
        raise InputError(f'"{name}" is missing.', where=f"{_WHERE}, row {found.index('') + 1}", hint="Name it.")
    return found


def weights_of(table: Mapping[str, Any], name: str, size: int) -> Array:
    """The column of weights, checked."""
    return weights([_number(v, name, row) for row, v in enumerate(_sized(table, name, size), start=1)], size)


def deprived(table: Mapping[str, Any], d: Deprivation, size: int) -> Array:
    """1 deprived, 0 not, NaN unknown, for each person."""
    shown = np.array([_item(table, item, size) for item in d.items])
    sure, unknown = (shown == 1).sum(axis=0), np.isnan(shown).sum(axis=0)
    return np.where(sure >= d.need, 1.0, np.where(sure + unknown < d.need, 0.0, np.nan))


def _item(table: Mapping[str, Any], item: Question, size: int) -> Array:
    answers = _sized(table, item.column, size)
    written = codes(answers)
    by_code = dict.fromkeys(("", *item.dont_know), np.nan)
    if item.skill:
        by_code |= dict.fromkeys(item.dont_know, 1.0)
    by_code |= dict.fromkeys(item.routing, 1.0)
    by_code |= dict.fromkeys(item.deprived, 1.0)
    if item.below is None:
        return np.array([by_code.get(code, 0.0) for code in written])
    numbers = [
        by_code[code] if code in by_code else float(_number(v, item.column, row) < item.below)
        for row, (code, v) in enumerate(zip(written, answers, strict=True), start=1)
    ]
    return np.array(numbers)


def _sized(table: Mapping[str, Any], name: str, size: int) -> list[Any]:
    found = column(table, name)
    if len(found) != size:
        raise InputError(f'"{name}" has {len(found)} rows, not {size}.', where=_WHERE, hint="Give one for each person.")
    return found


def _code(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _number(value: Any, name: str, row: int) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f'"{name}" is {value!r}, not a number.', where=f"{_WHERE}, row {row}", hint="Correct it.")
    return found
