"""`get` between two running nodes: catalogue, agreement, body, checksum and proof; and where it must stop."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

import httpx

import exchange_pair as pair
from concordat import clock
from concordat.errors import InputError, RuleError, SourceError, StateError, TrustError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next, Rule
from concordat.ledger.bundle import Bundle
from concordat.ledger.keys import entry_keyid
from concordat.node.dsp_client import DspClient, flush_folder, move_file
from concordat.node.exchange import files_of
from concordat.node.exchange_agreements import agreements, open_row
from concordat.node.exchange_asking import running
from concordat.node.exchange_get import _pulled, _transfer, get, kept_of
from concordat.node.exchange_service import ExchangeService, require_loopback
from concordat.node.exchange_store import Agreement, ExchangeStore, Process
from concordat.node.writer import BusyError
from exchange_live import DATA, Running, both, offered_homes

SHA = hashlib.sha256(DATA).hexdigest()
Nodes = dict[str, Running]


def run(root: Path, work: Callable[[Nodes], Awaitable[Any]]) -> Any:
    """Some work with both nodes running."""

    async def main() -> Any:
        async with both(offered_homes(root)) as nodes:
            return await work(nodes)

    return asyncio.run(main())


def wanted(**more: Any) -> dict[str, Any]:
    return {"dataset": "ict", "member": "BRA", "purpose": ["research"], "wait_s": 60} | more


async def kinds(one: Running) -> list[str]:
    return await one.service.read(lambda node: [e.type for e in node.replica.own.entries])


def test_get_agrees_pulls_checks_and_proves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr("concordat.node.exchange_get.flush_folder", flushed.append)

    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        found = await get(zaf.exchange, wanted())
        (file,) = found["files"]
        assert Path(file["path"]).read_bytes() == DATA
        assert flushed == list(Path(file["path"]).parents)[:3]
        assert (file["sha256"], found["bytes"]) == (SHA, len(DATA))
        assert (found["offered"], found["pending"], found["witnesses"]) == ("BRA 1", "", ["BRA", "ZAF"])
        assert "research" in found["promised"]
        assert "members of BRICS" in found["enforced"]
        process = await bra.exchange.until(bra.exchange.store.processes("transfer")[0].pid, ("COMPLETED",), 30)
        assert process.state == "COMPLETED"
        for _ in range(200):  # the provider logs it after it has answered
            if "TransferCompleted" in await kinds(bra):
                break
            await asyncio.sleep(0.05)
        assert await kinds(bra) == ["DatasetOffered", "AgreementReached", "TransferCompleted"]
        assert await kinds(zaf) == ["AgreementConfirmed", "TransferCompleted"]
        texts = [one.exchange.store.agreements()[0] for one in (bra, zaf)]
        assert texts[0].hash == texts[1].hash == found["agreement_hash"]
        listed = await agreements(bra.exchange, {})
        assert (listed["agreements"][0]["uses"], listed["agreements"][0]["with"]) == (1, "ZAF")
        await _proof_is_good_offline(bra)
        await _second_use_and_no_third(nodes)
        await _orders_need_the_secret(zaf)

    run(tmp_path, work)


async def _proof_is_good_offline(bra: Running) -> None:
    entry = bra.exchange.offers.all()[0].entry
    data = await bra.exchange.proof(entry)
    verdict = Bundle.parse(data).verify(bra.service.chain.pinned)
    assert (verdict.entry.id, verdict.witnesses) == (entry, ("BRA", "ZAF"))


async def _second_use_and_no_third(nodes: Nodes) -> None:
    """The count of the terms is two for each agreement; the same agreement gives the data twice and no more."""
    zaf = nodes["ZAF"]
    agreement = zaf.exchange.store.agreements()[0].id

    async def transfer() -> Any:
        pid = await zaf.exchange.now(
            lambda at: zaf.exchange.mover.request_transfer("BRA", agreement, messages.PULL, at)
        )
        return await zaf.exchange.until(pid, ("STARTED",), 30)

    process = await transfer()
    endpoint, bearer = process.body["address"]["endpoint"], messages.token_of(process.body["address"])
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {bearer}"}) as client:
        for _ in range(3):  # no body, no use
            assert (await client.head(endpoint)).status_code == 405
        part = await client.get(endpoint, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, DATA[:10])
        assert part.headers["content-range"] == f"bytes 0-9/{len(DATA)}"
        rest = await client.get(endpoint, headers={"range": "bytes=10-"})
        assert DATA[:10] + rest.content == DATA
        assert rest.headers["repr-digest"].startswith("sha-256=:")
        assert (await client.get(endpoint)).status_code == 403
        assert (await client.get(endpoint, headers={"range": "bytes=999-"})).status_code == 403
        assert (await client.get(endpoint, headers={"authorization": "Bearer x"})).status_code == 404
        assert (await client.get(f"{endpoint}?file={'0' * 64}")).status_code == 404
    refused = await transfer()
    assert "used 2 times" in refused.flag


async def _orders_need_the_secret(zaf: Running) -> None:
    secret = zaf.exchange.secret_path.read_text().strip()
    assert zaf.exchange.secret_path.stat().st_mode & 0o077 == 0
    async with httpx.AsyncClient(base_url=zaf.service.public_url) as client:
        for headers, status in (
            ({}, 403),
            ({"authorization": "Bearer x"}, 403),
            ({"authorization": f"Bearer {secret}", "origin": "https://evil.example"}, 403),
            ({"authorization": f"Bearer {secret}"}, 200),
        ):
            answer = await client.post("/exchange/agreements", content=b"{}", headers=headers)
            assert answer.status_code == status
        big = await client.post("/dsp/2025-1/catalog/request", content=b"x" * 1_100_000)
        assert big.status_code == 413
        text = await client.post("/dsp/2025-1/catalog/request", content=b"{}", headers={"content-type": "text/plain"})
        assert text.status_code == 400
        assert (await client.get("/.well-known/dspace-version")).json()["protocolVersions"][0]["path"] == "/dsp/2025-1"


def test_get_stops_where_it_must(tmp_path: Path) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        with pytest.raises(InputError, match="no other active member"):
            await get(zaf.exchange, wanted(member="BRB"))
        with pytest.raises(InputError, match='no "itc"'):
            await get(zaf.exchange, wanted(dataset="itc"))
        with pytest.raises(InputError, match="purpose"):
            await get(zaf.exchange, wanted(purpose=["fun"]))
        with pytest.raises(RuleError, match="BRA answers with other terms"):
            await get(zaf.exchange, wanted(purpose=["supervision"]))
        assert await kinds(zaf) == []
        _swap(bra)
        with pytest.raises(TrustError, match="SHA-256") as caught:
            await get(zaf.exchange, wanted())
        assert SHA in str(caught.value)
        (kept,) = (zaf.home / "exchange" / "received").rglob("*.rejected")
        assert kept.read_bytes() == DATA[::-1]
        assert await kinds(zaf) == ["AgreementConfirmed"]  # nothing is logged as completed
        process = zaf.exchange.store.processes("transfer")[0]
        ended = await zaf.exchange.until(process.pid, ("TERMINATED",), 30)
        assert (ended.state, ended.facts["code"]) == ("TERMINATED", "checksum")

    run(tmp_path, work)


def _swap(bra: Running) -> None:
    """Another body of the same size under the file's name, as only its own owner could put there."""
    path = files_of(bra.home).path(SHA)
    path.chmod(0o600)
    path.write_bytes(DATA[::-1])


def test_conformance_mode_is_for_this_machine_alone() -> None:
    require_loopback("http://127.0.0.1:8080")
    with pytest.raises(RuleError, match="reached by others"):
        require_loopback("https://node.example.br")


def test_errors_of_the_node_come_back_as_they_were() -> None:
    from concordat.node.ops_client import _raised

    error = _raised(json.loads(json.dumps(TrustError("x", where="y", code="z").as_dict())))
    assert isinstance(error, TrustError)
    assert (error.what, error.where, error.code) == ("x", "y", "z")


def test_folder_that_the_disk_refuses_is_named(tmp_path: Path) -> None:
    flush_folder(tmp_path)
    with pytest.raises(StateError, match="not written"):
        flush_folder(tmp_path / "absent")


def test_file_that_the_disk_does_not_move_or_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="not moved"):
        move_file(tmp_path / "absent", tmp_path / "x")
    (tmp_path / "file").write_bytes(b"")
    client = DspClient(SimpleNamespace(outbound=None), None)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="not written"):
        asyncio.run(client.pull("https://bra.example/x", "t", tmp_path / "file" / "x", 1))


async def done(work: Callable[[], Any]) -> Any:
    return work()


def test_two_transfers_never_write_one_file(tmp_path: Path) -> None:
    """The second comes while the first is half through, and breaks off; no file of other bytes is taken as whole."""
    half, go, began = asyncio.Event(), asyncio.Event(), []
    body = DATA * 4_000  # more than a file's buffer holds
    digest = hashlib.sha256(body).hexdigest()

    async def stream(*_: Any, **__: Any) -> Any:
        began.append(1)
        if len(began) == 2:
            go.set()
            await asyncio.sleep(0.1)
            raise SourceError("the connection was lost", code="connection")
        yield body[:30_000]
        half.set()
        await go.wait()
        yield body[30_000:]

    remote: Any = SimpleNamespace(
        files=((digest, len(body), "text/csv"),), entry=SimpleNamespace(body={"dataset": "ict"})
    )  # fmt: skip
    here: Any = SimpleNamespace(
        client=DspClient(SimpleNamespace(outbound=SimpleNamespace(stream=stream)), None),  # type: ignore[arg-type]
        do=done, engine=SimpleNamespace(side=SimpleNamespace(places=pair.BASES)),
        service=SimpleNamespace(node=SimpleNamespace(home=tmp_path)),
    )  # fmt: skip

    def pulled(name: str) -> Any:
        address = messages.data_address(f"{pair.BASES['BRA']}/dsp/data/x", "t")
        process = Process(f"urn:uuid:{name}", "transfer", "consumer", "BRA", "STARTED", {"address": address}, "")
        return _pulled(here, "BRA", remote, process, "urn:uuid:a")

    async def main() -> list[Any]:
        first = asyncio.create_task(pulled("1"))
        await half.wait()
        return list(await asyncio.gather(first, pulled("2"), return_exceptions=True))

    first, second = asyncio.run(main())
    assert isinstance(second, SourceError)
    (taken,) = (path.read_bytes() for path in tmp_path.rglob("*.csv")) if isinstance(first, list) else (body,)
    assert taken == body


def test_one_get_of_a_dataset_at_a_time() -> None:
    here: Any = SimpleNamespace(_alone=weakref.WeakValueDictionary())

    async def main() -> None:
        async with ExchangeService.alone(here, "BRA", "urn:uuid:d", 1):
            async with ExchangeService.alone(here, "BRA", "urn:uuid:e", 1):
                pass
            with pytest.raises(StateError, match="another request of this node"):
                async with ExchangeService.alone(here, "BRA", "urn:uuid:d", 0.01):
                    pass
        async with ExchangeService.alone(here, "BRA", "urn:uuid:d", 1):
            pass

    asyncio.run(main())
    gc.collect()
    assert not here._alone  # what nobody holds is forgotten


def test_get_goes_on_with_a_transfer_that_outlasted_its_wait(tmp_path: Path) -> None:
    world = pair.World(
        [pair.Station("BRA", tmp_path, pair.Shelf(pair.offered())), pair.Station("ZAF", tmp_path, pair.Shelf())]
    )
    zaf = world.stations["ZAF"]
    zaf.mover.ask("BRA", pair.narrowed(), world.now)
    world.settle()
    name = zaf.store.agreements()[0].id
    pid = zaf.mover.request_transfer("BRA", name, messages.PULL, world.now)
    waited: list[str] = []

    async def until(pid: str, *_: Any) -> Any:
        waited.append(pid)
        raise StateError("not in that time", code="waiting")

    async def now(work: Callable[[datetime], Any]) -> Any:
        return work(world.now)

    here: Any = SimpleNamespace(store=zaf.store, mover=zaf.mover, do=done, now=now, until=until)
    for _ in range(2):  # before its request is answered, and when it runs
        with pytest.raises(StateError, match="not in that time"):
            asyncio.run(_transfer(here, "BRA", None, name, 1.0))  # type: ignore[arg-type]
        world.settle()
    assert waited == [pid, pid]
    assert running(zaf.store, "IND", name) is None
    assert running(zaf.store, "BRA", "urn:uuid:other") is None
    zaf.mover.move(pid, Next(Move.COMPLETE), world.now)
    assert running(zaf.store, "BRA", name) is None  # its completion is on the way


def test_agreement_kept_for_another_negotiation_is_not_used() -> None:
    process = Process("urn:uuid:p", "negotiation", "consumer", "BRA", "FINALIZED", {}, "")
    kept = Agreement("urn:uuid:a", "urn:uuid:p", "consumer", "BRA", "urn:uuid:d", "0" * 64, {}, True, {})
    assert kept_of(kept, process, "BRA") is kept
    for other in (None, replace(kept, pid="urn:uuid:q"), replace(kept, peer="IND")):
        with pytest.raises(TrustError, match="another one"):
            kept_of(other, process, "BRA")


def test_list_shows_what_a_person_is_asked_to_decide(tmp_path: Path) -> None:
    shelf = pair.Shelf(pair.offered(Rule.MANUAL))
    world = pair.World([pair.Station("BRA", tmp_path, shelf), pair.Station("ZAF", tmp_path, pair.Shelf())])
    world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now)
    world.settle()
    (process,) = world.stations["BRA"].store.processes("negotiation")
    row = open_row(process, "BRA", world.now)
    assert (row["dataset"], row["version"], row["decision"], row["with"]) == ("a", 1, "permit", "ZAF")
    assert "research" in row["terms"]
    assert "statistics" not in row["terms"]
    process.body["offer"] = pair.narrowed(member=["IND"])
    assert open_row(process, "BRA", world.now)["decision"] == "deny: ZAF is not among IND."


@pytest.mark.parametrize("refuses", [False, True], ids=["disk", "memory"])
def test_fault_of_our_own_waits_longer_each_time_and_is_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: at)
    store = ExchangeStore(tmp_path / "x.sqlite")
    store.intend("urn:uuid:p", "https://bra.example/x", b"{}", 0.0)
    (message,) = store.due(0.0)

    async def do(work: Callable[[], Any]) -> Any:
        if refuses:
            raise StateError("full", code="store")
        return work()

    async def looked(work: Callable[[], Any]) -> Any:
        return [message]  # as if the store held it as due still

    sent: list[Any] = []
    here: Any = SimpleNamespace(
        _faults={}, store=store, do=do, _log=lambda *_: None, _sending=set(), _task=sent.append,
        service=SimpleNamespace(monotonic=lambda: 0.0), _ready=True,
    )  # fmt: skip
    here._post = lambda outgoing: ExchangeService._post(here, outgoing)

    async def main() -> list[float]:
        waits = []
        for _ in range(9):
            await ExchangeService._later(here, message)
            waits.append(here._faults[message.id][1] - at.timestamp())
        here.do = looked
        await ExchangeService._scan(here)
        return waits

    waits = asyncio.run(main())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert sent == []  # not before it may go again
    kept = store.intended("urn:uuid:p")
    assert kept is not None
    assert kept.attempts == 0
    assert kept.next_at == (0.0 if refuses else here._faults[message.id][1])
    store.close()


def test_partner_of_the_nodes_folder_may_ask_and_is_not_asked(tmp_path: Path) -> None:
    """Its key is read at the start; its data are proven by no membership here, and are not taken."""
    public = pair.SECRETS["IND"].public
    file = tmp_path / "partners.yaml"
    members = [SimpleNamespace(id="BRA"), SimpleNamespace(id="ZAF")]
    service = SimpleNamespace(
        node=SimpleNamespace(home=tmp_path), chain=SimpleNamespace(last=SimpleNamespace(active=members))
    )
    here: Any = SimpleNamespace(service=service)
    assert ExchangeService._read_partners(here) == {}
    row = f'{{id: IND, key: "{public.hex()}", host: ind.example, until: "2999-12-31"}}'
    file.write_text(f"schema: concordat/partners@1\npartners: [{row}]\n", encoding="utf-8")
    here._partners = ExchangeService._read_partners(here)
    assert ExchangeService._key(here, "IND", "node", entry_keyid(public)) == public
    file.write_text(f"schema: concordat/partners@1\npartners: [{row.replace('IND', 'ZAF', 1)}]\n", encoding="utf-8")
    with pytest.raises(InputError, match="ZAF is a member of the bloc"):
        ExchangeService._read_partners(here)
    side = SimpleNamespace(outside={"IND": ""}, places={"IND": "https://ind.example"})
    asking: Any = SimpleNamespace(engine=SimpleNamespace(side=side), service=SimpleNamespace(monotonic=lambda: 0.0))
    with pytest.raises(RuleError, match="IND is not a member"):
        asyncio.run(get(asking, wanted(member="IND")))


def test_move_that_a_fault_stopped_is_tried_again_after_longer_and_longer_waits(tmp_path: Path) -> None:
    store = ExchangeStore(tmp_path / "x.sqlite")
    store.put(Process("urn:uuid:p", "negotiation", "provider", "ZAF", "VERIFIED", {"x": 1}, ""), 0)
    waits: list[float] = []

    async def do(work: Callable[[], Any]) -> Any:
        return work()

    here: Any = SimpleNamespace(
        _held={}, store=store, do=do, engine=SimpleNamespace(woken=[]),
        _stopped=lambda *_: None,
    )  # fmt: skip

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later = lambda wait, *_: waits.append(wait)  # type: ignore[method-assign, assignment, return-value]
        for _ in range(7):
            await ExchangeService._hold(here, "urn:uuid:p", StateError("nothing is signed yet"))

    asyncio.run(main())
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    assert "nothing is signed yet" in store.process("urn:uuid:p").flag
    store.close()


def test_message_that_was_answered_since_the_table_was_read_is_not_sent_again(tmp_path: Path) -> None:
    store = ExchangeStore(tmp_path / "x.sqlite")
    for name in ("answered", "put off", "due"):
        store.put(Process(name, "negotiation", "provider", "ZAF", "VERIFIED", {}, ""), 0)
        store.intend(name, "https://zaf.example", b"{}", 1.0)
    read = {outgoing.pid: outgoing for outgoing in store.due(1.0)}
    store.answered(read["answered"])
    store.retry(read["put off"], 1, 9.0)
    here: Any = SimpleNamespace(store=store)
    found = {name: ExchangeService._still_due(here, outgoing) for name, outgoing in read.items()}
    assert found == {"answered": None, "put off": None, "due": "ZAF"}
    store.close()


def test_a_writer_that_is_busy_for_a_moment_flags_no_negotiation(tmp_path: Path) -> None:
    """A flag at a counter-offer says that a person has to answer it, and ends the wait for it."""
    store = ExchangeStore(tmp_path / "x.sqlite")
    store.put(Process("p", "negotiation", "consumer", "BRA", "OFFERED", {"x": 1}, ""), 0)

    async def do(work: Callable[[], Any]) -> Any:
        return work()

    here: Any = SimpleNamespace(
        _held={}, store=store, do=do, engine=SimpleNamespace(woken=[]), _stopped=lambda *_: None,
    )  # fmt: skip
    asyncio.run(ExchangeService._hold(here, "p", BusyError("1,000 steps are waiting.", code="busy")))
    assert store.process("p").flag == ""
    store.close()
