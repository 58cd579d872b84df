"""What a tally is given, checked: members, groups, weights, ballots, attendance, objections, the chair's choice.

What makes a vote impossible (a weight, table or group that is missing, a choice that doesn't exist) is an `InputError`;
what only counts for nothing (a ballot by somebody without a vote) is kept with its reason. All that comes out is in the
order of the members, so that it doesn't matter in which order it came.

    >>> entitled_members(["IND", "BRA"])
    ('BRA', 'IND')
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from concordat import canonical
from concordat.council.decide.rules import Rule
from concordat.council.decide.tree import NobodyObjects, walk
from concordat.errors import InputError
from concordat.settings import nearest, unknown_key

BALLOTS = ("yes", "no", "abstain", "present_not_voting", "not_participating")
CAST = ("yes", "no", "abstain", "present_not_voting")
TIMES = ("at_opening", "at_vote")

Groups = Mapping[str, Collection[str]]
Weights = Mapping[str, Mapping[str, int]]


def entitled_members(entitled: Collection[str]) -> tuple[str, ...]:
    """Members with a vote, sorted.

    Raises:
        InputError: none, one twice, or something that is not text.
    """
    if isinstance(entitled, (str, bytes)):
        raise InputError("the entitled must be a list of members.", where="entitled", code="type")
    members = list(entitled)
    _all_text(members, "entitled")
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


def read_ballots(
    ballots: Mapping[str, str | Mapping[str, Any]], members: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Choices and casters of the entitled, in their order; and whose ballots don't count."""
    choices: dict[str, str] = {}
    cast_by: dict[str, str] = {}
    entitled = frozenset(members)
    _all_text(ballots, "ballots")
    for member in sorted(ballots):
        ballot = ballots[member]
        given = ballot if isinstance(ballot, Mapping) else {"choice": ballot}
        choice = given.get("choice")
        if not isinstance(choice, str) or choice not in BALLOTS:
            raise unknown_key(str(choice), BALLOTS, where=f"ballot of {member}")
        if member in entitled:
            choices[member] = choice
            caster = given.get("cast_by") or member
            _all_text([caster], f"ballot of {member}, cast_by")
            if caster != member:
                cast_by[member] = caster
    not_counted = {member: "ballot: has no vote" for member in sorted(ballots) if member not in entitled}
    return choices, cast_by, not_counted


def present_members(
    attendance: Collection[str] | Mapping[str, Collection[str]], choices: Mapping[str, str], members: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who was present at the opening, and at the vote."""
    if isinstance(attendance, str):
        raise InputError("attendance must be a list of members.", where="attendance", code="type")
    if isinstance(attendance, Mapping):
        for time in attendance:
            if time not in TIMES:
                raise unknown_key(str(time), TIMES, where="attendance")
        opening, vote = (frozenset(attendance.get(time, ())) for time in TIMES)
    else:
        opening = vote = frozenset(attendance)
    cast = {member for member, choice in choices.items() if choice in CAST}
    return tuple(m for m in members if m in opening), tuple(m for m in members if m in vote or m in cast)


def objecting_members(
    rule: Rule,
    objections: Iterable[str],
    choices: Mapping[str, str],
    members: tuple[str, ...],
    present: tuple[str, ...],
    not_counted: dict[str, str],
) -> tuple[str, ...]:
    """Who is present and objects, in order; others are noted as not counted."""
    if isinstance(objections, str):
        raise InputError("objections must be a list of members.", where="objections", code="type")
    formal = set(objections)
    _all_text(formal, "objections")
    asked = rule.tree is not None and any(isinstance(node, NobodyObjects) for _, node in walk(rule.tree))
    for member in sorted(formal.difference(present)):
        why = "not present" if member in members else "has no vote"
        before = not_counted.get(member)
        not_counted[member] = f"{before}; objection: {why}" if before else f"objection: {why}"
    return tuple(m for m in present if m in formal or (asked and choices.get(m) == "no"))


def chair_said(choice: str | None) -> str:
    if choice is not None and choice not in ("yes", "no"):
        raise unknown_key(str(choice), ("yes", "no"), where="the chair's choice")
    return choice or ""


def without(members: Iterable[str], present: Collection[str]) -> tuple[str, ...]:
    there = frozenset(present)
    return tuple(m for m in members if m not in there)


def _all_text(members: Iterable[Any], where: str) -> None:
    for member in members:
        if not isinstance(member, str) or not member:
            raise InputError(f"{member!r} is not a member.", where=where, code="type")
