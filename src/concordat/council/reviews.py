"""The yearly review on the record: what is assessed and why, by which guideline, coded by whom, commented, adopted.

    opened -> guidelines_fixed -> coding -> drafts -> comments (14 days) -> final -> adopted

The guideline is fixed before anything is coded, and the release of the data is frozen by its hash when coding begins. A
code is -1, 0, +1, or none with a reason; one coder codes a cell once, and each code names its sources. Scores,
agreement and intervals are computed by `council.review` from what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from concordat.council._body import Body, Hash, Id, Line, MemberId, Words, utc, year_of
from concordat.council._registry import event
from concordat.council.commitments import step_to
from concordat.council.review.cycle import check_transition
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event

COMMENT_DAYS = 14
CODES = (-1, 0, 1)


@dataclass(frozen=True)
class Code:
    """One coder's code of one cell. coder: member and key label. value: None where it does not apply, with a reason."""

    coder: str
    member: str
    value: int | None
    reason: str
    sources: tuple[str, ...]
    entry: str


@dataclass(frozen=True)
class Comment:
    """What a member says to a draft."""

    member: str
    about: str
    text: str
    entry: str


@dataclass(frozen=True)
class Cycle(Thing):
    """A cycle of review.

    Attributes:
        year: of the report. chosen: the commitments, with why (`selection`). rule: under which the report is adopted.
        guideline, release: fixed before coding. codes: `commitment|member` -> codes. comments_until: seconds.
        reports: (stage, hash).
    """

    title: str
    year: int
    chosen: tuple[str, ...]
    registered: int
    selection: str
    status: str
    rule: str
    entry: str
    guideline: str = ""
    guideline_entry: str = ""
    release: str = ""
    comments_until: int = 0
    codes: dict[str, tuple[Code, ...]] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    reports: tuple[tuple[str, str], ...] = ()
    decision: str = ""

    @property
    def coverage(self) -> str:
        """`assessed 15 of 104`."""
        return f"assessed {len(self.chosen)} of {self.registered}"


@dataclass(frozen=True)
class Recommendation(Thing):
    """A recommendation of one member to another, and the answer."""

    cycle: str
    author: str
    to: str
    text: str
    specific: bool
    entry: str
    answer: str = ""
    reason: str = ""


class CycleOpenedBody(Body):
    title: Line
    year: Annotated[int, Field(ge=1990, le=2200)]
    commitments: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    selection: Annotated[str, Field(min_length=1, max_length=4000)]
    rule: Id


class GuidelineFixedBody(Body):
    cycle: Id
    text: Words


class StageAdvancedBody(Body):
    """The next stage of a cycle; of a dispute, the next stage that its procedure allows."""

    subject: Id
    to: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    release: Hash | None = None
    decision: Id | None = None


class CodeAssignedBody(Body):
    cycle: Id
    commitment: Id
    member: MemberId
    code: Annotated[int, Field(ge=-1, le=1)] | None
    reason: Annotated[str, Field(max_length=2000)] = ""
    sources: Annotated[list[Hash], Field(max_length=50)] = []


class MemberCommentedBody(Body):
    cycle: Id
    about: Annotated[str, Field(max_length=80)] = ""
    text: Words


class ReportPublishedBody(Body):
    cycle: Id
    stage: Literal["draft", "final"]
    report: Hash


class RecommendationMadeBody(Body):
    cycle: Id
    to: MemberId
    text: Words
    specific: bool


class RecommendationAnsweredBody(Body):
    recommendation: Id
    answer: Literal["accepted", "noted"]
    reason: Words


@event("CycleOpened", CycleOpenedBody)
def _opened(council: Council, found: Event, body: CycleOpenedBody) -> None:
    council.require_chair(found.entry.author, "open a cycle")
    chosen = tuple(sorted(set(body.commitments)))
    for name in chosen:
        council.get("commitment", name)
    council.get("rule", body.rule)
    key = council.issue("r", year_of(found.submitted))
    count = len(council.things.get("commitment", {}))
    council.put(
        "cycle", Cycle(key, body.title, body.year, chosen, count, body.selection, "opened", body.rule, found.entry.id)
    )


def _move(cycle: Cycle, to: str) -> Cycle:
    check_transition(cycle.status, to)
    return replace(cycle, status=to)


@event("GuidelineFixed", GuidelineFixedBody)
def _guideline(council: Council, found: Event, body: GuidelineFixedBody) -> None:
    council.require_chair(found.entry.author, "fix the guideline")
    cycle: Cycle = council.get("cycle", body.cycle)
    moved = _move(cycle, "guidelines_fixed")
    council.put("cycle", replace(moved, guideline=body.text, guideline_entry=found.entry.id))


@event("StageAdvanced", StageAdvancedBody)
def _advanced(council: Council, found: Event, body: StageAdvancedBody) -> None:
    cycle: Cycle | None = council.find("cycle", body.subject)
    if cycle is None:
        from concordat.council.cases import advance_case

        advance_case(council, found, body.subject, body.to)
        return
    from concordat.council.voting import text_of

    council.require_chair(found.entry.author, "move a cycle on")
    moved = _move(cycle, body.to)
    if body.to == "guidelines_fixed":
        raise RuleError("the guideline itself is fixed (GuidelineFixed).", code="guideline")
    if body.to == "coding":
        if body.release is None:
            raise RuleError("coding begins with the data frozen: name the release's hash.", code="release")
        moved = replace(moved, release=body.release)
    if body.to == "comments":
        moved = replace(moved, comments_until=found.submitted + COMMENT_DAYS * 86_400)
    if body.to == "final" and found.submitted <= cycle.comments_until:
        raise RuleError(f"members may comment until {utc(cycle.comments_until)}.", code="early")
    if body.to == "adopted":
        vote = council.get("vote", body.decision or "")
        if vote.subject != f"report {cycle.id}" or vote.status != "final" or vote.outcome != "adopted":
            raise RuleError(f'a report is adopted by a final vote on "report {cycle.id}".', code="decision")
        if vote.text != text_of(council, vote.subject, vote.title):
            raise RuleError(f"{vote.id} was about another report than the one published last.", code="text")
        moved = replace(moved, decision=vote.id)
        for name in cycle.chosen:
            pledge = council.get("commitment", name)
            if pledge.state in ("active", "reviewed"):
                step_to(council, pledge, "reviewed")
    council.put("cycle", moved)


@event("CodeAssigned", CodeAssignedBody)
def _coded(council: Council, found: Event, body: CodeAssignedBody) -> None:
    cycle: Cycle = council.get("cycle", body.cycle)
    if cycle.status != "coding":
        raise RuleError(f"{cycle.id} is {cycle.status}; codes are given while coding.", code="transition")
    if body.commitment not in cycle.chosen:
        raise InputError(
            f"{body.commitment} is not assessed in {cycle.id}.", where="$.body.commitment", code="unknown_id"
        )
    council.get("member", body.member)
    if body.code is None and not body.reason:
        raise InputError("a cell without a code needs a reason.", where="$.body.reason", code="reason")
    if body.code is not None and not body.sources:
        raise InputError("a code names its sources by their hashes.", where="$.body.sources", code="sources")
    entry = found.entry
    coder = f"{entry.author}.{entry.person}"
    cell = f"{body.commitment}|{body.member}"
    before = cycle.codes.get(cell, ())
    if any(c.member == entry.author for c in before):
        what = f"{entry.author} has coded {body.commitment} of {body.member} already."
        raise RuleError(what, hint="A member codes a cell once, by one of its coders.", code="twice")
    code = Code(coder, entry.author, body.code, body.reason, tuple(sorted(set(body.sources))), entry.id)
    council.put("cycle", replace(cycle, codes={**cycle.codes, cell: (*before, code)}))


@event("MemberCommented", MemberCommentedBody, observers=True)
def _commented(council: Council, found: Event, body: MemberCommentedBody) -> None:
    cycle: Cycle = council.get("cycle", body.cycle)
    if cycle.status != "comments" or found.submitted > cycle.comments_until:
        end = f" until {utc(cycle.comments_until)}" if cycle.comments_until else ""
        raise RuleError(f"{cycle.id} is {cycle.status}; members comment on the drafts{end}.", code="late")
    comment = Comment(found.entry.author, body.about, body.text, found.entry.id)
    council.put("cycle", replace(cycle, comments=(*cycle.comments, comment)))


@event("ReportPublished", ReportPublishedBody)
def _published(council: Council, found: Event, body: ReportPublishedBody) -> None:
    council.require_chair(found.entry.author, "publish the report")
    cycle: Cycle = council.get("cycle", body.cycle)
    if body.stage == "draft" and cycle.status != "drafts":
        raise RuleError(f"{cycle.id} is {cycle.status}; drafts are published in drafts.", code="transition")
    if body.stage == "final" and cycle.status != "final":
        raise RuleError(f"{cycle.id} is {cycle.status}; the final report follows the comments.", code="transition")
    council.put("cycle", replace(cycle, reports=(*cycle.reports, (body.stage, body.report))))


@event("RecommendationMade", RecommendationMadeBody)
def _recommended(council: Council, found: Event, body: RecommendationMadeBody) -> None:
    council.get("cycle", body.cycle)
    council.get("member", body.to)
    if body.to == found.entry.author:
        raise RuleError("a member makes no recommendation to itself.", code="author")
    key = council.issue("rec", year_of(found.submitted))
    council.put(
        "recommendation",
        Recommendation(key, body.cycle, found.entry.author, body.to, body.text, body.specific, found.entry.id),
    )


@event("RecommendationAnswered", RecommendationAnsweredBody)
def _answered(council: Council, found: Event, body: RecommendationAnsweredBody) -> None:
    recommendation: Recommendation = council.get("recommendation", body.recommendation)
    if recommendation.to != found.entry.author:
        raise RuleError(f"{recommendation.id} is {recommendation.to}'s to answer.", code="author")
    if recommendation.answer:
        raise RuleError(f"{recommendation.id} is {recommendation.answer} already.", code="twice")
    council.put("recommendation", replace(recommendation, answer=body.answer, reason=body.reason))


def scores_of(council: Council, key: str) -> Any:
    """What the codes of a cycle come to: `council.review.scores.Scores`."""
    from concordat.council.review.scores import Code as Judged
    from concordat.council.review.scores import score

    cycle: Cycle = council.get("cycle", key)
    judged = []
    for cell, codes in sorted(cycle.codes.items()):
        commitment, _, member = cell.partition("|")
        judged += [Judged(commitment, member, c.coder, c.value, c.member, c.sources, c.reason) for c in codes]
    return score(judged, commitments=cycle.chosen, members=council.members, issues=_issues(council, cycle))


def _issues(council: Council, cycle: Cycle) -> dict[str, str]:
    return {name: council.get("commitment", name).topic or "other" for name in cycle.chosen}
