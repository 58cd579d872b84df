"""What a shock to trade costs does to every economy: the exact equilibrium of one sector, solved in logs.

Given flows `X_ij` (i sells to j, home included), an elasticity `theta = sigma - 1 > 0` and shocks
`T_ij = tau_hat_ij^(-theta)`, find the changes of wages `w` at which every economy sells what it makes:

    D_j   = sum_i lam_ij T_ij w_i^(-theta)      P_j = D_j^(-1/theta)      G_ij = lam_ij T_ij w_i^(-theta) / D_j
    X'_ij = G_ij E'_j                           F_i = sum_j X'_ij - w_i Y_i = 0            lam_ij = X_ij / E_j

with `E'` from a closure (`closures`). Armington and Eaton-Kortum models give the same equations. The unknown is
`x = ln w`, so a negative price can't occur. Newton's method with the exact Jacobian

    J = -theta (diag(S) - X' G') + G dE'/dx - diag(Y'),     (J - outer(S, Y'/sum Y')) dx = -F

is preceded by cheap steps with the base's own inverse, and followed, where it fails, by damped tatonnement and by
shocks that grow step by step. Whatever it took, the result is checked against the equations; one that doesn't hold is
refused with the residual and the worst economy, and no partial numbers are given.

Sources: Dekle, Eaton and Kortum 2008 (exact changes); Yotov et al. 2016; Arkolakis, Costinot and Rodriguez-Clare 2012
(welfare). One sector has no tariff revenue, capital, migration or firm entry. Flows of zero stay zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact._newton import Market, Solution, find
from concordat.impact.closures import Base, closure_named, transfer_vector
from concordat.impact.trade_table import TradeTable, listed

if TYPE_CHECKING:
    from concordat.impact.certificate import Certificate, Hashes

Array = NDArray[np.float64]
SPREAD = 0.3  # standard deviation of ln w of further starts
THETA_MIN, THETA_MAX = 0.1, 500.0  # beyond, the sums leave what a double can hold
AMPLIFIED_MAX = 1e7  # how much larger an error of a wage can be than what a market is off by


@dataclass(frozen=True)
class Equilibrium:
    """A solved counterfactual; arrays in the order of `table.economies`.

    Attributes:
        table: the base flows (those of the closure `balanced` after its own rebalancing). shock: (N, N), T.
        wage, price: (N,), changes as factors (1 is none) in the chosen numeraire. expenditure, output: (N,), E' and Y',
            in the table's unit. flows: (N, N), X'.
        theta: the elasticity. closure, numeraire: names. method: what it took; iterations: steps in all.
        starts_agree: of `starts` further starts, whether all led here; None if none was made.
    """

    table: TradeTable
    shock: Array
    theta: float
    closure: str
    numeraire: str
    transfers: Array
    wage: Array
    price: Array
    expenditure: Array
    output: Array
    flows: Array
    method: str
    iterations: int
    starts: int = 0
    starts_agree: bool | None = None
    hashes: Hashes | None = field(default=None, repr=False)

    @property
    def real_income(self) -> Array:
        """(N,) `W_i = E'_i / (E_i P_i)`: what each economy can buy, as a factor. Exact, not first-order."""
        found: Array = self.expenditure / (self.table.expenditure * self.price)
        return found

    @property
    def real_income_pct(self) -> Mapping[str, float]:
        """Change of real income in percent, by code."""
        return self._by_code(100 * (self.real_income - 1))

    @property
    def real_wage_pct(self) -> Mapping[str, float]:
        """Change of `w / P` in percent, by code."""
        return self._by_code(100 * (self.wage / self.price - 1))

    @property
    def real_gdp_pct(self) -> Mapping[str, float]:
        """Change of `Y'/P` in percent, by code: the Guide's real GDP. With one factor it is that of the real wage."""
        return self.real_wage_pct

    @property
    def money_metric(self) -> Array:
        """(N,) equivalent variation `(W_i - 1) E_i`, in the table's unit."""
        found: Array = (self.real_income - 1) * self.table.expenditure
        return found

    @property
    def inward_resistance(self) -> Array:
        """(N,) `P^(1 - sigma)` as a factor: the change of inward multilateral resistance."""
        found: Array = self.price ** (-self.theta)
        return found

    @cached_property
    def certificate(self) -> Certificate:
        """What was proved about this result, recomputed from its prices by other code than found them.

        Raises:
            MethodError: the equations don't hold after all.
        """
        from concordat.impact.certificate import certify

        return certify(self)

    def _by_code(self, values: Array) -> dict[str, float]:
        return {code: float(v) for code, v in zip(self.table.economies, values, strict=True)}


def bloc_shock(table: TradeTable, members: Sequence[str], effect: float) -> Array:
    """(N, N) T: `exp(effect)` between members, in both directions and not at home, 1 elsewhere.

    Args:
        effect: on flows, in logs: what a gravity estimate of an agreement gives. Not a cost change.

    >>> import numpy as np
    >>> table = TradeTable(("ARG", "BRA", "CHL"), np.full((3, 3), 10.0), 2002)
    >>> bloc_shock(table, ["ARG", "CHL"], np.log(2)).round(6).tolist()
    [[1.0, 1.0, 2.0], [1.0, 1.0, 1.0], [2.0, 1.0, 1.0]]
    """
    inside = table.indices(members)
    shock = np.ones((len(table.economies),) * 2)
    shock[np.ix_(inside, inside)] = np.exp(effect)
    np.fill_diagonal(shock, 1.0)
    return shock


def solve(
    table: TradeTable,
    *,
    shock: Array | None = None,
    theta: float,
    closure: str = "multiplicative",
    transfers: Mapping[str, float] | None = None,
    numeraire: str = "world_gdp",
    starts: int = 0,
    seed: int = 1,
    hashes: Hashes | None = None,
) -> Equilibrium:
    """The equilibrium after a shock.

    Args:
        shock: (N, N) T, positive; None for none. theta: sigma - 1, above 0.
        transfers: code -> amount received (negative: given), in the table's unit; sum zero.
        numeraire: `world_gdp` (world output keeps its value), `price:ISO` or `wage:ISO`; nothing real depends on it.
        starts: solve again from so many other starts, and tell whether all agree to 1e-9.

    Raises:
        InputError: a shock, elasticity, closure, transfer or numeraire that can't be.
        MethodError: no equilibrium was found, or one in which an economy would have to spend less than nothing, or
            groups of economies barely trade with each other.
    """
    rule = closure_named(closure)
    theta = checked_theta(theta)
    amounts = transfer_vector(table, transfers)
    base, lam = prepared(table, theta, rule.name)
    change = checked_shock(base, shock)
    market = Market(lam * change, lam, rule, _with(base, amounts), theta, base.economies)
    found = find(market, *first_guess(table, theta, rule.name))
    agree = _restarts(market, found, starts, seed) if starts else None
    return _equilibrium(base, market, found, change, amounts, numeraire, starts, agree, hashes)


def _equilibrium(
    base: TradeTable,
    market: Market,
    found: Solution,
    shock: Array,
    transfers: Array,
    numeraire: str,
    starts: int,
    agree: bool | None,
    hashes: Hashes | None,
) -> Equilibrium:
    """Prices in their numeraire, and all that follows from them."""
    price = np.exp(found.log_price)
    wage = np.exp(found.log_wage)
    unit = _unit(base, numeraire, wage, price)
    wage, price = wage / unit, price / unit
    output = wage * base.output
    expenditure = found.expenditure / unit
    flows = found.shares * expenditure
    return Equilibrium(
        base, shock, market.theta, market.closure.name, numeraire, transfers, wage, price, expenditure, output, flows,
        found.method, found.iterations, starts, agree, hashes,
    )  # fmt: skip


def _unit(base: TradeTable, numeraire: str, wage: Array, price: Array) -> float:
    """What one unit of the numeraire costs while world output is kept."""
    kind, _, code = numeraire.partition(":")
    if numeraire == "world_gdp":
        return float((wage * base.output).sum() / base.output.sum())
    if kind in ("price", "wage") and code:
        return float((price if kind == "price" else wage)[base.index(code)])
    hint = "Say world_gdp, price:ISO or wage:ISO."
    raise InputError(f'"{numeraire}" is no numeraire.', where="numeraire", hint=hint, code="numeraire")


def _restarts(market: Market, found: Solution, starts: int, seed: int) -> bool:
    """Whether other starts lead to the same wages."""
    from concordat.impact._streams import stream

    draws = stream(seed, "equilibrium.starts").normal(0.0, SPREAD, (starts, len(found.log_wage)))
    for start in draws:
        try:
            other = find(market, start, None)
        except MethodError:
            return False
        if np.abs(other.log_wage - found.log_wage).max() > 1e-9:
            return False
    return True


# --- What is computed once a table ------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def prepared(table: TradeTable, theta: float, closure: str) -> tuple[TradeTable, Array]:
    """The base of a closure and its shares `lam`; that of `balanced` has no deficits.

    Raises:
        InputError: economies that don't trade with each other, not even through others.
        MethodError: the base without deficits has no solution, for goods go one way only or for another reason.
    """
    _refuse_islands(table)
    if closure == "balanced":
        _refuse_one_way(table)
    if closure == "balanced" and np.abs(table.output / table.expenditure - 1).max() > 1e-14:
        rule = closure_named("balanced")
        lam = table.flows / table.expenditure
        nothing = np.zeros(len(table.economies))
        market = Market(lam, lam, rule, Base(table.output, table.output, nothing), theta, table.economies)
        found = find(market, nothing, None)
        table = table.with_flows(found.shares * found.expenditure, "rebalanced: every economy spends what it earns")
    lam = table.flows / table.expenditure
    lam.setflags(write=False)
    return table, lam


@lru_cache(maxsize=32)
def first_guess(table: TradeTable, theta: float, closure: str) -> tuple[Array, Array]:
    """Where the search starts, and the inverse of the base's Jacobian that its first steps use."""
    base, lam = prepared(table, theta, closure)
    nothing = np.zeros(len(base.economies))
    market = Market(lam, lam, closure_named(closure), _with(base, nothing), theta, base.economies)
    try:
        inverse = market.inverse(nothing)
    except np.linalg.LinAlgError:
        inverse = np.full((len(nothing),) * 2, np.inf)
    _refuse_loose(base, inverse, closure)
    return nothing, inverse


def amplification(inverse: Array, income: Array) -> float:
    """How many times larger an error of ln w can be than the largest |F / Y'|: the norm of `J^-1 diag(Y')`."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float((np.abs(inverse) * income).sum(axis=1).max())
    return found if np.isfinite(found) else np.inf


def _refuse_loose(table: TradeTable, inverse: Array, closure: str) -> None:
    """Groups that barely trade with each other: markets clear to any digit, and wages between them are not known."""
    factor = amplification(inverse, table.output)
    if factor > AMPLIFIED_MAX:
        what = "there are groups that barely trade with each other, so prices between them are not determined"
        hint = f"A market off by 1e-13 leaves a wage off by {factor * 1e-13:.0e}. Solve each group apart."
        raise MethodError(f"{what}.", where=f"closure {closure}", hint=hint, code="loose")


def _with(base: TradeTable, transfers: Array) -> Base:
    return Base(base.output, base.expenditure, transfers)


def checked_theta(theta: float) -> float:
    """The elasticity as a number that can be computed with.

    Raises:
        InputError: it isn't between 0.1 and 500.
    """
    if not (np.isfinite(theta) and THETA_MIN <= theta <= THETA_MAX):
        hint = f"theta = sigma - 1 lies between {THETA_MIN:g} and {THETA_MAX:g}; trade estimates are 3 to 7."
        raise InputError(f"theta is {theta}.", where="elasticity", hint=hint, code="theta")
    return float(theta)


def checked_shock(table: TradeTable, shock: Array | None) -> Array:
    """T as an (N, N) array of positive numbers.

    Raises:
        InputError: another shape, or a cell that is zero, negative or no number.
    """
    count = len(table.economies)
    if shock is None:
        return np.ones((count, count))
    change = np.asarray(shock, dtype=np.float64)
    if change.shape != (count, count):
        what = f"the shock has {change.shape}, the table {(count, count)}."
        raise InputError(what, where="shock", hint="Give T for every pair, 1 where nothing changes.", code="shape")
    wrong = np.argwhere(~(np.isfinite(change) & (change > 0)))
    if len(wrong):
        pairs = [f"{table.economies[i]} to {table.economies[j]} ({change[i, j]:g})" for i, j in wrong]
        hint = "T is a factor above 0: 1 where nothing changes."
        raise InputError(f"T can't be so for {listed(pairs)}.", where="shock", hint=hint, code="shock")
    return change


def _refuse_islands(table: TradeTable) -> None:
    """Economies that trade with nobody else have no price relative to the others."""
    apart = _out_of_reach((table.flows + table.flows.T) > 0)
    if apart:
        rest = [i for i in range(len(table.economies)) if i not in apart]
        small = [table.economies[i] for i in min(apart, rest, key=len)]
        hint = "Their prices relative to the rest are not determined. Take them out, or solve each group apart."
        what = f"{listed(small)} trade with none of the others."
        raise InputError(what, where=table.source, hint=hint, code="islands")


def _refuse_one_way(table: TradeTable) -> None:
    """Without deficits nobody can only sell, or only buy: what is left of such an economy is nothing."""
    sells = table.flows > 0
    apart = _out_of_reach(sells) or _out_of_reach(sells.T)
    if apart:
        names = [table.economies[i] for i in apart]
        hint = "Take the closure multiplicative or additive, or take them out."
        what = (
            f"without deficits there is no equilibrium: goods go one way only between {listed(names)} and the others."
        )
        raise MethodError(what, where="closure balanced", hint=hint, code="one_way")


def _out_of_reach(linked: NDArray[np.bool_]) -> list[int]:
    """The economies that links from the first one never lead to."""
    seen = np.zeros(len(linked), dtype=bool)
    seen[0] = True
    for _ in range(len(linked)):
        grown = linked[seen].any(axis=0) | seen
        if (grown == seen).all():
            break
        seen = grown
    return [int(i) for i in np.flatnonzero(~seen)]


def rehashed(found: Equilibrium, hashes: Hashes) -> Equilibrium:
    """The same result with the hashes of the files it came from, for its certificate."""
    return replace(found, hashes=hashes)
