"""Opinion groups: how close to Polis's own, how fast beside `red-dwarf` 0.4.0, and how large a consultation may be.

Polis's groups are those in the shared exports (`compdemocracy/openData`, CC BY 4.0); the adjusted Rand index is over
the people that both group. `red-dwarf` (MPL-2.0) runs in the same process on the same votes; without it, its part is
left out. Times are from votes in memory to groups, representative statements and consensus, best of the runs.

    .venv/bin/python benchmarks/council_consult.py --data FOLDER             FOLDER holds `polis/`
    .venv/bin/python benchmarks/council_consult.py --data FOLDER --write     keep the result
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from concordat.council.consult import Statement, Votes, analyse, read_matrix
from concordat.council.consult.deterministic import concordat_groups
from concordat.council.consult.exact import Ints, consensus, given_groups, space
from concordat.council.consult.groups import polis_groups
from concordat.council.consult.repness import representative

NAMES = ["bg2050-volunteers", "scoop-hivemind.taxes", "american-assembly.bowling-green"]
RESULTS = Path(__file__).parent / "results"
RUNS = 3
LARGE = (6_289, 2_161)
LIMITS = {
    "adjusted Rand index": {"accepted": [1.000, 0.81, 0.56], "ambitious": [1.000, 0.91, 0.80]},
    "part of red-dwarf's time": {"accepted": 1 / 10, "ambitious": 1 / 20},
    "6,289 x 2,161": {"accepted": [10, 2_000], "ambitious": [4, 1_000], "unit": "s, MB"},
}


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Hubert and Arabie 1985: agreement of two groupings over the people that both have in a group."""
    both = (one >= 0) & (other >= 0)
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one[both], other[both]), 1)

    def pairs(counts: Any) -> float:
        return float((counts * (counts - 1) / 2).sum())

    inside, left, right = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = left * right / pairs(np.array([table.sum()]))
    return (inside - chance) / ((left + right) / 2 - chance)


def ours(votes: Votes) -> Ints:
    """Votes in memory to groups, representative statements, consensus, in `concordat-1`."""
    found, _ = concordat_groups(votes)
    representative(votes, found.groups)
    consensus(votes)
    return found.groups


def like_polis(votes: Votes) -> Ints:
    """The same, in mode `polis`."""
    groups = polis_groups(votes, space(votes)).groups
    representative(votes, groups)
    consensus(votes)
    return groups


def red_dwarf(votes: Votes) -> tuple[Callable[[], Ints], list[dict[str, int]]]:
    """The same work by the peer, ready to run."""
    from reddwarf.implementations.polis import run_pipeline  # type: ignore[import-not-found]

    ids = [int(s) for s in votes.ids]
    rows = [
        {"participant_id": int(votes.participants[i]), "statement_id": ids[j], "vote": int(votes.matrix[i, j])}
        for i, j in zip(*np.nonzero(votes.seen), strict=True)
    ]
    out = [ids[n] for n in np.flatnonzero(votes.moderated_out).tolist()]

    def run() -> Ints:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run_pipeline(votes=rows, mod_out_statement_ids=out, random_state=0)
        labels = found.participants_df["cluster_id"]
        named = {str(int(key)): value for key, value in labels.items()}
        chosen = [named.get(key) for key in votes.participants]
        return np.array([-1 if v is None or str(v) in ("nan", "<NA>") else int(v) for v in chosen])

    return run, rows


def best_of(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds of processor and wall, the best of the runs."""
    cpu, wall = [], []
    for _ in range(RUNS):
        start, started = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - start)
        wall.append(time.perf_counter() - started)
    return {"cpu_s": round(min(cpu), 3), "wall_s": round(min(wall), 3)}


def conversation(folder: Path) -> dict[str, Any]:
    """Agreement and time on one shared conversation."""
    matrix, comments = ((folder / name).read_bytes() for name in ("participants-votes.csv", "comments.csv"))
    votes = read_matrix(matrix, comments)
    theirs, _ = given_groups(votes)
    found: dict[str, Any] = {"size": list(votes.matrix.shape), "votes": votes.count}
    for name, run in (("polis", like_polis), ("concordat-1", ours)):
        found[name] = {"ari": round(adjusted_rand(run(votes), theirs), 3), **best_of(lambda: run(votes))}  # noqa: B023
    if importlib.util.find_spec("reddwarf"):
        peer, _ = red_dwarf(votes)
        found["red-dwarf"] = {"ari": round(adjusted_rand(peer(), theirs), 3), **best_of(peer)}
        for name in ("polis", "concordat-1"):
            part = {unit: round(found[name][unit] / found["red-dwarf"][unit], 4) for unit in ("cpu_s", "wall_s")}
            found[name]["part of red-dwarf's time"] = part
    return found


def synthetic(people: int, statements: int) -> Votes:
    """A made-up consultation: three camps in two dimensions, each person on about a tenth of the statements."""
    rng = np.random.Generator(np.random.PCG64(11))
    camps = np.array([[1.5, 0.5], [-1.2, 1.0], [0.0, -1.6]])
    views = camps[rng.integers(3, size=people)] + 0.5 * rng.normal(size=(people, 2))
    lean = views @ rng.normal(size=(2, statements)) + rng.normal(size=statements)
    seen = rng.uniform(size=(people, statements)) < 0.1
    noisy = lean + rng.normal(size=lean.shape)
    matrix = np.where(noisy > 0.4, 1, np.where(noisy < -0.4, -1, 0)).astype(np.int8)
    matrix[~seen] = 0
    listed = tuple(Statement(str(n)) for n in range(statements))
    return Votes(tuple(str(n) for n in range(people)), listed, matrix, seen)


def large() -> dict[str, Any]:
    """Time and memory of the large one, in this process."""
    votes = synthetic(*LARGE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {}
    for name, work in (("groups", lambda: ours(votes)), ("analyse", lambda: analyse(votes, resamples=0))):
        start, started = time.process_time(), time.perf_counter()
        work()
        cpu, wall = time.process_time() - start, time.perf_counter() - started
        found[name] = {"cpu_s": round(cpu, 2), "wall_s": round(wall, 2)}
    return {
        **found,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rss_before_mb": round(before),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of shared data")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.large:
        print(json.dumps(large()))
        return
    measured: dict[str, Any] = {}
    if arguments.data:
        measured |= {name: conversation(arguments.data / "polis" / name) for name in NAMES}
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, __file__, "--large"],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        )
        measured[f"6,289 x 2,161, {threads} threads"] = json.loads(done.stdout)
    report = {
        "benchmark": "council_consult",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": measured,
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "red-dwarf": version("red-dwarf") if importlib.util.find_spec("reddwarf") else None,
        },
    }
    text = json.dumps(report, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"council-consult-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
