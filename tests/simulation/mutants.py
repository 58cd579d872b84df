"""The protocol with one safeguard taken out: the simulator must notice each.

`python -m simulation.mutants --seeds 300` (from `tests/`) looks for the first seeds that notice; `test_world` keeps
them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from concordat.ledger import membership
from concordat.ledger.council_log import CouncilLog
from concordat.ledger.replica import Replica
from concordat.ledger.signer import Signer
from simulation import keys
from simulation.roles import FreeSigner
from simulation.world import run_seed


def _time_of_last(log: CouncilLog, batch: Any, last: Any, where: str) -> int:
    return last.time


@contextmanager
def smaller_quorum() -> Iterator[None]:
    """q - 1 signatures make a certificate."""
    keys.chain.cache_clear()
    with patch.object(membership, "quorum_of", lambda n: n - (n - 1) // 3 - 1):
        yield
    keys.chain.cache_clear()


MUTANTS: dict[str, Any] = {
    "promise": lambda: patch.object(Signer, "may_cosign", lambda self, view: True),
    "certificate": lambda: patch.object(CouncilLog, "_certified", _time_of_last),
    "floor": lambda: patch.object(Signer, "_allow", FreeSigner._allow),
    "quorum": smaller_quorum,
    "clock": lambda: patch.object(Replica, "_require_clock", lambda *_: None),
    "overtaken": lambda: patch.object(Replica, "_overtake", lambda *_: None),
    "vote floor": lambda: patch.object(Signer, "may_vote", lambda self, view, certificate: True),
}


def what_breaks(name: str, seed: int) -> str:
    """What a mutant breaks in a run; empty if it goes unnoticed."""
    with MUTANTS[name]():
        try:
            run_seed(seed)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--name", default="")
    options = parser.parse_args()
    for name in MUTANTS if not options.name else [options.name]:
        found = 0
        for seed in range(options.first, options.first + options.seeds):
            broken = what_breaks(name, seed)
            if broken:
                found += 1
                print(f"{name}: seed {seed}: {broken[:200]}", flush=True)
            if found == 3:
                break
        else:
            print(f"{name}: unnoticed after {options.seeds} seeds" if not found else name, flush=True)


if __name__ == "__main__":
    main()
