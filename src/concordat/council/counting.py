"""How a vote ends: closing, counting, declaration, challenge, and what becomes of what was voted on.

Every member counts alone, once ledger time is past closing + merge delay, so that a ballot submitted in time counts
although it is taken up late. The result is final after the challenge time, whether anybody declared it or not; a
declaration of anything else is kept as false, with the first member on whom it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from concordat import canonical
from concordat.council._body import Body, Hash, Id, Line, MemberId, utc
from concordat.council._registry import event
from concordat.council.documents import Amendment, Proposal, adopt_amendment, move
from concordat.council.state import Council
from concordat.council.voting import Vote, rule_of
from concordat.errors import InputError, MethodError, RuleError, TrustError
from concordat.ledger.fold import Event


class VoteClosedBody(Body):
    vote: Id


class TieBrokenBody(Body):
    vote: Id
    choice: Literal["yes", "no"]


class ResultDeclaredBody(Body):
    vote: Id
    outcome: Line
    result: Hash
    ballots: dict[MemberId, Hash] = {}


class ResultChallengedBody(Body):
    vote: Id
    reason: Line


@event("VoteClosed", VoteClosedBody)
def _closed(council: Council, found: Event, body: VoteClosedBody) -> None:
    """The chair closes early once everybody entitled has voted; at its hour a vote closes by itself."""
    council.require_chair(found.entry.author, "close votes")
    vote: Vote = council.get("vote", body.vote)
    if vote.status != "open":
        raise RuleError(f"{vote.id} is {vote.status}.", code="transition")
    silent = [m for m in vote.entitled if m not in vote.ballots]
    if found.submitted < vote.closes and (silent or vote.reveal_until):
        raise RuleError(f"{', '.join(silent[:8])} may vote until {utc(vote.closes)}.", code="early")
    closes = min(vote.closes, found.submitted)
    council.put("vote", replace(vote, closes=closes))
    council.remind(max(closes, vote.reveal_until) + council.merge_delay_s, "vote", vote.id)


def pass_vote(council: Council, key: str, moment: int) -> None:
    """What time does to a vote: count it after the merge delay, make it final after the challenge time."""
    vote: Vote = council.get("vote", key)
    if vote.status == "open" and moment >= max(vote.closes, vote.reveal_until) + council.merge_delay_s:
        _count(council, vote)
    elif (
        vote.status in ("counted", "declared", "challenged", "recounted") and vote.final_at and moment >= vote.final_at
    ):
        _finish(council, vote)


def _count(council: Council, vote: Vote) -> None:
    rule = rule_of(council, vote)
    entitled = tuple(m for m in vote.entitled if m in council.members)  # suspended since: no vote, not in the base
    vote = replace(vote, entitled=entitled, ballots={m: b for m, b in sorted(vote.ballots.items()) if m in entitled})
    outcome, value = counted(council, vote, rule)
    final_at = max(vote.closes, vote.reveal_until) + council.merge_delay_s + rule.challenge_hours * 3600
    status = "adjourned" if outcome == "adjourned" else "counted"
    if outcome == "tie_to_chair":
        final_at = 0
    council.put(
        "vote",
        replace(
            vote, status=status, outcome=outcome, result=value, result_hash=canonical.digest(value), final_at=final_at
        ),
    )
    if status == "adjourned":
        _reopen_subject(council, vote)
    elif final_at:
        council.remind(final_at, "vote", vote.id)


def counted(council: Council, vote: Vote, rule: Any) -> tuple[str, dict[str, Any]]:
    """Outcome and result of a vote whose ballots are all in, as plain data: the same at every member."""
    meeting = council.find("meeting", vote.meeting) if vote.meeting else None
    at_vote = sorted({*(meeting.present if meeting else ()), *vote.ballots})
    return tally_of(
        vote, rule, [m for m in at_vote if m in vote.entitled],
        [m for m in vote.present_at_opening if m in vote.entitled],
        council.chair,
    )  # fmt: skip


def tally_of(
    vote: Vote, rule: Any, at_vote: list[str], at_opening: list[str], chair: str
) -> tuple[str, dict[str, Any]]:
    """The count itself, from nothing but what the vote holds: `council verify` asks it again without a node."""
    head: dict[str, Any] = {
        "at_opening": at_opening, "at_vote": at_vote, "chair": chair, "closes": vote.closes,
        "entitled": list(vote.entitled),
        "rule": {"hash": vote.rule_hash, "name": vote.rule, "version": vote.rule_version}, "subject": vote.subject,
        "text": vote.text, "vote": vote.id,
    }  # fmt: skip
    if vote.method == "election":
        return _elected(vote, rule, head)
    from concordat.council.decide.tally import tally

    result = tally(
        rule,
        {m: {"choice": "no" if b.choice == "object" else b.choice, "cast_by": b.by} for m, b in vote.ballots.items()},
        {"at_opening": at_opening, "at_vote": at_vote},
        vote.weights,
        entitled=vote.entitled,
        groups=vote.groups,
        chair=chair,
        chair_choice=vote.tie_broken or None,
    )
    return result.outcome, {**head, "tally": result.to_value()}


def _elected(vote: Vote, rule: Any, head: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    from concordat.council.decide.elections import elect

    void = sorted(m for m, s in vote.sealed.items() if not s.opened)
    ballots = [tuple(b.choice) for _, b in sorted(vote.ballots.items())]
    of_group = {
        name: [c for c in vote.candidates if c.partition(".")[0] in vote.groups[name]]
        for name, _ in rule.election.quotas
    }
    try:
        result = elect(
            rule.election.system,
            ballots,
            vote.candidates,
            rule.election.seats,
            quotas=dict(rule.election.quotas),
            groups=of_group,
        )
    except (MethodError, InputError, RuleError) as error:
        return "not_adopted", {**head, "election": {"reason": str(error)}, "void": void}
    return ("adopted" if not result.tied else "tied"), {**head, "election": result.to_value(), "void": void}


def _finish(council: Council, vote: Vote) -> None:
    """The result is final: what was voted on goes on its way."""
    council.put("vote", replace(vote, status="final"))
    amendment: Amendment | None = council.find("amendment", vote.subject)
    if amendment is not None and amendment.status == "pending":
        if vote.outcome == "adopted":
            adopt_amendment(council, amendment)
        else:
            council.put("amendment", replace(amendment, status="rejected"))
        return
    proposal: Proposal | None = council.find("proposal", vote.subject)
    if proposal is not None and proposal.status == "deciding":
        move(council, proposal, "adopted" if vote.outcome == "adopted" else "rejected")


def _reopen_subject(council: Council, vote: Vote) -> None:
    proposal: Proposal | None = council.find("proposal", vote.subject)
    if proposal is not None and proposal.status == "deciding":
        move(council, proposal, "certified")


@event("TieBroken", TieBrokenBody)
def _tie(council: Council, found: Event, body: TieBrokenBody) -> None:
    council.require_chair(found.entry.author, "break a tie")
    vote: Vote = council.get("vote", body.vote)
    if vote.outcome != "tie_to_chair":
        raise RuleError(f"{vote.id} is no tie that the chair decides.", code="tie")
    rule = rule_of(council, vote)
    vote = replace(vote, tie_broken=body.choice)
    outcome, value = counted(council, vote, rule)
    final_at = found.submitted + council.merge_delay_s + rule.challenge_hours * 3600
    changed = replace(vote, outcome=outcome, result=value, result_hash=canonical.digest(value), final_at=final_at)
    council.put("vote", changed)
    council.remind(final_at, "vote", vote.id)


@event("ResultDeclared", ResultDeclaredBody)
def _declared(council: Council, found: Event, body: ResultDeclaredBody) -> None:
    vote: Vote = council.get("vote", body.vote)
    if not vote.result_hash:
        raise RuleError(f"{vote.id} is {vote.status}: nothing is counted yet.", code="early")
    try:
        check_declared(vote, body)
    except TrustError as error:
        false = (*vote.false_declarations, (found.entry.author, found.entry.id))
        council.put("vote", replace(vote, false_declarations=false))
        raise RuleError(str(error), code="false_result") from None
    status = {"counted": "declared", "challenged": "recounted"}.get(vote.status, vote.status)
    declared = tuple(sorted({*vote.declared, found.entry.author}))
    council.put("vote", replace(vote, status=status, declared=declared))


def check_declared(vote: Vote, body: ResultDeclaredBody) -> None:
    """A declaration says what is computed here.

    Raises:
        TrustError: it doesn't; the first member on whom it differs.
    """
    if body.result == vote.result_hash and body.outcome == vote.outcome:
        return
    ours = {m: b.entry for m, b in vote.ballots.items()}
    odd = next((m for m in sorted({*ours, *body.ballots}) if ours.get(m) != body.ballots.get(m)), "")
    where = (
        f"the first member on whom it differs is {odd}" if odd and body.ballots else "the ballots named are the same"
    )
    here = f"here it is {vote.outcome} ({vote.result_hash[:16]}): {where}."
    what = f"{vote.id} was declared {body.outcome} ({body.result[:16]}); {here}"
    raise TrustError(what, hint="Compare the ballots: council result", code="result")


@event("ResultChallenged", ResultChallengedBody)
def _challenged(council: Council, found: Event, body: ResultChallengedBody) -> None:
    vote: Vote = council.get("vote", body.vote)
    if vote.status not in ("counted", "declared", "recounted") or not vote.final_at:
        raise RuleError(f"{vote.id} is {vote.status}; a counted result is challenged before it is final.", code="late")
    end = vote.final_at - council.merge_delay_s
    if found.submitted > vote.final_at:
        raise RuleError(f"late: {vote.id} could be challenged until {utc(end)}.", code="late")
    rule = rule_of(council, vote)
    outcome, value = counted(council, vote, rule)
    challenges = (*vote.challenges, (found.entry.author, body.reason))
    changed = replace(vote, status="challenged", challenges=challenges, outcome=outcome, result=value)
    council.put("vote", replace(changed, result_hash=canonical.digest(value)))
