"""Rates of a survey: the denominator, the effect of weights and designs, gaps; against closed forms and a jackknife."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.evidence.survey import Rate, Survey, design, mean_scores, taylor_covariance, taylor_variance, wilson

People = list[dict[str, Any]]
Make = Callable[..., Survey]
SEX = {"column": "sex", "values": {"1": "M", "2": "F"}}
HALVES = [{"sex": 1, "loc": "c"}, {"sex": 2, "loc": "r"}]


def _one(found: Survey, breakdown: str = "") -> Rate:
    return next(rate for rate in found.rates if rate.breakdown == breakdown)


# --- The denominator --------------------------------------------------------------------------------------------------


def test_a_rate_counts_each_person_by_her_weight(survey: Make, crowd: Callable[..., People]) -> None:
    rate = _one(survey(crowd(30, 0, weight=3) + crowd(0, 70, weight=1)))
    assert rate.value == pytest.approx(90 / 160)
    deff = 100 * (30 * 9 + 70) / 160**2  # n sum(w^2) / (sum w)^2
    assert rate.design_effect == pytest.approx(deff)
    assert rate.n_eff == pytest.approx(100 / deff)
    assert rate.wald == pytest.approx(1.96 * math.sqrt(rate.value * (1 - rate.value) * deff / 100))


@pytest.mark.parametrize(
    ("blank", "value", "missing", "not_asked"),
    [
        ("not_asked", 40 / 60, 20 / 80, 50 / 130),
        ("counts_as_no", 40 / 110, 20 / 130, 0),
        ("missing", 40 / 60, 70 / 130, 0),
    ],
)
def test_a_blank_is_what_the_item_says(
    survey: Make, crowd: Callable[..., People], blank: str, value: float, missing: float, not_asked: float
) -> None:
    people = crowd(40, 20) + crowd(20, 0, online=9) + crowd(50, 0, online="")
    rate = _one(survey(people, items=[_item(blank=blank)]))
    assert (rate.value, rate.missing, rate.not_asked) == pytest.approx((value, missing, not_asked))


def _item(**keys: Any) -> dict[str, Any]:
    codes = {"yes_codes": [1], "no_codes": [2], "missing_codes": [9]}
    return {"id": "online", "indicator_id": "internet_users_pct", **codes, **keys}


def test_an_item_has_its_own_column_and_breakdown(survey: Make, crowd: Callable[..., People]) -> None:
    item = _item(id="mail", column="online", indicator_id="ict_skills_pct", breakdown={"skill": "emal"})
    found = survey(crowd(30, 30) + crowd(30, 0, sex=2), items=[item], domains={"sex": SEX})
    assert [rate.breakdown for rate in found.rates] == ["skill=emal", "sex=M;skill=emal", "sex=F;skill=emal"]


def test_people_of_unknown_domain_count_for_all_and_for_no_domain(survey: Make, crowd: Callable[..., People]) -> None:
    people = crowd(40, 40, sex=1) + crowd(40, 0, sex=2) + crowd(0, 40, sex="")
    found = survey(people, domains={"sex": SEX})
    assert [(r.breakdown, r.n) for r in found.rates] == [("", 160), ("sex=M", 80), ("sex=F", 40)]
    assert _one(found).value == 0.5


# --- The design -------------------------------------------------------------------------------------------------------


def test_a_simple_random_sample_has_the_textbook_variance() -> None:
    y = np.array([1.0, 0, 0, 1, 1, 0, 1])
    _, z = mean_scores(y, np.ones(7), np.ones(7, dtype=bool))
    assert taylor_variance(z, design(7)) == pytest.approx(y.var(ddof=1) / 7)
    assert taylor_variance(z, design(7, population=[70] * 7)) == pytest.approx(0.9 * y.var(ddof=1) / 7)


def test_a_stratified_sample_has_the_textbook_variance() -> None:
    y, big, small = np.array([1.0, 0, 0, 1, 4, 6, 9]), [80.0] * 4, [30.0] * 3
    weights = np.array([20.0] * 4 + [10.0] * 3)
    how = design(7, strata=["a"] * 4 + ["b"] * 3, population=[*big, *small])
    _, z = mean_scores(y, weights, np.ones(7, dtype=bool))
    # Cochran, Sampling Techniques (3rd ed., 1977), 5.13: sum of W_h^2 (1 - f_h) s_h^2 / n_h
    wanted = (80 / 110) ** 2 * (1 - 4 / 80) * y[:4].var(ddof=1) / 4
    wanted += (30 / 110) ** 2 * (1 - 3 / 30) * y[4:].var(ddof=1) / 3
    assert taylor_variance(z, how) == pytest.approx(wanted)


def test_a_linear_statistic_has_exactly_its_jackknife_variance() -> None:
    """For a total, leaving out one unit at a time and weighing its stratum up gives the formula (Wolter 2007, 4.5)."""
    random = np.random.Generator(np.random.PCG64(7))
    stratum, unit = np.repeat([0, 1, 2], 8), np.tile(np.repeat(range(4), 2), 3)
    z = random.normal(size=24)
    jackknife = 0.0
    for h in range(3):
        for i in range(4):
            factor = np.where(stratum == h, np.where(unit == i, 0, 4 / 3), 1)
            jackknife += 3 / 4 * ((factor * z).sum() - z.sum()) ** 2
    assert taylor_variance(z, design(24, strata=stratum, units=unit)) == pytest.approx(jackknife)


def test_a_lonely_unit_is_centred_at_the_mean_of_all_and_named() -> None:
    z = np.array([1.0, 2.0, 4.0])
    how = design(3, strata=["a", "a", "b"])
    assert how.single == ("b",)
    assert taylor_variance(z, how) == pytest.approx(2 * (0.5**2 + 0.5**2) + (4 - 7 / 3) ** 2)
    certain = design(3, strata=["a", "a", "b"], population=[20, 20, 1])
    assert certain.single == ()
    assert taylor_variance(z, certain) == pytest.approx(0.9 * 2 * 0.5)


def test_units_of_the_same_name_in_two_strata_are_two_units() -> None:
    assert design(4, strata=["a", "a", "b", "b"], units=[1, 2, 1, 2]).degrees_of_freedom == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"strata": ["a", "b"]}, "2 primary units in 2 strata leave no degree of freedom"),
        ({"population": [1.5, 1.5]}, "has 2 primary units in the sample and 1.5 in the population"),
        ({"population": [9, 8]}, "has more than one population"),
        ({"population": [-3, -3]}, "2 primary units in the sample and -3"),
        ({"population": [math.nan, math.nan]}, "has more than one population"),
    ],
)
def test_a_design_that_can_say_nothing_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(MethodError, match=said):
        taylor_variance(np.array([1.0, -1.0]), design(2, **keys))


def test_a_survey_with_units_says_how_sure_it_is_by_them(survey: Make, crowd: Callable[..., People]) -> None:
    people = [p | {"village": v} for v in range(10) for p in crowd(10 - v, v)]
    found = survey(people, psu="village")
    rate = _one(found)
    means = np.array([(10 - v) / 10 for v in range(10)])
    variance = means.var(ddof=1) / 10  # villages of equal size: the mean of their means
    assert (found.units, found.strata, found.degrees_of_freedom) == (10, 1, 9)
    assert rate.n_eff == pytest.approx(0.55 * 0.45 / variance)
    assert rate.wald == pytest.approx(2.262157 * math.sqrt(variance), rel=1e-6)  # Student's t, 9 degrees of freedom


def test_without_spread_clustering_still_counts(survey: Make, crowd: Callable[..., People]) -> None:
    """All of a domain said yes: its variance is 0, and its people are no surer than the villages of the sample."""
    people = [p | {"village": v} for v in range(10) for p in crowd(20, 0, sex=2) + crowd(2 * v, 20 - 2 * v, sex=1)]
    rate = _one(survey(people, psu="village", domains={"sex": SEX}), "sex=F")
    assert (rate.value, rate.wald) == (1.0, 0.0)
    assert rate.n_eff is not None
    assert 20 <= rate.n_eff < rate.n  # type: ignore[operator]


# --- Intervals and gaps -----------------------------------------------------------------------------------------------


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81 of 263, and 0 of 20.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)


def test_a_gap_has_the_interval_that_newcombe_published(survey: Make, crowd: Callable[..., People]) -> None:
    # Statistics in Medicine 17 (1998) 873-890, table II, method 10, example a: 56/70 less 48/80 is 0.0524 to 0.3339.
    found = survey(crowd(56, 14, sex=1) + crowd(48, 32, sex=2), domains={"sex": SEX})
    (gap,) = found.gaps
    assert (gap.first, gap.second, gap.value) == ("sex=M", "sex=F", pytest.approx(0.2))
    assert (gap.lower, gap.upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_gap_inside_the_same_units_is_surer_than_one_between_others() -> None:
    y, unit = np.tile([1.0, 1, 1, 0], 6), np.repeat(range(6), 4)
    y[unit < 3] = 0
    first = np.tile([True, True, False, False], 6)
    scores = np.stack([mean_scores(y, np.ones(24), people)[1] for people in (first, ~first)], axis=1)
    matrix = taylor_covariance(scores, design(24, units=unit))
    assert matrix[0, 1] > 0
    assert matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1] < matrix[0, 0] + matrix[1, 1]


def test_of_many_values_only_the_highest_is_set_against_the_lowest(survey: Make, crowd: Callable[..., People]) -> None:
    people = [p for i in range(7) for p in crowd(40 + i, 60 - i, loc=i)]
    values = {str(i): f"v{i}" for i in range(7)}
    found = survey(people, domains={"loc": {"column": "loc", "values": values}})
    assert [(gap.first, gap.second) for gap in found.gaps] == [("loc=v6", "loc=v0")]


def test_warnings_name_extreme_weights_large_effects_and_lonely_units(
    survey: Make, crowd: Callable[..., People]
) -> None:
    people = crowd(60, 60) + crowd(40, 40, weight=50)
    assert survey(people).warnings == ("the largest weight is 50 times the median: a few people decide the figures.",)
    few = survey(crowd(300, 300) + crowd(15, 15, weight=100)).warnings
    # 630 (600 + 30 * 100^2) / (600 + 3000)^2
    assert "the design effect of online is 14.6: 630 people tell as much as 43 would." in few
    strata = [p | {"stratum": "alone" if i == 0 else "rest"} for i, p in enumerate(crowd(60, 60))]
    assert survey(strata, strata="stratum").warnings == (
        "1 stratum has one primary unit and is centred at the mean of all units: alone.",
    )
