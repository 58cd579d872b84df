"""The evidence that is always there: the Factbook's package, loaded into the store once and found again afterwards.

The bytes are stored first, then parsed, then the rows are stored as a vintage whose id is made from the package's
version, the content's hash, the parser's version and what the catalogue asks for. So a second run finds the vintage
there; a change in any of the four makes another one beside it. The same id gives the same rows on every machine, which
is why a release made of the embedded default alone can be made again anywhere. It is also why the rows of the four as
they are packaged are taken as they were read when this version was made, where they are at hand (`_read_before`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import TrustError
from concordat.evidence._read_before import read_before
from concordat.evidence.citation import Origin, origin_of
from concordat.evidence.licences import licence
from concordat.evidence.store import Release, ReleaseVintage, Retrieval, Store, Vintage, VintageMeta
from concordat.evidence.store.releases import (
    auto_name,
    find_release,
    missing_vintages,
    release_hash,
    require_same_tables,
)

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.sources.factbook import Edition
    from concordat.evidence.store._files import Progress


def ensure_embedded(
    store: Store, catalogue: Catalogue, factbook_path: Path | None = None, progress: Progress | None = None
) -> Vintage:
    """The vintage of the embedded Factbook, or of the copy in a folder: found, or loaded now.

    Args:
        factbook_path: a folder with another copy; it becomes a vintage of its own.
        progress: told in words what is done, if there is something to do.

    Raises:
        SourceError: the package is missing, or its text is not the one this version was tested with.
        StateError: the store can't be written.
        TrustError: what is stored was changed.
    """
    from concordat.evidence.sources.factbook import DATASET, parse_edition, read_edition, vintage_id
    from concordat.world import bloc_ids, table_hash

    edition = read_edition(factbook_path)
    wanted = vintage_id(edition, catalogue)
    found = _found(store, DATASET, wanted)
    if found is not None:
        return found
    with store.lock.held():
        found = _found(store, DATASET, wanted)  # another process may have been quicker while we waited
        if found is not None:
            return found
        if progress is not None:
            progress(f"Loading The World Factbook ({len(edition.bodies)} files) into {store.data_dir}.")
        stored = store.catalog.vintage(DATASET, wanted)
        if stored is not None:  # its file was deleted: the same rows again, known from the same day
            edition = replace(edition, known_from=stored.known_from, retrieved_at=stored.retrieved_at)
        meta = _meta(edition, wanted)
        store.raw.put_many(edition.bodies.values())
        store.record_retrievals(_retrievals(edition, meta))
        indicators = catalogue.indicators
        store.catalog.describe_blocs(table_hash("blocs.yaml"), bloc_ids())
        store.catalog.describe(
            catalogue.hash, [(i, indicators[i].unit, indicators[i].topic) for i in sorted(indicators)]
        )
        before = read_before(edition, wanted)
        if before is not None and (stored is None or stored.file_sha256 == before.file_sha256):
            return store.adopt_vintage(meta, before.file, before.row_count, before.logical_hash, before.problems)
        observations, problems = parse_edition(edition, catalogue)
        return store.write_vintage(meta, observations, problems)


def latest_vintages(
    store: Store, catalogue: Catalogue, factbook_path: Path | None = None, progress: Progress | None = None
) -> list[Vintage]:
    """The newest vintage of every dataset, by dataset; of the Factbook the one in use, loaded now if it is not there.

    Raises:
        SourceError, StateError, TrustError: as `ensure_embedded`.
    """
    embedded = ensure_embedded(store, catalogue, factbook_path, progress)
    newest = {v.dataset_id: v for v in sorted(store.vintages(), key=lambda v: (v.known_from, v.retrieved_at, v.id))}
    newest[embedded.dataset_id] = embedded
    return [newest[dataset_id] for dataset_id in sorted(newest)]


def rebuild_release(
    store: Store,
    name: str,
    catalogue: Catalogue,
    blocs_hash: str,
    *,
    vintages: Sequence[ReleaseVintage] = (),
    factbook_path: Path | None = None,
    progress: Progress | None = None,
) -> Release:
    """The release a report names: from this store, or made again when it holds the embedded default alone.

    Args:
        vintages: what the report says the release consists of, if it does. A release that is not here is made
            of them where all of them are; otherwise they say what is missing.

    Raises:
        TrustError: the release was made with another catalogue or bloc table, consists of other vintages than the
            report says, or is not what was stored.
        StateError: it can't be had here; the missing vintages are named.
    """
    known = find_release(store, name)
    if known is None:
        embedded = ensure_embedded(store, catalogue, factbook_path, progress)
        known = _made_again(store, name, embedded, catalogue.hash, blocs_hash)
    if known is None and vintages:
        known = _made_of(store, name, vintages, catalogue.hash, blocs_hash)
    if known is None:
        raise missing_vintages(store, name, _missing(store, name, vintages))
    require_same_tables(known, catalogue.hash, blocs_hash)
    if vintages and sorted(vintages) != sorted(known.vintages):
        raise TrustError(
            f"the release {name} here consists of {_listed(known.vintages)}; the study says {_listed(vintages)}.",
            where=str(store.data_dir),
            hint="Another release has this name here; set CONCORDAT_DATA_DIR to the store the study was made with.",
            code="release_vintages",
        )
    return known


def _listed(vintages: Sequence[ReleaseVintage]) -> str:
    return ", ".join(f"{v.ref} (rows {v.logical_hash[:12]})" for v in sorted(vintages))


def _made_of(
    store: Store, name: str, wanted: Sequence[ReleaseVintage], catalogue_hash: str, blocs_hash: str
) -> Release | None:
    """A release made again from its vintages, if this store has all of them; one named by its hash if that agrees."""
    if name.startswith("auto-") and name != auto_name(release_hash(wanted, catalogue_hash, blocs_hash)):
        return None
    here = {ReleaseVintage(v.dataset_id, v.id, v.logical_hash): v for v in store.vintages()}
    if any(v not in here for v in wanted):
        return None
    return store.make_release(name, [here[v] for v in sorted(wanted)], catalogue_hash, blocs_hash)


def _made_again(store: Store, name: str, vintage: Vintage, catalogue_hash: str, blocs_hash: str) -> Release | None:
    named = ReleaseVintage(vintage.dataset_id, vintage.id, vintage.logical_hash)
    if name != auto_name(release_hash([named], catalogue_hash, blocs_hash)):
        return None
    return store.make_release(name, [vintage], catalogue_hash, blocs_hash)


def _missing(store: Store, name: str, vintages: Sequence[ReleaseVintage]) -> list[str]:
    here = {ReleaseVintage(v.dataset_id, v.id, v.logical_hash) for v in store.vintages()}
    missing = [f"{v.ref} (rows {v.logical_hash[:12]})" for v in sorted(vintages) if v not in here]
    if missing:
        return missing
    return ["all its vintages are here, but with another catalogue or bloc table"] if vintages else [f"those of {name}"]


def _found(store: Store, dataset_id: str, vintage_id: str) -> Vintage | None:
    """The vintage, if it is stored and its file is there; a file that was deleted is made again from the bytes."""
    vintage = store.catalog.vintage(dataset_id, vintage_id)
    return vintage if vintage is not None and store.path(vintage).exists() else None


def _meta(edition: Edition, vintage_id: str) -> VintageMeta:
    from concordat.evidence.sources.factbook import DATASET, PACKAGE_VERSION, PARSER_VERSION, SOURCE

    origin = origin_of(DATASET)
    version = edition.version
    if version != PACKAGE_VERSION:
        origin, version = replace(origin, packaged_in=""), "a copy given as a folder"
    return VintageMeta(
        id=vintage_id,
        dataset_id=DATASET,
        source_id=SOURCE,
        published=None,
        known_from=edition.known_from,
        retrieved_at=edition.retrieved_at,
        parser_version=PARSER_VERSION,
        raw=tuple(edition.hashes[path] for path in sorted(edition.hashes)),
        origin=_origin_record(origin, version, edition.content_hash),
        licence=licence(origin.licence).as_dict(),
    )


def _origin_record(origin: Origin, version: str, content_hash: str) -> dict[str, str]:
    return {**asdict(origin), "version": version, "sha256": content_hash}


def _retrievals(edition: Edition, meta: VintageMeta) -> list[Retrieval]:
    packaged = str(meta.origin["packaged_in"])
    come_by = f"{packaged} {edition.version}" if packaged else "copy in a folder"
    return [
        Retrieval(
            sha256=edition.hashes[path],
            method="PACKAGE" if packaged else "FILE",
            url=f"{come_by}: {path}",
            retrieved_at=edition.retrieved_at,
            connector=f"{meta.source_id}@{meta.parser_version}",
        )
        for path in sorted(edition.hashes)
    ]
