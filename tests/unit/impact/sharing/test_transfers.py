"""The smallest transfers: on games small enough to see them, against a second programme, and where there are none."""

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.evidence.aggregate import gini, ordered
from concordat.impact.sharing import Game, MemberFacts, excesses, stabilising_transfers
from impact_sharing_kit import CONE_OWN, cone, convex_game, game_from, weighted_vote

PAIR = Game.of(("A", "B"), {("A",): 30, ("A", "B"): 40}, missing="zero")


def test_who_loses_is_paid_what_it_loses() -> None:
    found = stabilising_transfers(PAIR, [52, -12], goals=["pareto"])
    assert found.transfers.tolist() == pytest.approx([-12, 12])
    assert found.moved == pytest.approx(12)
    assert found.words() == "A pays 12.00; B gets 12.00."


def test_who_could_leave_is_paid_to_stay() -> None:
    assert stabilising_transfers(PAIR, [25, 15], goals=["core"]).transfers == pytest.approx([5, -5])


def test_nothing_is_moved_where_nothing_is_needed() -> None:
    found = stabilising_transfers(PAIR, [32, 8], goals=["pareto", "core"])
    assert found.transfers.tolist() == [0, 0]
    assert found.moved == 0
    assert found.words() == "No transfer is needed."


def test_of_equally_small_transfers_the_most_equal_one_is_taken() -> None:
    """C must get 6 from A or B; A has 20, B 14: taking all from A leaves 14 and 14."""
    game = game_from(3, lambda s: 40.0 if len(s) == 3 else 12.0 if s == (2,) else 0.0)
    assert stabilising_transfers(game, [20, 14, 6], goals=["core"]).transfers == pytest.approx([-6, 0, 6], abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_as_small_as_the_programme_with_every_row(seed: int) -> None:
    """The same programme written down in full, all coalitions at once, by another formulation of |t|."""
    from scipy.optimize import linprog

    game = convex_game(seed, 4)
    rng = np.random.Generator(np.random.PCG64(seed))
    gains = rng.uniform(-5, 20, 4)
    gains += (game.total - gains.sum()) / 4
    found = stabilising_transfers(game, gains, goals=["core"])
    bits = (np.arange(1, 15)[:, None] >> np.arange(4) & 1).astype(float)
    whole = linprog(  # t = p - q with p, q at least 0
        np.full(8, 0.5),
        A_ub=np.concatenate([-bits, bits], axis=1),
        b_ub=bits @ gains - game.values[1:15],
        A_eq=np.concatenate([np.ones(4), -np.ones(4)])[None, :],
        b_eq=[0],
    )
    assert found.moved == pytest.approx(whole.fun, abs=1e-8)
    assert excesses(game, found.gains).max() <= 1e-7
    assert found.transfers.sum() == pytest.approx(0, abs=1e-9)


# --- Inequality -------------------------------------------------------------------------------------------------------

FACTS = MemberFacts(income=np.array([100.0, 50.0, 300.0]), population=np.array([4.0, 5.0, 6.0]))


def gini_of(income: np.ndarray) -> float:
    return gini(ordered(income / FACTS.population, FACTS.population))


def test_inequality_is_brought_back_to_what_it_was_and_no_further() -> None:
    game = game_from(3, lambda s: 60.0 if len(s) == 3 else 0.0)
    own = np.array([5.0, 1.0, 54.0])
    before = gini_of(FACTS.income)
    assert gini_of(FACTS.income + own) > before
    found = stabilising_transfers(game, own, goals=["inequality"], facts=FACTS)
    assert gini_of(FACTS.income + found.gains) == pytest.approx(before, abs=1e-12)
    assert np.argsort((FACTS.income + found.gains) / FACTS.population).tolist() == [1, 0, 2]
    # One unit moves the Gini most when the richest pays the poorest, so that the least is moved in this way.
    assert found.transfers[2] < 0
    assert found.transfers[1] > 0
    for share in np.linspace(0.0, 0.999, 50):
        less = found.transfers * share
        assert gini_of(FACTS.income + own + less) > before


def test_a_changed_order_of_members_is_turned_back() -> None:
    """B, the poorest, would overtake A: its gain is capped at A's income per person, whatever the Gini says."""
    game = game_from(3, lambda s: 90.0 if len(s) == 3 else 0.0)
    found = stabilising_transfers(game, [0, 90, 0], goals=["inequality"], facts=FACTS)
    after = (FACTS.income + found.gains) / FACTS.population
    assert after[1] == pytest.approx(after[0], abs=1e-9)


def test_all_goals_at_once_keep_each() -> None:
    facts = MemberFacts(income=np.array([9e4, 4e5, 4e4, 6e3]), population=np.array([37.9e6, 181.8e6, 15.7e6, 3.3e6]))
    own = np.array(CONE_OWN) + np.array([0.0, 300.0, -200.0, -100.0])
    own[1] += cone().total - own.sum()
    found = stabilising_transfers(cone(), own, goals=["pareto", "core", "inequality"], facts=facts)
    assert found.goals == ("pareto", "core", "inequality")
    assert (found.gains >= -1e-9).all()
    assert excesses(cone(), found.gains).max() <= 1e-6
    before = gini(ordered(facts.income / facts.population, facts.population))
    assert gini(ordered((facts.income + found.gains) / facts.population, facts.population)) <= before + 1e-9


# --- None -------------------------------------------------------------------------------------------------------------


def test_an_empty_core_names_who_blocks() -> None:
    found = stabilising_transfers(weighted_vote(2, (1, 1, 1)), [1, 0, 0], goals=["pareto", "core"])
    assert not found.feasible
    assert found.conflict == ("core",)
    assert {b.coalition for b in found.blocking} == {("p0", "p1"), ("p0", "p2"), ("p1", "p2")}
    assert [b.weight for b in found.blocking] == pytest.approx([0.5] * 3)
    assert [b.worth for b in found.blocking] == pytest.approx([1.0] * 3)
    assert "p0+p1, p0+p2, p1+p2" in found.words()
    assert found.to_value()["transfers"] is None


def test_a_loss_can_be_shared_by_nobody_without_harm() -> None:
    found = stabilising_transfers(game_from(2, lambda s: -5.0 if len(s) == 2 else -3.0), [-4, -1], goals=["pareto"])
    assert found.conflict == ("pareto",)
    assert [b.coalition for b in found.blocking] == [("p0",), ("p1",)]
    assert sum(b.weight * b.worth for b in found.blocking) > -5


def test_goals_that_only_together_are_too_much_are_named_together() -> None:
    """Of 100 and 10, A may have 600/11 of the 60 before inequality rises: (90 + 2 x - 60) / 170 = 90 / 110."""
    facts = MemberFacts(income=np.array([100.0, 10.0]), population=np.array([1.0, 1.0]))
    game = Game.of(("A", "B"), {("A",): 54, ("A", "B"): 60}, missing="zero")
    found = stabilising_transfers(game, [58, 2], goals=["core", "inequality"], facts=facts)
    assert found.gains == pytest.approx([600 / 11, 60 / 11], abs=1e-9)
    tight = Game.of(("A", "B"), {("A",): 55, ("A", "B"): 60}, missing="zero")
    found = stabilising_transfers(tight, [30, 30], goals=["core", "inequality"], facts=facts)
    assert found.conflict == ("core", "inequality")
    assert [b.coalition for b in found.blocking] == [("A",)]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"goals": ["peace"]}, InputError, "Known keys: pareto"),
        ({"goals": ["parreto"]}, InputError, 'Did you mean "pareto"?'),
        ({"goals": []}, InputError, "no goal"),
        ({"goals": ["inequality"]}, MethodError, "needs income and population"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        stabilising_transfers(PAIR, [32, 8], **options)


def test_gains_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InputError, match="own gains add up to 41"):
        stabilising_transfers(PAIR, [32, 9], goals=["core"])
