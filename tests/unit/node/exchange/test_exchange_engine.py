"""One side of the protocol without sockets: who may see and change what, and that an error changes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next, Rule
from concordat.exchange.dataspace.messages import PULL, Kind
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.schemas import parse
from concordat.node.exchange_calls import ROUTES, UnknownCallerError

BRA = pair.BASES["BRA"] + "/dsp/2025-1"
ZAF = pair.BASES["ZAF"] + "/dsp/2025-1/cb"


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """BRA offers; ZAF and IND ask."""
    return three(tmp_path)


def three(tmp_path: Path, **offered: Any) -> Any:
    shelf = pair.Shelf(pair.offered(**offered))
    return pair.World([pair.Station(m, tmp_path, shelf if m == "BRA" else pair.Shelf()) for m in pair.BASES])


def asked(callback: str = ZAF, **offer: Any) -> bytes:
    return messages.encode(messages.contract_request("urn:uuid:c1", pair.narrowed() | offer, callback=callback))


def final(world: Any) -> str:
    """A final agreement between BRA and ZAF."""
    facts = {"dataset_id": "a", "version": 1}
    world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now, facts=facts)
    world.settle()
    return str(world.stations["ZAF"].store.agreements()[0].id)


def test_there_are_25_routes() -> None:
    assert len(ROUTES) == 25
    assert len({(route.method, route.pattern) for route in ROUTES}) == 25


def test_version_needs_no_token(world: Any) -> None:
    from concordat.node.exchange_calls import Call

    found = world.stations["BRA"].engine.handle(Call("GET", "/.well-known/dspace-version", "x"), world.now)
    assert json.loads(found.body)["protocolVersions"][0]["auth"]["protocol"] == "concordat-member-jwt"
    parse(found.body, "VersionResponse")


def test_catalogue_in_pages_and_without_datasets(world: Any) -> None:
    request = messages.encode({"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage"})
    found = parse(world.ask("ZAF", "POST", f"{BRA}/catalog/request", request).body, "Catalog")
    assert [d["@id"] for d in found["dataset"]] == [pair.DATASET]
    assert found["participantId"] == "BRA"
    offered = pair.offered()
    many = {f"urn:uuid:{i:032d}": offered for i in range(250)}
    world.stations["BRA"].shelf.offered = many
    for page, links in ((1, ["next"]), (2, ["previous", "next"]), (3, ["previous"])):
        answer = world.ask("ZAF", "POST", f"{BRA}/catalog/request?page={page}", request)
        assert [name for name in ("previous", "next") if f'rel="{name}"' in answer.headers["link"]] == links
        assert len(json.loads(answer.body)["dataset"]) == (100, 100, 50)[page - 1]
    world.stations["BRA"].shelf.offered = {}
    assert "dataset" not in parse(world.ask("ZAF", "POST", f"{BRA}/catalog/request", request).body, "Catalog")
    known = messages.encode({"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage", "filter": [{"a": 1}]})
    refused = world.ask("ZAF", "POST", f"{BRA}/catalog/request", known)
    assert refused.status == 400
    assert parse(refused.body, "CatalogError")["code"] == "filter"


def test_only_those_see_it_whom_the_terms_may_admit(tmp_path: Path) -> None:
    world = three(tmp_path, policy=from_offer({"permit": "use", "when": {"member": ["ZAF"]}}))
    url = f"{BRA}/catalog/datasets/{pair.DATASET}"
    assert world.ask("ZAF", "GET", url).status == 200
    hidden, absent = world.ask("IND", "GET", url), world.ask("IND", "GET", url[:-1] + "2")
    assert hidden.status == absent.status == 404
    assert hidden.body == absent.body
    offer = messages.encode(messages.contract_request("c", pair.narrowed(), callback=pair.BASES["IND"] + "/x"))
    assert world.ask("IND", "POST", f"{BRA}/negotiations/request", offer).status == 400


def test_another_members_process_does_not_exist(world: Any) -> None:
    final(world)
    (process,) = world.stations["BRA"].store.processes("negotiation")
    url = f"{BRA}/negotiations/{process.pid}"
    assert world.ask("ZAF", "GET", url).status == 200
    foreign, absent = world.ask("IND", "GET", url), world.ask("IND", "GET", url + "x")
    assert (foreign.status, foreign.body) == (absent.status, absent.body) == (404, foreign.body)
    ending = messages.encode(messages.stopped(Kind.TERMINATION, process.body["consumer_pid"], process.pid, "x"))
    assert world.ask("IND", "POST", f"{url}/termination", ending).status == 404
    assert world.ask("ZAF", "POST", f"{BRA}/transfers/{process.pid}/termination", ending).status in (400, 404)


def test_missing_token_is_401_at_first_and_404_later(world: Any) -> None:
    from dataclasses import replace

    final(world)
    (process,) = world.stations["BRA"].store.processes("negotiation")
    engine = world.stations["BRA"].engine
    for url, body, status in (
        (f"{BRA}/catalog/datasets/{pair.DATASET}", b"", 401),
        (f"{BRA}/negotiations/request", asked(), 401),
        (f"{BRA}/negotiations/{process.pid}", b"", 404),
    ):
        call = world.stations["ZAF"].call("POST" if body else "GET", url, body, world.now)
        bare = engine.handle(replace(call, authorization=""), world.now)
        changed = engine.handle(replace(call, body=body + b" "), world.now)
        assert (bare.status, changed.status) == (status, status)
        assert b"bh" not in changed.body  # why stands in our log alone
        again = world.stations["ZAF"].call("POST" if body else "GET", url, body, world.now)
        engine.handle(again, world.now)
        assert engine.handle(again, world.now).status == status  # a token is good once


@pytest.mark.parametrize(
    "callback",
    [
        "http://zaf.example/dsp/2025-1/cb",
        "https://ind.example/dsp/2025-1/cb",
        "https://zaf.example:8443/dsp/2025-1/cb",
        "https://zaf.example@169.254.169.254/cb",
        "https://169.254.169.254/cb",
        "https://zaf.example/../cb",
        "https://zaf.example/cb?x=1",
        "file:///etc/passwd",
        "https://[::1",
        "https://zaf.example.evil.example/cb",
    ],
    ids=range(10),
)
def test_callback_is_on_the_senders_own_node(world: Any, callback: str) -> None:
    answer = world.ask("ZAF", "POST", f"{BRA}/negotiations/request", asked(callback))
    assert answer.status == 400
    assert parse(answer.body, "ContractNegotiationError")["code"] == "callback"
    assert world.stations["BRA"].store.processes() == []


def test_same_request_again_is_the_same_process(world: Any) -> None:
    url = f"{BRA}/negotiations/request"
    first, again = world.ask("ZAF", "POST", url, asked()), world.ask("ZAF", "POST", url, asked())
    assert (first.status, first.body) == (again.status, again.body) == (201, first.body)
    other = world.ask("ZAF", "POST", url, asked(prohibition=[{"action": "derive"}]))
    assert (other.status, json.loads(other.body)["code"]) == (400, "same_pid")
    assert len(world.stations["BRA"].store.processes()) == 1


def test_unknown_offer_opens_nothing(world: Any) -> None:
    for changed in ({"@id": "urn:uuid:other"}, {"target": "urn:uuid:other"}):
        answer = world.ask("ZAF", "POST", f"{BRA}/negotiations/request", asked(**changed))
        assert json.loads(answer.body)["code"] == "unknown_offer"
    assert world.stations["BRA"].store.processes() == []


def test_error_changes_no_state_and_names_it(world: Any) -> None:
    final(world)
    (process,) = world.stations["BRA"].store.processes("negotiation")
    pids = (process.body["consumer_pid"], process.pid)
    for tail, message in (
        ("events", messages.event(*pids, Kind.ACCEPTED)),
        ("agreement/verification", messages.verification(*pids)),
        ("termination", messages.stopped(Kind.TERMINATION, *pids, "x")),
        ("request", messages.contract_request(pids[0], pair.narrowed(), provider_pid=pids[1])),
        ("events", messages.event(*pids, Kind.FINALIZED)),
        ("events", {"@type": "nonsense"}),
    ):
        answer = world.ask("ZAF", "POST", f"{BRA}/negotiations/{process.pid}/{tail}", messages.encode(message))
        assert answer.status == 400
        parse(answer.body, "ContractNegotiationError")
        assert world.stations["BRA"].store.process(process.pid).state == "FINALIZED"


@pytest.mark.parametrize(("rule", "state"), [(Rule.MANUAL, "REQUESTED"), (Rule.COUNTER, "TERMINATED")])
def test_rules_of_the_provider(tmp_path: Path, rule: Rule, state: str) -> None:
    world = three(tmp_path, rule=rule)
    pid = world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now)
    world.settle()
    process = world.stations["ZAF"].store.process(pid)
    assert process.state == state
    if rule is Rule.MANUAL:
        (waiting,) = world.stations["BRA"].store.processes("negotiation")
        assert "by hand" in waiting.flag
        world.stations["BRA"].mover.move(waiting.pid, Next(Move.AGREE), world.now)
        world.settle()
        assert world.stations["ZAF"].store.process(pid).state == "FINALIZED"
    else:
        assert "other terms" in process.flag


def test_wider_terms_are_countered_and_then_left_to_a_person(world: Any) -> None:
    wider = pair.narrowed(count="3")
    pid = world.stations["ZAF"].mover.ask("BRA", wider, world.now)
    world.settle()
    assert world.stations["ZAF"].store.process(pid).state == "TERMINATED"
    assert world.stations["ZAF"].diary.kinds() == world.stations["BRA"].diary.kinds() == []


def test_purpose_outside_the_terms_comes_to_no_agreement(world: Any) -> None:
    pid = world.stations["ZAF"].mover.ask("BRA", pair.narrowed(purpose=["supervision"]), world.now)
    world.settle()
    assert world.stations["ZAF"].store.process(pid).state == "TERMINATED"
    assert world.stations["BRA"].store.agreements() == []


def test_entry_behind_the_verification_is_checked(world: Any) -> None:
    """A verification without the consumer's signed entry, or with another's, moves nothing."""
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    zaf.mover.ask("BRA", pair.narrowed(), world.now)
    for sender in (zaf, bra):  # the request, then the agreement; the consumer has no turn yet
        sender.turn(world.now)
        for outgoing in sender.store.due(world.now.timestamp()):
            world.deliver(sender, outgoing)
    (process,) = bra.store.processes("negotiation")
    assert process.state == "AGREED"
    pids = (process.body["consumer_pid"], process.pid)
    forged = json.dumps(["IND", "AgreementConfirmed", {"agreement": "x", "hash": "y"}])
    for entry in (None, forged):
        body = messages.encode(messages.verification(*pids, entry))
        url = f"{BRA}/negotiations/{process.pid}/agreement/verification"
        answer = world.ask("ZAF", "POST", url, body)
        assert json.loads(answer.body)["code"] == "not_logged"
    assert world.stations["BRA"].store.process(process.pid).state == "AGREED"
    world.settle()
    assert world.stations["BRA"].store.process(process.pid).state == "FINALIZED"


# --- Transfers ----------------------------------------------------------------------------------------------------


def started(world: Any, agreement: str) -> Any:
    pid = world.stations["ZAF"].mover.request_transfer("BRA", agreement, PULL, world.now)
    world.settle()
    return world.stations["ZAF"].store.process(pid)


def test_token_opens_the_body_while_the_transfer_runs(world: Any) -> None:
    agreement = final(world)
    process = started(world, agreement)
    bearer = messages.token_of(process.body["address"])
    engine, theirs = world.stations["BRA"].engine, process.body["provider_pid"]
    found, file = engine.opened(theirs, bearer, "", world.now)
    assert (found.id, file.bytes) == (agreement, len(pair.BODY))
    assert bearer.encode() not in world.stations["BRA"].path.read_bytes()
    with pytest.raises(UnknownCallerError):
        engine.opened(theirs, "another", "", world.now)
    with pytest.raises(UnknownCallerError):
        engine.opened(theirs, bearer, "", world.now + timedelta(hours=25))
    world.stations["ZAF"].mover.move(process.pid, Next(Move.COMPLETE), world.now)
    world.settle()
    assert [s.store.processes("transfer")[0].state for s in list(world.stations.values())[:2]] == ["COMPLETED"] * 2
    with pytest.raises(UnknownCallerError):
        engine.opened(theirs, bearer, "", world.now)
    assert world.stations["ZAF"].store.process(process.pid).body["address"] is None


def test_count_is_what_left_whole(world: Any) -> None:
    """Two uses are allowed: a body given back, or half a body, is none; the third one is refused before it begins."""
    from concordat.errors import RuleError

    agreement, size = final(world), len(pair.BODY)
    process = started(world, agreement)
    engine, theirs = world.stations["BRA"].engine, process.body["provider_pid"]
    bearer = messages.token_of(process.body["address"])
    _, file = engine.opened(theirs, bearer, "", world.now)
    serve = world.stations["BRA"].store.serve
    serve(agreement, theirs, file.sha256, size, size)
    serve(agreement, theirs, file.sha256, size, -1)
    assert engine.uses(agreement) == 0
    serve(agreement, theirs, file.sha256, size, 1)
    serve(agreement, theirs, file.sha256, size, size)
    assert engine.uses(agreement) == 2
    with pytest.raises(RuleError, match="used 2 times"):
        engine.opened(theirs, bearer, "", world.now)
    refused = started(world, agreement)
    assert (refused.state, refused.facts["code"]) == ("TERMINATED", "refused")
    assert "used 2 times" in refused.flag


def test_transfer_needs_the_consumers_own_final_agreement(world: Any) -> None:
    agreement = final(world)
    url = f"{BRA}/transfers/request"
    for member, name, format_, code in (
        ("IND", agreement, PULL, "unknown_agreement"),
        ("ZAF", "urn:uuid:none", PULL, "unknown_agreement"),
        ("ZAF", agreement, "Other-PULL", "format"),
    ):
        callback = pair.BASES[member] + "/dsp/2025-1/cb"
        body = messages.encode(messages.transfer_request("urn:uuid:t", name, format_, callback))
        answer = world.ask(member, "POST", url, body)
        assert (answer.status, parse(answer.body, "TransferError")["code"]) == (400, code)
    assert world.stations["BRA"].store.processes("transfer") == []


def test_agreement_that_ran_out_starts_nothing(tmp_path: Path) -> None:
    terms = {"permit": "use", "when": {"member": ["ZAF"], "until": "2026-11-27"}}
    world = three(tmp_path, policy=from_offer(terms))
    asked_for = {"@id": pair.OFFER, "target": pair.DATASET, **from_offer(terms)}
    world.stations["ZAF"].mover.ask("BRA", asked_for, world.now)
    world.settle()
    agreement = world.stations["ZAF"].store.agreements()[0].id
    world.now += timedelta(days=1)
    refused = started(world, agreement)
    assert refused.state == "TERMINATED"
    assert "lteq 2026-11-27" in refused.flag
