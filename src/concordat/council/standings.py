"""Who stands apart from what was adopted: reservations, opt-outs, explanations of vote.

A reservation excludes named paragraphs for its member, an opt-out all of them; the common text never changes by it.
Others may object, which is recorded and has no effect unless a rule says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from concordat.council._body import Body, Id, Words, year_of
from concordat.council._registry import event
from concordat.council.documents import Proposal
from concordat.council.state import Council, Thing
from concordat.council.texts import ParagraphId
from concordat.errors import RuleError
from concordat.ledger.fold import Event


@dataclass(frozen=True)
class Standing(Thing):
    """A reservation or an opt-out: what a member excludes for itself, and who objects to that."""

    proposal: str
    member: str
    kind: str
    paragraphs: tuple[str, ...]
    reason: str
    objections: tuple[tuple[str, str], ...]
    entry: str


@dataclass(frozen=True)
class Explanation(Thing):
    """An explanation of vote."""

    vote: str
    member: str
    text: str
    entry: str


class ReservationMadeBody(Body):
    proposal: Id
    paragraphs: Annotated[list[ParagraphId], Field(min_length=1, max_length=500)]
    reason: Words


class ReservationObjectedBody(Body):
    reservation: Id
    reason: Words


class OptOutMadeBody(Body):
    proposal: Id
    reason: Words


class ExplanationGivenBody(Body):
    vote: Id
    text: Words


@event("ReservationMade", ReservationMadeBody)
def _reserved(council: Council, found: Event, body: ReservationMadeBody) -> None:
    proposal = _adopted(council, body.proposal)
    strange = sorted(set(body.paragraphs) - set(proposal.text.ids))
    if strange:
        raise RuleError(f"there is no paragraph {strange[0]}.", hint=f"There are {', '.join(proposal.text.ids)}.")
    _stand(council, found, proposal, "reservation", tuple(sorted(set(body.paragraphs))), body.reason)


@event("OptOutMade", OptOutMadeBody)
def _opted(council: Council, found: Event, body: OptOutMadeBody) -> None:
    proposal = _adopted(council, body.proposal)
    if any(
        s.member == found.entry.author and s.kind == "opt_out" and s.proposal == proposal.id
        for s in council.all("standing")
    ):
        raise RuleError(f"{found.entry.author} has opted out of {proposal.id} already.", code="twice")
    _stand(council, found, proposal, "opt_out", proposal.text.ids, body.reason)


def _adopted(council: Council, key: str) -> Proposal:
    proposal: Proposal = council.get("proposal", key)
    if proposal.status not in ("adopted", "in_force"):
        raise RuleError(f"{key} is {proposal.status}; one stands apart from what is adopted.", code="transition")
    return proposal


def _stand(
    council: Council, found: Event, proposal: Proposal, kind: str, paragraphs: tuple[str, ...], reason: str
) -> None:
    key = council.issue("o" if kind == "opt_out" else "rs", year_of(found.submitted))
    entry = found.entry
    council.put("standing", Standing(key, proposal.id, entry.author, kind, paragraphs, reason, (), entry.id))


@event("ReservationObjected", ReservationObjectedBody)
def _objected(council: Council, found: Event, body: ReservationObjectedBody) -> None:
    standing: Standing = council.get("standing", body.reservation)
    if standing.member == found.entry.author:
        raise RuleError("a member doesn't object to its own reservation.", code="author")
    objections = dict(standing.objections) | {found.entry.author: body.reason}
    council.put("standing", replace(standing, objections=tuple(sorted(objections.items()))))


@event("ExplanationGiven", ExplanationGivenBody, observers=True)
def _explained(council: Council, found: Event, body: ExplanationGivenBody) -> None:
    council.get("vote", body.vote)
    key = council.issue("e", year_of(found.submitted))
    council.put("explanation", Explanation(key, body.vote, found.entry.author, body.text, found.entry.id))


def consolidated(council: Council, proposal_id: str, member: str, language: str = "") -> list[tuple[str, str, bool]]:
    """What an adopted text comes to for one member: (paragraph, words, whether it binds the member).

    The common text minus the member's reservations and opt-outs, which leave the text as it is for everybody else.
    """
    proposal: Proposal = council.get("proposal", proposal_id)
    apart = {
        paragraph
        for s in council.all("standing")
        if s.proposal == proposal_id and s.member == member
        for paragraph in s.paragraphs
    }
    texts = proposal.text.texts
    rows = texts[language] if language else texts[proposal.authentic[0]]
    return [(key, text, key not in apart) for key, text in rows]
