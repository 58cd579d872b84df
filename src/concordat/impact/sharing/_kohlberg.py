"""Is this division really the nucleolus? Kohlberg's criterion, checked apart from the programmes that found it.

Sort the coalitions by what they could add by acting alone. A division is the nucleolus exactly when, however far down
the list one goes, the coalitions met so far are balanced: they have positive weights with which every player counts
the same (Kohlberg 1971). Then no change of the division can help one of them without hurting another. Over imputations
(nobody below what it has alone) the players that stand exactly there may join with weights of zero or more. It is
enough to look at coalitions whose sums are not settled by those before (Nguyen and Thomas 2016, unverified), so at most
n - 1 levels are looked at, each one programme of whole numbers: weights of 1 or more, each player's sum the same up to
what is settled.

Numbers are compared with a tolerance d: coalitions within d of a level belong to it, and of those that can't be
balanced with the others some may be taken for the next level. So what is proved is that the division is exactly the
nucleolus of a game whose values differ from the given ones by no more than n d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.sharing._masks import subset_sums
from concordat.impact.sharing._span import Span

Array = NDArray[np.float64]
Masks = NDArray[np.int64]

WEIGHTS_MAX = 1e8  # whole-number data have no larger weights at a vertex; beyond it a solution is rounding
FEASIBLE = 1e-10


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was proved of a nucleolus.

    Attributes:
        levels: the excess of each level looked at, falling, in the game's unit; coalitions: how many each has.
        tolerance: d, in the game's unit. over: `imputations` or `preimputations`.
    """

    levels: tuple[float, ...]
    coalitions: tuple[int, ...]
    tolerance: float
    over: str

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "criterion": "Kohlberg 1971",
            "levels": list(self.levels),
            "coalitions": list(self.coalitions),
            "tolerance": self.tolerance,
            "over": self.over,
        }


def certify(values: Array, x: Array, *, tolerance: float, imputations: bool) -> Certificate:
    """Check that `x` is the nucleolus of the game.

    Args:
        values: (2^n,) by bit mask. x: (n,). tolerance: d, in the same unit.
        imputations: nobody may be left below what it has alone.

    Raises:
        MethodError: it is not, with the level at which the criterion fails.
    """
    n = len(x)
    alone = values[1 << np.arange(n)]
    if abs(float(x.sum()) - float(values[-1])) > tolerance * n:
        raise _refused(f"shares add up to {float(x.sum()):.12g}, not to {float(values[-1]):.12g}")
    if imputations and (x < alone - tolerance).any():
        raise _refused("somebody is left with less than it has alone")
    pressed = np.flatnonzero(x <= alone + tolerance) if imputations else np.zeros(0, dtype=np.int64)
    excess = values - subset_sums(x)
    left = np.ones(1 << n, dtype=bool)
    left[[0, -1]] = False
    span = Span(n, ((1 << n) - 1,))
    levels: list[float] = []
    counts: list[int] = []
    for _ in range(n + 1):
        products = span.products()
        left &= products.any(axis=1)
        if not left.any():
            return Certificate(
                tuple(levels), tuple(counts), tolerance, "imputations" if imputations else "preimputations"
            )
        level = float(excess[left].max())
        tied = np.flatnonzero(left & (excess >= level - tolerance))
        balanced = tied[_balanced(products[tied], span.free[pressed])]
        if not len(balanced):
            raise _refused(f"the {len(tied)} coalitions of excess {level:.12g} are not balanced")
        levels.append(level)
        counts.append(len(balanced))
        for mask in balanced.tolist():
            span.add(mask)
            if span.rank == n:
                break
    raise _refused("more levels than players")


def _refused(why: str) -> MethodError:
    what = f"the nucleolus found does not pass Kohlberg's criterion: {why}."
    hint = "The values differ by too many orders of magnitude; drop digits that don't count."
    return MethodError(what, hint=hint, code="nucleolus_unproved")


def _balanced(products: NDArray[np.int64], pressed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(k,) which of some coalitions can have positive weights that cancel, the others having none.

    Args:
        products: (k, f) of the coalitions with what is free. pressed: (p, f) of those that may have weights >= 0.
    """
    if not products.sum(axis=0).any():
        return np.ones(len(products), dtype=bool)
    columns, which = np.unique(products, axis=0, return_inverse=True)
    which = which.reshape(-1)
    scale = np.abs(products).max()
    rows = np.concatenate([columns, pressed]).T / scale
    k, p = len(columns), len(pressed)
    weights = _feasible(rows, np.concatenate([np.ones(k), np.zeros(p)]))
    if weights is not None and weights.max() <= WEIGHTS_MAX:
        return np.ones(len(products), dtype=bool)
    # Most that can be positive at once: each weight is t + r with t at most 1, and the sum of t is made large.
    both = np.concatenate([rows[:, :k], rows], axis=1)
    upper = np.concatenate([np.ones(k), np.full(k + p, np.inf)])
    cost = np.concatenate([-np.ones(k), np.zeros(k + p)])
    weights = _feasible(both, np.zeros(2 * k + p), upper, cost)
    if weights is None or weights.max() > WEIGHTS_MAX:
        return np.zeros(len(products), dtype=bool)
    found: NDArray[np.bool_] = (weights[:k] > 0.5)[which]
    return found


def _feasible(rows: Array, lower: Array, upper: Array | None = None, cost: Array | None = None) -> Array | None:
    """Some `w >= lower` with `rows w = 0`, of least cost (least sum, without one); None if there is none."""
    from scipy.optimize import linprog

    found = linprog(
        np.ones(rows.shape[1]) if cost is None else cost,
        A_eq=rows,
        b_eq=np.zeros(len(rows)),
        bounds=np.stack([lower, np.full(len(lower), np.inf) if upper is None else upper], axis=1),
        method="highs-ds",
        options={"primal_feasibility_tolerance": FEASIBLE, "dual_feasibility_tolerance": FEASIBLE},
    )
    if found.status == 2:
        return None
    if found.status != 0:
        raise _refused(f"HiGHS could not tell whether {rows.shape[1]} coalitions are balanced ({found.message})")
    weights: Array = found.x
    return weights
