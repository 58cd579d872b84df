"""What tests of durable hosts share: a room on a host, and a way to break a stored ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clearing_core_kit import NOON, C, D, account, document, secret_of
from concordat import canonical
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, sign
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, operations, world
from concordat.errors import ConcordatError
from concordat.node.clearing.sqlite import SqliteHost


def scheme() -> Scheme:
    return Scheme.from_document(document())


def uetr(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def say(kind: str, member: str, number: int, **facts: Any) -> Signed:
    """A signed instruction, valid for the whole of a test."""
    common = {"kind": kind, "uetr": uetr(number), "member": member, "valid_from": NOON - 1, "valid_until": NOON + 10**8}
    return sign(canonical.dumps({**common, **facts}), [secret_of(member)], "test-room")


def pay(number: int, amount: int = 5, payer: str = C, payee: str = D) -> Signed:
    return say("transfer", payer, number, payer=account(payer), payee=account(payee), amount_minor=str(amount))


def funded(host: Any) -> Any:
    """Three blocks: money issued, given to C, and a first payment of it to D (uetr 3)."""
    host.submit(say("issue", "AAAABRSP", 1, currency="BRL", amount_minor="1000"))
    host.step(NOON)
    host.submit(pay(2, 900, "AAAABRSP", C))
    host.step(NOON + 1_000)
    host.submit(pay(3, 7))
    host.step(NOON + 2_000)
    return host


def ledger(path: Path) -> Path:
    """A stored ledger of three blocks, closed."""
    funded(SqliteHost(path, scheme())).close()
    return path


def change(path: Path, *statements: str | tuple[str, Sequence[Any]]) -> None:
    """Break a stored ledger with SQL."""
    db = sqlite3.connect(path)
    for one in statements:
        db.execute(*((one,) if isinstance(one, str) else one))
    db.commit()
    db.close()


def feed(hosts: Sequence[Any], count: int, seed: int, each: Callable[[int], None] = lambda number: None) -> None:
    """The same made-up operations to several hosts; the first one's state is looked at for certificates."""
    for number, turn in enumerate(operations(seed, count, look=lambda: hosts[0].state, real_signatures=False), start=1):
        for signed in turn.instructions:
            for host in hosts:
                try:
                    host.submit(signed)
                except ConcordatError:
                    continue
        first, *others = [host.step(turn.time_ms).leaves for host in hosts]
        assert all(list(leaves) == list(first) for leaves in others)
        each(number)


def made_up() -> MemoryHost:
    """A host in memory with the members of `simulate.operations`, which lets all signatures pass."""
    return MemoryHost(world().scheme, accept_all)
