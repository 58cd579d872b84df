"""A push where a side is off, slow, full, or never satisfied: it ends alike on both sides, or is said as it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

from concordat.errors import SourceError, StateError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.node import exchange_push, exchange_receive
from concordat.node.exchange_calls import UnknownCallerError
from concordat.node.exchange_pushed import _end_of, _taken_up
from concordat.node.outbound import Reply
from exchange_pair import BODY
from exchange_push_pair import SHA, WANTED, Pair, check, run


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    made = Pair(tmp_path, monkeypatch)
    yield made
    made.close()


# --- A consumer that is slow, silent, or never satisfied ---------------------------------------------------------


REAL_SLEEP = asyncio.sleep


async def several(pair: Pair, count: int, gate: asyncio.Event, sent: list[str]) -> list[asyncio.Future[None]]:
    """So many pushes at one time to a consumer that keeps each piece waiting."""

    async def request(method: str, url: str, **_: Any) -> Reply:
        if method == "GET":
            return Reply(200, b'{"offset": 0, "complete": false}')
        sent.append(url.partition("?")[0].rpartition("/")[2])
        await gate.wait()
        return Reply(422, b"")

    for _ in range(count):
        pair.ask()
    await pair.passed()
    desk = pair.desks["BRA"]
    desk.service.outbound.request = request
    tasks, desk.tasks = [asyncio.ensure_future(work) for work in desk.tasks], []
    for _ in range(50):
        await REAL_SLEEP(0)
    return tasks


def test_what_waited_behind_a_slow_piece_is_permitted_when_it_leaves(pair: Pair) -> None:
    """Five pushes, of which a consumer holds four: the fifth is ended meanwhile, and nothing of it leaves."""

    async def play() -> tuple[list[str], str]:
        gate, sent, bra = asyncio.Event(), list[str](), pair.desks["BRA"]
        tasks = await several(pair, 5, gate, sent)
        assert len(sent) == 4
        (last,) = (p for p in bra.store.processes("transfer") if p.body["consumer_pid"] not in sent)
        assert bra.store.left(last.pid, SHA) == 0
        bra.mover.move(last.pid, Next(Move.TERMINATE, "enough"), pair.world.now)
        await pair.passed()
        assert bra.store.process(last.pid).state == "TERMINATED"
        gate.set()
        await asyncio.gather(*tasks)
        return sent, last.body["consumer_pid"]

    sent, last = asyncio.run(play())
    assert (len(sent), last in sent) == (4, False)


def test_pushes_to_one_consumer_are_bounded_and_the_next_one_follows(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_push, "OPEN_MOST", 2)
    for _ in range(3):
        pair.ask()
    asyncio.run(pair.passed())
    assert len(pair.desks["BRA"].tasks) == 2
    asyncio.run(pair.settle())
    states = [process.state for process in pair.desks["ZAF"].store.processes("transfer")]
    assert states.count("COMPLETED") == 2  # as often as the terms permit; the third was taken up, and refused
    assert states.count("TERMINATED") == 1


def test_a_consumer_that_is_silent_for_a_day_is_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_push, "WAIT_MAX_S", 3600.0)  # some 30 questions instead of 1,440
    pair.loses = set(range(1, 2000))
    begun = pair.world.now
    run(pair)
    assert {p.state for p in pair.transfers().values()} == {"TERMINATED"}
    assert pair.transfers()["BRA"].facts["code"] == "unreachable"
    assert pair.world.now - begun > timedelta(hours=24)
    assert pair.received == []
    assert "TransferCompleted" not in pair.desks["BRA"].station.diary.kinds()
    assert pair.desks["BRA"].engine.uses(pair.agreement) == 0  # nothing left


def test_a_consumer_that_is_off_for_ten_minutes_gets_the_rest(pair: Pair) -> None:
    pair.loses = set(range(3, 22))  # after the first piece: 6 doubled waits, then a minute each
    begun = pair.world.now
    run(pair)
    assert pair.world.now - begun > timedelta(minutes=10)
    check(pair)


def test_a_full_disk_of_the_consumer_is_waited_for_and_each_piece_is_one_use(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    desk, refused = pair.desks["BRA"], list[int]()

    async def request(method: str, *given: Any, **more: Any) -> Reply:
        if method == "PUT" and len(refused) < 40:  # more often than a piece may be sent again
            refused.append(len(more["body"]))
            return Reply(503, b"not written: disk full.\n")
        return await desk.request(method, *given, **more)

    desk.service.outbound.request = request
    asyncio.run(pair.settle())
    assert len(refused) == 40
    check(pair)


def test_pieces_that_are_cut_again_and_again_come_to_an_end(pair: Pair) -> None:
    """It takes every piece and says nothing: 2 x 18 bytes and 16 pieces of 7 leave, and no more."""
    pair.ask()
    asyncio.run(pair.passed())
    desk, sent = pair.desks["BRA"], list[int]()

    async def request(method: str, url: str, **more: Any) -> Reply:
        if method == "GET":
            return Reply(200, b'{"offset": 0, "complete": false}')
        sent.append(len(more["body"]))
        raise SourceError("no answer.", where=url, code="timeout")

    desk.service.outbound.request = request
    asyncio.run(desk.tasks.pop())
    assert pair.transfers()["BRA"].facts["code"] == "too_often"
    assert 2 * 18 + 15 * 7 < sum(sent) <= 2 * 18 + 16 * 7
    assert desk.engine.uses(pair.agreement) == 1


def test_a_byte_of_each_piece_is_no_progress(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    desk, at = pair.desks["BRA"], [0]

    async def request(method: str, _url: str, **_: Any) -> Reply:
        at[0] += method == "PUT"
        return Reply(200, json.dumps({"offset": min(at[0], 17), "complete": False}).encode())

    desk.service.outbound.request = request
    asyncio.run(desk.tasks.pop())
    assert pair.transfers()["BRA"].facts["code"] == "unreachable"
    assert at[0] == 9  # not once for each byte


def test_who_has_everything_and_never_completes_is_ended_after_a_day(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    desk = pair.desks["BRA"]

    async def request(*_: Any, **__: Any) -> Reply:
        return Reply(200, b'{"offset": 18, "complete": true}')

    async def again() -> str:
        desk.engine.woken.append(pair.transfers()["BRA"].pid)  # as its timer does
        await pair.passed()
        await desk.tasks.pop()
        pending = desk.store.intended(pair.transfers()["BRA"].pid)
        return json.loads(pending.body)["code"] if pending else ""

    desk.service.outbound.request = request
    asyncio.run(desk.tasks.pop())
    pair.world.now += timedelta(hours=23)
    assert asyncio.run(again()) == ""
    pair.world.now += timedelta(hours=2)
    assert asyncio.run(again()) == "unreachable"


# --- Who is off -----------------------------------------------------------------------------------------------------


def off(pair: Pair, step: int, **length: int) -> None:
    """Nothing passes from so many steps after now on, pieces and messages alike; then all goes on."""
    pair.off = pair.steps + step, timedelta(**length)
    asyncio.run(pair.settle(60))


@pytest.mark.parametrize("minutes", [4, 8, 90])
def test_an_outage_of_minutes_in_the_middle_of_a_file_loses_nothing(pair: Pair, minutes: int) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    off(pair, 14, minutes=minutes)
    assert pair.back is not None
    check(pair)


def test_a_completion_goes_again_until_it_arrives(pair: Pair) -> None:
    """The provider is off for an hour just after the last piece: both logs say the same in the end."""
    pair.ask()
    asyncio.run(pair.passed())
    zaf = pair.desks["ZAF"]
    asyncio.run(pair.lived(pair.desks["BRA"], lambda: pair.desks["BRA"].tasks.pop()))
    assert zaf.pushing.receiving.came(pair.transfers()["ZAF"].pid) == len(BODY)
    pair.off = pair.steps, timedelta(hours=1)
    for _ in range(90):
        asyncio.run(pair.passed())
        pair.world.now += timedelta(minutes=1)
    check(pair)


def test_a_provider_that_has_ended_it_unheard_is_asked(pair: Pair) -> None:
    """Its Termination was given up: the consumer asks, at its start and every ten minutes, and ends it too."""
    pair.ask()
    asyncio.run(pair.passed())
    bra, zaf = pair.desks["BRA"], pair.desks["ZAF"]
    pid = pair.transfers()["BRA"].pid
    for task in bra.tasks:
        task.close()
    bra.tasks = []
    process = bra.store.process(pid)
    with bra.store.commit():
        bra.mover.end_here(process, "unreachable", pair.world.now)
    assert pair.transfers()["ZAF"].state == "STARTED"
    zaf.crash()
    asyncio.run(pair.passed())
    process = pair.transfers()["ZAF"]
    assert (process.state, process.body["code"]) == ("TERMINATED", "peer_ended")


@pytest.mark.parametrize("status", [404, 200, 503])
def test_no_other_answer_ends_a_push(pair: Pair, status: int) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    zaf, process = pair.desks["ZAF"], pair.transfers()["ZAF"]
    suspended = messages.transfer_state(process.pid, process.body["provider_pid"], "SUSPENDED")

    async def answered(*_: Any) -> tuple[int, bytes]:
        return status, messages.encode(suspended)

    zaf._exchanged = answered  # type: ignore[method-assign]
    asyncio.run(zaf.pushing.receiving.ask(process))
    assert pair.transfers()["ZAF"].state == "STARTED"


def test_a_dead_push_is_not_taken_up_by_the_next_order(pair: Pair) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    bra, zaf = pair.desks["BRA"], pair.desks["ZAF"]
    assert asyncio.run(_taken_up(zaf, "BRA", pair.agreement)) == pid  # type: ignore[arg-type]
    with bra.store.commit():
        bra.mover.end_here(bra.store.process(pair.transfers()["BRA"].pid), "unreachable", pair.world.now)
    assert asyncio.run(_taken_up(zaf, "BRA", pair.agreement)) == ""  # type: ignore[arg-type]


# --- A day and longer -----------------------------------------------------------------------------------------------


def test_a_push_that_rested_for_longer_than_a_day_goes_on(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    pid = pair.transfers()["BRA"].pid
    pair.desks["BRA"].mover.move(pid, Next(Move.SUSPEND), pair.world.now)
    asyncio.run(pair.settle(5))
    pair.world.now += timedelta(hours=25)
    pair.desks["BRA"].mover.move(pid, Next(Move.START), pair.world.now)
    asyncio.run(pair.settle())
    check(pair)


def test_a_token_lasts_a_day_from_the_last_piece_and_no_longer(pair: Pair) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf, token = pair.desks["ZAF"], messages.token_of(pair.transfers()["BRA"].body["address"]) or ""
    for start in (0, 7):
        pair.world.now += timedelta(hours=23)
        header = f"bytes {start}-{start + 6}/18"
        asyncio.run(zaf.pushing.receiving.take(pid, token, SHA, header, BODY[start : start + 7]))
    pair.world.now += timedelta(hours=25)
    with pytest.raises(UnknownCallerError):
        asyncio.run(zaf.pushing.receiving.standing(pid, token, SHA))
    asyncio.run(zaf.pushing.look(pid))  # as its timer does: nothing can come any more
    asyncio.run(pair.passed())
    process = pair.transfers()["ZAF"]
    assert (process.state, process.body["code"]) == ("TERMINATED", "unreachable")
    asyncio.run(pair.passed())
    assert pair.received == []


# --- The consumer's disk --------------------------------------------------------------------------------------------


def test_a_full_disk_here_is_no_fault_of_the_provider(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf, token = pair.desks["ZAF"], messages.token_of(pair.transfers()["BRA"].body["address"]) or ""
    receiving = zaf.pushing.receiving

    def full(*_: Any) -> None:
        raise StateError("not written: No space left on device.", where="part", code="full")

    with monkeypatch.context() as patch:
        patch.setattr(exchange_receive, "_append", full)
        with pytest.raises(StateError, match="No space left"):
            asyncio.run(receiving.take(pid, token, SHA, "bytes 0-6/18", BODY[:7]))
    process = pair.transfers()["ZAF"]
    assert "No space left" in process.flag
    zaf.reopen()  # the node's memory is gone, its disk is not
    error = _end_of(zaf.pushing.receiving, process, "BRA", pair.agreement)
    assert (type(error), error.code, "No space left" in error.what) == (StateError, "full", True)
    assert asyncio.run(zaf.pushing.receiving.take(pid, token, SHA, "bytes 0-6/18", BODY[:7])).offset == 7
    process = pair.transfers()["ZAF"]
    assert (process.flag, zaf.pushing.receiving.held(process)) == ("", None)


def test_files_that_are_here_are_said_to_be_here(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    process = pair.transfers()["ZAF"]
    process.facts["whole"] = [SHA]
    error = _end_of(pair.desks["ZAF"].pushing.receiving, process, "BRA", pair.agreement)
    assert "all files are here" in error.what
    assert "did not push" not in error.what


def test_a_start_removes_the_parts_of_what_is_over_and_nothing_else(pair: Pair) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf = pair.desks["ZAF"]
    open_, folder = zaf.pushing.receiving._part(pair.transfers()["ZAF"], WANTED), Path()
    folder = open_.parent
    folder.mkdir(parents=True)
    left = folder / "a-1.csv.11111111-1111-4111-8111-111111111111.pushed"
    for path in (open_, left, folder / "a-1.pushed", folder / "a-1.csv.rejected"):
        path.write_bytes(b"x")
    zaf.reopen()
    assert pid.rpartition(":")[2] in open_.name
    assert {path.name for path in pair.received} == {open_.name, "a-1.pushed", "a-1.csv.rejected"}


def test_a_piece_that_is_being_taken_leaves_nothing_behind_an_end(pair: Pair) -> None:
    """The end waits for the piece, and removes it."""
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf, token = pair.desks["ZAF"], messages.token_of(pair.transfers()["BRA"].body["address"]) or ""
    receiving, process = zaf.pushing.receiving, pair.transfers()["ZAF"]

    async def play() -> list[bool]:
        async with receiving._turn(pid):  # a piece is being written
            ending = asyncio.ensure_future(receiving.clear(process))
            for _ in range(5):
                await REAL_SLEEP(0)
            waited = not ending.done()
            exchange_receive._append(receiving._part(process, WANTED), 0, BODY[:7])
        await ending
        return [waited, receiving._part(process, WANTED).exists()]

    assert token
    assert asyncio.run(play()) == [True, False]
