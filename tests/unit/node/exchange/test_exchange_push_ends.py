"""A push that would have waited for nobody: who completes it, who is looked at again, and what a person may end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

from concordat.errors import RuleError, SourceError, StateError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.node import exchange_push, exchange_receive
from concordat.node.dsp_client import DspClient
from concordat.node.exchange_agreements import answer
from concordat.node.exchange_pushed import pushed
from concordat.node.exchange_wording import reason_of
from concordat.node.outbound import Reply
from exchange_pair import BODY
from exchange_push_pair import SHA, WANTED, Pair, check


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    made = Pair(tmp_path, monkeypatch)
    yield made
    made.close()


def started(pair: Pair) -> str:
    """Ask for a push that both sides hold for started; the consumer's name for it, and nothing was sent yet."""
    pid = pair.ask()
    asyncio.run(pair.passed())
    assert {process.state for process in pair.transfers().values()} == {"STARTED"}
    return pid


def token(pair: Pair) -> str:
    return messages.token_of(pair.transfers()["BRA"].body["address"]) or ""


def sent(pair: Pair) -> None:
    """Every piece goes over; the consumer has not looked yet."""
    bra = pair.desks["BRA"]
    asyncio.run(pair.lived(bra, lambda: bra.tasks.pop()))


# --- Who completes ----------------------------------------------------------------------------------------------


def test_a_provider_does_not_complete_a_push(pair: Pair) -> None:
    """Nothing came: a Completion of the provider would say that the files are here."""
    pid = started(pair)
    bra, zaf = pair.desks["BRA"], pair.desks["ZAF"]
    with pytest.raises(RuleError, match="completed by its consumer"):
        bra.mover.move(pair.transfers()["BRA"].pid, Next(Move.COMPLETE), pair.world.now)
    theirs = pair.transfers()["BRA"].pid
    said = messages.encode({**messages.completion(pid, theirs), "@id": "urn:uuid:33333333-3333-4333-8333-333333333333"})
    found = pair.world.ask("BRA", "POST", f"https://zaf.example{messages.CALLBACK}/transfers/{pid}/completion", said)
    assert (found.status, zaf.store.process(pid).state) == (400, "STARTED")
    asyncio.run(pair.settle())
    check(pair)


def test_a_completion_that_was_refused_on_its_way_is_made_again(pair: Pair) -> None:
    """By what stands between, say, or as a clock was wrong: ten minutes later it is sent again."""
    pid = started(pair)
    sent(pair)
    zaf = pair.desks["ZAF"]
    for _ in range(3):
        asyncio.run(_planned(pair, "ZAF"))
        (outgoing,) = zaf.store.due(pair.world.now.timestamp())
        zaf.mover.delivered(outgoing, 404, b"{}", pair.world.now)
        assert zaf.store.intended(pid) is None
        zaf.pushing.receiving._timers.pop(pid).cancel()  # which would wake it
        zaf.engine.woken.append(pid)
    asyncio.run(pair.settle())
    check(pair)


async def _planned(pair: Pair, member: str) -> None:
    for pid in pair.desks[member].engine.drain():
        await pair._planned(pair.desks[member], pid)


def test_a_person_ends_a_push_whose_provider_answers_no_more(pair: Pair) -> None:
    pid = started(pair)
    sent(pair)
    zaf = pair.desks["ZAF"]
    asyncio.run(_planned(pair, "ZAF"))
    for _ in range(20):
        (outgoing,) = zaf.store.due(pair.world.now.timestamp())
        zaf.mover.delivered(outgoing, None, b"", pair.world.now)
        pair.world.now += timedelta(minutes=1)
    zaf.engine.side = SimpleNamespace(member="ZAF")  # type: ignore[assignment]
    assert asyncio.run(answer(zaf, {"pid": pid, "move": "terminate"})) == {"moved": True, "pid": pid}  # type: ignore[arg-type]
    process = zaf.store.process(pid)
    assert (process.state, process.body["code"], zaf.store.intended(pid)) == ("TERMINATED", "unreachable", None)
    assert "given up by a person" in process.flag
    assert [path.read_bytes() for path in pair.received] == [BODY]  # what came stays
    assert zaf.station.diary.kinds().count("TransferCompleted") == 1


# --- Who is looked at again -------------------------------------------------------------------------------------


def test_what_waits_for_a_place_is_not_forgotten_behind_one_that_ended(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_push, "OPEN_MOST", 1)
    for _ in range(3):
        pair.ask()
    asyncio.run(pair.passed())
    bra = pair.desks["BRA"]
    first = bra.pushing._parked["ZAF"][0]
    bra.mover.move(first, Next(Move.TERMINATE, "no more"), pair.world.now)
    asyncio.run(pair.settle())
    states = [process.state for process in bra.store.processes("transfer")]
    assert sorted(states) == ["COMPLETED", "COMPLETED", "TERMINATED"]
    assert bra.store.process(first).state == "TERMINATED"
    assert bra.pushing._parked == {"ZAF": []}


def test_a_consumer_that_says_it_is_over_and_sends_no_end_is_looked_at_again(pair: Pair) -> None:
    started(pair)
    bra = pair.desks["BRA"]

    async def request(*_: Any, **__: Any) -> Reply:
        return Reply(422, b"")

    bra.service.outbound.request = request
    sent(pair)
    process = pair.transfers()["BRA"]
    assert (process.state, list(bra.pushing._timers)) == ("STARTED", [process.pid])
    pair.world.now += timedelta(hours=25)
    bra.engine.woken.append(process.pid)
    asyncio.run(_planned(pair, "BRA"))
    sent(pair)
    assert pair.transfers()["BRA"].facts["code"] == "unreachable"


def test_a_start_that_was_given_up_is_asked_after(pair: Pair) -> None:
    """Its provider ended the transfer before it began: without an order that would be known to nobody."""
    pid = pair.ask()
    bra, zaf = pair.desks["BRA"], pair.desks["ZAF"]
    for outgoing in zaf.store.due(pair.world.now.timestamp()):
        pair.world.deliver(zaf.station, outgoing)
    with bra.store.commit():
        bra.mover.end_here(bra.store.process(pair.transfers()["BRA"].pid), "unreachable", pair.world.now)
    asyncio.run(_planned(pair, "ZAF"))
    assert zaf.store.process(pid).state == "REQUESTED"
    pair.world.now += timedelta(minutes=11)
    assert pid in zaf.pushing.receiving._timers
    zaf.engine.woken.append(pid)
    asyncio.run(_planned(pair, "ZAF"))
    assert zaf.store.process(pid).body["code"] == "peer_ended"
    asyncio.run(_planned(pair, "ZAF"))
    assert zaf.pushing.receiving._timers == {}


def test_a_time_of_a_clock_that_was_ahead_does_not_count(pair: Pair) -> None:
    started(pair)
    bra, pid = pair.desks["BRA"], pair.transfers()["BRA"].pid
    ahead = pair.world.now + timedelta(days=365)
    exchange_push._moved(bra.engine, pid, ahead)
    exchange_push._moved(bra.engine, pid, pair.world.now, first=True)
    pair.world.now += timedelta(hours=25)
    with pytest.raises(SourceError, match="24 hours"):
        exchange_push.require_alive(bra.engine, pid, None, pair.world.now)


def test_an_answer_that_no_parser_ends_is_an_answer_that_brings_nothing(pair: Pair) -> None:
    started(pair)
    bra, deep = pair.desks["BRA"], b"[" * 100_000

    async def request(*_: Any, **__: Any) -> Reply:
        return Reply(200, deep)

    bra.service.outbound.request = request
    sent(pair)
    assert pair.transfers()["BRA"].facts["code"] == "unreachable"
    assert reason_of(deep) == "no reason given"


def test_who_has_left_the_bloc_is_silent_and_no_fault_of_ours(pair: Pair) -> None:
    client = DspClient(SimpleNamespace(outbound=None), pair.desks["ZAF"].engine.side)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="CHN is no active member or partner any more"):
        asyncio.run(client.send("CHN", "POST", "https://chn.example/dsp", b"{}"))


@pytest.mark.parametrize("move", [Move.SUSPEND, Move.TERMINATE])
def test_nothing_leaves_once_this_side_stops_it(pair: Pair, move: Move) -> None:
    """A consumer that takes pieces and answers to no Suspension got everything in the four minutes of its repeats."""
    started(pair)
    bra, theirs = pair.desks["BRA"], pair.transfers()["BRA"].pid
    assert bra.mover.move(theirs, Next(move), pair.world.now)
    sent(pair)
    assert (bra.store.left(theirs, SHA), bra.store.process(theirs).state) == (0, "STARTED")
    (outgoing,) = bra.store.due(pair.world.now.timestamp())
    if move is Move.SUSPEND:
        bra.mover.delivered(outgoing, 400, b"{}", pair.world.now)  # it is refused: the push goes on
        bra.engine.woken.append(theirs)
        asyncio.run(pair.settle())
        check(pair)


# --- What is kept -----------------------------------------------------------------------------------------------


def test_a_move_of_ours_keeps_what_was_noted_beside_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is taken while a Suspension is being worded: that its file is whole is not forgotten."""
    pid = started(pair)
    zaf = pair.desks["ZAF"]
    zaf.pushing.receiving._keep_whole(pid, "a" * 64)
    worded = zaf.mover._message

    def slow(*given: Any) -> Any:
        zaf.pushing.receiving._keep_whole(pid, SHA)
        return worded(*given)

    monkeypatch.setattr(zaf.mover, "_message", slow)
    assert zaf.mover.move(pid, Next(Move.SUSPEND), pair.world.now)
    assert zaf.store.process(pid).facts["whole"] == sorted(["a" * 64, SHA])


def test_a_file_is_hashed_as_it_comes(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last piece of a large file waits for no second reading of it."""

    def never(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(exchange_receive, "_digest", never)
    pair.ask()
    asyncio.run(pair.settle())
    check(pair)


@pytest.mark.parametrize("cut", ["start", "disk"])
def test_a_file_that_did_not_come_in_one_row_is_read_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """After a start, and where a full disk took a part of a piece."""
    pid, read = started(pair), list[Path]()
    zaf, bearer, append = pair.desks["ZAF"], token(pair), exchange_receive._append

    def take(start: int, end: int) -> Any:
        header = f"bytes {start}-{end - 1}/18"
        return asyncio.run(zaf.pushing.receiving.take(pid, bearer, SHA, header, BODY[start:end]))

    def digest(path: Path) -> str:
        read.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def full(part: Path, start: int, data: bytes) -> None:
        append(part, start, data[:2])
        raise StateError("not written: No space left on device.", where=str(part), code="full")

    monkeypatch.setattr(exchange_receive, "_digest", digest)
    assert take(0, 7).offset == 7
    if cut == "start":
        zaf.reopen()
        assert take(7, 14).offset == 14
    else:
        monkeypatch.setattr(exchange_receive, "_append", full)
        with pytest.raises(StateError):
            take(7, 14)
        monkeypatch.setattr(exchange_receive, "_append", append)
        assert take(9, 14).offset == 14
    assert take(14, 18).complete
    assert len(read) == 1


def test_the_same_command_after_room_was_made_waits_for_the_next_piece(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider tries again within a minute; what the disk refused before is not said at once again."""
    pid = started(pair)
    zaf = pair.desks["ZAF"]
    zaf.pushing.receiving._hold(pid, StateError("not written: No space left on device.", where="part", code="full"))
    looked: list[Any] = []

    async def until(name: str, states: tuple[str, ...], _seconds: float) -> Any:
        process = zaf.store.process(name)
        if states == ("COMPLETED",):
            looked.append(zaf.pushing.receiving.held(process))
            process.state = "COMPLETED"
        return process

    monkeypatch.setattr(zaf, "until", until, raising=False)
    asyncio.run(pushed(zaf, "BRA", pair.agreement, [WANTED], 10))  # type: ignore[arg-type]
    assert looked == [None]
    assert list(zaf.engine.woken) == [pid]  # a Completion that was refused is made again, if that is what is missing
    assert zaf.store.process(pid).flag == ""
