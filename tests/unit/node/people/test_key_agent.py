"""The key agent: signs and never tells, forgets by its own clock, sends strangers and nonsense away."""

from __future__ import annotations

import json
import socket
import stat
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from concordat.errors import RuleError, StateError
from concordat.ledger.keys import Ed25519Secret, verify_ed25519
from concordat.node import key_agent
from concordat.node.key_agent import FRAME_MAX, AgentKeys, KeyAgent, start_agent
from concordat.node.people import People
from concordat.node.person_keys import UNLOCKED_S
from people_kit import CHEAP, PHRASE, T0, bare, join

SEED = b"PLANTED seed of thirty-two bytes"
KEY = Ed25519Secret(SEED)


class Clock:
    now = T0


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cc-", dir="/tmp") as folder:  # short, for the socket's name
        yield Path(folder) / "agent" / "keys.sock"


@pytest.fixture
def agent(path: Path) -> Iterator[Path]:
    Clock.now = T0
    found = KeyAgent(path, lambda: Clock.now)
    thread = threading.Thread(target=found.serve, daemon=True)
    thread.start()
    yield path
    found._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
    found.close()
    thread.join(10)


def test_it_signs_as_the_key_in_hand_would(agent: Path) -> None:
    keys = AgentKeys(agent)
    keys.unlock("s1", SEED, T0)
    key = keys.key("s1", KEY.public, T0)
    assert key.sign(b"message") == KEY.sign(b"message")
    verify_ed25519(KEY.public, key.sign(b"x" * 70_000), b"x" * 70_000)
    assert "PLANTED" not in repr(key)


def test_another_session_another_key_and_a_forgotten_one_are_locked(agent: Path) -> None:
    keys = AgentKeys(agent)
    keys.unlock("s1", SEED, T0)
    key = keys.key("s1", KEY.public, T0)
    for session, public in (("s2", KEY.public), ("s1", Ed25519Secret(b"x" * 32).public)):
        with pytest.raises(RuleError) as caught:
            keys.key(session, public, T0)
        assert caught.value.code == "key_locked"
    keys.forget("s1")
    with pytest.raises(RuleError, match="your key is locked"):
        key.sign(b"message")


def test_15_minutes_by_its_own_clock_whatever_a_caller_says(agent: Path) -> None:
    keys = AgentKeys(agent)
    keys.unlock("s1", SEED, T0 + 10**9)
    Clock.now = T0 + UNLOCKED_S - 1
    keys.key("s1", KEY.public, 0)
    Clock.now = T0 + UNLOCKED_S
    with pytest.raises(RuleError, match="your key is locked"):
        keys.key("s1", KEY.public, 0)


def test_no_word_gives_a_seed_back(agent: Path) -> None:
    AgentKeys(agent).unlock("s1", SEED, T0)
    public = key_agent._text(KEY.public)
    for word in ("seed", "key", "list", "dump", "unlock", "sign", "public", "forget", "", "__dict__"):
        reply = _raw(agent, json.dumps({"do": word, "session": "s1", "public": public}).encode())
        assert SEED not in reply
        assert key_agent._text(SEED).encode() not in reply
        assert SEED.hex().encode() not in reply


def _raw(agent: Path, data: bytes, length: int | None = None) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to:
        to.settimeout(10)
        to.connect(str(agent))
        to.sendall(struct.pack(">I", len(data) if length is None else length) + data)
        to.shutdown(socket.SHUT_WR)
        found = b""
        while part := to.recv(65_536):
            found += part
        return found


@pytest.mark.parametrize(
    ("data", "length"),
    [(b"", None), (b"null", None), (b"[]", None), (b"{", None), (b"x", 2**32 - 1), (b"x", FRAME_MAX + 1), (b"{}", 5),
     (b"[" * 10_000, None), (b"\xff", None)],
)  # fmt: skip
def test_nonsense_is_sent_away_and_the_next_is_served(agent: Path, data: bytes, length: int | None) -> None:
    with suppress(ConnectionError):  # it may close before all was sent
        assert _raw(agent, data, length) == b""
    AgentKeys(agent).unlock("s1", SEED, T0)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"do": "sign", "session": "s1"},
        {"do": "unlock", "session": "s", "seed": "AAAA"},
        {"do": "unlock", "session": "s", "seed": 5},
    ],
)
def test_a_request_that_is_none_is_answered(agent: Path, asked: dict[str, object]) -> None:
    reply = json.loads(_raw(agent, json.dumps(asked).encode())[4:])
    assert (reply["error"], reply["code"]) == ("InputError", "key_agent")


def test_a_caller_of_another_user_is_sent_away(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_agent.os, "getuid", lambda: 12_345)
    with pytest.raises(StateError, match="does not answer"):
        AgentKeys(agent).unlock("s1", SEED, T0)


def test_the_socket_is_its_owners_alone(agent: Path) -> None:
    assert stat.S_IMODE(agent.stat().st_mode) == 0o600
    assert stat.S_IMODE(agent.parent.stat().st_mode) == 0o700


def test_without_an_agent_it_is_said(path: Path) -> None:
    with pytest.raises(StateError, match="the key agent does not answer") as caught:
        AgentKeys(path).unlock("s1", SEED, T0)
    assert "PLANTED" not in str(caught.value)


def test_as_a_process_of_its_own_it_ends_with_its_maker(path: Path) -> None:
    process = start_agent(path)
    try:
        keys = AgentKeys(path)
        keys.unlock("s1", SEED, T0)
        assert keys.key("s1", KEY.public, T0).sign(b"m") == KEY.sign(b"m")
        limits = Path(f"/proc/{process.pid}/limits")
        if limits.exists():
            (core,) = [line for line in limits.read_text().splitlines() if line.startswith("Max core file size")]
            assert core.split()[4] == "0"
        assert process.stdin is not None
        process.stdin.close()  # as when the maker is gone
        assert process.wait(10) == 0
        assert not path.exists()
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_people_use_it_like_their_own_memory(agent: Path, tmp_path: Path) -> None:
    bare(tmp_path / "home").close()
    people = People.open(tmp_path / "home", cost=CHEAP, holder=AgentKeys(agent))
    account, _ = join(people, "maria", ["delegate"], label="del-04")
    public = people.keys.make(account.id, PHRASE, T0)
    people.keys.unlock(account.id, "s1", PHRASE, T0)
    key = people.keys.signing_key(account.id, "s1", T0)
    verify_ed25519(public, key.sign(b"message"), b"message")
    people.close()
