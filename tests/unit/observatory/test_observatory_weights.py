"""Weights: what is refused, second methods for those from data, closed forms for those found by search."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.observatory.stages import _weights_data as data
from concordat.observatory.stages.ahp import RANDOM_INDEX, perron
from concordat.observatory.stages.options import Aggregate, Weights
from concordat.observatory.stages.weights import equal, given, noise, parse_ballots, weights_for
from concordat.observatory.tree import Tree

NAN = math.nan
CHILDREN = {"index": ["access", "price"], "access": ["users", "lines", "mobile"], "price": ["basket", "phone"]}
ALIKE = {"access": 1.0, "price": 1.0, "users": 1.0, "lines": 1.0, "mobile": 1.0, "basket": 1.0, "phone": 1.0}


def tree_of(**weights: float) -> Tree:
    return Tree.build(CHILDREN, {**ALIKE, **weights}, "index")


def by_name(tree: Tree, weights: np.ndarray) -> dict[str, float]:
    return dict(zip(tree.names, weights.tolist(), strict=True))


def together(seed: int = 0, units: int = 40, columns: int = 5) -> np.ndarray:
    """Columns that all follow one cause, each with its own error and scale."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(units, 1))
    return (cause + rng.uniform(0.4, 1.0, columns) * rng.normal(size=(units, columns))) * rng.uniform(
        1, 9, columns
    ) + 50


# --- Given and equal -------------------------------------------------------------------------------------------


def test_given_and_equal() -> None:
    tree = tree_of(users=2.0, price=3.0)
    assert by_name(tree, given(tree)) == pytest.approx(
        {
            "users": 0.5,
            "lines": 0.25,
            "mobile": 0.25,
            "basket": 0.5,
            "phone": 0.5,
            "access": 0.25,
            "price": 0.75,
            "index": 1,
        }
    )
    assert by_name(tree, equal(tree))["users"] == pytest.approx(1 / 3)
    assert weights_for(tree, Weights("equal")).weights.tolist() == equal(tree).tolist()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"users": 0.0, "lines": 0.0, "mobile": 0.0}, r"access: .*users, lines, mobile are all 0"),
        ({"lines": -1.0}, r"access: the weight of lines is -1"),
        ({"price": NAN}, r"index: the weight of price is missing"),
        ({"basket": math.inf}, r"price: the weight of basket is inf"),
    ],
)
def test_weights_all_0_negative_or_missing_name_the_parent(weights: dict[str, float], said: str) -> None:
    for method in ("given", "equal", "ahp", "ballots", "pca"):
        with pytest.raises(InputError, match=said):
            weights_for(tree_of(**weights), Weights(method))


def test_unknown_method_and_no_figures() -> None:
    with pytest.raises(InputError, match='Did you mean "entropy"'):
        weights_for(tree_of(), Weights("entropie"))
    with pytest.raises(InputError, match="there are none"):
        weights_for(tree_of(), Weights("pca"))


# --- Noise -------------------------------------------------------------------------------------------------------


def test_noise_shakes_only_its_levels_and_equals_the_formula() -> None:
    tree = tree_of(users=2.0)
    w = given(tree)
    made = noise(w, tree, 0.25, [2], 50, np.random.Generator(np.random.PCG64(3)))
    assert made.shape == (50, 8)
    assert (made[:, :5] == w[:5]).all()
    u = np.random.Generator(np.random.PCG64(3)).uniform(-1, 1, (50, 2))
    shaken = 0.5 * (1 + 0.25 * u)
    np.testing.assert_allclose(made[:, 5:7], shaken / shaken.sum(axis=1, keepdims=True), rtol=1e-14)
    all_levels = noise(w, tree, 0.25, [1, 2, 3], 50, np.random.Generator(np.random.PCG64(3)))
    np.testing.assert_allclose(all_levels[:, :3].sum(axis=1), 1.0)
    assert (all_levels[:, 7] == 1.0).all()
    assert (all_levels.std(axis=0)[:7] > 0).all()


@pytest.mark.parametrize(("c", "levels"), [(1.5, [1]), (-0.1, [1]), (0.2, [4]), (0.2, [0])])
def test_noise_that_makes_no_sense_is_refused(c: float, levels: list[int]) -> None:
    with pytest.raises(InputError, match="noise"):
        noise(given(tree_of()), tree_of(), c, levels, 5, np.random.Generator(np.random.PCG64(0)))


# --- Comparisons -------------------------------------------------------------------------------------------------


def test_saatys_random_index_as_he_printed_it() -> None:
    """Saaty (1980): 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49 for n = 3..10."""
    assert list(RANDOM_INDEX.values()) == [0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49]
    assert list(RANDOM_INDEX) == list(range(3, 11))


def test_a_matrix_without_contradiction_gives_back_its_weights() -> None:
    for n in range(1, 12):
        w = np.random.default_rng(n).uniform(0.1, 1, n)
        made = perron(w[:, None] / w[None, :])
        np.testing.assert_allclose(made.weights, w / w.sum(), rtol=1e-9)
        assert made.eigenvalue == pytest.approx(n)
        assert made.consistent


def test_perron_equals_power_iteration() -> None:
    a = np.array([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])
    w = np.ones(3)
    for _ in range(200):
        grown = a @ w
        growth, w = grown.sum() / w.sum(), grown / grown.sum()
    made = perron(a)
    np.testing.assert_allclose(made.weights, w, rtol=1e-10)
    assert made.eigenvalue == pytest.approx(growth)
    assert made.index == pytest.approx((growth - 3) / 2)
    assert made.ratio == pytest.approx((growth - 3) / 2 / 0.58)


def test_ahp_in_the_tree_warns_of_contradictions_and_keeps_the_rest() -> None:
    tree = tree_of(basket=3.0)
    round_trip = (1.0, 9.0, 1 / 9, 1 / 9, 1.0, 9.0, 9.0, 1 / 9, 1.0)  # users > lines > mobile > users
    made = weights_for(tree, Weights("ahp", matrices=(("access", round_trip), ("index", (1.0, 4.0, 0.25, 1.0)))))
    got = by_name(tree, made.weights)
    assert [got["users"], got["lines"], got["mobile"]] == pytest.approx([1 / 3] * 3)
    assert (got["access"], got["price"], got["basket"]) == pytest.approx((0.8, 0.2, 0.75))
    assert [(n.code, n.indicator, n.warning) for n in made.notes] == [("inconsistent", "access", True)]
    assert dict(made.details[1].numbers) == pytest.approx({"lambda": 2.0, "ci": 0.0, "cr": 0.0})


@pytest.mark.parametrize(
    ("parent", "entries", "said"),
    [
        ("access", (1.0, 2.0, 0.5, 1.0), "4 comparisons for 3 children"),
        ("price", (1.0, 2.0, 2.0, 1.0), "basket against phone"),
        ("price", (1.0, -2.0, -0.5, 1.0), "numbers above 0"),
        ("price", (1.0, NAN, 1.0, 1.0), "numbers above 0"),
        ("pirce", (1.0, 1.0, 1.0, 1.0), 'Did you mean "price"'),
    ],
)
def test_bad_comparisons_are_named(parent: str, entries: tuple[float, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        weights_for(tree_of(), Weights("ahp", matrices=((parent, entries),)))


# --- Ballots -----------------------------------------------------------------------------------------------------

HEAD = "ballot,member,indicator,points\n"


def test_ballots_are_averaged_as_shares_so_that_each_counts_alike() -> None:
    brazil = "b1,BRA,users,60\nb1,BRA,lines,20\nb1,BRA,mobile,20\n\n"
    india = "b2,IND,users,1\nb2,IND,lines,3\nb2,IND,access,3\nb2,IND,price,1\n"
    ballots = parse_ballots(HEAD + brazil + india, "ballots.csv", {"BRA", "IND"}, set(ALIKE))
    tree = tree_of(phone=3.0)
    made = weights_for(tree, Weights("ballots", ballots=ballots))
    got = by_name(tree, made.weights)
    assert [got["users"], got["lines"], got["mobile"]] == pytest.approx([0.425, 0.475, 0.1])
    assert (got["access"], got["basket"]) == pytest.approx((0.75, 0.25))  # b2 alone speaks of pillars, nobody of price
    assert made.ballots == (("b1", "BRA"), ("b2", "IND"))
    assert made.ballot_weights is not None
    assert by_name(tree, made.ballot_weights[0]) == pytest.approx(
        {
            "users": 0.6,
            "lines": 0.2,
            "mobile": 0.2,
            "basket": 0.25,
            "phone": 0.75,
            "access": 0.5,
            "price": 0.5,
            "index": 1,
        }
    )
    assert [(n.indicator, n.warning) for n in made.notes] == [("price", True), ("index", False)]
    for row, ballot in enumerate(ballots):  # what a run with this ballot alone would take
        alone = weights_for(tree, replace(Weights("ballots"), ballots=(ballot,))).weights
        np.testing.assert_allclose(alone, made.ballot_weights[row], rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"row 1: the columns are missing"),
        ("ballot,member,points\n", r"row 1: the columns are ballot, member, points"),
        (HEAD, "no ballots"),
        (HEAD + "b1,BRA,users\n", r"row 2: 3 cells"),
        (HEAD + "b1,BRA,users,\n", r"row 2: 4 cells, or an empty one"),
        (HEAD + "b1,BRA,users,5\nb1,BRA,users,6\n", r"row 3: ballot b1 has users twice"),
        (HEAD + "b1,BRA,users,5\nb1,IND,lines,6\n", r"row 3: ballot b1 is BRA's"),
        (HEAD + "b1,BRA,users,-5\n", r'row 2: "-5" points'),
        (HEAD + "b1,BRA,users,nan\n", r'row 2: "nan" points'),
        (HEAD + "b1,BRA,users,inf\n", r'row 2: "inf" points'),
        (HEAD + "b1,BRA,users,many\n", r'row 2: "many" points'),
        (HEAD + "b1,BRB,users,5\n", r'row 2: "BRB" is not a member. Did you mean "BRA"'),
        (HEAD + "b1,BRA,user,5\n", r'row 2: "user" is not in the tree.*Did you mean "users"'),
        (HEAD + 'b1,BRA,"users,5\n', r"row \d: not CSV"),
    ],
)
def test_ballots_that_cannot_be_meant_name_the_row(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as fault:
        parse_ballots(text, "ballots.csv", {"BRA", "IND"}, set(ALIKE))
    assert "ballots.csv" in str(fault.value)


def test_a_ballot_without_points_and_no_ballots_are_refused() -> None:
    with pytest.raises(InputError, match="ballot b1: no child of price has a point"):
        weights_for(tree_of(), Weights("ballots", ballots=(("b1", "BRA", (("basket", 0.0), ("phone", 0.0))),)))
    with pytest.raises(InputError, match="no ballots"):
        weights_for(tree_of(), Weights("ballots"))


# --- From data ---------------------------------------------------------------------------------------------------


def test_pca_equals_power_iteration_on_the_correlations() -> None:
    x = together()
    x[3, 1] = NAN
    rows = [r for r in x.tolist() if not any(math.isnan(v) for v in r)]
    columns = list(zip(*rows, strict=True))
    r = [[statistics.correlation(a, b) for b in columns] for a in columns]
    v = [1.0] * 5
    for _ in range(2000):
        v = [sum(a * b for a, b in zip(row, v, strict=True)) for row in r]
        v = [a / math.sqrt(sum(b * b for b in v)) for a in v]
    grown = [sum(a * b for a, b in zip(row, v, strict=True)) for row in r]
    w, explained = data.principal(x)
    np.testing.assert_allclose(w, np.array(v) / sum(v), rtol=1e-9)
    assert explained == pytest.approx(math.sqrt(sum(g * g for g in grown)) / 5)


def test_negative_loadings_are_refused_unless_allowed() -> None:
    x = together()
    x[:, 2] *= -1
    tree = tree_of()
    with pytest.raises(MethodError, match="access, indicator mobile: pca: its loading"):
        weights_for(tree, Weights("pca"), x)
    made = weights_for(tree, Weights("pca", allow_negative=True), x)
    assert made.weights[2] < 0
    assert made.weights[:3].sum() == pytest.approx(1.0)


def test_varimax_of_two_factors_is_the_best_angle() -> None:
    loadings = np.random.default_rng(5).normal(size=(7, 2))
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))

    def simple(turned: np.ndarray) -> float:
        return float((((turned / length) ** 2).var(axis=0)).sum())

    angles = np.linspace(0, math.pi / 2, 200_001)
    best = max(simple(loadings @ [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in angles[::100])
    made = data.varimax(loadings)
    assert simple(made) >= best - 1e-9
    np.testing.assert_allclose((made**2).sum(axis=1), (loadings**2).sum(axis=1))


def test_the_oecd_rule_finds_two_blocks_and_weighs_them_by_their_share() -> None:
    rng = np.random.default_rng(6)
    one, two = rng.normal(size=(2, 4000, 1))
    x = np.hstack([one + 0.3 * rng.normal(size=(4000, 4)), two + 0.3 * rng.normal(size=(4000, 3))])
    made = data.factors(x)
    assert made.loadings.shape == (7, 2)
    # Within a block of k with correlation r = 1/1.09 each squared loading is (1 + (k-1) r)/k.
    r = 1 / 1.09
    squares = np.array([(1 + 3 * r) / 4] * 4 + [(1 + 2 * r) / 3] * 3)
    np.testing.assert_allclose(made.weights, squares / squares.sum(), atol=0.01)
    assert data.factors(together()).loadings.shape[1] == 1  # 60 % are explained by the first


def test_entropy_and_critic_equal_loops() -> None:
    x = np.abs(together(2))
    x[0, 0] = NAN
    raw = []
    for column in x.T:
        y = [v for v in column if not math.isnan(v)]
        e = -math.fsum(v / sum(y) * math.log(v / sum(y)) for v in y) / math.log(len(y))
        raw.append(1 - e)
    np.testing.assert_allclose(data.entropy(x), np.array(raw) / sum(raw), rtol=1e-9)
    columns = x[1:].T.tolist()
    raw = [statistics.stdev(a) * sum(1 - statistics.correlation(a, b) for b in columns) for a in columns]
    np.testing.assert_allclose(data.critic(x), np.array(raw) / sum(raw), rtol=1e-9)


@pytest.mark.parametrize("target", [None, [1.0, 1.03, 1.02, 1.0]])
def test_balance_reaches_the_closed_form(target: list[float] | None) -> None:
    """Correlations in proportion t: (C w)_i / sd_i ~ t_i, so w ~ C^-1 (t sd), when that is not negative."""
    x = together(3, columns=4)
    t = np.array(target or [1.0] * 4)
    c, sd = np.cov(x.T), x.std(axis=0, ddof=1)
    exact = np.linalg.solve(c, t * sd)
    assert (exact > 0).all()
    made = data.optimise(x, lambda w: x @ w, "balance", t, 0)
    np.testing.assert_allclose(made.weights, exact / exact.sum(), atol=2e-4)
    assert made.spread < 0.001
    assert not made.infeasible


def test_infomax_reaches_the_closed_form() -> None:
    """sum_i (C w)_i / sd_i over the sd of the index is largest at w ~ 1/sd (Cauchy-Schwarz)."""
    x = together(4, columns=4)
    exact = 1 / x.std(axis=0, ddof=1)
    made = data.optimise(x, lambda w: x @ w, "infomax", np.ones(4), 0)
    np.testing.assert_allclose(made.weights, exact / exact.sum(), atol=2e-4)
    r = [np.corrcoef(column, x @ made.weights)[0, 1] for column in x.T]
    np.testing.assert_allclose(made.correlations, r, atol=1e-12)


def test_a_target_out_of_reach_is_said_to_be_infeasible() -> None:
    x = together(5)
    x[:, 0] = 100 - x[:, 1]  # against the others: no weights of 0 or more balance it with them
    tree = tree_of()
    made = weights_for(tree, Weights("optimise"), x)
    assert [n.code for n in made.notes] == ["infeasible"]
    assert (made.weights >= 0).all()
    found = dict(made.details[0].numbers)
    assert found["spread"] > 0.02
    assert {"r:users", "r:lines", "r:mobile"} <= set(found)
    again = weights_for(tree, Weights("optimise"), x)
    assert made.weights.tolist() == again.weights.tolist()


def test_higher_levels_use_scores_made_with_the_weights_below() -> None:
    x = np.abs(together(6))
    tree = tree_of()
    made = weights_for(tree, Weights("critic"), x, (), Aggregate(default="geometric"))
    access = np.exp(np.log(x[:, :3]) @ data.critic(x[:, :3]))
    price = np.exp(np.log(x[:, 3:]) @ data.critic(x[:, 3:]))
    np.testing.assert_allclose(made.weights[5:7], data.critic(np.stack([access, price], axis=1)), rtol=1e-9)
    wide = np.hstack([x, np.zeros((len(x), 3))])  # scores of nodes are welcome, and not read
    np.testing.assert_array_equal(
        weights_for(tree, Weights("critic"), wide, (), Aggregate(default="geometric")).weights, made.weights
    )


@pytest.mark.parametrize("method", ["pca", "factor", "optimise", "critic"])
def test_constant_columns_and_too_few_units_are_named(method: str) -> None:
    x = together()
    x[:, 1] = 7.0
    with pytest.raises(MethodError, match="access, indicator lines"):
        weights_for(tree_of(), Weights(method), x)
    x = together()
    x[2:, 0] = NAN
    with pytest.raises(MethodError, match="2 units have all children"):
        weights_for(tree_of(), Weights(method), x)


@pytest.mark.parametrize(
    ("column", "said"), [([0.0] * 40, "not all 0"), ([-1.0] + [1.0] * 39, "0 or more"), ([NAN] * 39 + [1.0], "1 units")]
)
def test_entropy_names_what_it_cannot_take(column: list[float], said: str) -> None:
    x = np.abs(together())
    x[:, 4] = column
    with pytest.raises(MethodError, match=f"indicator phone.*{said}"):
        weights_for(tree_of(), Weights("entropy"), x)


def test_targets_of_unknown_or_no_importance_are_refused() -> None:
    for target, said in (
        ((("user", 1.0),), "Did you mean"),
        ((("users", -1.0),), "0 or more"),
        ((("users", NAN),), "nan"),
    ):
        with pytest.raises(InputError, match=said):
            weights_for(tree_of(), Weights("optimise", target=target), together())
    zeros = tuple((name, 0.0) for name in ("users", "lines", "mobile"))
    with pytest.raises(InputError, match="all 0"):
        weights_for(tree_of(), Weights("optimise", target=zeros), together())
    with pytest.raises(InputError, match="objective"):
        weights_for(tree_of(), Weights("optimise", objective="balanced"), together())


def test_a_parent_with_one_child_needs_no_figures() -> None:
    tree = Tree.build({"index": ["a", "b"], "a": ["x"], "b": ["y", "z"]}, {}, "index")
    for method, column in itertools.product(["pca", "entropy"], [0]):
        x = np.abs(together(columns=3))
        assert weights_for(tree, Weights(method), x).weights[column] == 1.0
