"""Do elections equal abcvoting and pref_voting on 1,000 random profiles a system, and how fast are they beside them?

Needs both peers in the environment (`pip install abcvoting==2.19.2 pref_voting==1.18.2`); they are compared as
`tests/election_peers.py` says, ties included. For STV the peer asks earlier counts before its lot, where we report a
tie: `same` is with that taken out of its source (and its committees as shipped among ours), `same_as_shipped` with it.
Times are for the largest councils: 190 voters, 20 candidates, 10 seats; the peers are asked for one committee, ours
follows every tie.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from concordat.council.decide.elections import elect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import election_peers

RESULTS = Path(__file__).parent / "results"
RUNS = 5


def compared(profiles: int, first: int) -> dict[str, Any]:
    """How many profiles are the same, and on how many there was a tie to report."""
    found: dict[str, Any] = {}
    for system in (*election_peers.SYSTEMS, "sequential_pav"):
        seeds = range(first, first + profiles)
        sequential = system == "sequential_pav"
        cases = [election_peers.sequential(s) if sequential else election_peers.one(system, s) for s in seeds]
        found[system] = {
            "profiles": len(cases),
            "same": sum(case["same"] for case in cases),
            "with_ties": sum(case["tied"] for case in cases),
            "different_seeds": [case["seed"] for case in cases if not case["same"]][:20],
        }
        if system == "stv":
            found[system]["same_as_shipped"] = sum(case["same_as_shipped"] for case in cases)
    return found


def times() -> dict[str, Any]:
    """Median seconds of ours and of the peer on one large election."""
    rng = random.Random("elections large")
    names = list(election_peers.LETTERS[:20])
    ballots: list[tuple[str, ...]] = [tuple(rng.sample(names, rng.randint(1, 8))) for _ in range(190)]
    found = {}
    for system in election_peers.SYSTEMS:
        ours = median(partial(elect, system, ballots, names, 10))
        peer = median(election_peers.single(system, ballots, names, 10))
        found[system] = {"ours_s": ours, "peer_s": peer, "ratio": round(ours / peer, 3) if peer else None}
    return found


def median(run: Callable[[], Any]) -> float:
    """Median processor time of five runs behind a first one."""
    taken = []
    for _ in range(RUNS + 1):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return round(statistics.median(taken[1:]), 4)


def main() -> int:
    """Compare, measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    found = compared(arguments.profiles, arguments.first)
    report = {
        "benchmark": "council_elections",
        "version": version("concordat"),
        "limits": {"same": "all of 1,000 profiles a system, ties reported"},
        "first_seed": arguments.first,
        "compared": found,
        "seconds for 190 voters, 20 candidates, 10 seats": times(),
        "machine": {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "abcvoting": version("abcvoting"),
            "pref_voting": version("pref_voting"),
        },
    }
    text = json.dumps(report, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"council_elections-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")
    return int(any(entry["same"] != entry["profiles"] for entry in found.values()))


if __name__ == "__main__":
    sys.exit(main())
