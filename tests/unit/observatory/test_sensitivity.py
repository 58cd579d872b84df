"""Sobol indices and Shapley effects: what is exact, what is blank and why, what is warned of."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from concordat.errors import InputError
from concordat.observatory.design import Design, Factor, enumerate_all, sobol
from concordat.observatory.effects import effects_by_permutation, shapley_effects
from concordat.observatory.sensitivity import first_and_total, second_order

Array = npt.NDArray[np.float64]
UNEVEN = [Factor("a", 3, probabilities=(0.2, 0.3, 0.5)), Factor("b", 2), Factor("c", 4), Factor("d", 1)]


def table_of(design: Design, seed: int) -> Array:
    return np.random.Generator(np.random.PCG64(seed)).normal(size=design.runs)


def explained(design: Design, y: Array, kept: tuple[int, ...]) -> float:
    """Var(E[y | columns kept]) by plain loops over the runs."""
    mean = sum(p * v for p, v in zip(design.probability, y, strict=True))
    found: dict[tuple[float, ...], list[float]] = {}
    for row, p, v in zip(design.levels.tolist(), design.probability.tolist(), y.tolist(), strict=True):
        cell = found.setdefault(tuple(row[k] for k in kept), [0.0, 0.0])
        cell[0] += p
        cell[1] += p * v
    return sum(p * (s / p - mean) ** 2 for p, s in found.values() if p)


def test_every_subset_against_plain_loops() -> None:
    design = enumerate_all(UNEVEN)
    y = table_of(design, 1)
    found = first_and_total(design, y)
    whole = explained(design, y, (0, 1, 2, 3))
    assert found.closed is not None
    for mask, flags in enumerate(product((0, 1), repeat=4)):
        kept = tuple(k for k, on in enumerate(reversed(flags)) if on)
        assert found.closed[mask, 0] == pytest.approx(explained(design, y, kept) / whole, abs=1e-12)
    for i in range(4):
        others = tuple(k for k in range(4) if k != i)
        assert found.total[i, 0] == pytest.approx(1 - explained(design, y, others) / whole, abs=1e-12)
    pairs = second_order(found)[..., 0]
    expected = (explained(design, y, (0, 2)) - explained(design, y, (0,)) - explained(design, y, (2,))) / whole
    assert pairs[0, 2] == pairs[2, 0] == pytest.approx(expected, abs=1e-12)
    assert (pairs.diagonal() == 0).all()
    assert (found.first_interval == found.first).all()
    assert found.variance[0] == pytest.approx(whole, rel=1e-12)
    assert found.warnings == ()


def test_a_group_has_one_joint_index() -> None:
    factors = [Factor("a", 3, group="data"), Factor("b", 2), Factor("c", 4, group="data")]
    design = enumerate_all(factors)
    y = table_of(design, 2)
    found = first_and_total(design, y)
    whole = explained(design, y, (0, 1, 2))
    assert found.parts == ("data", "b")
    assert found.first[0, 0] == pytest.approx(explained(design, y, (0, 2)) / whole, abs=1e-12)
    assert found.total[1, 0] == pytest.approx(1 - explained(design, y, (0, 2)) / whole, abs=1e-12)
    sample = sobol(factors, 4 * 4096, 1)
    cell = np.ravel_multi_index(tuple(sample.levels.astype(int).T), (3, 2, 4))
    sampled = first_and_total(sample, y[cell], bootstraps=20)
    assert sampled.first[:, 0] == pytest.approx(found.first[:, 0], abs=0.02)


@pytest.mark.parametrize("kind", ["enumerated", "one scramble", "scrambles"])
def test_all_ranks_at_once_is_the_sum_of_variances(kind: str) -> None:
    factors = [Factor("a", 4), Factor("b", 5)]
    design = (
        enumerate_all(factors) if kind == "enumerated" else sobol(factors, 4096, 1, scrambles=1 + 3 * (kind[-1] == "s"))
    )
    y = np.column_stack([design.levels @ [1.0, 2.0], design.levels.prod(axis=1), np.full(design.runs, 7.0)])
    found = first_and_total(design, y, outputs=("x", "y", "z"), together=True, bootstraps=50)
    assert found.outputs == ("x", "y", "z", "all together")
    v = found.variance[:2]
    assert found.variance[3] == pytest.approx(v.sum(), rel=1e-12)
    assert found.first[:, 3] == pytest.approx((found.first[:, :2] * v).sum(axis=1) / v.sum(), rel=1e-12)
    assert found.total[:, 3] == pytest.approx((found.total[:, :2] * v).sum(axis=1) / v.sum(), rel=1e-12)
    low, high = found.first_interval[:, :, 3]
    assert (low <= found.first[:, 3]).all()
    assert (found.first[:, 3] <= high).all()


@pytest.mark.parametrize(
    "design", [enumerate_all(UNEVEN[:2]), sobol(UNEVEN[:2], 256, 1, closed=True)], ids=["all", "some"]
)
def test_what_has_no_indices_is_blank_with_its_reason(design: Design) -> None:
    y = np.column_stack([table_of(design, 1), np.full(design.runs, 50.1), table_of(design, 2)])
    y[3, 2] = np.nan
    found = first_and_total(design, y, bootstraps=10)
    assert found.reasons[0] == ""
    assert "the same in every run" in found.reasons[1]
    assert found.reasons[2] == f"It is missing in 1 of {design.runs} runs."
    for shown in (found.first, found.total, found.first_interval, found.total_interval):
        assert np.isfinite(shown[..., 0]).all()
        assert np.isnan(shown[..., 1:]).all()
    assert found.variance[1] == 0
    assert np.isnan(found.variance[2])
    assert len(found.warnings) == 2
    effects = shapley_effects(design, y)
    assert effects.reasons == found.reasons
    assert effects.effects[:, 0].sum() == pytest.approx(1, abs=1e-9)
    assert np.isnan(effects.effects[:, 1:]).all()
    nothing = first_and_total(design, y[:, 1:], together=True)
    assert nothing.reasons[2] == "No output has indices."
    assert np.isnan(nothing.first).all()


def test_an_output_that_varies_in_the_mixtures_alone_is_blank() -> None:
    design = sobol(UNEVEN[:2], 256, 1)
    y = np.where(design.probability > 0, 1.0, table_of(design, 1))
    found = first_and_total(design, y)
    assert "the same in every run" in found.reasons[0]


def test_jansen_and_compat_as_they_are_defined() -> None:
    factors = [Factor("a", 7), Factor("b", 3), Factor("c", 5)]
    design = sobol(factors, 5 * 64, 4)
    y = 100 + design.levels @ [1.0, 2.0, 3.0] + design.levels.prod(axis=1)
    n = 64
    a, b = y[:n], y[n : 2 * n]
    v = np.var(np.concatenate([a, b]), ddof=1)
    jansen, compat = first_and_total(design, y), first_and_total(design, y, estimator="compat")
    for i in range(3):
        mixed = y[(2 + i) * n : (3 + i) * n]
        assert jansen.first[i, 0] == pytest.approx(1 - np.mean((b - mixed) ** 2) / (2 * v), abs=1e-12)
        assert jansen.total[i, 0] == pytest.approx(np.mean((a - mixed) ** 2) / (2 * v), abs=1e-12)
        assert compat.first[i, 0] == pytest.approx(np.mean(b * (mixed - a)) / v, abs=1e-10)
        assert compat.total[i, 0] == pytest.approx(jansen.total[i, 0], abs=1e-12)


def test_the_bootstrap_computes_the_variance_anew() -> None:
    """A single factor explains all, whatever points are drawn: only a fixed V would give S a spread."""
    design = sobol([Factor("a", 0, uniform=(0.0, 1.0)), Factor("b", 2)], 4 * 64, 4, points="random")
    y = design.levels[:, 0] ** 3
    found = first_and_total(design, y)
    assert found.first_interval[:, 0, 0] == pytest.approx([1.0, 1.0], abs=1e-12)
    low, high = found.total_interval[:, 0, 0]
    assert low < 1 < high
    # The same resamples drawn in a plain loop.
    rng = np.random.Generator(np.random.PCG64(0))
    a, b, mixed = y[:64], y[64:128], y[128:192]
    again = []
    for _ in range(1000):
        drawn = rng.integers(64, size=64)
        v = np.var(np.concatenate([a[drawn], b[drawn]]), ddof=1)
        again.append(np.mean((a[drawn] - mixed[drawn]) ** 2) / (2 * v))
    assert [low, high] == pytest.approx(np.quantile(again, [0.05, 0.95]).tolist(), abs=1e-12)


def test_a_first_order_index_above_its_total_by_more_than_chance_is_warned_of() -> None:
    """Rows put in a wrong order, as when a caller sorts its runs, give indices that can't be."""
    design = sobol([Factor("a", 0, uniform=(0.0, 1.0)), Factor("b", 0, uniform=(0.0, 1.0))], 4 * 256, 4, scrambles=1)
    blocks = design.by_block((design.levels @ [1.0, 0.05])[:, None])
    swapped = blocks.copy()
    swapped[:, [0, 1]] = blocks[:, [1, 0]]  # A and B exchanged: S_i and ST_i of the other part
    said = first_and_total(design, swapped.reshape(design.runs, 1), outputs=("score",)).warnings
    assert len(said) == 0, "exchanging A and B for two additive parts exchanges the parts"
    swapped = blocks.copy()
    swapped[:, 0] = blocks[:, 2]  # A is overwritten by AB_1: the total index of a is 0
    said = first_and_total(design, swapped.reshape(design.runs, 1), outputs=("score",)).warnings
    assert len(said) == 1
    assert said[0].startswith("score: the first-order index of a is above its total index")
    by_scrambles = sobol(design.factors, 16 * 4 * 64, 4, scrambles=16)
    blocks = by_scrambles.by_block((by_scrambles.levels @ [1.0, 0.05])[:, None]).copy()
    blocks[:, 0] = blocks[:, 2]
    assert len(first_and_total(by_scrambles, blocks.reshape(-1, 1)).warnings) == 1


@pytest.mark.parametrize("scrambles", [1, 16])
def test_sampled_effects_near_the_exact_ones(scrambles: int) -> None:
    design = enumerate_all(UNEVEN)
    y = table_of(design, 3)
    truth = shapley_effects(design, y).effects[:, 0]
    sample = sobol(UNEVEN, 16 * 2048, 2, scrambles=scrambles, closed=True)
    found = shapley_effects(sample, y[np.ravel_multi_index(tuple(sample.levels.astype(int).T), (3, 2, 4, 1))])
    assert found.effects.sum() == pytest.approx(1, abs=1e-9)
    assert (np.abs(found.effects[:, 0] - truth) <= 4 * found.se[:, 0] + 1e-12).all()
    assert found.effects[:, 0] == pytest.approx(truth, abs=0.02)
    assert found.effects[3, 0] == pytest.approx(0, abs=1e-12), "a factor of one level explains nothing"


def test_all_pairs_of_blocks_against_plain_loops() -> None:
    factors = [Factor("a", 5), Factor("b", 4), Factor("c", 6)]
    sample = sobol(factors, 8 * 16, 2, closed=True)
    y = table_of(sample, 5) + sample.levels @ [1.0, 2.0, 3.0]
    blocks = sample.by_block(y[:, None])[0, :, :, 0]
    of_mask = {0: blocks[0], 7: blocks[1]} | {s: blocks[2 + n] for n, s in enumerate(sample.subsets)}

    def apart(w: int) -> float:
        return sum(float(np.mean((of_mask[m] - of_mask[m ^ w]) ** 2)) / 2 for m in range(8)) / 8

    expected = [0.0] * 3
    for i in range(3):
        for u in range(8):
            if not u >> i & 1:
                size = u.bit_count()
                weight = (2, 1, 2)[size] / 6  # |u|! (3 - |u| - 1)! / 3!
                expected[i] += weight * (apart(7 ^ u) - apart(7 ^ u ^ 1 << i)) / apart(7)
    assert shapley_effects(sample, y).effects[:, 0] == pytest.approx(expected, abs=1e-12)


def test_effects_by_permutation_for_many_parts() -> None:
    """Nine additive factors and one product of two: half of the interaction is each one's."""
    names = "abcdefghi"
    factors = [Factor(n, 0, uniform=(-1.0, 1.0)) for n in names]
    slopes = np.arange(1.0, 10.0)

    def evaluate(x: Array) -> Array:
        return np.column_stack([x @ slopes + 6 * x[:, 0] * x[:, 8], np.full(len(x), 3.0)])

    found = effects_by_permutation(factors, evaluate, seed=1, points=4)
    own = slopes**2 / 3
    own[[0, 8]] += 36 / 9 / 2
    truth = own / own.sum()
    assert found.effects[:, 0].sum() == pytest.approx(1, abs=1e-9)
    assert (np.abs(found.effects[:, 0] - truth) <= 4 * found.se[:, 0]).all()
    assert found.se[:, 0].max() < 0.02
    assert "the same in every run" in found.reasons[1]
    assert found.runs == 500 * 4 * 9


def test_effects_by_permutation_move_groups_as_one_and_leave_callers_arrays_alone() -> None:
    factors = [Factor("a", 3, group="g"), Factor("b", 3), Factor("c", 3, group="g")]

    def evaluate(x: Array) -> Array:
        y = x[:, 0] * x[:, 2] + x[:, 1]
        x[:] = 0
        return np.asarray(y)

    found = effects_by_permutation(factors, evaluate, seed=1, points=16)
    design = enumerate_all(factors)
    truth = shapley_effects(design, design.levels[:, 0] * design.levels[:, 2] + design.levels[:, 1])
    assert found.parts == truth.parts == ("g", "b")
    assert found.effects[:, 0] == pytest.approx(truth.effects[:, 0], abs=0.03)


def test_what_cannot_be_told_is_refused() -> None:
    design, sample = enumerate_all(UNEVEN), sobol(UNEVEN, 600, 1)
    with pytest.raises(InputError, match="24 runs, the outputs have the shape"):
        first_and_total(design, np.zeros(23))
    with pytest.raises(InputError, match="need every combination"):
        second_order(first_and_total(sample, table_of(sample, 1), bootstraps=10))
    with pytest.raises(InputError, match="every subset"):
        shapley_effects(sample, table_of(sample, 1))
    with pytest.raises(InputError, match="outputs of the shape"):
        effects_by_permutation(UNEVEN, lambda _: np.zeros(3), seed=1)


def test_one_factor_explains_everything() -> None:
    for design in (
        enumerate_all([Factor("a", 5)]),
        sobol([Factor("a", 0, uniform=(0.0, 1.0))], 3 * 512, 1, closed=False),
    ):
        found = first_and_total(design, design.levels[:, 0])
        assert found.first[0, 0] == pytest.approx(1, abs=1e-12)
        assert found.total[0, 0] == pytest.approx(1, abs=0.05)


def test_large_offsets_do_not_drown_small_variances() -> None:
    design = enumerate_all(UNEVEN)
    y = table_of(design, 1)
    near, far = first_and_total(design, y), first_and_total(design, y * 1e-3 + 1e6)
    assert far.first[:, 0] == pytest.approx(near.first[:, 0], abs=1e-5)


@pytest.mark.parametrize(
    "design", [enumerate_all(UNEVEN[:2]), sobol(UNEVEN[:2], 256, 1, closed=True)], ids=["all", "some"]
)
def test_values_that_cannot_be_squared_are_blank_not_wrong(design: Design) -> None:
    y = np.column_stack([table_of(design, 1)] * 3) * [1e200, 1e-200, 1.0]
    found, effects = first_and_total(design, y, bootstraps=10), shapley_effects(design, y)
    assert [bool(reason) for reason in found.reasons] == [True, True, False]
    assert np.isnan(found.first[:, :2]).all()
    assert np.isfinite(found.first[:, 2]).all()
    assert np.isnan(effects.effects[:, :2]).all()


@pytest.mark.parametrize(
    "design", [enumerate_all(UNEVEN[:2]), sobol(UNEVEN[:2], 256, 1, closed=True)], ids=["all", "some"]
)
def test_no_output_at_all(design: Design) -> None:
    nothing = np.zeros((design.runs, 0))
    assert first_and_total(design, nothing).first.shape == (2, 0)
    assert shapley_effects(design, nothing).effects.shape == (2, 0)


def test_a_missing_output_of_permutations_is_blank() -> None:
    found = effects_by_permutation(UNEVEN, lambda x: np.where(x[:, 0] > 1, np.nan, x[:, 1]), seed=1)
    assert found.reasons == ("It is missing in some run.",)
    assert np.isnan(found.effects).all()


def test_factors_of_one_level_do_not_fill_the_memory() -> None:
    with pytest.raises(InputError, match="30 factors have too many subsets"):
        enumerate_all([Factor(f"f{n}", 1) for n in range(30)])
