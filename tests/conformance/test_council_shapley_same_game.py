"""One game, every Shapley value of the project: exact fractions in the council, shares of variance in the observatory,
shares of gains in impact.

The game: [4; 3, 2, 1], a weighted vote. Of the six orders A is pivotal in four, B and C in one each: 2/3, 1/6, 1/6.
Other rooms with a Shapley value of their own are held to the same numbers.
"""

from fractions import Fraction

import numpy as np
import pytest

from concordat.council.decide.game import game_of
from concordat.council.decide.power import power
from concordat.council.decide.rules import Rule
from concordat.impact.sharing import Game, sampled_shapley, shapley, weighted_shapley
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


def test_impact_has_the_same() -> None:
    wanted = [float(v) for v in VALUES]
    game = Game(tuple(WEIGHTS), np.array(WORTH, dtype=float))
    assert shapley(game) == pytest.approx(wanted, abs=1e-15)
    assert weighted_shapley(game, [1, 1, 1]) == pytest.approx(wanted, abs=1e-15)
    # Of three players every circle has the same two ways round, so that the sample is the whole.
    sampled = sampled_shapley("ABC", lambda rows: game.values[(rows * [1, 2, 4]).sum(axis=1)], circles=10)
    assert sampled.value == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_all_three_rooms_agree_on_random_games(seed: int) -> None:
    """The observatory and impact, on any table of worths; the council, on a vote with other weights."""
    rng = np.random.Generator(np.random.PCG64(seed))
    values = np.concatenate([[0.0], rng.integers(-9, 30, 31).astype(float)])
    game = Game(tuple("ABCDE"), values)
    assert shapley(game) == pytest.approx(shapley_values(values).tolist(), abs=1e-12)
    weights = dict(zip("ABCDE", rng.integers(1, 9, 5).tolist(), strict=True))
    quota = sum(weights.values()) // 2 + 1
    rule = Rule.load(f"rule: game\nversion: 1\nmethod: vote\nadopt: {{count: w, at_least: {quota}}}")
    found = power(rule, {"w": weights}, method="enumeration").shapley
    bits = np.arange(32)[:, None] >> np.arange(5) & 1
    votes = Game(tuple("ABCDE"), (bits @ list(weights.values()) >= quota).astype(float))
    assert shapley(votes) == pytest.approx([float(found[m]) for m in "ABCDE"], abs=1e-14)
