"""What of a ranking is asked to be stable: outputs of each run, whose sensitivity is then told.

Outputs `[run, output]` from scores `[run, unit]`, each with its names:

- `mean_abs_rank_change`: over units, the mean of |rank - nominal rank|: does the ranking as a whole hold?
- `ranks`, `scores`: one output for each unit. With `together` in `sensitivity`, all ranks at once.
- `in_top`: for each unit 1 where it is among the best k, so that its mean is P(top k).

A unit that is not ranked in a run has NaN in it; the mean change of that run is over the others.

    >>> import numpy as np
    >>> mean_abs_rank_change(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), np.array([3.0, 2.0, 1.0])).ravel().tolist()
    [0.0, 1.3333333333333333]
"""

from __future__ import annotations

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array
from concordat.observatory.ranks_core import rank_min

TARGETS = ("mean_abs_rank_change", "rank", "score", "top")


def mean_abs_rank_change(scores: Array, nominal: Array) -> Array:
    """Mean |rank - nominal| of each run, `[run, 1]`, over the units that are ranked in both; NaN where none is."""
    moved = np.abs(rank_min(scores) - rank_min(nominal))
    there = ~np.isnan(moved)
    count = there.sum(axis=1)
    total = np.where(there, moved, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)[:, None]


def in_top(scores: Array, k: int) -> Array:
    """1 where a unit is among the best k of the run, else 0; NaN where it is not ranked."""
    ranks = rank_min(scores)
    return np.where(np.isnan(ranks), np.nan, ranks <= k)


def target(
    name: str, scores: Array, nominal: Array, units: tuple[str, ...], k: int = 3
) -> tuple[Array, tuple[str, ...]]:
    """Outputs `[run, output]` of a target with their names; `k` is of "top".

    Raises:
        InputError: no such target.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if name == "mean_abs_rank_change":
        return mean_abs_rank_change(scores, nominal), (name,)
    if name == "rank":
        return rank_min(scores), tuple(f"rank of {unit}" for unit in units)
    if name == "score":
        return scores, tuple(f"score of {unit}" for unit in units)
    if name == "top":
        return in_top(scores, k), tuple(f"{unit} in the top {k}" for unit in units)
    known = ", ".join(TARGETS)
    raise InputError(
        f'"{name}" is not a target I know.', where="uncertainty, target", hint=f"Known: {known}.", code="target"
    )
