"""The one-sector equilibrium: the specification's values, what is refused, and what a certificate finds out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, MethodError, TrustError
from concordat.impact.batch import CoalitionShocks, solve_batch
from concordat.impact.certificate import Hashes, certify, from_value, verify
from concordat.impact.closures import CLOSURES
from concordat.impact.equilibrium import bloc_shock, solve
from concordat.impact.trade_table import TradeTable
from impact_kit import CODES, FLOWS, excess_by_hand, opened, small, tatonnement

# Section 2.7 of the specification; the first row agrees with an independent fixed point to 12 digits.
CHECKS: dict[str, tuple[dict[str, Any], list[float], list[float], list[float]]] = {
    "multiplicative": (
        {"closure": "multiplicative"},
        [1.001228875635, 1.001162395689, 0.993523586955],
        [0.990921229199, 0.976702864338, 0.996176975483],
        [1.010290876252, 1.024930140849, 0.997226658298],
    ),
    "additive": (
        {"closure": "additive"},
        [1.001245888111, 1.001179313840, 0.993432501145],
        [0.990928958721, 0.976714176242, 0.996122760931],
        [1.010380705686, 1.025048410469, 0.996639962660],
    ),
    "transfer": (
        {"closure": "additive", "transfers": {"AAA": -5.0, "CCC": 5.0}, "shock": None},
        [0.998489546500, 1.000886143323, 1.003961946987],
        [0.999096553980, 1.000666226323, 1.002393606362],
        [0.993326242494, 1.000219770583, 1.026900146962],
    ),
}


@pytest.mark.parametrize("case", CHECKS)
def test_the_specifications_values(case: str) -> None:
    options, wage, price, income = CHECKS[case]
    found = solve(small(), **({"shock": opened(), "theta": 4.0} | options))
    assert np.abs(found.wage - wage).max() < 2e-12
    assert np.abs(found.price - price).max() < 2e-12
    assert np.abs(found.real_income - income).max() < 2e-12
    assert found.certificate.residual_max < 1e-12


@pytest.mark.parametrize("closure", CLOSURES)
def test_wages_solve_the_equations_as_printed_and_agree_with_another_algorithm(closure: str) -> None:
    found = solve(small(), shock=opened(), theta=4, closure=closure)
    off = excess_by_hand(found.table, opened(), 4, closure, found.wage)
    assert np.abs(off).max() < 1e-12
    other, _ = tatonnement(found.table, opened(), 4, closure)
    assert np.abs(found.wage / other - 1).max() < 1e-10


def test_balanced_rebalances_its_base_first() -> None:
    found = solve(small(), theta=4, closure="balanced")
    assert np.abs(found.table.output - found.table.expenditure).max() < 1e-9
    assert np.abs(found.wage - 1).max() < 1e-12
    assert "rebalanced" in found.table.notes[-1]
    assert np.abs(found.real_income - found.wage / found.price).max() < 1e-12


@pytest.mark.parametrize("numeraire", ["world_gdp", "price:BBB", "wage:CCC"])
def test_the_numeraire_changes_nothing_real(numeraire: str) -> None:
    found = solve(small(), shock=opened(), theta=4, numeraire=numeraire)
    usual = solve(small(), shock=opened(), theta=4)
    assert np.abs(found.real_income - usual.real_income).max() < 1e-13
    unit = {"world_gdp": found.output.sum() / 1400, "price:BBB": found.price[1], "wage:CCC": found.wage[2]}
    assert abs(unit[numeraire] - 1) < 1e-13
    found.certificate  # noqa: B018  (raises where it doesn't hold)


def test_flows_clear_every_market() -> None:
    found = solve(small(), shock=opened(), theta=4)
    assert np.abs(found.flows.sum(axis=1) - found.output).max() < 1e-9
    assert np.abs(found.flows.sum(axis=0) - found.expenditure).max() < 1e-9
    assert np.allclose(found.money_metric, (found.real_income - 1) * FLOWS.sum(axis=0))


def test_a_bloc_alone_shocks_its_own_pairs_both_ways() -> None:
    shock = bloc_shock(small(), ["AAA", "CCC"], 0.5)
    assert shock[0, 2] == shock[2, 0] == pytest.approx(np.exp(0.5))
    assert (shock != 1).sum() == 2


def test_further_starts_are_told() -> None:
    certificate = solve(small(), shock=opened(), theta=4, starts=5).certificate
    assert certificate.starts_agree
    assert "5 starts agree" in certificate.line()
    assert solve(small(), theta=4).certificate.starts_agree is None


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"theta": 0.0}, InputError, "theta is 0.0"),
        ({"theta": float("nan")}, InputError, "theta is nan"),
        ({"theta": 1e-6}, InputError, "theta is 1e-06"),
        ({"theta": 1e300}, InputError, "theta is 1e"),
        ({"closure": "multiplicativ"}, InputError, 'Did you mean "multiplicative"'),
        ({"shock": np.ones((2, 2))}, InputError, "the shock has"),
        ({"shock": np.zeros((3, 3))}, InputError, r"T can't be so for AAA to AAA \(0\)"),
        ({"shock": np.full((3, 3), np.nan)}, InputError, "T can't be so"),
        ({"transfers": {"AAA": 5.0}}, InputError, "sum to 5"),
        ({"transfers": {"AAA": 5.0, "ZZZ": -5.0}}, InputError, '"ZZZ" is not in the trade data'),
        ({"transfers": {"AAA": float("inf"), "BBB": 1.0}}, InputError, "AAA: inf is no amount"),
        ({"numeraire": "gold"}, InputError, '"gold" is no numeraire'),
        ({"numeraire": "price:ZZZ"}, InputError, '"ZZZ" is not in'),
        ({"transfers": {"AAA": 4000.0, "BBB": -4000.0}}, MethodError, "BBB would have to spend less than nothing"),
    ],
)
def test_what_cant_be_solved_is_refused_by_name(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        solve(small(), **({"theta": 4.0} | options))


def test_economies_without_trade_between_them_are_refused() -> None:
    flows = np.diag([5.0, 5, 5, 5])
    flows[0, 1] = flows[2, 3] = 1
    table = TradeTable(("AAA", "BBB", "CCC", "DDD"), flows, 2002)
    with pytest.raises(InputError, match="CCC, DDD trade with none of the others"):
        solve(table, theta=4)


@pytest.mark.parametrize("closure", CLOSURES)
def test_groups_that_barely_trade_with_each_other_are_refused(closure: str) -> None:
    """Every market clears to 1e-14, and the wages between the groups can be anything."""
    flows = np.full((4, 4), 1e-12)
    flows[:2, :2] = flows[2:, 2:] = [[10.0, 3], [4, 12]]
    table = TradeTable(("AAA", "BBB", "CCC", "DDD"), flows, 2002)
    with pytest.raises(MethodError, match="barely trade"):
        solve(table, theta=4, closure=closure)
    with pytest.raises(MethodError, match="barely trade"):
        solve_batch(table, np.ones((2, 4, 4)), theta=4, closure=closure)
    nearer = TradeTable(table.economies, np.where(flows == 1e-12, 1e-3, flows), 2002)
    assert solve(nearer, theta=4, closure=closure).certificate.wage_error < 1e-9


def test_trade_that_goes_one_way_only_has_no_equilibrium_without_deficits() -> None:
    table = TradeTable(("AAA", "BBB"), np.array([[7.0, 4], [0, 2]]), 2002)
    with pytest.raises(MethodError, match="goods go one way only between BBB and the others"):
        solve(table, theta=4, closure="balanced")
    with pytest.raises(MethodError, match="goods go one way only between BBB and the others"):
        solve(TradeTable(("AAA", "BBB"), table.flows.T, 2002), theta=4, closure="balanced")
    assert np.abs(solve(table, theta=4).wage - 1).max() < 1e-12


def test_a_surplus_too_large_for_the_shocked_income_is_refused_under_additive() -> None:
    flows = np.array([[1.0, 400, 0.1], [1, 500, 10], [1, 10, 500]])
    table = TradeTable(CODES, flows, 2002)
    shock = np.ones((3, 3))
    shock[0, 1] = 1e-4  # the surplus economy loses its customer
    with pytest.raises(MethodError, match=r"closure additive: (no equilibrium was found|AAA would have to spend)"):
        solve(table, shock=shock, theta=4, closure="additive")
    assert solve(table, shock=shock, theta=4, closure="multiplicative").certificate.residual_max < 1e-10


# --- Certificates -----------------------------------------------------------------------------------------------------


def test_a_certificate_counts_what_it_must_and_reads_back() -> None:
    found = solve(small(), shock=opened(), theta=4, hashes=Hashes("d" * 64, "s" * 64, ("p" * 64,), ("agtpa-2016",)))
    certificate = found.certificate
    assert (certificate.pairs, certificate.zero_flows, certificate.closure) == (6, 0, "multiplicative")
    assert certificate.acr_gap < 1e-12
    assert certificate.world_balance < 1e-12
    assert from_value(certificate.to_value()) == certificate
    verify(certificate, small(), found)


@pytest.mark.parametrize("part", ["wage", "price", "expenditure", "output", "flows"])
def test_a_changed_number_is_found_out(part: str) -> None:
    found = solve(small(), shock=opened(), theta=4)
    wrong = replace(found, **{part: getattr(found, part) * np.array([1, 1 + 1e-6, 1])})
    with pytest.raises(MethodError, match="the prices leave a residual of"):
        certify(wrong)
    with pytest.raises(MethodError, match="the prices leave"):
        verify(found.certificate, small(), wrong)


def test_a_changed_certificate_or_table_is_found_out() -> None:
    found = solve(small(), shock=opened(), theta=4)
    with pytest.raises(TrustError, match="zero_flows is 7, and 0 follows"):
        verify(replace(found.certificate, zero_flows=7), small(), found)
    other = TradeTable(CODES, FLOWS + 1, 2002)
    for closure in CLOSURES:
        found = solve(small(), shock=opened(), theta=4, closure=closure)
        verify(found.certificate, small(), found)
        with pytest.raises(TrustError, match="another trade table"):
            verify(found.certificate, other, found)


# --- Batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closure", CLOSURES)
def test_a_batch_of_coalitions_equals_single_scenarios(closure: str) -> None:
    batch = solve_batch(small(), CoalitionShocks(CODES, 0.5), theta=4, closure=closure)
    for mask in range(8):
        inside = [code for k, code in enumerate(CODES) if mask >> k & 1]
        alone = solve(small(), shock=bloc_shock(small(), inside, 0.5), theta=4, closure=closure)
        assert np.abs(batch.wage[mask] / alone.wage - 1).max() < 1e-10
        assert np.abs(batch.price[mask] / alone.price - 1).max() < 1e-10
        assert np.abs(batch.real_income[mask] / alone.real_income - 1).max() < 1e-10
        assert np.abs(batch.single(mask).wage / alone.wage - 1).max() < 1e-10


def test_a_batch_of_draws_equals_single_scenarios() -> None:
    rng = np.random.default_rng(3)
    shocks = np.exp(rng.normal(0, 0.8, (40, 3, 3)))
    theta = rng.uniform(1.5, 9, 40)
    transfers = {"AAA": -5.0, "CCC": 5.0}
    batch = solve_batch(small(), shocks, theta=theta, closure="additive", transfers=transfers)
    for row in range(40):
        alone = solve(small(), shock=shocks[row], theta=theta[row], closure="additive", transfers=transfers)
        assert np.abs(batch.wage[row] / alone.wage - 1).max() < 1e-9
        assert np.abs(batch.expenditure[row] / alone.expenditure - 1).max() < 1e-9


def test_a_failed_row_fails_the_batch_or_is_dropped_by_name() -> None:
    table = TradeTable(CODES, np.array([[1.0, 400, 0.1], [1, 500, 10], [1, 10, 500]]), 2002)
    shocks = np.ones((3, 3, 3))
    shocks[1, 0, 1] = 1e-4
    with pytest.raises(MethodError, match="1 of 3 scenarios have no equilibrium: 1"):
        solve_batch(table, shocks, theta=4, closure="additive")
    batch = solve_batch(table, shocks, theta=4, closure="additive", on_failure="drop")
    assert batch.dropped == (1,)
    assert np.isnan(batch.wage[1]).all()
    assert np.isfinite(batch.wage[[0, 2]]).all()
    with pytest.raises(MethodError, match="row 1 was dropped"):
        batch.single(1)


@pytest.mark.parametrize(
    ("shocks", "options", "said"),
    [
        (np.ones((2, 2, 2)), {}, r"the shocks have \(2, 2, 2\)"),
        (np.zeros((2, 3, 3)), {}, "T is 0 in scenario 0, AAA to AAA"),
        (np.ones((2, 3, 3)), {"theta": np.ones(3)}, "elasticities for 2 scenarios"),
        (np.ones((2, 3, 3)), {"theta": np.array([1.0, -1])}, "one not between 0.1 and 500"),
        (CoalitionShocks(("AAA", "AAA"), 0.5), {}, "AAA named twice"),
        (CoalitionShocks(("AAA",), float("nan")), {}, "the effect is nan"),
    ],
)
def test_a_batch_that_cant_be(shocks: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        solve_batch(small(), shocks, **({"theta": 4.0} | options))


def test_progress_ends_at_all() -> None:
    seen: list[tuple[int, int, str]] = []
    solve_batch(small(), CoalitionShocks(CODES, 0.5), theta=4, progress=lambda *said: seen.append(said))
    assert seen[-1][:2] == (8, 8)
