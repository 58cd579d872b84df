"""What holds of every design: shares add up, order does not matter, a sample comes near what all combinations give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.observatory.design import Factor, enumerate_all, sobol
from concordat.observatory.effects import shapley_effects
from concordat.observatory.ranks import rank_table
from concordat.observatory.sensitivity import first_and_total
from concordat.observatory.shapley import shapley_of, shapley_values

seeds = st.integers(0, 2**32 - 1)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@st.composite
def factors(draw: st.DrawFn) -> list[Factor]:
    found = []
    for n, size in enumerate(draw(sizes)):
        weights = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size).filter(any))
        group = draw(st.sampled_from(["", "", "g"]))
        found.append(Factor(f"f{n}", size, probabilities=tuple(w / sum(weights) for w in weights), group=group))
    return found


@given(factors(), seeds)
def test_effects_add_to_one_between_first_and_total(made: list[Factor], seed: int) -> None:
    design = enumerate_all(made)
    y = np.random.Generator(np.random.PCG64(seed)).normal(size=(design.runs, 2))
    found, effects = first_and_total(design, y), shapley_effects(design, y)
    for o in range(2):
        if not found.reasons[o]:
            assert effects.effects[:, o].sum() == pytest.approx(1, abs=1e-9)
            assert (found.first[:, o] <= effects.effects[:, o] + 1e-9).all()
            assert (effects.effects[:, o] <= found.total[:, o] + 1e-9).all()
            assert found.first[:, o].sum() <= 1 + 1e-9


@given(factors(), seeds, st.permutations(range(5)))
def test_the_order_of_factors_does_not_matter(made: list[Factor], seed: int, order: list[int]) -> None:
    design = enumerate_all(made)
    y = np.random.Generator(np.random.PCG64(seed)).normal(size=design.runs)
    kept = [n for n in order if n < len(made)]
    turned = enumerate_all([made[n] for n in kept])
    z = y.reshape([f.levels for f in made]).transpose(kept).ravel()
    one, two = first_and_total(design, y), first_and_total(turned, z)
    for name in one.parts:
        i, j = one.parts.index(name), two.parts.index(name)
        assert two.first[j, 0] == pytest.approx(one.first[i, 0], abs=1e-9, nan_ok=True)
        assert two.total[j, 0] == pytest.approx(one.total[i, 0], abs=1e-9, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=2, max_size=3), seeds)
def test_a_sample_comes_near_every_combination(levels: list[int], seed: int) -> None:
    made = [Factor(f"f{n}", size) for n, size in enumerate(levels)]
    every = enumerate_all(made)
    y = np.random.Generator(np.random.PCG64(seed)).normal(size=every.runs)
    truth, sample = first_and_total(every, y), sobol(made, 2 ** len(made) * 4096, seed, closed=True)
    found_y = y[np.ravel_multi_index(tuple(sample.levels.astype(int).T), levels)]
    found = first_and_total(sample, found_y, bootstraps=2)
    assert found.first == pytest.approx(truth.first, abs=0.15)  # wide: a sample is no enumeration
    assert found.total == pytest.approx(truth.total, abs=0.15)
    effects = shapley_effects(sample, found_y)
    assert effects.effects == pytest.approx(shapley_effects(every, y).effects, abs=0.15)
    assert effects.effects.sum() == pytest.approx(1, abs=1e-9)


@given(st.integers(1, 6), seeds, st.sampled_from([1e-6, 1.0, 1e6]))
def test_rows_add_up_to_the_whole_change(d: int, seed: int, scale: float) -> None:
    values = scale * np.random.Generator(np.random.PCG64(seed)).normal(size=(2**d, 3))
    phi = shapley_values(values)
    assert phi.sum(axis=0) == pytest.approx(values[-1] - values[0], abs=1e-9 * max(1, scale))
    sampled = shapley_of(lambda mask: values[mask], d, permutations=20, seed=seed, exact_max=0)
    assert sampled.phi.sum(axis=0) == pytest.approx(values[-1] - values[0], abs=1e-9 * max(1, scale))


@given(st.integers(2, 5), seeds)
def test_a_cause_that_changes_nothing_has_nothing_and_twins_have_the_same(d: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    table = rng.normal(size=(2, 3, 2 ** (d - 2)))  # dummy aside: number of twins on, other causes
    values = np.array([table[0, (m & 1) + (m >> 1 & 1), m >> 2] for m in range(2**d)])
    phi = shapley_values(values)
    assert phi[0] == pytest.approx(phi[1], abs=1e-12)
    with_dummy = shapley_values(np.concatenate([values, values]))  # the last cause changes nothing
    assert with_dummy[-1] == pytest.approx(0, abs=1e-12)
    assert with_dummy[:-1] == pytest.approx(phi, abs=1e-12)


@given(st.integers(1, 30), st.integers(1, 8), seeds)
def test_runs_and_units_in_any_order_give_the_same_table(runs: int, units: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = rng.integers(0, 4, size=(runs, units)).astype(float)
    scores[rng.random(scores.shape) < 0.1] = np.nan
    weights = rng.integers(0, 3, size=runs) + 0.5
    table = rank_table(scores, probability=weights)
    rows, columns = rng.permutation(runs), rng.permutation(units)
    turned = rank_table(scores[rows][:, columns], probability=weights[rows])
    for name in ("mean", "median", "low", "high", "lowest", "highest", "top", "missing"):
        expected = getattr(table, name)[..., columns]
        assert getattr(turned, name) == pytest.approx(expected, abs=1e-12, nan_ok=True), name
    assert turned.ahead == pytest.approx(table.ahead[columns][:, columns], abs=1e-12, nan_ok=True)


@given(st.integers(1, 10), st.integers(1, 5), seeds)
def test_a_run_that_counts_twice_is_the_run_twice(runs: int, units: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = rng.integers(0, 4, size=(runs, units)).astype(float)
    times = rng.integers(0, 4, size=runs)
    times[0] = 1
    one, many = rank_table(scores, probability=times.astype(float)), rank_table(np.repeat(scores, times, axis=0))
    for name in ("mean", "median", "low", "high", "lowest", "highest", "top", "ahead", "places"):
        assert getattr(one, name) == pytest.approx(getattr(many, name), abs=1e-12), name
