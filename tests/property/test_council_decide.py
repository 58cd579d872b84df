"""Laws of decisions: a yes never harms under a monotone rule, order never matters, power adds up."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat import canonical
from concordat.council.decide.power import power
from concordat.council.decide.rules import Rule, shipped, shipped_names
from concordat.council.decide.silence import start
from concordat.council.decide.tally import Result, tally
from concordat.council.decide.tree import Against, Join, Leaf, NobodyObjects, Node
from concordat.council.decide.whatif import minimal_blocking, minimal_winning
from concordat.errors import MethodError
from council_referee import Vote, random_rule, random_vote

SEEDS = st.integers(0, 2**32)
VOTED = [name for name in shipped_names() if name != "election"]


def counted(rule: Rule, vote: Vote, ballots: dict[str, str] | None = None) -> Result:
    return tally(
        rule,
        vote.ballots if ballots is None else ballots,
        {"at_opening": vote.opening, "at_vote": vote.at_vote},
        vote.weights,
        entitled=vote.members,
        groups=vote.groups,
        objections=vote.objections,
        chair_choice=vote.chair_choice,
    )


def grows(node: Node, good: bool = True) -> bool:
    """Whether a yes in place of anything else can only help, whatever else is said: read off the tree."""
    if isinstance(node, Join):
        return all(grows(part, good != (node.kind == "none_of")) for part in node.parts)
    if isinstance(node, (Against, NobodyObjects)):
        return good == isinstance(node, NobodyObjects)
    assert isinstance(node, Leaf)
    up = node.comparison in ("at_least", "more_than")
    if node.of not in ("all", "voting") and node.share:
        return False  # who comes only to vote enlarges the base
    if node.of == "voting" and node.choice != "yes":
        return False
    if node.of == "present":
        return False
    return (up == (node.choice in ("yes", "not_no"))) == good and node.choice != "abstain"


@settings(max_examples=150)
@given(SEEDS, st.sampled_from(VOTED))
def test_one_more_yes_never_turns_adopted_into_rejected(seed: int, name: str) -> None:
    rule = shipped(name)
    vote = random_vote(random.Random(seed), rule)
    before = counted(rule, vote)
    if before.outcome != "adopted":
        return
    for member in sorted(set(vote.members) - set(vote.objections)):  # who comes to vote brings an objection along
        assert counted(rule, vote, {**vote.ballots, member: "yes"}).outcome == "adopted", (name, member)


@settings(max_examples=300)
@given(SEEDS)
def test_one_more_yes_never_harms_under_a_random_rule_that_grows(seed: int) -> None:
    rng = random.Random(seed)
    rule = Rule.load(random_rule(rng))
    vote = random_vote(rng, rule)
    vote.chair_choice = "yes"
    assert rule.tree is not None
    if not grows(rule.tree) or rule.tie == "chair_decides" or counted(rule, vote).outcome != "adopted":
        return
    for member in sorted(set(vote.members) - set(vote.objections)):  # who comes to vote brings an objection along
        assert counted(rule, vote, {**vote.ballots, member: "yes"}).outcome == "adopted"


@settings(max_examples=100)
@given(SEEDS)
def test_the_order_of_what_comes_in_never_matters(seed: int) -> None:
    rng = random.Random(seed)
    rule = Rule.load(random_rule(rng))
    vote = random_vote(rng, rule)
    one = counted(rule, vote)
    mixed = Vote(
        members=rng.sample(vote.members, len(vote.members)),
        ballots=dict(rng.sample(sorted(vote.ballots.items()), len(vote.ballots))),
        opening=vote.opening[::-1],
        at_vote=vote.at_vote[::-1],
        weights={t: dict(reversed(rows.items())) for t, rows in reversed(vote.weights.items())},
        groups={g: list(reversed(m)) for g, m in vote.groups.items()},
        objections=vote.objections[::-1],
        chair_choice=vote.chair_choice,
    )
    two = counted(rule, mixed)
    assert canonical.dumps(one.to_value()) == canonical.dumps(two.to_value())
    assert one.hash == two.hash


@settings(max_examples=100)
@given(SEEDS)
def test_a_rule_reads_back_from_its_value(seed: int) -> None:
    rule = Rule.load(random_rule(random.Random(seed)))
    assert Rule.of(canonical.loads(canonical.dumps(rule.to_value()))) == rule


@settings(max_examples=60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=9), st.integers(1, 99), st.integers(0, 9))
def test_power_adds_up_and_follows_the_weights(weights: list[int], percent: int, least: int) -> None:
    table = {"w": {f"m{k}": w for k, w in enumerate(weights)}}
    text = f"{{all_of: [{{share: w, more_than: 0.{percent:02}}}, {{count: members, at_least: {least}}}]}}"
    rule = Rule.load(f"rule: r\nversion: 1\nmethod: vote\nadopt: {text}")
    try:
        found = power(rule, table)
    except MethodError as error:
        assert error.code == "no_power"  # noqa: PT017
        return
    assert sum(found.shapley.values()) == 1
    assert sum(found.banzhaf_share.values()) == 1
    order = sorted(found.members, key=lambda m: table["w"][m])
    for light, heavy in pairwise(order):
        assert found.shapley[light] <= found.shapley[heavy]
        assert found.banzhaf[light] <= found.banzhaf[heavy]
    # Coleman: both of his powers of a member stand in the ratio of losing to winning; Banzhaf is their harmonic mean.
    for member in found.members:
        if found.banzhaf[member]:
            assert 2 / (1 / found.prevent[member] + 1 / found.initiate[member]) == found.banzhaf[member]
            assert any(member in c for c in minimal_winning(rule, table).coalitions)
            assert any(member in c for c in minimal_blocking(rule, table).coalitions)


@settings(max_examples=100)
@given(
    st.permutations([("objection", "IND", 10), ("amendment", "ZAF", 90_000), ("extension", "BRA", 20, 48)]), st.data()
)
def test_silence_is_the_same_in_any_order(acts: list[tuple[object, ...]], data: st.DataObject) -> None:
    now = data.draw(st.integers(0, 400_000))
    taken = data.draw(st.integers(0, 3))
    silence = start(shipped("silence"), 0, hours=24)
    one = two = silence
    for kind, *rest in acts[:taken]:
        one = getattr(one, str(kind))(*rest)
    for kind, *rest in sorted(acts[:taken], key=str):
        two = getattr(two, str(kind))(*rest)
    assert one.state(now, merge_delay=3600) == two.state(now, merge_delay=3600)
