"""What is proposed, how it is amended and certified.

    draft -> tabled -> [consultation] -> certified -> deciding -> adopted | rejected | deferred | withdrawn

Amendments stand against the hash of a version: a stale base is refused with the rebase that would hold. Two on one
paragraph are voted in the order that the chair has recorded, furthest from the text first; when one is adopted the
others on that paragraph fall, and those on other paragraphs go on against the new version. `TextCertified` fixes the
hashes of all authentic languages at once; what is voted on is that text and no other.

Who stands apart from what was adopted: `standings`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from concordat.council._body import Body, Hash, Id, Language, Line, Words, year_of
from concordat.council._registry import event
from concordat.council.constitution import act_hash, spend_decision
from concordat.council.state import Council, Thing
from concordat.council.texts import (
    ChangeBody,
    ParagraphBody,
    ParagraphId,
    Version,
    changed,
    hash_of,
    rebase,
    supplied,
    version_of,
)
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event

KINDS = ("proposal", "report", "rule", "weights", "group", "member", "chair", "commitment")
VERSIONS_MAX = 200
AMENDMENTS_OF_ONE_MAX = 20  # pending, by one member to one text
TEXT_BYTES_MAX = 200_000
MOVES: dict[str, tuple[str, ...]] = {
    "tabled": ("certified", "withdrawn", "deferred"),
    "certified": ("deciding", "withdrawn", "deferred", "tabled"),  # an amendment that breaks a silence reopens the text
    "deciding": ("adopted", "rejected", "certified", "deferred", "withdrawn"),
    "deferred": ("tabled",),
    "adopted": ("in_force",),
    "in_force": ("amended", "ended"),
    "rejected": (),
    "withdrawn": (),
    "amended": (),
    "ended": (),
}


@dataclass(frozen=True)
class Proposal(Thing):
    """A proposal with every version of its text.

    Attributes:
        kind: what it is. author: who tabled it. rule: under which it is to be decided; amendment_rule: under which
            its amendments are. act: the hash of the act of the
            constitution that it would allow, or empty. authentic: languages that count. certified: the version's hash
            once certified. votes: the votes held on it. entry: the entry that tabled it.
    """

    kind: str
    title: str
    author: str
    rule: str
    act: str
    authentic: tuple[str, ...]
    status: str
    versions: tuple[Version, ...]
    certified: str
    votes: tuple[str, ...]
    entry: str
    tabled: int
    amendment_rule: str = ""
    order: tuple[str, ...] = ()
    order_reason: str = ""
    order_entry: str = ""

    @property
    def text(self) -> Version:
        """The newest version."""
        return self.versions[-1]


@dataclass(frozen=True)
class Amendment(Thing):
    """An amendment: pending, adopted, rejected, fallen or withdrawn."""

    proposal: str
    author: str
    base: str
    change: ChangeBody
    reason: str
    status: str
    entry: str

    def to_value(self) -> dict[str, object]:
        """As plain data."""
        return {
            "author": self.author, "base": self.base, "batch": list(self.batch), "change": self.change.model_dump(),
            "entry": self.entry, "id": self.id, "proposal": self.proposal, "reason": self.reason, "status": self.status,
        }  # fmt: skip


class ProposalTabledBody(Body):
    kind: Literal["proposal", "report", "rule", "weights", "group", "member", "chair", "commitment"] = "proposal"
    title: Line
    rule: Id
    amendment_rule: Id | None = None
    texts: dict[Language, Annotated[list[ParagraphBody], Field(min_length=1, max_length=500)]]
    authentic: Annotated[list[Language], Field(min_length=1, max_length=20)]
    act: Hash | None = None


class ProposalWithdrawnBody(Body):
    proposal: Id
    leave: Id | None = None


class ProposalDeferredBody(Body):
    proposal: Id
    reason: Line
    resumed: bool = False


class ProposalEndedBody(Body):
    """An adopted text ends, or another takes its place."""

    proposal: Id
    to: Literal["amended", "ended"]
    by: Id | None = None
    decision: Id


class AmendmentTabledBody(Body):
    proposal: Id
    base: Hash
    change: ChangeBody
    reason: Annotated[str, Field(max_length=1000)] = ""


class AmendmentWithdrawnBody(Body):
    amendment: Id


class AmendmentsOrderedBody(Body):
    proposal: Id
    order: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    reason: Line


class TranslationSuppliedBody(Body):
    proposal: Id
    base: Hash
    language: Language
    words: dict[ParagraphId, Words]


class TextCertifiedBody(Body):
    proposal: Id
    version: Hash
    languages: dict[Language, Hash]


def move(council: Council, proposal: Proposal, to: str, **changes: object) -> Proposal:
    """A proposal in its next state.

    Raises:
        RuleError: no such transition; the state is unchanged.
    """
    if to not in MOVES[proposal.status]:
        ways = ", ".join(MOVES[proposal.status]) or "nowhere"
        raise RuleError(
            f"{proposal.id} is {proposal.status}; from there it goes to {ways}, not {to}.", code="transition"
        )
    return council.put("proposal", replace(proposal, status=to, **changes))  # type: ignore[arg-type]


def amendments_of(council: Council, proposal: str, status: str = "pending") -> list[Amendment]:
    """The amendments to a proposal in a state, in order of their ids."""
    return [a for a in council.all("amendment") if a.proposal == proposal and a.status == status]


@event("ProposalTabled", ProposalTabledBody)
def _tabled(council: Council, found: Event, body: ProposalTabledBody) -> None:
    version = version_of({k: [(p.id, p.text) for p in rows] for k, rows in body.texts.items()}, "tabled")
    lacking = sorted(set(body.authentic) - set(body.texts))
    if lacking:
        what = f"{lacking[0]} is to be authentic, and there is no {lacking[0]} text."
        raise InputError(what, where="$.body.authentic", hint="Give it, or leave it out.", code="language")
    council.get("rule", body.rule)
    council.get("rule", body.amendment_rule or body.rule)
    key = council.issue("p", year_of(found.submitted))
    council.put(
        "proposal",
        Proposal(
            key, body.kind, body.title, found.entry.author, body.rule, body.act or "",
            tuple(sorted(set(body.authentic))),
            "tabled", (version,), "", (), found.entry.id, found.submitted, body.amendment_rule or body.rule,
        ),
    )  # fmt: skip


@event("ProposalWithdrawn", ProposalWithdrawnBody)
def _withdrawn(council: Council, found: Event, body: ProposalWithdrawnBody) -> None:
    proposal: Proposal = council.get("proposal", body.proposal)
    if proposal.author != found.entry.author:
        raise RuleError(f"{proposal.id} is {proposal.author}'s to withdraw.", code="author")
    held = council.find("vote", proposal.votes[-1]) if proposal.votes and proposal.status == "deciding" else None
    if proposal.status == "deciding":
        leave = council.find("vote", body.leave or "")
        if leave is None or leave.about != "withdraw" or leave.subject != f"withdraw {proposal.id}":
            raise RuleError(
                "a vote is open: it is withdrawn by leave of the meeting.",
                hint=f'Hold a vote on "withdraw {proposal.id}", and name it.',
                code="leave",
            )
        if leave.outcome != "adopted" or leave.status != "final":
            hint = f'Hold a vote on "withdraw {proposal.id}", and name it.'
            raise RuleError("a vote is open: it is withdrawn by leave of the meeting.", hint=hint, code="leave")
        if held is not None and (leave.opened < held.opened or held.status != "open"):
            what = (
                f"{leave.id} was given before {held.id} was opened."
                if held.status == "open"
                else f"{held.id} is counted."
            )
            raise RuleError(what, hint="It takes leave while the vote is open.", code="leave")
    move(council, proposal, "withdrawn")
    if held is not None:
        council.put("vote", replace(held, status="withdrawn", outcome="withdrawn"))
    for silence in [s for s in council.all("silence") if s.proposal == proposal.id]:
        if silence.status in ("running", "extended"):  # else it would end as adopted, of a text that nobody proposes
            council.put("silence", replace(silence, status="withdrawn"))
    for amendment in amendments_of(council, proposal.id):
        council.put("amendment", replace(amendment, status="fallen"))


@event("ProposalDeferred", ProposalDeferredBody)
def _deferred(council: Council, found: Event, body: ProposalDeferredBody) -> None:
    council.require_chair(found.entry.author, "defer proposals")
    proposal = council.get("proposal", body.proposal)
    if proposal.status == "deciding":
        raise RuleError(f"a vote on {proposal.id} is open.", code="transition")
    if body.resumed and proposal.status != "deferred":
        raise RuleError(f"{proposal.id} is {proposal.status}; what is deferred is resumed.", code="transition")
    if body.resumed:
        move(council, proposal, "tabled", certified="")
    else:
        move(council, proposal, "deferred")


@event("ProposalEnded", ProposalEndedBody)
def _ended(council: Council, found: Event, body: ProposalEndedBody) -> None:
    proposal: Proposal = council.get("proposal", body.proposal)
    if proposal.status not in ("adopted", "in_force"):
        raise RuleError(f"{proposal.id} is {proposal.status}; what is adopted ends.", code="transition")
    if body.to == "amended" and council.get("proposal", body.by or "").status not in ("adopted", "in_force"):
        raise RuleError(f"{body.by} is not adopted.", code="transition")
    spend_decision(council, found, body.decision, act_hash("ProposalEnded", body))
    council.put("proposal", replace(proposal, status=body.to))


@event("AmendmentTabled", AmendmentTabledBody)
def _amendment(council: Council, found: Event, body: AmendmentTabledBody) -> None:
    from concordat.council.silences import amendment_breaks

    proposal: Proposal = council.get("proposal", body.proposal)
    check_base(proposal, body.base, body.change)
    changed(proposal.text, body.change)
    if proposal.status == "deciding" and amendment_breaks(council, proposal.id, found, f"amendment: {body.reason}"):
        proposal = move(council, council.get("proposal", proposal.id), "tabled", certified="")
    if proposal.status != "tabled":
        raise RuleError(f"{proposal.id} is {proposal.status}; its text is not open to amendments.", code="transition")
    mine = [a for a in amendments_of(council, proposal.id) if a.author == found.entry.author]
    if len(mine) >= AMENDMENTS_OF_ONE_MAX:
        what = f"{found.entry.author} has {len(mine)} amendments to {proposal.id} pending."
        raise RuleError(what, hint="Withdraw some, or wait for the votes.", code="too_many")
    key = council.issue("a", year_of(found.submitted))
    entry = found.entry
    council.put(
        "amendment", Amendment(key, proposal.id, entry.author, body.base, body.change, body.reason, "pending", entry.id)
    )


def check_base(proposal: Proposal, base: str, change: ChangeBody) -> None:
    """An amendment stands against the newest version.

    Raises:
        RuleError: it doesn't; with the rebase that would hold.
    """
    if base == proposal.text.hash:
        return
    old = next((v for v in proposal.versions if v.hash == base), None)
    if old is None:
        raise RuleError(
            f"{proposal.id} never had a version {base[:16]}.", hint=f"Now: {proposal.text.hash}", code="base"
        )
    _, why = rebase(change, old, proposal.text)
    what = f"it stands against an old version ({base[:16]}); now {proposal.text.hash[:16]}."
    raise RuleError(what, hint=f"Proposed rebase: {why}", code="stale")


@event("AmendmentWithdrawn", AmendmentWithdrawnBody)
def _amendment_withdrawn(council: Council, found: Event, body: AmendmentWithdrawnBody) -> None:
    amendment: Amendment = council.get("amendment", body.amendment)
    if amendment.author != found.entry.author or amendment.status != "pending":
        raise RuleError(f"{amendment.id} is {amendment.author}'s, and {amendment.status}.", code="author")
    if any(v.subject == amendment.id and v.live for v in council.all("vote")):
        raise RuleError(f"a vote on {amendment.id} is open.", code="transition")
    council.put("amendment", replace(amendment, status="withdrawn"))


@event("AmendmentsOrdered", AmendmentsOrderedBody)
def _ordered(council: Council, found: Event, body: AmendmentsOrderedBody) -> None:
    council.require_chair(found.entry.author, "order amendments")
    proposal = council.get("proposal", body.proposal)
    pending = {a.id for a in amendments_of(council, proposal.id)}
    if set(body.order) != pending or len(body.order) != len(pending):
        what = f"the order must name each pending amendment once: {', '.join(sorted(pending)) or 'none'}."
        raise RuleError(what, code="order")
    council.put(
        "proposal",
        replace(proposal, order=tuple(body.order), order_reason=body.reason, order_entry=found.entry.id),
    )


def check_turn(council: Council, amendment: Amendment) -> None:
    """It is this amendment's turn: alone on its paragraph, or the first of the chair's order there.

    Raises:
        RuleError: another comes first, or no order is recorded.
    """
    proposal = council.get("proposal", amendment.proposal)
    rivals = [a.id for a in amendments_of(council, proposal.id) if a.change.paragraph == amendment.change.paragraph]
    if len(rivals) < 2:
        return
    place = amendment.change.paragraph
    if not set(rivals) <= set(proposal.order):
        what = f"{' and '.join(rivals)} are on one paragraph ({place}), and the chair has recorded no order."
        raise RuleError(
            what, hint="Furthest from the text first: concordat council say AmendmentsOrdered", code="order"
        )
    first = next(key for key in proposal.order if key in rivals)
    if first != amendment.id:
        raise RuleError(f"{first} is voted on first ({place}: {proposal.order_reason}).", code="order")


def adopt_amendment(council: Council, amendment: Amendment) -> None:
    """The amendment becomes part of the text; its rivals on the paragraph fall, the others go on."""
    proposal = council.get("proposal", amendment.proposal)
    try:
        version = changed(proposal.text, amendment.change, amendment.id)
    except RuleError:  # what was adopted meanwhile leaves it no place
        council.put("amendment", replace(amendment, status="fallen"))
        return
    if proposal.status != "tabled" or len(proposal.versions) >= VERSIONS_MAX:
        council.put("amendment", replace(amendment, status="fallen"))
        return
    council.put("amendment", replace(amendment, status="adopted"))
    council.put("proposal", replace(proposal, versions=(*proposal.versions, version)))
    for other in amendments_of(council, proposal.id):
        kept, _ = rebase(other.change, proposal.text, version)
        same = other.change.paragraph == amendment.change.paragraph and "insert_after" not in (
            other.change.op, amendment.change.op,
        )  # fmt: skip
        if kept is None or same:
            council.put("amendment", replace(other, status="fallen"))
        else:
            council.put("amendment", replace(other, base=version.hash))


@event("TranslationSupplied", TranslationSuppliedBody)
def _translated(council: Council, found: Event, body: TranslationSuppliedBody) -> None:
    proposal: Proposal = council.get("proposal", body.proposal)
    if proposal.status != "tabled":
        raise RuleError(f"{proposal.id} is {proposal.status}.", code="transition")
    if body.base != proposal.text.hash:
        raise RuleError(f"{proposal.id} stands at version {proposal.text.hash[:16]}.", code="stale")
    version = supplied(proposal.text, body.language, body.words)
    if len(proposal.versions) >= VERSIONS_MAX:
        raise RuleError(f"{proposal.id} has {VERSIONS_MAX} versions.", hint="Table it anew.", code="too_many")
    if sum(len(words) for rows in version.texts.values() for _, words in rows) > TEXT_BYTES_MAX:
        raise RuleError(f"a text has at most {TEXT_BYTES_MAX:,} characters in all.", code="too_large")
    council.put("proposal", replace(proposal, versions=(*proposal.versions, version)))
    for amendment in amendments_of(council, proposal.id):
        council.put("amendment", replace(amendment, base=version.hash))


@event("TextCertified", TextCertifiedBody)
def _certified(council: Council, found: Event, body: TextCertifiedBody) -> None:
    council.require_chair(found.entry.author, "certify texts")
    proposal: Proposal = council.get("proposal", body.proposal)
    waiting = amendments_of(council, proposal.id)
    if waiting:
        verb = "waits" if len(waiting) == 1 else "wait"
        raise RuleError(f"{', '.join(a.id for a in waiting)} {verb} for a vote.", code="amendments")
    if body.version != proposal.text.hash:
        raise RuleError(f"{proposal.id} stands at version {proposal.text.hash[:16]}.", code="stale")
    lacking = [x for x in proposal.text.lacking() if x.split()[0] in proposal.authentic]
    if lacking:
        raise RuleError(
            f"{', '.join(lacking)} has no words yet.",
            hint="Supply them: concordat council say TranslationSupplied",
            code="language",
        )
    expected = {language: hash_of(proposal.text.texts[language]) for language in proposal.authentic}
    if body.languages != expected:
        odd = sorted(k for k in {*expected, *body.languages} if expected.get(k) != body.languages.get(k))
        raise RuleError(f"{odd[0]}: the certified hash is not that of the text.", code="language")
    move(council, proposal, "certified", certified=body.version)
