"""How many transfers a second does the settlement core take, against the raw limits of the same machine and minute?

    python benchmarks/clearing_core.py --write

Three rates, each interleaved five times with its raw limit; what counts is the median of the five ratios.

- *Batches*: signed batches of 1,000 transfers, from the bytes of their envelopes to receipts, ids, roots and header, in
  blocks of eight batches (in memory; the hosts' benchmarks add the disk). Raw: `executemany` into SQLite (WAL,
  synchronous=FULL), 1,000 rows a transaction. One signature in a thousand rows, so the rules are what is measured.
- *Single*: separately signed transfers in blocks of 2,000, one process, signatures by `cryptography` through the
  ledger's strict check. Raw: the same signatures verified by `cryptography` alone, in one process.
- *Single, two workers*: the same with signatures handed to two processes while this one reads and applies. Raw: the
  same signatures verified by two processes that do nothing else. On two cores the third process (ours) has no core of
  its own, which is the case that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from startup import RESULTS, machine

from concordat import canonical
from concordat.clearing.core.apply import mark_checked, signature_work
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, sign
from concordat.clearing.host import MemoryHost
from concordat.clearing.scheme_file import new_document
from concordat.clearing.verifiers import PooledVerifier
from concordat.ledger.keys import Ed25519Secret

ROUNDS = 5
MEMBERS, ROWS, BATCHES, SINGLES = 200, 1_000, 8, 4_000
ISSUER = "AAAABRSP"
LIMITS = {"batches_ratio": "0.15 (ambitious 0.30) for a whole durable host", "single_ratio": "0.60 (ambitious 0.80)"}


def bic(number: int) -> str:
    """A made-up BIC in Brazil."""
    return "B" + "".join(chr(65 + number // 26**place % 26) for place in (2, 1, 0)) + "BRSP"


class Bench:
    """A host with money at every member, and what is said to it."""

    def __init__(self) -> None:
        names = [bic(number) for number in range(MEMBERS)]
        self.secrets = {name: Ed25519Secret(sha256(name.encode()).digest()) for name in (ISSUER, *names)}
        keys = {name: secret.public.hex() for name, secret in self.secrets.items()}
        members = dict.fromkeys(names, (ISSUER, ("BRL",)))
        self.scheme = Scheme.from_document(new_document("bench", {"BRL": ISSUER}, members, keys))
        self.host = MemoryHost(self.scheme)
        self.names, self.said, self.now = names, 0, 10**12
        for _ in range(10):
            self.host.submit(self.say("issue", ISSUER, currency="BRL", amount_minor=str(9 * 10**16)))
        self.step()
        rows = self.rows([f"{name}/BRL" for name in names], 4 * 10**15)
        self.host.submit(self.say("transfer_batch", ISSUER, payer=f"{ISSUER}/BRL", rows=rows))
        self.step()

    def uetr(self) -> str:
        self.said += 1
        return str(uuid.UUID(bytes=sha256(str(self.said).encode()).digest()[:16], version=4))

    def say(self, kind: str, member: str, **facts: Any) -> Signed:
        said = {"kind": kind, "uetr": self.uetr(), "member": member, "valid_from": 0, "valid_until": 10**9, **facts}
        said.update(valid_from=self.now - 1_000, valid_until=self.now + 10**8)
        return sign(canonical.dumps(said), [self.secrets[member]], "bench")

    def rows(self, payees: list[str], amount: int) -> dict[str, Any]:
        amounts = [str(amount + number) for number in range(len(payees))]
        return {"uetr": [self.uetr() for _ in payees], "payee": payees, "amount_minor": amounts}

    def step(self) -> int:
        self.now += 1_000
        return len(self.host.step(self.now))

    def batches(self) -> list[bytes]:
        """Envelopes of signed batches of 1,000; half of the payees are a tenth of the members."""
        found = []
        for number in range(BATCHES):
            payer = self.names[(self.said + number) % MEMBERS]
            others = [name for name in self.names if name != payer]
            payees = [others[(i * i + 7 * i) % (20 if i % 2 else len(others))] for i in range(ROWS)]
            rows = self.rows([f"{name}/BRL" for name in payees], 1_000)
            found.append(self.say("transfer_batch", payer, payer=f"{payer}/BRL", rows=rows).data)
        return found

    def singles(self) -> list[bytes]:
        """Envelopes of separately signed transfers."""
        found = []
        for number in range(SINGLES):
            payer, payee = self.names[number % MEMBERS], self.names[(number * 7 + 1) % MEMBERS]
            payee = payee if payee != payer else ISSUER
            facts = {"payer": f"{payer}/BRL", "payee": f"{payee}/BRL", "amount_minor": str(1_000 + number)}
            found.append(self.say("transfer", payer, **facts).data)
        return found


def rate(count: int, start: float) -> float:
    return count / (time.perf_counter() - start)


def raw_insert(path: Path) -> float:
    """Rows a second into one table of SQLite, 1,000 a durable transaction."""
    path.unlink(missing_ok=True)
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE transfers (id INTEGER PRIMARY KEY, payer INTEGER, payee INTEGER, amount INTEGER)")
    rows = [(number, number % 200, number % 199, 1_000 + number) for number in range(BATCHES * ROWS)]
    start = time.perf_counter()
    for first in range(0, len(rows), ROWS):
        store.execute("BEGIN")
        store.executemany("INSERT INTO transfers VALUES (?, ?, ?, ?)", rows[first : first + ROWS])
        store.execute("COMMIT")
    found = rate(len(rows), start)
    store.close()
    return found


def ours_batches(bench: Bench) -> float:
    """Transfers a second from the bytes of signed batches to a committed block in memory."""
    data = bench.batches()
    start = time.perf_counter()
    for one in data:
        bench.host.submit(Signed.read(one, "bench"))
    receipts = bench.step()
    found = rate(BATCHES * ROWS, start)
    assert receipts == BATCHES * (ROWS + 1)
    assert sum(b'"settled"' in leaf for leaf in bench.host.leaves[-1]) >= BATCHES * ROWS
    return found


def raw_verify(data: list[bytes], bench: Bench) -> float:
    """Signatures a second by `cryptography` alone."""
    keys = {name: Ed25519PublicKey.from_public_bytes(secret.public) for name, secret in bench.secrets.items()}
    read = [Signed.read(one, "bench") for one in data]
    items = [(keys[one.instruction.member], one.signatures[0][1], one.message()) for one in read]
    start = time.perf_counter()
    for key, signature, message in items:
        key.verify(signature, message)
    return rate(len(items), start)


def ours_singles(data: list[bytes], bench: Bench) -> float:
    """Transfers a second from the bytes of signed instructions to committed blocks of 2,000, one process."""
    start = time.perf_counter()
    for number, one in enumerate(data, start=1):
        bench.host.submit(Signed.read(one, "bench"))
        if number % 2_000 == 0:
            bench.step()
    return rate(len(data), start)


def verify_many(items: list[tuple[bytes, bytes, bytes]]) -> None:
    """In a process of its own: raw verification."""
    keys: dict[bytes, Ed25519PublicKey] = {}
    for public, signature, message in items:
        key = keys.get(public) or keys.setdefault(public, Ed25519PublicKey.from_public_bytes(public))
        key.verify(signature, message)


def raw_two(data: list[bytes], bench: Bench, pool: ProcessPoolExecutor) -> float:
    """Signatures a second by two processes that do nothing else."""
    read = [Signed.read(one, "bench") for one in data]
    items = [(bench.secrets[s.instruction.member].public, s.signatures[0][1], s.message()) for s in read]
    start = time.perf_counter()
    list(pool.map(verify_many, [items[first : first + 250] for first in range(0, len(items), 250)]))
    return rate(len(items), start)


def ours_two(data: list[bytes], bench: Bench, pool: ProcessPoolExecutor) -> float:
    """As `ours_singles`, with the signatures of the next lot on their way while this process applies the last."""
    verifier, waiting = PooledVerifier(pool), None
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
            bench.host.submit_all(lot)
            bench.step()
        waiting = following
    return rate(len(data), start)


def compare(rounds: list[tuple[float, float]], name: str) -> dict[str, float]:
    """Median rates, and the median of the ratios."""
    return {
        f"{name}_per_s": round(statistics.median(ours for ours, _ in rounds)),
        f"{name}_raw_per_s": round(statistics.median(raw for _, raw in rounds)),
        f"{name}_ratio": round(statistics.median(ours / raw for ours, raw in rounds), 3),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store under results/")
    arguments = parser.parse_args()
    bench = Bench()
    batches, singles, two = [], [], []
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        ours_batches(bench)  # thrown away, as is the first round of processes
        raw_two(bench.singles()[:1_000], bench, pool)
        for _ in range(ROUNDS):
            raw = raw_insert(Path(folder) / "raw.db")
            batches.append((ours_batches(bench), raw))
            data = bench.singles()
            raw = raw_verify(data, bench)
            singles.append((ours_singles(data, bench), raw))
            data = bench.singles()
            raw = raw_two(data, bench, pool)
            two.append((ours_two(data, bench, pool), raw))
    found = {
        **compare(batches, "batches"),
        **compare(singles, "single"),
        **compare(two, "single_two_workers"),
        "limits": LIMITS,
        "machine": machine(),
    }
    print(json.dumps(found, indent=2))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        name = f"clearing-core-{machine()['system'].replace(' ', '-').lower()}-{os.cpu_count()}-cores.json"
        (RESULTS / name).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
