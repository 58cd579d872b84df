"""Who the peers are, how they are, and when they are asked again.

A `Peer` is another active member: its address (the settings', or `https://<host>` of the membership), its machine, and
what `node status` shows of it. The wait after the k-th failure in a row is `min(600, sync_every_s * 2^k) * u` seconds,
u uniform in [0.5, 1.5], so that many nodes don't come back at one moment; success resets it. Whoever breaks a limit or
a proof waits 600 seconds and is named.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from concordat.errors import ConcordatError
from concordat.ledger.membership import MembershipChain
from concordat.ledger.messages import Message
from concordat.node.letters import weight
from concordat.node.peer_machine import PeerMachine, State
from concordat.node.settings import NodeSettings

OUTBOX_BYTES_MAX = 32 * 2**20
OUTBOX_MAX = 4_096


@dataclass
class Peer:
    """One other member.

    Attributes:
        member: its id. url: its address. machine: where the rounds with it stand.
        latency_s: of the last answers, smoothed. clock_s: how far its clock is ahead of ours, if it said.
        heads_tag: of its last list of heads. outbox: messages that wait to be sent to it. dropped: how many went from
            it unsent.
        fault: why a message failed while a round runs; counted when the round ends.
    """

    member: str
    url: str
    machine: PeerMachine
    latency_s: float = 1.0
    clock_s: float | None = None
    heads_tag: str = ""
    rounds: int = 0
    outbox: list[Message] = field(default_factory=list)
    outbox_bytes: int = 0
    dropped: int = 0
    fault: ConcordatError | None = None

    @property
    def reachable(self) -> bool:
        """Whether messages may go to it: it isn't waiting, and none has just failed."""
        return self.fault is None and self.machine.state is not State.WAITING

    def post(self, message: Message) -> None:
        """Put a message into the outbox; beyond the bound the oldest go: whoever lacks them asks again.

        That is the protocol's promise for every message that is lost: the peer's rounds fetch logs, notes, votes and
        proofs, and the replica says again what is unfinished (`ledger.catching_up`).
        """
        self.outbox.append(message)
        self.outbox_bytes += weight(message)
        while len(self.outbox) > OUTBOX_MAX or (self.outbox_bytes > OUTBOX_BYTES_MAX and len(self.outbox) > 1):
            self.outbox_bytes -= weight(self.outbox.pop(0))
            self.dropped += 1

    def taken(self, count: int, dropped: int) -> None:
        """The first messages were sent.

        Args:
            dropped: `dropped` as it was when they were: of those that were sent, some may have gone since.
        """
        count = max(0, count - (self.dropped - dropped))
        self.outbox_bytes -= sum(weight(message) for message in self.outbox[:count])
        del self.outbox[:count]

    def answered(self, seconds: float) -> None:
        """It answered after so many seconds."""
        self.latency_s = 0.8 * self.latency_s + 0.2 * seconds


class Peers:
    """All other active members.

    Args:
        draw: a number in [0.5, 1.5] for each wait.
    """

    def __init__(
        self, me: str, chain: MembershipChain, settings: NodeSettings, draw: Callable[[], float] | None = None
    ) -> None:
        spread = draw or (lambda: random.uniform(0.5, 1.5))
        self.by_member: dict[str, Peer] = {}
        for member in sorted(chain.last.active, key=lambda m: m.id):
            if member.id != me:
                url = settings.peers.get(member.id) or f"https://{member.host}"
                machine = PeerMachine(member.id, settings.sync_every_s, spread)
                self.by_member[member.id] = Peer(member.id, url.rstrip("/"), machine)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self.by_member.values())

    def __len__(self) -> int:
        return len(self.by_member)

    def get(self, member: str) -> Peer | None:
        """A peer, or None for whoever is none."""
        return self.by_member.get(member)

    def due(self, now: float) -> list[Peer]:
        """The peers whose next round may begin, the quickest first."""
        ready = [peer for peer in self.by_member.values() if peer.machine.may_begin(now)]
        return sorted(ready, key=lambda peer: (peer.latency_s, peer.member))

    def median_clock(self) -> float | None:
        """By how many seconds the peers' clocks are ahead of ours, in the median; None if none has said."""
        known = sorted(peer.clock_s for peer in self.by_member.values() if peer.clock_s is not None)
        return known[len(known) // 2] if known else None
