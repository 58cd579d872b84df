"""When does a node say that time has passed? Where something of the council fell due, and nobody else says anything.

Ledger time moves with the batches alone (ledger.md 6.3): a vote that closed, a silence that ran out, a stage of a
dispute come to nothing until another entry is ordered. So a node writes `ClockTicked`, which changes nothing but that.
The chair of the view does it at once; each member behind it in the rota waits a minute more, so that one word is
enough where the chair lives. A batch's time is known once the next one carries its certificate, so a second word may be
needed after the first is final; while nothing becomes final, nothing more is said.

Pure: the moments are arguments. Source: node-web.md 3.3 (`ClockTicked` comes from the node), council.md 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TURN_S = 60.0  # how much longer each member behind the chair waits
AT_ONCE = 3  # words for one moment that fell due; after them
AGAIN_S = 3_600.0  # one an hour: the others' clocks may not be there yet


def rank_of(member: str, rota: Sequence[str], view: int) -> int:
    """How many members come before this one in a view: the chair has 0.

    >>> [rank_of(m, ("BRA", "IND", "ZAF"), 2) for m in ("BRA", "IND", "ZAF")]
    [2, 0, 1]
    """
    return (rota.index(member) - (view - 1)) % len(rota) if member in rota else len(rota)


@dataclass(slots=True)
class PassingTime:
    """What this node has said of the moment that is due.

    Attributes:
        due: that moment. since: from when on it was seen here, by a clock that doesn't go back. said: how often.
        last: when. batch: the newest final batch then; -1 before the first word.
    """

    due: int = -1
    since: float = 0.0
    said: int = 0
    last: float = 0.0
    batch: int = -1

    def speaks(self, due: int | None, now: int, batch: int, rank: int, clock: float) -> bool:
        """Whether to say now that time has passed; a yes is counted as said.

        Args:
            due: the council's next moment, in ledger time. now: seconds since 1970. batch: the newest final one.
            rank: see `rank_of`. clock: seconds of a clock that doesn't go back.
        """
        if due is None or due >= now:
            return False
        if due != self.due:
            self.due, self.since, self.said, self.batch = due, clock, 0, -1
        if clock - self.since < rank * TURN_S or batch == self.batch:
            return False
        if self.said >= AT_ONCE and clock - self.last < AGAIN_S:
            return False
        self.said, self.last, self.batch = self.said + 1, clock, batch
        return True
