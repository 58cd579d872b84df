"""Random exports, good and bad, and whether the two auditors come to one verdict.

`python tests/two_auditors.py --exports 10000` is the long run; the property tests hold a short one. Members exchange
messages in a random order with losses, so that an export ends anywhere: nothing witnessed, half mirrored, a view begun.
Half of the exports are then changed: a byte, a file that is missing, doubled, cut, swapped, or added.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from concordat.errors import ConcordatError
from concordat.ledger.offline_verify import Failed, verify_export
from concordat.ledger.replica import Replica
from concordat.node.audit import audit
from concordat.node.publish import export
from simulation.keys import NAMES, chain, signer

START = 1_900_000_000
CHANGES = ("byte", "missing", "double", "cut", "swap", "added", "note", "reorder")


def play(rng: random.Random) -> Replica:
    """A bloc that has talked for a while; one member's view of it."""
    n = rng.choice((1, 1, 2, 3, 4, 4))
    replicas = {name: Replica(signer(name), chain(n)) for name in NAMES[:n]}
    queue: list[tuple[str, str, Any]] = []
    now = START
    for _ in range(rng.randint(1, 12)):
        name = rng.choice(NAMES[:n])
        now += rng.randint(0, 90)
        if rng.random() < 0.6:
            scope = rng.choice(("council", "council", "exchange"))
            _, out = replicas[name].write("Said", {"word": f"{rng.random()}"}, scope, now)
        elif n > 1 and rng.random() < 0.15:
            now += 3600
            out = [item for r in replicas.values() for item in r.tick(now)]
        else:
            out = replicas[name].tick(now)
        queue += [(name, to, message) for to, message in out]
        for _ in range(rng.choice((0, 3, 30, 300))):
            if not queue:
                break
            sender, to, message = queue.pop(rng.randrange(len(queue)) if rng.random() < 0.2 else 0)
            if rng.random() < 0.05:
                continue
            queue += [(to, other, m) for other, m in replicas[to].handle(sender, message, now)]
    return replicas[rng.choice(NAMES[:n])]


def change(folder: Path, rng: random.Random) -> str:
    """Spoil an export in one way; which."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    path, other = rng.choice(files), rng.choice(files)
    kind = rng.choice(CHANGES)
    data = path.read_bytes()
    if kind == "byte":
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
    elif kind == "missing":
        path.unlink()
    elif kind == "double":
        path.write_bytes(data + data)
    elif kind == "cut":
        path.write_bytes(data[: rng.randrange(len(data))])
    elif kind == "swap":
        path.write_bytes(other.read_bytes())
        other.write_bytes(data)
    elif kind == "added":
        (folder / rng.choice(("notes", "logs", "votes", ".")) / "extra").parent.mkdir(exist_ok=True)
        (folder / rng.choice(("notes", "logs", "votes", ".")) / "extra").parent.mkdir(exist_ok=True)
        (folder / "extra").write_bytes(data)
    elif kind == "note":
        heads = sorted(folder.rglob("checkpoint")) or [path]
        lines = heads[0].read_text(encoding="utf-8", errors="replace").split("\n")
        lines.pop(rng.randrange(len(lines)))
        heads[0].write_text("\n".join(lines), encoding="utf-8")
    else:
        lines = data.split(b"\n")
        rng.shuffle(lines)
        path.write_bytes(b"\n".join(lines))
    return f"{kind} {path.relative_to(folder)}"


def verdicts(folder: Path, pinned: str) -> tuple[str, str]:
    """The program's verdict, and the stand-alone verifier's: `good ...` with sizes and finality, or `bad`."""
    try:
        found = audit(folder, pinned)
        final = f"view {found.final.view} batch {found.final.batch}" if found.final else "nothing"
        ours = f"good {sorted(found.sizes.items())} {final}"
    except ConcordatError as error:
        ours = f"bad {error}"
    try:
        lines = verify_export(folder, trust=pinned)
    except Failed as failed:
        return ours, f"bad {failed}"
    sizes = {}
    final = "nothing"
    for line in lines:
        if line.startswith("log "):
            origin, _, rest = line.removeprefix("log ").partition(": ")
            sizes[origin] = int(rest.split()[0].replace(",", ""))
        if line.startswith("council: ") and "final to " in line:
            final = line.partition("final to ")[2]
    return ours, f"good {sorted(sizes.items())} {final}"


def one(seed: int) -> dict[str, Any]:
    """One random export: whether the two agree."""
    rng = random.Random(f"two auditors {seed}")
    folder = Path(tempfile.mkdtemp(prefix="concordat-export-"))
    try:
        replica = play(rng)
        export(replica, folder)
        spoiled = change(folder, rng) if rng.random() < 0.5 else ""
        ours, theirs = verdicts(folder, replica.chain.pinned)
    finally:
        shutil.rmtree(folder)
    same = ours == theirs if ours.startswith("good") or theirs.startswith("good") else True
    wrong = not spoiled and not ours.startswith("good")
    good = ours.startswith("good")
    return {"seed": seed, "agree": same and not wrong, "good": good, "spoiled": spoiled, "ours": ours, "theirs": theirs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    started = time.perf_counter()
    seeds = range(options.first, options.first + options.exports)
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(one, seeds, chunksize=20))
    odd = [r for r in results if not r["agree"]]
    summary = {
        "exports": len(results),
        "first": options.first,
        "spoiled": sum(bool(r["spoiled"]) for r in results),
        "good": sum(r["good"] for r in results),
        "disagreements": len(odd),
        "seconds": round(time.perf_counter() - started, 1),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
    }
    print(json.dumps(summary, indent=1))
    for r in odd[:20]:
        print(json.dumps(r, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
