"""The most equal division of the core: against a grid of the core, and where the answer is plain."""

from itertools import product

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.impact.sharing import Game, MemberFacts, core, egalitarian_core, excesses
from impact_sharing_kit import bankruptcy, cone, game_from, weighted_vote

PEOPLE = MemberFacts(income=np.array([9e4, 4e5, 4e4, 6e3]), population=np.array([37.9e6, 181.8e6, 15.7e6, 3.3e6]))


def test_nobody_needs_more_than_equal_shares_if_no_group_objects() -> None:
    found = egalitarian_core(game_from(4, lambda s: 8.0 if len(s) == 4 else 0.0))
    assert found.value == pytest.approx([2, 2, 2, 2], abs=1e-12)
    assert found.of == "core"


def test_a_group_that_could_leave_gets_just_enough() -> None:
    """v(12) = 8 of 9: the two must have 8, so 4 each, and 1 is left."""
    game = Game.of(("1", "2", "3"), {("1", "2"): 8, ("1", "2", "3"): 9}, missing="zero")
    assert egalitarian_core(game).value == pytest.approx([4, 4, 1], abs=1e-9)


def test_in_a_bankruptcy_game_small_claims_are_paid_in_full() -> None:
    """The core gives nobody more than its claim, and leximin then is constrained equal awards (Dutta and Ray 1989)."""
    assert egalitarian_core(bankruptcy(250, (40, 200, 300))).value == pytest.approx([40, 105, 105], abs=1e-9)


def leximin_on_a_grid(game: Game, measure, steps: int) -> np.ndarray:
    """The best of all divisions of the core in whole steps."""
    best, shares = None, None
    for head in product(range(steps + 1), repeat=game.n - 1):
        x = np.array([*head, steps - sum(head)]) * game.total / steps
        if (excesses(game, x) <= 1e-9).all():
            key = np.sort(measure(x)).round(9).tolist()
            if best is None or key > best:
                best, shares = key, x
    assert shares is not None
    return shares


@pytest.mark.parametrize("pairs", [(10, 20, 5), (50, 3, 3), (0, 30, 28), (4, 4, 4)])
def test_no_division_of_a_grid_of_the_core_is_more_equal(pairs: tuple[int, int, int]) -> None:
    worth = dict(zip([(0, 1), (0, 2), (1, 2), (0, 1, 2)], [*pairs, 60], strict=True))
    game = game_from(3, lambda s: float(worth.get(s, 0)))
    for kind, facts in (("gain", None), ("income_per_person", MemberFacts(income=[30, 50, 20], population=[2, 5, 1]))):
        found = egalitarian_core(game, measure=kind, facts=facts)
        people = np.ones(3) if facts is None else facts.population
        before = np.zeros(3) if facts is None else facts.income
        other = leximin_on_a_grid(game, lambda x, b=before, p=people: (b + x) / p, 60)
        mine, theirs = np.sort((before + found.value) / people), np.sort((before + other) / people)
        first = np.flatnonzero(np.abs(mine - theirs) > 1e-7)
        assert not len(first) or mine[first[0]] > theirs[first[0]]
        assert found.level == pytest.approx((before + found.value) / people, abs=1e-12)


@pytest.mark.parametrize("measure", ["gain", "gain_per_person", "income_per_person"])
def test_it_stays_in_the_core_and_divides_all(measure: str) -> None:
    found = egalitarian_core(cone(), measure=measure, facts=PEOPLE)
    assert found.value.sum() == pytest.approx(cone().total, abs=1e-9)
    assert excesses(cone(), found.value).max() <= 1e-6


def test_without_a_core_it_is_of_the_least_core_and_says_so() -> None:
    found = egalitarian_core(weighted_vote(2, (1, 1, 1)))
    assert found.value == pytest.approx([1 / 3] * 3, abs=1e-9)
    assert (found.of, round(found.epsilon, 9)) == ("least_core", 0.333333333)
    game = Game.of(
        ("A", "B", "C"), {("A", "B"): 6, ("A", "C"): 5, ("B", "C"): 4, ("A", "B", "C"): 3}, missing="zero"
    )  # three pairs that together want 15 of twice 3: eps = 3, and only (2, 1, 0) leaves each pair 3 short
    assert egalitarian_core(game).value == pytest.approx([2, 1, 0], abs=1e-9)


def test_a_core_of_one_point_is_that_point() -> None:
    gloves = game_from(3, lambda s: float(min(0 in s, (1 in s) + (2 in s))))
    assert core(gloves).border
    assert egalitarian_core(gloves).value == pytest.approx([1, 0, 0], abs=1e-8)


def test_the_unit_changes_nothing() -> None:
    game = cone()
    for scale in (1e-9, 1e9):
        found = egalitarian_core(Game(game.players, scale * game.values)).value
        assert found == pytest.approx(scale * egalitarian_core(game).value, rel=1e-9)


def test_without_population_it_is_refused() -> None:
    with pytest.raises(MethodError, match="gain_per_person needs the population"):
        egalitarian_core(cone(), measure="gain_per_person")
    with pytest.raises(MethodError, match="needs the income and population"):
        egalitarian_core(cone(), measure="income_per_person", facts=MemberFacts(population=np.ones(4)))
