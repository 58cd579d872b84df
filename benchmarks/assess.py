"""How long does the main job take, from the shell's point of view: `concordat assess BRICS`, cold and warm?

*Cold*: no data directory, so the Factbook is loaded into a new store. *Warm*: the store is there. Each run is a new
process that writes a whole folder (HTML, PDF, workbook, CSV, figures, provenance). Beside it, in the same session, an
interpreter that imports what the report is drawn with and does nothing else, which no report can beat. Medians of 5,
after one that is thrown away. Prints one JSON object with the machine; with `--write` it is also stored in `results/`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from startup import RESULTS, machine

RUNS = 5
LIMITS_S = {"cold": {"accept": 5.0, "ambitious": 2.0}, "warm": {"accept": 5.0, "ambitious": 1.0}}
BLOCS = ("BRICS", "WTO")
IMPORTS = "import duckdb, numpy, typer, pydantic, yaml, jinja2, babel.numbers, vl_convert, typst, xlsxwriter"


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall-clock seconds of one run."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=120)
    return round(time.perf_counter() - start, 3)


def measure(bloc: str, folder: Path) -> dict[str, object]:
    """Cold and warm runs of one bloc, and what was written."""
    data, out = folder / "data", folder / bloc
    environment = dict(os.environ) | {"CONCORDAT_DATA_DIR": str(data)}
    command = [sys.executable, "-m", "concordat", "assess", bloc, "--out", str(out), "--quiet"]
    runs: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(RUNS + 1):
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        runs["cold"].append(seconds(command, environment))
        runs["warm"].append(seconds(command, environment))
    times = {name: {"median_s": statistics.median(found[1:]), "runs_s": found[1:]} for name, found in runs.items()}
    sizes = {p.name: p.stat().st_size for p in sorted(out.iterdir()) if p.is_file()}
    page = len(gzip.compress((out / "report.html").read_bytes(), 9))
    return {**times, "bytes": sizes, "report_html_gzip_bytes": page}


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = {bloc: measure(bloc, Path(folder)) for bloc in BLOCS}
        bare = [seconds([sys.executable, "-c", IMPORTS], dict(os.environ)) for _ in range(RUNS + 1)][1:]
    brics = measured["BRICS"]
    kept = {
        name: {level: brics[name]["median_s"] < limit for level, limit in limits.items()}  # type: ignore[index]
        for name, limits in LIMITS_S.items()
    }
    report = {
        "benchmark": "assess",
        "version": version("concordat"),
        "limits_s": LIMITS_S,
        "kept": kept,
        "measured": measured,
        "imports_alone_s": statistics.median(bare),
        "cold_times_imports": round(brics["cold"]["median_s"] / statistics.median(bare), 2),  # type: ignore[index]
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = machine()["cores"], str(machine()["system"]).replace(" ", "-").lower()
        (RESULTS / f"assess-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
