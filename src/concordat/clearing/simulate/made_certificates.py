"""Certificates for made-up operations, found simply: drop and add for a queue, cancelled cycles for a set-off.

Slow and without bounds; `clearing.netting` has the solvers. These are here so that the core's tests need none. Trades
are found as payments are: drop what breaks a floor, a limit or a cover, then add what fits. `one_more` is for liars:
a set with one payment or trade too many, all its sums as they would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from concordat.clearing.core.certificates import (
    Limit,
    QueuedPayment,
    QueueProblem,
    Rooms,
    TradesProblem,
    check_queue,
    check_trades,
)
from concordat.clearing.core.limits import limit_room
from concordat.clearing.core.model import Leg, currency_of
from concordat.clearing.core.run import Run
from concordat.clearing.core.settle import divisible_debts, queue_problem, queue_root, register_root
from concordat.clearing.core.settle_trades import trades_problem, trades_root
from concordat.clearing.core.state import State
from concordat.errors import RuleError

TRADES_MAX = 60


def queue_certificate(state: State, currency: str, time_ms: int) -> dict[str, Any] | None:
    """A certificate that settles what a simple search finds; None if it finds nothing."""
    height = state.height + 1
    problem = queue_problem(state, currency, time_ms, height)
    chosen = _maximal(problem)
    if not chosen:
        return None
    gained = sum(p.amount for p in problem.payments if p.id in chosen)
    return {
        "problem": "queue", "currency": currency, "height": height, "state_root": state.root(),
        "queue_root": queue_root(state, currency), "mode": problem.mode, "chosen": sorted(chosen),
        "gained_minor": str(gained), "solver": "drop and add",
    }  # fmt: skip


def _good(problem: QueueProblem, ids: set[str], mode: str) -> bool:
    try:
        check_queue(problem._replace(mode=mode), sorted(ids))
    except RuleError:
        return False
    return True


def _maximal(problem: QueueProblem) -> set[str]:
    """Start with everything that isn't held; drop what breaks a floor or a limit; then add what fits."""

    free = [p for p in problem.payments if not p.held]
    if problem.mode == "strict_fifo" or len(free) > 300:
        return set()
    chosen = {p.id for p in free}
    for payment in sorted(free, key=lambda p: (-p.amount, p.id)):
        if chosen and _good(problem, chosen, "set"):
            break
        chosen.discard(payment.id)
    for payment in sorted(free, key=lambda p: (p.amount, p.id)):
        if payment.id not in chosen and _good(problem, chosen | {payment.id}, "set"):
            chosen.add(payment.id)
    return chosen if chosen and _good(problem, chosen, problem.mode) else set()


# --- Trades -----------------------------------------------------------------------------------------------------------


def trades_certificate(state: State, time_ms: int) -> dict[str, Any] | None:
    """A certificate that settles the trades that a simple search finds; None if it finds none."""
    problem = trades_problem(state, time_ms, state.height + 1)
    free = [t for t in problem.trades if not t.held and {t.a_currency, t.b_currency} <= problem.rates.keys()]
    if not free or len(free) > TRADES_MAX:
        return None
    chosen = {trade.id for trade in free}
    by_size = sorted(free, key=lambda t: (max(t.a_amount, t.b_amount), t.id))
    for trade in reversed(by_size):
        if chosen and good_trades(state, problem, chosen, time_ms):
            break
        chosen.discard(trade.id)
    for trade in by_size:
        if trade.id not in chosen and good_trades(state, problem, chosen | {trade.id}, time_ms):
            chosen.add(trade.id)
    return _trades_facts(state, chosen) if chosen else None


def _trades_facts(state: State, chosen: Iterable[str]) -> dict[str, Any]:
    sums: dict[str, int] = {}
    for leg in _legs(state, chosen):
        sums[currency_of(leg.payer)] = sums.get(currency_of(leg.payer), 0) + leg.amount
    found: dict[str, Any] = {
        "problem": "trades", "height": state.height + 1, "state_root": state.root(), "trades_root": trades_root(state),
        "chosen": sorted(chosen), "gained_minor": {code: str(sums[code]) for code in sorted(sums)},
        "solver": "drop and add",
    }  # fmt: skip
    rates = state.scheme.rates
    if rates:
        worth = sum(rates.numerators[code] * amount for code, amount in sums.items())
        found |= {"rates": rates.name, "gained_value": str(worth)}
    return found


def _legs(state: State, chosen: Iterable[str]) -> list[Leg]:
    return [leg for key in sorted(chosen) for leg in state.trade[key].legs]


def good_trades(state: State, problem: TradesProblem, chosen: set[str], time_ms: int) -> bool:
    """Whether these may settle together: members' positions and cover, then each account and each limit of a payer."""
    legs = _legs(state, chosen)
    end: dict[str, int] = {}
    for leg in legs:
        for name, change in ((leg.payer, -leg.amount), (leg.payee, leg.amount)):
            end[name] = end.get(name, state.accounts[name].available if name in state.accounts else 0) + change
    if any(end[leg.payer] < 0 for leg in legs):
        return False
    run = Run(state, state.height + 1, time_ms)
    limits = [
        Limit(one.kind, name, one.payee or None, limit_room(run, state.accounts[name], one))
        for name in sorted({leg.payer for leg in legs} & set(state.limits))
        for one in state.limits[name].limits
        if one.kind != "payment"
    ]
    try:
        check_trades(problem, sorted(chosen))
        rooms = Rooms(limits)
        rooms.spend(QueuedPayment(str(n), leg.payer, leg.payee, leg.amount) for n, leg in enumerate(legs))
        rooms.check(strict=True)
    except RuleError:
        return False
    return True


# --- For liars --------------------------------------------------------------------------------------------------------


def one_more(state: State, certificate: dict[str, Any], time_ms: int) -> dict[str, Any] | None:
    """The certificate with one payment or trade more, which no rule allows, and the sums that this would have."""
    chosen = set(certificate["chosen"])
    if certificate["problem"] == "queue":
        queue = queue_problem(state, certificate["currency"], time_ms, state.height + 1)

        def bad(ids: set[str]) -> bool:
            return not _good(queue, ids, "set")

        more = _first(bad, chosen, [payment.id for payment in queue.payments])
        if more is None:
            return None
        gained = sum(payment.amount for payment in queue.payments if payment.id in more)
        return {**certificate, "chosen": sorted(more), "gained_minor": str(gained)}
    trades = trades_problem(state, time_ms, state.height + 1)
    rated = [t.id for t in trades.trades if {t.a_currency, t.b_currency} <= trades.rates.keys()]
    more = _first(lambda ids: not good_trades(state, trades, ids, time_ms), chosen, rated)
    return None if more is None else {**certificate, **_trades_facts(state, more)}


def _first(bad: Callable[[set[str]], bool], chosen: set[str], ids: Sequence[str]) -> set[str] | None:
    return next((chosen | {one} for one in ids if one not in chosen and bad(chosen | {one})), None)


# --- Set-off ----------------------------------------------------------------------------------------------------------


def set_off_certificate(state: State, currency: str) -> dict[str, Any] | None:
    """The largest set-off of a currency's obligations, with potentials: by cancelling positive cycles."""
    debts = divisible_debts(state, currency)
    if not debts or len(debts) > 400:
        return None
    flow = dict.fromkeys((debt.id for debt in debts), 0)
    while True:
        arcs = []
        for debt in debts:
            if flow[debt.id] < debt.amount:
                arcs.append((debt.payer, debt.payee, 1, debt.id, debt.amount - flow[debt.id]))
            if flow[debt.id]:
                arcs.append((debt.payee, debt.payer, -1, debt.id, flow[debt.id]))
        cycle, potentials = _longest_paths(arcs, sorted({m for d in debts for m in (d.payer, d.payee)}))
        if not cycle:
            break
        room = min(arc[4] for arc in cycle)
        for arc in cycle:
            flow[arc[3]] += arc[2] * room
    total = sum(flow.values())
    return {
        "problem": "divisible", "currency": currency, "height": state.height + 1, "state_root": state.root(),
        "register_root": register_root(state, currency), "gained_minor": str(total),
        "set_off": {key: str(amount) for key, amount in flow.items() if amount}, "potentials": potentials,
    }  # fmt: skip


Arc = tuple[str, str, int, str, int]


def _longest_paths(arcs: Sequence[Arc], members: Sequence[str]) -> tuple[list[Arc], dict[str, int]]:
    """A cycle of positive gain; if there is none, the largest potentials <= 0 with p_u - p_v >= gain of every arc."""
    length = dict.fromkeys(members, 0)
    behind: dict[str, Arc] = {}
    for _ in range(len(members) + 1):
        changed = ""
        for arc in arcs:  # p_payee <= p_payer - gain
            if length[arc[0]] - arc[2] < length[arc[1]]:
                length[arc[1]] = length[arc[0]] - arc[2]
                behind[arc[1]] = arc
                changed = arc[1]
        if not changed:
            return [], length
    for _ in members:
        changed = behind[changed][0]
    cycle, at = [], changed
    while True:
        cycle.append(behind[at])
        at = behind[at][0]
        if at == changed:
            return cycle, length
