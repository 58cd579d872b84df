"""What tests of backup, restore, upgrade and jobs share: small nodes, and a disk that ends at any call."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from concordat import clock
from concordat.node import exchange_store
from concordat.node.abci_genesis import Genesis
from concordat.node.abci_ledger import Block, EngineLedger
from concordat.node.audit_log import AuditLog
from concordat.node.exchange_store import ExchangeStore
from concordat.node.harvest_store import HarvestStore
from concordat.node.hashed_files import HashedFiles
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker
from concordat.node.people_store import PeopleStore
from concordat.node.taxii_store import TaxiiStore
from unit_node import found

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = ("one", "two", "three")


def small_home(root: Path, ids: tuple[str, ...] = ("BRA",)) -> Path:
    """The first member's node, with three entries, people, and two files."""
    with clock.fixed("2026-11-20"):
        home = found(root, ids)[0]
        with Node(home) as node:
            for word in WORDS:
                node.write("Said", {"word": word}, "council")
                node.tick()
    people = PeopleStore(home / "people.db", create=True)
    AuditLog(people).append("login", "account-1", 1_000, how="password")
    people.close()
    files = HashedFiles(home / "files")
    files.put(b"a result")
    files.put(b"another result")
    return home


def with_engine(home: Path) -> Path:
    """The node with an engine's ledger: a genesis, and one block of its own three entries."""
    folder = home / "engine"
    folder.mkdir(mode=0o700)
    with Onlooker(home) as node:
        ledger = EngineLedger(folder / "ledger.db", node.chain)
        ledger.begin(Genesis("BRICS", "brics-1", node.chain.pinned, 1, 1_795_000_000, ((b"k" * 32, 1),)))
        leaves = tuple(entry.leaf for entry in node.replica.own.entries)
        ledger.finalize(Block(1, b"h" * 32, 1_795_000_100, leaves))
        ledger.commit()
        ledger.close()
    return home


def with_exchange(home: Path) -> Path:
    """The node with a store of the exchange, tables of all its parts, and one token."""
    path = home / exchange_store.FILE
    store = ExchangeStore(path)
    store.put_token("a token", "urn:uuid:00000000-0000-4000-8000-000000000001", 1_795_000_000)
    store.close()
    HarvestStore(path).close()
    TaxiiStore(path, lambda: 0).close()
    return home


def copied(home: Path, target: Path) -> Path:
    """A node's folder once more."""
    shutil.copytree(home, target)
    return target


class Crash(BaseException):
    """The power goes: nothing that follows happens."""


CALLS = ("fsync", "mkdir", "open", "rename", "replace", "rmdir", "unlink")


@contextmanager
def failing(at: int, how: str) -> Iterator[Callable[[], int]]:
    """The `at`-th call that changes the disk fails, counted from 1.

    Args:
        at: 0 for none. how: `crash`: it and all that follow raise `Crash`; `full`: it alone finds no space left.

    Yields:
        A function that says how many calls there were.
    """
    count, dead = 0, False
    originals = {name: getattr(os, name) for name in CALLS}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count, dead
            flags = arguments[1] if name == "open" and len(arguments) > 1 else 0
            if name == "open" and not flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                return originals[name](*arguments, **named)  # reading changes nothing
            if dead:
                raise Crash
            count += 1
            if count == at:
                if how == "crash":
                    dead = True
                    raise Crash
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "the disk")
            if name == "fsync":
                return None  # counted, not awaited: here the process ends, and no power is cut
            return originals[name](*arguments, **named)

        return call

    for name in CALLS:
        setattr(os, name, wrapped(name))
    try:
        yield lambda: count
    finally:
        for name, original in originals.items():
            setattr(os, name, original)
