"""Certificates for made-up operations, found simply: drop and add for a queue, cancelled cycles for a set-off.

Slow and without bounds; `clearing.netting` has the solvers. These are here so that the core's tests need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concordat.clearing.core.certificates import QueueProblem, check_queue
from concordat.clearing.core.settle import divisible_debts, queue_problem, queue_root, register_root
from concordat.clearing.core.state import State
from concordat.errors import RuleError


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


def _maximal(problem: QueueProblem) -> set[str]:
    """Start with everything that isn't held; drop what breaks a floor or a limit; then add what fits."""

    def good(ids: set[str], mode: str) -> bool:
        try:
            check_queue(problem._replace(mode=mode), sorted(ids))
        except RuleError:
            return False
        return True

    free = [p for p in problem.payments if not p.held]
    if problem.mode == "strict_fifo" or len(free) > 300:
        return set()
    chosen = {p.id for p in free}
    for payment in sorted(free, key=lambda p: (-p.amount, p.id)):
        if chosen and good(chosen, "set"):
            break
        chosen.discard(payment.id)
    for payment in sorted(free, key=lambda p: (p.amount, p.id)):
        if payment.id not in chosen and good(chosen | {payment.id}, "set"):
            chosen.add(payment.id)
    return chosen if chosen and good(chosen, problem.mode) else set()


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
