"""What correlations say of a table: by hand, flags at their limits, and what can't be computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.observatory.association import Correlations, correlations, partial_correlation, ranks
from concordat.observatory.multivariate import (
    correlation_ratio,
    cronbach_alpha,
    denominator_flags,
    importance,
    mcdonald_omega,
    of_pillars,
    pair_flags,
    parallel_analysis,
    pca,
)
from concordat.observatory.panel import Frame

NAN = np.nan


def frame(pillars: tuple[int, ...], directions: list[float] | None = None) -> Frame:
    k = len(pillars)
    return Frame(tuple("ABCDEFGHIJKLMNOP"), tuple("abcdef"[:k]), np.array(directions or [1.0] * k), pillars)


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(1))


# --- Correlations ---


def test_ranks_share_the_mean_of_tied_places() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_a_column_without_spread_has_no_correlation() -> None:
    found = correlations(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    assert found.r[0, 0] == 1.0
    assert np.isnan([found.r[0, 1], found.r[1, 1], found.p[0, 1]]).all()


def test_two_units_have_a_coefficient_and_no_p() -> None:
    for method in ("pearson", "spearman", "kendall"):
        found = correlations(np.array([[1.0, 5.0], [2.0, 9.0]]), method)
        assert found.r[0, 1] == pytest.approx(1.0)
        assert math.isnan(found.p[0, 1])


def test_columns_that_are_one_line_have_r_of_one_and_p_zero() -> None:
    x = np.arange(10.0)
    found = correlations(np.column_stack([x, 3 * x + 0.1, -x]))
    assert found.r[0, 1] == pytest.approx(1)
    assert found.r[0, 2] == pytest.approx(-1)
    assert found.p[0, 1] < 1e-12


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_scale_does_not_matter_even_where_squares_would_overflow(scale: float) -> None:
    x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0]])
    assert correlations(x * scale).r[0, 1] == pytest.approx(0.6)


def test_a_pair_never_observed_together() -> None:
    found = correlations(np.array([[1.0, NAN], [2.0, NAN], [NAN, 3.0], [NAN, 4.0]]))
    assert found.n[0, 1] == 0
    assert math.isnan(found.r[0, 1])


def test_partial_correlation_of_what_is_left() -> None:
    """a = c + e, b = c - e with e orthogonal to c: given c they are opposites."""
    c, e = np.array([1.0, 1, -1, -1, 2, -2]), np.array([1.0, -1, 1, -1, 0, 0])
    found = partial_correlation(c + e, c - e, c[:, None])
    assert found.r == pytest.approx(-1)


def test_partial_correlation_with_nothing_left_or_too_few_or_repeated() -> None:
    c = np.array([1.0, 2, 4, 7, 11])
    assert math.isnan(partial_correlation(c, 2 * c, c[:, None]).r)
    with pytest.raises(MethodError, match="needs 5 units that have all; there are 4"):
        partial_correlation(c[:4], c[:4], np.column_stack([c[:4], c[:4] ** 2]))
    with pytest.raises(MethodError, match="repeat each other"):
        partial_correlation(c**2, c**3, np.column_stack([c, 2 * c]))


# --- Flags ---


@pytest.mark.parametrize(
    ("r", "kind"),
    [(0.921, "same"), (0.92, ""), (0.3, ""), (0.299, "weak"), (0.0, "weak"), (-0.001, "negative"), (-0.95, "negative")],
)
def test_flags_at_their_limits(r: float, kind: str) -> None:
    square = np.array([[1.0, r], [r, 1.0]])
    found = Correlations("pearson", square, np.zeros((2, 2)), np.full((2, 2), 16))
    assert [f.kind for f in pair_flags(found, frame((0, 0)))] == ([kind] if kind else [])
    assert pair_flags(found, frame((0, 1))) == ()  # other pillars are another matter


def test_denominators_that_an_indicator_follows() -> None:
    rng = np.random.default_rng(1)
    people = rng.lognormal(size=16)
    x = np.column_stack([people + 0.1 * rng.standard_normal(16), rng.standard_normal(16), -people])
    flags = denominator_flags(x, frame((0, 0, 0)), {"population": people})
    assert [(f.indicator, f.denominator) for f in flags] == [("a", "population"), ("c", "population")]
    assert flags[1].r == pytest.approx(-1)


# --- Components ---


def test_components_of_two_columns_are_one_plus_and_minus_r() -> None:
    x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0], [NAN, 9.0]])
    found = pca(x)
    assert found.values == pytest.approx([1.6, 0.4])
    assert found.vectors[:, 0] == pytest.approx([0.5**0.5, 0.5**0.5])
    assert found.n == 4
    assert np.isnan(found.scores[4]).all()


def test_the_sign_makes_most_loadings_positive() -> None:
    rng = np.random.default_rng(2)
    f = rng.standard_normal((60, 1))
    x = np.hstack([f, f, f, -f]) + 0.2 * rng.standard_normal((60, 4))
    assert (pca(x).vectors[:, 0] > 0).tolist() == [True, True, True, False]


def test_components_need_complete_units_and_spread() -> None:
    with pytest.raises(MethodError, match="2 units have all 2 indicators; three are needed"):
        pca(np.array([[1.0, 2], [2, 1], [NAN, 3]]))
    with pytest.raises(MethodError, match="users: all 3 complete units have the same value"):
        pca(np.array([[1.0, 2], [1, 1], [1, 3]]), ["users", "lines"])


def test_parallel_analysis_counts_one_factor_two_and_none() -> None:
    rng = np.random.default_rng(3)
    noise, f = rng.standard_normal((200, 6)), rng.standard_normal((200, 2))
    assert parallel_analysis(f[:, :1] + 0.5 * noise, generator()).components == 1
    two = np.hstack([f[:, :1] + 0.5 * noise[:, :3], f[:, 1:] + 0.5 * noise[:, 3:]])
    assert parallel_analysis(two, generator()).components == 2
    found = parallel_analysis(two, generator())
    assert found.threshold.tolist() == parallel_analysis(two, generator()).threshold.tolist()


# --- One scale ---


def test_alpha_by_hand() -> None:
    """Variances 5/3, covariance 1: k^2 cbar / sum = 4 * 1 / (10/3 + 2) = 0.75."""
    x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0]])
    assert cronbach_alpha(x) == pytest.approx(0.75)


def test_alpha_of_copies_is_one_and_needs_two_columns() -> None:
    x = np.arange(5.0)
    assert cronbach_alpha(np.column_stack([x, x, x])) == pytest.approx(1.0)
    with pytest.raises(MethodError, match="two indicators"):
        cronbach_alpha(x[:, None])
    with pytest.raises(MethodError, match="columns 1 and 2 have 1 units in common"):
        cronbach_alpha(np.array([[1.0, NAN], [2.0, 3.0], [NAN, 4.0]]))


def test_indicators_that_cancel_out_have_no_alpha() -> None:
    x = np.array([1.0, 2, 4])
    with pytest.raises(MethodError, match="look at their directions"):
        cronbach_alpha(np.column_stack([x, -x]))


def test_omega_needs_three_columns_and_marks_a_loading_held_at_one() -> None:
    with pytest.raises(MethodError, match="omega needs three indicators"):
        mcdonald_omega(np.array([[1.0, 2], [2, 1], [3, 3]]))
    rng = np.random.default_rng(4)
    raw = rng.standard_normal((40, 3))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0]
    r = np.array([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])  # l_1^2 would be .8 * .8 / .5 = 1.28
    found = mcdonald_omega(white @ np.linalg.cholesky(r).T)
    assert found.heywood
    assert found.loadings[0] == 1.0


# --- Importance ---


def test_a_parabola_is_no_correlation_but_all_importance() -> None:
    x = np.linspace(-1, 1, 101)
    assert correlations(np.column_stack([x, x**2])).r[0, 1] == pytest.approx(0, abs=1e-12)
    assert correlation_ratio(x, x**2) > 0.999


def test_a_straight_line_has_the_squared_correlation() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal(400)
    y = 2 * x + rng.standard_normal(400)
    r = correlations(np.column_stack([x, y])).r[0, 1]
    assert correlation_ratio(x, y) == pytest.approx(r**2, abs=0.01)


def test_importance_of_independent_parts_is_their_share_of_variance() -> None:
    """index = 1 x1 + 2 x2 + 3 x3: 1/14, 4/14, 9/14 (the linear example of the specification, section 13)."""
    rng = np.random.default_rng(6)
    raw = rng.standard_normal((2000, 3))
    x = np.linalg.qr(raw - raw.mean(axis=0))[0]
    found = importance(x, x @ np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx([1 / 14, 4 / 14, 9 / 14], abs=0.02)


def test_ties_few_values_and_nothing_to_explain() -> None:
    x = np.array([0.0, 0, 1, 1, 2, 2])
    assert correlation_ratio(x, np.array([1.0, 3, 5, 7, 2, 4])) == pytest.approx(52 / 70)  # groups: 2, 6, 3
    assert math.isnan(correlation_ratio(x, np.ones(6)))
    assert math.isnan(correlation_ratio(np.ones(6), x))
    assert math.isnan(correlation_ratio(x[:4], x[:4]))


def test_very_skewed_and_clustered_values_do_not_break_the_curve() -> None:
    x = np.array([1e-300, 1e-200, 1e-100, 1e-12, 1.0, 1.0, 1e9])
    assert 0 <= correlation_ratio(x, np.arange(7.0)) <= 1
    rng = np.random.default_rng(7)
    assert correlation_ratio(np.exp(6 * rng.standard_normal(200)), rng.standard_normal(200)) < 0.2


# --- Pillars ---


def test_pillars_are_turned_so_that_more_is_better_and_say_what_cannot_be_said() -> None:
    rng = np.random.default_rng(8)
    f = rng.standard_normal((16, 1))
    x = np.hstack([f, 100 * f, -f]) + rng.standard_normal((16, 3)) * np.array([0.3, 30, 0.3])
    x = np.hstack([x, rng.standard_normal((16, 3))])
    x[:, 5] = 4.0
    one, two, three = of_pillars(x, frame((0, 0, 0, 1, 2, 2), [1, 1, -1, 1, 1, 1]), generator())
    assert one.alpha is not None
    assert one.alpha > 0.85
    assert one.omega is not None
    assert one.omega > 0.85
    assert one.components == 1
    assert one.problems == ()
    assert (two.alpha, two.problems) == (None, ())
    assert three.first_share is None
    assert dict(three.problems)["first_share"].startswith("multivariate: f: all 16 complete units")
