"""Data pushed to the consumer's own node: once, whole, resumed, permitted at each piece, and nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

from concordat.errors import InputError, RuleError, StateError
from concordat.exchange.dataspace import messages, transfer
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.node.exchange_calls import UnknownCallerError
from concordat.node.exchange_push import reserve
from concordat.node.exchange_receive import expected, range_of
from concordat.node.outbound import Reply
from exchange_pair import BASES, BODY
from exchange_push_pair import SHA, WANTED, Pair, check, crashed, run


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    made = Pair(tmp_path, monkeypatch)
    yield made
    made.close()


def test_three_pieces_come_and_both_logs_say_so_once(pair: Pair) -> None:
    run(pair)
    check(pair)
    bra, zaf = pair.transfers()["BRA"], pair.transfers()["ZAF"]
    assert bra.body["address"] is zaf.body["address"] is None  # the token lies nowhere any more
    assert pair.desks["ZAF"].store.token_pid("any", 0) is None


def test_the_address_stays_with_the_provider_while_it_sends(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    bra, zaf = pair.transfers()["BRA"], pair.transfers()["ZAF"]
    assert bra.state == zaf.state == "STARTED"
    assert zaf.body["address"] is None
    assert bra.body["address"]["endpoint"] == f"{BASES['ZAF']}/dsp/push/{zaf.pid}"


def test_whatever_is_lost_on_the_way_the_file_comes_and_is_one_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each passage alone, and three in a row: of the question, of a piece, of an answer."""
    (tmp_path / "agreed").mkdir()
    agreed = Pair(tmp_path / "agreed", monkeypatch)
    agreed.close()
    for number in range(1, 9):
        for lost in ({number}, {number, number + 1, number + 2}):
            folder = tmp_path / f"{number}-{len(lost)}"
            folder.mkdir()
            pair = Pair(folder, monkeypatch, like=agreed)
            pair.loses = lost
            run(pair)
            check(pair)
            pair.close()


def test_a_crash_before_a_step_of_either_side_ends_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crashed(tmp_path, monkeypatch, 4, check) > 40


def test_another_body_is_put_aside_and_ends_it(pair: Pair) -> None:
    pair.source.write_bytes(BODY[::-1])
    run(pair)
    assert {p.state for p in pair.transfers().values()} == {"TERMINATED"}
    assert {p.body["code"] for p in pair.transfers().values()} == {"checksum"}
    (aside,) = pair.received
    assert (aside.name, aside.read_bytes()) == ("a-1.csv.rejected", BODY[::-1])
    assert SHA in pair.transfers()["ZAF"].facts["push_failed"]["what"]
    for desk in pair.desks.values():
        assert "TransferCompleted" not in desk.station.diary.kinds()


def test_what_a_crash_tore_is_asked_for_once_more(pair: Pair) -> None:
    """As after a cut of power: the part has its size, and not its bytes."""
    pair.ask()
    asyncio.run(pair.passed())
    receiving = pair.desks["ZAF"].pushing.receiving
    zaf = pair.transfers()["ZAF"]
    part = receiving._part(zaf, WANTED)
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 14)
    asyncio.run(pair.settle())
    check(pair)


def test_terms_are_asked_at_every_piece(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    bra = pair.desks["BRA"]
    pid, file = pair.transfers()["BRA"].pid, pair.world.stations["BRA"].shelf.all()[0].files[0]
    now = pair.world.now
    assert (reserve(bra.engine, pid, file, 0, now).length, bra.store.left(pid, SHA)) == (7, 7)
    assert (reserve(bra.engine, pid, file, 0, now).length, bra.store.left(pid, SHA)) == (7, 7)  # again: the same use
    assert (reserve(bra.engine, pid, file, 7, now).length, bra.store.left(pid, SHA)) == (7, 14)
    assert (reserve(bra.engine, pid, file, 14, now).length, bra.store.left(pid, SHA)) == (4, 18)
    assert bra.engine.uses(pair.agreement) == 1
    bra.store.serve(pair.agreement, "another", SHA, file.bytes, 2 * file.bytes)  # the count of the terms is two
    with pytest.raises(RuleError, match="used 2 times") as caught:
        reserve(bra.engine, pid, file, 0, now)
    assert caught.value.code == "denied"
    object.__setattr__(bra.engine.side, "ends", {"ZAF": now - timedelta(seconds=1)})
    with pytest.raises(RuleError, match="ZAF may be given nothing any more"):
        reserve(bra.engine, pid, file, 0, now)
    bra.mover.move(pid, Next(Move.SUSPEND), now)
    asyncio.run(pair.passed())
    with pytest.raises(RuleError, match="does not run"):
        reserve(bra.engine, pid, file, 0, now)


def test_a_fault_of_the_providers_own_disk_ends_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    bra, pid = pair.desks["BRA"], pair.transfers()["BRA"].pid

    def full(*_: Any) -> None:
        raise StateError("not written: disk full.", code="store")

    with monkeypatch.context() as patch:
        patch.setattr(bra.store, "serve", full)
        asyncio.run(bra.tasks.pop())
    assert pair.transfers()["BRA"].state == "STARTED"
    assert bra.store.intended(pid) is None
    bra.engine.woken.append(pid)  # as the loop does a minute later
    asyncio.run(pair.settle())
    check(pair)


def test_what_is_withdrawn_from_the_disk_ends_the_push(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    pair.desks["BRA"].station.shelf.offered.clear()
    asyncio.run(pair.settle())
    assert {p.body["code"] for p in pair.transfers().values()} == {"absent"}


def test_a_second_push_is_a_second_use_and_a_third_is_refused(pair: Pair) -> None:
    run(pair)
    for uses in (2, 2):
        pid = pair.ask()
        asyncio.run(pair.settle())
        assert pair.desks["BRA"].engine.uses(pair.agreement) == uses
    process = pair.desks["ZAF"].store.process(pid)
    assert (process.state, process.facts["code"]) == ("TERMINATED", "refused")
    assert "used 2 times" in process.flag


def test_a_push_is_suspended_and_goes_on(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    pid = pair.transfers()["BRA"].pid
    pair.desks["BRA"].mover.move(pid, Next(Move.SUSPEND), pair.world.now)
    asyncio.run(pair.settle(5))
    assert pair.transfers()["ZAF"].state == "SUSPENDED"
    assert pair.received == []
    pair.desks["BRA"].mover.move(pid, Next(Move.START), pair.world.now)
    asyncio.run(pair.settle())
    check(pair)


# --- What is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("https://evil.example/dsp/push/x", "callback"),
        ("http://zaf.example/dsp/push/x", "callback"),
        ("https://zaf.example:8443/dsp/push/x", "callback"),
        ("https://zaf.example@evil.example/x", "callback"),
        ("https://zaf.example/../x?y=1", "callback"),
        ("https://127.0.0.1/x", "callback"),
        ("", "callback"),
        ("https://zaf.example/dsp/push/x", "no_address"),
    ],
    ids=["host", "scheme", "port", "user", "path", "inner", "none", "token"],
)
def test_data_are_pushed_to_the_members_own_node_and_with_a_token(pair: Pair, endpoint: str, code: str) -> None:
    address = messages.data_address(endpoint, "t")
    if code == "no_address":
        address["endpointProperties"] = address["endpointProperties"][1:]
    body = messages.encode(
        messages.transfer_request("urn:uuid:c", pair.agreement, messages.PUSH, f"{BASES['ZAF']}/cb", address)
    )
    answer = pair.world.ask("ZAF", "POST", f"{BASES['BRA']}{messages.PATH}/transfers/request", body)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, code)
    assert pair.desks["BRA"].store.processes("transfer") == []


@pytest.mark.parametrize(
    ("tail", "token", "code"),
    [
        ("x", "t\u00e9", "bearer"),
        ("x", "t\r\nhost: evil", "bearer"),
        ("x", "two words", "bearer"),
        ("x", "t" * 513, "bearer"),
        ("\x01", "t", "callback"),
        ("\u00e9", "t", "callback"),
        ("a b", "t", "callback"),
        ("x" * 2000, "t", "callback"),
    ],
    ids=["accent", "header", "space", "long", "control", "path", "gap", "long-path"],
)
def test_what_no_request_can_be_sent_to_is_refused_at_once(pair: Pair, tail: str, token: str, code: str) -> None:
    address = messages.data_address(f"{BASES['ZAF']}/dsp/push/{tail}", token)
    body = messages.encode(
        messages.transfer_request("urn:uuid:c", pair.agreement, messages.PUSH, f"{BASES['ZAF']}/cb", address)
    )
    answer = pair.world.ask("ZAF", "POST", f"{BASES['BRA']}{messages.PATH}/transfers/request", body)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, code)
    assert pair.desks["BRA"].store.processes("transfer") == []


def test_a_token_as_long_as_may_be_is_taken(pair: Pair) -> None:
    address = messages.data_address(f"{BASES['ZAF']}/dsp/push/x", "~" * 512)
    body = messages.encode(
        messages.transfer_request("urn:uuid:c", pair.agreement, messages.PUSH, f"{BASES['ZAF']}/cb", address)
    )
    assert pair.world.ask("ZAF", "POST", f"{BASES['BRA']}{messages.PATH}/transfers/request", body).status == 201


def test_a_fault_of_the_program_ends_the_push_and_is_said(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    desk, faults = pair.desks["BRA"], list[Exception]()

    async def request(*_: Any, **__: Any) -> Reply:
        raise UnicodeEncodeError("ascii", "x", 0, 1, "as an address of another age")

    desk.service.outbound.request, desk.service.fault = request, lambda _, error: faults.append(error)
    asyncio.run(desk.tasks.pop())
    asyncio.run(pair.settle())
    assert [type(fault) for fault in faults] == [UnicodeEncodeError]
    assert {(p.state, p.body["code"]) for p in pair.transfers().values()} == {("TERMINATED", "fault")}


def test_a_start_brings_no_other_address() -> None:
    moving = transfer.Transfer(transfer.State.SUSPENDED, "c", "p", "ZAF", "BRA", "a", messages.PUSH, "consumer")  # type: ignore[arg-type]
    start = messages.start("c", "p", messages.data_address("https://evil.example/x", "t"))
    with pytest.raises(RuleError, match="address of a push is that of its request") as caught:
        transfer.step(moving, start, messages.Role.CONSUMER, transfer.Facts(permitted=True))
    assert caught.value.code == "address"


def test_a_host_that_the_membership_no_longer_names_gets_nothing(pair: Pair) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    pair.desks["BRA"].engine.side.places["ZAF"] = "https://moved.example"  # type: ignore[index]
    desk = pair.desks["BRA"]
    asyncio.run(desk.tasks.pop())
    pending = desk.store.intended(pair.transfers()["BRA"].pid)
    assert pending is not None
    assert json.loads(pending.body)["code"] == "endpoint"
    assert pair.passages == 0


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(200, b'{"offset": 99, "complete": false}'), "can't be true"),
        (Reply(200, b'{"offset": true, "complete": false}'), "can't be true"),
        (Reply(200, b'{"offset": 0}'), "can't be read"),
        (Reply(200, b"<html>"), "can't be read"),
        (Reply(302, b""), "it answers 302"),
        (Reply(409, b'{"offset": 0, "complete": false}'), "it has 0 bytes still"),
    ],
    ids=["beyond", "bool", "half", "html", "redirect", "nothing"],
)
def test_an_answer_that_brings_nothing_ends_after_eight_more(pair: Pair, reply: Reply, words: str) -> None:
    pair.ask()
    asyncio.run(pair.passed())
    desk, count = pair.desks["BRA"], Counter[str]()

    async def request(method: str, _url: str, **_: Any) -> Reply:
        count[method] += 1
        return Reply(200, b'{"offset": 0, "complete": false}') if method == "GET" and reply.status == 409 else reply

    desk.service.outbound.request = request
    asyncio.run(desk.tasks.pop())
    assert count["GET"] == 9
    process = pair.transfers()["BRA"]
    assert process.facts["code"] == "unreachable"
    assert any(words in facts.get("what", "") for _, facts in pair.said)
    assert pair.desks["BRA"].store.left(process.pid, SHA) in (0, 7)


def test_what_comes_in_is_what_was_asked_for_and_no_more(pair: Pair) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf, bra = pair.desks["ZAF"], pair.transfers()["BRA"]
    token = messages.token_of(bra.body["address"]) or ""
    receiving, now = zaf.pushing.receiving, pair.world.now

    def take(header: str, data: bytes, bearer: str = token, digest: str = SHA) -> Any:
        return asyncio.run(receiving.take(pid, bearer, digest, header, data))

    for bearer in ("", "x", token[:-1]):
        with pytest.raises(UnknownCallerError):
            take("bytes 0-6/18", BODY[:7], bearer)
    with pytest.raises(UnknownCallerError):
        expected(zaf.store, "urn:uuid:other", token, SHA, now)
    with pytest.raises(UnknownCallerError):
        expected(zaf.store, pid, token, SHA, now + timedelta(hours=24))
    for digest in ("", "0" * 64, "../../secret", SHA.upper()):
        with pytest.raises(InputError, match="nothing of that name"):
            take("bytes 0-6/18", BODY[:7], digest=digest)
    for header, data in (
        ("", BODY), ("bytes 0-17/19", BODY), ("bytes 0-18/18", BODY + b"x"), ("bytes 0-5/18", BODY[:7]),
        ("bytes 6-0/18", b""), ("bytes */18", b""), ("bytes 0-6/17, 7-8/18", BODY[:7]),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            take(header, data)
        assert caught.value.code == "range"
    assert (take("bytes 7-13/18", BODY[7:14]).status, take("bytes 7-13/18", BODY[7:14]).offset) == (409, 0)
    assert pair.received == []
    assert take("bytes 0-6/18", BODY[:7]).offset == 7
    assert take("bytes 0-6/18", BODY[:7]).status == 409
    assert [path.suffix for path in pair.received] == [".pushed"]
    pair.desks["ZAF"].mover.move(pid, Next(Move.TERMINATE, "enough"), now)
    asyncio.run(pair.settle())
    assert pair.received == []  # what came of it is gone
    with pytest.raises(UnknownCallerError):
        take("bytes 7-13/18", BODY[7:14])


def test_an_empty_file_is_a_file() -> None:
    assert range_of("bytes */0", 0, 0) == 0
    with pytest.raises(InputError):
        range_of("bytes 0-0/0", 0, 1)


def test_a_link_in_the_place_of_a_part_is_not_followed(pair: Pair, tmp_path: Path) -> None:
    pid = pair.ask()
    asyncio.run(pair.passed())
    zaf = pair.desks["ZAF"]
    token = messages.token_of(pair.transfers()["BRA"].body["address"]) or ""
    part = zaf.pushing.receiving._part(pair.transfers()["ZAF"], WANTED)
    part.parent.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    part.symlink_to(outside)
    with pytest.raises(Exception, match="not written"):
        asyncio.run(zaf.pushing.receiving.take(pid, token, SHA, "bytes 0-6/18", BODY[:7]))
    assert outside.read_bytes() == b"mine"


def test_two_files_of_the_same_bytes_are_pushed_once_and_kept_twice(pair: Pair) -> None:
    from concordat.node.exchange_receive import request_push

    zaf = pair.world.stations["ZAF"]
    twice = [WANTED, replace(WANTED, name="a-2.csv")]
    request_push(zaf.mover, "BRA", pair.agreement, twice, pair.world.now)
    asyncio.run(pair.settle())
    assert [(path.name, path.read_bytes()) for path in pair.received] == [("a-1.csv", BODY), ("a-2.csv", BODY)]
    assert zaf.diary.kinds().count("TransferCompleted") == 1
    assert pair.desks["BRA"].engine.uses(pair.agreement) == 1


def test_under_test_nothing_is_pushed() -> None:
    from concordat.node.exchange_push import Pushing

    pushing = Pushing(SimpleNamespace(auth=False))  # type: ignore[arg-type]
    asyncio.run(pushing.look("urn:uuid:x"))
