"""What the proofs in a result file must say for the vote in it to be true: opening, rule, tables, attendance, ballots.

Each check raises `TrustError` at the first thing that doesn't hold. They ask only what entries say and when they were
submitted and taken up. Whether an entry had an effect when it was taken up is the record's to show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat.council._body import day_end, read_body, seconds, utc, year_of
from concordat.council._registry import KINDS
from concordat.council._result_model import VotePart
from concordat.council.voting import ABOUT, ISSUED, Ballot, Vote, check_choice
from concordat.errors import TrustError
from concordat.ledger.bundle import Verdict

ROLES: Mapping[str, tuple[str, ...]] = {
    "attendance": ("AttendanceRecorded",),
    "ballot": ("BallotCast", "BallotRevealed"),
    "closing": ("VoteClosed",),
    "commitment": ("BallotCommitted",),
    "group": ("GroupAdopted",),
    "opening": ("VoteOpened",),
    "powers": ("FullPowersIssued",),
    "proxy": ("ProxyGiven",),
    "rule": ("RuleAdopted",),
    "superseded": ("BallotCast", "BallotCommitted", "BallotRevealed"),
    "tie": ("TieBroken",),
    "weights": ("WeightsAdopted",),
}
NODE = "node"


@dataclass(frozen=True)
class Said:
    """An entry of the file, proved final: its body as read, when it was submitted, and the batch that took it up."""

    verdict: Verdict
    body: Any
    submitted: int
    point: tuple[int, int]

    @property
    def author(self) -> str:
        """The member that said it."""
        return self.verdict.entry.author

    @property
    def type(self) -> str:
        """The type of the entry."""
        return self.verdict.entry.type


def said(verdict: Verdict, role: str, where: str) -> Said:
    """An entry of a file in its role.

    Raises:
        TrustError: not final, or of a type that the role has not. InputError: its body has another form.
    """
    entry = verdict.entry
    if not verdict.final or verdict.submitted is None or verdict.point is None:
        raise TrustError(f"{entry.type} of {entry.author} is not final.", where=where, code="pending")
    if entry.type not in ROLES.get(role, ()):
        raise TrustError(f"{entry.type} of {entry.author} is no {role[:20]}.", where=where, code="evidence")
    body = read_body(KINDS[entry.type].body, entry.body, entry.type)
    return Said(verdict, body, verdict.submitted, (verdict.point.view, verdict.point.batch))


class Proofs:
    """The entries of a file by id, and where they stand."""

    def __init__(self, found: Mapping[str, Said], where: str) -> None:
        self.found = found
        self.where = where

    def one(self, entry: str, *kinds: str) -> Said:
        """The entry of that id and type.

        Raises:
            TrustError: the file proves none.
        """
        held = self.found.get(entry)
        if held is None or held.type not in kinds:
            what = f"there is no proof of the {' or '.join(kinds)} {entry[:16]}."
            raise TrustError(what, where=self.where, code="missing")
        return held

    def any(self, kind: str, what: str, fits: Callable[[Said], bool]) -> Said:
        """The first entry of a type that fits.

        Raises:
            TrustError: there is none; `what` says of what there is no proof.
        """
        held = next((s for _, s in sorted(self.found.items()) if s.type == kind and fits(s)), None)
        if held is None:
            raise TrustError(f"there is no proof that {what}.", where=self.where, code="missing")
        return held

    def refuse(self, what: str, code: str, place: str = "") -> TrustError:
        """The error for something that doesn't hold."""
        return TrustError(what, where=f"{self.where}{', ' + place if place else ''}", code=code)


def check_opening(vote: Vote, proofs: Proofs) -> Said:
    """The vote is as its opening says; it closed at that hour, or earlier by the chair's word, all ballots in."""
    opening = proofs.one(vote.entry, "VoteOpened")
    body = opening.body
    reveal = seconds(body.reveal_until) if body.reveal_until else 0
    theirs = (body.subject, body.title, body.rule, body.text, body.meeting or "", tuple(body.candidates), reveal)
    ours = (vote.subject, vote.title, vote.rule, vote.text, vote.meeting, vote.candidates, vote.reveal_until)
    if theirs != ours or not vote.id.startswith(f"v-{year_of(opening.submitted)}-"):
        raise proofs.refuse("the opening says something else.", "opening")
    if vote.opened < opening.submitted:
        raise proofs.refuse("it was opened later than the vote says.", "opening")
    if vote.about != _about(vote.subject):
        raise proofs.refuse(f'"{vote.subject}" is no {vote.about}.', "opening")
    end = seconds(body.closes)
    if vote.closes != end:
        closing = proofs.any(
            "VoteClosed", f"{vote.id} was closed {utc(vote.closes)}", lambda s: bool(s.body.vote == vote.id)
        )
        if not closing.submitted <= vote.closes < end or set(vote.entitled) - set(vote.ballots) or reveal:
            raise proofs.refuse(f"it closed {utc(end)}, not {utc(vote.closes)}.", "closing")
    return opening


def _about(subject: str) -> str:
    """What a subject is: no question may read like an id, or begin with a word that means something."""
    word = next((word for word in ABOUT if subject.startswith(word)), "")
    kinds = {"a": "amendment", "p": "proposal"} if ISSUED.fullmatch(subject) else {}
    return word.strip() or kinds.get(subject[0], "question")


def rule_text(vote: Vote, opening: Said, proofs: Proofs) -> str:
    """The text of the rule that every ballot names, on the record before the vote was opened."""
    from concordat.council.decide.rules import Rule

    adopted = proofs.one(vote.rule_entry, "RuleAdopted")
    if adopted.point > opening.point:
        raise proofs.refuse("the rule was adopted after the opening.", "rule")
    for text in adopted.body.rules:
        rule = Rule.load(text, where="rule")
        if (rule.hash, rule.name, rule.version) == (vote.rule_hash, vote.rule, vote.rule_version):
            if vote.objection_s != rule.objection_hours.low * 3600:
                raise proofs.refuse(f"{rule.name} lets objections come at other times.", "rule")
            if rule.method != vote.method:
                raise proofs.refuse(f"{rule.name} is a {rule.method}, not a {vote.method}.", "rule")
            return str(text)
    raise proofs.refuse(f"the proof holds no rule {vote.rule_hash[:16]}.", "rule")


def check_tables(vote: Vote, rule: Any, opening: Said, proofs: Proofs) -> None:
    """The weights and groups that the rule asks for are those of entries from before the opening."""
    if not set(vote.weights) == set(vote.weight_entries) == set(rule.weights):
        raise proofs.refuse(f"the weights are not those that {rule.name} names.", "weights")
    if not set(vote.groups) == set(vote.group_entries) == set(rule.groups):
        raise proofs.refuse(f"the groups are not those that {rule.name} names.", "groups")
    for name, entry in sorted(vote.weight_entries.items()):
        held = proofs.one(entry, "WeightsAdopted")
        if held.body.table != name or dict(held.body.values) != vote.weights[name] or held.point > opening.point:
            raise proofs.refuse(f"the weights {name} are not those adopted.", "weights")
    for name, entry in sorted(vote.group_entries.items()):
        held = proofs.one(entry, "GroupAdopted")
        members = tuple(sorted(set(held.body.members)))
        if held.body.group != name or members != vote.groups[name] or held.point > opening.point:
            raise proofs.refuse(f"the group {name} is not the one adopted.", "groups")


def check_attendance(vote: Vote, part: VotePart, head: Any, proofs: Proofs) -> None:
    """Who counts as present was recorded so in the vote's meeting, or cast a ballot."""
    at_opening = _present(vote, part.opening_entries, vote.opened, proofs)
    at_closing = _present(vote, part.present_entries, vote.closes, proofs)
    entitled = set(vote.entitled)
    if not set(head.at_opening) == set(vote.present_at_opening) == at_opening & entitled:
        raise proofs.refuse("who was present at the opening is not what was recorded.", "attendance")
    there = {m for m, b in vote.ballots.items() if b.choice != "not_participating"}
    odd = sorted(((at_closing | there) & entitled) ^ set(head.at_vote))
    if odd:
        is_there = odd[0] in head.at_vote
        what = (
            "counts as present, and neither record nor ballot says so" if is_there else "was present, and isn't counted"
        )
        raise proofs.refuse(f"{odd[0]} {what}.", "attendance")
    if tuple(head.at_vote) != vote.present or tuple(head.at_opening) != vote.present_at_opening:
        raise proofs.refuse("who was present is not what was counted.", "attendance")


def _present(vote: Vote, entries: Iterable[str], until: int, proofs: Proofs) -> set[str]:
    """The chair's list takes the place of what was recorded before; a member's own word adds itself."""
    present: set[str] = set()
    for entry in entries:
        record = proofs.one(entry, "AttendanceRecorded")
        if not vote.meeting or record.body.meeting != vote.meeting or record.submitted > until:
            raise proofs.refuse("a record of attendance is of another meeting, or later.", "attendance")
        own = record.body.present == [record.author]
        present = {*present, *record.body.present} if own else set(record.body.present)
    return present


def check_ballots(vote: Vote, rule: Any, proofs: Proofs) -> None:
    """Every ballot is an entitled member's or its proxy's, and no proxy votes for more than the rule allows."""
    strangers = sorted(set(vote.ballots) - set(vote.entitled))
    if strangers:
        raise proofs.refuse(f"{strangers[0]} has no vote in it.", "entitled")
    if len({b.entry for b in vote.ballots.values()}) < len(vote.ballots):
        raise proofs.refuse("one entry is the ballot of two members.", "ballot")
    for member in sorted(vote.sealed):
        _check_sealed(vote, member, proofs)
    for member, ballot in sorted(vote.ballots.items()):
        _check_ballot(vote, rule, member, ballot, proofs)
    held = Counter(b.by for m, b in vote.ballots.items() if b.by != m)
    for holder, count in sorted(held.items()):
        if count > rule.proxy or holder not in vote.entitled:
            raise proofs.refuse(f"{holder} votes for {count} others; {rule.name} allows {rule.proxy}.", "proxy")


def _check_sealed(vote: Vote, member: str, proofs: Proofs) -> None:
    """A member's commitment, made while the vote was open; what opened it is its ballot."""
    sealed = vote.sealed[member]
    found = proofs.one(sealed.entry, "BallotCommitted")
    theirs = (found.author, found.body.vote, found.body.text, found.body.rule, found.body.commitment)
    ballot = vote.ballots.get(member)
    in_time = vote.opened <= found.submitted <= vote.closes
    same = theirs == (member, vote.id, vote.text, vote.rule_hash, sealed.commitment)
    opened = ballot.entry if ballot else ""
    if not same or not in_time or not vote.reveal_until or (member in vote.entitled and sealed.opened != opened):
        raise proofs.refuse("it was sealed otherwise.", "sealed", f"ballot of {member}")


def _check_ballot(vote: Vote, rule: Any, member: str, ballot: Ballot, proofs: Proofs) -> None:
    """One ballot: the member's or its proxy's, on this text under this rule, in time, with this choice."""
    place = f"ballot of {member}"
    found = proofs.one(ballot.entry, "BallotRevealed" if vote.reveal_until else "BallotCast")
    body = found.body
    if body.vote != vote.id or found.author != ballot.by:
        raise proofs.refuse("it is of another vote or member.", "ballot", place)
    start, end = vote.opened, vote.closes
    if vote.reveal_until:
        choice: Any = _revealed(vote, member, body, proofs)
        start, end = vote.closes + 1, vote.reveal_until
    else:
        choice = body.choice
        if body.text != vote.text or body.rule != vote.rule_hash:
            raise proofs.refuse("it names another text or rule.", "ballot", place)
        if (body.proxy_for or found.author) != member:
            raise proofs.refuse("it is not for this member.", "ballot", place)
        if choice == "object" and vote.method == "consensus":
            end += rule.objection_hours.low * 3600
    if not start <= found.submitted <= end or found.submitted != ballot.submitted:
        raise proofs.refuse("it was submitted at another time, early or late.", "ballot", place)
    choice = [choice] if vote.method == "election" and isinstance(choice, str) else choice
    if choice != ballot.choice:
        raise proofs.refuse(f"it says {choice}, the result {ballot.choice}.", "ballot", place)
    check_choice(vote, choice)
    if ballot.by != member:
        _check_proxy(vote, member, found, proofs)
    for entry in ballot.superseded:
        before = proofs.one(entry, *ROLES["superseded"])
        of = getattr(before.body, "proxy_for", None) or before.author
        if before.body.vote != vote.id or of != member:
            raise proofs.refuse("it takes the place of another vote's or member's ballot.", "ballot", place)


def _revealed(vote: Vote, member: str, body: Any, proofs: Proofs) -> list[str]:
    from concordat.council.decide.sealed import check_reveal

    sealed = vote.sealed.get(member)
    if sealed is None:
        raise proofs.refuse("it was never sealed.", "sealed", f"ballot of {member}")
    check_reveal(sealed.commitment, vote.id, member, bytes.fromhex(body.nonce), list(body.ballot))
    return list(body.ballot)


def _check_proxy(vote: Vote, member: str, ballot: Said, proofs: Proofs) -> None:
    def gives(s: Said) -> bool:
        before = s.point <= ballot.point and s.submitted <= vote.closes
        return bool((s.author, s.body.vote, s.body.to) == (member, vote.id, ballot.author) and before)

    proofs.any("ProxyGiven", f"{member} gave {ballot.author} a proxy", gives)


def check_tie(vote: Vote, proofs: Proofs) -> None:
    """A tie was broken by an entry behind the closing that says so."""
    if vote.tie_broken:
        proofs.any(
            "TieBroken",
            f"the chair broke the tie with {vote.tie_broken}",
            lambda s: bool(
                (s.body.vote, s.body.choice) == (vote.id, vote.tie_broken)
                and s.submitted >= max(vote.closes, vote.reveal_until)
            ),
        )


def check_powers(proofs: Proofs, places: Mapping[str, str]) -> list[str]:
    """A delegate's key spoke with full powers. What isn't proved of entries behind rules and tables is given back.

    Args:
        places: by entry, its role in the file.
    """
    open_: list[str] = []
    for entry, held in sorted(proofs.found.items()):
        person = held.verdict.entry.person
        if person == NODE:
            continue

        def covers(s: Said, held: Said = held, person: str = person) -> bool:
            until = day_end(s.body.until) if s.body.until else None
            in_time = s.submitted <= held.submitted and (until is None or held.submitted < until)
            scope = "all" in s.body.scope or held.type in s.body.scope
            issued = s.author == held.author and s.body.person == person and s.verdict.entry.person == NODE
            return bool(issued and in_time and scope and s.point <= held.point)

        words = f"{held.author}.{person} had full powers for its {held.type}"
        if places[entry] in ("attendance", "group", "rule", "weights"):
            if not any(s.type == "FullPowersIssued" and covers(s) for s in proofs.found.values()):
                open_.append(f"that {words}")
        else:
            proofs.any("FullPowersIssued", words, covers)
    return open_
