"""How long from nothing to a node's first page? `python benchmarks/node_first_page.py --write`.

`concordat node init` and `concordat node serve` as a person runs them, in an empty folder: seconds of `init`, of
`serve` until it is ready, and until the first page has come whole; then `serve` once more, where the evidence lies in
the store already. Row 10 of the specification's acceptance table: 3 s from the start of `init` to the first page
(ambitious 1.5). Beside it the seconds of processor time that the server's process took until then, which a busy machine
changes less, and its memory. Three times after one that is thrown away; medians.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

TURNS = 3
LIMITS = {"first_page_s": "3 (ambitious 1.5), from the start of init"}
CONCORDAT = [sys.executable, "-m", "concordat", "node"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def processor_seconds(pid: int) -> float:
    """Seconds of processor time that a process has taken (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1_000 for line in lines if line.startswith("VmRSS"))


def serve(folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Serve until the first page has come."""
    port, began = free_port(), time.perf_counter()
    given = ["--listen", f"127.0.0.1:{port}", "--ops-listen", f"127.0.0.1:{free_port()}"]
    command = [*CONCORDAT, "serve", *given]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "Ready in" in line, line
        found = {"ready_s": time.perf_counter() - began}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
            assert b"</html>" in answer.read()
        found["page_s"] = time.perf_counter() - began
        found |= {"processor_s": processor_seconds(process.pid), "memory_mb": memory_mb(process.pid)}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    return found


def once() -> dict[str, float]:
    """From an empty folder to the first page, and once more."""
    with tempfile.TemporaryDirectory(prefix="concordat-") as name:
        folder = Path(name)
        environment = {**os.environ, "CONCORDAT_DATA_DIR": str(folder / "data")}
        began = time.perf_counter()
        command = [*CONCORDAT, "init", "--bloc", "BRICS", "--member", "BRA", "--host", "localhost"]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
        init = time.perf_counter() - began
        first, again = serve(folder, environment), serve(folder, environment)
    return {
        "init_s": init, "first_page_s": init + first["page_s"],
        **{f"first_{key}": value for key, value in first.items() if key != "page_s"},
        **{f"again_{key}": value for key, value in again.items()},
    }  # fmt: skip


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--write", action="store_true", help="store under results/")
    arguments = parser.parse_args()
    runs = [once() for _ in range(arguments.turns + 1)][1:]
    said: dict[str, Any] = {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}
    said |= {"limits": LIMITS, "runs": len(runs), "machine": machine()}
    print(json.dumps(said, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system, cores = machine()["system"].replace(" ", "-").lower(), machine()["cores"]
        path = RESULTS / f"node-first-page-{system}-{cores}-cores.json"
        path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
