"""Which coalitions' sums are settled once those of some others are: linear algebra in whole numbers, so exact.

Coalitions are vectors of zeros and ones. `Span` holds what is orthogonal to those added so far, as whole numbers; a
coalition is in their span exactly when its product with each of these is zero. With at most 16 players the entries are
minors of zero-one matrices, far below 2^63.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from concordat.impact.sharing._masks import subset_sums

Ints = NDArray[np.int64]


class Span:
    """The span of some coalitions of n players.

    Attributes:
        free: (n, n - rank) whole numbers: a basis of what is orthogonal to every coalition added.
    """

    def __init__(self, n: int, masks: tuple[int, ...] = ()) -> None:
        self.n = n
        self.free: Ints = np.eye(n, dtype=np.int64)
        for mask in masks:
            self.add(mask)

    @property
    def rank(self) -> int:
        """How many independent coalitions were added."""
        return self.n - int(self.free.shape[1])

    def add(self, mask: int) -> bool:
        """Add a coalition; False if its sum was settled already."""
        member = np.array([mask >> i & 1 for i in range(self.n)], dtype=np.int64)
        along = member @ self.free
        settled = np.flatnonzero(along)
        if not len(settled):
            return False
        # The smallest entry keeps the numbers small; every other column is turned to be orthogonal too.
        pivot = int(settled[np.argmin(np.abs(along[settled]))])
        kept = [k for k in range(self.free.shape[1]) if k != pivot]
        columns = [
            _reduced(
                [
                    int(along[pivot]) * int(a) - int(along[k]) * int(b)
                    for a, b in zip(self.free[:, k], self.free[:, pivot], strict=True)
                ]
            )
            for k in kept
        ]
        self.free = np.array(columns, dtype=np.int64).reshape(len(kept), self.n).T
        return True

    def products(self) -> Ints:
        """(2^n, n - rank) every coalition's products with `free`."""
        return subset_sums(self.free)

    def settled(self) -> NDArray[np.bool_]:
        """(2^n,) whether each coalition's sum is settled."""
        if self.rank == self.n:
            return np.ones(1 << self.n, dtype=bool)
        found: NDArray[np.bool_] = np.logical_not(np.any(self.products(), axis=1))
        return found


def _reduced(column: list[int]) -> list[int]:
    common = gcd(*column)
    return [c // common for c in column] if common > 1 else column


def exact_weights(masks: list[int], n: int) -> list[Fraction] | None:
    """Weights that add up to 1 and give every player the same sum, as fractions; None unless there is just one set."""
    unknown = len(masks) + 1  # the last is what every player gets
    rows = [[Fraction(m >> i & 1) for m in masks] + [Fraction(-1), Fraction(0)] for i in range(n)]
    rows.append([Fraction(1)] * len(masks) + [Fraction(0), Fraction(1)])
    for column in range(unknown):
        pivot = next((r for r in range(column, len(rows)) if rows[r][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [value / head for value in rows[column]]
        for r, row in enumerate(rows):
            if r != column and row[column]:
                factor = row[column]
                rows[r] = [a - factor * b for a, b in zip(row, rows[column], strict=True)]
    if any(row[-1] for row in rows[unknown:]):
        return None
    return [row[-1] for row in rows[: len(masks)]]
