"""Runs gegravity as its documentation does, on cases that `impact_peers.py` hands over; in an environment of its own.

Reads one JSON object with cases from standard input, writes one with answers to standard output. Every case is built
from scratch for each run; `check_omr_rescale` chooses the scaling unless the case names one; all warnings are caught,
kept and counted. Needs gegravity alone, not this package.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

import gegravity
import numpy as np
import pandas as pd


def model_of(case: dict[str, Any]) -> Any:
    """The model of a case, not yet solved."""
    data = pd.DataFrame(case["rows"])
    baseline = gegravity.BaselineData(
        data, imp_var_name="importer", exp_var_name="exporter", year_var_name="year", trade_var_name="trade",
        expend_var_name="E", output_var_name="Y",
    )  # fmt: skip
    estimates = pd.DataFrame(
        [(name, value, 0.0) for name, value in case["coefficients"].items()], columns=["var", "beta", "stderr"]
    )
    costs = gegravity.CostCoeffs(estimates=estimates, identifier_col="var", coeff_col="beta", stderr_col="stderr")
    return gegravity.OneSectorGE(
        baseline=baseline, cost_coeff_values=costs, cost_variables=list(case["coefficients"]), year=case["year"],
        reference_importer=case["reference"], sigma=case["sigma"],
    )  # fmt: skip


def scaling_of(case: dict[str, Any]) -> tuple[float, list[dict[str, Any]], float]:
    """The scaling that `check_omr_rescale` points to, its table, and what it took.

    As its documentation reads the table: solved, in agreement with the other solved ones on the reference importer's
    resistance, and of those the smallest function value.
    """
    started = time.perf_counter()
    table = model_of(case).check_omr_rescale(omr_rescale_range=case["scaling_range"], mr_max_iter=case["mr_max_iter"])
    taken = time.perf_counter() - started
    rows = json.loads(table.to_json(orient="records"))
    solved = [r for r in rows if r["solved"] and r.get("reference_importer_omr") is not None]
    if not solved:
        return 1.0, rows, taken
    usual = float(np.median([r["reference_importer_omr"] for r in solved]))
    agreeing = [r for r in solved if abs(r["reference_importer_omr"] / usual - 1) < 1e-4]
    best = min(agreeing, key=lambda r: abs(r["max_func_value"]))
    return float(best["omr_rescale"]), rows, taken


def solved(case: dict[str, Any], scaling: float) -> dict[str, Any]:
    """One run: seconds by stage, prices and resistances."""
    times = []
    clock = time.process_time()
    started = time.perf_counter()
    model = model_of(case)
    model.build_baseline(omr_rescale=scaling, mr_max_iter=case["mr_max_iter"])
    times.append(time.perf_counter() - started)
    experiment = model.baseline_data.copy()
    for name, value in case["experiment"].items():
        pairs = {tuple(p) for p in value["pairs"]} if value["pairs"] != "all" else None
        chosen = [
            pairs is None or (i, j) in pairs
            for i, j in zip(experiment["exporter"], experiment["importer"], strict=True)
        ]
        experiment.loc[chosen, name] = value["to"]
    started = time.perf_counter()
    model.define_experiment(experiment)
    model.simulate(ge_max_iter=case["ge_max_iter"])
    times.append(time.perf_counter() - started)
    cpu = time.process_time() - clock
    results = model.country_results
    names = {
        "price_pct": "factory gate price change (percent)",
        "inward_pct": "imr change (percent)",
        "real_gdp_pct": "GDP change (percent)",
    }
    answer = {key: {str(c): float(v) for c, v in results[column].items()} for key, column in names.items()}
    flows = model.bilateral_trade_results["baseline modeled trade"]
    stages = {name: str(found["message"]) for name, found in model.solver_diagnostics.items()}
    return {
        **answer,
        "stages": stages,
        "define_and_build_s": round(times[0], 3),
        "experiment_and_simulate_s": round(times[1], 3),
        "total_s": round(sum(times), 3),
        "total_cpu_s": round(cpu, 3),
        "baseline": [[str(i), str(j), float(v)] for (i, j), v in flows.items()],
    }


def run(case: dict[str, Any]) -> dict[str, Any]:
    """A case: the scaling, then as many runs as it asks for."""
    said = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(said):
        warnings.simplefilter("always")
        found: dict[str, Any] = {}
        if case["scaling"] is None:
            scaling, table, taken = scaling_of(case)
            found = {"check_omr_rescale": table, "check_omr_rescale_s": round(taken, 3)}
        else:
            scaling = case["scaling"]
        found["omr_rescale"] = scaling
        try:
            runs = [solved(case, scaling) for _ in range(case["runs"])]
        except (ValueError, ArithmeticError, KeyError) as error:
            found["stopped"] = f"{type(error).__name__}: {error}"
        else:
            order = sorted(range(len(runs)), key=lambda n: runs[n]["total_s"])
            found |= runs[order[len(runs) // 2]]
            found["all_runs_s"] = [r["total_s"] for r in runs]
    texts = [f"{w.category.__name__}: {' '.join(str(w.message).split())}" for w in caught]
    found["warnings"] = {text: texts.count(text) for text in dict.fromkeys(texts)}
    lines = said.getvalue().splitlines()
    found["says_converged"] = sum("The solution converged." in line for line in lines)
    return found


def main() -> None:
    """Answer all cases."""
    cases = json.load(sys.stdin)
    packages = ("gegravity", "numpy", "scipy", "pandas")
    answer = {"versions": {p: version(p) for p in packages}, "cases": {name: run(c) for name, c in cases.items()}}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
