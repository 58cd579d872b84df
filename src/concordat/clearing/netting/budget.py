"""How much may a search still spend: work, which is the same on every machine, and seconds as an outer stop.

A unit of work is one simplex iteration times one row of its programme, or one move of a chain: about a million a second
on a processor of 2024. With a budget of work and no deadline, a search gives the same result everywhere; a deadline
that strikes cuts it off wherever it is.
"""

from __future__ import annotations

import time

INFINITE = float("inf")
ITERATIONS_A_NODE = 20


class Budget:
    """Work and seconds left."""

    def __init__(self, work: float = INFINITE, seconds: float = INFINITE) -> None:
        self.work = work
        self._end = time.monotonic() + seconds

    @property
    def seconds(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def slice(self, seconds: float) -> float:
        """Seconds for one step of the search; without a deadline no clock may cut it off, or machines would differ."""
        left = self.seconds
        return min(seconds, left) if left < INFINITE else INFINITE

    def nodes(self, most: int, least: int, rows: int) -> int:
        """Nodes of a branch and bound over so many rows: as many as what is left pays for, at some iterations each."""
        return most if self.work == INFINITE else min(most, max(least, int(self.work / (ITERATIONS_A_NODE * rows + 1))))

    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.work <= 0 or self.seconds <= 0

    def charge(self, work: float) -> None:
        """Take work off."""
        self.work -= work

    def share(self, part: float) -> Budget:
        """A budget of a share of what is left; what is spent of it must be charged here as well."""
        return Budget(self.work * part, self.seconds * part)
