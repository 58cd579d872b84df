"""How many points lie at or above a corner: one criterion by binary search, two by a wavelet matrix.

Points are sorted by their first value; of a query the first value gives a range of positions, and the second is counted
within it bit by bit of its rank, for all queries at once (Claude, Navarro and Ordóñez, *Information Systems* 47, 2015).
Time for q queries on m points: q log m.

    >>> search = Dominance(np.array([[1, 2, 2, 5], [7, 1, 9, 3]]))
    >>> search.at_least(np.array([2, 0]), np.array([3, 8])).tolist()
    [2, 1]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Dominance:
    """Points `[1 or 2, m]`, ascending in the first row."""

    def __init__(self, points: Ints) -> None:
        self.first = points[0]
        self.count = points.shape[1]
        self.levels: list[tuple[Ints, int]] = []  # zeros before each position, and zeros in all, by bit
        if len(points) > 1:
            self.second = np.sort(points[1])
            self._build(np.searchsorted(self.second, points[1], side="left").astype(np.int64))

    def _build(self, ranks: Ints) -> None:
        self.bits = max(1, self.count.bit_length())
        for bit in range(self.bits - 1, -1, -1):
            ones = ranks >> bit & 1
            zeros = np.concatenate([[0], np.cumsum(1 - ones)]).astype(np.int64)
            self.levels.append((zeros, int(zeros[-1])))
            ranks = np.concatenate([ranks[ones == 0], ranks[ones == 1]])

    def at_least(self, first: Ints | None, second: Ints | None) -> Ints:
        """For each query, the points with both values at least as large; None: no limit.

        At least one of the two is given.
        """
        if second is None:
            assert first is not None
            return self._from(np.searchsorted(self.first, first, side="left"))
        rank = np.searchsorted(self.second, second, side="left").astype(np.int64)
        if first is None:
            return self._from(rank)
        start = np.searchsorted(self.first, first, side="left").astype(np.int64)
        return self._from(start + self._below(start, rank))

    def _from(self, position: npt.NDArray[np.intp]) -> Ints:
        left: Ints = self.count - position.astype(np.int64)
        return left

    def _below(self, start: Ints, rank: Ints) -> Ints:
        """Points from a position on whose rank is below a limit."""
        end = np.full_like(start, self.count)
        found = np.zeros_like(start)
        for (zeros, all_zeros), bit in zip(self.levels, range(self.bits - 1, -1, -1), strict=True):
            one = rank >> bit & 1 == 1
            left, right = zeros[start], zeros[end]
            found += np.where(one, right - left, 0)
            start = np.where(one, all_zeros + start - left, left)
            end = np.where(one, all_zeros + end - right, right)
        return found
