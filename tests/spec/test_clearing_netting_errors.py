"""Bad files of the netting commands, one row each: what is refused, where, and the name of the fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat.clearing.netting.tables import parse_balances, parse_members, parse_obligations, parse_trades
from concordat.cli import main
from concordat.errors import InputError

HEAD = "id,payer,payee,currency,amount_minor\n"
MAJOR = "id,payer,payee,currency,amount\n"
OBLIGATIONS = [
    (HEAD + "1,A,B,BRL,5\n1,B,A,BRL,6\n", "row 3", "duplicate_id"),
    (HEAD + "1,A,B,BRL,5\n2,A,A,BRL,6\n", "row 3", "same_member"),
    (HEAD + "1,A,B,BRX,5\n", "row 2", "unknown_currency"),
    (HEAD + "1,A,B,XAU,5\n", "row 2", "unknown_currency"),
    (HEAD + "1,A,B,XTS,5\n", "row 2", "unknown_currency"),
    (MAJOR + "1,A,B,BRL,5.5\n2,A,B,BRL,0.123\n", "row 3", "wrong_decimals"),
    (MAJOR + "1,A,B,JPY,5.5\n", "row 2", "wrong_decimals"),
    (MAJOR + "1,A,B,BRL,1e5\n", "row 2", "bad_amount"),
    (MAJOR + "1,A,B,BRL,.5\n", "row 2", "bad_amount"),
    *((HEAD + f"1,A,B,BRL,{bad}\n", "row 2", "bad_amount") for bad in (
        "0", "-5", "1.5", "1e5", "1_000", " 5", "+5", "٥", "", "x", "1000000000000000000", "9" * 5_000,
    )),
    (HEAD + ",A,B,BRL,5\n", "row 2", "missing_id"),
    (HEAD + "1,A, ,BRL,5\n", "row 2", "missing_member"),
    (HEAD + "1,A,B,BRL\n", "row 2", "bad_row"),
    (HEAD + "1,A,B,BRL,5\n\n", "row 3", "bad_row"),
    (HEAD + '1,"A,B,BRL,5\n', "line 2", "bad_csv"),
    ("id,payer,payee,currency\n1,A,B,BRL\n", "header", "missing_column"),
    ("", "header", "missing_column"),
    ("id,payer,payee,currency,amount,amount_minor\n1,A,B,BRL,5,500\n", "header", "missing_column"),
    ("id,payer,payee,currency,amount_minor,prioritty\n1,A,B,BRL,5,1\n", "header", "unknown_key"),
    ("id,id,payer,payee,currency,amount_minor\n1,1,A,B,BRL,5\n", "header", "duplicate_column"),
    ("id,payer,payee,currency,amount_minor,priority\n1,A,B,BRL,5,4\n", "row 2", "bad_priority"),
    ("id,payer,payee,currency,amount_minor,held\n1,A,B,BRL,5,no\n", "row 2", "bad_held"),
    (HEAD + "".join(f"{n},A,B,BRL,{10**18 - 1}\n" for n in range(10)), "x.csv", "currency_too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "code"), OBLIGATIONS)
def test_obligations(text: str, where: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_obligations(text, where="x.csv")
    assert (caught.value.code, where in caught.value.where, bool(caught.value.hint)) == (code, True, True)


SWAPS = "id,party_a,party_b,a_sells_ccy,a_sells_minor,b_sells_ccy,b_sells_minor\n"


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        (SWAPS + "1,A,A,BRL,5,CNY,5\n", "row 2", "same_member"),
        (SWAPS + "1,A,B,BRL,5,BRL,5\n", "row 2", "same_currency"),
        (SWAPS + "1,A,B,BRL,5,CNY,0\n", "row 2", "bad_amount"),
        (SWAPS + "1,A,B,BRL,5,CNZ,5\n", "row 2", "unknown_currency"),
        (SWAPS + "1,A,B,BRL,5,CNY,5\n1,A,B,BRL,5,CNY,5\n", "row 3", "duplicate_id"),
    ],
)
def test_trades(text: str, where: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_trades(text, where="x.csv")
    assert (caught.value.code, where in caught.value.where) == (code, True)


def test_balances_and_members_stand_once() -> None:
    for text, read in (
        ("participant,currency,balance_minor\nA,BRL,1\nA,BRL,1\n", parse_balances),
        ("member,currency,balance_minor,short_limit_minor\nA,BRL,1,1\nA,BRL,1,1\n", parse_members),
    ):
        with pytest.raises(InputError, match="row 2 already") as caught:
            read(text, where="x.csv")
        assert caught.value.code == "duplicate_id"


@pytest.mark.parametrize(
    "words",
    [
        ["net"],
        ["net", "o.csv"],
        ["net", "o.csv", "--no-money", "--balances", "b.csv"],
        ["net", "o.csv", "--no-money", "--engine", "cplex"],
        ["net", "o.csv", "--balances", "b.csv", "--mode", "fifo"],
        ["net", "o.csv", "--balances", "b.csv", "--classes", "last"],
        ["net", "--trades", "t.csv"],
        ["net", "missing.csv", "--no-money"],
        ["net", "o.csv", "--no-money", "--out", "."],
        ["curve", "o.csv", "--balances", "b.csv", "--at", "5,1"],
        ["generate", "."],
        ["check-certificate", "o.csv"],
    ],
)
def test_commands_that_make_no_sense(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "o.csv").write_text(HEAD + "1,A,B,BRL,5\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("participant,currency,balance_minor\nA,BRL,5\n", encoding="utf-8")
    (tmp_path / "t.csv").write_text(SWAPS, encoding="utf-8")
    assert main(["clearing", *words]) == 2
    assert "concordat: " in capsys.readouterr().err
