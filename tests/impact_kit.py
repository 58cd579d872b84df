"""Random economies for the tests of the solver, and a second solver that shares no code with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]

# The specification's own example (section 2.7): three economies, one pair opens up.
FLOWS = np.array([[700.0, 60, 40], [50, 300, 30], [70, 20, 130]])
CODES = ("AAA", "BBB", "CCC")


def small() -> TradeTable:
    """The specification's table."""
    return TradeTable(CODES, FLOWS, 2002, source="section 2.7")


def opened() -> Array:
    """Its shock: T_12 = T_21 = exp(0.5)."""
    shock = np.ones((3, 3))
    shock[0, 1] = shock[1, 0] = np.exp(0.5)
    return shock


@dataclass(frozen=True)
class Case:
    """A random economy with a shock."""

    seed: int
    table: TradeTable
    shock: Array
    theta: float
    closure: str


def economy(seed: int, *, size: int = 0) -> Case:
    """N 3 to 200, sigma 2 to 12, costs times 0.2 to 5, zeros, deficits: all by the seed alone."""
    rng = np.random.default_rng([seed, 20260101])
    n = size or int(np.exp(rng.uniform(np.log(3), np.log(200))))
    theta = float(rng.uniform(1, 11))
    mass = np.exp(rng.normal(0, rng.uniform(0.3, 2.5), n))
    flows = np.outer(mass, mass) * np.exp(rng.normal(0, rng.uniform(0.2, 2.0), (n, n)))
    flows *= np.exp(rng.normal(0, rng.uniform(0, 1.0), n))[:, None]  # deficits and surpluses, some of them wild
    flows[rng.random((n, n)) < rng.choice([0.0, 0.05, 0.3, 0.6])] = 0.0
    flows[np.diag_indices(n)] = mass * mass.sum() * rng.uniform(0.2, 20, n)
    around = np.roll(np.arange(n), -1)
    flows[np.arange(n), around] += 1e-3 * mass  # everybody trades with somebody
    shock = np.exp(rng.uniform(np.log(0.2), np.log(5), (n, n))) ** rng.choice([0.25, 1.0])
    if rng.random() < 0.5:
        shock[rng.random((n, n)) < 0.7] = 1.0
    closure = str(rng.choice(["multiplicative", "multiplicative", "additive", "balanced"]))
    return Case(seed, TradeTable(tuple(f"E{i:03d}" for i in range(n)), flows, 2000), shock, theta, closure)


def excess_by_hand(
    table: TradeTable, shock: Array, theta: float, closure: str, wage: Array, transfers: Array | None = None
) -> Array:
    """S / Y' - 1 from wages, in plain loops over the equations as the specification prints them (section 2.1)."""
    n = len(table.economies)
    x = table.flows
    y = [sum(x[i, j] for j in range(n)) for i in range(n)]
    e = [sum(x[i, j] for i in range(n)) for j in range(n)]
    earned = [wage[i] * y[i] for i in range(n)]
    world, given = sum(y), [0.0] * n if transfers is None else list(transfers)
    if closure == "multiplicative":
        kappa = sum(earned) / sum(e[j] / y[j] * earned[j] for j in range(n))
        spent = [kappa * e[j] / y[j] * earned[j] for j in range(n)]
    elif closure == "additive":
        spent = [earned[j] + (e[j] - y[j]) * sum(earned) / world for j in range(n)]
    else:
        spent = list(earned)
    spent = [s + t * sum(earned) / world for s, t in zip(spent, given, strict=True)]
    sold = [0.0] * n
    for j in range(n):
        terms = [x[i, j] / e[j] * shock[i, j] * wage[i] ** -theta for i in range(n)]
        for i in range(n):
            sold[i] += terms[i] / sum(terms) * spent[j]
    return np.array([sold[i] / earned[i] - 1 for i in range(n)])


def tatonnement(table: TradeTable, shock: Array, theta: float, closure: str, steps: int = 40_000) -> tuple[Array, bool]:
    """Wages by another way: prices of what sells well rise a little, again and again. World output stays.

    Also whether it arrived: between groups that hardly trade it is too slow.
    """
    n = len(table.economies)
    log_wage = np.zeros(n)
    output, spending = table.output, table.expenditure
    share = table.flows / spending * shock
    for _ in range(steps):
        wage = np.exp(log_wage)
        income = wage * output
        if closure == "multiplicative":
            spent = spending / output * income
            spent = spent * income.sum() / spent.sum()
        elif closure == "additive":
            spent = income + (spending - output) * income.sum() / output.sum()
        else:
            spent = income
        reach = share * (wage**-theta)[:, None]
        sold = (reach / reach.sum(axis=0) * spent).sum(axis=1)
        move = np.log(sold / income) / (1 + theta)
        log_wage = log_wage + move
        log_wage -= np.log((np.exp(log_wage) * output).sum() / output.sum())
        if np.abs(move).max() < 1e-15:
            return np.exp(log_wage), True
    return np.exp(log_wage), False
