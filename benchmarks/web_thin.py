"""How long does a reader on a thin line wait for the first page? `python benchmarks/web_thin.py --write`.

Chromium with an empty cache opens the first page of a node through a line of ours on loopback: 50 kbit/s in all (every
connection shares it) and 500 ms there and back, which a new connection pays as well (row 2 of the specification's
acceptance table: 8 s, ambitious 4). Then a page of a member, from there; then the first page again, of which the reader
has the bytes. Five times; medians, with the bytes that went over the line. The bound that the line itself sets stands
beside: bytes / rate + three round trips.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import web_pages
from startup import RESULTS, machine

RATE, ROUND_S, TURNS = 50_000 / 8, 0.5, 5
GOAL = "home: 8 s (ambitious 4 s)"


class Thin:
    """The line: a proxy whose connections share one rate, with half the round trip each way."""

    def __init__(self, target: int) -> None:
        self.target, self.moved = target, 0
        self._free = [0.0, 0.0]  # when the line is free again, there and back

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        await asyncio.sleep(ROUND_S)  # the handshake
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            await asyncio.gather(self._pump(reader, back, 0), self._pump(there, writer, 1))
        except OSError:
            pass
        finally:
            back.close()
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(512):
            self._free[way] = max(self._free[way], loop.time()) + len(data) / RATE
            self.moved += len(data)
            loop.call_at(self._free[way] + ROUND_S / 2, writer.write, data)
            await asyncio.sleep(max(0.0, self._free[way] - loop.time() - 0.2))  # a fifth of a second ahead at most
        loop.call_at(max(self._free[way], loop.time()) + ROUND_S / 2 + 0.01, writer.close)
        await asyncio.sleep(ROUND_S)


def lay(port: int) -> tuple[Thin, int]:
    """Start a line in a thread of its own; the port at which it begins."""
    line, ready, found = Thin(port), threading.Event(), []

    async def run() -> None:
        server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait(10)
    return line, found[0]


def opened(browser: Any, line: Thin, address: str) -> dict[str, list[float]]:
    """Seconds and bytes of the first page, of a member's page from there, and of the first page again."""
    found: dict[str, list[float]] = {}
    context = browser.new_context()
    page = context.new_page()
    for name, path in (("home", "/"), ("member", "/place/BRA"), ("home_again", "/")):
        before, began = line.moved, time.perf_counter()
        page.goto(address + path, wait_until="load", timeout=120_000)
        found[name] = [time.perf_counter() - began, line.moved - before]
    context.close()
    return found


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store under results/")
    arguments = parser.parse_args()
    import shutil

    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    runs: list[dict[str, list[float]]] = []
    with tempfile.TemporaryDirectory(prefix="concordat-") as name, sync_playwright() as playwright:
        folder = Path(name)
        web_pages.fill(folder / "evidence")
        with web_pages.server(folder, folder / "evidence", lay) as (line, port, _):
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for turn in range(TURNS + 1):
                found = opened(browser, line, f"http://127.0.0.1:{port}")
                if turn:
                    runs.append(found)
            browser.close()
    said: dict[str, Any] = {"goal": GOAL}
    for name in runs[0]:
        seconds, moved = (statistics.median(run[name][place] for run in runs) for place in range(2))
        said[name] = {
            "seconds": round(seconds, 2), "bytes": round(moved), "of_line_s": round(moved / RATE + 3 * ROUND_S, 2)
        }  # fmt: skip
    said["machine"] = machine()
    print(json.dumps(said, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system, cores = machine()["system"].replace(" ", "-").lower(), machine()["cores"]
        (RESULTS / f"web-thin-{system}-{cores}-cores.json").write_text(
            json.dumps(said, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
