"""The weighted kernels: numbers worked by hand, zeros, ties, weights, and what is refused.

The hand-worked sets: 1, 2, 3, 4 (Gini `(2 * (1 + 4 + 9 + 16) / (4 * 10)) - 5/4 = 0.25`) and 1, 3 (mean 2, so relative
values 1/2 and 3/2).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.evidence import aggregate, kernels
from concordat.evidence._elementary import log
from concordat.evidence.kernels import (
    Ordered,
    atkinson,
    generalised_entropy,
    gini,
    ordered,
    quantile,
    sort_rows,
    theil_l,
    theil_t,
    weighted_mean,
    weighted_quantile,
)

Measure = Callable[[Ordered], float]
ALL: dict[str, Measure] = {
    "gini": gini,
    "t": theil_t,
    "l": theil_l,
    "ge2": lambda o: generalised_entropy(o, 2),
    "ge-1": lambda o: generalised_entropy(o, -1),
    "atkinson_half": lambda o: atkinson(o, 0.5),
    "atkinson_1": lambda o: atkinson(o, 1),
    "atkinson_2": lambda o: atkinson(o, 2),
}
ONE_THREE = {
    "gini": 0.25,
    "t": (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 2,
    "l": (math.log(2) + math.log(2 / 3)) / 2,
    "ge2": ((0.25 + 2.25) / 2 - 1) / 2,
    "ge-1": ((2 + 2 / 3) / 2 - 1) / 2,
    "atkinson_half": 1 - ((math.sqrt(0.5) + math.sqrt(1.5)) / 2) ** 2,
    "atkinson_1": 1 - math.sqrt(3) / 2,
    "atkinson_2": 1 - 1 / ((2 + 2 / 3) / 2),
}


@pytest.mark.parametrize("name", ALL)
def test_each_measure_of_one_and_three(name: str) -> None:
    assert ALL[name](ordered([3, 1])) == pytest.approx(ONE_THREE[name], abs=1e-15)


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([1, 2, 3, 4], None, 0.25),
        ([0, 0, 0, 7], None, 0.75),
        ([5, 5, 5], [1, 9, 2], 0.0),
        ([0, 1], [3, 1], 0.75),
        ([1, 3], [3, 1], 3 / 12),  # 2 p q |x - y| / (2 mu) = 2 * 3/16 * 2 / (2 * 3/2)
        ([-1, 5], None, 0.75),  # below zero is allowed while the mean is positive: half of 6/2 over 2
        ([1e-300, 3e-300], None, 0.25),
        ([1e300, 3e300], None, 0.25),
    ],
)
def test_gini_by_hand(values: list[float], weights: list[float] | None, expected: float) -> None:
    assert gini(ordered(values, weights)) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", ALL)
def test_a_weight_of_three_is_three_members(name: str) -> None:
    assert ALL[name](ordered([2, 5, 9], [3, 1, 2])) == pytest.approx(ALL[name](ordered([2, 2, 2, 5, 9, 9])), rel=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_members_without_weight_count_for_nothing(name: str) -> None:
    assert ALL[name](ordered([0, 2, 9], [0, 1, 2])) == ALL[name](ordered([2, 9], [1, 2]))


def test_no_permutation_changes_a_bit_even_inside_ties() -> None:
    values, weights = [3.0, 1.0, 3.0, 3.0, 2.0], [0.3, 0.7, 0.1, 0.2, 1.1]
    first = ordered(values, weights)
    for order in ([4, 3, 2, 1, 0], [2, 0, 3, 1, 4], [1, 4, 0, 2, 3]):
        again = ordered([values[i] for i in order], [weights[i] for i in order])
        for name in ("y", "p", "upto"):
            assert np.array_equal(getattr(first, name), getattr(again, name))
        assert [f(first) for f in ALL.values()] == [f(again) for f in ALL.values()]


def test_the_shares_end_at_exactly_one() -> None:
    o = ordered(range(1, 11), [0.1] * 10)
    assert o.upto[-1] == 1.0
    assert o.mean == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, 1), (0.25, 1), (0.2500001, 2), (0.5, 2), (0.75, 3), (0.7500001, 4), (1, 4)],
)
def test_a_quantile_is_the_smallest_value_whose_share_reaches_it(share: float, expected: float) -> None:
    assert weighted_quantile([4, 3, 2, 1], None, share) == expected


def test_shares_that_are_reached_but_for_rounding_are_reached() -> None:
    """0.1 added eight times is a little less than 0.8 in doubles, added three times a little more than 0.3."""
    assert sum([0.1] * 8) < 0.8
    assert quantile(ordered(range(1, 11), [0.1] * 10), 0.8) == 8
    assert quantile(ordered(range(1, 11), [0.1] * 10), 0.3) == 3


def test_mean_with_and_without_weights() -> None:
    assert weighted_mean([80, 40]) == 60
    assert weighted_mean([80, 40], [3, 1]) == 70


# --- Zeros --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t", "l", "ge-1", "atkinson_1", "atkinson_2"])
def test_measures_that_take_logarithms_leave_zeros_out(name: str) -> None:
    o = ordered([0, 1, 3])
    assert o.share_zero == pytest.approx(1 / 3)
    assert ALL[name](o) == pytest.approx(ONE_THREE[name], abs=1e-15)
    assert ALL[name](ordered([0, 1, 3], [100, 1, 1])) == pytest.approx(ONE_THREE[name], abs=1e-15)


@pytest.mark.parametrize("name", ["gini", "ge2", "atkinson_half"])
def test_the_others_keep_them(name: str) -> None:
    assert ALL[name](ordered([0, 1, 3])) > ONE_THREE[name]


def test_zeros_are_taken_to_their_limit_where_there_is_one() -> None:
    o = ordered([0, 4])
    assert theil_t(o, "include") == pytest.approx(math.log(2))  # half of the weight at 2 mu: (1/2) 2 ln 2
    assert generalised_entropy(o, 0.5, "include") == pytest.approx((math.sqrt(2) / 2 - 1) / (0.5 * -0.5))
    assert atkinson(o, 1, "include") == atkinson(o, 2, "include") == 1.0


@pytest.mark.parametrize("measure", [theil_l, lambda o, zeros: generalised_entropy(o, -1, zeros)])
def test_a_limit_that_is_infinite_is_refused(measure: Callable[..., float]) -> None:
    with pytest.raises(MethodError, match="infinite when zeros are included") as caught:
        measure(ordered([0, 4]), "include")
    assert caught.value.code == "zeros"
    assert measure(ordered([2, 4]), "include") == measure(ordered([2, 4]), "exclude")


# --- What is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "weights", "code"),
    [
        ([], None, "empty"),
        ([1, 2], [0, 0], "empty"),
        ([1, 2], [1, -1], "weight"),
        ([1, math.nan], None, "not_a_number"),
        ([1, math.inf], None, "not_a_number"),
        ([1, 2], [1, math.nan], "not_a_number"),
        ([1, 2], [1, math.inf], "not_a_number"),
    ],
)
def test_what_can_t_be_ordered(values: list[float], weights: list[float] | None, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        ordered(values, weights)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("values", [[0, 0], [-3, 1], [-1, 1]])
def test_no_measure_is_made_over_a_mean_that_is_not_positive(name: str, values: list[float]) -> None:
    with pytest.raises(MethodError) as caught:
        ALL[name](ordered(values))
    assert caught.value.code in ("mean", "negative")


@pytest.mark.parametrize("name", [n for n in ALL if n != "gini"])
def test_all_but_the_gini_refuse_a_value_below_zero(name: str) -> None:
    with pytest.raises(MethodError) as caught:
        ALL[name](ordered([-1, 5]))
    assert caught.value.code == "negative"


def test_values_and_weights_of_different_length_are_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError):
        ordered([1, 2], [1])


def test_aggregate_hands_on_the_same_functions() -> None:
    for name in ("ordered", "gini", "theil_t", "theil_l", "atkinson", "quantile", "weighted_mean", "weighted_quantile"):
        assert getattr(aggregate, name) is getattr(kernels, name)


# --- The sort -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distinct", [1, 3, 50, 10_000])
@pytest.mark.parametrize("weights", ["equal", "few", "many"])
def test_the_sort_puts_what_lexsort_puts(distinct: int, weights: str) -> None:
    rng = np.random.Generator(np.random.PCG64(distinct))
    y = rng.integers(-1, distinct, 5000) / 7
    w = {"equal": np.ones(5000), "few": rng.integers(1, 4, 5000) / 3, "many": rng.uniform(1, 2, 5000)}[weights]
    wanted = np.lexsort((w, y))
    found, ascending, weights_so = sort_rows(y, w)
    assert sorted(found) == list(range(5000))
    assert np.array_equal(y[found], y[wanted])
    assert np.array_equal(w[found], w[wanted])
    assert np.array_equal(ascending, y[wanted])
    assert np.array_equal(weights_so, w[wanted])


def test_logarithms_that_were_taken_already_change_no_bit() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    o = ordered(rng.lognormal(size=100), rng.uniform(1, 2, 100))
    logs = log(o.y / o.mean)
    for measure in (theil_t, theil_l, lambda o, **k: atkinson(o, 1, **k)):
        assert measure(o, logs=logs) == measure(o)
