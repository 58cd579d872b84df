"""Where a large table is, and how its engine is asked: a DuckDB relation as it is, an Ibis table through its backend.

A relation needs neither pyarrow nor pandas: its columns are named to Ibis, Ibis writes SQL, and DuckDB runs it on the
relation. Columns are cast once: figures to doubles, names that are not whole numbers to text.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.settings import need_extra

VIEW = "concordat_rows"
NUMBERS = "ywk"
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")


class Source(Protocol):
    """A table of which some columns are used, under their letters (see `_relational_sql`)."""

    def count(self) -> int:
        """How many rows there are."""

    def arrays(self) -> dict[str, Any]:
        """The columns, read."""

    def table(self) -> Any:
        """The table as an Ibis expression."""

    def run(self, expression: Any) -> list[dict[str, Any]]:
        """The rows of an expression over `table()`."""

    @property
    def single_task(self) -> bool:
        """A window over all rows is one task of the engine, which then needs ranges."""


def open_table(table: Any, named: Mapping[str, str]) -> Source:
    """The source behind what was given.

    Raises:
        InputError: no relation and no Ibis table, or a column it lacks.
    """
    columns = list(table.columns)
    for name in named.values():
        if name not in columns:
            near = difflib.get_close_matches(str(name), columns, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"It has: {', '.join(columns[:20])}."
            raise InputError(f'the table has no column "{name}".', hint=hint, code="unknown_column")
    home = type(table).__module__.partition(".")[0]
    if home == "ibis":
        return _IbisSource(table, named)
    if hasattr(table, "query") and hasattr(table, "project") and "duckdb" in home:
        return _RelationSource(table, named)
    raise InputError(
        f"a {type(table).__name__} is neither a DuckDB relation nor an Ibis table.",
        hint="duckdb.sql(...) makes a relation, also from a Parquet file; or give arrays.",
    )


class _RelationSource:
    single_task = False

    def __init__(self, relation: Any, named: Mapping[str, str]) -> None:
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
        self.kinds = {
            letter: "float64" if letter in NUMBERS else "int64" if types[name] in _WHOLE else "string"
            for letter, name in named.items()
        }
        sql = {"float64": "DOUBLE", "int64": "BIGINT", "string": "VARCHAR"}
        quoted = {letter: '"' + name.replace('"', '""') + '"' for letter, name in named.items()}
        self.relation = relation.project(
            ", ".join(f"CAST({quoted[letter]} AS {sql[kind]}) AS {letter}" for letter, kind in self.kinds.items())
        )

    def count(self) -> int:
        return int(self.relation.aggregate("count(*)").fetchall()[0][0])

    def arrays(self) -> dict[str, Any]:
        return {letter: _plain(column) for letter, column in self.relation.fetchnumpy().items()}

    def table(self) -> Any:
        return _ibis().table(self.kinds, name=VIEW)

    def run(self, expression: Any) -> list[dict[str, Any]]:
        found = self.relation.query(VIEW, str(_ibis().to_sql(expression, dialect="duckdb", pretty=False)))
        columns = found.columns
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


class _IbisSource:
    def __init__(self, table: Any, named: Mapping[str, str]) -> None:
        made = {}
        for letter, name in named.items():
            kind = "float64" if letter in NUMBERS else "int64" if table[name].type().is_integer() else "string"
            made[letter] = table[name].cast(kind)
        self.expression = table.select(**made)
        self.backend = table.get_backend()

    @property
    def single_task(self) -> bool:
        return str(self.backend.name) != "duckdb"

    def count(self) -> int:
        return int(self.run(self.expression.agg(n=self.expression.count()))[0]["n"])

    def arrays(self) -> dict[str, Any]:
        rows = self.run(self.expression)
        columns = {letter: [row[letter] for row in rows] for letter in self.expression.columns}
        return {k: np.array(v, dtype=np.float64) if k in NUMBERS else v for k, v in columns.items()}

    def table(self) -> Any:
        return self.expression

    def run(self, expression: Any) -> list[dict[str, Any]]:
        cursor = self.backend.raw_sql(str(self.backend.compile(expression)))
        if hasattr(cursor, "collect"):  # Spark
            return [row.asDict() for row in cursor.collect()]
        if not hasattr(cursor, "fetchall"):
            raise MethodError(f"the Ibis backend {self.backend.name} gives no rows here.", hint="Use DuckDB or Spark.")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _plain(column: Any) -> Any:
    """A column as an array; gaps are NaN in numbers and None in names."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    if column.dtype.kind == "f":
        return np.where(np.ma.getmaskarray(column), np.nan, column.data)
    gaps = np.ma.getmaskarray(column)
    made = column.data.astype(object) if gaps.any() else column.data
    if gaps.any():
        made[gaps] = None
    return made


def _ibis() -> Any:
    """Ibis, or the error that says which extra brings it."""
    try:
        import ibis  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise need_extra("large", "A table of this size") from error
    return ibis
