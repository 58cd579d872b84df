"""How long does a multi-sector equilibrium take, do two solvers agree, and is what was published reached?

    [CONCORDAT_SHARED_DATA=...] python benchmarks/impact_sectors.py [--folder CALIENDO_PARRO] [--worlds 4000] [--write]

*Size of Caliendo and Parro (2015)*: 31 economies, 40 sectors, made up by gravity with theirs of everything else: 20
tradable sectors, elasticities from 0.39 to 51 and 8.22, tariffs up to 30 %. A solve is all of `solve_sectors`: the
search, the result and the residuals recomputed; beside it, the time of one dense linear system of as many equations as
there are prices, which a solver with a full Jacobian needs in every step, and the time of the plain solver. Times are
of the processor (and of the wall clock), medians of 31 runs after a first one that is thrown away, one BLAS thread.

*WIOD*: the table of 2011 (41 by 35) with an elasticity of 5, if `CONCORDAT_SHARED_DATA` is set.

*Caliendo and Parro*: the authors' replication files in the folder that `--folder` names: welfare and trade of NAFTA
beside the published figures, and the exact change of real income beside them, by both solvers. The pair `zero_first`
and `percent` was chosen out of four with the published figures in view.

*Worlds*: `--worlds` random ones with wild shocks, each `kept` and `zero_first`: certified, or refused by which name.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import statistics
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from concordat.errors import MethodError
from concordat.impact.caliendo_parro import parse_caliendo_parro
from concordat.impact.mrio_readers import parse_mrio
from concordat.impact.sectors import SectorEquilibrium, solve_sectors
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_check import largest_difference
from concordat.impact.sectors_readers import sectors_from_mrio
from concordat.impact.sectors_shocks import costs_multiplied, tariffs_among

Array = npt.NDArray[np.float64]
RESULTS = Path(__file__).parent / "results"
RUNS = 31
LIMITS = {"solve_ms": 50, "ambitious_solve_ms": 20, "solvers_agree": 1e-10, "welfare_pp": 0.02, "imports_pp": 0.6}
# Caliendo and Parro (2015), table 2 and the text of section 5.1: percent.
WELFARE = {"MEX": 1.31, "USA": 0.08, "CAN": -0.06}
IMPORTS = {"MEX": 118, "USA": 41, "CAN": 11}


def made_up(economies: int = 31, sectors: int = 40, seed: int = 1) -> SectorModel:
    """A world by gravity, the first half of its sectors tradable."""
    rng = np.random.Generator(np.random.PCG64(seed))
    tradable, home = sectors // 2, np.arange(economies)
    size, place = np.exp(rng.normal(0, 1.3, economies)), rng.uniform(0, 1, (economies, 2))
    apart = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1)) + 0.05
    flows = np.zeros((sectors, economies, economies))
    for j in range(tradable):
        buys, sells = size * np.exp(rng.normal(0, 0.3, economies)), size * np.exp(rng.normal(0, 0.6, economies))
        traded = np.outer(buys, sells) / apart * rng.uniform(0, 1, apart.shape) ** 1.5
        traded[rng.uniform(size=apart.shape) < 0.05] = 0
        np.fill_diagonal(traded, 0)
        flows[j] = traded + np.diag(rng.uniform(0.3, 3, economies) * traded.sum(axis=1) + 1e-6)
    flows[tradable:, home, home] = 90 * size
    tariff = np.zeros_like(flows)
    tariff[:tradable] = rng.uniform(0, 0.3, (tradable, economies, 1)) * rng.uniform(0.5, 1, flows[:tradable].shape)
    tariff[:, home, home] = 0
    theta = np.concatenate([np.exp(rng.uniform(np.log(0.39), np.log(51), tradable)), np.full(sectors - tradable, 8.22)])
    share, links = _links(rng, ((1 + tariff) * flows).sum(axis=2), flows.sum(axis=1))
    names = tuple(f"E{n}" for n in range(economies)), tuple(f"s{j}" for j in range(sectors))
    return SectorModel(*names, flows, tariff, share, links, theta, 2000, source="made up by gravity")


def _links(rng: np.random.Generator, spent: Array, made: Array) -> tuple[Array, Array]:
    """Value-added and input shares under which no good is used up by firms: links lean towards what is bought most."""
    kinds, count = spent.shape
    share = rng.uniform(0.25, 0.75, (kinds, count))
    links = 0.3 * rng.dirichlet(np.full(kinds, 0.5), (count, kinds)) + 0.7 * (spent / spent.sum(axis=0)).T[:, None, :]
    while (spent - np.einsum("njk,jn->kn", links, (1 - share) * made) < 0.01 * spent).any():
        share = 1 - (1 - share) * 0.95
    return share, links


def median_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of processor and of wall clock, medians of the runs after the first."""
    work()
    busy, waited = [], []
    for _ in range(RUNS):
        start, started = time.process_time(), time.perf_counter()
        work()
        busy.append(1000 * (time.process_time() - start))
        waited.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(busy), 2), round(statistics.median(waited), 2)


def scenarios(model: SectorModel, members: list[str]) -> dict[str, dict[str, Any]]:
    """What is asked: arguments of `solve_sectors`."""
    pairs = [(a, b) for a in members for b in members if a != b]
    away = 1 - np.eye(len(model.economies))
    free = tariffs_among(model, np.zeros_like(model.tariff), members)
    asked: dict[str, dict[str, Any]] = {
        "trade cost among three members 10 % lower": {"cost_change": costs_multiplied(model, pairs, 0.9)},
        "trade cost of all 10 % lower": {"cost_change": 1 - 0.1 * away},
        "the same, deficits zero_first": {"cost_change": 1 - 0.1 * away, "deficits": "zero_first"},
        "tariffs of 50 % everywhere": {"tariffs_new": 0.5 * away * np.ones_like(model.flows)},
    }
    if model.revenue.any():
        asked = {"no tariffs among three members": {"tariffs_new": free}} | asked
    return asked


def measured(model: SectorModel, members: list[str]) -> dict[str, Any]:
    """Times, residuals and the agreement of both solvers, by scenario; and the time of one dense system."""
    size = model.output.size
    rng = np.random.Generator(np.random.PCG64(2))
    matrix, right = rng.normal(size=(size, size)) + size * np.eye(size), rng.normal(size=size)
    dense, _ = median_ms(lambda: np.linalg.solve(matrix, right))
    found: dict[str, Any] = {"size": f"{len(model.economies)} x {len(model.sectors)}", "one_dense_system_ms": dense}
    for name, arguments in scenarios(model, members).items():
        result = solve_sectors(model, **arguments)
        took, waited = median_ms(lambda arguments=arguments: solve_sectors(model, **arguments))  # type: ignore[misc]
        start = time.process_time()
        apart = largest_difference(result)
        found[name] = {
            "solve_ms": took,
            "wall_ms": waited,
            "dense_systems": round(took / dense, 2),
            "steps": result.steps,
            "residual": float(f"{result.certificate.residual_max:.1e}"),
            "acr_gap": result.certificate.acr_gap and float(f"{result.certificate.acr_gap:.1e}"),
            "solvers_differ": float(f"{apart:.1e}"),
            "plain_solver_s": round(time.process_time() - start, 2),
        }
    return found


def wiod() -> dict[str, Any] | str:
    """The real table, if it is there."""
    folder = os.environ.get("CONCORDAT_SHARED_DATA", "")
    if not folder:
        return "not measured: needs CONCORDAT_SHARED_DATA"
    table = parse_mrio((Path(folder) / "io" / "wiod2013_2011.npz").read_bytes(), year=2011)
    model = sectors_from_mrio(table, 5.0, drop=[("LUX", "c24")], final_demand="clip_and_rebalance")
    return measured(model, ["BRA", "IND", "CHN"])


def nafta(folder: Path | None) -> dict[str, Any] | str:
    """The published figures beside ours."""
    if folder is None:
        return "not compared: needs the authors' replication files (--folder)"
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    read = parse_caliendo_parro(files, final_demand="clip_and_rebalance")
    members = list(WELFARE)
    tariffs = tariffs_among(read.model, read.tariffs_2005, members)
    variants = {
        f"{deficits}, {change}": solve_sectors(read.model, tariffs_new=tariffs, deficits=deficits, change=change)  # type: ignore[arg-type]
        for deficits in ("zero_first", "kept")
        for change in ("percent", "log")
    }
    chosen = variants["zero_first, percent"]
    return {
        "notes": list(read.model.notes),
        "published": {"welfare": WELFARE, "imports": IMPORTS},
        "first-order, not the result": {name: _first_order(result, members) for name, result in variants.items()},
        "imports": {k: v and round(v, 2) for k, v in chosen.imports_among_pct(members).items()},
        "exact real income %": {
            deficits: {m: round(variants[f"{deficits}, percent"].real_income_pct[m], 5) for m in members}
            for deficits in ("zero_first", "kept")
        },
        "solvers_differ": float(f"{largest_difference(chosen):.1e}"),
        "solve_ms": median_ms(lambda: solve_sectors(chosen.model, tariffs_new=tariffs))[0],
    }


def _first_order(result: SectorEquilibrium, members: list[str]) -> dict[str, float]:
    total = result.approximation.total_pct
    return {m: round(float(total[result.model.index(m)]), 4) for m in members}


def worlds(count: int) -> dict[str, Any] | str:
    """Random worlds of 2 to 20 economies and 1 to 8 sectors, costs times 0.2 to 5, home included, and new tariffs."""
    if not count:
        return "not run: --worlds 4000"
    tally: Counter[str] = Counter()
    worst = 0.0
    for seed in range(count):
        rng = np.random.Generator(np.random.PCG64(seed))
        model = _wild(rng)
        shape = model.flows.shape
        tariffs = rng.uniform(0, 1, shape) * (1 - np.eye(shape[1])) * (rng.uniform() < 0.5)
        spread = float(rng.choice([0.0, 0.1, 0.8]))
        costs = np.exp(np.clip(rng.normal(0, spread, shape), -1.6, 1.6)) if spread else 1.0
        for deficits in ("kept", "zero_first"):
            try:
                found = solve_sectors(model, tariffs_new=tariffs, cost_change=costs, deficits=deficits)  # type: ignore[arg-type]
            except MethodError as error:
                tally[f"{deficits}: refused ({error.code})"] += 1
                continue
            tally[f"{deficits}: certified"] += 1
            if seed < 300:
                worst = max(worst, largest_difference(found))
    return {"count": dict(sorted(tally.items())), "solvers_differ_of_the_first_300": float(f"{worst:.1e}")}


def _wild(rng: np.random.Generator) -> SectorModel:
    count, kinds = int(rng.integers(2, 21)), int(rng.integers(1, 9))
    shape, home = (kinds, count, count), np.arange(count)
    size = np.exp(rng.normal(0, 1.5, count))
    flows = np.exp(rng.normal(0, 1.5, shape)) * (rng.uniform(size=shape) > rng.uniform(0, 0.4))
    flows = flows * size[:, None] * size[None, :]
    flows[:, home, home] += rng.uniform(0.5, 10, (kinds, count)) * size**2
    tariff = rng.uniform(0, 0.4, shape) * (rng.uniform() < 0.7) * (1 - np.eye(count))
    share, links = _links(rng, ((1 + tariff) * flows).sum(axis=2), flows.sum(axis=1))
    theta = np.exp(rng.uniform(np.log(0.4), np.log(20), kinds))
    names = tuple(f"E{n}" for n in range(count)), tuple(f"s{j}" for j in range(kinds))
    return SectorModel(*names, flows, tariff, share, links, theta, 2000)


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="the replication files of Caliendo and Parro (2015)")
    parser.add_argument("--worlds", type=int, default=0, help="how many random worlds")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    report = {
        "benchmark": "impact_sectors",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": {
            "made up, the size of Caliendo and Parro": measured(made_up(), ["E2", "E5", "E9"]),
            "WIOD 2011": wiod(),
            "Caliendo and Parro (2015)": nafta(arguments.folder),
            "random worlds": worlds(arguments.worlds),
        },
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "numpy": version("numpy"),
        },
    }
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = f"{platform.system()}-{platform.machine()}".lower()
        name = f"impact_sectors-{system}-{os.cpu_count()}-cores.json"
        (RESULTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
