"""What a person's answers say about one deprivation: yes, no, or nothing.

Answers are compared as codes: 2, 2.0 and "2" are one code, True is 1, and None, NaN and "" are a blank. An item shows a
deprivation for its deprived codes (or numbers below its threshold), its routing codes, and for skills "don't know";
other "don't know", codes listed as missing, and blanks that no routing explains say nothing. A code that no list has is
an error: it may be a refusal, and would else pass for "not deprived". Of several items, `need` must show it: known as
soon as enough do, or as too few can.

    >>> distinct, place = coded([2, 2.0, "2", None, float("nan"), " 9 "])
    >>> [distinct[i] for i in place]
    ['2', '2', '2', '', '', '9']
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from concordat.errors import InputError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._sample import weights
from concordat.observatory.panel import Ints

if TYPE_CHECKING:
    from concordat.observatory.divide.poverty import Deprivation, Question

_WHERE = "digital poverty"
_LISTED = 8  # codes named in one message
_LONG = 20  # letters of each: a column of free text is not to be printed


def column(table: Mapping[str, Any], name: str) -> Any:
    """A column of the table.

    Raises:
        InputError: it is not there.
    """
    if name not in table:
        near = difflib.get_close_matches(name, list(table), n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Columns: {', '.join(sorted(table))}."
        raise InputError(f'the table has no column "{name}".', where=_WHERE, hint=hint, code="unknown_column")
    return table[name] if isinstance(table[name], np.ndarray) else list(table[name])


def coded(values: Any) -> tuple[list[str], Ints]:
    """The distinct answers as codes, and which of them each person gave; every distinct answer is read once."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        different, place = np.unique(values, return_inverse=True)
        return [_code(v) for v in different.tolist()], place.astype(np.int64)
    seen: dict[Any, int] = {}
    place = np.fromiter((seen.setdefault(v, len(seen)) for v in values), dtype=np.int64, count=len(values))
    return [_code(v) for v in seen], place


def names_of(table: Mapping[str, Any], name: str, size: int) -> npt.NDArray[np.str_]:
    """A column of names: groups, strata, primary units.

    Raises:
        InputError: a name is missing, or the column has another length.
    """
    different, place = coded(_sized(table, name, size))
    found = np.array(different, dtype=np.str_)[place]
    if "" in different:
        raise InputError(
            f'"{name}" is missing.', where=f"{_WHERE}, row {int(np.flatnonzero(found == '')[0]) + 1}", hint="Name it."
        )
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
    different, place = coded(answers)
    by_code = dict.fromkeys(("", *item.dont_know, *item.missing), np.nan)
    by_code |= dict.fromkeys(item.not_deprived, 0.0)
    if item.skill:
        by_code |= dict.fromkeys(item.dont_know, 1.0)
    by_code |= dict.fromkeys(item.routing, 1.0)
    by_code |= dict.fromkeys(item.deprived, 1.0)
    if item.below is None:
        _refuse_unlisted(item.column, different, place, by_code)
        return np.array([by_code[code] for code in different])[place]
    shown = []
    for i, code in enumerate(different):
        row = int(np.argmax(place == i)) + 1
        shown.append(by_code[code] if code in by_code else float(_number(code, item.column, row) < item.below))
    return np.array(shown)[place]


def _refuse_unlisted(name: str, different: list[str], place: Ints, listed: Mapping[str, float]) -> None:
    counts = np.bincount(place, minlength=len(different)).tolist()
    odd: dict[str, int] = {}
    for code, n in zip(different, counts, strict=True):
        if code not in listed:
            odd[code] = odd.get(code, 0) + n
    if not odd:
        return
    first = int(np.argmax(np.isin(place, [i for i, code in enumerate(different) if code in odd]))) + 1
    most = sorted(odd.items(), key=lambda pair: (-pair[1], pair[0]))[:_LISTED]
    shown = [f"{code[:_LONG]} ({n:,} {'row' if n == 1 else 'rows'})" for code, n in most]
    more = f" and {len(odd) - _LISTED} more" if len(odd) > _LISTED else ""
    raise InputError(
        f'"{name}" has answers that the plan does not list: {", ".join(shown)}{more}.',
        where=f"{_WHERE}, row {first}",
        hint="List each under not_deprived, deprived, routing, dont_know or missing.",
        code="unlisted",
    )


def _sized(table: Mapping[str, Any], name: str, size: int) -> Any:
    found = column(table, name)
    if len(found) != size:
        raise InputError(f'"{name}" has {len(found)} rows, not {size}.', where=_WHERE, hint="Give one for each person.")
    return found


def _code(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, float)) and math.isfinite(value) and int(value) == value:
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
