"""The search for an equilibrium in logs: cheap steps first, Newton's method, and two safeguards behind it.

`find` returns wages at which excess demand vanishes to 1e-13 of each income, or as near as arithmetic allows and at
least 1e-11; otherwise it raises. Which way it took stands in `Solution.method`:

    chord       steps with the inverse of the base's Jacobian, as long as each halves the residual
    newton      the exact Jacobian, |dx| <= 1, halved while the residual doesn't fall
    tatonnement prices of what sells well rise: x += 0.1 ln(S / Y'), 200 steps, then Newton again; three rounds
    path        the shock grows in steps from none to all of it, each solved from the one before
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.closures import Base, Closure
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]

AIM = 1e-13  # of |F / Y'|: then the search is over
ENOUGH = 1e-11  # accepted when no step makes it smaller
CHORD_STEPS, NEWTON_STEPS, HALVINGS = 30, 60, 20
ROUNDS, CALM_STEPS, CALM = 3, 200, 0.1
STEP_MAX = 1.0  # of max |dx|
PATH_STEPS_MAX = 400
FAR = 300.0  # |ln w| beyond which a search has lost its way


@dataclass(frozen=True, slots=True)
class Solution:
    """Wages and prices in logs, shares `G`, spending `E'` (scaled as `log_wage`), and how they were found."""

    log_wage: Array
    log_price: Array
    shares: Array
    expenditure: Array
    residual: float
    method: str
    iterations: int


@dataclass(frozen=True, slots=True)
class Point:
    """Everything at one vector of wages."""

    x: Array
    power: Array  # w^(-theta)
    demand: Array  # D_j
    income: Array  # Y'
    spending: Array  # E'
    sold: Array  # S
    residual: float  # max |F / Y'|; infinite where somebody would spend less than nothing

    @property
    def excess(self) -> Array:
        """F = S - Y'."""
        return self.sold - self.income


@dataclass(frozen=True, slots=True)
class Market:
    """The equations: `reach` is lam T, `calm` is lam, both (N, N)."""

    reach: Array
    calm: Array
    closure: Closure
    base: Base
    theta: float
    economies: tuple[str, ...]

    def at(self, x: Array) -> Point:
        """Evaluate at x = ln w."""
        power = np.exp(-self.theta * x)
        demand = power @ self.reach
        income = np.exp(x) * self.base.output
        spending = self.closure.spend(self.base, income)
        if (self.closure.may_fail or self.base.gives) and not spending.min() > 0:
            return Point(x, power, demand, income, spending, spending, np.inf)
        sold = power * (self.reach @ (spending / demand))
        off = sold / income - 1
        residual = max(float(off.max()), -float(off.min()))
        return Point(x, power, demand, income, spending, sold, residual if residual == residual else np.inf)

    def part(self, weight: float) -> Market:
        """The market after a part of the shock and the transfers: T^weight, weight t."""
        grown = np.divide(self.reach, self.calm, out=np.ones_like(self.reach), where=self.calm > 0) ** weight
        base = replace(self.base, transfers=weight * self.base.transfers)
        return replace(self, reach=self.calm * grown, base=base)

    def shares(self, point: Point) -> Array:
        """G, (N, N), columns sum to 1."""
        return self.reach * point.power[:, None] / point.demand

    def jacobian(self, point: Point) -> Array:
        """`dF_i / dx_k`, (N, N)."""
        shares = self.shares(point)
        slope = self.theta * ((shares * point.spending) @ shares.T)
        slope += shares @ self.closure.slope(self.base, point.income)
        slope[np.diag_indices_from(slope)] -= self.theta * point.sold + point.income
        return slope

    def shifted(self, point: Point) -> Array:
        """The Jacobian with the direction `all prices rise alike` taken out (Walras): invertible."""
        return self.jacobian(point) - np.outer(point.sold, point.income / point.income.sum())

    def inverse(self, x: Array) -> Array:
        """The inverse of `shifted` at x; raises LinAlgError if there is none."""
        return np.asarray(np.linalg.inv(self.shifted(self.at(x))), dtype=np.float64)


def find(market: Market, start: Array, inverse: Array | None) -> Solution:
    """Solve the equations.

    Args:
        start: (N,) ln w to begin at. inverse: of the Jacobian near there, for the cheap steps; None begins with Newton.

    Raises:
        MethodError: nothing led to an equilibrium; with the residual, the worst economy and what was tried.
    """
    point = market.at(start)
    if not np.isfinite(point.residual):
        raise _spends_nothing(market, point)
    steps, way = 0, []
    if inverse is not None:
        point, steps = _chord(market, point, inverse)
        way.append("chord")
    if point.residual > AIM:
        point, more = _newton(market, point)
        steps += more
        way.append("newton")
    for _ in range(ROUNDS):
        if point.residual <= ENOUGH:
            break
        point, more = _calmed(market, point if np.isfinite(point.residual) else market.at(start))
        steps += more
        way.append("tatonnement")
    if point.residual > ENOUGH:
        point, more = _path(market)
        steps += more
        way.append("path")
    if not point.residual <= ENOUGH:
        raise _not_found(market, point, steps, way)
    return _solution(market, point, "+".join(dict.fromkeys(way)), steps)


def _solution(market: Market, point: Point, method: str, steps: int) -> Solution:
    """Prices of a point, with world output at its old value."""
    theta, base = market.theta, market.base
    level = float(np.log(point.income.sum() / base.output.sum()))
    log_price = -np.log(point.demand) / theta - level
    scaled = point.spending * np.exp(-level)
    return Solution(point.x - level, log_price, market.shares(point), scaled, point.residual, method, steps)


def _chord(market: Market, point: Point, inverse: Array) -> tuple[Point, int]:
    """Broyden's method from a known inverse, as long as each step halves the residual.

    Only the steps are kept, not the corrected inverse (Kelley, Iterative Methods for Linear and Nonlinear
    Equations, 1995, section 7.3).
    """
    moves: list[Array] = []
    lengths: list[float] = []
    for step in range(CHORD_STEPS):
        if point.residual <= AIM:
            return point, step
        move = -(inverse @ point.excess)
        for earlier, length, later in zip(moves, lengths, moves[1:], strict=False):
            move += later * (float(earlier @ move) / length)
        if moves:
            left = 1 - float(moves[-1] @ move) / lengths[-1]
            if abs(left) < 0.1:  # the correction is about to blow up: leave it to Newton
                return point, step
            move /= left
        if not max(move.max(), -move.min()) <= STEP_MAX:
            return point, step
        following = market.at(point.x + move)
        if not following.residual < 0.5 * point.residual:
            return (following if following.residual < point.residual else point), step + 1
        point = following
        moves.append(move)
        lengths.append(float(move @ move))
    return point, CHORD_STEPS


def _newton(market: Market, point: Point) -> tuple[Point, int]:
    """Newton's method with capped and halved steps; ends where no step helps."""
    for step in range(NEWTON_STEPS):
        if point.residual <= AIM:
            return point, step
        try:
            move = np.asarray(np.linalg.solve(market.shifted(point), point.excess), dtype=np.float64)
        except np.linalg.LinAlgError:
            return point, step
        largest = np.abs(move).max()
        if not np.isfinite(largest):
            return point, step
        move *= min(1.0, STEP_MAX / largest) if largest else 1.0
        following = _halved(market, point, move)
        if following is None:
            return point, step
        point = following
    return point, NEWTON_STEPS


def _halved(market: Market, point: Point, move: Array) -> Point | None:
    """The first of x - move, x - move/2, ... with a smaller residual."""
    for _ in range(HALVINGS):
        following = market.at(point.x - move)
        if following.residual < point.residual:
            return following
        move = move / 2
    return None


def _calmed(market: Market, point: Point) -> tuple[Point, int]:
    """Damped tatonnement, then Newton from where it came."""
    for step in range(CALM_STEPS):
        following = market.at(point.x + CALM * np.log(point.sold / point.income))
        if not np.isfinite(following.residual) or np.abs(following.x).max() > FAR:
            break
        point = following
        if point.residual <= AIM:
            return point, step + 1
    found, more = _newton(market, point)
    return found, CALM_STEPS + more


def _path(market: Market) -> tuple[Point, int]:
    """From no shock to the whole one, in steps that shrink where they are too long and grow where they aren't."""
    done, length, steps = 0.0, 0.25, 0
    x = np.zeros(len(market.economies))
    for _ in range(PATH_STEPS_MAX):
        if done == 1 or length < 1e-6:
            break
        part = market.part(min(1.0, done + length))
        trial, more = _newton(part, part.at(x))
        steps += more
        if trial.residual <= ENOUGH:
            x, done, length = trial.x, min(1.0, done + length), length * 1.6
        else:
            length /= 2
    point = market.at(x)
    return point, steps


def _spends_nothing(market: Market, point: Point) -> MethodError:
    worst = [e for e, s in zip(market.economies, point.spending, strict=True) if not s > 0]
    what = f"{listed(worst)} would have to spend less than nothing."
    other = "smaller transfers" if market.closure.name != "additive" else "the closure multiplicative"
    hint = f"What it gives, or its surplus, exceeds its income. Try {other}."
    return MethodError(what, where=f"closure {market.closure.name}", hint=hint, code="spending")


def _not_found(market: Market, point: Point, steps: int, way: list[str]) -> MethodError:
    if not np.all(point.spending > 0):
        return _spends_nothing(market, point)
    off = np.abs(point.sold / point.income - 1)
    worst = market.economies[int(np.nanargmax(off))]
    what = f"no equilibrium was found: residual {point.residual:.2g}, largest for {worst}, after {steps} steps"
    other = "multiplicative" if market.closure.name != "multiplicative" else "balanced"
    hint = f"Try the closure {other}, or a smaller shock; no number is given."
    return MethodError(f"{what} ({', '.join(way)}).", where=f"closure {market.closure.name}", hint=hint, code="solve")
