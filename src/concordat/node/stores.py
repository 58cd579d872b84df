"""Where a node's stores are: two SQLite files in its folder, or one schema of PostgreSQL; opened by the setting.

    open_log(home, settings.database, origin=identity.name("log"))
    open_people(home, settings.database, create=True)

A node has its stores in one place. After `node move-store` the place that was left says so and is refused, so that an
old log can't be signed on by mistake. Source: node-web.md 2.5.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import StateError
from concordat.node.beside import Beside
from concordat.node.people_store import PeopleStore
from concordat.node.postgres import is_postgres
from concordat.node.store import Store

if TYPE_CHECKING:
    from concordat.node.published import Tiles

SQLITE = "sqlite"


def open_log(
    home: Path, database: str = SQLITE, *, origin: str = "", create: bool = False, readonly: bool = False,
    wait_s: float = 0.0,
) -> Store:  # fmt: skip
    """The log's store.

    Args:
        home: the node's folder. database: the setting. origin: of the own log, whose lock a writer holds in
            PostgreSQL. create, readonly: as of the stores. wait_s: how long to wait for that lock.

    Raises:
        StateError: none there, or it can't be opened. MethodError: PostgreSQL without the extra [postgres].
    """
    if not is_postgres(database):
        return Store(home / "log.db", create=create, readonly=readonly)
    if (home / "log.db").exists():
        hint = "Bring them there: concordat node move-store sqlite postgresql"
        what = "the settings say PostgreSQL, and this node's stores are in its folder."
        raise StateError(what, where=str(home / "log.db"), hint=hint, code="two_stores")
    from concordat.node.store_postgres import PostgresStore

    return PostgresStore(database, create=create, readonly=readonly, origin=origin, wait_s=wait_s)


def open_people(home: Path, database: str = SQLITE, *, create: bool = False) -> PeopleStore:
    """The store of people.

    Raises:
        As `open_log`.
    """
    if not is_postgres(database):
        return PeopleStore(home / "people.db", create=create)
    from concordat.node.people_postgres import PostgresPeople

    return PostgresPeople(database, create=create)


def has_people(home: Path, database: str = SQLITE) -> bool:
    """Whether this node knows any people."""
    if not is_postgres(database):
        return (home / "people.db").exists()
    from concordat.node.postgres import Session

    session = Session(database, "look")
    try:
        return "people_meta" in session.tables()
    finally:
        session.close()


def leaves_of(store: Store) -> Beside:
    """The leaves of a store, read beside its writer."""
    address = getattr(store, "address", "")
    if not address:
        return Beside(store.path)
    from concordat.node.store_postgres import PostgresLeaves

    return PostgresLeaves(address)


def tiles_of(store: Store) -> Tiles:
    """The tiles of a store, read beside its writer."""
    from concordat.node.published import Tiles

    address = getattr(store, "address", "")
    if not address:
        return Tiles(store.path)
    from concordat.node.store_postgres import PostgresTiles

    return PostgresTiles(address)
