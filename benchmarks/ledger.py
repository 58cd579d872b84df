"""How many signed events does one machine make durable, how long does one wait, and how large may a log grow?

Beside each figure stands the raw limit of the same run: SQLite appending rows of the same size with the same settings,
and `cryptography` signing and verifying alone.

    .venv/bin/python benchmarks/ledger.py                 events a second and the wait of single events, 60 s each
    .venv/bin/python benchmarks/ledger.py --seconds 10    shorter
    .venv/bin/python benchmarks/ledger.py --large         a log of 10^6 entries: open it, prove one, memory
    .venv/bin/python benchmarks/ledger.py --write         keep the result
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sqlite3
import statistics
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import (
    ED25519_LOG,
    MLDSA44_COSIGNATURE,
    Ed25519Secret,
    MLDSA44Secret,
    has_mldsa,
    verify_ed25519,
)
from concordat.ledger.merkle import leaf_hash
from concordat.ledger.note import Checkpoint, NoteSigner
from concordat.ledger.signer import Signer
from concordat.ledger.tiles import TileHashes, unpack_bundle
from concordat.node.embedded import EmbeddedSequencer, GroupCommit
from concordat.node.store import Store

RESULTS = Path(__file__).parent / "results"
ORIGIN = "node.example/BENCH/member"
LOT = 1_000
LIMITS = {
    "events_per_s": {"accepted": 4_000, "ambitious": 7_000},
    "single_p99_ms": {"accepted": 40, "ambitious": 25},
    "open_s": {"accepted": 2, "ambitious": 0.5},
    "verify_one_ms": {"accepted": 50, "ambitious": 10},
    "rss_mb": {"accepted": 200, "ambitious": 120},
}
SEED = bytes(range(32))


def signer() -> Signer:
    """Keys of a node: two signatures on each head."""
    log = [NoteSigner(ORIGIN, ED25519_LOG, Ed25519Secret(SEED))]
    if has_mldsa():
        log.append(NoteSigner(ORIGIN, MLDSA44_COSIGNATURE, MLDSA44Secret(SEED)))
    return Signer("BRA", log=log, witness=[], mirror=[], node=Ed25519Secret(SEED))


def make(seq: int, secret: Ed25519Secret) -> Entry:
    """One signed event of about 800 bytes as an envelope. `prev` is not chained, so that lots can be made apart."""
    return Entry.new(
        author="BRA", bloc="BENCH", membership=1, person="node", seq=seq, prev=FIRST if seq == 1 else "a" * 64,
        scope="council", ts="2026-05-04T13:20:11Z", type="Said", body={"word": "x" * 200, "number": seq}, secret=secret,
    )  # fmt: skip


def signed_lot(start: int) -> list[bytes]:
    """A lot of signed leaves."""
    secret = Ed25519Secret(SEED)
    return [make(start + i, secret).leaf for i in range(LOT)]


def checked_lot(start: int) -> list[tuple[bytes, bytes, str]]:
    """A lot that was signed, read and verified again: (leaf hash, leaf, id)."""
    secret = Ed25519Secret(SEED)
    public = secret.public
    leaves = [make(start + i, secret).leaf for i in range(LOT)]
    read = [Entry.parse(leaf).verify(public) for leaf in leaves]
    return [(leaf_hash(e.leaf), e.leaf, e.id) for e in read]


def one_verifier(folder: Path, seconds: float) -> float:
    """Events a second: one process signs, this one reads, verifies, stores and signs heads."""
    store = Store(folder / "one.db", create=True)
    sequencer = EmbeddedSequencer(store, ORIGIN, signer(), lambda: int(time.time()))
    public = Ed25519Secret(SEED).public
    done = 0
    with ProcessPoolExecutor(1) as pool:
        waiting = [pool.submit(signed_lot, 1 + LOT * i) for i in range(3)]
        waiting[0].result()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            waiting.append(pool.submit(signed_lot, 1 + LOT * (len(waiting) + done // LOT)))
            entries = [Entry.parse(leaf).verify(public) for leaf in waiting.pop(0).result()]
            sequencer.append(entries)
            done += len(entries)
        elapsed = time.perf_counter() - started
    store.close()
    return done / elapsed


def two_verifiers(folder: Path, seconds: float) -> float:
    """Events a second: two processes sign, read and verify; this one stores and signs heads."""
    store = Store(folder / "two.db", create=True)
    sequencer = EmbeddedSequencer(store, ORIGIN, signer(), lambda: int(time.time()))
    done = 0
    with ProcessPoolExecutor(2) as pool:
        waiting = [pool.submit(checked_lot, 1 + LOT * i) for i in range(4)]
        waiting[0].result()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            waiting.append(pool.submit(checked_lot, 1 + LOT * (len(waiting) + done // LOT)))
            rows = waiting.pop(0).result()
            size = store.append(ORIGIN, [(leaf, data) for leaf, data, _ in rows])
            head = Checkpoint(ORIGIN, size, store.root(ORIGIN))
            store.put_head(ORIGIN, size, str(sequencer.signer.head(head, int(time.time()), sequencer.root_at)))
            done += len(rows)
        elapsed = time.perf_counter() - started
    store.close()
    return done / elapsed


def single_events(folder: Path, seconds: float, writers: int = 4) -> dict[str, float]:
    """The wait of single events from several writers through the group commit, in milliseconds."""
    store = Store(folder / "single.db", create=True)
    sequencer = EmbeddedSequencer(store, ORIGIN, signer(), lambda: int(time.time()))
    public = Ed25519Secret(SEED).public
    group = GroupCommit(sequencer.append, lambda entry: entry.verify(public))
    waits: list[float] = []
    stop = time.perf_counter() + seconds

    def write(number: int) -> None:
        secret = Ed25519Secret(SEED)
        seq = 1 + number * 10**6
        while time.perf_counter() < stop:
            entry = make(seq, secret)
            started = time.perf_counter()
            group.submit(entry).result()
            waits.append((time.perf_counter() - started) * 1000)
            seq += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.close()
    store.close()
    cuts = statistics.quantiles(waits, n=100)
    return {"events": len(waits), "median_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2), "writers": writers}


def raw_limits(folder: Path, seconds: float) -> dict[str, float]:
    """What the machine gives without us: SQLite rows in thousands and one by one, signatures on one core."""
    row = os.urandom(800)
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, bytes BLOB)")
    found: dict[str, float] = {}
    for name, lot in (("sqlite_rows_per_s_in_thousands", LOT), ("sqlite_commits_per_s", 1)):
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds / 4:
            db.execute("BEGIN")
            db.executemany("INSERT INTO entry (bytes) VALUES (?)", [(row,)] * lot)
            db.execute("COMMIT")
            done += lot
        found[name] = round(done / (time.perf_counter() - started))
    db.close()
    secret, message = Ed25519Secret(SEED), row[:500]
    signed = secret.sign(message)
    for name, action in (
        ("ed25519_signs_per_s", lambda: secret.sign(message)),
        ("ed25519_strict_verifies_per_s", lambda: verify_ed25519(secret.public, signed, message)),
    ):
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < min(2, seconds / 4):
            action()
            done += 1
        found[name] = round(done / (time.perf_counter() - started))
    return found


def fill_large(folder: Path, entries: int) -> None:
    """A log of many entries; their signatures are not the point, so one envelope is varied in its bytes."""
    store = Store(folder / "large.db", create=True)
    sequencer = EmbeddedSequencer(store, ORIGIN, signer(), lambda: int(time.time()))
    secret = Ed25519Secret(SEED)
    template = make(1, secret).leaf
    for start in range(0, entries, 50_000):
        rows = []
        for i in range(start, min(entries, start + 50_000)):
            data = template if i == 777_777 % entries else template[:-20] + b"%020d" % i
            rows.append((leaf_hash(data), data))
        store.append(ORIGIN, rows)
    size = store.size(ORIGIN)
    head = Checkpoint(ORIGIN, size, store.root(ORIGIN))
    store.put_head(ORIGIN, size, str(sequencer.signer.head(head, int(time.time()), sequencer.root_at)))
    store.close()


def large(folder: Path, entries: int) -> dict[str, float]:
    """Open the log in a new process and verify one entry from its tiles; the process's memory after 1,000 proofs."""
    with ProcessPoolExecutor(1) as pool:
        pool.submit(fill_large, folder, entries).result()
    with ProcessPoolExecutor(1, mp_context=__import__("multiprocessing").get_context("spawn")) as pool:
        return pool.submit(read_large, folder, entries).result()


def read_large(folder: Path, entries: int) -> dict[str, float]:
    started = time.perf_counter()
    store = Store(folder / "large.db")
    keys = [s.key for s in signer()._keys["log"]]
    signed = Checkpoint.parse(store.heads()[ORIGIN], keys)
    size = signed.checkpoint.size
    assert store.frontier(ORIGIN).root() == signed.checkpoint.root
    opened = time.perf_counter() - started
    index = 777_777 % entries
    started = time.perf_counter()
    prove(store, signed.checkpoint, index)
    verified = time.perf_counter() - started
    for i in range(1_000):
        prove(store, signed.checkpoint, i * 997 % size, signature=False)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    file_mb = (folder / "large.db").stat().st_size / 2**20
    return {
        "entries": size,
        "open_s": round(opened, 4),
        "verify_one_ms": round(verified * 1000, 2),
        "rss_mb": round(rss, 1),
        "file_mb": round(file_mb, 1),
    }


def prove(store: Store, head: Checkpoint, index: int, *, signature: bool = True) -> None:
    """One entry from its bundle, its proof from the tiles, both against the head."""
    from concordat.ledger.merkle import inclusion_proof, verify_inclusion

    reader = store.reader(ORIGIN)
    leaf = unpack_bundle(reader.bundle(index // 256, 256))[index % 256]
    hashes = TileHashes(reader, head.size)
    verify_inclusion(leaf_hash(leaf), index, head.size, head.root, inclusion_proof(index, head.size, hashes))
    if signature:
        Entry.parse(leaf).verify(Ed25519Secret(SEED).public)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--large", action="store_true", help="the log of 10^6 entries alone")
    parser.add_argument("--entries", type=int, default=10**6)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"limits": LIMITS, "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="concordat-bench-") as place:
        folder = Path(place)
        if options.large:
            result["large"] = large(folder, options.entries)
        else:
            result["raw"] = raw_limits(folder, options.seconds)
            result["events_per_s_one_verifier"] = round(one_verifier(folder, options.seconds))
            result["events_per_s_two_verifiers"] = round(two_verifiers(folder, options.seconds))
            raw = result["raw"]
            work = 1 / raw["ed25519_signs_per_s"] + 1 / raw["ed25519_strict_verifies_per_s"]
            work += 1 / raw["sqlite_rows_per_s_in_thousands"]
            result["raw_limit_two_cores_per_s"] = round(2 / work)
            result["ratio_to_raw"] = round(result["events_per_s_two_verifiers"] * work / 2, 3)
            result["single"] = single_events(folder, min(options.seconds, 20))
    result["machine"] = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(json.dumps(result, indent=1))
    if options.write:
        name = f"ledger{'_large' if options.large else ''}-linux-{platform.machine()}-{os.cpu_count()}-cores.json"
        (RESULTS / name).write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
