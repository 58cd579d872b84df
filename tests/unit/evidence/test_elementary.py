"""Logarithm and exponential from additions and multiplications alone, held against 50-digit decimals."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence._elementary import exp, log, power

EXACT = Context(prec=50)


def _off(found: float, wanted: Decimal) -> Decimal:
    """How far a number lies from the true one, in units of its last place."""
    return abs(Decimal(found) - wanted) / Decimal(float(np.spacing(abs(found))))


@settings(max_examples=300)
@given(st.floats(min_value=5e-324, max_value=1.7e308))
def test_a_logarithm_is_within_a_unit_of_its_last_place(x: float) -> None:
    assert _off(float(log(np.array([x]))[0]), EXACT.ln(Decimal(x))) < 1


@settings(max_examples=300)
@given(st.floats(min_value=-700, max_value=709))
def test_an_exponential_is_within_a_unit_of_its_last_place(x: float) -> None:
    assert _off(float(exp(np.array([x]))[0]), EXACT.exp(Decimal(x))) < 1


@given(st.floats(min_value=1e-6, max_value=1e6), st.floats(min_value=-4, max_value=4))
def test_a_power_is_as_exact_as_its_logarithm_allows(x: float, a: float) -> None:
    wanted = EXACT.exp(Decimal(a) * EXACT.ln(Decimal(x)))
    assert abs(Decimal(float(power(np.array([x]), a)[0])) / wanted - 1) < Decimal("1e-14")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (log(np.array([1.0])), 0.0),
        (exp(np.array([0.0])), 1.0),
        (exp(np.array([1e308])), np.inf),
        (exp(np.array([-1e308])), 0.0),
        (power(np.array([0.0]), 0.7), 0.0),
        (power(np.array([0.0]), -0.7), np.inf),
        (power(np.array([3.0]), 2), 9.0),
        (power(np.array([9.0]), 0.5), 3.0),
        (power(np.array([5.0]), 0), 1.0),
    ],
)
def test_ends_are_exact(found: np.ndarray, wanted: float) -> None:
    assert found[0] == wanted


def test_a_long_list_gives_the_bits_of_its_parts() -> None:
    x = np.random.Generator(np.random.PCG64(1)).lognormal(size=100_001)
    parts = np.concatenate([log(part) for part in np.array_split(x, 50)])
    assert np.array_equal(log(x), parts)
