"""What moved between two vintages: pairing, sizes, and the two tests against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.observatory.revision import Cell, bias_test, causes, compare_vintages, with_causes


def some_vintages(seed: int = 1) -> tuple[dict[Cell, float], dict[Cell, float]]:
    """Five areas over twelve years with holes; the later one is shifted with errors that last."""
    rng = np.random.Generator(np.random.PCG64(seed))
    before: dict[Cell, float] = {}
    after: dict[Cell, float] = {}
    for area in "EDCBA":
        error = 0.0
        for year in range(2000, 2012):
            error = 0.6 * error + float(rng.normal())
            if rng.random() < 0.8:
                before[area, year] = 3.0 * (year - 2000) + float(rng.normal()) * 5
                after[area, year] = 1.0 + 0.9 * before[area, year] + error
    return before, after


def newey_west(scores: dict[Cell, list[float]], lag: int) -> list[list[float]]:
    """The long-run sum of products within areas, year by year."""
    k = len(next(iter(scores.values())))
    total = [[0.0] * k for _ in range(k)]
    for (area, year), s in scores.items():
        for (other, then), r in scores.items():
            if area == other and abs(year - then) <= lag:
                weight = 1 - abs(year - then) / (lag + 1)
                for i in range(k):
                    for j in range(k):
                        total[i][j] += weight * s[i] * r[j]
    return total


def test_added_removed_changed() -> None:
    before = {("A", 2000): 1.0, ("A", 2001): 2.0, ("B", 2000): 3.0, ("C", 2000): 4.0}
    after = {("A", 2000): 1.04, ("A", 2001): 5.0, ("B", 2000): 1.0, ("D", 2001): 4.0}
    found = compare_vintages(before, after, tolerance=0.05)
    assert (found.added, found.removed, found.common) == ((("D", 2001),), (("C", 2000),), 3)
    assert [(c.cell, c.size) for c in found.changed] == [(("A", 2001), 3.0), (("B", 2000), -2.0)]
    assert (found.moved_by_more_than(2.5), found.moved_by_more_than(2.0)) == (1, 1)
    assert (found.size.n, found.size_changed.n) == (3, 2)
    assert found.size.mean == pytest.approx((0.04 + 3 - 2) / 3)
    assert found.size.mean_abs == pytest.approx((0.04 + 3 + 2) / 3)
    assert found.size.rms == pytest.approx(math.sqrt((0.04**2 + 9 + 4) / 3))
    assert found.size.share_up == pytest.approx(2 / 3)
    assert found.size_changed.share_up == 0.5
    assert found.size.largest is not None
    assert found.size.largest.cell == ("A", 2001)


def test_more_than_thirty_percent_of_an_areas_cells_is_definitional() -> None:
    before = {(area, 2000 + n): 10.0 for area in ("A", "B") for n in range(10)}
    after = dict(before)
    for n in range(3):
        after["A", 2000 + n] += 1
    for n in range(4):
        after["B", 2000 + n] += 1
    found = compare_vintages(before, after)
    assert found.definitional == ("B",)
    assert [(a.area, a.cells, a.moved) for a in found.areas] == [("A", 10, 3), ("B", 10, 4)]


@pytest.mark.parametrize("lag", [0, 1, 2, 4])
def test_bias_against_plain_loops(lag: int) -> None:
    before, after = some_vintages()
    found = compare_vintages(before, after, lag=lag).bias
    sizes = {cell: after[cell] - before[cell] for cell in before}
    n, mean = len(sizes), sum(sizes.values()) / len(sizes)
    long = newey_west({cell: [size - mean] for cell, size in sizes.items()}, lag)[0][0]
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(long / n / (n - 1)), abs=1e-12)
    assert found.t == pytest.approx(mean / math.sqrt(long / n / (n - 1)), abs=1e-9)
    by_area = {a: sum(s - mean for (b, _), s in sizes.items() if a == b) for a in "ABCDE"}
    clustered = math.sqrt(5 / 4 * sum(s**2 for s in by_area.values())) / n
    assert found.se_clustered == pytest.approx(clustered, abs=1e-12)


def test_without_lags_bias_is_the_t_test_of_the_textbook() -> None:
    """Student's sleep data, differences of the two drugs: t = 4.0621, df = 9, p = 0.002833 (R, `?t.test`)."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = bias_test(np.array(second) - np.array(first), np.arange(10), np.full(10, 2000))
    assert found.t == pytest.approx(4.0621, abs=5e-5)
    assert found.p == pytest.approx(0.002833, abs=5e-7)


def test_news_against_plain_loops() -> None:
    before, after = some_vintages()
    found = compare_vintages(before, after).news
    cells = sorted(before)
    x = np.array([[1.0, before[c]] for c in cells])
    y = np.array([after[c] for c in cells])
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    off = y - x @ coefficients
    meat = np.array(newey_west({c: (row * e).tolist() for c, row, e in zip(cells, x, off, strict=True)}, 2))
    bread = np.linalg.inv(x.T @ x)
    covariance = bread @ meat @ bread * len(cells) / (len(cells) - 2)
    assert [found.a, found.b] == pytest.approx(coefficients.tolist(), abs=1e-10)
    assert [found.se_a, found.se_b] == pytest.approx(np.sqrt(covariance.diagonal()).tolist(), abs=1e-10)
    apart = coefficients - [0, 1]
    assert found.f == pytest.approx(float(apart @ np.linalg.inv(covariance) @ apart) / 2, rel=1e-9)
    from scipy import stats

    assert found.p == pytest.approx(stats.f.sf(found.f, 2, len(cells) - 2), rel=1e-9)
    assert found.r_squared == pytest.approx(np.corrcoef(x[:, 1], y)[0, 1] ** 2, abs=1e-12)


def test_what_cannot_be_tested_says_why() -> None:
    same = {("A", 2000 + n): float(n) for n in range(6)}
    found = compare_vintages(same, same)
    assert (found.bias.mean, found.bias.t) == (0.0, None)
    assert "no spread" in found.bias.reason
    assert (found.news.a, found.news.b, found.news.p) == (0.0, 1.0, None)
    assert "on the line" in found.news.reason
    shifted = compare_vintages(same, {cell: value + 0.1 for cell, value in same.items()})
    assert shifted.bias.mean == pytest.approx(0.1)
    assert "no spread" in shifted.bias.reason
    assert shifted.definitional == ("A",)
    flat = compare_vintages(dict.fromkeys(same, 7.0), same)
    assert "no slope" in flat.news.reason
    assert flat.bias.t is not None
    two = compare_vintages({("A", 1): 1.0, ("A", 2): 2.0}, {("A", 1): 1.0, ("A", 2): 2.0})
    assert "2 cells are too few" in two.bias.reason
    assert "2 cells are too few" in two.news.reason
    none = compare_vintages({}, {("A", 1): 1.0})
    assert (none.common, none.size.mean, none.bias.mean, none.areas) == (0, None, None, ())
    assert compare_vintages({}, {}).added == ()


def test_a_value_that_is_no_number_is_named() -> None:
    with pytest.raises(InputError, match="B, 2001: the later value is not a number"):
        compare_vintages({("A", 2000): 1.0}, {("A", 2000): 1.0, ("B", 2001): float("nan")})


def test_causes_of_a_change_of_figures() -> None:
    nan = float("nan")
    before = np.array([1.0, 2.0, nan, 4.0, nan, 6.0])
    after = np.array([1.0, 2.5, 3.0, nan, nan, 6.01])
    found = causes(before, after, tolerance=0.05)
    assert found.revised.tolist() == [False, True, False, False, False, False]
    assert found.new.tolist() == [False, False, True, False, False, False]
    assert found.gone.tolist() == [False, False, False, True, False, False]
    mixed = with_causes(before, after, found, revised=True)
    assert np.array_equal(mixed, [1.0, 2.5, nan, 4.0, nan, 6.0], equal_nan=True)
    every = with_causes(before, after, causes(before, after), revised=True, new=True, gone=True)
    assert np.array_equal(every, after, equal_nan=True)
    assert np.array_equal(with_causes(before, after, found), before, equal_nan=True)
