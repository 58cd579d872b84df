"""What the record comes to at each final batch: the council folded as it grows, and one state hash a batch.

The hashes go into the store (`paper`, kind `state`), so that two nodes that differ can find the first batch at which
they do without folding anything again. Folding goes on where it stopped; a batch is never folded twice in one process.
The part of the program that knows the council is loaded when a batch is folded or somebody asks for the council.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from concordat.council._zones import zone_names
from concordat.council.fold import Replay, Step
from concordat.council.state import Council
from concordat.errors import StateError
from concordat.ledger.membership import Point
from concordat.ledger.replica import Replica
from concordat.node.council import replay_of, step_at
from concordat.node.store import Store

BATCHES_AT_ONCE = 64
KIND = "state"


class States:
    """The council of one replica, folded to its final head.

    Args:
        replica: whose final batches are folded. store: where the hashes are kept.

    Raises:
        MethodError: the package of time zones is not installed: deadlines would differ from those of others.
    """

    def __init__(self, replica: Replica, store: Store) -> None:
        zone_names()
        self._replica, self._store = replica, store
        self._begun: Replay | None = None
        self._beginning = threading.Lock()
        self._done = (0, 0)
        self.batch = 0
        self.hashes: dict[int, str] = {}
        self.steps: list[Step] = []  # every batch folded so far, in order; it only grows
        self.lost = ""  # why the disk gave less than was wanted the last time: it is asked again
        self.fault = ""  # which batch can't be folded, in words: nothing is built on half of it, and it stays behind

    @property
    def _replay(self) -> Replay:
        with self._beginning:
            if self._begun is None:
                self._begun = replay_of(self._replica.chain, [])
            return self._begun

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

        A fault of the program in one of them ends it (`fault`), and so does an entry that is not the one that the batch
        names: a batch that is passed over is another record. Where the disk can't be read for now (`lost`), the batch
        waits.
        """
        self.lost = ""
        folded = 0
        with self._store.commit():
            for view, index in self._waiting():
                if self.fault or folded == most:
                    break
                read = False
                try:
                    step = step_at(self._replica.chain, self._replica.shelf, self._replica.councils[view], index)
                    read = True
                    found = "" if step is None else self._replay.step(step)
                except Exception as error:
                    self._stop(Point(view, self._number(view, index)), error, read)
                    break
                self._done = (view, index + 1)
                if step is None:
                    continue
                folded += 1
                self.batch = step.point.batch
                self.hashes[self.batch] = found
                self.steps.append(step)
                self._store.put_paper(KIND, str(self.batch), self.hashes[self.batch].encode())
        return self.behind

    def _stop(self, point: Point, error: Exception, read: bool) -> None:
        if isinstance(error, StateError) and not read:
            self.lost = str(error)
            return
        what = f"batch {point} can't be folded ({type(error).__name__}: {error})"[:300]
        self.fault = f"{what}; the council is not known from there on."

    def _number(self, view: int, index: int) -> int:
        batch = self._replica.councils[view].batches[index]
        return batch.number if batch is not None else 0

    def _waiting(self) -> Iterator[tuple[int, int]]:
        """(view, index) of the council entries behind the last folded one."""
        for view, start, stop in self._parts():
            for index in range(start, stop):
                yield view, index

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
