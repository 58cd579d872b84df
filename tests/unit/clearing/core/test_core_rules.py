"""The rules of the ledger one by one, on cases small enough to be worked out by hand."""

from __future__ import annotations

import json

import pytest

from clearing_core_kit import (
    DAY,
    DECISION,
    HOUR,
    LIST,
    MINUTE,
    NOON,
    A,
    B,
    C,
    D,
    F,
    G,
    Room,
    codes,
    document,
    secret_of,
    trade_legs,
)
from concordat.clearing.core.apply import in_order
from concordat.clearing.core.days import entries_of
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.settle import divisible_debts, queue_problem, queue_root, register_root
from concordat.clearing.core.states import MOVES, is_final, move

CB, DB, FB, GB, AB = (f"{bic8}/BRL" for bic8 in (C, D, F, G, A))


def funded(amount: int = 100, **parts: object) -> Room:
    room = Room(**parts)  # type: ignore[arg-type]
    room.fund(CB, amount)
    return room


# --- States ---


def test_final_states_are_final_and_every_state_can_be_reached() -> None:
    final = {kind: {state for state in moves if is_final(kind, state)} for kind, moves in MOVES.items()}
    assert final == {
        "payment": {"settled", "rejected", "cancelled", "expired"},
        "reservation": {"posted", "voided", "expired"},
        "trade": {"settled", "cancelled", "expired"},
        "obligation": {"cleared"},
    }
    for kind, moves in MOVES.items():
        first = next(iter(moves))
        reached, pending = {first}, [first]
        while pending:
            for after in moves[pending.pop()]:
                pending.extend({after} - reached)
                reached.add(after)
        assert reached == set(moves), kind


@pytest.mark.parametrize("before", ["settled", "rejected", "cancelled", "expired"])
def test_nothing_follows_a_final_state(before: str) -> None:
    for after in MOVES["payment"]:
        with pytest.raises(AssertionError):
            move("payment", before, after)


# --- Money and lines ---


def test_issue_and_redeem_keep_the_sum_at_zero() -> None:
    room = Room()
    room.code("issue", A, currency="BRL", amount_minor="100")
    room.code("redeem", A, currency="BRL", amount_minor="30")
    assert (room.balance(AB), room.balance(AB + "/issue")) == (70, -70)
    assert (room.state.money["BRL"].issued, room.state.money["BRL"].redeemed) == (100, 30)
    assert room.code("redeem", A, currency="BRL", amount_minor="71") == "insufficient_funds"


def test_money_on_credit_cannot_be_redeemed() -> None:
    room = Room()
    room.code("issue", A, currency="BRL", amount_minor="10")
    room.code("line_set", A, account=AB, amount_minor="50")
    assert room.code("redeem", A, currency="BRL", amount_minor="11") == "insufficient_funds"


def test_a_line_cut_below_use_stands_at_once_and_seizes_nothing() -> None:
    room = funded(0 + 10)
    room.code("line_set", A, account=CB, amount_minor="50")
    assert room.pay(CB, DB, 45) == "settled"  # balance -35
    assert room.code("line_set", A, account=CB, amount_minor="20") == "accepted"
    assert (room.balance(CB), room.state.accounts[CB].available) == (-35, -15)
    assert room.pay(CB, DB, 1) == "insufficient_funds"
    assert room.pay(DB, CB, 15) == "settled"  # repaired to 0
    assert room.pay(CB, DB, 1) == "insufficient_funds"
    assert room.pay(DB, CB, 1) == "settled"
    assert room.pay(CB, DB, 1) == "settled"


def test_below_the_floor_of_a_cut_line_not_even_reserved_money_is_posted() -> None:
    room = Room()
    room.code("line_set", A, account=CB, amount_minor="50")
    one = room.say("reserve", C, payer=CB, payee=DB, amount_minor="40", expires=room.now + HOUR)
    room.block(one)
    room.code("line_set", A, account=CB, amount_minor="30")
    told = room.receipt("post", C, reservation=one.instruction.uetr, amount_minor="40")
    assert told.code == "insufficient_funds"


# --- Reservations ---


def test_posting_frees_the_rest_and_voiding_frees_all() -> None:
    room = funded()
    one, two = (
        room.say("reserve", C, payer=CB, payee=DB, amount_minor="40", expires=room.now + HOUR) for _ in range(2)
    )
    room.block(one, two)
    assert room.state.accounts[CB].available == 20
    assert room.pay(CB, DB, 21) == "insufficient_funds"
    room.code("post", C, reservation=one.instruction.uetr, amount_minor="15")
    assert (room.balance(CB), room.balance(DB), room.state.accounts[CB].available) == (85, 15, 45)
    room.code("void", C, reservation=two.instruction.uetr)
    assert (room.balance(CB), room.state.accounts[CB].available) == (85, 85)
    assert room.code("post", C, reservation=one.instruction.uetr, amount_minor="1") == "unknown_reservation"


def test_a_reservation_runs_out_by_the_time_of_the_block() -> None:
    room = funded()
    until = room.now + 5 * MINUTE
    one = room.say("reserve", C, payer=CB, payee=DB, amount_minor="40", expires=until)
    room.block(one)
    room.now = until - 1
    assert room.block(after=1) == []  # its last moment
    told = room.block(after=1)[0]
    assert (told.kind, told.code, told.uetr) == ("reserve", "expired", one.instruction.uetr)
    assert room.state.accounts[CB].available == 100


# --- The queue ---


def test_what_waits_settles_when_money_comes_in_and_makes_others_settle() -> None:
    room = funded(10)
    chain = [room.transfer(a, b, 50, if_short="queue") for a, b in ((CB, DB), (DB, FB), (FB, GB))]
    room.block(*chain)
    found = room.block(room.transfer(AB, CB, 1))  # A has nothing: nothing moves
    assert [r.code for r in found] == ["insufficient_funds"]
    room.code("issue", A, currency="BRL", amount_minor="40")
    found = room.block(room.transfer(AB, CB, 40))
    assert [(r.facts["payer"], r.code) for r in found] == [
        (AB, "settled"), (CB, "settled"), (DB, "settled"), (FB, "settled"),
    ]  # fmt: skip
    assert [room.balance(name) for name in (CB, DB, FB, GB)] == [0, 0, 0, 50]


def waiting_room(mode: str) -> tuple[Room, list[str]]:
    """C has nothing; four payments wait: 30 (class 2), 10 (class 2), 20 (class 1), 5 (class 3), in this order."""
    room = Room(lsm={"mode": mode})
    said = []
    for amount, priority in ((30, 2), (10, 2), (20, 1), (5, 3)):
        one = room.transfer(CB, DB, amount, if_short="queue", priority=priority)
        room.block(one)
        said.append(one.instruction.uetr)
    return room, said


def give(room: Room, amount: int) -> set[str]:
    room.code("issue", A, currency="BRL", amount_minor=str(amount))
    found = room.block(room.transfer(AB, CB, amount))
    return {r.uetr for r in found if r.facts["payer"] == CB and r.code == "settled"}


@pytest.mark.parametrize(
    ("mode", "amount", "settled"),
    [
        ("bypass", 20, [2]),  # the urgent one takes all
        ("bypass", 32, [2, 1]),  # 20 + 10; 30 is passed by, 5 no longer fits
        ("bypass", 15, [1, 3]),
        ("strict_fifo", 32, [2, 3]),  # 30 stops 10 behind it in its class, not the other classes
        ("strict_fifo", 15, [3]),
        ("strict_fifo", 65, [2, 0, 1, 3]),
    ],
)
def test_classes_and_modes(mode: str, amount: int, settled: list[int]) -> None:
    room, said = waiting_room(mode)
    assert give(room, amount) == {said[number] for number in settled}


def test_in_strict_order_a_newcomer_stands_behind_its_class_and_a_held_one_stops_nobody() -> None:
    room, said = waiting_room("strict_fifo")
    give(room, 4)
    assert room.pay(CB, DB, 2, if_short="queue", priority=2) == "queued"  # 4 are there
    assert room.pay(CB, DB, 2, if_short="reject", priority=2) == "settled"  # it never waits
    until = room.now + HOUR
    for number in (0, 1):
        room.code("hold", D, target="payment", of=f"{said[number]}/{C}", reason_class="x", list_hash=LIST, until=until)
    assert room.balance(CB) == 0  # the 2 that waited behind has gone


def test_cancelling_and_reprioritising() -> None:
    room, said = waiting_room("bypass")
    assert room.code("reprioritise", C, payment=said[0], priority=1) == "accepted"
    assert give(room, 30) == {said[0]}  # older than the 20 of the same class
    found = room.block(room.say("cancel", C, payment=said[2]))
    assert [(r.kind, r.code) for r in found] == [("cancel", "accepted"), ("transfer", "cancelled_by_payer")]
    assert room.code("cancel", C, payment=said[2]) == "not_queued"


def test_a_payment_that_waits_runs_out() -> None:
    room = funded(10)
    one = room.transfer(CB, DB, 50, if_short="queue")
    room.block(one)
    found = room.block(after=2 * HOUR)
    assert codes(found) == {one.instruction.uetr: "expired"}
    assert room.state.payment == {}


def queue_certificate(room: Room, keys: list[str], gained: int) -> dict[str, object]:
    return {
        "problem": "queue", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
        "queue_root": queue_root(room.state, "BRL"), "mode": "bypass", "chosen": sorted(keys),
        "gained_minor": str(gained),
    }  # fmt: skip


def test_a_certificate_settles_a_gridlock_in_one_step_and_ages_what_it_passes_by() -> None:
    room = funded(10, lsm={"mode": "bypass", "age_certificates": 2})
    stuck = room.transfer(CB, FB, 500, if_short="queue", priority=3)
    room.block(stuck)
    for number in range(4):
        one, two = room.transfer(CB, DB, 60, if_short="queue"), room.transfer(DB, CB, 60, if_short="queue")
        room.block(one, two)
        keys = [f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]
        told = room.receipt("settle", A, certificate=queue_certificate(room, keys, 120))
        assert (told.code, told.facts["payments"], told.facts["gained_minor"]) == ("settled", "2", "120")
        problem = queue_problem(room.state, "BRL", room.now, room.state.height + 1)
        assert [p.priority for p in problem.payments] == [{0: 3, 1: 2, 2: 2, 3: 1}[number]]
    assert (room.balance(CB), room.balance(DB)) == (10, 0)


def test_a_certificate_of_somebody_else_or_for_another_height_is_refused() -> None:
    room = funded(10)
    one, two = room.transfer(CB, DB, 60, if_short="queue"), room.transfer(DB, CB, 60, if_short="queue")
    room.block(one, two)
    keys = [f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]
    certificate = queue_certificate(room, keys, 120)
    assert room.code("settle", C, certificate=certificate) == "not_yours"
    assert room.receipt("settle", A, certificate=certificate).facts["check"] == "stale"
    assert room.code("settle", A, certificate=queue_certificate(room, keys, 120)) == "settled"


def test_what_an_administrative_instruction_of_the_same_block_changes_refuses_the_certificate() -> None:
    room = funded(10)
    one, two = room.transfer(CB, DB, 60, if_short="queue"), room.transfer(DB, CB, 60, if_short="queue")
    room.block(one, two)
    keys = [f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]
    freeze = room.say("freeze", A, account=DB)
    settle = room.say("settle", A, certificate=queue_certificate(room, keys, 120))
    found = codes(room.block(settle, freeze))
    assert found[settle.instruction.uetr] == "certificate_refused"
    assert len(room.state.payment) == 2


# --- Obligations ---


def test_a_circle_of_obligations_is_set_off_without_money() -> None:
    room = Room()
    for debtor, creditor, amount in ((C, D, 70), (D, F, 50), (F, C, 60)):
        room.code(
            "owe", debtor, creditor, creditor=creditor, currency="BRL", amount_minor=str(amount), due="2027-01-31"
        )
    debts = {debt.payer: debt for debt in divisible_debts(room.state, "BRL")}
    certificate = {
        "problem": "divisible", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
        "register_root": register_root(room.state, "BRL"), "gained_minor": "150",
        "set_off": {debt.id: "50" for debt in debts.values()},
        # C owes D 20 and F owes C 10 still: p_C - p_D >= 1, p_F - p_C >= 1; D paid F all: p_D - p_F <= 1
        "potentials": {F: 0, C: -1, D: -2},
    }  # fmt: skip
    found = room.block(room.say("settle", A, certificate=certificate))
    assert [r.code for r in found] == ["settled", "set_off", "set_off", "set_off"]
    assert {one.debtor: one.left for one in room.state.obligation.values()} == {C: 20, F: 10}
    assert room.state.accounts.keys() == {"AAAABRSP/BRL/issue", "BBBBINBB/INR/issue", "EEEEZAJJ/ZAR/issue"}


def test_a_payment_reduces_the_obligation_that_it_names_when_it_settles() -> None:
    room = Room()
    one = room.say("owe", C, D, creditor=D, currency="BRL", amount_minor="70", due="2027-01-31")
    room.block(one)
    room.pay(CB, DB, 30, obligation=one.instruction.uetr, if_short="queue")
    key = f"{one.instruction.uetr}/{C}"
    assert room.state.obligation[key].left == 70
    room.fund(CB, 30)
    assert room.state.obligation[key].left == 40


# --- Trades ---


def test_both_legs_settle_in_one_step() -> None:
    room = funded()
    room.fund("DDDDINBB/INR", 1_000)
    legs = trade_legs(C, D, 80, 900)
    room.block(room.say("trade", C, trade_id="T1", legs=legs))
    found = room.block(room.say("trade", D, trade_id="T1", legs=legs))
    assert [(r.member, r.code, r.amount_minor, r.before, r.after) for r in found] == [
        (D, "settled", 900, 1_000, 100),
        (C, "settled", 80, 100, 20),
    ]
    assert (room.balance(DB), room.balance("CCCCBRSP/INR")) == (80, 900)


def test_a_trade_waits_for_either_leg_and_no_leg_goes_alone() -> None:
    room = funded()
    legs = trade_legs(C, D, 80, 900)
    room.block(room.say("trade", C, trade_id="T1", legs=legs))
    found = room.block(room.say("trade", D, trade_id="T1", legs=legs))
    assert [r.code for r in found] == ["matched", "matched"]
    assert (room.balance(CB), room.balance(DB)) == (100, 0)
    room.fund("DDDDINBB/INR", 900)  # the last block settles it
    assert (room.balance(CB), room.balance(DB), room.balance("CCCCBRSP/INR")) == (20, 80, 900)


def test_a_trade_needs_both_currencies_open_and_a_corridor_for_the_pair() -> None:
    parts = document()
    parts["currencies"]["INR"]["hours_utc"] = "13:00-18:00"
    room = funded(currencies=parts["currencies"])
    room.now = NOON + 70 * MINUTE
    room.fund("DDDDINBB/INR", 900)
    room.now += DAY - 2 * HOUR  # 11:10, INR is closed
    legs = trade_legs(C, D, 80, 900)
    facts = {"trade_id": "T1", "legs": legs, "valid_until": room.now + DAY}
    room.block(room.say("trade", C, **facts))
    assert [r.code for r in room.block(room.say("trade", D, **facts))] == ["matched", "matched"]
    found = room.block(after=2 * HOUR)
    assert [r.code for r in found] == ["settled", "settled"]  # the window opened


def test_a_trade_of_which_one_side_came_runs_out() -> None:
    room = funded()
    one = room.say("trade", C, trade_id="T1", legs=trade_legs(C, D, 80, 900))
    room.block(one)
    assert codes(room.block(after=2 * HOUR)) == {one.instruction.uetr: "expired"}


def test_nobody_can_take_the_id_of_others_trades() -> None:
    room = funded()
    room.block(room.say("trade", G, trade_id="T1", legs=trade_legs(G, D, 1, 1)))
    assert room.code("trade", C, trade_id="T1", legs=trade_legs(C, D, 80, 900)) == "half"


# --- Holds ---


def test_a_hold_that_came_first_holds_the_payment_and_ends_in_rejection() -> None:
    room = funded()
    one = room.transfer(CB, DB, 5)
    key = f"{one.instruction.uetr}/{C}"
    facts = {"target": "payment", "of": key, "reason_class": "name_match", "list_hash": LIST}
    room.code("hold", D, **facts, until=room.now + HOUR)
    assert codes(room.block(one)) == {one.instruction.uetr: "held"}
    assert room.balance(CB) == 100
    told = room.block(after=HOUR)[0]
    assert (told.code, told.reason_iso) == ("hold_expired", "RR04")
    assert (room.balance(CB), room.state.holds) == (100, {})


def test_a_hold_of_a_stranger_counts_for_nothing() -> None:
    room = funded()
    one = room.transfer(CB, DB, 5)
    facts = {"target": "payment", "of": f"{one.instruction.uetr}/{C}", "reason_class": "x", "list_hash": LIST}
    room.code("hold", G, **facts, until=room.now + HOUR)
    assert codes(room.block(one)) == {one.instruction.uetr: "settled"}


def test_two_holds_need_two_releases() -> None:
    room = funded()
    one = room.transfer(CB, DB, 5)
    facts = {"target": "payment", "of": f"{one.instruction.uetr}/{C}"}
    for by in (A, D):
        room.code("hold", by, **facts, reason_class="x", list_hash=LIST, until=room.now + HOUR)
    room.block(one)
    room.code("release", D, **facts)
    assert room.balance(DB) == 0
    found = room.block(room.say("release", A, **facts))
    assert [r.code for r in found] == ["accepted", "settled"]


def test_a_released_payment_that_cannot_pay_does_what_its_terms_say() -> None:
    for terms, ended in (({"if_short": "queue"}, "queued"), ({"if_short": "reject"}, "insufficient_funds")):
        room = funded()
        one = room.transfer(CB, DB, 500, **terms)
        facts = {"target": "payment", "of": f"{one.instruction.uetr}/{C}"}
        room.code("hold", D, **facts, reason_class="x", list_hash=LIST, until=room.now + HOUR)
        assert codes(room.block(one)) == {one.instruction.uetr: "held"}
        assert codes(room.block(room.say("release", D, **facts)))[one.instruction.uetr] == ended


def test_a_held_trade_settles_on_release() -> None:
    room = funded()
    room.fund("DDDDINBB/INR", 1_000)
    legs = trade_legs(C, D, 80, 900)
    room.block(room.say("trade", C, trade_id="T1", legs=legs))
    facts = {"target": "trade", "of": f"T1/{C}/{D}"}
    room.code("hold", B, **facts, reason_class="band", list_hash=LIST, until=room.now + HOUR)
    assert {r.code for r in room.block(room.say("trade", D, trade_id="T1", legs=legs))} == {"held"}
    found = room.block(room.say("release", B, **facts))
    assert [r.code for r in found] == ["accepted", "settled", "settled"]


# --- Corridors, limits, quotas ---

HOME = {"id": "home", "from": "BR", "to": "BR", "pairs": ["BRL"], "hours_utc": "00:00-24:00"}


def test_windows_caps_and_the_nearest_corridor() -> None:
    night = {"id": "night", "from": "BR", "to": "IN", "pairs": ["BRL"], "hours_utc": "22:00-04:00"}
    day = {**night, "id": "day", "hours_utc": "08:00-13:00", "cap_minor": {"BRL": "50"}, "cap_day_minor": {"BRL": "60"}}
    room = funded(1_000, corridors=[HOME, night, day])
    assert room.pay(CB, DB, 51) == "window_closed"  # only the night takes so much
    assert room.pay(CB, DB, 50) == "settled"
    told = room.block(room.transfer(CB, DB, 11))[0]
    assert (told.code, told.facts["have"], told.facts["limit"]) == ("over_limit", "10", "corridor_day")
    waits = room.transfer(CB, DB, 51, if_short="queue", valid_until=room.now + DAY)
    assert codes(room.block(waits)) == {waits.instruction.uetr: "queued"}
    assert codes(room.block(after=10 * HOUR)) == {waits.instruction.uetr: "settled"}  # 22:00
    none = room.block(room.transfer(DB, CB, 1))[0]
    assert (none.code, none.facts["nearest_corridor"]) == ("no_corridor", "home")


def test_moves_within_one_member_need_no_corridor() -> None:
    room = funded(100, corridors=[HOME])
    assert room.pay(CB, CB + "/ops", 10) == "settled"
    assert room.pay(CB + "/ops", CB, 10) == "settled"


def test_the_tighter_limit_counts_and_days_begin_anew() -> None:
    room = funded(1_000)
    room.code("limit_set", C, account=CB, limit="day_out", amount_minor="100")
    room.code("limit_set", A, account=CB, limit="day_out", amount_minor="60")
    assert room.pay(CB, DB, 60) == "settled"
    told = room.block(room.transfer(CB, DB, 1))[0]
    assert (told.code, told.facts["limit_owner"]) == ("over_limit", "issuer")
    one = room.transfer(CB, DB, 1, if_short="queue", valid_until=room.now + 2 * DAY)
    room.block(one)
    assert codes(room.block(after=12 * HOUR)) == {one.instruction.uetr: "settled"}  # midnight has passed


def test_net_limits_let_out_again_what_came_in() -> None:
    room = funded(1_000)
    room.fund(DB, 100)
    room.fund(GB, 100)
    room.code("limit_set", C, account=CB, limit="bilateral", payee=DB, amount_minor="50")
    room.code("limit_set", C, account=CB, limit="multilateral", amount_minor="80")
    room.now += DAY  # C got its money today, which counts for it; tomorrow begins at nothing
    assert room.pay(CB, DB, 50) == "settled"
    assert room.pay(CB, DB, 1) == "over_limit"
    assert room.pay(CB, GB, 31) == "over_limit"  # 81 net
    assert room.pay(CB, GB, 30) == "settled"
    assert room.pay(GB, CB, 5) == "settled"
    assert room.pay(CB, DB, 1) == "over_limit"  # bilateral: still 50 net to D
    assert room.pay(DB, CB, 10) == "settled"
    assert room.pay(CB, DB, 10) == "settled"


def test_a_quota_is_for_one_purpose_and_one_sort_of_payer() -> None:
    room = funded(100)
    room.fund(DB, 100)
    room.code("quota_set", A, currency="BRL", purpose="GDDS", resident=False, amount_minor="10")
    assert room.pay(DB, CB, 10, purpose="GDDS") == "settled"
    assert room.pay(DB, CB, 1, purpose="GDDS") == "quota_full"
    assert room.pay(DB, CB, 1, purpose="SCVE") == "settled"
    assert room.pay(CB, DB, 50, purpose="GDDS") == "settled"  # resident: no quota
    assert room.code("quota_set", A, currency="BRL", purpose="GDDS", resident=False, amount_minor=None) == "accepted"
    assert room.pay(DB, CB, 1, purpose="GDDS") == "settled"


# --- Returns and recalls ---


def test_a_return_is_a_new_payment_that_names_the_old() -> None:
    room = funded(100, corridors=[HOME, {**HOME, "id": "out", "to": "IN"}])
    one = room.transfer(CB, DB, 80)
    room.block(one)
    assert room.pay(DB, CB, 1) == "no_corridor"
    facts = {"payment": one.instruction.uetr, "payer_member": C}
    told = room.receipt("return", D, **facts, amount_minor="50")  # a correction needs no corridor
    assert (told.code, told.facts["payer"], told.facts["payee"], told.after) == ("settled", DB, CB, 30)
    assert room.code("recall", C, payment=one.instruction.uetr, reason="DUPL") == "accepted"
    assert room.code("recall_answer", D, **facts, answer="accepted") == "accepted"
    assert room.balance(DB) == 30  # an answer moves nothing
    assert room.state.recall[f"{one.instruction.uetr}/{C}"].answer == "accepted"


# --- Members, keys, the scheme ---


def test_a_new_member_takes_part_from_its_height_on() -> None:
    room = funded()
    newcomer, height = "YYYYBRSP", room.state.height + 3
    facts = {"bic8": newcomer, "lei": "0" * 20, "currencies": ["BRL"], "decision": DECISION}
    room.code("member_add", A, **facts, public=secret_of(newcomer).public.hex(), from_height=height)
    assert room.pay(CB, f"{newcomer}/BRL", 5) == "account_closed"
    assert room.pay(CB, f"{newcomer}/BRL", 5) == "settled"
    assert room.pay(f"{newcomer}/BRL", CB, 5) == "settled"


def test_suspended_members_neither_pay_nor_are_paid() -> None:
    room = funded()
    room.code("member_suspend", A, bic8=C, from_height=room.state.height + 2, decision=DECISION)
    assert room.pay(AB, CB, 1) == "account_closed"
    assert room.pay(CB, DB, 1) == "bad_member"
    assert room.code("member_suspend", B, bic8=F, from_height=99, decision=DECISION) == "not_issuer"


def test_a_member_that_left_may_still_pay_down() -> None:
    room = funded()
    room.code("member_leave", C, bic8=C, from_height=room.state.height + 2, decision=DECISION)
    assert room.pay(CB, DB, 60) == "settled"
    assert room.pay(DB, CB, 1) == "account_closed"


def test_a_new_scheme_takes_force_at_its_height() -> None:
    room = funded()
    new = document(version=2, decision=DECISION, corridors=[HOME])
    height = room.state.height + 3
    room.code("scheme_change", A, B, "EEEEZAJJ", document=new, from_height=height, decision=DECISION)
    assert room.pay(CB, DB, 5) == "settled"
    assert room.pay(CB, DB, 5) == "no_corridor"
    assert room.state.height == height
    assert (room.state.scheme.version, room.blocks[-1].header.scheme) == (2, room.state.scheme.hash)
    assert room.blocks[-2].header.scheme == room.scheme.hash
    assert not room.state.scheme.draft


# --- Ids, order, days ---


def test_ids_are_kept_a_day_beyond_their_last_moment_and_then_forgotten() -> None:
    room = funded()
    one = room.transfer(CB, DB, 5)
    room.block(one)
    assert room.block(one, after=DAY)[0].repeat
    room.block(after=DAY)
    assert room.state.find_id(one.instruction.uetr, C, "transfer") is None
    assert room.block(one)[0].code == "expired"
    assert room.balance(DB) == 5
    assert set(room.state.ids) == {str(day) for day in room.state.ids_of_day}


def test_the_order_inside_a_block_comes_from_the_hash_before() -> None:
    room = funded(1_000)
    said = [room.transfer(CB, DB, 1 + number) for number in range(20)]
    freeze = room.say("freeze", A, account=FB)
    one = [s.digest for s in in_order([*said, freeze], "00" * 32)]
    two = [s.digest for s in in_order([freeze, *said[::-1]], "01" + "00" * 31)]
    assert one[0] == two[0] == freeze.digest  # administrative instructions first
    assert sorted(one) == sorted(two)
    assert one != two
    assert one == [s.digest for s in in_order([freeze, *said[::-1]], "00" * 32)]


def test_the_figures_of_a_day_tie_with_its_movements() -> None:
    room = funded(100)
    room.pay(CB, DB, 30)
    one = room.batch(CB, [(DB, 5), (GB, 6)])
    room.block(one)
    room.now += DAY
    found = room.block(room.say("day_close", A, currency="BRL", date="2024-10-04"))
    assert found[0].code == "accepted"
    statement = {r.facts["account"]: r.facts for r in found[1:]}
    mine = statement[CB]
    assert [mine[name] for name in ("opening", "credits", "debits", "entries", "closing")] == [
        "0",
        "100",
        "41",
        "4",
        "59",
    ]
    receipts = [Receipt(json.loads(leaf)) for leaves in room.leaves for leaf in leaves]
    assert sorted(entry.amount_minor for entry in entries_of(receipts, CB)) == [-30, -6, -5, 100]
    for name, figures in statement.items():
        entries = list(entries_of(receipts, name))
        assert int(figures["opening"]) + sum(e.amount_minor for e in entries) == int(figures["closing"])
        assert len(entries) == int(figures["entries"])
    room.pay(DB, CB, 1)
    room.now += DAY
    found = room.block(room.say("day_close", A, currency="BRL", date="2024-10-05"))
    assert {r.facts["account"]: r.facts["opening"] for r in found[1:]}[CB] == "59"
    assert room.code("day_close", A, currency="BRL", date="2024-10-05") == "wrong_day"
