"""The pooled model by hand and by second methods: drift, members, peers, the rate of return."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from concordat.errors import MethodError
from concordat.impact.connectivity.pooled import (
    FREEDOM,
    Peers,
    bridged,
    fit_pooled,
    from_gompertz,
    paths,
    robust_fit,
    to_gompertz,
)
from concordat.impact.connectivity.series import make_panel
from connectivity_kit import spread_of


def logit(p: float) -> float:
    return float(np.log(p / (100 - p)))


def none(count: int) -> Peers:
    return Peers([""] * count, [""] * count)


def test_gaps_are_bridged_inside_a_series_and_never_beyond_it() -> None:
    z = np.array([[np.nan, 1.0, np.nan, np.nan, 4.0, np.nan], [np.nan] * 6, [2.0] * 6])
    filled, last = bridged(z)
    assert filled[0, 1:5].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert np.isnan(filled[0, [0, 5]]).all()
    assert np.isnan(filled[1]).all()
    assert last.tolist() == [4, -1, 5]


def test_one_common_drift_and_no_peers_is_the_formula_of_each_member() -> None:
    """All areas rise by 0.2 a year on the logit scale and never return: three members by hand."""
    years = range(2000, 2011)
    series = {f"A{i}": {y: 100 / (1 + np.exp(-(i - 3 + 0.2 * (y - 2000)))) for y in years} for i in range(7)}
    fitted = fit_pooled(make_panel(series), 2010, none(7))
    assert fitted.drift == pytest.approx(0.2)
    assert fitted.rate == pytest.approx(0.0, abs=1e-6)
    assert fitted.drift_areas == 7
    gompertz = [-np.log(-np.log(series[f"A{i}"][y] / 100)) for i in range(7) for y in (2010, 2005)]
    slope = float(np.median((np.array(gompertz[::2]) - np.array(gompertz[1::2])) / 5))
    now = series["A2"][2010]
    straight = 100 / (1 + np.exp(-(logit(now) + 7 * 0.2)))
    curve = 100 * np.exp(-np.exp(-(-np.log(-np.log(now / 100)) + 7 * slope)))
    made = paths(fitted, np.array([7.0]), "percent")[2, 0]
    assert made == pytest.approx(0.75 * straight + 0.25 * curve, abs=1e-4)


def test_areas_that_come_back_to_their_group_are_forecast_to_come_back() -> None:
    """Distances to the group halve in ten years: the rate is ln 2 / 10, and the forecast closes the gap by it."""
    rng = np.random.default_rng(5)
    years = range(1990, 2011)
    group = ["low"] * 30 + ["high"] * 30
    gap = rng.normal(0, 0.8, 60)
    series = {
        f"A{i:02d}": {
            y: 100 / (1 + np.exp(-((-1.5 if i < 30 else 0.5) + 0.05 * (y - 2010) + gap[i] * 0.5 ** ((y - 1990) / 10))))
            for y in years
        }
        for i in range(60)
    }
    fitted = fit_pooled(make_panel(series), 2010, Peers(group, [""] * 60))
    assert fitted.rate == pytest.approx(np.log(2) / 10, rel=0.1)
    assert fitted.drift == pytest.approx(0.05, abs=0.01)
    assert np.abs(fitted.peers[:30] + 1.5).max() < 0.15
    assert np.abs(fitted.peers[30:] - 0.5).max() < 0.15


def test_an_older_last_figure_is_moved_to_the_origin_by_the_common_drift() -> None:
    series = spread_of(1, areas=12, noise=0.0)
    del series["A00"][2020], series["A00"][2019]
    fitted = fit_pooled(make_panel(series), 2020, none(12))
    assert fitted.last[0] == 2018
    assert fitted.level[0] == pytest.approx(logit(series["A00"][2018]) + 2 * fitted.drift)


def test_nothing_after_the_origin_is_read() -> None:
    series = spread_of(2, areas=15)
    later = {a: {y: (v if y <= 2010 else 50.0) for y, v in by.items()} for a, by in series.items()}
    one, two = (fit_pooled(make_panel(s), 2010, none(15)) for s in (series, later))
    assert np.array_equal(paths(one, np.arange(1.0, 8.0), "percent"), paths(two, np.arange(1.0, 8.0), "percent"))


def test_an_area_without_a_figure_starts_from_its_peers() -> None:
    series = spread_of(3, areas=20) | {"ZZ": {}}
    panel = make_panel(series)
    groups = [f"g{i % 2}" for i in range(20)] + ["g1"]
    fitted = fit_pooled(panel, 2020, Peers(groups, [""] * 21))
    assert np.isnan(fitted.level[20])
    blind = fit_pooled(panel, 2020, Peers(groups, [""] * 21), blind=True)
    made = paths(blind, np.array([3.0]), "percent")
    assert made[20] == made[1]  # everyone of a group alike
    assert paths(fitted, np.array([3.0]), "percent")[20] == made[20]


def test_too_few_areas_with_a_history_are_refused() -> None:
    with pytest.raises(MethodError, match="only 4 areas") as found:
        fit_pooled(make_panel(spread_of(4, areas=4)), 2020, none(4))
    assert found.value.code == "too_few_areas"


def test_gompertz_there_and_back() -> None:
    p = np.linspace(0.5, 99.5, 41)
    assert from_gompertz(to_gompertz(p)) == pytest.approx(p)


def test_robust_coefficients_are_the_most_likely_under_student_t() -> None:
    """Held against a general optimiser on the likelihood of location and scale."""
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(300), rng.normal(size=300)])
    y = x @ [1.0, -0.5] + 0.4 * rng.standard_t(4, 300)
    y[:5] += 20.0

    def unlikely(p: np.ndarray) -> float:
        s = np.exp(p[2])
        r = (y - x @ p[:2]) / s
        return float((FREEDOM + 1) / 2 * np.log1p(r * r / FREEDOM).sum() + y.size * np.log(s))

    best = minimize(unlikely, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert robust_fit(x, y, np.zeros(2)) == pytest.approx(best.x[:2], abs=2e-3)


def test_effects_of_groups_that_are_noise_are_shrunk_and_those_that_are_not_stay() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.5, 120)
    singles = [f"g{i}" if i < 30 else "" for i in range(120)]
    peers = Peers(singles, [""] * 120).level(noise)
    assert np.std(peers[:30]) < 0.5 * np.std(noise[:30])
    apart = np.concatenate([rng.normal(-1, 0.3, 50), rng.normal(1, 0.3, 50)])
    peers = Peers(["a"] * 50 + ["b"] * 50, [""] * 100).level(apart)
    assert peers[0] == pytest.approx(np.median(apart[:50]), abs=0.1)
    assert peers[50] == pytest.approx(np.median(apart[50:]), abs=0.1)
