"""The steps that change an index's figures: small cases worked by hand, notes, and everything they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory import compat
from concordat.observatory.panel import Array, Frame
from concordat.observatory.stages.denominate import denominate
from concordat.observatory.stages.normalise import normalise, truncated
from concordat.observatory.stages.options import COINR, Column, Denominate, Normalise, Screen, Treat
from concordat.observatory.stages.screen import availability, screen, statistics
from concordat.observatory.stages.transform import of_goalposts, of_value, transform
from concordat.observatory.stages.treat import kurtosis, skewness, treat

NAN = math.nan
FROM_DATA = ["minmax", "zscore", "rank", "borda", "prank", "dist2max", "fracmax", "robust"]


def frame(units: int, *directions: float, slices: tuple[str, ...] = ()) -> Frame:
    names = ("basket", "users", "lines", "speed")[: len(directions)]
    return Frame(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:units]), names, np.array(directions), (0,) * len(names), slices)


def one(*values: float) -> Array:
    """A stack of one slice and one column."""
    return np.array(values, dtype=np.float64).reshape(1, -1, 1)


def scores(x: Array, options: Normalise, direction: float = 1.0) -> list[float]:
    found: list[float] = normalise(x, frame(x.shape[1], direction), options).values.ravel().tolist()
    return found


# --- Denominate ---


def test_a_cell_without_denominator_is_empty_and_listed() -> None:
    x = np.array([[[10.0], [20.0], [NAN], [40.0]]])
    below = {"people": np.array([[200.0, 0.0, 0.0, NAN]])}
    done = denominate(x, frame(4, 1.0), Denominate((("basket", "people", 100.0),)), below)
    np.testing.assert_array_equal(done.values.ravel(), [5.0, NAN, NAN, NAN])
    notes = done.notes()
    assert [(n.code, n.unit, n.before) for n in notes] == [("no_denominator", "B", 20.0), ("no_denominator", "D", 40.0)]
    assert "people is zero" in notes[0].text
    assert "people is missing" in notes[1].text
    assert x[0, 0, 0] == 10.0, "the input is not changed"


def test_one_slice_of_denominators_serves_all() -> None:
    x = np.arange(6.0).reshape(3, 2, 1)
    done = denominate(x, frame(2, 1.0), Denominate((("basket", "people", 1.0),)), {"people": np.array([[2.0, 4.0]])})
    np.testing.assert_array_equal(done.values[:, :, 0], x[:, :, 0] / [2.0, 4.0])


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ((("baskets", "people", 1.0),), 'Did you mean "basket"?'),
        ((("basket", "peple", 1.0),), 'Did you mean "people"?'),
        ((("basket", "people", 0.0),), "above zero"),
        ((("basket", "people", 1.0), ("basket", "people", 2.0)), "divided twice"),
    ],
)
def test_denominate_names_what_it_does_not_know(by: Any, says: str) -> None:
    with pytest.raises(InputError, match="step denominate") as caught:
        denominate(one(1.0), frame(1, 1.0), Denominate(by), {"people": np.ones((1, 1))})
    assert says in str(caught.value)


@pytest.mark.parametrize(("value", "below", "says"), [(1.0, -3.0, "people is -3"), (1e300, 1e-300, "too large")])
def test_denominate_refuses(value: float, below: float, says: str) -> None:
    with pytest.raises(MethodError, match="step denominate, indicator basket, unit A.*" + says):
        denominate(one(value), frame(1, 1.0), Denominate((("basket", "people", 1.0),)), {"people": one(below)[:, :, 0]})


# --- Screen and statistics ---


def test_a_threshold_is_reached_exactly() -> None:
    x = np.full((1, 1, 10), 1.0)
    x[0, 0, 7:] = NAN
    wide = Frame(("A",), tuple("abcdefghij"), np.ones(10), (0,) * 10)
    assert screen(x, wide, Screen(min_share=0.7)).keep.all()  # 1 - 3/10 in float64 is 0.7 by luck, 1 - 9/10 is not 0.1
    x[0, 0, 1:] = NAN
    assert screen(x, wide, Screen(min_share=0.1)).keep.all()


def test_a_unit_without_data_has_no_nonzero_share_and_never_passes_on_it() -> None:
    x = np.array([[[NAN, NAN], [0.0, 0.0], [0.0, 3.0]]])
    data, nonzero = availability(x)
    np.testing.assert_array_equal(data[0], [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(nonzero[0], [NAN, 0.0, 0.5])
    assert screen(x, frame(3, 1.0, 1.0), Screen(None, 0.0)).keep[0].tolist() == [False, True, True]


def test_forced_lists_win_and_are_said() -> None:
    x = np.array([[[NAN, NAN], [1.0, 2.0], [1.0, NAN]]])
    found = screen(x, frame(3, 1.0, 1.0), Screen(min_share=0.9, keep=("A",), drop=("B",)))
    assert found.keep[0].tolist() == [True, False, False]
    assert [(n.unit, n.code) for n in found.notes()] == [("A", "kept"), ("B", "screened"), ("C", "screened")]
    assert "1 of 2 indicators" in found.notes()[2].text


@pytest.mark.parametrize("options", [Screen(keep=("Z",)), Screen(drop=("Z",)), Screen(keep=("A",), drop=("A",))])
def test_screen_refuses_lists_that_do_not_fit(options: Screen) -> None:
    with pytest.raises(InputError, match="step screen"):
        screen(one(1.0, 2.0), frame(2, 1.0), options)


def test_statistics_of_a_column() -> None:
    found = statistics(np.array([[2.0, NAN], [4.0, NAN], [9.0, NAN], [NAN, NAN]]), frame(4, 1.0, 1.0))
    first, empty = found
    assert (first.n, first.available, first.nonzero, first.unique) == (3, 0.75, 0.75, 0.75)
    assert (first.minimum, first.maximum, first.mean) == (2.0, 9.0, 5.0)
    assert first.sd == pytest.approx(math.sqrt(13))
    # g = sqrt(3) S3 / S2^1.5 with deviations -3, -1, 4: S2 = 26, S3 = 36; G1 = g sqrt(6).
    assert first.skew == pytest.approx(math.sqrt(18) * 36 / 26**1.5)
    assert first.kurtosis is None
    assert first.flags == ()
    assert (empty.n, empty.mean, empty.sd, empty.skew) == (0, None, None, None)
    assert empty.flags == ("few_values", "zeros", "repeated")


# --- Transform ---


def test_transform_takes_goalposts_along_bit_for_bit() -> None:
    rng = np.random.Generator(np.random.PCG64(2))
    values = rng.uniform(0.01, 1e5, 51)
    for name in ("log", "log1p", "log10", "sqrt"):
        done = transform(values.reshape(1, -1, 1), (name,), frame_of(51)).values.ravel()
        assert [of_value(float(v), name) for v in values] == done.tolist()


def frame_of(units: int) -> Frame:
    return Frame(tuple(f"U{i}" for i in range(units)), ("basket",), np.ones(1), (0,))


def test_logarithms_are_right_at_the_edges() -> None:
    assert [of_value(10.0**k, "log10") for k in range(-5, 16)] == [float(k) for k in range(-5, 16)]
    for x in (1e-300, 1e-18, 1e-9, 1e-3, 0.5, 1.0, 3.0, 1e9, 1e300, -0.5, -1e-12):
        assert of_value(x, "log1p") == pytest.approx(math.log1p(x), rel=1e-15)
    assert of_value(0.0, "log1p") == 0.0
    assert of_goalposts((1.0, math.e), "log") == pytest.approx((0.0, 1.0))
    assert of_goalposts((-5.0, 2.0), "none") == (-5.0, 2.0)


@pytest.mark.parametrize(
    ("name", "value"), [("log", 0.0), ("log", -2.0), ("log10", 0.0), ("log1p", -1.0), ("sqrt", -0.1)]
)
def test_transform_names_the_value_it_can_not_take(name: str, value: float) -> None:
    x = np.array([[[1.0, 1.0], [1.0, NAN]], [[1.0, 1.0], [1.0, value]]])
    with pytest.raises(MethodError) as caught:
        transform(x, ("none", name), frame(2, 1.0, 1.0, slices=("2020", "2021")))
    assert str(caught.value).startswith(f"step transform, indicator users, unit B, 2021: the value {value:g} has no")
    if name.startswith("log") and name != "log1p":
        assert "log1p" in caught.value.hint
    with pytest.raises(MethodError, match="indicator users: goalposts"):
        of_goalposts((value, 5.0), name, "users")


# --- Treat ---


def test_a_spike_is_moved_to_the_next_value_and_noted() -> None:
    x = one(*range(1, 11), 500.0, NAN)
    done = treat(x, frame(12, 1.0), Treat())
    np.testing.assert_array_equal(done.values.ravel(), [*range(1, 11), 10.0, NAN])
    notes = {n.code: n for n in done.notes()}
    assert (notes["winsorised"].unit, notes["winsorised"].before, notes["winsorised"].after) == ("K", 500.0, 10.0)
    before, after = notes["skewness"].before, notes["skewness"].after
    assert before is not None
    assert after is not None
    assert before > 2 > abs(after)
    assert "still_fails" not in notes


def test_tied_values_move_together_and_may_pass_the_limit() -> None:
    x = one(*range(20), 900.0, 900.0, 800.0)
    done = treat(x, frame(23, 1.0), Treat(winsorise_max=2, then="none"))
    # The spike of 800 goes last: after the two of 900 the count is 2, and the limit is reached.
    assert done.values.ravel()[-3:].tolist() == [800.0, 800.0, 800.0]
    done = treat(x, frame(23, 1.0), Treat(winsorise_max=3, then="none"))
    assert done.values.ravel()[-3:].tolist() == [19.0, 19.0, 19.0]


def test_a_column_that_still_fails_restarts_from_the_original() -> None:
    x = one(*([0.0] * 20), 1.0, 5.0, 1000.0)
    plain, combined = (treat(x, frame(23, 1.0), Treat(winsorise_max=1, combine=combine)) for combine in (False, True))
    assert plain.values.ravel()[-1] == pytest.approx(math.log(1000.0 + 10.0))
    assert combined.values.ravel()[-1] == pytest.approx(math.log(5.0 + 0.05))
    codes = [n.code for n in plain.notes()]
    assert codes.count("transformed") == 23
    assert "still_fails" in codes, "the logarithm is kept although it fails again"


def test_winsorising_stops_before_all_values_are_equal() -> None:
    x = one(*([0.0] * 20), 1.0)
    done = treat(x, frame(21, 1.0), Treat(then="none"))
    np.testing.assert_array_equal(done.values, x)
    assert [n.code for n in done.notes()] == ["skewness", "kurtosis", "still_fails"]
    below = treat(-x, frame(21, 1.0), Treat(then="none"))
    np.testing.assert_array_equal(below.values, -x)


@pytest.mark.parametrize(
    ("values", "code"), [((0.1,) * 7, "constant"), ((1.0, 900.0, *([NAN] * 5)), "too_few"), ((NAN,) * 7, "too_few")]
)
def test_columns_without_a_shape_are_untreated_and_said(values: tuple[float, ...], code: str) -> None:
    x = one(*values)
    done = treat(x, frame(7, 1.0), Treat())
    np.testing.assert_array_equal(done.values, x)
    assert [(n.code, n.warning) for n in done.notes()] == [(code, True)]
    assert np.isnan(skewness(x)).all()


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e-80, 1.0, 1e80, 1e160, 1e300])
def test_shape_does_not_depend_on_the_unit(factor: float) -> None:
    values = np.array([1.0, 2.0, 2.5, 4.0, 5.0, 9.0, 30.0])
    x = one(*values * factor)
    assert skewness(x)[0, 0] == pytest.approx(skewness(one(*values))[0, 0], rel=1e-9)
    assert kurtosis(x)[0, 0] == pytest.approx(kurtosis(one(*values))[0, 0], rel=1e-9)


def test_three_values_have_skewness_alone() -> None:
    x = one(0.0, 0.0, 1.0)
    assert skewness(x)[0, 0] == pytest.approx(math.sqrt(3))  # the largest that three values can have
    assert np.isnan(kurtosis(x)[0, 0])
    assert [n.code for n in treat(x, frame(3, 1.0), Treat(skew=1.0, then="none")).notes()][-1] == "still_fails"


def test_log_gii_needs_a_maximum_above_one() -> None:
    x = np.concatenate([one(*range(15)), one(*([0.0] * 12), 0.1, 0.2, 0.9)])
    with pytest.raises(MethodError, match=r"step treat, indicator basket, 2021.*maximum above 1.*0.9.*log_ct"):
        treat(x, frame(15, 1.0, slices=("2020", "2021")), Treat(then="log_gii", winsorise_max=0))


def test_pooled_years_name_unit_and_year() -> None:
    x = np.stack([np.arange(12.0), np.arange(12.0)])[:, :, None].copy()
    x[1, 4, 0] = 4000.0
    done = treat(x, frame(12, 1.0, slices=("2020", "2021")), Treat(over="all_years"))
    [note] = [n for n in done.notes() if n.code == "winsorised"]
    assert (note.unit, note.slice, note.before, note.after) == ("E", "2021", 4000.0, 11.0)


def test_treat_by_no_rule_changes_nothing() -> None:
    x = one(*range(10), 5000.0)
    done = treat(x, frame(11, 1.0), Treat(rule="none"))
    np.testing.assert_array_equal(done.values, x)
    assert done.values is not x
    assert done.notes() == ()


@pytest.mark.parametrize("shape", [(0, 5, 1), (1, 0, 1), (1, 5, 0), (1, 1, 1)])
def test_steps_take_empty_stacks(shape: tuple[int, int, int]) -> None:
    x = np.ones(shape)
    who = frame(shape[1], *([1.0] * shape[2]))
    assert treat(x, who, Treat()).values.shape == shape
    assert normalise(x, who, Normalise("scaled")).values.shape == shape
    if x.size == 0:
        assert normalise(x, who, Normalise()).values.shape == shape
    assert screen(x, who, Screen()).keep.shape == shape[:2]
    assert transform(x, ("log",) * shape[2], who).values.shape == shape


# --- Normalise: what is refused ---


@pytest.mark.parametrize("method", FROM_DATA)
def test_a_column_without_range_is_refused(method: str) -> None:
    x = np.full((2, 11, 1), 0.5)
    x[0, :, 0] = range(1, 12)
    with pytest.raises(MethodError) as caught:
        normalise(x, frame(11, 1.0, slices=("2020", "2021")), Normalise(method))
    message = "step normalise, indicator basket, 2021: all 11 units have 0.5. Drop it or give goalposts."
    assert str(caught.value) == message


@pytest.mark.parametrize("method", FROM_DATA)
@pytest.mark.parametrize("values", [(1.0, 2.0, NAN, NAN), (NAN,) * 4])
def test_fewer_than_three_values_are_refused(method: str, values: tuple[float, ...]) -> None:
    with pytest.raises(
        MethodError, match=r"step normalise, indicator basket: [02] of 4 units have a value; 3 are needed"
    ):
        normalise(one(*values), frame(4, 1.0), Normalise(method))


def test_two_values_are_enough_where_goalposts_are_given() -> None:
    options = Normalise("goalposts", columns=(Column(goalposts=(0.0, 4.0)),))
    np.testing.assert_array_equal(scores(one(1.0, 2.0, NAN), options), [25.0, 50.0, NAN])


@pytest.mark.parametrize("method", ["minmax", "zscore", "dist2max", "robust"])
def test_without_range_the_peer_leaves_blanks(method: str) -> None:
    assert np.isnan(scores(one(0.5, 0.5, 0.5, NAN), Normalise(method, compat=COINR))).all()


def test_the_peer_blanks_equal_goalposts_and_a_largest_value_of_zero() -> None:
    options = Normalise("goalposts", compat=COINR, columns=(Column(goalposts=(2.0, 2.0)),))
    assert np.isnan(scores(one(1.0, 2.0, 3.0), options)).all()
    assert np.isnan(scores(one(-1.0, 0.0, -3.0), Normalise("fracmax", compat=COINR))).all()
    # (L): of a negative direction x / min(x) comes out, and more is higher again.
    assert scores(one(2.0, 4.0, 8.0), Normalise("fracmax", compat=COINR), -1.0) == [1.0, 2.0, 4.0]


REFUSED = [
    (Normalise("goalposts"), Column(), "no goalposts"),
    (Normalise("goalposts"), Column(goalposts=(3.0, 3.0)), "leave no range"),
    (Normalise("goalposts"), Column(goalposts=(5.0, 3.0)), "leave no range"),
    (Normalise("goalposts"), Column(goalposts=(0.0, 3.0), log=True), "the value 0 has no log"),
    (Normalise("scaled", scaled_from=(2.0, 2.0)), Column(), "leaves no range"),
    (Normalise("piecewise"), Column(points=((1.0, 0.0),)), "two or more points"),
    (Normalise("piecewise"), Column(points=((1.0, 0.0), (1.0, 5.0))), "ascending"),
    (Normalise("dist2ref"), Column(), "no reference"),
    (Normalise("dist2ref"), Column(reference="Z"), '"Z" is not among the units'),
    (Normalise("dist2ref"), Column(reference="A"), "nothing lies below it"),
    (Normalise("dist2ref"), Column(reference="D"), "unit D.*has no value"),
    (Normalise("dist2targ"), Column(), "no target"),
    (Normalise("dist2targ"), Column(target=1.0), "every unit has reached the target"),
    (Normalise("dist2targ"), Column(target=0.5), "every unit has reached the target"),
    (Normalise("minmax", over="given"), Column(), "no goalposts"),
    (Normalise("zscore", over="given"), Column(), "parameters from data"),
    (Normalise("rank", over="base_year", base_year=0), Column(), "base year"),
    (Normalise("magic"), Column(), '"magic" is no way'),
    (Normalise("categorical"), Column(categories=((1.0, 0.0), (2.0, 50.0))), "unit C: the value 4 is no category"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "column", "says"), REFUSED)
def test_normalise_refuses(options: Normalise, column: Column, says: str) -> None:
    with pytest.raises(MethodError, match="step normalise, indicator basket.*" + says):
        normalise(one(1.0, 2.0, 4.0, NAN), frame(4, 1.0), replace(options, columns=(column,)))


def test_other_refusals() -> None:
    with pytest.raises(MethodError, match=r"no meaning where less is better. Use minmax"):
        scores(one(1.0, 2.0, 3.0), Normalise("fracmax"), -1.0)
    with pytest.raises(MethodError, match="largest value is not above zero"):
        scores(one(-1.0, -2.0, -3.0), Normalise("fracmax"))
    with pytest.raises(MethodError, match="no median deviation"):
        scores(one(1.0, 1.0, 1.0, 2.0), Normalise("robust"))
    with pytest.raises(MethodError, match=r"unit B: the value -2 has no log. Use transform: log1p"):
        scores(one(1.0, -2.0, 3.0), Normalise("goalposts", columns=(Column(goalposts=(1.0, 3.0), log=True),)))
    with pytest.raises(MethodError, match="too far apart"):
        scores(one(-1e308, 0.0, 1e308), Normalise())


def test_pooled_years_have_no_one_reference() -> None:
    x = np.arange(1.0, 9.0).reshape(2, 4, 1)
    options = Normalise("dist2ref", over="all_years", columns=(Column(reference="B"),))
    with pytest.raises(MethodError, match=r"years are pooled.*base_year"):
        normalise(x, frame(4, 1.0, slices=("2020", "2021")), options)


def test_the_first_faulty_slice_is_named_in_any_block() -> None:
    x = np.random.Generator(np.random.PCG64(0)).normal(size=(500, 26, 2))
    x[437, :, 1] = 7.0
    labels = tuple(f"run {i}" for i in range(500))
    for options in (Normalise(), Normalise(columns=(Column("rank"), Column()))):
        with pytest.raises(MethodError, match="indicator users, run 437: all 26 units have 7"):
            normalise(x, frame(26, 1.0, -1.0, slices=labels), options)


# --- Normalise: what it gives ---


def test_methods_by_hand() -> None:
    x = one(2.0, 4.0, 4.0, 10.0, NAN)
    none = [NAN]
    assert_equal(scores(x, Normalise()), [0.0, 25.0, 25.0, 100.0, *none])
    assert_equal(scores(x, Normalise(), -1.0), [100.0, 75.0, 75.0, 0.0, *none])
    assert_equal(scores(x, Normalise("rank")), [1.0, 2.0, 2.0, 4.0, *none])
    assert_equal(scores(x, Normalise("rank", ties="max"), -1.0), [4.0, 3.0, 3.0, 1.0, *none])
    assert_equal(scores(x, Normalise("borda", ties="average")), [0.0, 1.5, 1.5, 3.0, *none])
    assert_equal(scores(x, Normalise("prank")), [0.0, 1 / 3, 1 / 3, 1.0, *none])
    assert_equal(scores(x, Normalise("fracmax")), [0.2, 0.4, 0.4, 1.0, *none])
    # Median 4, deviations 2 0 0 6: their median is 1.
    assert_equal(scores(x, Normalise("robust")), [-2 / 1.4826, 0.0, 0.0, 6 / 1.4826, *none])
    reference = Normalise("dist2ref", columns=(Column(reference="B"),))
    assert_equal(scores(x, reference), [0.0, 1.0, 1.0, 4.0, *none])
    assert_equal(scores(x, replace(reference, cap=True)), [0.0, 1.0, 1.0, 1.0, *none])
    target = Normalise("dist2targ", columns=(Column(target=6.0),))
    assert_equal(scores(x, target), [0.0, 0.5, 0.5, 2.0, *none])
    assert_equal(scores(x, target, -1.0), [2.0, 1.5, 1.5, 0.0, *none])


def assert_equal(found: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)


def test_given_goalposts_serve_minmax_and_scaled() -> None:
    column = (Column(goalposts=(0.0, 8.0)),)
    given = Normalise("minmax", over="given", lower=1.0, upper=5.0, columns=column)
    assert_equal(scores(one(2.0, 10.0), given), [2.0, 6.0])
    assert_equal(scores(one(2.0, 10.0), given, -1.0), [4.0, 0.0])
    assert_equal(scores(one(2.0, 10.0), Normalise("scaled", columns=column), -1.0), [75.0, -25.0])


def test_scores_of_a_base_year_may_leave_the_scale() -> None:
    x = np.array([[[1.0], [2.0], [3.0]], [[2.0], [4.0], [5.0]]])
    found = normalise(x, frame(3, 1.0), Normalise(over="base_year", base_year=0)).values
    np.testing.assert_allclose(found[1].ravel(), [50.0, 150.0, 200.0], rtol=1e-14)


def test_cut_values_and_lifted_scores_are_said() -> None:
    x = np.array([[[-1.0, 5.0], [2.0, 5.0], [NAN, 20.0], [12.0, 1.0]]])
    columns = (Column(goalposts=(0.0, 10.0)), Column(goalposts=(1.0, 10.0), truncate=False))
    options = Normalise("goalposts", floor=1.0, columns=columns)
    done = normalise(x, frame(4, 1.0, 1.0), options)
    np.testing.assert_allclose(done.values[0, :, 0], [1.0, 20.0, NAN, 100.0])
    assert done.values[0, 2, 1] == pytest.approx(100 * 19 / 9)
    assert [(n.code, n.indicator, n.warning) for n in done.notes()] == [
        ("truncated", "basket", True), ("floor", "basket", True), ("floor", "users", True),
    ]  # fmt: skip
    assert done.notes()[0].text.startswith("2 of 3 values (66.7 %)")
    assert truncated(x, frame(4, 1.0, 1.0), options)[0, :, 0].tolist() == [True, False, False, True]


def test_points_are_held_flat_beyond_their_ends_and_said() -> None:
    options = Normalise("piecewise", columns=(Column(points=((0.0, 10.0), (5.0, 20.0), (10.0, 100.0))),))
    done = normalise(one(-3.0, 2.5, 7.5, 11.0), frame(4, -1.0), options)
    assert done.values.ravel().tolist() == [10.0, 15.0, 60.0, 100.0]
    assert done.notes()[0].text.startswith("2 of 4 values")


def test_the_input_is_never_changed() -> None:
    x = np.random.Generator(np.random.PCG64(5)).lognormal(0, 2, (3, 20, 3))
    kept = x.copy()
    who = frame(20, 1.0, -1.0, 1.0)
    treat(x, who, Treat())
    for options in (
        Normalise(), Normalise("zscore"), Normalise("rank"), Normalise("robust"), Normalise(floor=50.0),
        Normalise("goalposts", columns=(Column(goalposts=(1.0, 2.0), log=True),) * 3),
    ):  # fmt: skip
        normalise(x, who, options)
    np.testing.assert_array_equal(x, kept)


# --- The peer's defects ---


def test_outranking_of_the_peer_depends_on_the_order_of_rows() -> None:
    """The specification's own example: units (1,3), (NA,2), (3,NA): o12 = 0.5, or 1 with rows reversed."""
    x, w = np.array([[1.0, 3.0], [NAN, 2.0], [3.0, NAN]]), np.array([0.5, 0.5])
    assert compat.outrank_matrix(x, w)[0, 1] == 0.5
    assert compat.outrank_matrix(x[::-1], w)[2, 1] == 1.0


def test_power_mean_of_the_peer_is_blank_with_anything_missing() -> None:
    x = np.array([[3.0, 4.0], [NAN, 4.0]])
    np.testing.assert_allclose(compat.power_blank(x, np.array([0.5, 0.5]), 2.0), [math.sqrt(12.5), NAN], rtol=1e-14)
    np.testing.assert_allclose(compat.power_blank(x, np.array([1.0, 1.0]), 0.0), [math.sqrt(12.0), NAN], rtol=1e-14)


def test_log_gii_of_the_peer_returns_what_it_is_given() -> None:
    x = one(*([0.0] * 12), 0.1, 0.2, 0.9)
    done = treat(x, frame(15, 1.0), Treat(then="log_gii", winsorise_max=0, compat=COINR))
    np.testing.assert_array_equal(done.values, x)
