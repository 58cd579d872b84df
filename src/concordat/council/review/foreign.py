"""Are the averages in somebody else's table of codes the means of their rows?

Research groups publish tables of -1, 0 and +1 for members and commitments, with averages beside them. This recomputes
each row's and column's mean and percentage, 50 (mean + 1), and reports

- averages that are off by more than 0.006 (what rounding to two decimals takes, and a little more);
- percentages that are off by more than half a unit of their last digit, and a little more, both from the mean and from
  the published average;
- malformed cells: a lone sign, a dash or minus sign where ASCII's "-" should be, a signed zero, a blank, anything else
  that is no code. "N/A" is none of them.

Nothing is repaired: a malformed cell never enters a mean. Where a published average is the mean if a malformed cell is
read as it was probably meant, it is called `doubtful`, and the reading is said; it is not counted as wrong. Members may
stand in columns or in rows; averages in the last column, the last row, or both. The table itself never ships.

    >>> found = score_table("topic,BRA,IND,CHN,Average\\nTrade,+1,0,-1,0.00\\nClimate,+1,+1,0,0.50\\nTax,–1,1,,0\\n")
    >>> print(found.report())
    3 rows, 3 columns of codes.
    line 3, Climate: published average 0.50, mean of 3 codes 0.667: off by 0.167.
    line 4, Tax: published average 0, mean of 1 code 1.000: it agrees only if malformed cells are read so: BRA –1 as -1.
    line 4, Tax, BRA: "–1": dash for minus.
    line 4, Tax, CHN: blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.review._foreign_cells import (
    BLANK,
    DASH,
    LONE,
    MARKED,
    SCALE,
    SIGNED_ZERO,
    Cell,
    Figure,
    read_figure,
)
from concordat.council.review._foreign_layout import Layout, layout

TOLERANCE = Fraction(6, 1000)
SLACK = Fraction(12, 10)  # 0.006 against the 0.005 that rounding to two decimals takes

AGREES, OFF, DOUBTFUL, UNCHECKED = "agrees", "off", "doubtful", "not checked"


@dataclass(frozen=True, slots=True)
class Malformed:
    """A cell that is no code, and says not that it doesn't apply.

    Attributes:
        line: of the file. row, column: their names.
        reading: what it probably means; never used in a mean.
    """

    line: int
    row: str
    column: str
    text: str
    fault: str
    reading: Fraction | None = None

    def __str__(self) -> str:
        said = f'"{self.text}": {self.fault}' if self.text else self.fault
        return f"line {self.line}, {self.row}, {self.column}: {said}."


@dataclass(frozen=True, slots=True)
class Line:
    """One row or column of codes, its mean, and what was published.

    Attributes:
        mean: of the well-formed codes; None where there is none. codes: how many.
        published, published_percent: as numbers, the percentage from 0 to 100; None where none was published.
        verdict, percent_verdict: `agrees`, `off`, `doubtful`, `not checked`.
        note: the reading with which a doubtful average agrees, or what would explain a wrong one.
    """

    axis: str
    name: str
    line: int
    mean: Fraction | None
    codes: int
    published: Fraction | None = None
    published_text: str = ""
    verdict: str = UNCHECKED
    published_percent: Fraction | None = None
    percent_text: str = ""
    percent_verdict: str = UNCHECKED
    note: str = ""

    @property
    def percent(self) -> Fraction | None:
        """50 (mean + 1)."""
        return None if self.mean is None else 50 * (self.mean + 1)

    @property
    def wrong(self) -> bool:
        """Whether what was published for it is off."""
        return OFF in (self.verdict, self.percent_verdict)

    def __str__(self) -> str:
        mean = "no codes" if self.mean is None else f"mean of {self.codes} code{'' if self.codes == 1 else 's'}"
        figure = "" if self.mean is None else f" {float(self.mean):.3f}"
        said = []
        if self.verdict in (OFF, DOUBTFUL) and self.published is not None:
            end = f"it agrees only if malformed cells are read so: {self.note}"
            if self.verdict == OFF:
                off = "" if self.mean is None else f"off by {float(abs(self.published - self.mean)):.3f}"
                end = f"{off}{f' ({self.note})' if self.note else ''}"
            said.append(f"published average {self.published_text}, {mean}{figure}: {end}.")
        if self.percent_verdict in (OFF, DOUBTFUL):
            computed = "no codes" if self.percent is None else f"computed {float(self.percent):.1f} %"
            read = (
                f": it agrees only if malformed cells are read so: {self.note}"
                if self.percent_verdict == DOUBTFUL
                else ""
            )
            said.append(f"published percentage {self.percent_text}, {computed}{read}.")
        name = f"line {self.line}, {self.name}" if self.axis == "row" else f"{self.axis} {self.name}".strip()
        return f"{name}: {' '.join(said)}" if said else f"{name}: {mean}{figure}."


@dataclass(frozen=True)
class ForeignScores:
    """A table recomputed.

    Attributes:
        rows, columns: each row and column of codes. overall: the corner, where one is published.
        malformed: cells that are no codes, in the order of the file, published figures among them.
        notes: what else a reader should know: summaries that were not checked, the encoding.
    """

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    overall: Line | None
    malformed: tuple[Malformed, ...]
    notes: tuple[str, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Rows, columns and corner."""
        return (*self.rows, *self.columns, *((self.overall,) if self.overall else ()))

    @property
    def wrong(self) -> tuple[Line, ...]:
        """Rows and columns whose published average or percentage is off."""
        return tuple(line for line in self.lines if line.wrong)

    @property
    def doubtful(self) -> tuple[Line, ...]:
        """Rows and columns whose published average agrees only if malformed cells are read as they were meant."""
        return tuple(line for line in self.lines if DOUBTFUL in (line.verdict, line.percent_verdict))

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        lines = [
            {
                "axis": x.axis,
                "name": x.name,
                "line": x.line,
                "mean": _text(x.mean),
                "codes": x.codes,
                "published": x.published_text,
                "verdict": x.verdict,
                "published_percent": x.percent_text,
                "percent_verdict": x.percent_verdict,
                "note": x.note,
            }
            for x in self.lines
        ]
        malformed = [
            {
                "line": m.line,
                "row": m.row,
                "column": m.column,
                "text": m.text,
                "fault": m.fault,
                "reading": _text(m.reading),
            }
            for m in self.malformed
        ]
        return {"lines": lines, "malformed": malformed, "notes": list(self.notes)}

    def report(self) -> str:
        """All that was found, a line each."""
        told = [str(line) for line in self.lines if {OFF, DOUBTFUL} & {line.verdict, line.percent_verdict}]
        head = f"{len(self.rows)} rows, {len(self.columns)} columns of codes."
        checked = any(line.verdict != UNCHECKED or line.percent_verdict != UNCHECKED for line in self.lines)
        fine = "All published figures agree." if checked else "No average was published."
        return "\n".join([head, *(told or [fine]), *map(str, self.malformed), *self.notes])


def score_table(text: str | bytes, *, where: str = "table.csv", delimiter: str | None = None) -> ForeignScores:
    """Recompute the means and percentages of a table of codes.

    Args:
        text: the file; delimited by comma, semicolon, tab or bar, which is found out unless given.

    Raises:
        InputError: not a text, not CSV, no codes in it.
    """
    table = layout(text, where, delimiter)
    malformed = [
        Malformed(table.lines[r], table.labels[r], table.names[n], cell.text, cell.fault, cell.reading)
        for r in table.rows
        for n in table.codes
        if (cell := table.cells[r][n]).fault
    ]
    malformed += _malformed_figures(table)
    scale = _scales(table)
    rows = [
        _line("row", table.labels[r], table.lines[r], _named(table, [(r, n) for n in table.codes], by_row=True),
              _figure(table, r, table.average_column), _figure(table, r, table.percent_column), scale[0])
        for r in table.rows
    ]  # fmt: skip
    columns = [
        _line("column", table.names[n], table.lines[0], _named(table, [(r, n) for r in table.rows], by_row=False),
              _figure(table, table.average_row, n), _figure(table, table.percent_row, n), scale[1])
        for n in table.codes
    ]  # fmt: skip
    notes = [*table.notes, *(f"not checked: {name}." for name in table.others if name)]
    order = {line: n for n, line in enumerate(table.lines)}
    malformed.sort(key=lambda m: order[m.line])
    return ForeignScores(
        tuple(rows), tuple(columns), _corner(table, rows, columns, scale), tuple(malformed), tuple(notes)
    )


def _figure(table: Layout, row: int | None, column: int | None) -> Figure | None:
    return None if row is None or column is None else read_figure(table.grid[row][column])


def _named(table: Layout, places: Sequence[tuple[int, int]], *, by_row: bool) -> list[tuple[str, Cell]]:
    return [(table.names[n] if by_row else table.labels[r], table.cells[r][n]) for r, n in places]


def _malformed_figures(table: Layout) -> list[Malformed]:
    """Published figures that are blank, or no numbers."""
    places = [(r, n) for n in (table.average_column, table.percent_column) if n is not None for r in table.rows]
    places += [(r, n) for r in (table.average_row, table.percent_row) if r is not None for n in table.codes]
    figures = [(r, n, read_figure(table.grid[r][n])) for r, n in places]
    return [
        Malformed(table.lines[r], table.labels[r], table.names[n], f.text, f.fault) for r, n, f in figures if f.fault
    ]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Whether averages are means (else percentages), and what percentages are to be multiplied by."""

    means: bool
    factor: Fraction


def _scales(table: Layout) -> tuple[_Scale, _Scale]:
    """Of the figures beside the rows, and of those below the columns."""
    by_row = [[_figure(table, r, n) for r in table.rows] for n in (table.average_column, table.percent_column)]
    by_column = [[_figure(table, r, n) for n in table.codes] for r in (table.average_row, table.percent_row)]
    return _scale(*by_row), _scale(*by_column)


def _scale(averages: Sequence[Figure | None], percents: Sequence[Figure | None]) -> _Scale:
    known = sorted(abs(float(f.number)) for f in averages if f is not None and f.number is not None)
    shares = [f for f in percents if f is not None and f.number is not None]
    small = bool(shares) and all(abs(float(f.number or 0)) <= 1 and not f.percent for f in shares)
    return _Scale(not known or known[len(known) // 2] <= 2, Fraction(100 if small else 1))


def _line(
    axis: str,
    name: str,
    line: int,
    cells: Sequence[tuple[str, Cell]],
    average: Figure | None,
    percent: Figure | None,
    scale: _Scale,
) -> Line:
    codes = [c.value for _, c in cells if c.value is not None]
    mean = _mean(codes) if codes else None
    if average is not None and (average.percent or not scale.means):
        average, percent = None, average  # a column "Average" of percentages
    published = average.number if average else None
    verdict, note = UNCHECKED, ""
    if published is not None:
        verdict, note = _verdict(published, TOLERANCE, codes, cells)
    share = percent.number * scale.factor if percent and percent.number is not None else None
    percent_verdict = UNCHECKED
    if percent is not None and share is not None:
        tolerance = SLACK * percent.half_unit * scale.factor
        percent_verdict, read = _verdict(share / 50 - 1, tolerance / 50, codes, cells)
        note = note or read
        from_average = published is not None and abs(50 * (published + 1) - share) <= tolerance
        if percent_verdict == OFF and verdict in (AGREES, DOUBTFUL) and from_average:
            percent_verdict = AGREES  # rounded from the published average
    return Line(
        axis, name, line, mean, len(codes), published, average.text if average else "", verdict, share,
        percent.text if percent else "", percent_verdict, note,
    )  # fmt: skip


def _verdict(
    published: Fraction, tolerance: Fraction, codes: Sequence[Fraction], cells: Sequence[tuple[str, Cell]]
) -> tuple[str, str]:
    """Whether a published mean is that of the codes; else with which reading it would be, or what would explain it."""
    if codes and abs(_mean(codes) - published) <= tolerance:
        return AGREES, ""
    for faults in ((DASH, MARKED, SIGNED_ZERO, SCALE), (DASH, MARKED, SIGNED_ZERO, SCALE, LONE)):
        read = [(name, c, c.reading) for name, c in cells if c.fault in faults and c.reading is not None]
        values = [*codes, *(value for _, _, value in read)]
        if read and abs(_mean(values) - published) <= tolerance:
            return DOUBTFUL, ", ".join(f"{name} {c.text} as {_signed(value)}" for name, c, value in read)
    for what, extra in (
        ("blanks", sum(c.fault == BLANK for _, c in cells)),
        ("N/A", sum(not c.applies for _, c in cells)),
    ):
        if extra and abs(_mean([*codes, *[Fraction(0)] * extra]) - published) <= tolerance:
            return OFF, f"it is the mean if {what} count as 0"
    return OFF, ""


def _corner(table: Layout, rows: Sequence[Line], columns: Sequence[Line], scale: Sequence[_Scale]) -> Line | None:
    """The mean of all, where it is published: any of the four means that people take will do."""
    figure = _figure(table, table.average_row, table.average_column)
    if figure is None or figure.number is None or figure.percent or not (scale[0].means and scale[1].means):
        return None
    codes = [c.value for r in table.rows for n in table.codes if (c := table.cells[r][n]).value is not None]
    if not codes:
        return None
    mean = _mean(codes)
    taken = [mean]
    for lines in (rows, columns):
        for values in ([x.mean for x in lines], [x.published for x in lines]):
            known = [v for v in values if v is not None]
            taken += [_mean(known)] if known else []
    agrees = any(abs(value - figure.number) <= TOLERANCE for value in taken)
    doubtful = any(c.fault for r in table.rows for n in table.codes if (c := table.cells[r][n]).reading is not None)
    verdict = AGREES if agrees else UNCHECKED if doubtful else OFF
    row = table.average_row
    assert row is not None
    return Line("all", "", table.lines[row], mean, len(codes), figure.number, figure.text, verdict)


def _mean(values: Sequence[Fraction]) -> Fraction:
    if all(v.denominator == 1 for v in values):  # codes: whole numbers are added much faster
        return Fraction(sum(v.numerator for v in values), len(values))
    return sum(values, Fraction(0)) / len(values)


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"


def _signed(value: Fraction) -> str:
    return f"{float(value):+g}" if value else "0"
