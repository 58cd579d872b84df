"""EM against two other ways to the same maximum of the likelihood.

1. The closed form for monotone missing data of two columns (Anderson, JASA 52, 1957, 200-203; Little & Rubin, 3rd ed.,
   section 7.2): regression of y2 on y1 over the complete rows, applied to the mean and variance of all y1.
2. The textbook's EM, one unit at a time with numpy.linalg, converged to 1e-13 (Little & Rubin, section 11.2.1).
3. Observed-data likelihood: its gradient by numerical derivatives is zero at the answer.

Tolerance: 1e-8 of the standard deviation (specification, section 14: accept 1e-4, ambitious 1e-8).
"""

from __future__ import annotations

import numpy as np
import pytest

from concordat.observatory.stages.em import em

TOLERANCE = 1e-8


def sample(n: int, k: int, missing: float, seed: int, common: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = common * rng.standard_normal((n, 1)) + (1 - common**2) ** 0.5 * rng.standard_normal((n, k))
    x = x * np.exp(rng.standard_normal(k)) + 10 * rng.standard_normal(k)
    x[rng.random((n, k)) < missing] = np.nan
    return x


def textbook(x: np.ndarray, tolerance: float = 1e-13, rounds: int = 50_000) -> tuple[np.ndarray, np.ndarray]:
    """EM one unit at a time, in standardised columns, and back."""
    centre, scale = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    z = (x - centre) / scale
    n, k = z.shape
    mean, cov = np.zeros(k), np.eye(k)
    for _ in range(rounds):
        total, outer = np.zeros(k), np.zeros((k, k))
        for row in z:
            o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
            expected = row.copy()
            slopes = cov[np.ix_(m, o)] @ np.linalg.inv(cov[np.ix_(o, o)])
            expected[m] = mean[m] + slopes @ (row[o] - mean[o])
            total += expected
            outer += np.outer(expected, expected)
            outer[np.ix_(m, m)] += cov[np.ix_(m, m)] - slopes @ cov[np.ix_(o, m)]
        new_mean = total / n
        new_cov = outer / n - np.outer(new_mean, new_mean)
        change = max(np.abs(new_mean - mean).max(), np.abs(new_cov - cov).max())
        mean, cov = new_mean, new_cov
        if change < tolerance:
            break
    return centre + scale * mean, cov * np.outer(scale, scale)


def log_likelihood(x: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> float:
    total = 0.0
    for row in x:
        o = np.flatnonzero(~np.isnan(row))
        if o.size:
            s, d = cov[np.ix_(o, o)], row[o] - mean[o]
            total -= 0.5 * (np.linalg.slogdet(s)[1] + d @ np.linalg.solve(s, d))
    return total


@pytest.mark.parametrize(("n", "missing"), [(20, 6), (51, 15), (11, 7), (200, 150)])
def test_two_columns_of_which_one_has_gaps_have_a_closed_form(n: int, missing: int) -> None:
    x = sample(n, 2, 0.0, seed=n)
    x[:missing, 1] = np.nan
    y1, y2 = x[missing:, 0], x[missing:, 1]
    slope = ((y1 - y1.mean()) * (y2 - y2.mean())).sum() / ((y1 - y1.mean()) ** 2).sum()
    mean_2 = y2.mean() + slope * (x[:, 0].mean() - y1.mean())
    residual = (((y2 - y2.mean()) - slope * (y1 - y1.mean())) ** 2).mean()
    var_1 = x[:, 0].var()
    found = em(x)
    sd = np.sqrt(residual + slope**2 * var_1)
    assert abs(found.mean[0] - x[:, 0].mean()) < TOLERANCE * np.sqrt(var_1)
    assert abs(found.mean[1] - mean_2) < TOLERANCE * sd
    assert found.covariance[0, 0] == pytest.approx(var_1, rel=1e-8)
    assert found.covariance[0, 1] == pytest.approx(slope * var_1, rel=1e-7)
    assert found.covariance[1, 1] == pytest.approx(sd**2, rel=1e-7)
    assert found.filled[:missing, 1] == pytest.approx(mean_2 + slope * (x[:missing, 0] - x[:, 0].mean()), rel=1e-8)


CASES = [(51, 10, 0.1, 1), (51, 5, 0.3, 2), (20, 4, 0.15, 3), (80, 6, 0.3, 4), (60, 3, 0.5, 5), (30, 8, 0.05, 6)]


@pytest.mark.parametrize(("n", "k", "missing", "seed"), CASES)
def test_the_textbooks_loop_ends_at_the_same_place(n: int, k: int, missing: float, seed: int) -> None:
    x = sample(n, k, missing, seed)
    mean, cov = textbook(x)
    sd = np.sqrt(np.diag(cov))
    found = em(x)
    assert np.abs((found.mean - mean) / sd).max() < TOLERANCE
    assert np.abs((found.covariance - cov) / np.outer(sd, sd)).max() < 10 * TOLERANCE
    for row in range(n):
        o, m = np.flatnonzero(~np.isnan(x[row])), np.flatnonzero(np.isnan(x[row]))
        expected = mean[m] + cov[np.ix_(m, o)] @ np.linalg.pinv(cov[np.ix_(o, o)]) @ (x[row, o] - mean[o])
        assert np.abs((found.filled[row, m] - expected) / sd[m]).max(initial=0) < 100 * TOLERANCE


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_eleven_units_as_brics_has(seed: int) -> None:
    x = sample(11, 4, 0.1, seed)
    mean, cov = textbook(x)
    assert np.abs((em(x).mean - mean) / np.sqrt(np.diag(cov))).max() < TOLERANCE


def test_no_step_in_any_direction_is_likelier() -> None:
    """The likelihood falls on both sides of the answer, along each mean and each element of the triangle."""
    x = sample(51, 4, 0.25, 11)
    found = em(x)
    top = log_likelihood(x, found.mean, found.covariance)
    factor, sd = np.linalg.cholesky(found.covariance), np.sqrt(np.diag(found.covariance))
    for j in range(4):
        for step in (-1e-3, 1e-3):
            moved = found.mean.copy()
            moved[j] += step * sd[j]
            assert log_likelihood(x, moved, found.covariance) < top
            for i in range(j, 4):
                other = factor.copy()
                other[i, j] += step * sd[i]
                assert log_likelihood(x, found.mean, other @ other.T) < top
