"""Is it adopted: one rule, the ballots of the members, who was present, what each weighs; with every step shown.

Every member comes to the same `Result` from the same entries, by integers and fractions alone. What counts:

- `all`: the entitled. `present`: entitled, and recorded present or having cast yes, no, abstain or present_not_voting
  (a signed ballot is a record of presence, also one cast by a proxy). `voting`: yes and no, and abstentions where the
  rule counts them. A group: its entitled members.
- The numerator of a leaf is the measure of those in its base who made its choice; `not_yes` is everyone else in the
  base, the absent too. A share divides it by the measure of the base.
- An empty base (nobody in it, or of weight 0) is neither met nor not met: it stays open through `none_of`, and what is
  open at the root is not adopted. A condition beside it may still decide (three values, Kleene 1952).
- A tie: the tree is not met, but would be if leaves with a strict threshold (`more_than`, `less_than`) that stand
  exactly on it, with as much yes as no in their base, counted as met. `chair_decides` then needs the chair's choice.
- `nobody: objects`: a `no` is an objection, and so is a formal objection by a member who is present. Silence has no
  meeting: every entitled member counts as present.

Source: `docs/reference/decision-rules.md`. Does not check signatures, full powers, deadlines or proxies: ballots come
in one for each member, already found valid.

    >>> from concordat.council.decide.rules import shipped
    >>> members = ("BRA", "CHN", "IND", "RUS", "ZAF")
    >>> ballots = {"BRA": "yes", "CHN": "yes", "IND": "yes", "RUS": "no"}
    >>> tally(shipped("simple_majority"), ballots, members, {}, entitled=members).text
    '3 yes, 1 no, 1 absent. Quorum 5 of 5. Members 3/4 > 1/2: met. ADOPTED'
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat import canonical
from concordat.council.decide._words import sentences
from concordat.council.decide.inputs import (
    BALLOTS,
    Groups,
    Weights,
    chair_said,
    check_groups,
    check_weights,
    entitled_members,
    objecting_members,
    present_members,
    read_ballots,
    weights_digest,
    without,
)
from concordat.council.decide.rules import Rule
from concordat.council.decide.verdicts import Count, Verdict
from concordat.errors import MethodError

__all__ = ["Groups", "QuorumVerdict", "Result", "Verdict", "Weights", "check_weights", "entitled_members", "tally"]

OUTCOMES = ("adopted", "not_adopted", "adjourned", "tie_to_chair")


@dataclass(frozen=True, slots=True)
class QuorumVerdict:
    """Whether enough were present. `missing`: those in the quorum's base who were not."""

    met: bool
    numerator: int
    denominator: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """The outcome of a vote and all it stands on.

    Attributes:
        outcome: `adopted`, `not_adopted`, `adjourned` (quorum lost) or `tie_to_chair`.
        counts: how many of each choice, and `absent`. ballots: the choice of each entitled member who made one.
        cast_by: by member, who cast for it, where it was another. objections: the formal ones, and each `no` where the
            rule asks for objections. not_counted: who sent a ballot or an objection in vain, and why.
        verdicts: one for each node, parents first. lines: sentences; `text` joins them.
    """

    rule: Rule
    outcome: str
    counts: Mapping[str, int]
    ballots: Mapping[str, str]
    cast_by: Mapping[str, str]
    present: tuple[str, ...]
    entitled: tuple[str, ...]
    objections: tuple[str, ...]
    not_counted: Mapping[str, str]
    quorum: QuorumVerdict | None
    verdicts: tuple[Verdict, ...]
    tie: bool
    chair: str
    chair_choice: str
    weights_hash: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The result in one line, as `concordat council result` prints it."""
        return " ".join(self.lines)

    @property
    def missing(self) -> tuple[str, ...]:
        """Where a quorum was lost, who was missing."""
        return self.quorum.missing if self.quorum and self.outcome == "adjourned" else ()

    @property
    def hash(self) -> str:
        """Hexadecimal SHA-256 of the canonical value."""
        return canonical.digest(self.to_value())

    def to_value(self) -> dict[str, Any]:
        """The result as a value that `canonical` writes: no floats, fractions as `a/b`."""
        value: dict[str, Any] = {
            "rule": {"name": self.rule.name, "version": self.rule.version, "hash": self.rule.hash},
            "outcome": self.outcome,
            "counts": dict(self.counts),
            "ballots": dict(self.ballots),
            "cast_by": dict(self.cast_by),
            "present": list(self.present),
            "entitled": list(self.entitled),
            "objections": list(self.objections),
            "not_counted": dict(self.not_counted),
            "nodes": [verdict.to_value() for verdict in self.verdicts],
            "tie": self.tie,
            "weights_hash": self.weights_hash,
            "lines": list(self.lines),
        }
        if self.quorum:
            found = {"present": str(self.quorum.numerator), "of": str(self.quorum.denominator)}
            value["quorum"] = {"met": self.quorum.met, **found, "missing": list(self.quorum.missing)}
        if self.chair:
            value["chair"] = {"member": self.chair, "choice": self.chair_choice or None}
        return value


def tally(
    rule: Rule,
    ballots: Mapping[str, str | Mapping[str, Any]],
    attendance: Collection[str] | Mapping[str, Collection[str]],
    weights: Weights,
    *,
    entitled: Collection[str],
    groups: Groups | None = None,
    chair: str | None = None,
    chair_choice: str | None = None,
    objections: Iterable[str] = (),
    quorum_lost: bool = False,
) -> Result:
    """The result of a vote under a rule.

    Args:
        ballots: by member, `yes`, `no`, `abstain`, `present_not_voting` or `not_participating`, or a mapping with
            `choice` and `cast_by`; who is not there is absent. Ballots of others than the entitled are not counted.
        attendance: who is recorded present, or `{at_opening: [...], at_vote: [...]}`.
        weights: by table and member, whole numbers; every entitled member in every table that the rule names.
        entitled: members with a vote; the suspended are not among them.
        groups: by name, members. chair: who decides a tie. chair_choice: `yes` or `no`, where the chair has spoken.
        objections: members who object formally. quorum_lost: the chair found the quorum lost; adjourned in any case.

    Raises:
        InputError: a weight, table or group is missing; a choice or time of attendance that is not known.
        MethodError: the rule is one of elections.
    """
    if rule.tree is None:
        hint = "Count an election with its own system."
        raise MethodError(f'"{rule.name}" elects; it has no yes and no.', hint=hint, code="election")
    members = entitled_members(entitled)
    known_groups = check_groups(rule, groups or {}, members)
    tables = check_weights(rule, weights, members)
    choices, cast_by, not_counted = read_ballots(ballots, members)
    opening, at_vote = present_members(attendance, choices, members)
    if rule.method == "silence":
        opening = at_vote = members
    objecting = objecting_members(rule, objections, choices, members, at_vote, not_counted)
    if rule.silence and rule.silence.who_may_break != "members":
        objecting = tuple(m for m in objecting if m in known_groups[rule.silence.who_may_break])
    count = Count(rule, choices, frozenset(at_vote), members, known_groups, tables, frozenset(objecting))
    quorum = _quorum(rule, count, opening if rule.quorum and rule.quorum.counted == "at_opening" else at_vote)
    verdicts: list[Verdict] = []
    met = count.judge(rule.tree, ("adopt",), verdicts)
    tie = met is not True and count.tied(rule.tree)
    said = chair_said(chair_choice) if rule.tie == "chair_decides" and tie else ""
    outcome = _outcome(rule, met, tie, said, lost=quorum_lost or (quorum is not None and not quorum.met))
    if quorum is None and quorum_lost:
        quorum = QuorumVerdict(False, len(at_vote), len(members), without(members, at_vote))
    counts = {choice: sum(c == choice for c in choices.values()) for choice in BALLOTS}
    counts["absent"] = len(members) - len(choices)
    lines = sentences(rule, outcome, counts, quorum, verdicts, objecting, tie=tie, chair=chair or "", said=said)
    return Result(
        rule=rule,
        outcome=outcome,
        counts=counts,
        ballots=choices,
        cast_by=cast_by,
        present=at_vote,
        entitled=members,
        objections=objecting,
        not_counted=not_counted,
        quorum=quorum,
        verdicts=tuple(verdicts),
        tie=tie,
        chair=chair or "",
        chair_choice=said,
        weights_hash=weights_digest(tables),
        lines=lines,
    )


def _outcome(rule: Rule, met: bool | None, tie: bool, said: str, *, lost: bool) -> str:
    if lost:
        return "adjourned"
    if met:
        return "adopted"
    if not tie or rule.tie != "chair_decides":
        return "not_adopted"
    return {"yes": "adopted", "no": "not_adopted", "": "tie_to_chair"}[said]


def _quorum(rule: Rule, count: Count, present: tuple[str, ...]) -> QuorumVerdict | None:
    if rule.quorum is None:
        return None
    base = (
        count.members if rule.quorum.of == "all" else tuple(m for m in count.members if m in count.base(rule.quorum.of))
    )
    there = frozenset(present)
    numerator = count.measure(rule.quorum.measure, (m for m in base if m in there))
    denominator = count.measure(rule.quorum.measure, base)
    if not denominator:
        return QuorumVerdict(False, 0, 0, without(base, present))
    found = Fraction(numerator, denominator) if rule.quorum.share else Fraction(numerator)
    return QuorumVerdict(rule.quorum.leaf().holds(found), numerator, denominator, without(base, present))
