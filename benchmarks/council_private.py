"""How long do secret ballots take: key ceremony, encrypting, checking and opening, beside bare multiplications?

Ten and 190 voters with as many candidates as the table says, trustees 5 with a threshold of 3. The raw limit is the
number of multiplications of a point that checking can't do without (eight a candidate, and four for each allowed number
of choices) at the pace of `cryptography`'s compiled P-256; the ratio says what plain Python costs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from concordat.council.decide.private import (
    Ceremony,
    PrivateVote,
    add_up,
    deal,
    encrypt,
    join,
    key_share,
    open_sums,
    partial,
)

RESULTS = Path(__file__).parent / "results"
SIZES = ((10, 5), (190, 5))  # voters, candidates


def clocked(run: Any) -> tuple[Any, float]:
    """What a call gives, and its processor time."""
    started = time.process_time()
    found = run()
    return found, time.process_time() - started


def raw_multiplication() -> float:
    """Seconds of one multiplication by `cryptography` (an exchange of keys)."""
    private = ec.derive_private_key(12345, ec.SECP256R1())
    public = ec.derive_private_key(67890, ec.SECP256R1()).public_key()
    _, taken = clocked(lambda: [private.exchange(ec.ECDH(), public) for _ in range(500)])
    return taken / 500


def election(voters: int, candidates: int) -> dict[str, float]:
    """Seconds of each step."""
    ceremony = Ceremony("v-1", ("T1", "T2", "T3", "T4", "T5"), 3)
    dealt, dealing = clocked(lambda: {t: deal(ceremony, t, t.encode() * 16) for t in ceremony.trustees})
    joint, joining = clocked(lambda: join(ceremony, [public for public, _ in dealt.values()]))
    vote = PrivateVote("v-1", tuple(f"c{n:02d}" for n in range(candidates)), 0, 2, joint.key)
    members = [f"M{n:03d}" for n in range(voters)]
    ballots, encrypting = clocked(lambda: [encrypt(vote, m, vote.candidates[:2], m.encode() * 8) for m in members])
    sums, checking = clocked(lambda: add_up(vote, ballots))
    shares = {t: key_share(joint, t, {d: sent[t] for d, (_, sent) in dealt.items()}) for t in ceremony.trustees}
    parts, opening = clocked(lambda: [partial(joint, sums, shares[t]) for t in ceremony.trustees[:3]])
    found, combining = clocked(lambda: open_sums(joint, sums, parts))
    assert found.counts[0] == ("c00", voters)
    raw = voters * (8 * candidates + 4 * len(vote.sums)) * raw_multiplication()
    return {
        "ceremony_s": round(dealing + joining, 3),
        "encrypt_a_ballot_s": round(encrypting / voters, 4),
        "check_all_ballots_s": round(checking, 3),
        "raw_limit_of_checking_s": round(raw, 3),
        "ratio": round(checking / raw, 1),
        "a_trustee_s": round(opening / 3, 3),
        "combine_s": round(combining, 3),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    report = {
        "benchmark": "council_private",
        "version": version("concordat"),
        "measured": {f"{voters} voters, {n} candidates": election(voters, n) for voters, n in SIZES},
        "machine": {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cryptography": version("cryptography"),
        },
    }
    text = json.dumps(report, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"council_private-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
