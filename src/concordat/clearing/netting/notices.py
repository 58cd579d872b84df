"""What is each member told: how much of every debt is set off, what remains, and that its net position is the same.

Set-off moves no money: before and after, what a member is owed less what it owes is equal to the unit, in every
currency. `check_same_positions` recomputes that from the notices alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.clearing.core.certificates import Debt, check_divisible
from concordat.clearing.netting.circulation import Cleared
from concordat.clearing.netting.tables import Obligations, write_csv
from concordat.errors import RuleError


@dataclass(frozen=True, slots=True)
class Position:
    """What a member owes and is owed in a currency before set-off, and what is set off of each; minor units."""

    member: str
    currency: str
    owes: int
    owed: int
    set_off: int


def notices_csv(cleared: Cleared) -> str:
    """Every debt with what is set off of it and what remains, in minor units, in the order of the file."""
    debts = cleared.debts
    header = ("id", "payer", "payee", "currency", "amount_minor", "set_off_minor", "remaining_minor")
    return write_csv(header, (
        debts.ids, _named(debts.members, debts.payer), _named(debts.members, debts.payee),
        _named(debts.currencies, debts.currency), debts.amount.tolist(), cleared.set_off.tolist(),
        (debts.amount - cleared.set_off).tolist(),
    ))  # fmt: skip


def _named(names: tuple[str, ...], places: np.ndarray) -> list[str]:
    return list(map(names.__getitem__, places.tolist()))


def positions(cleared: Cleared) -> list[Position]:
    """The position of every member in every currency in which it has a debt, sorted by currency and member."""
    debts = cleared.debts
    width = len(debts.members)
    cells = width * len(debts.currencies)
    sums = []
    for side, amount in ((debts.payer, debts.amount), (debts.payee, debts.amount), (debts.payer, cleared.set_off)):
        total = np.zeros(cells, np.int64)
        np.add.at(total, debts.currency * width + side, amount)
        sums.append(total)
    owes, owed, set_off = sums
    return [
        Position(debts.members[n % width], debts.currencies[n // width], int(owes[n]), int(owed[n]), int(set_off[n]))
        for n in np.flatnonzero(owes | owed).tolist()
    ]


def check_same_positions(debts: Obligations, set_off: np.ndarray) -> None:
    """Check that set-off leaves every net position as it was.

    Raises:
        RuleError: a member gives up more or less than it is given.
    """
    width = len(debts.members)
    net = np.zeros(width * len(debts.currencies), np.int64)
    np.add.at(net, debts.currency * width + debts.payee, set_off)
    np.subtract.at(net, debts.currency * width + debts.payer, set_off)
    if (wrong := np.flatnonzero(net)).size:
        cell = int(wrong[0])
        where = f"{debts.members[cell % width]}, {debts.currencies[cell // width]}"
        raise RuleError(f"The net position moves by {int(net[cell])}.", where=where, code="certificate_circulation")


def check_cleared(cleared: Cleared) -> int:
    """Check every currency's set-off and potentials as a validator would.

    Returns:
        Minor units cleared over all currencies.

    Raises:
        RuleError: naming the condition that fails.
    """
    total = 0
    for place, code in enumerate(cleared.debts.currencies):
        owed, rows = debts_of(cleared.debts, place)
        set_off = cleared.set_off[rows].tolist()
        done = {debt[0]: amount for debt, amount in zip(owed, set_off, strict=True) if amount}
        total += check_divisible(owed, done, cleared.potentials[code])
    return total


def debts_of(debts: Obligations, place: int) -> tuple[list[Debt], np.ndarray]:
    """The debts of one currency that are not held, and their rows."""
    rows = np.flatnonzero((debts.currency == place) & ~debts.held)
    names = map(debts.ids.__getitem__, rows.tolist())
    payers = map(debts.members.__getitem__, debts.payer[rows].tolist())
    payees = map(debts.members.__getitem__, debts.payee[rows].tolist())
    return list(map(Debt._make, zip(names, payers, payees, debts.amount[rows].tolist(), strict=True))), rows
