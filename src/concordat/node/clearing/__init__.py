"""The clearing room's disk: hosts that make blocks durable, their audit, and the register of message schemas.

host = open_host("ledger.db", scheme)           # or "postgresql:///clearing"; the scheme founds an empty one
host.submit(signed); host.step(time_ms)         # when `step` returns, the block is on the disk
verify("ledger.db")                             # chain, signatures, receipts, roots, invariants: raises at a fault
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.clearing.core.scheme import Scheme
    from concordat.node.clearing.audit import Audit
    from concordat.node.clearing.durable import DurableHost
    from concordat.node.clearing.tables import Store

__all__ = ["is_postgres", "open_host", "open_store", "verify"]


def is_postgres(where: str | Path) -> bool:
    """Whether an address is one of PostgreSQL; all else is a file."""
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


def open_host(where: str | Path, scheme: Scheme | None = None, **options: Any) -> DurableHost:
    """Open a host as its one writer.

    Args:
        where: a file, or `postgresql://...`. scheme: founds it where nothing is. options: as `SqliteHost`,
            `PostgresHost`.

    Raises:
        StateError, TrustError, MethodError: as the hosts.
    """
    if is_postgres(where):
        from concordat.node.clearing.postgres import PostgresHost

        return PostgresHost(str(where), scheme, **options)
    from concordat.node.clearing.sqlite import SqliteHost

    return SqliteHost(Path(where), scheme, **options)


def open_store(where: str | Path) -> Store:
    """Open what is there to read it, beside whoever writes.

    Raises:
        StateError: nothing is there. TrustError: damaged. MethodError: an extra is missing.
    """
    from concordat.node.clearing.loading import driver, is_founded, no_ledger

    store = _store(where)
    try:
        with driver(store):
            if not is_founded(store):
                raise no_ledger(store)
            store.settle()
    except BaseException:
        store.close()
        raise
    return store


def _store(where: str | Path) -> Store:
    if is_postgres(where):
        from concordat.node.clearing.postgres import PostgresStore

        return PostgresStore(str(where), writer=False)
    from concordat.node.clearing.sqlite import SqliteStore

    return SqliteStore(Path(where), writer=False)


def verify(where: str | Path, **options: Any) -> Audit:
    """Audit a ledger without changing it: see `audit.verify_store`.

    Raises:
        TrustError: the first fault, with its height.
    """
    from concordat.node.clearing.audit import verify_store

    store = open_store(where)
    try:
        return verify_store(store, **options)
    finally:
        store.close()
