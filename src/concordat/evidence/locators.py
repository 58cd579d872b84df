"""Reading the text at a place in a publisher's bytes, or in a packaged table: the last step of every trace.

A locator says where: `africa/et.json#/Communications/Internet users/total/text` (file name, then a JSON pointer, RFC
6901), `row 14` or `row 14, value` (CSV; the header is row 1; a column by name), `line 14`. Sheets and XML elements come
with the connectors that need them. A YAML file of ours is read by the same pointers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, TypeVar

from concordat import canonical
from concordat.errors import ConcordatError, TrustError

_ROW = re.compile(r"row ([0-9]+)(?:, (.+))?", re.DOTALL)
_LINE = re.compile(r"line ([0-9]+)")
_INDEX = re.compile(r"0|[1-9][0-9]*")  # RFC 6901 section 4
_Item = TypeVar("_Item")

SHOWN_MAX = 2_000


class Body:
    """The bytes of one file, read once however many places in it are asked for."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self._tree: Any = None
        self._rows: list[list[str]] | None = None

    def text_at(self, locator: str) -> str:
        """The text at a place; numbers and objects as canonical JSON.

        Raises:
            TrustError: there is no such place in these bytes.
        """
        try:
            if match := _ROW.fullmatch(locator):  # before the pointer: a column's name may hold "#"
                return self._row(int(match[1]), match[2])
            if match := _LINE.fullmatch(locator):
                return _nth(self.data.decode("utf-8").splitlines(), int(match[1]))
            if "#" in locator:
                return _shown(self._pointer(locator.partition("#")[2]))
        except (LookupError, ValueError, TypeError, RecursionError, csv.Error, ConcordatError) as error:
            raise self._nothing(locator, str(error) or type(error).__name__) from None
        raise self._nothing(locator, "a form of place that I can't read")

    def _pointer(self, pointer: str) -> Any:
        if self._tree is None:
            if self.name.endswith((".yaml", ".yml")):
                from concordat.settings import parse_yaml

                self._tree = parse_yaml(self.data, where=self.name).value
            else:
                self._tree = json.loads(self.data)
        value = self._tree
        if pointer and not pointer.startswith("/"):
            raise ValueError("a pointer starts with /")
        for step in pointer.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and not _INDEX.fullmatch(step):
                raise ValueError(f"{step} is no number of an item")
            value = _nth(value, int(step) + 1) if isinstance(value, list) else value[step]
        return value

    def _row(self, number: int, column: str | None) -> str:
        if self._rows is None:
            self._rows = list(csv.reader(io.StringIO(self.data.decode("utf-8-sig"), newline="")))
        row = _nth(self._rows, number)
        return row[self._rows[0].index(column)] if column else ",".join(row)

    def _nothing(self, locator: str, why: str) -> TrustError:
        return TrustError(
            f"nothing stands at {locator} ({why}).",
            where=self.name,
            hint="The record names a place that these bytes don't have: one of them was changed.",
            code="locator",
        )


def file_of(locator: str) -> str:
    """The file's name in a locator: `africa/et.json`; empty where the locator names none."""
    return locator.partition("#")[0] if "#" in locator and not _ROW.fullmatch(locator) else ""


def _nth(items: list[_Item], number: int) -> _Item:
    """The item by its number, from 1; unlike an index, 0 and -1 are nothing."""
    if not 1 <= number <= len(items):
        raise LookupError(f"there are {len(items)}")
    return items[number - 1]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return canonical.dumps(value, floats=True).decode()[:SHOWN_MAX]
