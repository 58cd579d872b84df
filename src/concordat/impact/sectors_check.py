"""A second solver of the multi-sector model, plain and slow: it shares no code with the first, only the base arrays.

Wages are guessed; prices are iterated for them until they stand still, then spending; where an economy's labour is
wanted more than there is, its wage rises by a power of the ratio, and all is repeated. The power is halved when the
largest gap grows, and rises a little when it falls. No slopes, no acceleration: what follows from `sectors_base`
(expenditure, shares, value added, final demand) is computed here again from flows, tariffs, value-added and input
shares. A claim that rests on the model should have both solvers behind it: `largest_difference` tells how far apart
they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_shocks import SectorShock

if TYPE_CHECKING:
    from concordat.impact.sectors import SectorEquilibrium

Array = NDArray[np.float64]
STILL = 1e-15  # relative change of prices and spending at which they stand still, or rounding keeps them moving
ROUNDS_MAX = 20_000
INNER_MAX = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class PlainSolution:
    """Wages (N,), prices and spending (J, N) after a shock, the largest gap of labour markets, and the rounds."""

    wage: Array
    price: Array
    spending: Array
    gap: float
    rounds: int


def solve_plainly(model: SectorModel, shock: SectorShock, *, tolerance: float = 1e-13) -> PlainSolution:
    """The equilibrium by damped iteration.

    Args:
        tolerance: of labour demand over supply less 1.

    Raises:
        MethodError: wages didn't come to rest within 20,000 rounds.
    """
    world = _World(model, shock)
    wage = np.ones(len(model.economies))
    price, spending = np.ones_like(world.spent), world.spent
    power, before = 0.25, np.inf
    for rounds in range(1, ROUNDS_MAX + 1):
        price = world.prices(wage, price)
        share, spending = world.demand(wage, price, spending)
        wanted = (model.value_added_share * np.einsum("jni,jn->ji", share, spending)).sum(axis=0)
        ratio = wanted / (wage * world.value_added)
        gap = float(np.abs(ratio - 1).max())
        if gap < tolerance:
            return PlainSolution(wage, price, spending, gap, rounds)
        power = min(1.05 * power, 0.5) if gap < before else max(power / 2, 1e-3)
        before = gap
        wage = wage * np.clip(np.nan_to_num(ratio, nan=1.0), 0.1, 10.0) ** power
        wage = wage * (world.value_added.sum() / (wage * world.value_added).sum())
    what = f"the plain solver left a gap of {before:.2g} after {ROUNDS_MAX} rounds."
    hint = "The first solver's result, if it has one, stands unconfirmed."
    raise MethodError(what, where="second solver", hint=hint, code="not_solved")


def largest_difference(found: SectorEquilibrium) -> float:
    """The largest relative difference of wages and prices between a result and the plain solver's.

    Raises:
        MethodError: the plain solver found no solution.
    """
    other = solve_plainly(found.model, found.shock)
    wages = np.abs(other.wage / found.wage - 1).max()
    return float(max(wages, np.abs(other.price / found.price - 1).max()))


class _World:
    """The base once more from its five arrays, and the shock."""

    def __init__(self, model: SectorModel, shock: SectorShock) -> None:
        self.model, self.shock = model, shock
        paid = model.flows + model.tariff * model.flows
        self.spent = np.einsum("jni->jn", paid)
        made = np.einsum("jni->ji", model.flows)
        self.value_added = np.einsum("jn,jn->n", model.value_added_share, made)
        used = np.einsum("jn,njk->kn", made - model.value_added_share * made, model.input_share)
        final = np.maximum(self.spent - used, 0.0)
        self.final_share = final / np.einsum("jn->n", final)
        self.bought = self.spent > 0
        share = np.zeros_like(paid)
        np.divide(paid, self.spent[:, :, None], out=share, where=self.bought[:, :, None])
        self.share = share
        factor = (1 + shock.tariff) * shock.cost_change / (1 + model.tariff) / shock.productivity[:, None, :]
        self.factor = factor ** -model.theta[:, None, None]

    def _weights(self, wage: Array, price: Array) -> Array:
        """(J, N, N) `pi (k c)^(-theta)` at given wages and prices."""
        own = self.model.value_added_share
        materials = np.exp(np.einsum("njk,kn->jn", self.model.input_share, np.log(price)))
        cost = wage**own * materials ** (1 - own)
        found: Array = self.share * self.factor * (cost ** -self.model.theta[:, None])[:, None, :]
        return found

    def prices(self, wage: Array, price: Array) -> Array:
        """(J, N) prices that are made of themselves."""
        least = np.inf
        for _ in range(INNER_MAX):
            total = np.where(self.bought, np.einsum("jni->jn", self._weights(wage, price)), 1.0)
            new = total ** (-1 / self.model.theta)[:, None]
            moved = float(np.abs(new / price - 1).max())
            price = new
            if moved < STILL or (moved < 1e-13 and moved >= least):
                break
            least = min(least, moved)
        return price

    def demand(self, wage: Array, price: Array, spending: Array) -> tuple[Array, Array]:
        """(J, N, N) shares net of tariff, and (J, N) spending that makes the incomes it is made of."""
        weights = self._weights(wage, price)
        total = np.where(self.bought, np.einsum("jni->jn", weights), 1.0)
        net = weights / total[:, :, None] / (1 + self.shock.tariff)
        duty = np.einsum("jni,jni->jn", self.shock.tariff, net)
        materials = self.model.input_share * (1 - self.model.value_added_share).T[:, :, None]
        fixed = wage * self.value_added + self.shock.deficit
        least = np.inf
        for _ in range(INNER_MAX):
            made = np.einsum("jni,jn->ji", net, spending)
            income = fixed + np.einsum("jn,jn->n", duty, spending)
            new = np.einsum("njk,jn->kn", materials, made) + self.final_share * income
            moved = float((np.abs(new - spending) / self.value_added).max())
            spending = new
            if moved < STILL or (moved < 1e-13 and moved >= least):
                break
            least = min(least, moved)
        return net, spending
