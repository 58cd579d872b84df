"""How long do twelve measures of ten million rows by a thousand groups take where the rows are, and in what memory?

Ten million synthetic rows, almost all of distinct value, are written to Parquet; a DuckDB relation over the file is
measured through the expressions of `divide.relational` (Ibis writes the SQL, DuckDB runs it on two threads): values by
group with the grouped Gini; the same with errors and intervals; all rows at once. Beside it the Gini alone in SQL by
hand. Each in a process of its own, whose peak memory is reported; best of three runs (five with `--runs 5`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from concordat.observatory.divide import measures

ROWS, GROUPS, THREADS = 10_000_000, 1000, 2
TWELVE = (
    "gini", "theil_t", "theil_l", "ge2", "cv", "atkinson_05", "atkinson_1", "hoover", "palma", "s80_s20", "p90_p10",
    "wolfson",
)  # fmt: skip
LIMITS = {"values": {"wall_s": 5.0, "ambitious_wall_s": 3.0, "peak_gb": 3.0, "ambitious_peak_gb": 1.5}}
RESULTS = Path(__file__).parent / "results"


def prepare(folder: Path) -> None:
    """Lognormal values by Box and Muller from hashes, weights from 0.5 to 2.5, groups by hash."""
    duckdb.execute(f"""COPY (
        SELECT CAST(hash(i) % {GROUPS} AS BIGINT) AS g,
            exp(sqrt(-2 * ln((hash(i * 3 + 1) % 1000000007 + 1) / 1000000008.0))
                * cos(2 * pi() * (hash(i * 7 + 5) % 1000000007) / 1000000007.0)) AS y,
            0.5 + (hash(i * 11 + 3) % 1000) / 500.0 AS w
        FROM range({ROWS}) t(i)) TO '{folder}/rows.parquet'""")


def _rows(folder: Path) -> Any:
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    return connection.sql(f"SELECT * FROM '{folder}/rows.parquet'")


def values(folder: Path) -> int:
    """Twelve measures by group."""
    found = measures(_rows(folder), "w", value="y", groups="g", names=TWELVE, errors=False, overall=False)
    return len(found.groups)


def values_and_errors(folder: Path) -> int:
    """Twelve measures by group with errors and intervals."""
    return len(measures(_rows(folder), "w", value="y", groups="g", names=TWELVE, overall=False).groups)


def all_rows(folder: Path) -> int:
    """Twelve measures of all rows."""
    return len(measures(_rows(folder), "w", value="y", names=TWELVE, errors=False))


def gini_by_hand(folder: Path) -> int:
    """The grouped Gini alone, in SQL."""
    query = """SELECT g, sum(w * y * (2 * c - w)) / (sum(w) * sum(w * y)) - 1 FROM (
        SELECT g, y, w, sum(w) OVER (PARTITION BY g ORDER BY y ROWS UNBOUNDED PRECEDING) AS c FROM rows) GROUP BY g"""
    return len(_rows(folder).query("rows", query).fetchall())


MEASURED: dict[str, Callable[[Path], int]] = {
    "values": values, "values and errors": values_and_errors, "all rows": all_rows, "gini by hand": gini_by_hand,
}  # fmt: skip


def measure(name: str, folder: Path, runs: int) -> dict[str, object]:
    """Seconds of the best run and the peak memory of this process, in which nothing else runs."""
    import ibis

    ibis.to_sql(ibis.table({"y": "float64"}, name="t"), dialect="duckdb")  # its import is not what is measured
    wall, cpu, groups = [], [], 0
    for _ in range(runs):
        start, clock = time.process_time(), time.perf_counter()
        groups = MEASURED[name](folder)
        wall.append(round(time.perf_counter() - clock, 2))
        cpu.append(round(time.process_time() - start, 2))
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    return {"wall_s": min(wall), "runs_s": wall, "cpu_s": min(cpu), "groups": groups, "peak_gb": peak}


def in_own_process(*words: str) -> str:
    """Run a part of this file in a new process; returns what it prints."""
    command = [sys.executable, __file__, "--one", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=1800, text=True).stdout


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("MEASURE", "FOLDER", "RUNS"), help="run one measure in this process")
    arguments = parser.parse_args()
    if arguments.one:
        name, folder, runs = arguments.one
        if name == "prepare":
            prepare(Path(folder))
        else:
            print(json.dumps(measure(name, Path(folder), int(runs))))
        return
    with tempfile.TemporaryDirectory() as folder:
        in_own_process("prepare", folder, "1")
        measured = {name: json.loads(in_own_process(name, folder, str(arguments.runs))) for name in MEASURED}
    report = {
        "benchmark": "relational",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": measured,
        "machine": {
            "cores": os.cpu_count(),
            "threads": THREADS,
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "duckdb": version("duckdb"),
            "ibis": version("ibis-framework"),
        },
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"relational-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
