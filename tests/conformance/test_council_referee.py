"""Every shipped rule and random rule trees against an independent referee (`tests/council_referee.py`).

Here in short form; 10,000 ballots for each rule and 100,000 trees: `python benchmarks/council_decide.py referee`.
"""

import random

import pytest

from concordat.council.decide.rules import FOLDER, Rule, shipped, shipped_names
from council_referee import check, random_rule, random_vote

BALLOTS, TREES = 400, 2000


@pytest.mark.parametrize("name", [name for name in shipped_names() if name != "election"])
def test_a_shipped_rule_agrees_with_the_referee(name: str) -> None:
    rng = random.Random(name)
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    rule = shipped(name)
    outcomes = {check(text, random_vote(rng, rule), rule) for _ in range(BALLOTS)}
    assert {"adopted", "not_adopted"} <= outcomes
    if rule.quorum:
        assert "adjourned" in outcomes
    if rule.tie == "chair_decides":
        assert "tie_to_chair" in outcomes


def test_random_trees_agree_with_the_referee() -> None:
    rng = random.Random("trees")
    outcomes = []
    for _ in range(TREES):
        text = random_rule(rng)
        rule = Rule.load(text)
        outcomes.append(check(text, random_vote(rng, rule), rule))
        assert Rule.of(rule.to_value()).hash == rule.hash
    assert min(outcomes.count(o) for o in ("adopted", "not_adopted", "adjourned", "tie_to_chair")) > TREES / 400
