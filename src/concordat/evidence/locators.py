"""Reading the text at a place in a publisher's bytes, or in a packaged table: the last step of every trace.

A locator says where: `africa/et.json#/Communications/Internet users/total/text` (file name, then a JSON pointer, RFC
6901); `row 14` or `row 14, value` (CSV: the file's first row is row 1, a column by name or as `column 3`; Parquet: its
first record is row 1); `Data!C14` or `'Table 1'!C14` (a cell of a workbook's sheet); `line 14`;
`/GenericData/DataSet/Series[2]/Obs[3]/ObsValue/@value` (XML: local names, the number among siblings of the same name
from 1, an attribute last). A YAML file of ours is read by the same pointers. How a table of the user's own is read (its
encoding, delimiter, header) is a `Reading`, which its vintage keeps.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from concordat import canonical
from concordat.errors import ConcordatError, TrustError

_ROW = re.compile(r"row ([0-9]+)(?:, (.+))?", re.DOTALL)
_LINE = re.compile(r"line ([0-9]+)")
_CELL = re.compile(r"(?:'((?:[^']|'')+)'|(\w+))!([A-Z]{1,3})([1-9][0-9]{0,6})", re.DOTALL)
_COLUMN = re.compile(r"column ([1-9][0-9]*)")
_ELEMENT = re.compile(r"(?:/[^/@#\[\]]+(?:\[[1-9][0-9]*\])?)+(?:/@[^/@#]+)?")
_SDMX_HEAD = re.compile(r'"?(?:DATAFLOW|STRUCTURE|KEY)(?:\[.\])?(?:: [^,;\t"]*)?"?([,;\t])')
_INDEX = re.compile(r"0|[1-9][0-9]*")  # RFC 6901 section 4
_Item = TypeVar("_Item")

SHOWN_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Reading:
    """How the bytes of a table are read: csv, xlsx or parquet, and for CSV the signs it is written with.

    Attributes:
        header_row: the row with the names of the columns; 0 where there is none.
        sheet: of a workbook; empty for its only one.
    """

    kind: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header_row: int = 1
    sheet: str = ""

    def as_dict(self) -> dict[str, str | int]:
        """What a vintage keeps of it."""
        return asdict(self)


def reading_of(origin: Mapping[str, Any]) -> Reading | None:
    """The reading that a vintage's origin keeps, if its bytes are a table of the user's own."""
    said = origin.get("reading")
    return Reading(**said) if isinstance(said, dict) else None


def row_locator(number: int, column: str = "") -> str:
    """`row 14` or `row 14, pct`."""
    return f"row {number}, {column}" if column else f"row {number}"


def cell_locator(sheet: str, letters: str, number: int) -> str:
    """`Data!C14`; a name that is more than one word stands in quotes, as in a formula.

    >>> cell_locator("Data", "C", 14), cell_locator("Ministry's table", "AB", 2)
    ('Data!C14', "'Ministry''s table'!AB2")
    """
    if not re.fullmatch(r"\w+", sheet):
        sheet = "'" + sheet.replace("'", "''") + "'"
    return f"{sheet}!{letters}{number}"


class Body:
    """The bytes of one file, read once however many places in it are asked for."""

    def __init__(self, data: bytes, name: str, reading: Reading | None = None) -> None:
        self.data = data
        self.name = name
        self.reading = reading
        self._sheets: dict[str, list[list[Any]]] = {}
        self._tree: Any = None
        self._root: Any = None
        self._rows: list[list[str]] | None = None
        self._header: list[str] = []

    def text_at(self, locator: str) -> str:
        """The text at a place; numbers and objects as canonical JSON.

        Raises:
            TrustError: there is no such place in these bytes.
        """
        try:
            if match := _ROW.fullmatch(locator):  # before the pointer: a column's name may hold "#"
                return self._row(int(match[1]), match[2])
            if match := _CELL.fullmatch(locator):
                return self._cell((match[1] or match[2]).replace("''", "'"), match[3], int(match[4]))
            if match := _LINE.fullmatch(locator):
                return _nth(self.data.decode("utf-8").splitlines(), int(match[1]))
            if "#" in locator:
                return _shown(self._pointer(locator.partition("#")[2]))
            if _ELEMENT.fullmatch(locator):
                return self._element(locator)
        except (LookupError, ValueError, TypeError, RecursionError, csv.Error, ConcordatError) as error:
            raise self._nothing(locator, str(error) or type(error).__name__) from None
        raise self._nothing(locator, "a form of place that I can't read")

    def value_at(self, locator: str) -> Any:
        """The value at a JSON pointer (`#/instruments/3`), with what stands below it.

        Raises:
            TrustError: there is no such place in these bytes.
        """
        try:
            return self._pointer(locator.partition("#")[2])
        except (LookupError, ValueError, TypeError, RecursionError, ConcordatError) as error:
            raise self._nothing(locator, str(error) or type(error).__name__) from None

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
            self._header, self._rows = self._table()
        row = _nth(self._rows, number)
        if not column:
            return ",".join(row)
        by_place = _COLUMN.fullmatch(column) if column not in self._header else None
        return _nth(row, int(by_place[1]) if by_place else self._header.index(column) + 1)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """The names of the columns, and all rows that a locator counts."""
        if self.reading is None:
            text = self.data.decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=csv_delimiter(text)))
            return (rows[0] if rows else []), rows
        from concordat.evidence.sources import _tabular_read as tables

        if self.reading.kind == "parquet":
            header, *records = tables.parquet_rows(self.data, self.name)
            return [str(name) for name in header], [list(map(tables.readable, row)) for row in records]
        text = tables.decode(self.data, self.reading.encoding, self.name)
        rows = list(tables.csv_rows(text, self.reading, self.name))
        named = rows[self.reading.header_row - 1] if self.reading.header_row else []
        return [name.strip() for name in named], rows

    def _element(self, path: str) -> str:
        if self._root is None:
            from concordat.evidence._xml import parse_xml

            self._root = parse_xml(self.data, self.name)
        steps = path.split("/")[1:]
        attribute = steps.pop()[1:] if steps[-1].startswith("@") else ""
        found = [self._root]
        element: Any = None
        for step in steps:
            name, _, number = step.rstrip("]").partition("[")
            element = _nth([e for e in found if _local(e) == name], int(number or 1))
            found = list(element)
        if not attribute:
            return "".join(element.itertext()).strip()
        named = [value for key, value in element.attrib.items() if _local_name(key) == attribute]
        return str(_nth(named, 1))

    def _cell(self, sheet: str, letters: str, row: int) -> str:
        from concordat.evidence.sources import _tabular_read as tables
        from concordat.evidence.sources import _tabular_workbook as workbooks

        if sheet not in self._sheets:
            self._sheets[sheet] = workbooks.sheet_cells(self.data, sheet, self.name)
        cells = _nth(self._sheets[sheet], row)
        return tables.readable(_nth(cells, workbooks.column_number(letters)))

    def _nothing(self, locator: str, why: str) -> TrustError:
        return TrustError(
            f"nothing stands at {locator} ({why}).",
            where=self.name,
            hint="The record names a place that these bytes don't have: one of them was changed.",
            code="locator",
        )


def file_of(locator: str) -> str:
    """The file's name in a locator: `africa/et.json`; empty where the locator names none."""
    other = _ROW.fullmatch(locator) or _CELL.fullmatch(locator)
    return locator.partition("#")[0] if "#" in locator and not other else ""


def csv_delimiter(text: str) -> str:
    """What separates the cells: a comma; in a body of SDMX whatever stands after its first heading.

    >>> csv_delimiter("STRUCTURE[|];STRUCTURE_ID;ACTION"), csv_delimiter("iso3,year;month")
    (';', ',')
    """
    match = _SDMX_HEAD.match(text.removeprefix("\ufeff"))
    return match[1] if match else ","


def _local(element: Any) -> str:
    return _local_name(element.tag)


def _local_name(name: str) -> str:
    return name.rpartition("}")[2]


def _nth(items: list[_Item], number: int) -> _Item:
    """The item by its number, from 1; unlike an index, 0 and -1 are nothing."""
    if not 1 <= number <= len(items):
        raise LookupError(f"there are {len(items)}")
    return items[number - 1]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return canonical.dumps(value, floats=True).decode()[:SHOWN_MAX]
