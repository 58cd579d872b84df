"""How many negotiations a second does a node finish, durably? Row 5 of the exchange.

    python benchmarks/exchange_negotiation.py [--count 200] [--at-once 16] [--write]

Two members' nodes run in one process, each behind a socket of its own, with SQLite and the log written through
(`synchronous = FULL`). ZAF asks BRA for the same offer, `--at-once` at a time; each negotiation is five messages, two
signed log entries and some ten transactions on the two sides. Both sides share one interpreter, so that one node alone
does at least as much. Printed: negotiations a second from the first request to the last FINALIZED on both sides, and
the median and largest seconds of one. Acceptance: 20 a second; the wish is 60.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from concordat.exchange.catalogue.model import dataset_uuid
from concordat.node.exchange_asking import narrowed
from exchange_live import both, offered_homes

ACCEPT, WISH = 20.0, 60.0
WARM_UP = 10
WAIT_S = 120.0


async def measured(root: Path, count: int, at_once: int) -> dict[str, Any]:
    """Rate and times."""
    async with both(offered_homes(root), limits=False) as nodes:
        zaf, bra = nodes["ZAF"].exchange, nodes["BRA"].exchange
        uuid = dataset_uuid("BRICS", "BRA", "ict")
        (offered,) = await bra.do(bra.offers.all)
        asked = {**narrowed(offered.offer, {"purpose": ["research"]}), "target": uuid}
        facts = {"dataset_id": "ict", "version": 1, "offered": offered.entry}
        places = asyncio.Semaphore(at_once)

        async def one() -> float:
            async with places:
                began = time.perf_counter()
                pid = await zaf.now(lambda at: zaf.mover.ask("BRA", asked, at, facts=facts))
                process = await zaf.until(pid, ("FINALIZED",), WAIT_S)
                assert process.state == "FINALIZED", process.flag
                return time.perf_counter() - began

        await asyncio.gather(*(one() for _ in range(WARM_UP)))
        began = time.perf_counter()
        times = sorted(await asyncio.gather(*(one() for _ in range(count))))
        while any(process.state != "FINALIZED" for process in await bra.do(bra.store.processes)):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
    return {
        "a_second": round(count / seconds, 1), "at_once": at_once, "count": count,
        "largest_s": round(times[-1], 4), "median_s": round(statistics.median(times), 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measured(Path(folder), given.count, given.at_once))
    result |= {"accept": ACCEPT, "wish": WISH, "machine": machine()}
    print(
        f"{result['a_second']:.1f} negotiations a second (accept {ACCEPT:g}, wish {WISH:g}), {given.at_once} at once;"
    )
    print(f"one takes {result['median_s']:.3f} s in the median, {result['largest_s']:.3f} s at most.")
    if given.write:
        path = RESULTS / "exchange_negotiation-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
