"""Correlations, components and reliability against scipy.stats, numpy.linalg and plain loops.

Tolerance 1e-9 (specification, section 14), for p values 1e-9 relative to 1.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from concordat.observatory.association import correlations, partial_correlation
from concordat.observatory.multivariate import cronbach_alpha, mcdonald_omega, parallel_analysis, pca
from concordat.observatory.spline import smooth

stats = pytest.importorskip("scipy.stats")
CLOSE = 1e-9


def table(n: int, k: int, seed: int, missing: float = 0.0, rounding: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = 0.7 * rng.standard_normal((n, 1)) + rng.standard_normal((n, k))
    if rounding is not None:
        x = np.round(x, rounding)
    x[rng.random((n, k)) < missing] = np.nan
    return x


CASES = [  # units, columns, seed, share missing, digits rounded to (which makes ties)
    (51, 5, 1, 0.1, None),
    (51, 4, 2, 0.0, 0),
    (12, 4, 3, 0.2, None),
    (33, 3, 4, 0.0, None),
    (34, 3, 5, 0.0, None),
    (200, 3, 6, 0.3, 1),
]


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
@pytest.mark.parametrize(("n", "k", "seed", "missing", "rounding"), CASES)
def test_pairs_are_those_of_scipy(method: str, n: int, k: int, seed: int, missing: float, rounding: int | None) -> None:
    x = table(n, k, seed, missing, rounding)
    judge = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}[method]
    found = correlations(x, method)
    for i in range(k):
        for j in range(i):
            both = ~np.isnan(x[:, i]) & ~np.isnan(x[:, j])
            r, p = judge(x[both, i], x[both, j])
            assert found.r[i, j] == found.r[j, i] == pytest.approx(r, abs=CLOSE)
            assert found.p[i, j] == pytest.approx(p, abs=CLOSE)
            assert found.n[i, j] == both.sum()


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_kendalls_exact_p_counts_all_orders(n: int) -> None:
    """Share of all n! orders that have at least as large |tau|: no formula at all."""
    for order in permutations(range(n)):
        pairs = [(order[j] - order[i]) for i in range(n) for j in range(i + 1, n)]
        surplus = sum(1 if d > 0 else -1 for d in pairs)
        if order[0] != 0:
            continue  # a few orders are enough
        extreme = sum(
            abs(sum(1 if q[j] > q[i] else -1 for i in range(n) for j in range(i + 1, n))) >= abs(surplus)
            for q in permutations(range(n))
        )
        found = correlations(np.column_stack([np.arange(n), order]).astype(float), "kendall")
        assert found.r[0, 1] == pytest.approx(surplus / len(pairs))
        assert found.p[0, 1] == pytest.approx(extreme / math.factorial(n), abs=CLOSE)


def test_partial_correlation_is_that_of_the_inverse_matrix() -> None:
    """r_ab.c = -P_ab / sqrt(P_aa P_bb), P the inverse of the covariance (Whittaker, Graphical Models, 1990)."""
    x = table(60, 5, 7)
    inverse = np.linalg.inv(np.cov(x.T))
    expected = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
    found = partial_correlation(x[:, 0], x[:, 1], x[:, 2:])
    assert found.r == pytest.approx(expected, abs=CLOSE)
    t = expected * np.sqrt((60 - 2 - 3) / (1 - expected**2))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 55), abs=CLOSE)
    assert found.n == 60


@pytest.mark.parametrize(("n", "k"), [(51, 5), (20, 12), (11, 2)])
def test_principal_components_are_those_of_eigh(n: int, k: int) -> None:
    x = table(n, k, 8) * np.arange(1, k + 1)
    values, vectors = np.linalg.eigh(np.corrcoef(x.T))
    found = pca(x)
    assert found.values == pytest.approx(values[::-1], abs=CLOSE)
    assert found.shares.sum() == pytest.approx(1.0)
    for c in range(k):
        other = vectors[:, k - 1 - c]
        assert np.abs(found.vectors[:, c] @ other) == pytest.approx(1.0, abs=CLOSE)
        assert found.scores[:, c].var(ddof=1) == pytest.approx(found.values[c], abs=CLOSE)
    z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    assert found.loadings[:, 0] == pytest.approx([np.corrcoef(c, found.scores[:, 0])[0, 1] for c in z.T], abs=CLOSE)


def test_alpha_pairwise_complete_by_plain_loops() -> None:
    x = table(40, 4, 9, missing=0.2)
    cov = [[0.0] * 4 for _ in range(4)]
    for i in range(4):
        for j in range(4):
            pairs = [(a, b) for a, b in zip(x[:, i], x[:, j], strict=True) if not (math.isnan(a) or math.isnan(b))]
            ma, mb = (sum(p[s] for p in pairs) / len(pairs) for s in (0, 1))
            cov[i][j] = sum((a - ma) * (b - mb) for a, b in pairs) / (len(pairs) - 1)
    mean_off = sum(cov[i][j] for i in range(4) for j in range(4) if i != j) / 12
    assert cronbach_alpha(x) == pytest.approx(16 * mean_off / sum(map(sum, cov)), abs=CLOSE)


def test_alpha_of_complete_data_is_the_usual_formula() -> None:
    """k/(k-1) (1 - sum of variances / variance of the sum)."""
    x = table(30, 5, 10)
    expected = 5 / 4 * (1 - x.var(axis=0, ddof=1).sum() / x.sum(axis=1).var(ddof=1))
    assert cronbach_alpha(x) == pytest.approx(expected, abs=CLOSE)


def test_minres_loadings_are_the_least_of_scipy() -> None:
    from scipy.optimize import minimize

    x = table(80, 6, 11)
    r = np.corrcoef(x.T)

    def residual(loading: np.ndarray) -> float:
        off = r - np.outer(loading, loading)
        np.fill_diagonal(off, 0)
        return float((off**2).sum())

    best = minimize(residual, np.full(6, 0.5), method="BFGS", options={"gtol": 1e-10})
    found = mcdonald_omega(x)
    assert found.loadings == pytest.approx(best.x * np.sign(best.x.sum()), abs=1e-6)
    assert residual(found.loadings) <= best.fun + 1e-12
    common = best.x.sum() ** 2
    assert found.omega == pytest.approx(common / (common + (1 - best.x**2).sum()), abs=1e-6)
    assert not found.heywood


def test_omega_of_exactly_one_factor_is_known() -> None:
    """Correlations l_i l_j with l = .9 .8 .7 .6: omega = 3^2 / (3^2 + .19 + .36 + .51 + .64) = 9 / 10.7."""
    loading = np.array([0.9, 0.8, 0.7, 0.6])
    r = np.outer(loading, loading)
    np.fill_diagonal(r, 1.0)
    rng = np.random.default_rng(12)
    raw = rng.standard_normal((50, 4))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0]
    found = mcdonald_omega(white @ np.linalg.cholesky(r).T)
    assert found.loadings == pytest.approx(loading, abs=1e-9)
    assert found.omega == pytest.approx(9 / 10.7, abs=1e-9)


def test_parallel_analysis_by_a_loop_over_its_permutations() -> None:
    x = table(60, 5, 13)
    found = parallel_analysis(x, np.random.Generator(np.random.PCG64(1)), permutations=400)
    other = np.random.default_rng(99)
    chance = []
    for _ in range(400):
        mixed = np.column_stack([other.permutation(c) for c in x.T])
        chance.append(np.linalg.eigvalsh(np.corrcoef(mixed.T))[::-1])
    assert found.threshold == pytest.approx(np.quantile(chance, 0.95, axis=0), abs=0.06)  # two samples of 400
    assert found.values == pytest.approx(np.linalg.eigvalsh(np.corrcoef(x.T))[::-1], abs=CLOSE)
    assert found.components == 1


def test_the_spline_minimises_its_own_criterion() -> None:
    """Fitted values at the chosen lambda by dense numpy: natural spline by second derivatives at the knots, solved as
    one penalised least-squares problem; and GCV is not smaller at other lambdas.
    """
    from scipy.interpolate import CubicSpline

    rng = np.random.default_rng(14)
    x = np.sort(rng.uniform(0, 10, 60))
    y = np.sin(x) + 0.2 * rng.standard_normal(60)
    knots = np.quantile(x, np.linspace(0, 1, 10))
    unit = [CubicSpline(knots, row, bc_type="natural") for row in np.eye(10)]
    basis = np.column_stack([u(x) for u in unit])
    fine = np.linspace(knots[0], knots[-1], 20_001)
    bend = np.column_stack([u(fine, 2) for u in unit])
    penalty = bend.T @ bend * (fine[1] - fine[0])

    def at(weight: float) -> tuple[np.ndarray, float, float]:
        hat = basis @ np.linalg.solve(basis.T @ basis + weight * penalty, basis.T)
        fitted, df = hat @ y, np.trace(hat)
        return fitted, df, 60 * ((y - fitted) ** 2).sum() / (60 - df) ** 2

    found = smooth(x, y)
    weights = np.exp(np.linspace(-20, 10, 3001))
    best = min((at(w) for w in weights), key=lambda t: t[2])
    assert found.df == pytest.approx(best[1], abs=0.05)
    assert found.fitted == pytest.approx(best[0], abs=0.005)
