"""A proposed set settles in one step, or nothing of it does: settlement certificates, checked against this very state.

Solvers are untrusted. A certificate (a JSON object in a `settle` instruction of a validator) names the state it was
made for (`height` of this block, `state_root` of the block before, `queue_root` of the currency's queue or
`register_root` of its obligations), what it chose, and what it claims. `core.certificates` does the arithmetic in one
pass; here stands what only the ledger knows: roots, corridors, hours, quotas, obligations. One failure refuses the
whole certificate with its reason in the receipt; the block stays valid.

    {"problem": "queue", "currency", "height", "state_root", "queue_root", "mode", "chosen": [payment keys, ascending],
     "gained_minor", "bound_minor"?, "prices_e6"?: {account: text}, "solver"?}
    {"problem": "divisible", "currency", "height", "state_root", "register_root", "set_off": {obligation key: text},
     "potentials": {member: integer}, "gained_minor", "solver"?}

A payment that could not settle alone for a reason that is no sum (frozen, corridor, hours, quota, its obligation)
counts as held: it can't be chosen and stands in nobody's way. Problem `trades` is in `core.settle_trades`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concordat.clearing.core.certificates import (
    Debt,
    Limit,
    QueuedPayment,
    QueueProblem,
    Rooms,
    check_divisible,
    check_queue,
)
from concordat.clearing.core.claims import check_claim, part_root, read_amounts, read_chosen, refused
from concordat.clearing.core.corridors import passing_way
from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.limits import limit_room, quota_fault
from concordat.clearing.core.model import Payment, currency_of
from concordat.clearing.core.money import standing_fault
from concordat.clearing.core.obligations import obligation_fault, reduce_obligation
from concordat.clearing.core.queue import effective_class, settle_waiting
from concordat.clearing.core.run import Run, fault
from concordat.clearing.core.settle_trades import WITH_RATES, WITH_RATES_OPTIONAL, settle_trades
from concordat.clearing.core.state import State
from concordat.errors import RuleError

_KEYS = {
    "queue": {
        "problem", "currency", "height", "state_root", "queue_root", "mode", "chosen", "gained_minor", "bound_minor",
        "prices_e6", "solver",
    },
    "divisible": {
        "problem", "currency", "height", "state_root", "register_root", "set_off", "potentials", "gained_minor",
        "solver",
    },
    "trades": {"problem", "height", "state_root", "trades_root", "chosen", "gained_minor", "solver"},
}  # fmt: skip
_OPTIONAL = {"bound_minor", "prices_e6", "solver", *WITH_RATES_OPTIONAL}


def queue_root(state: State, currency: str) -> str:
    """SHA-256 over the leaves of the currency's waiting payments, ascending."""
    return part_root(state, "payment", [key for key, p in state.payment.items() if currency_of(p.payer) == currency])


def register_root(state: State, currency: str) -> str:
    """SHA-256 over the leaves of the currency's obligations, ascending."""
    return part_root(state, "obligation", [key for key, o in state.obligation.items() if o.currency == currency])


def queue_problem(state: State, currency: str, time_ms: int, height: int) -> QueueProblem:
    """The queue of one currency as a solver and `check_queue` see it, at the time and height of the block to come."""
    run = Run(state, height, time_ms)
    waiting = sorted((p for p in state.payment.values() if currency_of(p.payer) == currency), key=lambda p: p.key)
    payments = [
        QueuedPayment(p.key, p.payer, p.payee, p.amount, effective_class(state, p), _stands_apart(run, p), p.seq)
        for p in waiting
    ]
    names = sorted({name for p in waiting for name in (p.payer, p.payee)})
    available = {name: state.accounts[name].available if name in state.accounts else 0 for name in names}
    limits = [
        Limit(one.kind, name, one.payee or None, limit_room(run, state.accounts[name], one))
        for name in names
        if name in state.limits
        for one in state.limits[name].limits
        if one.kind != "payment"
    ]
    return QueueProblem(payments, available, limits, state.scheme.mode)


def _stands_apart(run: Run, payment: Payment) -> bool:
    """Whether a payment is held, or can't settle for a reason that no other payment changes."""
    payer, payee, amount, purpose = payment.payer, payment.payee, payment.amount, payment.purpose
    if payment.state == "held" or standing_fault(run, payer, payee, amount, purpose) is not None:
        return True
    found = passing_way(run, payer, payee, amount, purpose, None) or quota_fault(run, payer, amount, purpose)
    return (found or obligation_fault(run, payment.obligation, payer, payee, amount)) is not None


def divisible_debts(state: State, currency: str) -> list[Debt]:
    """The obligations of one currency as a solver and `check_divisible` see them, by key."""
    return [
        Debt(key, one.debtor, one.creditor, one.left)
        for key, one in sorted(state.obligation.items())
        if one.currency == currency
    ]


# --- The instruction ------------------------------------------------------------------------------------------------


def settle(run: Run, said: Instruction) -> None:
    """Check a certificate and settle what it chose; refused whole at the first failure."""
    state, certificate = run.state, said.facts["certificate"]
    if said.member not in state.scheme.validators:
        return run.refuse(said, fault("not_yours"))
    savepoint, place = state.savepoint(), len(run.leaves)
    run.done(said, "settled")  # its place; written anew behind, when the sums are known
    try:
        facts = _apply(run, certificate)
    except RuleError as error:
        state.rewind(savepoint)
        state.savepoint()
        del run.leaves[place:]
        at = {"trade": error.where} if error.where in state.trade else {}
        return run.refuse(said, fault("certificate_refused", check=error.code.removeprefix("certificate_"), **at))
    behind = run.leaves[place + 1 :]
    del run.leaves[place:]
    run.done(said, "settled", facts)
    run.leaves.extend(behind)
    return run.wake_all()


def _apply(run: Run, certificate: Mapping[str, Any]) -> dict[str, Any]:
    problem = certificate.get("problem")
    known = _KEYS.get(problem) if isinstance(problem, str) else None
    if known is None:
        raise refused("problem", "the problem is none of queue, divisible and trades.", "problem")
    if problem == "trades" and run.state.scheme.rates:
        known = known | WITH_RATES | WITH_RATES_OPTIONAL
    for key in sorted(known ^ set(certificate)):
        if key not in known or key not in _OPTIONAL:
            raise refused("form", "missing, or not a key of a certificate.", key[:60])
    height = certificate["height"]
    if type(height) is not int or height != run.height or certificate["state_root"] != run.previous_root:
        raise refused("stale", f"it was made for another state than that before height {run.height}.", "state_root")
    if problem == "trades":
        return settle_trades(run, certificate)
    currency = certificate["currency"]
    if not isinstance(currency, str) or currency not in run.state.scheme.currencies:
        raise refused("currency", "not a currency of this scheme.", "currency")
    return (_queue if problem == "queue" else _divisible)(run, currency, certificate)


def _queue(run: Run, currency: str, certificate: Mapping[str, Any]) -> dict[str, Any]:
    state = run.state
    if certificate["queue_root"] != queue_root(state, currency):
        raise refused("queue_root", "the queue is another one (something expired or was changed first).", "queue_root")
    if certificate["mode"] != state.scheme.mode:
        raise refused("mode", f"the scheme's mode is {state.scheme.mode}.", "mode")
    chosen = read_chosen(certificate)
    prices = read_amounts(certificate["prices_e6"], "prices_e6") if "prices_e6" in certificate else None
    problem = queue_problem(state, currency, run.time_ms, run.height)
    checked = check_queue(problem, chosen, prices)
    if problem.limits:  # who is beyond a limit already pays only if it ends within it, as with a line that was cut
        rooms = Rooms(problem.limits)
        picked = frozenset(chosen)
        rooms.spend(one for one in problem.payments if one.id in picked)
        rooms.check(strict=True)
    check_claim(certificate, "gained_minor", str(checked.gained))
    if "bound_minor" in certificate:
        if prices is None:
            raise refused("form", "a bound needs the prices that prove it.", "prices_e6")
        check_claim(certificate, "bound_minor", str(checked.bound))
    for key in chosen:
        payment: Payment = state.payment[key]
        found = passing_way(run, payment.payer, payment.payee, payment.amount, payment.purpose, None)
        found = found or quota_fault(run, payment.payer, payment.amount, payment.purpose)
        found = found or obligation_fault(run, payment.obligation, payment.payer, payment.payee, payment.amount)
        if found is not None:
            raise refused("sum", f"the set as a whole passes a bound: {found.code}.", key)
        settle_waiting(run, payment)
    money = state.money[currency]
    state.put(state.money, currency, money._replace(certificates=money.certificates + 1))
    facts = {
        "problem": "queue",
        "currency": currency,
        "payments": str(len(chosen)),
        "gained_minor": str(checked.gained),
    }
    return {**facts, "bound_minor": str(checked.bound)} if checked.bound is not None else facts


def _divisible(run: Run, currency: str, certificate: Mapping[str, Any]) -> dict[str, Any]:
    state = run.state
    if certificate["register_root"] != register_root(state, currency):
        raise refused("register_root", "the obligations are others than it was made for.", "register_root")
    set_off = read_amounts(certificate["set_off"], "set_off")
    potentials = certificate["potentials"]
    if not isinstance(potentials, dict) or not all(type(value) is int for value in potentials.values()):
        raise refused("form", "integers by member.", "potentials")
    total = check_divisible(divisible_debts(state, currency), set_off, potentials)
    check_claim(certificate, "gained_minor", str(total))
    for key in sorted(set_off):
        found = state.obligation[key]
        left = reduce_obligation(run, found.uetr, found.debtor, set_off[key])
        facts = {"amount_minor": str(set_off[key]), "creditor": found.creditor, "left_minor": str(left.left)}
        run.receipt("owe", found.uetr, found.debtor, "set_off", facts)
    return {"problem": "divisible", "currency": currency, "obligations": str(len(set_off)), "gained_minor": str(total)}
