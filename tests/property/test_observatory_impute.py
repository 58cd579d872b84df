"""Imputation: the order of units does not matter, scaling a column scales what is filled, observed cells never move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import MethodError
from concordat.observatory.panel import Frame
from concordat.observatory.stages.impute import impute
from concordat.observatory.stages.options import Impute
from concordat.observatory.stages.panel_fill import fill_panel

INSIDE = ("mean", "median", "row", "regression", "knn", "em")
K = 3


def frame(n: int) -> Frame:
    return Frame(tuple(f"U{i}" for i in range(n)), ("a", "b", "c"), np.array([1.0, -1.0, 1.0]), (0,) * K)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    n = draw(st.integers(8, 16))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(size=(n, K)) + rng.normal(size=(n, 1))
    x[rng.random(x.shape) < draw(st.sampled_from([0.05, 0.15]))] = np.nan
    return x


def filled(x: np.ndarray, method: str) -> np.ndarray | None:
    try:
        return impute(x[None], frame(len(x)), Impute(method=method, ridge=0.01)).values[0]
    except MethodError:
        return None


@pytest.mark.parametrize("method", INSIDE)
@settings(max_examples=25, deadline=None)
@given(x=tables(), data=st.data())
def test_order_and_scale(method: str, x: np.ndarray, data: st.DataObject) -> None:
    found = filled(x, method)
    order = data.draw(st.permutations(range(len(x))))
    other = filled(x[order], method)
    assert (found is None) == (other is None)
    if found is None:
        return
    assert other == pytest.approx(found[order], rel=1e-6, abs=1e-6, nan_ok=True)
    scale, shift = np.array([2.0, 0.5, 10.0]), np.array([1.0, -3.0, 100.0])
    scaled = filled(x * scale + shift, method)
    assert scaled == pytest.approx(found * scale + shift, rel=1e-6, abs=1e-5, nan_ok=True)


series = st.lists(st.none() | st.floats(0.01, 1e6), min_size=1, max_size=12)


@pytest.mark.parametrize("method", ["latest", "constant", "linear", "log_linear"])
@settings(max_examples=60, deadline=None)
@given(values=series)
def test_along_time_what_is_filled_lies_between_what_is_observed(method: str, values: list[float | None]) -> None:
    x = np.array([np.nan if v is None else v for v in values]).reshape(-1, 1, 1)
    one = Frame(("U",), ("a",), np.array([1.0]), (0,))
    years = tuple(range(2000, 2000 + len(values)))
    staged, source = fill_panel(x, years, one, Impute(method=method))
    seen = ~np.isnan(x)
    assert np.array_equal(staged.values[seen], x[seen])
    assert (source[seen] == np.array(years).reshape(-1, 1, 1)[seen]).all()
    if seen.any() and method != "latest":
        assert not np.isnan(staged.values).any()
        assert staged.values.min() >= x[seen].min() * (1 - 1e-12)
        assert staged.values.max() <= x[seen].max() * (1 + 1e-12)
