"""Counting votes: bases, states of a member, quorum, ties, consensus; numbers by hand from the specification."""

from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council.decide.rules import Rule, shipped
from concordat.council.decide.tally import tally
from concordat.errors import InputError, MethodError

TEN = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
ABC = ("A", "B", "C", "D")


def rule(adopt: str, more: str = "", method: str = "vote") -> Rule:
    return Rule.load(f"rule: r\nversion: 1\nmethod: {method}\nadopt: {adopt}\n{more}")


def test_the_line_of_the_specification() -> None:
    """Section 10: 7 yes, 2 no, 1 abstain; population 0.71 of all."""
    ballots = dict.fromkeys(TEN, "yes") | {"ARE": "no", "BRA": "no", "CHN": "abstain"}
    population = dict.fromkeys(TEN, 10) | {"ARE": 9, "BRA": 10, "CHN": 10, "ZAF": 11}
    result = tally(shipped("qualified"), ballots, TEN, {"population": population}, entitled=TEN)
    assert result.text == (
        "7 yes, 2 no, 1 abstain. Quorum 10 of 10. Members 7/10 >= 55/100: met. Population 0.71 >= 0.65: met. ADOPTED"
    )
    assert result.outcome == "adopted"
    leaf = result.verdicts[2]
    assert (leaf.path, leaf.base, leaf.numerator, leaf.denominator) == ("adopt.any_of.0.all_of.0", 10, 7, 10)
    value = result.to_value()
    assert value["nodes"][2]["share"] == "7/10"
    assert value["nodes"][2]["node"]["at_least"] == "11/20"
    assert value["rule"]["hash"] == shipped("qualified").hash
    assert canonical.digest(value) == result.hash


def test_the_states_of_a_member_and_the_bases_they_are_in() -> None:
    """A yes, B abstains, C present but not voting, D recorded present but not participating, E absent."""
    who = ("A", "B", "C", "D", "E")
    ballots = {"A": "yes", "B": "abstain", "C": "present_not_voting", "D": "not_participating"}
    for of, counted, base in [
        ("all", "not_counted", 5),
        ("present", "not_counted", 4),
        ("voting", "not_counted", 1),
        ("voting", "counted", 2),
    ]:
        result = tally(
            rule(f"{{share: members, of: {of}, at_least: 1/{base}}}", f"abstain: {counted}\n"),
            ballots,
            {"D"},
            {},
            entitled=who,
        )
        assert (result.verdicts[0].base, result.outcome) == (base, "adopted"), of
    assert result.counts == {
        "yes": 1, "no": 0, "abstain": 1, "present_not_voting": 1, "not_participating": 1, "absent": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "of", "count"),
    [("yes", "all", 1), ("no", "all", 1), ("abstain", "all", 1), ("not_yes", "all", 3), ("not_no", "all", 3),
     ("not_yes", "present", 2), ("not_yes", "voting", 1), ("abstain", "voting", 0)],
)  # fmt: skip
def test_choices(choice: str, of: str, count: int) -> None:
    """One yes, one no, one abstention, one absent."""
    ballots = {"A": "yes", "B": "no", "C": "abstain"}
    found = tally(rule(f"{{count: members, choice: {choice}, of: {of}, at_least: 0}}"), ballots, (), {}, entitled=ABC)
    assert found.verdicts[0].numerator == count


def test_an_empty_base_is_not_adopted_even_under_none_of() -> None:
    result = tally(shipped("negative_consensus"), {}, (), {}, entitled=ABC)
    assert result.outcome == "not_adopted"
    assert [v.met for v in result.verdicts] == [None, None]
    assert tally(shipped("negative_consensus"), {}, {"A"}, {}, entitled=ABC).outcome == "adopted"
    assert tally(shipped("negative_consensus"), dict.fromkeys(ABC, "no"), (), {}, entitled=ABC).outcome == "not_adopted"
    nothing = {"w": dict.fromkeys(ABC, 0)}
    assert tally(rule("{share: w, at_least: 0}"), {"A": "yes"}, (), nothing, entitled=ABC).outcome == "not_adopted"


def test_an_open_condition_does_not_stop_one_that_is_met() -> None:
    either = rule("{any_of: [{share: members, of: voting, at_least: 1/2}, {count: members, of: all, at_least: 0}]}")
    assert tally(either, {}, (), {}, entitled=ABC).outcome == "adopted"


def test_security_council() -> None:
    """Nine of fifteen and no permanent member against; to abstain is no veto."""
    members = [f"P{n}" for n in range(5)] + [f"E{n}" for n in range(10)]
    groups = {"permanent": members[:5]}
    nine = dict.fromkeys(members[:9], "yes")
    unsc = shipped("unsc_veto")

    def outcome(ballots: dict[str, str]) -> str:
        return tally(unsc, ballots, members, {}, entitled=members, groups=groups).outcome

    assert outcome(nine) == "adopted"
    assert outcome(dict.fromkeys(members[:8], "yes")) == "not_adopted"
    assert outcome(dict.fromkeys(members, "yes") | {"P0": "no"}) == "not_adopted"
    assert outcome(dict.fromkeys(members, "yes") | {"P0": "abstain", "P1": "not_participating"}) == "adopted"
    assert outcome(dict.fromkeys(members, "no") | dict.fromkeys(members[5:14], "yes")) == "not_adopted"


def test_a_tie_goes_to_the_chair() -> None:
    ballots = {"A": "yes", "B": "no", "C": "abstain"}
    simple = shipped("simple_majority")
    open_ = tally(simple, ballots, ABC, {}, entitled=ABC, chair="D")
    assert (open_.outcome, open_.tie) == ("tie_to_chair", True)
    assert "Tie: the chair (D) has not decided. TIE, TO THE CHAIR" in open_.text
    yes = tally(simple, ballots, ABC, {}, entitled=ABC, chair="D", chair_choice="yes")
    assert yes.outcome == "adopted"
    assert yes.to_value()["chair"] == {"member": "D", "choice": "yes"}
    assert tally(simple, ballots, ABC, {}, entitled=ABC, chair="D", chair_choice="no").outcome == "not_adopted"
    with pytest.raises(InputError, match="chair's choice"):
        tally(simple, ballots, ABC, {}, entitled=ABC, chair="D", chair_choice="abstain")


def test_what_is_not_a_tie() -> None:
    chair = "tie: chair_decides\n"
    third = rule("{share: members, of: voting, at_least: 2/3}", chair)
    assert tally(third, {"A": "yes", "B": "no"}, ABC, {}, entitled=ABC).outcome == "not_adopted"
    absolute = rule("{share: members, of: all, more_than: 1/2}", chair)
    assert tally(absolute, {"A": "yes", "B": "yes", "C": "no"}, ABC, {}, entitled=ABC).outcome == "not_adopted"
    level = {"A": "yes", "B": "yes", "C": "no", "D": "no"}
    assert tally(absolute, level, ABC, {}, entitled=ABC).outcome == "tie_to_chair"
    assert tally(absolute, {}, ABC, {}, entitled=ABC, chair_choice="yes").outcome == "not_adopted"
    plain = rule("{share: members, of: all, more_than: 1/2}")
    result = tally(plain, level, ABC, {}, entitled=ABC, chair_choice="yes")
    assert (result.outcome, result.tie) == ("not_adopted", True)


def test_a_lost_quorum_adjourns_and_names_the_missing() -> None:
    result = tally(shipped("two_thirds"), {"BRA": "yes"}, ("BRA", "IND"), {}, entitled=TEN)
    assert result.outcome == "adjourned"
    assert result.missing == ("ARE", "CHN", "EGY", "ETH", "IDN", "IRN", "RUS", "ZAF")
    assert result.text == (
        "1 yes, 0 no, 9 absent. Quorum 2 of 10: lost. Missing: ARE, CHN, EGY, ETH, IDN, IRN, RUS, ZAF. ADJOURNED"
    )
    found = tally(shipped("unsc_veto"), {}, ABC, {}, entitled=ABC, groups={"permanent": ()}, quorum_lost=True)
    assert found.outcome == "adjourned"


def test_a_quorum_at_opening_or_by_weight_or_group() -> None:
    opening = rule(
        "{share: members, of: voting, more_than: 1/2}", "quorum: {count: members, at_least: 3, counted: at_opening}\n"
    )
    when = {"at_opening": ("A", "B", "C"), "at_vote": ("A",)}
    assert tally(opening, {"A": "yes"}, when, {}, entitled=ABC).outcome == "adopted"
    assert tally(opening, dict.fromkeys(ABC, "yes"), {"at_vote": ABC}, {}, entitled=ABC).outcome == "adjourned"
    weight = rule("{share: members, of: voting, more_than: 1/2}", "quorum: {share: w, at_least: 3/4}\n")
    table = {"w": {"A": 75, "B": 10, "C": 10, "D": 5}}
    assert tally(weight, {"A": "yes"}, (), table, entitled=ABC).outcome == "adopted"
    lost = tally(weight, {"B": "yes", "C": "yes", "D": "yes"}, (), table, entitled=ABC)
    assert (lost.outcome, lost.missing) == ("adjourned", ("A",))
    assert "Quorum w 25 of 100: lost." in lost.text
    group = rule("{share: members, of: voting, more_than: 1/2}", "quorum: {share: members, of: g, at_least: 1/2}\n")
    assert tally(group, {"C": "yes"}, (), {}, entitled=ABC, groups={"g": ("A", "B", "X")}).missing == ("A", "B")


def test_consensus() -> None:
    consensus = shipped("consensus")
    assert tally(consensus, {}, ABC, {}, entitled=ABC).outcome == "adopted"
    assert tally(consensus, {"A": "abstain"}, ABC, {}, entitled=ABC).outcome == "adopted"
    objected = tally(consensus, {}, ABC, {}, entitled=ABC, objections=["B"])
    assert (objected.outcome, objected.objections) == ("not_adopted", ("B",))
    assert "Objections by B: not met." in objected.text
    assert tally(consensus, {"A": "no"}, ABC, {}, entitled=ABC).outcome == "not_adopted"
    away = tally(consensus, {}, ("A", "B", "C"), {}, entitled=ABC, objections=["D", "X"])
    assert away.outcome == "adopted"
    assert away.not_counted == {"D": "objection: not present", "X": "objection: has no vote"}


def test_silence_needs_no_meeting() -> None:
    silence = shipped("silence")
    assert tally(silence, {}, (), {}, entitled=ABC).outcome == "adopted"
    assert tally(silence, {}, (), {}, entitled=ABC, objections=["D"]).outcome == "not_adopted"
    some = Rule.load("rule: s\nversion: 1\nmethod: silence\nhours: 24\ndeadline_zone: UTC\nwho_may_break: g\n")
    assert tally(some, {}, (), {}, entitled=ABC, objections=["D"], groups={"g": ["A"]}).outcome == "adopted"
    assert tally(some, {}, (), {}, entitled=ABC, objections=["A"], groups={"g": ["A"]}).outcome == "not_adopted"


def test_a_vote_by_proxy_is_present_and_names_its_caster() -> None:
    ballots = {"A": "yes", "B": {"choice": "yes", "cast_by": "A"}, "C": {"choice": "no"}}
    result = tally(shipped("simple_majority"), ballots, {"A"}, {}, entitled=ABC)
    assert result.cast_by == {"B": "A"}
    assert result.present == ("A", "B", "C")


def test_a_ballot_without_a_vote_is_kept_and_not_counted() -> None:
    result = tally(shipped("simple_majority"), {"A": "yes", "B": "yes", "X": "no"}, ABC, {}, entitled=ABC)
    assert result.counts["no"] == 0
    assert result.not_counted == {"X": "ballot: has no vote"}


def test_the_order_of_what_comes_in_does_not_matter() -> None:
    ballots = dict.fromkeys(TEN, "yes") | {"ARE": "no"}
    population = {"population": {m: n + 1 for n, m in enumerate(TEN)}}
    back = {"population": dict(reversed(population["population"].items()))}
    one = tally(shipped("qualified"), ballots, TEN, population, entitled=TEN)
    two = tally(shipped("qualified"), dict(reversed(ballots.items())), set(TEN), back, entitled=TEN[::-1])
    assert one.hash == two.hash


def test_shares_are_said_with_as_many_digits_as_it_takes() -> None:
    table = {"population": {"A": 6_499_999, "B": 3_500_001}}
    result = tally(rule("{share: population, at_least: 0.65}"), {"A": "yes"}, (), table, entitled=("A", "B"))
    assert "Population 0.6499999 >= 0.65: not met." in result.text
    assert result.verdicts[0].denominator == 10_000_000
    huge = {"population": {"A": 10**40, "B": 1}}
    big = tally(rule("{share: population, less_than: 1}"), {"A": "yes"}, (), huge, entitled=("A", "B"))
    assert big.outcome == "adopted"
    assert big.to_value()["nodes"][0]["numerator"] == "1" + "0" * 40
    assert Fraction(big.to_value()["nodes"][0]["share"]) == Fraction(10**40, 10**40 + 1)
    assert big.hash


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": {}}, 'the rule "r" needs the weights "w".'),
        ({"weights": {"ww": {}}}, 'Did you mean "ww"?'),
        ({"weights": {"w": {"A": 1}}}, "weights w: no weight for B, C, D. The vote can't open"),
        ({"weights": {"w": {"A": 1.0, "B": 1, "C": 1, "D": 1}}}, "the weight of A is 1.0."),
        ({"weights": {"w": {"A": True, "B": 1, "C": 1, "D": 1}}}, "the weight of A is True."),
        ({"weights": {"w": {"A": -1, "B": 1, "C": 1, "D": 1}}}, "the weight of A is -1."),
        ({"groups": {}}, 'the rule "r" names the group "g", which is missing.'),
        ({"groups": {"gg": ()}}, 'Did you mean "gg"?'),
        ({"ballots": {"A": "yea"}}, "ballot of A"),
        ({"ballots": {"A": None}}, "ballot of A"),
        ({"ballots": {"A": {"choise": "yes"}}}, "ballot of A"),
        ({"attendance": {"at_close": ()}}, '"at_close" is not a key I know here.'),
        ({"entitled": ()}, "nobody is entitled to vote."),
        ({"entitled": ("A", "A")}, '"A" stands twice.'),
        ({"entitled": "ABC"}, "the entitled must be a list"),
        ({"ballots": {1: "yes", "A": "no"}}, "ballots: 1 is not a member."),
        ({"ballots": {"A": {"choice": "yes", "cast_by": 7}}}, "ballot of A, cast_by: 7 is not a member."),
        ({"objections": [1]}, "objections: 1 is not a member."),
        ({"attendance": "A"}, "attendance must be a list of members."),
        ({"objections": "A"}, "objections must be a list of members."),
        ({"entitled": (1,)}, "1 is not a member."),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: dict, said: str) -> None:
    given = {
        "ballots": {"A": "yes"},
        "attendance": ABC,
        "weights": {"w": dict.fromkeys(ABC, 1)},
        "entitled": ABC,
        "groups": {"g": ("A",)},
    } | arguments
    with pytest.raises(InputError) as caught:
        tally(rule("{all_of: [{share: w, at_least: 1/2}, {against: g}]}"), **given)
    assert said in str(caught.value)


def test_an_election_is_not_counted_here() -> None:
    with pytest.raises(MethodError, match="elects"):
        tally(shipped("election"), {}, (), {}, entitled=ABC)
