"""Which place does each unit take? Rank 1 is the highest score, ties share the best place, missing stays missing.

This is competition ranking ("1224"), the `min` rule of R's `rank` and of COINr. All slices (years, runs) are ranked at
once by one sort along the last axis; ties are mended afterwards, and only if there are any. Scores are compared as they
are: nothing is rounded first, so two scores that differ in the last bit are different places.

    >>> import numpy as np
    >>> rank_min(np.array([30.0, np.nan, 50.0, 30.0, 10.0])).tolist()
    [2.0, nan, 1.0, 2.0, 4.0]
"""

from __future__ import annotations

import numpy as np

from concordat.observatory.panel import Array

_BLOCK = 1 << 22  # scores ranked at once: about 100 MB of work space


def rank_min(scores: Array) -> Array:
    """Ranks `[..., unit]` of scores `[..., unit]`: one more than the number of units with a higher score."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.size == 0:
        return scores.copy()
    units = scores.shape[-1]
    flat = scores.reshape(-1, units)
    ranks = np.empty(flat.shape)
    step = max(1, _BLOCK // units)
    for start in range(0, len(flat), step):
        ranks[start : start + step] = _ranked(flat[start : start + step])
    return ranks.reshape(scores.shape)


def _ranked(scores: Array) -> Array:
    order = np.argsort(-scores, axis=-1)  # missing ones go last
    ordered = np.take_along_axis(scores, order, axis=-1)
    places = np.broadcast_to(np.arange(1, scores.shape[-1] + 1, dtype=np.float64), scores.shape)
    tied = ordered[:, 1:] == ordered[:, :-1]
    if tied.any():
        places = places.copy()
        places[:, 1:][tied] = 0.0
        places = np.maximum.accumulate(places, axis=-1)
    ranks = np.empty(scores.shape)
    np.put_along_axis(ranks, order, places, axis=-1)
    if np.isnan(ordered[:, -1]).any():
        ranks[np.isnan(scores)] = np.nan
    return ranks
