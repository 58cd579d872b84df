"""Bands by hand and by second methods: the conformal rank, isotonic widths, coverage where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from concordat.impact.connectivity import intervals
from concordat.impact.connectivity.intervals import (
    Rolling,
    band_table,
    calibrated,
    covered,
    roll,
    rolling_coverage,
)
from concordat.impact.connectivity.series import make_panel
from connectivity_kit import spread_of


def test_the_quantile_is_the_one_of_finite_samples() -> None:
    """Rank ceil((n + 1) 0.9): of 9 scores the largest, of 19 the 18th, of 99 the 90th."""
    for count, rank in ((9, 9), (19, 18), (99, 90)):
        assert intervals._conformal(np.arange(1.0, count + 1), 0.9) == rank


def test_widths_that_fall_are_averaged_as_isotonic_regression_does() -> None:
    rng = np.random.default_rng(3)
    rows = rng.uniform(0.1, 1.0, (8, 5))
    made = intervals._isotonic(rows)
    for column in range(5):
        assert made[:, column] == pytest.approx(isotonic_regression(rows[:, column]).x)


def test_growth_is_the_slope_of_log_errors() -> None:
    pools = {j: intervals._Pool(0.2 * j**0.7, np.ones(60), np.zeros(60), np.array([""] * 60)) for j in range(1, 8)}
    assert intervals._growth(pools) == pytest.approx(0.7)
    assert intervals._growth({1: pools[1]}) == 1.0


def test_errors_are_those_of_forecasts_made_with_what_was_known() -> None:
    """A row of the cube is the same when all that came later is cut off."""
    series = spread_of(7, areas=20)
    panel = make_panel(series)
    whole = roll(panel, None, None, 2015, 5)
    cut = roll(panel.until(2014), None, None, 2012, 5)
    row, same = whole.at(2012), cut.at(2012)
    assert np.array_equal(whole.forecasts[row], cut.forecasts[same])
    assert np.array_equal(whole.errors[row, :2], cut.errors[same, :2])
    assert np.isnan(cut.errors[same, 2:]).all()


def test_bands_use_no_error_whose_target_is_after_their_origin() -> None:
    panel = make_panel(spread_of(8, areas=60))
    rolling = roll(panel, None, None, 2019, 4)
    row = rolling.at(2012)
    table = band_table(rolling, 2012, rolling.start[row], rolling.groups[row])
    for earlier in range(2005, 2020):
        for h in range(1, 5):
            if earlier + h > 2012:
                rolling.errors[rolling.at(earlier), h - 1] = 99.0
    assert np.array_equal(table, band_table(rolling, 2012, rolling.start[row], rolling.groups[row]))


def cube(errors: np.ndarray, groups: list[str] | None = None) -> Rolling:
    s, _, a = errors.shape
    labels = np.array([groups or [""] * a] * s)
    start = np.tile(np.linspace(-2, 2, a), (s, 1))
    return Rolling(2000, errors, np.zeros_like(errors), start, labels, np.zeros(s))


@pytest.mark.parametrize("seed", range(3))
def test_bands_hold_nine_in_ten_where_errors_are_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rolling = cube(rng.standard_t(5, (25, 6, 120)) * np.arange(1, 7)[None, :, None] ** 0.7)
    held = np.concatenate([covered(rolling, o, h) for o in range(2014, 2024) for h in (1, 3, 6)])
    assert 0.88 < held.mean() < 0.92


def test_bands_are_wider_where_errors_are_larger_and_in_groups_that_miss_more() -> None:
    rng = np.random.default_rng(4)
    errors = rng.normal(size=(25, 3, 200))
    errors[:, :, :50] *= 4.0  # the lowest start
    errors[:, :, 100::2] *= 2.0
    rolling = cube(errors, ["a", "b"] * 100)
    table = band_table(rolling, 2020, rolling.start[20], rolling.groups[20])
    assert table[2, 10] > 2 * table[2, 150]
    assert table[2, 180] > 1.2 * table[2, 181]
    assert (np.diff(table, axis=0) >= 0).all()


def test_with_fewer_than_a_hundred_scores_there_is_no_band_and_no_verdict() -> None:
    rolling = cube(np.random.default_rng(0).normal(size=(6, 2, 10)))
    assert np.isnan(band_table(rolling, 2005, rolling.start[5], rolling.groups[5])).all()
    coverage, judged = rolling_coverage(rolling, 2005, 1)
    assert coverage is None
    assert judged < 100
    assert not calibrated(coverage)
    assert covered(rolling, 1990, 1).size == 0


@pytest.mark.parametrize(("coverage", "shown"), [(0.849, False), (0.85, True), (0.95, True), (0.951, False)])
def test_bands_are_shown_from_85_to_95(coverage: float, shown: bool) -> None:
    assert calibrated(coverage) is shown
