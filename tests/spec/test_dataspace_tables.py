"""Both state machines, exhaustively: each (state, message, sender) is accepted exactly as the two drawn tables say.

The tables below are written out by hand from exchange.md 5.3 and 5.4, one row a state, so that they are a second
reading of the protocol and not a copy of the code's own table. 7 x 7 x 2 and 5 x 5 x 2 triples, and all first messages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from concordat.errors import RuleError
from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.messages import Kind, Role
from concordat.exchange.dataspace.terms import agreement_of

C, P = Role.CONSUMER, Role.PROVIDER
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
OFFER = {"@id": "urn:uuid:o", "@type": "Offer", "target": "urn:uuid:d", "permission": [{"action": "use"}]}
AGREEMENT = agreement_of(OFFER, "urn:uuid:a", "urn:uuid:d", "BRA", "ZAF", NOON)

# message: who may send it, from which states, to which state.
NEGOTIATION = """
    request       C     OFFERED                                        REQUESTED
    offer         P     REQUESTED                                      OFFERED
    accepted      C     OFFERED                                        ACCEPTED
    agreement     P     REQUESTED ACCEPTED                             AGREED
    verification  C     AGREED                                         VERIFIED
    finalized     P     VERIFIED                                       FINALIZED
    termination   CP    REQUESTED OFFERED ACCEPTED AGREED VERIFIED     TERMINATED
"""
TRANSFER = """
    request       -     -                                              REQUESTED
    start         P     REQUESTED                                      STARTED
    start         CP    SUSPENDED                                      STARTED
    completion    CP    STARTED                                        COMPLETED
    suspension    CP    STARTED                                        SUSPENDED
    termination   CP    REQUESTED STARTED SUSPENDED                    TERMINATED
"""


def drawn(table: str) -> dict[tuple[str, str, Role], str]:
    found = {}
    for line in table.strip().splitlines():
        name, senders, *states, after = line.split()
        for state in states:
            for role in [r for r, letter in ((C, "C"), (P, "P")) if letter in senders]:
                found[state, name, role] = after
    return found


ADDRESS = messages.data_address("https://bra.example/dsp/data/p", "token")
ABOUT: dict[str, dict[str, Any]] = {
    "request": messages.contract_request("c", OFFER, provider_pid="p"),
    "offer": messages.contract_offer("p", OFFER, consumer_pid="c"),
    "accepted": messages.event("c", "p", Kind.ACCEPTED),
    "agreement": messages.contract_agreement("c", "p", AGREEMENT),
    "verification": messages.verification("c", "p"),
    "finalized": messages.event("c", "p", Kind.FINALIZED),
    "termination": messages.stopped(Kind.TERMINATION, "c", "p", "user"),
}
MOVING: dict[str, dict[str, Any]] = {
    "request": messages.transfer_request("c", "urn:uuid:a", messages.PULL, "https://zaf.example/dsp/2025-1/cb"),
    "start": messages.start("c", "p", ADDRESS),
    "completion": messages.completion("c", "p"),
    "suspension": messages.stopped(Kind.SUSPENSION, "c", "p", "user"),
    "termination": messages.stopped(Kind.TRANSFER_TERMINATION, "c", "p", "user"),
}
NEGOTIATING = negotiation.Facts("ZAF", "BRA", "p", offer_known=True, callback_valid=True, logged=True)
TRANSFERRING = transfer.Facts("ZAF", "BRA", "p", True, True, True, True)


def negotiating(state: negotiation.State) -> negotiation.Negotiation:
    return negotiation.Negotiation(state, "c", "p", "ZAF", "BRA", OFFER, P)


def moving(state: transfer.State, suspended_by: Role | None = None) -> transfer.Transfer:
    return transfer.Transfer(state, "c", "p", "ZAF", "BRA", "urn:uuid:a", messages.PULL, suspended_by)


@pytest.mark.parametrize("state", list(negotiation.State))
@pytest.mark.parametrize("name", sorted(ABOUT))
@pytest.mark.parametrize("sender", [C, P])
def test_negotiation_table(state: negotiation.State, name: str, sender: Role) -> None:
    before = negotiating(state)
    wanted = drawn(NEGOTIATION).get((state.value, name, sender))
    if wanted:
        assert negotiation.step(before, ABOUT[name], sender, NEGOTIATING).state == wanted
        return
    with pytest.raises(RuleError) as caught:
        negotiation.step(before, ABOUT[name], sender, NEGOTIATING)
    assert state.value in str(caught.value)
    assert before == negotiating(state)


@pytest.mark.parametrize("state", list(transfer.State))
@pytest.mark.parametrize("name", sorted(MOVING))
@pytest.mark.parametrize("sender", [C, P])
@pytest.mark.parametrize("suspended_by", [C, P])
def test_transfer_table(state: transfer.State, name: str, sender: Role, suspended_by: Role) -> None:
    before = moving(state, suspended_by if state == "SUSPENDED" else None)
    wanted = drawn(TRANSFER).get((state.value, name, sender))
    if wanted:
        assert transfer.step(before, MOVING[name], sender, TRANSFERRING).state == wanted
        return
    with pytest.raises(RuleError) as caught:
        transfer.step(before, MOVING[name], sender, TRANSFERRING)
    assert state.value in str(caught.value)


@pytest.mark.parametrize("sender", [C, P])
def test_only_a_request_or_an_unasked_offer_opens(sender: Role) -> None:
    first = {
        "request": messages.contract_request("c", OFFER, callback="https://zaf.example/dsp/2025-1/cb"),
        "offer": messages.contract_offer("p", OFFER, callback="https://bra.example/dsp/2025-1"),
    }
    for name, message in (ABOUT | first).items():
        opens = (name, sender) in (("request", C), ("offer", P))
        if opens:
            found = negotiation.step(None, message, sender, replace(NEGOTIATING, own_pid="own"))
            assert found.state == ("REQUESTED" if name == "request" else "OFFERED")
            assert "own" in (found.provider_pid, found.consumer_pid)
        else:
            with pytest.raises(RuleError):
                negotiation.step(None, message, sender, NEGOTIATING)
    for name, message in MOVING.items():
        if (name, sender) == ("request", C):
            assert transfer.step(None, message, sender, TRANSFERRING).state == "REQUESTED"
        else:
            with pytest.raises(RuleError):
                transfer.step(None, message, sender, TRANSFERRING)


@pytest.mark.parametrize("key", ["consumerPid", "providerPid"])
def test_foreign_pid_is_refused(key: str) -> None:
    for state, name, sender in sorted(drawn(NEGOTIATION)):
        with pytest.raises(RuleError, match=key):
            negotiation.step(negotiating(negotiation.State(state)), ABOUT[name] | {key: "x"}, sender, NEGOTIATING)
    for state, name, sender in sorted(drawn(TRANSFER)):
        if state == "-":
            continue
        with pytest.raises(RuleError, match=key):
            transfer.step(moving(transfer.State(state)), MOVING[name] | {key: "x"}, sender, TRANSFERRING)


def changed(**fields: Any) -> dict[str, Any]:
    return messages.contract_agreement("c", "p", AGREEMENT | fields)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"assigner": "IND"}, "assigner"),
        ({"assignee": "IND"}, "assignee"),
        ({"target": "urn:uuid:other"}, "target"),
        ({"permission": [{"action": "read"}]}, "terms"),
        ({"obligation": [{"action": "delete"}]}, "terms"),
        ({"profile": "urn:concordat:odrl:1"}, "terms"),
    ],
    ids=["assigner", "assignee", "target", "permission", "obligation", "profile"],
)
def test_agreement_on_other_terms_is_refused(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(RuleError, match=word):
        negotiation.step(negotiating(negotiation.State.ACCEPTED), changed(**fields), P, NEGOTIATING)


@pytest.mark.parametrize(
    ("missing", "code"), [({"offer_known": False}, "unknown_offer"), ({"callback_valid": False}, "callback")],
    ids=["offer", "callback"],
)  # fmt: skip
def test_guards_of_the_first_request(missing: dict[str, Any], code: str) -> None:
    first = messages.contract_request("c", OFFER, callback="https://zaf.example/dsp/2025-1/cb")
    with pytest.raises(RuleError) as caught:
        negotiation.step(None, first, C, replace(NEGOTIATING, **missing))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"agreement_final": False}, "unknown_agreement"),
        ({"permitted": False}, "denied"),
        ({"format_known": False}, "format"),
        ({"callback_valid": False}, "callback"),
    ],
    ids=["agreement", "permitted", "format", "callback"],
)
def test_guards_of_a_transfer_request(missing: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleError) as caught:
        transfer.step(None, MOVING["request"], C, replace(TRANSFERRING, **missing))
    assert caught.value.code == code


def test_last_step_needs_the_senders_entry() -> None:
    for state, name, sender in (("AGREED", "verification", C), ("VERIFIED", "finalized", P)):
        unlogged = replace(NEGOTIATING, logged=False)
        with pytest.raises(RuleError, match="entry Agreement"):
            negotiation.step(negotiating(negotiation.State(state)), ABOUT[name], sender, unlogged)


def test_acceptance_needs_an_offer_of_the_provider() -> None:
    own = replace(negotiating(negotiation.State.OFFERED), offered_by=C)
    with pytest.raises(RuleError, match="not the provider's"):
        negotiation.step(own, ABOUT["accepted"], C, NEGOTIATING)


def test_start_after_the_others_suspension_asks_again() -> None:
    forbidden = replace(TRANSFERRING, permitted=False, why="it is over")
    for by in (C, P):
        own = transfer.step(moving(transfer.State.SUSPENDED, by), MOVING["start"], by, forbidden)
        assert own.state == "STARTED"
        with pytest.raises(RuleError, match="it is over"):
            transfer.step(moving(transfer.State.SUSPENDED, by), MOVING["start"], by.other, forbidden)


def test_pull_starts_with_an_address_and_a_token() -> None:
    with pytest.raises(RuleError, match="bearer token"):
        transfer.step(moving(transfer.State.REQUESTED), messages.start("c", "p"), P, TRANSFERRING)
    pushed = replace(moving(transfer.State.REQUESTED), format=messages.PUSH)
    assert transfer.step(pushed, messages.start("c", "p"), P, TRANSFERRING).state == "STARTED"


def test_pid_of_the_other_side_is_learned_once() -> None:
    opened = replace(negotiating(negotiation.State.REQUESTED), provider_pid="", offered_by=C)
    known = negotiation.acknowledged(opened, "p")
    assert known.provider_pid == "p"
    assert negotiation.acknowledged(known, "p") == known
    with pytest.raises(RuleError, match="another process"):
        negotiation.acknowledged(known, "q")
    with pytest.raises(RuleError, match="another process"):
        transfer.acknowledged(moving(transfer.State.REQUESTED), "q")


def test_refusal_names_who_may() -> None:
    with pytest.raises(RuleError) as caught:
        negotiation.step(negotiating(negotiation.State.AGREED), ABOUT["finalized"], C, NEGOTIATING)
    # The words of exchange.md, section 12.
    assert str(caught.value) == "FINALIZED may only be sent by the provider; the state stays AGREED."
