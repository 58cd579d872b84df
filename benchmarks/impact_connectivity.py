"""How far off is the forecast of shares, beside the reference baseline and textbook curves, and do its bands hold?

    python benchmarks/impact_connectivity.py --data FOLDER    # the folder of shared data

Everything is judged on one sample at each origin: the areas with a figure five years before, at the origin and seven
years after (three and five years for the shorter horizons). Curves (Bass, logistic with a free ceiling and with 95,
Gompertz with 95, a line through the last ten years) are fitted to each area's own figures up to the origin by least
squares, the best of three starting points; a curve that fails or has fewer than five figures is replaced by the last
value, and counted. The reference baseline and the last value are those of the back-test. Groups: GDP per head at the
origin, in four equal parts (no hindsight), the World Bank's income groups of 2026 (hindsight), or none; regions are UN
M49 sub-regions in the first two.

Further figures and the older vintage of October 2020 are judged in the same way, without the curves. The time is that
of one forecast of a bloc with bands, the median of eleven after a first that is thrown away. Set
OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from concordat.impact.connectivity import backtest, forecast, income_quartiles
from concordat.impact.connectivity.backtests import reference_baseline
from concordat.impact.connectivity.series import make_panel

RESULTS = Path(__file__).parent / "results"
ORIGINS = (2008, 2010, 2012, 2013, 2016)
LIMITS = {
    "mean_error_7_years": 7.5,
    "ambitious": 7.0,
    "never_above_baseline": True,
    "band_held_pct": [88.0, 92.0],
    "other_indicators_error": 8.3,
    "baseline_7_years": {"2008": 8.26, "2010": 8.30, "2012": 7.38, "2013": 7.77, "2016": 5.85, "mean": 7.51},
}
GDP = "gdppercapita_us_inflation_adjusted"
OTHERS = (
    "urban_population_percent_of_total", "services_percent_of_gdp", "aged_15_24_unemployment_rate_percent",
    "literacy_rate_adult_total_percent_of_people_ages_15_and_above", "income_share_of_poorest_20percent",
    "income_share_of_richest_20percent", "high_technology_exports_percent_of_manufactured_exports",
)  # fmt: skip
BLOC = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
RUNS = 11
Series = dict[str, dict[int, float]]


def panel(folder: Path) -> dict[str, Series]:
    """indicator -> area -> year -> figure."""
    found: dict[str, Series] = defaultdict(lambda: defaultdict(dict))
    with (folder / "wdi_panel_gapminder_2026.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                found[row["indicator"]][row["iso3"]][int(row["year"])] = float(row["value"])
    return found


def older(folder: Path, name: str) -> Series:
    """A table of one figure in its vintage of October 2020."""
    found: Series = defaultdict(dict)
    with (folder / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                found[row["iso3"]][int(row["year"])] = float(row["value"])
    return found


def judged(series: Series, groups: Any, regions: Any, horizon: int, origins: tuple[int, ...] | None) -> dict[str, Any]:
    """Errors and coverage of the back-test."""
    made = backtest(series, groups, regions=regions, horizon=horizon, origins=origins)
    return {
        "mean_error": round(made.error, 3),
        "mean_baseline": round(made.error_baseline, 3),
        "mean_last_value": round(made.error_last, 3),
        "never_above_baseline": made.never_above,
        "band_held_pct": None if made.coverage is None else round(100 * made.coverage, 1),
        "origins": {
            str(o.origin): {
                "areas": o.areas,
                "error": round(o.error, 2),
                "baseline": round(o.error_baseline, 2),
                "last_value": round(o.error_last, 2),
                "band_held_pct": None if o.coverage is None else round(100 * o.coverage, 1),
            }
            for o in made.origins
        },
    }


# --- Textbook curves ------------------------------------------------------------------------------------------------


def bass(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Bass (1969): ceiling, innovation, imitation, start."""
    ceiling, a, b, start = p
    grown = np.exp(-(a + b) * np.maximum(t - start, 0.0))
    return np.asarray(100 / (1 + np.exp(-ceiling)) * (1 - grown) / (1 + b / a * grown))


def logistic_free(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Logistic with a ceiling between 0 and 100."""
    return np.asarray(100 / (1 + np.exp(-p[0])) / (1 + np.exp(-p[1] * (t - p[2]))))


def logistic_95(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Logistic with the ceiling 95."""
    return np.asarray(95 / (1 + np.exp(-p[0] * (t - p[1]))))


def gompertz_95(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Gompertz with the ceiling 95."""
    return np.asarray(95 * np.exp(-np.exp(-p[0] * (t - p[1]))))


def line(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """A straight line."""
    return np.asarray(p[0] + p[1] * t)


CURVES: Mapping[str, tuple[Callable[..., np.ndarray], tuple[tuple[float, ...], ...], Any]] = {
    "bass": (
        bass,
        ((2.0, 0.01, 0.3, -15.0), (0.0, 0.02, 0.2, -12.0), (2.0, 0.005, 0.5, -15.0)),
        ((-4, 1e-5, 1e-4, -40), (8, 1, 3, 0)),
    ),
    "logistic, free ceiling": (
        logistic_free,
        ((2.0, 0.3, 0.0), (0.0, 0.3, -5.0), (2.0, 0.2, 8.0)),
        ((-6, 0.01, -40), (8, 3, 40)),
    ),
    "logistic, ceiling 95": (logistic_95, ((0.3, 0.0), (0.2, 8.0), (0.4, -5.0)), ((0.01, -40), (3, 60))),
    "gompertz, ceiling 95": (gompertz_95, ((0.15, 0.0), (0.1, 8.0), (0.2, -5.0)), ((0.005, -40), (3, 60))),
    "line": (line, ((10.0, 2.0),), ((-1000, -50), (1000, 50))),
}


def curves(series: Series, horizon: int) -> dict[str, Any]:
    """Mean absolute error of each curve at each origin, on the sample of the back-test; forecasts kept in 0 to 100."""
    table = make_panel(series)
    errors: dict[str, dict[str, float]] = {name: {} for name in CURVES}
    replaced = dict.fromkeys(CURVES, 0)
    for origin in ORIGINS:
        sample, _ = reference_baseline(table, origin, horizon)
        missed: dict[str, list[float]] = {name: [] for name in CURVES}
        for area in (a for a, ok in zip(table.areas, sample, strict=True) if ok):
            own = {y: v for y, v in series[area].items() if y <= origin}
            for name in CURVES:
                made = fitted(name, own, origin, horizon)
                replaced[name] += made is None
                value = own[origin] if made is None else float(np.clip(made, 0, 100))
                missed[name].append(abs(value - series[area][origin + horizon]))
        for name, found in missed.items():
            errors[name][str(origin)] = round(float(np.mean(found)), 2)
    return {
        name: {**found, "mean": round(float(np.mean(list(found.values()))), 2), "replaced": replaced[name]}
        for name, found in errors.items()
    }


def fitted(name: str, own: dict[int, float], origin: int, horizon: int) -> float | None:
    """The curve's value at the target, or None if it can't be fitted."""
    if len(own) < 5:
        return None
    curve, starts, bounds = CURVES[name]
    t, y = np.array(sorted(own), dtype=float) - origin, np.array([own[k] for k in sorted(own)])
    if curve is line:
        t, y = t[t > -10], y[t > -10]
    best = None
    for start in starts:
        try:
            found = least_squares(lambda p: curve(t, p) - y, start, bounds=bounds, max_nfev=200)
        except ValueError:
            continue
        if best is None or found.cost < best.cost:
            best = found
    return None if best is None else float(curve(np.array([float(horizon)]), best.x)[0])


# --- Time -----------------------------------------------------------------------------------------------------------


def seconds(series: Series) -> dict[str, float]:
    """One forecast of a bloc to eight years ahead, with bands, from series in memory."""
    cpu, wall = [], []
    for _ in range(RUNS + 1):
        begun, clock = time.process_time(), time.perf_counter()
        forecast(series, to=2032, areas=BLOC)
        cpu.append(time.process_time() - begun)
        wall.append(time.perf_counter() - clock)
    return {"cpu_s": round(median(cpu[1:]), 3), "wall_s": round(median(wall[1:]), 3)}


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of shared data")
    parser.add_argument("--no-curves", action="store_true", help="leave out the textbook curves (a minute)")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # the curves' overflows
    found = panel(arguments.data)
    internet = found["internet_users"]
    by_income = income_quartiles(found[GDP])
    every = tuple(range(2005, 2018))
    measured: dict[str, Any] = {
        "internet users, 7 years": {
            "groups by GDP per head at the origin": judged(internet, by_income, "world", 7, ORIGINS),
            "income groups of 2026": judged(internet, "world", "world", 7, ORIGINS),
            "groups by GDP per head, no regions": judged(internet, by_income, None, 7, ORIGINS),
            "no groups": judged(internet, None, None, 7, ORIGINS),
            "textbook curves": {} if arguments.no_curves else curves(internet, 7),
        },
        "internet users, other origins and horizons": {
            f"{h} years, 2005 to 2017": judged(internet, by_income, "world", h, every) for h in (3, 5, 7)
        },
        "vintage of October 2020": {
            f"{h} years": judged(older(arguments.data, "sdg_2020_internet_users.csv"), by_income, "world", h, None)
            for h in (3, 5, 7)
        },
        "further figures, 7 years, all origins from 2000": {
            name: judged(found[name], by_income, "world", 7, origins) if (origins := since(found[name])) else None
            for name in OTHERS
        },
        "no percentage, read as one: fixed broadband per 100, 7 years": judged(
            found["broadband_subscribers_per_100_people"], by_income, "world", 7, ORIGINS
        ),
        "forecast of a bloc": seconds(internet),
    }
    report = {
        "benchmark": "impact_connectivity",
        "version": version("concordat"),
        "limits": LIMITS,
        "measured": measured,
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
        (RESULTS / f"impact_connectivity-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


def since(series: Series) -> tuple[int, ...]:
    """Every origin from 2000 at which five areas or more can be judged seven years ahead."""
    table = make_panel(series)
    years = range(max(2000, table.first_year + 5), table.last_year - 6)
    return tuple(o for o in years if int(reference_baseline(table, o, 7)[0].sum()) >= 5)


if __name__ == "__main__":
    main()
