"""What does the store's care cost, beside the same engine without it?

Writes and reads a vintage of the embedded Factbook's rows and one of 126,371 synthetic rows (the size of the WDI panel
in the specification), each with all hashes checked, and in the same run the same rows by DuckDB alone: from a CSV to
Parquet, and from Parquet to Python rows with `fetchall`. The ratios say what sorting, invariants, hashes, flushes and
`Observation` objects cost. Each measure runs in a process of its own, whose peak memory is reported; the median of the
runs counts, the first is thrown away. Parsing is not measured here, nor is `as_of`.
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
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from concordat.evidence.licences import licence
from concordat.evidence.observation import COLUMNS, Observation, make_observation
from concordat.evidence.store import VintageMeta, open_store, tables

RUNS = 3
SYNTHETIC_ROWS = 126_371
LIMITS = {"embedded": {"read_s": 0.1}, "synthetic": {"write_s": 5.0, "read_s": 5.0, "peak_mb": 300.0}}
RESULTS = Path(__file__).parent / "results"
META = VintageMeta(
    id="v1", dataset_id="demo", source_id="demo", published=None, known_from=date(2026, 1, 1),
    retrieved_at=datetime(2026, 1, 1, tzinfo=UTC), parser_version="1", raw=(),
    origin={"producer": "An office", "title": "A table", "url": "https://example.org"},
    licence=licence("CC-BY-4.0").as_dict(),
)  # fmt: skip

COMMON = {
    "source_id": "demo", "dataset_id": "demo", "vintage_id": "v1", "known_from": META.known_from,
    "retrieved_at": META.retrieved_at, "parser_version": "1",
}  # fmt: skip


def embedded_rows() -> list[Observation]:
    """The Factbook's rows, as if they were of the benchmark's vintage."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources.factbook import parse_edition, read_edition

    rows, _ = parse_edition(read_edition(), load_catalogue())
    return [replace(o, source_id="demo", dataset_id="demo", vintage_id="v1") for o in rows]


def synthetic_rows() -> list[Observation]:
    """As many rows as the WDI panel has: 20 indicators, 200 areas, 32 years."""
    rows = []
    for n in range(SYNTHETIC_ROWS):
        year = 1990 + n % 32
        columns = {
            "indicator_id": f"indicator_{n // 32 // 200}",
            "area": f"A{n // 32 % 200:02d}",
            "period_start": date(year, 1, 1),
            "period_end": date(year, 12, 31),
            "value": (n * 7919 % 100_003) / 1000.3,
            "precision": 0.05,
            "unit": "percent",
            "raw_sha256": "ab" * 32,
            "raw_locator": f"row {n + 2}, value",
        }
        rows.append(make_observation(**columns, **COMMON))
    return rows


ROWS: dict[str, Callable[[], list[Observation]]] = {"embedded": embedded_rows, "synthetic": synthetic_rows}


def write(folder: Path, rows: list[Observation]) -> Callable[[], None]:
    """The store writes a vintage."""

    def work() -> None:
        with open_store(Path(tempfile.mkdtemp(dir=folder))) as store:
            store.write_vintage(META, rows)

    return work


def read(folder: Path, _: object = None) -> Callable[[], None]:
    """The store reads it back, every hash checked."""

    def work() -> None:
        with open_store(folder / "data") as store:
            store.observations("v1")

    return work


def prepare(size: str, folder: Path) -> None:
    """What the measures that read find on the disk: a store, a CSV, a Parquet file by DuckDB alone."""
    rows = ROWS[size]()
    with open_store(folder / "data") as store:
        store.write_vintage(META, rows)
    (folder / "rows.csv").write_bytes(tables._encode(rows))
    _copy(folder / "rows.csv", folder / "rows.parquet")


def _copy(csv: Path, parquet: Path) -> None:
    columns = tables._csv_columns()
    with tables.engine() as engine:
        engine.execute(
            f"""COPY (FROM read_csv('{csv}', columns={columns}, header=false, auto_detect=false, nullstr='\\N',
            allow_quoted_nulls=false, parallel=false)) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"""
        )


def duckdb_write(folder: Path, _: object = None) -> Callable[[], None]:
    """DuckDB alone: a CSV that is already there to Parquet."""
    return lambda: _copy(folder / "rows.csv", folder / "again.parquet")


def duckdb_read(folder: Path, _: object = None) -> Callable[[], None]:
    """DuckDB alone: Parquet to tuples."""
    parquet = folder / "rows.parquet"

    def work() -> None:
        with tables.engine() as engine:
            engine.execute(f"SELECT {', '.join(COLUMNS)} FROM '{parquet}'").fetchall()

    return work


MEASURES: dict[str, Callable[[Path, list[Observation]], Callable[[], None]]] = {
    "write": write, "duckdb write": duckdb_write, "read": read, "duckdb read": duckdb_read,
}  # fmt: skip


def measure(name: str, size: str, folder: Path) -> dict[str, object]:
    """Seconds of each run and the peak memory of this process, in which nothing else runs."""
    rows = ROWS[size]() if name == "write" else []
    work = MEASURES[name](folder, rows)
    before = _peak_mb()
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        work()
        seconds.append(round(time.perf_counter() - start, 4))
    runs = seconds[1:]
    return {"median_s": statistics.median(runs), "runs_s": runs, "peak_mb": _peak_mb(), "peak_mb_before": before}


def _peak_mb() -> float:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kib / (2**20 if sys.platform == "darwin" else 1024), 1)


def in_own_process(*words: str) -> str:
    """Run a part of this file in a new process; returns what it prints."""
    command = [sys.executable, __file__, "--one", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600, text=True).stdout


def measure_all(size: str) -> dict[str, dict[str, object]]:
    """Every measure on rows of one kind."""
    with tempfile.TemporaryDirectory() as folder:
        in_own_process("prepare", size, folder)
        return {name: json.loads(in_own_process(name, size, folder)) for name in MEASURES}


def machine() -> dict[str, str | int | float | None]:
    """What the numbers depend on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--one", nargs=3, metavar=("MEASURE", "SIZE", "FOLDER"), help="run one measure in this process")
    arguments = parser.parse_args()
    if arguments.one:
        name, size, folder = arguments.one
        if name == "prepare":
            prepare(size, Path(folder))
        else:
            print(json.dumps(measure(name, size, Path(folder))))
        return
    measured = {size: measure_all(size) for size in ROWS}
    ratios = {
        size: {
            what: round(float(str(m[what]["median_s"])) / float(str(m[f"duckdb {what}"]["median_s"])), 2)
            for what in ("write", "read")
        }
        for size, m in measured.items()
    }
    report = {
        "benchmark": "store",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": measured,
        "times_duckdb_alone": ratios,
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = str(report["machine"]["system"]).replace(" ", "-").lower()  # type: ignore[index]
        name = f"store-{system}-{os.cpu_count()}-cores.json"
        (RESULTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
