"""Heterogeneity in the manner of the OECD's DSTRI, on a table of three members and four provisions worked by hand.

Method: H. Nordås, Services Trade Restrictiveness Index (STRI): the trade effect of regulatory differences, OECD Trade
Policy Papers 189 (2016): the weighted share of measures on which two countries' answers differ, among those that both
answered. The sums stand beside the figures; they are exact, so the tolerance is rounding alone.
"""

from __future__ import annotations

import numpy as np
import pytest

from concordat.rulebook.regime import heterogeneities, heterogeneity

NAN = float("nan")
TABLE = np.array([[2, 0, 3, 1], [2, 1, 1, 1], [0, 1, NAN, 2]])  # a row a member; the third left one unanswered
HIGHEST = (2, 2, 3, 2)
WEIGHTS = (0.4, 0.3, 0.2, 0.1)
BINARY = {
    (0, 1): (0.3 + 0.2) / 1.0,
    (0, 2): (0.4 + 0.3 + 0.1) / 0.8,
    (1, 2): (0.4 + 0.1) / 0.8,
}
GRADED = {
    (0, 1): (0.3 * 1 / 2 + 0.2 * 2 / 3) / 1.0,
    (0, 2): (0.4 * 2 / 2 + 0.3 * 1 / 2 + 0.1 * 1 / 2) / 0.8,
    (1, 2): (0.4 * 2 / 2 + 0.1 * 1 / 2) / 0.8,
}


@pytest.mark.parametrize(("pair", "expected"), BINARY.items())
def test_share_of_differing_answers(pair: tuple[int, int], expected: float) -> None:
    assert heterogeneity(*TABLE[list(pair)], HIGHEST, WEIGHTS) == pytest.approx(expected, abs=1e-12)
    assert heterogeneities(TABLE, HIGHEST, WEIGHTS)[pair] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("pair", "expected"), GRADED.items())
def test_graded_twin(pair: tuple[int, int], expected: float) -> None:
    assert heterogeneity(*TABLE[list(pair)], HIGHEST, WEIGHTS, graded=True) == pytest.approx(expected, abs=1e-12)
    assert heterogeneities(TABLE, HIGHEST, WEIGHTS, graded=True)[pair] == pytest.approx(expected, abs=1e-12)


def test_without_weights_provisions_count_the_same() -> None:
    assert heterogeneity(TABLE[0], TABLE[1], HIGHEST) == pytest.approx(2 / 4, abs=1e-12)
    assert heterogeneity(TABLE[1], TABLE[2], HIGHEST) == pytest.approx(2 / 3, abs=1e-12)
