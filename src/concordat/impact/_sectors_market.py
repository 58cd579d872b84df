"""A shocked multi-sector world at given wages: its prices, its spending, and how far labour markets are from clearing.

For given wages both inner problems are contractions: prices by the largest share of materials in output, spending by
the largest share of it that ends in materials or as tariff instead of wages. `sectors_solve` moves the wages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.impact._anderson import fixed_point

Array = NDArray[np.float64]
INNER_LEAST = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A shocked world as arrays; N economies, J sectors.

    Attributes:
        pull: (J, N, N) `pi (k_hat / z)^(-theta)`: what draws importer n to exporter i at unchanged unit costs.
        tariff: (J, N, N) after the shock. theta: (J, 1). own: (J, N), B. inputs: (N, J, J), (1 - B) g.
        final: (J, N), a. value_added, deficit: (N,). spending: (J, N), where the search starts.
        economies: names, for messages.
    """

    pull: Array
    tariff: Array
    theta: Array
    own: Array
    inputs: Array
    final: Array
    value_added: Array
    deficit: Array
    spending: Array
    economies: tuple[str, ...]


class Search:
    """Where the search stands: wages, prices, spending, and how far labour markets are from clearing."""

    def __init__(self, problem: Problem, start: Array) -> None:
        self.problem = problem
        self.net = problem.pull / (1 + problem.tariff)
        self.power = -problem.theta
        self.nothing = (problem.pull.sum(axis=2) == 0).astype(np.float64)  # not bought: its price is left at 1
        self.steps = self.price_steps = self.spending_steps = 0
        self.restart(start)
        self.best, self.best_error = self.log_wage, np.inf

    def restart(self, start: Array) -> None:
        self.log_wage = self._normal(start)
        self.log_price = np.zeros_like(self.problem.final)
        self.spending = self.problem.spending
        self.error = np.inf

    def _normal(self, log_wage: Array) -> Array:
        own = self.problem.value_added
        found: Array = log_wage - np.log((np.exp(log_wage) * own).sum() / own.sum())
        return found

    def move(self, step: Array) -> None:
        largest = float(np.abs(step).max())
        self.log_wage = self._normal(self.log_wage + step * min(1.0, 1.0 / largest if largest > 0 else 1.0))

    def flows(self) -> Array:
        """(J, N, N) what each importer buys of each exporter, net of tariff."""
        found: Array = self.net * (self.drawn[:, None, :] * (self.spending / self.total)[:, :, None])
        return found

    def excess(self, tolerance: float) -> Array:
        """(N,) labour demand less supply, over base value added, at the present wages."""
        problem, tolerance = self.problem, max(tolerance, INNER_LEAST)
        self.steps += 1
        self._solve_prices(tolerance)
        self._solve_spending(tolerance)
        wage = np.exp(self.log_wage)
        found: Array = (problem.own * self.output).sum(axis=0) / problem.value_added - wage
        self.error = float(np.abs(found / wage).max())
        if not np.isfinite(self.error):
            self.error = np.inf
        if self.error < self.best_error:
            self.best, self.best_error = self.log_wage, self.error
        return found

    def _solve_prices(self, tolerance: float) -> None:
        problem = self.problem
        paid = problem.own * self.log_wage

        def price(log_price: Array) -> Array:
            self.log_cost = paid + rows(problem.inputs, log_price.T).T
            self.drawn = np.exp(self.power * self.log_cost)
            self.total = rows(problem.pull, self.drawn) + self.nothing
            found: Array = np.log(self.total) / self.power
            return found

        self.log_price, steps = fixed_point(price, self.log_price, tolerance, None)
        price(self.log_price)
        self.price_steps += steps

    def _solve_spending(self, tolerance: float) -> None:
        problem = self.problem
        spread = 1 / self.total
        kept = 1 - rows(self.net, self.drawn) * spread  # share of spending that ends as tariff
        earned = problem.final * (np.exp(self.log_wage) * problem.value_added + problem.deficit)

        def output(spending: Array) -> Array:
            found: Array = self.drawn * columns(self.net, spending * spread)
            return found

        def spent(spending: Array) -> Array:
            materials = columns(problem.inputs, output(spending).T).T
            found: Array = materials + earned + problem.final * (kept * spending).sum(axis=0)
            return found

        self.spending, steps = fixed_point(spent, self.spending, tolerance, problem.value_added)
        self.output = output(self.spending)
        self.income = (earned + problem.final * (kept * self.spending).sum(axis=0)).sum(axis=0)
        self.spending_steps += steps


def rows(blocks: Array, vectors: Array) -> Array:
    """`blocks[b] @ vectors[b]` for every b."""
    found: Array = np.matmul(blocks, vectors[:, :, None])[:, :, 0]
    return found


def columns(blocks: Array, vectors: Array) -> Array:
    """`vectors[b] @ blocks[b]` for every b."""
    found: Array = np.matmul(vectors[:, None, :], blocks)[:, 0]
    return found
