"""The same measures of tables too large for arrays: a DuckDB relation, or an Ibis table on DuckDB or Spark.

`measures(relation, "weight", groups="bloc", value="speed")` names columns where arrays stand otherwise. Up to
`SMALL_ROWS` the columns are read and computed with as any arrays (same bits). Beyond, the expressions of
`_relational_sql` run where the data are: Ibis writes the SQL (`[large]`; on a DuckDB relation nothing else is needed,
Spark needs `[spark]`), and what comes back are a few sums for each group.

- NaN and masks never enter: NaN is taken for NULL, which is a missing value.
- Engines add in no fixed order, so figures of this path are rounded to 12 digits (`MeasureTable.rounded`); two
  runs can differ in the last of them where a sum lies on its edge. With `SET threads = 1` DuckDB adds in one order.
- Cells of fewer than `MIN_CELL` rows are suppressed, and with them the decompositions from which they could be had.
- Errors of strata and primary units come from the units' totals. Decompositions have no errors here.
- On engines other than DuckDB a value's rows are ordered inside ranges when there are more than two million of them.

    >>> import duckdb
    >>> rows = duckdb.sql("SELECT unnest([10.0, 20.0, 60.0]) AS speed, unnest([2.0, 1.0, 1.0]) AS people")
    >>> found = measures_of_table(rows, value="speed", weight="people", min_cell=1)
    >>> round(found["gini"].value, 12), measures_of_table(rows, value="speed")["gini"].reason
    (0.4, 'fewer than 30 rows')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from concordat.errors import InputError
from concordat.observatory.divide._estimate import Measure, suppressed
from concordat.observatory.divide._relational_large import LargeRun
from concordat.observatory.divide._relational_run import Source, open_table
from concordat.observatory.divide._sample import LEAST, Bounds
from concordat.observatory.divide.decompose import Decomposition
from concordat.observatory.divide.inference import LEVEL, WIDER
from concordat.observatory.divide.table import MeasureTable, chosen, measures

SMALL_ROWS = 200_000
MIN_CELL = 30


def measures_of_table(
    table: Any,
    *,
    value: str,
    weight: str | None = None,
    groups: str | None = None,
    rank_by: str | None = None,
    strata: str | None = None,
    psu: str | None = None,
    bounds: tuple[float, float] | None = None,
    names: Sequence[str] | None = None,
    level: float = LEVEL,
    whole_population: bool = False,
    min_cell: int | None = None,
    engine: str = "auto",
    errors: bool = True,
    overall: bool = True,
    ranges: Sequence[float] | None = None,
) -> MeasureTable:
    """`measures` of a table.

    Args:
        table: a DuckDB relation or an Ibis table; the other names are of its columns.
        engine: auto (by size), numpy or ibis.
        errors: standard errors and intervals; without them a large table takes a third of the time.
        overall: the measures of all groups together; they need a sort of their own.
        ranges: ascending edges for ordering in parts; None: where the engine needs them.

    Raises:
        InputError: an unknown column, or rows that no figure can be made of.
        MethodError: a large table without the extra [large].
    """
    limits = None if bounds is None else Bounds(*bounds)
    wanted = chosen(names, limits)
    least = MIN_CELL if min_cell is None else min_cell
    named = {"y": value, "w": weight, "g": groups, "k": rank_by, "h": strata, "c": psu}
    if not value:
        raise InputError("no column of values was named.", hint='Say which: value="...".')
    source = open_table(table, {letter: name for letter, name in named.items() if name is not None})
    if engine not in ("auto", "numpy", "ibis"):
        raise InputError(f'"{engine}" is not an engine.', hint="auto, numpy or ibis.")
    if engine == "numpy" or (engine == "auto" and source.count() <= SMALL_ROWS):
        return _small(source, named, bounds, wanted, level, whole_population, least)
    options = (limits, wanted, level, errors, ranges)
    label = WIDER if whole_population else ""

    def made(once: bool) -> MeasureTable:
        run = LargeRun(source, named, *options, once=once)
        return _assembled(run, least, label, by_group=groups is not None, overall=overall)

    table_made = made(False)
    return table_made if weight is None else replace(table_made, again=lambda: made(True))


def _assembled(run: LargeRun, least: int, label: str, *, by_group: bool, overall: bool) -> MeasureTable:
    tables = {}
    for key, found in run.by_group(grouped=True) if by_group else ():
        tables[key] = MeasureTable(_hidden(found, least), level=run.level, label=label, rounded=True)
    whole: Mapping[str, Measure] = {}
    parts: Mapping[str, Decomposition] = {}
    if overall or not by_group:
        everything = list(run.by_group(grouped=False))
        if not everything:
            raise InputError("no row has a value and a weight.", hint="Look at the column of values.", code="too_few")
        whole = _hidden(everything[0][1], least)
        hidden = any(m.n is None for t in (whole, *tables.values()) for m in t.values())
        parts = run.decompositions(whole) if tables and not hidden else {}
    return MeasureTable(whole, tables, parts, run.level, label, run.notes, rounded=True)


def _hidden(found: dict[str, Measure], least: int) -> dict[str, Measure]:
    """Suppress a cell of too few rows."""
    most = max((m.n or 0) for m in found.values())
    if most < least:
        return {name: suppressed(name, least) for name in found}
    if most < LEAST:
        raise InputError(f"{most} values with a weight are too few: a divide needs {LEAST}.", code="too_few")
    return found


def _small(
    source: Source,
    named: Mapping[str, str | None],
    bounds: tuple[float, float] | None,
    wanted: tuple[str, ...],
    level: float,
    whole_population: bool,
    least: int,
) -> MeasureTable:
    """Read the columns and compute as with any arrays."""
    columns = source.arrays()
    letters = {"weight": "w", "groups": "g", "rank_by": "k", "strata": "h", "psu": "c"}
    options = {word: columns[letter] for word, letter in letters.items() if named[letter] is not None}
    found = measures(
        columns["y"], bounds=bounds, names=wanted, level=level, whole_population=whole_population, min_cell=least,
        **options,
    )  # fmt: skip
    if all((m.n or 0) < least for m in found.values()):
        hidden = {name: suppressed(name, least) for name in found}
        return MeasureTable(hidden, found.groups, {}, level, found.label, found.notes)
    return found


def decompose_table(
    table: Any,
    *,
    value: str,
    weight: str | None = None,
    groups: str,
    measure: str = "theil_t",
    level: float = LEVEL,
    min_cell: int | None = None,
    engine: str = "auto",
) -> Decomposition:
    """`decompose` of a table: theil_t, theil_l, ge2 or gini.

    Raises:
        InputError: another measure, or groups of fewer than `min_cell` rows (30).
    """
    found = measures_of_table(
        table, value=value, weight=weight, groups=groups, names=[measure], level=level, min_cell=min_cell,
        engine=engine, errors=False,
    )  # fmt: skip
    if measure in found.decompositions:
        return found.decompositions[measure]
    small = [str(key) for key, t in found.groups.items() if t[measure].n is None]
    if small:
        raise InputError(
            f"groups of too few rows: {', '.join(small[:5])}.", hint="Join them: what is left would give them away.",
            code="min_cell",
        )  # fmt: skip
    raise InputError(f"{measure} has no parts here: {found[measure].reason or 'a group has none'}.", code="no_parts")
