"""Do four processes on PostgreSQL answer as many reads as one on SQLite? `python benchmarks/node_postgres.py --write`

Two nodes with the same log run beside each other: one process on SQLite, and four on a PostgreSQL server of their own
(made for this, fsync on). One client of ours asks the same of both in turn, five times, over 32 kept connections with
eight requests under way on each, so that the client costs less than the servers. Printed are medians and the ratio of
the two in the same turn. Cases: a full tile (from memory), a partial one (from the store each time), a head, the home
page (from the cache), and a page that is not there (made each time). Then one envelope after the other is handed in, so
that on PostgreSQL three of four go by the outbox. Limits on callers are taken off. Ratios travel, seconds don't: on a
machine whose cores the client shares, four processes can't show what four cores would.

    --entries N    in the log (default 3,000)   --seconds S    of each case (default 2)   --no-pages    protocol only
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from node_protocol import fill
from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from clearing_postgres_kit import Cluster
from concordat.ledger.entry import FIRST, Entry
from concordat.node.home import Node
from concordat.node.move_store import move
from unit_node import found

CONNECTIONS, DEEP, TURNS, WORKERS, POSTS = 32, 8, 5, 4, 60
LIMIT, AMBITIOUS = 1.0, 1.6


def serve(home: str, pages: bool) -> None:
    """One node's first process, without limits on callers; its settings are in this folder."""
    from concordat.cli import main
    from concordat.node import limits

    for name in list(limits.LIMITS):
        limits.LIMITS[name] = limits.Limit(name, 1e9, 1e9)
    sys.exit(main(["node", "serve", "--home", home, *([] if pages else ["--no-web"])]))


def start(folder: Path, home: Path, port: int, database: str, workers: int, pages: bool) -> subprocess.Popen[bytes]:
    """A node that is ready."""
    folder.mkdir()
    (folder / "concordat.toml").write_text(
        f'[node]\nlisten = "127.0.0.1:{port}"\nops_listen = "127.0.0.1:{port + 1}"\ndatabase = "{database}"\n'
        f"workers = {workers}\ndisk_reserve_mb = 0\n"
    )
    words = [sys.executable, __file__, "--serve", str(home), *([] if pages else ["--no-pages"])]
    environment = {**os.environ, "CONCORDAT_DATA_DIR": str(folder / "data")}
    process = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=(folder / "log").open("wb")
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert b"Ready" in line, line + (folder / "log").read_bytes()[-2_000:]
    return process


class Asker(asyncio.Protocol):
    """One connection: eight requests under way, answers counted by their bytes, which are all the same number."""

    def __init__(self, request: bytes, size: int) -> None:
        self.request, self.size, self.seen = request, size, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request * DEEP)

    def data_received(self, data: bytes) -> None:
        before = self.seen // self.size
        self.seen += len(data)
        done = self.seen // self.size - before
        if done:
            self.transport.write(self.request * done)


async def answer_size(port: int, request: bytes) -> int:
    """Bytes of one answer, its head included."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.find(b"content-length: ")
    length = int(head[at + 16 : head.index(b"\r", at)]) if at >= 0 else 0
    writer.close()
    return len(head) + length


async def rate(port: int, request: bytes, seconds: float) -> float:
    """Answers a second."""
    size = await answer_size(port, request)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = [await loop.create_connection(lambda: Asker(request, size), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    count = sum(asker.seen / size for _, asker in made)
    took = time.perf_counter() - started
    for transport, _ in made:
        transport.abort()
    return count / took


def get(port: int, path: str) -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept-encoding: gzip\r\n\r\n".encode()


async def measure(ports: dict[str, int], paths: dict[str, str], seconds: float) -> dict[str, dict[str, list[float]]]:
    """Every case of both nodes in turn; the first turn warms up."""
    rates: dict[str, dict[str, list[float]]] = {case: {name: [] for name in ports} for case in paths}
    for turn in range(TURNS + 1):
        for case, path in paths.items():
            for name, port in ports.items():
                found_rate = await rate(port, get(port, path), seconds if turn else min(seconds, 1.0))
                if turn:
                    rates[case][name].append(round(found_rate, 1))
    return rates


async def posts(port: int, home: Path, size: int, last: str) -> list[float]:
    """Milliseconds from POST to durable receipt, each on a connection of its own: every process has its share."""
    from concordat.ledger.keys import Ed25519Secret
    from concordat.node.identity import read_seeds

    secret = Ed25519Secret(read_seeds(home / "keys" / "node.json", "")["ed25519"])
    times = []
    for seq in range(size + 1, size + POSTS + 1):
        made = Entry.new(
            author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=last, scope="exchange",
            ts="2026-11-22T00:00:00Z", type="Noted", body={"n": seq}, secret=secret,
        )  # fmt: skip
        last = made.id
        head = f"POST /entries HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {len(made.leaf)}\r\n\r\n"
        started = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + made.leaf)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}")
        times.append(round(1_000 * (time.perf_counter() - started), 1))
        assert b" 201 " in answer.split(b"\r\n")[0], answer
        writer.close()
    return sorted(times)


def run(entries: int, seconds: float, pages: bool) -> dict[str, Any]:
    """The whole comparison."""
    with tempfile.TemporaryDirectory(prefix="concordat-pgb-", dir="/tmp") as room:
        folder = Path(room)
        folder.chmod(0o755)
        files = found(folder / "files", ("BRA",))[0]
        fill(files, entries)
        with Node(files) as node:
            last = node.replica.own.entries[-1].id if entries else FIRST
        tables = Path(shutil.copytree(files, folder / "tables"))
        (folder / "pg").mkdir()
        cluster = Cluster(folder / "pg")
        cluster.start()
        started: list[subprocess.Popen[bytes]] = []
        try:
            address = cluster.address("node")
            move(tables, "sqlite", "postgresql", address)
            ports = {"sqlite": 18_480, "postgresql": 18_490}
            started.append(start(folder / "a", files, ports["sqlite"], "sqlite", 1, pages))
            started.append(start(folder / "b", tables, ports["postgresql"], address, WORKERS, pages))
            time.sleep(5)  # until all four are up
            n, width = divmod(entries, 256)
            paths = {
                "full_tile": "/log/BRICS/BRA/tile/0/000", "partial_tile": f"/log/BRICS/BRA/tile/0/{n:03}.p/{width}",
                "head": "/log/BRICS/BRA/checkpoint",
            }  # fmt: skip
            if pages:
                paths |= {"home_page": "/", "no_such_page": "/nowhere"}
            rates = asyncio.run(measure(ports, paths, seconds))
            waits = {
                name: asyncio.run(posts(port, {"sqlite": files, "postgresql": tables}[name], entries, last))
                for name, port in ports.items()
            }
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)
            cluster.stop()
    return {"reads": {case: _case(by) for case, by in rates.items()}, "posts": _posts(waits)}


def _case(by: dict[str, list[float]]) -> dict[str, Any]:
    ratios = [round(b / a, 2) for a, b in zip(by["sqlite"], by["postgresql"], strict=True)]
    medians = {name: statistics.median(found_rates) for name, found_rates in by.items()}
    return {"per_second": medians, "ratio": statistics.median(ratios), "ratios": ratios}


def _posts(waits: dict[str, list[float]]) -> dict[str, Any]:
    return {name: {"p50_ms": statistics.median(w), "p99_ms": w[int(len(w) * 0.99) - 1]} for name, w in waits.items()}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--no-pages", action="store_true")
    parser.add_argument("--serve", metavar="HOME", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="store the result with the machine it ran on")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, not given.no_pages)
    facts = run(given.entries, given.seconds, not given.no_pages)
    for case, found_case in facts["reads"].items():
        a, b = found_case["per_second"]["sqlite"], found_case["per_second"]["postgresql"]
        print(f"{case:14} SQLite {a:8,.0f}/s   PostgreSQL, {WORKERS} processes {b:8,.0f}/s   {found_case['ratio']:.2f}")
    for name, waits in facts["posts"].items():
        print(f"post to receipt, {name}: p50 {waits['p50_ms']:.0f} ms, p99 {waits['p99_ms']:.0f} ms")
    print(f"accept {LIMIT} (ambitious {AMBITIOUS})")
    if given.write:
        result = {"accept": LIMIT, "ambitious": AMBITIOUS, "entries": given.entries, "workers": WORKERS, **facts}
        system, cores = f"{platform.system()}-{platform.machine()}".lower(), os.cpu_count()
        path = RESULTS / f"node-postgres-{system}-{cores}-cores.json"
        path.write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
