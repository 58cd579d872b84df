"""Shapley values against small games known from the literature and against all orders."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory.shapley import adding_up, shapley_of, shapley_values

Array = npt.NDArray[np.float64]


def by_all_orders(values: list[float], d: int) -> list[float]:
    """The definition: the mean over all orders of what each cause adds."""
    shares, orders = [0.0] * d, list(permutations(range(d)))
    for order in orders:
        mask = 0
        for cause in order:
            shares[cause] += values[mask | 1 << cause] - values[mask]
            mask |= 1 << cause
    return [share / len(orders) for share in shares]


def test_the_glove_game() -> None:
    """Two left gloves, one right glove, a pair is worth 1: 1/6, 1/6, 4/6 (a textbook game)."""
    worth = [0, 0, 0, 0, 0, 1, 1, 1]
    assert shapley_values(np.array(worth, dtype=float)) == pytest.approx([1 / 6, 1 / 6, 4 / 6], abs=1e-15)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_against_all_orders(d: int) -> None:
    values = np.random.Generator(np.random.PCG64(d)).normal(size=2**d)
    assert shapley_values(values) == pytest.approx(by_all_orders(values.tolist(), d), abs=1e-12)


def test_any_shape_of_outputs_at_once() -> None:
    values = np.random.Generator(np.random.PCG64(1)).normal(size=(8, 4, 2))
    found = shapley_values(values)
    assert found.shape == (3, 4, 2)
    assert found[:, 3, 1] == pytest.approx(by_all_orders(values[:, 3, 1].tolist(), 3), abs=1e-12)


def test_each_coalition_is_valued_once() -> None:
    asked: list[int] = []

    def value(mask: int) -> Array:
        asked.append(mask)
        return np.array([mask.bit_count() ** 2, 1.0])

    found = shapley_of(value, 4)
    assert sorted(asked) == list(range(16))
    assert found.phi[:, 0] == pytest.approx([4.0] * 4)
    assert found.phi[:, 1].tolist() == [0.0] * 4
    assert (found.exact, found.valued, found.total.tolist(), found.se.any()) == (True, 16, [16.0, 0.0], False)


def test_more_than_twelve_causes_are_sampled_with_an_error_that_holds() -> None:
    """Pairs of causes that interact: each has its own worth and half of every interaction."""
    d = 14
    rng = np.random.Generator(np.random.PCG64(3))
    own, pair = rng.normal(size=d), np.triu(rng.normal(size=(d, d)), 1)

    def value(mask: int) -> Array:
        on = (mask >> np.arange(d)) & 1
        return np.asarray(on @ own + on @ pair @ on)

    found = shapley_of(lambda mask: value(mask) + max(0, mask.bit_count() - 7) ** 3 * 0.01, d, permutations=200, seed=5)
    truth = own + (pair + pair.T).sum(axis=1) / 2 + 0.01 * 7**3 / d  # the last part is the same for all causes
    assert not found.exact
    assert found.phi.sum() == pytest.approx(float(found.total), abs=1e-9)
    off = np.abs(found.phi - truth)
    # An order and its reverse hold every pair the same number of times before and after: only the cubes are sampled.
    assert (off <= 4 * found.se + 1e-9).all()
    assert found.se.max() < 0.05


def test_additive_causes_have_no_sampling_error() -> None:
    own = np.arange(20.0)
    found = shapley_of(lambda mask: np.asarray(((mask >> np.arange(20)) & 1) @ own), 20, permutations=10)
    assert found.phi == pytest.approx(own, abs=1e-12)
    assert found.se == pytest.approx(np.zeros(20), abs=1e-12)


def test_a_coalition_without_a_result_blanks_its_output_alone() -> None:
    values = np.array([[0.0, 0.0], [1.0, np.nan], [2.0, 2.0], [4.0, 3.0]])
    found = shapley_values(values)
    assert found[:, 0].tolist() == [1.5, 2.5]
    assert np.isnan(found[:, 1]).all()


def test_large_and_tiny_values_add_up() -> None:
    for scale in (1e-9, 1e12):
        values = scale * np.random.Generator(np.random.PCG64(2)).random((16, 3))
        assert shapley_values(values).sum(axis=0) == pytest.approx(values[-1] - values[0], rel=1e-9)


def test_shares_that_miss_the_whole_are_refused() -> None:
    with pytest.raises(MethodError, match="miss the whole by 1e-06"):
        adding_up(np.array([0.5, 0.500001]), np.array(1.0), np.array(1.0))


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_a_table_that_is_no_game_is_refused(count: int) -> None:
    with pytest.raises(InputError, match="not those of a game"):
        shapley_values(np.zeros(count))


def test_no_cause_is_refused() -> None:
    with pytest.raises(InputError, match="no cause"):
        shapley_of(lambda _: np.zeros(1), 0)
