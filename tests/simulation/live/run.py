"""Many seeds of a live bloc: one after the other, beside each other, or a few at a time.

A seed is `world.World` under the plan that `faults.draw` draws. Of its wall clock half is waiting (a trouble of six
seconds, and the waits of nodes that could not reach each other), so on a quiet machine some run beside each other
(`--jobs`), each with processes and ports of its own. On a busy one they take from each other what they wait for, and
`--every 3` (a node's own default is 5) leaves the processor to what the seeds are about: ten nodes that ask each other
once a second spend 0.4 of a processor on asking.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulation.live.crashes import PORTS
from simulation.live.faults import draw
from simulation.live.sittings import Sittings
from simulation.live.world import World
from simulation.live.zygote import Zygote
from unit_node import found

NAMES = ("BRA", "RUS", "IND", "CHN", "ZAF", "EGY", "ETH", "IRN", "ARE", "IDN")
JOBS_MAX = 8

Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class How:
    """How seeds are run.

    Attributes:
        members: of the bloc. every_s: seconds between two rounds of a node with a peer. minutes: no seed begins later.
        jobs: how many seeds run beside each other. job: which of them this is; its ports are its own.
    """

    members: int = 10
    every_s: int = 1
    minutes: float = 600.0
    jobs: int = 1
    job: int = 0

    @property
    def ports(self) -> range:
        """From which the nodes' ports are drawn."""
        share = len(PORTS) // JOBS_MAX
        return PORTS[self.job * share : (self.job + 1) * share] if self.jobs > 1 else PORTS


@contextmanager
def bloc(how: How) -> Iterator[Callable[[int], dict[str, Any]]]:
    """A bloc that is founded once; what it gives runs a seed of it."""
    names = NAMES[: how.members]
    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder, Zygote() as zygote:
        founded = dict(zip(names, found(Path(folder), names), strict=True))
        yield lambda seed: run_seed(seed, zygote, founded, how)


def run_seed(seed: int, zygote: Zygote, founded: dict[str, Path], how: How) -> dict[str, Any]:
    """One seed; what came of it."""
    started, used = time.monotonic(), zygote.processor_s()
    plan = draw(seed, tuple(founded))
    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder:
        homes = {member: Path(folder) / member / "home" for member in founded}
        for member, home in founded.items():
            shutil.copytree(home, homes[member])
        world = World(plan, zygote, homes, how.every_s, how.ports)
        result: dict[str, Any] = {"seed": seed, "broken": "", "every_s": how.every_s}
        try:
            asyncio.run(world.live())
            result |= world.check()
            world.mark("check")
        except Exception as error:  # a seed that fails tells its story, and the others go on
            result |= {"broken": f"{type(error).__name__}: {error}"[:500], "story": world.story}
            _keep_logs(seed, homes)
        result["seconds"] = round(time.monotonic() - started, 1)
        result["processor_s"] = round(zygote.processor_s() - used, 1)
        return result | {"phases": world.phases}


def _keep_logs(seed: int, homes: dict[str, Path]) -> None:
    """The nodes' own lines of a seed that failed."""
    kept = Path(tempfile.gettempdir()) / f"concordat-live-seed-{seed}"
    for member, home in homes.items():
        kept.mkdir(exist_ok=True)
        log = home.parent / "log.txt"
        if log.exists():
            shutil.copy(log, kept / f"{member}.txt")


def run_many(seeds: Sequence[int], how: How, told: Told | None = None) -> list[dict[str, Any]]:
    """Many seeds until the time is over; `told` of each as soon as it is known."""
    end = time.monotonic() + 60 * how.minutes
    results: list[dict[str, Any]] = []

    def tell(result: dict[str, Any]) -> None:
        results.append(result)
        print(json.dumps(result), file=sys.stderr, flush=True)
        if told is not None:
            told(result)

    def in_time() -> Iterator[int]:
        for seed in seeds:
            if time.monotonic() > end:
                return
            yield seed

    if how.jobs > 1:
        from simulation.live.beside import run_beside

        run_beside(in_time(), how, tell)
    else:
        with bloc(how) as run:
            for seed in in_time():
                tell(run(seed))
    return results


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=None, help="seed; with --add-to the first one that was not run")
    parser.add_argument("--members", type=int, default=How.members)
    parser.add_argument("--every", type=int, default=How.every_s, help="seconds between two rounds with a peer")
    parser.add_argument("--jobs", type=int, default=How.jobs, choices=range(1, JOBS_MAX + 1), help="beside each other")
    parser.add_argument("--minutes", type=float, default=How.minutes)
    parser.add_argument("--crashes", action="store_true", help="kill one node at every step of a commit instead")
    parser.add_argument("--out", default="", help="write a summary as JSON")
    parser.add_argument("--add-to", default="", help="a file to which each seed is added: for a few at a time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a sitting that is ended ends its nodes as well
    started = time.monotonic()
    how = How(options.members, options.every, options.minutes, options.jobs)
    if options.add_to:
        return sit(Sittings(Path(options.add_to), how.members), options.first, options.seeds, how)
    if options.crashes:
        summary = every_crash()
    else:
        first = options.first or 0
        results = run_many(range(first, first + options.seeds), how)
        summary = {"seeds": len(results), "members": how.members, "broken": [r for r in results if r["broken"]]}
        summary["acknowledged"] = sum(r.get("acknowledged", 0) for r in results)
        summary["lost_with_their_disk"] = sum(r.get("lost_with_their_disk", 0) for r in results)
    summary |= {"seconds": round(time.monotonic() - started), "machine": platform.platform()}
    summary["date"] = datetime.now(UTC).date().isoformat()
    print(json.dumps(summary, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 1 if summary["broken"] else 0


def sit(sittings: Sittings, first: int | None, count: int, how: How) -> int:
    """Run the seeds of a range that were not run yet, as far as the time goes, and keep each."""
    seeds = sittings.left(sittings.next if first is None else first, count)
    results = run_many(seeds, how, sittings.add)
    summary = sittings.summary()
    print(json.dumps({key: value for key, value in summary.items() if key not in ("sittings", "results")}, indent=1))
    return 1 if any(result["broken"] for result in results) else 0


def every_crash(counts: int = 12) -> dict[str, Any]:
    """Every step of a commit, before and after, at each of its first counts."""
    from simulation.live.crashes import kill_at
    from simulation.live.zygote import STEPS

    ended: dict[str, int] = {}
    broken: list[str] = []
    with Zygote() as zygote:
        for step in STEPS:
            for when in ("before", "after"):
                for count in range(1, counts + 1):
                    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder:
                        try:
                            how = kill_at(zygote, Path(folder), step, when, count)
                        except Exception as error:  # told with its step, and the others go on
                            how = "broken"
                            broken.append(f"{step} {when} {count}: {type(error).__name__}: {error}"[:300])
                    ended[how] = ended.get(how, 0) + 1
    return {"runs": sum(ended.values()), **ended, "broken": broken}
