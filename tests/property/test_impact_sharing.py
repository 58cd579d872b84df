"""Sharing: what must hold for every game, whatever its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.impact.sharing import (
    Game,
    core,
    egalitarian_core,
    excesses,
    largest_excess,
    nucleolus,
    shapley,
    stabilising_transfers,
    weighted_shapley,
)
from impact_sharing_kit import convex_game

PLAYERS = "ABCDE"
# Whole numbers and thirds, so that excesses are often tied and often not exact in binary.
WORTH = st.one_of(st.integers(-30, 60), st.integers(-90, 180).map(lambda k: k / 3))


@st.composite
def games(draw: st.DrawFn, least: int = 1, most: int = 5) -> Game:
    n = draw(st.integers(least, most))
    values = draw(st.lists(WORTH, min_size=(1 << n) - 1, max_size=(1 << n) - 1))
    return Game(tuple(PLAYERS[:n]), np.array([0, *values], dtype=float))


def near(game: Game) -> float:
    return 1e-8 * max(1.0, float(np.abs(game.values).max()))


@given(games())
@settings(max_examples=18)
def test_every_rule_divides_all(game: Game) -> None:
    weights = np.arange(1.0, game.n + 1)
    for x in (shapley(game), weighted_shapley(game, weights), nucleolus(game).value, egalitarian_core(game).value):
        assert x.sum() == pytest.approx(game.total, abs=near(game))


@given(games(2))
@settings(max_examples=18)
def test_the_core_contains_the_nucleolus_when_it_is_not_empty(game: Game) -> None:
    found, x = core(game), nucleolus(game).value
    if not found.empty:
        assert largest_excess(game, x).in_core or found.border
        assert largest_excess(game, egalitarian_core(game).value).value <= max(found.epsilon, 0) + near(game)
    if game.total >= game.singles.sum():
        assert (x >= game.singles - near(game)).all()
    assert float(excesses(game, nucleolus(game, over="preimputations").value)[1:-1].max()) == pytest.approx(
        found.epsilon, abs=near(game)
    )


@given(games(), st.permutations(range(5)))
@settings(max_examples=18)
def test_relabelling_players_relabels_results(game: Game, order: list[int]) -> None:
    order = [i for i in order if i < game.n]
    moved = np.zeros_like(game.values)
    for mask in range(1 << game.n):
        moved[sum(1 << k for k, i in enumerate(order) if mask >> i & 1)] = game.values[mask]
    other = Game(tuple(game.players[i] for i in order), moved)
    for rule in (shapley, lambda g: nucleolus(g).value, lambda g: egalitarian_core(g).value):
        assert rule(other) == pytest.approx(rule(game)[order], abs=near(game))
    if game.n > 1:
        assert core(other).epsilon == pytest.approx(core(game).epsilon, abs=near(game))


@given(games(2), st.floats(0.01, 100), st.lists(st.integers(-50, 50), min_size=5, max_size=5))
@settings(max_examples=18)
def test_units_and_what_each_has_alone_go_through(game: Game, factor: float, own: list[int]) -> None:
    """Strategic equivalence: `a v + b` has `a x + b` (not leximin, which looks at levels)."""
    added = np.array(own[: game.n], dtype=float)
    bits = (np.arange(1 << game.n)[:, None] >> np.arange(game.n) & 1).astype(float)
    other = Game(game.players, factor * game.values + bits @ added)
    for rule in (shapley, lambda g: nucleolus(g).value):
        assert rule(other) == pytest.approx(factor * rule(game) + added, abs=near(other) + factor * near(game))


@given(games(2))
@settings(max_examples=18)
def test_equals_get_the_same_and_nothing_is_given_for_nothing(game: Game) -> None:
    n = game.n
    values = game.values.copy()
    for mask in range(1 << n):  # A and B alike
        swapped = mask & ~3 | (mask & 1) << 1 | (mask & 2) >> 1
        values[swapped] = values[mask]
    alike = Game(game.players, values)
    for x in (shapley(alike), nucleolus(alike).value, egalitarian_core(alike).value):
        assert x[0] == pytest.approx(x[1], abs=near(alike))
    last = 1 << (n - 1)
    values = game.values.copy()
    values[last:] = values[:last] + 7  # the last player adds 7 to everybody
    dummy = Game(game.players, values)
    assert shapley(dummy)[-1] == pytest.approx(7, abs=near(dummy))
    assert weighted_shapley(dummy, np.arange(1.0, n + 1))[-1] == pytest.approx(7, abs=near(dummy))
    assert nucleolus(dummy).value[-1] == pytest.approx(7, abs=near(dummy))


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(games(n, n), games(n, n))))
@settings(max_examples=18)
def test_shapley_values_add(pair: tuple[Game, Game]) -> None:
    one, other = pair
    both = Game(one.players, one.values + other.values)
    assert shapley(both) == pytest.approx(shapley(one) + shapley(other), abs=near(both) + near(one))


@given(st.lists(WORTH, min_size=1, max_size=6))
@settings(max_examples=18)
def test_additive_games_give_each_its_own(own: list[float]) -> None:
    n = len(own)
    bits = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(float)
    game = Game(tuple("ABCDEF"[:n]), bits @ np.array(own, dtype=float))
    for x in (shapley(game), weighted_shapley(game, np.arange(1.0, n + 1)), nucleolus(game).value):
        assert x == pytest.approx(own, abs=near(game))
    assert egalitarian_core(game).value == pytest.approx(own, abs=near(game))
    assert not core(game).empty


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=18)
def test_in_convex_games_every_shapley_value_is_in_the_core(seed: int, n: int) -> None:
    game = convex_game(seed, n)
    assert game.convex
    assert largest_excess(game, shapley(game)).in_core
    assert largest_excess(game, weighted_shapley(game, np.arange(1.0, n + 1))).in_core


@given(games(2, 4), st.lists(st.floats(-20, 20), min_size=4, max_size=4))
@settings(max_examples=18)
def test_stabilising_transfers_do_what_they_say_or_say_who_blocks(game: Game, noise: list[float]) -> None:
    gains = np.array(noise[: game.n])
    gains += (game.total - gains.sum()) / game.n
    found = stabilising_transfers(game, gains, goals=["pareto", "core"])
    if found.transfers is not None:
        assert found.transfers.sum() == pytest.approx(0, abs=near(game))
        assert (found.gains >= -near(game)).all()
        assert float(excesses(game, found.gains).max()) <= near(game)
        return
    # Weights with which everybody counts once, and claims above what there is: a proof (Bondareva 1963).
    for player in game.players:
        assert sum(b.weight for b in found.blocking if player in b.coalition) == pytest.approx(1, abs=1e-6)
    assert sum(b.weight * b.worth for b in found.blocking) > game.total
