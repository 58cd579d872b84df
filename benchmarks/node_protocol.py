"""How much does a node's protocol cost beside a bare answer of the same server? `python benchmarks/node_protocol.py`.

One server process (uvicorn, httptools, uvloop, one worker) answers a bare Starlette route, a full tile, unchanged heads
(304) and a health check; one client of ours asks over 32 kept connections on loopback, the four in turn, five times.
Printed are medians and their ratio to the bare answer of the same turn: seconds don't travel, ratios do. Then one
envelope after the other is handed in, from POST to durable receipt, beside `fdatasync` of 4 kB; the memory of the
server is read at its start, after some requests, and after as many again; tiles are asked for while hundreds of clients
send half a request and wait; and a node with a long log is opened until it is ready. Limits on callers are taken off:
they are what a benchmark would measure otherwise. Those on connections stay.

    --entries N    in the long log (default 100,000)     --seconds S    of each case (default 2)
    --requests N   before memory is read, and a 25th of them beside slow clients (default 100,000)      --write  keep it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from concordat.ledger.entry import FIRST, Entry
from concordat.node.home import Node
from unit_node import found

CONNECTIONS, TURNS = 32, 5
LIMITS = {"tile": (0.40, 0.70), "same": (0.60, 0.90)}
SLOW_CLIENTS = 470  # with those that ask, below the 512 connections that a node takes
MEMORY_MB, SLOW_P99 = (250, 150), (5, 2)  # of row 9, and of row 7 as a ratio to the idle node
POST_P99_MS, READY_S = (150, 50), (2, 1)


def fill(home: Path, size: int) -> None:
    """A log of so many entries, under a head a thousand."""
    with Node(home) as node:
        last = FIRST
        for start in range(0, size, 1_000):
            entries = []
            for seq in range(start + 1, min(size, start + 1_000) + 1):
                entries.append(entry(node, seq, last))
                last = entries[-1].id
            with node.together():
                node.take_up(entries)


def entry(node: Node, seq: int, last: str) -> Entry:
    """An entry of 500 bytes or so."""
    return Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=last, scope="exchange",
        ts="2026-11-22T00:00:00Z", type="Noted", body={"text": "x" * 120, "n": seq}, secret=node.signer.node,
    )  # fmt: skip


def serve(home: Path, port: int) -> None:
    """The server's process: the protocol without limits, and a bare route beside it."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    from concordat.node import limits
    from concordat.node.http_bounds import bounded
    from concordat.node.server import routes
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings

    for name in list(limits.LIMITS):
        limits.LIMITS[name] = limits.Limit(name, 1e9, 1e9)
    given = {"disk_reserve_mb": 0, "public_url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}"}
    began = time.perf_counter()

    async def bare(_: Any) -> Response:
        return Response(b"bare\n", 200, None, "text/plain")

    async def run() -> None:
        service = Service(Node(home), NodeSettings.load(given, environment={}, file=Path(os.devnull)))
        await service.start()
        app = Starlette(routes=[*routes(service), Route("/bare", bare)])
        protocol = bounded(["127.0.0.1"])  # one client has all connections here
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, http=protocol, ws="none", lifespan="off", access_log=False,
            log_level="critical", server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server.serve())
        while service.failing() or not server.started:
            await asyncio.sleep(0.005)
        print(round(time.perf_counter() - began, 3), flush=True)
        await task
        await service.close()

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def rate(port: int, request: bytes, seconds: float, connections: int = CONNECTIONS) -> float:
    """Answers a second."""
    count, end = 0, time.perf_counter() + seconds

    async def one() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            at = head.find(b"content-length: ")
            if at >= 0:
                await reader.readexactly(int(head[at + 16 : head.index(b"\r", at)]))
            count += 1
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return count / (time.perf_counter() - started)


def get(port: int, path: str, *more: str) -> bytes:
    """A request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", f"host: 127.0.0.1:{port}", *more, "", ""]).encode()


async def throughput(port: int, seconds: float) -> dict[str, list[float]]:
    """The cases in turn."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/sync/heads") as answer:
        tag = answer.headers["etag"]
    cases = {
        "bare": get(port, "/bare"), "tile": get(port, "/log/BRICS/BRA/tile/0/000"),
        "same": get(port, "/sync/heads", f"if-none-match: {tag}"), "live": get(port, "/health/live"),
    }  # fmt: skip
    found_rates: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(TURNS + 1):
        for name, request in cases.items():
            measured = await rate(port, request, seconds)
            if turn:
                found_rates[name].append(round(measured))
    return found_rates


async def posts(port: int, home: Path, size: int, count: int) -> list[float]:
    """Milliseconds from POST to durable receipt, one after the other."""
    from concordat.ledger.keys import Ed25519Secret
    from concordat.node.identity import read_seeds

    secret = Ed25519Secret(read_seeds(home / "keys" / "node.json", "")["ed25519"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times, last, seq = [], await _last(port), size
    for _ in range(count):
        seq += 1
        made = Entry.new(
            author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=last, scope="exchange",
            ts="2026-11-22T00:00:00Z", type="Noted", body={"n": seq}, secret=secret,
        )  # fmt: skip
        last = made.id
        head = f"POST /entries HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {len(made.leaf)}\r\n\r\n"
        started = time.perf_counter()
        writer.write(head.encode() + made.leaf)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}")
        times.append(1_000 * (time.perf_counter() - started))
        assert b" 201 " in answer.split(b"\r\n")[0], answer
    writer.close()
    return times


def resident_mb(pid: int) -> float:
    """Memory that a process has in use, in MB (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


async def memory(port: int, pid: int, requests: int) -> dict[str, float]:
    """MB at the start, after so many requests of tiles, and after as many again."""
    found_mb = {"start": resident_mb(pid)}
    request = get(port, "/log/BRICS/BRA/tile/0/000")
    for name in ("after", "after_as_many_again"):
        left = requests
        while left > 0:
            began = time.perf_counter()
            left -= round(await rate(port, request, 1.0) * (time.perf_counter() - began))
        found_mb[name] = resident_mb(pid)
    return found_mb


async def waits_of(port: int, count: int) -> list[float]:
    """Milliseconds of tiles asked for one after the other by four clients, sorted."""
    times: list[float] = []
    request = get(port, "/log/BRICS/BRA/tile/0/000")

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count // 4):
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            at = head.find(b"content-length: ")
            await reader.readexactly(int(head[at + 16 : head.index(b"\r", at)]))
            times.append(1_000 * (time.perf_counter() - started))
        writer.close()

    await asyncio.gather(*(one() for _ in range(4)))
    return sorted(times)


async def beside_slow_clients(port: int, count: int) -> dict[str, Any]:
    """The 99th percentile of a tile, idle and while hundreds send half a request and wait; five times in turn."""
    idle, slow = [], []
    for _ in range(TURNS):
        idle.append(_p99(await waits_of(port, count)))
        lines = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(SLOW_CLIENTS)))
        for _, writer in lines:
            writer.write(f"GET /log/BRICS/BRA/checkpoint HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx: ".encode())
        slow.append(_p99(await waits_of(port, count)))
        for _, writer in lines:
            writer.transport.abort()
        await asyncio.sleep(0.3)
    ratio = statistics.median(round(b / a, 2) for a, b in zip(idle, slow, strict=True))
    return {"clients": SLOW_CLIENTS, "idle_p99_ms": idle, "beside_p99_ms": slow, "ratio": ratio, "limit": SLOW_P99}


def _p99(waits: list[float]) -> float:
    return round(waits[int(len(waits) * 0.99) - 1], 2)


async def _last(port: int) -> str:
    """The id of the newest entry."""
    import urllib.request

    from concordat.ledger.tiles import tile_path, unpack_bundle

    base = f"http://127.0.0.1:{port}/log/BRICS/BRA"
    size = int(urllib.request.urlopen(f"{base}/checkpoint").read().split(b"\n")[1])
    index, width = (size - 1) // 256, (size - 1) % 256 + 1
    data = urllib.request.urlopen(f"{base}/{tile_path('entries', index, width)}").read()
    return Entry.parse(unpack_bundle(data)[-1]).id


def syncs(folder: Path, count: int = 200) -> float:
    """Milliseconds of one `fdatasync` of 4 kB, median."""
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(count):
            file.write(bytes(4_096))
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(1_000 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--serve", nargs=2, metavar=("HOME", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    with tempfile.TemporaryDirectory(prefix="concordat-bench-") as folder:
        (home,) = found(Path(folder), ("BRA",))
        fill(home, options.entries)
        port = 18_000 + os.getpid() % 2_000
        command = [sys.executable, __file__, "--serve", str(home), str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                ready = float(server.stdout.readline())
                used = asyncio.run(memory(port, server.pid, options.requests))
                rates = asyncio.run(throughput(port, options.seconds))
                beside = asyncio.run(beside_slow_clients(port, options.requests // 25))
                waits = sorted(asyncio.run(posts(port, home, options.entries, options.posts)))
            finally:
                server.terminate()
        disk = syncs(Path(folder))
    ratios = {n: [round(a / b, 3) for a, b in zip(rates[n], rates["bare"], strict=True)] for n in rates if n != "bare"}
    result = {
        "machine": machine(), "rates_per_s": {n: statistics.median(r) for n, r in rates.items()}, "runs": rates,
        "ratio_to_bare": {n: statistics.median(r) for n, r in ratios.items()}, "limits": LIMITS,
        "post_ms": {"p50": round(statistics.median(waits), 1), "p99": round(waits[int(len(waits) * 0.99) - 1], 1)},
        "post_p99_limit_ms": POST_P99_MS, "fdatasync_ms": round(disk, 2),
        "memory_mb": used | {"requests": options.requests, "entries": options.entries, "limit": MEMORY_MB},
        "tiles_beside_slow_clients": beside,
        "ready_s": {"entries": options.entries, "seconds": ready}, "ready_limit_s": {"entries": 100_000, "s": READY_S},
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if options.write:
        (RESULTS / "node-protocol-linux-x86_64-2-cores.json").write_text(
            json.dumps(result, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
