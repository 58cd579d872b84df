"""Scores by hand: medians, blanks with their reasons, means, agreement and its words; what is refused."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council.review.agreement import alpha
from concordat.council.review.scores import Code, check_code, median, score
from concordat.council.review.steps import STEPS, StepCode, chosen_step, coverage, step
from concordat.errors import InputError, RuleError

SOURCE = ("a" * 64,)


def code(commitment: str, member: str, coder: str, value: int | None, *, of: str = "", reason: str = "") -> Code:
    return Code(commitment, member, coder, value, of, SOURCE if value is not None else (), reason)


def cell(*values: int | None, of: tuple[str, ...] = ()) -> Fraction | None:
    homes = of or ("",) * len(values)
    codes = [
        code("c", "BRA", f"k{n}", v, of=homes[n], reason="" if v is not None else "landlocked")
        for n, v in enumerate(values)
    ]
    return score(codes).cells["c", "BRA"].value


@pytest.mark.parametrize(
    ("codes", "value"),
    [
        ((1, 1), 1), ((1, 0), Fraction(1, 2)), ((1, -1), 0), ((0, -1), Fraction(-1, 2)), ((1, 1, -1), 1),
        ((1, 0, -1), 0), ((1, 1, 0, -1), Fraction(1, 2)), ((1, 1, 0, 0), Fraction(1, 2)), ((1, 1, -1, -1), 0),
        ((-1, -1, 0, 1, 1), 0), ((1, 0, None), Fraction(1, 2)),
    ],
)  # fmt: skip
def test_a_cell_is_the_median_of_its_codes(codes: tuple[int | None, ...], value: Fraction) -> None:
    for order in itertools.permutations(codes):
        assert cell(*order) == value


def test_the_median_is_that_of_the_standard_library() -> None:
    import statistics

    for size in range(1, 6):
        for values in itertools.product((-1, 0, 1), repeat=size):
            assert float(median(values)) == statistics.median(values)


@pytest.mark.parametrize(
    ("codes", "homes", "reason"),
    [
        ((1,), (), "one coder only"),
        ((1, None), (), "one coder only; 1 found that it does not apply"),
        ((None, None), (), "does not apply: landlocked"),
        ((1, 1), ("BRA", "BRA"), "coded by BRA alone"),
        ((1, 1, 0), ("BRA", "BRA", "BRA"), "coded by BRA alone"),
    ],
)
def test_a_cell_stays_blank_with_the_reason(codes: tuple[int | None, ...], homes: tuple[str, ...], reason: str) -> None:
    homes = homes or ("",) * len(codes)
    given = [
        code("c", "BRA", f"k{n}", v, of=homes[n], reason="" if v is not None else "landlocked")
        for n, v in enumerate(codes)
    ]
    found = score(given).cells["c", "BRA"]
    assert (found.value, found.reason) == (None, reason)
    assert len(found.codes) == len(codes)  # kept all the same


def test_one_coder_of_another_member_or_of_none_is_enough() -> None:
    assert cell(1, 1, of=("BRA", "IND")) == 1
    assert cell(1, 1, of=("BRA", "")) == 1


def test_means_by_hand() -> None:
    """Commitment c1: BRA 1/2, IND 1; c2: BRA -1, IND blank."""
    codes = [
        code("c1", "BRA", "x", 1), code("c1", "BRA", "y", 0), code("c1", "IND", "x", 1), code("c1", "IND", "y", 1),
        code("c2", "BRA", "x", -1), code("c2", "BRA", "y", -1), code("c2", "IND", "x", 1),
    ]  # fmt: skip
    found = score(codes, issues={"c1": "trade", "c2": "health"})
    assert found.commitments["c1"].value == Fraction(3, 4)
    assert (found.commitments["c2"].value, found.commitments["c2"].n) == (-1, 1)
    assert (found.members["BRA"].value, found.members["BRA"].percent) == (Fraction(-1, 4), Fraction(75, 2))
    assert (found.members["IND"].value, found.members["IND"].n) == (1, 1)
    assert found.bloc.value == Fraction(-1, 8)  # of the two commitments
    assert {k: v.value for k, v in found.issues.items()} == {"health": -1, "trade": Fraction(3, 4)}
    assert [(c.commitment, c.member, c.disagreement) for c in found.disagreements] == [("c1", "BRA", 1)]
    assert [(c.commitment, c.member) for c in found.blanks] == [("c2", "IND")]
    assert found.coders == ("x", "y")
    for order in itertools.islice(itertools.permutations(codes), 50):
        assert score(order).as_dict() == score(codes).as_dict()
    canonical.dumps(found.as_dict())  # no floats
    assert json.loads(json.dumps(found.as_dict()))["members"]["BRA"] == {"mean": "-1/4", "n": 2}


def test_what_was_to_be_coded_and_was_not_is_blank() -> None:
    found = score([], commitments=["c1"], members=["BRA", "IND"])
    assert [c.reason for c in found.cells.values()] == ["not coded", "not coded"]
    assert found.bloc.value is found.bloc.percent is None
    assert str(found.alpha) == "alpha not defined: no cell has two codes"
    assert score([]).cells == {}


def test_a_coder_who_codes_a_cell_twice_is_refused() -> None:
    with pytest.raises(RuleError, match="c, BRA: x coded it twice"):
        score([code("c", "BRA", "x", 1), code("c", "BRA", "y", 1), code("c", "BRA", "x", 1)])


@pytest.mark.parametrize(
    ("bad", "kind", "said"),
    [
        (Code("c", "BRA", "x", 2, sources=SOURCE), InputError, "2 is not a code"),
        (Code("c", "BRA", "x", True, sources=SOURCE), InputError, "True is not a code"),
        (Code("c", "BRA", "x", 1.0, sources=SOURCE), InputError, "1.0 is not a code"),  # type: ignore[arg-type]
        (Code("c", "BRA", "x", float("nan"), sources=SOURCE), InputError, "nan is not a code"),  # type: ignore[arg-type]
        (Code("c", "BRA", "x", None), RuleError, "a blank needs a reason"),
        (Code("c", "BRA", "x", None, reason="  "), RuleError, "a blank needs a reason"),
        (Code("c", "BRA", "x", 1), RuleError, "a code needs its sources"),
        (Code("c", "BRA", "x", 1, sources=("A" * 64,)), InputError, "is not a SHA-256"),
        (Code("c", "BRA", "x", 1, sources=("abc",)), InputError, "is not a SHA-256"),
        (Code("", "BRA", "x", 1, sources=SOURCE), InputError, "a code without commitment"),
        (Code("c", "", "x", 1, sources=SOURCE), InputError, "a code without member"),
        (Code("c", "BRA", "", 1, sources=SOURCE), InputError, "a code without coder"),
    ],
)
def test_codes_that_are_refused(bad: Code, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        check_code(bad)
    with pytest.raises(kind, match=said):
        score([bad])


def test_codes_on_what_is_not_to_be_coded_are_refused() -> None:
    with pytest.raises(InputError, match=r'"c9" is not a commitment to be coded\. Coded are: c1'):
        score([code("c9", "BRA", "x", 1)], commitments=["c1"])
    with pytest.raises(InputError, match='"USA" is not a member to be coded'):
        score([code("c1", "USA", "x", 1)], members=["BRA"])


# --- Agreement ---


def test_no_variation_is_not_defined_and_not_one() -> None:
    found = alpha([(1, 1), (1, 1, 1)])
    assert (found.value, found.label) == (None, "not defined")
    assert found.reason == "all codes are alike"
    assert float(found) != float(found)
    assert alpha([(1,), (0,), ()]).reason == "no cell has two codes"
    assert alpha([]).cells == 0


@pytest.mark.parametrize(
    ("cells", "value", "label"),
    [
        ([(0, 0), (1, 1), (-1, -1)], 1, ""),
        ([(1, 0), (0, 1)], Fraction(-1, 2), "unreliable"),  # o01 = 2, n = 4: 1 - 3 * 2 d2 / (2 * 2 d2)
        ([(1, 1), (1, 1), (0, 0), (0, 1)], Fraction(8, 15), "tentative"),  # o01 = 1, n = 8, n0 = 3: 1 - 7 / 15
    ],
)
def test_alpha_by_hand_with_its_word(cells: list[tuple[int, ...]], value: Fraction, label: str) -> None:
    found = alpha(cells)
    assert (found.value, found.label) == (value, label)
    assert found.label in str(found)


def test_alpha_of_scores_is_that_of_their_cells() -> None:
    codes = [
        code(f"c{n}", "BRA", coder, value)
        for n, pair in enumerate([(1, 1), (1, 1), (0, 0), (0, 1)])
        for coder, value in zip("xy", pair, strict=True)
    ]
    assert score(codes).alpha.value == Fraction(8, 15)


@pytest.mark.parametrize("bad", ["1", True, float("nan"), [1]])
def test_what_is_no_code_has_no_alpha(bad: object) -> None:
    with pytest.raises(InputError, match="is not a code"):
        alpha([(1, bad)])  # type: ignore[list-item]
    with pytest.raises(InputError, match="Metrics: ordinal, nominal, interval"):
        alpha([(1, 1)], metric="ratio")


# --- Steps ---


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "no evidence"), (-1, "not started"), (0, "not started"), (Fraction(5, 100), "not started"),
        (Fraction(51, 1000), "limited"), (0.49, "limited"), (Fraction(1, 2), "substantial"), (0.999, "substantial"),
        (1, "complete"), (1.0, "complete"),
    ],
)  # fmt: skip
def test_the_step_of_an_evidence(value: Fraction | float | None, name: str) -> None:
    assert step(value) == name


def test_a_step_of_nan_is_refused() -> None:
    with pytest.raises(InputError, match="Missing evidence is None"):
        step(float("nan"))


def chosen(*steps: str, of: tuple[str, ...] = ()) -> tuple[str, str]:
    homes = of or ("",) * len(steps)
    return chosen_step(
        StepCode("c", "BRA", f"k{n}", s, homes[n], () if s == "no evidence" else SOURCE) for n, s in enumerate(steps)
    )


def test_coders_choose_the_step_of_what_has_no_indicator() -> None:
    assert chosen("limited", "complete", "substantial") == ("substantial", "")
    assert chosen("limited", "complete") == ("limited", "")  # nobody is promoted by a tie
    assert chosen("limited", "limited", "no evidence") == ("limited", "")
    assert chosen("limited", "no evidence") == ("no evidence", "1 of at least 2 coders chose a step")
    assert chosen() == ("no evidence", "0 of at least 2 coders chose a step")
    assert chosen("complete", "complete", of=("BRA", "BRA")) == ("no evidence", "coded by BRA alone")
    assert chosen("complete", "complete", of=("BRA", "IND")) == ("complete", "")
    assert len(STEPS) == 5


def test_step_codes_that_are_refused() -> None:
    with pytest.raises(InputError, match='Did you mean "limited"'):
        chosen("limitd")
    with pytest.raises(RuleError, match="a code needs its sources"):
        chosen_step([StepCode("c", "BRA", "x", "limited")])
    with pytest.raises(RuleError, match="coded it twice"):
        chosen_step([StepCode("c", "BRA", "x", "limited", sources=SOURCE)] * 2)
    with pytest.raises(InputError, match="codes of several cells"):
        chosen_step([StepCode("c", "BRA", "x", "limited", sources=SOURCE), StepCode("d", "BRA", "y", "limited")])


def test_coverage_in_words() -> None:
    assert coverage(15, 104) == "assessed 15 of 104"
    assert coverage(0, 0) == "assessed 0 of 0"
    with pytest.raises(InputError, match="105 of 104"):
        coverage(105, 104)
