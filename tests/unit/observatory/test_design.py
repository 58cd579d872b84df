"""Which runs are made: every combination, or the blocks of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.observatory.design import ENUMERATED_MAX, Factor, choose, combinations, enumerate_all, sobol


def test_every_combination_stands_once_with_its_probability() -> None:
    factors = [Factor("a", 2, probabilities=(0.25, 0.75)), Factor("b", 3), Factor("c", 2, probabilities=(1.0, 0.0))]
    design = enumerate_all(factors)
    rows = [tuple(row) for row in design.levels.tolist()]
    assert rows == [(a, b, c) for a in range(2) for b in range(3) for c in range(2)]
    expected = [(0.25, 0.75)[int(a)] / 3 * (1.0, 0.0)[int(c)] for a, b, c in rows]
    assert design.probability == pytest.approx(expected, abs=1e-15)


def test_up_to_fifty_thousand_combinations_are_enumerated() -> None:
    most = [Factor("a", 500), Factor("b", 100)]
    assert combinations(most) == ENUMERATED_MAX == 50_000
    assert choose(most, runs=10, seed=1).kind == "enumerated"
    more = [*most, Factor("c", 2)]
    assert choose(more, runs=1000, seed=1).kind == "sobol"
    with pytest.raises(InputError, match="100,000 combinations are too many"):
        enumerate_all(more)
    continuous = [Factor("a", 2), Factor("x", 0, uniform=(0.0, 1.0))]
    assert combinations(continuous) is None
    assert choose(continuous, runs=1000, seed=1).kind == "sobol"
    with pytest.raises(InputError, match="continuous"):
        enumerate_all(continuous)


def test_the_budget_is_for_all_blocks_of_all_scrambles() -> None:
    factors = [Factor(name, 10) for name in "abcd"]
    assert (sobol(factors, 6 * 1024, 1).points, sobol(factors, 6 * 1024, 1).runs) == (1024, 6144)
    assert sobol(factors, 6 * 1024 - 1, 1).points == 512
    split = sobol(factors, 6 * 1024, 1, scrambles=16)
    assert (split.scrambles, split.points, split.runs) == (16, 64, 6144)
    closed = sobol(factors, 1600, 1, closed=True)
    assert (closed.blocks, closed.points, closed.closed) == (16, 64, True)
    with pytest.raises(InputError, match=r"11 runs are too few.*at least 12"):
        sobol(factors, 11, 1)


@pytest.mark.parametrize("closed", [False, True])
def test_mixtures_take_whole_parts_from_b(closed: bool) -> None:
    factors = [Factor("a", 50, group="data"), Factor("b", 50), Factor("c", 50, group="data"), Factor("d", 50)]
    design = sobol(factors, 5000, 3, scrambles=2, closed=closed)
    assert design.parts == (("data", (0, 2)), ("b", (1,)), ("d", (3,)))
    blocks = design.by_block(design.levels)
    assert blocks.shape == (2, 2 + len(design.subsets), design.points, 4)
    assert set(design.subsets) == (set(range(1, 7)) if closed else {1, 2, 4})
    for number, subset in enumerate(design.subsets):
        for part, (_, columns) in enumerate(design.parts):
            origin = blocks[:, 1 if subset >> part & 1 else 0]
            assert (blocks[:, 2 + number][..., columns] == origin[..., columns]).all()
    assert not (blocks[0, 0] == blocks[1, 0]).all(), "scrambles are different samples"


def test_rank_statistics_are_of_the_rows_of_a_and_b() -> None:
    design = sobol([Factor("a", 4), Factor("b", 4)], 100, 3, scrambles=2)
    counted = design.by_block(design.probability[:, None])[..., 0]
    assert (counted[:, :2] == 1 / (2 * 2 * design.points)).all()
    assert not counted[:, 2:].any()
    assert design.probability.sum() == pytest.approx(1, abs=1e-12)


def test_levels_are_as_often_as_their_probability_says() -> None:
    factors = [Factor("even", 4), Factor("uneven", 3, probabilities=(0.5, 0.0, 0.5)), Factor("x", 0, uniform=(-2, 6))]
    blocks = sobol(factors, 5 * 1024, 7)
    a = blocks.by_block(blocks.levels)[0, 0]
    assert np.bincount(a[:, 0].astype(int)).tolist() == [256] * 4, "each quarter of a Sobol sequence holds a quarter"
    assert np.bincount(a[:, 1].astype(int)).tolist() == [512, 0, 512]
    assert a[:, 2].min() >= -2
    assert a[:, 2].max() < 6
    assert a[:, 2].mean() == pytest.approx(2, abs=0.01)


def test_uniforms_become_levels_by_their_cumulative_probability() -> None:
    last = np.nextafter(1.0, 0.0)
    u = np.array([0.0, 0.0999999, 0.125, 0.375, last])
    assert Factor("a", 10).from_uniform(u).tolist() == [0, 0, 1, 3, 9]
    assert Factor("a", 3, probabilities=(0.125, 0.25, 0.625)).from_uniform(u).tolist() == [0, 0, 1, 2, 2]
    never_last = Factor("a", 3, probabilities=(0.125, 0.875, 0.0))
    assert never_last.from_uniform(u).tolist() == [0, 0, 1, 1, 1]


def test_a_seed_gives_the_same_runs() -> None:
    factors = [Factor("a", 9), Factor("b", 9)]
    assert (sobol(factors, 512, 5).levels == sobol(factors, 512, 5).levels).all()
    assert not (sobol(factors, 512, 5).levels == sobol(factors, 512, 6).levels).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Factor("a", 0), "a: the factor has no level"),
        (lambda: Factor("a", -2), "no level"),
        (lambda: Factor("a", 3, uniform=(0, 1)), "both levels and a range"),
        (lambda: Factor("a", 0, uniform=(1, 1)), "range 1 to 1"),
        (lambda: Factor("a", 0, uniform=(0, float("inf"))), "range 0 to inf"),
        (lambda: Factor("a", 3, probabilities=(0.5, 0.5)), "3 levels and 2 probabilities"),
        (lambda: Factor("a", 2, probabilities=(1.5, -0.5)), "negative"),
        (lambda: Factor("a", 2, probabilities=(0.5, 0.4)), "add to 0.9"),
        (lambda: enumerate_all([]), "nothing is varied"),
        (lambda: enumerate_all([Factor("a", 2), Factor("a", 3)]), "a is named twice"),
        (lambda: enumerate_all([Factor("a", 2), Factor("b", 3, group="a")]), "both a factor and a group"),
        (lambda: sobol([Factor(n, 2) for n in "abcdefg"], 10_000, 1, closed=True), "7 parts have 128 subsets"),
    ],
)
def test_what_makes_no_design_is_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]
