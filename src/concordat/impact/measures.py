"""What a solved scenario means for a bloc and for everybody else: weighted, unweighted, outsiders named.

A bloc's change is shown twice: what its members together can buy (weighted by expenditure), and the plain mean over
members, in which each counts once. Outsiders are always shown: how many lose, their net change, and the worst one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
NOISE = 1e-9  # a change of real income below it, as a share, is no loss: the solver's own error is smaller still


@dataclass(frozen=True, slots=True)
class BlocChange:
    """Change of real income of a set of economies.

    Attributes:
        weighted_pct: of what they buy together. unweighted_pct: the mean of their changes.
        money: sum of their equivalent variations, in the table's unit.
    """

    members: tuple[str, ...]
    weighted_pct: float
    unweighted_pct: float
    money: float


@dataclass(frozen=True, slots=True)
class Outsiders:
    """Everybody who isn't in the bloc.

    Attributes:
        count, losing: how many there are, and how many lose real income.
        net: sum of their equivalent variations, in the table's unit. worst, worst_pct: who loses most, in percent.
    """

    count: int
    losing: int
    net: float
    worst: str
    worst_pct: float

    def to_value(self) -> dict[str, Any]:
        """For canonical JSON."""
        return {
            "count": self.count,
            "losing": self.losing,
            "net": self.net,
            "worst": self.worst,
            "worst_pct": self.worst_pct,
        }


def bloc_change(table: TradeTable, real_income: Array, members: Iterable[str]) -> BlocChange:
    """A bloc's change from the factors of real income, (N,)."""
    rows = table.indices(members)
    spent = table.expenditure[rows]
    change = np.asarray(real_income)[rows] - 1
    money = float((change * spent).sum())
    names = tuple(table.economies[i] for i in rows)
    return BlocChange(names, 100 * money / float(spent.sum()), 100 * float(change.mean()), money)


def outsiders(table: TradeTable, real_income: Array, members: Iterable[str]) -> Outsiders:
    """What becomes of the others; with no others, zero of them."""
    inside = set(table.indices(members))
    rows = [i for i in range(len(table.economies)) if i not in inside]
    if not rows:
        return Outsiders(0, 0, 0.0, "", 0.0)
    change = np.asarray(real_income)[rows] - 1
    worst = int(change.argmin())
    net = float((change * table.expenditure[rows]).sum())
    losing = int((change < -NOISE).sum())
    return Outsiders(len(rows), losing, net, table.economies[rows[worst]], 100 * float(change[worst]))
