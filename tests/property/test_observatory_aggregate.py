"""What holds for any scores: order does not matter, runs do not touch each other, parts add up, frontiers enclose."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.observatory.ranks_core import rank_min
from concordat.observatory.stages.aggregate import Children, aggregate, aggregate_tree
from concordat.observatory.stages.contribution import contributions
from concordat.observatory.stages.frontier import bod
from concordat.observatory.stages.options import Aggregate
from concordat.observatory.stages.outrank import outranking
from concordat.observatory.stages.weights import noise
from concordat.observatory.tree import Tree

EVERY = ["arithmetic", "geometric", "harmonic", "power", "median", "copeland", "owa", "mpi", "bod"]
OPTIONS = Aggregate(p=-1.5, owa="at_least_j", owa_j=2, min_share=0.4)
CHILDREN = {"index": ["p", "q"], "p": ["a", "b", "c"], "q": ["d", "e"]}
TREE = Tree.build(CHILDREN, {}, "index")


def names(children: int) -> Children:
    return Children("p", tuple(f"c{k}" for k in range(children)), ())


def figures(seed: int, *shape: int, gaps: float = 0.2, ties: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 200, shape)
    if ties:
        x = np.ceil(x / 40) * 40
    x[rng.random(shape) < gaps] = np.nan
    return x


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(EVERY), st.booleans())
def test_order_of_units_children_and_runs_does_not_matter(seed: int, how: str, ties: bool) -> None:
    x = figures(seed, 3, 7, 4, ties=ties)
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.1, 1, (3, 4))
    units, children, runs = rng.permutation(7), rng.permutation(4), rng.permutation(3)
    made = aggregate(x, w, how, OPTIONS, names(4))
    mixed = aggregate(x[runs][:, units][:, :, children], w[runs][:, children], how, OPTIONS, names(4))
    np.testing.assert_allclose(mixed, made[runs][:, units], rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(["arithmetic", "geometric", "harmonic", "power", "median", "owa"]))
def test_means_lie_between_the_least_and_the_greatest_and_scale_along(seed: int, how: str) -> None:
    x = figures(seed, 9, 4)
    w = np.random.default_rng(seed).uniform(0.1, 1, 4)
    made = aggregate(x, w, how, OPTIONS, names(4))
    known = ~np.isnan(made)
    assert (made[known] >= np.nanmin(x[known], axis=1) * (1 - 1e-12)).all()
    assert (made[known] <= np.nanmax(x[known], axis=1) * (1 + 1e-12)).all()
    np.testing.assert_allclose(aggregate(7 * x, w, how, OPTIONS, names(4)), 7 * made, rtol=1e-12)
    np.testing.assert_allclose(aggregate(x, 3 * w, how, OPTIONS, names(4)), made, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_power_means_rise_with_p(seed: int) -> None:
    x = figures(seed, 9, 4)
    w = np.random.default_rng(seed).uniform(0.1, 1, 4)
    made = [aggregate(x, w, "power", Aggregate(p=p), names(4)) for p in (-30, -1, 0, 0.5, 1, 3, 40)]
    low, high = np.array(made[:-1]), np.array(made[1:])
    known = ~np.isnan(low)
    assert (low[known] <= high[known] * (1 + 1e-12)).all()
    np.testing.assert_allclose(made[1], aggregate(x, w, "harmonic", Aggregate(), names(4)), rtol=1e-12)
    np.testing.assert_allclose(made[2], aggregate(x, w, "geometric", Aggregate(), names(4)), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_outranking_is_complementary_and_copeland_adds_to_zero(seed: int) -> None:
    x = figures(seed, 8, 4, ties=True)
    w = np.random.default_rng(seed).uniform(0.1, 1, 4)
    matrix = outranking(x, w)
    np.testing.assert_allclose(matrix + matrix.T, 1.0, atol=1e-14)
    assert abs(np.nansum(aggregate(x, w, "copeland", OPTIONS, names(4)))) == 0


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 5))
def test_frontier_holds_all_units_touches_one_and_ignores_units_of_measure(
    seed: int, units: int, children: int
) -> None:
    y = figures(seed, units, children, gaps=0)
    made = bod(y, names(children))
    assert (y @ made.weights.T <= 1 + 1e-9).all()
    assert made.scores.max() > 1 - 1e-9
    assert ((made.scores > 0) & (made.scores <= 1)).all()
    scale = 10.0 ** np.random.default_rng(seed).integers(-4, 5, children)
    np.testing.assert_allclose(bod(y * scale, names(children)).scores, made.scores, rtol=1e-9)
    doubled = np.concatenate([y, y * 0.5])  # what is dominated changes nothing
    np.testing.assert_allclose(bod(doubled, names(children)).scores[:units], made.scores, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seeds, st.sampled_from(["arithmetic", "geometric", "harmonic", "power", "median", "owa", "copeland"]), st.booleans()
)
def test_parts_add_to_score_less_baseline(seed: int, top: str, ties: bool) -> None:
    x = figures(seed, 6, 5, gaps=0.1, ties=ties)
    rng = np.random.default_rng(seed)
    w = TREE.normalised(rng.uniform(0.1, 1, len(TREE.names)))
    options = Aggregate("geometric", top=top, p=2.0, owa="at_least_j", owa_j=1)
    made = contributions(x, TREE, w, options)
    total = aggregate_tree(x, w, TREE, options)[:, -1]
    known = ~np.isnan(total)
    parts = np.nansum(made.parts, axis=1)
    np.testing.assert_allclose(parts[known], (total - made.baseline)[known], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3), st.just(float("nan"))), max_size=30))
def test_ranks_count_those_above(scores: list[float]) -> None:
    made = rank_min(np.array(scores))
    for score, rank in zip(scores, made, strict=True):
        if score == score:
            assert rank == 1 + sum(other > score for other in scores)
        else:
            assert np.isnan(rank)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 1), st.sets(st.integers(1, 3)))
def test_noise_keeps_weights_positive_within_their_bounds_and_adding_to_one(
    seed: int, c: float, levels: set[int]
) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    w = TREE.normalised(rng.uniform(0.5, 1, len(TREE.names)))
    made = noise(w, TREE, c, levels, 20, rng)
    assert (made >= 0).all()
    for node in TREE.inner:
        inside = list(TREE.children(node))
        np.testing.assert_allclose(made[:, inside].sum(axis=1), 1.0)
        assert (made[:, inside] * (1 - c) <= w[inside] * (1 + c) + 1e-12).all()
