"""How fast is the exact equilibrium: one scenario, every coalition of sixteen, a thousand draws?

Each beside the raw limit of the same run: what the linear algebra alone costs, which no solver in NumPy can beat.

- one scenario, N = 60, the counterfactual only: median of 200 different shocks after 200 others;
- 65,536 coalitions of 16 members, N = 69, with exact Shapley values: median of five after one;
- 1,000 draws of effect and elasticity, N = 69 (every draw its own elasticity; and one for all): the same.

Economies are made up (gravity on a square, deficits of some percent); with `--data FOLDER` (which holds `trade/`) those
of 69 are the reference panel of 2002. One thread. Wall clock and processor time: on a busy machine the second is the
one to read. Every result's residual is stored, and how far rows are from the same scenario solved alone.

    .venv/bin/python benchmarks/impact_solver.py [--data FOLDER] [--write]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from startup import RESULTS, machine

from concordat.impact.batch import Batch, CoalitionShocks, solve_batch
from concordat.impact.equilibrium import bloc_shock, solve
from concordat.impact.sharing.equilibria import game_of_equilibria
from concordat.impact.sharing.shapley import shapley
from concordat.impact.trade_readers import parse_trade_csv
from concordat.impact.trade_table import TradeTable

SCENARIOS = 200
RUNS = 5
DRAWS = 1_000
MEMBERS = 16
THETA = 5.0
EFFECT = 0.557
LIMITS = {
    "one_scenario_60": {"wall_s": 0.0005, "ambitious_wall_s": 0.0001},
    "coalitions_65536_of_69_with_shapley": {"wall_s": 1.5, "ambitious_wall_s": 0.5},
    "draws_1000_of_69": {"wall_s": 0.1, "ambitious_wall_s": 0.05},
    "residual": 1e-10,
}
# Sixteen members of the panel: those of BRICS and of the southern cone that it has, and others in the order of codes.
BLOC = (
    "BRA", "IND", "CHN", "ZAF", "EGY", "IRN", "IDN", "ARG", "BOL", "CHL", "COL", "ECU", "KEN", "MEX", "NGA", "URY",
)  # fmt: skip


def generator(seed: int) -> np.random.Generator:
    """The generator of one measurement."""
    return np.random.Generator(np.random.PCG64(seed))


def made_up(size: int) -> TradeTable:
    """Gravity on a square: sizes lognormal, home bias, deficits of some percent."""
    rng = generator(size)
    places = rng.uniform(0, 10_000, (size, 2))
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)) + 150
    flows = np.outer(rng.lognormal(10, 1.2, size), rng.lognormal(0, 1.2, size)) * distance**-0.8
    flows *= np.where(np.eye(size) > 0, 12.0, 1.0) * rng.lognormal(0, 0.3, (size, size))
    return TradeTable(tuple(f"E{n:02d}" for n in range(size)), flows, 2006, source="made up")


def timed(call: Callable[[], Any], runs: int = RUNS, within: int = 1) -> tuple[dict[str, float], Any]:
    """Median seconds, wall clock and processor, of several runs after one; each may be many calls."""
    wall, cpu = [], []
    for _ in range(runs + 1):
        start, clock = time.process_time(), time.perf_counter()
        for _ in range(within):
            found = call()
        wall.append((time.perf_counter() - clock) / within)
        cpu.append((time.process_time() - start) / within)
    return {"wall_s": short(statistics.median(wall[1:])), "cpu_s": short(statistics.median(cpu[1:]))}, found


def short(value: float) -> float:
    """Three digits."""
    return float(f"{value:.3g}")


# --- One scenario -----------------------------------------------------------------------------------------------------


def one_scenario(size: int = 60) -> dict[str, Any]:
    """Shocks among random members, up and down, each solved once; the first half warms up."""
    table, rng = made_up(size), generator(1)
    shocks = []
    for _ in range(2 * SCENARIOS):
        members = [table.economies[n] for n in rng.choice(size, int(rng.integers(2, 12)), replace=False)]
        shocks.append(bloc_shock(table, members, float(rng.uniform(-0.5, 0.8))))
    wall, cpu, results = [], [], []
    for shock in shocks:
        start, clock = time.process_time(), time.perf_counter()
        results.append(solve(table, shock=shock, theta=THETA))
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - start)
    wall, cpu, results = wall[SCENARIOS:], cpu[SCENARIOS:], results[SCENARIOS:]
    square, right = generator(2).normal(size=(size, size)), np.ones(size)
    return {
        "median": {"wall_s": short(statistics.median(wall)), "cpu_s": short(statistics.median(cpu))},
        "least_wall_s": short(min(wall)),
        "ninth_decile_wall_s": short(float(np.quantile(wall, 0.9))),
        "steps_median": statistics.median(r.iterations for r in results),
        "residual_worst": max(r.certificate.residual_max for r in results),
        "first_with_a_new_table": timed(lambda: solve(made_up(size), shock=shocks[0], theta=THETA))[0],
        "making_that_table": timed(lambda: made_up(size))[0],
        "with_certificate": timed(lambda: solve(table, shock=shocks[0], theta=THETA).certificate, 21)[0],
        "raw_limit": {
            "linalg_solve_once": timed(lambda: np.linalg.solve(square, right), 21, 20)[0],
            "two_products_and_two_exponentials": timed(
                lambda: (np.exp(right) @ square, square @ np.exp(right)), 21, 20
            )[0],
        },
    }


# --- Many -------------------------------------------------------------------------------------------------------------


def coalitions(table: TradeTable, members: tuple[str, ...]) -> dict[str, Any]:
    """Every coalition, the game, and its Shapley values; beside one pair of products on as many rows."""
    rows, size = 2 ** len(members), len(table.economies)

    def whole() -> tuple[Batch, np.ndarray]:
        batch = solve_batch(table, CoalitionShocks(members, EFFECT), theta=THETA)
        game, _, _ = game_of_equilibria(table, members, batch.real_income)
        return batch, shapley(game)

    seconds, (batch, shares) = timed(whole)
    x, square = generator(3).normal(size=(rows, size)), generator(4).normal(size=(size, size))
    out, back = np.empty_like(x), np.empty_like(x)
    return {
        "equilibria": rows,
        "with_shapley": seconds,
        "equilibria_alone": timed(lambda: solve_batch(table, CoalitionShocks(members, EFFECT), theta=THETA), 3)[0],
        "microseconds_each": short(1e6 * seconds["wall_s"] / rows),
        "residual_worst": float(batch.residual.max()),
        "solved_alone": len(batch.alone),
        "largest_gap_to_single": gap(batch, (1, 77, rows // 3, rows - 1)),
        "shares_less_total": float(abs(shares.sum() - _total(table, batch, members))),
        "raw_limit": {
            "one_pair_of_products": timed(lambda: (np.matmul(x, square, out=out), np.matmul(out, square, out=back)))[0],
            "one_exponential": timed(lambda: np.exp(x, out=out))[0],
        },
    }


def _total(table: TradeTable, batch: Batch, members: tuple[str, ...]) -> float:
    return float(batch.money_metric[-1, table.indices(members)].sum())


def gap(batch: Batch, rows: tuple[int, ...]) -> float:
    """The largest relative gap of a wage to that of the same scenario solved alone."""
    found = 0.0
    for row in rows:
        single = batch.single(row)
        found = max(found, float(np.abs(batch.wage[row] / single.wage - 1).max()))
    return found


def draws(table: TradeTable, members: tuple[str, ...]) -> dict[str, Any]:
    """Effect normal (0.557, 0.104), elasticity triangular 3 to 7, mode 4: of each draw its own, or one."""
    rng, size = generator(5), len(table.economies)
    effects = rng.normal(EFFECT, 0.104, DRAWS)
    inside = bloc_shock(table, members, 1.0) > 1
    shocks = np.where(inside, np.exp(effects)[:, None, None], 1.0)
    own = rng.triangular(3, 4, 7, DRAWS)
    square, right = generator(6).normal(size=(DRAWS, size, size)), np.ones((DRAWS, size, 1))
    x, one = np.ones((DRAWS, size)), square[0]
    found: dict[str, Any] = {"draws": DRAWS}
    for name, theta in (("own_elasticity", own), ("one_elasticity", THETA)):
        seconds, batch = timed(lambda theta=theta: solve_batch(table, shocks, theta=theta))  # type: ignore[misc]
        found[name] = {
            **seconds,
            "residual_worst": float(batch.residual.max()),
            "solved_alone": len(batch.alone),
            "largest_gap_to_single": gap(batch, (0, 400, 999)),
        }
    found["raw_limit"] = {
        "linalg_solve_of_the_stack_once": timed(lambda: np.linalg.solve(square, right), 3)[0],
        "one_pair_of_products": timed(lambda: (x @ one) @ one, 21)[0],
    }
    return found


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of shared data")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    if arguments.data:
        name = "agtpa_panel_69.csv.gz"
        data = (arguments.data / "trade" / name).read_bytes()
        table, members = parse_trade_csv(data, where=name, year=2002), BLOC
    else:
        table, members = made_up(69), made_up(69).economies[:MEMBERS]
    report = {
        "benchmark": "impact_solver",
        "version": version("concordat"),
        "limits": LIMITS,
        "table_of_69": table.source,
        "measured": {
            "one_scenario_60": one_scenario(),
            "coalitions_65536_of_69_with_shapley": coalitions(table, members),
            "draws_1000_of_69": draws(table, members),
        },
        "machine": {**machine(), "numpy": version("numpy")},
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = machine()["cores"], str(machine()["system"]).replace(" ", "-").lower()
        (RESULTS / f"impact_solver-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
