"""From whose seat a command of `council` is given: a member's own node, or one of many in a demo's folder.

In a demo (`--as BRA`, in the folder that `node demo` made) what is said is exchanged among all members until it is
final everywhere, so that its effect is seen at once; so is what the only member of a bloc says. A node among others
writes its entry and leaves the rest to `node sync`. Where nobody else is needed, what fell due is settled first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._node_home import open_node
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.node.demo import Demo

AS = typer.Option("", "--as", help="In a demo's folder: the member that speaks.")
DEMO = typer.Option(Path(), "--demo", help="The demo's folder; default: this one.")
MARK = "demo.json"
TICKS = 3  # a batch, its certificate, and the next one that carries it


class Seat:
    """A member's view of the council, and its way to speak.

    Attributes:
        node: the node. member: its id. council: the state up to the final head. demo: all members, or None.
    """

    def __init__(self, node: Any, demo: Demo | None) -> None:
        self.node = node
        self.member: str = node.identity.member
        self.demo = demo
        self.refresh()
        if demo is not None and not self.council.things.get("rule") and not self.council.things.get("act"):
            from concordat.cli._council_found import found_council

            found_council(demo)
            self.refresh()
        if (self.demo is not None or self.alone) and (self.council.next_due or self.now) < self.now:
            for _ in range(2):  # the first tick is certified today, and the second finds that it is
                self._write([("ClockTicked", {})])
            if self.demo is not None:
                self.demo.publish()
            self.refresh()

    @property
    def alone(self) -> bool:
        """A bloc of this one member: what it writes is final at once."""
        return self.demo is None and len(self.node.chain.last.active) == 1

    @property
    def now(self) -> int:
        """The clock, in seconds since 1970."""
        return int(self.node.now)

    def refresh(self) -> None:
        """Fold what is final now."""
        from concordat.node.council import council_of

        self.council = self.demo.council_of(self.member) if self.demo else council_of(self.node.replica)

    def say(self, kind: str, body: dict[str, Any]) -> Any:
        """Say it, if it would have an effect; in a demo, until it is final everywhere. The entry."""
        return self.say_all([(kind, body)])[-1]

    def say_all(self, said: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Say several things, each checked against what the ones before come to.

        Raises:
            RuleError, InputError: one would have no effect; nothing is written.
        """
        from concordat.node.council import check

        trial = self.council
        for kind, body in said:
            trial = check(trial, self.member, kind, body, self.now)
        entries = self._write(said)
        if self.demo is not None:
            self.demo.publish()
        self.refresh()
        return entries

    def _write(self, said: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Write entries, until they are final where nobody else is needed."""
        from concordat.node.council import say

        if self.demo is not None:
            entries = [self.demo.say(self.member, kind, body, dry=False) for kind, body in said]
            self.demo.settle()
            return entries
        entries = [say(self.node, kind, body, dry=False) for kind, body in said]
        for _ in range(TICKS if self.alone else 0):
            self.node.tick()
        return entries

    def became(self, kind: str, entry: Any) -> Any | None:
        """The object of a kind that an entry made; None while it is not final."""
        return next((t for t in self.council.all(kind) if t.entry == entry.id), None)

    def effect(self, entry: Any) -> str:
        """Why an entry had no effect; empty if it had one, or is not final yet."""
        return next((n.reason for n in self.council.no_effect if n.entry == entry.id), "")


@contextmanager
def seat(
    home: Path | None, passphrase_file: Path | None, speaker: str, demo: Path, reads: bool = False
) -> Iterator[Seat]:
    """The seat that the options name; where a command only reads, any seat of a demo: all members see the same.

    Raises:
        InputError: no demo there, or no such member in it.
    """
    in_demo = home is None and (demo / MARK).is_file()
    if not speaker and not (reads and in_demo):
        if in_demo:
            raise InputError("who speaks?", hint="In a demo say --as and a member, such as --as BRA.", code="who")
        with open_node(home, passphrase_file) as node:
            yield Seat(node, None)
        return
    if home is not None:
        raise InputError("--as and --home can't go together.", hint="A demo has all members' nodes.", code="who")
    from concordat.node.demo import Demo

    with Demo(demo) as opened:
        speaker = speaker or min(opened.members)
        if speaker not in opened.members:
            from concordat.settings import nearest

            close = nearest(speaker, opened.members)
            hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(opened.members)}."
            raise InputError(f"{speaker} is not in this demo.", where="--as", hint=hint, code="unknown_member")
        yield Seat(opened.nodes[speaker], opened)
