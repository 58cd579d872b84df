"""One data directory: bodies, vintages, releases, opened together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from concordat.errors import InputError, SourceError, StateError
from concordat.evidence.licences import require_same_licence
from concordat.evidence.store import _files, releases, tables
from concordat.evidence.store.catalog import Catalog, Vintage, VintageMeta
from concordat.evidence.store.raw import RawStore, Retrieval
from concordat.evidence.store.releases import Release

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.sources._base import Problem
    from concordat.evidence.store.verify import Verified

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of a path, so nothing that could climb out of the store


class Store:
    """The evidence kept in one data directory. Append-only: vintages and releases never change.

    >>> import tempfile
    >>> with open_store(Path(tempfile.mkdtemp()) / "data") as store:
    ...     store.raw.get(store.raw.put(b"body")), store.vintages()
    (b'body', [])
    """

    def __init__(self, data_dir: Path, progress: _files.Progress | None = None) -> None:
        self.data_dir = data_dir
        self.lock = _files.WriterLock(data_dir, progress)
        self.raw = RawStore(data_dir, self.lock)
        self.catalog = Catalog(data_dir / "catalog.sqlite", self.lock)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the catalogue."""
        self.catalog.close()

    def path(self, vintage: VintageMeta) -> Path:
        """Where a vintage's rows stand."""
        return self.data_dir / "obs" / vintage.source_id / vintage.dataset_id / f"{vintage.id}.parquet"

    def record_retrievals(self, retrievals: Sequence[Retrieval]) -> None:
        """Keep how bodies came to us."""
        with self.lock.held():
            self.raw.record(retrievals)
            self.catalog.add_retrievals(retrievals)

    def write_vintage(
        self, meta: VintageMeta, observations: Iterable[Observation], problems: Iterable[Problem] = ()
    ) -> Vintage:
        """Store a vintage. Storing the same rows again changes nothing; a missing file is written again.

        Raises:
            SourceError: a row breaks an invariant, or belongs to another vintage.
            StateError: the vintage is already stored with other rows; disk full; no permission; another writer.
        """
        rows = tables.sort_rows(observations)
        _check_belongs(meta, rows)
        tables.check_rows(rows, where=f"{meta.dataset_id}/{meta.id}")
        vintage = Vintage(
            **{name: getattr(meta, name) for name in VintageMeta.__slots__},
            row_count=len(rows),
            logical_hash=tables.logical_hash(o.row_hash for o in rows),
        )
        with self.lock.held():
            known = self.catalog.vintage(meta.dataset_id, meta.id)
            if known is not None:
                return self._again(known, vintage, rows)
            file_sha256 = tables.write_table(rows, self.path(vintage), self.lock.tmp)
            said = [(p.rule, p.severity, p.where, p.text, p.indicator_id, p.area) for p in problems]
            self.catalog.add_vintage(vintage, file_sha256, said)
        return vintage

    def _again(self, known: Vintage, vintage: Vintage, rows: Sequence[Observation]) -> Vintage:
        if known.logical_hash != vintage.logical_hash:
            raise StateError(
                f"{known.ref} is already stored with other rows ({known.logical_hash[:12]}, now "
                f"{vintage.logical_hash[:12]}).",
                where=str(self.path(known)),
                hint="A vintage never changes; give new figures a new vintage id.",
                code="vintage_exists",
            )
        if not self.path(known).exists():
            self.catalog.set_file(known, tables.write_table(rows, self.path(known), self.lock.tmp))
        return known

    def vintages(self) -> list[Vintage]:
        """All vintages by dataset, then the day from which they were known, then id."""
        return self.catalog.vintages()

    def vintage(self, name: str) -> Vintage:
        """The vintage called `dataset/vintage`, or by its id alone where that is enough.

        Raises:
            InputError: no vintage has this name, or more than one dataset has it.
        """
        found = [v for v in self.vintages() if name in (v.ref, v.id)]
        if len(found) == 1:
            return found[0]
        if found:
            hint = f"Name one of: {', '.join(v.ref for v in found)}."
            raise InputError(f'"{name}" is a vintage of {len(found)} datasets.', hint=hint, code="ambiguous_vintage")
        here = ", ".join(v.ref for v in self.vintages()) or "none"
        raise InputError(f'"{name}" is not a vintage here.', where=str(self.data_dir), hint=f"Here: {here}.")

    def observations(self, vintage: Vintage | str, *, every_row: bool = True) -> list[Observation]:
        """All rows of a vintage, in stored order, every hash checked.

        Args:
            every_row: compute each row's hash again too (see `tables.read_table`).

        Raises:
            TrustError: the file, a row, the licence, or what is said about the vintage was changed.
            InputError: there is no such vintage.
        """
        vintage = self.vintage(vintage) if isinstance(vintage, str) else vintage
        require_same_licence(vintage.licence, where=vintage.ref)
        file_sha256 = self.catalog.file_sha256(vintage)
        expected = vintage.logical_hash
        return tables.read_table(self.path(vintage), expected=expected, file_sha256=file_sha256, every_row=every_row)

    def problems(self, vintage: Vintage) -> list[Problem]:
        """What the parser had to say about a vintage, in its order."""
        from concordat.evidence.sources._base import Problem

        query = """SELECT rule, severity, place, text, indicator_id, area FROM problems
            WHERE dataset_id = ? AND vintage_id = ? ORDER BY number"""
        rows = self.catalog.rows(query, (vintage.dataset_id, vintage.id))
        names = ("rule", "severity", "where", "text", "indicator_id", "area")
        return [Problem(**dict(zip(names, row, strict=True))) for row in rows]

    def put_quarantine(self, vintage: Vintage, rows: Iterable[tuple[str, str, str]]) -> None:
        """Keep aside rows of a vintage: (obs_id, rule, why). They stay stored and are not used."""
        values = [(vintage.dataset_id, vintage.id, *row) for row in rows]
        with self.lock.held(), self.catalog.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?)", values)

    def quarantine(self, vintage: Vintage) -> Mapping[str, tuple[str, str]]:
        """The rows of a vintage that are kept aside: obs_id -> (rule, why)."""
        query = """SELECT obs_id, rule, why FROM quarantine WHERE dataset_id = ? AND vintage_id = ?
            ORDER BY obs_id, rule"""
        rows = self.catalog.rows(query, (vintage.dataset_id, vintage.id))
        return {obs_id: (rule, why) for obs_id, rule, why in rows}

    def make_release(
        self, name: str | None, vintages: Iterable[Vintage], catalogue_hash: str, blocs_hash: str
    ) -> Release:
        """A named, immutable list of vintages; None names it `auto-` and 8 digits of its hash."""
        return releases.make_release(self, name, vintages, catalogue_hash, blocs_hash)

    def release(self, name: str) -> Release:
        """The release of this name, checked.

        Raises:
            StateError: there is none, or its vintages are missing here.
            TrustError: it is not what was stored.
        """
        release = releases.find_release(self, name)
        if release is None:
            known = ", ".join(sorted(releases.names(self))) or "none"
            hint = f"Releases here: {known}. Set CONCORDAT_DATA_DIR if it was made in another store."
            raise StateError(f"there is no release {name}.", where=str(self.data_dir), hint=hint, code="no_release")
        return release

    def releases(self) -> list[Release]:
        """All releases, oldest first, each checked as `release` does."""
        return [self.release(name) for name in releases.names(self)]

    def verify(self) -> Verified:
        """Read and hash everything again (see `verify`)."""
        from concordat.evidence.store.verify import verify

        return verify(self)


def open_store(data_dir: Path, *, create: bool = True, progress: _files.Progress | None = None) -> Store:
    """Open the store in a data directory; close it, or use it in a `with`.

    Args:
        create: make the directory if there is none.
        progress: told in words when we wait for another writer.

    Raises:
        StateError: the directory is absent, may not be written, is full, or was written by a newer program.
    """
    if not data_dir.is_dir():
        if not create:
            raise StateError(
                "there is no store here.",
                where=str(data_dir),
                hint="Run: concordat assess BRICS. Or set CONCORDAT_DATA_DIR to the folder that holds your store.",
                code="no_store",
            )
        _files.make_folder(data_dir)
    store = Store(data_dir, progress)
    store.catalog.rows("SELECT 1")
    return store


def _check_belongs(meta: VintageMeta, rows: Sequence[Observation]) -> None:
    for what in (meta.id, meta.dataset_id, meta.source_id):
        if not _PART.fullmatch(what):
            raise InputError(f'"{what}" can\'t be the id of a source, dataset or vintage.', code="bad_id")
    wanted = (meta.source_id, meta.dataset_id, meta.id)
    for o in rows:
        if (o.source_id, o.dataset_id, o.vintage_id) != wanted:
            found = f"{o.source_id}/{o.dataset_id}/{o.vintage_id}"
            raise SourceError(f"the row {o.obs_id} belongs to {found}.", where="/".join(wanted), code="other_vintage")
