"""How many negotiations a second does a node finish, durably? Row 5 of the exchange.

    python benchmarks/exchange_negotiation.py [--count 200] [--at-once 16] [--write]

Two members' nodes run, each in a process of its own behind a socket, on the loop that `node serve` takes, with SQLite
and the log written through (`synchronous = FULL`). ZAF asks BRA for the same offer, `--at-once` at a time; each
negotiation is four messages with their answers, two signed log entries and some ten transactions on the two sides.
Printed: negotiations a second from the first request to the last FINALIZED on both sides, the median and largest
seconds of one, and the processor's seconds of one negotiation on each side. Acceptance: 20 a second; the wish is 60.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from concordat.exchange.catalogue.model import dataset_uuid
from concordat.exchange.dataspace.messages import PATH
from concordat.node.exchange_asking import narrowed
from concordat.node.exchange_store import FILE
from concordat.node.serve import _loop_factory
from concordat.node.settings import NodeSettings
from exchange_live import alone, offered_homes
from live_nodes import free_socket

T = TypeVar("T")

ACCEPT, WISH = 20.0, 60.0
WARM_UP = 10
WAIT_S = 120.0
GATHER_MS = NodeSettings().commit_gather_ms  # as a node is that nobody tuned


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the loop that a node runs on."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def provide(home: Path, listener: socket.socket, urls: dict[str, str], talk: Connection) -> None:
    """BRA's node, until the other side says that it is enough; each time it is asked, the seconds that it needed."""

    async def serving() -> None:
        async with alone("BRA", home, listener, urls, limits=False, gather_ms=GATHER_MS):
            talk.send(time.process_time())
            while await asyncio.to_thread(talk.recv):
                talk.send(time.process_time())

    run(serving())


def all_final(path: Path) -> bool:
    """Whether every negotiation in a node's file is final."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        (rest,) = db.execute("SELECT count(*) FROM process WHERE state <> 'FINALIZED'").fetchone()
    return rest == 0


async def measured(
    homes: list[Path], listener: socket.socket, urls: dict[str, str], talk: Connection, count: int, at_once: int
) -> dict[str, Any]:
    """Rate and times."""
    async with alone("ZAF", homes[1], listener, urls, limits=False, gather_ms=GATHER_MS) as node:
        zaf = node.exchange
        uuid = dataset_uuid("BRICS", "BRA", "ict")
        reply = await zaf.client.send("BRA", "GET", f"{urls['BRA']}{PATH}/catalog/datasets/{uuid}")
        offer = json.loads(reply.body)["hasPolicy"][0]
        asked = {**narrowed(offer, {"purpose": ["research"]}), "target": uuid}
        facts = {"dataset_id": "ict", "version": 1}
        places = asyncio.Semaphore(at_once)

        async def one() -> float:
            async with places:
                began = time.perf_counter()
                pid = await zaf.now(lambda at: zaf.mover.ask("BRA", asked, at, facts=facts))
                process = await zaf.until(pid, ("FINALIZED",), WAIT_S)
                assert process.state == "FINALIZED", process.flag
                return time.perf_counter() - began

        await asyncio.gather(*(one() for _ in range(WARM_UP)))
        talk.send(True)
        theirs, ours = talk.recv(), time.process_time()
        began = time.perf_counter()
        times = sorted(await asyncio.gather(*(one() for _ in range(count))))
        while not all_final(homes[0] / FILE):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        ours = time.process_time() - ours
        talk.send(True)
        theirs = talk.recv() - theirs
    return {
        "a_second": round(count / seconds, 1), "at_once": at_once, "consumer_cpu_s": round(ours / count, 4),
        "count": count, "largest_s": round(times[-1], 4), "median_s": round(statistics.median(times), 4),
        "provider_cpu_s": round(theirs / count, 4),
    }  # fmt: skip


def both_sides(root: Path, count: int, at_once: int) -> dict[str, Any]:
    """BRA's node in a process of its own, ZAF's in this one."""
    homes = offered_homes(root)
    listeners = [free_socket() for _ in homes]
    urls = {m: f"http://127.0.0.1:{s.getsockname()[1]}" for m, s in zip(("BRA", "ZAF"), listeners, strict=True)}
    context = multiprocessing.get_context("fork")  # nothing runs here yet: no thread, no loop
    here, there = context.Pipe()
    provider = context.Process(target=provide, args=(homes[0], listeners[0], urls, there))
    provider.start()
    try:
        here.recv()
        return run(measured(homes, listeners[1], urls, here, count, at_once))
    finally:
        here.send(False)
        provider.join(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = both_sides(Path(folder), given.count, given.at_once)
    result |= {"accept": ACCEPT, "wish": WISH, "machine": machine()}
    print(
        f"{result['a_second']:.1f} negotiations a second (accept {ACCEPT:g}, wish {WISH:g}), {given.at_once} at once;"
    )
    print(f"one takes {result['median_s']:.3f} s in the median, {result['largest_s']:.3f} s at most;")
    print(
        f"processor: {result['provider_cpu_s']:.3f} s of the provider, {result['consumer_cpu_s']:.3f} of the consumer."
    )
    if given.write:
        path = RESULTS / "exchange_negotiation-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
