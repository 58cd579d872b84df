"""Distance in time, convergence, adoption and digital poverty against published answers, R 4.2.2 and plain loops.

Sources: observatory specification, section 8 (anchors; tolerance half of the last digit printed there); NIST
Statistical Reference Datasets, nonlinear regression (public domain), certified values of Ratkowsky2 and Ratkowsky3;
R 4.2.2 (Debian 4.2.2.20221110-2) with MASS 7.3-58.2 (`confint` of `nls`) and sandwich 3.0-2, run on R's own data sets
and on the World Bank's series of internet use; the calls stand beside their answers.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concordat.observatory.divide import (
    Deprivation,
    PovertyPlan,
    Question,
    alkire_foster,
    beta_convergence,
    convergence_clubs,
    fit_diffusion,
    log_t,
    oaxaca_blinder,
    time_distance,
    weighted_logit,
)
from concordat.observatory.divide._hac import bartlett_line, spectral_line


def printed(digits: int, value: float) -> object:
    return pytest.approx(value, abs=0.5 * 10**-digits)


@pytest.fixture(scope="module")
def internet(shared_data: Path) -> dict[str, tuple[list[int], list[float]]]:
    panel: dict[str, tuple[list[int], list[float]]] = {}
    with (shared_data / "wdi_panel_gapminder_2026.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["indicator"] == "internet_users":
                years, values = panel.setdefault(row["iso3"], ([], []))
                years.append(int(row["year"]))
                values.append(float(row["value"]))
    return panel


# --- Distance in time: the specification's anchors ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "year", "expected"),
    [
        ("BRA", 2024, 11.438),
        ("RUS", 2024, 7.316),
        ("IND", 2022, 21.059),
        ("CHN", 2024, 8.286),
        ("ZAF", 2023, 17.531),
        ("ETH", 2021, 22.410),
        ("ARE", 2024, None),
    ],
)
def test_years_behind_korea(internet: Any, area: str, year: int, expected: float | None) -> None:
    found = time_distance(internet, leader="KOR")[area]
    assert found.year == year
    assert found.value is None if expected is None else found.value == printed(3, expected)
    assert (found.reason == "never_reached") == (expected is None)


def test_every_distance_is_that_of_a_plain_loop(internet: Any) -> None:
    years, values = internet["KOR"]
    found = time_distance(internet, leader="KOR")
    for area, (own_years, own_values) in internet.items():
        level, when, expected = own_values[-1], own_years[-1], None
        for i in range(1, len(years)):
            if values[i] >= level:
                if values[0] < level:
                    part = (level - values[i - 1]) / (values[i] - values[i - 1])
                    expected = when - (years[i - 1] + part * (years[i] - years[i - 1]))
                break
        if area != "KOR":
            assert found[area].value is None if expected is None else found[area].value == pytest.approx(expected)


# --- Adoption: NIST and R -------------------------------------------------------------------------------------------

RATKOWSKY_2 = (
    [9, 14, 21, 28, 42, 57, 63, 70, 79],
    [8.930, 10.800, 18.590, 22.330, 39.350, 56.110, 61.730, 64.620, 67.080],
)
RATKOWSKY_3 = (
    list(range(1, 16)),
    [
        16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53,
        590.03, 651.92, 724.93, 699.56, 689.96, 637.56, 717.41,
    ],
)  # fmt: skip


def test_nist_ratkowsky_2() -> None:
    """y = b1 / (1 + exp(b2 - b3 x)), certified to eleven digits; residual sum of squares 8.0565229338."""
    fit = fit_diffusion(*RATKOWSKY_2, curve="logistic")
    p = fit.parameters
    assert p["K"] == pytest.approx(7.2462237576e01, rel=1e-8)
    assert p["b"] * p["m"] == pytest.approx(2.6180768402e00, rel=1e-8)
    assert p["b"] == pytest.approx(6.7359200066e-02, rel=1e-8)
    assert fit.squares == pytest.approx(8.0565229338, rel=1e-9)


def test_nist_ratkowsky_3() -> None:
    """y = b1 / (1 + exp(b2 - b3 x))^(1/b4), certified to eleven digits; residual sum of squares 8786.4049080."""
    fit = fit_diffusion(*RATKOWSKY_3, curve="richards")
    p = fit.parameters
    assert p["K"] == pytest.approx(6.9964151270e02, rel=1e-6)
    assert p["b"] * p["m"] + math.log(p["v"]) == pytest.approx(5.2771253025e00, rel=1e-6)
    assert p["b"] == pytest.approx(7.5962938329e-01, rel=1e-6)
    assert p["v"] == pytest.approx(1.2792483859e00, rel=1e-6)
    assert fit.squares == pytest.approx(8786.4049080, rel=1e-9)


CHICK_1 = ([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21], [42, 51, 59, 64, 76, 93, 106, 125, 149, 171, 199, 205])
DNASE_1 = (
    [0.04882812, 0.1953125, 0.390625, 0.78125, 1.5625, 3.125, 6.25, 12.5],
    [0.017, 0.018, 0.121, 0.124, 0.206, 0.215, 0.377, 0.374, 0.614, 0.609, 1.019, 1.001, 1.334, 1.364, 1.730, 1.710],
)


def test_r_nls_logistic_ratkowsky_2_interval() -> None:
    """`confint(nls(y ~ K/(1+exp(-b*(x-m)))), "K")`: R interpolates its profile, hence 1e-4."""
    k = fit_diffusion(*RATKOWSKY_2, curve="logistic").saturation
    assert (k.lower, k.upper) == (pytest.approx(68.7656667646, rel=1e-4), pytest.approx(77.1901501564, rel=1e-4))


def test_r_nls_logistic_chick_weight() -> None:
    """Chick 1 of `ChickWeight`, as in R's help on `SSlogis`: K 937.02; the upper end of `confint` is NA.

    The lower end is checked by R's `nls` with K held at 482.6254927: its deviance 120.252188961 is
    `deviance(m) * (1 + qt(.975, 9)^2 / 9)` to all digits. (`confint` prints 526.95, where its deviance is 104.7: it
    guesses past the last point of a profile that broke off.) With K held at a million it is 103.223279935.
    """
    fit = fit_diffusion(*CHICK_1, curve="logistic")
    assert fit.parameters["K"] == pytest.approx(937.0221820, rel=1e-3)
    assert fit.squares == pytest.approx(76.6623562563, rel=1e-8)
    assert fit.saturation.lower == pytest.approx(482.6254927, rel=1e-6)
    assert (fit.saturation.upper, fit.identified) == (None, False)


@pytest.mark.parametrize(
    ("curve", "k", "b", "m", "squares"),
    [
        ("gompertz", 4.603334015, 0.333423659828, 2.460441993509, 0.00936163766775),
        ("logistic", 2.345180240963, 0.960195055419, 1.483090313851, 0.00478956897),
    ],
)
def test_r_nls_dnase(curve: str, k: float, b: float, m: float, squares: float) -> None:
    """Run 1 of `DNase` on the logarithm of the concentration; each has two measurements, here their mean.

    R's sum of squares is of the 16 measurements: that of the means is half of it less half of what pairs differ.
    """
    doses, y = np.log(DNASE_1[0]), np.array(DNASE_1[1]).reshape(-1, 2)
    fit = fit_diffusion(doses, y.mean(axis=1), curve=curve)
    assert fit.parameters["K"] == pytest.approx(k, rel=1e-4)
    assert fit.parameters["b"] == pytest.approx(b, rel=1e-4)
    assert fit.parameters["m"] == pytest.approx(m, rel=1e-4)
    within = float(((y[:, 0] - y[:, 1]) ** 2).sum() / 2)
    assert fit.squares == pytest.approx((squares - within) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("area", "curve", "k", "lower", "upper", "squares"),
    [
        ("ZAF", "logistic", 79.21810650427, 73.3463045850, 87.1578044399, 380.148921736),
        ("RUS", "gompertz", 95.441730261686, 91.8966906873, 99.5714773780, 172.565856514),
        ("ARE", "bass", 101.999083132, 98.8288892628, 105.5363212825, 337.046826476),
    ],
)
def test_r_nls_internet_users(
    internet: Any, area: str, curve: str, k: float, lower: float, upper: float, squares: float
) -> None:
    """`nls(value ~ K/(1+exp(-b*(year-m))))`, `K*exp(-exp(-b*(year-m)))`, and Bass on `year - 1989`."""
    fit = fit_diffusion(*internet[area], curve=curve)
    assert fit.parameters["K"] == pytest.approx(k, rel=1e-5)
    assert fit.squares == pytest.approx(squares, rel=1e-8)
    assert fit.saturation.lower == pytest.approx(lower, rel=1e-4)
    assert fit.saturation.upper == pytest.approx(upper, rel=1e-4)


def test_r_nls_forecast_and_years_to_a_level(internet: Any) -> None:
    """The same logistic for ZAF written through (2030, v), `confint` of v, and through (s, 70), `confint` of s."""
    fit = fit_diffusion(*internet["ZAF"], curve="logistic")
    (value,) = fit.predict([2030])
    assert (value.lower, value.upper) == (
        pytest.approx(73.1995799357, rel=1e-4),
        pytest.approx(85.7837235549, rel=1e-4),
    )
    reach = fit.years_to(70)
    assert reach.value == pytest.approx(2019.558472795, abs=1e-4)
    assert (reach.lower, reach.upper) == (
        pytest.approx(2018.66247942, abs=5e-3),
        pytest.approx(2021.11343051, abs=5e-3),
    )


# --- Lines with autocorrelated errors, and clubs ----------------------------------------------------------------------

NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
    831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759,
]  # fmt: skip


def test_r_sandwich_quadratic_spectral() -> None:
    """`m <- lm(log(y) ~ x)` of the first 60 years of `Nile` on x = log(2:61): slope and root of `vcovHAC(m)[2,2]`."""
    line = spectral_line(np.log(np.arange(2, 62)), np.log(np.array(NILE, dtype=float)))
    assert line.slope == pytest.approx(-0.135425850646, rel=1e-10)
    assert line.se == pytest.approx(0.0284445488133, rel=1e-10)


def test_r_sandwich_newey_west() -> None:
    """`NeweyWest(lm(y ~ x), lag = 3, prewhite = FALSE, adjust = TRUE)`."""
    line = bartlett_line(np.log(np.arange(2, 62)), np.array(NILE, dtype=float))
    assert (line.slope, line.bandwidth) == (pytest.approx(-127.040188233, rel=1e-10), 3.0)
    assert line.se == pytest.approx(25.5428977621, rel=1e-10)


def plain_log_t(columns: list[list[float]]) -> tuple[float, float]:
    """b and t of one group by the formulas, in loops."""
    periods, n = len(columns[0]), len(columns)
    spread = []
    for t in range(periods):
        mean = sum(c[t] for c in columns) / n
        spread.append(sum((c[t] / mean - 1) ** 2 for c in columns) / n)
    first = max(2, int(0.3 * periods + 1e-9))
    x = [math.log(t) for t in range(first, periods + 1)]
    y = [math.log(spread[0] / spread[t - 1]) - 2 * math.log(math.log(t)) for t in range(first, periods + 1)]
    m = len(x)
    design = np.column_stack([np.ones(m), x])
    b = np.linalg.lstsq(design, np.array(y), rcond=None)[0]
    e = np.array(y) - design @ b
    score = [e[i] * x[i] for i in range(m)]
    r = float(np.polyfit(score[:-1], score[1:], 1)[0])
    r = max(-0.97, min(0.97, r))
    width = 1.3221 * (4 * r * r / (1 - r) ** 4 * m) ** 0.2
    middle = np.zeros((2, 2))
    for i in range(m):
        for j in range(m):
            z = abs(i - j) / width
            a = 6 * math.pi * z / 5
            k = 1.0 if z == 0 else 25 / (12 * math.pi**2 * z * z) * (math.sin(a) / a - math.cos(a))
            middle += k * e[i] * e[j] * np.outer(design[i], design[j])
    bread = np.linalg.inv(design.T @ design)
    variance = (bread @ middle @ bread)[1, 1] * m / (m - 2)
    return float(b[1]), float(b[1] / math.sqrt(max(variance, 0.0)))


def plain_clubs(columns: dict[str, list[float]]) -> tuple[list[set[str]], set[str]]:
    """Steps 1 to 4 and the merging as Phillips and Sul describe them, without sharing anything with the package."""
    periods = len(next(iter(columns.values())))
    tail = periods - math.ceil(periods / 3)
    left = sorted(columns, key=lambda a: (-sum(columns[a][tail:]), a))

    def t(names: list[str]) -> float:
        return plain_log_t([columns[a] for a in names])[1]

    found: list[list[str]] = []
    while len(left) > 1:
        if t(left) >= -1.65:
            found.append(left)
            left = []
            break
        core: list[str] = []
        for i in range(len(left) - 1):
            if t(left[i : i + 2]) < -1.65:
                continue
            tests, end = [], i + 2
            while end <= len(left) and t(left[i:end]) >= -1.65:
                tests.append((t(left[i:end]), end))
                end += 1
            best = max(tests, key=lambda pair: pair[0])[1]
            core = left[i:best]
            break
        if not core:
            break
        each = {a: t([*core, a]) for a in left if a not in core}
        c = 0.0
        while True:
            club = core + [a for a in each if each[a] > c]
            if len(club) == len(core) or t(club) >= -1.65:
                break
            c = min(each[a] for a in club if a not in core)
        found.append(club)
        left = [a for a in left if a not in club]
    merged: list[list[str]] = []
    for club in found:
        if merged and t(merged[-1] + club) >= -1.65:
            merged[-1] = merged[-1] + club
        else:
            merged.append(club)
    return [set(club) for club in merged], set(left)


@pytest.mark.parametrize("seed", range(12))
def test_clubs_are_those_of_a_plain_walk_through_the_steps(seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(1, 31)
    columns: dict[str, list[float]] = {}
    for i in range(10):
        level = rng.choice([3.0, 5.0, 8.0])
        drift = rng.choice([0.0, 0.0, 0.01])
        path = level * (1 + rng.uniform(-0.4, 0.4) / t ** rng.uniform(0.3, 1) + rng.normal(0, 0.03, 30) / t)
        columns[f"A{i}"] = (path * np.exp(drift * t)).tolist()
    found = convergence_clubs({a: (t, c) for a, c in columns.items()})
    groups, alone = plain_clubs(columns)
    assert [set(club.areas) for club in found.clubs] == groups
    assert set(found.diverging) == alone
    for club in found.clubs:
        b, t_value = plain_log_t([columns[a] for a in club.areas])
        assert (club.test.b, club.test.t) == (pytest.approx(b, rel=1e-7), pytest.approx(t_value, rel=1e-6))
    whole = log_t(np.array(list(columns.values())).T)
    assert whole.b == pytest.approx(plain_log_t(list(columns.values()))[0], rel=1e-7)


def test_beta_is_weighted_least_squares_of_another_program(internet: Any) -> None:
    """NumPy's `lstsq` on rows scaled by the root of their weight."""
    both = [a for a, (t, y) in sorted(internet.items()) if {2005, 2020} <= set(t) and y[t.index(2005)] > 0]
    chosen = {a: internet[a] for a in both}
    w = {a: 1.0 + i % 7 for i, a in enumerate(both)}
    found = beta_convergence(chosen, 2005, 2020, weight=w)
    start = np.array([chosen[a][1][chosen[a][0].index(2005)] for a in both])
    end = np.array([chosen[a][1][chosen[a][0].index(2020)] for a in both])
    root = np.sqrt([w[a] for a in both])
    x = np.column_stack([np.ones(len(both)), np.log(start)])
    b = np.linalg.lstsq(x * root[:, None], np.log(end / start) / 15 * root, rcond=None)[0]
    assert (found.n, found.a, found.b) == (len(both), pytest.approx(b[0]), pytest.approx(b[1]))
    assert found.speed == pytest.approx(-math.log(1 + 15 * b[1]) / 15)
    assert found.half_life is not None
    assert found.half_life == pytest.approx(math.log(2) / found.speed)


# --- Digital poverty in Bolivia, 2017 ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bolivia(shared_data: Path) -> dict[str, list[str]]:
    with (shared_data / "household_ict_bolivia_2017.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def bolivian_plan(k: float) -> PovertyPlan:
    """The specification's five deprivations at 0.2; blanks come from routing: not asked of those who don't use it."""
    skills = tuple(
        Question(f"skill_{name}", ("2",), routing=("",), dont_know=("9",), skill=True, not_deprived=("1",))
        for name in ("files", "email_attach", "devices", "install")
    )
    return PovertyPlan(
        (
            Deprivation(
                "use",
                (
                    Question("ever_used_internet", ("2",), not_deprived=("1",)),
                    Question("last_internet_use", ("4",), routing=("",), not_deprived=("1", "2", "3")),
                ),
                0.2,
            ),
            Deprivation("computer", (Question("computer_at_home", ("2",), not_deprived=("1",)),), 0.2),
            Deprivation("home", (Question("fixed_internet_at_home", ("3",), not_deprived=("1", "2")),), 0.2),
            Deprivation(
                "mobile",
                (
                    Question("has_mobile_phone", ("2",), not_deprived=("1",)),
                    Question("internet_on_mobile", ("2",), routing=("",), not_deprived=("1",)),
                ),
                0.2,
            ),
            Deprivation("skills", skills, 0.2, need=3),
        ),
        k=k,
        weight="weight",
        groups="locality_type",
    )


def test_bolivia(bolivia: Any) -> None:
    found = alkire_foster(bolivia, bolivian_plan(0.6))
    assert (found.n, found.dropped) == (3691, 0)
    assert found.headcount.value == printed(6, 0.510903)
    assert found.intensity is not None
    assert found.intensity.value == printed(6, 0.825059)
    assert found.m0.value == printed(6, 0.421525)
    expected = [0.3247, 0.4446, 0.4909, 0.3505, 0.4969]
    assert [p.censored.value for p in found.parts] == [printed(4, v) for v in expected]
    groups = {g.name: g.m0.value for g in found.groups}
    assert groups == {"1": printed(6, 0.240442), "2": printed(6, 0.445226), "3": printed(6, 0.668495)}
    assert alkire_foster(bolivia, bolivian_plan(0.4)).m0.value == printed(6, 0.498481)
    assert found.dominates("3", "2")
    assert found.dominates("2", "1")


def test_bolivian_use_has_the_rate_and_about_the_error_of_the_data_note(bolivia: Any) -> None:
    """Never used: 100 - 69.89 (half-width 2.39, Kish); the linearised error is another estimate of the same."""
    table = bolivia | {"other": ["1"] * 3691}
    two = (
        Deprivation("never", (Question("ever_used_internet", ("2",), not_deprived=("1",)),), 0.5),
        Deprivation("other", (Question("other", ("2",), not_deprived=("1",)),), 0.5),
    )
    found = alkire_foster(table, PovertyPlan(two, k=0.5, weight="weight")).headcount
    assert 100 * (1 - found.value) == printed(2, 69.89)
    assert 196 * found.se == pytest.approx(2.39, rel=0.35)


# --- Explaining: R's glm, and a likelihood climbed by another way -----------------------------------------------------

MTCARS_VS = [0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]
MTCARS_WT = [
    2.620, 2.875, 2.320, 3.215, 3.440, 3.460, 3.570, 3.190, 3.150, 3.440, 3.440, 4.070, 3.730, 3.780, 5.250, 5.424,
    5.345, 2.200, 1.615, 1.835, 2.465, 3.520, 3.435, 3.840, 3.845, 1.935, 2.140, 1.513, 3.170, 2.770, 3.570, 2.780,
]  # fmt: skip
MTCARS_MPG = [
    21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4,
    33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
]  # fmt: skip


def test_r_glm_and_sandwich() -> None:
    """`m <- glm(vs ~ wt + mpg, binomial, mtcars, weights = rep(c(1, 2), 16), epsilon = 1e-15)`, and `sandwich(m)`.

    Its errors have no factor n / (n - 1). Weights here have mean 1, R's 1.5: the likelihoods differ by that factor.
    """
    found = weighted_logit(MTCARS_VS, {"wt": MTCARS_WT, "mpg": MTCARS_MPG}, [1, 2] * 16)
    assert [c.value for c in found.coefficients] == pytest.approx([-16.522184906817, 1.081997374571, 0.654116631347])
    plain = [c.se * math.sqrt(31 / 32) for c in found.coefficients]
    assert plain == pytest.approx([6.419783677650, 0.796482984460, 0.226465422031], rel=1e-8)
    assert found.log_likelihood == pytest.approx(-17.5339970646 / 1.5)
    assert found.pseudo_r2 == pytest.approx(1 - 2 * 17.5339970646 / 66.458771871)


def test_bolivian_logit_is_where_another_search_ends(bolivia: Any) -> None:
    from scipy.optimize import minimize

    y = np.array([float(v == "1") for v in bolivia["ever_used_internet"]])
    x = {
        "age": np.array(bolivia["age"], dtype=float) / 10,
        "woman": np.array([float(v == "2") for v in bolivia["sex"]]),
        "rural": np.array([float(v == "3") for v in bolivia["locality_type"]]),
    }
    w = np.array(bolivia["weight"], dtype=float)
    found = weighted_logit(y, x, w)
    design = np.column_stack([np.ones(y.size), *x.values()])

    def loss(b: Any) -> tuple[float, Any]:
        eta = design @ b
        return float((w * (np.logaddexp(0, eta) - y * eta)).sum()), design.T @ (w * (1 / (1 + np.exp(-eta)) - y))

    other = minimize(loss, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-6})
    assert [c.value for c in found.coefficients] == pytest.approx(other.x, rel=1e-5)


@pytest.mark.parametrize("indicator", [True, False])
def test_oaxaca_is_that_of_separate_regressions(bolivia: Any, indicator: bool) -> None:
    """Three calls of `lstsq`, on rows scaled by the root of their weight."""
    y = np.array([float(v == "1") for v in bolivia["ever_used_internet"]])
    city = np.array([v != "3" for v in bolivia["locality_type"]])
    columns = {"age": np.array(bolivia["age"], dtype=float), "school": np.array(bolivia["education"], dtype=float)}
    w = np.array(bolivia["weight"], dtype=float)
    found = oaxaca_blinder(y, city, columns, w, first=True, second=False, indicator=indicator)
    x = np.column_stack([np.ones(y.size), *columns.values()])

    def fit(rows: Any, design: Any) -> Any:
        root = np.sqrt(w[rows])
        return np.linalg.lstsq(design[rows] * root[:, None], y[rows] * root, rcond=None)[0]

    everybody = np.ones(y.size, dtype=bool)
    pooled = fit(everybody, np.column_stack([x, city]) if indicator else x)[:3]
    means = [np.average(x[rows], axis=0, weights=w[rows]) for rows in (city, ~city)]
    b = [fit(rows, x) for rows in (city, ~city)]
    assert found.explained.value == pytest.approx((means[0] - means[1]) @ pooled)
    assert found.rest.value == pytest.approx(means[0] @ (b[0] - pooled) + means[1] @ (pooled - b[1]))
    outcome = [np.average(y[rows], weights=w[rows]) for rows in (city, ~city)]
    assert found.gap.value == pytest.approx(outcome[0] - outcome[1])
    assert found.gap.value == pytest.approx(found.explained.value + found.rest.value, abs=1e-12)
    assert sum(p.explained.value for p in found.parts) == pytest.approx(found.explained.value)
