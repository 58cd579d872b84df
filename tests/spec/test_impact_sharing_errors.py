"""What sharing refuses, and what it answers instead of refusing: the table users rely on."""

from collections.abc import Callable

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.impact.sharing import (
    Game,
    MemberFacts,
    core,
    egalitarian_core,
    nucleolus,
    parse_game,
    sampled_shapley,
    sharing_menu,
    stabilising_transfers,
    weighted_shapley,
)
from impact_sharing_kit import cone, weighted_vote

SEVENTEEN = Game(tuple(f"p{i}" for i in range(17)), np.zeros(1 << 17))
MAJORITY = weighted_vote(2, (1, 1, 1))

# case, call, class, code, what the message says
REFUSED: tuple[tuple[str, Callable[[], object], type[ConcordatError], str, str], ...] = (
    ("nucleolus of 17", lambda: nucleolus(SEVENTEEN), MethodError, "too_many_players", "17 players, of at most 16"),
    ("core of 17", lambda: core(SEVENTEEN), MethodError, "too_many_players", "17 players"),
    ("leximin of 17", lambda: egalitarian_core(SEVENTEEN), MethodError, "too_many_players", "17 players"),
    (
        "transfers of 17",
        lambda: stabilising_transfers(SEVENTEEN, np.zeros(17), goals=["core"]),
        MethodError,
        "too_many_players",
        "17 players",
    ),
    ("a table of 21", lambda: Game(tuple(map(str, range(21))), np.zeros(1)), InputError, "game_size", "2,097,152"),
    ("no worth given", lambda: Game.of("AB", {("A",): 1}), InputError, "coalition_missing", "no worth for B, A+B"),
    ("a worth of nobody", lambda: Game(("A",), np.array([1.0, 1.0])), InputError, "empty", "nobody at all is worth 1"),
    ("no number", lambda: Game(("A",), np.array([0.0, np.nan])), InputError, "game_value", "no number for A"),
    ("an unknown rule", lambda: sharing_menu(cone(), rules=["fair"]), InputError, "unknown_rule", "no rule of sharing"),
    ("weights of zero", lambda: weighted_shapley(cone(), [1, 1, 1, 0]), InputError, "weights", "above zero"),
    (
        "leximin of incomes unknown",
        lambda: egalitarian_core(cone(), measure="income_per_person"),
        MethodError,
        "facts_missing",
        "income and population",
    ),
    (
        "own gains that don't add up",
        lambda: sharing_menu(cone(), facts=MemberFacts(own_gains=np.ones(4))),
        InputError,
        "own_gains",
        "add up to 4",
    ),
    ("a sample too small", lambda: sampled_shapley("AB", len, circles=2), InputError, "sample", "2 circles"),
    ("a file without schema", lambda: parse_game("game: x\n"), InputError, "schema", "does not say its schema"),
)


@pytest.mark.parametrize(("case", "call", "kind", "code", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(case: str, call: Callable[[], object], kind: type[ConcordatError], code: str, said: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert error.value.code == code
    assert said in str(error.value)
    assert error.value.hint, "a message says what to do"


def test_an_empty_core_is_a_result_with_the_coalitions_that_block() -> None:
    assert [b.coalition for b in core(MAJORITY).blocking] == [("p0", "p1"), ("p0", "p2"), ("p1", "p2")]


def test_transfers_that_no_sum_reaches_are_a_result_with_the_goals_that_conflict() -> None:
    found = stabilising_transfers(MAJORITY, [1, 0, 0], goals=["pareto", "core"])
    assert (found.feasible, found.conflict) == (False, ("core",))
    assert found.blocking


def test_a_rule_without_its_data_stays_on_the_menu_with_the_reason() -> None:
    assert sharing_menu(MAJORITY, rules=["per_capita"]).shares[0].reason == "not computed: needs population"
