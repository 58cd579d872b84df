"""Rung c: capital by perpetual inventory, contributions that add up, and what must be given."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.accounts.growth import (
    Asset,
    AssetSeries,
    GrowthData,
    Industry,
    growth_accounting,
    logarithmic_mean,
    perpetual_inventory,
)
from concordat.impact.accounts.growth_file import parse_growth_csv

TEN = np.full(4, 10.0)
ONE = np.ones(4)


def test_perpetual_inventory_by_hand() -> None:
    first, stocks = perpetual_inventory(np.array([8.0, 6.0]), np.array([0.5, 2.0]), 0.25, initial=100.0)
    assert first == 0
    assert stocks.tolist() == [100 * 0.75 + 16, 91 * 0.75 + 3]


def test_constant_investment_keeps_its_steady_state() -> None:
    _, stocks = perpetual_inventory(TEN, ONE, 0.2, initial=10 / 0.2)
    np.testing.assert_allclose(stocks, 50.0, rtol=1e-15)


def test_with_a_lifetime_an_asset_is_gone_after_its_last_year() -> None:
    first, stocks = perpetual_inventory(np.array([8.0, 4.0, 2.0, 1.0]), ONE, 0.5, life_years=2)
    assert first == 1
    assert stocks.tolist() == [4 + 4, 2 + 2, 1 + 1]


def test_a_long_life_is_as_good_as_none_once_the_years_before_are_known() -> None:
    investment = np.array([9.0, 5.0, 7.0, 3.0, 8.0, 6.0])
    _, endless = perpetual_inventory(investment, np.ones(6), 0.4, initial=0.0)
    _, lived = perpetual_inventory(investment, np.ones(6), 0.4, life_years=6)
    assert lived[-1] == pytest.approx(endless[-1], rel=1e-15)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({}, MethodError, "stock of capital before the first year is not known"),
        ({"initial": 1.0, "life_years": 2}, MethodError, "a lifetime and an initial stock"),
        ({"life_years": 5}, MethodError, "4 years of investment, and a lifetime of 5"),
        ({"life_years": 0}, MethodError, "a lifetime of 0 years"),
        ({"initial": -1.0}, MethodError, "not known"),
        ({"initial": 1.0, "depreciation": 1.2}, InputError, "depreciation is 1.2"),
        ({"initial": 1.0, "price": np.array([1.0, 0, 1, 1])}, InputError, "out of range"),
        ({"initial": 1.0, "investment": np.array([1.0, -1, 1, 1])}, InputError, "out of range"),
    ],
)
def test_what_is_not_known_is_refused(more: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        perpetual_inventory(**{"investment": TEN, "price": ONE, "depreciation": 0.2, **more})


def test_logarithmic_mean_lies_between_and_is_continuous() -> None:
    a = np.array([1.0, 1.0, 1.0, 4.0])
    b = np.array([1.0, 1.0 + 1e-9, 1.0 + 1e-7, 9.0])
    np.testing.assert_allclose(logarithmic_mean(a, b), [1, 1 + 5e-10, 1 + 5e-8, 5 / math.log(9 / 4)], rtol=1e-8)


# One industry, two years: value added 100 -> 121, hardware 40 -> 50, share .1 in both.
SERIES = AssetSeries(2018, (20.0, 30.0), (1.0, 1.0), 2018, (0.1, 0.1), 40.0)
DATA = GrowthData(
    "CHN", 2019, "billion", 1000.0, {"telecom": 70.0}, (Industry("farms", 2018, (100.0, 121.0), {"hardware": SERIES}),),
    {"hardware": Asset("hardware", 0.5)},
)  # fmt: skip


def test_a_level_by_hand() -> None:
    found = growth_accounting(DATA)
    added = 21 / math.log(1.21) * 0.1 * math.log(50 / 40)  # K: 40 x .5 + 20 = 40, 40 x .5 + 30 = 50
    assert found.digitalisation == pytest.approx(added, rel=1e-14)
    assert found.industrialisation == 70.0
    assert found.percent == pytest.approx(100 * (70 + added) / 1000, rel=1e-14)
    assert found.by_asset == {"hardware": pytest.approx(added)}
    assert found.penetration == {"farms": pytest.approx(100 * added / 121)}
    assert found.first_year == 2018


def test_a_level_before_is_added() -> None:
    industries = (replace(DATA.industries[0], start_level=5.0),)
    found = growth_accounting(replace(DATA, industries=industries))
    assert found.digitalisation == pytest.approx(growth_accounting(DATA).digitalisation + 5.0, rel=1e-14)


def test_capital_that_explains_all_growth_explains_the_whole_change() -> None:
    """With share 1 and capital that grows as value added does, contributions add up to the change of value added."""
    v = (100.0, 130.0, 90.0, 170.0)
    investment = (100.0, 80.0, 25.0, 125.0)  # half of the stock is lost a year, and 100 stood before the first
    series = AssetSeries(2016, (50.0, *investment[1:]), (1.0,) * 4, 2016, (1.0,) * 4, 100.0)
    industry = Industry("all", 2016, v, {"k": series})
    data = replace(DATA, digital={}, industries=(industry,), assets={"k": Asset("k", 0.5)})
    assert growth_accounting(data).digitalisation == pytest.approx(170.0 - 100.0, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"digital": {"farms": 1.0}}, MethodError, "farms would be counted twice"),
        ({"year": 2020}, InputError, "value added of farms"),
        ({"assets": {"hardware": Asset("hardware", 0.5, 2)}}, MethodError, "hardware in farms.*a lifetime and an init"),
    ],
)
def test_data_that_do_not_fit_are_refused(change: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        growth_accounting(replace(DATA, **change))


def test_capital_must_reach_back_to_the_first_year_of_value_added() -> None:
    series = replace(SERIES, first_year=2018, initial_stock=None)
    industries = (replace(DATA.industries[0], assets={"hardware": series}),)
    data = replace(DATA, industries=industries, assets={"hardware": Asset("hardware", 0.5, 2)})
    with pytest.raises(MethodError, match="capital is known from 2019 to 2019, and needed from 2018 to 2019"):
        growth_accounting(data)


# --- The file ---

FILE = """# kind: growth_accounting
# year: 2019
# gdp: 1000
item,industry,asset,year,value
digital_value_added,telecom,,2019,70
value_added,farms,,2018,100
value_added,farms,,2019,121
depreciation,,hardware,,0.5
initial_stock,farms,hardware,,40
investment,farms,hardware,2018,20
investment,farms,hardware,2019,30
price,,hardware,2018,1
price,,hardware,2019,1
capital_share,farms,hardware,2018,0.1
capital_share,farms,hardware,2019,0.1
"""


def test_the_file_gives_the_same_as_the_record() -> None:
    found = growth_accounting(parse_growth_csv(FILE.encode(), area="CHN"))
    assert found == growth_accounting(DATA)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("depreciation,,hardware,,0.5\n", "", "no depreciation of hardware"),
        ("depreciation,,hardware", "depreciation,farms,hardware", "industry is filled"),
        ("price,,hardware,2018,1\n", "", "no price of hardware in farms in 2018"),
        ("capital_share,farms,hardware,2018,0.1\ncapital_share,farms,hardware,2019,0.1\n", "", "no capital_share"),
        ("value_added,farms,,2018", "value_added,farms,,2017", "value_added of farms lacks 2018"),
        ("value_added,farms,,2019", "value_added,farms,,2018", "value_added stands twice"),
        ("telecom,,2019", "telecom,,2018", r"digital_value_added of telecom is of \[2018\], and 2019"),
        ("investment,farms,hardware,2018,20", "invest,farms,hardware,2018,20", 'Did you mean "investment"'),
        ("investment,farms,hardware,2018,20", "investment,mines,hardware,2018,20", "investment of mines"),
        ("# gdp: 1000\n", "", "no GDP"),
        ("# gdp: 1000", "# gdp: -1", "GDP -1"),
        ("farms,,2018,100", "farms,,18,100", '"18" is no year'),
    ],
)
def test_a_file_that_does_not_fit_is_refused(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(InputError, match=said):
        parse_growth_csv(FILE.replace(old, new).encode(), area="CHN")


def test_a_lifetime_is_in_whole_years() -> None:
    with pytest.raises(InputError, match=r"life_years of hardware is 2\.5"):
        parse_growth_csv((FILE + "life_years,,hardware,,2.5\n").encode(), area="CHN")
