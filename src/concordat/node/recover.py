"""May this node sign: the states of recovery, pure, from what its peers say of its own log.

    normal -> suspicious -> recovering -> normal

At the start it asks the others how far they know its log, as a restored backup can't know by itself: until q have
answered or each was tried, at most 30 seconds, it signs nothing (*asking*; nobody has to answer: a member without a
network goes on writing). It is *suspicious* as soon as there is a reason: the keys remember a larger head than the log
has, somebody shows a larger head signed by these keys, or a backup was restored. Then at least q members, this one
counted, must have answered before it fetches (*recovering*) what is missing; fewer: it stays, and says who is missing.
It is *normal* again once its log is as long as the largest head that anybody showed or the keys remember, every entry
verified as it came in. While not normal it reads and takes, and signs nothing.

A size that somebody only claims counts for nothing: it must come with a head that these keys have signed. A head that
lies in a folder says how long the log was at least, and answers for nobody: the folder may be older than what these
keys signed last. Source: node-web.md 2.1, ledger.md 8. The time is an argument, in seconds of a clock that doesn't go
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

ASK_S = 30.0


class Health(Enum):
    """Where recovery stands."""

    NORMAL = "normal"
    SUSPICIOUS = "suspicious"
    RECOVERING = "recovering"


@dataclass
class Recovery:
    """The state of one node.

    Attributes:
        me: this member. others: all other active members. quorum: how many must have answered, this one counted.
        size: entries of the own log here. remembered: the largest size that the keys have signed.
        restored: a mark in the folder says that nothing may be signed until the others were asked.
        began: when the node was started. heard: the largest signed size that each member showed, or 0.
        whole: the members of whom all is here that they showed. A restored node has chaired batches and witnessed heads
            that its keys forgot: it may number none of them again, and cosign nothing smaller.
        seen: the largest signed size that turned up without being anybody's answer.
    """

    me: str
    others: Sequence[str]
    quorum: int
    size: int
    remembered: int
    restored: bool
    began: float
    heard: dict[str, int] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    seen: int = 0
    state: Health = Health.SUSPICIOUS
    asking: bool = True

    def __post_init__(self) -> None:
        self.step(self.began)

    def answered(self, member: str, size: int, whole: bool = True) -> None:
        """A member answered; `size` is that of the newest head of this node's log that it showed, 0 for none.

        Only heads signed by this node's own log key may be given here. `whole` says that everything that it showed is
        here by now: its copy of this node's log, of the council's logs, of the other members'.
        """
        if member in self.others:
            self.heard[member] = max(size, self.heard.get(member, 0))
            self.tried.add(member)
            if whole:
                self.whole.add(member)

    def shown(self, size: int) -> None:
        """A head of the own log that its own keys have signed has turned up: no answer, but what it shows is wanted."""
        self.seen = max(self.seen, size)

    def failed(self, member: str) -> None:
        """A member was asked, and nothing came back."""
        self.tried.add(member)

    def grown(self, size: int, remembered: int) -> None:
        """The own log has that many entries now, and the keys remember that size."""
        self.size, self.remembered = size, remembered

    @property
    def wanted(self) -> int:
        """The largest size that is known to have been signed."""
        return max(self.remembered, self.seen, *self.heard.values())

    @property
    def missing(self) -> list[str]:
        """The members that have not answered."""
        return sorted(set(self.others) - set(self.heard))

    @property
    def _enough(self) -> bool:
        return len(self.heard) + 1 >= self._needed

    @property
    def _needed(self) -> int:
        return min(self.quorum, len(self.others) + 1)

    def step(self, now: float) -> Health:
        """The state, after what was heard and the time that passed."""
        behind = self.size < self.wanted
        if self.asking and (self._enough or set(self.others) <= self.tried or now - self.began >= ASK_S):
            self.asking = False
        if behind or self.restored:
            self.state = Health.RECOVERING if self._enough else Health.SUSPICIOUS
            if self._enough and not behind and (not self.restored or len(self.whole) + 1 >= self._needed):
                self.restored = False
                self.state = Health.NORMAL
        elif self.asking:
            self.state = Health.SUSPICIOUS
        elif self.state is not Health.NORMAL:
            self.state = Health.NORMAL
        return self.state

    def words(self) -> str:
        """Why nothing is signed, for people; empty if something may be."""
        if self.state is Health.NORMAL:
            return ""
        if self.size < self.wanted:
            saw = sum(size > self.size for size in self.heard.values())
            who = f"{saw} members saw" if saw else "its keys have signed"
            what = f"This node's log has {self.size:,} entries, but {who} {self.wanted:,}."
        elif self.restored:
            what = "This node was brought back from a backup."
        else:
            what = "This node asks the others how far they know its log."
        if self.state is Health.RECOVERING:
            return f"{what} The missing {max(0, self.wanted - self.size):,} are being fetched."
        need = max(0, self.quorum - 1 - len(self.heard))
        if need and (self.size < self.wanted or self.restored):
            what += f" {need} more must answer; missing: {', '.join(self.missing)}."
        return f"{what} Until then it signs nothing."
