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
from concordat.council.decide._words import MARKS, sentences
from concordat.council.decide.rules import Rule
from concordat.council.decide.tree import Against, Join, Leaf, NobodyObjects, Node, Path, ratio, walk
from concordat.errors import InputError, MethodError
from concordat.settings import nearest, unknown_key

BALLOTS = ("yes", "no", "abstain", "present_not_voting", "not_participating")
CAST = ("yes", "no", "abstain", "present_not_voting")
TIMES = ("at_opening", "at_vote")
OUTCOMES = ("adopted", "not_adopted", "adjourned", "tie_to_chair")

Groups = Mapping[str, Collection[str]]
Weights = Mapping[str, Mapping[str, int]]


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
    choices, cast_by, not_counted = _read_ballots(ballots, members)
    opening, at_vote = _present(attendance, choices, members)
    if rule.method == "silence":
        opening = at_vote = members
    objecting = _objecting(rule, objections, choices, members, at_vote, not_counted)
    if rule.silence and rule.silence.who_may_break != "members":
        objecting = tuple(m for m in objecting if m in known_groups[rule.silence.who_may_break])
    count = _Count(rule, choices, frozenset(at_vote), members, known_groups, tables, frozenset(objecting))
    quorum = _quorum(rule, count, opening if rule.quorum and rule.quorum.counted == "at_opening" else at_vote)
    verdicts: list[Verdict] = []
    met = count.judge(rule.tree, ("adopt",), verdicts)
    tie = met is not True and count.tied(rule.tree)
    said = _chair_choice(chair_choice) if rule.tie == "chair_decides" and tie else ""
    outcome = _outcome(rule, met, tie, said, lost=quorum_lost or (quorum is not None and not quorum.met))
    if quorum is None and quorum_lost:
        quorum = QuorumVerdict(False, len(at_vote), len(members), _without(members, at_vote))
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


# --- What comes in ------------------------------------------------------------------------------------------------


def entitled_members(entitled: Collection[str]) -> tuple[str, ...]:
    """Members with a vote, sorted.

    Raises:
        InputError: none, one twice, or something that is not text.
    """
    if isinstance(entitled, (str, bytes)):
        raise InputError("the entitled must be a list of members.", where="entitled", code="type")
    members = list(entitled)
    for member in members:
        if not isinstance(member, str) or not member:
            raise InputError(f"{member!r} is not a member.", where="entitled", code="type")
    if not members:
        raise InputError("nobody is entitled to vote.", where="entitled", code="empty")
    if len(set(members)) != len(members):
        twice = sorted(m for m in set(members) if members.count(m) > 1)[0]
        raise InputError(f'"{twice}" stands twice.', where="entitled", hint="Remove one.", code="duplicate")
    return tuple(sorted(members))


def check_groups(rule: Rule, groups: Groups, members: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """The entitled members of each group that the rule names.

    Raises:
        InputError: a group is not there; with the nearest one.
    """
    found: dict[str, frozenset[str]] = {}
    for group in rule.groups:
        if group not in groups:
            close = nearest(group, groups)
            hint = f'Did you mean "{close[0]}"?' if close else "Add it to the constitution."
            what = f'the rule "{rule.name}" names the group "{group}", which is missing.'
            raise InputError(what, where="groups", hint=hint, code="group_missing")
        found[group] = frozenset(members) & frozenset(groups[group])
    return found


def check_weights(rule: Rule, weights: Weights, members: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """The weight of each entitled member in each table that the rule names. A vote can't open without them.

    Raises:
        InputError: a table or a member's weight is missing, or is not a whole number from 0 on.
    """
    found: dict[str, dict[str, int]] = {}
    for table in rule.weights:
        if table not in weights:
            close = nearest(table, weights)
            hint = f'Did you mean "{close[0]}"?' if close else "Adopt the table of weights first."
            what = f'the rule "{rule.name}" needs the weights "{table}".'
            raise InputError(what, where="weights", hint=hint, code="weights_missing")
        rows = weights[table]
        missing = [member for member in members if member not in rows]
        if missing:
            what = f"no weight for {', '.join(missing[:10])}{' and others' if len(missing) > 10 else ''}."
            hint = "The vote can't open before every member has one."
            raise InputError(what, where=f"weights {table}", hint=hint, code="weight_missing")
        for member in members:
            weight = rows[member]
            if isinstance(weight, bool) or not isinstance(weight, int) or weight < 0:
                what = f"the weight of {member} is {weight!r}."
                hint = "Weights are whole numbers from 0 on."
                raise InputError(what, where=f"weights {table}", hint=hint, code="weight")
        found[table] = {member: rows[member] for member in members}
    return found


def weights_digest(tables: Mapping[str, Mapping[str, int]]) -> str:
    """The hash of the weights that counted: by table and entitled member, numbers as text."""
    return canonical.digest({t: {m: str(w) for m, w in rows.items()} for t, rows in tables.items()})


def _read_ballots(
    ballots: Mapping[str, str | Mapping[str, Any]], members: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Choices and casters of the entitled, in their order; and whose ballots don't count."""
    choices: dict[str, str] = {}
    cast_by: dict[str, str] = {}
    entitled = frozenset(members)
    for member in sorted(ballots):
        ballot = ballots[member]
        given = ballot if isinstance(ballot, Mapping) else {"choice": ballot}
        choice = given.get("choice")
        if not isinstance(choice, str) or choice not in BALLOTS:
            raise unknown_key(str(choice), BALLOTS, where=f"ballot of {member}")
        if member in entitled:
            choices[member] = choice
            caster = given.get("cast_by") or member
            if caster != member:
                cast_by[member] = caster
    not_counted = {member: "ballot: has no vote" for member in sorted(ballots) if member not in entitled}
    return choices, cast_by, not_counted


def _present(
    attendance: Collection[str] | Mapping[str, Collection[str]], choices: Mapping[str, str], members: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who was present at the opening, and at the vote."""
    if isinstance(attendance, Mapping):
        for time in attendance:
            if time not in TIMES:
                raise unknown_key(str(time), TIMES, where="attendance")
        opening, vote = (frozenset(attendance.get(time, ())) for time in TIMES)
    else:
        opening = vote = frozenset(attendance)
    cast = {member for member, choice in choices.items() if choice in CAST}
    return tuple(m for m in members if m in opening), tuple(m for m in members if m in vote or m in cast)


def _objecting(
    rule: Rule,
    objections: Iterable[str],
    choices: Mapping[str, str],
    members: tuple[str, ...],
    present: tuple[str, ...],
    not_counted: dict[str, str],
) -> tuple[str, ...]:
    """Who is present and objects, in order; others are noted as not counted."""
    formal = set(objections)
    asked = rule.tree is not None and any(isinstance(node, NobodyObjects) for _, node in walk(rule.tree))
    for member in sorted(formal.difference(present)):
        why = "not present" if member in members else "has no vote"
        before = not_counted.get(member)
        not_counted[member] = f"{before}; objection: {why}" if before else f"objection: {why}"
    return tuple(m for m in present if m in formal or (asked and choices.get(m) == "no"))


def _chair_choice(choice: str | None) -> str:
    if choice is not None and choice not in ("yes", "no"):
        raise unknown_key(str(choice), ("yes", "no"), where="the chair's choice")
    return choice or ""


def _without(members: Iterable[str], present: Collection[str]) -> tuple[str, ...]:
    there = frozenset(present)
    return tuple(m for m in members if m not in there)


def _quorum(rule: Rule, count: _Count, present: tuple[str, ...]) -> QuorumVerdict | None:
    if rule.quorum is None:
        return None
    base = (
        count.members if rule.quorum.of == "all" else tuple(m for m in count.members if m in count.base(rule.quorum.of))
    )
    there = frozenset(present)
    numerator = count.measure(rule.quorum.measure, (m for m in base if m in there))
    denominator = count.measure(rule.quorum.measure, base)
    if not denominator:
        return QuorumVerdict(False, 0, 0, _without(base, present))
    found = Fraction(numerator, denominator) if rule.quorum.share else Fraction(numerator)
    return QuorumVerdict(rule.quorum.leaf().holds(found), numerator, denominator, _without(base, present))


# --- The tree -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Count:
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
