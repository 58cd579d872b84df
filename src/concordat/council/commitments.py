"""Commitments on the record: registered, given a target, active once a decision adopts it, followed with evidence.

    registered -> specified (baseline, target, indicator) -> active -> reviewed* -> completed | lapsed | superseded

Whoever registers says what a document or an adopted proposal asks for, in words of its own. A target that a member
proposes makes it `specified`; the same target with a decision makes it `active`. Indicators are ids of the evidence
room, named here and joined elsewhere; a unit that isn't the target's is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from concordat import canonical
from concordat.council._body import Body, Hash, Id, Line, Words
from concordat.council._registry import event
from concordat.council.commit.register import check_transition
from concordat.council.constitution import act_hash, spend_decision
from concordat.council.documents import move
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event


@dataclass(frozen=True)
class Measure:
    """How it may be measured: a source and its code, what it tells; the indicator it is bound to, with its unit."""

    source: str
    code: str
    tells: str
    note: str
    indicator: str = ""
    unit: str = ""


@dataclass(frozen=True)
class TargetText:
    """A target as it was set: its file, hash, who set it, and the decision that adopted it."""

    text: str
    hash: str
    author: str
    decision: str
    entry: str


@dataclass(frozen=True)
class Evidence:
    """What a member submits about itself, with the hashes of its sources."""

    member: str
    text: str
    sources: tuple[str, ...]
    entry: str


@dataclass(frozen=True)
class Pledge(Thing):
    """A commitment in the state of the council.

    Attributes:
        document: the document or proposal it comes from. state: as above. author: who registered it. step: the newest
            step that a review gave it, by member.
    """

    document: str
    kind: str
    topic: str
    who: str
    what: str
    beneficiary: str
    anchor: str
    due: str
    review_level: str
    measures: tuple[Measure, ...]
    state: str
    author: str
    entry: str
    targets: tuple[TargetText, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    superseded_by: str = ""

    @property
    def target(self) -> TargetText | None:
        """The newest target that was adopted, else the newest proposed."""
        found = [t for t in self.targets if t.decision] or list(self.targets)
        return found[-1] if found else None


class MeasureBody(Body):
    source: Annotated[str, Field(min_length=1, max_length=40)]
    code: Annotated[str, Field(max_length=200)] = ""
    tells: Annotated[str, Field(max_length=500)] = ""
    note: Annotated[str, Field(max_length=500)] = ""


class PledgeBody(Body):
    id: Id
    document: Annotated[str, Field(min_length=1, max_length=120)]
    kind: Annotated[str, Field(max_length=40)]
    topic: Annotated[str, Field(max_length=120)] = ""
    who: Line
    what: Annotated[str, Field(min_length=1, max_length=1000)]
    beneficiary: Annotated[str, Field(max_length=300)] = ""
    anchor: Annotated[str, Field(max_length=200)] = ""
    due: Annotated[str, Field(max_length=120)] = ""
    review_level: Annotated[str, Field(max_length=20)] = ""
    measures: Annotated[list[MeasureBody], Field(max_length=20)] = []


class CommitmentRegisteredBody(Body):
    commitments: Annotated[list[PledgeBody], Field(min_length=1, max_length=60)]


class TargetSetBody(Body):
    commitment: Id
    target: Words
    decision: Id | None = None


class IndicatorBoundBody(Body):
    commitment: Id
    measure: Annotated[int, Field(ge=1, le=20)]
    indicator: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    unit: Annotated[str, Field(max_length=60)]


class EvidenceSubmittedBody(Body):
    commitment: Id
    text: Words
    sources: Annotated[list[Hash], Field(max_length=50)] = []


class CommitmentMovedBody(Body):
    commitment: Id
    to: Literal["completed", "lapsed", "superseded"]
    reason: Line
    by: Id | None = None
    decision: Id


@event("CommitmentRegistered", CommitmentRegisteredBody)
def _registered(council: Council, found: Event, body: CommitmentRegisteredBody) -> None:
    entry = found.entry
    names = [p.id for p in body.commitments]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise RuleError(f'"{twice[0]}" stands twice.', hint="Issued ids are never reused.", code="twice")
    fresh = [p for p in body.commitments if council.find("commitment", p.id) is None]
    if not fresh:
        raise RuleError(f'"{names[0]}" is registered already.', hint="Issued ids are never reused.", code="twice")
    for p in fresh:
        _check_source(council, entry.author, p)
    for p in fresh:
        measures = tuple(Measure(m.source, m.code, m.tells, m.note) for m in p.measures)
        council.put(
            "commitment",
            Pledge(
                p.id, p.document, p.kind, p.topic, p.who, p.what, p.beneficiary, p.anchor, p.due, p.review_level,
                measures,
                "registered", entry.author, entry.id,
            ),
        )  # fmt: skip
    for name in sorted({p.document for p in fresh}):
        proposal = council.find("proposal", name)
        if proposal is not None and proposal.status == "adopted":
            move(council, proposal, "in_force")


def _check_source(council: Council, author: str, pledge: PledgeBody) -> None:
    """An id of the source documents says what they say; of an adopted proposal its author or the chair registers.

    Raises:
        RuleError: neither.
    """
    seeded = _seeds().get(pledge.id)
    if seeded is not None and (pledge.what, pledge.document) != seeded:
        raise RuleError(f'"{pledge.id}" is the id of an item of {seeded[1]}, which says something else.', code="seed")
    proposal = council.find("proposal", pledge.document)
    if proposal is not None and (
        proposal.status not in ("adopted", "in_force") or author not in (proposal.author, council.chair)
    ):
        what = f"{proposal.id} is {proposal.status}; {proposal.author} or the chair registers what it promises."
        raise RuleError(what, code="author")


@cache
def _seeds() -> dict[str, tuple[str, str]]:
    """What the packaged documents say under each id."""
    from concordat.rulebook.seeds import load_seeds

    return {draft.id: (draft.what, draft.instrument) for draft in load_seeds().drafts()}


def step_to(council: Council, pledge: Pledge, state: str) -> Pledge:
    """A commitment in its next state.

    Raises:
        RuleError: no such transition.
    """
    check_transition(pledge.state, state)
    return council.put("commitment", replace(pledge, state=state))


@event("TargetSet", TargetSetBody)
def _target(council: Council, found: Event, body: TargetSetBody) -> None:
    from concordat.council.commit.targets import Target

    pledge: Pledge = council.get("commitment", body.commitment)
    if pledge.state not in ("registered", "specified", "active"):
        raise RuleError(f"{pledge.id} is {pledge.state}.", code="transition")
    target = Target.load(body.target, where=f"target of {pledge.id}")
    if target.commitment != pledge.id:
        raise InputError(
            f"the target is of {target.commitment}, not {pledge.id}.", where="$.body.target", code="target"
        )
    _check_unit(pledge, target.indicator, getattr(target, "unit", "") or "")
    if body.decision:
        spend_decision(council, found, body.decision, act_hash("TargetSet", body))
    entry = found.entry
    text = TargetText(body.target, canonical.digest(body.target), entry.author, body.decision or "", entry.id)
    pledge = replace(pledge, targets=(*pledge.targets, text))
    if pledge.state == "registered":
        pledge = step_to(council, pledge, "specified")
    if body.decision and pledge.state == "specified":
        pledge = step_to(council, pledge, "active")
    council.put("commitment", pledge)


def _check_unit(pledge: Pledge, indicator: str, unit: str) -> None:
    for measure in pledge.measures:
        if measure.indicator == indicator and unit and measure.unit and measure.unit != unit:
            raise RuleError(f"{indicator} is in {measure.unit}; the target is in {unit}.", code="unit")


@event("IndicatorBound", IndicatorBoundBody)
def _bound(council: Council, found: Event, body: IndicatorBoundBody) -> None:
    from concordat.council.commit.targets import Target

    pledge: Pledge = council.get("commitment", body.commitment)
    if body.measure > len(pledge.measures):
        raise InputError(f"{pledge.id} has {len(pledge.measures)} measures.", where="$.body.measure", code="unknown_id")
    if pledge.target is not None:
        target = Target.load(pledge.target.text, where=f"target of {pledge.id}")
        unit = getattr(target, "unit", "") or ""
        if target.indicator == body.indicator and unit and unit != body.unit:
            raise RuleError(f"the target is in {unit}; {body.indicator} is in {body.unit}.", code="unit")
    measures = list(pledge.measures)
    measures[body.measure - 1] = replace(measures[body.measure - 1], indicator=body.indicator, unit=body.unit)
    council.put("commitment", replace(pledge, measures=tuple(measures)))


@event("EvidenceSubmitted", EvidenceSubmittedBody)
def _evidence(council: Council, found: Event, body: EvidenceSubmittedBody) -> None:
    pledge: Pledge = council.get("commitment", body.commitment)
    if pledge.state in ("completed", "lapsed", "superseded"):
        raise RuleError(f"{pledge.id} is {pledge.state}.", code="transition")
    entry = found.entry
    row = Evidence(entry.author, body.text, tuple(sorted(set(body.sources))), entry.id)
    council.put("commitment", replace(pledge, evidence=(*pledge.evidence, row)))


@event("CommitmentMoved", CommitmentMovedBody)
def _moved(council: Council, found: Event, body: CommitmentMovedBody) -> None:
    pledge: Pledge = council.get("commitment", body.commitment)
    check_transition(pledge.state, body.to)
    if body.to == "superseded":
        council.get("commitment", body.by or "")
        if body.by == pledge.id:
            raise RuleError(f"{pledge.id} doesn't take its own place.", code="own")
    spend_decision(council, found, body.decision, act_hash("CommitmentMoved", body))
    step_to(council, replace(pledge, superseded_by=body.by or ""), body.to)
