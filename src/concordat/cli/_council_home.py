"""From whose seat a command of `council` is given: a member's own node, or one of many in a demo's folder.

In a demo (`--as BRA`, in the folder that `node demo` made) what is said is exchanged among all members until it is
final everywhere, so that its effect is seen at once. A node alone writes its entry and leaves the rest to `node sync`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import open_node, read
from concordat.errors import InputError, StateError

AS = typer.Option("", "--as", help="In a demo's folder: the member that speaks.")
DEMO = typer.Option(Path(), "--demo", help="The demo's folder; default: this one.")
MARK = "demo.json"


class Seat:
    """A member's view of the council, and its way to speak.

    Attributes:
        node: the node. member: its id. council: the state up to the final head. demo: whether all members are here.
    """

    def __init__(self, node: Any, others: list[tuple[Any, Path]]) -> None:
        self.node = node
        self.member: str = node.identity.member
        self.others = others
        self.refresh()
        if others and not self.council.things.get("rule") and not self.council.things.get("act"):
            from concordat.cli._council_found import found_council

            found_council(others, self.council)
            self.refresh()

    @property
    def demo(self) -> bool:
        """Whether all members are in one folder."""
        return bool(self.others)

    @property
    def now(self) -> int:
        """The clock, in seconds since 1970."""
        return int(self.node.now)

    def refresh(self) -> None:
        """Fold what is final now."""
        from concordat.node.council import council_of

        self.council = council_of(self.node.replica)

    def say(self, kind: str, body: dict[str, Any]) -> Any:
        """Say it, if it would have an effect; in a demo, until it is final everywhere. The entry."""
        return self.say_all([(kind, body)])[-1]

    def say_all(self, said: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Say several things, each checked against what the ones before come to.

        Raises:
            RuleError, InputError: one would have no effect; nothing of it or after it is written.
        """
        from concordat.node.council import check, say

        trial = self.council
        entries = []
        for kind, body in said:
            trial = check(trial, self.member, kind, body, self.now)
            entries.append(say(self.node, kind, body, dry=False))
        if self.demo:
            settle(self.others)
            self.refresh()
        elif len(self.node.chain.last.active) == 1:
            for _ in range(3):
                self.node.tick()
            self.refresh()
        return entries

    def became(self, kind: str, entry: Any) -> Any | None:
        """The object of a kind that an entry made; None while it is not final."""
        return next((t for t in self.council.all(kind) if t.entry == entry.id), None)

    def effect(self, entry: Any) -> str:
        """Why an entry had no effect; empty if it had one, or is not final yet."""
        return next((n.reason for n in self.council.no_effect if n.entry == entry.id), "")


def settle(nodes: list[tuple[Any, Path]]) -> int:
    """Exchange folders among all members until everything written is final everywhere; the rounds it took.

    Raises:
        StateError: it did not become final.
    """
    from concordat.node.publish import export
    from concordat.node.sync import ROUNDS_MAX, exchange

    for node, folder in nodes:
        export(node.replica, folder)
    wanted = {e.id for node, _ in nodes for e in node.replica.own.entries if e.scope == "council"}

    def done() -> bool:
        return all(wanted <= {e.id for _, _, e in node.replica.events()} for node, _ in nodes)

    rounds = exchange([node for node, _ in nodes], [folder for _, folder in nodes], done)
    if rounds == ROUNDS_MAX and not done():
        raise StateError(f"not final after {rounds} rounds of exchange.", hint="concordat node doctor", code="settle")
    return rounds


@contextmanager
def seat(home: Path | None, passphrase_file: Path | None, speaker: str, demo: Path) -> Iterator[Seat]:
    """The seat that the options name.

    Raises:
        InputError: no demo there, or no such member in it.
    """
    mark = demo / MARK
    if not speaker and home is None and mark.is_file():
        members = json.loads(read(mark))["members"]
        raise InputError("who speaks?", hint=f"In a demo say --as {members[0]} (or another member).", code="who")
    with ExitStack() as stack:
        if not speaker:
            yield Seat(stack.enter_context(open_node(home, passphrase_file)), [])
            return
        if home is not None:
            raise InputError("--as and --home can't go together.", hint="A demo has all members' nodes.", code="who")
        if not mark.is_file():
            hint = "Make one: concordat node demo 10 demo --bloc BRICS"
            raise InputError("there is no demo here.", where=str(demo), hint=hint, code="no_demo")
        from concordat.node.home import Node

        members = json.loads(read(mark))["members"]
        if speaker not in members:
            from concordat.settings import nearest

            close = nearest(speaker, members)
            hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(members)}."
            raise InputError(f"{speaker} is not in this demo.", where="--as", hint=hint, code="unknown_member")
        nodes = [(stack.enter_context(Node(demo / m / "home")), demo / m / "public") for m in members]
        yield Seat(next(node for node, _ in nodes if node.identity.member == speaker), nodes)
