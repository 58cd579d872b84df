"""The files: what is read from them, what is generated, and that the same seed gives the same file."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from concordat.clearing.netting.generate import CURRENCIES, generate_obligations, generate_trades
from concordat.clearing.netting.tables import parse_balances, parse_members, parse_obligations, parse_trades
from concordat.errors import InputError


def test_major_units_and_quoted_fields() -> None:
    rows = '"a,1",X,Y,BRL,1.5,1,0\nb,Y,X,JPY,7,3,1\nc,X,Y,KWD,0.001,2,\n'
    text = f"\ufeffid,payer,payee,currency,amount,priority,held\n{rows}"
    debts = parse_obligations(text, where="x")
    assert list(debts.ids) == ["a,1", "b", "c"]
    assert debts.amount.tolist() == [150, 7, 1]
    assert debts.priority.tolist() == [1, 3, 2]
    assert debts.held.tolist() == [False, True, False]
    assert debts.currencies == ("BRL", "JPY", "KWD")


def test_columns_in_any_order_and_defaults() -> None:
    debts = parse_obligations("amount_minor,currency,payee,payer,id\n5,BRL,Y,X,1\n", where="x")
    assert (debts.members[debts.payer[0]], debts.priority[0], bool(debts.held[0])) == ("X", 1, False)


def test_balances_members_and_trades() -> None:
    assert parse_balances("participant,currency,balance\nX,BRL,0\nX,JPY,12\n", where="b") == {
        ("X", "BRL"): 0,
        ("X", "JPY"): 12,
    }
    held, limits = parse_members("member,currency,balance_minor,short_limit_minor\nX,BRL,1,2\n", where="m")
    assert (held, limits) == ({("X", "BRL"): 1}, {("X", "BRL"): 2})
    trades = parse_trades(
        "id,party_a,party_b,a_sells_ccy,a_sells_minor,b_sells_ccy,b_sells_minor\n1,X,Y,BRL,5,INR,6\n", where="t"
    )
    assert trades[0][:7] == ("1", "X", "Y", "BRL", 5, "INR", 6)


def test_generated_obligations_have_the_marks_of_the_reference_data() -> None:
    """Lognormal with median 30,000 major units and sigma 2, ten currencies, classes 5, 25 and 70 %."""
    debts, balances = generate_obligations(20_000, seed=1)
    assert (len(debts), len(set(debts.ids))) == (20_000, 20_000)
    logs = [len(str(n)) for n in debts.amount.tolist()]
    assert 2.7e6 < statistics.median(debts.amount.tolist()) < 3.3e6
    assert 5 < min(logs) + 4 < max(logs) <= 16
    assert set(debts.currencies) == set(CURRENCIES)
    shares = np.bincount(debts.priority)[1:] / 20_000
    assert np.allclose(shares, [0.05, 0.25, 0.70], atol=0.01)
    assert 0.02 < sum(balances.values()) / debts.amount.sum() < 0.05
    assert not (debts.payer == debts.payee).any()
    pairs = set(zip(debts.payer.tolist(), debts.payee.tolist(), strict=True))
    assert sum((q, p) in pairs for p, q in pairs) / len(pairs) > 0.3
    degree = np.sort(np.bincount(debts.payer))[::-1]
    assert degree[:10].sum() > 0.2 * degree.sum()  # hubs


def test_the_same_seed_gives_the_same_day() -> None:
    one, other = generate_obligations(500, seed=3), generate_obligations(500, seed=3)
    assert one[0].amount.tolist() == other[0].amount.tolist()
    assert one[1] == other[1]
    assert generate_obligations(500, seed=4)[0].amount.tolist() != one[0].amount.tolist()
    assert generate_trades(50, seed=3) == generate_trades(50, seed=3)


@pytest.mark.parametrize(("count", "members"), [(0, 5), (5, 1)])
def test_no_instance_of_nothing(count: int, members: int) -> None:
    with pytest.raises(InputError):
        generate_obligations(count, members=members)
    with pytest.raises(InputError):
        generate_trades(count, members=members)


HEAD = "id,payer,payee,currency,amount_minor\n"


@pytest.mark.parametrize(
    ("rows", "where", "code"),
    [
        ("1,A,B,BRL,5\n2,A ,B,BRL,5\n", "row 3", "bad_member"),
        ("1,A,\u00a0B,BRL,5\n", "row 2", "bad_member"),
        ("1,A,\u3000,BRL,5\n", "row 2", "missing_member"),
        ("1,Jos\u00e9,B,BRL,5\n2,B,Jose\u0301,BRL,5\n", "row 2", "bad_member"),
    ],
)
def test_names_that_only_look_the_same_are_refused(rows: str, where: str, code: str) -> None:
    """They would be two members whose debts never meet: the set-off would be too small, and nobody told."""
    with pytest.raises(InputError) as caught:
        parse_obligations(HEAD + rows, where="x.csv")
    assert (caught.value.code, where in caught.value.where) == (code, True)


def test_a_name_may_have_spaces_and_accents_inside() -> None:
    assert parse_obligations(HEAD + "1,Jose\u0301 e Filhos,Cia S/A,BRL,5\n", where="x").members == (
        "Cia S/A",
        "Jose\u0301 e Filhos",
    )


@pytest.mark.parametrize("name", ["", " ", "A "])
def test_balances_and_members_have_names(name: str) -> None:
    with pytest.raises(InputError, match="row 3"):
        parse_balances(f"participant,currency,balance_minor\nA,BRL,1\n{name},BRL,1\n", where="x")
    with pytest.raises(InputError, match="row 3"):
        parse_members(f"member,currency,balance_minor,short_limit_minor\nA,BRL,1,1\n{name},BRL,1,1\n", where="x")


def test_a_balance_that_is_no_amount_is_named_as_it_stands() -> None:
    with pytest.raises(InputError, match="no amount for balance"):
        parse_balances("participant,currency,balance\nA,BRL,1e5\n", where="x")


def test_a_row_that_stands_twice_is_found_in_a_large_file() -> None:
    """Looked for row by row from the start, the last of 200,000 rows would take minutes."""
    rows = "".join(f"P{n},BRL,1\n" for n in range(200_000))
    with pytest.raises(InputError, match="row 200001 already") as caught:
        parse_balances(f"participant,currency,balance_minor\n{rows}P199999,BRL,2\n", where="x")
    assert "row 200002" in caught.value.where
