"""One data directory: bodies, vintages, releases, opened together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from concordat.errors import InputError, SourceError, StateError
from concordat.evidence.licences import require_same_licence
from concordat.evidence.store import _files, releases, tables
from concordat.evidence.store.catalog import Catalog, Vintage, VintageMeta, list_hash
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
        self,
        meta: VintageMeta,
        observations: Iterable[Observation],
        problems: Iterable[Problem] = (),
        quarantine: Iterable[tuple[str, str, str]] = (),
    ) -> Vintage:
        """Store a vintage. Storing the same rows again changes nothing; a missing file is written again.

        Args:
            problems: what the parser had to say.
            quarantine: rows to keep aside, (obs_id, rule, why); they are stored and not used.

        Raises:
            SourceError: a row breaks an invariant, or belongs to another vintage.
            StateError: the vintage is already stored with other rows; disk full; no permission; another writer.
        """
        rows = tables.sort_rows(observations)
        _check_belongs(meta, rows)
        tables.check_rows(rows, where=f"{meta.dataset_id}/{meta.id}")
        said = [(p.rule, p.severity, p.where, p.text, p.indicator_id, p.area) for p in problems]
        aside = sorted(quarantine)
        found = tables.logical_hash(o.row_hash for o in rows)
        with self.lock.held():
            known = self.catalog.vintage(meta.dataset_id, meta.id)
            if known is not None:
                return self._again(known, found, rows)
            vintage = Vintage(
                **{name: getattr(meta, name) for name in VintageMeta.__slots__},
                row_count=len(rows),
                logical_hash=found,
                file_sha256=tables.write_table(rows, self.path(meta), self.lock.tmp),
                problems_hash=list_hash(said),
                quarantine_hash=list_hash(aside),
            )
            self.catalog.add_vintage(vintage, said, aside)
        return vintage

    def adopt_vintage(
        self, meta: VintageMeta, file: bytes, row_count: int, logical_hash: str, problems: Iterable[Problem] = ()
    ) -> Vintage:
        """Store a vintage whose rows stand in a file that another store of ours wrote; its rows are checked on reading.

        Of a vintage that is here already a missing file is put back, whatever is now said of its licence or origin.

        Args:
            file: the Parquet file; `row_count` and `logical_hash` are said of its rows.
            problems: what the parser had to say.

        Raises:
            StateError: the vintage is already stored with another file; disk full; no permission; another writer.
        """
        said = [(p.rule, p.severity, p.where, p.text, p.indicator_id, p.area) for p in problems]
        vintage = Vintage(
            **{name: getattr(meta, name) for name in VintageMeta.__slots__},
            row_count=row_count,
            logical_hash=logical_hash,
            file_sha256=hashlib.sha256(file).hexdigest(),
            problems_hash=list_hash(said),
            quarantine_hash=list_hash([]),
        )
        with self.lock.held():
            known = self.catalog.vintage(meta.dataset_id, meta.id)
            if known is not None and not _same_rows(known, vintage):
                what = f"{known.ref} is already stored, and not as this file."
                raise StateError(what, where=str(self.path(known)), code="vintage_exists")
            temporary = self.lock.tmp / self.path(vintage).name
            _files.write_bytes(temporary, file)
            _files.put_in_place(temporary, self.path(vintage))
            if known is not None:
                return known
            self.catalog.add_vintage(vintage, said, [])
        return vintage

    def _again(self, known: Vintage, found: str, rows: Sequence[Observation]) -> Vintage:
        if known.logical_hash != found:
            raise StateError(
                f"{known.ref} is already stored with other rows ({known.logical_hash[:12]}, now {found[:12]}).",
                where=str(self.path(known)),
                hint="A vintage never changes; give new figures a new vintage id.",
                code="vintage_exists",
            )
        path = self.path(known)
        if path.exists():
            return known
        file_sha256 = tables.write_table(rows, path, self.lock.tmp)
        if file_sha256 != known.file_sha256:  # another edition of DuckDB writes the same rows as other bytes
            path.unlink()
            raise StateError(
                f"the file of {known.ref} is lost and can't be made again byte for byte: expected SHA-256 "
                f"{known.file_sha256}, found {file_sha256}.",
                where=str(path),
                hint="Restore the file from a copy, or begin a new store: set CONCORDAT_DATA_DIR to an empty folder.",
                code="lost_file",
            )
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
        expected = vintage.logical_hash
        return tables.read_table(
            self.path(vintage), expected=expected, file_sha256=vintage.file_sha256, every_row=every_row
        )

    def problems(self, vintage: Vintage) -> list[Problem]:
        """What the parser had to say about a vintage, in its order.

        Raises:
            TrustError: the list was changed.
        """
        from concordat.evidence.sources._base import Problem

        names = ("rule", "severity", "where", "text", "indicator_id", "area")
        return [Problem(**dict(zip(names, row, strict=True))) for row in self.catalog.problems(vintage)]

    def quarantine(self, vintage: Vintage) -> Mapping[str, tuple[str, str]]:
        """The rows of a vintage that are kept aside: obs_id -> (rule, why).

        Raises:
            TrustError: the list was changed.
        """
        return {obs_id: (rule, why) for obs_id, rule, why in self.catalog.quarantine(vintage)}

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


def _same_rows(known: Vintage, found: Vintage) -> bool:
    """Whether two vintages are one file of the same rows; texts said of them may have been reworded since."""
    names = ("file_sha256", "logical_hash", "row_count")
    return all(getattr(known, name) == getattr(found, name) for name in names)


def _check_belongs(meta: VintageMeta, rows: Sequence[Observation]) -> None:
    for what in (meta.id, meta.dataset_id, meta.source_id):
        if not _PART.fullmatch(what):
            raise InputError(f'"{what}" can\'t be the id of a source, dataset or vintage.', code="bad_id")
    wanted = (meta.source_id, meta.dataset_id, meta.id)
    for o in rows:
        if (o.source_id, o.dataset_id, o.vintage_id) != wanted:
            found = f"{o.source_id}/{o.dataset_id}/{o.vintage_id}"
            raise SourceError(f"the row {o.obs_id} belongs to {found}.", where="/".join(wanted), code="other_vintage")
