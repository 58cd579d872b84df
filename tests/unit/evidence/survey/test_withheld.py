"""Small cells stay at the node, and so do those that would give them away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence._survey_withhold import COMPLEMENTARY, SMALL, Line, Part, divides, withheld
from concordat.evidence.survey import Survey

People = list[dict[str, Any]]
Make = Callable[..., Survey]
SEX = {"column": "sex", "values": {"1": "M", "2": "F"}}
LOC = {"column": "loc", "values": {"c": "city", "t": "town", "r": "rural"}}


def _hidden(found: Survey) -> dict[str, str]:
    return {rate.breakdown: rate.withheld for rate in found.rates if rate.withheld}


def test_a_small_cell_takes_the_next_smallest_with_it(survey: Make, crowd: Callable[..., People]) -> None:
    people = crowd(60, 40, loc="c") + crowd(30, 20, loc="t") + crowd(20, 9, loc="r")
    found = survey(people, domains={"loc": LOC})
    assert _hidden(found) == {"loc=rural": SMALL, "loc=town": COMPLEMENTARY}
    for rate in found.rates:
        if rate.withheld:
            numbers = (rate.n, rate.n_eff, rate.design_effect, rate.value, rate.lower, rate.upper, rate.wald)
            assert set(numbers) == {None}
    assert found.gaps == ()  # one cell is left: nothing to set it against


def test_the_smallest_cell_shown_has_min_cell_people(survey: Make, crowd: Callable[..., People]) -> None:
    people = crowd(60, 40, sex=1) + crowd(20, 10, sex=2)
    assert _hidden(survey(people, domains={"sex": SEX})) == {}
    assert set(_hidden(survey(people, domains={"sex": SEX}, min_cell=31))) == {"sex=F", "sex=M"}


def test_unequal_weights_can_make_a_large_cell_too_small(survey: Make, crowd: Callable[..., People]) -> None:
    people = crowd(600, 600, sex=1) + crowd(30, 30, sex=2) + crowd(2, 2, sex=2, weight=200)
    found = survey(people, domains={"sex": SEX})  # 64 women, as sure as 860^2 / (60 + 4 * 200^2) = 4.6
    assert set(_hidden(found)) == {"sex=M", "sex=F"}


def test_a_domain_inside_one_unit_is_withheld(survey: Make, crowd: Callable[..., People]) -> None:
    people = [p | {"village": v} for v in range(12) for p in crowd(5, 5, sex=1)]
    people += [p | {"village": 0} for p in crowd(30, 30, sex=2)]
    assert "sex=F" in _hidden(survey(people, psu="village", domains={"sex": SEX}))


def test_no_withheld_cell_of_a_cross_stands_alone_in_its_row_or_column(
    survey: Make, crowd: Callable[..., People]
) -> None:
    sizes = {(1, "c"): 80, (1, "t"): 60, (1, "r"): 50, (2, "c"): 70, (2, "t"): 55, (2, "r"): 9}
    people = [p for (sex, loc), n in sizes.items() for p in crowd(n // 2, n - n // 2, sex=sex, loc=loc)]
    found = survey(people, domains={"sex": SEX, "loc": LOC}, margins=["sex", "loc", "sex*loc"])
    assert _hidden(found) == {
        "loc=rural;sex=F": SMALL,
        "loc=rural;sex=M": COMPLEMENTARY,
        "loc=town;sex=F": COMPLEMENTARY,
        "loc=town;sex=M": COMPLEMENTARY,
    }


def test_a_domain_nested_in_another_is_guarded_against_it(survey: Make, crowd: Callable[..., People]) -> None:
    """Districts a, b make up the north, c, d the south: a withheld c can be found from the south and d."""
    sizes = {"a": 50, "b": 60, "c": 12, "d": 70}
    people = [
        p | {"district": d, "region": "n" if d in "ab" else "s"}
        for d, n in sizes.items()
        for p in crowd(n // 2, n // 2)
    ]
    region = {"column": "region", "values": {"n": "north", "s": "south"}}
    district = {"column": "district", "values": {d: d for d in "abcd"}}
    both = survey(people, domains={"region": region, "district": district})
    assert _hidden(both) == {"district=c": SMALL, "district=d": COMPLEMENTARY}
    alone = survey(people, domains={"district": district})
    assert _hidden(alone) == {"district=c": SMALL, "district=a": COMPLEMENTARY}


def test_people_of_unknown_domain_are_a_part_that_could_be_found(survey: Make, crowd: Callable[..., People]) -> None:
    people = crowd(60, 40, sex=1) + crowd(50, 40, sex=2) + crowd(3, 2, sex="")
    assert set(_hidden(survey(people, domains={"sex": SEX}))) == {"sex=F"}
    many = crowd(60, 40, sex=1) + crowd(50, 40, sex=2) + crowd(40, 40, sex="")
    assert _hidden(survey(many, domains={"sex": SEX})) == {}


def test_when_everybody_is_few_nothing_is_shown(survey: Make, crowd: Callable[..., People]) -> None:
    found = survey(crowd(5, 5, sex=1) + crowd(5, 5, sex=2), domains={"sex": SEX})
    assert set(_hidden(found)) == {"", "sex=M", "sex=F"}


def test_what_a_program_is_given_holds_nothing_withheld(survey: Make, crowd: Callable[..., People]) -> None:
    found = survey(crowd(60, 40, sex=1) + crowd(7, 4, sex=2), domains={"sex": SEX}).as_dict()
    for rate in found["rates"]:
        if rate["withheld"]:
            said = {key for key, value in rate.items() if value is not None}
            assert said == {"item", "indicator_id", "margin", "breakdown", "label", "withheld"}


@pytest.mark.parametrize(
    ("fine", "coarse", "wanted"),
    [
        ([0, 0, 1, 2], [0, 0, 0, 1], {0: (0, 1), 1: (2,)}),
        ([0, 0, 1], [0, 1, 1], None),
        ([0, -1, 1], [0, 1, 0], {0: (0, 1)}),
        ([-1, -1], [0, 0], None),
    ],
)
def test_which_margins_divide_another(fine: list[int], coarse: list[int], wanted: Any) -> None:
    assert divides(np.array(fine), np.array(coarse)) == wanted


SIZES = st.lists(st.integers(1, 60), min_size=2, max_size=9)


@settings(max_examples=150, deadline=None)
@given(sizes=SIZES, least=st.integers(10, 40))
def test_what_is_withheld_of_a_total_is_nobody_or_a_group(sizes: list[int], least: int) -> None:
    parts = {(0, i): Part(n, n >= least) for i, n in enumerate(sizes)}
    hidden = withheld(parts, [Line(tuple(parts))], least)
    people = sum(parts[key].n for key in hidden)
    assert all(key in hidden for key, part in parts.items() if not part.safe)
    assert not hidden or hidden.keys() == parts.keys() or (len(hidden) >= 2 and people >= least)
    largest = max(parts, key=lambda key: (parts[key].n, key))
    assert hidden.get(largest) != COMPLEMENTARY or len(hidden) == len(parts) or len(parts) == 2
