"""What does rung b of the ladder cost, and how near is it to plain linear algebra?

A world of 41 economies and 35 industries (the size of WIOD), and one economy of 405 industries (the size of the
detailed US tables), both random. Ours: a country's table and its measure with all checks, three sets an economy. Raw
limit: one `numpy.linalg.solve` of the same size with two right sides. By inverse: M in full, summed. No peer computes
this measure, so the limit is the algebra; agreement is the largest relative difference to the inverse.
To measure: OPENBLAS_NUM_THREADS=1 python benchmarks/impact_accounts.py --write
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from startup import RESULTS, machine

from concordat.impact.accounts.io_table import IOTable, of_country
from concordat.impact.accounts.linkages import digital_linkages
from concordat.impact.mrio_table import MrioTable

RUNS = 15
SETS = (("s26",), ("s13", "s26"), ("s13", "s26", "s29"))


def world(economies: int, industries: int) -> MrioTable:
    """A world in which inputs take 60 % of output."""
    random = np.random.Generator(np.random.PCG64(1))
    n = economies * industries
    f = random.uniform(5, 100, (n, economies))
    z = random.uniform(0, 1, (n, n))
    z *= 0.6 * f.sum(axis=1) / z.sum(axis=0)
    names = tuple(f"E{k}" for k in range(economies)), tuple(f"s{k}" for k in range(industries))
    return MrioTable(*names, ("f",), z, f, z.sum(axis=1) + f.sum(axis=1), "million", 2020, "", "random world")


def median_ms(run: Callable[[], object]) -> float:
    """Median milliseconds of `RUNS` runs after one that is thrown away."""
    run()
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        took.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(took), 4)


def solve_only(table: IOTable) -> Callable[[], object]:
    """The raw limit."""
    leontief = np.eye(len(table.output)) - table.z / table.output
    sides = np.stack([table.final, table.final], axis=1)
    return lambda: np.linalg.solve(leontief, sides)


def by_inverse(table: IOTable, digital: tuple[str, ...]) -> float:
    """The measure from M in full."""
    e = np.array([i in digital for i in table.industries])
    inverse = np.linalg.inv(np.eye(len(e)) - table.z / table.output)
    m = (table.value_added / table.output)[:, None] * inverse * table.final
    return float(m[:, e].sum() + m[e].sum() - m[np.ix_(e, e)].sum())


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    whole = world(41, 35)
    one, large = of_country(whole, "E0"), of_country(world(1, 405), "E0")
    gaps = [
        abs(digital_linkages(table, digital).total / by_inverse(table, digital) - 1)
        for table in (of_country(whole, c) for c in whole.countries)
        for digital in SETS
    ]
    measured = {
        "country_table_ms": median_ms(lambda: of_country(whole, "E7")),
        "measure_35_ms": median_ms(lambda: digital_linkages(one, SETS[1])),
        "measure_405_ms": median_ms(lambda: digital_linkages(large, SETS[1])),
        "raw_solve_35_ms": median_ms(solve_only(one)),
        "raw_solve_405_ms": median_ms(solve_only(large)),
        "by_inverse_35_ms": median_ms(lambda: by_inverse(one, SETS[1])),
        "by_inverse_405_ms": median_ms(lambda: by_inverse(large, SETS[1])),
        "world_41_economies_3_sets_ms": median_ms(
            lambda: [digital_linkages(of_country(whole, c), digital) for c in whole.countries for digital in SETS]
        ),
    }
    report = {
        "benchmark": "impact_accounts",
        "version": version("concordat"),
        "numpy": version("numpy"),
        "measured": measured,
        "ratio_to_raw_solve": {
            "35": round(measured["measure_35_ms"] / measured["raw_solve_35_ms"], 2),
            "405": round(measured["measure_405_ms"] / measured["raw_solve_405_ms"], 2),
        },
        "largest_relative_difference_to_inverse": float(f"{max(gaps):.2g}"),
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = report["machine"]["cores"], report["machine"]["system"].replace(" ", "-").lower()
        (RESULTS / f"impact_accounts-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
