"""Is a report what it was when it was written? Everything in its folder is hashed and computed again.

Without a store: every file against the manifest; every record against its own id; every derived number computed again
from its inputs; every cell against the record it prints; the study's hash, and its release against the one that the
records are from. With a store that holds the report's vintages, every record is followed to the publisher's bytes as
well, as `evidence.trace` does for one.

What this can't see without a store: a report and its manifest changed together, from figures that the publisher never
printed. Compare the release's hash and the study's with ones that you had from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError, TrustError
from concordat.evidence.manifest import Manifest, file_faults, read_manifest
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Provenance, read_provenance
from concordat.evidence.provenance import Derived, parts_of, recompute, text_hash
from concordat.evidence.store.releases import ReleaseVintage, release_hash
from concordat.evidence.trace import Tracer
from concordat.report import derivations
from concordat.report.inputs import STUDY_FILE
from concordat.report.study import read_study

if TYPE_CHECKING:
    from concordat.evidence.store import Store

PROVENANCE = "provenance.json"
_REBUILD = "Build it again with: concordat assess --study study.yaml"


@dataclass(frozen=True, slots=True)
class Checked:
    """How many things of a report were checked, and what is wrong with some of them.

    Attributes:
        computed: derived numbers that were computed again.
        followed: records that were followed to their bytes; none where the store lacks `lacking`.
    """

    folder: Path
    files: int
    records: int
    computed: int
    cells: int
    followed: int
    lacking: tuple[str, ...]
    faults: tuple[TrustError, ...]


def check_report(folder: Path, store: Store | None = None) -> Checked:
    """Check a report's folder; faults are collected, so that one run shows how far the damage goes.

    Raises:
        InputError: this is no report's folder.
        TrustError: its manifest or its provenance file can't be read as what they were.
        StateError: this program lacks a function that the report was made with.
    """
    faults: dict[str, TrustError] = {}

    def attempt(work: Callable[[], object]) -> None:
        try:
            work()
        except TrustError as error:
            faults.setdefault(str(error), error)

    manifest = read_manifest(folder)
    faults.update((str(fault), fault) for fault in file_faults(folder, manifest))
    if faults:  # what is inside a changed file is no longer of interest
        return Checked(folder, len(manifest.files), 0, 0, 0, 0, (), tuple(faults.values()))
    for name in (PROVENANCE, STUDY_FILE):
        if name not in manifest.files:
            what = f"names no {name}, which every report has."
            raise TrustError(what, where=str(folder / "manifest.json"), hint=_REBUILD, code="manifest")
    where = str(folder / PROVENANCE)
    said = read_provenance((folder / PROVENANCE).read_bytes(), where=where)
    attempt(lambda: _check_study(folder, manifest, said))
    for name in said.cells:
        attempt(lambda name=name: _check_cell(said, name, where))  # type: ignore[misc]
    lacking = _lacking(said, store)
    derived = [r for r in said.records.values() if isinstance(r, Derived)]
    if store is not None and not lacking:
        tracer = Tracer(store, said, folder, derivations.load)  # it computes again what it follows
        for record_id in said.records:
            attempt(lambda record_id=record_id: tracer.whole(record_id, ""))  # type: ignore[misc]
    else:
        for record in derived:
            derivations.load(record.function)
            attempt(lambda record=record: recompute(record, said.records.__getitem__))  # type: ignore[misc]
    followed = 0 if store is None or lacking else len(said.records)
    return Checked(
        folder, len(manifest.files), len(said.records), len(derived), len(said.cells), followed, lacking,
        tuple(faults.values()),
    )  # fmt: skip


def _lacking(said: Provenance, store: Store | None) -> tuple[str, ...]:
    """The vintages of the report's records that the store doesn't hold."""
    wanted = {f"{r.dataset_id}/{r.vintage_id}" for r in said.records.values() if isinstance(r, Observation)}
    here = {v.ref for v in store.vintages()} if store is not None else set()
    return tuple(sorted(wanted - here))


def _check_cell(said: Provenance, name: str, where: str) -> None:
    cell = said.cells[name]
    record = said.records.get(cell.id)
    if record is None or cell.part not in parts_of(record):
        what = f"the cell {name} prints {cell.part} of {cell.id}, which the report doesn't have."
        raise TrustError(what, where=where, hint=_REBUILD, code="record")


def _check_study(folder: Path, manifest: Manifest, said: Provenance) -> None:
    """The study is the one that the manifest names, and its release that of the records."""
    path = folder / STUDY_FILE
    data = path.read_bytes()
    _equal(str(path), "SHA-256 of the study", manifest.study_sha256, text_hash(data))
    try:
        study = read_study(data, where=str(path))
        release = said.release
        vintages = [ReleaseVintage(v["dataset"], v["vintage"], v["logical_hash"]) for v in release["vintages"]]
        names = (str(release["name"]), str(release["hash"]))
        found = release_hash(vintages, release["catalogue_hash"], release["blocs_hash"])
    except (ConcordatError, LookupError, TypeError) as error:
        what = f"the study or the release can't be read ({type(error).__name__}: {error})."
        raise TrustError(what, where=str(path), hint=_REBUILD, code="study") from None
    _equal(str(folder / PROVENANCE), "hash of the release", names[1], found)
    for where, what in ((folder / "manifest.json", manifest.release), (path, study.release)):
        _equal(str(where), "name of the release", names[0], what)
    named = [ReleaseVintage(v.dataset, v.vintage, v.logical_hash) for v in study.vintages]
    _equal(str(path), "list of vintages", _listed(vintages), _listed(named))


def _listed(vintages: list[ReleaseVintage]) -> str:
    return ", ".join(f"{v.ref} (rows {v.logical_hash[:12]})" for v in sorted(vintages))


def _equal(where: str, what: str, expected: str, found: str) -> None:
    if found != expected:
        said = f"the {what} is not what it was: expected {expected}, found {found}."
        raise TrustError(said, where=where, hint=_REBUILD, code="study")
