"""How data move under an agreement: the protocol's transfer process as one pure step over one table.

As `negotiation`: both sides run `step`; whatever is not in the table, or fails its guard, is a `RuleError` and changes
nothing. A transfer needs a final agreement between these two for this target, still permitted now, and a format of the
dataset. A start after the *other* side suspended is accepted only if the use is still permitted. A push is completed by
its consumer, who alone knows that every file is there and the right one.

Source: Dataspace Protocol 2025-1, section 9 (transfer process); exchange.md 5.4. Bodies, tokens and counters are the
node's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from concordat.errors import RuleError
from concordat.exchange.dataspace.messages import PUSH, Kind, Role, kind_of, token_of


class State(StrEnum):
    """Where a transfer stands."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


FINAL = (State.COMPLETED, State.TERMINATED)
KINDS = (Kind.TRANSFER_REQUEST, Kind.START, Kind.COMPLETION, Kind.SUSPENSION, Kind.TRANSFER_TERMINATION)
_BOTH = (Role.CONSUMER, Role.PROVIDER)

TABLE: Mapping[tuple[State | None, Kind, Role], State] = {
    (None, Kind.TRANSFER_REQUEST, Role.CONSUMER): State.REQUESTED,
    (State.REQUESTED, Kind.START, Role.PROVIDER): State.STARTED,
    **{(State.STARTED, Kind.COMPLETION, role): State.COMPLETED for role in _BOTH},
    **{(State.STARTED, Kind.SUSPENSION, role): State.SUSPENDED for role in _BOTH},
    **{(State.SUSPENDED, Kind.START, role): State.STARTED for role in _BOTH},
    **{
        (state, Kind.TRANSFER_TERMINATION, role): State.TERMINATED
        for state in (State.REQUESTED, State.STARTED, State.SUSPENDED)
        for role in _BOTH
    },
}


BEARER_MAX = 512  # characters


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer, as one side knows it.

    Attributes:
        state: where it stands. consumer_pid, provider_pid: its names. consumer, provider: the members.
        agreement: its id. format: of the transfer. suspended_by: who suspended it, while it is.
        address: where the data are pulled from, or pushed to. code: why it was suspended or terminated.
    """

    state: State
    consumer_pid: str
    provider_pid: str
    consumer: str
    provider: str
    agreement: str
    format: str
    suspended_by: Role | None = None
    address: Mapping[str, Any] | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a guard needs from outside; the default refuses.

    Attributes:
        consumer, provider: the members. own_pid: the receiver's name for a new transfer.
        agreement_final: such an agreement is final between these two. permitted: the use is permitted now.
        format_known: the dataset comes in that format. callback_valid: the callback, and the address of a push, are on
            a host of the sender. why: what `decide` says where it doesn't permit.
    """

    consumer: str = ""
    provider: str = ""
    own_pid: str = ""
    agreement_final: bool = False
    permitted: bool = False
    format_known: bool = False
    callback_valid: bool = False
    why: str = ""


def step(transfer: Transfer | None, message: Mapping[str, Any], sender: Role, facts: Facts = Facts()) -> Transfer:
    """The transfer after a message.

    Args:
        transfer: as it stands; None for a request. message: valid by its schema.

    Raises:
        RuleError: the table doesn't know this, or a guard fails; the transfer stays as it was.
    """
    kind = kind_of(message)
    before = None if transfer is None else transfer.state
    after = TABLE.get((before, kind, sender))
    if after is None:
        raise _refusal(before, kind, sender)
    if transfer is None:
        return _opened(message, facts)
    for key, known in (("consumerPid", transfer.consumer_pid), ("providerPid", transfer.provider_pid)):
        if message.get(key) != known:
            raise _guard(f"the {key} is not that of this transfer", "pid", before)
    code = str(message.get("code", ""))[:80]
    match kind:
        case Kind.START:
            return _started(transfer, message, sender, facts)
        case Kind.COMPLETION if transfer.format == PUSH and sender is Role.PROVIDER:
            raise _guard("a push is completed by its consumer", "completion", before)
        case Kind.SUSPENSION:
            return replace(transfer, state=after, suspended_by=sender, code=code)
        case Kind.TRANSFER_TERMINATION:
            return replace(transfer, state=after, suspended_by=None, code=code)
    return replace(transfer, state=after)


def acknowledged(transfer: Transfer, provider_pid: str) -> Transfer:
    """The transfer once the provider has told its own pid.

    Raises:
        RuleError: another pid is known already.
    """
    if transfer.provider_pid not in ("", provider_pid) or not provider_pid:
        raise _guard("the other side names another process", "pid", transfer.state)
    return replace(transfer, provider_pid=provider_pid)


def is_plain_bearer(token: str) -> bool:
    """Whether a token can stand in a header as it is; a consumer sends it with its request for a push."""
    return 0 < len(token) <= BEARER_MAX and token.isascii() and token.isprintable() and " " not in token


def _started(transfer: Transfer, message: Mapping[str, Any], sender: Role, facts: Facts) -> Transfer:
    if transfer.suspended_by not in (None, sender) and not facts.permitted:
        raise _guard(
            f"the other side suspended, and the use is not permitted now ({facts.why})", "denied", transfer.state
        )
    address = message.get("dataAddress")
    if transfer.format == PUSH and address is not None:
        raise _guard("the address of a push is that of its request", "address", transfer.state)
    if transfer.state is State.REQUESTED and transfer.format != PUSH and (address is None or not token_of(address)):
        raise _guard("the start of a pull names no address with a bearer token", "no_address", transfer.state)
    kept = transfer.address if address is None else address
    return replace(transfer, state=State.STARTED, suspended_by=None, address=kept, code="")


def _opened(message: Mapping[str, Any], facts: Facts) -> Transfer:
    checks = (
        (facts.agreement_final, "no such agreement is final between these two", "unknown_agreement"),
        (facts.callback_valid, "the callback or address is not on the sender's node", "callback"),
        (
            message["format"] != PUSH or bool(token_of(message.get("dataAddress") or {})),
            "the address of a push has no bearer token",
            "no_address",
        ),
        (
            message["format"] != PUSH or is_plain_bearer(token_of(message.get("dataAddress") or {}) or ""),
            f"the bearer token of a push is printable ASCII without spaces, {BEARER_MAX} characters at most",
            "bearer",
        ),
        (facts.format_known, f"the data do not come as {message['format'][:60]}", "format"),
        (facts.permitted, f"the use is not permitted now ({facts.why})", "denied"),
    )
    for holds, what, code in checks:
        if not holds:
            raise _guard(what, code, None)
    return Transfer(
        state=State.REQUESTED,
        consumer_pid=message["consumerPid"],
        provider_pid=facts.own_pid,
        consumer=facts.consumer,
        provider=facts.provider,
        agreement=message["agreementId"],
        format=message["format"],
        address=message.get("dataAddress"),
    )


def _refusal(state: State | None, kind: Kind, sender: Role) -> RuleError:
    stays = f"the state stays {state}" if state else "there is no transfer yet"
    if sender not in {role for (_, k, role) in TABLE if k is kind}:
        return RuleError(f"{kind.type} may only be sent by the {sender.other}; {stays}.", code="wrong_sender")
    if state in FINAL:
        return RuleError(f"the transfer is over; {stays}.", code="wrong_state")
    froms = sorted({s.value for (s, k, r) in TABLE if k is kind and r is sender and s is not None})
    where = f"in {', '.join(froms)}" if froms else "as the first message"
    return RuleError(f"{kind.type} may be sent by the {sender} {where}; {stays}.", code="wrong_state")


def _guard(what: str, code: str, state: State | None) -> RuleError:
    stays = f"the state stays {state}" if state else "nothing was opened"
    return RuleError(f"{what}; {stays}.", code=code)
