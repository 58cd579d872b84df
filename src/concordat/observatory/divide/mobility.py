"""Do the same members stay ahead? Rank correlation between two years, and who moved between which classes.

Rank correlation is Spearman's: the correlation of ranks, ties averaged; None where all ranks of a year are tied. The
transition matrix has a row for each class of the first year and a column for each of the last; its shares add to 1 in a
row that has members. Classes are either fixed levels (`edges`; a value on an edge belongs above), which show real
change, or equal parts of each year's own ranking (`classes`), which show change of place alone. Shorrocks' index
`(k - trace) / (k - 1)` is 0 where nobody moves and 1 where origin says nothing. Sources: Shorrocks, "The measurement of
mobility", Econometrica 46 (1978) 1013-1024; Quah, "Galton's fallacy and tests of the convergence hypothesis" (1993).

With few members a cell is one or two countries: read the counts, not the shares.

    >>> panel = {a: ([2000, 2020], v) for a, v in {"A": (1, 9), "B": (2, 3), "C": (3, 4), "D": (4, 5)}.items()}
    >>> m = mobility_between(panel, 2000, 2020, classes=2)
    >>> round(m.rank_correlation, 3), m.counts.tolist(), m.shorrocks
    (-0.2, [[1, 1], [1, 1]], 1.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._series import SeriesPanel, in_both, read_series
from concordat.observatory.panel import Ints

LEAST = 3


@dataclass(frozen=True, slots=True, eq=False)
class Mobility:
    """How members changed places between two years.

    Attributes:
        areas: the members observed in both years.
        before, after: their class, from 0 (lowest).
        counts: members by class of the first year (rows) and of the last (columns).
        shares: counts over their row's sum; NaN in a row without members.
        shorrocks: None where a class had no members to start from.
    """

    first: float
    last: float
    areas: tuple[str, ...]
    rank_correlation: float | None
    edges: tuple[float, ...]
    before: Ints
    after: Ints
    counts: Ints
    shares: Array
    shorrocks: float | None


def mobility_between(
    panel: SeriesPanel, first: float, last: float, *, classes: int = 4, edges: Sequence[float] | None = None
) -> Mobility:
    """Rank correlation and transitions between two years, over the members observed in both.

    Args:
        classes: equal parts of each year's own ranking, when there are no `edges`.
        edges: ascending levels between the classes.

    Raises:
        InputError: fewer than two classes, or edges that don't ascend.
        MethodError: fewer than three members in both years.
    """
    areas, start, end = in_both(read_series(panel), first, last)
    if len(areas) < LEAST:
        raise MethodError(
            f"only {len(areas)} members are observed in both {first:g} and {last:g}.", where="mobility",
            hint="Choose years with more members.", code="too_few",
        )  # fmt: skip
    levels = _edges(edges)
    if levels is None and classes < 2:
        raise InputError(f"{classes} classes.", where="mobility", hint="Give two or more.")
    k = classes if levels is None else levels.size + 1
    before, after = (
        np.searchsorted(levels, y, side="right").astype(np.int64) if levels is not None else _parts(y, k)
        for y in (start, end)
    )
    counts = np.bincount(before * k + after, minlength=k * k).reshape(k, k).astype(np.int64)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.where(rows > 0, counts / np.maximum(rows, 1), np.nan)
    shorrocks = float((k - np.trace(shares)) / (k - 1)) if (rows > 0).all() else None
    return Mobility(
        first, last, tuple(areas), rank_correlation(start, end), () if levels is None else tuple(levels.tolist()),
        before, after, counts, shares, shorrocks,
    )  # fmt: skip


def rank_correlation(x: Array, y: Array) -> float | None:
    """Spearman's rank correlation, ties averaged; None where one side is constant."""
    a, b = (average_ranks(v) for v in (x, y))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum()) * np.sqrt((b * b).sum()))
    return max(-1.0, min(1.0, float((a * b).sum()) / size)) if size > 0 else None


def average_ranks(x: Array) -> Array:
    """Ranks from 1 (lowest); tied values share the mean of their places."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    upto = np.cumsum(count)
    return np.asarray((upto - (count - 1) / 2)[place])


def _parts(x: Array, k: int) -> Ints:
    """Which of k equal parts of the ranking each value is in; tied values are in one part."""
    middle = (average_ranks(x) - 0.5) / x.size
    return np.minimum((middle * k + 1e-12).astype(np.int64), k - 1)


def _edges(edges: Sequence[float] | None) -> Array | None:
    if edges is None:
        return None
    found = np.asarray(list(edges), dtype=np.float64)
    if found.size == 0 or not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise InputError("edges don't ascend.", where="mobility", hint="Give levels such as 25, 50, 75.")
    return found
