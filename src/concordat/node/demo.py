"""A bloc of many members in one folder: each its own node, exchanging files until all is final everywhere.

    with Demo.found(Path("demo"), "BRICS", ("BRA", "CHN", "IND")) as demo:
        demo.say("BRA", "MeetingOpened", {"title": "First", "begins": "2026-05-04T10:00Z"})
        demo.settle()
        demo.council.all("meeting")

For demonstrations, examples and tests; nothing in it is a shortcut: what is final here was witnessed, ordered, mirrored
and certified by the members' own keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.council.fold import Replay
from concordat.council.state import Council
from concordat.errors import InputError, StateError
from concordat.ledger.entry import Entry
from concordat.ledger.messages import Message
from concordat.ledger.replica import Out
from concordat.node.council import check, replay_of, steps_of
from concordat.node.found import adopt, found_payload, init, read_record, read_root, sign_payload
from concordat.node.home import Node
from concordat.node.identity import Identity
from concordat.node.publish import export

ROUNDS_MAX = 60
MARK = "demo.json"


class Demo:
    """The nodes of all members, opened.

    Attributes:
        root: the folder. members: their ids. nodes: by member. folders: what each publishes.
    """

    def __init__(self, root: Path) -> None:
        mark = root / MARK
        if not mark.is_file():
            hint = "Make one: concordat node demo 10 demo --bloc BRICS"
            raise InputError("there is no demo here.", where=str(root), hint=hint, code="no_demo")
        self.root = root
        self.members: tuple[str, ...] = tuple(canonical.loads(mark.read_bytes())["members"])
        self._stack = ExitStack()
        try:
            self.nodes = {m: self._stack.enter_context(Node(root / m / "home")) for m in self.members}
        except BaseException:
            self._stack.close()
            raise
        self.folders = {m: root / m / "public" for m in self.members}
        self._replays: dict[str, tuple[int, Replay]] = {}
        self._letters: dict[str, list[tuple[str, Message]]] = {member: [] for member in self.members}

    @classmethod
    def found(cls, root: Path, bloc: str, members: Sequence[str]) -> Demo:
        """Make the nodes, their keys and their common membership.

        Raises:
            InputError: the folder is not empty.
        """
        if root.exists() and any(root.iterdir()):
            raise InputError("the folder is not empty.", where=str(root), hint="Choose a new one.", code="not_empty")
        homes = [root / member / "home" for member in members]
        for member, home in zip(members, homes, strict=True):
            init(home, Identity(bloc, member, f"{member.lower()}.example"))
        payload = canonical.dumps(found_payload(bloc, [read_record(home / "member.json")[1] for home in homes]))
        envelope = None
        for home in homes:
            roots = [read_root(path) for path in sorted((home / "roots").glob("root-*.json"))[:2]]
            envelope = sign_payload(payload, roots, envelope)
        assert envelope is not None
        for home in homes:
            adopt(home, [envelope.to_bytes()])
        (root / MARK).write_bytes(canonical.dumps({"bloc": bloc, "members": list(members)}))
        return cls(root)

    def close(self) -> None:
        """Give all folders back."""
        self._stack.close()

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- The council --------------------------------------------------------------------------------------------------

    @property
    def council(self) -> Council:
        """The state as the first member has it."""
        return self.council_of(self.members[0])

    def council_today(self) -> Council:
        """A copy of the state as the next entry will find it: all that lies before the clock is settled."""
        now = self.council.frozen()
        now.advance(next(iter(self.nodes.values())).now)
        return now

    def council_of(self, member: str) -> Council:
        """The state as a member's own node folds it; only what is new is folded."""
        replica = self.nodes[member].replica
        steps = steps_of(replica.chain, replica.shelf, replica.councils, replica.final())
        done, replay = self._replays.get(member, (0, None))  # type: ignore[assignment]
        if replay is None:
            replay, done = replay_of(replica.chain, []), 0
        for step in steps[done:]:
            replay.step(step)
        self._replays[member] = (len(steps), replay)
        return replay.council

    def require_equal(self) -> str:
        """All members come to the same state; its hash.

        Raises:
            StateError: they don't.
        """
        hashes = {member: self.council_of(member).state_hash for member in self.members}
        if len(set(hashes.values())) != 1:
            raise StateError(f"the members' states differ: {hashes}.", code="state")
        return next(iter(hashes.values()))

    def say(
        self, member: str, kind: str, body: Mapping[str, Any], *, dry: bool = True, scope: str = "council"
    ) -> Entry:
        """Write an entry of a member, once it would have an effect as things are final; `settle` makes it final.

        An entry of another scope than the council's has no dry run here: who says it has checked it.

        Raises:
            InputError, RuleError: it would have none.
        """
        node = self.nodes[member]
        if dry and scope == "council":
            check(self.council_of(member), member, kind, body, node.now)
        entry, out = node.write(kind, body, scope)
        self._post(member, out)
        return entry

    def _post(self, sender: str, out: Out) -> None:
        for receiver, message in out:
            self._letters[receiver].append((sender, message))

    def settle(self) -> int:
        """Let the members exchange messages until everything written is final everywhere; the rounds it took.

        Messages go from hand to hand within this process; what a node sends is durable before it leaves, as ever.

        Raises:
            StateError: it did not become final.
        """
        wanted = {m: node.replica.own.council_between(0, node.replica.own.size) for m, node in self.nodes.items()}
        for number in range(1, ROUNDS_MAX + 1):
            for member, node in self.nodes.items():
                letters, self._letters[member] = self._letters[member], []
                out: Out = []
                with node.together():
                    for sender, message in letters:
                        out += node.handle(sender, message)
                    out += node.tick()
                self._post(member, out)
            if any(self._letters.values()):
                continue
            if self._done(wanted):
                return number
            for node in self.nodes.values():
                node.replica.sent = 0  # nothing moves: what is unfinished is sent again at once
        hint = "Look at each node: concordat node doctor"
        raise StateError(f"not final after {ROUNDS_MAX} rounds of messages.", hint=hint, code="settle")

    def _done(self, wanted: Mapping[str, Sequence[int]]) -> bool:
        """Every member's last entry for the council lies below the final cursors of every member."""
        for node in self.nodes.values():
            replica = node.replica
            view, size = replica.final()
            if not view:
                return not any(wanted.values())
            cursors = replica.councils[view].progress_at(size).cursors
            for member, places in wanted.items():
                if places and cursors.get(self.nodes[member].replica.own.origin, 0) <= places[-1]:
                    return False
        return True

    def publish(self) -> None:
        """Write every member's public folder."""
        for member, node in self.nodes.items():
            export(node.replica, self.folders[member], node.home)
