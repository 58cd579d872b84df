"""Do memory, SQLite and PostgreSQL give the same ledger for the same words? A process and a hash seed for each.

    python tests/clearing_differential.py --operations 1000000 --write     # the long form; a test runs a short one

Each process makes the same operations from the seed (`simulate.operations`, certificates from its own state among
them), submits them to its own host and steps it. A durable host is closed and opened again several times on the way,
and audited at the end. After every block the state root and the receipts go into a running hash, which is compared
every `EVERY` blocks and at the end: one bit of difference anywhere shows there. PYTHONHASHSEED differs between the
processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, operations, world
from concordat.errors import ConcordatError
from concordat.node.clearing import open_host, verify

EVERY = 250
KINDS = ("memory", "sqlite", "postgres")


def run_one(where: str, count: int, seed: int, reopen: int, audit: bool) -> dict[str, Any]:
    """One host over all operations: the running hash at every `EVERY` blocks, and at the end.

    Args:
        where: `memory`, a file, or an address of PostgreSQL. reopen: close and open again every so many blocks (0:
        never). audit: verify the whole ledger at the end, which applies every block again.
    """
    scheme = world().scheme
    host: Any = (
        MemoryHost(scheme, accept_all) if where == "memory" else open_host(where, scheme, verify_signatures=accept_all)
    )
    now = [host]  # the one that is open
    running, marks, blocks, receipts = bytes(32), [], 0, 0
    start = time.perf_counter()
    for turn in operations(seed, count, look=lambda: now[0]._settled_state(), real_signatures=False):
        for signed in turn.instructions:
            with suppress(ConcordatError):
                host.submit(signed)
        leaves = host.step(turn.time_ms).leaves
        blocks, receipts = blocks + 1, receipts + len(leaves)
        running = sha256(running + bytes.fromhex(host.state_root()) + b"\n".join(leaves)).digest()
        if blocks % EVERY == 0:
            marks.append(running.hex())
            if where == "memory":  # what was committed is not looked at again
                host.first_height += len(host.blocks)
                host.blocks.clear()
                host.leaves.clear()
        if reopen and blocks % reopen == 0 and where != "memory":
            waiting = dict(host._pool)
            host.close()
            host = open_host(where, verify_signatures=accept_all)
            host._pool.update(waiting)
            now[0] = host
    seconds = time.perf_counter() - start
    found = {"blocks": blocks, "receipts": receipts, "root": host.state_root(), "seconds": round(seconds)}
    if where != "memory":
        host.close()
        if audit:
            assert verify(where, verify=accept_all, invariants=False).state_root == found["root"]
    return {**found, "marks": [*marks, running.hex()]}


def in_process(where: str, hash_seed: int, *words: str) -> subprocess.Popen[str]:
    """`run_one` in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, __file__, "--one", where, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the process found."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def compare(found: dict[str, dict[str, Any]]) -> None:
    """The same marks everywhere.

    Raises:
        AssertionError: with the first place that differs.
    """
    first, *others = found
    for other in others:
        pairs = list(zip(found[first]["marks"], found[other]["marks"], strict=True))
        differs = next((place for place, (a, b) in enumerate(pairs) if a != b), None)
        assert differs is None, f"{first} and {other} differ before block {(differs or 0) * EVERY + EVERY}"
        assert found[first]["root"] == found[other]["root"]


def main() -> None:
    """All processes at once, then the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reopen", type=int, default=997)
    parser.add_argument("--hosts", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--write", action="store_true", help="store under benchmarks/results/")
    parser.add_argument(
        "--no-audit", action="store_true", help="don't apply every block of the durable ledgers once more"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        audit = not arguments.no_audit
        print(json.dumps(run_one(arguments.one, arguments.operations, arguments.seed, arguments.reopen, audit)))
        return
    words = [f"--operations={arguments.operations}", f"--seed={arguments.seed}", f"--reopen={arguments.reopen}"]
    if arguments.no_audit:
        words.append("--no-audit")
    with tempfile.TemporaryDirectory(prefix="concordat-") as folder, ExitStack() as stack:
        begun = {kind: _begin(kind, number, Path(folder), words, stack) for number, kind in enumerate(arguments.hosts)}
        found = {kind: {"hash_seed": number, **result_of(one)} for number, (kind, one) in enumerate(begun.items())}
    for kind, one in found.items():
        print(kind, {key: value for key, value in one.items() if key != "marks"}, flush=True)
    compare(found)
    print("the same roots and receipts in every block")
    if arguments.write:
        from clearing_results import store

        hosts = {kind: {key: value for key, value in one.items() if key != "marks"} for kind, one in found.items()}
        last = found[arguments.hosts[0]]["marks"][-1]
        store(
            "clearing-differential",
            {"operations": arguments.operations, "seed": arguments.seed, "hosts": hosts, "running_hash": last},
        )


def _begin(kind: str, hash_seed: int, folder: Path, words: list[str], stack: ExitStack) -> subprocess.Popen[str]:
    """Start the process of a host; a private server, where it needs one, is stopped with the stack."""
    if kind != "postgres":
        return in_process("memory" if kind == "memory" else str(folder / "ledger.db"), hash_seed, *words)
    from clearing_postgres_kit import Cluster

    cluster = Cluster(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="concordat-pg-", dir="/tmp"))))
    cluster.start()
    stack.callback(cluster.stop)
    return in_process(cluster.address("differential"), hash_seed, *words)


if __name__ == "__main__":
    main()
