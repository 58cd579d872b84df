"""Sobol indices and Shapley effects against problems whose answer is published or follows from a formula.

- Linear x1 + 2 x2 + 3 x3, uniform: S = ST = 1/14, 4/14, 9/14 (specification, section 13).
- Ishigami, a = 7, b = 0.1: S .3139 .4424 0; ST .5576 .4424 .2437 (Ishigami and Homma, 1990; figures as printed in
  Saltelli et al., *Global Sensitivity Analysis: The Primer*, 2008). Shapley effects: S_13 is the only interaction, half
  of it is x1's and half x3's, so .4357 .4424 .1218 (Song, Nelson and Staum, 2016, definition).
- Sobol's g, a = 0, 1, 4.5, 9: V_i = 1 / 3 (1 + a_i)^2 (Sobol', 2001).
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from concordat.observatory.design import Factor, enumerate_all, sobol
from concordat.observatory.effects import effects_by_permutation, shapley_effects
from concordat.observatory.sensitivity import first_and_total

Array = npt.NDArray[np.float64]
ISHIGAMI = [Factor(name, 0, uniform=(-math.pi, math.pi)) for name in ("x1", "x2", "x3")]
FIRST, TOTAL, SHAPLEY = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437), (0.4357, 0.4424, 0.1218)


def ishigami(x: Array) -> Array:
    return np.asarray(np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))


@pytest.mark.parametrize("estimator", ["jansen", "compat"])
def test_linear(estimator: str) -> None:
    factors = [Factor(f"x{n}", 0, uniform=(0.0, 1.0)) for n in range(3)]
    design = sobol(factors, 5 * 2**14, 1)
    y = design.levels @ [1.0, 2.0, 3.0]
    found = first_and_total(design, y, estimator=estimator)  # type: ignore[arg-type]
    expected = [1 / 14, 4 / 14, 9 / 14]
    assert found.first[:, 0] == pytest.approx(expected, abs=2e-3)
    assert found.total[:, 0] == pytest.approx(expected, abs=2e-3)
    assert found.warnings == ()


def test_linear_with_levels_is_exact() -> None:
    """Steps as wide as the ranges keep the ratio of the variances: 1 : 4 : 9."""
    design = enumerate_all([Factor(f"x{n}", 7) for n in range(3)])
    found = first_and_total(design, design.levels @ [1.0, 2.0, 3.0])
    expected = [1 / 14, 4 / 14, 9 / 14]
    assert found.first[:, 0] == pytest.approx(expected, abs=1e-12)
    assert found.total[:, 0] == pytest.approx(expected, abs=1e-12)
    assert shapley_effects(design, design.levels @ [1.0, 2.0, 3.0]).effects[:, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scrambles", [1, 16])
def test_ishigami(scrambles: int) -> None:
    design = sobol(ISHIGAMI, 8 * 2**16, 3, closed=True, scrambles=scrambles)
    y = ishigami(design.levels)
    found, effects = first_and_total(design, y), shapley_effects(design, y)
    assert found.first[:, 0] == pytest.approx(FIRST, abs=3e-3)
    assert found.total[:, 0] == pytest.approx(TOTAL, abs=3e-3)
    assert effects.effects[:, 0] == pytest.approx(SHAPLEY, abs=3e-3)
    assert found.variance[0] == pytest.approx(13.8446, abs=0.05)  # a^2/8 + b pi^4/5 + b^2 pi^8/18 + 1/2


def test_ishigami_by_permutations() -> None:
    found = effects_by_permutation(ISHIGAMI, ishigami, seed=1, points=32)
    assert found.effects[:, 0] == pytest.approx(SHAPLEY, abs=0.02)
    assert (np.abs(found.effects[:, 0] - SHAPLEY) <= 4 * found.se[:, 0]).all()


def test_product_function() -> None:
    a = np.array([0.0, 1.0, 4.5, 9.0])
    part = 1 / 3 / (1 + a) ** 2
    whole = np.prod(1 + part) - 1
    design = sobol([Factor(f"x{n}", 0, uniform=(0.0, 1.0)) for n in range(4)], 6 * 2**14, 2)
    found = first_and_total(design, np.prod((np.abs(4 * design.levels - 2) + a) / (1 + a), axis=1))
    assert found.first[:, 0] == pytest.approx((part / whole).tolist(), abs=3e-3)
    assert found.total[:, 0] == pytest.approx((part * np.prod(1 + part) / (1 + part) / whole).tolist(), abs=3e-3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 100 samples in 16 scrambles, 90 % intervals hold each of six indices in 80 to 98 (binomial, +/- 3 errors)."""
    held = np.zeros((2, 3))
    exact = [[0.313905, 0.442411, 0.0], [0.557589, 0.442411, 0.243684]]  # the same figures from the formulas, 6 digits
    for seed in range(100):
        design = sobol(ISHIGAMI, 16 * 5 * 64, seed, scrambles=16)
        found = first_and_total(design, ishigami(design.levels))
        low, high = (np.stack([found.first_interval[k, :, 0], found.total_interval[k, :, 0]]) for k in (0, 1))
        held += (low <= exact) & (exact <= high)
    assert held.min() >= 80, held
    assert held.max() <= 99, held


def test_an_index_by_brute_force() -> None:
    """Ranks of six units under three normalisations, two aggregations and 15 weights, by plain loops."""
    rng = np.random.Generator(np.random.PCG64(4))
    figures = rng.integers(1, 100, size=(6, 3)).astype(float).tolist()
    weights = rng.dirichlet([1, 1, 1], size=15).tolist()
    chances = (0.5, 0.3, 0.2)

    def ranks(normalise: int, aggregate: int, weight: int) -> list[int]:
        columns = []
        for column in zip(*figures, strict=True):
            low, high = min(column), max(column)
            columns.append([(x / high, (x - low) / (high - low) + 0.1, math.log(1 + x))[normalise] for x in column])
        scores = []
        for row in zip(*columns, strict=True):
            pairs = list(zip(weights[weight], row, strict=True))
            scores.append(sum(w * x for w, x in pairs) if aggregate == 0 else math.prod(x**w for w, x in pairs))
        return [1 + sum(other > score for other in scores) for score in scores]

    factors = [Factor("normalise", 3, probabilities=chances), Factor("aggregate", 2), Factor("weights", 15)]
    runs = list(product(range(3), range(2), range(15)))
    outputs = {run: ranks(*run) for run in runs}
    chance = {run: chances[run[0]] / 30 for run in runs}

    def explained(kept: tuple[int, ...], unit: int) -> float:
        means: dict[tuple[int, ...], list[float]] = {}
        for run in runs:
            cell = means.setdefault(tuple(run[k] for k in kept), [0.0, 0.0])
            cell[0] += chance[run]
            cell[1] += chance[run] * outputs[run][unit]
        grand = sum(m for _, m in means.values())
        return sum(p * (m / p - grand) ** 2 for p, m in means.values())

    design = enumerate_all(factors)
    y = np.array([outputs[tuple(int(v) for v in row)] for row in design.levels.tolist()], dtype=float)
    found, effects = first_and_total(design, y, together=True), shapley_effects(design, y)
    pooled = [[0.0, 0.0] for _ in range(3)]
    whole = 0.0
    for unit in range(6):
        v = explained((0, 1, 2), unit)
        whole += v
        for i in range(3):
            j, k = (n for n in range(3) if n != i)
            alone, rest = explained((i,), unit), explained((j, k), unit)
            assert found.first[i, unit] == pytest.approx(alone / v, abs=1e-9)
            assert found.total[i, unit] == pytest.approx(1 - rest / v, abs=1e-9)
            pooled[i][0] += alone
            pooled[i][1] += v - rest
            shapley = (
                alone / 3
                + (explained((i, j), unit) - explained((j,), unit)) / 6
                + (explained((i, k), unit) - explained((k,), unit)) / 6
                + (v - rest) / 3
            )
            assert effects.effects[i, unit] == pytest.approx(shapley / v, abs=1e-9)
    for i in range(3):
        assert found.first[i, 6] == pytest.approx(pooled[i][0] / whole, abs=1e-9)
        assert found.total[i, 6] == pytest.approx(pooled[i][1] / whole, abs=1e-9)
