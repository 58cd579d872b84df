"""The multi-sector equilibrium on random worlds: what must hold of any of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import MethodError
from concordat.impact.first_order import first_order
from concordat.impact.sectors import solve_sectors
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_check import largest_difference
from sectors_kit import random_shock, random_world

SEEDS = st.integers(0, 2**31)
worlds = st.builds(random_world, SEEDS, st.integers(2, 6), st.integers(1, 4))


@settings(max_examples=25)
@given(worlds)
def test_no_shock_changes_nothing(model: SectorModel) -> None:
    found = solve_sectors(model)
    assert np.abs(found.real_income - 1).max() < 1e-10
    assert np.abs(found.price - 1).max() < 1e-10


@settings(max_examples=25)
@given(worlds, SEEDS)
def test_every_result_is_certified_and_the_second_solver_agrees(model: SectorModel, seed: int) -> None:
    found = solve_sectors(model, deficits="zero_first", **random_shock(model, seed))  # type: ignore[arg-type]
    assert found.certificate.residual_max < 1e-10
    assert largest_difference(found) < 1e-10


@pytest.mark.parametrize("seed", range(60))
def test_wild_worlds_are_certified_or_refused_by_name(seed: int) -> None:
    """The short form of `benchmarks/impact_sectors.py --worlds`; costs by factors of up to five, home included."""
    model = random_world(seed, 2 + seed % 12, 1 + seed % 6)
    try:
        found = solve_sectors(model, **random_shock(model, seed, spread=0.8))  # type: ignore[arg-type]
    except MethodError as error:
        refused = error
    else:
        assert found.certificate.residual_max < 1e-10
        assert min(found.wage.min(), found.price.min(), found.income.min()) > 0
        return
    assert refused.code in ("income", "not_solved")
    assert any(name in refused.what for name in model.economies)


@settings(max_examples=20)
@given(worlds, SEEDS, st.floats(1e-5, 1e5))
def test_the_unit_of_money_changes_nothing_real(model: SectorModel, seed: int, scale: float) -> None:
    scaled = SectorModel(
        model.economies, model.sectors, model.flows * scale, model.tariff, model.value_added_share, model.input_share,
        model.theta, 2000,
    )  # fmt: skip
    shock = random_shock(model, seed, spread=0.1)
    one, other = (solve_sectors(m, deficits="zero_first", **shock) for m in (model, scaled))  # type: ignore[arg-type]
    assert np.abs(other.real_income / one.real_income - 1).max() < 1e-9
    assert np.abs(other.revenue - scale * one.revenue).max() <= 1e-9 * scale * model.income.max()


@settings(max_examples=20)
@given(worlds, SEEDS)
def test_relabelling_relabels_the_result(model: SectorModel, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    n, j = rng.permutation(len(model.economies)), rng.permutation(len(model.sectors))
    moved = SectorModel(
        tuple(model.economies[k] for k in n), tuple(model.sectors[k] for k in j), model.flows[j][:, n][:, :, n],
        model.tariff[j][:, n][:, :, n], model.value_added_share[j][:, n], model.input_share[n][:, j][:, :, j],
        model.theta[j], 2000,
    )  # fmt: skip
    shock = random_shock(model, seed, spread=0.1)
    there = {
        "tariffs_new": shock["tariffs_new"][j][:, n][:, :, n],
        "cost_change": shock["cost_change"][j][:, n][:, :, n],
        "productivity": shock["productivity"][j][:, n],
    }
    one = solve_sectors(model, deficits="zero_first", **shock)  # type: ignore[arg-type]
    other = solve_sectors(moved, deficits="zero_first", **there)  # type: ignore[arg-type]
    assert np.abs(other.real_income / one.real_income[n] - 1).max() < 1e-9


@settings(max_examples=20)
@given(worlds, SEEDS)
def test_the_world_spends_what_it_earns(model: SectorModel, seed: int) -> None:
    found = solve_sectors(model, deficits="zero_first", **random_shock(model, seed, spread=0.1))  # type: ignore[arg-type]
    earned = (found.wage * found.model.value_added).sum()
    assert abs(earned / found.model.value_added.sum() - 1) < 1e-12
    assert abs(found.income.sum() - earned - found.revenue.sum()) < 1e-10 * earned
    bought, sold = found.flows.sum(axis=(0, 2)), found.flows.sum(axis=(0, 1))
    assert np.abs(bought - sold).max() < 1e-9 * earned  # trade is balanced once deficits are gone
    assert (found.flows[model.flows == 0] == 0).all()


@settings(max_examples=15)
@given(worlds, SEEDS)
def test_back_again_leads_back(model: SectorModel, seed: int) -> None:
    """The inverse shock on the new flows returns the old ones: nothing depends on the path."""
    shock = random_shock(model, seed, spread=0.1)
    there = solve_sectors(model, deficits="zero_first", **shock)  # type: ignore[arg-type]
    new = SectorModel(
        model.economies, model.sectors, there.flows, shock["tariffs_new"], model.value_added_share, model.input_share,
        model.theta, 2000,
    )  # fmt: skip
    back = solve_sectors(
        new,
        tariffs_new=model.tariff,
        cost_change=1 / shock["cost_change"],
        productivity=1 / shock["productivity"],
    )
    assert np.abs(back.flows - there.model.flows).max() < 1e-9 * there.model.income.max()
    assert np.abs(back.real_income * there.real_income - 1).max() < 1e-9


@settings(max_examples=15)
@given(worlds, SEEDS)
def test_first_order_terms_are_the_exact_change_of_small_shocks(model: SectorModel, seed: int) -> None:
    """A shock ten times smaller leaves an error of a hundredth: the terms and the solver are of one model."""
    rng = np.random.Generator(np.random.PCG64(seed))
    direction = {k: rng.uniform(-1, 1, v.shape) for k, v in random_shock(model, seed).items()}
    give = float(rng.uniform(-1, 1)) * model.income.min()

    def error(size: float) -> float:
        found = solve_sectors(
            model,
            tariffs_new=model.tariff * (1 + size * direction["tariffs_new"]),
            cost_change=np.exp(size * direction["cost_change"]),
            productivity=np.exp(size * direction["productivity"]),
            transfers={"E0": size * give, "E1": -size * give},
        )
        terms = first_order(model, found.shock, found.cost, found.flows, change="log")
        return float(np.abs(100 * (found.real_income - 1) - terms.total_pct).max())

    large, small = error(1e-3), error(1e-4)
    assert small < 0.02 * large + 1e-8
    assert large < 0.5  # percent; the change itself is of this order
