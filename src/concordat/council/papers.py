"""Which entries does the result of a vote stand on, besides its opening, its rule and its ballots?

Kept while the record is folded, since later entries take the place of earlier ones: a proxy as it was when a ballot was
cast under it, the full powers under which a delegate's key spoke, who was recorded present at the opening, the chair's
early closing and word on a tie. `result` puts them into a result file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from concordat.council.constitution import powers_at
from concordat.council.state import Council, Thing
from concordat.ledger.fold import Event

OF_VOTES = frozenset(
    ("BallotCast", "BallotCommitted", "BallotRevealed", "ProxyGiven", "TieBroken", "VoteClosed", "VoteOpened")
)

SUPERSEDED_SHOWN = 5  # of each ballot: they don't count, and whoever votes a thousand times must not fill the file


@dataclass(frozen=True)
class Papers(Thing):
    """What a vote stands on; its id is the vote's.

    Attributes:
        given: by member, its newest `ProxyGiven`. proxies: by ballot, the one that it was cast under.
        powers: by entry of a delegate's key, the `FullPowersIssued` that covered it.
        present: the records of attendance at the opening. closing, tie: `VoteClosed` and `TieBroken`, if any.
    """

    given: dict[str, str] = field(default_factory=dict)
    proxies: dict[str, str] = field(default_factory=dict)
    powers: dict[str, str] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    closing: str = ""
    tie: str = ""


def note_taken(council: Council, found: Event, body: Any) -> None:
    """Keep what an entry that took effect means to the papers of its vote."""
    entry = found.entry
    if entry.type not in OF_VOTES:
        return
    if entry.type == "VoteOpened":
        vote = next(v for v in council.things["vote"].values() if v.entry == entry.id)
        before, papers = None, Papers(vote.id, present=recorded(council, vote.meeting, vote.opened)[1])
    else:
        before = papers = council.find("papers", body.vote) or Papers(body.vote)
    if entry.type == "BallotCast" and body.proxy_for in papers.given:
        papers = replace(papers, proxies={**papers.proxies, entry.id: papers.given[body.proxy_for]})
    elif entry.type == "ProxyGiven":
        papers = replace(papers, given={**papers.given, entry.author: entry.id})
    elif entry.type == "TieBroken":
        papers = replace(papers, tie=entry.id)
    elif entry.type == "VoteClosed":
        papers = replace(papers, closing=entry.id)
    powers = entry.person != "node" and powers_at(council, entry.author, entry.person, entry.type, found.submitted)
    if powers and not isinstance(powers, str):
        papers = replace(papers, powers={**papers.powers, entry.id: powers.entry})
    if papers is not before:
        council.put("papers", papers)


def recorded(council: Council, meeting: str, moment: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who was recorded present in a meeting at a moment, and the entries that say so, in order."""
    found = council.find("meeting", meeting) if meeting else None
    return found.at(moment) if found else ((), ())


def entries_of(council: Council, vote: Any) -> dict[str, str]:
    """The entries that a result stands on: entry id -> what it is to the result."""
    papers = council.find("papers", vote.id) or Papers(vote.id)
    found = {vote.entry: "opening", vote.rule_entry: "rule"}
    found |= dict.fromkeys(vote.weight_entries.values(), "weights")
    found |= dict.fromkeys(vote.group_entries.values(), "group")
    found |= dict.fromkeys((*papers.present, *vote.present_entries), "attendance")
    found |= {papers.closing: "closing"} if papers.closing else {}
    found |= {papers.tie: "tie"} if papers.tie and vote.tie_broken else {}
    for ballot in vote.ballots.values():
        found |= dict.fromkeys(ballot.superseded[-SUPERSEDED_SHOWN:], "superseded")
        found[ballot.entry] = "ballot"
    for sealed in vote.sealed.values():
        found[sealed.entry] = "commitment"
    proxies = [papers.proxies[entry] for entry in found if entry in papers.proxies]
    found |= dict.fromkeys(proxies, "proxy")
    powers = [papers.powers[entry] for entry in found if entry in papers.powers]
    return found | dict.fromkeys(powers, "powers")
