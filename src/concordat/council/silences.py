"""Silence procedures: adopted unless somebody speaks in time.

    running -> broken | extended | expired -> adopted -> announced -> journalled

An objection, or an amendment where the rule says so, submitted before the deadline breaks it; the chair's announcement
is a duty, not a condition. The deadline is the rule's hours after the start, told in the rule's zone; it is settled once
ledger time is past deadline + merge delay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from concordat.council._body import Body, Hash, Id, Line, utc, year_of
from concordat.council._registry import event
from concordat.council.documents import Proposal, move
from concordat.council.state import Council, Thing
from concordat.errors import RuleError
from concordat.ledger.fold import Event


@dataclass(frozen=True)
class Silence(Thing):
    """A silence procedure on a certified text."""

    proposal: str
    rule: str
    rule_hash: str
    text: str
    started: int
    hours: int
    deadline: int
    zone: str
    status: str
    extended: int
    broken_by: tuple[tuple[str, str], ...]
    entry: str
    announced: bool = False
    journalled: bool = False


class SilenceStartedBody(Body):
    proposal: Id
    rule: Id
    text: Hash
    hours: Annotated[int, Field(ge=1, le=8784)]


class SilenceBrokenBody(Body):
    silence: Id
    reason: Line


class SilenceExtendedBody(Body):
    silence: Id
    hours: Annotated[int, Field(ge=1, le=8784)]


class SilenceAnnouncedBody(Body):
    silence: Id
    journal: Annotated[str, Field(max_length=300)] = ""


@event("SilenceStarted", SilenceStartedBody)
def _started(council: Council, found: Event, body: SilenceStartedBody) -> None:
    from concordat.council.decide.rules import Rule

    council.require_chair(found.entry.author, "start a silence procedure")
    proposal: Proposal = council.get("proposal", body.proposal)
    held = council.get("rule", body.rule)
    rule = Rule.load(held.text, where=body.rule)
    if rule.silence is None:
        raise RuleError(f"{body.rule} is a rule of method {rule.method}.", code="method")
    if body.hours not in rule.silence.hours:
        raise RuleError(f"{body.rule} allows {rule.silence.hours.to_value()} hours, not {body.hours}.", code="hours")
    if proposal.status != "certified" or body.text != proposal.certified:
        raise RuleError(f"{proposal.id} is {proposal.status}; silence is kept on its certified text.", code="text")
    move(council, proposal, "deciding")
    key = council.issue("s", year_of(found.submitted))
    deadline = found.submitted + body.hours * 3600
    council.put(
        "silence",
        Silence(
            key, proposal.id, rule.name, rule.hash, body.text, found.submitted, body.hours, deadline,
            rule.silence.deadline_zone, "running", 0, (), found.entry.id,
        ),
    )  # fmt: skip
    council.remind(deadline + council.merge_delay_s, "silence", key)


def _keys(council: Council, silence: Silence) -> object:
    from concordat.council.decide.rules import Rule

    return Rule.load(council.get("rule", silence.rule).text, where=silence.rule).silence


@event("SilenceBroken", SilenceBrokenBody)
def _broken(council: Council, found: Event, body: SilenceBrokenBody) -> None:
    break_silence(council, council.get("silence", body.silence), found, body.reason)


def break_silence(council: Council, silence: Silence, found: Event, reason: str) -> None:
    """An objection, or an amendment, ends the silence.

    Raises:
        RuleError: late, over, or by somebody who may not.
    """
    keys = _keys(council, silence)
    author = found.entry.author
    if silence.status not in ("running", "broken") or not silence.started <= found.submitted <= silence.deadline:
        what = f"late: submitted {utc(found.submitted)}, the silence ended {utc(silence.deadline)}."
        raise RuleError(what if found.submitted > silence.deadline else f"{silence.id} is {silence.status}.", code="late")
    may = getattr(keys, "who_may_break", "members")
    if may != "members" and author not in council.get("group", may).members:
        raise RuleError(f"only {may} may break it.", code="who")
    by = dict(silence.broken_by) | {author: reason}
    council.put("silence", replace(silence, status="broken", broken_by=tuple(sorted(by.items()))))
    proposal = council.get("proposal", silence.proposal)
    if proposal.status == "deciding":
        move(council, proposal, "certified")


@event("SilenceExtended", SilenceExtendedBody)
def _extended(council: Council, found: Event, body: SilenceExtendedBody) -> None:
    silence: Silence = council.get("silence", body.silence)
    keys = _keys(council, silence)
    by = getattr(keys, "extend_by", "chair")
    if by == "chair":
        council.require_chair(found.entry.author, "extend it")
    elif found.entry.author not in council.get("group", by).members:
        raise RuleError(f"only {by} may extend it.", code="who")
    if silence.status != "running" or found.submitted > silence.deadline:
        raise RuleError(f"{silence.id} is {silence.status}, deadline {utc(silence.deadline)}.", code="late")
    if silence.extended >= getattr(keys, "extend_times", 0):
        raise RuleError(f"{silence.rule} allows {getattr(keys, 'extend_times', 0)} extensions.", code="extend")
    deadline = silence.deadline + body.hours * 3600
    council.put("silence", replace(silence, deadline=deadline, extended=silence.extended + 1))
    council.remind(deadline + council.merge_delay_s, "silence", silence.id)


def pass_silence(council: Council, key: str, moment: int) -> None:
    """Nobody spoke in time: adopted."""
    silence: Silence = council.get("silence", key)
    if silence.status != "running" or moment < silence.deadline + council.merge_delay_s:
        return
    council.put("silence", replace(silence, status="adopted"))
    proposal = council.get("proposal", silence.proposal)
    if proposal.status == "deciding":
        move(council, proposal, "adopted")


@event("SilenceAnnounced", SilenceAnnouncedBody)
def _announced(council: Council, found: Event, body: SilenceAnnouncedBody) -> None:
    council.require_chair(found.entry.author, "announce it")
    silence: Silence = council.get("silence", body.silence)
    if silence.status not in ("adopted", "broken"):
        raise RuleError(f"{silence.id} is {silence.status}.", code="early")
    council.put("silence", replace(silence, announced=True, journalled=silence.journalled or bool(body.journal)))


def amendment_breaks(council: Council, proposal: str, found: Event, reason: str) -> bool:
    """Whether an amendment to a text under silence broke it.

    Raises:
        RuleError: the silence is over.
    """
    for silence in council.all("silence"):
        if silence.proposal == proposal and silence.status == "running":
            if not getattr(_keys(council, silence), "amendment_breaks", False):
                return False
            break_silence(council, silence, found, reason)
            return True
    return False
