"""Methods of aggregation, by hand and by plain loops written from the specification; and what each refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory.stages.aggregate import METHODS, Children, aggregate, aggregate_tree, dashboard
from concordat.observatory.stages.options import Aggregate
from concordat.observatory.tree import Tree

WHO = Children("access", ("users", "lines", "basket"), ("BRA", "IND", "RUS"))
ALIKE = np.array([1.0, 1.0, 1.0])
NAN = math.nan


def score(rows: list[list[float]], how: str, w: np.ndarray = ALIKE, **options: object) -> list[float]:
    return aggregate(np.array(rows), w, how, Aggregate(**options), WHO).tolist()  # type: ignore[arg-type]


def mean_by_loop(row: np.ndarray, w: np.ndarray, how: str, p: float, min_share: float) -> float:
    there = [(float(v), float(u)) for v, u in zip(row, w, strict=True) if not math.isnan(v)]
    if not there or len(there) / len(row) < min_share - 1e-9:
        return NAN
    total = math.fsum(u for _, u in there)
    if how == "arithmetic":
        return math.fsum(u * v for v, u in there) / total
    if how == "geometric":
        return math.exp(math.fsum(u * math.log(v) for v, u in there) / total)
    if how == "harmonic":
        return total / math.fsum(u / v for v, u in there)
    if how == "power":
        return (math.fsum(u * v**p for v, u in there) / total) ** (1 / p)
    assert how == "median"
    upto = 0.0
    for v, u in sorted(there):
        upto += u / total
        if upto >= 0.5 - 1e-12:
            return v
    raise AssertionError


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "harmonic", "power", "median"])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_means_equal_a_loop_over_runs_units_and_children(how: str, missing: float) -> None:
    rng = np.random.default_rng(1)
    x, w = rng.uniform(1, 100, (7, 11, 5)), rng.uniform(0.1, 2, (7, 5))
    x[rng.random(x.shape) < missing] = NAN
    options = Aggregate(p=-2.5, min_share=0.6)
    names = Children("p", tuple("abcde"), ())
    own = aggregate(x, w, how, options, names)
    shared = aggregate(x, w[0], how, options, names)
    one_matrix = aggregate(x[0], w, how, options, names)
    for run in range(7):
        for unit in range(11):
            args = (how, -2.5, 0.6)
            assert own[run, unit] == pytest.approx(mean_by_loop(x[run, unit], w[run], *args), abs=1e-11, nan_ok=True)
            assert shared[run, unit] == pytest.approx(mean_by_loop(x[run, unit], w[0], *args), abs=1e-11, nan_ok=True)
            assert one_matrix[run, unit] == pytest.approx(
                mean_by_loop(x[0, unit], w[run], *args), abs=1e-11, nan_ok=True
            )


def test_power_mean_by_hand_where_the_peer_gives_6_25() -> None:
    two = Children("p", ("a", "b"), ("U",))
    x, w = np.array([[3.0, 4.0]]), np.array([0.5, 0.5])
    assert aggregate(x, w, "power", Aggregate(p=2), two)[0] == pytest.approx(math.sqrt(12.5))  # 3.54: specification 1
    assert aggregate(x, w, "power", Aggregate(p=0), two)[0] == pytest.approx(math.sqrt(12))
    assert aggregate(x * [[1, np.nan]], w, "power", Aggregate(p=2), two)[0] == pytest.approx(3.0)


@pytest.mark.parametrize("p", [200.0, -200.0])
def test_power_mean_of_numbers_whose_powers_no_float_holds(p: float) -> None:
    two = Children("p", ("a", "b"), ("U",))
    x = np.array([[1e5, 1e5], [1e-5, 1e-5], [np.nan, 1e5]])
    assert aggregate(x, np.ones(2), "power", Aggregate(p=p), two) == pytest.approx([1e5, 1e-5, 1e5], rel=1e-12)


def test_compat_repeats_the_peers_defects() -> None:
    """Its generalised mean is blank with any missing value; in its outranking the earlier row loses what is missing."""
    two = Children("p", ("a", "b"), ("U", "V", "W"))
    x, w = np.array([[1.0, 3.0], [NAN, 2.0], [3.0, NAN]]), np.array([0.5, 0.5])
    literal = Aggregate(p=2.0, compat="coinr-1.1.14")
    assert aggregate(x, w, "power", literal, two) == pytest.approx([math.sqrt(5), NAN, NAN], nan_ok=True)
    assert aggregate(x, w, "power", Aggregate(p=2.0), two) == pytest.approx([math.sqrt(5), 2.0, 3.0])
    # o12 = 0.5 (3 > 2, the other lost), o13 = 0, o23 = 0: literal scores -1, -1 and 2; ours: U beats V, W beats U.
    assert aggregate(x, w, "copeland", literal, two).tolist() == [-1.0, -1.0, 2.0]
    assert aggregate(x, w, "copeland", Aggregate(), two).tolist() == [0.0, -1.0, 1.0]
    both = aggregate(np.stack([x, x[::-1]]), w, "copeland", literal, two)
    assert both.tolist() == [[-1.0, -1.0, 2.0], [-1.0, 0.0, 1.0]]  # the same units, other rows, other scores


def test_a_unit_with_too_few_children_is_left_blank() -> None:
    rows = [[10.0, NAN, NAN], [10.0, 20.0, NAN], [NAN, NAN, NAN]]
    for how in METHODS:
        if how in ("arithmetic", "geometric", "harmonic", "power", "median"):
            made = score(rows, how, min_share=2 / 3)
            assert math.isnan(made[0])
            assert math.isnan(made[2])
            assert 10 <= made[1] <= 20
    assert score(rows, "arithmetic", min_share=0.0) == pytest.approx([10.0, 15.0, NAN], nan_ok=True)


@pytest.mark.parametrize("how", [m for m in METHODS if m != "none"])
def test_every_method_leaves_a_unit_with_too_few_children_blank(how: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(60, 140, (6, 3))
    x[2, :2] = NAN
    names = Children("access", WHO.children, tuple("ABCDEF"))
    made = aggregate(x, ALIKE, how, Aggregate(min_share=0.5, owa="at_least_j", owa_j=2), names)
    assert np.isnan(made).tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("how", ["copeland", "mpi", "ampi", "mean_min", "wroclaw", "bod", "common_weights", "owa"])
def test_methods_over_groups_treat_runs_apart(how: str) -> None:
    x = np.random.default_rng(3).uniform(50, 150, (4, 8, 3))
    options = Aggregate(alpha=0.5, beta=1.0, owa_weights=(0.5, 0.3, 0.2))
    together = aggregate(x, ALIKE, how, options, WHO)
    apart = np.stack([aggregate(one, ALIKE, how, options, WHO) for one in x])
    np.testing.assert_allclose(together, apart, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, -3.0])
@pytest.mark.parametrize("how", ["geometric", "harmonic"])
def test_a_value_not_above_zero_names_unit_indicator_and_remedies(how: str, value: float) -> None:
    with pytest.raises(MethodError) as fault:
        score([[1, 2, 3], [4, value, 6], [7, 8, NAN]], how)
    said = str(fault.value)
    for part in ("unit IND", "indicator lines", f"{value:g}", "floor", "arithmetic", "log1p", "access"):
        assert part in said


def test_the_run_of_a_bad_value_is_named() -> None:
    names = Children("access", WHO.children, WHO.units, ("run 1", "run 2"))
    x = np.ones((2, 3, 3))
    x[1, 2, 0] = 0
    with pytest.raises(MethodError, match=r"indicator users, unit RUS, run 2"):
        aggregate(x, ALIKE, "geometric", Aggregate(), names)


def test_a_child_of_weight_zero_takes_no_part() -> None:
    w = np.array([1.0, 0.0, 1.0])
    assert score([[4, 0, 9]], "geometric", w) == pytest.approx([6.0])
    assert score([[4, -1, 9]], "owa", w, owa="more_than_j", owa_j=1) == [4.0]
    assert np.isnan(score([[NAN, 5, NAN]], "arithmetic", w, min_share=0.0)).all()
    assert score([[90, 5, 110]], "mpi", w) == pytest.approx([98.0])


def test_power_mean_refuses_what_has_no_root() -> None:
    assert score([[0, 0, 3]], "power", p=2.0) == pytest.approx([math.sqrt(3)])
    with pytest.raises(MethodError, match="unit BRA"):
        score([[-1, 1, 1]], "power", p=2.0)
    with pytest.raises(MethodError, match="above 0"):
        score([[0, 1, 1]], "power", p=-1.0)


@pytest.mark.parametrize("w", [[0.0, 0.0, 0.0], [1.0, NAN, 1.0], [1.0, -2.0, 0.5]])
def test_weights_that_are_none_name_the_parent(w: list[float]) -> None:
    with pytest.raises(InputError, match="access: the weights"):
        score([[1, 2, 3]], "arithmetic", np.array(w))


def test_an_unknown_method_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match='Did you mean "geometric"'):
        score([[1, 2, 3]], "geometrical")


def test_owa_by_hand() -> None:
    rows = [[10.0, 40.0, 20.0], [NAN, 30.0, 10.0]]
    assert score(rows, "owa", owa="at_least_j", owa_j=2) == [30.0, 20.0]
    assert score(rows, "owa", owa="more_than_j", owa_j=1) == [10.0, 10.0]
    assert score(rows, "owa", owa_weights=(0.5, 0.3, 0.2)) == pytest.approx(
        # Two of three: the quantifier through (0,0) (1/3,.5) (2/3,.8) (1,1) is at .65 halfway.
        [0.5 * 40 + 0.3 * 20 + 0.2 * 10, 0.65 * 30 + 0.35 * 10]
    )
    assert score(rows, "owa", owa_weights=(0.0, 0.0, 1.0)) == [10.0, 10.0]
    assert score(rows, "owa", owa_weights=(1.0, 1.0, 1.0)) == pytest.approx([70 / 3, 20.0])


@pytest.mark.parametrize(
    "options",
    [{"owa": "at_least_j", "owa_j": 4}, {"owa": "best"}, {}, {"owa_weights": (1.0, 2.0)}, {"owa_weights": (0, 0, 0)}],
)
def test_owa_options_that_do_not_fit_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="access"):
        score([[1, 2, 3]], "owa", **options)


def test_dashboard_places_between_lowest_and_highest() -> None:
    x = np.array([[0.0, 5.0, NAN], [10.0, 5.0, NAN], [2.5, NAN, NAN]])
    expected = [[0, NAN, NAN], [1, NAN, NAN], [0.25, NAN, NAN]]
    np.testing.assert_array_equal(dashboard(x), expected)
    assert score([[1, 2, 3]], "none") == pytest.approx([NAN], nan_ok=True)


def small_tree() -> Tree:
    children = {"index": ["access", "price"], "access": ["users", "lines"], "price": ["basket"]}
    return Tree.build(children, {"access": 3.0, "price": 1.0, "users": 1.0, "lines": 1.0}, "index")


def test_tree_uses_top_default_and_nodes() -> None:
    tree = small_tree()
    x = np.array([[[4.0, 16.0, 81.0]], [[2.0, 2.0, 2.0]]])
    options = Aggregate(default="arithmetic", top="geometric", nodes=(("access", "geometric"),))
    made = aggregate_tree(x, tree.normalised(), tree, options)
    np.testing.assert_allclose(made[0, 0], [4, 16, 81, 8, 81, 8**0.75 * 81**0.25])
    assert made.shape == (2, 1, 6)
    np.testing.assert_allclose(made[1, 0], [2.0] * 6)
    blank = aggregate_tree(x, tree.normalised(), tree, Aggregate(default="none"))
    assert np.isnan(blank[..., 3:]).all()


def test_tree_takes_weights_of_runs_with_one_matrix() -> None:
    tree = small_tree()
    rng = np.random.default_rng(0)
    w = tree.normalised(rng.uniform(0.5, 2, (5, 6)))
    x = rng.uniform(1, 9, (4, 3))
    made = aggregate_tree(x, w, tree, Aggregate())
    assert made.shape == (5, 4, 6)
    for run in range(5):
        np.testing.assert_allclose(made[run, :, -1], x @ tree.effective(w[run]), rtol=1e-13)


def test_tree_names_units_and_refuses_unknown_nodes_and_distances_as_children() -> None:
    tree = small_tree()
    w = tree.normalised()
    with pytest.raises(MethodError, match="indicator lines, unit IND: access"):
        aggregate_tree(np.array([[1.0, 1, 1], [1, 0, 1]]), w, tree, Aggregate("geometric"), units=("BRA", "IND"))
    with pytest.raises(InputError, match='Did you mean "access"'):
        aggregate_tree(np.ones((1, 3)), w, tree, Aggregate(nodes=(("acces", "geometric"),)))
    with pytest.raises(InputError, match="distance"):
        aggregate_tree(np.ones((1, 3)), w, tree, Aggregate(default="wroclaw"))


def test_empty_stacks_have_empty_scores() -> None:
    for how in METHODS:
        assert aggregate(np.empty((0, 3)), ALIKE, how, Aggregate(), WHO).shape == (0,)
