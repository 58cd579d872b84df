"""Measures of the divide against figures of others: the specification's anchors, two packages, and known truths.

Anchors: specification of the observatory, section 8 (computed there from the shared data by the formulas). Peers: PySAL
`inequality` 1.1.2 and `inequalipy` 1.0.5, run once; their figures are here (Hoover: the distance of PySAL's `Schutz`),
and where the packages are installed they are asked again. Their known faults are not repeated: PySAL's Wolfson is half
the usual one, inequalipy's Atkinson refuses weights.
"""

from __future__ import annotations

import csv
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from concordat import world
from concordat.observatory.divide import decompose, measures

ON = "2026-11-22"
WITH_SAUDI = (*world.members("BRICS", ON), "SAU")
HALF_A_DIGIT = 5e-7

Year = Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def year(shared_data: Path) -> Year:
    """Areas, internet users in percent and population, of the areas that have both above zero."""

    def rows(name: str) -> list[dict[str, str]]:
        with (shared_data / name).open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    users = {
        (row["iso3"], int(row["year"])): float(row["value"])
        for row in rows("wdi_panel_gapminder_2026.csv")
        if row["indicator"] == "internet_users"
    }
    people = {(row["iso3"], int(row["year"])): float(row["population"]) for row in rows("population_un.csv")}

    def of(wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        both = sorted(a for a, y in users if y == wanted and users[a, y] > 0 and people.get((a, y), 0) > 0)
        y = np.array([users[a, wanted] for a in both])
        return np.array(both), y, np.array([people[a, wanted] for a in both])

    return of


@pytest.mark.parametrize(
    ("wanted", "areas", "mean", "gini", "theil_t", "theil_l"),
    [
        (2000, 193, 6.697527, 0.753631, 1.161476, 1.542104),
        (2010, 198, 28.926614, 0.450847, 0.344989, 0.488999),
        (2013, 198, 35.824519, 0.392363, 0.260653, 0.349026),
    ],
)
def test_the_world_by_people(
    year: Year, wanted: int, areas: int, mean: float, gini: float, theil_t: float, theil_l: float
) -> None:
    _, y, people = year(wanted)
    found = measures(y, people, bounds=(0, 100), whole_population=True)
    assert found["gini"].n == areas
    assert found.label == "as if drawn from a wider population"
    expected = {"mean": mean, "gini": gini, "theil_t": theil_t, "theil_l": theil_l}
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=HALF_A_DIGIT), name
        assert found[name].lower < value < found[name].upper
    assert found["gini_shortfall"].value == pytest.approx(gini * mean / (100 - mean), abs=1e-6)


def test_the_world_by_countries(year: Year) -> None:
    _, y, people = year(2013)
    assert measures(y)["gini"].value == pytest.approx(0.398481, abs=HALF_A_DIGIT)
    assert measures(y, people).unweighted()["gini"].value == pytest.approx(0.398481, abs=HALF_A_DIGIT)


@pytest.mark.parametrize(
    ("wanted", "between", "within"),
    [(2000, 0.408895, 0.752581), (2010, 0.024759, 0.320230), (2013, 0.008148, 0.252504)],
)
def test_brics_with_saudi_arabia_against_the_rest(year: Year, wanted: int, between: float, within: float) -> None:
    assert len(WITH_SAUDI) == 11
    areas, y, people = year(wanted)
    bloc = np.where(np.isin(areas, WITH_SAUDI), "BRICS", "rest")
    found = measures(y, people, groups=bloc)
    parts = found.decompositions["theil_t"]
    assert parts.between.value == pytest.approx(between, abs=HALF_A_DIGIT)
    assert parts.within.value == pytest.approx(within, abs=HALF_A_DIGIT)
    assert found.groups["BRICS"]["gini"].n == int((bloc == "BRICS").sum())
    assert decompose(y, people, groups=bloc).total == found["theil_t"]


# --- Peers --------------------------------------------------------------------------------------------------------

Y = np.array([3.0, 7, 7, 12, 20, 31, 55, 80, 81])
W = np.array([5.0, 1, 2, 4, 3, 3, 2, 1, 1])
GROUPS = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1])
PYSAL = {
    "gini": 0.484984984984985, "theil_t": 0.404302775209855, "atkinson_05": 0.2095679774292718,
    "atkinson_1": 0.41004270953508404, "hoover": 0.39639639639639646, "wolfson": 2 * 0.41358024691358025,
}  # fmt: skip
PYSAL_BETWEEN_WITHIN = (0.22543070799571124, 0.17887206721414378)
INEQUALIPY_GINI = 0.515748031496063


def test_unweighted_measures_are_those_of_pysal() -> None:
    found = measures(Y)
    for name, value in PYSAL.items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
    parts = decompose(Y, groups=GROUPS)
    assert (parts.between.value, parts.within.value) == pytest.approx(PYSAL_BETWEEN_WITHIN, abs=1e-12)


def test_the_weighted_gini_is_that_of_inequalipy() -> None:
    assert measures(Y, W)["gini"].value == pytest.approx(INEQUALIPY_GINI, abs=1e-12)
    assert measures(np.repeat(Y, W.astype(int)))["gini"].value == pytest.approx(INEQUALIPY_GINI, abs=1e-12)


if importlib.util.find_spec("inequality") and importlib.util.find_spec("inequalipy"):  # both bring pandas and maps

    def test_the_packages_still_say_so() -> None:
        import inequalipy
        from inequality.gini import Gini
        from inequality.theil import TheilD

        assert Gini(Y).g == pytest.approx(PYSAL["gini"], abs=1e-12)
        assert TheilD(Y, GROUPS).bg[0] == pytest.approx(PYSAL_BETWEEN_WITHIN[0], abs=1e-12)
        assert inequalipy.gini(Y, W) == pytest.approx(INEQUALIPY_GINI, abs=1e-12)


# --- Truths in closed form ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_intervals_hold_the_truth_as_often_as_they_say(sigma: float) -> None:
    """Lognormal, 500 at a time: Gini 2 Phi(sigma / sqrt 2) - 1, T = L = sigma^2 / 2, Hoover 2 Phi(sigma/2) - 1."""
    phi = NormalDist().cdf
    truth = {
        "gini": 2 * phi(sigma / math.sqrt(2)) - 1,
        "theil_t": sigma**2 / 2,
        "theil_l": sigma**2 / 2,
        "atkinson_05": 1 - math.exp(-(sigma**2) / 4),
        "hoover": 2 * phi(sigma / 2) - 1,
    }
    rng = np.random.Generator(np.random.PCG64(2026))
    held = dict.fromkeys(truth, 0)
    samples = 2000
    for _ in range(samples):
        found = measures(rng.lognormal(0, sigma, 500), names=list(truth))
        for name, value in truth.items():
            held[name] += found[name].lower <= value <= found[name].upper
    for name, count in held.items():
        assert 0.92 <= count / samples <= 0.97, (name, count)


def test_polarisation_of_evenly_spread_figures() -> None:
    """Of 0..1: L(q) = q^2 and G = 1/3, so Wolfson is 2 (2 (1/2 - 1/4) - 1/3) = 1/3; Palma (1 - .81)/.16, S80/S20 9."""
    y = (np.arange(20_000) + 0.5) / 20_000
    found = measures(y)
    assert found["wolfson"].value == pytest.approx(1 / 3, abs=1e-4)
    assert found["palma"].value == pytest.approx(0.19 / 0.16, abs=1e-4)
    assert found["s80_s20"].value == pytest.approx(9, abs=1e-4)
    assert found["p90_p10"].value == pytest.approx(9, abs=3e-3)
