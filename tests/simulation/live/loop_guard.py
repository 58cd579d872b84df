"""Does anything in the event loop of a node take over 20 ms? A node with a long log, one that fetches it, and writers.

asyncio's own debug mode tells callbacks that took long by the clock, and on a busy machine that is any of them. So each
callback is measured by the processor time of the loop's thread: what others run meanwhile does not count, and neither
does waiting. `watched` collects the slow ones; the scenario is repeated, and only what is slow each time is a fault.

    python -m simulation.live.loop_guard [--entries 5000]      (from `tests/`)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from concordat.ledger.entry import FIRST, Entry
from concordat.node.home import Node
from live_nodes import Bloc
from unit_node import found

LIMIT_S = 0.020
TRIES = 3
IDS = ("BRA", "IND")


@contextlib.contextmanager
def watched(limit_s: float = LIMIT_S) -> Iterator[dict[str, float]]:
    """The callbacks that took more processor time than the limit while the block ran: name -> longest, in seconds."""
    slow: dict[str, float] = {}
    original = asyncio.Handle._run

    def run(self: asyncio.Handle) -> None:
        began = time.thread_time()
        original(self)
        took = time.thread_time() - began
        if took > limit_s:
            name = _name_of(self)
            slow[name] = max(took, slow.get(name, 0.0))

    asyncio.Handle._run = run  # type: ignore[method-assign]
    try:
        yield slow
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]


def _name_of(handle: asyncio.Handle) -> str:
    """The coroutine that a callback drives on, or the callback."""
    owner = getattr(handle._callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        return str(getattr(coroutine, "__qualname__", coroutine))
    return str(getattr(handle._callback, "__qualname__", handle._callback))


def long_home(root: Path, entries: int) -> dict[str, Path]:
    """Two members; the first has written so many entries of 500 bytes or so."""
    homes = dict(zip(IDS, found(root, IDS), strict=True))
    with Node(homes["BRA"]) as node:
        last = FIRST
        for start in range(0, entries, 1_000):
            made = []
            for seq in range(start + 1, min(entries, start + 1_000) + 1):
                entry = Entry.new(
                    author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=last, scope="exchange",
                    ts="2026-11-22T00:00:00Z", type="Noted", body={"text": "x" * 120}, secret=node.signer.node,
                )  # fmt: skip
                made.append(entry)
                last = entry.id
            with node.together():
                node.take_up(made)
    return homes


def scenario(homes: dict[str, Path], root: Path, entries: int) -> dict[str, float]:
    """One run: the second node fetches all, both write, all becomes final; what was slow."""
    copies = {member: root / member for member in homes}
    for member, home in homes.items():
        shutil.copytree(home, copies[member])

    async def work() -> dict[str, float]:
        bloc = Bloc(copies)
        try:
            for member in copies:
                await bloc.start(member)
            with watched() as slow:
                await bloc.until(lambda: _has(bloc, entries), 120)
                ids = set()
                for member in copies:
                    taken = await bloc.running[member].service.write("Said", {"word": member}, "council")
                    ids.add(taken.id)
                await bloc.all_final(ids, 60)
                for one in bloc.running.values():
                    await one.service.status()
                return dict(slow)
        finally:
            await bloc.close()

    return asyncio.run(work())


async def _has(bloc: Bloc, entries: int) -> bool:
    sizes = [await one.service.read(lambda node: node.replica._size(_first(node))) for one in bloc.running.values()]
    free = all(not one.service.recovery.words() for one in bloc.running.values())
    return free and min(sizes) >= entries


def _first(node: Node) -> str:
    return node.chain.last.member("BRA").origin


def slow_each_time(entries: int, tries: int = TRIES) -> dict[str, float]:
    """What took over 20 ms in every one of some runs; empty as soon as one run has nothing of it."""
    with tempfile.TemporaryDirectory(prefix="concordat-loop-") as folder:
        homes = long_home(Path(folder) / "made", entries)
        always: dict[str, float] | None = None
        for number in range(tries):
            slow = scenario(homes, Path(folder) / str(number), entries)
            always = slow if always is None else {n: min(t, slow[n]) for n, t in always.items() if n in slow}
            if not always:
                break
        return always or {}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=5_000)
    slow = slow_each_time(parser.parse_args().entries)
    for name, took in sorted(slow.items()):
        print(f"{1_000 * took:.0f} ms  {name}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
