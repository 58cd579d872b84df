"""The core test and the least core, on games whose answer is known."""

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.sharing import Game, core, excesses, largest_excess
from impact_sharing_kit import CONE_SHAPLEY, bankruptcy, cone, convex_game, game_from, weighted_vote, whole_numbers


def test_the_least_core_of_the_specification() -> None:
    found = core(cone())
    assert found.epsilon == pytest.approx(-96.680790, abs=1e-6)
    assert not found.empty
    assert not found.border
    assert found.blocking == ()
    assert found.upper - found.lower == pytest.approx(0, abs=1e-9)
    assert largest_excess(cone(), found.point).value == pytest.approx(found.epsilon, abs=1e-9)


def test_the_shapley_value_of_the_specification_is_in_the_core() -> None:
    found = largest_excess(cone(), CONE_SHAPLEY)
    assert found.value == pytest.approx(-94.446158, abs=1e-6)
    assert found.in_core
    assert found.coalition == ("ARG", "BRA", "CHL")


def test_three_who_decide_by_majority_have_no_core_and_are_told_who_blocks() -> None:
    found = core(weighted_vote(2, (1, 1, 1)))
    assert found.empty
    assert found.epsilon == pytest.approx(1 / 3, abs=1e-12)
    assert [b.coalition for b in found.blocking] == [("p0", "p1"), ("p0", "p2"), ("p1", "p2")]
    assert [b.weight for b in found.blocking] == pytest.approx([0.5] * 3, abs=1e-15)
    assert "p0+p1 (weight 0.5)" in found.words()


@pytest.mark.parametrize("seed", range(12))
def test_blocking_coalitions_claim_more_than_there_is(seed: int) -> None:
    """Bondareva and Shapley: balanced weights whose claims exceed v(N) prove that the core is empty."""
    game = whole_numbers(seed, 4, 0, 20)
    found = core(game)
    if not found.empty:
        assert (excesses(game, found.point) <= 1e-9).all()
        return
    for player in game.players:
        assert sum(b.weight for b in found.blocking if player in b.coalition) == pytest.approx(1, abs=1e-12)
    assert sum(b.weight * b.worth for b in found.blocking) > game.total


def test_one_owner_of_the_scarce_glove_is_a_border_case() -> None:
    """The core is the single division (1, 0, 0): not empty, and without room."""
    found = core(game_from(3, lambda s: float(min(0 in s, (1 in s) + (2 in s)))))
    assert (found.empty, found.border) == (False, True)
    assert found.point == pytest.approx([1, 0, 0], abs=1e-9)
    assert "no room" in found.words()


@pytest.mark.parametrize("n", [2, 5, 9, 16])
def test_symmetric_games_have_a_known_least_core(n: int) -> None:
    """v(S) = |S|^2 / n: at the equal division the excess s^2 / n - s is largest at the ends, s = 1."""
    size = np.bitwise_count(np.arange(1 << n)).astype(float)
    found = core(Game(tuple(f"p{i}" for i in range(n)), size**2 / n))
    assert found.epsilon == pytest.approx(1 / n - 1, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_units_and_what_each_has_alone_change_nothing(scale: float, shift: float) -> None:
    game = cone()
    alone = shift * np.array([1.0, -2.0, 3.0, 0.5])
    added = [sum(alone[i] for i in range(4) if mask >> i & 1) for mask in range(16)]
    moved = Game(game.players, scale * (game.values + added))
    assert core(moved).epsilon == pytest.approx(scale * core(game).epsilon, rel=1e-9)


def test_zero_one_player_and_additive_games() -> None:
    assert core(Game(("A",), np.array([0.0, 5.0]))).point.tolist() == [5.0]
    zero = core(Game(("A", "B", "C"), np.zeros(8)))
    assert (zero.empty, zero.epsilon, zero.point.tolist()) == (False, 0.0, [0.0, 0.0, 0.0])
    additive = core(game_from(4, lambda s: sum(0.1 * (i + 1) for i in s)))
    assert not additive.empty
    assert additive.point == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=1e-12)
    loss = core(game_from(2, lambda s: -5.0 if len(s) == 2 else 0.0))
    assert loss.empty
    assert loss.epsilon == pytest.approx(2.5, abs=1e-12)


def test_the_worst_treated_of_several_is_the_smallest() -> None:
    found = largest_excess(weighted_vote(2, (1, 1, 1)), [1 / 3] * 3)
    assert found.coalition == ("p0", "p1")
    assert found.value == pytest.approx(1 / 3, abs=1e-15)
    assert not found.in_core


def test_what_is_no_division_is_refused() -> None:
    with pytest.raises(InputError, match="adds up to 3"):
        largest_excess(bankruptcy(2, (1, 2)), [1, 2])
    with pytest.raises(InputError, match="needs 2 numbers"):
        largest_excess(bankruptcy(2, (1, 2)), [2])


def test_more_than_sixteen_players_are_refused_with_their_number() -> None:
    game = Game(tuple(f"p{i}" for i in range(17)), np.zeros(1 << 17))
    with pytest.raises(MethodError, match="core: 17 players, of at most 16") as error:
        core(game)
    assert error.value.code == "too_many_players"


def test_a_convex_game_has_a_core() -> None:
    assert not core(convex_game(5, 6)).empty
