"""Ten thousand seeds of the clearing room by one command, from `tests/`.

`python -m simulation.clearing_world --seeds 10000` runs them;
`--seed N` runs one and tells what happened. Two processes; the summary says how many events, of which kinds, what broke
(seed and message: that seed is the whole recipe), and the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from concordat.clearing.simulate.plan import draw_plan
from concordat.clearing.simulate.seeds import Run, run_seed
from simulation.world import machine


def _safely(about: tuple[int, int]) -> Run | dict[str, Any]:
    seed, instructions = about
    try:
        return run_seed(seed, instructions=instructions)
    except Exception as error:
        return {"seed": seed, "instructions": instructions, "broken": f"{type(error).__name__}: {error}"}


def run_many(seeds: Sequence[int], processes: int, instructions: int = 220) -> list[Run | dict[str, Any]]:
    """Many seeds in several processes; what broke is a dict with `broken`."""
    results: list[Run | dict[str, Any]] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for result in pool.map(_safely, [(seed, instructions) for seed in seeds], chunksize=10):
            results.append(result)
            if isinstance(result, dict):
                print(result, file=sys.stderr, flush=True)
    return results


def summary_of(results: Sequence[Run | dict[str, Any]]) -> dict[str, Any]:
    """What many runs found, in figures."""
    good = [one for one in results if isinstance(one, Run)]
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for one in good:
        counts.update(one.counts)
        codes.update(one.codes)
    return {
        "seeds": len(results),
        "broken": [one for one in results if isinstance(one, dict)],
        "events": sum(one.events for one in good),
        "blocks": sum(one.blocks for one in good),
        "receipts": sum(one.receipts for one in good),
        "starts after a crash": sum(one.starts - 1 for one in good),
        "with liars": sum(bool(one.liars) for one in good),
        "counts": dict(sorted(counts.items())),
        "codes": dict(sorted(codes.items())),
    }


def merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of summaries whose seeds follow each other without a gap."""
    parts = sorted(parts, key=lambda part: part["first"])
    for one, other in pairwise(parts):
        assert one["first"] + one["seeds"] == other["first"], "seeds are missing between two parts"
    found = dict(parts[-1])
    for name in ("seeds", "events", "blocks", "receipts", "starts after a crash", "with liars", "seconds", "broken"):
        found[name] = sum((part[name] for part in parts), [] if name == "broken" else 0)
    for name in ("counts", "codes"):
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part[name])
        found[name] = dict(sorted(total.items()))
    return found | {"first": parts[0]["first"], "parts": len(parts), "seconds": round(found["seconds"], 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="run the seeds 0 to N - 1")
    parser.add_argument("--first", type=int, default=0, help="begin at this seed")
    parser.add_argument("--seed", type=int, default=None, help="run one seed and tell what happened")
    parser.add_argument("--instructions", type=int, default=220, help="how many are made in a run")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", default="", help="write the summary as JSON")
    parser.add_argument("--merge", nargs="*", default=[], help="add up summaries of parts that were run one by one")
    options = parser.parse_args()
    if options.seed is not None:
        print(draw_plan(options.seed, instructions=options.instructions))
        print(json.dumps(asdict(run_seed(options.seed, instructions=options.instructions)), indent=1))
        return 0
    if not options.merge and options.seeds < 1:
        parser.error("nothing to run: give --seeds, --seed or --merge; no seeds would be no broken seeds")
    if options.merge:
        summary = merged([json.loads(Path(name).read_text(encoding="utf-8")) for name in options.merge])
        if options.out:
            Path(options.out).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(summary, indent=1))
        return 1 if summary["broken"] else 0
    started = time.perf_counter()
    seeds = range(options.first, options.first + options.seeds)
    summary = summary_of(run_many(seeds, options.processes, options.instructions))
    summary |= {"first": options.first, "instructions a seed": options.instructions, "processes": options.processes}
    summary |= {"seconds": round(time.perf_counter() - started, 1)}
    if options.out:
        summary |= {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine()}
        Path(options.out).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))
    return 1 if summary["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
