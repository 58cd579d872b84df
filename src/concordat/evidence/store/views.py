"""`latest`, `as_of` and `in_release` over the Parquet files: the columns of a hundred thousand rows in a blink.

The rules are those of `evidence.revisions`, which is pure and slower; the two are held equal by tests. Which vintage
counts for each dataset is decided from the catalogue alone, so that of many vintages only the files that count are
read: no window over all rows, no sort. The hash of each file is checked before a row of it is believed.

The answer is an open DuckDB relation (one thread, in memory, nothing kept) with the columns of `Observation`:

    with as_of(store, date(2024, 12, 31)) as rows:
        rows.filter("area = 'IRQ'").select("indicator_id, period_end, value").fetchall()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date
from typing import TYPE_CHECKING

from concordat.evidence.licences import require_same_licence
from concordat.evidence.observation import COLUMNS, Observation
from concordat.evidence.revisions import vintages_as_of
from concordat.evidence.store import tables

if TYPE_CHECKING:
    import duckdb

    from concordat.evidence.store import Release, Store, Vintage


@contextmanager
def as_of(store: Store, day: date) -> Iterator[duckdb.DuckDBPyRelation]:
    """What was known on a day, as a relation.

    Raises:
        TrustError: a file, the licence, or what is said about a vintage was changed.
    """
    with rows_of(store, vintages_as_of(store.vintages(), day)) as rows:
        yield rows


@contextmanager
def latest(store: Store) -> Iterator[duckdb.DuckDBPyRelation]:
    """What the newest vintage of every dataset says, as a relation.

    Raises:
        TrustError: as `as_of`.
    """
    with as_of(store, date.max) as rows:
        yield rows


@contextmanager
def in_release(store: Store, release: Release) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of a release, as a relation.

    Raises:
        TrustError: as `as_of`.
    """
    named = {(v.dataset_id, v.vintage_id) for v in release.vintages}
    with rows_of(store, [v for v in store.vintages() if (v.dataset_id, v.id) in named]) as rows:
        yield rows


@contextmanager
def rows_of(store: Store, vintages: Iterable[Vintage]) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of some vintages, in the order of the vintages and of their files.

    Raises:
        TrustError: as `as_of`.
    """
    paths = []
    for vintage in vintages:
        require_same_licence(vintage.licence, where=vintage.ref)
        path = store.path(vintage)
        tables.check_file(path, vintage.file_sha256)
        paths.append(tables.quoted(path))
    with tables.engine() as connection:
        if not paths:
            yield connection.sql(f"SELECT {tables.typed_nulls()} WHERE false")
            return
        listed = ", ".join(paths)
        yield connection.sql(f"SELECT {', '.join(COLUMNS)} FROM read_parquet([{listed}])")


def differing(
    store: Store, before: Iterable[Vintage], after: Iterable[Vintage]
) -> tuple[list[Observation], list[Observation]]:
    """The rows, on both sides, of every figure that is not said alike: all that `revisions` needs to look at.

    Raises:
        TrustError: as `as_of`.
    """
    a, b = _unshared(list(before), list(after))
    with rows_of(store, a) as a_rows, rows_of(store, b) as b_rows:
        said = "obs_id, row_hash, unit_mult"
        theirs = set(a_rows.select(said).fetchall()) ^ set(b_rows.select(said).fetchall())
        ids = {row[0] for row in theirs}
        return _read(a_rows, ids), _read(b_rows, ids)


def _unshared(a: list[Vintage], b: list[Vintage]) -> tuple[list[Vintage], list[Vintage]]:
    """Both sides without the datasets of which they have the same vintages."""

    def refs(vintages: list[Vintage], dataset_id: str) -> set[str]:
        return {v.ref for v in vintages if v.dataset_id == dataset_id}

    moved = {v.dataset_id for v in (*a, *b) if refs(a, v.dataset_id) != refs(b, v.dataset_id)}
    return [v for v in a if v.dataset_id in moved], [v for v in b if v.dataset_id in moved]


def _read(rows: duckdb.DuckDBPyRelation, ids: set[str]) -> list[Observation]:
    """The rows with these ids as observations."""
    if not ids:
        return []
    wanted = ", ".join(f"'{i}'" for i in sorted(ids))
    found = []
    for row in rows.filter(f"obs_id IN ({wanted})").select(", ".join(COLUMNS)).fetchall():
        columns = dict(zip(COLUMNS, row, strict=True))
        columns["retrieved_at"] = columns["retrieved_at"].replace(tzinfo=UTC)
        columns["derived_from"] = tuple(columns["derived_from"])
        found.append(Observation(**columns))
    return found
