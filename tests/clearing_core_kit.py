"""A small clearing room for tests: four central banks, six banks, and words to say things with.

room = Room()
room.fund("CCCCBRSP/BRL", 500)
room.code("transfer", "CCCCBRSP", payer="CCCCBRSP/BRL", payee="DDDDINBB/BRL", amount_minor="7")   # "settled"
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from concordat import canonical
from concordat.clearing.core.apply import Applied, Block, build
from concordat.clearing.core.invariants import Watch
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, sign
from concordat.clearing.core.state import State
from concordat.clearing.scheme_file import new_document
from concordat.ledger.keys import Ed25519Secret

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 20_000 * DAY + 12 * HOUR  # 2024-10-04, 12:00 UTC
ISSUERS = {"BRL": "AAAABRSP", "INR": "BBBBINBB", "ZAR": "EEEEZAJJ"}
BANKS = {
    "CCCCBRSP": ("AAAABRSP", ("BRL", "INR")),
    "DDDDINBB": ("BBBBINBB", ("BRL", "INR")),
    "FFFFBRSP": ("AAAABRSP", ("BRL",)),
    "GGGGINBB": ("BBBBINBB", ("BRL", "INR", "ZAR")),
}
DECISION = "sha256:" + "d0" * 32
LIST = "sha256:" + "11" * 32


def secret_of(bic8: str, number: int = 0) -> Ed25519Secret:
    return Ed25519Secret(hashlib.sha256(f"test key of {bic8}, {number}".encode()).digest())


def document(**parts: Any) -> dict[str, Any]:
    """A scheme in which everybody may pay everybody at all hours, unless `parts` says otherwise."""
    keys = {bic8: secret_of(bic8).public.hex() for bic8 in (*ISSUERS.values(), *BANKS)}
    return new_document("test-room", ISSUERS, BANKS, keys, **parts)


def account(bic8: str, code: str = "BRL") -> str:
    return f"{bic8}/{code}"


A, B, C, D, F, G = "AAAABRSP", "BBBBINBB", "CCCCBRSP", "DDDDINBB", "FFFFBRSP", "GGGGINBB"


class Room:
    """A state, its clock, and the blocks so far. Every block is looked at by all invariants."""

    def __init__(self, watch: bool = True, now: int = NOON, **parts: Any) -> None:
        self.scheme = Scheme.from_document(document(**parts))
        self.state = State.genesis(self.scheme)
        self.now = now
        self.blocks: list[Block] = []
        self.leaves: list[list[bytes]] = []
        self.applied: Applied | None = None
        self.watch = Watch(self.state) if watch else None
        self._said = 0

    def uetr(self) -> str:
        self._said += 1
        return str(uuid.UUID(bytes=hashlib.sha256(str(self._said).encode()).digest()[:16], version=4))

    def say(self, kind: str, member: str, *others: str, key: int = 0, **facts: Any) -> Signed:
        """A signed instruction, valid for an hour."""
        said = {
            "kind": kind,
            "uetr": self.uetr(),
            "member": member,
            "valid_from": self.now,
            "valid_until": self.now + HOUR,
        }
        payload = canonical.dumps({**said, **facts})
        return sign(payload, [secret_of(member, key), *map(secret_of, others)], self.scheme.name)

    def block(self, *said: Signed, after: int = 1_000) -> list[Receipt]:
        """Make a block of what is said, `after` ms later; its receipts."""
        self.now += after
        block, applied = build(self.state, self.now, said)
        self.blocks.append(block)
        self.leaves.append(applied.leaves)
        self.applied = applied
        if self.watch:
            self.watch.see(self.state, applied.leaves)
        return list(applied.receipts)

    def receipt(self, kind: str, member: str, *others: str, **facts: Any) -> Receipt:
        """Say one thing in a block of its own; its receipt."""
        one = self.say(kind, member, *others, **facts)
        return next(r for r in self.block(one) if (r.uetr, r.kind) == (one.instruction.uetr, kind))

    def code(self, kind: str, member: str, *others: str, **facts: Any) -> str:
        return self.receipt(kind, member, *others, **facts).code

    def fund(self, name: str, amount: int) -> None:
        """Issue money and pass it on."""
        issuer = ISSUERS[name[9:12]]
        assert self.code("issue", issuer, currency=name[9:12], amount_minor=str(amount)) == "settled"
        if name != f"{issuer}/{name[9:12]}":
            assert self.pay(f"{issuer}/{name[9:12]}", name, amount) == "settled"

    def transfer(self, payer: str, payee: str, amount: int, **facts: Any) -> Signed:
        return self.say("transfer", payer[:8], payer=payer, payee=payee, amount_minor=str(amount), **facts)

    def pay(self, payer: str, payee: str, amount: int, **facts: Any) -> str:
        one = self.transfer(payer, payee, amount, **facts)
        return next(r for r in self.block(one) if r.uetr == one.instruction.uetr).code

    def batch(self, payer: str, rows: Sequence[tuple[str, int]], uetrs: Sequence[str] = (), **facts: Any) -> Signed:
        columns = {
            "uetr": list(uetrs) or [self.uetr() for _ in rows],
            "payee": [payee for payee, _ in rows],
            "amount_minor": [str(amount) for _, amount in rows],
        }
        return self.say("transfer_batch", payer[:8], payer=payer, rows=columns, **facts)

    def balance(self, name: str) -> int:
        return self.state.accounts[name].balance if name in self.state.accounts else 0


def codes(receipts: Sequence[Receipt]) -> Mapping[str, str]:
    """uetr -> the last code."""
    return {one.uetr: one.code for one in receipts}


def trade_legs(one: str, other: str, brl: int, inr: int) -> list[dict[str, str]]:
    """`one` pays BRL to `other` and gets INR."""
    return [
        {"payer": f"{one}/BRL", "payee": f"{other}/BRL", "amount_minor": str(brl)},
        {"payer": f"{other}/INR", "payee": f"{one}/INR", "amount_minor": str(inr)},
    ]
