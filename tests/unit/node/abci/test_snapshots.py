"""A new replica from a snapshot, as an engine restores one: offered, applied chunk by chunk, held to the app hash."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat.node import abci_snapshot
from engine_kit import Count, Writer, chain, running
from fakes.engine import Engine, Host, Link, ledger_host


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abci_snapshot, "CHUNK_BYTES", 2_000)


def busy(engine: Engine, blocks: int = 6) -> None:
    writers = [Writer("BRA"), Writer("CHN")]
    for number in range(blocks):
        for writer in writers:
            engine.broadcast(writer.say("x" * 300))
        if number == 3:
            engine.mempool.clear()
            for writer in writers:
                writer.entries.pop()
        assert engine.block() is not None


def offer_of(engine: Engine, node: int = 0) -> dict[str, Any]:
    found = engine.ask(node, "snapshot", "list_snapshots").snapshots[-1]
    return {k: getattr(found, k) for k in ("height", "format", "chunks", "hash", "metadata")}


def chunks_of(engine: Engine, offer: dict[str, Any]) -> list[bytes]:
    asked = [{"height": offer["height"], "format": 1, "chunk": n} for n in range(offer["chunks"])]
    return [engine.ask(0, "snapshot", "load_snapshot_chunk", one).chunk for one in asked]


class New:
    """An empty replica with one connection."""

    def __init__(self, path: Path) -> None:
        self.host: Host = ledger_host(path, chain(4), Count, 2)
        self.host.start()
        self.link = Link(self.host)

    def offer(self, offer: dict[str, Any], app_hash: bytes) -> int:
        found: int = self.link.call("offer_snapshot", {"snapshot": offer, "app_hash": app_hash}).result
        return found

    def apply(self, number: int, chunk: bytes, sender: str = "peer") -> Any:
        return self.link.call("apply_snapshot_chunk", {"index": number, "chunk": chunk, "sender": sender})

    def info(self) -> tuple[int, bytes]:
        found = self.link.call("info")
        return found.last_block_height, found.last_block_app_hash

    def close(self) -> None:
        self.link.close()
        self.host.close()


def test_a_replica_from_a_snapshot_goes_on_with_the_others(tmp_path: Path) -> None:
    with running(tmp_path, 2, every=2) as engine:
        busy(engine)
        offer = offer_of(engine)
        assert offer == offer_of(engine, 1)  # every replica makes the same bytes
        assert (offer["height"], offer["format"]) == (6, 1)
        chunks = chunks_of(engine, offer)
        assert len(chunks) == offer["chunks"] > 3
        assert offer["metadata"] == b"".join(sha256(chunk).digest() for chunk in chunks)
        new = New(tmp_path / "new.db")
        assert new.info() == (0, b"")
        assert new.offer(offer, engine.app_hash) == 1
        assert [new.apply(n, chunk).result for n, chunk in enumerate(chunks)] == [1] * len(chunks)
        assert new.info() == (6, engine.app_hash)
        new.link.close()
        engine.hosts.append(new.host)
        engine.links.append({})
        engine.connect(2)
        more = Writer("EGY")
        engine.broadcast(more.say())
        assert engine.block() is not None  # finalised by all three to one hash
        new.host.crash()
        engine.restart(2)  # and so it stands on the disk
        assert new.host.application.ledger.height == 7


def test_what_lies_between_the_last_batch_and_the_height_is_kept(tmp_path: Path) -> None:
    with running(tmp_path, every=2) as engine:
        busy(engine, 1)
        for _ in range(3):
            engine.block()
        offer = offer_of(engine)
        chunks = chunks_of(engine, offer)
        new = New(tmp_path / "new.db")
        new.offer(offer, engine.app_hash)
        for number, chunk in enumerate(chunks):
            new.apply(number, chunk)
        assert new.info() == (4, engine.app_hash)
        new.close()


def test_a_chunk_that_is_not_the_one_named_is_fetched_again_elsewhere(tmp_path: Path) -> None:
    with running(tmp_path, every=2) as engine:
        busy(engine)
        offer = offer_of(engine)
        chunks = chunks_of(engine, offer)
        new = New(tmp_path / "new.db")
        new.offer(offer, engine.app_hash)
        for number, chunk in enumerate(chunks):
            bad = new.apply(number, chunk[:-1] + bytes([chunk[-1] ^ 1]), "liar")
            assert (bad.result, list(bad.refetch_chunks), list(bad.reject_senders)) == (3, [number], ["liar"])
            assert new.apply(number, chunk).result == 1
        assert new.info() == (6, engine.app_hash)
        assert new.apply(0, chunks[0]).result == 2  # nothing is being restored any more
        new.close()


def test_a_snapshot_that_comes_to_another_hash_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, every=2) as engine:
        busy(engine)
        offer = offer_of(engine)
        chunks = chunks_of(engine, offer)
        new = New(tmp_path / "new.db")
        new.offer(offer, sha256(b"another").digest())
        results = [new.apply(n, chunk).result for n, chunk in enumerate(chunks)]
        assert results == [1] * (len(chunks) - 1) + [5]
        assert new.info() == (0, b"")
        assert not list(tmp_path.glob("*restoring*"))
        new.offer(offer, engine.app_hash)  # and the right one may come next
        assert [new.apply(n, chunk).result for n, chunk in enumerate(chunks)] == [1] * len(chunks)
        assert new.info() == (6, engine.app_hash)
        new.close()


def rebuilt(records: list[bytes], height: int) -> tuple[dict[str, Any], list[bytes]]:
    stream = b"".join(len(r).to_bytes(4, "big") + r for r in records)
    chunks = [stream[at : at + 2_000] for at in range(0, len(stream), 2_000)]
    metadata = b"".join(sha256(chunk).digest() for chunk in chunks)
    about = {"height": height, "format": 1, "chunks": len(chunks), "metadata": metadata}
    return {**about, "hash": sha256(metadata).digest()}, chunks


@pytest.mark.parametrize("change", ["cut", "more", "entry", "order", "height", "genesis", "long", "twice"])
def test_a_snapshot_that_no_replica_writes_is_refused(tmp_path: Path, change: str) -> None:
    """Well-formed chunks, wrong content: each of them ends in a refusal, and the ledger stays empty."""
    with running(tmp_path, every=2) as engine:
        busy(engine)
        records = list(abci_snapshot.records(engine.hosts[0].application.ledger, 6))
        app_hash = engine.app_hash
    changed = {
        "cut": records[:-1],
        "more": [*records, records[-1]],
        "entry": [*records[:2], Writer("BRA").make("other").leaf, *records[3:]],
        "order": [records[0], *records[4:7], *records[1:4], *records[7:]],
        "height": [*records[:-1], b'{"height":7}'],
        "genesis": [records[0].replace(b'"time":1780000000', b'"time":1780000001'), *records[1:]],
        "long": [records[0], b"x" * 70_001, *records[1:]],
        "twice": [*records[:4], *records[1:]],
    }[change]
    offer, chunks = rebuilt(changed, 6)
    new = New(tmp_path / "new.db")
    assert new.offer(offer, app_hash) == 1
    results = []
    for number, chunk in enumerate(chunks):
        results.append(new.apply(number, chunk).result)
        if results[-1] != 1:
            break
    assert results[-1] == 5
    assert new.info() == (0, b"")
    assert any("snapshot refused" in report for report in new.host.reports)
    new.close()


@pytest.mark.parametrize(
    ("change", "result"),
    [({"format": 2}, 4), ({"hash": b"h" * 32}, 3), ({"chunks": 1}, 3), ({"chunks": 0}, 3), ({"height": 0}, 3)],
)
def test_an_offer_that_can_not_be_ours(tmp_path: Path, change: dict[str, Any], result: int) -> None:
    with running(tmp_path, every=2) as engine:
        busy(engine, 2)
        offer = {**offer_of(engine), **change}
        new = New(tmp_path / "new.db")
        assert new.offer(offer, engine.app_hash) == result
        assert new.apply(0, b"x").result == 2
        new.close()


def test_a_ledger_that_has_blocks_takes_no_snapshot(tmp_path: Path) -> None:
    with running(tmp_path, every=2) as engine:
        busy(engine, 2)
        asked = {"snapshot": offer_of(engine), "app_hash": engine.app_hash}
        assert engine.ask(0, "snapshot", "offer_snapshot", asked).result == 2


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    with running(tmp_path, every=2) as engine:
        heights = []
        for _ in range(4):
            busy_more(engine)
            listed = engine.ask(0, "snapshot", "list_snapshots").snapshots
            heights.append([one.height for one in listed])
        assert heights == [[2], [2, 4], [4, 6], [6, 8]]
        gone = {"height": 2, "format": 1, "chunk": 0}
        assert engine.ask(0, "snapshot", "load_snapshot_chunk", gone).chunk == b""
        assert len(list((tmp_path / "0.db.snapshots").iterdir())) == 2


def busy_more(engine: Engine) -> None:
    for _ in range(2):
        assert engine.block() is not None
