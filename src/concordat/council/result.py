"""The result of a vote as one file that anybody can check: every ballot with its proof, the count asked again.

`document_of` puts it together; `verify` needs nothing but the hash of membership version 1: each entry is verified by
its bundle (signature, place in its author's log, batch, finality); the opening, the rule, weights and groups must stand
on the record before the vote; ballots must name the vote's text and rule and be submitted in time, by the member, its
delegate with full powers or its proxy; who counts as present was recorded so or voted; and the count must come out the
same.

What entries alone can't show is in `Checked.open`: that none was left out, and that each had an effect when it was
taken up. `compare` asks that of a whole record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.council import _result_checks as checks
from concordat.council._body import plural
from concordat.council._result_model import SCHEMA, BallotPart, Head, ResultFile, VotePart, read_part, vote_from
from concordat.council.counting import tally_of
from concordat.council.events import load_all
from concordat.council.papers import SUPERSEDED_SHOWN, Papers, entries_of
from concordat.council.state import Council, value_of
from concordat.council.voting import Vote
from concordat.errors import InputError, TrustError
from concordat.ledger.bundle import Bundle

BYTES_MAX = 64_000_000


@dataclass(frozen=True)
class Checked:
    """What a result file shows.

    Attributes:
        vote: the vote's id. outcome: as counted again. ballots: how many count. proofs: entries verified.
        rule: name, version and hash. open: what the file alone can't show.
    """

    vote: str
    outcome: str
    ballots: int
    proofs: int
    rule: tuple[str, int, str]
    open: tuple[str, ...]

    def sentence(self) -> str:
        """The verdict in words: no more than what the file shows."""
        name, version, digest = self.rule
        return (
            f"Same result ({self.outcome}) from its {plural(self.ballots, 'ballot')}; all {self.proofs} proofs hold; "
            f"{name} {version} ({digest[:4]}..) was on the record before the opening."
        )


def document_of(council: Council, vote_id: str, bundle: Callable[[str], bytes], trust: str) -> bytes:
    """The file of a vote's result.

    Args:
        bundle: the proof bundle of an entry id (`ledger.bundle_of(replica, id).data()`). trust: the pinned hash.

    Raises:
        InputError: nothing is counted yet.
    """
    vote: Vote = council.get("vote", vote_id)
    if not vote.result:
        raise InputError(f"{vote_id} is {vote.status}: nothing is counted yet.", code="early")
    evidence = [
        {"as": kind, "bundle": canonical.loads(bundle(entry)), "entry": entry}
        for entry, kind in sorted(entries_of(council, vote).items(), key=lambda item: (item[1], item[0]))
    ]
    return canonical.dumps(
        {
            "evidence": evidence,
            "outcome": vote.outcome,
            "result": vote.result,
            "schema": SCHEMA,
            "state": {"at": [council.at.view, council.at.batch], "hash": council.state_hash},
            "trust": trust,
            "vote": _plain(council, vote),
        }
    )


def _plain(council: Council, vote: Vote) -> dict[str, Any]:
    """What of a vote a count needs; what nothing in the file proves (refusals, declarations) stays out."""
    papers = council.find("papers", vote.id) or Papers(vote.id)
    whole = value_of(vote)
    whole["opening_entries"] = list(papers.present)
    for ballot in whole["ballots"].values():
        ballot["superseded"] = ballot["superseded"][-SUPERSEDED_SHOWN:]
    whole["ballots"] = {m: {key: b[key] for key in BallotPart.model_fields} for m, b in whole["ballots"].items()}
    return {key: whole[key] for key in VotePart.model_fields}


def verify(data: bytes, trust: str = "", where: str = "result.json") -> Checked:
    """Check a result file by itself.

    Args:
        trust: the hash of membership version 1; without it, the one that the file names.

    Raises:
        InputError: not such a file. TrustError: the first thing that doesn't hold.
    """
    from concordat.council.decide.rules import Rule

    file = _read(data, where)
    vote, head = vote_from(file.vote, where), read_part(Head, file.result, f"{where}, result")
    proofs = _proofs(file, trust or file.trust, where)
    opening = checks.check_opening(vote, proofs)
    rule = Rule.load(checks.rule_text(vote, opening, proofs), where=vote.rule)
    checks.check_tables(vote, rule, opening, proofs)
    checks.check_ballots(vote, rule, proofs)
    checks.check_attendance(vote, file.vote, head, proofs)
    checks.check_tie(vote, proofs)
    powers = checks.check_powers(proofs, {item.entry: item.as_ for item in file.evidence})
    outcome, again = tally_of(vote, rule, list(head.at_vote), list(head.at_opening), head.chair)
    lapsed = (outcome, file.outcome) == ("tie_to_chair", "not_adopted")
    if lapsed:  # the count is a tie, and stays one: what follows is that the chair's time is over
        outcome = file.outcome
    if canonical.digest(again) != canonical.digest(file.result) or outcome != file.outcome:
        odd = sorted(k for k in {*again, *file.result} if again.get(k) != file.result.get(k))
        what = f"counted again it is {outcome}, not {file.outcome} ({', '.join(odd)[:200] or 'outcome'} differs)."
        raise TrustError(what, where=where, code="result")
    if vote.outcome != outcome or canonical.digest(vote.result) != canonical.digest(file.result):
        raise TrustError("the vote in it has another result.", where=where, code="result")
    return Checked(
        vote.id, outcome, len(vote.ballots), len(proofs.found), (vote.rule, vote.rule_version, vote.rule_hash),
        (*_open(vote), *(["that the chair did not decide the tie in its time"] if lapsed else []), *powers),
    )  # fmt: skip


def _open(vote: Vote) -> tuple[str, ...]:
    """What no single entry can show: that others are missing, and what each came to when it was taken up."""
    tables = [name for name, there in (("weights", vote.weights), ("groups", vote.groups)) if there]
    found = [
        f"that no ballot was left out, nor a later ballot{', proxy' if _by_proxy(vote) else ''} or full powers",
        "that each entry had an effect when it was taken up",
        f"who was entitled and who presided{' when the tie was broken' if vote.tie_broken else ''}",
        f"that no other version of the {' and '.join(['rule', *tables])} was in force",
        f"that this opening was taken up when it says, and given the id {vote.id}",
        "whether the result was challenged or declared since",
    ]
    if vote.meeting:
        found.append("that no record of who was present was left out")
    return tuple(found)


def _by_proxy(vote: Vote) -> bool:
    return any(ballot.by != member for member, ballot in vote.ballots.items())


def _proofs(file: ResultFile, trust: str, where: str) -> checks.Proofs:
    """Every entry of the file by its id, its bundle verified, its body read by its model."""
    load_all()
    found: dict[str, checks.Said] = {}
    for item in file.evidence:
        place = f"{where}, {item.as_}"
        verdict = Bundle.parse(canonical.dumps(item.bundle), place).verify(trust)
        if verdict.entry.id != item.entry:
            raise TrustError("a proof is of another entry.", where=place, code="bundle")
        if item.entry in found:
            raise TrustError("a proof stands twice.", where=place, code="twice")
        found[item.entry] = checks.said(verdict, item.as_, place)
    return checks.Proofs(found, where)


def _read(data: bytes, where: str) -> ResultFile:
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, code="result")
    return read_part(ResultFile, canonical.loads(data, exact=True), where)


def compare(data: bytes, council: Council, where: str = "result.json") -> None:
    """Hold a result file to a whole record: the same opening, ballots, members, rule and count.

    Raises:
        TrustError: the first member on whom they differ, or what else does.
    """
    file = _read(data, where)
    vote = vote_from(file.vote, where)
    own: Vote | None = council.find("vote", vote.id)
    if own is None or not own.result:
        raise TrustError(f"the record has counted no {vote.id}.", where=where, code="result")
    if own.entry != vote.entry:
        what = f"{vote.id} was opened by {own.entry[:16]}, not by {vote.entry[:16]}."
        raise TrustError(what, where=where, code="opening")
    for member in sorted({*own.ballots, *vote.ballots}):
        mine, theirs = own.ballots.get(member), vote.ballots.get(member)
        if _of(mine) != _of(theirs):
            a, b = (x.entry[:16] if x else "none" for x in (mine, theirs))
            raise TrustError(
                f"the ballot of {member} is {a} in the record, {b} in the file.", where=where, code="ballot"
            )
    if canonical.digest(own.result) != canonical.digest(file.result) or own.outcome != file.outcome:
        odd = sorted(k for k in {*own.result, *file.result} if own.result.get(k) != file.result.get(k))
        raise TrustError(f"the record differs in {', '.join(odd)[:200] or 'the outcome'}.", where=where, code="result")
    ours = _plain(council, own)
    odd = sorted(key for key, value in file.vote.model_dump().items() if value != ours[key])
    if odd:
        raise TrustError(f"the record differs in {', '.join(odd)}.", where=where, code="result")


def _of(ballot: Any) -> tuple[Any, ...] | None:
    return ballot and (ballot.choice, ballot.by, ballot.entry, ballot.submitted)
