"""The settlement core with one safeguard taken out: the clearing simulator must notice each.

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
from concordat.clearing.core import apply, money, payments, queue, reserves, settle, snapshot, trades
from concordat.clearing.core.model import Account, issue_account
from concordat.clearing.core.run import Fault
from concordat.clearing.core.state import State
from concordat.clearing.simulate.machine import Machine, record_of
from concordat.clearing.simulate.seeds import run_seed

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


MUTANTS: dict[str, Callable[[], Patches]] = {
    one.__name__.replace("_", " "): one
    for one in (
        no_line, one_leg, forgotten_id, short_memory, half_certificate, unchecked_certificate, no_limits, frozen_pays,
        anyone_issues, nobody_wakes, kept_reserve, open_door, thin_snapshot, told_too_soon, lost_cent,
    )
}  # fmt: skip


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
            if broken:
                print(f"{name}: seed {seed}: {broken[:200]}", flush=True)
                break
        else:
            print(f"{name}: unnoticed after {options.seeds} seeds", flush=True)


if __name__ == "__main__":
    main()
