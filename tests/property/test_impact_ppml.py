"""PPML: units, order of rows and names of groups don't matter; the scores are zero; margins hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.impact.ppml import clustered_covariance, fit_poisson

SIZE, YEARS = 6, 3


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """A random panel with zeros, of 6 economies and 3 years, with three sets of effects; some rows are missing."""
    rng = np.random.Generator(np.random.PCG64(seed))
    cells = np.meshgrid(range(SIZE), range(SIZE), range(YEARS), indexing="ij")
    i, j, t = (c.ravel().astype(np.intp) for c in cells)
    x = rng.normal(size=(len(i), 2))
    means = np.exp(x @ [0.5, -0.2] + rng.normal(size=SIZE)[i] + rng.normal(size=SIZE)[j])
    kept = rng.uniform(size=len(i)) < 0.9
    pair = np.minimum(i, j) * SIZE + np.maximum(i, j)
    groups = [g[kept] for g in (i * YEARS + t, j * YEARS + t, pair)]
    return rng.poisson(means).astype(float)[kept], x[kept], groups


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_scores_and_margins(seed: int) -> None:
    y, x, groups = drawn(seed)
    fit = fit_poisson(y, x, groups)
    left = fit.outcome - fit.mean
    scale = fit.outcome.sum()
    assert np.abs(x[fit.rows].T @ left).max() < 1e-7 * scale
    for group in groups:
        assert np.abs(np.bincount(group[fit.rows], left)).max() < 1e-7 * scale


@given(st.integers(0, 10_000), st.floats(1e-6, 1e9))
@settings(max_examples=25)
def test_units_order_and_names_dont_matter(seed: int, unit: float) -> None:
    y, x, groups = drawn(seed)
    fit = fit_poisson(y, x, groups)
    rng = np.random.Generator(np.random.PCG64(seed + 1))
    order = rng.permutation(len(y))
    names = [rng.permutation(int(g.max()) + 1) for g in groups]
    other = fit_poisson(unit * y[order], x[order], [n[g][order] for n, g in zip(names, groups, strict=True)])
    assert np.abs(other.coefficients - fit.coefficients).max() < 1e-6
    one = clustered_covariance(fit, groups[2])
    two = clustered_covariance(other, names[2][groups[2]][order])
    assert np.abs(two / one - 1).max() < 1e-4
    assert (fit.fate[order] == other.fate).all()
