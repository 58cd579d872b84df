"""Empty years of a series: each method by hand, source years, and what is said of what stays empty."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.observatory.panel import Frame
from concordat.observatory.stages.options import Impute
from concordat.observatory.stages.panel_fill import fill_panel

NAN = np.nan
YEARS = (2010, 2012, 2013, 2020)
ONE = Frame(("BRA",), ("users",), np.array([1.0]), (0,))


def run(values: list[float], method: str, **options: object) -> tuple[list[float], list[int]]:
    x = np.array(values, dtype=float).reshape(-1, 1, 1)
    staged, source = fill_panel(x, YEARS[: len(values)], ONE, Impute(method=method, **options))
    assert source.dtype == np.int16
    return staged.values.ravel().tolist(), source.ravel().tolist()


def test_latest_takes_older_values_only() -> None:
    values, source = run([NAN, 5, NAN, NAN], "latest")
    assert values[1:] == [5, 5, 5]
    assert np.isnan(values[0])
    assert source == [0, 2012, 2012, 2012]


@pytest.mark.parametrize(("max_age", "filled"), [(0, 0), (1, 1), (2, 2), (9, 2)])
def test_age_is_counted_in_the_panels_own_time_points_not_in_years(max_age: int, filled: int) -> None:
    """2013 to 2020 is one time point, though seven years."""
    _, source = run([NAN, 5, NAN, NAN], "latest", max_age=max_age)
    assert source.count(2012) == 1 + filled


def test_constant_takes_the_last_and_before_the_first_the_first() -> None:
    assert run([NAN, 5, NAN, 7], "constant") == ([5, 5, 5, 7], [2012, 2012, 2012, 2020])


def test_linear_goes_by_years_and_holds_the_ends() -> None:
    values, source = run([1, NAN, NAN, 11], "linear")
    assert values == pytest.approx([1, 3, 4, 11])
    assert source == [2010, 0, 0, 2020]
    assert run([NAN, 5, 6, NAN], "linear") == ([5, 5, 6, 6], [2012, 2012, 2013, 2013])
    assert run([NAN, 5, NAN, NAN], "linear")[0] == [5, 5, 5, 5]


def test_log_linear_is_constant_growth() -> None:
    values, _ = run([1, NAN, NAN, 1024], "log_linear")
    assert values == pytest.approx([1, 4, 8, 1024])


def test_log_linear_refuses_zero_with_the_year_and_the_way_out() -> None:
    with pytest.raises(MethodError, match=r"indicator users, unit BRA: the value of 2012 is 0, .* Use method: linear"):
        run([1, 0, NAN, 4], "log_linear")


def test_log_linear_lets_zero_be_where_nothing_is_filled() -> None:
    assert run([1, 0, 3, 4], "log_linear")[0] == [1, 0, 3, 4]


@pytest.mark.parametrize("method", ["latest", "constant", "linear", "log_linear", "diffusion"])
def test_a_series_without_values_stays_empty(method: str) -> None:
    values, source = run([NAN, NAN, NAN], method)
    assert np.isnan(values).all()
    assert source == [0, 0, 0]


def test_notes_say_where_each_value_is_from_and_why_others_are_not() -> None:
    x = np.array([NAN, 5, NAN, NAN]).reshape(-1, 1, 1)
    staged, _ = fill_panel(x, YEARS, ONE, Impute(method="latest", max_age=1))
    assert [(n.code, n.slice, n.after, n.warning) for n in staged.notes()] == [
        ("empty", "2010", None, True),
        ("imputed", "2013", 5.0, False),
        ("too_old", "2020", None, True),
    ]
    assert staged.notes()[1].text == "value of 2012"
    assert staged.notes()[2].text == "the last value is of 2012, older than max_age 1 allows."


def test_series_do_not_mix() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 3, 2))
    x[rng.random(x.shape) < 0.4] = NAN
    frame = Frame(("A", "B", "C"), ("a", "b"), np.ones(2), (0, 0))
    together, _ = fill_panel(x, YEARS, frame, Impute(method="linear"))
    for u in range(3):
        for j in range(2):
            known = [(y, v) for y, v in zip(YEARS, x[:, u, j], strict=True) if not np.isnan(v)]
            if known:
                expected = np.interp(YEARS, [y for y, _ in known], [v for _, v in known])
                assert together.values[:, u, j] == pytest.approx(expected)


def test_diffusion_puts_gaps_on_the_curve_of_the_series() -> None:
    years = tuple(range(1996, 2008))
    full = 80 / (1 + np.exp(-0.7 * (np.array(years) - 2001)))
    x = full.copy()
    x[[4, 7, 11]] = NAN
    staged, source = fill_panel(x.reshape(-1, 1, 1), years, ONE, Impute(method="diffusion"))
    assert staged.values.ravel() == pytest.approx(full, rel=1e-6)
    assert source.ravel()[[3, 4, 11]].tolist() == [1999, 0, 0]


def test_diffusion_says_nothing_of_five_years_or_of_growth_that_only_begins() -> None:
    x = np.array([1.0, NAN, 4.0, 9.0]).reshape(-1, 1, 1)
    staged, _ = fill_panel(x, YEARS, ONE, Impute(method="diffusion"))
    assert np.isnan(staged.values[1, 0, 0])
    assert [(n.code, n.slice) for n in staged.notes()] == [("too_few", "2012")]
    years = tuple(range(2000, 2010))
    growing = np.exp(0.3 * np.arange(10.0))
    growing[[4, 9]] = NAN
    staged, _ = fill_panel(growing.reshape(-1, 1, 1), years, ONE, Impute(method="diffusion"))
    assert staged.values[4, 0, 0] == pytest.approx(np.exp(1.2), rel=0.05)
    assert np.isnan(staged.values[9, 0, 0])
