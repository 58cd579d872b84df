"""How a vote ends: closing, counting, declaration, challenge, and what becomes of what was voted on.

Every member counts alone, once ledger time is past closing + merge delay, so that a ballot submitted in time counts
although it is taken up late. The result is final after the challenge time, whether anybody declared it or not; a
declaration of anything else is kept as false, with the first member on whom it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from concordat import canonical
from concordat.council._body import Body, Hash, Id, Line, MemberId, utc
from concordat.council._registry import event
from concordat.council.documents import Amendment, Proposal, adopt_amendment, move
from concordat.council.state import Council
from concordat.council.voting import Vote, rule_of
from concordat.errors import InputError, MethodError, RuleError, TrustError
from concordat.ledger.fold import Event

TIE_DAYS = 14  # for the chair to decide a tie; then it is not adopted


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
    gone = {m.id for m in council.all("member") if m.status != "active" and m.changed <= found.submitted}
    silent = [m for m in vote.entitled if m not in vote.ballots and m not in gone]
    if found.submitted < vote.closes and (silent or vote.reveal_until):
        raise RuleError(f"{', '.join(silent[:8])} may vote until {utc(vote.closes)}.", code="early")
    last = max((b.submitted for b in vote.ballots.values()), default=0)
    closes = min(vote.closes, max(found.submitted, last))
    if found.submitted < vote.closes:
        vote = replace(vote, entitled=tuple(m for m in vote.entitled if m not in gone))
    council.put("vote", replace(vote, closes=closes))
    council.remind(replace(vote, closes=closes).ends + council.merge_delay_s, "vote", vote.id)


def pass_vote(council: Council, key: str, moment: int) -> None:
    """What time does to a vote: count it after the merge delay, make it final after the challenge time."""
    vote: Vote = council.get("vote", key)
    if vote.status == "open" and moment >= vote.ends + council.merge_delay_s:
        _count(council, vote)
    elif vote.live and vote.final_at and moment >= vote.final_at:
        _finish(council, vote)


def _count(council: Council, vote: Vote) -> None:
    rule = rule_of(council, vote)
    members = {m.id: m for m in council.all("member")}
    entitled = tuple(  # who was suspended before the closing has no vote and is not in the base
        m for m in vote.entitled if members[m].status == "active" or members[m].changed > vote.closes
    )
    meeting = council.find("meeting", vote.meeting) if vote.meeting else None
    there, entries = meeting.at(vote.closes) if meeting else ((), ())
    present = {*there, *(m for m, b in vote.ballots.items() if b.choice != "not_participating")}
    vote = replace(
        vote,
        entitled=entitled,
        ballots={m: b for m, b in sorted(vote.ballots.items()) if m in entitled},
        present=tuple(sorted(present & set(entitled))),
        present_entries=entries,
        present_at_opening=tuple(m for m in vote.present_at_opening if m in entitled),
    )
    outcome, value = counted(council, vote, rule)
    final_at = vote.ends + council.merge_delay_s + rule.challenge_hours * 3600
    status = "adjourned" if outcome == "adjourned" else "counted"
    if outcome == "tie_to_chair":
        final_at += TIE_DAYS * 86_400
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
    return tally_of(vote, rule, list(vote.present), list(vote.present_at_opening), council.chair)


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
    if not vote.entitled:
        return "not_adopted", {**head, "reason": "nobody is entitled"}
    if vote.method == "election":
        missing = _quorum_lacks(vote, rule, at_vote, at_opening)
        if missing is not None:
            return "adjourned", {**head, "missing": missing, "void": []}
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


def _quorum_lacks(vote: Vote, rule: Any, at_vote: list[str], at_opening: list[str]) -> list[str] | None:
    """Who was missing where an election has no quorum; None where it has one."""
    quorum = rule.quorum
    if quorum is None:
        return None
    base = [m for m in vote.entitled if quorum.of == "all" or m in vote.groups[quorum.of]]
    there = set(at_opening if quorum.counted == "at_opening" else at_vote)
    measure = {m: 1 if quorum.measure == "members" else vote.weights[quorum.measure][m] for m in base}
    found, whole = Fraction(sum(measure[m] for m in base if m in there)), sum(measure.values())
    if whole and quorum.leaf().holds(found / whole if quorum.share else found):
        return None
    return [m for m in base if m not in there]


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
    if vote.outcome == "tie_to_chair":  # the chair has not spoken in time
        vote = replace(vote, outcome="not_adopted")
    council.put("vote", replace(vote, status="final"))
    if vote.about == "amendment":
        amendment: Amendment = council.get("amendment", vote.subject)
        if amendment.status == "pending" and vote.outcome == "adopted":
            adopt_amendment(council, amendment)
        elif amendment.status == "pending":
            council.put("amendment", replace(amendment, status="rejected"))
    if vote.about == "proposal":
        proposal: Proposal = council.get("proposal", vote.subject)
        if proposal.status == "deciding" and proposal.votes[-1] == vote.id:
            move(council, proposal, "adopted" if vote.outcome == "adopted" else "rejected")


def _reopen_subject(council: Council, vote: Vote) -> None:
    proposal: Proposal | None = council.find("proposal", vote.subject) if vote.about == "proposal" else None
    if proposal is not None and proposal.status == "deciding" and proposal.votes[-1] == vote.id:
        move(council, proposal, "certified")


@event("TieBroken", TieBrokenBody)
def _tie(council: Council, found: Event, body: TieBrokenBody) -> None:
    council.require_chair(found.entry.author, "break a tie")
    vote: Vote = council.get("vote", body.vote)
    if vote.outcome != "tie_to_chair" or not vote.live:
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
    if vote.status not in ("counted", "declared", "recounted") or vote.outcome == "tie_to_chair":
        raise RuleError(f"{vote.id} is {vote.status}; a counted result is challenged before it is final.", code="late")
    end = vote.final_at - council.merge_delay_s
    if found.submitted > end:
        raise RuleError(f"late: {vote.id} could be challenged until {utc(end)}.", code="late")
    rule = rule_of(council, vote)
    chair = str(vote.result["chair"])  # who presided when it was counted: another chair since changes no result
    outcome, value = tally_of(vote, rule, list(vote.present), list(vote.present_at_opening), chair)
    challenges = (*vote.challenges, (found.entry.author, body.reason))
    changed = replace(vote, status="challenged", challenges=challenges, outcome=outcome, result=value)
    council.put("vote", replace(changed, result_hash=canonical.digest(value)))
