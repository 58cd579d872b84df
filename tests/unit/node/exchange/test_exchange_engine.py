"""One side of the protocol without sockets: who may see and change what, and that an error changes nothing."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.errors import RuleError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next, Rule
from concordat.exchange.dataspace.messages import PULL, Kind
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.schemas import parse
from concordat.exchange.dataspace.terms import last_day, until_of
from concordat.node import exchange_wording
from concordat.node.exchange_calls import ROUTES, AbsentError, UnknownCallerError
from concordat.node.exchange_machines import machine_of, pids
from concordat.node.writer import BusyError

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
    for page in ("0", "-1", "x", "1" + "0" * 6):
        assert world.ask("ZAF", "POST", f"{BRA}/catalog/request?page={page}", request).status == 400, page[:20]
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


def test_our_turn_is_told_once_the_process_can_be_read(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever plans reads on a connection of its own: told within the transaction, it would find no process."""
    bra, within = world.stations["BRA"], []
    remember = bra.store.remember
    monkeypatch.setattr(bra.store, "remember", lambda *said: (within.append(len(bra.engine.woken)), remember(*said)))
    bra.engine.woken.clear()
    world.ask("ZAF", "POST", f"{BRA}/negotiations/request", asked())
    assert (within, len(bra.engine.woken)) == ([0], 1)


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


@pytest.mark.parametrize(("rule", "state"), [(Rule.MANUAL, "REQUESTED"), (Rule.COUNTER, "OFFERED")])
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
    process = world.stations["ZAF"].store.process(pid)
    assert process.state == "OFFERED"
    assert "a person accepts them" in process.flag
    assert world.stations["ZAF"].diary.kinds() == world.stations["BRA"].diary.kinds() == []


def test_purpose_outside_the_terms_comes_to_no_agreement(world: Any) -> None:
    pid = world.stations["ZAF"].mover.ask("BRA", pair.narrowed(purpose=["supervision"]), world.now)
    world.settle()
    assert world.stations["ZAF"].store.process(pid).state == "OFFERED"
    assert world.stations["BRA"].store.agreements() == world.stations["ZAF"].store.agreements() == []


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


@pytest.mark.parametrize("move", [Move.SUSPEND, Move.TERMINATE])
def test_nothing_is_opened_once_the_provider_stops_it(world: Any, move: Move) -> None:
    """Whether or not the consumer has answered: it could pull on for as long as it keeps silent."""
    process = started(world, final(world))
    bra, theirs = world.stations["BRA"], process.body["provider_pid"]
    bearer = messages.token_of(process.body["address"])
    assert bra.mover.move(theirs, Next(move), world.now)
    with pytest.raises(AbsentError):
        bra.engine.opened(theirs, bearer, "", world.now)


def test_count_is_what_left_whole(world: Any) -> None:
    """Two uses are allowed: a begun body is one, what was given back is none; the third is refused before it begins."""
    agreement, size = final(world), len(pair.BODY)
    process = started(world, agreement)
    engine, theirs = world.stations["BRA"].engine, process.body["provider_pid"]
    bearer = messages.token_of(process.body["address"])
    _, file = engine.opened(theirs, bearer, "", world.now)
    serve = world.stations["BRA"].store.serve
    serve(agreement, theirs, file.sha256, size, size)
    serve(agreement, theirs, file.sha256, size, -size)
    assert engine.uses(agreement) == 0
    serve(agreement, theirs, file.sha256, size, size - 1)
    assert engine.uses(agreement) == 1
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


# --- What is agreed, and how often it is used ---------------------------------------------------------------------


def waiting(world: Any) -> Any:
    """The provider's one negotiation that waits for a person."""
    world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now)
    world.settle()
    (process,) = world.stations["BRA"].store.processes("negotiation")
    assert process.state == "REQUESTED"
    return process


@pytest.mark.parametrize("changed", [{"version": 2, "entry": "1" * 64}, {"entry": "1" * 64}, {}], ids=range(3))
def test_negotiation_is_about_the_version_it_was_opened_for(tmp_path: Path, changed: dict[str, Any]) -> None:
    """The same terms give a new version the same offer id: the version and its entry tell them apart."""
    world = three(tmp_path, rule=Rule.MANUAL)
    process, bra = waiting(world), world.stations["BRA"]
    bra.shelf.offered = {pair.DATASET: replace(pair.offered(), **changed)} if changed else {}
    for move in (Move.AGREE, Move.OFFER):
        with pytest.raises(RuleError, match="not on offer any more"):
            bra.mover.move(process.pid, Next(move), world.now)
    bra.engine.wake()
    world.settle()
    assert bra.store.process(process.pid).state == "TERMINATED"
    assert bra.diary.kinds() == bra.store.agreements() == []


def test_agreement_holds_the_version_of_the_opening(tmp_path: Path) -> None:
    world = three(tmp_path, rule=Rule.MANUAL)
    process, bra = waiting(world), world.stations["BRA"]
    assert bra.mover.move(process.pid, Next(Move.AGREE), world.now)
    bra.shelf.offered = {pair.DATASET: replace(pair.offered(), version=2, entry="1" * 64)}
    world.settle()
    said = json.loads(bra.diary.entries[0])[2]
    assert (said["version"], said["offered"], said["dataset"]) == (1, "0" * 64, "a")
    assert bra.store.agreements()[0].facts == {
        "dataset_id": "a", "label": "AMBER", "offered": "0" * 64, "version": 1,
    }  # fmt: skip


def accepted(world: Any) -> Any:
    """BRA's negotiation just after ZAF took the terms that BRA sent, before BRA's next turn."""
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    asked_for = {"@id": pair.OFFER, "target": pair.DATASET, **bra.shelf.all()[0].offer}
    zaf.mover.ask("BRA", asked_for, world.now)
    for sender in (zaf, bra, zaf):
        sender.turn(world.now)
        for outgoing in sender.store.due(world.now.timestamp()):
            world.deliver(sender, outgoing)
    (process,) = bra.store.processes("negotiation")
    assert process.state == "ACCEPTED"
    return process


def test_accepted_terms_are_looked_at_again_before_the_agreement(tmp_path: Path) -> None:
    terms = from_offer({"permit": "use", "when": {"member": ["ZAF"], "until": "2026-11-27"}})
    for number, (empty, days, state) in enumerate(
        ((True, 0, "TERMINATED"), (False, 1, "TERMINATED"), (False, 0, "FINALIZED"))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = three(folder, rule=Rule.COUNTER, policy=terms)
        process, bra = accepted(world), world.stations["BRA"]
        if empty:
            bra.shelf.offered = {}
        world.now += timedelta(days=days)
        world.settle()
        assert bra.store.process(process.pid).state == state
        assert bool(bra.diary.kinds()) == (state == "FINALIZED")


def test_what_is_withdrawn_while_a_turn_waits_is_not_agreed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shelf is looked at within the turn: a withdrawal that was told to its person counts from then on."""
    world = three(tmp_path, rule=Rule.COUNTER)
    process, bra = accepted(world), world.stations["BRA"]
    gone: list[bool] = []
    monkeypatch.setattr(bra.shelf, "refresh", lambda: bra.shelf.offered.clear() if gone else None)
    planning = threading.Thread(target=lambda: bra.mover.plan(process.pid, world.now))
    with bra.engine.turn(process.pid):
        planning.start()
        time.sleep(0.2)
        gone.append(True)
    planning.join()
    assert json.loads(bra.store.intended(process.pid).body)["@type"] == "ContractNegotiationTerminationMessage"


@pytest.mark.parametrize("kind", ["state", "verification"])
def test_who_asks_nothing_of_the_offers_is_answered_while_the_log_cannot_tell_them(world: Any, kind: str) -> None:
    process, bra = accepted(world), world.stations["BRA"]

    def busy() -> None:
        raise BusyError("1,000 steps are waiting.", where="ledger writer", code="busy")

    bra.shelf.refresh = busy
    if kind == "state":
        assert world.ask("ZAF", "GET", f"{BRA}/negotiations/{process.pid}").status == 200
    else:
        answer = world.ask("ZAF", "POST", f"{BRA}/negotiations/{process.pid}/agreement/verification", b"{}")
        assert json.loads(answer.body)["code"] != "busy"
    zaf = world.stations["ZAF"]
    zaf.shelf.refresh = busy
    assert not zaf.mover.plan(zaf.store.processes()[0].pid, world.now)


def test_person_agrees_to_nothing_that_the_terms_deny(tmp_path: Path) -> None:
    terms = from_offer({"permit": "use", "when": {"member": ["ZAF"], "until": "2026-11-27"}})
    world = three(tmp_path, rule=Rule.MANUAL, policy=terms)
    bra = world.stations["BRA"]
    world.stations["ZAF"].mover.ask("BRA", {"@id": pair.OFFER, "target": pair.DATASET, **terms}, world.now)
    world.settle()
    (process,) = bra.store.processes("negotiation")
    late = world.now + timedelta(days=1)
    with pytest.raises(RuleError, match="lteq 2026-11-27"):
        bra.mover.move(process.pid, Next(Move.AGREE), late)
    assert bra.mover.move(process.pid, Next(Move.AGREE), world.now)
    world.settle()
    assert json.loads(bra.diary.entries[0])[2]["until"] == "2026-11-27"


@pytest.mark.parametrize(
    ("operator", "right", "day"),
    [
        ("lteq", "2027-12-31", "2027-12-31"),
        ("lt", "2027-12-31", "2027-12-30"),
        ("lt", "2028-01-01T00:00:00Z", "2027-12-31"),
        ("lteq", "2027-12-31T12:00:00Z", "2027-12-31"),
        ("lt", "0001-01-01", "0001-01-01"),
    ],
    ids=range(5),
)
def test_last_day_of_the_terms(operator: str, right: str, day: str) -> None:
    bound = {"leftOperand": "dateTime", "operator": operator, "rightOperand": right}
    assert last_day(until_of({"permission": [{"action": "use", "constraint": [bound]}]})) == day


def test_last_use_goes_to_one_of_those_who_ask_at_once(world: Any) -> None:
    agreement = final(world)
    process = started(world, agreement)
    engine, theirs = world.stations["BRA"].engine, process.body["provider_pid"]
    bearer = messages.token_of(process.body["address"])

    def take(_: int) -> str:
        try:
            return str(engine.reserve(theirs, bearer, "", lambda file: (0, file.bytes), world.now)[0].id)
        except RuleError as refused:
            return refused.code

    with ThreadPoolExecutor(8) as threads:
        found = sorted(threads.map(take, range(8)))
    assert found == ["denied"] * 6 + [agreement] * 2
    assert engine.uses(agreement) == 2


def test_parts_of_a_body_add_up_over_all_transfers(world: Any) -> None:
    """All but one byte, in transfer after transfer, is no way around a count of two."""
    agreement, size = final(world), len(pair.BODY)
    engine = world.stations["BRA"].engine
    for _ in range(2):
        process = started(world, agreement)
        bearer, theirs = messages.token_of(process.body["address"]), process.body["provider_pid"]
        with pytest.raises(RuleError, match="used 2 times"):
            engine.reserve(theirs, bearer, "", lambda file: (0, 2 * size + 1), world.now)
        engine.reserve(theirs, bearer, "", lambda file: (0, file.bytes - 1), world.now)
    engine.reserve(theirs, bearer, "", lambda file: (0, 2), world.now)
    assert engine.uses(agreement) == 2
    with pytest.raises(RuleError, match="used 2 times"):
        engine.reserve(theirs, bearer, "", lambda file: (0, 1), world.now)


def test_agreement_of_a_known_id_is_refused(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = final(world)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    before, made = zaf.store.agreement(known), exchange_wording.made_agreement
    monkeypatch.setattr(exchange_wording, "made_agreement", lambda *of: made(*of) | {"@id": known})
    zaf.mover.ask("BRA", pair.narrowed(), world.now)
    world.settle()
    assert any("stands here already" in p.flag for p in bra.store.processes("negotiation"))
    assert zaf.store.agreement(known) == before
    assert zaf.store.agreements() == [before]


def test_agreement_says_nothing_beside_its_terms(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that no side's `decide` reads would be signed unseen."""
    zaf, made = world.stations["ZAF"], exchange_wording.made_agreement
    monkeypatch.setattr(exchange_wording, "made_agreement", lambda *of: made(*of) | {"duty": [{"action": "pay"}]})
    zaf.mover.ask("BRA", pair.narrowed(), world.now)
    with pytest.raises(RuleError, match="more than its terms: duty"):
        world.settle()  # our own side doesn't send it either
    assert zaf.store.agreements() == []


# --- Starts and ends ----------------------------------------------------------------------------------------------


def test_end_that_was_not_logged_before_a_crash_is_logged_after_it(world: Any) -> None:
    agreement = final(world)
    process, bra = started(world, agreement), world.stations["BRA"]
    bearer, theirs = messages.token_of(process.body["address"]), process.body["provider_pid"]
    bra.engine.reserve(theirs, bearer, "", lambda file: (0, file.bytes), world.now)
    ended = messages.encode(messages.completion(process.pid, theirs))
    assert world.ask("ZAF", "POST", f"{BRA}/transfers/{theirs}/completion", ended).status == 200
    assert "TransferCompleted" not in bra.diary.kinds()
    bra.crash()
    bra.turn(world.now)
    assert bra.diary.kinds().count("TransferCompleted") == 1
    bra.crash()
    assert theirs not in bra.engine.woken  # once it is recorded, it is left alone


def test_process_that_ended_before_its_first_answer_has_no_machine(world: Any) -> None:
    zaf = world.stations["ZAF"]
    pid = zaf.mover.ask("BRA", pair.narrowed(), world.now)
    for _ in range(9):  # once, and eight times again
        (outgoing,) = zaf.store.due(world.now.timestamp() + 3600)
        zaf.mover.delivered(outgoing, None, b"", world.now)
    process = zaf.store.process(pid)
    assert (process.state, process.body, machine_of(process), pids(process)) == ("TERMINATED", {}, None, (pid, ""))
    assert zaf.mover.plan(pid, world.now) is False
    assert world.ask("BRA", "GET", f"{ZAF}/negotiations/{pid}").status == 404
    late = messages.encode(messages.contract_offer("urn:uuid:p", pair.narrowed(), consumer_pid=pid))
    answer = world.ask("BRA", "POST", f"{ZAF}/negotiations/{pid}/offers", late)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "wrong_state")
