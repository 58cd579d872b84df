"""Change and digital poverty: what holds for every series and every table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.observatory.divide import (
    Deprivation,
    PovertyPlan,
    Question,
    alkire_foster,
    beta_convergence,
    compound_growth,
    convergence_clubs,
    fill_curve,
    fit_diffusion,
    mobility_between,
    oaxaca_blinder,
    percent_change,
    time_distance,
)

SOME = settings(max_examples=40, deadline=None)
FEW = settings(max_examples=12, deadline=None)

percents = st.floats(0, 100, allow_nan=False).map(lambda x: round(x, 4))
positive = st.floats(0.1, 1e4, allow_nan=False)


def series(values: Any = percents, size: int = 1) -> Any:
    years = st.lists(st.integers(1990, 2024), min_size=size, max_size=12, unique=True)
    return years.flatmap(lambda t: st.tuples(st.just(t), st.lists(values, min_size=len(t), max_size=len(t))))


@SOME
@given(st.dictionaries(st.sampled_from(["AAA", "BBB", "CCC", "KOR"]), series(), min_size=1), series())
def test_the_leader_is_at_no_distance_from_itself(panel: dict[str, Any], leader: Any) -> None:
    found = time_distance(panel | {"KOR": leader}, leader="KOR")
    assert found["KOR"].value in (0.0, None)
    for d in found.values():
        assert (d.value is None) == bool(d.reason)
        if d.value is not None:
            assert d.year is not None
            assert d.reached is not None
            assert min(leader[0]) <= d.reached <= max(leader[0])
            assert d.value == d.year - d.reached


@SOME
@given(series(size=2), series(), st.integers(-50, 50), st.sampled_from([0.5, 2.0, 4.0]))
def test_distance_in_time_is_free_of_units_and_of_the_calendar(leader: Any, own: Any, shift: int, scale: float) -> None:
    plain = time_distance({"KOR": leader, "AAA": own})["AAA"]
    moved = time_distance(
        {a: ([t + shift for t in s[0]], [scale * y for y in s[1]]) for a, s in {"KOR": leader, "AAA": own}.items()}
    )["AAA"]
    assert (plain.value is None) == (moved.value is None)
    if plain.value is not None:
        assert moved.value == pytest.approx(plain.value, abs=1e-6)


@SOME
@given(st.floats(-0.3, 0.5), positive, st.lists(st.integers(1990, 2024), min_size=2, max_size=10, unique=True))
def test_constant_growth_is_found(rate: float, start: float, years: list[int]) -> None:
    values = [start * (1 + rate) ** (t - min(years)) for t in years]
    assert compound_growth(years, values).value == pytest.approx(rate, abs=1e-9)


@SOME
@given(st.floats(-0.02, 0.5), positive, st.lists(st.integers(1990, 2024), min_size=2, max_size=10, unique=True))
def test_constant_change_is_found_and_is_free_of_units(rate: float, start: float, years: list[int]) -> None:
    values = [start * (1 + rate * (t - min(years))) for t in years]
    assert percent_change(years, values).value == pytest.approx(100 * rate, abs=1e-6)
    assert percent_change(years, [1000 * v for v in values]).value == pytest.approx(100 * rate, abs=1e-6)


@SOME
@given(st.lists(st.tuples(positive, positive), min_size=3, max_size=15), st.integers(2, 5))
def test_mobility_counts_everybody_and_sees_ranks_alone(pairs: list[tuple[float, float]], classes: int) -> None:
    panel = {f"A{i:02d}": ([2000, 2020], pair) for i, pair in enumerate(pairs)}
    found = mobility_between(panel, 2000, 2020, classes=classes)
    assert found.counts.sum() == len(pairs)
    grown = {a: (t, [v[0] * 4, v[1] * 16]) for a, (t, v) in panel.items()}
    again = mobility_between(grown, 2000, 2020, classes=classes)
    assert again.counts.tolist() == found.counts.tolist()
    assert again.rank_correlation == found.rank_correlation
    assert found.rank_correlation is None or -1 <= found.rank_correlation <= 1


@SOME
@given(st.lists(st.floats(0.5, 50), min_size=4, max_size=12, unique=True), st.floats(0.05, 0.95), st.integers(2, 30))
def test_beta_of_a_constant_speed_is_that_speed(starts: list[float], left: float, span: int) -> None:
    if max(starts) / min(starts) < 1.01:
        return
    panel = {f"A{i}": ([0, span], [y, math.exp(3 * (1 - left)) * y**left]) for i, y in enumerate(starts)}
    found = beta_convergence(panel, 0, span)
    assert found.speed == pytest.approx(-math.log(left) / span, rel=1e-6)
    assert found.half_life is not None
    assert left ** (found.half_life / span) == pytest.approx(0.5, rel=1e-6)


@FEW
@given(st.integers(0, 10_000), st.sampled_from([2.0, 4.0]))
def test_clubs_hold_everybody_once_whatever_the_unit_and_order(seed: int, scale: float) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(1990, 2015)
    paths = {f"A{i}": rng.uniform(1, 9) + np.cumsum(rng.normal(0, 0.05, 25)) for i in range(7)}
    paths = {a: np.maximum(p, 0.5) for a, p in paths.items()}
    found = convergence_clubs({a: (t, p) for a, p in paths.items()})
    members = [a for club in found.clubs for a in club.areas] + list(found.diverging)
    assert sorted(members) == sorted(paths)
    assert all(club.test.converges or len(club.areas) > 1 for club in found.clubs)
    again = convergence_clubs({a: (t, scale * paths[a]) for a in reversed(list(paths))})
    assert [c.areas for c in again.clubs] == [c.areas for c in found.clubs]


@FEW
@given(
    st.sampled_from(["logistic", "gompertz", "richards"]),
    st.floats(20, 150),
    st.floats(0.25, 0.8),
    st.floats(2003, 2010),
    st.floats(0.5, 3),
)
def test_a_curve_without_noise_is_recovered(curve: str, k: float, b: float, m: float, v: float) -> None:
    t = np.arange(1995, 2021)
    angle = -b * (t - m)
    y = {
        "logistic": k / (1 + np.exp(angle)),
        "gompertz": k * np.exp(-np.exp(angle)),
        "richards": k * (1 + v * np.exp(angle)) ** (-1 / v),
    }[curve]
    fit = fit_diffusion(t, y, curve=curve)
    assert fit.parameters["K"] == pytest.approx(k, rel=1e-4)
    assert fit.parameters["b"] == pytest.approx(b, rel=1e-3)
    assert fit.fitted(t) == pytest.approx(y, abs=1e-4 * k)
    hole = y.copy()
    hole[10] = np.nan
    assert fill_curve(t, hole)[10] == pytest.approx(y[10], abs=1e-3 * k)


@FEW
@given(st.floats(20, 150), st.floats(0.002, 0.03), st.floats(0.2, 0.6))
def test_a_bass_curve_without_noise_is_recovered(k: float, p: float, q: float) -> None:
    t = np.arange(1995, 2031)
    grown = np.exp(-(p + q) * (t - 1994))
    fit = fit_diffusion(t, k * (1 - grown) / (1 + q / p * grown), curve="bass")
    assert (fit.parameters["K"], fit.parameters["p"], fit.parameters["q"]) == (
        pytest.approx(k, rel=1e-5),
        pytest.approx(p, rel=1e-4),
        pytest.approx(q, rel=1e-4),
    )


@FEW
@given(st.integers(0, 10_000), st.sampled_from([None, 100.0]))
def test_intervals_hold_their_values_and_forecasts_rise(seed: int, ceiling: float | None) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(2000, 2015)
    y = np.clip(rng.uniform(40, 110) / (1 + np.exp(-rng.uniform(0.2, 0.8) * (t - rng.uniform(2003, 2012)))), 0, 100)
    fit = fit_diffusion(t, np.clip(y + rng.normal(0, 1.5, t.size), 0, 100), ceiling=ceiling)
    asked = fit.predict([2005, 2014, 2020, 2030])
    middles = fit.fitted([2005, 2014, 2020, 2030])
    assert (np.diff(middles) >= -1e-9).all()
    for found, middle in zip(asked, middles, strict=True):
        assert found.lower is None or found.lower <= middle + 1e-9
        assert found.upper is None or middle <= found.upper + 1e-9
        assert ceiling is None or found.upper is None or found.upper <= ceiling + 1e-9


# --- Persons --------------------------------------------------------------------------------------------------------


@st.composite
def people(draw: st.DrawFn) -> tuple[dict[str, list[Any]], PovertyPlan]:
    n, kinds = draw(st.integers(2, 25)), draw(st.integers(1, 5))
    answers = st.lists(st.sampled_from([1, 2, 2, 9, None]), min_size=n, max_size=n)
    table: dict[str, list[Any]] = {f"q{j}": draw(answers) for j in range(kinds)}
    table["q0"] = [v if v in (1, 2) else 1 for v in table["q0"]]
    table["w"] = draw(st.lists(st.floats(0.1, 10), min_size=n, max_size=n))
    table["g"] = draw(st.lists(st.sampled_from("xyz"), min_size=n, max_size=n))
    sizes = np.array(draw(st.lists(st.integers(1, 5), min_size=kinds, max_size=kinds)), dtype=float)
    skilled = draw(st.booleans())
    questions = [
        Question(f"q{j}", ("2",), routing=("",), dont_know=("9",), skill=skilled, not_deprived=("1",))
        for j in range(kinds)
    ]
    weights = sizes / sizes.sum()
    parts = tuple(Deprivation(f"d{j}", (q,), float(weights[j])) for j, q in enumerate(questions))
    return table, PovertyPlan(parts, k=draw(st.sampled_from([0.1, 0.4, 0.6, 1.0])), weight="w", groups="g")


@SOME
@given(people())
def test_poverty_adds_up(drawn: tuple[dict[str, list[Any]], PovertyPlan]) -> None:
    table, plan = drawn
    if all(any(table[q][i] == 9 for q in table if q.startswith("q")) for i in range(len(table["w"]))):
        return  # nobody may be left
    found = alkire_foster(table, plan)
    assert found.n + found.dropped == len(table["w"])
    if found.intensity is None:
        assert found.headcount.value == found.m0.value == 0
    else:
        assert found.m0.value == pytest.approx(found.headcount.value * found.intensity.value, abs=1e-12)
        assert found.intensity.value >= plan.k - 1e-9
        assert sum(p.contribution.value for p in found.parts if p.contribution) == pytest.approx(1, abs=1e-12)
        assert sum(g.contribution.value for g in found.groups if g.contribution) == pytest.approx(1, abs=1e-12)
    assert sum(p.weight * p.censored.value for p in found.parts) == pytest.approx(found.m0.value, abs=1e-12)
    assert sum(g.share * g.m0.value for g in found.groups) == pytest.approx(found.m0.value, abs=1e-12)
    assert sum(g.share for g in found.groups) == pytest.approx(1, abs=1e-12)
    assert all(p.censored.value <= p.raw.value + 1e-12 for p in found.parts)
    falling = np.array([found.curve.headcount, found.curve.m0])
    assert (np.diff(falling, axis=1) <= 1e-12).all()
    every = {name: values + values for name, values in table.items()}
    assert alkire_foster(every, plan).m0.value == pytest.approx(found.m0.value, abs=1e-12)
    assert not any(found.dominates(g.name, g.name) for g in found.groups)


@SOME
@given(st.integers(0, 10_000), st.booleans())
def test_a_gap_is_explained_and_rest_whole_and_by_parts(seed: int, indicator: bool) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    n = int(rng.integers(20, 60))
    group = np.where(np.arange(n) % 2 == 0, "a", "b")
    x = {"one": rng.normal(0, 1, n) + (group == "a"), "two": rng.normal(5, 3, n)}
    y = rng.normal(0, 1, n) + x["one"]
    found = oaxaca_blinder(y, group, x, rng.uniform(0.5, 3, n), indicator=indicator)
    assert found.gap.value == pytest.approx(found.mean_first - found.mean_second, abs=1e-12)
    assert found.explained.value + found.rest.value == pytest.approx(found.gap.value, abs=1e-9)
    for part in ("explained", "rest"):
        pieces = [getattr(p, part).value for p in found.parts]
        assert sum(pieces) == pytest.approx(getattr(found, part).value, abs=1e-9)
