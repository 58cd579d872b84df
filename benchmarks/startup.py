"""How long do the smallest commands take, from the shell's point of view?

Median of 11 runs of `concordat --help`, `--version` and `concordat bloc show BRICS`, and of a bare interpreter
(`python -c pass`), which no command can beat. One run before each set is thrown away: it reads the files from disk.
Prints one JSON object with the machine; with `--write` it is also stored in `results/`. It does not measure `assess`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

RUNS = 11
LIMIT_S = 0.3
RESULTS = Path(__file__).parent / "results"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "concordat --help": [sys.executable, "-m", "concordat", "--help"],
    "concordat --version": [sys.executable, "-m", "concordat", "--version"],
    "concordat bloc show BRICS": [sys.executable, "-m", "concordat", "bloc", "show", "BRICS"],
}


def as_installed() -> dict[str, str]:
    """This environment as somebody has it who installed the program: pip compiles every module that it installs.

    Where PYTHONDONTWRITEBYTECODE is set, each start of a checkout would compile hundreds of modules once more. The run
    that is thrown away leaves them compiled.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str]) -> list[float]:
    """Wall-clock seconds of `RUNS` runs, after one that is thrown away."""
    found = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=30, env=as_installed())
        found.append(round(time.perf_counter() - start, 4))
    return found[1:]


def machine() -> dict[str, str | int | None]:
    """What the numbers depend on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    name = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "typer": version("typer"),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    measured = {}
    for name, command in COMMANDS.items():
        runs = seconds(command)
        measured[name] = {"median_s": round(statistics.median(runs), 4), "runs_s": runs}
    bare = measured["python -c pass"]["median_s"]
    for result in measured.values():
        result["above_bare_s"] = round(result["median_s"] - bare, 4)
    report = {
        "benchmark": "startup",
        "version": version("concordat"),
        "limit_s": LIMIT_S,
        "kept": all(result["median_s"] < LIMIT_S for result in measured.values()),
        "measured": measured,
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = report["machine"]["cores"], report["machine"]["system"].replace(" ", "-").lower()
        (RESULTS / f"startup-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
