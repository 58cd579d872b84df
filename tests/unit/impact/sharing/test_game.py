"""Games: what they accept, what they refuse by name."""

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.sharing import Game, MemberFacts
from impact_sharing_kit import cone, convex_game, weighted_vote


def test_coalitions_are_read_by_name_in_any_order() -> None:
    game = Game.of(("A", "B", "C"), {("B", "A"): 5, ("C",): 2, ("A", "B", "C"): 9}, missing="sum_of_singles")
    assert game.worth("A", "B") == 5
    assert game.worth("C", "B") == 2
    assert game.values.tolist() == [0, 0, 0, 5, 2, 2, 2, 9]
    assert game.coalition(5) == ("A", "C")
    assert game.mask(("C", "A")) == 5
    assert game.total == 9
    assert game.singles.tolist() == [0, 0, 2]


def test_a_game_is_not_changed_through_the_array_it_was_made_from() -> None:
    values = np.array([0.0, 1.0])
    game = Game(("A",), values)
    values[1] = 7
    assert game.total == 1
    with pytest.raises(ValueError, match="read-only"):
        game.values[1] = 3


def test_to_value_has_every_coalition_once() -> None:
    found = cone().to_value()
    assert len(found["values"]) == 15
    assert found["values"]["ARG+BRA+CHL+URY"] == 1420.734673
    assert list(found["values"])[:4] == ["ARG", "BRA", "CHL", "URY"]


def test_convex_is_told_from_not_convex() -> None:
    assert convex_game(3, 5).convex
    assert cone().convex
    assert not weighted_vote(2, (1, 1, 1)).convex


@pytest.mark.parametrize(
    ("players", "values", "code"),
    [
        ((), [0.0], "no_players"),
        (("A", "A"), [0.0] * 4, "player_names"),
        (("A", ""), [0.0] * 4, "player_names"),
        (tuple(f"p{i}" for i in range(21)), [0.0], "game_size"),
        (("A", "B"), [0.0, 1.0, 2.0], "game_size"),
        (("A", "B"), [0.0, 1.0, np.nan, 2.0], "game_value"),
        (("A", "B"), [0.0, 1.0, np.inf, 2.0], "game_value"),
        (("A", "B"), [1.0, 1.0, 2.0, 2.0], "empty"),
    ],
)
def test_a_table_that_is_no_game_is_refused(players: tuple[str, ...], values: list[float], code: str) -> None:
    with pytest.raises(InputError) as error:
        Game(players, np.array(values))
    assert error.value.code == code
    assert error.value.hint


def test_a_missing_coalition_is_named_not_guessed() -> None:
    with pytest.raises(InputError, match=r"no worth for A, B, C, A\+C, B\+C, A\+B\+C"):
        Game.of(("A", "B", "C"), {("A", "B"): 1})


def test_a_mistyped_player_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"ARX" is no player\. Did you mean "ARG"\?'):
        cone().mask(("ARX",))
    with pytest.raises(InputError, match="stands twice"):
        cone().mask(("ARG", "ARG"))
    with pytest.raises(InputError, match="stands twice"):
        Game.of(("A", "B"), {("A", "B"): 1, ("B", "A"): 1}, missing="zero")


def test_own_gains_must_add_up_to_the_worth_of_all() -> None:
    MemberFacts(own_gains=np.array([700.0, 400.0, 200.0, 120.734673])).checked(cone())
    with pytest.raises(InputError, match="own gains add up to 1000"):
        MemberFacts(own_gains=np.array([250.0, 250.0, 250.0, 250.0])).checked(cone())


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"income": [1.0, -1.0, 1.0, 1.0]}, "facts"),
        ({"population": [1.0, np.nan, 1.0, 1.0]}, "facts"),
        ({"income": [1.0], "population": [1.0, 2.0]}, "facts"),
        ({"quintiles": [[0.5, 0.2, 0.1, 0.1, 0.1]]}, "quintiles"),
        ({"quintiles": [[0.1, 0.1, 0.1, 0.1, 0.1]]}, "quintiles"),
        ({"quintiles": [[0.1, 0.2, 0.3, 0.4]]}, "quintiles"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts: dict[str, list[float]], code: str) -> None:
    with pytest.raises(InputError) as error:
        MemberFacts(**{name: np.array(numbers) for name, numbers in facts.items()})
    assert error.value.code == code


def test_facts_of_another_number_of_players_are_refused() -> None:
    with pytest.raises(InputError, match="4 players"):
        MemberFacts(income=np.array([1.0, 2.0])).checked(cone())
