"""What may not change an index: the unit of an indicator, the order of units and columns, company in the stack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from concordat.observatory.panel import Array, Frame
from concordat.observatory.stages.normalise import normalise
from concordat.observatory.stages.options import Column, Normalise, Screen, Treat
from concordat.observatory.stages.screen import screen
from concordat.observatory.stages.treat import kurtosis, skewness, treat

METHODS = ["minmax", "zscore", "rank", "borda", "prank", "dist2max", "robust"]
TREATMENTS = [Treat(), Treat(winsorise_max=2, then="none"), Treat(winsorise_max=1, then="log_ct_plus", combine=True)]
seeds = st.integers(0, 2**32 - 1)


def stack(seed: int, slices: int = 3, units: int = 23, columns: int = 8) -> Array:
    """Skewed columns of both signs with ties, zeros and gaps."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = np.exp(rng.normal(0, rng.uniform(0.1, 2.0, columns), (slices, units, columns)))
    x[:, :, 1::3] *= -1
    x[:, :, 2::3] = np.round(x[:, :, 2::3])
    x[rng.random(x.shape) < 0.08] = np.nan
    return x


def frame_of(x: Array) -> Frame:
    columns = x.shape[2]
    return Frame(
        tuple(f"U{u:02}" for u in range(x.shape[1])),
        tuple(f"i{i}" for i in range(columns)),
        np.where(np.arange(columns) % 2, -1.0, 1.0),
        (0,) * columns,
        tuple(f"run {s}" for s in range(len(x))),
    )


def usable(x: Array, method: str) -> Array:
    """Only columns that the method can take."""
    low, high = np.fmin.reduce(x, axis=1), np.fmax.reduce(x, axis=1)
    good = (high > low) & ((~np.isnan(x)).sum(axis=1) >= 3)
    if method == "robust":
        middle = np.nanmedian(np.where(good[:, None, :], x, 0.0), axis=1, keepdims=True)
        good &= np.nanmedian(np.abs(np.where(good[:, None, :], x, 0.0) - middle), axis=1) > 0
    columns = good.all(axis=0)
    assume(columns.sum() >= 2)
    return x[:, :, columns]


@pytest.mark.parametrize("method", ["minmax", "zscore", "rank", "borda", "prank", "dist2max", "robust"])
@settings(max_examples=40)
@given(seeds, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_the_unit_of_an_indicator_changes_no_score(method: str, seed: int, shift: float, factor: float) -> None:
    x = usable(stack(seed), method)
    # Whole numbers keep ties as ties: float64 may split or merge values that differ in the last bit.
    x = np.round(x * 64)
    x = usable(x, method)
    moved = np.round(shift) + x * 2.0 ** np.round(np.log2(factor))
    options = Normalise(method)
    before, after = normalise(x, frame_of(x), options).values, normalise(moved, frame_of(x), options).values
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


@settings(max_examples=60)
@given(seeds, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_the_unit_changes_neither_skewness_nor_what_winsorising_moves(seed: int, shift: float, factor: float) -> None:
    x = np.round(stack(seed) * 64)
    scale = 2.0 ** np.round(np.log2(factor))
    moved = np.round(shift) + x * scale
    np.testing.assert_allclose(skewness(moved), skewness(x), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(kurtosis(moved), kurtosis(x), rtol=1e-7, atol=1e-7)
    options = Treat(then="none")
    expected = np.round(shift) + treat(x, frame_of(x), options).values * scale
    np.testing.assert_allclose(treat(moved, frame_of(x), options).values, expected, rtol=1e-12)


@settings(max_examples=60)
@given(seeds)
def test_turning_a_column_round_turns_its_treatment_round(seed: int) -> None:
    """Winsorising knows no side: of -x the same values move."""
    x = stack(seed)
    options = Treat(then="log_ct_plus")
    turned = treat(-x, frame_of(x), options).values
    np.testing.assert_allclose(turned, -treat(x, frame_of(x), options).values, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("treatment", TREATMENTS, ids=str)
@settings(max_examples=30)
@given(seeds, st.sampled_from(METHODS))
def test_the_order_of_units_and_columns_changes_nothing(treatment: Treat, seed: int, method: str) -> None:
    x = usable(stack(seed), method)
    treated = treat(x, frame_of(x), treatment).values
    treated = usable(treated, method)
    columns = treated.shape[2]
    frame = frame_of(treated)
    rng = np.random.Generator(np.random.PCG64(seed))
    units, order = rng.permutation(x.shape[1]), rng.permutation(columns)
    turned = replace(
        frame,
        units=tuple(frame.units[u] for u in units),
        indicators=tuple(frame.indicators[i] for i in order),
        directions=frame.directions[order],
    )
    shuffled = treated[:, units][:, :, order]
    expected = normalise(treated, frame, Normalise(method)).values[:, units][:, :, order]
    found = normalise(shuffled, turned, Normalise(method)).values
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    again = treat(shuffled, turned, treatment).values
    np.testing.assert_allclose(
        again, treat(treated, frame, treatment).values[:, units][:, :, order], rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("treatment", TREATMENTS, ids=str)
@settings(max_examples=25)
@given(seeds, st.sampled_from(METHODS))
def test_a_batch_of_slices_is_each_slice_alone(treatment: Treat, seed: int, method: str) -> None:
    x = usable(stack(seed, slices=7), method)
    frame = frame_of(x)
    treated = treat(x, frame, treatment).values
    alone = np.concatenate([treat(x[s : s + 1], frame, treatment).values for s in range(len(x))])
    np.testing.assert_allclose(treated, alone, rtol=1e-12, atol=1e-12)
    found = normalise(x, frame, Normalise(method)).values
    alone = np.concatenate([normalise(x[s : s + 1], frame, Normalise(method)).values for s in range(len(x))])
    np.testing.assert_allclose(found, alone, rtol=1e-12, atol=1e-12)


@settings(max_examples=60)
@given(seeds)
def test_winsorised_values_are_values_of_the_column_and_the_rest_stays(seed: int) -> None:
    x = stack(seed)
    done = treat(x, frame_of(x), Treat(then="none")).values
    np.testing.assert_array_equal(np.isnan(done), np.isnan(x))
    for s in range(len(x)):
        for i in range(x.shape[2]):
            before, after = x[s, :, i], done[s, :, i]
            moved = (before != after) & ~np.isnan(before)
            assert set(after[moved]) <= set(before[~moved])
            top, bottom = np.nanmax(after), np.nanmin(after)
            assert ((before[moved] > top) | (before[moved] < bottom)).all()


@settings(max_examples=60)
@given(seeds, st.floats(0.0, 3.0), st.floats(3.5, 10.0), st.booleans())
def test_goalposts_stay_on_their_scale_and_keep_the_order(seed: int, low: float, high: float, log: bool) -> None:
    x = np.abs(stack(seed)) + 0.01
    frame = frame_of(x)
    columns = (Column(goalposts=(low + 0.01, high), log=log),) * x.shape[2]
    found = normalise(x, frame, Normalise("goalposts", columns=columns)).values
    assert (found[~np.isnan(x)] >= 0).all()
    assert (found[~np.isnan(x)] <= 100).all()
    order = np.argsort(x, axis=1)
    steps = np.diff(np.take_along_axis(found, order, axis=1), axis=1) * frame.directions
    assert (steps[~np.isnan(steps)] >= 0).all()


@settings(max_examples=60)
@given(seeds, st.floats(0.0, 1.0))
def test_screening_asks_less_of_nobody_when_the_threshold_rises(seed: int, share: float) -> None:
    x = stack(seed)
    strict = screen(x, frame_of(x), Screen(min_share=min(1.0, share + 0.1))).keep
    assert not (strict & ~screen(x, frame_of(x), Screen(min_share=share)).keep).any()
