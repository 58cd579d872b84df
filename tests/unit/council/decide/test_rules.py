"""Rules as files: what is read, what is refused, and what their hash stands for."""

from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council.decide.rules import KEYS, Hours, Rule, by_name, shipped, shipped_names
from concordat.council.decide.tree import Against, Join, Leaf, NobodyObjects
from concordat.errors import InputError

# The example of the specification, section 4, word for word.
QUALIFIED = """\
# rules/qualified.yaml      unknown keys are errors; scalars are read as text: 0.55 = 55/100 exactly, never a float
rule: qualified
version: 3
method: vote                # vote | consensus | silence | election
quorum: {share: members, of: all, at_least: 1/2, counted: at_vote}      # or at_opening; share: <weight> also
abstain: not_counted        # counted -> an abstention is in the base `voting`
adopt:
  any_of:
    - all_of:
        - {share: members, of: all, at_least: 0.55}
        - {share: population, of: all, at_least: 0.65}
    - {count: members, choice: not_yes, of: all, at_most: 3}            # a blocking minority needs four
tie: not_adopted            # or chair_decides
vote_change: until_close
proxy: 1                    # at most one per member, signed by both, 0 = none
challenge_hours: 48
"""
ADOPT = "adopt: {share: members, of: voting, more_than: 1/2}"
PLAIN = f"rule: r\nversion: 1\nmethod: vote\n{ADOPT}\n"
SILENCE = "rule: s\nversion: 1\nmethod: silence\n"
ELECTION = "rule: e\nversion: 1\nmethod: election\n"


def test_the_example_of_the_specification() -> None:
    rule = Rule.load(QUALIFIED)
    assert (rule.name, rule.version, rule.method, rule.tie) == ("qualified", 3, "vote", "not_adopted")
    assert (rule.vote_change, rule.proxy, rule.challenge_hours, rule.abstain_counted) == ("until_close", 1, 48, False)
    assert rule.weights == ("population",)
    assert rule.groups == ()
    both = Join(
        "all_of",
        (
            Leaf(True, "members", "yes", "all", "at_least", Fraction(11, 20)),
            Leaf(True, "population", "yes", "all", "at_least", Fraction(13, 20)),
        ),
    )
    block = Leaf(False, "members", "not_yes", "all", "at_most", Fraction(3))
    assert rule.tree == Join("any_of", (both, block))
    assert rule.quorum is not None
    assert rule.quorum.threshold == Fraction(1, 2)


def test_a_share_is_exact_and_never_a_float() -> None:
    tree = Rule.load(PLAIN.replace("1/2", "0.1000000000000000000001")).tree
    assert isinstance(tree, Leaf)
    assert tree.threshold == Fraction(1000000000000000000001, 10**22)


def test_two_spellings_of_one_rule_have_one_hash() -> None:
    one = Rule.load(PLAIN.replace("1/2", "0.55"))
    two = Rule.load(PLAIN.replace("1/2", "11/20").replace("voting", '"voting"') + "tie: not_adopted\nproxy: 0\n")
    assert one.hash == two.hash == canonical.digest(one.to_value())
    assert one.hash != Rule.load(PLAIN.replace("1/2", "0.56")).hash
    assert one.hash != Rule.load(PLAIN.replace("1/2", "0.55") + "note: other\n").hash


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_rule_reads_back_from_its_value(name: str) -> None:
    rule = shipped(name)
    assert rule.name == name
    assert Rule.of(rule.to_value()) == rule
    assert Rule.of(canonical.loads(canonical.dumps(rule.to_value()))).hash == rule.hash
    assert rule.note


def test_every_row_of_the_table_of_the_specification_is_shipped() -> None:
    assert set(shipped_names()) >= {
        "consensus", "negative_consensus", "silence", "simple_majority", "absolute_majority", "two_thirds",
        "three_quarters", "eu_double_majority", "eu_72", "imf_70", "imf_85", "unsc_veto", "unga_simple",
        "unga_important", "election", "qualified", "amend_rules",
    }  # fmt: skip
    told = {
        "consensus",
        "eu_double_majority",
        "eu_72",
        "imf_70",
        "imf_85",
        "unsc_veto",
        "unga_simple",
        "unga_important",
    }
    assert all(shipped(name).verified is False for name in told)


def test_leaves_and_joins() -> None:
    tree = """\
  at_least_of:
    n: 2
    of:
      - {against: permanent}
      - {against: africa, at_least: 3}
      - none_of: [{nobody: objects}]
      - {count: quota, choice: not_no, of: africa, less_than: 7}
"""
    rule = Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt:\n" + tree)
    assert rule.tree == Join(
        "at_least_of",
        (
            Against("permanent", 1),
            Against("africa", 3),
            Join("none_of", (NobodyObjects(),)),
            Leaf(False, "quota", "not_no", "africa", "less_than", Fraction(7)),
        ),
        2,
    )
    assert rule.groups == ("africa", "permanent")
    assert rule.weights == ("quota",)
    assert Rule.of(rule.to_value()) == rule


def test_silence_and_election_and_consensus_have_their_keys() -> None:
    silence = shipped("silence")
    assert silence.silence is not None
    assert silence.silence.hours == Hours(24, 72)
    assert 24 in silence.silence.hours
    assert 73 not in silence.silence.hours
    assert (silence.silence.extend_times, silence.silence.extend_by) == (1, "chair")
    assert silence.tree == NobodyObjects()
    election = Rule.load(ELECTION + "system: stv\nseats: 3\nquotas: {africa: 1}\n")
    assert election.election is not None
    assert (election.election.system, election.election.seats) == ("stv", 3)
    assert election.election.quotas == (("africa", 1),)
    assert election.tree is None
    assert shipped("consensus").objection_hours == Hours(0, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + "quorom: {share: members, of: all, at_least: 1/2}\n",
         'line 5: "quorom" is not a key I know here. Did you mean "quorum"?'),
        (PLAIN.replace("share", "shares"), 'line 4: "shares" is not a key I know here. Did you mean "share"?'),
        (PLAIN.replace("more_than", "morethan"),
         'line 4: "morethan" is not a key I know here. Did you mean "more_than"?'),
        (PLAIN.replace("more_than: 1/2", "choice: yess, more_than: 1/2"), 'Did you mean "yes"?'),
        (PLAIN.replace("vote", "votes", 1), 'method can\'t be "votes". Did you mean "vote"?'),
        (PLAIN.replace("1/2", "55%"), 'more_than can\'t be "55%". Write 3, 0.55 or 2/3.'),
        (PLAIN.replace("1/2", "55"), "a share is at most 1, not 55. Write 55 % as 0.55."),
        (PLAIN.replace("1/2", "1/0"), 'more_than can\'t be "1/0".'),
        (PLAIN.replace("1/2", "-0.5"), 'more_than can\'t be "-0.5".'),
        (PLAIN.replace("1/2", "nan"), 'more_than can\'t be "nan".'),
        (PLAIN.replace("1/2", "1e-3"), 'more_than can\'t be "1e-3".'),
        (PLAIN.replace("1/2", "0." + "1" * 50), "more_than can't be"),
        (PLAIN.replace("1/2", "٣"), 'more_than can\'t be "٣".'),
        (PLAIN.replace("share: members", "count: members"), "a count is a whole number, not 1/2."),
        (PLAIN.replace("more_than: 1/2", "more_than: 1/2, at_most: 1"), "has 2 thresholds"),
        (PLAIN.replace(", more_than: 1/2", ""), "the condition has no threshold."),
        (PLAIN.replace("share: members", "share: members, count: members"), "share and count stand in one condition."),
        (PLAIN.replace("of: voting", "of: Africa"), '"Africa" is not a name.'),
        (PLAIN.replace(ADOPT, "adopt: {all_of: []}"), "all_of needs conditions."),
        (PLAIN.replace(ADOPT, ""), 'the key "adopt" is missing.'),
        (PLAIN.replace(ADOPT, "adopt: yes"), "a condition must be a mapping."),
        (PLAIN.replace(ADOPT, "adopt: {at_least_of: {n: 3, of: [{nobody: objects}]}}"),
         "3 of 1 conditions can't be met."),
        (PLAIN.replace(ADOPT, "adopt: {nobody: object}"), 'Did you mean "objects"?'),
        (PLAIN.replace(ADOPT, "adopt: {against: all}"), "against names a group"),
        (PLAIN.replace("version: 1", "version: 0"), "version must be a whole number from 1"),
        (PLAIN.replace("version: 1", "version: true"), "version can't be"),
        (PLAIN.replace("version: 1\n", ""), 'the key "version" is missing.'),
        (PLAIN + "hours: 24\n", '"hours" belongs to method silence, not to vote.'),
        (PLAIN + "rule: s\n", 'the key "rule" stands twice.'),
        (PLAIN + "quorum: {share: members, of: present, at_least: 1/2}\n", "a quorum of: present is always met."),
        (PLAIN + "quorum: {share: members, count: members, at_least: 1/2}\n", "a quorum is one share or one count."),
        (PLAIN + "quorum: {share: members, at_least: 1/2, counted: at_close}\n", 'counted can\'t be "at_close".'),
        (PLAIN + "verified: maybe\n", "verified must be true or false."),
        (PLAIN + "note: [a]\n", "note must be text."),
        ("schema: concordat/rule@2\n" + PLAIN, 'Did you mean "concordat/rule@1"?'),
        ("- a\n", "holds no keys."),
        ("", "holds no keys."),
        (SILENCE + "hours: 72..24\ndeadline_zone: UTC\n", "hours must run upwards"),
        (SILENCE + "hours: 24\ndeadline_zone: Asia/Shanghia\n", 'Did you mean "Asia/Shanghai"?'),
        (SILENCE + "hours: 0..\ndeadline_zone: UTC\n", "hours must run upwards from 1"),
        (ELECTION + "system: svt\nseats: 3\n", 'Did you mean "stv"?'),
        (ELECTION + "system: stv\nseats: 3\nquotas: {africa: 4}\n", "africa must be a whole number from 1 to 3"),
    ],
)  # fmt: skip
def test_what_a_rule_may_not_hold(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Rule.load(text)
    assert said in str(caught.value)
    assert "rule.yaml" in str(caught.value)


def test_depth_and_size_are_bounded() -> None:
    deep = "{nobody: objects}"
    for _ in range(8):
        deep = f"{{all_of: [{deep}]}}"
    with pytest.raises(InputError, match="nested deeper than 8 levels"):
        Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt: " + deep)
    wide = "{any_of: [" + ", ".join(["{nobody: objects}"] * 1000) + "]}"
    with pytest.raises(InputError, match="1,001 conditions; at most 1,000"):
        Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt: " + wide)
    deepest = "{nobody: objects}"
    for _ in range(7):
        deepest = f"{{at_least_of: {{n: 1, of: [{deepest}]}}}}"
    assert Rule.load("rule: r\nversion: 1\nmethod: vote\nadopt: " + deepest).hash


@pytest.mark.parametrize(
    "value", [None, [1], "x", {1: 2}, {"rule": "r", "version": 1, "method": "vote", "adopt": {1: 2}}]
)
def test_a_value_that_is_no_rule(value: object) -> None:
    with pytest.raises(InputError):
        Rule.of(value)  # type: ignore[arg-type]


def test_a_float_in_a_value_is_refused() -> None:
    value = shipped("two_thirds").to_value() | {"adopt": {"share": "members", "of": "voting", "at_least": 0.66}}
    with pytest.raises(InputError, match="at_least can't be"):
        Rule.of(value)


def test_a_note_that_is_not_composed_is_refused() -> None:
    with pytest.raises(InputError, match="NFC"):
        Rule.load(PLAIN + "note: Sa\u0303o\n")


def test_an_unknown_shipped_rule_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "two_thirds"'):
        shipped("two_third")


def test_two_rules_of_one_name_are_refused_with_both_hashes() -> None:
    one, two = Rule.load(PLAIN), Rule.load(PLAIN.replace("1/2", "2/3"))
    assert by_name([one, one, shipped("silence")]) == {"r": one, "silence": shipped("silence")}
    with pytest.raises(InputError) as caught:
        by_name([one, two])
    assert one.hash in str(caught.value)
    assert two.hash in str(caught.value)


def test_each_key_belongs_to_a_method() -> None:
    assert set(KEYS) == {"vote", "consensus", "silence", "election"}
