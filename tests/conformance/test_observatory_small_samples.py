"""Intervals of a bloc's few members: Student's t, as textbooks give it for a mean (second method: scipy.stats)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from concordat.observatory.divide import measures

USERS = [100.0, 84.0, 78.0, 73.0, 17.0, 69.0, 56.0, 80.0, 92.0, 76.0]  # a bloc of ten with one far behind


def test_the_mean_of_ten_has_the_interval_of_students_t() -> None:
    found = measures(USERS)["mean"]
    low, high = stats.t.interval(0.95, 9, loc=np.mean(USERS), scale=stats.sem(USERS))
    assert (found.lower, found.upper) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))


def test_one_member_far_behind_does_not_carry_an_interval_out_of_what_can_be() -> None:
    found = measures(USERS)["gini"]
    assert 0 <= found.lower < found.value < found.upper < 0.5
