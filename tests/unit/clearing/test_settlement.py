"""A file of obligations through a ledger: cases small enough to settle by hand."""

from __future__ import annotations

import pytest

from clearing_core_kit import NOON
from concordat.clearing.core.invariants import check_invariants
from concordat.clearing.core.replay import replay
from concordat.clearing.settlement import Row, row_uetr, settle_rows
from concordat.clearing.simulate.room import made_up_room
from concordat.errors import InputError


def debts(*rows: tuple[str, str, int]) -> list[Row]:
    return [Row(f"{n}", payer, payee, "INR", amount, 3) for n, (payer, payee, amount) in enumerate(rows)]


RING = debts(("A", "B", 70), ("B", "C", 50), ("C", "A", 60))


@pytest.mark.parametrize(
    ("mode", "opening", "set_off", "paid", "released", "waiting"),
    [
        ("netting", {}, 150, 0, 0, 30),  # 50 runs round; 20 of A's and 10 of C's debt are left
        ("netting", {("A", "INR"): 20, ("C", "INR"): 10}, 150, 30, 0, 0),
        ("gross", {}, 0, 0, 0, 180),
        ("gross", {("A", "INR"): 70}, 0, 180, 0, 0),  # 70 goes A to B; 50 on to C, too little for 60: see below
        ("queue", {}, 0, 0, 0, 180),  # whole payments of a ring of 70, 50, 60 need 20 and 10
        ("queue", {("A", "INR"): 20, ("C", "INR"): 10}, 0, 0, 180, 0),
    ],
)
def test_a_ring_of_three(
    mode: str, opening: dict[tuple[str, str], int], set_off: int, paid: int, released: int, waiting: int
) -> None:
    if mode == "gross" and opening:
        opening = {**opening, ("C", "INR"): 10}
    desk, rows = made_up_room(RING, opening, NOON)
    found = settle_rows(desk, rows, mode=mode)["INR"]
    assert (found.set_off, found.paid, found.released, found.waiting) == (set_off, paid, released, waiting)
    assert found.gross == found.set_off + found.paid + found.released + found.waiting
    check_invariants(desk.state)
    again = replay(desk.state.scheme, desk.host.blocks)
    assert again.root() == desk.state.root()


def test_a_file_that_is_sent_again_is_not_paid_again() -> None:
    desk, rows = made_up_room(RING, {("A", "INR"): 500}, NOON)
    settle_rows(desk, rows)
    before = {name: account.balance for name, account in desk.state.accounts.items()}
    found = settle_rows(desk, rows)["INR"]
    assert found.known == 3
    assert {name: account.balance for name, account in desk.state.accounts.items()} == before


def test_the_id_of_a_row_is_made_of_all_of_it() -> None:
    ids = {row_uetr("s", part, "owe") for part in (("1", "A", "B", 5), ("1", "A", "B", 6), ("2", "A", "B", 5))}
    assert len(ids | {row_uetr("t", ("1", "A", "B", 5), "owe"), row_uetr("s", ("1", "A", "B", 5), "pay")}) == 5


def test_without_a_key_nothing_is_sent() -> None:
    desk, rows = made_up_room(RING, {}, NOON)
    desk.keys = {}
    with pytest.raises(InputError, match="there is no key of"):
        settle_rows(desk, rows)
    assert desk.state.height == 0
