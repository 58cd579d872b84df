"""Where does a budget for connectivity do most, by which measure, and how sure is the order?

`allocate` solves the linear program of a plan (`program`, `solving`), once with the central responses (or for the mean
and the worst draws together, with CVaR) and once for each draw of the responses. It tells for each country the money,
the people and the share online before and after; what one more dollar would do (the shadow price); which conditions
bind; the duality gap, which must be below 1e-9; and the stability of the ranking: in how many draws a country is among
the first by money. In a lucky draw a response may promise more people than are offline; they are not counted, except
inside the linear program of CVaR, and a note says so.

What this does not do: say that the money causes what is listed. Responses are costs a person and effects on GDP are
associations; "no causal effect was identified" is part of every result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.impact._streams import stream
from concordat.impact.connectivity.plan import OBJECTIVES, Plan
from concordat.impact.connectivity.program import Floats, Program, build, theil, weights
from concordat.impact.connectivity.solving import Solution, greedy, solve, solve_cvar, solve_each
from concordat.impact.parameters import Parameter, ParameterBook, load_parameters, usable

GAP_MAX = 1e-9  # specification, section 13
NO_CAUSE = "no causal effect was identified"
CVAR_DRAWS_MIN = 200
BINDING = 1e-9


@dataclass(frozen=True, slots=True)
class AreaAllocation:
    """What one country gets.

    Attributes:
        money: USD million; share: of the budget. people: connected.
        online_before, online_after: percent.
        in_top: share of draws in which it is among the first by money; None without draws.
    """

    area: str
    money: float
    share: float
    people: float
    online_before: float
    online_after: float
    in_top: float | None


@dataclass(frozen=True, slots=True)
class Binding:
    """A condition that binds, and what the objective would gain if it gave way by one unit.

    A unit is a million of US dollars; for the frontier of one country its whole gap; for the order of two a point.
    """

    name: str
    price: float


@dataclass(frozen=True, slots=True)
class Allocation:
    """An allocation with what it rests on.

    Attributes:
        value: of the objective at the central responses. spent: USD million.
        price_per_dollar: of the objective, for one more dollar of budget, minimum shares growing with it.
        duality_gap: relative. greedy_agrees: whether filling the best segments first gives the same value; None where
            other conditions than the budget hold.
        worst_mean: mean objective of the worst draws, mean_draws: of all draws; None without draws.
        top: how many places the stability speaks of. draws, draws_infeasible: solved, and those that had no solution.
        theil_before, theil_after: of the shares online between the countries, exactly; None if one has nobody online.
        unverified: countries whose response is, and the GDP parameter if it is. notes: what is always said.
    """

    plan: str
    title: str
    objective: str
    measured_in: str
    budget: float
    spent: float
    value: float
    areas: tuple[AreaAllocation, ...]
    price_per_dollar: float
    binding: tuple[Binding, ...]
    duality_gap: float
    greedy_agrees: bool | None
    cvar_weight: float
    cvar_level: float
    mean_draws: float | None
    worst_mean: float | None
    top: int
    draws: int
    draws_infeasible: int
    theil_before: float | None
    theil_after: float | None
    gdp_parameter: Parameter | None
    unverified: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...]

    def to_value(self) -> dict[str, Any]:
        """Plain values, as the program's JSON has them."""
        found = self.gdp_parameter
        return asdict(self) | {"gdp_parameter": found.to_value() if found else None}


def allocate(plan: Plan, *, parameters: ParameterBook | None = None) -> Allocation:
    """Solve a plan.

    Args:
        parameters: where `gdp_parameter` is looked up; by default the packaged ones.

    Raises:
        InputError: an unknown parameter, CVaR with too few draws.
        MethodError: conditions that can't all hold (named), an unusable parameter, a duality gap above 1e-9.
    """
    gdp = None
    if plan.objective == "gdp":
        book = load_parameters() if parameters is None else parameters
        gdp = usable(book.get(plan.gdp_parameter), allow_unverified=plan.allow_unverified)
    weight = weights(plan, gdp)
    program = build(plan, weight)
    factors = _factors(plan)
    found = _solved(plan, program, factors)
    if not found.gap < GAP_MAX:
        what = f"the duality gap is {found.gap:.1e}, above {GAP_MAX:g}: the solution is not certain."
        raise MethodError(what, hint="Bring the sizes of the plan closer together.", code="duality_gap")
    firsts, infeasible = _in_top(plan, weight, factors)
    scored, capped = _scored(plan, program, weight, found.money, factors)
    after, exact = _after(plan, program, found.money)
    return Allocation(
        plan=plan.plan,
        title=plan.title,
        objective=plan.objective,
        measured_in=OBJECTIVES[plan.objective],
        budget=plan.budget,
        spent=float(found.money.sum()),
        value=float(program.gain @ found.money),
        areas=_areas(plan, program, found.money, after, firsts),
        price_per_dollar=_price(program, found) / 1e6,
        binding=_binding(program, found),
        duality_gap=found.gap,
        greedy_agrees=_greedy_agrees(program, found) if plan.cvar_weight == 0.0 else None,
        cvar_weight=plan.cvar_weight,
        cvar_level=plan.cvar_level,
        mean_draws=float(scored.mean()) if scored.size else None,
        worst_mean=_worst(scored, plan.cvar_level) if scored.size else None,
        top=min(plan.top, len(plan.areas)),
        draws=len(factors),
        draws_infeasible=infeasible,
        theil_before=exact[0],
        theil_after=exact[1],
        gdp_parameter=gdp,
        unverified=(*plan.unverified, *((gdp.id,) if gdp is not None and gdp.unverified else ())),
        sha256=plan.sha256,
        notes=_notes(plan, gdp, capped),
    )


def _solved(plan: Plan, program: Program, factors: Floats) -> Solution:
    names = {i: a.area for i, a in enumerate(plan.areas)}
    try:
        if plan.cvar_weight == 0.0:
            return solve(program)
        if len(factors) < CVAR_DRAWS_MIN:
            what = f"CVaR needs at least {CVAR_DRAWS_MIN} draws, and the plan has {len(factors)}."
            raise InputError(what, hint=f"Write draws: {CVAR_DRAWS_MIN} or more.", code="draws")
        return solve_cvar(program, factors[:, program.owner] * program.gain, plan.cvar_weight, plan.cvar_level)
    except MethodError as error:
        for i, area in names.items():
            error.what = error.what.replace(f"the segments of country {i + 1} of the plan", f"the segments of {area}")
        raise


def _factors(plan: Plan) -> Floats:
    """(S, C) factors on each country's response, one stream of random numbers a country."""
    made = np.ones((plan.draws, len(plan.areas)))
    for c, a in enumerate(plan.areas):
        response = a.response
        assert response.distribution is not None
        u = stream(plan.seed, response.id).random(plan.draws)
        made[:, c] = response.distribution.quantile(u, 1.0) if plan.draws else made[:, c]
        if plan.draws and float(made[:, c].min()) <= 0.0:
            what = f"{a.area}: some draws of the response are not above zero."
            hint = "Choose a distribution that can't be, such as lognormal."
            raise InputError(what, where=response.place, hint=hint, code="negative")
    return made


def _in_top(plan: Plan, weight: Floats, factors: Floats) -> tuple[Floats | None, int]:
    """In which share of draws each country is among the first by money, and how many draws had no solution."""
    if not len(factors):
        return None, 0
    count = len(plan.areas)
    programs = [build(plan, weight, factor) for factor in factors]
    inside, solved = np.zeros(count), 0
    for program, spent in zip(programs, solve_each(programs), strict=True):
        if spent is None:
            continue
        solved += 1
        money = np.bincount(program.owner, spent, minlength=count)
        first = np.argsort(-money, kind="stable")[: min(plan.top, count)]
        inside[first] += money[first] > BINDING * plan.budget
    return (inside / solved if solved else None), len(factors) - solved


def _areas(
    plan: Plan, program: Program, money: Floats, after: Floats, firsts: Floats | None
) -> tuple[AreaAllocation, ...]:
    count = len(plan.areas)
    each = np.bincount(program.owner, money, minlength=count)
    people = np.bincount(program.owner, money * program.slopes, minlength=count)
    return tuple(
        AreaAllocation(
            a.area, float(each[c]), float(each[c]) / plan.budget, float(people[c]), a.online_pct, float(after[c]),
            None if firsts is None else float(firsts[c]),
        )
        for c, a in enumerate(plan.areas)
    )  # fmt: skip


def _after(plan: Plan, program: Program, money: Floats) -> tuple[Floats, tuple[float | None, float | None]]:
    """Shares online afterwards in percent, and the exact Theil index before and after."""
    population = np.array([a.population for a in plan.areas])
    before = np.array([a.online_pct for a in plan.areas])
    people = np.bincount(program.owner, money * program.slopes, minlength=len(plan.areas))
    after = before + 100.0 * people / population
    if (before <= 0.0).any():
        return after, (None, None)
    return after, (theil(population, before / 100.0), theil(population, after / 100.0))


def _price(program: Program, found: Solution) -> float:
    """Objective for one more million of budget: its own multiplier, and those of minimum shares that grow with it."""
    return float(sum(m * row.share for m, row in zip(found.multipliers, program.rows, strict=True)))


def _binding(program: Program, found: Solution) -> tuple[Binding, ...]:
    made = []
    for row, price in zip(program.rows, found.multipliers, strict=True):
        slack = row.bound - float(row.coefficients @ found.money)
        size = max(abs(row.bound), float(np.abs(row.coefficients).max()) * program.budget)
        if price > 0.0 and abs(slack) <= 1e-7 * size:
            made.append(Binding(row.name, float(price)))
    return tuple(made)


def _greedy_agrees(program: Program, found: Solution) -> bool | None:
    if len(program.rows) > 1:
        return None
    best = float(program.gain @ greedy(program))
    return abs(best - found.value) <= GAP_MAX * max(1.0, abs(best))


def _scored(plan: Plan, program: Program, weight: Floats, money: Floats, factors: Floats) -> tuple[Floats, float]:
    """The objective in each draw, nobody counted twice, and the share of draws that promise more than are offline."""
    if not len(factors):
        return np.empty(0), 0.0
    people = np.bincount(program.owner, money * program.slopes, minlength=len(plan.areas)) * factors
    reach = 100.0 if plan.objective != "gap" or plan.frontier_pct is None else plan.frontier_pct
    most = np.array([a.population * (reach - a.online_pct) / 100.0 for a in plan.areas])
    over = (people > most * (1.0 + 1e-9)).any(axis=1)
    return np.minimum(people, most) @ weight, float(over.mean())


def _worst(scored: Floats, level: float) -> float:
    """Mean of the worst draws: CVaR at the level, `max_e e - sum_s max(0, e - f_s) / ((1-a) S)`."""
    ordered = np.sort(scored)
    tail = (1.0 - level) * ordered.size
    whole = int(np.floor(tail + 1e-9))
    part = max(0.0, tail - whole)
    total = float(ordered[:whole].sum()) + (part * float(ordered[whole]) if whole < ordered.size else 0.0)
    return total / tail


def _notes(plan: Plan, gdp: Parameter | None, capped: float) -> tuple[str, ...]:
    notes = [NO_CAUSE[0].upper() + NO_CAUSE[1:] + ": responses are costs a person, not effects of a programme."]
    if plan.objective == "gdp":
        notes.append("The effect on GDP is associational, at its first order.")
    if plan.objective == "theil":
        notes.append(
            "The Theil index is taken linear at present shares, in the present order; exact values stand beside."
        )
    if capped > 0.0 and plan.cvar_weight > 0.0:
        notes.append(
            f"In {100 * capped:.0f} % of draws a response promises more people than are offline: they count in the "
            "choice by CVaR, not in the figures of draws."
        )
    if plan.unverified or (gdp is not None and gdp.unverified):
        notes.append("UNVERIFIED: rests on sizes that were not checked against a source.")
    return tuple(notes)
