"""How long do a thousand runs of an index take, beside a plain loop that repeats every stage in every run?

An index of the size of COINr's own example: 51 units, 49 indicators in 8 pillars and 2 sub-indices, 4 % of the figures
missing, a third of the columns skewed (synthetic, PCG64 seed 51). Varied: up to how many values are winsorised (1 to
5), min-max or ranks, weights a quarter up or down (100 draws), arithmetic or geometric on top. Measured are: one run;
1,000 and 10,000 runs end to end (file read, bound, drawn, run, ranked, imports excluded); 1,000 runs that each have
their own 51 x 49 figures; a sensitivity analysis of 1,500 runs with bootstrap intervals; all 2,000 combinations with
exact indices and Shapley effects; attribution of a change to 4 and to 12 components; a cold `concordat index run`.

Beside it: `tests/conformance/plain_index.py`, the same formulas unit by unit in plain Python, run by run. COINr is in
no registry within reach: not compared here. CPU and wall seconds, best of 5 after one thrown away, one BLAS thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported, or it has no effect

import argparse
import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from concordat.observatory.batch import Batch
from concordat.observatory.bind import from_table
from concordat.observatory.compare import compare
from concordat.observatory.design import sobol
from concordat.observatory.graph import Graph
from concordat.observatory.ranks import rank_table
from concordat.observatory.run import run
from concordat.observatory.sensitivity import first_and_total
from concordat.observatory.spec import IndexSpec
from concordat.observatory.targets import target
from concordat.observatory.uncertainty import factor_of, uncertainty

RUNS = 5
HERE = Path(__file__).parent
RESULTS = HERE / "results"
UNITS, PILLARS = 51, (6, 6, 6, 6, 6, 7, 6, 6)
LIMITS = {  # CPU seconds: accepted, ambitious
    "ua_1000": (0.19, 0.05),
    "ua_10000": (0.5, 0.15),
    "own_data_1000": (1.9, 0.6),
    "sa_1500": (0.35, 0.05),
    "exact_2000": (0.5, 0.1),
    "attribution_12_wall": (None, 2.0),
    "cold_run_wall": (1.5, 0.8),
}


def figures() -> np.ndarray:
    """51 x 49 figures above zero, some missing, some skewed."""
    rng = np.random.Generator(np.random.PCG64(51))
    level = rng.normal(0, 1, UNITS)
    columns = []
    for n in range(sum(PILLARS)):
        x = 0.7 * level + 0.7 * rng.normal(0, 1, UNITS)
        columns.append(np.exp(1.3 * x) if n % 3 == 0 else 50 + 10 * x)
    x = np.stack(columns, axis=1)
    x[rng.uniform(size=x.shape) < 0.04] = np.nan
    return x


def file_text(*, error: bool = False) -> str:
    """The index file; with `error`, every indicator states one, and its draws are varied."""
    rows, n = [], 0
    for s, part in enumerate((PILLARS[:5], PILLARS[5:])):
        rows.append(f"  - pillar: sub{s}\n    pillars:")
        for p, size in enumerate(part):
            rows.append(f"      - pillar: sub{s}p{p}\n        indicators:")
            for _ in range(size):
                direction = "down" if n % 7 == 3 else "up"
                said = ", error: {relative_sd: 0.05}" if error else ""
                rows.append(f"          - {{id: i{n:02d}, direction: {direction}{said}}}")
                n += 1
    draws = "    data.error: {draws: 1000}\n" if error else ""
    return (
        "schema: concordat/index@1\nindex: bench\ntitle: Benchmark\ntree:\n" + "\n".join(rows) + "\nsteps:\n"
        "  - treat: {winsorise_max: 5, then: log_ct}\n  - normalise: {method: minmax, floor: 1}\n"
        "  - weights: {method: given}\n  - aggregate: {default: arithmetic, top: arithmetic}\n"
        "uncertainty:\n  runs: 1500\n  seed: 1\n  vary:\n    treat.winsorise_max: [1, 2, 3, 4, 5]\n"
        "    normalise.method: [minmax, rank]\n    weights.noise: {plus_minus: 0.25, levels: [2, 3], draws: 100}\n"
        "    aggregate.top: [arithmetic, geometric]\n" + draws
    )


def table_text(x: np.ndarray) -> str:
    """The figures as a wide table."""
    head = ",".join(["unit", *(f"i{n:02d}" for n in range(x.shape[1]))])
    rows = (",".join([f"U{u:02d}", *("" if np.isnan(v) else repr(float(v)) for v in row)]) for u, row in enumerate(x))
    return "\n".join([head, *rows])


def end_to_end(count: int, table: str, *, error: bool = False) -> Any:
    """File and table to rank statistics of `count` runs at random levels."""
    spec = IndexSpec.from_yaml(file_text(error=error))
    result = run(spec, from_table(spec, table))
    batch = Batch(result.graph)
    rng = np.random.Generator(np.random.PCG64(2))
    factors = [factor_of(v) for v in batch.factors]
    levels = np.stack([f.from_uniform(rng.random(count)) for f in factors], axis=1)
    if error:
        levels[:, [f.kind for f in batch.factors].index("error")] = np.arange(count)
    return rank_table(batch.scores(levels), nominal=result.scores)


def sensitivity(table: str) -> Any:
    """1,500 runs of a Sobol design, first and total indices of every rank with intervals."""
    spec = IndexSpec.from_yaml(file_text())
    result = run(spec, from_table(spec, table))
    batch = Batch(result.graph)
    design = sobol([factor_of(v) for v in batch.factors], 1536, 1)
    y, names = target("mean_abs_rank_change", batch.scores(design.levels), result.scores, result.units)
    return first_and_total(design, y, outputs=names)


def exact(table: str) -> Any:
    """All 2,000 combinations: rank table, exact indices, Shapley effects."""
    spec = IndexSpec.from_yaml(file_text())
    return uncertainty(run(spec, from_table(spec, table)))


def attribution(parts: int, x: np.ndarray) -> Any:
    """A change of 4 or 12 components between two editions."""
    later, earlier = file_text(), file_text()
    earlier = earlier.replace("{method: minmax, floor: 1}", "{method: rank, floor: 1}").replace(
        "winsorise_max: 5,", "winsorise_max: 2,"
    )
    later = later.replace("pillar: sub0\n", "pillar: sub0\n    weight: 2\n")
    later = later.replace("top: arithmetic", "top: geometric")
    before = x.copy()
    if parts == 12:
        screened = "steps:\n  - impute: {method: median}\n  - screen: {min_share: 0.5}\n"
        lines = "  - denominate: {i01: {by: size, per: 2}}\n  - impute: {method: mean}\n  - screen: {min_share: 0.4}\n"
        earlier = earlier.replace("steps:\n", f"steps:\n{lines}")
        later = later.replace("steps:\n", screened)
        later = later.replace("id: i05, direction: up", "id: i05, direction: down")
        later = later.replace("index: bench\n", "index: bench\ndata: {years: 2021..2021}\n")
        later = later.replace("title: Benchmark\n", "title: Benchmark\ncompat: coinr-1.1.14\n")
        before[:, 4] *= 1.1
    first, second = IndexSpec.from_yaml(later), IndexSpec.from_yaml(earlier)
    now, then = table_text(x), table_text(before)
    then = "\n".join(line + (",size" if n == 0 else ",1.5") for n, line in enumerate(then.split("\n")))
    if parts == 12:
        now = _dated(now)
        then = _dated(then, older=9).replace("U50", "U99")
        second = IndexSpec.from_yaml(earlier.replace("index: bench\n", "index: bench\ndata: {years: 2020..2021}\n"))
    return compare(run(first, from_table(first, now)), run(second, from_table(second, then))).attribute()


def _dated(table: str, older: int = 0) -> str:
    """A wide table as a long one of 2021; one column may be of 2020."""
    head, *rows = (line.split(",") for line in table.split("\n"))
    lines = ["unit,year,indicator,value"]
    for row in rows:
        lines += [f"{row[0]},{2020 if k == older else 2021},{head[k]},{c}" for k, c in enumerate(row) if k and c]
    return "\n".join(lines)


def plain(x: np.ndarray) -> float:
    """CPU seconds of one run of the plain loop."""
    spec = importlib.util.spec_from_file_location("plain_index", HERE.parent / "tests/conformance/plain_index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = [[None if np.isnan(v) else float(v) for v in row] for row in x]
    tree: dict[str, Any] = {"children": []}
    n = 0
    for part in (PILLARS[:5], PILLARS[5:]):
        pillars = []
        for size in part:
            pillars.append({"children": [{"column": c} for c in range(n, n + size)]})
            n += size
        tree["children"].append({"children": pillars})
    options = {
        "directions": [-1 if k % 7 == 3 else 1 for k in range(n)],
        "treat": {"winsorise_max": 5, "then": "log_ct"},
    }
    options["normalise"] = {"method": "minmax", "lower": 0, "upper": 100}
    return timed(lambda: module.plain_run(data, tree, options), runs=3)["cpu_s"]


def timed(work: Callable[[], Any], runs: int = RUNS) -> dict[str, float]:
    """CPU and wall seconds, the best of several after one that is thrown away."""
    work()
    cpu, wall = [], []
    for _ in range(runs):
        c, w = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    return {"cpu_s": round(min(cpu), 4), "wall_s": round(min(wall), 4)}


def cold(table: str) -> dict[str, float]:
    """`concordat index run` from the start of the process to its end, with and without its uncertainty."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file, data = Path(folder) / "bench.yaml", Path(folder) / "bench.csv"
        file.write_text(file_text(), encoding="utf-8")
        data.write_text(table, encoding="utf-8")
        for name, more in (("scores", ["--no-uncertainty"]), ("all", [])):
            words = [sys.executable, "-m", "concordat", "index", "run", str(file), "--data", str(data), *more]
            times = []
            for _ in range(RUNS + 1):
                start = time.perf_counter()
                subprocess.run(words, check=True, capture_output=True)
                times.append(time.perf_counter() - start)
            found[name] = round(sorted(times[1:])[RUNS // 2], 3)
    return found


def main() -> None:
    """Measure, print, and with `--write` store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result")
    write = parser.parse_args().write
    x = figures()
    table = table_text(x)
    spec = IndexSpec.from_yaml(file_text())
    panel = from_table(spec, table)
    found: dict[str, Any] = {
        "one_run": timed(lambda: run(spec, panel)),
        "walk": timed(lambda: Graph(spec, panel).walk()),
        "ua_1000": timed(lambda: end_to_end(1000, table)),
        "ua_10000": timed(lambda: end_to_end(10_000, table)),
        "own_data_1000": timed(lambda: end_to_end(1000, table, error=True)),
        "sa_1500": timed(lambda: sensitivity(table)),
        "exact_2000": timed(lambda: exact(table)),
        "attribution_4": timed(lambda: attribution(4, x)),
        "attribution_12": timed(lambda: attribution(12, x), runs=1),
        "cold": cold(table),
        "plain_one_run_cpu_s": round(plain(x), 5),
    }
    found["components"] = {str(n): list(attribution(n, x).score.components) for n in (4, 12)}
    per_run = found["plain_one_run_cpu_s"]
    many = (("ua_1000", 1000), ("ua_10000", 10_000), ("own_data_1000", 1000))
    found["ratio_to_plain"] = {k: round(n * per_run / found[k]["cpu_s"], 1) for k, n in many}
    found["coinr"] = "not compared here: in no registry within reach"
    system = f"{platform.system().lower()}-{platform.machine()}-{os.cpu_count()}-cores"
    about = {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "system": system,
    }
    result = {"benchmark": "index_uncertainty", "limits_cpu_s": LIMITS, "found": found, "machine": about}
    print(json.dumps(result, indent=1))
    if write:
        (RESULTS / f"index_uncertainty-{system}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
