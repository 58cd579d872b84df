"""Outranking and penalised means against loops written from their definitions."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory.stages.aggregate import Children, aggregate
from concordat.observatory.stages.options import Aggregate
from concordat.observatory.stages.outrank import copeland, outranking
from concordat.observatory.stages.penalties import ampi, mean_min, mpi, wroclaw

NAN = math.nan
WHO = Children("index", ("a", "b", "c"), ("BRA", "IND", "RUS", "CHN"))


def outranking_by_loop(x: np.ndarray, w: np.ndarray) -> list[list[float]]:
    made = []
    for i in x:
        row = []
        for j in x:
            won = both = 0.0
            for a, b, v in zip(i, j, w, strict=True):
                if not (math.isnan(a) or math.isnan(b)):
                    both += v
                    won += v if a > b else v / 2 if a == b else 0
            row.append(won / both if both else 0.5)
        made.append(row)
    return made


def test_outranking_equals_the_loop_with_ties_and_gaps() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 4, (9, 5)).astype(float)
    x[rng.random(x.shape) < 0.3] = NAN
    w = rng.uniform(0.1, 1, 5)
    matrix = outranking(x, w)
    np.testing.assert_allclose(matrix, outranking_by_loop(x, w), atol=1e-15)
    np.testing.assert_allclose(matrix + matrix.T, 1.0, atol=1e-15)


def test_missing_comparisons_count_for_nobody_whatever_the_order_of_rows() -> None:
    """The peer gives 0.5 or 1 for o12, by the order of rows (specification, section 1)."""
    x, w = np.array([[1, 3], [NAN, 2], [3, NAN]]), np.array([0.5, 0.5])
    assert outranking(x, w)[0, 1] == 1.0
    assert outranking(x[::-1], w)[2, 1] == 1.0
    assert outranking(x, w)[1, 2] == 0.5


def test_copeland_counts_wins_less_losses_and_draws_despite_rounding() -> None:
    x = np.array([[3.0, 1.0], [2.0, 1.0], [1.0, NAN]])
    assert copeland(x, np.array([0.5, 0.5])).tolist() == [2.0, 0.0, -2.0]
    draw = copeland(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([0.1, 0.2, 0.3]))
    assert draw.tolist() == [0.0, 0.0]


def test_copeland_in_blocks_equals_one_slice_at_a_time() -> None:
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(600, 51, 3)), rng.uniform(0.1, 1, (600, 3))
    made = copeland(x, w)
    for run in (0, 403, 404, 599):
        matrix = np.array(outranking_by_loop(x[run], w[run]))
        assert made[run].tolist() == (np.sign(matrix - 0.5).sum(axis=1)).tolist()


def test_a_unit_without_enough_children_is_nobodys_opponent() -> None:
    x = np.array([[1.0, 2.0, 3.0], [9.0, NAN, NAN], [0.0, 1.0, 2.0]])
    made = aggregate(x, np.ones(3), "copeland", Aggregate(), WHO)
    assert made.tolist() == pytest.approx([1.0, NAN, -1.0], nan_ok=True)


def test_mpi_by_hand() -> None:
    """90, 100, 110: M 100, S 10 (n-1), so 100 - 100/100; a unit without spread keeps its mean."""
    x = np.array([[90.0, 100.0, 110.0], [95.0, 95.0, 95.0]])
    assert mpi(x, 1, WHO).tolist() == pytest.approx([99.0, 95.0])
    assert mpi(x, -1, WHO).tolist() == pytest.approx([101.0, 95.0])
    one_left = np.array([[90.0, NAN, NAN], [90.0, NAN, 110.0]])
    assert mpi(one_left, 1, WHO).tolist() == pytest.approx([NAN, 98.0], nan_ok=True)
    with pytest.raises(InputError, match="sign is 0"):
        mpi(x, 0, WHO)
    with pytest.raises(MethodError, match=r"unit BRA.*mean above 0"):
        mpi(np.array([[-1.0, 0.0, 1.0]]), 1, WHO)


def test_ampi_equals_the_loop_both_ways_up() -> None:
    x = np.random.default_rng(7).uniform(0, 50, (6, 3))
    directions = [1.0, -1.0, 1.0]
    for reference, row in (("mean", None), ("IND", 1)):
        expected = []
        for unit in x:
            scaled = []
            for j, d in enumerate(directions):
                column = x[:, j]
                half = (max(column) - min(column)) / 2
                ref = statistics.fmean(column) if row is None else column[row]
                up = unit[j] - (ref - half) if d > 0 else (ref + half) - unit[j]
                scaled.append(70 + 60 * up / (2 * half))
            m, s = statistics.fmean(scaled), statistics.pstdev(scaled)
            expected.append(m - s * s / m)
        made = ampi(x, 1, WHO, reference=reference, directions=np.array(directions))
        np.testing.assert_allclose(made, expected, rtol=1e-13)
        turned = ampi(x * directions, 1, WHO, reference=reference)
        np.testing.assert_allclose(turned, expected, rtol=1e-12)


def test_ampi_puts_the_reference_unit_at_100() -> None:
    x = np.array([[1.0, 4.0, 2.0], [3.0, 5.0, 3.0], [9.0, 6.0, 1.0]])
    assert ampi(x, 1, WHO, reference="RUS")[2] == pytest.approx(100.0)
    with pytest.raises(InputError, match="DZA"):
        ampi(x, 1, WHO, reference="DZA")
    x[0, 1] = NAN
    with pytest.raises(MethodError, match=r"indicator b.*BRA, the reference"):
        ampi(x, 1, WHO, reference="BRA")


def test_mean_min_equals_the_loop_and_its_ends() -> None:
    x = np.random.default_rng(8).uniform(0, 9, (5, 3))
    z = np.array([[100 + 10 * (v - statistics.fmean(c)) / statistics.stdev(c) for v in c] for c in x.T]).T
    expected = [m - 0.7 * (math.sqrt((m - min(r)) ** 2 + 4) - 2) for r in z for m in [statistics.fmean(r)]]
    np.testing.assert_allclose(mean_min(x, 0.7, 2.0, WHO), expected, rtol=1e-13)
    np.testing.assert_allclose(mean_min(x, 0.0, 0.0, WHO), z.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(mean_min(x, 1.0, 0.0, WHO), z.min(axis=1), rtol=1e-13)
    with pytest.raises(InputError, match="alpha 2"):
        mean_min(x, 2.0, 0.0, WHO)


def test_wroclaw_equals_the_loop_and_is_zero_at_the_ideal() -> None:
    x = np.array([[3.0, 9.0, 5.0], [1.0, 9.0, 2.0], [3.0, 9.0, 7.0], [2.0, 1.0, 1.0]])
    top = [max(c) for c in x.T]
    distances = [math.dist(row, top) for row in x]
    scale = statistics.fmean(distances) + 2 * statistics.stdev(distances)
    np.testing.assert_allclose(wroclaw(x, WHO), [d / scale for d in distances], rtol=1e-13)
    assert wroclaw(x, WHO)[2] == 0.0
    with pytest.raises(MethodError, match="no scale"):
        wroclaw(np.ones((4, 3)), WHO)


@pytest.mark.parametrize("how", ["ampi", "mean_min"])
def test_a_constant_indicator_is_named(how: str) -> None:
    x = np.array([[1.0, 5.0, 2.0], [2.0, 5.0, 4.0], [3.0, 5.0, 3.0]])
    with pytest.raises(MethodError, match="indicator b"):
        aggregate(x, np.ones(3), how, Aggregate(), WHO)
