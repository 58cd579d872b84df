"""How far are estimated sensitivity indices from the truth, by estimator and runs, and how fast are exact ones?

Two problems of four factors whose indices are known. *g*: Sobol's product of (|4x - 2| + a) / (1 + a), with a = 0, 1,
4.5, 9 and indices by formula. *index*: a made-up index of 30 units and four indicators with 5 treatments, 2
normalisations, 100 draws of weights and 2 aggregations; its output is the mean absolute change of ranks, its indices
come from all 2,000 combinations. The root mean square error is over 200 seeds and all four factors. The peers'
estimator on random points is what they offer; the limit is on 6 * 1024 runs of Jansen's on scrambled Sobol points.
Beside it: how often the 90 % intervals hold the truth.

Exact: indices, Shapley effects and rank distributions of 51 units from scores of every combination, 2,000 and 50,000
of them, without the runs that made the scores; compared for 2,000 with plain loops. `process_time`, best of 5, one
BLAS thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from concordat.observatory.design import Factor, enumerate_all, sobol
from concordat.observatory.effects import shapley_effects
from concordat.observatory.ranks import rank_table
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.sensitivity import first_and_total

Array = npt.NDArray[np.float64]
SEEDS = 200
RUNS = 5
LIMITS = {
    "rmse at 6144 runs": {"first": 0.020, "total": 0.010, "ambitious": [0.012, 0.006]},
    "exact": {"s": 0.5, "ambitious_s": 0.1, "off": 1e-9},
}
PLANS = {  # name: runs, scrambles, points, estimator
    "compat, random, 6*256": (6 * 256, 1, "random", "compat"),
    "Jansen, random, 6*256": (6 * 256, 1, "random", "jansen"),
    "Jansen, Sobol, 6*256": (6 * 256, 1, "sobol", "jansen"),
    "compat, random, 6*1024": (6 * 1024, 1, "random", "compat"),
    "Jansen, random, 6*1024": (6 * 1024, 1, "random", "jansen"),
    "Jansen, Sobol, 6*1024": (6 * 1024, 1, "sobol", "jansen"),
    "Jansen, Sobol, 6*1024 in 16 scrambles": (6 * 1024, 16, "sobol", "jansen"),
}
RESULTS = Path(__file__).parent / "results"


class Problem:
    """A function of four factors with its true indices."""

    def __init__(self, factors: list[Factor], output: Callable[[Array], Array], first: Array, total: Array) -> None:
        self.factors, self.output, self.first, self.total = factors, output, first, total


def product_function() -> Problem:
    """Sobol's g, with V_i = 1 / 3 (1 + a_i)^2 and V = prod(1 + V_i) - 1."""
    a = np.array([0.0, 1.0, 4.5, 9.0])
    part = 1 / 3 / (1 + a) ** 2
    whole = np.prod(1 + part) - 1
    factors = [Factor(f"x{n}", 0, uniform=(0.0, 1.0)) for n in range(4)]
    total = part * np.prod(1 + part) / (1 + part) / whole
    return Problem(factors, lambda x: np.prod((np.abs(4 * x - 2) + a) / (1 + a), axis=1), part / whole, total)


def scores_of_index(units: int) -> tuple[list[Factor], Array]:
    """Factors and scores `[treatment, normalisation, weights, aggregation, unit]` of the made-up index."""
    rng = np.random.Generator(np.random.PCG64(5))
    figures = rng.normal(50, 15, (units, 4)).clip(5, 100)
    treated = figures * (1 + 0.05 * rng.normal(size=(5, units, 4)))
    low, high = treated.min(axis=1, keepdims=True), treated.max(axis=1, keepdims=True)
    normal = np.stack([treated, (treated - low) / (high - low) * 99 + 1], axis=1)
    weights = 1 + 0.25 * rng.uniform(-1, 1, (100, 4))
    weights /= weights.sum(axis=1, keepdims=True)
    both = np.stack([normal @ weights.T, np.exp(np.log(normal) @ weights.T)])  # [aggregation, t, n, unit, weights]
    factors = [Factor("treat", 5), Factor("normalise", 2), Factor("weights", 100), Factor("aggregate", 2)]
    return factors, np.moveaxis(both, (0, 4), (3, 2))


def index_problem() -> Problem:
    """The mean absolute rank change of the index, with indices from every combination by plain loops."""
    factors, scores = scores_of_index(30)
    output = np.abs(rank_min(scores) - rank_min(scores[0, 0, 0, 0])).mean(axis=-1)
    first, total = by_loops(output)
    return Problem(factors, lambda levels: output[tuple(levels.astype(int).T)], first, total)


def by_loops(output: Array) -> tuple[Array, Array]:
    """First and total indices of a table with equal probabilities, cell by cell."""
    mean = sum(output.ravel().tolist()) / output.size
    whole = sum((v - mean) ** 2 for v in output.ravel().tolist()) / output.size
    d = output.ndim
    cells = [(c, output[c].item()) for c in product(*map(range, output.shape))]

    def explained(kept: tuple[int, ...]) -> float:
        sums: dict[tuple[int, ...], list[float]] = {}
        for cell, value in cells:
            found = sums.setdefault(tuple(cell[k] for k in kept), [0.0, 0])
            found[0] += value
            found[1] += 1
        return sum(n * (s / n - mean) ** 2 for s, n in sums.values()) / output.size / whole

    first = [explained((i,)) for i in range(d)]
    total = [1 - explained(tuple(k for k in range(d) if k != i)) for i in range(d)]
    return np.array(first), np.array(total)


def accuracy(problem: Problem, plan: str) -> dict[str, object]:
    """Root mean square errors and coverage over the seeds."""
    runs, scrambles, points, estimator = PLANS[plan]
    off, held = [], []
    for seed in range(SEEDS):
        design = sobol(problem.factors, runs, seed, scrambles=scrambles, points=points)  # type: ignore[arg-type]
        found = first_and_total(design, problem.output(design.levels), estimator=estimator, bootstraps=200)  # type: ignore[arg-type]
        truth = np.stack([problem.first, problem.total])
        off.append(np.stack([found.first[:, 0], found.total[:, 0]]) - truth)
        ends = np.stack([found.first_interval[..., 0], found.total_interval[..., 0]])
        held.append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
    rmse, cover = np.sqrt(np.mean(np.square(off), axis=(0, 2))), np.mean(held, axis=(0, 2))
    return {"rmse": rmse.round(4).tolist(), "cover": cover.round(3).tolist(), "points": design.points}


def best_of(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of processor and wall, best of 5."""
    cpu, wall = [], []
    for _ in range(RUNS):
        start, started = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - start)
        wall.append(time.perf_counter() - started)
    return {"cpu_s": round(min(cpu), 4), "wall_s": round(min(wall), 4)}


def exact() -> dict[str, object]:
    """Time of everything exact, and how far indices are from plain loops."""
    factors, table = scores_of_index(51)
    large = [*factors, Factor("years", 25)]
    rng = np.random.Generator(np.random.PCG64(6))
    many = (table[..., None, :] + rng.normal(size=(25, 51))).reshape(-1, 51)

    def everything(factors: list[Factor], scores: Array) -> None:
        design = enumerate_all(factors)
        ranks = rank_min(scores)
        first_and_total(design, ranks, together=True)
        shapley_effects(design, ranks)
        rank_table(scores, probability=design.probability)

    design = enumerate_all(factors)
    output = np.abs(rank_min(table) - rank_min(table[0, 0, 0, 0])).mean(axis=-1)
    found = first_and_total(design, output.ravel())
    first, total = by_loops(output)
    off = max(np.abs(found.first[:, 0] - first).max(), np.abs(found.total[:, 0] - total).max())
    few = table.reshape(-1, 51)
    sample = sobol(factors, 1536, 1)
    sampled = few[np.ravel_multi_index(tuple(sample.levels.astype(int).T), (5, 2, 100, 2))]
    return {
        "off": float(off),
        "2,000 runs": best_of(lambda: everything(factors, few)),
        "50,000 runs": best_of(lambda: everything(large, many)),
        "sample of 1,536 runs, 1,000 bootstraps, 52 outputs": best_of(
            lambda: first_and_total(sample, rank_min(sampled), together=True)
        ),
        "rank table of 16,384 runs": best_of(lambda: rank_table(many[:16384])),
    }


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    problems = {"g": product_function(), "index": index_problem()}
    report = {
        "benchmark": "sobol",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": {
            "[first, total]": {name: {plan: accuracy(p, plan) for plan in PLANS} for name, p in problems.items()},
            "exact": exact(),
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
    text = json.dumps(report, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        (RESULTS / f"sobol-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
