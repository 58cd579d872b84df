"""The first-order terms of welfare: an approximation printed beside the exact result, and never in its place.

For small changes, the change of real income of economy n is the sum of (Caliendo and Parro 2015, section 3; the last
two, which are 0 where only tariffs change, follow in the same way from the model's equations)

    terms of trade    (1 / I_n) sum_j sum_i (M_jin dln c_jn - M_jni dln c_ji)
    volume of trade   (1 / I_n) sum_j sum_i t_jni M_jni (dln M_jni - dln c_ji - dln d_jni)
    technology        (1 / I_n) (sum_j Y_jn dln z_jn - sum_j sum_i M_jni dln d_jni)
    transfers         (D'_n - D_n) / I_n

`dln c`, `dln d` and `dln z` are logarithms of changes. For `dln M` a large change needs a choice, which is named with
every number: `percent` takes `M'/M - 1`, `log` takes `ln(M'/M)`. Where tariffs fall to zero the two are far apart, and
both are far from the exact change: the growth of trade is valued at the old tariff over its whole way. The published
effects of NAFTA are these terms with `percent`, in a base without deficits. Pairs without trade enter with 0, for they
have none afterwards either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_shocks import SectorShock

Array = NDArray[np.float64]
Change = Literal["percent", "log"]
LABEL = "first-order, not the result"


@dataclass(frozen=True, slots=True, eq=False)
class FirstOrder:
    """First-order terms, (N,) each, in percent of base income.

    Attributes:
        change: how `dln M` was taken. label: what must stand beside these numbers wherever they are shown.
    """

    terms_of_trade_pct: Array
    volume_of_trade_pct: Array
    technology_pct: Array
    transfers_pct: Array
    change: Change
    label: str = LABEL

    @property
    def total_pct(self) -> Array:
        """(N,) the sum: for a change of tariffs, what is published as "welfare"."""
        found: Array = self.terms_of_trade_pct + self.volume_of_trade_pct + self.technology_pct + self.transfers_pct
        return found


def first_order(
    model: SectorModel, shock: SectorShock, cost: Array, flows: Array, *, change: Change = "percent"
) -> FirstOrder:
    """The terms for a shock and what it led to.

    Args:
        cost: (J, N) unit costs after the shock over before. flows: (J, N, N) trade after it, as in `model.flows`.

    Raises:
        InputError: a `change` that isn't `percent` or `log`.
    """
    if change not in ("percent", "log"):
        hint = "Say percent or log."
        raise InputError(f'"{change}" is no way to take a change of trade.', where="change", hint=hint, code="change")
    before = model.flows
    dearer, hindered = np.log(cost), np.log(shock.cost_change)
    exports = (before.sum(axis=1) * dearer).sum(axis=0)
    imports = (before * dearer[:, None, :]).sum(axis=(0, 2))
    there = (before > 0) & (flows > 0)
    ratio = np.where(there, flows, 1.0) / np.where(there, before, 1.0)
    grown = ratio - 1 if change == "percent" else np.log(ratio)
    volume = (model.tariff * before * (grown - dearer[:, None, :] - hindered)).sum(axis=(0, 2))
    made = (model.output * np.log(shock.productivity)).sum(axis=0) - (before * hindered).sum(axis=(0, 2))
    unit = 100 / model.income
    return FirstOrder(
        unit * (exports - imports), unit * volume, unit * made, unit * (shock.deficit - model.deficit), change
    )
