"""How long from nothing to a node's first page? `python benchmarks/node_first_page.py --write`.

`concordat node init` and `concordat node serve` as a person runs them, in an empty folder: seconds of `init`, of
`serve` until it is ready, and until the first page has come whole; then `serve` once more, where the evidence lies in
the store already; and once more with a log of 100,000 entries. Row 10 of the specification's acceptance table: 3 s from
the start of `init` to the first page (ambitious 1.5), 2 s from a restart with the long log until it is ready (ambitious
1). Beside it the seconds of processor time that the server's process took until then, which a busy machine changes
less, and its memory. Three times after one that is thrown away; medians. The long log is made once,
and noted for the next start when the process that made it ends, as when any node is stopped.
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

from startup import RESULTS, as_installed, machine

TURNS, ENTRIES = 3, 100_000
LIMITS = {
    "first_page_s": "3 (ambitious 1.5), from the start of init",
    "long_ready_s": "2 (ambitious 1), with 100,000 entries",
}
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
        found = {"ready_s": time.perf_counter() - began, "ready_processor_s": processor_seconds(process.pid)}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
            assert b"</html>" in answer.read()
        found["page_s"] = time.perf_counter() - began
        found |= {"processor_s": processor_seconds(process.pid), "memory_mb": memory_mb(process.pid)}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    return found


def init_node(folder: Path) -> dict[str, str]:
    """A node in a folder, by the command; the environment to run it in."""
    environment = {**as_installed(), "CONCORDAT_DATA_DIR": str(folder / "data")}
    command = [*CONCORDAT, "init", "--bloc", "BRICS", "--member", "BRA", "--host", "localhost"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return environment


def long_log(turns: int, entries: int) -> dict[str, float]:
    """Restarts of a node whose log has that many entries, after one that is thrown away; medians."""
    with tempfile.TemporaryDirectory(prefix="concordat-") as name:
        folder = Path(name)
        environment = init_node(folder)
        filled = [sys.executable, __file__, "--fill", str(folder / "data" / "node"), "--entries", str(entries)]
        subprocess.run(filled, check=True, env=environment, timeout=1_800)
        runs = [serve(folder, environment) for _ in range(turns + 1)][1:]
    return {f"long_{key}": statistics.median(run[key] for run in runs) for key in runs[0]}


def once() -> dict[str, float]:
    """From an empty folder to the first page, and once more."""
    with tempfile.TemporaryDirectory(prefix="concordat-") as name:
        folder = Path(name)
        began = time.perf_counter()
        environment = init_node(folder)
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
    parser.add_argument("--entries", type=int, default=ENTRIES, help="in the long log; 0: without it")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="store under results/")
    arguments = parser.parse_args()
    if arguments.fill is not None:
        from node_protocol import fill

        fill(arguments.fill, arguments.entries)
        return
    runs = [once() for _ in range(arguments.turns + 1)][1:]
    said: dict[str, Any] = {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}
    if arguments.entries:
        found = long_log(arguments.turns, arguments.entries)
        said |= {key: round(value, 2) for key, value in found.items()} | {"long_entries": arguments.entries}
    said |= {"limits": LIMITS, "runs": len(runs), "machine": machine()}
    print(json.dumps(said, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system, cores = machine()["system"].replace(" ", "-").lower(), machine()["cores"]
        path = RESULTS / f"node-first-page-{system}-{cores}-cores.json"
        path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
