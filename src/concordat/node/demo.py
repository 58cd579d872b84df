"""A bloc of many members in one folder: each its own node, exchanging files until all is final everywhere.

    with Demo.found(Path("demo"), "BRICS", ("BRA", "CHN", "IND")) as demo:
        demo.say("BRA", "MeetingOpened", {"title": "First", "begins": "2026-05-04T10:00Z"})
        demo.settle()
        demo.council.all("meeting")

For demonstrations, examples and tests; nothing in it is a shortcut: what is final here was witnessed, ordered, mirrored
and certified by the members' own keys.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.council.fold import Replay
from concordat.council.state import Council
from concordat.errors import InputError, StateError
from concordat.ledger.entry import Entry
from concordat.node.council import check, replay_of, say, steps_of
from concordat.node.found import adopt, found_payload, init, read_record, read_root, sign_payload
from concordat.node.home import Node
from concordat.node.identity import Identity
from concordat.node.publish import export
from concordat.node.sync import ROUNDS_MAX, exchange

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
        """A copy of the state in which everything that lies before the clock is settled, as the next entry will find it."""
        now = copy.deepcopy(self.council)
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

    def say(self, member: str, kind: str, body: Mapping[str, Any], *, dry: bool = True) -> Entry:
        """Write an entry of a member, once it would have an effect as things are final; `settle` makes it final.

        Raises:
            InputError, RuleError: it would have none.
        """
        node = self.nodes[member]
        if dry:
            check(self.council_of(member), member, kind, body, node.now)
        return say(node, kind, body, dry=False)

    def settle(self) -> int:
        """Exchange folders until everything written is final everywhere; the rounds it took.

        Raises:
            StateError: it did not become final.
        """
        nodes, folders = list(self.nodes.values()), list(self.folders.values())
        for node, folder in zip(nodes, folders, strict=True):
            export(node.replica, folder)
        wanted = {e.id for node in nodes for e in node.replica.own.entries if e.scope == "council"}

        def done() -> bool:
            return all(wanted <= {e.id for _, _, e in node.replica.events()} for node in nodes)

        rounds = exchange(nodes, folders, done)
        if not done():
            hint = "Look at each node: concordat node doctor"
            raise StateError(f"not final after {ROUNDS_MAX} rounds of exchange.", hint=hint, code="settle")
        return rounds
