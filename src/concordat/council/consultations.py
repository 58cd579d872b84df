"""Consultations on the record: statements, moderation with reasons, opinions of delegations or of a public.

The two publics are never mixed. A delegation's opinions are its member's own entries. Citizens need no key: the member
that hosts them writes batches of at most 500 opinions with salted hashes for voter ids, so stuffing is one host's, and
shows in the stability by host. The last opinion of a voter on a statement counts; all are kept. What the votes come to
is computed by `council.consult`; the state holds a running hash of the entries, and `votes` the table itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field

from concordat.council._body import Body, Id, Instant, Language, Line, seconds, utc, year_of
from concordat.council._registry import event
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event

STATEMENTS_MAX = 10_000
STATEMENT_CHARACTERS = 1_000
VOTERS_MAX = 100_000
BATCH_MAX = 500
CHOICES = {"agree": 1, "pass": 0, "disagree": -1}
VOTER = r"^[0-9a-f]{16,64}$"
WHAT_SHOWS = (
    "A delegation's statements and opinions are entries signed by its member: everybody sees who said what, for ever.",
    "A citizen's opinions stand under a salted hash that only the hosting member can relate to a person.",
)


@dataclass(frozen=True)
class Statement:
    """A statement of a consultation; its number is its id there."""

    number: int
    author: str
    text: str
    language: str
    translation: bool
    entry: str
    moderated: int = 0  # 1 accepted, 0 not looked at, -1 rejected, as Polis exports it
    meta: bool = False
    reason: str = ""

    def to_value(self) -> list[Any]:
        """As plain data: the entry stands for the words."""
        return [self.number, self.author, self.entry, self.moderated, self.meta]


@dataclass(frozen=True)
class Consultation(Thing):
    """A consultation.

    Attributes:
        public: `delegations` or `public`. proposal: what it is about, or empty. closes: seconds. opinions: entries with
            opinions so far. digest: the running hash of these entries.
    """

    title: str
    public: str
    proposal: str
    opened: int
    closes: int
    status: str
    entry: str
    statements: tuple[Statement, ...] = ()
    opinions: int = 0
    digest: str = ""


@dataclass
class Votes:
    """The opinions of a consultation: voter -> statement number -> +1, 0, -1; each voter's host; the entries."""

    cells: dict[str, dict[int, int]] = field(default_factory=dict)
    host: dict[str, str] = field(default_factory=dict)
    entries: list[str] = field(default_factory=list)
    hosted: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Votes:
        """The same votes, which no later entry changes: a voter's row is never changed, another takes its place."""
        return Votes(dict(self.cells), dict(self.host), list(self.entries), dict(self.hosted))


class ConsultationOpenedBody(Body):
    title: Line
    public: Literal["delegations", "public"] = "delegations"
    proposal: Id | None = None
    closes: Instant


class StatementSubmittedBody(Body):
    consultation: Id
    text: Annotated[str, Field(min_length=1, max_length=STATEMENT_CHARACTERS)]
    language: Language = "en"
    translation: bool = False


class StatementModeratedBody(Body):
    consultation: Id
    statement: Annotated[int, Field(ge=1)]
    decision: Literal["accepted", "rejected", "open"]
    meta: bool = False
    reason: Line


class OpinionVotedBody(Body):
    consultation: Id
    opinions: Annotated[
        list[Annotated[list[str | int], Field(min_length=2, max_length=3)]], Field(min_length=1, max_length=BATCH_MAX)
    ]


class ConsultationClosedBody(Body):
    consultation: Id


def votes_of(council: Council, key: str) -> Votes:
    """The opinions of a consultation, not to be changed."""
    found: Votes | None = council.opinions.get(key)
    return found if found is not None else Votes()


@event("ConsultationOpened", ConsultationOpenedBody)
def _opened(council: Council, found: Event, body: ConsultationOpenedBody) -> None:
    closes = seconds(body.closes, "$.body.closes")
    if closes <= max(found.submitted, council.ledger_time):
        raise RuleError(f"it would close {utc(closes)}, before it opened.", code="closes")
    if body.proposal:
        proposal = council.get("proposal", body.proposal)
        if proposal.status != "tabled":
            raise RuleError(f"{proposal.id} is {proposal.status}.", code="transition")
    key = council.issue("c", year_of(found.submitted))
    council.put(
        "consultation",
        Consultation(
            key, body.title, body.public, body.proposal or "", found.submitted, closes, "open", found.entry.id
        ),
    )
    council.remind(closes + council.merge_delay_s, "consultation", key)


def _open(council: Council, found: Event, key: str) -> Consultation:
    consultation: Consultation = council.get("consultation", key)
    if consultation.status != "open" or found.submitted > consultation.closes:
        raise RuleError(f"late: {key} closed {utc(consultation.closes)}.", code="late")
    return consultation


@event("StatementSubmitted", StatementSubmittedBody, observers=True)
def _statement(council: Council, found: Event, body: StatementSubmittedBody) -> None:
    consultation = _open(council, found, body.consultation)
    if len(consultation.statements) >= STATEMENTS_MAX:
        raise RuleError(f"a consultation has at most {STATEMENTS_MAX:,} statements.", code="too_many")
    share = max(1, STATEMENTS_MAX // max(1, len(council.members)))
    if sum(s.author == found.entry.author for s in consultation.statements) >= share:
        raise RuleError(f"a member submits at most {share:,} statements.", code="too_many")
    if any(s.text == body.text for s in consultation.statements):
        raise RuleError("that statement stands there already.", code="twice")
    number = len(consultation.statements) + 1
    entry = found.entry
    statement = Statement(number, entry.author, body.text, body.language, body.translation, entry.id)
    council.put("consultation", replace(consultation, statements=(*consultation.statements, statement)))


@event("StatementModerated", StatementModeratedBody)
def _moderated(council: Council, found: Event, body: StatementModeratedBody) -> None:
    council.require_chair(found.entry.author, "moderate")
    consultation = _open(council, found, body.consultation)
    if not 1 <= body.statement <= len(consultation.statements):
        raise InputError(f"there is no statement {body.statement}.", where="$.body.statement", code="unknown_id")
    state = {"accepted": 1, "open": 0, "rejected": -1}[body.decision]
    rows = list(consultation.statements)
    old = rows[body.statement - 1]
    rows[body.statement - 1] = replace(old, moderated=state, meta=body.meta, reason=body.reason)
    council.put("consultation", replace(consultation, statements=tuple(rows)))


@event("OpinionVoted", OpinionVotedBody)
def _opinion(council: Council, found: Event, body: OpinionVotedBody) -> None:
    """[statement, choice] of a delegation, or [voter, statement, choice] in a batch of a public's host."""
    consultation = _open(council, found, body.consultation)
    rows = [_row(row, n, consultation, found.entry.author) for n, row in enumerate(body.opinions)]
    table: Votes = council.opinions.setdefault(consultation.id, Votes())
    author = found.entry.author
    strange = next((v for v, _, _ in rows if table.host.get(v, author) != author), None)
    if strange is not None:
        raise RuleError(f"{table.host[strange]} hosts the voter {strange[:16]}.", code="host")
    fresh = {v for v, _, _ in rows} - set(table.cells)
    share = max(1, VOTERS_MAX // max(1, len(council.members)))
    if table.hosted.get(author, 0) + len(fresh) > share:
        raise RuleError(f"a member hosts at most {share:,} voters of a consultation.", code="too_many")
    table.hosted[author] = table.hosted.get(author, 0) + len(fresh)
    table.host.update(dict.fromkeys(fresh, author))
    said = {voter: dict(table.cells.get(voter, {})) for voter, _, _ in rows}
    for voter, statement, choice in rows:
        said[voter][statement] = choice
    table.cells.update(said)
    table.entries.append(found.entry.id)
    digest = sha256(f"{consultation.digest} {found.entry.id}".encode()).hexdigest()
    council.put("consultation", replace(consultation, opinions=consultation.opinions + 1, digest=digest))


def _row(row: list[Any], n: int, consultation: Consultation, author: str) -> tuple[str, int, int]:
    import re

    where = f"$.body.opinions[{n}]"
    parts = [author, *row] if consultation.public == "delegations" else list(row)
    if len(parts) != 3:
        form = "[statement, choice]" if consultation.public == "delegations" else "[voter, statement, choice]"
        raise InputError(f"an opinion is {form}.", where=where, code="opinion")
    voter, statement, choice = parts
    if consultation.public == "public" and not (isinstance(voter, str) and re.fullmatch(VOTER, voter)):
        raise InputError("a voter is a salted hash of 16 to 64 hex digits.", where=where, code="voter")
    if type(statement) is not int or not 1 <= statement <= len(consultation.statements):
        raise InputError(f"there is no statement {str(statement)[:20]}.", where=where, code="unknown_id")
    if choice not in CHOICES:
        raise InputError(
            f'"{str(choice)[:20]}" is no opinion.', where=where, hint="agree, pass or disagree.", code="choice"
        )
    return voter, statement, CHOICES[choice]


@event("ConsultationClosed", ConsultationClosedBody)
def _closed(council: Council, found: Event, body: ConsultationClosedBody) -> None:
    consultation = _open(council, found, body.consultation)
    council.require_chair(found.entry.author, "close it before its hour")
    closes = min(consultation.closes, max(found.submitted, council.ledger_time))
    council.put("consultation", replace(consultation, closes=closes))
    council.remind(closes + council.merge_delay_s, "consultation", consultation.id)


def pass_consultation(council: Council, key: str, moment: int) -> None:
    """Its hour has come, and the merge delay with it."""
    consultation: Consultation = council.get("consultation", key)
    if consultation.status == "open" and moment >= consultation.closes + council.merge_delay_s:
        council.put("consultation", replace(consultation, status="closed"))


def as_votes(council: Council, key: str) -> Any:
    """A consultation as `council.consult` analyses it: who said what of which statement."""
    from concordat.council.consult.votes import Opinion, from_opinions
    from concordat.council.consult.votes import Statement as Said

    consultation: Consultation = council.get("consultation", key)
    table = votes_of(council, key)
    statements = [Said(str(s.number), s.text, s.moderated, s.meta) for s in consultation.statements]
    delegations = consultation.public == "delegations"
    opinions = [
        Opinion(
            voter, str(statement), choice, (0,), "" if delegations else table.host[voter], voter if delegations else ""
        )
        for voter, cells in table.cells.items()
        for statement, choice in cells.items()
    ]  # fmt: skip
    return from_opinions(
        opinions, statements, public="delegations" if delegations else "public", events=table.entries, where=key
    )
