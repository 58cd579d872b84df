"""What do the pages of a node cost beside a bare answer of the same server? `python benchmarks/web_pages.py --write`.

One server process runs a node of one member with its pages over the packaged release (uvicorn, httptools, uvloop), and
a bare Starlette route beside them; one client of ours asks over kept connections on loopback. All cases are taken in
turn, five times after one that is thrown away; what counts is the median of the five ratios to the bare answer of the
same turn. Limits are taken off: they are what a benchmark would measure otherwise.

- *Cached, same*: the gzipped page of a member as it is given again, and 304 to a reader that has it (row 5).
- *New*: milliseconds of a page made anew over the open release, its charts drawn before, and with a chart that was not
  (row 6); in this process, without a server.
- *Beside*: the slowest hundredth of cached pages while 500 clients read one byte a second, a job runs and the node
  answers its peers' heads, against the same on a node that does nothing else (row 7).
- *Memory*: of the server's process after `--requests` requests, with `--entries` entries in its log, and how much it
  grows over as many again (row 9).
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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CONNECTIONS, TURNS, SLOW = 32, 5, 500
PAGE = "/place/BRA"
CASES = ["new", "rates", "beside", "memory"]
LIMITS = {
    "cached_ratio": "0.40 (ambitious 0.70)",
    "same_ratio": "0.60 (ambitious 0.90)",
    "new_p50_ms": "60 (ambitious 25)",
    "new_with_chart_p50_ms": "400 (ambitious 150)",
    "beside_p99_ratio": "5 (ambitious 2)",
    "memory_mb": "250 (ambitious 150)",
    "growth_percent": "5 (ambitious 1)",
}


def serve(home: Path, evidence: Path, port: int, known: int) -> None:
    """The server's process: a node with its pages without limits, and a bare route beside them."""
    import uvicorn
    import uvloop
    from starlette.responses import Response
    from starlette.routing import Route

    from concordat.figures.drawer import drawing_elsewhere
    from concordat.node import limits
    from concordat.node.heap import few_heaps
    from concordat.node.http_bounds import bounded
    from concordat.node.server import routes
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from concordat.settings import Settings
    from concordat.web.app import create_app
    from concordat.web.live import LiveSite
    from concordat.web.reader import Reader
    from unit_node import found

    few_heaps()  # as `node serve` does
    for name in list(limits.LIMITS):
        limits.LIMITS[name] = limits.Limit(name, 1e9, 1e9)
    if not (home / "BRA").exists():
        found(home, ("BRA",))
    home = home / "BRA" / "home"
    given = {"disk_reserve_mb": 0, "public_url": f"http://127.0.0.1:{known}", "listen": f"127.0.0.1:{port}"}

    async def bare(_: Any) -> Response:
        return Response(b"bare\n", 200, None, "text/plain")

    async def run() -> None:
        from concordat.node.home import Node

        service = Service(Node(home), NodeSettings.load(given, environment={}, file=Path(os.devnull)))
        await service.start()
        site = LiveSite(service, lambda: Reader(Settings(data_dir=evidence), "BRICS"), forms=False)
        app = create_app(site, [*routes(service), Route("/bare", bare), Route("/busy", _busy)])
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, http=bounded(["127.0.0.1"]), ws="none", lifespan="off",
            access_log=False, log_level="critical", server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        print("ready", flush=True)
        await task
        await service.close()

    with drawing_elsewhere(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def _busy(_: Any) -> Any:
    """Begin a job of some seconds in a process of its own, as the job runner does."""
    from starlette.responses import Response

    subprocess.Popen([sys.executable, "-c", "sum(n * n for n in range(60_000_000))"], preexec_fn=lambda: os.nice(10))
    return Response(b"begun\n")


def get(port: int, path: str, *more: str) -> bytes:
    """A request."""
    lines = [f"GET {path} HTTP/1.1", f"host: 127.0.0.1:{port}", "accept-encoding: gzip", *more, "", ""]
    return "\r\n".join(lines).encode()


async def read(reader: asyncio.StreamReader) -> bytes:
    """One answer: its head; the body is read and thrown away."""
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.find(b"content-length: ")
    if at >= 0:
        await reader.readexactly(int(head[at + 16 : head.index(b"\r", at)]))
    return head


async def times(port: int, request: bytes, seconds: float, connections: int = CONNECTIONS) -> list[float]:
    """Milliseconds of each answer."""
    found: list[float] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            writer.write(request)
            await read(reader)
            found.append(1_000 * (time.perf_counter() - began))
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return found


async def rates(port: int, seconds: float) -> dict[str, Any]:
    """Row 5."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(port, PAGE))
    head = await read(reader)
    writer.close()
    tag = next(line[6:].decode() for line in head.split(b"\r\n") if line.startswith(b"etag: "))
    cases = {"bare": get(port, "/bare"), "cached": get(port, PAGE), "same": get(port, PAGE, f"if-none-match: {tag}")}
    found: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(TURNS + 1):
        for name, request in cases.items():
            measured = len(await times(port, request, seconds)) / seconds
            if turn:
                found[name].append(measured)
    middle = statistics.median
    said: dict[str, Any] = {f"{name}_per_s": round(middle(values)) for name, values in found.items()}
    for name in ("cached", "same"):
        said[f"{name}_ratio"] = round(middle(a / b for a, b in zip(found[name], found["bare"], strict=True)), 3)
    return said


async def beside(port: int, seconds: float) -> dict[str, Any]:
    """Row 7: p99 of cached pages by eight readers, alone and beside slow clients, a job and peers."""
    request = get(port, PAGE)
    ratios, alone_ms, busy_ms = [], [], []
    for turn in range(TURNS + 1):
        alone = p99(await times(port, request, seconds, 8))
        slow = [asyncio.ensure_future(trickle(port, seconds + 1)) for _ in range(SLOW)]
        # With two of peers, eight readers and the job all stay below the node's 512 connections.
        peers = asyncio.ensure_future(times(port, get(port, "/sync/heads"), seconds, 2))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get(port, "/busy"))
        await read(reader)
        writer.close()
        busy = p99(await times(port, request, seconds, 8))
        await peers
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        if turn:
            ratios.append(busy / alone)
            alone_ms.append(alone)
            busy_ms.append(busy)
    middle = statistics.median
    return {
        "alone_p99_ms": round(middle(alone_ms), 2),
        "beside_p99_ms": round(middle(busy_ms), 2),
        "beside_p99_ratio": round(middle(ratios), 2),
    }


async def trickle(port: int, seconds: float) -> None:
    """A client that sends a byte of its request a second."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        for byte in get(port, PAGE)[: int(seconds)]:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)
    except OSError:
        return
    finally:
        writer.close()  # its place is needed by the next turn


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def new_pages(evidence: Path) -> dict[str, Any]:
    """Row 6: view, layout and HTML of a page over the open release, in milliseconds."""
    from concordat import clock
    from concordat.settings import Settings
    from concordat.web import html
    from concordat.web.reader import Reader
    from concordat.web.respond import Site
    from concordat.web.site import pages

    with clock.fixed("2026-11-22"):
        site = Site(Reader(Settings(data_dir=evidence), "BRICS"), pages())
        ids = sorted(site.reader.inputs().catalogue.indicators)
        asked = [site.addresses.parse(f"/place/{area}") for area in site.reader.inputs().who.members]
        asked += [site.addresses.parse(f"/indicator/{one}") for one in ids]
        made: dict[str, list[float]] = {"charts before": [], "new chart": []}
        for name in ("thrown away", "charts before", "new chart"):
            for one in asked:
                if name == "new chart":
                    html._drawn.cache_clear()
                began = time.perf_counter()
                body = site.bytes_of(replace(one), "en", site.place(one))
                if name in made and (name != "new chart" or b"<svg" in body):
                    made[name].append(1_000 * (time.perf_counter() - began))
    return {
        "new_p50_ms": round(statistics.median(made["charts before"]), 1),
        "new_p99_ms": round(p99(made["charts before"]), 1),
        "new_with_chart_p50_ms": round(statistics.median(made["new chart"]), 1),
        "pages_made": len(asked),
    }


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1_000
    raise LookupError(pid)


async def many(port: int, count: int) -> None:
    """That many requests for pages of all kinds, in turn."""
    paths = [PAGE, "/", "/rules", "/divide", "/indicator/internet_users_pct", "/quality", "/place/CHN.json", "/about"]

    async def one(place: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(count // CONNECTIONS):
            writer.write(get(port, paths[(number + place) % len(paths)]))
            await read(reader)
        writer.close()

    await asyncio.gather(*(one(place) for place in range(CONNECTIONS)))


def fill_log(folder: Path, entries: int) -> None:
    """A node with a long log, for the server's process to find."""
    from node_protocol import fill

    from unit_node import found

    (home,) = found(folder, ("BRA",))
    fill(home, entries)


def memory(port: int, pid: int, requests: int) -> dict[str, Any]:
    """Row 9, as far as pages go."""
    asyncio.run(many(port, requests))
    first = resident(pid)
    asyncio.run(many(port, requests))
    second = resident(pid)
    return {
        "requests": requests,
        "memory_mb": round(first, 1),
        "growth_percent": round(100 * (second - first) / first, 2),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each case")
    parser.add_argument("--requests", type=int, default=100_000, help="before memory is looked at")
    parser.add_argument("--entries", type=int, default=100_000, help="in the log while memory is looked at")
    parser.add_argument("--only", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--write", action="store_true", help="store under results/")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=4, metavar=("HOME", "EVIDENCE", "PORT", "KNOWN"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(Path(arguments.serve[0]), Path(arguments.serve[1]), *map(int, arguments.serve[2:]))
        return
    if arguments.fill is not None:
        fill_log(arguments.fill, arguments.entries)
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="concordat-") as name:
        folder = Path(name)
        evidence = folder / "evidence"
        fill(evidence)
        if "new" in arguments.only:
            found.update(new_pages(evidence))
        if {"rates", "beside"} & set(arguments.only):
            found.update(served(folder, evidence, arguments))
        if "memory" in arguments.only:
            found.update(remembered(folder / "long", evidence, arguments))
    found.update(limits=LIMITS, machine=machine())
    print(json.dumps(found, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system, cores = machine()["system"].replace(" ", "-").lower(), machine()["cores"]
        some = "" if set(arguments.only) == set(CASES) else "".join(f"-{case}" for case in arguments.only)
        path = RESULTS / f"web-pages{some}-{system}-{cores}-cores.json"  # a part never takes the place of the whole
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def fill(evidence: Path) -> None:
    """A store with the packaged data."""
    from concordat.evidence import load_catalogue, open_store
    from concordat.evidence.embedded import ensure_embedded

    with open_store(evidence) as store:
        ensure_embedded(store, load_catalogue())


@contextmanager
def server(
    folder: Path, evidence: Path, line: Callable[[int], tuple[Any, int]] | None = None
) -> Iterator[tuple[Any, int, int]]:
    """The server's process: (line, the port under which readers know it, its process id).

    Args:
        line: given the server's port, lays a line to it and says where that begins.
    """
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    laid, known = line(port) if line is not None else (None, port)
    command = [sys.executable, web_pages_file(), "--serve", str(folder / "node"), str(evidence), str(port), str(known)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready", "the server did not start"
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield laid, known, process.pid
        finally:
            process.terminate()
            process.wait(30)


def web_pages_file() -> str:
    """This file: what a server's process is started from, whoever asks."""
    return str(Path(__file__))


def served(folder: Path, evidence: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All that needs the server."""
    found: dict[str, Any] = {}
    with server(folder, evidence) as (_, port, _pid):
        if "rates" in arguments.only:
            found.update(asyncio.run(rates(port, arguments.seconds)))
        if "beside" in arguments.only:
            found.update(asyncio.run(beside(port, arguments.seconds)))
    return found


def remembered(folder: Path, evidence: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Memory of a server with a long log."""
    if arguments.entries:  # in a process of its own, so that this one stays small
        filled = [sys.executable, web_pages_file(), "--fill", str(folder / "node"), "--entries", str(arguments.entries)]
        subprocess.run(filled, check=True, timeout=1_800)
    with server(folder, evidence) as (_, port, pid):
        return {"entries": arguments.entries, **memory(port, pid, arguments.requests)}


if __name__ == "__main__":
    main()
