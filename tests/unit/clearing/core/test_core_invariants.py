"""Each of the twelve invariants can fail: a state or a step is spoilt, and the function of that name raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clearing_core_kit import HOUR, A, C, D, Room, trade_legs
from concordat.clearing.core import payments
from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.invariants import INVARIANTS, View, Watch, check_invariants
from concordat.clearing.core.model import Limit, Limits, Quota
from concordat.clearing.core.run import Run
from concordat.errors import TrustError

CB, DB = "CCCCBRSP/BRL", "DDDDINBB/BRL"


def funded() -> Room:
    room = Room()
    room.fund(CB, 100)
    return room


def facts_of(room: Room) -> list[dict[str, Any]]:
    return [json.loads(leaf) for leaf in room.leaves[-1]]


def i1_a_balance_too_much() -> View:
    room = funded()
    room.state.accounts[CB].balance += 1
    return View(room.state)


def i1_more_issued_than_told() -> View:
    room = funded()
    room.state.money["BRL"] = room.state.money["BRL"]._replace(issued=101)
    return View(room.state)


def i2_more_spent_than_there_is() -> View:
    room = funded()
    watch = Watch(room.state)
    room.state.accounts[CB].balance = -1
    return View(room.state, [], watch.before)


def i2_spent_below_a_cut_line() -> View:
    room = funded()
    room.code("line_set", A, account=CB, amount_minor="50")
    room.pay(CB, DB, 120)
    room.code("line_set", A, account=CB, amount_minor="0")
    watch = Watch(room.state)  # available is -20, by a cut
    room.state.accounts[CB].balance -= 1
    return View(room.state, [], watch.before)


def i3_one_leg() -> View:
    room = funded()
    room.fund("DDDDINBB/INR", 900)
    legs = trade_legs(C, D, 5, 50)
    room.code("trade", C, trade_id="T1", legs=legs)
    room.code("trade", D, trade_id="T1", legs=legs)
    facts = facts_of(room)
    assert [one["code"] for one in facts] == ["settled", "settled"]
    INVARIANTS["I3"](View(room.state, facts))
    return View(room.state, facts[:1])


def i4_a_second_effect() -> View:
    room = funded()
    room.pay(CB, DB, 5)
    watch = Watch(room.state)
    facts = facts_of(room)
    INVARIANTS["I4"](View(room.state, facts, effects=watch.effects))
    return View(room.state, facts, effects=watch.effects)


def i4_an_id_twice_in_the_index() -> View:
    room = funded()
    uetr, records = next(iter(room.state.used_ids.items()))
    room.state.used_ids[uetr] = records * 2
    return View(room.state)


def i5_a_receipt_changed() -> View:
    room = funded()
    older = [list(leaves) for leaves in room.leaves]
    room.pay(CB, DB, 5)
    INVARIANTS["I5"](View(room.state, log=room.leaves, older=older))
    older[0] = [older[0][0].replace(b"settled", b"refused")]
    return View(room.state, log=room.leaves, older=older)


def i6_another_state_than_the_log() -> View:
    room = funded()
    INVARIANTS["I6"](View(room.state, scheme=room.scheme, blocks=room.blocks))
    account = room.state.accounts[CB]
    account.line = 7
    room.state.touched_accounts[CB] = None
    return View(room.state, scheme=room.scheme, blocks=room.blocks)


def i7_money_out_of_nothing() -> View:
    room = funded()
    watch = Watch(room.state)
    room.state.money["BRL"] = room.state.money["BRL"]._replace(issued=105)
    return View(room.state, [], watch.before, watch.issued)


def i7_issued_by_another() -> View:
    room = funded()
    watch = Watch(room.state)
    room.code("issue", A, currency="BRL", amount_minor="5")
    facts = facts_of(room)
    INVARIANTS["I7"](View(room.state, facts, watch.before, watch.issued))
    facts[0]["member"] = C
    return View(room.state, facts, watch.before, watch.issued)


def i8_reserved_twice() -> View:
    room = funded()
    room.code("reserve", C, payer=CB, payee=DB, amount_minor="40", expires=room.now + HOUR)
    room.state.accounts[CB].reserved += 40
    return View(room.state)


def i9_beyond_a_limit() -> View:
    room = funded()
    room.pay(CB, DB, 60)
    room.state.limits[CB] = Limits((Limit("day_out", "", 50, None),))
    return View(room.state, facts_of(room))


def i9_beyond_a_quota() -> View:
    room = funded()
    room.code("quota_set", A, currency="BRL", purpose="GDDS", resident=True, amount_minor="50")
    watch = Watch(room.state)
    room.pay(CB, DB, 40, purpose="GDDS")
    key = "BRL/GDDS/resident"
    room.state.quota[key] = Quota(39, room.state.quota[key].day, 40)
    return View(room.state, facts_of(room), quotas_before=watch.quotas)


def i10_waits_though_it_could_settle() -> View:
    room = funded()
    room.block(room.transfer(CB, DB, 150, if_short="queue"))
    room.state.accounts[CB].balance += 50
    return View(room.state)


def i11_frozen_and_paid() -> View:
    room = funded()
    room.pay(CB, DB, 5)
    room.state.accounts[CB].frozen = True
    return View(room.state, facts_of(room))


def i12_the_figures_of_an_account() -> View:
    room = funded()
    room.state.accounts[CB].credits += 1
    return View(room.state)


def i12_a_statement() -> View:
    room = funded()
    room.code("day_close", A, currency="BRL", date="2024-10-03")
    facts = facts_of(room)
    assert any(one["code"] == "statement" for one in facts)
    INVARIANTS["I12"](View(room.state, facts))
    facts[1]["closing"] = str(int(facts[1]["closing"]) + 1)
    return View(room.state, facts)


SPOILT = [
    i1_a_balance_too_much, i1_more_issued_than_told, i2_more_spent_than_there_is, i2_spent_below_a_cut_line, i3_one_leg,
    i4_a_second_effect, i4_an_id_twice_in_the_index, i5_a_receipt_changed, i6_another_state_than_the_log,
    i7_money_out_of_nothing, i7_issued_by_another, i8_reserved_twice, i9_beyond_a_limit, i9_beyond_a_quota,
    i10_waits_though_it_could_settle, i11_frozen_and_paid, i12_the_figures_of_an_account, i12_a_statement,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda one: one.__name__)
def test_a_spoilt_state_is_seen(spoil: Callable[[], View]) -> None:
    name = spoil.__name__.partition("_")[0].upper()
    view = spoil()
    with pytest.raises(TrustError) as raised:
        INVARIANTS[name](view)
    assert raised.value.code == name


def test_all_twelve_are_spoilt_here() -> None:
    names = [f"I{number}" for number in range(1, 13)]
    assert (
        sorted({one.__name__.partition("_")[0].upper() for one in SPOILT}, key=names.index) == names == list(INVARIANTS)
    )


@pytest.mark.parametrize(("spoil", "name"), [("more arrives than went", "I1"), ("more goes than there is", "I2")])
def test_the_cheap_ones_are_always_on_and_a_block_that_breaks_them_leaves_no_trace(
    spoil: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(watch=False)
    room.fund(CB, 100)
    before = (room.state.root(), room.state.height)

    def wrong(run: Run, said: Instruction) -> None:
        source, target = run.state.write(run.state.accounts[CB]), run.state.write(run.state.open_account(DB))
        source.balance -= 5 if name == "I1" else 101
        target.balance += 6 if name == "I1" else 101
        run.done(said, "settled")

    monkeypatch.setattr(payments, "_settles_plainly", lambda *_: True)
    monkeypatch.setattr(payments, "_settle_plainly", wrong)
    with pytest.raises(TrustError) as raised:
        room.block(room.transfer(CB, DB, 5))
    assert raised.value.code == name
    assert (room.state.root(), room.state.height) == before


def test_a_good_state_passes_and_a_watch_names_the_broken_one() -> None:
    room = funded()
    check_invariants(room.state)
    watch = Watch(room.state)
    room.state.accounts[CB].balance -= 3
    with pytest.raises(TrustError, match=r"invariant I1 is broken: the balances sum to -3") as raised:
        watch.see(room.state, [])
    assert raised.value.where == "BRL"
