"""The rules of a block, one by one: who may be taken up, when, and with which code."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat import canonical
from concordat.errors import StateError, TrustError
from concordat.ledger.entry import FIRST
from concordat.ledger.membership import MembershipChain, Point
from concordat.node.abci_genesis import Genesis
from concordat.node.abci_ledger import Block, EngineLedger
from concordat.node.abci_order import (
    AHEAD_MAX,
    CODES,
    EXPIRED,
    FULL,
    KNOWN,
    MALFORMED,
    MEMBER,
    NEWER,
    NOT_COUNTED,
    OK,
    SEQUENCE,
    SIGNATURE,
    Desk,
    Tail,
)
from engine_kit import BLOC, NAMES, START, Count, Writer, chain
from simulation.keys import membership_payload, secret, sign_membership

POINT = Point(1, 5)
LATE = 2_000_000_000  # 2033: after the membership has expired


def desk(tails: dict[str, Tail] | None = None, known: dict[tuple[str, int], str] | None = None) -> Desk:
    return Desk(chain(4), tails or {}, lambda member, seq: (known or {}).get((member, seq), ""))


def extended(change: Any) -> MembershipChain:
    """Version 2, in force from batch 4, with something changed."""
    payload = membership_payload(4)
    payload |= {"version": 2, "effective": {"view": 1, "batch": 4}}
    change(payload)
    data = sign_membership(payload, NAMES[:4])
    return chain(4).extended(data)


def test_the_next_entry_of_a_member_is_taken_up() -> None:
    bra = Writer("BRA")
    first = bra.say()
    assert desk().check(first, POINT, START).code == OK
    (found,) = desk().walk([first], POINT, START)
    assert (found.code, found.entry) == (OK, bra.entries[0])


@pytest.mark.parametrize("scope", ["council", "exchange"])
def test_entries_of_every_scope_pass_through(scope: str) -> None:
    assert desk().check(Writer("BRA").say(scope=scope), POINT, START).code == OK


def changed(**fields: Any) -> bytes:
    return Writer("BRA").make("x", **fields).leaf


@pytest.mark.parametrize(
    ("tx", "code"),
    [
        (b"", MALFORMED),
        (b"{}", MALFORMED),
        (b"\xff" * 100, MALFORMED),
        (b" " * 65_536, MALFORMED),
        (b"[" * 60_000, MALFORMED),
        (changed(scope="order"), MALFORMED),
        (changed(secret=secret("CHN", "node")), SIGNATURE),
        (changed(person="del-04"), SIGNATURE),
        (changed(scope="clearing:pix"), SIGNATURE),  # these keys may not sign for it
        (changed(bloc="MINT"), SIGNATURE),
        (changed(author="USA"), MEMBER),
        (changed(author="RUS", secret=secret("RUS", "node")), MEMBER),
        (changed(membership=2), NEWER),
        (changed(seq=2, prev="a" * 64), OK),  # waits
        (changed(seq=AHEAD_MAX, prev="a" * 64), OK),
        (changed(seq=AHEAD_MAX + 1, prev="a" * 64), SEQUENCE),
    ],
)
def test_check_tx_answers_with_a_code(tx: bytes, code: int) -> None:
    found = desk().check(tx, POINT, START)
    assert found.code == code
    assert bool(found.words) == (code != OK or "waits" in found.words)


def test_what_was_taken_up_and_what_contradicts_it() -> None:
    bra = Writer("BRA")
    first, second = bra.say(), bra.say()
    at = desk({"BRA": Tail(1, bra.entries[0].id)}, {("BRA", 1): bra.entries[0].id})
    assert at.check(first, POINT, START).code == KNOWN
    other = Writer("BRA").make("another").leaf
    found = at.check(other, POINT, START)
    assert (found.code, found.forked) == (SEQUENCE, True)
    assert at.check(second, POINT, START).code == OK
    stray = Writer("BRA").make("x", seq=2, prev="b" * 64).leaf
    assert at.check(stray, POINT, START).code == SEQUENCE
    assert [v.code for v in at.walk([second, second, other], POINT, START)] == [OK, KNOWN, SEQUENCE]


def test_an_expired_membership_takes_nothing_up() -> None:
    found = desk().check(Writer("BRA").say(), POINT, LATE)
    assert found.code == EXPIRED
    assert "expired on 2030-12-31" in found.words
    assert desk().arrange([Writer("BRA").say()], 10**6, POINT, LATE) == []


def test_a_block_that_can_not_be_judged_here_stops_this_node() -> None:
    """The others have a membership version that this node lacks: to guess would split the replicas."""
    with pytest.raises(StateError, match="names membership version 2, which is not here"):
        desk().walk([changed(membership=2)], POINT, START)
    with pytest.raises(StateError):
        desk().require_arranged([changed(membership=2)], POINT, START)
    assert desk().arrange([changed(membership=2)], 10**6, POINT, START) == []


def test_a_suspended_member_is_not_taken_up_from_its_batch_on() -> None:
    def suspend(payload: dict[str, Any]) -> None:
        payload["members"][1]["status"] = "suspended"
        payload |= {"effective": {"view": 2, "batch": 0}, "rota": ["ARE", "CHN", "EGY"], "threshold": 3}

    at = Desk(extended(suspend), {}, lambda member, seq: "")
    tx = Writer("BRA").say()
    assert at.check(tx, Point(1, 5), START).code == OK
    assert at.check(tx, Point(2, 1), START).code == MEMBER


def test_an_entry_whose_key_had_ended_is_taken_up_and_does_not_count(tmp_path: Path) -> None:
    """Its author's next entry names it: left out, the author could never write again."""

    def end(payload: dict[str, Any]) -> None:
        payload["members"][1]["persons"][1]["until"] = {"view": 1, "batch": 4}

    ledger = EngineLedger(tmp_path / "ledger.db", extended(end), Count)
    key = secret("validator").public
    ledger.begin(Genesis(BLOC, "c1", chain(4).pinned, 1, START, ((key, 1),)))
    bra, delegate = Writer("BRA"), Writer("BRA", "del-04")
    for height in range(1, 7):
        writer = delegate if height in (3, 5) else bra
        writer.entries = list(bra.entries if writer is delegate else delegate.entries or bra.entries)
        tx = writer.say()
        bra.entries = delegate.entries = writer.entries
        found = ledger.finalize(Block(height, hashlib.sha256(b"%d" % height).digest(), START + height, (tx,)))
        wanted = NOT_COUNTED if height == 5 else OK
        assert [v.code for v in found.verdicts] == [wanted], height
        ledger.commit()
    assert ledger.tails["BRA"].size == 6
    assert [item[0] for item in ledger._meaning.state] == [1, 2, 3, 4, 6]  # type: ignore[attr-defined]
    ledger.close()


# --- Proposals --------------------------------------------------------------------------------------------------------


def test_a_proposal_is_sorted_without_doubles_and_without_gaps() -> None:
    bra, chn = Writer("BRA"), Writer("CHN")
    b1, b2, b3, b4 = (bra.say() for _ in range(4))
    c1 = chn.say()
    assert desk().arrange([b4, c1, b2, b1, b1, b"junk"], 10**6, POINT, START) == [b1, b2, c1]
    assert desk().arrange([b2, b3], 10**6, POINT, START) == []


def test_one_members_flood_leaves_room_for_the_others() -> None:
    are, zaf = Writer("ARE"), Writer("EGY")
    flood = [are.say() for _ in range(200)]
    late = [zaf.say(), zaf.say()]
    found = desk().arrange([*flood, *late], 10**6, POINT, START)
    assert len(found) == 128
    assert set(late) <= set(found)
    assert found[:126] == flood[:126]


def test_a_proposal_of_over_128_is_rejected_and_one_more_is_told_to_come_again() -> None:
    bra = Writer("BRA")
    txs = [bra.say() for _ in range(129)]
    with pytest.raises(TrustError, match="a batch holds 128"):
        desk().require_arranged(txs, POINT, START)
    assert [v.code for v in desk().walk(txs, POINT, START)] == [OK] * 128 + [FULL]


@pytest.mark.parametrize("room", [0, -1, 3])
def test_no_room_no_entries(room: int) -> None:
    assert desk().arrange([Writer("BRA").say()], room, POINT, START) == []


def test_the_codes_are_told_in_words() -> None:
    assert all(words for words in CODES.values())
    assert len(CODES) == 10


# --- Genesis ----------------------------------------------------------------------------------------------------------


def test_a_genesis_reads_back_and_nothing_else_does() -> None:
    genesis = Genesis(BLOC, "c-1", "a" * 64, 1, START, ((b"k" * 32, 5),))
    assert Genesis.parse(genesis.leaf(), "") == genesis
    raw = canonical.loads(genesis.leaf())
    for change in (
        {"chain": "7"},
        {"chain": "a/b"},
        {"extra": 1},
        {"validators": [{"key": "aa", "power": 5}]},
        {"validators": [{"key": base64.b64encode(b"k" * 32).decode(), "power": 0}]},
        {"validators": 5},
        {"v": 2},
    ):
        with pytest.raises(Exception, match=r"genesis|validator"):
            Genesis.parse(canonical.dumps({**raw, **change}), "")
    assert FIRST == "0" * 64
