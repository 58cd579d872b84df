"""The message that a move of ours becomes, and the route it goes to; nothing is signed, kept or sent here.

Source: exchange.md 5.2, 5.3, 5.4.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.messages import DATA, Kind, Role
from concordat.exchange.dataspace.schemas import check
from concordat.exchange.dataspace.terms import agreement_of
from concordat.node.exchange_machines import pushes, utc
from concordat.node.exchange_store import Process

Worded = tuple[dict[str, Any], str]  # a message, and the tail of its route


def negotiation_message(
    process: Process, machine: negotiation.Negotiation, next_: Next, now: datetime, catalogued: Mapping[str, Any] | None
) -> Worded:
    """A move in a negotiation; what it changes beside the state is noted in the process.

    Args:
        catalogued: the offer of the catalogue, if the dataset is on offer still.
    """
    consumer, provider = machine.consumer_pid, machine.provider_pid
    target = {"target": machine.offer["target"]}
    match next_.move:
        case Move.OFFER:
            terms = dict(catalogued or machine.offer)
            process.facts["countered"] = True
            offer = dict(next_.terms or terms) | {"@id": terms["@id"]} | target
            return messages.contract_offer(provider, offer, consumer_pid=consumer), "offers"
        case Move.AGREE:
            return messages.contract_agreement(consumer, provider, made_agreement(machine, now)), "agreement"
        case Move.FINALIZE:
            return messages.event(consumer, provider, Kind.FINALIZED), "events"
        case Move.REQUEST:
            offer = dict(next_.terms or machine.offer) | target
            if "asked" in process.facts:  # what a person asks for anew is what that person takes
                process.facts["asked"] = [*process.facts["asked"], offer]
            return messages.contract_request(consumer, offer, provider_pid=provider), "request"
        case Move.ACCEPT:
            return messages.event(consumer, provider, Kind.ACCEPTED), "events"
        case Move.VERIFY:
            return messages.verification(consumer, provider), "agreement/verification"
    why = next_.why or "terminated by this side."
    code = str(process.facts.get("code", "")) or "declined"
    return messages.stopped(Kind.TERMINATION, consumer, provider, code, why), "termination"


def transfer_message(process: Process, machine: transfer.Transfer, next_: Next, token: str, base: str) -> Worded:
    """A move in a transfer.

    Args:
        token: that opens the body, for the start of a pull. base: our public address.
    """
    consumer, provider = machine.consumer_pid, machine.provider_pid
    why = next_.why or "by this side."
    match next_.move:
        case Move.START:
            address = messages.data_address(f"{base}{DATA}/{provider}", token)
            ours = process.role == Role.PROVIDER and not pushes(machine)
            return messages.start(consumer, provider, address if ours else None), "start"
        case Move.SUSPEND:
            return messages.stopped(Kind.SUSPENSION, consumer, provider, "suspended", why), "suspension"
        case Move.COMPLETE:
            return messages.completion(consumer, provider), "completion"
    code = str(process.facts.get("code", "")) or "stopped"
    return messages.stopped(Kind.TRANSFER_TERMINATION, consumer, provider, code, why), "termination"


def made_agreement(machine: negotiation.Negotiation, now: datetime) -> dict[str, Any]:
    """The agreement on the last offer's terms; made once, since its time is in it."""
    name = f"urn:uuid:{uuid.uuid4()}"
    target = str(machine.offer["target"])
    return agreement_of(machine.offer, name, target, machine.provider, machine.consumer, utc(now))


def named(message: dict[str, Any]) -> dict[str, Any]:
    """A message with a name of its own, checked: two equal ones in a process differ, a repetition doesn't."""
    found = message | {"@id": f"urn:uuid:{uuid.uuid4()}"}
    check(found, str(message["@type"]), sending=True)
    return found


def reason_of(body: bytes) -> str:
    """What an error of the protocol says, for people; at most 300 characters."""
    try:
        found = json.loads(body)
        reasons = found.get("reason") or [found.get("code", "")]
        return " ".join(str(reason) for reason in reasons)[:300]
    except (ValueError, AttributeError, TypeError):
        return "no reason given"
