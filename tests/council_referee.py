"""A second opinion on every vote: a referee written from the text of the rule language, sharing no code with `tally`.

It reads the rule's YAML with PyYAML's base loader (all scalars text), lists members one by one, and counts with
`Fraction`. What has an empty base it sets against adoption, wherever it stands (`tally` carries a third value upwards
instead). `random_rule`, `random_vote` make cases; `check` compares outcome, counts and every leaf's numbers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import yaml

from concordat.council.decide.rules import Rule
from concordat.council.decide.tally import tally

CHOICES = ("yes", "no", "abstain", "present_not_voting", "not_participating", "absent")
STRICT = ("more_than", "less_than")


@dataclass
class Vote:
    """All that a vote is decided on."""

    members: list[str]
    ballots: dict[str, str]
    opening: list[str]
    at_vote: list[str]
    weights: dict[str, dict[str, int]]
    groups: dict[str, list[str]]
    objections: list[str] = field(default_factory=list)
    chair_choice: str | None = None


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


# --- The referee ----------------------------------------------------------------------------------------------------


class Referee:
    """One rule's text and one vote."""

    def __init__(self, text: str, vote: Vote) -> None:
        self.rule = _parsed(text)
        self.vote = vote
        self.leaves: list[tuple[int, int]] = []
        self.silent = self.rule["method"] == "silence"

    def says(self, member: str) -> str:
        return self.vote.ballots.get(member, "absent")

    def is_present(self, member: str) -> bool:
        if self.silent or member in self.vote.at_vote:
            return True
        return self.says(member) not in ("not_participating", "absent")

    def in_base(self, member: str, of: str) -> bool:
        if of == "all":
            return True
        if of == "present":
            return self.is_present(member)
        if of == "voting":
            return self.says(member) in (["yes", "no", "abstain"] if self.counts_abstentions() else ["yes", "no"])
        return member in self.vote.groups[of]

    def counts_abstentions(self) -> bool:
        return self.rule.get("abstain", "not_counted") == "counted"

    def weigh(self, member: str, measure: str) -> int:
        return 1 if measure == "members" else self.vote.weights[measure][member]

    def chose(self, member: str, choice: str) -> bool:
        said = self.says(member)
        return {"not_yes": said != "yes", "not_no": said != "no"}.get(choice, said == choice)

    def objects(self, member: str) -> bool:
        return self.is_present(member) and (member in self.vote.objections or self.says(member) == "no")

    def holds(self, node: Mapping[str, Any], *, good: bool, ties: bool) -> bool:
        """Whether a node holds; what is open counts against adoption (`good`: to hold helps adoption)."""
        if "all_of" in node:
            return min([self.holds(p, good=good, ties=ties) for p in node["all_of"]])
        if "any_of" in node:
            return max([self.holds(p, good=good, ties=ties) for p in node["any_of"]])
        if "none_of" in node:
            return not max([self.holds(p, good=not good, ties=ties) for p in node["none_of"]])
        if "at_least_of" in node:
            parts = [self.holds(p, good=good, ties=ties) for p in node["at_least_of"]["of"]]
            return sum(parts) >= int(node["at_least_of"]["n"])
        if "nobody" in node:
            present = [m for m in self.vote.members if self.is_present(m)]
            return not [m for m in present if self.objects(m)] if present else not good
        if "against" in node:
            against = [m for m in self.vote.members if m in self.vote.groups[node["against"]] and self.says(m) == "no"]
            return len(against) >= int(node.get("at_least", "1"))
        return self.leaf(node, good=good, ties=ties)

    def leaf(self, node: Mapping[str, Any], *, good: bool, ties: bool) -> bool:
        measure = node.get("share") or node["count"]
        base = [m for m in self.vote.members if self.in_base(m, node.get("of", "all"))]
        whole = sum(self.weigh(m, measure) for m in base)
        part = sum(self.weigh(m, measure) for m in base if self.chose(m, node.get("choice", "yes")))
        self.leaves.append((part, whole))
        if not whole:
            return not good
        value = Fraction(part, whole) if "share" in node else Fraction(part)
        for word in ("at_least", "more_than", "at_most", "less_than"):
            if word in node:
                limit = Fraction(node[word])
                if ties and word in STRICT and value == limit:
                    yes = sum(self.weigh(m, measure) for m in base if self.says(m) == "yes")
                    no = sum(self.weigh(m, measure) for m in base if self.says(m) == "no")
                    if yes == no:
                        return True
                return {
                    "at_least": value >= limit,
                    "more_than": value > limit,
                    "at_most": value <= limit,
                    "less_than": value < limit,
                }[word]
        raise AssertionError("a leaf without a threshold")

    def quorum(self) -> bool:
        asked = self.rule.get("quorum")
        if not asked:
            return True
        measure = asked.get("share") or asked["count"]
        base = [m for m in self.vote.members if self.in_base(m, asked.get("of", "all"))]
        opening = asked.get("counted", "at_vote") == "at_opening"
        there = [m for m in base if (m in self.vote.opening if opening else self.is_present(m))]
        whole, part = (sum(self.weigh(m, measure) for m in who) for who in (base, there))
        if not whole:
            return False
        value = Fraction(part, whole) if "share" in asked else Fraction(part)
        return value >= Fraction(asked["at_least"]) if "at_least" in asked else value > Fraction(asked["more_than"])

    def outcome(self) -> str:
        tree = self.rule.get("adopt", {"nobody": "objects"})
        if not self.quorum():
            return "adjourned"
        if self.holds(tree, good=True, ties=False):
            return "adopted"
        count = len(self.leaves)
        tie = self.rule.get("tie", "not_adopted") == "chair_decides" and self.holds(tree, good=True, ties=True)
        del self.leaves[count:]
        if not tie:
            return "not_adopted"
        return {"yes": "adopted", "no": "not_adopted", None: "tie_to_chair"}[self.vote.chair_choice]


def check(text: str, vote: Vote, rule: Rule | None = None) -> str:
    """The outcome, on which `tally` and the referee agree, down to the numbers of every leaf."""
    rule = rule or Rule.load(text)
    result = tally(
        rule,
        vote.ballots,
        {"at_opening": vote.opening, "at_vote": vote.at_vote},
        vote.weights,
        entitled=vote.members,
        groups=vote.groups,
        chair=vote.members[0],
        chair_choice=vote.chair_choice,
        objections=vote.objections,
    )
    referee = Referee(text, vote)
    outcome = referee.outcome()
    assert result.outcome == outcome, (text, vote, result.to_value())
    for choice in CHOICES:
        counted = sum(referee.says(m) == choice for m in vote.members)
        assert result.counts[choice] == counted, (text, vote, choice)
    if outcome != "adjourned":
        found = [(v.numerator, v.denominator) for v in result.verdicts if {"share", "count"} & set(v.node.to_value())]
        assert found == referee.leaves, (text, vote, found, referee.leaves)
    return outcome


# --- Cases --------------------------------------------------------------------------------------------------------


def random_vote(rng: random.Random, rule: Rule) -> Vote:
    """A vote of 1 to 12 members, some of everything; often level or unanimous, where rules are on edge."""
    members = [f"M{n:02}" for n in range(rng.randint(1, 12))]
    shape = rng.random()
    if shape < 0.15:
        pool = [("yes",), ("no",), ("abstain",), ("yes", "no")][rng.randrange(4)]
    elif shape < 0.5:
        pool = ("yes", "no")
    else:
        pool = CHOICES
    ballots = {m: c for m in members if (c := rng.choice(pool)) != "absent"}
    most = rng.choice([1, 3, 1000, 10**12])
    return Vote(
        members=members,
        ballots=ballots,
        opening=[m for m in members if rng.random() < 0.7],
        at_vote=[m for m in members if rng.random() < 0.5],
        weights={t: {m: rng.randint(0, most) for m in members} for t in rule.weights},
        groups={g: [m for m in members if rng.random() < 0.4] for g in rule.groups},
        objections=[m for m in members if rng.random() < 0.05],
        chair_choice=rng.choice([None, "yes", "no"]),
    )


def random_rule(rng: random.Random) -> str:
    """The text of a random rule: up to four levels, every leaf, choice, base and comparison."""
    method = rng.choice(["vote"] * 8 + ["consensus", "silence"])
    lines = [f"rule: r\nversion: {rng.randint(1, 9)}\nmethod: {method}", f"adopt: {_tree(rng, rng.randint(0, 3))}"]
    if method == "vote" and rng.random() < 0.4:
        lines.append("tie: chair_decides")
    if method == "silence":
        lines.append("hours: 24..72\ndeadline_zone: UTC")
    elif rng.random() < 0.5:
        lines.append(f"abstain: {rng.choice(['counted', 'not_counted'])}")
    if method != "silence" and rng.random() < 0.3:
        share = rng.random() < 0.7
        measure = rng.choice(["members", "members", "w"])
        limit = _share(rng) if share else str(rng.randint(0, 8))
        counted = rng.choice(["at_vote", "at_opening"])
        word = rng.choice(["at_least", "more_than"])
        of = rng.choice(["all", "g"])
        kind = "share" if share else "count"
        lines.append(f"quorum: {{{kind}: {measure}, of: {of}, {word}: {limit}, counted: {counted}}}")
    return "\n".join(lines) + "\n"


def _tree(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return _random_leaf(rng)
    parts = [_tree(rng, rng.randint(0, depth - 1)) for _ in range(rng.randint(1, 3))]
    kind = rng.choice(["all_of", "any_of", "none_of", "at_least_of"])
    listed = f"[{', '.join(parts)}]"
    if kind == "at_least_of":
        return f"{{at_least_of: {{n: {rng.randint(1, len(parts))}, of: {listed}}}}}"
    return f"{{{kind}: {listed}}}"


def _random_leaf(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.1:
        least = f", at_least: {rng.randint(1, 3)}" if rng.random() < 0.5 else ""
        return f"{{against: {rng.choice('gh')}{least}}}"
    if kind < 0.15:
        return "{nobody: objects}"
    if kind < 0.35:  # where ties are
        return f"{{share: {rng.choice(['members', 'w'])}, of: {rng.choice(['voting', 'all'])}, more_than: 1/2}}"
    share = rng.random() < 0.7
    parts = [f"{'share' if share else 'count'}: {rng.choice(['members', 'members', 'w', 'v'])}"]
    if rng.random() < 0.5:
        parts.append(f"choice: {rng.choice(['yes', 'no', 'abstain', 'not_yes', 'not_no'])}")
    if rng.random() < 0.8:
        parts.append(f"of: {rng.choice(['all', 'present', 'voting', 'voting', 'g', 'h'])}")
    word = rng.choice(["at_least", "more_than", "at_most", "less_than"])
    parts.append(f"{word}: {_share(rng) if share else rng.randint(0, 9)}")
    return f"{{{', '.join(parts)}}}"


def _share(rng: random.Random) -> str:
    return rng.choice(["0", "1", "1/2", "1/2", "1/2", "0.5", "2/3", "3/4", "0.55", f"0.{rng.randint(0, 999):03}"])
