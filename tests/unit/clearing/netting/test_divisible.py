"""Set-off of divisible debts: merging, splitting by age, proofs, engines, repair of a wrong flow."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.clearing.netting import circulation, potentials
from concordat.clearing.netting.circulation import clear_divisible
from concordat.clearing.netting.graph import merge
from concordat.clearing.netting.notices import check_cleared, check_same_positions, notices_csv, positions
from concordat.clearing.netting.potentials import prove
from concordat.clearing.netting.tables import parse_obligations
from concordat.errors import InputError, MethodError, RuleError

HEADER = "id,payer,payee,currency,amount_minor\n"
RING = HEADER + "a,X,Y,BRL,70\nb,Y,Z,BRL,20\nb2,Y,Z,BRL,30\nc,Z,X,BRL,60\nd,X,Y,CNY,5\n"
ENGINES = ["highs", "none"]


@pytest.fixture(params=[*ENGINES, "ortools"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "ortools":
        pytest.importorskip("ortools", reason="needs the extra [clearing] or [oracles]")
    return str(request.param)


def test_a_ring_with_parallel_debts(engine: str) -> None:
    cleared = clear_divisible(parse_obligations(RING, where="x"), engine=engine)
    assert cleared.cleared == {"BRL": 150, "CNY": 0}
    assert cleared.set_off.tolist() == [50, 20, 30, 50, 0]
    assert cleared.arcs == 4
    assert check_cleared(cleared) == 150
    check_same_positions(cleared.debts, cleared.set_off)
    assert notices_csv(cleared).splitlines()[1:3] == ["a,X,Y,BRL,70,50,20", "b,Y,Z,BRL,20,20,0"]
    # By hand: X owes 70 and is owed 60; 50 of each is set off.
    first = positions(cleared)[0]
    assert (first.member, first.owes, first.owed, first.set_off) == ("X", 70, 60, 50)


def test_the_oldest_debt_is_set_off_first() -> None:
    text = HEADER + "late,Y,X,BRL,40\none,X,Y,BRL,30\ntwo,X,Y,BRL,30\n"
    cleared = clear_divisible(parse_obligations(text, where="x"), engine="none")
    assert dict(zip(cleared.debts.ids, cleared.set_off.tolist(), strict=True)) == {"late": 40, "one": 30, "two": 10}


def test_bilateral_first_is_not_exact(engine: str) -> None:
    """A owes B 10, B owes A 10 and C 10, C owes A 10. Bilateral alone clears 20 and blocks the longer way; the best is
    30: the ring of three."""
    text = HEADER + "1,A,B,BRL,10\n2,B,A,BRL,10\n3,B,C,BRL,10\n4,C,A,BRL,10\n"
    cleared = clear_divisible(parse_obligations(text, where="x"), engine=engine)
    assert (cleared.cleared["BRL"], cleared.bilateral["BRL"]) == (30, 20)


def test_held_debts_stay_out() -> None:
    text = "id,payer,payee,currency,amount_minor,held\n1,A,B,BRL,10,0\n2,B,A,BRL,10,1\n"
    cleared = clear_divisible(parse_obligations(text, where="x"), engine="none")
    assert cleared.cleared == {"BRL": 0}
    assert check_cleared(cleared) == 0


@pytest.mark.parametrize("start", [[70, 50, 60, 5], [0, 50, 0, 0], [13, 0, 60, 5], [70, 0, 0, 0]])
def test_any_flow_is_brought_to_the_optimum(start: list[int]) -> None:
    graph = merge(parse_obligations(RING, where="x"))
    flow = np.array(start)
    proof = prove(graph, flow)
    assert flow.tolist() == [50, 50, 50, 0]
    assert proof.tolist() == [-1, -2, 0, 0, -1]


def test_a_long_chain_needs_many_rounds() -> None:
    """Two hundred members in a ring, all debts equal but one that is smaller: only that much goes round."""
    rows = "".join(f"{n},M{n:03d},M{(n + 1) % 200:03d},BRL,{9 if n == 77 else 10}\n" for n in range(200))
    cleared = clear_divisible(parse_obligations(HEADER + rows, where="x"), engine="none")
    assert cleared.cleared["BRL"] == 200 * 9
    assert check_cleared(cleared) == 1_800
    assert min(cleared.potentials["BRL"].values()) == -199


@pytest.mark.parametrize("engine", ["auto", "highs", "none"])
def test_a_long_chain_does_not_take_the_square_of_its_length(engine: str) -> None:
    """20,000 debts in a row, written from the far end, and a small circle at the end.

    Along the chain each potential falls by one: by hand, the last of it is 20,000 below the first."""
    count = 20_000
    rows = [f"{n},M{n:05d},M{n + 1:05d},BRL,{7 + n % 5}\n" for n in reversed(range(count))]
    rows += [f"x,M{count:05d},X,BRL,4\n", f"y,X,M{count:05d},BRL,9\n"]
    cleared = clear_divisible(parse_obligations(HEADER + "".join(rows), where="x"), engine=engine)
    assert cleared.cleared == {"BRL": 8}
    assert check_cleared(cleared) == 8
    proof = cleared.potentials["BRL"]
    assert (proof["M00000"], proof[f"M{count:05d}"]) == (0, -count)


@pytest.mark.parametrize("seed", range(20))
def test_passes_in_order_find_the_same_as_rounds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways on random debts from an empty flow, the passes from the first round on: the same sum and potentials."""
    random = np.random.default_rng(seed)
    pairs = random.integers(0, 12, (60, 2))
    rows = "".join(f"{n},M{a},M{b},BRL,{random.integers(1, 9)}\n" for n, (a, b) in enumerate(pairs.tolist()) if a != b)
    debts = parse_obligations(HEADER + rows, where="x")
    rounds = clear_divisible(debts, engine="highs")
    monkeypatch.setattr(potentials, "SURE", 0)
    passes = clear_divisible(debts, engine="none")
    assert passes.cleared == rounds.cleared
    assert check_cleared(passes) == check_cleared(rounds)
    monkeypatch.setattr(potentials, "PASSES", 0)
    assert clear_divisible(debts, engine="none").cleared == rounds.cleared


def test_a_wrong_set_off_is_caught() -> None:
    cleared = clear_divisible(parse_obligations(RING, where="x"), engine="none")
    cleared.set_off[0] -= 1
    with pytest.raises(RuleError) as caught:
        check_same_positions(cleared.debts, cleared.set_off)
    assert caught.value.code == "certificate_circulation"


def test_an_empty_file_has_nothing_to_clear(engine: str) -> None:
    cleared = clear_divisible(parse_obligations(HEADER, where="x"), engine=engine)
    assert (cleared.cleared, cleared.arcs, check_cleared(cleared)) == ({}, 0, 0)


def test_large_amounts_need_an_integer_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    large = 2**53 + 1
    debts = parse_obligations(HEADER + f"1,A,B,BRL,{large}\n2,B,A,BRL,{large}\n", where="x")

    def missing(_graph: object) -> None:
        raise ImportError

    monkeypatch.setattr(circulation, "_ortools", missing)
    with pytest.raises(MethodError, match=r"\[clearing\]") as caught:
        clear_divisible(debts)
    assert caught.value.code == "missing_extra"
    with pytest.raises(MethodError, match="OR-Tools"):
        clear_divisible(debts, engine="ortools")
    assert clear_divisible(debts, engine="none").cleared["BRL"] == 2 * large


def test_large_amounts_are_exact_with_one() -> None:
    pytest.importorskip("ortools", reason="needs the extra [clearing] or [oracles]")
    large = 10**17 + 1
    debts = parse_obligations(HEADER + f"1,A,B,BRL,{large}\n2,B,A,BRL,{large - 2}\n", where="x")
    cleared = clear_divisible(debts, engine="ortools")
    assert cleared.cleared["BRL"] == 2 * (large - 2) == check_cleared(cleared)


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(InputError, match="gurobi"):
        clear_divisible(parse_obligations(RING, where="x"), engine="gurobi")
