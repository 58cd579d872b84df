"""Tens of thousands of equilibria at once: draws of a Monte Carlo run, or every coalition of a bloc.

Scenarios are the rows of a matrix, and one product of matrices serves all (`_changes`). Each row takes Broyden's steps
from the inverse of one Jacobian, solved for a scenario in the middle; elasticities that differ by draw are sorted into
narrow classes with an inverse each. Coalitions are solved by size, and each begins where the smaller ones point:

    x(S) ~ x(S-i) + x(S-j) + x(S-k) - x(S-i-j) - x(S-i-k) - x(S-j-k) + x(S-i-j-k)

A row whose residual doesn't shrink goes alone to the solver of `equilibrium` with all its safeguards. A row that
fails even there fails the run, unless failed rows are dropped by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact._changes import Array, Blocks, Change, Coalitions, CoalitionShocks, Rows
from concordat.impact._newton import ENOUGH, Market, find
from concordat.impact.closures import Base, closure_named, transfer_vector
from concordat.impact.equilibrium import THETA_MAX, THETA_MIN, Equilibrium, checked_theta, first_guess, prepared, solve
from concordat.impact.trade_table import TradeTable, listed

AIM = 3e-12  # of a row's residual: a thirtieth of what a certificate allows
CHUNK = 512  # rows worked on together: their arrays stay in the processor's cache
CLOSE = 3  # members by whom coalitions of one size are sorted: the closest trading ones
STEPS_MAX = 24
STALLED_MAX = 3  # steps in a row that don't halve the residual
THETA_CLASS = 0.05  # width of a class of elasticities, in logs
Progress = Callable[[int, int, str], None]

__all__ = ["Batch", "CoalitionShocks", "solve_batch"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B solved scenarios, rows; N economies, columns. World output keeps its value.

    Attributes:
        wage, price, expenditure: (B, N), as in `Equilibrium`. theta: (B,). residual: (B,), max |F / Y'| of each row.
        alone: rows that needed the solver for single scenarios. dropped: rows that failed, NaN in all arrays.
    """

    table: TradeTable
    closure: str
    transfers: Mapping[str, float]
    theta: Array
    wage: Array
    price: Array
    expenditure: Array
    residual: Array
    steps: int
    alone: tuple[int, ...]
    dropped: tuple[int, ...]
    _change: Change

    @property
    def real_income(self) -> Array:
        """(B, N) `E'_i / (E_i P_i)`."""
        found: Array = self.expenditure / (self.table.expenditure * self.price)
        return found

    @property
    def money_metric(self) -> Array:
        """(B, N) equivalent variation `(W_i - 1) E_i`, in the table's unit."""
        found: Array = (self.real_income - 1) * self.table.expenditure
        return found

    @property
    def worst(self) -> int:
        """The row with the largest residual."""
        return int(np.nanargmax(self.residual))

    def single(self, row: int, **options: Any) -> Equilibrium:
        """The equilibrium of one row, solved again alone: with its certificate.

        Raises:
            MethodError: the row was dropped, or both solutions differ by more than 1e-9.
        """
        if row in self.dropped:
            hint = "Rows that failed have no result."
            raise MethodError(f"row {row} was dropped.", where="batch", hint=hint, code="dropped")
        shock, theta = self._change.shock(row), float(self.theta[row])
        found = solve(self.table, shock=shock, theta=theta, closure=self.closure, transfers=self.transfers, **options)
        off = float(np.abs(found.wage / self.wage[row] - 1).max())
        if off > 1e-9 and found.numeraire == "world_gdp":
            what = f"row {row} of the batch and the same scenario alone differ by {off:.2g} in a wage."
            hint = "There may be two equilibria: solve single scenarios with further starts. No number is given."
            raise MethodError(what, where="batch", hint=hint, code="two")
        return found


def solve_batch(
    table: TradeTable,
    shocks: Array | CoalitionShocks,
    *,
    theta: float | Array,
    closure: str = "multiplicative",
    transfers: Mapping[str, float] | None = None,
    on_failure: Literal["refuse", "drop"] = "refuse",
    progress: Progress | None = None,
) -> Batch:
    """The equilibria of many shocks.

    Args:
        shocks: (B, N, N) T, or all coalitions of a bloc. theta: for all, or (B,) one a scenario.
        transfers: the same in every scenario. on_failure: `drop` leaves failed rows out and names them.
        progress: called with (done, all, note).

    Raises:
        InputError: shocks, elasticities or transfers that can't be.
        MethodError: rows that have no equilibrium, unless they are dropped; all failed.
    """
    rule = closure_named(closure)
    amounts = transfer_vector(table, transfers)
    base, lam = prepared(table, 1.0, rule.name) if rule.name != "balanced" else _balanced(table, theta)
    change: Change
    if isinstance(shocks, CoalitionShocks):
        change = Coalitions(base, lam, shocks)
    else:
        change = Blocks(base, lam, np.asarray(shocks, dtype=np.float64))
    elasticities = _elasticities(theta, change.count)
    first_guess(table, float(np.median(elasticities)), rule.name)  # refuses where prices aren't determined
    market = Market(lam, lam, rule, Base(base.output, base.expenditure, amounts), 1.0, base.economies)
    work = _Work(market, change, elasticities)
    for done, group in work.groups():
        work.solve(group)
        if progress is not None:
            progress(done + len(group), change.count, "equilibria")
    return work.batch(base, transfers or {}, on_failure)


def _balanced(table: TradeTable, theta: float | Array) -> tuple[TradeTable, Array]:
    if np.ndim(theta):
        hint = "Its base depends on the elasticity. Take multiplicative, or one elasticity for all draws."
        what = "the closure balanced can't be run with an elasticity of its own in each draw."
        raise MethodError(what, where="closure", hint=hint, code="closure")
    return prepared(table, float(theta), "balanced")


def _elasticities(theta: float | Array, count: int) -> Array:
    given = np.asarray(theta, dtype=np.float64)
    if given.ndim == 0:
        return np.full(count, checked_theta(float(given)))
    if given.shape != (count,) or not np.all((given >= THETA_MIN) & (given <= THETA_MAX)):
        what = f"{given.shape} elasticities for {count} scenarios, or one not between {THETA_MIN:g} and {THETA_MAX:g}."
        raise InputError(what, where="theta", hint="Give one for all, or one each.", code="theta")
    return given


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Some rows at one point: `surplus` is S / Y' - 1. All are (b, N) but the residual."""

    demand: Array
    income: Array
    spending: Array
    surplus: Array
    residual: Array

    def of(self, some: NDArray[np.bool_]) -> _State:
        """Some of the rows."""
        return _State(
            self.demand[some], self.income[some], self.spending[some], self.surplus[some], self.residual[some]
        )


class _Work:
    """The rows while they are being solved."""

    def __init__(self, market: Market, change: Change, theta: Array) -> None:
        self.market, self.change, self.theta = market, change, theta
        shape = (change.count, len(market.economies))
        self.x = np.zeros(shape)
        self.price, self.spending = np.zeros(shape), np.zeros(shape)
        self.residual = np.full(change.count, np.inf)
        self.centre = np.zeros(shape[1])
        self.turned = np.ascontiguousarray(market.calm.T)
        self.steps = 0
        self.alone: list[int] = []
        self.failed: dict[int, str] = {}

    # --- Which rows belong together -----------------------------------------------------------------------------------

    def groups(self) -> Iterator[tuple[int, Rows]]:
        """Rows with a common centre, in an order in which coalitions follow smaller ones; and how many went before."""
        done = 0
        for group in self._by_size() if isinstance(self.change, Coalitions) else self._by_theta():
            yield done, group
            done += len(group)

    def _by_size(self) -> Iterator[Rows]:
        """Coalitions of one size, apart by which of the closest members are in: one Jacobian then suits them all."""
        assert isinstance(self.change, Coalitions)
        rows = np.arange(self.change.count)
        inside = self.change.inside(rows)
        sizes = inside.sum(axis=1).astype(np.int64)
        close = self.change.quiet[-CLOSE:]
        kinds = inside[:, close].astype(np.int64) @ (1 << np.arange(len(close)))
        for size in range(int(sizes.max()) + 1):
            of_size = sizes == size
            for kind in np.unique(kinds[of_size]):
                yield rows[of_size & (kinds == kind)]

    def _by_theta(self) -> Iterator[Rows]:
        classes = np.round(np.log(self.theta) / THETA_CLASS).astype(np.int64)
        order = np.argsort(classes, kind="stable")
        ends = np.flatnonzero(np.diff(classes[order])) + 1
        yield from np.split(order, ends)

    # --- Solving ------------------------------------------------------------------------------------------------------

    def solve(self, group: Rows) -> None:
        """Solve the rows of a group."""
        theta = float(np.exp(np.log(self.theta[group]).mean()))
        shock = self.change.mean(group)
        middle = replace(self.market, reach=self.market.calm * shock, theta=theta)
        pointed = self._pointed(group)
        try:
            centre = find(middle, self.centre, None).log_wage if pointed is None else pointed.mean(axis=0)
            inverse = middle.inverse(centre) * (np.exp(centre) * self.market.base.output)
        except (MethodError, np.linalg.LinAlgError):
            for row in group:
                self._single(int(row))
            return
        if pointed is None:
            self.centre = centre
        for begin in range(0, len(group), CHUNK):
            rows = group[begin : begin + CHUNK]
            start = np.repeat(centre[None, :], len(rows), axis=0) if pointed is None else pointed[begin : begin + CHUNK]
            self._chunk(rows, start, inverse)

    def _pointed(self, rows: Rows) -> Array | None:
        """Where smaller coalitions point to; None where rows have none.

        The three members taken away are those whose trade with the others is smallest, for the error is what the three
        do together and no two of them do.
        """
        if not isinstance(self.change, Coalitions) or int(rows[0]).bit_count() < 3:
            return None
        x = self.x
        i, j, k = self.change.three_of(rows)
        found: Array = x[rows - i]
        found += x[rows - j]
        found += x[rows - k]
        found -= x[rows - i - j]
        found -= x[rows - i - k]
        found -= x[rows - j - k]
        found += x[rows - i - j - k]
        return found

    def _chunk(self, rows: Rows, x: Array, inverse: Array) -> None:
        """Broyden's steps for some rows together. Who is done leaves; those that stall go alone."""
        state = self._evaluate(rows, x)
        moves: list[Array] = []
        lengths: list[Array] = []
        stalled = np.zeros(len(rows), dtype=np.int64)
        turned = -inverse.T
        for _ in range(STEPS_MAX):
            going = (state.residual > AIM) & (stalled < STALLED_MAX)
            staying = int(going.sum())
            if staying < 0.7 * len(rows) or not staying:
                self._keep(rows[~going], x[~going], state.of(~going))
                if not staying:
                    return
                rows, x, state, stalled = rows[going], x[going], state.of(going), stalled[going]
                moves, lengths = [m[going] for m in moves], [n[going] for n in lengths]
            move = state.surplus @ turned
            for earlier, length, later in zip(moves, lengths, moves[1:], strict=False):
                move += later * (np.einsum("bn,bn->b", earlier, move) / length)[:, None]
            if moves:
                left = 1 - np.einsum("bn,bn->b", moves[-1], move) / lengths[-1]
                move /= np.where(np.abs(left) < 0.1, 1.0, left)[:, None]
            square = np.einsum("bn,bn->b", move, move)
            wild = ~(square <= 1)
            if wild.any():
                move[wild], square[wild] = 0.0, 0.0
            before = state.residual
            x = x + move
            state = self._evaluate(rows, x)
            stalled = np.where(state.residual < 0.5 * before, 0, stalled + 1)
            moves.append(move)
            lengths.append(np.maximum(square, np.finfo(float).tiny))
            self.steps += 1
        self._keep(rows, x, state)

    def _evaluate(self, rows: Rows, x: Array) -> _State:
        """Everything at x = ln w of some rows."""
        market = self.market
        power = x * -self.theta[rows, None]
        np.exp(power, out=power)
        demand = power @ market.calm
        self.change.demand(rows, power, demand)
        income = np.exp(x)
        income *= market.base.output
        spending = market.closure.spend(market.base, income)
        pull = spending / demand
        surplus = pull @ self.turned
        self.change.sold(rows, pull, surplus)
        surplus *= power
        surplus /= income
        surplus -= 1
        residual = np.maximum(surplus.max(axis=1), -surplus.min(axis=1))
        residual[~np.isfinite(residual)] = np.inf
        if market.closure.may_fail or market.base.gives:
            residual[~(spending.min(axis=1) > 0)] = np.inf
        return _State(demand, income, spending, surplus, residual)

    def _keep(self, rows: Rows, x: Array, state: _State) -> None:
        """Store rows that are solved, at the old value of world output; the others go alone."""
        level = np.log(state.income.sum(axis=1) / self.market.base.world)[:, None]
        self.x[rows] = x - level
        self.price[rows] = np.exp(np.log(state.demand) / -self.theta[rows, None] - level)
        self.spending[rows] = state.spending * np.exp(-level)
        self.residual[rows] = state.residual
        for row in rows[~(state.residual <= ENOUGH)]:
            self._single(int(row))

    def _single(self, row: int) -> None:
        """One row with all safeguards."""
        self.alone.append(row)
        shock = self.change.shock(row)
        market = replace(self.market, reach=self.market.calm * shock, theta=float(self.theta[row]))
        try:
            found = find(market, np.zeros(len(market.economies)), None)
        except MethodError as error:
            self.failed[row] = error.what
            self.x[row] = 0.0
            return
        self.x[row], self.price[row] = found.log_wage, np.exp(found.log_price)
        self.spending[row], self.residual[row] = found.expenditure, found.residual

    def batch(self, base: TradeTable, transfers: Mapping[str, float], on_failure: str) -> Batch:
        """The result, or a refusal that names the rows that failed."""
        wage = np.exp(self.x)
        if self.failed:
            rows = sorted(self.failed)
            if on_failure != "drop" or len(rows) == self.change.count:
                what = f"{len(rows)} of {self.change.count} scenarios have no equilibrium: {listed(map(str, rows))}."
                hint = f"The first: {self.failed[rows[0]]} Change the closure, or say on_failure: drop."
                raise MethodError(what, where="batch", hint=hint, code="solve")
            for values in (wage, self.price, self.spending, self.residual):
                values[rows] = np.nan
        return Batch(
            base, self.market.closure.name, dict(transfers), self.theta, wage, self.price, self.spending,
            self.residual, self.steps, tuple(sorted(self.alone)), tuple(sorted(self.failed)), self.change,
        )  # fmt: skip
