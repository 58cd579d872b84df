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
        rows.append(
            make_observation(
                indicator_id=f"indicator_{n // 32 // 200}",
                area=f"A{n // 32 % 200:02d}",
                period_start=date(year, 1, 1),
                period_end=date(year, 12, 31),
                value=(n * 7919 % 100_003) / 1000.3,
                unit="percent",
                source_id="demo",
                dataset_id="demo",
                vintage_id="v1",
                known_from=META.known_from,
                retrieved_at=META.retrieved_at,
                raw_sha256="ab" * 32,
                raw_locator=f"row {n + 2}, value",
                parser_version="1",
                precision=0.05,
            )  # fmt: skip
        )
    return rows


ROWS: dict[str, Callable[[], list[Observation]]] = {"embedded": embedded_rows, "synthetic": synthetic_rows}


def write(folder: Path, rows: list[Observation]) -> Callable[[], None]:
    """The store writes a vintage."""

    def work() -> None:
        with open_store(Path(tempfile.mkdtemp(dir=folder))) as store:
            store.write_vintage(META, rows)

    return work


def read(folder: Path, rows: list[Observation]) -> Callable[[], None]:
    """The store reads it back, every hash checked."""
    with open_store(folder / "data") as store:
        store.write_vintage(META, rows)
    rows.clear()

    def work() -> None:
        with open_store(folder / "data") as store:
            store.observations("v1")

    return work


def _csv(folder: Path, rows: list[Observation]) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(tables._encode(rows))
    rows.clear()
    return path


def _copy(csv: Path, parquet: Path) -> None:
    columns = tables._csv_columns()
    with tables._engine() as engine:
        engine.execute(
            f"""COPY (FROM read_csv('{csv}', columns={columns}, header=false, auto_detect=false, nullstr='\\N',
            allow_quoted_nulls=false, parallel=false)) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"""
        )


def duckdb_write(folder: Path, rows: list[Observation]) -> Callable[[], None]:
    """DuckDB alone: a CSV that is already there to Parquet."""
    csv = _csv(folder, rows)
    return lambda: _copy(csv, folder / "rows.parquet")


def duckdb_read(folder: Path, rows: list[Observation]) -> Callable[[], None]:
    """DuckDB alone: Parquet to tuples."""
    parquet = folder / "rows.parquet"
    _copy(_csv(folder, rows), parquet)

    def work() -> None:
        with tables._engine() as engine:
            engine.execute(f"SELECT {', '.join(COLUMNS)} FROM '{parquet}'").fetchall()

    return work


MEASURES: dict[str, Callable[[Path, list[Observation]], Callable[[], None]]] = {
    "write": write, "duckdb write": duckdb_write, "read": read, "duckdb read": duckdb_read,
}  # fmt: skip


def measure(name: str, size: str) -> dict[str, object]:
    """Seconds of each run and the peak memory of this process, in which nothing else runs."""
    rows = ROWS[size]()
    count = len(rows)
    with tempfile.TemporaryDirectory() as folder:
        work = MEASURES[name](Path(folder), rows)
        before = _peak_mb()
        seconds = []
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            work()
            seconds.append(round(time.perf_counter() - start, 4))
    runs = seconds[1:]
    return {
        "rows": count,
        "median_s": statistics.median(runs),
        "runs_s": runs,
        "peak_mb": _peak_mb(),
        "peak_mb_before": before,
    }


def _peak_mb() -> float:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kib / (2**20 if sys.platform == "darwin" else 1024), 1)


def in_own_process(name: str, size: str) -> dict[str, object]:
    """Run one measure in a new process."""
    command = [sys.executable, __file__, "--one", name, size]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600)
    return dict(json.loads(done.stdout))


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
    parser.add_argument("--one", nargs=2, metavar=("MEASURE", "SIZE"), help="run one measure in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    measured = {size: {name: in_own_process(name, size) for name in MEASURES} for size in ROWS}
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
