"""The user's own TAPED file (University of Lucerne, CC BY-NC-SA 4.0) as codings of whole agreements.

Columns become provisions by a map (`schema: concordat/taped-map@1`), whose packaged form holds the few columns seen in
public code, marked unverified. none, soft, mixed, hard become depth 0 (no coding), 1, 2 and 2; of mixed it is not known
whether exceptions are listed. Agreements are matched by name, year and parties; what does not match for certain is
listed, not guessed. The codings name no article, carry their licence, and stay out of exports unless asked for.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.rulebook.model import Coding, Instrument, Participation
from concordat.rulebook.taxonomy import DATA, Taxonomy, load_taxonomy
from concordat.settings import nearest, parse_yaml, validate

CODER = "TAPED"
LICENCE = "CC BY-NC-SA 4.0"
DEPTH = {"none": 0, "soft": 1, "mixed": 2, "hard": 2}
NAMES, YEARS = ("name", "agreement", "title", "short_title"), ("year", "year_signed", "date_signed", "signed")
NUMBERS = ("taped_number", "number", "id")


class ColumnKeys(BaseModel):
    """One column and its provision."""

    model_config = ConfigDict(extra="forbid")
    column: str
    provision: str
    values: dict[str, Literal["none", "soft", "mixed", "hard"]] = {}


class MapFile(BaseModel):
    """The map."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    schema_: Literal["concordat/taped-map@1"] = Field(alias="schema")
    note: str = ""
    values: dict[str, Literal["none", "soft", "mixed", "hard"]]
    columns: list[ColumnKeys] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class TapedMap:
    """Columns with their provisions and values."""

    columns: tuple[tuple[str, str, Mapping[str, str]], ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file brought.

    Attributes:
        codings: of the pseudo-units `<instrument>/whole`.
        matched: (row, instrument). uncertain: (row, name, candidates): nothing was taken from these.
        absent: columns of the map that the file has not.
        none: (unit, provision) that the file says are not there: an earlier import of them no longer holds.
    """

    codings: tuple[Coding, ...]
    matched: tuple[tuple[int, str], ...]
    uncertain: tuple[tuple[int, str, tuple[str, ...]], ...]
    absent: tuple[str, ...]
    none: tuple[tuple[str, str], ...] = ()

    def beside(self, current: Sequence[Coding]) -> tuple[Coding, ...]:
        """The codings as they follow on earlier imports, which they supersede where they say something else."""
        before = {(c.unit, c.provision): c for c in current if c.method == "import" and c.coder == CODER}
        found = []
        for coding in self.codings:
            old = before.get((coding.unit, coding.provision))
            if old is None:
                found.append(coding)
            elif old.depth != coding.depth:
                found.append(replace(coding, id=_id(coding, old.id), supersedes=old.id))
        for place in self.none:
            old = before.get(place)
            if old is not None and old.depth:
                gone = replace(old, depth=0, reason="none in a later file", supersedes=old.id)
                found.append(replace(gone, id=_id(gone, old.id)))
        return tuple(found)


def _id(coding: Coding, after: str = "") -> str:
    """An id of what it says, and of what it follows on."""
    said = f"taped:{coding.unit}:{coding.provision}:{coding.depth}:{after}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def read_map(
    text: str | bytes | None = None, *, where: str = "taped_map.yaml", book: Taxonomy | None = None
) -> TapedMap:
    """The map of a file, or the packaged one.

    Raises:
        InputError: an unknown key or provision; with the line.
    """
    given = (DATA / "taped_map.yaml").read_bytes() if text is None else text
    document = parse_yaml(given, where=where, schema="taped-map@1")
    model = validate(document, MapFile)
    taxonomy = book or load_taxonomy()
    for n, column in enumerate(model.columns):
        if column.provision not in taxonomy.provisions:
            close = nearest(column.provision, taxonomy.provisions)
            hint = f'Did you mean "{close[0]}"?' if close else ""
            place = document.place("columns", n, "provision")
            raise InputError(f'"{column.provision}" is not a provision.', where=place, hint=hint, code="unknown_code")
    return TapedMap(tuple((c.column, c.provision, c.values or model.values) for c in model.columns))


def rows_of(data: bytes, name: str) -> list[dict[str, str]]:
    """The rows of a CSV or XLSX file (the first sheet), as text by column.

    Raises:
        InputError: not a table.
    """
    if data[:2] == b"PK":
        return _sheet(data, name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save the table as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=name, hint=hint, code="encoding") from None
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}.", where=name, hint="Save the sheet as CSV.", code="csv") from None
    return [{str(k).strip(): str(v or "").strip() for k, v in row.items() if k is not None} for row in rows]


def _sheet(data: bytes, name: str) -> list[dict[str, str]]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        cells = book.get_sheet_by_index(0).to_python()
    except Exception as error:  # the library's own errors have no common root
        raise InputError(f"not a workbook: {error}.", where=name, hint="Save it as XLSX or CSV.", code="xlsx") from None
    if not cells:
        return []
    head = [_text(c) for c in cells[0]]
    return [dict(zip(head, map(_text, row), strict=False)) for row in cells[1:]]


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def import_taped(
    data: bytes,
    *,
    name: str,
    instruments: Mapping[str, Instrument],
    participations: Mapping[str, Sequence[Participation]],
    columns: TapedMap,
    coded_on: str,
) -> Imported:
    """Codings from a TAPED table.

    Raises:
        InputError: no column of names, or none of the map's; a value that the map does not know, with its row.
    """
    rows = rows_of(data, name)
    head = set(rows[0]) if rows else set()
    title = next((c for c in NAMES if c in head), "")
    if not title:
        known = ", ".join(NAMES)
        raise InputError("the table has no column of names.", where=name, hint=f"One of: {known}.", code="columns")
    there = [c for c in columns.columns if c[0] in head]
    if not there:
        wanted = ", ".join(c[0] for c in columns.columns)
        hint = f"Give --map, or name them: {wanted}."
        raise InputError("the table has no column of the map.", where=name, hint=hint, code="columns")
    made: dict[tuple[str, str], Coding] = {}
    none: set[tuple[str, str]] = set()
    matched, uncertain = [], []
    for n, row in enumerate(rows, 2):
        found = _match(row, title, instruments, participations)
        if len(found) != 1 or not _certain(row):
            if row[title]:
                uncertain.append((n, row[title], tuple(found)))
            continue
        matched.append((n, found[0]))
        for coding in _codings(row, n, found[0], there, name, coded_on):
            place = (coding.unit, coding.provision)
            old = made.get(place)
            if not coding.depth:
                none.add(place)
            elif old is None or coding.depth > (old.depth or 0):
                made[place] = coding
    absent = tuple(c[0] for c in columns.columns if c[0] not in head)
    ordered = tuple(made[key] for key in sorted(made))
    return Imported(ordered, tuple(matched), tuple(uncertain), absent, tuple(sorted(none - set(made))))


def _codings(
    row: Mapping[str, str],
    n: int,
    instrument: str,
    columns: Sequence[tuple[str, str, Mapping[str, str]]],
    name: str,
    on: str,
) -> list[Coding]:
    found = []
    for column, provision, values in columns:
        given = row.get(column, "")
        if given in ("", "NA"):
            continue
        if given not in values:
            hint = f"Values of the map: {', '.join(values)}."
            raise InputError(f'{column}: "{given}" is not known.', where=f"{name}, row {n}", hint=hint, code="value")
        number = next((row[c] for c in NUMBERS if row.get(c)), str(n))
        made = Coding(
            "", f"{instrument}/whole", provision, DEPTH[values[given]], {}, None, None, "import", "", CODER, on,
            reason=f"{column} = {given} ({values[given]}), agreement {number}", licence=LICENCE,
        )  # fmt: skip
        found.append(replace(made, id=_id(made)))
    return found


def _certain(row: Mapping[str, str]) -> bool:
    """Whether a row says more than a name: a year, or parties."""
    return bool(_year(row) or _who(row))


def _year(row: Mapping[str, str]) -> str:
    return next((m.group() for c in YEARS if (m := re.search(r"(19|20)\d\d", row.get(c, "")))), "")


def _who(row: Mapping[str, str]) -> set[str]:
    return {w for w in re.split(r"[\s;,]+", row.get("parties", "").upper()) if len(w) == 3}


def _match(
    row: Mapping[str, str],
    title: str,
    instruments: Mapping[str, Instrument],
    participations: Mapping[str, Sequence[Participation]],
) -> list[str]:
    """Instruments that a row may be: one if it is certain."""
    year, who = _year(row), _who(row)
    words = _words(row[title])
    found = []
    for name, instrument in instruments.items():
        names = [_words(n) for n in (instrument.name, instrument.short_name, name)]
        if not any(words and words == other for other in names):
            continue
        days = [d for d in (instrument.signed, instrument.adopted, instrument.in_force) if d is not None]
        if year and days and not any(d.first.year <= int(year) <= d.last.year for d in days):
            continue
        parties = {p.party for p in participations.get(name, ())}
        if who and parties and not who <= parties | {"EU"}:
            continue
        found.append(name)
    return sorted(found)


def _words(text: str) -> frozenset[str]:
    """The words of a name, without accents and small change."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return frozenset(words) - {"the", "of", "and", "a", "agreement", "free", "trade", "fta", "between", "on"}
