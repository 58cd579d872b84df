"""The part that all hosts share: what waits for the next block, what is found by an id, what is told of an end."""

from __future__ import annotations

import pytest

from clearing_core_kit import HOUR, A, C, D, Room
from clearing_hosts_kit import funded, pay, scheme, uetr
from concordat.clearing import host as hosts
from concordat.clearing.core.signatures import Signed
from concordat.clearing.host import MemoryHost
from concordat.errors import InputError, StateError, TrustError


@pytest.mark.parametrize("name", ["", "zz", "é" * 36])
def test_what_is_no_id_has_no_receipt(name: str) -> None:
    host = funded(MemoryHost(scheme()))
    assert len(host.receipt(uetr(3))) == 1
    assert host.receipt(name) == []
    with pytest.raises(InputError, match="no receipt"):
        host.prove(name)


def owed() -> tuple[Room, Signed, Signed]:
    """A debt with the creditor's signature, and the same words without it."""
    room = Room()
    facts = {"creditor": D, "currency": "BRL", "amount_minor": "70", "due": "2027-01-31"}
    both = room.say("owe", C, D, **facts)
    alone = room.say("owe", C, **facts, uetr=both.instruction.uetr)
    assert both.digest == alone.digest
    assert (len(both.signatures), len(alone.signatures)) == (2, 1)
    return room, both, alone


@pytest.mark.parametrize("first_whole", [True, False])
def test_the_same_words_with_fewer_signatures_displace_nothing(first_whole: bool) -> None:
    """Anybody can take a signature off; what the creditor signed must still count, whichever came first."""
    room, both, alone = owed()
    host = MemoryHost(room.scheme)
    for one in (both, alone) if first_whole else (alone, both):
        assert host.submit(one) is None
    assert [one.code for one in host.step(room.now + 1)] == ["accepted"]


def test_what_waits_already_may_be_sent_again_to_a_full_host(monkeypatch: pytest.MonkeyPatch) -> None:
    host = funded(MemoryHost(scheme()))
    monkeypatch.setattr(hosts, "POOL_MAX", 1)
    assert host.submit(pay(4)) is None
    assert host.submit(pay(4)) is None
    with pytest.raises(StateError, match="instructions wait"):
        host.submit(pay(5))


def test_a_snapshot_behind_a_finalised_block_waits() -> None:
    host = funded(MemoryHost(scheme()))
    host.submit(pay(4))
    host.finalise(host.propose(host.state.time_ms + 1))
    with pytest.raises(StateError, match="waits to be committed"):
        host.snapshot()
    host.commit()
    assert host.snapshot().manifest


def test_an_id_behind_its_last_moment_is_told_its_receipt_and_nothing_else_is_taken() -> None:
    """Known ids are answered while they are kept, a day beyond their end; what was never taken is expired."""
    room = Room()
    host = MemoryHost(room.scheme)
    taken, late = (room.say("issue", A, currency="BRL", amount_minor=amount) for amount in ("5", "6"))
    host.submit(taken)
    first = host.step(room.now + 1)[0]
    host.step(taken.instruction.valid_until + 1)
    again = host.submit(taken)
    assert again is not None
    assert (again.repeat, again.code, again.height) == (True, first.code, first.height)
    with pytest.raises(InputError) as refused:
        host.check(late)
    assert refused.value.code == "expired"
    host.step(host.state.time_ms + 48 * HOUR)
    with pytest.raises(InputError) as refused:
        host.submit(taken)
    assert refused.value.code == "expired"


def test_many_at_once_are_told_as_one_by_one() -> None:
    """Good ones, a second use of an id, a forged signature, another scheme, a resend: the same answers both ways."""
    forged = Signed.read(pay(6).data.replace(_sig(pay(6)), _sig(pay(7))), "test-room")
    many = [pay(4), pay(3, 8), forged, pay(3, 7), pay(5)]
    for some in (many, [one for one in many if one is not forged]):
        one_by_one, together = (funded(MemoryHost(scheme())) for _ in range(2))
        told: list[object] = []
        for one in some:
            try:
                told.append(one_by_one.submit(one))
            except (InputError, TrustError) as error:
                told.append(error)
        found = together.submit_all(some)
        assert list(map(str, found)) == list(map(str, told))
        assert list(together._pool) == list(one_by_one._pool)


def _sig(signed: Signed) -> bytes:
    return signed.data[signed.data.index(b'"sig":"') :]
