"""What tests of the engine stage share: members' entries in sequence, a plain meaning, an engine over some replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import TrustError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event
from concordat.ledger.membership import MembershipChain, Point
from fakes.engine import START, Engine, ledger_host
from simulation.keys import BLOC, NAMES, chain, secret

__all__ = ["BLOC", "NAMES", "START", "Count", "Writer", "chain", "running"]


class Writer:
    """One member that writes its log."""

    def __init__(self, member: str, person: str = "node") -> None:
        self.member, self.person = member, person
        self.entries: list[Entry] = []

    def say(self, word: str = "", **changed: Any) -> bytes:
        """The next entry, as an engine gets it."""
        entry = self.make(word, **changed)
        self.entries.append(entry)
        return entry.leaf

    def make(self, word: str = "", **changed: Any) -> Entry:
        """What `say` would write, not kept."""
        last = self.entries[-1].id if self.entries else FIRST
        fields: dict[str, Any] = {
            "author": self.member, "bloc": BLOC, "membership": 1, "person": self.person, "seq": len(self.entries) + 1,
            "prev": last, "scope": "council", "ts": "2026-06-01T00:00:00Z", "type": "Said",
            "body": {"word": word or f"{self.member} {len(self.entries) + 1}"},
            "secret": secret(self.member, self.person),
        }  # fmt: skip
        return Entry.new(**{**fields, **changed})


class Count:
    """A meaning that remembers what it was given: order, times, who counted."""

    def __init__(self, chain: MembershipChain) -> None:
        self._chain = chain
        self.state: list[Any] = []

    @property
    def state_hash(self) -> str:
        return canonical.digest(self.state)

    def take(self, point: Point, time: int, events: Sequence[Event]) -> Mapping[str, str]:
        bad = {}
        for event in events:
            try:
                self._chain.check_taken_up(event.entry, point)
            except TrustError as error:
                bad[event.entry.id] = str(error)
            else:
                self.state.append([point.batch, time, event.entry.id])
        return bad


@contextmanager
def running(root: Path, nodes: int = 1, *, meaning: Any = Count, every: int = 1_000, **about: Any) -> Iterator[Engine]:
    """An engine over some replicas of one bloc of four."""
    engine = Engine([ledger_host(root / f"{i}.db", chain(4), meaning, every) for i in range(nodes)], **about)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
