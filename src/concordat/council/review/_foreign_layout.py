"""Where in somebody else's table are the codes, the published averages and the names?

The text is read with the delimiter that gives the most columns in the most rows. Rows before the first row of codes are
titles and names. An average or percentage is found by its name, in columns and rows alike; without a name, by figures
that are no codes behind the last column of codes. Columns of numbers and names before the codes are labels; rows
without a code (headings, repeated names) are passed over. Where columns are named after countries, codes are there.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from concordat import world
from concordat.council.review._foreign_cells import DASH, LONE, Cell, read_cell, read_number, tidy
from concordat.errors import InputError

BYTES_MAX = 20_000_000
CELLS_MAX = 500_000
COUNTRIES_MIN = 3
LABEL_MAX = 200
DELIMITERS = (",", ";", "\t", "|")

_AVERAGE = {
    "average", "averages", "avg", "ave", "mean", "means", "moyenne", "promedio", "media", "média", "durchschnitt",
    "среднее", "средний", "平均", "平均值", "平均分", "المتوسط", "متوسط", "औसत",
}  # fmt: skip
_PERCENT = {"percent", "percentage", "percentages", "pct", "%", "процент", "百分比", "cent"}
_SCORE = {"score", "scores", "overall"}
_RANK = {"rank", "ranking", "std", "sd", "deviation", "median", "variance", "count"}
_SUM = {"total", "totals", "sum", "n", "min", "max"}
_AROUND = {
    "final", "interim", "country", "countries", "member", "members", "commitment", "commitments", "row", "column", "of",
    "all", "by", "issue", "area", "per", "the", "summit", "g20", "g7", "g8", "brics", "rate", "group", "in", "and",
    "for", "grand", "standard", "average", "number", "bloc", "level", "to", "de", "as", "weighted", "result",
    "compliance",
}  # fmt: skip
_LABELS = {
    "no", "nr", "number", "#", "id", "code", "commitment", "commitments", "issue", "priority", "topic", "area",
    "member", "members", "country", "countries", "title", "name", "s/n", "sn", "text", "description", "year",
}  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]+\d*|%|#|\d+")


@dataclass(frozen=True)
class Layout:
    """A table taken apart. Places count from 0; `lines` gives the line of the file on which each row begins.

    Attributes:
        names: of each column. labels: of each row.
        codes: the columns of codes. rows: the rows of codes.
        average_column, percent_column, average_row, percent_row: None where there is none.
        others: names of summaries that are not checked.
    """

    grid: Sequence[Sequence[str]]
    cells: Sequence[Sequence[Cell]]
    lines: Sequence[int]
    names: Sequence[str]
    labels: Sequence[str]
    codes: Sequence[int]
    rows: Sequence[int]
    average_column: int | None
    percent_column: int | None
    average_row: int | None
    percent_row: int | None
    others: Sequence[str]
    notes: Sequence[str]


def decode(data: str | bytes, where: str) -> tuple[str, list[str]]:
    """The text of a file in UTF-8 or UTF-16, else in Windows' Western letters, which is said."""
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, hint="Split the table.", code="too_large")
    if isinstance(data, str):
        return data.removeprefix("\ufeff"), []
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").removeprefix("\ufeff"), []
        except UnicodeDecodeError:
            raise InputError("is not UTF-16.", where=where, hint="Save it as CSV in UTF-8.", code="not_text") from None
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), ["not UTF-8: read as Windows-1252"]


def read_grid(text: str, where: str, delimiter: str | None) -> tuple[list[list[str]], list[int]]:
    """The rows that hold anything, and the line on which each begins."""
    if "\0" in text:
        hint = "Save the table as CSV."
        raise InputError("holds a zero byte: not a text file.", where=where, hint=hint, code="not_text")
    found: list[tuple[list[list[str]], list[int]]] = []
    failed: list[InputError] = []
    for d in (delimiter,) if delimiter else DELIMITERS:
        try:
            found.append(_parsed(text, where, d))
        except InputError as error:  # quotation marks that don't fit this delimiter
            failed.append(error)
    grid, lines = max(found, key=lambda f: _columns(f[0]), default=([], []))
    if not grid or max(map(len, grid)) < 2:
        if failed:
            raise failed[0]
        hint = "Give a table of codes as CSV, with members in columns or in rows."
        raise InputError("there is no table in it.", where=where, hint=hint, code="no_table")
    width = max(map(len, grid))
    if width * len(grid) > CELLS_MAX:
        raise InputError(f"over {CELLS_MAX:,} cells.", where=where, hint="Split the table.", code="too_large")
    grid = [row + [""] * (width - len(row)) for row in grid]
    while width > 1 and not any(row[width - 1] for row in grid):
        width -= 1
    return [row[:width] for row in grid], lines


def _columns(grid: list[list[str]]) -> int:
    """How well a delimiter fits: columns beyond the first, in the rows of the commonest number of columns."""
    sizes = Counter(len(row) for row in grid)
    return max(((size - 1) * count for size, count in sizes.items()), default=0)


def _parsed(text: str, where: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    grid, lines, begins = [], [], 1
    try:
        for row in reader:
            cells = [tidy(cell) for cell in row]
            if any(cells):
                grid.append(cells)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        hint = "Close the quotation marks, and double those inside a cell."
        raise InputError(f"not CSV: {error}.", where=f"{where}, line {begins}", hint=hint, code="not_csv") from None
    return grid, lines


def layout(text: str | bytes, where: str, delimiter: str | None) -> Layout:
    """A table taken apart.

    Raises:
        InputError: not text, not CSV, no codes in it.
    """
    decoded, notes = decode(text, where)
    if told := re.match(r"sep=(.)\r?\n", decoded):  # how a spreadsheet is told the delimiter
        decoded, delimiter = "\n" + decoded[told.end() :], delimiter or told[1]
    grid, lines = read_grid(decoded, where, delimiter)
    cells = [[read_cell(text) for text in row] for row in grid]
    starts = (next((n for n, row in enumerate(cells) if _is_data(row[k:])), None) for k in (1, 0))
    first = next((n for n in starts if n is not None), None)  # with labels before the codes, else without
    if first is None:
        hint = "Cells are -1, 0, +1 or N/A; names stand in the first row and column."
        raise InputError("there are no codes in it.", where=where, hint=hint, code="no_codes")
    heads = [row for row in grid[:first] if sum(map(bool, row)) >= 2]
    names = [_name(heads, n) for n in range(len(grid[0]))]
    kinds = [_kind(heads, n) for n in range(len(grid[0]))]
    body = list(range(first, len(grid)))
    codes = _code_columns(names, kinds, cells, body)
    if not codes:
        raise InputError("there are no codes in it.", where=where, hint="Cells are -1, 0, +1 or N/A.", code="no_codes")
    before = [n for n in range(codes[0]) if any(grid[r][n] for r in body) and kinds[n] not in ("average", "percent")]
    labelled = [n for n in before if not _codes_in([cells[r][n] for r in body]) or len(before) == 1]
    labels = [" ".join(grid[r][n] for n in labelled if grid[r][n])[:LABEL_MAX] for r in range(len(grid))]
    named = [n for n in range(codes[0]) if kinds[n] in ("average", "percent")]
    beside = [*named, *(n for n in range(codes[0], len(names)) if n not in codes)]
    averages, percents, others = _summaries(
        beside, names, kinds, [[row[n] for row in grid] for n in beside], body, codes[-1]
    )
    published = [n for n in (_last(averages), _last(percents)) if n is not None]
    rows, row_averages, row_percents, row_others = _rows(grid, cells, labels, codes, published, body, heads)
    if not rows:
        raise InputError("there are no codes in it.", where=where, hint="Cells are -1, 0, +1 or N/A.", code="no_codes")
    return Layout(
        grid=grid,
        cells=cells,
        lines=lines,
        names=[name or f"column {n + 1}" for n, name in enumerate(names)],
        labels=[label or f"row {lines[n]}" for n, label in enumerate(labels)],
        codes=codes,
        rows=rows,
        average_column=_last(averages),
        percent_column=_last(percents),
        average_row=_last(row_averages),
        percent_row=_last(row_percents),
        others=[*others, *(names[n] for n in [*averages[:-1], *percents[:-1]]), *row_others],
        notes=notes,
    )


def _last(places: Sequence[int]) -> int | None:
    return places[-1] if places else None


def _name(heads: Iterable[Sequence[str]], n: int) -> str:
    """The lowest text above a column."""
    found = [row[n] for row in heads if row[n]]
    return " ".join(found[-1].split()) if found else ""


def _kind(heads: Sequence[Sequence[str]], n: int) -> str:
    """What the texts above a column promise, the lowest first."""
    return next((kind for row in reversed(heads) if (kind := kind_of(row[n]))), "")


def _is_data(row: Sequence[Cell]) -> bool:
    """Whether at least half of a row, or three cells in it side by side, are codes; not one that counts columns."""
    filled = [cell for cell in row if cell.text]
    texts = [cell.text for cell in filled if cell.text.isdigit()]
    counts = len(texts) > 1 and texts == [str(n) for n in range(1, len(texts) + 1)]
    if counts or any(kind_of(cell.text) for cell in filled[1:]):
        return False
    like = [cell.like_a_code or not cell.applies for cell in row]
    side_by_side = any(all(like[n : n + 3]) for n in range(len(like) - 2))  # beside many columns of other things
    return any(cell.like_a_code for cell in filled) and (2 * sum(like) >= len(filled) or side_by_side)


def kind_of(name: str) -> str:
    """What a name promises: `average`, `percent`, `score`, `other`, or empty for anything else.

    >>> [kind_of(n) for n in ("Country average", "% compliance", "Rank", "Average years of school", "Brazil")]
    ['average', 'percent', 'other', '', '']
    """
    words = _WORDS.findall(name.casefold())
    known = _AVERAGE | _PERCENT | _SCORE | _RANK | _SUM | _AROUND
    if not words or read_number(name)[0] is not None or not all(w in known or w.isdigit() for w in words):
        return ""
    kinds = (("other", _RANK), ("percent", _PERCENT), ("average", _AVERAGE), ("score", _SCORE), ("other", _SUM))
    return next((kind for kind, core in kinds if any(w in core for w in words)), "")


def _numbers(texts: Iterable[str]) -> list[bool]:
    """Of each cell that holds anything: whether it is a number that is no code."""
    return [read_cell(t).value is None and read_number(t)[0] is not None for t in texts if t]


def _mostly(flags: Sequence[bool]) -> bool:
    return 2 * sum(flags) > len(flags)


def _code_columns(
    names: Sequence[str], kinds: Sequence[str], cells: Sequence[Sequence[Cell]], body: Sequence[int]
) -> list[int]:
    """The columns of codes: from the first to the last in which most cells are codes, but for summaries and gaps."""
    columns = [[cells[r][n] for r in body] for n in range(len(names))]
    like = [n for n in range(len(names)) if _codes_in(columns[n]) and not _is_label(n, names[n], columns[n])]
    like = [n for n in like if kinds[n] in ("", "score")]
    if len(like) > 1 and kinds[like[-1]] == "score":
        like.pop()  # a last column "Score" whose few figures happen to be whole
    if not like:
        return []
    between = _between(names, like, columns)
    summaries = {n for n in between if kinds[n] not in ("", "score")}
    figures = {n for n in between if n not in like and _mostly(_numbers(c.text for c in columns[n]))}
    gaps = {n for n in between if not names[n] and not any(c.text for c in columns[n])}
    return [n for n in between if n not in summaries | figures | gaps]


def _between(names: Sequence[str], like: Sequence[int], columns: Sequence[Sequence[Cell]]) -> range:
    """From the first column of codes to the last; where columns are named after countries, from those on.

    Then columns of 0 and 1 that tell something else of a commitment stay outside, and signed codes beside come in.
    """
    countries = [n for n, name in enumerate(names) if _is_country(name)]
    if len(countries) < COUNTRIES_MIN or not set(countries) & set(like):
        return range(like[0], like[-1] + 1)
    low, high = countries[0], countries[-1]
    signed = {n for n in like if any(c.text[:1] in "+-" or c.fault in (LONE, DASH) for c in columns[n] if c.text)}
    while low - 1 in signed:
        low -= 1
    while high + 1 in signed:
        high += 1
    return range(low, high + 1)


@cache
def _countries() -> frozenset[str]:
    """Names and codes of countries, and of the unions that sit at such tables."""
    known = {word for c in world.countries() for word in (c.name, c.short_name, c.iso3, c.iso2)}
    known |= {"UK", "Britain", "U.K.", "U.S.", "United States of America", "Russia", "Turkey", "Korea", "South Korea"}
    return frozenset(world.normalise(word) for word in known | {"EU", "European Union", "African Union"})


def _is_country(name: str) -> bool:
    """Whether a column is named after a country; "No" is the number of a row rather than Norway."""
    plain = world.normalise(name[:60])
    return plain not in _LABELS and plain in _countries()


def _codes_in(column: Sequence[Cell]) -> bool:
    filled = [c for c in column if c.text]
    return any(c.like_a_code for c in filled) and _mostly([c.like_a_code or not c.applies for c in filled])


def _is_label(n: int, name: str, column: Sequence[Cell]) -> bool:
    """Whether a first column that looks like codes is a number of the row, by its name or because it counts."""
    words = _WORDS.findall(name.casefold())
    if n == 0 and words and all(w in _LABELS for w in words):
        return True
    texts = [c.text for c in column if c.text]
    return n < 2 and len(texts) > 1 and texts == [str(k) for k in range(1, len(texts) + 1)]


def _percents(texts: Sequence[str]) -> bool:
    """Whether most of what stands there has a percent sign."""
    return _mostly([t.endswith(("%", "٪", "％")) for t in texts if t])


def _summaries(
    places: Sequence[int],
    names: Sequence[str],
    kinds: Sequence[str],
    columns: Sequence[Sequence[str]],
    body: Sequence[int],
    last: int,
) -> tuple[list[int], list[int], list[str]]:
    """Columns of averages and of percentages, by name, else by their figures; and the names of others."""
    averages: list[int] = []
    percents: list[int] = []
    others: list[str] = []
    named = any(kinds[n] in ("average", "score", "percent") for n in places)
    for n, column in zip(places, columns, strict=True):
        texts, kind = [column[r] for r in body if column[r]], kinds[n]
        shares = _percents(texts) and not (names[n] and named)  # percentages often stand under no name of their own
        by_figures = not kind and n > last and (shares or (not named and _mostly(_numbers(texts))))
        if (
            kind == "percent"
            or (by_figures and _percents(texts))
            or (kind in ("average", "score") and _percents(texts))
        ):
            percents.append(n)
        elif kind in ("average", "score") or (by_figures and not averages):
            averages.append(n)
        elif by_figures and not percents:
            percents.append(n)
        elif names[n] and texts:
            others.append(names[n])
    return averages, percents, others


def _rows(
    grid: Sequence[Sequence[str]],
    cells: Sequence[Sequence[Cell]],
    labels: Sequence[str],
    codes: Sequence[int],
    published: Sequence[int],
    body: Sequence[int],
    heads: Sequence[Sequence[str]],
) -> tuple[list[int], list[int], list[int], list[str]]:
    """Rows of codes, of averages, of percentages, and names of other summaries."""
    rows: list[int] = []
    averages: list[int] = []
    percents: list[int] = []
    others: list[str] = []
    for r in body:
        if any(list(grid[r]) == list(head) for head in heads):
            continue  # the names once more, at the top of a page
        row = [cells[r][n] for n in codes]
        texts = [c.text for c in row if c.text]
        kind, figures = kind_of(labels[r]), _mostly(_numbers(texts))
        unnamed = not kind and bool(rows)
        if kind == "percent" or (_percents(texts) and (unnamed or kind in ("average", "score"))):
            percents.append(r)
        elif kind == "average" or (figures and (unnamed or kind == "score")):
            averages.append(r)
        elif kind in ("other", "score"):
            others.append(labels[r])
        elif any(c.like_a_code or not c.applies for c in row) or any(
            read_number(tidy(grid[r][n]))[0] for n in published
        ):
            rows.append(r)
    others += [labels[r] for r in [*averages[:-1], *percents[:-1]]]
    return rows, averages, percents, others
