"""What is signed, sent twice, lost or interrupted: both sides come to one state, and the log says just that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.errors import InputError, RuleError, StateError, TrustError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.messages import PULL, Kind
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.token import LIFE_S, SKEW_S
from concordat.exchange.events import check_said
from concordat.node.exchange_book import check_body
from concordat.node.exchange_machines import pids

BRA = pair.BASES["BRA"] + "/dsp/2025-1"
ZAF = pair.BASES["ZAF"] + "/dsp/2025-1/cb"
FACTS = {"dataset_id": "a", "version": 1, "offered": "0" * 64}


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """BRA offers, ZAF asks."""
    shelf = pair.Shelf(pair.offered())
    return pair.World([pair.Station("BRA", tmp_path, shelf), pair.Station("ZAF", tmp_path, pair.Shelf())])


def until(world: Any, state: str) -> Any:
    """BRA's negotiation with ZAF in a state, before BRA's next turn."""
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    zaf.mover.ask("BRA", pair.narrowed(), world.now, facts=FACTS)
    for sender in (zaf, bra, zaf, bra):
        found = bra.store.processes("negotiation")
        if found and found[0].state == state:
            return found[0]
        sender.turn(world.now)
        for outgoing in sender.store.due(world.now.timestamp()):
            world.deliver(sender, outgoing)
    raise AssertionError(f"never {state}")


def final(world: Any) -> str:
    world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now, facts=FACTS)
    world.settle()
    return str(world.stations["ZAF"].store.agreements()[0].id)


# --- Nothing is signed that the state refuses, and no end is lost ---------------------------------------------------


@pytest.mark.parametrize(("state", "move"), [("AGREED", Move.FINALIZE), ("REQUESTED", Move.FINALIZE)])
def test_nothing_is_signed_that_the_state_refuses(world: Any, state: str, move: Move) -> None:
    process, bra = until(world, state), world.stations["BRA"]
    with pytest.raises((RuleError, AssertionError)):
        bra.mover.move(process.pid, Next(move), world.now)
    assert bra.diary.kinds() == []
    assert bra.store.intended(process.pid) is None


def test_peer_cannot_end_a_negotiation_while_its_entry_is_signed(world: Any) -> None:
    """The termination waits until the entry and the message that stands on it are on the disk."""
    import threading

    process, bra = until(world, "VERIFIED"), world.stations["BRA"]
    ending = messages.encode(messages.stopped(Kind.TERMINATION, *pids(process), "x", "enough"))
    answers: list[Any] = []
    told = threading.Thread(
        target=lambda: answers.append(world.ask("ZAF", "POST", f"{BRA}/negotiations/{process.pid}/termination", ending))
    )
    said = bra.diary.said

    def slowly(kind: str, body: Any) -> str:
        told.start()
        told.join(0.2)
        assert told.is_alive()
        return str(said(kind, body))

    bra.diary.said = slowly
    assert bra.mover.move(process.pid, Next(Move.FINALIZE), world.now)
    told.join()
    bra.diary.said = said
    assert answers[0].status == 200
    world.settle()
    assert bra.store.process(process.pid).state == "TERMINATED"
    assert bra.diary.kinds() == ["AgreementReached", "AgreementEnded"]


def test_end_is_logged_although_the_node_stopped_just_after_it_signed(world: Any) -> None:
    process, bra = until(world, "VERIFIED"), world.stations["BRA"]
    said = bra.diary.said

    def stops(kind: str, body: Any) -> str:
        said(kind, body)
        raise pair.Crash

    bra.diary.said = stops
    bra.live(lambda: bra.mover.move(process.pid, Next(Move.FINALIZE), world.now))
    bra.diary.said = said
    assert bra.diary.kinds() == ["AgreementReached"]
    ending = messages.encode(messages.stopped(Kind.TERMINATION, *pids(process), "x", "enough"))
    assert world.ask("ZAF", "POST", f"{BRA}/negotiations/{process.pid}/termination", ending).status == 200
    bra.turn(world.now)
    assert bra.diary.kinds() == ["AgreementReached", "AgreementEnded"]


def test_consumer_that_confirmed_says_that_it_ended(world: Any) -> None:
    process, zaf = until(world, "VERIFIED"), world.stations["ZAF"]
    world.stations["BRA"].mover.move(process.pid, Next(Move.TERMINATE, "no more"), world.now)
    world.settle()
    assert zaf.diary.kinds() == ["AgreementConfirmed", "AgreementEnded"]


@pytest.mark.parametrize("status", [400, None], ids=["refused", "silence"])
def test_end_that_came_while_a_message_of_ours_was_out_is_logged(world: Any, status: int | None) -> None:
    """BRA ends it before ZAF's verification is there: what ZAF has signed is said to have ended, at once."""
    process, zaf = until(world, "AGREED"), world.stations["ZAF"]
    zaf.turn(world.now)
    outgoing = zaf.store.due(world.now.timestamp())[0]
    assert zaf.diary.kinds() == ["AgreementConfirmed"]
    ending = messages.encode(messages.stopped(Kind.TERMINATION, *pids(process), "x", "enough"))
    assert world.ask("BRA", "POST", f"{ZAF}/negotiations/{outgoing.pid}/termination", ending).status == 200
    zaf.turn(world.now)
    assert not zaf.mover.delivered(outgoing, status, b"{}", world.now)
    zaf.turn(world.now)
    assert zaf.diary.kinds() == ["AgreementConfirmed", "AgreementEnded"]
    assert zaf.store.intended(outgoing.pid) is None


# --- A last word without an answer ----------------------------------------------------------------------------------


def silent(world: Any, process: Any, *, arrives: bool) -> int:
    """BRA's FINALIZED goes out until BRA gives up; no answer comes back. How often it was sent."""
    bra = world.stations["BRA"]
    bra.turn(world.now)
    sent = 0
    while (outgoing := bra.store.intended(process.pid)) is not None:
        sent += 1
        if arrives:
            assert world.ask("BRA", "POST", outgoing.url, outgoing.body).status == 200
        bra.mover.delivered(outgoing, None, b"", world.now)
        world.now += timedelta(seconds=60)
    return sent


def test_lost_answer_to_the_last_word_leaves_the_agreement_in_force(world: Any) -> None:
    """Sent once and eight times again (exchange.md 5.3); then ZAF asks for the data, and so tells that it arrived."""
    process, bra, zaf = until(world, "VERIFIED"), world.stations["BRA"], world.stations["ZAF"]
    assert silent(world, process, arrives=True) == 9
    assert zaf.store.agreements()[0].final
    left = bra.store.process(process.pid)
    assert (left.state, left.body["code"], left.facts["unsure"]) == ("TERMINATED", "unreachable", True)
    assert "may have arrived" in left.flag
    bra.turn(world.now)
    assert bra.diary.kinds() == ["AgreementReached"]  # that it ended is not known, and not said
    pid = zaf.mover.request_transfer("BRA", zaf.store.agreements()[0].id, PULL, world.now)
    world.settle()
    assert zaf.store.process(pid).state == "STARTED"
    left = bra.store.process(process.pid)
    assert (left.state, left.flag) == ("FINALIZED", "")
    assert bra.store.agreements()[0].final
    assert bra.store.duties()


def test_data_asked_for_while_the_last_word_waits_say_that_it_arrived(world: Any) -> None:
    process, bra, zaf = until(world, "VERIFIED"), world.stations["BRA"], world.stations["ZAF"]
    bra.turn(world.now)
    outgoing = bra.store.intended(process.pid)
    world.ask("BRA", "POST", outgoing.url, outgoing.body)
    zaf.mover.request_transfer("BRA", zaf.store.agreements()[0].id, PULL, world.now)
    request = zaf.store.due(world.now.timestamp())[0]
    assert world.ask("ZAF", "POST", request.url, request.body).status == 201
    assert bra.store.process(process.pid).state == "FINALIZED"
    assert bra.store.intended(process.pid) is None


def test_what_the_consumer_ended_is_not_revived_by_its_request_for_data(world: Any) -> None:
    """FINALIZED waits here when ZAF's termination comes: from then on no transfer opens under that agreement."""
    process, bra = until(world, "VERIFIED"), world.stations["BRA"]
    bra.turn(world.now)
    outgoing = bra.store.intended(process.pid)
    ending = messages.encode(messages.stopped(Kind.TERMINATION, *pids(process), "x", "enough"))
    assert world.ask("ZAF", "POST", f"{BRA}/negotiations/{process.pid}/termination", ending).status == 200
    name, pid = bra.store.agreements()[0].id, "urn:uuid:33333333-3333-4333-8333-333333333333"
    request = messages.encode(messages.transfer_request(pid, name, PULL, ZAF))
    assert world.ask("ZAF", "POST", f"{BRA}/transfers/request", request).status == 400
    bra.mover.delivered(outgoing, 400, b"{}", world.now)
    bra.turn(world.now)
    assert (bra.store.process(process.pid).state, bra.store.agreements()[0].final) == ("TERMINATED", False)
    assert bra.diary.kinds() == ["AgreementReached", "AgreementEnded"]


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "lost"])
def test_peer_that_is_asked_settles_an_unsure_end(world: Any, arrives: bool) -> None:
    process, bra, zaf = until(world, "VERIFIED"), world.stations["BRA"], world.stations["ZAF"]
    silent(world, process, arrives=arrives)
    bra.crash()
    bra.turn(world.now)
    assert list(bra.engine.doubts) == [process.pid]  # after a start as well
    told = world.ask("BRA", "GET", f"{ZAF}/negotiations/{pids(process)[0]}")
    bra.mover.told(process.pid, told.status, told.body, world.now)
    world.settle()  # what never arrived is sent again
    assert [s.store.processes("negotiation")[0].state for s in (bra, zaf)] == ["FINALIZED"] * 2
    assert bra.diary.kinds() == ["AgreementReached"]


def test_last_word_that_is_refused_since_it_came_before_is_no_disagreement(world: Any) -> None:
    """ZAF has FINALIZED by an earlier message; another one is refused, and ZAF says where it stands."""
    process, bra = until(world, "VERIFIED"), world.stations["BRA"]
    bra.turn(world.now)
    outgoing = bra.store.intended(process.pid)
    world.ask("BRA", "POST", outgoing.url, outgoing.body)
    assert bra.mover.delivered(outgoing, 400, b'{"reason": ["the negotiation is over"]}', world.now)
    told = world.ask("BRA", "GET", f"{ZAF}/negotiations/{pids(process)[0]}")
    bra.mover.told(process.pid, told.status, told.body, world.now)
    world.settle()
    left = bra.store.process(process.pid)
    assert (left.state, left.flag, bra.diary.kinds()) == ("FINALIZED", "", ["AgreementReached"])


@pytest.mark.parametrize("refused", [False, True], ids=["silence", "refused"])
def test_404_says_nothing_of_an_unsure_end(world: Any, refused: bool) -> None:
    """It is the answer to a token that isn't good as well: BRA's clock is ten minutes behind, and ZAF has FINALIZED."""
    process, bra, zaf = until(world, "VERIFIED"), world.stations["BRA"], world.stations["ZAF"]
    if refused:
        bra.turn(world.now)
        outgoing = bra.store.intended(process.pid)
        assert world.ask("BRA", "POST", outgoing.url, outgoing.body).status == 200  # whose answer is lost
        assert bra.mover.delivered(outgoing, 404, b"{}", world.now)
    else:
        silent(world, process, arrives=True)
    url = f"{ZAF}/negotiations/{pids(process)[0]}"
    told = zaf.engine.handle(bra.call("GET", url, b"", world.now - timedelta(seconds=600)), world.now)
    assert told.status == 404
    bra.mover.told(process.pid, told.status, told.body, world.now)
    bra.turn(world.now)
    assert bra.store.process(process.pid).facts["unsure"]
    assert bra.diary.kinds() == ["AgreementReached"]  # that it ended is not known, and not said
    assert list(bra.engine.doubts) == [process.pid]  # it is asked again
    told = world.ask("BRA", "GET", url)
    bra.mover.told(process.pid, told.status, told.body, world.now)
    assert bra.store.process(process.pid).state == "FINALIZED"


def test_unsure_end_that_the_peer_does_not_share_or_a_person_settles_is_logged(world: Any) -> None:
    process, bra = until(world, "VERIFIED"), world.stations["BRA"]
    silent(world, process, arrives=False)
    bra.mover.told(process.pid, 401, b"", world.now)
    assert bra.store.process(process.pid).facts["unsure"]  # no answer to the question
    assert bra.mover.give_up(process.pid, world.now)
    assert not bra.mover.give_up(process.pid, world.now)
    bra.turn(world.now)
    assert bra.diary.kinds() == ["AgreementReached", "AgreementEnded"]
    assert bra.store.process(process.pid).state == "TERMINATED"


# --- A request that comes again -------------------------------------------------------------------------------------


def started(world: Any) -> tuple[Any, bytes]:
    """ZAF's transfer that runs, and the bytes of its request."""
    zaf = world.stations["ZAF"]
    pid = zaf.mover.request_transfer("BRA", final(world), PULL, world.now)
    body = zaf.store.intended(pid).body
    world.settle()
    process = zaf.store.process(pid)
    assert process.state == "STARTED"
    return process, body


@pytest.mark.parametrize("same_bytes", [True, False], ids=["same bytes", "other bytes"])
def test_request_for_data_that_comes_again_is_started_again(world: Any, same_bytes: bool) -> None:
    """As the first time: an answer and a Start with a token that opens the body; no use is counted for it."""
    process, body = started(world)
    bra, theirs = world.stations["BRA"], process.body["provider_pid"]
    old = messages.token_of(process.body["address"])
    again = body if same_bytes else messages.encode(json.loads(body) | {"@id": "urn:uuid:another"})
    answer = world.ask("ZAF", "POST", f"{BRA}/transfers/request", again)
    assert answer.status == 201
    assert json.loads(answer.body)["providerPid"] == theirs
    bra.turn(world.now)
    (outgoing,) = bra.store.due(world.now.timestamp())
    start = json.loads(outgoing.body)
    assert (start["@type"], outgoing.url) == (Kind.START, f"{ZAF}/transfers/{process.pid}/start")
    new = messages.token_of(start["dataAddress"])
    assert new != old
    for token in (old, new):  # until the new one is acknowledged a pull that runs goes on
        assert bra.engine.opened(theirs, token, "", world.now)[0].final
    bra.mover.delivered(outgoing, 200, b"", world.now)
    assert bra.engine.opened(theirs, new, "", world.now)
    assert bra.store.token_pid(old, int(world.now.timestamp())) is None
    assert bra.engine.uses(bra.store.agreements()[0].id) == 0
    assert len(bra.store.processes("transfer")) == 1


def test_start_again_that_is_refused_leaves_the_transfer_as_it_runs(world: Any) -> None:
    process, body = started(world)
    bra, theirs = world.stations["BRA"], process.body["provider_pid"]
    world.ask("ZAF", "POST", f"{BRA}/transfers/request", body)
    world.settle()  # ZAF has its Start, and refuses a second one
    assert [s.store.processes("transfer")[0].state for s in world.stations.values()] == ["STARTED"] * 2
    assert bra.store.process(theirs).flag == ""
    assert bra.engine.opened(theirs, messages.token_of(process.body["address"]), "", world.now)


def test_transfer_that_is_over_is_not_started_again(world: Any) -> None:
    process, body = started(world)
    bra, theirs = world.stations["BRA"], process.body["provider_pid"]
    world.ask("ZAF", "POST", f"{BRA}/transfers/request", body)
    bra.turn(world.now)
    assert bra.store.intended(theirs) is not None
    ended = messages.encode(messages.completion(process.pid, theirs))
    assert world.ask("ZAF", "POST", f"{BRA}/transfers/{theirs}/completion", ended).status == 200
    assert bra.store.intended(theirs) is None
    assert bra.store.process(theirs).state == "COMPLETED"


def test_request_of_the_same_name_for_something_else_is_refused(world: Any) -> None:
    _, body = started(world)
    other = messages.encode(json.loads(body) | {"format": messages.PULL_ALIAS})
    answer = world.ask("ZAF", "POST", f"{BRA}/transfers/request", other)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "same_pid")


def test_start_that_waits_goes_at_once_when_the_request_comes_again(world: Any) -> None:
    zaf, bra = world.stations["ZAF"], world.stations["BRA"]
    pid = zaf.mover.request_transfer("BRA", final(world), PULL, world.now)
    body = zaf.store.intended(pid).body
    world.ask("ZAF", "POST", f"{BRA}/transfers/request", body)
    bra.turn(world.now)
    (start,) = bra.store.due(world.now.timestamp())
    for _ in range(6):
        bra.mover.delivered(bra.store.intended(start.pid), None, b"", world.now)
    assert bra.store.due(world.now.timestamp()) == []
    world.ask("ZAF", "POST", f"{BRA}/transfers/request", body)
    (again,) = bra.store.due(world.now.timestamp())
    assert again.body == start.body


# --- Tokens, entries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400], ids=["taken", "refused"])
def test_token_is_good_once_after_a_restart_as_well(world: Any, status: int) -> None:
    request = {"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage"}
    body = messages.encode(request if status == 200 else request | {"filter": [{"a": 1}]})
    bra = world.stations["BRA"]
    call = world.stations["ZAF"].call("POST", f"{BRA}/catalog/request", body, world.now)
    assert bra.engine.handle(call, world.now).status == status
    bra.crash()
    assert bra.engine.handle(call, world.now).status == 401
    world.now += timedelta(seconds=LIFE_S + 2 * SKEW_S + 1)
    later = world.stations["ZAF"].call("POST", f"{BRA}/catalog/request", body, world.now)
    bra.engine.handle(later, world.now)
    assert len(bra.store.used()) == 1  # those that ended are forgotten


BODY = {
    "agreement": "urn:uuid:11111111-1111-4111-8111-111111111111", "hash": "a" * 64, "provider": "BRA",
    "consumer": "ZAF", "dataset": "a", "version": 1, "offered": "0" * 64, "until": "2027-12-31",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("dataset", "b"), ("version", 2), ("offered", "1" * 64), ("until", "2028-12-31"), ("consumer", "IND"),
     ("hash", "b" * 64), ("until", None)],
    ids=range(7),
)  # fmt: skip
def test_every_field_of_the_peers_entry_is_compared(field: str, value: Any) -> None:
    check_body("AgreementReached", BODY, BODY)
    said = {key: found for key, found in (BODY | {field: value}).items() if found is not None}
    with pytest.raises(TrustError, match=f"says {field}"):
        check_body("AgreementReached", said, BODY)
    with pytest.raises(TrustError, match="says until"):
        check_body("AgreementReached", BODY, {k: v for k, v in BODY.items() if k != "until"})


def test_entry_about_another_version_finalizes_nothing(world: Any) -> None:
    """ZAF looked at version 1; an entry of BRA that names version 2 is refused, though agreement and hash are right."""
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    said = bra.diary.said
    bra.diary.said = lambda kind, body: said(kind, body | ({"version": 2} if kind == "AgreementReached" else {}))
    zaf.mover.ask("BRA", pair.narrowed(), world.now, facts=FACTS)
    world.settle()
    assert any("version" in str(one.get("what")) for one in zaf.refusals)
    assert not any(agreement.final for agreement in zaf.store.agreements())


def test_fault_of_the_disk_while_a_refusal_is_kept_is_not_raised(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bra = world.stations["BRA"]

    def full(*_: Any) -> None:
        raise StateError("full", code="store")

    monkeypatch.setattr(bra.store, "use", full)
    request = messages.encode({"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage"})
    call = world.stations["ZAF"].call("POST", f"{BRA}/catalog/request", request, world.now)
    assert bra.engine.handle(call, world.now).status == 503
    assert bra.engine.handle(replace(call), world.now).status == 401  # used, as far as memory goes


# --- Partners outside the bloc --------------------------------------------------------------------------------------


def test_partner_agrees_by_its_signed_request_alone(tmp_path: Path) -> None:
    """IND stands for a node that is no member: it shows no entry, and its signed verification is kept."""
    bra = pair.Station("BRA", tmp_path, pair.Shelf(pair.offered()), outside={"IND": "OTHER"})
    ind = pair.Station("IND", tmp_path, pair.Shelf())
    world = pair.World([bra, ind])
    ind.diary.said = lambda *_: ""  # nothing that BRA could read
    ind.mover.ask("BRA", pair.narrowed(), world.now, facts=FACTS)
    world.settle()
    (process,) = bra.store.processes("negotiation")
    assert (process.state, bra.diary.kinds()) == ("FINALIZED", ["AgreementReached"])
    kept = process.facts["signed_request"]
    assert kept["authorization"].startswith("Bearer ")
    assert json.loads(kept["body"])["@type"] == Kind.VERIFICATION


def test_partner_sees_and_has_nothing_that_names_nobody(tmp_path: Path) -> None:
    terms = from_offer({"permit": "use", "when": {"purpose": ["research"]}})
    outside = {"outside": {"IND": "OTHER"}}
    bra = pair.Station("BRA", tmp_path, pair.Shelf(pair.offered(policy=terms)), **outside)
    ind = pair.Station("IND", tmp_path, pair.Shelf())
    world = pair.World([bra, ind])
    request = messages.encode({"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage"})
    assert "dataset" not in json.loads(world.ask("IND", "POST", f"{BRA}/catalog/request", request).body)
    named = {"@id": pair.OFFER, "target": pair.DATASET, **from_offer({"permit": "use", "when": {"member": ["IND"]}})}
    ind.mover.ask("BRA", named, world.now, facts=FACTS)
    world.settle()
    assert bra.store.processes("negotiation") == []


def test_offer_of_a_partner_is_refused_by_name(tmp_path: Path) -> None:
    """No membership here proves what it offered; a person is not even asked."""
    bra = pair.Station("BRA", tmp_path, pair.Shelf(), outside={"IND": "OTHER"})
    world = pair.World([bra, pair.Station("IND", tmp_path, pair.Shelf())])
    offer = messages.contract_offer("urn:uuid:p", pair.narrowed(), callback="https://ind.example/dsp/2025-1")
    answer = world.ask("IND", "POST", f"{BRA}/negotiations/offers", messages.encode(offer))
    said = json.loads(answer.body)
    assert (answer.status, said["code"]) == (400, "not_a_member")
    assert "no membership here proves what it offered" in said["reason"][0]
    assert bra.store.processes() == []


def test_token_of_a_partner_ends_with_its_last_day(tmp_path: Path) -> None:
    last = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)
    bra = pair.Station("BRA", tmp_path, pair.Shelf(pair.offered()), outside={"IND": ""}, ends={"IND": last})
    ind, zaf = pair.Station("IND", tmp_path, pair.Shelf()), pair.Station("ZAF", tmp_path, pair.Shelf())
    world = pair.World([bra, ind, zaf])
    for one in (ind, zaf):
        one.mover.ask("BRA", pair.narrowed(), world.now, facts=FACTS)
    world.settle()
    for one in (ind, zaf):
        one.mover.request_transfer("BRA", one.store.agreements()[0].id, PULL, world.now)
    world.settle()
    for one, good in ((ind, False), (zaf, True)):
        (process,) = one.store.processes("transfer")
        token = messages.token_of(process.body["address"])
        for at, opens in ((last - timedelta(seconds=1), True), (last, good)):
            assert (bra.store.token_pid(token, int(at.timestamp())) is not None) == opens


# --- More duties than a log can name --------------------------------------------------------------------------------


def test_terms_with_more_duties_than_a_log_can_name_are_refused(world: Any) -> None:
    """The consumer could not confirm such an agreement, which would stay AGREED for good."""
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    duties = {
        count: from_offer({"permit": "use", "must": [{"do": "delete", "by": "2027-01-01"}] * count})["obligation"]
        for count in (1, 64)
    }
    with pytest.raises(InputError, match="at most 64"):
        from_offer({"permit": "use", "must": [{"do": "attribute"}] * 65})
    for pid, extra, status in (("urn:uuid:a", [], 201), ("urn:uuid:b", duties[1], 400)):
        terms = pair.narrowed() | {"obligation": duties[64] + extra}
        body = messages.encode(messages.contract_request(pid, terms, callback=ZAF))
        assert world.ask("ZAF", "POST", f"{BRA}/negotiations/request", body).status == status
    confirmed = {"agreement": "urn:uuid:11111111-1111-4111-8111-111111111111", "hash": "0" * 64, "provider": "BRA",
                 "consumer": "ZAF"}  # fmt: skip
    rows = [{"duty": "delete", "number": number} for number in range(1, 66)]
    check_said("AgreementConfirmed", confirmed | {"duties": rows[:64]}, "ZAF")
    with pytest.raises(InputError):
        check_said("AgreementConfirmed", confirmed | {"duties": rows}, "ZAF")
    assert len(bra.store.processes("negotiation")) == 1
    assert zaf.store.processes() == []
