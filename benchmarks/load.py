"""How long does it take to load 75 agreements, search index included, and how near is that to the least it can take?

Loaded is what `concordat rulebook load FILE...` loads: each file is read, parsed and put into a store on disk, all in
one transaction (and, beside it, each in its own). The raw limit parses the same files with lxml and puts the texts of
the same articles into two bare FTS5 tables, by words and by trigrams, in one transaction: no units, no paragraphs, no
content addresses. Wall and process seconds, the best of five runs, each into a new file; the ways take turns. On a
machine that others use, the process seconds are the ones to compare.

    CONCORDAT_SHARED_DATA=... python benchmarks/load.py [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from concordat.cli import _rulebook_load as loading
from concordat.rulebook.store import RuleStore

RESULTS = Path(__file__).parent / "results"
LIMITS_S = {"accepted": 6.0, "ambitious": 3.0}
RUNS = 5


def together(files: list[Path], path: Path) -> None:
    """As the command does."""
    with RuleStore.open(path) as store, store.together():
        for file in files:
            loading.load(store, file, "", "")


def apart(files: list[Path], path: Path) -> None:
    """Each file in a transaction of its own."""
    with RuleStore.open(path) as store:
        for file in files:
            loading.load(store, file, "", "")


def raw(files: list[Path], path: Path) -> None:
    """lxml and FTS5 alone."""
    import lxml.etree

    trees = [lxml.etree.fromstring(file.read_bytes()) for file in files]
    rows = [(a.get("name") or "", a.text or "") for tree in trees for a in tree.iter("article")]
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute('CREATE VIRTUAL TABLE word USING fts5 (heading, text, tokenize = "unicode61 remove_diacritics 2")')
    db.execute('CREATE VIRTUAL TABLE tri USING fts5 (heading, text, tokenize = "trigram")')
    db.execute("BEGIN")
    for name in ("word", "tri"):
        db.executemany(f"INSERT INTO {name} VALUES (?, ?)", rows)
    db.execute("COMMIT")
    db.close()


def timed(work: Callable[[list[Path], Path], None], files: list[Path]) -> tuple[float, float]:
    """Wall and process seconds of one run into a new file."""
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.perf_counter(), time.process_time()
        work(files, Path(folder) / "rulebook.sqlite")
        return time.perf_counter() - start, time.process_time() - cpu


def main() -> None:
    """Measure, print, and with `--write` store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="store the result")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    files = sorted((Path(os.environ["CONCORDAT_SHARED_DATA"]) / "tota" / "xml").glob("*.xml"))
    ways = {"load": together, "load, a transaction a file": apart, "raw limit": raw}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(arguments.runs):
        for name, work in ways.items():
            times[name].append(timed(work, files))
    system = f"{platform.system().lower()}-{platform.machine()}-{os.cpu_count()}-cores"
    result: dict[str, Any] = {
        "benchmark": "load",
        "version": version("concordat"),
        "limits_s": LIMITS_S,
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "runs": arguments.runs,
        "best": {
            name: {"wall_s": round(min(w for w, _ in some), 2), "process_s": round(min(c for _, c in some), 2)}
            for name, some in times.items()
        },
        "machine": {
            "python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "system": system,
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"load-{system}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
