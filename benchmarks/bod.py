"""How long does benefit of the doubt take for 51 units by 8 children, and does it agree with an LP solver?

Measured is `frontier.bod` without and with bounds on shares (5 to 30 %), order-m (200 draws of 10 peers) and a stack of
100 matrices; beside it HiGHS through `scipy.optimize.linprog`, one program for each unit and all of them stacked
block-diagonally. CPU and wall seconds, the best of 5 after one that is thrown away, one BLAS thread; the largest
difference from HiGHS is printed with them. Synthetic scores, uniform on 1 to 100, PCG64 seed 14.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported, or it has no effect

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag

from concordat.observatory.stages.aggregate import Children
from concordat.observatory.stages.frontier import bod, order_m

RUNS = 5
UNITS, CHILDREN, STACK = 51, 8, 100
LIMITS = {"bod": {"cpu_s": 0.35, "ambitious_cpu_s": 0.05, "difference": 1e-7}}
RESULTS = Path(__file__).parent / "results"

y = np.random.Generator(np.random.PCG64(14)).uniform(1, 100, (STACK, UNITS, CHILDREN))
ONE = y[0]
WHO = Children("index", tuple(f"c{k}" for k in range(CHILDREN)), tuple(f"U{i}" for i in range(UNITS)))
SHARES = tuple((name, 0.05, 0.3) for name in WHO.children)


def highs(low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """One program for each unit."""
    scores = []
    for own in ONE:
        rows, ends = [ONE], [np.ones(UNITS)]
        if (low, high) != (0.0, 1.0):
            rows += [low * own - np.diag(own), np.diag(own) - high * own]
            ends += [np.zeros(2 * CHILDREN)]
        made = linprog(-own, A_ub=np.concatenate(rows), b_ub=np.concatenate(ends), bounds=(0, None), method="highs")
        scores.append(-made.fun)
    return np.array(scores)


def highs_stacked() -> np.ndarray:
    """All programs as one, block-diagonal."""
    a = block_diag([ONE] * UNITS, format="csr")
    made = linprog(-ONE.ravel(), A_ub=a, b_ub=np.ones(UNITS * UNITS), bounds=(0, None), method="highs")
    return np.asarray((made.x.reshape(UNITS, CHILDREN) * ONE).sum(axis=1))


MEASURES: dict[str, Callable[[], np.ndarray]] = {
    "bod": lambda: bod(ONE, WHO).scores,
    "bod, shares": lambda: bod(ONE, WHO, SHARES).scores,
    "bod, 100 matrices": lambda: bod(y, WHO).scores,
    "order_m": lambda: order_m(ONE, WHO, draws=200, m=10, seed=0),
    "highs": highs,
    "highs, shares": lambda: highs(0.05, 0.3),
    "highs, stacked": highs_stacked,
}


def measure(work: Callable[[], np.ndarray]) -> dict[str, float]:
    """Best CPU and wall seconds."""
    work()
    cpu, wall = [], []
    for _ in range(RUNS):
        start = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return {"cpu_s": round(min(cpu), 5), "wall_s": round(min(wall), 5)}


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    report = {
        "benchmark": "bod",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": {name: measure(work) for name, work in MEASURES.items()},
        "largest_difference": {
            "bod": float(np.abs(MEASURES["bod"]() - highs()).max()),
            "bod, shares": float(np.abs(MEASURES["bod, shares"]() - highs(0.05, 0.3)).max()),
        },
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        },
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"bod-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
