"""Days of payments through the core: by hand where they are small, and what must hold for any day."""

from __future__ import annotations

import pytest

from concordat.clearing.settlement import Row
from concordat.clearing.simulate.day import CLOSES, Opening, prepare, run_day, scaled, spread_of, sweep
from concordat.clearing.simulate.room import invented_bics
from concordat.errors import InputError


def row(number: int, payer: str, payee: str, amount: int, priority: int = 3) -> Row:
    return Row(str(number), payer, payee, "BRL", amount, priority)


RING = [row(1, "A", "B", 100), row(2, "B", "C", 100), row(3, "C", "A", 100)]


@pytest.mark.parametrize(
    ("percent", "way", "share"),
    [
        (0, "gross", 0.0),  # nobody has anything
        (0, "bypass", 0.0),
        (0, "netting", 1.0),  # a ring needs nothing
        (100, "gross", 1.0),  # everybody has what it pays
        (100, "bypass", 1.0),
    ],
)
def test_a_ring_needs_no_money_if_its_payments_settle_together(percent: float, way: str, share: float) -> None:
    day = prepare(RING, {}, 1)
    found = run_day(day, percent, way)
    assert found.settled_share == share
    assert found.gross_minor == {"BRL": 300}
    assert found.certificates == (1 if way == "netting" and not percent else 0)


def test_bypass_lets_a_small_payment_pass_a_large_one_that_strict_order_waits_behind() -> None:
    rows = [row(n, "A", "B", 1_000) for n in range(3)] + [row(9, "A", "C", 10)]
    day = prepare(rows, {("A", "BRL"): 500}, 3)
    gross, bypass = (run_day(day, 500 / 3010 * 100, way) for way in ("gross", "bypass"))
    assert sum(bypass.settled_minor.values()) == 10
    first = day.rows[0].amount == 10  # if it happens to come first it settles in either way
    assert sum(gross.settled_minor.values()) == (10 if first else 0)


def test_the_delay_is_one_when_nothing_settles_and_small_when_all_does_at_once() -> None:
    day = prepare(RING, {}, 1)
    assert run_day(day, 0, "bypass").delay == 1.0
    found = run_day(day, 100, "bypass", block_s=60)
    longest = sum(CLOSES - at for at in day.arrivals)
    assert 0 < found.delay <= 3 * 60_000 / longest, "each waits for its block at most"


def test_opening_money_is_scaled_to_the_share_of_gross_and_spread_as_given() -> None:
    rows = [row(1, "A", "B", 900), row(2, "B", "A", 100)]
    given = scaled(prepare(rows, {("A", "BRL"): 1, ("B", "BRL"): 3}, 0), 40)
    assert sorted(given.values()) == [100, 300]
    assert sum(scaled(prepare(rows, {}, 0), 10).values()) == 100


def test_the_same_seed_gives_the_same_curve() -> None:
    def make(run: int) -> tuple[list[Row], Opening]:
        return RING, {}

    one, two = (sweep(make, [0, 50, 100], runs=3, seed=5) for _ in range(2))
    assert one == two
    assert [point.settled.median for point in one.points if point.way == "netting"] == [1.0, 1.0, 1.0]


def test_quantiles_are_those_of_type_seven() -> None:
    found = spread_of([4.0, 1.0, 3.0, 2.0, 5.0])  # R: quantile(1:5, c(.05, .5, .95)) = 1.2 3.0 4.8
    assert (found.low, found.median, found.high) == pytest.approx((1.2, 3.0, 4.8))


def test_names_that_are_bics_keep_their_name_and_others_get_one_each() -> None:
    found = invented_bics(["P1", "AAAABRXX", "P2"])
    assert found["AAAABRXX"] == "AAAABRXX"
    assert len(set(found.values())) == 3
    assert all(len(bic8) == 8 for bic8 in found.values())


def test_a_day_without_payments_is_refused() -> None:
    with pytest.raises(InputError, match="there are no payments"):
        prepare([], {}, 0)
