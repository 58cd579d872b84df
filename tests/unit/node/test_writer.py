"""The writer's thread goes on whatever a step, a listener or a caller does; what is half changed is never written."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import RuleError, StateError, TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.messages import Out
from concordat.node.home import Node
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.whole_disk import verify_disk
from concordat.node.writer import Writer
from unit_node import found

WAIT_S = 30


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a bloc of one, never opened: each test takes a copy."""
    return found(tmp_path_factory.mktemp("one"), ("BRA",))[0]


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


class Told:
    """A writer over a node, and what it told."""

    def __init__(self, home: Path, **more: Any) -> None:
        self.home, self.faults, self.sent, self.seconds = home, [], [], []  # type: ignore[var-annotated]
        self.node = Node(home)
        listeners: dict[str, Any] = {
            "send": self.sent.append, "committed": self.seconds.append,
            "fault": lambda where, error: self.faults.append((where, type(error).__name__)),
        }  # fmt: skip
        self.writer = Writer(self.node, 0.0, **(listeners | more))

    def say(self, word: str) -> Entry:
        """An entry that was acknowledged."""
        entry: Entry = self.writer.run(saying(word)).result(WAIT_S)
        return entry

    def close(self) -> None:
        self.writer.close()
        self.node.close()

    def on_disk(self) -> list[str]:
        """The ids of the log as a node reads it that is started again."""
        self.close()
        with Node(self.home) as again:
            verify_disk(again)
            assert again.signer.size_signed(again.replica.own.origin) <= again.replica.own.size
            return [entry.id for entry in again.replica.own.entries]


@pytest.fixture
def told(home: Path) -> Iterator[Told]:
    one = Told(home)
    yield one
    one.close()


def saying(word: str) -> Callable[[Node], tuple[Entry, Out]]:
    return lambda node: node.write("Said", {"word": word}, "exchange")


def half(node: Node) -> tuple[None, Out]:
    """A step that fails in the middle: the entry stands in memory, its head was never signed."""
    node.replica.own.append(Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=node.replica.own.size + 1,
        prev=node.replica.own.entries[-1].id, scope="exchange", ts="2026-11-22T00:00:00Z", type="Said",
        body={"word": "half"}, secret=node.signer.node,
    ))  # fmt: skip
    raise ZeroDivisionError("in the middle")


def late(node: Node) -> tuple[None, Out]:
    """A step that fails after all was done."""
    node.write("Said", {"word": "late"}, "exchange")
    raise KeyError("afterwards")


def test_a_fault_before_anything_changed_is_one_callers_alone(told: Told) -> None:
    first = told.say("first")

    def faulty(node: Node) -> tuple[None, Out]:
        raise ZeroDivisionError(node.identity.member)

    with pytest.raises(ZeroDivisionError):
        told.writer.run(faulty).result(WAIT_S)
    second = told.say("second")
    assert (told.writer.broken, told.faults) == ("", [("step", "ZeroDivisionError")])
    assert told.on_disk() == [first.id, second.id]


@pytest.mark.parametrize("step", [half, late], ids=["half", "late"])
def test_a_step_that_fails_in_the_middle_ends_the_writing_and_loses_nothing_acknowledged(told: Told, step: Any) -> None:
    first = told.say("first")
    told.writer._gather_s = 0.3  # so that all three are of one commit
    before = told.writer.run(saying("before"), gather=True)
    middle, after = told.writer.run(step, gather=True), told.writer.run(saying("after"), gather=True)
    for future in (before, middle, after):
        with pytest.raises(StateError, match=r"fault of the program in the ledger writer"):
            future.result(WAIT_S)
    assert told.faults == [("writer", "ZeroDivisionError" if step is half else "KeyError")]
    sent = len(told.sent)
    for ask in (told.writer.run(saying("more")), told.writer.read(lambda node: node.replica.own.size)):
        with pytest.raises(StateError) as refused:
            ask.result(WAIT_S)
        assert refused.value.code == "store_broken"
    with pytest.raises(StateError):
        told.writer.submit(first).result(WAIT_S)
    assert len(told.sent) == sent, "nothing was sent any more"
    assert told.on_disk() == [first.id]


def unread(node: Node) -> tuple[None, Out]:
    """A step that is refused in the middle, as where an old entry can't be read."""
    with contextlib.suppress(ZeroDivisionError):
        half(node)
    raise TrustError("the entry is not the one that was logged.", code="entry")


def test_a_refusal_in_the_middle_is_told_as_what_it_is_and_nothing_of_it_is_written(told: Told) -> None:
    first = told.say("first")
    with pytest.raises(StateError, match=r"ended halfway, and none of it was written: .*not the one that was logged"):
        told.writer.run(unread).result(WAIT_S)
    with pytest.raises(StateError) as refused:
        told.say("again")
    assert refused.value.code == "store_broken"
    assert told.on_disk() == [first.id]


def test_entries_signed_elsewhere_that_are_refused_in_the_middle_are_not_written(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told.say("first")
    entry = Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=2, prev=first.id, scope="exchange",
        ts="2026-11-22T00:00:00Z", type="Said", body={"word": "second"}, secret=told.node.signer.node,
    )  # fmt: skip

    def refused(now: int, count: int = 1) -> Out:
        raise StateError(f"can't be read: {now}, {count}.", code="store")

    monkeypatch.setattr(told.node.replica, "_publish", refused)
    with pytest.raises(StateError, match="ended halfway"):
        told.writer.submit(entry).result(WAIT_S)
    assert told.writer.broken
    assert told.on_disk() == [first.id]


@pytest.mark.parametrize("error", [MemoryError(), TrustError("level 0, tile 0 is missing.", code="tile")], ids=str)
@pytest.mark.parametrize("step", ["_save_entries", "_save_floor", "_save"])
def test_a_fault_within_the_commit_ends_the_writing(
    told: Told, step: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told.say("first")

    def faulty(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(told.node, step, faulty)
        with pytest.raises((StateError, TrustError)):
            told.say("second")
    with pytest.raises(StateError):
        told.say("third")
    assert told.faults == [("writer", type(error).__name__)]
    assert told.on_disk()[:1] == [first.id]  # what was not acknowledged may stand behind it


def test_a_refusal_is_no_fault(told: Told) -> None:
    def refused(node: Node) -> tuple[None, Out]:
        raise RuleError(f"not in {node.identity.bloc}.")

    with pytest.raises(RuleError):
        told.writer.run(refused).result(WAIT_S)
    assert (told.faults, told.writer.broken) == ([], "")


def test_a_look_that_fails_breaks_nothing(told: Told) -> None:
    def look(node: Node) -> None:
        raise IndexError(node.replica.own.size)

    with pytest.raises(IndexError):
        told.writer.read(look).result(WAIT_S)
    told.say("first")
    assert (told.faults, told.writer.broken) == ([("step", "IndexError")], "")


@pytest.mark.parametrize("name", ["send", "committed", "fault"])
def test_a_listener_that_fails_takes_nobody_an_answer(home: Path, name: str) -> None:
    def faulty(*_: object) -> None:
        raise RuntimeError("the loop is closed")

    told = Told(home, **{name: faulty})
    first, second = told.say("first"), told.say("second")
    if name == "fault":
        with pytest.raises(IndexError):
            told.writer.read(lambda _: ().__getitem__(0)).result(WAIT_S)
        told.say("third")
    assert told.writer.broken == ""
    assert told.on_disk()[:2] == [first.id, second.id]


def test_a_caller_that_has_gone_ends_no_thread(told: Told) -> None:
    told.writer._gather_s = 0.3
    gone = told.writer.run(saying("gone"), gather=True)
    assert gone.cancel()
    second = told.say("second")
    assert told.on_disk()[-1] == second.id


def test_a_node_whose_writer_failed_says_so_and_shows_what_is_durable(home: Path) -> None:
    lines: list[tuple[str, str, dict[str, Any]]] = []

    async def work() -> None:
        settings = NodeSettings(disk_reserve_mb=0)
        service = Service(
            Node(home), settings, log=lambda level, event, facts: lines.append((level, event, dict(facts)))
        )
        await service.write("Said", {"word": "first"}, "exchange")
        assert service.failing() == {}
        shown = (await service.published()).sizes
        with pytest.raises(StateError):
            await service.run(half)
        assert service.failing() == {"store": "a fault of the program in the ledger writer (ZeroDivisionError)."}
        assert "fault writer" in service.alarms
        assert (await service.published()).sizes == shown
        with pytest.raises(StateError):
            await service.write("Said", {"word": "second"}, "exchange")
        await service.close()

    asyncio.run(work())
    (fault,) = [facts for _, event, facts in lines if event == "fault"]
    assert any(line.startswith("test_writer.py:") and line.endswith(" half") for line in fault["trace"])
