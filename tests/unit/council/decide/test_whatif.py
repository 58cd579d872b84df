"""Coalitions against all subsets, changes by hand, and the votes that turn an outcome."""

import random
from itertools import combinations

import pytest

from concordat.council.decide.game import game_of
from concordat.council.decide.rules import Rule, shipped
from concordat.council.decide.tally import tally
from concordat.council.decide.whatif import (
    blocks_with,
    change,
    minimal_blocking,
    minimal_winning,
    votes_to_change,
    with_threshold,
)
from concordat.errors import InputError, MethodError

MEMBERS = ("A", "B", "C", "D", "E", "F", "G")


def all_minimal(rule: Rule, weights: dict, groups: dict, *, blocking: bool) -> list[tuple[str, ...]]:
    """Every minimal coalition, from all subsets in order of size; winning asked of the tally itself."""

    def wins(inside: tuple[str, ...]) -> bool:
        ballots = {m: "yes" if (m in inside) != blocking else "no" for m in MEMBERS}
        outcome = tally(rule, ballots, MEMBERS, weights, entitled=MEMBERS, groups=groups).outcome
        return (outcome == "adopted") != blocking

    found: list[tuple[str, ...]] = []
    for size in range(1, len(MEMBERS) + 1):
        for inside in combinations(MEMBERS, size):
            if wins(inside) and not any(wins(tuple(m for m in inside if m != out)) for out in inside):
                found.append(inside)
    return found


def test_minimal_coalitions_against_all_subsets() -> None:
    rng = random.Random("coalitions")
    for _ in range(8):
        weights = {"w": {m: rng.randint(0, 9) for m in MEMBERS}}
        groups = {"g": rng.sample(MEMBERS, 3)}
        text = (
            "rule: r\nversion: 1\nmethod: vote\nadopt: {any_of: [{all_of: ["
            f"{{share: w, at_least: 0.{rng.randint(30, 80)}}}, {{count: members, at_least: {rng.randint(1, 4)}}}, "
            f"{{none_of: [{{against: g, at_least: {rng.randint(1, 3)}}}]}}]}}, "
            f"{{count: members, choice: not_yes, at_most: {rng.randint(0, 2)}}}]}}"
        )
        rule = Rule.load(text)
        winning = minimal_winning(rule, weights, entitled=MEMBERS, groups=groups)
        blocking = minimal_blocking(rule, weights, entitled=MEMBERS, groups=groups)
        assert winning.complete
        assert blocking.complete
        assert list(winning.coalitions) == all_minimal(rule, weights, groups, blocking=False)
        assert list(blocking.coalitions) == all_minimal(rule, weights, groups, blocking=True)
        with_c = minimal_winning(rule, weights, entitled=MEMBERS, groups=groups, including=["C"])
        assert list(with_c.coalitions) == [c for c in winning.coalitions if "C" in c]
        both = minimal_blocking(rule, weights, entitled=MEMBERS, groups=groups, including=["C", "A"])
        assert list(both.coalitions) == [c for c in blocking.coalitions if {"A", "C"} <= set(c)]


def test_the_security_council() -> None:
    permanent, elected = [f"P{n}" for n in range(5)], [f"E{n}" for n in range(10)]
    keys = {"entitled": permanent + elected, "groups": {"permanent": permanent}}
    winning = minimal_winning(shipped("unsc_veto"), {}, **keys)
    assert len(winning.coalitions) == 210  # C(10, 4)
    assert winning.complete
    blocking = minimal_blocking(shipped("unsc_veto"), {}, **keys)
    assert blocking.coalitions[:5] == tuple((p,) for p in permanent)
    assert len(blocking.coalitions) == 5 + 120  # C(10, 7) of the elected
    veto = blocks_with(shipped("unsc_veto"), {}, "P3", **keys)
    assert veto.alone
    assert set(veto.smallest_with.values()) == {None}
    seven = blocks_with(shipped("unsc_veto"), {}, "E3", **keys)
    assert not seven.alone
    assert {seven.smallest_with[e] for e in elected if e != "E3"} == {7}
    assert {seven.smallest_with[p] for p in permanent} == {None}


def test_long_lists_are_cut_and_say_so() -> None:
    members = [f"m{k:02}" for k in range(27)]
    found = minimal_winning(shipped("absolute_majority"), {}, entitled=members)
    assert len(found.coalitions) == 1000
    assert not found.complete
    assert {len(c) for c in found.coalitions} == {14}
    exact = minimal_winning(shipped("absolute_majority"), {}, entitled=members[:7], limit=35)
    assert (len(exact.coalitions), exact.complete) == (35, True)  # C(7, 4)
    partners = blocks_with(shipped("absolute_majority"), {}, "m26", entitled=members, limit=5)
    assert set(partners.smallest_with.values()) == {14}
    with pytest.raises(InputError, match="1001 coalitions can't be listed"):
        minimal_winning(shipped("absolute_majority"), {}, entitled=members, limit=1001)
    with pytest.raises(MethodError, match="too many to list"):
        minimal_winning(shipped("absolute_majority"), {}, entitled=[f"m{k}" for k in range(251)])


def test_an_unknown_member_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "BRA"'):
        blocks_with(shipped("simple_majority"), {}, "BRAA", entitled=("BRA", "IND"))


def test_power_before_and_after() -> None:
    """[7; 4, 3, 2, 1]: A and B, or A, C and D: 7/12, 3/12, 1/12, 1/12. Without D, 7 of 9: A and B, always both."""
    weights = {"quota": {"A": 4, "B": 3, "C": 2, "D": 1}}
    keys = {"entitled": ("A", "B", "C", "D")}
    left = change(shipped("imf_70"), weights, leave=["D"], **keys)
    assert [str(v) for v in left.shapley["A"]] == ["7/12", "1/2"]
    assert [str(v) for v in left.shapley["B"]] == ["1/4", "1/2"]
    assert left.shapley["D"][1] is None
    joined = change(shipped("imf_70"), weights, join=["E"], new_weights={"quota": {"E": 90}}, **keys)
    assert joined.shapley["E"] == (None, 1)
    assert joined.shapley["A"][1] == 0
    heavier = change(shipped("imf_70"), weights, new_weights={"quota": {"D": 3}}, **keys)
    assert heavier.after.shapley["D"] == heavier.after.shapley["B"]
    unanimous = change(shipped("imf_70"), weights, new_rule=with_threshold(shipped("imf_70"), "adopt", 1), **keys)
    assert {str(v[1]) for v in unanimous.shapley.values()} == {"1/4"}
    with pytest.raises(InputError, match="E"):
        change(shipped("imf_70"), weights, leave=["E"], **keys)
    with pytest.raises(InputError, match="A has a vote already"):
        change(shipped("imf_70"), weights, join=["A"], **keys)


def test_a_threshold_moves() -> None:
    rule = shipped("eu_double_majority")
    moved = with_threshold(rule, "adopt.any_of.0.all_of.1", "0.7")
    assert moved.to_value()["adopt"]["any_of"][0]["all_of"][1]["at_least"] == "7/10"
    assert moved.to_value()["adopt"]["any_of"][0]["all_of"][0] == rule.to_value()["adopt"]["any_of"][0]["all_of"][0]
    assert moved.hash != rule.hash
    for path, said in [
        ("adopt.any_of.7", "nothing stands at"),
        ("adopt.any_of", "has no threshold"),
        ("x", "nothing stands"),
    ]:
        with pytest.raises(InputError, match=said):
            with_threshold(rule, path, "0.7")
    with pytest.raises(InputError, match="a share is at most 1"):
        with_threshold(rule, "adopt.any_of.0.all_of.1", 7)


def test_votes_that_must_change() -> None:
    keys = {"weights": {}, "entitled": MEMBERS}
    two_thirds = shipped("two_thirds")
    lost = tally(two_thirds, {"A": "yes", "B": "yes", "C": "yes", "D": "no", "E": "no", "F": "no"}, MEMBERS, **keys)
    found = votes_to_change(lost, MEMBERS, {})
    # 3 of 6. With D, E or F 4 of 6 is enough; G alone makes 4 of 7.
    assert found.sets == (("D",), ("E",), ("F",))
    assert (found.choice, found.complete) == ("yes", True)
    adopted = tally(two_thirds, dict.fromkeys(MEMBERS, "yes"), MEMBERS, **keys)
    turned = votes_to_change(adopted, MEMBERS, {})
    assert len(turned.sets) == 35  # any three of seven
    assert {len(s) for s in turned.sets} == {3}
    absent = tally(two_thirds, {"A": "yes"}, ("A",), **keys)
    assert absent.outcome == "adjourned"
    assert all(len(s) == 3 for s in votes_to_change(absent, ("A",), {}).sets)
    objected = tally(shipped("consensus"), {}, MEMBERS, {}, entitled=MEMBERS, objections=["B"])
    assert votes_to_change(objected, MEMBERS, {}).sets == (("B",),)


def test_a_search_that_is_too_long_gives_one_set_that_does() -> None:
    """Of 60 equal members 20 say yes; absolute majority needs 31: any eleven more, too many sets to go through."""
    members = [f"m{k:02}" for k in range(60)]
    rule = Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt: {share: members, of: all, more_than: 1/2}")
    result = tally(rule, dict.fromkeys(members[:20], "yes"), members, {}, entitled=members)
    found = votes_to_change(result, members, {})
    assert not found.complete
    assert [len(s) for s in found.sets] == [11]
    assert not set(found.sets[0]) & set(members[:20])


def test_no_votes_change_it() -> None:
    never = Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt: {count: members, at_least: 9}")
    result = tally(never, {}, MEMBERS, {}, entitled=MEMBERS)
    assert votes_to_change(result, MEMBERS, {}).sets == ()


def test_the_game_of_a_rule_is_what_the_tally_says() -> None:
    rng = random.Random(5)
    for name in (
        "qualified",
        "imf_85",
        "unsc_veto",
        "absolute_majority",
        "two_thirds",
        "negative_consensus",
        "silence",
    ):
        rule = shipped(name)
        weights = {t: {m: rng.randint(1, 99) for m in MEMBERS} for t in rule.weights}
        groups = {"permanent": ("A", "C")}
        if name == "unsc_veto":  # nine of seven can't be
            rule = with_threshold(rule, "adopt.all_of.0", 5)
        game = game_of(rule, weights, entitled=MEMBERS, groups=groups)
        for mask in range(1 << 7):
            ballots = {m: "yes" if mask >> i & 1 else "no" for i, m in enumerate(MEMBERS)}
            result = tally(rule, ballots, MEMBERS, weights, entitled=MEMBERS, groups=groups)
            assert game.winning(mask) == (result.outcome == "adopted"), (name, mask)
