"""One game, every Shapley value of the project: exact fractions here, shares of variance in the observatory.

The game: [4; 3, 2, 1], a weighted vote. Of the six orders A is pivotal in four, B and C in one each: 2/3, 1/6, 1/6.
Other rooms with a Shapley value of their own are held to the same numbers.
"""

from fractions import Fraction

import numpy as np
import pytest

from concordat.council.decide.game import game_of
from concordat.council.decide.power import power
from concordat.council.decide.rules import Rule
from concordat.observatory.shapley import shapley_of, shapley_values

WEIGHTS = {"A": 3, "B": 2, "C": 1}
QUOTA = 4
VALUES = (Fraction(2, 3), Fraction(1, 6), Fraction(1, 6))
RULE = Rule.load(f"rule: game\nversion: 1\nmethod: vote\nadopt: {{count: w, at_least: {QUOTA}}}")
# Winning coalitions: A with B, A with C, all three; bit 0 is A.
WORTH = [0, 0, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("method", ["table", "halves", "enumeration", "quota"])
def test_the_council_has_them_as_fractions(method: str) -> None:
    found = power(RULE, {"w": WEIGHTS}, method=method)
    if method == "quota":
        assert [found.shapley[m] for m in "ABC"] == pytest.approx([float(v) for v in VALUES], abs=1e-14)
    else:
        assert tuple(found.shapley[m] for m in "ABC") == VALUES


def test_the_game_is_the_one_written_above() -> None:
    game = game_of(RULE, {"w": WEIGHTS})
    assert [int(game.winning(mask)) for mask in range(8)] == WORTH


def test_the_observatory_has_the_same() -> None:
    wanted = [float(v) for v in VALUES]
    assert shapley_values(np.array(WORTH, dtype=float)) == pytest.approx(wanted, abs=1e-15)
    assert shapley_of(lambda mask: np.array(float(WORTH[mask])), 3).phi == pytest.approx(wanted, abs=1e-15)
