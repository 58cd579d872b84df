"""What every stage promises to whoever appends (ledger 9): the same checks against the embedded one and an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import RuleError, StateError
from concordat.ledger.merkle import leaf_hash, verify_inclusion
from concordat.ledger.note import Checkpoint
from concordat.ledger.proof import TlogProof
from concordat.ledger.sequencer import Sequencer
from concordat.node.embedded import EmbeddedSequencer
from concordat.node.store import Store
from engine_kit import START, Writer, chain
from simulation.keys import signer

ORIGIN = "node.bra.example/BRICS/member"


@dataclass
class Stage:
    """A sequencer, and how to stop it from making anything durable."""

    sequencer: Sequencer
    break_it: Callable[[], Any]


@pytest.fixture(params=["embedded", "engine"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    keys = signer("BRA")
    if request.param == "embedded":
        store = Store(tmp_path / "log.db", create=True)

        def fill() -> None:
            pages = store._db.execute("PRAGMA page_count").fetchone()[0]
            store._db.execute(f"PRAGMA max_page_count = {pages}")

        yield Stage(EmbeddedSequencer(store, ORIGIN, keys, lambda: START), fill)
        store.close()
        return
    pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")
    from concordat.node.sequencer_abci import EngineSequencer
    from engine_kit import running

    with running(tmp_path) as engine:
        stopped = threading.Event()
        waiting = threading.Event()

        def blocks() -> None:
            while not stopped.is_set():
                if waiting.wait(0.01) and engine.mempool:
                    waiting.clear()
                    engine.block()

        def broadcast(tx: bytes) -> None:
            engine.mempool.append(tx)
            waiting.set()

        thread = threading.Thread(target=blocks)
        thread.start()
        sequencer = EngineSequencer(engine.hosts[0].application, keys, lambda: START, broadcast, wait_s=5)

        def stop() -> None:
            stopped.set()
            thread.join()
            sequencer._wait_s = 0.01

        yield Stage(sequencer, stop)
        stop()


def test_what_is_appended_is_proved_by_the_same_file(stage: Stage) -> None:
    bra = Writer("BRA")
    for size in (1, 3, 2):
        start = len(bra.entries)
        for _ in range(size):
            bra.say()
        batch = bra.entries[start:]
        receipt = stage.sequencer.append(batch)
        assert (receipt.origin, receipt.start) == (ORIGIN, start)
        assert receipt.ids == tuple(entry.id for entry in batch)
        head = Checkpoint.parse(str(receipt.head), chain(4).last.member_ring("BRA").keys).checkpoint
        assert (head.origin, head.size) == (ORIGIN, len(bra.entries))
        for place, entry in enumerate(batch):
            proof = TlogProof.parse(str(receipt.proof(place)))
            assert proof.index == start + place
            verify_inclusion(leaf_hash(entry.leaf), proof.index, head.size, head.root, list(proof.hashes))


def test_what_is_not_durable_is_told(stage: Stage) -> None:
    bra = Writer("BRA")
    bra.say()
    stage.sequencer.append(bra.entries)
    stage.break_it()
    for _ in range(3):
        bra.say("x" * 30_000)
    with pytest.raises(StateError):
        stage.sequencer.append(bra.entries[1:])


@pytest.mark.parametrize("stage", ["engine"], indirect=True)
def test_an_engine_takes_a_members_own_entries_in_sequence(stage: Stage) -> None:
    bra, chn = Writer("BRA"), Writer("CHN")
    bra.say(), bra.say(), bra.say(), chn.say()
    for batch in ([], chn.entries, [bra.entries[0], bra.entries[2]], [bra.entries[0], chn.entries[0]]):
        with pytest.raises(RuleError):
            stage.sequencer.append(batch)
