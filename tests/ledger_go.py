"""Go's x/mod/sumdb as a judge of the ledger: builds the program, puts questions, and makes random ones.

    python tests/ledger_go.py 10000        # ten thousand proofs of each kind, each with claims that must be refused

Needs `go` and the source of `golang.org/x/mod` (Debian: golang-go, golang-golang-x-mod-dev); asks no network.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concordat.errors import TrustError
from concordat.ledger.merkle import (
    MemoryHashes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

GOPATH = Path("/usr/share/gocode")
SOURCE = Path(__file__).with_name("conformance") / "go" / "judge.go"
SIZE = 5000


def missing() -> str:
    """What is not installed; empty if all is there."""
    if not shutil.which("go"):
        return "needs the program go"
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return "needs Go's x/mod (the Debian package golang-golang-x-mod-dev)"
    return ""


def build(folder: Path) -> Path:
    """The program, compiled without modules and without the network."""
    settings = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "", "GOCACHE": str(folder / "cache")}
    settings |= {"GOPROXY": "off", "CGO_ENABLED": "0", "GOMAXPROCS": "1"}
    command = ["go", "build", "-p", "1", "-o", str(folder / "judge"), str(SOURCE)]
    subprocess.run(command, env=os.environ | settings, check=True, capture_output=True, text=True, timeout=300)
    return folder / "judge"


def ask(program: Path, questions: list[dict[str, Any]]) -> list[str]:
    """One answer to each: `yes`, or `no: ` and why."""
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    done = subprocess.run([program], input=lines, check=True, capture_output=True, text=True, timeout=300)
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions), done.stderr
    return answers


def encoded(value: bytes) -> str:
    """Base64, as Go's JSON has bytes and hashes."""
    return b64encode(value).decode()


@dataclass(frozen=True)
class Claim:
    """A question with our own verdict, and whether it is true."""

    question: dict[str, Any]
    ours: bool
    true: bool | None  # None: a claim of which only agreement is asked


def random_claims(count: int, seed: int) -> list[Claim]:
    """`count` inclusion and `count` consistency proofs in logs of up to 5,000, each with false claims behind."""
    draw = random.Random(seed)
    entries = [draw.randbytes(draw.randrange(40)) + b"%d" % i for i in range(SIZE)]
    tree = MemoryHashes(leaf_hash(entry) for entry in entries)
    claims: list[Claim] = []
    for _ in range(count):
        size = min(SIZE, int(2 ** draw.uniform(0, 12.3)))
        index = draw.randrange(size)
        claims += _inclusion_claims(draw, entries, tree, index, size)
        claims += _consistency_claims(draw, tree, draw.randint(1, size), size)
    return claims


def _inclusion_claims(
    draw: random.Random, entries: list[bytes], tree: MemoryHashes, index: int, size: int
) -> list[Claim]:
    entry, root, proof = entries[index], tree.root(size), inclusion_proof(index, size, tree)

    def claim(
        true: bool | None, *, i: int = index, n: int = size, e: bytes = entry, r: bytes = root, p: list[bytes] = proof
    ) -> Claim:
        question = {"kind": "inclusion", "index": i, "size": n, "entry": encoded(e), "root": encoded(r)}
        question["proof"] = [encoded(h) for h in p]
        return Claim(question, _holds(verify_inclusion, leaf_hash(e), i, n, r, p), true)

    other = draw.randrange(1, SIZE)
    false = [
        claim(False, e=entry + b"x"),
        claim(False, i=size),
        claim(False, r=draw.randbytes(32)),
        claim(False, p=[*proof, bytes(32)]),
        claim(None, n=other),
    ]
    if size > 1:
        false.append(claim(False, i=(index + draw.randrange(1, size)) % size))
        false.append(claim(False, p=proof[:-1]))
        false.append(claim(False, p=_turned(draw, proof)))
    if other != size:
        false.append(claim(False, n=other, r=tree.root(other)))
    return [claim(True), *false]


def _consistency_claims(draw: random.Random, tree: MemoryHashes, old: int, new: int) -> list[Claim]:
    node, root, proof = tree.root(old), tree.root(new), consistency_proof(old, new, tree)

    def claim(
        true: bool | None, *, a: int = old, b: int = new, m: bytes = node, r: bytes = root, p: list[bytes] = proof
    ) -> Claim:
        question = {"kind": "consistency", "old": a, "size": b, "node": encoded(m), "root": encoded(r)}
        question["proof"] = [encoded(h) for h in p]
        return Claim(question, _holds(verify_consistency, a, b, m, r, p), true)

    false = [
        claim(False, m=draw.randbytes(32)),
        claim(False, r=draw.randbytes(32)),
        claim(False, p=[*proof, bytes(32)]),
        claim(False, a=new + 1),
        claim(None, a=draw.randint(1, new)),
        claim(None, b=draw.randint(old, SIZE)),
    ]
    if proof:
        false.append(claim(False, p=proof[:-1]))
        false.append(claim(False, p=_turned(draw, proof)))
    return [claim(True), *false]


def _turned(draw: random.Random, proof: list[bytes]) -> list[bytes]:
    """The proof with one bit of one hash turned."""
    at, bit = draw.randrange(len(proof)), draw.randrange(256)
    changed = bytearray(proof[at])
    changed[bit // 8] ^= 1 << bit % 8
    return [*proof[:at], bytes(changed), *proof[at + 1 :]]


def _holds(verify: Any, *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except TrustError:
        return False
    return True


def judged(program: Path, count: int, seed: int) -> tuple[int, int]:
    """How many true and how many other claims Go agreed with us on; an assertion names the first where it did not."""
    claims = random_claims(count, seed)
    for claim, answer in zip(claims, ask(program, [claim.question for claim in claims]), strict=True):
        assert (answer == "yes") is claim.ours, f"Go says {answer!r}, we {claim.ours}: {claim.question}"
        assert claim.true is None or claim.ours is claim.true, claim.question
    return sum(claim.true is True for claim in claims), sum(claim.true is not True for claim in claims)


def main(count: int) -> None:
    """Build in a scratch folder and judge `count` proofs of each kind."""
    import tempfile

    if missing():
        sys.exit(missing())
    with tempfile.TemporaryDirectory() as folder:
        true, false = judged(build(Path(folder)), count, seed=count)
        sys.stdout.write(f"Go accepted {true:,} proofs and agreed on {false:,} changed claims.\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
