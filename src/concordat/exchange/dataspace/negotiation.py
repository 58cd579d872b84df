"""How two members come to an agreement: the protocol's contract negotiation as one pure step over one table.

`step` takes the negotiation as it stands, a message and its sender, and gives the negotiation after it; both sides run
the same function. Whatever is not in the table, or fails its guard, is refused with a `RuleError` and changes nothing.
What the guard needs from outside (is the offer known, who are the parties) comes as `Facts`.

Where the text and the published diagram differ, this follows the text: either side may terminate in every state but the
two final ones. Source: Dataspace Protocol 2025-1, section 7 (contract negotiation); exchange.md 5.3. What a side does
of itself, and when, is in `behaviours`; that a transition counts once the peer acknowledged it is the node's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from concordat.errors import RuleError
from concordat.exchange.dataspace.deciding import POLICY_KEYS
from concordat.exchange.dataspace.messages import Kind, Role, kind_of
from concordat.exchange.dataspace.odrl import DUTIES_MAX
from concordat.exchange.dataspace.terms import same_terms


class State(StrEnum):
    """Where a negotiation stands."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


FINAL = (State.FINALIZED, State.TERMINATED)
KINDS = (
    Kind.REQUEST, Kind.OFFER, Kind.AGREEMENT, Kind.VERIFICATION, Kind.ACCEPTED, Kind.FINALIZED, Kind.TERMINATION,
)  # fmt: skip

# From a state (None: no negotiation yet) by a message of a sender to a state.
TABLE: Mapping[tuple[State | None, Kind, Role], State] = {
    (None, Kind.REQUEST, Role.CONSUMER): State.REQUESTED,
    (None, Kind.OFFER, Role.PROVIDER): State.OFFERED,
    (State.REQUESTED, Kind.OFFER, Role.PROVIDER): State.OFFERED,
    (State.REQUESTED, Kind.AGREEMENT, Role.PROVIDER): State.AGREED,
    (State.OFFERED, Kind.REQUEST, Role.CONSUMER): State.REQUESTED,
    (State.OFFERED, Kind.ACCEPTED, Role.CONSUMER): State.ACCEPTED,
    (State.ACCEPTED, Kind.AGREEMENT, Role.PROVIDER): State.AGREED,
    (State.AGREED, Kind.VERIFICATION, Role.CONSUMER): State.VERIFIED,
    (State.VERIFIED, Kind.FINALIZED, Role.PROVIDER): State.FINALIZED,
    **{
        (state, Kind.TERMINATION, role): State.TERMINATED
        for state in State
        if state not in FINAL
        for role in (Role.CONSUMER, Role.PROVIDER)
    },
}


@dataclass(frozen=True, slots=True)
class Negotiation:
    """One negotiation, as one side knows it.

    Attributes:
        state: where it stands. consumer_pid, provider_pid: its name at each side; the provider's is empty at a consumer
            whose request was not answered yet, and the other way round for an unasked offer.
        consumer, provider: the members. offer: the last offer, with `@id` and `target`. offered_by: whose it was.
        agreement: once there is one. code: why it was terminated.
    """

    state: State
    consumer_pid: str
    provider_pid: str
    consumer: str
    provider: str
    offer: Mapping[str, Any]
    offered_by: Role
    agreement: Mapping[str, Any] | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a guard needs from outside; the default refuses.

    Attributes:
        consumer, provider: the members, as the tokens say. own_pid: the receiver's name for a new negotiation.
        offer_known: the offer's id is known, visible to the consumer, and its target is that offer's dataset.
        callback_valid: the callback is on a host of the sender.
        logged: the sender's entry (`AgreementConfirmed`, `AgreementReached`) stands behind this message.
    """

    consumer: str = ""
    provider: str = ""
    own_pid: str = ""
    offer_known: bool = False
    callback_valid: bool = False
    logged: bool = False


def step(
    negotiation: Negotiation | None, message: Mapping[str, Any], sender: Role, facts: Facts = Facts()
) -> Negotiation:
    """The negotiation after a message.

    Args:
        negotiation: as it stands; None for a first message. message: valid by its schema.

    Raises:
        RuleError: the table doesn't know this, or a guard fails; the negotiation stays as it was.
    """
    kind = kind_of(message)
    before = None if negotiation is None else negotiation.state
    after = TABLE.get((before, kind, sender))
    if after is None:
        raise _refusal(before, kind, sender)
    if negotiation is None:
        return _opened(message, kind, after, facts)
    _same_pids(negotiation, message)
    _check_duties(message, before)
    match kind:
        case Kind.REQUEST | Kind.OFFER:
            offer = message["offer"]
            if offer.get("target") != negotiation.offer.get("target"):
                raise _guard("the offer is for another dataset than the one that is negotiated", "target", before)
            return replace(negotiation, state=after, offer=offer, offered_by=sender)
        case Kind.ACCEPTED if negotiation.offered_by is not Role.PROVIDER:
            raise _guard("the last offer was not the provider's", "not_offered", before)
        case Kind.AGREEMENT:
            check_agreement(negotiation, message["agreement"])
            return replace(negotiation, state=after, agreement=message["agreement"])
        case Kind.VERIFICATION | Kind.FINALIZED if not facts.logged:
            entry = "AgreementConfirmed" if kind is Kind.VERIFICATION else "AgreementReached"
            raise _guard(f"the sender shows no entry {entry} of this agreement", "not_logged", before)
        case Kind.TERMINATION:
            return replace(negotiation, state=after, code=str(message.get("code", ""))[:80])
    return replace(negotiation, state=after)


def acknowledged(negotiation: Negotiation, pid: str) -> Negotiation:
    """The negotiation once the other side has told its own pid in the answer to the first message.

    Raises:
        RuleError: another pid is known already.
    """
    name = "provider_pid" if negotiation.offered_by is Role.CONSUMER else "consumer_pid"
    known = negotiation.provider_pid if name == "provider_pid" else negotiation.consumer_pid
    if known not in ("", pid) or not pid:
        raise _guard("the other side names another process", "pid", negotiation.state)
    return replace(negotiation, provider_pid=pid) if name == "provider_pid" else replace(negotiation, consumer_pid=pid)


def check_agreement(negotiation: Negotiation, agreement: Mapping[str, Any]) -> None:
    """An agreement is on the last offer's terms and says nothing else, for its target, between these two.

    Raises:
        RuleError: it isn't.
    """
    said = {
        "target": (agreement.get("target"), negotiation.offer.get("target")),
        "assigner": (agreement.get("assigner"), negotiation.provider),
        "assignee": (agreement.get("assignee"), negotiation.consumer),
    }
    for key, (found, wanted) in said.items():
        if found != wanted:
            what = f"the agreement's {key} is {str(found)[:80]}, not {wanted}"
            raise _guard(what, key, negotiation.state)
    foreign = sorted(key for key in agreement if key not in POLICY_KEYS)
    if foreign:
        shown = ", ".join(key[:60] for key in foreign)
        raise _guard(f"the agreement says more than its terms: {shown}", "unknown_terms", negotiation.state)
    if not same_terms(agreement, negotiation.offer):
        raise _guard("the agreement's terms are not those of the last offer", "terms", negotiation.state)


def _opened(message: Mapping[str, Any], kind: Kind, state: State, facts: Facts) -> Negotiation:
    asked = kind is Kind.REQUEST
    if message.get("providerPid" if asked else "consumerPid"):
        raise _guard("no negotiation of that id stands here", "unknown_process", None)
    if not facts.callback_valid:
        raise _guard("the callback is not an address of the sender's node", "callback", None)
    if asked and not facts.offer_known:
        raise _guard("no such offer for this member", "unknown_offer", None)
    _check_duties(message, None)
    return Negotiation(
        state=state,
        consumer_pid=message["consumerPid"] if asked else facts.own_pid,
        provider_pid=facts.own_pid if asked else message["providerPid"],
        consumer=facts.consumer,
        provider=facts.provider,
        offer=message["offer"],
        offered_by=Role.CONSUMER if asked else Role.PROVIDER,
    )


def _check_duties(message: Mapping[str, Any], state: State | None) -> None:
    """No terms with more duties than the log can name: both sides could agree on them, and neither confirm it."""
    for key in ("offer", "agreement"):
        count = len(message.get(key, {}).get("obligation", ()))
        if count > DUTIES_MAX:
            raise _guard(f"the {key} has {count} duties, and the most is {DUTIES_MAX}", "too_many_duties", state)


def _same_pids(negotiation: Negotiation, message: Mapping[str, Any]) -> None:
    for key, known in (("consumerPid", negotiation.consumer_pid), ("providerPid", negotiation.provider_pid)):
        if message.get(key) != known:
            raise _guard(f"the {key} is not that of this negotiation", "pid", negotiation.state)


def _refusal(state: State | None, kind: Kind, sender: Role) -> RuleError:
    senders = {role for (_, k, role) in TABLE if k is kind}
    name = kind.value.partition(":")[2] or kind.type
    stays = f"the state stays {state}" if state else "there is no negotiation yet"
    if sender not in senders:
        return RuleError(f"{name} may only be sent by the {sender.other}; {stays}.", code="wrong_sender")
    if state in FINAL:
        return RuleError(f"the negotiation is over; {stays}.", code="wrong_state")
    froms = sorted({s.value for (s, k, r) in TABLE if k is kind and r is sender and s is not None})
    where = f"in {', '.join(froms)}" if froms else "as the first message"
    return RuleError(f"{name} may be sent by the {sender} {where}; {stays}.", code="wrong_state")


def _guard(what: str, code: str, state: State | None) -> RuleError:
    stays = f"the state stays {state}" if state else "nothing was opened"
    return RuleError(f"{what}; {stays}.", code=code)
