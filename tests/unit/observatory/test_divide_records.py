"""The records of the divide against the world and over time: each number by a plain loop, and why there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from concordat.observatory.divide._estimate import estimated
from concordat.observatory.divide._sample import sample
from concordat.observatory.divide.records import (
    convergence,
    covered_years,
    distance,
    held_range,
    lorenz,
    split,
    window,
)

VALUES = {"AAA": 10.0, "BBB": 40.0, "CCC": 85.0, "DDD": 60.0, "EEE": 95.0}
PEOPLE = {"AAA": 5.0, "BBB": 2.0, "CCC": 1.0, "DDD": 4.0, "EEE": 3.0}
GROUPS = {"bloc": {"AAA": "in", "BBB": "in", "CCC": "out", "DDD": "out", "EEE": "out"}}


def figure(area: str, value: float | None, year: int = 2023, **more: Any) -> dict[str, Any]:
    return {"area": area, "value": value, "lower": value, "upper": value, "year": year, **more}


def asked(values: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    groups = {name: [found[a] for a in sorted(VALUES)] for name, found in GROUPS.items()}
    base = {"areas": sorted(VALUES), "values": len(values), "groups": groups, "min_coverage": 0.9, "min_share": 0.7}
    return base | more


def rows(
    values: dict[str, Any] = VALUES, people: dict[str, float] = PEOPLE
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    figures = [figure(a, v) for a, v in values.items()]
    return figures + [figure(a, w, 2021) for a, w in people.items()], asked(figures)


def theil(values: dict[str, float], w: dict[str, float]) -> float:
    total = sum(w[a] for a in values)
    mean = sum(w[a] * values[a] for a in values) / total
    return sum(w[a] / total * values[a] / mean * math.log(values[a] / mean) for a in values)


def between(values: dict[str, float], w: dict[str, float]) -> float:
    means = {}
    for group in ("in", "out"):
        inside = [a for a in values if GROUPS["bloc"][a] == group]
        means[group] = sum(w[a] * values[a] for a in inside) / sum(w[a] for a in inside)
    return theil({a: means[GROUPS["bloc"][a]] for a in values}, w)


# --- Between and within -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefix", "w"), [("", dict.fromkeys(VALUES, 1.0)), ("weighted_", PEOPLE)])
def test_t_and_its_parts_are_those_of_a_plain_loop(prefix: str, w: dict[str, float]) -> None:
    found = split(*rows())
    assert found[f"{prefix}total"] == pytest.approx(theil(VALUES, w), rel=1e-8)
    assert found[f"{prefix}bloc_between"] == pytest.approx(between(VALUES, w), rel=1e-8)
    assert found[f"{prefix}bloc_within"] == pytest.approx(theil(VALUES, w) - between(VALUES, w), rel=1e-8)
    assert found[f"{prefix}bloc_share"] == pytest.approx(100 * between(VALUES, w) / theil(VALUES, w), rel=1e-8)
    for name in ("total", "bloc_between", "bloc_within", "bloc_share"):
        low, high = (found[f"{prefix}{name}_{end}"] for end in ("lower", "upper"))
        assert low < found[f"{prefix}{name}"] < high
    assert found["n"] == found["n_weighted"] == 5


def test_the_error_of_the_share_between_is_that_of_numerical_derivatives() -> None:
    areas, step = sorted(VALUES), 1e-6
    share = 100 * between(VALUES, PEOPLE) / theil(VALUES, PEOPLE)
    total = sum(PEOPLE.values())
    order = sorted(areas, key=VALUES.__getitem__)
    parts = []
    for area in order:
        # z: what the share moves by when a little of all weight goes to this row; p z is its part.
        moved = {a: w * (1 - step) + total * step * (a == area) for a, w in PEOPLE.items()}
        z = (100 * between(VALUES, moved) / theil(VALUES, moved) - share) / step
        parts.append(PEOPLE[area] / total * z)
    s = sample([VALUES[a] for a in areas], [PEOPLE[a] for a in areas])
    expected = estimated("share", share, np.array(parts), s, low=0.0, high=100.0)
    found = split(*rows())
    assert found["weighted_bloc_share_lower"] == pytest.approx(expected.lower, rel=1e-3)
    assert found["weighted_bloc_share_upper"] == pytest.approx(expected.upper, rel=1e-3)


def test_zeros_are_left_out_and_counted_and_an_interval_stands_in_its_middle() -> None:
    values = VALUES | {"CCC": 0.0}
    found = split(*rows(values))
    positive = {a: v for a, v in values.items() if v > 0}
    assert found["weighted_total"] == pytest.approx(theil(positive, PEOPLE), rel=1e-8)
    assert found["weighted_share_zero"] == pytest.approx(100 / 15, rel=1e-8)
    assert found["share_zero"] == 20
    inputs, parameters = rows()
    inputs[0] = {"area": "AAA", "value": None, "lower": 6.0, "upper": 14.0, "year": 2023}
    assert split(inputs, parameters)["total"] == split(*rows())["total"]
    assert split(inputs, parameters)["censored"] == 1


def test_a_population_of_another_decade_is_as_good_as_none_and_counts_as_missing() -> None:
    inputs, parameters = rows()
    inputs[7] = figure("CCC", 1.0, 2017)  # six years from its figure
    found = split(inputs, parameters)
    rest = {a: v for a, v in VALUES.items() if a != "CCC"}
    assert found["weighted_total"] == pytest.approx(theil(rest, PEOPLE), rel=1e-8)
    assert found["weighted_share_missing"] == pytest.approx(100 / 15, rel=1e-8)
    assert found["total"] == split(*rows())["total"]
    assert (found["n"], found["n_weighted"]) == (5, 4)


def test_too_little_known_has_a_reason_and_no_number() -> None:
    few = {a: VALUES[a] for a in ("BBB", "CCC", "EEE")}  # three of five countries, six of fifteen people
    found = split(*rows(few))
    assert (found["reason"], found["weighted_reason"]) == ("low_coverage", "low_coverage")
    assert "total" not in found
    assert split(*rows(people={}))["weighted_reason"] == "no_weights"
    assert split(*rows(people=PEOPLE | {"AAA": 0.0}))["weighted_reason"] is None
    old = [figure(a, v) for a, v in VALUES.items()] + [figure(a, w, 1990) for a, w in PEOPLE.items()]
    assert split(old, asked(old[:5]))["weighted_reason"] == "no_weights"
    assert split(*rows(dict.fromkeys(VALUES, 0.0)))["reason"] == "undefined"


def test_one_group_and_countries_all_alike_have_a_whole_and_no_share() -> None:
    inputs, parameters = rows()
    found = split(inputs, parameters | {"groups": {"bloc": ["in"] * 5}})
    assert found["bloc_reason"] == "one_group"
    assert found["total"] == split(inputs, parameters)["total"]
    assert "bloc_share" not in found
    alike = split(*rows(dict.fromkeys(VALUES, 50.0)))
    assert (alike["total"], alike["bloc_reason"]) == (0, "undefined")
    only_zero = split(*rows(VALUES | {"AAA": 0.0, "BBB": 0.0}))  # the bloc has no value above zero
    assert only_zero["bloc_reason"] == "one_group"


def test_figures_in_thousands_and_in_units_stand_together() -> None:
    inputs, parameters = rows()
    inputs[5:] = [figure(a, w / 1000, 2021, unit_mult=3) for a, w in PEOPLE.items()]
    assert split(inputs, parameters)["weighted_total"] == split(*rows())["weighted_total"]


# --- Lorenz -------------------------------------------------------------------------------------------------------


def test_what_the_least_connected_hold_is_what_a_plain_loop_adds_up() -> None:
    found = lorenz(*rows())
    total = sum(PEOPLE.values())
    for percent in (10, 20, 40, 50):
        left, held = percent / 100 * total, 0.0
        for area in sorted(VALUES, key=VALUES.__getitem__):
            taken = min(left, PEOPLE[area])
            left, held = left - taken, held + taken * VALUES[area]
        everything = sum(PEOPLE[a] * VALUES[a] for a in VALUES)
        assert found[f"weighted_held_{percent}"] == pytest.approx(100 * held / everything, rel=1e-8)
        assert found[f"weighted_held_{percent}_lower"] == found[f"weighted_held_{percent}"]  # exact figures
    assert found["weighted_people"][0] == found["weighted_having"][0] == 0
    assert found["weighted_people"][-1] == found["weighted_having"][-1] == 100
    assert found["people"] == pytest.approx([0, 20, 40, 60, 80, 100])
    assert lorenz(*rows(dict.fromkeys(VALUES, 0.0)))["reason"] == "undefined"


def test_the_ends_of_what_is_held_are_reached_by_two_rows() -> None:
    """Of two halves, 20 ± 10 and 80 ± 10: from 10 / 100 to 30 / 100, which the figures 10, 90 and 30, 70 give."""
    p, y = np.array([0.5, 0.5]), np.array([20.0, 80.0])
    assert held_range(p, y, y - 10, y + 10, 0.5) == pytest.approx((0.1, 0.3))
    assert held_range(p, y, y, y, 0.5) == pytest.approx((0.2, 0.2))


# --- Years behind -------------------------------------------------------------------------------------------------

PATH = [figure("KOR", v, y) for y, v in ((2000, 40.0), (2001, 60.0), (2010, 80.0), (2012, 78.0))]


def behind(*members: dict[str, Any]) -> dict[str, Any]:
    return distance([*PATH, *members], {"leader": "KOR", "path": len(PATH)})


def test_years_gap_and_ratio_stand_together_each_with_its_ends() -> None:
    found = behind(figure("ETH", 50.0, 2010, lower=45.0) | {"lower": 45.0, "upper": 60.0})
    # 50 was reached half-way from 2000 to 2001; 45 a quarter of the way, 60 in 2001
    assert (found["years_ETH"], found["years_ETH_lower"], found["years_ETH_upper"]) == (9.5, 9.0, 9.75)
    assert (found["gap_ETH"], found["gap_ETH_lower"], found["gap_ETH_upper"]) == (30, 20, 35)
    assert (found["ratio_ETH"], found["ratio_ETH_lower"], found["ratio_ETH_upper"]) == (0.625, 0.5625, 0.75)


def test_where_there_are_no_years_the_reason_says_why() -> None:
    found = behind(figure("ARE", 100.0, 2010), figure("CHE", 30.0, 2010), figure("KOR", 78.0, 2012))
    assert [found[f"reason_{a}"] for a in ("ARE", "CHE", "KOR")] == [
        "never_reached",
        "already_in_first_year",
        "fell_back",
    ]
    assert [found[f"years_{a}"] for a in ("ARE", "CHE", "KOR")] == [None] * 3
    assert found["gap_ARE"] == -20
    late = behind(figure("BRA", 60.0, 2015))
    assert (late["years_BRA"], late["gap_BRA"], late["ratio_BRA"]) == (14, None, None)
    half = behind(figure("IND", 75.0, 2012) | {"lower": 70.0, "upper": 90.0})
    assert half["years_IND_lower"] is None  # 90 lies beyond the leader's path: that end is open
    assert half["years_IND_upper"] is not None


# --- Catching up --------------------------------------------------------------------------------------------------


def panel(years: list[int], path: Any, weights: dict[str, float] | None = None, year: int = 0) -> dict[str, Any]:
    starts = {"AAA": 2.0, "BBB": 4.0, "CCC": 9.0, "DDD": 30.0}
    inputs = [figure(a, path(v, y - years[0]), y) for a, v in starts.items() for y in years]
    more = [figure(a, w, year or years[0]) for a, w in (weights or {}).items()]
    return convergence(inputs + more, {"areas": sorted(starts), "years": years, "values": len(inputs)})


def test_distances_that_halve_in_ten_years_have_that_half_life() -> None:
    """ln y = ln y0 · 2^(-t/10): logs move to a common 0, and their deviation halves."""
    years = [2000, 2002, 2005, 2008, 2010]
    weights = {"AAA": 1.0, "BBB": 2.0, "CCC": 3.0, "DDD": 4.0}
    found = panel(years, lambda y, t: math.exp(math.log(y) * 2 ** (-t / 10)), weights)
    assert found["half_life"] == pytest.approx(10)
    assert found["rate"] == pytest.approx(10 * math.log(2))
    assert found["weighted_half_life"] == pytest.approx(10)
    logs = [math.log(y) for y in (2.0, 4.0, 9.0, 30.0)]
    mean = math.fsum(logs) / 4
    sd = math.sqrt(math.fsum((x - mean) ** 2 for x in logs) / 3)
    assert found["sd_2000"] == pytest.approx(sd, rel=1e-8)
    assert found["sd_2010"] == pytest.approx(sd / 2, rel=1e-8)
    assert found["trend_lower"] <= found["trend"] <= found["trend_upper"] < 0
    assert found["logit_n"] == 4


def test_weights_of_another_decade_and_members_at_the_bound_are_not_used() -> None:
    weights = dict.fromkeys(("AAA", "BBB", "CCC", "DDD"), 1.0)
    old = panel([2000, 2010], lambda y, t: y + t, weights, year=1994)
    assert (old["weighted_reason"], "weighted_rate" in old) == ("no_weights", False)
    full = panel([2000, 2010], lambda y, t: min(100.0, y + 95 * (t > 0)), weights)
    assert (full["logit_n"], full["logit_reason"]) == (2, "at_bound")
    assert "trend" not in full  # two years are no trend
    apart = panel([2000, 2010], lambda y, t: y ** (1 + t / 20))
    assert (apart["half_life"], apart["rate_reason"]) == (None, "not_converging")
    assert apart["rate"] < 0


def test_years_are_chosen_by_people_and_the_window_by_members() -> None:
    people = {"AAA": 90.0, "BBB": 10.0}
    present = {2024: ["BBB"], 2022: ["AAA"], 2017: ["AAA", "BBB"], 2012: ["BBB"], 1997: ["AAA"], 1992: ["AAA"]}
    assert covered_years(present, people, 0.9) == [1997, 2017, 2022]  # 1992 would be the seventh
    assert covered_years({}, people, 0.9) == covered_years({2020: []}, people, 0.9) == []
    long = range(2000, 2024)
    assert window({"A": long, "B": long, "C": long}, 0.9) == (["A", "B", "C"], list(range(2013, 2024)))
    assert window({"A": long, "B": long}, 0.9) is None
    assert window({"A": [2020], "B": [2020], "C": [2020]}, 0.9) is None
    assert window({}, 0.9) is None
    # nine of ten have 2022; 2012 is a gap, so the nearest year that as many have is 2013, the later of two as near
    gaps = {f"M{i}": [2011, 2013, 2022, 2023] if i < 7 else [2011, 2013, 2022] for i in range(9)}
    assert window(gaps | {"M9": [2005]}, 0.9) == ([f"M{i}" for i in range(9)], [2013, 2022])
