"""Every code of a refusal: one case in which it is given, and a twin, as near as can be, in which it is not.

A case gives (code of the refused, code of its twin). `test_every_refusal_has_its_case` counts them against the table.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clearing_core_kit import (
    DAY,
    DECISION,
    HOUR,
    LIST,
    A,
    B,
    C,
    D,
    Room,
    codes,
    document,
    secret_of,
    trade_legs,
)
from concordat.clearing.core import queue
from concordat.clearing.core.codes import CODES
from concordat.clearing.core.settle import queue_root

CB, DB, FB, GB = "CCCCBRSP/BRL", "DDDDINBB/BRL", "FFFFBRSP/BRL", "GGGGINBB/BRL"
Case = Callable[[], tuple[str, str]]
CASES: dict[str, Case] = {}


def case(code: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES[code] = function
        return function

    return keep


def funded(amount: int = 100, **parts: object) -> Room:
    room = Room(**parts)  # type: ignore[arg-type]
    room.fund(CB, amount)
    return room


@case("insufficient_funds")
def _() -> tuple[str, str]:
    room = funded(100)
    return room.pay(CB, DB, 101), room.pay(CB, DB, 100)


@case("id_reused")
def _() -> tuple[str, str]:
    room = funded()
    one = room.transfer(CB, DB, 5)
    first = codes(room.block(one))[one.instruction.uetr]
    other = room.transfer(CB, DB, 6, uetr=one.instruction.uetr)
    return codes(room.block(other))[one.instruction.uetr], first


@case("account_closed")
def _() -> tuple[str, str]:
    room = funded()
    height = room.state.height + 2
    room.code("member_leave", D, bic8=D, from_height=height, decision=DECISION)
    return room.pay(CB, DB, 5), room.pay(CB, GB, 5)


@case("account_frozen")
def _() -> tuple[str, str]:
    room = funded()
    room.code("freeze", A, account=CB)
    refused = room.pay(CB, DB, 5)
    room.code("unfreeze", A, account=CB)
    return refused, room.pay(CB, DB, 5)


@case("over_limit")
def _() -> tuple[str, str]:
    room = funded()
    room.code("limit_set", C, account=CB, limit="payment", amount_minor="10")
    return room.pay(CB, DB, 11), room.pay(CB, DB, 10)


ONE_WAY = [
    {"id": "one-way", "from": "BR", "to": ["BR", "IN"], "pairs": ["BRL", "BRL/INR"], "hours_utc": "08:00-18:00",
     "purposes": []},
]  # fmt: skip


@case("no_corridor")
def _() -> tuple[str, str]:
    room = funded(corridors=ONE_WAY)
    return room.pay(DB, CB, 5), room.pay(CB, DB, 5)


@case("purpose_not_allowed")
def _() -> tuple[str, str]:
    room = funded(corridors=[{**ONE_WAY[0], "purposes": ["GDDS"]}, {**ONE_WAY[0], "id": "home", "to": "BR"}])
    return room.pay(CB, DB, 5, purpose="TAXS"), room.pay(CB, DB, 5, purpose="GDDS")


@case("quota_full")
def _() -> tuple[str, str]:
    room = funded()
    room.code("quota_set", A, currency="BRL", purpose="GDDS", resident=True, amount_minor="10")
    return room.pay(CB, DB, 11, purpose="GDDS"), room.pay(CB, DB, 10, purpose="GDDS")


@case("window_closed")
def _() -> tuple[str, str]:
    room = funded(corridors=ONE_WAY)
    settled = room.pay(CB, DB, 5)
    room.now += 7 * HOUR
    return room.pay(CB, DB, 5), settled


@case("bad_member")
def _() -> tuple[str, str]:
    room = funded()
    return room.pay(CB, "YYYYBRSP/BRL", 5), room.pay(CB, FB, 5)


@case("unknown_account")
def _() -> tuple[str, str]:
    room = funded()
    refused = room.pay(CB, DB + "/fx", 5)
    assert room.pay(CB, DB, 5) == "settled"
    assert room.pay(DB, DB + "/fx", 1) == "settled"  # its owner opens it
    return refused, room.pay(CB, DB + "/fx", 5)


@case("bad_account")
def _() -> tuple[str, str]:
    room = funded()
    refused = room.code("line_set", A, account="AAAABRSP/BRL/issue", amount_minor="5")
    return refused, room.code("line_set", A, account=CB, amount_minor="5")


@case("expired")
def _() -> tuple[str, str]:
    room = funded()
    late, in_time = room.transfer(CB, DB, 5, valid_until=room.now), room.transfer(CB, DB, 5)
    found = codes(room.block(late, in_time, after=1))
    return found[late.instruction.uetr], found[in_time.instruction.uetr]


@case("not_yet_valid")
def _() -> tuple[str, str]:
    room = funded()
    early = room.transfer(CB, DB, 5, valid_from=room.now + 2_000)
    first = codes(room.block(early))[early.instruction.uetr]
    return first, codes(room.block(early))[early.instruction.uetr]  # the same bytes, in time


@case("hold_expired")
def _() -> tuple[str, str]:
    room = funded()
    found = []
    for until in (room.now + 2 * HOUR, room.now + 30 * HOUR):
        one = room.transfer(CB, DB, 5, valid_until=room.now + 2 * DAY)
        key = f"{one.instruction.uetr}/{C}"
        room.code("hold", D, target="payment", of=key, reason_class="name_match", list_hash=LIST, until=until)
        assert codes(room.block(one))[one.instruction.uetr] == "held"
        found.append((one.instruction.uetr, key))
    refused = codes(room.block(after=3 * HOUR))[found[0][0]]
    one = room.say("release", D, target="payment", of=found[1][1])
    return refused, codes(room.block(one))[found[1][0]]


@case("not_issuer")
def _() -> tuple[str, str]:
    room = Room()
    return room.code("issue", B, currency="BRL", amount_minor="5"), room.code(
        "issue", A, currency="BRL", amount_minor="5"
    )


@case("not_yours")
def _() -> tuple[str, str]:
    room = funded()
    stolen = room.say("transfer", D, payer=CB, payee=DB, amount_minor="5")
    return codes(room.block(stolen))[stolen.instruction.uetr], room.pay(CB, DB, 5)


@case("currency_too_large")
def _() -> tuple[str, str]:
    room = Room()
    for _ in range(9):
        last = room.code("issue", A, currency="BRL", amount_minor=str(10**18 - 1))
    assert last == "settled"  # 9 * 10^18 - 9 exist
    return room.code("issue", A, currency="BRL", amount_minor="9"), room.code(
        "issue", A, currency="BRL", amount_minor="8"
    )


@case("full")
def _() -> tuple[str, str]:
    room = funded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "QUEUE_MAX", 1)
        one = room.pay(CB, DB, 500, if_short="queue")
        return room.pay(CB, DB, 500, if_short="queue"), one


@case("linked_refused")
def _() -> tuple[str, str]:
    room = funded(10)
    one = room.batch(CB, [(DB, 4), (GB, 7)], linked=True)
    uetrs = one.instruction.facts["rows"].uetr
    found = codes(room.block(one))
    assert found[uetrs[1]] == "insufficient_funds"
    assert room.balance(CB) == 10
    other = room.batch(CB, [(DB, 4), (GB, 6)], linked=True)
    return found[uetrs[0]], codes(room.block(other))[other.instruction.facts["rows"].uetr[0]]


@case("unknown_payment")
def _() -> tuple[str, str]:
    room = funded()
    one = room.transfer(CB, DB, 500, if_short="queue")
    room.block(one)
    return room.code("cancel", C, payment=room.uetr()), room.code("cancel", C, payment=one.instruction.uetr)


@case("not_queued")
def _() -> tuple[str, str]:
    room = funded()
    settled, waits = room.transfer(CB, DB, 5), room.transfer(CB, DB, 500, if_short="queue")
    room.block(settled, waits)
    refused = room.code("cancel", C, payment=settled.instruction.uetr)
    return refused, room.code("reprioritise", C, payment=waits.instruction.uetr, priority=1)


@case("held")
def _() -> tuple[str, str]:
    room = funded()
    one, other = (room.transfer(CB, DB, 500, if_short="queue") for _ in range(2))
    room.block(one, other)
    key = f"{one.instruction.uetr}/{C}"
    until = room.now + HOUR
    assert room.code("hold", A, target="payment", of=key, reason_class="x", list_hash=LIST, until=until) == "accepted"
    refused = room.code("cancel", C, payment=one.instruction.uetr)
    return refused, room.code("cancel", C, payment=other.instruction.uetr)


@case("not_settled")
def _() -> tuple[str, str]:
    room = funded()
    waits, settled = room.transfer(CB, DB, 500, if_short="queue"), room.transfer(CB, DB, 5)
    room.block(waits, settled)
    told = [
        room.code("return", D, payment=one.instruction.uetr, payer_member=C, amount_minor="1")
        for one in (waits, settled)
    ]
    return told[0], told[1]


@case("over_original")
def _() -> tuple[str, str]:
    room = funded()
    one = room.transfer(CB, DB, 5)
    room.block(one)
    facts = {"payment": one.instruction.uetr, "payer_member": C}
    assert room.code("return", D, **facts, amount_minor="3") == "settled"
    return room.code("return", D, **facts, amount_minor="3"), room.code("return", D, **facts, amount_minor="2")


def reserved(room: Room, amount: int) -> str:
    one = room.say("reserve", C, payer=CB, payee=DB, amount_minor=str(amount), expires=room.now + HOUR)
    assert codes(room.block(one))[one.instruction.uetr] == "reserved"
    return one.instruction.uetr


@case("unknown_reservation")
def _() -> tuple[str, str]:
    room = funded()
    uetr = reserved(room, 40)
    return room.code("void", C, reservation=room.uetr()), room.code("void", C, reservation=uetr)


@case("over_reserved")
def _() -> tuple[str, str]:
    room = funded()
    uetr = reserved(room, 40)
    refused = room.code("post", C, reservation=uetr, amount_minor="41")
    return refused, room.code("post", C, reservation=uetr, amount_minor="40")


def owed(room: Room, amount: int) -> str:
    one = room.say("owe", C, D, creditor=D, currency="BRL", amount_minor=str(amount), due="2027-01-31")
    assert codes(room.block(one))[one.instruction.uetr] == "accepted"
    return one.instruction.uetr


@case("unknown_obligation")
def _() -> tuple[str, str]:
    room = funded()
    uetr = owed(room, 10)
    return room.pay(CB, GB, 5, obligation=uetr), room.pay(CB, DB, 5, obligation=uetr)  # it is owed to D


@case("over_obligation")
def _() -> tuple[str, str]:
    room = funded()
    uetr = owed(room, 10)
    return room.pay(CB, DB, 11, obligation=uetr), room.pay(CB, DB, 10, obligation=uetr)


@case("not_countersigned")
def _() -> tuple[str, str]:
    room = Room()
    facts = {"creditor": D, "currency": "BRL", "amount_minor": "5", "due": "2027-01-31"}
    return room.code("owe", C, **facts), room.code("owe", C, D, **facts)


def trading() -> Room:
    room = funded(100)
    room.fund("DDDDINBB/INR", 1_000)
    return room


@case("trade_mismatch")
def _() -> tuple[str, str]:
    room = trading()
    one = room.say("trade", C, trade_id="T1", legs=trade_legs(C, D, 5, 50))
    other = room.say("trade", D, trade_id="T1", legs=trade_legs(C, D, 5, 51))
    room.block(one)
    found = room.block(other)
    assert {r.facts["field"] for r in found} == {"legs[1].amount_minor"}
    assert {r.member for r in found} == {C, D}
    room.code("trade", C, trade_id="T2", legs=trade_legs(C, D, 5, 50))
    return found[0].code, room.code("trade", D, trade_id="T2", legs=trade_legs(C, D, 5, 50))


@case("trade_known")
def _() -> tuple[str, str]:
    room = trading()
    legs = trade_legs(C, D, 5, 50)
    first = room.code("trade", C, trade_id="T1", legs=legs)
    return room.code("trade", C, trade_id="T1", legs=legs), first


@case("unknown_hold")
def _() -> tuple[str, str]:
    room = funded()
    one = room.transfer(CB, DB, 500, if_short="queue")
    room.block(one)
    key = f"{one.instruction.uetr}/{C}"
    room.code("hold", D, target="payment", of=key, reason_class="x", list_hash=LIST, until=room.now + HOUR)
    refused = room.code("release", A, target="payment", of=key)
    return refused, room.code("release", D, target="payment", of=key)


@case("hold_too_long")
def _() -> tuple[str, str]:
    room = Room()
    facts = {"target": "payment", "of": f"{room.uetr()}/{C}", "reason_class": "x", "list_hash": LIST}
    long = room.code("hold", D, **facts, until=room.now + 73 * HOUR)
    return long, room.code("hold", D, **facts, until=room.now + 72 * HOUR)


@case("unknown_recall")
def _() -> tuple[str, str]:
    room = funded()
    one = room.transfer(CB, DB, 5)
    room.block(one)
    facts = {"payment": one.instruction.uetr, "payer_member": C, "answer": "accepted"}
    refused = room.code("recall_answer", D, **facts)
    assert room.code("recall", C, payment=one.instruction.uetr, reason="DUPL") == "accepted"
    return refused, room.code("recall_answer", D, **facts)


@case("back_dated")
def _() -> tuple[str, str]:
    room = Room()
    facts = {"bic8": C, "decision": DECISION}
    refused = room.code("member_suspend", A, **facts, from_height=1)  # the height of this very block
    return refused, room.code("member_suspend", A, **facts, from_height=3)


@case("not_quorum")
def _() -> tuple[str, str]:
    room = Room()
    facts = {"document": document(version=2, decision=DECISION), "from_height": 9, "decision": DECISION}
    return room.code("scheme_change", A, B, **facts), room.code("scheme_change", A, B, "EEEEZAJJ", **facts)


@case("bad_change")
def _() -> tuple[str, str]:
    room = Room()
    facts = {"lei": "0" * 20, "currencies": ["BRL"], "from_height": 9, "decision": DECISION, "bic8": "YYYYBRSP"}
    refused = room.code("member_add", A, **facts, public=secret_of(C).public.hex())  # another's key
    return refused, room.code("member_add", A, **facts, public=secret_of("YYYYBRSP").public.hex())


@case("wrong_day")
def _() -> tuple[str, str]:
    room = funded()
    today = room.code("day_close", A, currency="BRL", date="2024-10-04")  # it is noon: that day is not over
    return today, room.code("day_close", A, currency="BRL", date="2024-10-03")


@case("certificate_refused")
def _() -> tuple[str, str]:
    found = []
    for wrong in (True, False):
        room = funded(0 + 10)
        room.fund(DB, 10)
        one, two = (room.transfer(a, b, 15, if_short="queue") for a, b in ((CB, DB), (DB, CB)))
        room.block(one, two)
        certificate = {
            "problem": "queue", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
            "queue_root": queue_root(room.state, "BRL"), "mode": "bypass", "gained_minor": "31" if wrong else "30",
            "chosen": sorted([f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]),
        }  # fmt: skip
        found.append(room.code("settle", A, certificate=certificate))
        assert len(room.state.payment) == (2 if wrong else 0)
    return found[0], found[1]


GOOD = {"settled", "accepted", "queued", "half", "voided", "posted"}


@pytest.mark.parametrize("code", sorted(CASES))
def test_refused_and_its_twin(code: str) -> None:
    refused, twin = CASES[code]()
    assert refused == code
    assert twin in GOOD


def test_every_refusal_has_its_case() -> None:
    refusals = {name for name, one in CODES.items() if one.outcome == "refused"}
    assert refusals <= set(CASES)
    assert set(CASES) - refusals == {"held"}


def test_every_code_has_one_sentence_and_refusals_of_payments_an_iso_reason() -> None:
    for one in CODES.values():
        assert one.sentence[0].isupper()
        assert one.sentence.endswith(".")
    without = {name for name, one in CODES.items() if one.outcome == "refused" and one.iso is None}
    assert without == {"back_dated", "bad_change", "wrong_day", "certificate_refused"}  # no payment is refused by them


def test_the_iso_reasons_that_the_specification_names() -> None:
    named = {
        "insufficient_funds": "AM04", "id_reused": "AM05", "account_closed": "AC04", "account_frozen": "AC06",
        "over_limit": "AM02", "no_corridor": "AG01", "quota_full": "RR04", "held": "RR04",
        "cancelled_by_payer": "DS02", "bad_member": "RC01", "window_closed": "TM01",
    }  # fmt: skip
    assert {name: CODES[name].iso for name in named} == named
