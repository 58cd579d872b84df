"""How long do twelve measures of a million people take, how often do their intervals hold the truth, and who agrees?

Measured: twelve measures with errors and intervals of a million weighted lognormal values from one sort, beside the
sort alone; 10,000 redrawn samples of 200 countries; how far a cross-section of 200 lies from sums over all pairs; how
many of 2,000 intervals from 500 lognormal incomes hold the true figure. With `--peers PYTHON` (a Python that has PySAL
`inequality` and `inequalipy`) their Gini of the same million values. Best of five runs, CPU and wall; set
OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import NormalDist

import numpy as np

from concordat.observatory.divide import bootstrap_measures, measures

RUNS = 5
TWELVE = (
    "gini", "theil_t", "theil_l", "ge2", "cv", "atkinson_05", "atkinson_1", "hoover", "palma", "s80_s20", "p90_p10",
    "wolfson",
)  # fmt: skip
LIMITS = {
    "million": {"cpu_s": 0.3, "ambitious_cpu_s": 0.2},
    "bootstrap": {"wall_s": 3.0, "ambitious_wall_s": 1.0},
    "coverage": {"share": [0.92, 0.97], "ambitious_share": [0.935, 0.965]},
    "cross_section": {"largest_error": 1e-10},
}
RESULTS = Path(__file__).parent / "results"
PEERS = """
import time, numpy as np
rng = np.random.Generator(np.random.PCG64(1))
y, w = rng.lognormal(size=1_000_000), rng.integers(1, 4, 1_000_000)
from inequality.gini import Gini
import inequalipy
def best(call):
    found = []
    for _ in range(3):
        start = time.process_time(); call(); found.append(time.process_time() - start)
    return round(min(found), 3)
print(best(lambda: Gini(y)), best(lambda: inequalipy.gini(y, w)))
"""


def generator(seed: int) -> np.random.Generator:
    """The generator of one measurement."""
    return np.random.Generator(np.random.PCG64(seed))


def best(call: Callable[[], object]) -> dict[str, float]:
    """CPU and wall seconds of the best of five runs, after one that is thrown away."""
    call()
    cpu, wall = [], []
    for _ in range(RUNS):
        start, clock = time.process_time(), time.perf_counter()
        call()
        cpu.append(time.process_time() - start)
        wall.append(time.perf_counter() - clock)
    return {"cpu_s": round(min(cpu), 4), "wall_s": round(min(wall), 4)}


def million() -> dict[str, object]:
    """Twelve measures with errors of a million weighted values; the Gini alone; the sort alone."""
    rng = generator(1)
    y, w = rng.lognormal(size=1_000_000), rng.uniform(0.5, 2, 1_000_000)
    rounded = np.round(y, 2)
    return {
        "twelve": best(lambda: measures(y, w, names=TWELVE)),
        "twelve_many_ties": best(lambda: measures(rounded, w, names=TWELVE)),
        "gini": best(lambda: measures(y, w, names=["gini"])),
        "argsort": best(lambda: np.argsort(y)),
    }


def redrawn() -> dict[str, float]:
    """10,000 samples of 200 countries, twelve measures each."""
    rng = generator(2)
    y, w = rng.lognormal(size=200), rng.lognormal(size=200)
    return best(lambda: bootstrap_measures(y, w, names=TWELVE, draws=10_000, seed=1))


def cross_section() -> dict[str, float]:
    """The largest distance from sums over rows and pairs of rows, of 200 weighted values."""
    rng = generator(3)
    y, w = rng.lognormal(size=200), rng.lognormal(size=200)
    p = w / math.fsum(w)
    mu = math.fsum(p * y)
    r = y / mu
    log_mean = math.fsum(p * np.log(r))
    spread = math.fsum((p[:, None] * p * np.abs(y[:, None] - y)).ravel())
    squares = math.fsum((p[:, None] * p * (r[:, None] - r) ** 2).ravel()) / 2
    truth = {
        "gini": spread / (2 * mu), "theil_t": math.fsum(p * r * np.log(r)), "theil_l": -log_mean, "ge2": squares / 2,
        "cv": math.sqrt(squares), "atkinson_05": 1 - math.fsum(p * np.sqrt(r)) ** 2,
        "atkinson_1": 1 - math.exp(log_mean), "hoover": math.fsum(p * np.abs(r - 1)) / 2,
    }  # fmt: skip
    found = measures(y, w)
    return {name: abs(float(found[name].value or 0) - value) for name, value in truth.items()}


def coverage(sigma: float, samples: int = 2000, size: int = 500) -> dict[str, float]:
    """The share of 95 % intervals that hold the truth, of lognormal incomes."""
    phi = NormalDist().cdf
    q90 = NormalDist().inv_cdf(0.9)
    below = {q: phi(NormalDist().inv_cdf(q) - sigma) for q in (0.2, 0.4, 0.8, 0.9)}  # the Lorenz curve
    ge2 = (math.exp(sigma**2) - 1) / 2
    truth = {
        "gini": 2 * phi(sigma / math.sqrt(2)) - 1, "theil_t": sigma**2 / 2, "theil_l": sigma**2 / 2, "ge2": ge2,
        "cv": math.sqrt(2 * ge2), "atkinson_05": 1 - math.exp(-(sigma**2) / 4),
        "atkinson_1": 1 - math.exp(-(sigma**2) / 2), "hoover": 2 * phi(sigma / 2) - 1,
        "palma": (1 - below[0.9]) / below[0.4], "s80_s20": (1 - below[0.8]) / below[0.2],
        "p90_p10": math.exp(2 * q90 * sigma),
        "wolfson": 2 * (1 - 2 * phi(-sigma) - (2 * phi(sigma / math.sqrt(2)) - 1)) * math.exp(sigma**2 / 2),
    }  # fmt: skip
    rng = generator(4)
    held = dict.fromkeys(truth, 0)
    for _ in range(samples):
        found = measures(rng.lognormal(0, sigma, size), names=TWELVE)
        for name, value in truth.items():
            held[name] += found[name].lower <= value <= found[name].upper
    return {name: count / samples for name, count in held.items()}


def peers(python: str) -> dict[str, object]:
    """The Gini of a million values by two packages, in CPU seconds."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", PEERS], capture_output=True, check=True, timeout=600, text=True
    )
    pysal, inequalipy = map(float, done.stdout.split())
    return {"pysal_gini_unweighted_cpu_s": pysal, "inequalipy_gini_weighted_cpu_s": inequalipy}


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter with inequality and inequalipy")
    arguments = parser.parse_args()
    report = {
        "benchmark": "divide",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": {
            "million": million(),
            "bootstrap": redrawn(),
            "cross_section": cross_section(),
            "coverage_sigma_0.5": coverage(0.5),
            "coverage_sigma_1": coverage(1.0),
            "peers": peers(arguments.peers) if arguments.peers else None,
        },
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
        },
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"divide-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
