"""Krippendorff's alpha against published values, and against its definition written another way.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability (University of Pennsylvania, 2011), the example with four
observers, twelve units and missing codes: nominal .743, ordinal .815, interval .849. The same paper's example A, two
observers and binary codes of ten units: .095.

The second method never builds a coincidence matrix: it sums the distances of all ordered pairs of codes, within cells
and among all pairable codes, with the ordinal distance from ranks.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from concordat.council.review.agreement import alpha

OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
UNITS = list(zip(*OBSERVERS, strict=True))


@pytest.mark.parametrize(("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example_with_four_observers(metric: str, published: float) -> None:
    found = alpha(UNITS, metric=metric)
    assert round(float(found), 3) == published
    assert (found.cells, found.codes, found.left_out) == (11, 40, 1)  # n.. = 40; unit 12 has one code


def test_the_published_binary_example() -> None:
    one = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0)
    two = (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    for metric in ("nominal", "ordinal", "interval"):  # of two categories, all metrics are one
        assert round(float(alpha(zip(one, two, strict=True), metric=metric)), 3) == 0.095


def by_pairs(cells: Sequence[Sequence[int | None]]) -> Fraction | None:
    """1 - observed / expected disagreement, straight from the pairs of codes."""
    pairable = [[c for c in cell if c is not None] for cell in cells]
    pairable = [cell for cell in pairable if len(cell) >= 2]
    codes = [c for cell in pairable for c in cell]
    if len(set(codes)) < 2:
        return None

    def distance(a: int, b: int) -> Fraction:
        low, high = min(a, b), max(a, b)
        return (sum(low <= c <= high for c in codes) - Fraction(codes.count(low) + codes.count(high), 2)) ** 2

    known = {(a, b): distance(a, b) for a in set(codes) for b in set(codes)}
    observed = Fraction(0)
    for cell in pairable:
        observed += sum(known[a, b] for a, b in itertools.permutations(cell, 2)) / (len(cell) - 1)
    expected = sum(known[a, b] for a, b in itertools.permutations(codes, 2))
    n = len(codes)
    return 1 - (observed / n) / (Fraction(expected) / (n * (n - 1)))


def test_alpha_is_that_of_the_definition_to_the_last_digit() -> None:
    rng = random.Random(815)
    defined = 0
    for _ in range(300):
        scale = rng.choice([(-1, 0, 1), (0, 1), (1, 2, 3, 4, 5), (-1, 0, 1, 7)])
        cells = [
            [rng.choice([*scale, None]) for _ in range(rng.choice([2, 2, 3, 4]))] for _ in range(rng.randrange(1, 12))
        ]
        found = alpha(cells).value
        assert found == by_pairs(cells)  # exact fractions
        defined += found is not None
    assert defined > 200
