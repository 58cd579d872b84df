"""Disputes on the record: each entry is handed to the stage machine of its procedure, which says what it does.

The state machine, its clocks and the shipped procedures are `council.disputes`. Here: who acts as what (a member for
itself, the chair and neutrals by their names, the council by a final vote on `adopt <dispute>`), and time passing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from concordat.council._body import Body, Hash, Id, Line, MemberId, Words, year_of
from concordat.council._registry import event
from concordat.council.disputes._state import CaseEvent
from concordat.council.disputes.machine import Case, advance
from concordat.council.disputes.procedure import Procedure
from concordat.council.state import Council, Thing
from concordat.errors import RuleError
from concordat.ledger.fold import Event

ADOPT = "adopt "
IDLE_MAX = 50  # acts without effect that are kept for one author
Neutral = Annotated[str, Field(min_length=1, max_length=80)]


@dataclass(frozen=True)
class Dispute(Thing):
    """A dispute: its case as the machine has it, what it is about, the entries in order of arrival."""

    case: Case
    subject: str
    entries: tuple[str, ...]

    def to_value(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "batch": list(self.batch), "case": self.case.to_value(), "entries": list(self.entries), "id": self.id,
            "subject": self.subject,
        }  # fmt: skip


class DisputeFiledBody(Body):
    procedure: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(max_length=40_000)] = ""
    respondent: MemberId
    subject: Line
    claim: Hash | None = None
    urgent: bool = False
    agreement: Annotated[str, Field(max_length=200)] = ""
    roster: Annotated[list[Neutral], Field(max_length=200)] = []


class OfDispute(Body):
    dispute: Id


class ResponseFiledBody(OfDispute):
    outcome: Annotated[str, Field(max_length=64)] = ""
    response: Hash | None = None


class NeutralAppointedBody(OfDispute):
    neutral: Neutral


class NeutralChallengedBody(OfDispute):
    neutral: Neutral
    reason: Annotated[str, Field(max_length=200)] = ""
    missing: bool = False


class DeadlineExtendedBody(OfDispute):
    period: Annotated[str, Field(max_length=20)]


class DisputeSuspendedBody(OfDispute):
    resume: bool = False


class SettlementReachedBody(OfDispute):
    terms: Hash


class DisputeWithdrawnBody(OfDispute):
    reason: Annotated[str, Field(max_length=2000)] = ""


class DecisionIssuedBody(OfDispute):
    text: Words
    outcome: Annotated[str, Field(max_length=64)] = ""
    period: Annotated[str, Field(max_length=20)] | None = None


class DecisionAdoptedBody(OfDispute):
    decision: Id


@event("DisputeFiled", DisputeFiledBody)
def _filed(council: Council, found: Event, body: DisputeFiledBody) -> None:
    if council.find("member", body.respondent) is None:
        raise RuleError(f"{body.respondent} is no member of the council.", code="unknown_member")
    procedure = Procedure.load(body.text, where=body.procedure) if body.text else Procedure.shipped(body.procedure)
    year = year_of(found.submitted)
    case = Case.file(
        procedure, council.next_id("d", year), found.entry.author, body.respondent, found.submitted,
        urgent=body.urgent, agreement=body.agreement, roster=body.roster,
    )  # fmt: skip
    _keep(council, Dispute(council.issue("d", year), case, body.subject, (found.entry.id,)))


def _keep(council: Council, dispute: Dispute) -> None:
    council.put("dispute", dispute)
    due = dispute.case.due
    if due is not None and not dispute.case.ended:
        council.remind(due.at + council.merge_delay_s, "dispute", dispute.id)


def pass_dispute(council: Council, key: str, moment: int) -> None:
    """Its deadline, and the merge delay behind it, have passed."""
    dispute: Dispute = council.get("dispute", key)
    case = advance(dispute.case, max(dispute.case.ledger_time, council.ledger_time), council.merge_delay_s)
    if case.state != dispute.case.state:
        _keep(council, Dispute(dispute.id, case, dispute.subject, dispute.entries))


def _hand(council: Council, found: Event, key: str, by: str, body: dict[str, Any]) -> None:
    """One act in a case.

    Raises:
        RuleError: the machine refuses it; the case is as before.
    """
    from concordat.council.disputes.machine import receive

    dispute: Dispute = council.get("dispute", key)
    case = advance(dispute.case, max(dispute.case.ledger_time, council.ledger_time), council.merge_delay_s)
    filing = case.filing
    if by not in {*filing.parties, *case.state.seats, *filing.roster, "chair", "council"}:
        raise RuleError(f"{by} has no part in {key}.", code="stranger")
    if sum(e.by == by for e, _ in case.no_effect) >= IDLE_MAX:
        raise RuleError(f"{IDLE_MAX} acts of {by} in {key} had no effect.", code="too_many")
    act = CaseEvent(found.entry.type, by, found.submitted, body)
    after = receive(case, act)
    refused = [reason for e, reason in after.no_effect if e.digest == act.digest]
    _keep(council, Dispute(dispute.id, after, dispute.subject, (*dispute.entries, found.entry.id)))
    if refused:
        raise RuleError(refused[0], where=dispute.id, code="case")


def _actor(council: Council, found: Event, key: str) -> str:
    """Under which name the author acts: a neutral under that of its appointment, who presides now as the chair."""
    dispute: Dispute = council.get("dispute", key)
    entry, case = found.entry, dispute.case
    person = f"{entry.author}.{entry.person}"
    if person in case.state.seats or entry.author in case.state.seats:
        return person if person in case.state.seats else entry.author
    presides = entry.author == council.chair and entry.author not in case.filing.parties
    return "chair" if presides else entry.author


def _act(council: Council, found: Event, body: OfDispute) -> None:
    said = {k: v for k, v in body.model_dump().items() if k != "dispute" and v not in (None, "", False)}
    _hand(council, found, body.dispute, _actor(council, found, body.dispute), said)


for _name, _model in (
    ("ResponseFiled", ResponseFiledBody),
    ("NeutralAppointed", NeutralAppointedBody),
    ("NeutralChallenged", NeutralChallengedBody),
    ("DeadlineExtended", DeadlineExtendedBody),
    ("DisputeSuspended", DisputeSuspendedBody),
    ("SettlementReached", SettlementReachedBody),
    ("DisputeWithdrawn", DisputeWithdrawnBody),
    ("DecisionIssued", DecisionIssuedBody),
):
    event(_name, _model)(_act)


def advance_case(council: Council, found: Event, key: str, to: str) -> None:
    """A stage that somebody moves on by hand."""
    _hand(council, found, key, _actor(council, found, key), {"outcome": to})


@event("DecisionAdopted", DecisionAdoptedBody)
def _decision_adopted(council: Council, found: Event, body: DecisionAdoptedBody) -> None:
    _by_vote(council, found, body, ("adopted",))


@event("DecisionRejected", DecisionAdoptedBody)
def _decision_rejected(council: Council, found: Event, body: DecisionAdoptedBody) -> None:
    _by_vote(council, found, body, ("not_adopted",))


def _by_vote(council: Council, found: Event, body: DecisionAdoptedBody, outcomes: tuple[str, ...]) -> None:
    vote = council.get("vote", body.decision)
    if (
        vote.about != "adopt"
        or vote.subject != ADOPT + body.dispute
        or vote.status != "final"
        or vote.outcome not in outcomes
    ):
        what = f'{body.decision} is no final vote on "{ADOPT}{body.dispute}" that came to {outcomes[0]}.'
        raise RuleError(what, code="decision")
    case = council.get("dispute", body.dispute).case
    if case.rules is not None and case.rules.decide not in ("", vote.rule):
        raise RuleError(f"{vote.id} was held under {vote.rule}, not {case.rules.decide}.", code="decision")
    if vote.opened < case.state.entered.at:
        raise RuleError(f"{vote.id} was opened before {case.case_id} came to {case.stage}.", code="decision")
    _hand(council, found, body.dispute, "council", {})
