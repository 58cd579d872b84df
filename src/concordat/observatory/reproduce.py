"""Does an index file give the scores that its publisher printed? Recompute them from published inputs and compare.

A table holds for each unit (and year) the published inputs, in columns named as the file's indicators, and the
published score. The file is run on the inputs, each year alone, and computed and published scores are laid side by
side: how many agree within a tolerance, the largest and the mean absolute difference, and who was left out and why.
Only a file whose scores are reproduced like this by a test may call itself `verified`.

What it does not do: explain a difference (`compare` does), or find unknown goalposts (`calibrate` does). Published
inputs are rounded, so the tolerance must allow for what rounding does to the score, not only for its last digit.

    >>> from concordat.observatory.named import named
    >>> table = '''unit,life_expectancy_years,school_life_expectancy_years,mean_schooling_years,gni_ppp_per_person,hdi
    ... NOR,83.2,18.2,13.0,64660,0.961
    ... '''
    >>> found = reproduce(named("hdi"), table, published="hdi", tolerance=5e-4)
    >>> found.verdict, found.within, len(found.units)
    ('reproduced', 1, 1)
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.observatory.bind import from_table
from concordat.observatory.panel import Array
from concordat.observatory.run import run
from concordat.observatory.spec import Data, IndexSpec
from concordat.observatory.stages.options import Denominate
from concordat.settings import nearest

UNIT_COLUMNS = ("unit", "area", "iso3")
_EMPTY = ("", "NA", "..", "nan", "NaN")
_SLACK = 1e-12  # of the scores: 0.9605 and 0.961 differ by 0.0005 and a rounding of the last bit


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A unit that could not be compared; `year` is 0 where the table has no years."""

    unit: str
    year: int
    reason: str


@dataclass(frozen=True, eq=False)
class Reproduction:
    """Computed beside published scores.

    Attributes:
        units, years: of each comparison; years are 0 where the table has none.
        computed, published, differences: of each comparison; difference = computed - published.
        left_out: units without one side or the other, with the reason.
    """

    index: str
    title: str
    status: str
    spec_sha256: str
    column: str
    tolerance: float
    units: tuple[str, ...]
    years: tuple[int, ...]
    computed: Array = field(repr=False)
    published: Array = field(repr=False)
    left_out: tuple[LeftOut, ...]

    @property
    def differences(self) -> Array:
        """Computed less published."""
        return np.asarray(self.computed - self.published)

    @property
    def max_difference(self) -> float | None:
        """The largest absolute difference; None where nothing was compared."""
        return float(np.abs(self.differences).max()) if self.units else None

    @property
    def mean_difference(self) -> float | None:
        """The mean absolute difference; None where nothing was compared."""
        return math.fsum(np.abs(self.differences)) / len(self.units) if self.units else None

    @property
    def agrees(self) -> tuple[bool, ...]:
        """Whether each comparison is within the tolerance."""
        slack = _SLACK * np.maximum(np.abs(self.computed), np.abs(self.published))
        return tuple(bool(a) for a in np.abs(self.differences) <= self.tolerance + slack)

    @property
    def within(self) -> int:
        """How many comparisons are within the tolerance."""
        return sum(self.agrees)

    @property
    def verdict(self) -> str:
        """`reproduced` (all within the tolerance), `differs`, or `nothing to compare`."""
        if not self.units:
            return "nothing to compare"
        return "reproduced" if self.within == len(self.units) else "differs"

    def as_data(self) -> dict[str, Any]:
        """The result as plain data, the largest difference first."""
        rows = sorted(
            zip(self.units, self.years, self.computed, self.published, self.differences, self.agrees, strict=True),
            key=lambda r: (-abs(r[4]), r[1], r[0]),
        )
        return {
            "index": self.index,
            "title": self.title,
            "status": self.status,
            "spec_sha256": self.spec_sha256,
            "published_column": self.column,
            "tolerance": self.tolerance,
            "verdict": self.verdict,
            "compared": len(self.units),
            "within": self.within,
            "max_difference": self.max_difference,
            "mean_difference": self.mean_difference,
            "units": [
                {"unit": unit, "year": year or None, "computed": float(c), "published": float(p)}
                | {"difference": float(d), "within": ok}
                for unit, year, c, p, d, ok in rows
            ],
            "left_out": [{"unit": o.unit, "year": o.year or None, "reason": o.reason} for o in self.left_out],
        }

    def lines(self, most: int = 10) -> list[str]:
        """The result in plain sentences, with the units that differ most and those left out, `most` of each."""
        data = self.as_data()
        found = [f"{self.index}: {self.title} ({self.status})", f"SHA-256 {self.spec_sha256}"]
        if self.max_difference is None or self.mean_difference is None:
            found.append(f"Nothing to compare: no unit has both a computed score and one in {self.column}.")
        else:
            found.append(
                f"{self.within} of {len(self.units)} published scores reproduced to {self.tolerance:g}; "
                f"largest difference {self.max_difference:.3g}, mean {self.mean_difference:.3g}."
            )
        for row in [r for r in data["units"] if not r["within"]][:most]:
            name = _name(row["unit"], row["year"])
            found.append(f"  {name}: computed {row['computed']:.6g}, published {row['published']:.6g}")
        if self.left_out:
            found.append(f"Left out: {len(self.left_out)}.")
            found.extend(f"  {_name(o.unit, o.year)}: {o.reason}" for o in self.left_out[:most])
        return [*found, f"Verdict: {self.verdict}."]


def reproduce(
    spec: IndexSpec,
    table_text: str,
    *,
    published: str = "published",
    tolerance: float = 5e-4,
    where: str = "published.csv",
) -> Reproduction:
    """Recompute published scores from published inputs.

    Args:
        table_text: CSV with a column `unit` (or `area`, `iso3`), if it has several years `year`, a column an indicator,
            and one with the published score. Other columns are not read. Empty cells are missing.
        published: the column with the published score.
        tolerance: the largest absolute difference that counts as the same.
        where: how messages call the table.

    Raises:
        InputError: the index has no score; a column is missing; a number can't be read; a unit stands twice.
        MethodError: a step can't be computed honestly on these inputs.
    """
    if spec.step("aggregate") is None:
        what = f"{spec.id} is a dashboard: it has no score to reproduce."
        raise InputError(what, where=spec.document.where, hint="Add a step aggregate.", code="no_aggregate")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        hint = "Give a number that is not negative."
        raise InputError(f"the tolerance is {tolerance:g}.", hint=hint, code="tolerance")
    if published in {i.id for i in spec.indicators}:
        hint = "Name the column with the published score."
        raise InputError(f'"{published}" is an input of {spec.id}.', where=where, hint=hint, code="columns")
    table = _Table.read(spec, table_text, published, where)
    computed = dict(_scores(spec, table, where))
    pairs: list[tuple[str, int, float, float]] = []
    left_out: list[LeftOut] = []
    for (year, unit), score in sorted(table.published.items()):
        found, reason = computed.get((year, unit), (math.nan, "no inputs"))
        if math.isnan(found):
            left_out.append(LeftOut(unit, year, reason if score is not None else f"{reason}, and no published score"))
        elif score is None:
            left_out.append(LeftOut(unit, year, "no published score"))
        else:
            pairs.append((unit, year, found, score))
    return Reproduction(
        index=spec.id,
        title=spec.title,
        status=spec.status,
        spec_sha256=spec.hash,
        column=published,
        tolerance=tolerance,
        units=tuple(p[0] for p in pairs),
        years=tuple(p[1] for p in pairs),
        computed=np.array([p[2] for p in pairs], dtype=np.float64),
        published=np.array([p[3] for p in pairs], dtype=np.float64),
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The table cut to the columns that are needed, row by row, so that messages name the line of the file.

    Attributes:
        head: unit, if given year, and the inputs.
        rows: (year, cells) of each row of the file; None for an empty one.
        published: (year, unit) -> published score.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]] | None, ...]
    published: Mapping[tuple[int, str], float | None]

    @classmethod
    def read(cls, spec: IndexSpec, text: str, published: str, where: str) -> _Table:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
        head = [name.strip() for name in rows[0]] if rows else []
        wanted = _columns(spec, head, published, where)
        number = {name: head.index(name) for name in (*wanted, published)}
        kept: list[tuple[int, tuple[str, ...]] | None] = []
        scores: dict[tuple[int, str], float | None] = {}
        for n, row in enumerate(rows[1:], 2):
            if not any(cell.strip() for cell in row):
                kept.append(None)
                continue
            place = f"{where}, line {n}"
            if len(row) > len(head):
                hint = "Put quotes round a cell that holds a comma."
                what = f"the row has {len(row)} cells, the first row {len(head)}."
                raise InputError(what, where=place, hint=hint, code="columns")
            cells = {name: row[i].strip() if i < len(row) else "" for name, i in number.items()}
            key = (_year(cells.get("year", ""), place), cells[wanted[0]])
            if not key[1]:
                raise InputError("the row names no unit.", where=place, hint="Fill the column.", code="unit")
            if key in scores:
                what = f"{_name(key[1], key[0])} stands twice."
                raise InputError(what, where=place, hint="Keep one row.", code="duplicate")
            scores[key] = _number(cells[published], place, published)
            kept.append((key[0], tuple(cells[name] for name in wanted)))
        if not scores:
            raise InputError("the table has no rows.", where=where, hint="Add a row a unit.", code="empty")
        return cls(wanted, tuple(kept), scores)

    def blank(self, years: Sequence[int]) -> str:
        """The first input that no row of some years has a figure of; "" where all are there."""
        rows = [row[1] for row in self.rows if row is not None and row[0] in years]
        first = 1 + ("year" in self.head)
        empty = (n for i, n in enumerate(self.head) if i >= first and all(row[i] in _EMPTY for row in rows))
        return next(empty, "")

    def of(self, years: Sequence[int]) -> str:
        """The rows of some years as CSV, every other row empty, so that line numbers stay those of the file."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        for row in self.rows:
            writer.writerow(row[1] if row is not None and row[0] in years else ())
        return out.getvalue()


def _columns(spec: IndexSpec, head: Sequence[str], published: str, where: str) -> tuple[str, ...]:
    """The unit's column, the year's if there is one, and the inputs; all must be in the table, once."""
    place = f"{where}, line 1"
    unit = next((name for name in UNIT_COLUMNS if name in head), None)
    inputs = [i.id for i in spec.indicators]
    inputs += [by for s in spec.steps if isinstance(s.options, Denominate) for _, by, _ in s.options.by]
    if unit is None:
        hint = f"Begin with: unit,{','.join(inputs[:3])}{',...' if len(inputs) > 3 else ''},{published}"
        raise InputError("the table has no column unit.", where=place, hint=hint, code="columns")
    for name in (*inputs, published):
        if name not in head:
            close = nearest(name, head)
            hint = f'Did you mean "{close[0]}"?' if close else f"Columns: {', '.join(head)}."
            what = "the published score" if name == published else f"an input of {spec.id}"
            raise InputError(f'the table has no column "{name}", {what}.', where=place, hint=hint, code="columns")
    wanted = (unit, *(("year",) if "year" in head else ()), *dict.fromkeys(inputs))
    for name in (*wanted, published):
        if head.count(name) > 1:
            raise InputError(f'the column "{name}" stands twice.', where=place, hint="Keep one.", code="columns")
    return wanted


def _scores(spec: IndexSpec, table: _Table, where: str) -> Iterator[tuple[tuple[int, str], tuple[float, str]]]:
    """The computed score of each (year, unit), or NaN with the reason.

    Each year is run alone, so that no figure of another year fills a gap; an index whose steps look at several years
    (`take: panel`) is run on all of them.
    """
    years = sorted({year for year, _ in table.published})
    panel = spec.data.take == "panel" and years != [0]
    for group in [years] if panel else [[year] for year in years]:
        if blank := table.blank(group):
            yield from (
                (key, (math.nan, f"no unit has a figure of {blank}")) for key in table.published if key[0] in group
            )
            continue
        data = Data(first=group[0], last=group[-1], take=spec.data.take if panel else "latest", allow=spec.data.allow)
        here = replace(spec, units=None, data=data)
        result = run(here, from_table(here, table.of(group), where=where))
        reasons = {(n.slice, n.unit): n.text for n in result.notes if n.code == "unranked"}
        for t, year in enumerate(result.panel.years):
            for u, unit in enumerate(result.units):
                score = float(result.nodes[t, u, spec.tree.root])
                yield (year, unit), (score, reasons.get((str(year or ""), unit), "no score"))


def _name(unit: str, year: int | None) -> str:
    return f"{unit}, {year}" if year else unit


def _year(text: str, place: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise InputError(f'"{text}" is not a year.', where=place, hint="Write it as 2025.", code="year") from None


def _number(text: str, place: str, name: str) -> float | None:
    if text in _EMPTY:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        hint = "Write numbers with a point, and leave missing ones empty."
        raise InputError(f'{name}: "{text}" is not a number.', where=place, hint=hint, code="number")
    return value
