"""What the record comes to at each final batch: the council folded as it grows, and one state hash a batch.

The hashes go into the store (`paper`, kind `state`), so that two nodes that differ can find the first batch at which
they do without folding anything again. Folding goes on where it stopped; a batch is never folded twice in one process.
"""

from __future__ import annotations

from concordat.council.fold import Replay, Step
from concordat.council.state import Council
from concordat.ledger.fold import Event
from concordat.ledger.membership import Point
from concordat.ledger.replica import Replica
from concordat.node.council import counts, replay_of
from concordat.node.store import Store

BATCHES_AT_ONCE = 64
KIND = "state"


class States:
    """The council of one replica, folded to its final head.

    Args:
        replica: whose final batches are folded. store: where the hashes are kept.
    """

    def __init__(self, replica: Replica, store: Store) -> None:
        self._replica, self._store = replica, store
        self._replay: Replay = replay_of(replica.chain, [])
        self._done = (0, 0)
        self.batch = 0
        self.hashes: dict[int, str] = {}
        self.steps: list[Step] = []  # every batch folded so far, in order; it only grows
        self.fault = ""  # which batch can't be folded, in words: nothing is built on half of it, and it stays behind

    @property
    def council(self) -> Council:
        """The council after the last folded batch; not to be changed."""
        return self._replay.council

    @property
    def place(self) -> tuple[int, int]:
        """(view, size) of the council head up to which all is folded."""
        return self._done

    @property
    def behind(self) -> bool:
        """Whether final batches wait to be folded."""
        return self._replica.final() != self._done

    def advance(self, most: int = BATCHES_AT_ONCE) -> bool:
        """Fold some more final batches; whether more are left. One commit stores their hashes.

        A fault of the program in one of them ends it (`fault`): a batch that is passed over is another record.
        """
        if self.fault:
            return self.behind
        before = self._done
        with self._store.commit():
            for step in self._next(most):
                try:
                    found = self._replay.step(step)
                except Exception as error:
                    self._done = before
                    what = f"batch {step.point} can't be folded ({type(error).__name__}: {error})"[:300]
                    self.fault = f"{what}; the council is not known from there on."
                    break
                self.batch = step.point.batch
                self.hashes[self.batch] = found
                self.steps.append(step)
                self._store.put_paper(KIND, str(self.batch), self.hashes[self.batch].encode())
        return self.behind

    def _next(self, most: int) -> list[Step]:
        """The next final batches behind the last folded one."""
        steps: list[Step] = []
        for view, start, stop in self._parts():
            log = self._replica.councils[view]
            for index in range(start, stop):
                if len(steps) == most:
                    return steps
                self._done = (view, index + 1)
                batch = log.batches[index]
                if batch is None:
                    continue
                point, time = Point(view, batch.number), log.progress[index].time
                shelf, chain = self._replica.shelf, self._replica.chain
                entries = [(shelf.entry(ref.origin, ref.index), ref.time) for ref in batch.refs]
                events = tuple(Event(e, point, at, time) for e, at in entries if counts(chain, e, point))
                steps.append(Step(point, time, events))
            self._done = (view, stop)
        return steps

    def _parts(self) -> list[tuple[int, int, int]]:
        """(view, from, to) of the council entries that are final and not folded, oldest first."""
        view, size = self._replica.final()
        parts = []
        while view and view >= self._done[0]:
            start = self._done[1] if view == self._done[0] else 0
            parts.append((view, start, size))
            if view == self._done[0]:
                break
            view, size = self._replica.councils[view].cut
        return list(reversed(parts))
