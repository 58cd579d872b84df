"""Is everything in a store still what was stored? Every body, vintage and release is read and hashed again.

Reading already checks what it reads; this reads all of it, the lists of problems and of rows kept aside too. Faults are
collected, so that one run shows how far the damage goes: each is the `TrustError` that reading the thing would raise.
What a catalogue can't tell from its own rows is checked across files: each body that a vintage was parsed from is
there, and each retrieval that the catalogue lists stands in `raw/retrievals.jsonl`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import TrustError
from concordat.evidence.store import _files, releases

if TYPE_CHECKING:
    from concordat.evidence.store._store import Store
    from concordat.evidence.store.catalog import Vintage

_BODY = re.compile(r"[0-9a-f]{64}\.gz")
_HINT = "Restore it from a copy, or begin a new store: set CONCORDAT_DATA_DIR to an empty folder."


@dataclass(frozen=True, slots=True)
class Verified:
    """How many things were checked, and what is wrong with some of them."""

    data_dir: Path
    bodies: int
    vintages: int
    releases: int
    faults: tuple[TrustError, ...]


def verify(store: Store) -> Verified:
    """Check every body, vintage and release of a store.

    Raises:
        StateError: the store can't be read, or was written by a newer program.
    """
    faults: dict[str, TrustError] = {}

    def attempt(work: Callable[[], Any]) -> None:
        try:
            work()
        except TrustError as error:
            faults.setdefault(str(error), error)

    bodies = sorted(store.raw.folder.glob("*/*.gz"))
    for path in bodies:
        attempt(lambda path=path: _check_body(store, path))  # type: ignore[misc]
    refs = store.catalog.rows("SELECT dataset_id, id FROM vintages ORDER BY dataset_id, id")
    for dataset_id, vintage_id in refs:
        for check in (_check_vintage, _check_problems, _check_quarantine):
            attempt(lambda check=check, d=dataset_id, v=vintage_id: check(store, _vintage(store, d, v)))  # type: ignore[misc]
    names = releases.names(store)
    for name in names:
        attempt(lambda name=name: store.release(name))  # type: ignore[misc]
    attempt(lambda: _check_retrievals(store))
    return Verified(store.data_dir, len(bodies), len(refs), len(names), tuple(faults.values()))


def _check_body(store: Store, path: Path) -> None:
    if not _BODY.fullmatch(path.name):
        raise TrustError("not a file of this store.", where=str(path), hint="Remove it.", code="raw_body")
    store.raw.get(path.stem)
    if path != store.raw.path(path.stem):
        expected = store.raw.path(path.stem)
        raise TrustError(
            f"in the wrong folder: expected {expected}.", where=str(path), hint="Remove it.", code="raw_body"
        )


def _vintage(store: Store, dataset_id: str, vintage_id: str) -> Vintage:
    vintage = store.catalog.vintage(dataset_id, vintage_id)
    assert vintage is not None, "vintages are never deleted"
    return vintage


def _check_problems(store: Store, vintage: Vintage) -> None:
    store.problems(vintage)


def _check_quarantine(store: Store, vintage: Vintage) -> None:
    store.quarantine(vintage)


def _check_vintage(store: Store, vintage: Vintage) -> None:
    rows = store.observations(vintage)
    if len(rows) != vintage.row_count:
        what = f"{vintage.ref} is not what was stored: expected {vintage.row_count} rows, found {len(rows)}."
        raise TrustError(what, where=str(store.path(vintage)), hint=_HINT, code="vintage")
    for sha256 in vintage.raw:
        if not store.raw.path(sha256).exists():
            store.raw.get(sha256)  # raises: no file


def _check_retrievals(store: Store) -> None:
    """Each retrieval in the catalogue is a line of `retrievals.jsonl` (which may hold more: a crash lies between)."""
    path = store.raw.folder / "retrievals.jsonl"
    said = [str(row[0]) for row in store.catalog.rows("SELECT record FROM retrievals ORDER BY sha256, record")]
    try:
        kept = set(path.read_bytes().decode("utf-8", "replace").split("\n")) if path.exists() else set()
    except OSError as error:
        raise _files.disk_error(error, path) from None
    lost = [record for record in said if record not in kept]
    if lost:
        what = f"not what was stored: expected {len(said)} retrievals, found {len(said) - len(lost)}; first lost: "
        what += f"{lost[0][:200]}."
        raise TrustError(what, where=str(path), hint=_HINT, code="retrievals")
