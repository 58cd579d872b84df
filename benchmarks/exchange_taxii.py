"""How fast are 10,000 incident objects read over HTTP, 50 a page? `python benchmarks/exchange_taxii.py [--write]`.

A node in a process of its own listens on loopback; a client reads a collection to its end, page by page, with a
password. Read are 10,000 objects that the reader may have; as many that lie among four times as many that it may not
have (nothing of those may cost it time); and 1,000, turn by turn with the same 1,000 at medallion 3.0.0, which its
memory backend loads from a file. Medallion is compared if this interpreter has it, or `--medallion` names one that has;
it looks through everything again for each page, so it is asked for 1,000 alone. Objects are stored in one transaction,
through the part of the node that stores those of members; that is timed as well.

`--many` reads 100,000 besides, and tells how much longer one object takes there than among 10,000. Acceptance
(exchange.md 14, row 7): 10,000 in 5 s; the wish is 2 s, linear to 10^5. It ends in less than a minute and a half,
without `--many`. Row 8 has a command of its own: `python tests/exchange_tlp_world.py 1000000`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "conformance" / "taxii"))
import requests

from concordat.exchange.incidents.taxii import New
from concordat.exchange.incidents.tlp import Tlp
from concordat.node.taxii_routes import make_account
from taxii_kit import MEMBERS, campaign, running

ACCEPT_S, WISH_S = 5.0, 2.0
PAGE, COUNT, MANY, THEIRS, HIDDEN = 50, 10_000, 100_000, 1_000, 4
ACCEPT = {"accept": "application/taxii+json;version=2.1"}


def made(number: int, label: Tlp = Tlp.GREEN) -> dict[str, Any]:
    """An object of some 600 bytes."""
    return campaign(number, label, description="An operation against payment switches. " * 5)


def fill(store: Any, topic: str, count: int, hidden: int = 0) -> tuple[str, float]:
    """A collection with so many objects for every member, each behind so many RED ones; its id, and the seconds."""
    ceiling = Tlp.RED if hidden else Tlp.GREEN
    name = store.make_collection("brics", topic, ceiling, topic, ["BRA"]).id
    labels = [*[Tlp.RED] * hidden, Tlp.GREEN]
    stored = [New.of(made(number, labels[number % len(labels)])) for number in range(count * len(labels))]
    start = time.perf_counter()
    with store.change():
        store.add(name, "BRA:node", frozenset(), stored)
    return name, time.perf_counter() - start


def serve(home: Path, many: bool) -> None:
    """The node, until its input ends; its address and what it holds stand in the first line that it prints."""
    with running(home) as (url, store):
        wanted = [("1000", THEIRS, 0), ("10000", COUNT, 0), ("10000_among_40000_hidden", COUNT, HIDDEN)]
        held = {name: fill(store, f"t{name}", *how) for name, *how in wanted + [("100000", MANY, 0)] * many}
        password = make_account(store, "IND", "cert", "", MEMBERS)
        sys.stdout.write(json.dumps({"url": url, "password": password, "held": held}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextlib.contextmanager
def node(folder: Path, many: bool) -> Iterator[dict[str, Any]]:
    """A node in a process of its own."""
    from unit_node import found

    command = [sys.executable, __file__, "--serve", str(found(folder)[0]), *(["--many"] if many else [])]
    # An unknown setting is refused: that of the tests names medallion, which is nothing to a node.
    known = {name: value for name, value in os.environ.items() if name != "CONCORDAT_MEDALLION"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=known) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


@contextlib.contextmanager
def medallion(folder: Path, interpreter: str) -> Iterator[str]:
    """The reference server with 1,000 objects from a file: the address of its collection; empty if it is not here."""
    import test_taxii_client as peer

    peer.JUDGE = interpreter or peer.JUDGE
    if not peer.JUDGE:
        yield ""
        return
    objects = [made(number) for number in range(THEIRS)]
    stamps = [f"2026-05-04T09:{number // 60:02d}:{number % 60:02d}.000000Z" for number in range(THEIRS)]
    manifest = [
        {"id": one["id"], "version": one["modified"], "date_added": added,
         "media_type": "application/stix+json;version=2.1"}
        for one, added in zip(objects, stamps, strict=True)
    ]  # fmt: skip
    with peer.medallion(folder, objects, manifest) as url:
        yield url


def read(session: requests.Session, address: str) -> tuple[float, int]:
    """Seconds until the last page, and how many objects came."""
    start, count, following = time.perf_counter(), 0, ""
    while True:
        asked = {"limit": PAGE, **({"next": following} if following else {})}
        answer = session.get(address, params=asked, timeout=600)
        if answer.status_code == 429:  # over 200 requests a second
            time.sleep(float(answer.headers["retry-after"]))
            continue
        page = answer.json()
        count += len(page.get("objects", []))
        if not page.get("more"):
            return time.perf_counter() - start, count
        following = page["next"]


def client(user: str, password: str) -> requests.Session:
    """A reader."""
    session = requests.Session()
    session.headers.update(ACCEPT)
    session.auth = (user, password)
    return session


def measure(rounds: int, many: bool, interpreter: str) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of each reading, in turn, the first round thrown away; and those of storing."""
    times: dict[str, list[float]] = {}
    folder = Path(tempfile.mkdtemp())
    with node(folder, many) as ours, medallion(folder, interpreter) as theirs:
        reader, other = client("IND/cert", ours["password"]), client("u", "p")
        at = {f"ours_{name}": f"{ours['url']}/taxii2/brics/collections/{c}/objects/"
              for name, (c, _) in ours["held"].items()}  # fmt: skip
        at |= {"medallion_1000": f"{theirs}objects/"} if theirs else {}
        for number in range(rounds + 1):
            for name, address in at.items():
                if name == "medallion_1000" and not number:
                    continue  # it has read its file before it listens
                seconds, came = read(other if name == "medallion_1000" else reader, address)
                assert came == int(name.split("_")[1]), (name, came)
                times.setdefault(name, []).append(seconds)
    stored = {name: round(seconds, 3) for name, (_, seconds) in ours["held"].items()}
    return {name: [round(one, 3) for one in found[-rounds:]] for name, found in times.items()}, stored


def main() -> int:
    """Measure, print, and keep the figures if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", action="store_true", help=f"read {MANY:,} objects as well")
    parser.add_argument("--medallion", default="", help="an interpreter that has medallion 3.0.0")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.many)
        return 0
    runs, stored = measure(arguments.rounds, arguments.many, arguments.medallion)
    middle = {name: statistics.median(found) for name, found in runs.items()}
    theirs = middle.get("medallion_1000")
    figures = {
        "accept_s": ACCEPT_S, "wish_s": WISH_S, "machine": machine(), "page": PAGE, "runs_s": runs,
        "seconds": middle, "stored_s": stored,
        "hidden_over_open": round(middle["ours_10000_among_40000_hidden"] / middle["ours_10000"], 2),
        "compared": "medallion 3.0.0" if theirs else "not compared: medallion is not here",
        **({"medallion_over_ours": round(theirs / middle["ours_1000"], 1)} if theirs else {}),
        **({"growth": round(middle["ours_100000"] / middle["ours_10000"] / (MANY / COUNT), 2)}
           if arguments.many else {}),
    }  # fmt: skip
    print(json.dumps(figures, indent=2, sort_keys=True))
    if arguments.write:
        path = RESULTS / "exchange_taxii-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)
    return 0 if middle["ours_10000"] <= ACCEPT_S else 1


if __name__ == "__main__":
    sys.exit(main())
