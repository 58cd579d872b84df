"""The Shapley value against all orders, dividends, published values; the sampled one against the exact one."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.sharing import Game, sampled_shapley, shapley, shapley_values, weighted_shapley
from impact_sharing_kit import CONE_SHAPLEY, airport, cone, game_from, weighted_vote, whole_numbers


def by_orders(game: Game) -> np.ndarray:
    """The definition: what each adds, averaged over all n! orders."""
    found = np.zeros(game.n)
    for order in permutations(range(game.n)):
        mask = 0
        for player in order:
            found[player] += game.values[mask | 1 << player] - game.values[mask]
            mask |= 1 << player
    return found / factorial(game.n)


def by_dividends(game: Game, weights: list[float]) -> np.ndarray:
    """Harsanyi dividends of every coalition, divided in proportion to weights (Kalai and Samet 1987)."""
    dividend = np.zeros(1 << game.n)
    found = np.zeros(game.n)
    for mask in range(1, 1 << game.n):
        inside = [m for m in range(1, mask) if m & mask == m]
        dividend[mask] = game.values[mask] - sum(dividend[m] for m in inside)
        members = [i for i in range(game.n) if mask >> i & 1]
        for i in members:
            found[i] += dividend[mask] * weights[i] / sum(weights[j] for j in members)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_as_the_average_over_all_orders(seed: int) -> None:
    game = whole_numbers(seed, 2 + seed % 5)
    assert shapley(game) == pytest.approx(by_orders(game), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_weighted_as_dividends(seed: int) -> None:
    game = whole_numbers(seed, 2 + seed % 4)
    weights = [1.0, 3.0, 0.5, 2.0, 10.0][: game.n]
    assert weighted_shapley(game, weights) == pytest.approx(by_dividends(game, weights), abs=1e-11)


def test_equal_weights_give_the_plain_value() -> None:
    assert weighted_shapley(cone(), [3, 3, 3, 3]) == pytest.approx(shapley(cone()), abs=1e-10)


def test_the_value_of_the_specification() -> None:
    assert shapley(cone()) == pytest.approx(CONE_SHAPLEY, abs=1e-6)


def test_the_security_council() -> None:
    """Five with a veto, ten without, nine of fifteen: the vetoes 421/2145 each, the others 4/2145."""
    council = weighted_vote(39, [7] * 5 + [1] * 10)
    assert shapley(council) == pytest.approx([421 / 2145] * 5 + [4 / 2145] * 10, abs=1e-14)


def test_a_runway_is_paid_piece_by_piece() -> None:
    """Littlechild and Owen 1973: each piece is shared equally by all whose aircraft need it."""
    costs = [1.0, 4.0, 6.0, 12.0]
    pieces = [1 / 4, 1 / 4 + 3 / 3, 1 / 4 + 3 / 3 + 2 / 2, 1 / 4 + 3 / 3 + 2 / 2 + 6]
    assert -shapley(airport(costs)) == pytest.approx(pieces, abs=1e-14)


def test_a_left_glove_and_two_right_ones() -> None:
    """Shapley and Shubik 1969."""
    gloves = game_from(3, lambda s: float(min(0 in s, (1 in s) + (2 in s))))
    assert shapley(gloves) == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)


def test_a_batch_of_games_is_each_by_itself() -> None:
    games = [whole_numbers(seed, 5) for seed in range(7)]
    batch = shapley_values(np.stack([g.values for g in games]).reshape(7, 32))
    assert batch.shape == (7, 5)
    for row, game in zip(batch, games, strict=True):
        assert row.tolist() == shapley(game).tolist()


def test_sixteen_players_add_up() -> None:
    sizes = np.bitwise_count(np.arange(1 << 16)).astype(float)
    assert shapley_values(sizes**2) == pytest.approx(np.full(16, 16.0), abs=1e-9)


@pytest.mark.parametrize("weights", [[1, 2, 3], [1, 2, 3, 0], [1, 2, 3, -1], [1, 2, 3, np.inf]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="4 weights above zero"):
        weighted_shapley(cone(), weights)


def test_values_that_are_no_game_are_refused() -> None:
    with pytest.raises(InputError, match="3 values are not those of a game"):
        shapley_values(np.zeros(3))


# --- Sampled ----------------------------------------------------------------------------------------------------------


def worth_of(game: Game):
    bits = 1 << np.arange(game.n)
    return lambda rows: game.values[(rows * bits).sum(axis=1)]


def test_the_sample_is_within_its_own_error_of_the_exact_value() -> None:
    game = whole_numbers(11, 8, 0, 100)
    found = sampled_shapley(game.players, worth_of(game), circles=200, seed=4)
    assert (np.abs(found.value - shapley(game)) < 4 * found.se).all()
    assert (found.se > 0).all()
    assert found.value.sum() == pytest.approx(game.total, abs=1e-9)


def test_the_error_says_how_far_estimates_spread() -> None:
    """Over 50 seeds the spread of the estimates is that which each of them states (within the error of a spread)."""
    game = whole_numbers(12, 6, 0, 50)
    runs = [sampled_shapley(game.players, worth_of(game), circles=20, seed=s) for s in range(50)]
    spread = np.std([r.value for r in runs], axis=0, ddof=1)
    stated = np.sqrt(np.mean([r.se**2 for r in runs], axis=0))
    assert (spread / stated > 0.7).all()
    assert (spread / stated < 1.3).all()


def test_more_players_than_a_table_holds() -> None:
    """An additive game of 30 players has no error at all: whatever the order, each adds its own."""
    own = np.arange(1.0, 31.0)
    found = sampled_shapley([f"p{i}" for i in range(30)], lambda rows: (rows * own).sum(axis=1), circles=10)
    assert found.value == pytest.approx(own, abs=1e-9)
    assert found.se == pytest.approx(np.zeros(30), abs=1e-9)
    assert found.to_value()["orders"] == 600


def test_each_coalition_is_asked_once_and_the_same_seed_gives_the_same() -> None:
    game, asked = whole_numbers(13, 7), []

    def worth(rows: np.ndarray) -> np.ndarray:
        asked.extend(map(bytes, np.packbits(rows, axis=1)))
        return worth_of(game)(rows)

    first = sampled_shapley(game.players, worth, circles=12, seed=9)
    assert len(asked) == len(set(asked)) == first.valued
    again = sampled_shapley(game.players, worth_of(game), circles=12, seed=9)
    assert first.value.tolist() == again.value.tolist()
    assert first.value.tolist() != sampled_shapley(game.players, worth_of(game), circles=12, seed=8).value.tolist()


def test_a_sample_that_says_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="9 circles"):
        sampled_shapley(["A", "B"], lambda rows: rows.sum(axis=1), circles=9)
    with pytest.raises(MethodError, match="no number"):
        sampled_shapley(["A", "B"], lambda rows: np.full(len(rows), np.nan), circles=10)
