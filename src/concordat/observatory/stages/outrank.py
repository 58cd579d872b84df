"""Which unit beats which? The outranking matrix and Copeland's score: no scale is compared with another.

o_ij = weight of indicators in which i is above j, plus half the weight of those in which they are equal, over the
weight of indicators that **both** have (none: 0.5). Copeland's score of i is the number of units it beats (o_ij > 0.5)
less the number that beat it. Shares within 1e-12 of one half are a draw, so that 0.1 + 0.2 does not beat 0.3.

Source: Munda & Nardo, Applied Economics 41 (2009); Copeland (1951). The peer's handling of missing values (they count
as lost by the earlier row) is a literal defect and stands in `observatory.compat` alone.

    >>> import numpy as np
    >>> x, w = np.array([[3.0, 1.0], [2.0, 1.0], [1.0, np.nan]]), np.array([0.5, 0.5])
    >>> outranking(x, w).tolist()
    [[0.5, 0.75, 1.0], [0.25, 0.5, 1.0], [0.0, 0.0, 0.5]]
    >>> copeland(x, w).tolist()
    [2.0, 0.0, -2.0]
"""

from __future__ import annotations

import numpy as np

from concordat.observatory.panel import Array

_BLOCK = 1 << 20  # pairs of units compared at once
_DRAW = 1e-12


def outranking(x: Array, w: Array) -> Array:
    """The matrix `[..., unit, unit]` for scores `[..., unit, child]` and weights `[child]` or `[..., child]`."""
    units = x.shape[-2]
    lead = np.broadcast_shapes(x.shape[:-2], w.shape[:-1])
    won, both = np.zeros((*lead, units, units)), np.zeros((*lead, units, units))
    for child in range(x.shape[-1]):  # one child at a time: memory grows with pairs, not with children
        column = x[..., child]
        row, other = column[..., :, None], column[..., None, :]
        weight = w[..., child, None, None]
        won += weight * ((row > other) + 0.5 * (row == other))
        there = ~np.isnan(column)
        both += weight * (there[..., :, None] & there[..., None, :])
    return np.where(both > 0, won / np.where(both > 0, both, 1.0), 0.5)


def net_wins(matrix: Array) -> Array:
    """Copeland's score `[..., unit]` from an outranking matrix: units beaten less units lost to."""
    margin = matrix - 0.5
    return np.asarray((margin > _DRAW).sum(axis=-1) - (margin < -_DRAW).sum(axis=-1), dtype=np.float64)


def copeland(x: Array, w: Array) -> Array:
    """Copeland's score `[..., unit]`, slices in blocks; units without any value are blank and nobody's opponents."""
    units = x.shape[-2]
    lead = np.broadcast_shapes(x.shape[:-2], w.shape[:-1])
    stack = np.broadcast_to(x, (*lead, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    weights = np.broadcast_to(w, (*lead, w.shape[-1])).reshape(-1, w.shape[-1])
    scores = np.empty((len(stack), units))
    step = max(1, _BLOCK // max(units * units, 1))
    for start in range(0, len(stack), step):
        block = slice(start, start + step)
        scores[block] = net_wins(outranking(stack[block], weights[block]))
    scores = scores.reshape(*lead, units)
    return np.where(np.isnan(x).all(axis=-1), np.nan, scores)
