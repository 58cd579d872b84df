"""A vote from its opening to its closing: what is asked, who may answer, which ballots count.

    open -> adjourned | closed -> counted -> declared -> (challenged -> recounted) -> final

The rule, weights, groups and members at the opening decide the vote; its hash is in every ballot, so that neither text
nor rule can change under it. A ballot counts by its submission time: before the closing, by an entitled member, by a
key with full powers, for the certified text. What doesn't count is kept and shown with its reason. How it ends:
`counting`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from concordat import canonical
from concordat.council._body import Body, Hash, Id, Instant, MemberId, seconds, utc, year_of
from concordat.council._registry import event
from concordat.council.documents import Proposal, check_turn, move
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError, TrustError
from concordat.ledger.fold import Event

if TYPE_CHECKING:
    from concordat.council.decide.rules import Rule

CHOICES = ("yes", "no", "abstain", "object", "present_not_voting", "not_participating")
MIN_OPEN_S = 3_600
NOT_COUNTED_MAX = 1_000
LIVE = ("open", "counted", "declared", "challenged", "recounted")
ABOUT = {"withdraw ": "proposal", "adopt ": "dispute", "report ": "cycle"}
ISSUED = re.compile(r"[a-z]{1,4}-[0-9]{4}-[0-9]{3,}")


@dataclass(frozen=True)
class Ballot:
    """The ballot that counts for a member.

    Attributes:
        choice: one of `CHOICES`, or of an election the ranking or approvals. by: who cast it (a proxy, or the member).
        entry: the entry. superseded: earlier ones that it took the place of.
    """

    choice: Any
    by: str
    entry: str
    submitted: int
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sealed:
    """A member's commitment to a ballot, when it was submitted, and whether it was opened."""

    commitment: str
    entry: str
    opened: str = ""
    submitted: int = 0


@dataclass(frozen=True)
class Vote(Thing):
    """A vote.

    Attributes:
        subject: what is voted on; about: `proposal`, `amendment`, `withdraw`, `adopt`, `report` or `question`.
        rule, rule_version, rule_hash: under what. text: the hash that ballots must name. entitled: members with a vote.
        weights, groups: as at the opening. opened, closes: seconds. ballots: what counts. not_counted: (entry, member,
            reason). present: who was there at the closing, with the entries that say so.
        result: what every member computes, as plain data. result_hash: its hash. declared: who announced it.
    """

    subject: str
    about: str
    title: str
    method: str
    rule: str
    rule_version: int
    rule_hash: str
    rule_entry: str
    text: str
    meeting: str
    entitled: tuple[str, ...]
    weights: dict[str, dict[str, int]]
    weight_entries: dict[str, str]
    groups: dict[str, tuple[str, ...]]
    group_entries: dict[str, str]
    present_at_opening: tuple[str, ...]
    candidates: tuple[str, ...]
    opened: int
    closes: int
    reveal_until: int
    status: str
    entry: str
    ballots: dict[str, Ballot] = field(default_factory=dict)
    sealed: dict[str, Sealed] = field(default_factory=dict)
    proxies: dict[str, str] = field(default_factory=dict)
    not_counted: tuple[tuple[str, str, str], ...] = ()
    tie_broken: str = ""
    outcome: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    result_hash: str = ""
    declared: tuple[str, ...] = ()
    false_declarations: tuple[tuple[str, str], ...] = ()
    challenges: tuple[tuple[str, str], ...] = ()
    final_at: int = 0
    present: tuple[str, ...] = ()
    present_entries: tuple[str, ...] = ()
    objection_s: int = 0

    @property
    def objections_until(self) -> int:
        """Until when a formal objection may still come: of a consensus, some hours after the closing."""
        return self.closes + self.objection_s

    @property
    def ends(self) -> int:
        """After which moment nothing more can be cast, opened or objected."""
        return max(self.objections_until, self.reveal_until)

    @property
    def live(self) -> bool:
        """Whether it is not over: open, or counted and not yet final."""
        return self.status in LIVE

    def brief(self) -> str:
        """One line: subject and state."""
        return f"{self.id} {self.subject}: {self.status}{' ' + self.outcome if self.outcome else ''}"


class VoteOpenedBody(Body):
    subject: Annotated[str, Field(min_length=1, max_length=80)]
    title: Annotated[str, Field(max_length=300)] = ""
    rule: Id
    closes: Instant
    text: Hash
    meeting: Id | None = None
    candidates: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]], Field(max_length=200)
    ] = []
    reveal_until: Instant | None = None


class BallotCastBody(Body):
    vote: Id
    choice: (
        Annotated[str, Field(max_length=64)]
        | Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)]
    )
    text: Hash
    rule: Hash
    proxy_for: MemberId | None = None


class ProxyGivenBody(Body):
    vote: Id
    to: MemberId


class BallotCommittedBody(Body):
    vote: Id
    commitment: Hash
    text: Hash
    rule: Hash


class BallotRevealedBody(Body):
    vote: Id
    nonce: Hash
    ballot: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)]


def question_hash(subject: str, title: str) -> str:
    """The text that a vote on a free question, or on leave to withdraw, is about."""
    return canonical.digest({"subject": subject, "title": title})


def text_of(council: Council, subject: str, title: str) -> str:
    """The hash that ballots on a subject must name.

    Raises:
        RuleError: a proposal that isn't certified, an amendment whose turn it isn't, a report that isn't published, or
            a dispute that waits for no vote.
    """
    about = about_of(council, subject)
    proposal = council.find("proposal", subject)
    if proposal is not None:
        if proposal.status != "certified":
            raise RuleError(f"{subject} is {proposal.status}; only a certified text is voted on.", code="transition")
        return str(proposal.certified)
    amendment = council.find("amendment", subject)
    if amendment is not None:
        if amendment.status != "pending":
            raise RuleError(f"{subject} is {amendment.status}.", code="transition")
        if council.get("proposal", amendment.proposal).status != "tabled":
            raise RuleError(f"{amendment.proposal} is not open to amendments now.", code="transition")
        check_turn(council, amendment)
        return canonical.digest({"amendment": subject, "base": amendment.base, "change": amendment.change.model_dump()})
    if about == "report":
        cycle = council.get("cycle", subject.removeprefix("report "))
        if cycle.status != "final" or cycle.reports[-1:] == () or cycle.reports[-1][0] != "final":
            what = f"{cycle.id} is {cycle.status}; its final report is voted on once it is published."
            raise RuleError(what, code="transition")
        return canonical.digest({"report": cycle.reports[-1][1], "subject": subject, "title": title})
    if about == "adopt" and not rule_for(council, subject):
        case = council.get("dispute", subject.removeprefix("adopt ")).case
        raise RuleError(f"{case.case_id} is in the stage {case.stage}, which waits for no vote.", code="transition")
    return question_hash(subject, title)


def about_of(council: Council, subject: str) -> str:
    """What a subject is: a proposal, an amendment, `withdraw`, `adopt` or `report` of something, or a free question.

    Raises:
        RuleError: a question that reads like an id, issued or yet to be issued, or like one of those words.
        InputError: nothing of that id.
    """
    if council.find("proposal", subject):
        return "proposal"
    if council.find("amendment", subject):
        return "amendment"
    for word, kind in ABOUT.items():
        if subject.startswith(word):
            council.get(kind, subject.removeprefix(word))
            return word.strip()
    if ISSUED.fullmatch(subject) or council.find("commitment", subject):
        raise RuleError(f'"{subject}" reads like an id, and is none that can be voted on.', code="subject")
    return "question"


def rule_for(council: Council, subject: str) -> str:
    """The rule that a subject itself names; empty where the chair may choose."""
    about = about_of(council, subject)
    if about == "proposal":
        return str(council.get("proposal", subject).rule)
    if about == "amendment":
        return str(council.get("proposal", council.get("amendment", subject).proposal).amendment_rule)
    if about == "withdraw":
        return str(council.get("proposal", subject.removeprefix("withdraw ")).amendment_rule)
    if about == "report":
        return str(council.get("cycle", subject.removeprefix("report ")).rule)
    if about == "adopt":
        stage = council.get("dispute", subject.removeprefix("adopt ")).case.rules
        return str(stage.decide) if stage is not None and stage.decide else ""
    return ""


@event("VoteOpened", VoteOpenedBody)
def _opened(council: Council, found: Event, body: VoteOpenedBody) -> None:
    council.require_chair(found.entry.author, "open votes")
    if any(v.subject == body.subject and v.live for v in council.all("vote")):
        raise RuleError(f"a vote on {body.subject} is open.", code="twice")
    named = rule_for(council, body.subject)
    if named and body.rule != named:
        raise RuleError(f"{body.subject} is decided under {named}, not {body.rule}.", code="rule")
    text = text_of(council, body.subject, body.title)
    if body.text != text:
        raise RuleError(f"the text of {body.subject} is {text[:16]}, not {body.text[:16]}.", code="text")
    closes = seconds(body.closes, "$.body.closes")
    opened = max(found.submitted, council.ledger_time)
    if closes < opened + MIN_OPEN_S:
        what = f"it would close {utc(closes)}; it is taken up {utc(opened)}, and stays open for an hour at least."
        raise RuleError(what, code="closes")
    held = council.get("rule", body.rule)
    rule = parsed_rule(held.text)
    _check_rule(council, rule, body)
    meeting = council.get("meeting", body.meeting) if body.meeting else None
    reveal = seconds(body.reveal_until, "$.body.reveal_until") if body.reveal_until else 0
    if reveal and (rule.method != "election" or reveal <= closes):
        raise RuleError("only elections are sealed, and they are opened after the closing.", code="sealed")
    key = council.issue("v", year_of(found.submitted))
    groups = {name: council.get("group", name).members for name in rule.groups}
    weights = {name: dict(council.get("weights", name).values) for name in rule.weights}
    vote = Vote(
        id=key, subject=body.subject, title=body.title, method=rule.method, rule=rule.name, rule_version=rule.version,
        rule_hash=rule.hash, rule_entry=held.entry, text=text, meeting=body.meeting or "", entitled=council.members,
        weights=weights, weight_entries={name: council.get("weights", name).entry for name in rule.weights},
        groups=groups, group_entries={name: council.get("group", name).entry for name in rule.groups},
        present_at_opening=meeting.at(opened)[0] if meeting else (), candidates=tuple(body.candidates),
        about=about_of(council, body.subject), opened=opened, closes=closes, reveal_until=reveal, status="open",
        entry=found.entry.id, objection_s=rule.objection_hours.low * 3600,
    )  # fmt: skip
    proposal: Proposal | None = council.find("proposal", body.subject)
    if proposal is not None:
        move(council, proposal, "deciding", votes=(*proposal.votes, key))
    council.put("vote", vote)
    council.remind(vote.ends + council.merge_delay_s, "vote", key)


def _check_rule(council: Council, rule: Any, body: VoteOpenedBody) -> None:
    """The rule can be evaluated: its method is a vote's, its weights cover every member, its groups exist."""
    if rule.method == "silence":
        raise RuleError(
            f"{rule.name} is decided by silence.", hint="Start it: concordat council say SilenceStarted", code="method"
        )
    if rule.method == "election" and about_of(council, body.subject) != "question":
        raise RuleError(
            "an election answers a question of its own.", hint='Name it: "secretary of 2026".', code="method"
        )
    if rule.method == "election" and len(body.candidates) < 1:
        raise InputError("an election needs candidates.", where="$.body.candidates", code="candidates")
    if rule.method == "election":
        from concordat.council.decide.elections import check_size

        check_size(rule.election.system, len(body.candidates), rule.election.seats, len(council.members))
    if len(set(body.candidates)) < len(body.candidates):
        raise InputError("a candidate stands twice.", where="$.body.candidates", code="twice")
    for name in rule.weights:
        table = council.find("weights", name)
        missing = [m for m in council.members if table is None or m not in table.values]
        if missing:
            what = f"{rule.name} needs the weight {name} of {', '.join(missing)}."
            raise InputError(what, hint="Adopt it (WeightsAdopted) before the vote is opened.", code="weights")
    for name in rule.groups:
        if council.find("group", name) is None:
            raise InputError(f"{rule.name} names the group {name}, which there is none of.", code="groups")


# --- Ballots ------------------------------------------------------------------------------------------------------


def refuse_ballot(council: Council, key: str, entry: str, member: str, reason: str) -> None:
    """Keep a ballot that doesn't count with its vote."""
    vote = council.find("vote", key)
    if vote is not None and vote.status == "open" and len(vote.not_counted) < NOT_COUNTED_MAX:
        row = (entry, member[:16], reason[:300])
        council.put("vote", replace(vote, not_counted=(*vote.not_counted, row)))


def _open_vote(council: Council, found: Event, body: Any, until: str = "closes") -> Vote:
    """The vote, open at the submission time; the ballot's text and rule are its own.

    Raises:
        RuleError: late, closed, or another text or rule.
    """
    vote: Vote = council.get("vote", body.vote)
    end = getattr(vote, until)
    if found.submitted > end or vote.status != "open":
        raise RuleError(f"late: submitted {utc(found.submitted)}, {vote.id} closed {utc(end)}.", code="late")
    if found.submitted < vote.opened:
        raise RuleError(f"submitted {utc(found.submitted)}, before {vote.id} was opened.", code="early")
    if body.text != vote.text:
        raise RuleError(f"it names the text {body.text[:16]}; {vote.id} is on {vote.text[:16]}.", code="stale_text")
    if body.rule != vote.rule_hash:
        raise RuleError(f"it names the rule {body.rule[:16]}; {vote.id} is under {vote.rule_hash[:16]}.", code="rule")
    return vote


@event("BallotCast", BallotCastBody)
def _cast(council: Council, found: Event, body: BallotCastBody) -> None:
    vote = _open_vote(council, found, body, "objections_until" if body.choice == "object" else "closes")
    rule = rule_of(council, vote)
    if vote.reveal_until:
        raise RuleError(
            f"{vote.id} is sealed: commit to a ballot first.", hint="As concordat council cast does.", code="sealed"
        )
    member = body.proxy_for or found.entry.author
    if member not in vote.entitled:
        raise RuleError(f"{member} has no vote in {vote.id}.", code="entitled")
    if body.proxy_for:
        _check_proxy(council, vote, found.entry.author, member, rule.proxy)
    choice = check_choice(vote, body.choice)
    before = vote.ballots.get(member)
    if before is not None:
        if before.by == member and body.proxy_for:
            raise RuleError(f"{member} has voted itself.", code="proxy")
        if rule.vote_change == "never" and not (before.by != member and not body.proxy_for):
            raise RuleError(f"{member} has voted, and {rule.name} lets no vote be changed.", code="change")
        own = before.by != member and not body.proxy_for  # a member's own ballot goes before its proxy's
        if found.submitted < before.submitted and not own:
            raise RuleError(f"{member} has cast a later ballot.", code="superseded")
    old = (*before.superseded, before.entry) if before else ()
    ballot = Ballot(choice, found.entry.author, found.entry.id, found.submitted, old)
    council.put("vote", replace(vote, ballots={**vote.ballots, member: ballot}))


def rule_of(council: Council, vote: Vote) -> Rule:
    """The rule of a vote as it was at the opening."""
    return parsed_rule(council.get("rule_version", vote.rule_hash).text)


@lru_cache(maxsize=256)
def parsed_rule(text: str) -> Rule:
    """A rule from its text; the last few are remembered."""
    from concordat.council.decide.rules import Rule

    return Rule.load(text, where="rule")


def check_choice(vote: Vote, choice: Any) -> Any:
    """A choice as the vote's method knows it.

    Raises:
        InputError: something else.
    """
    if vote.method != "election":
        if choice not in CHOICES:
            raise InputError(
                f'"{str(choice)[:40]}" is no choice.', where="$.body.choice", hint=f"One of {', '.join(CHOICES)}."
            )
        if choice == "object" and vote.method != "consensus":
            raise InputError("one objects to a consensus; here one votes no.", where="$.body.choice", code="choice")
        return choice
    ranking = [choice] if isinstance(choice, str) else list(choice)
    strange = [c for c in ranking if c not in vote.candidates]
    if strange or len(set(ranking)) < len(ranking):
        what = f'"{strange[0]}" is no candidate.' if strange else "a candidate stands twice."
        raise InputError(what, where="$.body.choice", hint=f"Candidates: {', '.join(vote.candidates)}.", code="choice")
    return ranking


def _check_proxy(council: Council, vote: Vote, holder: str, member: str, most: int) -> None:
    if vote.proxies.get(member) != holder:
        raise RuleError(
            f"{member} has given {holder} no proxy for {vote.id}.", hint="ProxyGiven, signed by it.", code="proxy"
        )
    held = sorted(m for m, b in vote.ballots.items() if b.by == holder and m != holder and m != member)
    if len(held) >= most:
        raise RuleError(
            f"{holder} votes for {', '.join(held) or 'nobody'} already; the rule allows {most}.", code="proxy"
        )
    if holder not in vote.entitled:
        raise RuleError(f"{holder} has no vote in {vote.id}.", code="entitled")


@event("ProxyGiven", ProxyGivenBody)
def _proxy(council: Council, found: Event, body: ProxyGivenBody) -> None:
    vote: Vote = council.get("vote", body.vote)
    if vote.status != "open" or found.submitted > vote.closes:
        raise RuleError(f"{vote.id} is closed.", code="late")
    if body.to == found.entry.author:
        raise RuleError("a member is no proxy of its own.", code="proxy")
    council.put("vote", replace(vote, proxies={**vote.proxies, found.entry.author: body.to}))


@event("BallotCommitted", BallotCommittedBody)
def _committed(council: Council, found: Event, body: BallotCommittedBody) -> None:
    vote = _open_vote(council, found, body)
    member = found.entry.author
    if not vote.reveal_until:
        raise RuleError(f"{vote.id} is an open vote.", code="sealed")
    if member not in vote.entitled:
        raise RuleError(f"{member} has no vote in {vote.id}.", code="entitled")
    before = vote.sealed.get(member)
    if before is not None and found.submitted < before.submitted:
        raise RuleError(f"{member} has committed to a later ballot.", code="superseded")
    sealed = Sealed(body.commitment, found.entry.id, submitted=found.submitted)
    council.put("vote", replace(vote, sealed={**vote.sealed, member: sealed}))


@event("BallotRevealed", BallotRevealedBody)
def _revealed(council: Council, found: Event, body: BallotRevealedBody) -> None:
    from concordat.council.decide.sealed import check_reveal

    vote: Vote = council.get("vote", body.vote)
    member = found.entry.author
    sealed = vote.sealed.get(member)
    if sealed is None:
        raise RuleError(f"{member} committed to no ballot in {vote.id}.", code="sealed")
    if not vote.closes < found.submitted <= vote.reveal_until or vote.status != "open":
        what = f"ballots of {vote.id} are opened from {utc(vote.closes)} to {utc(vote.reveal_until)}."
        raise RuleError(f"submitted {utc(found.submitted)}; {what}", code="late")
    try:
        check_reveal(sealed.commitment, vote.id, member, bytes.fromhex(body.nonce), list(body.ballot))
    except TrustError as error:
        raise RuleError(str(error), code="sealed") from None
    ballot = Ballot(check_choice(vote, body.ballot), member, found.entry.id, found.submitted, (sealed.entry,))
    council.put(
        "vote",
        replace(
            vote,
            ballots={**vote.ballots, member: ballot},
            sealed={**vote.sealed, member: replace(sealed, opened=found.entry.id)},
        ),
    )
