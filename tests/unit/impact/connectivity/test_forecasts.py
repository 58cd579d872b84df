"""What a forecast says of each area, what it refuses, and when bands are shown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity import forecast
from connectivity_kit import Series, spread_of


@pytest.fixture(scope="module")
def series() -> Series:
    return spread_of(11, areas=60)


def test_paths_begin_after_the_origin_and_bands_hold_them(series: Series) -> None:
    made = forecast(series, None, regions=None, to=2025, areas=["A03", "A07"])
    assert [a.area for a in made.areas] == ["A03", "A07"]
    assert made.of("A03").years == (2021, 2022, 2023, 2024, 2025)
    assert made.origin == 2020
    for a in made.areas:
        for c, v, low, high in zip(made.horizons, a.values, a.lower, a.upper, strict=True):
            assert (low is not None) == c.shown
            if low is not None and high is not None:
                assert 0 <= low < v < high <= 100
    assert any(c.shown for c in made.horizons)
    json.dumps(made.to_value())


def test_a_horizon_that_is_not_calibrated_shows_no_band_and_says_so() -> None:
    """Errors that double after the bands were made: they held too few."""
    calm = spread_of(12, areas=60, last=2012, noise=0.02)
    rng = np.random.default_rng(0)
    for by in calm.values():
        for year in range(2013, 2021):
            z = np.log(by[year - 1] / (100 - by[year - 1])) + 0.18 + rng.normal(0, 1.5)
            by[year] = float(np.clip(100 / (1 + np.exp(-z)), 1, 99))
    made = forecast(calm, None, regions=None, to=2022, areas=["A00"], origin=2015)
    shown = [c for c in made.horizons if c.shown]
    assert not shown
    assert all(c.reason.startswith("not calibrated") for c in made.horizons)
    assert set(made.areas[0].lower) == {None}


def test_an_area_without_figures_or_peers_is_refused(series: Series) -> None:
    """The level of everyone is no level of its own: its group or its region must be among the data."""
    groups, regions = dict.fromkeys(series, "high") | {"ZZZ": "low"}, dict.fromkeys(series, "north") | {"ZZZ": "south"}
    with pytest.raises(MethodError, match=r"ZZZ \(group low, region south\)") as caught:
        forecast(series, groups, regions=regions, to=2022, areas=["A00", "ZZZ"])
    assert caught.value.code == "no_peers"
    near = forecast(series, groups, regions=regions | {"ZZZ": "north"}, to=2022, areas=["ZZZ"])
    assert near.areas[0].marks[0].startswith("pooled: no figure of its own")
    late = {**series, "A00": {2020: 40.0}}
    with pytest.raises(MethodError, match=r"no figures by 2018 of A00 \(group unknown, region unknown\)"):
        forecast(late, None, regions=None, to=2020, origin=2018, areas=["A00"])


def test_few_figures_no_figure_and_old_figures_are_marked(series: Series) -> None:
    few = dict(series)
    few["A00"] = {2019: 30.0, 2020: 33.0}
    few["A01"] = {y: v for y, v in few["A01"].items() if y <= 2016}
    few["A02"] = {y: v for y, v in few["A02"].items() if y <= 2010}
    few["A04"] = few["A04"] | {2020: 99.9}
    groups = dict.fromkeys(few, "g") | {"ZZZ": "g"}
    made = forecast(few, groups, regions=None, to=2022, areas=["A00", "A01", "A02", "A04", "ZZZ"])
    said = {a.area: "; ".join(a.marks) for a in made.areas}
    assert "fewer than 5 figures" in said["A00"]
    assert "last figure of 2016" in said["A01"]
    assert "no band: its last figure is over 5 years old" in said["A02"]
    assert set(made.of("A02").upper) == {None}
    assert "99.9 counts as 99.5" in said["A04"]
    assert "no figure of its own" in said["ZZZ"]
    assert made.of("ZZZ").last_value is None
    assert made.of("ZZZ").figures == 0


def test_a_log_figure_is_forecast_only_where_that_beat_the_last_value() -> None:
    rng = np.random.default_rng(3)
    years = range(1990, 2021)
    growing = {
        f"A{i:02d}": {y: 10 * 1.05 ** (y - 1990) * float(rng.lognormal(0, 0.05)) for y in years} for i in range(30)
    }
    made = forecast(growing, None, regions=None, to=2023, scale="log", areas=["A00"])
    assert made.areas[0].values[2] / made.areas[0].last_value == pytest.approx(1.05**3, rel=0.15)  # type: ignore[operator]
    assert "Followed in logarithms, without a ceiling." in made.notes
    ended = {a: {y: min(v, 20.0) + 0.01 * (y % 3) for y, v in by.items()} for a, by in growing.items()}
    ended = {a: {y: v if y < 2005 else by[2004] for y, v in by.items()} for a, by in ended.items()}
    with pytest.raises(MethodError, match="the last value serves better") as found:
        forecast(ended, None, regions=None, to=2013, origin=2010, scale="log", areas=["A00"])
    assert found.value.code == "worse_than_last"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"to": 2020}, "to", "Ask for a year from 2021 to 2040"),
        ({"to": 2041}, "to", "within 20 years"),
        ({"to": 2025, "origin": 1990}, "origin", "not among the years 1991 to 2020"),
        ({"to": 2025, "origin": 2021}, "origin", "not among the years"),
        ({"to": 2025, "areas": ["A0033"]}, "unknown_area", 'Did you mean "A'),
        ({"to": 2025, "scale": "logit"}, "scale", "Use percent or log"),
    ],
)
def test_what_is_refused(series: Series, options: dict[str, object], code: str, said: str) -> None:
    with pytest.raises(InputError) as found:
        forecast(series, None, regions=None, **options)  # type: ignore[arg-type]
    assert found.value.code == code
    assert said in str(found.value)


def test_an_area_that_was_not_forecast_is_no_answer(series: Series) -> None:
    made = forecast(series, None, regions=None, to=2021, areas=["A03"])
    with pytest.raises(InputError, match="there are no figures"):
        made.of("A04")


def test_the_same_series_make_the_same_forecast(series: Series) -> None:
    turned = {a: dict(reversed(by.items())) for a, by in reversed(series.items())}
    one, two = (forecast(s, None, regions=None, to=2024, areas=["A05"]) for s in (series, turned))
    assert one == two
