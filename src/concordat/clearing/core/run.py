"""One block being applied: its time, the receipts so far, and the accounts whose queue has to be looked at.

Everything that an instruction's handler needs beside the state. A handler either has its whole effect or refuses before
it has written anything; `refuse` and `receipt` write the receipt, in the order of execution.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any, NamedTuple

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import DAY_MS
from concordat.clearing.core.receipts import receipt_leaf
from concordat.clearing.core.state import State


class Fault(NamedTuple):
    """Why something may not settle: the code, and what the receipt says beside it."""

    code: str
    facts: dict[str, Any]


class Run:
    """The block at work on a state.

    Attributes:
        height, time_ms, day: of this block. previous_root: the state root of the block before, which certificates name.
        leaves: the receipts' bytes so far.
        plain: what shortcuts found to have nothing unusual in it in this block, by payer and payee, or by corridor.
        lines: the highest credit line that an account had in this block before one was set.
        woken: payers whose waiting payments may settle now. woken_trades: keys of trades that may.
    """

    __slots__ = (
        "_heap",
        "day",
        "height",
        "leaves",
        "lines",
        "plain",
        "previous_root",
        "state",
        "time_ms",
        "woken",
        "woken_trades",
    )

    def __init__(self, state: State, height: int, time_ms: int, previous_root: str = "") -> None:
        self.state = state
        self.previous_root = previous_root
        self.height = height
        self.time_ms = time_ms
        self.day = time_ms // DAY_MS
        self.leaves: list[bytes] = []
        self.plain: dict[tuple[str, str, str], bool] = {}
        self.lines: dict[str, int] = {}
        self.woken: set[str] = set()
        self._heap: list[str] = []
        self.woken_trades: set[str] = set()

    def wake(self, account: str) -> None:
        """Something changed for the better at an account: look at what waits there before the block ends."""
        if account in self.state.queue_of:
            self._wake(account)
        if account in self.state.trades_of:
            self.woken_trades.update(self.state.trades_of[account])

    def wake_all(self) -> None:
        """A rule, a window or the day changed: look at everything that waits."""
        for account in self.state.queue_of:
            self._wake(account)
        self.woken_trades.update(self.state.trade)

    def _wake(self, account: str) -> None:
        if account not in self.woken:
            self.woken.add(account)
            heappush(self._heap, account)

    def next_woken(self) -> str:
        """The woken account that comes first, which is woken no more."""
        account = heappop(self._heap)
        self.woken.discard(account)
        return account

    def receipt(self, kind: str, uetr: str, member: str, code: str, facts: dict[str, Any] | None = None) -> bytes:
        """Write a receipt; its bytes."""
        whole = {
            "code": code,
            "height": self.height,
            "index": len(self.leaves),
            "kind": kind,
            "member": member,
            "uetr": uetr,
        }
        if facts:
            whole.update(facts)
        leaf = receipt_leaf(whole)
        self.leaves.append(leaf)
        return leaf

    def done(self, said: Instruction, code: str, facts: dict[str, Any] | None = None) -> None:
        """The receipt of an instruction."""
        self.receipt(said.kind, said.uetr, said.member, code, facts)

    def refuse(self, said: Instruction, fault: Fault, facts: dict[str, Any] | None = None) -> None:
        """The receipt of an instruction that has no effect."""
        self.receipt(said.kind, said.uetr, said.member, fault.code, {**(facts or {}), **fault.facts})


def fault(code: str, **facts: Any) -> Fault:
    """A fault; amounts among its facts become decimal text.

    Facts are codes and figures, no sentences: receipts are hashed, and a second implementation must find the same.
    """
    return Fault(code, {name: str(value) if type(value) is int else value for name, value in facts.items()})


def money_facts(payer: str, payee: str, amount: int, before: int, after: int) -> dict[str, Any]:
    """What the receipt of a payment tells: both accounts, the amount, the payer's balance before and after."""
    return {
        "after": str(after),
        "amount_minor": str(amount),
        "before": str(before),
        "payee": payee,
        "payer": payer,
    }
