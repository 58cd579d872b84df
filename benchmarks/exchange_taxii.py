"""How fast are 10,000 incident objects read over HTTP, 50 a page? `python benchmarks/exchange_taxii.py [--write]`.

A node in this process listens on loopback; a client reads a collection to its end, page by page, with a password, turn
by turn with the same objects at medallion 3.0.0, if CONCORDAT_MEDALLION names an interpreter that has it (its server
filters everything again for each page, so it is asked for 1,000 objects alone). Also: the same with 100,000 objects,
and the growth from 10,000 to them. Acceptance (exchange.md 14, row 7): 10,000 in 5 s; the wish is 2 s, linear to 10^5.

Row 8 has a command of its own: `python tests/exchange_tlp_world.py 1000000`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
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
from unit_node import found

ACCEPT_S, WISH_S = 5.0, 2.0
PAGE, COUNT, MANY, THEIRS = 50, 10_000, 100_000, 1_000
ACCEPT = {"accept": "application/taxii+json;version=2.1"}


def fill(store: Any, topic: str, count: int) -> str:
    """A collection with so many objects; its id."""
    made = store.make_collection("brics", topic, Tlp.GREEN, topic, ["BRA"])
    for start in range(0, count, 5_000):
        new = [New(one["id"], one["modified"], one) for one in map(_green, range(start, min(start + 5_000, count)))]
        with store.change():
            store.add(made.id, "BRA:node", frozenset(), new)
    found_id: str = made.id
    return found_id


def _green(number: int) -> dict[str, Any]:
    return campaign(number, Tlp.GREEN, description="An operation against payment switches. " * 5)


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


def main() -> int:
    """Measure, print, and keep the figures if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"accept_s": ACCEPT_S, "wish_s": WISH_S}
    folder = Path(tempfile.mkdtemp())
    with running(found(folder)[0]) as (url, store):
        session = requests.Session()
        session.headers.update(ACCEPT)
        session.auth = ("IND/cert", make_account(store, "IND", "cert", "", MEMBERS))
        names = {count: fill(store, f"t{count}", count) for count in (THEIRS, COUNT, MANY)}
        address = lambda count: f"{url}/taxii2/brics/collections/{names[count]}/objects/"  # noqa: E731
        times: dict[str, list[float]] = {"ours_1000": [], "ours_10000": [], "medallion_1000": []}
        with _medallion(folder) as theirs:
            for _ in range(arguments.rounds):
                for name, count in (("ours_1000", THEIRS), ("ours_10000", COUNT)):
                    seconds, came = read(session, address(count))
                    assert came == count
                    times[name].append(seconds)
                if theirs:
                    other = requests.Session()
                    other.headers.update(ACCEPT)
                    other.auth = ("u", "p")
                    times["medallion_1000"].append(read(other, theirs + "objects/")[0])
        many, came = read(session, address(MANY))
        assert came == MANY
    best = {name: round(min(values), 3) for name, values in times.items() if values}
    growth = round(many / (MANY / COUNT * best["ours_10000"]), 2)
    figures |= {"machine": machine(), "seconds": best, "ours_100000": round(many, 3), "growth": growth}
    figures["compared"] = "medallion 3.0.0" if "medallion_1000" in best else "not compared: medallion is not here"
    print(json.dumps(figures, indent=2, sort_keys=True))
    if arguments.write:
        path = RESULTS / "exchange_taxii-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)
    return 0 if best["ours_10000"] <= ACCEPT_S else 1


def _medallion(folder: Path) -> Any:
    """The reference server with 1,000 objects: the address of its collection, or nothing if it is not here."""
    import contextlib

    @contextlib.contextmanager
    def served() -> Any:
        import test_taxii_client as peer

        if not peer.JUDGE:
            yield ""
            return
        with peer.medallion(folder) as url:
            head = {**ACCEPT, "content-type": ACCEPT["accept"]}
            envelope = json.dumps({"objects": [_green(number) for number in range(THEIRS)]})
            requests.post(
                url + "objects/", data=envelope, headers=head, auth=("u", "p"), timeout=600
            ).raise_for_status()
            yield url

    return served()


if __name__ == "__main__":
    sys.exit(main())
