"""Ranks against counting."""

from __future__ import annotations

import math

import numpy as np

from concordat.observatory.ranks_core import rank_min


def by_counting(scores: np.ndarray) -> list[float]:
    return [math.nan if math.isnan(s) else 1 + sum(other > s for other in scores) for s in scores]


def test_ranks_equal_counting_with_ties_and_gaps() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (3, 40, 9)).astype(float)
    scores[rng.random(scores.shape) < 0.2] = math.nan
    made = rank_min(scores)
    for i in range(3):
        for run in range(40):
            np.testing.assert_array_equal(made[i, run], by_counting(scores[i, run]))


def test_no_ties_all_missing_infinite_one_and_none() -> None:
    np.testing.assert_array_equal(rank_min(np.array([3.0, -1.0, 2.0])), [1, 3, 2])
    np.testing.assert_array_equal(rank_min(np.array([math.nan, math.nan])), [math.nan, math.nan])
    np.testing.assert_array_equal(rank_min(np.array([-math.inf, math.nan, math.inf])), [2, math.nan, 1])
    np.testing.assert_array_equal(rank_min(np.array([5.0])), [1])
    assert rank_min(np.empty((4, 0))).shape == (4, 0)
    assert rank_min(np.empty((0, 4))).shape == (0, 4)


def test_minus_zero_ties_with_zero_and_input_is_untouched() -> None:
    scores = np.array([0.0, -0.0, -1.0])
    np.testing.assert_array_equal(rank_min(scores), [1, 1, 3])
    assert scores.tolist() == [0.0, 0.0, -1.0]
