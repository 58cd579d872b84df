"""The multi-sector equilibrium: the toy of the specification, its one-sector limit, and what holds of any result."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.equilibrium import solve
from concordat.impact.sectors import solve_sectors, without_deficits
from concordat.impact.sectors_check import largest_difference, solve_plainly
from concordat.impact.sectors_shocks import flow_effect_costs, tariffs_set
from concordat.impact.trade_table import TradeTable
from sectors_kit import one_sector, random_shock, random_world, toy

FREED = [("AAA", "BBB"), ("BBB", "AAA")]

# Specification of impact, section 3, "toy golden"; its second solver here is `solve_plainly`.
WAGE = [1.0001124295, 1.0062887153, 0.9891935066]
REVENUE = [0.9713200867, 0.426486125, 1.9491301102]
REAL_INCOME = [0.2496354091, 0.3848690504, -0.0910968696]
REAL_WAGE = [0.8017403725, 2.0638217684, -0.1133547299]
FIRST_ORDER = {"percent": [0.51228, 0.93108, -0.09253], "log": [0.37147, 0.71394, -0.09329]}


def test_the_base_of_the_toy() -> None:
    model = toy()
    assert model.deficit.tolist() == pytest.approx([-20, 15, 5], abs=1e-12)
    assert model.revenue.tolist() == pytest.approx([3.0, 3.5, 2.0], abs=1e-12)
    assert model.income.tolist() == pytest.approx([370, 192.7, 112.4], abs=1e-12)
    assert model.final_share.sum(axis=0).tolist() == pytest.approx([1, 1, 1], abs=1e-15)


@pytest.mark.parametrize("change", ["percent", "log"])
def test_the_toy_golden(change: str) -> None:
    model = toy()
    found = solve_sectors(model, tariffs_new=tariffs_set(model, FREED, 0, sectors=["goods"]), change=change)  # type: ignore[arg-type]
    assert found.wage.tolist() == pytest.approx(WAGE, abs=1e-10)
    assert found.revenue.tolist() == pytest.approx(REVENUE, abs=1e-10)
    assert list(found.real_income_pct.values()) == pytest.approx(REAL_INCOME, abs=1e-9)
    assert list(found.real_wage_pct.values()) == pytest.approx(REAL_WAGE, abs=1e-9)
    assert found.approximation.total_pct.tolist() == pytest.approx(FIRST_ORDER[change], abs=6e-6)
    assert (found.approximation.change, found.approximation.label) == (change, "first-order, not the result")


def test_the_plain_solver_gives_the_toy_golden_too() -> None:
    model = toy()
    found = solve_sectors(model, tariffs_new=tariffs_set(model, FREED, 0, sectors=["goods"]))
    other = solve_plainly(model, found.shock)
    assert other.wage.tolist() == pytest.approx(WAGE, abs=1e-10)
    assert largest_difference(found) < 1e-11


# Specification of impact, section 2.7, rows "additive" and "additive, T = 1, transfer".
ADDITIVE = (
    [1.001245888111, 1.001179313840, 0.993432501145],
    [0.990928958721, 0.976714176242, 0.996122760931],
    [1.010380705686, 1.025048410469, 0.996639962660],
)
TRANSFER = (
    [0.998489546500, 1.000886143323, 1.003961946987],
    [0.999096553980, 1.000666226323, 1.002393606362],
    [0.993326242494, 1.000219770583, 1.026900146962],
)


@pytest.mark.parametrize("solver", ["fast", "plain"])
def test_one_sector_without_materials_is_the_additive_closure(solver: str) -> None:
    model = one_sector()
    costs = flow_effect_costs(model, [("E0", "E1"), ("E1", "E0")], 0.5)
    found = solve_sectors(model, cost_change=costs)
    if solver == "fast":
        wage, price = found.wage, found.price[0]
    else:
        other = solve_plainly(model, found.shock)
        wage, price = other.wage, other.price[0]
    assert wage.tolist() == pytest.approx(ADDITIVE[0], abs=1e-12)
    assert price.tolist() == pytest.approx(ADDITIVE[1], abs=1e-12)
    assert found.real_income.tolist() == pytest.approx(ADDITIVE[2], abs=1e-12)


def test_a_transfer_is_that_of_the_one_sector_model() -> None:
    found = solve_sectors(one_sector(), transfers={"E0": -5, "E2": 5})
    for values, wanted in zip((found.wage, found.price[0], found.real_income), TRANSFER, strict=True):
        assert values.tolist() == pytest.approx(wanted, abs=1e-12)
    assert found.decomposition.deficit.tolist() == pytest.approx([-500 / 820, 0, 500 / 200], abs=1e-12)


def test_it_agrees_with_the_one_sector_solver_of_this_room() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    flows = np.exp(rng.normal(0, 1, (7, 7))) + np.diag(rng.uniform(20, 40, 7))
    shock = np.exp(rng.normal(0, 0.5, (7, 7)))
    table = TradeTable(tuple(f"E{n}" for n in range(7)), flows, 2000)
    one = solve(table, shock=shock, theta=5.0, closure="additive")
    costs = shock.T[None] ** (-1 / 5.0)
    several = solve_sectors(one_sector(flows, 5.0), cost_change=costs)
    assert np.abs(several.real_income / one.real_income - 1).max() < 1e-11


def test_equal_sectors_without_links_are_one_sector() -> None:
    """Three sectors with the same shares, each of its own size: nothing but their sum matters."""
    single = one_sector()
    size = np.array([0.2, 0.3, 0.5])
    arrays = {
        "economies": single.economies,
        "sectors": ("a", "b", "c"),
        "flows": single.flows * size[:, None, None],
        "tariff": np.zeros((3, 3, 3)),
        "value_added_share": np.ones((3, 3)),
        "input_share": np.full((3, 3, 3), 1 / 3),
        "theta": np.full(3, 4.0),
    }
    costs = flow_effect_costs(single, [("E0", "E1"), ("E1", "E0")], 0.5)
    found = solve_sectors(toy(**arrays), cost_change=costs)
    assert found.real_income.tolist() == pytest.approx(ADDITIVE[2], abs=1e-12)


def test_productivity_everywhere_is_all_that_is_made_more() -> None:
    """If every producer makes 10 % more of the same and materials are used, real income grows by more than 10 %.

    With the same value-added share B in all cells, prices fall by z^(1/B) against wages, and nothing else moves.
    """
    model = toy(value_added_share=np.full((2, 3), 0.5), tariff=np.zeros((2, 3, 3)))
    found = solve_sectors(model, productivity=1.1)
    assert found.wage.tolist() == pytest.approx([1, 1, 1], abs=1e-12)
    assert found.real_income.tolist() == pytest.approx([1.1**2] * 3, abs=1e-11)


def test_the_decomposition_adds_up_and_revenue_is_shown() -> None:
    model = toy()
    found = solve_sectors(model, tariffs_new=tariffs_set(model, FREED, 0, sectors=["goods"]))
    parts = found.decomposition
    total = parts.wages + parts.revenue + parts.deficit + parts.prices
    assert total.tolist() == pytest.approx((100 * (found.real_income - 1)).tolist(), abs=1e-12)
    assert parts.deficit.tolist() == [0, 0, 0]
    before, after = found.revenue_pct
    assert before.tolist() == pytest.approx([300 / 370, 350 / 192.7, 200 / 112.4], abs=1e-12)
    assert after.tolist() == pytest.approx((100 * found.revenue / found.income).tolist(), abs=1e-12)
    assert found.money_metric.tolist() == pytest.approx(((found.real_income - 1) * model.income).tolist(), abs=1e-12)


def test_without_deficits_first_is_two_steps() -> None:
    model = toy()
    tariffs = tariffs_set(model, FREED, 0, sectors=["goods"])
    once = solve_sectors(model, tariffs_new=tariffs, deficits="zero_first")
    base = without_deficits(model)
    again = solve_sectors(base, tariffs_new=tariffs)
    assert np.abs(base.deficit).max() < 1e-9
    assert np.abs(once.real_income - again.real_income).max() < 1e-12
    assert once.first_step is not None
    assert np.abs(once.first_step.flows - base.flows).max() < 1e-9
    assert np.abs(once.model.share - model.share).max() > 1e-3  # the base itself has moved
    assert base.notes[-1].startswith("deficits removed")


def test_imports_among_members() -> None:
    model = toy()
    found = solve_sectors(model, tariffs_new=tariffs_set(model, FREED, 0, sectors=["goods"]))
    among = found.imports_among_pct(["AAA", "BBB"])
    wanted = 100 * (found.flows[:, 0, 1].sum() / 25 - 1)
    assert among["AAA"] == pytest.approx(wanted, abs=1e-12)
    assert wanted > 10
    nothing = solve_sectors(toy(flows=model.flows * np.eye(3) + np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])))
    assert nothing.imports_among_pct(["AAA", "BBB"])["AAA"] is None


def test_a_tariff_so_high_that_nobody_pays_it_earns_nothing() -> None:
    model = toy(theta=np.array([20.0, 4.0]))
    found = solve_sectors(model, tariffs_new=100 * (model.tariff > 0))
    assert np.abs(found.revenue).max() < 1e-30 * model.income.max()
    assert (found.real_income < 1).all()


def test_other_starts_and_the_second_solver_are_told() -> None:
    found = solve_sectors(toy(), cost_change=0.9, starts=3, second_solver=True)
    assert found.starts_agree is True
    assert found.second_solver is not None
    assert found.second_solver < 1e-11
    assert "3 starts agree" in found.certificate.line()


def test_newton_by_differences_finds_what_broyden_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.impact import sectors_solve

    model = random_world(5)
    shock = random_shock(model, 6)
    found = solve_sectors(model, **shock)  # type: ignore[arg-type]
    monkeypatch.setattr(sectors_solve, "QUASI_MAX", 1)
    slow = solve_sectors(model, **shock)  # type: ignore[arg-type]
    assert (found.method, slow.method) == ("quasi-newton", "newton by differences")
    assert np.abs(slow.wage / found.wage - 1).max() < 1e-11


def test_names_find_their_cells() -> None:
    model = toy()
    set_ = tariffs_set(model, [("BBB", "AAA")], 0.05)
    assert set_[0, 0, 1] == set_[1, 0, 1] == 0.05  # what AAA pays on goods of BBB
    assert set_[0, 1, 0] == 0.1
    with pytest.raises(InputError, match="Did you mean") as caught:
        tariffs_set(model, [("BBB", "AAA")], 0.05, sectors=["good"])
    assert caught.value.code == "sector"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"deficits": "none"}, "deficits"),
        ({"change": "share"}, "change"),
        ({"tariffs_new": np.full((2, 3, 3), 0.1)}, "home_tariff"),
        ({"tariffs_new": np.full((2, 3, 3), -0.1)}, "tariff"),
        ({"tariffs_new": np.zeros((2, 3))}, "shape"),
        ({"cost_change": 0.0}, "factor"),
        ({"cost_change": np.nan}, "factor"),
        ({"productivity": np.ones((3, 2))}, "shape"),
        ({"transfers": {"AAA": 5, "BBB": -4}}, "transfer_sum"),
        ({"transfers": {"AAB": 5, "BBB": -5}}, "economy"),
    ],
)
def test_shocks_that_cannot_be(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as caught:
        solve_sectors(toy(), **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.hint


def test_a_transfer_larger_than_all_income_is_refused_by_name() -> None:
    with pytest.raises(MethodError, match="CCC would have to spend less than nothing") as caught:
        solve_sectors(toy(), transfers={"CCC": -500, "AAA": 500})
    assert caught.value.code == "income"


def test_a_change_beyond_numbers_is_refused() -> None:
    with pytest.raises(MethodError) as caught:
        solve_sectors(toy(theta=np.array([60.0, 4.0])), cost_change=1e-9)
    assert caught.value.code == "too_large"


def test_economies_that_do_not_trade_have_no_relative_wages() -> None:
    apart = np.kron(np.eye(2), np.array([[5.0, 1.0], [1.0, 5.0]]))[None]
    with pytest.raises(MethodError, match="E2, E3 trade with none of the others") as caught:
        solve_sectors(one_sector(apart[0]))
    assert caught.value.code == "islands"


def test_trade_that_goes_one_way_needs_the_deficit_that_pays_for_it() -> None:
    """E1 buys of E0 and sells it nothing: without its deficit no wage above zero clears its market."""
    model = one_sector(np.array([[7.0, 4.0], [0.0, 2.0]]))
    kept = solve_sectors(model, cost_change=0.9)
    assert (kept.flows[0] * (1 - np.eye(2))).sum() == pytest.approx(4.0, abs=1e-10)  # as large as the deficit
    for options in ({"deficits": "zero_first"}, {"transfers": {"E0": 1.0, "E1": -1.0}}):
        with pytest.raises(MethodError, match="one way") as caught:
            solve_sectors(model, **options)  # type: ignore[arg-type]
        assert caught.value.code == "one_way"


def test_no_solution_is_said_and_no_number_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.impact import sectors_solve

    monkeypatch.setattr(sectors_solve, "QUASI_MAX", 1)
    monkeypatch.setattr(sectors_solve, "NEWTON_MAX", 0)
    with pytest.raises(MethodError, match="labour markets miss by") as caught:
        solve_sectors(toy(), cost_change=np.array([[[1, 2, 1], [1, 1, 1], [1, 1, 1.0]]]))
    assert caught.value.code == "not_solved"
