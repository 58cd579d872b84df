"""How long does the stand-alone verifier take for a log of 100,000 entries, with one process and with two?

The export is one member's log, made by the plain builder of the tests (envelopes of about 700 bytes, every one signed)
in a temporary folder; the verifier runs as its user runs it, as a script. Measured: the median of three runs of each,
after one that is thrown away; and, as a floor, the time of 100,000 Ed25519 verifications alone.

    .venv/bin/python benchmarks/offline_verify.py
    .venv/bin/python benchmarks/offline_verify.py --write
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cryptography
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
VERIFIER = ROOT / "src" / "concordat" / "ledger" / "offline_verify.py"
ENTRIES, RUNS = 100_000, 3
LIMITS_S = {"one process, accepted": 40, "two processes, ambitious": 20}


def builder() -> Any:
    """The builder of exports that the tests use."""
    path = ROOT / "tests" / "unit" / "ledger" / "plain_export.py"
    spec = importlib.util.spec_from_file_location("plain_export_for_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
    return sys.modules[spec.name]


def seconds(folder: Path, processes: int) -> tuple[float, float]:
    """By the clock, and of processors: on a busy machine only the second tells something."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(VERIFIER), str(folder), "--processes", str(processes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f": {ENTRIES} entries, head good" in done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def floor() -> float:
    """Seconds of as many verifications by the library, and nothing else."""
    key, message = Ed25519PrivateKey.generate(), bytes(400)
    public, signature = key.public_key(), key.sign(message)
    start = time.perf_counter()
    for _ in range(ENTRIES // 10):
        public.verify(signature, message)
    return (time.perf_counter() - start) * 10


def main() -> None:
    """Measure, print, and with `--write` store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result")
    write = parser.parse_args().write
    plain = builder()
    with tempfile.TemporaryDirectory() as temporary:
        bloc = plain.Bloc(members=1)
        bloc.write("BRA", ENTRIES, body={"choice": "yes", "vote": "v-2026-014", "words": "x" * 60})
        bytes_mean = statistics.mean(map(len, bloc.logs["BRA"].leaves))
        folder = plain.put(bloc.export(), Path(temporary))
        times = {n: [seconds(folder, n) for _ in range(RUNS + 1)][1:] for n in (1, 2)}
    system = f"{platform.system().lower()}-{platform.machine()}-{os.cpu_count()}-cores"
    result = {
        "benchmark": "offline_verify",
        "limits_s": LIMITS_S,
        "entries": ENTRIES,
        "bytes_per_entry": round(bytes_mean),
        "median_s": {f"{n} processes": round(statistics.median(x for x, _ in t), 2) for n, t in times.items()},
        "median_cpu_s": {f"{n} processes": round(statistics.median(x for _, x in t), 2) for n, t in times.items()},
        "runs_s": {f"{n} processes": [round(x, 2) for x, _ in t] for n, t in times.items()},
        "verifications_alone_s": round(floor(), 2),
        "machine": {
            "python": platform.python_version(),
            "cryptography": cryptography.__version__,
            "system": system,
        },
    }
    print(json.dumps(result, indent=1))
    if write:
        text = json.dumps(result, indent=1) + "\n"
        (RESULTS / f"offline_verify-{system}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
