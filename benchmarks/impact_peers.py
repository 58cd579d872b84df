"""Two peers of the impact room on the same counterfactuals and panels: gegravity, and pyfixest.

**gegravity** in an environment of its own, run as its documentation does: `check_omr_rescale` with its own defaults
chooses the scaling, warnings are counted, versions and settings stored. Its own sample of 30 economies with its own
example (an agreement of Canada and Japan, sigma 5); the panel of 69 with the settings of its own published example (no
borders, 2006, sigma 7, `omr_rescale` 1000), and once more with the scaling that its utility points to; a synthetic 60.
Both sides start from the same margins and trade costs. Stored for each: seconds of a run of theirs (baseline and
counterfactual) and of ours (fitted base and counterfactual; then the counterfactual alone), always single against
single; differences in percentage points; whether its answer is the one-step update
`p = (outward before / outward after)^(1 / (1 - sigma))` with resistances at unchanged output and expenditure; the
largest excess demand `|S / Y' - 1|` at its prices and at ours; prices that are negative.

**pyfixest** and our estimator on the four specifications: seconds with its default tolerances, and with tighter ones
that give as many digits as ours; coefficients and errors. Medians of three runs after one. pyfixest may use two
threads, so that it is compared by the wall clock, gegravity by processor time.

    .venv/bin/python benchmarks/impact_peers.py --data FOLDER --gegravity PYTHON     FOLDER holds `trade/`
    .venv/bin/python benchmarks/impact_peers.py --data FOLDER --make-venv PLACE      makes the environment there first
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from startup import RESULTS, machine

from concordat.impact import _pyfixest
from concordat.impact.baseline import fitted
from concordat.impact.equilibrium import Equilibrium, solve
from concordat.impact.estimation import FORMULAS, estimate
from concordat.impact.estimation_panel import parse_trade_panel
from concordat.impact.trade_readers import pair_columns, parse_trade_csv
from concordat.impact.trade_table import TradeTable

GEGRAVITY = "gegravity==0.3"
RUNS = 3
WARM = 51
# The estimates that gegravity's own example states for its sample (PPML, exporter and importer effects).
SAMPLE_COEFFICIENTS = {
    "lndist": -0.3898623, "contiguity": 0.891577, "common_language": 0.0326249, "pta": 0.4711383,
    "international": -3.412584, "constant": 16.32434,
}  # fmt: skip
PYFIXEST_DEFAULTS = (1e-8, 1e-6)  # of its weighted least squares, of its fixed effects
CLOSURES = ("multiplicative", "additive")


@dataclass(frozen=True)
class Case:
    """One counterfactual: margins, z'b before and after, sigma, whose inward resistance is 1, how it is run."""

    codes: tuple[str, ...]
    output: np.ndarray
    expenditure: np.ndarray
    before: np.ndarray
    after: np.ndarray
    sigma: float
    reference: str
    peer: dict[str, Any]
    settings: dict[str, Any]

    def table(self) -> TradeTable:
        """A table with these margins; expenditure is scaled to world output, as the peer's shares are."""
        bought = self.expenditure * self.output.sum() / self.expenditure.sum()
        flows = np.outer(self.output, bought) / self.output.sum()
        return TradeTable(self.codes, flows, int(self.peer["year"]), source="benchmark")


# --- The counterfactuals ----------------------------------------------------------------------------------------------


def sample_30(data: Path) -> Case:
    """gegravity's own sample and example: an agreement of Canada and Japan."""
    with (data / "trade" / "usitc_sample_30.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    codes = tuple(sorted({r["exporter"] for r in rows}))
    names = [n for n in SAMPLE_COEFFICIENTS if n != "constant"]
    columns = {name: np.zeros((len(codes),) * 2) for name in names}
    output, bought = np.zeros(len(codes)), np.zeros(len(codes))
    for row in rows:
        i, j = codes.index(row["exporter"]), codes.index(row["importer"])
        output[i], bought[j] = float(row["Y"]), float(row["E"])
        for name in names:
            columns[name][i, j] = float(row[name])
    before = sum(SAMPLE_COEFFICIENTS[n] * columns[n] for n in names) + SAMPLE_COEFFICIENTS["constant"]
    pairs = [["CAN", "JPN"], ["JPN", "CAN"]]
    after = before.copy()
    for i, j in pairs:
        place = codes.index(i), codes.index(j)
        after[place] += SAMPLE_COEFFICIENTS["pta"] * (1 - columns["pta"][place])
    peer_rows = [
        {**{k: float(v) if k not in ("exporter", "importer") else v for k, v in r.items()}, "year": int(r["year"]),
         "constant": 1.0}
        for r in rows
    ]  # fmt: skip
    peer = {"rows": peer_rows, "coefficients": SAMPLE_COEFFICIENTS, "year": "2006",
            "experiment": {"pta": {"pairs": pairs, "to": 1}}}  # fmt: skip
    return Case(codes, output, bought, before, after, 5.0, "DEU", peer, settings(None))


def settings(scaling: float | None, most: int = 1400, most_ge: int = 1000) -> dict[str, Any]:
    """What gegravity is run with; without a scaling its utility tries 10^-10 to 10^10, its default."""
    return {"scaling": scaling, "scaling_range": 10, "mr_max_iter": most, "ge_max_iter": most_ge, "runs": RUNS}


def panel_69(data: Path, scaling: float | None) -> Case:
    """Trade without borders: PPML of 2006, sigma 7; iteration limits of gegravity's published example."""
    raw = (data / "trade" / "agtpa_panel_69.csv.gz").read_bytes()
    table = parse_trade_csv(raw, year=2006)
    b = estimate(parse_trade_panel(raw), "border_cross_section").values
    columns = pair_columns(raw, table, ["dist", "cntg"])
    distance = np.log(columns["dist"])
    border = 1 - np.eye(len(table.economies))
    named = {"ln_DIST": distance, "CNTG": columns["cntg"], "INTL_BRDR": border}
    coefficients = dict(zip(named, map(float, b), strict=True))
    before = sum(coefficients[n] * named[n] for n in named)
    peer = {
        "rows": _rows(table.economies, table.flows, table.output, table.expenditure, named, 2006),
        "coefficients": coefficients, "year": "2006", "experiment": {"INTL_BRDR": {"pairs": "all", "to": 0}},
    }  # fmt: skip
    after = before - coefficients["INTL_BRDR"] * border
    return Case(
        table.economies, table.output, table.expenditure, before, after, 7.0, "DEU", peer, settings(scaling, 5000, 5000)
    )


def synthetic_60() -> Case:
    """60 economies on a square, sizes lognormal, deficits of some percent; ten of them agree among themselves."""
    rng = np.random.Generator(np.random.PCG64(60))
    codes = tuple(f"E{n:02d}" for n in range(60))
    places = rng.uniform(0, 10_000, (60, 2))
    distance = np.log(np.hypot(*(places[:, None] - places).transpose(2, 0, 1)) + 150)
    border = 1 - np.eye(60)
    output = rng.lognormal(12, 1.2, 60)
    bought = output * rng.lognormal(0, 0.05, 60)
    bought *= output.sum() / bought.sum()
    zero = np.zeros((60, 60))
    named = {"ln_dist": distance, "border": border, "agreement": zero}
    coefficients = {"ln_dist": -0.8, "border": -2.5, "agreement": 0.5}
    before = -0.8 * distance - 2.5 * border
    inside = [codes[n] for n in range(10)]
    pairs = [[i, j] for i in inside for j in inside if i != j]
    after = before.copy()
    for i, j in pairs:
        after[codes.index(i), codes.index(j)] += 0.5
    peer = {"rows": _rows(codes, np.outer(output, bought), output, bought, named, 2006), "coefficients": coefficients,
            "year": "2006", "experiment": {"agreement": {"pairs": pairs, "to": 1}}}  # fmt: skip
    return Case(codes, output, bought, before, after, 5.0, codes[-1], peer, settings(None))


def _rows(
    codes: tuple[str, ...], flows: np.ndarray, output: np.ndarray, bought: np.ndarray, named: dict[str, np.ndarray],
    year: int,
) -> list[dict[str, Any]]:  # fmt: skip
    return [
        {"exporter": i, "importer": j, "year": year, "trade": float(flows[a, b]), "Y": float(output[a]),
         "E": float(bought[b]), **{name: float(column[a, b]) for name, column in named.items()}}
        for a, i in enumerate(codes)
        for b, j in enumerate(codes)
    ]  # fmt: skip


# --- Ours, and the judge ----------------------------------------------------------------------------------------------


def ours(case: Case) -> tuple[dict[str, Any], dict[str, Equilibrium], TradeTable]:
    """Fitted base and counterfactual from scratch, then the counterfactual alone, again and again."""
    theta, shock = case.sigma - 1, np.exp(case.after - case.before)

    def whole() -> tuple[TradeTable, Equilibrium]:
        base = fitted(case.table(), case.before, reference=case.reference).table
        return base, solve(base, shock=shock, theta=theta)

    seconds, (base, found) = timed(whole, WARM // 5)
    warm, found = timed(lambda: solve(base, shock=shock, theta=theta), WARM)
    certificate = found.certificate
    facts = {
        "base_and_counterfactual": seconds,
        "counterfactual_alone_warm": warm,
        "closure": "multiplicative",
        "residual": certificate.residual_max,
        "least_price": float(min(found.wage.min(), found.price.min())),
    }
    return facts, {name: solve(base, shock=shock, theta=theta, closure=name) for name in CLOSURES}, base


def one_step(case: Case, base: TradeTable) -> dict[str, np.ndarray]:
    """Prices after one update at unchanged output and expenditure, in percent, in the peer's normalisation."""
    power = 1 / (1 - case.sigma)
    old = fitted(base, case.before, reference=case.reference)
    new = fitted(base, case.after, reference=case.reference)
    price = (old.outward / new.outward) ** power
    inward = (new.inward / old.inward) ** power
    return {
        "price_pct": 100 * (price - 1),
        "inward_pct": 100 * (inward - 1),
        "real_gdp_pct": 100 * (price / inward - 1),
    }


def full(case: Case, found: Equilibrium) -> dict[str, np.ndarray]:
    """The exact answer in the peer's normalisation."""
    unit = found.price[case.codes.index(case.reference)]
    return {
        "price_pct": 100 * (found.wage / unit - 1),
        "inward_pct": 100 * (found.price / unit - 1),
        "real_gdp_pct": 100 * (found.wage / found.price - 1),
    }


def excess_demand(case: Case, base: TradeTable, price: np.ndarray) -> float | None:
    """Largest `|S_i / Y'_i - 1|` at given prices, expenditure moving with income: zero in an equilibrium."""
    if not (price > 0).all():
        return None
    theta = case.sigma - 1
    pull = base.flows / base.expenditure * np.exp(case.after - case.before) * (price ** (-theta))[:, None]
    income = price * base.output
    spending = price * base.expenditure
    spending *= income.sum() / spending.sum()
    sold = (pull / pull.sum(axis=0) * spending).sum(axis=1)
    return float(np.abs(sold / income - 1).max())


def compared(case: Case, theirs: dict[str, Any]) -> dict[str, Any]:
    """Ours and theirs on one case, without the long lists."""
    facts, exact, base = ours(case)
    found: dict[str, Any] = {"economies": len(case.codes), "sigma": case.sigma, "ours": facts, "gegravity": {}}
    short = ("omr_rescale", "check_omr_rescale_s", "stages", "define_and_build_s", "experiment_and_simulate_s",
             "total_s", "total_cpu_s", "all_runs_s", "warnings", "says_converged", "stopped")  # fmt: skip
    found["gegravity"] = {name: theirs[name] for name in short if name in theirs}
    found["gegravity"]["settings"] = case.settings
    if "check_omr_rescale" in theirs:
        found["gegravity"]["scalings_solved"] = [r["omr_rescale"] for r in theirs["check_omr_rescale"] if r["solved"]]
    if "price_pct" not in theirs:
        return found
    answer = {k: np.array([theirs[k][c] for c in case.codes]) for k in ("price_pct", "inward_pct", "real_gdp_pct")}
    step = one_step(case, base)
    price = 1 + answer["price_pct"] / 100
    negative = [c for c, p in zip(case.codes, price, strict=True) if not p > 0]
    found["gegravity"]["negative_or_no_prices"] = {c: float(answer["price_pct"][case.codes.index(c)]) for c in negative}
    found["gegravity"]["excess_demand"] = excess_demand(case, base, price)
    found["ours"]["excess_demand"] = excess_demand(case, base, exact["multiplicative"].wage)
    started_from = {(i, j): v for i, j, v in theirs["baseline"]}
    their_base = np.array([[started_from[i, j] for j in case.codes] for i in case.codes])
    gap = their_base / their_base.sum() * base.flows.sum() / base.flows - 1
    found["baseline_flows_largest_relative_gap"] = float(np.abs(gap).max())
    found["largest_effect_pct"] = _largest(full(case, exact["multiplicative"]))
    sane = price > 0
    found["where_its_prices_are_positive"] = {
        "economies": int(sane.sum()),
        "gegravity_less_one_step_pp": _gap(answer, step, sane),
        "gegravity_less_exact_pp": {name: _gap(answer, full(case, e), sane) for name, e in exact.items()},
    }
    found["one_step_less_exact_pp"] = _gap(step, full(case, exact["multiplicative"]))
    found["times_slower_single_against_single_cpu"] = {
        "baseline and counterfactual": round(theirs["total_cpu_s"] / facts["base_and_counterfactual"]["cpu_s"]),
        "theirs in all, our counterfactual alone and warm": round(
            theirs["total_cpu_s"] / facts["counterfactual_alone_warm"]["cpu_s"]
        ),
    }
    return found


def _gap(one: dict[str, np.ndarray], other: dict[str, np.ndarray], which: Any = slice(None)) -> dict[str, float]:
    return {name: float(np.abs(one[name] - other[name])[which].max()) for name in one}


def _largest(one: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(np.abs(values).max()) for name, values in one.items()}


def published(data: Path, case: Case, theirs: dict[str, Any]) -> dict[str, Any]:
    """Inward resistances of "trade without borders", in percent: theirs and ours against the published ones."""
    text = (data / "trade" / "published_trade_without_border.csv").read_text(encoding="utf-8")
    rows = {r["country"].replace("ROM", "ROU"): r for r in csv.DictReader(io.StringIO(text))}
    _, exact, _ = ours(case)
    sides = {"ours": full(case, exact["multiplicative"])["inward_pct"]}
    if "inward_pct" in theirs:
        sides["gegravity"] = np.array([theirs["inward_pct"][c] for c in case.codes])
    found: dict[str, Any] = {}
    for kind in ("CDL", "FULL"):
        wanted = np.array([float(rows[c][f"change_IMR_{kind}"]) for c in case.codes])
        name = {"CDL": "published conditional", "FULL": "published full"}[kind]
        found[name] = {who: float(np.abs(values - wanted).max()) for who, values in sides.items()}
    return found


# --- Estimation -------------------------------------------------------------------------------------------------------


def estimation(data: Path) -> dict[str, Any]:
    """Our estimator and pyfixest on the four specifications: medians of three runs after one."""
    panel = parse_trade_panel((data / "trade" / "agtpa_panel_69.csv.gz").read_bytes())
    found: dict[str, Any] = {}
    for name in FORMULAS:
        ours_s, mine = timed(lambda name=name: estimate(panel, name))  # type: ignore[misc]
        tight = _pyfixest.TOLERANCES
        theirs_s, peer = timed(lambda name=name: estimate(panel, name, engine="pyfixest"))  # type: ignore[misc]
        _pyfixest.TOLERANCES = PYFIXEST_DEFAULTS
        default_s, loose = timed(lambda name=name: estimate(panel, name, engine="pyfixest"))  # type: ignore[misc]
        _pyfixest.TOLERANCES = tight
        found[name] = {
            "rows": mine.rows,
            "coefficients": [float(v) for v in mine.values],
            "standard_errors": [float(v) for v in mine.standard_errors],
            "largest_relative_gap": float(np.abs(mine.values / peer.values - 1).max()),
            "largest_relative_gap_of_errors": float(np.abs(mine.standard_errors / peer.standard_errors - 1).max()),
            "ours": ours_s,
            "pyfixest_default_tolerances": default_s,
            "largest_relative_gap_default_tolerances": float(np.abs(loose.values / mine.values - 1).max()),
            "pyfixest_tight_tolerances": theirs_s,
            "times_slower_default_tolerances": round(default_s["wall_s"] / ours_s["wall_s"], 1),
            "times_slower_tight_tolerances": round(theirs_s["wall_s"] / ours_s["wall_s"], 1),
        }
    return found


def timed(call: Callable[[], Any], runs: int = RUNS) -> tuple[dict[str, float], Any]:
    """Median seconds, wall clock and processor, of some runs after one that is thrown away; and the last result."""
    wall, cpu = [], []
    for _ in range(runs + 1):
        clock, started = time.process_time(), time.perf_counter()
        result = call()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - clock)
    return {"wall_s": statistics.median(wall[1:]), "cpu_s": statistics.median(cpu[1:])}, result


# --- The command ------------------------------------------------------------------------------------------------------


def made(place: Path) -> str:
    """An environment with gegravity; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=300)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", GEGRAVITY], check=True, timeout=1800)
    return str(python)


def asked(python: str, cases: dict[str, Case]) -> dict[str, Any]:
    """gegravity's answers."""
    script = Path(__file__).with_name("impact_peers_gegravity.py")
    request = {n: {**c.peer, "sigma": c.sigma, "reference": c.reference, **c.settings} for n, c in cases.items()}
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, str(script)], input=json.dumps(request), capture_output=True, text=True, check=False, timeout=7200,
        env=environment,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def plain(value: Any, digits: int = 4) -> Any:
    """Numbers as JSON can say them; but for coefficients four digits."""
    if isinstance(value, dict):
        return {str(k): plain(v, 9 if k in ("coefficients", "standard_errors") else digits) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, digits) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of shared data")
    parser.add_argument("--gegravity", metavar="PYTHON", help="an interpreter with gegravity")
    parser.add_argument("--make-venv", type=Path, metavar="PLACE", help="make an environment with gegravity there")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    warnings.simplefilter("default")
    python = made(arguments.make_venv) if arguments.make_venv else arguments.gegravity
    cases = {
        "its own sample, 30 economies": sample_30(arguments.data),
        "panel of 69, its published settings": panel_69(arguments.data, 1000),
        "panel of 69, the scaling its utility points to": panel_69(arguments.data, None),
        "synthetic, 60 economies": synthetic_60(),
    }
    report: dict[str, Any] = {"benchmark": "impact_peers", "version": version("concordat")}
    report["estimation"] = estimation(arguments.data)
    if python:
        answer = asked(python, cases)
        report["gegravity_versions"] = answer["versions"]
        report["counterfactuals"] = {n: compared(c, answer["cases"][n]) for n, c in cases.items()}
        report["trade_without_borders_inward_resistances_pp"] = {
            n: published(arguments.data, c, answer["cases"][n]) for n, c in cases.items() if n.startswith("panel")
        }
        report["words"] = "gegravity computes a one-step update at unchanged output and expenditure"
    else:
        report["counterfactuals"] = "not compared: no interpreter with gegravity was named"
    report["machine"] = {**machine(), "numpy": version("numpy"), "pyfixest": version("pyfixest")}
    text = json.dumps(plain(report), indent=1, sort_keys=True) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = machine()["cores"], str(machine()["system"]).replace(" ", "-").lower()
        (RESULTS / f"impact_peers-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
