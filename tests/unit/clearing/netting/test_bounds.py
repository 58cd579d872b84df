"""Sizes, seeds and clocks at their ends: what does not fit 64 bits, what would never end, what must not be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concordat.clearing.core.certificates import Limit, QueuedPayment, Trade, TradesProblem
from concordat.clearing.netting import engine
from concordat.clearing.netting.budget import Budget
from concordat.clearing.netting.certificate_file import queue_of
from concordat.clearing.netting.circulation import clear_divisible
from concordat.clearing.netting.curve import one_by_one, settled_shares
from concordat.clearing.netting.generate import generate_obligations
from concordat.clearing.netting.neighbourhood import Search
from concordat.clearing.netting.part import make_part
from concordat.clearing.netting.pvp import rates_of, select_trades
from concordat.clearing.netting.queue_release import release_queue
from concordat.clearing.netting.tables import Obligations, parse_obligations
from concordat.errors import InputError

MOST = 10**18 - 1  # the largest amount, section 3 of the specification


def pay(name: str, payer: str, payee: str, amount: int) -> QueuedPayment:
    return QueuedPayment(name, payer, payee, amount)


ONE = [pay("1", "A/BRL", "B/BRL", 5), pay("2", "A/BRL", "C/BRL", 4)]


# --- 64 bits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payments", "code"),
    [
        ([pay("1", "A/BRL", "B/BRL", 2**63)], "bad_amount"),
        ([pay("1", "A/BRL", "B/BRL", 10**18)], "bad_amount"),
        ([pay("1", "A/BRL", "B/CNY", 5)], "mixed_currencies"),
    ],
)
def test_queues_that_no_ledger_has(payments: list[QueuedPayment], code: str) -> None:
    with pytest.raises(InputError) as caught:
        release_queue(payments, {"A/BRL": 2**70}, work=1e5, workers=1)
    assert (caught.value.code, bool(caught.value.hint)) == (code, True)


@pytest.mark.parametrize(("funds", "chosen"), [(2**64, ("1", "2")), (5, ("1",)), (-(2**64), ())])
def test_balances_beyond_64_bits_are_only_more_than_enough(funds: int, chosen: tuple[str, ...]) -> None:
    assert release_queue(ONE, {"A/BRL": funds}, work=1e5, workers=1).chosen == chosen


def test_sums_of_funds_near_64_bits() -> None:
    """B opens with almost 10^18 and gets seven times as much; what it then pays is decided without a wrapped sum."""
    payments = [pay(f"in{n}", f"A{n}/BRL", "B/BRL", MOST) for n in range(7)]
    payments.append(pay("out", "B/BRL", "C/BRL", MOST))
    funds = {**{f"A{n}/BRL": MOST for n in range(7)}, "B/BRL": 2**63 - 1}
    assert release_queue(payments, funds, work=1e5, workers=1).gained == 8 * MOST


@pytest.mark.parametrize("mode", ["bypass", "strict_fifo", "set"])
@pytest.mark.parametrize("classes", ["together", "first"])
def test_nobody_stops_netting_with_payments_beyond_all_money(mode: str, classes: str) -> None:
    """Thirty times 10^18 wait without any funds: the ring of others still settles, and the bounds still hold."""
    ring = [pay(str(n), f"R{n}/BRL", f"R{(n + 1) % 5}/BRL", 7) for n in range(5)]
    absurd = [pay(f"x{n:02d}", f"X{n}/BRL", f"X{n + 1}/BRL", MOST) for n in range(30)]
    absurd.append(pay("y", "X3/BRL", "R0/BRL", 5))  # in strict order it stands behind x03
    found = release_queue([*absurd, *ring], {}, work=1e5, workers=1, mode=mode, classes=classes)
    assert found.chosen == ("0", "1", "2", "3", "4")
    assert found.gained <= found.claim <= found.bound


def test_a_limit_beyond_64_bits_or_of_a_stranger_limits_nothing() -> None:
    limits = [Limit("multilateral", "A/BRL", None, 2**70), Limit("day_out", "Z/BRL", None, 0)]
    assert release_queue(ONE, {"A/BRL": 9}, limits=limits, work=1e5, workers=1).chosen == ("1", "2")


def test_debts_that_add_up_beyond_64_bits_are_refused_where_they_are_netted() -> None:
    """The ledger hands over columns that no file was read for."""
    count = 10
    debts = Obligations(
        tuple(map(str, range(count))), ("A", "B"), ("BRL",), np.zeros(count, np.int64), np.ones(count, np.int64),
        np.zeros(count, np.int64), np.full(count, MOST), np.ones(count, np.int64), np.zeros(count, bool),
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        clear_divisible(debts, engine="none")
    assert caught.value.code == "currency_too_large"


def test_trades_that_add_up_beyond_64_bits_are_refused() -> None:
    """Summed in 64 bits, twenty times 10^18 would have come out as less than the limit, or below zero."""
    trades = [Trade(str(n), "P", f"Q{n}", "BRL", MOST, "INR", MOST) for n in range(20)]
    limits = {("P", "BRL"): 10**20, **{(f"Q{n}", "INR"): 10**20 for n in range(20)}}
    for problem, code in (
        (TradesProblem(trades, {}, limits, {"BRL": 1, "INR": 1}), "currency_too_large"),
        (TradesProblem(trades[:1], {("P", "BRL"): 10**19}, limits, {"BRL": 1, "INR": 1}), "currency_too_large"),
        (TradesProblem([trades[0]._replace(a_amount=2**63)], {}, limits, {"BRL": 1, "INR": 1}), "bad_amount"),
        (TradesProblem([trades[0], trades[0]], {}, limits, {"BRL": 1, "INR": 1}), "duplicate_id"),
    ):
        with pytest.raises(InputError) as caught:
            select_trades(problem, work=1e5, workers=1)
        assert caught.value.code == code


@pytest.mark.parametrize("rate", ["1e9999999", "1e5", "1/3", "1_0", " 0.5", "٥", "nan", "-1", "0", "", "." + "1" * 30])
def test_a_rate_is_a_plain_decimal_number(rate: str) -> None:
    """An exponent could ask for more digits than there is memory."""
    with pytest.raises(InputError) as caught:
        rates_of({"BRL": rate}, {"BRL": 2})
    assert caught.value.code == "bad_rate"


def test_trades_without_any_worth_still_settle() -> None:
    """A scheme without rates gives every currency the rate 0: then whatever fits settles."""
    trades = [Trade("1", "P", "Q", "R", 5, "S", 5), Trade("2", "P", "Q", "R", 5, "S", 5)]
    problem = TradesProblem(trades, {("P", "R"): 5, ("Q", "S"): 9}, {}, {"R": 0, "S": 0})
    assert select_trades(problem, work=1e5, workers=1).chosen == ("1",)


# --- Names --------------------------------------------------------------------------------------------------------


def test_a_slash_in_a_name_is_no_border_of_currencies() -> None:
    """ "Cia S/A" and a member called like a currency: amounts stay in the currency of their row."""
    rows = "1,Cia S/A,B,BRL,5\n2,B,Cia S/A,BRL,4\n3,C/BRL,B,CNY,3\n4,C%2FBRL,B,CNY,2\n"
    debts = parse_obligations(f"id,payer,payee,currency,amount_minor\n{rows}", where="x")
    balances = {("Cia S/A", "BRL"): 5, ("C/BRL", "CNY"): 3, ("C%2FBRL", "CNY"): 2}
    found = release_queue(*queue_of(debts, balances), work=1e5, workers=1)
    assert {code: one.gained for code, one in found.by_currency.items()} == {"BRL": 9, "CNY": 5}


# --- Seeds, work and clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert release_queue(ONE, {"A/BRL": 5}, work=1e5, workers=1, seed=seed).chosen == ("1",)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_no_seed_costs_the_time_limit(seed: int) -> None:
    """HiGHS drops all options when it dislikes one: a search with the seed -1 had no time limit."""
    part = make_part(np.array([5, 4]), np.array([0, 0]), np.array([1, 2]), np.array([5, 0, 0]))
    program, _, _ = part.program(np.arange(2), part.room, np.ones(2, bool))
    highs = engine.binding()
    if highs is None:
        pytest.skip("SciPy ships another binding")
    run = engine._Run(highs, program, 5.0, 7, 1e-4, seed)
    assert run.solver.getOptionValue("time_limit")[1] == 5.0
    assert run.solver.getOptionValue("mip_max_nodes")[1] == 7


@pytest.mark.parametrize("bound", [float("inf"), float("nan"), -1.0])
def test_a_search_has_a_finite_bound(bound: float) -> None:
    trades = TradesProblem([], {}, {}, {})
    for limits in ({"work": bound}, {"deadline_s": bound}):
        for call in (
            lambda limits=limits: release_queue(ONE, {}, **limits),
            lambda limits=limits: select_trades(trades, **limits),
        ):
            with pytest.raises(InputError) as caught:
                call()
            assert caught.value.code == "bad_limit"


@pytest.mark.parametrize("classes", ["together", "first"])
def test_with_work_no_clock_cuts_anything_off(classes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a slow machine, or a busy one, would find another set than a fast one."""
    allowed: list[float] = []
    real = engine.solve

    def watched(program: engine.Program, *, seconds: float = engine.INFINITE, **options: Any) -> engine.Answer:
        allowed.append(seconds)
        return real(program, seconds=seconds, **options)

    monkeypatch.setattr(engine, "solve", watched)
    payments, funds = queue_of(*generate_obligations(200, seed=7))
    release_queue(payments, funds, work=2e5, workers=1, classes=classes)
    trades = [Trade(str(n), "P", "Q", "R", 5 + n, "S", 5 + n) for n in range(8)]
    select_trades(TradesProblem(trades, {("P", "R"): 20, ("Q", "S"): 20}, {}, {"R": 1, "S": 1}), work=1e5, workers=1)
    assert allowed
    assert set(allowed) == {engine.INFINITE}


def test_work_bounds_the_nodes_of_a_tree() -> None:
    assert Budget(seconds=9.0).nodes(10_000, 100, 50) == 10_000
    assert Budget(work=1e12).nodes(10_000, 100, 50) == 10_000
    assert 100 < Budget(work=1e6).nodes(10_000, 100, 50) < 10_000
    assert Budget(work=0).nodes(10_000, 100, 50) == 100


# --- Earlier classes are kept, gaps are told ----------------------------------------------------------------------


def test_mending_may_break_a_floor_and_the_set_is_not_taken_then() -> None:
    """A has 6 and both payments overdraw it; the smallest that mends that is the one of the class served first."""
    part = make_part(np.array([5, 6]), np.array([0, 0]), np.array([1, 2]), np.array([6, 0, 0]))
    kept = np.array([True, False])
    floored = part.with_floor(kept, 5)
    mended = floored.mend(np.array([True, True]))
    assert mended.tolist() == [False, True]
    assert not floored.floors_hold(mended)
    search = Search(floored, kept, 0)
    assert not search.keep(mended)
    assert search.x.tolist() == [True, False]


def test_where_nothing_settles_no_gap_is_called_zero() -> None:
    """The relaxation splits the payment of 10 and claims 9 (and a unit for rounding); nothing settles, and the search
    ends there: 9 are no share of nothing."""
    found = release_queue([pay("1", "A/BRL", "B/BRL", 10)], {"A/BRL": 9}, work=1, workers=1)
    one = found.by_currency["BRL"]
    assert (one.gained, one.bound) == (0, 9)
    assert one.claim == 9
    assert one.claimed_gap == float("inf")
    assert release_queue([], {}, work=1e5).claim == 0


def test_the_curve_is_nowhere_below_one_by_one() -> None:
    """What settles one by one settles at one instant as well, however short the search."""
    payments, funds = queue_of(*generate_obligations(300, seed=4))
    for point in settled_shares(payments, funds, [1.0, 3.0, 20.0], work=1.0, workers=1):
        assert point.released >= max(point.bypass, point.in_order)
    assert one_by_one(payments, funds, passing=True) > 0


def test_workers_take_no_module_from_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's folder may hold a `pickle.py`: it is not run, and costs no worker."""
    for name in ("pickle", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()\nraise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    payments, funds = queue_of(*generate_obligations(300, seed=2))
    assert release_queue(payments, funds, work=1e5, workers=2).gained > 0
    assert not (tmp_path / "run").exists()


def test_a_curve_of_nothing_says_so() -> None:
    with pytest.raises(InputError, match="nothing to settle") as caught:
        settled_shares([], {"A/BRL": 5}, [1.0])
    assert caught.value.code == "no_obligations"
