"""What a mapping for a table might look like: every line with a comment that says how sure it is. Imports nothing.

Looked at: which encoding decodes the bytes, which delimiter gives rows of one length, where the names of the columns
stand, which decimal sign the numbers have, which column holds countries (by the same matching as an import), years,
figures, sexes. What can't be seen in a table - the unit, the indicator, who made it, under which licence - is left as
CHANGE_ME, which an import refuses.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.evidence.locators import Reading
from concordat.evidence.sources import _tabular_read as tables
from concordat.evidence.sources._tabular_read import cell_text, plain_cell
from concordat.settings import nearest
from concordat.world import country

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue

OPEN = "CHANGE_ME"
LOOKED_AT = 2_000  # rows; enough to see what a column is
_DELIMITERS = (",", ";", "\t", "|")
_YEAR = re.compile(r"(19|20)[0-9]{2}")
_POINT, _COMMA = re.compile(r"-?[0-9]+\.[0-9]+%?"), re.compile(r"-?[0-9]+,[0-9]+%?")
_NUMBER = re.compile(r"-?[0-9][0-9., '\u00a0\u202f]*([eE][-+]?[0-9]+)?%?")
_VALUE = re.compile(r"value|pct|percent|rate|%|index|figure|valor|valeur|wert|значение|数值")
_SEXES = {
    "f": "F", "female": "F", "females": "F", "women": "F", "woman": "F", "w": "F",
    "m": "M", "male": "M", "males": "M", "men": "M", "man": "M",
    "both": "total", "bothsex": "total", "both sexes": "total", "total": "total", "all": "total", "t": "total",
}  # fmt: skip
_SCHEMES = ("iso3", "iso2", "name", "m49")
SURE, LIKELY = 0.98, 0.6


@dataclass(frozen=True, slots=True)
class Found:
    """A column and how sure its meaning is: the share of its cells that fit, and some that don't."""

    index: int
    share: float
    others: tuple[str, ...] = ()
    scheme: str = ""

    def words(self, what: str) -> str:
        """`sure: all cells are years`, `likely: 95% of the cells are countries; not: "World"`."""
        if self.share >= SURE and not self.others:
            return f"sure: all cells looked at are {what}"
        level = "likely" if self.share >= LIKELY else "unsure"
        shown = f"; not: {', '.join(json.dumps(o, ensure_ascii=False) for o in self.others[:5])}" if self.others else ""
        return f"{level}: {self.share:.0%} of the cells are {what}{shown}"


def suggest(body: bytes, name: str, catalogue: Catalogue) -> str:
    """The text of a mapping file for these bytes, to be corrected by a person.

    Raises:
        InputError: not a table that can be read.
    """
    kind = {".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}.get(Path(name).suffix.lower(), "csv")
    look = {"csv": _look_csv, "xlsx": _look_xlsx, "parquet": _look_parquet}[kind]
    reading, header, rows, notes = look(body, name)
    if not rows:
        raise InputError("no row below the header.", where=name, hint="Is this the right file?", code="no_rows")
    return "\n".join(_lines(name, reading, header, rows, notes, catalogue)) + "\n"


# --- The file -----------------------------------------------------------------------------------------------------

Looked = tuple[Reading, list[str], list[list[str]], dict[str, str]]


def _look_csv(body: bytes, name: str) -> Looked:
    if not body:
        raise InputError("the file is empty.", where=name, hint="Export it again.", code="empty_file")
    encoding, how = _encoding(body)
    text = tables.decode(body, encoding, name)
    lines = text.splitlines(keepends=True)[: LOOKED_AT + 20]
    delimiter, rows, share = _delimiter("".join(lines))
    number, header = _header(rows)
    notes = {"encoding": how, "delimiter": f"{share:.0%} of the rows have {len(header)} cells with it"}
    notes["header_row"] = "the first row of this length without a number"
    reading = Reading("csv", encoding, delimiter, '"', number)
    return reading, header, [row for row in rows[number:] if any(row)], notes


def _encoding(body: bytes) -> tuple[str, str]:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "sure: it begins with the mark of UTF-16"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252", "unsure: it is not UTF-8; look whether accents are right"
    return "utf-8", "sure: every byte decodes"


def _delimiter(text: str) -> tuple[str, list[list[str]], float]:
    """The delimiter whose rows have most often one length, its rows, and how often."""
    best: tuple[float, int, str, list[list[str]]] = (-1.0, 0, ",", [])
    for sign in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=sign))[:LOOKED_AT]
        except csv.Error:
            continue
        lengths = Counter(len(row) for row in rows if row)
        length, count = lengths.most_common(1)[0] if lengths else (0, 0)
        share = count / max(sum(lengths.values()), 1) if length > 1 else 0.0
        if (share, length) > best[:2]:
            best = (share, length, sign, rows)
    share, _, sign, rows = best
    return sign, rows or [line.split(",") for line in text.splitlines()], share


def _header(rows: Sequence[Sequence[str]]) -> tuple[int, list[str]]:
    """The number of the header's row, and its names."""
    length = Counter(len(row) for row in rows if row).most_common(1)
    for number, row in enumerate(rows[:30], 1):
        filled = [cell for cell in row if cell.strip()]
        named = length and len(row) == length[0][0] and len(filled) >= max(2, len(row) / 2)
        if named and not any(_NUMBER.fullmatch(cell.strip()) for cell in filled):
            return number, [cell.strip() for cell in row]
    return 0, [str(i) for i in range(1, (length[0][0] if length else 0) + 1)]


def _look_xlsx(body: bytes, name: str) -> Looked:
    names = tables.sheet_names(body, name)
    sheets = {n: tables.sheet_cells(body, n, name)[: LOOKED_AT + 20] for n in names}
    chosen = max(names, key=lambda n: sum(1 for row in sheets[n] for cell in row if cell != ""), default="")
    rows = [[cell_text(plain_cell(cell)) for cell in row] for row in sheets.get(chosen, [])]
    number, header = _header(rows)
    how = "sure: the only sheet" if len(names) == 1 else f"unsure: the fullest of {len(names)} sheets"
    notes = {"sheet": how, "header_row": "the first row of this length without a number"}
    return Reading("xlsx", header_row=number, sheet=chosen), header, [r for r in rows[number:] if any(r)], notes


def _look_parquet(body: bytes, name: str) -> Looked:
    source = tables.parquet_rows(body, name)
    header = [str(n) for n in next(source)]
    rows = [[cell_text(plain_cell(cell)) for cell in row] for row, _ in zip(source, range(LOOKED_AT), strict=False)]
    return Reading("parquet"), header, rows, {}


# --- The columns --------------------------------------------------------------------------------------------------


def _column(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    cells = (row[index].strip() for row in rows if index < len(row))
    return [cell for cell in cells if cell]


def _areas(rows: Sequence[Sequence[str]], width: int) -> Found | None:
    best: Found | None = None
    for index in range(width):
        texts = Counter(_column(rows, index))
        for scheme in _SCHEMES if texts and not all(_YEAR.fullmatch(t) for t in texts) else ():
            unknown = [text for text in texts if not _is_country(text, scheme)]
            share = 1 - sum(texts[t] for t in unknown) / sum(texts.values())
            if share > (best.share if best else 0.5):
                best = Found(index, share, tuple(unknown), scheme)
    return best


def _is_country(text: str, scheme: Any) -> bool:
    try:
        country(text, scheme=scheme)
    except InputError:
        return False
    return True


def _matching(rows: Sequence[Sequence[str]], columns: Iterator[int], pattern: re.Pattern[str]) -> Found | None:
    """The first column with most cells of a form."""
    best: Found | None = None
    for index in columns:
        texts = _column(rows, index)
        others = Counter(t for t in texts if not pattern.fullmatch(t))
        share = 1 - sum(others.values()) / len(texts) if texts else 0.0
        if share > (best.share if best else 0.5):
            best = Found(index, share, tuple(t for t, _ in others.most_common(8)))
    return best


def _sexes(rows: Sequence[Sequence[str]], columns: Iterator[int]) -> tuple[int, dict[str, str]] | None:
    for index in columns:
        texts = sorted(set(_column(rows, index)))
        if 1 < len(texts) <= 4 and all(t.casefold() in _SEXES for t in texts):
            return index, {t: _SEXES[t.casefold()] for t in texts}
    return None


# --- The text -----------------------------------------------------------------------------------------------------


def _lines(
    name: str,
    reading: Reading,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: dict[str, str],
    catalogue: Catalogue,
) -> Iterator[str]:
    width = len(header)
    area = _areas(rows, width)
    taken = {area.index} if area else set()
    year = _matching(rows, (i for i in range(width) if i not in taken), _YEAR)
    taken |= {year.index} if year else set()
    numbers = [f for i in range(width) if i not in taken and (f := _matching(rows, iter((i,)), _NUMBER))]
    value = max(numbers, key=lambda f: (bool(_VALUE.search(header[f.index].casefold())), f.share, f.index), default=None)
    taken |= {value.index} if value else set()
    if value and len(numbers) > 1:
        notes["value"] = ", ".join(header[f.index] for f in numbers if f is not value)
    sex = _sexes(rows, (i for i in range(width) if i not in taken))
    texts = _column(rows, value.index) if value else []
    stem = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.casefold()).strip("-") or "table"
    yield "# A suggestion: read every line, correct it, and replace each CHANGE_ME. Nothing was imported."
    yield "schema: concordat/import@1"
    yield f"file: {_quoted(name)}"
    yield "dataset:"
    yield f"  id: {stem[:60]}  # unsure: made from the file's name; keep it the same for later editions"
    for key, why in (
        ("title", "as it should be cited"),
        ("producer", "who made the figures"),
        ("licence", "CC-BY-4.0, unstated, member-confidential, ...: see docs/explanation/licences.md"),
    ):
        yield f"  {key}: {OPEN}  # {why}"
    yield "  # published: 2026-05-02  # the publisher's own date; without it the figures are known from the import"
    yield "  class: member_official  # unsure: a member's own figures; see docs/reference/import.md for others"
    yield "format:"
    yield from _format_lines(reading, notes, texts, value)
    yield "columns:"
    yield from _column_lines(header, reading, area, year, value, sex, notes.get("value", ""))
    yield "value_is:"
    yield from _measure_lines(header, value, texts, name, catalogue)


def _format_lines(reading: Reading, notes: dict[str, str], texts: Sequence[str], value: Found | None) -> Iterator[str]:
    said = {"encoding": reading.encoding, "delimiter": reading.delimiter} if reading.kind == "csv" else {}
    said |= {"sheet": reading.sheet} if reading.kind == "xlsx" else {}
    for key, text in said.items():
        yield f"  {key}: {_quoted(text)}  # {notes[key]}"
    if reading.kind != "parquet":
        yield f"  header_row: {reading.header_row}  # {notes['header_row']}"
    if reading.kind == "csv":
        points, commas = (sum(1 for t in texts if p.fullmatch(t)) for p in (_POINT, _COMMA))
        sure = "sure" if not (points and commas) and points + commas else "unsure"
        sign = "," if commas > points else "."
        yield f'  decimal: "{sign}"  # {sure}: {points} figures with a point, {commas} with a comma'
    missing = json.dumps(["", *(value.others if value else ())], ensure_ascii=False)
    yield f"  missing: {missing}  # the empty cell, and what stands among the figures without being a number"


def _column_lines(
    header: Sequence[str],
    reading: Reading,
    area: Found | None,
    year: Found | None,
    value: Found | None,
    sex: tuple[int, dict[str, str]] | None,
    rivals: str,
) -> Iterator[str]:
    def called(index: int) -> str:
        name = header[index] if reading.header_row or reading.kind == "parquet" else ""
        return _quoted(name) if name and header.count(name) == 1 else str(index + 1)

    if area:
        yield f"  area: {{column: {called(area.index)}, scheme: {area.scheme}}}  # {area.words('countries')}"
    else:
        yield f"  area: {{always: {OPEN}}}  # no column looks like countries; one code holds for every row: ZAF"
    if year:
        yield f"  period: {{column: {called(year.index)}}}  # {year.words('years')}"
    else:
        yield f"  period: {{always: {OPEN}}}  # no column looks like years; one year holds for every row: 2025"
    if value:
        said = f"unsure: these hold numbers too: {rivals}" if rivals else value.words("numbers")
        yield f"  value: {{column: {called(value.index)}}}  # {said}"
    else:
        yield f"  value: {{column: {OPEN}}}  # no column looks like figures"
    if sex:
        codes = json.dumps(sex[1], ensure_ascii=False)
        yield f"  breakdown: {{sex: {{column: {called(sex[0])}, values: {codes}}}}}  # likely: words for the sexes"
    used = {f.index for f in (area, year, value) if f} | ({sex[0]} if sex else set())
    rest = [name for i, name in enumerate(header) if i not in used and name]
    if rest:
        yield f"  # not used: {', '.join(rest[:20])}"


def _measure_lines(
    header: Sequence[str], value: Found | None, texts: Sequence[str], name: str, catalogue: Catalogue
) -> Iterator[str]:
    words = f"{header[value.index] if value else ''} {Path(name).stem}".replace("_", " ").casefold()
    names = {i.name().casefold(): i for i in catalogue.indicators.values()}
    names |= {i.id.replace("_", " "): i for i in catalogue.indicators.values()}
    close = nearest(words, names) or next(
        ([n] for n in names if len(set(n.split()) & set(words.split()) - {"pct", "per", "the", "of"}) > 1), []
    )
    like = f"; perhaps {names[close[0]].id}, in {names[close[0]].unit}" if close else ""
    yield f"  indicator: {OPEN}  # an id of docs/reference/indicators.md{like}"
    yield f"  unit: {OPEN}  # the catalogue's unit of it"
    small = bool(texts) and all(re.fullmatch(r"[01]?[.,][0-9]+|[01]", t) for t in texts)
    note = "  # all figures lie between 0 and 1: for a percentage write 100" if small else ""
    yield f"  multiply: 1{note}"


def _quoted(text: str) -> str:
    """Text as YAML reads it back: plain where it is a word, else as a JSON string."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*(\.[a-z]+)?", text)
    word = text.casefold() in ("true", "false", "null")
    return text if plain and not word else json.dumps(text, ensure_ascii=False)
