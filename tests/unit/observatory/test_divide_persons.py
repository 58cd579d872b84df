"""Digital poverty and explanations of gaps: by hand on a few persons, errors by moving weights, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.observatory.divide import (
    Deprivation,
    PovertyPlan,
    Question,
    alkire_foster,
    oaxaca_blinder,
    weighted_logit,
)

THREE = tuple(
    Deprivation(n, (Question(n, ("2",), not_deprived=("1",)),), w) for n, w in (("a", 0.5), ("b", 0.25), ("c", 0.25))
)
TABLE = {
    # scores:  0.75   0.5   0.25   0   1
    "a": [2, 2, 1, 1, 2],
    "b": [2, 1, 2, 1, 2],
    "c": [1, 1, 1, 1, 2],
    "w": [1, 2, 3, 2, 2],
    "g": ["x", "x", "y", "y", "y"],
}


def one(question: Question, answers: list[Any], need: int = 1) -> Any:
    """Who of these persons is deprived, by a plan of this question alone and one that everybody answers."""
    plan = PovertyPlan(
        (
            Deprivation("asked", (question,), 0.5, need),
            Deprivation("other", (Question("other", ("2",), not_deprived=("1",)),), 0.5),
        ),
        k=0.5,
    )
    return alkire_foster({"asked": answers, "other": [1] * len(answers)}, plan)


# --- Alkire-Foster ------------------------------------------------------------------------------------------------


def test_measures_by_hand() -> None:
    found = alkire_foster(TABLE, PovertyPlan(THREE, k=0.5, weight="w", groups="g"))
    # Poor: persons 1, 2, 5 with weights 1, 2, 2 of 10.
    assert found.headcount.value == pytest.approx(0.5)
    assert found.m0.value == pytest.approx((0.75 + 2 * 0.5 + 2 * 1.0) / 10)
    assert found.intensity is not None
    assert found.intensity.value == pytest.approx(0.375 / 0.5)
    assert [p.censored.value for p in found.parts] == pytest.approx([0.5, 0.3, 0.2])
    assert [p.raw.value for p in found.parts] == pytest.approx([0.5, 0.6, 0.2])  # the third person's b is not censored
    shares = [p.contribution.value for p in found.parts if p.contribution]
    assert shares == pytest.approx([0.25 / 0.375, 0.075 / 0.375, 0.05 / 0.375])
    x, y = found.groups
    assert (x.name, x.n, x.share, x.headcount.value, x.m0.value) == (
        "x",
        2,
        pytest.approx(0.3),
        1.0,
        pytest.approx(1.75 / 3),
    )
    assert (y.headcount.value, y.m0.value) == (pytest.approx(2 / 7), pytest.approx(2 / 7))
    assert found.n_effective == pytest.approx(100 / 22)


def test_the_cutoff_is_met_though_tenths_don_t_add_up() -> None:
    ten = tuple(Deprivation(f"q{i}", (Question(f"q{i}", ("2",), not_deprived=("1",)),), 0.1) for i in range(10))
    table = {f"q{i}": [2 if i < 3 else 1] for i in range(10)} | {"h": [1]}
    two = {name: values * 2 for name, values in table.items()}
    assert sum([0.1] * 3) > 0.3  # the score is a little off
    assert alkire_foster(two, PovertyPlan(ten, k=0.3)).headcount.value == 1.0
    assert alkire_foster(two, PovertyPlan(ten, k=0.31)).headcount.value == 0.0


def test_curves_over_all_cutoffs_and_who_is_poorer_at_each() -> None:
    found = alkire_foster(TABLE, PovertyPlan(THREE, k=0.5, weight="w", groups="g"))
    # at 0.1 to 0.2 four are poor (weight 8), to 0.5 three (5), to 0.7 two (3), to 1 one (2)
    assert found.curve.headcount == pytest.approx((0.8, 0.8, 0.5, 0.5, 0.5, 0.3, 0.3, 0.2, 0.2, 0.2))
    assert found.curve.m0[9] == pytest.approx(0.2)
    assert not found.dominates("x", "y")  # at k = 1 only y has poor
    assert not found.dominates("y", "x")
    poorer = {name: values + values for name, values in TABLE.items()} | {"g": ["low"] * 5 + ["high"] * 5}
    poorer["c"] = [2] * 5 + TABLE["c"]
    found = alkire_foster(poorer, PovertyPlan(THREE, k=0.5, weight="w", groups="g"))
    assert found.dominates("low", "high")
    assert not found.dominates("high", "low")
    assert not found.dominates("low", "low")


@pytest.mark.parametrize(
    ("question", "deprived", "dropped"),
    [
        (Question("asked", ("2",), not_deprived=("1",)), 1, 3),  # blanks and "don't know" are missing
        (Question("asked", ("2",), not_deprived=("1",), routing=("",)), 3, 1),
        (Question("asked", ("2",), not_deprived=("1",), dont_know=("9",)), 1, 3),
        (Question("asked", ("2",), not_deprived=("1",), dont_know=("9",), skill=True), 2, 2),
        (Question("asked", ("2",), not_deprived=("1",), routing=("",), dont_know=("9",), skill=True), 4, 0),
    ],
)
def test_missing_answers(question: Question, deprived: int, dropped: int) -> None:
    answers = [1, 2, "", None, 9, 1.0]
    if not question.dont_know:
        answers[4] = math.nan if not question.routing else 1
        dropped = dropped if not question.routing else 0
    found = one(question, answers)
    assert found.dropped == dropped
    assert found.n == 6 - dropped
    assert found.headcount.value * found.n == pytest.approx(deprived)
    assert found.missing["asked"] == dropped
    assert found.dropped_share == pytest.approx(dropped / 6)


def test_a_code_listed_as_missing_says_nothing() -> None:
    found = one(Question("asked", ("2",), not_deprived=("1",), missing=("98", "99")), [1, 2, 98, 99, "99", 2])
    assert (found.n, found.dropped, found.headcount.value) == (3, 3, pytest.approx(2 / 3))
    below = one(Question("asked", below=10, missing=("-1",)), [3, 12, -1, 14])  # -1 is no number of megabits
    assert (below.n, below.headcount.value) == (3, pytest.approx(1 / 3))


def test_a_number_below_a_threshold_is_a_deprivation() -> None:
    assert one(Question("asked", below=10), [9.99, 10, "3", 200]).headcount.value == 0.5


def test_some_of_several_items_settle_a_deprivation_though_others_are_missing() -> None:
    items = tuple(Question(n, ("2",), not_deprived=("1",)) for n in "pqrs")
    plan = PovertyPlan((Deprivation("skills", items, 1.0, need=3),), k=1)
    table = {"p": [2, 2, 1, 2, 2], "q": [2, 2, 1, 2, 2], "r": [2, "", "", "", 1], "s": ["", "", 1, 2, 1]}
    found = alkire_foster(table, plan)
    # three show it; two show it and two are blank: unknown; one at most can: no; three of three known; two of four: no
    assert (found.n, found.dropped) == (4, 1)
    assert found.headcount.value == 0.5


def test_nobody_poor_has_no_intensity_and_no_contributions() -> None:
    found = alkire_foster({n: [1] * 8 for n in "abc"} | {"g": list("xxxxyyyy")}, PovertyPlan(THREE, k=0.5, groups="g"))
    assert (found.headcount.value, found.m0.value, found.intensity) == (0.0, 0.0, None)
    assert found.parts[0].contribution is None
    assert found.groups[0].contribution is None
    assert found.headcount.lower == 0.0
    assert found.headcount.upper == pytest.approx(0.3244, abs=1e-4)  # Wilson for 0 of 8: 1.96^2 / (8 + 1.96^2)


# --- Errors by moving each person's weight a little -----------------------------------------------------------------


def by_moving_weights(value: Callable[[Any], Any], w: Any, strata: list[Any], psu: list[Any]) -> float:
    """The linearised standard error as a plain loop: scores are w_i times the derivative by w_i, summed by unit."""
    scores = []
    for i in range(w.size):
        ends = []
        for step in (1e-5, -1e-5):
            moved = w.copy()
            moved[i] *= 1 + step
            ends.append(value(moved))
        scores.append((ends[0] - ends[1]) / 2e-5)
    variance = 0.0
    for stratum in sorted(set(strata)):
        units = sorted({c for h, c in zip(strata, psu, strict=True) if h == stratum})
        totals = [sum(z for z, h, c in zip(scores, strata, psu, strict=True) if (h, c) == (stratum, u)) for u in units]
        centre = sum(totals) / len(totals)
        variance += len(totals) / (len(totals) - 1) * sum((t - centre) ** 2 for t in totals)
    return math.sqrt(variance)


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    rng = np.random.Generator(np.random.PCG64(5))
    n = 48
    table: dict[str, Any] = {name: rng.integers(1, 3, n) for name in "abc"}
    table["c"] = [("" if i % 11 == 0 else v) for i, v in enumerate(table["c"])]
    table |= {"w": rng.uniform(0.5, 3, n), "g": ["x" if i % 3 else "y" for i in range(n)]}
    table |= {"h": [i // 16 for i in range(n)], "u": [i // 4 for i in range(n)]}
    table["age"] = rng.normal(40, 10, n)
    table["city"] = rng.integers(0, 2, n)
    table["uses"] = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.8 * table["city"] - 0.03 * (table["age"] - 45))))) * 1
    return table


@pytest.mark.parametrize("staged", [True, False])
@pytest.mark.parametrize(
    ("name", "pick"),
    [
        ("H", lambda f: f.headcount),
        ("A", lambda f: f.intensity),
        ("M0", lambda f: f.m0),
        ("censored", lambda f: f.parts[1].censored),
        ("contribution", lambda f: f.parts[1].contribution),
        ("M0 of a group", lambda f: f.groups[0].m0),
        ("A of a group", lambda f: f.groups[0].intensity),
        ("contribution of a group", lambda f: f.groups[0].contribution),
    ],
)
def test_errors_of_poverty(people: dict[str, Any], name: str, pick: Callable[[Any], Any], staged: bool) -> None:
    design = {"strata": "h", "psu": "u"} if staged else {}
    plan = PovertyPlan(THREE, k=0.5, weight="w", groups="g", **design)
    found = pick(alkire_foster(people, plan))

    def moved(w: Any) -> float:
        return float(pick(alkire_foster(people | {"w": w}, plan)).value)

    n = len(people["w"])
    strata, psu = (people["h"], people["u"]) if staged else ([0] * n, list(range(n)))
    assert found.se == pytest.approx(by_moving_weights(moved, people["w"], strata, psu), rel=1e-6)
    assert 0 < found.lower < found.value < found.upper < 1


@pytest.mark.parametrize("column", ["constant", "age", "city"])
def test_errors_of_the_logit(people: dict[str, Any], column: str) -> None:
    def fit(w: Any) -> Any:
        x = {"age": people["age"], "city": people["city"]}
        return weighted_logit(people["uses"], x, w, strata=people["h"], psu=people["u"])

    def pick(w: Any) -> Any:
        return next(c for c in fit(w).coefficients if c.name == column)

    expected = by_moving_weights(lambda w: pick(w).value, people["w"], people["h"], people["u"])
    assert pick(people["w"]).se == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("indicator", [True, False])
@pytest.mark.parametrize(
    ("name", "pick"),
    [
        ("gap", lambda f: f.gap),
        ("explained", lambda f: f.explained),
        ("rest", lambda f: f.rest),
        ("explained by age", lambda f: f.parts[1].explained),
        ("rest by age", lambda f: f.parts[1].rest),
        ("rest of the constant", lambda f: f.parts[0].rest),
    ],
)
def test_errors_of_a_gap(people: dict[str, Any], name: str, pick: Callable[[Any], Any], indicator: bool) -> None:
    def fit(w: Any) -> Any:
        x = {"age": people["age"], "city": people["city"]}
        return pick(
            oaxaca_blinder(people["uses"], people["g"], x, w, indicator=indicator, strata=people["h"], psu=people["u"])
        )

    expected = by_moving_weights(lambda w: fit(w).value, people["w"], people["h"], people["u"])
    assert fit(people["w"]).se == pytest.approx(expected, rel=1e-5)


# --- Explanations ---------------------------------------------------------------------------------------------------


def test_a_logit_on_one_indicator_is_the_log_odds_of_each_group() -> None:
    # In the city 6 of 8 (weights), elsewhere 2 of 6.
    y, city, w = [1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [2, 2, 2, 4, 4]
    found = weighted_logit(y, {"city": city}, w)
    constant, slope = found.coefficients
    assert constant.value == pytest.approx(math.log(2 / 4))
    assert slope.value == pytest.approx(math.log(6 / 2) - math.log(2 / 4))
    assert slope.odds == pytest.approx(6.0)
    assert slope.odds_lower < 6 < slope.odds_upper


def test_rows_with_a_missing_value_are_left_out_and_counted() -> None:
    full = weighted_logit([1, 0, 1, 0, 1], {"x": [1.0, 2.0, 4.0, 3.0, 2.5]})
    gaps = weighted_logit([1, 0, 1, 0, 1, math.nan, 1], {"x": [1.0, 2.0, 4.0, 3.0, 2.5, 1.0, math.nan]})
    assert gaps.dropped == 2
    assert [c.value for c in gaps.coefficients] == pytest.approx([c.value for c in full.coefficients])


def test_a_year_as_a_column_loses_no_digits() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    x = rng.normal(0, 1, 200)
    y = (rng.uniform(size=200) < 1 / (1 + np.exp(-x))) * 1
    plain, far = (weighted_logit(y, {"x": v}).coefficients[1] for v in (x, 1e6 + x))
    assert far.value == pytest.approx(plain.value, rel=1e-8)
    assert far.se == pytest.approx(plain.se, rel=1e-8)


def test_a_gap_by_hand() -> None:
    # Group 1 has y = x + 1 at x = 1, 3; group 2 y = x at x = 0, 2: means 3 and 1, of x 2 and 1, all slopes 1.
    found = oaxaca_blinder([2, 4, 3, 0, 2, 1], [1, 1, 1, 2, 2, 2], {"x": [1, 3, 2, 0, 2, 1]})
    assert (found.mean_first, found.mean_second, found.gap.value) == (
        pytest.approx(3),
        pytest.approx(1),
        pytest.approx(2),
    )
    assert (found.explained.value, found.rest.value) == (pytest.approx(1), pytest.approx(1))
    # Without the indicator the pooled slope is Sxy / Sxx over all, of x - 1.5 and y - 2.
    dx, dy = np.array([-0.5, 1.5, 0.5, -1.5, 0.5, -0.5]), np.array([0, 2, 1, -2, 0, -1])
    plain = oaxaca_blinder([2, 4, 3, 0, 2, 1], [1, 1, 1, 2, 2, 2], {"x": [1, 3, 2, 0, 2, 1]}, indicator=False)
    assert plain.explained.value == pytest.approx(float((dx * dy).sum() / (dx * dx).sum()))
    assert plain.explained.value > 1  # it takes some of the difference in level


def test_two_of_three_groups_are_named() -> None:
    y, group, x = [1.0, 2, 4, 8, 5, 6, 7, 9, 1], ["a"] * 3 + ["b"] * 3 + ["c"] * 3, [1.0, 2, 2, 3, 1, 4, 5, 6, 9]
    found = oaxaca_blinder(y, group, {"x": x}, first="b", second="a")
    alone = oaxaca_blinder(y[:6], group[:6], {"x": x[:6]}, first="b", second="a")
    assert (found.first, found.second) == ("b", "a")
    assert found.explained.value == pytest.approx(alone.explained.value)
    back = oaxaca_blinder(y, group, {"x": x}, first="a", second="b")
    assert back.rest.value == pytest.approx(-found.rest.value)


# --- What is refused --------------------------------------------------------------------------------------------------


def plan(**changes: Any) -> PovertyPlan:
    return PovertyPlan(**({"deprivations": THREE, "k": 0.5} | changes))


def halves(*questions: Question, need: int = 1) -> tuple[Deprivation, ...]:
    return (Deprivation("d", questions, 1.0, need),)


Y, X = [0, 1, 0, 1, 1, 0], [1.0, 2, 3, 1.5, 2.5, 0.5]


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: alkire_foster(TABLE, plan(deprivations=())), InputError, "no deprivations"),
        (lambda: alkire_foster(TABLE, plan(deprivations=THREE[:2])), InputError, "0.5, 0.25"),
        (lambda: alkire_foster(TABLE, plan(deprivations=(*THREE[:2], THREE[1]))), InputError, "named twice"),
        (lambda: alkire_foster(TABLE, plan(k=0)), InputError, "k is 0"),
        (lambda: alkire_foster(TABLE, plan(k=1.2)), InputError, "k is 1.2"),
        (lambda: alkire_foster(TABLE, plan(k=math.nan)), InputError, "k is nan"),
        (lambda: alkire_foster(TABLE, plan(deprivations=halves(Question("a")))), InputError, "codes or a threshold"),
        (lambda: alkire_foster(TABLE, plan(deprivations=halves(Question("a", ("2",)), need=2))), InputError, "2 of 1"),
        (lambda: alkire_foster(TABLE, plan(deprivations=halves(Question("aa", ("2",))))), InputError, 'mean "a"'),
        (lambda: one(Question("asked", below=3, not_deprived=("4",)), [1, 2]), InputError, "has a threshold"),
        (lambda: one(Question("asked", ("2",), not_deprived=("2",)), [1, 2]), InputError, "deprived and not_deprived"),
        (lambda: one(Question("asked", ("2",), not_deprived=("1",)), [1, 3, 3, 2, 7]), InputError,
         "row 2: \"asked\" has answers that the plan does not list: 3 (2 rows), 7 (1 row)."),
        (lambda: one(Question("asked", ("2",)), list(range(12))), InputError, "6 (1 row) and 3 more"),
        (lambda: alkire_foster(TABLE, plan(weight="weight")), InputError, 'no column "weight"'),
        (lambda: alkire_foster(TABLE | {"w": [1, 1, -1, 1, 1]}, plan(weight="w")), InputError, "row 3"),
        (lambda: alkire_foster(TABLE | {"w": [1, 1, "?", 1, 1]}, plan(weight="w")), InputError, "row 3"),
        (lambda: alkire_foster(TABLE | {"b": [1]}, plan()), InputError, "1 rows, not 5"),
        (lambda: alkire_foster(TABLE | {"g": ["x", "", "y", "y", "y"]}, plan(groups="g")), InputError, "row 2"),
        (lambda: alkire_foster(TABLE | {"a": [None] * 5}, plan()), MethodError, "nobody has all answers"),
        (lambda: alkire_foster(TABLE, plan()).dominates("x", "y"), InputError, "not a group"),
        (lambda: alkire_foster({n: [1] for n in "abc"}, plan()), MethodError, "no degree of freedom"),
        (lambda: weighted_logit(Y, {}), InputError, "no column"),
        (lambda: weighted_logit([0, 1, 2, 1, 1, 0], {"x": X}), InputError, "row 3"),
        (lambda: weighted_logit([1] * 6, {"x": X}), MethodError, "the same"),
        (lambda: weighted_logit(Y, {"x": X[:3]}), InputError, "3 entries for 6"),
        (lambda: weighted_logit(Y, {"x": [7.0] * 6}), MethodError, '"x" is the same for everybody'),
        (lambda: weighted_logit(Y, {"x": X, "z": [2 * v + 1 for v in X]}), MethodError, '"z" follows from'),
        (lambda: weighted_logit(Y, {"x": X, "z": Y}), MethodError, '"z" separates'),
        (lambda: weighted_logit(Y, {"x": X}, [1, 1, 1, 1, 1, math.inf]), InputError, "row 6"),
        (lambda: weighted_logit(Y, {"x": [1.0, 2, math.inf, 1, 2, 3]}), InputError, "row 3"),
        (lambda: weighted_logit(Y[:2], {"x": X[:2]}), MethodError, "too few"),
        (lambda: oaxaca_blinder(Y, [1] * 6, {"x": X}), InputError, "not a group"),
        (lambda: oaxaca_blinder(Y, [1, 1, 1, 2, 2, 3], {"x": X}, first=1, second=1), InputError, "same group"),
        (lambda: oaxaca_blinder(Y, [1, 1, 1, 1, 2, 2], {"x": X}), MethodError, "has 2 rows"),
        (lambda: oaxaca_blinder(Y, [1, 1, 1, 2, 2, 2], {"x": [1, 1, 1, 2, 3, 4]}), MethodError, "group"),
    ],
)  # fmt: skip
def test_refused(call: Callable[[], Any], kind: type[ConcordatError], words: str) -> None:
    with pytest.raises(kind) as refusal:
        call()
    assert words in str(refusal.value)
