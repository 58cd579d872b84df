"""How long does it take to know what was known on a day, beside DuckDB asked the same without a catalogue?

Three vintages of 126,371 synthetic rows each (the size of the WDI panel in the specification) are stored. Measured is
`views.as_of` for the middle one, from opening the store to the figures of all rows in Python (file hash checked), and a
count alone; beside it a window over all three files by DuckDB, which is how one asks without knowing the vintages; and
`views.differing` for what two vintages say otherwise. Each measure runs in a process of its own, whose peak memory is
reported; the median of the runs counts, the first is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from concordat.evidence.licences import licence
from concordat.evidence.observation import make_observation
from concordat.evidence.store import VintageMeta, open_store, tables, views

RUNS = 5
ROWS = 126_371
DAYS = (date(2020, 10, 1), date(2023, 3, 1), date(2026, 3, 1))
ASKED = date(2024, 12, 31)
COLUMNS = "indicator_id, area, period_end, breakdown, value"
LIMITS = {"as_of": {"s": 0.5, "ambitious_s": 0.2, "peak_mb": 300}}
RESULTS = Path(__file__).parent / "results"


def prepare(folder: Path) -> None:
    """Store the three vintages; a tenth of the figures differ from one to the next."""
    with open_store(folder / "data") as store:
        for number, day in enumerate(DAYS):
            stamp = datetime(day.year, day.month, day.day, tzinfo=UTC)
            meta = VintageMeta(
                id=f"v{number}", dataset_id="demo", source_id="demo", published=day, known_from=day,
                retrieved_at=stamp, parser_version="1", raw=(), licence=licence("CC-BY-4.0").as_dict(),
                origin={"producer": "An office", "title": "A table", "url": "https://example.org"},
            )  # fmt: skip
            shared = {
                "source_id": "demo", "dataset_id": "demo", "vintage_id": meta.id, "known_from": day,
                "retrieved_at": stamp, "parser_version": "1",
            }  # fmt: skip
            store.write_vintage(meta, (_row(n, number, shared) for n in range(ROWS)))


def _row(n: int, vintage: int, shared: dict[str, object]) -> object:
    year = 1990 + n % 32
    moved = vintage * 0.5 if n % 10 == 0 else 0.0
    return make_observation(
        indicator_id=f"indicator_{n // 32 // 200}", area=f"A{n // 32 % 200:02d}", period_start=date(year, 1, 1),
        period_end=date(year, 12, 31), value=(n * 7919 % 100_003) / 1000.3 + moved, precision=0.05, unit="percent",
        raw_sha256="ab" * 32, raw_locator=f"row {n + 2}, value", **shared,
    )  # fmt: skip


def as_of(folder: Path) -> int:
    """The figures of all rows, as Python tuples."""
    with open_store(folder / "data") as store, views.as_of(store, ASKED) as rows:
        return len(rows.select(COLUMNS).fetchall())


def as_of_arrays(folder: Path) -> int:
    """The same as arrays."""
    with open_store(folder / "data") as store, views.as_of(store, ASKED) as rows:
        return len(rows.select(COLUMNS).fetchnumpy()["area"])


def as_of_count(folder: Path) -> int:
    """How many rows were known."""
    with open_store(folder / "data") as store, views.as_of(store, ASKED) as rows:
        return int(rows.aggregate("count(*)").fetchall()[0][0])


def duckdb_window(folder: Path) -> int:
    """DuckDB alone: the newest row of each figure by a window over all files; rows dropped later are not seen."""
    files = f"'{folder}/data/obs/demo/demo/*.parquet'"
    with tables.engine() as duck:
        query = f"""SELECT {COLUMNS} FROM read_parquet({files}) WHERE known_from <= DATE '{ASKED}'
            QUALIFY row_number() OVER (PARTITION BY obs_id ORDER BY known_from DESC) = 1"""
        return len(duck.execute(query).fetchall())


def differing(folder: Path) -> int:
    """The rows of both vintages that are not said alike, as observations."""
    with open_store(folder / "data") as store:
        first, _, last = store.vintages()
        return len(views.differing(store, [first], [last])[0])


MEASURES: dict[str, Callable[[Path], int]] = {
    "as_of": as_of, "as_of arrays": as_of_arrays, "as_of count": as_of_count, "duckdb window": duckdb_window,
    "differing": differing,
}  # fmt: skip


def measure(name: str, folder: Path) -> dict[str, object]:
    """Seconds of each run and the peak memory of this process, in which nothing else runs."""
    seconds, rows = [], 0
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        rows = MEASURES[name](folder)
        seconds.append(round(time.perf_counter() - start, 4))
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = round(kib / (2**20 if sys.platform == "darwin" else 1024), 1)
    return {"median_s": statistics.median(seconds[1:]), "runs_s": seconds[1:], "rows": rows, "peak_mb": peak}


def in_own_process(*words: str) -> str:
    """Run a part of this file in a new process; returns what it prints."""
    command = [sys.executable, __file__, "--one", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600, text=True).stdout


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--one", nargs=2, metavar=("MEASURE", "FOLDER"), help="run one measure in this process")
    arguments = parser.parse_args()
    if arguments.one:
        name, folder = arguments.one
        if name == "prepare":
            prepare(Path(folder))
        else:
            print(json.dumps(measure(name, Path(folder))))
        return
    with tempfile.TemporaryDirectory() as folder:
        in_own_process("prepare", folder)
        measured = {name: json.loads(in_own_process(name, folder)) for name in MEASURES}
    report = {
        "benchmark": "as_of",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": measured,
        "times_duckdb_alone": round(measured["as_of"]["median_s"] / measured["duckdb window"]["median_s"], 2),
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "duckdb": version("duckdb"),
        },
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"as_of-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
