"""The step `impute` inside a year: each method by hand, what stays empty and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.observatory.panel import Frame
from concordat.observatory.stages.impute import METHODS, impute
from concordat.observatory.stages.options import Impute

NAN = np.nan


def frame(units: int, columns: int, **given: object) -> Frame:
    settings: dict = {
        "units": tuple(f"U{i}" for i in range(units)),
        "indicators": tuple("abcdefgh"[:columns]),
        "directions": np.ones(columns),
        "pillars": (0,) * columns,
    }
    return Frame(**{**settings, **given})


def run(x: list, method: str, where: Frame | None = None, **options: object) -> np.ndarray:
    stack = np.array([x], dtype=float)
    return impute(stack, where or frame(*stack.shape[1:]), Impute(method=method, **options)).values[0]


@pytest.mark.parametrize(("method", "expected"), [("mean", 10 / 3), ("median", 2.0)])
def test_mean_and_median_of_those_observed(method: str, expected: float) -> None:
    assert run([[1], [7], [2], [NAN]], method)[3, 0] == pytest.approx(expected)


def test_median_of_an_even_number_is_the_middle_of_two() -> None:
    assert run([[1], [7], [2], [4], [NAN]], "median")[4, 0] == 3.0


def test_each_slice_is_filled_alone() -> None:
    x = np.array([[[1.0], [NAN]], [[5.0], [NAN]]])
    assert impute(x, frame(2, 1), Impute(method="mean")).values[:, 1, 0].tolist() == [1.0, 5.0]


def test_groups() -> None:
    where = frame(6, 1, groups=("north", "north", "south", "south", "", "east"))
    x = [[1], [NAN], [10], [30], [NAN], [NAN]]
    assert run(x, "group_mean", where)[:4, 0].tolist() == [1, 1, 10, 30]
    assert np.isnan(run(x, "group_median", where)[4:, 0]).all()
    notes = impute(np.array([x], dtype=float), where, Impute(method="group_mean")).notes()
    assert [(n.code, n.unit, n.after, n.warning) for n in notes] == [
        ("imputed", "U1", 1.0, False),
        ("no_group", "U4", None, True),
        ("group_empty", "U5", None, True),
    ]


def test_groups_that_are_not_given_are_asked_for() -> None:
    with pytest.raises(MethodError, match=r"units have no groups\. Set group: region or income"):
        run([[1], [NAN]], "group_mean")


def test_row_by_hand() -> None:
    """b runs 0..10 up, c 0..100 down. U1 is at 0.5 of a and 0.25 of c (down: 75 is a quarter): mean 0.375."""
    where = frame(3, 3, directions=np.array([1.0, 1.0, -1.0]))
    x = [[0, 0, 100], [5, NAN, 75], [10, 10, 0]]
    assert run(x, "row", where)[1, 1] == pytest.approx(3.75)
    x = [[0, 0, 100], [5, 2.5, NAN], [10, 10, 0]]
    assert run(x, "row", where)[1, 2] == pytest.approx(100 - 37.5)


def test_row_knows_only_the_pillar_unless_told() -> None:
    where = frame(3, 3, pillars=(0, 0, 1))
    x = [[0, 0, 0], [5, NAN, 10], [10, 10, 10]]
    assert run(x, "row", where)[1, 1] == pytest.approx(5.0)
    assert run(x, "row", where, within="all")[1, 1] == pytest.approx(7.5)


def test_row_with_a_column_without_range() -> None:
    x = [[0, 3, 1], [5, NAN, NAN], [10, 3, 9], [NAN, NAN, NAN]]
    found = run(x, "row")
    assert found[1].tolist() == [5, 3, 5]
    assert np.isnan(found[3]).all()
    assert run([[0, 3], [5, 3], [NAN, 3], [10, 3]], "row")[2, 0] != 5  # a column of equals places nobody


def test_knn_by_hand() -> None:
    """The two nearest to U0 on b are U1 and U2; a is their mean. A third, as near as the second, counts as well."""
    x = [[NAN, 10], [1, 10], [3, 11], [50, 30], [70, 40]]
    assert run(x, "knn", k=2)[0, 0] == pytest.approx(2.0)
    assert run([*x, [8, 9]], "knn", k=2)[0, 0] == pytest.approx((1 + 3 + 8) / 3)
    assert run(x, "knn", k=99)[0, 0] == pytest.approx((1 + 3 + 50 + 70) / 4)


def test_knn_scales_distance_by_how_many_columns_are_shared() -> None:
    """Columns b, c and d have sd 1 where it matters: U1 shares one column at distance 1 (1 * 3 / 1 = 3), U2 three at
    0.9 each (0.81 * 3 = 2.43): U2 is nearer, though its plain sum of squares is larger.
    """
    base = np.array([[NAN, 0, 0, 0], [5, 1, NAN, NAN], [9, 0.9, 0.9, 0.9], [1, 8, 8, 8], [2, -8, -8, -8]])
    assert run(base.tolist(), "knn", k=1)[0, 0] == 9.0


def test_knn_against_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 5))
    x[rng.random(x.shape) < 0.15] = NAN
    found = run(x.tolist(), "knn", k=4)
    z = (x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0, ddof=1)
    for u, j in np.argwhere(np.isnan(x)):
        near = []
        for v in range(30):
            both = [c for c in range(5) if not np.isnan(z[u, c]) and not np.isnan(z[v, c])]
            if both and not np.isnan(x[v, j]):
                near.append((sum((z[u, c] - z[v, c]) ** 2 for c in both) * 5 / len(both), x[v, j]))
        assert found[u, j] == pytest.approx(np.mean([value for _, value in sorted(near)[:4]]))


def test_regression_against_least_squares_of_numpy() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(25, 3))
    x[:, 0] += x[:, 1] - 0.5 * x[:, 2]
    full = x.copy()
    x[0, 0], x[1, 0], x[1, 2] = NAN, NAN, NAN
    found = run(x.tolist(), "regression")
    for u, used in ((0, [1, 2]), (1, [1])):
        rows = [r for r in range(25) if not np.isnan(x[r, [0, *used]]).any()]
        design = np.column_stack([np.ones(len(rows)), full[rows][:, used]])
        slopes = np.linalg.lstsq(design, full[rows, 0], rcond=None)[0]
        assert found[u, 0] == pytest.approx(slopes[0] + full[u, used] @ slopes[1:])


def test_regression_leaves_out_a_predictor_that_repeats_another() -> None:
    x = np.array([[NAN, 2, 4], [1, 1, 2], [2, 2.2, 4.4], [3, 2.9, 5.8], [4, 4.1, 8.2], [5, 5, 10]])
    with_copy, without = run(x.tolist(), "regression"), run(x[:, :2].tolist(), "regression")
    assert with_copy[0, 0] == pytest.approx(without[0, 0])


def test_regression_on_too_few_units_stays_empty_and_says_so() -> None:
    x = np.array([[[NAN, 2.0], [1, 1], [2, 3]]])
    staged = impute(x, frame(3, 2), Impute(method="regression"))
    assert np.isnan(staged.values[0, 0, 0])
    assert [n.code for n in staged.notes()] == ["too_few"]


def test_em_fills_by_pillar_and_names_the_year_when_it_cannot() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 20, 4))
    x[1, :, 1] = x[1, :, 0]
    x[:, 0, 2] = NAN
    where = frame(20, 4, pillars=(0, 0, 1, 1), slices=("2020", "2021"))
    assert not np.isnan(impute(x, where, Impute(method="em")).values).any()
    with pytest.raises(MethodError, match=r"step impute, 2021: a and b are collinear"):
        impute(x, where, Impute(method="em", within="all"))
    staged = impute(x, where, Impute(method="em", within="all", ridge=0.01))
    assert [n.slice for n in staged.notes() if n.code == "ridged"] == ["2021"]


def test_a_unit_that_em_knows_nothing_of_is_marked() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(1, 12, 2))
    x[0, 3] = NAN
    staged = impute(x, frame(12, 2), Impute(method="em"))
    assert staged.values[0, 3] == pytest.approx(np.nanmean(x[0], axis=0))
    assert [n.code for n in staged.notes()] == ["imputed", "uninformed", "imputed", "uninformed"]


@pytest.mark.parametrize("method", [m for m in METHODS if not m.startswith("group")])
def test_nothing_observed_changes_and_an_empty_column_stays_empty(method: str) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2, 15, 4))
    x[rng.random(x.shape) < 0.2] = NAN
    x[1, :, 3] = NAN
    staged = impute(x, frame(15, 4, slices=("one", "two")), Impute(method=method))
    seen = ~np.isnan(x)
    assert np.array_equal(staged.values[seen], x[seen])
    assert np.isnan(staged.values[1, :, 3]).all()
    if method != "none":
        filled = sum(n.code == "imputed" for n in staged.notes())
        assert filled == (np.isnan(x) & ~np.isnan(staged.values)).sum()
        assert filled > 5
        assert {n.code for n in staged.notes() if n.indicator == "d" and n.slice == "two"} == {"empty"}


@pytest.mark.parametrize("method", METHODS)
def test_one_unit_and_an_empty_stack(method: str) -> None:
    where = frame(1, 2, groups=("north",))
    x = np.array([[[1.0, NAN]]])
    assert np.isnan(impute(x, where, Impute(method=method)).values[0, 0, 1])
    none = np.zeros((0, 1, 2))
    assert impute(none, where, Impute(method=method)).values.shape == (0, 1, 2)
