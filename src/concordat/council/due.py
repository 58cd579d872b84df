"""What does each member owe, and until when: votes, replies, comments, codes, answers, duties in disputes.

for owed in due(council, now): print(owed.member, owed.what, owed.until)
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.council._body import plural
from concordat.council.state import Council


@dataclass(frozen=True)
class Owed:
    """One duty. until: seconds since 1970; 0 without a deadline. subject: what it is about."""

    member: str
    what: str
    subject: str
    until: int


def due(council: Council, now: int, member: str = "") -> list[Owed]:
    """The open duties as of `now`, the earliest first; of one member if it is named."""
    if not council.events:  # nothing was said
        return []
    found = [*_votes(council, now), *_consultations(council, now), *_reviews(council, now), *_disputes(council, now)]
    found += [Owed(r.to, "answer the recommendation", r.id, 0) for r in council.all("recommendation") if not r.answer]
    found += _chair(council, now)
    rows = [o for o in found if member in ("", o.member)]
    return sorted(rows, key=lambda o: (o.until or 2**60, o.subject, o.member, o.what))


def _votes(council: Council, now: int) -> list[Owed]:
    from concordat.council.decide.silence import breaker

    found = []
    active = set(council.members)
    for vote in council.all("vote"):
        if vote.status != "open":
            continue
        for member in (m for m in vote.entitled if m in active):
            if now <= vote.closes and member not in vote.ballots and member not in vote.sealed:
                found.append(Owed(member, "vote", vote.id, vote.closes))
            elif (
                vote.reveal_until
                and vote.closes < now <= vote.reveal_until
                and member in vote.sealed
                and not vote.sealed[member].opened
            ):
                found.append(Owed(member, "open the sealed ballot", vote.id, vote.reveal_until))
    for silence in council.all("silence"):
        if silence.status in ("running", "extended") and now <= silence.deadline:
            groups = {g.id: g.members for g in council.all("group")}
            may = [m for m in council.members if not breaker(silence.procedure.rule, m, council.members, groups)]
            found += [Owed(m, "speak, or be silent", silence.id, silence.deadline) for m in may]
    return found


def _consultations(council: Council, now: int) -> list[Owed]:
    from concordat.council.consultations import votes_of

    found = []
    for consultation in council.all("consultation"):
        if consultation.status != "open" or now > consultation.closes or consultation.public != "delegations":
            continue
        seen = votes_of(council, consultation.id).cells
        live = [s.number for s in consultation.statements if s.moderated >= 0]
        for member in council.members:
            missing = len([n for n in live if n not in seen.get(member, {})])
            if missing:
                words = f"say what it thinks of {missing} statement{'s' if missing > 1 else ''}"
                found.append(Owed(member, words, consultation.id, consultation.closes))
    return found


def _reviews(council: Council, now: int) -> list[Owed]:
    found = []
    for cycle in council.all("cycle"):
        if cycle.status == "comments" and now <= cycle.comments_until:
            said = {c.member for c in cycle.comments}
            found += [
                Owed(m, "comment on the draft", cycle.id, cycle.comments_until)
                for m in council.members
                if m not in said
            ]
        if cycle.status == "coding":
            cells = [f"{name}|{member}" for name in cycle.chosen for member in council.members]
            short = sum(len({c.coder for c in cycle.codes.get(cell, ())}) < 2 for cell in cells)
            if short:
                words = f"find coders for {plural(short, 'cell')} with fewer than two"
                found.append(Owed(council.chair, words, cycle.id, 0))
    return found


def _disputes(council: Council, now: int) -> list[Owed]:
    from concordat.council.disputes.duties import deadlines

    return [
        Owed(council.chair if d.party == "chair" else d.party, f"{d.what} ({d.stage})", dispute.id, d.at or 0)
        for dispute in council.all("dispute")
        if not dispute.case.ended
        for d in deadlines(dispute.case, now)
    ]


def _chair(council: Council, now: int) -> list[Owed]:
    chair = council.chair
    found = [
        Owed(chair, "declare the result", vote.id, vote.final_at)
        for vote in council.all("vote")
        if vote.status in ("counted", "challenged") and vote.outcome != "tie_to_chair"
    ]
    found += [
        Owed(chair, "decide the tie", v.id, v.final_at) for v in council.all("vote") if v.outcome == "tie_to_chair"
    ]
    found += [Owed(chair, "announce it", s.id, 0) for s in council.all("silence") if s.status == "adopted"]
    found += [
        Owed(chair, "certify the text, or send it to a consultation", p.id, 0)
        for p in council.all("proposal")
        if p.status == "tabled"
    ]
    return found
