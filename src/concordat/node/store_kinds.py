"""Which stores a node has: the one table that backup, restore, upgrade and `doctor` read.

A store is a SQLite file in the node's folder with a table `meta` whose row `schema` says its version. What is signed or
hashed for ever is listed as protected: no upgrade step may write there (`upgrade` refuses it while a step runs, and a
tidy test reads the steps). An engine's ledger (`abci_ledger`) is a log's file in a folder of its own. The clearing
ledger and the evidence are stores of their own rooms and are not listed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from concordat.errors import StateError, TrustError
from concordat.node import exchange_store, people_store, store


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One store.

    Attributes:
        name: as in messages and manifests. file: in the node's folder. version: that this program writes and reads.
        needed: whether every node has it. protected: tables whose rows are never rewritten.
    """

    name: str
    file: str
    version: int
    needed: bool
    protected: tuple[str, ...]


STORES = (
    StoreKind("log", "log.db", store.SCHEMA, True, ("entry", "tile", "head", "note", "paper")),
    StoreKind("people", "people.db", people_store.SCHEMA, False, ("audit",)),
    StoreKind("exchange", exchange_store.FILE, exchange_store.SCHEMA, False, ()),
    StoreKind("engine", "engine/ledger.db", store.SCHEMA, False, ("entry", "tile", "head", "note", "paper")),
)


def present(home: Path, *, needed: bool = True) -> list[tuple[StoreKind, Path]]:
    """The stores that a node has in its folder.

    Args:
        needed: whether what every node has must be there; not where it is in PostgreSQL.

    Raises:
        StateError: one that every node has is missing, or one is a symbolic link to nowhere.
    """
    found = []
    for kind in STORES:
        path = home / kind.file
        if path.is_file():
            found.append((kind, path))
        elif (needed and kind.needed) or path.is_symlink():
            raise StateError("the store is missing.", where=str(path), hint="Restore a backup.", code="no_store")
    return found


def reading(path: Path) -> sqlite3.Connection:
    """A connection that can't write.

    Raises:
        StateError: it can't be opened.
    """
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
    except sqlite3.Error as error:
        raise StateError(f"can't be opened: {error}.", where=str(path), code="store") from None


def version_of(db: sqlite3.Connection, where: str) -> int:
    """The version that a store says it has.

    Raises:
        TrustError: it says none: damaged, or no store of ours.
    """
    try:
        (found,) = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        return int(found)
    except (sqlite3.Error, TypeError, ValueError) as error:
        what = f"not a store of a node, or damaged ({error})."
        raise TrustError(what, where=where, hint="Restore a backup.", code="damaged") from None


def require_known(kind: StoreKind, version: int, where: str) -> None:
    """This program can read a store of that version.

    Raises:
        StateError: it was written by a newer one.
    """
    if version > kind.version:
        raise StateError(
            f"of a newer program (store version {version}; this one reads {kind.version}). Nothing was changed.",
            where=where,
            hint="Install a newer Concordat.",
            code="newer",
        )


def require_whole(db: sqlite3.Connection, where: str) -> None:
    """SQLite's own check of every page.

    Raises:
        TrustError: it found damage.
    """
    try:
        (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise TrustError(f"the file is damaged: {found}.", where=where, hint="Take another backup.", code="damaged")
