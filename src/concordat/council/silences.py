"""Silence procedures on the record: each entry is handed to the state machine of `decide.silence`.

    running -> broken | withdrawn | extended | expired -> adopted -> announced -> journalled

Here: who may speak, which certified text is meant, and what becomes of the proposal. What is submitted in time counts
even if an extension arrives after it; the chair's announcement is a duty, not a condition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from concordat.council._body import Body, Hash, Id, Line, utc, year_of
from concordat.council._registry import event
from concordat.council.decide.silence import Act, breaker, extender, start
from concordat.council.decide.silence import Silence as Procedure
from concordat.council.documents import Proposal, move
from concordat.council.state import Council, Thing, value_of
from concordat.errors import RuleError
from concordat.ledger.fold import Event


@dataclass(frozen=True)
class Silence(Thing):
    """A silence procedure on a certified text. status, deadline: as its acts give them so far."""

    proposal: str
    text: str
    procedure: Procedure
    status: str
    deadline: int
    reasons: tuple[tuple[str, str], ...]
    entry: str

    def to_value(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "batch": list(self.batch), "deadline": self.deadline, "entry": self.entry, "id": self.id,
            "procedure": self.procedure.to_value(), "proposal": self.proposal, "reasons": value_of(self.reasons),
            "status": self.status, "text": self.text,
        }  # fmt: skip


class SilenceStartedBody(Body):
    """Either hours, or a deadline as local time in the rule's zone."""

    proposal: Id
    rule: Id
    text: Hash
    hours: Annotated[int, Field(ge=1, le=8784)] | None = None
    deadline: Annotated[str, Field(max_length=20)] | None = None


class SilenceBrokenBody(Body):
    """An objection."""

    silence: Id
    reason: Line


class SilenceExtendedBody(Body):
    """More hours behind the deadline."""

    silence: Id
    hours: Annotated[int, Field(ge=1, le=8784)]


class SilenceAnnouncedBody(Body):
    """The chair's announcement; `journal` once it stands in the journal."""

    silence: Id
    journal: bool = False


@event("SilenceStarted", SilenceStartedBody)
def _started(council: Council, found: Event, body: SilenceStartedBody) -> None:
    from concordat.council.decide.rules import Rule

    council.require_chair(found.entry.author, "start a silence procedure")
    proposal: Proposal = council.get("proposal", body.proposal)
    if body.rule != proposal.rule:
        raise RuleError(f"{proposal.id} is decided under {proposal.rule}, not {body.rule}.", code="rule")
    rule = Rule.load(council.get("rule", body.rule).text, where=body.rule)
    for group in rule.groups:
        council.get("group", group)
    begun = max(found.submitted, council.ledger_time)  # nobody loses hours in which nobody could see it
    procedure = start(rule, begun, hours=body.hours, deadline=body.deadline)
    if proposal.status != "certified" or body.text != proposal.certified:
        raise RuleError(f"{proposal.id} is {proposal.status}; silence is kept on its certified text.", code="text")
    move(council, proposal, "deciding")
    key = council.issue("s", year_of(found.submitted))
    council.put(
        "silence", Silence(key, proposal.id, body.text, procedure, "running", procedure.deadline, (), found.entry.id)
    )
    council.remind(procedure.deadline + council.merge_delay_s, "silence", key)


def _groups(council: Council) -> dict[str, tuple[str, ...]]:
    return {g.id: g.members for g in council.all("group")}


def _take(council: Council, silence: Silence, procedure: Procedure, act: Act, reason: str = "") -> Silence:
    """The silence with an act that has an effect.

    Raises:
        RuleError: it has none, with the reason.
    """
    if silence.status not in ("running", "extended"):
        what = f"late: submitted {utc(act.at)}, the silence ended {utc(silence.deadline)}."
        raise RuleError(what if act.at > silence.deadline else f"{silence.id} is {silence.status}.", code="late")
    state = procedure.state(max(council.ledger_time, act.at), merge_delay=council.merge_delay_s)
    idle = dict(state.no_effect)
    if act in idle:
        raise RuleError(f"{silence.id}: {idle[act]}.", code="late")
    status = "broken" if state.broken_by else "extended" if state.deadline > procedure.deadline else "running"
    reasons = (*silence.reasons, (act.member, reason)) if reason else silence.reasons
    after = replace(silence, procedure=procedure, status=status, deadline=state.deadline, reasons=reasons)
    council.put("silence", after)
    council.remind(state.deadline + council.merge_delay_s, "silence", silence.id)
    proposal = council.get("proposal", silence.proposal)
    if status == "broken" and proposal.status == "deciding":
        move(council, proposal, "certified")
    return after


@event("SilenceBroken", SilenceBrokenBody)
def _broken(council: Council, found: Event, body: SilenceBrokenBody) -> None:
    silence: Silence = council.get("silence", body.silence)
    author = found.entry.author
    why = breaker(silence.procedure.rule, author, council.members, _groups(council))
    if why:
        raise RuleError(f"{author} can't break it: {why}.", code="who")
    act = Act(found.submitted, "objection", author)
    _take(council, silence, silence.procedure.objection(author, found.submitted), act, body.reason)


@event("SilenceExtended", SilenceExtendedBody)
def _extended(council: Council, found: Event, body: SilenceExtendedBody) -> None:
    silence: Silence = council.get("silence", body.silence)
    author = found.entry.author
    why = extender(silence.procedure.rule, author, council.chair, _groups(council))
    if why:
        raise RuleError(f"{author} can't extend it: {why}.", code="who")
    act = Act(found.submitted, "extension", author, body.hours)
    _take(council, silence, silence.procedure.extension(author, found.submitted, body.hours), act)


def pass_silence(council: Council, key: str, moment: int) -> None:
    """Nobody spoke in time: adopted."""
    silence: Silence = council.get("silence", key)
    if silence.status not in ("running", "extended"):
        return
    if not silence.procedure.state(council.ledger_time, merge_delay=council.merge_delay_s).adopted:
        return
    council.put("silence", replace(silence, status="adopted"))
    proposal = council.get("proposal", silence.proposal)
    if proposal.status == "deciding":
        move(council, proposal, "adopted")


@event("SilenceAnnounced", SilenceAnnouncedBody)
def _announced(council: Council, found: Event, body: SilenceAnnouncedBody) -> None:
    council.require_chair(found.entry.author, "announce it")
    silence: Silence = council.get("silence", body.silence)
    if silence.status == "withdrawn":
        raise RuleError(f"{silence.id} is withdrawn.", code="transition")
    at = max(found.submitted, council.ledger_time)
    procedure = silence.procedure
    if body.journal:
        procedure, status = procedure.journal(at), "journalled"
    else:
        procedure, status = procedure.announce(at, merge_delay=council.merge_delay_s), "announced"
    council.put("silence", replace(silence, procedure=procedure, status=status))


def amendment_breaks(council: Council, proposal: str, found: Event, reason: str) -> bool:
    """Whether an amendment to a text under silence broke it.

    Raises:
        RuleError: the silence is over, or the author may not break it.
    """
    for silence in council.all("silence"):
        if silence.proposal != proposal or silence.status not in ("running", "extended"):
            continue
        author = found.entry.author
        why = breaker(silence.procedure.rule, author, council.members, _groups(council))
        if why:
            raise RuleError(f"{author} can't break it: {why}.", code="who")
        act = Act(found.submitted, "amendment", author)
        _take(council, silence, silence.procedure.amendment(author, found.submitted), act, reason)
        return True
    return False
