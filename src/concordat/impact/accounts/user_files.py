"""Small files that a user writes for the ladder: lines `# key: value`, then a table with commas.

    # kind: services_trade
    # year: 2019
    # unit: USD million
    item,exports,imports
    S,875825,591120
    ...

The first line says what the file is (`kind`); `year`, `area`, `unit` and `source` may follow, and keys that a kind has
of its own. An unknown key or column is refused, with the nearest. Cells must be numbers: an empty one is refused, as
nothing says whether it means zero.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError
from concordat.impact.mrio_checks import agreed_year
from concordat.impact.trade_readers import opened
from concordat.settings import unknown_key

COMMON = ("kind", "area", "year", "unit", "source")


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file's lines `# key: value`, its header, and its rows with the line each stands on."""

    meta: dict[str, str]
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    where: str
    sha256: str

    @property
    def unit(self) -> str:
        """The unit of its amounts."""
        return self.meta.get("unit", "million")

    @property
    def source(self) -> str:
        """What to cite: what the file says, or its name."""
        return self.meta.get("source", self.where)

    def year(self, asked: int | None) -> int:
        """The year that was asked for and that the file says.

        Raises:
            InputError: neither is known, they differ, or the file's is no year.
        """
        said = self.meta.get("year")
        if said is not None and not (said.isdecimal() and len(said) == 4):
            raise InputError(f'"{said}" is no year.', where=self.where, hint="Write # year: 2019.", code="year")
        return agreed_year(asked, None if said is None else int(said), self.where)

    def area(self, asked: str) -> str:
        """The area that was asked for.

        Raises:
            InputError: the file says another.
        """
        said = self.meta.get("area", asked)
        if said != asked:
            hint = f"Ask for {said}, or give the file of {asked}."
            raise InputError(f"it is of {said}, not of {asked}.", where=self.where, hint=hint, code="area")
        return asked

    def number(self, key: str) -> float | None:
        """A number among the lines `# key: value`, or None if it is not there.

        Raises:
            InputError: it is there and is no number.
        """
        text = self.meta.get(key)
        return None if text is None else to_number(text, f"{self.where}, # {key}")


def read_user_file(data: bytes, *, where: str, kind: str, keys: Sequence[str] = ()) -> UserFile:
    """A file in this form.

    Args:
        data: its bytes. kind: which it must be. keys: that this kind has besides the common ones.

    Raises:
        InputError: not UTF-8, no CSV, another kind, an unknown or doubled key, no rows.
    """
    try:
        text = opened(data, where).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="encoding") from None
    lines = text.splitlines()
    meta: dict[str, str] = {}
    first = 0
    for first, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            break
        key, colon, value = line.removeprefix("#").partition(":")
        if line.strip() and colon:
            _keep(meta, key.strip(), value.strip(), (*COMMON, *keys), f"{where}, line {first + 1}")
    if meta.get("kind") != kind:
        said = f'says kind "{meta["kind"]}"' if "kind" in meta else "does not say its kind"
        raise InputError(f"{said}; {kind} is needed.", where=where, hint=f"Begin with: # kind: {kind}", code="kind")
    try:
        table = list(csv.reader(io.StringIO("\n".join(lines[first:])), strict=True))
    except csv.Error as error:
        raise InputError(f"no CSV: {error}.", where=where, hint="Save it as CSV with commas.", code="csv") from None
    rows = [(first + n, tuple(cell.strip() for cell in row)) for n, row in enumerate(table, start=1)]
    rows = [(line, row) for line, row in rows if any(row)]
    if len(rows) < 2:
        raise InputError("no rows.", where=where, hint="Is it the whole file?", code="empty")
    return UserFile(meta, rows[0][1], tuple(rows[1:]), where, hashlib.sha256(data).hexdigest())


def _keep(meta: dict[str, str], key: str, value: str, known: Sequence[str], where: str) -> None:
    if key not in known:
        raise unknown_key(key, known, where=where)
    if key in meta:
        raise InputError(f"{key} stands twice.", where=where, hint="Remove one.", code="duplicate_key")
    meta[key] = value


def records(file: UserFile, needed: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[int, dict[str, str]]]:
    """The rows as column -> cell, with their lines.

    Raises:
        InputError: a column that is missing, unknown or doubled, or a row of another length.
    """
    for name in file.header:
        if name not in (*needed, *optional):
            raise unknown_key(name, (*needed, *optional), where=f"{file.where}, header")
        if file.header.count(name) > 1:
            raise InputError(f'two columns "{name}".', where=file.where, hint="Remove one.", code="column")
    for name in needed:
        if name not in file.header:
            hint = f"It needs {', '.join(needed)}."
            raise InputError(f'no column "{name}".', where=file.where, hint=hint, code="column")
    for line, row in file.rows:
        if len(row) != len(file.header):
            what = f"has {len(row)} cells, and the header {len(file.header)}."
            raise InputError(what, where=f"{file.where}, line {line}", hint="Correct it.", code="short")
    return [(line, dict(zip(file.header, row, strict=True))) for line, row in file.rows]


def to_number(text: str, where: str) -> float:
    """A finite number.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or "_" in text:
        hint = "Write 0 where there is none." if not text else "Write it with a point and without spaces."
        raise InputError(f'"{text[:30]}" is no number.', where=where, hint=hint, code="number")
    return value
