"""Trades, both legs or none: small markets whose best set is known, rates, what is left out, the same result twice."""

from __future__ import annotations

import pytest

from concordat.clearing.core.certificates import Trade, TradesProblem, check_trades
from concordat.clearing.netting.generate import USD_RATES, generate_trades
from concordat.clearing.netting.pvp import rates_of, select_trades
from concordat.clearing.netting.rates_file import parse_rates
from concordat.errors import InputError

RATES, UNIT = rates_of(USD_RATES, dict.fromkeys(USD_RATES, 2))


def test_a_triangle_that_only_settles_together() -> None:
    """P sells R for S, Q sells S for T, U sells T for R; nobody may be short: all three or none."""
    trades = [
        Trade("1", "P", "Q", "R", 10, "S", 10),
        Trade("2", "P", "U", "S", 10, "T", 10),
        Trade("3", "P", "V", "T", 10, "R", 10),
    ]
    funds = {("Q", "S"): 10, ("U", "T"): 10, ("V", "R"): 10}
    problem = TradesProblem(trades, funds, {}, {"R": 1, "S": 1, "T": 1}, 0)
    assert select_trades(problem, work=1e5, workers=1).chosen == ("1", "2", "3")
    without = problem._replace(balances={("Q", "S"): 10, ("U", "T"): 10})
    assert select_trades(without, work=1e5, workers=1).chosen == ()


def test_what_can_not_be_valued_or_is_held_stays_out() -> None:
    trades = [
        Trade("1", "P", "Q", "R", 10, "S", 10),
        Trade("2", "P", "Q", "R", 10, "X", 10),
        Trade("3", "P", "Q", "R", 10, "S", 10, True),
    ]
    rich = {(m, c): 100 for m in "PQ" for c in "RSX"}
    found = select_trades(TradesProblem(trades, rich, {}, {"R": 1, "S": 1}), work=1e5, workers=1)
    assert found.chosen == ("1",)
    assert set(found.left_out) == {"2", "3"}
    assert found.left_out["3"] == "held"
    assert select_trades(TradesProblem([], {}, {}, {}), work=1e5).chosen == ()


def test_the_best_of_two() -> None:
    """P's short limit lets one of two trades through: the one worth more."""
    trades = [Trade("1", "P", "Q", "R", 60, "S", 60), Trade("2", "P", "Q", "R", 80, "S", 80)]
    funds = {("Q", "S"): 1_000, ("P", "S"): 1_000}
    found = select_trades(TradesProblem(trades, funds, {("P", "R"): 100}, {"R": 1, "S": 1}), work=1e5, workers=1)
    assert (found.chosen, found.gained) == (("2",), 160)
    assert found.gained <= found.claim <= found.bound


def test_the_same_work_and_seed_give_the_same_set() -> None:
    market = generate_trades(120, seed=4)
    problem = TradesProblem(market.trades, market.balances, market.short_limits, RATES)
    one, other = (select_trades(problem, work=1e6, seed=5, workers=1) for _ in range(2))
    assert one == other
    checked = check_trades(problem, one.chosen, one.prices)
    assert (checked.gained, checked.bound) == (one.gained, one.bound)
    assert one.gained > 0


RATES_FILE = 'schema: rates@1\nunit: USD\nhaircut_bp: 500\nper_unit:\n  BRL: "0.18"\n  JPY: "0.0065"\n'


def test_rates_are_exact() -> None:
    """0.18 USD a real is 0.0018 a centavo; 0.0065 a yen, which has no minor unit: over 10,000 these are 18 and 65."""
    text = RATES_FILE.replace("rates@1", "concordat/rates@1")
    rates = parse_rates(text, where="r.yaml")
    assert (rates.numerators, rates.denominator, rates.haircut_bp) == ({"BRL": 18, "JPY": 65}, 10_000, 500)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"0.18"', "0.18", "quotes"),
        ('"0.18"', '"-1"', "BRL"),
        ('"0.18"', '"a"', "BRL"),
        ("BRL", "BRX", "BRX"),
        ("haircut_bp: 500", "haircut_bp: 10000", "haircut_bp"),
        ("haircut_bp", "haircut", "haircut_bp"),
        ("unit: USD\n", "", "unit"),
    ],
)
def test_bad_rates(old: str, new: str, said: str) -> None:
    text = RATES_FILE.replace("rates@1", "concordat/rates@1").replace(old, new, 1)
    with pytest.raises(InputError, match=said):
        parse_rates(text, where="r.yaml")
