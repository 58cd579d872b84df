"""Taking the effects of several sets of groups out of a column, under weights.

The residual of a weighted regression on a full set of dummies for every set of groups, without ever forming them: the
largest set is taken out by its means, the others by conjugate gradients on what is left, preconditioned by the groups'
weights. On trade panels of a hundred thousand rows a column takes some tens of steps of a few milliseconds.

Sources: Correia 2016 (conjugate gradients in place of alternating projections); Guimaraes and Portugal 2010 (the idea).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError

Array = NDArray[np.float64]
Index = NDArray[np.intp]

STEPS_MAX = 5_000  # conjugate-gradient steps for one column
TIGHT = 1e-10  # of what is left of the groups' means, relative to the column's own size
COLLINEAR = 1e-7  # what is left of a regressor, relative to its size, below which nothing is


class Projection:
    """Takes group effects out of columns of n rows; the weights may change from step to step.

    Args:
        sets: for each set of groups (n,) whole numbers from 0, without gaps. levels: how many groups each has.
    """

    def __init__(self, sets: Sequence[Index], levels: Sequence[int]) -> None:
        order = sorted(range(len(sets)), key=lambda s: -levels[s])
        self.largest, self.count = sets[order[0]], levels[order[0]]
        self.others = [(sets[s], levels[s]) for s in order[1:]]
        self.steps = 0  # conjugate-gradient steps so far
        self.weigh(np.ones(len(self.largest)))

    def weigh(self, weights: Array) -> None:
        """Set the weights of the rows; all above 0."""
        self.weights = weights
        self.largest_inverse = 1 / np.bincount(self.largest, weights, self.count)
        self.inverse = [1 / np.bincount(group, weights, count) for group, count in self.others]

    def means(self, column: Array) -> Array:
        """For each row, the weighted mean of its group in the largest set."""
        means = np.bincount(self.largest, self.weights * column, self.count) * self.largest_inverse
        found: Array = means[self.largest]
        return found

    def smallest_means(self, column: Array) -> Array:
        """For each row, the smallest weighted mean among its groups in all sets."""
        found = self.means(column)
        for (group, count), inverse in zip(self.others, self.inverse, strict=True):
            found = np.minimum(found, (np.bincount(group, self.weights * column, count) * inverse)[group])
        return found

    def residual(self, column: Array, tolerance: float, name: str = "") -> Array:
        """The column without any group's effects: what is left of the groups' means is `tolerance` of its size.

        Raises:
            MethodError: it doesn't get there.
        """
        left = column - self.means(column)
        gradient = self._sums(left)
        direction = [g * i for g, i in zip(gradient, self.inverse, strict=True)]
        size = _dot(gradient, direction)
        enough = tolerance**2 * float(self.weights @ (column * column))
        steps = 0
        while size > enough:
            if steps == STEPS_MAX:
                what = f"the fixed effects could not be taken out of {name or 'the outcome'} in {steps:,} steps."
                hint = "The groups hardly overlap: leave out economies or years with few rows."
                raise MethodError(what, hint=hint, code="fixed_effects")
            spread = np.zeros_like(column)
            for (group, _), part in zip(self.others, direction, strict=True):
                spread += part[group]
            spread -= self.means(spread)
            pull = self._sums(spread)
            length = size / _dot(direction, pull)
            left = left - length * spread
            gradient = [g - length * p for g, p in zip(gradient, pull, strict=True)]
            scaled = [g * i for g, i in zip(gradient, self.inverse, strict=True)]
            size, last = _dot(gradient, scaled), size
            direction = [s + size / last * d for s, d in zip(scaled, direction, strict=True)]
            steps += 1
        self.steps += steps
        return left

    def residuals(self, columns: Array, tolerance: float, names: Sequence[str]) -> Array:
        """The same for each column of a matrix."""
        return np.stack([self.residual(c, tolerance, n) for c, n in zip(columns.T, names, strict=True)], axis=1)

    def refuse_collinear(self, columns: Array, names: Sequence[str], separated: int = 0) -> None:
        """Refuse a column of which nothing is left once effects and the columns before it are taken out.

        Args:
            separated: rows that were dropped because columns separate them, for the message.

        Raises:
            MethodError: it names the column.
        """
        before: list[Array] = []
        for name, column in zip(names, columns.T, strict=True):
            left = self.residual(column, TIGHT, name)
            for unit in before:
                left = left - unit * float(unit @ left)
            length = float(np.sqrt(left @ left))
            if length <= COLLINEAR * float(np.sqrt(column @ column)):
                what = f"{name} does not vary once the fixed effects and the regressors before it are taken out"
                lost = f": what variation it had lies in {separated} rows without trade, separated by it."
                hint = "Leave it out, or choose a formula whose effects leave it some variation."
                raise MethodError(what + (lost if separated else "."), hint=hint, code="collinear")
            before.append(left / length)

    def _sums(self, column: Array) -> list[Array]:
        weighted = self.weights * column
        return [np.asarray(np.bincount(group, weighted, count), dtype=float) for group, count in self.others]


def _dot(left: Sequence[Array], right: Sequence[Array]) -> float:
    return float(sum(float(a @ b) for a, b in zip(left, right, strict=True)))
