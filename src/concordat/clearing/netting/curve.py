"""What would it take: the share of a queue's value that settles, against the liquidity that accounts open with.

The balances of the file are scaled so that together they are a given share of gross value, currency by currency, in
proportion; nothing else changes. At each point three ways: released together (`queue_release` for the most value,
whatever the class, with its certified bound), one by one in the order of class and age where what does not fit is
passed by, and one by one where what does not fit stops those behind it. More liquidity never settles less in the best
set; a search may show otherwise by a little, so a point shows at least the set of the one before, which settles there
as well, and at least what settles one by one, which settles at one instant as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from concordat.clearing.core.certificates import QueuedPayment, place_in_queue
from concordat.clearing.netting.queue_release import currency_of, release_queue
from concordat.errors import InputError


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Shares of gross value in per cent: opening liquidity, settled together, its bound, and the two simple ways."""

    opening: float
    released: float
    bound: float
    bypass: float
    in_order: float


def settled_shares(
    payments: Sequence[QueuedPayment], available: Mapping[str, int], openings: Sequence[float], *,
    work: float | None = None, seed: int = 0, deadline_s: float | None = None, workers: int = 2,
) -> list[CurvePoint]:  # fmt: skip
    """The curve at ascending openings, in per cent of gross value.

    Raises:
        InputError: nothing to settle, or no balance to scale.
    """
    gross: dict[str, int] = {}
    opening: dict[str, int] = {}
    for p in payments:
        gross[currency_of(p.payer)] = gross.get(currency_of(p.payer), 0) + p.amount
    for account, held in available.items():
        opening[currency_of(account)] = opening.get(currency_of(account), 0) + max(0, held)
    if not gross:
        raise InputError("There is nothing to settle.", code="no_obligations", hint="Give a file with obligations.")
    if empty := [code for code in sorted(gross) if not opening.get(code)]:
        raise InputError(f"There is no opening balance in {empty[0]} to scale.", code="no_balances",
                         hint="Give every currency at least one account with a balance.")  # fmt: skip
    total, best, points = sum(gross.values()), 0, []
    for percent in openings:
        share = Fraction(percent) / 100
        funds = {
            account: int(max(0, held) * share * gross.get(code, 0) / opening[code]) if opening.get(code) else 0
            for account, held in available.items()
            for code in (currency_of(account),)
        }
        found = release_queue(
            payments, funds, classes="together", work=work, seed=seed, deadline_s=deadline_s, workers=workers
        )
        simple = [one_by_one(payments, funds, passing=passing) for passing in (True, False)]
        best = max(best, found.gained, *simple)
        points.append(CurvePoint(percent, *(round(100 * value / total, 4) for value in (best, found.bound, *simple))))
    return points


def one_by_one(payments: Sequence[QueuedPayment], available: Mapping[str, int], *, passing: bool) -> int:
    """Minor units that settle if payments are tried one by one, by class and age, until nothing moves any more.

    With `passing` what does not fit is passed by; else it stops those behind it in its payer's queue.
    """
    left = dict(available)
    waiting = sorted((p for p in payments if not p.held), key=lambda p: (p.priority, *place_in_queue(p)))
    settled, moved = 0, True
    while moved:
        moved, kept, stopped = False, [], set()
        for p in waiting:
            if left.get(p.payer, 0) < p.amount or p.payer in stopped:
                kept.append(p)
                if not passing:
                    stopped.add(p.payer)
                continue
            left[p.payer] -= p.amount
            left[p.payee] = left.get(p.payee, 0) + p.amount
            settled, moved = settled + p.amount, True
        waiting = kept
    return settled
