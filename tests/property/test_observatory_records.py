"""What the least connected hold lies between its ends, whatever the figures are inside theirs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from concordat.observatory.divide.records import held_range

ROW = st.tuples(st.floats(0.01, 10), st.floats(0, 100), st.floats(0, 30), st.floats(0, 30), st.floats(0, 1))


def held(p: np.ndarray, y: np.ndarray, q: float) -> float:
    """The Lorenz ordinate by a plain loop."""
    left, total = q, 0.0
    for i in np.argsort(y, kind="stable"):
        taken = min(left, p[i])
        left, total = left - taken, total + taken * y[i]
    return total / float((p * y).sum())


@given(st.lists(ROW, min_size=2, max_size=12), st.sampled_from([0.1, 0.2, 0.4, 0.5]))
def test_any_figures_inside_their_ends_give_a_share_inside_its_ends(
    rows: list[tuple[float, float, float, float, float]], q: float
) -> None:
    w, middle, down, up, at = (np.array(column) for column in zip(*sorted(rows, key=lambda row: row[1]), strict=True))
    y = middle + 1
    low, high, p = np.maximum(y - down, 0), y + up, w / w.sum()
    least, most = held_range(p, y, low, high, q)
    assert 0 <= least <= held(p, y, q) + 1e-12
    assert held(p, y, q) <= most + 1e-12
    corners = [low, high, low + at * (high - low), np.where(at < 0.5, low, high)]
    corners += [np.where(np.arange(len(y)) < k, low, high) for k in range(len(y))]
    corners += [np.where(np.arange(len(y)) < k, high, low) for k in range(len(y))]
    for corner in corners:
        if (p * corner).sum() > 1e-9:
            assert least - 1e-9 <= held(p, corner, q) <= most + 1e-9
