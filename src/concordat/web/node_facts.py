"""How the running node stands, for the page that says it: a few words and numbers, taken when the page is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from concordat import canonical


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """One peer. lag: entries that it has and this node lacks. contact_s: seconds since it answered; None: never."""

    member: str
    log: int
    lag: int
    state: str
    contact_s: int | None
    note: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node.

    Attributes:
        member: whose it is. recovery: `normal`, or what keeps it from signing. failing: why it isn't ready.
        alarms: what everybody must see. drill_day: of the last good restore of a backup, or empty.
    """

    member: str
    version: str
    url: str
    recovery: str
    failing: tuple[str, ...]
    alarms: tuple[str, ...]
    peers: tuple[PeerFacts, ...]
    drill_day: str = ""

    @property
    def mark(self) -> str:
        """Changes with what it says; contact counts by the minute, so that a page isn't made anew each second."""
        peers = [[p.member, p.log, p.lag, p.state, minutes(p.contact_s), p.note] for p in self.peers]
        said = [self.recovery, list(self.failing), list(self.alarms), peers, self.drill_day]
        return canonical.digest(said)[:16]


def minutes(seconds: int | None) -> int | None:
    """Whole minutes."""
    return None if seconds is None else seconds // 60
