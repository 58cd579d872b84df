"""Somebody outside who sees everything and forgets nothing: what must hold over crashes, lies and lost messages.

To the twelve invariants of the core it adds what no single host can see of itself:

    durable    what a member was told stands in the log for ever, and is what the log says
    one answer an instruction that had its effect is never told anything but its first receipt
    money      balances change by what the receipts of the block say, account by account
    whole      what a certificate claims stands behind its receipt, payment by payment
    waiting    the payments that wait in the state are those whose last receipt says so
    door       nothing forged, altered, unsigned, foreign or too large ever stands in a block
    false      a certificate that was made false never settles
    between    no state changes but by a block
    same       a start from the disk, and a second host, come to the same root
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from concordat.clearing.core.apply import Block
from concordat.clearing.core.invariants import INVARIANTS, View, Watch
from concordat.clearing.core.model import DAY_MS, currency_of
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed
from concordat.clearing.core.state import State, last_day
from concordat.errors import TrustError

WAITING = ("queued", "held")
# What stands behind the receipt of a certificate: where it says how many, and their kind and code.
BEHIND = {
    "queue": ("payments", "transfer", "settled"),
    "divisible": ("obligations", "owe", "set_off"),
    "trades": ("trades", "trade", "settled"),
}
_EARLIER = ("id_reused", "not_yet_valid")  # said of another instruction, or of one that may come again


def broken(name: str, what: str, where: str = "") -> TrustError:
    """A promise that was not kept."""
    return TrustError(f"promise {name} is broken: {what}", where=where, code=name)


@dataclass
class Observer:
    """Follows every durable block.

    Attributes:
        log: the receipts of all blocks. blocks: all of them. first: digest of an instruction -> its first receipt.
        waiting: payments whose last receipt says that they wait. forbidden: bytes that may stand in no block.
        false: digests of certificates that were made false. codes: how often each code was given, and how many
            certificates of each problem settled.
    """

    scheme: Scheme
    state: State
    log: list[list[bytes]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    first: dict[bytes, bytes] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    forbidden: set[bytes] = field(default_factory=set)
    false: set[bytes] = field(default_factory=set)
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.balances: dict[str, int] = {}
        self.watch = Watch(self.state)
        self.head = self.state.head

    def see(self, state: State, block: Block, leaves: list[bytes]) -> None:
        """A block that is durable; its host has just applied it.

        Raises:
            TrustError: an invariant or a promise is broken; its name is the code.
        """
        self.watch.see(state, leaves)
        if block.header.height != len(self.blocks) + 1:
            raise broken("durable", f"block {block.header.height} follows {len(self.blocks)}.")
        self.state, self.head = state, block.hash
        self.blocks.append(block)
        self.log.append(list(leaves))
        facts = [json.loads(leaf) for leaf in leaves]
        self._note(facts)
        self._money(state, facts)
        self._whole(facts)
        for signed in block.instructions:
            self._instruction(state, signed, facts)
        if self.waiting != set(state.payment):
            odd = sorted(self.waiting ^ set(state.payment))[0]
            raise broken("waiting", "the state and the receipts differ.", odd)

    def _note(self, facts: Sequence[dict[str, Any]]) -> None:
        for one in facts:
            self.codes[one["code"]] = self.codes.get(one["code"], 0) + 1
            if one["kind"] != "transfer" or one.get("repeat") or one["code"] in _EARLIER:
                continue
            key = f"{one['uetr']}/{one['member']}"
            (self.waiting.add if one["code"] in WAITING else self.waiting.discard)(key)

    def _money(self, state: State, facts: Sequence[dict[str, Any]]) -> None:
        """Add up the receipts in a second way: each account must stand where they lead."""
        balances = self.balances
        for one in facts:
            if one["code"] not in ("settled", "posted") or one.get("repeat") or "amount_minor" not in one:
                continue
            amount = int(one["amount_minor"])
            if one["kind"] in ("issue", "redeem"):
                amount = amount if one["kind"] == "issue" else -amount
                payer, payee = one["account"] + "/issue", one["account"]
            else:
                payer, payee = one["payer"], one["payee"]
            balances[payer] = balances.get(payer, 0) - amount
            balances[payee] = balances.get(payee, 0) + amount
        for name, account in state.accounts.items():
            if account.balance != balances.get(name, 0):
                what = f"the balance is {account.balance}, the receipts lead to {balances.get(name, 0)}."
                raise broken("money", what, name)

    def _whole(self, facts: Sequence[dict[str, Any]]) -> None:
        """What stands right behind a certificate's receipt is what it claims: so many, of this kind, of this sum."""
        for place, one in enumerate(facts):
            if one["kind"] != "settle" or one["code"] != "settled" or one.get("repeat"):
                continue
            name = f"certificate {one['problem']}"
            self.codes[name] = self.codes.get(name, 0) + 1
            number, kind, code = BEHIND[one["problem"]]
            count = int(one[number]) * (2 if kind == "trade" else 1)  # a trade has a receipt for each of its legs
            behind = facts[place + 1 : place + 1 + count]
            if len(behind) != count or any((part["kind"], part["code"]) != (kind, code) for part in behind):
                raise broken("whole", f"what stands behind the receipt is not {count} {kind} {code}.", one["uetr"])
            sums: dict[str, int] = {}
            for part in behind:
                currency = currency_of(part["payer"]) if "payer" in part else one["currency"]
                sums[currency] = sums.get(currency, 0) + int(part["amount_minor"])
            told = one["gained_minor"] if kind == "trade" else {one["currency"]: one["gained_minor"]}
            if sums != {currency: int(amount) for currency, amount in told.items() if amount != "0"}:
                raise broken("whole", f"it claims {told}, and {sums} stand behind it.", one["uetr"])

    def _instruction(self, state: State, signed: Signed, facts: Sequence[dict[str, Any]]) -> None:
        said = signed.instruction
        if signed.data in self.forbidden:
            raise broken("door", f"a {said.kind} that no host may take stands in a block.", said.uetr)
        if signed.digest in self.false:
            codes = [one["code"] for one in facts if one["uetr"] == said.uetr and one["kind"] == "settle"]
            if "settled" in codes:
                raise broken("false", "a false certificate settled.", said.uetr)
        record = state.find_id(said.uetr, said.member, said.kind)
        own = record is not None and record.digest == signed.digest and not record.rows
        if own and record and self.first.setdefault(signed.digest, record.leaves[0]) != record.leaves[0]:
            raise broken("one answer", "the first receipt is another one now.", said.uetr)

    # --- What others say ----------------------------------------------------------------------------------------------

    def between(self, state: State) -> None:
        """The state of a host that has made no block since: nothing may have changed."""
        if state.head != self.head or state.journal:
            raise broken("between", f"the head is {state.head[:12]}, the last durable block is {self.head[:12]}.")

    def refused(self, digest: bytes, code: str, until: int, time_ms: int) -> None:
        """The door refused an honest instruction: not for its age or its id if it had its effect and is remembered."""
        first = self.first.get(digest)
        if first is not None and code in ("expired", "id_reused") and time_ms // DAY_MS <= last_day(until):
            raise broken("one answer", f"its member is told {code}.", first.decode())

    def repeated(self, signed: Signed, facts: Mapping[str, Any]) -> None:
        """A receipt that is given again: the first one."""
        first = self.first.get(signed.digest)
        told = {name: value for name, value in facts.items() if name != "repeat"}
        if first is None or told != json.loads(first):
            raise broken("one answer", "a receipt is repeated that is not the first.", signed.instruction.uetr)

    def remembered(self, facts: dict[str, Any]) -> None:
        """A receipt that a member holds: it stands in the log, word for word."""
        height, index = facts["height"], facts["index"]
        held = self.log[height - 1][index] if height <= len(self.log) else b"{}"
        if json.loads(held) != {name: value for name, value in facts.items() if name != "repeat"}:
            raise broken("durable", "a member holds a receipt that the log does not have.", facts["uetr"])

    def started(self, state: State) -> None:
        """A host came back: the same root as before, or the disk lied."""
        if state.height != len(self.blocks) or state.head != self.head:
            raise broken("durable", f"the host came back at height {state.height}, not {len(self.blocks)}.")
        if state.root() != self.blocks[-1].header.state_root if self.blocks else False:
            raise broken("same", "the state that came back has another root.")
        self.state = state

    def at_the_end(self, leaves: Sequence[Sequence[bytes]], first_height: int, verify: Any) -> None:
        """Receipts are for ever (I5), and the whole log gives the same root (I6)."""
        older = self.log[first_height - 1 :]
        INVARIANTS["I5"](View(self.state, log=leaves, older=older))
        from concordat.clearing.core.replay import replay

        again = replay(self.scheme, self.blocks, verify)
        if again.root() != self.state.root():
            raise broken("same", "replaying the log gives another root.")
