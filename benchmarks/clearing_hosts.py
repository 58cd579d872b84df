"""How many durable transfers a second do the hosts take, and how long does a single one take, against raw limits?

    python benchmarks/clearing_hosts.py --write

Every figure is interleaved five times with its raw limit in the same run; what counts is the median of the five ratios.

- *SQLite, PostgreSQL (G1)*: signed batches of 1,000 transfers, from the bytes of their envelopes to blocks on the
  disk, eight batches a block, all rules, ids, receipts, roots, the index of receipts. Raw: `executemany` into one
  SQLite table (WAL, synchronous=FULL), 1,000 rows a transaction; `INSERT ... SELECT FROM unnest` into one PostgreSQL
  table, 1,000 rows a transaction, synchronous_commit on.
- *Single (G2)*: separately signed transfers, durable on SQLite in blocks of 1,000, signatures in two other processes.
  Raw: the same signatures on two threads, by PyNaCl where the extra [sign] is installed (ours verify by it too), and by
  `cryptography` for ours without it; `cryptography` on two processes and on one stand beside.
- *One (G3)*: from the bytes of one signed transfer to its block on the disk, a block each. Raw: 4 kB appended to a file
  and `fdatasync`, and the same written in place.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clearing_core import BATCHES, ROUNDS, ROWS, Bench, rate, raw_insert, raw_two, raw_verify
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from startup import RESULTS, machine

from concordat.clearing.core.apply import mark_checked, signature_work
from concordat.clearing.core.signatures import Signed
from concordat.clearing.verifiers import PooledVerifier, sodium
from concordat.node.clearing import open_host
from concordat.node.clearing.durable import DurableHost

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

BLOCKS, SINGLES, ONES = 4, 4_000, 1_500
LIMITS = {
    "sqlite_ratio": "0.15 (ambitious 0.30)",
    "postgres_ratio": "0.40 (ambitious 0.70)",
    "single_of_two_threads_pynacl_ratio": "0.60 (ambitious 0.80)",
    "single_of_two_threads_ratio": "0.60 (ambitious 0.80), without the extra [sign]",
    "one_p99_ratio": "4 (ambitious 2.5)",
}


class Durable(Bench):
    """The bench's members and money on a durable host."""

    def __init__(self, where: str | Path) -> None:
        super().__init__()
        memory = self.host
        self.host: DurableHost = open_host(where, self.scheme)
        for block in memory.blocks:
            self.host.finalise(block)
            self.host.commit()


def ours(bench: Durable, lots: list[list[bytes]]) -> float:
    """Transfers a second from bytes to the disk: while one block is being written the next is read and applied."""
    waiting: list[Future[str]] = []
    start = time.perf_counter()
    for data in lots:
        for one in data:
            bench.host.submit(Signed.read(one, "bench"))
        bench.now += 1_000
        bench.host.finalise(bench.host.propose(bench.now))
        waiting.append(bench.host.commit_later())
    for one in waiting:
        one.result()
    found = rate(len(lots) * BATCHES * ROWS, start)
    leaves = bench.host.block_leaves(bench.host.height)
    assert sum(b'"settled"' in leaf for leaf in leaves) >= BATCHES * ROWS, "transfers were refused"
    return found


def raw_unnest(address: str) -> float:
    """Rows a second into one table of PostgreSQL, 1,000 a durable transaction."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as db:
        db.execute("SET synchronous_commit = on")
        db.execute("DROP TABLE IF EXISTS transfers")
        db.execute("CREATE TABLE transfers (id bigint PRIMARY KEY, payer bigint, payee bigint, amount bigint)")
        rows = [(number, number % 200, number % 199, 1_000 + number) for number in range(BLOCKS * BATCHES * ROWS)]
        start = time.perf_counter()
        for first in range(0, len(rows), ROWS):
            columns = [list(column) for column in zip(*rows[first : first + ROWS], strict=True)]
            db.execute(
                "INSERT INTO transfers SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])",
                columns,
            )
        return rate(len(rows), start)


# --- Separately signed ------------------------------------------------------------------------------------------------


def ours_singles(data: list[bytes], bench: Durable, pool: ProcessPoolExecutor) -> float:
    """Signatures of the next lot are on their way while this one is applied and the last one written."""
    verifier, waiting, writing = PooledVerifier(pool), None, []
    start = time.perf_counter()
    for first in [*range(0, len(data), 1_000), None]:
        following = None
        if first is not None:
            read = [Signed.read(one, "bench") for one in data[first : first + 1_000]]
            items, marks = signature_work(bench.host.state, read)
            following = (read, marks, verifier.begin(items))
        if waiting is not None:
            lot, marks, verifying = waiting
            verifying.wait()
            mark_checked(marks)
            assert not any(bench.host.submit_all(lot)), "transfers were refused"
            bench.now += 1_000
            bench.host.finalise(bench.host.propose(bench.now))
            writing.append(bench.host.commit_later())
        waiting = following
    for one in writing:
        one.result()
    found = rate(len(data), start)
    leaves = bench.host.block_leaves(bench.host.height)
    assert all(b'"settled"' in leaf for leaf in leaves), "transfers were refused"
    return found


def two_threads(data: list[bytes], bench: Bench, make: Callable[[bytes], Callable[[bytes, bytes], Any]]) -> float:
    """Signatures a second by two threads that do nothing else; `make` gives a key's (signature, message) -> verdict."""
    keys = {name: make(secret.public) for name, secret in bench.secrets.items()}
    read = [Signed.read(one, "bench") for one in data]
    items = [(keys[one.instruction.member], one.signatures[0][1], one.message()) for one in read]

    done: list[int] = []

    def work(part: list[Any]) -> None:
        for verify, signature, message in part:
            verify(signature, message)
        done.append(len(part))

    threads = [threading.Thread(target=work, args=(items[place::2],)) for place in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = rate(len(items), start)
    assert sum(done) == len(items), "a thread failed"
    return found


def by_cryptography(public: bytes) -> Callable[[bytes, bytes], Any]:
    return Ed25519PublicKey.from_public_bytes(public).verify


def by_pynacl(public: bytes) -> Callable[[bytes, bytes], Any]:
    from nacl.signing import VerifyKey

    key = VerifyKey(public)
    return lambda signature, message: key.verify(message, signature)


# --- One at a time ----------------------------------------------------------------------------------------------------


def flush_times(path: Path, count: int, *, append: bool) -> list[float]:
    """Seconds of writing 4 kB and `fdatasync`, each."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    page, found = os.urandom(4096), []
    if not append:
        os.pwrite(handle, page * 64, 0)
        os.fsync(handle)
    for number in range(count):
        start = time.perf_counter()
        os.pwrite(handle, page, 4096 * (number if append else number % 64))
        os.fdatasync(handle)
        found.append(time.perf_counter() - start)
    os.close(handle)
    path.unlink()
    return found


def ones(bench: Durable, lot: list[bytes]) -> list[float]:
    """Seconds from the bytes of a transfer to its block on the disk, each."""
    found = []
    for data in lot:
        bench.now += 1_000
        start = time.perf_counter()
        bench.host.submit(Signed.read(data, "bench"))
        receipts = bench.host.step(bench.now)
        found.append(time.perf_counter() - start)
        assert b'"settled"' in receipts.leaves[0]
    return found


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure_one(bench: Durable, folder: Path) -> dict[str, float]:
    """G3: latencies of both, interleaved in slices so that a slow moment of the disk meets both."""
    ratios, ours_us, raw_us, place_us = [], [], [], []
    ones(bench, bench.singles()[:200])
    for _ in range(ROUNDS):
        data = bench.singles()
        mine: list[float] = []
        append: list[float] = []
        place: list[float] = []
        for first in range(0, ONES, ONES // 5):
            append += flush_times(folder / "raw.bin", ONES // 5, append=True)
            place += flush_times(folder / "raw.bin", ONES // 5, append=False)
            mine += ones(bench, data[first : first + ONES // 5])
        median = statistics.median(append)
        ratios.append((percentile(mine, 0.99) / median, percentile(mine, 0.99) / statistics.median(place)))
        ours_us.append((statistics.median(mine) * 1e6, percentile(mine, 0.99) * 1e6))
        raw_us.append(median * 1e6)
        place_us.append(statistics.median(place) * 1e6)
    middle = statistics.median
    return {
        "one_median_us": round(middle(a for a, _ in ours_us)),
        "one_p99_us": round(middle(b for _, b in ours_us)),
        "fdatasync_append_median_us": round(middle(raw_us)),
        "fdatasync_in_place_median_us": round(middle(place_us)),
        "one_p99_ratio": round(middle(a for a, _ in ratios), 2),
        "one_p99_of_in_place_ratio": round(middle(b for _, b in ratios), 2),
    }


# --- All --------------------------------------------------------------------------------------------------------------


def summed(name: str, rounds: list[tuple[float, float]]) -> dict[str, float]:
    return {
        f"{name}_per_s": round(statistics.median(mine for mine, _ in rounds)),
        f"{name}_raw_per_s": round(statistics.median(raw for _, raw in rounds)),
        f"{name}_ratio": round(statistics.median(mine / raw for mine, raw in rounds), 3),
    }


def measure_batches(bench: Durable, raw: Callable[[], float], name: str) -> dict[str, float]:
    """G1 on one host."""
    rounds = []
    for number in range(ROUNDS + 1):
        found = raw()
        mine = ours(bench, [bench.batches() for _ in range(BLOCKS)])
        if number:  # the first round is thrown away
            rounds.append((mine, found))
    return summed(name, rounds)


def measure_singles(bench: Durable, pools: dict[bool, ProcessPoolExecutor]) -> dict[str, float]:
    """G2: ours with and without libsodium (`pools`), against each raw limit of the same round."""
    peers: dict[str, tuple[bool, Callable[[list[bytes]], float]]] = {
        "single_of_two_threads": (False, lambda data: two_threads(data, bench, by_cryptography)),
        "single_of_two_processes": (False, lambda data: raw_two(data, bench, pools[False])),
        "single_of_one_process": (False, lambda data: raw_verify(data, bench)),
    }
    if True in pools:
        peers["single_of_two_threads_pynacl"] = (True, lambda data: two_threads(data, bench, by_pynacl))
    else:
        print("without the extra [sign]: not compared with PyNaCl", file=sys.stderr)
    for pool in pools.values():
        ours_singles(bench.singles()[:1_000], bench, pool)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for _ in range(ROUNDS):
        data = bench.singles()
        raw = {name: peer(data) for name, (_, peer) in peers.items()}
        mine = {fast: ours_singles(bench.singles(), bench, pool) for fast, pool in pools.items()}
        for name, limit in raw.items():
            found[name].append((mine[peers[name][0]], limit))
    return {key: value for name, rounds in found.items() for key, value in summed(name, rounds).items()}


def _without_libsodium() -> None:
    """What a process of the pool does first: it is to find no PyNaCl."""
    sys.modules["nacl.bindings"] = None  # type: ignore[assignment]
    sodium.cache_clear()


@contextmanager
def two_pools() -> Iterator[dict[bool, ProcessPoolExecutor]]:
    """By whether they may use libsodium; only the one without where it isn't installed."""
    with ProcessPoolExecutor(2, initializer=_without_libsodium) as plain:
        if sodium() is None:
            yield {False: plain}
            return
        with ProcessPoolExecutor(2) as fast:
            yield {False: plain, True: fast}


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store under results/")
    parser.add_argument("--only", nargs="+", default=["sqlite", "postgres", "single", "one"])
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="concordat-") as name, two_pools() as pools:
        folder = Path(name)
        if "sqlite" in arguments.only:
            bench = Durable(folder / "batches.db")
            found.update(measure_batches(bench, lambda: raw_insert(folder / "raw.db"), "sqlite"))
            bench.host.close()
        if "single" in arguments.only:
            found.update(measure_singles(Durable(folder / "singles.db"), pools))
        if "one" in arguments.only:
            found.update(measure_one(Durable(folder / "ones.db"), folder))
        if "postgres" in arguments.only:
            found.update(_postgres())
    found.update(limits=LIMITS, sqlite_version=sqlite3.sqlite_version, machine=machine())
    print(json.dumps(found, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system, cores = machine()["system"].replace(" ", "-").lower(), machine()["cores"]
        file = RESULTS / f"clearing-hosts-{system}-{cores}-cores.json"
        old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        found.update(measured_last=sorted(arguments.only))  # what else stands there is of an earlier run
        file.write_text(json.dumps({**old, **found}, indent=2) + "\n", encoding="utf-8")


def _postgres() -> dict[str, float]:
    from clearing_postgres_kit import Cluster, binaries

    if binaries() is None:
        print("no PostgreSQL server here: not measured", file=sys.stderr)
        return {}
    with tempfile.TemporaryDirectory(prefix="concordat-pg-") as name:
        cluster = Cluster(Path(name))
        cluster.start()
        try:
            bench = Durable(cluster.address("bench"))
            return measure_batches(bench, lambda: raw_unnest(cluster.address("raw")), "postgres")
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
