"""From whose seat a command of `exchange` is given: a member's own node, or one of many in a demo's folder.

In a demo (`--as BRA`, in the folder that `node demo` made) what is said goes to all members at once, witnessed. A node
among others writes its entry and leaves the rest to `node sync` or to the running node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli._council_home import AS, DEMO, MARK
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, open_node
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.fold import Exchange
    from concordat.node.demo import Demo

__all__ = ["AS", "DEMO", "HOME", "JSON", "PASSPHRASE", "Seat", "seat"]


class Seat:
    """A member's view of the exchange, and its way to speak.

    Attributes:
        node: the node. member: its id. demo: all members, or None.
    """

    def __init__(self, node: Any, demo: Demo | None) -> None:
        self.node = node
        self.member: str = node.identity.member
        self.demo = demo

    @property
    def exchange(self) -> Exchange:
        """The state as this member's node has it now."""
        from concordat.node.exchange import exchange_of

        return exchange_of(self.node.replica)

    def say(self, kind: str, body: Mapping[str, Any], refs: Sequence[str] = ()) -> Any:
        """Check and write an entry; in a demo all members have it when this returns. The entry.

        Raises:
            InputError, RuleError: it can't be said so; nothing is written.
        """
        from concordat.exchange.events import SCOPE, check_said
        from concordat.node.exchange import say

        if self.demo is None:
            entry = say(self.node, kind, body, refs)
            if len(self.node.chain.last.active) == 1:
                self.node.tick()
            return entry
        check_said(kind, body, self.member)
        entry = self.demo.say(self.member, kind, body, scope=SCOPE)
        self.demo.settle()
        self.demo.publish()
        return entry


@contextmanager
def seat(
    home: Path | None, passphrase_file: Path | None, speaker: str, demo: Path, reads: bool = False
) -> Iterator[Seat]:
    """The seat that the options name; where a command only reads, any seat of a demo: all members hold the same logs.

    Raises:
        InputError: no demo there, or no such member in it.
    """
    in_demo = home is None and (demo / MARK).is_file()
    if not in_demo and speaker:
        with open_node(home, passphrase_file) as node:
            if node.identity.member != speaker:
                what = f"this node is {node.identity.member}'s, not {speaker}'s."
                raise InputError(what, where="--as", hint="Name another --home.", code="who")
            yield Seat(node, None)
        return
    if not in_demo:
        with open_node(home, passphrase_file) as node:
            yield Seat(node, None)
        return
    if not speaker and not reads:
        raise InputError("who speaks?", hint="In a demo say --as and a member, such as --as BRA.", code="who")
    from concordat.node.demo import Demo

    with Demo(demo) as opened:
        speaker = speaker or min(opened.members)
        if speaker not in opened.members:
            from concordat.settings import nearest

            close = nearest(speaker, opened.members)
            hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(opened.members)}."
            raise InputError(f"{speaker} is not in this demo.", where="--as", hint=hint, code="unknown_member")
        yield Seat(opened.nodes[speaker], opened)
