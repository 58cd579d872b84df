"""Rounds with one peer, without sockets: states in their order, bounds, waits, the first batch that differs."""

from __future__ import annotations

import base64
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, SourceError, TrustError
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.messages import Entries, Submitted, Want, WantNote
from concordat.ledger.note import Checkpoint
from concordat.ledger.tiles import MemoryTiles
from concordat.node.heads import HeadLine, Heads
from concordat.node.home import Node
from concordat.node.log_fetch import Stand
from concordat.node.outbound import PeerLimitError
from concordat.node.peer_machine import REQUESTS_MAX, Get, Held, PeerMachine, State
from unit_node import found

ORIGIN = "ind.example/BRICS/member"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> MembershipChain:
    homes = found(tmp_path_factory.mktemp("two"), ("BRA", "IND"))
    with Node(homes[0]) as node:
        return node.chain


def _leaves(size: int, fork: int = 10**9) -> list[bytes]:
    return [b"entry %d%s" % (i, b"'" if i >= fork else b"") for i in range(size)]


def _note(leaves: list[bytes], origin: str = ORIGIN) -> bytes:
    head = Checkpoint(origin, len(leaves), MemoryHashes(map(leaf_hash, leaves)).root())
    return f"{head.text()}\n— {origin} {base64.b64encode(bytes(68)).decode()}\n".encode()


def _heads(leaves: list[bytes], **changed: Any) -> Heads:
    root = MemoryHashes(map(leaf_hash, leaves)).root().hex()
    lines = (HeadLine(ORIGIN, len(leaves), root, sha256(_note(leaves)).hexdigest()),) if leaves else ()
    values: dict[str, Any] = {
        "bloc": "BRICS", "member": "IND", "program": "1", "membership": 1, "view": 1, "logs": lines, "submitted": (),
        "certified": None, "votes": (), "accusations": (), "final": (0, 0), "batch": 0, "state": "",
        "recovery": "normal",
    }  # fmt: skip
    return Heads(**{**values, **changed})


def _held(chain: MembershipChain, leaves: list[bytes], theirs: int = 0, **changed: Any) -> Held:
    tree = MemoryHashes(map(leaf_hash, leaves))
    roots = {(ORIGIN, n): tree.root(n) for n in {theirs} if 0 < n <= len(leaves)}
    values: dict[str, Any] = {
        "chain": chain, "me": "BRA", "own": "bra.example/BRICS/member", "stands": {ORIGIN: Stand.of(len(leaves), tree)},
        "roots": roots, "notes": set(), "votes": set(), "accusations": set(), "certified": (0, 0), "wanting": set(),
        "states": {}, "batch": 0,
    }  # fmt: skip
    return Held(**{**values, **changed})


def _machine() -> PeerMachine:
    return PeerMachine("IND", 5, lambda: 1.0)


def _known(
    chain: MembershipChain, theirs: list[bytes], mine: list[bytes], held: Any = None, **changed: Any
) -> PeerMachine:
    """A machine that has the peer's heads."""
    machine = _machine()
    machine.begin(0.0)
    (ask,) = machine.asks()
    machine.take(ask, _heads(theirs, **changed).to_bytes())
    machine.known(held or _held(chain, mine, len(theirs)))
    return machine


def _answer(machine: PeerMachine, theirs: list[bytes]) -> list[Get]:
    """Answer everything that is asked for, until nothing is; what was asked."""
    asked = []
    while gets := machine.asks():
        for get in gets:
            asked.append(get)
            if get.what == "checkpoint":
                machine.take(get, _note(theirs))
            else:
                assert get.piece is not None
                tiles, piece = MemoryTiles(theirs), get.piece
                data = (
                    tiles.bundle(piece.index, piece.width)
                    if piece.level < 0
                    else tiles.tile(piece.level, piece.index, piece.width)
                )
                machine.take(get, data)
    return asked


def test_a_round_goes_through_its_states_in_order(chain: MembershipChain) -> None:
    theirs = _leaves(5)
    machine = _machine()
    assert machine.state is State.IDLE
    machine.begin(0.0)
    assert machine.state is State.HEADS
    assert machine.deliver() is None
    (ask,) = machine.asks()
    assert ask == Get("heads")
    machine.take(ask, _heads(theirs).to_bytes())
    machine.known(_held(chain, theirs[:3]))
    assert machine.state is State.TILES
    assert machine.deliver() is None, "something is under way"
    _answer(machine, theirs)
    (message,) = machine.deliver() or []
    assert machine.state is State.VERIFY
    assert isinstance(message, Entries)
    assert (message.start, message.leaves) == (3, tuple(theirs[3:]))
    machine.delivered([WantNote("ab" * 32)], _held(chain, theirs))
    assert machine.state is State.COSIGN
    (ask,) = machine.asks()
    assert ask == Get("notes", keys=("ab" * 32,))
    machine.take_notes(ask, [])
    assert machine.deliver() == []
    machine.delivered([], _held(chain, theirs))
    assert machine.state is State.COMPARE
    assert machine.asks() == []
    assert machine.complete
    machine.finish(9.0)
    assert machine.state is State.IDLE
    assert not machine.may_begin(13.9)
    assert machine.may_begin(14.0)


def test_what_is_held_is_not_fetched(chain: MembershipChain) -> None:
    leaves = _leaves(7)
    assert _answer(_known(chain, leaves, leaves), leaves) == []
    assert _answer(_known(chain, leaves[:4], leaves), leaves[:4]) == [], "a peer that is behind"


def test_another_log_is_fetched_even_if_it_is_no_longer(chain: MembershipChain) -> None:
    mine, theirs = _leaves(7), _leaves(6, fork=4)
    machine = _known(chain, theirs, mine)
    _answer(machine, theirs)
    (message,) = machine.deliver() or []
    assert isinstance(message, Entries)
    assert (message.start, list(message.leaves)) == (0, theirs)


def test_logs_that_another_round_is_fetching_are_left_alone(chain: MembershipChain) -> None:
    machine = _machine()
    machine.begin(0.0)
    (ask,) = machine.asks()
    machine.take(ask, _heads(_leaves(5)).to_bytes())
    machine.known(_held(chain, []), busy=[ORIGIN])
    assert machine.asks() == []
    assert machine.deliver() == []
    machine.delivered([], _held(chain, []))
    assert not machine.complete, "so unchanged heads are looked at again"


def test_at_most_64_requests_a_round(chain: MembershipChain) -> None:
    theirs = _leaves(17_000)
    machine = _known(chain, theirs, [])
    asked = _answer(machine, theirs)
    assert len(asked) == REQUESTS_MAX - 1, "the heads were the first"
    found = machine.deliver() or []
    got = [leaf for message in found if isinstance(message, Entries) for leaf in message.leaves]
    assert got == theirs[: len(got)]
    assert len(got) >= 50 * 256
    assert not machine.complete


def test_many_papers_are_bounded_too(chain: MembershipChain) -> None:
    votes = tuple(sorted(sha256(b"%d" % i).hexdigest() for i in range(500)))
    machine = _known(chain, [], [], votes=votes, accusations=votes)
    assert len(machine.asks()) == REQUESTS_MAX - 1


def test_notes_are_asked_for_together(chain: MembershipChain) -> None:
    digests = [sha256(b"%d" % i).hexdigest() for i in range(300)]
    submitted = tuple((ORIGIN, 1, digest) for digest in digests)
    machine = _known(chain, [], [], held=_held(chain, [], notes=set(digests[:40])), submitted=submitted)
    asks = machine.asks()
    assert [len(ask.keys) for ask in asks] == [128, 128, 4]
    assert [key for ask in asks for key in ask.keys] == digests[40:]


# --- A peer that breaks a proof or a bound ---


def test_a_note_vote_or_proof_other_than_asked_for_is_refused(chain: MembershipChain) -> None:
    machine = _known(chain, [], [], votes=("ab" * 32,), submitted=((ORIGIN, 1, "cd" * 32),))
    notes, vote = sorted(machine.asks(), key=lambda get: get.what)
    with pytest.raises(PeerLimitError, match="not the vote that was asked for"):
        machine.take(vote, b"another")
    with pytest.raises(PeerLimitError, match="a note that was not asked for"):
        machine.take_notes(notes, [Submitted("another")])


def test_a_head_of_another_log_is_refused(chain: MembershipChain) -> None:
    machine = _known(chain, _leaves(5), [])
    (ask,) = machine.asks()
    with pytest.raises(PeerLimitError, match="the head is of other"):
        machine.take(ask, _note(_leaves(5), "other.example/log"))


@pytest.mark.parametrize("changed", [{"member": "ZAF"}, {"bloc": "G20"}])
def test_a_peer_that_is_another_is_refused(chain: MembershipChain, changed: dict[str, str]) -> None:
    machine = _machine()
    machine.begin(0.0)
    (ask,) = machine.asks()
    machine.take(ask, _heads([], **changed).to_bytes())
    with pytest.raises(TrustError, match=r"it says it is \w+ of \w+"):
        machine.known(_held(chain, []))


def test_a_file_that_its_head_needs_and_it_lacks(chain: MembershipChain) -> None:
    theirs = _leaves(5)
    machine = _known(chain, theirs, [])
    (ask,) = machine.asks()
    machine.take(ask, _note(theirs))
    (piece,) = machine.asks()
    with pytest.raises(PeerLimitError, match="missing"):
        machine.absent(piece)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", _heads([]).to_bytes() + b" "])
def test_a_list_of_heads_that_is_none(chain: MembershipChain, data: bytes) -> None:
    machine = _machine()
    machine.begin(0.0)
    (ask,) = machine.asks()
    with pytest.raises(InputError):
        machine.take(ask, data)


# --- Waits ---


def test_the_wait_doubles_to_ten_minutes_and_a_success_resets_it() -> None:
    """min(600, 5 x 2^k) x u with u = 1: 10, 20, 40, 80, 160, 320, 600, 600."""
    machine, waits = _machine(), []
    now = 0.0
    for _ in range(8):
        machine.begin(now)
        machine.fail(SourceError("no answer."), now)
        assert machine.state is State.WAITING
        waits.append(machine.next_at - now)
        assert not machine.may_begin(machine.next_at - 0.1)
        now = machine.next_at
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600]
    machine.begin(now)
    machine.asks()
    machine.same(now)
    assert (machine.failures, machine.next_at - now) == (0, 5)


@pytest.mark.parametrize("error", [PeerLimitError("x"), TrustError("x"), InputError("x")])
def test_who_breaks_a_proof_or_a_bound_waits_ten_minutes_at_once(error: ConcordatError) -> None:
    machine = _machine()
    machine.begin(0.0)
    machine.fail(error, 0.0)
    assert (machine.next_at, machine.blamed, machine.note) == (600, True, "x")


def test_news_hurry_an_idle_machine_and_no_waiting_one() -> None:
    machine = _machine()
    machine.begin(0.0)
    machine.asks()
    machine.same(0.0)
    machine.hurry(1.0)
    assert machine.may_begin(1.0)
    machine.begin(1.0)
    machine.fail(SourceError("x"), 1.0)
    machine.hurry(2.0)
    assert not machine.may_begin(2.0)


def test_a_peer_that_speaks_ends_the_wait_for_it() -> None:
    machine = _machine()
    machine.begin(0.0)
    machine.fail(SourceError("x"), 0.0)
    assert not machine.may_begin(1.0)
    assert machine.heard(1.0)
    assert machine.may_begin(1.0)


def test_who_speaks_and_is_not_reached_is_asked_in_waits_that_double() -> None:
    """Spoken to every second; intervals of 5 s: asked after 5 x 2^k, as any peer that is silent."""
    machine, asked = _machine(), []
    machine.begin(0.0)
    machine.fail(SourceError("x"), 0.0)
    for second in range(1, 3_000):
        if machine.heard(float(second)):
            asked.append(second)
            machine.begin(float(second))
            machine.fail(SourceError("x"), float(second))
    assert [b - a for a, b in pairwise(asked)] == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    machine.begin(machine.next_at)
    machine.asks()
    machine.same(5_000.0)
    machine.begin(5_005.0)
    machine.fail(SourceError("x"), 5_005.0)
    assert machine.heard(5_006.0), "it answered meanwhile: the count begins anew"


def test_who_is_blamed_waits_on_though_it_speaks_and_who_does_not_wait_is_left_alone() -> None:
    machine = _machine()
    assert not machine.heard(0.0)
    machine.begin(0.0)
    assert not machine.heard(0.0)
    machine.fail(TrustError("x"), 0.0)
    assert not machine.heard(10.0)
    assert machine.next_at == 600


# --- States ---


def _hashes(until: int, differs_from: int = 10**9) -> dict[int, str]:
    return {n: sha256(b"%d %d" % (n, n >= differs_from)).hexdigest() for n in range(1, until + 1)}


def _compared(chain: MembershipChain, mine: dict[int, str], theirs: dict[int, str]) -> tuple[PeerMachine, int]:
    """A round that comes to comparing; and how many state hashes it asked for."""
    held = _held(chain, [], states=mine, batch=max(mine, default=0))
    machine = _known(
        chain, [], [], held=held, batch=max(theirs, default=0), state=theirs.get(max(theirs, default=0), "")
    )
    machine.deliver()
    machine.delivered([], held)
    count = 0
    while gets := machine.asks():
        for get in gets:
            count += 1
            machine.take(get, theirs[int(get.key)].encode())
    return machine, count


@pytest.mark.parametrize(("mine", "theirs"), [(10, 10), (10, 7), (7, 10), (0, 5), (5, 0), (1, 1)])
def test_equal_states_need_one_look(chain: MembershipChain, mine: int, theirs: int) -> None:
    machine, count = _compared(chain, _hashes(mine), _hashes(theirs))
    assert machine.difference is None
    assert count <= 1


@pytest.mark.parametrize("first", [1, 2, 3, 500, 999, 1000])
@pytest.mark.parametrize("theirs", [1000, 1300])
def test_the_first_batch_that_differs_is_named(chain: MembershipChain, first: int, theirs: int) -> None:
    with pytest.raises(TrustError, match=f"differ from batch {first} on"):
        _compared(chain, _hashes(1000), _hashes(theirs, differs_from=first))


def test_wanted_entries_of_a_reply_are_fetched(chain: MembershipChain) -> None:
    machine = _known(chain, [], [])
    assert machine.deliver() == []
    machine.delivered([Want(ORIGIN, 0), Want("unknown", 0)], _held(chain, []))
    assert machine.asks() == [Get("checkpoint", ORIGIN)]


def test_heads_come_back_as_they_were(tmp_path: Path) -> None:
    heads = _heads(_leaves(3), submitted=((ORIGIN, 3, "ab" * 32),), certified=(1, 2, "cd" * 32), votes=("ef" * 32,))
    assert Heads.parse(heads.to_bytes(), "x") == heads
