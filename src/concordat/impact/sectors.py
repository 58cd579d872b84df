"""Who gains and who pays in a world of many sectors, input-output links and tariffs: the exact equilibrium.

With n importer, i exporter, j and k sectors, and `k_hat = (1 + t') / (1 + t) d_hat` (`d_hat` trade costs, `z`
productivity):

    c_jn = w_n^B_jn prod_k P_kn^(g_njk (1 - B_jn)) / z_jn
    P_jn = (sum_i pi_jni (k_hat_jni c_ji)^(-theta_j))^(-1/theta_j)
    pi'_jni = pi_jni (k_hat_jni c_ji / P_jn)^(-theta_j)          f'_jni = pi'_jni / (1 + t'_jni)
    X'_jn = sum_k g_nkj (1 - B_kn) sum_i f'_kin X'_ki + a_jn I'_n
    I'_n  = w_n VA_n + R'_n + D'_n                               R'_n = sum_ji t'_jni f'_jni X'_jn
    sum_j B_jn sum_i f'_jin X'_ji = w_n VA_n                     PI_n = prod_j P_jn^a_jn

in units of world value added (`sum w VA = sum VA`). Deficits are kept in these units, with transfers added (`kept`), or
removed before the shock (`zero_first`: the shocked world is compared with one without deficits). Real income is
`W_n = (I'_n / I_n) / PI_n`, exact. The first-order terms that are published as welfare stand beside it under their own
label. Tariff revenue is income, so a member that gives up much of it can gain far less than its real wage says.

Source: Caliendo and Parro, Review of Economic Studies 82 (2015) 1-44. No capital, migration, firm entry or new trade
relations; gains are static.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact._sectors_market import Problem
from concordat.impact.certificate import Hashes
from concordat.impact.first_order import Change, FirstOrder, first_order
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_certificate import SectorCertificate, certify, hold
from concordat.impact.sectors_shocks import SectorShock, shock_of
from concordat.impact.sectors_solve import Found, find

Array = NDArray[np.float64]
Deficits = Literal["kept", "zero_first"]
SPREAD = 0.3  # standard deviation of ln w of further starts


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Where the change of real income comes from, (N,) in percent of base income; the four add up to it exactly.

    Attributes:
        wages: `(w - 1) VA / I`. revenue: `(R' - R) / I`. deficit: `(D' - D) / I`, transfers among it.
        prices: what the change of the consumer price makes of the new income, `(I'/I) (1/PI - 1)`.
    """

    wages: Array
    revenue: Array
    deficit: Array
    prices: Array


@dataclass(frozen=True, slots=True, eq=False)
class SectorEquilibrium:
    """A solved counterfactual; N economies and J sectors in the order of `model`.

    Attributes:
        model: the base that changes are against (of `zero_first`: the world without deficits). shock: what was changed.
        deficits: how they were treated. wage: (N,) and price: (J, N), factors. cost: (J, N), unit costs, factors.
        spending: (J, N), X'. flows: (J, N, N), net of tariff, sector by importer by exporter. income, revenue: (N,), I'
            and R'; all in the model's unit, at prices where world value added is unchanged.
        consumer_price: (N,), PI. approximation: the first-order terms, which are not the result.
        first_step: of `zero_first`, the step that removed deficits.
    """

    model: SectorModel
    shock: SectorShock
    deficits: Deficits
    wage: Array
    price: Array
    cost: Array
    spending: Array
    flows: Array
    income: Array
    revenue: Array
    consumer_price: Array
    approximation: FirstOrder
    method: str
    steps: int
    starts: int = 0
    starts_agree: bool | None = None
    second_solver: float | None = None
    first_step: SectorEquilibrium | None = None
    hashes: Hashes | None = None

    @property
    def certificate(self) -> SectorCertificate:
        """What was proved about this result, recomputed from its prices by other code than found them.

        Raises:
            MethodError: the equations don't hold after all.
        """
        return certify(self, self.hashes)

    @property
    def real_income(self) -> Array:
        """(N,) `W = (I'/I) / PI`, a factor. Exact, not first-order."""
        found: Array = self.income / self.model.income / self.consumer_price
        return found

    @property
    def real_wage(self) -> Array:
        """(N,) `w / PI`, a factor."""
        found: Array = self.wage / self.consumer_price
        return found

    @property
    def real_income_pct(self) -> Mapping[str, float]:
        """Change of real income in percent, by economy."""
        return self._by_name(100 * (self.real_income - 1))

    @property
    def real_wage_pct(self) -> Mapping[str, float]:
        """Change of the real wage in percent, by economy."""
        return self._by_name(100 * (self.real_wage - 1))

    @property
    def money_metric(self) -> Array:
        """(N,) equivalent variation `(W - 1) I`, in the model's unit."""
        found: Array = (self.real_income - 1) * self.model.income
        return found

    @property
    def revenue_pct(self) -> tuple[Array, Array]:
        """((N,), (N,)) tariff revenue in percent of income, before and after."""
        return 100 * self.model.revenue / self.model.income, 100 * self.revenue / self.income

    @property
    def decomposition(self) -> Decomposition:
        """Wages, tariff revenue, deficit and prices, in percent of base income."""
        model, grown = self.model, self.income / self.model.income
        return Decomposition(
            wages=100 * (self.wage - 1) * model.value_added / model.income,
            revenue=100 * (self.revenue - model.revenue) / model.income,
            deficit=100 * (self.shock.deficit - model.deficit) / model.income,
            prices=100 * grown * (1 / self.consumer_price - 1),
        )

    def imports_among_pct(self, members: Sequence[str]) -> Mapping[str, float | None]:
        """Change in percent of what each member imports from the others, net of tariff; None where that was nothing.

        Values are in units of world value added: an amount, not a quantity.
        """
        places = {name: self.model.index(name) for name in members}
        found: dict[str, float | None] = {}
        for name, n in places.items():
            others = [i for i in places.values() if i != n]
            before, after = (float(f[:, n, others].sum()) for f in (self.model.flows, self.flows))
            found[name] = 100 * (after / before - 1) if before > 0 else None
        return found

    def _by_name(self, values: Array) -> dict[str, float]:
        return {name: float(v) for name, v in zip(self.model.economies, values, strict=True)}


def solve_sectors(
    model: SectorModel,
    *,
    tariffs_new: Array | None = None,
    cost_change: Array | float = 1.0,
    productivity: Array | float = 1.0,
    transfers: Mapping[str, float] | None = None,
    deficits: Deficits = "kept",
    change: Change = "percent",
    starts: int = 0,
    seed: int = 1,
    second_solver: bool = False,
    hashes: Hashes | None = None,
) -> SectorEquilibrium:
    """The equilibrium after a shock.

    Args:
        tariffs_new: (J, N, N) t' as shares, sector by importer by exporter; None keeps the base's.
        cost_change: d_hat, factor of trade costs besides tariffs, (J, N, N) or what broadcasts to it.
        productivity: z, factor of what inputs yield, (J, N) or what broadcasts to it.
        transfers: name -> amount received (negative: given), in the model's unit, of world value added; sum zero.
        deficits: `kept`, or `zero_first`: removed in a step of its own, before the shock.
        change: how the first-order terms take a change of trade.
        starts: solve again from so many other wages, and tell whether all agree to 1e-9.
        second_solver: solve again by the plain method of `sectors_check`, and tell the difference.

    Raises:
        InputError: a shock that can't be. MethodError: no equilibrium was found, or one in which an economy would have
            to spend less than nothing, or one that doesn't satisfy the equations to 1e-10.
    """
    if deficits not in ("kept", "zero_first"):
        hint = "Say kept or zero_first."
        raise InputError(f'"{deficits}" is no way to treat deficits.', where="deficits", hint=hint, code="deficits")
    first = _without_deficits(model) if deficits == "zero_first" else None
    base = model if first is None else _rebased(first)
    shock = shock_of(
        base, tariffs_new=tariffs_new, cost_change=cost_change, productivity=productivity, transfers=transfers
    )
    problem = _problem(base, shock)
    solution = find(problem)
    agree = _restarts(problem, solution, starts, seed) if starts else None
    found = _equilibrium(base, shock, deficits, solution, change)
    found = replace(found, starts=starts, starts_agree=agree, first_step=first, hashes=hashes)
    if second_solver:
        from concordat.impact.sectors_check import largest_difference

        found = replace(found, second_solver=largest_difference(found))
    hold(found)
    return found


def without_deficits(model: SectorModel) -> SectorModel:
    """The world after its deficits are removed: a base for many shocks, so that this step is made once."""
    return _rebased(_without_deficits(model))


def _without_deficits(model: SectorModel) -> SectorEquilibrium:
    shock = shock_of(model, deficit=np.zeros(len(model.economies)))
    found = _equilibrium(model, shock, "kept", find(_problem(model, shock)), "percent")
    hold(found)
    return found


def _rebased(found: SectorEquilibrium) -> SectorModel:
    notes = (*found.model.notes, "deficits removed: every economy spends what it earns")
    return replace(found.model, flows=found.flows, tariff=found.shock.tariff, notes=notes)


def _problem(model: SectorModel, shock: SectorShock) -> Problem:
    """The arrays that the solver works on.

    Raises:
        MethodError: a change that is beyond what numbers can hold, once it is raised to the elasticity.
    """
    theta = model.theta[:, None, None]
    dearer = (1 + shock.tariff) / (1 + model.tariff) * shock.cost_change / shock.productivity[:, None, :]
    with np.errstate(over="ignore", under="ignore"):
        pull = model.share * np.where(model.share > 0, dearer, 1.0) ** -theta
    if not np.isfinite(pull).all() or ((pull == 0) & (model.share > 0)).any():
        worst = float(np.abs(theta * np.log(dearer)).max())
        what = f"a change of trade cost raised to the elasticity is beyond computing: exp({worst:.4g})."
        hint = "Give a smaller change: a cost may rise a lot, but not without end."
        raise MethodError(what, where="shock", hint=hint, code="too_large")
    return Problem(
        pull=pull,
        tariff=shock.tariff,
        theta=model.theta[:, None],
        own=model.value_added_share,
        inputs=(1 - model.value_added_share).T[:, :, None] * model.input_share,
        final=model.final_share,
        value_added=model.value_added,
        deficit=shock.deficit,
        spending=model.spending,
        economies=model.economies,
    )


def _equilibrium(
    model: SectorModel, shock: SectorShock, deficits: Deficits, solution: Found, change: Change
) -> SectorEquilibrium:
    """All that follows from wages, prices and spending."""
    cost = np.exp(solution.log_cost) / shock.productivity
    revenue = (shock.tariff * solution.flows).sum(axis=(0, 2))
    return SectorEquilibrium(
        model=model,
        shock=shock,
        deficits=deficits,
        wage=np.exp(solution.log_wage),
        price=np.exp(solution.log_price),
        cost=cost,
        spending=solution.spending,
        flows=solution.flows,
        income=np.exp(solution.log_wage) * model.value_added + revenue + shock.deficit,
        revenue=revenue,
        consumer_price=np.exp((model.final_share * solution.log_price).sum(axis=0)),
        approximation=first_order(model, shock, cost, solution.flows, change=change),
        method=solution.method,
        steps=solution.steps,
    )


def _restarts(problem: Problem, solution: Found, starts: int, seed: int) -> bool:
    """Whether other starts lead to the same wages."""
    from concordat.impact._streams import stream

    for start in stream(seed, "sectors.starts").normal(0.0, SPREAD, (starts, len(problem.economies))):
        try:
            other = find(problem, start)
        except MethodError:
            return False
        if np.abs(other.log_wage - solution.log_wage).max() > 1e-9:
            return False
    return True
