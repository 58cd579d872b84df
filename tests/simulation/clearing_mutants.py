"""The settlement core with one safeguard taken out: the clearing simulator must notice each, for the right reason.

A run that ends in a KeyError has noticed nothing: each mutant names the invariant or promise that must be broken.
`python -m simulation.clearing_mutants --seeds 200` (from `tests/`) looks for the first seeds that notice, and says
which invariant or promise did; `test_clearing_world` keeps one for each.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from concordat.clearing import host as hosts
from concordat.clearing.core import (
    apply,
    days,
    money,
    payments,
    queue,
    reserves,
    settle,
    settle_trades,
    snapshot,
    trades,
)
from concordat.clearing.core.certificates import Checked
from concordat.clearing.core.claims import refused
from concordat.clearing.core.model import Account, issue_account
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.run import Fault
from concordat.clearing.core.state import State
from concordat.clearing.simulate.machine import Machine, record_of
from concordat.clearing.simulate.seeds import run_seed
from concordat.errors import InputError

Patches = Iterable[Any]


def no_line() -> Patches:
    """A transfer that ignores what is available."""
    return [patch.object(money, "funds_fault", lambda *_: None)]


def one_leg() -> Patches:
    """A trade that applies its first leg only; both receipts are written."""
    real = trades.pay
    done: list[Any] = []

    def pay(run: Any, payer: str, payee: str, amount: int, purpose: str, pair: Any) -> Any:
        done.append(pair)
        if len(done) % 2:
            return real(run, payer, payee, amount, purpose, pair)
        balance = run.state.accounts[payer].balance
        return balance, balance - amount

    return [patch.object(trades, "pay", pay)]


def forgotten_id() -> Patches:
    """One id in sixteen is not kept."""
    real = State.use_id

    def use_id(self: State, record: Any) -> None:
        if not record.uetr.endswith("7"):
            real(self, record)

    return [patch.object(State, "use_id", use_id)]


def short_memory() -> Patches:
    """Ids are forgotten two days early, so that late copies have their effect again."""
    real = State.forget_days_before
    return [patch.object(State, "forget_days_before", lambda self, day: real(self, day + 2))]


def half_certificate() -> Patches:
    """A certificate of which the last payment is left out."""
    real = settle.check_queue
    room = [0]

    def check(problem: Any, chosen: Any, prices: Any) -> Any:
        room[0] = len(chosen)
        return real(problem, chosen, prices)

    def settle_waiting(run: Any, payment: Any) -> None:
        room[0] -= 1
        if room[0]:
            queue.settle_waiting(run, payment)

    return [patch.object(settle, "check_queue", check), patch.object(settle, "settle_waiting", settle_waiting)]


def unchecked_certificate() -> Patches:
    """A certificate is taken at its word: what it claims isn't compared with what the check finds."""
    return [patch.object(settle, "check_claim", lambda *_: None)]


def half_trades() -> Patches:
    """A certificate of trades of which the last one is left out."""
    real, room = settle_trades.check_trades, [0]

    def check(problem: Any, chosen: Any, prices: Any) -> Any:
        room[0] = len(chosen)
        return real(problem, chosen, prices)

    def settle_trade(run: Any, trade: Any) -> None:
        room[0] -= 1
        if room[0]:
            trades.settle_trade(run, trade)

    return [
        patch.object(settle_trades, "check_trades", check),
        patch.object(settle_trades, "settle_trade", settle_trade),
    ]


def unfunded_certificate() -> Patches:
    """A certificate of payments in which only the sum is looked at, not who can pay."""

    def check(problem: Any, chosen: Any, _: Any) -> Any:
        return Checked(sum(one.amount for one in problem.payments if one.id in chosen), None)

    return [patch.object(settle, "check_queue", check)]


def unfunded_trades() -> Patches:
    """The same for trades: neither accounts nor positions nor cover."""

    def check(problem: Any, chosen: Any, _: Any) -> Any:
        rates = problem.rates
        picked = [one for one in problem.trades if one.id in chosen]
        worth = (rates[one.a_currency] * one.a_amount + rates[one.b_currency] * one.b_amount for one in picked)
        return Checked(sum(worth), None)

    nothing = lambda *_: None  # noqa: E731
    return [patch.object(settle_trades, "check_trades", check), patch.object(settle_trades, "_check_accounts", nothing)]


def blind_to_certificates() -> Patches:
    """No certificate of payments is ever good enough."""

    def check(*_: Any) -> Any:
        raise refused("overdraft", "so it says.", "")

    return [patch.object(settle, "check_queue", check)]


def one_receipt() -> Patches:
    """A trade settles, and one of its two parties is told nothing."""
    real = trades.settle_trade

    def settle_trade(run: Any, trade: Any, said: Any = None) -> None:
        real(run, trade, said)
        run.leaves.pop()

    return [patch.object(trades, "settle_trade", settle_trade)]


def rewritten_receipt() -> Patches:
    """The host changes a receipt of long ago."""
    real = hosts.MemoryHost.commit

    def commit(self: Any) -> str:
        root = real(self)
        if len(self.leaves) > 3 and self.leaves[1]:
            self.leaves[1] = [leaf.replace(b'"settled"', b'"expired"') for leaf in self.leaves[1]]
        return root

    return [patch.object(hosts.MemoryHost, "commit", commit)]


def wrong_statement() -> Patches:
    """A statement whose closing balance is one too high."""
    real = days.figures

    def figures(account: Any, date: str) -> dict[str, str]:
        found = real(account, date)
        return {**found, "closing": str(int(found["closing"]) + 1)}

    return [patch.object(days, "figures", figures)]


def late_answer() -> Patches:
    """Whoever asks again after its time is told that it came too late, though it had its effect."""
    real = hosts.MemoryHost._check_id

    def check_id(self: Any, signed: Any) -> None:
        if signed.instruction.valid_until < self.state.time_ms:
            raise InputError("too late.", where="valid_until", code="expired")
        real(self, signed)

    return [patch.object(hosts.MemoryHost, "_check_id", check_id)]


def other_answer() -> Patches:
    """A receipt that is given again says something else."""
    real = hosts.MemoryHost._keep

    def keep(self: Any, signed: Any) -> Any:
        found = real(self, signed)
        return found and Receipt({**found.facts, "code": "expired"}, found.block_hash)

    return [patch.object(hosts.MemoryHost, "_keep", keep)]


def lost_in_the_pool() -> Patches:
    """What one member in some sends is taken, answered with silence, and forgotten."""
    real = hosts.MemoryHost._keep

    def keep(self: Any, signed: Any) -> Any:
        return None if signed.instruction.uetr.endswith("9") else real(self, signed)

    return [patch.object(hosts.MemoryHost, "_keep", keep)]


def silent_end() -> Patches:
    """A payment that ran out while it waited is taken out, and nobody is told."""

    def end_waiting(run: Any, payment: Any, ended: str, code: str) -> None:
        real(run, payment, ended, code)
        if code == "expired":
            run.leaves.pop()

    real = queue.end_waiting
    return [patch.object(queue, "end_waiting", end_waiting)]


def hasty_door() -> Patches:
    """A host that changes an account when something is handed in, before any block."""
    real = hosts.MemoryHost.submit

    def submit(self: Any, signed: Any) -> Any:
        found = real(self, signed)
        self.state.write(next(iter(self.state.accounts.values())))
        return found

    return [patch.object(hosts.MemoryHost, "submit", submit)]


def trusting_host() -> Patches:
    """A host that applies somebody's block without a look at what its header says."""

    def advance(state: State, block: Any, _: Any) -> Any:
        return apply.build(state, block.header.time_ms, list(block.instructions))[1]

    return [patch.object(hosts, "advance", advance)]


def no_limits() -> Patches:
    """Limits are kept and not applied."""
    return [patch.object(money, "limit_fault", lambda *_, **__: None)]


def frozen_pays() -> Patches:
    """A frozen account pays as any other."""
    return [patch.object(payments, "standing_fault", _without(money.standing_fault, "account_frozen"))]


def _without(real: Callable[..., Fault | None], code: str) -> Callable[..., Fault | None]:
    def found(*given: Any, **named: Any) -> Fault | None:
        fault = real(*given, **named)
        return None if fault is not None and fault.code == code else fault

    return found


def anyone_issues() -> Patches:
    """Whoever asks creates money."""

    def issue(run: Any, said: Any) -> None:
        code = said.facts["currency"]
        issuer = run.state.issuer_of(code)
        amount = said.facts["amount_minor"]
        source = run.state.write(run.state.accounts[issue_account(issuer, code)])
        main = run.state.write(run.state.open_account(f"{issuer}/{code}"))
        before, total = main.balance, run.state.money[code]
        for account, change in ((source, -amount), (main, amount)):
            account.balance += change
            account.credits += max(change, 0)
            account.debits += max(-change, 0)
            account.entries += 1
        run.state.put(run.state.money, code, total._replace(issued=total.issued + amount))
        facts = {"account": main.id, "amount_minor": str(amount), "before": str(before), "after": str(main.balance)}
        run.done(said, "settled", facts)
        run.wake(main.id)

    return [patch.dict(apply._HANDLERS, {"issue": issue})]


def nobody_wakes() -> Patches:
    """The queue is not looked at when money comes."""
    return [patch.object(queue, "drain_payer", lambda *_: None)]


def kept_reserve() -> Patches:
    """A reservation that has run out keeps its money."""

    def expire(run: Any, found: Any) -> None:
        state = run.state
        before = state.accounts[found.payer].reserved
        real(run, found)
        state.write(state.accounts[found.payer]).reserved = before

    real = reserves.expire_reservation
    return [patch.object(reserves, "expire_reservation", expire)]


def open_door() -> Patches:
    """Signatures are not verified."""
    nothing = lambda *_, **__: None  # noqa: E731
    return [patch.object(hosts, "check_signatures", nothing), patch.object(apply, "check_signatures", nothing)]


def thin_snapshot() -> Patches:
    """A snapshot that leaves the limits out."""
    real = snapshot._lines

    def lines(state: State) -> Any:
        return (line for line in real(state) if b'"limits/' not in line[:20])

    return [patch.object(snapshot, "_lines", lines)]


def told_too_soon() -> Patches:
    """A host that answers before its block is on the disk."""
    real = Machine.make_block

    def make_block(self: Machine, time_ms: int, crash_at: str = "", cut: int = 0) -> Any:
        if crash_at == "torn":
            block = self.host.propose(time_ms)
            self.host.finalise(block)
            self.host.commit()
            self._tell(block)
            record = record_of(block)
            self.disk.append(record[: cut % len(record)])
            return self.crash()
        return real(self, time_ms, crash_at, cut)

    return [patch.object(Machine, "make_block", make_block)]


def lost_cent() -> Patches:
    """One payment in many leaves a unit behind."""
    real = payments._settle_plainly

    def pay(run: Any, said: Any) -> None:
        real(run, said)
        if said.uetr.endswith("5"):
            account: Account = run.state.accounts[said.facts["payee"]]
            account.balance -= 1
            account.credits -= 1

    return [patch.object(payments, "_settle_plainly", pay)]


# Each with what must notice it: the invariant or the promise that the safeguard stands for. Where two are named, which
# of them comes first depends on the run.
EXPECTED: dict[Callable[[], Patches], tuple[str, ...]] = {
    no_line: ("I2",),
    one_leg: ("money",),
    forgotten_id: ("I4",),
    short_memory: ("I4", "one answer"),
    half_certificate: ("whole",),
    half_trades: ("whole", "I2"),
    unchecked_certificate: ("false",),
    unfunded_certificate: ("I2", "I9", "false"),
    unfunded_trades: ("I2", "I9", "false"),
    blind_to_certificates: ("clear",),
    no_limits: ("I9",),
    frozen_pays: ("I11",),
    anyone_issues: ("I7",),
    nobody_wakes: ("I10",),
    kept_reserve: ("I8",),
    open_door: ("door",),
    thin_snapshot: ("state_root",),
    told_too_soon: ("durable",),
    lost_cent: ("I1",),
    one_receipt: ("I3",),
    rewritten_receipt: ("I5",),
    wrong_statement: ("I12",),
    late_answer: ("one answer",),
    other_answer: ("one answer",),
    lost_in_the_pool: ("rest",),
    silent_end: ("waiting",),
    hasty_door: ("between",),
    trusting_host: ("same",),
}
MUTANTS: dict[str, Callable[[], Patches]] = {one.__name__.replace("_", " "): one for one in EXPECTED}


def what_breaks(name: str, seed: int) -> str:
    """Which invariant or promise a mutant breaks in a run, by its code; empty if it goes unnoticed."""
    with ExitStack() as stack:
        for one in MUTANTS[name]():
            stack.enter_context(one)
        try:
            run_seed(seed)
        except Exception as error:
            return str(getattr(error, "code", "")) or f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--name", default="")
    options = parser.parse_args()
    for name in MUTANTS if not options.name else [options.name]:
        for seed in range(options.first, options.first + options.seeds):
            broken = what_breaks(name, seed)
            if broken in EXPECTED[MUTANTS[name]]:
                print(f"{name}: seed {seed}: {broken[:200]}", flush=True)
                break
            if broken:
                print(f"{name}: seed {seed}: {broken[:200]}, which is not what should notice it", flush=True)
        else:
            print(f"{name}: unnoticed after {options.seeds} seeds", flush=True)


if __name__ == "__main__":
    main()
