"""`get --push` between two running nodes: the data come to the consumer's address, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

import httpx

from concordat.cli._exchange_get import _lines
from concordat.errors import RuleError, TrustError
from concordat.exchange.dataspace import messages
from concordat.node import exchange_push
from concordat.node.exchange import files_of
from concordat.node.exchange_get import get
from concordat.node.exchange_receive import PIECE_MAX
from exchange_live import DATA, Running, both, offered_homes

SHA = hashlib.sha256(DATA).hexdigest()
Nodes = dict[str, Running]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_push, "PIECE", 9)


def run(root: Path, work: Callable[[Nodes], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with both(offered_homes(root)) as nodes:
            return await work(nodes)

    return asyncio.run(main())


def wanted(**more: Any) -> dict[str, Any]:
    return {"dataset": "ict", "member": "BRA", "purpose": ["research"], "push": True, "wait_s": 60} | more


async def kinds(one: Running) -> list[str]:
    return await one.service.read(lambda node: [e.type for e in node.replica.own.entries])


def test_data_are_pushed_checked_and_logged_by_both(tmp_path: Path) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        shown = bra.exchange.offers.all()[0].shown
        assert {part["format"] for part in shown["distribution"]} == {
            "Concordat-HTTP-PULL", "HttpData-PULL", "Concordat-HTTP-PUSH",
        }  # fmt: skip
        found = await get(zaf.exchange, wanted())
        (file,) = found["files"]
        path = Path(file["path"])
        assert (path.read_bytes(), file["sha256"], found["pushed"]) == (DATA, SHA, True)
        assert path.is_relative_to(zaf.home / "exchange" / "received")
        assert f"{len(DATA)} bytes pushed to this node" in _lines(found)[0]
        process = await bra.exchange.until(bra.exchange.store.processes("transfer")[0].pid, ("COMPLETED",), 30)
        assert (process.state, process.body["address"]) == ("COMPLETED", None)
        for _ in range(200):  # the provider logs it after it has answered
            if "TransferCompleted" in await kinds(bra):
                break
            await asyncio.sleep(0.05)
        assert await kinds(bra) == ["DatasetOffered", "AgreementReached", "TransferCompleted"]
        assert await kinds(zaf) == ["AgreementConfirmed", "TransferCompleted"]
        agreement = zaf.exchange.store.agreements()[0].id
        assert bra.exchange.engine.uses(agreement) == 1
        pulled = await get(zaf.exchange, wanted(push=False))  # the other way, under the same agreement
        assert (pulled["again"], pulled["pushed"], bra.exchange.engine.uses(agreement)) == (True, False, 2)

    run(tmp_path, work)


def test_what_else_comes_to_the_route_is_refused(tmp_path: Path) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        await get(zaf.exchange, wanted())
        pid = zaf.exchange.store.processes("transfer")[0].pid
        url = f"{zaf.service.public_url}{messages.PUSHED}/{pid}?file={SHA}"
        async with httpx.AsyncClient() as client:
            for headers in ({}, {"authorization": "Bearer x"}):
                for method in ("GET", "PUT"):
                    answer = await client.request(method, url, headers=headers)
                    assert (answer.status_code, answer.text) == (404, "nothing of that name here, or no valid token\n")
            assert (await client.post(url)).status_code == 405
            zaf.exchange.store.put_token("again", pid, 2**40)  # what is complete takes no more
            over = await client.put(url, content=DATA, headers={"authorization": "Bearer again"})
            assert (over.status_code, over.text) == (403, "the transfer is COMPLETED.\n")
            process = zaf.exchange.store.process(pid)
            process.state = "STARTED"
            process.facts["whole"] = []
            zaf.exchange.store.put(process, 0)
            given = {"authorization": "Bearer again"}
            big = await client.put(url, content=b"x" * (PIECE_MAX + 1), headers=given)
            assert big.status_code == 413
            odd = await client.put(url, content=DATA, headers={**given, "content-range": f"bytes 0-9/{len(DATA)}"})
            assert odd.status_code == 416
            late = await client.put(
                url, content=DATA[9:18], headers={**given, "content-range": f"bytes 9-17/{len(DATA)}"}
            )
            assert (late.status_code, late.json()) == (409, {"offset": 0, "complete": False})
            here = await client.get(url, headers=given)
            assert (here.status_code, here.json()) == (200, {"offset": 0, "complete": False})
        assert sorted(p.name for p in (zaf.home / "exchange" / "received").rglob("*.*")) == ["ict-1.csv"]
        assert bra.exchange.store.processes("transfer")[0].state == "COMPLETED"

    run(tmp_path, work)


def test_of_one_transfer_two_pieces_are_in_memory_at_a_time(tmp_path: Path) -> None:
    """Whoever holds the token could send four hundred of 4 MiB at once."""

    async def work(nodes: Nodes) -> None:
        zaf, gate = nodes["ZAF"], asyncio.Event()
        await get(zaf.exchange, wanted())
        process = zaf.exchange.store.processes("transfer")[0]
        zaf.exchange.store.put_token("again", process.pid, 2**40)
        process.state, process.facts["whole"] = "STARTED", []
        zaf.exchange.store.put(process, 0)
        url = f"{zaf.service.public_url}{messages.PUSHED}/{process.pid}?file={SHA}"
        given = {"authorization": "Bearer again", "content-range": f"bytes 0-8/{len(DATA)}"}
        pieces = zaf.exchange.pushing.receiving.pieces

        async def slow() -> AsyncIterator[bytes]:
            yield DATA[:4]
            await gate.wait()
            yield DATA[4:9]

        async with httpx.AsyncClient() as client:
            sent = [asyncio.ensure_future(client.put(url, content=slow(), headers=given)) for _ in range(2)]
            for _ in range(200):
                if pieces[process.pid] == 2:
                    break
                await asyncio.sleep(0.05)
            third = await client.put(url, content=DATA[:9], headers=given)
            assert (third.status_code, third.headers["retry-after"]) == (429, "1")
            gate.set()
            found = sorted([answer.status_code for answer in await asyncio.gather(*sent)])
        assert found == [200, 409]  # of the same bytes, one was taken
        assert not pieces

    run(tmp_path, work)


def test_another_body_ends_the_order_with_both_hashes(tmp_path: Path) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        path = files_of(bra.home).path(SHA)
        path.chmod(0o600)
        path.write_bytes(DATA[::-1])
        with pytest.raises(TrustError, match="SHA-256") as caught:
            await get(zaf.exchange, wanted())
        assert SHA in str(caught.value)
        (kept,) = (zaf.home / "exchange" / "received").rglob("*.rejected")
        assert kept.read_bytes() == DATA[::-1]
        process = zaf.exchange.store.processes("transfer")[0]
        ended = await zaf.exchange.until(process.pid, ("TERMINATED",), 30)
        assert (ended.state, ended.facts["code"]) == ("TERMINATED", "checksum")
        assert await kinds(zaf) == ["AgreementConfirmed"]  # nothing is logged as completed

    run(tmp_path, work)


def test_a_provider_that_does_not_offer_it_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"], nodes["BRA"]
        shown = bra.exchange.offers.all()[0].shown
        shown["distribution"][:] = [part for part in shown["distribution"] if part["format"].endswith("PULL")]
        with pytest.raises(RuleError, match="BRA does not offer to push") as caught:
            await get(zaf.exchange, wanted())
        assert caught.value.code == "format"
        assert zaf.exchange.store.processes() == []

    run(tmp_path, work)
