"""Reading a survey's microdata: only the columns that its spec names, every cell checked, every fault with its row.

The file is read where it lies and never copied; its SHA-256 is what figures name as their bytes. Faults are counted,
and the message names the first row: nothing is guessed, and no row is dropped in silence.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from concordat.errors import InputError, MethodError
from concordat.settings import nearest

Progress: TypeAlias = Callable[[str], None]

FILE_BYTES_MAX = 2**30
_TELL_EVERY = 100_000  # rows
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_COMMA_NUMBER = re.compile(r"[-+]?([0-9]+,[0-9]*|,[0-9]+)")
# What columns of weights are called in the languages of the blocs; used only to refuse leaving one unused.
_WEIGHT_NAME = re.compile(r"weight|wgt|\bwt|_wt|peso|ponder|fexp|factor|expansi|poids|gewicht|вес|权重|وزن|भार", re.I)


@dataclass(frozen=True, slots=True)
class Microdata:
    """The columns asked for, as text; `sha256` is of the whole file."""

    name: str
    sha256: str
    header: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    rows: int

    def where(self, row: int) -> str:
        """A row (from 0) as a person finds it; the header is row 1."""
        return f"{self.name}, row {row + 2}"


def read_microdata(
    path: Path, wanted: Sequence[str], *, encoding: str, delimiter: str, progress: Progress | None = None
) -> Microdata:
    """Read the file once; keep the wanted columns and those that look like weights.

    Raises:
        InputError: no such file, too large, not in this encoding, no rows, rows of other lengths, no such column.
    """
    name = path.name
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InputError(f"over {FILE_BYTES_MAX:,} bytes.", where=name, hint="Leave columns out.", code="too_large")
        data = path.read_bytes()
    except OSError as error:
        hint = "The path in a survey file counts from the folder of the survey file."
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), hint=hint, code="unreadable") from None
    text = _text(data, encoding, name)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        _check_header(header, wanted, name)
        kept = [i for i, column in enumerate(header) if column in wanted or _WEIGHT_NAME.search(column)]
        rows = list(_rows(reader, header, kept, name, progress))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}.", where=f"{name}, line {reader.line_num}", code="not_csv") from None
    if not rows:
        raise InputError("has no rows below its header.", where=name, hint="Name the file with the data.", code="empty")
    columns = dict(zip((header[i] for i in kept), zip(*rows, strict=True), strict=True))
    return Microdata(name, hashlib.sha256(data).hexdigest(), header, columns, len(rows))


def weights(data: Microdata, column: str | None, *, equal: bool, decimal: str) -> npt.NDArray[np.float64]:
    """Each person's weight, checked.

    Raises:
        MethodError: the survey is weighted and the spec does not say how.
        InputError: a weight that is missing, zero, below zero, no number, or written with the other decimal sign.
    """
    if column is None or equal:
        _refuse_unweighted(data, stated=equal)
        return np.ones(data.rows)
    texts = data.columns[column]
    faults: dict[str, list[int]] = {}
    values = np.zeros(data.rows)
    for row, text in enumerate(texts):
        number = text.replace(",", ".") if decimal == "," and "." not in text else text
        if not _NUMBER.fullmatch(number) or (decimal == "," and "." in text):
            faults.setdefault(_kind_of(text, decimal), []).append(row)
            continue
        values[row] = float(number)
        if not 0 < values[row] < np.inf:
            faults.setdefault("negative" if values[row] < 0 else "zero" if values[row] == 0 else "word", []).append(row)
    for kind, (what, hint) in _WEIGHT_FAULTS.items():
        if kind in faults:
            rows = faults[kind]
            more = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
            said = what.format(text=texts[rows[0]])
            raise InputError(f"{said}{more}.", where=data.where(rows[0]), hint=hint, code=f"weight_{kind}")
    return values


def numbers(data: Microdata, column: str, decimal: str) -> list[float]:
    """A column of numbers.

    Raises:
        InputError: a cell is no number.
    """
    found = []
    for row, text in enumerate(data.columns[column]):
        number = text.replace(",", ".") if decimal == "," else text
        if not _NUMBER.fullmatch(number):
            raise InputError(f'{column} "{text}" is not a number.', where=data.where(row), code="not_a_number")
        found.append(float(number))
    return found


def filled(data: Microdata, column: str, what: str) -> tuple[str, ...]:
    """A column in which every row has something.

    Raises:
        InputError: a cell is empty.
    """
    texts = data.columns[column]
    for row, text in enumerate(texts):
        if not text:
            raise InputError(f"the {what} ({column}) is empty.", where=data.where(row), code="empty_cell")
    return texts


def coded(data: Microdata, column: str, known: Mapping[str, int], what: str) -> npt.NDArray[np.int64]:
    """A column of codes as numbers.

    Args:
        known: the number of each code; `""` is the blank.
        what: how the message calls it: `item online`.

    Raises:
        InputError: a code that the spec does not name, with how many rows hold it.
    """
    texts = data.columns[column]
    strangers = [row for row, text in enumerate(texts) if text not in known]
    if strangers:
        row = strangers[0]
        count = sum(1 for r in strangers if texts[r] == texts[row])
        hint = f"Codes of the {what} in the survey file: {', '.join(code or 'blank' for code in known)}."
        raise InputError(
            f'{column} holds "{texts[row]}" ({count:,} rows), a code that the survey file does not name.',
            where=data.where(row),
            hint=hint,
            code="unknown_code",
        )
    return np.fromiter((known[text] for text in texts), dtype=np.int64, count=data.rows)


def _text(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise InputError(f'"{encoding}" is not an encoding I know.', where=name, code="encoding") from None
    except UnicodeDecodeError as error:
        hint = "Name the file's encoding under format, such as encoding: latin-1."
        raise InputError(f"byte {error.start} is not {encoding}.", where=name, hint=hint, code="encoding") from None


def _check_header(header: Sequence[str], wanted: Sequence[str], name: str) -> None:
    if not any(header):
        raise InputError("is empty.", where=name, hint="Name the file with the data.", code="empty")
    for column in wanted:
        count = header.count(column)
        if count > 1:
            raise InputError(f'the column "{column}" stands {count} times.', where=name, code="duplicate_column")
        if count == 0:
            close = nearest(column, header)
            hint = f'Did you mean "{close[0]}"?' if close else f"Its columns: {', '.join(header[:30])}."
            raise InputError(f'there is no column "{column}".', where=name, hint=hint, code="no_column")


def _rows(
    reader: Iterator[list[str]], header: Sequence[str], kept: Sequence[int], name: str, progress: Progress | None
) -> Iterator[tuple[str, ...]]:
    width = len(header)
    for number, row in enumerate(reader, start=2):
        if not row:
            continue  # an empty line says nothing; one of commas is a row
        if len(row) != width:
            raise InputError(
                f"{len(row)} cells where the header has {width}.",
                where=f"{name}, row {number}",
                hint="Is the delimiter right? A decimal comma splits a number in two where commas part the cells.",
                code="ragged",
            )
        if progress is not None and number % _TELL_EVERY == 0:
            progress(f"Reading {name}: {number:,} rows.")
        yield tuple(row[i].strip() for i in kept)


_NO_WEIGHT = "Weights are above zero; take rows without one out of the file if they were never part of the sample."
_WEIGHT_FAULTS = {
    "comma": (
        'the weight "{text}" has a decimal comma',
        'Say so under format, as decimal: ",", or write the file with points.',
    ),
    "point": (
        'the weight "{text}" has a decimal point, and the survey file says decimal: ","',
        'Write decimal: "." under format.',
    ),
    "missing": ("the weight is missing", _NO_WEIGHT),
    "word": ('the weight "{text}" is not a number', _NO_WEIGHT),
    "negative": ('the weight "{text}" is negative', _NO_WEIGHT),
    "zero": ('the weight "{text}" is zero', _NO_WEIGHT),
}


def _kind_of(text: str, decimal: str) -> str:
    if not text:
        return "missing"
    if decimal == "." and _COMMA_NUMBER.fullmatch(text):
        return "comma"
    return "point" if decimal == "," and _NUMBER.fullmatch(text) else "word"


def _refuse_unweighted(data: Microdata, *, stated: bool) -> None:
    """Stop where the file has weights and the spec leaves them, or says nothing about them."""
    for column in data.header:
        if _WEIGHT_NAME.search(column) and _varies(data.columns.get(column, ())):
            raise MethodError(
                f'"{column}" looks like the weight and is not used: rates of the people asked are not rates of the '
                "population.",
                where=data.name,
                hint=f"Write weight: {column} in the survey file (or rename the column if it is something else).",
                code="unweighted",
            )
    if not stated:
        hint = "Write weight: COLUMN, or weight: equal if everyone had the same chance to be asked."
        raise MethodError("the survey file does not say how people are weighted.", hint=hint, code="unweighted")


def _varies(texts: Sequence[str]) -> bool:
    numeric = all(_NUMBER.fullmatch(t) or _COMMA_NUMBER.fullmatch(t) for t in texts if t)
    return numeric and len({t for t in texts if t}) > 1
