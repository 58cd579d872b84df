"""What does each condition of a rule come to: a tree judged in three values, met, not met, or open on an empty base.

The tree is that of `tree.py`; the members, choices and weights are those of one vote. Joins follow Kleene's strong
logic of three values (*Introduction to Metamathematics*, 1952, section 64). `tally` makes the outcome of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.decide._words import MARKS
from concordat.council.decide.rules import Rule
from concordat.council.decide.tree import Against, Join, Leaf, NobodyObjects, Node, Path, ratio


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one node of the tree came to.

    Attributes:
        path: its place in the rule's file, such as `adopt.any_of.0`. node: the node itself.
        met: True, False, or None where its base is empty.
        base, numerator, denominator: of a leaf, the members in its base, and its measure of the choice and of the base.
    """

    path: str
    node: Node
    met: bool | None
    base: int | None = None
    numerator: int | None = None
    denominator: int | None = None

    def to_value(self) -> dict[str, Any]:
        """The verdict as `canonical` writes it; large sums as text inside fractions."""
        value: dict[str, Any] = {"path": self.path, "verdict": MARKS[self.met]}
        if self.base is not None and self.numerator is not None and self.denominator is not None:
            value |= {"base": self.base, "numerator": str(self.numerator), "denominator": str(self.denominator)}
            value |= {"share": ratio(Fraction(self.numerator, self.denominator))} if self.denominator else {}
        return value | {"node": self.node.to_value() if not isinstance(self.node, Join) else self.node.kind}


@dataclass(frozen=True, slots=True)
class Count:
    """All that a node may ask for."""

    rule: Rule
    choices: Mapping[str, str]
    present: frozenset[str]
    members: tuple[str, ...]
    groups: Mapping[str, frozenset[str]]
    tables: Mapping[str, Mapping[str, int]]
    objecting: frozenset[str]

    def base(self, of: str) -> frozenset[str]:
        """The members of a base."""
        if of == "all":
            return frozenset(self.members)
        if of == "present":
            return self.present
        if of == "voting":
            counted = ("yes", "no", "abstain") if self.rule.abstain_counted else ("yes", "no")
            return frozenset(m for m, choice in self.choices.items() if choice in counted)
        return self.groups[of]

    def chose(self, member: str, choice: str) -> bool:
        """Whether a member made a choice; `not_yes` and `not_no` include the absent."""
        made = self.choices.get(member, "absent")
        return made != choice.removeprefix("not_") if choice.startswith("not_") else made == choice

    def measure(self, measure: str, members: Iterable[str]) -> int:
        """How many members, or what they weigh together."""
        if measure == "members":
            return sum(1 for _ in members)
        return sum(self.tables[measure][member] for member in members)

    def leaf(self, leaf: Leaf) -> tuple[int, int, int]:
        """Members in the base, measure of the choice, measure of the base."""
        base = self.base(leaf.of)
        chosen = (member for member in base if self.chose(member, leaf.choice))
        return len(base), self.measure(leaf.measure, chosen), self.measure(leaf.measure, base)

    def judge(self, node: Node, path: Path, out: list[Verdict], *, tie_is_met: bool = False) -> bool | None:
        """What a node comes to; its verdict and those below it are added to the list, parents first."""
        dotted = ".".join(map(str, path))
        if isinstance(node, Join):
            place = len(out)
            parts = []
            for steps, part in node.steps():
                parts.append(self.judge(part, (*path, *steps), out, tie_is_met=tie_is_met))
            met = joined(node, parts)
            out.insert(place, Verdict(dotted, node, met))
            return met
        if isinstance(node, NobodyObjects):
            objecting, present = len(self.objecting), len(self.present)
            met = None if not present else not objecting
            out.append(Verdict(dotted, node, met, present, objecting, present))
            return met
        if isinstance(node, Against):
            group = self.groups[node.group]
            against = sum(1 for member in group if self.choices.get(member) == "no")
            met = against >= node.at_least
            out.append(Verdict(dotted, node, met, len(group), against, len(group)))
            return met
        base, numerator, denominator = self.leaf(node)
        met = None
        if base and denominator:
            found = Fraction(numerator, denominator) if node.share else Fraction(numerator)
            met = node.holds(found) or (tie_is_met and self._level(node, found))
        out.append(Verdict(dotted, node, met, base, numerator, denominator))
        return met

    def _level(self, leaf: Leaf, found: Fraction) -> bool:
        """Whether a strict leaf stands exactly on its threshold, with as much for as against."""
        if leaf.comparison not in ("more_than", "less_than") or found != leaf.threshold:
            return False
        base = self.base(leaf.of)
        sides = (self.measure(leaf.measure, (m for m in base if self.choices.get(m) == c)) for c in ("yes", "no"))
        return len(set(sides)) == 1

    def tied(self, tree: Node) -> bool:
        """Whether the tree would be met if every leaf that is level counted as met."""
        return self.judge(tree, (), [], tie_is_met=True) is True


def joined(join: Join, parts: Iterable[bool | None]) -> bool | None:
    """Three values joined: true, false, open (None).

    >>> joined(Join("none_of", ()), [False, None]), joined(Join("at_least_of", (), 2), [True, None, True])
    (None, True)
    """
    found = list(parts)
    wanted = {"all_of": len(found), "any_of": 1, "none_of": 1, "at_least_of": join.n}[join.kind]
    true, still_open = found.count(True), found.count(None)
    met = True if true >= wanted else (None if true + still_open >= wanted else False)
    return met if join.kind != "none_of" or met is None else not met
