"""Ten thousand random economies: each solved and certified, or refused by name; never a wrong number.

    python benchmarks/impact_robustness.py [--economies 10000] [--start 0] [--write]

N 3 to 200, sigma 2 to 12, costs times 0.2 to 5, zeros, wild deficits; every economy is made from its seed alone
(`tests/impact_kit.py`), so a seed that fails can be looked at. Each result is checked by the certificate, which is
recomputed pair by pair, and against the equations once more in plain matrix form.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from concordat.errors import MethodError
from concordat.impact.equilibrium import solve
from impact_kit import economy

RESULTS = Path(__file__).parent / "results"


def one(seed: int, closure: str = "") -> tuple[str, str]:
    """(outcome, words) of one economy under its own closure, or under the one named."""
    case = economy(seed)
    closure = closure or case.closure
    try:
        found = solve(case.table, shock=case.shock, theta=case.theta, closure=closure)
        certificate = found.certificate
    except MethodError as error:
        return f"{closure}: refused ({error.code})", error.what
    wrong = off_by(found)
    if not wrong < 1e-10 or certificate.residual_max >= 1e-10 or found.price.min() <= 0:
        return f"{closure}: WRONG", f"{wrong:.2g}"
    return f"{closure}: certified", found.method


def off_by(found: Any) -> float:
    """max |S / Y' - 1| in plain matrix form, from the returned wages and spending."""
    table = found.table
    reach = table.flows / table.expenditure * found.shock * (found.wage**-found.theta)[:, None]
    sold = (reach / reach.sum(axis=0) * found.expenditure).sum(axis=1)
    return float(np.abs(sold / (found.wage * table.output) - 1).max())


def run(economies: int, start: int) -> dict[str, Any]:
    """The suite: how many ended how, and the seeds of those that were refused."""
    outcomes: Counter[str] = Counter()
    methods: Counter[str] = Counter()
    seeds: dict[str, list[int]] = {}
    began = time.perf_counter()
    for seed in range(start, start + economies):
        for closure in dict.fromkeys(("multiplicative", economy(seed).closure)):
            outcome, words = one(seed, closure)
            outcomes[outcome] += 1
            if "certified" in outcome:
                methods[words] += 1
            else:
                seeds.setdefault(outcome, []).append(seed)
        if (seed - start) % 500 == 499:
            print(f"{seed - start + 1} of {economies}", file=sys.stderr)
    return {
        "economies": economies,
        "first_seed": start,
        "outcomes": dict(sorted(outcomes.items())),
        "methods": dict(sorted(methods.items())),
        "seeds": {k: v[:50] for k, v in sorted(seeds.items())},
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Run, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--economies", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    asked = parser.parse_args()
    found = {
        "benchmark": "impact_robustness",
        "version": version("concordat"),
        "limits": {"multiplicative": "all certified", "others": "certified, or refused by name", "wrong": 0},
        "measured": run(asked.economies, asked.start),
        "machine": {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
        },
    }
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if asked.write:
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"impact_robustness-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
