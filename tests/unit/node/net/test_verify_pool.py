"""Entries that other processes verified: the good pass once, the rest is judged where it always was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from concordat import clock
from concordat.errors import TrustError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.node import verify_pool
from concordat.node.home import Node
from concordat.node.verify_pool import LOT_MIN, PreparedChain, VerifyPool
from unit_node import found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedChain, list[Entry], list[Entry]]:
    """A chain, 70 good entries of BRA, and two bad ones: signed by a stranger's key, and with a changed signature."""
    with clock.fixed("2026-11-22"):
        (home,) = found(tmp_path_factory.mktemp("pool"), ("BRA",))
        with Node(home) as node:
            secret, versions = node.signer.node, node.chain.versions
    good, last = [], FIRST
    for seq in range(1, 71):
        good.append(_entry(seq, last, secret))
        last = good[-1].id
    torn = bytearray(good[0].leaf)
    place = good[0].leaf.index(b'"sig":"') + 20
    torn[place] = ord("A") if torn[place] != ord("A") else ord("B")
    bad = [_entry(1, FIRST, Ed25519Secret(bytes(32))), Entry.parse(bytes(torn))]
    return PreparedChain(versions), good, bad


def _entry(seq: int, prev: str, secret: Ed25519Secret) -> Entry:
    return Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=prev, scope="council",
        ts="2026-11-22T00:00:00Z", type="Said", body={"n": seq}, secret=secret,
    )  # fmt: skip


def _with_pool(chain: PreparedChain, work: Callable[[VerifyPool], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        pool = VerifyPool(chain, processes=1)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def test_the_good_pass_once_and_the_bad_are_refused_as_ever(
    made: tuple[PreparedChain, list[Entry], list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, good, bad = made
    leaves = [entry.leaf for entry in (*good, *bad)]
    assert _with_pool(chain, lambda pool: pool.prepare(leaves)) == len(good)
    asked: list[int] = []
    original = Entry.verify
    monkeypatch.setattr(Entry, "verify", lambda self, public: asked.append(self.seq) or original(self, public))
    assert [chain.verify_entry(entry) for entry in good] == good
    assert asked == []
    for entry in bad:
        with pytest.raises(TrustError):
            chain.verify_entry(entry)
    assert chain.verify_entry(good[0]) is good[0]
    assert asked[-1] == 1, "a verdict is for one use"


def test_few_entries_and_too_many_are_left_to_the_writer(
    made: tuple[PreparedChain, list[Entry], list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, good, _ = made
    leaves = [entry.leaf for entry in good]
    assert _with_pool(chain, lambda pool: pool.prepare(leaves[: LOT_MIN - 1])) == 0
    monkeypatch.setattr(verify_pool, "WAITING_MAX", len(leaves) - 1)
    assert _with_pool(chain, lambda pool: pool.prepare(leaves)) == 0
    assert not chain.passed


def test_a_worker_that_dies_has_verified_nothing_and_the_next_lot_gets_another(
    made: tuple[PreparedChain, list[Entry], list[Entry]],
) -> None:
    chain, good, _ = made
    leaves = [entry.leaf for entry in good]

    async def work(pool: VerifyPool) -> list[int]:
        worker = pool._workers[0]
        first = await pool.prepare(leaves)
        chain.passed.clear()
        process = worker._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
        worker._process = await asyncio.create_subprocess_exec(
            "head", "-c", "1", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return [first, await pool.prepare(leaves), await pool.prepare(leaves)]

    assert _with_pool(chain, work) == [len(good), 0, len(good)]
    chain.passed.clear()


def test_an_answer_that_nobody_waited_for_is_not_that_to_the_next_lot(
    made: tuple[PreparedChain, list[Entry], list[Entry]],
) -> None:
    chain, good, bad = made
    leaves = [entry.leaf for entry in good]

    async def work(pool: VerifyPool) -> int:
        worker = pool._workers[0]
        assert await pool.prepare(leaves) == len(good)
        chain.passed.clear()
        asked = asyncio.ensure_future(worker.verify(leaves))
        await asyncio.sleep(0)  # the lot is on its way
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return await pool.prepare([bad[n % 2].leaf for n in range(LOT_MIN)])

    assert _with_pool(chain, work) == 0
    assert not chain.passed


def test_what_nobody_asks_for_is_forgotten(
    made: tuple[PreparedChain, list[Entry], list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_pool, "KEPT_MAX", 3)
    chain = PreparedChain(made[0].versions)
    chain.prepare([b"a", b"b", b"c", b"d"])
    assert len(chain.passed) == 3


def test_a_worker_ends_with_its_input() -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "concordat.node.verify_worker"], input=b"\0\0\0\5\0\0", capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
