"""How long does a table of 126,371 figures take, from the file to a stored vintage with every hash?

Reads the WDI panel of the shared data where it is (`CONCORDAT_SHARED_DATA`; of its 32 names the 14 below are figures,
the others are left out and counted), and a synthetic file of 126,371 figures that needs nothing. Beside each, in the
same run: Python's `csv.reader` and DuckDB's `read_csv` on the same bytes, which read and store nothing else; the ratios
say what countries, periods, ids, hashes, invariants, sorting and Parquet cost. Every measure runs in a process of its
own, whose peak memory is reported; the median of the runs counts, the first is thrown away. Prints one JSON object with
the machine; with `--write` it is also stored in `results/`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from startup import RESULTS, machine

RUNS = 3
ROWS = 126_371
LIMITS = {"accept": {"import_s": 5.0, "peak_mb": 300.0}, "ambitious": {"import_s": 2.0, "peak_mb": 300.0}}
PANEL = Path(os.environ.get("CONCORDAT_SHARED_DATA", "")) / "wdi_panel_gapminder_2026.csv"
HEAD = """\
schema: concordat/import@1
file: {file}
dataset: {{id: benchmark, title: T, producer: P, published: 2026-03-01, licence: CC-BY-4.0, class: other}}
columns:
  area: {{column: iso3}}
  period: {{column: year}}
  value: {{column: value}}
  indicator:
    column: indicator
    others: leave_out
    values:
"""
NAMES = {
    "internet_users": "internet_users_pct",
    "broadband_subscribers_per_100_people": "fixed_broadband_per_100",
    "cell_phones_per_100_people": "mobile_subscriptions_per_100",
    "electricity_use_per_person": "electricity_consumption_kwh_per_person",
    "aged_15_24_unemployment_rate_percent": "unemployment_youth_pct",
    "foreign_direct_investment_net_inflows_percent_of_gdp": "fdi_inflow_pct_gdp",
    "gdppercapita_us_inflation_adjusted": "gdp_constant_2015_usd_per_person",
    "total_gdp_us_inflation_adjusted": "gdp_constant_2015_usd",
    "high_technology_exports_percent_of_manufactured_exports": "high_tech_exports_pct",
    "inequality_index_gini": "gini_index",
    "literacy_rate_adult_total_percent_of_people_ages_15_and_above": "literacy_adult_pct",
    "patent_applications_total": "patent_applications",
    "services_percent_of_gdp": "services_pct_gdp",
    "urban_population_percent_of_total": "urban_population_pct",
}


def synthetic(path: Path) -> dict[str, str]:
    """A file of as many figures as the panel has rows: 20 indicators, 200 countries, 32 years."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.world import countries

    names = [i for i, known in load_catalogue().indicators.items() if known.unit in ("percent", "per_100")][:20]
    areas = [c.iso3 for c in countries()][:200]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("iso3", "year", "indicator", "value"))
        for n in range(ROWS):
            value = (n * 7919 % 100_003) / 1000.3
            out.writerow((areas[n // 32 % 200], 1990 + n % 32, names[n // 6400], value))
    return {name: name for name in names}


def mapping(file: str, names: dict[str, str]) -> str:
    """The mapping file for a table with these names of indicators."""
    from concordat.evidence.catalogue import load_catalogue

    known = load_catalogue().indicators
    lines = (f"      {name}: {{indicator: {i}, unit: {known[i].unit}}}\n" for name, i in names.items())
    return HEAD.format(file=file) + "".join(lines)


def measure(what: str, path: Path, map_path: Path) -> dict[str, float]:
    """One measure, in this process."""
    if what == "import":
        from concordat.evidence.catalogue import load_catalogue
        from concordat.evidence.sources import tabular
        from concordat.evidence.store import open_store

        catalogue = load_catalogue()
        importer = tabular.read_mapping(map_path.read_bytes(), catalogue, where=map_path.name)
        with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "data") as store:
            start = time.perf_counter()
            rows = tabular.import_file(store, path, importer).vintage.row_count
            taken = time.perf_counter() - start
    elif what == "csv.reader":
        start = time.perf_counter()
        rows = sum(1 for _ in csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))) - 1
        taken = time.perf_counter() - start
    else:
        import duckdb

        with duckdb.connect(":memory:", config={"threads": 1}) as engine:
            start = time.perf_counter()
            rows = len(engine.execute(f"SELECT * FROM read_csv('{path}', header=true)").fetchall())
            taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(taken, 3), "rows": rows, "peak_mb": round(peak, 1)}


def run(what: str, path: Path, map_path: Path) -> dict[str, object]:
    """The median of several runs, each in a process of its own."""
    command = [sys.executable, __file__, "--one", what, str(path), str(map_path)]
    runs = []
    for _ in range(RUNS + 1):
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120, text=True)
        runs.append(json.loads(done.stdout))
    kept = runs[1:]
    seconds = statistics.median(r["seconds"] for r in kept)
    return {"seconds": seconds, "runs_s": [r["seconds"] for r in kept], "rows": kept[0]["rows"],
            "peak_mb": max(r["peak_mb"] for r in kept)}  # fmt: skip


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "FILE", "MAP"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        what, path, map_path = arguments.one
        print(json.dumps(measure(what, Path(path), Path(map_path))))
        return
    measured: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "synthetic.csv"
        files = {"synthetic": (made, synthetic(made))}
        if PANEL.is_file():
            files["wdi_panel"] = (PANEL, NAMES)
        for name, (path, names) in files.items():
            map_path = Path(folder) / f"{name}.yaml"
            map_path.write_text(mapping(path.name, names), encoding="utf-8")
            found = {what: run(what, path, map_path) for what in ("import", "csv.reader", "duckdb read_csv")}
            taken = float(found["import"]["seconds"])  # type: ignore[arg-type]
            times = {
                f"import / {other}": round(taken / float(found[other]["seconds"]), 1)  # type: ignore[arg-type]
                for other in ("csv.reader", "duckdb read_csv")
            }
            measured[name] = {**found, "times": times}
    synthetic_import = measured["synthetic"]["import"]
    assert isinstance(synthetic_import, dict)
    kept = {
        level: synthetic_import["seconds"] < limit["import_s"] and synthetic_import["peak_mb"] < limit["peak_mb"]
        for level, limit in LIMITS.items()
    }
    report = {
        "benchmark": "import_csv",
        "version": version("concordat"),
        "limits": LIMITS,
        "kept": kept,
        "measured": measured,
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        system = machine()["system"].lower().replace(" ", "-")
        (RESULTS / f"import_csv-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
