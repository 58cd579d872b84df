"""The menu: every rule with what it gives and promises; what can't be computed stays on it with the reason."""

import json

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.inequality import inequality
from concordat.impact.sharing import (
    PROMISES,
    RULES,
    Game,
    MemberFacts,
    excesses,
    shapley,
    sharing_menu,
    weighted_shapley,
)
from impact_sharing_kit import CONE_NUCLEOLUS, CONE_OWN, CONE_SHAPLEY, cone, convex_game, weighted_vote, whole_numbers

OWN = np.array(CONE_OWN) + (cone().total - sum(CONE_OWN)) / 4
FACTS = MemberFacts(
    own_gains=OWN, income=np.array([9e4, 4e5, 4e4, 6e3]), population=np.array([37.9e6, 181.8e6, 15.7e6, 3.3e6])
)


def test_all_rules_stand_side_by_side() -> None:
    menu = sharing_menu(cone(), facts=FACTS)
    assert [s.rule.id for s in menu.shares] == list(RULES)
    for share in menu.shares:
        assert share.reason == ""
        assert share.value is not None
        assert share.value.sum() == pytest.approx(cone().total, abs=1e-6)
        assert share.payments == pytest.approx(share.value - OWN, abs=1e-9)
        assert share.payments.sum() == pytest.approx(0, abs=1e-6)
        assert share.to_largest == share.payments[1]  # BRA has the largest income
    assert menu.largest == "BRA"
    assert menu.share("shapley").value == pytest.approx(CONE_SHAPLEY, abs=1e-6)
    assert menu.share("nucleolus").value == pytest.approx(CONE_NUCLEOLUS, abs=1e-6)
    assert menu.share("per_capita").value == pytest.approx(cone().total * FACTS.population / FACTS.population.sum())
    weights = FACTS.population / FACTS.income
    assert menu.share("weighted_shapley_income").value == pytest.approx(weighted_shapley(cone(), weights))
    assert menu.convex
    assert menu.core is not None
    assert menu.core.epsilon == pytest.approx(-96.680790, abs=1e-6)


def test_the_shapley_value_pays_the_largest_here_and_that_is_shown() -> None:
    """Own gain of Brazil 570.31, Shapley value 581.24: the smaller two pay (specification, section 6)."""
    share = sharing_menu(cone(), rules=["shapley"], facts=FACTS).shares[0]
    assert share.to_largest == pytest.approx(581.236974 - 570.3073, abs=1e-3)
    assert share.payments[2] < 0
    assert share.payments[3] < 0
    assert "pay it for opening its market" in share.rule.to_largest


def test_what_is_not_known_is_not_computed_and_says_what_it_needs() -> None:
    menu = sharing_menu(cone())
    reasons = {s.rule.id: s.reason for s in menu.shares if s.value is None}
    assert reasons == {
        "own_gains": "not computed: needs own gains",
        "weighted_shapley_income": "not computed: needs income and population",
        "weighted_shapley_population": "not computed: needs population",
        "egalitarian_core_income": "not computed: needs income and population",
        "per_capita": "not computed: needs population",
    }
    assert menu.stabilising == ()
    assert menu.stabilising_reason.startswith("not computed: needs own gains")
    assert menu.before is None
    assert menu.before_reason == "not computed: needs income and population"
    assert menu.largest == ""


def test_seventeen_players_get_what_needs_no_programme() -> None:
    size = np.bitwise_count(np.arange(1 << 17)).astype(float)
    game = Game(tuple(f"p{i}" for i in range(17)), size**2)
    menu = sharing_menu(game, rules=["shapley", "nucleolus"], facts=MemberFacts(own_gains=np.full(17, 17.0)))
    assert menu.share("shapley").value == pytest.approx(np.full(17, 17.0))
    assert menu.share("nucleolus").reason == "not computed: 17 players, of at most 16"
    assert menu.core is None
    assert menu.core_reason == "not computed: 17 players, of at most 16"
    assert menu.stabilising_reason == "not computed: 17 players, of at most 16"


def test_stabilising_transfers_stand_for_each_goal_and_for_all() -> None:
    menu = sharing_menu(cone(), rules=["shapley"], facts=FACTS)
    goals = [s.goals for s in menu.stabilising]
    assert goals == [("pareto",), ("core",), ("inequality",), ("pareto", "core", "inequality")]
    without = sharing_menu(cone(), rules=["shapley"], facts=MemberFacts(own_gains=OWN))
    assert [s.goals for s in without.stabilising] == [("pareto",), ("core",), ("pareto", "core")]
    assert without.stabilising_reason == "inequality not computed: needs income and population"


def test_inequality_before_and_after_is_that_of_the_kernels() -> None:
    menu = sharing_menu(cone(), rules=["nucleolus"], facts=FACTS)
    people, once = menu.before
    assert people == inequality(FACTS.income, FACTS.population)
    assert once == inequality(FACTS.income, FACTS.population, weighting="member")
    share = menu.shares[0]
    assert share.inequality[0] == inequality(FACTS.income + share.value, FACTS.population)
    assert people.within_reason.startswith("not computed")


def test_members_below_what_they_have_alone_are_named() -> None:
    game = Game.of(("A", "B"), {("A",): 30, ("A", "B"): 40}, missing="zero")
    facts = MemberFacts(population=np.array([1.0, 3.0]))
    share = sharing_menu(game, rules=["per_capita"], facts=facts).shares[0]
    assert share.value.tolist() == [10, 30]
    assert share.below_alone == ("A",)
    assert not share.excess.in_core
    assert share.excess.coalition == ("A",)


def test_the_menu_is_plain_values() -> None:
    facts = MemberFacts(OWN, FACTS.income, FACTS.population, np.tile([0.05, 0.1, 0.15, 0.2, 0.5], (4, 1)))
    text = json.dumps(sharing_menu(cone(), facts=facts).to_value(), allow_nan=False)
    read = json.loads(text)
    assert [s["rule"] for s in read["shares"]] == list(RULES)
    assert read["shares"][4]["detail"]["certificate"]["criterion"] == "Kohlberg 1971"
    assert read["outside"]["assumed"].startswith("members outside a coalition keep today's rule")
    assert read["inequality_before"][0]["within"] > 0


def test_an_unknown_rule_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'"shapely" is no rule of sharing\. Did you mean "shapley"\?'):
        sharing_menu(cone(), rules=["shapely"])
    with pytest.raises(InputError, match=r'Did you mean "nucleolus"\?'):
        sharing_menu(cone(), rules=["nucleolus"]).share("nucleolos")


# --- Promises are kept ------------------------------------------------------------------------------------------------


def test_every_rule_says_of_every_promise_whether_it_keeps_it() -> None:
    for rule in RULES.values():
        assert set(rule.keeps) == set(PROMISES)
        assert rule.to_largest
        assert rule.source
        assert rule.keeps["all_divided"] == "yes"


@pytest.mark.parametrize("seed", range(4))
def test_a_promise_of_yes_is_kept_in_random_games(seed: int) -> None:
    """Own worth, equal treatment and nothing for nothing, for each rule that promises them without a condition."""
    game = whole_numbers(seed, 4, 0, 20)
    values = game.values.copy()
    for mask in range(16):  # players 0 and 1 made alike, player 3 one who adds nothing
        swapped = mask & ~3 | (mask & 1) << 1 | (mask & 2) >> 1
        values[mask] = values[swapped] = max(values[mask], values[swapped])
    values[8:] = values[:8]
    alike = Game(game.players, values)
    facts = MemberFacts(np.full(4, alike.total / 4), np.ones(4), np.ones(4))
    for share in sharing_menu(alike, facts=facts).shares:
        keeps, x = share.rule.keeps, share.value
        if keeps["equal_treatment"] == "yes":
            assert x[0] == pytest.approx(x[1], abs=1e-7), share.rule.id
        if keeps["nothing_for_nothing"] == "yes" and alike.total >= alike.singles.sum():
            assert x[3] == pytest.approx(0, abs=1e-7), share.rule.id
        if keeps["own_worth"] == "yes" and alike.total >= alike.singles.sum():
            assert share.below_alone == (), share.rule.id


def test_conditional_promises_hold_where_their_condition_does() -> None:
    game = convex_game(2, 5)
    facts = MemberFacts(np.full(5, game.total / 5), np.arange(1.0, 6.0), np.arange(5.0, 0.0, -1.0))
    for share in sharing_menu(game, facts=facts).shares:
        if share.rule.keeps["stable"] != "no":
            assert share.excess.in_core, share.rule.id
        if share.rule.keeps["own_worth"] != "no":
            assert share.below_alone == (), share.rule.id


def test_where_there_is_no_core_the_rules_say_so() -> None:
    menu = sharing_menu(weighted_vote(2, (1, 1, 1)), rules=["egalitarian_core", "nucleolus"])
    assert menu.share("egalitarian_core").detail["of"] == "least_core"
    assert not menu.share("nucleolus").excess.in_core
    assert menu.core.empty
    assert (excesses(menu.game, shapley(menu.game))[1:-1].max()) == pytest.approx(1 / 3)
