"""What a hostile reader of the rules tried: each was a fault once, and stays mended."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

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
    G,
    Room,
    codes,
    document,
    secret_of,
    trade_legs,
)
from concordat import canonical
from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.apply import build, in_order
from concordat.clearing.core.days import entries_of
from concordat.clearing.core.instructions import instruction_bytes
from concordat.clearing.core.receipts import Receipt, check_proof, prove
from concordat.clearing.core.settle import queue_root, register_root
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.errors import ConcordatError, InputError, TrustError

CB, DB, GB, AB = (f"{bic8}/BRL" for bic8 in (C, D, G, A))


def funded(amount: int = 100, **parts: Any) -> Room:
    room = Room(**parts)
    room.fund(CB, amount)
    return room


def hold_of(room: Room, uetr: str, member: str = C, **facts: Any) -> dict[str, Any]:
    base = {"target": "payment", "of": f"{uetr}/{member}", "reason_class": "x", "list_hash": LIST}
    return {**base, "until": room.now + HOUR, **facts}


# --- A block can always be made, and a refused one leaves nothing ---


@pytest.mark.parametrize("change", ["line_set", "freeze", "limit_set"])
def test_a_release_and_a_tighter_rule_in_one_block_are_no_broken_invariant(change: str) -> None:
    """A released payment goes behind every administrative word, and the block can be made, whatever the hashes."""
    facts: dict[str, dict[str, Any]] = {
        "line_set": {"account": CB, "amount_minor": "0"},
        "freeze": {"account": CB},
        "limit_set": {"account": CB, "limit": "day_out", "amount_minor": "1"},
    }
    for number in range(6):  # whichever hash comes first
        room = Room()
        room.code("line_set", A, account=CB, amount_minor="50")
        one = room.transfer(CB, DB, 40)
        room.code("hold", D, **hold_of(room, one.instruction.uetr))
        room.block(one)
        for _ in range(number):
            room.block()
        release = room.say("release", D, target="payment", of=f"{one.instruction.uetr}/{C}")
        found = codes(room.block(release, room.say(change, A, **facts[change])))
        assert found[one.instruction.uetr] in ("insufficient_funds", "account_frozen", "over_limit")


def test_money_destroyed_before_a_line_is_cut_is_no_broken_invariant() -> None:
    """100, a line of 50, 50 reserved: 100 may be redeemed; a cut of the line behind it leaves -50."""
    for number in range(12):
        room = Room()
        room.fund(AB, 100)
        room.code("line_set", A, account=AB, amount_minor="50")
        room.code("reserve", A, payer=AB, payee=CB, amount_minor="50", expires=room.now + HOUR)
        for _ in range(number):
            room.block()
        redeem = room.say("redeem", A, currency="BRL", amount_minor="100")
        cut = room.say("line_set", A, account=AB, amount_minor="0")
        found = codes(room.block(redeem, cut))
        first = in_order((redeem, cut), room.blocks[-1].header.previous)[0].digest == redeem.digest
        assert found[redeem.instruction.uetr] == ("settled" if first else "insufficient_funds")


def test_a_scheme_change_in_the_block_in_which_another_scheme_takes_force() -> None:
    """Who signed is asked by the validators now in force; a signature of one who was is not a fault of the block."""
    room = funded()
    height = room.state.height + 2
    new = document(version=2, decision=DECISION, validators={"members": [A, B]})
    facts = {"from_height": height, "decision": DECISION}
    assert room.code("scheme_change", A, B, "EEEEZAJJ", document=new, **facts) == "accepted"
    later = document(version=3, decision=DECISION)
    told = room.receipt("scheme_change", A, B, "EEEEZAJJ", document=later, from_height=height + 5, decision=DECISION)
    assert told.code == "accepted"  # A and B are a quorum of two
    assert room.state.scheme.version == 2


@pytest.mark.parametrize("time_ms", [2**53, 10**30])
def test_a_time_that_no_header_can_hold_is_refused_and_leaves_no_trace(time_ms: int) -> None:
    room = funded()
    before = (room.state.root(), room.state.height, room.state.time_ms, list(room.state.items()))
    with pytest.raises(InputError) as raised:
        build(room.state, time_ms, [room.transfer(CB, DB, 5)])
    assert raised.value.where == "time_ms"
    assert (room.state.root(), room.state.height, room.state.time_ms, list(room.state.items())) == before
    assert room.pay(CB, DB, 5) == "settled"


def test_a_fault_in_the_middle_of_a_block_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.clearing.core import apply as applying

    room = funded()
    before = (room.state.root(), list(room.state.items()), dict(room.state.used_ids))

    def broken(*_: Any) -> None:
        raise AssertionError("a fault of the program")

    monkeypatch.setitem(applying._HANDLERS, "void", broken)
    said = [room.transfer(CB, DB, 1 + number) for number in range(9)]
    void = room.say("void", C, reservation=room.uetr())
    assert in_order([*said, void], room.state.head)[0] is not void  # something is applied before it
    said.append(void)
    with pytest.raises(AssertionError):
        room.block(*said)
    assert (room.state.root(), list(room.state.items()), dict(room.state.used_ids)) == before
    monkeypatch.undo()
    assert room.pay(CB, DB, 5) == "settled"


def test_finalise_takes_the_header_and_the_body_together() -> None:
    """A block with the proposed header and another body is not the proposed one."""
    room = Room()
    host = MemoryHost(room.scheme)
    host.submit(room.say("issue", A, currency="BRL", amount_minor="5"))
    block = host.propose(room.now + 1)
    other = replace(block, instructions=(room.say("issue", A, currency="BRL", amount_minor="6"),))
    assert other.hash == block.hash
    with pytest.raises(TrustError):
        host.finalise(other)
    host.finalise(block)
    host.commit()
    assert [one.digest for one in host.blocks[0].instructions] == [one.digest for one in block.instructions]


# --- Snapshots ---


def snapshot_lines() -> tuple[Room, MemoryHost, list[bytes], dict[str, Any]]:
    room = Room()
    host = MemoryHost(room.scheme)
    host.submit(room.say("issue", A, currency="BRL", amount_minor="100"))
    host.step(room.now + 1)
    host.submit(room.batch(AB, [(CB, 30), (DB, 5)]))
    host.submit(room.transfer(AB, CB, 7))
    host.step(room.now + 2)
    host.submit(room.batch(AB, [(CB, 3)]))  # a batch of one row
    host.step(room.now + 3)
    taken = host.snapshot()
    return room, host, taken.chunks[0].splitlines(), canonical.loads(taken.manifest)


def load_lines(host: MemoryHost, lines: list[bytes], facts: dict[str, Any]) -> State:
    chunk = b"\n".join(lines) + b"\n"
    manifest = {**facts, "chunks": [{"bytes": len(chunk), "sha256": sha256(chunk).hexdigest()}]}
    return snapshots.load(canonical.dumps(manifest), [chunk], host.blocks[-1].hash)


def test_every_part_of_an_id_in_a_snapshot_is_bound() -> None:
    """Who changes whose id it is would let it have its effect a second time."""
    _, host, lines, facts = snapshot_lines()
    assert load_lines(host, lines, facts).root() == host.state_root()
    changed = 0
    for number, line in enumerate(lines):
        parts = json.loads(line)
        if parts[0] == "item":
            continue
        for place in range(1, len(parts)):
            if parts[0] == "leaf" and place == 2:
                continue
            for value in (
                "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11",
                "ZZZZBRSP",
                "transfer",
                "issue",
                "",
                0,
                1,
                2,
                None,
                [],
            ):
                if value == parts[place]:
                    continue
                spoilt = [*parts[:place], value, *parts[place + 1 :]]
                changed += 1
                with pytest.raises(TrustError):
                    load_lines(host, [*lines[:number], canonical.dumps(spoilt), *lines[number + 1 :]], facts)
    assert changed > 200


def test_rows_and_single_ids_of_a_snapshot_can_not_be_told_as_each_other() -> None:
    _, host, lines, facts = snapshot_lines()
    for number, line in enumerate(lines):
        parts = json.loads(line)
        if parts[0] != "id" or parts[6] != 1:
            continue
        leaf = json.loads(lines[number + 1])
        head = [*parts[:7], 1 - parts[7]]
        row = ["leaf", "" if parts[7] else leaf[2]["uetr"], leaf[2]]
        spoilt = [*lines[:number], canonical.dumps(head), canonical.dumps(row), *lines[number + 2 :]]
        with pytest.raises(TrustError):
            load_lines(host, spoilt, facts)


@pytest.mark.parametrize(
    "line",
    [
        b"5", b"{}", b"[]", b'["item",5,{}]', b'["item","account/x",5]', b'["item","nothing/x",{}]', b'["item"]',
        b'["id",1,2,3,4,5,6,7]', b'["item","\\ud800/x",{}]', b'["item","member/\\ud800",{}]', b'["leaf"]', b"\xff",
        b'["item","scheme/seq",{"text":"\\ud800"}]', b'["item","member/A",{"bic8":null}]', b"[" * 5_000,
        b'["id","a","b","c","00",1,1,0]\n["leaf","",1.5]', b'["id","a","b","c","00",1,99999999999,0]',
        b'["id","a","b","c","zz",1,1,0]\n["leaf","",{}]', b'["item","account/X",{"balance":"1"}]',
    ],
)  # fmt: skip
def test_whatever_a_snapshot_holds_it_is_refused_by_name(line: bytes) -> None:
    _, host, lines, facts = snapshot_lines()
    with pytest.raises(TrustError):
        load_lines(host, [*lines, line], facts)


@pytest.mark.parametrize("manifest", [b"", b"[]", b"5", b"{}", b'{"a":1.5}', b"\xff", b'{"header":{},"scheme":[]}'])
def test_whatever_a_manifest_holds_it_is_refused_by_name(manifest: bytes) -> None:
    with pytest.raises(TrustError):
        snapshots.load(manifest, [], "ab" * 32)


def test_a_proof_has_whole_numbers() -> None:
    room = funded()
    room.block(*(room.transfer(CB, DB, number) for number in range(1, 4)))
    header = room.blocks[-1].header
    proof = prove(room.leaves[-1], 1, header.as_dict())
    check_proof(proof, header.hash)
    for key, value in (("index", True), ("index", "1"), ("index", 1.0), ("receipts", "3"), ("receipts", 3.5)):
        with pytest.raises(ConcordatError):
            check_proof({**proof, key: value}, header.hash)


# --- Statements ---


def test_the_entries_of_an_account_skip_the_receipt_of_a_certificate() -> None:
    room = funded(10)
    one, two = room.transfer(CB, DB, 60, if_short="queue"), room.transfer(DB, CB, 60, if_short="queue")
    room.block(one, two)
    made = {
        "problem": "queue", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
        "queue_root": queue_root(room.state, "BRL"), "mode": "bypass", "gained_minor": "120",
        "chosen": sorted([f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]),
    }  # fmt: skip
    assert room.code("settle", A, certificate=made) == "settled"
    receipts = [Receipt(json.loads(leaf)) for leaf in room.leaves[-1]]
    assert sorted(entry.amount_minor for entry in entries_of(receipts, CB)) == [-60, 60]


# --- Holds ---


@pytest.mark.parametrize(
    ("target", "of"),
    [
        ("payment", "T1/CCCCBRSP/DDDDINBB"), ("trade", "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11/CCCCBRSP"),
        ("payment", "0b9c64f6"), ("payment", "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11"), ("trade", "T1"),
        ("trade", "T1/DDDDINBB/CCCCBRSP"), ("trade", "T1/CCCCBRSP/CCCCBRSP"), ("payment", "//"), ("trade", "/C/D"),
    ],
)  # fmt: skip
def test_a_hold_names_what_its_target_says(target: str, of: str) -> None:
    facts = {"kind": "hold", "uetr": "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11", "member": C, "valid_from": 0}
    facts |= {"valid_until": 1, "target": target, "of": of}
    hold = {**facts, "reason_class": "x", "list_hash": LIST, "until": 1}
    for said in (hold, {**facts, "kind": "release"}):
        with pytest.raises(InputError) as raised:
            instruction_bytes(said)
        assert raised.value.where == "of"


def reserved(room: Room, amount: int = 40) -> str:
    one = room.say("reserve", C, payer=CB, payee=DB, amount_minor=str(amount), expires=room.now + 3 * HOUR)
    room.block(one)
    return one.instruction.uetr


def test_reserved_money_that_is_held_is_not_posted_and_a_hold_that_runs_out_voids_it() -> None:
    room = funded()
    uetr = reserved(room)
    assert room.code("hold", G, **hold_of(room, uetr)) == "not_yours"
    assert room.code("hold", D, **hold_of(room, uetr)) == "accepted"
    assert room.code("post", C, reservation=uetr, amount_minor="40") == "held"
    told = room.block(after=2 * HOUR)
    assert [(r.kind, r.uetr, r.code) for r in told] == [("reserve", uetr, "hold_expired")]
    assert room.state.accounts[CB].available == 100
    assert room.state.holds == {}
    assert room.code("post", C, reservation=uetr, amount_minor="40") == "unknown_reservation"


def test_reserved_money_is_posted_when_its_hold_is_released() -> None:
    room = funded()
    uetr = reserved(room)
    room.code("hold", A, **hold_of(room, uetr))
    assert room.code("post", C, reservation=uetr, amount_minor="40") == "held"
    assert room.code("release", A, target="payment", of=f"{uetr}/{C}") == "accepted"
    assert room.code("post", C, reservation=uetr, amount_minor="40") == "posted"


def test_a_hold_that_came_before_the_reservation_or_the_posting_counts() -> None:
    room = funded()
    early = room.say("reserve", C, payer=CB, payee=DB, amount_minor="5", expires=room.now + HOUR)
    room.code("hold", D, **hold_of(room, early.instruction.uetr))
    room.block(early)
    assert room.code("post", C, reservation=early.instruction.uetr, amount_minor="5") == "held"
    other = reserved(room)
    post = room.say("post", C, reservation=other, amount_minor="5")
    room.code("hold", D, **hold_of(room, post.instruction.uetr))
    assert codes(room.block(post))[post.instruction.uetr] == "held"
    assert room.code("void", C, reservation=other) == "voided"


# --- Ids ---


def test_forgetting_an_id_of_one_kind_forgets_nothing_of_another() -> None:
    """C uses one UETR for a transfer (kept long) and for a posting (kept short); D returns the transfer once."""
    room = funded()
    room.fund(DB, 500)
    one = room.transfer(CB, DB, 60, valid_until=room.now + 20 * DAY)
    room.block(one)
    uetr = reserved(room)
    room.block(room.say("post", C, uetr=one.instruction.uetr, reservation=uetr, amount_minor="10"))
    facts = {"payment": one.instruction.uetr, "payer_member": C, "amount_minor": "60"}
    assert room.code("return", D, **facts) == "settled"
    assert room.code("return", D, **facts) == "over_original"
    room.block(after=4 * DAY)  # the posting's id is forgotten
    assert room.code("return", D, **facts) == "over_original"


def test_a_new_obligation_under_a_forgotten_id_wakes_what_waits_for_it() -> None:
    room = Room()
    facts = {"creditor": D, "currency": "BRL", "amount_minor": "50", "due": "2027-01-31"}
    owe = room.say("owe", C, D, **facts)
    room.block(owe)
    uetr = owe.instruction.uetr
    waits = room.transfer(CB, DB, 50, obligation=uetr, if_short="queue", valid_until=room.now + 20 * DAY)
    room.block(waits)
    owed = f"{uetr}/{C}"
    made = {
        "problem": "divisible", "currency": "BRL", "height": 0, "state_root": "", "register_root": "",
        "gained_minor": "100",
    }  # fmt: skip
    back = room.say("owe", D, C, creditor=C, currency="BRL", amount_minor="50", due="2027-01-31")
    room.block(back)
    made |= {"height": room.state.height + 1, "state_root": room.state.root()}
    made |= {"register_root": register_root(room.state, "BRL"), "potentials": {C: 0, D: 0}}
    made |= {"set_off": {owed: "50", f"{back.instruction.uetr}/{D}": "50"}}
    assert room.code("settle", A, certificate=made) == "settled"
    room.fund(CB, 70)
    assert room.state.payment  # the obligation that it names is gone
    room.block(after=3 * DAY)
    found = room.block(room.say("owe", C, D, **facts, uetr=uetr))  # watched: I10
    assert codes(found)[waits.instruction.uetr] == "settled"


# --- Members, keys, validators ---


def test_a_key_or_member_of_a_scheme_that_waits_is_taken() -> None:
    """Else two members would have one key, or the scheme's key for a member would be passed over in silence."""
    room = funded()
    banks = document()["members"]
    newcomer = {"bic8": "YYYYBRSP", "lei": "0" * 20, "currencies": ["BRL"], "supervisor": A}
    key = secret_of("YYYYBRSP").public.hex()
    new = {**document(version=2, decision=DECISION), "members": [*banks, newcomer]}
    new["keys"]["YYYYBRSP"] = key
    facts = {"from_height": room.state.height + 9, "decision": DECISION}
    assert room.code("scheme_change", A, B, "EEEEZAJJ", document=new, **facts) == "accepted"
    add = {"lei": "0" * 20, "currencies": ["BRL"], "from_height": 99, "decision": DECISION}
    told = room.receipt("member_add", A, bic8="XXXXBRSP", public=key, **add)
    assert (told.code, told.facts["why"]) == ("bad_change", "key_in_use")
    other = secret_of("YYYYBRSP", 1).public.hex()
    told = room.receipt("member_add", A, bic8="YYYYBRSP", public=other, **add)
    assert (told.code, told.facts["why"]) == ("bad_change", "known_member")
    told = room.receipt("key_rotate", C, bic8=C, public=key, from_height=99)
    assert (told.code, told.facts["why"]) == ("bad_change", "key_in_use")


def test_a_scheme_that_names_another_key_of_a_member_is_refused() -> None:
    """Keys change by `key_rotate` alone: a document that says otherwise would not be what is in force."""
    room = funded()
    new = document(version=2, decision=DECISION)
    new["keys"][C] = secret_of(C, 7).public.hex()
    facts = {"from_height": 99, "decision": DECISION}
    told = room.receipt("scheme_change", A, B, "EEEEZAJJ", document=new, **facts)
    assert (told.code, told.facts["why"]) == ("bad_change", "key_of_member")
    assert room.code("key_rotate", C, bic8=C, public=new["keys"][C], from_height=room.state.height + 2) == "accepted"
    assert room.code("scheme_change", A, B, "EEEEZAJJ", document=new, **facts) == "accepted"


def test_a_suspended_validator_does_not_count() -> None:
    room = Room(validators={"members": [A, B, C, D]})
    room.code("member_suspend", A, bic8=C, from_height=room.state.height + 2, decision=DECISION)
    new = document(version=2, decision=DECISION, validators={"members": [A, B, C, D]})
    facts = {"document": new, "from_height": 99, "decision": DECISION}
    told = room.receipt("scheme_change", A, B, C, **facts)
    assert (told.code, told.facts["need"], told.facts["have"]) == ("not_quorum", "3", "2")
    assert room.code("scheme_change", C, A, B, **facts) == "bad_member"
    assert room.code("scheme_change", A, B, D, **facts) == "accepted"


def test_a_scheme_of_three_hundred_members_can_be_changed() -> None:
    """Its document is longer than 64 kB."""
    room = funded()
    banks = document()["members"]
    names = [f"{a}{b}XXBRSP" for a in "HJKLMNPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"][:360]
    rows = [{"bic8": n, "lei": "0" * 20, "currencies": ["BRL", "INR"], "supervisor": A} for n in names]
    new = {**document(version=2, decision=DECISION), "members": [*banks, *rows]}
    new["keys"] |= {name: secret_of(name).public.hex() for name in names}
    assert len(canonical.dumps(new)) > 65_536
    facts = {"document": new, "from_height": room.state.height + 2, "decision": DECISION}
    assert room.code("scheme_change", A, B, "EEEEZAJJ", **facts) == "accepted"
    assert room.pay(CB, f"{names[-1]}/BRL", 5) == "settled"


# --- Limits, lines ---


@pytest.mark.parametrize(("back", "good"), [(10, False), (15, True)])
def test_a_certificate_may_not_pay_from_an_account_that_ends_beyond_a_limit(back: int, good: bool) -> None:
    """C is 60 net out when its limit becomes 50. In the set it pays 5 and gets 10 (55 net: beyond) or 15 (50)."""
    room = funded()
    room.fund(DB, back - 5)
    room.now += DAY
    assert room.pay(CB, GB, 60) == "settled"
    room.code("limit_set", C, account=CB, limit="multilateral", amount_minor="50")
    one, two = room.transfer(CB, DB, 5, if_short="queue"), room.transfer(DB, CB, back, if_short="queue")
    assert set(codes(room.block(one, two)).values()) == {"queued"}
    made = {
        "problem": "queue", "currency": "BRL", "height": room.state.height + 1, "state_root": room.state.root(),
        "queue_root": queue_root(room.state, "BRL"), "mode": "bypass", "gained_minor": str(5 + back),
        "chosen": sorted([f"{one.instruction.uetr}/{C}", f"{two.instruction.uetr}/{D}"]),
    }  # fmt: skip
    told = room.receipt("settle", A, certificate=made)
    assert told.facts.get("check") == (None if good else "limit")


def test_no_balance_ever_leaves_sixty_four_bits() -> None:
    """Lines add to what can be held at one place: issued and lent together stay below 9 * 10^18."""
    room = Room()
    for _ in range(9):
        assert room.code("issue", A, currency="BRL", amount_minor="9" * 18) == "settled"
    assert room.pay(AB, CB, 10**18 - 1) == "settled"
    told = room.receipt("line_set", A, account=DB, amount_minor="9" * 18)
    assert (told.code, told.facts["have"]) == ("currency_too_large", "8")
    assert room.code("line_set", A, account=DB, amount_minor="8") == "accepted"
    assert room.code("issue", A, currency="BRL", amount_minor="1") == "currency_too_large"
    assert room.code("line_set", A, account=DB, amount_minor="0") == "accepted"
    assert room.code("issue", A, currency="BRL", amount_minor="8") == "settled"


def test_a_line_in_use_counts_until_it_is_paid_back_though_it_was_cut() -> None:
    room = Room()
    assert room.code("line_set", A, account=DB, amount_minor="9" * 18) == "accepted"
    assert room.pay(DB, CB, 10**18 - 1) == "settled"
    assert room.code("line_set", A, account=DB, amount_minor="0") == "accepted"
    for _ in range(8):
        assert room.code("issue", A, currency="BRL", amount_minor="9" * 18) == "settled"
    assert room.code("issue", A, currency="BRL", amount_minor="9" * 18) == "currency_too_large"
    assert room.pay(CB, DB, 10**18 - 1) == "settled"
    assert room.code("issue", A, currency="BRL", amount_minor="9" * 18) == "settled"


# --- Trades ---


def test_a_trade_of_a_member_that_was_suspended_waits_and_runs_out() -> None:
    room = funded()
    legs = trade_legs(C, D, 80, 900)
    room.block(*(room.say("trade", who, trade_id="T1", legs=legs) for who in (C, D)))
    room.code("member_suspend", B, bic8=D, from_height=room.state.height + 2, decision=DECISION)
    room.block(room.say("issue", B, currency="INR", amount_minor="900"))
    assert room.pay("BBBBINBB/INR", "DDDDINBB/INR", 900) == "account_closed"
    assert len(room.state.trade) == 1
    assert set(codes(room.block(after=2 * HOUR)).values()) == {"expired"}
