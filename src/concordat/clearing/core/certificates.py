"""Is this set allowed to settle, and how near is it to the best: checks of proposed sets, in integers, in one pass.

Whoever proposes a set may find it with any solver on any machine; the checks here are all that a validator runs. Each
takes time linear in the number of payments, and raises at the first condition that fails, with the condition's name.

A. *Divisible debts* (`check_divisible`). A set-off f with 0 <= f <= a and inflow = outflow at every member is as large
   as any exactly when integer potentials p exist with, for every debt from u to v: f < a => p_u - p_v >= 1, and
   f > 0 => p_u - p_v <= 1 (complementary slackness of the largest circulation; Ahuja, Magnanti and Orlin, *Network
   Flows*, 1993, section 9.4). So that a set-off has one certificate, the potentials must be the largest that fit and
   are at most 0: from every member, conditions met with equality lead up to a member at 0, which holds it down.
B. *Queued payments* (`check_queue`), settled at one instant. Every account that pays must end at 0 or more, limits
   hold, nothing held is chosen, and the queue's mode is kept (`MODES`). Any prices y >= 0 bound every set:
   sum_m available_m y_m + sum_e a_e max(0, 1 - y_payer + y_payee) (weak duality of the linear relaxation).
C. *Trades* (`check_trades`): both legs or none. For every member of a chosen trade and every currency c, the position
   v = balance + received - paid must be >= -short limit, and sum_c min((1 - h) u_c, (1 + h) u_c) >= 0 with u = v at the
   rates: what is long counts for less, what is short for more. Prices bound the value in the same way (`TradePrices`).

An account, or member, below its floor before the set (a credit line was cut) may receive; it may pay only if it ends
above. Not here: how a set is found (`clearing.netting`), and whether roots, corridors and windows fit (`clearing.core`
asks that of its own state). Standard library only.

    >>> debts = [Debt("a", "X", "Y", 70), Debt("b", "Y", "Z", 50), Debt("c", "Z", "X", 60)]
    >>> check_divisible(debts, {"a": 50, "b": 50, "c": 50}, {"X": 0, "Y": -1, "Z": -1})
    Traceback (most recent call last):
    ...
    concordat.errors.RuleError: c: 10 of 60 is left, so the potential must fall by 1 or more; it falls by -1.
    >>> check_divisible(debts, {"a": 50, "b": 50, "c": 50}, {"X": -1, "Y": -2, "Z": 0})
    150
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple

from concordat.clearing.core.trade_certificates import (
    PRICE_ONE,
    Checked,
    Trade,
    TradePrices,
    TradesProblem,
    check_trades,
    refuse,
)

__all__ = [
    "LIMIT_KINDS",
    "MODES",
    "PRICE_ONE",
    "Checked",
    "Debt",
    "Limit",
    "QueueProblem",
    "QueuedPayment",
    "Rooms",
    "Trade",
    "TradePrices",
    "TradesProblem",
    "check_divisible",
    "check_queue",
    "check_trades",
    "place_in_queue",
    "queue_bound",
]
MODES = ("bypass", "strict_fifo", "set")
LIMIT_KINDS = ("day_out", "bilateral", "multilateral")


class Debt(NamedTuple):
    """A divisible obligation: `payer` owes `payee` `amount` minor units (>= 1)."""

    id: str
    payer: str
    payee: str
    amount: int


class QueuedPayment(NamedTuple):
    """An indivisible payment that waits. `payer` and `payee` are accounts; `amount` in minor units, >= 1.

    `priority` 1 is the most urgent class. `age` is the place in the queue: the smaller, the longer it has waited; equal
    ages are ordered by id. A payment that is `held` can't be chosen and stands in nobody's way.
    """

    id: str
    payer: str
    payee: str
    amount: int
    priority: int = 1
    held: bool = False
    age: int = 0


class Limit(NamedTuple):
    """What a payer may still pay: `room` minor units.

    `day_out`: all it pays in the set. `bilateral`: what it pays to `payee` (an account) less what it gets from that
    one. `multilateral`: what it pays less what it gets, over everyone.
    """

    kind: str
    payer: str
    payee: str | None
    room: int


class QueueProblem(NamedTuple):
    """The queue of one currency: payments, what each account has available (minor units), limits, and the mode.

    `bypass`: nothing left out could settle alone after the set. `strict_fifo`: what is chosen of one payer and class is
    a prefix of its queue, by age and id. `set`: any set.
    """

    payments: Sequence[QueuedPayment]
    available: Mapping[str, int]
    limits: Sequence[Limit] = ()
    mode: str = "bypass"


# --- A: divisible debts -------------------------------------------------------------------------------------------


def check_divisible(debts: Sequence[Debt], set_off: Mapping[str, int], potentials: Mapping[str, int]) -> int:
    """Check that a set-off is a circulation, and that none is larger.

    Args:
        debts: all obligations of one currency.
        set_off: id -> minor units set off, only those > 0.
        potentials: member -> integer, the largest solution <= 0; one for each member with a debt.

    Returns:
        What is set off in all, in minor units.

    Raises:
        RuleError: with the code `certificate_...` of the condition that fails.
    """
    net = dict.fromkeys(potentials, 0)
    holds_down: dict[str, set[str]] = {}  # member -> those whose potential can't rise unless its own does
    total = used = 0
    try:
        for name, payer, payee, amount in debts:
            done = set_off.get(name, 0)
            drop = potentials[payer] - potentials[payee]
            if done:
                if not 0 < done <= amount:
                    refuse("set_off", name, f"{done} is set off of a debt of {amount}.")
                used += 1
                total += done
                net[payer] -= done
                net[payee] += done
                if drop > 1:
                    what = f"{done} is set off, so the potential must fall by 1 or less; it falls by {drop}."
                    refuse("potentials", name, what)
                if drop == 1:
                    holds_down.setdefault(payee, set()).add(payer)
            if done < amount:
                if drop < 1:
                    left = f"{amount - done} of {amount} is left"
                    what = f"{left}, so the potential must fall by 1 or more; it falls by {drop}."
                    refuse("potentials", name, what)
                if drop == 1:
                    holds_down.setdefault(payer, set()).add(payee)
    except KeyError as missing:
        refuse("potentials", str(missing.args[0]), "The member has no potential.")
    if len(net) != len({member for debt in debts for member in debt[1:3]}):
        refuse("potentials", "", "There are potentials of members without a debt.")
    if used != len(set_off):
        refuse("set_off", "", f"{len(set_off)} debts are named, of which {used} are owed and set off once.")
    for member, balance in net.items():
        if balance:
            refuse("circulation", member, f"What it gives and what it gets differ by {abs(balance)}.")
    _check_largest(potentials, holds_down)
    return total


def _check_largest(potentials: Mapping[str, int], holds_down: Mapping[str, Iterable[str]]) -> None:
    """Every potential is 0, or held down by a chain from one that is: members that only hold each other could rise."""
    at_top = [member for member, potential in potentials.items() if potential == 0]
    reached = set(at_top)
    while at_top:
        for member in holds_down.get(at_top.pop(), ()):
            if member not in reached:
                reached.add(member)
                at_top.append(member)
    for member, potential in potentials.items():
        if potential > 0 or member not in reached:
            refuse("potentials", member, f"{potential} is not the largest potential <= 0 that fits.")


# --- B: queued payments -------------------------------------------------------------------------------------------


def check_queue(problem: QueueProblem, chosen: Sequence[str], prices_e6: Mapping[str, int] | None = None) -> Checked:
    """Check a set of queued payments, settled at one instant, and what its prices prove.

    Args:
        problem: the queue, unfiltered, and what each account has available.
        chosen: ids, strictly ascending as text.
        prices_e6: account -> price in 1e-6, only those > 0; None where none are given.

    Returns:
        The sum of the set and the bound, in minor units; the bound is rounded up.

    Raises:
        RuleError: with the code `certificate_...` of the condition that fails.
    """
    if problem.mode not in MODES:
        refuse("mode", problem.mode, f"The mode is none of {', '.join(MODES)}.")
    if not all(map(lt, chosen, islice(chosen, 1, None))):
        refuse("unsorted", "", "The ids must ascend, each once.")
    picked = frozenset(chosen)
    end = dict(problem.available)
    gained = found = 0
    try:
        for name, payer, payee, amount, _, held, _ in problem.payments:
            if name in picked:
                if held:
                    refuse("held", name, "The payment is held.")
                end[payer] -= amount
                end[payee] += amount
                gained += amount
                found += 1
    except KeyError as missing:
        refuse("account", str(missing.args[0]), "The account is not open in this currency.")
    if found != len(chosen):
        refuse("unknown_payment", "", f"{len(chosen)} payments are named, of which {found} stand in the queue once.")
    _check_ends(problem, picked, end)
    rooms = Rooms(problem.limits)
    if problem.limits:
        rooms.spend(p for p in problem.payments if p.id in picked)
        rooms.check()
    if problem.mode == "bypass":
        _check_maximal(problem.payments, picked, end, rooms)
    elif problem.mode == "strict_fifo":
        _check_prefixes(problem.payments, picked)
    return Checked(gained, None if prices_e6 is None else queue_bound(problem, prices_e6))


def _check_ends(problem: QueueProblem, picked: frozenset[str], end: Mapping[str, int]) -> None:
    """Every account that pays ends at 0 or more."""
    below = {account for account, left in end.items() if left < 0}
    for payment in problem.payments if below else ():
        if payment.payer in below and payment.id in picked:
            account = payment.payer
            what = f"After the set {-end[account]} would be missing; it has {problem.available[account]} available."
            refuse("overdraft", account, what)


def _check_maximal(
    payments: Sequence[QueuedPayment], picked: frozenset[str], end: Mapping[str, int], rooms: Rooms
) -> None:
    """Whatever is left out would alone break a constraint: its payer's funds, or one of its limits."""
    for payment in payments:
        name, payer, _, amount, _, held, _ = payment
        if end.get(payer, 0) >= amount and name not in picked and not held and not rooms.refuses(payment):
            refuse("not_maximal", name, f"It is left out, but {amount} would fit beside the set.")


def _check_prefixes(payments: Sequence[QueuedPayment], picked: frozenset[str]) -> None:
    """Of each payer and class, nothing is chosen behind something that is left out."""
    stopped: dict[tuple[str, int], str] = {}
    for name, payer, _, _, priority, held, _ in sorted(payments, key=place_in_queue):
        if held:
            continue
        if name not in picked:
            stopped.setdefault((payer, priority), name)
        elif (first := stopped.get((payer, priority))) is not None:
            refuse("not_prefix", name, f"It is chosen, but {first} stands before it in the queue of {payer}.")


def place_in_queue(payment: QueuedPayment) -> tuple[int, str]:
    """What orders one class of a queue: age, then id."""
    return payment.age, payment.id


class Rooms:
    """What limits leave while payments are added: `spend`, `refuses`, `check`.

    Payments to oneself move nothing between accounts, and count for no limit but `day_out`.
    """

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits = limits
        self.left = [limit.room for limit in limits]
        self.used: set[int] = set()
        self.day_out: dict[str, list[int]] = {}
        self.net: dict[str, list[int]] = {}
        self.pair: dict[tuple[str, str], list[int]] = {}
        for row, limit in enumerate(limits):
            if limit.kind == "day_out":
                self.day_out.setdefault(limit.payer, []).append(row)
            elif limit.kind == "multilateral":
                self.net.setdefault(limit.payer, []).append(row)
            elif limit.kind == "bilateral" and limit.payee is not None:
                self.pair.setdefault((limit.payer, limit.payee), []).append(row)
            else:
                refuse("limit", limit.payer, f'"{limit.kind}" is no limit that I know, or lacks its payee.')

    def out(self, payment: QueuedPayment) -> list[int]:
        """The rows of limits that a payment uses up."""
        _, payer, payee, *_ = payment
        rows = self.day_out.get(payer, [])
        if payer != payee:
            rows = rows + self.net.get(payer, []) + self.pair.get((payer, payee), [])
        return rows

    def back(self, payment: QueuedPayment) -> list[int]:
        """The rows of limits that a payment refills."""
        _, payer, payee, *_ = payment
        return [] if payer == payee else self.net.get(payee, []) + self.pair.get((payee, payer), [])

    def spend(self, payments: Iterable[QueuedPayment]) -> None:
        """Add payments, whatever the limits say."""
        for payment in payments:
            for row in self.out(payment):
                self.left[row] -= payment.amount
                self.used.add(row)
            for row in self.back(payment):
                self.left[row] += payment.amount

    def refuses(self, payment: QueuedPayment) -> bool:
        """Whether a payment alone would go beyond a limit."""
        return bool(self.limits) and any(self.left[row] < payment.amount for row in self.out(payment))

    def check(self, *, strict: bool = False) -> None:
        """Refuse if a limit that the set uses is exceeded; `strict`: even if it was so before and gets no worse."""
        for row, (limit, left) in enumerate(zip(self.limits, self.left, strict=True)):
            if left < 0 and (left < limit.room or (strict and row in self.used)):
                to = f" to {limit.payee}" if limit.payee else ""
                refuse("limit", limit.payer, f"The limit {limit.kind}{to} of {limit.room} is exceeded by {-left}.")


def queue_bound(problem: QueueProblem, prices_e6: Mapping[str, int]) -> int:
    """What no set can exceed, by prices: sum available y + sum a max(0, 1 - y_payer + y_payee), rounded up."""
    for account, price in prices_e6.items():
        if account not in problem.available:
            refuse("prices", account, "There is a price, but no such account.")
        if price <= 0:
            refuse("prices", account, f"The price {price} is not above 0.")
    total = sum(max(0, problem.available[account]) * price for account, price in prices_e6.items())
    price_of = dict.fromkeys(problem.available, 0)
    price_of.update(prices_e6)
    for _, payer, payee, amount, _, held, _ in problem.payments:
        margin = PRICE_ONE - price_of[payer] + price_of[payee]
        if margin > 0 and not held:
            total += amount * margin
    return -(-total // PRICE_ONE)
