"""The messages of the Dataspace Protocol as plain JSON: made here, complete and in one order of keys.

Each function gives the whole message with its context, ready to be encoded by `encode`. An unknown process id in an
error is `urn:uuid:0...0` (exchange.md 5.2). What comes in is checked by `schemas`, what it does by `negotiation` and
`transfer`. Source: Dataspace Protocol 2025-1, sections 6 to 9 (message types).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError
from concordat.exchange.dataspace.schemas import CONTEXT

VERSION = "2025-1"
PATH = "/dsp/2025-1"
CALLBACK = "/dsp/2025-1/cb"
DATA = "/dsp/data"
PUSHED = "/dsp/push"  # where a consumer takes what is pushed to it
NO_PID = "urn:uuid:00000000-0000-0000-0000-000000000000"
ENDPOINT_HTTP = "https://w3id.org/idsa/v4.1/HTTP"
PULL, PULL_ALIAS, PUSH = "Concordat-HTTP-PULL", "HttpData-PULL", "Concordat-HTTP-PUSH"
ENTRY_KEY = "urn:concordat:entry"  # the signed log entry that a verification, or the final event, stands on

VERSION_RESPONSE: Mapping[str, Any] = {
    "protocolVersions": [
        {
            "version": VERSION,
            "path": PATH,
            "binding": "HTTPS",
            "auth": {"protocol": "concordat-member-jwt", "version": "1"},
        }
    ]
}


class Role(StrEnum):
    """A side of a process: who asks for data, and who has it."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> Role:
        """The other side."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


class Kind(StrEnum):
    """What a message says to one of the two state machines; the two events are two kinds."""

    REQUEST = "ContractRequestMessage"
    OFFER = "ContractOfferMessage"
    AGREEMENT = "ContractAgreementMessage"
    VERIFICATION = "ContractAgreementVerificationMessage"
    ACCEPTED = "ContractNegotiationEventMessage:ACCEPTED"
    FINALIZED = "ContractNegotiationEventMessage:FINALIZED"
    TERMINATION = "ContractNegotiationTerminationMessage"
    TRANSFER_REQUEST = "TransferRequestMessage"
    START = "TransferStartMessage"
    SUSPENSION = "TransferSuspensionMessage"
    COMPLETION = "TransferCompletionMessage"
    TRANSFER_TERMINATION = "TransferTerminationMessage"

    @property
    def type(self) -> str:
        """The message's `@type`."""
        return self.value.partition(":")[0]


def kind_of(message: Mapping[str, Any]) -> Kind:
    """The kind of a message that fits its schema."""
    said = str(message["@type"])
    return Kind(f"{said}:{message['eventType']}" if said == Kind.ACCEPTED.type else said)


def encode(message: Mapping[str, Any]) -> bytes:
    """The bytes that are sent, hashed and sent again: canonical JSON."""
    return canonical.dumps(dict(message), floats=True)


def _made(type_: str, **fields: Any) -> dict[str, Any]:
    return {"@context": [CONTEXT], "@type": type_} | {key: value for key, value in fields.items() if value is not None}


# --- Negotiation --------------------------------------------------------------------------------------------------


def contract_request(
    consumer_pid: str, offer: Mapping[str, Any], *, provider_pid: str | None = None, callback: str | None = None
) -> dict[str, Any]:
    """A request for an offer: the first with a callback, a later one with the provider's pid."""
    assert (provider_pid is None) != (callback is None), "exactly one of both (DSP 2025-1 schema)"
    made = _made(Kind.REQUEST, consumerPid=consumer_pid, providerPid=provider_pid, offer=dict(offer))
    return made | ({"callbackAddress": callback} if callback else {})


def contract_offer(
    provider_pid: str, offer: Mapping[str, Any], *, consumer_pid: str | None = None, callback: str | None = None
) -> dict[str, Any]:
    """An offer: unasked with a callback, in a process with the consumer's pid."""
    assert (consumer_pid is None) != (callback is None), "exactly one of both (DSP 2025-1 schema)"
    made = _made(Kind.OFFER, providerPid=provider_pid, consumerPid=consumer_pid, offer=dict(offer))
    return made | ({"callbackAddress": callback} if callback else {})


def contract_agreement(consumer_pid: str, provider_pid: str, agreement: Mapping[str, Any]) -> dict[str, Any]:
    """The agreement, as the provider sends it."""
    return _made(Kind.AGREEMENT, consumerPid=consumer_pid, providerPid=provider_pid, agreement=dict(agreement))


def verification(consumer_pid: str, provider_pid: str, entry: str | None = None) -> dict[str, Any]:
    """The consumer has checked and logged the agreement; `entry` is that log entry, base64."""
    return _made(Kind.VERIFICATION, consumerPid=consumer_pid, providerPid=provider_pid) | _with(entry)


def event(consumer_pid: str, provider_pid: str, kind: Kind, entry: str | None = None) -> dict[str, Any]:
    """ACCEPTED or FINALIZED."""
    name = kind.value.partition(":")[2]
    return _made(kind.type, consumerPid=consumer_pid, providerPid=provider_pid, eventType=name) | _with(entry)


def _with(entry: str | None) -> dict[str, Any]:
    return {} if entry is None else {ENTRY_KEY: entry}


def negotiation_state(consumer_pid: str, provider_pid: str, state: str) -> dict[str, Any]:
    """Where a negotiation stands."""
    return _made("ContractNegotiation", consumerPid=consumer_pid, providerPid=provider_pid, state=state)


# --- Transfer -----------------------------------------------------------------------------------------------------


def transfer_request(
    consumer_pid: str, agreement: str, format_: str, callback: str, address: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A request for data under an agreement; the address of the consumer for push formats alone."""
    return _made(
        Kind.TRANSFER_REQUEST, consumerPid=consumer_pid, agreementId=agreement, format=format_,
        callbackAddress=callback, dataAddress=None if address is None else dict(address),
    )  # fmt: skip


def start(consumer_pid: str, provider_pid: str, address: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The transfer starts, or goes on; for pull formats with the address of the data."""
    found = None if address is None else dict(address)
    return _made(Kind.START, consumerPid=consumer_pid, providerPid=provider_pid, dataAddress=found)


def completion(consumer_pid: str, provider_pid: str) -> dict[str, Any]:
    """The data are there."""
    return _made(Kind.COMPLETION, consumerPid=consumer_pid, providerPid=provider_pid)


def transfer_state(consumer_pid: str, provider_pid: str, state: str) -> dict[str, Any]:
    """Where a transfer stands."""
    return _made("TransferProcess", consumerPid=consumer_pid, providerPid=provider_pid, state=state)


def data_address(endpoint: str, token: str) -> dict[str, Any]:
    """Where a body is pulled from, or pushed to, and with which bearer token."""
    properties = [("authorization", token), ("authType", "bearer")]
    return {
        "@type": "DataAddress",
        "endpointType": ENDPOINT_HTTP,
        "endpoint": endpoint,
        "endpointProperties": [{"@type": "EndpointProperty", "name": n, "value": v} for n, v in properties],
    }


def token_of(address: Mapping[str, Any]) -> str | None:
    """The bearer token of a data address; None without one."""
    found = {p["name"]: p["value"] for p in address.get("endpointProperties", ())}
    return found.get("authorization") if found.get("authType", "").lower() == "bearer" else None


# --- Endings and errors -------------------------------------------------------------------------------------------


def stopped(kind: Kind, consumer_pid: str, provider_pid: str, code: str, *reasons: str) -> dict[str, Any]:
    """A termination or suspension, with its code and reasons."""
    why = list(reasons) or [code]
    return _made(kind, consumerPid=consumer_pid, providerPid=provider_pid, code=code, reason=why)


def error(
    family: str, code: str, reasons: Sequence[str], consumer_pid: str = "", provider_pid: str = ""
) -> dict[str, Any]:
    """`CatalogError`, `ContractNegotiationError` or `TransferError`; a pid that isn't known is all zeros."""
    made = _made(family, code=code, reason=list(reasons) or [code])
    if family == "CatalogError":
        return made
    return made | {"consumerPid": consumer_pid or NO_PID, "providerPid": provider_pid or NO_PID}


def error_of(family: str, fault: ConcordatError, message: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The protocol's error for one of ours, with both pids as far as the message told them."""
    pids = [str((message or {}).get(key) or "")[:512] for key in ("consumerPid", "providerPid")]
    return error(family, fault.code or type(fault).__name__, [str(fault)], *pids)
