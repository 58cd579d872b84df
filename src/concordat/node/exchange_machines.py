"""The two state machines as the store keeps them: to and from plain data, one step, what a record must not hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from concordat.errors import InputError
from concordat.exchange.dataspace import negotiation, transfer
from concordat.exchange.dataspace.messages import PUSH, Kind, Role, kind_of
from concordat.exchange.dataspace.schemas import parse
from concordat.node.exchange_store import Process

Machine: TypeAlias = negotiation.Negotiation | transfer.Transfer
Facts: TypeAlias = negotiation.Facts | transfer.Facts
OVER = ("FINALIZED", "COMPLETED", "TERMINATED")
ENDINGS = (Kind.TERMINATION, Kind.TRANSFER_TERMINATION)
THEIRS = {
    (Role.CONSUMER, negotiation.State.REQUESTED), (Role.CONSUMER, negotiation.State.VERIFIED),
    (Role.PROVIDER, negotiation.State.AGREED), (Role.PROVIDER, negotiation.State.OFFERED),
}  # fmt: skip


def machine_of(process: Process) -> Machine | None:
    """The machine of a process; None while its first message is not acknowledged, or if it ended before that."""
    if not process.state or not process.body:
        return None
    raw = dict(process.body)
    if process.kind == "negotiation":
        raw |= {"state": negotiation.State(raw["state"]), "offered_by": Role(raw["offered_by"])}
        return negotiation.Negotiation(**raw)
    by = raw.get("suspended_by")
    return transfer.Transfer(
        **(raw | {"state": transfer.State(raw["state"]), "suspended_by": Role(by) if by else None})
    )


def peer_named(process: Process, machine: Machine, body: bytes) -> Machine:
    """A machine with the peer's own name for the process, from its answer to the first message.

    Raises:
        InputError: the answer is about another process, or none.
    """
    family = "ContractNegotiation" if process.kind == "negotiation" else "TransferProcess"
    answer = parse(body, family)
    if answer["consumerPid"] != process.pid:
        raise InputError("the answer is about another process.", where="consumerPid", code="pid")
    if isinstance(machine, negotiation.Negotiation):
        return negotiation.acknowledged(machine, answer["providerPid"])
    return transfer.acknowledged(machine, answer["providerPid"])


def pushes(machine: Machine | None) -> bool:
    """Whether a machine is that of a transfer whose data the provider sends to the consumer's address."""
    return isinstance(machine, transfer.Transfer) and machine.format == PUSH


def keep(process: Process, machine: Machine) -> None:
    """Put a machine into its process. The address of the data, with its token, stays with who needs it alone.

    That is the consumer, or the provider of a push; neither once the transfer is over.
    """
    needs = Role.PROVIDER if pushes(machine) else Role.CONSUMER
    if isinstance(machine, transfer.Transfer) and (process.role != needs or machine.state in OVER):
        machine = replace(machine, address=None)
    process.body = {field.name: getattr(machine, field.name) for field in fields(machine)}
    process.state = machine.state.value


def step(kind: str, machine: Machine | None, message: Mapping[str, Any], sender: Role, facts: Facts) -> Machine:
    """The machine after a message.

    Raises:
        RuleError: it is refused, and nothing changes.
    """
    if kind == "negotiation":
        assert machine is None or isinstance(machine, negotiation.Negotiation)
        assert isinstance(facts, negotiation.Facts)
        return negotiation.step(machine, message, sender, facts)
    assert machine is None or isinstance(machine, transfer.Transfer)
    assert isinstance(facts, transfer.Facts)
    return transfer.step(machine, message, sender, facts)


def own_facts(process: Process, me: str) -> Facts:
    """The facts of a message of our own, which was checked before it was intended."""
    consumer, provider = (me, process.peer) if process.role == Role.CONSUMER else (process.peer, me)
    if process.kind == "negotiation":
        return negotiation.Facts(consumer, provider, "", offer_known=True, callback_valid=True, logged=True)
    return transfer.Facts(consumer, provider, "", True, True, True, True)


def learn(machine: Machine, message: Mapping[str, Any]) -> Machine:
    """A machine whose other side is not known by its pid yet learns it from that side's first word."""
    for key, name in (("consumerPid", "consumer_pid"), ("providerPid", "provider_pid")):
        if getattr(machine, name) == "" and isinstance(message.get(key), str) and message[key]:
            machine = replace(machine, **{name: message[key]})
    return machine


def is_ending(message: Mapping[str, Any]) -> bool:
    """Whether a message terminates its process."""
    return kind_of(message) in ENDINGS


def is_stopping(message: Mapping[str, Any]) -> bool:
    """Whether a message suspends or terminates a transfer: of ours, no data leave from when it is intended."""
    return kind_of(message) in (Kind.SUSPENSION, Kind.TRANSFER_TERMINATION)


def pids(process: Process) -> tuple[str, str]:
    """(consumer's, provider's) name of a process, as far as they are known."""
    if not process.state or not process.body:
        return (process.pid, "") if process.role == Role.CONSUMER else ("", process.pid)
    return process.body["consumer_pid"], process.body["provider_pid"]


def parse_own(body: bytes) -> dict[str, Any]:
    """A message that we made ourselves."""
    found: dict[str, Any] = json.loads(body)
    return found


def utc(now: datetime) -> datetime:
    """An instant in UTC, to the second."""
    return now.astimezone(UTC).replace(microsecond=0)


def is_same_request(known: Process, message: Mapping[str, Any]) -> bool:
    """Whether a request for data says what the first one of its process said, in other bytes."""
    if known.kind != "transfer" or message.get("dataAddress") is not None:
        return False
    said = (message["agreementId"], message["format"], str(message["callbackAddress"]).rstrip("/"))
    return said == (known.body.get("agreement"), known.body.get("format"), known.callback)


def is_owed(process: Process, message: Mapping[str, Any]) -> bool:
    """Whether a message of ours must arrive: all was pushed to us, and the other side's log waits for our word."""
    ours = process.role == Role.CONSUMER and process.body.get("format") == PUSH
    return ours and kind_of(message) is Kind.COMPLETION


def is_start_again(process: Process, message: Mapping[str, Any]) -> bool:
    """Whether a message of ours starts what runs already: it answers a request that came again."""
    return kind_of(message) is Kind.START and process.state == transfer.State.STARTED


def is_theirs(process: Process) -> bool:
    """Whether the next word of a negotiation is the other side's: whoever looked would find nothing to do."""
    return process.kind == "negotiation" and (process.role, process.state) in THEIRS


def is_done(process: Process) -> bool:
    """Whether a process is over, and its end in our log as far as it belongs there."""
    return process.state in OVER and bool(process.facts.get("recorded"))
