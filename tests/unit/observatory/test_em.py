"""EM and multiple imputation: what stays as it was, what is said when it can't be done, and pooling by hand."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.observatory.stages.em import draws, em, rubin

NAN = np.nan


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def table(n: int, k: int, share_missing: float, seed: int = 7) -> np.ndarray:
    """One common factor, and holes at random."""
    rng = generator(seed)
    x = 50 + 10 * (0.8 * rng.standard_normal((n, 1)) + 0.6 * rng.standard_normal((n, k)))
    x[rng.random((n, k)) < share_missing] = NAN
    return x


def test_a_complete_table_has_its_own_mean_and_covariance_with_divisor_n() -> None:
    x = np.array([[1.0, 2.0], [2.0, 6.0], [6.0, 1.0]])
    found = em(x)
    assert found.mean == pytest.approx([3.0, 3.0])
    assert found.covariance == pytest.approx(np.array([[14 / 3, -7 / 3], [-7 / 3, 14 / 3]]))
    assert np.array_equal(found.filled, x)


def test_observed_cells_are_the_same_to_the_last_bit_and_none_is_left_empty() -> None:
    x = table(40, 6, 0.2)
    found = em(x)
    seen = ~np.isnan(x)
    assert np.array_equal(found.filled[seen], x[seen])
    assert not np.isnan(found.filled).any()


def test_a_unit_with_nothing_gets_the_means_and_counts_for_nothing() -> None:
    x = table(30, 4, 0.1)
    with_empty = np.vstack([x, np.full((1, 4), NAN)])
    found, without = em(with_empty), em(x)
    assert found.uninformed[-1] == 30
    assert found.filled[30] == pytest.approx(without.mean)
    assert found.mean == pytest.approx(without.mean)


def test_a_column_with_one_value_is_filled_with_it_and_an_empty_one_stays_empty() -> None:
    x = np.column_stack([table(20, 2, 0.2), np.full(20, 7.0), np.full(20, NAN)])
    x[3, 2] = NAN
    found = em(x)
    assert (found.constant, found.empty) == ((2,), (3,))
    assert found.filled[3, 2] == 7.0
    assert np.isnan(found.filled[:, 3]).all()
    assert np.isnan(found.mean[3])
    assert found.filled[:, :2] == pytest.approx(em(x[:, :2]).filled)


def test_conditional_covariance_of_two_columns_is_the_residual_variance() -> None:
    x = table(50, 2, 0.0)
    x[:10, 1] = NAN
    found = em(x)
    s = found.covariance
    expected = s[1, 1] - s[0, 1] ** 2 / s[0, 0]
    assert found.conditional_covariance(0) == pytest.approx(np.array([[0, 0], [0, expected]]))
    assert found.conditional_covariance(20) == pytest.approx(np.zeros((2, 2)))


def test_extreme_scales_do_not_change_the_answer() -> None:
    x = table(40, 4, 0.15)
    scale = np.array([1e-150, 1.0, 1e6, 1e140])
    assert em(x * scale).mean / scale == pytest.approx(em(x).mean, rel=1e-9)


# --- What can't be done ---


def test_collinear_columns_are_named_with_remedies() -> None:
    x = table(30, 3, 0.0)
    x[:, 1] = 2 * x[:, 0] + 3
    x[:5, 2] = NAN
    with pytest.raises(MethodError, match=r"users and lines are collinear.*Drop lines, set ridge") as caught:
        em(x, names=("users", "lines", "basket"), where="step impute, 2021")
    assert caught.value.where == "step impute, 2021"
    assert caught.value.code == "collinear"


def test_columns_that_add_up_to_another_are_named_together() -> None:
    x = table(30, 4, 0.0)
    x[:, 2] = x[:, 0] + x[:, 1]
    x[:5, 3] = NAN
    with pytest.raises(MethodError, match="a, b and c are collinear"):
        em(x, names=("a", "b", "c", "d"))


def test_the_ridge_makes_collinear_columns_possible_and_says_that_it_was_used() -> None:
    x = table(30, 3, 0.0)
    x[:, 1] = x[:, 0]
    x[:5, 2] = NAN
    assert em(x, ridge=1e-3).ridged
    assert not em(table(30, 3, 0.1), ridge=1e-3).ridged


@pytest.mark.parametrize("n", [3, 4])
def test_as_many_indicators_as_units_is_refused(n: int) -> None:
    x = table(n, 4, 0.0)
    x[0, 0] = NAN
    with pytest.raises(MethodError, match=rf"more units than indicators: 4 indicators .*, {n} units") as caught:
        em(x)
    assert caught.value.code == "too_few"
    assert "ridge" in caught.value.hint
    assert "knn" in caught.value.hint


def test_units_with_nothing_observed_do_not_help_against_too_few() -> None:
    x = np.vstack([table(4, 4, 0.0), np.full((9, 4), NAN)])
    x[0, 0] = NAN
    with pytest.raises(MethodError, match="4 units with any of them"):
        em(x)


def test_not_settling_names_the_columns_and_that_no_unit_has_both(monkeypatch: pytest.MonkeyPatch) -> None:
    x = table(30, 3, 0.0)
    x[:15, 1], x[15:, 2] = NAN, NAN
    monkeypatch.setattr("concordat.observatory.stages._em_rounds.ROUNDS_MAX", 3)
    with pytest.raises(MethodError, match=r"has not settled .* No unit has both of lines and basket") as caught:
        em(x, names=("users", "lines", "basket"))
    assert caught.value.code == "not_converged"
    assert "knn" in caught.value.hint


def test_pairs_of_columns_with_two_units_only_are_a_line_and_said_to_be() -> None:
    x = np.array([[1, 2, NAN], [2, 5, NAN], [3, NAN, 1], [7, NAN, 4], [NAN, 2, 2], [NAN, 3, 9.0]])
    with pytest.raises(MethodError, match="collinear"):
        em(x)


# --- Multiple imputation ---


def test_draws_keep_what_is_observed_and_differ_where_nothing_is() -> None:
    x = table(40, 5, 0.15)
    made = draws(x, 6, generator())
    seen = ~np.isnan(x)
    assert made.shape == (6, 40, 5)
    assert (made[:, seen] == x[seen]).all()
    assert (made[:, ~seen].std(axis=0) > 0).all()
    assert np.array_equal(made, draws(x, 6, generator()))
    assert not np.array_equal(made, draws(x, 6, generator(2)))


def test_draws_of_a_complete_table_are_the_table() -> None:
    x = table(12, 3, 0.0)
    assert np.array_equal(draws(x, 3, generator()), np.stack([x] * 3))


def test_draws_spread_as_much_as_the_conditional_distribution_and_centre_on_it() -> None:
    x = table(400, 3, 0.0)
    x[:40, 2] = NAN
    found = em(x)
    made = draws(x, 300, generator())[:, :40, 2]
    sd = np.sqrt(found.conditional_covariance(0)[2, 2])
    # With 360 units that have the cell, uncertainty of the parameters adds about one per cent.
    assert (made.std(axis=0, ddof=1) / sd).mean() == pytest.approx(1.0, abs=0.03)
    assert ((made.mean(axis=0) - found.filled[:40, 2]) / sd).mean() == pytest.approx(0.0, abs=0.05)


def test_two_cells_of_one_unit_are_drawn_with_their_correlation() -> None:
    x = table(400, 4, 0.0)
    x[:40, 2:] = NAN
    c = em(x).conditional_covariance(0)
    made = draws(x, 300, generator())[:, :40, 2:]
    off = made - made.mean(axis=0)
    r = (off[..., 0] * off[..., 1]).sum() / np.sqrt((off[..., 0] ** 2).sum() * (off[..., 1] ** 2).sum())
    assert r == pytest.approx(c[2, 3] / np.sqrt(c[2, 2] * c[3, 3]), abs=0.03)


def test_few_units_are_drawn_again_until_em_can_be_done() -> None:
    made = draws(table(11, 5, 0.1, seed=8), 20, generator())
    assert np.isfinite(made).all()


def test_draws_that_can_never_be_done_end_with_what_to_do() -> None:
    x = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, NAN]])  # two complete units: always a line through both
    assert em(x).filled[2, 1] == pytest.approx(5.0, abs=1e-6)
    assert em(x).degenerate
    with pytest.raises(MethodError, match=r"5 of 5 resamples of the 3 units .* Set ridge") as caught:
        draws(x, 5, generator())
    assert caught.value.code == "resamples"
    assert np.isfinite(draws(x, 5, generator(), ridge=0.01)).all()


def test_rubin_by_hand() -> None:
    """Estimates 1, 2, 3 with variance 2: U = 2, B = 1, T = 2 + 4/3; df = 2 (1 + 2 / (4/3))^2 = 12.5."""
    pooled = rubin(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    assert (pooled.estimate, pooled.within, pooled.between) == (2.0, 2.0, 1.0)
    assert pooled.total == pytest.approx(10 / 3)
    assert pooled.df == pytest.approx(12.5)


def test_draws_that_agree_have_no_variance_between() -> None:
    pooled = rubin(np.full((4, 2), 5.0), np.full((4, 2), 0.5))
    assert pooled.total.tolist() == [0.5, 0.5]
    assert np.isinf(pooled.df).all()
