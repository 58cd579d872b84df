"""The best allocation by brute force, by greedy filling and by finite differences; CVaR; what can't all hold."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity import allocate
from concordat.impact.connectivity.allocation import NO_CAUSE
from concordat.impact.connectivity.plan import Plan
from concordat.impact.connectivity.program import build, theil, weights
from concordat.impact.connectivity.solving import greedy, solve, solve_each
from concordat.impact.parameters import load_parameters
from connectivity_kit import area, plan_of, random_plan


def people(a: Any, money: float) -> float:
    """The response of a country, by filling its segments."""
    total = 0.0
    for slope, width in zip(a.slopes, a.widths, strict=True):
        total += slope * min(width, max(money, 0.0))
        money -= width
    return total


def brute(plan: Plan, weight: np.ndarray, step: float = 1.0) -> float:
    """The best value over every allocation in whole steps that keeps all conditions."""
    most = [min(sum(a.widths), a.absorption_max if a.absorption_max is not None else np.inf) for a in plan.areas]
    best = -np.inf
    for money in itertools.product(*(np.arange(0, m + 1e-9, step) for m in most)):
        if sum(money) > plan.budget + 1e-9:
            continue
        if any(m < a.minimum_share * plan.budget - 1e-9 for m, a in zip(money, plan.areas, strict=True)):
            continue
        tied = {
            e.donor: sum(m for m, a in zip(money, plan.areas, strict=True) if a.area in e.areas) for e in plan.earmarks
        }
        if any(tied[e.donor] < (e.minimum or 0) - 1e-9 for e in plan.earmarks):
            continue
        if any(e.maximum is not None and tied[e.donor] > e.maximum + 1e-9 for e in plan.earmarks):
            continue
        best = max(best, sum(w * people(a, m) for w, a, m in zip(weight, plan.areas, money, strict=True)))
    return best


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("objective", ["people", "gdp"])
def test_the_program_is_brute_force_and_greedy(seed: int, objective: str) -> None:
    """Widths and budget are whole, so the best whole allocation is a best one of all."""
    plan = random_plan(seed, count=3, objective=objective, gdp_parameter="fixed_broadband_gdp")
    gdp = load_parameters()["fixed_broadband_gdp"] if objective == "gdp" else None
    weight = weights(plan, gdp)
    program = build(plan, weight)
    found = solve(program)
    assert found.value == pytest.approx(brute(plan, weight), rel=1e-9)
    assert found.value == pytest.approx(float(program.gain @ greedy(program)), rel=1e-9)
    assert found.gap < 1e-9
    assert allocate(plan).greedy_agrees is True


@pytest.mark.parametrize("seed", range(6))
def test_with_conditions_the_program_is_still_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = random_plan(seed, count=3)
    areas = [
        area(
            a.area,
            a.slopes,
            a.widths,
            absorption_max=float(rng.integers(3, 9)),
            minimum_share=float(rng.integers(0, 3)) / 10,
        )
        for a in base.areas
    ]
    plan = plan_of(areas, earmarks=[{"donor": "D", "areas": ["A0", "A1"], "minimum": 2, "maximum": 7}])
    found = allocate(plan)
    assert found.value == pytest.approx(brute(plan, np.ones(3)), rel=1e-9)
    assert found.duality_gap < 1e-9
    assert found.greedy_agrees is None
    assert found.spent <= plan.budget + 1e-9


def test_the_price_is_what_one_more_million_brings() -> None:
    areas = [
        area("AAA", [9000.0, 3000.0], [2.0, 50.0], minimum_share=0.4),
        area("BBB", [5000.0, 4000.0], [3.0, 50.0]),
    ]
    more, less = allocate(plan_of(areas, budget=10.001)), allocate(plan_of(areas, budget=10.0))
    assert less.price_per_dollar * 1e6 == pytest.approx((more.value - less.value) / 0.001, rel=1e-6)
    assert {b.name for b in less.binding} == {"budget of 10", "AAA gets at least 40 % (4)"}


def test_the_gap_counts_no_more_than_the_frontier_asks() -> None:
    areas = [
        area("AAA", [9000.0], [900.0], online_pct=85.0, population=10e6 * 9, absorption_max=900.0),
        area("BBB", [5000.0], [100.0], online_pct=20.0),
    ]
    plan = plan_of(areas, budget=600.0, objective="gap", frontier_pct=90.0)
    found = allocate(plan)
    assert found.areas[0].online_after <= 90.0 + 1e-9
    assert found.areas[1].money == pytest.approx(100.0)
    points = [(a.online_after - a.online_before) for a in found.areas]
    assert found.value == pytest.approx(np.mean(points))


def test_theil_is_its_formula_and_its_slope_a_finite_difference() -> None:
    population, share = np.array([3e6, 5e6, 9e6]), np.array([0.2, 0.5, 0.7])
    relative = share / (population @ share / population.sum())
    assert theil(population, share) == pytest.approx(population @ (relative * np.log(relative)) / population.sum())
    areas = [
        area(f"A{i}", [9000.0], [5.0], population=float(n), online_pct=100 * float(x))
        for i, (n, x) in enumerate(zip(population, share, strict=True))
    ]
    weight = weights(plan_of(areas, objective="theil"), None)
    for c in range(3):
        step = np.zeros(3)
        step[c] = 10.0 / population[c]
        slope = (theil(population, share + step) - theil(population, share - step)) / 20.0
        assert weight[c] == pytest.approx(-slope, rel=1e-6)


def test_inequality_falls_and_the_order_of_countries_stays() -> None:
    areas = [
        area("AAA", [90000.0], [80.0], online_pct=20.0),
        area("BBB", [90000.0], [60.0], online_pct=40.0),
        area("CCC", [90000.0], [30.0], online_pct=70.0),
    ]
    found = allocate(plan_of(areas, budget=60.0, objective="theil"))
    after = [a.online_after for a in found.areas]
    assert after == sorted(after)
    assert found.areas[2].money == 0.0
    assert found.theil_after < found.theil_before  # type: ignore[operator]


def test_effects_on_gdp_are_of_the_record_and_called_associational() -> None:
    """+1 % of people online: +0.0245 % of GDP (section 5); 10,000 people are 0.5 % of 2 million."""
    plan = plan_of(
        [area("AAA", [10000.0], [1.0], gdp_usd_million=50_000.0)],
        budget=1.0,
        objective="gdp",
        gdp_parameter="fixed_broadband_gdp",
    )
    found = allocate(plan)
    assert found.value == pytest.approx(0.5 * 0.000245 * 50_000)
    assert any("associational" in note for note in found.notes)
    with pytest.raises(MethodError, match="no effect on GDP"):
        allocate(
            plan_of(
                [area("AAA", [10000.0], [1.0], gdp_usd_million=1.0)], objective="gdp", gdp_parameter="trade_elasticity"
            )
        )


def test_an_effect_by_level_is_that_of_the_share_online() -> None:
    """Senegal: nothing below 3 %, +0.22 % of GDP for 10 % more from 3 %, +0.40 % from 10 % (section 5)."""
    values = []
    for online in (2.0, 5.0, 50.0):
        one = area("AAA", [1000.0], [1.0], online_pct=online, gdp_usd_million=1000.0)
        plan = plan_of([one], objective="gdp", gdp_parameter="mobile_broadband_gdp_senegal")
        values.append(float(weights(plan, load_parameters()["mobile_broadband_gdp_senegal"])[0]) * online)
    assert values[0] == 0.0
    assert values[2] / values[1] == pytest.approx(0.40 / 0.22)


@pytest.mark.parametrize("weight", [0.3, 0.8, 1.0])
def test_cvar_is_no_worse_than_any_allocation_on_a_grid(weight: float) -> None:
    areas = [
        area("AAA", [9000.0, 5000.0], [4.0, 8.0]),
        area("BBB", [7000.0, 6000.0], [4.0, 8.0]),
    ]
    plan = plan_of(areas, draws=300, cvar={"weight": weight, "level": 0.9}, objective="people")
    found = allocate(plan)
    from concordat.impact.connectivity.allocation import _factors, _worst

    factors = _factors(plan)

    def mixed(x: float) -> float:
        people_of = np.array([people(plan.areas[0], x), people(plan.areas[1], 10.0 - x)])
        scored = factors @ people_of
        return (1 - weight) * float(scored.mean()) + weight * _worst(scored, 0.9)

    own = mixed(found.areas[0].money)
    best = max(mixed(x) for x in np.linspace(0, 10, 401))
    assert own >= best - 1e-9 * abs(best)
    assert own == pytest.approx((1 - weight) * found.mean_draws + weight * found.worst_mean)  # type: ignore[operator]


def test_the_worst_tenth_of_a_hundred_is_the_mean_of_ten() -> None:
    from concordat.impact.connectivity.allocation import _worst

    scored = np.arange(100.0)
    assert _worst(scored, 0.9) == pytest.approx(4.5)
    assert _worst(scored, 0.995) == 0.0  # half a draw
    eta = np.linspace(-5, 105, 5501)
    direct = (eta - np.maximum(0, eta[:, None] - scored).sum(axis=1) / (0.13 * 100)).max()
    assert _worst(scored, 0.87) == pytest.approx(direct)


@pytest.mark.parametrize(
    ("areas", "more", "named"),
    [
        (
            [
                area("AAA", [9.0], [30.0], minimum_share=0.6),
                area("BBB", [9.0], [30.0], minimum_share=0.5),
                area("CCC", [9.0], [30.0], minimum_share=0.1),
            ],
            {},
            {"budget of 10", "AAA gets at least 60 % (6)", "BBB gets at least 50 % (5)"},
        ),
        (
            [area("AAA", [9.0], [30.0], absorption_max=2.0), area("BBB", [9.0], [30.0])],
            {"earmarks": [{"donor": "D", "areas": ["AAA"], "minimum": 3}]},
            {"AAA can absorb at most 2", "D: at least 3 for AAA"},
        ),
        (
            [area("AAA", [9.0], [1.0], minimum_share=0.5), area("BBB", [9.0], [30.0])],
            {},
            {"AAA gets at least 50 % (5)", "the segments of AAA end at 1"},
        ),
    ],
)
def test_conditions_that_cannot_all_hold_are_named_and_no_others(areas: Any, more: Any, named: set[str]) -> None:
    with pytest.raises(MethodError) as found:
        allocate(plan_of(areas, **more))
    assert found.value.code == "infeasible"
    said = re.fullmatch(r"these conditions can't all hold: (.*)\.", found.value.what)
    assert said
    assert set(said[1].split("; ")) == named


def test_the_ranking_is_certain_where_one_country_is_far_better_and_open_where_two_are_alike() -> None:
    areas = [
        area("AAA", [9000.0], [5.0]),
        area("BBB", [4000.0], [10.0]),
        area("CCC", [4000.0], [10.0]),
        area("DDD", [10.0], [10.0]),
    ]
    found = allocate(plan_of(areas, draws=200, top=2))
    share = {a.area: a.in_top for a in found.areas}
    assert share["AAA"] > 0.9  # type: ignore[operator]
    assert 0.35 < share["BBB"] < 0.65  # type: ignore[operator]
    assert 0.35 < share["CCC"] < 0.65  # type: ignore[operator]
    assert 1.9 < sum(s for s in share.values() if s is not None) <= 2.0  # a draw's first may take it all
    assert share["DDD"] == 0.0
    assert found.draws == 200
    assert found.draws_infeasible == 0


def test_many_programs_at_once_are_those_one_by_one_and_one_without_a_solution_spoils_none() -> None:
    programs = [build(p, weights(p, None)) for p in (random_plan(s, count=3) for s in range(5))]
    together = solve_each(programs)
    for program, money in zip(programs, together, strict=True):
        assert money is not None
        assert float(program.gain @ money) == pytest.approx(solve(program).value, rel=1e-9)
    impossible = plan_of([area("AAA", [9.0], [1.0], minimum_share=0.5)])
    mixed = solve_each([programs[0], build(impossible, np.ones(1))])
    assert mixed[1] is None
    assert mixed[0] is not None
    assert float(programs[0].gain @ mixed[0]) == pytest.approx(solve(programs[0]).value, rel=1e-9)
    assert solve_each([]) == []


def test_what_is_always_said() -> None:
    found = allocate(plan_of([area("AAA", [9000.0], [5.0])]))
    assert NO_CAUSE in found.notes[0].lower()
    assert any("UNVERIFIED" in note for note in found.notes)
    assert found.unverified == ("AAA",)
    assert found.mean_draws is None
    assert found.areas[0].in_top is None
    json.dumps(found.to_value())


def test_money_that_no_response_takes_stays_unspent_and_has_no_price() -> None:
    found = allocate(plan_of([area("AAA", [9000.0], [5.0])]))
    assert found.spent == pytest.approx(5.0)
    assert found.price_per_dollar == 0.0


def test_lucky_draws_connect_no_more_than_are_offline() -> None:
    """All who are offline are connected at the central response, so no draw may promise more."""
    one = area("AAA", [8_000_000.0 / 5.0], [5.0])
    found = allocate(plan_of([one], budget=5.0, draws=200))
    assert found.value == pytest.approx(8_000_000)
    assert found.mean_draws < 8_000_000  # type: ignore[operator]
    mixed = allocate(plan_of([one], budget=5.0, draws=200, cvar={"weight": 0.5, "level": 0.9}))
    assert any("more people than are offline" in note for note in mixed.notes)


def test_cvar_needs_draws_and_responses_stay_positive() -> None:
    with pytest.raises(InputError, match="at least 200 draws"):
        allocate(plan_of([area("AAA", [9000.0], [5.0])], draws=100, cvar={"weight": 0.5}))
    loose = area("AAA", [9000.0], [5.0])
    loose["response"]["distribution"] = {"kind": "normal", "sd": 0.9}
    with pytest.raises(InputError, match="not above zero"):
        allocate(plan_of([loose], draws=200))
