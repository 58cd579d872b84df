"""The fast solver of the multi-sector model: wages by a quasi-Newton method, prices and spending inside it.

Unknown are the logarithms of the changes of wages, so they can't turn negative. For given wages, in this order:

- *prices*, `ln P = -ln(sum_i A_jni c_ji^(-theta_j)) / theta_j` with `ln c = B ln w + (1 - B) sum_k g ln P_k`: a
  contraction by the largest share of materials, whatever the wages;
- *spending*, `X = sum_k g (1 - B) Y + a (w VA + D + R(X))`: linear, a contraction by the largest share of what is
  spent that ends in materials or as tariff.

Both are iterated with Anderson's acceleration (three steps back), each from the solution before, no closer than the
wages deserve. The outer step begins with the slope of the system aggregated over sectors (one bundle of materials an
economy, each sector's own substitution), corrected after every step by Broyden's formula, and taken anew where the
error doesn't halve; where that fails, Newton's method with differences and halved steps follows. No dense system of
J N equations is ever formed. Wages are normalised by `sum w VA = sum VA`.

This module finds; what was found is judged by `sectors_certificate`, and again by `sectors_check`, which share no code
with it. Sources: Caliendo and Parro 2015; D. G. Anderson, Journal of the ACM 12 (1965) 547-560; C. G. Broyden,
Mathematics of Computation 19 (1965) 577-593.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact._sectors_market import INNER_LEAST, Problem, Search

Array = NDArray[np.float64]
TARGET = 1e-12  # of max |labour demand / (w VA) - 1|
LOOSE = 3e-3  # inner tolerance, of the outer error
QUASI_MAX = 60
NEWTON_MAX = 25
ROUNDED = 2e-11  # an error that no step makes smaller, but below this, is rounding; the certificate has the last word


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found, and what it took.

    Attributes:
        log_wage: (N,). log_price, log_cost: (J, N), unit costs before productivity. spending: (J, N), X'.
        flows: (J, N, N), net of tariff. error: the largest of labour demand over supply less 1.
    """

    log_wage: Array
    log_price: Array
    log_cost: Array
    spending: Array
    flows: Array
    error: float
    method: str
    steps: int
    price_steps: int
    spending_steps: int


def find(problem: Problem, start: Array | None = None) -> Found:
    """The wages at which every economy sells the labour that it has.

    Args:
        start: (N,) logarithms of wages to start from; zeros by default.

    Raises:
        MethodError: none was found, or an economy's income would not be above zero.
    """
    search = Search(problem, np.zeros(len(problem.economies)) if start is None else start)
    with np.errstate(all="ignore"):
        method = _searched(search)
    _refuse_poor(search)
    return Found(
        search.log_wage, search.log_price, search.log_cost, search.spending, search.flows(), search.error, method,
        search.steps, search.price_steps, search.spending_steps,
    )  # fmt: skip


def _searched(search: Search) -> str:
    """The name of the method that reached the target: the cheapest first, each from the best wages so far."""
    if _attempted(_quasi_newton, search):
        return "quasi-newton"
    search.restart(search.best)
    if _attempted(_newton, search):
        return "newton by differences"
    raise _not_found(search)


def _attempted(method: Callable[[Search], bool], search: Search) -> bool:
    try:
        return method(search)
    except np.linalg.LinAlgError:  # a slope without inverse: as good as a failure
        return False


def _quasi_newton(search: Search) -> bool:
    """Broyden's method from the slope of the aggregated system; whether it reached the target."""
    inverse: Array | None = None
    excess: Array | None = None
    before, since, tolerance = search.log_wage, 0, LOOSE
    for _ in range(QUASI_MAX):
        last, last_error, now = excess, search.error, search.log_wage
        excess = search.excess(tolerance)
        if search.error < TARGET:
            if tolerance <= 10 * INNER_LEAST:
                return True
            tolerance = INNER_LEAST  # once more, as close as rounding lets it
            continue
        if not np.isfinite(search.error) or search.error > 1e3:
            return False
        since += 1
        if inverse is None or last is None or (search.error > 0.5 * last_error and since > 3):
            inverse, since = _aggregate_inverse(search), 0
        else:
            inverse = _broyden(inverse, now - before, excess - last)
        before = now
        search.move(-(inverse @ excess))
        tolerance = min(1e-3, LOOSE * search.error)
    return False


def _broyden(inverse: Array, moved: Array, changed: Array) -> Array:
    """The inverse after one more observation of how the excess changed with the wages."""
    guessed = inverse @ changed
    scale = float(moved @ guessed)
    if abs(scale) <= 1e-12 * float(np.abs(moved) @ np.abs(guessed)):
        return inverse
    return inverse + np.outer(moved - guessed, moved @ inverse) / scale


def _aggregate_inverse(search: Search) -> Array:
    """The inverse slope of excess labour demand, with materials and spending aggregated over sectors.

    Unit costs move by an economy's own wage and its bundle of materials; within each sector the substitution between
    exporters is the true one, `theta (M - M' pi)`.
    """
    problem = search.problem
    count = len(problem.economies)
    bought = search.flows()
    share = problem.pull * (search.drawn[:, None, :] / search.total[:, :, None])
    wage = np.exp(search.log_wage)
    made, own = search.output.sum(axis=0), (problem.own * search.output).sum(axis=0)
    own = own / made
    sources = bought.sum(axis=0)
    sources = sources / sources.sum(axis=1, keepdims=True)  # importer by exporter
    price = np.linalg.solve(np.eye(count) - sources * (1 - own), sources * own)
    cost = np.diag(own) + (1 - own)[:, None] * price
    weighted = bought * problem.theta[:, :, None]
    pull_away = np.diag((search.output * problem.theta).sum(axis=0))
    pull_away = pull_away - np.matmul(weighted.transpose(0, 2, 1), share).sum(axis=0)
    earned = np.diag(wage * problem.value_added)
    sold = np.linalg.solve(np.eye(count) - sources.T * (1 - own), sources.T @ earned - pull_away @ cost)
    slope = (own[:, None] * sold - earned) / problem.value_added[:, None]
    return _inverse(slope, wage * problem.value_added)


def _inverse(slope: Array, weight: Array) -> Array:
    """The inverse that keeps `sum w VA dx = 0`; the columns of the slope alone are dependent (Walras)."""
    fixed = slope - np.outer(np.ones(len(weight)), weight / weight.sum())
    try:
        return np.asarray(np.linalg.inv(fixed), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(fixed), dtype=np.float64)


def _newton(search: Search) -> bool:
    """Newton's method with a slope by differences and halved steps; whether it reached the target."""
    width = 1e-6
    excess = search.excess(INNER_LEAST)
    for _ in range(NEWTON_MAX):
        if search.error < TARGET:
            return True
        centre, error = search.log_wage, search.error
        slope = np.empty((len(centre), len(centre)))
        for m in range(len(centre)):
            search.log_wage = centre.copy()
            search.log_wage[m] += width
            slope[:, m] = (search.excess(1e-13) - excess) / width
        if not np.isfinite(slope).all():
            return False
        step = -(_inverse(slope, np.exp(centre) * search.problem.value_added) @ excess)
        for _ in range(30):
            search.log_wage = centre
            search.move(step)
            excess = search.excess(INNER_LEAST)
            if search.error < error:
                break
            step = step / 2
        else:
            return error < ROUNDED
    return search.error < TARGET


def _not_found(search: Search) -> MethodError:
    worst = int(np.argmax(np.abs(np.nan_to_num(search.excess(1e-6), nan=np.inf))))
    what = (
        f"no equilibrium was found in {search.steps} steps: labour markets miss by {search.best_error:.2g}, most in "
        f"{search.problem.economies[worst]}."
    )
    hint = "Smaller shocks, deficits: zero_first, or merging very small economies help. No number is given."
    return MethodError(what, where="multi-sector equilibrium", hint=hint, code="not_solved")


def _refuse_poor(search: Search) -> None:
    poor = [i for i, v in enumerate(search.income) if not v > 0]
    if poor:
        names = ", ".join(search.problem.economies[i] for i in poor)
        what = f"{names} would have to spend less than nothing: a surplus larger than income after the shock."
        hint = "Use deficits: zero_first, or a smaller transfer. No number is given."
        raise MethodError(what, where="multi-sector equilibrium", hint=hint, code="income")
