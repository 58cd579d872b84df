"""What is lost on the way is said again: a full outbox, and nodes that start together and can't sign yet.

Three nodes without sockets; time is given, the outboxes are those of a running node. A message to a member that holds
its keys back, or that can't be reached, does what it would do over a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.ledger.catching_up import RESEND_MAX_S, RESEND_S
from concordat.ledger.messages import Cosigned, Message, Out, WantNote
from concordat.ledger.replica import Replica
from concordat.node import peers as module
from concordat.node.home import Node
from concordat.node.peer_machine import PeerMachine
from concordat.node.peers import Peer
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from unit_node import IDS, found

START = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Three:
    """Three nodes, an outbox for each way, and a clock."""

    def __init__(self, homes: list[Path], stack: ExitStack) -> None:
        self.nodes = {m: stack.enter_context(Node(home)) for m, home in zip(IDS, homes, strict=True)}
        self.boxes = {(a, b): Peer(b, "", PeerMachine(b, 5, lambda: 1.0)) for a in IDS for b in IDS if a != b}
        self.cut: set[str] = set()
        self.lost: Callable[[Message], bool] = lambda _: False
        self.seconds = 0

    def post(self, sender: str, out: Out) -> None:
        for receiver, message in out:
            if not self.lost(message):
                self.boxes[sender, receiver].post(message)

    def deliver(self) -> None:
        """Everything on its way, until nobody says any more."""
        while ready := [way for way, box in self.boxes.items() if box.outbox and not self.cut & set(way)]:
            for sender, receiver in ready:
                box = self.boxes[sender, receiver]
                message = box.outbox[0]
                box.taken(1, box.dropped)
                self.post(receiver, self.nodes[receiver].handle(sender, message))

    def step(self, seconds: int = 1) -> None:
        """Time goes on by seconds, one at a time."""
        for _ in range(seconds):
            self.seconds += 1
            with clock.fixed(START + timedelta(seconds=self.seconds)):
                for member, node in self.nodes.items():
                    self.post(member, node.tick())
                self.deliver()

    def say(self, member: str, word: str) -> None:
        with clock.fixed(START + timedelta(seconds=self.seconds)):
            self.post(member, self.nodes[member].write("Said", {"word": word}, "council")[1])

    def words(self, member: str) -> list[str]:
        """What is final at a member, in order."""
        return [entry.body["word"] for _, _, entry in self.nodes[member].replica.events()]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    with clock.fixed(START), ExitStack() as stack:
        homes = found(tmp_path)
        yield Three(homes, stack)


def test_what_a_full_outbox_drops_comes_all_the_same(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTBOX_MAX", 2)
    three.step()
    three.cut = {"ZAF"}
    for n in range(12):
        three.say("BRA", f"b{n}")
        three.say("IND", f"i{n}")
        three.step()
    assert min(three.boxes[m, "ZAF"].dropped for m in ("BRA", "IND")) > 5
    assert three.words("ZAF") == []
    three.cut = set()
    three.step(2 * RESEND_MAX_S)
    wanted = sorted([f"b{n}" for n in range(12)] + [f"i{n}" for n in range(12)])
    assert [sorted(three.words(member)) for member in IDS] == [wanted] * 3


def test_whatever_reaches_the_disk_shows_in_how_a_node_stands(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Node.stand`, by which the writer knows whether a step that failed had changed anything."""
    steps: list[tuple[bool, bool]] = []
    step = Node._step

    def watched(node: Node, action: Callable[[], Any]) -> Any:
        disk, stand = on_disk(node), node.stand()
        result = step(node, action)
        steps.append((disk != on_disk(node), stand != node.stand()))
        return result

    monkeypatch.setattr(Node, "_step", watched)
    three.step(2)
    for n, member in enumerate((*IDS, "BRA")):
        three.say(member, f"w{n}")
        three.step(2)
    three.cut = {"BRA"}  # the first chair is away: the others vote for a new view
    three.say("IND", "alone")
    three.step(3)
    with monkeypatch.context() as patch:
        patch.setattr(Replica, "_patience", lambda _: 1)
        three.step(4)
    assert len(three.words("IND")) == 4
    assert steps.count((True, True)) > 20
    assert (True, False) not in steps
    assert steps.count((False, False)) > 5, "and it is not always said to have changed"


def on_disk(node: Node) -> list[Any]:
    """All that a node keeps: its tables, and what its keys remember."""
    tables = ("entry", "head", "note", "paper")
    rows = [node.store._db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
    return [*rows, (node.home / "keys" / "floor.json").read_bytes()]


def starting(three: Three, *, hurrying: bool) -> int:
    """Seconds until an own head is cosigned by a quorum, where the others may sign some seconds later than BRA."""
    for node in three.nodes.values():
        node.signer.held = "starting"
    node = three.nodes["BRA"]
    node.signer.held = ""
    three.cut = {"IND", "ZAF"}
    three.say("BRA", "first")
    three.cut = set()
    three.step(3)  # the others were told, and could not sign
    for member, after in (("IND", 2), ("ZAF", 3)):
        three.step(after)
        three.nodes[member].signer.held = ""
    if hurrying:
        node.replica.hurry()
    began = three.seconds
    while node.replica.own.submitted_size == 0:
        three.step()
    return three.seconds - began


def test_nodes_that_start_together_do_not_wait_for_the_resending(three: Three) -> None:
    assert starting(three, hurrying=True) <= 4


def test_without_hurry_they_would(three: Three) -> None:
    assert starting(three, hurrying=False) > RESEND_S / 2


def test_hurry_lasts_until_others_can_sign_too(three: Three) -> None:
    """Said again after 1, 2, 4 and 8 seconds: whoever may sign a little later is asked again soon."""
    for member in ("IND", "ZAF"):
        three.nodes[member].signer.held = "starting"
    three.say("BRA", "first")
    three.step(2)
    three.nodes["BRA"].replica.hurry()
    three.step(6)
    for member in ("IND", "ZAF"):
        three.nodes[member].signer.held = ""
    three.step(8)
    assert three.nodes["BRA"].replica.own.submitted_size == 1


def test_a_service_that_may_sign_looks_again_at_all(tmp_path: Path) -> None:
    homes = found(tmp_path)
    service = Service(Node(homes[0]), NodeSettings(disk_reserve_mb=0))
    try:
        looked: list[str] = []
        service.node.replica.hurry = lambda: looked.append("hurry")  # type: ignore[method-assign]
        for peer in service.peers:
            peer.heads_tag = "as it was"
        service._tick(service.node)
        assert (looked, [peer.heads_tag for peer in service.peers]) == ([], ["as it was"] * 2)
        for member in ("IND", "ZAF"):
            service.recovery.answered(member, 0)
        service._tick(service.node)
        service._tick(service.node)
        assert (looked, [peer.heads_tag for peer in service.peers]) == (["hurry"], ["", ""])
    finally:
        service._shut()


@pytest.mark.parametrize("older", [False, True], ids=["none", "of an earlier head"])
def test_a_chair_that_lost_what_it_had_gathered_asks_again(three: Three, older: bool) -> None:
    """As after a restored backup. Its silence would be borne for half an hour before others vote for a new chair."""
    three.say("BRA", "first")
    three.step(2)
    assert three.words("ZAF") == ["first"]
    chair = three.nodes["BRA"].replica
    before = chair.open_council
    three.lost = lambda message: isinstance(message, Cosigned) and "/council/" in message.origin
    three.say("IND", "second")
    three.step(2)
    assert three.words("BRA") == ["first"]
    assert before is not None
    assert chair.open_council is not before
    chair.open_council = before if older else None
    three.lost = lambda _: False
    three.step(3)
    assert [three.words(member) for member in IDS] == [["first", "second"]] * 3
    assert [len(node.replica.accusations) for node in three.nodes.values()] == [0, 0, 0]


# --- The outbox itself ------------------------------------------------------------------------------------------------


def box(*names: str) -> Peer:
    peer = Peer("IND", "", PeerMachine("IND", 5, lambda: 1.0))
    for name in names:
        peer.post(note(name))
    return peer


def note(name: str) -> Message:
    return WantNote(name * 64)


def test_what_came_while_a_letter_was_on_its_way_is_not_taken_for_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTBOX_MAX", 3)
    peer = box("a", "b", "c")
    dropped = peer.dropped
    peer.post(note("d"))
    peer.post(note("e"))  # a and b, which are on their way, go from the front
    peer.taken(2, dropped)
    assert peer.outbox == [note("c"), note("d"), note("e")]
    for name in "fghi":
        peer.post(note(name))
    peer.taken(1, dropped)
    assert peer.outbox == [note("g"), note("h"), note("i")]
    peer.taken(3, peer.dropped)
    assert (peer.outbox, peer.outbox_bytes) == ([], 0)
