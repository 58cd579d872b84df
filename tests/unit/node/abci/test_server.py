"""The server over real sockets: order, cuts at every byte, lengths, unknown messages, errors, limits."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat.errors import StateError
from concordat.node.abci import Limits
from concordat.node.abci_schema import messages
from fakes.engine import Host, Link, varint


class Adder:
    """Not a ledger: it adds up what it is given. A clearing host would stand here as well."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def answer(self, kind: str, body: Any) -> Mapping[str, Any]:
        self.heard.append(kind)
        if kind == "check_tx":
            return {"code": len(body.tx), "data": body.tx}
        if kind == "info":
            return {"data": "adder", "last_block_height": len(self.heard)}
        if kind == "query":
            raise StateError("no such thing.", where="adder")
        if kind == "commit":
            raise ZeroDivisionError("a secret detail")
        return {}


Start = Callable[..., Host]


@pytest.fixture
def start() -> Iterator[Start]:
    hosts: list[Host] = []

    def make(limits: Limits | None = None, address: str = "tcp://127.0.0.1:0") -> Host:
        hosts.append(Host(Closable, limits, address))
        hosts[-1].start()
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


class Closable(Adder):
    """With what a host asks of an application."""

    def close(self) -> None:
        pass


def frame(kind: str, **fields: Any) -> bytes:
    body = messages()["Request"](**{kind: fields}).SerializeToString()
    return varint(len(body)) + body


def test_answers_come_in_the_order_of_the_questions(start: Start) -> None:
    link = Link(start())
    sent = [frame("check_tx", tx=b"x" * n) for n in range(40)]
    link.socket.sendall(b"".join(sent) + frame("flush") + frame("echo", message="end"))
    assert [link.receive()[1].code for _ in range(40)] == list(range(40))
    assert link.receive()[0] == "flush"
    assert link.receive()[1].message == "end"
    link.close()


def test_four_connections_are_served_at_once(start: Start) -> None:
    host = start()
    links = [Link(host) for _ in range(4)]
    for link in links:
        link.send("check_tx", {"tx": b"abc"})
    assert [link.receive()[1].code for link in reversed(links)] == [3] * 4
    assert host.application.heard == ["check_tx"] * 4
    for link in links:
        link.close()


def test_a_frame_cut_at_every_byte(start: Start) -> None:
    host = start()
    whole = frame("check_tx", tx=b"abcdefgh", type=1)
    link = Link(host)
    for at in range(1, len(whole)):
        link.socket.sendall(whole[:at])
        link.socket.sendall(whole[at:])
        assert link.receive()[1].data == b"abcdefgh"
    link.close()
    assert len(host.application.heard) == len(whole) - 1


def test_an_engine_that_leaves_in_the_middle_of_a_frame(start: Start) -> None:
    host = start()
    whole = frame("check_tx", tx=b"abcdefgh")
    for at in range(1, len(whole)):
        link = Link(host)
        link.socket.sendall(whole[:at])
        link.close()
    link = Link(host)
    assert link.call("check_tx", {"tx": b"ok"}).code == 2
    link.close()
    assert host.application.heard == ["check_tx"]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ("80808080808080808001", "over 5 bytes"),
        ("ffffffffffffffff7f", "over 5 bytes"),
        ("ffffffff7f", "34,359,738,367"),
    ],
)
def test_a_length_of_two_to_the_63rd_closes_the_connection(start: Start, length: str, words: str) -> None:
    host = start()
    link = Link(host)
    link.socket.sendall(bytes.fromhex(length))
    with pytest.raises(ConnectionError):
        link.receive()
    link.close()
    assert any(words in report for report in host.reports)
    again = Link(host)
    assert again.call("info").data == "adder"
    again.close()


def test_the_limit_of_a_frame_is_a_setting(start: Start) -> None:
    host = start(Limits(frame_bytes=64))
    link = Link(host)
    assert link.call("check_tx", {"tx": b"x" * 50}).code == 50
    link.send("check_tx", {"tx": b"x" * 61})
    with pytest.raises(ConnectionError):
        link.receive()
    link.close()


@pytest.mark.parametrize(("body", "words"), [("", "an empty one"), ("2200", "field 4"), ("920300", "field 50")])
def test_an_unknown_message_is_answered_by_an_exception(start: Start, body: str, words: str) -> None:
    link = Link(start())
    raw = bytes.fromhex(body)
    link.socket.sendall(varint(len(raw)) + raw)
    kind, message = link.receive()
    assert (kind, words in message.error) == ("exception", True)
    assert link.call("info").data == "adder"  # the connection goes on
    link.close()


def test_unknown_fields_are_ignored(start: Start) -> None:
    link = Link(start())
    raw = bytes.fromhex("420a" + "0a03616263" + "4801" + "a20600" + "a20600")
    link.socket.sendall(varint(len(raw)) + raw)
    assert link.receive()[1].data == b"abc"
    link.close()


def test_bytes_that_are_no_message_end_the_connection(start: Start) -> None:
    host = start()
    link = Link(host)
    link.socket.sendall(bytes.fromhex("020a05") + frame("info"))
    assert link.receive()[0] == "exception"
    with pytest.raises(ConnectionError):
        link.receive()
    link.close()
    assert "info" not in host.application.heard  # nothing behind it is read


def test_an_error_of_the_application_is_told_and_reported(start: Start) -> None:
    host = start()
    link = Link(host)
    link.send("query", {"path": "/"})
    kind, message = link.receive()
    assert (kind, message.error) == ("exception", "adder: no such thing.")
    link.send("commit", {})
    kind, message = link.receive()
    assert (kind, message.error) == ("exception", "a fault of the program: ZeroDivisionError")
    link.close()
    assert any("a secret detail" in report for report in host.reports)


def test_a_frame_that_stands_still_closes_the_connection(start: Start) -> None:
    host = start(Limits(idle_s=0.05))
    link = Link(host)
    assert link.call("info").data == "adder"  # waiting between frames has no limit
    link.socket.sendall(frame("check_tx", tx=b"abc")[:4])
    with pytest.raises(ConnectionError):
        link.receive()
    link.close()
    assert any("stood still for 0.05 s" in report for report in host.reports)


def test_more_connections_than_an_engine_has(start: Start) -> None:
    host = start(Limits(connections=2))
    links = [Link(host), Link(host)]
    assert [link.call("info").data for link in links] == ["adder", "adder"]
    third = Link(host)
    with pytest.raises(ConnectionError):
        third.receive()
    third.close()
    links[0].close()
    while True:  # the place is free as soon as the server has seen the end
        again = Link(host)
        try:
            assert again.call("info").data == "adder"
        except (ConnectionError, OSError):
            again.close()
            continue
        break
    again.close()
    links[1].close()


def test_a_unix_socket_is_its_owners_alone(start: Start) -> None:
    short = tempfile.mkdtemp(prefix="abci-")  # the name of a socket has a bound, and a test's folder a long name
    path = Path(short) / "abci.sock"
    link = Link(start(address=f"unix://{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert link.call("echo", {"message": "hello"}).message == "hello"
    link.close()
    shutil.rmtree(short)


def test_an_address_that_is_taken(start: Start) -> None:
    import asyncio

    from concordat.node.abci import Server

    taken = start().address
    with pytest.raises(StateError, match="can't listen"):
        asyncio.run(Server(Adder()).start(taken))


def test_without_the_extra_the_words_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from concordat.errors import MethodError
    from concordat.node import abci_schema

    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    abci_schema.messages.cache_clear()
    with pytest.raises(MethodError, match=r"\[abci\]") as caught:
        abci_schema.messages()
    abci_schema.messages.cache_clear()
    assert "pip install 'concordat[abci]'" in caught.value.hint
