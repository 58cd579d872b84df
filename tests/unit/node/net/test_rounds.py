"""What the rounds do when a message fails while a round runs, and when the program itself is at fault."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest

from concordat.errors import SourceError, TrustError
from concordat.ledger.messages import WantNote
from concordat.node.outbound import Reply
from concordat.node.peer_machine import PeerMachine, State
from concordat.node.peers import Peer
from concordat.node.recover import Recovery
from concordat.node.rounds import Rounds
from concordat.node.sources import _refused


class _Service:
    """As much of a service as the rounds ask for."""

    member, metrics = "BRA", None

    def __init__(self) -> None:
        self.recovery = Recovery("BRA", ["IND"], 2, 0, 0, False, 0.0)
        self.faults: list[str] = []
        self.peers = [Peer("IND", "http://ind.test", PeerMachine("IND", 1, lambda: 1.0))]

    def monotonic(self) -> float:
        return 100.0

    def log(self, level: str, event: str, facts: Mapping[str, Any]) -> None:
        """Nothing is kept."""

    def fault(self, where: str, error: BaseException) -> None:
        self.faults.append(f"{where}: {type(error).__name__}")


class _Failing(Rounds):
    """Every message fails; a round ends well once it is let go."""

    def __init__(self, service: Any, error: Exception) -> None:
        super().__init__(service)
        self.error, self.go = error, asyncio.Event()

    async def _exchange(self, peer: Peer, messages: list[Any]) -> list[Any]:
        assert (peer.member, len(messages)) == ("IND", 1)
        raise self.error

    async def _round(self, peer: Peer, mine: list[str]) -> None:
        await self.go.wait()
        assert mine == []
        assert peer.machine.state is State.HEADS, "the message left the round alone"
        peer.machine.finish(100.0)


@pytest.mark.parametrize(
    ("error", "wait_s"), [(SourceError("no connection.", where="IND"), 2.0), (TrustError("no letter."), 600.0)]
)
def test_a_message_that_fails_during_a_round_counts_when_the_round_ends(error: Exception, wait_s: float) -> None:
    async def work() -> None:
        service = _Service()
        (peer,) = service.peers
        rounds = _Failing(service, error)
        peer.machine.begin(100.0)
        running = asyncio.ensure_future(rounds.round(peer))
        await asyncio.sleep(0)
        peer.post(WantNote("0" * 64))
        rounds.flush()
        await asyncio.gather(*rounds._work)
        assert peer.machine.state is State.HEADS
        assert (peer.reachable, len(peer.outbox)) == (False, 1), "it is not sent again and again while the round runs"
        rounds.go.set()
        await running
        assert (peer.machine.state, peer.machine.failures) == (State.WAITING, 1)
        assert peer.machine.next_at == 100.0 + wait_s
        assert service.faults == []

    asyncio.run(work())


def test_a_broken_proof_behind_a_silence_is_the_peers_own_all_the_same() -> None:
    service = _Service()
    (peer,) = service.peers
    rounds = Rounds(service)  # type: ignore[arg-type]
    peer.machine.begin(100.0)
    rounds._failed(peer, SourceError("no answer."))
    rounds._failed(peer, SourceError("no answer."))
    assert (peer.machine.failures, peer.machine.blamed) == (1, False), "a round and a message: one failure"
    rounds._failed(peer, TrustError("no letter."))
    assert (peer.machine.blamed, peer.machine.next_at) == (True, 700.0)
    assert not peer.machine.heard(110.0)


def test_a_fault_of_the_program_ends_one_round_and_is_told() -> None:
    class Faulty(Rounds):
        async def _round(self, peer: Peer, mine: list[str]) -> None:
            raise ZeroDivisionError(peer.member, mine)

    async def work() -> None:
        service = _Service()
        (peer,) = service.peers
        rounds = Faulty(service)  # type: ignore[arg-type]
        peer.machine.begin(100.0)
        rounds._start(rounds.round(peer))
        await asyncio.gather(*rounds._work, return_exceptions=True)
        await asyncio.sleep(0)
        assert service.faults == ["round: ZeroDivisionError"]
        assert peer.machine.state is State.WAITING

    asyncio.run(work())


@pytest.mark.parametrize(
    ("status", "blamed"),
    # 408 says that *our* request came too slowly (RFC 9110, 15.5.9): a live seed had a slow line's end blamed for it.
    [(500, False), (502, False), (503, False), (504, False), (408, False), (425, False), (429, False), (404, True)],
)
def test_a_server_or_proxy_that_fails_has_broken_no_proof(status: int, blamed: bool) -> None:
    machine = PeerMachine("IND", 5, lambda: 1.0)
    machine.begin(100.0)
    machine.fail(_refused(Reply(status, b"<html>Bad Gateway"), "https://ind.example/sync/heads"), 100.0)
    assert (machine.blamed, machine.next_at) == (blamed, 700.0 if blamed else 110.0)


def test_waits_are_drawn_from_the_range_of_the_specification() -> None:
    dice = random.Random(7)
    machine = PeerMachine("IND", 5, lambda: dice.uniform(0.5, 1.5))
    for k in range(1, 12):
        machine.begin(machine.next_at)
        now = machine.next_at
        machine.fail(SourceError("x"), now)
        least = min(600, 5 * 2**k)
        assert 0.5 * least <= machine.next_at - now <= 1.5 * least
