"""What a mapping for a table might look like: every line with a comment that says how sure it is. Imports nothing.

Looked at: which encoding decodes the bytes, which delimiter gives rows of one length, where the names of the columns
stand, which decimal sign the numbers have, which column holds countries (by the same matching as an import), years,
figures, sexes. What can't be seen in a table - the unit, the indicator, who made it, under which licence - is left as
CHANGE_ME, which an import refuses.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.evidence.locators import Reading
from concordat.evidence.sources._tabular_look import NUMBER, look_at
from concordat.settings import nearest
from concordat.world import country

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue

OPEN = "CHANGE_ME"
_YEAR = re.compile(r"(19|20)[0-9]{2}")
_POINT, _COMMA = re.compile(r"-?[0-9]+\.[0-9]+%?"), re.compile(r"-?[0-9]+,[0-9]+%?")
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
    reading, header, rows, notes = look_at(body, name)
    if not rows:
        raise InputError("no row below the header.", where=name, hint="Is this the right file?", code="no_rows")
    return "\n".join(_lines(name, reading, header, rows, notes, catalogue)) + "\n"


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
    numbers = [f for i in range(width) if i not in taken and (f := _matching(rows, iter((i,)), NUMBER))]
    value = max(
        numbers, key=lambda f: (bool(_VALUE.search(header[f.index].casefold())), f.share, f.index), default=None
    )
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
    others = value.others if value else ()
    figures = [t for t in others if any(c.isdigit() for c in t)]
    missing = json.dumps(["", *(t for t in others if t not in figures)], ensure_ascii=False)
    yield f"  missing: {missing}  # the empty cell, and what stands among the figures without being a number"
    if figures:
        shown = ", ".join(json.dumps(t, ensure_ascii=False) for t in figures)
        yield f"  # not taken as missing, for these may be figures with a mark; correct them in the table: {shown}"


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


def _names_a_value(name: str) -> bool:
    return _VALUE.search(name.casefold()) is not None


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
