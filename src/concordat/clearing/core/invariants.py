"""What must hold whatever happens: the twelve invariants, each a function of its own name that raises.

    I1  per currency all balances sum to 0, and minus the issue account is issued - redeemed
    I2  available >= 0, but after a cut of a credit line; then nothing more goes out
    I3  both legs of a trade, or none
    I4  one id, one effect
    I5  receipts are a prefix of the log for ever
    I6  the same log gives the same root
    I7  only the issuer's word creates or destroys money
    I8  reserved money is counted once
    I9  limits and quotas hold
    I10 in mode `bypass` nothing unheld stays queued that could settle alone
    I11 a frozen account may receive, never pay
    I12 reports tie: opening + entries = closing = ledger

Some are seen in a state, others in a step from one block to the next: a `View` holds what there is, and a function
looks at what it needs. `Watch` keeps what the next step is compared with. I1, I2, I8 and I12 are cheap; I6 replays.
Nothing here repairs anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from concordat.clearing.core.apply import Block
from concordat.clearing.core.limits import limit_room
from concordat.clearing.core.model import currency_of, is_issue, issue_account, owner_of
from concordat.clearing.core.queue import blocked
from concordat.clearing.core.run import Run
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.state import State
from concordat.errors import TrustError

_MOVED = ("settled", "posted")


class Figures(NamedTuple):
    """One account as it was before a block."""

    balance: int
    available: int
    line: int


@dataclass
class View:
    """What the invariants look at.

    Attributes:
        state: after the block. height, time_ms: of that block.
        facts: its receipts, read; None where only a state is looked at. before: figures and quotas before the block.
        effects: ids that have had their effect, and at which height; I4 adds those of this block.
        log, older: the bytes of all receipts now, and as they were known before.
        scheme, blocks: the whole log, for I6.
    """

    state: State
    facts: Sequence[dict[str, Any]] | None = None
    before: dict[str, Figures] = field(default_factory=dict)
    issued_before: dict[str, tuple[int, int]] = field(default_factory=dict)
    quotas_before: dict[str, int] = field(default_factory=dict)
    effects: dict[tuple[str, str, str], int] = field(default_factory=dict)
    log: Sequence[Sequence[bytes]] = ()
    older: Sequence[Sequence[bytes]] = ()
    scheme: Scheme | None = None
    blocks: Sequence[Block] = ()

    def settled(self) -> list[dict[str, Any]]:
        """The receipts of this block by which money moved between accounts."""
        return [one for one in self.facts or () if one["code"] in _MOVED and "payer" in one and not one.get("repeat")]


def _broken(name: str, what: str, where: str = "") -> TrustError:
    return TrustError(f"invariant {name} is broken: {what}", where=where, code=name)


def i1_money_is_conserved(view: View) -> None:
    """Per currency all balances sum to 0, and minus the issue account is issued - redeemed."""
    sums = dict.fromkeys(view.state.money, 0)
    for account in view.state.accounts.values():
        sums[currency_of(account.id)] += account.balance
    for code, money in view.state.money.items():
        issue = view.state.accounts[issue_account(view.state.issuer_of(code), code)]
        if sums[code]:
            raise _broken("I1", f"the balances sum to {sums[code]}.", code)
        if -issue.balance != money.issued - money.redeemed:
            raise _broken("I1", f"{-issue.balance} stands for {money.issued} issued, {money.redeemed} redeemed.", code)


def i2_no_overdraft(view: View) -> None:
    """Available >= 0, unless a line was cut; below the floor nothing more goes out."""
    for account in view.state.accounts.values():
        if is_issue(account.id) or account.available >= 0:
            continue
        old = view.before.get(account.id, Figures(0, 0, 0))
        if view.facts is None:  # a state alone can't tell a cut line from an overdraft
            continue
        set_here = [
            int(one["amount_minor"])
            for one in view.facts
            if one["kind"] == "line_set" and one.get("account") == account.id and not one.get("repeat")
        ]
        own, highest = account.balance - account.reserved, max(old.line, account.line, *set_here, 0)
        if own < old.available - old.line and own < -highest:
            raise _broken("I2", f"available is {account.available}, and no cut of the line explains it.", account.id)


def i3_both_legs_or_none(view: View) -> None:
    """Every settled trade of a block has two receipts, one for each leg, of different currencies."""
    legs: dict[str, list[tuple[str, str]]] = {}
    for one in view.settled():
        if one["kind"] == "trade":
            parties = sorted((owner_of(one["payer"]), owner_of(one["payee"])))
            legs.setdefault("/".join((one["trade_id"], *parties)), []).append(
                (one["member"], currency_of(one["payer"]))
            )
    for key, found in legs.items():
        if len(found) != 2 or len({member for member, _ in found}) != 2 or len({code for _, code in found}) != 2:
            raise _broken("I3", f"{len(found)} legs settled.", key)


def i4_one_id_one_effect(view: View) -> None:
    """No id has its effect twice while it is remembered, and none stands twice in the index."""
    for uetr, records in view.state.used_ids.items():
        keys = [(one.member, one.kind) for one in records]
        if len(set(keys)) != len(keys):
            raise _broken("I4", "the id stands twice in the index.", uetr)
    for one in view.facts or ():
        if one.get("repeat") or one["code"] not in (*_MOVED, "accepted", "reserved"):
            continue
        key = (one["uetr"], one["member"], one["kind"])
        record = view.state.find_id(*key)
        if record is None:
            raise _broken("I4", f"the {one['kind']} has an effect and no id in the index.", one["uetr"])
        leaf = record.leaves[record.rows.index(key[0])] if record.rows else record.leaves[0]
        if view.effects.get(key, 0) >= json.loads(leaf)["height"]:
            raise _broken("I4", f"the {one['kind']} has its effect a second time.", one["uetr"])
        view.effects[key] = one["height"]


def i5_receipts_are_for_ever(view: View) -> None:
    """What was known of the log before is how it begins now."""
    for number, leaves in enumerate(view.older):
        if number >= len(view.log) or list(view.log[number]) != list(leaves):
            raise _broken("I5", "the receipts are not those known before.", f"block {number + 1}")


def i6_same_log_same_root(view: View) -> None:
    """Replaying the log from the start gives this state's root."""
    from concordat.clearing.core.replay import replay

    if view.scheme is None:
        return
    again = replay(view.scheme, view.blocks)
    if again.root() != view.state.root():
        raise _broken("I6", f"the log gives {again.root()}, the state has {view.state.root()}.")


def i7_only_issuers_create(view: View) -> None:
    """What is issued and redeemed changes by the receipts of the issuer, and by nothing else."""
    if view.facts is None:
        return
    sums = {code: [0, 0] for code in view.state.money}
    for one in view.facts:
        if one["kind"] in ("issue", "redeem") and one["code"] == "settled" and not one.get("repeat"):
            code = currency_of(one["account"])
            if one["member"] != view.state.issuer_of(code):
                raise _broken("I7", f"{one['member']} is not the issuer of {code}.", one["uetr"])
            sums[code][one["kind"] == "redeem"] += int(one["amount_minor"])
    for code, money in view.state.money.items():
        issued, redeemed = view.issued_before.get(code, (0, 0))
        if (money.issued, money.redeemed) != (issued + sums[code][0], redeemed + sums[code][1]):
            raise _broken("I7", "issued or redeemed changed without the issuer's receipt.", code)


def i8_reserved_once(view: View) -> None:
    """What an account has reserved is the sum of its open reservations."""
    sums: dict[str, int] = {}
    for one in view.state.reservation.values():
        sums[one.payer] = sums.get(one.payer, 0) + one.amount
    for account in view.state.accounts.values():
        if account.reserved != sums.get(account.id, 0):
            raise _broken("I8", f"{account.reserved} reserved, {sums.get(account.id, 0)} in reservations.", account.id)


def i9_limits_hold(view: View) -> None:
    """Nobody who paid in this block stands beyond a limit behind it (returns apart), and no quota is passed."""
    state = view.state
    run = Run(state, state.height, state.time_ms)
    paid = view.settled()
    corrected = {one["payer"] for one in paid if one["kind"] == "return"}
    for one in paid:
        found = state.limits.get(one["payer"])
        if found is None or one["kind"] == "return":
            continue
        for limit in found.limits:
            room = limit_room(run, state.accounts[one["payer"]], limit)
            over = int(one["amount_minor"]) > room if limit.kind == "payment" else room < 0
            concerns = not limit.payee or limit.payee == one["payee"]
            if over and concerns and (limit.kind == "payment" or one["payer"] not in corrected):
                raise _broken("I9", f"the limit {limit.kind} is passed.", one["payer"])
    for key, quota in state.quota.items():
        if quota.used > quota.limit and quota.day == run.day and quota.used > view.quotas_before.get(key, 0):
            raise _broken("I9", f"the quota of {quota.limit} is passed: {quota.used}.", key)


def i10_nothing_waits_in_vain(view: View) -> None:
    """In mode `bypass` nothing unheld stays queued that could settle alone."""
    state = view.state
    if state.scheme.mode != "bypass":
        return
    run = Run(state, state.height, state.time_ms)
    for key in sorted(state.payment):
        payment = state.payment[key]
        if payment.state == "queued" and blocked(run, payment) is None:
            raise _broken("I10", "it could settle, and waits.", key)


def i11_frozen_never_pay(view: View) -> None:
    """No account that is frozen paid in this block (freezing comes before payments in every block)."""
    for one in view.settled():
        if view.state.accounts[one["payer"]].frozen:
            raise _broken("I11", "it is frozen and paid.", one["payer"])


def i12_reports_tie(view: View) -> None:
    """opening + credits - debits = closing = the ledger's balance, for every account and every statement."""
    for account in view.state.accounts.values():
        if account.opening + account.credits - account.debits != account.balance:
            raise _broken("I12", "opening + credits - debits is not the balance.", account.id)
    for one in view.facts or ():
        if one["code"] == "statement" and not one.get("repeat"):
            figures = [int(one[name]) for name in ("opening", "credits", "debits", "closing")]
            if figures[0] + figures[1] - figures[2] != figures[3]:
                raise _broken("I12", "the statement does not add up.", one["account"])


INVARIANTS: dict[str, Callable[[View], None]] = {
    "I1": i1_money_is_conserved,
    "I2": i2_no_overdraft,
    "I3": i3_both_legs_or_none,
    "I4": i4_one_id_one_effect,
    "I5": i5_receipts_are_for_ever,
    "I6": i6_same_log_same_root,
    "I7": i7_only_issuers_create,
    "I8": i8_reserved_once,
    "I9": i9_limits_hold,
    "I10": i10_nothing_waits_in_vain,
    "I11": i11_frozen_never_pay,
    "I12": i12_reports_tie,
}


def check_invariants(state: State) -> None:
    """All that can be seen in one state: I1, I4, I8, I10 and I12. The others are seen in a step: `Watch`.

    Raises:
        TrustError: with the invariant's name as its code.
    """
    view = View(state)
    for check in INVARIANTS.values():
        check(view)


class Watch:
    """Looks at every block as it comes; begin it with the state before the first that is watched."""

    def __init__(self, state: State) -> None:
        self.effects: dict[tuple[str, str, str], int] = {}
        self._keep(state)

    def _keep(self, state: State) -> None:
        self.before = {one.id: Figures(one.balance, one.available, one.line) for one in state.accounts.values()}
        self.issued = {code: (money.issued, money.redeemed) for code, money in state.money.items()}
        self.quotas = {
            key: quota.used for key, quota in state.quota.items() if quota.day == state.time_ms // 86_400_000
        }

    def see(self, state: State, leaves: Sequence[bytes]) -> None:
        """Check the step that led to this state.

        Raises:
            TrustError: an invariant is broken; its name is the code.
        """
        facts = [json.loads(leaf) for leaf in leaves]
        view = View(state, facts, self.before, self.issued, self.quotas, self.effects)
        for check in INVARIANTS.values():
            check(view)
        self._keep(state)
