"""The nucleolus against published values, a second method in fractions, and games that are hard for numbers."""

from itertools import combinations

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.impact.sharing import Game, excesses, nucleolus
from concordat.impact.sharing._kohlberg import certify
from impact_sharing_kit import (
    CONE_NUCLEOLUS,
    airport,
    bankruptcy,
    cone,
    exact_prenucleolus,
    game_from,
    weighted_vote,
    whole_numbers,
)


def test_the_nucleolus_of_the_specification() -> None:
    found = nucleolus(cone())
    assert found.value == pytest.approx(CONE_NUCLEOLUS, abs=1e-6)
    assert found.over == "imputations"
    assert found.certificate.levels[0] == pytest.approx(-96.680790, abs=1e-6)


@pytest.mark.parametrize(
    ("estate", "shares"), [(100, (100 / 3, 100 / 3, 100 / 3)), (200, (50, 75, 75)), (300, (50, 100, 150))]
)
def test_the_three_widows_of_the_talmud(estate: float, shares: tuple[float, ...]) -> None:
    """Aumann and Maschler 1985, the Mishna's own figures (Ketubot 93a)."""
    assert nucleolus(bankruptcy(estate, (100, 200, 300))).value == pytest.approx(shares, abs=1e-9)


def littlechild(costs: list[float]) -> list[float]:
    """The nucleolus of an airport game by Littlechild's recursion (1974), costs rising."""
    n, done, level = len(costs), 0, 0.0
    shares: list[float] = []
    while done < n:
        before = costs[done - 1] if done else 0.0
        tries = [((costs[i] - before + level) / (i - done + 2), i) for i in range(done, n - 1)]
        tries.append(((costs[n - 1] - before + level) / (n - done), n - 1))
        level = min(t for t, _ in tries)
        last = max(i for t, i in tries if t <= level + 1e-12)
        shares += [level] * (last + 1 - done)
        done = last + 1
    return shares


@pytest.mark.parametrize("costs", [[1.0, 2.0, 3.0], [2.0, 2.0, 9.0, 10.0], [1.0, 4.0, 6.0, 12.0, 13.0], [3.0] * 6])
def test_a_runway(costs: list[float]) -> None:
    assert -nucleolus(airport(costs)).value == pytest.approx(littlechild(costs), abs=1e-9)


@pytest.mark.parametrize(
    ("game", "shares"),
    [
        (game_from(3, lambda s: float(min(0 in s, (1 in s) + (2 in s)))), (1, 0, 0)),  # one scarce glove
        (weighted_vote(2, (1, 1, 1)), (1 / 3,) * 3),
        (weighted_vote(3, (2, 1, 1, 1)), (0.4, 0.2, 0.2, 0.2)),  # Peleg 1968: homogeneous weights
        (weighted_vote(4, (3, 1, 1, 1, 1)), tuple(w / 7 for w in (3, 1, 1, 1, 1))),  # an apex game, as above
        (weighted_vote(39, [7] * 5 + [1] * 10), (0.2,) * 5 + (0.0,) * 10),  # the Security Council: its vetoes
    ],
)
def test_games_of_the_textbooks(game: Game, shares: tuple[float, ...]) -> None:
    assert nucleolus(game).value == pytest.approx(shares, abs=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_three_players_exactly(seed: int) -> None:
    game = whole_numbers(seed, 3)
    wanted = exact_prenucleolus([int(v) for v in game.values], 3)
    assert nucleolus(game, over="preimputations").value == pytest.approx([float(w) for w in wanted], abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_four_players_exactly(seed: int) -> None:
    game = whole_numbers(seed, 4, 0, 5)  # few different values, so that many excesses are tied
    wanted = exact_prenucleolus([int(v) for v in game.values], 4)
    assert nucleolus(game, over="preimputations").value == pytest.approx([float(w) for w in wanted], abs=1e-10)


def test_where_joining_hurts_nobody_is_left_below_its_own() -> None:
    """v(12) = 10, v(N) = 2, else 0: the prenucleolus is (3, 3, -4), the nucleolus (1, 1, 0)."""
    game = Game.of(("1", "2", "3"), {("1", "2"): 10, ("1", "2", "3"): 2}, missing="zero")
    assert nucleolus(game, over="preimputations").value == pytest.approx([3, 3, -4], abs=1e-9)
    assert nucleolus(game).value == pytest.approx([1, 1, 0], abs=1e-9)


def test_too_little_for_all_is_divided_without_that_condition_and_says_so() -> None:
    found = nucleolus(game_from(3, lambda s: -3.0 if len(s) == 3 else 0.0))
    assert found.over == "preimputations"
    assert found.value == pytest.approx([-1, -1, -1], abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_division_nearby_has_smaller_sorted_excesses(seed: int) -> None:
    """Schmeidler's definition: small changes towards any other division make the sorted excesses larger."""
    game = whole_numbers(seed, 5, 0, 30)
    x = nucleolus(game, over="preimputations").value
    best = np.sort(excesses(game, x)[1:-1])[::-1]
    for i, j in combinations(range(5), 2):
        for step in (1e-3, -1e-3, 1.0, -1.0):
            moved = x.copy()
            moved[i] += step
            moved[j] -= step
            other = np.sort(excesses(game, moved)[1:-1])[::-1]
            first = np.flatnonzero(np.abs(other - best) > 1e-7)[0]
            assert other[first] > best[first]


# --- Numbers that are hard -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_symmetric_games_are_divided_equally(n: int) -> None:
    size = np.bitwise_count(np.arange(1 << n)).astype(float)
    for values in (np.sqrt(size), size**3, np.where(size == n, -4.0, 0.0), (2 * size > n).astype(float)):
        found = nucleolus(Game(tuple(f"p{i}" for i in range(n)), values))
        assert found.value == pytest.approx(np.full(n, values[-1] / n), abs=1e-9 * max(1.0, abs(values[-1])))


@pytest.mark.parametrize("n", [1, 3, 10, 16])
def test_additive_and_zero_games_give_each_its_own(n: int) -> None:
    own = np.linspace(-1.7, 9.3, n)
    values = (np.arange(1 << n)[:, None] >> np.arange(n) & 1) @ own
    players = tuple(f"p{i}" for i in range(n))
    assert nucleolus(Game(players, values)).value == pytest.approx(own, abs=1e-11)
    assert nucleolus(Game(players, np.zeros(1 << n))).value.tolist() == [0.0] * n


@pytest.mark.parametrize("scale", [1e-15, 1e-6, 1e9, 1e15])
def test_the_unit_changes_nothing(scale: float) -> None:
    game = cone()
    scaled = nucleolus(Game(game.players, scale * game.values)).value
    assert scaled == pytest.approx(scale * nucleolus(game).value, rel=1e-12)


def test_what_each_has_alone_is_added_and_nothing_else() -> None:
    game, alone = cone(), np.array([1e6, -2e5, 3e5, 7.0])
    values = game.values + [sum(alone[i] for i in range(4) if m >> i & 1) for m in range(16)]
    assert nucleolus(Game(game.players, values)).value == pytest.approx(nucleolus(game).value + alone, abs=1e-7)


@pytest.mark.parametrize("noise", [1e-13, 1e-11, 1e-10, 1e-9, 1e-7])
def test_ties_broken_by_rounding_move_the_answer_as_little(noise: float) -> None:
    game = bankruptcy(200, (100, 200, 300, 100, 50, 50, 200))
    plain = nucleolus(game).value
    shaken = game.values * (1 + noise * np.random.Generator(np.random.PCG64(1)).standard_normal(len(game.values)))
    assert nucleolus(Game(game.players, shaken)).value == pytest.approx(plain, abs=1e4 * noise + 1e-6)


def test_more_than_sixteen_players_are_refused() -> None:
    with pytest.raises(MethodError, match="nucleolus: 17 players"):
        nucleolus(Game(tuple(f"p{i}" for i in range(17)), np.zeros(1 << 17)))


# --- The check --------------------------------------------------------------------------------------------------------


def test_the_check_passes_only_the_nucleolus() -> None:
    game = cone()
    right = nucleolus(game).value
    certify(game.values, right, tolerance=1e-6, imputations=True)
    for i, j in combinations(range(4), 2):
        wrong = right.copy()
        wrong[i] += 0.01
        wrong[j] -= 0.01
        with pytest.raises(MethodError, match="does not pass Kohlberg's criterion") as error:
            certify(game.values, wrong, tolerance=1e-6, imputations=True)
        assert error.value.code == "nucleolus_unproved"


def test_the_check_refuses_what_is_only_in_the_least_core() -> None:
    """Whoever stops after the first programme may get (1.5, 0.5, ...): the later levels are what the check is for."""
    game = game_from(4, lambda s: 2.0 if len(s) == 4 else 1.0 if {0, 1} <= set(s) or {2, 3} <= set(s) else 0.0)
    certify(game.values, np.full(4, 0.5), tolerance=1e-9, imputations=True)
    with pytest.raises(MethodError, match="are not balanced"):
        certify(game.values, np.array([0.6, 0.4, 0.5, 0.5]), tolerance=1e-9, imputations=True)


def test_the_check_refuses_sums_and_shares_that_cannot_be() -> None:
    game = cone()
    with pytest.raises(MethodError, match="add up to"):
        certify(game.values, np.zeros(4), tolerance=1e-6, imputations=True)
    with pytest.raises(MethodError, match="less than it has alone"):
        certify(game.values, np.array([1520.734673, -100, 0, 0]), tolerance=1e-6, imputations=True)
