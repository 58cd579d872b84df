"""Contributions by the definition of Shapley over all orders, elements removed one by one, strengths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from concordat.observatory.stages.aggregate import aggregate_tree
from concordat.observatory.stages.contribution import contributions, remove_one, standing
from concordat.observatory.stages.options import Aggregate
from concordat.observatory.tree import Tree

NAN = math.nan
CHILDREN = {"index": ["access", "price"], "access": ["users", "lines", "mobile"], "price": ["basket"]}
TREE = Tree.build(CHILDREN, {"access": 3.0, "users": 2.0}, "index")
WEIGHTS = TREE.normalised()


def scores(seed: int = 0, units: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).uniform(5, 100, (units, 4))


def test_arithmetic_parts_are_effective_weight_times_score() -> None:
    x = scores()
    made = contributions(x, TREE, WEIGHTS, Aggregate())
    np.testing.assert_allclose(made.parts, x * TREE.effective(WEIGHTS), rtol=1e-14)
    assert (made.kind, set(made.baseline.tolist())) == ("effective", {0.0})


def test_arithmetic_parts_use_renormalised_weights_where_children_are_missing() -> None:
    x = scores()
    x[0, 0], x[1, 1], x[2, :3] = NAN, NAN, NAN  # the third has nothing of a pillar
    x[3] = NAN
    made = contributions(x, TREE, WEIGHTS, Aggregate())
    total = aggregate_tree(x, WEIGHTS, TREE, Aggregate())[:, -1]
    assert np.isnan(total).nonzero()[0].tolist() == [2, 3]
    assert np.isnan(made.parts[2:4]).all()
    assert np.isnan(made.parts).sum() == 1 + 1 + 4 + 4
    np.testing.assert_allclose(np.nansum(made.parts, axis=1)[[0, 1, 4]], total[[0, 1, 4]], rtol=1e-13)


def test_shapley_of_one_level_equals_the_mean_over_all_orders() -> None:
    tree = Tree.build({"index": ["a", "b", "c"]}, {"a": 2.0}, "index")
    w = tree.normalised()
    x = scores()[:, :3]
    base = x.mean(axis=0)
    made = contributions(x, tree, w, Aggregate("geometric"))
    for unit in range(len(x)):
        part = np.zeros(3)
        for order in itertools.permutations(range(3)):
            now = base.copy()
            for child in order:
                before = np.exp(np.log(now) @ w[:3])
                now[child] = x[unit, child]
                part[child] += (np.exp(np.log(now) @ w[:3]) - before) / 6
        np.testing.assert_allclose(made.parts[unit], part, atol=1e-11)
    np.testing.assert_allclose(made.baseline, np.exp(np.log(base) @ w[:3]))


METHODS = [
    Aggregate("geometric"), Aggregate(top="geometric"), Aggregate("harmonic"), Aggregate("power", p=3.0),
    Aggregate("median"), Aggregate("owa", owa="more_than_j", owa_j=1), Aggregate(top="mean_min"), Aggregate(top="bod"),
    Aggregate(top="copeland"), Aggregate("mpi", top="ampi"), Aggregate("arithmetic", top="wroclaw"),
    Aggregate(top="common_weights"),
]  # fmt: skip


@pytest.mark.parametrize("options", METHODS, ids=lambda o: f"{o.default} {o.top}")
@pytest.mark.parametrize("gaps", [False, True])
def test_parts_add_to_score_less_baseline(options: Aggregate, gaps: bool) -> None:
    x = scores(1)
    if gaps:
        x[0, 1], x[4, 0], x[5, 2] = NAN, NAN, NAN
    made = contributions(x, TREE, WEIGHTS, options)
    total = aggregate_tree(x, WEIGHTS, TREE, options)[:, -1]
    np.testing.assert_allclose(np.nansum(made.parts, axis=1), total - made.baseline, atol=1e-9)
    assert np.isnan(made.parts).tolist() == np.isnan(x).tolist()


def test_a_pillar_at_its_baseline_still_tells_its_indicators_apart() -> None:
    x = np.array([[10.0, 30.0, 20.0, 90.0], [30.0, 10.0, 20.0, 30.0], [20.0, 20.0, 20.0, 60.0]])
    tree = Tree.build(CHILDREN, {}, "index")
    w = tree.normalised()
    made = contributions(x, tree, w, Aggregate(top="geometric"))
    total = aggregate_tree(x, w, tree, Aggregate(top="geometric"))[:, -1]
    np.testing.assert_allclose(made.parts.sum(axis=1), total - made.baseline, atol=1e-9)
    # Access stands at its mean, 20; its rate there is the mean of d/da sqrt(a p) at p = 60 and at the unit's own p.
    rate = np.mean([0.5 * math.sqrt(60 / 20), 0.5 * math.sqrt(90 / 20)])
    np.testing.assert_allclose(made.parts[0, :3], np.array([-10, 10, 0]) / 3 * rate, rtol=1e-3, atol=1e-9)


def test_more_than_twelve_children_still_add_up_and_nearly_equal_the_exact_ones() -> None:
    names = [f"c{i}" for i in range(13)]
    tree = Tree.build({"index": names}, {}, "index")
    x = np.random.default_rng(2).uniform(20, 100, (4, 13))
    made = contributions(x, tree, tree.normalised(), Aggregate("geometric"))
    total = aggregate_tree(x, tree.normalised(), tree, Aggregate("geometric"))[:, -1]
    np.testing.assert_allclose(made.parts.sum(axis=1), total - made.baseline, atol=1e-9)
    # The thirteenth at its baseline for all: the other twelve are exact when it is left out of the tree with no weight.
    x[:, 12] = 50.0
    w = tree.normalised()
    w[12] = 0.0
    exact = contributions(x, tree, w, Aggregate("geometric")).parts
    assert (exact[:, 12] == 0).all()
    sampled = contributions(x, tree, tree.normalised(), Aggregate("power", p=1e-9)).parts
    assert np.abs(sampled[:, 12]).max() < 1e-6
    assert np.corrcoef(sampled[:, :12].ravel(), exact[:, :12].ravel())[0, 1] > 0.99


def test_one_unit_alone_stands_at_its_own_baseline() -> None:
    made = contributions(scores(units=1), TREE, WEIGHTS, Aggregate("geometric"))
    assert np.abs(made.parts).max() < 1e-12


def by_loop(x: np.ndarray, weights: np.ndarray) -> list[float]:
    total = aggregate_tree(x, weights, TREE, Aggregate())[:, -1]
    return [NAN if math.isnan(s) else 1 + sum(t > s for t in total) for s in total]


def test_remove_one_equals_running_each_tree_again() -> None:
    x = scores(3)
    x[7, 3] = NAN
    made = remove_one(x, TREE, WEIGHTS, Aggregate())
    base = by_loop(x, WEIGHTS)
    for node in range(len(TREE.names) - 1):
        w = WEIGHTS.copy()
        w[5 if TREE.names[node] == "basket" else node] = 0.0  # price has no other child: the pillar goes
        again = by_loop(x, TREE.normalised(w))
        change = [abs(a - b) for a, b in zip(again, base, strict=True) if not math.isnan(a + b)]
        assert made.mean_change[node] == pytest.approx(sum(change) / len(change))
    assert math.isnan(made.mean_change[TREE.root])
    np.testing.assert_array_equal(made.ranks[TREE.root], base)


def test_without_its_only_indicator_there_is_no_index() -> None:
    tree = Tree.build({"index": ["a"]}, {}, "index")
    made = remove_one(np.array([[1.0], [2.0]]), tree, tree.normalised(), Aggregate())
    assert np.isnan(made.mean_change).all()
    assert np.isnan(made.ranks[0]).all()


def test_strengths_and_weaknesses_leave_out_a_worst_value_shared_with_others() -> None:
    x = np.array([[9.0, 1.0, 0.0, 5.0], [8.0, 2.0, 0.0, NAN], [7.0, 3.0, 0.0, 4.0], [6.0, 4.0, 9.0, 5.0]])
    made = standing(x, top=2)
    assert made.strengths == ((0, 3), (0, 1), (1, 0), (1, 2))
    assert made.weaknesses == ((1, 0), (1, 0), (0, 3), (0, 1))
    assert made.ranks[0].tolist() == [1.0, 4.0, 2.0, 1.0]
    assert standing(np.empty((0, 3))).strengths == ()
