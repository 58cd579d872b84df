"""Which linear program is an allocation plan: its variables, conditions and objective?

Variables are the money `b_ck` in segment k of country c, from 0 to its width. With slopes `s_ck` that fall,
`Delta_c = sum_k s_ck b_ck` is concave, so the program fills better segments first by itself (specification, section 8):

    maximise  sum_c w_c Delta_c     subject to  budget, absorption caps, minimum shares, earmarks
                                                and what the objective adds

Weights `w_c`: `people` 1; `gap` `100 / (n population)`, with no more counted than the frontier asks; `gdp` the effect
of the parameter on GDP for one more person online; `theil` `-dT/dDelta_c` of the population-weighted Theil index T of
the shares online, `-(ln(x_c/m) - T) / (m P)` with x shares, m their mean and P all people, held to the present order of
countries. `solving` finds the optimum.

What this does not do: integer projects, or effects across borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.evidence.aggregate import ordered, theil_t
from concordat.impact.connectivity.plan import Plan
from concordat.impact.parameters import Parameter

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """A condition `coefficients @ b <= bound`, and how it is told.

    Attributes:
        kind: budget, absorption, minimum, earmark, frontier, order or capacity.
        share: how much of one more million of budget the bound takes up: 1 for the budget, -share for a minimum share.
    """

    name: str
    kind: str
    coefficients: Floats
    bound: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Program:
    """A plan as arrays.

    Attributes:
        owner: (V,) the country of each variable. slopes, widths: (V,) people a million, USD million.
        gain: (V,) objective for a million. rows: conditions. budget: USD million.
    """

    owner: NDArray[np.int64]
    slopes: Floats
    widths: Floats
    gain: Floats
    rows: tuple[Row, ...]
    budget: float


def weights(plan: Plan, gdp: Parameter | None) -> Floats:
    """The objective for one more person online in each country (C,)."""
    count = len(plan.areas)
    population = np.array([a.population for a in plan.areas])
    if plan.objective == "people":
        return np.ones(count)
    if plan.objective == "gap":
        return np.asarray(100.0 / population / count)
    share = np.array([a.online_pct for a in plan.areas]) / 100.0
    if plan.objective == "theil":
        mean = float((population * share).sum() / population.sum())
        return np.asarray(-(np.log(share / mean) - theil(population, share)) / (mean * population.sum()))
    assert gdp is not None
    return np.array([_gdp_effect(gdp, a.online_pct, a.population) * (a.gdp_usd_million or 0.0) for a in plan.areas])


def theil(population: Floats, share: Floats) -> float:
    """Theil's T of shares online between countries, by population: the kernel that all rooms share.

    Example:
        >>> round(theil(np.array([1.0, 1.0]), np.array([0.2, 0.6])), 6)
        0.130812
    """
    return theil_t(ordered(share, population))


def _gdp_effect(gdp: Parameter, online_pct: float, population: float) -> float:
    """The share of GDP that goes with one more person online, at the first order.

    Raises:
        MethodError: the parameter is no growth effect, or told for another change than percent or percentage points.
    """
    if gdp.quantity != "growth_effect" or gdp.per is None or gdp.value is None:
        hint = "Choose a growth_effect; see: concordat parameters list"
        raise MethodError(f"{gdp.id} is no effect on GDP.", where=gdp.place, hint=hint, code="gdp_parameter")
    by_level = gdp.distribution is not None and bool(gdp.distribution.levels)
    value = gdp.distribution.at_level(online_pct) if by_level and gdp.distribution is not None else gdp.value
    if gdp.per.unit == "percent":  # of the people online
        return value / gdp.per.change * 100.0 / (population * online_pct / 100.0)
    if gdp.per.unit == "percentage points":
        return value / gdp.per.change * 100.0 / population
    what = f"{gdp.id} is told for {gdp.per.change:g} {gdp.per.unit}."
    raise MethodError(what, where=gdp.place, hint="It must be percent or percentage points.", code="gdp_parameter")


def build(plan: Plan, weight: Floats, factors: Floats | None = None) -> Program:
    """The program of a plan.

    Args:
        weight: (C,) the objective for a person in each country.
        factors: (C,) on the slopes, for a draw; 1 without.
    """
    owner = np.array([c for c, a in enumerate(plan.areas) for _ in a.widths], dtype=np.int64)
    slopes = np.array([s for a in plan.areas for s in a.slopes])
    if factors is not None:
        slopes = slopes * factors[owner]
    widths = np.array([w for a in plan.areas for w in a.widths])
    rows = [Row(f"budget of {plan.budget:g}", "budget", np.ones(len(owner)), plan.budget, 1.0)]
    for c, a in enumerate(plan.areas):
        own = (owner == c).astype(np.float64)
        if a.absorption_max is not None:
            name = f"{a.area} can absorb at most {a.absorption_max:g}"
            rows.append(Row(name, "absorption", own, a.absorption_max))
        if a.minimum_share > 0:
            least = a.minimum_share * plan.budget
            name = f"{a.area} gets at least {100 * a.minimum_share:g} % ({least:g})"
            rows.append(Row(name, "minimum", -own, -least, -a.minimum_share))
    for e in plan.earmarks:
        tied = np.isin(owner, [c for c, a in enumerate(plan.areas) if a.area in e.areas]).astype(np.float64)
        which = ", ".join(e.areas)
        if e.minimum is not None:
            rows.append(Row(f"{e.donor}: at least {e.minimum:g} for {which}", "earmark", -tied, -e.minimum))
        if e.maximum is not None:
            rows.append(Row(f"{e.donor}: at most {e.maximum:g} for {which}", "earmark", tied, e.maximum))
    if factors is not None and plan.objective != "gap":
        rows += _everyone(plan, owner, slopes, widths)
    if plan.objective == "gap":
        rows += _frontier(plan, owner, slopes)
    if plan.objective == "theil":
        rows += _order(plan, owner, slopes)
    return Program(owner, slopes, widths, weight[owner] * slopes, tuple(rows), plan.budget)


def _frontier(plan: Plan, owner: NDArray[np.int64], slopes: Floats) -> list[Row]:
    """No more people are counted than the frontier asks."""
    assert plan.frontier_pct is not None
    made = []
    for c, a in enumerate(plan.areas):
        people = a.population * (plan.frontier_pct - a.online_pct) / 100.0
        name = f"{a.area} is at the frontier of {plan.frontier_pct:g} %"
        made.append(Row(name, "frontier", np.where(owner == c, slopes, 0.0) / people, 1.0))
    return made


def _everyone(plan: Plan, owner: NDArray[np.int64], slopes: Floats, widths: Floats) -> list[Row]:
    """In a draw, no more people are connected than are offline."""
    made = []
    for c, a in enumerate(plan.areas):
        own = owner == c
        if float(slopes[own] @ widths[own]) > a.offline:
            made.append(Row(f"everyone in {a.area} is online", "frontier", np.where(own, slopes, 0.0) / a.offline, 1.0))
    return made


def _order(plan: Plan, owner: NDArray[np.int64], slopes: Floats) -> list[Row]:
    """Countries stay in their present order of shares online; those that are level may part."""
    levels = sorted({a.online_pct for a in plan.areas})
    points = np.array([100.0 * slopes[v] / plan.areas[c].population for v, c in enumerate(owner)])
    made = []
    for low, high in pairwise(levels):
        for below in (c for c, a in enumerate(plan.areas) if a.online_pct == low):
            for above in (c for c, a in enumerate(plan.areas) if a.online_pct == high):
                row = np.where(owner == below, points, 0.0) - np.where(owner == above, points, 0.0)
                name = f"{plan.areas[below].area} stays below {plan.areas[above].area}"
                made.append(Row(name, "order", row, high - low))
    return made
