"""A file of obligations through a ledger: cases small enough to settle by hand."""

from __future__ import annotations

import pytest

from clearing_core_kit import NOON
from concordat.clearing import host as hosts
from concordat.clearing.core.invariants import check_invariants
from concordat.clearing.core.replay import replay
from concordat.clearing.settlement import DAY_MS, Desk, Row, row_uetr, settle_rows
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


# --- Again, later, after a crash, beside others -----------------------------------------------------------------------


def held(desk: Desk) -> dict[str, int]:
    """What each bank has, without the central bank's accounts."""
    return {
        name: account.balance for name, account in desk.state.accounts.items() if "BRXX" in name and account.balance
    }


def give(desk: Desk, bic8: str, amount: int) -> None:
    """The central bank issues money to a bank."""
    desk.send([desk.signed("issue", "INRABR00", {"uetr": uetr(desk), "currency": "INR", "amount_minor": str(amount)})])
    facts = {"uetr": uetr(desk), "payer": "INRABR00/INR", "payee": f"{bic8}/INR", "amount_minor": str(amount)}
    (receipt,) = desk.send([desk.signed("transfer", "INRABR00", facts)])[:1]
    assert receipt.code == "settled"


def uetr(desk: Desk) -> str:
    return row_uetr("test", (desk.time_ms, desk.state.height), "any")


@pytest.mark.parametrize("mode", ["netting", "queue", "gross"])
def test_what_does_not_fit_into_one_block_comes_in_the_next(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block takes 4 MiB: some 4,600 debts with two signatures each. Here it takes two instructions."""
    opening = {("A", "INR"): 20, ("C", "INR"): 10}
    desk, rows = made_up_room(RING, opening, NOON)
    whole = settle_rows(desk, rows, mode=mode)
    desk, rows = made_up_room(RING, opening, NOON)
    monkeypatch.setattr(hosts, "BLOCK_BYTES_MAX", 1_500)
    assert settle_rows(desk, rows, mode=mode) == whole
    assert not desk.host._pool, "nothing stays behind in front of the door"


def test_a_run_that_was_cut_off_behind_the_register_is_taken_up_by_sending_the_file_again() -> None:
    desk, rows = made_up_room(RING, {("A", "INR"): 20, ("C", "INR"): 10}, NOON)

    def cut(text: str) -> None:
        if text == "paying what is left":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle_rows(desk, rows, progress=cut)
    assert len(desk.state.obligation) == 2
    found = settle_rows(desk, rows)["INR"]
    assert (found.known, found.set_off, found.paid, found.waiting) == (3, 0, 30, 0)
    assert not desk.state.obligation


@pytest.mark.parametrize("mode", ["netting", "queue", "gross"])
def test_a_file_is_not_paid_again_when_the_state_has_forgotten_its_ids(mode: str) -> None:
    desk, rows = made_up_room(debts(("A", "B", 70)), {("A", "INR"): 500}, NOON)
    assert settle_rows(desk, rows, mode=mode)["INR"].paid == 70
    before = held(desk)
    desk.time_ms += 10 * DAY_MS
    desk.block()
    assert not desk.state.used_ids
    found = settle_rows(desk, rows, mode=mode)["INR"]
    assert (found.known, found.paid, found.waiting) == (1, 0, 0)
    assert held(desk) == before


@pytest.mark.parametrize(("first", "second"), [("netting", "gross"), ("gross", "netting"), ("queue", "netting")])
def test_a_file_is_not_paid_again_in_another_mode(first: str, second: str) -> None:
    desk, rows = made_up_room(debts(("A", "B", 70)), {("A", "INR"): 500}, NOON)
    settle_rows(desk, rows, mode=first)
    before = held(desk)
    assert settle_rows(desk, rows, mode=second)["INR"].known == 1
    assert held(desk) == before


@pytest.mark.parametrize("mode", ["netting", "queue", "gross"])
def test_what_ran_out_while_it_waited_is_paid_when_the_file_is_sent_again(mode: str) -> None:
    desk, rows = made_up_room(debts(("A", "B", 70)), {}, NOON)
    assert settle_rows(desk, rows, mode=mode)["INR"].waiting == 70
    desk.time_ms += 2 * DAY_MS
    desk.block()
    give(desk, rows[0].payer, 200)
    for paid in (70, 0):
        assert settle_rows(desk, rows, mode=mode)["INR"].paid == paid
    assert sorted(held(desk).values()) == [70, 130]


def test_figures_are_of_the_file_and_not_of_what_others_owe_in_the_same_currency() -> None:
    desk, rows = made_up_room(debts(("A", "B", 70), ("B", "A", 50), ("C", "A", 1_000)), {}, NOON)
    first = settle_rows(desk, rows[2:])["INR"]
    assert (first.waiting, first.left) == (1_000, 1)
    found = settle_rows(desk, rows[:2])["INR"]
    assert (found.gross, found.set_off, found.waiting, found.left) == (120, 100, 20, 1)
    third = made_up_room(debts(("A", "B", 70)), {}, NOON)
    assert settle_rows(*third)["INR"].set_off == 0


def test_a_payment_that_a_later_set_off_made_too_large_is_sent_again_in_the_right_size() -> None:
    """A owes B 70 and has nothing. Then B owes A 50: 50 each are set off, and the payment of 70 is 20 now."""
    desk, rows = made_up_room(debts(("A", "B", 70), ("B", "A", 50)), {}, NOON)
    assert settle_rows(desk, rows[:1])["INR"].waiting == 70
    assert settle_rows(desk, rows[1:])["INR"].set_off == 50
    assert settle_rows(desk, rows[:1])["INR"].waiting == 20
    give(desk, rows[0].payer, 20)
    assert held(desk) == {f"{rows[0].payee}/INR": 20}
    assert not desk.state.obligation
    assert not desk.state.payment


def test_without_any_proposers_key_nothing_is_sent() -> None:
    desk, rows = made_up_room(RING, {}, NOON)
    desk.keys = {bic8: key for bic8, key in desk.keys.items() if bic8 != "INRABR00"}
    with pytest.raises(InputError, match="there is no key of INRABR00"):
        settle_rows(desk, rows)
    assert desk.state.height == 0
    assert settle_rows(desk, rows, mode="gross")["INR"].waiting == 180, "which asks for no certificate"


@pytest.mark.parametrize("name", ["COMPANYA", "INRABR00", "ÄÖÜ日本", "x" * 300])
def test_any_name_may_stand_in_a_file(name: str) -> None:
    """One that has the form of a BIC and is none: its country does not exist, or it is a made-up central bank's."""
    desk, rows = made_up_room([Row("1", name, "B", "INR", 5, 3), Row("2", "B", name, "INR", 5, 3)], {}, NOON)
    assert settle_rows(desk, rows)["INR"].set_off == 10


def test_a_file_without_debts_is_told_so() -> None:
    with pytest.raises(InputError, match="no debts"):
        made_up_room([], {}, NOON)


def test_debts_that_can_t_be_added_up_are_paid_one_by_one_instead() -> None:
    """Two parties may register what no certificate can sum (over 2^63): that must not stop the others' file."""
    huge = debts(("A", "B", 70), *[("D", "E", 10**18 - 1), ("E", "D", 10**18 - 1)] * 6)
    desk, rows = made_up_room(huge, {("A", "INR"): 70}, NOON)
    found = settle_rows(desk, rows)["INR"]
    assert (found.set_off, found.paid) == (0, 70)
    assert found.refused["currency_too_large"] == 1  # and the person is told why nothing was set off
    check_invariants(desk.state)
