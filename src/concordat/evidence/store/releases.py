"""Releases: a name for exactly these vintages, this catalogue and these blocs, that never comes to mean anything else.

A report names one release, and whoever has the release can build the report again. Its hash is the SHA-256 of the
canonical JSON of its vintages (each with its logical hash), the catalogue's hash and the bloc table's hash; the moment
it was made is not part of it, so two machines agree. A release without a name is called `auto-` and the first 8 digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from concordat import canonical, clock
from concordat.errors import InputError, StateError, TrustError

if TYPE_CHECKING:
    from concordat.evidence.store._store import Store
    from concordat.evidence.store.catalog import Vintage

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, order=True)
class ReleaseVintage:
    """A vintage as a release names it: by its dataset, its id and the hash of what it says."""

    dataset_id: str
    vintage_id: str
    logical_hash: str

    @property
    def ref(self) -> str:
        """`cia_factbook/0.1.2-3fa1c09b-p1`."""
        return f"{self.dataset_id}/{self.vintage_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A named, immutable list of vintages, sorted by dataset and id."""

    name: str
    made_at: datetime
    catalogue_hash: str
    blocs_hash: str
    vintages: tuple[ReleaseVintage, ...]
    hash: str

    def as_dict(self) -> dict[str, object]:
        """What a report keeps of its release (without the moment it was made)."""
        return {
            "name": self.name,
            "hash": self.hash,
            "catalogue_hash": self.catalogue_hash,
            "blocs_hash": self.blocs_hash,
            "vintages": [
                {"dataset": v.dataset_id, "vintage": v.vintage_id, "logical_hash": v.logical_hash}
                for v in self.vintages
            ],
        }


def release_hash(vintages: Iterable[ReleaseVintage], catalogue_hash: str, blocs_hash: str) -> str:
    """SHA-256 over what a release consists of."""
    rows = [[v.dataset_id, v.vintage_id, v.logical_hash] for v in sorted(vintages)]
    return canonical.digest({"vintages": rows, "catalogue_hash": catalogue_hash, "blocs_hash": blocs_hash})


def auto_name(release_sha256: str) -> str:
    """The name of a release that nobody named."""
    return f"auto-{release_sha256[:8]}"


def make_release(
    store: Store, name: str | None, vintages: Iterable[Vintage], catalogue_hash: str, blocs_hash: str
) -> Release:
    """Make a release, or find the same one again.

    Raises:
        InputError: the name can't be one.
        StateError: the name already stands for something else.
    """
    named = tuple(sorted(ReleaseVintage(v.dataset_id, v.id, v.logical_hash) for v in vintages))
    sha256 = release_hash(named, catalogue_hash, blocs_hash)
    name = auto_name(sha256) if name is None else name
    _check_name(name, sha256)
    with store.lock.held():
        known = _load(store, name)
        if known is not None:
            if known.hash != sha256:
                raise StateError(
                    f"the release {name} already stands for other data ({known.hash[:12]}, not {sha256[:12]}).",
                    where=str(store.data_dir),
                    hint="A release never changes. Choose another name.",
                    code="release_exists",
                )
            return known
        with store.catalog.transaction() as db:
            made_at = clock.now()
            values = (name, made_at.isoformat(), catalogue_hash, blocs_hash, sha256)
            db.execute("INSERT INTO releases VALUES (?, ?, ?, ?, ?)", values)
            rows = [(name, v.dataset_id, v.vintage_id, v.logical_hash) for v in named]
            db.executemany("INSERT INTO release_vintages VALUES (?, ?, ?, ?)", rows)
    return Release(
        name=name, made_at=made_at, catalogue_hash=catalogue_hash, blocs_hash=blocs_hash, vintages=named, hash=sha256
    )


def find_release(store: Store, name: str) -> Release | None:
    """The release of this name with its hash and its vintages checked, or None.

    Raises:
        TrustError: the release is not what was stored, or a vintage has other rows than the release names.
        StateError: a vintage of the release is missing from this store.
    """
    release = _load(store, name)
    if release is None:
        return None
    missing = []
    for named in release.vintages:
        vintage = store.catalog.vintage(named.dataset_id, named.vintage_id)
        if vintage is None:
            missing.append(named.ref)
        elif vintage.logical_hash != named.logical_hash:
            wanted, found = named.logical_hash[:12], vintage.logical_hash[:12]
            raise TrustError(
                f"the release {name} names {named.ref} with rows {wanted}; the store has {found}.",
                where=str(store.data_dir),
                hint="Restore the store from a copy.",
                code="release",
            )
    if missing:
        raise missing_vintages(store, name, missing)
    return release


def names(store: Store) -> list[str]:
    """The names of all releases, oldest first."""
    return [str(row[0]) for row in store.catalog.rows("SELECT name FROM releases ORDER BY made_at, name")]


def require_same_tables(release: Release, catalogue_hash: str, blocs_hash: str) -> None:
    """Refuse to build from a release with another indicator catalogue or bloc table than it names.

    Raises:
        TrustError: naming the table that differs.
    """
    for what, expected, found in (
        ("the indicator catalogue", release.catalogue_hash, catalogue_hash),
        ("the bloc table", release.blocs_hash, blocs_hash),
    ):
        if expected != found:
            raise TrustError(
                f"the release {release.name} was made with {what} {expected[:12]}; this program has {found[:12]}.",
                hint="Install the version of concordat named in the report's manifest, or make a new release.",
                code="release_tables",
            )


def missing_vintages(store: Store, name: str, missing: Iterable[str]) -> StateError:
    """The error when a release can't be had because vintages are not in this store."""
    listed = ", ".join(sorted(missing))
    return StateError(
        f"the release {name} needs vintages that are not here: {listed}.",
        where=str(store.data_dir),
        hint="Load them, or set CONCORDAT_DATA_DIR to the store in which the release was made.",
        code="missing_vintages",
    )


def _load(store: Store, name: str) -> Release | None:
    rows = store.catalog.rows("SELECT * FROM releases WHERE name = ?", (name,))
    if not rows:
        return None
    query = "SELECT dataset_id, vintage_id, logical_hash FROM release_vintages WHERE release = ?"
    named = tuple(sorted(ReleaseVintage(*row) for row in store.catalog.rows(query, (name,))))
    _, made_at, catalogue_hash, blocs_hash, sha256 = rows[0]
    found = release_hash(named, catalogue_hash, blocs_hash)
    if found != sha256:
        raise _not_itself(store, name, sha256, found)
    try:
        moment = datetime.fromisoformat(made_at)
    except (TypeError, ValueError):
        raise _not_itself(store, name, "the moment it was made", repr(made_at)) from None
    return Release(
        name=name,
        made_at=moment,
        catalogue_hash=catalogue_hash,
        blocs_hash=blocs_hash,
        vintages=named,
        hash=sha256,
    )


def _not_itself(store: Store, name: str, expected: str, found: str) -> TrustError:
    return TrustError(
        f"the release {name} is not what was stored: expected {expected}, found {found}.",
        where=str(store.catalog.path),
        hint="Restore catalog.sqlite from a copy.",
        code="release",
    )


def _check_name(name: str, sha256: str) -> None:
    if not _NAME.fullmatch(name):
        hint = "Use up to 64 letters, digits, dots and dashes, such as 2026-11."
        raise InputError(f'"{name}" can\'t name a release.', hint=hint, code="release_name")
    if name.startswith("auto-") and name != auto_name(sha256):
        hint = "Names that begin with auto- are made from the release's hash; choose another."
        raise InputError(
            f'"{name}" can\'t name this release, whose hash is {sha256[:8]}.', hint=hint, code="release_name"
        )
