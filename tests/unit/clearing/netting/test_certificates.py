"""The checks of proposed sets: what holds passes with figures found by hand, every single change is refused by name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from concordat.clearing.core.certificates import (
    Debt,
    Limit,
    QueuedPayment,
    QueueProblem,
    Trade,
    TradePrices,
    TradesProblem,
    check_divisible,
    check_queue,
    check_trades,
)
from concordat.errors import RuleError

# X owes Y 70, Y owes Z 50, Z owes X 60: 50 can go round. By hand: Z at 0, X one lower, Y two lower.
RING = [Debt("a", "X", "Y", 70), Debt("b", "Y", "Z", 50), Debt("c", "Z", "X", 60)]
SET_OFF = {"a": 50, "b": 50, "c": 50}
POTENTIALS = {"X": -1, "Y": -2, "Z": 0}


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(RuleError) as caught:
        call()
    return caught.value.code


def test_a_ring_of_debts() -> None:
    assert check_divisible(RING, SET_OFF, POTENTIALS) == 150


@pytest.mark.parametrize("key", [*SET_OFF, "d"])
@pytest.mark.parametrize("value", [-1, 0, 1, 49, 51, 60, 71])
def test_every_other_set_off_is_refused(key: str, value: int) -> None:
    assert code(lambda: check_divisible(RING, {**SET_OFF, key: value}, POTENTIALS)).startswith("certificate_")


@pytest.mark.parametrize("key", [*POTENTIALS, "W"])
@pytest.mark.parametrize("change", [-2, -1, 1, 2])
def test_every_other_potential_is_refused(key: str, change: int) -> None:
    changed = {**POTENTIALS, key: POTENTIALS.get(key, 0) + change}
    assert code(lambda: check_divisible(RING, SET_OFF, changed)) == "certificate_potentials"


@pytest.mark.parametrize("by", [-1, -7, -(10**30), 1])
def test_potentials_that_only_hold_each_other_are_refused(by: int) -> None:
    """A debt set off in part ties two potentials from both sides; shifted together every difference still fits. So that
    one set-off has one certificate, somebody at 0 must hold them down."""
    shifted = {member: potential + by for member, potential in POTENTIALS.items()}
    assert code(lambda: check_divisible(RING, SET_OFF, shifted)) == "certificate_potentials"
    island = [*RING, Debt("d", "U", "V", 9), Debt("e", "V", "U", 4)]
    own = {**SET_OFF, "d": 4, "e": 4}
    assert check_divisible(island, own, {**POTENTIALS, "U": 0, "V": -1}) == 158
    assert code(lambda: check_divisible(island, own, {**POTENTIALS, "U": by, "V": by - 1})) == "certificate_potentials"


def test_a_debt_to_oneself_is_set_off_in_full() -> None:
    """It is a circle of its own: while some is left, its potential would have to fall below itself."""
    alone = [Debt("a", "X", "X", 7)]
    assert check_divisible(alone, {"a": 7}, {"X": 0}) == 7
    assert code(lambda: check_divisible(alone, {"a": 6}, {"X": 0})) == "certificate_potentials"
    assert code(lambda: check_divisible(alone, {}, {"X": 0})) == "certificate_potentials"


def test_ids_that_stand_twice_settle_nothing_twice() -> None:
    twice = [Debt("a", "X", "Y", 5), Debt("a", "X", "Y", 5), Debt("b", "Y", "X", 10)]
    assert code(lambda: check_divisible(twice, {"a": 5, "b": 10}, {"X": 0, "Y": 0})) == "certificate_set_off"
    queued = [QueuedPayment("1", "A", "B", 5), QueuedPayment("1", "A", "B", 5)]
    assert code(lambda: check_queue(QueueProblem(queued, {"A": 9, "B": 0}), ("1",))) == "certificate_unknown_payment"


def test_a_missing_debt_or_potential_is_refused() -> None:
    for key in SET_OFF:
        less = {k: v for k, v in SET_OFF.items() if k != key}
        assert code(lambda less=less: check_divisible(RING, less, POTENTIALS)).startswith("certificate_")
    for key in POTENTIALS:
        less = {k: v for k, v in POTENTIALS.items() if k != key}
        assert code(lambda less=less: check_divisible(RING, SET_OFF, less)) == "certificate_potentials"


def test_a_smaller_circulation_has_no_potentials() -> None:
    """40 round is a circulation, but no potentials prove it: around the ring each must fall by 1 or more."""
    less = dict.fromkeys(SET_OFF, 40)
    for x in range(-3, 1):
        for y in range(-3, 1):
            assert code(lambda x=x, y=y: check_divisible(RING, less, {"X": x, "Y": y, "Z": 0})).startswith("cert")


# A has 10; B and C have nothing. A pays B 30, B pays C 25, C pays A 28. Together all settle (83); none alone.
QUEUE = [
    QueuedPayment("1", "A/BRL", "B/BRL", 30, 1, False, 0),
    QueuedPayment("2", "B/BRL", "C/BRL", 25, 1, False, 1),
    QueuedPayment("3", "C/BRL", "A/BRL", 28, 2, False, 2),
    QueuedPayment("4", "C/BRL", "A/BRL", 9, 2, True, 3),
    QueuedPayment("5", "B/BRL", "A/BRL", 8, 1, False, 4),
]
FUNDS = {"A/BRL": 10, "B/BRL": 0, "C/BRL": 3}
ALL = ("1", "2", "3")


def queue(mode: str = "bypass", limits: tuple[Limit, ...] = ()) -> QueueProblem:
    return QueueProblem(QUEUE, FUNDS, limits, mode)


def test_a_gridlock_dissolves() -> None:
    assert check_queue(queue(), ALL).gained == 83


def test_the_bound_by_hand() -> None:
    """At prices y_A = 0.5, y_B = 1: 10 x 0.5 + 30 x 1.5 + 25 x 0 + 28 x 1.5 + 8 x 0.5 = 5 + 45 + 42 + 4 = 96."""
    assert check_queue(queue(), ALL, {"A/BRL": 500_000, "B/BRL": 1_000_000}).bound == 96
    assert check_queue(queue(), ALL, {}).bound == 30 + 25 + 28 + 8
    # A third of a unit is rounded up: 10/1e6 + 30 x 0.99.. + 28 x 1.00.. + ...
    assert check_queue(queue(), ALL, {"A/BRL": 1}).bound == 92


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("1", "2"), "certificate_overdraft"),
        (("2", "1", "3"), "certificate_unsorted"),
        (("1", "1", "2", "3"), "certificate_unsorted"),
        (("1", "2", "3", "9"), "certificate_unknown_payment"),
        (("1", "2", "3", "4"), "certificate_held"),
        (("1", "2", "3", "5"), "certificate_overdraft"),
        (("1",), "certificate_overdraft"),
        ((), None),
    ],
)
def test_other_sets(chosen: tuple[str, ...], expected: str | None) -> None:
    if expected is None:
        assert check_queue(queue(), chosen).gained == 0  # nothing settles alone: an empty set is maximal
        return
    assert code(lambda: check_queue(queue(), chosen)) == expected


def test_strict_order_wants_prefixes() -> None:
    """B's class 1 is (2, 5) by age: 5 without 2 is refused; 2 without 5 is a prefix. Held payments stand in no way."""
    funds = {"A/BRL": 30, "B/BRL": 0, "C/BRL": 3}
    problem = QueueProblem(QUEUE, funds, (), "strict_fifo")
    assert check_queue(problem, ("1", "2")).gained == 55
    assert code(lambda: check_queue(problem, ("1", "5"))) == "certificate_not_prefix"
    assert check_queue(problem._replace(mode="set"), ("1", "5")).gained == 38
    assert code(lambda: check_queue(problem._replace(mode="fifo"), ())) == "certificate_mode"


@pytest.mark.parametrize(
    ("limit", "holds"),
    [
        (Limit("day_out", "A/BRL", None, 30), True),
        (Limit("day_out", "A/BRL", None, 29), False),
        (Limit("bilateral", "A/BRL", "B/BRL", 30), True),
        (Limit("bilateral", "A/BRL", "B/BRL", 29), False),
        (Limit("bilateral", "A/BRL", "C/BRL", 0), True),
        (Limit("multilateral", "A/BRL", None, 2), True),  # 30 out, 28 in
        (Limit("multilateral", "A/BRL", None, 1), False),
    ],
)
def test_limits(limit: Limit, holds: bool) -> None:
    if holds:
        assert check_queue(queue(limits=(limit,)), ALL).gained == 83
    else:
        assert code(lambda: check_queue(queue(limits=(limit,)), ALL)) == "certificate_limit"


def test_a_limit_is_a_reason_to_be_left_out() -> None:
    rich = dict.fromkeys(FUNDS, 1_000)
    limit = Limit("day_out", "A/BRL", None, 29)
    assert check_queue(QueueProblem(QUEUE, rich, (limit,), "bypass"), ("2", "3", "5")).gained == 61
    assert code(lambda: check_queue(QueueProblem(QUEUE, rich, (), "bypass"), ("2", "3", "5"))) == (
        "certificate_not_maximal"
    )


def test_an_account_below_its_floor_may_get_and_pays_only_from_above() -> None:
    payments = [QueuedPayment("1", "A", "B", 5), QueuedPayment("2", "B", "A", 2)]
    assert check_queue(QueueProblem(payments, {"A": 9, "B": -7}, (), "bypass"), ("1",)).gained == 5
    assert code(lambda: check_queue(QueueProblem(payments, {"A": 9, "B": -4}, (), "set"), ("1", "2"))) == (
        "certificate_overdraft"
    )
    assert check_queue(QueueProblem(payments, {"A": 9, "B": -3}, (), "bypass"), ("1", "2")).gained == 7


@pytest.mark.parametrize("prices", [{"Z": 1}, {"A/BRL": 0}, {"A/BRL": -1}])
def test_prices_are_above_zero_and_of_accounts(prices: dict[str, int]) -> None:
    assert code(lambda: check_queue(queue(), ALL, prices)) == "certificate_prices"


# P sells 100 R for 50 S of Q, and 40 S for 90 R of Q. Rates 1 and 2: worth 200 and 170.
MARKET = TradesProblem(
    [Trade("1", "P", "Q", "R", 100, "S", 50), Trade("2", "P", "Q", "S", 40, "R", 90)],
    {("P", "S"): 5, ("Q", "R"): 5, ("P", "R"): 10, ("Q", "S"): 20},
    {("P", "R"): 95, ("Q", "S"): 95},
    {"R": 1, "S": 2},
    800,
)


def test_trades_that_fit() -> None:
    assert check_trades(MARKET, ("1", "2")).gained == 370
    assert check_trades(MARKET, ()).gained == 0


def test_cover_by_hand() -> None:
    """After trade 1 P has -90 R and 55 S: 0.92 x 110 - 1.08 x 90 = 4.0 covers; one S fewer in its account: 2.16; two
    fewer: 0.32; three fewer leaves -1.52."""
    for less, holds in ((0, True), (2, True), (3, False)):
        problem = MARKET._replace(balances={**MARKET.balances, ("P", "S"): 5 - less})
        if holds:
            assert check_trades(problem, ("1",)).gained == 200
        else:
            assert code(lambda problem=problem: check_trades(problem, ("1",))) == "certificate_cover"


def test_trades_that_do_not_fit() -> None:
    tight = MARKET._replace(short_limits={("P", "R"): 89, ("Q", "S"): 95})
    assert code(lambda: check_trades(tight, ("1",))) == "certificate_short_limit"
    assert code(lambda: check_trades(MARKET, ("2", "1"))) == "certificate_unsorted"
    assert code(lambda: check_trades(MARKET, ("1", "3"))) == "certificate_unknown_trade"
    assert code(lambda: check_trades(MARKET._replace(rates={"R": 1}), ("1",))) == "certificate_rate"
    held = copy.deepcopy(MARKET.trades)
    held[0] = held[0]._replace(held=True)
    assert code(lambda: check_trades(MARKET._replace(trades=held), ("1",))) == "certificate_held"


def test_the_bound_of_trades() -> None:
    """Without prices every trade counts in full; a price of 1 on P's shortness in R takes 100 off trade 1, adds 90 to
    trade 2, and costs 10 + 95: 105 + 100 + 260 = 465."""
    assert check_trades(MARKET, (), TradePrices({}, {}, {})).bound == 370
    assert check_trades(MARKET, (), TradePrices({("P", "R"): 1_000_000}, {}, {})).bound == 465
    # The cover of P at 1 with slopes 1: 10 + 2 x 5 for what it has; a trade at equal worth moves nothing, trade 1 gives
    # P 100 S-worth for 100 R: 0; trade 2 gives 90 for 80: +10.
    slopes = {("P", "R"): 10_000, ("P", "S"): 10_000}
    assert check_trades(MARKET, (), TradePrices({}, {"P": 1_000_000}, slopes)).bound == 20 + 200 + 180
    bad = TradePrices({}, {"P": 1_000_000}, {("P", "R"): 10_801, ("P", "S"): 10_000})
    assert code(lambda: check_trades(MARKET, (), bad)) == "certificate_prices"
    missing = TradePrices({}, {"P": 1_000_000}, {("P", "R"): 10_000})
    assert code(lambda: check_trades(MARKET, (), missing)) == "certificate_prices"
