"""The table that a forecast starts from: its scales, what it refuses, and groups without hindsight."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity.series import (
    CLIP,
    from_scale,
    grouping,
    income_quartiles,
    labels_at,
    make_panel,
    to_scale,
)


def test_gaps_are_gaps() -> None:
    panel = make_panel({"B": {2001: 5.0}, "A": {2000: 10.0, 2003: 40.0}, "C": {}})
    assert panel.areas == ("A", "B", "C")
    assert (panel.first_year, panel.last_year) == (2000, 2003)
    assert np.isnan(panel.values[2]).all()
    assert panel.year(2001)[1] == 5.0
    assert np.isnan(panel.year(1999)).all()


def test_the_table_of_an_earlier_day_has_no_later_columns() -> None:
    panel = make_panel({"A": {2000: 10.0, 2003: 40.0}})
    assert panel.until(2002).last_year == 2002
    assert panel.until(1990).values.shape == (1, 0)


def test_logit_is_clipped_as_the_specification_says() -> None:
    z = to_scale(np.array([0.0, 0.5, 50.0, 99.5, 100.0]), "percent", 0.0)
    assert z[0] == z[1] == pytest.approx(np.log(0.005 / 0.995))
    assert z[2] == 0.0
    assert z[3] == z[4] == pytest.approx(-z[0])
    inside = np.linspace(*CLIP, 50)
    assert from_scale(to_scale(inside, "percent", 0.0), "percent") == pytest.approx(inside)


def test_zeros_on_the_log_scale_count_as_a_thousandth_of_the_largest() -> None:
    panel = make_panel({"A": {2000: 0.0, 2001: 50.0}}, scale="log")
    assert from_scale(panel.scaled(), "log").tolist() == [[pytest.approx(0.05), pytest.approx(50.0)]]
    assert panel.until(2000).floor == panel.floor


@pytest.mark.parametrize(
    ("series", "scale", "error", "code"),
    [
        ({}, "percent", InputError, "empty"),
        ({"A": {}}, "percent", InputError, "empty"),
        ({"A": {2000: 101.0}}, "percent", InputError, "not_percent"),
        ({"A": {2000: -1.0}}, "percent", InputError, "not_percent"),
        ({"A": {2000: 0.3, 2001: 0.9}}, "percent", InputError, "fractions"),
        ({"A": {2000: float("nan")}}, "percent", InputError, "not_finite"),
        ({"A": {2000: -1.0}}, "log", MethodError, "negative"),
        ({"A": {2000: 0.0}}, "log", MethodError, "zeros"),
        ({"A": {20: 5.0}}, "percent", InputError, "year"),
        ({"A": {2000: 5.0}}, "logit", InputError, "scale"),
    ],
)
def test_what_is_off_the_scale_is_refused(series: object, scale: object, error: type[Exception], code: str) -> None:
    with pytest.raises(error) as found:
        make_panel(series, scale=scale)  # type: ignore[arg-type]
    assert found.value.code == code  # type: ignore[attr-defined]


def test_income_groups_know_nothing_of_later_years() -> None:
    income = {"A": {2000: 1.0, 2010: 99.0}, "B": {2000: 2.0}, "C": {2005: 3.0}, "D": {2001: 4.0}}
    at = income_quartiles(income, count=2)
    assert labels_at(at, 2001, ("A", "B", "C", "D")) == ("income 1 of 2", "income 1 of 2", "", "income 2 of 2")
    assert at(2010)["A"] == "income 2 of 2"


def test_the_world_groups_countries_and_says_what_it_did() -> None:
    groups, regions, said = grouping("world", "world", ["BRA", "ETH", "XX"])
    assert labels_at(groups, 2020, ("BRA", "ETH", "XX")) == ("upper-middle", "", "")
    assert labels_at(regions, 2020, ("BRA", "XX")) == ("Latin America and the Caribbean", "")
    assert "hindsight" in said
    assert grouping("world", "world", ["XX"])[2].startswith("none")
    assert grouping(None, None, ["BRA"])[2] == "groups: none; regions: none"
    assert "formed at each origin" in grouping(income_quartiles({}), "world", ["BRA"])[2]
    assert "as given" in grouping({"A": "x"}, None, ["A"])[2]
    assert "hindsight" in grouping("world", None, ["BRA"])[2]
