"""Who has a vote, under which rules, weights and groups, who presides, and who may speak for a member.

Before the rule `amend_rules` is in force the founders agree: the same act, written by every founding member, takes
effect with the last of them. Afterwards an act needs a decision: a final vote under `amend_rules` that adopted a
proposal whose `act` is the hash of exactly this act. A member that a decision suspends has no vote and is in no base.
The rule in force at the opening of a vote decides it, so a change never touches an open vote.

Not done here: keys (the membership file of the ledger has them).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from concordat import canonical
from concordat.council._body import Body, Day, Id, Label, Line, MemberId, Words, day_end, read_body, utc_day
from concordat.council._registry import event, model_of
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event

AMEND = "amend_rules"
MEMBERS_MAX = 500


@dataclass(frozen=True)
class Member(Thing):
    """A member: `active`, `suspended` or `gone`. since: the entry that said so; empty for founders."""

    status: str
    since: str = ""
    reason: str = ""
    changed: int = 0


@dataclass(frozen=True)
class Spent(Thing):
    """A decision that has carried its act; its id is the vote's."""

    entry: str


@dataclass(frozen=True)
class Grant:
    """Full powers as they were issued. until: the end of the last day, in seconds; None: open."""

    scope: tuple[str, ...]
    since: int
    until: int | None
    entry: str


@dataclass(frozen=True)
class Observer(Thing):
    """Who may speak and comment, and has no vote."""

    entry: str


@dataclass(frozen=True)
class Powers(Thing):
    """What a delegate's key may sign for its member: every issue, in order; the last before a moment counts then."""

    member: str
    person: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True)
class RuleText(Thing):
    """A rule of decision in force; its id is its name. `hash` is that of the parsed rule."""

    version: int
    hash: str
    text: str
    entry: str


@dataclass(frozen=True)
class Weights(Thing):
    """A table of weights in force; its id is its name."""

    day: str
    unit: str
    source: str
    values: dict[str, int]
    hash: str
    entry: str


@dataclass(frozen=True)
class Group(Thing):
    """A named group of members."""

    members: tuple[str, ...]
    entry: str


@dataclass(frozen=True)
class Chair(Thing):
    """Who presides."""

    member: str
    until: int
    entry: str


@dataclass(frozen=True)
class Rotation(Thing):
    """A key that its member says it has changed; the membership file is what counts."""

    member: str
    entry: str


@dataclass(frozen=True)
class Act(Thing):
    """A founding act, and who has written it so far; its id is its hash."""

    type: str
    signed: tuple[str, ...]
    done: bool


class MemberAdmittedBody(Body):
    member: MemberId
    membership: Annotated[int, Field(ge=1)]
    decision: Id | None = None


class MemberSuspendedBody(Body):
    member: MemberId
    reason: Line
    decision: Id | None = None


class ObserverAdmittedBody(Body):
    observer: MemberId


class FullPowersIssuedBody(Body):
    person: Label
    scope: Annotated[
        list[Annotated[str, Field(pattern=r"^(all|[A-Z][A-Za-z]{0,63})$")]], Field(min_length=1, max_length=80)
    ]
    until: Day | None = None


class KeyRotatedBody(Body):
    role: Label
    membership: Annotated[int, Field(ge=1)]


class RuleAdoptedBody(Body):
    rules: Annotated[list[Words], Field(min_length=1, max_length=30)]
    decision: Id | None = None


class WeightsAdoptedBody(Body):
    table: Label
    day: Day
    unit: Line
    source: Line
    values: dict[MemberId, Annotated[int, Field(ge=0, le=2**53 - 1)]]
    decision: Id | None = None


class GroupAdoptedBody(Body):
    group: Label
    members: Annotated[list[MemberId], Field(min_length=1, max_length=MEMBERS_MAX)]
    decision: Id | None = None


class ChairAppointedBody(Body):
    member: MemberId
    until: Day | None = None
    decision: Id | None = None


def act_hash(type: str, body: Body | dict[str, Any]) -> str:  # noqa: A002 - the field's name in the format
    """What a proposal names as its `act`: the hash of the type and the body, without the decision that it waits for.

    A body as somebody wrote it is read by the type's model first, so that its defaults are in the hash as well.

    Raises:
        InputError: no such type, or a body of another form.
    """
    if not isinstance(body, Body):
        model = model_of(type)
        waits = {"decision": "none"} if "decision" in model.model_fields else {}  # some types require one
        body = read_body(model, {**body, **waits}, type)
    value = body.model_dump()
    value.pop("decision", None)
    return canonical.digest({"body": value, "type": type})


def check_author(council: Council, found: Event, observers: bool, suspended: bool) -> None:
    """The author may write this, and the key spoke with full powers.

    Raises:
        RuleError: not a member, suspended, an observer where members decide, or powers that are missing or ended.
    """
    entry = found.entry
    member = council.find("member", entry.author)
    if member is None or member.status == "gone":
        if observers and council.find("observer", entry.author):
            return
        what = f"{entry.author} is no member of the council"
        raise RuleError(
            f"{what}, and observers don't do that." if council.find("observer", entry.author) else f"{what}."
        )
    if member.status == "suspended" and not suspended:
        raise RuleError(f"{entry.author} is suspended.", code="suspended")
    if entry.person != "node":
        powers = powers_at(council, entry.author, entry.person, entry.type, found.submitted)
        if isinstance(powers, str):
            raise RuleError(powers, code="powers")


def powers_at(council: Council, member: str, person: str, type: str, moment: int) -> Grant | str:  # noqa: A002
    """The full powers of a delegate at a moment, or the reason why there are none."""
    powers = council.find("powers", f"{member}.{person}")
    if powers is None:
        return f"no full powers of {member} for {person}."
    grants = [g for g in powers.grants if g.since <= moment]
    if not grants:
        return f"full powers began {utc_day(powers.grants[0].since)}."
    grant = grants[-1]
    if grant.until is not None and moment >= grant.until:
        return f"full powers ended {utc_day(grant.until - 1)}."
    if "all" not in grant.scope and type not in grant.scope:
        return f"the full powers of {person} don't cover {type}."
    return grant  # type: ignore[no-any-return]


def founded(council: Council) -> bool:
    """Whether the council has a rule for changing its rules."""
    return council.find("rule", AMEND) is not None


def takes_effect(council: Council, found: Event, body: Any) -> bool:
    """Whether an act of the constitution counts now: by a decision, or as the last founder's word.

    Raises:
        RuleError: no decision, one of something else, or one that is not final.
    """
    digest = act_hash(found.entry.type, body)
    if founded(council):
        spend_decision(council, found, body.decision, digest, AMEND)
        return True
    act = council.find("act", digest) or Act(digest, found.entry.type, (), False)
    if act.done:
        raise RuleError("this act has taken effect already.", code="twice")
    signed = tuple(sorted({*act.signed, found.entry.author}))
    done = set(council.founders) <= set(signed)  # whom they admit meanwhile may have no node yet: it is not waited for
    council.put("act", replace(act, signed=signed, done=done))
    return done


def spend_decision(council: Council, found: Event, decision: str | None, digest: str, rule: str = "") -> None:
    """A final vote adopted a proposal of exactly this act, and has not carried it yet; now it has.

    Args:
        rule: under which the vote must have been held; without it, under the one that the proposal named.

    Raises:
        RuleError: not so.
    """
    if decision is None:
        under = f" under {rule}" if rule else ""
        raise RuleError(f"it needs a decision{under}.", hint="Table it as a proposal, and vote.", code="decision")
    vote = council.find("vote", decision)
    if vote is None or vote.status != "final" or vote.outcome != "adopted":
        raise RuleError(f"{decision} is no final vote that adopted something.", code="decision")
    proposal = council.find("proposal", vote.subject) if vote.about == "proposal" else None
    if proposal is None or vote.id not in proposal.votes or vote.text != proposal.certified:
        raise RuleError(f"{decision} was about {vote.subject}, not about an act.", code="decision")
    if proposal.status not in ("adopted", "in_force"):
        raise RuleError(f"{proposal.id} is {proposal.status}.", code="decision")
    if rule and vote.rule != rule:
        raise RuleError(f"{decision} was held under {vote.rule}, not {rule}.", code="decision")
    if proposal.act != digest:
        raise RuleError(f"{decision} decided something else.", code="decision")
    if council.find("spent", decision):
        raise RuleError(f"{decision} has carried its act already.", hint="A decision does so once.", code="spent")
    council.put("spent", Spent(decision, found.entry.id))


@event("MemberAdmitted", MemberAdmittedBody)
def _admitted(council: Council, found: Event, body: MemberAdmittedBody) -> None:
    member = council.find("member", body.member)
    if member is not None and member.status == "active":
        raise RuleError(f"{body.member} is a member already.", code="twice")
    if takes_effect(council, found, body):
        for vote in council.all("vote"):  # what closed while it was suspended and isn't counted yet goes without it
            if member and vote.status == "open" and member.changed <= vote.closes < found.submitted:
                left = tuple(m for m in vote.entitled if m != body.member)
                council.put("vote", replace(vote, entitled=left))
        council.put("member", Member(body.member, "active", found.entry.id, "", found.submitted))


@event("MemberSuspended", MemberSuspendedBody)
def _suspended(council: Council, found: Event, body: MemberSuspendedBody) -> None:
    if council.get("member", body.member).status != "active":
        raise RuleError(f"{body.member} is not active.", code="twice")
    if not founded(council):
        raise RuleError("nobody is suspended before the rules are adopted.", code="founding")
    if takes_effect(council, found, body):
        council.put("member", Member(body.member, "suspended", found.entry.id, body.reason, found.submitted))


@event("ObserverAdmitted", ObserverAdmittedBody)
def _observer(council: Council, found: Event, body: ObserverAdmittedBody) -> None:
    council.require_chair(found.entry.author, "admit observers")
    if council.find("member", body.observer):
        raise RuleError(f"{body.observer} is a member.", code="member")
    council.put("observer", Observer(body.observer, found.entry.id))


@event("FullPowersIssued", FullPowersIssuedBody)
def _powers(council: Council, found: Event, body: FullPowersIssuedBody) -> None:
    entry = found.entry
    if entry.person != "node":
        raise RuleError("full powers are issued by the member's own node.", code="powers")
    until = day_end(body.until, "$.body.until") if body.until else None
    key = f"{entry.author}.{body.person}"
    grant = Grant(tuple(sorted(set(body.scope))), found.submitted, until, entry.id)
    before = council.find("powers", key)
    grants = (*before.grants[-99:], grant) if before else (grant,)
    council.put(
        "powers", Powers(key, entry.author, body.person, tuple(sorted(grants, key=lambda g: (g.since, g.entry))))
    )


@event("KeyRotated", KeyRotatedBody)
def _rotated(council: Council, found: Event, body: KeyRotatedBody) -> None:
    key = f"{found.entry.author}.{body.role}.{body.membership}"
    council.put("key_rotation", Rotation(key, found.entry.author, found.entry.id))


@event("RuleAdopted", RuleAdoptedBody)
def _rules(council: Council, found: Event, body: RuleAdoptedBody) -> None:
    from concordat.council.decide.rules import Rule

    loaded = [Rule.load(text, where=f"rule {n}") for n, text in enumerate(body.rules, 1)]
    names = [rule.name for rule in loaded]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        hashes = [rule.hash[:16] for rule in loaded if rule.name == twice]
        raise InputError(f'the rule "{twice}" stands twice: {" and ".join(hashes)}.', hint="Leave one.", code="twice")
    for rule in loaded:
        if rule.name == AMEND and rule.method != "vote":
            raise InputError(f"{AMEND} is a rule of method vote, not {rule.method}.", code="method")
        now = council.find("rule", rule.name)
        if now is not None and rule.version <= now.version:
            held = f"{now.version} ({now.hash[:16]}) is in force."
            what = f"{rule.name} is version {rule.version} ({rule.hash[:16]}); {held}"
            raise RuleError(what, hint="Give it the next version.", code="version")
    if takes_effect(council, found, body):
        for rule, text in zip(loaded, body.rules, strict=True):
            council.put("rule", RuleText(rule.name, rule.version, rule.hash, text, found.entry.id))
            council.put("rule_version", RuleText(rule.hash, rule.version, rule.hash, text, found.entry.id))


@event("WeightsAdopted", WeightsAdoptedBody)
def _weights(council: Council, found: Event, body: WeightsAdoptedBody) -> None:
    day_end(body.day, "$.body.day")
    if takes_effect(council, found, body):
        value = {"table": body.table, "day": body.day, "values": dict(sorted(body.values.items()))}
        digest = canonical.digest(value)
        council.put(
            "weights",
            Weights(
                body.table, body.day, body.unit, body.source, dict(sorted(body.values.items())), digest, found.entry.id
            ),
        )


@event("GroupAdopted", GroupAdoptedBody)
def _group(council: Council, found: Event, body: GroupAdoptedBody) -> None:
    strange = sorted(m for m in body.members if council.find("member", m) is None)
    if strange:
        raise InputError(f"{', '.join(strange)} is no member.", where="$.body.members", code="unknown_member")
    if takes_effect(council, found, body):
        council.put("group", Group(body.group, tuple(sorted(set(body.members))), found.entry.id))


@event("ChairAppointed", ChairAppointedBody)
def _chair(council: Council, found: Event, body: ChairAppointedBody) -> None:
    if council.get("member", body.member).status != "active":
        raise RuleError(f"{body.member} is not active.", code="suspended")
    until = day_end(body.until, "$.body.until") if body.until else 0
    if takes_effect(council, found, body):
        council.put("chair", Chair("chair", body.member, until, found.entry.id))
